"""The whole road on the scripted fake, through a real boto3 client, in virtual time, in both topologies."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fakeaws import FakeAws
from rows import shown_rows
from stage import ACCOUNT, QUEUE, TOPIC, Stage, assembly, environment, layer, on_fake, with_bucket

from infragen.assembly.code import Artifact
from infragen.assembly.synth import Assembly
from infragen.changes.stack_tags import TAGGED
from infragen.engine.bootstrap import bootstrap
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.destroy import DestroyOptions, destroy_environment
from infragen.engine.options import Options
from infragen.engine.outcome import Deployed, Failed, Skipped, Unchanged
from infragen.engine.progress import Happened, Question, Started, Uploaded, Warned
from infragen.engine.run import Deployment
from infragen.engine.status import outputs, status
from infragen.errors import CloudError, Conflict, InputError, OperationFailed, Refused
from infragen.layers.contract import LaunchParameter
from infragen.secrecy.shown import Absent

IMAGE = LaunchParameter("ImageTag", "", default="", keep=True)
TOPOLOGIES = ["nested", "independent"]
READING = ("Describe", "Get", "List", "Head")


def shop(topology: str, timeout: int = 30, **over: Any) -> Assembly:
    """Two layers: a queue, and a topic that takes the queue's ARN and an image tag."""
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": timeout}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Sub": "${QueueArn} ${ImageTag}"}}}
    return assembly(
        layer("first", {"Queue": queue, **over.get("first", {})}, {"QueueArn": {"Fn::GetAtt": ["Queue", "Arn"]}}),
        layer("second", {"Topic": topic, **over.get("second", {})}, {}, [("first", "QueueArn")], [IMAGE]),
        env=environment(topology, **over.get("env", {})),
    )


def deploy(stage: Stage, made: Assembly, **options: Any) -> Deployment:
    return deploy_environment(made, stage.session, Options(**options))


def stacks(stage: Stage) -> dict[str, str]:
    """The environment's stacks and their statuses, the bucket's and nested ones left out."""
    found = stage.cloud.stacks("shop-dev")
    return {each.name: each.status for each in found if not each.parent_id and not each.name.endswith("-artifacts")}


def kinds(deployment: Deployment) -> list[str]:
    return [type(each).__name__ for each in deployment.outcomes]


# --- the main road -----------------------------------------------------------------------------------------------


@pytest.mark.long
def test_an_environment_is_created_updated_found_unchanged_and_destroyed(stage: Stage, topology: str) -> None:
    """The life of an environment, each step with its outcome, and nothing left but the bucket."""
    assert kinds(deploy(stage, shop(topology))) == ["Deployed"] * (1 if topology == "nested" else 2)
    assert set(kinds(deploy(stage, shop(topology)))) == {"Unchanged"}
    updated = deploy(stage, shop(topology, 31))
    assert updated.exit_code == 0
    assert "Deployed" in kinds(updated)
    assert set(kinds(deploy(stage, shop(topology, 31)))) == {"Unchanged"}
    gone = destroy_environment(environment(topology), stage.session)
    assert gone.exit_code == 0
    assert stacks(stage) == {}


@pytest.mark.long
def test_a_deployment_without_changes_only_reads(stage: Stage, topology: str) -> None:
    """The second run asks nobody, uploads nothing, makes no change set, and needs at most ten calls."""
    deploy(stage, shop(topology))
    stage.aws.calls.clear()
    stage.ui.asked.clear()
    deploy(stage, shop(topology))
    assert stage.aws.mutations() == []
    assert stage.ui.asked == []
    assert len(stage.aws.calls) <= 10


@pytest.mark.long
def test_a_plan_leaves_nothing_behind(stage: Stage, topology: str) -> None:
    """No change set and no stack in review, neither before the first deployment nor after it.

    AWS deletes nested change sets behind the answer, so the last ones go in the minute after.
    """
    plan_environment(shop(topology), stage.session)
    assert stacks(stage) == {}
    deploy(stage, shop(topology))
    plan_environment(shop(topology, 31), stage.session)
    stage.aws.clock.sleep(60)
    for name, state in stacks(stage).items():
        assert state == "CREATE_COMPLETE"
        assert [each for each in stage.cloud.change_sets(name) if each.execution_status == "AVAILABLE"] == []


