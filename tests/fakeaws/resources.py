"""What the fake knows of resource types: identifiers, attributes, what a change replaces, what refuses deletion.

Replacement is judged by `createOnlyProperties` of the CloudFormation registry schemas that cfn-lint ships as data
("Resource type schema", CloudFormation CLI User Guide).
"""

from __future__ import annotations

import functools
import json
import random
import string
from collections.abc import Callable, Collection, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fakeaws.model import Resource, Stack
from fakeaws.protocol import validation_error
from fakeaws.templates import NESTED

# Types whose Ref (and physical id) is an ARN or URL of this form; {name} is the generated or the given name.
_IDENTIFIERS = {
    "AWS::CloudFormation::WaitConditionHandle": "https://cloudformation-waitcondition-{region}.s3.amazonaws.com/{name}",
    "AWS::CertificateManager::Certificate": "arn:{partition}:acm:{region}:{account}:certificate/{uuid}",
    "AWS::ECS::Service": "arn:{partition}:ecs:{region}:{account}:service/{cluster}/{name}",
    "AWS::ECS::TaskDefinition": "arn:{partition}:ecs:{region}:{account}:task-definition/{name}:1",
    "AWS::ElasticLoadBalancingV2::Listener": (
        "arn:{partition}:elasticloadbalancing:{region}:{account}:listener/app/{name}/{hex}/{hex}"
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        "arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{hex}"
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (
        "arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{hex}"
    ),
    "AWS::KMS::Key": "{uuid}",
    "AWS::SNS::Topic": "arn:{partition}:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "https://sqs.{region}.amazonaws.com/{account}/{name}",
    "AWS::SecretsManager::Secret": "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-{hex}",
}
_EC2_PREFIXES = {
    "AWS::EC2::EIP": "eipalloc",
    "AWS::EC2::FlowLog": "fl",
    "AWS::EC2::Instance": "i",
    "AWS::EC2::InternetGateway": "igw",
    "AWS::EC2::NatGateway": "nat",
    "AWS::EC2::RouteTable": "rtb",
    "AWS::EC2::SecurityGroup": "sg",
    "AWS::EC2::SecurityGroupIngress": "sgr",
    "AWS::EC2::SecurityGroupEgress": "sgr",
    "AWS::EC2::Subnet": "subnet",
    "AWS::EC2::VPC": "vpc",
    "AWS::EC2::VPCEndpoint": "vpce",
}
# A property that is the resource's name: two resources of one type cannot both have it.
_NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::RDS::DBCluster": "DBClusterIdentifier",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
    "AWS::SecretsManager::Secret": "Name",
}
_NAMED_BY: dict[tuple[str, str], Callable[[str], str]] = {
    ("AWS::ECS::Service", "Name"): lambda arn: arn.rpartition("/")[2],
    ("AWS::SQS::Queue", "QueueName"): lambda url: url.rpartition("/")[2],
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerFullName"): lambda arn: arn.partition("loadbalancer/")[
        2
    ],
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "TargetGroupFullName"): lambda arn: arn.rpartition(":")[2],
}
"""Attributes that are a part of the physical id (CloudFormation Template Reference, return values, read 2026-11-29)."""
ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
_WITHOUT_SCHEMA = ("Custom::", "AWS::CloudFormation::")


@functools.cache
def schema(resource_type: str) -> dict[str, Any] | None:
    """The registry schema of a type, or None when there is no such type."""
    digest = _schema_digests().get(resource_type)
    if digest is None:
        return None
    loaded: dict[str, Any] = json.loads((_schemas() / "resources" / f"{digest}.json").read_text())
    return loaded


@functools.cache
def _schema_digests() -> dict[str, str]:
    digests: dict[str, str] = json.loads((_schemas() / "providers" / "us-east-1.json").read_text())
    return digests


def _schemas() -> Path:
    """Where cfn-lint keeps the schemas; it is not imported for them, which would take longer than a test."""
    spec = find_spec("cfnlint")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data" / "schemas"


