"""Facts that were copied from AWS carry the day on which they were read; none is older than a year."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

SOURCES = Path(__file__).parent.parent / "src"
READ = re.compile(r"\b[Rr]ead (?:on )?(\d{4})-(\d{2})(?:-(\d{2}))?|READ_ON = date\((\d{4}), (\d{1,2}), (\d{1,2})\)")
OLDEST = timedelta(days=366)


def dated() -> Iterator[tuple[str, date]]:
    """Every place of the sources that says when a fact was read; a month counts from its first day."""
    for file in sorted(SOURCES.rglob("*.py")):
        for found in READ.finditer(" ".join(file.read_text().split())):
            year, month, day = (int(each or 1) for each in (found.groups()[:3] if found[1] else found.groups()[3:]))
            yield str(file.relative_to(SOURCES)), date(year, month, day)


def test_no_fact_that_was_copied_is_older_than_a_year() -> None:
    """Read its source again, correct the table where AWS has changed, and write the new day."""
    found = list(dated())
    assert len(found) >= 10
    today = datetime.now(UTC).date()
    assert [(place, str(day)) for place, day in found if today - day > OLDEST] == []


def test_the_tables_that_decide_carry_their_day() -> None:
    """Regions, service-linked roles, quotas and certificates: a table without a day cannot be called old."""
    places = {place for place, _ in dated()}
    assert {
        "infragen/checks/domain.py", "infragen/checks/linked_roles.py", "infragen/checks/quotas.py",
        "infragen/config/regions.py",
    } <= places  # fmt: skip