def test_a_plan_shows_every_layer_before_anything_exists(stage: Stage, topology: str) -> None:
    """What a later layer takes from an earlier one reads as known after it."""
    plan = plan_environment(shop(topology), stage.session)
    rows = {change.place: change for change in plan.changes() if change.layer != "root"}
    assert {place: row.action for place, row in rows.items()} == {"first/Queue": "Add", "second/Topic": "Add"}
    [name] = [each for each in rows["second/Topic"].properties if each.path == ("Properties", "DisplayName")]
    assert str(name.after).strip() == "(known after first: QueueArn)"


def test_a_plan_shows_the_changed_property_with_before_and_after(stage: Stage, topology: str) -> None:
    """One changed number in one layer is one row with its two values, and the other layer is untouched."""
    deploy(stage, shop(topology))
    plan = plan_environment(shop(topology, 31), stage.session)
    [row] = [change for change in plan.changes() if change.layer != "root"]
    assert (row.place, row.action, row.replacement) == ("first/Queue", "Modify", "False")
    [change] = row.properties
    assert (change.path, str(change.before), str(change.after)) == (("Properties", "VisibilityTimeout"), "30", "31")


@pytest.mark.long
@pytest.mark.parametrize("nested", [True, False])
def test_a_tag_of_the_environment_changes_all_that_it_reaches(stage: Stage, topology: str, nested: bool) -> None:
    """In both topologies the same rows, also where AWS is not asked about nested stacks; data is not at stake."""
    policy = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [], "PolicyDocument": {"Statement": []}}}
    own = {**QUEUE, "Properties": {"Tags": [{"Key": "Team", "Value": "own"}]}}
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "t"}}
    resources: dict[str, Any] = {"first": {"Policy": policy, "Own": own}, "second": {"Table": table}}
    deploy(stage, shop(topology, **resources))
    tagged = shop(topology, **resources, env={"tags": "{Team: core}"})
    plan = plan_environment(tagged, stage.session, Options(nested=nested))
    found = shown_rows(plan)
    assert sorted(found) == ["first/Queue", "second/Table", "second/Topic"]
    assert [each["causes"] for each in found.values()] == [[str(TAGGED)]] * 3
    assert [each for row in found.values() for each in row["disagreements"]] == []
    assert [[tag.path for tag in each.tags] for each in plan.stacks] == [[("Team",)]] * len(plan.stacks)
    assert not plan.refusals
    deploy(stage, tagged, nested=nested)
    assert not plan_environment(tagged, stage.session).changed


@pytest.mark.long
def test_a_plan_without_resource_changes_says_what_changes(stage: Stage, topology: str) -> None:
    """Outputs alone are an update; with a new Description beside it, the plan says that, too."""
    deploy(stage, shop(topology))
    made = shop(topology)
    outputs = {"QueueArn": {"Value": "fixed"}, "More": {"Value": "x"}}
    first = replace(made.templates[0], body={**made.templates[0].body, "Description": "Queues.", "Outputs": outputs})
    plan = plan_environment(replace(made, templates=(first, *made.templates[1:])), stage.session)
    [shown] = [each for each in plan.stacks if each.layer == "first"]
    assert (shown.action, shown.changes, shown.details) == ("update", (), ("the template's Description changes",))
    changed = {each.path: (each.before, each.after) for each in shown.outputs}
    assert changed[("More",)] == (Absent(), "x")
    assert changed[("QueueArn",)] == ({"Fn::GetAtt": ["Queue", "Arn"]}, "fixed")


def test_outputs_and_status_are_those_of_what_is_deployed(stage: Stage, topology: str) -> None:
    """Both topologies answer with the same outputs; before the first deployment every stack is absent."""
    assert {each.status for each in status(shop(topology), stage.session)} == {"absent", "CREATE_COMPLETE"}
    assert outputs(shop(topology), stage.session) == {}
    deploy(stage, shop(topology))
    assert [each.layer for each in status(shop(topology), stage.session)][-3:] == ["first", "second", "artifacts"]
    assert {each.status for each in status(shop(topology), stage.session)} == {"CREATE_COMPLETE"}
    assert set(outputs(shop(topology), stage.session)) <= {"QueueArn", "ImageTag"}
    assert "QueueArn" in outputs(shop(topology), stage.session)


