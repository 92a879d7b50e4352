"""Elastic Load Balancing, version 2."""

from infragen.resource_types.resource_type import COMMON, Billing, Loss, ResourceType, UsualMinutes, When

LISTENER = ResourceType("AWS::ElasticLoadBalancingV2::Listener", holds_data=False, billing=Billing.FREE)
LISTENER_RULE = ResourceType("AWS::ElasticLoadBalancingV2::ListenerRule", holds_data=False, billing=Billing.FREE)
LOAD_BALANCER = ResourceType(
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    holds_data=False,
    billing=Billing.PRICED,
    deletion_protection="deletion_protection.enabled",
    name_property="Name",
    usual_minutes={"CREATE": UsualMinutes(2, 4, f"hosts in each zone; {COMMON}")},
    losses=(
        Loss(
            "LoadBalancerAttributes[deletion_protection.enabled]",
            When.OFF,
            "Elastic Load Balancing no longer refuses to delete it",
            default=False,
        ),
    ),
)
TARGET_GROUP = ResourceType(
    "AWS::ElasticLoadBalancingV2::TargetGroup", holds_data=False, billing=Billing.FREE, name_property="Name"
)

ROWS = (LISTENER, LISTENER_RULE, LOAD_BALANCER, TARGET_GROUP)
