"""Walks many operations side by side: a stack starts when what it needs is there, a failure skips exactly its dependent
stacks.

One thread, one loop: each path is a generator that yields when it has to wait, so that all running stacks share one
poller. Every unit ends with exactly one outcome, whatever happens.
"""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

from infragen.engine.operate import Operation
from infragen.engine.outcome import Deleted, Deployed, Failed, Outcome, Recovered, Skipped, Unchanged, Unknown, failed
from infragen.engine.progress import Ended, Following, Timer, Ui, Warned
from infragen.errors import InfragenError, OutcomeUnknown

T = TypeVar("T")

INTERRUPTED = "interrupted before it started"
"""Why a stack was skipped that needs nothing that failed."""

FIRST_PAUSE, USUAL_PAUSE, QUIET_PAUSE, LONGEST_PAUSE, GROWTH = 0.25, 2.0, 5.0, 15.0, 1.2
"""Seconds between two looks. The first ones come quickly, because small changes are done in seconds."""

USUAL_ROUNDS, QUIET_ROUNDS = 12, 72
"""The looks after which the usual pause is reached; and those without news, some two minutes, before the quiet one."""

READS_PER_SECOND = 3.0
"""What CloudFormation's read calls bear for long without throttling everybody else in the account."""


@dataclass(frozen=True)
class RunResult:
    """The outcomes in the order of the units; `interrupted` when the user asked to stop."""

    outcomes: tuple[Outcome, ...]
    interrupted: bool = False


@dataclass(frozen=True)
class Task:
    """One unit of work as the scheduler sees it: its name, its stack, and the names it comes after."""

    name: str
    stack: str
    requires: tuple[str, ...]


def pause(rounds: int, all_steps: int) -> float:
    """Return the seconds to wait after so many rounds without news; more with each and with the running stacks."""
    reads = 2 * max(all_steps, 1)
    grown = FIRST_PAUSE * GROWTH ** min(rounds, 100)  # an operation of an hour has thousands of rounds
    least = USUAL_PAUSE if rounds < QUIET_ROUNDS else QUIET_PAUSE
    return min(LONGEST_PAUSE, grown, max(least, reads / READS_PER_SECOND))


def run_concurrently(all_steps: Sequence[Generator[None, None, T]], timer: Timer) -> list[T]:
    """Walk independent operations and return their results in order; the first error ends them all."""
    results: dict[int, T] = {}
    rounds = 0
    while len(results) < len(all_steps):
        for index, steps in enumerate(all_steps):
            if index not in results:
                try:
                    next(steps)
                except StopIteration as end:
                    results[index] = end.value
        if len(results) < len(all_steps):
            timer.pause(pause(rounds, len(all_steps) - len(results)))
            rounds += 1
    return [results[index] for index in range(len(all_steps))]


class Interrupts:
    """Ctrl-C while operations are walked: noted and not raised, because an exception would cut a path off in mid-call.

    It is raised while we wait, and the second one always, because somebody insists; the handler before ours
    is called then, which may have its own answer to one more. A process that was started with SIGINT ignored (nohup,
    a background job of a script) continues ignoring it: Ctrl-C was meant for somebody else.
    """

    def __init__(self) -> None:
        self.noted = 0
        self.waiting = False

    def __enter__(self) -> Interrupts:
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        self._ours = not ignored and threading.current_thread() is threading.main_thread()
        if self._ours:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.noted += 1
        if self.waiting or self.noted > 1:
            if callable(self._before):
                self._before(number, frame)
            raise KeyboardInterrupt


