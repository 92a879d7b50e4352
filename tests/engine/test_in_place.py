"""What a change in place loses is refused like a deletion, by name, in words of what is lost."""

from typing import Any

import pytest
from stage import Stage, assembly, environment, layer

from infragen.changes.diff import Side
from infragen.cloudformation import KnownAfter, ResourceChange
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.options import Options
from infragen.errors import Refused
from infragen.gates.in_place import losses

QUEUE, BUCKET, TABLE = "AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::DynamoDB::Table"
CLUSTER, GROUP, MAPPING = "AWS::RDS::DBCluster", "AWS::Logs::LogGroup", "AWS::Lambda::EventSourceMapping"
CACHE, CUSTOM, ACME = "AWS::MemoryDB::Cluster", "Custom::Store", "Acme::Store::Table"


def lost(kind: str, before: Any, after: Any, **values: object) -> list[str]:
    """What is lost when a resource of that type gets other properties."""
    old, new = (Side({"Resources": {"It": {"Type": kind, "Properties": each}}}, values) for each in (before, after))
    return [each.why for each in losses("data", old, new, ())]


def rules(days: int, **more: Any) -> dict[str, Any]:
    return {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": days, **more}]}}


def patterns(*texts: str) -> dict[str, Any]:
    return {"FilterCriteria": {"Filters": [{"Pattern": each} for each in texts]}}


UNIT = {"Ref": "Days"}
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
        (QUEUE, {"RedrivePolicy": {"maxReceiveCount": 5}}, {}, "no longer kept in a dead-letter queue"),
        (QUEUE, {"RedrivePolicy": {"maxReceiveCount": 5}}, {"RedrivePolicy": {"maxReceiveCount": 3}}, ""),
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
        (MAPPING, {}, {"MaximumRetryAttempts": 2}, "given up after 2 retries"),
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
        (ACME, {"Nodes": 3}, {"Nodes": 2}, ""),
        ("AWS::Backup::BackupPlan", {"BackupPlan": {"A": 1}}, {"BackupPlan": {"A": 2}}, "does not know"),
    ],
)  # fmt: skip
def test_what_a_change_in_place_loses(kind: str, before: Any, after: Any, words: str) -> None:
    """A shorter retention, a protection that goes, a filter that lets less through: by the row, or by the name."""
    found = lost(kind, before, after, Days=KnownAfter("network", "Days"))
    assert bool(found) == bool(words)
    assert all(words in each for each in found)


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
        ({"Rules": [{"Size": 30}]}, {"Rules": [{"Size": 1}]}, False),
        (NONE, {"Rules": [{"Size": 1}]}, False),
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


@pytest.mark.parametrize("policy", ["DeletionPolicy", "UpdateReplacePolicy"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_resource_that_its_policy_keeps_holds_data(policy: str, side: int) -> None:
    """A topic whose deployed or new policy is Retain: its replacement is refused, and without the policy it is not."""
    kinds: list[dict[str, Any]] = [{"Type": "AWS::SNS::Topic"}, {"Type": "AWS::SNS::Topic"}]
    row = ResourceChange("data", "Modify", "It", "AWS::SNS::Topic", "True")
    old, new = (Side({"Resources": {"It": each}}, {}) for each in kinds)
    assert losses("data", old, new, [row]) == ()
    kinds[side][policy] = "Retain"
    [refusal, *_] = losses("data", old, new, [row])
    assert refusal.why.startswith("would be replaced by a new one; its deletion policy says that it holds data")


def queue(topology: str, **properties: Any) -> Any:
    return assembly(layer("queue", {"Queue": {"Type": QUEUE, "Properties": properties}}), env=environment(topology))


def test_a_loss_in_place_stops_a_deployment_and_is_allowed_by_name(stage: Stage, topology: str) -> None:
    """--yes is not enough; the refusal names the flag, and with it the deployment runs."""
    deploy_environment(queue(topology, MessageRetentionPeriod=1209600), stage.session)
    shorter = queue(topology, MessageRetentionPeriod=345600)
    stage.aws.calls.clear()
    with pytest.raises(Refused) as caught:
        deploy_environment(shorter, stage.session)
    assert "queue/Queue (AWS::SQS::Queue) MessageRetentionPeriod would fall from 14 to 4" in caught.value.message
    assert caught.value.hint == "if that is meant: --allow-data-loss queue/Queue"
    assert "cloudformation:ExecuteChangeSet" not in stage.aws.mutations()
    [refusal] = plan_environment(shorter, stage.session).refusals
    assert refusal.place == "queue/Queue"
    allowed = Options(allow_data_loss=frozenset({"queue/Queue"}))
    assert deploy_environment(shorter, stage.session, allowed).exit_code == 0


@pytest.mark.parametrize("kind", [CACHE, "AWS::Route53::HostedZone", CUSTOM])
def test_the_removal_of_an_unknown_type_stops_a_deployment(stage: Stage, topology: str, kind: str) -> None:
    """What has no row in the table of types holds data, as far as anybody knows."""
    token = {"ServiceToken": "arn:aws:sns:us-east-1:111111111111:a"} if kind.startswith("Custom") else {}
    keeper = {"Topic": {"Type": "AWS::SNS::Topic"}}
    full = {**keeper, "It": {"Type": kind, "Properties": {"Name": "example.com", **token}}}
    deploy_environment(assembly(layer("own", full), env=environment(topology)), stage.session)
    without = assembly(layer("own", keeper), env=environment(topology))
    [refusal] = plan_environment(without, stage.session).refusals
    assert refusal.place == "own/It"
    assert refusal.why.startswith("would be removed")
    assert ("infragen does not know" in refusal.why or "says that it holds data" in refusal.why) is (
        kind[:8] != "AWS::Rou"
    )
    with pytest.raises(Refused):
        deploy_environment(without, stage.session)
