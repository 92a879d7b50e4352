"""What a CloudFormation engine that is not AWS answers: nothing of it is taken for granted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from stage import Stage, assembly, environment, layer

from infragen.assembly.synth import Assembly
from infragen.aws import Account, connect
from infragen.aws.failure import FINAL
from infragen.engine.change_set_cleanup import find_left, prune
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.destroy import DestroyOptions, destroy_environment
from infragen.engine.drift import detect_drift
from infragen.engine.outcome import Deleted, Failed
from infragen.engine.progress import Lost, Warned
from infragen.engine.recover import RecoverOptions, recover_environment
from infragen.engine.retry import retrying
from infragen.engine.schedule import run_concurrently
from infragen.engine.status import status
from infragen.errors import CloudError, Conflict, Refused, Unavailable, Unsupported

TOPIC = {"Type": "AWS::SNS::Topic"}
QUEUE = {"Type": "AWS::SQS::Queue"}
QUEUES = {"Mail": QUEUE, "Jobs": QUEUE}


def app(topology: str, resources: dict[str, Any] = QUEUES, delay: int = 0, **more: Any) -> Assembly:
    """Two layers; the second takes an output of the first."""
    jobs = {**QUEUE, "Properties": {"DelaySeconds": delay}}
    return assembly(
        layer("data", {**resources, "Slow": jobs}, {"Name": {"Fn::GetAtt": ["Slow", "QueueName"]}}),
        layer("use", {"News": {**TOPIC, "Properties": {"DisplayName": {"Ref": "Name"}}}}, takes=[("data", "Name")]),
        env=environment(topology, **more),
    )


def warnings(stage: Stage) -> list[str]:
    return [each.text for each in stage.ui.of(Warned)]


def stack_of(stage: Stage, topology: str, name: str) -> Any:
    """The stack of a layer, nested or not."""
    start = "shop-dev-Data" if topology == "nested" else "shop-dev-data"
    start = start.replace("data", name).replace("Data", name.title())
    return next(
        each
        for each in stage.aws.cloud.stacks.values()
        if each.name.startswith(start) and each.status != "DELETE_COMPLETE"
    )


# --- what a status does not tell --------------------------------------------------------------------------------


def test_x1_a_success_whose_own_events_say_that_a_resource_failed_is_none(stage: Stage, topology: str) -> None:
    stage.aws.settings.success_despite_failures = True
    stage.aws.fail("Jobs", "no more queues")
    ended = deploy_environment(app(topology), stage.session)
    [failed] = [each for each in ended.outcomes if isinstance(each, Failed)]
    assert (ended.exit_code, failed.status, failed.cause and failed.cause.logical_id) == (1, "CREATE_COMPLETE", "Jobs")
    assert (
        "but its own events say otherwise: data/Jobs (AWS::SQS::Queue) CREATE_FAILED: no more queues" in failed.message
    )


def test_x1_what_was_cancelled_beside_it_is_not_the_cause(stage: Stage, topology: str) -> None:
    """And where nothing but cancellations is left of it, they are named."""
    stage.aws.settings.success_despite_failures = True
    stage.aws.fail("Jobs", "no more queues", after=9)
    stage.aws.slow("Early", 90)
    made = assembly(layer("data", {"Early": QUEUE, "Jobs": QUEUE}), env=environment(topology))
    [failed] = [each for each in deploy_environment(made, stage.session).outcomes if isinstance(each, Failed)]
    assert "otherwise: data/Jobs (AWS::SQS::Queue) CREATE_FAILED: no more queues" in failed.message
    assert "data/Early" not in failed.hint


@pytest.mark.parametrize("topology", ["independent"])
def test_x1_a_success_of_which_only_cancellations_speak_names_them(stage: Stage, topology: str) -> None:
    stage.aws.settings.success_despite_failures = True
    stage.aws.fail("Jobs", "Resource creation cancelled", after=9)
    [failed] = [e for e in deploy_environment(app(topology), stage.session).outcomes if isinstance(e, Failed)]
    assert "otherwise: data/Jobs CREATE_FAILED: Resource creation cancelled" in failed.message


def test_x2_a_declared_output_that_is_missing_is_told(stage: Stage, topology: str) -> None:
    """After the deployment, and whenever somebody looks again."""
    made = assembly(layer("data", QUEUES, {"Url": {"Ref": "Jobs"}}), env=environment(topology))
    stage.aws.settings.without_outputs = {"Url"}
    where = ["shop-dev", "shop-dev, data"] if topology == "nested" else ["shop-dev-data"]
    for _ in range(2):
        stage.ui.told.clear()
        assert deploy_environment(made, stage.session).exit_code == 0
        assert warnings(stage) == [f"{each} does not have outputs that it declares: Url" for each in where]


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_x3_what_still_stands_after_a_rollback_is_deleted_only_by_name(stage: Stage, topology: str) -> None:
    """The status says that the creation was rolled back; the stack's own list says that two queues are there."""
    stage.aws.settings.rollback_keeps_resources = True
    stage.aws.fail("Slow", "no more queues", after=30)
    made = assembly(layer("data", {**QUEUES, "Slow": QUEUE}), env=environment(topology))
    failed = deploy_environment(made, stage.session)
    [outcome] = [each for each in failed.outcomes if isinstance(each, Failed)]
    assert "nothing is left" not in outcome.hint
    assert "data/Jobs" in outcome.hint
    with pytest.raises(Refused) as refused:
        recover_environment(environment(topology), stage.session)
    assert "data/Jobs (AWS::SQS::Queue)" in refused.value.message
    names = ("data/Mail", "data/Jobs", "data/Slow")
    assert refused.value.hint == f"if that is meant: {' '.join(f'--allow-data-loss {each}' for each in names)}"
    assert stack_of(stage, topology, "data").status == "ROLLBACK_COMPLETE"
    one = RecoverOptions(lose=frozenset({"data/Mail"}))
    with pytest.raises(Refused, match="data/Jobs"):
        recover_environment(environment(topology), stage.session, one)
    everything = RecoverOptions(lose=frozenset(names))
    assert recover_environment(environment(topology), stage.session, everything).exit_code == 0


