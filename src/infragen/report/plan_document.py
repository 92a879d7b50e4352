"""A plan as the document that every format is made from: JSON's own types, key by key as `plan_types` says.

What is decided of a row is decided here: its kind, what becomes of it, whether a summary counts it, what is wiring.
`plan_types` says what each key means. Within a version keys are only added, in a fixed order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from infragen.assembly.stacks import ROOT
from infragen.cloud.cloudformation import Differs, Disagreement, IgnoredAttribute, PropertyChange, ResourceChange
from infragen.cloud.template import STACK_TYPE
from infragen.config import Difference, Origin, camel
from infragen.cost import Columns, CostDelta
from infragen.gates.access import Widening
from infragen.gates.data_loss import Refusal
from infragen.gates.interruption import PlannedInterruption
from infragen.plan.drift import PlannedDrift, StackDrift
from infragen.plan.model import EnvironmentPlan, PlannedRelease, StackPlan
from infragen.plan.revert import why_ignored
from infragen.report import plan_types as made
from infragen.report import plan_words as words
from infragen.report.checks import check_document
from infragen.report.plan_words import ADD, CHANGE, IMPORT, OTHER, REMOVE, REPLACE, REVISION
from infragen.report.settings import origin
from infragen.resource_types import resource_type
from infragen.resource_types.interruption import NO
from infragen.secrecy.shown import Absent, KnownAfter, Secret
from infragen.secrecy.visible import shown_json

VERSION = 1
"""Goes up when a key is removed or changes its meaning."""

_KINDS: Mapping[str, made.Kind] = {
    "Add": ADD, "Import": IMPORT, "Modify": CHANGE, "SyncWithActual": CHANGE, "Remove": REMOVE,
}  # fmt: skip
_REMOVED = {
    "": "",
    "Delete": "deleted",
    "Retain": "kept in AWS, no longer managed",
    "Snapshot": "snapshotted, then deleted",
}
_REPLACED = {
    "ReplaceAndDelete": "the old one is deleted",
    "ReplaceAndRetain": "the old one is kept in AWS, no longer managed",
    "ReplaceAndSnapshot": "the old one is snapshotted, then deleted",
}
_REVISED = {"": "", "ReplaceAndDelete": "", "ReplaceAndRetain": "the old one is kept"}
"""The old revision of a task definition is deregistered, which stops nothing (ECS API reference,
DeregisterTaskDefinition, read 2026-11-29)."""

Layers = Mapping[str, StackPlan]
"""The layers that have a section of their own."""


def as_json(*plans: EnvironmentPlan) -> str:
    """Return the document as text."""
    return shown_json(document(*plans), indent=2) + "\n"


def document(*plans: EnvironmentPlan) -> made.Document:
    """Return `{"version": 1, "plans": [...]}`, made of JSON's own types alone."""
    return {"version": VERSION, "plans": [plan_document(each) for each in plans]}


def plan_document(plan: EnvironmentPlan) -> made.Plan:
    """Return one plan."""
    layers = {each.layer: each for each in plan.stacks}
    drift = None if plan.drift is None else [_drift(each) for each in plan.drift]
    marks = {each["place"]: words.drift_sentences(each) for each in drift or ()}
    stacks = [_stack(each, layers, marks) for each in plan.stacks]
    cost = cost_document(plan.cost) if plan.cost else None
    counts = words.count(row for each in stacks for row in each["changes"])
    found: made.Plan = {
        "environment": plan.environment,
        "account": plan.account,
        "region": plan.region,
        "topology": plan.topology,
        "against": plan.against,
        "between": plan.between,
        "changed": plan.changed,
        "summary": {
            "text": "",
            "add": counts[ADD],
            "import": counts[IMPORT],
            "change": counts[CHANGE],
            "revision": counts[REVISION],
            "replace": counts[REPLACE],
            "remove": counts[REMOVE],
            "other": counts[OTHER],
        },
        "refusals": [_refusal(each) for each in plan.refusals],
        "warnings": list(plan.warnings),
        "capabilities": list(plan.capabilities),
        "settings": [_setting(each) for each in plan.settings],
        "cost": cost,
        "budget": plan.budget,
        "over_budget": plan.over_budget,
        "drift": drift,
        "looked": [_looked(each) for each in plan.looked],
        "checks": [check_document(each) for each in plan.checks],
        "running_tag": plan.running_tag,
        "image_tag": plan.image_tag,
        "release": _release(plan.release) if plan.release else None,
        "stacks": stacks,
        "reverts_drift": plan.reverts,
    }
    found["summary"]["text"] = words.summary(found)
    return found