@pytest.mark.long
def test_the_progress_names_every_resource_once_for_each_status(stage: Stage, topology: str) -> None:
    """No event is lost, told twice, or of another operation."""
    deploy(stage, shop(topology))
    told = [each.event for each in stage.ui.of(Happened)]
    assert len({each.event.event_id for each in told}) == len(told)
    seen = {(each.layer, each.event.logical_id, each.event.status) for each in told}
    assert {("first", "Queue", "CREATE_COMPLETE"), ("second", "Topic", "CREATE_COMPLETE")} <= seen
    stage.ui.told.clear()
    deploy(stage, shop(topology, 31))
    assert not [each for each in stage.ui.of(Happened) if each.event.event.status.startswith("CREATE")]


# --- values ------------------------------------------------------------------------------------------------------


def deployed_parameters(stage: Stage, name: str) -> dict[str, str]:
    [state] = [each for each in stage.cloud.stacks("shop-dev") if each.name.lower().startswith(name)]
    return dict(state.parameters)


@pytest.mark.long
def test_an_image_tag_stays_when_none_is_given(stage: Stage, topology: str) -> None:
    """A deployment that changes something else keeps the deployed image: forgetting it would deploy the placeholder."""
    deploy(stage, shop(topology), image_tag="abc")
    deploy(stage, shop(topology, 31))
    assert deployed_parameters(stage, "shop-dev-second")["ImageTag"] == "abc"
    deploy(stage, shop(topology, 31), image_tag="def")
    assert deployed_parameters(stage, "shop-dev-second")["ImageTag"] == "def"


def test_an_image_tag_that_no_layer_takes_is_an_input_error(stage: Stage, topology: str) -> None:
    """It would otherwise be ignored."""
    made = assembly(layer("first", {"Topic": TOPIC}), env=environment(topology))
    with pytest.raises(InputError, match="ImageTag"):
        deploy(stage, made, image_tag="abc")


def test_worker_code_is_uploaded_under_its_digest_and_its_key_passed(stage: Stage, topology: str) -> None:
    """The parameters are CodeBucket and <Worker>CodeKey; a plan passes them too and uploads no code."""
    launch = [LaunchParameter(n, "", default="none", keep=True) for n in ("CodeBucket", "OrderEventsCodeKey")]
    text = {"Fn::Sub": "${CodeBucket}/${OrderEventsCodeKey}"}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": text}}
    made = assembly(layer("worker", {"Topic": topic}, launch=launch), env=environment(topology))
    code = {"order-events": Artifact("code/abc.zip", b"zip")}
    plan_environment(made, stage.session, Options(code=code))
    assert not [each for each in stage.ui.of(Uploaded) if each.key.startswith("code/")]
    deploy(stage, made, code=code)
    assert [each.key for each in stage.ui.of(Uploaded) if each.key.startswith("code/")] == ["code/abc.zip"]
    found = deployed_parameters(stage, "shop-dev-worker")
    assert found["OrderEventsCodeKey"] == "code/abc.zip"
    assert found["CodeBucket"] == f"infragen-shop-dev-{ACCOUNT}-us-east-1"
    assert set(kinds(deploy(stage, made))) == {"Unchanged"}


@pytest.mark.long
def test_a_changed_output_reaches_the_layers_that_take_it(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent: the later stack's change set is made again with the value that the earlier one has now."""
    stage = with_bucket(on_fake(aws, monkeypatch), environment("independent"))
    deploy(stage, shop("independent"))
    made = shop("independent")
    fifo = {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}}
    replaced = shop("independent", first={"Queue": fifo})
    plan = plan_environment(replaced, stage.session, Options(allow_data_loss=frozenset({"first/Queue"})))
    assert [each.waits_for for each in plan.stacks] == [(), ("first",)]
    before = outputs(made, stage.session)["QueueArn"]
    result = deploy(stage, replaced, allow_data_loss=frozenset({"first/Queue"}))
    assert kinds(result) == ["Deployed", "Deployed"]
    after = outputs(replaced, stage.session)["QueueArn"]
    assert before != after
    assert deployed_parameters(stage, "shop-dev-second")["QueueArn"] == after


