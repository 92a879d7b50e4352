"""Does this failure raise an alarm? Each row of the page's table, computed from what AWS measures when it happens."""

from __future__ import annotations

import re
from math import isnan, nan
from pathlib import Path
from typing import Any

import pytest
from rendering import assembly, environment, properties

PAGE = Path(__file__).parents[2] / "docs" / "layers" / "observability.md"


class Now(float):
    """A metric's value, and that of the period before; by default nothing was reported then."""

    before: float

    def __new__(cls, value: float, before: float = nan) -> Now:
        made = super().__new__(cls, value)
        made.before = before
        return made


def filled(value: float, other: float) -> float:
    """FILL of a value, and of the one before."""
    if isinstance(value, Now):
        return Now(filled(float(value), other), filled(value.before, other))
    return other if isnan(value) else value


MATH = {
    "IF": lambda test, yes, no: yes if test else no,
    "FILL": filled,
    "MAX": max,
    "DIFF": lambda value: value - value.before,
}


def measured(alarm: dict[str, Any], **values: float | None) -> float | None:
    """The value that an alarm compares, in a period in which these metrics have these values; None is missing data."""
    if "Metrics" not in alarm:
        return values[alarm["MetricName"]]
    names: dict[str, Any] = {}
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            value = values.get(query["MetricStat"]["Metric"]["MetricName"])
            names[query["Id"]] = nan if value is None else value
    pending = [query for query in alarm["Metrics"] if "Expression" in query]
    while pending:
        query = next(each for each in pending if _known(each, names))
        names[query["Id"]] = eval(query["Expression"], MATH, names)  # noqa: S307  # our own text
        pending.remove(query)
    [result] = [query["Id"] for query in alarm["Metrics"] if query["ReturnData"]]
    return float(names[result])


def _known(query: dict[str, Any], names: dict[str, Any]) -> bool:
    return {each for each in re.findall(r"[a-z_]+", query["Expression"]) if each not in MATH} <= set(names)


def raised(alarm: dict[str, Any], **values: float | None) -> bool:
    """Whether one period with these values is beyond the alarm's threshold."""
    value = measured(alarm, **values)
    if value is None:
        return bool(alarm["TreatMissingData"] == "breaching")
    below = alarm["ComparisonOperator"] == "LessThanThreshold"
    return bool(value < alarm["Threshold"] if below else value > alarm["Threshold"])


def queue_and_worker(name: str) -> dict[str, Any]:
    layer = "worker" if name in ("ErrorsAlarm", "ThrottlesAlarm") else "queue"
    return properties(layer, f"Notifications{name}")


FAILURES: dict[str, tuple[str, dict[str, float | None]]] = {
    "every message fails, reported one by one": (
        "ErrorsAlarm", {"Errors": 0, "Invocations": 10, "FailedInvokeEventCount": 100, "InvokedEventCount": 100},
    ),
    "every invocation throws": (
        "ErrorsAlarm", {"Errors": 10, "Invocations": 10, "FailedInvokeEventCount": 100, "InvokedEventCount": 100},
    ),
    "messages go to the dead-letter queue": (
        "NewDeadLettersAlarm", {"ApproximateNumberOfMessagesVisible": Now(3, before=0)},
    ),
    "more messages go to a dead-letter queue that is not empty": (
        "NewDeadLettersAlarm", {"ApproximateNumberOfMessagesVisible": Now(8, before=7)},
    ),
    "the first message ever goes to the dead-letter queue": (
        "NewDeadLettersAlarm", {"ApproximateNumberOfMessagesVisible": Now(1)},
    ),
    "the dead-letter queue is not empty": ("DeadLetterAlarm", {"ApproximateNumberOfMessagesVisible": 1}),
    "the worker is stopped": ("AgeAlarm", {"ApproximateAgeOfOldestMessage": 901}),
    "more messages arrive than are consumed": ("DepthAlarm", {"ApproximateNumberOfMessagesVisible": 1001}),
    "Lambda throttles": ("ThrottlesAlarm", {"Throttles": 1}),
}  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_worker_raises_its_alarm(failure: str) -> None:
    """With the values that AWS reports in a period of that failure."""
    name, values = FAILURES[failure]
    assert raised(queue_and_worker(name), **values)


