"""Until when AWS supports which version of Aurora PostgreSQL: the release calendar, with its source and date.

A version that the calendar does not name is unknown: nothing is concluded from its neighbours. Pure: today is passed
in.
"""

from __future__ import annotations

from datetime import date, timedelta

READ_ON = date(2026, 11, 29)
"""When the tables were last compared with their source: Release Notes for Aurora PostgreSQL, "Release calendars for
Aurora PostgreSQL", in the edition whose newest releases are of 2026-08-21."""

CALENDAR = (
    "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraPostgreSQLReleaseNotes/aurorapostgresql-release-calendar.html"
)

REMIND = timedelta(days=90)
"""How long before its end a version is spoken of."""

MAJOR_ENDS = {16: date(2029, 2, 28), 17: date(2030, 2, 28), 18: date(2031, 2, 28)}
"""End of standard support of the major versions that an environment file may name. Extended Support, which costs extra,
begins on the next day."""

MINOR_ENDS = {
    "16.8": date(2029, 2, 28),  # long-term support
    "16.9": date(2026, 12, 31),
    "16.10": date(2027, 4, 30),
    "16.11": date(2027, 5, 31),
    "16.13": date(2027, 9, 30),
    "16.14": date(2027, 12, 31),
    "17.4": date(2026, 11, 30),
    "17.5": date(2026, 12, 31),
    "17.6": date(2027, 4, 30),
    "17.7": date(2030, 2, 28),  # long-term support
    "17.9": date(2027, 9, 30),
    "17.10": date(2027, 12, 31),
    "18.3": date(2027, 11, 30),
    "18.4": date(2027, 12, 31),
}
"""End of standard support of the minor versions. What is not here is unknown: it was retired before, or is newer."""

CONSEQUENCE = "AWS may then upgrade the cluster by itself, and the file would name a version that it no longer runs"
"""Aurora User Guide, "How long Amazon Aurora minor versions remain available", read 2026-11-29."""


def support_end(version: str) -> date | None:
    """Return the last day of standard support of a version such as 17.7; None if the calendar does not say it."""
    return MINOR_ENDS.get(version)


def unknown_support(version: str) -> str:
    """Return the sentence about a version that the calendar does not name."""
    major = MAJOR_ENDS.get(_numbers(version)[0])
    of_major = f"; of major version {_numbers(version)[0]} it ends on {major}" if major else ""
    return (
        f"when standard support of Aurora PostgreSQL {version} ends is unknown: it is not in the release calendar as "
        f"of {READ_ON}{of_major}"
    )


def aging(version: str, today: date) -> str:
    """Return in words that standard support of a version has ended or ends within 90 days; empty when neither is so."""
    end = support_end(version)
    if end is None or today < end - REMIND:
        return ""
    days = (end - today).days
    when = f"ended on {end}" if days < 0 else f"ends on {end}, {'today' if not days else _in_days(days)}"
    return f"standard support of Aurora PostgreSQL {version} {when} (as of {READ_ON})"


def _in_days(days: int) -> str:
    return f"in {days} day{'s' * (days > 1)}"


def successor(version: str, today: date) -> str:
    """Return what to use in place of an aging version: of those above it that are supported for more than 90 days, the
    one with the longest support, in the same major version if it has any.
    """
    above = {
        each: end
        for each, end in MINOR_ENDS.items()
        if _numbers(each) > _numbers(version) and today < end - REMIND
    }  # fmt: skip
    if not above:
        return f"the calendar of {READ_ON} has no newer version; look at {CALENDAR}"
    major = min(_numbers(each)[0] for each in above)
    best = max((each for each in above if _numbers(each)[0] == major), key=lambda each: (above[each], _numbers(each)))
    return f"use {best}, which is supported until {above[best]}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in version.split("."))
