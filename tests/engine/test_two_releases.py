"""Two deployments with a release command at a time: one command runs, then the other or none, in virtual time.

A migration that ran for a deployment which is refused afterwards leaves the database ahead of what runs.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bench import Bench, at_work, environment, prepare_account
from fakeaws import FakeAws
from fakeaws.one_off import PROVISIONING, OneOffs
from sweeps import SEED, figure
from test_release import ARM, TEXT
from test_two_operators import Taking, Turns, interleaved, once_each

from infragen.assembly.synth import synthesize
from infragen.engine.deploy import deploy_environment
from infragen.engine.options import Options
from infragen.engine.progress import Session
from infragen.engine.release import Command, run_command

MOST = 45
"""More calls than a deployment here makes before its release command runs."""

FOUND = [(18, 41), (1, 44), (30, 5)]
"""At the first, the second run's nested change sets are gone when it reads them: what its gates see is not its own. At
the second, a whole deployment passes between the second run's last look and its RunTask."""

BOTH_STARTED = [(0, 40), (1, 50), (0, 9), (1, 10**6), (0, 10**6)]
"""In independent topology each starts its task without seeing the other's; the later one is stopped, and waits."""


def sampled(short: int) -> list[tuple[int, int]]:
    pairs = [(calls, others) for calls in range(1, MOST) for others in range(1, MOST)]
    return pairs if figure(0, 1) else FOUND[: short + 1] + random.Random(SEED).sample(pairs, short)  # noqa: S311 # a sample


@pytest.fixture(params=["nested", "independent"])
def shop(aws: FakeAws, tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    bench = at_work(aws, environment(tmp_path, TEXT, request.param))
    prepare_account(aws, bench.env)
    bench.bootstrap()
    bench.begin(synthesize(bench.env))
    aws.settings.images["shop-test-api"] = {"v1": ARM, "v2": ARM}
    aws.settings.one_off.seconds = 40
    return bench


def ran(aws: FakeAws) -> list[tuple[str, float, float]]:
    """The release commands that ran: image, from when until when."""
    found = []
    for each in aws.cloud.one_offs.values():
        assert isinstance(each, OneOffs)
        for task in each.tasks.values():
            began = task.started + PROVISIONING
            ends = began + aws.settings.one_off.seconds
            if task.asked is None or task.asked > began:
                image = task.definition["containerDefinitions"][0]["image"]
                found.append((image.rpartition("@")[2], began, min(ends, task.asked or ends)))
    return sorted(found, key=lambda each: each[1])


def together(bench: Bench, runs: list[Callable[[Session], int]], order: list[tuple[int, int]]) -> list[int]:
    """The exit codes of two runs that interleave so."""

    def session(turns: Turns, run: int) -> Session:
        one = bench.session
        timer = replace(one.timer, date=lambda: bench.aws.clock.now().timestamp())
        return replace(one, run="abcdefgh"[run] * 8, cloud=Taking(one.cloud, turns, run), timer=timer)

    return interleaved(bench.aws, session, runs, order)


def deploys(bench: Bench, tag: str, wait: float | None = None) -> Callable[[Session], int]:
    made = synthesize(bench.env)
    return lambda session: deploy_environment(made, session, Options(image_tag=tag, wait=wait)).exit_code


def migrates(bench: Bench, tag: str) -> Callable[[Session], int]:
    def run(session: Session) -> int:
        command = Command("release", ("node", "src/release.ts"), 600, 256, 512, tag)
        return 0 if run_command(session, bench.env, command).succeeded else 1

    return run


@pytest.mark.long
@pytest.mark.promise("P10", "two deployments with a release command: the second waits, or is refused before it runs")
@pytest.mark.parametrize(("calls", "others"), sampled(1))
def test_the_second_of_two_releases_is_refused_before_its_command_runs(
    shop: Bench, aws: FakeAws, calls: int, others: int
) -> None:
    """Wherever it begins; the command of a deployment that is refused did not run."""
    digests = {tag: shop.session.cloud.image_digest("shop-test-api", tag) for tag in ("v1", "v2")}
    codes = together(shop, [deploys(shop, "v1"), deploys(shop, "v2")], once_each(calls, others))
    found = ran(aws)
    assert 0 in codes
    assert {*codes} <= {0, 5}, codes
    assert sorted(image for image, _, _ in found) == sorted(
        str(digests[tag]) for tag, code in zip(("v1", "v2"), codes, strict=True) if code == 0
    ), (codes, found)
    assert all(one[2] <= other[1] for one, other in itertools.pairwise(found)), found


@pytest.mark.long
@pytest.mark.parametrize("order", [once_each(30, 5), BOTH_STARTED])
def test_with_wait_both_release_one_after_the_other(shop: Bench, aws: FakeAws, order: list[tuple[int, int]]) -> None:
    codes = together(shop, [deploys(shop, "v1", 7200), deploys(shop, "v2", 7200)], list(order))
    found = ran(aws)
    assert codes == [0, 0]
    assert len(found) == 2
    assert found[0][2] <= found[1][1]


@pytest.mark.long
@pytest.mark.parametrize(("calls", "others"), sampled(1))
def test_migrate_and_a_deployment_do_not_run_at_a_time(shop: Bench, aws: FakeAws, calls: int, others: int) -> None:
    codes = together(shop, [deploys(shop, "v1"), migrates(shop, "v2")], once_each(calls, others))
    found = ran(aws)
    assert len(found) == codes.count(0), (codes, found)
    assert all(one[2] <= other[1] for one, other in itertools.pairwise(found)), found


@pytest.mark.long
@pytest.mark.parametrize(
    ("shop", "calls", "others", "ends", "images"),
    [("independent", 1, 44, [0, 5], ["v2", "v1"]), ("nested", 37, 55, [0, 0], ["v2", "v1", "v2"])],
    indirect=["shop"],
)
def test_with_wait_a_command_may_run_for_nothing_or_twice(
    shop: Bench, aws: FakeAws, calls: int, others: int, ends: list[int], images: list[str]
) -> None:
    """The first run deploys while the second's task has ended, or starts: what it did to the database stays."""
    tags = {shop.session.cloud.image_digest("shop-test-api", tag): tag for tag in ("v1", "v2")}
    codes = together(shop, [deploys(shop, "v1", 7200), deploys(shop, "v2", 7200)], once_each(calls, others))
    assert codes == ends
    assert [tags[image] for image, _, _ in ran(aws)] == images
