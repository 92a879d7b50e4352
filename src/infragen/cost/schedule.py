"""Scheduled scaling -> how much capacity there is on average over a year. A schedule of nights and weekends is money.

The cron expressions are those of Application Auto Scaling (six fields; its User Guide, "Schedule scaling actions using
cron expressions"). `L`, `W` and `#` are not read: whoever asks is told so, and the capacity counts as always there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

YEAR = 2026
"""The year that stands for all: figures do not depend on the day they are asked for."""

MANY_A_DAY = 48
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class UnreadableSchedule(Exception):
    """A schedule whose share of the year cannot be computed; the text says why."""


@dataclass(frozen=True)
class Range:
    """The fewest and the most of something."""

    minimum: float
    maximum: float


@dataclass(frozen=True)
class Change:
    """One scheduled action: from then on, this range. None keeps what holds."""

    schedule: str
    timezone: str = "UTC"
    minimum: int | None = None
    maximum: int | None = None


def average(base: Range, changes: Sequence[Change]) -> Range:
    """The range that holds on average over the year. Raises UnreadableSchedule.

    One-time actions (`at(…)`) are no part of a month's cost and count as absent.
    """
    moments = sorted(
        (moment, index)
        for index, change in enumerate(changes)
        if not change.schedule.startswith("at(")
        for moment in _moments(change)
    )
    if not moments:
        return base
    now = base
    for _, index in moments:  # what holds at the start of the year is what the year before left
        now = _after(now, changes[index])
    least = most = 0.0
    start, end = datetime(YEAR, 1, 1, tzinfo=UTC), datetime(YEAR + 1, 1, 1, tzinfo=UTC)
    since = start
    for moment, index in [*moments, (end, -1)]:
        until = min(max(moment, start), end)
        seconds = (until - since).total_seconds()
        least, most, since = least + now.minimum * seconds, most + now.maximum * seconds, until
        now = _after(now, changes[index]) if index >= 0 else now
    year = (end - start).total_seconds()
    return Range(least / year, most / year)


def extremes(base: Range, changes: Sequence[Change]) -> Range:
    """The fewest and the most that the schedule ever allows."""
    repeated = [each for each in changes if not each.schedule.startswith("at(")]
    least = [base.minimum, *(each.minimum for each in repeated if each.minimum is not None)]
    most = [base.maximum, *(each.maximum for each in repeated if each.maximum is not None)]
    return Range(min(least), max(most))


def _after(now: Range, change: Change) -> Range:
    minimum = now.minimum if change.minimum is None else change.minimum
    maximum = now.maximum if change.maximum is None else change.maximum
    return Range(minimum, maximum)


def _moments(change: Change) -> Iterator[datetime]:
    """When a cron schedule fires in the year, in UTC."""
    match = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)", change.schedule)
    if match is None:
        raise UnreadableSchedule(f"{change.schedule} is not a cron expression")
    minutes, hours = _field(match[1], 0, 59), _field(match[2], 0, 23)
    days, months = _field(match[3], 1, 31), _field(match[4], 1, 12, MONTHS, 1)
    weekdays, years = _field(match[5], 1, 7, DAYS, 1), _field(match[6], 1970, 2199)
    if len(minutes) * len(hours) > MANY_A_DAY:
        raise UnreadableSchedule(f"{change.schedule} fires more than {MANY_A_DAY} times a day")
    if match[6] not in ("*", "?") and YEAR not in years:
        return
    zone = _zone(change.timezone)
    for offset in range(366):
        day = date(YEAR, 1, 1) + timedelta(days=offset)
        if day.year == YEAR and day.day in days and day.month in months and day.isoweekday() % 7 + 1 in weekdays:
            for hour in hours:
                for minute in minutes:
                    yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UnreadableSchedule(f"the time zone {name} is not known here") from error


def _field(text: str, low: int, high: int, names: Sequence[str] = (), first: int = 0) -> frozenset[int]:
    """The values of one field: `*`, `?`, numbers, names, lists, ranges and steps."""
    named: Mapping[str, int] = {name: index + first for index, name in enumerate(names)}
    found: set[int] = set()
    for part in text.upper().split(","):
        span, _, step = part.partition("/")
        bounds = [str(named.get(each, each)) for each in span.split("-")]
        if bounds in (["*"], ["?"]):
            bounds = [str(low), str(high)]
        if len(bounds) > 2 or not all(each.isdecimal() for each in (*bounds, step or "1")):
            raise UnreadableSchedule(f"{part} in a cron expression is not read")
        start, end = int(bounds[0]), int(bounds[-1])
        if step and len(bounds) == 1:
            end = high
        found.update(range(start, end + 1, max(1, int(step or 1))))
    return frozenset(found)
