"""The engine's events as words: lines for logs and pipes, a live region at the bottom of a terminal.

Everything here is progress and goes to one console (stderr); the plan may have a console of its own, because for `plan`
it is the result. Whoever closes our output ends the output and not the operation.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Collection, Iterator
from types import TracebackType
from typing import NewType, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from infragen.cloud.cloudformation import StackEvent
from infragen.cloud.protocol import Identity
from infragen.engine.outcome import Failed, Outcome
from infragen.engine.progress import (
    Checking,
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
    RotationEnded,
    RotationStarted,
    ServiceDeploymentEnded,
    ServiceDeploymentStarted,
    Started,
    TaskEnded,
    TaskLog,
    TaskStarted,
    Uploaded,
    Warned,
)
from infragen.plan.model import EnvironmentPlan
from infragen.report.deletion import deletion_lines
from infragen.report.duration import HEARTBEAT, span, usually, verb
from infragen.report.outcome import colour, word
from infragen.report.plan import Detail, plan_lines
from infragen.report.progress_state import Scene, Work
from infragen.report.prompts import ask
from infragen.report.recovery import recovery_lines
from infragen.report.sections import Sections, System
from infragen.report.tree import tree
from infragen.report.wrapping import wrapped
from infragen.secrecy.visible import Shown, shown

SHOWN_BUSY = 3
PIPE_WIDTH = 200
"""Columns of what is no terminal: enough for a reader of logs."""

ACTIONS = {
    "create": "creating", "update": "updating", "recreate": "creating", "continue": "continuing",
    "delete": "deleting", "recover": "recovering", "follow": "following what already runs:",
    "revert": "putting back in",
}  # fmt: skip


class _Console(Console):
    """rich's console, which by itself ends the process when its reader goes away."""

    def on_broken_pipe(self) -> None:
        """Let the error through to whoever prints."""
        raise BrokenPipeError


def console(stream: TextIO, *, styled: bool, pipe_width: int = PIPE_WIDTH) -> Console:
    """Return a console that writes text as it is; without style it never writes an escape sequence.

    A terminal says how wide it is; anything else is taken to be `pipe_width` columns wide.
    """
    return _Console(
        file=stream,
        width=None if styled or stream.isatty() else pipe_width,
        force_terminal=styled,
        color_system="auto" if styled else None,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )


ShownLine = NewType("ShownLine", Text)
"""A line that may be shown, with its colours."""


def say(target: Console, lines: Iterator[Text], known: Collection[str] = ()) -> None:
    """Print lines; what is too long is left to the terminal to wrap. `known` are texts that are secrets."""
    for line in lines:
        _print(target, harmless(line, known))


def redraw(target: Console, lines: Iterator[Text], known: Collection[str] = ()) -> None:
    """Print lines instead of all that a terminal shows; one that takes no escape sequences gets them below."""
    made = [harmless(line, known) for line in lines]
    target.clear()
    for each in made:
        _print(target, each)


def _print(target: Console, line: ShownLine) -> None:
    target.print(line, soft_wrap=True)


def harmless(line: Text, known: Collection[str] = ()) -> ShownLine:
    """Return a line without secrets, in which nothing steers the terminal: one that had any of it has no colour."""
    text = shown(line.plain, known)
    return ShownLine(line if text == line.plain else Text(text))


def width_of(target: Console) -> int:
    """Return columns that a line should fit in: the terminal's, with colour or without, or those of a pipe."""
    return max(target.width, 40)


