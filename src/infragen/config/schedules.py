"""Read the schedule expressions of Application Auto Scaling: `cron(…)`, `rate(…)` and `at(…)`.

The grammar is that of its User Guide, "Schedule scaling actions using cron expressions", "… using rate expressions"
and "Scheduled scaling overview" (read 2026-11-28). What the grammar does not name is refused, because the service
refuses it only when the stack is deployed: lower-case names, ranges that run backwards, and steps of zero among it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
UNITS = ("minute", "hour", "day")


@dataclass(frozen=True)
class Cron:
    """The values of each field; None for `?`, and for a day by `L`, `W` or `#`, which is not computed here."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None
    years: frozenset[int]
    computed: bool
    """Whether the fields say all of it; False where `L`, `W` or `#` choose the day."""

    def acts_after(self, moment: datetime) -> bool:
        """Return whether it acts at any time after a moment, both in local time of the action's zone. A day that `L`,
        `W` or `#` choose is taken for one of its month.
        """
        for year in sorted(each for each in self.years if each >= moment.year):
            for month in sorted(self.months):
                if self._acts_in(year, month, moment):
                    return True
        return False

    def _acts_in(self, year: int, month: int, moment: datetime) -> bool:
        if (year, month) < (moment.year, moment.month):
            return False
        if not self.computed:
            return True
        first = date(year, month, 1)
        days = (first + timedelta(days=number) for number in range((_next_month(first) - first).days))
        return any(
            day > moment.date() or any((hour, minute) > (moment.hour, moment.minute)
                                       for hour in self.hours for minute in self.minutes)
            for day in days
            if day >= moment.date() and self._is_day(day)
        )  # fmt: skip

    def _is_day(self, day: date) -> bool:
        weekday = day.isoweekday() % 7 + 1
        return (self.days is None or day.day in self.days) and (self.weekdays is None or weekday in self.weekdays)


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


@dataclass(frozen=True)
class Rate:
    """Every so many minutes, hours or days."""

    value: int
    unit: str


@dataclass(frozen=True)
class At:
    """Once, in local time of the action's time zone."""

    moment: datetime


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    special: str = ""
    """A pattern of what is allowed beside numbers, lists, ranges and steps."""


_FIELDS = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day of month", 1, 31, special=r"L|LW|(?:[1-9]|[12][0-9]|3[01])W"),
    _Field("month", 1, 12, MONTHS),
    _Field("day of week", 1, 7, DAYS, special=rf"L|(?:[1-7]|{'|'.join(DAYS)})(?:L|#[1-5])"),
    _Field("year", 1970, 2199),
)
_DAY, _WEEKDAY = 2, 4


def parse(expression: str) -> Cron | Rate | At:
    """Read a schedule expression. Raises ValueError with what is wrong and what would be right."""
    match = re.fullmatch(r"(cron|rate|at)\((.*)\)", expression)
    if match is None:
        raise ValueError("write cron(…) with six fields, rate(…) or at(…), such as cron(0 20 ? * MON-FRI *)")
    if match[1] == "cron":
        return _cron(match[2])
    return _rate(match[2]) if match[1] == "rate" else _at(match[2])


def _cron(text: str) -> Cron:
    parts = text.split(" ")
    if "" in re.split(r"[ ,]", text):
        raise ValueError("one space stands between the fields of cron(…), and no list has an empty place")
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"cron(…) has six fields (minutes hours day-of-month month day-of-week year), not {len(parts)}"
        )
    if (parts[_DAY] == "?") == (parts[_WEEKDAY] == "?"):
        raise ValueError("exactly one of day of month and day of week is ?, such as cron(0 20 ? * MON-FRI *)")
    found = [_values(part, field) for part, field in zip(parts, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays, years = found
    given = days if parts[_WEEKDAY] == "?" else weekdays
    if minutes is None or hours is None or months is None or years is None:
        raise ValueError("? stands only for the day of month or the day of week")
    if days is not None and not _exists(days, months):
        raise ValueError(f"no month of {parts[3]} has a day {parts[_DAY]}")
    return Cron(minutes, hours, days, months, weekdays, years, computed=given is not None)


def _exists(days: frozenset[int], months: frozenset[int]) -> bool:
    longest = max(29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31 for month in months)
    return min(days) <= longest


def _values(text: str, field: _Field) -> frozenset[int] | None:
    """Return the values of one field; None for `?` and for what `special` allows."""
    if text == "?" or (field.special and re.fullmatch(field.special, text)):
        return None
    found: set[int] = set()
    for part in text.split(","):
        found |= _part(part, field)
    return frozenset(found)


def _part(part: str, field: _Field) -> set[int]:
    span, slash, step = part.partition("/")
    low, dash, high = span.partition("-")
    if slash and not re.fullmatch(r"[1-9][0-9]{0,3}", step):
        raise ValueError(f"the {field.name} field {part} has no step of at least 1")
    if span == "*":
        first, last = field.low, field.high
    else:
        first = _number(low, field, part)
        last = _number(high, field, part) if dash else field.high if slash else first
    if first > last:
        raise ValueError(f"the {field.name} field {part} runs backwards; write two ranges with a comma")
    return set(range(first, last + 1, int(step or 1)))


def _number(text: str, field: _Field, part: str) -> int:
    named: Mapping[str, int] = {name: index for index, name in enumerate(field.names, start=1)}
    if text in named:
        return named[text]
    if re.fullmatch(r"[0-9]{1,4}", text) and field.low <= int(text) <= field.high:
        return int(text)
    names = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
    raise ValueError(f"the {field.name} field {part} is not {field.low} to {field.high}{names}")


def _rate(text: str) -> Rate:
    match = re.fullmatch(rf"([1-9][0-9]*) ({'|'.join(UNITS)})(s?)", text)
    if match is None:
        raise ValueError("rate(…) is a whole number above 0 and a unit, such as rate(1 hour) or rate(5 minutes)")
    value, unit = int(match[1]), match[2]
    if (value == 1) == bool(match[3]):
        right = f"rate({value} {unit}{'' if value == 1 else 's'})"
        raise ValueError(f"the unit is singular for 1 and plural for more: {right}")
    return Rate(value, unit)


def _at(text: str) -> At:
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}", text):
            raise ValueError
        return At(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S"))  # noqa: DTZ007  # local time of the action's zone
    except ValueError:
        raise ValueError("at(…) is a date and time that exist, such as at(2027-01-31T08:00:00)") from None