def _release(release: PlannedRelease) -> made.Release:
    return {
        "text": words.release_text(release.command, release.tag, release.before),
        "command": list(release.command),
        "image_tag": release.tag,
        "digest": release.digest,
        "timeout_minutes": release.seconds // 60,
        "cpu": release.cpu,
        "memory": release.memory,
        "before": release.before,
    }


def _setting(difference: Difference) -> made.Setting:
    def side(value: Origin | None) -> made.SettingValue | None:
        return {"value": _plain(value.value), "origin": origin(value)} if value else None

    return {"key": difference.key, "before": side(difference.before), "after": side(difference.after)}


def cost_document(cost: CostDelta) -> made.Cost:
    """Return what a deployment changes in the monthly cost."""
    resources: list[made.ResourceCost] = [
        {
            "place": f"{each.layer}/{each.logical_id}",
            "layer": each.layer,
            "logical_id": each.logical_id,
            "type": each.type,
            "before": columns(each.before),
            "after": columns(each.after),
        }
        for each in cost.resources
    ]
    return {
        "text": words.cost_summary(columns(cost.change), cost.unpriced),
        "before": columns(cost.before),
        "after": columns(cost.after),
        "change": columns(cost.change),
        "resources": resources,
        "unpriced": list(cost.unpriced),
        "prices": cost.prices,
    }


def columns(usd: Columns) -> made.Usd:
    """Return USD a month in three columns, to a hundredth of a cent; a zero has no sign."""
    return {
        "minimum": round(usd.minimum, 4) + 0.0,
        "expected": round(usd.expected, 4) + 0.0,
        "maximum": round(usd.maximum, 4) + 0.0,
    }


def _drift(found: PlannedDrift) -> made.Drift:
    resource = found.resource
    pairs = zip(resource.properties, found.effects, strict=True)
    return {
        "place": found.place,
        "layer": found.layer,
        "logical_id": resource.logical_id,
        "type": resource.type,
        "status": resource.status,
        "reason": resource.reason,
        "fate": found.effect,
        "properties": [
            {
                "name": each.name,
                "path": list(each.path),
                "expected": value(each.expected),
                "actual": value(each.actual),
                "fate": effect,
            }
            for each, effect in pairs
        ],
    }


def _looked(found: StackDrift) -> made.Looked:
    return {"layer": found.layer, "stack": found.stack, "status": found.status, "reason": found.reason}


def _refusal(refusal: Refusal) -> made.Refusal:
    return {"place": refusal.place, "type": refusal.type, "why": refusal.why}


def _widening(widening: Widening, gated: bool) -> made.Widening:
    return {
        "place": widening.place,
        "kind": widening.kind,
        "sentence": widening.sentence,
        "grave": widening.grave,
        "gated": gated,
    }


# --- a stack ----------------------------------------------------------------------------------------------------


def _stack(stack: StackPlan, layers: Layers, marks: Mapping[str, Sequence[str]]) -> made.Stack:
    stops = {each.place: each for each in stack.interruptions}
    nested = ROOT in layers and stack.layer != ROOT
    return {
        "layer": stack.layer,
        "stack": stack.stack,
        "action": stack.action,
        "source": stack.source,
        "waits_for": list(stack.waits_for),
        "changes": [
            _row(each, stack, marks.get(each.place, ()), stops.get(each.place), layers) for each in stack.changes
        ],
        "parameters": [_property(each) for each in stack.parameters],
        "tags": [_property(each) for each in stack.tags],
        "outputs": [_property(each) for each in stack.outputs],
        "notes": [*stack.details, *stack.notes],
        "widenings": [_widening(each, each in stack.gated) for each in stack.widenings],
        "settings": [_property(each) for each in stack.settings],
        "losses": [_refusal(each) for each in stack.losses],
        "disagreements": [disagreement(each) for each in stack.disagreements],
        "details": list(stack.details),
        "wiring": _no_wiring() if stack.created else _wiring(stack, nested, marks),
    }


def _no_wiring() -> made.Wiring:
    return {"parameters": [], "outputs": [], "display": []}


