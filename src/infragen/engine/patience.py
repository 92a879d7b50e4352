"""Looking at AWS while AWS cannot be looked at: a lost network or a login that ran out must not lose an operation."""

from collections.abc import Callable, Generator
from typing import TypeVar

from infragen.engine.progress import Lost, Session
from infragen.errors import CredentialsExpired, OutcomeUnknown, Unavailable

T = TypeVar("T")

GRACE = 300.0
"""Seconds in which somebody may log in again while an operation is followed."""

BEFORE = 120.0
"""Seconds to try on while nothing is under way yet: then giving up loses nothing."""


def patiently(
    session: Session, layer: str, read: Callable[[], T], limit: float | None = None
) -> Generator[None, None, T]:
    """What `read` gives, tried again after each wait while AWS cannot be reached.

    With a `limit` in seconds it gives up with what AWS said last, and at once when the credentials ran out. Without
    one, an operation runs: the network is waited for as long as it takes, a new login for `GRACE` seconds, then it
    raises OutcomeUnknown. `read` must change nothing, or carry a token that makes a repetition harmless.
    """
    began, account = session.timer.now(), ""
    while True:
        try:
            if account and session.cloud.identity().account != account:
                raise OutcomeUnknown(f"it still runs in AWS; the new login is not of account {account}")
            return read()
        except CredentialsExpired as error:
            if limit is not None:
                raise
            if session.timer.now() - began > GRACE:
                raise OutcomeUnknown(f"it still runs in AWS; {error.message}", error.hint) from error
            session.ui.tell(Lost(layer, f"{error.message}; {error.hint}"))
            account = account or session.cloud.identity().account
            session.cloud.reconnect()
        except Unavailable as error:
            if limit is not None and session.timer.now() - began > limit:
                raise
            session.ui.tell(Lost(layer, error.message))
        yield
