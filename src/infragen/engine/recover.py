"""Repairs an environment after a failed operation: `recover`; `cancel` and `follow` for operations in progress.

`recover` picks the API by the stack's status and by nothing else: ContinueUpdateRollback where a rollback is stuck,
RollbackStack where a failed operation was kept, deletion where a first creation failed. It never deletes a stack that
has ever been complete, and skips a resource only when that is named.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from infragen.assembly.stacks import ARTIFACTS, role_of
from infragen.cloud.cloudformation import NO_REASON, OnDestroy, OnRecover, StackState, row
from infragen.cloud.protocol import Cloud
from infragen.cloud.template import STACK_TYPE
from infragen.config import Environment
from infragen.engine.deletion_plan import RecoveryPlan, Remedy, Stuck
from infragen.engine.destroy import DestroyOptions, doom, remove, unprotect
from infragen.engine.next_steps import EXPRESS, express, stuck_again
from infragen.engine.observe import observe, refuse_nested, under_way, wait_until_ended, what_runs
from infragen.engine.operate import (
    CANCELLABLE,
    Operation,
    Target,
    name_child,
    recover,
    resume,
    resume_deletion,
    token_of_current,
    why_failed,
)
from infragen.engine.outcome import CANCELLED, Failed, Outcome, Recovered, exit_code
from infragen.engine.progress import PlannedRecovery, Question, Session
from infragen.engine.retry import BEFORE, retrying
from infragen.engine.rollback_losses import losses
from infragen.engine.schedule import RunPolicy, Task, run_concurrently, walk
from infragen.errors import CloudError, Conflict, InputError, Refused, Unavailable
from infragen.gates.data_loss import holds_data

DELETED = frozenset({"DELETE_COMPLETE"})
"""How RollbackStack ends on a stack that never was complete: AWS deletes it (API reference, RollbackStack)."""

ROLLED_BACK = frozenset({"UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"})

_LATER = "`infragen follow` follows it to its end, `infragen recover --wait` waits for that"


@dataclass(frozen=True)
class RecoverOptions:
    """`skip` are layer/LogicalId of stuck resources to skip; `unprotect` are deletion protections that may be
    switched off without asking; `lose` are layer/LogicalId of resources that hold data and may be deleted. `wait` is
    for how many seconds an operation under way is waited for; None refuses at once.
    """

    skip: frozenset[str] = frozenset()
    unprotect: frozenset[str] = frozenset()
    lose: frozenset[str] = frozenset()
    wait: float | None = None


@dataclass(frozen=True)
class Recovery:
    """How it ended: the plan that was shown, empty when nothing needed recovery, and one outcome for each stack."""

    plan: RecoveryPlan
    outcomes: tuple[Outcome, ...]
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """Return the worst of the outcomes; 130 when the user interrupted it."""
        return 130 if self.interrupted else exit_code(self.outcomes)


def plan_recovery(env: Environment, session: Session, options: RecoverOptions | None = None) -> RecoveryPlan:
    """Return what would be done, stack by stack. Raises Refused or Conflict for a stack that recover cannot help."""
    options = options or RecoverOptions()
    observed = observe(session, env)
    remedies = []
    for layer, state in observed.layers.items():
        action = row(state.status).recover
        if layer == ARTIFACTS and action is OnRecover.DELETE:
            continue
        if action is OnRecover.WAIT:
            raise Conflict(what_runs(session.cloud, state), _LATER)
        refuse_nested(session.cloud, observed, state, _LATER)
        if action is OnRecover.REFUSE:
            raise Refused(f"{state.name} is {state.status}", row(state.status).hint)
        if action is not OnRecover.NOTHING:
            if action is OnRecover.ROLLBACK and state.mode == EXPRESS:
                why, way_out = express(state.name, state.status)
                raise Refused(why, way_out)
            remedies.append(_remedy(session, layer, state, action, options))
    stuck = {each.place for remedy in remedies for each in remedy.stuck if each.skip_name}
    unknown = sorted(options.skip - stuck)
    if unknown:
        said = f"{', '.join(unknown)} is not stuck, or a nested stack, of which only what is stuck in it can be skipped"
        raise InputError(said, f"what can be skipped: {', '.join(sorted(stuck)) or 'nothing'}")
    identity = observed.identity
    return RecoveryPlan(env.environment, identity.account, identity.region, tuple(remedies))


def _remedy(session: Session, layer: str, state: StackState, action: OnRecover, options: RecoverOptions) -> Remedy:
    target = Target(layer, state.name, name_child)
    why = str(why_failed(session, target, state) or state.reason or NO_REASON)
    stuck = tuple(_stuck(session, layer, state, "")) if action is OnRecover.CONTINUE_ROLLBACK else ()
    skipped = tuple(each for each in stuck if each.place in options.skip)
    to_delete = doom(session, layer, state) if action is OnRecover.DELETE else None
    loses = losses(session, layer, state) if action is OnRecover.ROLLBACK else ()
    return Remedy(layer, state, action, why, stuck, skipped, to_delete, loses)


def _stuck(session: Session, layer: str, state: StackState, prefix: str) -> Iterator[Stuck]:
    """Yield what is UPDATE_FAILED in a stack and in those nested in it.

    Only these can be skipped, and none that was only cancelled; a nested stack itself only where it is being deleted or
    gone (API reference, ContinueUpdateRollback, read 2026-11-29): one in which nothing is stuck has no name to skip.
    """
    for each in session.cloud.resources(state.stack_id):
        if each.status != "UPDATE_FAILED" or each.reason in CANCELLED:
            continue
        child = session.cloud.stack(each.physical_id) if each.type == STACK_TYPE else None
        gone = child is None or child.status.startswith("DELETE_")
        inside = []
        if child is not None and not gone:
            inside = list(_stuck(session, name_child(layer, each.logical_id), child, f"{child.name}."))
        name = prefix + each.logical_id if gone else ""
        yield from inside or [Stuck(f"{layer}/{each.logical_id}", each.type, each.reason, name)]


def recover_environment(env: Environment, session: Session, options: RecoverOptions | None = None) -> Recovery:
    """Show what is stuck and what will be done, asks, and does it."""
    options = options or RecoverOptions()
    if options.wait is not None:
        run_concurrently([wait_until_ended(session, env, options.wait)], session.timer)
    plan = plan_recovery(env, session, options)
    session.ui.tell(PlannedRecovery(plan))
    if not plan.remedies:
        return Recovery(plan, ())
    _refuse_losses(plan, options.lose)
    names = ", ".join(each.state.name for each in plan.remedies)
    if not session.ui.confirm(Question(f"recover {names}?", "--yes")):
        raise Refused("declined; nothing was changed")
    unprotect(session, [each.to_delete for each in plan.remedies if each.to_delete], options.unprotect)
    by_layer = {each.layer: each for each in plan.remedies}
    stops = [Task(each.layer, each.state.name, ()) for each in plan.remedies]
    result = walk(stops, lambda layer: _steps(session, by_layer[layer], role_of(env, layer)), session.ui, session.timer)
    return Recovery(plan, result.outcomes, result.interrupted)


def _refuse_losses(plan: RecoveryPlan, allowed: frozenset[str]) -> None:
    """Raise Refused when what a recovery deletes holds data and is not named.

    A rolled back creation has usually deleted everything; what its stack lists as standing, and what a kept failure has
    built, may be in use.
    """
    to_delete = (each for remedy in plan.remedies if remedy.to_delete for each in remedy.to_delete.resources)
    lost = [each for each in to_delete if each.end == "deleted" and holds_data(each.type)]
    lost += [each for remedy in plan.remedies for each in remedy.loses]
    lost = [each for each in lost if each.place not in allowed]
    if lost:
        listed = "\n".join(f"  {each.place} ({each.type}) {each.physical_id}" for each in lost)
        raise Refused(
            f"this would destroy data:\n{listed}\nnothing was changed",
            f"if that is meant: {' '.join(f'--allow-data-loss {each.place}' for each in lost)}",
        )


def _steps(session: Session, remedy: Remedy, role: str) -> Operation:
    cloud, state = session.cloud, remedy.state
    target = Target(remedy.layer, state.name, name_child)
    if remedy.to_delete is not None:
        return (yield from remove(session, remedy.to_delete, DestroyOptions(role=role)))
    skip = tuple(each.skip_name for each in remedy.skipped)
    if remedy.action is OnRecover.CONTINUE_ROLLBACK:
        ended = yield from recover(
            session, target, state, lambda token: cloud.continue_rollback(state.stack_id, token, skip, role),
            ROLLED_BACK,
        )  # fmt: skip
    else:
        ended = yield from recover(
            session, target, state, lambda token: cloud.roll_back(state.stack_id, token, role), ROLLED_BACK | DELETED
        )
    if isinstance(ended, Failed):
        return (yield from _with_the_way_out(session, remedy, ended))
    return Recovered(remedy.layer, state.name, ended.status, tuple(each.place for each in remedy.skipped))


def _with_the_way_out(session: Session, remedy: Remedy, ended: Failed) -> Generator[None, None, Failed]:
    """Yield a rollback that is stuck again, with the resources that can be skipped."""
    if ended.status != "UPDATE_ROLLBACK_FAILED":
        return ended
    stuck = yield from retrying(
        session, remedy.layer, lambda: tuple(_stuck(session, remedy.layer, remedy.state, "")), BEFORE
    )
    return replace(ended, hint=stuck_again([each.place for each in stuck if each.skip_name]))


# --- what runs --------------------------------------------------------------------------------------------------


def follow_environment(env: Environment, session: Session, limit: float | None = None) -> tuple[Outcome, ...]:
    """Follow what runs on the environment's stacks to its end, or for `limit` seconds; empty when nothing runs."""
    return _follow(session, [*under_way(session.cloud, observe(session, env))], limit)


