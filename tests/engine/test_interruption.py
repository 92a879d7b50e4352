"""What a plan does to the running service, and what a deployment is refused for it."""

import pytest
from update_requires import NOT_INTERRUPTED, SOME_INTERRUPTIONS

from infragen.changes.comparison import LayerSides, compare
from infragen.changes.diff import Side
from infragen.cloud.cloudformation import PropertyChange, ResourceChange
from infragen.gates.interruption import PlannedInterruption, beyond, interruptions, summary, upgrade
from infragen.resource_types import resource_types
from infragen.resource_types.interruption import LEVELS

VPC, GROUP, CLUSTER = "AWS::EC2::VPC", "AWS::ElasticLoadBalancingV2::TargetGroup", "AWS::RDS::DBCluster"
QUEUE, SERVICE, RULE, ACL = "AWS::SQS::Queue", "AWS::ECS::Service", "AWS::Events::Rule", "AWS::WAFv2::WebACL"
TARGET, FUNCTION = "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::Lambda::Function"
SG, LISTENER = "AWS::EC2::SecurityGroup", "AWS::ElasticLoadBalancingV2::Listener"
RULE_OF_IT, SCALING = "AWS::ElasticLoadBalancingV2::ListenerRule", "ServerlessV2ScalingConfiguration"
TIMES, INGRESS = "ScheduledActions", "SecurityGroupIngress"
FORWARD, FIXED = {"Type": "forward", "TargetGroupArn": "a"}, {"Type": "fixed-response"}
NIGHT = {"Schedule": "cron(0 20 * * ? *)", "ScheduledActionName": "night", "ScalableTargetAction": {"MinCapacity": 0}}
ONE = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "203.0.113.0/24"}
ALL = {**ONE, "CidrIp": "0.0.0.0/0"}


def level(kind: str, action: str = "Modify", replacement: str = "False", *properties: str) -> str:
    """The judgement of one row of a stack that exists."""
    changes = tuple(PropertyChange(("Properties", each), 1, 2) for each in properties)
    row = ResourceChange("own", action, "It", kind, replacement, properties=changes)
    side = Side({"Resources": {"It": {"Type": kind}}}, {})
    [found] = interruptions([row], side, side)
    return found.level


@pytest.mark.parametrize(
    "kind", ["AWS::MemoryDB::Cluster", "Custom::Store", "Acme::Store::Table", "AWS::DynamoDB::Table"]
)
def test_of_an_unknown_type_everything_but_its_tags_is_an_outage(kind: str) -> None:
    """A type that has no row, or whose page nobody has read: changed, replaced and removed alike."""
    assert level(kind, "Modify", "False", "NumShards") == "outage"
    assert level(kind, "Modify", "False") == "outage"  # AWS does not say what changes
    assert level(kind, "Modify", "True", "Name") == "outage"
    assert level(kind, "Remove", "") == "outage"
    assert level(kind, "Modify", "False", "Tags") == "none"
    assert level(kind, "Add", "") == "none"


@pytest.mark.parametrize("action", ["Dynamic", "", "Obliterate"])
def test_a_word_of_awss_that_nobody_knows_is_an_outage(action: str) -> None:
    """Also of a type that interrupts nothing."""
    assert level("AWS::CloudWatch::Alarm", action, "") == "outage"


@pytest.mark.parametrize(
    ("kind", "replacement", "names", "expected"),
    [
        (VPC, "True", ("CidrBlock",), "impossible"),
        (VPC, "Conditional", ("CidrBlock",), "outage"),
        (VPC, "False", ("EnableDnsSupport",), "none"),
        ("AWS::EC2::Subnet", "True", ("CidrBlock",), "impossible"),
        (GROUP, "True", ("Port",), "outage"),
        ("AWS::ECS::TaskDefinition", "True", ("Cpu",), "none"),
        ("AWS::EC2::Route", "False", ("NatGatewayId",), "brief"),
        ("AWS::EC2::Instance", "False", ("InstanceType",), "outage"),
        ("AWS::RDS::DBInstance", "False", ("DBInstanceClass",), "brief"),
        ("AWS::Lambda::EventSourceMapping", "False", ("Enabled",), "outage"),
        ("AWS::CloudWatch::Alarm", "True", ("AlarmName",), "none"),
    ],
)
def test_a_change_of_a_known_type(kind: str, replacement: str, names: tuple[str, ...], expected: str) -> None:
    """By what AWS's page says of the property, and by what stands on the resource."""
    assert level(kind, "Modify", replacement, *names) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("17.6", "17.7", "brief"), ("17.7", "17.6", "impossible"), ("17.10", "17.9", "impossible"),
        ("17.9", "17.10", "brief"), ("16.8", "17.7", "outage"), ("17.7", "16.8", "impossible"),
        ({"Ref": "Version"}, "17.7", "outage"), ("17.7", "latest", "outage"), (None, "17.7", "outage"),
    ],
)  # fmt: skip
def test_an_engine_version_goes_up_only(before: object, after: object, expected: str) -> None:
    """Numbers count as numbers; what cannot be compared is an outage."""
    assert upgrade(before, after).level == expected


