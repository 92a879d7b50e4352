"""`infragen rotate` on the fake, in virtual time: the order of its steps, what it refuses, and what it says when a step
fails or is interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench import Bench, at_work, environment, prepare_account
from fakeaws import FakeAws

from infragen.assembly.synth import synthesize
from infragen.engine.progress import (
    Event,
    Lost,
    RotationEnded,
    RotationStarted,
    ServiceDeploymentEnded,
    ServiceDeploymentStarted,
    Session,
    Timer,
    Warned,
)
from infragen.engine.rotate import Rotated, Step, restart, rotate
from infragen.errors import CloudError, Conflict, InputError, OperationFailed, OutcomeUnknown, Refused

DATABASE = "network: {nat: single}\ndatabase: {min_acu: 0.5, max_acu: 4}\n"
API = (
    "api: {cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2, https: {mode: http_only}, "
    "ingress_cidrs: [203.0.113.0/24]}\n"
)


def deployed(aws: FakeAws, directory: Path, text: str, topology: str = "independent") -> Bench:
    bench = at_work(aws, environment(directory, text, topology))
    prepare_account(aws, bench.env)
    bench.bootstrap()
    bench.begin(synthesize(bench.env))
    secrets = [
        each.physical_id
        for stack in aws.cloud.stacks.values()
        for each in stack.resources.values()
        if each.logical_id == "CredentialsLogGroup"
    ]
    aws.settings.rotation.log_group = secrets[0] if secrets else ""
    bench.ui.events.clear()
    return bench


@pytest.fixture
def shop(aws: FakeAws, tmp_path: Path) -> Bench:
    return deployed(aws, tmp_path, DATABASE + API)


def session(shop: Bench, heard: Callable[[Event], object] = lambda _: None) -> Session:
    """A run whose time of day is the fake's."""
    shop.ui.heard = heard
    clock = shop.aws.clock
    return replace(shop.session, timer=Timer(clock.monotonic, clock.sleep, lambda: clock.now().timestamp()))


def run(shop: Bench, *, twice: bool = False, heard: Callable[[Event], object] = lambda _: None) -> Rotated:
    return rotate(synthesize(shop.env), session(shop, heard), twice=twice)


def wrote(aws: FakeAws) -> list[str]:
    return [each.operation for each in aws.calls if each.operation in ("RotateSecret", "UpdateService")]


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_the_tasks_are_replaced_after_the_rotation(aws: FakeAws, tmp_path: Path, topology: str) -> None:
    """Each step is followed to its end before the next one begins; in both topologies."""
    shop = deployed(aws, tmp_path, DATABASE + API, topology)
    done = run(shop)
    assert done.steps == (Step.ROTATE, Step.DEPLOY)
    assert wrote(aws) == ["RotateSecret", "UpdateService"]
    kinds = [type(each) for each in shop.ui.events if not isinstance(each, Warned)]
    wanted = [RotationStarted, RotationEnded, ServiceDeploymentStarted, ServiceDeploymentEnded]
    assert [each for each in kinds if each in wanted] == wanted
    [update] = [each for each in aws.calls if each.operation == "UpdateService"]
    assert set(update.params) == {"cluster", "service", "forceNewDeployment"}
    asked = shop.ui.questions[-1]
    assert asked.answered_by == "--yes"
    assert "rotate the database credentials of test" in asked.text
    assert "replace the tasks of shop-test-api" in asked.text


@pytest.mark.long
def test_twice_replaces_the_tasks_between_the_rotations(shop: Bench, aws: FakeAws) -> None:
    """The second rotation ends the login that leaked, and no task has it then."""
    done = run(shop, twice=True)
    assert done.steps == (Step.ROTATE, Step.DEPLOY, Step.ROTATE_AGAIN)
    assert wrote(aws) == ["RotateSecret", "UpdateService", "RotateSecret"]
    ended = [each for each in shop.ui.events if isinstance(each, RotationEnded)]
    assert len({each.version for each in ended}) == 2
    assert done.next_rotation > 0


@pytest.mark.long
def test_tasks_that_are_behind_are_replaced_before_anything_is_rotated(shop: Bench, aws: FakeAws) -> None:
    """After a rotation by the schedule, and after `--twice`: a rotation would end the login that they use."""
    run(shop, twice=True)
    aws.calls.clear()
    done = run(shop)
    assert done.steps == (Step.CATCH_UP, Step.ROTATE, Step.DEPLOY)
    assert wrote(aws) == ["UpdateService", "RotateSecret", "UpdateService"]
    assert "replace the tasks, which use credentials before the current ones" in shop.ui.questions[-1].text
    aws.calls.clear()
    assert run(shop).steps == (Step.ROTATE, Step.DEPLOY), "they are up to date by now"


