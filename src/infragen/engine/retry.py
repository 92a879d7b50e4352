"""Looking at AWS while AWS cannot be looked at: a lost network or a login that ran out must not lose an operation."""

from collections.abc import Callable, Generator
from typing import TypeVar

from infragen.engine.progress import Lost, Session
from infragen.errors import CloudError, OutcomeUnknown, Unavailable, Unsupported

T = TypeVar("T")

GRACE = 300.0
"""Seconds in which somebody may log in again while an operation is followed."""

BEFORE = 120.0
"""Seconds to try on while nothing is under way yet: then giving up loses nothing."""

UNDER_WAY = 3600.0
"""Seconds to wait for the network where a deployment is under way and this stack is not: then the others are reported.
"""


def retrying(
    session: Session, layer: str, read: Callable[[], T], limit: float | None = None
) -> Generator[None, None, T]:
    """Yield what `read` gives, tried again after each wait while AWS cannot be reached.

    With a `limit` in seconds it stops with what AWS said last, and at once when AWS refuses. Without one, an
    operation runs: the network is waited for as long as it takes, a new login or a permission that was taken away for
    `GRACE` seconds, then it raises OutcomeUnknown. `read` must change nothing, or carry a token that makes a repetition
    harmless. What is lost is reported once, and again when it is reported in other words.
    """
    began, account, told = session.timer.now(), "", ""
    while True:
        try:
            if account and session.cloud.identity().account != account:
                raise OutcomeUnknown(
                    f"it still runs in AWS; the new login is not of account {account}",
                    "log in to that account and run `infragen follow`",
                )
            return read()
        except Unavailable as error:
            if limit is not None and session.timer.now() - began > limit:
                raise
            told = _tell(session, layer, error.message, told)
        except Unsupported:
            raise
        except CloudError as error:  # credentials that ran out, or lost their rights: a new login may help
            if limit is not None:
                raise
            if session.timer.now() - began > GRACE:
                raise OutcomeUnknown(f"it still runs in AWS; {error.message}", error.hint) from error
            said = f"{error.message}; {error.hint}" if error.hint else error.message
            told = _tell(session, layer, said, told)
            account = account or session.cloud.identity().account
            session.cloud.reconnect()
        yield


def retried(session: Session, layer: str, read: Callable[[], T], pause: float, limit: float | None = None) -> T:
    """Return what `read` gives, tried again as in `retrying` after `pause` seconds each time: where nothing else is to
    be done meanwhile.
    """
    steps = retrying(session, layer, read, limit)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found
        session.timer.sleep(pause)


def _tell(session: Session, layer: str, said: str, told: str) -> str:
    """Report what is lost unless these words were the last ones; gives what was reported last."""
    if said != told:
        session.ui.tell(Lost(layer, said))
    return said
