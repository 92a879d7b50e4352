"""What a change in place loses is refused like a deletion, by name, in words of what is lost."""

from pathlib import Path
from typing import Any

import pytest

from infragen.assembly.templatefile import parse
from infragen.changes.diff import Side
from infragen.changes.replacement import _index as schemas
from infragen.changes.replacement import schema_of
from infragen.cloud.cloudformation import ResourceChange
from infragen.cloud.template import STACK_TYPE
from infragen.gates.data_loss import stateful
from infragen.gates.in_place import NOTHING_KEPT, losses
from infragen.resource_types import resource_type
from infragen.secrecy.shown import KnownAfter

TEMPLATES = Path(__file__).parents[2] / "templates"
QUEUE, BUCKET, TABLE = "AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::DynamoDB::Table"
CLUSTER, GROUP, MAPPING = "AWS::RDS::DBCluster", "AWS::Logs::LogGroup", "AWS::Lambda::EventSourceMapping"
PARAMETERS, REPLICATION = "AWS::RDS::DBClusterParameterGroup", "AWS::ElastiCache::ReplicationGroup"
BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
CACHE, CUSTOM, ACME = "AWS::MemoryDB::Cluster", "Custom::Store", "Acme::Store::Table"


def lost(kind: str, before: Any, after: Any, **values: object) -> list[str]:
    """What is lost when a resource of that type gets other properties."""
    old, new = (Side({"Resources": {"It": {"Type": kind, "Properties": each}}}, values) for each in (before, after))
    return [each.why for each in losses("data", old, new, ())]


def rules(days: int, **more: Any) -> dict[str, Any]:
    return {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": days, **more}]}}


def patterns(*texts: str) -> dict[str, Any]:
    return {"FilterCriteria": {"Filters": [{"Pattern": each} for each in texts]}}


def received(times: int) -> dict[str, Any]:
    return {"RedrivePolicy": {"maxReceiveCount": times}}


def attributes(value: str) -> dict[str, Any]:
    return {"LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": value}]}


def listed(key: str, name: str, *values: str, **more: Any) -> dict[str, Any]:
    return {key: [{name: each, **more} for each in values]}


UNIT = {"Ref": "Days"}
INDEXES, RECOVERY = "GlobalSecondaryIndexes", "PointInTimeRecoverySpecification"
TTL = {"TimeToLiveSpecification": {"Enabled": True}}


