"""The deployment engine on the fake AWS, in virtual time: what the engine's tests share.

A `Bench` is one operator at work: a real `infragen.aws` account on the fake (or on a fault proxy in front of it), a
listener that takes notes, and the fake's clock.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakeaws import FakeAws
from fakeaws.clock import Clock
from fakeaws.cloud import Cloud
from fakeaws.cloudformation import CloudFormation

from infragen.assembly.stacks import OutputOf, StackLayout, StackUnit, Value, capabilities, stack_name, stack_tags
from infragen.assembly.synth import Assembly
from infragen.aws.account import Account
from infragen.aws.session import Clients
from infragen.config import Environment, load_environment
from infragen.engine.bootstrap import artifact_plan, bootstrap
from infragen.engine.deploy import deploy_environment, deploy_plan, plan_environment, show_plan
from infragen.engine.destroy import Destruction
from infragen.engine.options import Options
from infragen.engine.outcome import Failed, Outcome
from infragen.engine.progress import Event, Happened, Question, Session, Timer, Ui
from infragen.engine.recover import Recovery
from infragen.engine.run import Deployment
from infragen.plan.model import EnvironmentPlan

ACCOUNT = "111122223333"
NETWORK = "network:\n  nat: none\n  azs: 2\n  interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sqs]\n"
QUEUES = "queues:\n  - name: jobs\n"
WORKERS = "workers:\n  - name: jobs\n    queue: jobs\n"
"""Sections of small environments; more keys of the queue and of the worker may follow."""


def head(name: str = "test", topology: str = "independent") -> str:
    """What the file of an environment of the fake's account begins with: five lines."""
    return f'project: shop\nenvironment: {name}\nregion: us-east-1\naccount: "{ACCOUNT}"\ntopology: {topology}\n'


@dataclass
class Listener:
    """Takes note of what the engine tells, and answers every question with `answer`; no to what wants one of `refuses`
    typed.
    """

    answer: bool = True
    refuses: set[str] = field(default_factory=set)
    heard: Callable[[Event], object] = lambda _: None
    events: list[Event] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        self.events.append(event)
        self.heard(event)

    def confirm(self, question: Question) -> bool:
        self.questions.append(question)
        return self.answer and question.typed not in self.refuses

    def shown(self) -> list[tuple[str, str, str]]:
        """The stack events that were shown: layer, logical id, status."""
        told = [each.event for each in self.events if isinstance(each, Happened)]
        return [(each.layer, each.event.logical_id, each.event.status) for each in told]

    def event_ids(self) -> list[str]:
        return [each.event.event.event_id for each in self.events if isinstance(each, Happened)]


def patiently(done: threading.Event, seconds: float | None) -> None:
    """Waits for what is done in threads, however busy the machine is."""
    done.wait(120)


