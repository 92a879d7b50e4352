"""Facts that were copied from AWS carry the day on which they were read; none is older than a year.

`TABLES` is the one list of the tables that AWS changes from time to time. A table that cites a page and is in neither
list below fails: whoever copies one decides here whether it ages.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from infragen.cost.prices import table

SOURCES = Path(__file__).parent.parent / "src" / "infragen"
READ = re.compile(r"\b[Rr]ead (?:on )?(\d{4})-(\d{2})(?:-(\d{2}))?|READ_ON = date\((\d{4}), (\d{1,2}), (\d{1,2})\)")
OLDEST = timedelta(days=366)

TABLES = {
    "assembly/wiring.py": ["TRANSFORMS"],
    "aws/account_reads.py": ["_TARGETS"],
    "aws/failure.py": ["_PREFIXES", "_ACTIONS"],
    "checks/domain.py": ["DAYS_LEFT"],
    "checks/linked_roles.py": ["LINKED_ROLES"],
    "checks/names.py": ["WITHIN"],
    "checks/quotas.py": ["COUNTABLE"],
    "config/engine_versions.py": ["MAJOR_ENDS", "MINOR_ENDS", "CONSEQUENCE"],
    "config/addon.py": ["FUNCTIONS"],
    "config/iam.py": ["OPERATORS"],
    "config/regions.py": [
        "REGIONS",
        "OTHER_PARTITIONS",
        "DATA_API",
        "DATA_API_SINCE",
        "FARGATE",
        "SPOT_ARM64",
        "LAMBDA_ARM64",
        "REGIONAL_NAT",
        "ZONES",
    ],
    "config/database_parameters.py": ["table"],
    "config/rules.py": ["RUNTIMES"],
    "config/schema.py": ["FARGATE_MEMORY"],
    "layers/web_acl.py": ["LOGGED"],
    "permissions/boundary.py": ["MANAGED"],
    "permissions/needed.py": ["PREFIXES", "NO_ACTIONS", "ADDITIONS", "ZONES", "PARAMETERS"],
    "permissions/operations.py": ["CALLS", "PUSHES"],
    "permissions/scopes.py": ["NAMED", "FOLDED", "WITHOUT_RESOURCE", "TAGGED", "GLOBAL", "BOUNDED"],
    "project/pipeline/gitlab.py": ["RESERVED"],
    "project/pipeline/pins.py": ["PINS"],
    "secrecy/files.py": ["_NAMES"],
}
"""Tables by file, with their day in the docstring below them, or in READ_ON for all of a file. The prices are a file
of their own, which `dated_tables` adds."""

AGELESS = {
    "aws/monitoring.py": ["KINDS"],  # members of a request
    "engine/ps_advice.py": ["WORKING"],  # states; another one counts as trouble
    "engine/snapshot.py": ["MEANT"],  # codes; another one counts as a fault
    "assembly/lint.py": ["_ERRORS"],  # rules of the cfn-lint that is installed
    "aws/diagnosis.py": ["DENIALS", "GOOD_OR_NEW"],  # codes AWS keeps; states: another one tells more
    "aws/failure.py": ["THROTTLING", "SSO", "UNREADABLE"],  # classes and codes of the botocore that is installed
    "aws/reply_types.py": ["_OPENED"],  # shapes of the botocore that is installed
    "aws/resources.py": ["NOT_FOUND"],  # error codes
    "aws/workload.py": ["KEPT"],  # members of a request; a test holds them to botocore's shapes
    "changes/replacement.py": ["CORRECTIONS"],  # each row carries its own source; a test compares with the schemas
    "cloud/cloudformation.py": ["CHECKABLE"],  # statuses of a stack
    "config/rules.py": ["WORKER_VARIABLES"],  # names that the templates set themselves, compared by a test
    "config/schema.py": ["RESERVED"],  # words of PostgreSQL 18, compared with a server
    "engine/evidence.py": ["_TARGETS"],  # words of an event; another wording only shows less
    "engine/preview.py": ["ALONE"],  # sections of a template
    "gates/access/inside.py": ["WITHOUT_RESOURCE", "INTERFACES"],  # a right that is not here stops the gate
    "gates/interruption.py": ["VERSIONED"],  # types; one that is not here counts as an outage
    "layers/contract.py": ["WIRED_TYPES"],  # parameter types
    "project/compose.py": ["_ATTRIBUTES"],  # names of attributes, which AWS does not take back
    "resource_types/known_to_hold_data.py": ["_COMMANDS"],  # shown, not decided by
    "resource_types/rds.py": ["DURABILITY"],  # parameters; one that is not here is no less a change
    "secrecy/suspicion.py": ["_PROPERTIES"],  # names of properties; one that is not here is hidden
}
"""Tables that cite a page and do not age, or are held by something else, each with the reason."""

CITES = re.compile(r"Guide|Reference|[Pp]ricing|quotas|runtimes|botocore|cfn-lint|Release Notes|Sources?:")


def days(text: str) -> Iterator[date]:
    """The days on which facts of a text were read; a month counts from its first day."""
    for found in READ.finditer(" ".join(text.split())):
        year, month, day = (int(each or 1) for each in (found.groups()[:3] if found[1] else found.groups()[3:]))
        yield date(year, month, day)


def documented(file: Path) -> Iterator[tuple[str, str, bool]]:
    """What stands at the top level of a module: its name, its docstring, and whether it is a table."""
    body = ast.parse(file.read_text()).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef):
            yield node.name, ast.get_docstring(node) or "", False
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            said = after.value if isinstance(after, ast.Expr) else None
            text = said.value if isinstance(said, ast.Constant) and isinstance(said.value, str) else ""
            yield ast.unparse(target), text, isinstance(target, ast.Name) and rows(node.value) > 1


def rows(value: ast.expr) -> int:
    """How many entries a literal has, also inside a call such as frozenset(…)."""
    match value:
        case ast.Dict(keys=entries):
            return len(entries)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return len(parts)
        case ast.Call(args=arguments):
            return max(map(rows, arguments), default=0)
    return 0


def dated_tables() -> dict[str, date | None]:
    """The day of each table, the oldest that it names; None where it has none."""
    found: dict[str, date | None] = {"cost/prices.yaml": date.fromisoformat(table().date)}
    for place, names in TABLES.items():
        text = (SOURCES / place).read_text()
        of_file = list(days("\n".join(line for line in text.splitlines() if line.startswith("READ_ON"))))
        texts = {name: said for name, said, _ in documented(SOURCES / place)}
        for name in names:
            assert name in texts, f"{place} has no {name}"
            found[f"{place} {name}"] = min([*days(texts[name]), *of_file], default=None)
    return found


def problem(day: date | None, today: date) -> str:
    """What is wrong with the day of a table; empty where nothing is."""
    if day is None:
        return "has no day"
    if day > today:
        return f"is of {day}, which is to come"
    return f"is of {day}, more than a year ago" if today - day > OLDEST else ""


@pytest.mark.long
@pytest.mark.parametrize("name", dated_tables())
def test_a_dated_table_is_no_older_than_a_year(name: str) -> None:
    """Read its source again, correct the table where AWS has changed, and write the new day."""
    assert problem(dated_tables()[name], datetime.now(UTC).date()) == ""


def test_a_day_that_is_missing_old_or_to_come_is_a_problem() -> None:
    """What the test above goes by."""
    today = date(2026, 11, 29)
    assert problem(None, today) == "has no day"
    assert problem(date(2025, 11, 27), today) == "is of 2025-11-27, more than a year ago"
    assert problem(date(2026, 11, 30), today) == "is of 2026-11-30, which is to come"
    assert problem(date(2025, 11, 28), today) == problem(today, today) == ""


@pytest.mark.long
def test_every_table_that_cites_a_page_is_listed() -> None:
    """With its day, or with the reason why it needs none; what is listed is there."""
    listed = {(place, name) for lists in (TABLES, AGELESS) for place, names in lists.items() for name in names}
    citing, there = set(), set()
    for file in sorted(SOURCES.rglob("*.py")):
        place = str(file.relative_to(SOURCES))
        for name, said, is_table in documented(file):
            there.add((place, name))
            if is_table and CITES.search(said):
                citing.add((place, name))
    assert citing - listed == set(), "say when it was read and add it to TABLES, or to AGELESS with the reason"
    assert listed - there == set()


def test_no_fact_that_was_copied_is_older_than_a_year() -> None:
    """The same for every other place of the sources that says when a fact was read."""
    found = [
        (str(file.relative_to(SOURCES)), day)
        for file in sorted(SOURCES.rglob("*.py"))
        for day in days(file.read_text())
    ]
    assert len(found) >= 10
    today = datetime.now(UTC).date()
    assert [(place, str(day)) for place, day in found if problem(day, today)] == []
