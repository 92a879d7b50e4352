"""Scheduled scaling -> how much capacity there is on average over a year. A schedule of nights and weekends is money.

Days chosen by `L`, `W` or `#` are not computed: the caller learns it, and the capacity counts as always there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from infragen.config import schedules

YEAR = 2026
"""The year that stands for all: figures do not depend on the day they are asked for."""

MANY_A_DAY = 48


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
    """Return the range that holds on average over the year. Raises UnreadableSchedule.

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
    """Return the fewest and the most that the schedule ever allows."""
    repeated = [each for each in changes if not each.schedule.startswith("at(")]
    least = [base.minimum, *(each.minimum for each in repeated if each.minimum is not None)]
    most = [base.maximum, *(each.maximum for each in repeated if each.maximum is not None)]
    return Range(min(least), max(most))


def _after(now: Range, change: Change) -> Range:
    minimum = now.minimum if change.minimum is None else change.minimum
    maximum = now.maximum if change.maximum is None else change.maximum
    return Range(minimum, maximum)


def _moments(change: Change) -> Iterator[datetime]:
    """Yield when a cron schedule fires in the year, in UTC."""
    try:
        cron = schedules.parse(change.schedule)
    except ValueError as error:
        raise UnreadableSchedule(f"{change.schedule}: {error}") from error
    if not isinstance(cron, schedules.Cron):
        raise UnreadableSchedule(f"{change.schedule} is not a cron expression")
    if not cron.computed:
        raise UnreadableSchedule(f"{change.schedule} chooses days by L, W or #")
    if len(cron.minutes) * len(cron.hours) > MANY_A_DAY:
        raise UnreadableSchedule(f"{change.schedule} fires more than {MANY_A_DAY} times a day")
    if YEAR not in cron.years:
        return
    zone = _zone(change.timezone)
    for offset in range(366):
        day = date(YEAR, 1, 1) + timedelta(days=offset)
        chosen = (
            day.month in cron.months
            and (cron.days is None or day.day in cron.days)
            and (cron.weekdays is None or day.isoweekday() % 7 + 1 in cron.weekdays)
        )
        if day.year == YEAR and chosen:
            for hour in cron.hours:
                for minute in cron.minutes:
                    yield datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UnreadableSchedule(f"the time zone {name} is not known here") from error
