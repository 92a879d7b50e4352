"""One operation on one stack: a change set made and described, executed and followed to its end; or a deletion.

Each operation is a generator that yields whenever there is nothing to do but wait, so that one loop can walk many of
them and the code still reads from top to bottom. Its return value is the result.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from infragen.assembly.stacks import ROOT, StackUnit
from infragen.cloud.cloudformation import GOING, NO_REASON, PREFIX, SUCCESS, ChangeSet, StackRows, StackState, running
from infragen.cloud.protocol import ChangeSetRequest, Cloud, PreviousValue
from infragen.cloud.template import layer_of_id
from infragen.config.setting_lookup import origin, suspect
from infragen.engine.ecs_progress import FailureWatch
from infragen.engine.eni_wait import DeletionWatch
from infragen.engine.follow import Follower, LayerEvent, anchors, begun, current
from infragen.engine.last_image import tag_after_rollback
from infragen.engine.next_steps import given_up, kept, never_made, next_step, not_put_back
from infragen.engine.outcome import (
    CANCELLED,
    Cause,
    Deleted,
    Deployed,
    Explanation,
    Failed,
    Outcome,
    alarm_cause,
    event_of,
    root_cause,
    stack_cause,
)
from infragen.engine.output_check import check_place
from infragen.engine.progress import Happened, Session, Started, Warned
from infragen.engine.retry import BEFORE, retrying
from infragen.errors import CloudError, Conflict, Unavailable

Moved = Any
"""What an operation yields when it has to wait: true when something has moved since its last look."""

Operation = Generator[Moved, None, Outcome]
SAVED = f"{PREFIX}saved-"
CANCELLABLE = "UPDATE_IN_PROGRESS"
"""The only status in which CancelUpdateStack works (API reference)."""

GONE = ("DELETE_COMPLETE", "DELETE_SKIPPED")
"""Statuses of a resource that a stack has no more."""

STALE_READS = 15
"""How often a final status is read without an event that says so, before we believe it."""


def new_name(unit: StackUnit, parameters: Mapping[str, str | PreviousValue]) -> str:
    """Return a change set's name: the digest of what is deployed, and 80 random bits, because names must never meet."""
    return fresh_name(f"{unit.text}{sorted(parameters.items(), key=str)}")


def fresh_name(content: str) -> str:
    """Return a name for a change set of this content, that no other one has."""
    return f"{PREFIX}{hashlib.sha256(content.encode()).hexdigest()[:12]}-{secrets.token_hex(10)}"


def saved_name(until: int) -> str:
    """Return the name of a change set that belongs to a saved plan, which expires so many seconds after 1970."""
    return f"{SAVED}{until}-{secrets.token_hex(10)}"


def saved_until(name: str) -> int:
    """Return when the saved plan of a change set expires; 0 for a change set that belongs to none."""
    until = name.removeprefix(SAVED).partition("-")[0] if name.startswith(SAVED) else ""
    return int(until) if until.isdecimal() else 0


def token_of(change_set_id: str) -> str:
    """Return the ClientRequestToken of a change set's execution: the same for each retry, another for
    each change set.
    """
    return PREFIX + hashlib.sha256(change_set_id.encode()).hexdigest()[:40]


def is_ours(change_set_id: str) -> bool:
    """Return whether a change set's name or ARN says that infragen made it."""
    return change_set_id.rpartition("changeSet/")[2].startswith(PREFIX)


def is_our_token(token: str) -> bool:
    """Return whether a client request token is one of infragen's: of an execution, a deletion, a recovery, a
    cancellation.
    """
    return token.startswith(PREFIX)


def runs_ours(cloud: Cloud, state: StackState) -> bool:
    """Return whether the operation that runs on a stack is one that infragen started.

    The stack names the change set that was executed last, which is not what runs when somebody updated it directly: the
    event with which the operation started tells by its token, unless no event has one.
    """
    began = current(cloud, state.stack_id)
    if began is not None and began.token:
        return is_our_token(began.token)
    return is_ours(state.change_set_id) and (
        began is None or not any(each.token for each in cloud.events(state.stack_id).events)
    )