PUT_OFF = tuple(each for each in (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")) if each)


@contextmanager
def signals_put_off() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a lost terminal take effect at the end of the block; the second signal does at once,
    because somebody insists. One that is ignored stays ignored.
    """
    came: list[int] = []
    before: dict[int, Any] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            restore()
            signal.raise_signal(number)

    if threading.current_thread() is threading.main_thread():
        there = {number: signal.getsignal(number) for number in PUT_OFF}
        before = {number: each for number, each in there.items() if each not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, note)
        yield
    finally:
        restore()
        if len(came) == 1:
            signal.raise_signal(came[0])


@dataclass(frozen=True)
class RunPolicy:
    """How a walk may end before all is done.

    After `limit` seconds what runs is followed no longer. With `fail_fast` nothing new begins after a failure. The
    first interrupt lets nothing new begin, and `on_interrupt` says what becomes of what runs: "wait" follows it,
    "detach" leaves it alone, "cancel" asks `cancel` to turn each operation back and follows that. A stop for which
    `started` says no has not been asked of AWS yet, so that it can still be dropped. An error for which `ends_all` says
    yes is no outcome of its stop: it is raised, and no path goes on.
    """

    limit: float | None = None
    fail_fast: bool = False
    on_interrupt: str = "wait"
    cancel: Callable[[str], None] = lambda _: None
    started: Callable[[str], bool] = lambda _: True
    ends_all: Callable[[InfragenError], bool] = lambda _: False


def walk(
    stops: Sequence[Task],
    begin: Callable[[str], Operation],
    ui: Ui,
    timer: Timer,
    run_policy: RunPolicy | None = None,
    interrupts: Interrupts | None = None,
) -> RunResult:
    """Run `begin(name)` for every stop as soon as its requirements have succeeded, until all have an outcome.

    The first interrupt is answered as `manner` says; the second ends the following in any case. A path that prepares
    before it begins something in AWS asks its own `interrupts` whether it still may.
    """
    run_policy, interrupts = run_policy or RunPolicy(), interrupts or Interrupts()
    walker = _Walker(stops, begin, ui, run_policy, interrupts)
    quiet, since = 0, timer.now()
    with interrupts, closing(walker):
        while not walker.done:
            try:
                if interrupts.noted:
                    walker.interrupt(insisting=interrupts.noted > 1)
                if walker.done or walker.round():
                    quiet = 0  # something ended: what waited for it begins at once
                    continue
                ui.tell(Following(timer.now() - since, tuple(walker.all_steps)))
                if run_policy.limit is not None and timer.now() - since > run_policy.limit:
                    walker.detach()
                interrupts.waiting = True
                quiet = min(quiet, USUAL_ROUNDS) if walker.moved else quiet
                timer.pause(pause(quiet, len(walker.all_steps)))
                quiet += 1
            except KeyboardInterrupt:  # heeded at the top, where another one finds this handler again
                interrupts.noted = max(interrupts.noted, 2 if walker.interrupted else 1)
            finally:
                interrupts.waiting = False
    return RunResult(tuple(walker.outcomes[each.name] for each in stops), walker.interrupted or interrupts.noted > 0)


FIRST = {
    "wait": "interrupted: no further stack is started; following running operations, Ctrl-C again stops following",
    "cancel": "interrupted: nothing new begins; updates that run are cancelled, Ctrl-C again stops following",
    "detach": "interrupted: no further stack is started, and running operations are not followed",
}
"""What is said to the first interrupt."""


class _Walker:
    """The operations under way, and the outcomes so far."""

    def __init__(
        self,
        stops: Sequence[Task],
        begin: Callable[[str], Operation],
        ui: Ui,
        run_policy: RunPolicy,
        interrupts: Interrupts,
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.all_steps: dict[str, Operation] = {}
        self.interrupted = False
        self.moved = False
        self._manner = run_policy
        self._to_cancel: list[str] = []
        self._fallen = ""
        self._stops = {each.name: each for each in stops}
        self._begin = begin
        self._ui = ui
        self._interrupts = interrupts

    @property
    def done(self) -> bool:
        """Return whether every stop has its outcome."""
        return len(self.outcomes) == len(self._stops)

    def close(self) -> None:
        """End the paths that are left when an error ends them all."""
        for steps in self.all_steps.values():
            steps.close()

    def round(self) -> bool:
        """Begin what can begin and goes one step on every path; says whether something ended."""
        before = len(self.outcomes)
        self.moved = False
        while self._to_cancel:
            self._manner.cancel(self._to_cancel.pop())
        for name in list(self.all_steps):
            self._step(self._stops[name])
        for stop in self._stops.values():
            if stop.name not in self.outcomes and stop.name not in self.all_steps:
                self._consider(stop)
        return len(self.outcomes) > before

    def interrupt(self, insisting: bool = False) -> None:
        """Begin nothing new from now on; stops following when the user insists, or has said so beforehand."""
        first, self.interrupted = not self.interrupted, True
        if first:
            self._ui.tell(Warned(FIRST[self._manner.on_interrupt]))
            self._drop_what_has_not_started()
        if insisting or self._manner.on_interrupt == "detach":
            self.detach()
        elif first and self._manner.on_interrupt == "cancel":
            self._to_cancel = list(
                self.all_steps
            )  # asked for in the next round, where a second interrupt is understood

    def _drop_what_has_not_started(self) -> None:
        for name in [name for name in self.all_steps if not self._manner.started(name)]:
            self.all_steps.pop(name).close()
            self._end(Skipped(name, self._stops[name].stack, why=INTERRUPTED))

    def detach(self) -> None:
        """End every path: what had started runs on in AWS."""
        begun, self.all_steps = self.all_steps, {}
        for name, steps in begun.items():
            if not self._manner.started(name):
                steps.close()
                said = f"following ended before {self._stops[name].stack} was changed"
                self._end(Unknown(name, self._stops[name].stack, f"{said}: run the same command again"))
                continue
            said = f"{self._stops[name].stack} may still run in AWS"
            next_step = "`infragen follow` watches it, `infragen cancel` stops an update"
            self._end(Unknown(name, self._stops[name].stack, f"{said}: {next_step}"))
        for stop in self._stops.values():
            if stop.name not in self.outcomes:
                self._skip(stop, INTERRUPTED if self.interrupted else "following ended before it started")

    def _consider(self, stop: Task) -> None:
        if self.interrupted or self._interrupts.noted or self._missing(stop):
            self._skip(stop, INTERRUPTED)
        elif self._fallen and self._manner.fail_fast:
            self._skip(stop, f"{self._fallen} failed before it started")
        elif all(need in self.outcomes for need in stop.requires):
            self.all_steps[stop.name] = self._begin(stop.name)
            self._step(stop)

    def _skip(self, stop: Task, why: str) -> None:
        """End a stop that was never started: for want of a requirement, or else for another reason."""
        missing = self._missing(stop)
        self._end(Skipped(stop.name, stop.stack, missing, "" if missing else why))

    def _missing(self, stop: Task) -> str:
        """Return the first requirement that did not succeed, or that nobody provides."""
        for need in stop.requires:
            if need not in self._stops or (need in self.outcomes and not succeeded(self.outcomes[need])):
                return need
        return ""

    def _step(self, stop: Task) -> None:
        try:
            self.moved = bool(next(self.all_steps[stop.name])) or self.moved
        except StopIteration as end:
            outcome: Outcome = end.value
        except OutcomeUnknown as error:
            outcome = Unknown(stop.name, stop.stack, error.message)
        except InfragenError as error:
            if self._manner.ends_all(error):
                raise
            outcome = failed(stop.name, stop.stack, error)
        except Exception as error:  # noqa: BLE001 # a fault on one path must not lose what is known of the others
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"a fault of infragen at {where.name}:{where.lineno}: {type(error).__name__}: {error}"
            outcome = Failed(stop.name, stop.stack, said, "please report it", exit_code=70)
        else:
            return
        del self.all_steps[stop.name]
        self._end(outcome)

    def _end(self, outcome: Outcome) -> None:
        self.outcomes[outcome.layer] = outcome
        self._fallen = self._fallen or (outcome.layer if isinstance(outcome, Failed) else "")
        self._ui.tell(Ended(outcome))


def succeeded(outcome: Outcome) -> bool:
    """Return whether what depends on it may go on."""
    return isinstance(outcome, Deployed | Unchanged | Deleted | Recovered)
