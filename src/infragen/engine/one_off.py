"""One command as an ECS task of its own: started, its log followed to the end, stopped when it takes too long.

The task runs with a task definition that is registered for it and deregistered again, whatever happens; after kill -9
the next run deregisters it. The task itself is in AWS and continues when nobody follows it.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from infragen.cloud.workload import LogPage, ServiceSettings, TaskDefinition, TaskState, TaskTemplate
from infragen.engine.evidence import log_command, region_of
from infragen.engine.image_pull import pull_remedy
from infragen.engine.outcome import Evidence
from infragen.engine.progress import Following, Session, TaskEnded, TaskLog, TaskStarted, Warned
from infragen.engine.retry import BEFORE, retrying
from infragen.engine.schedule import pause, signals_put_off
from infragen.engine.unread import going_on
from infragen.errors import CloudError, Conflict, OutcomeUnknown, PermissionDenied
from infragen.secrecy.visible import shown

T = TypeVar("T")

MARK = "infragen:one-off"
"""The tag of task definitions and tasks that are registered and started here; its value is their purpose."""

LEFT_OVER = 900.0
"""Seconds after which a revision with our tag counts as left over by a run that was killed: a younger one may belong to
a run that has not started its task yet."""

QUIET_READS = 3
"""Reads without a new line after which the log of a task that is over counts as complete: the awslogs driver delivers
the last lines about when the container ends (Amazon ECS Developer Guide, "awslogs log driver")."""

ENDING_SECONDS = 300.0
"""How long a task that was asked to stop is followed; its containers have at most 120 s."""

LAST_LINES = 5


@dataclass(frozen=True)
class OneOff:
    """What is to run: with what a service runs with, and what is otherwise. `purpose` is `release` or `run`; `tag` is
    the image's; `seconds` is the time limit. An `exclusive` one is refused while another of its family runs. One that
    `stops` is stopped when it is followed no longer, any other continues.
    """

    purpose: str
    settings: ServiceSettings
    template: TaskTemplate
    tag: str
    seconds: float
    exclusive: bool = False
    stops: bool = False


@dataclass(frozen=True)
class TaskResult:
    """How a task ended: ECS's last word on it, how long it took, the last lines it wrote, and how to read them all."""

    what: OneOff
    task: TaskState
    seconds: float
    timed_out: bool
    lines: tuple[str, ...] = ()
    log_command: str = ""

    @property
    def succeeded(self) -> bool:
        """Return whether its command ended with 0."""
        return self.task.exit_code == 0 and not self.timed_out

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Return what it wrote at last."""
        return tuple(Evidence("log", each) for each in self.lines if each)


Steps = Generator[bool, None, TaskResult]
"""A task under way: yields whether there was news, after each look."""


def run_one_off(
    session: Session,
    layer: str,
    what: OneOff,
    *,
    detach: bool = False,
    wait: float | None = None,
    check: Callable[[], None] = lambda: None,
) -> Steps:
    """Yield until a task has ended, and return how; with `detach` when it has started. `check` raises where it may not
    run: it is called before anything is registered, and again when the task is being provisioned and its command does
    not run yet, because another run may have come in between.

    Raises Conflict when one of the family runs already, with `wait` when it still does after so many seconds;
    CloudError when it cannot be started, OutcomeUnknown when it cannot be followed any more.
    """
    tidy(session, what.template.family)
    until = session.timer.now() + wait if wait is not None else None
    while True:
        if what.exclusive:
            yield from _alone(session, what, until)
        check()
        result = yield from _run_once(session, layer, what, detach, check, until)
        if result is not None:
            return result


def _run_once(
    session: Session, layer: str, what: OneOff, detach: bool, check: Callable[[], None], until: float | None
) -> Generator[bool, None, TaskResult | None]:
    """Yield until a task has ended, and return how; None where it made way for an earlier one, whose end is waited for
    `until` then.
    """
    cloud, settings = session.cloud, what.settings
    definition = cloud.register_task(settings.task_definition, what.template)
    started: list[str] = []
    try:
        begun = session.timer.now()
        with _let_go(session, what, definition, started):
            yield from _yielding(retrying(session, layer, starting(session, what, definition, started), BEFORE))
            [arn] = started
            session.ui.tell(TaskStarted(what.purpose, arn, what.template.command, what.tag))
            if what.exclusive and _made_way(session, what, arn, check, until):
                return None
            if detach:
                return TaskResult(what, TaskState(arn, "PENDING"), 0, False)
            return (yield from _followed(session, layer, what, _log(definition, arn), arn, begun))
    finally:
        deregister(session, definition)


def starting(session: Session, what: OneOff, definition: TaskDefinition, started: list[str]) -> Callable[[], None]:
    """Return the call that starts a task and adds its ARN to `started` before a signal takes effect, so that whoever
    is interrupted knows what runs; repeated, it starts no second one.
    """
    token = hashlib.sha256(f"{session.run} {definition.arn} {what.template.image}".encode()).hexdigest()[:32]
    tags, by = {**what.template.tags, MARK: what.purpose}, f"infragen-{what.purpose}"
    start, enterable = session.cloud.run_task, what.template.enterable

    def begin() -> None:
        with signals_put_off():
            started.append(start(definition.arn, what.settings, by, token, tags, enterable=enterable))

    return begin


def tidy(session: Session, family: str) -> None:
    """Deregister the revisions that a killed run left behind."""
    now = session.timer.date()
    try:
        for each in session.cloud.registered_tasks(family):
            old = each.registered is None or now - each.registered.timestamp() > LEFT_OVER
            if MARK in each.tags and old:
                session.cloud.deregister_task(each.arn)
    except CloudError as error:  # harmless where they are: they cost nothing and nothing uses them
        session.ui.tell(
            Warned(f"whether a killed run left task definitions of {family} was not checked: {error.message}")
        )


def _alone(session: Session, what: OneOff, until: float | None) -> Generator[bool, None, None]:
    """Yield until no task of the family runs. Raises Conflict when one does, with `until` when that time has come."""
    began, told = session.timer.now(), ""
    while running := session.cloud.unfinished_tasks(what.settings.cluster, what.template.family):
        now, first = session.timer.now(), min(running, key=_age)
        if until is None or now >= until:
            _refuse_second(running, what)
        if first.arn != told:
            session.ui.tell(Warned(f"waiting: a {what.purpose} of {what.template.family} runs: {first.arn}"))
        told = first.arn
        session.ui.tell(Following(now - began, ()))
        yield False


def _refuse_second(running: tuple[TaskState, ...], what: OneOff) -> None:
    if running:
        first = min(running, key=_age)
        stop = f"aws ecs stop-task --cluster {what.settings.cluster} --task {first.arn}"
        raise Conflict(
            f"a {what.purpose} of {what.template.family} runs already: {first.arn} is {first.status}",
            f"run the same command again when it has ended, or with --wait; `{stop}` stops it",
        )


def _age(task: TaskState) -> tuple[float, str]:
    return (task.created.timestamp() if task.created else 0.0, task.arn)


def _made_way(session: Session, what: OneOff, arn: str, check: Callable[[], None], until: float | None) -> bool:
    """Return whether the task was stopped again, because another run started one at the same time and that one came
    first. Raises Conflict instead where nothing is waited `until`, or where another run has deployed meanwhile.
    """
    running = session.cloud.unfinished_tasks(what.settings.cluster, what.template.family)
    own = next((each for each in running if each.arn == arn), None)
    earlier = tuple(each for each in running if own is not None and _age(each) < _age(own))
    try:
        if until is None:
            _refuse_second(earlier, what)
        if not earlier:
            check()
            return False
    except Conflict:
        _withdraw(session, what, arn)
        raise
    _withdraw(session, what, arn)
    return True


def _withdraw(session: Session, what: OneOff, arn: str) -> None:
    session.cloud.stop_task(what.settings.cluster, arn, "infragen: another run came first")


def _yielding(steps: Generator[None, None, T]) -> Generator[bool, None, T]:
    """Return what the steps return; each of their waits is one without news."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found
        yield False


