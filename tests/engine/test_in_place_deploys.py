"""What a change in place loses stops a deployment, and is allowed by name."""

from typing import Any

import pytest
from stage import Stage, assembly, environment, layer

from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.options import Options
from infragen.errors import Refused

QUEUE, CACHE, CUSTOM = "AWS::SQS::Queue", "AWS::MemoryDB::Cluster", "Custom::Store"


def queue(topology: str, **properties: Any) -> Any:
    return assembly(layer("queue", {"Queue": {"Type": QUEUE, "Properties": properties}}), env=environment(topology))


@pytest.mark.long
def test_a_loss_in_place_stops_a_deployment_and_is_allowed_by_name(stage: Stage, topology: str) -> None:
    """--yes is not enough; the refusal names the flag, and with it the deployment runs."""
    deploy_environment(queue(topology, MessageRetentionPeriod=1209600), stage.session)
    shorter = queue(topology, MessageRetentionPeriod=345600)
    stage.aws.calls.clear()
    with pytest.raises(Refused) as caught:
        deploy_environment(shorter, stage.session)
    assert "queue/Queue (AWS::SQS::Queue) MessageRetentionPeriod would fall from 14 to 4" in caught.value.message
    assert caught.value.hint == "if that is meant: --allow-data-loss queue/Queue"
    assert "cloudformation:ExecuteChangeSet" not in stage.aws.mutations()
    [refusal] = plan_environment(shorter, stage.session).refusals
    assert refusal.place == "queue/Queue"
    allowed = Options(allow_data_loss=frozenset({"queue/Queue"}))
    assert deploy_environment(shorter, stage.session, allowed).exit_code == 0


@pytest.mark.long
@pytest.mark.parametrize("kind", [CACHE, "AWS::Route53::HostedZone", CUSTOM])
def test_the_removal_of_an_unknown_type_stops_a_deployment(stage: Stage, topology: str, kind: str) -> None:
    """What has no row in the table of types holds data, as far as anybody knows."""
    token = {"ServiceToken": "arn:aws:sns:us-east-1:111111111111:a"} if kind.startswith("Custom") else {}
    keeper = {"Topic": {"Type": "AWS::SNS::Topic"}}
    full = {**keeper, "It": {"Type": kind, "Properties": {"Name": "example.com", **token}}}
    deploy_environment(assembly(layer("own", full), env=environment(topology)), stage.session)
    without = assembly(layer("own", keeper), env=environment(topology))
    [refusal] = plan_environment(without, stage.session).refusals
    assert refusal.place == "own/It"
    assert refusal.why.startswith("would be removed")
    assert ("infragen does not know" in refusal.why or "says that it holds data" in refusal.why) is (
        kind[:8] != "AWS::Rou"
    )
    with pytest.raises(Refused):
        deploy_environment(without, stage.session)
