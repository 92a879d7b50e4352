"""A small stage for the engine's tests: hand-made layers, a listener that remembers, sessions on the fake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from bench import make_bucket, patiently
from fakeaws import FakeAws

from infragen.assembly.synth import Assembly, LayerTemplate
from infragen.aws import Account, connect
from infragen.config import Environment, yamlfile
from infragen.engine.progress import Event, Question, Session, Timer
from infragen.errors import Refused
from infragen.layers.contract import LaunchParameter, LayerOutput

E = TypeVar("E")
ACCOUNT = "111111111111"
REGION = "us-east-1"
TOPIC = {"Type": "AWS::SNS::Topic"}
QUEUE = {"Type": "AWS::SQS::Queue"}


def environment(topology: str = "nested", account: str = ACCOUNT, region: str = REGION, **more: Any) -> Environment:
    """An environment without sections: the layers of these tests are made by hand."""
    text = f'project: shop\nenvironment: {more.pop("environment", "dev")}\nregion: {region}\naccount: "{account}"\n'
    lines = [f"topology: {topology}", *(f"{key}: {value}" for key, value in more.items())]
    node = yamlfile.load((text + "\n".join(lines)).encode(), "test.yaml")
    return Environment.model_validate(yamlfile.plain(node))


def layer(
    name: str,
    resources: Mapping[str, Any],
    outputs: Mapping[str, Any] | None = None,
    takes: Sequence[tuple[str, str]] = (),
    launch: Sequence[LaunchParameter] = (),
) -> LayerTemplate:
    """A layer: resources, outputs (name -> value), the (layer, output) pairs it takes, launch parameters."""
    inputs = tuple(LayerOutput(upstream, output, "") for upstream, output in takes)
    parameters: dict[str, Any] = {each.name: {"Type": "String"} for each in inputs}
    for each in launch:
        default = {} if each.default is None else {"Default": each.default}
        parameters[each.name] = {"Type": each.type, **default}
    body = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": parameters,
        "Resources": dict(resources),
        "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
    }
    body = {key: value for key, value in body.items() if value}
    own = tuple(LayerOutput(name, key, "", for_people=True) for key in outputs or {})
    return LayerTemplate(name, "", body, inputs, own, tuple(launch))


@dataclass
class Listener:
    """Remembers what it is told; answers yes to what is in `yes` (or to everything), refuses the rest."""

    answers: bool = True
    told: list[Event] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        self.told.append(event)

    def confirm(self, question: Question) -> bool:
        self.asked.append(question)
        if not self.answers:
            raise Refused(f"nobody to ask: {question.text}", question.answered_by)
        return True

    def of(self, kind: type[E]) -> list[E]:
        return [each for each in self.told if isinstance(each, kind)]


@dataclass
class Stage:
    """An environment on the scripted fake: a session in virtual time, with the artifact bucket made."""

    aws: FakeAws
    ui: Listener
    session: Session

    @property
    def cloud(self) -> Account:
        assert isinstance(self.session.cloud, Account)
        return self.session.cloud


def on_fake(aws: FakeAws, monkeypatch: Any, account: str = ACCOUNT) -> Stage:
    """A session whose clock and AWS are the fake's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    aws.settings.account = account
    ui = Listener()
    session = Session(
        connect(REGION, account, endpoint_url=aws.url), ui, Timer(aws.clock.monotonic, aws.clock.sleep, wait=patiently)
    )
    return Stage(aws, ui, session)


@pytest.fixture(params=["nested", "independent"])
def topology(request: pytest.FixtureRequest) -> str:
    """Both; a test that wants one says so with parametrize."""
    return str(request.param)


@pytest.fixture
def stage(aws: FakeAws, monkeypatch: pytest.MonkeyPatch, topology: str) -> Stage:
    """A session with the artifact bucket made."""
    return with_bucket(on_fake(aws, monkeypatch), environment(topology))


def assembly(*layers: LayerTemplate, env: Environment) -> Assembly:
    return Assembly(env, layers)


def with_bucket(stage: Stage, env: Environment) -> Stage:
    """The stage after bootstrap, with nothing remembered of it."""
    make_bucket(stage.aws, env, stage.session)
    stage.ui.told.clear()
    stage.ui.asked.clear()
    stage.aws.calls.clear()
    return stage
