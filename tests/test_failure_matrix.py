"""What goes wrong with stacks, change sets and events, and what a deployment makes of it; each test names its row.

The engine runs on the fake AWS through real boto3 clients, in virtual time.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench import NETWORK, QUEUES, Bench, at_work, environment, failure, kinds
from fakeaws import FakeAws
from fakeaws.changesets import new_change_set
from fakeaws.proxy import THROTTLED, DropAfter, DropBefore, Html, Proxy, Truncate
from hypothesis import given
from hypothesis import strategies as st

from infragen.assembly.stacks import OutputOf, StackLayout, StackUnit
from infragen.assembly.synth import Assembly, synthesize
from infragen.changes.diff import Side, compare
from infragen.engine.deploy import deploy_plan
from infragen.engine.destroy import DestroyOptions, destroy_environment
from infragen.engine.operate import Target, how_failed, name_child
from infragen.engine.options import Options
from infragen.engine.outcome import Deployed, Failed, Unchanged
from infragen.engine.progress import Following, Happened, Question, Timer, Warned
from infragen.engine.schedule import pause
from infragen.errors import CloudError, Conflict, InfragenError, OperationFailed, OutcomeUnknown, Refused
from infragen.gates.data_loss import refusals

TOPIC = {"Type": "AWS::SNS::Topic"}
QUEUE = {"Type": "AWS::SQS::Queue"}


def topic(**properties: Any) -> dict[str, Any]:
    return {**TOPIC, "Properties": properties}


def queue(**properties: Any) -> dict[str, Any]:
    return {**QUEUE, "Properties": properties}


def deployed(bench: Bench, *units: StackUnit) -> None:
    """Deploy once, without trouble."""
    result = bench.deploy_units(*units)
    assert result.exit_code == 0, result.outcomes


def status(aws: FakeAws, layer: str) -> str:
    return aws.stack(f"shop-test-{layer}").status


def tags_of(unit: StackUnit) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in unit.tags.items()]


def left_over(aws: FakeAws) -> tuple[list[str], list[str]]:
    """Change sets that were never executed, and stacks that exist only for review."""
    sets = [c.name for c in aws.cloud.change_sets.values() if not c.execution.startswith("EXECUTE")]
    return sets, [s.name for s in aws.cloud.stacks.values() if s.status == "REVIEW_IN_PROGRESS"]


@pytest.fixture
def nested(aws: FakeAws, tmp_path: Path) -> Bench:
    """An operator of a nested environment with two layers; its bucket exists."""
    bench = at_work(aws, nested_environment(tmp_path, ""))
    bench.bootstrap()
    return bench


def nested_environment(directory: Path, more: str) -> Any:
    return environment(directory, NETWORK + QUEUES + more, topology="nested")


def assembly(bench: Bench) -> Assembly:
    return synthesize(bench.env)


# --- stack states ----------------------------------------------------------------------------------------------------


def test_s1_plan_of_a_new_stack_leaves_nothing_behind(bench: Bench, aws: FakeAws) -> None:
    """No change set and no stack under review remain; the next deployment creates."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    made = bench.plan_units(unit)
    assert [stack.action for stack in made.stacks] == ["create"]
    aws.clock.settle()
    assert left_over(aws) == ([], [])
    assert kinds(bench.deploy_units(unit).outcomes) == {"data": "Deployed"}


def test_s1_a_stack_under_review_left_by_a_killed_run_is_created(bench: Bench, aws: FakeAws) -> None:
    """REVIEW_IN_PROGRESS counts as absent; the old change set of ours is deleted."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    aws.elsewhere.create_change_set(
        {
            "StackName": unit.stack,
            "ChangeSetName": "infragen-old-1",
            "ChangeSetType": "CREATE",
            "TemplateBody": unit.text,
        }
    )
    aws.clock.settle()
    deployed(bench, unit)
    assert status(aws, "data") == "CREATE_COMPLETE"
    aws.clock.settle()
    assert left_over(aws) == ([], [])


@pytest.mark.long
@pytest.mark.parametrize("reads", [1, 3, 8])
def test_s2_stale_reads_never_end_the_follow(bench: Bench, aws: FakeAws, reads: int) -> None:
    """Neither a stack that is still under review after its execution, nor an old final status, is believed."""
    aws.settings.stale_reads = reads
    unit = bench.unit("data", {"Jobs": QUEUE}, outputs={"Url": {"Ref": "Jobs"}})
    result = bench.deploy_units(unit)
    assert isinstance(result.outcomes[0], Deployed)
    assert set(result.outcomes[0].outputs) == {"Url"}
    aws.fail("Jobs", "no", on="update", after=20)
    again = bench.deploy_units(bench.unit("data", {"Jobs": queue(DelaySeconds=1)}, outputs={"Url": {"Ref": "Jobs"}}))
    assert failure(again).status == "UPDATE_ROLLBACK_COMPLETE"


@pytest.mark.long
def test_s3_a_failed_first_creation_is_explained_then_removed_and_created(bench: Bench, aws: FakeAws) -> None:
    """ROLLBACK_COMPLETE can never be updated: why it failed is said first."""
    aws.fail("Jobs", "quota reached")
    unit = bench.unit("data", {"Jobs": QUEUE})
    assert failure(bench.deploy_units(unit)).status == "ROLLBACK_COMPLETE"
    old = aws.stack(unit.stack).id
    aws.mend()
    bench.ui.events.clear()
    deployed(bench, unit)
    warnings = [event.text for event in bench.ui.events if isinstance(event, Warned)]
    assert any("ROLLBACK_COMPLETE" in text and "quota reached" in text for text in warnings)
    assert aws.cloud.stacks[old].status == "DELETE_COMPLETE"
    assert status(aws, "data") == "CREATE_COMPLETE"


def test_s4_a_failed_creation_that_still_holds_something_is_not_deleted(bench: Bench, aws: FakeAws) -> None:
    """A retained resource: the failure names it, `status` later does, and the next deployment refuses and does, too."""
    kept = {**QUEUE, "DeletionPolicy": "Retain"}
    aws.fail("News", after=10)
    unit = bench.unit("data", {"Jobs": kept, "News": TOPIC})
    found = failure(bench.deploy_units(unit))
    resource = aws.stack(unit.stack).resources["Jobs"]
    assert found.hint.startswith(
        f"left in AWS by a deletion policy: data/Jobs ({resource.physical_id}); delete what is not needed"
    )
    state = bench.session.cloud.stack(unit.stack)
    assert state is not None
    assert how_failed(bench.session, Target("data", unit.stack, name_child), state) == (found.cause, found.hint)
    aws.mend()
    before = aws.mutations()
    with pytest.raises(Refused, match="Jobs"):
        bench.deploy_units(unit)
    assert aws.mutations() == before
    assert status(aws, "data") == "ROLLBACK_COMPLETE"


def test_s4_a_failed_creation_of_somebody_else_is_not_deleted(bench: Bench, aws: FakeAws) -> None:
    """Without our tags: refused, nothing is changed."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    aws.fail("Jobs")
    aws.elsewhere.create_stack({"StackName": unit.stack, "TemplateBody": unit.text})
    aws.clock.settle()
    aws.mend()
    with pytest.raises(Refused, match="tags"):
        bench.deploy_units(unit)
    assert aws.mutations() == []
    assert status(aws, "data") == "ROLLBACK_COMPLETE"


