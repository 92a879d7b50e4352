"""Deletions: what stands in the way is found out first, what remains is said, and a second run goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench import Bench, at_work, environment, failure, kinds
from fakeaws import FakeAws
from stage import QUEUE, TOPIC, assembly, layer

from infragen.assembly.stacks import OutputOf, StackUnit
from infragen.assembly.synth import Assembly
from infragen.engine.destroy import DestroyOptions, Destruction, destroy_environment
from infragen.engine.outcome import Deleted, Failed, Skipped
from infragen.engine.progress import Noticed, Warned
from infragen.engine.recover import RecoverOptions, recover_environment
from infragen.engine.run import Deployment
from infragen.errors import InputError, Refused

BUCKET = {"Type": "AWS::S3::Bucket"}
VERSIONED = {**BUCKET, "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}}
REPOSITORY = {"Type": "AWS::ECR::Repository"}
DELETIONS = ("cloudformation:DeleteStack", "s3:DeleteObjects")


def deployed(bench: Bench, *units: StackUnit) -> Deployment:
    result = bench.deploy_units(*units)
    assert result.exit_code == 0, result.outcomes
    bench.ui.questions.clear()
    bench.ui.events.clear()
    bench.aws.calls.clear()
    return result


def destroy(bench: Bench, **options: Any) -> Destruction:
    return destroy_environment(bench.env, bench.session, DestroyOptions(**options))


def fill(aws: FakeAws, logical_id: str, count: int, stack: str = "shop-test-data") -> str:
    """Puts objects into a bucket, with an old version and a delete marker; gives its name."""
    name = aws.stack(stack).resources[logical_id].physical_id
    bucket = aws.cloud.buckets.all[name]
    client = aws.client("s3")
    client.put_object(Bucket=name, Key="key-0", Body=b"old")
    template = bucket.objects["key-0"][-1]
    client.delete_object(Bucket=name, Key="key-0")
    for number in range(1, count):
        bucket.objects[f"key-{number}"] = [template]
    aws.calls.clear()
    return name


def deletions(aws: FakeAws) -> list[str]:
    return [each for each in aws.mutations() if each in DELETIONS]


# --- what is protected ----------------------------------------------------------------------------------------------


def test_r8_termination_protection_is_lifted_only_by_name(bench: Bench, aws: FakeAws) -> None:
    """R8: typed, or named by the flag; declined, it is refused and nothing is deleted."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    deployed(bench, unit)
    aws.stack(unit.stack).protected = True
    bench.ui.refuses = {"shop-test-data"}
    with pytest.raises(Refused, match="shop-test-data is protected") as refused:
        destroy(bench)
    assert refused.value.hint == "--disable-protection shop-test-data"
    assert deletions(aws) == []
    assert [each.typed for each in bench.ui.questions] == ["", "shop-test-data"]
    bench.ui.questions.clear()
    assert destroy(bench, unprotect=frozenset({"shop-test-data"})).exit_code == 0
    assert [each.typed for each in bench.ui.questions] == [""]


@pytest.mark.long
def test_r9_deletion_protection_is_listed_and_lifted_only_by_name(bench: Bench, aws: FakeAws) -> None:
    """R9: a database cluster's; an Aurora instance is not asked for, its cluster is what is protected."""
    cluster = {"Type": "AWS::RDS::DBCluster", "Properties": {"Engine": "aurora-postgresql", "DeletionProtection": True}}
    member = {
        "Type": "AWS::RDS::DBInstance",
        "Properties": {"DBInstanceClass": "db.serverless", "DBClusterIdentifier": {"Ref": "Cluster"}},
    }
    deployed(bench, bench.unit("data", {"Cluster": {**cluster, "DeletionPolicy": "Delete"}, "Writer": member}))
    bench.ui.refuses = {"data/Cluster"}
    with pytest.raises(Refused, match="data/Cluster is protected"):
        destroy(bench)
    assert deletions(aws) == []
    assert [call.operation for call in aws.calls if call.service == "rds"] == ["DescribeDBClusters"]
    result = destroy(bench, unprotect=frozenset({"data/Cluster"}))
    assert kinds(result.outcomes) == {"data": "Deleted"}