class Terminal:
    """Listens to the engine (`progress.Ui`). A context manager: leaving it ends the live region.

    `live` asks for the live region, which needs a styled terminal; `plans` is where plans go, None for nowhere;
    `detail` is how much of a plan is reported, and whether a log has a line for each resource and not for each stack
    alone; `agreed` are the flags that the user gave in advance of being asked, `known` texts that are secrets.
    `system` is the CI system in whose log the plan and what runs are parts that fold; `date` gives the seconds since
    1970. How a stack ended stands between the parts, where it is seen.
    """

    def __init__(
        self,
        progress: Console,
        plans: Console | None,
        clock: Callable[[], float],
        *,
        live: bool = False,
        detail: Detail = Detail.ROWS,
        agreed: frozenset[str] = frozenset(),
        known: Collection[str] = (),
        system: System | None = None,
        date: Callable[[], float] = time.time,
    ) -> None:
        self._known = known
        self._sections = Sections(system, self._mark, date, known) if system else None
        self._progress = progress
        self._plans = plans
        self._clock = clock
        self._agreed = agreed
        self._wants_live = live
        self._detail = detail
        self._uploads: list[Uploaded] = []
        self._live: Live | None = None
        self._scene = Scene(clock)
        self._spoke = clock()
        self._identity: Identity | None = None
        self._lost = ""
        self._closed = False

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_live()
        self._uploaded()
        self._fold("")
        if error is not None and self._scene.running:
            names = ", ".join(self._scene.running.values())
            # a signal may come before AWS has heard of the operation, so that nobody here knows
            left = f"not followed to the end, and perhaps still running in AWS: {names}; the same command follows it"
            self._say(Text(left, style="yellow"))

    def confirm(self, question: Question) -> bool:
        """Ask the person at the terminal, unless a flag has answered already."""
        self._stop_live()
        self._fold("")
        return question.answered_by in self._agreed or ask(question)

    def tell(self, event: Event) -> None:
        """Show an event."""
        took = self._scene.took(event)
        self._scene.take(event)
        if not isinstance(event, Uploaded):
            self._uploaded()
        match event:
            case Connected(identity):
                if identity != self._identity:
                    self._say(Text(f"account {identity.account}, {identity.region}, as {identity.arn}", style="dim"))
                self._identity = identity
            case Uploaded():
                self._uploads.append(event)
            case Preparing(_, stack):
                self._say(Text(f"{stack}: making a change set", style="dim"))
            case Checking(_, stack, seconds):
                since = f", for {span(seconds)} now" if seconds else ""
                self._say(Text(f"{stack}: AWS looks for drift{since}", style="dim"))
            case Planned(plan):
                self._plan(plan)
            case PlannedDeletion(deletion):
                width = width_of(self._plans or self._progress)
                self._show(f"deletion of {deletion.environment}", deletion_lines(deletion, width, self._detail))
            case PlannedRecovery(recovery):
                width = width_of(self._plans or self._progress)
                lines = (each for line in recovery_lines(recovery) for each in wrapped(line, width))
                self._show(f"recovery of {recovery.environment}", lines)
            case Warned(text):
                self._say(Text.assemble(("warning: ", "yellow"), text))
            case Lost(layer, reason):
                self._unreadable(layer, reason)
            case Started(layer, stack, action):
                self._begin(layer, stack, action)
            case Happened(_, each):
                self._happened(each.layer, each.event, took)
            case Noticed(layer, logical_id, text):
                self._say(Text.assemble((f"{layer}/{logical_id}", "bold"), f": {text}"))
            case TaskStarted(purpose, task, command, tag):
                self._fold(self._at_work())
                what = f"  {shlex.join(command)}  image {tag}  task {task.rpartition('/')[2]}"
                self._say(Text.assemble((purpose, "bold"), what))
            case TaskLog(purpose, line):
                self._say(Text.assemble((f"{purpose} | ", "dim"), line))
            case TaskEnded(purpose, _, code, seconds):
                self._fold("")
                ended = "ended without running" if code is None else f"exit code {code}"
                self._say(Text.assemble((purpose, "bold"), f"  {ended} after {span(seconds)}"))
                self._fold(self._at_work())
            case RotationStarted():
                self._say(Text.assemble(("rotation", "bold"), "  started"))
            case RotationEnded(_, _, seconds):
                self._say(Text.assemble(("rotation", "bold"), f"  done after {span(seconds)}"))
            case ServiceDeploymentStarted(service):
                self._say(Text.assemble((service.rpartition("/")[2], "bold"), "  replacing its tasks"))
            case ServiceDeploymentEnded(service, _, seconds):
                self._say(
                    Text.assemble((service.rpartition("/")[2], "bold"), f"  tasks replaced after {span(seconds)}")
                )
            case Following(seconds, _):
                self._beat(seconds)
            case Ended(outcome):
                self._end(outcome, "" if took is None else f" after {span(took)}")

    def _uploaded(self) -> None:
        """Print what was uploaded since the last other event: file by file with --verbose, else as a number."""
        files, self._uploads = self._uploads, []
        if self._detail == Detail.ALL or len(files) == 1:
            lines = [f"uploaded {_short(each.key)} ({_kib(each.size)} KiB)" for each in files]
        else:
            lines = [f"uploaded {len(files)} files ({_kib(sum(each.size for each in files))} KiB)"] if files else []
        for line in lines:
            self._say(Text(line, style="dim"))

    def _plan(self, plan: EnvironmentPlan) -> None:
        lines = plan_lines(plan, width_of(self._plans or self._progress), self._detail)
        self._show(f"plan of {plan.environment}", lines)

    def _show(self, title: str, lines: Iterator[Text]) -> None:
        """Print a plan: as a result on its own console, or with the rest of the progress."""
        if self._plans is None:
            return
        if self._plans is not self._progress:
            say(self._plans, lines, self._known)
            return
        self._fold(title)
        for line in lines:
            self._say(line)
        self._fold(self._at_work())

    def _begin(self, layer: str, stack: str, action: str) -> None:
        self._fold(self._at_work())
        self._say(Text.assemble((layer, "bold"), f": {ACTIONS.get(action, action)} {stack}"))
        if self._wants_live and not self._live:
            self._live = Live(console=self._progress, get_renderable=self._picture, refresh_per_second=4)
            self._live.start()

    def _happened(self, layer: str, event: StackEvent, took: float | None) -> None:
        """Print a line for what is over: a stack, or each resource where all is reported; what failed always."""
        self._lost = ""
        failed = event.status.endswith("_FAILED")
        if event.of_stack_itself:
            if event.status.endswith("ROLLBACK_IN_PROGRESS"):  # a rollback is worth a line
                self._say(Text.assemble((layer, "bold"), f"  {event.status}  {event.reason}"))
            elif not event.status.endswith("_IN_PROGRESS") and not self._live:
                self._settled(layer, event.status)
        elif not event.status.endswith("_IN_PROGRESS") and (failed or (self._detail == Detail.ALL and not self._live)):
            time = "" if took is None else f"  {span(took)}"
            own = failed and not event.of_nested_stack  # a nested stack fails because something in it did
            reason = f"  {event.reason}" if event.reason and own else ""
            self._say(
                Text.assemble(
                    (layer, "bold"), f"  {event.logical_id}  ", (event.type, "dim"), "  ",
                    (event.status, colour(event.status)), time, (reason, "red"),
                )
            )  # fmt: skip

    def _settled(self, layer: str, status: str) -> None:
        """Print that a nested stack is done, its duration and resources; others have an outcome."""
        stack = self._scene.stacks[layer]
        if layer not in self._scene.running and not status.startswith("REVIEW"):
            count = f"{len(stack.done)} resource{'' if len(stack.done) == 1 else 's'}"
            took = span(self._scene.elapsed(stack))
            self._say(Text.assemble((layer, "bold"), "  ", (status, colour(status)), f"  {count}  {took}"))

    def _unreadable(self, layer: str, reason: str) -> None:
        if reason != self._lost:
            self._lost = reason
            self._say(Text(f"{layer}: AWS cannot be read at the moment ({reason}); the operation continues", "yellow"))

    def _beat(self, seconds: float) -> None:
        if self._live or self._clock() - self._spoke < HEARTBEAT:
            return
        work = self._scene.work()
        more = f" and {len(work) - SHOWN_BUSY} more" if len(work) > SHOWN_BUSY else ""
        waiting = ", ".join(self._doing(each) for each in work[:SHOWN_BUSY])
        what = f"; waiting for {waiting}{more}" if work else ""
        running = ", ".join([*self._scene.running.values(), *self._scene.tasks.values()])
        self._say(Text(f"still running after {span(seconds)}: {running}{what}"))

    def _doing(self, work: Work) -> str:
        usual = usually(work.type, work.status)
        time = f"{span(self._scene.seconds(work.since))}{f'; {usual}' if usual else ''}"
        return f"{work.place} ({verb(work.status)}, {time})"

    def _end(self, outcome: Outcome, took: str) -> None:
        said, tint = word(outcome)
        self._fold("")
        self._say(Text.assemble((outcome.layer, "bold"), ": ", (said, tint), took))
        if isinstance(outcome, Failed) and outcome.cause is None:  # else its event has said it, and the end says it all
            self._say(Text(f"  {outcome.message}", style="red"))
        self._fold(self._at_work())

    def _at_work(self) -> str:
        """Return the title of what runs now; empty when nothing does."""
        return ", ".join([*self._scene.running, *self._scene.tasks.values()])

    def _fold(self, title: str) -> None:
        """Begin a part of a CI log that folds, or end the one that is open where there is no title."""
        if self._sections is not None:
            if title:
                self._sections.begin(title)
            else:
                self._sections.end()

    def _mark(self, line: Shown) -> None:
        """Write a marker of a CI log as it is: a console takes its control characters out."""
        if self._closed:
            return
        try:
            self._progress.file.write(line + "\n")
            self._progress.file.flush()
        except BrokenPipeError:
            self._closed = True

    def _say(self, line: Text) -> None:
        self._spoke = self._clock()
        if self._closed:
            return
        lines = wrapped(line, self._progress.width) if self._progress.is_terminal else (line,)
        try:
            for each in lines:
                _print(self._progress, harmless(each, self._known))
        except BrokenPipeError:
            self._closed = True

    def _stop_live(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def _picture(self) -> Group:
        return Group(*self.rows())

    def rows(self) -> list[Text]:
        """Return the live region as it is now: as high as the terminal, less a line for the cursor."""
        size, tick = self._progress.size, int(self._clock() * 8)
        ascii_only = not (self._progress.encoding or "").startswith("utf")
        found = tree(self._scene, size.width, size.height - 1, tick, ascii_only=ascii_only)
        return [harmless(line, self._known) for line in found]


def _kib(size: int) -> int:
    return -(-size // 1024)


def _short(key: str) -> str:
    """Return a key in the artifact bucket with as much of its digest as people compare."""
    folder, _, name = key.rpartition("/")
    digest, dot, ending = name.partition(".")
    return f"{folder}/{digest[:12]}{dot}{ending}"
