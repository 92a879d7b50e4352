"""Lines of CloudWatch Logs, for people who look what an application does: one log group, a span of time, a pattern.

Reads only. Secrets are hidden before a line leaves this room: in a line that is a JSON object value by value, so that
it stays readable, in any other text as in the words of somebody else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from infragen.aws.failure import AwsError, answered
from infragen.aws.reading import next_page, plain
from infragen.aws.session import Clients
from infragen.cloud.protocol import LogEvent, LogEvents
from infragen.secrecy.masking import mask
from infragen.secrecy.visible import shown_json

NO_GROUP = "ResourceNotFoundException"

MOST_PAGES = 50
"""Pages that are read at once: each has at most 10,000 lines or one megabyte (CloudWatch Logs API Reference,
FilterLogEvents), and many have none although others follow."""


def log_events(clients: Clients, group: str, start: float, end: float | None, pattern: str) -> LogEvents:
    """Call CloudWatch Logs FilterLogEvents, all pages up to MOST_PAGES. Times are seconds since 1970."""
    asked: dict[str, Any] = {"logGroupName": group, "startTime": int(start * 1000)}
    if end is not None:
        asked["endTime"] = int(end * 1000)
    if pattern:
        asked["filterPattern"] = pattern
    rows: list[LogEvent] = []
    seen = set[str]()
    try:
        with answered(f"reading the log {group} (logs:FilterLogEvents)"):
            for _ in range(MOST_PAGES):
                answer = clients.logs.filter_log_events(**asked)
                rows += map(_event, answer.get("events", ()))
                following = next_page(answer, seen, "nextToken")
                if not following:
                    return LogEvents(_in_order(rows))
                asked["nextToken"] = following
    except AwsError as error:
        if error.code == NO_GROUP:
            return LogEvents(exists=False)
        raise
    return LogEvents(_in_order(rows), complete=False)


def _in_order(rows: list[LogEvent]) -> tuple[LogEvent, ...]:
    return tuple(sorted(rows, key=lambda each: each.time))


def _event(row: Mapping[str, Any]) -> LogEvent:
    text, stream = str(row.get("message", "")).rstrip("\n"), str(row.get("logStreamName"))
    fields = _fields(text)
    return LogEvent(
        id=str(row.get("eventId") or f"{stream} {row.get('timestamp')} {text}"),  # other services give none
        time=row.get("timestamp", 0) / 1000,
        stream=plain(stream),
        text=plain(text) if fields is None else shown_json(fields),
        fields=fields,
    )


def _fields(text: str) -> dict[str, Any] | None:
    """Return what a line holds that is a JSON object, with its secrets hidden."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    masked = mask(found)
    return json.loads(shown_json(masked)) if isinstance(masked, dict) else None
