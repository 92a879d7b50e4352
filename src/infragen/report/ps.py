"""An environment in one look, as text for a screen of 80 columns; `ps_document` has the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.text import Text

from infragen.cloud.cloudformation import ABSENT
from infragen.cloud.monitoring import ServiceTask
from infragen.engine.snapshot import (
    Advice,
    DatabaseRow,
    QueueRow,
    ServiceRow,
    Snapshot,
    Unread,
    WorkerRow,
    culprit,
)
from infragen.report.outcome import colour
from infragen.report.wrapping import wrapped

LABEL, DIGEST, COMMIT = 20, 19, 12
"""The most columns of a row's name, the characters of a digest with its algorithm, and those of a commit."""

_GONE, _NO_DATA, _DENIED = "not deployed", "-", "?"


def screen_lines(found: Snapshot, width: int, lost: str = "") -> Iterator[Text]:
    """Yield the screen: stacks, what runs in them, alarms, what could not be read, and what to type next. `lost` says
    why it is not of now.

    `?` is what could not be read, `-` what CloudWatch has no value of.
    """
    sections = [
        ("stacks", _stack_lines(found)),
        *((each.name, _service_lines(each, found)) for each in found.services),
        *((each.name, _worker_lines(each, found)) for each in found.workers),
        *((each.name, _queue_lines(each, found)) for each in found.queues),
        *((each.name, _database_lines(each, found)) for each in found.databases),
        ("alarms", _alarm_lines(found)),
        ("not read", (Text(_unread(each)) for each in found.unread)),
        ("next", _next_lines(found)),
    ]
    shown = [(name, lines) for name, made in sections if (lines := list(made))]
    column = min(LABEL, max(len(name) for name, _ in shown)) + 2
    yield from wrapped(_head(found), width)
    for name, lines in shown:
        label = Text(f"{name:<{column}}" if len(name) + 2 <= column else f"{name}  ", style="bold")
        for number, line in enumerate(lines):
            begin = label if number == 0 else Text(" " * column)
            hang = column + len(line.plain) - len(line.plain.lstrip())
            yield from wrapped(Text.assemble(begin, line), width, hang)
    if lost:
        yield from wrapped(Text(lost, style="red"), width)


def _head(found: Snapshot) -> Text:
    root = next((each for each in found.stacks if not each.nested), None)
    one = len([each for each in found.stacks if not each.nested]) == 1
    parts = [Text(found.name, style="bold"), Text(f"  {found.region}")]
    if found.deployed is None:
        return Text.assemble(*parts, f"  {_GONE}")
    if root is not None and one:
        parts.append(Text.assemble("  ", (root.status, colour(root.status))))
    commit = "?" if found.commit is None else found.commit
    short = commit if "-" in commit[:COMMIT] else commit[:COMMIT] + ("-dirty" if commit.endswith("-dirty") else "")
    return Text.assemble(*parts, f"  deployed {_ago(found, found.deployed)}", f" from commit {short}" if short else "")


def _stack_lines(found: Snapshot) -> Iterator[Text]:
    """Yield each stack of an environment with a stack for each layer; of a root those that are not as it is."""
    if found.deployed is None:
        return
    root = next((each.status for each in found.stacks if not each.nested), "")
    rows = [each for each in found.stacks if not each.nested]
    if len(rows) == 1:
        good = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        rows = [each for each in found.stacks if each.nested and each.status not in (*good, root)]
    layers, words = (max((len(getattr(each, key)) for each in rows), default=0) for key in ("layer", "status"))
    for each in rows:
        status = _GONE if each.status == ABSENT else each.status
        since = f"  {_ago(found, each.since)}" if each.since else ""
        yield Text.assemble(each.layer.ljust(layers), "  ", (status.ljust(words), colour(each.status)), since)


def _service_lines(row: ServiceRow, found: Snapshot) -> Iterator[Text]:
    state, unread = row.state, _parts(found)
    if state is None:
        yield Text("?" if "services" in unread else "ECS does not know it", style="red")
    else:
        short = state.running < state.desired
        many = Text(f"{state.running} of {state.desired} running", style="red" if short else "")
        pending = f", {state.pending} starting" if state.pending else ""
        rollout = f"  rollout {state.rollout}" if state.rollout else ""
        bad = f", {row.unhealthy} unhealthy" if row.unhealthy else ""
        healthy = f", {_number(row.healthy, 'tasks' in unread)} healthy"
        yield Text.assemble(many, healthy, (bad, "red"), pending, (rollout, _rollout_colour(state.rollout)))
    yield Text.assemble("image ", _image(row, "tasks" in unread))
    denied = "metrics" in unread
    used = f"cpu {_percent(row.cpu, denied)}  memory {_percent(row.memory, denied)}"
    if row.requests is not None:
        used += f"  {row.requests:,.0f} requests in 5 min, {_number(row.failed_requests, denied)} with 5xx"
    yield Text(used)
    if row.stopped is not None:
        yield Text(_stopped(row.stopped, found), style="red" if row.fault else "")


def _rollout_colour(rollout: str) -> str:
    return {"FAILED": "red", "IN_PROGRESS": "yellow"}.get(rollout, "")


def _image(row: ServiceRow, denied: bool) -> str:
    if row.image is None:
        return _DENIED if denied else _NO_DATA
    name = "placeholder" if row.tag == "" else row.tag or row.image.image
    return f"{name} ({row.image.digest[:DIGEST]})" if row.image.digest else name


