"""CloudWatch Logs."""

from infragen.resource_types.resource_type import Billing, ResourceType

LOG_GROUP = ResourceType(
    "AWS::Logs::LogGroup", holds_data=True, data="its log events", billing=Billing.PRICED, name_property="LogGroupName"
)

ROWS = (LOG_GROUP,)
