"""Lines of logs for a terminal, and for a program as one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from infragen.engine.logs import PINO_LEVELS, LogLine, LogLines, LogQuery
from infragen.report.duration import instant
from infragen.report.keys import Key, document, schema, text
from infragen.secrecy.visible import Shown, shown_json

_COLOURS = ("cyan", "magenta", "blue", "green", "yellow")
_LEVEL_COLOURS = {"warn": "yellow", "error": "red", "fatal": "bold red"}

TASK_CHARACTERS = 8
"""How much of a task's id is shown: enough to tell a service's tasks apart, and `--task` takes it."""

LONGEST_VALUE = 200
"""Characters of a field that are shown on one line; JSON has all of it."""

_NOT_SHOWN = frozenset({"time", "timestamp", "pid", "hostname", "service"})
"""Fields that say what the columns say, or the same in every line."""


_QUIET = frozenset({"level", "time", "timestamp", "msg", "message", "pid", "hostname", "name", "service", "deployment"})


def log_lines(lines: Iterable[LogLine]) -> Iterator[Text]:
    """Yield a line of text per line of a log: time in UTC, source, level, message, other fields."""
    for each in lines:
        source = f"{each.source}/{each.task[:TASK_CHARACTERS]}" if each.task else each.source
        when = datetime.fromtimestamp(each.time, UTC)
        level = each.level.upper()
        yield Text.assemble(
            (f"{when:%H:%M:%S} ", "dim"),
            (f"{source:<16} ", _COLOURS[sum(map(ord, each.source)) % len(_COLOURS)]),
            (f"{level:<5} ", _LEVEL_COLOURS.get(each.level, "")),
            each.message,
            ("".join(f" {key}={_value(value)}" for key, value in each.fields.items() if key not in _NOT_SHOWN), "dim"),
        )


def log_notes(found: LogLines) -> Iterator[str]:
    """Yield what has to be said beside the lines: what is left out, and what is not there."""
    if found.cut:
        yield f"{found.cut} older lines are left out: --since, --grep, --level and --trace show fewer"
    for each in found.unread:
        yield f"the log {each} holds more than is read at once: its newest lines are missing; name a shorter time"
    for each in found.missing:
        yield f"the log group {each} does not exist"


def nothing_found(sources: Iterable[str], query: LogQuery) -> str:
    """Return what is said instead of lines where there are none: an empty screen tells nobody what was looked at."""
    names = ", ".join(dict.fromkeys(sources)) or "the API and the workers, which are not deployed"
    chosen = any((query.level, query.grep, query.trace, query.task))
    until = f" until {instant(query.until)}" if query.until is not None else ""
    fits = " that matches" if chosen else ""
    return f"no line{fits} in {names} since {instant(query.since)}{until}: --since 1d looks further back"


LINE: tuple[Key, ...] = (
    text("time", "when it was written", lambda line: _instant(line.time)),
    text("source", "`api`, `release`, `database` or the name of a worker", lambda line: line.source),
    text("task", "id of the ECS task; empty of a function", lambda line: line.task),
    text("stream", "log stream", lambda line: line.stream),
    text("level", "level of a line in pino's JSON, in letters; empty of another line", lambda line: line.level),
    text("message", "its message, or the whole line", lambda line: line.message),
    Key("fields", "object", "the other fields of a line in JSON", lambda line: line.fields),
)


def log_json(line: LogLine) -> Shown:
    """Return a line as one JSON object; `LINE` are its keys."""
    return shown_json(document(LINE, line))


def log_schema() -> dict[str, Any]:
    """Return the schema of a line that `infragen logs --json` prints (JSON Schema 2020-12)."""
    return schema("A line of a log", LINE)


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def readable(line: str, leave_out: Collection[str] = ()) -> str:
    """Return a line of pino's JSON as level, message and other fields but those to leave out; any other as it is."""
    try:
        found = json.loads(line) if line.startswith("{") else None
    except ValueError:
        return line
    if not isinstance(found, dict) or "level" not in found:
        return line
    level = found["level"]
    word = str(PINO_LEVELS.get(level, level) if isinstance(level, int) else level).upper()
    more = {
        key: value for key, value in found.items() if key not in _QUIET and key not in leave_out and _is_short(value)
    }
    rest = " ".join(f"{key}={_value(value)}" for key, value in more.items())
    message = found.get("msg") or found.get("message") or ""
    return " ".join(filter(None, [f"{word:5}", str(message), rest]))


def _is_short(value: Any) -> bool:
    return not isinstance(value, dict) or _is_error(value)


def _is_error(value: Any) -> bool:
    """Return whether a field is an error as pino writes it: an object with a type, a message and a stack."""
    return isinstance(value, dict) and isinstance(value.get("message"), str)


def _value(value: Any) -> str:
    if _is_error(value):
        value = ": ".join(filter(None, [str(value.get("type") or value.get("name") or ""), value["message"]]))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
