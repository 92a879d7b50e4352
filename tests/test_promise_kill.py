"""infragen is killed at every call and every write of a deployment; run again, it ends as if undisturbed.

Real processes and kill -9, real layers, virtual time. A sample of the points runs each time, all of them in a soak.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakeaws import FakeAws
from fakeaws.proxy import Interrupt, Proxy
from figures import Tried
from processes import DEPLOY, Operator, Running, fresh_cloud, told_clean
from sweeps import SEED, SOAKING, figure

from infragen.config import load_environment

KILLED = -9
ALL = 10**6

Make = Callable[..., Operator]


def chosen(count: int, short: int, soak: int, seed: str) -> list[tuple[int, bool]]:
    """So many calls from 1 to `count`, before and after, the same each time."""
    points = [(number, applied) for number in range(1, count + 1) for applied in (False, True)]
    lots = random.Random(f"{SEED} {seed}")  # noqa: S311 # reproducible, not secret
    return sorted(lots.sample(points, min(len(points), figure(short, soak))))


def deploy(operator: Operator, at: int = 0, applied: bool = False) -> tuple[int, int]:
    """Deploys, and kills the process at its call of this number, before or after AWS did it: exit code and calls.
    Without a number it deploys in this process.
    """
    if not at:
        with Proxy(operator.aws.url, near=True) as proxy:
            return replace(operator, url=proxy.url).run_here(*DEPLOY).code, len(proxy.calls)
    victim: list[Running] = []
    with Proxy(operator.aws.url) as proxy:
        proxy.at(at, Interrupt(lambda: victim[0].kill(), applied=applied))
        victim.append(replace(operator, url=proxy.url).start(*DEPLOY))
        return victim[0].wait().code, len(proxy.calls)


def state(aws: FakeAws) -> dict[str, Any]:
    """What must be the same in the end: each stack's template, resources, tags, protection and policy."""
    found = {}
    for stack in aws.cloud.stacks.values():
        if stack.status != "DELETE_COMPLETE" and not stack.name.endswith("-artifacts"):
            name = stack.name if stack.parent_id is None else stack.name.rpartition("-")[0]
            resources = sorted((each.logical_id, each.status) for each in stack.resources.values())
            found[name] = (stack.target.text, resources, stack.target.tags, stack.protected, stack.policy)
    return found


def begun(aws: FakeAws, since: int = 0) -> dict[str, int]:
    """How often an operation began on each stack."""
    moves = aws.cloud.transitions[since:]
    return Counter(stack for _, stack, _, status in moves if status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"))


def settled_well(operator: Operator) -> None:
    """Everything complete, nothing left over, and the next run finds nothing to do."""
    aws = operator.aws
    aws.clock.settle()
    statuses = {each.status for each in aws.cloud.stacks.values()}
    assert statuses <= {"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"}, statuses
    assert [each.name for each in aws.cloud.change_sets.values() if each.execution == "AVAILABLE"] == []
    mutations = aws.mutations()
    assert operator.run_here(*DEPLOY).code == 0
    assert aws.mutations() == mutations
    aws.check()


@pytest.mark.long
@pytest.mark.promise("P4", "creations killed (-9) before or after a call, run again: as if undisturbed")
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_a_killed_creation_converges_when_it_is_run_again(operator: Make, tried: Tried, topology: str) -> None:
    """P4, N5, N9: each stack is created exactly once, and is as if nothing had happened."""
    with fresh_cloud() as aws:
        code, total = deploy(operator(topology, aws=aws))
        assert code == 0
        expected = state(aws)
    for number, applied in chosen(total, short=2, soak=ALL, seed=topology):
        with fresh_cloud() as aws:
            tried()
            killed = operator(topology, aws=aws)
            code, calls = deploy(killed, number, applied)
            assert (code, calls >= number) == (KILLED, True)  # other calls may be on their way beside it
            aws.clock.advance(random.Random(number).choice([0, 1, 5, 600]))  # noqa: S311 # found at an odd moment
            assert deploy(killed)[0] == 0, (number, applied)
            assert state(aws) == expected, (number, applied)
            assert set(begun(aws).values()) == {1}, (number, applied)
            settled_well(killed)


@pytest.mark.long
@pytest.mark.promise("P4", "updates of protected stacks killed (-9), run again: as if undisturbed")
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_a_killed_update_converges_when_it_is_run_again(
    operator: Make, aws: FakeAws, tried: Tried, topology: str
) -> None:
    """P4, N5: each stack is updated at most once to each content; protection and stack policy are back in place."""

    def content(turn: int) -> Operator:
        return operator(topology, f"    timeout: {30 + turn % 2}\nprotect: true\ntags: {{Turn: t{turn % 2}}}\n")

    for turn in range(3):  # the third is the first with nothing left to upload, as all that follow
        code, total = deploy(content(turn))
        assert code == 0
    guarded = {name: (protected, policy) for name, (*_, protected, policy) in state(aws).items()}
    for turn, (number, applied) in enumerate(chosen(total, short=1, soak=80, seed=topology), start=3):
        tried()
        before = len(aws.cloud.transitions)
        code, calls = deploy(content(turn), number, applied)
        assert (code == KILLED and calls >= number) or (
            code == 0 and calls < number
        )  # it may look once less than before
        aws.clock.advance(random.Random(number).choice([0, 1, 5, 600]))  # noqa: S311 # found at an odd moment
        assert deploy(content(turn))[0] == 0, (number, applied)
        assert set(begun(aws, before).values()) == {1}, (number, applied)
        after = state(aws)
        assert {name: (protected, policy) for name, (*_, protected, policy) in after.items()} == guarded
        assert all(tags["Turn"] == f"t{turn % 2}" for _, _, tags, *_ in after.values())
        settled_well(content(turn))


@pytest.mark.skipif(not SOAKING, reason="it needs cfn-lint itself, again and again")
@pytest.mark.promise("P4", "deployments killed (-9) before they change a file, run again: as if undisturbed")
def test_a_deployment_killed_at_a_change_of_a_file_converges(operator: Make, tried: Tried, tmp_path: Path) -> None:
    """P4, N5: what it keeps on disk is its cache of findings; half-written, it is not taken for the whole."""
    cache, changes = tmp_path / "cache", list[str]()

    def start(aws: FakeAws) -> Operator:
        made = operator("independent", aws=aws)
        told_clean(load_environment(tmp_path / "environments" / "dev.yaml"), cache)[0].unlink()
        return replace(made, variables={"INFRAGEN_CACHE_DIR": str(cache)})

    with fresh_cloud() as aws:
        assert start(aws).run(*DEPLOY, writing=lambda _, change: changes.append(change)).code == 0
    for number in range(len(changes)):
        with fresh_cloud() as aws:
            tried()
            killed, left = start(aws), iter(range(number, -1, -1))
            ended = killed.run(*DEPLOY, writing=lambda running, _, left=left: next(left, 1) or running.kill())  # type: ignore[misc]  # `kill` gives nothing, which is false
            assert ended.code == KILLED, changes[number]
            assert deploy(killed)[0] == 0, changes[number]
            settled_well(killed)
