"""What the service does and no emulator did: permissions, deletions by hand or by AWS, refusals beside a cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench import Bench, at_work, environment, failure, kinds
from fakeaws import FakeAws
from stage import QUEUE, TOPIC, assembly, layer

from infragen.assembly.stacks import StackUnit
from infragen.engine.destroy import destroy_environment, plan_destroy
from infragen.engine.outcome import Failed, Recovered
from infragen.engine.progress import Warned
from infragen.engine.recover import RecoverOptions, plan_recovery, recover_environment
from infragen.errors import CloudError
from infragen.report.recovery import recovery_lines

CLUSTER: dict[str, Any] = {
    "Type": "AWS::RDS::DBCluster",
    "DeletionPolicy": "Delete",
    "UpdateReplacePolicy": "Delete",
    "Properties": {"Engine": "aurora-postgresql", "DeletionProtection": True},
}
STACK = "shop-test-data"


def warnings(bench: Bench) -> list[str]:
    return [each.text for each in bench.ui.events if isinstance(each, Warned)]


@pytest.fixture(params=["nested", "independent"])
def operator(aws: FakeAws, tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    bench = at_work(aws, environment(tmp_path, topology=request.param))
    bench.bootstrap()
    return bench


@pytest.mark.long
def test_w5_without_the_right_to_describe_all_stacks_they_are_listed(operator: Bench, aws: FakeAws) -> None:
    """W5: neighbours are not described: they may be denied."""
    app = assembly(layer("first", {"Jobs": QUEUE}), layer("second", {"News": TOPIC}), env=operator.env)
    aws.elsewhere.create_stack(
        {"StackName": "shop-testing-data", "TemplateBody": operator.unit("x", {"A": TOPIC}).text}
    )
    aws.settings.describing_all_is_denied = True
    assert operator.deploy(app).exit_code == 0
    assert not operator.plan(app).changed
    assert destroy_environment(operator.env, operator.session).exit_code == 0
    named = {each.params.get("StackName", "") for each in aws.calls if each.operation == "DescribeStacks"}
    assert not [each for each in named if "shop-testing" in each]


def test_w5_what_is_denied_is_named(operator: Bench, aws: FakeAws) -> None:
    """W5: both permissions, one of which is enough."""
    aws.settings.describing_all_is_denied = True
    aws.refuse("cloudformation:ListStacks", "AccessDenied", "not allowed", times=None)
    with pytest.raises(
        CloudError, match=r"cloudformation:ListStacks; DescribeStacks without a name is denied"
    ) as error:
        plan_destroy(operator.env, operator.session)
    assert error.value.exit_code == 4


def test_w6_a_creation_that_was_removed_says_why(operator: Bench, aws: FakeAws) -> None:
    """W6: the events of the deleted stack tell, nested ones too."""
    aws.fail("Jobs", reason="no capacity")
    app = assembly(layer("first", {"Jobs": QUEUE}), env=operator.env)
    ended = failure(operator.deploy(app, on_failure="delete"))
    assert ended.status == "DELETE_COMPLETE"
    assert "first/Jobs (AWS::SQS::Queue) CREATE_FAILED: no capacity" in ended.message
    assert "removed, as --on-failure delete says" in ended.hint
    assert ended.cause is not None


def test_w6_a_stack_that_somebody_deletes_has_disappeared(bench: Bench, aws: FakeAws) -> None:
    """W6: without a failure of its own nothing is made up."""
    aws.slow("Jobs", 100)
    aws.at(20, lambda: aws.elsewhere.delete_stack({"StackName": STACK}))
    ended = failure(bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})))
    assert "disappeared" in ended.message or "DELETE_COMPLETE" in ended.message
    assert "--on-failure delete" not in ended.hint


def deployed_cluster(bench: Bench, aws: FakeAws) -> None:
    assert bench.deploy_units(bench.unit("data", {"Db": CLUSTER})).exit_code == 0


@pytest.mark.long
def test_w7_a_cluster_that_was_deleted_by_hand_is_not_protected(bench: Bench, aws: FakeAws) -> None:
    """W7: not found is an answer."""
    deployed_cluster(bench, aws)
    aws.settings.deleted_by_hand.add("Db")
    [stack] = plan_destroy(bench.env, bench.session).stacks
    assert stack.protections == ()
    assert warnings(bench) == []


def test_w7_a_cluster_that_disappears_meanwhile_needs_no_protection_lifted(bench: Bench, aws: FakeAws) -> None:
    """W7: between the plan and the deletion."""
    deployed_cluster(bench, aws)
    bench.ui.heard = lambda _: aws.settings.deleted_by_hand.add("Db") if bench.ui.questions else None
    aws.stack(STACK).resources["Db"].protected = None
    ended = destroy_environment(bench.env, bench.session)
    assert "DBClusterNotFoundFault" not in str(ended.outcomes)


@pytest.mark.long
def test_w7_a_protection_that_may_not_be_read_is_a_warning(bench: Bench, aws: FakeAws) -> None:
    """W7: the deletion itself tells then."""
    deployed_cluster(bench, aws)
    aws.refuse("rds:DescribeDBClusters", "AccessDenied", "not allowed", times=None)
    ended = destroy_environment(bench.env, bench.session)
    assert [each for each in warnings(bench) if "the deletion protection of data/Db was not checked" in each]
    assert "Cannot delete protected Cluster" in failure(ended).message


@pytest.mark.long
def test_w7_recover_of_a_failed_creation_without_its_cluster(bench: Bench, aws: FakeAws) -> None:
    """W7: the rollback could not delete the protected cluster; somebody did it by hand."""
    aws.fail("Jobs", after=30)
    unit = bench.unit("data", {"Db": CLUSTER, "Jobs": QUEUE})
    assert failure(bench.deploy_units(unit)).status == "ROLLBACK_FAILED"
    aws.mend()
    aws.settings.deleted_by_hand.add("Db")
    aws.stack(STACK).resources["Db"].protected = False
    options = RecoverOptions(lose=frozenset({"data/Db"}))
    assert recover_environment(bench.env, bench.session, options).exit_code == 0


@pytest.mark.long
@pytest.mark.parametrize("deletes", [True, False])
def test_w8_a_stack_that_never_was_complete_is_deleted_by_its_rollback(
    bench: Bench, aws: FakeAws, deletes: bool
) -> None:
    """W8: both ends are right, and the plan says it."""
    aws.settings.rollback_deletes_what_never_was = deletes
    aws.fail("Jobs")
    unit = bench.unit("data", {"Jobs": QUEUE, "News": TOPIC})
    assert failure(bench.deploy_units(unit, on_failure="keep")).status == "CREATE_FAILED"
    aws.mend()
    said = "\n".join(str(each) for each in recovery_lines(plan_recovery(bench.env, bench.session)))
    assert "AWS deletes it with what was built: it never was complete" in said
    [outcome] = recover_environment(bench.env, bench.session, RecoverOptions(lose=frozenset({"data/Jobs"}))).outcomes
    assert isinstance(outcome, Recovered)
    assert outcome.status == ("DELETE_COMPLETE" if deletes else "ROLLBACK_COMPLETE")
    assert bench.deploy_units(unit).exit_code == 0


@pytest.mark.long
def test_w9_a_policy_that_is_refused_stands_beside_the_cause(aws: FakeAws, tmp_path: Path) -> None:
    """W9: somebody's rollback runs when ours has failed; the cause is still told."""
    bench = at_work(aws, environment(tmp_path, "protect: true\n"))
    assert bench.deploy_units(bench.unit("data", {"Db": CLUSTER, "Jobs": QUEUE})).exit_code == 0
    aws.fail("Jobs", reason="no capacity", on="update", after=60)
    changed = bench.unit("data", {"Db": CLUSTER, "Jobs": {**QUEUE, "Properties": {"DelaySeconds": 4}}})

    def somebody() -> None:
        aws.stack(STACK).policy = "{}"
        aws.refuse("cloudformation:SetStackPolicy", "ValidationError", "can not be changed", times=None)

    aws.at(30, somebody)
    ended = bench.deploy_units(changed)
    assert "no capacity" in failure(ended).message
    assert failure(ended).status == "UPDATE_ROLLBACK_COMPLETE"
    assert [each for each in warnings(bench) if "was not protected again" in each]


