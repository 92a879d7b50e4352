"""What a drift-aware change set puts back, and what it leaves: the resources as they are against their template.

Pure. What is there comes from the detection of drift, with secrets hidden, and what happens to it from AWS's change
set. A difference that only one of the two has is never passed over: what AWS leaves is listed, and what AWS changes
without a difference that explains it counts as wholly new where a gate looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from infragen.changes.comparison import LayerSides, Side
from infragen.cloud.cloudformation import PropertyChange, PropertyDrift, ResourceChange, ResourceDrift
from infragen.secrecy.shown import Absent, KnownAfter

WHY_IGNORED = {
    "MANAGED_BY_AWS": "AWS manages it",
    "WRITE_ONLY_PROPERTY": "AWS cannot read it",
    "SENSITIVE_PROPERTY": "its value is sensitive",
}
"""Why drift of an attribute is ignored (API reference, ResourceDriftIgnoredAttribute, read 2026-11-29)."""

LEAVES = "AWS's change set leaves it as it is"
WHOLE = ""
"""What stands for a whole resource where a property would be named."""


def why_ignored(reason: str) -> str:
    """Return AWS's reason in words, with its own word."""
    words = WHY_IGNORED.get(reason)
    return f"{words} ({reason})" if words else f"AWS says {reason or 'no reason'}"


@dataclass(frozen=True)
class PutBack:
    """One stack that is put back: `sides` are the resources as they are and as the template says. What AWS changes
    without a difference that explains it is not there at all in `bare`, and unknown in `unknown`. `left` says what
    stays as somebody made it, and `promised` are the values that the change set puts back, by logical id and property.
    """

    sides: LayerSides
    bare: LayerSides
    unknown: LayerSides
    left: tuple[str, ...]
    promised: frozenset[tuple[str, str]]


def put_back(
    layer: str, region: str, deployed: Side, drifted: Sequence[ResourceDrift], rows: Sequence[ResourceChange]
) -> PutBack:
    """Return what AWS's rows do to the resources that drifted; `deployed` is the template that the stack has."""
    found = {each.logical_id: each for each in rows}
    promised = frozenset((row.logical_id, name) for row in rows for name in _names(row))
    reverted = [_reverted(each, found.get(each.logical_id)) for each in drifted]
    kept = [each for each in reverted if each is not None]
    actual, loose = _as_it_is(deployed, kept)
    explained = {(each.logical_id, str(one.path[0])) for each in kept for one in each.properties}
    explained |= {(each.logical_id, WHOLE) for each in kept if each.status == "DELETED"}
    whole = {each.logical_id for each in kept if each.status == "DELETED"}
    unexplained = {each for each in promised - explained if each[0] not in whole} | loose

    def sides(body: Mapping[str, Any]) -> LayerSides:
        return LayerSides(layer, Side(body, deployed.values), deployed, region)

    return PutBack(
        sides(actual),
        sides(_with(actual, unexplained, {})),
        sides(_with(actual, unexplained, {name: KnownAfter(layer) for name, _ in unexplained})),
        tuple(text for each in drifted for text in _left(each, found.get(each.logical_id))),
        promised,
    )


def still_there(promised: Iterable[tuple[str, str]], drifted: Iterable[ResourceDrift]) -> tuple[str, ...]:
    """Return what was to be put back and is still not as the template says, as `LogicalId Property`."""
    names = set(promised)
    whole = {name for name, _ in names}
    return tuple(
        text
        for each in drifted
        if each.logical_id in whole
        for text in (
            [each.logical_id]
            if each.status == "DELETED"
            else [f"{each.logical_id} {one.name}" for one in each.properties if _promised(each, one, names)]
        )
    )


def _promised(found: ResourceDrift, one: PropertyDrift, names: set[tuple[str, str]]) -> bool:
    return bool({(found.logical_id, str(one.path[0])), (found.logical_id, WHOLE)} & names)


def _names(row: ResourceChange) -> Iterator[str]:
    """Yield the properties that a row changes; WHOLE where it does not say, and of a resource that is created."""
    named = [_top(each) for each in row.properties]
    if row.action != "Modify" or not any(named):
        yield WHOLE
    else:
        yield from dict.fromkeys(named)


