"""Amazon SQS."""

from infragen.resource_types.interruption import Interruptions, brief, outage
from infragen.resource_types.relied_on import ReliedOn
from infragen.resource_types.resource_type import Billing, Loss, ResourceType, When

QUEUE = ResourceType(
    "AWS::SQS::Queue",
    holds_data=True,
    importable=True,
    data="its messages",
    billing=Billing.PRICED,
    name_property="QueueName",
    losses=(
        Loss(
            "MessageRetentionPeriod",
            When.LESS,
            "messages older than {after:g} days are deleted",
            default=345600,
            unit=86400,
        ),
        Loss("RedrivePolicy", When.GONE, "messages that fail are no longer kept in a dead-letter queue"),
        Loss(
            "RedrivePolicy.maxReceiveCount",
            When.LESS,
            "messages go to the dead-letter queue after {after:g} attempts instead of {before:g}",
            default=float("inf"),
        ),
        Loss(
            "ContentBasedDeduplication",
            When.ON,
            "of messages with the same body within 5 minutes all but one are dropped",
            default=False,
        ),
        Loss(
            "DeduplicationScope",
            When.CHANGED,
            "messages may count as duplicates that did not, and are dropped",
            weakest=(None, "queue"),
            default="queue",
        ),
    ),
    keeps=frozenset(
        {
            "DelaySeconds",
            "FifoThroughputLimit",
            "KmsDataKeyReusePeriodSeconds",
            "KmsMasterKeyId",
            "MaximumMessageSize",
            "ReceiveMessageWaitTimeSeconds",
            "RedriveAllowPolicy",
            "SqsManagedSseEnabled",
            "VisibilityTimeout",
        }
    ),
    interruptions=Interruptions(
        outage("no producer can send to it"),
        outage("who sends to the old one until it knows the new one is refused, seconds to minutes"),
    ),
    safe={"SqsManagedSseEnabled or KmsMasterKeyId": ()},
    relied_on=(
        ReliedOn("VisibilityTimeout", ("AWS::Lambda::EventSourceMapping",), default=30),
        ReliedOn("SqsManagedSseEnabled", ("AWS::IAM::Role",)),
    ),
)
"""A queue without a retention keeps messages for 4 days, one without a visibility timeout hides a received message for
30 seconds (SQS API reference, SetQueueAttributes).

Lambda refuses an event source whose queue hides messages for less than the function's timeout, and each later update of
it; what it has received by then is delivered twice (Lambda Developer Guide, "Configuring a queue to use with Lambda",
read 2026-11-29).
A queue without SQS's own key has a key of KMS, which a sender needs a right to first (SQS Developer Guide, "Encryption
at rest")."""
QUEUE_POLICY = ResourceType(
    "AWS::SQS::QueuePolicy",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=Interruptions(outage("whom it allowed is refused"), brief("whom it allows is refused for seconds")),
)

ROWS = (QUEUE, QUEUE_POLICY)
