"""The gates of a deployment on the scripted fake: what lets more through, what costs too much, who must agree."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import Stage, assembly, environment, layer
from sweeps import sweep

from infragen.assembly.synth import Assembly
from infragen.assembly.templatefile import dump_yaml, parse
from infragen.cloud.cloudformation import ResourceChange
from infragen.cost import Columns, CostDelta
from infragen.engine.bootstrap import artifact_plan, bootstrap
from infragen.engine.deploy import deploy_environment, deploy_plan, plan_environment
from infragen.engine.gate import ANY_CHANGE, BROADENING, NEVER, Approval, agreed_to, ask, refuse_more
from infragen.engine.options import Options
from infragen.engine.outcome import Failed
from infragen.engine.progress import Question
from infragen.engine.run import Deployment
from infragen.errors import Refused
from infragen.gates.access import Widening
from infragen.gates.data_loss import destructive, refusals
from infragen.layers.contract import LaunchParameter
from infragen.plan.model import EnvironmentPlan, StackPlan

TRUST = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs.amazonaws.com"}}]}
ARN = {"Fn::GetAtt": ["Queue", "Arn"]}


def role(resource: Any, *more: Any, trust: Any = TRUST) -> dict[str, Any]:
    statements = [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": resource}, *more]
    policies = [{"PolicyName": "p", "PolicyDocument": {"Statement": statements}}]
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust, "Policies": policies}}


def shop(
    topology: str, resource: Any = None, queue: Mapping[str, Any] | None = None, output: Any = ARN, **over: Any
) -> Assembly:
    """A queue, and a role of another layer that may send to it, or to what is given."""
    given = {"Ref": "QueueArn"} if resource is None else resource
    target = [LaunchParameter("Target", "", default="arn:aws:sqs:us-east-1:111111111111:a")]
    return assembly(
        layer("queue", {"Queue": {"Type": "AWS::SQS::Queue", "Properties": queue or {}}}, {"QueueArn": output}),
        layer("worker", {"Role": role(given, **over.pop("role", {}))}, {}, [("queue", "QueueArn")], target),
        env=environment(topology, **over),
    )


def deploy(stage: Stage, made: Assembly, **options: Any) -> Deployment:
    stage.ui.asked.clear()
    return deploy_environment(made, stage.session, Options(**options))


def widening_questions(stage: Stage) -> list[str]:
    return [each.answered_by for each in stage.ui.asked if "--allow-widening" in each.answered_by]


def test_a_first_creation_is_agreed_to_as_a_whole(stage: Stage, topology: str) -> None:
    """Everything in it is new and shown; nobody is asked about its parts."""
    ended = deploy(stage, shop(topology))
    assert ended.exit_code == 0
    [worker] = [each for each in ended.plan.stacks if each.layer == "worker"]
    assert [each.sentence for each in worker.widenings] == [
        "the role worker/Role may be assumed by ecs.amazonaws.com",
        "the role worker/Role may call sqs:SendMessage on (known after queue: QueueArn)",
    ]
    assert worker.gated == ()
    assert widening_questions(stage) == []
    assert [each.answered_by for each in stage.ui.asked] == ["--yes"]


@pytest.mark.long
def test_what_reaches_beyond_the_account_is_asked_about_also_in_a_new_stack(stage: Stage, topology: str) -> None:
    """A role that anybody may assume is not a matter of course."""
    anybody = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}
    deploy(stage, shop(topology, role={"trust": anybody}))
    assert widening_questions(stage) == ["--allow-widening worker/Role"]


@pytest.mark.long
def test_a_widening_is_asked_about_before_anything_else(stage: Stage, topology: str) -> None:
    """Its sentence and its flag are in the question; then comes the plan as a whole."""
    deploy(stage, shop(topology))
    ended = deploy(stage, shop(topology, "*"))
    assert ended.exit_code == 0
    [widening] = ended.plan.gated
    assert widening.sentence.startswith(
        "the role worker/Role may now call sqs:SendMessage on every queue (was: only arn:"
    )
    assert [each.answered_by for each in stage.ui.asked] == ["--allow-widening worker/Role", "--yes"]
    assert stage.ui.asked[0].hint == "answer with --allow-widening worker/Role --yes"
    assert widening.sentence in stage.ui.asked[0].text


@pytest.mark.long
def test_without_anybody_to_ask_a_widening_is_refused_and_nothing_begins(stage: Stage, topology: str) -> None:
    """The refusal names the flag; no stack is touched and no change set stays."""
    deploy(stage, shop(topology))
    stage.ui.answers = False
    stage.aws.calls.clear()
    with pytest.raises(Refused) as caught:
        deploy(stage, shop(topology, "*"))
    assert caught.value.hint == "--allow-widening worker/Role"
    assert "cloudformation:ExecuteChangeSet" not in stage.aws.mutations()
    assert {each.status for each in stage.cloud.stacks("shop-dev")} == {"CREATE_COMPLETE"}


@pytest.mark.long
@pytest.mark.parametrize(
    "options", [{"allow_widening": frozenset({"worker/Role"})}, {"require_approval": "never"}], ids=str
)
def test_a_flag_allows_it(stage: Stage, topology: str, options: dict[str, Any]) -> None:
    """By name, or all of them; another name does not."""
    deploy(stage, shop(topology))
    assert deploy(stage, shop(topology, "*"), **options).exit_code == 0
    assert widening_questions(stage) == []
    deploy(stage, shop(topology))
    deploy(stage, shop(topology, "*"), allow_widening=frozenset({"queue/Role"}))
    assert widening_questions(stage) == ["--allow-widening worker/Role"]


@pytest.mark.long
def test_a_name_that_nothing_has_is_told(stage: Stage, topology: str) -> None:
    """A flag that is left over, or a typo, with the name that was meant: a warning; none of what is there."""
    names = frozenset({"queue/Queue", "worker/Rule", "gone/AltogetherElse"})
    for _ in range(2):
        ended = deploy(
            stage, shop(topology), allow_data_loss=names, allow_widening=frozenset({"worker/Role", "queue/Que"})
        )
        assert ended.exit_code == 0
        assert ended.plan.warnings == (
            "--allow-data-loss gone/AltogetherElse: the plan has no resource of that name",
            "--allow-data-loss worker/Rule: the plan has no resource of that name; did you mean worker/Role?",
            "--allow-widening queue/Que: the plan has no resource of that name; did you mean queue/Queue?",
        )


@pytest.mark.long
def test_every_change_can_need_an_approval_of_its_own(stage: Stage, topology: str) -> None:
    """--yes is no answer then; without changes nobody is asked."""
    deploy(stage, shop(topology), require_approval="any-change")
    [question] = stage.ui.asked
    assert "infragen deploy --plan FILE" in question.answered_by
    deploy(stage, shop(topology), require_approval="any-change")
    assert stage.ui.asked == []


@pytest.mark.long
def test_a_replaced_queue_is_still_the_queue_that_may_be_sent_to(stage: Stage, topology: str) -> None:
    """Its new ARN is no widening, neither in the plan nor when the worker's change set is made with it."""
    deploy(stage, shop(topology))
    ended = deploy(stage, shop(topology, queue={"FifoQueue": True}), allow_data_loss=frozenset({"queue/Queue"}))
    assert ended.exit_code == 0
    assert ended.plan.widenings == ()
    assert widening_questions(stage) == []