# --- failures ----------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_failed_update_is_rolled_back_and_told_with_its_root_cause(stage: Stage, topology: str) -> None:
    """The cause is the resource that failed, with AWS's words, and never the nested stack around it."""
    deploy(stage, shop(topology))
    stage.aws.fail("Topic", "no luck today", on="update")
    result = deploy(stage, shop(topology), image_tag="abc")
    assert result.exit_code == 1
    [failed] = [each for each in result.outcomes if isinstance(each, Failed)]
    assert failed.cause is not None
    assert (failed.cause.layer, failed.cause.logical_id, failed.cause.reason) == ("second", "Topic", "no luck today")
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "no luck today" in failed.message
    assert failed.hint


@pytest.mark.long
def test_after_a_failed_first_creation_the_next_deployment_creates_again(stage: Stage, topology: str) -> None:
    """What is left of a ROLLBACK_COMPLETE stack of ours is removed first, and why it failed is said."""
    stage.aws.fail("Topic", "no luck today")
    assert deploy(stage, shop(topology)).exit_code == 1
    stage.aws.mend()
    result = deploy(stage, shop(topology))
    assert result.exit_code == 0
    assert any("no luck today" in each.text for each in stage.ui.of(Warned))
    assert set(stacks(stage).values()) == {"CREATE_COMPLETE"}


@pytest.mark.long
def test_a_failed_first_creation_can_be_kept_and_continued(stage: Stage, topology: str) -> None:
    """With --on-failure keep what was built stays; without it the next deployment asks for the decision."""
    stage.aws.fail("Topic", "no luck today")
    assert deploy(stage, shop(topology), on_failure="keep").exit_code == 1
    assert "CREATE_FAILED" in stacks(stage).values()
    stage.aws.mend()
    with pytest.raises(Refused, match="CREATE_FAILED"):
        deploy(stage, shop(topology))
    assert deploy(stage, shop(topology), on_failure="keep").exit_code == 0


@pytest.mark.long
def test_how_a_failure_is_handled_is_asked_for_where_it_belongs(stage: Stage, topology: str) -> None:
    """A first creation says it in its change set, an update in the execution, and a default nowhere."""
    asked = []
    for made, options in ((shop(topology), {}), (shop(topology, 31), {}), (shop(topology, 32), {"on_failure": "keep"})):
        stage.aws.calls.clear()
        assert deploy(stage, made, **options).exit_code == 0
        calls = {call.operation: call.params for call in stage.aws.calls}
        sets, executions = calls["CreateChangeSet"], calls["ExecuteChangeSet"]
        asked.append((sets.get("OnStackFailure"), executions.get("DisableRollback")))
    assert asked[:2] == [(None, None), (None, None)]
    assert asked[2][0] is None
    assert str(asked[2][1]).lower() == "true"


@pytest.mark.long
def test_a_failed_first_creation_can_be_deleted(stage: Stage, topology: str) -> None:
    """With --on-failure delete nothing of the stack stays."""
    stage.aws.fail("Topic", "no luck today")
    assert deploy(stage, shop(topology), on_failure="delete").exit_code == 1
    assert "shop-dev" not in stacks(stage)
    assert "shop-dev-second" not in stacks(stage)


