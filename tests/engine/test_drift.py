"""Drift of an environment on the scripted fake, in both topologies: failure-matrix row R15.

Somebody changes resources by hand; `drift` finds it in all layers at once, and a plan says what becomes of it.
"""

import json
from typing import Any

import pytest
from fakeaws import FakeAws
from fakeaws.model import Stack as FakeStack
from rows import shown_rows
from stage import QUEUE, Stage, assembly, environment, layer, on_fake, with_bucket

from infragen.assembly.synth import Assembly
from infragen.aws import reading
from infragen.cloud.cloudformation import PropertyChange, PropertyDrift, ResourceChange, ResourceDrift
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.drift import detect_drift
from infragen.engine.options import Options
from infragen.engine.progress import Checking
from infragen.errors import CloudError
from infragen.plan.drift import (
    BREAKS,
    MISSING,
    OVERWRITTEN,
    PERHAPS,
    REMOVED,
    REPLACED,
    STAYS,
    StackDrift,
    effect,
    overall,
)
from infragen.plan.model import EnvironmentPlan
from infragen.report.drift import as_json, drift_lines, plan_refusal, refusal, summary
from infragen.report.plan import plan_lines
from infragen.report.plan_formats import as_format
from infragen.secrecy.shown import Absent, Secret

FUNCTION = {"Type": "AWS::Lambda::Function"}
CANARY = "hunter2-canary"


def made(topology: str, **resources: Any) -> Assembly:
    """A queue in one layer, a topic and further resources in another."""
    queue = {**QUEUE, "Properties": {"VisibilityTimeout": 30, "Tags": [{"Key": "Team", "Value": "core"}]}}
    return assembly(
        layer("first", {"Queue": queue}),
        layer("second", {"Topic": {"Type": "AWS::SNS::Topic"}, **resources}),
        env=environment(topology),
    )


def deployed(stage: Stage, topology: str, **resources: Any) -> Assembly:
    wanted = made(topology, **resources)
    deploy_environment(wanted, stage.session, Options())
    stage.ui.told.clear()
    stage.aws.calls.clear()
    return wanted


def stack_with(stage: Stage, logical_id: str) -> FakeStack:
    return next(each for each in stage.aws.cloud.stacks.values() if logical_id in each.resources)


def by_layer(found: tuple[StackDrift, ...]) -> dict[str, StackDrift]:
    return {each.layer: each for each in found}


def told(found: tuple[StackDrift, ...]) -> str:
    return "\n".join(str(each) for each in drift_lines(found, 120))


@pytest.mark.long
def test_r15_an_environment_that_nobody_touched_is_in_sync(stage: Stage, topology: str) -> None:
    """R15: every stack is asked, nested ones too, and nothing is changed."""
    found = detect_drift(deployed(stage, topology), stage.session)
    layers = ["root", "first", "second"] if topology == "nested" else ["first", "second"]
    assert [each.layer for each in found] == [*layers, "artifacts"]
    assert overall(found) == "IN_SYNC"
    assert [each.resources for each in found] == [()] * len(found)
    assert refusal(found) is None
    assert [
        each.operation for each in stage.aws.calls if each.operation.startswith(("Create", "Delete", "Update"))
    ] == []


@pytest.mark.long
def test_r15_what_somebody_changed_by_hand_is_found_with_its_values(stage: Stage, topology: str) -> None:
    """R15: a property that differs, one that is missing, one too many, by their paths."""
    wanted = deployed(stage, topology)
    hand = {"VisibilityTimeout": 45, "Tags": [], "DelaySeconds": 5}
    stack_with(stage, "Queue").by_hand["Queue"] = hand
    found = detect_drift(wanted, stage.session)
    assert {each.layer: each.status for each in found if each.layer in ("first", "second")} == {
        "first": "DRIFTED",
        "second": "IN_SYNC",
    }
    [queue] = by_layer(found)["first"].resources
    assert (queue.logical_id, queue.type, queue.status) == ("Queue", "AWS::SQS::Queue", "MODIFIED")
    assert queue.properties == (
        PropertyDrift(("VisibilityTimeout",), 30, 45),
        PropertyDrift(("Tags", 0), {"Key": "Team", "Value": "core"}, Absent()),
        PropertyDrift(("DelaySeconds",), Absent(), 5),
    )
    assert "  Queue  AWS::SQS::Queue  changed" in told(found)
    assert "        VisibilityTimeout  should be 30, is 45" in told(found)
    assert "        Tags[0]  should be {" in told(found)
    assert summary(found).startswith("1 of ")