# --- nested stacks ----------------------------------------------------------------------------------------------


def update_directly(stage: Stage, name: str, **more: Any) -> None:
    stage.aws.clock.sleep(60)
    child = stack_of(stage, "nested", name)
    given = [{"ParameterKey": key, "ParameterValue": value.text} for key, value in child.target.parameters.items()]
    stage.aws.elsewhere.update_stack({"StackName": child.id, "Parameters": given, "UsePreviousTemplate": True, **more})
    stage.aws.clock.sleep(60)


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested"])
def test_x4_a_nested_stack_that_was_updated_directly_is_no_unchanged_environment(stage: Stage, topology: str) -> None:
    """Its template, or what it was given: its root is as it should be, and the next deployment puts it back."""
    made = app(topology)
    assert deploy_environment(made, stage.session).exit_code == 0
    assert not plan_environment(made, stage.session).changed
    text = stack_of(stage, "nested", "data").target.text.replace("DelaySeconds: 0", "DelaySeconds: 9")
    changes: dict[str, dict[str, Any]] = {
        "data": {"TemplateBody": text, "UsePreviousTemplate": False},
        "use": {"Parameters": [{"ParameterKey": "Name", "ParameterValue": "another"}]},
    }
    for name, change in changes.items():
        update_directly(stage, name, **change)
        shown = plan_environment(made, stage.session)
        [found] = [each for each in shown.stacks if each.layer == name]
        assert (shown.changed, found.action) == (True, "update"), name
        assert "updated after its root stack and not through it" in found.notes
        assert deploy_environment(made, stage.session).exit_code == 0
        assert not plan_environment(made, stage.session).changed, name


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested"])
def test_x4_a_nested_stack_that_a_continued_rollback_skipped_is_compared(stage: Stage, topology: str) -> None:
    """A rolled back root says nothing of what was skipped in it: the templates of its nested stacks are read."""
    made = app(topology)
    assert deploy_environment(made, stage.session).exit_code == 0
    stage.aws.fail("News", "not today", on="update")
    news = {**TOPIC, "Properties": {"DisplayName": "b"}}
    changed = app(topology, delay=5)
    changed = assembly(changed.templates[0], layer("use", {"News": news}), env=changed.environment)
    assert deploy_environment(changed, stage.session).exit_code == 1
    child = stack_of(stage, topology, "data")
    [wanted] = [each for each in changed.templates if each.layer == "data"]
    child.target = replace(child.target, text=wanted.text, body=dict(wanted.body))  # as if skipped
    child.resources["Slow"].properties = {"DelaySeconds": 5}
    shown = plan_environment(made, stage.session)
    assert shown.changed
    [found] = [each for each in shown.stacks if each.layer == "data"]
    assert found.action == "update"


