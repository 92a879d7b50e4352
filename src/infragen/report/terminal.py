"""The engine's events as words: lines for logs and pipes, a live region at the bottom of a terminal.

Everything here is progress and goes to one console (stderr); the plan may have a console of its own, because for `plan`
it is the result. Whoever closes our output ends the output and not the operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from infragen.cloud import Identity
from infragen.engine.outcome import Failed, Outcome
from infragen.engine.progress import (
    Connected,
    Ended,
    Event,
    Following,
    Happened,
    Lost,
    Noticed,
    Planned,
    PlannedDeletion,
    PlannedRecovery,
    Preparing,
    Question,
    Started,
    Uploaded,
    Warned,
)
from infragen.plan import EnvironmentPlan
from infragen.report.asking import ask
from infragen.report.deletion import deletion_lines
from infragen.report.outcome import colour, word
from infragen.report.plan import plan_lines
from infragen.report.recovery import recovery_lines
from infragen.stack import StackEvent

HEARTBEAT = 60.0
"""Seconds of silence after which a log hears that the operation is alive."""

SHOWN_BUSY = 3
PIPE_WIDTH = 200
ACTIONS = {
    "create": "creating", "update": "updating", "recreate": "creating", "continue": "continuing",
    "delete": "deleting", "recover": "recovering", "follow": "following what already runs:",
}  # fmt: skip


class _Console(Console):
    """rich's console, which by itself ends the process when its reader goes away."""

    def on_broken_pipe(self) -> None:
        """Lets the error through to whoever prints."""
        raise BrokenPipeError


def console(stream: TextIO, *, styled: bool) -> Console:
    """A console that writes text as it is; without style it never writes an escape sequence."""
    return _Console(
        file=stream,
        force_terminal=styled,
        color_system="auto" if styled else None,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )


def say(target: Console, lines: Iterator[Text]) -> None:
    """Prints lines; long ones are left to the terminal to wrap."""
    for line in lines:
        target.print(line, soft_wrap=True)


def width_of(target: Console) -> int:
    """Columns that a line should fit in: the terminal's, or enough for a reader of logs."""
    return max(target.width, 40) if target.is_terminal else PIPE_WIDTH


@dataclass
class _Layer:
    """What is known of one layer. `since` and `busy` are the clock's; how long it took is AWS's to say."""

    total: int
    since: float
    done: set[str] = field(default_factory=set)
    ended: bool = False
    failed: bool = False
    busy: dict[str, float] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None

    def seconds(self, now: float) -> float:
        """How long it has run by the clock, or how long it took by the times of its events."""
        if self.ended and self.first and self.last:
            return (self.last - self.first).total_seconds()
        return now - self.since


