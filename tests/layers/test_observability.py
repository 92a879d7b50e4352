"""The observability layer: the dashboard and the service alarm hold what the environment has, and nothing else."""

import json
import re
from typing import Any

import pytest
from rendering import assembly, properties, resources, template

from infragen.layers.observability import ALARMS_PER_RULE, GRID


def dashboard(over: str = "") -> list[dict[str, Any]]:
    """The widgets, with every variable of the body replaced by its name."""
    text = properties("observability", "Dashboard", over)["DashboardBody"]["Fn::Sub"]
    widgets: list[dict[str, Any]] = json.loads(re.sub(r"\$\{([^}]+)\}", r"<\1>", text))["widgets"]
    return widgets


def headings(over: str = "") -> list[str]:
    return [each["properties"]["markdown"].removeprefix("## ") for each in dashboard(over) if each["type"] == "text"]


def graph(title: str, over: str = "") -> list[list[Any]]:
    """The metrics of one graph."""
    [found] = [each for each in dashboard(over) if each["properties"].get("title") == title]
    metrics: list[list[Any]] = found["properties"]["metrics"]
    return metrics


def metric_names(over: str = "") -> set[str]:
    graphs = [each["properties"]["metrics"] for each in dashboard(over) if each["type"] == "metric"]
    return {line[1] for metrics in graphs for line in metrics if isinstance(line[0], str)}


@pytest.mark.parametrize(
    ("over", "sections"),
    [
        ("", ["API", "Database", "Queues", "Workers"]),
        ("api: null", ["Database", "Queues", "Workers"]),
        ("database: null", ["API", "Queues", "Workers"]),
        ("workers: []", ["API", "Database", "Queues"]),
        ("workers: []\nqueues: []\ndatabase: null", ["API"]),
    ],
)
def test_the_dashboard_has_a_section_for_every_layer_that_is_on(over: str, sections: list[str]) -> None:
    """And none for a layer that is off."""
    assert headings(over) == sections


def test_without_anything_to_observe_there_is_no_such_layer() -> None:
    """A network alone has no dashboard."""
    over = "api: null\ndatabase: null\nworkers: []\nqueues: []"
    assert [each.layer for each in assembly(over).templates] == ["network"]


def test_the_dashboard_shows_what_people_ask_for() -> None:
    """Latency, errors, throughput; connections, load, queries; depth and age; duration, errors, throttles."""
    assert metric_names() >= {
        "TargetResponseTime", "HTTPCode_Target_5XX_Count", "RequestCount", "MemoryUtilization",
        "DatabaseConnections", "CPUUtilization", "ACUUtilization", "ServerlessDatabaseCapacity", "CommitLatency",
        "CommitThroughput",
        "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible", "ApproximateAgeOfOldestMessage",
        "Duration", "Invocations", "Errors", "Throttles", "ConcurrentExecutions",
    }  # fmt: skip
    assert [line[-1]["stat"] for line in graph("Latency")] == ["p50", "p95", "p99"]


def test_no_graph_lies_on_another_or_over_the_edge() -> None:
    """Every widget has a place of its own in the grid."""
    taken: set[tuple[int, int]] = set()
    for each in dashboard():
        cells = {
            (x, y)
            for x in range(each["x"], each["x"] + each["width"])
            for y in range(each["y"], each["y"] + each["height"])
        }
        assert not cells & taken
        assert each["x"] + each["width"] <= GRID
        taken |= cells


def test_every_metric_line_is_namespace_name_and_pairs_of_dimensions() -> None:
    """CloudWatch shows nothing for a line of another form."""
    for each in dashboard():
        for line in each["properties"].get("metrics", []):
            *words, options = line
            assert isinstance(options, dict)
            if words:
                assert len(words) % 2 == 0
                assert words[0].startswith("AWS/")
            else:
                assert "expression" in options


def test_each_queue_and_each_worker_has_its_line() -> None:
    """Lines carry the names of the file."""
    over = "queues: [{name: a, fifo: true}, {name: b}]\nworkers: [{name: one, queue: a}, {name: two, queue: b}]"
    name = "<ProjectName>-<EnvironmentName>"
    assert [line[3] for line in graph("Waiting", over)] == [f"{name}-a.fifo", f"{name}-b"]
    assert [line[3] for line in graph("Dead letters", over)] == [f"{name}-a-dlq.fifo", f"{name}-b-dlq"]
    assert [(line[3], line[4]["label"]) for line in graph("Duration (p95)", over)] == [
        ("<OneFunctionName>", "one"),
        ("<TwoFunctionName>", "two"),
    ]


def test_readers_are_shown_beside_the_writer() -> None:
    """`database.readers` adds their connections and load."""
    assert {line[5] for line in graph("Connections")} == {"WRITER"}
    assert {line[5] for line in graph("Connections", "database: {readers: 1}")} == {"WRITER", "READER"}


def test_the_service_alarm_rises_with_any_alarm_below_it_and_notifies() -> None:
    """API errors, database connections, every backlog, every worker's errors."""
    alarm = properties("observability", "ServiceAlarm")
    assert alarm["AlarmRule"]["Fn::Sub"].split(" OR ") == [
        'ALARM("${ErrorRateAlarmArn}")',
        'ALARM("${ConnectionsAlarmArn}")',
        'ALARM("${NotificationsBacklogAlarmArn}")',
        'ALARM("${NotificationsErrorsAlarmArn}")',
    ]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
    without = properties("observability", "ServiceAlarm", "api: null\nworkers: []")["AlarmRule"]["Fn::Sub"]
    assert without.split(" OR ") == ['ALARM("${ConnectionsAlarmArn}")', 'ALARM("${NotificationsBacklogAlarmArn}")']


@pytest.mark.long
def test_more_alarms_than_a_rule_can_hold_are_grouped() -> None:
    """CloudWatch takes 100 alarms and 10,240 characters a rule; the service alarm then watches groups."""
    over = "workers: []\nqueues: [" + ", ".join(f"{{name: q{n}}}" for n in range(50)) + "]"
    rules = {
        name: re.findall(r'ALARM\("\$\{(\w+)\}"\)', each["Properties"]["AlarmRule"]["Fn::Sub"])
        for name, each in resources("observability", over, "AWS::CloudWatch::CompositeAlarm").items()
    }
    assert rules.pop("ServiceAlarm") == ["AlarmGroup1", "AlarmGroup2"]
    assert all(len(members) <= ALARMS_PER_RULE for members in rules.values())
    watched = [member for members in rules.values() for member in members]
    assert watched == ["ErrorRateAlarmArn", "ConnectionsAlarmArn", *(f"Q{n}BacklogAlarmArn" for n in range(50))]


def test_people_learn_where_to_look() -> None:
    """The outputs name the dashboard and the alarm for a pager."""
    assert set(template("observability")["Outputs"]) == {"DashboardName", "ServiceAlarmArn"}
    assert {"DashboardName", "ServiceAlarmArn", "AlarmTopicArn"} <= set(assembly().root().body["Outputs"])