@pytest.mark.parametrize(
    ("kind", "properties", "calls"),
    [
        (
            "AWS::RDS::DBInstance",
            {"Engine": "postgres", "DBInstanceClass": "db.t4g.micro", "DeletionProtection": True},
            ["DescribeDBInstances", "ModifyDBInstance"],
        ),
        ("AWS::DynamoDB::Table", {"DeletionProtectionEnabled": True}, ["DescribeTable", "UpdateTable"]),
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            {"LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]},
            ["DescribeLoadBalancerAttributes", "ModifyLoadBalancerAttributes"],
        ),
    ],
)
def test_r9_the_protection_of_each_type_is_asked_for_and_lifted_by_its_own_calls(
    bench: Bench, aws: FakeAws, kind: str, properties: dict[str, Any], calls: list[str]
) -> None:
    """An instance of its own, a table and a load balancer; without the option nothing is deleted."""
    resource = {"Type": kind, "Properties": properties, "DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
    deployed(bench, bench.unit("data", {"Store": resource}))
    bench.ui.refuses = {"data/Store"}
    with pytest.raises(Refused, match="data/Store is protected"):
        destroy(bench)
    assert deletions(aws) == []
    aws.calls.clear()
    assert kinds(destroy(bench, unprotect=frozenset({"data/Store"})).outcomes) == {"data": "Deleted"}
    about = {"rds", "dynamodb", "elasticloadbalancing"}
    assert [call.operation for call in aws.calls if call.service in about] == calls


@pytest.mark.parametrize(
    ("kind", "name"),
    [("AWS::RDS::DBInstance", "DeletionProtection"), ("AWS::DynamoDB::Table", "DeletionProtectionEnabled")],
)
def test_r9_what_was_deleted_by_hand_is_protected_by_nothing(bench: Bench, aws: FakeAws, kind: str, name: str) -> None:
    """The service does not know it any more: the stack is deleted without a question about it."""
    properties = {name: True, **({"Engine": "postgres"} if "RDS" in kind else {})}
    deployed(bench, bench.unit("data", {"Store": {"Type": kind, "Properties": properties, "DeletionPolicy": "Delete"}}))
    aws.settings.deleted_by_hand.add("Store")
    assert kinds(destroy(bench).outcomes) == {"data": "Deleted"}


# --- what is not empty ----------------------------------------------------------------------------------------------


def test_r10_a_bucket_that_holds_something_stops_the_deletion_first(bench: Bench, aws: FakeAws) -> None:
    """R10: shown with its count, asked about by name, and refused without an answer: nothing is deleted."""
    deployed(bench, bench.unit("data", {"Files": VERSIONED, "Empty": BUCKET, "Jobs": QUEUE}))
    fill(aws, "Files", 3)
    bench.ui.refuses = {"data/Files"}
    with pytest.raises(Refused, match="data/Files is not empty") as refused:
        destroy(bench)
    assert refused.value.hint == "--empty-buckets data/Files"
    assert "delete all 4 object versions in data/Files" in bench.ui.questions[-1].text
    assert deletions(aws) == []


@pytest.mark.long
@pytest.mark.parametrize("by", ["place", "name", "typed"])
def test_r10_a_bucket_is_emptied_with_all_versions_when_it_is_named(bench: Bench, aws: FakeAws, by: str) -> None:
    """R10: by LAYER/ID, by the bucket's name, or typed; more than one page; other buckets are not touched."""
    unit = bench.unit("data", {"Files": VERSIONED, "Kept": {**VERSIONED, "DeletionPolicy": "Retain"}})
    deployed(bench, unit)
    kept = fill(aws, "Kept", 2)
    name = fill(aws, "Files", 1500)
    given = {"place": {"data/Files"}, "name": {name}, "typed": set[str]()}[by]
    result = destroy(bench, empty=frozenset(given))
    assert kinds(result.outcomes) == {"data": "Deleted"}
    assert name not in aws.cloud.buckets.all
    assert len(aws.cloud.buckets.all[kept].objects) == 2
    assert [each.typed for each in bench.ui.questions] == (["", "data/Files"] if by == "typed" else [""])
    assert deletions(aws) == ["s3:DeleteObjects", "s3:DeleteObjects", "cloudformation:DeleteStack"]
    assert [each.text for each in bench.ui.events if isinstance(each, Noticed)] == [
        f"deleting 1000 or more object versions in {name}"
    ]


def test_r10_a_bucket_is_emptied_only_right_before_its_stack_goes(bench: Bench, aws: FakeAws) -> None:
    """R10: when the stack that uses it cannot be deleted, the objects are still there."""
    data = bench.unit("data", {"Files": VERSIONED}, outputs={"Name": {"Ref": "Files"}})
    news = {**TOPIC, "Properties": {"DisplayName": {"Ref": "Name"}}}
    use = bench.unit("use", {"News": news}, parameters={"Name": OutputOf("data", "Name")})
    deployed(bench, data, use)
    name = fill(aws, "Files", 3)
    aws.fail("News", "in use", on="delete")
    result = destroy(bench, empty=frozenset({"data/Files"}))
    assert kinds(result.outcomes) == {"use": "Failed", "data": "Skipped"}
    assert len(aws.cloud.buckets.all[name].objects) == 3


def test_r10_a_name_that_means_no_such_bucket_is_an_input_error(bench: Bench, aws: FakeAws) -> None:
    """R10: a typing error, a bucket that stays: said, with those that could be meant; nothing is deleted."""
    deployed(bench, bench.unit("data", {"Files": VERSIONED, "Kept": {**BUCKET, "DeletionPolicy": "Retain"}}))
    fill(aws, "Files", 1)
    for name in ("data/File", "data/Kept"):
        with pytest.raises(InputError, match=name) as wrong:
            destroy(bench, empty=frozenset({name}))
        assert wrong.value.hint == "these would: data/Files"
    assert deletions(aws) == []


def test_r10_a_bucket_that_is_named_may_be_empty_by_now(bench: Bench, aws: FakeAws) -> None:
    """R10: a pipeline cannot know; nothing is asked about it."""
    deployed(bench, bench.unit("data", {"Files": VERSIONED}))
    result = destroy(bench, empty=frozenset({"data/Files"}))
    assert kinds(result.outcomes) == {"data": "Deleted"}
    assert [each.typed for each in bench.ui.questions] == [""]


@pytest.mark.long
@pytest.mark.parametrize("named", [True, False])
def test_r10_a_bucket_that_is_filled_again_is_emptied_once_more(bench: Bench, aws: FakeAws, named: bool) -> None:
    """R10: a load balancer writes its last access logs while it is deleted; only where the bucket may be emptied."""
    news = {**TOPIC, "Properties": {"DisplayName": {"Ref": "Files"}}}
    deployed(bench, bench.unit("data", {"Files": VERSIONED, "News": news}))
    if named:
        fill(aws, "Files", 1)
    aws.slow("News", 60, on="delete")
    aws.at(30, lambda: fill(aws, "Files", 2))
    result = destroy(bench, empty=frozenset({"data/Files"} if named else ()))
    assert kinds(result.outcomes) == {"data": "Deleted" if named else "Failed"}
    warned = [each.text for each in bench.ui.events if isinstance(each, Warned)]
    assert warned == (["data/Files was filled again; it is tried once more"] if named else [])


def test_r10_an_object_that_cannot_be_deleted_keeps_the_stack(bench: Bench, aws: FakeAws) -> None:
    """R10: S3 answers 200 and lists an error: that is a failure, and the stack is not deleted."""
    deployed(bench, bench.unit("data", {"Files": VERSIONED}))
    fill(aws, "Files", 2)
    aws.cloud.buckets.locked.add("key-1")
    result = destroy(bench, empty=frozenset({"data/Files"}))
    assert "key-1 cannot be deleted" in failure(result).message
    assert "cloudformation:DeleteStack" not in deletions(aws)


def test_r10_a_repository_with_images_is_refused_unless_it_empties_itself(bench: Bench, aws: FakeAws) -> None:
    """R10: the command that deletes it is named; with EmptyOnDelete it is no obstacle."""
    aws.settings.ecr_images = {"Images": 130, "Own": 5}
    own = {**REPOSITORY, "Properties": {"EmptyOnDelete": True}}
    deployed(bench, bench.unit("data", {"Images": REPOSITORY, "Own": own}))
    with pytest.raises(Refused, match="data/Images holds 100 or more images") as refused:
        destroy(bench)
    assert "aws ecr delete-repository --force --repository-name shop-test-data-Images" in refused.value.hint
    assert "Own" not in str(refused.value)
    assert deletions(aws) == []
    aws.settings.ecr_images = {"Own": 5}
    assert destroy(bench).exit_code == 0


@pytest.mark.long
def test_r10_nothing_is_emptied_by_a_recovery(bench: Bench, aws: FakeAws) -> None:
    """R10: removing what a failed first creation left deletes no object: nobody was asked for that."""
    aws.settings.rollback_deletes_what_never_was = False
    aws.fail("News", "no", after=30)
    bench.deploy_units(bench.unit("data", {"Files": VERSIONED, "News": TOPIC}), on_failure="keep")
    name = fill(aws, "Files", 2)
    aws.elsewhere.rollback_stack({"StackName": "shop-test-data"})
    aws.clock.settle()
    assert aws.stack("shop-test-data").status == "ROLLBACK_FAILED"
    result = recover_environment(bench.env, bench.session, RecoverOptions(lose=frozenset({"data/Files"})))
    assert kinds(result.outcomes) == {"data": "Failed"}
    assert "not empty" in failure(result).message
    assert len(aws.cloud.buckets.all[name].objects) == 2


def test_r10_without_the_permission_to_look_there_is_a_warning(bench: Bench, aws: FakeAws) -> None:
    """R10: the deletion goes on; if the bucket is not empty, AWS will say so."""
    deployed(bench, bench.unit("data", {"Files": BUCKET}))
    aws.refuse("s3:ListObjectVersions", "AccessDenied", "no", times=None, status=403)
    assert destroy(bench).exit_code == 0
    [warning] = [each.text for each in bench.ui.events if isinstance(each, Warned)]
    assert "whether data/Files is empty was not checked" in warning


# --- what is retained -----------------------------------------------------------------------------------------------


def failed_once(bench: Bench, aws: FakeAws) -> None:
    """A deletion that failed on one of two resources."""
    deployed(bench, bench.unit("data", {"Jobs": QUEUE, "News": TOPIC}))
    aws.fail("Jobs", "in use", on="delete")
    result = destroy(bench)
    found = failure(result)
    assert found.status == "DELETE_FAILED"
    assert "--retain" in found.hint


def test_r11_what_a_deletion_failed_on_can_be_left_behind(bench: Bench, aws: FakeAws) -> None:
    """R11: in DELETE_FAILED; the outcome names what outlives the stack."""
    failed_once(bench, aws)
    left = aws.stack("shop-test-data").resources["Jobs"].physical_id
    result = destroy(bench, retain=frozenset({"data/Jobs"}))
    [outcome] = result.outcomes
    assert isinstance(outcome, Deleted)
    assert outcome.kept == (f"data/Jobs ({left})",)


def test_r11_retain_means_nothing_before_a_deletion_has_failed(bench: Bench, aws: FakeAws) -> None:
    """R11: refused, because AWS would ignore it and delete the resource; nothing is deleted."""
    deployed(bench, bench.unit("data", {"Jobs": QUEUE}))
    with pytest.raises(Refused, match="data/Jobs: only where a deletion has failed"):
        destroy(bench, retain=frozenset({"data/Jobs"}))
    assert aws.mutations() == []


def test_r11_retain_of_what_does_not_exist_is_an_input_error(bench: Bench, aws: FakeAws) -> None:
    """R11: exit code 2, nothing is deleted."""
    failed_once(bench, aws)
    before = aws.mutations()
    with pytest.raises(InputError, match="data/Job"):
        destroy(bench, retain=frozenset({"data/Job"}))
    assert aws.mutations() == before


@pytest.mark.long
def test_r11_a_failed_deletion_can_simply_be_tried_again(bench: Bench, aws: FakeAws) -> None:
    """R11: without --retain everything is tried again; FORCE_DELETE_STACK is never used."""
    failed_once(bench, aws)
    aws.mend()
    assert destroy(bench).exit_code == 0
    asked = [call.params for call in aws.calls if call.operation == "DeleteStack"]
    assert [each.get("DeletionMode") for each in asked] == [None, None]


# --- exports --------------------------------------------------------------------------------------------------------


def exporting(bench: Bench, name: str = "shop-jobs", export: bool = True) -> StackUnit:
    """A stack with an export, as one that was adopted may have."""
    unit = bench.unit("data", {"Jobs": QUEUE}, outputs={"Url": {"Ref": "Jobs"}})
    if not export:
        return unit
    body = json.loads(unit.text)
    body["Outputs"]["Url"]["Export"] = {"Name": name}
    return StackUnit(**{**vars(unit), "body": body, "text": json.dumps(body)})


def somebody_imports(aws: FakeAws, export: str = "shop-jobs") -> None:
    news = {**TOPIC, "Properties": {"DisplayName": {"Fn::ImportValue": export}}}
    aws.elsewhere.create_stack({"StackName": "billing", "TemplateBody": json.dumps({"Resources": {"News": news}})})
    aws.clock.settle()


def test_r12_an_export_in_use_stops_the_deletion_first(bench: Bench, aws: FakeAws) -> None:
    """R12: the importing stack is named, with the two steps; nothing is deleted. Without importer it goes."""
    deployed(bench, exporting(bench))
    somebody_imports(aws)
    with pytest.raises(Refused, match="shop-test-data exports shop-jobs, and billing imports it") as refused:
        destroy(bench)
    assert refused.value.hint.startswith("two steps: deploy billing without that import")
    assert aws.mutations() == []
    aws.elsewhere.delete_stack({"StackName": "billing"})
    aws.clock.settle()
    assert destroy(bench).exit_code == 0


def test_r12_a_deployment_that_ends_an_export_in_use_is_refused(bench: Bench, aws: FakeAws) -> None:
    """R12: before anything is made; as long as the export stays, ListImports is not even called."""
    deployed(bench, exporting(bench))
    somebody_imports(aws)
    with pytest.raises(Refused, match="billing imports it"):
        bench.deploy_units(exporting(bench, export=False))
    assert aws.mutations() == []
    aws.calls.clear()
    unit = exporting(bench)
    body = {**unit.body, "Resources": {"Jobs": {**QUEUE, "Properties": {"DelaySeconds": 3}}}}
    changed = StackUnit(**{**vars(unit), "body": body, "text": json.dumps(body)})
    assert bench.deploy_units(changed).exit_code == 0
    assert "ListImports" not in [call.operation for call in aws.calls]


@pytest.fixture
def nested(aws: FakeAws, tmp_path: Path) -> Bench:
    """An operator of a nested environment, with its bucket."""
    bench = at_work(aws, environment(tmp_path, topology="nested"))
    bench.bootstrap()
    return bench


def nesting(bench: Bench, export: bool = True) -> Assembly:
    """A root whose layer exports what it makes, as one that was adopted may have."""
    template = layer("data", {"Jobs": QUEUE}, {"Url": {"Ref": "Jobs"}})
    if export:
        template.body["Outputs"]["Url"]["Export"] = {"Name": "shop-jobs"}
    return assembly(template, layer("news", {"News": TOPIC}), env=bench.env)


@pytest.mark.long
def test_r12_an_export_of_a_nested_stack_stops_the_deletion_first(nested: Bench, aws: FakeAws) -> None:
    """R12: the root would be deleted until AWS refuses at the layer whose export is in use."""
    assert nested.deploy(nesting(nested)).exit_code == 0
    somebody_imports(aws)
    aws.calls.clear()
    with pytest.raises(Refused, match=r"shop-test-Data-\w+ exports shop-jobs, and billing imports it"):
        destroy(nested)
    assert aws.mutations() == []
    aws.elsewhere.delete_stack({"StackName": "billing"})
    aws.clock.settle()
    assert destroy(nested).exit_code == 0


@pytest.mark.long
def test_r12_an_update_that_ends_a_nested_export_in_use_is_refused(nested: Bench, aws: FakeAws) -> None:
    """R12: when the layer's template exports it no more, and when the layer goes; not while it stays."""
    assert nested.deploy(nesting(nested)).exit_code == 0
    somebody_imports(aws)
    aws.calls.clear()
    gone = assembly(layer("news", {"News": TOPIC}), env=nested.env)
    for without in (nesting(nested, export=False), gone):
        with pytest.raises(Refused, match="billing imports it"):
            nested.deploy(without, allow_data_loss=frozenset({"data/Jobs"}))
    assert aws.mutations() == []
    more = layer("more", {"More": TOPIC})
    assert nested.deploy(assembly(*nesting(nested).templates, more, env=nested.env)).exit_code == 0


# --- half-way -------------------------------------------------------------------------------------------------------


def chain(bench: Bench) -> tuple[StackUnit, ...]:
    """Three stacks, each of which takes an output of the one before."""
    first = bench.unit("first", {"One": QUEUE}, outputs={"A": {"Ref": "One"}})
    news = {**TOPIC, "Properties": {"DisplayName": {"Ref": "A"}}}
    second = bench.unit("second", {"Two": news}, {"A": OutputOf("first", "A")}, outputs={"B": {"Ref": "Two"}})
    news = {**TOPIC, "Properties": {"DisplayName": {"Ref": "B"}}}
    third = bench.unit("third", {"Three": news}, {"B": OutputOf("second", "B")})
    return first, second, third


@pytest.mark.long
def test_r13_a_deletion_that_ends_half_way_is_continued_by_the_same_command(bench: Bench, aws: FakeAws) -> None:
    """R13: dependants first; what the failed one needs stays, each has its outcome; the next run does the rest."""
    deployed(bench, *chain(bench))
    aws.fail("Two", "in use", on="delete")
    result = destroy(bench)
    assert [(each.layer, type(each)) for each in result.outcomes] == [
        ("third", Deleted), ("second", Failed), ("first", Skipped),
    ]  # fmt: skip
    assert result.exit_code == 1
    assert aws.stack("shop-test-first").status == "CREATE_COMPLETE"
    aws.mend()
    again = destroy(bench)
    assert [(each.layer, type(each)) for each in again.outcomes] == [("second", Deleted), ("first", Deleted)]
    assert destroy(bench).outcomes == ()


@pytest.mark.long
def test_r13_a_deletion_that_still_runs_is_followed(bench: Bench, aws: FakeAws) -> None:
    """R13: the run that began it was killed: no second DeleteStack, the same outcome."""
    deployed(bench, bench.unit("data", {"Jobs": QUEUE}))
    aws.slow("Jobs", 300, on="delete")
    aws.elsewhere.delete_stack({"StackName": "shop-test-data"})
    assert kinds(destroy(bench).outcomes) == {"data": "Deleted"}
    assert aws.mutations() == []


def test_r14_a_deletion_with_the_wrong_name_deletes_nothing(bench: Bench, aws: FakeAws) -> None:
    """R14: --confirm with another environment's name is refused before anything is asked."""
    deployed(bench, bench.unit("data", {"Jobs": QUEUE}))
    with pytest.raises(Refused, match="--confirm says prod; this is test"):
        destroy(bench, confirmed="prod")
    assert (aws.mutations(), bench.ui.questions) == ([], [])
    assert destroy(bench, confirmed="test").exit_code == 0
    assert bench.ui.questions == []


def test_r14_a_declined_deletion_deletes_nothing(bench: Bench, aws: FakeAws) -> None:
    """R14: nothing is emptied or unprotected either."""
    deployed(bench, bench.unit("data", {"Files": VERSIONED}))
    fill(aws, "Files", 2)
    bench.ui.answer = False
    with pytest.raises(Refused, match="declined"):
        destroy(bench, empty=frozenset({"data/Files"}))
    assert aws.mutations() == []


# --- what is deleted slowly -----------------------------------------------------------------------------------------

GROUP = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "worker"}}
FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "Role": "arn:aws:iam::111122223333:role/x",
        "Code": {"ZipFile": "x"},
        "VpcConfig": {"SecurityGroupIds": [{"Ref": "Group"}]},
    },
}
ENI = "AWS Lambda VPC ENI-shop-worker"


