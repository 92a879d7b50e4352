"""What to type after a failure is never the step that just failed."""

import json

import pytest
from stage import QUEUE, TOPIC, Stage, assembly, environment, layer

from infragen.assembly.stacks import make_plan
from infragen.assembly.synth import Assembly
from infragen.engine.deploy import deploy_environment
from infragen.engine.destroy import destroy_environment
from infragen.engine.diagnose import diagnose
from infragen.engine.next_steps import next_step
from infragen.engine.options import Options
from infragen.engine.outcome import Cause, Failed
from infragen.engine.progress import Noticed, Warned
from infragen.engine.recover import RecoverOptions, recover_environment
from infragen.engine.status import status
from infragen.errors import OperationFailed, Refused

EXECUTE = "ExecuteChangeSet"


def app(topology: str, name: str = "a", title: str = "x") -> Assembly:
    topic = {**TOPIC, "Properties": {"TopicName": name, "DisplayName": title}}
    return assembly(layer("app", {"Topic": topic, "Queue": {**QUEUE, "DependsOn": "Topic"}}), env=environment(topology))


def calls(stage: Stage) -> list[str]:
    return [call.operation for call in stage.aws.calls]


def cause(reason: str, kind: str = "AWS::SQS::Queue") -> Cause:
    return Cause("queue", "Jobs", kind, "CREATE_FAILED", reason)


@pytest.mark.long
def test_keeping_an_update_that_replaces_is_refused_before_anything_is_executed(stage: Stage, topology: str) -> None:
    """The resource is named, and what to type is another command; the same update without `keep` goes through."""
    assert deploy_environment(app(topology), stage.session).exit_code == 0
    stage.aws.calls.clear()
    with pytest.raises(Refused, match="app/Topic would be replaced") as refused:
        deploy_environment(app(topology, "b"), stage.session, Options(on_failure="keep"))
    assert EXECUTE not in calls(stage)
    assert "without --on-failure keep" in refused.value.hint
    assert deploy_environment(app(topology, "b"), stage.session).exit_code == 0


def test_a_nested_stack_that_nobody_compares_is_not_kept(stage: Stage, topology: str) -> None:
    """A stack inside a layer's own: what its template replaces is in no plan."""
    s3, bucket = stage.aws.client("s3", account="111111111111"), "shop-inner"
    stage.aws.cloud.buckets.create(bucket, "111111111111", "us-east-1")

    def made(name: str) -> Assembly:
        body = json.dumps({"Resources": {"Topic": {**TOPIC, "Properties": {"TopicName": name}}}})
        s3.put_object(Bucket=bucket, Key=name, Body=body.encode())
        url = f"https://{bucket}.s3.us-east-1.amazonaws.com/{name}"
        inner = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
        return assembly(layer("app", {"Inner": inner}), env=environment(topology))

    assert deploy_environment(made("a"), stage.session).exit_code == 0
    allowed = frozenset({"app/Inner"})
    with pytest.raises(Refused, match="app/Inner may be replaced"):
        deploy_environment(
            made("b"), stage.session, Options(on_failure="keep", allow_data_loss=allowed, allow_widening=allowed)
        )
    assert stage.aws.cloud.find_stack(
        "shop-dev" if topology == "nested" else "shop-dev-app", "111111111111", "us-east-1"
    )


@pytest.mark.parametrize("on_failure", ["rollback", "delete"])
def test_an_output_that_cannot_be_had_is_no_cancellation(stage: Stage, topology: str, on_failure: str) -> None:
    """No resource failed: the stack's own words are the cause, in the outcome and later."""
    made = assembly(layer("app", {"Topic": TOPIC}, {"Bad": {"Fn::ImportValue": "nowhere"}}), env=environment(topology))
    [failed] = deploy_environment(made, stage.session, Options(on_failure=on_failure)).outcomes
    assert isinstance(failed, Failed)
    assert "nowhere" in failed.message
    [found] = diagnose(make_plan(made), stage.session)  # also of a stack that AWS has removed
    assert "nowhere" in found.message
    assert found.hint == failed.hint


