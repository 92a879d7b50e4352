"""What a plan does to the running service, and what a deployment is refused for it."""

from typing import Any

import pytest
from stage import Stage, assembly, environment, layer

from infragen.changes.diff import Side
from infragen.cloudformation import PropertyChange, ResourceChange
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.options import Options
from infragen.errors import Refused
from infragen.gates.interruption import interruptions, upgrade
from infragen.report.plan import plan_lines
from infragen.report.plan_document import document
from infragen.report.plan_html import as_html
from infragen.report.plan_markdown import as_markdown
from infragen.resource_types import resource_types

VPC, GROUP, CLUSTER = "AWS::EC2::VPC", "AWS::ElasticLoadBalancingV2::TargetGroup", "AWS::RDS::DBCluster"
QUEUE = "AWS::SQS::Queue"


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


def network(topology: str, cidr: str, **more: Any) -> Any:
    vpc = {"Type": VPC, "Properties": {"CidrBlock": cidr}}
    return assembly(layer("network", {"Vpc": vpc}), env=environment(topology, **more))


@pytest.mark.parametrize("protect", ["true", "false"])
def test_what_cannot_be_done_in_place_is_refused_whatever_is_allowed(stage: Stage, topology: str, protect: str) -> None:
    """Another range of the VPC, in any environment and with every flag: nothing is changed."""
    deploy_environment(network(topology, "10.0.0.0/16", protect=protect), stage.session)
    moved = network(topology, "10.1.0.0/16", protect=protect)
    everything = Options(
        allow_data_loss=frozenset({"network/Vpc"}), allow_widening=frozenset({"network/Vpc"}),
        require_approval="never", allow_cost=1e9, max_interruption="outage",
    )  # fmt: skip
    stage.aws.calls.clear()
    with pytest.raises(Refused) as caught:
        deploy_environment(moved, stage.session, everything)
    assert "this cannot be done in place:\n  network/Vpc: cannot be done in place" in caught.value.message
    assert "create a new environment" in caught.value.message
    assert "cloudformation:ExecuteChangeSet" not in stage.aws.mutations()


def test_an_outage_is_refused_in_a_protected_environment_and_shown_everywhere(stage: Stage, topology: str) -> None:
    """--yes is not enough; --max-interruption outage is. Text, JSON, Markdown and HTML say what is interrupted."""

    def api(port: int) -> Any:
        group = {"Type": GROUP, "Properties": {"Port": port, "Protocol": "HTTP", "VpcId": "vpc-1"}}
        return assembly(layer("api", {"Group": group}), env=environment(topology, protect="true"))

    deploy_environment(api(3000), stage.session)
    plan = plan_environment(api(8080), stage.session)
    told = "api/Group: requests are answered with 503 until tasks are healthy in the new one, 3 to 10 minutes"
    assert f"  outage: {told}" in [line.plain for line in plan_lines(plan, 200)]
    assert told in as_markdown(plan)
    assert told in as_html([plan], {})
    found: Any = document(plan)
    [stack] = [each for each in found["plans"][0]["stacks"] if each["layer"] == "api"]
    assert stack["changes"][0]["interruption"] == {"level": "outage", "what": told.partition(": ")[2]}
    with pytest.raises(Refused) as caught:
        deploy_environment(api(8080), stage.session)
    assert f"this would interrupt the running service:\n  outage: {told}" in caught.value.message
    assert caught.value.hint == "if that is meant: --max-interruption outage"
    allowed = Options(max_interruption="outage")
    assert deploy_environment(api(8080), stage.session, allowed).exit_code == 0
