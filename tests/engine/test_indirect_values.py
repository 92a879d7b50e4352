"""A value in another section of the template (mapping, condition, default) is judged like one that stands in its
resource, by every gate; what nobody can decide counts as another one when that section changes.
"""

from collections.abc import Callable
from typing import Any

import pytest
from stage import QUEUE, TOPIC, Stage, assembly, environment, layer

from infragen.changes.comparison import LayerSides, Side, compare
from infragen.cloud.cloudformation import PropertyChange, ResourceChange, Source
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.gate import widened
from infragen.engine.options import Options
from infragen.errors import Refused
from infragen.gates.in_place import losses
from infragen.plan.model import StackPlan, refusals_of

ACCOUNT, REGION = "111122223333", "us-east-1"
NAME, HERE = {"Ref": "EnvironmentName"}, {"Ref": "AWS::Region"}
FIRST = {"Fn::Select": [0, {"Fn::Split": ["-", NAME]}]}

Body = dict[str, Any]
Value = str | int


def looked_up(key: Any, *more: Any) -> Callable[[Value], tuple[Body, Any]]:
    """In a mapping, whose other keys are the same."""

    def written(value: Value) -> tuple[Body, Any]:
        held = {"v": value}
        return {"Mappings": {"D": {"test": held, REGION: held}}}, {"Fn::FindInMap": ["D", key, "v", *more]}

    return written


def by_default(value: Value) -> tuple[Body, Any]:
    """In the default of FindInMap, of a mapping without the key."""
    call = {"Fn::FindInMap": ["D", "none", "v", {"DefaultValue": {"Fn::FindInMap": ["D", NAME, "v"]}}]}
    return {"Transform": "AWS::LanguageExtensions", "Mappings": {"D": {"test": {"v": value}}}}, call


def parameter(value: Value) -> tuple[Body, Any]:
    """In the default of a parameter; `values` gives it as AWS would."""
    return {"Parameters": {"Given": {"Type": "String", "Default": value}}}, {"Ref": "Given"}


def decided_by(asked: Callable[[Value], tuple[Body, Any]]) -> Callable[[Value], tuple[Body, Any]]:
    """In a branch, by a condition that another one names."""

    def written(value: Value) -> tuple[Body, Any]:
        more, condition = asked(value)
        conditions = {"Is": condition, "Not": {"Fn::Not": [{"Condition": "Is"}]}}
        old, new = VALUES[value]
        return {**more, "Conditions": conditions}, {"Fn::If": ["Not", new, old]}

    return written


def by_mapping(value: Value) -> tuple[Body, Any]:
    on = "on" if value in OLD else "off"
    return {"Mappings": {"D": {"test": {"v": on}}}}, {"Fn::Equals": [{"Fn::FindInMap": ["D", NAME, "v"]}, "on"]}


def by_region(value: Value) -> tuple[Body, Any]:
    return {}, {"Fn::Equals": [HERE, REGION if value in OLD else "eu-west-1"]}


def by_part(value: Value) -> tuple[Body, Any]:
    """By what infragen does not evaluate."""
    return {}, {"Fn::Equals": [FIRST, "test" if value in OLD else "other"]}


