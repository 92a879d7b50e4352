"""What other services say of a failure: ECS of tasks, load balancers of targets, CloudWatch Logs of what was written.

CloudFormation names the resource that failed and often nothing more ("Circuit Breaker was triggered"). What is found
here is tied to the thing that failed: tasks of the task definition that was wanted and of no other, the log stream of
the very task. Reads only; a question that AWS does not answer becomes a note, and the others are still asked.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from infragen.cloud.cloudformation import StackEvent
from infragen.cloud.protocol import Cloud, StoppedContainer, StoppedTask
from infragen.engine.follow import LayerEvent
from infragen.engine.image_pull import pull_remedy
from infragen.engine.next_steps import name_taken
from infragen.engine.outcome import Evidence, Explanation
from infragen.engine.snapshot import MEANT, scaled_in
from infragen.errors import CloudError
from infragen.resource_types.ecs import SERVICE, TASK_DEFINITION
from infragen.resource_types.lambda_ import FUNCTION
from infragen.secrecy.shown import Shown

LINES, TASKS, EVENTS, TARGETS = 5, 3, 3, 3
"""How many lines of a log, different ways in which tasks stopped, events of a service, and targets are reported."""

FORGETS = "after about an hour"
"""How long ECS lists stopped tasks (Amazon ECS API Reference, DescribeTasks)."""

PLATFORM_LINES = 25
"""Lines of a function's log that are read to find LINES of its own among those that Lambda writes for each call."""

_PLATFORM = re.compile(r"(?:START|END|REPORT) RequestId|INIT_START |INIT_REPORT |EXTENSION\s|XRAY TraceId|TELEMETRY\s")
_ROUTINE = re.compile(
    r"has reached a steady state|has (?:started|stopped) \d+|has begun draining|\bregistered \d+ targets|"
    r"deregistered \d+ targets|deployment completed"
)
"""What ECS writes of every deployment, also of one that goes well (Amazon ECS Developer Guide, "Amazon ECS service
event messages", read 2026-11-29): it comes after what else there is."""
_TARGETS = ("target-group", "unhealthy", "health check")
"""How a service's event speaks of its targets: after a rollback they are deregistered, and only the event is left
(Amazon ECS Developer Guide, "Amazon ECS service event messages")."""

T = TypeVar("T")


@dataclass(frozen=True)
class Span:
    """From when until when something is evidence of a failure, by AWS's clock; None where nobody knows."""

    since: datetime | None = None
    until: datetime | None = None

    def has(self, time: datetime | None) -> bool:
        """Return whether a time is within, to the second, as some services write theirs; one that AWS does not tell
        is.
        """
        if time is None:
            return True
        second = time.replace(microsecond=0)
        after = self.since is None or second >= self.since.replace(microsecond=0)
        return after and (self.until is None or second <= self.until)


def explain(
    cloud: Cloud,
    failure: StackEvent,
    events: Iterable[LayerEvent],
    since: datetime | None,
    until: datetime | None = None,
) -> Explanation:
    """Return what is known about the failure of a resource; nothing for types that no other service speaks of.

    `events` are those of the operation, which started at `since`, a time of AWS's, and was over at `until`. Where
    another thing of that name was there before, its tasks and its log are another's and tell nothing.
    """
    refused = _hook_results(failure, events)
    if refused:
        return Explanation(tuple(_checks(cloud, refused)))
    if name_taken(failure.reason, failure.type):
        return Explanation()
    span = Span(since, until)
    if failure.type == SERVICE.name and failure.physical_id:
        ended = failure.status.endswith("_FAILED")
        return of_service(cloud, failure.physical_id, wanted_definitions(failure, events), span, ended)
    function = failure.function or failure.physical_id
    if (failure.type == FUNCTION.name and function) or ":function:" in function:
        return of_function(cloud, function, failure, events, span)
    return Explanation()


def _hook_results(failure: StackEvent, events: Iterable[LayerEvent]) -> list[StackEvent]:
    """Return the events of hooks that refused what failed."""
    place = (failure.stack_id, failure.logical_id)
    own = (each.event for each in events if (each.event.stack_id, each.event.logical_id) == place)
    return [each for each in own if each.hook_result]


def _checks(cloud: Cloud, refused: Iterable[StackEvent]) -> Iterator[Evidence]:
    """Yield what the results of hooks tell beyond their events."""
    for event in refused:
        notes: list[Evidence] = []
        found = asked(
            partial(cloud.hook_checks, event.hook_result), f"what {event.hook.partition(': ')[0]} found", notes
        )
        yield from (Evidence("check", each) for each in found if each not in event.hook)
        yield from notes


