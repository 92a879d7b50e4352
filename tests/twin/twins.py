"""One emulator whose parts run, what a test needs to put something into it, and what it waits for and looks at."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from emulator import REGION, Clients, fresh_account, make_client
from signals import default_signals
from watchdog import watched
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # it has no types

from infragen.machine.emulator import Emulator, put_image, reset, start

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0
"""Seconds that one thing may take on a machine that does much else; it only ends a test that would never end."""


_ONE_SYSTEM = ("test_one_screen.py", "test_roles.py", "test_system.py")
_TOPOLOGY = re.compile(r"\[(nested|independent)\]")


class ByEnvironment(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Gives to one worker what shares an environment: a topology of a file, or a file, or the files that use `system`.

    The marks of `--dist loadgroup` are not seen with pytest 9.2, which has no `_nodeid` (xdist 3.8.0, remote.py).
    """

    def _split_scope(self, nodeid: str) -> str:
        file, topology = str(super()._split_scope(nodeid)), _TOPOLOGY.search(nodeid)
        return "system" if file.endswith(_ONE_SYSTEM) else f"{file} {topology[0] if topology else ''}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByEnvironment | None:
    """Let `--dist loadfile`, which is how `make twin` runs, deploy each environment once."""
    return ByEnvironment(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the day of a small system: a process that came to it last would hold up all others."""
    items.sort(key=lambda item: item.path.name != "test_short_day.py")


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Run one emulator with all its parts for all tests of this process."""
    state_dir = tmp_path_factory.mktemp("twin") / "local"  # as INFRAGEN_STATE_DIR has it
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("INFRAGEN_LOCAL_PARTS")
        environment.setenv("NOT_FOR_TASKS", "of the user's shell")
        running = start(state_dir)
    with watched(running.pid, state_dir):
        needs_its_parts(running)
        yield running
        reset(state_dir)  # as root, databases are not in the state directory


def needs_its_parts(running: Emulator) -> None:
    """Skip where this machine has no Node or no PostgreSQL, with the emulator's own words."""
    missing = [f"{part}: {word}" for part, word in running.parts.items() if word.startswith("records")]
    if missing:
        pytest.skip("; ".join(missing))


@pytest.fixture(scope="module")
def twin_account() -> str:
    """Return an account that is this module's alone."""
    return fresh_account()


@pytest.fixture(scope="module")
def twin_client(twin: Emulator, twin_account: str) -> Clients:
    """Return a factory of boto3 clients for this module's account."""

    def make(service: str, account: str = twin_account, region: str = REGION) -> Any:
        return make_client(twin, service, account, region)

    return make


@pytest.fixture(scope="module")
def twin_put(
    twin: Emulator, twin_account: str, twin_client: Clients, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., dict[str, Any]]:
    """Return a function that makes an image of one Node program, in a repository `shop`."""
    twin_client("ecr").create_repository(repositoryName="shop", imageTagMutability="IMMUTABLE")

    def image(program: str, tag: str | None = None, **files: str) -> dict[str, Any]:
        directory = tmp_path_factory.mktemp("image")
        (directory / "main.cjs").write_text(program)
        for name, text in files.items():
            (directory / name).write_text(text)
        return put_image(twin, (twin_account, REGION, "shop"), tag, directory, ["node", "main.cjs"])

    return image


@pytest.fixture(scope="module")
def twin_uri(twin_account: str) -> str:
    """Return the address of the repository."""
    return f"{twin_account}.dkr.ecr.{REGION}.amazonaws.com/shop"


@dataclass(frozen=True)
class System:
    """The environment dev of this repository, deployed to the running emulator as a user does."""

    twin: Emulator
    account: str
    region: str
    directory: Path
    clients: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False, compare=False)

    def infragen(self, *arguments: str, ok: bool = True) -> str:
        """Run a command and return what it printed, errors included; it must succeed unless `ok` is False."""
        variables = {**os.environ, "INFRAGEN_STATE_DIR": str(self.twin.state_dir.parent)}
        options = ("--env", "dev", "--local")
        at = arguments.index("--") if "--" in arguments else len(arguments)
        command = [sys.executable, "-m", "infragen", *arguments[:at], *options, *arguments[at:]]
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=variables,
            timeout=2 * PATIENCE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert not ok or done.returncode == 0, done.stdout
        return done.stdout

    def start(self, command: str, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command, which Ctrl-C reaches also where the tests themselves ignore it."""
        return subprocess.Popen(
            [sys.executable, "-m", "infragen", command, "--env", "dev", "--local", *arguments],
            cwd=self.directory,
            env={**os.environ, "INFRAGEN_STATE_DIR": str(self.twin.state_dir.parent)},
            preexec_fn=default_signals,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def client(self, service: str) -> Any:
        """Return a boto3 client for its account, the same one each time: to make one takes longer than to ask."""
        key = (service, self.twin.secret)
        if key not in self.clients:
            self.clients[key] = make_client(self.twin, service, self.account, self.region)
        return self.clients[key]

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the environment's stacks: those of a root are those of its children."""
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        found = (each for stack in stacks for each in stack.get("Outputs", ()))
        return {str(each["OutputKey"]): str(each["OutputValue"]) for each in found}

    def credentials(self) -> dict[str, Any]:
        """Return the value of the application's secret."""
        secret = self.client("secretsmanager").get_secret_value(SecretId=self.outputs()["DatabaseCredentialsArn"])
        found: dict[str, Any] = json.loads(secret["SecretString"])
        return found

    def sql(self, text: str) -> list[Any]:
        """Run a statement as the application does, which owns its tables."""
        with psycopg.connect(self.credentials()["url"], autocommit=True) as connection:
            done = connection.execute(text)
            return done.fetchall() if done.description else []


@pytest.fixture(scope="session")
def system(twin: Emulator, tmp_path_factory: pytest.TempPathFactory) -> System:
    """Deploy dev, with a queue that gives a failed message back at once."""
    directory = tmp_path_factory.mktemp("system")
    shutil.copytree(ROOT / "environments", directory / "environments")
    found = System(twin, "111111111111", "us-east-1", directory)
    found.infragen("bootstrap", "--yes")
    found.infragen("deploy", "--yes")
    return found


def until(found: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait until something is there and return it."""
    give_up = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < give_up, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.05)


def ended(ecs: Any, task: str) -> Any:
    """Wait until a task is STOPPED and return it."""

    def stopped() -> Any:
        [found] = ecs.describe_tasks(cluster="shop", tasks=[task])["tasks"]
        return found if found["lastStatus"] == "STOPPED" else None

    return until(stopped, f"the end of {task}")


def lines(logs: Any, group: str) -> list[str]:
    """Return every line of a log group, oldest first."""
    found = []
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
        found += [(event["timestamp"], event["message"]) for event in events["events"]]
    return [message for _, message in sorted(found, key=lambda event: event[0])]


def kept(state_dir: Path) -> list[int]:
    """Return the ids of the processes that an emulator took note of and that have not ended."""
    noted: dict[str, str] = {}
    written, _, _ = (state_dir / "processes").read_text().rpartition("\n")  # the last line may be half written
    for line in written.splitlines():
        parts = line.split()
        if len(parts) == 3:  # a process that had ended when it was noted has no time
            noted[f"{parts[0]} {parts[1]}"] = parts[2]
    return [int(process.split()[0]) for process, number in noted.items() if number != "-"]
