"""Why a task, a target or a function failed: asked of ECS, Elastic Load Balancing, Lambda, CloudWatch Logs, CloudTrail.

Reads only, and nothing here decides anything: what cannot be read raises CloudError, and `infragen.engine.evidence`
says so and continues. What applications wrote is masked before it leaves this room.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from infragen.aws import reading
from infragen.aws.failure import AwsError, answered
from infragen.aws.reading import batches, member, pages, plain
from infragen.aws.session import Clients
from infragen.cloud.protocol import DeniedCall, RunningService, StoppedContainer, StoppedTask, TaskContainer
from infragen.cloud.workload import cluster_of
from infragen.secrecy.shown import Shown

NO_LOG = "ResourceNotFoundException"
TASKS_AT_ONCE = 100
"""How many tasks DescribeTasks takes (Amazon ECS API Reference)."""

DENIALS = re.compile(
    r"denied|unauthori[sz]ed|authorization_?error|not_?authorized|forbidden|no_?permission", re.IGNORECASE
)
"""How the error code of a denied call reads in CloudTrail's records; each service has its own (AccessDenied, EC2
Client.UnauthorizedOperation, SNS AuthorizationError, API Gateway ForbiddenException; CloudTrail User Guide, "CloudTrail
record contents", read 2026-11-29)."""

LOOKED_THROUGH = 500
"""Records of CloudTrail that are looked through at most: LookupEvents gives 50 at a time, twice a second, and has no
filter for error codes (CloudTrail API Reference, LookupEvents)."""


# --- ECS --------------------------------------------------------------------------------------------------------


def service_events(
    clients: Clients, service_arn: str, since: datetime | None
) -> tuple[tuple[datetime | None, Shown], ...]:
    """Call ECS DescribeServices. ECS keeps a service's last hundred events, whatever their age (Amazon ECS API
    Reference, Service).
    """
    rows = (each for service in _services(clients, service_arn) for each in service.get("events", ()))
    return tuple((each.get("createdAt"), plain(each.get("message"))) for each in rows if _recent(each, since))


def _recent(event: Mapping[str, Any], since: datetime | None) -> bool:
    time = event.get("createdAt")
    return time is None or since is None or time >= since


def running_service(clients: Clients, service_arn: str) -> RunningService:
    """Call ECS DescribeServices: the task definition of the newest deployment, after a rollback the old one again, and
    how many tasks the service wants.

    That deployment is called PRIMARY (ECS API reference, Deployment). No task definition for a service without
    deployments of its own (another deployment controller), or without a service.
    """
    services = _services(clients, service_arn)
    deployments = (each for service in services for each in service.get("deployments", ()))
    running = next((each.get("taskDefinition", "") for each in deployments if each.get("status") == "PRIMARY"), "")
    return RunningService(running, next((each.get("desiredCount") for each in services), None))


def stopped_tasks(clients: Clients, service_arn: str) -> tuple[StoppedTask, ...]:
    """Call ECS ListTasks and DescribeTasks. Stopped tasks are listed for about an hour (ECS API Reference)."""
    cluster, name = cluster_of(service_arn), service_arn.rpartition("/")[2]
    with answered(f"reading the stopped tasks of {service_arn} (ecs:ListTasks, ecs:DescribeTasks)"):
        given = {"cluster": cluster, "serviceName": name, "desiredStatus": "STOPPED"}
        arns = list(pages(clients.ecs.list_tasks, "taskArns", leads="nextToken", **given))
        tasks = [
            task
            for some in batches(arns, TASKS_AT_ONCE)
            for task in member(clients.ecs.describe_tasks(cluster=cluster, tasks=some), "tasks")
        ]
    return tuple(map(_stopped_task, tasks))


def _stopped_task(task: Mapping[str, Any]) -> StoppedTask:
    containers = (
        StoppedContainer(plain(each.get("name")), each.get("exitCode"), plain(each.get("reason")))
        for each in task.get("containers", ())
    )
    return StoppedTask(
        arn=member(task, "taskArn"),
        task_definition=task.get("taskDefinitionArn", ""),
        reason=plain(task.get("stoppedReason")),
        stopped=task.get("stoppedAt"),
        containers=tuple(containers),
        stop_code=plain(task.get("stopCode")),
    )


def task_containers(clients: Clients, task_definition: str) -> tuple[TaskContainer, ...]:
    """Call ECS DescribeTaskDefinition."""
    with answered(f"reading the task definition {task_definition} (ecs:DescribeTaskDefinition)"):
        found = clients.ecs.describe_task_definition(taskDefinition=task_definition).get("taskDefinition", {})
    return tuple(map(_task_container, found.get("containerDefinitions", ())))


def _task_container(container: Mapping[str, Any]) -> TaskContainer:
    written = container.get("logConfiguration") or {}
    options = written.get("options", {}) if written.get("logDriver") == "awslogs" else {}
    return TaskContainer(
        name=container.get("name", ""),
        image=container.get("image", ""),
        log_group=options.get("awslogs-group", ""),
        log_prefix=options.get("awslogs-stream-prefix", ""),
    )


def _services(clients: Clients, service_arn: str) -> list[Mapping[str, Any]]:
    with answered(f"reading the service {service_arn} (ecs:DescribeServices)"):
        found = clients.ecs.describe_services(cluster=cluster_of(service_arn), services=[service_arn])
    return list(found.get("services", ()))


