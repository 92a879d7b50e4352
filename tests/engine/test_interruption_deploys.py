"""What a deployment is refused for the interruption that it means, and in which words."""

from typing import Any

import pytest
from stage import Stage, assembly, environment, layer

from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.options import Options
from infragen.errors import Refused
from infragen.report.plan import plan_lines
from infragen.report.plan_document import document
from infragen.report.plan_html import as_html
from infragen.report.plan_markdown import as_markdown

VPC, GROUP = "AWS::EC2::VPC", "AWS::ElasticLoadBalancingV2::TargetGroup"


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
