"""Two templates -> what changes between them, judged as CloudFormation would: the plan's second source.

It stands in where AWS gives no change set, and is compared with the change set where there is one. Parameters are put
in their places and conditions decided first (`settle`), so that a changed parameter shows as the values it changes.
What is found inside a value is `edits`' work, what it does to the resource `replacement`'s. Secrets never leave here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infragen.changes.evaluate import decides, later, references, settled
from infragen.changes.replacement import ALWAYS, CONDITIONALLY, NEVER, ordered, recreation
from infragen.changes.stack_tags import TAGGED, reached, retagged
from infragen.changes.values import NOTHING, differences, frozen, intrinsic, likeness, same
from infragen.cloudformation import KnownAfter, PropertyChange, ResourceChange
from infragen.resource_types import resource_type
from infragen.resource_types.rds import DB_INSTANCE
from infragen.secrecy.masking import conceals, mask, sealed
from infragen.secrecy.suspicion import looks_secret

POLICY_ACTIONS = {"Delete": "Delete", "Retain": "Retain", "RetainExceptOnCreate": "Retain", "Snapshot": "Snapshot"}

ORDER_ONLY = "its place alone: AWS keeps no order here"

RENAMED = 0.75
"""The part of their properties that a removed and an added resource must share to be one that is renamed."""

MOST_COMPARED = 2500
"""Pairs of removed and added resources above which only those are matched that are the same to the last property."""


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a template and the values of its parameters (a KnownAfter where one is not known)."""

    body: Mapping[str, Any]
    values: Mapping[str, object]


EMPTY = Side({}, {})


def compare(layer: str, region: str, old: Side, new: Side, *, tags: Collection[str] = ()) -> tuple[ResourceChange, ...]:
    """Return every resource that is added, changed, replaced or removed, dependent stacks of replaced ones included.

    `tags` are the names of the stack's tags that change, which change every resource that they reach.
    """
    before, after = _settled(old), _settled(new)
    rows = {}
    for name in [*after, *(each for each in before if each not in after)]:
        row = _compare_one(layer, region, name, before.get(name), after.get(name))
        if row:
            rows[name] = _with_causes(row, old, new, name)
    for name, resource in after.items():
        if name in before and reached(resource, region, tags):
            rows[name] = _retagged(layer, region, name, resource, rows.get(name))
    _spread(layer, region, rows, before, after)
    _rename(rows, before, after)
    return tuple(row for name in [*after, *before] if (row := rows.pop(name, None)))


def _settled(side: Side) -> dict[str, dict[str, Any]]:
    """Return the resources of one side; values of NoEcho parameters are sealed, wherever they are put in."""
    return settled(side.body, sealed(side.body, side.values))


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
    found = tuple(_judged(after["Type"], region, each) for each in _resource_differences(before, after))
    return _modified(layer, name, after, found) if found else None


def _resource_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[PropertyChange]:
    """Yield the changes of a resource: property by property, then its other attributes."""
    for attribute in dict.fromkeys(("Properties", *before, *after)):
        sides = [side.get(attribute, {} if attribute == "Properties" else NOTHING) for side in (before, after)]
        if attribute != "Properties" or any(not isinstance(each, dict) or intrinsic(each) for each in sides):
            yield from differences(sides[0], sides[1], (attribute,), attribute)
            continue
        for key in dict.fromkeys((*sides[0], *sides[1])):
            old, new = (side.get(key, NOTHING) for side in sides)
            hidden = any(conceals(side, key) for side in sides)
            yield from differences(old, new, (attribute, key), key, hidden)


def _judged(kind: str, region: str, change: PropertyChange) -> PropertyChange:
    """Return the change with what it does to its resource. Whether another order replaces is the provider's to say."""
    effect = recreation(kind, region, change.path)
    if change.moved_from is None or ordered(kind, region, change.path[:-1]):
        return replace(change, recreation=effect)
    return replace(change, recreation=NEVER if effect == NEVER else CONDITIONALLY, note=ORDER_ONLY)


def _modified(
    layer: str,
    name: str,
    after: Mapping[str, Any],
    properties: tuple[PropertyChange, ...],
    causes: tuple[str, ...] = (),
) -> ResourceChange:
    recreations = {(each.recreation, later(each.after)) for each in properties}
    replacement = "False"
    if (ALWAYS, False) in recreations:
        replacement = "True"
    elif any(kind != NEVER for kind, _ in recreations):
        replacement = "Conditional"
    policy = f"ReplaceAnd{_policy(after, 'UpdateReplacePolicy')}" if replacement == "True" else ""
    return ResourceChange(
        layer, "Modify", name, after["Type"], replacement, policy, properties=properties, causes=causes,
        source="template",
    )  # fmt: skip