def token_of_current(cloud: Cloud, state: StackState) -> str:
    """Return the token of the operation that runs on a stack; where no event has it, that of the stack's change set."""
    began = current(cloud, state.stack_id)
    return (began.token if began is not None else "") or token_of(state.change_set_id)


# --- change sets ------------------------------------------------------------------------------------------------


def make_change_set(
    session: Session, layer: str, request: ChangeSetRequest, made: Callable[[str, str], None]
) -> Generator[None, None, ChangeSet]:
    """Create a change set and waits until it is executable, empty, or failed. `made` hears its ARN and its stack's."""
    cloud = session.cloud
    change_set_id, stack_id = yield from retrying(session, layer, lambda: cloud.create_change_set(request), BEFORE)
    made(change_set_id, stack_id)
    check_place(cloud.identity(), stack_id)
    began = session.timer.now()
    while True:
        found = yield from retrying(session, layer, lambda: cloud.change_set(change_set_id, stack_id), BEFORE)
        if found is None:
            raise Conflict(
                f"the change set {request.name} of {request.stack} was deleted while it was being created",
                "another caller deletes change sets; run the same command again",
            )
        if not found.pending:
            return found
        if session.timer.now() - began > CREATION:
            raise CloudError(
                f"the change set {request.name} of {request.stack} is still {found.status}/{found.execution_status} "
                f"after {CREATION / 60:.0f} min: nothing was executed",
                "run the same command again; if that does not help, AWS's health dashboard may say why",
            )
        yield


def all_changes(
    cloud: Cloud, change_set: ChangeSet, layer: str, name_child: Callable[[str, str], str]
) -> tuple[StackRows, ...]:
    """Return the rows of a change set and of the change sets of its nested stacks, layer by layer."""
    sets = [each for each in change_set.changes if each.change_set_id]
    nested = {each.logical_id: cloud.change_set(each.change_set_id, each.physical_id) for each in sets}
    lost = frozenset(name for name, found in nested.items() if found is None)
    below = (
        each
        for name, found in nested.items()
        if found is not None
        for each in all_changes(cloud, found, name_child(layer, name), name_child)
    )
    return (StackRows(layer, change_set.changes, lost), *below)


def failed_reason(session: Session, change_set: ChangeSet, place: str) -> str:
    """Return why a change set failed, in AWS's words, from the deepest nested one that says more than "nested failed";
    where none says anything, the place of the first and the words of what is around it.
    """
    return _failed_reason(session, change_set, place)[0]


def _failed_reason(session: Session, change_set: ChangeSet, place: str) -> tuple[str, bool]:
    """Return why a change set failed, and whether AWS said it of the innermost one that is named."""
    cloud, silent = session.cloud, ""
    for change in change_set.changes:
        nested = cloud.change_set(change.change_set_id, change.physical_id) if change.change_set_id else None
        if nested is not None and nested.status == "FAILED" and not nested.empty:
            inner, said = _failed_reason(session, nested, f"{place}/{change.logical_id}")
            if said:
                return inner, said
            silent = silent or inner
    found = cloud.failed_checks(change_set.change_set_id)
    checks = "".join(f"; {each}{_written(session, place, each)}" for each in found)
    around = f"{change_set.reason}{checks}"
    if silent:
        return f"{silent}; {place}: {around}" if around else silent, False
    return f"{place}: {change_set.reason or NO_REASON}{checks}", bool(around)


def _written(session: Session, place: str, check: str) -> str:
    """Return the line of the environment file behind the template path that a failed check names."""
    path = re.search(r"/Resources/(\w+)((?:/\w+)*)", check)
    if path is None or session.file is None:
        return ""
    layer = layer_of_id(place.removeprefix(f"{ROOT}/"))
    steps = tuple(int(step) if step.isdecimal() else step for step in path[2].split("/")[1:])
    setting = origin(session.file, layer, path[1], steps)
    return f" ({setting})" if setting else ""


CLEANUP = 300.0
"""Seconds to wait for AWS to delete a change set, or a stack in review. It continues without us; the next run looks."""