@pytest.mark.long
def test_an_output_that_is_written_otherwise_is_not_the_same_queue(stage: Stage, topology: str) -> None:
    """The worker's template did not change; what its role may send to did."""
    deploy(stage, shop(topology))
    plan = plan_environment(shop(topology, output="*"), stage.session)
    [widening] = plan.gated
    assert widening.sentence.startswith("the role worker/Role may now call sqs:SendMessage on ")


@pytest.mark.long
def test_c10_what_turns_out_wider_than_shown_is_refused(stage: Stage) -> None:
    """C10: the plan of a later layer is guarded again when the values of earlier ones are known."""
    made = shop("independent", output={"Fn::GetAtt": ["Odd", "Arn"]})
    queue = made.templates[0]
    odd = {"Odd": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "*"}}}
    outputs = {"QueueArn": {"Value": {"Fn::GetAtt": ["Odd", "TopicName"]}}}
    body = {**queue.body, "Resources": {**queue.body["Resources"], **odd}, "Outputs": outputs}
    made = replace(made, templates=(replace(queue, body=body), *made.templates[1:]))
    ended = deploy(stage, made)
    assert [type(each).__name__ for each in ended.outcomes] == ["Deployed", "Failed"]
    failed = ended.outcomes[1]
    assert isinstance(failed, Failed)
    assert failed.exit_code == 3
    assert "may call sqs:SendMessage on every queue" in failed.message
    assert stage.cloud.stack("shop-dev-worker") is None


