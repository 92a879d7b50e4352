"""infragen as a process of its own, in the fake's virtual time: it can be killed and sent signals as a user would.

The process is forked from a server that has imported everything already, so that it costs what the command does and no
start-up. Its AWS is the fake (or a proxy in front of it); whenever it sleeps, the fake's clock goes on instead, and the
test may do something first.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import re
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bench import ACCOUNT, NETWORK, QUEUES, WORKERS, head, place, work_on
from commands import CommandLine
from fakeaws import FakeAws
from fakeaws.proxy import Proxy, Seen
from signals import default_signals

from infragen.assembly import lint
from infragen.assembly.synth import synthesize
from infragen.cli import main
from infragen.config import Environment, load_environment
from infragen.engine.bootstrap import artifact_plan

PATIENCE = 60.0
"""Real seconds after which a process that does nothing any more is a failure."""


Asleep = Callable[["Running", int], object]
Writing = Callable[["Running", str], object]


@dataclass
class Ended:
    """How a process ended: its exit code (negative: the signal that killed it) and everything it printed."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    """Real seconds since `Running.since`: the start, or the last signal."""


@dataclass
class Operator:
    """Somebody at a shell in a directory with `environments/`; `url` is where AWS is."""

    aws: FakeAws
    directory: Path
    url: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, asleep: Asleep | None = None, writing: Writing | None = None) -> Ended:
        """Runs a command to its end.

        `asleep` hears the number of each sleep before time goes on, `writing` of each file that is about to be opened
        for writing, renamed or removed.
        """
        return self.start(*arguments).wait(asleep, writing)

    def start(self, *arguments: str) -> Running:
        """Starts a command."""
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("forkserver").Process(
            target=_become, args=(arguments, str(self.directory), self._names(), theirs, self.aws.clock.monotonic())
        )
        process.start()
        theirs.close()
        return Running(process, ours, self)

    def run_here(self, *arguments: str, typed: str = "") -> Ended:
        """Runs a command in this process, for a third of the CPU, where nothing has to stop it from outside; `typed`
        is what it reads from stdin.
        """
        with contextlib.chdir(self.directory), pytest.MonkeyPatch.context() as patched:
            work_on(self.aws, patched)
            for name, value in self._names().items():
                patched.setenv(name, value)
            ended = CommandLine(self.aws.clock).invoke(main, arguments, input=typed)
        if not isinstance(ended.exception, SystemExit | None):
            raise ended.exception
        return Ended(ended.exit_code, ended.stdout, ended.stderr, 0.0)

    def _names(self) -> dict[str, str]:
        """The variables of the environment."""
        account = {"AWS_ACCESS_KEY_ID": self.aws.settings.account}
        return {**DEFAULTS, "AWS_ENDPOINT_URL": self.url or self.aws.url, **account, **self.variables}


@dataclass
class Running:
    """A command under way."""

    process: Any
    clock: Connection
    operator: Operator
    since: float = field(default_factory=time.monotonic)

    def wait(self, asleep: Asleep | None = None, writing: Writing | None = None) -> Ended:
        """Moves the fake's clock whenever the process sleeps, until it has ended."""
        sleeps = 0
        with suppress(EOFError, ConnectionError):  # it has ended
            while self._says_something():
                said = self.clock.recv()
                if isinstance(said, str):
                    if writing is not None:
                        writing(self, said)
                else:
                    sleeps += 1
                    if asleep is not None:
                        asleep(self, sleeps)
                    self.operator.aws.clock.sleep(said)
                self.clock.send(self.operator.aws.clock.monotonic())
        self.process.join(PATIENCE)
        assert self.process.exitcode is not None, "the process does not end"
        self.clock.close()
        seconds = time.monotonic() - self.since
        stdout, stderr = ((self.operator.directory / name).read_text() for name in ("stdout", "stderr"))
        return Ended(self.process.exitcode, stdout, stderr, seconds)

    def _says_something(self) -> bool:
        if self.clock.poll(PATIENCE):
            return True
        self.process.kill()
        raise AssertionError(f"silent for {PATIENCE} s: {(self.operator.directory / 'stderr').read_text()}")

    def send(self, number: signal.Signals) -> None:
        """Sends a signal; from now on the real time counts."""
        self.since = time.monotonic()
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """kill -9, and the process is gone when this returns."""
        os.kill(self.process.pid, signal.SIGKILL)
        multiprocessing.connection.wait([self.process.sentinel])  # `join` is for the thread that waits


SECTIONS = NETWORK + QUEUES + WORKERS
"""Four layers: network, queue, worker, observability."""

DEPLOY = ("deploy", "--env", "dev", "--yes")

DEFAULTS = {
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
}


