"""Plans as one JSON document for programs: every field of the model, and the words that people read beside them.

`plan_schema` says what each key means; the two change together. Within a version keys are only added, in a fixed order.
"""

import math
from collections.abc import Iterator

from infragen.cloudformation import Absent, KnownAfter, PropertyChange, ResourceChange, Secret
from infragen.config import Difference
from infragen.cost import Columns, CostDelta
from infragen.gates.access import Widening
from infragen.gates.data_loss import Refusal
from infragen.gates.interruption import PlannedInterruption
from infragen.plan.drift import PlannedDrift, StackDrift
from infragen.plan.model import EnvironmentPlan, PlannedRelease, StackPlan
from infragen.report import plan_words as words
from infragen.report.checks import check_document
from infragen.report.settings import origin
from infragen.resource_types.interruption import NO
from infragen.secrecy.visible import shown_json

VERSION = 1
"""Goes up when a key is removed or changes its meaning."""

Object = dict[str, object]


def as_json(*plans: EnvironmentPlan) -> str:
    """Return the document as text."""
    return shown_json(document(*plans), indent=2) + "\n"


def document(*plans: EnvironmentPlan) -> Object:
    """Return `{"version": 1, "plans": [...]}`, made of JSON's own types alone."""
    return {"version": VERSION, "plans": [_plan(each) for each in plans]}


def _plan(plan: EnvironmentPlan) -> Object:
    counts = words.counts(plan)
    layers = words.layers_of(plan)
    return {
        "environment": plan.environment,
        "account": plan.account,
        "region": plan.region,
        "topology": plan.topology,
        "against": plan.against,
        "between": plan.between,
        "changed": plan.changed,
        "summary": {"text": words.summary(plan), **counts},
        "refusals": [_refusal(each) for each in plan.refusals],
        "warnings": list(plan.warnings),
        "capabilities": list(plan.capabilities),
        "settings": [_setting(each) for each in plan.settings],
        "cost": _cost(plan.cost) if plan.cost else None,
        "budget": plan.budget,
        "over_budget": plan.over_budget,
        "drift": None if plan.drift is None else [_drift(each) for each in plan.drift],
        "looked": [_looked(each) for each in plan.looked],
        "checks": [check_document(each) for each in plan.checks],
        "running_tag": plan.running_tag,
        "image_tag": plan.image_tag,
        "release": _release(plan.release) if plan.release else None,
        "stacks": [_stack(each, layers) for each in plan.stacks],
    }


def _release(release: PlannedRelease) -> Object:
    return {
        "text": words.release_line(release),
        "command": list(release.command),
        "image_tag": release.tag,
        "digest": release.digest,
        "timeout_minutes": release.seconds // 60,
        "cpu": release.cpu,
        "memory": release.memory,
        "before": release.before,
    }


def _setting(difference: Difference) -> Object:
    before, after = (
        {"value": _plain(each.value), "origin": origin(each)} if each else None
        for each in (difference.before, difference.after)
    )
    return {"key": difference.key, "before": before, "after": after}


def _cost(cost: CostDelta) -> Object:
    return {
        "text": words.cost_summary(cost),
        "before": columns(cost.before),
        "after": columns(cost.after),
        "change": columns(cost.change),
        "resources": [
            {
                "place": f"{each.layer}/{each.logical_id}",
                "layer": each.layer,
                "logical_id": each.logical_id,
                "type": each.type,
                "before": columns(each.before),
                "after": columns(each.after),
            }
            for each in cost.resources
        ],
        "unpriced": list(cost.unpriced),
        "prices": cost.prices,
    }


def columns(usd: Columns) -> Object:
    """Return USD a month in three columns, to a hundredth of a cent."""
    figures = {"minimum": usd.minimum, "expected": usd.expected, "maximum": usd.maximum}
    return {name: round(each, 4) + 0.0 for name, each in figures.items()}  # + 0.0: a zero has no sign


