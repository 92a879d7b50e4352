"""Ways in which a deployment ends early: the first failure, the first and the second Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from bench import Bench, kinds
from fakeaws import FakeAws
from stage import QUEUE, TOPIC

from infragen.assembly.stacks import OutputOf, StackLayout, StackUnit
from infragen.engine.deploy import deploy_plan
from infragen.engine.options import Options
from infragen.engine.outcome import Failed, Skipped
from infragen.engine.progress import Happened, Timer, Warned
from infragen.engine.run import Deployment

CHANGES = ("cloudformation:ExecuteChangeSet", "cloudformation:CancelUpdateStack", "cloudformation:DeleteStack")


def queue(delay: int = 0) -> dict[str, Any]:
    return {**QUEUE, "Properties": {"DelaySeconds": delay}}


def topic(parameter: str) -> dict[str, Any]:
    return {**TOPIC, "Properties": {"DisplayName": {"Ref": parameter}}}


def units(bench: Bench, delay: int = 0) -> tuple[StackUnit, ...]:
    """a, and b that needs it; c that needs nothing, and d that needs c."""
    a = bench.unit("a", {"A": queue(delay)}, outputs={"AOut": {"Ref": "A"}})
    b = bench.unit("b", {"B": topic("AOut")}, {"AOut": OutputOf("a", "AOut")})
    c = bench.unit("c", {"C": queue(delay)}, outputs={"COut": {"Ref": "C"}})
    d = bench.unit("d", {"D": topic("COut")}, {"COut": OutputOf("c", "COut")})
    return a, b, c, d


def deploy(bench: Bench, *given: StackUnit, at: Callable[[], bool] = lambda: False, **options: Any) -> Deployment:
    """Deploys; each wait in which `at` holds is interrupted as by Ctrl-C."""
    clock = bench.aws.clock

    def sleep(seconds: float) -> None:
        if at():
            raise KeyboardInterrupt
        clock.sleep(seconds)

    session = replace(bench.session, timer=Timer(clock.monotonic, sleep))
    return deploy_plan(StackLayout(bench.env, given, ()), session, Options(**options))


def once(condition: Callable[[], bool], times: int = 1) -> Callable[[], bool]:
    """Holds the first time that the condition does, or so many times."""
    left = [times]

    def holds() -> bool:
        if not left[0] or not condition():
            return False
        left[0] -= 1
        return True

    return holds


def has(aws: FakeAws, stack: str, status: str) -> Callable[[], bool]:
    return lambda: any(each.name == stack and each.status == status for each in aws.cloud.stacks.values())


def warned(bench: Bench) -> str:
    return "\n".join(each.text for each in bench.ui.events if isinstance(each, Warned))


@pytest.mark.long
@pytest.mark.parametrize("fail_fast", [False, True])
def test_n10_after_a_failure_the_others_go_on_unless_told_otherwise(
    bench: Bench, aws: FakeAws, fail_fast: bool
) -> None:
    """N10: what runs is followed in both; with --fail-fast what has not begun is skipped, and says why."""
    aws.fail("A", "no", after=10)
    aws.slow("C", 120)
    result = deploy(bench, *units(bench), fail_fast=fail_fast)
    last = "Skipped" if fail_fast else "Deployed"
    assert kinds(result.outcomes) == {"a": "Failed", "b": "Skipped", "c": "Deployed", "d": last}
    assert result.exit_code == 1
    if fail_fast:
        skipped = result.outcomes[3]
        assert isinstance(skipped, Skipped)
        assert (skipped.needs, skipped.why) == ("", "a failed before it started")


@pytest.mark.long
def test_n6_the_first_interrupt_follows_what_runs(bench: Bench, aws: FakeAws) -> None:
    """N6: the default: a and c are followed to their end, b and d are never begun; exit code 130."""
    aws.slow("A", 60)
    aws.slow("C", 60)
    result = deploy(bench, *units(bench), at=once(has(aws, "shop-test-a", "CREATE_IN_PROGRESS")))
    assert kinds(result.outcomes) == {"a": "Deployed", "b": "Skipped", "c": "Deployed", "d": "Skipped"}
    assert result.exit_code == 130
    assert {each.why for each in result.outcomes if isinstance(each, Skipped)} == {"interrupted before it started"}
    assert "following running operations" in warned(bench)


def test_n6_with_detach_the_first_interrupt_stops_following(bench: Bench, aws: FakeAws) -> None:
    """N6: nothing is cancelled or deleted: both stacks are created in AWS all the same."""
    aws.slow("A", 60)
    aws.slow("C", 60)
    at = once(has(aws, "shop-test-a", "CREATE_IN_PROGRESS"))
    result = deploy(bench, *units(bench), at=at, on_interrupt="detach")
    assert kinds(result.outcomes) == {"a": "Unknown", "b": "Skipped", "c": "Unknown", "d": "Skipped"}
    assert [each.needs for each in result.outcomes if isinstance(each, Skipped)] == ["a", "c"]
    assert aws.stack("shop-test-a").status == "CREATE_IN_PROGRESS"
    aws.clock.settle()
    assert {aws.stack(f"shop-test-{name}").status for name in "ac"} == {"CREATE_COMPLETE"}
    assert {each for each in aws.mutations() if each in CHANGES} == {"cloudformation:ExecuteChangeSet"}


@pytest.mark.long
def test_n6_with_cancel_the_first_interrupt_turns_updates_back(bench: Bench, aws: FakeAws) -> None:
    """N6: both updates are cancelled and followed to the end of their rollback; no stack is deleted."""
    assert deploy(bench, *units(bench)).exit_code == 0
    for name in "AC":
        aws.slow(name, 300, on="update")
    bench.ui.events.clear()
    at = once(has(aws, "shop-test-c", "UPDATE_IN_PROGRESS"))
    result = deploy(bench, *units(bench, 5), at=at, on_interrupt="cancel")
    assert kinds(result.outcomes) == {"a": "Failed", "b": "Skipped", "c": "Failed", "d": "Skipped"}
    assert {each.status for each in result.outcomes if isinstance(each, Failed)} == {"UPDATE_ROLLBACK_COMPLETE"}
    assert result.exit_code == 130
    told = [each.event.event.status for each in bench.ui.events if isinstance(each, Happened)]
    assert told.count("UPDATE_ROLLBACK_COMPLETE") == 2
    asked = [call.operation for call in aws.calls if call.mutating]
    assert asked.count("CancelUpdateStack") == 2
    assert "DeleteStack" not in asked


@pytest.mark.long
def test_n6_with_cancel_a_creation_is_followed_and_never_deleted(bench: Bench, aws: FakeAws) -> None:
    """N6: CloudFormation can cancel updates only; that is said."""
    aws.slow("A", 60)
    aws.slow("C", 60)
    at = once(has(aws, "shop-test-c", "CREATE_IN_PROGRESS"))
    result = deploy(bench, *units(bench), at=at, on_interrupt="cancel")
    assert kinds(result.outcomes) == {"a": "Deployed", "b": "Skipped", "c": "Deployed", "d": "Skipped"}
    assert "shop-test-a is CREATE_IN_PROGRESS, which cannot be cancelled; it is followed to its end" in warned(bench)
    assert "cloudformation:DeleteStack" not in aws.mutations()
    assert "cloudformation:CancelUpdateStack" not in aws.mutations()


@pytest.mark.long
def test_n8_an_update_that_is_past_cancelling_is_followed(bench: Bench, aws: FakeAws) -> None:
    """N8: it ended between our look and our call: AWS's words are told, and how it ended is found out."""
    assert deploy(bench, *units(bench)[:1]).exit_code == 0
    aws.slow("A", 60, on="update")
    aws.refuse("cloudformation:CancelUpdateStack", "ValidationError", "cannot be called from current stack status")
    at = once(has(aws, "shop-test-a", "UPDATE_IN_PROGRESS"))
    result = deploy(bench, *units(bench, 5)[:1], at=at, on_interrupt="cancel")
    assert kinds(result.outcomes) == {"a": "Deployed"}
    assert "was not cancelled" in warned(bench)


