"""Recovery, cancelling and following, on the scripted fake, in both topologies."""

import json
from typing import Any

import pytest
from stage import Stage, assembly, environment, layer

from infragen.assembly.synth import Assembly
from infragen.cloud.cloudformation import OnRecover, StackResource
from infragen.engine.deploy import deploy_environment
from infragen.engine.destroy import plan_destroy
from infragen.engine.next_steps import never_made
from infragen.engine.options import Options
from infragen.engine.outcome import Deleted, Deployed, Failed, Recovered
from infragen.engine.progress import Happened, PlannedRecovery, Session, Started, Timer
from infragen.engine.recover import (
    RecoverOptions,
    cancel_environment,
    follow_environment,
    plan_recovery,
    recover_environment,
)
from infragen.errors import Conflict, InputError, Refused
from infragen.secrecy.visible import quoted


def app(topology: str, name: str = "a", **more: Any) -> Assembly:
    """One layer with two topics, the second after the first."""
    first = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": name}}
    second = {**first, "DependsOn": "First"}
    return assembly(layer("app", {"First": first, "Second": second, **more}), env=environment(topology))


def top(topology: str) -> str:
    return "shop-dev" if topology == "nested" else "shop-dev-app"


def status(stage: Stage, topology: str) -> str:
    found = stage.cloud.stack(top(topology))
    return found.status if found else "absent"


def stuck(stage: Stage, topology: str) -> None:
    """An update that failed, and whose rollback could not put the first topic back."""
    deploy_environment(app(topology), stage.session)
    stage.aws.fail("Second", "no luck today", on="update")
    stage.aws.fail("First", "will not go back", on="rollback")
    [failed] = deploy_environment(app(topology, "b"), stage.session).outcomes
    assert isinstance(failed, Failed)
    assert failed.hint.startswith("stuck at app/First (will not go back): remove what keeps it from going back, then")
    assert "no luck today" in failed.message
    assert status(stage, topology) == "UPDATE_ROLLBACK_FAILED"
    stage.ui.told.clear()
    stage.ui.asked.clear()


@pytest.mark.long
def test_a_stuck_rollback_is_continued_once_its_cause_is_gone(stage: Stage, topology: str) -> None:
    """What is stuck and why it all began is shown before anything is asked."""
    stuck(stage, topology)
    stage.aws.mend()
    ended = recover_environment(environment(topology), stage.session)
    [shown] = stage.ui.of(PlannedRecovery)
    [remedy] = shown.plan.remedies
    assert remedy.action is OnRecover.CONTINUE_ROLLBACK
    assert [each.place for each in remedy.stuck] == ["app/First"]
    assert "no luck today" in remedy.why
    assert len(stage.ui.asked) == 1
    assert {type(each) for each in ended.outcomes} == {Recovered}
    assert status(stage, topology) == "UPDATE_ROLLBACK_COMPLETE"
    assert deploy_environment(app(topology, "b"), stage.session).exit_code == 0


@pytest.mark.long
def test_a_stuck_resource_is_given_up_only_when_it_is_named(stage: Stage, topology: str) -> None:
    """S5: without --skip the rollback fails again; with it the outcome says what is out of step."""
    stuck(stage, topology)
    ended = recover_environment(environment(topology), stage.session)
    assert ended.exit_code == 1
    options = RecoverOptions(skip=frozenset({"app/First"}))
    [outcome] = recover_environment(environment(topology), stage.session, options).outcomes
    assert isinstance(outcome, Recovered)
    assert outcome.skipped == ("app/First",)


GONE, ROLE = (f"arn:aws:iam::111111111111:role/{name}" for name in ("gone", "cloudformation"))


@pytest.mark.long
@pytest.mark.parametrize("failure", ["stuck", "kept", "created"])
def test_s13_a_recovery_works_with_the_role_of_the_environment(stage: Stage, topology: str, failure: str) -> None:
    """S13: the role of a stack is gone: recover says so, and goes on with the one that the file names."""
    with_role = environment(topology, iam=f"{{service_role_arn: '{GONE}'}}")
    made = assembly(*app(topology).templates, env=with_role)
    if failure != "created":
        deploy_environment(made, stage.session)
    stage.aws.fail("Second", "no luck today", on="create" if failure == "created" else "update")
    stage.aws.fail("First", "will not go back", on="delete" if failure == "created" else "rollback")
    changed = assembly(*app(topology, "b").templates, env=with_role)
    deploy_environment(changed, stage.session, Options(on_failure="keep" if failure == "kept" else "rollback"))
    stage.aws.mend()
    stage.aws.settings.invalid_roles.add(GONE)
    [refused] = recover_environment(environment(topology), stage.session).outcomes
    assert isinstance(refused, Failed)
    assert (refused.exit_code, GONE in refused.message, "iam.service_role_arn" in refused.hint) == (4, True, True)
    renewed = environment(topology, iam=f"{{service_role_arn: '{ROLE}'}}")
    assert recover_environment(renewed, stage.session).exit_code == 0