@pytest.mark.long
def test_the_artifact_bucket_needs_no_approval_of_its_own(stage: Stage, topology: str) -> None:
    """What a version of infragen changes in its own template is no widening of the user's."""
    env = environment(topology)
    plan = artifact_plan(env)
    [unit] = plan.units
    body = parse(unit.text)
    body["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"].append(
        {"Effect": "Deny", "Action": "s3:DeleteBucket", "Principal": "*", "Resource": "*"}
    )
    text = dump_yaml(body)
    older = replace(plan, units=(replace(unit, body=body, text=text),))
    assert deploy_plan(older, stage.session, Options()).exit_code == 0
    stage.ui.asked.clear()
    ended = bootstrap(env, stage.session)
    assert ended.exit_code == 0
    assert [each.place for each in ended.plan.gated] == ["artifacts/BucketPolicy"]
    assert [each.answered_by for each in stage.ui.asked] == ["--yes"]


@pytest.mark.long
def test_a_deployment_above_the_budget_is_refused(stage: Stage, topology: str) -> None:
    """Unless it is allowed up to what it costs; one that makes nothing dearer is not."""
    alarm = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Namespace": "x", "MetricName": "y", "Period": 60}}

    def dear(count: int, budget: float) -> Assembly:
        made = shop(topology, cost=f"{{ budget: {budget} }}")
        alarms = {f"Alarm{number}": alarm for number in range(count)}
        queue = made.templates[0]
        body = {**queue.body, "Resources": {**queue.body["Resources"], **alarms}}
        return replace(made, templates=(replace(queue, body=body), *made.templates[1:]))

    stage.ui.answers = False
    with pytest.raises(Refused, match=r"cost\.budget is 0\.50") as caught:
        deploy(stage, dear(20, 0.5))
    assert caught.value.hint == "if that is meant: --allow-cost 4"
    stage.ui.answers = True
    with pytest.raises(Refused, match=r"a month would cost 3\.\d\d USD at expected load and costs 0.00 now"):
        deploy(stage, dear(20, 0.5), allow_cost=1)
    assert deploy(stage, dear(20, 0.5), allow_cost=4).exit_code == 0
    assert deploy(stage, dear(19, 0.5)).exit_code == 0
    with pytest.raises(Refused, match=r"cost\.budget"):
        deploy(stage, dear(21, 0.5))
    assert deploy(stage, dear(21, 50)).exit_code == 0


def test_one_refusal_names_every_flag_that_is_needed() -> None:
    """A pipeline that lacks three flags learns of them in one run."""
    said: list[str] = []
    row = ResourceChange("queue", "Remove", "Queue", "AWS::SQS::Queue", policy_action="Delete")
    wider = Widening("network", "queue/Gate", "queue/Gate now accepts everything", True)
    plan = EnvironmentPlan(
        "dev", "111111111111", "us-east-1", "nested", (StackPlan("queue", "s", "update", (row,), widenings=(wider,)),),
        refusals=refusals([row]), cost=CostDelta(Columns(expected=1.0), Columns(expected=9.5)), budget=5,
    )  # fmt: skip
    for approval in (Approval(), Approval(widening=frozenset({"queue/Gate"})), Approval(require=NEVER)):
        with pytest.raises(Refused, match=r"destroy data(.|\n)*cost\.budget is 5\.00") as caught:
            ask(OnlyYes(), plan, approval)  # type: ignore[arg-type] # asks its listener only
        said.append(caught.value.hint)
    known = "if that is meant: --allow-data-loss queue/Queue --allow-cost 10"
    assert said == [f"{known}; without a terminal, also: --allow-widening queue/Gate", known, known]


# --- for all plans -----------------------------------------------------------------------------------------------

PLACES = ("a/One", "a/Two", "b/One")
FOUND = st.builds(
    Widening, st.sampled_from(["permissions", "network"]), st.sampled_from(PLACES), st.just("more"), st.booleans()
)
LOSSES = st.builds(
    ResourceChange, st.sampled_from(["a", "b"]), st.sampled_from(["Add", "Modify", "Remove", "Dynamic"]),
    st.sampled_from(["One", "Two"]), st.sampled_from(["AWS::SQS::Queue", "AWS::SNS::Topic"]),
    st.sampled_from(["True", "False", "Conditional", ""]),
)  # fmt: skip
STACKS = st.builds(
    StackPlan, st.sampled_from(["a", "b"]), st.just("s"),
    st.sampled_from(["create", "update", "none", "recreate", "continue"]),
    st.lists(LOSSES, max_size=2).map(tuple), widenings=st.lists(FOUND, max_size=3).map(tuple),
)  # fmt: skip
SOME = st.frozensets(st.sampled_from(PLACES))


