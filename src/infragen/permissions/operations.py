"""Every operation that infragen calls on AWS, the IAM actions it needs, and which of the delivery roles have them.

`tests/permissions/test_engine_operations.py` compares this table with the calls in `infragen.aws`, both ways: a call
without a row fails, and so does a row that nothing calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infragen.permissions.document import Statement
from infragen.permissions.scopes import Place

DEPLOY, PLAN, PUSH, PERSON = "deploy", "plan", "push", "person"
BOTH = (DEPLOY, PLAN)


@dataclass(frozen=True)
class Call:
    """An operation as `service.Operation`, in the words of its API; `on` is what it works on (`Where`), `roles` who
    has it. PERSON is who deletes and repairs by hand: no role that `bootstrap` makes.
    """

    operation: str
    roles: tuple[str, ...]
    on: str = "anything"
    actions: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the actions: that of the operation's own name unless the table says another."""
        return self.actions or (self.operation.replace(".", ":"),)


def _calls(roles: tuple[str, ...], on: str, *operations: str) -> Iterator[Call]:
    for each in operations:
        operation, *actions = each.split()
        yield Call(operation, roles, on, tuple(actions))


_CLOUDFORMATION = (
    *_calls(
        BOTH, "stacks", "cloudformation.DeleteChangeSet", "cloudformation.DescribeChangeSet",
        "cloudformation.DescribeStackEvents", "cloudformation.DescribeStackResourceDrifts",
        "cloudformation.DescribeStacks", "cloudformation.GetStackPolicy", "cloudformation.GetTemplate",
        "cloudformation.ListChangeSets", "cloudformation.ListStackResources",
        "cloudformation.DetectStackDrift cloudformation:DetectStackDrift cloudformation:DetectStackResourceDrift",
    ),
    *_calls(
        BOTH, "anything", "cloudformation.DescribeEvents", "cloudformation.DescribeStackDriftDetectionStatus",
        "cloudformation.GetHookResult", "cloudformation.ListHookResults", "cloudformation.ListImports",
        "cloudformation.ListStacks",
    ),
    *_calls(BOTH, "stacks with the role",
            "cloudformation.CreateChangeSet cloudformation:CreateChangeSet cloudformation:TagResource"),
    *_calls((DEPLOY,), "stacks with the role", "cloudformation.ContinueUpdateRollback", "cloudformation.RollbackStack"),
    *_calls(
        (DEPLOY,), "stacks", "cloudformation.CancelUpdateStack", "cloudformation.ExecuteChangeSet",
        "cloudformation.SetStackPolicy", "cloudformation.UpdateTerminationProtection",
    ),
    *_calls((PERSON,), "stacks", "cloudformation.DeleteStack"),
)  # fmt: skip

_CHECKS = (
    *_calls(
        BOTH, "anything", "acm.DescribeCertificate", "cloudtrail.LookupEvents", "cloudwatch.GetMetricStatistics",
        "ec2.DescribeAddresses", "ec2.DescribeAvailabilityZones", "ec2.DescribeInternetGateways",
        "ec2.DescribeNatGateways", "ec2.DescribeNetworkInterfaces", "ec2.DescribeRouteTables",
        "ec2.DescribeSubnets", "ec2.DescribeVpcAttribute", "ec2.DescribeVpcEndpointServices",
        "ec2.DescribeVpcEndpoints", "ec2.DescribeVpcs",
        "ecr.DescribeRepositories", "elbv2.DescribeTargetHealth elasticloadbalancing:DescribeTargetHealth",
        "elbv2.DescribeLoadBalancerAttributes elasticloadbalancing:DescribeLoadBalancerAttributes",
        "iam.GetRole", "iam.ListOpenIDConnectProviders",
        "kms.DescribeKey",
        "kms.ListAliases", "lambda.GetAccountSettings", "logs.DescribeLogGroups", "rds.DescribeDBClusters",
        "rds.DescribeDBInstances", "rds.DescribeEngineDefaultClusterParameters",
        "rds.DescribeOrderableDBInstanceOptions", "route53.GetHostedZone",
        "route53.ListHostedZonesByName", "route53.ListResourceRecordSets", "route53domains.GetDomainDetail",
        "secretsmanager.DescribeSecret",
        "service-quotas.GetAWSDefaultServiceQuota servicequotas:GetAWSDefaultServiceQuota",
        "service-quotas.GetServiceQuota servicequotas:GetServiceQuota",
        "ssm.DescribeParameters", "wafv2.ListWebACLs",
    ),
    *_calls(BOTH, "nothing", "sts.GetCallerIdentity"),
    *_calls((PERSON,), "anything", "rds.DescribeDBClusterSnapshots", "rds.DescribeDBSnapshots",
            "iam.CreateServiceLinkedRole",
            "dynamodb.DescribeTable", "cloudcontrol.GetResource cloudformation:GetResource"),
)  # fmt: skip

