"""Elastic Load Balancing, version 2."""

from infragen.resource_types.interruption import Interruptions, brief, ends, outage
from infragen.resource_types.resource_type import COMMON, Billing, Loss, ResourceType, UsualMinutes, When

_ENDS = ends(outage("the load balancer answers requests itself: none reaches a task"), "forward", "redirect")
_CHECK = brief("tasks that do not pass the new check are replaced")

LISTENER = ResourceType(
    "AWS::ElasticLoadBalancingV2::Listener",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=Interruptions(
        outage("no client can connect to its port"),
        outage("no client can connect until the new one listens, up to a minute"),
        {
            "Port": outage("clients must use the other port at once"),
            "Protocol": outage("clients must use the other protocol at once"),
            "SslPolicy": brief("clients that speak none of its ciphers can no longer connect"),
            "MutualAuthentication": outage("clients without a certificate can no longer connect"),
            "DefaultActions": _ENDS,
        },
    ),
)
LISTENER_RULE = ResourceType(
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=Interruptions(
        outage("its requests go elsewhere"),
        brief("its requests go elsewhere for seconds"),
        {"Actions": _ENDS, "Conditions": outage("requests that it no longer matches go elsewhere")},
    ),
)
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
    interruptions=Interruptions(
        outage("requests are not answered"),
        outage("its address changes: requests fail until DNS has caught up, minutes"),
        {
            "Subnets": brief("connections through its nodes in a zone that goes end"),
            "SubnetMappings": brief("connections through its nodes in a zone that goes end"),
            "SecurityGroups": brief("connections that no rule allows any more end"),
            "IpAddressType": brief("connections end while its addresses change"),
        },
    ),
    # Name and Scheme: replacement (Template Reference, read 2026-11-29)
    fixed_attributes=frozenset({"CanonicalHostedZoneID", "DNSName", "LoadBalancerFullName", "LoadBalancerName"}),
)
TARGET_GROUP = ResourceType(
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    holds_data=False,
    billing=Billing.FREE,
    name_property="Name",
    interruptions=Interruptions(
        outage("its requests are answered with 503"),
        outage("requests are answered with 503 until tasks are healthy in the new one, 3 to 10 minutes"),
        dict.fromkeys(("HealthCheckPath", "HealthCheckPort", "HealthCheckProtocol", "Matcher"), _CHECK),
    ),
    fixed_attributes=frozenset({"TargetGroupFullName", "TargetGroupName"}),
)

ROWS = (LISTENER, LISTENER_RULE, LOAD_BALANCER, TARGET_GROUP)
