"""Two templates -> what changes between them, judged as CloudFormation would: the plan's second source.

It stands in where AWS gives no change set: a stack that does not exist, a nested stack without one. Parameters are put
in their places and conditions decided first, so that a changed parameter shows as the values it changes. Replacement is
judged by the create-only properties of the resource schemas that cfn-lint ships; a schema is one small JSON file, read
without importing cfn-lint.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from infragen.stack import STACK_TYPE, Absent, KnownAfter, PropertyChange, ResourceChange

NOTHING = Absent()
SUB_NAME = re.compile(r"\$\{(?!!)\s*([^}]+?)\s*\}")
SNAPSHOT_BY_DEFAULT = frozenset({"AWS::RDS::DBCluster", "AWS::Neptune::DBCluster", "AWS::DocDB::DBCluster"})
"""Types whose DeletionPolicy is Snapshot when none is written (User Guide, "DeletionPolicy attribute"); a DBInstance
outside a cluster is the fourth."""

POLICY_ACTIONS = {"Delete": "Delete", "Retain": "Retain", "RetainExceptOnCreate": "Retain", "Snapshot": "Snapshot"}


# --- resource schemas -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Schema:
    """What a resource type's schema says about replacement: JSON pointers into the properties, as tuples."""

    create_only: tuple[tuple[str, ...], ...]
    conditionally: tuple[tuple[str, ...], ...]
    properties: frozenset[str]


@cache
def schema_of(resource_type: str, region: str) -> Schema | None:
    """The schema of a type in a region; None when there is none (custom resources, modules)."""
    digest = _index(region).get(resource_type)
    if digest is None:
        return None
    body = json.loads((_schemas() / "resources" / f"{digest}.json").read_bytes())
    return Schema(
        tuple(map(_pointer, body.get("createOnlyProperties") or ())),
        tuple(map(_pointer, body.get("conditionalCreateOnlyProperties") or ())),
        frozenset(body.get("properties", ())),
    )


@cache
def _index(region: str) -> Mapping[str, str]:
    file = _schemas() / "providers" / f"{region}.json"
    found: dict[str, str] = json.loads(file.read_bytes()) if file.is_file() else {}
    return found


