"""The queue layer: one SQS queue with its dead-letter queue per entry of `queues:`, and their alarms.

One worker consumes one queue: two event sources on one queue compete for its messages. The layer knows nothing of
its producers and consumers; it publishes the URL, the ARN and the names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, Ref, Sub
from troposphere.cloudwatch import CompositeAlarm, Metric, MetricDataQuery, MetricStat
from troposphere.sqs import Queue as SqsQueue
from troposphere.sqs import QueuePolicy, RedrivePolicy

from infragen.config import Environment, Queue
from infragen.layers.contract import (
    Layer,
    LayerOutput,
    Template,
    alarm,
    arn,
    deny_without_tls,
    metric,
    named,
    policy,
    suppress,
)
from infragen.layers.network import AlarmTopicArn, PlatformKeyArn

DAY = 86400
MOST_WITH_DEAD_LETTERS = 50
"""Queues of an environment whose dead-letter queues have an output each: a template has at most 200 outputs."""
_GOES_WITH_ITS_STACK = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
"""A queue that stayed behind would hold its name, and no other stack could make it again."""
DEAD_LETTER_DAYS = 14
"""A standard queue keeps a message's original timestamp when it moves it, so the dead-letter queue must keep messages
longer than the source (Amazon SQS Developer Guide, "Using dead-letter queues")."""


@dataclass(frozen=True)
class QueueOutputs:
    """What one queue gives to other layers. Names are no outputs: they are known at rendering (`name_of`)."""

    url: LayerOutput
    dead_letter_url: LayerOutput
    arn: LayerOutput
    backlog_alarm_arn: LayerOutput


def of(queue: Queue) -> QueueOutputs:
    """Return the outputs of one queue."""
    thing = queue.name
    return QueueOutputs(
        url=LayerOutput("queue", f"{queue.id}QueueUrl", f"URL of the {thing} queue", for_people=True),
        dead_letter_url=LayerOutput(
            "queue", f"{queue.id}DeadLetterUrl", f"URL of the dead-letter queue of {thing}", operational=True
        ),
        arn=LayerOutput("queue", f"{queue.id}QueueArn", f"ARN of the {thing} queue"),
        backlog_alarm_arn=LayerOutput(
            "queue", f"{queue.id}BacklogAlarmArn", f"Alarm: the {thing} queue is not worked off"
        ),
    )


def inputs(env: Environment) -> tuple[LayerOutput, ...]:
    """Return the alarm topic, and the platform key when a queue asks for it."""
    encrypted = any(queue.encryption == "kms" for queue in env.queues)
    return (AlarmTopicArn, PlatformKeyArn) if encrypted else (AlarmTopicArn,)


def outputs(env: Environment) -> tuple[LayerOutput, ...]:
    """Return what each queue gives to other layers and to people."""
    return tuple(output for queue in env.queues for output, _ in _published(env, queue))


def _published(env: Environment, queue: Queue) -> tuple[tuple[LayerOutput, Any], ...]:
    """Return the outputs of one queue with their values."""
    given, source, dead = of(queue), f"{queue.id}Queue", f"{queue.id}Dlq"
    dead_letters = ((given.dead_letter_url, Ref(dead)),) if len(env.queues) <= MOST_WITH_DEAD_LETTERS else ()
    return (
        (given.url, Ref(source)),
        *dead_letters,
        (given.arn, GetAtt(source, "Arn")),
        (given.backlog_alarm_arn, GetAtt(f"{queue.id}BacklogAlarm", "Arn")),
    )


def build(env: Environment) -> Template:
    """Return the template with all queues."""
    template = Template()
    for queue in env.queues:
        _add_queue(template, env, queue)
    return template


def name_of(queue: Queue) -> Sub:
    """Return the physical name of a queue, for dimensions of metrics and ARNs."""
    return named(_suffix(queue))


def dead_letter_name_of(queue: Queue) -> Sub:
    """Return the physical name of a queue's dead-letter queue."""
    return named(_suffix(queue, "-dlq"))


def _suffix(queue: Queue, kind: str = "") -> str:
    """Return what follows the environment in a physical name; FIFO names end in .fifo."""
    return f"{queue.name}{kind}{'.fifo' if queue.fifo else ''}"


def _add_queue(template: Template, env: Environment, queue: Queue) -> None:
    source, dead = f"{queue.id}Queue", f"{queue.id}Dlq"
    # Explicit names, because Queue -> DLQ -> Queue by reference would be a circle.
    source_arn = arn(f"sqs:${{AWS::Region}}:${{AWS::AccountId}}:${{ProjectName}}-${{EnvironmentName}}-{_suffix(queue)}")
    metadata = _accepted(queue)
    template.add_resource(
        SqsQueue(
            dead,
            QueueName=dead_letter_name_of(queue),
            MessageRetentionPeriod=DEAD_LETTER_DAYS * DAY,
            RedriveAllowPolicy={"redrivePermission": "byQueue", "sourceQueueArns": [source_arn]},
            **_GOES_WITH_ITS_STACK,
            **_encryption(queue),
            **({"FifoQueue": True} if queue.fifo else {}),
            **metadata,
        )
    )
    template.add_resource(
        SqsQueue(
            source,
            QueueName=name_of(queue),
            VisibilityTimeout=env.visibility(queue),
            MessageRetentionPeriod=queue.retention_days * DAY,
            ReceiveMessageWaitTimeSeconds=20,
            RedrivePolicy=RedrivePolicy(deadLetterTargetArn=GetAtt(dead, "Arn"), maxReceiveCount=queue.max_receives),
            **_GOES_WITH_ITS_STACK,
            **_encryption(queue),
            **_fifo(queue),
            **metadata,
        )
    )
    for logical_id in (source, dead):
        template.add_resource(
            QueuePolicy(
                f"{logical_id}Policy",
                Queues=[Ref(logical_id)],
                PolicyDocument=policy(deny_without_tls("sqs:*", GetAtt(logical_id, "Arn"))),
            )
        )
    _add_alarms(template, env, queue)
    for output, value in _published(env, queue):
        template.add_output(output.publish(value))


