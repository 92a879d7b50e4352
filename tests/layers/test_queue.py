"""The queue layer: every setting of a queue is seen in its resources."""

from typing import Any

import pytest
from rendering import properties, resources, template

QUEUE = "queues: [{name: notifications, %s}]"


def test_each_queue_has_its_own_resources() -> None:
    """Two queues are twice the resources of one, with names made of their own."""
    over = "queues: [{name: notifications}, {name: order-events}]"
    names = {
        each["Properties"]["QueueName"]["Fn::Sub"] for each in resources("queue", over, "AWS::SQS::Queue").values()
    }
    assert names == {
        f"${{ProjectName}}-${{EnvironmentName}}-{name}"
        for name in ("notifications", "notifications-dlq", "order-events", "order-events-dlq")
    }
    assert len(resources("queue", over)) == 2 * len(resources("queue"))
    published = ("OrderEventsQueueUrl", "OrderEventsDeadLetterUrl", "OrderEventsQueueArn", "OrderEventsBacklogAlarmArn")
    assert {*published} <= {*template("queue", over)["Outputs"]}


@pytest.mark.long
def test_dead_letter_queues_are_outputs_as_long_as_all_of_them_fit() -> None:
    """A template has 200 outputs, and four for each queue of 50 are all of them."""
    for count, expected in ((50, 200), (51, 153)):
        queues = ", ".join(f"{{name: q{number}}}" for number in range(count))
        assert len(template("queue", f"queues: [{queues}]\nworkers: []\napi: null")["Outputs"]) == expected


def test_retention_is_the_queues_own_and_fourteen_days_for_dead_letters() -> None:
    """`retention_days` reaches the queue in seconds; its dead-letter queue keeps messages the longest SQS allows."""
    over = QUEUE % "retention_days: 9"
    assert properties("queue", "NotificationsQueue", over)["MessageRetentionPeriod"] == 9 * 86400
    assert properties("queue", "NotificationsDlq", over)["MessageRetentionPeriod"] == 14 * 86400


@pytest.mark.parametrize(
    ("worker", "seconds"),
    [
        ("{name: w, queue: notifications}", 365),
        ("{name: w, queue: notifications, timeout: 300, batch_window: 10}", 1810),
        ("{name: w, queue: notifications, timeout: 1, batch_window: 0}", 30),
    ],
)
def test_visibility_is_six_timeouts_and_the_batch_window_of_its_worker(worker: str, seconds: int) -> None:
    """AWS's rule, so that a message is not given out again while it is worked on; never below 30 s."""
    over = f"queues: [{{name: notifications}}]\nworkers: [{worker}]"
    assert properties("queue", "NotificationsQueue", over)["VisibilityTimeout"] == seconds


def test_a_given_visibility_wins() -> None:
    """`visibility_seconds` replaces the computed value."""
    over = QUEUE % "visibility_seconds: 900"
    assert properties("queue", "NotificationsQueue", over)["VisibilityTimeout"] == 900


def test_a_message_moves_to_the_dead_letter_queue_after_max_receives() -> None:
    """`max_receives` is the redrive policy's count; the dead-letter queue takes messages of this queue only."""
    over = QUEUE % "max_receives: 3"
    redrive = properties("queue", "NotificationsQueue", over)["RedrivePolicy"]
    assert redrive == {"deadLetterTargetArn": {"Fn::GetAtt": ["NotificationsDlq", "Arn"]}, "maxReceiveCount": 3}
    allowed = properties("queue", "NotificationsDlq", over)["RedriveAllowPolicy"]
    assert allowed["redrivePermission"] == "byQueue"
    [source] = allowed["sourceQueueArns"]
    assert source["Fn::Sub"].endswith(":${ProjectName}-${EnvironmentName}-notifications")