def _top(change: PropertyChange) -> str:
    """Return the property, or the attribute beside the properties, such as Tags, that a change is in."""
    below = change.path[1:2] if change.path[:1] == ("Properties",) else change.path[:1]
    return str(below[0]) if below else WHOLE


def _reverted(found: ResourceDrift, row: ResourceChange | None) -> ResourceDrift | None:
    """Return what of a drifted resource is put back; None where nothing is."""
    if row is None or found.status not in ("MODIFIED", "DELETED"):
        return None
    names = set(_names(row))
    some = tuple(each for each in found.properties if {str(each.path[0]), WHOLE} & names)
    if not some and found.status == "MODIFIED":
        return None
    return replace(found, properties=some)


def _left(found: ResourceDrift, row: ResourceChange | None) -> Iterator[str]:
    """Yield a sentence for each difference that stays."""
    if found.status not in ("MODIFIED", "DELETED"):
        yield f"{found.logical_id} is not put back: it is {found.status} ({found.reason or 'no reason'})"
        return
    if row is None and not found.properties:
        yield f"{found.logical_id} is not put back: {LEAVES}"
        return
    names = set(_names(row)) if row else set()
    for each in found.properties:
        if not {str(each.path[0]), WHOLE} & names:
            why = next(
                (why_ignored(one.reason) for one in (row.ignored if row else ()) if _same(one.name, each)), LEAVES
            )
            yield f"{found.logical_id}: {each.name} is not put back: {why}"


def _same(ignored: str, found: PropertyDrift) -> bool:
    return ignored.split(".")[0].split("[")[0] == str(found.path[0])


# --- the resources as they are ----------------------------------------------------------------------------------


def _as_it_is(deployed: Side, found: Iterable[ResourceDrift]) -> tuple[Mapping[str, Any], set[tuple[str, str]]]:
    """Return the template with the values that are there, and what could not be put into it, by logical id and
    property.
    """
    resources, loose = dict(deployed.body.get("Resources", {})), set[tuple[str, str]]()
    for each in found:
        if each.logical_id not in resources:
            continue
        if each.status == "DELETED":
            del resources[each.logical_id]
            continue
        properties = deepcopy(deployed.resources.get(each.logical_id, {}).get("Properties", {}))
        for one in sorted(each.properties, key=_last_first, reverse=True):
            if not _put(properties, one):
                loose.add((each.logical_id, str(one.path[0])))
        resources[each.logical_id] = {**resources[each.logical_id], "Properties": properties}
    return {**deployed.body, "Resources": resources}, loose


def _last_first(found: PropertyDrift) -> tuple[int, ...]:
    """Return a key by which what is put at the end of a list is put there before its earlier elements move."""
    return tuple(each for each in found.path if isinstance(each, int))


def _put(properties: Any, found: PropertyDrift) -> bool:
    """Put an actual value in its place; return whether the template has that place."""
    *way, last = found.path
    here = properties
    for step in way:
        if isinstance(here, dict) and str(step) in here:
            here = here[str(step)]
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        else:
            return False
    gone = isinstance(found.actual, Absent)
    if isinstance(here, dict):
        here.pop(str(last), None)
        here.update({} if gone else {str(last): found.actual})
        return True
    if not (isinstance(here, list) and isinstance(last, int)):
        return False
    if isinstance(found.expected, Absent):
        here.append(found.actual)
    elif last >= len(here):
        return False
    elif gone:
        del here[last]
    else:
        here[last] = found.actual
    return True


def _with(
    body: Mapping[str, Any], names: Iterable[tuple[str, str]], given: Mapping[str, KnownAfter]
) -> Mapping[str, Any]:
    """Return a template in which these properties, of WHOLE all of the resource, have the value that is `given` for the
    logical id, or are not there.
    """
    resources = dict(body.get("Resources", {}))
    for logical_id, name in sorted(names):
        resource = resources.get(logical_id)
        if resource is None:
            continue
        properties = dict(resource.get("Properties", {}))
        some = list(properties) if name == WHOLE else [name]
        kept = {key: value for key, value in properties.items() if key not in some}
        kept |= dict.fromkeys(some, given[logical_id]) if logical_id in given else {}
        resources[logical_id] = {**resource, "Properties": kept}
    return {**body, "Resources": resources}
