"""`drift --revert` on the scripted fake, in both topologies: what was changed by hand is put back, or refused.

Somebody changes resources by hand; AWS's drift-aware change set says what it would put back, the gates of a deployment
look at it, and after the operation drift is detected again.
"""

import json
from dataclasses import replace
from typing import Any

import pytest
from rows import shown_rows
from stage import Listener, Stage, assembly, environment, layer
from test_drift import CANARY, SECRETS, by_layer, made, stack_with, with_secrets
from test_drift import deployed as deployed_by_us

from infragen.assembly.synth import Assembly
from infragen.cloud.cloudformation import ResourceDrift
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.destroy import DestroyOptions, destroy_environment
from infragen.engine.drift import detect_drift
from infragen.engine.options import Options
from infragen.engine.outcome import Deployed, Failed, Unknown
from infragen.engine.progress import Event, Planned, Warned
from infragen.engine.recover import cancel_environment, follow_environment, recover_environment
from infragen.engine.revert import revert_drift
from infragen.engine.run import Deployment
from infragen.errors import CloudError, Conflict, InputError, OperationFailed, Refused
from infragen.plan.drift import overall
from infragen.report.plan import Detail, plan_lines
from infragen.report.plan_formats import as_format

HAND = {"VisibilityTimeout": 45, "Tags": [{"Key": "Team", "Value": "core"}]}
OPEN = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}]
GROUP = {"GroupDescription": "g", "SecurityGroupIngress": OPEN}


def deployed(stage: Stage, topology: str, **resources: Any) -> Assembly:
    wanted = deployed_by_us(stage, topology, **resources)
    stage.ui.asked.clear()
    return wanted


def lines(deployment: Deployment, detail: Detail = Detail.ROWS) -> list[str]:
    return [str(each) for each in plan_lines(deployment.plan, 200, detail)]


def shown(stage: Stage) -> str:
    """The plan that was told last, in all formats."""
    plan = stage.ui.of(Planned)[-1].plan
    text = "\n".join(str(each) for each in plan_lines(plan, 200, Detail.ALL))
    return text + "".join(as_format(form, [plan], [environment()]).decode() for form in ("json", "markdown", "html"))


def writes(stage: Stage) -> list[str]:
    return [each.operation for each in stage.aws.calls if each.operation in ("ExecuteChangeSet", "UpdateStack")]


def left(stage: Stage) -> list[str]:
    return [each.name for each in stage.aws.cloud.change_sets.values() if not each.executed]


@pytest.mark.long
def test_r15_what_was_changed_by_hand_is_put_back(stage: Stage, topology: str) -> None:
    """R15: the plan says both values, one stack is updated, nothing is deployed, and it is in sync afterwards."""
    wanted = deployed(stage, topology)
    stack, before = stack_with(stage, "Queue"), stage.cloud.template(stack_with(stage, "Queue").id)
    stack.by_hand["Queue"] = HAND
    other = made(topology)
    other.templates[0].body["Resources"]["Queue"]["Properties"]["VisibilityTimeout"] = 99
    result = revert_drift(other, stage.session, Options())
    assert result.exit_code == 0
    [outcome] = result.outcomes
    assert isinstance(outcome, Deployed)
    assert (outcome.layer, outcome.status) == ("first", "UPDATE_COMPLETE")
    assert outcome.notes[-1].startswith("put back: drift was detected again")
    said = lines(result)
    assert said[0].startswith("Plan to put back what was changed by hand in dev in account 111111111111, us-east-1")
    assert any(each.startswith("first") and "put back what was changed by hand" in each for each in said)
    assert "        VisibilityTimeout  45 -> 30" in said
    [row] = shown_rows(result.plan).values()
    assert (row["place"], row["source"], row["drift_status"], row["disagreements"]) == (
        "first/Queue", "both", "MODIFIED", [],
    )  # fmt: skip
    assert json.loads(as_format("json", [result.plan], [wanted.environment]))["plans"][0]["reverts_drift"] is True
    [question] = stage.ui.asked
    assert question.text == "put back what was changed by hand in dev (111111111111, us-east-1)?"
    assert writes(stage) == ["ExecuteChangeSet"]
    assert stack.by_hand == {}
    assert stage.cloud.template(stack.id) == before
    assert overall(detect_drift(wanted, stage.session)) == "IN_SYNC"
    assert left(stage) == []


