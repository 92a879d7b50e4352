"""CloudFormation itself, and the custom resources of infragen's own layers.

What a nested stack holds, its own resources' rows say. Any other `Custom::` type is whatever its function makes of it,
and has no row.
"""

from infragen.cloud.template import STACK_TYPE
from infragen.resource_types.interruption import NOBODY_WAITS, Interruptions, outage
from infragen.resource_types.resource_type import Billing, ResourceType

STACK = ResourceType(
    STACK_TYPE,
    holds_data=True,
    data="everything in it",
    billing=Billing.FREE,
    interruptions=Interruptions(outage("everything in it stops"), outage("everything in it is created again")),
)
WAIT_CONDITION_HANDLE = ResourceType(
    "AWS::CloudFormation::WaitConditionHandle",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=NOBODY_WAITS,
)
DATABASE_CREDENTIALS = ResourceType(
    "Custom::DatabaseCredentials",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=NOBODY_WAITS,
)
"""Its function creates a login from a secret; at deletion it does nothing (`layers.functions.credentials`)."""

ROWS = (STACK, WAIT_CONDITION_HANDLE, DATABASE_CREDENTIALS)