@pytest.mark.long
def test_s5_a_failed_rollback_is_refused_and_never_deleted(bench: Bench, aws: FakeAws) -> None:
    """UPDATE_ROLLBACK_FAILED: refused, naming `infragen recover`; no call changes anything."""
    deployed(bench, bench.unit("data", {"Jobs": QUEUE, "News": TOPIC}))
    aws.fail("News", on="update", after=9)
    aws.fail("Jobs", "gone", on="rollback")
    new = bench.unit("data", {"Jobs": queue(DelaySeconds=2), "News": topic(DisplayName="x")})
    found = failure(bench.deploy_units(new))
    assert (found.status, found.exit_code) == ("UPDATE_ROLLBACK_FAILED", 1)
    assert "infragen recover" in found.hint
    before = aws.mutations()
    with pytest.raises(Refused) as refused:
        bench.deploy_units(new)
    assert "infragen recover" in refused.value.hint
    assert aws.mutations() == before


def test_s7_an_operation_of_somebody_else_is_a_conflict(bench: Bench, aws: FakeAws) -> None:
    """Exit code 5, with the status, since when, and that it is not ours; nothing is changed."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    deployed(bench, unit)
    aws.slow("Jobs", 600, on="update")
    changed = json.dumps({"Resources": {"Jobs": queue(DelaySeconds=9)}})
    aws.elsewhere.update_stack({"StackName": unit.stack, "TemplateBody": changed, "Tags": tags_of(unit)})
    aws.stack(unit.stack).change_set_id = None
    before = aws.mutations()
    with pytest.raises(Conflict, match=r"UPDATE_IN_PROGRESS since \d\d:\d\d:\d\d"):
        bench.deploy_units(unit)
    assert aws.mutations() == before


def somebody_updates(aws: FakeAws, unit: StackUnit, seconds: float, token: str = "") -> None:
    """An update of Jobs that takes so long, by somebody who knows nothing of infragen."""
    aws.slow("Jobs", seconds, on="update")
    changed = json.dumps({"Resources": {"Jobs": queue(DelaySeconds=9)}})
    more = {"ClientRequestToken": token} if token else {}
    aws.elsewhere.update_stack({"StackName": unit.stack, "TemplateBody": changed, "Tags": tags_of(unit), **more})


@pytest.mark.long
@pytest.mark.parametrize("limit", [float("inf"), 3600.0])
def test_s7_with_wait_the_operation_of_somebody_else_is_waited_for(bench: Bench, aws: FakeAws, limit: float) -> None:
    """S7: the wait is told with status and token and shows that it is alive; then the deployment goes on."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    deployed(bench, unit)
    somebody_updates(aws, unit, 600, token="theirs-1")
    began = aws.clock.seconds
    bench.ui.events.clear()
    result = bench.deploy_units(unit, wait=limit)
    assert isinstance(result.outcomes[0], Deployed)
    assert aws.stack(unit.stack).resources["Jobs"].properties == {}
    assert aws.clock.seconds - began > 600
    [warning] = [event.text for event in bench.ui.events if isinstance(event, Warned)]
    assert "shop-test-data is UPDATE_IN_PROGRESS since" in warning
    assert "token theirs-1, not infragen's" in warning
    beats = [event.seconds for event in bench.ui.events if isinstance(event, Following)]
    assert max(later - earlier for earlier, later in itertools.pairwise(beats)) <= 60


@pytest.mark.long
def test_s7_a_wait_that_was_too_short_is_a_conflict(bench: Bench, aws: FakeAws) -> None:
    """S7: exit code 5 after the given time, and nothing was changed."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    deployed(bench, unit)
    somebody_updates(aws, unit, 600)
    before, began = aws.mutations(), aws.clock.seconds
    with pytest.raises(Conflict, match="not infragen's"):
        bench.deploy_units(unit, wait=60.0)
    assert 60 <= aws.clock.seconds - began < 90
    assert aws.mutations() == before


@pytest.mark.long
def test_s7_what_the_others_left_is_looked_at_anew(bench: Bench, aws: FakeAws) -> None:
    """S7: their update ends in UPDATE_ROLLBACK_FAILED: refused with the command that helps, not deployed over."""
    unit = bench.unit("data", {"Jobs": QUEUE, "News": TOPIC})
    deployed(bench, unit)
    aws.fail("News", on="update", after=90)
    aws.fail("Jobs", "gone", on="rollback")
    body = json.dumps({"Resources": {"Jobs": queue(DelaySeconds=9), "News": topic(DisplayName="x")}})
    aws.elsewhere.update_stack({"StackName": unit.stack, "TemplateBody": body, "Tags": tags_of(unit)})
    with pytest.raises(Refused, match="UPDATE_ROLLBACK_FAILED") as refused:
        bench.deploy_units(unit, wait=3600.0)
    assert "infragen recover" in refused.value.hint


@pytest.mark.long
def test_s7_an_operation_that_begins_while_we_prepare_is_a_conflict(bench: Bench, aws: FakeAws) -> None:
    """S7: CreateChangeSet is refused because the stack is busy by now: exit code 5, not an input error."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    deployed(bench, unit)
    words = f"Stack:{aws.stack(unit.stack).id} is in UPDATE_IN_PROGRESS state and can not be updated."
    aws.refuse("cloudformation:CreateChangeSet", "ValidationError", words)
    with pytest.raises(Conflict, match="UPDATE_IN_PROGRESS") as conflict:
        bench.deploy_units(bench.unit("data", {"Jobs": queue(DelaySeconds=1)}))
    assert "--wait" in conflict.value.hint


@pytest.mark.long
def test_s7_our_own_operation_bars_a_plan_with_a_conflict(bench: Bench, aws: FakeAws) -> None:
    """S7: a plan cannot follow; exit code 5 names the command that does."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    aws.slow("Jobs", 600)
    bench.deploy_units(unit, follow_timeout=30)
    with pytest.raises(Conflict, match="CREATE_IN_PROGRESS") as conflict:
        bench.plan_units(unit)
    assert "infragen deploy" in conflict.value.hint


@pytest.mark.long
def test_s7_a_deployment_that_follows_an_earlier_run_keeps_to_its_time(bench: Bench, aws: FakeAws) -> None:
    """S7: --follow-timeout also ends the following of what an earlier run began; exit code 6, nothing new begun."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    aws.slow("Jobs", 600)
    bench.deploy_units(unit, follow_timeout=30)
    before = aws.mutations()
    with pytest.raises(OutcomeUnknown, match="may still run"):
        bench.deploy_units(unit, follow_timeout=30)
    assert aws.mutations() == before


@pytest.mark.long
def test_s8_dependants_wait_until_the_cleanup_is_over(bench: Bench, aws: FakeAws) -> None:
    """UPDATE_COMPLETE_CLEANUP_IN_PROGRESS is not the end: the next stack starts after it."""
    data = bench.unit("data", {"Jobs": queue(DelaySeconds=1)}, outputs={"Url": {"Ref": "Jobs"}})
    use = bench.unit("use", {"News": topic(DisplayName={"Ref": "Url"})}, parameters={"Url": OutputOf("data", "Url")})
    deployed(bench, data, use)
    aws.slow("Jobs", 60, on="delete")
    renamed = bench.unit("data", {"Jobs": queue(QueueName="jobs")}, outputs={"Url": {"Ref": "Jobs"}})
    result = bench.deploy_units(renamed, use, allow_data_loss=frozenset({"data/Jobs"}))
    assert kinds(result.outcomes) == {"data": "Deployed", "use": "Deployed"}
    moves = [(stack.rsplit("/", 2)[1], status) for _, stack, _, status in aws.cloud.transitions]
    assert moves.index(("shop-test-use", "UPDATE_IN_PROGRESS")) > moves.index(("shop-test-data", "UPDATE_COMPLETE"))