@pytest.mark.long
def test_nothing_is_asked_or_changed_without_drift(stage: Stage, topology: str) -> None:
    """No change set is made; the plan says that there is nothing to change."""
    wanted = deployed(stage, topology)
    result = revert_drift(wanted, stage.session, Options())
    assert (result.outcomes, result.exit_code, stage.ui.asked) == ((), 0, [])
    assert lines(result) == ["dev in account 111111111111, us-east-1: nothing to change"]
    assert "CreateChangeSet" not in [each.operation for each in stage.aws.calls]


@pytest.mark.long
def test_what_was_deleted_by_hand_is_created_again(stage: Stage, topology: str) -> None:
    """With a note that what was in it is lost; a stack that others take nothing of is updated."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Topic").by_hand["Topic"] = None
    result = revert_drift(wanted, stage.session, Options())
    assert [each.layer for each in result.outcomes] == ["second"]
    assert "  note: Topic was deleted by hand: it is created again" in lines(result)
    assert shown_rows(result.plan)["second/Topic"]["action"] == "Add"
    assert overall(detect_drift(wanted, stage.session)) == "IN_SYNC"


@pytest.mark.long
def test_what_holds_data_is_created_again_empty(stage: Stage, topology: str) -> None:
    """The note says that what was in it is lost; of a type that holds none it does not."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = None
    result = revert_drift(wanted, stage.session, Options())
    assert "  note: Queue was deleted by hand: it is created again, without what was in it" in lines(result)


def giving(topology: str) -> Assembly:
    """A layer that takes the topic of another one."""
    topic = layer("first", {"Topic": {"Type": "AWS::SNS::Topic"}}, {"TopicArn": {"Ref": "Topic"}})
    uses = {"Other": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "TopicArn"}}}}
    return assembly(topic, layer("second", uses, takes=[("first", "TopicArn")]), env=environment(topology))


@pytest.mark.long
def test_a_nested_stack_that_would_give_others_another_value_is_refused(stage: Stage, topology: str) -> None:
    """Only the stack around it could hand that on; a stack of its own says which deployment does."""
    wanted = giving(topology)
    deploy_environment(wanted, stage.session, Options())
    stack_with(stage, "Topic").by_hand["Topic"] = None
    stage.aws.calls.clear()
    if topology == "nested":
        with pytest.raises(Refused, match=r"first/Topic would be created again, .* \(TopicArn\)") as refused:
            revert_drift(wanted, stage.session, Options())
        assert "under the same name" in refused.value.hint
        assert (writes(stage), left(stage)) == ([], [])
        return
    result = revert_drift(wanted, stage.session, Options())
    assert result.exit_code == 0
    assert any("may have other outputs afterwards (TopicArn): `infragen deploy`" in each for each in lines(result))