def _stopped(task: ServiceTask, found: Snapshot) -> str:
    """Return when and why a task stopped, and the first characters of its id, which `logs --task` takes."""
    container = culprit(task)
    ended = f"exit code {container.exit_code}, " if container and container.exit_code is not None else ""
    why = (container.reason if container else "") or task.reason or task.stop_code or "ECS gives no reason"
    when = _ago(found, task.stopped) if task.stopped else "at an unknown time"
    return f"last stopped {when}: {ended}{why} ({task.id[:8]})"


def _worker_lines(row: WorkerRow, found: Snapshot) -> Iterator[Text]:
    unread = _parts(found)
    state = row.source.state if row.source else _DENIED if "event sources" in unread else "none"
    queue = Text("") if row.queue is None else Text.assemble("  ", _queue_text(row.queue, found))
    yield Text.assemble(f"source {state}", queue)
    if "metrics" in unread:
        yield Text("? calls, ? failed, ? throttled in 5 min")
        return
    calls = Text.assemble(
        f"{row.calls or 0:,.0f} calls, ", (f"{row.errors or 0:,.0f} failed", "red" if row.errors else ""),
        ", ", (f"{row.throttles or 0:,.0f} throttled", "red" if row.throttles else ""), " in 5 min",
    )  # fmt: skip
    if row.failed_messages:
        calls.append(f"; {row.failed_messages:,.0f} of {row.messages or 0:,.0f} messages failed", style="red")
    yield calls


def _queue_lines(row: QueueRow, found: Snapshot) -> Iterator[Text]:
    yield _queue_text(row, found)


def _queue_text(row: QueueRow, found: Snapshot) -> Text:
    denied = "metrics" in _parts(found)
    waiting, in_flight = _number(row.waiting, denied), _number(row.in_flight, denied)
    age = f", oldest {_span(row.age)}" if row.age else ""
    dead = _number(row.dead, f"dead letters of {row.name}" in _parts(found))
    letters = f"  {dead} dead {'letter' if row.dead == 1 else 'letters'}"
    return Text.assemble(f"{waiting} waiting, {in_flight} in flight{age}", (letters, "red" if row.dead else ""))


def _database_lines(row: DatabaseRow, found: Snapshot) -> Iterator[Text]:
    denied = "metrics" in _parts(found)
    acu = f" of {row.max_acu:g}" if row.max_acu else ""
    most = f" of {row.max_connections:,}" if row.max_connections else ""
    capacity = _DENIED if row.acu is None and denied else _NO_DATA if row.acu is None else f"{row.acu:g}"
    yield Text(f"{capacity}{acu} ACU  {_number(row.connections, denied)}{most} connections")
    if row.secret:
        yield Text(f"credentials {_credentials(row, found)}")


def _credentials(row: DatabaseRow, found: Snapshot) -> str:
    if row.rotation is None:
        return _DENIED if "credentials" in _parts(found) else "do not exist"
    last = f"rotated {_span(found.time - row.rotation.rotated)} ago" if row.rotation.rotated else "not rotated yet"
    if not row.rotation.enabled:
        return f"{last}, rotation is off"
    ahead = row.rotation.next_rotation - found.time if row.rotation.next_rotation else None
    due = "" if ahead is None else f", next in {_span(ahead)}" if ahead > 0 else f", due {_span(-ahead)} ago"
    if row.rotation.is_rotating(found.time):
        return f"{last}{due}, one is running"
    return f"{last}{due}{', one did not end' if row.rotation.pending else ''}"


def _alarm_lines(found: Snapshot) -> Iterator[Text]:
    if found.alarms is None:
        yield Text(_DENIED)
    elif not found.alarms and found.deployed is not None:
        yield Text("none raised")
    for each in found.alarms or ():
        where = f" ({each.layer})" if each.layer else ""
        since = f" since {each.since.astimezone(UTC):%H:%M} UTC, {_ago(found, each.since)}" if each.since else ""
        yield Text(f"{each.name}{where}{since}", style="red" if not each.composite else "")


def _unread(unread: Unread) -> str:
    why = f"{unread.permission} is denied" if unread.permission else unread.words
    return f"{unread.part}: {why}"


def _next_lines(found: Snapshot) -> Iterator[Text]:
    """Yield what is wrong or under way, each command once, below all that it helps with."""
    groups: dict[str, list[Advice]] = {}
    for each in found.advice:
        groups.setdefault(each.command, []).append(each)
    for command, some in groups.items():
        for where in dict.fromkeys(each.where for each in some):
            whats = [each.what for each in some if each.where == where]
            wrong = any(each.trouble for each in some if each.where == where)
            yield Text(f"{where}: {'; '.join(dict.fromkeys(whats))}", style="red" if wrong else "")
        if command:
            yield Text(f"  {command}", style="yellow")
    if not found.advice:
        yield Text("nothing: all is well" if not found.unread else "no trouble in what could be read")


def _parts(found: Snapshot) -> set[str]:
    return {each.part for each in found.unread}


def _number(value: float | None, denied: bool) -> str:
    return (_DENIED if denied else _NO_DATA) if value is None else f"{value:,.0f}"


def _percent(value: float | None, denied: bool) -> str:
    return _number(value, denied) + ("" if value is None else " %")


def _ago(found: Snapshot, time: datetime) -> str:
    return f"{_span(found.time - time.timestamp())} ago"


def _span(seconds: float) -> str:
    """Return a span of time as one number: `8 s`, `14 min`, `2 h`, `3 d`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h" if whole < 48 * 3600 else f"{whole // 86400} d"