@pytest.mark.long
def test_a_failure_skips_what_depends_on_it_and_nothing_else(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """N10: Independent: c needs b needs a; d needs nothing. When b fails, c is skipped, d is deployed."""
    env = environment("independent")
    stage = with_bucket(on_fake(aws, monkeypatch), env)
    made = assembly(
        layer("a", {"A": TOPIC}, {"AOut": {"Ref": "A"}}),
        layer("b", {"B": TOPIC, "P": parameter("AOut")}, {"BOut": {"Ref": "B"}}, [("a", "AOut")]),
        layer("c", {"C": TOPIC, "P": parameter("BOut")}, takes=[("b", "BOut")]),
        layer("d", {"D": TOPIC}),
        env=env,
    )
    aws.fail("B", "no luck today")
    aws.slow("D", 60)
    result = deploy(stage, made)
    assert kinds(result) == ["Deployed", "Failed", "Skipped", "Deployed"]
    assert isinstance(result.outcomes[2], Skipped)
    assert result.outcomes[2].needs == "b"
    assert result.exit_code == 1


def parameter(name: str) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": name}}}


@pytest.mark.long
def test_a_stack_starts_the_moment_its_own_inputs_are_complete(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent: quick-next starts long before slow has ended, and the whole takes as long as its longest chain."""
    env = environment("independent")
    stage = with_bucket(on_fake(aws, monkeypatch), env)
    made = assembly(
        layer("slow", {"Slow": TOPIC}, {"SlowOut": {"Ref": "Slow"}}),
        layer("quick", {"Quick": TOPIC}, {"QuickOut": {"Ref": "Quick"}}),
        layer("next", {"Next": parameter("QuickOut")}, takes=[("quick", "QuickOut")]),
        env=env,
    )
    aws.slow("Slow", 60)
    deploy(stage, made)
    began = stage.ui.told.index(Started("next", "shop-dev-next", "create"))
    events = [(index, each.event.event) for index, each in enumerate(stage.ui.told) if isinstance(each, Happened)]
    [done] = [index for index, each in events if (each.logical_id, each.status) == ("Slow", "CREATE_COMPLETE")]
    assert began < done


@pytest.mark.long
def test_a_change_set_that_fails_is_explained_and_nothing_is_executed(stage: Stage, topology: str) -> None:
    """CreateChangeSet's refusal keeps AWS's words; no stack and no change set stays."""
    made = shop(topology, second={"Bad": {"Type": "AWS::No::Such"}})
    deploy(stage, shop(topology))
    stage.aws.calls.clear()
    with pytest.raises((InputError, OperationFailed), match="AWS::No::Such"):
        deploy(stage, made)
    assert "cloudformation:ExecuteChangeSet" not in stage.aws.mutations()
    assert all(each.execution_status != "AVAILABLE" for name in stacks(stage) for each in stage.cloud.change_sets(name))


# --- what is not ours --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("over", "match"),
    [({"account": "222222222222"}, "222222222222"), ({"region": "eu-west-1"}, "eu-west-1")],
)
def test_nothing_is_written_with_the_wrong_account_or_region(
    stage: Stage, topology: str, over: dict[str, str], match: str
) -> None:
    """A8: every command stops after asking who it is."""
    env = environment(topology, **over)
    made = assembly(layer("first", {"Queue": QUEUE}), env=env)
    commands: list[Callable[[], object]] = [
        lambda: plan_environment(made, stage.session),
        lambda: deploy_environment(made, stage.session),
        lambda: bootstrap(env, stage.session),
        lambda: destroy_environment(env, stage.session),
        lambda: status(made, stage.session),
        lambda: outputs(made, stage.session),
    ]
    for command in commands:
        with pytest.raises(Refused, match=match):
            command()
    assert stage.aws.mutations() == []


@pytest.mark.long
def test_a_stack_of_that_name_without_our_tags_is_refused_unless_adopted(stage: Stage, topology: str) -> None:
    """Its owner may not know infragen; --adopt writes the tags."""
    name = "shop-dev" if topology == "nested" else "shop-dev-first"
    api = stage.aws.client("cloudformation")
    api.create_stack(StackName=name, TemplateBody='{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}')
    stage.aws.clock.settle()
    with pytest.raises(Refused, match=f"{name} exists"):
        deploy(stage, shop(topology))
    assert deploy(stage, shop(topology), adopt=True, allow_data_loss=frozenset({"root/Queue"})).exit_code == 0
    assert deploy(stage, shop(topology)).exit_code == 0


@pytest.mark.long
@pytest.mark.parametrize(("first", "second"), [("nested", "independent"), ("independent", "nested")])
def test_stacks_of_the_other_topology_are_refused(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    """Deploying the other topology would build everything a second time."""
    stage = with_bucket(on_fake(aws, monkeypatch), environment(first))
    deploy(stage, shop(first))
    with pytest.raises(Refused, match="other topology"):
        deploy(stage, shop(second))


def test_a_declined_deployment_changes_nothing(stage: Stage, topology: str) -> None:
    """The change set is gone, no stack is in review."""
    stage.ui.answers = False
    with pytest.raises(Refused) as refused:
        deploy(stage, shop(topology))
    assert refused.value.hint == "--yes"
    assert stacks(stage) == {}


@pytest.mark.long
def test_somebody_elses_operation_is_a_conflict(stage: Stage, topology: str) -> None:
    """The message says what runs; nothing is changed."""
    deploy(stage, shop(topology))
    name = "shop-dev" if topology == "nested" else "shop-dev-second"
    stage.aws.slow("Topic", 60, on="update")
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "theirs"}}}}'
    stage.aws.client("cloudformation").update_stack(StackName=name, TemplateBody=body)
    stage.aws.calls.clear()
    with pytest.raises(Conflict, match=f"{name} is UPDATE_IN_PROGRESS"):
        deploy(stage, shop(topology, 31))
    assert stage.aws.mutations() == []


def test_a_missing_bucket_names_the_command_that_makes_it(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch, topology: str
) -> None:
    """B1: deploying before bootstrap says what to type."""
    stage = on_fake(aws, monkeypatch)
    with pytest.raises(CloudError, match="does not exist") as error:
        deploy(stage, shop(topology))
    assert "infragen bootstrap" in error.value.hint


# --- data --------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_replacing_what_holds_data_is_refused_unless_allowed_by_name(stage: Stage, topology: str) -> None:
    """R4: a queue that would be replaced stops the deployment before it begins; --allow-data-loss lets it through."""
    deploy(stage, shop(topology))
    fifo = {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}}
    made = shop(topology, first={"Queue": fifo})
    stage.aws.calls.clear()
    with pytest.raises(Refused, match="first/Queue") as refused:
        deploy(stage, made)
    assert "--allow-data-loss first/Queue" in refused.value.hint
    assert "cloudformation:ExecuteChangeSet" not in stage.aws.mutations()
    assert deploy(stage, made, allow_data_loss=frozenset({"first/Queue"})).exit_code == 0


@pytest.mark.long
def test_removing_a_layer_from_a_nested_environment_counts_as_removing_all_in_it(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5: the queue inside the nested stack is named, not only the stack around it."""
    env = environment("nested")
    stage = with_bucket(on_fake(aws, monkeypatch), env)
    both = [layer("first", {"Queue": QUEUE}), layer("second", {"Topic": TOPIC})]
    deploy(stage, assembly(*both, env=env))
    with pytest.raises(Refused, match="first/Queue"):
        deploy(stage, assembly(both[1], env=env))


@pytest.mark.long
def test_a_protected_environment_gets_termination_protection_and_stack_policies(stage: Stage, topology: str) -> None:
    """R6, R8, R9: both hold in AWS afterwards, also on the stack with the data, and destroy asks for each by name."""
    made = shop(topology, env={"protect": "true"})
    deploy(stage, made)
    states = [each for each in stage.cloud.stacks("shop-dev") if not each.name.endswith("artifacts")]
    assert all(each.protected for each in states if not each.parent_id)
    [holder] = [each for each in states if each.name.lower().startswith("shop-dev-first")]
    assert '"LogicalResourceId/Queue"' in stage.cloud.stack_policy(holder.stack_id)
    env = environment(topology, protect="true")
    with pytest.raises(Refused, match="this is dev"):
        destroy_environment(env, stage.session, DestroyOptions(confirmed="prod"))
    stage.ui.asked.clear()
    assert destroy_environment(env, stage.session).exit_code == 0
    assert typed_and_answered(stage.ui.asked) == [("dev", "--confirm dev"), *protections(topology)]


def typed_and_answered(asked: list[Question]) -> list[tuple[str, str]]:
    return [(each.typed, each.answered_by) for each in asked]


def protections(topology: str) -> list[tuple[str, str]]:
    names = ["shop-dev"] if topology == "nested" else ["shop-dev-second", "shop-dev-first"]
    all_at_once = " ".join(f"--disable-protection {name}" for name in names)
    return [(name, all_at_once) for name in names]


@pytest.mark.long
def test_an_allowed_replacement_passes_the_stack_policy_and_leaves_it_in_place(stage: Stage, topology: str) -> None:
    """The policy is opened for the named resource only, and closed again."""
    env = {"protect": "true"}
    deploy(stage, shop(topology, env=env))
    fifo = {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}}
    made = shop(topology, first={"Queue": fifo}, env=env)
    allowed = {"allow_data_loss": frozenset({"first/Queue"}), "max_interruption": "outage"}
    assert deploy(stage, made, **allowed).exit_code == 0
    [holder] = [each for each in stage.cloud.stacks("shop-dev") if each.name.lower().startswith("shop-dev-first")]
    assert '"LogicalResourceId/Queue"' in stage.cloud.stack_policy(holder.stack_id)


# --- after an interruption ---------------------------------------------------------------------------------------


class KilledError(BaseException):
    """The process is gone."""


@pytest.mark.long
def test_an_operation_that_an_earlier_run_began_is_followed(stage: Stage, topology: str) -> None:
    """After a kill in the middle, the same command follows what runs, then finds nothing more to do."""
    stage.aws.slow("Queue", 40)
    sleeps = iter(range(1000))

    def sleep(seconds: float) -> None:
        running = any(state.endswith("CREATE_IN_PROGRESS") for state in stacks(stage).values())
        if running and next(sleeps) > 1:
            raise KilledError
        stage.aws.clock.sleep(seconds)

    timer = stage.session.timer
    dying = type(stage.session)(stage.cloud, stage.ui, type(timer)(timer.now, sleep))
    with pytest.raises(KilledError):
        deploy_environment(shop(topology), dying)
    stage.ui.told.clear()
    result = deploy(stage, shop(topology))
    assert result.exit_code == 0
    assert stage.ui.of(Started)[0].action == "follow"
    executed = [call for call in stage.aws.mutations() if call.endswith("ExecuteChangeSet")]
    assert len(executed) == len(result.outcomes)


@pytest.mark.long
def test_change_sets_that_an_earlier_run_left_are_deleted(stage: Stage, topology: str) -> None:
    """Only those of ours: a change set with another name stays."""
    deploy(stage, shop(topology))
    name = "shop-dev" if topology == "nested" else "shop-dev-first"
    api = stage.aws.client("cloudformation")
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    for change_set in ("infragen-0123456789ab-left", "theirs"):
        api.create_change_set(StackName=name, ChangeSetName=change_set, TemplateBody=body)
    stage.aws.clock.settle()
    plan_environment(shop(topology, 31), stage.session)
    assert {each.name for each in stage.cloud.change_sets(name)} & {"infragen-0123456789ab-left", "theirs"} == {
        "theirs"
    }


def test_the_artifact_bucket_is_made_once(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second bootstrap finds nothing to do and makes no change set."""
    env = environment()
    stage = on_fake(aws, monkeypatch)
    [first] = bootstrap(env, stage.session).outcomes
    assert isinstance(first, Deployed)
    aws.calls.clear()
    [second] = bootstrap(env, stage.session).outcomes
    assert isinstance(second, Unchanged)
    assert second.outputs == first.outputs == {"BucketName": f"infragen-shop-dev-{ACCOUNT}-us-east-1"}
    assert aws.mutations() == []


def test_the_bucket_that_tests_begin_with_is_that_of_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Same status, template, tags, outputs and protection; the resources have the same properties."""
    env = environment()
    made: list[Callable[[Stage], object]] = [
        lambda stage: bootstrap(env, stage.session),
        lambda stage: with_bucket(stage, env),
    ]
    found = []
    for make in made:
        with FakeAws() as aws:
            make(on_fake(aws, monkeypatch))
            stack = aws.stack("shop-dev-artifacts")
            resources = {name: (each.status, each.properties) for name, each in stack.resources.items()}
            found.append((stack.status, stack.target, stack.outputs, stack.protected, stack.policy, resources))
    assert found[0] == found[1]


def test_every_object_is_asked_for_with_the_account_that_must_own_the_bucket(stage: Stage, topology: str) -> None:
    """B3: a bucket of that name in another account would otherwise receive our templates."""
    stage.aws.calls.clear()
    deploy(stage, shop(topology))
    calls = [call for call in stage.aws.calls if call.service == "s3"]
    assert len(calls) > 3
    assert {call.params["ExpectedBucketOwner"] for call in calls} == {ACCOUNT}


def test_code_that_cannot_be_reserved_is_refused_before_anything_is_deployed(stage: Stage, topology: str) -> None:
    """Lambda keeps 100 executions unreserved; the message gives the figures."""
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"ReservedConcurrentExecutions": 950, "Role": "arn:aws:iam::111111111111:role/x",
                       "Code": {"ZipFile": "x"}, "Runtime": "nodejs24.x", "Handler": "index.handler"},
    }  # fmt: skip
    made = assembly(layer("worker", {"Function": function}), env=environment(topology))
    with pytest.raises(CloudError, match="950 more"):
        deploy(stage, made)
    assert "cloudformation:CreateChangeSet" not in stage.aws.mutations()
