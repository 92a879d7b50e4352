"""Nested change sets as AWS computes them before anything is deployed: placeholders, phantom rows, failures of both."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench import NETWORK, QUEUES, WORKERS, Bench, at_work, environment, kinds
from fakeaws import FakeAws
from figures import Tried
from rows import shown_rows

from infragen.assembly.stacks import make_plan
from infragen.assembly.synth import Assembly, LayerTemplate, synthesize
from infragen.engine.operate import name_child
from infragen.engine.options import Options
from infragen.engine.progress import Warned
from infragen.engine.saving import deploy_saved, save_plan
from infragen.errors import CloudError, OperationFailed, Refused
from infragen.layers.contract import LayerOutput
from infragen.plan.model import EnvironmentPlan
from infragen.plan.saved import SavedPlan

PLACEHOLDERS = ["intrinsic", "known after apply", "resolved"]

SELECTED = "Template error: Fn::Select cannot select nonexistent value at index 1"
EXPORTED = "Template format error: duplicate Export names"
QUOTED = (
    "Parameter AlarmTopicArn failed to satisfy constraint: must match pattern arn:.*",
    "Usage of {{IntrinsicFunction:shop-test/Network.Outputs.AlarmTopicArn/Fn::GetAtt}} is not allowed",
)
"""Words that name what another layer gives (rain#526, 2024; cfn-language-discussion#152, 2023; read 2026-11-28)."""


def operator(aws: FakeAws, directory: Path, text: str) -> tuple[Bench, Assembly]:
    """An operator of a nested environment with a network, and the templates."""
    bench = at_work(aws, environment(directory, text, topology="nested"))
    return bench, synthesize(bench.env)


def queue_text(more: str = "", network: str = "") -> str:
    return NETWORK + network + QUEUES + more


@pytest.fixture
def deployed(aws: FakeAws, tmp_path: Path) -> Bench:
    """A nested environment of a network and a queue, deployed."""
    bench, made = operator(aws, tmp_path, queue_text())
    bench.bootstrap()
    bench.begin(made)
    return bench


def constrained(made: Assembly, layer: str, change: dict[str, Any], name: str = "AlarmTopicArn") -> Assembly:
    """The same templates as an older infragen, or another tool, would write a layer's wired parameter."""

    def changed(template: LayerTemplate) -> LayerTemplate:
        body = {**template.body, "Parameters": {**template.body["Parameters"]}}
        body["Parameters"][name] = {**body["Parameters"][name], **change}
        return replace(template, body=body)

    return replace(made, templates=tuple(changed(t) if t.layer == layer else t for t in made.templates))


def asked_for_nested(aws: FakeAws) -> list[bool]:
    """What each CreateChangeSet said of nested stacks."""
    return [c.params.get("IncludeNestedStacks", False) for c in aws.calls if c.operation == "CreateChangeSet"]


def notes(plan: EnvironmentPlan) -> dict[str, str]:
    return {each.layer: " ".join(each.notes) for each in plan.stacks if each.notes}


@pytest.mark.long
@pytest.mark.promise("P3", "first plans, deployments and updates in nested topology, for each placeholder")
@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
@pytest.mark.parametrize("phantoms", [True, False])
def test_a_first_plan_a_deployment_and_updates_need_no_option(
    aws: FakeAws, tmp_path: Path, tried: Tried, placeholder: str, phantoms: bool
) -> None:
    """C14: Whatever stands for a sibling's output, with nested change sets and without an option."""
    aws.settings.nested_placeholder, aws.settings.nested_phantom_rows = placeholder, phantoms
    bench, made = operator(aws, tmp_path, queue_text())
    bench.bootstrap()
    assert {each.source for each in bench.plan(made).stacks} == {"change set"}
    assert bench.deploy(made).exit_code == 0
    for text in (queue_text("    max_receives: 7\n"), queue_text("    max_receives: 7\n", "  flow_logs: REJECT\n")):
        changed, again = operator(aws, tmp_path, text)
        result = changed.deploy(again)
        assert kinds(result.outcomes) == {"root": "Deployed"}
        rows = [each for each in result.plan.changes() if each.type != "AWS::CloudFormation::Stack"]
        assert [each.action for each in rows if each.source == "both"] == ["Modify"]
        shown = shown_rows(result.plan).values()
        assert not [each["place"] for each in shown if each["type"] == "AWS::CloudFormation::Stack"]
        assert {each.place for each in rows if each.replacement != "False"} <= {"network/FlowLog"}
        assert not [each for each in rows if each.disagreements]
        assert not [each for each in result.plan.stacks if each.disagreements]
        tried()
    assert all(asked_for_nested(aws))


@pytest.mark.long
def test_a_change_of_the_network_neither_changes_nor_replaces_what_takes_its_outputs(
    aws: FakeAws, deployed: Bench, tmp_path: Path
) -> None:
    """AWS lists all that takes a placeholder; the queue, which holds data, is not refused, and the plan says why."""
    changed, made = operator(aws, tmp_path, queue_text(network="  flow_logs: REJECT\n"))
    made = constrained(made, "queue", {"Description": "another"})
    plan = changed.plan(made)
    inner = [each for each in aws.calls if each.operation == "DescribeChangeSet"]
    assert inner
    assert not [each for each in plan.changes() if each.layer == "queue"]
    [queue] = [each for each in plan.stacks if each.layer == "queue"]
    assert any("for outputs of other layers that stay as they are" in each for each in queue.details)
    assert not plan.refusals


@pytest.mark.long
def test_what_a_changed_source_gives_reads_as_known_after_it(aws: FakeAws, deployed: Bench, tmp_path: Path) -> None:
    """The key is replaced by one with another logical id, so its ARN is known only after the network."""
    for placeholder in PLACEHOLDERS:
        aws.settings.nested_placeholder = placeholder
        changed, made = operator(aws, tmp_path, queue_text())
        network = made.template("network")
        text = repr(network.body).replace("'AlarmTopic'", "'NewTopic'").replace("'AlarmTopic.", "'NewTopic.")
        body = eval(text)  # noqa: S307 # a template of ours
        templates = tuple(replace(t, body=body) if t.layer == "network" else t for t in made.templates)
        plan = changed.plan(replace(made, templates=templates))
        told = {str(v.after) for row in plan.changes() if row.layer == "queue" for v in row.properties}
        assert "(known after network: AlarmTopicArn)" in told, (placeholder, told)
        assert "{{" not in str(plan.stacks), placeholder


def small(name: str, resources: dict[str, Any], *takes: LayerOutput, **gives: Any) -> LayerTemplate:
    """A layer of a project, with outputs by their name."""
    outputs = tuple(LayerOutput(name, each, "") for each in gives)
    body = {
        "Parameters": {each.name: {"Type": each.type} for each in takes},
        "Resources": resources,
        "Outputs": {each: {"Value": value} for each, value in gives.items()},
    }
    return LayerTemplate(name, name, {key: each for key, each in body.items() if each}, takes, outputs, ())


def topic(**properties: Any) -> dict[str, Any]:
    return {"Topic": {"Type": "AWS::SNS::Topic", "Properties": properties}}


SHOWN = LayerOutput("edge-net", "Shown", "")


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_what_a_change_in_place_may_give_another_value_is_not_taken_for_unchanged(
    aws: FakeAws, tmp_path: Path, topology: str
) -> None:
    """A queue is named by an attribute of a topic in another layer, which changes in place: it is replaced."""

    def shown(text: str, tag: str = "a") -> Assembly:
        named = {"Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Shown"}}}}
        tags = [{"Key": "Tag", "Value": tag}]
        net = small("edge-net", topic(DisplayName=text, Tags=tags), Shown={"Fn::GetAtt": ["Topic", "DisplayName"]})
        return Assembly(bench.env, (net, small("app", named, SHOWN)))

    bench = at_work(aws, environment(tmp_path, topology=topology))
    bench.bootstrap()
    assert bench.deploy(shown("one")).exit_code == 0
    for placeholder in PLACEHOLDERS if topology == "nested" else PLACEHOLDERS[:1]:
        aws.settings.nested_placeholder = placeholder
        with pytest.raises(Refused, match="app/Jobs"):
            bench.deploy(shown("two"))
        plan = bench.plan(shown("two"))
        [queue] = [each for each in plan.changes() if each.logical_id == "Jobs"]
        assert queue.replacement in ("True", "Conditional"), placeholder
        told = {str(value.after) for each in plan.changes() for value in each.properties}
        assert "(known after edge-net: Shown)" in told, (placeholder, told)
        assert "edgenet" not in str(told), placeholder
        quiet = bench.plan(shown("one", "b"))  # tags are no attribute's value
        assert [each.place for each in quiet.changes() if each.layer == "app"] == []
    assert bench.deploy(shown("two"), allow_data_loss=frozenset({"app/Jobs"})).exit_code == 0
    assert not bench.plan(shown("two")).changes()


