"""Looks for drift in all stacks of an environment at once, nested ones included. Changes nothing.

AWS checks a stack without the stacks nested in it, so each is asked for by itself (API reference, DetectStackDrift).
All are asked side by side, and one detection at a time runs on each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from infragen.assembly.stacks import ARTIFACTS, ROOT, StackLayout
from infragen.assembly.synth import Assembly
from infragen.changes.evaluate import evaluated
from infragen.cloud.cloudformation import (
    CHECKABLE,
    DRIFTED,
    IN_SYNC,
    NOT_CHECKED,
    UNKNOWN,
    ResourceDrift,
    StackResource,
    StackState,
)
from infragen.cloud.template import STACK_TYPE
from infragen.config import Environment
from infragen.engine.artifact_bucket import with_shared
from infragen.engine.observe import Observed, deployed_body, observe, root_of
from infragen.engine.operate import name_child
from infragen.engine.progress import Checking, Session
from infragen.engine.retry import BEFORE, retrying
from infragen.engine.schedule import run_concurrently
from infragen.errors import CloudError
from infragen.plan.drift import StackDrift, hidden, not_looked_at, planned
from infragen.plan.model import EnvironmentPlan
from infragen.secrecy.masking import sealed

T = TypeVar("T")

TELL = 60.0
"""Seconds after which it is reported again that we still wait."""


def detect_drift(assembly: Assembly, session: Session) -> tuple[StackDrift, ...]:
    """Return the drift of every stack that the environment has, in deployment order, the artifact bucket's last.

    Raises an InfragenError when AWS cannot be asked.
    """
    layers = [each.layer for each in assembly.templates]
    env = assembly.environment
    return drift_of(session, layers, with_shared(session, env, observe(session, env)))


def drift_of(
    session: Session, layers: Sequence[str], observed: Observed, only: Collection[str] | None = None
) -> tuple[StackDrift, ...]:
    """Work like `detect_drift`, of stacks that were observed already; `layers` are in deployment order, `only` the
    layers to look at.
    """
    stacks = _stacks(layers, observed)
    found = [each for layer, state in stacks for each in _with_nested(session, layer, state, observed)]
    found = [each for each in found if only is None or each[0] in only]
    return tuple(run_concurrently([_check(session, *each) for each in found], session.timer))


def with_drift(session: Session, plan: StackLayout, observed: Observed, shown: EnvironmentPlan) -> EnvironmentPlan:
    """Return the plan with what drifted.

    A permission that is missing costs a warning and no more.
    """
    try:
        stacks = drift_of(session, [each.layer for each in plan.units], observed)
    except CloudError as error:
        return replace(shown, warnings=(*shown.warnings, f"drift was not looked for: {error.message}"))
    found = planned(stacks, shown.changes())
    warnings = (*shown.warnings, *not_looked_at(stacks))
    return replace(shown, drift=found, looked=stacks, warnings=warnings)


def last_found(env: Environment, observed: Observed) -> tuple[str, ...]:
    """Return a sentence for each stack, nested ones too, in which the last look found drift, or could not tell."""
    own = {each.stack_id for each in observed.layers.values()}
    return tuple(
        f"{state.name} was {state.drift} when it was last looked at{_day(state)}: "
        f"`infragen drift --env {env.environment}` shows how it is now"
        for state in observed.by_id.values()
        if state.drift in (DRIFTED, UNKNOWN) and root_of(observed, state).stack_id in own
    )


def _day(state: StackState) -> str:
    return f" ({state.drift_checked:%Y-%m-%d %H:%M} UTC)" if state.drift_checked else ""


def _stacks(layers: Sequence[str], observed: Observed) -> Iterator[tuple[str, StackState]]:
    beyond = [each for each in observed.layers if each != ARTIFACTS]
    for layer in dict.fromkeys((ROOT, *layers, *beyond, ARTIFACTS)):
        if layer in observed.layers:
            yield layer, observed.layers[layer]


Found = tuple[str, StackState, tuple[StackResource, ...]]


def _with_nested(session: Session, layer: str, state: StackState, observed: Observed) -> Iterator[Found]:
    """Yield a stack and those nested in it, each with its layer and resources."""
    resources = session.cloud.resources(state.stack_id)
    yield layer, state, tuple(each for each in resources if each.type != STACK_TYPE)
    for each in resources:
        child = observed.by_id.get(each.physical_id)
        if each.type == STACK_TYPE and child is not None:
            yield from _with_nested(session, name_child(layer, each.logical_id), child, observed)


def _check(
    session: Session, layer: str, state: StackState, resources: tuple[StackResource, ...]
) -> Generator[None, None, StackDrift]:
    """Yield one stack: begins a detection, waits for its end, reads what it found."""
    if state.status not in CHECKABLE:
        return StackDrift(layer, state.name, NOT_CHECKED, f"it is {state.status}, in which AWS does not look for drift")
    cloud, began = session.cloud, session.timer.now()
    session.ui.tell(Checking(layer, state.name, 0))
    wait = _Wait(session, layer, state.name, began)
    detection = yield from wait.until(lambda: cloud.detect_drift(state.stack_id), bool)
    ended = yield from wait.until(lambda: cloud.drift_detection(detection), lambda found: not found.running)
    drifts = yield from retrying(session, layer, partial(cloud.resource_drifts, state.stack_id), BEFORE)
    checked = {each.logical_id for each in drifts}
    told = [each for each in drifts if each.status != IN_SYNC]
    return StackDrift(
        layer, state.name, ended.drift, ended.reason,
        resources=_masked(session, state, told),
        checked=len(drifts),
        unsupported=tuple(each for each in resources if each.logical_id not in checked),
    )  # fmt: skip


LONGEST = 3600.0
"""Seconds in which a detection of drift should have ended; one of a large stack takes minutes."""


class _Wait:
    """Waiting for one stack, and saying so once a minute."""

    def __init__(self, session: Session, layer: str, stack: str, began: float) -> None:
        self._session, self._layer, self._stack = session, layer, stack
        self._began = self._told = began

    def until(self, look: Callable[[], T], enough: Callable[[T], bool]) -> Generator[None, None, T]:
        """Yield what `look` gives once that is enough."""
        while True:
            found = yield from retrying(self._session, self._layer, look, BEFORE)
            if enough(found):
                return found
            now = self._session.timer.now()
            if now - self._began > LONGEST:
                raise CloudError(
                    f"AWS has not ended looking for drift in {self._stack} after {LONGEST / 60:.0f} min",
                    "run the same command again: a detection that still runs is taken over",
                )
            if now - self._told >= TELL:
                self._told = now
                self._session.ui.tell(Checking(self._layer, self._stack, now - self._began))
            yield


def _masked(session: Session, state: StackState, found: list[ResourceDrift]) -> tuple[ResourceDrift, ...]:
    """Return the drifts without values that the deployed template shows to be secrets."""
    if not any(each.properties for each in found):
        return tuple(found)
    body = deployed_body(session.cloud, state)
    resources = evaluated(body, sealed(body, state.parameters))
    return tuple(hidden(each, resources.get(each.logical_id, {}).get("Properties", {})) for each in found)