@dataclass
class Bench:
    """One operator of one environment."""

    aws: FakeAws
    env: Environment
    clients: Clients
    ui: Listener = field(default_factory=Listener)
    slowness: float = 1.0
    """How many seconds pass when the engine asks to sleep for one."""

    @property
    def session(self) -> Session:
        """A new run: nothing is remembered but the clients, which are costly to make."""
        account = Account(self.clients, self.env.account or "")
        clock = self.aws.clock
        return Session(
            account,
            self.ui,
            Timer(clock.monotonic, lambda seconds: clock.sleep(seconds * self.slowness), wait=patiently),
        )

    def bootstrap(self) -> None:
        make_bucket(self.aws, self.env, self.session)

    def deploy(self, assembly: Assembly, **options: Any) -> Deployment:
        return deploy_environment(assembly, self.session, Options(**options))

    def begin(self, assembly: Assembly, **options: Any) -> None:
        """Be where a first deployment that succeeded ends, with nothing noted of it."""

        def deploy() -> None:
            assert self.deploy(assembly, **options).exit_code == 0

        once(self.aws, (self.env.model_dump_json(), *(each.text for each in assembly.templates), repr(options)), deploy)
        self.ui.events.clear()
        self.ui.questions.clear()

    def plan(self, assembly: Assembly, **options: Any) -> EnvironmentPlan:
        return plan_environment(assembly, self.session, Options(**options))

    def deploy_units(self, *units: StackUnit, ui: Ui | None = None, **options: Any) -> Deployment:
        session = replace(self.session, ui=ui or self.ui)
        return deploy_plan(StackLayout(self.env, units, ()), session, Options(**options))

    def place(self, unit: StackUnit) -> None:
        """The stack of an earlier run, without its calls: created by the fake itself."""
        place(self.aws, self.env, unit)

    def plan_units(self, *units: StackUnit, **options: Any) -> EnvironmentPlan:
        return show_plan(StackLayout(self.env, units, ()), self.session, Options(**options))

    def unit(
        self,
        layer: str,
        resources: Mapping[str, Any],
        parameters: Mapping[str, Value] | None = None,
        outputs: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> StackUnit:
        """A small stack of its own: `parameters` that are OutputOf make it wait for that layer."""
        parameters = dict(parameters or {})
        body: dict[str, Any] = {**(more or {}), "Resources": dict(resources)}
        if parameters:
            body["Parameters"] = {name: {"Type": "String"} for name in parameters}
        if outputs:
            body["Outputs"] = {name: {"Value": value} for name, value in outputs.items()}
        return StackUnit(
            layer=layer,
            stack=stack_name(self.env, layer),
            body=body,
            text=json.dumps(body),
            key="",
            parameters=parameters,
            tags=stack_tags(self.env, layer),
            capabilities=capabilities([body]),
            requires=tuple(dict.fromkeys(v.layer for v in parameters.values() if isinstance(v, OutputOf))),
        )


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    """The fake, with credentials for its account in the environment; botocore waits between its retries virtually."""
    with FakeAws() as fake:
        work_on(fake, monkeypatch)
        yield fake
        fake.check()


def work_on(fake: FakeAws, patched: pytest.MonkeyPatch) -> None:
    """Have credentials for a fake's account in the environment, and let botocore wait between its retries virtually."""
    fake.settings.account = ACCOUNT
    patched.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    patched.setenv("AWS_SECRET_ACCESS_KEY", "example")
    patched.setattr("botocore.endpoint.time", SimpleNamespace(sleep=fake.clock.sleep))


@pytest.fixture
def bench(aws: FakeAws, tmp_path: Path) -> Bench:
    """An operator of a small environment of independent stacks."""
    return at_work(aws, environment(tmp_path))


def once(aws: FakeAws, what: Hashable, build: Callable[[], object]) -> None:
    """Bring the fake to where `build` brings it, with no call in its log: by building in the first test of this process
    that asks for `what` of a fake that has and does the same, and by a copy in the others.
    """
    assert not aws.cloud.script.call_faults
    assert not aws.cloud.script.resource_faults
    key = (what, repr(replace(aws.settings, url="")), *(each.name for each in aws.cloud.stacks.values()))
    if key in _built:
        aws.cloud.hold(_built[key])
    else:
        build()
        aws.clock.settle()
        _built[key] = Cloud(Clock())
        _built[key].hold(aws.cloud)
    aws.calls.clear()


_built: dict[Hashable, Cloud] = {}
"""What `once` copies."""


def make_bucket(aws: FakeAws, env: Environment, session: Session) -> None:
    """The artifact bucket; unless it is to be protected without the twenty calls of `bootstrap` (a test compares)."""
    if env.protected:
        assert bootstrap(env, session).exit_code == 0
        return
    [unit] = artifact_plan(env).units
    place(aws, env, unit)


def place(aws: FakeAws, env: Environment, unit: StackUnit) -> None:
    """A stack as somebody else would create it, without a call in the log."""
    tags = [{"Key": key, "Value": value} for key, value in unit.tags.items()]
    api = CloudFormation(aws.cloud, env.account or "", env.region)
    api.create_stack({"StackName": unit.stack, "TemplateBody": unit.text, "Tags": tags})
    aws.clock.settle()


def at_work(aws: FakeAws, env: Environment, url: str = "") -> Bench:
    """An operator of an environment, directly on the fake or through the proxy at `url`."""
    return Bench(aws, env, _clients(env.region, url or aws.url))


@functools.lru_cache(maxsize=4)
def _clients(region: str, url: str) -> Clients:
    """Clients are costly to make: the runs of one test share them."""
    return Clients(region, endpoint_url=url)


def environment(directory: Path, text: str = "", topology: str = "independent") -> Environment:
    """A small environment of the fake's account."""
    file = directory / "test.yaml"
    file.write_text(head(topology=topology) + text)
    return load_environment(file)


def prepare_account(aws: FakeAws, env: Environment) -> None:
    """Puts into the account what an environment's file says is there: an image, a certificate, a hosted zone."""
    if env.api is None:
        return
    platform = "linux/arm64" if env.api.architecture == "arm64" else "linux/amd64"
    aws.settings.images[f"{env.name}-api"] = {"abc123": (platform,)}
    https, servers = env.api.https, ("ns-1.awsdns-01.org", "ns-2.awsdns-02.com")
    if https.mode == "certificate":
        expires = datetime.now(UTC).timestamp() + 90 * 86_400
        certificate = {"DomainName": "api.example.com", "Status": "ISSUED", "NotAfter": expires}
        aws.settings.certificates[str(https.certificate_arn)] = certificate
    if https.mode == "domain":
        zone = str(https.domain_name).partition(".")[2]
        aws.settings.zones[str(https.hosted_zone_id)] = (zone, servers, False)
        aws.settings.registered[zone] = servers


def failure(ended: Deployment | Destruction | Recovery) -> Failed:
    """The only failure among the outcomes."""
    (found,) = [each for each in ended.outcomes if isinstance(each, Failed)]
    return found


def kinds(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """What became of each layer."""
    return {each.layer: type(each).__name__ for each in outcomes}
