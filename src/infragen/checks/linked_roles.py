"""Service-linked roles: a service creates its own with the first resource, and in a new account that is too late.

ECS assumes the role as soon as it has created it, which fails (aws-cloudformation/cloudformation-coverage-roadmap#818,
2021-03-23; 1Password/scim-examples#356, 2025-05-09); RDS does the same ("Unable to create the resource. Verify that you
have permission to create service linked role", aws-samples/aws-fault-injection-simulator-workshop-v2#195, 2026-07-22).
A nested first deployment then rolls everything back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infragen.checks.check import Answer, Check, Subject, ok, wrong

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader


@dataclass(frozen=True)
class LinkedRole:
    """The role of one service, and the resource types for which the service needs it."""

    service: str
    name: str
    types: frozenset[str]
    source: str


LINKED_ROLES = (
    LinkedRole(
        "ecs.amazonaws.com", "AWSServiceRoleForECS", frozenset({"AWS::ECS::Cluster", "AWS::ECS::Service"}),
        "Amazon ECS Developer Guide, \"Using service-linked roles for Amazon ECS\"",
    ),
    LinkedRole(
        "rds.amazonaws.com", "AWSServiceRoleForRDS",
        frozenset({"AWS::RDS::DBSubnetGroup", "AWS::RDS::DBCluster", "AWS::RDS::DBInstance"}),
        "Amazon Aurora User Guide, \"Using service-linked roles for Amazon Aurora\"",
    ),
    LinkedRole(
        "elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing",
        frozenset({"AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::TargetGroup"}),
        "Elastic Load Balancing User Guide, \"Elastic Load Balancing service-linked role\"",
    ),
    LinkedRole(
        "ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService",
        frozenset({"AWS::ApplicationAutoScaling::ScalableTarget"}),
        "Application Auto Scaling User Guide, \"Service-linked roles for Application Auto Scaling\"",
    ),
)  # fmt: skip
"""Read 2026-11-29. A service that is not here creates its role by itself, as far as anybody has reported."""


def needed(types: Collection[str]) -> tuple[LinkedRole, ...]:
    """Return the roles without which resources of these types cannot be created."""
    return tuple(each for each in LINKED_ROLES if each.types & set(types))


def missing(types: Collection[str], account: AccountReader) -> tuple[LinkedRole, ...]:
    """Return those of them that do not exist."""
    return tuple(each for each in needed(types) if not account.role_exists(each.name))


def run(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask IAM for each role that the templates need."""
    types = {each.type for each in subject.resources}
    created = {each.type for each in subject.resources if each.added}
    gone = missing(types, account)
    for each in gone:
        yield wrong(
            f"{each.name} does not exist: the first resource of {each.service} in an account fails without it",
            f"`infragen doctor --fix` creates it, or `aws iam create-service-linked-role --aws-service-name "
            f"{each.service}`",
            stops=bool(each.types & created),
        )
    if there := [each.name for each in needed(types) if each not in gone]:
        yield ok(f"{', '.join(there)} exist")


CHECK = Check(
    "linked-roles",
    "The service-linked roles of ECS, RDS, Elastic Load Balancing and Application Auto Scaling exist.",
    ("iam:GetRole",),
    frozenset().union(*(each.types for each in LINKED_ROLES)),
    run,
)
