"""What a failed independent stack says of those that it stands on and that the same run has changed."""

from __future__ import annotations

from typing import Any

import pytest
from bench import Bench, failure

from infragen.assembly.stacks import OutputOf
from infragen.engine.outcome import Deployed, Failed, Skipped
from infragen.engine.run import with_changed_upstream
from infragen.report.outcome import failure_lines


def units(bench: Bench, visibility: int, timeout: str) -> tuple[Any, ...]:
    queue = {"Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": visibility}}}
    topic = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": timeout}}}
    below = bench.unit("queue", queue, outputs={"Arn": {"Fn::GetAtt": ["Jobs", "Arn"]}})
    return below, bench.unit("worker", topic, {"Arn": OutputOf("queue", "Arn")})


@pytest.mark.long
def test_a_failure_names_the_stacks_below_that_stay_changed(bench: Bench) -> None:
    """The queue was updated first and stays so when what builds on it fails; without a change below there is nothing
    to say.
    """
    assert bench.deploy_units(*units(bench, 3600, "600")).exit_code == 0
    bench.aws.fail("Topic", "no", on="update", times=2)
    said = [
        [
            each.text
            for each in failure(bench.deploy_units(*units(bench, lowered, "30"))).evidence
            if each.kind == "changed"
        ]
        for lowered in (180, 180)
    ]
    assert said == [["shop-test-queue, which worker builds on, was updated in this run and was not rolled back"], []]


@pytest.mark.parametrize(
    ("requires", "told"), [({"c": ("b",), "b": ("a",), "a": ()}, 1), ({"c": (), "b": (), "a": ()}, 0)]
)
def test_only_what_a_stack_stands_on_is_named(requires: dict[str, tuple[str, ...]], told: int) -> None:
    """Also at a distance; a stack beside it has nothing to do with it."""
    outcomes = (Deployed("a", "shop-a", "UPDATE_COMPLETE"), Skipped("b", "shop-b"), Failed("c", "shop-c", "it failed"))
    *_, failed = with_changed_upstream(outcomes, requires)
    assert isinstance(failed, Failed)
    assert len(failed.evidence) == told
    assert (
        "shop-a, which c builds on, was updated" in "\n".join(line.plain for line in failure_lines([failed]))
    ) == bool(told)