@pytest.mark.parametrize(
    ("kind", "before", "after", "words"),
    [
        (CLUSTER, {"BackupRetentionPeriod": 35}, {"BackupRetentionPeriod": 1}, "34 days of point-in-time recovery end"),
        (CLUSTER, {"BackupRetentionPeriod": "35"}, {}, "34 days of point-in-time recovery end"),
        (CLUSTER, {"BackupRetentionPeriod": 35}, {"BackupRetentionPeriod": UNIT}, "cannot be compared"),
        (CLUSTER, {"DeletionProtection": True}, {}, "RDS no longer refuses to delete it"),
        (CLUSTER, {"DeletionProtection": "true"}, {"DeletionProtection": UNIT}, "cannot be compared"),
        (CLUSTER, {}, {"DeleteAutomatedBackups": True}, ""),
        (CLUSTER, {"DeleteAutomatedBackups": False}, {}, "its automated backups are deleted together with it"),
        (GROUP, {}, {"RetentionInDays": 365}, "from unlimited to 365"),
        (GROUP, {"RetentionInDays": 365}, {"RetentionInDays": 1}, "log events older than 1 day are deleted"),
        (GROUP, {"RetentionInDays": 365}, {}, ""),
        (QUEUE, {"MessageRetentionPeriod": 1209600}, {}, "messages older than 4 days are deleted"),
        (QUEUE, received(5), {}, "no longer kept in a dead-letter queue"),
        (QUEUE, received(5), received(3), "after 3 attempts"),
        (QUEUE, received(3), received(5), ""),
        (QUEUE, {"RedrivePolicy": '{"maxReceiveCount": 5}'}, {"RedrivePolicy": '{"maxReceiveCount": 1}'}, "1 att"),
        (QUEUE, {}, {"RedrivePolicy": {"maxReceiveCount": 3, "deadLetterTargetArn": "a"}}, "after 3 attempts"),
        (BUCKET, rules(365), rules(30), "objects are deleted"),
        (BUCKET, {}, rules(3650), "objects are deleted"),
        (BUCKET, rules(30), rules(365), ""),
        (BUCKET, rules(30), {}, ""),
        (BUCKET, rules(30, Prefix="a/"), rules(30), "objects are deleted"),
        (BUCKET, {"VersioningConfiguration": {"Status": "Enabled"}}, {}, "are no longer kept"),
        (BUCKET, {}, {"VersioningConfiguration": {"Status": "Enabled"}}, ""),
        (MAPPING, {}, patterns("{}"), "deleted unread"),
        (MAPPING, patterns("a"), patterns("a", "b"), ""),
        (MAPPING, patterns("a", "b"), patterns("b"), "deleted unread"),
        (MAPPING, patterns("a"), patterns("b"), "deleted unread"),
        (MAPPING, patterns("a"), {"FilterCriteria": UNIT}, "deleted unread"),
        (MAPPING, patterns("a"), {}, ""),
        (MAPPING, {}, {"MaximumRetryAttempts": 2}, "dropped after 2 retries"),
        (MAPPING, {"FunctionResponseTypes": ["ReportBatchItemFailures"]}, {}, "as if they were done"),
        (MAPPING, {}, {"FunctionResponseTypes": ["ReportBatchItemFailures"]}, ""),
        (MAPPING, {"BisectBatchOnFunctionError": True}, {}, "takes its whole batch along"),
        (TABLE, {"TimeToLiveSpecification": {"Enabled": False}}, TTL, "expire"),
        ("AWS::SNS::Subscription", {}, {"FilterPolicy": {"kind": ["a"]}}, "are not delivered"),
        ("AWS::KMS::Key", {"Enabled": True}, {"Enabled": False}, "nothing that is encrypted with it can be read"),
        ("AWS::ECR::Repository", {"ImageTagMutability": "IMMUTABLE"}, {"ImageTagMutability": "MUTABLE"}, "same tag"),
        (CACHE, {"SnapshotRetentionLimit": 35}, {"SnapshotRetentionLimit": 1}, "does not know what a change of"),
        (CACHE, {"SnapshotRetentionLimit": 1}, {"SnapshotRetentionLimit": 35}, ""),
        (CACHE, {"SnapshotRetentionLimit": 1}, {}, "does not know what a change of"),
        (CUSTOM, {"Keep": {"BackupPlan": "a"}}, {"Keep": {"BackupPlan": "b"}}, "does not know what a change of Keep"),
        (CUSTOM, {"Data": {"Backups": {"Days": 3}}}, {"Data": {"Backups": {"Days": 2}}}, "a change of Data.Backups"),
        (ACME, {"DeleteProtection": True}, {"DeleteProtection": False}, "does not know what a change of"),
        (ACME, {"DeleteProtection": False}, {"DeleteProtection": True}, ""),
        (ACME, {"FilterPattern": "a"}, {"FilterPattern": "b"}, "does not know what a change of"),
        (ACME, {"Nodes": 3}, {"Nodes": 2}, "does not know what a change of Nodes"),
        (ACME, {"Nodes": 2}, {"Nodes": 3}, ""),
        (ACME, {"Nodes": "2"}, {"Nodes": 2}, ""),
        (ACME, {"Nodes": 0}, {"Nodes": 3}, "does not know"),
        (ACME, {"RetentionDays": 30}, {"RetentionDays": 0}, "does not know"),
        (ACME, {"SnapshotIntervalHours": 1}, {"SnapshotIntervalHours": 24}, "does not know"),
        (ACME, {"SkipFinalSnapshot": False}, {"SkipFinalSnapshot": True}, "does not know"),
        (ACME, {"MultiAz": True}, {"MultiAz": False}, "does not know"),
        (ACME, {"MultiAz": False}, {"MultiAz": True}, ""),
        (ACME, {"Turbo": False}, {"Turbo": True}, "does not know"),
        (ACME, {"DisableApiTermination": False}, {"DisableApiTermination": True}, ""),
        (ACME, {"Mode": "safe"}, {"Mode": "fast"}, "does not know"),
        (ACME, {"Mode": "safe"}, {}, "does not know"),
        (BALANCER, attributes("true"), attributes("false"), "Balancing no longer refuses to delete it"),
        (BALANCER, attributes("true"), {}, "no longer refuses to delete it"),
        (BALANCER, attributes("true"), {"LoadBalancerAttributes": [{"Key": "other", "Value": "true"}]}, "refuses"),
        (BALANCER, attributes("true"), {"LoadBalancerAttributes": UNIT}, "cannot be compared"),
        (BALANCER, attributes("false"), attributes("true"), ""),
        (ACME, {"Units": 1}, {"Units": 2}, ""),
        (ACME, {"Store": {"Description": "a"}}, {"Store": {"Description": "b"}}, ""),
        (ACME, {"Tags": {"Owner": "a"}}, {"Tags": {"Owner": "b"}}, ""),
        (ACME, {"Mode": ["a"]}, {"Mode": "['a']"}, "a change of Mode"),
        (ACME, {}, {"BackupCopies": 0}, "a change of BackupCopies"),
        (ACME, {}, {"BackupCopies": 1}, ""),
        (ACME, {"ObjectLock": False}, {"ObjectLock": True}, ""),
        (ACME, {"NoBackup": False}, {"NoBackup": True}, "does not know"),
        (ACME, {"Comment": "a"}, {"Comment": "b"}, ""),
        (ACME, {}, {"PointInTime": "a"}, ""),
        ("AWS::SecretsManager::Secret", listed("ReplicaRegions", "Region", "a", KmsKeyId="k"),
         listed("ReplicaRegions", "Region", "a", KmsKeyId="l"), ""),
        (ACME, {"Tags": []}, {"Tags": [{"Key": "a", "Value": "b"}]}, ""),
        (ACME, {"StoreDescription": "a"}, {"StoreDescription": "b"}, ""),
        (ACME, {"Policy": '{"Keep": {"Copies": 3}}'}, {"Policy": '{"Keep": {"Copies": 2}}'}, "of Policy.Keep.Copies"),
        (ACME, {"Where": {"Ref": "Days"}}, {"Where": "here"}, "does not know what a change of Where"),
        ("AWS::RDS::DBInstance", {"MultiAZ": True}, {}, "its standby in another zone is deleted"),
        ("AWS::RDS::DBInstance", {}, {"MultiAZ": True}, ""),
        ("AWS::RDS::DBInstance", {"DBInstanceClass": "a"}, {"DBInstanceClass": "b"}, ""),
        ("AWS::RDS::DBInstance", {"OptionGroupName": "a"}, {"OptionGroupName": "b"}, "does not know"),
        (CLUSTER, {"EngineMode": "a"}, {"EngineMode": "b"}, "does not know"),
        (CLUSTER, {"ManageMasterUserPassword": True}, {}, "administrator's password is deleted"),
        (PARAMETERS, {"Parameters": {"work_mem": 1}}, {"Parameters": {"work_mem": 2}}, ""),
        (PARAMETERS, {}, {"Parameters": {"rds.force_ssl": "1"}}, ""),
        (PARAMETERS, {}, {"Parameters": {"synchronous_commit": "off"}}, "committed may be lost"),
        (PARAMETERS, {"Parameters": {"synchronous_commit": "off"}}, {}, ""),
        (PARAMETERS, {"Parameters": {"sync_binlog": "1"}}, {"Parameters": {"sync_binlog": "0"}}, "may be lost"),
        (PARAMETERS, {"Parameters": {"rds.logical_replication": "1"}}, {}, "lose their place"),
        (PARAMETERS, {}, {"Parameters": {"rds.log_retention_period": "1440"}}, "older than 1 day are"),
        (PARAMETERS, {}, {"Parameters": {"of_tomorrow": "1"}}, "a change of Parameters.of_tomorrow loses"),
        ("AWS::Events::Archive", {"RetentionDays": 0}, {"RetentionDays": 30}, "from unlimited to 30"),
        ("AWS::Events::Archive", {}, {"RetentionDays": 30}, "from unlimited to 30"),
        ("AWS::Events::Archive", {"RetentionDays": 30}, {"RetentionDays": 0}, ""),
        ("AWS::Kinesis::Stream", {"RetentionPeriodHours": 48}, {}, "older than 24 hours"),
        ("AWS::SSM::Parameter", {"Value": "a"}, {"Value": "b"}, "its value is replaced"),
        ("AWS::SecretsManager::Secret", {"GenerateSecretString": {}}, {}, "a new random one"),
        ("AWS::SecretsManager::Secret", {"ReplicaRegions": [{"Region": "a"}]}, {}, "its copy in that region"),
        ("AWS::SecretsManager::Secret", {}, {"ReplicaRegions": [{"Region": "a"}]}, ""),
        (REPLICATION, {"NumCacheClusters": 3}, {"NumCacheClusters": 2}, "its copies go"),
        (REPLICATION, {"NumCacheClusters": 2}, {"NumCacheClusters": 3}, ""),
        (REPLICATION, {"NumNodeGroups": 3}, {"NumNodeGroups": 2}, "does not know"),
        (REPLICATION, {"ReplicasPerNodeGroup": 2}, {"ReplicasPerNodeGroup": 1}, "its copies go"),
        (TABLE, {"GlobalSecondaryIndexes": [{"IndexName": "a"}]}, {}, "the index is deleted"),
        (TABLE, listed(INDEXES, "IndexName", "a", W=1), listed(INDEXES, "IndexName", "a"), ""),
        (TABLE, {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}, {}, "ends at once"),
        (TABLE, {RECOVERY: {}}, {RECOVERY: {"Odd": 1}}, "a change of PointInTimeRecoverySpecification.Odd"),
        (TABLE, TTL, {"TimeToLiveSpecification": {"Enabled": False}}, ""),
        ("AWS::DynamoDB::GlobalTable", listed("Replicas", "Region", "a", "b"), listed("Replicas", "Region", "a"),
         "its items in that region are deleted"),
        ("AWS::Backup::BackupPlan", {"BackupPlan": {"A": 1}}, {"BackupPlan": {"A": 2}}, "does not know"),
        (ACME, {"Nodes": 2}, {"Nodes": 2, "Extra": {"Ref": "Days"}}, "a change of Extra"),
        (ACME, {"Mode": ["a"]}, {"Mode": ["a"]}, ""),
        ("AWS::SecretsManager::Secret", {"ReplicaRegions": [{"A": 1, "B": 2}]},
         {"ReplicaRegions": [{"B": 2, "A": 1}, {"Region": "c"}]}, ""),
        ("AWS::ECR::Repository", {"ImageTagMutability": "IMMUTABLE"}, {}, "same tag"),
        ("AWS::ECR::Repository", {"ImageTagMutability": "MUTABLE"}, {}, ""),
        ("AWS::ECR::Repository", {}, {"ImageTagMutability": "MUTABLE"}, ""),
        (CLUSTER, {"DatabaseInsightsMode": "advanced"}, {}, "history of Database Insights"),
        (QUEUE, {"DeduplicationScope": "messageGroup"}, {}, "may count as duplicates"),
        ("AWS::SNS::Subscription", {"FilterPolicyScope": "MessageBody"}, {}, "applied to something else"),
        ("AWS::SNS::Subscription", {"FilterPolicyScope": "MessageAttributes"}, {}, ""),
        ("AWS::SNS::Subscription", {"FilterPolicy": {"kind": ["a"]}}, {}, ""),
        (ACME, {"Nodes": "2.0"}, {"Nodes": 2}, ""),
        (ACME, {"Store": {"Fn::GetAtt": ["B", "Arn"]}}, {"Store": {"Nodes": 3}}, "a change of Store loses"),
        ("AWS::Events::Archive", {"RetentionDays": 0}, {}, ""),
        (BUCKET, rules(30, At=7), rules(30, At=[1]), "objects are deleted"),
        (BUCKET, rules(30, Days="3"), rules(30, Days=3), ""),
        (BALANCER, attributes("true"), {"LoadBalancerAttributes": ["x"]}, "refuses"),
        ("AWS::Lambda::Function", {}, {"Days": {"Keep": "all"}}, ""),
        ("AWS::SecretsManager::Secret", {"ReplicaRegions": [{"A": 1, "B": 2}]},
         {"ReplicaRegions": [{"B": 2, "A": 1}]}, ""),
        (ACME, {"Store": {"Ref": "Days"}}, {"Store": {"Nodes": 3}}, "a change of Store loses"),
        (CLUSTER, {"BackupRetentionPeriod": UNIT}, {"BackupRetentionPeriod": 1}, "cannot be compared"),
        (CLUSTER, {"DeletionProtection": UNIT}, {"DeletionProtection": False}, "cannot be compared"),
        (CLUSTER, {"DeletionProtection": UNIT}, {"DeletionProtection": True}, ""),
        (BUCKET, rules(30, Days=[1, 2]), rules(30, Days=[1, 2, 3]), "objects are deleted"),
        (BUCKET, rules(30, Days=[1, 2]), rules(30, Days=[1, 3]), ""),
        (BUCKET, rules(30, Days=[3, 2]), rules(30, Days=[1, 3]), "objects are deleted"),
        (BUCKET, rules(30, Days=[3]), rules(30, Days="3"), "objects are deleted"),
        (BUCKET, rules(30, Days="x"), rules(30, Days=[3]), "objects are deleted"),
        (BUCKET, rules(30, At={"a": 1}), rules(30, At="b"), "objects are deleted"),
        (BUCKET, rules(30, At="b"), rules(30, At={"a": 1}), "objects are deleted"),
        (BUCKET, rules(30, At="b"), rules(30, At=7), "objects are deleted"),
        (BUCKET, rules(30, At=7), rules(30, At="b"), "objects are deleted"),
        ("AWS::SecretsManager::Secret", listed("ReplicaRegions", "Region", "a"), {"ReplicaRegions": UNIT}, "its copy"),
        ("AWS::SecretsManager::Secret", {"ReplicaRegions": UNIT}, listed("ReplicaRegions", "Region", "a"), "its copy"),
        ("AWS::Lambda::Function", {"Keep": {"Ref": "Days"}}, {"Keep": {"Ref": "Other"}}, "a change of Keep"),
        ("AWS::Lambda::Function", {"Keep": True, "Mode": "a"}, {"Keep": True, "Mode": "b"}, ""),
        ("AWS::Lambda::Function", {"Keep": 3}, {"Keep": "all"}, "a change of Keep"),
        ("AWS::Lambda::Function", {"KeepCopies": "yes"}, {"KeepCopies": False}, "cannot be compared"),
        ("AWS::Lambda::Function", {}, {"Keep": "all"}, ""),
        ("AWS::Lambda::Function", {}, {"SnapshotRetention": "all"}, ""),
        ("AWS::Lambda::Function", {}, {"ExpiryRule": "1d"}, "a change of ExpiryRule"),
        ("AWS::Lambda::Function", {}, {"Plans": [{"Keep": "a"}]}, "a change of Plans"),
        ("AWS::Lambda::Function", {"Plans": [{"Keep": "a"}]}, {"Plans": "none"}, "a change of Plans"),
        ("AWS::Lambda::Function", {"Plans": "none"}, {"Plans": [{"Keep": "a"}]}, "a change of Plans"),
        ("AWS::Lambda::Function", {"Plans": [{"Keep": {"b": 1, "a": 2}}]},
         {"Plans": [{"Keep": {"a": 2, "b": 1}, "X": 1}]}, ""),
        ("AWS::Lambda::Function", {"Plans": "none"}, {"Plans": {"Keep": "a"}}, ""),
        ("AWS::Lambda::Function", {"Plans": {"Keep": "a"}}, {"Plans": "none"}, ""),
    ],
)  # fmt: skip
def test_what_a_change_in_place_loses(kind: str, before: Any, after: Any, words: str) -> None:
    """A shorter retention, a protection that goes, a filter that lets less through: by the row, or by the name."""
    found = lost(kind, before, after, Days=KnownAfter("network", "Days"))
    assert bool(found) == bool(words)
    assert not words or any(words in each for each in found)