CHANGES: dict[str, tuple[Value, Value, Callable[[Any], Body]]] = {
    "retention": (1209600, 345600, lambda value: {**QUEUE, "Properties": {"MessageRetentionPeriod": value}}),
    "reserved": (
        5, 0,
        lambda value: {"Type": "AWS::Lambda::Function", "Properties": {
            "ReservedConcurrentExecutions": value, "Handler": "a.b", "Role": "arn:aws:iam::111122223333:role/r"}},
    ),
    "range": (
        "10.0.0.0/8", "0.0.0.0/0",
        lambda value: {"Type": "AWS::EC2::SecurityGroup", "Properties": {
            "GroupDescription": "g", "SecurityGroupIngress": [
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": value}]}},
    ),
    "name": ("a", "b", lambda value: {**QUEUE, "Properties": {"QueueName": value}}),
    "policy": ("Retain", "Delete", lambda value: {**QUEUE, "DeletionPolicy": value, "UpdateReplacePolicy": value}),
}  # fmt: skip
OLD = {old for old, _, _ in CHANGES.values()}
VALUES = {value: (old, new) for old, new, _ in CHANGES.values() for value in (old, new)}
WAYS: dict[str, Callable[[Value], tuple[Body, Any]]] = {
    "mapping by parameter": looked_up(NAME),
    "mapping by region": looked_up(HERE),
    "mapping by default": by_default,
    "parameter": parameter,
    "condition by mapping": decided_by(by_mapping),
    "condition by region": decided_by(by_region),
}
UNDECIDED = {"condition by a part": decided_by(by_part), "mapping by a part": looked_up(FIRST)}


def body(way: Callable[[Value], tuple[Body, Any]], value: Value, made: Callable[[Any], Body]) -> Body:
    more, written = way(value)
    declared = {"EnvironmentName": {"Type": "String"}, **more.pop("Parameters", {})}
    return {**more, "Parameters": declared, "Resources": {"It": made(written), "Topic": TOPIC}}


def side(written: Body) -> Side:
    given = written["Parameters"].get("Given")
    return Side(written, {"EnvironmentName": "test", **({"Given": given["Default"]} if given else {})})


def judged(before: Body, after: Body) -> dict[str, list[str]]:
    """What each gate says of the change."""
    sides = LayerSides("own", side(before), side(after), REGION)
    [plan] = widened([StackPlan("own", "", "update", compare(sides).rows)], {"own": sides}, ACCOUNT, REGION)
    return {
        "losses": [each.why for each in refusals_of([plan])],
        "interruptions": [str(each) for each in plan.interruptions if each.level != "none"],
        "widenings": [str(each) for each in plan.widenings],
    }


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", WAYS)
def test_a_value_in_another_section_is_judged_as_if_it_stood_in_its_resource(way: str, change: str) -> None:
    """The same sentences of the same gates, and none where nothing changes."""
    old, new, made = CHANGES[change]
    plain = judged(*(body(lambda each: ({}, each), value, made) for value in (old, new)))
    assert any(plain.values())
    found = judged(*(body(WAYS[way], value, made) for value in (old, new)))
    if way == "condition by region":  # the rows know no region, and say that they do not know
        assert {name for name, each in found.items() if each} >= {name for name, each in plain.items() if each}
    else:
        assert found == plain
    assert not any(judged(*(body(WAYS[way], old, made) for _ in (1, 2))).values())


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", UNDECIDED)
def test_what_nobody_can_decide_counts_as_another_value(way: str, change: str) -> None:
    """The same gates speak, in words of their own; none where its section stays."""
    old, new, made = CHANGES[change]
    plain = judged(*(body(lambda each: ({}, each), value, made) for value in (old, new)))
    found = judged(*(body(UNDECIDED[way], value, made) for value in (old, new)))
    assert {name for name, each in found.items() if each} >= {name for name, each in plain.items() if each}
    again = judged(*(body(UNDECIDED[way], old, made) for _ in (1, 2)))
    assert again["losses"] == again["interruptions"] == []


CONDITIONS = {"by mapping": by_mapping, "by region": by_region, "by a part": by_part}


@pytest.mark.parametrize("way", CONDITIONS)
def test_a_resource_whose_condition_may_no_longer_hold_counts_as_removed(way: str) -> None:
    """Its own text is the same in both templates."""

    def written(on: bool) -> Body:
        more, condition = CONDITIONS[way](1209600 if on else 345600)
        declared = {"EnvironmentName": {"Type": "String"}}
        resources = {"It": {**QUEUE, "Condition": "Is"}, "Topic": TOPIC}
        return {**more, "Parameters": declared, "Conditions": {"Is": condition}, "Resources": resources}

    found = judged(written(True), written(False))
    assert any("removed" in each for each in found["losses"])
    assert any(each.startswith("outage") for each in found["interruptions"])
    assert not any(judged(written(True), written(True)).values())


@pytest.mark.parametrize("before", ["Retain", {"Fn::FindInMap": ["D", FIRST, "v"]}], ids=["known", "unknown"])
def test_a_deletion_policy_that_nobody_can_decide_keeps_before_and_deletes_after(before: Any) -> None:
    """Of a function as DeletionPolicy only CloudFormation knows the value."""
    more = {"Mappings": {"D": {"test": {"v": "Retain"}}, "E": {"test": {"v": "Delete"}}}, "Parameters": {}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}
    after = {"Fn::FindInMap": ["E", FIRST, "v"]}
    old, new = ({**more, "Resources": {"It": {**role, "DeletionPolicy": each}}} for each in (before, after))
    assert judged(old, new)["losses"] == ["would change its DeletionPolicy: when it is deleted, less of it may be kept"]
    gone = {**more, "Resources": {"Topic": TOPIC}}
    assert judged(old, gone)["losses"] == ["would be removed; its deletion policy says that it holds data"]


PARAMETER_STORE = [{"Ref": "Days"}, {"Fn::Sub": "${Days}"}, "{{resolve:ssm:/shop/days}}"]


@pytest.mark.parametrize("value", PARAMETER_STORE, ids=str)
def test_what_aws_looks_up_and_lists_as_changed_is_a_change(value: Any) -> None:
    """Both templates write the same; only the change set says that the value is another one."""
    kind = "AWS::Logs::LogGroup"
    written = {"Resources": {"Logs": {"Type": kind, "Properties": {"RetentionInDays": value}}}}
    row = ResourceChange(
        "own", "Modify", "Logs", kind, "False", "",
        properties=(PropertyChange(("Properties", "RetentionInDays"), "365", "1"),), source=Source.CHANGE_SET,
    )  # fmt: skip
    sides = Side(written, {}), Side(written, {})
    assert [each.place for each in losses("own", *sides, [row], shown=True)] == ["own/Logs"]
    assert losses("own", *sides, [], shown=True) == ()


def machine(topology: str, size: int, **more: Any) -> Any:
    """An instance with an image of Parameter Store, beside a queue."""
    instance = {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": {"Ref": "ImageId"}, "SourceDestCheck": False}}
    queue = {**QUEUE, "Properties": {"DelaySeconds": size}}
    network = layer("network", {"Nat": instance, "Queue": queue})
    network.body["Parameters"] = {
        "ImageId": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": "/ami"}
    }
    return assembly(network, env=environment(topology, **more))


@pytest.mark.long
def test_an_image_of_parameter_store_is_asked_about_when_it_is_another_one(stage: Stage, topology: str) -> None:
    """Not with each other change of its layer: AWS's change set says whether it is the same."""
    stage.aws.settings.ssm["/ami"] = "ami-1"
    deploy_environment(machine(topology, 1), stage.session)
    plan = plan_environment(machine(topology, 2), stage.session)
    assert {each.place for each in plan.changes()} - {"root/Network"} == {"network/Queue"}
    assert plan.gated == ()
    tagged = plan_environment(machine(topology, 2, tags="{team: a}"), stage.session)
    assert tagged.gated == ()
    stage.aws.settings.ssm["/ami"] = "ami-2"
    assert [each.place for each in plan_environment(machine(topology, 2), stage.session).gated] == ["network/Nat"]


@pytest.mark.long
def test_without_protection_what_was_protected_is_interrupted_by_name_all_the_same(stage: Stage, topology: str) -> None:
    """One deployment that takes the protection away has the limit of the environment that is protected."""

    def shop(protect: str, **more: Any) -> Any:
        return assembly(layer("data", {"Jobs": QUEUE, **more}), env=environment(topology, protect=protect))

    port: dict[str, Any] = {"Port": 1, "VpcId": "vpc-1"}
    group = {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": port}
    moved = {**group, "Properties": {**port, "Port": 2}}
    deploy_environment(shop("true", Group=group), stage.session)
    place = "root/TerminationProtection" if topology == "nested" else "data/TerminationProtection"
    allowed = Options(allow_data_loss=frozenset({place}))
    with pytest.raises(Refused) as caught:
        deploy_environment(shop("false", Group=moved), stage.session, allowed)
    assert caught.value.hint == "if that is meant: --max-interruption outage"
    assert deploy_environment(shop("false", Group=group), stage.session, allowed).exit_code == 0
    assert deploy_environment(shop("false", Group=moved), stage.session).exit_code == 0