def test_every_type_that_a_layer_renders_is_judged() -> None:
    """The rows that say nothing of interruptions are those of types that no layer creates."""
    silent = {each.name for each in resource_types() if not each.interruptions.known}
    assert not silent & {VPC, GROUP, CLUSTER, QUEUE, "AWS::ECS::Service", "AWS::Lambda::Function", "AWS::S3::Bucket"}


def test_what_is_worse_than_allowed_and_what_is_impossible_are_beyond() -> None:
    """The impossible always, whatever is allowed."""
    found = [PlannedInterruption(f"own/{each}", each, "") for each in LEVELS]
    levels = {most: [each.level for each in beyond(found, most)] for most in LEVELS}
    assert levels == {
        "none": ["brief", "outage", "impossible"],
        "brief": ["outage", "impossible"],
        "outage": ["impossible"],
        "impossible": ["impossible"],
    }
    assert str(found[2]) == "outage: own/outage: "


def test_the_summary_is_the_worst_level_and_how_many_rows_have_it() -> None:
    """`none` when nothing is interrupted."""
    rows = {each: PlannedInterruption("own/It", each, "") for each in LEVELS}
    assert summary([]) == summary([rows["none"]]) == "none"
    assert summary([rows["brief"], rows["outage"], rows["none"]]) == "outage (1 resource)"
    assert summary([rows["brief"], rows["brief"]]) == "brief (2 resources)"


def test_each_row_has_its_judgement_and_of_a_new_stack_nothing_is_interrupted() -> None:
    """In the order of the rows; a nested stack's own rows tell what it does; a replaced VPC says why it cannot be."""
    rows = [
        ResourceChange(
            "own", "Modify", "Vpc", VPC, "True", properties=(PropertyChange(("Properties", "CidrBlock"), 1, 2),)
        ),
        ResourceChange("own", "Modify", "Layer", "AWS::CloudFormation::Stack", "Conditional"),
        ResourceChange("own", "Modify", "Gone", "AWS::CloudFormation::Stack", "True"),
        ResourceChange("own", "Remove", "Queue", QUEUE, ""),
    ]
    side = Side({"Resources": {"Vpc": {"Type": VPC}}}, {})
    found = interruptions(rows, side, side)
    assert [(each.place, each.level) for each in found] == [
        ("own/Vpc", "impossible"), ("own/Layer", "none"), ("own/Gone", "outage"), ("own/Queue", "outage"),
    ]  # fmt: skip
    assert "create a new environment" in found[0].what
    assert {each.level for each in interruptions(rows, Side({}, {}), side)} == {"none"}


def test_another_type_under_one_logical_id_is_impossible() -> None:
    """AWS refuses the change set; where nobody asked AWS, or an emulator goes on, the plan does."""
    for kind, other in ((QUEUE, "AWS::SNS::Topic"), ("AWS::SNS::Topic", "Custom::Topic"), (VPC, QUEUE)):
        old, new = (Side({"Resources": {"It": {"Type": each}}}, {}) for each in (kind, other))
        for replacement in ("True", "Conditional", "False"):
            [found] = interruptions([ResourceChange("own", "Modify", "It", other, replacement)], old, new)
            assert found.level == "impossible"
            assert f"({kind} -> {other})" in found.what


