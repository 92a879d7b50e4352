"""What lies in a dead-letter queue and what became of its messages, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from infragen.engine.redrive import DeadLetter, Moved, grouped
from infragen.report.duration import instant
from infragen.report.keys import Key, count, document, schema, text, version
from infragen.report.logs import readable
from infragen.secrecy.visible import Shown, shown_json

VERSION = 1

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
            yield f"  {each.id}  sent {instant(each.sent)}  received {each.receives} times"
            yield f"    {each.body[:LONGEST_BODY]}"
            if _error(each) != error:
                yield f"    {_error(each)}"


def _error(letter: DeadLetter) -> str:
    return readable(letter.error, _OF_A_MESSAGE)


LETTER: tuple[Key, ...] = (
    text("id", "SQS's id of the message", lambda each: each.id),
    text("sent", "when it was sent", lambda each: instant(each.sent)),
    count("receives", "how often it was received", lambda each: each.receives, "integer"),
    text("group", "its group, of a FIFO queue; empty without one", lambda each: each.group),
    text("body", "its text", lambda each: each.body),
    text("error", "the error it died of, in the worker's log; empty if not known", lambda each: each.error),
)
DEAD: tuple[Key, ...] = (
    version(VERSION),
    text("queue", "name of the queue in the environment file", lambda found: found[0]),
    count("dead", "messages in its dead-letter queue", lambda found: found[1], "integer"),
    Key("messages", "array", "those that were looked at", lambda found: found[2], rows=LETTER),
)
MOVED: tuple[Key, ...] = (
    version(VERSION),
    text("queue", "name of the queue in the environment file", lambda found: found[0]),
    count("moved", "messages that were moved back", lambda found: found[1].moved, "integer"),
    count("waiting", "messages that wait in the queue", lambda found: found[1].queue.waiting, "integer"),
    count("in_flight", "messages that are being processed", lambda found: found[1].queue.in_flight, "integer"),
    count("dead", "messages that are dead still", lambda found: found[1].dead.waiting, "integer"),
)


CANCELLED: tuple[Key, ...] = (
    version(VERSION),
    text("queue", "name of the queue in the environment file", lambda found: found[0]),
    Key("cancelled", "boolean", "whether a move was running, which SQS is ending now", lambda found: found[1]),
)


def dead_letters_json(queue: str, dead: int, letters: Sequence[DeadLetter]) -> Shown:
    """Return the same as one document; `DEAD` are its keys."""
    return shown_json(document(DEAD, (queue, dead, letters)), indent=2)


def moved_line(queue: str, result: Moved) -> str:
    """Return what was moved, and how both queues stand."""
    state, dead = result.queue, result.dead
    return (
        f"{result.moved} messages moved to {queue}; now {state.waiting} wait there, {state.in_flight} are in flight "
        f"and {dead.waiting} are dead"
    )


def moved_json(queue: str, result: Moved) -> Shown:
    """Return the same as one document; `MOVED` are its keys."""
    return shown_json(document(MOVED, (queue, result)), indent=2)


def cancelled_line(queue: str, running: bool) -> str:
    """Return whether there was a move to end."""
    return f"the move of {queue} is being ended" if running else f"no move of {queue} runs"


def cancelled_json(queue: str, running: bool) -> Shown:
    """Return the same as one document; `CANCELLED` are its keys."""
    return shown_json(document(CANCELLED, (queue, running)), indent=2)


def redrive_schema() -> dict[str, Any]:
    """Return the schema of what `infragen redrive --format json` prints, with --peek or --cancel or without both (JSON
    Schema).
    """
    return schema("Dead letters, or what became of them", DEAD, MOVED, CANCELLED)