def _wiring(stack: StackPlan, nested: bool, marks: Mapping[str, Sequence[str]]) -> made.Wiring:
    """Return the wiring in the plan of a stack: all parameters and outputs of a nested one, whose values its parent
    has; of one of its own those that are new, or known only after another layer is deployed; and what only shows
    others.
    """
    return {
        "parameters": [str(each.path[0]) for each in stack.parameters if nested or _passed_on(each)],
        "outputs": [str(each.path[0]) for each in stack.outputs if nested or isinstance(each.before, Absent)],
        "display": [each.logical_id for each in stack.changes if _display_only(each, marks.get(each.place, ()))],
    }


def _passed_on(change: PropertyChange) -> bool:
    return isinstance(change.before, Absent) or isinstance(change.after, Absent | KnownAfter)


def _row(
    change: ResourceChange,
    stack: StackPlan,
    drift: Sequence[str],
    interruption: PlannedInterruption | None,
    layers: Layers,
) -> made.Row:
    what, origins = kind(change), stack.origins
    return {
        "place": change.place,
        "layer": change.layer,
        "logical_id": change.logical_id,
        "type": change.type,
        "kind": what,
        "remark": _remark(change),
        "counted": _tells(change, layers) and not _display_only(change, drift),
        "action": change.action,
        "replacement": change.replacement,
        "reported": change.reported,
        "policy_action": change.policy_action,
        "physical_id": change.physical_id,
        "source": change.source,
        "change_set_id": change.change_set_id,
        "causes": list(map(str, change.causes)),
        "origin": origins.get((change.logical_id, ()), ""),
        "drift": list(drift),
        "renamed": change.renamed,
        "disagreements": [disagreement(each, stack.action == "revert") for each in change.disagreements],
        "properties": [
            {
                **_property(each, origins.get((change.logical_id, each.path), "")),
                "forces": what == REPLACE and each.recreation == "Always",
            }
            for each in change.properties
        ],
        "interruption": {
            "level": interruption.level if interruption else NO,
            "what": interruption.what if interruption else "",
        },
        "drift_status": change.drift,
        "ignored": [_ignored(each) for each in change.ignored],
    }


def _ignored(attribute: IgnoredAttribute) -> made.Ignored:
    return {
        "path": list(attribute.path),
        "reason": attribute.reason,
        "text": f"drift of {attribute.name} is ignored: {why_ignored(attribute.reason)}",
    }


def kind(change: ResourceChange) -> made.Kind:
    """Return what happens to a resource, in one of seven words; a modification that may replace it counts as a
    replacement.
    """
    if change.type == STACK_TYPE and change.replacement == "Conditional":
        return CHANGE  # how CloudFormation says that it has not looked into a nested stack
    if change.action == "Modify" and change.replacement not in ("False", ""):
        return REVISION if _is_revision(change) else REPLACE
    return _KINDS.get(change.action, OTHER)


def _is_revision(change: ResourceChange) -> bool:
    """Return whether AWS's replacement is the next revision of the same thing, as for task definitions."""
    name = resource_type(change.type).revision_of
    return bool(name and change.properties) and all(each.path[:2] != ("Properties", name) for each in change.properties)


def _display_only(change: ResourceChange, drift: Sequence[str]) -> bool:
    """Return whether all that changes of a resource is what it shows of others, as of a dashboard: no change of its
    own.
    """
    shows = resource_type(change.type).display
    return (
        bool(shows and change.properties)
        and kind(change) == CHANGE
        and not (change.disagreements or drift)
        and all(each.path[0] == "Properties" and each.path[1:2] and each.path[1] in shows for each in change.properties)
    )


def _tells(change: ResourceChange, layers: Layers) -> bool:
    """Return whether a row tells something: that of a nested layer only what its own section does not (template,
    parameters, tags).
    """
    own_section = (each for name, each in layers.items() if camel(name) == change.logical_id)
    layer = next(own_section, None) if change.type == STACK_TYPE else None
    if layer is None or kind(change) == REMOVE:
        return True
    own = any(not words.told_by_layer(_property(each), bool(layer.tags)) for each in change.properties)
    return own and not (layer.created and kind(change) == ADD)


