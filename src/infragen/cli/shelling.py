"""Commands for people who have to look inside: a shell, and a way to the database."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session
from infragen.cli.output import known_secrets, say
from infragen.cli.program import command_options, terminate
from infragen.errors import InputError, OperationFailed

if TYPE_CHECKING:
    from infragen.config import Environment
    from infragen.engine.progress import Session
    from infragen.engine.release import Command
    from infragen.engine.shell import DatabaseLogin, OpenTask

SHELL = ("/bin/sh",)
PORT = 5432

_timeout = click.option(
    "--timeout",
    metavar="MINUTES",
    type=click.FloatRange(min=0, min_open=True, max=24 * 60),
    default=60,
    show_default=True,
    help="Close it after MINUTES; the task ends then, whatever becomes of this command.",
)


@click.command()
@parameters.env("The environment to open a shell in.", required=True)
@parameters.environments
@parameters.image_tag("Image tag to run; default: the deployed one.")
@_timeout
@parameters.yes
@parameters.verbose
@cloud_options
@command_options
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def shell(
    name: str,
    directory: Path,
    image_tag: str | None,
    timeout: float,
    yes: bool,
    command: tuple[str, ...],
    target: AwsTarget,
) -> None:
    """Open a shell, or run a COMMAND, in a task of its own.

    The task has the image, variables, secrets and network of the deployed API, a writable root and ECS Exec. It is
    stopped at the end, and no task that serves is entered. Needs `api.shells: true` in the environment file, and AWS's
    session-manager-plugin on the PATH. With --local the command is the task.

    \b
    Examples:
      infragen shell --env dev
      infragen shell --env prod -- node --version
      infragen shell --env dev --local -- env
    """
    from infragen.cli.plugin import attach, find_plugin

    file = parameters.one(directory, name)
    env = file.environment
    wanted = _command("shell", env, command or SHELL, timeout, image_tag)
    if not command and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError("a shell needs a terminal", "run one command instead: `infragen shell -- COMMAND`")
    if target.local:
        with open_session(file, target, yes=yes) as session:
            _run_here(session, env, wanted, interactive=not command)
        return
    plugin = find_plugin()
    with _hang_up(), open_session(file, target, yes=yes) as session, _opened(session, env, wanted) as task:
        begun = session.cloud.execute_command(task.state, task.cluster, task.container, shlex.join(wanted.command))
        attach(plugin, begun, target.profile or "", timeout * 60)


@click.command()
@parameters.env("The environment whose database to reach.", required=True)
@parameters.environments
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(1, 65535),
    help=f"Port on this machine; default: {PORT}. With --local the database has one of its own.",
)
@_timeout
@parameters.yes
@parameters.verbose
@cloud_options
@command_options
def tunnel(name: str, directory: Path, port: int | None, timeout: float, yes: bool, target: AwsTarget) -> None:
    """Forward a port of this machine to the database.

    It leads through a task as `infragen shell` has it. Prints a line for psql, whose password is in a file that only
    you can read and that is removed at the end. Ctrl-C closes the tunnel and stops the task. Reads the application's
    credentials from Secrets Manager.

    \b
    Examples:
      infragen tunnel --env dev --local
      infragen tunnel --env prod --port 15432
    """
    from infragen.cli.plugin import attach, find_plugin
    from infragen.engine.shell import database_login

    file = parameters.one(directory, name)
    env = file.environment
    if env.database is None:
        raise InputError(f"{env.environment} has no section database", "there is nothing to reach")
    if target.local:
        if port is not None:
            raise click.UsageError("--port cannot be combined with --local: the emulator's PostgreSQL listens here")
        with _hang_up(), open_session(file, target, yes=yes) as session:
            login = database_login(session, env)
            with _password_file(login, login.host, login.port) as passwords:
                _show(passwords, f"host={login.host} port={login.port}", login, "prefer")
                _wait(session, timeout * 60)
        return
    here = port or PORT
    _check_free(here)
    plugin = find_plugin()
    wanted = _command("tunnel", env, ("sleep",), timeout, None)
    with _hang_up(), open_session(file, target, yes=yes) as session:
        login = database_login(session, env)
        with _opened(session, env, wanted) as task, _password_file(login, login.host, here) as passwords:
            begun = session.cloud.forward_port(task.target, login.host, login.port, here)
            _show(passwords, f"host={login.host} hostaddr=127.0.0.1 port={here}", login, "require")
            attach(plugin, begun, target.profile or "", timeout * 60)


def _command(purpose: str, env: Environment, command: tuple[str, ...], timeout: float, tag: str | None) -> Command:
    from infragen.engine.release import Command

    if env.api is None:
        raise InputError(f"{env.environment} has no api layer, whose image a task could run", "add the section api")
    return Command(purpose, command, max(1, round(timeout * 60)), env.api.cpu, env.api.memory, tag)


@contextmanager
def _opened(session: Session, env: Environment, wanted: Command) -> Iterator[OpenTask]:
    """Yield a task that can be entered, and say what becomes of it."""
    from infragen.engine.shell import open_task

    doing = f"open a {wanted.purpose}"
    say(f"{wanted.purpose}: starting a task of its own, which takes about a minute", err=True)
    with open_task(session, env, wanted, doing) as task:
        say(f"{wanted.purpose}: task {task.state.id}; it is stopped at the end", err=True)
        yield task
    say(f"{wanted.purpose}: closed" + ("; the task is being stopped" if task.stopping else ""), err=True)


@contextmanager
def _hang_up() -> Iterator[None]:
    """Take a closed terminal for SIGTERM, so that what was started is stopped."""
    before = signal.getsignal(signal.SIGHUP)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _run_here(session: Session, env: Environment, wanted: Command, *, interactive: bool) -> None:
    """Run a command as a task of the emulator, on this terminal where there is one. Raises OperationFailed for one that
    fails; how a shell ends is its user's affair.
    """
    from infragen.cli.tasks import Output
    from infragen.cli.terminals import borrowed
    from infragen.engine.one_off import why
    from infragen.engine.release import run_command

    if sys.stdin.isatty() and sys.stdout.isatty():
        with borrowed() as terminal:
            wanted = replace(wanted, command=terminal.command(wanted.command))
            result = run_command(replace(session, ui=terminal.listener(session.ui)), env, wanted)
    else:
        result = run_command(replace(session, ui=Output(session.ui)), env, wanted)
    if not result.succeeded and (not interactive or result.timed_out or result.task.exit_code is None):
        how, remedy = why(result)
        raise OperationFailed(f"the command failed after {result.seconds:.0f} s: {how}", remedy)


# --- the database -----------------------------------------------------------------------------------------------


@contextmanager
def _password_file(login: DatabaseLogin, host: str, port: int) -> Iterator[Path]:
    """Yield a password file of libpq (PostgreSQL documentation, "The Password File") for the user alone; removed
    afterwards.
    """
    from infragen.machine.output_file import temporary_directory

    known_secrets().add(login.password)
    fields = (host, str(port), login.database, login.user, login.password)
    line = ":".join(each.replace("\\", "\\\\").replace(":", "\\:") for each in fields)
    with temporary_directory("infragen-tunnel-") as directory:
        path = directory / "login"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(f"{line}\n")
        yield path


def _show(passwords: Path, place: str, login: DatabaseLogin, tls: str) -> None:
    words = f"{place} dbname={login.database} user={login.user} sslmode={tls}"
    say(f"PGPASSFILE={shlex.quote(str(passwords))} psql {shlex.quote(words)}")
    sys.stdout.flush()
    say("Ctrl-C closes it", err=True)


def _wait(session: Session, seconds: float) -> None:
    """Wait until Ctrl-C, but no longer than this."""
    begun = session.timer.now()
    try:
        while session.timer.now() - begun < seconds:
            session.timer.sleep(1)
    except KeyboardInterrupt:
        return


def _check_free(port: int) -> None:
    from infragen.machine.processes import why_taken

    if taken := why_taken("127.0.0.1", port):
        raise InputError(
            f"port {port} of this machine cannot be used: {taken.lower()}",
            "choose another one with --port, such as --port 15432",
        )