CREATION = 1800.0
"""Seconds in which AWS should have created a change set; one with many nested stacks takes minutes."""


def discard(session: Session, change_set_id: str, stack_id: str) -> Generator[None, None, None]:
    """Delete a change set of ours and, when nothing else is there, the empty stack in REVIEW_IN_PROGRESS it left.

    AWS deletes nested sets, and a stack in review, in the background. Raises CloudError when it cannot, or has not
    within `CLEANUP` seconds.
    """
    cloud, began = session.cloud, session.timer.now()

    def check_time(what: str) -> None:
        if session.timer.now() - began > CLEANUP:
            raise CloudError(f"{what} after {CLEANUP / 60:.0f} min", "`infragen changesets prune` looks again")

    name = change_set_id.rpartition("changeSet/")[2].partition("/")[0]
    while refusal := _refused_deletion(cloud, change_set_id, stack_id):
        check_time(f"AWS still works on the change set {name} ({refusal})")
        yield
    state = cloud.stack(stack_id)
    if state is None or state.status != "REVIEW_IN_PROGRESS":
        return
    while (found := cloud.change_set(change_set_id, stack_id)) is not None and found.status != "DELETE_COMPLETE":
        if found.status == "DELETE_FAILED":
            said = f"the change set {found.name} is DELETE_FAILED: {found.reason or NO_REASON}"
            raise CloudError(said, "`infragen changesets prune` tries again")
        check_time(f"the change set {name} is still {found.status}")
        yield
    if cloud.change_sets(stack_id):
        return
    cloud.delete_stack(stack_id, token_of(change_set_id))
    while (state := cloud.stack(stack_id)) is not None and state.status != "DELETE_COMPLETE":
        if state.status == "DELETE_FAILED":
            raise CloudError(f"{state.name} is DELETE_FAILED: {state.reason}", "`infragen destroy` tries again")
        check_time(f"{state.name} is still {state.status}")
        yield


def _refused_deletion(cloud: Cloud, change_set_id: str, stack_id: str) -> str:
    """Ask AWS to delete a change set; gives its words while it has to be asked again. One that was executed stays."""
    try:
        cloud.delete_change_set(change_set_id, stack_id)
    except Conflict as error:
        found = cloud.change_set(change_set_id, stack_id)
        begun = found is None or found.status in GOING or found.execution_status.startswith("EXECUTE_")
        return "" if begun else error.message
    return ""


# --- operations -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """The stack an operation is about, and the layers of the stacks nested in it."""

    layer: str
    stack: str
    name_child: Callable[[str, str], str]


def target_of(unit: StackUnit) -> Target:
    """Return the target of a unit of a plan."""
    return Target(unit.layer, unit.stack, unit.child_layer)


def begin(
    session: Session,
    target: Target,
    change_set: ChangeSet,
    action: str,
    keep: bool,
    may: Callable[[], bool],
    *,
    retain_except_on_create: bool = False,
) -> Generator[None, None, Follower | None]:
    """Execute a change set, and gives what follows the operation; with `keep` a failure is not rolled back, with
    `retain_except_on_create` a rollback deletes all that it created.

    `may` is asked at the last moment; None when it says no. Raises an InfragenError only while nothing was executed.
    """
    cloud, token = session.cloud, token_of(change_set.change_set_id)
    anchored = yield from retrying(session, target.layer, lambda: anchors(cloud, change_set.stack_id), BEFORE)
    if not may():
        return None
    session.ui.tell(Started(target.layer, target.stack, action))
    made, stack = change_set.change_set_id, change_set.stack_id

    def execute() -> None:
        cloud.execute_change_set(made, stack, token, keep, retain_except_on_create)

    try:
        yield from retrying(session, target.layer, execute, BEFORE)
    except Unavailable:  # perhaps one of the tries arrived, perhaps none did
        now = yield from retrying(session, target.layer, lambda: cloud.change_set(made, stack))
        if now is not None and now.executable:
            raise
    except (CloudError, Conflict) as error:  # our own operation, too, when the reply to the first try was lost
        if not _was_executed(cloud, change_set):
            raise _not_executed(cloud, target, change_set, error) from error
    return Follower(cloud, change_set.stack_id, target.layer, token, anchored, target.name_child)


