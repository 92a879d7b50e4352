"""The change sets that a run makes and does not execute: whatever happens, none of them stays behind.

Change sets pile up to a limit at which no deployment is possible any more. A run deletes its own at its end and, before
it makes new ones, those of ours that an earlier run could not delete.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from infragen.cloud.cloudformation import GOING, ChangeSetSummary
from infragen.config import Environment
from infragen.engine.observe import maker_of, observe, root_of, under_review
from infragen.engine.operate import Target, delete, discard, is_ours, name_child, saved_until
from infragen.engine.outcome import Failed
from infragen.engine.progress import Session, Warned
from infragen.engine.schedule import run_concurrently
from infragen.errors import CloudError, Conflict

UNEXECUTED = ("AVAILABLE", "UNAVAILABLE", "OBSOLETE", "EXECUTE_FAILED", "")
"""Execution statuses of change sets that no operation belongs to (or an operation that never started)."""


IN_USE = 3600.0
"""Seconds for which a change set of another run is never touched."""


class ChangeSetCleanup:
    """The change sets that this run made; those that were not executed are deleted at the end, whatever happens."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._made: dict[str, str] = {}

    def __enter__(self) -> ChangeSetCleanup:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not issubclass(kind, Exception | KeyboardInterrupt):
            return  # terminated: there is no time for calls
        left = run_concurrently([self._discarded(each) for each in list(self._made)], self._session.timer)
        _tell_left(self._session, [each for each in left if each])

    def _discarded(self, change_set_id: str) -> Generator[None, None, str]:
        """Delete one, and gives why it is left: the error that led here is the one to end with."""
        try:
            yield from discard(self._session, change_set_id, self._made[change_set_id])
        except (CloudError, Conflict) as error:
            return error.message
        self.keep(change_set_id)
        return ""

    def made(self, change_set_id: str, stack_id: str) -> None:
        """Take note of a change set."""
        self._made[change_set_id] = stack_id

    def keep(self, change_set_id: str) -> None:
        """Keep the change set: it belongs to the stack's history now, or to a saved plan."""
        self._made.pop(change_set_id, None)

    def drop(self, change_set_id: str) -> None:
        """Ask AWS to delete one in the middle of a run, which continues whatever the answer: the end looks again."""
        if change_set_id in self._made:
            with suppress(CloudError, Conflict):
                self._session.cloud.delete_change_set(change_set_id, self._made[change_set_id])


def sweep(session: Session, stack_ids: Iterable[str]) -> None:
    """Delete change sets of ours that an earlier run left on these stacks; those of saved plans when they expired.

    What cannot be deleted is reported once: it is in nobody's way until there are a thousand.
    """
    cloud, now, left = session.cloud, session.timer.date(), []
    for stack_id in stack_ids:
        try:
            for summary in cloud.change_sets(stack_id):
                kept = saved_until(summary.name) > now and summary.execution_status == "AVAILABLE"
                if _is_left(summary) and not summary.parent_id and not kept and not in_use(session, summary):
                    cloud.delete_change_set(summary.change_set_id, stack_id)
        except (CloudError, Conflict) as error:
            left.append(error.message)
    _tell_left(session, left)


def _tell_left(session: Session, refusals: Sequence[str]) -> None:
    """Tell once what stays behind of change sets, in AWS's words."""
    if refusals:
        more = f", and {len(refusals) - 1} more" if len(refusals) > 1 else ""
        session.ui.tell(Warned(f"change sets are left, the next run deletes them: {refusals[0]}{more}"))


def in_use(session: Session, summary: ChangeSetSummary) -> bool:
    """Return whether another run may still be at work with a change set: one that it made less than an hour ago, or of
    which AWS does not say when it was made. Only this machine's clock and AWS's are compared, which AWS lets differ by
    five minutes.
    """
    if maker_of(summary.description) == session.run:
        return False
    return summary.created is None or session.timer.date() - summary.created.timestamp() < IN_USE


def _is_left(summary: ChangeSetSummary) -> bool:
    return is_ours(summary.name) and summary.execution_status in UNEXECUTED and summary.status not in GOING


# --- infragen changesets prune ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Leftover:
    """What one stack holds: change sets of ours that can be deleted, nested ones that cannot, and how many there are.

    `empty` tells a stack in review that nothing is left of: it is deleted as a whole. `in_use` are those that another
    run made less than an hour ago; they stay.

    A nested change set is deleted with that of the stack around it and in no other way; once that one was executed it
    stays as long as its stack (API reference, DeleteChangeSet; aws/copilot-cli#4426).
    """

    stack: str
    stack_id: str
    deletable: tuple[str, ...]
    stuck: int
    total: int
    empty: bool = False
    in_use: int = 0
    layer: str = ""

    @property
    def count(self) -> int:
        """Return how many change sets and empty stacks `prune` deletes."""
        return len(self.deletable) + self.empty


def find_left(env: Environment, session: Session) -> tuple[Leftover, ...]:
    """Return the stacks of an environment, nested ones too, that hold change sets which were never executed."""
    observed = observe(session, env)
    known = {**observed.layers, **under_review(session.cloud, env, observed)}
    ours = {state.stack_id: layer for layer, state in known.items()}
    found = []
    for state in sorted(observed.by_id.values(), key=lambda each: each.name):
        layer = ours.get(root_of(observed, state).stack_id)
        if layer is not None:
            summaries = session.cloud.change_sets(state.stack_id)
            unexecuted = [each for each in summaries if _is_left(each)]
            left = [each for each in unexecuted if not in_use(session, each)]
            deletable = tuple(each.change_set_id for each in left if not each.parent_id)
            empty = state.status == "REVIEW_IN_PROGRESS" and not summaries and not state.parent_id
            stuck = len(left) - len(deletable)
            used = len(unexecuted) - len(left)
            found.append(Leftover(state.name, state.stack_id, deletable, stuck, len(summaries), empty, used, layer))
    return tuple(each for each in found if each.count or each.stuck or each.in_use)


def prune(session: Session, found: Sequence[Leftover]) -> tuple[str, ...]:
    """Delete what can be deleted, and stacks that nothing else is left of; gives what AWS refused, in its words."""
    refused: list[str] = []

    def one(left: Leftover, change_set_id: str) -> Generator[None, None, None]:
        try:
            yield from discard(session, change_set_id, left.stack_id)
        except (CloudError, Conflict) as error:
            refused.append(f"{left.stack}: {error.message}")

    def whole(left: Leftover) -> Generator[None, None, None]:
        state = session.cloud.stack(left.stack_id)
        if state is not None:
            target = Target(left.layer, left.stack, name_child)
            gone = yield from delete(session, target, state)
            if isinstance(gone, Failed):
                refused.append(gone.message)

    deletions = [one(left, each) for left in found for each in left.deletable]
    run_concurrently([*deletions, *(whole(left) for left in found if left.empty)], session.timer)
    return tuple(refused)