def test_n6_the_second_interrupt_stops_following_a_cancellation(bench: Bench, aws: FakeAws) -> None:
    """N6: what was asked for is asked for; the rollback goes on in AWS."""
    assert deploy(bench, *units(bench)[:1]).exit_code == 0
    aws.slow("A", 300, on="update")
    aws.slow("A", 300, on="rollback")
    working = {"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"}
    at = once(lambda: aws.stack("shop-test-a").status in working, times=2)
    result = deploy(bench, *units(bench, 5)[:1], at=at, on_interrupt="cancel")
    assert kinds(result.outcomes) == {"a": "Unknown"}


@pytest.mark.parametrize("on_interrupt", ["wait", "detach", "cancel"])
def test_n6_what_was_only_being_prepared_is_not_executed(bench: Bench, aws: FakeAws, on_interrupt: str) -> None:
    """N6: b's change set is being made when Ctrl-C comes: it is dropped, never executed, and nothing of it is left."""
    aws.settings.change_set_seconds = 30
    first = units(bench)[:2]

    def preparing() -> bool:
        made = [each for each in aws.cloud.change_sets.values() if each.stack.name == "shop-test-b"]
        return bool(made) and made[0].status == "CREATE_IN_PROGRESS"

    result = deploy(bench, *first, at=once(preparing), on_interrupt=on_interrupt)
    assert kinds(result.outcomes) == {"a": "Deployed", "b": "Skipped"}
    aws.clock.settle()
    assert [each.name for each in aws.cloud.stacks.values() if each.status == "REVIEW_IN_PROGRESS"] == []
    assert aws.mutations().count("cloudformation:ExecuteChangeSet") == 1


def test_n6_before_anything_began_an_interrupt_leaves_nothing(bench: Bench, aws: FakeAws) -> None:
    """N6: while the change sets are made: they are deleted, AWS is as before."""
    making = once(lambda: any(each.status == "CREATE_IN_PROGRESS" for each in aws.cloud.change_sets.values()))
    with pytest.raises(KeyboardInterrupt):
        deploy(bench, *units(bench), at=making)
    aws.clock.settle()
    assert aws.cloud.change_sets == {}
    assert {each.status for each in aws.cloud.stacks.values()} == {"DELETE_COMPLETE"}