def test_two_layers_of_the_same_template_are_two(tmp_path: Path) -> None:
    """Their stacks have the same TemplateURL, and each is told under its own name, hyphens and all."""
    env = environment(tmp_path, topology="nested")
    twins = [replace(small(name, topic()), about="") for name in ("edge-one", "edge-two")]
    assert twins[0].text == twins[1].text
    [unit] = make_plan(Assembly(env, tuple(twins))).units
    assert {name: each.layer for name, each in unit.children.items()} == {"EdgeOne": "edge-one", "EdgeTwo": "edge-two"}
    for name, layer in [*((name, each.layer) for name, each in unit.children.items()), ("GoneNow", "gone-now")]:
        assert unit.child_layer("root", name) == name_child("root", name) == layer


@pytest.mark.long
@pytest.mark.parametrize("fails", ["root", "child"])
@pytest.mark.parametrize(
    "change",
    [
        {"Type": "AWS::SSM::Parameter::Value<String>"},
        {"Type": "AWS::EC2::VPC::Id"},
        {"Type": "List<AWS::EC2::Subnet::Id>"},
        {"AllowedPattern": "arn:.*"},
        {"Type": "CommaDelimitedList", "AllowedPattern": "arn:.*"},
        {"MaxLength": 20},
    ],
)
def test_what_aws_cannot_evaluate_is_planned_and_deployed_without_nested_sets(
    aws: FakeAws, tmp_path: Path, change: dict[str, Any], fails: str
) -> None:
    """C14: A first plan of templates that AWS would deploy: no option, the stacks and AWS's words are in the plan."""
    aws.settings.nested_parameter_fails = fails
    bench, made = operator(aws, tmp_path, queue_text())
    bench.bootstrap()
    plan = bench.plan(constrained(made, "queue", change))
    assert asked_for_nested(aws) == [True, False]
    assert "AWS cannot evaluate this nested stack before others are deployed" in notes(plan)["queue"]
    assert {each.action for each in plan.stacks} == {"create"}
    warnings = [each.text for each in bench.ui.events if isinstance(each, Warned)]
    assert any("AWS cannot evaluate its nested stacks before they are deployed" in each for each in warnings)
    aws.clock.settle()
    assert not aws.cloud.change_sets
    assert {s.status for s in aws.cloud.stacks.values() if "artifacts" not in s.name} <= {"DELETE_COMPLETE"}


