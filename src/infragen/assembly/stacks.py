"""Assembly -> Plan: what is deployed as one stack each, in which order, and with which values.

The two topologies meet here and nowhere else: nested gives one unit, the root with its layers inside; independent gives
one unit for each layer. Pure: values that exist only in AWS appear as `OutputOf` and `Kept` and are resolved by the
engine.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infragen.assembly import limits
from infragen.assembly.code import CODE
from infragen.assembly.synth import TEMPLATES, Assembly, LayerTemplate, RootTemplate, template_key
from infragen.checks.check import Check
from infragen.cloud.template import layer_of_id
from infragen.config import SHARED, Environment, camel
from infragen.errors import InputError
from infragen.gates.data_loss import stack_policy, stateful
from infragen.layers.contract import LaunchParameter
from infragen.resource_types import resource_type

ROOT = "root"
ARTIFACTS = "artifacts"
DELIVERY = "delivery"
BESIDE = (ARTIFACTS, DELIVERY)
"""The stacks that `bootstrap` makes beside those of the layers, with the rights of who runs it."""

ARTIFACTS_TAG = "infragen:artifacts"
"""The tag of stacks whose templates and code lie in a shared bucket, and of the stack of such a bucket."""

RECORDS = "deployments/"
"""Where the artifact bucket keeps what ran with a commit, each environment's below its name."""
ARTIFACT_KINDS = (TEMPLATES, CODE, RECORDS)
"""What the keys of the artifact bucket begin with."""

MAX_BUCKET_NAME = 63


@dataclass(frozen=True)
class OutputOf:
    """A parameter whose value is another layer's output, known once that layer is deployed."""

    layer: str
    name: str


@dataclass(frozen=True)
class Kept:
    """A parameter that keeps the deployed value; the template's default when nothing is deployed."""


Value = str | OutputOf | Kept


