"""A second service behind the API's load balancer: the paths of `search.paths` go to it, all others to the API.

It runs on the API's cluster with an image of its own, a role that may do nothing, and the way out that the API has.
"""

from typing import Any

from troposphere import GetAtt, Ref, Tags
from troposphere.elasticloadbalancingv2 import (
    Condition,
    ListenerRule,
    ListenerRuleAction,
    Matcher,
    PathPatternConfig,
    TargetGroup,
    TargetGroupAttribute,
)

from infragen.layer import (
    AlarmTopicArn,
    ApiSecurityGroupId,
    EcsClusterName,
    FargateService,
    FargateTask,
    Field,
    Layer,
    ListenerArn,
    LoadBalancerFullName,
    LoadBalancerSecurityGroupId,
    PlatformKeyArn,
    PrivateSubnetIds,
    Section,
    ServiceScaling,
    Template,
    VpcId,
    add_fargate_service,
    add_group,
    alarm,
    connect,
    metric,
    named,
    pull_image_statements,
)

PREFIX = "Search"


class Search(Section):
    """A second service behind the API's load balancer."""

    image: str = Field(pattern=r"^[a-z0-9./_-]+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", description="Pinned image.")
    paths: tuple[str, ...] = Field(min_length=1, max_length=5, description="Path patterns of the listener rule.")
    port: int = Field(8080, ge=1, le=65535, description="Port the container listens on.")
    health_path: str = Field("/", pattern="^/", description="Path that answers 200 when a task is well.")
    priority: int = Field(100, ge=1, le=50000, description="Priority of the listener rule.")
    cpu: int = Field(256, ge=256, description="CPU units of a task.")
    memory: int = Field(512, ge=512, description="Memory of a task in MiB.")
    min_tasks: int = Field(1, ge=0, description="Fewest tasks.")
    max_tasks: int = Field(2, ge=1, description="Most tasks.")


def build(env: Any) -> Template:
    """Return the template: target group, rule, security group, and the service with its scaling."""
    template, search = Template(), env.search
    group = add_group(template, PREFIX, "Tasks of the search", VpcId.ref())
    balancer = ("LoadBalancer", LoadBalancerSecurityGroupId.ref())
    rules = connect(template, balancer, (PREFIX, group), search.port)
    _target(template, search)
    task = FargateTask(
        name="search",
        image=search.image,
        user="1000:1000",
        cpu=search.cpu,
        memory=search.memory,
        architecture=env.api.architecture,
        port=search.port,
        key=PlatformKeyArn.ref(),
        variables={"PORT": str(search.port), "DEPLOYMENT": env.environment},
        start_statements=pull_image_statements(search.image),
        prefix=PREFIX,
    )
    add_fargate_service(
        template,
        env,
        FargateService(
            task=task,
            scaling=ServiceScaling(smallest=search.min_tasks, largest=search.max_tasks, cpu=70, memory=80),
            cluster=EcsClusterName.name,
            subnets=PrivateSubnetIds.ref(),
            security_group=ApiSecurityGroupId.ref(),
            more_security_groups=(group,),
            target_group=Ref("SearchTargetGroup"),
            after=("SearchRule", *rules),
        ),
    )
    targets = {
        "LoadBalancer": LoadBalancerFullName.ref(),
        "TargetGroup": GetAtt("SearchTargetGroup", "TargetGroupFullName"),
    }
    template.add_resource(
        alarm(
            "SearchUnhealthyAlarm",
            "Tasks of the search fail the load balancer's health check",
            metric("AWS/ApplicationELB", "UnHealthyHostCount", "Maximum", targets),
            threshold=0,
            periods=5,
            datapoints=3,
            topic=AlarmTopicArn.ref(),
        )
    )
    return template


def _target(template: Template, search: Any) -> None:
    template.add_resource(
        TargetGroup(
            "SearchTargetGroup",
            TargetType="ip",
            Protocol="HTTP",
            Port=search.port,
            VpcId=VpcId.ref(),
            HealthCheckEnabled=True,
            HealthCheckPath=search.health_path,
            HealthCheckIntervalSeconds=15,
            Matcher=Matcher(HttpCode="200"),
            TargetGroupAttributes=[TargetGroupAttribute(Key="deregistration_delay.timeout_seconds", Value="30")],
            Tags=Tags(Name=named("search")),
        )
    )
    template.add_resource(
        ListenerRule(
            "SearchRule",
            ListenerArn=ListenerArn.ref(),
            Priority=search.priority,
            Conditions=[
                Condition(Field="path-pattern", PathPatternConfig=PathPatternConfig(Values=list(search.paths)))
            ],
            Actions=[ListenerRuleAction(Type="forward", TargetGroupArn=Ref("SearchTargetGroup"))],
        )
    )


LAYERS = (
    Layer(
        name="search",
        title="Search",
        about="A second service behind the API's load balancer",
        section=Search,
        inputs=lambda env: (
            VpcId,
            PrivateSubnetIds,
            LoadBalancerSecurityGroupId,
            ApiSecurityGroupId,
            PlatformKeyArn,
            EcsClusterName,
            ListenerArn,
            LoadBalancerFullName,
            AlarmTopicArn,
        ),
        build=build,
    ),
)
