"""Other runs on the same environment: which there are, until when they go on, and trying again when they are over.

Reads only. Nothing here begins or ends an operation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

from infragen.assembly.stacks import ROOT, StackLayout
from infragen.cloud.cloudformation import StackState, running
from infragen.config import Environment
from infragen.engine.observe import Observed, maker_of, observe, under_way, wait_until_ended, what_runs
from infragen.engine.progress import Following, Session, Warned
from infragen.engine.retry import retrying
from infragen.engine.schedule import run_concurrently
from infragen.errors import CloudError, Conflict, Declined, InfragenError, Refused

T = TypeVar("T")

WAITING = ("AVAILABLE", "UNAVAILABLE")
"""Execution statuses of a change set that may still be executed."""

QUIET_LOOKS = 4
"""Looks without an operation or change set of a run after which it counts as over: it creates the change set of a stack
that waited for another one within seconds."""

PAUSE = 5.0
"""Seconds between two tries of what another run is in the way of."""

MOST_ALIKE = 5
"""Tries in a row on the same stacks after which a conflict is not another run's that will end."""


def moment(state: StackState | None) -> tuple[str, str, object] | None:
    """Return what tells whether a stack was changed in between; None for one that holds nothing yet."""
    if state is None or state.status == "REVIEW_IN_PROGRESS":
        return None
    return state.stack_id, state.status, state.updated


def runs_of(session: Session, plan: StackLayout, observed: Observed, before: Observed | None = None) -> frozenset[str]:
    """Return the runs of infragen, other than this one, whose operations are under way on a plan's stacks, or were
    `before` and now.
    """
    found = set()
    for unit in plan.units:
        state = observed.by_name.get(unit.stack)
        if state is None or not state.change_set_id:
            continue
        moved = before is not None and moment(state) != moment(before.by_name.get(unit.stack))
        if moved or running(state.status):
            found.add(maker_of(session.cloud.change_set_description(state.change_set_id, state.stack_id)))
    return frozenset(found - {"", session.run})


def goes_on(session: Session, plan: StackLayout, runs: Collection[str], limit: float) -> Generator[None, None, bool]:
    """Yield until other runs are over, and return whether one of them works on a stack again: with a stack for each
    layer a run goes from one to the next, and two that interleave would mix what they deploy. Ends after `limit`
    seconds.
    """
    cloud, began, quiet = session.cloud, session.timer.now(), 0
    while quiet < QUIET_LOOKS and session.timer.now() - began < limit:
        observed = yield from retrying(session, ROOT, lambda: observe(session, plan.environment))
        states = [observed.by_name[unit.stack] for unit in plan.units if unit.stack in observed.by_name]
        if any(running(each.status) for each in states):
            return True
        sets = [each for state in states for each in cloud.change_sets(state.stack_id)]
        waits = any(maker_of(each.description) in runs and each.execution_status in WAITING for each in sets)
        quiet = 0 if waits else quiet + 1
        yield
    return False


def planned_again(
    session: Session, env: Environment, wait: float | None, deploy: Callable[[float | None, Observed | None], T]
) -> T:
    """Return what `deploy` gives. Where it raises Conflict, because another run came first, it is called again with
    what is left of `wait` seconds and the stacks as they were before the conflict; without `wait` it is called once.

    A conflict that comes back while no stack changes is nobody's turn: it is raised.
    """
    if wait is None:
        return deploy(None, None)
    began, alike = session.timer.now(), 0
    before, start = None, observe(session, env)
    while True:
        try:
            return deploy(wait - (session.timer.now() - began), before)
        except Conflict as error:
            now = observe(session, env)
            alike = alike + 1 if _moments(now) == _moments(start) else 0
            before, start = start, now
            if session.timer.now() - began >= wait or alike >= MOST_ALIKE:
                raise
            session.ui.tell(Warned(f"{error.message}: another run came first; this one waits, and plans again"))
        session.timer.sleep(PAUSE)


@contextmanager
def overtaken(session: Session, plan: StackLayout, observed: Observed) -> Iterator[None]:
    """Turn what stops a plan into Conflict where another run changed one of its stacks since `observed`: the plan is of
    stacks as they are no more, and what it is refused for, or cannot read, may be the other run's.
    """
    try:
        yield
    except Declined:
        raise
    except (Refused, CloudError) as error:
        try:
            now = observe(session, plan.environment)
        except InfragenError:
            raise error from None
        names = [unit.stack for unit in plan.units]
        moved = [each for each in names if moment(now.by_name.get(each)) != moment(observed.by_name.get(each))]
        if not moved:
            raise
        state = now.by_name.get(moved[0])
        by = what_runs(session.cloud, state) if state is not None and running(state.status) else ""
        raise Conflict(
            f"another run changed {', '.join(moved)} while this one was planned"
            + (f" ({by})" if by else "")
            + f"; nothing was changed. The plan ended in: {error.message.partition(chr(10))[0].rstrip(':')}",
            "run the same command again; --wait MINUTES waits for other runs and plans again",
        ) from error


def _moments(observed: Observed) -> dict[str, object]:
    return {name: moment(each) for name, each in observed.by_name.items()}


def when_free(session: Session, act: Callable[[], T], wait: float | None) -> T:
    """Return what `act` gives; where it raises Conflict, call it again until `wait` seconds have passed. It must have
    changed nothing then. Who is waited for is reported once.
    """
    began, told = session.timer.now(), ""
    while True:
        try:
            return act()
        except Conflict as error:
            waited, said = session.timer.now() - began, re.sub(r"\d+", "0", error.message)
            if wait is None or waited >= wait:
                raise
            if said != told:
                session.ui.tell(Warned(f"waiting: {error.message}"))
            told = said
            session.ui.tell(Following(waited, ()))
        session.timer.sleep(PAUSE)


def wait_for_operations(session: Session, env: Environment, wait: float | None) -> None:
    """Wait until no operation runs on the environment's stacks; nothing is waited for without `wait` (seconds). Raises
    Conflict when one still runs after it.
    """
    if wait is None:
        return
    run_concurrently([wait_until_ended(session, env, wait)], session.timer)
    for _, state in under_way(session.cloud, observe(session, env)):
        raise Conflict(
            f"{what_runs(session.cloud, state)}, after a wait of {wait / 60:g} min",
            "`infragen follow` shows it; run the same command again when it has ended",
        )
