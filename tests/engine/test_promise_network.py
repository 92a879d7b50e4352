"""Twenty stacks in a storm of throttling, and ten minutes without network at any moment, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from bench import Bench, at_work, environment
from fakeaws import FakeAws
from fakeaws.proxy import THROTTLED, Interrupt, Proxy, Seen
from figures import Tried
from stage import assembly, layer
from sweeps import seeds

from infragen.assembly.synth import Assembly, LayerTemplate
from infragen.aws import ReadRate
from infragen.aws.session import Clients
from infragen.engine.outcome import Deployed

QUEUE = {"Type": "AWS::SQS::Queue"}


def twenty(env: Any) -> Assembly:
    """Twenty stacks: four first, each of the others needs one of those before it."""
    layers = [layer(f"first{n}", {f"Jobs{n}": QUEUE}, {f"Out{n}": {"Ref": f"Jobs{n}"}}) for n in range(4)]
    layers += [
        layer(f"next{n}", {f"News{n}": topic(f"Out{n % 4}")}, takes=[(f"first{n % 4}", f"Out{n % 4}")])
        for n in range(4, 20)
    ]
    return assembly(*layers, env=env)


def sustained(calls: Iterable[Seen], seconds: float) -> float:
    """The most CloudFormation reads per second over any span of so many seconds."""
    known = botocore.session.get_session().get_service_model("cloudformation").operation_names
    times = [each.time for each in calls if not each.mutating and each.operation in known]
    busiest = 0
    first = 0
    for last, time in enumerate(times):
        while time - times[first] > seconds:
            first += 1
        busiest = max(busiest, last - first + 1)
    return busiest / seconds


SPAN = 300.0
MOST = 3.0 + 61 / SPAN
"""Three a second, after sixty at once; both ends of the span count."""


@pytest.mark.long
@pytest.mark.promise("P7", "storms of throttling over 20 stacks: all followed, exit code 0, 3 reads a second sustained")
@pytest.mark.parametrize("seed", seeds(short=1, soak=100))
def test_a_storm_of_throttling_is_survived(bench: Bench, aws: FakeAws, tried: Tried, seed: int) -> None:
    """P7, N1: half of all calls for five virtual minutes; tries that were throttled count as reads, too."""
    tried()
    lots = random.Random(seed)  # noqa: S311 # reproducible, not secret
    for n in range(20):
        aws.slow(f"{'Jobs' if n < 4 else 'News'}{n}", lots.randint(1, 400))
    bench.bootstrap()
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        proxy.storm(THROTTLED, share=0.5, until=aws.clock.seconds + 300, seed=seed)
        paced = Clients(bench.env.region, endpoint_url=proxy.url, reads=ReadRate(aws.clock.monotonic, aws.clock.sleep))
        result = Bench(aws, bench.env, paced).deploy(twenty(bench.env))
    assert result.exit_code == 0, result.outcomes
    assert {type(each) for each in result.outcomes} == {Deployed}
    tried.most(f"reads a second over {SPAN:g} s", sustained(proxy.calls, SPAN))
    assert sustained(proxy.calls, SPAN) <= MOST


@pytest.mark.long
@pytest.mark.promise("P8", "ten minutes without network at a random moment: followed on, every event told once")
@pytest.mark.parametrize("topology", ["nested", "independent"])
@pytest.mark.parametrize("seed", seeds(short=1, soak=100))
def test_ten_minutes_without_network_are_survived(
    aws: FakeAws, tmp_path: Path, tried: Tried, topology: str, seed: int
) -> None:
    """P8, N3: from the first execution on to shortly before the end; no event is lost, none told twice."""
    tried()
    lots = random.Random(f"{topology} {seed}")  # noqa: S311 # reproducible, not secret
    env = environment(tmp_path, topology=topology)
    at_work(aws, env).bootstrap()
    for name in ("Jobs", "Left", "Right", "Last"):
        aws.slow(name, lots.randint(100, 400))
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        proxy.cut(600, after=lots.uniform(20, 250))
        cut_off = at_work(aws, env, proxy.url)
        result = cut_off.deploy(assembly(*four(), env=env))
    assert result.exit_code == 0, "\n".join(map(repr, result.outcomes))
    assert any(call.fault for call in proxy.calls)
    told = cut_off.ui.event_ids()
    assert len(told) == len(set(told))
    stacks = [each for each in aws.cloud.stacks.values() if not each.name.endswith("-artifacts")]
    happened = {event.id for each in stacks for event in each.events}
    reviewed = {event.id for each in stacks for event in each.events if event.status == "REVIEW_IN_PROGRESS"}
    assert happened - reviewed <= set(told) <= happened  # the review comes before the operation


@pytest.mark.long
@pytest.mark.parametrize(("call", "applied"), [("CreateChangeSet", True), ("ExecuteChangeSet", False)])
def test_the_network_is_waited_for_between_two_stacks(aws: FakeAws, tmp_path: Path, call: str, applied: bool) -> None:
    """P8, N3: while a change set is made that waits for another stack's outputs, and when it is executed; before that
    too little is at stake.
    """
    env = environment(tmp_path, topology="independent")
    at_work(aws, env).bootstrap()
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        cut_off = at_work(aws, env, proxy.url)
        proxy.on(call, Interrupt(lambda: proxy.cut(600), applied=applied), nth=2)
        result = cut_off.deploy(assembly(*four(), env=env))
    assert {type(each) for each in result.outcomes} == {Deployed}
    aws.clock.settle()
    assert [each.name for each in aws.cloud.change_sets.values() if each.execution == "AVAILABLE"] == []


def four() -> list[LayerTemplate]:
    """Four small layers: one, two side by side, and one that needs both."""
    return [
        layer("net", {"Jobs": QUEUE}, {"A": {"Ref": "Jobs"}}),
        layer("left", {"Left": topic("A")}, {"B": {"Ref": "Left"}}, takes=[("net", "A")]),
        layer("right", {"Right": topic("A")}, {"C": {"Ref": "Right"}}, takes=[("net", "A")]),
        layer("last", {"Last": topic("B", "C")}, takes=[("left", "B"), ("right", "C")]),
    ]


def topic(*parameters: str) -> dict[str, Any]:
    name = {"Fn::Join": ["-", [{"Ref": each} for each in parameters]]}
    return {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": name}}
