"""The observability layer: one dashboard over all layers, and one alarm that says whether the service is well.

It comes last, because API and workers deploy side by side and a dashboard in either would have to wait for the other.
Both show and watch only what this environment has.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, Ref, Sub
from troposphere.cloudwatch import CompositeAlarm, Dashboard

from infragen.config import Environment
from infragen.layers import queue, worker
from infragen.layers.api import (
    EcsClusterName,
    EcsServiceName,
    ErrorRateAlarmArn,
    LoadBalancerFullName,
    TargetGroupFullName,
)
from infragen.layers.contract import Layer, LayerOutput, Template, named
from infragen.layers.database import ClusterIdentifier, ConnectionsAlarmArn
from infragen.layers.network import AlarmTopicArn

DashboardName = LayerOutput("observability", "DashboardName", "Name of the CloudWatch dashboard", for_people=True)
ServiceAlarmArn = LayerOutput(
    "observability", "ServiceAlarmArn", "Alarm over all others, for a pager to subscribe to", for_people=True
)

ALARMS_PER_RULE = 40
"""An alarm rule holds at most 100 alarms and 10,240 characters (CloudWatch User Guide, "Creating a composite alarm");
40 ARNs of at most 250 characters fit."""

GRID, HEADING_HEIGHT, HEIGHT = 24, 1, 6
"""The dashboard's width, and the heights of headings and graphs, in CloudWatch's units."""


@dataclass(frozen=True)
class Graph:
    """One graph: `metrics` as the dashboard's JSON wants them, `stat` for those that name none."""

    title: str
    metrics: Sequence[list[Any]]
    stat: str = "Sum"
    unit: str = ""


def enabled(env: Environment) -> bool:
    """Return whether there is anything to observe."""
    return env.observed


def inputs(env: Environment) -> tuple[LayerOutput, ...]:
    """Return what the graphs and the service alarm name."""
    api = (LoadBalancerFullName, TargetGroupFullName, EcsClusterName, EcsServiceName) if env.api else ()
    database = (ClusterIdentifier,) if env.database else ()
    functions = tuple(worker.outputs_of(each)[0] for each in env.workers)
    return (AlarmTopicArn, *api, *database, *functions, *_watched(env))


def outputs(env: Environment) -> tuple[LayerOutput, ...]:
    """Return what people look for."""
    return (DashboardName, ServiceAlarmArn)


def build(env: Environment) -> Template:
    """Return the template with dashboard and service alarm."""
    template = Template()
    template.add_resource(
        Dashboard("Dashboard", DashboardName=named("service"), DashboardBody=_body(_layout(_sections(env))))
    )
    _add_service_alarm(template, [each.name for each in _watched(env)])
    template.add_output(DashboardName.publish(Ref("Dashboard")))
    template.add_output(ServiceAlarmArn.publish(GetAtt("ServiceAlarm", "Arn")))
    return template


def _watched(env: Environment) -> tuple[LayerOutput, ...]:
    """Return the alarms under the service alarm."""
    return (
        *((ErrorRateAlarmArn,) if env.api else ()),
        *((ConnectionsAlarmArn,) if env.database else ()),
        *(queue.of(each).backlog_alarm_arn for each in env.queues),
        *(worker.outputs_of(each)[1] for each in env.workers),
    )


def _add_service_alarm(template: Template, alarms: Sequence[str]) -> None:
    """Add one alarm over all; when they are too many for one rule, over groups of them."""
    if len(alarms) > ALARMS_PER_RULE:
        groups = [alarms[first : first + ALARMS_PER_RULE] for first in range(0, len(alarms), ALARMS_PER_RULE)]
        alarms = [f"AlarmGroup{number}" for number in range(1, len(groups) + 1)]
        for name, members in zip(alarms, groups, strict=True):
            description = f"Any of {len(members)} alarms; for the service alarm"
            template.add_resource(CompositeAlarm(name, AlarmDescription=description, AlarmRule=_any_of(members)))
    template.add_resource(
        CompositeAlarm(
            "ServiceAlarm",
            AlarmName=named("service"),
            AlarmDescription="The service is not well: errors, a backlog, or too many database connections",
            AlarmRule=_any_of(alarms),
            AlarmActions=[AlarmTopicArn.ref()],
            OKActions=[AlarmTopicArn.ref()],
        )
    )


