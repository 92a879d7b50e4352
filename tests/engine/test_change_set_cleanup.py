"""Change sets that were never executed: found, listed and deleted; stacks that exist only for them go, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from bench import Bench, at_work, environment
from fakeaws import FakeAws
from stage import QUEUE, TOPIC, assembly, layer

from infragen.assembly.stacks import StackUnit
from infragen.assembly.synth import Assembly
from infragen.engine.change_set_cleanup import ChangeSetCleanup, find_left, prune
from infragen.engine.destroy import destroy_environment, plan_destroy
from infragen.engine.observe import observe, under_review
from infragen.errors import InfragenError


def described(bench: Bench, layer_name: str) -> str:
    return f"infragen {bench.env.name} {layer_name}"


def leave(bench: Bench, unit: StackUnit, name: str, kind: str = "UPDATE", **more: Any) -> str:
    """A change set as a killed run leaves it; gives its ARN."""
    request = {
        "StackName": unit.stack,
        "ChangeSetName": name,
        "ChangeSetType": kind,
        "TemplateBody": unit.text,
        "Description": described(bench, unit.layer),
        **more,
    }
    made = bench.aws.elsewhere.create_change_set(request)
    bench.aws.clock.settle()
    return str(made["Id"])


def names(aws: FakeAws) -> set[str]:
    return {each.name for each in aws.cloud.change_sets.values() if not each.execution.startswith("EXECUTE")}


@pytest.mark.long
def test_c6_what_killed_runs_left_is_found_and_deleted(bench: Bench, aws: FakeAws) -> None:
    """C6: ours, on every stack of the environment; somebody else's stay, and the executed one is not counted."""
    first = bench.unit("first", {"Jobs": QUEUE})
    second = bench.unit("second", {"News": TOPIC})
    assert bench.deploy_units(first, second).exit_code == 0
    changed = bench.unit("first", {"Jobs": QUEUE, "News": TOPIC})
    for name in ("infragen-1", "infragen-2", "console-1"):
        leave(bench, changed, name)
    leave(bench, bench.unit("second", {"Jobs": QUEUE}), "infragen-3")
    found = find_left(bench.env, bench.session)
    assert [(each.stack, len(each.deletable), each.stuck, each.total) for each in found] == [
        ("shop-test-first", 2, 0, 3),
        ("shop-test-second", 1, 0, 1),
    ]
    assert names(aws) == {"infragen-1", "infragen-2", "infragen-3", "console-1"}  # looking deletes nothing
    assert prune(bench.session, found) == ()
    assert names(aws) == {"console-1"}
    assert find_left(bench.env, bench.session) == ()


def nested_app(bench: Bench, delay: int = 0) -> Assembly:
    jobs = {**QUEUE, "Properties": {"DelaySeconds": delay}}
    return assembly(layer("first", {"Jobs": jobs}), layer("second", {"News": TOPIC}), env=bench.env)


@pytest.mark.long
def test_c6_nested_ones_of_an_executed_set_cannot_be_deleted(aws: FakeAws, tmp_path: Path) -> None:
    """C6: the FAILED set of an unchanged child is told and left, without a call that AWS would refuse."""
    bench = at_work(aws, environment(tmp_path, topology="nested"))
    bench.bootstrap()
    assert bench.deploy(nested_app(bench)).exit_code == 0
    assert bench.deploy(nested_app(bench, 5)).exit_code == 0
    aws.clock.settle()
    [left] = find_left(bench.env, bench.session)
    assert left.stack.startswith("shop-test-Second-")
    assert (left.deletable, left.stuck) == ((), 1)
    aws.calls.clear()
    assert prune(bench.session, [left]) == ()
    assert aws.mutations() == []


def test_c6_one_that_aws_refuses_to_delete_does_not_keep_the_others(bench: Bench, aws: FakeAws) -> None:
    """C6: AWS's words are given back; the rest is gone."""
    assert bench.deploy_units(bench.unit("first", {"Jobs": QUEUE})).exit_code == 0
    for name in ("infragen-1", "infragen-2"):
        leave(bench, bench.unit("first", {"News": TOPIC}), name)
    aws.refuse("cloudformation:DeleteChangeSet", "AccessDenied", "cannot be deleted now")
    [refused] = prune(bench.session, find_left(bench.env, bench.session))
    assert "shop-test-first" in refused
    assert "cannot be deleted now" in refused
    assert len(names(aws)) == 1