@pytest.mark.long
def test_r15_a_resource_that_is_gone_and_one_that_nobody_can_read_are_told(stage: Stage, topology: str) -> None:
    """R15: deleted by hand; not readable makes the detection fail for that resource alone."""
    wanted = deployed(stage, topology, Other={"Type": "AWS::SNS::Topic"})
    stack_with(stage, "Topic").by_hand.update(Topic=None, Other="AccessDenied: sns:GetTopicAttributes")
    second = by_layer(detect_drift(wanted, stage.session))["second"]
    assert (second.status, second.reason) == ("DRIFTED", "Failed to detect drift on resource [Other]")
    assert {each.logical_id: (each.status, each.reason) for each in second.resources} == {
        "Topic": ("DELETED", ""),
        "Other": ("UNKNOWN", "AccessDenied: sns:GetTopicAttributes"),
    }


@pytest.mark.long
def test_r15_unknown_alone_fails_on_drift_too(stage: Stage, topology: str) -> None:
    """R15: --fail-on-drift wants to know; exit code 3."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Topic").by_hand["Topic"] = "AccessDenied"
    found = detect_drift(wanted, stage.session)
    assert overall(found) == "UNKNOWN"
    refused = refusal(found)
    assert refused is not None
    assert refused.exit_code == 3
    assert "(UNKNOWN)" in refused.message


@pytest.mark.long
def test_types_that_cannot_be_compared_are_named(stage: Stage, topology: str) -> None:
    """They are in no result of AWS, so the stack's resources without a result are them; nested stacks are not."""
    stage.aws.settings.drift_unsupported = {"AWS::SNS::Topic"}
    found = detect_drift(deployed(stage, topology), stage.session)
    assert [(each.logical_id, each.type) for stack in found for each in stack.unsupported] == [
        ("Topic", "AWS::SNS::Topic")
    ]
    assert "AWS cannot compare: AWS::SNS::Topic" in told(found)
    assert summary(found).endswith("AWS cannot compare 1")


@pytest.mark.long
def test_all_stacks_are_checked_side_by_side_and_the_wait_is_told(stage: Stage, topology: str) -> None:
    """Four minutes for all, not for each; once a minute there is a sign of life."""
    stage.aws.settings.drift_seconds = 240
    wanted = deployed(stage, topology)
    began = stage.aws.clock.monotonic()
    found = detect_drift(wanted, stage.session)
    assert 240 <= stage.aws.clock.monotonic() - began < 300
    told_of = [each for each in stage.ui.of(Checking) if each.layer == "first"]
    assert len(told_of) >= 4
    assert overall(found) == "IN_SYNC"


@pytest.mark.long
def test_a_detection_that_somebody_else_began_is_waited_for(stage: Stage, topology: str) -> None:
    """One runs at a time on a stack; ours begins when it is over."""
    wanted = deployed(stage, topology)
    stage.aws.client("cloudformation").detect_stack_drift(StackName=stack_with(stage, "Queue").id)
    stack_with(stage, "Queue").by_hand["Queue"] = {"VisibilityTimeout": 1}
    assert by_layer(detect_drift(wanted, stage.session))["first"].status == "DRIFTED"


@pytest.mark.long
def test_results_on_many_pages_are_all_read(stage: Stage, topology: str) -> None:
    """A page holds a hundred resources at most."""
    stage.aws.settings.page_sizes["DescribeStackResourceDrifts"] = 1
    topics = {f"Topic{number}": {"Type": "AWS::SNS::Topic"} for number in range(5)}
    wanted = deployed(stage, topology, **topics)
    for name in topics:
        stack_with(stage, name).by_hand[name] = None
    assert len(by_layer(detect_drift(wanted, stage.session))["second"].resources) == 5