_ARTIFACTS = (
    *_calls(BOTH, "bucket", "s3.HeadBucket s3:ListBucket", "s3.ListObjectsV2 s3:ListBucket"),
    *_calls((PERSON,), "objects", "s3.DeleteObject"),
    *_calls(BOTH, "objects", "s3.GetObject", "s3.HeadObject s3:GetObject", "s3.PutObject"),
    *_calls((PERSON,), "objects", "s3.ListObjectVersions s3:ListBucketVersions",
            "s3.DeleteObjects s3:DeleteObject s3:DeleteObjectVersion"),
)  # fmt: skip

_WORKLOAD = (
    *_calls(BOTH, "repository", "ecr.BatchGetImage", "ecr.DescribeImages", "ecr.GetDownloadUrlForLayer",
            "ecr.ListImages"),
    *_calls(BOTH, "ecs", "ecs.DescribeServices", "ecs.DescribeTasks"),
    *_calls(BOTH, "anything", "ecs.DescribeTaskDefinition", "ecs.ListTasks"),
    *_calls((DEPLOY,), "ecs", "ecs.RunTask ecs:RunTask ecs:TagResource", "ecs.StopTask"),
    *_calls((DEPLOY,), "anything", "ecs.DeregisterTaskDefinition", "ecs.ListTaskDefinitions",
            "ecs.RegisterTaskDefinition"),
    *_calls(  # shell and tunnel: whoever may open them says so by hand, and no role of CI does
        (PERSON,), "anything", "ecs.ExecuteCommand ecs:ExecuteCommand kms:GenerateDataKey", "ssm.StartSession",
    ),
    *_calls(BOTH, "functions", "lambda.GetFunctionConfiguration"),
    *_calls(BOTH, "queues", "sqs.GetQueueAttributes"),
    *_calls(BOTH, "anything", "cloudwatch.GetMetricData", "lambda.ListEventSourceMappings"),
    *_calls(BOTH, "logs", "logs.DescribeLogStreams", "logs.FilterLogEvents", "logs.GetLogEvents"),
    *_calls(  # of the emulator
        (PERSON,), "anything", "lambda.UpdateFunctionCode", "rds-data.ExecuteStatement",
        "secretsmanager.GetSecretValue",
    ),
    *_calls(
        (PERSON,), "anything", "sqs.CancelMessageMoveTask",
        "sqs.ChangeMessageVisibilityBatch sqs:ChangeMessageVisibility",
        "sqs.DeleteMessage", "sqs.ListMessageMoveTasks", "sqs.ReceiveMessage",
        "sqs.SendMessage", "sqs.StartMessageMoveTask",
    ),
    *_calls((PERSON,), "anything", "ecs.UpdateService", "secretsmanager.ListSecretVersionIds",
            "secretsmanager.RotateSecret secretsmanager:RotateSecret lambda:InvokeFunction"),
    *_calls((PERSON,), "anything", "ssm.DeleteParameters",
            "ssm.PutParameter ssm:PutParameter ssm:AddTagsToResource kms:Encrypt", "ssm.GetParameter"),
    *_calls((PERSON,), "anything", "dynamodb.UpdateTable", "rds.ModifyDBCluster", "rds.ModifyDBInstance",
            "elbv2.ModifyLoadBalancerAttributes elasticloadbalancing:ModifyLoadBalancerAttributes"),
)  # fmt: skip

