"""Templates: reading them, what CreateChangeSet refuses in them, and the values of their intrinsic functions.

Sources: "CloudFormation template sections", "Intrinsic function reference", "Understand CloudFormation quotas",
"Acknowledging IAM resources in CloudFormation templates" (AWS CloudFormation User Guide).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from fakeaws.protocol import ApiError, validation_error

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""What a change set shows for a value that exists only after the execution."""
NO_VALUE = object()
UNKNOWN_LIST = (
    "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings "
    "to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
)

MAX_BODY_BYTES = 51_200
MAX_OBJECT_BYTES = 1_048_576
MAX_VALUE_BYTES = 4_096
MAX_DESCRIPTION_BYTES = 1_024
LIMITS = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
SECTIONS = {
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
}
NESTED = "AWS::CloudFormation::Stack"
# "Acknowledging IAM resources in CloudFormation templates", with the property that makes the resource a named one
IAM_NAMES = {
    "AWS::IAM::AccessKey": "",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": "",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::UserToGroupAddition": "",
}
SUB = re.compile(r"\$\{(!?)([^}]*)\}")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C loader where there is one
    """YAML with CloudFormation's short forms; dates stay text."""


def _short_form(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


def parse(text: str) -> dict[str, Any]:
    """A template's text, YAML or JSON, as long-form values; a ValidationError names what is wrong with it."""
    body = fragment_of(text)
    unknown = set(body) - SECTIONS
    if unknown:
        raise validation_error(f"Invalid template property or properties [{', '.join(sorted(unknown))}]")
    return body


def fragment_of(text: str) -> dict[str, Any]:
    """A part of a template, YAML or JSON, as long-form values."""
    try:
        body = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, Loader=_Loader)  # noqa: S506  # our loader is a safe one
    except (ValueError, yaml.YAMLError) as error:
        raise validation_error(f"Template format error: unsupported structure. {error}") from None
    if not isinstance(body, dict):
        raise validation_error("Template format error: unsupported structure.")
    return body


def validate(body: Mapping[str, Any]) -> None:
    """Refuse what CreateChangeSet refuses before it computes anything: limits, missing types, dangling references."""
    resources = body.get("Resources") or {}
    if not resources:
        raise validation_error("Template format error: At least one Resources member must be defined.")
    if len(str(body.get("Description", "")).encode()) > MAX_DESCRIPTION_BYTES:
        raise validation_error("Template format error: 'Description' length is greater than 1024.")
    for section, limit in LIMITS.items():
        count = len(body.get(section) or {})
        if count > limit:
            raise validation_error(
                f"Template format error: Number of {section.lower()}, {count}, is greater than maximum allowed, {limit}"
            )
    for name, resource in resources.items():
        if not isinstance(resource, dict) or "Type" not in resource:
            raise validation_error(f"Template format error: [/Resources/{name}] Every Resources object must have Type")
    _refuse_dangling(body, resources)


def _refuse_dangling(body: Mapping[str, Any], resources: Mapping[str, Any]) -> None:
    known = set(resources) | set(body.get("Parameters") or {})
    for section in ("Resources", "Outputs"):
        dangling = sorted({name for name in references(body.get(section) or {}) if name not in known})
        if dangling:
            where = "" if section == "Resources" else f" in the {section} block"
            raise validation_error(
                f"Template format error: Unresolved resource dependencies [{', '.join(dangling)}]"
                f"{where or ' in the Resources block'} of the template"
            )
    for name, resource in resources.items():
        missing = [needed for needed in depends_on(resource) if needed not in resources]
        if missing:
            raise validation_error(
                "Template format error: Unresolved resource dependencies "
                f"[{', '.join(missing)}] in the Resources block of the template ({name})"
            )


