"""Amazon ECS."""

from infragen.resource_types.interruption import NOBODY_WAITS, Interruptions, becomes, outage
from infragen.resource_types.resource_type import Billing, ResourceType, UsualMinutes

CLUSTER = ResourceType(
    "AWS::ECS::Cluster",
    holds_data=False,
    billing=Billing.PRICED,
    name_property="ClusterName",
    interruptions=Interruptions(outage("its services stop"), outage("its services are created again, 2 to 6 minutes")),
)
SERVICE = ResourceType(
    "AWS::ECS::Service",
    holds_data=False,
    billing=Billing.PRICED,
    name_property="ServiceName",
    usual_minutes={
        "CREATE": UsualMinutes(2, 6, "until its tasks are healthy behind the load balancer"),
        "UPDATE": UsualMinutes(3, 10, "new tasks become healthy, then the old ones drain for 5 minutes"),
        "DELETE": UsualMinutes(2, 8, "its tasks drain first"),
    },
    interruptions=Interruptions(
        outage("requests are not answered"),
        outage("requests are not answered until its new tasks are healthy, 2 to 6 minutes"),
        {
            "LoadBalancers": outage(
                "requests are answered with 503 until tasks are healthy behind the other target group, 3 to 10 minutes"
            ),
            "LaunchType": outage("its tasks are placed again, 2 to 6 minutes"),
            "DesiredCount": becomes((0,), outage("none of its tasks runs")),
            "DeploymentConfiguration": becomes(
                (0,), outage("its tasks stop before the new ones run, at each release"), "MinimumHealthyPercent"
            ),
        },
    ),
    safe={"NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp": ("DISABLED",)},
    fixed_attributes=frozenset({"Name"}),  # ServiceName: replacement (Template Reference, read 2026-11-29)
)
TASK_DEFINITION = ResourceType(
    "AWS::ECS::TaskDefinition",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=NOBODY_WAITS,
    safe={"NetworkMode": ("awsvpc",)},
    revision_of="Family",
)

ROWS = (CLUSTER, SERVICE, TASK_DEFINITION)
