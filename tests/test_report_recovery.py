"""What a deletion and a recovery will do, as people read it before they agree."""

from infragen.cloud.cloudformation import OnRecover, StackState
from infragen.engine.deletion_plan import DestroyPlan, RecoveryPlan, Remedy, ResourceDeletion, StackDeletion, Stuck
from infragen.report.deletion import deletion_lines
from infragen.report.plan import Detail
from infragen.report.recovery import recovery_lines

STATE = StackState("arn:stack", "shop-dev", "UPDATE_ROLLBACK_FAILED", protected=True)


def test_a_deletion_shows_what_goes_what_stays_and_what_is_snapshotted() -> None:
    """Protections are named where they must be switched off."""
    resources = (
        ResourceDeletion("queue", "Orders", "AWS::SQS::Queue", "q", "deleted"),
        ResourceDeletion("data", "Cluster", "AWS::RDS::DBCluster", "c", "snapshotted", protected=True),
        ResourceDeletion("network", "Key", "AWS::KMS::Key", "k", "kept"),
    )
    plan = DestroyPlan("dev", "1", "eu-west-1", (StackDeletion("root", STATE, resources, frozenset(), frozenset()),))
    assert [line.plain for line in deletion_lines(plan, 200, Detail.ALL)] == [
        "This deletes dev in account 1, eu-west-1",
        "",
        "root  shop-dev  UPDATE_ROLLBACK_FAILED",
        "  queue/Orders  AWS::SQS::Queue  deleted",
        "  data/Cluster  AWS::RDS::DBCluster  snapshotted, then deleted; its deletion protection must be switched off",
        "  network/Key   AWS::KMS::Key  kept",
        "  its termination protection must be switched off",
        "",
        "1 deleted, 1 snapshotted, 1 kept",
    ]


def test_what_stays_and_what_is_lost_is_told_before_the_rest_is_counted() -> None:
    """At the terminal's width; a type that nobody knows is told, because it may hold data."""
    resources = (
        ResourceDeletion("network", "Vpc", "AWS::EC2::VPC", "v", "deleted"),
        ResourceDeletion("queue", "Orders", "AWS::SQS::Queue", "q", "deleted"),
        ResourceDeletion("own", "Odd", "Nobody::Knows::This", "o", "deleted"),
        ResourceDeletion("data", "Cluster", "AWS::RDS::DBCluster", "c", "snapshotted", protected=True),
        ResourceDeletion("network", "Key", "AWS::KMS::Key", "k", "kept"),
        ResourceDeletion("api", "LoadBalancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", "l", "deleted", True),
    )
    plan = DestroyPlan("dev", "1", "eu-west-1", (StackDeletion("root", STATE, resources, frozenset(), frozenset()),))
    assert [line.plain for line in deletion_lines(plan, 80)] == [
        "This deletes dev in account 1, eu-west-1",
        "",
        "kept:",
        "  network/Key  AWS::KMS::Key",
        "",
        "snapshotted, then deleted:",
        "  data/Cluster  AWS::RDS::DBCluster  its deletion protection must be switched",
        "      off",
        "",
        "deleted:",
        "  queue/Orders      AWS::SQS::Queue  with its messages",
        "  own/Odd           Nobody::Knows::This  infragen does not know whether it holds",
        "      data",
        "  api/LoadBalancer  AWS::ElasticLoadBalancingV2::LoadBalancer  its deletion",
        "      protection must be switched off",
        "",
        "root  shop-dev  UPDATE_ROLLBACK_FAILED  1 other resource",
        "  its termination protection must be switched off",
        "",
        "4 deleted, 1 snapshotted, 1 kept",
    ]


def test_a_recovery_shows_why_what_is_stuck_and_what_is_given_up() -> None:
    """The API that will be called has its AWS name."""
    stuck = (
        Stuck("api/Service", "AWS::ECS::Service", "not stable", "shop-dev-Api.Service"),
        Stuck("api/Alarm", "AWS::CloudWatch::Alarm", "throttled", "shop-dev-Api.Alarm"),
    )
    remedy = Remedy("root", STATE, OnRecover.CONTINUE_ROLLBACK, "api/Service failed", stuck, stuck[:1])
    assert [line.plain for line in recovery_lines(RecoveryPlan("dev", "1", "eu-west-1", (remedy,)))] == [
        "root  shop-dev  UPDATE_ROLLBACK_FAILED",
        "  because of api/Service failed",
        "  its rollback is continued (ContinueUpdateRollback)",
        "  api/Service  AWS::ECS::Service  is skipped: afterwards it no longer matches the template  (not stable)",
        "  api/Alarm  AWS::CloudWatch::Alarm  is tried again  (throttled)",
    ]


def test_without_anything_to_recover_it_says_so() -> None:
    """One line."""
    [line] = recovery_lines(RecoveryPlan("dev", "1", "eu-west-1", ()))
    assert line.plain == "dev: nothing needs recovery"
