"""What a region offers is looked at before anything is made: endpoint services by the account, features by table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench import Bench, at_work, environment
from fakeaws import FakeAws
from fakeaws.cloud import ExistingVpc

from infragen.assembly.stacks import make_plan
from infragen.assembly.synth import synthesize
from infragen.checks import Answer, Resource, Subject, Verdict
from infragen.checks.endpoint_services import CHECK
from infragen.engine.account_checks import run_checks, subject_of
from infragen.engine.observe import observe
from infragen.engine.preview import examine_all
from infragen.errors import InputError

NETWORK = "network: {nat: single, interface_endpoints: [logs, bedrock-runtime]}\n"


@pytest.fixture
def bench(aws: FakeAws, tmp_path: Path) -> Bench:
    """An environment with two interface endpoints, of which nothing is deployed."""
    return at_work(aws, environment(tmp_path, NETWORK))


def subject(bench: Bench) -> Subject:
    session, plan = bench.session, make_plan(synthesize(bench.env))
    observed = observe(session, bench.env)
    return subject_of(session, plan, observed.identity, examine_all(session, plan, observed))


def asked(bench: Bench, about: Subject | None = None) -> tuple[Answer, ...]:
    [found] = run_checks(bench.session, [CHECK], about or subject(bench), None)
    return found.answers


def test_services_that_are_offered_are_named_with_their_zones(bench: Bench) -> None:
    """The gateway endpoint has no subnets, the others are in the zones in use; one call asks for all."""
    told = {each.text for each in asked(bench)}
    assert told == {
        "s3: offered in us-east-1", "logs, bedrock-runtime: offered in us-east-1a, us-east-1b",
    }  # fmt: skip
    assert [call.operation for call in bench.aws.calls].count("DescribeVpcEndpointServices") == 1


def test_a_service_that_the_region_lacks_is_wrong(bench: Bench) -> None:
    """As bedrock-runtime in a region that has no Bedrock; the others are asked all the same."""
    bench.aws.settings.endpoint_services["bedrock-runtime"] = None
    wrong = [each for each in asked(bench) if each.verdict is Verdict.WRONG]
    assert [each.text for each in wrong] == [
        "there is no endpoint service com.amazonaws.us-east-1.bedrock-runtime in us-east-1"
    ]
    assert "remove the endpoint of bedrock-runtime; `aws ec2 describe-vpc-endpoint-services" in wrong[0].hint
    assert wrong[0].stops
    assert wrong[0].input


@pytest.mark.long
def test_plan_shows_it_and_deploy_refuses_before_anything_is_made(bench: Bench) -> None:
    """Through the gate of a deployment, with the way around it in the hint."""
    bench.bootstrap()
    bench.aws.settings.endpoint_services["bedrock-runtime"] = None
    made = synthesize(bench.env)
    assert [each.check for each in bench.plan(made).checks if each.verdict is Verdict.WRONG] == ["endpoint-services"]
    bench.aws.calls.clear()
    with pytest.raises(InputError, match="no endpoint service") as refused:
        bench.deploy(made)
    assert "--skip-check endpoint-services" in refused.value.hint
    assert bench.aws.mutations() == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("letters", "verdict", "says"),
    [
        ("bc", Verdict.WRONG, "is offered in us-east-1b, us-east-1c; the endpoint has subnets in us-east-1a"),
        ("ab", Verdict.OK, "bedrock-runtime: offered in us-east-1a, us-east-1b"),
        ("", Verdict.UNKNOWN, "AWS does not say in which zones it is offered"),
    ],
)
def test_the_zones_of_the_subnets_must_be_among_those_of_the_service(
    bench: Bench, letters: str, verdict: Verdict, says: str
) -> None:
    """Without a list of zones it is unknown, never a yes."""
    bench.aws.settings.endpoint_services["bedrock-runtime"] = letters
    [found] = [each for each in asked(bench) if "bedrock-runtime" in each.text]
    assert found.verdict is verdict
    assert says in found.text


def test_an_answer_without_aws_own_services_is_no_answer(bench: Bench) -> None:
    """An empty list, as an endpoint of one's own may send it: unknown for each, never a yes."""
    bench.aws.settings.endpoint_services = dict.fromkeys(("s3", "logs", "bedrock-runtime"))
    answers = asked(bench)
    assert {each.verdict for each in answers} == {Verdict.UNKNOWN}
    assert len(answers) == 3


def endpoint(**properties: Any) -> Resource:
    """An endpoint of a layer of one's own."""
    written = {"ServiceName": "com.amazonaws.us-east-1.logs", "VpcEndpointType": "Interface", **properties}
    return Resource("own", "Endpoint", "AWS::EC2::VPCEndpoint", written, "Add")


@pytest.mark.parametrize(
    ("properties", "verdict", "says"),
    [
        ({"SubnetIds": ["subnet-1", "subnet-2"]}, Verdict.OK, "logs: offered in us-east-1a, us-east-1b"),
        ({"SubnetIds": ["subnet-1", "subnet-9"]}, Verdict.UNKNOWN, "the zones of own/Endpoint are not known"),
        ({"SubnetIds": {"Ref": "PrivateSubnetIds"}}, Verdict.UNKNOWN, "the zones of own/Endpoint are not known"),
        ({"SubnetIds": [{"Ref": "Mine"}]}, Verdict.OK, "logs: offered in us-east-1c"),
        ({"SubnetIds": [{"Ref": "Other"}]}, Verdict.UNKNOWN, "the zones of own/Endpoint are not known"),
        ({"VpcEndpointType": "Gateway"}, Verdict.WRONG, "logs is offered as Interface, not as Gateway"),
        ({"ServiceName": {"Ref": "Name"}}, Verdict.UNKNOWN, "own/Endpoint: its service is not known"),
        ({"ServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-1"}, Verdict.UNKNOWN, "is not a service of AWS's own"),
    ],
)  # fmt: skip
def test_an_endpoint_of_a_layer_of_ones_own(
    bench: Bench, properties: Mapping[str, Any], verdict: Verdict, says: str
) -> None:
    """Subnets by id and of the same template are looked up; what only the deployment will know is unknown."""
    bench.aws.settings.vpcs["vpc-1"] = ExistingVpc(
        subnets={"subnet-1": ("us-east-1a", 200), "subnet-2": ("us-east-1b", 200)}
    )
    mine = Resource("own", "Mine", "AWS::EC2::Subnet", {"AvailabilityZone": "us-east-1c"}, "Add")
    about = replace(subject(bench), resources=(endpoint(**properties), mine))
    [found] = asked(bench, about)
    assert found.verdict is verdict
    assert says in found.text