def two(bench: Bench, seconds: int) -> tuple[StackUnit, ...]:
    """Two stacks that build on nothing: one with a database, one with a queue."""
    jobs = {**QUEUE, "Properties": {"DelaySeconds": seconds}}
    cluster = {**CLUSTER, "Properties": {**CLUSTER["Properties"], "BackupRetentionPeriod": seconds}}
    return bench.unit("data", {"Db": cluster}), bench.unit("jobs", {"Jobs": jobs})


@pytest.mark.long
@pytest.mark.parametrize("second", ["fails", "works"])
def test_w9_a_refused_policy_of_a_deployed_stack_says_its_state_beside_what_failed(
    aws: FakeAws, tmp_path: Path, second: str
) -> None:
    """W9: of two stacks one is updated and cannot be protected again, while the other fails by itself: each says its
    own, with the state of its stack, and the next deployment protects the first.
    """
    bench = at_work(aws, environment(tmp_path, "protect: true\n"))
    assert bench.deploy_units(*two(bench, 1)).exit_code == 0
    if second == "fails":
        aws.fail("Jobs", reason="no capacity", on="update", after=60)
    aws.slow("Db", 60, on="update")

    def somebody() -> None:
        aws.stack("shop-test-data").policy = "{}"
        aws.refuse("cloudformation:SetStackPolicy", "ValidationError", "can not be changed", times=None)

    aws.at(aws.clock.seconds + 30, somebody)
    ended = bench.deploy_units(*two(bench, 2))
    data, jobs = ended.outcomes
    assert isinstance(data, Failed)
    assert data.message.startswith("shop-test-data is UPDATE_COMPLETE, but not protected as its environment says: ")
    assert "can not be changed" in data.message
    assert (data.status, data.exit_code) == ("UPDATE_COMPLETE", 4)
    assert "`infragen deploy` protects the stack" in data.hint
    assert (isinstance(jobs, Failed) and "no capacity" in jobs.message) == (second == "fails")
    assert ended.exit_code == (1 if second == "fails" else 4)  # an operation that failed is worse
    aws.mend()
    again = bench.deploy_units(*two(bench, 2), allow_data_loss=frozenset({"data/StackPolicy"}))
    assert again.exit_code == 0
    assert "Db" in str(aws.stack("shop-test-data").policy)


