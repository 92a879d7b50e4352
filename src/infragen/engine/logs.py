"""The logs of an environment, merged by time: API, workers, database, and any other log group of its stacks.

Reads only. Log groups are found among the resources of the stacks, never by a guessed name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from infragen.assembly.synth import Assembly
from infragen.cloud.protocol import LogEvent
from infragen.engine.observe import layer_stacks, observe
from infragen.engine.progress import Session
from infragen.errors import CloudError, InputError
from infragen.secrecy.visible import Shown

LOG_GROUP = "AWS::Logs::LogGroup"

MOST_LINES = 1_000
"""Lines that are shown at most of what there is already: the newest."""

LATE_SECONDS = 5.0
"""How long a line may take until CloudWatch Logs gives it: so far back each look goes once more."""

LOOK_SECONDS, QUIET_SECONDS, QUIET_AFTER = 2.0, 5.0, 60.0
"""How often it is looked for new lines, how often once there were none for a while, and how long that is."""

LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
PINO_LEVELS = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}
"""The numbers that pino writes for levels unless its configuration asks for words (pino, "level")."""
_OTHER_WORDS = {"warning": "warn", "critical": "fatal"}

RELEASE = "release"
"""The source, and what log streams begin with, of commands that run before a deployment or by hand."""

_PLATFORM = re.compile(r"(?:START|END|REPORT|INIT_START|EXTENSION|XRAY) ")
_PLATFORM_TROUBLE = re.compile(r"Status: (?!success)|Task timed out|Error Type:|Runtime exited|signal: killed")


@dataclass(frozen=True)
class LogSource:
    """A log by the name people use, its log group, and what its streams begin with; `without` are those of another."""

    name: str
    group: str
    begins: str = ""
    without: str = ""


@dataclass(frozen=True)
class LogQuery:
    """Which lines are wanted: from and until when (seconds since 1970), and of which level, text, trace or task.
    `platform` lines are those that Lambda writes about each call.
    """

    since: float
    until: float | None = None
    level: str = ""
    grep: str = ""
    trace: str = ""
    task: str = ""
    platform: bool = False


@dataclass(frozen=True)
class LogLine:
    """A line as it is shown: whose it is, its level (empty where it says none), its message, its other fields, and all
    of it as one text.
    """

    id: str
    time: float
    source: str
    task: str
    stream: str
    level: str
    message: str
    text: Shown
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LogLines:
    """The lines that were found, oldest first; `cut` says how many older ones are left out, `unread` the logs that are
    too long to read at once, `missing` the log groups that do not exist.
    """

    lines: tuple[LogLine, ...]
    cut: int = 0
    unread: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def log_sources(assembly: Assembly, session: Session) -> tuple[LogSource, ...]:
    """Return the logs that the stacks of an environment have, in the order of its layers.

    Raises CloudError when nothing is deployed.
    """
    env = assembly.environment
    observed = observe(session, env)
    stacks = layer_stacks(assembly, observed)
    if not stacks:
        raise CloudError(
            f"nothing of {env.name} is deployed, so that there are no logs", "deploy it: `infragen deploy`"
        )
    names = {f"worker/{each.id}LogGroup": each.name for each in env.workers or ()}
    names |= {"database/ClusterLogGroup": "database", "database/CredentialsLogGroup": "credentials"}
    found: list[LogSource] = []
    for layer, stack_id in stacks.items():
        for each in session.cloud.resources(stack_id):
            if each.type != LOG_GROUP or not each.physical_id:
                continue
            place = f"{layer}/{each.logical_id}"
            if place == "api/LogGroup":
                found.append(LogSource("api", each.physical_id, without=f"{RELEASE}/"))
                found.append(LogSource(RELEASE, each.physical_id, begins=f"{RELEASE}/"))
            else:
                found.append(LogSource(names.get(place, place), each.physical_id))
    return tuple(found)


def chosen_sources(assembly: Assembly, found: Sequence[LogSource], names: Sequence[str]) -> tuple[LogSource, ...]:
    """Return the logs of these names; without names the API's and the workers'.

    Raises InputError for an unknown name.
    """
    known = {each.name: each for each in found}
    unknown = [each for each in names if each not in known]
    if unknown:
        raise InputError(f"{assembly.environment.name} has no log {unknown[0]!r}", f"its logs are {', '.join(known)}")
    usual = ("api", *(each.name for each in assembly.environment.workers or ()))
    return tuple(known[each] for each in dict.fromkeys(names or usual) if each in known)


def read_logs(session: Session, sources: Sequence[LogSource], query: LogQuery) -> LogLines:
    """Return the newest lines that match, at most MOST_LINES of them."""
    lines: list[LogLine] = []
    unread: list[str] = []
    missing: list[str] = []
    for source in sources:
        found = session.cloud.log_events(source.group, query.since, query.until, filter_pattern(query))
        if not found.exists:
            missing.append(source.group)
        if not found.complete:
            unread.append(source.name)
        lines += (_line(source, each) for each in found.events if _is_of(source, each))
    wanted = sorted((each for each in lines if _matches(each, query)), key=lambda each: each.time)
    cut = max(0, len(wanted) - MOST_LINES)
    return LogLines(tuple(wanted[cut:]), cut, tuple(unread), tuple(missing))


def follow_logs(session: Session, sources: Sequence[LogSource], query: LogQuery) -> Iterator[LogLines]:
    """Yield what there is, then what is new, without an end: the caller is interrupted.

    Each look goes back by LATE_SECONDS, because lines arrive late and out of order; none is given twice.
    """
    seen: dict[str, float] = {}
    since, quiet = query.since, 0.0
    while True:
        found = read_logs(session, sources, LogQuery(**{**vars(query), "since": since}))
        new = tuple(each for each in found.lines if each.id not in seen)
        seen |= {each.id: each.time for each in new}
        yield LogLines(new, found.cut, found.unread, found.missing)
        newest = max(seen.values(), default=since)
        since = max(since, newest - LATE_SECONDS)
        seen = {each: time for each, time in seen.items() if time >= since}
        pause = QUIET_SECONDS if quiet >= QUIET_AFTER else LOOK_SECONDS
        quiet = 0.0 if new else quiet + pause
        session.timer.pause(pause)


def filter_pattern(query: LogQuery) -> str:
    """Return what CloudWatch Logs looks for, so that it sends less; what it lets through is looked at again here.

    A pattern is either one of JSON fields or one of words (CloudWatch Logs User Guide, "Filter pattern syntax").
    """
    if query.level:
        words = LEVELS[LEVELS.index(query.level) :]
        forms = [form for each in words for form in (each, each.upper())]
        forms += [word for word, level in _OTHER_WORDS.items() if level in words for word in (word, word.upper())]
        numbers = [f"$.level = {number}" for number, level in PINO_LEVELS.items() if level in words]
        return "{ " + " || ".join([f'$.level = "{each}"' for each in forms] + numbers) + " }"
    term = query.trace or query.grep
    escaped = term.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if term else ""


def _is_of(source: LogSource, event: LogEvent) -> bool:
    begins = event.stream.startswith
    return begins(source.begins) and not (source.without and begins(source.without))


def _line(source: LogSource, event: LogEvent) -> LogLine:
    task = event.stream.rpartition("/")[2] if source.name in ("api", RELEASE) else ""
    fields = dict(event.fields or {})
    inner = fields.get("message")
    if isinstance(inner, dict):  # Lambda puts what a function logs as an object into a field
        fields = {**{key: each for key, each in fields.items() if key != "message"}, **inner}
    level = _level(fields.pop("level", ""))
    message = fields.pop("msg", None) or fields.pop("message", None)
    return LogLine(
        id=event.id,
        time=event.time,
        source=source.name,
        task=task,
        stream=event.stream,
        level=level,
        message=str(message) if message is not None else ("" if event.fields else event.text),
        text=event.text,
        fields=fields,
    )


def _level(written: object) -> str:
    if isinstance(written, int):
        return PINO_LEVELS.get(written, str(written))
    word = str(written).lower()
    return _OTHER_WORDS.get(word, word)


def _matches(line: LogLine, query: LogQuery) -> bool:
    if query.level and (line.level not in LEVELS or LEVELS.index(line.level) < LEVELS.index(query.level)):
        return False
    if query.task and not line.task.startswith(query.task):
        return False
    if not query.platform and _about_the_platform(line):
        return False
    return query.grep in line.text and query.trace in line.text


def _about_the_platform(line: LogLine) -> bool:
    """Return whether Lambda wrote it about a call that went well; a timeout or a lack of memory is worth a line."""
    kind = line.fields.get("type")
    if isinstance(kind, str) and kind.startswith("platform."):
        record = line.fields.get("record")
        status = record.get("status", "success") if isinstance(record, dict) else "success"
        return bool(status == "success")
    return bool(_PLATFORM.match(line.message)) and not _PLATFORM_TROUBLE.search(line.message)
