"""What docs/emulator.md says is as on AWS, otherwise or not there is tried by a test, claim by claim.

`data/emulator_rows.txt` ties each claim of its tables to the tests that try it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
KINDS = ("as on AWS", "otherwise", "not at all")


def claims(page: str) -> Iterator[str]:
    """The claims of the tables, which are parted by semicolons, each with its section and its row."""
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        name = section.partition("\n")[0]
        for kind, text in re.findall(r"^\| ([^|]+) \| (.+) \|$", section, flags=re.MULTILINE):
            yield from (f"{name}: {kind}: {claim}" for claim in text.split("; "))


def tied() -> dict[str, list[str]]:
    """Claim -> its tests."""
    rows = [
        line for line in (TESTS / "data" / "emulator_rows.txt").read_text().splitlines() if not line.startswith("#")
    ]
    return {claim: tests.strip().split(", ") for claim, tests in zip(rows[::2], rows[1::2], strict=True)}


def test_every_claim_about_the_emulator_is_tied_to_a_test() -> None:
    """A new claim needs a line in emulator_rows.txt; one whose claim is gone goes, too. All three kinds are there."""
    found = list(claims((TESTS.parent / "docs" / "emulator.md").read_text()))
    assert sorted(found) == sorted(tied())
    assert {claim.split(": ")[1] for claim in found} == set(KINDS)


@pytest.mark.long
def test_every_test_that_tries_a_claim_exists() -> None:
    """By its file and its name."""
    for test in {each for tests in tied().values() for each in tests}:
        file, _, name = test.partition("::")
        tree = ast.parse((TESTS / file).read_text())
        assert name in {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}, test
