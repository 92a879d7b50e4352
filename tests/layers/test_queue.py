"""The queue layer: every setting of a queue is seen in its resources."""

from rendering import properties


def test_retention_is_the_queues_own_and_fourteen_days_for_dead_letters() -> None:
    """`retention_days` reaches the queue in seconds; its dead-letter queue keeps messages the longest SQS allows."""
    over = "queues: [{name: notifications, retention_days: 9}]"
    assert properties("queue", "NotificationsQueue", over)["MessageRetentionPeriod"] == 9 * 86400
    assert properties("queue", "NotificationsDlq", over)["MessageRetentionPeriod"] == 14 * 86400
