"""Amazon ECS."""

from infragen.resource_types.resource_type import Billing, ResourceType, UsualMinutes

CLUSTER = ResourceType(
    "AWS::ECS::Cluster", holds_data=False, billing=Billing.PRICED, foundation=True, name_property="ClusterName"
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
)
TASK_DEFINITION = ResourceType("AWS::ECS::TaskDefinition", holds_data=False, billing=Billing.FREE)

ROWS = (CLUSTER, SERVICE, TASK_DEFINITION)