@pytest.mark.long
def test_an_endpoint_that_does_not_know_the_mode_is_refused(stage: Stage, topology: str) -> None:
    """It makes an ordinary change set without a word; that one is deleted, and nothing executed."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = HAND
    stage.aws.settings.knows_revert_drift = False
    with pytest.raises(CloudError, match="DeploymentMode nowhere instead of REVERT_DRIFT; nothing was changed"):
        revert_drift(wanted, stage.session, Options())
    assert (writes(stage), left(stage)) == ([], [])


def test_the_emulator_is_refused_before_anything(stage: Stage, topology: str) -> None:
    """It has no drift-aware change sets; exit code 2, and no call."""
    wanted = deployed(stage, topology)
    session = type(stage.session)(stage.session.cloud, stage.ui, stage.session.timer, local=True)
    with pytest.raises(InputError, match="the emulator has no drift-aware change sets") as refused:
        revert_drift(wanted, session, Options())
    assert "drift --revert" not in refused.value.hint
    assert stage.aws.calls == []


@pytest.mark.long
def test_what_aws_ignores_is_listed_with_its_reason_and_stays(stage: Stage, topology: str) -> None:
    """AWS-managed and write-only values, beside one that is put back; afterwards only they are still different."""
    wanted = deployed(stage, topology)
    stage.aws.settings.drift_ignored = {
        "Queue": {"DelaySeconds": "MANAGED_BY_AWS", "KmsMasterKeyId": "WRITE_ONLY_PROPERTY"}
    }
    stack_with(stage, "Queue").by_hand["Queue"] = {**HAND, "DelaySeconds": 5}
    result = revert_drift(wanted, stage.session, Options())
    assert result.exit_code == 0
    assert "  note: Queue: DelaySeconds is not put back: AWS manages it (MANAGED_BY_AWS)" in lines(result)
    ignored = shown_rows(result.plan)["first/Queue"]["ignored"]
    assert [(each["path"], each["reason"]) for each in ignored] == [
        (["Properties", "DelaySeconds"], "MANAGED_BY_AWS"),
        (["Properties", "KmsMasterKeyId"], "WRITE_ONLY_PROPERTY"),
    ]
    assert any("drift of KmsMasterKeyId is ignored: AWS cannot read it (WRITE_ONLY" in each for each in lines(result))
    [queue] = by_layer(detect_drift(wanted, stage.session))["first"].resources
    assert [each.name for each in queue.properties] == ["DelaySeconds"]


@pytest.mark.long
def test_what_aws_cannot_put_back_is_listed_and_nothing_is_done(stage: Stage, topology: str) -> None:
    """An immutable property alone: AWS's change set is empty."""
    wanted = deployed(stage, topology, Named={"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "a"}})
    stack_with(stage, "Named").by_hand["Named"] = {"TopicName": "b"}
    result = revert_drift(wanted, stage.session, Options())
    assert (result.outcomes, writes(stage), stage.ui.asked) == ((), [], [])
    assert "  note: second: Named: TopicName is not put back: AWS's change set leaves it as it is" in lines(result)


@pytest.mark.long
def test_a_resource_that_aws_cannot_read_is_listed(stage: Stage, topology: str) -> None:
    """Beside one that is put back."""
    wanted = deployed(stage, topology, Other={"Type": "AWS::SNS::Topic"})
    stack_with(stage, "Topic").by_hand.update(Topic={"DisplayName": "hand"}, Other="AccessDenied")
    result = revert_drift(wanted, stage.session, Options())
    assert result.exit_code == 0
    assert "  note: Other is not put back: it is UNKNOWN (AccessDenied)" in lines(result)


# --- the gates of a deployment ------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_port_that_was_closed_by_hand_is_opened_again_only_with_a_flag(stage: Stage, topology: str) -> None:
    """Closed in an incident: the template opens it to everybody, which widens access compared with what is there."""
    wanted = deployed(stage, topology, Group={"Type": "AWS::EC2::SecurityGroup", "Properties": GROUP})
    stack_with(stage, "Group").by_hand["Group"] = {**GROUP, "SecurityGroupIngress": []}
    stage.ui.answers = False
    with pytest.raises(Refused) as refused:
        revert_drift(wanted, stage.session, Options())
    assert refused.value.hint == "--allow-widening second/Group"
    assert (writes(stage), left(stage)) == ([], [])
    assert "`drift --revert` asks" in shown(stage)
    stage.ui.answers = True
    result = revert_drift(wanted, stage.session, Options(allow_widening=frozenset({"second/Group"})))
    assert result.exit_code == 0


@pytest.mark.long
def test_a_port_that_was_opened_by_hand_is_closed_without_one(stage: Stage, topology: str) -> None:
    """What only narrows needs no flag."""
    wanted = deployed(stage, topology, Group={"Type": "AWS::EC2::SecurityGroup", "Properties": GROUP})
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
    stack_with(stage, "Group").by_hand["Group"] = {**GROUP, "SecurityGroupIngress": [*OPEN, ssh]}
    result = revert_drift(wanted, stage.session, Options())
    assert (result.exit_code, result.plan.widenings) == (0, ())
    assert overall(detect_drift(wanted, stage.session)) == "IN_SYNC"


@pytest.mark.long
def test_a_retention_that_was_raised_by_hand_is_not_cut_without_a_flag(stage: Stage, topology: str) -> None:
    """Messages or backups that only the longer retention keeps would be gone."""
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 60}}
    wanted = deployed(stage, topology, Other=queue)
    stack_with(stage, "Other").by_hand["Other"] = {"MessageRetentionPeriod": 1209600}
    with pytest.raises(Refused) as refused:
        revert_drift(wanted, stage.session, Options())
    assert refused.value.hint == "if that is meant: --allow-data-loss second/Other"
    assert (writes(stage), left(stage)) == ([], [])
    assert revert_drift(wanted, stage.session, Options(allow_data_loss=frozenset({"second/Other"}))).exit_code == 0


