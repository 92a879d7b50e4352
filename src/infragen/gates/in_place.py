"""What a change in place loses: data that ends with a shorter retention, and what protects data from deletion.

Pure: a deployed template and a rendered one go in, refusals come out. What a change of a property loses is in the row
of its type (`resource_types`). Of a type that holds data, or of which nobody knows whether it does, every other
property counts as a loss unless its change plainly is none; of a type that holds none, those whose names sound like it.
A value that cannot be compared counts as a loss.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from infragen.changes.diff import Side, deletion_policy, replacement_policy
from infragen.changes.evaluate import references
from infragen.changes.values import NOTHING, intrinsic, opened, same
from infragen.cloud.cloudformation import ResourceChange
from infragen.cloud.template import STACK_TYPE
from infragen.gates.data_loss import Refusal, destroyed, holds_data, may_hold_data
from infragen.gates.unseen import unseen_losses
from infragen.resource_types import Loss, When, resource_type

SOUNDS = re.compile(
    r"retention|retain|backup|snapshot|recover|protection|expir|timetolive|ttl|lifecycle|pointintime|versioning"
    r"|filter|archive|undelete|keep|window(in)?days|days(before|after|to)|terminat|deadletter|eventage|recordage|attempts",
    re.IGNORECASE,
)
"""Names of properties that decide how long data is kept, what protects it, or what is let through."""

LIMITS = re.compile(r"retention|retain|expir|timetolive|ttl|lifecycle|filter|days|age(in\w+)?$|attempts", re.IGNORECASE)
"""Those that end something by being written: without them a service often keeps it forever."""

COPIES = re.compile(r"backup|snapshot|recover|protection|pointintime", re.IGNORECASE)
"""Those of which there is less without them, whatever else their names say."""

GROWS = re.compile(
    r"retention|retain|days|hours|keep|backup|snapshot|count|^num|number|size|capacity|storage|nodes|replicas|shards"
    r"|copies|instances|throughput|iops|memory|cpu|units",
    re.IGNORECASE,
)
"""Names of numbers of which more is kept, copied or held the larger they are; of other numbers nobody knows that."""

PROTECTS = re.compile(
    r"protect|backup|snapshot|point_?in_?time|versioning|encrypt|multi_?az|failover|recover|durab|lock", re.IGNORECASE
)
"""Names of switches that keep data safe while they are on."""

TURNED = re.compile(
    r"skip|disable|exclude|without|purge|suspend|ignore|force|interval|frequency|every|between|delete(?!protect|d?only)"
    r"|(?-i:(^|[a-z_])[Nn]o[A-Z_])",
    re.IGNORECASE,
)
"""What turns a name round: `SkipFinalSnapshot`, `SnapshotIntervalHours`."""

STAYS_OFF = re.compile(r"^disable\w*(terminat|delet)", re.IGNORECASE)
"""`DisableApiTermination` protects although it says disable."""

NOTHING_KEPT = re.compile(r"Tags(All)?$|Descriptions?$|Comment$")
"""Names of what no service keeps data by."""

NAMES = ("IndexName", "Region")
"""What names an element of a list that may lose one."""

POLICIES = {"Retain": 2, "Snapshot": 1, "Delete": 0}
"""What becomes of a resource, by how much of it is left."""


def losses(
    layer: str, old: Side, new: Side, rows: Sequence[ResourceChange], *, shown: bool = False
) -> tuple[Refusal, ...]:
    """Return what the change from one template to the other loses in place, and what nobody sees of it; of a stack that
    is new, nothing. `shown` says that AWS's change set shows all that changes.

    Also what `rows` destroy of a type that holds no data, where its deployed or new policy keeps it: who keeps a
    resource at its deletion says that there is something in it. And what gets another type, of which its row says no
    more what it was.
    """
    before, after = old.resources, new.resources
    found = []
    for name, was in before.items():
        becomes, place = after.get(name), f"{layer}/{name}"
        kind = was["Type"]
        row = next((each for each in rows if each.logical_id == name), None)
        kept = any(_left(each, attribute, "Retain") for each in (was, becomes) if each for attribute in _POLICY_OF)
        if row is not None and not holds_data(kind) and (why := destroyed(row)):
            if kept:
                found.append(Refusal(place, kind, f"{why}; its deletion policy says that it holds data"))
            elif may_hold_data(was):
                found.append(Refusal(place, kind, f"{why}, and with it {resource_type(kind).data}"))
        if becomes is not None and becomes["Type"] != kind and may_hold_data(was) and not holds_data(becomes["Type"]):
            found.append(Refusal(place, kind, f"would be replaced by a resource of another type ({becomes['Type']})"))
        stays = row is None or not destroyed(row)
        if stays and becomes is not None and becomes["Type"] == kind != STACK_TYPE:
            listed = _as_listed(row, was, becomes, after.keys())
            found += [Refusal(place, kind, why, name) for name, why in _in_place(was, listed)]
    return tuple(dict.fromkeys([*found, *unseen_losses(layer, old, new, rows, shown=shown)]))


def _as_listed(
    row: ResourceChange | None, was: Mapping[str, Any], becomes: Mapping[str, Any], resources: Collection[str]
) -> Mapping[str, Any]:
    """Return a resource as it becomes, with another value for what only AWS looks up and lists as changed: a parameter
    or a dynamic reference of Parameter Store, which both templates write alike.
    """
    old, new = was.get("Properties", {}), becomes.get("Properties", {})
    keys = {str(each.path[1]) for each in row.properties if len(each.path) > 1} if row is not None else set()
    moved = {key for key in keys & new.keys() if same(old.get(key), new[key]) and _looked_up(new[key], resources)}
    return {**becomes, "Properties": {**new, **{key: {"Fn::Transform": new[key]} for key in moved}}}


def _looked_up(value: Any, resources: Collection[str]) -> bool:
    """Return whether an evaluated value holds something that only AWS looks up."""
    names = {each for each in references(value) if not each.startswith("AWS::")}
    return not names <= set(resources) or "{{resolve:" in json.dumps(value, default=str)


_POLICY_OF = {"DeletionPolicy": deletion_policy, "UpdateReplacePolicy": replacement_policy}


def _left(resource: Mapping[str, Any], attribute: str, unknown: str) -> int:
    """Return how much is left of a resource by one of its policies; `unknown` is what counts where a function says it
    that only AWS evaluates.
    """
    policy = _POLICY_OF[attribute](resource)
    return POLICIES[unknown if isinstance(resource.get(attribute), Mapping) else policy]


def _in_place(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is lost: the attribute or property whose change does it, and why."""
    for attribute, policy in _POLICY_OF.items():
        was, becomes = policy(before), policy(after)
        when = "deleted" if attribute == "DeletionPolicy" else "replaced"
        if any(isinstance(each.get(attribute), Mapping) for each in (before, after)):
            less = _left(after, attribute, "Delete") < _left(before, attribute, "Retain")
            if less and not same(before.get(attribute), after.get(attribute)):
                yield attribute, f"would change its {attribute}: when it is {when}, less of it may be kept"
        elif POLICIES[becomes] < POLICIES[was]:
            left = "nothing of it is kept" if becomes == "Delete" else "only a snapshot of it is kept"
            yield attribute, f"would lose its {attribute} {was}: when it is {when}, {left}"
    row = resource_type(before["Type"])
    old, new = before.get("Properties", {}), after.get("Properties", {})
    for each in row.losses:
        why = _lost(each, _at(old, each.path), _at(new, each.path))
        if why:
            yield each.property, why
    if may_hold_data(before) or row.strict:
        judged = (*(each.written for each in row.losses), *row.keeps)
        for path, was, becomes in _unjudged(old, new, judged):
            if not _plainly_none(path, was, becomes):
                unknown = f"{path} would change: infragen does not know what a change of {path} loses"
                yield _property(path), unknown
        return
    for path in _sounding(old, new, {each.property for each in row.losses} | row.keeps):
        why = _lost(_unnamed(path, old, new), _at(old, path), _at(new, path))
        if why:
            yield _property(path), why


