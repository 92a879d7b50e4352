"""What the layers of a project are written with: the stable names, all listed in docs/extending.md.

Everything else of infragen is private to it and may change in any version.
"""

from infragen.checks.check import Check, ok, unknown, wrong
from infragen.config.own_section import Field
from infragen.config.own_section import OwnSection as Section
from infragen.layers.api import EcsClusterName, ListenerArn, LoadBalancerFullName, RepositoryUri, Url
from infragen.layers.contract import (
    Additions,
    Extension,
    LaunchParameter,
    Layer,
    LayerOutput,
    Template,
    alarm,
    allow,
    arn,
    boundary,
    deny,
    function_logging,
    grant,
    log_group,
    metric,
    named,
    policy,
    retain,
    suppress,
    trust,
    via,
)
from infragen.layers.database import DatabaseCredentialsArn, DatabaseEndpoint, DataKeyArn
from infragen.layers.fargate_service import FargateService, add_fargate_service, service_name
from infragen.layers.fargate_task import FargateTask, add_task
from infragen.layers.image_repository import (
    HAS_IMAGE,
    ImageTag,
    add_image_condition,
    pull_image_statements,
    pull_shared_statements,
    shared_image,
)
from infragen.layers.network import (
    AlarmTopicArn,
    ApiSecurityGroupId,
    DatabaseSecurityGroupId,
    IsolatedSubnetIds,
    LoadBalancerSecurityGroupId,
    PlatformKeyArn,
    PrivateSubnetIds,
    PublicSubnetIds,
    VpcId,
    WorkerSecurityGroupId,
)
from infragen.layers.queue import of as queue_outputs
from infragen.layers.security_groups import add_group, connect
from infragen.layers.service_scaling import ServiceScaling

__all__ = [
    "HAS_IMAGE",
    "Additions",
    "AlarmTopicArn",
    "ApiSecurityGroupId",
    "Check",
    "DataKeyArn",
    "DatabaseCredentialsArn",
    "DatabaseEndpoint",
    "DatabaseSecurityGroupId",
    "EcsClusterName",
    "Extension",
    "FargateService",
    "FargateTask",
    "Field",
    "ImageTag",
    "IsolatedSubnetIds",
    "LaunchParameter",
    "Layer",
    "LayerOutput",
    "ListenerArn",
    "LoadBalancerFullName",
    "LoadBalancerSecurityGroupId",
    "PlatformKeyArn",
    "PrivateSubnetIds",
    "PublicSubnetIds",
    "RepositoryUri",
    "Section",
    "ServiceScaling",
    "Template",
    "Url",
    "VpcId",
    "WorkerSecurityGroupId",
    "add_fargate_service",
    "add_group",
    "add_image_condition",
    "add_task",
    "alarm",
    "allow",
    "arn",
    "boundary",
    "connect",
    "deny",
    "function_logging",
    "grant",
    "log_group",
    "metric",
    "named",
    "ok",
    "policy",
    "pull_image_statements",
    "pull_shared_statements",
    "queue_outputs",
    "retain",
    "service_name",
    "shared_image",
    "suppress",
    "trust",
    "unknown",
    "via",
    "wrong",
]