@pytest.mark.long
@pytest.mark.parametrize("words", QUOTED)
def test_an_update_that_aws_cannot_evaluate_is_deployed(
    aws: FakeAws, deployed: Bench, tmp_path: Path, words: str
) -> None:
    """C14, R17: The network's own set was complete, so its rows are AWS's; the queue's are ours, and data is named."""
    aws.settings.fail_nested_change_set["Queue"] = words
    text = queue_text("    max_receives: 7\n", "  flow_logs: REJECT\n")
    changed, made = operator(aws, tmp_path, text)
    allowed = frozenset({"queue/JobsQueue"})
    result = changed.deploy(made, allow_data_loss=allowed)
    assert kinds(result.outcomes) == {"root": "Deployed"}
    assert asked_for_nested(aws)[-2:] == [True, False]
    rows = {each.place: (each.source, each.replacement) for each in result.plan.changes()}
    assert rows["network/FlowLog"][0] == "both"
    assert rows["queue/JobsQueue"][1] == "Conditional"
    assert words in notes(result.plan)["queue"]
    assert "network" not in notes(result.plan)
    aws.clock.settle()
    assert not [each for each in aws.cloud.change_sets.values() if each.execution == "AVAILABLE"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"early_validation": {"JobsQueue": ("/Resources/JobsQueue/Properties/DelaySeconds", "not an integer")}},
            "not an",
        ),
        ({"early_validation": {"FlowLog": ("/Resources/FlowLog/Properties/TrafficType", "no such")}}, "no such"),
        ({"fail_nested_change_set": {"Queue": "S3 error: Access Denied"}}, "Access Denied"),
        ({"fail_nested_change_set": {"Queue": "Template error: never heard of"}}, "never heard of"),
        ({"fail_nested_change_set": {"Network": SELECTED}}, "Fn::Select cannot"),
        ({"fail_nested_change_set": {"Queue": SELECTED}}, "Fn::Select cannot"),
        ({"fail_nested_change_set": {"Queue": EXPORTED}}, "duplicate Export names"),
        ({"fail_nested_change_set": {"Queue": "Template error: Unable to get mapping for Sizes::a::b"}}, "Sizes::a"),
        ({"fail_change_set": {"shop-test": EXPORTED}}, "duplicate Export names"),
        ({"fail_change_set": {"shop-test": "Template error: unresolved"}}, "unresolved"),
        ({"fail_change_set": {"shop-test": SELECTED}}, "Fn::Select cannot"),
        ({"fail_change_set": {"shop-test": "Unable to fetch parameters [/aws/service/x] from parameter store"}}, "/x"),
        ({"fail_nested_change_set": {"Queue": "Parameter 'Size' must match pattern x"}}, "'Size'"),
        ({"fail_nested_change_set": {"Queue": ""}}, "root/Queue: AWS gave no reason; root: Nested change set"),
        ({"fail_nested_change_set": {"Network": "", "Queue": "S3 error: no such key"}}, "root/Queue: S3 error"),
    ],
)
def test_a_failure_of_a_resource_or_in_unknown_words_stays_one(
    aws: FakeAws, deployed: Bench, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    """C14: Early validation with its reason, missing rights, unknown words, a layer that takes nothing from others."""
    for name, value in settings.items():
        getattr(aws.settings, name).update(value)
    changed, made = operator(aws, tmp_path, queue_text("    max_receives: 7\n", "  flow_logs: REJECT\n"))
    with pytest.raises((OperationFailed, CloudError), match=words):
        changed.plan(made)
    assert False not in asked_for_nested(aws)


@pytest.mark.long
def test_a_set_that_says_nothing_hides_no_placeholder(aws: FakeAws, deployed: Bench, tmp_path: Path) -> None:
    """C14: it may have failed because the other one did; what has words decides."""
    aws.settings.fail_nested_change_set |= {"Network": "", "Queue": QUOTED[0]}
    changed, made = operator(aws, tmp_path, queue_text("    max_receives: 7\n", "  flow_logs: REJECT\n"))
    assert "AWS cannot evaluate" in notes(changed.plan(made))["queue"]
    assert asked_for_nested(aws)[-1] is False


@pytest.mark.long
def test_early_validation_of_a_placeholder_is_no_failure_of_the_property(
    aws: FakeAws, deployed: Bench, tmp_path: Path
) -> None:
    """It is about a property whose value another layer gives."""
    path = "/Resources/JobsBacklogAlarm/Properties/AlarmActions/0"
    aws.settings.early_validation["JobsBacklogAlarm"] = (path, "does not match the pattern of an ARN")
    changed, made = operator(aws, tmp_path, queue_text("    max_receives: 7\n"))
    plan = changed.plan(made)
    assert "does not match" not in str(plan.refusals)
    assert f"{path}: does not match the pattern of an ARN" in notes(plan)["queue"]  # and not that some check failed


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "of_a_placeholder"),
    [("QueueName", True), ("Tags/0/Value", True), ("Tags", False), ("Tags/1/Value", False), ("DelaySeconds", False)],
)
def test_early_validation_of_a_text_with_a_placeholder_in_it(
    aws: FakeAws, tmp_path: Path, path: str, of_a_placeholder: bool
) -> None:
    """Also where the text holds more than that; beside other values of the property the check may be about those."""
    mixed = {"Fn::Sub": "${Topic.TopicName}-${Shown}"}
    tags = [{"Key": "a", "Value": mixed}, {"Key": "b", "Value": {"Ref": "Topic"}}]
    jobs = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": mixed, "Tags": tags, "DelaySeconds": 1}}
    bench = at_work(aws, environment(tmp_path, topology="nested"))
    bench.bootstrap()
    made = Assembly(bench.env, (small("edge-net", topic(), Shown="x"), small("app", topic() | {"Jobs": jobs}, SHOWN)))
    aws.settings.early_validation["Jobs"] = (f"/Resources/Jobs/Properties/{path}", "does not match")
    if of_a_placeholder:
        assert "does not match" in notes(bench.plan(made))["app"]
    else:
        with pytest.raises(OperationFailed, match="does not match"):
            bench.plan(made)