@pytest.mark.long
def test_a_secret_that_does_not_say_when_it_changed_counts_as_changed_since(shop: Bench, aws: FakeAws) -> None:
    """Unknown is unsafe."""
    aws.settings.rotation.changed = 0.0
    aws.settings.rotations["AppSecret"] = {"LastRotatedDate": 0}
    assert run(shop).steps[0] == Step.CATCH_UP


@pytest.mark.long
def test_without_services_the_rotation_is_all(aws: FakeAws, tmp_path: Path) -> None:
    """Workers read the secret again by themselves."""
    shop = deployed(aws, tmp_path, DATABASE)
    assert run(shop, twice=True).steps == (Step.ROTATE, Step.ROTATE_AGAIN)
    assert wrote(aws) == ["RotateSecret", "RotateSecret"]


@pytest.mark.long
def test_what_cannot_be_is_refused_before_anything_is_written(aws: FakeAws, tmp_path: Path) -> None:
    """No database in the file, none deployed, and the answer no."""
    bare = at_work(aws, environment(tmp_path, "network: {nat: single}\n"))
    with pytest.raises(InputError, match="has no database whose credentials"):
        run(bare)
    (tmp_path / "other").mkdir()
    empty = at_work(aws, environment(tmp_path / "other", DATABASE))
    with pytest.raises(CloudError, match="the database of shop-test is not deployed"):
        run(empty)
    (tmp_path / "third").mkdir()
    shop = deployed(aws, tmp_path / "third", DATABASE + API)
    shop.ui.answer = False
    with pytest.raises(Refused, match="nothing was rotated"):
        run(shop)
    assert wrote(aws) == []


@pytest.mark.long
def test_it_waits_for_nobody_else(shop: Bench, aws: FakeAws) -> None:
    """Exit code 5 while a rotation, a deployment of the service, or an operation on a stack runs."""
    [secret] = [each.physical_id for each in resources(aws) if each.logical_id == "AppSecret"]
    cloud = session(shop).cloud
    cloud.rotate_secret(secret, "00000000-0000-0000-0000-000000000001")
    with pytest.raises(Conflict, match="a rotation of the credentials runs, since 0 seconds"):
        run(shop)
    aws.clock.advance(30)
    [service] = [each.physical_id for each in resources(aws) if each.type == "AWS::ECS::Service"]
    cloud.deploy_again(service)
    with pytest.raises(Conflict, match="a deployment of the service shop-test-api is in progress"):
        run(shop)
    aws.clock.advance(100)
    [stack] = [each for each in aws.cloud.stacks.values() if each.name == "shop-test-api"]
    stack.status = "UPDATE_IN_PROGRESS"
    with pytest.raises(Conflict, match="shop-test-api is UPDATE_IN_PROGRESS"):
        run(shop)
    [inner] = [each for each in aws.cloud.stacks.values() if each.name == "shop-test-network"]
    inner.parent_id, inner.status, stack.status = stack.id, "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"
    with pytest.raises(Conflict, match="shop-test-network is UPDATE_IN_PROGRESS"):
        run(shop)


@pytest.mark.long
def test_with_wait_it_goes_on_when_the_others_have_ended(shop: Bench, aws: FakeAws) -> None:
    """Each is named once; what does not end in that time is a conflict, and nothing is rotated."""
    [secret] = [each.physical_id for each in resources(aws) if each.logical_id == "AppSecret"]
    [service] = [each.physical_id for each in resources(aws) if each.type == "AWS::ECS::Service"]
    own = session(shop)
    own.cloud.rotate_secret(secret, "00000000-0000-0000-0000-000000000001")
    with pytest.raises(Conflict, match="a rotation of the credentials runs"):
        rotate(synthesize(shop.env), own, wait=5)
    own.cloud.deploy_again(service)
    shop.ui.events.clear()
    assert rotate(synthesize(shop.env), own, wait=3600).steps[-1] == Step.DEPLOY
    said = [each.text for each in shop.ui.events if isinstance(each, Warned) and each.text.startswith("waiting: ")]
    assert len(said) == len(set(said)) == 1, said
    assert "a deployment of the service shop-test-api is in progress" in said[0]
    own.cloud.deploy_again(service)
    assert restart(synthesize(shop.env), own, wait=3600) == (service,)


