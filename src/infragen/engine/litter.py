"""The change sets that a run makes and does not execute: whatever happens, none of them stays behind.

Change sets pile up to a limit at which no deployment is possible any more. A run deletes its own at its end and, before
it makes new ones, those of ours that an earlier run could not delete.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import suppress

from infragen.cloud import Cloud
from infragen.engine.operate import discard, is_ours
from infragen.engine.progress import Session
from infragen.engine.schedule import together
from infragen.errors import CloudError

UNEXECUTED = ("AVAILABLE", "UNAVAILABLE", "OBSOLETE", "EXECUTE_FAILED", "")
"""Execution statuses of change sets that no operation belongs to (or an operation that never began)."""


class Litter:
    """The change sets that this run made; those that were not executed are deleted at the end, whatever happens."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._made: dict[str, str] = {}

    def __enter__(self) -> Litter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not issubclass(kind, Exception | KeyboardInterrupt):
            return  # terminated: there is no time for calls
        together([self._try(each) for each in list(self._made)], self._session.timer)

    def _try(self, change_set_id: str) -> Generator[None, None, None]:
        with suppress(CloudError):  # the error that led here is the one to tell; a later run deletes what is left
            yield from self.drop(change_set_id)

    def made(self, change_set_id: str, stack_id: str) -> None:
        """Takes note of a change set."""
        self._made[change_set_id] = stack_id

    def executed(self, change_set_id: str) -> None:
        """The change set belongs to the stack's history now."""
        self._made.pop(change_set_id, None)

    def drop(self, change_set_id: str) -> Generator[None, None, None]:
        """Deletes one now."""
        stack_id = self._made.pop(change_set_id, None)
        if stack_id is not None:
            yield from discard(self._session.cloud, change_set_id, stack_id)


def sweep(cloud: Cloud, stack_ids: Iterable[str]) -> None:
    """Deletes change sets of ours that an earlier run left on these stacks."""
    for stack_id in stack_ids:
        for summary in cloud.change_sets(stack_id):
            if is_ours(summary.name) and summary.execution_status in UNEXECUTED:
                cloud.delete_change_set(summary.change_set_id)