@pytest.mark.long
def test_a_stack_in_a_state_that_aws_does_not_check_is_told_as_not_checked(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed first creation; the others are checked."""
    stage = with_bucket(on_fake(aws, monkeypatch), environment("independent"))
    aws.fail("Topic", reason="no")
    wanted = made("independent")
    deploy_environment(wanted, stage.session, Options())
    found = by_layer(detect_drift(wanted, stage.session))
    assert found["first"].status == "IN_SYNC"
    assert found["second"].status == "NOT_CHECKED"
    assert found["second"].reason == "it is ROLLBACK_COMPLETE, in which AWS does not look for drift"
    assert refusal(tuple(found.values())) is not None


@pytest.mark.long
def test_throttling_is_waited_out(stage: Stage, topology: str) -> None:
    """AWS refuses reads for a while; the drift is found all the same."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = {"VisibilityTimeout": 1}
    stage.aws.throttle("cloudformation:DescribeStackDriftDetectionStatus", times=2)
    stage.aws.throttle("cloudformation:DetectStackDrift")
    assert by_layer(detect_drift(wanted, stage.session))["first"].status == "DRIFTED"


def test_a_missing_permission_names_the_action(stage: Stage, topology: str) -> None:
    """A11: `drift` cannot do without it."""
    wanted = deployed(stage, topology)
    stage.aws.refuse("cloudformation:DetectStackDrift", "AccessDenied", "not authorized to perform it")
    with pytest.raises(CloudError, match="cloudformation:DetectStackDrift"):
        detect_drift(wanted, stage.session)


def test_nothing_deployed_is_no_drift(stage: Stage, topology: str) -> None:
    """Only the artifact bucket's stack is there."""
    found = detect_drift(made(topology), stage.session)
    assert [each.layer for each in found] == ["artifacts"]


SECRETS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a name that sounds like one": (
        {"Environment": {"Variables": {"DB_PASSWORD": "old", "MODE": "a"}}},
        {"Environment": {"Variables": {"DB_PASSWORD": CANARY, "MODE": "b"}}},
    ),
    "a name beside it": (
        {"Tags": [{"Key": "api-token", "Value": "old"}, {"Key": "x", "Value": "a"}]},
        {"Tags": [{"Key": "api-token", "Value": CANARY}, {"Key": "x", "Value": "b"}]},
    ),
    "a dynamic reference": (
        {"Description": "{{resolve:secretsmanager:shop:SecretString:x}}", "MemorySize": 128},
        {"Description": CANARY, "MemorySize": 256},
    ),
    "a password in a URL": (
        {"Description": f"https://me:{CANARY}@example.com", "MemorySize": 128},
        {"Description": f"https://me:{CANARY}2@example.com", "MemorySize": 256},
    ),
    "a NoEcho parameter": (
        {"Description": {"Ref": "Hidden"}, "MemorySize": 128}, {"Description": f"{CANARY}2", "MemorySize": 256}
    ),
    "inside a NoEcho parameter's text": (
        {"Environment": {"Variables": {"A": {"Fn::Sub": "x-${Hidden}"}}}, "MemorySize": 128},
        {"Environment": {"Variables": {"A": CANARY}}, "MemorySize": 256},
    ),
}  # fmt: skip


def with_secrets(stage: Stage, topology: str, case: str) -> Assembly:
    """Deploy a function with one of SECRETS, and change it by hand."""
    written, hand = SECRETS[case]
    wanted = made(topology, Function={**FUNCTION, "Properties": written})
    for each in wanted.templates:
        if each.layer == "second":
            each.body["Parameters"] = {"Hidden": {"Type": "String", "NoEcho": True, "Default": CANARY}}
    deploy_environment(wanted, stage.session, Options())
    stack_with(stage, "Function").by_hand["Function"] = hand
    return wanted


@pytest.mark.long
@pytest.mark.parametrize("case", SECRETS)
def test_secrets_are_masked_and_still_told_to_differ(stage: Stage, topology: str, case: str) -> None:
    """By their names, by what the template says, by what they look like; what is no secret beside them is shown."""
    wanted = with_secrets(stage, topology, case)
    found = detect_drift(wanted, stage.session)
    [function] = by_layer(found)["second"].resources
    hidden = [each for each in function.properties if each.expected == Secret()]
    assert hidden or "(secret)" in told(found)
    assert len(function.properties) == 2
    shown = told(found) + as_json(environment(topology), found) + repr(found)
    assert CANARY not in shown


def test_a_secret_is_masked_where_aws_gives_no_documents() -> None:
    """By the name in the path alone; what is missing or too much is still told."""
    row = reading.resource_drift({
        "LogicalResourceId": "F", "ResourceType": "AWS::Lambda::Function", "StackResourceDriftStatus": "MODIFIED",
        "PropertyDifferences": [
            {"PropertyPath": "/Variables/DB_PASSWORD", "ExpectedValue": "old", "ActualValue": CANARY,
             "DifferenceType": "NOT_EQUAL"},
            {"PropertyPath": "/Variables/API_TOKEN", "ExpectedValue": "null", "ActualValue": CANARY,
             "DifferenceType": "ADD"},
            {"PropertyPath": "/Path~1with~0signs", "ExpectedValue": "1", "ActualValue": "2", "DifferenceType": ""},
        ],
    })  # fmt: skip
    assert row.properties == (
        PropertyDrift(("Variables", "DB_PASSWORD"), Secret(), Secret()),
        PropertyDrift(("Variables", "API_TOKEN"), Absent(), Secret()),
        PropertyDrift(("Path/with~signs",), 1, 2),
    )


