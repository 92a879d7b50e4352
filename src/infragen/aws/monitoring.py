"""How an environment does, on boto3 (`cloud.monitoring.Monitoring`): services, tasks, metrics, alarms, sources.

Reads only. No value of a secret is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infragen.aws.account_reads import asked
from infragen.aws.diagnosis import TASKS_AT_ONCE
from infragen.aws.reading import batches, member, next_page, pages, plain
from infragen.aws.session import Clients
from infragen.cloud.monitoring import (
    AlarmQuery,
    EventSource,
    Metric,
    Points,
    RaisedAlarm,
    ServiceState,
    ServiceTask,
    TaskContainerState,
)

SERVICES_AT_ONCE = 10
"""How many services DescribeServices takes (Amazon ECS API Reference, read 2026-11-29)."""

METRICS_AT_ONCE = 500
"""How many metrics GetMetricData takes (CloudWatch API Reference, GetMetricData, read 2026-11-29)."""

ALARMS_AT_ONCE = 100
"""How many alarms DescribeAlarms takes by name, and gives in a page (CloudWatch API Reference, DescribeAlarms)."""

MINUTE = 60
KINDS: Any = ["MetricAlarm", "CompositeAlarm"]
"""Without them DescribeAlarms gives no composite alarms (CloudWatch API Reference, DescribeAlarms)."""


@dataclass(frozen=True)
class MonitoringCalls:
    """The Monitoring on boto3."""

    clients: Clients

    def service_states(self, cluster: str, names: Sequence[str]) -> tuple[ServiceState, ...]:
        """Call ECS DescribeServices, once for ten services."""
        found: list[ServiceState] = []
        for some in batches(names, SERVICES_AT_ONCE):
            with asked("ecs:DescribeServices", f"reading the services {', '.join(some)}"):
                answer = self.clients.ecs.describe_services(cluster=cluster, services=some)
                found += map(_service, member(answer, "services"))
        return tuple(found)

    def cluster_tasks(self, cluster: str) -> tuple[ServiceTask, ...]:
        """Call ECS ListTasks, all pages, once for what runs and once for what stopped, and DescribeTasks once for a
        hundred. What is being provisioned is listed as RUNNING (Amazon ECS API Reference, ListTasks, desiredStatus).
        """
        arns: dict[str, None] = {}  # filled inside `asked`, which reports what is no text
        for status in ("RUNNING", "STOPPED"):
            with asked("ecs:ListTasks", f"listing the tasks of {cluster}"):
                given = {"cluster": cluster, "desiredStatus": status}
                arns |= dict.fromkeys(pages(self.clients.ecs.list_tasks, "taskArns", leads="nextToken", **given))
        found: list[ServiceTask] = []
        for some in batches(list(arns), TASKS_AT_ONCE):
            with asked("ecs:DescribeTasks", f"reading the tasks of {cluster}"):
                found += map(_task, member(self.clients.ecs.describe_tasks(cluster=cluster, tasks=some), "tasks"))
        return tuple(found)

    def points(self, metrics: Sequence[Metric], since: float, until: float) -> Mapping[Metric, Points]:
        """Call CloudWatch GetMetricData, all pages, once for 500 metrics. A metric without values has none."""
        found: dict[Metric, Points] = {}
        begin, end = (datetime.fromtimestamp(each, UTC) for each in (since, until))
        for some in batches(list(dict.fromkeys(metrics)), METRICS_AT_ONCE):
            by_id = {f"m{number}": each for number, each in enumerate(some)}
            queries = [_query(name, each) for name, each in by_id.items()]
            values: dict[str, dict[float, float]] = {name: {} for name in by_id}
            with asked("cloudwatch:GetMetricData", "reading metrics"):
                given: Any = {"MetricDataQueries": queries, "StartTime": begin, "EndTime": end}
                rows = pages(self.clients.metrics.get_metric_data, "MetricDataResults", **given)
                for row in rows:
                    pairs = zip(member(row, "Timestamps"), member(row, "Values"), strict=True)
                    values[member(row, "Id")] |= {time.timestamp(): float(value) for time, value in pairs}
            found |= {by_id[name]: Points(tuple(sorted(each.items(), reverse=True))) for name, each in values.items()}
        return found

    def raised_alarms(self, query: AlarmQuery) -> tuple[RaisedAlarm, ...]:
        """Call CloudWatch DescribeAlarms, all pages: by prefix, and once more for a hundred names."""
        questions: list[dict[str, Any]] = [{"AlarmNamePrefix": query.prefix}]
        questions += [{"AlarmNames": some} for some in batches(query.names, ALARMS_AT_ONCE)]
        found: dict[str, RaisedAlarm] = {}
        for question in questions:
            with asked("cloudwatch:DescribeAlarms", "reading the alarms that are raised"):
                given: dict[str, Any] = {**question, "StateValue": "ALARM", "AlarmTypes": KINDS}
                given["MaxRecords"] = ALARMS_AT_ONCE
                seen = set[str]()
                while True:
                    answer = self.clients.metrics.describe_alarms(**given)
                    found |= {each.name: each for each in _alarms(answer)}
                    following = next_page(answer, seen, "NextToken")
                    if not following:
                        break
                    given["NextToken"] = following
        return tuple(found.values())

    def event_sources(self, functions: Sequence[str], uuids: Sequence[str]) -> tuple[EventSource, ...]:
        """Call Lambda ListEventSourceMappings without a filter, a hundred of the region's mappings at a time, until
        those of each function and UUID were seen: one call instead of one for each function.
        """
        wanted, known = {*functions}, {*uuids}
        found: list[EventSource] = []
        missing = {*functions, *uuids}
        if not missing:
            return ()
        with asked("lambda:ListEventSourceMappings", "reading the event sources of the workers"):
            given: dict[str, Any] = {"MaxItems": 100}
            seen = set[str]()
            while missing:
                answer = self.clients.functions.list_event_source_mappings(**given)
                for each in map(_event_source, member(answer, "EventSourceMappings")):
                    if each.function in wanted or each.uuid in known:
                        found.append(each)
                        missing -= {each.function, each.uuid}
                following = next_page(answer, seen, "NextMarker")
                if not following:
                    break
                given["Marker"] = following
        return tuple(found)


def _service(row: Mapping[str, Any]) -> ServiceState:
    deployments = row.get("deployments") or ()
    primary: Mapping[str, Any] = next((each for each in deployments if each.get("status") == "PRIMARY"), {})
    balanced = (str(each.get("containerName") or "") for each in row.get("loadBalancers") or ())
    return ServiceState(
        arn=str(member(row, "serviceArn")),
        name=str(member(row, "serviceName")),
        status=str(member(row, "status")),
        desired=int(row.get("desiredCount") or 0),
        running=int(row.get("runningCount") or 0),
        pending=int(row.get("pendingCount") or 0),
        task_definition=str(primary.get("taskDefinition") or ""),
        rollout=str(primary.get("rolloutState") or ""),
        rollout_reason=plain(primary.get("rolloutStateReason")),
        container=next((each for each in balanced if each), ""),
    )


def _task(row: Mapping[str, Any]) -> ServiceTask:
    containers = (
        TaskContainerState(
            name=str(each.get("name") or ""),
            image=str(each.get("image") or ""),
            digest=str(each.get("imageDigest") or ""),
            exit_code=each.get("exitCode"),
            reason=plain(each.get("reason")),
        )
        for each in row.get("containers") or ()
    )
    return ServiceTask(
        arn=str(member(row, "taskArn")),
        group=str(row.get("group") or ""),
        status=str(member(row, "lastStatus")),
        health=str(row.get("healthStatus") or ""),
        task_definition=str(row.get("taskDefinitionArn") or ""),
        stop_code=plain(row.get("stopCode")),
        reason=plain(row.get("stoppedReason")),
        stopped=row.get("stoppedAt"),
        containers=tuple(containers),
    )


def _query(name: str, metric: Metric) -> dict[str, Any]:
    dimensions = [{"Name": key, "Value": value} for key, value in metric.dimensions]
    source = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": source, "Period": MINUTE, "Stat": metric.statistic}}


def _alarms(answer: Mapping[str, Any]) -> Iterable[RaisedAlarm]:
    """Yield the alarms of an answer, which has a list for each kind."""
    for kind in ("MetricAlarms", "CompositeAlarms"):
        for row in answer.get(kind) or ():
            # the first is when it was raised, the second when anything of its state was written
            since = row.get("StateTransitionedTimestamp") or row.get("StateUpdatedTimestamp")
            name = str(member(row, "AlarmName"))
            yield RaisedAlarm(name, since, plain(row.get("StateReason")), composite=kind == "CompositeAlarms")


def _event_source(row: Mapping[str, Any]) -> EventSource:
    return EventSource(
        uuid=str(member(row, "UUID")),
        function=str(member(row, "FunctionArn")).rpartition(":function:")[2].partition(":")[0],
        source=str(row.get("EventSourceArn") or ""),
        state=str(member(row, "State")),
        reason=plain(row.get("StateTransitionReason")),
        last_result=plain(row.get("LastProcessingResult")),
    )
