"""The real layers of `environments/` on the fake AWS, in both topologies and in virtual time."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from bench import ACCOUNT, Bench, at_work, failure, kinds, prepare_account
from fakeaws import FakeAws
from figures import Tried
from formats import check_formats
from sweeps import SOAKING

from infragen.assembly.synth import Assembly, synthesize
from infragen.config import load_environment

ENVIRONMENTS = Path(__file__).parent / "data" / "environments"
NAMES = sorted(path.stem for path in ENVIRONMENTS.glob("*.yaml") if "environment:" in path.read_text())
TOPOLOGIES = ["nested", "independent"]
LIVES = list(itertools.product(NAMES, TOPOLOGIES) if SOAKING else zip(NAMES, itertools.cycle(TOPOLOGIES), strict=False))
"""Each environment in one topology, and in both in a soak."""


def operator(aws: FakeAws, directory: Path, name: str, topology: str, edit: tuple[str, str] = ("", "")) -> Bench:
    """An operator of one of the repository's environments, moved to the fake's account, in this topology."""
    for path in ENVIRONMENTS.glob("*.yaml"):
        text = re.sub(r"(?m)^account: .*$", f'account: "{ACCOUNT}"', path.read_text())
        text = re.sub(r"(?m)^topology: .*\n", "", text)
        text = re.sub(r"(acm:[a-z0-9-]+):[0-9]{12}", rf"\1:{ACCOUNT}", text)
        if path.stem == name:
            text = text.replace(*edit) + f"\ntopology: {topology}\n"
        (directory / path.name).write_text(text)
    bench = at_work(aws, load_environment(directory / f"{name}.yaml"))
    prepare_account(aws, bench.env)
    return bench


def assembly(bench: Bench) -> Assembly:
    return synthesize(bench.env)


def started(aws: FakeAws, bench: Bench) -> dict[str, float]:
    """When each independent stack began, in virtual seconds."""
    prefix = f"{bench.env.name}-"
    begun = [
        (time, stack.rsplit("/", 2)[1])
        for time, stack, _, status in aws.cloud.transitions
        if status == "CREATE_IN_PROGRESS"
    ]
    return {name.removeprefix(prefix): time for time, name in begun}


@pytest.mark.long
@pytest.mark.promise("P20", "environments deployed again: nothing written, few calls")
@pytest.mark.parametrize(("name", "topology"), LIVES)
def test_every_environment_is_deployed_found_unchanged_and_updated(
    aws: FakeAws, tmp_path: Path, tried: Tried, name: str, topology: str
) -> None:
    """All layers; the second deployment changes nothing; a new image changes the api alone."""
    bench = operator(aws, tmp_path, name, topology)
    bench.bootstrap()
    made = assembly(bench)
    first = bench.deploy(made)
    assert first.exit_code == 0, first.outcomes
    assert set(kinds(first.outcomes).values()) == {"Deployed"}
    mutations, calls = aws.mutations(), len(aws.calls)
    assert set(kinds(bench.deploy(made).outcomes).values()) == {"Unchanged"}
    assert aws.mutations() == mutations
    tried()
    tried.most(f"calls, {topology}", len(aws.calls) - calls)
    assert len(aws.calls) - calls <= (12 if topology == "nested" else 4 + 2 * len(made.templates))
    third = bench.deploy(made, image_tag="abc123")
    assert third.exit_code == 0, third.outcomes
    changed = {stack.layer for stack in third.plan.stacks if stack.action != "none"}
    assert changed - {"root"} == {"api"}
    check_formats(first.plan, third.plan)
    assert bench.deploy(made).exit_code == 0  # the image of before is kept
    tasks = [r for s in aws.cloud.stacks.values() for r in s.resources.values() if r.type == "AWS::ECS::TaskDefinition"]
    images = {str(container["Image"]) for task in tasks for container in task.properties["ContainerDefinitions"]}
    assert any(image.endswith(":abc123") for image in images)


@pytest.mark.long
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_failed_layer_is_blamed_and_the_rest_is_as_the_topology_says(
    aws: FakeAws, tmp_path: Path, topology: str
) -> None:
    """Nested: the whole root goes back. Independent: dependants are skipped, the others are deployed."""
    bench = operator(aws, tmp_path, "dev", topology)
    bench.bootstrap()
    aws.fail("Cluster", "no capacity", after=40, times=1)
    result = bench.deploy(assembly(bench))
    assert result.exit_code == 1
    cause = failure(result).cause
    assert cause is not None
    assert (cause.layer, cause.logical_id, cause.reason) == ("database", "Cluster", "no capacity")
    if topology == "independent":
        assert kinds(result.outcomes) == {
            "network": "Deployed",
            "database": "Failed",
            "queue": "Deployed",
            "api": "Skipped",
            "worker": "Skipped",
            "observability": "Skipped",
        }
    again = bench.deploy(assembly(bench))
    assert again.exit_code == 0, again.outcomes


@pytest.mark.long
@pytest.mark.promise("P18", "deployments of independent stacks: no slower than their critical path")
def test_independent_stacks_start_when_their_inputs_are_complete(aws: FakeAws, tmp_path: Path, tried: Tried) -> None:
    """P18: the wall time is that of the critical path: a slow database does not hold up the queues."""
    bench = operator(aws, tmp_path, "dev", "independent")
    bench.bootstrap()
    aws.slow("Writer", 400)
    begin = aws.clock.seconds
    assert bench.deploy(assembly(bench)).exit_code == 0
    at = started(aws, bench)
    assert abs(at["database"] - at["queue"]) < 10
    assert abs(at["api"] - at["worker"]) < 10
    assert at["network"] < at["queue"] < at["api"] < at["observability"]
    ratio = (aws.clock.seconds - begin) / critical_path(aws, bench, assembly(bench))
    tried()
    tried.most("times its critical path", round(ratio, 3))
    assert ratio <= 1.1


def critical_path(aws: FakeAws, bench: Bench, made: Assembly) -> float:
    """The longest chain of stack operations through the layers' requirements, in seconds."""
    times: dict[str, dict[str, float]] = {}
    for time, stack, _, status in aws.cloud.transitions:
        times.setdefault(stack.rsplit("/", 2)[1].removeprefix(f"{bench.env.name}-"), {})[status] = time
    took = {name: t["CREATE_COMPLETE"] - t["CREATE_IN_PROGRESS"] for name, t in times.items() if "CREATE_COMPLETE" in t}
    longest: dict[str, float] = {}
    for template in made.templates:
        before = max((longest[need] for need in template.requires), default=0.0)
        longest[template.layer] = before + took[template.layer]
    return max(longest.values())


