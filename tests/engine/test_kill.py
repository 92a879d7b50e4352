"""The process dies at any call of an update of a protected environment, before or after it was applied.

The same command, run again, ends as if nothing had happened, stack policies included. In virtual time on the scripted
fake; a few of the points in the short sweep, all in the soak.
"""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fakeaws import FakeAws
from stage import QUEUE, Stage, assembly, environment, layer, on_fake, with_bucket
from sweeps import figure

from infragen.engine.deploy import Options, deploy_environment
from infragen.engine.progress import Session
from infragen.synth import Assembly

POINTS = figure(short=1, soak=0)
"""Points tried for each topology and kind of death; 0 tries them all."""

LOCAL = ("template_url", "reconnect")


class KilledError(BaseException):
    """kill -9, as far as the engine can tell: nothing runs afterwards that calls AWS."""


@dataclass
class Dying:
    """AWS until the process dies at the n-th call; dead, it makes no call any more, as a dead process would not."""

    cloud: Any
    at: int
    applied: bool
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            if name in LOCAL:
                return getattr(self.cloud, name)(*arguments)
            self.calls.append(name)
            if len(self.calls) == self.at and self.applied:
                getattr(self.cloud, name)(*arguments)
            if len(self.calls) >= self.at:
                raise KilledError
            return getattr(self.cloud, name)(*arguments)

        return call


def app(topology: str, name: str) -> Assembly:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": name}}
    reader = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": "TopicArn"}}}
    return assembly(
        layer("first", {"Topic": topic, "Other": {**topic, "DependsOn": "Topic"}}, {"TopicArn": {"Ref": "Topic"}}),
        layer("second", {"Reader": reader, "Topic": topic}, takes=[("first", "TopicArn")]),
        layer("third", {"Topic": topic, "Queue": QUEUE}),
        env=environment(topology, protect="true"),
    )


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with FakeAws() as fake:
        yield fake
        fake.check()


def scene(aws: FakeAws, monkeypatch: pytest.MonkeyPatch, topology: str) -> Stage:
    stage = with_bucket(on_fake(aws, monkeypatch), environment(topology))
    assert deploy_environment(app(topology, "before"), stage.session).exit_code == 0
    aws.calls.clear()
    return stage


def snapshot(stage: Stage) -> dict[str, Any]:
    """What must be the same in the end: status, template, resources, protection and policy of every stack."""
    found = {}
    for each in stage.cloud.stacks("shop-dev"):
        name = each.name if not each.parent_id else each.name.rpartition("-")[0]
        ids = tuple(sorted(row.logical_id for row in stage.cloud.resources(each.stack_id) if row.physical_id))
        guarded = (each.protected, stage.cloud.stack_policy(each.stack_id))
        found[name] = (each.status.split("_")[-1], stage.cloud.template(each.stack_id), ids, guarded)
    return found


def run(stage: Stage, topology: str, at: int, applied: bool) -> list[str]:
    """One run that dies at a call; gives the calls it made."""
    dying = Dying(stage.cloud, at, applied)
    with contextlib.suppress(KilledError):
        deploy_environment(app(topology, "after"), Session(dying, stage.ui, stage.session.timer), Options())
    return dying.calls


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_a_killed_update_converges_when_it_is_run_again(
    monkeypatch: pytest.MonkeyPatch, topology: str, applied: bool
) -> None:
    """N5: same final state, and no stack executed twice for the same content."""
    with FakeAws() as aws:
        undisturbed = scene(aws, monkeypatch, topology)
        total = len(run(undisturbed, topology, at=10**9, applied=False))
        expected = snapshot(undisturbed)
        executions = len([call for call in aws.mutations() if call.endswith("ExecuteChangeSet")])
    points = list(range(1, total + 1))
    if 0 < POINTS < total:
        points = sorted(random.Random(f"{topology} {applied}").sample(points, POINTS))  # noqa: S311
    for at in points:
        with FakeAws() as aws:
            stage = scene(aws, monkeypatch, topology)
            last = run(stage, topology, at, applied)[-1]
            said = f"killed {'after' if applied else 'before'} call {at} of {total}, {last}"
            again = deploy_environment(app(topology, "after"), stage.session)
            assert again.exit_code == 0, (said, again.outcomes)
            assert snapshot(stage) == expected, said
            done = len([call for call in aws.mutations() if call.endswith("ExecuteChangeSet")])
            assert done == executions, said
            left = [each for name in snapshot(stage) for each in sets(stage, name)]
            assert left == [], said
            aws.check()


def sets(stage: Stage, name: str) -> list[str]:
    """Our change sets that could still be executed."""
    state = stage.cloud.stack(name)
    found = stage.cloud.change_sets(state.stack_id) if state else ()
    return [each.name for each in found if each.execution_status == "AVAILABLE"]