def resources(aws: FakeAws) -> list[Any]:
    return [each for stack in aws.cloud.stacks.values() for each in stack.resources.values()]


@pytest.mark.long
def test_a_rotation_that_fails_says_why_and_that_nothing_in_use_has_changed(shop: Bench, aws: FakeAws) -> None:
    """In the function's own words; once the cause is gone the same version is tried again, and is not refused."""
    aws.settings.rotation.errors = ["the database refused the statement (42501)"]
    with pytest.raises(OperationFailed) as error:
        run(shop)
    assert "rotating failed: the database refused the statement (42501)" in error.value.message
    assert "continue with the credentials they have" in error.value.message
    assert "infragen logs credentials" in error.value.hint
    assert wrote(aws) == ["RotateSecret"]
    done = run(shop)
    assert done.steps == (Step.ROTATE, Step.DEPLOY)
    warned = [each.text for each in shop.ui.events if isinstance(each, Warned)]
    assert any("an earlier rotation did not complete" in each for each in warned)


@pytest.mark.long
def test_a_second_rotation_that_fails_says_that_the_leaked_login_still_works(shop: Bench, aws: FakeAws) -> None:
    """That is what somebody has to know who rotates after a leak."""

    def fail_next(event: Event) -> None:
        if isinstance(event, ServiceDeploymentEnded):
            aws.settings.rotation.errors = ["no"]

    with pytest.raises(OperationFailed, match=r"for the second time failed: no; .* stay valid until the second one"):
        run(shop, twice=True, heard=fail_next)


@pytest.mark.long
def test_tasks_that_do_not_stay_up_leave_the_others_with_a_login_that_works(shop: Bench, aws: FakeAws) -> None:
    """And no second rotation follows, which would end it."""
    aws.settings.rotation.breaks = True
    aws.settings.ecs_events["Service"] = ["(service shop-test-api) was unable to place a task."]
    with pytest.raises(OperationFailed) as error:
        run(shop, twice=True)
    assert "ECS deployment circuit breaker: tasks failed to start" in error.value.message
    assert "which work until the next rotation" in error.value.message
    assert "unable to place a task" in error.value.message
    assert wrote(aws) == ["RotateSecret", "UpdateService"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("at", "state"),
    [
        (RotationStarted, "continue with the credentials they have, which stay valid either way"),
        (ServiceDeploymentStarted, "the credentials are rotated; tasks that are not replaced yet use the ones before"),
    ],
)
def test_an_interrupted_run_says_what_state_things_are_in(shop: Bench, aws: FakeAws, at: type, state: str) -> None:
    """And the same command goes on, without a task that loses its login."""

    def interrupt(event: Event) -> None:
        if isinstance(event, at):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(shop, heard=interrupt)
    [said] = [each.text for each in shop.ui.events if isinstance(each, Warned) and "interrupted" in each.text]
    assert state in said
    aws.clock.advance(120)
    shop.ui.events.clear()
    assert run(shop).steps[-2:] == (Step.ROTATE, Step.DEPLOY)


@pytest.mark.long
def test_what_does_not_end_is_followed_no_longer(shop: Bench, aws: FakeAws) -> None:
    """Exit code 6: it may still end."""
    aws.settings.rotation.seconds = 1e6
    with pytest.raises(OutcomeUnknown, match="rotating has not ended after 25 minutes"):
        run(shop)


@pytest.mark.long
def test_a_lost_network_loses_no_rotation(shop: Bench, aws: FakeAws) -> None:
    """Reads are repeated while it runs."""

    def lose(event: Event) -> None:
        if isinstance(event, RotationStarted):
            aws.refuse("secretsmanager:DescribeSecret", "InternalServiceError", "an error", 12, 500)
        if isinstance(event, ServiceDeploymentStarted):
            aws.refuse("ecs:DescribeServices", "ServerException", "an error", 12, 500)

    assert run(shop, heard=lose).steps == (Step.ROTATE, Step.DEPLOY)
    assert sum(isinstance(each, Lost) for each in shop.ui.events) == 2


@pytest.mark.long
def test_calls_of_a_rotation(shop: Bench, aws: FakeAws) -> None:
    """Before anything is asked: who we are, the stacks, their resources, the secret, the service, its one-off tasks."""
    shop.ui.answer = False
    with pytest.raises(Refused):
        run(shop)
    layers = len(synthesize(shop.env).templates)
    assert len(aws.calls) == 2 + layers + 1 + 1 + 2
