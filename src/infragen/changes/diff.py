"""Two templates -> what changes between them, judged as CloudFormation would: the plan's second source.

It stands in where AWS gives no change set, and is compared with the change set where there is one. Parameters are put
in their places and conditions decided first (`Side`), so that a changed parameter shows as the values it changes.
What is found inside a value is the work of `values`, what it does to the resource that of `replacement`. Rows are
collected as `_Row` and made once, at the end. Secrets never leave here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from infragen.changes.evaluate import decides, evaluated, later, mentions
from infragen.changes.replacement import ALWAYS, CONDITIONALLY, NEVER, ordered, recreation, stays
from infragen.changes.stack_tags import TAGGED, only_tags, reached, retagged
from infragen.changes.values import NOTHING, differences, frozen, intrinsic, likeness, same
from infragen.cloud.cloudformation import Cause, CauseKind, PropertyChange, ResourceChange, Source
from infragen.cloud.template import STACK_TYPE
from infragen.resource_types import resource_type
from infragen.resource_types.rds import DB_INSTANCE
from infragen.secrecy.masking import conceals, mask, sealed
from infragen.secrecy.shown import KnownAfter
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

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Return the resources, evaluated; values of NoEcho parameters are sealed, wherever they are put in."""
        return evaluated(self.body, sealed(self.body, self.values))

    @cached_property
    def outputs(self) -> dict[str, object]:
        """Return the outputs, evaluated likewise."""
        written = {name: {"Value": each.get("Value")} for name, each in self.body.get("Outputs", {}).items()}
        body = {**self.body, "Resources": written}
        return {name: each["Value"] for name, each in evaluated(body, sealed(body, self.values)).items()}


EMPTY = Side({}, {})


def compare(
    layer: str,
    region: str,
    old: Side,
    new: Side,
    *,
    tags: Collection[str] = (),
    unseen: bool = False,
    side_by_side: bool = False,
) -> tuple[ResourceChange, ...]:
    """Return every resource that is added, changed, replaced or removed, dependent stacks of replaced ones included.

    `tags` are the names of the stack's tags that change, which change every resource that they reach. `unseen` says
    that AWS was not asked about a stack that it could be asked about: what holds data and is changed otherwise than by
    the stack's tags may be replaced then. With `side_by_side` nothing becomes something else: the two are two things.
    """
    before, after = old.resources, new.resources
    judge = _Judge(layer, region, old, new, unseen, side_by_side)
    rows = {}
    for name in [*after, *(each for each in before if each not in after)]:
        row = judge.row(name, before.get(name), after.get(name))
        if row:
            rows[name] = row
    for name, resource in after.items():
        if name in before and reached(resource, region, tags):
            row = rows.setdefault(name, _Row("Modify", resource))
            row.add(retagged(resource["Type"], region))
            row.causes.append(TAGGED)
    _spread(judge, rows)
    _rename(rows, before, after)
    return tuple(judge.made(name, row) for name in [*after, *before] if (row := rows.pop(name, None)))


@dataclass
class _Row:
    """A row while it is collected: its action, the resource as it will be (as it was, of one that goes), the values
    that change, what they do to the resource, and what makes them change.
    """

    action: str
    resource: Mapping[str, Any]
    properties: list[PropertyChange] = field(default_factory=list)
    effects: list[tuple[str, bool]] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    renamed: str = ""

    def add(self, change: PropertyChange, effect: str = "") -> None:
        """Take a value that changes; `effect` is what it does to the resource where the value does not say so."""
        self.properties.append(change)
        self.effects.append((effect or change.recreation, later(change.after)))

    @property
    def replacement(self) -> str:
        """Return the API's Replacement that follows from the values so far; empty where the row is no update."""
        if self.action != "Modify":
            return ""
        if (ALWAYS, False) in self.effects:
            return "True"
        return "Conditional" if any(kind != NEVER for kind, _ in self.effects) else "False"


