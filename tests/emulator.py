"""Fixtures: one embedded emulator per test process, an AWS account of its own for every test, boto3 clients for it.

Accounts are isolated from each other in the emulator, so tests need not clean up and can run side by side.
"""

import itertools
import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import boto3
import pytest
from botocore.config import Config
from watchdog import watched

from infragen.machine.emulator import Emulator, start, status, stop

REGION = "eu-central-1"

_accounts = itertools.count(1)


def fresh_account() -> str:
    """Return a 12-digit account id that no other test of this run has."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return f"1{worker:03d}{next(_accounts):08d}"


def make_client(emulator: Emulator, service: str, account: str, region: str = REGION) -> Any:
    """Return a boto3 client of one service, for one account of the emulator."""
    keys = emulator.credentials(account)
    return boto3.client(  # type: ignore[call-overload]  # the name of the service is not literal
        service,
        endpoint_url=emulator.endpoint_url,
        region_name=region,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        config=Config(proxies={}, retries={"max_attempts": 1}),
    )


def deploy(cloudformation: Any, stack: str, template: dict[str, Any] | str, **parameters: str) -> str:
    """Bring a stack to a template through a change set; return the status it settles in, or "unchanged"."""
    body = template if isinstance(template, str) else json.dumps(template)
    exists = any(
        found["StackStatus"] not in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
        for found in _stacks(cloudformation, stack)
    )
    change_set = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=f"test-{uuid.uuid4().hex}",
        ChangeSetType="UPDATE" if exists else "CREATE",
        TemplateBody=body,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )["Id"]
    described = cloudformation.describe_change_set(ChangeSetName=change_set)
    if described["Status"] == "FAILED":
        assert "didn't contain changes" in described["StatusReason"], described["StatusReason"]
        return "unchanged"
    cloudformation.execute_change_set(ChangeSetName=change_set)
    return settled(cloudformation, stack)


def delete(cloudformation: Any, stack: str) -> str:
    """Delete a stack and return the status it settles in."""
    stack_id = _stacks(cloudformation, stack)[0]["StackId"]
    cloudformation.delete_stack(StackName=stack)
    return settled(cloudformation, stack_id)


def settled(cloudformation: Any, stack: str) -> str:
    """Wait until no operation runs on a stack and return its status."""
    give_up = time.monotonic() + 300
    while True:
        status = str(_stacks(cloudformation, stack)[0]["StackStatus"])
        if not status.endswith("_IN_PROGRESS"):
            return status
        assert time.monotonic() < give_up, f"{stack} stays {status}"
        time.sleep(0.02)


def outputs(cloudformation: Any, stack: str) -> dict[str, str]:
    """Return a stack's outputs by name."""
    return {
        output["OutputKey"]: output["OutputValue"] for output in _stacks(cloudformation, stack)[0].get("Outputs", [])
    }


def events(cloudformation: Any, stack: str) -> list[tuple[str, str, str]]:
    """Return a stack's events, oldest first, as (logical id, status, reason)."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    found = [
        (event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason", ""))
        for page in pages
        for event in page["StackEvents"]
    ]
    return found[::-1]


def reasons(cloudformation: Any, stack: str, logical_id: str, status: str) -> list[str]:
    """Return the reasons with which a resource went into a status, oldest first."""
    return [reason for *what, reason in events(cloudformation, stack) if what == [logical_id, status]]


def _stacks(cloudformation: Any, stack: str) -> list[dict[str, Any]]:
    try:
        return list(cloudformation.describe_stacks(StackName=stack)["Stacks"])
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" not in str(error):
            raise
        return []


class Clients(Protocol):
    """Makes boto3 clients for the test's own account, or for another one."""

    def __call__(self, service: str, account: str = ..., region: str = ...) -> Any: ...


class Faults(Protocol):
    """Sets what goes wrong in the test's account: the keys of `infragen_local.patches.faults`."""

    def __call__(self, **faults: Any) -> None: ...


@pytest.fixture(scope="session")
def fault_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory in which the emulator looks for the faults of each account."""
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory, fault_dir: Path) -> Iterator[Emulator]:
    """Run one emulator for all tests of this process."""
    state_dir = tmp_path_factory.mktemp("emulator")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("INFRAGEN_EMULATOR_FAULTS", str(fault_dir))
        environment.setenv("INFRAGEN_EMULATOR_SAVES", "end")  # its state grows with each test
        running = start(state_dir)
    with watched(running.pid, state_dir):
        yield running
        stop(state_dir)


def kill(running: Emulator) -> None:
    """Kill an emulator, and return when it is gone with all that it started."""
    os.kill(running.pid, signal.SIGKILL)
    give_up = time.monotonic() + 300
    while status(running.state_dir) is not None:
        assert time.monotonic() < give_up
        time.sleep(0.02)


def log_in(environment: pytest.MonkeyPatch, emulator: Emulator, account: str) -> None:
    """Gives commands in this process the credentials of an account; nothing else of AWS is set in any test."""
    environment.setenv("AWS_ACCESS_KEY_ID", account)
    environment.setenv("AWS_SECRET_ACCESS_KEY", emulator.secret)


@pytest.fixture
def account() -> str:
    """Return an account that is this test's alone."""
    return fresh_account()


@pytest.fixture
def client(emulator: Emulator, account: str) -> Clients:
    """Return a factory of boto3 clients for this test's account."""

    def make(service: str, account: str = account, region: str = REGION) -> Any:
        return make_client(emulator, service, account, region)

    return make


@pytest.fixture
def faults(fault_dir: Path, account: str) -> Callable[..., None]:
    """Return a function that sets the faults of this test's account; called again, it replaces them and counts anew."""
    file = fault_dir / f"{account}.json"

    def set_faults(**faults: Any) -> None:
        unfinished = file.with_suffix(".new")
        unfinished.write_text(json.dumps(faults))
        unfinished.replace(file)

    return set_faults