class Terminal:
    """Listens to the engine (`progress.Ui`). A context manager: leaving it ends the live region.

    `live` asks for the live region, which needs a styled terminal; `plans` is where plans go, None for nowhere;
    `agreed` are the flags that the user gave in advance of being asked.
    """

    def __init__(
        self,
        progress: Console,
        plans: Console | None,
        clock: Callable[[], float],
        *,
        live: bool = False,
        agreed: frozenset[str] = frozenset(),
    ) -> None:
        self._progress = progress
        self._plans = plans
        self._clock = clock
        self._agreed = agreed
        self._wants_live = live
        self._live: Live | None = None
        self._totals: dict[str, int] = {}
        self._layers: dict[str, _Layer] = {}
        self._stacks: dict[str, str] = {}
        self._since: dict[tuple[str, str], datetime] = {}
        self._spoke = clock()
        self._identity: Identity | None = None
        self._deleting = False
        self._turned_back = False
        self._lost = ""
        self._closed = False

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_live()
        if error is not None and self._stacks:
            names = ", ".join(self._stacks.values())
            # a signal may come before AWS has heard of the operation, so that nobody here knows
            left = f"not followed to the end, and perhaps still running in AWS: {names}; the same command follows it"
            self._say(Text(left, style="yellow"))

    def confirm(self, question: Question) -> bool:
        """Asks the person at the terminal, unless a flag has answered already."""
        self._stop_live()
        return question.answered_by in self._agreed or ask(question)

    def tell(self, event: Event) -> None:
        """Shows an event."""
        match event:
            case Connected(identity):
                if identity != self._identity:
                    self._say(Text(f"account {identity.account}, {identity.region}, as {identity.arn}", style="dim"))
                self._identity = identity
            case Uploaded(_, key, size):
                self._say(Text(f"uploaded {_short(key)} ({-(-size // 1024)} KiB)", style="dim"))
            case Preparing(_, stack):
                self._say(Text(f"{stack}: making a change set", style="dim"))
            case Planned(plan):
                self._plan(plan)
            case PlannedDeletion(deletion):
                self._show(deletion_lines(deletion))
            case PlannedRecovery(recovery):
                self._show(recovery_lines(recovery))
            case Warned(text):
                self._say(Text.assemble(("warning: ", "yellow"), text))
            case Lost(layer, reason):
                self._unreadable(layer, reason)
            case Started(layer, stack, action):
                self._begin(layer, stack, action)
            case Happened(_, each):
                self._happened(each.layer, each.event)
            case Noticed(layer, logical_id, text):
                self._say(Text.assemble((f"{layer}/{logical_id}", "bold"), f": {text}"))
            case Following(seconds, _):
                self._beat(seconds)
            case Ended(outcome):
                self._end(outcome)

    def _plan(self, plan: EnvironmentPlan) -> None:
        self._totals = {stack.layer: len(stack.changes) for stack in plan.stacks}
        self._show(plan_lines(plan, width_of(self._plans or self._progress)))

    def _show(self, lines: Iterator[Text]) -> None:
        """Prints a plan: as a result on its own console, or with the rest of the progress."""
        if self._plans is None:
            return
        if self._plans is not self._progress:
            say(self._plans, lines)
            return
        for line in lines:
            self._say(line)

    def _begin(self, layer: str, stack: str, action: str) -> None:
        self._stacks[layer] = stack
        self._deleting = action == "delete"
        self._say(Text.assemble((layer, "bold"), f": {ACTIONS.get(action, action)} {stack}"))
        self._layers[layer] = self._fresh(layer)
        if self._wants_live and not self._live:
            self._live = Live(console=self._progress, get_renderable=self._picture, refresh_per_second=4)
            self._live.start()

    def _happened(self, layer: str, event: StackEvent) -> None:
        self._lost = ""
        state = self._layers.setdefault(layer, self._fresh(layer))
        state.first, state.last = state.first or event.time, event.time
        if event.of_stack_itself:
            self._layer_event(layer, state, event)
            return
        key = (layer, event.logical_id)
        if event.status.endswith("_IN_PROGRESS"):
            self._since.setdefault(key, event.time)
            state.busy.setdefault(event.logical_id, self._clock())
            return
        started = self._since.pop(key, None)
        state.busy.pop(event.logical_id, None)
        failed = event.status.endswith("_FAILED")
        self._count(state, event)
        if self._live and not failed:
            return
        took = f"  {span((event.time - started).total_seconds())}" if started else ""
        reason = f"  {event.reason}" if event.reason and failed else ""
        self._say(
            Text.assemble(
                (layer, "bold"), f"  {event.logical_id}  ", (event.type, "dim"), "  ",
                (event.status, colour(event.status)), took, (reason, "red"),
            )
        )  # fmt: skip

    def _count(self, state: _Layer, event: StackEvent) -> None:
        """What is done: all that has completed, less what a rollback takes away again."""
        if event.status.endswith("_FAILED"):
            return
        if event.status.startswith("DELETE_") and not self._deleting:
            if self._turned_back:
                state.done.discard(event.logical_id)
        else:
            state.done.add(event.logical_id)

    def _fresh(self, layer: str) -> _Layer:
        return _Layer(self._totals.get(layer, 0), self._clock())

    def _layer_event(self, layer: str, state: _Layer, event: StackEvent) -> None:
        """An event of a stack as a whole: when it turns back, that is worth a line; its end closes its row."""
        if event.status.endswith("ROLLBACK_IN_PROGRESS"):
            state.failed = self._turned_back = True
            self._say(Text.assemble((layer, "bold"), f"  {event.status}  {event.reason}"))
        elif not event.status.endswith("_IN_PROGRESS"):
            state.ended, state.failed = True, self._turned_back
            state.busy.clear()

    def _unreadable(self, layer: str, reason: str) -> None:
        if reason != self._lost:
            self._lost = reason
            self._say(Text(f"{layer}: AWS cannot be read at the moment ({reason}); the operation goes on", "yellow"))

    def _beat(self, seconds: float) -> None:
        if self._live or self._clock() - self._spoke < HEARTBEAT:
            return
        waiting = [f"{layer}/{name}" for layer, state in self._layers.items() for name in state.busy]
        more = f" and {len(waiting) - SHOWN_BUSY} more" if len(waiting) > SHOWN_BUSY else ""
        what = f"; waiting for {', '.join(waiting[:SHOWN_BUSY])}{more}" if waiting else ""
        self._say(Text(f"still running after {span(seconds)}: {', '.join(self._stacks.values())}{what}"))

    def _end(self, outcome: Outcome) -> None:
        self._stacks.pop(outcome.layer, None)
        state = self._layers.get(outcome.layer)
        if state is not None:
            state.ended, state.failed = True, isinstance(outcome, Failed)
            state.busy.clear()
        said, tint = word(outcome)
        took = f" after {span(self._clock() - state.since)}" if state else ""
        self._say(Text.assemble((outcome.layer, "bold"), ": ", (said, tint), took))
        if isinstance(outcome, Failed) and outcome.cause is None:  # else its event has said it, and the end says it all
            self._say(Text(f"  {outcome.message}", style="red"))

    def _say(self, line: Text) -> None:
        self._spoke = self._clock()
        if self._closed:
            return
        try:
            self._progress.print(line, soft_wrap=True)
        except BrokenPipeError:
            self._closed = True

    def _stop_live(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def _picture(self) -> Group:
        return Group(*self.rows())

    def rows(self) -> Iterator[Text]:
        """The live region: a row for each layer that has begun."""
        now = self._clock()
        frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if (self._progress.encoding or "").startswith("utf") else "|/-\\"
        width = max((len(name) for name in self._layers), default=0)
        for name, state in self._layers.items():
            mark = ("x" if state.failed else "+") if state.ended else frames[int(now * 8) % len(frames)]
            count = f"{len(state.done)}/{state.total}" if state.total else str(len(state.done))
            busy = sorted(state.busy.items(), key=lambda each: each[1])
            shown = ", ".join(f"{one} {span(now - since)}" for one, since in busy[:SHOWN_BUSY])
            more = f" and {len(busy) - SHOWN_BUSY} more" if len(busy) > SHOWN_BUSY else ""
            row = Text(f"{mark} {name.ljust(width)}  {count:>7}  {span(state.seconds(now)):>10}  ")
            yield Text.assemble(row, (f"{shown}{more}", "dim"), no_wrap=True, overflow="ellipsis")


def span(seconds: float) -> str:
    """`38 s`, `1 min 35 s`, `1 h 2 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _short(key: str) -> str:
    """A key in the artifact bucket with as much of its digest as people compare."""
    folder, _, name = key.rpartition("/")
    digest, dot, ending = name.partition(".")
    return f"{folder}/{digest[:12]}{dot}{ending}"
