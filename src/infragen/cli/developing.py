"""The command that runs a project on this machine: the emulator, the release command, the API, the workers, one log."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, open_session
from infragen.cli.output import known_secrets, say
from infragen.cli.pasting import remember
from infragen.cli.program import command_options
from infragen.errors import CloudError, InfragenError, InputError, NotBootstrapped, OperationFailed
from infragen.report.printing import echo
from infragen.secrecy.visible import shown

if TYPE_CHECKING:
    from infragen.aws.local_values import LocalValues
    from infragen.cloud.cloudformation import StackResource
    from infragen.config import EnvironmentFile
    from infragen.engine.logs import LogSource
    from infragen.engine.progress import Session
    from infragen.machine.processes import Project, Running

LOOK = 0.3
"""Seconds between two looks at the sources of workers and at their logs."""

HEALTHY_SECONDS = 60.0

_TIMED_OUT = re.compile(r"Task timed out after (\d+(?:\.\d+)?) seconds")
"""What Lambda writes (AWS Lambda Developer Guide, "Troubleshoot invocation issues in Lambda", read 2026-11-29)."""

_PORTS = 20
"""How many ports are tried from the usual one on."""


@click.command()
@parameters.env("The environment to run; default: dev.")
@parameters.environments
@click.option("--exec", "once", is_flag=True, help="Run COMMAND against the running project, then end everything.")
@click.option("--watch/--no-watch", default=True, show_default=True, help="Restart on change.")
@click.option("--fresh", is_flag=True, help="Drop the emulator's database first, with all that is in it.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port of the API; default: api.port, or the next that is free."
)
@parameters.verbose
@command_options
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def dev(
    name: str | None,
    directory: Path,
    once: bool,
    watch: bool,
    fresh: bool,
    port: int | None,
    command: tuple[str, ...],
) -> None:
    """Run the project on this machine, from its sources.

    Starts the emulator, deploys the environment there, runs the release command and the API with the variables and
    secrets of the deployed task definition, and keeps the workers up to date. Ctrl-C ends all but the emulator.
    With --exec it runs a COMMAND with BASE_URL, DATABASE_URL, TEST_DATABASE_URL, QUEUE_URL and AWS_* set, and exits
    with 1 if that fails.

    \b
    Examples:
      infragen dev
      infragen dev --fresh
      infragen dev --exec -- npm run test:e2e
    """
    from infragen.machine.processes import project

    if once != bool(command):
        raise click.UsageError("--exec and a COMMAND go together: infragen dev --exec -- npm run test:e2e")
    click.get_current_context().meta[parameters.EMULATED] = True
    file = parameters.one(directory, name or "dev")
    if file.environment.api is None:
        raise InputError(f"{file.environment.environment} has no api layer to run", "add the section api")
    if fresh and file.environment.database is None:
        raise InputError(f"{file.environment.environment} has no database to drop", "leave --fresh out")
    found = project(directory.absolute().parent)
    listens = _port(port, file.environment.api.port)
    if file.environment.workers and found.words("build"):
        _run("build", found.words("build"), found, _of_shell(found))
    remember({"--env": file.environment.environment, "--local": True})
    with open_session(file, AwsTarget(True, None, None), yes=True) as session:
        work = _Work(file, session, found, listens, _deployed(file, session))
        if fresh:
            work.drop_database()
        work.run(command, watch=watch and not once)


def _port(asked: int | None, usual: int) -> int:
    """Return the port that was asked for, or the usual one or the next that is free. Raises CloudError without one.

    A task that runs in the emulator listens on the usual port, of an address of its own; some programs listen on all.
    """
    from infragen.machine.processes import why_taken

    if asked is not None and (taken := why_taken("", asked)):
        raise CloudError(f"port {asked} is in use: {taken}", "--port takes another, or leave it out")
    found = asked or next((each for each in range(usual, min(usual + _PORTS, 65_536)) if not why_taken("", each)), 0)
    if not found:
        raise CloudError(f"port {usual} and the next {_PORTS - 1} are in use", "--port takes another")
    if found != (asked or usual):
        say(f"port {usual} is in use: the API listens on {found}", err=True)
    return found


def _deployed(file: EnvironmentFile, session: Session) -> LocalValues:
    """Deploy the environment to the emulator; return how its values are read."""
    from infragen.assembly.stacks import account_of
    from infragen.assembly.synth import synthesize
    from infragen.aws.local_values import LocalValues
    from infragen.engine.bootstrap import bootstrap
    from infragen.engine.deploy import deploy_environment
    from infragen.engine.options import Options, worker_code
    from infragen.machine import emulator

    env = file.environment
    assembly, options = synthesize(env), Options(code=worker_code(file), release=False)
    try:
        result = deploy_environment(assembly, session, options)
    except NotBootstrapped:
        bootstrap(env, session, assembly=assembly)
        result = deploy_environment(assembly, session, options)
    if result.exit_code:
        raise OperationFailed(f"{env.environment} was not deployed to the emulator", "`infragen diagnose` says why")
    running = emulator.start(emulator.default_state_dir())
    keys = running.credentials(account_of(env))
    return LocalValues(running.endpoint_url, env.region, (keys.access_key, keys.secret_key))


def _of_shell(found: Project) -> dict[str, str]:
    """Return the environment of a script that needs nothing of the emulator."""
    return {**os.environ, "PATH": found.path(os.environ.get("PATH", os.defpath))}


def _run(name: str, words: list[str], found: Project, variables: Mapping[str, str]) -> None:
    """Run a program to its end. Raises OperationFailed when it fails."""
    from infragen.machine.processes import Running

    program = Running(name, words, found.directory, variables, _line)
    try:
        code = program.wait()
    finally:
        program.stop()
    if code:
        raise OperationFailed(f"{name} failed with exit code {code}", f"its lines above say why: {' '.join(words)}")


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets; a second one interrupts at once. Raised wherever the program is, an
    interrupt can fall into a callback of Python's own, which swallows it. One that was ignored stays ignored.
    """
    found = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        if found.is_set():
            if callable(before):
                before(number, frame)
            raise KeyboardInterrupt
        found.set()

    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, note)
    try:
        yield found
    finally:
        signal.signal(signal.SIGINT, before)


