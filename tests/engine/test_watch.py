"""An ECS service that does not become stable says why, while CloudFormation waits for it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from fakeaws import FakeAws
from stage import Stage, assembly, environment, layer, on_fake, with_bucket

from infragen.engine.deploy import deploy_environment
from infragen.engine.progress import Noticed, Warned
from infragen.errors import CloudError
from infragen.synth import Assembly


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with FakeAws() as fake:
        yield fake
        fake.check()


@pytest.fixture(params=["nested", "independent"])
def topology(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(aws: FakeAws, monkeypatch: pytest.MonkeyPatch, topology: str) -> Stage:
    return with_bucket(on_fake(aws, monkeypatch), environment(topology))


def app(topology: str) -> Assembly:
    service = {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": "app:1", "Cluster": "shop"}}
    return assembly(layer("api", {"Service": service}), env=environment(topology))


def test_a_service_that_takes_long_says_why_once(stage: Stage, topology: str) -> None:
    """R1: its events and the reason its tasks stopped, each told once, oldest first."""
    stage.aws.slow("Service", 380)
    stage.aws.settings.ecs_events["Service"] = ["unable to place a task", "has started 1 tasks"]
    stage.aws.settings.stopped_tasks["Service"] = "Essential container in task exited"
    assert deploy_environment(app(topology), stage.session).exit_code == 0
    said = [(each.layer, each.logical_id, each.text) for each in stage.ui.of(Noticed)]
    assert said == [
        ("api", "Service", "has started 1 tasks"),
        ("api", "Service", "unable to place a task"),
        ("api", "Service", "a task stopped: Essential container in task exited"),
    ]


def test_a_service_that_is_quick_is_not_asked_for(stage: Stage, topology: str) -> None:
    """No call, no noise."""
    stage.aws.slow("Service", 60)
    stage.aws.settings.ecs_events["Service"] = ["has started 1 tasks"]
    deploy_environment(app(topology), stage.session)
    assert stage.ui.of(Noticed) == []
    assert not [call for call in stage.aws.calls if call.service == "ecs"]


def test_without_the_permission_there_is_one_warning(stage: Stage, topology: str) -> None:
    """A11: the deployment goes on, and is not asked about again."""

    class Forbidding:
        calls = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(stage.cloud, name)

        def service_events(self, arn: str) -> tuple[tuple[str, str], ...]:
            self.calls += 1
            raise CloudError(f"not authorized to read {arn}")

    stage.aws.slow("Service", 380)
    cloud = Forbidding()
    session = dataclasses.replace(stage.session, cloud=cloud)
    assert deploy_environment(app(topology), session).exit_code == 0
    assert len([each for each in stage.ui.of(Warned) if "Service takes long" in each.text]) == 1
    assert cloud.calls == 1
