"""An ECS cluster for Fargate: capacity providers, Container Insights, and the log of shells opened in containers."""

from typing import Any

from troposphere import Ref, Sub
from troposphere.ecs import (
    CapacityProviderStrategyItem,
    Cluster,
    ClusterConfiguration,
    ClusterSetting,
    ExecuteCommandConfiguration,
    ExecuteCommandLogConfiguration,
)

from infragen.config import Environment
from infragen.layers.contract import PREFIX, Template, allow, arn, log_group, suppress

CLUSTER = "EcsCluster"


def add_cluster(template: Template, env: Environment, *, insights: str, shells: bool, key: Any) -> None:
    """Add the cluster `<project>-<environment>`.

    `insights` is disabled, enabled or enhanced; with `shells` ECS Exec is logged to a group of its own; `key` is the
    ARN of the KMS key of the log groups.
    """
    waits: dict[str, Any] = {}
    if insights != "disabled":
        # Container Insights would make this group by itself, without our key and with a retention of its own.
        name = Sub(f"/aws/ecs/containerinsights/{PREFIX}/performance")
        template.add_resource(log_group("InsightsLogGroup", name, env, key))
        waits["DependsOn"] = "InsightsLogGroup"
    if shells:
        template.add_resource(log_group("ShellLogGroup", Sub(f"/ecs/{PREFIX}/shells"), env, key))
    template.add_resource(
        Cluster(
            CLUSTER,
            ClusterName=Sub(PREFIX),
            CapacityProviders=["FARGATE", "FARGATE_SPOT"],
            DefaultCapacityProviderStrategy=[CapacityProviderStrategyItem(CapacityProvider="FARGATE", Weight=1)],
            ClusterSettings=[ClusterSetting(Name="containerInsights", Value=insights)],
            **({"Configuration": _logged_shells(key)} if shells else {}),
            **({"Metadata": _accepted()} if insights == "disabled" else {}),
            **waits,
        )
    )


def shell_statements(key: Any) -> tuple[dict[str, Any], ...]:
    """Return what a task role needs for ECS Exec (ECS Developer Guide, "Monitor containers with ECS Exec")."""
    channels = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
    return (
        allow([f"ssmmessages:{each}" for each in channels], "*"),
        allow("logs:DescribeLogGroups", "*"),
        allow(
            ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            arn("logs:${AWS::Region}:${AWS::AccountId}:log-group:${ShellLogGroup}:*"),
        ),
        allow("kms:Decrypt", key),
    )


def _logged_shells(key: Any) -> ClusterConfiguration:
    return ClusterConfiguration(
        ExecuteCommandConfiguration=ExecuteCommandConfiguration(
            KmsKeyId=key,
            Logging="OVERRIDE",
            LogConfiguration=ExecuteCommandLogConfiguration(
                CloudWatchLogGroupName=Ref("ShellLogGroup"), CloudWatchEncryptionEnabled=True
            ),
        )
    )


def _accepted() -> dict[str, Any]:
    reason = "Container Insights is billed per metric; container_insights: enabled turns it on"
    return suppress(nag={"AwsSolutions-ECS4": reason}, checkov={"CKV_AWS_65": reason})