@pytest.mark.long
def test_s9_what_the_cleanup_could_not_delete_is_listed(bench: Bench, aws: FakeAws) -> None:
    """The update is a success; the physical id left behind is in the outcome."""
    deployed(bench, bench.unit("data", {"Jobs": QUEUE, "Old": TOPIC}))
    left = aws.stack("shop-test-data").resources["Old"].physical_id
    aws.fail("Old", "in use", on="delete")
    result = bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
    assert result.exit_code == 0
    assert isinstance(result.outcomes[0], Deployed)
    assert result.outcomes[0].left == (left,)


@pytest.mark.long
def test_s10_a_rollback_is_never_success(bench: Bench, aws: FakeAws) -> None:
    """UPDATE_ROLLBACK_COMPLETE ends with exit code 1 and the root cause."""
    deployed(bench, bench.unit("data", {"Jobs": QUEUE}))
    aws.fail("Jobs", "not like this", on="update")
    result = bench.deploy_units(bench.unit("data", {"Jobs": queue(DelaySeconds=2)}))
    assert result.exit_code == 1
    assert "data/Jobs (AWS::SQS::Queue) UPDATE_FAILED: not like this" in failure(result).message


def test_s11_a_stack_deleted_and_recreated_meanwhile_is_not_taken_for_ours(bench: Bench, aws: FakeAws) -> None:
    """Followed by ARN: the one of the same name that appears is another one; exit code 1."""
    aws.slow("Jobs", 60)
    unit = bench.unit("data", {"Jobs": QUEUE})
    aws.at(20, lambda: aws.elsewhere.delete_stack({"StackName": unit.stack}))
    aws.at(40, lambda: aws.elsewhere.create_stack({"StackName": unit.stack, "TemplateBody": unit.text}))
    result = bench.deploy_units(unit)
    assert result.exit_code == 1
    assert "disappeared" in failure(result).message


def test_s11_a_failed_stack_that_is_gone_keeps_its_cause_when_nothing_says_who_deleted_it(
    bench: Bench, aws: FakeAws
) -> None:
    """The events of the deletion come too late, or are another caller's: the first failure is known all the same."""
    aws.settings.late_events["DELETE_IN_PROGRESS"] = 3600
    aws.fail("Bad", "quota reached", after=10)
    found = failure(bench.deploy_units(bench.unit("data", {"Jobs": QUEUE, "Bad": TOPIC}), on_failure="delete"))
    assert "disappeared while it was being deployed, after it had failed: data/Bad" in found.message
    assert found.cause is not None
    assert found.cause.reason == "quota reached"
    assert "another caller" in found.hint
    assert "fix the cause" in found.hint


@pytest.mark.long
def test_s12_an_operation_of_hours_is_followed_to_its_end(bench: Bench, aws: FakeAws) -> None:
    """Five hours: no limit of ours ends the follow, and it tells that it is alive."""
    aws.slow("Jobs", 5 * 3600)
    bench.slowness = 12  # every pause lasts twelve times as long: fewer rounds for the same hours
    result = bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
    assert result.exit_code == 0
    beats = [event.seconds for event in bench.ui.events if isinstance(event, Following)]
    assert max(later - earlier for earlier, later in itertools.pairwise(beats)) <= 60


@pytest.mark.long
@given(rounds=st.integers(0, 10**9), roads=st.integers(0, 1000))
def test_s12_the_pause_between_two_looks_is_bounded(rounds: int, roads: int) -> None:
    """However long it takes and however many stacks run: never zero, never above fifteen seconds."""
    assert 0 < pause(rounds, roads) <= 15


def test_s13_a_role_that_is_gone_is_named(bench: Bench, aws: FakeAws) -> None:
    """Exit code 4 with the role's ARN: the environment is at fault, not the template."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    role = "arn:aws:iam::111122223333:role/gone"
    aws.elsewhere.create_stack(
        {"StackName": unit.stack, "TemplateBody": unit.text, "RoleARN": role, "Tags": tags_of(unit)}
    )
    aws.clock.settle()
    aws.settings.invalid_roles.add(role)
    with pytest.raises(InfragenError, match=role) as caught:
        bench.deploy_units(bench.unit("data", {"Jobs": queue(DelaySeconds=1)}))
    assert caught.value.exit_code == 4
    assert left_over(aws) == ([], [])


ROLE = "arn:aws:iam::111122223333:role/cloudformation"


def with_role(bench: Bench, directory: Path) -> Bench:
    """The same environment, whose file names a role for CloudFormation."""
    return at_work(bench.aws, environment(directory, f"iam: {{ service_role_arn: '{ROLE}' }}\n"))


@pytest.mark.long
def test_s13_the_role_of_the_environment_goes_with_every_operation(bench: Bench, aws: FakeAws, tmp_path: Path) -> None:
    """S13: creation, update and deletion; without one in the file AWS is given none."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    deployed(bench, unit)
    assert [call.params.get("RoleARN") for call in aws.calls if call.operation == "CreateChangeSet"] == [None]
    named = with_role(bench, tmp_path)
    deployed(named, bench.unit("data", {"Jobs": queue(DelaySeconds=1)}))
    assert aws.stack(unit.stack).target.role_arn == ROLE
    assert destroy_environment(named.env, named.session).exit_code == 0
    given = [call.params.get("RoleARN") for call in aws.calls if call.operation in ("CreateChangeSet", "DeleteStack")]
    assert given == [None, ROLE, ROLE]


def test_s13_a_role_that_is_gone_can_be_replaced(bench: Bench, aws: FakeAws, tmp_path: Path) -> None:
    """S13: the failure names the key of the file and the option of destroy; both help."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    gone = "arn:aws:iam::111122223333:role/gone"
    tags = tags_of(unit)
    aws.elsewhere.create_stack({"StackName": unit.stack, "TemplateBody": unit.text, "RoleARN": gone, "Tags": tags})
    aws.clock.settle()
    aws.settings.invalid_roles.add(gone)
    changed = bench.unit("data", {"Jobs": queue(DelaySeconds=1)})
    with pytest.raises(CloudError, match=gone) as refused:
        bench.deploy_units(changed)
    assert "iam.service_role_arn" in refused.value.hint
    assert "infragen destroy --role-arn" in refused.value.hint
    assert with_role(bench, tmp_path).deploy_units(changed).exit_code == 0


def test_s13_a_stack_is_deleted_with_another_role(bench: Bench, aws: FakeAws) -> None:
    """S13: destroy says whose role is gone (4) and takes another."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    gone = "arn:aws:iam::111122223333:role/gone"
    tags = tags_of(unit)
    aws.elsewhere.create_stack({"StackName": unit.stack, "TemplateBody": unit.text, "RoleARN": gone, "Tags": tags})
    aws.clock.settle()
    aws.settings.invalid_roles.add(gone)
    failed = destroy_environment(bench.env, bench.session)
    assert failed.exit_code == 4
    assert gone in failure(failed).message
    assert "--role-arn" in failure(failed).hint
    assert destroy_environment(bench.env, bench.session, DestroyOptions(role=ROLE)).exit_code == 0