@pytest.mark.long
def test_a_real_failure_of_a_slow_sibling_is_told_and_not_that_of_the_placeholder(aws: FakeAws, tmp_path: Path) -> None:
    """C14: The root fails with the first child while the others are in progress: all are read to their end."""
    bench, made = operator(aws, tmp_path, queue_text() + WORKERS)
    bench.bootstrap()
    aws.settings.nested_sibling_seconds = 40
    aws.settings.fail_nested_change_set["Queue"] = QUOTED[0]
    assert "queue" in notes(bench.plan(made))
    aws.settings.fail_nested_change_set["Worker"] = "Access Denied: no rights"
    with pytest.raises(OperationFailed, match=r"FAILED/UNAVAILABLE: root/Worker: Access Denied: no rights$"):
        bench.plan(made)


@pytest.mark.long
@pytest.mark.promise("P3", "interleavings of placeholders, phantom rows and failures, planned and deployed")
@pytest.mark.parametrize(
    ("placeholder", "fails", "seconds"),
    list(itertools.product(PLACEHOLDERS[:2], ["root", "child"], [0, 30])),
)
def test_a_deployment_ends_well_with_each_switch_either_way(
    aws: FakeAws, tmp_path: Path, tried: Tried, placeholder: str, fails: str, seconds: float
) -> None:
    """A constrained parameter, which AWS would deploy: created, found unchanged, updated."""
    settings = aws.settings
    settings.nested_placeholder, settings.nested_parameter_fails = placeholder, fails
    settings.nested_sibling_seconds = seconds
    bench, made = operator(aws, tmp_path, queue_text())
    bench.bootstrap()
    pattern = {"AllowedPattern": "arn:.*"}
    assert bench.deploy(constrained(made, "queue", pattern)).exit_code == 0
    assert set(kinds(bench.deploy(constrained(made, "queue", pattern)).outcomes).values()) == {"Unchanged"}
    changed, again = operator(aws, tmp_path, queue_text(network="  flow_logs: REJECT\n"))
    assert changed.deploy(constrained(again, "queue", pattern)).exit_code == 0
    tried()


@pytest.mark.long
def test_a_saved_plan_whose_stacks_aws_could_not_evaluate_is_deployed_as_it_was_shown(
    aws: FakeAws, deployed: Bench, tmp_path: Path
) -> None:
    """Nobody but the comparison speaks for any nested stack then: what holds data is named when it is saved."""
    aws.settings.fail_nested_change_set["Queue"] = QUOTED[0]
    changed, made = operator(aws, tmp_path, queue_text("    max_receives: 7\n", "  flow_logs: REJECT\n"))
    saved: list[SavedPlan] = []
    with pytest.raises(Refused, match="queue/JobsQueue"):
        save_plan(made, changed.session, Options(), 3600, saved.append)
    options = Options(allow_data_loss=frozenset({"queue/JobsQueue"}))
    shown = save_plan(made, changed.session, options, 3600, saved.append)
    aws.settings.fail_nested_change_set.clear()
    result = deploy_saved(made, changed.session, saved[0], Options(), "test.plan")
    assert kinds(result.outcomes) == {"root": "Deployed"}
    rows = [[(each.place, each.source, each.replacement) for each in plan.changes()] for plan in (shown, result.plan)]
    assert rows[0] == rows[1]
