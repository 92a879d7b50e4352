"""The figures of the promises: what was counted, how many cases, how many failed. `make soak` ends with their table.

A test that keeps a promise carries `@pytest.mark.promise("P4", "what one case is")`. It counts one case, or as many as
it says by calling the fixture `tried`; `tried.most` notes a figure of which the largest is told. The numbers travel in
the tests' reports, so that the workers of pytest-xdist need nothing else to add them up.
"""

import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import pytest
from sweeps import SEED, SOAKING

PROPERTY = "promise"


@dataclass
class Tried:
    """Counts the cases of one test. Calling it counts one, or as many as it is given."""

    cases: int = 0
    largest: dict[str, float] = field(default_factory=dict)

    def __call__(self, cases: int = 1) -> None:
        self.cases += cases

    def most(self, what: str, value: float) -> None:
        """Notes a measured value; the table tells the largest of all tests."""
        self.largest[what] = max(value, self.largest.get(what, value))


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Tried:
    """The counter of this test's cases."""
    counter: Tried = request.node.stash.setdefault(_TRIED, Tried())
    return counter


_TRIED = pytest.StashKey[Tried]()


def pytest_configure(config: pytest.Config) -> None:
    """The marker, and who adds up."""
    config.addinivalue_line("markers", "promise(name, counted): a promise, and what one case of it is")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Figures(), "promises")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Puts the test's numbers into its report."""
    report = yield
    marker = item.get_closest_marker("promise")
    if marker is not None and (report.when == "call" or report.failed):
        counter = item.stash.get(_TRIED, None) or Tried(1)
        report.user_properties.append((PROPERTY, [*marker.args, counter.cases, counter.largest]))
    return report


@dataclass
class Figure:
    """What all tests of a promise that count the same have counted together."""

    cases: int = 0
    failures: int = 0
    largest: dict[str, float] = field(default_factory=dict)


@dataclass
class Figures:
    """Adds up, and prints the table."""

    found: dict[tuple[str, str], Figure] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One report of one test, whichever worker ran it."""
        for key, value in report.user_properties:
            if key == PROPERTY and isinstance(value, list):
                name, counted, cases, largest = value
                figure = self.found.setdefault((name, counted), Figure())
                figure.cases += cases
                figure.failures += report.failed
                for what, measured in largest.items():
                    figure.largest[what] = max(measured, figure.largest.get(what, measured))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The table, in a soak or when somebody asks for the summary of everything (`-rA`)."""
        if self.found and (SOAKING or "A" in terminalreporter.config.option.reportchars):
            terminalreporter.section(f"promises, {f'seed {SEED}' if SOAKING else 'short sweep'}")
            for line in self.lines():
                terminalreporter.write_line(line)

    def lines(self) -> Iterator[str]:
        """One line for each promise and thing counted: cases, failed tests, what was measured."""
        width = max(len(counted) for _, counted in self.found)
        yield f"{'':4} {'one case':{width}} {'cases':>8} {'failed':>7}"
        for (name, counted), figure in sorted(self.found.items(), key=lambda each: (_number(each[0][0]), each[0][1])):
            measured = "; ".join(f"{what}: {value:g}" for what, value in figure.largest.items())
            yield f"{name:4} {counted:{width}} {figure.cases:8} {figure.failures:7}  {measured}".rstrip()


def _number(promise: str) -> int:
    """The number of a promise, P20 after P3; what has a name instead comes last."""
    return int(promise[1:]) if promise[1:].isdigit() else sys.maxsize