@pytest.mark.long
def test_w9_a_policy_that_is_refused_before_an_update_leaves_the_stack_as_it_was(aws: FakeAws, tmp_path: Path) -> None:
    """W9: the stack is not changed, which is said; the other stack is deployed."""
    bench = at_work(aws, environment(tmp_path, "protect: true\n"))
    assert bench.deploy_units(*two(bench, 1)).exit_code == 0
    aws.stack("shop-test-data").policy = "{}"
    aws.refuse("cloudformation:SetStackPolicy", "ValidationError", "can not be changed", times=None)
    ended = bench.deploy_units(*two(bench, 2), allow_data_loss=frozenset({"data/StackPolicy"}))
    assert kinds(ended.outcomes) == {"data": "Failed", "jobs": "Deployed"}
    [data] = [each for each in ended.outcomes if isinstance(each, Failed)]
    assert data.message.startswith("shop-test-data was not changed: it could not be protected first: ")
    assert data.status == "CREATE_COMPLETE"
    assert aws.stack("shop-test-data").resources["Db"].properties["BackupRetentionPeriod"] == 1


def test_w9_the_fake_refuses_a_policy_while_an_operation_runs(bench: Bench, aws: FakeAws) -> None:
    """W9: as AWS does."""
    aws.slow("Jobs", 100)
    unit = bench.unit("data", {"Jobs": QUEUE})
    assert kinds(bench.deploy_units(unit, follow_timeout=5).outcomes) == {"data": "Unknown"}
    with pytest.raises(CloudError, match="can not be changed"):
        bench.session.cloud.set_stack_policy(STACK, "{}")
