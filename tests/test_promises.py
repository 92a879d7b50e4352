"""Each sentence of the documentation that promises something without exception is held by a test.

`data/promises.txt` lists them page by page. A sentence that is new on one of those pages, a listed one that is gone,
and a test that does not exist fail here, and so does a page that is not listed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
WORDS = re.compile(r"\b(?:always|never|nothing|every|cannot|whatever)\b", re.IGNORECASE)

GENERATED = frozenset(
    {"access.md", "commands.md", "environment.md", "json-documents.md", "json-events.md", "plan-json.md", "prices.md"}
)
"""Pages that are written from the program, which their own tests hold."""

TIED = frozenset({"failure-modes.md"})
"""Pages whose rows name their tests; test_failure_modes holds them."""


def sentences(text: str) -> Iterator[str]:
    """The sentences of a page that promise something, each on one line; code blocks are left out."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|\n(?=\|)|\n(?=#)", prose):
        parts = re.split(r"(?<=[.!?:;]) (?=[A-Z`*\[]|\()|(?<=\|) ", " ".join(block.split()))
        yield from (each for each in parts if WORDS.search(each))


def listed() -> dict[str, dict[str, str]]:
    """Page -> a piece of each of its sentences -> the tests, or the reason in brackets."""
    found: dict[str, dict[str, str]] = {}
    page = piece = ""
    for line in (TESTS / "data" / "promises.txt").read_text().splitlines():
        if line.startswith("# ") and line.endswith(".md"):
            page = line[2:]
            found[page] = {}
        elif line.startswith("    "):
            found[page][piece] = line.strip()
        elif line and not line.startswith("#"):
            piece = line
    return found


LISTED = listed()


@pytest.mark.parametrize("page", LISTED)
def test_every_sentence_without_exception_is_tied_to_a_test(page: str) -> None:
    """A new one needs a test, a line in promises.txt, or other words; a line whose sentence is gone goes, too."""
    found = list(sentences((ROOT / page).read_text()))
    assert [each for each in found if not any(piece in each for piece in LISTED[page])] == []
    assert [piece for piece in LISTED[page] if not any(piece in each for each in found)] == []


def test_every_page_is_held() -> None:
    """A page that is on no list is a new one."""
    pages = {"README.md", *(each.relative_to(ROOT).as_posix() for each in (ROOT / "docs").rglob("*.md"))}
    others = {f"docs/{each}" for each in (*GENERATED, *TIED)}
    assert pages - LISTED.keys() - others == set()
    assert (LISTED.keys() | others) - pages == set()
    assert LISTED.keys() & others == set()


@pytest.mark.long
def test_every_test_that_holds_a_promise_exists() -> None:
    """By its file and its name; a reason in brackets stands for none."""
    names: dict[str, set[str]] = {}
    for answer in (each for page in LISTED.values() for each in page.values()):
        assert answer
        if answer.startswith("("):
            continue
        for test in answer.split(", "):
            file, _, name = test.partition("::")
            if file not in names:
                tree = ast.parse((TESTS / file).read_text())
                names[file] = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
            assert name in names[file], test