@cache
def _schemas() -> Path:
    spec = find_spec("cfnlint")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("cfn-lint, which ships the resource schemas, is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "data" / "schemas"


def _pointer(text: str) -> tuple[str, ...]:
    return tuple(text.strip("/").split("/")[1:])


def recreation(resource_type: str, region: str, path: Sequence[str | int]) -> str:
    """Never, Conditionally or Always: what changing the property at this path does to the resource.

    A type without a schema is only ever replaced when its provider says so, which nobody can know before: Never.
    """
    if not path or path[0] != "Properties":
        return "Always" if path and path[0] == "Type" else "Never"
    schema = schema_of(resource_type, region)
    if schema is None:
        return "Always" if path[1:2] == ("ServiceToken",) else "Never"
    if any(_touches(pointer, path[1:]) for pointer in schema.create_only):
        return "Always"
    if any(_touches(pointer, path[1:]) for pointer in schema.conditionally):
        return "Conditionally"
    return "Never"


def _touches(pointer: tuple[str, ...], path: Sequence[str | int]) -> bool:
    """Whether a change at `path` changes the value at `pointer`: one is the beginning of the other."""
    return all(want in ("*", str(got)) for want, got in zip(pointer, path, strict=False))


def judged(change: ResourceChange, region: str) -> ResourceChange:
    """A change set's row that says Conditional, decided by the schema where the schema can.

    CloudFormation and its emulators say Conditional where a property may need replacement for reasons of its own, or
    where they do not know the type. When every changed property is known to the schema as one that is updated in
    place, the resource stays. A property that AWS calls Always is never argued with.
    """
    if change.action != "Modify" or change.replacement != "Conditional" or not change.properties:
        return change
    schema = schema_of(change.type, region)
    if schema is None or change.type == STACK_TYPE:
        return change
    for each in change.properties:
        if each.recreation == "Always" or recreation(change.type, region, each.path) != "Never":
            return change
        if each.path[:1] == ("Properties",) and (len(each.path) < 2 or each.path[1] not in schema.properties):
            return change
    return replace(change, replacement="False", reported="Conditional")


# --- settled templates ------------------------------------------------------------------------------------------


def settled(body: Mapping[str, Any], values: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    """The resources of a template with parameters in place and conditions decided, as far as the values are known."""
    conditions = _Conditions(body.get("Conditions", {}), values)
    found = {}
    for name, resource in body.get("Resources", {}).items():
        if "Condition" in resource and conditions.holds({"Condition": resource["Condition"]}) is False:
            continue
        kept = _settle({k: v for k, v in resource.items() if k != "Condition"}, values, conditions)
        if "Condition" in resource and conditions.holds({"Condition": resource["Condition"]}) is None:
            kept["Condition"] = resource["Condition"]
        found[name] = kept
    return found


class _Conditions:
    """The conditions of a template under given parameter values: true, false, or None for not known."""

    def __init__(self, written: Mapping[str, Any], values: Mapping[str, object]) -> None:
        self._written = written
        self._values = values

    def holds(self, what: Any) -> bool | None:
        """Whether a condition holds."""
        if not isinstance(what, dict) or len(what) != 1:
            return None
        [(key, inner)] = what.items()
        match key:
            case "Condition":
                return self.holds(self._written.get(str(inner)))
            case "Fn::Not":
                held = self.holds(inner[0])
                return None if held is None else not held
            case "Fn::Equals":
                return self._equal(*inner)
            case "Fn::And" | "Fn::Or":
                held_all = [self.holds(each) for each in inner]
                decisive: bool = key == "Fn::Or"
                if decisive in held_all:
                    return decisive
                return None if None in held_all else not decisive
        return None

    def _equal(self, left: Any, right: Any) -> bool | None:
        sides = [_settle(each, self._values, self) for each in (left, right)]
        if any(isinstance(each, dict | KnownAfter) for each in sides):
            return None
        return bool(str(sides[0]) == str(sides[1]))


NO_VALUE = {"Ref": "AWS::NoValue"}


def _settle(value: Any, values: Mapping[str, object], conditions: _Conditions) -> Any:
    if isinstance(value, list):
        items = (_settle(each, values, conditions) for each in value)
        return [each for each in items if each != NO_VALUE]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(key, inner)] = value.items()
        if key == "Ref" and inner in values:
            return values[inner]
        if key == "Fn::Sub":
            return _settle_sub(inner, values, conditions)
        if key == "Fn::If":
            held = conditions.holds({"Condition": inner[0]})
            if held is not None:
                return _settle(inner[1] if held else inner[2], values, conditions)
    entries = ((name, _settle(each, values, conditions)) for name, each in value.items())
    return {name: each for name, each in entries if each != NO_VALUE}


def _settle_sub(inner: Any, values: Mapping[str, object], conditions: _Conditions) -> Any:
    """A Sub with known names filled in; what is left of it stays a Sub."""
    text, variables = (inner, {}) if isinstance(inner, str) else (inner[0], inner[1])
    variables = {name: _settle(each, values, conditions) for name, each in variables.items()}
    known = {**values, **variables}
    later = [each for name in SUB_NAME.findall(text) if isinstance(each := known.get(name), KnownAfter)]
    if later:
        return later[0]

    def fill(match: re.Match[str]) -> str:
        found = known.get(match[1])
        return match[0] if found is None or isinstance(found, dict | list) else str(found)

    filled = SUB_NAME.sub(fill, text)
    names = set(SUB_NAME.findall(filled))
    open_variables = {name: each for name, each in variables.items() if name in names}
    if not names:
        return filled.replace("${!", "${")
    return {"Fn::Sub": [filled, open_variables] if open_variables else filled}


# --- changes ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a template and the values of its parameters (a KnownAfter where one is not known)."""

    body: Mapping[str, Any]
    values: Mapping[str, object]


EMPTY = Side({}, {})


def compare(layer: str, region: str, old: Side, new: Side) -> tuple[ResourceChange, ...]:
    """Every resource that is added, changed, replaced or removed, dependants of replaced ones included."""
    before, after = settled(old.body, old.values), settled(new.body, new.values)
    rows = {}
    for name in [*after, *(each for each in before if each not in after)]:
        row = _compare_one(layer, region, name, before.get(name), after.get(name))
        if row:
            rows[name] = _with_causes(row, old, new, name)
    _spread(layer, region, rows, before, after)
    return tuple(row for name in [*after, *before] if (row := rows.pop(name, None)))


def _compare_one(
    layer: str, region: str, name: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> ResourceChange | None:
    if before is None and after is not None:
        return ResourceChange(
            layer, "Add", name, after["Type"], properties=_whole(after, added=True), source="template"
        )
    if after is None and before is not None:
        action, gone = _policy(before, "DeletionPolicy"), _whole(before, added=False)
        return ResourceChange(
            layer, "Remove", name, before["Type"], policy_action=action, properties=gone, source="template"
        )
    if before is None or after is None:
        return None
    found = tuple(_differences((), before, after))
    if not found:
        return None
    kind = after["Type"]
    properties = tuple(replace(each, recreation=recreation(kind, region, each.path)) for each in found)
    return _modified(layer, name, after, properties)


def _modified(
    layer: str,
    name: str,
    after: Mapping[str, Any],
    properties: tuple[PropertyChange, ...],
    causes: tuple[str, ...] = (),
) -> ResourceChange:
    recreations = {(each.recreation, isinstance(each.after, KnownAfter)) for each in properties}
    replacement = "False"
    if ("Always", False) in recreations:
        replacement = "True"
    elif any(kind != "Never" for kind, _ in recreations):
        replacement = "Conditional"
    policy = f"ReplaceAnd{_policy(after, 'UpdateReplacePolicy')}" if replacement == "True" else ""
    return ResourceChange(
        layer, "Modify", name, after["Type"], replacement, policy, properties=properties, causes=causes,
        source="template",
    )  # fmt: skip


def _open(value: object) -> bool:
    """Whether a value holds something that is only known later, so that it may turn out to be the same."""
    if isinstance(value, dict):
        return any(map(_open, value.values()))
    return any(map(_open, value)) if isinstance(value, list) else isinstance(value, KnownAfter)


def deletion_policy(resource: Mapping[str, Any]) -> str:
    """Delete, Retain or Snapshot: what becomes of a resource when its stack is deleted."""
    return _policy(resource, "DeletionPolicy")


def _policy(resource: Mapping[str, Any], attribute: str) -> str:
    kind = resource["Type"]
    by_default = "Snapshot" if kind in SNAPSHOT_BY_DEFAULT and attribute == "DeletionPolicy" else "Delete"
    if kind == "AWS::RDS::DBInstance" and attribute == "DeletionPolicy":
        by_default = "Delete" if "DBClusterIdentifier" in resource.get("Properties", {}) else "Snapshot"
    return POLICY_ACTIONS.get(str(resource.get(attribute, by_default)), "Delete")


def _whole(resource: Mapping[str, Any], added: bool) -> tuple[PropertyChange, ...]:
    """All of a resource, as the changes that make it or take it away; its type is the row's own."""
    rest = {key: value for key, value in resource.items() if key not in ("Type", "Properties")}
    paths: list[tuple[tuple[str | int, ...], Any]] = [((key,), value) for key, value in rest.items()]
    paths += [(("Properties", key), value) for key, value in resource.get("Properties", {}).items()]
    sides = (((path, NOTHING, value) if added else (path, value, NOTHING)) for path, value in paths)
    return tuple(PropertyChange(path, before, after) for path, before, after in sides)


def _differences(path: tuple[str | int, ...], before: Any, after: Any) -> Iterator[PropertyChange]:
    """The smallest changes that turn one value into the other; an intrinsic function changes as a whole."""
    if same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict) and not (_intrinsic(before) or _intrinsic(after)):
        for key in [*before, *(each for each in after if each not in before)]:
            yield from _differences((*path, key), before.get(key, NOTHING), after.get(key, NOTHING))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            sides = (side[index] if index < len(side) else NOTHING for side in (before, after))
            yield from _differences((*path, index), *sides)
    else:
        yield PropertyChange(path, before, after)


def same(before: Any, after: Any) -> bool:
    """Equal, and of one type all the way down: to Python True is 1, to CloudFormation "true" is not "1"."""
    if type(before) is not type(after):
        return False
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(same(before[key], after[key]) for key in before)
    if isinstance(before, list):
        return len(before) == len(after) and all(map(same, before, after))
    return bool(before == after)


def _intrinsic(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))