def _was_executed(cloud: Cloud, change_set: ChangeSet) -> bool:
    """Return whether an execution that AWS refuses had been accepted before: the reply to the first try was lost."""
    now = cloud.change_set(change_set.change_set_id, change_set.stack_id)
    if now is not None and now.execution_status.startswith("EXECUTE_"):
        return True
    state = cloud.stack(change_set.stack_id)
    return (
        state is not None and state.change_set_id == change_set.change_set_id and state.status != "REVIEW_IN_PROGRESS"
    )


def _not_executed(
    cloud: Cloud, target: Target, change_set: ChangeSet, error: CloudError | Conflict
) -> CloudError | Conflict:
    """Return why AWS does not execute a change set. One that is gone or OBSOLETE was overtaken: executing one deletes
    all others of its stack. So was one whose stack was in another operation, such as a deletion, which leaves its
    change sets as they are; that operation may have ended by now.
    """
    now = cloud.change_set(change_set.change_set_id, change_set.stack_id)
    if now is not None and now.executable:
        state = cloud.stack(change_set.stack_id)
        busy = state is not None and running(state.status)
        if not busy and not isinstance(error, Conflict):
            return error
        return Conflict(
            f"the plan of {target.stack} was overtaken: the stack is {state.status if state else 'gone'} by now",
            "something else changes the stack: wait for it (`infragen follow`), and run the same command again",
        )
    return Conflict(
        f"the plan of {target.stack} is stale: its change set is {now.execution_status if now else 'gone'}",
        "something else changed the stack; run the same command again",
    )


def resume(session: Session, target: Target, state: StackState) -> Operation:
    """Follow an operation of ours that an earlier run started. Its own earlier events are shown again."""
    session.ui.tell(Started(target.layer, target.stack, "follow"))
    token = yield from retrying(session, target.layer, lambda: token_of_current(session.cloud, state))
    since = yield from retrying(session, target.layer, lambda: begun(session.cloud, state.stack_id))
    follower = Follower(session.cloud, state.stack_id, target.layer, token, {}, target.name_child, since)
    return (yield from follow(session, target, follower, state.stack_id))


def follow(session: Session, target: Target, follower: Follower, stack_id: str) -> Operation:
    """Report every event until the stack evaluates, then decides how it ended."""
    watch = FailureWatch(session)
    state = yield from _settled(session, target, follower, stack_id, watch)
    if state is None or state.status == "DELETE_COMPLETE":
        return (yield from _disappeared(session, target, follower, state, watch))
    if state.status in SUCCESS and not any("ROLLBACK" in status for status in follower.own_statuses):
        contradictions = _contradicting(follower.events)
        if contradictions:
            return _disputed(session, target, state, contradictions)
        return Deployed(target.layer, target.stack, state.status, state.outputs, _left(follower))
    return (yield from _failed(session, target, follower, state, watch))


def _contradicting(events: Sequence[LayerEvent]) -> list[LayerEvent]:
    """Return the last events of resources that say that they failed, of a stack that says it succeeded.

    What the clean-up of an update could not delete is no such resource: the one that the stack has now is another.
    """
    last = {(each.event.stack_id, each.event.logical_id): each for each in events if not each.event.of_stack_itself}
    return [each for each in last.values() if each.event.status in ("CREATE_FAILED", "UPDATE_FAILED")]


def _disputed(session: Session, target: Target, state: StackState, failures: Sequence[LayerEvent]) -> Failed:
    """Return the outcome of a stack that says it succeeded while the last event of a resource in it says that it
    failed.
    """
    cause = _located(session, root_cause(failures))
    own = [each for each in failures if each.event.reason not in CANCELLED] or failures
    places = ", ".join(f"{each.layer}/{each.event.logical_id}" for each in own)
    said = cause or f"{places} {failures[0].event.status}: {failures[0].event.reason}"
    message = f"{target.stack} is {state.status}, but its own events say otherwise: {said}"
    hint = f"see whether what failed is there and as its template says ({places}): `infragen drift`"
    return Failed(target.layer, target.stack, message, hint, state.status, cause)