@pytest.mark.long
def test_a_row_that_no_drift_explains_is_told_and_judged_as_if_nothing_were_known(stage: Stage, topology: str) -> None:
    """AWS lists values that nobody changed (cloudformation-coverage-roadmap#2559); what it would replace is refused."""
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {"TableName": "t", "KeySchema": [], "AttributeDefinitions": [], "BillingMode": "PAY_PER_REQUEST"},
    }
    group = {"Type": "AWS::EC2::SecurityGroup", "Properties": GROUP}
    wanted = deployed(stage, topology, Table=table, Group=group)
    stack_with(stage, "Topic").by_hand["Topic"] = {"DisplayName": "hand"}
    stage.aws.settings.drift_phantoms = {"Table": "TableName", "Group": "SecurityGroupIngress"}
    with pytest.raises(Refused, match="second/Table") as refused:
        revert_drift(wanted, stage.session, Options())
    assert "--allow-data-loss second/Table" in refused.value.hint
    assert "the drift found does not change it" in shown(stage)
    places = {each.place for each in stage.ui.of(Planned)[-1].plan.gated}
    assert places == {"second/Group"}


@pytest.mark.long
def test_a_rollback_alarm_in_alarm_is_refused(stage: Stage, topology: str) -> None:
    """CloudFormation would roll back at once; no flag leaves it out here."""
    wanted = deployed(stage, topology)
    stack = stack_with(stage, "Queue")
    stack.by_hand["Queue"] = HAND
    arn = "arn:aws:cloudwatch:us-east-1:111111111111:alarm:errors"
    stack.target.rollback.update({"RollbackTriggers": [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"}]})
    stage.aws.settings.alarms = {"errors": "ALARM"}
    with pytest.raises(Refused, match="in ALARM: errors"):
        revert_drift(wanted, stage.session, Options())
    assert (writes(stage), left(stage)) == ([], [])


@pytest.mark.long
def test_who_declines_changes_nothing(stage: Stage, topology: str) -> None:
    """And nothing is left of the plan."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = HAND
    stage.ui.answers = False
    with pytest.raises(Refused):
        revert_drift(wanted, stage.session, Options())
    assert (writes(stage), left(stage), stack_with(stage, "Queue").by_hand) == ([], [], {"Queue": HAND})


# --- how it ends --------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_failure_is_rolled_back_to_what_was_there(stage: Stage, topology: str) -> None:
    """Exit code 1 with AWS's reason; what was changed by hand is still there, and the next step is another one."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = HAND
    stage.aws.fail("Queue", on="update", reason="no")
    result = revert_drift(wanted, stage.session, Options())
    [outcome] = result.outcomes
    assert isinstance(outcome, Failed)
    assert (result.exit_code, outcome.status) == (1, "UPDATE_ROLLBACK_COMPLETE")
    assert "still there" in outcome.hint
    assert "drift --revert" not in outcome.hint
    [queue] = by_layer(detect_drift(wanted, stage.session))["first"].resources
    assert (queue.logical_id, queue.status) == ("Queue", "MODIFIED")


@pytest.mark.long
def test_what_aws_reports_as_done_and_did_not_do_is_a_failure(stage: Stage, topology: str) -> None:
    """Drift is detected again after the operation."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = HAND
    stage.aws.settings.drift_reverts_nothing = {"Queue"}
    result = revert_drift(wanted, stage.session, Options())
    [outcome] = result.outcomes
    assert isinstance(outcome, Failed)
    assert outcome.message.endswith("and still not as its template says: Queue VisibilityTimeout")


def test_another_operation_is_a_conflict(stage: Stage, topology: str) -> None:
    """Without --wait it ends with 5 and names its own way to wait, not a deployment's."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = HAND
    name = "shop-dev" if topology == "nested" else "shop-dev-first"
    [busy] = [each for each in stage.aws.cloud.stacks.values() if each.name == name]
    busy.status, busy.change_set_id = "UPDATE_IN_PROGRESS", None
    with pytest.raises(Conflict) as conflict:
        revert_drift(wanted, stage.session, Options())
    assert "`infragen drift --revert --wait`" in conflict.value.hint
    assert "deploy --wait" not in conflict.value.hint


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested"])
def test_a_deployment_beside_it_is_a_conflict_or_waits_although_the_root_is_idle(stage: Stage, topology: str) -> None:
    """A nested stack is put back by itself: deploy and plan say so before anything is made."""
    wanted = deployed(stage, topology)
    stack = stack_with(stage, "Queue")
    stack.by_hand["Queue"] = HAND
    stage.aws.slow("Queue", 600, on="update")
    run = replace(stage.session, run="aaaaaaaa")
    assert revert_drift(wanted, run, Options(follow_timeout=30)).exit_code == 6
    assert (stack.status, stage.aws.stack("shop-dev").status) == ("UPDATE_IN_PROGRESS", "CREATE_COMPLETE")
    other = made(topology)
    other.templates[0].body["Resources"]["Queue"]["Properties"]["VisibilityTimeout"] = 99
    stage.aws.calls.clear()
    said = rf"{stack.name} is UPDATE_IN_PROGRESS since .* \(infragen's run aaaaaaaa .*\), nested in shop-dev"
    for conflicts in (deploy_environment, plan_environment):
        with pytest.raises(Conflict, match=said) as conflict:
            conflicts(other, stage.session, Options())
        assert "`infragen deploy --wait`" in conflict.value.hint
    with pytest.raises(Conflict, match="nested in shop-dev"):
        deploy_environment(other, stage.session, Options(wait=30))
    for ends in (destroy_environment, recover_environment):
        with pytest.raises(Conflict, match=said):
            ends(other.environment, stage.session)
    with pytest.raises(Refused, match="it is nested"):
        cancel_environment(other.environment, stage.session)
    [followed] = follow_environment(other.environment, stage.session, 30)
    assert isinstance(followed, Unknown)
    assert (followed.layer, followed.stack) == ("root/first", stack.name)
    assert {"CreateChangeSet", "DeleteStack", "CancelUpdateStack"}.isdisjoint(
        each.operation for each in stage.aws.calls
    )
    stage.aws.mend()
    assert deploy_environment(other, stage.session, Options(wait=3600)).exit_code == 0
    assert stack.resources["Queue"].properties["VisibilityTimeout"] == 99
    stage.aws.check()


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested"])
def test_one_that_begins_while_a_deployment_is_planned_is_waited_for(stage: Stage, topology: str) -> None:
    """With --wait it plans again: what the two do is not mixed."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = HAND
    stage.aws.slow("Queue", 600, on="update")

    class Overtaken(Listener):
        def tell(self, event: Event) -> None:
            super().tell(event)
            if isinstance(event, Planned) and len(self.of(Planned)) == 1:
                other = replace(stage.session, run="bbbbbbbb")
                assert revert_drift(wanted, other, Options(follow_timeout=30)).exit_code == 6

    own, other = replace(stage.session, run="aaaaaaaa", ui=Overtaken()), made(topology)
    other.templates[1].body["Resources"]["Topic"]["Properties"] = {"DisplayName": "new"}
    assert deploy_environment(other, own, Options(wait=3600)).exit_code == 0
    assert isinstance(own.ui, Listener)
    assert len(own.ui.of(Planned)) == 2
    assert any(
        "nested in shop-dev, is UPDATE_IN_PROGRESS since a moment ago" in each.text for each in own.ui.of(Warned)
    )
    stage.aws.check()


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested"])
def test_a_deletion_waits_for_it(stage: Stage, topology: str) -> None:
    """As it waits for an operation of the root."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = HAND
    stage.aws.slow("Queue", 600, on="update")
    assert revert_drift(wanted, replace(stage.session, run="aaaaaaaa"), Options(follow_timeout=30)).exit_code == 6
    stage.aws.mend()
    ended = destroy_environment(wanted.environment, stage.session, DestroyOptions(wait=3600))
    assert ended.exit_code == 0
    assert any(each.text.startswith("waiting: ") for each in stage.ui.of(Warned))
    stage.aws.check()


@pytest.mark.long
def test_it_waits_for_another_operation_as_long_as_wait_says(stage: Stage, topology: str) -> None:
    """--wait: a conflict when that is too short, with nothing made; else it goes on by itself."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = HAND
    busy = stage.aws.stack("shop-dev" if topology == "nested" else "shop-dev-first")
    busy.status, busy.change_set_id = "UPDATE_IN_PROGRESS", None
    with pytest.raises(Conflict, match="is UPDATE_IN_PROGRESS since"):
        revert_drift(wanted, stage.session, Options(wait=30))
    assert "CreateChangeSet" not in [each.operation for each in stage.aws.calls]
    stage.aws.at(100, lambda: setattr(busy, "status", "UPDATE_COMPLETE"))
    assert revert_drift(wanted, stage.session, Options(wait=3600)).exit_code == 0
    assert writes(stage) == ["ExecuteChangeSet"]
    assert any(each.text.startswith("waiting: ") for each in stage.ui.of(Warned))


@pytest.mark.long
def test_what_interrupts_the_service_is_refused_beyond_what_is_allowed(stage: Stage, topology: str) -> None:
    """--max-interruption: a class of database that was changed by hand is put back by a restart."""
    database = {"Type": "AWS::RDS::DBInstance", "Properties": {"DBInstanceClass": "db.t4g.micro", "Engine": "postgres"}}
    wanted, allowed = deployed(stage, topology, Database=database), frozenset({"second/Database"})
    stack_with(stage, "Database").by_hand["Database"] = {"DBInstanceClass": "db.t4g.large"}
    with pytest.raises(Refused, match="would interrupt the running service") as refusal:
        revert_drift(wanted, stage.session, Options(max_interruption="none", allow_data_loss=allowed))
    assert "--max-interruption outage" in refusal.value.hint
    assert writes(stage) == []
    assert left(stage) == []
    agreed = Options(max_interruption="outage", allow_data_loss=allowed)
    assert revert_drift(wanted, stage.session, agreed).exit_code == 0
    assert writes(stage) == ["ExecuteChangeSet"]


@pytest.mark.long
def test_a_change_set_that_fails_is_told_with_awss_words(stage: Stage, topology: str) -> None:
    """Nothing is left of it."""
    wanted = deployed(stage, topology)
    stack = stack_with(stage, "Queue")
    stack.by_hand["Queue"] = HAND
    stage.aws.settings.fail_change_set = {stack.name: "AccessDenied: sqs:GetQueueAttributes"}
    with pytest.raises(OperationFailed, match="sqs:GetQueueAttributes"):
        revert_drift(wanted, stage.session, Options())
    assert left(stage) == []


@pytest.mark.long
def test_the_stacks_of_bootstrap_are_left_to_who_runs_it(stage: Stage, topology: str) -> None:
    """Roles of CI may not change them; the plan says so."""
    wanted = deployed(stage, topology)
    bucket = next(each for each in stage.aws.cloud.stacks.values() if each.name == "shop-dev-artifacts")
    name = next(iter(bucket.resources))
    faster = {"AccelerateConfiguration": {"AccelerationStatus": "Enabled"}}
    bucket.by_hand[name] = {**bucket.resources[name].properties, **faster}
    result = revert_drift(wanted, stage.session, Options())
    assert any("shop-dev-artifacts is not put back: `infragen bootstrap` made it" in each for each in lines(result))
    assert writes(stage) == []


@pytest.mark.long
@pytest.mark.parametrize("case", SECRETS)
def test_secrets_are_masked_in_the_plan_and_put_back_all_the_same(stage: Stage, topology: str, case: str) -> None:
    """What is there, and what the template says, is hidden in every format."""
    wanted = with_secrets(stage, topology, case)
    result = revert_drift(wanted, stage.session, Options())
    assert result.exit_code == 0
    assert "(secret)" in shown(stage)
    assert CANARY not in shown(stage) + repr(stage.ui.told)


@pytest.mark.long
def test_a_commit_that_is_deployed_stays_the_one_that_is_deployed(stage: Stage, topology: str) -> None:
    """`status` and `ps` read it from the change set that was executed last."""
    session = type(stage.session)(stage.session.cloud, stage.ui, stage.session.timer, revision=("a" * 40, True))
    wanted = made(topology)
    deploy_environment(wanted, session, Options())
    stack = stack_with(stage, "Queue")
    stack.by_hand["Queue"] = HAND
    revert_drift(wanted, type(session)(session.cloud, stage.ui, session.timer, revision=("b" * 40, True)), Options())
    said = stage.cloud.change_set_description(stack.change_set_id or "", stack.id)
    assert ("b" * 40) not in said
    if topology == "independent":
        assert f"from commit {'a' * 40}" in said


@pytest.mark.long
def test_two_differences_of_one_list_are_put_back_together(stage: Stage, topology: str) -> None:
    """Elements that are missing, changed and too many."""
    tags: list[Any] = [{"Key": name, "Value": name} for name in "abc"]
    wanted = deployed(stage, topology, Other={"Type": "AWS::SNS::Topic", "Properties": {"Tags": tags}})
    stack_with(stage, "Other").by_hand["Other"] = {"Tags": [tags[0], {"Key": "b", "Value": "x"}]}
    result = revert_drift(wanted, stage.session, Options())
    assert result.exit_code == 0
    assert overall(detect_drift(wanted, stage.session)) == "IN_SYNC"


def test_still_there_names_what_was_promised_alone() -> None:
    """What was not to be put back is no failure."""
    from infragen.plan.revert import still_there

    gone = ResourceDrift("A", "", "AWS::SQS::Queue", "DELETED")
    assert still_there([("A", "")], [gone]) == ("A",)
    assert still_there([("B", "x")], [gone]) == ()