def test_an_engine_version_is_read_from_both_templates() -> None:
    """The way back is impossible, of an instance too; a version of another type is no engine's."""
    change = PropertyChange(("Properties", "EngineVersion"), "a", "b")
    for kind, expected in ((CLUSTER, "impossible"), ("AWS::RDS::DBInstance", "impossible"), (QUEUE, "none")):
        row = ResourceChange("own", "Modify", "It", kind, "False", properties=(change,))
        old, new = (
            Side({"Resources": {"It": {"Type": kind, "Properties": {"EngineVersion": each}}}}, {})
            for each in ("17.7", "17.6")
        )
        [found] = interruptions([row], old, new)
        assert found.level == expected
    assert upgrade("17.7", "17.6").what.startswith("RDS has no way back from engine version 17.7 to 17.6")
    assert "10-30 min" in upgrade("16.8", "17.7").what
    assert "a minor upgrade from 17.6 to 17.7" in upgrade("17.6", "17.7").what
    assert upgrade("17", "17.1").level == "brief"


def test_of_what_may_be_replaced_the_worse_counts_and_a_possible_impossibility_is_an_outage() -> None:
    """AWS says Conditional before it knows."""
    assert level(GROUP, "Modify", "Conditional", "HealthCheckPath") == "outage"
    assert level("AWS::Route53::RecordSet", "Modify", "False", "TTL") == "brief"
    assert level("AWS::Route53::RecordSet", "Modify", "False", "Tags") == "none"
    assert level("AWS::CloudWatch::Alarm", "SyncWithActual", "False", "Threshold") == "none"
    assert level("AWS::MemoryDB::Cluster", "Import", "") == "none"


@pytest.mark.parametrize(("kind", "name"), [(a, b) for a, names in SOME_INTERRUPTIONS.items() for b in names.split()])
def test_what_awss_pages_say_of_some_interruptions_is_in_the_rows(kind: str, name: str) -> None:
    """Property by property; each exception has its reason."""
    interrupts = level(kind, "Modify", "False", name) != "none"
    assert interrupts is ((kind, name) not in NOT_INTERRUPTED)


