"""Change sets and stacks in review whose deletion takes AWS a while: they stay listed, and are in nobody's way."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from bench import Bench, at_work, environment, kinds
from fakeaws import FakeAws
from figures import Tried
from stage import QUEUE, TOPIC, assembly, layer
from sweeps import seeds

from infragen.assembly.synth import Assembly
from infragen.cloud.protocol import ChangeSetRequest
from infragen.engine.operate import CLEANUP, CREATION
from infragen.engine.progress import Event, Planned, Warned
from infragen.errors import CloudError, Conflict, Refused


def app(bench: Bench, delay: int = 0, **more: Any) -> Assembly:
    jobs = {**QUEUE, "Properties": {"DelaySeconds": delay}}
    return assembly(layer("first", {"Jobs": jobs}), layer("second", {"News": TOPIC, **more}), env=bench.env)


@pytest.fixture(params=["nested", "independent"])
def operator(aws: FakeAws, tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    bench = at_work(aws, environment(tmp_path, topology=request.param))
    bench.bootstrap()
    return bench


class Killed(BaseException):
    """A process that ends without another call."""


def killed_while_planning(bench: Bench, templates: Assembly) -> None:
    """Leave the change sets of a run that ended between its plan and its first execution."""

    def heard(event: Event) -> None:
        if isinstance(event, Planned):
            raise Killed

    bench.ui.heard = heard
    with pytest.raises(Killed):
        bench.deploy(templates)
    bench.ui.heard = lambda _: None


def left_over(aws: FakeAws) -> tuple[list[str], list[str]]:
    """Change sets that were not executed, and stacks that are not there for good."""
    aws.clock.settle()
    sets = [each for each in aws.cloud.change_sets.values() if not each.execution.startswith("EXECUTE")]
    empty = [each.name for each in sets if each.parent_id is None]
    return empty, [each.name for each in aws.cloud.stacks.values() if each.status == "REVIEW_IN_PROGRESS"]


def warnings(bench: Bench) -> list[str]:
    return [each.text for each in bench.ui.events if isinstance(each, Warned)]


@pytest.mark.long
@pytest.mark.parametrize("linger", [False, True])
def test_w2_deploy_within_seconds_of_a_plan(operator: Bench, aws: FakeAws, linger: bool) -> None:
    """W2: the first plan's stack in review is gone with it; an update's change set is skipped while it is deleted."""
    aws.settings.plain_sets_linger = linger
    operator.plan(app(operator))
    assert operator.deploy(app(operator)).exit_code == 0
    operator.plan(app(operator, 5))
    assert operator.deploy(app(operator, 5)).exit_code == 0
    assert left_over(aws) == ([], [])
    assert warnings(operator) == []


@pytest.mark.long
@pytest.mark.parametrize("linger", [False, True])
def test_w2_deploy_right_after_a_plan_was_killed(operator: Bench, aws: FakeAws, linger: bool) -> None:
    """W2, W4: what it left is deleted or taken over, whoever asks first; nobody's tags are missed."""
    aws.settings.plain_sets_linger = linger
    killed_while_planning(operator, app(operator))
    assert operator.plan(app(operator)).changed
    killed_while_planning(operator, app(operator))
    assert operator.deploy(app(operator)).exit_code == 0
    killed_while_planning(operator, app(operator, 5))
    assert operator.deploy(app(operator, 5)).exit_code == 0
    assert left_over(aws) == ([], [])


@pytest.mark.long
@pytest.mark.promise(
    "W2", "a plan and a deployment so many seconds later, with deletions that take as long as they like"
)
@pytest.mark.parametrize("seed", seeds(short=3, soak=200))
def test_w2_plans_and_deployments_in_any_order(operator: Bench, aws: FakeAws, seed: int, tried: Tried) -> None:
    """W2: plans, killed plans and deployments at random times: each ends as it would have alone, nothing is left."""
    rng = random.Random(seed)  # noqa: S311 # reproducible, not secret
    aws.settings.change_set_delete_seconds = rng.choice([0.0, 3.0, 20.0, 90.0])
    aws.settings.review_delete_seconds = rng.choice([0.0, 4.0, 30.0])
    aws.settings.plain_sets_linger = rng.random() < 0.5
    for step in range(6):
        templates = app(operator, step)
        match rng.choice(["plan", "killed", "deploy"]):
            case "plan":
                assert operator.plan(templates).changed
            case "killed":
                killed_while_planning(operator, templates)
            case "deploy":
                assert operator.deploy(templates).exit_code == 0
        aws.clock.sleep(rng.choice([0, 0, 1, 10, 60]))
        tried()
    assert operator.deploy(app(operator, 99)).exit_code == 0
    assert left_over(aws) == ([], [])


@pytest.mark.long
@pytest.mark.parametrize("code", ["AccessDenied", "InternalFailure", "InvalidChangeSetStatus"])
def test_w2_a_deletion_that_aws_refuses_stops_nothing_and_is_told_once(
    operator: Bench, aws: FakeAws, code: str
) -> None:
    """W2: the sets of an earlier run, and our own at the end."""
    operator.begin(app(operator))
    killed_while_planning(operator, app(operator, 4))
    aws.refuse("cloudformation:DeleteChangeSet", code, "not now", times=None)
    assert operator.plan(app(operator, 5)).changed
    told = warnings(operator)
    assert len([each for each in told if "change sets are left" in each]) == len(told) <= 2
    assert operator.deploy(app(operator, 5)).exit_code == 0