def required_capabilities(body: Mapping[str, Any]) -> list[str]:
    """The acknowledgements that the template needs: for IAM resources, for named ones, for macros."""
    needed = []
    iam = [r for r in (body.get("Resources") or {}).values() if r["Type"] in IAM_NAMES]
    if any(IAM_NAMES[r["Type"]] in (r.get("Properties") or {}) for r in iam):
        needed.append("CAPABILITY_NAMED_IAM")
    elif iam:
        needed.append("CAPABILITY_IAM")
    if body.get("Transform"):
        needed.append("CAPABILITY_AUTO_EXPAND")
    return needed


def check_capabilities(body: Mapping[str, Any], given: list[str]) -> None:
    """Raise InsufficientCapabilitiesException unless the caller acknowledged what the template needs."""
    for capability in required_capabilities(body):
        enough = {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} if capability == "CAPABILITY_IAM" else {capability}
        if not enough & set(given):
            raise ApiError("InsufficientCapabilitiesException", f"Requires capabilities : [{capability}]")


def depends_on(resource: Mapping[str, Any]) -> list[str]:
    """The explicit dependencies of a resource."""
    value = resource.get("DependsOn") or []
    return [value] if isinstance(value, str) else list(value)


def references(node: Any) -> Iterator[str]:
    """The names that Ref, Fn::GetAtt and Fn::Sub under a node refer to; pseudo parameters left out."""
    return (name for name, _ in mentions(node))


def mentions(node: Any) -> Iterator[tuple[str, str]]:
    """What Ref, Fn::GetAtt and Fn::Sub under a node refer to: names, with the attribute or "" for a reference."""
    if isinstance(node, list):
        for item in node:
            yield from mentions(item)
        return
    if not isinstance(node, dict):
        return
    if len(node) == 1:
        function, argument = next(iter(node.items()))
        if function == "Ref":
            if not str(argument).startswith("AWS::"):
                yield str(argument), ""
            return
        if function == "Fn::GetAtt":
            name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
            yield str(name), attribute if isinstance(attribute, str) else ""
            return
        if function == "Fn::Sub":
            yield from _sub_mentions(argument)
            return
    for value in node.values():
        yield from mentions(value)


def _sub_mentions(argument: Any) -> Iterator[tuple[str, str]]:
    text, variables = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
    yield from mentions(variables)
    for literal, name in SUB.findall(text):
        if not literal and not name.startswith("AWS::") and name not in variables:
            entity, _, attribute = name.partition(".")
            yield entity, attribute