def deletion_policy(resource: Mapping[str, Any]) -> str:
    """Delete, Retain or Snapshot: what becomes of a resource when its stack is deleted."""
    return _policy(resource, "DeletionPolicy")


def replacement_policy(resource: Mapping[str, Any]) -> str:
    """Delete, Retain or Snapshot: what becomes of a resource when another one takes its place."""
    return _policy(resource, "UpdateReplacePolicy")


def _policy(resource: Mapping[str, Any], attribute: str) -> str:
    kind = resource["Type"]
    by_default = resource_type(kind).deletion_policy if attribute == "DeletionPolicy" else "Delete"
    if kind == DB_INSTANCE.name and "DBClusterIdentifier" in resource.get("Properties", {}):
        by_default = "Delete"
    return POLICY_ACTIONS.get(str(resource.get(attribute, by_default)), "Delete")


def _whole(resource: Mapping[str, Any], added: bool) -> tuple[PropertyChange, ...]:
    """Return all of a resource, as the changes that make it or take it away; its type is the row's own."""
    properties = resource.get("Properties", {})
    rest = {key: value for key, value in resource.items() if key not in ("Type", "Properties")}
    values: list[tuple[tuple[str | int, ...], Any]] = [((key,), mask(value)) for key, value in rest.items()]
    values += [
        (("Properties", key), mask(value, conceals(properties, key), name=key)) for key, value in properties.items()
    ]
    sides = (((path, NOTHING, value) if added else (path, value, NOTHING)) for path, value in values)
    return tuple(PropertyChange(path, before, after) for path, before, after in sides)


def _retagged(
    layer: str, region: str, name: str, resource: Mapping[str, Any], row: ResourceChange | None
) -> ResourceChange:
    """Return the row of a resource to which the stack's tags are passed on, whose own change it may already be."""
    known, causes = (row.properties, row.causes) if row else ((), ())
    return _modified(layer, name, resource, (*known, retagged(resource["Type"], region)), (*causes, TAGGED))


def _with_causes(row: ResourceChange, old: Side, new: Side, name: str) -> ResourceChange:
    """Name the parameters that changed where the template itself did not."""
    written = [side.body.get("Resources", {}).get(name, {}) for side in (old, new)]
    changed = [each for each, value in new.values.items() if old.values.get(each, NOTHING) != value]
    conditions = new.body.get("Conditions", {})
    if row.action != "Modify":  # in both templates: its condition holds now, or no longer
        same_condition = written[0].get("Condition") == written[1].get("Condition")
        asked = decides({"Fn::If": [written[1].get("Condition")]}, conditions) if same_condition else set()
        return replace(row, causes=tuple(f"parameter {each}" for each in changed if each in asked))
    properties = []
    for each in row.properties:
        before, after = (_written(resource, each.path) for resource in written)
        used = decides(after, conditions) if same(before, after) else set()
        cause = ", ".join(f"parameter {parameter}" for parameter in changed if parameter in used)
        properties.append(replace(each, cause=cause))
    causes = tuple(dict.fromkeys(each.cause for each in properties if each.cause))
    return replace(row, properties=tuple(properties), causes=causes)


def _written(value: Any, path: Sequence[str | int]) -> Any:
    """Return what a template writes at a path of the evaluated resource: the value, or the function that gives it."""
    for step in path:
        if intrinsic(value) or isinstance(value, str):
            return value
        if isinstance(value, dict):
            value = value.get(step)
        else:
            value = value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None
    return value


def _spread(
    layer: str,
    region: str,
    rows: dict[str, ResourceChange],
    before: Mapping[str, dict[str, Any]],
    after: Mapping[str, dict[str, Any]],
) -> None:
    """Spread a replacement: it changes the values of all that refer to it; create-only ones among them
    replace in turn.
    """
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
    """Return the row of a resource that refers to a replaced one, whose own change it may already be."""
    known = row.properties if row else ()
    causes = tuple(dict.fromkeys((*(row.causes if row else ()), f"resource {source}")))
    more = []
    for key, value in resource.get("Properties", {}).items():
        path = ("Properties", key)
        if source in references(value) and not any(each.path[:2] == path for each in known):
            shown = mask(value, conceals(resource["Properties"], key), name=key)
            after = shown if certain else KnownAfter(layer, source)
            effect = recreation(resource["Type"], region, path)
            more.append(PropertyChange(path, shown, after, effect, f"resource {source}"))
    return _modified(layer, name, resource, (*known, *more), causes)


