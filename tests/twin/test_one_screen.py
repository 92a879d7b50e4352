"""`infragen ps` on a system that runs: what the screen says is what its tasks, queues and secrets really do."""

import json
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any

import pytest
from twins import PATIENCE, System, until

pytestmark = pytest.mark.twin


def document(system: System, command: str = "ps") -> dict[str, Any]:
    """Return what a command says for programs."""
    told = system.infragen(command, "--format", "json")
    found: dict[str, Any] = json.loads(told[told.index("{") :])
    return found


def test_the_screen_of_a_running_system(system: System) -> None:
    """Its task is healthy, with the placeholder's digest; nothing is denied; what is not measured there is -."""
    found = until(lambda: (seen := document(system))["services"][0]["healthy"] and seen, "a healthy task")
    api = found["services"][0]
    assert (api["running"], api["desired"], api["rollout"]) == (1, 1, "COMPLETED")
    assert api["digest"].startswith("sha256:")
    assert found["unread"] == []
    assert (found["databases"][0]["acu"], api["cpu"]) == (None, None)
    assert found["databases"][0]["next_rotation"] > found["time"]
    screen = system.infragen("ps")
    assert "1 of 1 running, 1 healthy" in screen
    assert "cpu -  memory -" in screen


def test_messages_and_dead_letters_are_counted_as_they_are(system: System) -> None:
    """What waits has a number; what is dead is trouble, with the command that looks at it."""
    outputs = document(system, "outputs")
    queue, dead = outputs["NotificationsQueueUrl"], outputs["NotificationsDeadLetterUrl"]
    sqs = system.client("sqs")
    before = document(system)["workers"][0]
    sqs.send_message(QueueUrl=dead, MessageBody="dead")
    sqs.send_message(QueueUrl=queue, MessageBody="alive")
    found = until(lambda: (seen := document(system))["workers"][0]["queue"]["dead_letters"] and seen, "the dead letter")
    worker = found["workers"][0]
    assert worker["queue"]["dead_letters"] == (before["queue"]["dead_letters"] or 0) + 1
    assert worker["queue"]["waiting"] is not None
    assert ("notifications", True) in {(each["where"], each["trouble"]) for each in found["advice"]}
    assert any("redrive" in each["command"] and "--local" in each["command"] for each in found["advice"])
    system.infragen("ps", "--fail-on-trouble", ok=False)
    for url in (queue, dead):
        sqs.purge_queue(QueueUrl=url)


def test_an_alarm_that_is_raised_is_shown_with_its_name(system: System) -> None:
    """By its logical id, since when, and where to look."""
    cloudwatch = system.client("cloudwatch")
    names = [each["AlarmName"] for each in cloudwatch.describe_alarms(AlarmNamePrefix="shop-dev-")["MetricAlarms"]]
    name = next(each for each in names if "NotificationsAgeAlarm" in each)
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    raised = {each["name"]: each for each in document(system)["alarms"]}
    assert raised["NotificationsAgeAlarm"]["layer"] == "queue"
    assert raised["NotificationsAgeAlarm"]["since"]
    assert "infragen docs on-call" in system.infragen("ps")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="the end of the test")


def test_requests_are_counted(system: System) -> None:
    """Those that the load balancer answered, well or with 5xx."""
    before = document(system)
    with suppress(urllib.error.HTTPError):
        urllib.request.urlopen(before["url"], timeout=PATIENCE).close()  # noqa: S310  # of this machine
    assert document(system)["services"][0]["requests"] > before["services"][0]["requests"]