def _drift(found: PlannedDrift) -> Object:
    resource = found.resource
    pairs = zip(resource.properties, found.fates, strict=True)
    return {
        "place": found.place,
        "layer": found.layer,
        "logical_id": resource.logical_id,
        "type": resource.type,
        "status": resource.status,
        "reason": resource.reason,
        "fate": found.fate,
        "properties": [
            {
                "name": each.name,
                "path": list(each.path),
                "expected": value(each.expected),
                "actual": value(each.actual),
                "fate": fate,
            }
            for each, fate in pairs
        ],
    }


def _looked(found: StackDrift) -> Object:
    return {"layer": found.layer, "stack": found.stack, "status": found.status, "reason": found.reason}


def _refusal(refusal: Refusal) -> Object:
    return {"place": refusal.place, "type": refusal.type, "why": refusal.why}


def _widening(widening: Widening, gated: bool) -> Object:
    return {
        "place": widening.place,
        "kind": widening.kind,
        "sentence": widening.sentence,
        "grave": widening.grave,
        "gated": gated,
    }


def _stack(stack: StackPlan, layers: words.Layers) -> Object:
    counted = {each.logical_id for each in words.rows(stack, layers) if not words.display_only(each)}
    wired = words.wiring(stack, layers)
    stops = {each.place: each for each in stack.interruptions}
    return {
        "layer": stack.layer,
        "stack": stack.stack,
        "action": stack.action,
        "source": stack.source,
        "waits_for": list(stack.waits_for),
        "changes": [
            {**_change(each, each.logical_id in counted), "interruption": _interruption(stops.get(each.place))}
            for each in stack.changes
        ],
        "parameters": [_property(each) for each in stack.parameters],
        "tags": [_property(each) for each in stack.tags],
        "outputs": [_property(each) for each in stack.outputs],
        "notes": [*stack.details, *stack.notes],
        "widenings": [_widening(each, each in stack.gated) for each in stack.widenings],
        "settings": [_property(each) for each in stack.settings],
        "losses": [_refusal(each) for each in stack.losses],
        "disagreements": list(stack.disagreements),
        "details": list(stack.details),
        "wiring": {
            "parameters": list(wired.parameters),
            "outputs": list(wired.outputs),
            "display": list(wired.display),
        },
    }


def _interruption(found: PlannedInterruption | None) -> Object:
    return {"level": found.level if found else NO, "what": found.what if found else ""}


def _change(change: ResourceChange, counted: bool) -> Object:
    return {
        "place": change.place,
        "layer": change.layer,
        "logical_id": change.logical_id,
        "type": change.type,
        "kind": words.kind(change),
        "remark": words.remark(change),
        "counted": counted,
        "action": change.action,
        "replacement": change.replacement,
        "reported": change.reported,
        "policy_action": change.policy_action,
        "physical_id": change.physical_id,
        "source": change.source,
        "change_set_id": change.change_set_id,
        "causes": list(change.causes),
        "origin": change.origin,
        "drift": list(change.drift),
        "renamed": change.renamed,
        "disagreements": list(change.disagreements),
        "properties": [{**_property(each), "forces": words.forces(change, each)} for each in change.properties],
    }


def _property(change: PropertyChange) -> Object:
    return {
        "name": words.path(change),
        "path": list(change.path),
        "before": value(change.before),
        "after": value(change.after),
        "recreation": change.recreation,
        "cause": change.cause,
        "moved_from": change.moved_from,
        "note": change.note,
        "origin": change.origin,
    }


def value(held: object) -> Object:
    """Return one side of a change: what is known of it and how surely."""
    if held is None:
        return {"kind": "not told", "text": words.text_of(held)}
    if isinstance(held, Absent):
        return {"kind": "absent", "text": str(held)}
    if isinstance(held, Secret):
        return {"kind": "secret", "text": str(held)}
    if isinstance(held, KnownAfter):
        return {"kind": "later", "text": str(held), "layer": held.layer, "name": held.name}
    if later := [{"path": list(path), "layer": each.layer, "name": each.name} for path, each in _later(held, ())]:
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
