"""Deployments that are killed, cut off, throttled or whose replies are lost: run again, they end as if undisturbed.

A sample of the points runs each time; all of them in a soak. What "as if undisturbed" means is in `settled_well`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.httpsession
import pytest
from bench import at_work, environment
from fakeaws import FakeAws
from fakeaws.proxy import (
    EXPIRED,
    INTERNAL_FAILURE,
    THROTTLED,
    DropAfter,
    DropBefore,
    Error,
    Fault,
    Html,
    Proxy,
    Truncate,
)
from stage import assembly, layer
from sweeps import SEED, figure, seeds

from infragen.engine.deploy import Deployment
from infragen.errors import InfragenError
from infragen.synth import LayerTemplate

TOPIC = {"Type": "AWS::SNS::Topic"}
QUEUE = {"Type": "AWS::SQS::Queue"}
EXIT_CODES = {0, 1, 3, 4, 5, 6}


class KilledError(BaseException):
    """The process is gone: nothing of ours runs any more."""


@dataclass
class Fuse:
    """Ends everything at the n-th request of the clients, before it is sent or after its reply came; 0 never does."""

    at: int
    applied: bool
    sent: int = 0

    def around(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def fused(session: Any, request: Any) -> Any:
            self.sent += 1
            if self.at and (self.sent > self.at or (self.sent == self.at and not self.applied)):
                raise KilledError
            reply = send(session, request)
            if self.at and self.sent == self.at:
                raise KilledError
            return reply

        return fused


def layers(delay: int = 1) -> list[LayerTemplate]:
    """Four small layers: one, two side by side, and one that needs both."""
    jobs = {"Jobs": {**QUEUE, "Properties": {"DelaySeconds": delay}}}
    return [
        layer("net", jobs, {"A": {"Ref": "Jobs"}}),
        layer("left", {"News": topic("A")}, {"B": {"Ref": "News"}}, takes=[("net", "A")]),
        layer("right", {"News": topic("A")}, {"C": {"Ref": "News"}}, takes=[("net", "A")]),
        layer("last", {"News": topic("B", "C")}, takes=[("left", "B"), ("right", "C")]),
    ]


def topic(*parameters: str) -> dict[str, Any]:
    name = {"Fn::Join": ["-", [{"Ref": each} for each in parameters]]}
    return {**TOPIC, "Properties": {"DisplayName": name}}


@dataclass
class Scene:
    """One environment on a fake of its own, and the command that is run again and again."""

    aws: FakeAws
    directory: Path
    topology: str

    def deploy(self, url: str = "") -> Deployment:
        env = environment(self.directory, topology=self.topology)
        return at_work(self.aws, env, url).deploy(assembly(*layers(), env=env))

    def prepare(self) -> None:
        at_work(self.aws, environment(self.directory, topology=self.topology)).bootstrap()

    def settled_well(self) -> None:
        """All stacks created exactly once, nothing left over, and the next run finds nothing to do."""
        self.aws.clock.settle()
        reviewed = {stack for _, stack, before, to in self.aws.cloud.transitions if to == "DELETE_IN_PROGRESS"}
        statuses = {s.name: s.status for s in self.aws.cloud.stacks.values() if s.id not in reviewed}
        assert set(statuses.values()) == {"CREATE_COMPLETE"}, statuses
        begun = Counter(stack for _, stack, _, to in self.aws.cloud.transitions if to == "CREATE_IN_PROGRESS")
        assert set(begun.values()) == {1}
        assert not reviewed & set(begun)  # what was deleted had never been more than under review
        assert not [move for *_, move in self.aws.cloud.transitions if move == "UPDATE_IN_PROGRESS"]
        sets = [c.name for c in self.aws.cloud.change_sets.values() if not c.execution.startswith("EXECUTE")]
        assert sets == []
        assert {type(each).__name__ for each in self.deploy().outcomes} == {"Unchanged"}
        self.aws.check()


@pytest.fixture(params=["independent", "nested"])
def scene(request: pytest.FixtureRequest, aws: FakeAws, tmp_path: Path) -> Scene:
    made = Scene(aws, tmp_path, request.param)
    made.prepare()
    return made


def points(count: int, sample: int, seed: int = SEED) -> list[int]:
    """Numbers of calls from 1 to `count`: all of them in a soak, else a sample that is the same each time."""
    return sorted(random.Random(seed).sample(range(1, count + 1), figure(short=sample, soak=count)))  # noqa: S311


def calls_of_a_deployment(topology: str) -> int:
    """About how many calls an undisturbed deployment makes."""
    return 110 if topology == "independent" else 75


def kill_points() -> Iterator[tuple[str, int, bool]]:
    for topology in ("independent", "nested"):
        for number in points(calls_of_a_deployment(topology), 3):
            yield topology, number, False
            yield topology, number, True


@pytest.mark.promise("P4", "deployments killed at a call, then run again: converged")
@pytest.mark.parametrize(("topology", "number", "applied"), list(kill_points()))
def test_p4_killed_at_any_call_the_next_run_converges(
    aws: FakeAws,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    topology: str,
    number: int,
    applied: bool,
) -> None:
    """N5, N9: killed before or after the call, found later at an odd moment: one execution per stack, nothing left."""
    scene = Scene(aws, tmp_path, topology)
    scene.prepare()
    fuse = Fuse(number, applied)
    with monkeypatch.context() as patched:
        send = botocore.httpsession.URLLib3Session.send
        patched.setattr(botocore.httpsession.URLLib3Session, "send", fuse.around(send))
        try:
            scene.deploy()
        except KilledError:
            pass
        else:
            assert fuse.sent < number  # it was over before
    aws.clock.advance(random.Random(number).choice([0, 1, 5, 600]))  # noqa: S311
    assert scene.deploy().exit_code == 0
    scene.settled_well()


@pytest.mark.promise("P5", "replies lost: one execution, exit code 0")
@pytest.mark.parametrize("operation", ["CreateChangeSet", "ExecuteChangeSet", "PutObject"])
@pytest.mark.parametrize("nth", [1, 3])
def test_p5_a_lost_reply_is_no_error(scene: Scene, operation: str, nth: int) -> None:
    """The nth call was applied and its reply lost: exit code 0, one execution per stack."""
    with Proxy(scene.aws.url, scene.aws.clock.monotonic, scene.aws.clock.sleep) as proxy:
        proxy.on(operation, DropAfter(), nth=nth)
        result = scene.deploy(proxy.url)
        assert result.exit_code == 0, result.outcomes
    scene.settled_well()


FAULTS: list[Fault] = [
    THROTTLED,
    INTERNAL_FAILURE,
    Html(503),
    DropBefore(),
    Truncate(),
    Truncate(announce_all=True),
    EXPIRED,
    Error("AccessDenied", 403, "not allowed"),
    Error("InternalFailure", 500, applied=True),
]


def fault_points() -> Iterator[tuple[Fault, int]]:
    for index, fault in enumerate(FAULTS):
        for number in points(75, 1, SEED + index):
            yield fault, number


@pytest.mark.promise("P6", "faults at a call: an exit code of the table")
@pytest.mark.parametrize(("fault", "number"), list(fault_points()), ids=str)
def test_p6_any_fault_at_any_call_ends_in_a_known_exit_code(scene: Scene, fault: Fault, number: int) -> None:
    """No exception but ours, an exit code of the table, and the next run converges."""
    with Proxy(scene.aws.url, scene.aws.clock.monotonic, scene.aws.clock.sleep) as proxy:
        proxy.at(number, fault)
        code = outcome(lambda: scene.deploy(proxy.url))
    assert code in EXIT_CODES
    scene.aws.clock.settle()
    assert scene.deploy().exit_code == 0
    scene.settled_well()


def outcome(run: Callable[[], Deployment]) -> int:
    try:
        return run().exit_code
    except InfragenError as error:
        return error.exit_code


@pytest.mark.promise("P7", "storms of throttling: all followed, exit code 0")
@pytest.mark.parametrize("seed", seeds(short=1, soak=100))
def test_p7_a_storm_of_throttling_is_survived(scene: Scene, seed: int) -> None:
    """N1: half of all calls for five virtual minutes: everything is deployed, exit code 0."""
    aws = scene.aws
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        proxy.storm(THROTTLED, share=0.5, until=aws.clock.seconds + 300, seed=seed)
        result = scene.deploy(proxy.url)
        assert result.exit_code == 0, result.outcomes
    scene.settled_well()


@pytest.mark.promise("P8", "ten minutes without network: followed to the end")
@pytest.mark.parametrize("after", points(40, 1))
def test_p8_ten_minutes_without_network_are_survived(scene: Scene, after: int) -> None:
    """N3: the network is cut at some moment after the first execution: followed to the end, no event twice."""
    aws = scene.aws
    aws.slow("Jobs", 900)
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        proxy.cut(600, after=after + 20)
        result = scene.deploy(proxy.url)
        assert result.exit_code == 0, result.outcomes
    scene.settled_well()