def _disappeared(
    session: Session, target: Target, follower: Follower, state: StackState | None, watch: FailureWatch
) -> Generator[None, None, Failed]:
    """Yield the failure of an operation whose stack is gone: its own deletion, as OnStackFailure says, or somebody's.

    The events of a deleted stack stay readable by its ARN for 90 days (API reference, DescribeStackEvents).
    """
    gone = f"the stack {target.stack} disappeared while it was being deployed"
    with suppress(CloudError):
        _tell(session, target, follower.finish())
    events = follower.events
    cause = _located(session, root_cause(events) or stack_cause(events))
    if "DELETE_IN_PROGRESS" not in follower.own_statuses or cause is None:
        if cause is None:
            hint = "it was deleted by another caller: find out which, then deploy again"
            return Failed(target.layer, target.stack, gone, hint)
        why = watch.why(event_of(cause, events))
        hint = why.beside("perhaps another caller deleted it: find out, fix the cause and deploy again")
        message = f"{gone}, after it had failed: {cause}"
        return Failed(target.layer, target.stack, message, hint, "DELETE_COMPLETE", cause, evidence=why.evidence)
    ended = state or StackState(follower.own_events[-1].event.stack_id, target.stack, "DELETE_COMPLETE")
    return (yield from _failed(session, target, follower, ended, watch))


def _left(follower: Follower) -> tuple[str, ...]:
    """Return what the clean-up of a good update could not delete."""
    events = (each.event for each in follower.events)
    return tuple(each.physical_id for each in events if each.status == "DELETE_FAILED" and not each.of_stack_itself)


def _settled(
    session: Session, target: Target, follower: Follower, stack_id: str, watch: FailureWatch
) -> Generator[Moved, None, StackState | None]:
    """Wait until DescribeStacks gives a final status that is not a stale one from before the operation.

    When somebody has started another operation by then, the status is the one in which ours ended.
    """

    def look() -> tuple[StackState | None, list[LayerEvent]]:
        state = session.cloud.stack(stack_id)
        return state, follower.poll() if state else []

    unconfirmed, deletions = 0, DeletionWatch(session)
    while True:
        state, events = yield from retrying(session, target.layer, look)
        _tell(session, target, events)
        watch.look(follower.events, state.status if state else "")
        deletions.look(follower.events)
        if state is None:
            return None
        if (last := follower.overtaken) is not None:
            _tell(session, target, (yield from retrying(session, target.layer, follower.finish)))
            said = f"{target.stack} is {last.status}, and another operation on it has started since"
            session.ui.tell(Warned(f"{said}: `infragen follow` follows that"))
            return replace(state, status=last.status)
        if not running(state.status) and state.status != "REVIEW_IN_PROGRESS":
            unconfirmed += 1
            if follower.own_statuses[-1:] == [state.status] or unconfirmed > STALE_READS:
                _tell(session, target, (yield from retrying(session, target.layer, follower.finish)))
                return state
        yield bool(events)


def _tell(session: Session, target: Target, events: list[LayerEvent]) -> None:
    for each in events:
        session.ui.tell(Happened(target.layer, each))


def _failed(
    session: Session, target: Target, follower: Follower, state: StackState, watch: FailureWatch
) -> Generator[None, None, Failed]:
    """Yield the failure with its root cause; events of failures can become visible after the final status."""
    for _ in range(3):
        if _cause(session, state, follower.events):
            break
        yield
        yield from retrying(session, target.layer, follower.finish)
    watch.look(follower.events, state.status)
    cause = _located(session, _cause(session, state, follower.events) or stack_cause(follower.events))
    explanation = watch.why(event_of(cause, follower.events)) if cause else Explanation()
    cancelled = "no resource failed: the operation was probably cancelled"
    unknown = cancelled if state.status.endswith("ROLLBACK_COMPLETE") else NO_REASON
    said = str(cause) if cause else state.reason or unknown
    message = f"{target.stack} is {state.status}: {said}"
    hint = explanation.beside(_next_step(session, target, state, cause, follower.events))
    return Failed(target.layer, target.stack, message, hint, state.status, cause, evidence=explanation.evidence)


