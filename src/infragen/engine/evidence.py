"""What other services say of a failure: ECS of tasks, load balancers of targets, CloudWatch Logs of what was written.

CloudFormation names the resource that failed and often nothing more ("Circuit Breaker was triggered"). What is found
here is tied to the thing that failed: tasks of the task definition that was wanted and of no other, the log stream of
the very task. Reads only; a question that AWS does not answer becomes a note, and the others are still asked.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from infragen.cloud import Cloud, StoppedTask
from infragen.cloudformation import StackEvent
from infragen.engine.follow import LayerEvent
from infragen.engine.next_steps import name_taken
from infragen.engine.outcome import Evidence, Explanation
from infragen.errors import CloudError
from infragen.resource_types.ecs import SERVICE, TASK_DEFINITION
from infragen.resource_types.lambda_ import FUNCTION

LINES, TASKS, EVENTS = 5, 3, 3
"""How many lines of a log, different ways in which tasks stopped, and events of a service are reported."""

PLATFORM_LINES = 25
"""Lines of a function's log that are read to find LINES of its own among those that Lambda writes for each call."""

_PLATFORM = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_START")
_TARGETS = ("target-group", "unhealthy", "health check")
"""How a service's event speaks of its targets: after a rollback they are deregistered, and only the event is left
(Amazon ECS Developer Guide, "Amazon ECS service event messages")."""

T = TypeVar("T")


def explain(cloud: Cloud, failure: StackEvent, events: Iterable[LayerEvent], since: datetime | None) -> Explanation:
    """Return what is known about the failure of a resource; nothing for types that no other service speaks of.

    `events` are those of the operation, which started at `since`, a time of AWS's. Where another thing of that name was
    there before, its tasks and its log are another's and tell nothing.
    """
    if name_taken(failure.reason):
        return Explanation()
    if failure.type == SERVICE.name and failure.physical_id:
        return of_service(cloud, failure.physical_id, wanted_definitions(failure, events), since)
    if failure.type == FUNCTION.name and failure.physical_id:
        return of_function(cloud, failure.physical_id)
    return of_function(cloud, failure.function) if ":function:" in failure.function else Explanation()