def _with_causes(row: ResourceChange, old: Side, new: Side, name: str) -> ResourceChange:
    """Names the parameters that changed where the template itself did not."""
    if row.action != "Modify":
        return row
    written = [side.body["Resources"].get(name, {}) for side in (old, new)]
    named = {each: value for each, value in new.values.items() if old.values.get(each, NOTHING) != value}
    properties = []
    for each in row.properties:
        here = [_at(body, each.path[:2]) for body in written]
        used = [parameter for parameter in named if here[0] == here[1] and parameter in references(here[1])]
        cause = ", ".join(f"parameter {parameter}" for parameter in used)
        properties.append(replace(each, cause=cause))
    causes = tuple(dict.fromkeys(each.cause for each in properties if each.cause))
    return replace(row, properties=tuple(properties), causes=causes)


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def references(value: Any) -> set[str]:
    """The names that a value refers to by Ref, GetAtt or Sub, and by the conditions of its Ifs."""
    if isinstance(value, list):
        return {name for each in value for name in references(each)}
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, inner in value.items():
        if key == "Ref":
            found.add(str(inner))
        elif key == "Fn::GetAtt":
            found.add(str(inner.split(".")[0] if isinstance(inner, str) else inner[0]))
        elif key == "Fn::Sub":
            text, variables = (inner, {}) if isinstance(inner, str) else inner
            found |= {name.split(".")[0] for name in SUB_NAME.findall(text)} - set(variables)
            found |= references(variables)
        else:
            found |= references(inner)
    return found