def _cause(session: Session, state: StackState, events: Sequence[LayerEvent]) -> Cause | None:
    """Return why an operation failed: the alarm that rolled it back, else the first true failure of a resource."""

    def raised() -> frozenset[str]:
        with suppress(CloudError):  # it only explains
            found = session.cloud.alarm_states(tuple(each.name for each in state.rollback.triggers))
            return frozenset(name for name, each in found.items() if each.state == "ALARM")
        return frozenset()

    return alarm_cause(events, state.rollback, raised) or root_cause(events)


def why_failed(session: Session, target: Target, state: StackState) -> Cause | None:
    """Return the root cause of what was last done to a stack, from its history."""
    events = last_done(session, target, state)
    return _located(session, _cause(session, state, events) or stack_cause(events))


def how_failed(
    session: Session, target: Target, state: StackState, events: Sequence[LayerEvent] | None = None
) -> tuple[Cause | None, str]:
    """Return the root cause of what was last done to a stack, and what to type next; `events` are those of it."""
    events = last_done(session, target, state) if events is None else events
    cause = _located(session, _cause(session, state, events) or stack_cause(events))
    return cause, _next_step(session, target, state, cause, events)


def _next_step(
    session: Session, target: Target, state: StackState, cause: Cause | None, events: Sequence[LayerEvent]
) -> str:
    standing, good = _standing(session, target, state), _good_tag(session, state, cause, events)
    skipped = not_put_back(events) if state.status == "UPDATE_ROLLBACK_FAILED" else given_up(events)
    return next_step(state.status, kept(events), cause, standing, good, skipped, state.mode)


def _good_tag(session: Session, state: StackState, cause: Cause | None, events: Sequence[LayerEvent]) -> str:
    """Return the tag of the image that runs again after a rollback; empty where no image was rolled back."""
    return tag_after_rollback(session.cloud, state, event_of(cause, events), events) if cause else ""


def _standing(session: Session, target: Target, state: StackState) -> tuple[str, ...]:
    """Return what a stack whose creation was rolled back lists as there all the same: its status says nothing of it."""
    if state.status != "ROLLBACK_COMPLETE":
        return ()
    with suppress(CloudError):  # it only explains
        found = session.cloud.resources(state.stack_id)
        left = [each for each in found if each.status not in GONE and each.physical_id and not never_made(each)]
        return tuple(f"{target.layer}/{each.logical_id} ({each.physical_id})" for each in left)
    return ()


def last_done(session: Session, target: Target, state: StackState) -> Sequence[LayerEvent]:
    """Return the events of the last operation on a stack, oldest first, those of nested stacks among them."""
    since = begun(session.cloud, state.stack_id)
    follower = Follower(session.cloud, state.stack_id, target.layer, "", {}, target.name_child, since)
    follower.finish()
    return follower.events


def removed_creation(session: Session, target: Target, state: StackState) -> Sequence[LayerEvent]:
    """Return the events of a creation that failed and whose stack AWS then deleted by itself, as --on-failure delete
    says; none of a stack that was deleted for another reason.

    The deletion belongs to the creation: it carries its token, or comes before the creation ended.
    """
    follower = Follower(session.cloud, state.stack_id, target.layer, "", {}, target.name_child)
    follower.finish()
    own = [each.event for each in follower.own_events if each.event.status != "REVIEW_IN_PROGRESS"]
    first = next((each for each in own if each.status == "CREATE_IN_PROGRESS"), None)
    last = next((place for place, each in enumerate(own) if each.status == "DELETE_IN_PROGRESS"), 0)
    if first is None or not last:
        return ()
    before, deletion = own[last - 1], own[last]
    same = before.status == "CREATE_FAILED" and deletion.token == first.token and bool(first.token)
    return follower.events if same or before.status == "CREATE_IN_PROGRESS" else ()