def _remark(change: ResourceChange) -> str:
    """Return what becomes of a resource that is removed or replaced, in words; empty where the kind says it all."""
    what = kind(change)
    if what == REMOVE:
        return _REMOVED.get(change.policy_action, change.policy_action)
    if what == OTHER:
        return f"{change.action}: what happens is known only when it runs"
    if what == REVISION:
        lead = "new revision" if change.replacement == "True" else "perhaps a new revision"
        revised = _REVISED.get(change.policy_action, change.policy_action)
        return f"{lead}; {revised}" if revised else lead
    if what != REPLACE:
        return ""
    lead = "replaced" if change.replacement == "True" else "may be replaced"
    replaced = _REPLACED.get(change.policy_action, change.policy_action)
    return f"{lead}: {replaced}" if replaced else lead


def disagreement(found: Disagreement, reverts: bool = False) -> str:
    """Return what the two sources say differently, as a sentence; where drift is put back, what was found of it is the
    other source.
    """
    text = _disagreement(found)
    return text.replace("comparing templates", "the drift found") if reverts else text


def _disagreement(found: Disagreement) -> str:
    first, *rest = found.about
    other = rest[0] if rest else ""
    match found.what:
        case Differs.ONLY_TEMPLATE:
            return f"AWS's change set does not {first} it"
        case Differs.ONLY_CHANGE_SET:
            return f"comparing templates does not {first} it"
        case Differs.ACTION:
            return f"AWS's change set would {first} it, comparing templates would {other} it"
        case Differs.REPLACEMENT:
            does, says = ("replaces", "kept") if first == "True" else ("keeps", "replaced")
            return f"AWS's change set {does} it, the resource's schema says that it is {says}"
        case Differs.POLICY:
            return f"AWS's change set says {first}, comparing templates {other}"
        case Differs.PROPERTY_ONLY_CHANGE_SET:
            return f"only AWS's change set says that {first} changes"
        case Differs.PROPERTY_ONLY_TEMPLATE:
            return f"only comparing templates says that {first} changes"
        case Differs.VALUE:
            return f"AWS's change set says that {first} becomes {other}"
        case Differs.EMPTY:
            names = f" ({', '.join(rest[1:])})" if rest[1:] else ""
            return f"comparing templates would {first} {other}{names}, and AWS's change set is empty"


# --- a value ----------------------------------------------------------------------------------------------------


def _property(change: PropertyChange, line: str = "") -> made.Property:
    return {
        "name": path(change),
        "path": list(change.path),
        "before": value(change.before),
        "after": value(change.after),
        "recreation": change.recreation,
        "cause": ", ".join(map(str, change.causes)),
        "moved_from": change.moved_from,
        "note": change.note,
        "origin": line,
    }


def path(change: PropertyChange) -> str:
    """Return `Tags[Team].Value`: without the word Properties, which nearly every path begins with."""
    steps = change.path[1:] if len(change.path) > 1 and change.path[0] == "Properties" else change.path
    plain = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in steps).lstrip(".")
    return change.name or plain


def value(held: object) -> made.Value:
    """Return one side of a change: what is known of it and how surely."""
    if held is None:
        return {"kind": "not told", "text": words.text_of(held)}
    if isinstance(held, Absent):
        return {"kind": "absent", "text": str(held)}
    if isinstance(held, Secret):
        return {"kind": "secret", "text": str(held)}
    if isinstance(held, KnownAfter):
        return {"kind": "later", "text": str(held), "layer": held.layer, "name": held.name}
    later: list[made.LaterPart] = [
        {"path": list(path), "layer": each.layer, "name": each.name} for path, each in _later(held, ())
    ]
    if later:
        return {"kind": "partly later", "value": _plain(held), "later": later}
    if isinstance(held, str | int | float | dict | list):
        return {"kind": "known", "value": _plain(held)}
    return {"kind": "other", "text": str(held)}


def _later(held: object, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], KnownAfter]]:
    """Yield the places in a value that are known only after a layer is deployed."""
    if isinstance(held, KnownAfter):
        yield path, held
    elif isinstance(held, dict):
        for key, each in held.items():
            yield from _later(each, (*path, str(key)))
    elif isinstance(held, list):
        for index, each in enumerate(held):
            yield from _later(each, (*path, index))


def _plain(held: object) -> object:
    """Return a template value in JSON's own types; what stands for another value, in its words."""
    if isinstance(held, dict):
        return {str(key): _plain(each) for key, each in held.items()}
    if isinstance(held, list):
        return [_plain(each) for each in held]
    if held is None or isinstance(held, str | int) or (isinstance(held, float) and math.isfinite(held)):
        return held
    return str(held)