@pytest.mark.parametrize(
    ("kind", "before", "after", "name", "words"),
    [
        (ACME, {"Keep": {"Copies": {"Of": "a"}}}, {"Keep": {"Copies": {"Of": "b"}}}, "Keep", "Keep.Copies.Of would ch"),
        (CLUSTER, {"BackupRetentionPeriod": 35}, {}, "BackupRetentionPeriod", "Period would fall from 35 to "),
        (TABLE, {RECOVERY: {"PointInTimeRecoveryEnabled": True}}, {}, RECOVERY, "RecoveryEnabled would become false: "),
        (BALANCER, attributes("true"), attributes("false"), "LoadBalancerAttributes",
         "deletion_protection.enabled would become false: "),
        (CLUSTER, {"DeletionProtection": True}, {}, "DeletionProtection", "DeletionProtection would become false: "),
        (BUCKET, rules(365), rules(30), "LifecycleConfiguration", "objects are deleted"),
        (QUEUE, received(5), received(3), "RedrivePolicy", "RedrivePolicy.maxReceiveCount would fall from 5 to 3: "),
        ("AWS::Lambda::Function", {"Store": {"RetentionDays": 3}}, {"Store": {"RetentionDays": 2}}, "Store",
         "Store.RetentionDays would fall from 3 to 2: "),
        ("AWS::Lambda::Function", {}, {"Store": {"Rules": {"ExpiryAge": "1d"}}}, "Store", "Store.Rules.ExpiryAge woul"),
        ("AWS::Lambda::Function", {"Store": {"Rules": {"ExpiryAge": "1d"}}}, {}, "Store", "Store.Rules.ExpiryAge: inf"),
    ],
)  # fmt: skip
def test_a_loss_names_its_property_and_says_what_would_become_of_it(
    kind: str, before: Any, after: Any, name: str, words: str
) -> None:
    """The property is what `--allow-data-loss` and the file's line are found by; the sentence has the whole path."""
    old, new = (Side({"Resources": {"It": {"Type": kind, "Properties": each}}}, {}) for each in (before, after))
    [refusal] = losses("data", old, new, ())
    assert refusal.property == name
    assert words in refusal.why