def test_a_secret_is_masked_by_the_name_beside_it_in_the_documents() -> None:
    """The difference alone says no more than a number in a list."""
    tags = [{"Key": "api-token", "Value": "old"}], [{"Key": "api-token", "Value": CANARY}]
    documents = (json.dumps({"Tags": each}) for each in tags)
    row = reading.resource_drift({
        "LogicalResourceId": "Q", "ResourceType": "AWS::SQS::Queue", "StackResourceDriftStatus": "MODIFIED",
        "ExpectedProperties": next(documents), "ActualProperties": next(documents),
        "PropertyDifferences": [
            {"PropertyPath": "/Tags/0/Value", "ExpectedValue": "old", "ActualValue": CANARY, "DifferenceType": ""}
        ],
    })  # fmt: skip
    assert row.properties == (PropertyDrift(("Tags", 0, "Value"), Secret(), Secret()),)


@pytest.mark.long
def test_the_json_document_has_all_of_it(stage: Stage, topology: str) -> None:
    """Versioned; values as in a plan's document."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = {"VisibilityTimeout": 45, "Tags": [{"Key": "Team", "Value": "core"}]}
    document = json.loads(as_json(environment(topology), detect_drift(wanted, stage.session)))
    assert (document["version"], document["environment"], document["status"]) == (1, "dev", "DRIFTED")
    first = next(each for each in document["stacks"] if each["layer"] == "first")
    assert first["resources"] == [
        {
            "place": "first/Queue",
            "logical_id": "Queue",
            "physical_id": stack_with(stage, "Queue").resources["Queue"].physical_id,
            "type": "AWS::SQS::Queue",
            "status": "MODIFIED",
            "reason": "",
            "properties": [
                {
                    "name": "VisibilityTimeout",
                    "path": ["VisibilityTimeout"],
                    "expected": {"kind": "known", "value": 30},
                    "actual": {"kind": "known", "value": 45},
                }
            ],
        }
    ]


# --- what a plan says of it ---------------------------------------------------------------------------------------


def lines(plan: EnvironmentPlan) -> list[str]:
    return [str(each) for each in plan_lines(plan, 200)]


@pytest.mark.long
def test_r15_a_plan_says_what_the_deployment_does_about_drift(stage: Stage, topology: str) -> None:
    """R15: the changed property is written over, another one of the resource perhaps, what does not change stays."""
    deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = {"VisibilityTimeout": 45, "Tags": [{"Key": "Team", "Value": "x"}]}
    stack_with(stage, "Topic").by_hand["Topic"] = {"DisplayName": "hand"}
    wanted = made(topology)
    wanted.templates[0].body["Resources"]["Queue"]["Properties"]["VisibilityTimeout"] = 60
    shown = plan_environment(wanted, stage.session, Options(drift=True))
    told_lines = lines(shown)
    assert f"  first/Queue: VisibilityTimeout should be 30, is 45: it {OVERWRITTEN}" in told_lines
    assert f"  first/Queue: Tags[0].Value should be core, is x: it {PERHAPS}" in told_lines
    assert f"  second/Topic: DisplayName should be (none), is hand: it {STAYS}" in told_lines
    assert shown_rows(shown)["first/Queue"]["drift"][0].startswith("drift: VisibilityTimeout should be 30, is 45")
    assert any("· drift: VisibilityTimeout should be 30, is 45" in each for each in told_lines)
    for form in ("json", "markdown", "html"):
        assert "VisibilityTimeout should be 30, is 45" in as_format(form, [shown], [wanted.environment]).decode()


@pytest.mark.long
def test_a_plan_without_changes_still_tells_of_drift(stage: Stage, topology: str) -> None:
    """Nothing to change for CloudFormation, and yet not as it says."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Topic").by_hand["Topic"] = None
    shown = plan_environment(wanted, stage.session, Options(drift=True))
    assert not shown.changed
    assert f"  second/Topic: it {MISSING}" in lines(shown)
    clean = plan_environment(wanted, stage.session, Options())
    assert clean.drift is None
    assert not any(each.startswith("drift") for each in lines(clean))


