"""Application Auto Scaling."""

from infragen.resource_types.resource_type import Billing, ResourceType

SCALABLE_TARGET = ResourceType("AWS::ApplicationAutoScaling::ScalableTarget", holds_data=False, billing=Billing.FREE)
SCALING_POLICY = ResourceType(
    "AWS::ApplicationAutoScaling::ScalingPolicy", holds_data=False, billing=Billing.FREE, name_property="PolicyName"
)

ROWS = (SCALABLE_TARGET, SCALING_POLICY)