def test_rows_of_a_plan_are_matched_by_name_and_what_is_destroyed_is_told_once() -> None:
    """A row of another resource says nothing of this one; who goes or is replaced loses nothing in place besides."""
    one, other = ({"Type": GROUP, "Properties": {"RetentionInDays": each}} for each in (365, 1))
    old, new = Side({"Resources": {"It": one, "B": one}}, {}), Side({"Resources": {"It": other, "B": one}}, {})
    replaced = ResourceChange("data", "Modify", "B", GROUP, "True")
    assert [each.place for each in losses("data", old, new, [replaced])] == ["data/It"]
    in_place = ResourceChange("data", "Modify", "It", GROUP, "False")
    assert [each.place for each in losses("data", old, new, [in_place, replaced])] == ["data/It"]
    itself = ResourceChange("data", "Modify", "It", GROUP, "True")
    assert losses("data", old, new, [itself, replaced]) == ()
    assert (
        losses("data", old, Side({"Resources": {"B": one}}, {}), [ResourceChange("data", "Remove", "It", GROUP)]) == ()
    )
    assert losses("data", old, Side({"Resources": {"B": one}}, {}), []) == ()
    assert losses("data", old, Side({"Resources": {"It": {**other, "Type": QUEUE}, "B": one}}, {}), []) == ()
    [another] = losses("data", old, Side({"Resources": {"It": {"Type": "AWS::SNS::Topic"}, "B": one}}, {}), [])
    assert another.why == "would be replaced by a resource of another type (AWS::SNS::Topic)"
    nested = [{"Type": STACK_TYPE, "Properties": {"Parameters": {"BackupDays": each}}} for each in (35, 1)]
    whole, less = (Side({"Resources": {"It": each}}, {}) for each in nested)
    assert losses("data", whole, less, []) == ()


