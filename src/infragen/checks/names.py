"""Names of a former life: what a deleted environment kept, or somebody else has, makes a creation fail at its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infragen.checks.check import Answer, Check, Resource, Subject, ok, unknown, wrong
from infragen.errors import PermissionDenied

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader

WITHIN = {
    "AWS::ECS::Service": "AWS::ECS::Cluster",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "AWS::ApplicationAutoScaling::ScalableTarget",
}
"""Types whose names are unique only within a resource of another type (CreateService in the Amazon ECS API Reference,
PutScalingPolicy in the Application Auto Scaling API Reference; read 2026-11-29): where that is added, they are free."""


def run(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask for each type of named resources that the deployment adds. A type nobody can ask for is not known."""
    from infragen.resource_types import resource_type

    by_type: dict[str, dict[str, Resource]] = {}
    computed = list[str]()
    for each in subject.resources:
        key = resource_type(each.type).name_property
        name = each.properties.get(key) if key else None
        if each.type in WITHIN and subject.added(WITHIN[each.type]):
            continue
        if each.added and isinstance(name, str) and name != each.before.get(key):
            by_type.setdefault(each.type, {})[name] = each
        elif each.added and name is not None and not isinstance(name, str):
            computed.append(each.place)
    free, silent = 0, list[str]()
    for kind, named in by_type.items():
        try:
            taken = account.taken(kind, tuple(named))
        except PermissionDenied as error:
            yield unknown(f"{kind}: {error.permission} is denied")
            continue
        if taken is None:
            silent.append(kind)
            continue
        free += len(named) - len(taken)
        for name, said in taken.items():
            yield wrong(f"{named[name].place}: the {kind} {name} {said}", _way_out(kind, name, said))
    if computed:
        yield unknown(f"named only when they are created, so not looked for: {', '.join(computed)}")
    if silent:
        yield unknown(f"not looked for by name: {', '.join(silent)}")
    if free:
        yield ok(f"{free} names that are added are free")


def _way_out(kind: str, name: str, said: str) -> str:
    from infragen.resource_types import resource_type

    if "being deleted" in said:
        return "wait until its name is free"
    if "deleted" in said:
        return f"`aws secretsmanager restore-secret --secret-id {name}`, or wait until its name is free"
    command = resource_type(kind).delete_command.format(name)
    remove = f"`{command}`" if command else "remove it"
    take = "take it over (`infragen docs moving-here`), " if resource_type(kind).importable else ""
    return f"{take}rename the environment, or, if nothing in it is needed any more, {remove}"


CHECK = Check(
    "names",
    "Nothing has the physical names of what is added: repositories, buckets, queues, functions, ECS clusters, log "
    "groups, secrets (also in their deletion window), key aliases, DB clusters and instances, web ACLs, alarms, "
    "dashboards and schedule groups. Other types are named as not looked for.",
    (
        "ecr:DescribeRepositories", "s3:ListBucket", "sqs:GetQueueUrl", "lambda:GetFunctionConcurrency",
        "ecs:DescribeClusters", "logs:DescribeLogGroups", "secretsmanager:DescribeSecret", "kms:ListAliases",
        "rds:DescribeDBClusters", "rds:DescribeDBInstances", "wafv2:ListWebACLs", "cloudwatch:DescribeAlarms",
        "cloudwatch:ListDashboards", "scheduler:GetScheduleGroup",
    ),
    frozenset({
        "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::Dashboard",
        "AWS::ECR::Repository", "AWS::ECS::Cluster", "AWS::KMS::Alias", "AWS::Lambda::Function", "AWS::Logs::LogGroup",
        "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::S3::Bucket", "AWS::SQS::Queue",
        "AWS::Scheduler::ScheduleGroup", "AWS::SecretsManager::Secret", "AWS::WAFv2::WebACL",
    }),
    run,
)  # fmt: skip