@pytest.mark.parametrize("topology", ["nested"])
def test_x5_status_lists_layers_that_are_absent(stage: Stage, topology: str) -> None:
    made = app(topology)
    before = {each.layer: each.status for each in status(made, stage.session)}
    assert before == {"root": "absent", "data": "absent", "use": "absent", "artifacts": "CREATE_COMPLETE"}
    deploy_environment(made, stage.session)
    child = stack_of(stage, "nested", "use")
    stage.aws.elsewhere.delete_stack({"StackName": child.id})
    stage.aws.clock.sleep(60)
    found = {each.layer: each.status for each in status(made, stage.session)}
    assert found == {
        "root": "CREATE_COMPLETE", "data": "CREATE_COMPLETE", "use": "absent", "artifacts": "CREATE_COMPLETE",
    }  # fmt: skip


# --- answers that lack something --------------------------------------------------------------------------------

READS: dict[str, tuple[str, Callable[[Account, str, str], object]]] = {
    "GetCallerIdentity": ("sts", lambda cloud, stack, made: cloud.identity()),
    "DescribeStacks": ("cloudformation", lambda cloud, stack, made: cloud.stacks("shop-dev")),
    "DescribeStacks ": ("cloudformation", lambda cloud, stack, made: cloud.stack(stack)),
    "GetTemplate": ("cloudformation", lambda cloud, stack, made: cloud.template(stack)),
    "ListStackResources": ("cloudformation", lambda cloud, stack, made: cloud.resources(stack)),
    "DescribeStackEvents": ("cloudformation", lambda cloud, stack, made: cloud.events(stack)),
    "DescribeChangeSet": ("cloudformation", lambda cloud, stack, made: cloud.change_set(made, stack)),
    "ListChangeSets": ("cloudformation", lambda cloud, stack, made: cloud.change_sets(stack)),
    "DetectStackDrift": ("cloudformation", lambda cloud, stack, made: cloud.detect_drift(stack)),
    "DescribeStackResourceDrifts": ("cloudformation", lambda cloud, stack, made: cloud.resource_drifts(stack)),
    "GetStackPolicy": ("cloudformation", lambda cloud, stack, made: cloud.stack_policy(stack)),
    "GetAccountSettings": ("functions", lambda cloud, stack, made: cloud.lambda_concurrency()),
}


def _cut(answer: Any, path: tuple[Any, ...]) -> None:
    for step in path[:-1]:
        answer = answer[step]
    del answer[path[-1]]


def _paths(answer: Any, depth: int = 3) -> list[tuple[Any, ...]]:
    """Every member of an answer, and of the first row of its lists."""
    if isinstance(answer, list):
        return [(0, *each) for each in _paths(answer[0], depth)] if answer else []
    if not isinstance(answer, dict) or not depth:
        return []
    own = [(key,) for key in answer if key != "ResponseMetadata"]
    return own + [(key, *each) for key, value in answer.items() for each in _paths(value, depth - 1) if own]


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
@pytest.mark.parametrize("name", READS)
def test_x6_no_member_of_an_answer_is_taken_for_granted(stage: Stage, topology: str, name: str) -> None:
    """Each member is left out once: what needs it fails with an error of ours, and nothing ends in a traceback."""
    assert deploy_environment(app(topology), stage.session).exit_code == 0
    service, ask = READS[name]
    cloud = connect("us-east-1", "111111111111", endpoint_url=stage.aws.url)
    stack = stack_of(stage, topology, "data").id
    made = stage.aws.elsewhere.create_change_set(
        {"StackName": stack, "ChangeSetName": "a", "TemplateBody": '{"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}'}
    )["Id"]
    stage.aws.clock.sleep(10)
    answers: list[Any] = []
    cutting: list[tuple[Any, ...]] = []

    def change(parsed: Any, **_: Any) -> None:
        answers.append(parsed)
        if cutting:
            _cut(parsed, cutting[0])

    client = getattr(cloud.clients, service)
    client.meta.events.register(f"after-call.*.{name.strip()}", change)
    ask(cloud, stack, made)
    for path in _paths(answers[0]):
        cutting[:] = [path]
        cloud.__dict__.pop("_identity", None)
        with suppress(CloudError):
            ask(cloud, stack, made)