NONE: dict[str, Any] = {}


@pytest.mark.parametrize("kind", [ACME, CUSTOM, "AWS::Timestream::Table"])
@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ({"Rules": [{"RetentionDays": 30}]}, {"Rules": [{"RetentionDays": 1}]}, True),
        ({"Copies": [{"Where": {"Protection": True}}]}, {"Copies": [{"Where": {"Protection": False}}]}, True),
        ({"Copies": [{"Backup": "daily"}, {"Backup": "weekly"}]}, {"Copies": [{"Backup": "daily"}]}, True),
        ({"Rules": [{"RetentionDays": 30}]}, NONE, True),
        (NONE, {"Rules": [{"RetentionDays": 1}]}, True),
        ({"Rules": [{"Size": 30}]}, {"Rules": [{"Size": 1}]}, True),
        (NONE, {"Rules": [{"Size": 1}]}, True),
        (NONE, {"ExpirationDays": 1}, True),
        (NONE, {"Store": {"DefaultTimeToLive": 60}}, True),
        (NONE, {"LifecycleRules": {"After": "1d"}}, True),
        (NONE, {"BackupRetentionDays": 7}, False),
        (NONE, {"DeletionProtection": True}, False),
        ({"DisableApiTermination": True}, {"DisableApiTermination": False}, True),
        ({"DeadLetterConfig": {"TargetArn": "a"}}, NONE, True),
    ],
)
def test_what_is_written_anew_or_within_a_list_may_end_something(
    kind: str, before: Any, after: Any, refused: bool
) -> None:
    """A limit where none was ends what was kept for ever; what protects something may be added without a question."""
    assert bool(lost(kind, before, after)) == refused


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ({"Rules": [{"Size": 30}]}, {"Rules": [{"Size": 1}]}, False),
        ({"Mode": "safe"}, {"Mode": "fast"}, False),
        ({"Rules": [{"RetentionDays": 30}]}, {"Rules": [{"RetentionDays": 1}]}, True),
        (NONE, {"MaximumEventAgeInSeconds": 60}, True),
        ({"DeadLetterConfig": {"TargetArn": "a"}}, NONE, True),
        (NONE, {"DeletionProtection": True}, False),
        ({"DeletionProtection": False}, {"DeletionProtection": True}, False),
        ({"DeletionProtection": True}, {"DeletionProtection": False}, True),
        ({"RetryAttempts": 3}, {"RetryAttempts": 1}, True),
        ({"RetryAttempts": 1}, {"RetryAttempts": 3}, False),
        (NONE, {"RetryAttempts": 1}, True),
        (NONE, {"PointInTimeName": "a"}, False),
    ],
)
def test_of_a_type_that_holds_no_data_only_what_sounds_like_it_is_asked_about(
    before: Any, after: Any, refused: bool
) -> None:
    """A load balancer, a function, a rule: what they let through and what they refuse to delete."""
    for kind in ("AWS::Lambda::Function", "AWS::ECS::Service", "AWS::SNS::Topic"):
        assert bool(lost(kind, before, after)) == refused


