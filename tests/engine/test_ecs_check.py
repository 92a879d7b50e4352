"""R2: CloudFormation says complete, and ECS runs the old task definition; in both topologies."""

import re
from typing import Any

import pytest
from fakeaws import FakeAws
from stage import TOPIC, Stage, assembly, environment, layer

from infragen.assembly.synth import Assembly
from infragen.engine.deploy import deploy_environment
from infragen.engine.outcome import Failed, Outcome
from infragen.engine.progress import Warned
from infragen.engine.run import Deployment

OLD = "arn:aws:ecs:us-east-1:111111111111:task-definition/shop-api:41"


def app(topology: str, image: str = "v1", task: Any = None) -> Assembly:
    """A service, and a layer that needs it."""
    definition = {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {"Family": "shop-api", "ContainerDefinitions": [{"Name": "api", "Image": image}]},
    }
    service = {
        "Type": "AWS::ECS::Service",
        "Properties": {"TaskDefinition": task or {"Ref": "Task"}, "Cluster": "shop"},
    }
    alarm = {**TOPIC, "Properties": {"DisplayName": {"Ref": "Name"}}}
    return assembly(
        layer("api", {"Task": definition, "Service": service}, {"Name": {"Fn::GetAtt": ["Service", "Name"]}}),
        layer("after", {"Alarm": alarm}, takes=[("api", "Name")]),
        env=environment(topology),
    )


def first(result: Deployment) -> Outcome:
    return result.outcomes[0]


def texts(failed: Failed, kind: str) -> list[str]:
    """What is told of one kind; names of task definitions are random in the fake."""
    return [re.sub(r" \(\S+\)$", "", each.text) for each in failed.evidence if each.kind == kind]


def ecs_calls(aws: FakeAws) -> list[str]:
    return [call.operation for call in aws.calls if call.service == "ecs"]


@pytest.mark.long
def test_r2_a_service_that_was_rolled_back_behind_a_complete_stack_is_a_failure(stage: Stage, topology: str) -> None:
    """R2: exit code 1 with both task definitions, ECS's reason and the next command; dependants are not deployed."""
    assert deploy_environment(app(topology), stage.session).exit_code == 0
    stage.aws.settings.ecs_running["Service"] = OLD
    stage.aws.settings.ecs_events["Service"] = ["(service api) rolling back to deployment ecs-svc/7."]
    stage.aws.settings.stopped_tasks["Service"] = "Essential container in task exited"
    result = deploy_environment(app(topology, "v2"), stage.session)
    assert result.exit_code == 1
    failed = first(result)
    assert isinstance(failed, Failed)
    assert failed.status == "UPDATE_COMPLETE"
    assert "the ECS service api/Service runs shop-api:41 and not " in failed.message
    assert texts(failed, "task") == ["a task stopped: Essential container in task exited"]
    assert texts(failed, "event") == ["(service api) rolling back to deployment ecs-svc/7."]
    assert "update-service" not in failed.hint
    assert topology == "nested" or type(result.outcomes[1]).__name__ == "Skipped"


def test_r2_running_it_again_does_not_call_it_unchanged(stage: Stage, topology: str) -> None:
    """R2: the second run finds nothing to change, and still says what ECS runs; once ECS agrees it is unchanged."""
    assert deploy_environment(app(topology), stage.session).exit_code == 0
    stage.aws.settings.ecs_running["Service"] = OLD
    assert deploy_environment(app(topology), stage.session).exit_code == 1
    stage.aws.settings.ecs_running.clear()
    assert deploy_environment(app(topology), stage.session).exit_code == 0


def test_r2_what_ecs_runs_may_be_secret_from_us(stage: Stage, topology: str) -> None:
    """R2: without ecs:DescribeServices one warning, and the deployment counts by what CloudFormation says."""
    stage.aws.settings.ecs_running["Service"] = OLD
    stage.aws.refuse("ecs:DescribeServices", "AccessDeniedException", "not authorized", times=None)
    assert deploy_environment(app(topology), stage.session).exit_code == 0
    assert len([each for each in stage.ui.of(Warned) if "whether ECS runs what" in each.text]) == 1


def test_r2_the_reason_may_be_secret_from_us(stage: Stage, topology: str) -> None:
    """R2: without ecs:ListTasks the failure is told all the same, without ECS's words."""
    stage.aws.settings.ecs_running["Service"] = OLD
    stage.aws.refuse("ecs:ListTasks", "AccessDeniedException", "not authorized", times=None)
    failed = first(deploy_environment(app(topology), stage.session))
    assert isinstance(failed, Failed)
    assert "runs shop-api:41" in failed.message


@pytest.mark.long
def test_r2_only_services_with_a_task_definition_of_their_stack_are_asked_for(stage: Stage, topology: str) -> None:
    """R2: one call for each; none where the template names a task definition that is not its own, or has no service."""
    assert deploy_environment(app(topology), stage.session).exit_code == 0
    assert ecs_calls(stage.aws) == ["DescribeServices"]
    stage.aws.calls.clear()
    assert deploy_environment(app(topology, task="shop-api"), stage.session).exit_code == 0
    assert ecs_calls(stage.aws) == []