def test_s14_a_stack_of_somebody_else_is_refused_or_adopted(bench: Bench, aws: FakeAws) -> None:
    """Without our tags: refused, naming --adopt; adopted, it carries them."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    aws.elsewhere.create_stack({"StackName": unit.stack, "TemplateBody": unit.text})
    aws.clock.settle()
    with pytest.raises(Refused) as refused:
        bench.deploy_units(unit)
    assert "--adopt" in refused.value.hint
    assert aws.mutations() == []
    result = bench.deploy_units(unit, adopt=True)
    assert result.exit_code == 0
    assert aws.stack(unit.stack).target.tags == unit.tags


def test_s14_a_nested_stack_is_never_touched_directly(bench: Bench, aws: FakeAws) -> None:
    """Even with our tags and --adopt."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    deployed(bench, unit)
    aws.stack(unit.stack).parent_id = "arn:aws:cloudformation:us-east-1:111122223333:stack/other/1"
    before = aws.mutations()
    with pytest.raises(Refused, match="nested"):
        bench.deploy_units(bench.unit("data", {"Jobs": queue(DelaySeconds=1)}), adopt=True)
    assert aws.mutations() == before


# --- change sets -----------------------------------------------------------------------------------------------------


UNUSED = {"Unused": {"a": {"b": "c"}}}


@pytest.mark.parametrize("more", [{"Description": "other words"}, {"Metadata": {"Seen": "by people"}}])
def test_c1_what_cannot_be_updated_by_itself_makes_no_change_set(
    bench: Bench, aws: FakeAws, more: dict[str, Any]
) -> None:
    """C1, P20: only the description or metadata of a template differs: unchanged, and no call changes anything."""
    deployed(bench, bench.unit("data", {"Jobs": QUEUE}))
    before = aws.mutations()
    result = bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}, more=more))
    assert isinstance(result.outcomes[0], Unchanged)
    assert aws.mutations() == before


@pytest.mark.parametrize("transform", [False, True])
def test_c1_both_texts_without_changes_mean_unchanged(bench: Bench, aws: FakeAws, transform: bool) -> None:
    """A template that differs in words only: FAILED by either text is nothing to do, and the set is deleted."""
    more = {"Transform": "AWS::LanguageExtensions"} if transform else {}
    deployed(bench, bench.unit("data", {"Jobs": QUEUE}, more=more))
    result = bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}, more={**more, "Mappings": UNUSED}))
    assert isinstance(result.outcomes[0], Unchanged)
    assert result.exit_code == 0
    assert "cloudformation:ExecuteChangeSet" not in aws.mutations()[2:]
    assert left_over(aws) == ([], [])


def test_c1_any_other_failure_of_a_set_is_a_failure(bench: Bench, aws: FakeAws) -> None:
    """A text that only contains the known words does not count."""
    aws.settings.fail_change_set["shop-test-data"] = "Internal: saw 'No updates are to be performed.' twice"
    with pytest.raises(OperationFailed, match="Internal: saw"):
        bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
    assert left_over(aws) == ([], [])


def test_c2_a_set_without_resource_changes_is_executed(bench: Bench, aws: FakeAws) -> None:
    """New outputs alone: the status decides."""
    deployed(bench, bench.unit("data", {"Jobs": QUEUE}))
    result = bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}, outputs={"Url": {"Ref": "Jobs"}}))
    assert isinstance(result.outcomes[0], Deployed)
    assert set(result.outcomes[0].outputs) == {"Url"}


@pytest.mark.long
def test_c3_a_nested_change_set_that_fails_is_explained_from_inside(nested: Bench, aws: FakeAws) -> None:
    """The root says only that a nested set failed: the reason comes from the child, with its place."""
    aws.settings.fail_nested_change_set["Queue"] = "Template error: something is wrong"
    with pytest.raises(OperationFailed, match=r"root/Queue: Template error: something is wrong"):
        nested.deploy(assembly(nested))
    aws.clock.settle()
    assert left_over(aws) == ([], [])


@pytest.mark.long
def test_c4_unchanged_children_do_not_fail_the_root(nested: Bench, aws: FakeAws, tmp_path: Path) -> None:
    """One child changes; the FAILED set of the other is normal."""
    nested.begin(assembly(nested))
    changed = at_work(aws, nested_environment(tmp_path, "    max_receives: 7\n"))
    result = changed.deploy(assembly(changed))
    assert result.exit_code == 0
    assert {stack.layer: stack.action for stack in result.plan.stacks}["queue"] == "update"


@pytest.mark.long
def test_c4_an_unchanged_nested_environment_makes_no_change_set(nested: Bench, aws: FakeAws) -> None:
    """Otherwise the empty sets of its children would pile up until every deployment fails."""
    nested.begin(assembly(nested))
    before, calls = aws.mutations(), len(aws.calls)
    assert kinds(nested.deploy(assembly(nested)).outcomes) == {"root": "Unchanged"}
    assert aws.mutations() == before
    assert len(aws.calls) - calls <= 10


@pytest.mark.long
@pytest.mark.parametrize(("held", "nested_sets"), [(499, True), (500, True), (900, False)])
def test_c4_children_near_the_limit_of_change_sets_are_left_without(
    nested: Bench, aws: FakeAws, tmp_path: Path, held: int, nested_sets: bool
) -> None:
    """C4, R17: at 500 it is said; at 900 it goes on without nested sets, and the plan has our rows for the child."""
    nested.begin(assembly(nested))
    child = next(s for s in aws.cloud.stacks.values() if s.name.startswith("shop-test-Network"))
    own = sum(c.stack is child and not c.executed for c in aws.cloud.change_sets.values())
    for number in range(held - own):
        new_change_set(aws.cloud, child, f"empty-{number}", "UPDATE", child.target).status = "FAILED"
    changed = at_work(aws, nested_environment(tmp_path, "    max_receives: 7\n"))
    if not nested_sets:
        with pytest.raises(Refused, match="queue/JobsQueue"):
            changed.deploy(assembly(changed))
        changed.ui.events.clear()
    allowed = frozenset[str]() if nested_sets else frozenset({"queue/JobsQueue"})
    result = changed.deploy(assembly(changed), allow_data_loss=allowed)
    assert result.exit_code == 0
    asked = [call.params for call in aws.calls if call.operation == "CreateChangeSet"][-1]
    assert asked.get("IncludeNestedStacks", False) is nested_sets
    told = [event.text for event in changed.ui.events if isinstance(event, Warned)]
    assert [f"holds {held} change sets" in text for text in told] == ([] if held < 500 else [True])
    assert [row.logical_id for row in result.plan.changes() if row.layer == "queue"] == ["JobsQueue"]