def _line(name: str, text: str) -> None:
    """Print a line of the log, pino's JSON as text, with the name of who wrote it."""
    from infragen.report.logs import readable

    echo(shown(readable(text), known_secrets()), lead=click.style(f"{name:14} ", fg="cyan"))


@dataclass
class _Work:
    """A project that runs: the variables of its API, and what is started for it."""

    file: EnvironmentFile
    session: Session
    project: Project
    port: int
    values: LocalValues
    sources: tuple[LogSource, ...] = ()
    since: float = field(default_factory=time.time)
    seen: dict[str, float] = field(default_factory=dict)

    def drop_database(self) -> None:
        """Replace the emulator's database by an empty one."""
        [function] = [each.physical_id for each in self._resources() if each.logical_id == "CredentialsFunction"]
        database = self.values.replace_database(function)
        say(f"database {database}: dropped and created", err=True)

    def run(self, command: tuple[str, ...], *, watch: bool) -> None:
        """Run the release command and the API, then the command, or until Ctrl-C."""
        from infragen.machine.processes import Running

        env = self.file.environment
        variables = self._variables()
        if env.release is not None:
            words = [*env.release.command]
            words = [str(self.project.node), *words[1:]] if words[0] == "node" else words
            _run("release", words, self.project, variables)
        words = self.project.words("start")
        if not words:
            raise InputError(f"{self.project.directory}/package.json has no script start", 'such as "node src/main.ts"')
        if watch and words[0] == str(self.project.node):
            words = [words[0], "--watch", *words[1:]]
        elif watch:
            say("the script start is no single call of node: a change does not restart the API", err=True)
        api = Running("api", words, self.project.directory, variables, _line)
        try:
            self._wait_until_healthy(api)
            say(f"api: {variables['BASE_URL']}", err=True)
            if command:
                _run("command", [*command], self.project, variables)
            else:
                self._follow(api, watch=watch)
        finally:
            api.stop()

    def _variables(self) -> dict[str, str]:
        """Return the environment of the API's process: that of the shell without AWS's, and what the emulator gives."""
        from infragen.engine.observe import observe
        from infragen.engine.release import find_api

        env = self.file.environment
        api, _ = find_api(self.session, env, observe(self.session, env))
        settings = self.session.cloud.service_settings(api.service)
        if settings is None:
            raise OperationFailed("the emulator does not know the service of the API", "`infragen status` says why")
        own = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        given, secrets = self.values.of_task(settings.task_definition, "api")
        found = {
            **own,
            **given,
            "PATH": self.project.path(own.get("PATH", os.defpath)),
            "PORT": str(self.port),
            "HOST": "127.0.0.1",  # where it is heeded, nobody in the network reaches what is being developed
            "NODE_ENV": "development",
            "BASE_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ENDPOINT_URL": self.values.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.values.keys[0],
            "AWS_SECRET_ACCESS_KEY": self.values.keys[1],
            "AWS_REGION": env.region,
            "AWS_DEFAULT_REGION": env.region,
        }
        if "DATABASE_URL" in found:
            found["TEST_DATABASE_URL"] = found["DATABASE_URL"]
        known_secrets().update({found["AWS_SECRET_ACCESS_KEY"], *secrets} - {""})
        return found

    def _wait_until_healthy(self, api: Running) -> None:
        import http.client

        assert self.file.environment.api is not None  # noqa: S101 # looked at before
        path, end = self.file.environment.api.health_path, time.monotonic() + HEALTHY_SECONDS
        while time.monotonic() < end:
            if api.code is not None:
                raise OperationFailed(f"the API ended with exit code {api.wait(1)}", "fix what its lines above say")
            with suppress(OSError, http.client.HTTPException):
                asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                asked.request("GET", path)
                if asked.getresponse().status == http.HTTPStatus.OK:
                    return
            time.sleep(0.1)
        raise OperationFailed(
            f"the API does not answer 200 at {path} after {HEALTHY_SECONDS:.0f} s", "its log says why"
        )

    def _follow(self, api: Running, *, watch: bool) -> None:
        """Keep workers up to date and show their logs until the API ends or Ctrl-C."""
        functions = self._functions()
        changed = self._newest()
        sent: dict[str, str] = {}
        with _interrupts() as interrupted:
            while api.code is None:
                if interrupted.wait(LOOK):
                    raise KeyboardInterrupt
                now = self._newest()
                if watch and functions and now != changed:
                    changed = now
                    with suppress(InfragenError):  # its lines say what is wrong; the next change is another try
                        self._rebuild(functions, sent)
                self._show_logs(functions)
        raise OperationFailed(f"the API ended with exit code {api.wait(1)}", "fix what its lines above say")

    def _resources(self) -> list[StackResource]:
        states = self.session.cloud.stacks(self.file.environment.name)
        return [each for state in states for each in self.session.cloud.resources(state.stack_id)]

    def _functions(self) -> dict[str, str]:
        """Return the deployed functions of the workers, by worker."""
        found = self._resources()
        names = {each.logical_id: each.physical_id for each in found if each.type == "AWS::Lambda::Function"}
        return {
            each.name: names[f"{each.id}Function"]
            for each in self.file.environment.workers
            if f"{each.id}Function" in names
        }

    def _newest(self) -> float:
        """Return when a source was changed last."""
        source = self.project.directory / "src"
        files = source.rglob("*") if os.path.isdir(source) else self.project.directory.glob("*.*js")
        newest = 0.0
        with suppress(FileNotFoundError):  # an editor or a build removes it meanwhile: the next look sees what is left
            for each in files:
                newest = max(newest, each.stat().st_mtime if os.path.isfile(each) else 0.0)
        return newest

    def _rebuild(self, functions: Mapping[str, str], sent: dict[str, str]) -> None:
        from infragen.engine.options import worker_code

        if words := self.project.words("build"):
            _run("build", words, self.project, _of_shell(self.project))
        for worker, artifact in worker_code(self.file).items():
            if worker in functions and sent.get(worker) != artifact.key:
                self.values.update_function(functions[worker], artifact.body)
                sent[worker] = artifact.key
                say(f"{worker}: updated", err=True)

    def _show_logs(self, functions: Mapping[str, str]) -> None:
        """Print what the workers wrote since the last look, each line once."""
        from infragen.engine.logs import LATE_SECONDS, LogQuery, LogSource, read_logs

        with suppress(CloudError):
            if not self.sources:
                cloud = self.session.cloud
                self.sources = tuple(LogSource(each, cloud.function_log(name)[0]) for each, name in functions.items())
            found = read_logs(self.session, self.sources, LogQuery(since=self.since))
            for line in found.lines:
                if line.id not in self.seen:
                    _line(line.source, self._timed_out(line.source, line.text) or line.text)
                    self.seen[line.id] = line.time
            self.since = max(self.since, max(self.seen.values(), default=0.0) - LATE_SECONDS)
            self.seen = {each: when for each, when in self.seen.items() if when >= self.since}

    def _timed_out(self, worker: str, text: str) -> str:
        """Return what to say of a call that Lambda ended because of its timeout; '' for any other line."""
        found = _TIMED_OUT.search(text)
        if found is None:
            return ""
        index = next(at for at, each in enumerate(self.file.environment.workers) if each.name == worker)
        place = self.file.place(("workers", index, "timeout"))
        return (
            f"ERROR {worker} was ended after {float(found[1]):g} s, its timeout ({place.file}:{place.line} "
            f"workers[{index}].timeout); SQS delivers its messages again"
        )
