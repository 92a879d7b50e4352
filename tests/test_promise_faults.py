"""Lost replies and faults at any call of a deployment: what a user gets in the end.

infragen runs with its real layers, in virtual time on the fake, with the fault proxy in front of it: as a process over
HTTP for the lost replies, in this one for all other faults.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
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
    NoName,
    NotInTime,
    Proxy,
    Seen,
    Truncate,
)
from figures import Tried
from processes import DEPLOY, Ended, Operator, fresh_cloud
from sweeps import SEED, figure

from infragen.cli.program import EXIT_CODES

FAULTS: dict[str, Fault] = {
    "throttled": THROTTLED,
    "500": INTERNAL_FAILURE,
    "503 as a web page": Html(503),
    "reset": DropBefore(),
    "no reply": DropAfter(),
    "cut short": Truncate(),
    "broken off": Truncate(announce_all=True),
    "login ran out": EXPIRED,
    "denied": Error("AccessDenied", 403, "not allowed"),
    "500 and applied": Error("InternalFailure", 500, applied=True),
    "timeout": NotInTime(),
    "dns": NoName(),
}

LONG = 12
"""More calls in a row than the client has tries."""

TOPOLOGIES = ["nested", "independent"]
Make = Callable[..., Operator]
Calls = Callable[[str], list[Seen]]


def chosen(points: Iterable[Any], sample: int, seed: object) -> list[Any]:
    """All points in a soak, else a few that are the same each time."""
    found = list(points)
    lots = random.Random(f"{SEED} {seed}")  # noqa: S311 # reproducible, not secret
    return lots.sample(found, min(len(found), figure(short=sample, soak=len(found))))


def run(operator: Operator, name: str = "", number: int = 0, times: int = 1) -> tuple[Ended, list[Seen]]:
    """Deploys through the proxy, with a fault at calls from this number on: how it ended, the calls that were made."""
    clock = operator.aws.clock
    with Proxy(operator.aws.url, clock.monotonic, clock.sleep, near=True) as proxy:
        if name:
            proxy.at(number, FAULTS[name], times)
        return replace(operator, url=proxy.url).run_here(*DEPLOY), proxy.calls


def executed(calls: Iterable[Seen]) -> bool:
    """Whether a change set was executed, or a stack deleted."""
    return any(call.operation in ("ExecuteChangeSet", "DeleteStack") for call in calls)


def created_once(aws: FakeAws) -> None:
    """Every stack was created exactly once, and nothing is left over."""
    aws.clock.settle()
    begun = [stack for _, stack, _, status in aws.cloud.transitions if status == "CREATE_IN_PROGRESS"]
    assert len(begun) == len(set(begun))
    alive = {each.status for each in aws.cloud.stacks.values()} - {"DELETE_COMPLETE"}
    assert alive == {"CREATE_COMPLETE"}
    assert [each.name for each in aws.cloud.change_sets.values() if each.execution == "AVAILABLE"] == []


@pytest.mark.long
@pytest.mark.promise("P5", "replies lost of a call that changes something: one execution, exit code 0")
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_lost_reply_is_no_error(operator: Make, undisturbed: Calls, tried: Tried, topology: str) -> None:
    """P5, C13: whichever call it was, it was applied and its reply lost."""
    for seen in chosen((each for each in undisturbed(topology) if each.mutating), 2, topology):
        with fresh_cloud() as aws:
            tried()
            with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
                proxy.at(seen.number, DropAfter())
                ended = replace(operator(topology, aws=aws), url=proxy.url).run(*DEPLOY)
            assert ended.code == 0, (seen, ended.stderr)
            created_once(aws)


@pytest.mark.long
@pytest.mark.promise("P6", "faults at a call of a deployment: an exit code of the table, no traceback")
@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("name", [*FAULTS])
def test_any_fault_at_any_call_ends_in_a_known_exit_code(
    operator: Make, undisturbed: Calls, tried: Tried, name: str, topology: str
) -> None:
    """P6, N4, E5: once, or for longer than the client tries; and whatever came of it, the next run converges."""
    total = len(undisturbed(topology))
    points = [*((n, 1) for n in range(1, total + 1)), *((n, LONG) for n in range(1, total + 1, 8))]
    for number, times in chosen(points, 1, (topology, name)):
        with fresh_cloud() as aws:
            tried()
            user = operator(topology, aws=aws)
            ended, _ = run(user, name, number, times)
            known_end(ended, (name, number, times))
            if ended.code:
                aws.clock.settle()
                again = user.run_here(*DEPLOY)
                assert again.code == 0, (name, number, times, again.stderr)
            created_once(aws)


def known_end(ended: Ended, what: object) -> None:
    """An exit code that the table explains and that is no bug, and words instead of a traceback."""
    said = ended.stdout + ended.stderr
    assert ended.code in set(EXIT_CODES) - {70, 10, 130, 143}, (what, said)
    assert "Traceback" not in said, (what, said)
    assert "bug in infragen" not in said, (what, said)
    assert ended.code == 0 or ended.stderr.strip(), what


@pytest.mark.long
@pytest.mark.promise("P6", "faults at a call of a deployment that a guard refuses: nothing executed")
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_no_fault_gets_a_refused_plan_executed(operator: Make, aws: FakeAws, tried: Tried, topology: str) -> None:
    """P6: a queue that would be replaced; any fault at any call of the run."""
    assert operator(topology).run_here(*DEPLOY).code == 0
    refused = operator(topology, edit=("  - name: jobs\n", "  - name: jobs\n    fifo: true\n"))
    ended, calls = run(refused)
    assert (ended.code, executed(calls)) == (3, False), ended.stderr
    points = [(name, number) for name in FAULTS for number in range(1, len(calls) + 1)]
    for name, number in chosen(points, 1, topology):
        tried()
        ended, calls = run(refused, name, number)
        known_end(ended, (name, number))
        assert ended.code != 0, (name, number)
        assert not executed(calls), (name, number)