def _any_of(alarms: Iterable[str]) -> Sub:
    """Return a rule over alarms; each is the parameter with an ARN, or the logical id of an alarm in this template."""
    return Sub(" OR ".join(f'ALARM("${{{alarm}}}")' for alarm in alarms))


def _body(widgets: Iterable[dict[str, Any]]) -> Sub:
    """Return the dashboard's JSON, a line a widget, so that a review shows which of them changed."""
    lines = ",\n".join(json.dumps(widget) for widget in widgets)
    return Sub(f'{{"widgets": [\n{lines}\n]}}')


def _layout(sections: Iterable[tuple[str, Sequence[Graph]]]) -> list[dict[str, Any]]:
    """Return widgets from top to bottom: a heading a section, its graphs side by side."""
    widgets: list[dict[str, Any]] = []
    y = 0
    for title, graphs in sections:
        place = {"x": 0, "y": y, "width": GRID, "height": HEADING_HEIGHT}
        widgets.append({"type": "text", **place, "properties": {"markdown": f"## {title}"}})
        y += HEADING_HEIGHT
        width = GRID // len(graphs)
        for column, graph in enumerate(graphs):
            place = {"x": column * width, "y": y, "width": width, "height": HEIGHT}
            widgets.append({"type": "metric", **place, "properties": _properties(graph)})
        y += HEIGHT
    return widgets


def _properties(graph: Graph) -> dict[str, Any]:
    axis = {"min": 0, **({"label": graph.unit, "showUnits": False} if graph.unit else {})}
    return {
        "title": graph.title,
        "region": "${AWS::Region}",
        "view": "timeSeries",
        "period": 60,
        "stat": graph.stat,
        "yAxis": {"left": axis},
        "metrics": list(graph.metrics),
    }


def _sections(env: Environment) -> list[tuple[str, Sequence[Graph]]]:
    sections: list[tuple[str, Sequence[Graph]]] = []
    if env.api:
        sections.append(("API", _api()))
    if env.database:
        sections.append(("Database", _database(bool(env.database.readers))))
    if env.queues:
        sections.append(("Queues", _queues(env)))
    if env.workers:
        sections.append(("Workers", _workers(env)))
    return sections


def _api() -> list[Graph]:
    balancer = ["LoadBalancer", f"${{{LoadBalancerFullName.name}}}"]
    tasks = ["TargetGroup", f"${{{TargetGroupFullName.name}}}", *balancer]
    service = ["ClusterName", f"${{{EcsClusterName.name}}}", "ServiceName", f"${{{EcsServiceName.name}}}"]
    elb, ecs = "AWS/ApplicationELB", "AWS/ECS"
    rate = "100 * (FILL(target, 0) + FILL(elb, 0)) / requests"
    return [
        Graph(
            "Latency",
            [[elb, "TargetResponseTime", *balancer, {"stat": stat, "label": stat}] for stat in ("p50", "p95", "p99")],
            unit="seconds",
        ),
        Graph(
            "Errors",
            [
                [{"expression": rate, "id": "rate", "label": "5xx"}],
                [elb, "HTTPCode_Target_5XX_Count", *balancer, {"id": "target", "visible": False}],
                [elb, "HTTPCode_ELB_5XX_Count", *balancer, {"id": "elb", "visible": False}],
                [elb, "RequestCount", *balancer, {"id": "requests", "visible": False}],
            ],
            unit="percent of requests",
        ),
        Graph("Throughput", [[elb, "RequestCount", *balancer, {"label": "requests"}]], unit="per minute"),
        Graph(
            "Tasks",
            [
                [ecs, "CPUUtilization", *service, {"label": "CPU %"}],
                [ecs, "MemoryUtilization", *service, {"label": "memory %"}],
                [elb, "HealthyHostCount", *tasks, {"label": "healthy tasks", "yAxis": "right", "stat": "Minimum"}],
            ],
            stat="Average",
        ),
    ]