def test_a_healthy_worker_raises_none() -> None:
    """Including a dead-letter queue that somebody has not emptied yet, for the alarm on new ones."""
    errors = {"Errors": 0, "Invocations": 10, "FailedInvokeEventCount": 0, "InvokedEventCount": 100}
    assert not raised(queue_and_worker("ErrorsAlarm"), **errors)
    assert not raised(queue_and_worker("ErrorsAlarm"), Errors=None, Invocations=None)
    assert not raised(queue_and_worker("NewDeadLettersAlarm"), ApproximateNumberOfMessagesVisible=Now(7, before=7))
    assert not raised(queue_and_worker("NewDeadLettersAlarm"), ApproximateNumberOfMessagesVisible=Now(0, before=7))


@pytest.mark.parametrize("timeout", [1, 5, 60, 61, 300, 900])
def test_a_message_that_always_fails_gets_as_old_as_the_alarm(timeout: int) -> None:
    """SQS measures a message until its third receive: it is two visibility timeouts old then, and no older."""
    worker = f"{{name: a, queue: notifications, timeout: {timeout}}}"
    env = environment(f"queues: [{{name: notifications}}]\nworkers: [{worker}]")
    [queue] = env.queues
    assert env.age_alarm(queue) < 2 * env.visibility(queue)


API_FAILURES: dict[str, tuple[str, str, dict[str, float | None]]] = {
    "no task is left": ("NoTasksAlarm", "api: {schedule: []}", {"HealthyHostCount": None}),
    "no task is healthy": ("NoTasksAlarm", "api: {schedule: []}", {"HealthyHostCount": 0}),
    "no task is left while requests arrive": (
        "NoTasksAlarm", "", {"HealthyHostCount": None, "RequestCount": 0, "HTTPCode_ELB_5XX_Count": 1},
    ),
    "the API answers with errors": (
        "ErrorRateAlarm", "", {"RequestCount": 100, "HTTPCode_Target_5XX_Count": 6, "HTTPCode_ELB_5XX_Count": 0},
    ),
    "all tasks are gone": (
        "ErrorRateAlarm", "", {"RequestCount": 0, "HTTPCode_Target_5XX_Count": None, "HTTPCode_ELB_5XX_Count": 50},
    ),
    "the weekly refresh is refused": ("RefreshFailedAlarm", "", {"TargetErrorCount": 1}),
    "AWS WAF blocks many requests": ("BlockedRequestsAlarm", "api: {waf: {}}", {"BlockedRequests": 101}),
    "the weekly refresh is skipped": ("RefreshDroppedAlarm", "", {"InvocationDroppedCount": 1}),
}  # fmt: skip


@pytest.mark.parametrize("failure", API_FAILURES)
def test_a_failing_api_raises_its_alarm(failure: str) -> None:
    """Missing data among it."""
    name, over, values = API_FAILURES[failure]
    assert raised(properties("api", name, over), **values)


def test_a_sleeping_api_raises_none() -> None:
    """At night nobody asks, and there is no task."""
    asleep = {"HealthyHostCount": None, "RequestCount": None, "HTTPCode_ELB_5XX_Count": None}
    night = "api: {schedule: [{name: night, cron: cron(0 20 ? * MON-FRI *), min: 0, max: 0}]}"
    assert not raised(properties("api", "NoTasksAlarm", night), **asleep)


@pytest.mark.long
def test_the_page_has_each_of_these_failures_and_no_alarm_that_does_not_exist() -> None:
    """The table is what on-call reads."""
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| `([\w<>]+)` \|", text, re.MULTILINE)
    told = {(failure, name.removeprefix("<Queue>").removeprefix("<Worker>")) for failure, name in rows}
    tried = {(failure, found[0]) for failure, found in (FAILURES | API_FAILURES).items()}
    assert tried <= told
    alarms = {
        logical_id
        for template in assembly("api: {waf: {}}").templates
        for logical_id, each in template.body["Resources"].items()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert all(any(alarm.endswith(name) for alarm in alarms) for _, name in told)