@pytest.mark.long
def test_what_was_destroyed_is_no_failure(stage: Stage, topology: str) -> None:
    """Of a stack that is gone only the creation that failed by itself is told: not one that somebody deleted."""
    made = app(topology)
    assert deploy_environment(made, stage.session).exit_code == 0
    assert destroy_environment(made.environment, stage.session).exit_code == 0
    assert diagnose(make_plan(made), stage.session) == ()
    stage.aws.fail("Queue", "no luck today")
    assert deploy_environment(made, stage.session, Options(on_failure="keep")).exit_code == 1
    assert destroy_environment(made.environment, stage.session).exit_code == 0
    assert diagnose(make_plan(made), stage.session) == ()
    stage.aws.refuse("cloudformation:ListStacks", "AccessDenied", "not allowed", times=None)
    assert diagnose(make_plan(made), stage.session) == ()
    assert "cloudformation:ListStacks" in stage.ui.of(Warned)[-1].text


@pytest.mark.long
def test_what_replaces_nothing_can_be_kept(stage: Stage, topology: str) -> None:
    """An update in place goes on as before."""
    assert deploy_environment(app(topology), stage.session).exit_code == 0
    assert deploy_environment(app(topology, title="y"), stage.session, Options(on_failure="keep")).exit_code == 0


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])  # a nested stack that was not completed is created anew
def test_the_recipe_for_a_large_environment_ends(stage: Stage, topology: str) -> None:
    """Kept, continued with a fix that replaces nothing; with one that does, recovered and deployed anew."""
    stage.aws.fail("Queue", "no luck today", times=2)
    keep = Options(on_failure="keep")
    assert deploy_environment(app(topology), stage.session, keep).exit_code == 1
    with pytest.raises(Refused, match="app/Topic would be replaced") as refused:
        deploy_environment(app(topology, "b"), stage.session, keep)
    assert "`infragen recover`" in refused.value.hint
    lose = RecoverOptions(lose=frozenset({"app/Queue"}))
    assert recover_environment(environment(topology), stage.session, lose).exit_code == 0
    stage.aws.mend()
    assert deploy_environment(app(topology, "b"), stage.session).exit_code == 0


@pytest.mark.long
def test_what_a_kept_creation_did_not_make_is_tried_again(stage: Stage, topology: str) -> None:
    """The resource that failed has nothing to be replaced."""
    stage.aws.fail("Topic", "no luck today")
    keep = Options(on_failure="keep")
    assert deploy_environment(app(topology), stage.session, keep).exit_code == 1
    stage.aws.mend()
    assert deploy_environment(app(topology, "b"), stage.session, keep).exit_code == 0


@pytest.mark.long
def test_a_rollback_that_is_stuck_again_names_what_can_be_given_up(stage: Stage, topology: str) -> None:
    """S5: `recover` says `--skip LAYER/ID`, and not to run the same again."""
    assert deploy_environment(app(topology), stage.session).exit_code == 0
    stage.aws.fail("Queue", "no luck today", on="update")
    stage.aws.fail("Topic", "will not go back", on="rollback")
    changed = {**QUEUE, "Properties": {"DelaySeconds": 5}}
    topic = {**TOPIC, "Properties": {"TopicName": "a", "DisplayName": "y"}}
    made = assembly(
        layer("app", {"Topic": topic, "Queue": {**changed, "DependsOn": "Topic"}}), env=environment(topology)
    )
    deploy_environment(made, stage.session)
    [outcome] = [e for e in recover_environment(environment(topology), stage.session).outcomes if isinstance(e, Failed)]
    assert outcome.status == "UPDATE_ROLLBACK_FAILED"
    assert "`infragen recover --skip app/Topic`" in outcome.hint