# --- HTTP 501, outages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topology", ["independent"])
@pytest.mark.parametrize("status", sorted(FINAL))
def test_x7_an_operation_that_the_endpoint_does_not_have_is_not_asked_for_again(
    stage: Stage, topology: str, status: int
) -> None:
    deploy_environment(app(topology), stage.session)
    stage.aws.refuse("cloudformation:DetectStackDrift", str(status), "not here", times=None, status=status)
    stage.aws.calls.clear()
    stage.ui.told.clear()
    began = stage.aws.clock.seconds
    with pytest.raises(Unsupported, match="not here"):
        detect_drift(app(topology), stage.session)
    assert len([each for each in stage.aws.calls if each.operation == "DetectStackDrift"]) == 1
    assert stage.aws.clock.seconds - began < 5
    assert stage.ui.of(Lost) == []


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 504, 507, 511, 529, 599])
def test_x8_any_other_status_is_an_outage_that_ends(stage: Stage, topology: str, status: int) -> None:
    """Those that nobody knows too: the same request is sent again, and the answer is found."""
    deploy_environment(app(topology), stage.session)
    stage.aws.refuse("cloudformation:DetectStackDrift", str(status), "later", times=6, status=status)
    stage.aws.calls.clear()
    detect_drift(app(topology), stage.session)
    assert len([each for each in stage.aws.calls if each.operation == "DetectStackDrift"]) > 6


@pytest.mark.parametrize("topology", ["independent"])
def test_x8_what_is_lost_is_told_once_until_its_words_change(stage: Stage, topology: str) -> None:
    """However long it takes; a waiting command has a heartbeat of its own."""
    words = ["no route"] * 40 + ["reset by peer"] * 20 + ["no route"]

    def look() -> str:
        if words:
            raise Unavailable(words.pop(0))
        return "found"

    assert run_concurrently([retrying(stage.session, "data", look)], stage.session.timer) == ["found"]
    assert [each.reason for each in stage.ui.of(Lost)] == ["no route", "reset by peer", "no route"]