@pytest.mark.long
def test_in_every_type_that_may_hold_data_each_change_is_asked_about_that_no_row_calls_harmless() -> None:
    """Of every type in the schemas: one text becomes another one, property by property; all in one pass."""
    sides: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    known = set()
    for kind in schemas("us-east-1"):
        row, schema = resource_type(kind), schema_of(kind, "us-east-1")
        assert schema is not None
        if (row.holds_data is False and not row.strict) or kind == STACK_TYPE:
            continue
        named = {each.partition(".")[0] for each in row.keeps} | {each.property for each in row.losses}
        for name in schema.properties:
            for side, value in zip(sides, ("one", "other"), strict=True):
                side[f"{kind}/{name}"] = {"Type": kind, "Properties": {name: value}}
            if NOTHING_KEPT.search(name) or name in named:
                known.add(f"{kind}/{name}")
    before, after = (Side({"Resources": each}, {}) for each in sides)
    found = losses("data", before, after, ())
    unknown = [each.place for each in found if "infragen does not know what a change of" in each.why]
    assert {each.removeprefix("data/") for each in unknown} - known == sides[0].keys() - known
    assert len(sides[0]) - len(known) > 10_000
    assert len(known) > 500


def test_every_property_that_infragen_writes_into_what_holds_data_has_its_row() -> None:
    """An ordinary change of an environment file asks nothing by ignorance."""
    bodies = [parse(each.read_text()) for each in TEMPLATES.glob("*/*.yaml")]
    resources = [each for body in bodies for each in body["Resources"].values()]
    written = {(each["Type"], name) for each in resources for name in each.get("Properties", {})}
    missing = set()
    for kind, name in written:
        row, schema = resource_type(kind), schema_of(kind, "us-east-1")
        fixed = schema.body.get("createOnlyProperties", ()) if schema else ()
        named = {each.property for each in row.losses} | row.keeps
        judged = name in named or NOTHING_KEPT.search(name) or f"/properties/{name}" in fixed
        if row.holds_data and kind != STACK_TYPE and not judged:
            missing.add((kind, name))
    assert missing == {("AWS::RDS::DBCluster", "Engine"), ("AWS::RDS::DBInstance", "Engine")}