def test_what_exists_already_has_its_next_step_before_anything_is_executed(stage: Stage, topology: str) -> None:
    """Early validation finds it, and the command alone would find it again."""
    words = "Resource of type 'AWS::SQS::Queue' with identifier 'jobs' already exists"
    stage.aws.settings.early_validation["Queue"] = ("AWS::EarlyValidation::ResourceExistenceCheck", words)
    with pytest.raises(OperationFailed, match="already exists") as caught:
        deploy_environment(app(topology), stage.session)
    assert "find out whose it is" in caught.value.hint
    assert "--no-nested-changes" not in caught.value.hint


@pytest.mark.long
@pytest.mark.parametrize(
    ("state", "way_out"), [("UPDATE_FAILED", "--on-failure keep"), ("CREATE_FAILED", "`infragen destroy`")]
)
def test_a_failure_in_express_mode_is_recognised(stage: Stage, topology: str, state: str, way_out: str) -> None:
    """RollbackStack is not asked for, where AWS does not support it."""
    if state == "UPDATE_FAILED":
        assert deploy_environment(app(topology), stage.session).exit_code == 0
    stage.aws.fail("Topic", "no luck today", on=state.partition("_")[0].lower())
    made = app(topology, title="y")
    deploy_environment(made, stage.session, Options(on_failure="keep"))
    for each in stage.aws.cloud.stacks.values():
        each.mode = "EXPRESS"
    stage.aws.calls.clear()
    with pytest.raises(Refused, match="EXPRESS") as refused:
        recover_environment(environment(topology), stage.session)
    assert way_out in refused.value.hint
    with pytest.raises(Refused, match="EXPRESS") as refused:
        deploy_environment(app(topology, title="y"), stage.session)
    assert way_out in refused.value.hint
    assert "infragen recover" not in refused.value.hint
    assert "RollbackStack" not in calls(stage)
    told = [each.hint for each in status(made, stage.session) if each.status == state]
    told += [each.hint for each in diagnose(make_plan(made), stage.session)]
    for hint in (told[0], told[-1]):
        assert "EXPRESS" in hint
        assert way_out in hint
        assert "infragen recover" not in hint


@pytest.mark.long
def test_a_certificate_past_its_usual_time_says_once_what_it_waits_for(stage: Stage, topology: str) -> None:
    """Half an hour, then one sentence."""
    names = {"DomainName": "shop.example", "SubjectAlternativeNames": ["*.shop.example", "api.shop.example"]}
    certificate = {"Type": "AWS::CertificateManager::Certificate", "Properties": names}
    other = {**certificate, "Properties": {"DomainName": "other.example"}}
    stage.aws.slow("Certificate", 3600, stack="shop-dev-web" if topology == "independent" else "shop-dev-Web")
    made = assembly(
        layer("web", {"Certificate": certificate}), layer("quick", {"Certificate": other}), env=environment(topology)
    )
    assert deploy_environment(made, stage.session).exit_code == 0
    told = [each.text for each in stage.ui.of(Noticed)]
    assert len(told) == 1
    assert "DNS record" in told[0]
    assert told[0].count("Content of DNS Record is") == 2  # one for each domain, and none of the other layer's
    assert "other.example" not in told[0]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("You must wait 60 seconds after deleting a queue before you can create another", "wait 60 seconds and deploy"),
        ("You can't create this secret because it is already scheduled for deletion", "wait until the old one"),
        ("shop-dev-jobs already exists in stack arn:aws:cloudformation:…", "find out whose"),
        ("Resource handler returned message: AlreadyExists", "find out whose"),
        ("A role with that name is an EntityAlreadyExists", "find out whose"),
        ("The bucket is not available: BucketAlreadyOwnedByYou", "find out whose"),
        ("Function already exist: shop-dev-orders", "find out whose"),
        ("A target group with the same name 'shop-dev' exists, but with different settings", "find out whose"),
        ("Your previous request to create the named bucket succeeded and you already own it.", "find out whose"),
        ("some resource in your request is a duplicate of an existing one. (WAFV2)", "find out whose"),
        ("Creation of service was not idempotent.", "find out whose"),
        ("Version 17.4 is not available for aurora-postgresql", "fix the cause and deploy again"),
        ("The maximum number of VPCs has been reached", "servicequotas"),
        ("ReservedConcurrentExecutions decreases UnreservedConcurrentExecution below its minimum", "servicequotas"),
        ("AWS WAF couldn't perform the operation because you exceeded your resource limit", "servicequotas"),
        ("Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER", "servicequotas"),
        ("You have attempted to create more buckets than allowed", "servicequotas"),
        ("unable to place a task. You've reached the limit on the number of vCPUs you can run", "servicequotas"),
        ("Replacement type updates not supported on stack with disable-rollback.", "`infragen recover`"),
        ("Rate exceeded (Service: Ecs, HandlerErrorCode: Throttling)", "wait some minutes"),
        ("Internal error (RequestToken: 0, HandlerErrorCode: ServiceInternalError)", "wait some minutes"),
        ("A conflicting conditional operation is currently in progress against this resource.", "wait some minutes"),
        ("Unable to Start a service that is still Draining.", "wait some minutes"),
        ("Table is being deleted: jobs", "wait some minutes"),
        ("something else", "fix the cause and deploy again"),
    ],
)
def test_the_cause_decides_what_to_do_before_the_next_deployment(reason: str, expected: str) -> None:
    assert expected in next_step("UPDATE_ROLLBACK_COMPLETE", (), cause(reason))


