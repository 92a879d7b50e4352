"""Amazon SNS. A topic keeps no messages; what was confirmed by hand is with the subscription."""

from infragen.resource_types.interruption import Interruptions, brief, outage
from infragen.resource_types.resource_type import Billing, Loss, ResourceType, When

SUBSCRIPTION = ResourceType(
    "AWS::SNS::Subscription",
    holds_data=False,
    billing=Billing.FREE,
    losses=(
        Loss("FilterPolicy", When.CHANGED, "messages that it does not match are not delivered"),
        Loss(
            "FilterPolicyScope",
            When.CHANGED,
            "the filter is applied to something else",
            default="MessageAttributes",
        ),
        Loss("RedrivePolicy", When.GONE, "messages that cannot be delivered are dropped"),
    ),
    interruptions=Interruptions(
        brief("its messages no longer reach it"), brief("messages of some seconds do not reach it")
    ),
)
TOPIC = ResourceType(
    "AWS::SNS::Topic",
    holds_data=False,
    billing=Billing.FREE,
    name_property="TopicName",
    losses=(
        Loss("ArchivePolicy", When.CHANGED, "archived messages may be deleted", weakest=(None,)),
        Loss("ArchivePolicy", When.GONE, "archived messages are deleted"),
    ),
    interruptions=Interruptions(outage("no publisher can send to it"), brief("messages of some seconds are lost")),
    safe={"KmsMasterKeyId": ()},
)
"""Charged by the million, less than a cent a month for what these layers send."""
TOPIC_POLICY = ResourceType(
    "AWS::SNS::TopicPolicy",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=Interruptions(outage("whom it allowed is refused"), brief("whom it allows is refused for seconds")),
)

ROWS = (SUBSCRIPTION, TOPIC, TOPIC_POLICY)