def _follow(session: Session, states: Sequence[tuple[str, StackState]], limit: float | None) -> tuple[Outcome, ...]:
    by_layer = dict(states)

    def begin(layer: str) -> Operation:
        state = by_layer[layer]
        target = Target(layer, state.name, name_child)
        deleting = row(state.status).destroy is OnDestroy.FOLLOW
        steps = resume_deletion if deleting else resume
        return (yield from steps(session, target, state))

    stops = [Task(layer, state.name, ()) for layer, state in states]
    return walk(stops, begin, session.ui, session.timer, RunPolicy(limit)).outcomes


def _cancel(cloud: Cloud, state: StackState, token: str) -> None:
    """Cancel an update, or finds that it is cancelled already. Raises Refused when it is over by now."""
    try:
        cloud.cancel_update(state.stack_id, token)
    except Unavailable:
        raise
    except CloudError as error:
        now = cloud.stack(state.stack_id)
        if now is None or now.status == CANCELLABLE:
            raise
        if "ROLLBACK" not in now.status:
            raise Refused(
                f"{state.name} is {now.status} by now, which cannot be cancelled", "`infragen status` shows it"
            ) from error


def cancel_environment(env: Environment, session: Session) -> tuple[Outcome, ...]:
    """Cancel every update that runs and follows the rollback. Raises Refused when what runs cannot be cancelled."""
    states = [*under_way(session.cloud, observe(session, env))]
    for _, state in states:
        if state.parent_id:
            raise Refused(
                f"{what_runs(session.cloud, state)}: it is nested, and CloudFormation cancels updates of whole trees",
                "`infragen follow` follows it to its end",
            )
        if state.status != CANCELLABLE:
            raise Refused(
                f"{state.name} is {state.status}, which cannot be cancelled",
                "only an update that has not started to clean up or roll back can; `infragen follow` follows it",
            )
    if not states:
        return ()
    names = ", ".join(state.name for _, state in states)
    if not session.ui.confirm(Question(f"cancel the update of {names} and roll it back?", "--yes")):
        raise Refused("declined; the update continues")
    by_layer = dict(states)

    def begin(layer: str) -> Operation:
        state = by_layer[layer]
        target = Target(layer, state.name, name_child)
        running_token = yield from retrying(session, layer, lambda: token_of_current(session.cloud, state), BEFORE)
        ended = yield from recover(
            session, target, state, lambda token: _cancel(session.cloud, state, token), ROLLED_BACK, {running_token}
        )
        return ended if isinstance(ended, Failed) else Recovered(layer, state.name, ended.status)

    return walk([Task(layer, state.name, ()) for layer, state in states], begin, session.ui, session.timer).outcomes