@pytest.mark.long
def test_skipping_what_is_not_stuck_is_an_input_error(stage: Stage, topology: str) -> None:
    """With the names of what is."""
    stuck(stage, topology)
    with pytest.raises(InputError, match="app/Second is not stuck") as error:
        plan_recovery(environment(topology), stage.session, RecoverOptions(skip=frozenset({"app/Second"})))
    assert "app/First" in error.value.hint


@pytest.mark.long
def test_a_kept_failure_is_rolled_back(stage: Stage, topology: str) -> None:
    """An update that was kept in its failed state goes back to where it was."""
    deploy_environment(app(topology), stage.session)
    stage.aws.fail("Second", "no luck today", on="update")
    deploy_environment(app(topology, "b"), stage.session, Options(on_failure="keep"))
    assert status(stage, topology) == "UPDATE_FAILED"
    stage.aws.mend()
    [outcome] = recover_environment(environment(topology), stage.session).outcomes
    assert isinstance(outcome, Recovered)
    assert status(stage, topology) == "UPDATE_ROLLBACK_COMPLETE"


@pytest.mark.long
def test_what_a_failed_first_creation_left_is_removed(stage: Stage, topology: str) -> None:
    """Also when its rollback failed, for which CloudFormation has no other way."""
    stage.aws.fail("Second", "no luck today")
    stage.aws.fail("First", "will not go", on="delete", times=1)
    deploy_environment(app(topology), stage.session)
    assert status(stage, topology) == "ROLLBACK_FAILED"
    stage.aws.mend()
    with pytest.raises(Refused, match="ROLLBACK_FAILED") as refused:
        deploy_environment(app(topology), stage.session)
    assert "infragen recover" in refused.value.hint
    [outcome] = recover_environment(environment(topology), stage.session).outcomes
    assert isinstance(outcome, Deleted)
    assert status(stage, topology) == "absent"
    assert deploy_environment(app(topology), stage.session).exit_code == 0


def test_nothing_is_recovered_where_nothing_is_wrong(stage: Stage, topology: str) -> None:
    """Nobody is asked."""
    deploy_environment(app(topology), stage.session)
    stage.ui.asked.clear()
    stage.aws.calls.clear()
    ended = recover_environment(environment(topology), stage.session)
    assert (ended.plan.remedies, ended.outcomes, ended.exit_code) == ((), (), 0)
    assert stage.ui.asked == []
    assert stage.aws.mutations() == []


@pytest.mark.long
def test_a_declined_recovery_changes_nothing(stage: Stage, topology: str) -> None:
    """Showing is free."""
    stuck(stage, topology)
    stage.ui.answers = False
    stage.aws.calls.clear()
    with pytest.raises(Refused):
        recover_environment(environment(topology), stage.session)
    assert stage.aws.mutations() == []


class GoneError(BaseException):
    """The process that deployed is gone."""


def left_running(stage: Stage, topology: str, slow: str) -> None:
    """An update of ours runs, and the process that began it is gone."""
    deploy_environment(app(topology), stage.session)
    stage.aws.slow(slow, 40, on="update")

    def sleep(seconds: float) -> None:
        if status(stage, topology) == "UPDATE_IN_PROGRESS":
            raise GoneError
        stage.aws.clock.sleep(seconds)

    dying = Session(stage.cloud, stage.ui, Timer(stage.aws.clock.monotonic, sleep))
    with pytest.raises(GoneError):
        deploy_environment(app(topology, "b"), dying)
    stage.ui.told.clear()
    stage.ui.asked.clear()