@pytest.mark.parametrize("custom", [True, False])
@pytest.mark.parametrize("operation", ["GetStackPolicy", "SetStackPolicy", "UpdateTerminationProtection"])
def test_x7_a_protection_that_an_endpoint_of_ones_own_does_not_have_is_a_warning(
    stage: Stage, topology: str, operation: str, custom: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On AWS it stops the work: there it would be a fault of ours."""
    if not custom:
        monkeypatch.setattr("infragen.aws.account.AWS_DOMAINS", ("127.0.0.1",))
    stage.aws.refuse(f"cloudformation:{operation}", "NotImplemented", "not here", times=None, status=501)
    ended = deploy_environment(app(topology, protect="true"), stage.session)
    told = [each for each in warnings(stage) if "is not protected as its environment says" in each]
    assert (ended.exit_code == 0, bool(told)) == (custom, custom)


TEMPLATES = {
    "a web page": "<!DOCTYPE html><html>Please log in</html>", "nothing": "", "a list": "[1]", "a number": "7",
    "too deep": '{"a":' * 5000 + "1" + "}" * 5000, "too deep in YAML": "a: " + "[" * 100_000,
    "an alias to itself": "Resources: &r\n  A: {Type: T, Properties: *r}\n",
    "aliases without end": "a0: &a0 [1,1]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 12)),
    "an unknown tag": "Resources: !Nothing {}", "resources in a list": "Resources: []",
    "a number for a name": "Resources: {1: {Type: T}}", "a resource of text": "Resources: {A: b}",
    "a type that is none": "Resources: {A: {Type: [x]}}",
    "properties in a list": "Resources: {A: {Type: T, Properties: []}}",
    "parameters of text": "Resources: {}\nParameters: x", "a parameter of text": "Resources: {}\nParameters: {A: b}",
}  # fmt: skip
"""What GetTemplate may give back that no stack was deployed with."""


@pytest.mark.long
def test_x7_a_template_that_is_none_is_an_error_that_names_the_stack(stage: Stage) -> None:
    """4, whatever reads it: a plan, a deletion."""
    made = app("independent")
    deploy_environment(made, stage.session)
    stack = stack_of(stage, "independent", "data")
    for text in TEMPLATES.values():
        stack.target = replace(stack.target, text=text)
        for ask in (plan_environment, lambda made, session: destroy_environment(made.environment, session)):
            with pytest.raises(CloudError, match=r"template of .*shop-dev-data.*(cannot be read|not as AWS)"):
                ask(made, stage.session)


# --- stacks that are not there ----------------------------------------------------------------------------------


@pytest.mark.long
def test_x9_deleted_stacks_in_a_list_are_none(stage: Stage, topology: str) -> None:
    stage.aws.settings.lists_deleted_stacks = True
    made = app(topology)
    deploy_environment(made, stage.session)
    assert destroy_environment(made.environment, stage.session).exit_code == 0
    assert [each.name for each in stage.cloud.stacks("shop-dev")] == ["shop-dev-artifacts"]
    assert plan_environment(made, stage.session).stacks[0].action == "create"
    assert deploy_environment(made, stage.session).exit_code == 0


@pytest.mark.parametrize("way", ["destroy", "prune"])
def test_x10_a_stack_in_review_with_neither_tags_nor_change_sets_is_found_and_removed(
    stage: Stage, topology: str, way: str
) -> None:
    """It has the name of a stack of the environment, and nothing in it; one of another name is left alone."""
    names = ["shop-dev" if topology == "nested" else "shop-dev-queue", "shop-dev-tools"]
    for name in names:
        request = {"StackName": name, "ChangeSetName": "infragen-1", "ChangeSetType": "CREATE"}
        body = '{"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}'
        stage.aws.elsewhere.create_change_set({**request, "TemplateBody": body})
        stage.aws.clock.sleep(10)
        stage.aws.elsewhere.delete_change_set({"StackName": name, "ChangeSetName": "infragen-1"})
        stage.aws.clock.sleep(60)
    env = environment(topology)
    if way == "destroy":
        ended = destroy_environment(env, stage.session, DestroyOptions())
        assert [type(each) for each in ended.outcomes] == [Deleted]
    else:
        found = find_left(env, stage.session)
        assert [(each.stack, each.empty, each.count) for each in found] == [(names[0], True, 1)]
        assert prune(stage.session, found) == ()
    left = {each.name: each.status for each in stage.aws.cloud.stacks.values() if each.name in names}
    assert left == {names[0]: "DELETE_COMPLETE", names[1]: "REVIEW_IN_PROGRESS"}


@pytest.mark.parametrize("topology", ["independent"])
def test_x11_a_stack_that_was_deleted_before_its_change_set_is_a_conflict(stage: Stage, topology: str) -> None:
    """Exit code 5, not an error of the file's: the same command creates it anew."""
    deploy_environment(app(topology), stage.session)
    gone = stack_of(stage, topology, "use")

    def delete() -> None:
        stage.aws.elsewhere.delete_stack({"StackName": gone.id})
        stage.aws.clock.sleep(60)

    create = stage.cloud.create_change_set
    calls: list[str] = []

    def deleted_first(self: Any, request: Any) -> Any:
        if request.stack == gone.id and not calls:
            calls.append(request.stack)
            delete()
        return create(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(stage.cloud), "create_change_set", deleted_first)
        changed = app(topology)
        news = {**TOPIC, "Properties": {"DisplayName": "other"}}
        with pytest.raises(Conflict, match="DELETE_COMPLETE"):
            plan_environment(
                assembly(changed.templates[0], layer("use", {"News": news}), env=changed.environment), stage.session
            )
    assert calls