NOTHING_RUNS: dict[str, tuple[str, dict[str, object], dict[str, object], str]] = {
    "no task": (SERVICE, {"DesiredCount": 2}, {"DesiredCount": 0}, "outage"),
    "no task, as a text": (SERVICE, {"DesiredCount": 2}, {"DesiredCount": "0"}, "outage"),
    "a number that nobody knows": (SERVICE, {"DesiredCount": 2}, {"DesiredCount": {"Ref": "N"}}, "outage"),
    "fewer tasks": (SERVICE, {"DesiredCount": 2}, {"DesiredCount": 1}, "none"),
    "stopped before the new ones": (SERVICE, {}, {"DeploymentConfiguration": {"MinimumHealthyPercent": 0}}, "outage"),
    "rolled": (SERVICE, {}, {"DeploymentConfiguration": {"MaximumPercent": 150}}, "none"),
    "least is nothing": (TARGET, {"MinCapacity": 1}, {"MinCapacity": 0}, "outage"),
    "most is nothing": (TARGET, {"MaxCapacity": 1}, {"MaxCapacity": 0}, "outage"),
    "least is more": (TARGET, {"MinCapacity": 0}, {"MinCapacity": 1}, "none"),
    "nothing at night": (TARGET, {}, {"ScheduledActions": [NIGHT]}, "outage"),
    "nothing at noon": (TARGET, {TIMES: [NIGHT]}, {TIMES: [NIGHT | {"Schedule": "n"}]}, "outage"),
    "its name": (TARGET, {TIMES: [NIGHT]}, {TIMES: [NIGHT | {"ScheduledActionName": "n"}]}, "none"),
    "less at night": (TARGET, {}, {"ScheduledActions": [NIGHT | {"ScalableTargetAction": {"MinCapacity": 1}}]}, "none"),
    "odd at night": (TARGET, {}, {"ScheduledActions": {"Ref": "Actions"}}, "outage"),
    "never started": (FUNCTION, {}, {"ReservedConcurrentExecutions": 0}, "outage"),
    "started less often": (FUNCTION, {}, {"ReservedConcurrentExecutions": 5}, "none"),
    "no names": (VPC, {"EnableDnsSupport": True}, {"EnableDnsSupport": False}, "outage"),
    "no private names": (VPC, {"EnableDnsHostnames": True}, {"EnableDnsHostnames": "false"}, "outage"),
    "names": (VPC, {"EnableDnsHostnames": False}, {"EnableDnsHostnames": True}, "none"),
    "somebody is shut out": (SG, {"SecurityGroupIngress": [ALL, ONE]}, {"SecurityGroupIngress": [ONE]}, "outage"),
    "everybody is shut out": (SG, {"SecurityGroupIngress": [ALL]}, {}, "outage"),
    "a rule more": (SG, {"SecurityGroupIngress": [ONE]}, {"SecurityGroupIngress": [ALL, ONE]}, "none"),
    "other words": (SG, {INGRESS: [ONE]}, {INGRESS: [ONE | {"Description": "d"}]}, "none"),
    "the first rule out": (SG, {}, {"SecurityGroupEgress": [ONE]}, "outage"),
    "the load balancer answers": (LISTENER, {"DefaultActions": [FORWARD]}, {"DefaultActions": [FIXED]}, "outage"),
    "another target": (LISTENER, {"DefaultActions": [FORWARD]}, {"DefaultActions": [FORWARD | {"Order": 1}]}, "none"),
    "a rule of it answers": (RULE_OF_IT, {"Actions": [FORWARD]}, {"Actions": [FIXED]}, "outage"),
    "another check": (GROUP, {"HealthCheckPath": "/a"}, {"HealthCheckPath": "/b"}, "brief"),
    "everything is blocked": (ACL, {"DefaultAction": {"Allow": {}}}, {"DefaultAction": {"Block": {}}}, "outage"),
    "everything is allowed": (ACL, {"DefaultAction": {"Block": {}}}, {"DefaultAction": {"Allow": {}}}, "none"),
    "a target less": (RULE, {"Targets": [{"Id": "a"}, {"Id": "b"}]}, {"Targets": [{"Id": "b"}]}, "outage"),
    "a target's input": (RULE, {"Targets": [{"Id": "a"}]}, {"Targets": [{"Id": "a", "Input": "{}"}]}, "none"),
    "a database that pauses": (CLUSTER, {SCALING: {"MinCapacity": 1}}, {SCALING: {"MinCapacity": 0.0}}, "brief"),
    "one that pauses later": (CLUSTER, {SCALING: {"MinCapacity": 0}}, {SCALING: {"MinCapacity": 0, "A": 1}}, "none"),
    "one that does not": (CLUSTER, {}, {SCALING: {"MinCapacity": 0.5}}, "none"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTHING_RUNS)
def test_a_value_that_stops_the_service_interrupts_it_although_aws_says_no_interruption(name: str) -> None:
    """AWS's words say that the resource continues, not that it still does its work."""
    kind, before, after, expected = NOTHING_RUNS[name]
    old, new = (Side({"Resources": {"It": {"Type": kind, "Properties": each}}}, {}) for each in (before, after))
    rows = compare(LayerSides("own", old, new, "us-east-1")).rows
    [found] = interruptions(rows, old, new)
    assert found.level == expected


def changed(kind: str, replacement: str, *paths: tuple[str, ...]) -> str:
    """The judgement of a row whose changes are at these paths."""
    properties = tuple(PropertyChange(path, 1, 2) for path in paths)
    row = ResourceChange("own", "Modify", "It", kind, replacement, properties=properties)
    side = Side({"Resources": {"It": {"Type": kind}}}, {})
    [found] = interruptions([row], side, side)
    return found.level


def test_only_properties_interrupt_and_all_of_them_when_nobody_says_which() -> None:
    """What changes beside the properties of a known type is nothing to the service; of an unknown one, all together."""
    instance, unknown = "AWS::EC2::Instance", "AWS::MemoryDB::Cluster"
    assert changed(instance, "False", ("Metadata", "UserData")) == "none"
    assert changed(instance, "False", ("UserData",)) == "none"
    assert changed(instance, "False", ("Properties",)) == "none"
    assert changed(instance, "False", ("Properties", "UserData", "Fn::Base64")) == "outage"
    assert changed(unknown, "False", ("Metadata", "Odd")) == "none"
    assert changed(unknown, "False", ("Properties", "Tags", "0"), ("Properties",)) == "outage"
    assert changed(unknown, "False", ("Properties", "TagsAll")) == "none"
    assert changed("AWS::Scheduler::Schedule", "True", ("Properties", "State")) == "none"
    assert level("AWS::CloudWatch::Alarm", "Remove", "") == "none"
    assert upgrade("17.6", "17.06").level == "brief"
