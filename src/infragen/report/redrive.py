"""What lies in a dead-letter queue and what became of its messages, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from infragen.engine.redrive import DeadLetter, Moved, grouped
from infragen.report.logs import readable
from infragen.secrecy.visible import Shown, shown_json

LONGEST_BODY = 2_000
"""Characters of a message's body that are shown; JSON has all of it."""

_OF_A_MESSAGE = frozenset({"messageId", "traceId", "attempt", "body"})
"""Fields of the scaffold's log that differ between messages which died of the same error, or are shown beside it."""


def dead_letter_lines(queue: str, dead: int, letters: Sequence[DeadLetter]) -> Iterator[str]:
    """Yield how many messages are dead, and those that were looked at, grouped by their error."""
    yield f"{queue}: {dead} dead letters{f', the first {len(letters)}' if letters else ''}"
    for same in grouped(letters).values():
        error = _error(same[0])
        yield f"\n{len(same)} of {error or 'which the log has no line'}"
        for each in same:
            yield f"  {each.id}  sent {_time(each.sent)}  received {each.receives} times"
            yield f"    {each.body[:LONGEST_BODY]}"
            if _error(each) != error:
                yield f"    {_error(each)}"


def _error(letter: DeadLetter) -> str:
    return readable(letter.error, _OF_A_MESSAGE)


def dead_letters_json(queue: str, dead: int, letters: Sequence[DeadLetter]) -> Shown:
    """Return the same as one document."""
    rows = [
        {
            "id": each.id,
            "sent": _time(each.sent),
            "receives": each.receives,
            "group": each.group,
            "body": each.body,
            "error": each.error,
        }
        for each in letters
    ]
    return shown_json({"version": 1, "queue": queue, "dead": dead, "messages": rows}, indent=2)


def moved_line(queue: str, result: Moved) -> str:
    """Return what was moved, and how both queues stand."""
    state, dead = result.queue, result.dead
    return (
        f"{result.moved} messages moved to {queue}; now {state.waiting} wait there, {state.in_flight} are in flight "
        f"and {dead.waiting} are dead"
    )


def moved_json(queue: str, result: Moved) -> Shown:
    """Return the same as one document."""
    counts = {"waiting": result.queue.waiting, "in_flight": result.queue.in_flight, "dead": result.dead.waiting}
    return shown_json({"version": 1, "queue": queue, "moved": result.moved, **counts}, indent=2)


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
