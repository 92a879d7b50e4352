"""What a deletion leaves in AWS: each thing with its id, its cost a month, and the command that removes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench import Bench, at_work, environment
from fakeaws import FakeAws
from stage import QUEUE

from infragen.cloud.cloudformation import StackState
from infragen.cost.prices import prices_of
from infragen.engine.deletion_plan import DestroyPlan, ResourceDeletion, StackDeletion
from infragen.engine.destroy import DestroyOptions, destroy_environment
from infragen.engine.left_behind import Left, what_is_left
from infragen.engine.outcome import Deleted
from infragen.engine.progress import Warned
from infragen.report.kept import kept_lines, left_document
from infragen.resource_types import resource_type

STATE = StackState("arn:stack/shop-test/1", "shop-test", "CREATE_COMPLETE")
PRICES = prices_of("us-east-1")
SECRETS = (
    "api: {cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2, https: {mode: http_only}, "
    "ingress_cidrs: [203.0.113.0/24], secrets: {KEY: ssm}}\n"
)
CLUSTER = {"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Snapshot", "Properties": {"Engine": "aurora-postgresql"}}


@pytest.fixture
def bench(aws: FakeAws, tmp_path: Path) -> Bench:
    bench = at_work(aws, environment(tmp_path, "network: {nat: single}\n" + SECRETS))
    bench.bootstrap()
    return bench


def lines(left: tuple[Left, ...]) -> list[str]:
    return [line.plain for line in kept_lines(left)]


def ended(bench: Bench, **options: Any) -> tuple[Left, ...]:
    result = destroy_environment(bench.env, bench.session, DestroyOptions(**options))
    gone = {each.layer for each in result.outcomes if isinstance(each, Deleted)}
    return what_is_left(bench.session, bench.env, result.plan, gone, PRICES)


def test_what_is_left_is_listed_with_its_cost_and_what_removes_it(bench: Bench, aws: FakeAws) -> None:
    """Retained resources, snapshots by their ids, and the stacks of bootstrap; of a stack that is not gone nothing."""
    resources = (
        ResourceDeletion("network", "Key", "AWS::KMS::Key", "key-1", "kept"),
        ResourceDeletion("network", "Flow", "AWS::Logs::LogGroup", "/shop/flow", "kept"),
        ResourceDeletion("api", "AccessLogs", "AWS::S3::Bucket", "shop-logs", "kept"),
        ResourceDeletion("api", "Repository", "AWS::ECR::Repository", "shop-prod-api", "kept"),
        ResourceDeletion("database", "Cluster", "AWS::RDS::DBCluster", "shop-prod", "snapshotted"),
        ResourceDeletion("own", "Cache", "AWS::ElastiCache::ReplicationGroup", "r", "snapshotted"),
        ResourceDeletion("delivery", "Provider", "AWS::IAM::OIDCProvider", "arn:1", "kept"),
        ResourceDeletion("own", "Table", "AWS::DynamoDB::Table", "t", "kept"),
        ResourceDeletion("own", "Thing", "Acme::Thing::Thing", "x", "snapshotted"),
        ResourceDeletion("queue", "Jobs", "AWS::SQS::Queue", "q", "deleted"),
    )
    aws.settings.snapshots["shop-prod"] = ["final-1", "before-the-move"]
    gone = StackDeletion("root", STATE, resources, frozenset(), frozenset())
    there = StackDeletion("other", STATE, resources, frozenset(), frozenset())
    plan = DestroyPlan("prod", "1" * 12, "us-east-1", (gone, there), ("shop-prod-artifacts",))
    found = what_is_left(bench.session, bench.env, plan, {"root"}, PRICES)
    cache, some = "aws elasticache", "describe-snapshots --snapshot-source user --replication-group-id r"
    assert lines(found) == [
        "",
        "left in AWS:",
        "  network/Key  AWS::KMS::Key  key-1, 1 USD a month",
        "    `aws kms schedule-key-deletion --key-id key-1`",
        "  network/Flow  AWS::Logs::LogGroup  /shop/flow, 0.03 USD a month per GB",
        "    `aws logs delete-log-group --log-group-name /shop/flow`",
        "  api/AccessLogs  AWS::S3::Bucket  shop-logs, 0.023 USD a month per GB",
        "    delete its object versions, with Empty in the S3 console; then `aws s3 rb s3://shop-logs --force`",
        "  api/Repository  AWS::ECR::Repository  shop-prod-api, 0.1 USD a month per GB",
        "    `aws ecr delete-repository --force --repository-name shop-prod-api`",
        "  database/Cluster  AWS::RDS::DBCluster  snapshot final-1, 0.021 USD a month per GB",
        "    `aws rds delete-db-cluster-snapshot --db-cluster-snapshot-identifier final-1`",
        "  database/Cluster  AWS::RDS::DBCluster  snapshot before-the-move, 0.021 USD a month per GB",
        "    `aws rds delete-db-cluster-snapshot --db-cluster-snapshot-identifier before-the-move`",
        "  own/Cache  AWS::ElastiCache::ReplicationGroup  a final snapshot, its cost is not known",
        f"    `{cache} {some}` tells its ID, `{cache} delete-snapshot --snapshot-name ID` deletes it",
        "  delivery/Provider  AWS::IAM::OIDCProvider  arn:1, no charge",
        "    delete it in the service's console",
        "  own/Table  AWS::DynamoDB::Table  t, its cost is not known",
        "    delete it in the service's console",
        "  own/Thing  Acme::Thing::Thing  a final snapshot, its cost is not known",
        "    find it in the service's console, by the name of the stack",
        "  shop-prod-artifacts  made by bootstrap  with its bucket, 0.023 USD a month per GB",
        "    `infragen destroy --env test --bootstrap`",
    ]
    assert lines(()) == []
    [bucket] = [each for each in left_document(found) if each["id"] == "shop-logs"]
    assert bucket == {
        "kind": "retained", "place": "api/AccessLogs", "resource_type": "AWS::S3::Bucket", "id": "shop-logs",
        "usd_a_month": 0.023, "per_gb": True, "command": "aws s3 rb s3://shop-logs --force",
        "before": "delete its object versions, with Empty in the S3 console",
    }  # fmt: skip


@pytest.mark.long
def test_a_deletion_names_its_final_snapshot_and_the_secrets_of_the_application(bench: Bench, aws: FakeAws) -> None:
    """No stack has the secrets, so that nothing else would; those of another environment are not among them."""
    unit = bench.unit("data", {"Cluster": CLUSTER, "Jobs": QUEUE})
    assert bench.deploy_units(unit).exit_code == 0
    for name in ("/shop/test/KEY", "/shop/test/OLD", "/shop/prod/KEY", "/shop/test/below/KEY"):
        bench.session.cloud.put_parameter(name, "value", "", {})
    found = ended(bench)
    [snapshot] = [each for each in found if each.kind == "snapshot"]
    assert snapshot.id == "shop-test-data-snapshot-cluster-1abcdefghijkl"
    assert [(each.id, each.usd, each.command) for each in found if each.kind == "ssm"] == [
        ("/shop/test/KEY", 0, "infragen secrets rm KEY --env test --allow-in-use"),
        ("/shop/test/OLD", 0, "infragen secrets rm OLD --env test"),
    ]
    again = ended(bench)
    assert [each.id for each in again if each.kind == "ssm"] == ["/shop/test/KEY", "/shop/test/OLD"]
    assert "value" not in "\n".join(lines(found))


@pytest.mark.long
def test_what_may_not_be_listed_is_a_warning_and_never_counts_as_none(bench: Bench, aws: FakeAws) -> None:
    """The snapshot is left all the same: the command that lists it is named."""
    assert bench.deploy_units(bench.unit("data", {"Cluster": CLUSTER})).exit_code == 0
    aws.refuse("rds:DescribeDBClusterSnapshots", "AccessDenied", "not authorized")
    aws.refuse("ssm:DescribeParameters", "AccessDeniedException", "not authorized")
    found = ended(bench)
    [said] = [line for line in lines(found) if "tells its ID" in line]
    assert "aws rds describe-db-cluster-snapshots --snapshot-type manual --db-cluster-identifier" in said
    warned = [each.text for each in bench.ui.events if isinstance(each, Warned)]
    assert any(each.startswith("the snapshots of data/Cluster were not listed: ") for each in warned), warned
    assert any(each.startswith("the secrets of the environment were not listed: ") for each in warned), warned


def test_while_a_stack_is_left_its_secrets_are_in_use(bench: Bench, aws: FakeAws) -> None:
    """They are not listed then: deleting them would break what is there."""
    assert bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})).exit_code == 0
    bench.session.cloud.put_parameter("/shop/test/KEY", "value", "", {})
    aws.fail("Jobs", on="delete")
    assert [each.kind for each in ended(bench)] == ["bootstrap"]


MYSQL = {"Engine": "mysql", "DeleteAutomatedBackups": False}
INSTANCE = {"Type": "AWS::RDS::DBInstance", "Properties": MYSQL}
MEMBER = {"Type": "AWS::RDS::DBInstance", "Properties": {**MYSQL, "DBClusterIdentifier": "c"}}


@pytest.mark.long
def test_a_database_of_an_own_layer_leaves_its_final_snapshot_and_its_backups(bench: Bench, aws: FakeAws) -> None:
    """One in a cluster leaves neither: both are the cluster's."""
    own = {"Db": {**INSTANCE, "DeletionPolicy": "Snapshot"}, "Member": MEMBER}
    assert bench.deploy_units(bench.unit("data", own)).exit_code == 0
    found = [each for each in ended(bench) if each.kind != "bootstrap"]
    [name] = [each.physical_id for stack in aws.cloud.stacks.values() for each in stack.resources.values()
              if each.logical_id == "Db"]  # fmt: skip
    snapshot = "shop-test-data-snapshot-db-1abcdefghijkl"
    assert [(each.kind, each.place, each.id) for each in found] == [
        ("snapshot", "data/Db", snapshot), ("backups", "data/Db", ""),
    ]  # fmt: skip
    assert found[0].command == f"aws rds delete-db-snapshot --db-snapshot-identifier {snapshot}"
    assert lines(tuple(found))[-1] == (
        f"    `aws rds describe-db-instance-automated-backups --db-instance-identifier {name}` tells its ID, "
        "`aws rds delete-db-instance-automated-backup --dbi-resource-id ID` deletes it"
    )
    assert left_document(found)[1]["command"] is None


def test_each_type_that_can_be_snapshotted_has_the_commands() -> None:
    """CloudFormation's list (User Guide, "DeletionPolicy attribute", read 2026-11-29)."""
    types = (
        "DocDB::DBCluster", "EC2::Volume", "ElastiCache::CacheCluster", "ElastiCache::ReplicationGroup",
        "Neptune::DBCluster", "RDS::DBCluster", "RDS::DBInstance", "Redshift::Cluster",
    )  # fmt: skip
    for each in types:
        row = resource_type(f"AWS::{each}")
        assert "{}" in row.delete_command, each
        assert "{}" in row.snapshots_command, each
        assert "{}" in row.snapshot_delete_command, each
