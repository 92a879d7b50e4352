"""Drift: resources that are not as their stack says, and what a deployment does about it.

Pure. What AWS found comes with secrets masked by their names; `hidden` masks what the template shows to be one.
`effect` says of a drifted property whether the deployment that is planned writes over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infragen.cloud.cloudformation import (
    DRIFTED,
    IN_SYNC,
    NOT_CHECKED,
    UNKNOWN,
    PropertyDrift,
    ResourceChange,
    ResourceDrift,
    StackResource,
)
from infragen.secrecy.masking import mask
from infragen.secrecy.shown import Absent, Secret

WORST_FIRST = (DRIFTED, UNKNOWN, NOT_CHECKED, IN_SYNC)


@dataclass(frozen=True)
class StackDrift:
    """One stack after it was looked at: its drift status and, where that is not a plain yes or no, AWS's reason.

    `resources` are those that are not, or not known to be, as the template says. `checked` counts all that were looked
    at; `unsupported` are those whose type AWS cannot look at.
    """

    layer: str
    stack: str
    status: str
    reason: str = ""
    resources: tuple[ResourceDrift, ...] = ()
    checked: int = 0
    unsupported: tuple[StackResource, ...] = ()


def overall(stacks: Iterable[StackDrift]) -> str:
    """Return the worst drift status of several stacks."""
    return min((each.status for each in stacks), key=_badness, default=NOT_CHECKED)


def _badness(status: str) -> int:
    return WORST_FIRST.index(status) if status in WORST_FIRST else 1


def hidden(found: ResourceDrift, properties: Mapping[str, Any]) -> ResourceDrift:
    """Return the drift without values that are secrets in the template: of NoEcho parameters, or dynamic references.

    `properties` are the resource's own, evaluated with the parameters that must not be shown sealed.
    """
    masked = mask(dict(properties))
    return replace(found, properties=tuple(_hidden(each, masked) for each in found.properties))


def _hidden(found: PropertyDrift, masked: object) -> PropertyDrift:
    if not _secret_at(masked, found.path):
        return found
    sides = (each if isinstance(each, Absent) else Secret() for each in (found.expected, found.actual))
    return PropertyDrift(found.path, *sides)


def _secret_at(value: object, path: Sequence[str | int]) -> bool:
    for step in path:
        if isinstance(value, Secret):
            return True
        if isinstance(value, dict) and str(step) in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return _holds_secret(value)
    return _holds_secret(value)


def _holds_secret(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_secret, value.values()))
    if isinstance(value, list):
        return any(map(_holds_secret, value))
    return isinstance(value, Secret) or (isinstance(value, str) and str(Secret()) in value)


# --- what a deployment does about it ----------------------------------------------------------------------------


STAYS = "stays as it is: the template does not change here"
OVERWRITTEN = "is written over by this deployment"
PERHAPS = "may be written over: this deployment updates the resource for another reason"
REPLACED = "goes with the resource, which is replaced"
REMOVED = "goes with the resource, which is removed"
MISSING = "is gone, and this deployment does not bring it back"
BREAKS = "is gone, and its update in this deployment will fail"


def effect(found: ResourceDrift, change: ResourceChange | None, path: Sequence[str | int] = ()) -> str:
    """Return what the planned change of a resource means for its drift, in words; with a `path`, for that property."""
    if change is None or change.action in ("Add", "Import"):
        return MISSING if found.status == "DELETED" else STAYS
    if change.action == "Remove":
        return REMOVED
    if change.replacement == "True":
        return REPLACED
    if found.status == "DELETED":
        return BREAKS
    written = any(_overlap(each.path[1:], path) for each in change.properties if each.path[:1] == ("Properties",))
    return OVERWRITTEN if path and written else PERHAPS


@dataclass(frozen=True)
class PlannedDrift:
    """A drifted resource of a layer, and what the planned deployment means for it and for each of its properties."""

    layer: str
    resource: ResourceDrift
    effect: str
    effects: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Return `layer/LogicalId`."""
        return f"{self.layer}/{self.resource.logical_id}"


def planned(stacks: Iterable[StackDrift], changes: Iterable[ResourceChange]) -> tuple[PlannedDrift, ...]:
    """Return what drifted, with what a deployment of these changes means for it."""
    rows = {each.place: each for each in changes}
    found = []
    for stack in stacks:
        for each in stack.resources:
            change = rows.get(f"{stack.layer}/{each.logical_id}")
            effects = tuple(effect(each, change, one.path) for one in each.properties)
            found.append(PlannedDrift(stack.layer, each, effect(each, change), effects))
    return tuple(found)


def not_looked_at(stacks: Iterable[StackDrift]) -> tuple[str, ...]:
    """Return a sentence for each stack of which it is not known whether it drifted."""
    return tuple(
        f"{each.stack}: whether it drifted is not known: {each.reason or each.status}"
        for each in stacks
        if each.status in (NOT_CHECKED, UNKNOWN)
    )


def _overlap(one: Sequence[str | int], other: Sequence[str | int]) -> bool:
    return bool(one) and all(str(a) == str(b) for a, b in zip(one, other, strict=False))