@pytest.mark.long
def test_what_runs_is_followed_to_its_end(stage: Stage, topology: str) -> None:
    """`follow` changes nothing, and has nothing to do when nothing runs."""
    left_running(stage, topology, "Second")
    stage.aws.calls.clear()
    [outcome] = follow_environment(environment(topology), stage.session)
    assert isinstance(outcome, Deployed)
    assert [each.action for each in stage.ui.of(Started)] == ["follow"]
    assert stage.aws.mutations() == []
    assert follow_environment(environment(topology), stage.session) == ()


@pytest.mark.long
def test_e6_what_was_before_the_operation_is_not_told_again(stage: Stage, topology: str) -> None:
    """E6: neither the creation nor an update that failed, of the stack or of one nested in it."""
    deploy_environment(app(topology), stage.session)
    stage.aws.fail("Second", "no luck today", on="update")
    deploy_environment(app(topology, "b"), stage.session)
    stage.aws.mend()
    left_running(stage, topology, "Second")
    [outcome] = follow_environment(environment(topology), stage.session)
    assert isinstance(outcome, Deployed)
    told = [each.event.event for each in stage.ui.of(Happened)]
    assert not [each for each in told if "CREATE" in each.status or "ROLLBACK" in each.status]
    assert len([each for each in told if each.logical_id == "First" and each.status == "UPDATE_COMPLETE"]) == 1


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_e6_an_earlier_rollback_of_somebody_else_does_not_make_a_success_a_failure(stage: Stage, topology: str) -> None:
    """E6: an update with no token went back before ours began; ours is followed from its own beginning."""
    deploy_environment(app(topology), stage.session)
    stage.aws.fail("Second", "no luck today", on="update")
    changed = json.dumps(app(topology, "theirs").templates[0].body)
    state = stage.cloud.stack(top(topology))
    kept = [{"Key": key, "Value": value} for key, value in state.tags.items()] if state else []
    stage.aws.elsewhere.update_stack({"StackName": top(topology), "TemplateBody": changed, "Tags": kept})
    stage.aws.clock.settle()
    assert status(stage, topology) == "UPDATE_ROLLBACK_COMPLETE"
    stage.aws.mend()
    left_running(stage, topology, "Second")
    [outcome] = follow_environment(environment(topology), stage.session)
    assert isinstance(outcome, Deployed)


@pytest.mark.long
def test_a_running_update_is_cancelled_after_asking(stage: Stage, topology: str) -> None:
    """It is rolled back, and the stack is as before."""
    left_running(stage, topology, "Second")
    [outcome] = cancel_environment(environment(topology), stage.session)
    assert isinstance(outcome, Recovered)
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert len(stage.ui.asked) == 1
    assert cancel_environment(environment(topology), stage.session) == ()


@pytest.mark.long
def test_what_cannot_be_cancelled_is_refused(stage: Stage, topology: str) -> None:
    """N8: a creation cannot; nothing is asked and nothing changed."""
    stage.aws.slow("Second", 40)

    def sleep(seconds: float) -> None:
        if status(stage, topology) == "CREATE_IN_PROGRESS":
            raise GoneError
        stage.aws.clock.sleep(seconds)

    with pytest.raises(GoneError):
        deploy_environment(app(topology), Session(stage.cloud, stage.ui, Timer(stage.aws.clock.monotonic, sleep)))
    stage.aws.calls.clear()
    with pytest.raises(Refused, match="CREATE_IN_PROGRESS"):
        cancel_environment(environment(topology), stage.session)
    with pytest.raises(Conflict, match="CREATE_IN_PROGRESS"):
        recover_environment(environment(topology), stage.session)
    assert stage.aws.mutations() == []
    assert not [each for each in follow_environment(environment(topology), stage.session) if isinstance(each, Failed)]


