"""An ECS service of the local emulator is complete when its rollout is, as AWS's is."""

from typing import Any

import pytest

from infragen_local.patches.ecs import LONGEST, Service, wait_for_rollout

WANTED = "arn:aws:ecs:us-east-1:000000000000:task-definition/api:2"
OLD = WANTED.replace(":2", ":1")


def service(state: str, running: int, task: str = WANTED, *others: dict[str, Any]) -> Service:
    primary = {"status": "PRIMARY", "taskDefinition": task, "rolloutState": state}
    return {"desiredCount": 2, "runningCount": running, "deployments": [primary, *others]}


def looks(*found: Service | None, wanted: str = WANTED) -> int:
    """How many looks it takes until the wait ends."""
    left, taken = list(found), list[float]()
    wait_for_rollout(lambda: left.pop(0), wanted, taken.append, lambda: sum(taken))
    assert not left
    return len(taken) + 1


@pytest.mark.parametrize("wanted", [WANTED, "api:2", "api"])
def test_a_service_is_complete_when_its_rollout_is(wanted: str) -> None:
    old = {"status": "ACTIVE", "taskDefinition": OLD, "rolloutState": "COMPLETED"}
    steps = [service("IN_PROGRESS", 0, WANTED, old), service("IN_PROGRESS", 2, WANTED, old)]
    assert looks(*steps, service("COMPLETED", 1), service("COMPLETED", 2), wanted=wanted) == 4


def test_a_service_without_tasks_is_complete_at_once() -> None:
    assert looks({"desiredCount": 0, "runningCount": 0, "deployments": []}) == 1


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (service("FAILED", 0), "Circuit Breaker was triggered"),
        (service("IN_PROGRESS", 2, OLD), "Circuit Breaker was triggered"),  # it went back already
        (None, "was not found"),
    ],
)
def test_a_rollout_that_fails_fails_the_resource(last: Service | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        looks(service("IN_PROGRESS", 0), last)


def test_a_rollout_without_an_end_fails_after_three_hours() -> None:
    taken: list[float] = []
    with pytest.raises(ValueError, match="Exceeded attempts"):
        wait_for_rollout(lambda: service("IN_PROGRESS", 0), WANTED, taken.append, lambda: sum(taken) * 600)
    assert sum(taken) * 600 >= LONGEST
