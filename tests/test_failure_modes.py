"""The page on what can go wrong: every row has a test that names it, or says why there is none."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from infragen.cloud.cloudformation import ABSENT, STATUSES

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "failure-modes.md").read_text()
LAST = {
    "S": 14, "C": 16, "E": 12, "N": 13, "A": 13, "B": 6, "T": 11, "R": 17,
    "M": 5, "W": 15, "X": 12, "Y": 14, "O": 6,
}  # fmt: skip
"""The last row of each letter; they count from 1."""

CELL = r"(?:[^|\n\\]|\\.)*"
ROWS = re.findall(rf"^\| ({CELL}) \| {CELL} \| {CELL} \| ({CELL}) \|$", PAGE, re.MULTILINE)
ROWS = [(row, tests) for row, tests in ROWS if re.fullmatch(r"[A-Z]\d+", row)]
STATES = re.findall(rf"^\| ({CELL}) \| {CELL} \| ({CELL}) \|$", PAGE, re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


@cache
def rows_named_in(file: str) -> dict[str, set[str]]:
    """The tests of a file with the rows that each names: `test_s1_…`, or a docstring that begins with `S1, C2: `."""
    tree = ast.parse((TESTS / file).read_text())
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            lead = re.match(r"((?:[A-Z]\d+, )*[A-Z]\d+): ", ast.get_docstring(node) or "")
            in_name = {each.upper() for each in re.findall(r"(?<=_)[a-z]\d+(?=_)", node.name)}
            found[node.name] = in_name | set(lead[1].split(", ") if lead else ())
    return found


def test_the_page_has_every_row_once() -> None:
    """A row that is taken away would hide what is not tested."""
    assert [row for row, _ in ROWS] == [f"{letter}{n}" for letter, last in LAST.items() for n in range(1, last + 1)]


@pytest.mark.parametrize(("row", "cell"), ROWS, ids=[row for row, _ in ROWS])
def test_a_row_is_held_to_its_answer_by_tests_that_name_it(row: str, cell: str) -> None:
    """The tests exist and carry the row's id; a row without one says why."""
    tests = NAMED.findall(cell)
    assert tests or re.match(r"\*no test:\* \w", cell)
    for file, name in tests:
        assert name in rows_named_in(file), f"tests/{file} has no {name}"
        assert row in rows_named_in(file)[name], f"{name} does not name {row}"


def test_every_state_of_a_stack_is_on_the_page() -> None:
    """Those of the API, a stack that does not exist, and those that nobody knows yet."""
    named = {name for states, _ in STATES for name in re.findall(r"`([A-Z_]+)`", states)}
    assert named == set(STATUSES) - {ABSENT}
    tests = [NAMED.findall(cell) for states, cell in STATES if "`" in states or states == "any other"]
    assert all(name in rows_named_in(file) for cell in tests for file, name in cell)
    assert all(tests)
