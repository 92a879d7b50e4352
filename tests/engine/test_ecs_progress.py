"""An ECS service that does not become stable says why, while CloudFormation waits for it."""

import pytest
from stage import Stage, assembly, environment, layer

from infragen.assembly.synth import Assembly
from infragen.engine.deploy import deploy_environment
from infragen.engine.progress import Noticed

DEFINITION = "arn:aws:ecs:us-east-1:111111111111:task-definition/"


def app(topology: str, task: str = f"{DEFINITION}app:1") -> Assembly:
    service = {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": task, "Cluster": "shop"}}
    return assembly(layer("api", {"Service": service}), env=environment(topology))


WAITED = "not stable yet; the circuit breaker stops it after several failed tasks"


def said(stage: Stage) -> list[tuple[str, str, str]]:
    return [(each.layer, each.logical_id, each.text) for each in stage.ui.of(Noticed)]


def test_a_service_that_takes_long_says_why_once(stage: Stage, topology: str) -> None:
    """R1: after a minute why its tasks stopped and its events, each told once; then what can be done."""
    stage.aws.slow("Service", 90)
    stage.aws.settings.ecs_events["Service"] = ["unable to place a task", "has started 1 tasks"]
    stage.aws.settings.stopped_tasks["Service"] = "Essential container in task exited"
    stage.aws.settings.stopped_containers["Service"] = [
        {"name": "app", "exitCode": 1},
        {"name": "collector", "reason": "CannotPullContainerError: no such image"},
        {"name": "quiet"},
    ]
    assert deploy_environment(app(topology), stage.session).exit_code == 0
    stopped = "a task stopped: Essential container in task exited; app: exit code 1; "
    assert said(stage) == [
        ("api", "Service", f"{stopped}collector: CannotPullContainerError: no such image (app:1)"),
        ("api", "Service", "unable to place a task"),
        ("api", "Service", "has started 1 tasks"),
        ("api", "Service", f"{WAITED}; a creation cannot be cancelled"),
    ]


@pytest.mark.long
def test_an_update_that_takes_long_can_be_cancelled_and_old_events_are_no_news(stage: Stage, topology: str) -> None:
    """R1: ECS keeps a hundred events of any age; those of this update count. It is asked once a minute."""
    assert deploy_environment(app(topology), stage.session).exit_code == 0
    stage.aws.slow("Service", 380, on="update")
    stage.aws.settings.ecs_history["Service"] = ["has reached a steady state"]
    stage.aws.settings.ecs_events["Service"] = ["unable to place a task"]
    assert deploy_environment(app(topology, f"{DEFINITION}app:2"), stage.session).exit_code == 0
    texts = [text for _, _, text in said(stage)]
    assert texts[0] == "unable to place a task"
    assert texts[1].endswith("`infragen cancel` rolls the update back now")
    assert len(texts) == 2
    asked = [each for each in stage.aws.calls if each.operation == "ListTasks"]
    assert len(asked) == 6


def test_a_service_that_fails_says_why_at_once(stage: Stage, topology: str) -> None:
    """R1: "circuit breaker was triggered" is no reason; why its tasks stopped is."""
    stage.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", after=20)
    stage.aws.settings.stopped_tasks["Service"] = "Essential container in task exited"
    assert deploy_environment(app(topology), stage.session).exit_code == 1
    assert said(stage) == [("api", "Service", "a task stopped: Essential container in task exited (app:1)")]


def test_a_service_that_is_quick_is_not_asked_for(stage: Stage, topology: str) -> None:
    """No call, no noise."""
    stage.aws.slow("Service", 50)
    stage.aws.settings.ecs_events["Service"] = ["has started 1 tasks"]
    deploy_environment(app(topology), stage.session)
    assert stage.ui.of(Noticed) == []
    assert not [call for call in stage.aws.calls if call.service == "ecs"]


@pytest.mark.long
def test_without_the_permission_it_is_said_once(stage: Stage, topology: str) -> None:
    """A11: the deployment goes on, and the other questions are asked all the same."""
    stage.aws.slow("Service", 380)
    stage.aws.settings.ecs_events["Service"] = ["unable to place a task"]
    stage.aws.refuse("ecs:ListTasks", "AccessDeniedException", "not authorized", times=None)
    assert deploy_environment(app(topology), stage.session).exit_code == 0
    texts = [text for _, _, text in said(stage)]
    assert [each for each in texts if "cannot be read" in each and "ecs:ListTasks" in each] == texts[1:2]
    assert texts[0] == "unable to place a task"