def _rename(
    rows: dict[str, ResourceChange], before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]]
) -> None:
    """Mark a removed and an added resource of one type that are the same but for their logical ids.

    CloudFormation knows no renaming: the one is deleted, the other created, with all that was in it.
    """
    gone = [name for name, row in rows.items() if row.action == "Remove"]
    added = [name for name, row in rows.items() if row.action == "Add"]
    pairs = _twins(added, gone, before, after)
    gone = [each for each in gone if each not in pairs.values()]
    added = [each for each in added if each not in pairs]
    if len(gone) * len(added) <= MOST_COMPARED:
        for name in added:
            same_type = [each for each in gone if before[each]["Type"] == after[name]["Type"]]
            share, found = max(((_likeness(before[each], after[name]), each) for each in same_type), default=(0.0, ""))
            if share >= RENAMED:
                gone.remove(found)
                pairs[name] = found
    for name, found in pairs.items():
        rows[name] = replace(rows[name], renamed=found)
        rows[found] = replace(rows[found], renamed=name)


def _twins(
    added: Sequence[str],
    gone: Sequence[str],
    before: Mapping[str, dict[str, Any]],
    after: Mapping[str, dict[str, Any]],
) -> dict[str, str]:
    """Return added resource -> removed one that is the same to the last property."""
    waiting: dict[Any, list[str]] = {}
    for each in gone:
        waiting.setdefault(_content(before[each]), []).append(each)
    pairs = {}
    for name in added:
        if twins := waiting.get(_content(after[name])):
            pairs[name] = twins.pop(0)
    return pairs


def _content(resource: Mapping[str, Any]) -> Any:
    return resource["Type"], frozen(resource.get("Properties", {}))


def _likeness(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    return likeness(before.get("Properties", {}), after.get("Properties", {}))


def outputs_of(side: Side) -> dict[str, object]:
    """Return the outputs of a template with parameters in place and conditions decided."""
    written = {name: {"Value": each.get("Value")} for name, each in side.body.get("Outputs", {}).items()}
    body = {**side.body, "Resources": written}
    return {name: each["Value"] for name, each in settled(body, sealed(body, side.values)).items()}


def changed_outputs(old: Side, new: Side, rows: Sequence[ResourceChange]) -> frozenset[str]:
    """Return outputs of the new template whose value may be another one afterwards."""
    moved = {row.logical_id for row in rows if row.action == "Add" or row.replacement in ("True", "Conditional")}
    before, after = outputs_of(old), outputs_of(new)
    return frozenset(
        name
        for name, value in after.items()
        if name not in before or not same(before[name], value) or references(value) & moved
    )


def differing(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[PropertyChange, ...]:
    """Return the entries of two flat maps (parameters, tags, outputs) that differ, masked."""
    names = [*new, *(each for each in old if each not in new)]
    sides = ((name, old.get(name, NOTHING), new.get(name, NOTHING)) for name in names)
    found = (differences(before, after, (name,), name, looks_secret(name)) for name, before, after in sides)
    return tuple(change for each in found for change in each)


def rewritten_outputs(old: Side, new: Side) -> frozenset[str]:
    """Return the outputs that are written otherwise than before, or are new."""
    before, after = outputs_of(old), outputs_of(new)
    return frozenset(name for name, value in after.items() if name not in before or not same(before[name], value))


def shrunk_outputs(old: Side, new: Side) -> frozenset[str]:
    """Return the outputs that are lists of references and hold some of those that they held before, and no other."""
    before, after = outputs_of(old), outputs_of(new)
    return frozenset(name for name, value in after.items() if _fewer(before.get(name), value))


def more_than(value: KnownAfter) -> list[KnownAfter]:
    """Return what a list was that has lost elements: what it will be, and something else."""
    return [value, KnownAfter(value.layer, f"what {value.name} no longer holds")]


def _fewer(before: Any, after: Any) -> bool:
    old, new = (each.get("Fn::Join") if isinstance(each, dict) and len(each) == 1 else None for each in (before, after))
    if not (isinstance(old, list) and isinstance(new, list) and len(old) == len(new) == 2 and same(old[0], new[0])):
        return False
    if not (isinstance(old[1], list) and isinstance(new[1], list)):
        return False
    plain = all(isinstance(each, dict) and each.keys() <= {"Ref", "Fn::GetAtt"} for each in (*old[1], *new[1]))
    return plain and len(new[1]) < len(old[1]) and all(any(same(one, other) for other in old[1]) for one in new[1])


def other_sections(old: Side, new: Side) -> tuple[str, ...]:
    """Return the sections in which two templates differ beside resources, parameters and outputs."""
    told = ("Resources", "Parameters", "Outputs")
    names = [each for each in dict.fromkeys((*old.body, *new.body)) if each not in told]
    return tuple(name for name in names if not same(old.body.get(name), new.body.get(name)))