def test_c6_one_that_could_not_be_deleted_at_once_is_deleted_at_the_end(bench: Bench, aws: FakeAws) -> None:
    """C6: a run that goes on after a deletion that failed still knows what it made."""
    assert bench.deploy_units(bench.unit("first", {"Jobs": QUEUE})).exit_code == 0
    change_set_id = leave(bench, bench.unit("first", {"News": TOPIC}), "infragen-1")
    with ChangeSetCleanup(bench.session) as litter:
        litter.made(change_set_id, aws.stack("shop-test-first").id)
        aws.refuse("cloudformation:DeleteChangeSet", "InvalidChangeSetStatus", "cannot be deleted now")
        litter.drop(change_set_id)
        assert names(aws) == {"infragen-1"}
    assert names(aws) == set()


def test_c6_the_limit_names_the_command(bench: Bench, aws: FakeAws) -> None:
    """C6: CloudFormation's limit, from a create as well as from an update."""
    aws.settings.change_set_limit = 0
    with pytest.raises(InfragenError) as caught:
        bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
    assert caught.value.exit_code == 4
    assert "infragen changesets prune" in caught.value.hint


def untagged_review(bench: Bench) -> StackUnit:
    """A stack under review as CloudFormation may show it: without tags."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    leave(bench, unit, "infragen-1", kind="CREATE")
    assert bench.aws.stack(unit.stack).target.tags == {}
    return unit


def test_c6_one_that_aws_cannot_delete_is_not_waited_for(bench: Bench, aws: FakeAws) -> None:
    """C6: a deletion that takes its time may fail; it is told, and another try may do it."""
    unit = untagged_review(bench)
    aws.settings.change_set_delete_seconds, aws.settings.change_set_delete_fails = 4, True
    [refused] = prune(bench.session, find_left(bench.env, bench.session))
    assert "the change set infragen-1 is DELETE_FAILED" in refused
    assert aws.stack(unit.stack).status == "REVIEW_IN_PROGRESS"
    aws.settings.change_set_delete_fails = False
    assert prune(bench.session, find_left(bench.env, bench.session)) == ()
    aws.clock.settle()
    assert aws.stack(unit.stack).status == "DELETE_COMPLETE"


def test_s1_a_stack_that_a_killed_first_plan_left_is_pruned(bench: Bench, aws: FakeAws) -> None:
    """S1: its only change set is ours: both go."""
    unit = untagged_review(bench)
    assert prune(bench.session, find_left(bench.env, bench.session)) == ()
    aws.clock.settle()
    assert aws.stack(unit.stack).status == "DELETE_COMPLETE"


def test_s1_a_stack_that_a_killed_first_plan_left_is_destroyed(bench: Bench, aws: FakeAws) -> None:
    """S1: destroy finds it without tags, by the description of its change sets."""
    unit = untagged_review(bench)
    assert [each.layer for each in plan_destroy(bench.env, bench.session).stacks] == ["data"]
    assert destroy_environment(bench.env, bench.session).exit_code == 0
    assert aws.stack(unit.stack).status == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("name", "description"),
    [("infragen-1", "infragen shop-other data"), ("console-1", "infragen shop-test data"), ("infragen-1", "")],
)
def test_s1_a_stack_under_review_that_is_not_ours_is_left_alone(
    bench: Bench, aws: FakeAws, name: str, description: str
) -> None:
    """S1: of another environment, or with somebody else's change set: neither found nor deleted."""
    unit = bench.unit("data", {"Jobs": QUEUE})
    leave(bench, unit, name, kind="CREATE", Description=description)
    session = bench.session
    assert under_review(session.cloud, bench.env, observe(session, bench.env)) == {}
    assert find_left(bench.env, session) == ()
    assert plan_destroy(bench.env, session).stacks == ()


def test_c5_our_own_change_sets_say_whose_they_are(bench: Bench, aws: FakeAws) -> None:
    """C5: the description by which a later run finds what this one left is the one it gives."""
    bench.plan_units(bench.unit("data", {"Jobs": QUEUE}))
    [made] = [call.params for call in aws.calls if call.operation == "CreateChangeSet"]
    own, _, run = made["Description"].partition(", made by run ")
    assert own == described(bench, "data")
    assert re.fullmatch("[0-9a-f]{8}, by assumed-role/deployer/test", run)