@pytest.mark.parametrize("check", [True, None])
def test_an_instance_holds_data_unless_it_only_passes_on_what_others_send(check: bool | None) -> None:
    """The root volume goes with an instance; a NAT instance, whose check of its destination is off, keeps nothing."""
    row = ResourceChange("data", "Modify", "It", "AWS::EC2::Instance", "True")
    own = {} if check is None else {"SourceDestCheck": check}
    found = []
    for properties in (own, {"SourceDestCheck": False}):
        body = {"Resources": {"It": {"Type": "AWS::EC2::Instance", "Properties": properties}}}
        found.append(losses("data", Side(body, {}), Side(body, {}), [row]))
        assert stateful(body) == (() if properties == {"SourceDestCheck": False} else ("It",))
    volumes = {"BlockDeviceMappings": [{"DeviceName": "a"}]}
    assert lost("AWS::EC2::Instance", {**own, **volumes}, own)
    assert not lost("AWS::EC2::Instance", {"SourceDestCheck": False, **volumes}, {"SourceDestCheck": False})
    assert not lost("AWS::EC2::Instance", {**own, "Monitoring": True}, own)
    [[refusal], nothing] = found
    assert (
        refusal.why == "would be replaced by a new one, and with it what is on its root volume and its instance store"
    )
    assert nothing == ()