@pytest.mark.long
def test_a_plan_that_looked_and_found_nothing_says_so(stage: Stage, topology: str) -> None:
    """To have looked is worth a line."""
    wanted = deployed(stage, topology)
    assert "drift: none found" in lines(plan_environment(wanted, stage.session, Options(drift=True)))


@pytest.mark.long
def test_r15_a_plan_warns_when_the_last_look_found_drift(stage: Stage, topology: str) -> None:
    """R15: also in a nested stack, with the time; without drift there is no warning, and no call more is made."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Queue").by_hand["Queue"] = {"VisibilityTimeout": 45}
    assert not plan_environment(wanted, stage.session, Options()).warnings
    detect_drift(wanted, stage.session)
    [warning] = plan_environment(wanted, stage.session, Options()).warnings
    name = stack_with(stage, "Queue").name
    assert warning.startswith(f"{name} was DRIFTED when it was last looked at (2026-03-01 12:")
    assert "`infragen drift --env dev`" in warning
    assert "DetectStackDrift" not in [each.operation for each in stage.aws.calls[-20:]]


def test_a11_a_plan_goes_on_without_the_permission_to_look_for_drift(stage: Stage, topology: str) -> None:
    """A11: one warning that names the action, and the plan."""
    wanted = deployed(stage, topology)
    stage.aws.refuse("cloudformation:DetectStackDrift", "AccessDenied", "not authorized to perform it")
    shown = plan_environment(wanted, stage.session, Options(drift=True))
    assert shown.drift is None
    [warning] = shown.warnings
    assert warning.startswith("drift was not looked for: ")
    assert "cloudformation:DetectStackDrift" in warning
    refused = plan_refusal(shown)
    assert refused is not None
    assert (refused.exit_code, "is not known" in refused.message) == (3, True)


@pytest.mark.long
def test_a_plan_says_which_stack_could_not_be_looked_at(stage: Stage, topology: str) -> None:
    """What nobody can tell is a warning, and no "none"."""
    wanted = deployed(stage, topology)
    stack_with(stage, "Topic").by_hand["Topic"] = "AccessDenied"
    shown = plan_environment(wanted, stage.session, Options(drift=True))
    assert any(
        "whether it drifted is not known: Failed to detect drift on resource [Topic]" in w for w in shown.warnings
    )
    assert "drift: none found" not in lines(shown)
    refused = plan_refusal(shown)
    assert refused is not None
    assert "(UNKNOWN)" in refused.message


MODIFIED, DELETED = (ResourceDrift("Q", "", "AWS::SQS::Queue", status) for status in ("MODIFIED", "DELETED"))
TIMEOUT = PropertyChange(("Properties", "Tags", 0, "Value"), "a", "b")


@pytest.mark.parametrize(
    ("found", "change", "path", "wanted"),
    [
        (MODIFIED, None, ("Tags",), STAYS),
        (MODIFIED, {"action": "Add"}, ("Tags",), STAYS),
        (MODIFIED, {"action": "Remove"}, ("Tags",), REMOVED),
        (MODIFIED, {"replacement": "True"}, ("Tags",), REPLACED),
        (MODIFIED, {"replacement": "Conditional"}, ("Tags",), OVERWRITTEN),
        (MODIFIED, {}, ("Tags", 0, "Value"), OVERWRITTEN),
        (MODIFIED, {}, ("Tags", 1, "Value"), PERHAPS),
        (MODIFIED, {}, ("DelaySeconds",), PERHAPS),
        (MODIFIED, {}, (), PERHAPS),
        (DELETED, None, (), MISSING),
        (DELETED, {}, (), BREAKS),
        (DELETED, {"action": "Remove"}, (), REMOVED),
        (DELETED, {"replacement": "True"}, (), REPLACED),
    ],
)
def test_what_becomes_of_a_drifted_property(
    found: ResourceDrift, change: dict[str, str] | None, path: tuple[str | int, ...], wanted: str
) -> None:
    """By what the deployment does to the resource, and to that very property."""
    row = None
    if change is not None:
        row = ResourceChange(
            "queue", change.get("action", "Modify"), "Q", "AWS::SQS::Queue", change.get("replacement", "False"),
            properties=(TIMEOUT,),
        )  # fmt: skip
    assert effect(found, row, path) == wanted
