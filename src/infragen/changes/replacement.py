"""What changing a property does to its resource: Never, Conditionally or Always a new one.

Judged by the resource schemas that cfn-lint ships (one small JSON file each, read without importing cfn-lint), and by
`CORRECTIONS` where a schema is silent about what the CloudFormation Template Reference says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from infragen.cloud.cloudformation import PropertyChange
from infragen.cloud.template import STACK_TYPE
from infragen.resource_types import resource_type as known_type

CUSTOM = "AWS::CloudFormation::CustomResource"
NEVER, CONDITIONALLY, ALWAYS = RECREATIONS = ("Never", "Conditionally", "Always")


@dataclass(frozen=True)
class Correction:
    """What the documentation says of a property where the schema says something else; `source` is the page's title."""

    recreation: str
    source: str


_KEY = Correction(
    CONDITIONALLY,
    "AWS::KMS::Key: a change of KeySpec, KeyUsage, Origin or MultiRegion of an existing key makes the update fail",
)
CORRECTIONS: Mapping[tuple[str, str], Correction] = {
    **{("AWS::KMS::Key", name): _KEY for name in ("KeySpec", "KeyUsage", "Origin", "MultiRegion")},
    ("AWS::CertificateManager::Certificate", "ValidationMethod"): Correction(
        ALWAYS, "AWS::CertificateManager::Certificate: ValidationMethod, update requires replacement"
    ),
    ("AWS::EC2::EIP", "Domain"): Correction(ALWAYS, "AWS::EC2::EIP: Domain, update requires replacement"),
    ("AWS::Route53::RecordSet", "Name"): Correction(
        ALWAYS, "AWS::Route53::RecordSet: Name, update requires replacement"
    ),
}
"""(Type, property) -> what its page in the CloudFormation Template Reference says where its schema names no property.

All of them are stricter than the schema. Where a page is older than the schema and stricter, the schema counts.
"""


@dataclass(frozen=True)
class Schema:
    """What a resource type's schema says: JSON pointers into the properties as tuples, and all of it."""

    create_only: tuple[tuple[str, ...], ...]
    conditionally: tuple[tuple[str, ...], ...]
    body: Mapping[str, Any]

    @property
    def properties(self) -> Mapping[str, Any]:
        """Return the top-level properties that the type has."""
        found: Mapping[str, Any] = self.body.get("properties", {})
        return found


@cache
def schema_of(resource_type: str, region: str) -> Schema | None:
    """Return the schema of a type in a region; None when there is none (custom resources, modules)."""
    digest = _index(region).get(resource_type)
    if digest is None:
        return None
    body = json.loads((_schemas() / "resources" / f"{digest}.json").read_bytes())
    create_only, conditionally = (
        tuple(map(_pointer, body.get(key) or ())) for key in ("createOnlyProperties", "conditionalCreateOnlyProperties")
    )
    return Schema(create_only, conditionally, body)


@cache
def _index(region: str) -> Mapping[str, str]:
    file = _schemas() / "providers" / f"{region}.json"
    found: dict[str, str] = json.loads(file.read_bytes()) if os.path.isfile(file) else {}
    return found