@pytest.mark.long
def test_c5_change_sets_of_a_killed_run_are_deleted_by_the_next(bench: Bench, aws: FakeAws) -> None:
    """Ours by their name; somebody else's stays until an execution deletes it."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    deployed(bench, unit)
    for name in ("infragen-abc-123", "console-1"):
        body = json.dumps({"Resources": {"Jobs": queue(DelaySeconds=5)}})
        aws.elsewhere.create_change_set({"StackName": unit.stack, "ChangeSetName": name, "TemplateBody": body})
    aws.clock.settle()
    bench.plan_units(bench.unit("data", {"Jobs": queue(DelaySeconds=7)}))
    assert [c.name for c in aws.cloud.change_sets.values() if c.execution == "AVAILABLE"] == ["console-1"]


def test_c5_a_declined_plan_leaves_no_change_set(bench: Bench, aws: FakeAws) -> None:
    """Nor does a refused one."""
    bench.ui.answer = False
    with pytest.raises(Refused, match="declined"):
        bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
    aws.clock.settle()
    assert left_over(aws) == ([], [])
    assert "cloudformation:ExecuteChangeSet" not in aws.mutations()


def test_c6_a_quota_is_not_tried_again(bench: Bench, aws: FakeAws) -> None:
    """LimitExceededException is permanent here: one call, exit code 4."""
    aws.settings.change_set_limit = 0
    with pytest.raises(InfragenError, match="limit exceeded") as caught:
        bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
    assert caught.value.exit_code == 4
    assert aws.mutations() == ["cloudformation:CreateChangeSet"]


def test_c7_c8_names_of_change_sets_never_meet(bench: Bench, aws: FakeAws) -> None:
    """Two plans of the same content have names of their own, well formed."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    bench.plan_units(unit)
    bench.plan_units(unit)
    made = [call.params["ChangeSetName"] for call in aws.calls if call.operation == "CreateChangeSet"]
    assert len(set(made)) == 2
    assert all(name.startswith("infragen-") and len(name) <= 128 for name in made)


class Meddler:
    """A listener that lets somebody else act while the question is asked."""

    def __init__(self, bench: Bench, act: Any) -> None:
        self.bench, self.act = bench, act

    def tell(self, event: Any) -> None:
        self.bench.ui.events.append(event)

    def confirm(self, question: Question) -> bool:
        self.act()
        return True


@pytest.mark.long
@pytest.mark.parametrize("how", ["update", "execute", "delete set"])
def test_c9_a_plan_that_became_stale_is_not_executed(bench: Bench, aws: FakeAws, how: str) -> None:
    """Changed between plan and execution, by whatever: exit code 5, and theirs stays."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    deployed(bench, unit)
    theirs = json.dumps({"Resources": {"Jobs": QUEUE, "Theirs": TOPIC}})

    def meddle() -> None:
        if how == "update":
            aws.elsewhere.update_stack({"StackName": unit.stack, "TemplateBody": theirs})
        elif how == "execute":
            made = aws.elsewhere.create_change_set(
                {"StackName": unit.stack, "ChangeSetName": "t", "TemplateBody": theirs}
            )
            aws.clock.advance(5)
            aws.elsewhere.execute_change_set({"ChangeSetName": made["Id"]})
        else:
            ours = next(c for c in aws.cloud.change_sets.values() if c.execution == "AVAILABLE")
            aws.elsewhere.delete_change_set({"ChangeSetName": ours.id})
        aws.clock.settle()

    result = bench.deploy_units(bench.unit("data", {"Jobs": queue(DelaySeconds=3)}), ui=Meddler(bench, meddle))
    assert result.exit_code == 5
    assert "stale" in failure(result).message
    assert aws.stack(unit.stack).resources["Jobs"].properties == {}


@pytest.mark.long
def test_c10_more_destruction_than_was_shown_is_refused(bench: Bench, aws: FakeAws) -> None:
    """An output changes as nobody could foresee, and a later layer would replace its queue: it is refused."""
    aws.settings.ssm["/name"] = "one"
    name = {"Name": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/name"}}
    outputs = {"Name": {"Ref": "Name"}}
    entries = {"Name": OutputOf("data", "Name")}
    data = bench.unit("data", {"Jobs": QUEUE}, outputs=outputs, more={"Parameters": name})
    use = bench.unit("use", {"Store": queue(QueueName={"Ref": "Name"})}, parameters=entries)
    deployed(bench, data, use)
    first = aws.stack(use.stack).resources["Store"].physical_id
    aws.settings.ssm["/name"] = "two"
    data = bench.unit("data", {"Jobs": queue(DelaySeconds=1)}, outputs=outputs, more={"Parameters": name})
    result = bench.deploy_units(data, use)
    assert kinds(result.outcomes) == {"data": "Deployed", "use": "Failed"}
    assert result.exit_code == 3
    assert "--allow-data-loss use/Store" in failure(result).hint
    assert aws.stack(use.stack).resources["Store"].physical_id == first


@pytest.mark.long
def test_c11_the_guard_reads_every_page(bench: Bench, aws: FakeAws) -> None:
    """The replacement is on the last page; it is refused by name, and nothing is executed."""
    aws.settings.page_sizes["DescribeChangeSet"] = 2
    names = [f"A{number}" for number in range(7)]
    deployed(bench, bench.unit("data", {**dict.fromkeys(names, TOPIC), "Zjobs": QUEUE}))
    executed = aws.mutations().count("cloudformation:ExecuteChangeSet")
    new = bench.unit("data", {**{name: topic(DisplayName="x") for name in names}, "Zjobs": queue(QueueName="z")})
    with pytest.raises(Refused) as refused:
        bench.deploy_units(new)
    assert "--allow-data-loss data/Zjobs" in refused.value.hint
    assert aws.mutations().count("cloudformation:ExecuteChangeSet") == executed
    assert bench.deploy_units(new, allow_data_loss=frozenset({"data/Zjobs"})).exit_code == 0


@pytest.mark.long
def test_c11_the_guard_looks_into_nested_sets(nested: Bench, aws: FakeAws, tmp_path: Path) -> None:
    """A queue that would be replaced inside a nested stack."""
    nested.begin(assembly(nested))
    renamed = nested_environment(tmp_path, "    fifo: true\n")
    changed = at_work(aws, renamed)
    with pytest.raises(Refused) as refused:
        changed.deploy(assembly(changed))
    assert "--allow-data-loss queue/" in refused.value.hint


@pytest.mark.long
def test_c12_what_property_values_leave_out_is_guarded_all_the_same(bench: Bench, aws: FakeAws) -> None:
    """The description with values hides the replacement; the plain one has it."""
    deployed(bench, bench.unit("data", {"Jobs": QUEUE, "News": TOPIC}))
    aws.settings.hide_from_property_values = {"Jobs"}
    new = bench.unit("data", {"Jobs": queue(QueueName="z"), "News": topic(DisplayName="x")})
    with pytest.raises(Refused) as refused:
        bench.deploy_units(new)
    assert "data/Jobs" in refused.value.hint
    rows = {row.logical_id for row in bench.plan_units(new).changes()}
    assert rows == {"Jobs", "News"}


@pytest.mark.long
@pytest.mark.parametrize("operation", ["CreateChangeSet", "ExecuteChangeSet", "DeleteChangeSet"])
@pytest.mark.parametrize("times", [1, 3])
def test_c13_a_lost_reply_still_means_one_execution(aws: FakeAws, tmp_path: Path, operation: str, times: int) -> None:
    """The call was applied, its reply lost, the retry finds its work done: one execution, exit code 0."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        proxy.on(operation, DropAfter(), times=times)
        unit = bench.unit("data", {"Jobs": QUEUE})
        if operation == "DeleteChangeSet":
            bench.plan_units(unit)
        result = bench.deploy_units(unit)
        assert result.exit_code == 0, result.outcomes
        begun = [move for *_, move in aws.cloud.transitions if move == "CREATE_IN_PROGRESS"]
        assert len(begun) == 1
        assert any(seen.fault for seen in proxy.calls)