def _database(readers: bool) -> list[Graph]:
    """Return the graphs of the database. SelectLatency and DMLLatency would say more, but Aurora PostgreSQL has neither
    (Aurora User Guide, "Amazon CloudWatch metrics for Amazon Aurora").
    """
    cluster = ["DBClusterIdentifier", f"${{{ClusterIdentifier.name}}}"]
    roles = ("WRITER", "READER") if readers else ("WRITER",)

    def by_role(metric: str, label: str) -> list[list[Any]]:
        return [["AWS/RDS", metric, *cluster, "Role", role, {"label": f"{role.lower()} {label}"}] for role in roles]

    return [
        Graph("Connections", by_role("DatabaseConnections", "connections"), "Maximum"),
        Graph(
            "Load",
            [*by_role("CPUUtilization", "CPU"), *by_role("ACUUtilization", "ACU")],
            "Average",
            "percent",
        ),
        Graph("Capacity", by_role("ServerlessDatabaseCapacity", "capacity"), "Average", "ACU"),
        Graph(
            "Latency and commits of the writer",
            [
                ["AWS/RDS", "CommitThroughput", *cluster, "Role", "WRITER", {"label": "commits/s", "yAxis": "right"}],
                ["AWS/RDS", "CommitLatency", *cluster, "Role", "WRITER", {"label": "commit"}],
                [{"expression": "1000 * reads", "label": "read from storage"}],
                [{"expression": "1000 * writes", "label": "write to storage"}],
                ["AWS/RDS", "ReadLatency", *cluster, "Role", "WRITER", {"id": "reads", "visible": False}],
                ["AWS/RDS", "WriteLatency", *cluster, "Role", "WRITER", {"id": "writes", "visible": False}],
            ],
            "Average",
            "milliseconds",
        ),
    ]


def _queues(env: Environment) -> list[Graph]:
    names = {each.name: queue.name_of(each).data["Fn::Sub"] for each in env.queues}
    dead = {each.name: queue.dead_letter_name_of(each).data["Fn::Sub"] for each in env.queues}

    def line_each(metric: str, queues: dict[str, str]) -> list[list[Any]]:
        return [["AWS/SQS", metric, "QueueName", name, {"label": label}] for label, name in queues.items()]

    visible = "ApproximateNumberOfMessagesVisible"
    return [
        Graph("Waiting", line_each(visible, names), "Maximum", "messages"),
        Graph("In flight", line_each("ApproximateNumberOfMessagesNotVisible", names), "Maximum", "messages"),
        Graph("Dead letters", line_each(visible, dead), "Maximum", "messages"),
        Graph("Age of the oldest", line_each("ApproximateAgeOfOldestMessage", names), "Maximum", "seconds"),
    ]


def _workers(env: Environment) -> list[Graph]:
    functions = {each.name: f"${{{worker.outputs_of(each)[0].name}}}" for each in env.workers}

    def line_each(metric: str, suffix: str = "") -> list[list[Any]]:
        return [
            ["AWS/Lambda", metric, "FunctionName", function, {"label": f"{name}{suffix}"}]
            for name, function in functions.items()
        ]

    return [
        Graph("Duration (p95)", line_each("Duration"), "p95", "milliseconds"),
        Graph(
            "Invocations",
            [
                *line_each("Invocations", " invocations"),
                *line_each("Errors", " errors"),
                *line_each("Throttles", " throttles"),
            ],
            "Sum",
            "per minute",
        ),
        Graph("Concurrency", line_each("ConcurrentExecutions"), "Maximum", "executions"),
    ]


LAYER = Layer(
    name="observability",
    title="Observability",
    about="Dashboard over all layers, service alarm",
    enabled=enabled,
    inputs=inputs,
    outputs=outputs,
    build=build,
)