@cache
def _schemas() -> Path:
    spec = find_spec("cfnlint")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("cfn-lint, which ships the resource schemas, is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "data" / "schemas"


def _pointer(text: str) -> tuple[str, ...]:
    return tuple(each for each in text.strip("/").split("/")[1:] if each != "*")


def recreation(resource_type: str, region: str, path: Sequence[str | int]) -> str:
    """Return never, Conditionally or Always: what changing the property at this path does to the resource.

    A type without a schema is only ever replaced when its provider says so, which nobody can know before: Never.
    """
    if not path or path[0] != "Properties":
        return ALWAYS if path and path[0] == "Type" else NEVER
    if len(path) > 1 and (correction := CORRECTIONS.get((resource_type, str(path[1])))):
        return correction.recreation
    schema = schema_of(resource_type, region)
    if schema is None:
        return ALWAYS if path[1:2] == ("ServiceToken",) else NEVER
    steps = _steps(path[1:])
    if any(_touches(pointer, steps) for pointer in schema.create_only):
        return ALWAYS
    return CONDITIONALLY if any(_touches(pointer, steps) for pointer in schema.conditionally) else NEVER


def stays(resource_type: str, region: str, attribute: str, properties: Iterable[PropertyChange]) -> bool:
    """Return whether what Ref (no `attribute`) or Fn::GetAtt gives of a resource is the same after these of its values
    changed in place: its identity, a property that only a new resource can have otherwise, or what the row of its type
    says. A custom resource may answer each update with anything.
    """
    paths = [each.path for each in properties]
    schema, row = schema_of(resource_type, region), known_type(resource_type)
    if schema is None or resource_type == CUSTOM:
        return bool(paths) and all(path[:1] != ("Properties",) for path in paths)
    fixed = {*map(_pointer, schema.body.get("primaryIdentifier") or ()), *schema.create_only}
    if not attribute or attribute.upper() == "ARN" or (attribute,) in fixed or attribute in row.fixed_attributes:
        return True
    own = {path[1:2] for path in paths if path[:1] == ("Properties",) and path[1:2] != ("Tags",)}
    if paths and not own:
        return True
    return attribute in row.follows and bool(paths) and not own & {(), *((each,) for each in row.follows[attribute])}


def identifier_of(resource_type: str, region: str) -> tuple[str, ...]:
    """Return the properties that identify a resource of a type; none where its schema is not known."""
    schema = schema_of(resource_type, region)
    return tuple(each[0] for each in map(_pointer, schema.body.get("primaryIdentifier") or ())) if schema else ()


def readable(resource_type: str, region: str) -> bool:
    """Return whether Cloud Control API reads a resource of a type by its identifier; not of an unknown one."""
    schema = schema_of(resource_type, region)
    return bool(schema and identifier_of(resource_type, region) and "read" in (schema.body.get("handlers") or {}))


def never_read(resource_type: str, region: str) -> frozenset[str]:
    """Return the properties of a type that its service takes and does not give back, such as a password."""
    schema = schema_of(resource_type, region)
    found = map(_pointer, schema.body.get("writeOnlyProperties") or ()) if schema else ()
    return frozenset(each[0] for each in found if len(each) == 1)


def only_read(resource_type: str, region: str) -> frozenset[tuple[str, ...]]:
    """Return the places in the properties of a type that no template may set."""
    schema = schema_of(resource_type, region)
    return frozenset(map(_pointer, schema.body.get("readOnlyProperties") or ())) if schema else frozenset()


def _steps(path: Sequence[str | int]) -> tuple[str, ...]:
    """Return the keys of a path, as far as the schema knows them: what is in a function may be any part of the
    property.
    """
    names = [step for step in path if isinstance(step, str) and not step.isdecimal()]
    end = next((index for index, name in enumerate(names) if name.startswith("Fn::")), len(names))
    return tuple(names[:end])


def _touches(pointer: tuple[str, ...], steps: Sequence[str]) -> bool:
    """Return whether a change at `steps` changes the value at `pointer`: one is the beginning of the other."""
    return all(want == got for want, got in zip(pointer, steps, strict=False))


def ordered(resource_type: str, region: str, path: Sequence[str | int]) -> bool:
    """Return whether the order of the list at this path means something: not where the schema says `insertionOrder:
    false`.

    CloudFormation User Guide, "Resource type schema": it then takes lists that differ in order alone for the same.
    """
    schema = schema_of(resource_type, region)
    if schema is None or path[:1] != ("Properties",):
        return True
    node: Any = schema.body
    for step in path[1:]:
        node = _resolved(schema.body, node)
        node = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
        if not isinstance(node, dict):
            return True
    return _resolved(schema.body, node).get("insertionOrder") is not False


def _resolved(body: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema, or the one that its `$ref` points at."""
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return node
    found: Any = body
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step, {})
    return {**found, **{key: value for key, value in node.items() if key != "$ref"}}


def decided(type_: str, action: str, replacement: str, properties: Collection[PropertyChange], region: str) -> str:
    """Return the replacement of a change set's row: one that says Conditional is decided by the schema where it can be.

    CloudFormation and its emulators say Conditional where a property may need replacement for reasons of its own, or
    where they do not know the type. When every changed property is known to the schema as one that is updated in
    place, the resource stays. A property that AWS calls Always is never argued with.
    """
    schema = schema_of(type_, region)
    if action != "Modify" or replacement != "Conditional" or not properties or schema is None or type_ == STACK_TYPE:
        return replacement
    for each in properties:
        if each.recreation == ALWAYS or recreation(type_, region, each.path) != NEVER:
            return replacement
        if each.path[:1] == ("Properties",) and (len(each.path) < 2 or each.path[1] not in schema.properties):
            return replacement
    return "False"
