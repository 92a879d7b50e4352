"""What stands between a plan and its execution: loss of data, wider access, and the budget.

Loss is refused unless it is allowed by name. Widenings are found here, from the templates of all layers, and a person
must agree to them, or a flag that names each. After a layer is deployed the plans of later ones are made again with
values that are known by then; what is more than was shown is refused.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from ipaddress import ip_network
from math import ceil
from typing import Any

from infragen.assembly.stacks import OutputOf
from infragen.changes.comparison import OPAQUE, LayerSides, Side, more_than, rewritten_outputs, shrunk_outputs
from infragen.changes.evaluate import decides, pseudo_parameters
from infragen.changes.values import same
from infragen.cloud.protocol import AlarmState
from infragen.engine.preview import Examined
from infragen.engine.progress import Question, Session
from infragen.engine.stack_safety import raised_words
from infragen.errors import Conflict, Declined, Refused
from infragen.gates.access import Widening, widenings, wiring_of
from infragen.gates.data_loss import Refusal, destructive
from infragen.gates.in_place import losses
from infragen.gates.interruption import PlannedInterruption, interruptions
from infragen.gates.interruption import beyond as interrupting_more
from infragen.plan.model import EnvironmentPlan, StackPlan, refusals_of
from infragen.plan.saved import beyond
from infragen.resource_types.interruption import IMPOSSIBLE, LEVELS, OUTAGE
from infragen.secrecy.shown import KnownAfter

NEVER, BROADENING, ANY_CHANGE = "never", "broadening", "any-change"
"""What --require-approval takes: which changes need somebody who agrees to them explicitly."""


@dataclass(frozen=True)
class Approval:
    """What the user allows before being asked: places that may widen access, as layer/LogicalId, which changes need
    an approval at all, what a month may cost in USD when that is more than the budget, and the worst interruption.
    """

    widening: frozenset[str] = frozenset()
    require: str = BROADENING
    cost: float = 0
    interruption: str = OUTAGE


# --- finding widenings ------------------------------------------------------------------------------------------


def comparable(examined: Sequence[Examined]) -> dict[str, LayerSides]:
    """Return the templates of all layers; a value that another layer will give is the same on both sides when it is the
    same output of it, written the same way: a queue that is replaced is still that queue. A list that only lost
    elements was the list of today and something else.
    """
    sides = {each.layer: each for unit in examined for each in unit.sides}
    rewritten = {layer: rewritten_outputs(each.before, each.after) for layer, each in sides.items()}
    shrunk = {layer: shrunk_outputs(each.before, each.after) for layer, each in sides.items()}
    found = {}
    for unit in examined:
        for each in unit.sides:
            values = dict(each.before.values)
            for name, later in each.after.values.items():
                if not isinstance(later, KnownAfter) or name not in values:
                    continue
                if not _takes_the_same(unit, each.layer, name, later, examined):
                    continue
                if later.name not in rewritten.get(later.layer, {later.name}):
                    values[name] = later
                elif later.name in shrunk.get(later.layer, ()):
                    values[name] = more_than(later)
            found[each.layer] = replace(each, before=Side(each.before.body, values))
    return found


def _takes_the_same(unit: Examined, layer: str, name: str, later: Any, examined: Sequence[Examined]) -> bool:
    """Return whether the deployed value of a parameter came from the output from which the next one will come."""
    if layer == unit.unit.layer:
        upstream = next((each.state for each in examined if each.unit.layer == later.layer), None)
        deployed = unit.state.parameters.get(name) if unit.state else None
        wired = unit.unit.parameters.get(name) == OutputOf(later.layer, later.name)
        return wired and upstream is not None and upstream.outputs.get(later.name, ...) == deployed
    [root] = [each for each in unit.sides if each.layer == unit.unit.layer]
    child = next(key for key, each in unit.unit.children.items() if each.layer == layer)
    before, after = (_wire(side.body, child, name) for side in (root.before, root.after))
    return before is not None and same(before, after)


def _wire(body: Mapping[str, Any], child: str, name: str) -> Any:
    properties = body.get("Resources", {}).get(child, {}).get("Properties", {})
    return properties.get("Parameters", {}).get(name)


def widened(
    plans: Sequence[StackPlan],
    sides: Mapping[str, LayerSides],
    account: str,
    region: str,
    others: Mapping[str, LayerSides] | None = None,
) -> list[StackPlan]:
    """Return the plans with what they widen access and what they lose in place; `others` are the layers that give
    outputs to those of `sides`.
    """
    templates = {name: (each.before.body, each.after.body) for name, each in {**(others or {}), **sides}.items()}
    pseudo = pseudo_parameters(account, region)
    found = []
    for plan in plans:
        if plan.action != "none" and plan.layer in sides:
            each = sides[plan.layer]
            wiring = wiring_of(plan.layer, templates)
            looked_up = {name: KnownAfter(plan.layer, name) for name in _unmoved(plan, each)}
            before, after = (Side(one.body, {**one.values, **looked_up}) for one in (each.before, each.after))
            old, new = (Side(one.body, {**pseudo, **one.values}) for one in (each.before, each.after))
            plan = replace(
                plan,
                widenings=widenings(plan.layer, before, after, account, region, wiring),
                losses=losses(plan.layer, old, new, plan.changes, shown=plan.shown),
                interruptions=interruptions(plan.changes, old, new),
            )
        found.append(plan)
    return found


def _unmoved(plan: StackPlan, sides: LayerSides) -> Iterator[str]:
    """Yield the parameters that CloudFormation looks up in Parameter Store and finds as they were: its change set,
    which shows all that changes, lists nothing that is made of them.
    """
    if not plan.shown:
        return
    body = sides.after.body
    listed: set[tuple[str | int, ...]] = {
        (row.logical_id, *each.path[1:2])
        for row in plan.changes
        for each in row.properties
        if each.path[:1] == ("Properties",)
    }
    listed |= {(row.logical_id,) for row in plan.changes if row.action != "Modify" or not row.properties}
    before = sides.before.body.get("Parameters", {})
    for name, declared in body.get("Parameters", {}).items():
        used = {
            (logical_id, key)
            for logical_id, resource in body["Resources"].items()
            for key, value in resource.get("Properties", {}).items()
            if name in decides(value, body.get("Conditions", {}))
        }
        opaque = str(declared.get("Type", "")).startswith(OPAQUE) and same(declared, before.get(name))
        whole = {(logical_id,) for logical_id, _ in used}
        if opaque and not listed & (used | whole):
            yield name


def as_shown(sides: LayerSides, first: LayerSides) -> LayerSides:
    """Return a layer's templates, now that all values are known, under the names that its values had when it was shown.

    A value that stands for many things, a wildcard or a range, is not what anybody had in mind: it stays.
    """
    values = {
        name: first.after.values.get(name) if _was_later(name, first) and _one_thing(value) else value
        for name, value in sides.after.values.items()
    }
    return LayerSides(sides.layer, first.before, Side(sides.after.body, values))


def _was_later(name: str, first: LayerSides) -> bool:
    return isinstance(first.after.values.get(name), KnownAfter)


def _one_thing(value: object) -> bool:
    text = str(value)
    try:
        ip_network(text, strict=False)
    except ValueError:
        return not {"*", "?"} & set(text)
    return False


# --- asking and refusing ----------------------------------------------------------------------------------------


DEPLOY = "deploy these changes to"


def ask(
    session: Session,
    shown: EnvironmentPlan,
    approval: Approval,
    raised: Sequence[AlarmState] = (),
    question: str = DEPLOY,
) -> None:
    """Raise Refused when a guard forbids the plan, or when nobody agrees to what needs somebody's agreement. `raised`
    are rollback alarms that are in ALARM; `question` is what is asked, before the name of the environment.
    """
    more = [each for each in shown.gated if each.place not in approval.widening and approval.require != NEVER]
    _refuse_all(
        [
            *_losses(shown.refusals),
            *_interrupted(shown.interruptions, approval.interruption),
            *_over_budget(shown, approval.cost),
            *_raised(raised),
        ],
        more,
    )
    if not shown.changed:
        return
    where = f"{shown.environment} ({shown.account}, {shown.region})"
    answered_by = "--yes"
    if more:
        then = "" if approval.require == ANY_CHANGE else answered_by
        _agree(session, Question(f"{listed(more)}\nlet {where} do this?", flags(more), then=then))
    if approval.require == ANY_CHANGE:
        answered_by = "a plan that was saved and reviewed: `infragen plan --out FILE`, `infragen deploy --plan FILE`"
    _agree(session, Question(f"{question} {where}?", answered_by))


def _agree(session: Session, question: Question) -> None:
    if not session.ui.confirm(question):
        raise Declined("declined; nothing was changed")


def listed(found: Sequence[Widening]) -> str:
    """Return Widenings as one text."""
    return "this widens access compared with the deployed stacks:\n" + "\n".join(f"  {each}" for each in found)


def flags(found: Sequence[Widening]) -> str:
    """Return the flags that allow these widenings."""
    return " ".join(f"--allow-widening {place}" for place in dict.fromkeys(each.place for each in found))


def refused(plans: Sequence[StackPlan], allowed: Collection[str]) -> tuple[Refusal, ...]:
    """Return what the plans would destroy or lose in place and nobody allowed by its place."""
    return refusals_of(plans, allowed)


def refuse(found: Sequence[Refusal]) -> None:
    """Raise Refused when something would destroy data or lose it in place."""
    _refuse_all(_losses(found), ())


def _refuse_all(found: Sequence[tuple[str, str]], more: Sequence[Widening]) -> None:
    """Raise Refused for all reasons at once, with their flags; `more` would have to be agreed to next."""
    if not found:
        return
    reasons, flags_of = zip(*found, strict=True)
    if not all(flags_of):
        raise Refused("\n".join(reasons), "take it out of the environment file: no flag allows it")
    allowing = flags_of
    asked = f"; without a terminal, also: {flags(more)}" if more else ""
    raise Refused("\n".join(reasons), f"if that is meant: {' '.join(allowing)}{asked}")


def _losses(found: Sequence[Refusal]) -> list[tuple[str, str]]:
    """Return what would destroy data, and the flags that allow it."""
    if not found:
        return []
    reason = "this would destroy data, or what protects it:\n" + "\n".join(f"  {each}" for each in found)
    places = dict.fromkeys(each.place for each in found)
    return [(reason, " ".join(f"--allow-data-loss {place}" for place in places))]


def refuse_interruptions(found: Sequence[PlannedInterruption], most: str) -> None:
    """Raise Refused when something would interrupt the service more than `most`, or cannot be done."""
    _refuse_all(_interrupted(found, most), ())


def _interrupted(found: Sequence[PlannedInterruption], most: str) -> list[tuple[str, str]]:
    """Return what would interrupt the service more than is allowed, and the flag that allows it; nothing allows the
    impossible.
    """
    worse = interrupting_more(found, most)
    never = [each for each in worse if each.level == IMPOSSIBLE]
    rest = [each for each in worse if each.level != IMPOSSIBLE]
    reasons = []
    if never:
        reasons.append(
            ("this cannot be done in place:\n" + "\n".join(f"  {each.place}: {each.what}" for each in never), "")
        )
    if rest:
        listed = "\n".join(f"  {each}" for each in rest)
        worst = max((each.level for each in rest), key=LEVELS.index)
        reasons.append((f"this would interrupt the running service:\n{listed}", f"--max-interruption {worst}"))
    return reasons


def _over_budget(shown: EnvironmentPlan, allowed: float) -> list[tuple[str, str]]:
    """Return that a month would cost more than the budget and than what is allowed, and the flag that allows it."""
    if shown.cost is None or not shown.over_budget or shown.cost.after.expected <= allowed:
        return []
    reason = (
        f"a month would cost {shown.cost.after.expected:,.2f} USD at expected load and costs "
        f"{shown.cost.before.expected:,.2f} now; cost.budget is {shown.budget:,.2f}"
    )
    return [(reason, f"--allow-cost {ceil(shown.cost.after.expected)}")]


def refuse_raised(raised: Sequence[AlarmState]) -> None:
    """Raise Refused when a rollback alarm is in ALARM."""
    _refuse_all(_raised(raised), ())


def _raised(raised: Sequence[AlarmState]) -> list[tuple[str, str]]:
    """Return the rollback alarms in ALARM, and the flag that leaves them out of this deployment."""
    if not raised:
        return []
    names = " ".join(f"--ignore-alarm {shlex.quote(each.name)}" for each in raised)
    return [("\n".join(raised_words(raised)), names)]


@dataclass(frozen=True)
class Agreed:
    """What was shown and agreed to: places that may be lost, and widenings as places and sentences. Of a saved plan
    also the rows of what waits, by layer and place.
    """

    lost: frozenset[str]
    wider: frozenset[tuple[str, str]]
    rows: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None


def unheard_of(
    flag: str, given: Collection[str], shown: EnvironmentPlan, sides: Collection[LayerSides]
) -> Iterator[str]:
    """Yield a sentence for each name given with a flag that nothing in the plan has, with the one that was perhaps
    meant.

    It is no error: a flag that has done its work may stay in a pipeline, and a typo allows nothing.
    """
    written = {f"{each.layer}/{name}" for each in sides for side in (each.before, each.after) for name in _names(side)}
    known = written | {each.place for each in shown.changes()}
    known |= {each.place for each in shown.widenings} | {each.place for each in shown.losses}
    for name in sorted(set(given) - known):
        near = get_close_matches(name, sorted(known), n=1)
        yield f"{flag} {name}: the plan has no resource of that name{f'; did you mean {near[0]}?' if near else ''}"


def _names(side: Side) -> Collection[str]:
    names: Collection[str] = side.body.get("Resources", {})
    return names


def agreed_to(shown: EnvironmentPlan) -> Agreed:
    """Return what somebody agrees to who agrees to a plan."""
    lost = frozenset(each.place for each in shown.changes() if destructive(each))
    return Agreed(lost, frozenset((each.place, each.sentence) for each in shown.widenings))


def refuse_more(agreed: Agreed, plans: Sequence[StackPlan], allowed: Collection[str]) -> None:
    """Raise Refused when a plan that was made again destroys, or lets through, what was not agreed to, and Conflict
    when it does anything that a saved plan does not show.

    `allowed` are places where widenings need no approval.
    """
    more = [each for plan in plans for each in plan.changes if destructive(each) and each.place not in agreed.lost]
    if more:
        raise Refused(
            "with the values that are known now, more would be replaced or removed than was shown: "
            + ", ".join(f"{each.place} ({each.type})" for each in more),
            "run the same command again: its plan will show it",
        )
    wider = [each for plan in plans for each in plan.widenings if (each.place, each.sentence) not in agreed.wider]
    wider = [each for each in wider if each.place not in allowed]
    if wider:
        raise Refused(
            "with the values that are known now, access would widen more than was shown:\n"
            + "\n".join(f"  {each}" for each in wider),
            "run the same command again: its plan will show it",
        )
    if agreed.rows is not None:
        rows = agreed.rows
        other = [text for plan in plans for text in beyond(rows.get(plan.layer, {}), plan.changes)]
        if other:
            raise Conflict(
                "with the values that are known now, other changes would be made than the saved plan shows:\n"
                + "\n".join(f"  {each}" for each in other),
                "create a new plan with `infragen plan --out FILE`: it shows them",
            )