@dataclass(frozen=True)
class Scope:
    """What intrinsic functions are evaluated against: parameters, conditions, and the resources' present values."""

    body: Mapping[str, Any]
    parameters: Mapping[str, Any]
    pseudo: Mapping[str, str]
    ref: Callable[[str], Any]
    attribute: Callable[[str, str], Any]
    imports: Callable[[str], Any]
    conditions: dict[str, bool] = field(default_factory=dict)
    warn: Callable[[str], object] = lambda _: None
    """Is told what cannot be computed before the execution."""

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        if name not in self.conditions:
            definitions = self.body.get("Conditions") or {}
            if name not in definitions:
                raise validation_error(f"Template error: unresolved condition dependency {name}")
            self.conditions[name] = bool(self.evaluate(definitions[name]))
        return self.conditions[name]

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources whose condition holds."""
        return {
            name: resource
            for name, resource in (self.body.get("Resources") or {}).items()
            if "Condition" not in resource or self.condition(resource["Condition"])
        }

    def evaluate(self, node: Any) -> Any:
        """The value of a node; AWS::NoValue removes the key or the item."""
        if isinstance(node, list):
            return [value for item in node if (value := self.evaluate(item)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            function, argument = next(iter(node.items()))
            if function == "Ref":
                return self._ref(argument)
            if function == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if function.startswith("Fn::"):
                return self._call(function, argument)
        return {key: value for key, item in node.items() if (value := self.evaluate(item)) is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        return self.ref(name)

    def _call(self, function: str, argument: Any) -> Any:
        method = _FUNCTIONS.get(function)
        if method is None:
            raise validation_error(f"Template error: {function} is not a function that this fake knows")
        return method(self, argument)


def _get_att(scope: Scope, argument: Any) -> Any:
    name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return scope.attribute(name, scope.evaluate(attribute))


def _sub(scope: Scope, argument: Any) -> str:
    """Fill in a text. What is known only after the execution stands in its place; with variables of its own the whole
    text is then not known (both recorded: test_serverless_fn_transform, 2025-06-03).
    """
    text, variables = (argument, {}) if isinstance(argument, str) else argument
    values = {name: scope.evaluate(value) for name, value in variables.items()}

    def replace(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal:
            return "${" + name + "}"
        if name in values:
            return _plain(values[name])
        if "." in name:
            return _plain(scope.attribute(*name.split(".", 1)))
        return _plain(scope.evaluate({"Ref": name}))

    filled = SUB.sub(replace, text)
    return filled if isinstance(argument, str) else _all_or_later(filled)


def _all_or_later(text: str) -> str:
    """A text; one with a part that is known only after the execution is not known at all (recorded with Fn::Join, and
    with the variables of Fn::Sub).
    """
    return KNOWN_AFTER_APPLY if KNOWN_AFTER_APPLY in text else text


def _join(scope: Scope, argument: Any) -> str:
    delimiter, items = argument
    values = scope.evaluate(items)
    if isinstance(values, str):  # a list that is not known yet
        scope.warn(UNKNOWN_LIST)
        return values
    return _all_or_later(str(delimiter).join(_plain(value) for value in values))


SELECT_SHAPE = "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
"""Recorded, for an index that is no number and for what is no list."""


def _select(scope: Scope, argument: Any) -> Any:
    if not (isinstance(argument, list) and len(argument) == 2):
        raise validation_error(SELECT_SHAPE)
    index, items = scope.evaluate(argument[0]), scope.evaluate(argument[1])
    if items == KNOWN_AFTER_APPLY:
        return items
    if not str(index).isdecimal() or not isinstance(items, list):
        raise validation_error(SELECT_SHAPE)
    if int(index) >= len(items):
        raise validation_error(
            f"Template error: Fn::Select cannot select nonexistent value at index {index}",
        )
    return items[int(index)]


def _split(scope: Scope, argument: Any) -> Any:
    text = scope.evaluate(argument[1])
    return text if text == KNOWN_AFTER_APPLY else text.split(argument[0])


def _if(scope: Scope, argument: Any) -> Any:
    return scope.evaluate(argument[1] if scope.condition(argument[0]) else argument[2])


def _find_in_map(scope: Scope, argument: Any) -> Any:
    name, top, second = (scope.evaluate(item) for item in argument[:3])
    try:
        return scope.body["Mappings"][name][top][second]
    except KeyError:
        raise validation_error(f"Template error: Unable to get mapping for {name}::{top}::{second}") from None


def _get_azs(scope: Scope, argument: Any) -> list[str]:
    region = scope.evaluate(argument) or scope.pseudo["AWS::Region"]
    return [f"{region}{letter}" for letter in "abcd"]


def _cidr(scope: Scope, argument: Any) -> list[str]:
    import ipaddress

    block, count, bits = (scope.evaluate(item) for item in (*argument, 8)[:3])
    subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - int(bits))
    return [str(subnet) for subnet, _ in zip(subnets, range(int(count)), strict=False)]


_FUNCTIONS: dict[str, Callable[[Scope, Any], Any]] = {
    "Fn::And": lambda scope, argument: all(scope.evaluate(item) for item in argument),
    "Fn::Base64": lambda scope, argument: base64.b64encode(str(scope.evaluate(argument)).encode()).decode(),
    "Fn::Cidr": _cidr,
    "Fn::Equals": lambda scope, argument: _plain(scope.evaluate(argument[0])) == _plain(scope.evaluate(argument[1])),
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _get_azs,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::ImportValue": lambda scope, argument: scope.imports(str(scope.evaluate(argument))),
    "Fn::Join": _join,
    "Fn::Not": lambda scope, argument: not scope.evaluate(argument[0]),
    "Fn::Or": lambda scope, argument: any(scope.evaluate(item) for item in argument),
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_plain(item) for item in value)
    return str(value)