@pytest.mark.long
@given(st.lists(STACKS, max_size=3).map(tuple), SOME, SOME, st.sampled_from([NEVER, BROADENING, ANY_CHANGE]))
@sweep(short=100, soak=10_000)
def test_nothing_passes_that_nobody_agreed_to(
    stacks: tuple[StackPlan, ...], lose: frozenset[str], widen: frozenset[str], require: str
) -> None:
    """Where only --yes answers, a plan passes exactly when all that needs more was named; it names what is missing."""
    changes = [change for each in stacks for change in each.changes]
    shown = EnvironmentPlan("dev", "1", "r", "nested", stacks, refusals=refusals(changes, lose))
    wanted = [
        each.place
        for stack in stacks
        for each in stack.widenings
        if (each.grave or stack.action not in ("create", "recreate")) and each.place not in widen
    ]
    changed = any(each.action != "none" for each in stacks)
    passes = not shown.refusals and (
        not changed or (require != ANY_CHANGE and (require == NEVER or not wanted))
    )  # fmt: skip
    refused = answer(lambda: ask(OnlyYes(), shown, Approval(widen, require)))  # type: ignore[arg-type] # asks its listener only
    assert (refused is None) == passes
    if refused is not None and wanted and require != NEVER:
        assert set(re.findall(r"--allow-widening (\S+)", refused.hint)) == set(wanted)


@pytest.mark.long
@given(STACKS, STACKS, SOME)
@sweep(short=100, soak=10_000)
def test_what_is_planned_again_does_no_more_than_was_agreed_to(
    shown: StackPlan, again: StackPlan, allowed: frozenset[str]
) -> None:
    """C10: each place that may be lost and each sentence was in the plan, or its place is allowed to widen."""
    agreed = agreed_to(EnvironmentPlan("dev", "1", "r", "nested", (shown,)))
    lost = {each.place for each in again.changes if destructive(each)}
    before = {each.place for each in shown.changes if destructive(each)}
    wider = {(each.place, each.sentence) for each in again.widenings if each.place not in allowed}
    told = {(each.place, each.sentence) for each in shown.widenings}
    refused = answer(lambda: refuse_more(agreed, [again], allowed))
    assert (refused is None) == (lost <= before and wider <= told)


def answer(call: Callable[[], None]) -> Refused | None:
    try:
        call()
    except Refused as refused:
        return refused
    return None


class OnlyYes:
    """A session whose listener answers what --yes answers, and refuses the rest."""

    @property
    def ui(self) -> "OnlyYes":
        return self

    def confirm(self, question: Question) -> bool:
        if question.answered_by != "--yes":
            raise Refused(question.text, question.answered_by)
        return True


def environment_with(topology: str, queues: int) -> Assembly:
    """Queues, and for each a role of its own that a service may assume for this account."""
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    names = [f"Queue{number}" for number in range(queues)]
    made = {name: {"Type": "AWS::SQS::Queue", "Properties": {}} for name in names}
    roles = {f"{name}Role": role({"Ref": f"{name}Arn"}, trust={"Statement": [trust]}) for name in names}
    return assembly(
        layer("queue", made, {f"{name}Arn": {"Fn::GetAtt": [name, "Arn"]} for name in names}),
        layer("worker", roles, {}, [("queue", f"{name}Arn") for name in names]),
        env=environment(topology),
    )


@pytest.mark.long
def test_a_new_queue_with_its_worker_asks_for_the_plan_alone(stage: Stage, topology: str) -> None:
    """Also where nobody can be asked: `--yes` is enough, before and after the queue's ARN is known."""
    deploy(stage, environment_with(topology, 1))
    ended = deploy(stage, environment_with(topology, 2))
    assert ended.exit_code == 0
    assert [each.answered_by for each in stage.ui.asked] == ["--yes"]
    [worker] = [each for each in ended.plan.stacks if each.layer == "worker"]
    assert len(worker.widenings) == 2
    assert worker.gated == ()


def test_a_type_that_infragen_does_not_know_is_asked_about(stage: Stage, topology: str) -> None:
    """With a principal of another account, which is asked about in a new stack as well."""
    thing = {"Type": "AWS::RAM::ResourceShare", "Properties": {"Name": "a", "Principals": ["222222222222"]}}
    deploy(stage, assembly(layer("queue", {"Thing": thing}, {}), env=environment(topology)))
    assert widening_questions(stage) == ["--allow-widening queue/Thing"]