def _spread(
    layer: str,
    region: str,
    rows: dict[str, ResourceChange],
    before: Mapping[str, dict[str, Any]],
    after: Mapping[str, dict[str, Any]],
) -> None:
    """A replaced resource changes the values of all that refer to it; create-only ones among them replace in turn."""
    todo = [name for name, row in rows.items() if row.replacement in ("True", "Conditional")]
    while todo:
        source = todo.pop(0)
        for name, resource in after.items():
            if name in before and name != source and source in references(resource.get("Properties", {})):
                old = rows.get(name)
                rows[name] = _touched(layer, region, name, resource, old, source, rows[source].replacement == "True")
                if rows[name].replacement != (old.replacement if old else "") and rows[name].replacement != "False":
                    todo.append(name)


def _touched(
    layer: str,
    region: str,
    name: str,
    resource: Mapping[str, Any],
    row: ResourceChange | None,
    source: str,
    certain: bool,
) -> ResourceChange:
    """The row of a resource that refers to a replaced one, whose own change it may already be."""
    known = row.properties if row else ()
    causes = tuple(dict.fromkeys((*(row.causes if row else ()), f"resource {source}")))
    more = []
    for key, value in resource.get("Properties", {}).items():
        path = ("Properties", key)
        if source in references(value) and not any(each.path[:2] == path for each in known):
            after = value if certain else KnownAfter(layer, source)
            more.append(
                PropertyChange(path, value, after, recreation(resource["Type"], region, path), f"resource {source}")
            )
    return _modified(layer, name, resource, (*known, *more), causes)


def outputs_of(side: Side) -> dict[str, object]:
    """The outputs of a template with parameters in place and conditions decided."""
    written = {name: {"Value": each.get("Value")} for name, each in side.body.get("Outputs", {}).items()}
    return {name: each["Value"] for name, each in settled({**side.body, "Resources": written}, side.values).items()}


def changed_outputs(old: Side, new: Side, rows: Sequence[ResourceChange]) -> frozenset[str]:
    """Outputs of the new template whose value may be another one afterwards."""
    moved = {row.logical_id for row in rows if row.action == "Add" or row.replacement in ("True", "Conditional")}
    before, after = outputs_of(old), outputs_of(new)
    return frozenset(
        name
        for name, value in after.items()
        if name not in before or not same(before[name], value) or references(value) & moved
    )


def differing(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[PropertyChange, ...]:
    """The entries of two flat maps that differ."""
    names = [*new, *(each for each in old if each not in new)]
    pairs = ((name, old.get(name, NOTHING), new.get(name, NOTHING)) for name in names)
    return tuple(PropertyChange((name,), before, after) for name, before, after in pairs if before != after)


def other_sections(old: Side, new: Side) -> tuple[str, ...]:
    """The sections in which two templates differ beside resources, parameters and outputs."""
    told = ("Resources", "Parameters", "Outputs")
    names = [each for each in dict.fromkeys((*old.body, *new.body)) if each not in told]
    return tuple(name for name in names if not same(old.body.get(name), new.body.get(name)))
