"""Answers of AWS without which a command can go on: it does, and says what it could not see or do, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from infragen.engine.progress import Session, Warned
from infragen.errors import CloudError


class Unread:
    """Says what could not be seen or done, each thing once, however often it is tried."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._said: set[str] = set()

    @contextmanager
    def going_on(self, what: str) -> Iterator[None]:
        """Work on where AWS refuses what is done inside; `what` is a sentence of what that means, without an end."""
        try:
            yield
        except CloudError as error:
            if what not in self._said:
                self._said.add(what)
                reason = f"{error.message}; {error.hint}" if error.hint else error.message
                self._session.ui.tell(Warned(f"{what}: {reason}"))


def going_on(session: Session, what: str) -> AbstractContextManager[None]:
    """Do the same for a single try."""
    return Unread(session).going_on(what)
