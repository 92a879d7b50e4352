"""What each row of a plan does to the running service: nothing, a brief pause, an outage, or what cannot be done.

Pure: rows and two templates go in, one judgement per row comes out. What a change does is in the row of its type
(`resource_types`). A type without a row, a word of AWS's that nobody knows and a value that cannot be compared count as
an outage.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infragen.changes.diff import Side
from infragen.cloud.cloudformation import ResourceChange
from infragen.cloud.template import STACK_TYPE
from infragen.resource_types import rds, resource_type
from infragen.resource_types.interruption import (
    IMPOSSIBLE,
    LEVELS,
    NO,
    NONE,
    OUTAGE,
    UNKNOWN,
    Interruption,
    brief,
    impossible,
    outage,
)  # fmt: skip

VERSIONED = frozenset({rds.DB_CLUSTER.name, rds.DB_INSTANCE.name, rds.GLOBAL_CLUSTER.name})
"""Types whose EngineVersion only ever goes up (Aurora User Guide, "Upgrading Amazon Aurora PostgreSQL DB clusters")."""

QUIET = frozenset({"Tags", "TagsAll"})
"""Properties that no service stops for."""


@dataclass(frozen=True)
class PlannedInterruption:
    """What one row of a plan does to the service: one of `LEVELS`, and what for how long."""

    place: str
    level: str
    what: str

    def __str__(self) -> str:
        return f"{self.level}: {self.place}: {self.what}"


def interruptions(rows: Sequence[ResourceChange], old: Side, new: Side) -> tuple[PlannedInterruption, ...]:
    """Return one judgement per row, in their order; of a stack that does not exist, nothing is interrupted."""
    before, after = old.resources, new.resources
    found = []
    for row in rows:
        sides = [side.get(row.logical_id, {}) for side in (before, after)]
        worst = NONE
        if old.body:
            properties = [each.get("Properties", {}) for each in sides]
            worst = _another_type(*sides) or _worst(row, properties[0], properties[1])
        found.append(PlannedInterruption(row.place, worst.level, worst.what))
    return tuple(found)


def beyond(found: Collection[PlannedInterruption], most: str) -> tuple[PlannedInterruption, ...]:
    """Return those worse than `most`, a level; what is impossible always is."""
    return tuple(each for each in found if LEVELS.index(each.level) > LEVELS.index(most) or each.level == IMPOSSIBLE)


def _another_type(before: Mapping[str, Any], after: Mapping[str, Any]) -> Interruption | None:
    """Return that a resource cannot get another type, where it does; CloudFormation refuses such a change set ("Update
    of resource type is not permitted", aws/aws-sam-cli#6786, 2024-03-06).
    """
    if not before or not after or before["Type"] == after["Type"]:
        return None
    return impossible(
        f"CloudFormation does not turn a resource into one of another type ({before['Type']} -> {after['Type']}): give "
        "the new one another logical id"
    )


def _worst(row: ResourceChange, before: Mapping[str, Any], after: Mapping[str, Any]) -> Interruption:
    """Return the worst that a change does; of equals the first."""
    does = resource_type(row.type).interruptions
    if row.action in ("Add", "Import"):
        return NONE
    if row.action == "Remove":
        return does.removed
    if row.action not in ("Modify", "SyncWithActual"):
        return UNKNOWN
    if row.type == STACK_TYPE and row.replacement == "Conditional":
        return NONE  # its own rows tell
    found = [NONE]
    if row.replacement == "True":
        names = (str(each.path[1]) for each in row.properties if len(each.path) > 1)
        cannot = (does.changed(each, before.get(each), after.get(each)) for each in names if each in does.in_place)
        found += [does.replaced, *(each for each in cannot if each.level == IMPOSSIBLE)]
    elif row.replacement != "False":  # it may be replaced: what is impossible for certain is only possible now
        may = does.replaced
        found.append(outage(f"may not be possible: {may.what}") if may.level == IMPOSSIBLE else may)
    changed = {str(each.path[1]) for each in row.properties if each.path[:1] == ("Properties",) and len(each.path) > 1}
    whole = any(each.path == ("Properties",) for each in row.properties) or not row.properties
    if not does.known and (changed - QUIET or whole):
        found.append(UNKNOWN)
    if row.replacement != "True":
        found += [does.changed(each, before.get(each), after.get(each)) for each in sorted(changed - QUIET)]
        if row.type in VERSIONED and "EngineVersion" in changed:
            found.append(upgrade(before.get("EngineVersion"), after.get("EngineVersion")))
    return max(found, key=lambda each: LEVELS.index(each.level))


def upgrade(before: object, after: object) -> Interruption:
    """Return what another engine version does: brief from 17.6 to 17.7, long and one-way from 16.8 to 17.7, no way
    back.
    """
    old, new = _version(before), _version(after)
    if old is None or new is None:
        return outage(f"an engine version that cannot be compared: {before} -> {after}")
    if new < old:
        return impossible(
            f"RDS has no way back from engine version {before} to {after}: restore a snapshot of that version into a "
            "new cluster (`database.identifier_suffix`)"
        )
    if new[:1] != old[:1]:
        return outage(
            f"a major upgrade from {before} to {after}: usually 10-30 min without the database, and no way back"
        )
    return brief(f"a minor upgrade from {before} to {after}: connections end, about a minute")


def _version(value: object) -> tuple[int, ...] | None:
    return tuple(map(int, str(value).split("."))) if re.fullmatch(r"\d+(\.\d+)*", str(value)) else None


def summary(found: Collection[PlannedInterruption]) -> str:
    """Return `none`, or the worst level and how many rows have it."""
    worst = max((each.level for each in found), key=LEVELS.index, default=NO)
    count = sum(1 for each in found if each.level == worst)
    return NO if worst == NO else f"{worst} ({count} resource{'s' if count > 1 else ''})"


__all__ = ["OUTAGE", "PlannedInterruption", "beyond", "interruptions", "summary", "upgrade"]