def noticed(bench: Bench) -> list[tuple[str, str]]:
    return [(each.logical_id, each.text) for each in bench.ui.events if isinstance(each, Noticed)]


@pytest.mark.long
def test_r3_a_slow_deletion_is_explained_once_after_two_minutes(bench: Bench, aws: FakeAws) -> None:
    """R3: the function, and the security group with the interfaces that use it; nothing about what is quick."""
    deployed(bench, bench.unit("data", {"Group": GROUP, "Worker": FUNCTION, "Jobs": QUEUE}))
    aws.settings.network_interfaces["Group"] = [ENI]
    aws.slow("Worker", 400, on="delete")
    aws.slow("Group", 200, on="delete")
    began = aws.clock.seconds
    told: list[float] = []
    bench.ui.heard = lambda event: told.append(aws.clock.seconds - began) if isinstance(event, Noticed) else None
    assert destroy(bench).exit_code == 0
    [(first, why), (second, who)] = noticed(bench)
    assert (first, second) == ("Worker", "Group")
    assert "20 to 40 minutes" in why
    assert f"(used by eni-0 ({ENI}))" in who
    assert 120 <= told[0] < 180


@pytest.mark.long
def test_r3_a_quick_deletion_needs_no_explanation(bench: Bench, aws: FakeAws) -> None:
    """R3: below two minutes nothing is said and EC2 is not asked."""
    deployed(bench, bench.unit("data", {"Group": GROUP, "Worker": FUNCTION}))
    aws.slow("Worker", 90, on="delete")
    assert destroy(bench).exit_code == 0
    assert noticed(bench) == []
    assert [call for call in aws.calls if call.service == "ec2"] == []