def name_child(parent: str, logical_id: str) -> str:
    """Return the layer of a nested stack, from its parent's layer and its logical id, where there is only what is
    deployed.
    """
    return layer_of_id(logical_id) if parent == ROOT else f"{parent}/{logical_id}"


def _located(session: Session, cause: Cause | None) -> Cause | None:
    """Return a cause with the line of the environment file that it comes from."""
    if cause is None or session.file is None or cause.is_rollback_alarm:
        return cause
    return replace(cause, setting=suspect(session.file, cause.layer, cause.logical_id, cause.reason))


def recover(
    session: Session,
    target: Target,
    state: StackState,
    begin: Callable[[str], None],
    wanted: frozenset[str],
    also: Collection[str] = (),
) -> Generator[Moved, None, StackState | Failed]:
    """Begin an operation that puts a stack right (`begin` gets its token) and follows it to a wanted status.

    `also` are tokens that its events may carry instead.
    """
    token = PREFIX + secrets.token_hex(20)
    anchored = yield from retrying(session, target.layer, lambda: anchors(session.cloud, state.stack_id), BEFORE)
    session.ui.tell(Started(target.layer, target.stack, "recover"))
    with suppress(Unavailable):  # perhaps it was applied: following will tell
        begin(token)
    follower = Follower(session.cloud, state.stack_id, target.layer, token, anchored, target.name_child, also=also)
    watch = FailureWatch(session)
    settled = yield from _settled(session, target, follower, state.stack_id, watch)
    if settled is None and "DELETE_COMPLETE" in wanted:
        settled = replace(state, status="DELETE_COMPLETE")
    if settled is not None and settled.status in wanted:
        return settled
    return (yield from _failed(session, target, follower, settled or state, watch))


def cancel(session: Session, stack_id: str) -> None:
    """Turn an update that runs back; whoever follows it sees the rollback. Nothing else can be cancelled, and a stack
    is never deleted for it.

    Its token is learnt by who follows the update: the events of the rollback carry it.
    """
    state = session.cloud.stack(stack_id)
    if state is None or not running(state.status):
        return
    if state.status != CANCELLABLE:
        session.ui.tell(Warned(f"{state.name} is {state.status}, which cannot be cancelled; it is followed to its end"))
        return
    try:
        session.cloud.cancel_update(state.stack_id, PREFIX + secrets.token_hex(20))
    except CloudError as error:
        session.ui.tell(Warned(f"{state.name} was not cancelled: {error.message}"))


def delete(
    session: Session, target: Target, state: StackState, retain: Sequence[str] = (), role: str = ""
) -> Generator[Moved, None, Deleted | Failed]:
    """Delete a stack and follows the deletion to its end. A stack that is gone is success."""
    token = PREFIX + secrets.token_hex(20)
    anchored = yield from retrying(session, target.layer, lambda: anchors(session.cloud, state.stack_id), BEFORE)
    session.ui.tell(Started(target.layer, target.stack, "delete"))
    with suppress(Unavailable):  # perhaps it was applied: following will tell
        session.cloud.delete_stack(state.stack_id, token, tuple(retain), role)
    follower = Follower(session.cloud, state.stack_id, target.layer, token, anchored, target.name_child)
    return (yield from _follow_deletion(session, target, follower, state.stack_id))


def resume_deletion(session: Session, target: Target, state: StackState) -> Generator[Moved, None, Deleted | Failed]:
    """Follow a deletion that runs already."""
    session.ui.tell(Started(target.layer, target.stack, "follow"))
    since = yield from retrying(session, target.layer, lambda: begun(session.cloud, state.stack_id))
    follower = Follower(session.cloud, state.stack_id, target.layer, "", {}, target.name_child, since)
    return (yield from _follow_deletion(session, target, follower, state.stack_id))


def _follow_deletion(
    session: Session, target: Target, follower: Follower, stack_id: str
) -> Generator[Moved, None, Deleted | Failed]:
    watch = FailureWatch(session)
    state = yield from _settled(session, target, follower, stack_id, watch)
    if state is not None and state.status != "DELETE_COMPLETE":
        return (yield from _failed(session, target, follower, state, watch))
    return Deleted(target.layer, target.stack, kept(follower.events))