def _property(path: str) -> str:
    """Return the property that a path begins with."""
    return path.partition(".")[0]


def _at(properties: Any, path: str) -> Any:
    """Return the value at a path, whose steps are parted by dots, or by slashes where a name holds a dot;
    `Attributes[key]` is the value of the list's element with that key.
    """
    head, _, key = path.removesuffix("]").partition("[")
    found: Any = properties
    for step in head.split("/" if "/" in head else "."):
        found = _document(found) if isinstance(found, str) else found
        found = found.get(step, NOTHING) if isinstance(found, Mapping) else NOTHING
    if key and isinstance(found, list):
        values = [each.get("Value", NOTHING) for each in found if isinstance(each, Mapping) and each.get("Key") == key]
        return values[0] if values else NOTHING
    return found


def _unjudged(old: Any, new: Any, judged: Sequence[str], above: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield where the two differ outside of the paths that are judged: the path, and what stands there on both sides.

    A list is one value: nobody knows what its order means.
    """
    for key in dict.fromkeys((*old, *new)):
        path, was, becomes = f"{above}{key}", _plain(old.get(key, NOTHING)), _plain(new.get(key, NOTHING))
        if same(was, becomes) or any(_covers(each, path) for each in judged):
            continue
        one, other = ({} if each is NOTHING else each for each in (was, becomes))
        if all(isinstance(each, Mapping) and not intrinsic(each) for each in (one, other)):
            yield from _unjudged(one, other, judged, f"{path}.")
        else:
            yield path, was, becomes


def _plain(value: Any) -> Any:
    """Return a document that is written as a text, opened; any other value as it is."""
    found = _document(value) if isinstance(value, str) else value
    return found if isinstance(found, Mapping) else value


def _covers(judged: str, path: str) -> bool:
    return path.startswith(judged[:-1]) if judged.endswith("*") else path == judged or path.startswith(f"{judged}.")


def _plainly_none(path: str, before: Any, after: Any) -> bool:
    """Return whether a change of which only the name is known certainly loses nothing: more is kept, or better
    protected.
    """
    name = path.rpartition(".")[2]
    if NOTHING_KEPT.search(path.partition(".")[0]) or NOTHING_KEPT.search(name):
        return True
    scalars = not any(isinstance(each, Mapping | list) for each in (before, after))
    if scalars and str(before) == str(after):
        return True
    if STAYS_OFF.match(name):
        return _truth(after) is True
    if TURNED.search(name):
        return False
    if _truth(after) is not None:
        return _truth(after) is True and bool(PROTECTS.search(name))
    old, new = _number(before), _number(after)
    if old is not None and new is not None:
        return bool(GROWS.search(name)) and 0 < old <= new
    return before is NOTHING and bool(COPIES.search(name)) and (new is None or new > 0)


def _sounding(old: Any, new: Any, named: frozenset[str] | set[str], path: str = "") -> Iterator[str]:
    """Yield the paths at which the two differ and whose name sounds like keeping, protecting or letting through."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return
    for key in dict.fromkeys((*old, *new)):
        was, becomes = old.get(key, NOTHING), new.get(key, NOTHING)
        if key in named:
            continue
        if SOUNDS.search(key):
            yield f"{path}{key}"
        elif isinstance(was, list) or isinstance(becomes, list):
            if _kept_in(was) != _kept_in(becomes):
                yield f"{path}{key}"
        else:
            yield from _sounding(
                {} if was is NOTHING else was, {} if becomes is NOTHING else becomes, frozenset(), f"{path}{key}."
            )


def _kept_in(value: Any) -> list[tuple[str, str]]:
    """Return what stands in a list under names that sound like keeping, with their values as one text each."""
    if isinstance(value, list):
        return [found for each in value for found in _kept_in(each)]
    if not isinstance(value, Mapping):
        return []
    sounding = [
        (key, json.dumps(each, sort_keys=True, default=str)) for key, each in value.items() if SOUNDS.search(key)
    ]
    return sounding + [found for each in value.values() for found in _kept_in(each)]


def _unnamed(path: str, old: Any, new: Any) -> Loss:
    """Return how to judge a property of which only its name is known: by what its values look like."""
    values = [_at(each, path) for each in (old, new)]
    words = f"infragen does not know what a change of {path} loses"
    if any(_truth(each) is not None for each in values):
        return Loss(path, When.OFF, words)
    if all(_number(each) is not None for each in values):
        return Loss(path, When.LESS, words)
    name = path.rpartition(".")[2]
    listed = not SOUNDS.search(name)  # it is the list, and what is in it sounds so
    ends = listed or (LIMITS.search(name) and not COPIES.search(name))
    new = values[0] is NOTHING
    return Loss(path, When.CHANGED if NOTHING not in values or (new and ends) else When.GONE, words)


# --- one property -----------------------------------------------------------------------------------------------


def _lost(loss: Loss, before: Any, after: Any) -> str:
    """Return what the change loses, in words; empty when it loses nothing."""
    if same(before, after):
        return ""
    was, becomes = (loss.default if each is NOTHING else each for each in (before, after))
    match loss.when:
        case When.LESS:
            return _less(loss, _number(was), _number(becomes))
        case When.OFF | When.ON:
            return _switched(loss, _truth(was), _truth(becomes))
        case When.GONE:
            return f"would lose {loss.written}: {loss.words}" if after is NOTHING else ""
        case When.CHANGED:
            differs = not same(was, becomes) if loss.default is not None else after is not NOTHING
            lost = differs and (None if before is NOTHING else before) not in loss.weakest
        case When.SOONER:
            lost = after is not NOTHING and not _grows(_document(before), _document(after))
        case When.FEWER:
            lost = after is not NOTHING and not _more_patterns(before, after)
        case When.DROPS:
            lost = not _holds_all(before, after)
        case When.ANY:
            lost = True
    return f"{loss.written} would change: {loss.words}" if lost else ""


def _less(loss: Loss, before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return f"{loss.written} would change to a value that cannot be compared: what it keeps may be lost"
    old, new = (float("inf") if each in loss.endless else each for each in (before, after))
    if new >= old:
        return ""
    units = {"before": old / loss.unit, "after": new / loss.unit, "less": (old - new) / loss.unit}
    shown = "unlimited" if old == float("inf") else f"{units['before']:g}"
    words = re.sub(r"\b1 (day|second)s\b", r"1 \1", loss.words.format(**units))
    return f"{loss.written} would fall from {shown} to {units['after']:g}: {words}"


def _switched(loss: Loss, before: bool | None, after: bool | None) -> str:
    if after is (loss.when is When.OFF):
        return ""
    if before is None or after is None:
        return f"{loss.written} would change to a value that cannot be compared: {loss.words}"
    lost = (before, after) == ((True, False) if loss.when is When.OFF else (False, True))
    name = loss.path.partition("[")[2].removesuffix("]") or loss.path
    return f"{name} would become {str(after).lower()}: {loss.words}" if lost else ""


def _grows(before: Any, after: Any) -> bool:
    """Return whether two documents are the same but for numbers, and no number falls."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_grows(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_grows, before, after))
    old, new = _number(before), _number(after)
    return same(before, after) or (old is not None and new is not None and new >= old)


def _document(value: Any) -> Any:
    """Return a JSON document written as a text, opened, also inside a mapping."""
    if isinstance(value, str):
        found = opened(value)
        return value if found is None else found
    return {key: _document(each) for key, each in value.items()} if isinstance(value, Mapping) else value


def _more_patterns(before: Any, after: Any) -> bool:
    """Return whether every pattern that let through before still does."""
    old, new = (each.get("Filters") if isinstance(each, Mapping) else None for each in (before, after))
    return isinstance(old, list) and isinstance(new, list) and all(any(same(a, b) for b in new) for a in old)


def _holds_all(before: Any, after: Any) -> bool:
    """Return whether every element of a list is still there, by its name where it has one."""
    old, new = ([] if each is NOTHING else each for each in (before, after))
    if not (isinstance(old, list) and isinstance(new, list)):
        return False
    return all(any(_named(one) == _named(other) for other in new) for one in old)


def _named(element: Any) -> str:
    """Return what an element of a list is called; without a name, all that it says."""
    names = (element.get(key) for key in NAMES) if isinstance(element, Mapping) else ()
    return next((each for each in names if isinstance(each, str)), json.dumps(element, sort_keys=True, default=str))


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _truth(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(str(value).lower())
