"""Walks many roads side by side: a stack starts when what it needs is there, a failure skips exactly its dependants.

One thread, one loop: each road is a generator that yields when it has to wait, so that all running stacks share one
poller. Every unit ends with exactly one outcome, whatever happens.
"""

import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from infragen.errors import InfragenError
from infragen.operate import Road
from infragen.outcome import Deleted, Deployed, Failed, Outcome, Recovered, Skipped, Unchanged, Unknown, failed
from infragen.progress import Ended, Following, Timer, Ui, Warned

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.25, 15.0, 1.2
"""Seconds between two looks. The first ones come quickly, because small changes are done in seconds."""

READS_PER_SECOND = 3.0
"""What CloudFormation's read calls bear for long without throttling everybody else in the account."""


@dataclass(frozen=True)
class Walk:
    """The outcomes in the order of the units; `interrupted` when the user asked to stop."""

    outcomes: tuple[Outcome, ...]
    interrupted: bool = False


@dataclass(frozen=True)
class Stop:
    """One unit of work as the scheduler sees it: its name, its stack, and the names it comes after."""

    name: str
    stack: str
    requires: tuple[str, ...]


def pause(rounds: int, roads: int) -> float:
    """Seconds to wait after a round in which nothing ended; longer with time and with the number of running stacks."""
    reads = 2 * max(roads, 1)
    grown = FIRST_PAUSE * GROWTH ** min(rounds, 100)  # an operation of an hour has thousands of rounds
    return min(LONGEST_PAUSE, grown, max(2.0, reads / READS_PER_SECOND))


def together(roads: Sequence[Generator[None, None, T]], timer: Timer) -> list[T]:
    """Walks roads that need nothing of each other and gives their results in order; the first error ends them all."""
    results: dict[int, T] = {}
    rounds = 0
    while len(results) < len(roads):
        for index, road in enumerate(roads):
            if index not in results:
                try:
                    next(road)
                except StopIteration as end:
                    results[index] = end.value
        if len(results) < len(roads):
            timer.sleep(pause(rounds, len(roads) - len(results)))
            rounds += 1
    return [results[index] for index in range(len(roads))]


def walk(stops: Sequence[Stop], begin: Callable[[str], Road], ui: Ui, timer: Timer) -> Walk:
    """Runs `begin(name)` for every stop as soon as its requirements have succeeded, until all have an outcome.

    The first interrupt begins nothing new and follows what runs; the second stops following.
    """
    outcomes: dict[str, Outcome] = {}
    roads: dict[str, Road] = {}
    interrupted, quiet, since = False, 0, timer.now()
    while len(outcomes) < len(stops):
        try:
            before = len(outcomes)
            _begin_what_can(stops, begin, outcomes, roads, interrupted, ui)
            for name in list(roads):
                _step(name, stops, outcomes, roads, ui)
            if len(outcomes) > before:
                quiet = 0  # something ended: what waited for it begins at once
            else:
                ui.tell(Following(timer.now() - since, tuple(roads)))
                timer.sleep(pause(quiet, len(roads)))
                quiet += 1
        except KeyboardInterrupt:
            if interrupted:
                _detach(stops, outcomes, roads, ui)
            else:
                ui.tell(Warned("interrupted: nothing new begins; what runs is followed, Ctrl-C again stops following"))
            interrupted = True
    return Walk(tuple(outcomes[each.name] for each in stops), interrupted)


def _begin_what_can(
    stops: Sequence[Stop],
    begin: Callable[[str], Road],
    outcomes: dict[str, Outcome],
    roads: dict[str, Road],
    interrupted: bool,
    ui: Ui,
) -> None:
    for stop in stops:
        if stop.name in outcomes or stop.name in roads:
            continue
        missing = _missing(stop, outcomes, {each.name for each in stops})
        if interrupted or missing:
            _end(stop.name, Skipped(stop.name, stop.stack, missing or "no interrupt"), outcomes, ui)
        elif all(need in outcomes for need in stop.requires):
            roads[stop.name] = begin(stop.name)


def _missing(stop: Stop, outcomes: Mapping[str, Outcome], known: set[str]) -> str:
    """The first requirement that did not succeed, or that nobody provides."""
    for need in stop.requires:
        if need not in known or (need in outcomes and not succeeded(outcomes[need])):
            return need
    return ""


def _step(name: str, stops: Sequence[Stop], outcomes: dict[str, Outcome], roads: dict[str, Road], ui: Ui) -> None:
    stack = next(each.stack for each in stops if each.name == name)
    try:
        next(roads[name])
    except StopIteration as end:
        outcome: Outcome = end.value
    except InfragenError as error:
        outcome = failed(name, stack, error)
    except Exception as error:  # noqa: BLE001 # a fault on one road must not lose what is known of the others
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = f"a fault of infragen at {where.name}:{where.lineno}: {type(error).__name__}: {error}"
        outcome = Failed(name, stack, said, "please report it", exit_code=70)
    else:
        return
    del roads[name]
    _end(name, outcome, outcomes, ui)


def _detach(stops: Sequence[Stop], outcomes: dict[str, Outcome], roads: dict[str, Road], ui: Ui) -> None:
    for stop in stops:
        if stop.name not in outcomes:
            still = Unknown(stop.name, stop.stack, f"{stop.stack} still runs in AWS; the same command follows it")
            _end(stop.name, still, outcomes, ui)
    roads.clear()


def _end(name: str, outcome: Outcome, outcomes: dict[str, Outcome], ui: Ui) -> None:
    outcomes[name] = outcome
    ui.tell(Ended(outcome))


def succeeded(outcome: Outcome) -> bool:
    """Whether what depends on it may go on."""
    return isinstance(outcome, Deployed | Unchanged | Deleted | Recovered)