def test_r3_a_deletion_that_failed_on_a_held_group_is_tried_once_more(bench: Bench, aws: FakeAws) -> None:
    """R3: the interfaces that hold it are named; meanwhile Lambda gave them back, and the second try succeeds."""
    deployed(bench, bench.unit("data", {"Group": GROUP}))
    aws.settings.network_interfaces["Group"] = [ENI]
    aws.fail("Group", "resource sg-1 has a dependent object", on="delete", times=1)
    assert kinds(destroy(bench).outcomes) == {"data": "Deleted"}
    [warning] = [each.text for each in bench.ui.events if isinstance(each, Warned)]
    assert f"(used by eni-0 ({ENI})); it is tried once more" in warning
    assert deletions(aws) == ["cloudformation:DeleteStack"] * 2


def test_r3_a_deletion_that_fails_again_says_who_holds_it(bench: Bench, aws: FakeAws) -> None:
    """R3: no third try; the outcome names the interfaces."""
    deployed(bench, bench.unit("data", {"Group": GROUP}))
    aws.settings.network_interfaces["Group"] = [ENI]
    aws.fail("Group", "resource sg-1 has a dependent object", on="delete")
    found = failure(destroy(bench))
    assert "still there: Group sg-" in found.message
    assert f"(used by eni-0 ({ENI}))" in found.message
    assert deletions(aws) == ["cloudformation:DeleteStack"] * 2


def test_r3_any_other_failed_deletion_is_not_tried_again(bench: Bench, aws: FakeAws) -> None:
    """R3: a queue that will not go fails at once."""
    deployed(bench, bench.unit("data", {"Jobs": QUEUE}))
    aws.fail("Jobs", "in use", on="delete")
    assert failure(destroy(bench)).status == "DELETE_FAILED"
    assert deletions(aws) == ["cloudformation:DeleteStack"]