@pytest.mark.long
@pytest.mark.parametrize("policy", ["Delete", "RetainExceptOnCreate", "Snapshot", "Retain"])
@pytest.mark.parametrize("phase", ["create", "update"])
def test_x3_what_a_kept_failure_built_and_holds_data_is_deleted_only_by_name(
    stage: Stage, topology: str, phase: str, policy: str
) -> None:
    """X3: it may have been in use since; what the stack keeps, or had before a failed update, is not lost."""
    old, new = ({"Type": "AWS::SQS::Queue", "DeletionPolicy": each} for each in ("Delete", policy))
    if phase == "update":
        deploy_environment(app(topology, Old=old), stage.session)
    stage.aws.fail("Second", "no luck today", on=phase, after=60)
    changed = app(topology, "b", New=new, **({"Old": old} if phase == "update" else {}))
    assert deploy_environment(changed, stage.session, Options(on_failure="keep")).exit_code == 1
    stage.aws.mend()
    stage.aws.calls.clear()
    if policy != "Retain":
        with pytest.raises(Refused, match=r"this would destroy data:\n  app/New \(AWS::SQS::Queue\)") as refused:
            recover_environment(environment(topology), stage.session)
        assert refused.value.hint == "if that is meant: --allow-data-loss app/New"
        assert not stage.aws.mutations()
    lose = frozenset() if policy == "Retain" else frozenset({"app/New"})
    [outcome] = recover_environment(environment(topology), stage.session, RecoverOptions(lose=lose)).outcomes
    assert isinstance(outcome, Recovered)


TAKEN = "Resource of type 'AWS::SQS::Queue' with identifier 'jobs' already exists. (HandlerErrorCode: AlreadyExists)"


@pytest.mark.long
@pytest.mark.parametrize("phase", ["create", "update"])
def test_what_only_has_the_name_of_anothers_is_neither_lost_nor_deleted(
    stage: Stage, topology: str, phase: str
) -> None:
    """The stack never made it: nobody is asked for it, `destroy` does not list it, unprotect it or empty it."""
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "shop-others"}}
    if phase == "update":
        deploy_environment(app(topology), stage.session)
    stage.aws.fail("Theirs", TAKEN, after=5)
    made = app(topology, "b", Theirs=bucket)
    assert deploy_environment(made, stage.session, Options(on_failure="keep")).exit_code == 1
    stage.aws.mend()
    doomed = [each for stack in plan_destroy(made.environment, stage.session).stacks for each in stack.resources]
    assert "Theirs" not in {each.logical_id for each in doomed}
    assert not [each for remedy in plan_recovery(made.environment, stage.session).remedies for each in remedy.loses]
    [outcome] = recover_environment(made.environment, stage.session).outcomes
    assert isinstance(outcome, Recovered)


@pytest.mark.parametrize(
    ("kind", "listed"), [("AWS::SQS::Queue", False), ("AWS::EC2::KeyPair", True), ("Acme::Data::Store", True)]
)
def test_where_a_rollback_deletes_what_has_the_name_it_is_listed(kind: str, listed: bool) -> None:
    """Reported of key pairs and of types that are not AWS's: unknown is unsafe."""
    assert never_made(StackResource("Theirs", "theirs", kind, "CREATE_FAILED", quoted(TAKEN))) is not listed


@pytest.mark.parametrize("topology", ["independent"])
def test_what_only_has_the_name_of_anothers_is_not_left_by_a_policy(stage: Stage, topology: str) -> None:
    """A rollback skips it; the hint must not say how to delete what somebody else has."""
    queue = {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"}
    stage.aws.fail("Theirs", TAKEN, after=5)
    result = deploy_environment(app(topology, "b", Theirs=queue), stage.session)
    [failed] = [each for each in result.outcomes if isinstance(each, Failed)]
    assert failed.status == "ROLLBACK_COMPLETE"
    assert "deletion policy" not in failed.hint
    assert "delete-queue" not in failed.hint


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested"])
def test_a_nested_stack_that_is_gone_can_be_skipped_itself(stage: Stage, topology: str) -> None:
    """S5: only then does AWS take its name; as long as it is there, what is stuck in it has one."""
    stuck(stage, topology)
    with pytest.raises(InputError, match="root/App is not stuck"):
        plan_recovery(environment(topology), stage.session, RecoverOptions(skip=frozenset({"root/App"})))
    [child] = [each for each in stage.aws.cloud.stacks.values() if each.name.startswith("shop-dev-App")]
    stage.aws.elsewhere.delete_stack({"StackName": child.id})
    stage.aws.clock.settle()
    [first] = [e for e in recover_environment(environment(topology), stage.session).outcomes if isinstance(e, Failed)]
    assert "`infragen recover --skip root/App`" in first.hint
    options = RecoverOptions(skip=frozenset({"root/App"}))
    [outcome] = recover_environment(environment(topology), stage.session, options).outcomes
    assert isinstance(outcome, Recovered)
    assert outcome.skipped == ("root/App",)