@pytest.mark.long
def test_w2_change_sets_that_may_not_be_listed_stop_no_cleanup(aws: FakeAws, tmp_path: Path) -> None:
    """W2: of independent stacks nobody else has to know how many there are."""
    bench = at_work(aws, environment(tmp_path))
    bench.bootstrap()
    bench.begin(app(bench))
    aws.refuse("cloudformation:ListChangeSets", "AccessDenied", "not allowed", times=None)
    assert bench.deploy(app(bench, 5)).exit_code == 0
    assert [each for each in warnings(bench) if "cloudformation:ListChangeSets" in each]


@pytest.mark.long
def test_w2_a_deletion_without_an_end_is_waited_for_so_long_and_told(operator: Bench, aws: FakeAws) -> None:
    """W2: the plan is shown, and ends after the bound."""
    aws.settings.change_set_delete_seconds, aws.settings.plain_sets_linger = 1e6, True
    began = aws.clock.monotonic()
    assert operator.plan(app(operator)).changed
    assert CLEANUP < aws.clock.monotonic() - began < CLEANUP + 120
    [told] = warnings(operator)
    assert "is still DELETE_" in told


@pytest.mark.long
@pytest.mark.parametrize("operator", ["nested"], indirect=True)
def test_w2_a_change_set_without_an_end_is_given_up(operator: Bench, aws: FakeAws) -> None:
    """W2: nothing was executed; the exit code is that of an environment that cannot be used."""
    aws.settings.change_set_seconds = 1e6
    with pytest.raises(CloudError, match=r"is still CREATE_.* after 30 min: nothing was executed") as caught:
        operator.deploy(app(operator))
    assert caught.value.exit_code == 4
    assert aws.clock.monotonic() >= CREATION


def test_w4_a_stack_in_review_shows_nothing_and_is_ours_by_its_change_sets(aws: FakeAws, tmp_path: Path) -> None:
    """W4: as recorded; one with somebody else's change set is not ours."""
    bench = at_work(aws, environment(tmp_path))
    bench.bootstrap()
    unit = bench.unit("data", {"Jobs": QUEUE})
    killed_while_planning(bench, assembly(layer("data", {"Jobs": QUEUE}), env=bench.env))
    row = aws.client("cloudformation").describe_stacks(StackName=unit.stack)["Stacks"][0]
    assert (row["Tags"], row.get("ChangeSetId"), row.get("Parameters")) == ([], None, None)
    assert kinds(bench.deploy_units(unit).outcomes) == {"data": "Deployed"}


def test_w4_a_stack_in_review_of_somebody_else_is_refused(aws: FakeAws, tmp_path: Path) -> None:
    """W4: by the name of its change set."""
    bench = at_work(aws, environment(tmp_path))
    unit = bench.unit("data", {"Jobs": QUEUE})
    request = {"StackName": unit.stack, "ChangeSetName": "console-1", "ChangeSetType": "CREATE"}
    aws.elsewhere.create_change_set({**request, "TemplateBody": unit.text})
    with pytest.raises(Refused, match="does not carry infragen's tags"):
        bench.deploy_units(unit)


@pytest.mark.parametrize("ours", [True, False])
def test_w4_a_stack_in_review_that_is_being_deleted(aws: FakeAws, tmp_path: Path, ours: bool) -> None:
    """W4: ours is followed to its end, by the token; anybody else's is a conflict, and never one to adopt."""
    bench = at_work(aws, environment(tmp_path))
    unit = bench.unit("data", {"Jobs": QUEUE})
    name = "infragen-1" if ours else "console-1"
    request = {"StackName": unit.stack, "ChangeSetName": name, "ChangeSetType": "CREATE"}
    aws.elsewhere.create_change_set({**request, "TemplateBody": unit.text})
    aws.clock.settle()
    aws.elsewhere.delete_stack({"StackName": unit.stack, "ClientRequestToken": f"{name}-token"})
    aws.clock.sleep(1)
    if ours:
        assert kinds(bench.deploy_units(unit).outcomes) == {"data": "Deployed"}
    else:
        with pytest.raises(Conflict, match="DELETE_IN_PROGRESS"):
            bench.deploy_units(unit)


def test_w4_a_stack_that_was_made_meanwhile_is_a_conflict(aws: FakeAws, tmp_path: Path) -> None:
    """W4: "already exists" is no mistake of the user's."""
    bench = at_work(aws, environment(tmp_path))
    unit = bench.unit("data", {"Jobs": QUEUE})
    aws.elsewhere.create_stack({"StackName": unit.stack, "TemplateBody": unit.text})
    request = ChangeSetRequest(unit.stack, "infragen-1", "CREATE", {}, {}, (), unit.text)
    with pytest.raises(Conflict, match="already exists and cannot be created again") as caught:
        bench.session.cloud.create_change_set(request)
    assert caught.value.exit_code == 5