# --- load balancers ---------------------------------------------------------------------------------------------

GOOD_OR_NEW = ("healthy", "unused", "draining", "initial")
"""States of targets that tell of nothing wrong; one that was registered a moment ago is `initial` until its first
health checks are done (Elastic Load Balancing API Reference, TargetHealth)."""


def unhealthy_targets(clients: Clients, service_arn: str) -> tuple[Shown, ...]:
    """Call Elastic Load Balancing DescribeTargetHealth, of the target groups of an ECS service."""
    balanced = (each for service in _services(clients, service_arn) for each in service.get("loadBalancers", ()))
    groups = dict.fromkeys(member(each, "targetGroupArn") for each in balanced if each.get("targetGroupArn"))
    return tuple(text for group in groups for text in _unhealthy(clients, group))


def _unhealthy(clients: Clients, group: str) -> Iterator[Shown]:
    with answered(f"reading the targets of {group} (elasticloadbalancing:DescribeTargetHealth)"):
        found = clients.load_balancers.describe_target_health(TargetGroupArn=group)
    for each in found.get("TargetHealthDescriptions", ()):
        target, health = each.get("Target", {}), each.get("TargetHealth", {})
        if health.get("State") not in GOOD_OR_NEW:
            said = health.get("Description") or health.get("Reason") or "no reason given"
            where = f"{target.get('Id', '')}:{target.get('Port', '')}".strip(":")
            yield plain(f"{where} is {health.get('State')}: {said}")


# --- logs -------------------------------------------------------------------------------------------------------


def log_lines(
    clients: Clients, group: str, stream: str, count: int, since: datetime | None = None, until: datetime | None = None
) -> tuple[Shown, ...]:
    """Call CloudWatch Logs GetLogEvents, from the end of the stream, or of a span of time in it: `startTime` is part of
    it, `endTime` is not, and both are milliseconds (Amazon CloudWatch Logs API Reference, GetLogEvents).
    """
    span: dict[str, Any] = {"startTime": int(since.timestamp() * 1000)} if since else {}
    span |= {"endTime": int(until.timestamp() * 1000)} if until else {}
    try:
        with answered(f"reading the log {group} {stream} (logs:GetLogEvents)"):
            answer = clients.logs.get_log_events(
                logGroupName=group, logStreamName=stream, limit=count, startFromHead=False, **span
            )
    except AwsError as error:
        if error.code == NO_LOG:
            return ()
        raise
    return tuple(reading.log_line(each.get("message")) for each in answer.get("events", ()))


STREAMS = 3
"""Streams of a function that are looked at: its environments write to one each."""


def function_log(clients: Clients, function: str, group: str = "") -> tuple[str, ...]:
    """Call Lambda GetFunctionConfiguration and CloudWatch Logs DescribeLogStreams.

    A function that is gone, as after a creation that was rolled back, wrote to `group`, else to its default log group
    (Lambda Developer Guide, "Sending Lambda function logs to CloudWatch Logs").
    """
    name = function.rpartition(":function:")[2].partition(":")[0] or function
    group = group or f"/aws/lambda/{name}"
    try:
        with answered(f"reading the function {name} (lambda:GetFunctionConfiguration)"):
            found = clients.functions.get_function_configuration(FunctionName=name)
        group = found.get("LoggingConfig", {}).get("LogGroup") or group
    except AwsError as error:
        if error.code != NO_LOG:
            raise
    try:
        with answered(f"reading the log {group} (logs:DescribeLogStreams)"):
            answer = clients.logs.describe_log_streams(
                logGroupName=group, orderBy="LastEventTime", descending=True, limit=STREAMS
            )
    except AwsError as error:
        if error.code == NO_LOG:
            return (group,)
        raise
    return (group, *(name for each in answer.get("logStreams", ()) if (name := each.get("logStreamName"))))


# --- CloudTrail -------------------------------------------------------------------------------------------------


def denied_calls(clients: Clients, since: datetime, until: datetime, count: int) -> tuple[DeniedCall, ...]:
    """Call CloudTrail LookupEvents: it has 90 days of management events, some minutes late."""
    found: list[DeniedCall] = []
    with answered("reading what AWS denied (cloudtrail:LookupEvents)"):
        rows = pages(clients.trail.lookup_events, "Events", StartTime=since, EndTime=until)
        for number, row in enumerate(rows):
            denied = _denied(row)
            found += [denied] if denied else []
            if len(found) >= count or number >= LOOKED_THROUGH:
                break
    return tuple(found)


def _denied(row: Mapping[str, Any]) -> DeniedCall | None:
    try:
        record = json.loads(row.get("CloudTrailEvent") or "{}")
    except ValueError:
        return None
    if not isinstance(record, dict) or not DENIALS.search(str(record.get("errorCode") or "")):
        return None
    service = str(record.get("eventSource", "")).partition(".")[0]
    caller = record.get("userIdentity") or {}
    whose = caller.get("arn") or caller.get("invokedBy") or caller.get("type") or ""
    name = f"{service}:{record.get('eventName', '')}"
    return DeniedCall(row.get("EventTime"), plain(name), plain(str(whose)), plain(record.get("errorMessage")))
