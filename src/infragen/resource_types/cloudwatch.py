"""CloudWatch. A dashboard is its template; an alarm's history stays in CloudWatch for a while."""

from infragen.resource_types.resource_type import Billing, ResourceType

ALARM = ResourceType("AWS::CloudWatch::Alarm", holds_data=False, billing=Billing.PRICED, name_property="AlarmName")
COMPOSITE_ALARM = ResourceType(
    "AWS::CloudWatch::CompositeAlarm", holds_data=False, billing=Billing.PRICED, name_property="AlarmName"
)
DASHBOARD = ResourceType(
    "AWS::CloudWatch::Dashboard", holds_data=False, billing=Billing.PRICED, name_property="DashboardName"
)

ROWS = (ALARM, COMPOSITE_ALARM, DASHBOARD)
