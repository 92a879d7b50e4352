"""Tells again, later, why the last operation on each stack failed: from events, tasks, logs and CloudTrail. Reads only.

ECS remembers stopped tasks for about an hour, CloudTrail denied calls for 90 days; a rollback deletes log groups that
it made. What is gone by then is not reported, and what may not be read is a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from infragen.assembly.stacks import ARTIFACTS, StackLayout, StackUnit
from infragen.cloud.cloudformation import NO_REASON, StackState
from infragen.cloud.protocol import DeniedCall
from infragen.engine.ecs_check import check_services
from infragen.engine.evidence import asked, explain
from infragen.engine.follow import LayerEvent
from infragen.engine.observe import Observed, is_of, nested_stacks, observe
from infragen.engine.operate import Target, how_failed, last_done, name_child, removed_creation, target_of
from infragen.engine.outcome import Evidence, Explanation, Failed, event_of
from infragen.engine.progress import Session, Warned
from infragen.errors import CloudError

LATE = timedelta(minutes=5)
"""How long after an operation's last event a denied call may still belong to it."""

DENIED = 10
"""Denied calls that are reported for each operation, the newest first."""


def diagnose(plan: StackLayout, session: Session) -> tuple[Failed, ...]:
    """Return one failure for each stack whose last operation failed or was rolled back, for each that AWS removed when
    its creation failed, and for each whose ECS services run something else than it says. Raises CloudError where the
    stacks themselves cannot be read.
    """
    observed = observe(session, plan.environment)
    units = {unit.layer: unit for unit in plan.units}
    found: list[Failed] = []
    for layer, state in observed.layers.items():
        if state.status.endswith("_FAILED") or "ROLLBACK" in state.status:
            target = Target(layer, state.name, name_child)
            found.append(_failure(session, target, state, last_done(session, target, state)))
        elif layer != ARTIFACTS and layer in units:
            found += _strays(session, units[layer], state, observed)
    return (*found, *_removed(session, plan, observed))


def _removed(session: Session, plan: StackLayout, observed: Observed) -> Iterator[Failed]:
    """Yield why the creation of a stack failed that AWS deleted then; what may not be listed is a warning."""
    missing = [unit for unit in plan.units if unit.layer not in observed.layers and unit.stack not in observed.by_name]
    if not missing:
        return
    try:
        newest = dict(reversed(session.cloud.deleted_stacks(plan.environment.name)))
    except CloudError as error:
        session.ui.tell(Warned(f"stacks that are deleted were not looked at: {error.message}"))
        return
    for unit in missing:
        state = session.cloud.stack(newest[unit.stack]) if unit.stack in newest else None
        if state is None or state.status != "DELETE_COMPLETE" or not is_of(state, plan.environment):
            continue
        target = target_of(unit)
        events = removed_creation(session, target, state)
        if events:
            yield _failure(session, target, state, events)


def _failure(session: Session, target: Target, state: StackState, events: Sequence[LayerEvent]) -> Failed:
    cause, hint = how_failed(session, target, state, events)
    explanation = Explanation()
    if cause is not None:
        event = event_of(cause, events)
        own = [each.event.time for each in events if each.event.logical_id == event.logical_id]
        until = max(each.event.time for each in events) + LATE
        explanation = explain(session.cloud, event, events, min(own), until)
    message = f"{state.name} is {state.status}: {cause or state.reason or NO_REASON}"
    evidence = (*explanation.evidence, *_denied(session, events))
    return Failed(target.layer, state.name, message, explanation.beside(hint), state.status, cause, evidence=evidence)


def _denied(session: Session, events: Sequence[LayerEvent]) -> Iterator[Evidence]:
    """Yield what AWS denied between the first event of an operation and shortly after its last."""
    if not events:
        return
    times = [each.event.time for each in events]
    notes: list[Evidence] = []
    calls = asked(lambda: _calls(session, min(times), max(times) + LATE), "what AWS denied", notes)
    yield from (Evidence("denied", _words(each)) for each in calls)
    yield from notes


def _calls(session: Session, since: datetime, until: datetime) -> tuple[DeniedCall, ...]:
    return session.cloud.denied_calls(since, until, DENIED)


def _words(denied: DeniedCall) -> str:
    when = f"{denied.time:%H:%M:%S} UTC: " if denied.time else ""
    whose = f" for {denied.caller}" if denied.caller else ""
    return f"{when}{denied.call}{whose}{f': {denied.words}' if denied.words else ''}"


def _strays(session: Session, unit: StackUnit, state: StackState, observed: Observed) -> Iterator[Failed]:
    nested = observed.nested_in(unit, state.stack_id) or nested_stacks(session.cloud, unit, state.stack_id)
    for stray in check_services(session.cloud, unit, state.stack_id, nested).strays:
        message = f"{state.name} is {state.status}, but {stray}"
        evidence = stray.explanation.evidence
        yield Failed(unit.layer, state.name, message, stray.remedy, state.status, evidence=evidence)