@pytest.mark.long
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_an_update_that_fails_in_the_middle_goes_back_and_can_be_repeated(
    aws: FakeAws, tmp_path: Path, topology: str
) -> None:
    """A longer log retention in the api fails at its service; afterwards the same command succeeds."""
    bench = operator(aws, tmp_path, "dev", topology)
    bench.bootstrap()
    bench.begin(assembly(bench))
    changed = operator(aws, tmp_path, "dev", topology, ("log_level: debug", "log_level: warn"))
    aws.fail("Service", "the service did not stabilise", on="update", after=30, times=1)
    result = changed.deploy(assembly(changed))
    assert failure(result).status == "UPDATE_ROLLBACK_COMPLETE"
    assert failure(result).cause is not None
    assert "did not stabilise" in failure(result).message
    assert changed.deploy(assembly(changed)).exit_code == 0


@pytest.mark.long
def test_another_nat_image_changes_nothing_that_takes_outputs_of_the_network(aws: FakeAws, tmp_path: Path) -> None:
    """Nested: AWS computes every layer with placeholders, and no gate hears of the database, the api or the workers."""
    bench = operator(aws, tmp_path, "dev", "nested")
    bench.bootstrap()
    assert bench.deploy(assembly(bench)).exit_code == 0
    changed = operator(aws, tmp_path, "dev", "nested", ("flow_logs: REJECT", "flow_logs: ALL"))
    made = assembly(changed)
    image = made.template("network").body["Parameters"]["NatImageId"]["Default"]
    aws.settings.ssm[image] = "ami-fedcba98765432100"
    for placeholder in ("known after apply", "intrinsic"):
        aws.settings.nested_placeholder = placeholder
        plan = changed.plan(made)
        assert {each.layer for each in plan.changes()} == {"root", "network"}, placeholder
        assert {each.layer for each in plan.stacks if each.action != "none"} == {"root", "network"}
        assert {each.logical_id for each in plan.changes() if each.replacement != "False"} >= {"FlowLog"}
        assert not plan.refusals
    assert changed.deploy(made).exit_code == 0


@pytest.mark.long
def test_requirements_come_before_their_dependants(aws: FakeAws, tmp_path: Path) -> None:
    """No stack begins before what it takes outputs from is complete."""
    bench = operator(aws, tmp_path, "dev", "independent")
    bench.bootstrap()
    made = assembly(bench)
    assert bench.deploy(made).exit_code == 0
    moves = [(stack.rsplit("/", 2)[1], status) for _, stack, _, status in aws.cloud.transitions]
    place = {move: index for index, move in enumerate(moves)}
    pairs = list(itertools.chain.from_iterable(((t.layer, need) for need in t.requires) for t in made.templates))
    assert len(pairs) > 5
    for layer, need in pairs:
        begun = place[f"{bench.env.name}-{layer}", "CREATE_IN_PROGRESS"]
        assert place[f"{bench.env.name}-{need}", "CREATE_COMPLETE"] < begun
