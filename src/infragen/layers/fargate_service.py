"""A service on Fargate behind a load balancer: task definition, roles, service and autoscaling, from one value.

`add_fargate_service` is the construct that the api layer is made of, and any other layer may call it: it takes the
cluster, the target group and the network as values and knows nothing of who made them. Several services in one template
have tasks with different prefixes.
"""

from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, If, NoValue, Ref, Sub
from troposphere.ecs import (
    AwsvpcConfiguration,
    CapacityProviderStrategyItem,
    DeploymentAlarms,
    DeploymentCircuitBreaker,
    DeploymentConfiguration,
    ForceNewDeployment,
    LoadBalancer,
    NetworkConfiguration,
    Service,
)

from infragen.config import Environment
from infragen.layers.contract import Template, named
from infragen.layers.fargate_task import FargateTask, add_task
from infragen.layers.service_scaling import ServiceScaling, add_scaling

SERVICE = "Service"
GRACE_SECONDS = 60


@dataclass(frozen=True)
class FargateService:
    """A service `<project>-<environment>-<task name>`.

    `cluster` is a logical id, or the name of an input, for a cluster of another layer; `subnets` a list of ids,
    `security_group` and `target_group` values; `after` the logical ids of what must be there before tasks start: the
    listener or the rule that forwards to the target group, and the rules of the task's port. `deployment_alarms` are
    names of alarms that roll a deployment back; they may not name the service, which does not exist before them.
    `more_security_groups` are beside the first.
    """

    task: FargateTask
    scaling: ServiceScaling
    cluster: str
    subnets: Any
    security_group: Any
    target_group: Any
    after: tuple[str, ...]
    deployment_alarms: tuple[Any, ...] = ()
    spot: bool = False
    more_security_groups: tuple[Any, ...] = ()


def add_fargate_service(template: Template, env: Environment, service: FargateService) -> None:
    """Add the service with everything that belongs to it alone."""
    add_task(template, env, service.task)
    _service(template, service)
    name = service.task.id(SERVICE)
    add_scaling(template, service.scaling, Sub(f"service/${{{service.cluster}}}/${{{name}.Name}}"), service.task.prefix)


def _service(template: Template, service: FargateService) -> None:
    template.add_resource(
        Service(
            service.task.id(SERVICE),
            DependsOn=list(service.after),
            ServiceName=named(service.task.name),
            Cluster=Ref(service.cluster),
            TaskDefinition=Ref(service.task.id("TaskDefinition")),
            CapacityProviderStrategy=[_capacity(service)],
            # A change of capacity providers moves running tasks only by a new deployment.
            ForceNewDeployment=ForceNewDeployment(EnableForceNewDeployment=True),
            AvailabilityZoneRebalancing="ENABLED",
            EnableECSManagedTags=True,
            EnableExecuteCommand=service.task.shells,
            PropagateTags="SERVICE",
            HealthCheckGracePeriodSeconds=GRACE_SECONDS,
            NetworkConfiguration=NetworkConfiguration(
                AwsvpcConfiguration=AwsvpcConfiguration(
                    AssignPublicIp="DISABLED",
                    Subnets=service.subnets,
                    SecurityGroups=[service.security_group, *service.more_security_groups],
                )
            ),
            LoadBalancers=[
                LoadBalancer(
                    ContainerName=service.task.name,
                    ContainerPort=service.task.port,
                    TargetGroupArn=service.target_group,
                )
            ],
            DeploymentConfiguration=_deployment(service),
            **_desired_count(service),
        )
    )


def _capacity(service: FargateService) -> CapacityProviderStrategyItem:
    if service.spot:
        return CapacityProviderStrategyItem(CapacityProvider="FARGATE_SPOT", Weight=1)
    return CapacityProviderStrategyItem(CapacityProvider="FARGATE", Base=service.scaling.smallest, Weight=1)


def _deployment(service: FargateService) -> DeploymentConfiguration:
    """Start new tasks first, stop old ones after, and roll back when they fail or an alarm rises. No bake time: with
    one, CloudFormation would wait for up to 36 hours.
    """
    return DeploymentConfiguration(
        MinimumHealthyPercent=100,
        MaximumPercent=200,
        DeploymentCircuitBreaker=DeploymentCircuitBreaker(Enable=True, Rollback=True),
        **({"Alarms": _rolling_back(service)} if service.deployment_alarms else {}),
    )


def _rolling_back(service: FargateService) -> DeploymentAlarms:
    return DeploymentAlarms(AlarmNames=list(service.deployment_alarms), Enable=True, Rollback=True)


def _desired_count(service: FargateService) -> dict[str, Any]:
    """Return nothing, so that no count is set: given, every update of the stack would reset what autoscaling set.
    Omitted, a creation starts one task and an update leaves the number alone. Only a service whose image cannot be
    pulled yet starts with none.
    """
    waiting = service.scaling.only_if
    return {"DesiredCount": If(waiting, NoValue, 0)} if waiting else {}


def service_name(prefix: str = "") -> Any:
    """Return the service's name; `prefix` is its task's."""
    return GetAtt(f"{prefix}{SERVICE}", "Name")


def service_arn(prefix: str = "") -> Any:
    """Return the service's ARN; `prefix` is its task's."""
    return Ref(f"{prefix}{SERVICE}")