def _encryption(queue: Queue) -> dict[str, Any]:
    if queue.encryption == "kms":
        return {"KmsMasterKeyId": PlatformKeyArn.ref(), "KmsDataKeyReusePeriodSeconds": 300}
    return {"SqsManagedSseEnabled": True}


def _fifo(queue: Queue) -> dict[str, Any]:
    """Return the properties of high throughput FIFO. A standard queue must not have these keys at all, not even as
    false.
    """
    if not queue.fifo:
        return {}
    return {
        "FifoQueue": True,
        "ContentBasedDeduplication": queue.content_deduplication,
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }


def _accepted(queue: Queue) -> dict[str, Any]:
    if queue.encryption == "kms":
        return {}
    reason = "encrypted with the key that SQS manages; encryption: kms takes a customer key"
    return {"Metadata": suppress(checkov={"CKV_AWS_27": reason})}


def _growth(source: Mapping[str, Any]) -> list[MetricDataQuery]:
    """Return by how much a metric grew since the last period. Messages that a redrive policy moves count as sent
    nowhere (SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS"), so the growth of what is there is all
    that tells. A queue that nobody uses and that is empty reports nothing (the same page, read 2026-11-29): without a
    zero for that, the first dead letter would have nothing to differ from.
    """
    counted = MetricStat(
        Metric=Metric(
            Namespace=source["Namespace"], MetricName=source["MetricName"], Dimensions=list(source["Dimensions"])
        ),
        Period=source["Period"],
        Stat=source["Statistic"],
    )
    return [
        MetricDataQuery(Id="growth", Label="New dead letters", Expression="DIFF(FILL(dead, 0))", ReturnData=True),
        MetricDataQuery(Id="dead", MetricStat=counted, ReturnData=False),
    ]


def _add_alarms(template: Template, env: Environment, queue: Queue) -> None:
    """Add the alarms: depth, age and new dead letters feed one composite alarm, which notifies once.

    A dead-letter queue that is not empty notifies alone: its alarm stays until somebody has looked, so it would hide
    everything else under the service alarm. The age leaves out messages that were received three times and not deleted
    (SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS"), so its threshold is below twice the visibility
    timeout, or no message that fails for good would reach it.
    """
    source = {"QueueName": GetAtt(f"{queue.id}Queue", "QueueName")}
    dead = {"QueueName": GetAtt(f"{queue.id}Dlq", "QueueName")}
    visible, oldest = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
    depth, age, dying = f"{queue.id}DepthAlarm", f"{queue.id}AgeAlarm", f"{queue.id}NewDeadLettersAlarm"
    limits, oldest_allowed = queue.alarms, env.age_alarm(queue)
    template.add_resource(
        alarm(
            depth,
            f"More than {limits.depth} messages wait in {queue.name}",
            metric("AWS/SQS", visible, "Maximum", source, 300),
            threshold=limits.depth,
            periods=1,
        )
    )
    template.add_resource(
        alarm(
            age,
            f"The oldest message in {queue.name} is older than {oldest_allowed} s",
            metric("AWS/SQS", oldest, "Maximum", source, 300),
            threshold=oldest_allowed,
            periods=1,
        )
    )
    template.add_resource(
        alarm(
            dying,
            f"More messages of {queue.name} than before are in the dead-letter queue",
            {"Metrics": _growth(metric("AWS/SQS", visible, "Maximum", dead, 300))},
            threshold=0,
            periods=1,
        )
    )
    template.add_resource(
        CompositeAlarm(
            f"{queue.id}BacklogAlarm",
            AlarmDescription=f"The {queue.name} queue is not worked off: too many, too old, or dead letters",
            AlarmRule=Sub(" OR ".join(f'ALARM("${{{each}}}")' for each in (depth, age, dying))),
            AlarmActions=[AlarmTopicArn.ref()],
            OKActions=[AlarmTopicArn.ref()],
        )
    )
    template.add_resource(
        alarm(
            f"{queue.id}DeadLetterAlarm",
            f"Messages of {queue.name} ended in the dead-letter queue",
            metric("AWS/SQS", visible, "Maximum", dead),
            threshold=0,
            periods=1,
            topic=AlarmTopicArn.ref(),
        )
    )


LAYER = Layer(
    name="queue",
    title="Queues",
    about="SQS queues with dead-letter queues and backlog alarms",
    enabled=lambda env: bool(env.queues),
    inputs=inputs,
    outputs=outputs,
    build=build,
)