@pytest.mark.long
@pytest.mark.parametrize("operation", ["CreateChangeSet", "ExecuteChangeSet"])
def test_c13_a_reply_that_stays_lost_is_found_out(aws: FakeAws, tmp_path: Path, operation: str) -> None:
    """All ten tries of the client lose their reply: the engine looks what was applied."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        proxy.on(operation, DropAfter(), times=10)
        unit = bench.unit("data", {"Jobs": QUEUE})
        try:
            code = bench.deploy_units(unit).exit_code
        except InfragenError as error:
            code = error.exit_code
        assert code in (0, 4)
        assert bench.deploy_units(unit).exit_code == 0
        begun = [move for *_, move in aws.cloud.transitions if move == "CREATE_IN_PROGRESS"]
        assert len(begun) == 1
        assert left_over(aws) == ([], [])


@pytest.mark.long
def test_c13_an_execution_that_does_not_arrive_is_sent_again(aws: FakeAws, tmp_path: Path) -> None:
    """The network is gone just then, for longer than the client tries: never taken for done, executed once."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        deployed(bench, bench.unit("data", {"Jobs": QUEUE}))
        proxy.on("ExecuteChangeSet", DropBefore(), times=10)
        result = bench.deploy_units(bench.unit("data", {"Jobs": queue(DelaySeconds=3)}))
    assert result.exit_code == 0, result.outcomes
    assert aws.stack("shop-test-data").resources["Jobs"].properties == {"DelaySeconds": 3}


@pytest.mark.long
def test_c13_an_execution_that_never_arrives_is_no_success(aws: FakeAws, tmp_path: Path) -> None:
    """The execution, and nothing else, is lost whatever is tried: exit code 4, and the stack is as it was."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        deployed(bench, bench.unit("data", {"Jobs": QUEUE}))
        proxy.on("ExecuteChangeSet", DropBefore(), times=None)
        result = bench.deploy_units(bench.unit("data", {"Jobs": queue(DelaySeconds=3)}))
    assert result.exit_code == 4
    assert aws.stack("shop-test-data").resources["Jobs"].properties == {}
    aws.clock.settle()
    assert left_over(aws) == ([], [])


@pytest.mark.long
def test_c13_an_execution_of_which_no_reply_ever_came_is_followed(aws: FakeAws, tmp_path: Path) -> None:
    """Applied at the first try; every reply, to every try, is lost."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        deployed(bench, bench.unit("data", {"Jobs": QUEUE}))
        proxy.on("ExecuteChangeSet", DropAfter(), times=None)
        result = bench.deploy_units(bench.unit("data", {"Jobs": queue(DelaySeconds=3)}))
    assert result.exit_code == 0, result.outcomes
    assert aws.stack("shop-test-data").resources["Jobs"].properties == {"DelaySeconds": 3}


@pytest.mark.long
def test_c14_a_nested_evaluation_that_fails_in_unknown_words_is_explained(
    nested: Bench, aws: FakeAws, tmp_path: Path
) -> None:
    """On an update too: AWS's words from the nested set; nothing is executed."""
    nested.begin(assembly(nested))
    executed = aws.mutations().count("cloudformation:ExecuteChangeSet")
    aws.settings.fail_nested_change_set["Queue"] = "Template error: never heard of"
    changed = at_work(aws, nested_environment(tmp_path, "    max_receives: 7\n"))
    with pytest.raises(OperationFailed, match="root/Queue: Template error: never heard of"):
        changed.deploy(assembly(changed))
    assert aws.mutations().count("cloudformation:ExecuteChangeSet") == executed


@pytest.mark.long
def test_c14_a_nested_evaluation_that_fails_can_be_left_out(nested: Bench, aws: FakeAws, tmp_path: Path) -> None:
    """C14, C4, R17: the failure names --no-nested-changes; with it plan and deploy ask for no nested change set.

    AWS says nothing of the queue then, so it must be named before it is changed; topics need not be.
    """
    nested.begin(assembly(nested))
    aws.settings.fail_nested_change_set["Queue"] = "Template error: never heard of"
    changed = at_work(aws, nested_environment(tmp_path, "    max_receives: 7\n"))
    with pytest.raises(OperationFailed) as failed:
        changed.plan(assembly(changed))
    assert "--no-nested-changes" in failed.value.hint
    shown = changed.plan(assembly(changed), nested=False)
    [row] = [each for each in shown.changes() if each.layer == "queue"]
    assert (row.place, row.source, row.replacement) == ("queue/JobsQueue", "template", "Conditional")
    executed = aws.mutations().count("cloudformation:ExecuteChangeSet")
    with pytest.raises(Refused) as refused:
        changed.deploy(assembly(changed), nested=False)
    assert refused.value.hint == "if that is meant: --allow-data-loss queue/JobsQueue"
    assert aws.mutations().count("cloudformation:ExecuteChangeSet") == executed
    result = changed.deploy(assembly(changed), nested=False, allow_data_loss=frozenset({"queue/JobsQueue"}))
    assert kinds(result.outcomes) == {"root": "Deployed"}
    asked = [call.params for call in aws.calls if call.operation == "CreateChangeSet"]
    assert [each.get("IncludeNestedStacks", False) for each in asked[-3:]] == [False, False, False]
    aws.clock.settle()
    assert left_over(aws) == ([], [])


@pytest.mark.long
def test_c14_a_failure_of_the_root_itself_names_no_option(nested: Bench, aws: FakeAws, tmp_path: Path) -> None:
    """C14: leaving nested change sets out does not help where nothing nested failed."""
    aws.settings.fail_change_set["shop-test"] = "Template error: unresolved"
    with pytest.raises(OperationFailed) as failed:
        nested.plan(assembly(nested))
    assert "--no-nested-changes" not in failed.value.hint


def test_r17_only_what_holds_data_and_changes_is_unknown() -> None:
    """R17: rows of a nested stack that AWS does not describe; additions, removals and other types stay as they are."""
    db, topic = "AWS::RDS::DBCluster", "AWS::SNS::Topic"
    kept = {"Type": "AWS::S3::Bucket", "UpdateReplacePolicy": "Retain"}
    old = {
        "Db": {"Type": db, "Properties": {"BackupRetentionPeriod": 1}},
        "Old": {**kept, "Properties": {"BucketName": "a"}},
        "News": {"Type": topic, "Properties": {"DisplayName": "a"}},
    }
    new = {
        "Db": {"Type": db, "Properties": {"BackupRetentionPeriod": 2}},
        "New": {"Type": "AWS::SQS::Queue"},
        "Old": {**kept, "Properties": {"BucketName": "b"}},
        "News": {"Type": topic, "Properties": {"DisplayName": "b"}},
    }
    sides = (Side({"Resources": old}, {}), Side({"Resources": new}, {}))
    seen = compare("data", "us-east-1", *sides, unseen=True)
    replaced = {each.logical_id: each.replacement for each in seen}
    assert replaced == {"Db": "Conditional", "New": "", "Old": "True", "News": "False"}
    assert [each.place for each in refusals(seen)] == ["data/Db", "data/Old"]
    known = compare("data", "us-east-1", *sides)
    assert [each for each in seen if each.logical_id != "Db"] == [each for each in known if each.logical_id != "Db"]