@dataclass
class Shell:
    """Where processes keep their cache, and what tests have found out once for all."""

    cache: Path
    calls: dict[str, list[Seen]] = field(default_factory=dict)
    """Topology -> the calls of an undisturbed first deployment."""


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A server of processes that has imported everything, and what they share."""
    with pytest.MonkeyPatch.context() as environment:
        # multiprocessing forgets sys.path here
        environment.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        forkserver.set_forkserver_preload(["pytest", "processes", "warm"])
        forkserver.ensure_running()
        yield Shell(tmp_path_factory.mktemp("processes"))


@pytest.fixture
def operator(shell: Shell, aws: FakeAws, tmp_path: Path) -> Callable[..., Operator]:
    """Makes operators of an environment: its topology, more lines, the first place that is edited. It has a bucket."""

    def make(
        topology: str = "nested", more: str = "", aws: FakeAws = aws, edit: tuple[str, str] = ("", "")
    ) -> Operator:
        (tmp_path / "environments").mkdir(exist_ok=True)
        file = tmp_path / "environments" / "dev.yaml"
        file.write_text((head("dev", topology) + SECTIONS + more).replace(*edit, 1))
        env = load_environment(file)
        told_clean(env, shell.cache)
        if not aws.cloud.stacks:
            with_bucket(aws, env)
        return Operator(aws, tmp_path, variables={"INFRAGEN_CACHE_DIR": str(shell.cache)})

    return make


@contextmanager
def fresh_cloud() -> Iterator[FakeAws]:
    """A fake of its own, for a test that needs many."""
    with FakeAws() as aws:
        aws.settings.account = ACCOUNT
        yield aws
        aws.check()


@pytest.fixture
def undisturbed(shell: Shell, operator: Callable[..., Operator]) -> Callable[[str], list[Seen]]:
    """The calls of a first deployment in a topology when nothing goes wrong."""

    def calls(topology: str) -> list[Seen]:
        if topology not in shell.calls:
            with fresh_cloud() as aws, Proxy(aws.url) as proxy:
                assert replace(operator(topology, aws=aws), url=proxy.url).run(*DEPLOY).code == 0
                shell.calls[topology] = proxy.calls
        return shell.calls[topology]

    return calls


def told_clean(env: Environment, cache: Path) -> list[Path]:
    """Spares each process some seconds of cfn-lint: that it finds nothing in these templates is in the cache."""
    (cache / "lint").mkdir(parents=True, exist_ok=True)
    files = [cache / "lint" / f"{job.key}.json" for job in lint._jobs(synthesize(env))]
    for each in files:
        each.write_text('{"findings": []}')
    return files


def with_bucket(aws: FakeAws, env: Environment) -> None:
    """The artifact bucket, as somebody else would create it."""
    [unit] = artifact_plan(env).units
    place(aws, env, unit)


def _become(
    arguments: Sequence[str], directory: str, variables: Mapping[str, str], clock: Connection, since: float
) -> None:
    """In the forked process: infragen, as if it had been started in that directory with these variables, then."""
    from infragen.cli import command_line
    from infragen.cli.surroundings import Surroundings

    os.environ.clear()
    os.environ.update(variables)
    os.chdir(directory)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    sys.argv = ["infragen", *arguments]
    now = [since]

    asking = threading.Lock()  # checks of the account wait in threads of their own
    process = os.getpid()  # those that lint are forked from it and have its end of the pipe, where its answers are

    def sleep(seconds: float) -> None:
        with asking:
            clock.send(seconds)
            now[0] = clock.recv()

    def writes(event: str, details: tuple[Any, ...]) -> None:
        if os.getpid() != process:
            return
        change = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link")
        if change or (event == "open" and isinstance(details[2], int) and details[2] & (os.O_WRONLY | os.O_RDWR)):
            with asking:
                clock.send(f"{event} {details[0]}")
                now[0] = clock.recv()

    def monotonic() -> float:
        return now[0]

    timer = SimpleNamespace(sleep=sleep)
    sys.modules["botocore.endpoint"].time = timer  # type: ignore[attr-defined]  # botocore's waits, too
    default_signals()
    sys.addaudithook(writes)
    began = _peak()
    try:
        sys.exit(command_line(Surroundings(monotonic, sleep)))
    finally:
        if "TEST_COST" in variables:
            used = resource.getrusage(resource.RUSAGE_SELF)
            Path(variables["TEST_COST"]).write_text(f"{used.ru_utime + used.ru_stime} {_peak() - began}")


def _peak() -> float:
    """The most megabytes that this process held; what the server it was forked from had loaded is in it."""
    status = Path("/proc/self/status")
    peak = re.search(r"VmHWM:\s+([0-9]+)", status.read_text()) if status.exists() else None
    return int(peak[1]) / 1024 if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
