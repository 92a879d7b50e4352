"""What all tests share: fixtures of `emulator`, `bench`, `stage` and `processes`; how much is tried and counted."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import botocore_shared
import pytest
from fakeaws.transport import in_process
from signals import heed_signals

pytest_plugins = ["fast", "long", "sweeps", "figures", "emulator", "bench", "stage", "processes", "twins", "projects"]


heed_signals()

# The interpreters that tests start would compile all of infragen each time where the environment forbids to keep it.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are processors: a good part of a test is waiting for other processes."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_users() -> Iterator[None]:
    """Keep away the user's AWS settings, proxies, our own variables and what says how to print; boto3 asks no instance
    for a role.
    """
    printing = {"CI", "NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "LINES", "PAGER"}
    printing |= {"GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "GITLAB_CI"}
    with pytest.MonkeyPatch.context() as environment:
        for name in tuple(os.environ):
            if name.startswith(("AWS_", "INFRAGEN_")) or name.lower().endswith("_proxy") or name in printing:
                environment.delenv(name)
        environment.setenv("INFRAGEN_LOCAL_PARTS", "none")  # what runs something is tested in `twin`
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        environment.setenv("AWS_CONFIG_FILE", os.devnull)
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield


@pytest.fixture(scope="session", autouse=True)
def models_are_read_once() -> Iterator[None]:
    """Let all boto3 sessions share what botocore reads and computes: each would find and parse megabytes for itself."""
    with pytest.MonkeyPatch.context() as patched:
        botocore_shared.share(patched)
        yield


@pytest.fixture(scope="session", autouse=True)
def the_fake_is_near() -> Iterator[None]:
    """Let clients reach the fake of their own process without a socket."""
    with in_process():
        yield


@pytest.fixture(scope="session")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of cfn-lint's findings for all tests and all workers: they deploy much the same templates."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "findings"