@pytest.mark.long
def test_c15_a_nested_plan_leaves_no_stack_under_review(nested: Bench, aws: FakeAws) -> None:
    """The root's set is deleted, waited for, then the empty root; its children go with them."""
    aws.settings.change_set_delete_seconds = 6
    made = nested.plan(assembly(nested))
    assert made.changed
    aws.clock.settle()
    assert left_over(aws) == ([], [])
    nested.begin(assembly(nested))


def test_c16_early_validation_says_which_property(bench: Bench, aws: FakeAws) -> None:
    """DescribeEvents gives the path and the reason; the set's own reason only points there."""
    aws.settings.early_validation["Jobs"] = ("/Resources/Jobs/Properties/DelaySeconds", "expected type: Integer")
    with pytest.raises(OperationFailed, match=r"/Resources/Jobs/Properties/DelaySeconds.*expected type: Integer"):
        bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
    assert left_over(aws) == ([], [])


# --- events and root cause -------------------------------------------------------------------------------------------


def all_event_ids(aws: FakeAws, layer: str = "data") -> list[str]:
    """All events of a stack's operations; that of the review belongs to none."""
    return [e.id for e in aws.stack(f"shop-test-{layer}").events if e.status != "REVIEW_IN_PROGRESS"]


@pytest.mark.long
@pytest.mark.parametrize(("page", "late_every"), [(1, 0), (3, 0), (2, 3), (100, 4)])
def test_e1_e2_every_event_is_shown_once(bench: Bench, aws: FakeAws, page: int, late_every: int) -> None:
    """Over all pages, with equal timestamps, and with events that become visible late."""
    aws.settings.page_sizes["DescribeStackEvents"] = page
    aws.settings.events_late_every, aws.settings.events_late_seconds = late_every, 5
    aws.slow("Last", 30)
    names = [f"Topic{number}" for number in range(8)]
    resources = {**dict.fromkeys(names, TOPIC), "Last": {**QUEUE, "DependsOn": names}}
    assert bench.deploy_units(bench.unit("data", resources)).exit_code == 0
    shown = bench.ui.event_ids()
    assert len(shown) == len(set(shown))
    missing = set(all_event_ids(aws)) - set(shown)
    assert missing <= set(all_event_ids(aws)[-3:]) if late_every else missing == set()


def test_e3_no_clock_of_ours_hides_events(bench: Bench, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's clock is a year away from this machine's: all the same events."""
    assert bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})).exit_code == 0
    assert bench.ui.event_ids() == all_event_ids(aws)


@pytest.mark.long
@pytest.mark.parametrize("fault", [THROTTLED, Html(503), DropBefore(), Truncate()])
def test_e4_e5_failing_pages_lose_nothing(aws: FakeAws, tmp_path: Path, fault: Any) -> None:
    """A third of all reads of events fail, of whatever kind: 0 lost, 0 twice."""
    aws.settings.page_sizes["DescribeStackEvents"] = 2
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        for nth in range(2, 60, 3):
            proxy.on("DescribeStackEvents", fault, nth=nth)
        aws.slow("Last", 60)
        resources = {**{f"Topic{number}": TOPIC for number in range(6)}, "Last": QUEUE}
        assert bench.deploy_units(bench.unit("data", resources)).exit_code == 0
    assert sorted(bench.ui.event_ids()) == sorted(all_event_ids(aws))


def test_e6_events_of_other_operations_are_not_shown(bench: Bench, aws: FakeAws) -> None:
    """Neither those of our earlier operations, nor those of one that somebody began before ours."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    deployed(bench, unit)
    theirs = json.dumps({"Resources": {"Jobs": queue(DelaySeconds=5)}})
    aws.elsewhere.update_stack({"StackName": unit.stack, "TemplateBody": theirs, "ClientRequestToken": "theirs"})
    aws.clock.settle()
    before = {event.id for event in aws.stack(unit.stack).events}
    bench.ui.events.clear()
    bench.deploy_units(bench.unit("data", {"Jobs": queue(DelaySeconds=7), "News": TOPIC}))
    shown = bench.ui.event_ids()
    assert shown
    assert not before & set(shown)


@pytest.mark.long
@pytest.mark.parametrize("token", ["theirs", ""])
@pytest.mark.parametrize("ends", ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_e6_what_somebody_begins_right_after_ours_is_not_followed(
    bench: Bench, aws: FakeAws, token: str, ends: str
) -> None:
    """Ours ends well, whatever becomes of theirs, which takes an hour; nothing of it is shown."""
    deployed(bench, bench.unit("data", {"Jobs": QUEUE}))
    bench.ui.events.clear()
    theirs = json.dumps({"Resources": {"Jobs": queue(DelaySeconds=5)}})
    request = {
        "StackName": "shop-test-data",
        "TemplateBody": theirs,
        **({"ClientRequestToken": token} if token else {}),
    }

    def overtake(seconds: float) -> None:
        for _ in range(int(seconds * 10)):
            aws.clock.sleep(0.1)
            stack = aws.stack("shop-test-data")
            if stack.status == "UPDATE_COMPLETE" and "UPDATE_COMPLETE" not in met:
                aws.slow("Jobs", 3600, on="update")
                if ends != "UPDATE_COMPLETE":
                    aws.fail("Jobs", "theirs failed", on="update")
                met[stack.status] = {event.id for event in stack.events}
                aws.elsewhere.update_stack(request)

    met: dict[str, set[str]] = {}
    session = replace(bench.session, timer=Timer(aws.clock.monotonic, overtake))
    unit = bench.unit("data", {"Jobs": queue(DelaySeconds=7), "News": TOPIC})
    result = deploy_plan(StackLayout(bench.env, (unit,), ()), session, Options())
    assert kinds(result.outcomes) == {"data": "Deployed"}
    assert [each.status for each in result.outcomes if isinstance(each, Deployed)] == ["UPDATE_COMPLETE"]
    assert status(aws, "data") == "UPDATE_IN_PROGRESS"
    assert set(bench.ui.event_ids()) <= met["UPDATE_COMPLETE"]


@pytest.mark.long
@pytest.mark.parametrize("carry", [True, False])
def test_e7_a_nested_failure_is_found_in_the_deleted_child(nested: Bench, aws: FakeAws, carry: bool) -> None:
    """Layer, logical id and AWS's words, though the child is gone; whether or not its events carry our token."""
    aws.settings.child_events_carry_token = carry
    aws.fail("JobsDlq", "quota reached", stack="shop-test-Queue")
    result = nested.deploy(assembly(nested))
    found = failure(result)
    assert found.cause is not None
    assert (found.cause.layer, found.cause.logical_id, found.cause.reason) == ("queue", "JobsDlq", "quota reached")


@pytest.mark.long
def test_e7_nested_events_are_shown_while_they_happen(nested: Bench, aws: FakeAws) -> None:
    """Not only at the end: many rounds of waiting come after them."""
    aws.slow("JobsDlq", 60)
    aws.slow("JobsQueue", 90)
    assert nested.deploy(assembly(nested)).exit_code == 0
    told = nested.ui.events
    of_queue = [i for i, e in enumerate(told) if isinstance(e, Happened) and e.event.event.logical_id == "JobsDlq"]
    assert len([e for e in told[of_queue[-1] :] if isinstance(e, Following)]) > 20


def test_e8_cancelled_resources_are_counted_not_blamed(bench: Bench, aws: FakeAws) -> None:
    """The true failure has "cancelled" in its own words and comes at the same instant as the others."""
    aws.fail("Bad", "the order was cancelled by the supplier", after=9)
    for name in ("Slow1", "Slow2"):
        aws.slow(name, 90)
    result = bench.deploy_units(bench.unit("data", {"Bad": TOPIC, "Slow1": QUEUE, "Slow2": QUEUE}))
    cause = failure(result).cause
    assert cause is not None
    assert (cause.logical_id, cause.reason) == ("Bad", "the order was cancelled by the supplier")
    assert cause.cancelled == 2


def test_e9_a_failure_that_becomes_visible_late_is_found(bench: Bench, aws: FakeAws) -> None:
    """The final status is there before the event that explains it."""
    aws.fail("Bad", "quota reached")
    aws.settings.late_events["CREATE_FAILED"] = 6
    result = bench.deploy_units(bench.unit("data", {"Bad": TOPIC}))
    cause = failure(result).cause
    assert cause is not None
    assert (cause.logical_id, cause.reason) == ("Bad", "quota reached")


def test_e10_what_a_hook_said_is_part_of_the_cause(bench: Bench, aws: FakeAws) -> None:
    """The resource's failure only names the hook; its words are in another event."""
    aws.settings.hooks["Jobs"] = ("Org::Queues::Encrypted", "queue must be encrypted")
    cause = failure(bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))).cause
    assert cause is not None
    assert "hook(s) failed" in cause.reason
    assert "Org::Queues::Encrypted: queue must be encrypted" in cause.reason


