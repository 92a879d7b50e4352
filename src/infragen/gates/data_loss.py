"""What a deployment may not do by accident: replace or remove something that holds data.

Pure: rows of a plan go in, refusals come out. Whatever the tables here do not know counts as destructive. A refusal is
lifted for one resource by name (`--allow-data-loss LAYER/LogicalId`), never for a kind.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infragen.changes.replacement import schema_of
from infragen.cloud.cloudformation import ResourceChange
from infragen.cloud.template import STACK_TYPE
from infragen.resource_types import resource_type

SCHEMAS = "us-east-1"
"""The region whose schemas say what a type without a row has: it has every type."""

HOLDS = re.compile(r"Snapshot|Backup|Retention|Encrypt|Kms|PointInTime")
"""Properties of which a type that holds no data has none: snapshots, how long backups are kept, encryption at rest."""

KEEPS = frozenset({"Add", "Import", "Modify", "SyncWithActual"})
"""Actions that leave the resource in place unless `replacement` says otherwise."""

HARMLESS_POLICY = frozenset({"", "Retain", "Snapshot", "ReplaceAndRetain", "ReplaceAndSnapshot"})


@dataclass(frozen=True)
class Refusal:
    """One resource that would be lost, and why we think so; `property` is the one whose change in place loses it."""

    place: str
    type: str
    why: str
    property: str = ""

    def __str__(self) -> str:
        return f"{self.place} ({self.type}) {self.why}"


def refusals(
    changes: Iterable[ResourceChange],
    allowed: Collection[str] = (),
    origins: Mapping[tuple[str, tuple[str | int, ...]], str] | None = None,
) -> tuple[Refusal, ...]:
    """Return every stateful resource that the changes could destroy and that is not allowed by its `layer/LogicalId`.
    `origins` are the lines of the environment file that decide a row or a value in it, by logical id and path.
    """
    found = []
    for change in changes:
        why = destroyed(change) if holds_data(change.type) else ""
        if why and change.place not in allowed:
            found.append(
                Refusal(change.place, change.type, why + _unsure(change.type) + written(change, origins or {}))
            )
    return tuple(found)


def _unsure(type_: str) -> str:
    """Return why a type of which nobody knows whether it holds data counts as if it did."""
    if resource_type(type_).known:
        return ""
    schema = schema_of(type_, SCHEMAS)
    told = next((each for each in schema.properties if HOLDS.search(each)), "") if schema else ""
    return f": {told} says that it holds data" if told else f": infragen does not know whether {type_} holds data"


def written(change: ResourceChange, origins: Mapping[tuple[str, tuple[str | int, ...]], str]) -> str:
    """Return where in the environment file the change comes from, as far as that is known."""
    paths = [each.path for each in change.properties if each.recreation != "Never"]
    places = [line for path in paths if (line := origins.get((change.logical_id, path)))]
    places = places or [line for line in [origins.get((change.logical_id, ()))] if line]
    return f"; from {', '.join(dict.fromkeys(places))}" if places else ""


def holds_data(type_: str) -> bool:
    """Return whether the loss of a resource of this type is loss of data, as far as anybody knows: unknown types hold
    it.
    """
    return resource_type(type_).holds_data is not False


def may_hold_data(resource: Mapping[str, Any]) -> bool:
    """Return whether a resource of a template holds data: by its type, or because its settings do not say that it is
    one of those of its type that hold none.
    """
    row = resource_type(resource["Type"])
    properties = resource.get("Properties", {})
    plain = all(properties.get(name) in values for name, values in row.holds_none_with.items())
    return row.holds_data is not False or not plain


def destroyed(change: ResourceChange) -> str:
    """Return why the resource may not survive the change; empty when it certainly does."""
    if change.action == "Remove":
        return "would be removed"
    if change.action not in KEEPS:
        return f"may be removed or replaced (action {change.action or 'unknown'})"
    if change.action in ("Add", "Import"):
        return ""
    if change.replacement == "True":
        return "would be replaced by a new one"
    if change.replacement != "False" and any(each.path[:1] == ("Condition",) for each in change.properties):
        return "may be removed: what its condition asks is not known before it is deployed"
    if change.replacement != "False" and not (change.type == STACK_TYPE and change.replacement == "Conditional"):
        return f"may be replaced by a new one (replacement {change.replacement or 'unknown'})"
    if change.policy_action not in HARMLESS_POLICY:
        return f"would be deleted (policy action {change.policy_action})"
    return ""


def destructive(change: ResourceChange) -> bool:
    """Return whether a resource, stateful or not, may not survive the change."""
    if change.type == STACK_TYPE and change.action == "Modify" and change.replacement == "Conditional":
        return False  # how CloudFormation says that it has not looked into a nested stack; its own rows tell
    kept = change.action in ("Add", "Import") or change.replacement == "False"
    return not (change.action in KEEPS and kept)


def stateful(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Return logical ids of a template's resources that hold data, in its order; nested stacks have templates of their
    own.
    """
    resources = body.get("Resources", {}).items()
    return tuple(name for name, each in resources if each["Type"] != STACK_TYPE and may_hold_data(each))


def stack_policy(names: Collection[str]) -> dict[str, Any]:
    """Return a stack policy under which an update may do anything but replace or delete these resources.

    CloudFormation enforces it when a change set is executed (User Guide, "Prevent updates to stack resources").
    """
    allow = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    if not names:
        return {"Statement": [allow]}
    kept = [f"LogicalResourceId/{name}" for name in names]
    deny = {"Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*", "Resource": kept}
    return {"Statement": [allow, deny]}