def wanted_definitions(service: StackEvent, events: Iterable[LayerEvent]) -> frozenset[str]:
    """Return the task definition that the stack gave the service, as the event's own properties say; where they do not
    tell, those that the operation made in its stack.
    """
    if service.task_definition:
        return frozenset({service.task_definition})
    made = (each.event for each in events if each.event.type == TASK_DEFINITION.name and each.event.physical_id)
    own = (each for each in made if each.stack_id == service.stack_id and each.time <= service.time)
    return frozenset(each.physical_id for each in own if each.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"))


def of_service(
    cloud: Cloud, service: str, wanted: Collection[str], span: Span | None = None, ended: bool = False
) -> Explanation:
    """Return why the tasks of an ECS service do not stay up: those of the `wanted` task definitions, the worst first.

    Nothing that was before or after the `span` counts. Where the deployment has `ended` and no such task is listed any
    more, that is said.
    """
    span = span or Span()
    notes: list[Evidence] = []
    listed = asked(lambda: cloud.stopped_tasks(service), "its stopped tasks", notes)
    if ended and wanted and not notes and not any(each.task_definition in wanted for each in listed):
        names = ", ".join(short(each) for each in sorted(wanted))
        notes.append(
            Evidence("note", f"ECS lists no stopped task of {names}: none was started, or it forgot them ({FORGETS})")
        )
    tasks = worst_first(
        each
        for each in listed
        if (not wanted or each.task_definition in wanted) and span.has(each.stopped) and not scaled_in(each.reason)
    )
    found = [Evidence("task", text) for text in _stopped(tasks)]
    found += _targets(asked(lambda: cloud.unhealthy_targets(service), "the health of its targets", notes))
    said = [
        text
        for time, text in asked(lambda: cloud.service_events(service, span.since), "its events", notes)
        if span.has(time)
    ]
    targets = [text for text in said if any(word in text for word in _TARGETS) and not _ROUTINE.search(text)][:1]
    found += [Evidence("target", each) for each in targets]
    told = sorted((each for each in said if each not in targets), key=lambda each: bool(_ROUTINE.search(each)))
    found += [Evidence("event", each) for each in told[:EVENTS]]
    lines, command = _log_of(cloud, tasks, span, notes)
    remedies = (pull_remedy(each) for task in tasks for each in (task.reason, *_ends(task)))
    return Explanation((*found, *lines, *notes), command, next(filter(None, remedies), ""))


def _targets(said: Sequence[Shown]) -> list[Evidence]:
    """Return the first targets that are not healthy, and how many more there are."""
    found = [Evidence("target", each) for each in said[:TARGETS]]
    return [*found, Evidence("target", f"and {len(said) - TARGETS} more targets")] if len(said) > TARGETS else found


def worst_first(tasks: Iterable[StoppedTask]) -> list[StoppedTask]:
    """Return tasks with a container that failed first, then those that were killed or never ran, then those that ended
    well, then those that somebody or AWS's capacity stopped; newest first.
    """
    newest = sorted(tasks, key=lambda each: each.stopped.timestamp() if each.stopped else 0.0, reverse=True)
    return sorted(newest, key=_harmlessness)


def _harmlessness(task: StoppedTask) -> int:
    if task.stop_code in MEANT:
        return 3
    codes = [each.exit_code for each in task.containers if each.exit_code is not None]
    return min(map(_blame, task.containers)) if any(codes) else 1 if not codes else 2


def _stopped(tasks: Sequence[StoppedTask]) -> list[str]:
    """Return each way in which tasks stopped, once, with how many there were: as the first of them said it, whatever
    ids and addresses the others have.
    """
    ways: dict[str, list[str]] = {}
    for task in tasks:
        text = "; ".join([task.reason or "no reason given", *_ends(task)])
        text = f"{text} ({short(task.task_definition)})" if task.task_definition else text
        ways.setdefault(_ID.sub("", text), []).append(text)
    return [
        f"{len(same)} tasks stopped: {same[0]}" if len(same) > 1 else f"a task stopped: {same[0]}"
        for same in ways.values()
    ][:TASKS]


_ID = re.compile(r"\b[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b|\b\d{1,3}(?:\.\d{1,3}){3}\b|\bi-[0-9a-f]+\b", re.IGNORECASE)
"""What differs from task to task though they stopped for one reason: ids of requests and tasks, addresses."""


def _ends(task: StoppedTask) -> Iterator[str]:
    for each in task.containers:
        code = "" if each.exit_code is None else f"exit code {each.exit_code}"
        how = ", ".join(filter(None, [code, each.reason]))
        if how:
            yield f"{each.name}: {how}"


def short(task_definition: str) -> str:
    """Return `family:revision`, from an ARN."""
    return task_definition.rpartition("/")[2]


# --- logs -------------------------------------------------------------------------------------------------------


def _log_of(
    cloud: Cloud, tasks: Sequence[StoppedTask], span: Span, notes: list[Evidence]
) -> tuple[list[Evidence], str]:
    """Return the last lines of the worst task that wrote any, and the command that shows all of its log.

    The stream is `prefix/container/task id` (Amazon ECS Developer Guide, "awslogs log driver", awslogs-stream-prefix).
    """
    for task in [each for each in tasks if each.task_definition][:TASKS]:
        containers = asked(partial(cloud.task_containers, task.task_definition), "where its tasks log", notes)
        ends = {each.name: _blame(each) for each in task.containers}
        logging = [each for each in containers if each.log_group and each.log_prefix]
        for chosen in sorted(logging, key=lambda each: ends.get(each.name, 3)):
            stream = f"{chosen.log_prefix}/{chosen.name}/{task.arn.rpartition('/')[2]}"
            read, before = partial(cloud.log_lines, chosen.log_group, stream, LINES), len(notes)
            lines = asked(read, f"the log {chosen.log_group}", notes)
            if any(lines) or len(notes) > before:  # where one may not be read, no other may either
                found = [Evidence("log", each) for each in lines if each]
                return found, log_command(chosen.log_group, stream, region_of(task.arn), span.since)
        if notes and not containers:
            break
    return [], ""


SIGNALLED = (137, 143)
"""Exit codes of a container that was killed or asked to end (128 + SIGKILL, SIGTERM): mostly, because another one of
its task ended."""


def _blame(container: StoppedContainer) -> int:
    """Return a lower number for a container that more likely ended its task."""
    if (container.exit_code and container.exit_code not in SIGNALLED) or "OutOfMemory" in container.reason:
        return 0
    return 1 if container.exit_code else 2


def of_function(
    cloud: Cloud, function: str, failure: StackEvent, events: Iterable[LayerEvent], span: Span
) -> Explanation:
    """Return the last lines that a Lambda function wrote in a span of time, without those that Lambda adds: of the
    stream that the failure names, else of the newest with any.
    """
    notes: list[Evidence] = []
    name = function.rpartition(":function:")[2].partition(":")[0] or function
    own = (each.event for each in events if each.event.type == FUNCTION.name and each.event.log_group)
    known = next(
        (each.log_group for each in own if name in (each.physical_id, each.physical_id.rpartition(":")[2])), ""
    )
    where = asked(lambda: cloud.function_log(function, known), "where the function logs", notes)
    if not where:
        return Explanation(tuple(notes))
    group, streams = where[0], where[1:]
    named = _NAMED_STREAM.search(failure.reason)
    for stream in dict.fromkeys([*([named[1]] if named else []), *streams]):
        read = partial(cloud.log_lines, group, stream, PLATFORM_LINES, span.since, span.until)
        lines = [each for each in asked(read, f"the log {group}", notes) if each and not _is_routine(each)]
        if lines or notes:
            found = [Evidence("log", each) for each in lines[-LINES:]]
            region = region_of(function) or region_of(failure.stack_id)
            return Explanation((*found, *notes), log_command(group, stream, region, span.since))
    return Explanation(
        (*notes, Evidence("note", f"{group} has no line of the function: it wrote none, or its log is gone"))
    )


_NAMED_STREAM = re.compile(r"CloudWatch Log Stream: (\d{4}/\d\d/\d\d/\[[^\]\s]+\][0-9a-f]+)")
"""How AWS's cfn-response module names the stream of the very call in a custom resource's failure (CloudFormation User
Guide, "cfn-response module", read 2026-11-29)."""


def _is_routine(line: str) -> bool:
    """Return whether Lambda wrote a line for each call, and it tells of nothing that went wrong.

    In JSON such a line has a `type` that begins with `platform.`, and a `status` in its `record` where a call or a
    start ended; a function's own line may begin in the same way (Lambda Telemetry API, "Event schema reference", read
    2026-11-29). In text it has `Status:` where that is not success.
    """
    if _PLATFORM.match(line):
        return "Status:" not in line
    try:
        written = json.loads(line)
    except ValueError:
        return False
    if not isinstance(written, dict) or not str(written.get("type", "")).startswith("platform."):
        return False
    record = written.get("record")
    return not isinstance(record, dict) or record.get("status", "success") == "success"


def log_command(group: str, stream: str, region: str, since: datetime | None) -> str:
    """Return what to type to read all of a log stream, from the operation's beginning on: `--since` takes a time or, as
    where nobody knows one, a distance from now (AWS CLI Command Reference, logs tail, read 2026-11-29).
    """
    where = f" --region {region}" if region else ""
    begin = f"{since:%Y-%m-%dT%H:%M:%SZ}" if since else "3h"
    return f"aws logs tail {shlex.quote(group)} --log-stream-names {shlex.quote(stream)} --since {begin}{where}"


def region_of(arn: str) -> str:
    """Return the region in an ARN; empty for what is none."""
    return arn.split(":")[3] if arn.count(":") >= 5 else ""


def asked(read: Callable[[], tuple[T, ...]], what: str, notes: list[Evidence]) -> tuple[T, ...]:
    """Return what `read` gives, or nothing and a note where AWS does not answer."""
    try:
        return read()
    except CloudError as error:
        notes.append(Evidence("note", f"{what} cannot be read: {error.message}"))
        return ()