def test_a_fifo_queue_and_its_dead_letter_queue_are_both_fifo() -> None:
    """`fifo` names and marks both; the queue has high throughput and deduplicates by content unless told not to."""
    over = QUEUE % "fifo: true"
    for name in ("NotificationsQueue", "NotificationsDlq"):
        assert properties("queue", name, over)["FifoQueue"] is True
        assert properties("queue", name, over)["QueueName"]["Fn::Sub"].endswith(".fifo")
    queue = properties("queue", "NotificationsQueue", over)
    assert queue["ContentBasedDeduplication"] is True
    assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")
    assert properties("queue", "NotificationsDlq", over)["RedriveAllowPolicy"]["sourceQueueArns"][0][
        "Fn::Sub"
    ].endswith("-notifications.fifo")


def test_content_deduplication_can_be_left_to_the_sender() -> None:
    """`content_deduplication: false` on a FIFO queue."""
    over = QUEUE % "fifo: true, content_deduplication: false"
    assert properties("queue", "NotificationsQueue", over)["ContentBasedDeduplication"] is False


def test_a_standard_queue_has_no_fifo_keys_at_all() -> None:
    """SQS refuses them on a standard queue, even as false."""
    keys = {"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}
    for name in ("NotificationsQueue", "NotificationsDlq"):
        assert not keys & set(properties("queue", name))


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [
        ("sqs", {"SqsManagedSseEnabled": True}),
        ("kms", {"KmsMasterKeyId": {"Ref": "PlatformKeyArn"}, "KmsDataKeyReusePeriodSeconds": 300}),
    ],
)
def test_encryption_is_by_sqs_or_by_the_platform_key(encryption: str, expected: dict[str, Any]) -> None:
    """Both queues of a pair, and never both ways at once."""
    keys = {"SqsManagedSseEnabled", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"}
    for name in ("NotificationsQueue", "NotificationsDlq"):
        found = properties("queue", name, QUEUE % f"encryption: {encryption}")
        assert {key: value for key, value in found.items() if key in keys} == expected


def test_nobody_may_use_a_queue_without_tls() -> None:
    """Both queues of a pair refuse plain HTTP."""
    policies = resources("queue", "", "AWS::SQS::QueuePolicy").values()
    denied = {policy["Properties"]["Queues"][0]["Ref"]: policy["Properties"]["PolicyDocument"] for policy in policies}
    assert set(denied) == {"NotificationsQueue", "NotificationsDlq"}
    for document in denied.values():
        [statement] = document["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_backlog_alarm_rises_at_the_queues_own_thresholds_and_notifies_once() -> None:
    """Depth, age and new dead letters have no action of their own; the composite over them has."""
    over = QUEUE % "alarms: {depth: 50, age_seconds: 120}"
    assert properties("queue", "NotificationsDepthAlarm", over)["Threshold"] == 50
    assert properties("queue", "NotificationsAgeAlarm", over)["Threshold"] == 120
    feeding = ("NotificationsDepthAlarm", "NotificationsAgeAlarm", "NotificationsNewDeadLettersAlarm")
    for name in feeding:
        assert "AlarmActions" not in properties("queue", name, over)
    backlog = properties("queue", "NotificationsBacklogAlarm", over)
    assert backlog["AlarmRule"]["Fn::Sub"].split(" OR ") == [f'ALARM("${{{name}}}")' for name in feeding]
    assert backlog["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]


def test_one_dead_letter_is_reason_enough_to_notify() -> None:
    """Any message in the dead-letter queue raises the alarm within a minute."""
    alarm = properties("queue", "NotificationsDeadLetterAlarm")
    assert (alarm["Threshold"], alarm["Period"], alarm["EvaluationPeriods"]) == (0, 60, 1)
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["NotificationsDlq", "QueueName"]}
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]


def test_a_queue_goes_with_its_stack() -> None:
    """One that stayed behind would hold its name against the next creation."""
    for queue in resources("queue", "", "AWS::SQS::Queue").values():
        assert (queue["DeletionPolicy"], queue["UpdateReplacePolicy"]) == ("Delete", "Delete")