def refuse_unknown(types: Iterable[str], registered: Collection[str]) -> None:
    """CreateChangeSet refuses types that are in no registry; `registered` are in that of the account."""
    known = {*_schema_digests(), *registered}
    unknown = sorted({t for t in types if t not in known and not t.startswith(_WITHOUT_SCHEMA)})
    if unknown:
        raise validation_error(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")


def recreation(resource_type: str, changed: str) -> str:
    """Whether a change of a top-level property needs a new resource: Never, Conditionally or Always."""
    if resource_type == NESTED:
        return "Never"
    found = schema(resource_type) or {}
    if f"/properties/{changed}" in found.get("createOnlyProperties", []):
        return "Always"
    if any(path.startswith(f"/properties/{changed}/") for path in found.get("createOnlyProperties", [])):
        return "Conditionally"
    if f"/properties/{changed}" in found.get("conditionalCreateOnlyProperties", []):
        return "Conditionally"
    return "Never"


def taggable(resource_type: str) -> bool:
    """Whether stack tags reach resources of this type."""
    found = schema(resource_type)
    return bool(found and found.get("tagging", {}).get("taggable", "Tags" in found.get("properties", {})))


def explicit_name(resource_type: str, properties: dict[str, Any]) -> str | None:
    """The name that the template gives the resource, if it does."""
    value = properties.get(_NAMES.get(resource_type, ""))
    return str(value) if value else None


def physical_id(stack: Stack, logical_id: str, kind: str, properties: dict[str, Any], chance: random.Random) -> str:
    """A new physical id, in the form that the type has on AWS where a template can tell the difference."""
    suffix = "".join(chance.choices(string.ascii_uppercase + string.digits, k=12))
    name = explicit_name(kind, properties) or f"{stack.name[:24]}-{logical_id[:24]}-{suffix}"
    if kind == "AWS::S3::Bucket":
        name = name.lower()
    if kind == "AWS::IAM::OIDCProvider":  # Ref is its ARN, which ends in the URL (Template Reference, read 2026-11-29)
        return f"arn:aws:iam::{stack.account}:oidc-provider/{str(properties.get('Url', '')).removeprefix('https://')}"
    if kind == "AWS::Lambda::Version":  # the same
        return f"arn:aws:lambda:{stack.region}:{stack.account}:function:{properties.get('FunctionName', '')}:1"
    if kind == "AWS::IAM::ManagedPolicy":  # the same
        return f"arn:aws:iam::{stack.account}:policy{properties.get('Path', '/')}{name}"
    number = f"{chance.getrandbits(68):017x}"
    if kind in _EC2_PREFIXES:
        return f"{_EC2_PREFIXES[kind]}-{number}"
    form = _IDENTIFIERS.get(kind, "{name}")
    return form.format(
        partition="aws",
        region=stack.region,
        account=stack.account,
        name=name,
        cluster=str(properties.get("Cluster", "default")).rsplit("/", 1)[-1],
        hex=number[:16],
        uuid=f"{number[:8]}-{number[8:12]}-4000-8000-{suffix[:12].lower()}",
    )


def dns_records(resource: Resource) -> list[str]:
    """What the events of a certificate say that ACM waits for, one for each domain that it is for (Template Reference,
    AWS::CertificateManager::Certificate: "the CNAME record is in the stack's events", read 2026-11-29; words as in
    public reports).
    """
    if resource.type != "AWS::CertificateManager::Certificate":
        return []
    names = [resource.properties.get("DomainName", ""), *resource.properties.get("SubjectAlternativeNames", ())]
    plain = dict.fromkeys(str(name).removeprefix("*.") for name in names)
    record = "Content of DNS Record is: {{Name: _x1.{name}.,Type: CNAME,Value: _x2.acm-validations.aws.}}"
    return [record.format(name=name) for name in plain]


def attribute(stack: Stack, resource: Resource, name: str) -> Any:
    """What Fn::GetAtt gives: the property of that name if it was set, else a value of a likely form."""
    if name in resource.properties:
        return resource.properties[name]
    value: Any = resource.properties
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is not None:
        return value
    short = resource.physical_id.rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    if (resource.type, name) in _NAMED_BY:
        return _NAMED_BY[resource.type, name](resource.physical_id)
    if name == "Arn" or name.endswith("Arn"):
        if resource.physical_id.startswith("arn:"):
            return resource.physical_id
        service = resource.type.split("::")[1].lower()
        if resource.type == "AWS::IAM::Role":  # IAM is global, and a role's path is in its ARN (IAM User Guide)
            return f"arn:aws:iam::{stack.account}:role{resource.properties.get('Path', '/')}{short}"
        short = f"alarm:{short}" if resource.type in ALARMS else short
        short = f"function:{short}" if resource.type == "AWS::Lambda::Function" else short
        return f"arn:aws:{service}:{stack.region}:{stack.account}:{short}"
    if name.endswith("Port"):
        return "5432"
    return f"{short}.{name.lower()}.{stack.region}.example"


def refuses_deletion(resource: Resource) -> str | None:
    """Why AWS would not delete this resource: its own deletion protection is on.

    The words: aws-nuke (`resources/rds-instances.go`, `resources/dynamodb-tables.go`), which waits for them.
    """
    properties = resource.properties
    if resource.protected is False:
        return None
    if resource.type in ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance") and _true(properties.get("DeletionProtection")):
        kind = "Cluster" if resource.type.endswith("Cluster") else "DB Instance"
        return f"Cannot delete protected {kind}, please disable deletion protection and try again."
    if resource.type == "AWS::DynamoDB::Table" and _true(properties.get("DeletionProtectionEnabled")):
        return (
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    if resource.type == "AWS::ElasticLoadBalancingV2::LoadBalancer":
        for item in properties.get("LoadBalancerAttributes", []):
            if item["Key"] == "deletion_protection.enabled" and _true(item["Value"]):
                return (
                    f"Load balancer '{resource.physical_id}' cannot be deleted because deletion protection is enabled"
                )
    return None


def _true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