@pytest.mark.parametrize("attribute", ["DeletionPolicy", "UpdateReplacePolicy"])
@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [("Snapshot", "Delete", True), ("Retain", "Snapshot", True), ("Delete", "Snapshot", False),
     ("Retain", "Retain", False), ("RetainExceptOnCreate", "Delete", True), ("RetainExceptOnCreate", "Retain", False)],
)  # fmt: skip
def test_a_deletion_policy_that_keeps_less_is_a_loss(attribute: str, before: str, after: str, refused: bool) -> None:
    """Of any type, whatever AWS's change set says of it: it lists no resource of which only the policy changes."""
    for kind in (CLUSTER, "AWS::SNS::Topic", CACHE):
        old, new = (Side({"Resources": {"It": {"Type": kind, attribute: each}}}, {}) for each in (before, after))
        assert bool(losses("data", old, new, ())) is refused


@pytest.mark.parametrize(
    ("attribute", "before", "after", "words"),
    [
        ("DeletionPolicy", "Retain", "Delete", "when it is deleted, nothing of it is kept"),
        ("DeletionPolicy", "Retain", "Snapshot", "when it is deleted, only a snapshot of it is kept"),
        ("UpdateReplacePolicy", "Snapshot", "Delete", "when it is replaced, nothing of it is kept"),
    ],
)
def test_the_loss_of_a_policy_says_when_and_how_much(attribute: str, before: str, after: str, words: str) -> None:
    """Which of the two, what it was, and what is left."""
    old, new = (Side({"Resources": {"It": {"Type": CLUSTER, attribute: each}}}, {}) for each in (before, after))
    [refusal] = losses("data", old, new, ())
    assert refusal.why == f"would lose its {attribute} {before}: {words}"


@pytest.mark.parametrize("policy", ["DeletionPolicy", "UpdateReplacePolicy"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_resource_that_its_policy_keeps_holds_data(policy: str, side: int) -> None:
    """A topic whose deployed or new policy is Retain: its replacement is refused, and without the policy it is not."""
    kinds: list[dict[str, Any]] = [{"Type": "AWS::SNS::Topic"}, {"Type": "AWS::SNS::Topic"}]
    row = ResourceChange("data", "Modify", "It", "AWS::SNS::Topic", "True")
    sides = [Side({"Resources": {"It": each}}, {}) for each in kinds]
    assert losses("data", sides[0], sides[1], [row]) == ()
    sides[side] = Side({"Resources": {"It": {**kinds[side], policy: "Retain"}}}, {})
    [refusal, *_] = losses("data", sides[0], sides[1], [row])
    assert refusal.why.startswith("would be replaced by a new one; its deletion policy says that it holds data")