def wanted_definitions(service: StackEvent, events: Iterable[LayerEvent]) -> frozenset[str]:
    """Return the task definition that the stack gave the service, as the event's own properties say; where they do not
    tell, those that the operation made in its stack.
    """
    if service.task_definition:
        return frozenset({service.task_definition})
    made = (each.event for each in events if each.event.type == TASK_DEFINITION.name and each.event.physical_id)
    own = (each for each in made if each.stack_id == service.stack_id and each.time <= service.time)
    return frozenset(each.physical_id for each in own if each.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"))


def of_service(cloud: Cloud, service: str, wanted: Collection[str], since: datetime | None) -> Explanation:
    """Return why the tasks of an ECS service do not stay up: those of the `wanted` task definitions, the worst first.

    Without any it is those that stopped after `since`.
    """
    notes: list[Evidence] = []
    tasks = worst_first(
        each
        for each in asked(lambda: cloud.stopped_tasks(service), "its stopped tasks", notes)
        if (each.task_definition in wanted if wanted else _recent(each.stopped, since))
    )
    found = [Evidence("task", text) for text in _stopped(tasks)]
    found += [
        Evidence("target", each)
        for each in asked(lambda: cloud.unhealthy_targets(service), "the health of its targets", notes)
    ]
    said = [text for _, text in asked(lambda: cloud.service_events(service, since), "its events", notes)]
    targets = [text for text in said if any(word in text for word in _TARGETS)][:1]
    found += [Evidence("target", each) for each in targets]
    found += [Evidence("event", each) for each in said if each not in targets][:EVENTS]
    lines, command = _log_of(cloud, tasks, notes)
    return Explanation((*found, *lines, *notes), command)


def worst_first(tasks: Iterable[StoppedTask]) -> list[StoppedTask]:
    """Return tasks with a container that failed first, then those that never ran, then those that ended well; newest
    first.
    """
    newest = sorted(tasks, key=lambda each: each.stopped.timestamp() if each.stopped else 0.0, reverse=True)
    return sorted(newest, key=_harmlessness)


def _harmlessness(task: StoppedTask) -> int:
    codes = [each.exit_code for each in task.containers if each.exit_code is not None]
    return 0 if any(codes) else 1 if not codes else 2


def _recent(time: datetime | None, since: datetime | None) -> bool:
    return time is None or since is None or time >= since


def _stopped(tasks: Sequence[StoppedTask]) -> list[str]:
    """Return each way in which tasks stopped, once, with how many there were."""
    ways: dict[str, int] = {}
    for task in tasks:
        text = "; ".join([task.reason or "no reason given", *_ends(task)])
        text = f"{text} ({short(task.task_definition)})" if task.task_definition else text
        ways[text] = ways.get(text, 0) + 1
    return [
        f"{count} tasks stopped: {text}" if count > 1 else f"a task stopped: {text}" for text, count in ways.items()
    ][:TASKS]


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


def _log_of(cloud: Cloud, tasks: Sequence[StoppedTask], notes: list[Evidence]) -> tuple[list[Evidence], str]:
    """Return the last lines of the worst task's log, and the command that shows all of it.

    The stream is `prefix/container/task id` (Amazon ECS Developer Guide, "awslogs log driver", awslogs-stream-prefix).
    """
    if not tasks or not tasks[0].task_definition:
        return [], ""
    task = tasks[0]
    containers = asked(lambda: cloud.task_containers(task.task_definition), "where its tasks log", notes)
    failed = [each.name for each in task.containers if each.exit_code]
    logging = [each for each in containers if each.log_group and each.log_prefix]
    chosen = next((each for each in logging if each.name in failed), next(iter(logging), None))
    if chosen is None:
        return [], ""
    stream = f"{chosen.log_prefix}/{chosen.name}/{task.arn.rpartition('/')[2]}"
    lines = asked(lambda: cloud.log_lines(chosen.log_group, stream, LINES), f"the log {chosen.log_group}", notes)
    return [Evidence("log", each) for each in lines if each], log_command(chosen.log_group, stream, region_of(task.arn))


def of_function(cloud: Cloud, function: str) -> Explanation:
    """Return the last lines that a Lambda function wrote, without those that Lambda adds."""
    notes: list[Evidence] = []
    where = asked(lambda: cloud.function_log(function), "where the function logs", notes)
    if not where or not where[1]:
        missing = [Evidence("note", f"the function wrote nothing to {where[0]}")] if where else []
        return Explanation((*missing, *notes))
    group, stream = where
    lines = asked(lambda: cloud.log_lines(group, stream, PLATFORM_LINES), f"the log {group}", notes)
    own = [each for each in lines if each and not _is_routine(each)]
    found = [Evidence("log", each) for each in own[-LINES:]]
    return Explanation((*found, *notes), log_command(group, stream, region_of(function)))


def _is_routine(line: str) -> bool:
    """Return whether Lambda wrote a line for each call, and it tells of nothing that went wrong.

    In JSON such a line has a `type` that begins with `platform.`, and a `status` in its `record` where a call or a
    start ended; a function's own line may begin in the same way (Lambda Telemetry API, "Event schema reference", read
    2026-11-29). In text it has `Status:` where that is not success.
    """
    if line.startswith(_PLATFORM):
        return "Status:" not in line
    try:
        written = json.loads(line)
    except ValueError:
        return False
    if not isinstance(written, dict) or not str(written.get("type", "")).startswith("platform."):
        return False
    record = written.get("record")
    return not isinstance(record, dict) or record.get("status", "success") == "success"


def log_command(group: str, stream: str, region: str) -> str:
    """Return what to type to read all of a log stream."""
    where = f" --region {region}" if region else ""
    return f"aws logs tail {shlex.quote(group)} --log-stream-names {shlex.quote(stream)} --since 3h{where}"


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