@pytest.mark.parametrize("topology", ["independent"])  # a nested stack tells the same of its root
@pytest.mark.parametrize(
    ("kind", "reason", "says", "again"),
    [
        (
            "AWS::ECS::Service",
            "ECS Deployment Circuit Breaker was triggered",
            "`infragen recover` rolls back; then",
            False,
        ),
        (
            "AWS::SQS::Queue",
            "You must wait 60 seconds after deleting a queue",
            "wait 60 seconds and run `infragen",
            True,
        ),
    ],
)
def test_what_was_kept_is_continued_only_where_that_can_help(
    stage: Stage, topology: str, kind: str, reason: str, says: str, again: bool
) -> None:
    """`deploy` and `status` tell later what the outcome told, by the cause."""
    stage.aws.fail("It", reason)
    made = assembly(layer("app", {"It": {"Type": kind, "Properties": {}}}), env=environment(topology))
    assert deploy_environment(made, stage.session, Options(on_failure="keep")).exit_code == 1
    with pytest.raises(Refused, match="is CREATE_FAILED") as refused:
        deploy_environment(made, stage.session)
    [found] = [each for each in status(made, stage.session) if each.status == "CREATE_FAILED"]
    for hint in (refused.value.hint, found.hint):
        assert says in hint
        assert ("--on-failure keep" in hint) is again
        assert "`infragen recover`" in hint


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "DELETE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_of_a_service_it_is_the_tasks_where_aws_says_so(status: str) -> None:
    """Another failure of the service, such as a role that it may not use, is not about its tasks."""
    for reason, expected in (
        (
            "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.",
            "why its tasks do not stay",
        ),
        ("Service arn:aws:ecs:… did not stabilize.", "fix why its tasks do not stay up and deploy again"),
        ("Unable to assume the service linked role", "fix the cause and deploy again"),
    ):
        assert expected in next_step(status, (), cause(reason, "AWS::ECS::Service"))


@pytest.mark.parametrize("status", ["CREATE_FAILED", "UPDATE_FAILED"])
def test_tasks_that_do_not_stay_up_are_not_kept_twice(status: str) -> None:
    """Every fix of them replaces the task definition, which is refused as long as the failure is kept."""
    said = next_step(status, (), cause("ECS Deployment Circuit Breaker was triggered", "AWS::ECS::Service"))
    assert "--on-failure keep" not in said
    assert "`infragen recover` rolls back" in said