GUARD = (
    "Template failed validation, the following rule(s) failed: ENCRYPTED. Full output was written to s3://logs/1.json"
)


def hooked(aws: FakeAws, *annotations: dict[str, str]) -> None:
    aws.settings.hooks["Jobs"] = ("Org::Queues::Guard", GUARD)
    aws.settings.hook_annotations["Jobs"] = [*annotations]


def annotation(name: str, status: str = "FAILED", **more: str) -> dict[str, str]:
    return {"AnnotationName": name, "Status": status, **more}


def test_e10_the_checks_of_a_hook_that_failed_are_told(bench: Bench, aws: FakeAws) -> None:
    """An event of Guard names rules and a file in S3; what was wrong and what helps stands in the hook's result."""
    hooked(
        aws,
        annotation(
            "ENCRYPTED", StatusMessage="no key", RemediationMessage="Set KmsMasterKeyId, not token=Sw0rd1Sw0rd2"
        ),
        annotation("NAMED", "PASSED", StatusMessage="has a name"),
        annotation("LONG", StatusMessage="x" * 16_000),
    )
    found = failure(bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})))
    assert found.cause is not None
    assert f"Org::Queues::Guard: {GUARD}" in found.cause.reason
    first, second = found.evidence
    assert first.kind == "check"
    assert first.text.startswith("ENCRYPTED no key Set KmsMasterKeyId")
    assert "Sw0rd1Sw0rd2" not in first.text
    assert second.text == f"LONG {'x' * 500}…"


def test_e10_of_many_failed_checks_some_are_told_and_the_others_counted(bench: Bench, aws: FakeAws) -> None:
    hooked(aws, *(annotation(f"RULE{number}") for number in range(8)))
    found = failure(bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})))
    told = [each.text for each in found.evidence]
    assert told == [*(f"RULE{number}" for number in range(5)), "and 3 more checks that failed"]


def test_e10_a_hook_without_annotations_is_not_told_twice(bench: Bench, aws: FakeAws) -> None:
    """Its result then has the words of its event."""
    hooked(aws)
    assert failure(bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))).evidence == ()


def test_e10_a_hook_whose_result_may_not_be_read_is_still_the_cause(bench: Bench, aws: FakeAws) -> None:
    hooked(aws, annotation("ENCRYPTED"))
    aws.refuse("cloudformation:GetHookResult", "AccessDenied", "not allowed to kms:Decrypt", times=None)
    found = failure(bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})))
    assert found.cause is not None
    assert GUARD in found.cause.reason
    [note] = found.evidence
    assert note.kind == "note"
    assert "what Org::Queues::Guard found cannot be read" in note.text
    assert "not allowed to kms:Decrypt" in note.text


def test_e10_a_hook_that_only_warns_is_no_cause(bench: Bench, aws: FakeAws) -> None:
    """It failed as well, in mode WARN, and stopped nothing: what stopped the resource is another thing."""
    aws.settings.hooks["Jobs"] = ("Org::Queues::Encrypted", "queue should be encrypted")
    aws.settings.warning_hooks = frozenset({"Jobs"})
    aws.settings.hook_annotations["Jobs"] = [annotation("ENCRYPTED")]
    aws.fail("Jobs", "no luck today")
    found = failure(bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})))
    assert found.cause is not None
    assert found.cause.reason == "no luck today"
    assert found.evidence == ()


def test_e11_a_stack_that_is_gone_is_a_failed_deployment(bench: Bench, aws: FakeAws) -> None:
    """Somebody deletes it while it is created."""
    aws.slow("Jobs", 60)
    unit = bench.unit("data", {"Jobs": QUEUE})
    aws.at(20, lambda: aws.elsewhere.delete_stack({"StackName": unit.stack}))
    result = bench.deploy_units(unit)
    assert result.exit_code == 1
    assert isinstance(result.outcomes[0], Failed)


def test_e12_control_characters_of_a_reason_do_not_reach_the_terminal(bench: Bench, aws: FakeAws) -> None:
    """C1 control sequences and newlines in what a resource says."""
    aws.fail("Bad", "first\nsecond \x9b31mred\x85 end")
    found = failure(bench.deploy_units(bench.unit("data", {"Bad": TOPIC})))
    assert all(character.isprintable() for character in found.message)
    assert "first second" in found.message


# --- slow and dangerous resources --------------------------------------------------------------------------------


def test_r5_the_stack_of_a_removed_layer_stays(bench: Bench, aws: FakeAws) -> None:
    """R5: independent topology: a deployment never deletes a stack; it says that one is left."""
    first, second = bench.unit("first", {"Jobs": QUEUE}), bench.unit("second", {"News": TOPIC})
    deployed(bench, first, second)
    bench.ui.events.clear()
    deployed(bench, second)
    assert status(aws, "first") == "CREATE_COMPLETE"
    assert "cloudformation:DeleteStack" not in aws.mutations()
    told = [event.text for event in bench.ui.events if isinstance(event, Warned)]
    assert told == ["shop-test-first is deployed, and first is not in the environment file any more; it stays"]


@pytest.mark.parametrize(
    ("words", "quota"),
    [
        ("The maximum number of VPCs has been reached. (Service: Ec2, Status Code: 400)", True),
        ("AddressLimitExceeded: too many", True),
        ("not like this", False),
    ],
)
def test_r16_a_quota_that_is_used_up_is_told_in_awss_words(bench: Bench, aws: FakeAws, words: str, quota: bool) -> None:
    """R16: verbatim in the root cause, and the hint says where quotas are raised."""
    aws.fail("Jobs", words)
    found = failure(bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})))
    assert found.cause is not None
    assert found.cause.reason == words
    assert ("servicequotas" in found.hint) is quota
    assert "deploy again" in found.hint