_NAMES_IN_USE = tuple(
    _calls(
        BOTH, "anything", "lambda.GetFunctionConcurrency", "cloudwatch.DescribeAlarms", "sqs.GetQueueUrl",
        "scheduler.GetScheduleGroup", "cloudwatch.ListDashboards", "ecs.DescribeClusters",
    )
)  # fmt: skip

_PROMOTION = tuple(
    _calls(
        (PUSH,), "repository", "ecr.BatchCheckLayerAvailability", "ecr.CompleteLayerUpload", "ecr.InitiateLayerUpload",
        "ecr.PutImage", "ecr.UploadLayerPart",
    )
)  # fmt: skip

CALLS = (*_CLOUDFORMATION, *_CHECKS, *_ARTIFACTS, *_WORKLOAD, *_NAMES_IN_USE, *_PROMOTION)
"""What each operation needs (Service Authorization Reference; Amazon S3 User Guide, "Required permissions for Amazon S3
API operations", read 2026-11-29)."""

PUSHES = (
    "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
    "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
)  # fmt: skip
"""What pushing an image needs (Amazon ECR User Guide, "IAM permissions for pushing an image", read 2026-11-29); reading
is for the layers that are there already."""


def statements(role: str, place: Place, service_role: str, topics: tuple[str, ...] = ()) -> tuple[Statement, ...]:
    """Return what a role of CI may do: the operations of its rows, each on as little as AWS can tell apart. `topics`
    are those that CloudFormation notifies: who creates a change set with them needs sns:Publish (public report
    awslabs/aws-service-catalog-puppet#19, 2019-04-29).
    """
    groups: dict[str, set[str]] = {}
    for each in CALLS:
        if role in each.roles and each.on != "nothing":
            groups.setdefault(each.on, set()).update(each.needs)
    found = [
        Statement(tuple(sorted(actions)), *_where(on, place, service_role)) for on, actions in sorted(groups.items())
    ]
    passed = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    found.append(Statement(("iam:PassRole",), (service_role,), passed))
    if topics:
        found.append(Statement(("sns:Publish",), topics))
    if role == DEPLOY:  # the release command runs with the roles of the API's tasks
        tasks = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
        found.append(Statement(("iam:PassRole",), place.own_roles(), tasks))
    # Of a nested change set whose stack AWS does not name, rights are looked for on its own ARN.
    found.append(Statement(("cloudformation:DescribeChangeSet", "cloudformation:GetTemplate"), place.change_sets()))
    if place.shared_stack():  # which says that the bucket is the one that environments share
        found.append(Statement(("cloudformation:DescribeStacks",), place.shared_stack()))
    changes = ("cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet")
    found.append(Statement(changes, place.own_stacks(), effect="Deny"))
    return tuple(found)


def _where(on: str, place: Place, service_role: str) -> tuple[tuple[str, ...], Mapping[str, Mapping[str, Any]]]:
    bucket, objects = place.artifacts()
    match on:
        case "stacks":
            return place.stacks(), {}
        case "stacks with the role":
            return place.stacks(), {"StringEquals": {"cloudformation:RoleArn": service_role}}
        case "bucket":
            listed = [f"{each}*" for each in place.object_prefixes()]
            return (bucket,), {"StringLike": {"s3:prefix": listed}} if listed else {}
        case "objects":
            return objects, {}
        case "repository":
            return place.named("ecr"), {}
        case "ecs":
            return place.named("ecs"), {}
        case "functions":
            return place.named("lambda"), {}
        case "logs":
            return place.named("logs"), {}
        case "queues":
            return place.named("sqs"), {}
        case "anything":
            return ("*",), {}
    raise ValueError(on)


def push(place: Place) -> tuple[Statement, ...]:
    """Return what pushes an image to the environment's repositories, and nothing else."""
    return (Statement(("ecr:GetAuthorizationToken",)), Statement(PUSHES, place.named("ecr")))


def actions(given: Iterable[Statement]) -> tuple[str, ...]:
    """Return the actions that statements allow, sorted."""
    return tuple(sorted({action for each in given if each.effect == "Allow" for action in each.actions}))