@dataclass(frozen=True)
class StackUnit:
    """Everything that one stack is made of. `children` are the nested templates by logical id, empty for a layer."""

    layer: str
    stack: str
    body: Mapping[str, Any]
    text: str
    key: str
    parameters: Mapping[str, Value]
    tags: Mapping[str, str]
    capabilities: tuple[str, ...]
    requires: tuple[str, ...] = ()
    children: Mapping[str, LayerTemplate] = field(default_factory=dict)

    def child_layer(self, parent: str, logical_id: str) -> str:
        """Return the layer of a nested stack: of a layer's stack in the root its layer, of any other its place."""
        if parent == ROOT:
            child = self.children.get(logical_id)
            return child.layer if child else layer_of_id(logical_id)
        return f"{parent}/{logical_id}"

    def bodies(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the unit's own template and those nested in it, with their layers."""
        yield self.layer, self.body
        for child in self.children.values():
            yield child.layer, child.body


@dataclass(frozen=True)
class StackLayout:
    """The units of an environment in deployment order, the templates they need in the bucket, warnings, and the checks
    of its layers.
    """

    environment: Environment
    units: tuple[StackUnit, ...]
    uploads: tuple[tuple[str, bytes], ...]
    warnings: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def bucket(self) -> str:
        """Return the artifact bucket's name."""
        return bucket_name(self.environment)


def account_of(env: Environment) -> str:
    """Return the account that the environment must be deployed to. Raises InputError when the file names none."""
    if env.account is None:
        raise InputError(
            f"the environment {env.environment} names no account",
            'add `account: "123456789012"`: every command that talks to AWS checks it before it writes anything',
        )
    return env.account


def bucket_name(env: Environment) -> str:
    """Return the artifact bucket of an environment, 63 characters at most (S3 User Guide, "Bucket naming rules").

    A longer name is cut and ends in a digest of the whole, because names are global and regions differ at the end.
    """
    name = f"infragen-{env.artifact_owner.name}-{account_of(env)}-{env.region}"
    if len(name) <= MAX_BUCKET_NAME:
        return name
    return f"{name[: MAX_BUCKET_NAME - 9].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def stack_name(env: Environment, layer: str) -> str:
    """Return the name of a layer's own stack, of the root's, or of the artifact bucket's."""
    return env.name if layer == ROOT else f"{env.name}-{layer}"


def role_of(env: Environment, layer: str) -> str:
    """Return the ARN of the role with which CloudFormation works on a stack; empty for the rights of who deploys."""
    return "" if layer in BESIDE else env.iam.service_role_arn or ""


def stack_tags(env: Environment, layer: str) -> dict[str, str]:
    """Return the tags of a stack; CloudFormation passes them on to its resources and nested stacks."""
    own = {
        "Project": env.project,
        "Environment": env.environment,
        "Layer": layer,
        "ManagedBy": "infragen",
        "infragen:project": env.project,
        "infragen:environment": env.environment,
        "infragen:layer": layer,
    }
    if env.artifact_bucket == SHARED:
        own[ARTIFACTS_TAG] = SHARED
    return {**env.tags, **own}


def make_plan(assembly: Assembly, values: Mapping[str, str] | None = None) -> StackLayout:
    """Return the plan of an environment; `values` are launch parameters given for this run (ImageTag, code keys).

    Raises InputError for a template above CloudFormation's quotas and for a value that no layer takes.
    """
    env, values = assembly.environment, values or {}
    takes = {each.name for template in assembly.templates for each in template.parameters}
    for name in values:
        if name not in takes:
            raise InputError(f"{name} was given, and no layer of {env.environment} takes it")
    nested = env.topology == "nested"
    units = (_root_unit(assembly, values),) if nested else tuple(_layer_units(assembly, values))
    uploads = {template_key(env, each.digest): each.text.encode() for each in assembly.templates}
    uploads.update({unit.key: unit.text.encode() for unit in units})
    warnings = (*assembly.check_limits(), *check_requests(env, units))
    checks = tuple(check for each in assembly.templates for check in each.checks)
    return StackLayout(env, units, tuple(uploads.items()), warnings, checks)


def _root_unit(assembly: Assembly, values: Mapping[str, str]) -> StackUnit:
    root = assembly.root()
    parameters = _launch(root.parameters, values)
    if "TemplateBucket" in root.body.get("Parameters", {}):
        parameters["TemplateBucket"] = bucket_name(assembly.environment)
    children = {camel(each.layer): each for each in assembly.templates}
    return _unit(assembly.environment, ROOT, root, parameters, (), children)


def _layer_units(assembly: Assembly, values: Mapping[str, str]) -> Iterator[StackUnit]:
    for template in assembly.templates:
        wiring: dict[str, Value] = {each.name: OutputOf(each.layer, each.name) for each in template.inputs}
        parameters = {**_launch(template.parameters, values), **wiring}
        yield _unit(assembly.environment, template.layer, template, parameters, template.requires, {})


def _unit(
    env: Environment,
    layer: str,
    template: LayerTemplate | RootTemplate,
    parameters: Mapping[str, Value],
    requires: tuple[str, ...],
    children: Mapping[str, LayerTemplate],
) -> StackUnit:
    bodies = [template.body, *(each.body for each in children.values())]
    return StackUnit(
        layer=layer,
        stack=stack_name(env, layer),
        body=template.body,
        text=template.text,
        key=template_key(env, template.digest),
        parameters=parameters,
        tags=stack_tags(env, layer),
        capabilities=capabilities(bodies),
        requires=requires,
        children=children,
    )


def _launch(parameters: Iterable[LaunchParameter], values: Mapping[str, str]) -> dict[str, Value]:
    """Return the values of launch parameters: of this run, the environment file, the deployed stack, or the default."""
    found: dict[str, Value] = {}
    for each in parameters:
        given = values.get(each.name, each.value)
        if given is not None:
            found[each.name] = given
        elif each.keep:
            found[each.name] = Kept()
        elif each.default is None:
            raise InputError(f"the parameter {each.name} has neither a value nor a default")
    return found


def capabilities(bodies: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return what must be acknowledged for these templates, and no more."""
    found = set()
    for body in bodies:
        for each in body.get("Resources", {}).values():
            row = resource_type(each["Type"])
            if row.iam:
                named = row.name_property in each.get("Properties", {})
                found.add("CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM")
        if "Transform" in body or re.search(r"'Fn::Transform'", str(body)):
            found.add("CAPABILITY_AUTO_EXPAND")
    if "CAPABILITY_NAMED_IAM" in found:
        found.discard("CAPABILITY_IAM")
    return tuple(sorted(found))


def check_requests(env: Environment, units: Iterable[StackUnit]) -> tuple[str, ...]:
    """Return warnings near a limit of CloudFormation beside the templates. Raises InputError above one."""
    return limits.check(count for unit in units for count in _counts(env, unit))


def _counts(env: Environment, unit: StackUnit) -> Iterator[limits.Count]:
    yield from limits.of_request(unit.layer, unit.tags, unit.parameters)
    if not unit.key:
        yield from limits.of_template(unit.layer, unit.body, unit.text, inline=True)
    for layer, body in unit.bodies() if env.protected else ():
        yield limits.of_policy(layer, json.dumps(stack_policy(list(stateful(body)))))