@dataclass(frozen=True)
class _Judge:
    """What rows are judged by: where they are, the two templates, and how the two are seen (see `compare`)."""

    layer: str
    region: str
    old: Side
    new: Side
    unseen: bool
    side_by_side: bool

    @cached_property
    def changed(self) -> tuple[str, ...]:
        """Return the parameters whose value is another one."""
        return tuple(each for each, value in self.new.values.items() if self.old.values.get(each, NOTHING) != value)

    @property
    def conditions(self) -> Mapping[str, Any]:
        """Return the conditions of the new template."""
        found: Mapping[str, Any] = self.new.body.get("Conditions", {})
        return found

    def row(self, name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> _Row | None:
        """Return the row of one resource; None where nothing changes in it."""
        if before is None or after is None:
            resource = before or after or {}
            whole = _whole(resource, added=before is None)
            return _Row("Add" if before is None else "Remove", resource, whole, causes=list(self._appearing(name)))
        row = _Row("Modify", after)
        for each in _resource_differences(before, after, self._making(name, after["Type"])):
            row.add(each, self._effect(after["Type"], each.path, each.moved_from)[0] if self.side_by_side else "")
        row.causes += dict.fromkeys(cause for each in row.properties for cause in each.causes)
        return row if row.properties else None

    def _written(self, name: str) -> list[Mapping[str, Any]]:
        """Return a resource as the two templates write it."""
        return [side.body.get("Resources", {}).get(name, {}) for side in (self.old, self.new)]

    def _appearing(self, name: str) -> Iterator[Cause]:
        """Yield the parameters for which a resource in both templates is there now, or no longer: by its condition."""
        written = self._written(name)
        if written[0].get("Condition") == written[1].get("Condition"):
            asked = decides({"Fn::If": [written[1].get("Condition")]}, self.conditions)
            yield from (Cause(CauseKind.PARAMETER, each) for each in self.changed if each in asked)

    def _making(self, name: str, type_: str) -> Callable[..., PropertyChange]:
        """Return what makes a value of this resource that changes: with what it does to the resource, and with the
        parameters that make it change where the template itself does not.
        """
        written = self._written(name)

        def make(path: tuple[str | int, ...], before: object = None, after: object = None, **more: Any) -> Any:
            effect, note = self._effect(type_, path, more.get("moved_from"))
            if path[0] == "Condition" and "Condition" in self.new.resources[name]:
                effect = CONDITIONALLY  # whether it stays is not known
            sides = [_written(resource, path) for resource in written]
            used = decides(sides[1], self.conditions) if same(*sides) else set()
            causes = tuple(Cause(CauseKind.PARAMETER, each) for each in self.changed if each in used)
            shown = NEVER if self.side_by_side else effect
            return PropertyChange(path, before, after, shown, causes, **{**more, "note": note or more.get("note", "")})

        return make

    def _effect(self, type_: str, path: tuple[str | int, ...], moved_from: int | None) -> tuple[str, str]:
        """Return what a change does to its resource. Whether another order replaces is the provider's to say."""
        effect = recreation(type_, self.region, path)
        if moved_from is None or ordered(type_, self.region, path[:-1]):
            return effect, ""
        return NEVER if effect == NEVER else CONDITIONALLY, ORDER_ONLY

    def anew(self, row: _Row, used: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Return what of this, taken of the resource of a row, may be another value afterwards."""
        if not _in_place(row):
            return frozenset(used)
        type_ = row.resource["Type"]
        return frozenset(each for each in used if not stays(type_, self.region, each[1], row.properties))

    def touch(self, row: _Row, source: str, anew: frozenset[tuple[str, str]], certain: bool) -> None:
        """Add to a row what takes of a resource what is another value, for certain or perhaps."""
        cause, properties = Cause(CauseKind.RESOURCE, source), row.resource.get("Properties", {})
        row.causes.append(cause)
        for key, value in properties.items():
            path = ("Properties", key)
            if mentions(value) & anew and not any(each.path[:2] == path for each in row.properties):
                shown = mask(value, conceals(properties, key), name=key)
                after = shown if certain else KnownAfter(self.layer, source)
                effect = recreation(row.resource["Type"], self.region, path)
                known = NEVER if self.side_by_side else effect
                row.add(PropertyChange(path, shown, after, known, (cause,)), effect)

    def made(self, name: str, row: _Row) -> ResourceChange:
        """Return the finished row."""
        replacement, policy = row.replacement, ""
        if self.side_by_side and row.action == "Modify":
            replacement = "False"
        elif replacement == "True":
            policy = f"ReplaceAnd{replacement_policy(row.resource)}"
        elif row.action == "Remove" and not self.side_by_side:
            policy = deletion_policy(row.resource)
        if self.unseen:
            replacement = untrusted(row.resource["Type"], replacement, row.properties)
        return ResourceChange(
            self.layer, row.action, name, row.resource["Type"], replacement, policy,
            properties=tuple(row.properties),
            causes=tuple(dict.fromkeys(row.causes)),
            source=Source.TEMPLATE,
            renamed=row.renamed,
        )  # fmt: skip


def untrusted(type_: str, replacement: str, properties: Collection[PropertyChange]) -> str:
    """Return the replacement of a row that AWS was not asked about: what holds data and is changed in place by more
    than the stack's tags may be replaced.
    """
    may = replacement == "False" and resource_type(type_).holds_data is not False and not only_tags(properties)
    return "Conditional" if may else replacement


def _resource_differences(
    before: Mapping[str, Any], after: Mapping[str, Any], make: Callable[..., PropertyChange]
) -> Iterator[PropertyChange]:
    """Yield the changes of a resource: property by property, then its other attributes."""
    for attribute in dict.fromkeys(("Properties", *before, *after)):
        sides = [side.get(attribute, {} if attribute == "Properties" else NOTHING) for side in (before, after)]
        if attribute != "Properties" or any(not isinstance(each, dict) or intrinsic(each) for each in sides):
            yield from differences(sides[0], sides[1], (attribute,), attribute, make=make)
            continue
        for key in dict.fromkeys((*sides[0], *sides[1])):
            old, new = (side.get(key, NOTHING) for side in sides)
            hidden = any(conceals(side, key) for side in sides)
            yield from differences(old, new, (attribute, key), key, hidden, make)


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


def _whole(resource: Mapping[str, Any], added: bool) -> list[PropertyChange]:
    """Return all of a resource, as the changes that make it or take it away; its type is the row's own."""
    properties = resource.get("Properties", {})
    rest = {key: value for key, value in resource.items() if key not in ("Type", "Properties")}
    values: list[tuple[tuple[str | int, ...], Any]] = [((key,), mask(value)) for key, value in rest.items()]
    values += [
        (("Properties", key), mask(value, conceals(properties, key), name=key)) for key, value in properties.items()
    ]
    sides = (((path, NOTHING, value) if added else (path, value, NOTHING)) for path, value in values)
    return [PropertyChange(path, before, after) for path, before, after in sides]


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


def _spread(judge: _Judge, rows: dict[str, _Row]) -> None:
    """Spread what changes: a replacement changes the values of all that refer to it, a change in place those that take
    what may change with it. Create-only ones among them replace in turn.
    """
    before, after = judge.old.resources, judge.new.resources
    todo = [
        name
        for name, row in rows.items()
        if row.action == "Modify" and not (_in_place(row) and (judge.side_by_side or only_tags(row.properties)))
    ]
    if not todo:
        return
    users: dict[str, dict[str, set[tuple[str, str]]]] = {}
    for name, resource in after.items():
        for pair in mentions(resource.get("Properties", {})) if name in before else ():
            users.setdefault(pair[0], {}).setdefault(name, set()).add(pair)
    while todo:
        source = todo.pop(0)
        for name, pairs in users.get(source, {}).items():
            if name == source or not (anew := judge.anew(rows[source], pairs)):
                continue
            if after[name]["Type"] == rows[source].resource["Type"] == STACK_TYPE:
                continue  # what a nested stack hands to another is compared in that stack's own section
            was = (rows[name].replacement, len(rows[name].properties)) if name in rows else None
            row = rows.setdefault(name, _Row("Modify", after[name]))
            judge.touch(row, source, anew, rows[source].replacement == "True")
            if (row.replacement, len(row.properties)) != was:
                todo.append(name)


def _rename(
    rows: Mapping[str, _Row], before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]]
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
        rows[name].renamed, rows[found].renamed = found, name


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


def changed_outputs(old: Side, new: Side, rows: Sequence[ResourceChange], region: str) -> frozenset[str]:
    """Return outputs of the new template whose value may be another one afterwards."""
    changed = {row.logical_id: row for row in rows if row.action != "Remove"}
    before, after = old.outputs, new.outputs

    def moves(name: str, attribute: str) -> bool:
        row = changed.get(name)
        return row is not None and not (_in_place(row) and stays(row.type, region, attribute, row.properties))

    return frozenset(
        name
        for name, value in after.items()
        if name not in before or not same(before[name], value) or any(moves(*each) for each in mentions(value))
    )


def _in_place(row: _Row | ResourceChange) -> bool:
    """Return whether a row says that its resource stays the same one."""
    return row.action == "Modify" and row.replacement not in ("True", "Conditional")


def differing(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[PropertyChange, ...]:
    """Return the entries of two flat maps (parameters, tags, outputs) that differ, masked."""
    names = [*new, *(each for each in old if each not in new)]
    sides = ((name, old.get(name, NOTHING), new.get(name, NOTHING)) for name in names)
    found = (differences(before, after, (name,), name, looks_secret(name)) for name, before, after in sides)
    return tuple(change for each in found for change in each)


def rewritten_outputs(old: Side, new: Side) -> frozenset[str]:
    """Return the outputs that are written otherwise than before, or are new."""
    before, after = old.outputs, new.outputs
    return frozenset(name for name, value in after.items() if name not in before or not same(before[name], value))


def shrunk_outputs(old: Side, new: Side) -> frozenset[str]:
    """Return the outputs that are lists of references and hold some of those that they held before, and no other."""
    before, after = old.outputs, new.outputs
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
