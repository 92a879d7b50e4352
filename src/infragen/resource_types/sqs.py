"""Amazon SQS."""

from infragen.resource_types.resource_type import Billing, ResourceType

QUEUE = ResourceType(
    "AWS::SQS::Queue", holds_data=True, data="its messages", billing=Billing.PRICED, name_property="QueueName"
)
QUEUE_POLICY = ResourceType("AWS::SQS::QueuePolicy", holds_data=False, billing=Billing.FREE)

ROWS = (QUEUE, QUEUE_POLICY)