@dataclass
class _Log:
    """How far a log stream has been read."""

    group: str
    stream: str
    token: str = ""
    last: tuple[str, ...] = ()
    denied: bool = False


def _log(definition: TaskDefinition, arn: str) -> _Log:
    """Return the log of a task before anything of it was read."""
    return _Log(definition.log_group, f"{definition.log_prefix}/{definition.container}/{TaskState(arn, '').id}")


@contextmanager
def _let_go(session: Session, what: OneOff, definition: TaskDefinition, started: list[str]) -> Iterator[None]:
    """Stop a task that was started, or say where it continues, when Ctrl-C or SIGTERM ends what follows it."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception) or not started:
            raise  # Ctrl-C, SIGTERM and the end of following are none
        [arn] = started
        if what.stops:
            session.cloud.stop_task(what.settings.cluster, arn, "infragen: interrupted")
            session.ui.tell(Warned(f"interrupted: the task {arn} is being stopped"))
            raise
        follow = f"{_tail(_log(definition, arn), arn)} --follow"
        session.ui.tell(Warned(f"the {what.purpose} task continues in AWS: {arn}; follow it: `{follow}`"))
        raise


def _followed(session: Session, layer: str, what: OneOff, log: _Log, arn: str, begun: float) -> Steps:
    cluster, timed_out, quiet = what.settings.cluster, False, 0
    task = TaskState(arn, "PROVISIONING")
    while not (task.stopped and quiet >= QUIET_READS):
        news = yield from _read(session, layer, what, log)
        quiet = 0 if news else quiet + 1
        if not task.stopped:
            task = yield from _look(session, layer, cluster, task)
            quiet = 0
            lasted = session.timer.now() - begun
            if not task.stopped and not timed_out and lasted > what.seconds:
                timed_out = True
                session.cloud.stop_task(cluster, arn, f"infragen: not done after {what.seconds / 60:g} minutes")
            elif not task.stopped and lasted > what.seconds + ENDING_SECONDS:
                raise OutcomeUnknown(f"the task {arn} does not stop", f"`{_tail(log, arn)}` shows its log")
        yield news
    seconds = session.timer.now() - begun
    session.ui.tell(TaskEnded(what.purpose, arn, task.exit_code, seconds))
    return TaskResult(what, task, seconds, timed_out, log.last, _tail(log, arn) if log.group else "")


def _tail(log: _Log, arn: str) -> str:
    return log_command(log.group, log.stream, region_of(arn), None)


def _look(session: Session, layer: str, cluster: str, task: TaskState) -> Generator[bool, None, TaskState]:
    """Return the task as it is now. One that ECS has forgotten is over: stopped tasks are kept for about an hour."""
    found = yield from _yielding(retrying(session, layer, lambda: session.cloud.task(cluster, task.arn)))
    return found or replace(task, status="DELETED", reason=shown("ECS does not know the task any more"))


def _read(session: Session, layer: str, what: OneOff, log: _Log) -> Generator[bool, None, bool]:
    """Tell the lines that are new; return whether there were any."""
    if not log.group or log.denied:
        return False
    read = partial(session.cloud.log_page, log.group, log.stream, log.token)
    page = yield from _yielding(retrying(session, layer, partial(_allowed, read)))
    if isinstance(page, PermissionDenied):
        log.denied = True
        said = f"what the task writes is not shown, and how it ends is: {page.message}; {page.hint}"
        session.ui.tell(Warned(said))
        return False
    log.token = page.token
    for line in page.lines:
        session.ui.tell(TaskLog(what.purpose, line))
    log.last = (*log.last, *(each for each in page.lines if each))[-LAST_LINES:]
    return bool(page.lines)


def _allowed(read: Callable[[], LogPage]) -> LogPage | PermissionDenied:
    """Return a page of the log, or that nobody may read it: the task is followed all the same."""
    try:
        return read()
    except PermissionDenied as error:
        return error


def deregister(session: Session, definition: TaskDefinition) -> None:
    """Deregister a revision, before a signal takes effect; where that fails, the next run does it."""
    what = f"the task definition {definition.arn} is left; it costs nothing, and the next run deregisters it"
    with signals_put_off(), going_on(session, what):
        session.cloud.deregister_task(definition.arn)


def to_end(session: Session, steps: Steps) -> TaskResult:
    """Follow one task to its end, with a pause after each look."""
    quiet = 0
    try:
        while True:
            try:
                quiet = 0 if next(steps) else quiet + 1
            except StopIteration as end:
                result: TaskResult = end.value
                return result
            session.timer.pause(pause(quiet, 1))
    finally:
        steps.close()


# --- in words ---------------------------------------------------------------------------------------------------


def why(result: TaskResult) -> tuple[str, str]:
    """Return how a task that did not succeed ended, and what to do about it, from ECS's own words."""
    task, what = result.task, result.what
    section = "release." if what.purpose == "release" else "--"
    reason = "; ".join(dict.fromkeys(each for each in (task.reason, task.detail) if each))
    if result.timed_out:
        minutes = f"{what.seconds / 60:g} minutes"
        limit = "release.timeout_minutes" if what.purpose == "release" else "--timeout"
        return f"stopped after {minutes}, its time limit", f"raise {limit}, or make the command faster"
    if "OutOfMemory" in reason or task.exit_code == 137:
        return (
            f"out of memory or killed (exit code 137): {reason}",
            f"give it more with {section}memory; it has {what.template.memory} MiB",
        )
    if remedy := pull_remedy(reason):
        return f"the image could not be pulled: {reason}", remedy
    if "ResourceInitializationError" in reason:
        return (
            f"it could not be started: {reason}",
            "check that each secret of the task exists and that the execution role may read it",
        )
    if task.exit_code is None:
        return f"it never ran: {reason or 'ECS gave no reason'}", "`infragen doctor` checks what tasks need"
    if task.stop_code == "UserInitiated":
        return (
            f"it was stopped outside infragen (exit code {task.exit_code}): {reason}",
            "run it again when that is over",
        )
    return f"exit code {task.exit_code}", "fix what its log says"


def command_line(command: tuple[str, ...]) -> str:
    """Return a command as one types it in a shell, on one line."""
    return shlex.join(each.replace("\n", "\\n") for each in command)
