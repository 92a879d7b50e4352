"""CloudWatch. A dashboard is its template; an alarm's history stays in CloudWatch for a while."""

from infragen.resource_types.interruption import NOBODY_WAITS
from infragen.resource_types.resource_type import Billing, ResourceType

ALARM = ResourceType(
    "AWS::CloudWatch::Alarm",
    holds_data=False,
    billing=Billing.PRICED,
    name_property="AlarmName",
    interruptions=NOBODY_WAITS,
)
COMPOSITE_ALARM = ResourceType(
    "AWS::CloudWatch::CompositeAlarm",
    holds_data=False,
    billing=Billing.PRICED,
    name_property="AlarmName",
    interruptions=NOBODY_WAITS,
)
DASHBOARD = ResourceType(
    "AWS::CloudWatch::Dashboard",
    holds_data=False,
    billing=Billing.PRICED,
    name_property="DashboardName",
    interruptions=NOBODY_WAITS,
    display=frozenset({"DashboardBody"}),
)

ROWS = (ALARM, COMPOSITE_ALARM, DASHBOARD)
