"""Application Auto Scaling."""

from infragen.resource_types.interruption import NOBODY_WAITS
from infragen.resource_types.resource_type import Billing, ResourceType

SCALABLE_TARGET = ResourceType(
    "AWS::ApplicationAutoScaling::ScalableTarget",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=NOBODY_WAITS,
)
SCALING_POLICY = ResourceType(
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    holds_data=False,
    billing=Billing.FREE,
    name_property="PolicyName",
    interruptions=NOBODY_WAITS,
)

ROWS = (SCALABLE_TARGET, SCALING_POLICY)
