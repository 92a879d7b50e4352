"""The actions that CloudFormation needs for the resources of templates, each with the resource that needs it.

From the handlers' permissions in the resource schemas, and from `ADDITIONS` where these are known to be silent. A type
without a schema is refused: nobody knows what it needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from infragen.assembly.stacks import StackLayout
from infragen.assembly.synth import Assembly
from infragen.changes.replacement import schema_of
from infragen.checks.linked_roles import needed as linked_roles
from infragen.cloud.template import STACK_TYPE
from infragen.errors import InputError
from infragen.permissions.scopes import LOG_DELIVERY

CUSTOM = ("Custom::", "AWS::CloudFormation::CustomResource")
_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+")
NO_ACTIONS = frozenset({"iam:DescribeOrganization"})
"""What handlers list although IAM has no such action (Service Authorization Reference, read 2026-11-29)."""

PREFIXES = {
    "ApplicationAutoScaling": "application-autoscaling",
    "CertificateManager": "acm",
    "ElasticLoadBalancingV2": "elasticloadbalancing",
}
"""Service of a type -> prefix of its actions, where it is not its name in lower case (Service Authorization Reference,
read 2026-11-29). A service that is not here and has no action of its name has the prefix that its handlers use most."""

SHARED = frozenset({"ec2", "iam", "kms", "logs"})
"""Services on whose resources others stand: their actions stay although no resource of the templates is of them."""


@dataclass(frozen=True)
class Addition:
    """Actions that a type needs although its handlers do not list them. `property` limits it to resources with it."""

    type: str
    actions: tuple[str, ...]
    source: str
    property: str = ""


_LINKED = ("iam:CreateServiceLinkedRole",)
ADDITIONS = (
    Addition(
        "AWS::RDS::DBCluster",
        ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"),
        "Amazon Aurora User Guide, \"AWS KMS key management\": who creates an encrypted cluster needs the key",
        "KmsKeyId",
    ),
    Addition(
        "AWS::RDS::DBCluster",
        ("secretsmanager:CreateSecret", "secretsmanager:DescribeSecret", "secretsmanager:RotateSecret",
         "secretsmanager:TagResource"),
        "Amazon Aurora User Guide, \"Password management with Aurora and AWS Secrets Manager\": permissions required",
        "ManageMasterUserPassword",
    ),
    Addition(
        "AWS::SecretsManager::Secret",
        ("kms:Decrypt", "kms:GenerateDataKey"),
        "AWS Secrets Manager User Guide, \"Secret encryption and decryption\": permissions for the KMS key",
        "KmsKeyId",
    ),
    Addition(
        "AWS::ECS::Service", _LINKED, "Amazon ECS Developer Guide, \"Using service-linked roles for Amazon ECS\""
    ),
    Addition(
        "AWS::ElasticLoadBalancingV2::LoadBalancer", _LINKED,
        "Elastic Load Balancing User Guide, \"Elastic Load Balancing service-linked role\"",
    ),
    Addition(
        "AWS::Lambda::Function", ("lambda:GetFunctionConfiguration",),
        "AWS Lambda API Reference, \"Lambda function states\": who creates a function waits for Active",
    ),
    Addition(
        STACK_TYPE,
        ("cloudformation:CreateChangeSet", "cloudformation:CreateStack", "cloudformation:DeleteChangeSet",
         "cloudformation:DeleteStack", "cloudformation:DescribeChangeSet", "cloudformation:DescribeStackEvents",
         "cloudformation:DescribeStacks", "cloudformation:ExecuteChangeSet", "cloudformation:GetTemplate",
         "cloudformation:SetStackPolicy", "cloudformation:TagResource", "cloudformation:UntagResource",
         "cloudformation:UpdateStack"),
        "CloudFormation User Guide, \"Nested stacks\", \"CloudFormation service role\": the role works on nested "
        "stacks and their change sets, too",
    ),
)  # fmt: skip
"""What the schemas of cfn-lint 1.x leave out. Read 2026-11-29."""

ZONES = ("ec2:DescribeAccountAttributes", "ec2:DescribeAvailabilityZones", "ec2:DescribeSubnets")
"""What Fn::GetAZs needs (CloudFormation Template Reference, "Fn::GetAZs", read 2026-11-29)."""
INVOKE = ("lambda:InvokeFunction",)
"""What a custom resource needs: its function (CloudFormation User Guide, "Custom resources", read 2026-11-29)."""
PARAMETERS = ("ssm:GetParameter", "ssm:GetParameters")
"""What a parameter of type AWS::SSM::Parameter::Value and {{resolve:ssm}} need (CloudFormation User Guide, "Parameter
store parameter types", read 2026-11-29)."""
SECRETS = ("secretsmanager:GetSecretValue",)
"""What {{resolve:secretsmanager}} needs (CloudFormation User Guide, "Secrets Manager secret reference", read
2026-11-29)."""
TEMPLATES = ("s3:GetObject",)
"""What CloudFormation needs to read nested templates and worker code from the artifact bucket (User Guide,
"CloudFormation service role", read 2026-11-29)."""


@dataclass(frozen=True)
class Resource:
    """One resource of a template: `place` is LAYER/ID."""

    place: str
    type: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Needed:
    """An action that CloudFormation needs, and the first resource that needs it."""

    action: str
    place: str


class UnknownType(InputError):
    """A type of which nobody knows what CloudFormation needs for it."""


@dataclass(frozen=True)
class Templates:
    """The templates of an environment, of the layers and of the root in nested topology, by layer; and their region."""

    bodies: tuple[tuple[str, Mapping[str, Any]], ...]
    region: str

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """Return the resources of all templates."""
        return tuple(
            Resource(f"{layer}/{name}", each["Type"], each.get("Properties") or {})
            for layer, body in self.bodies
            for name, each in body.get("Resources", {}).items()
        )


def of_assembly(assembly: Assembly) -> Templates:
    """Return the templates of an assembly."""
    root = (("root", assembly.root().body),) if assembly.environment.topology == "nested" else ()
    return Templates((*((each.layer, each.body) for each in assembly.templates), *root), assembly.environment.region)


def of_layout(layout: StackLayout) -> Templates:
    """Return the templates of the stacks that are deployed."""
    bodies = tuple(each for unit in layout.units for each in unit.bodies())
    return Templates(bodies, layout.environment.region)


def service_of(type_name: str, region: str) -> str:
    """Return the prefix of a type's own actions; empty for a custom resource."""
    if type_name.startswith(CUSTOM):
        return ""
    service = type_name.split("::")[1]
    if service in PREFIXES:
        return PREFIXES[service]
    prefixes = [each.partition(":")[0] for each in handlers(type_name, region)]
    own = service.lower()
    return own if own in prefixes or not prefixes else max(sorted(set(prefixes)), key=prefixes.count)


def handlers(type_name: str, region: str) -> tuple[str, ...]:
    """Return the permissions of a type's handlers, without what is no IAM action; none for a type without a schema."""
    schema = schema_of(type_name, region)
    found = (schema.body.get("handlers") or {}).values() if schema is not None else ()
    actions = {each for handler in found for each in handler.get("permissions") or ()}
    return tuple(sorted(each for each in actions if _ACTION.fullmatch(each) and each not in NO_ACTIONS))


def needed(templates: Templates, *, unknown_allowed: bool = False) -> tuple[Needed, ...]:
    """Return every action that CloudFormation needs for the templates, sorted, each with one resource.

    An action of a service of which the templates have no resource comes from a feature that nobody uses, and is left
    out, but for `SHARED`. Raises UnknownType for types without handlers, unless these are allowed.
    """
    region, all_resources = templates.region, templates.resources
    unknown = [each for each in all_resources if not _known(each.type, region)]
    if unknown and not unknown_allowed:
        first = unknown[0]
        raise UnknownType(
            f"{first.place} is of the type {first.type}, whose schema does not say what CloudFormation needs for it"
            + (f" ({len(unknown) - 1} more like it)" if len(unknown) > 1 else ""),
            "`infragen bootstrap --permissions broad` gives CloudFormation's role all services but IAM",
        )
    services = {service_of(each.type, region) for each in all_resources} | SHARED
    found: dict[str, str] = {}
    for each in all_resources:
        for action in handlers(each.type, region):
            if action.partition(":")[0] in services:
                found.setdefault(action, each.place)
        for action in _added(each):
            found.setdefault(action, each.place)
    for layer, body in templates.bodies:
        for action in _by_functions(body):
            found.setdefault(action, layer)
    for action, place in ((TEMPLATES[0], "the artifact bucket"), (_LINKED[0], "the first resource of a service")):
        found.setdefault(action, place)
    return tuple(Needed(action, place) for action, place in sorted(found.items()))


def _known(type_name: str, region: str) -> bool:
    return type_name.startswith(CUSTOM) or bool(handlers(type_name, region)) or type_name == STACK_TYPE


def _added(resource: Resource) -> Iterator[str]:
    if resource.type.startswith(CUSTOM):
        yield from INVOKE
    for each in ADDITIONS:
        if each.type == resource.type and (not each.property or each.property in resource.properties):
            yield from each.actions


def _by_functions(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the functions, references and parameters of a template need, whatever resource holds them."""
    text = str(body)
    if "'Fn::GetAZs'" in text:
        yield from ZONES
    typed = (str(each.get("Type", "")) for each in body.get("Parameters", {}).values())
    if "{{resolve:ssm" in text or any(each.startswith("AWS::SSM::") for each in typed):
        yield from PARAMETERS
    if "{{resolve:secretsmanager" in text:
        yield from SECRETS


def hosted_zones(templates: Templates) -> tuple[str, ...] | None:
    """Return the ids of the hosted zones whose records the templates change; None when one is not literal."""
    found = list(_under([each.properties for each in templates.resources], "HostedZoneId"))
    return tuple(sorted(set(found))) if all(isinstance(each, str) for each in found) else None


def passed_to(templates: Templates) -> tuple[str, ...]:
    """Return the services that the rendered roles trust, which is where CloudFormation passes them."""
    trusts = [each.properties.get("AssumeRolePolicyDocument") for each in templates.resources]
    services = [each for value in _under(trusts, "Service") for each in (value if isinstance(value, list) else [value])]
    return tuple(sorted({each for each in services if isinstance(each, str)}))


def linked_services(templates: Templates) -> tuple[str, ...]:
    """Return the services whose linked roles the resources may need: those of `checks.linked_roles`, and each service
    of which there is a resource, because few schemas say whether it creates one.
    """
    region, types = templates.region, {each.type for each in templates.resources}
    own = {f"{service_of(each, region)}.amazonaws.com" for each in types if service_of(each, region)}
    return tuple(sorted({LOG_DELIVERY, *own, *(each.service for each in linked_roles(types))}))


def _under(value: Any, key: str) -> Iterator[Any]:
    """Yield the values under a name, at any depth; an alias's target is no resource of ours."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name == key:
                yield inner
            elif name != "AliasTarget":
                yield from _under(inner, key)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _under(inner, key)
