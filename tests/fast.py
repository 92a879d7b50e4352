"""`make test-fast`: the tests that need no process, browser, emulator or fake, in less than half a minute.

Which they are nobody writes down: a test is fast unless it asks for one of the fixtures below, or its module can start
a process. A fast test that starts one all the same fails.
"""

from __future__ import annotations

import ast
import functools
import sys
from pathlib import Path
from typing import Any

import pytest

SLOW_FIXTURES = frozenset({"aws", "emulator", "shell", "findings", "planned"})
"""The fake and what stands on it, the emulator, processes, cfn-lint, and the plans of every key of the schema."""

SLOW_MODULES = frozenset({
    "subprocess", "multiprocessing", "playwright", "psycopg", "cfnlint", "linting", "doubles", "fakeaws", "hostile",
    "special_files", "rendering", "api_rendering", "twins", "projects", "upgrade", "hypothesis",
    "infragen.assembly.synth",
})  # fmt: skip
"""What a test's module imports when it starts processes or servers, tries many cases or renders whole environments."""

STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"})
"""Audit events of a process that is started (Python's audit events table)."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="only tests without a process, a browser, an emulator, a fake")


def is_fast(item: pytest.Item) -> bool:
    """Whether neither a fixture of a test nor its module needs what is slow."""
    asked = getattr(item, "fixturenames", ())
    return SLOW_FIXTURES.isdisjoint(asked) and SLOW_MODULES.isdisjoint(_imported(item.path))


@functools.cache
def _imported(file: Path) -> frozenset[str]:
    """The modules that a file imports, by their names and by the first part of them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return frozenset({*found, *(name.partition(".")[0] for name in found)})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--fast"):
        return
    slow = [item for item in items if not is_fast(item)]
    items[:] = [item for item in items if is_fast(item)]
    config.hook.pytest_deselected(items=slow)


class _Watch:
    """Notes what is started while a test runs; an audit hook cannot be taken away again."""

    def __init__(self) -> None:
        self.running = ""
        self.started: list[str] = []
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.running and event in STARTS:
            self.started.append(f"{event} {arguments[:2]}")


@pytest.fixture(scope="session")
def _watch() -> _Watch:
    return _Watch()


@pytest.fixture(autouse=True)
def a_fast_test_starts_no_process(request: pytest.FixtureRequest) -> Any:
    """Fail a test of `--fast` that starts a process."""
    if not request.config.getoption("--fast"):
        yield
        return
    watch: _Watch = request.getfixturevalue("_watch")
    watch.running, watch.started = request.node.nodeid, []
    yield
    watch.running = ""
    assert watch.started == [], "a fast test starts a process: its module, or a fixture, belongs into tests/fast.py"
