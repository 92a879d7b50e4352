"""`infragen local`: the local AWS emulator."""

from typing import TYPE_CHECKING

import click

from infragen.cli import parameters
from infragen.cli.output import say
from infragen.cli.program import command_options
from infragen.report.printing import echo

if TYPE_CHECKING:
    from infragen.machine.emulator import Emulator, Killed
    from infragen.report.document_types import KilledRun
    from infragen.secrecy.visible import Shown


@click.group()
def local() -> None:
    """Run the local AWS emulator.

    Try infragen without an AWS account. The emulator is a separate process that listens on 127.0.0.1 only and keeps
    its stacks until `local reset`. Every command that calls AWS accepts --local, which starts the emulator if needed.

    \b
    Examples:
      infragen local start
      infragen deploy --env dev --local
      infragen local stop
    """


@local.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on; default: the last one, or a free one.")
@parameters.document_format
@command_options
def start(port: int | None, form: str) -> None:
    """Start the emulator if it is not running, and print its endpoint.

    Other AWS clients also need its secret key: see `infragen local env`.

    \b
    Example:
      infragen local start
    """
    from infragen.machine import emulator

    running = emulator.start(emulator.default_state_dir(), port)
    say(f"emulator running (pid {running.pid}), state in {running.state_dir}", err=True)
    say(_as_json(running) if form == "json" else running.endpoint_url)


@local.command()
@command_options
def stop() -> None:
    """Stop the emulator and keep its state.

    \b
    Example:
      infragen local stop
    """
    from infragen.machine import emulator

    stopped = emulator.stop(emulator.default_state_dir())
    say("stopped" if stopped else "the emulator was not running")


@local.command()
@parameters.document_format
@command_options
def status(form: str) -> None:
    """Show whether the emulator is running, its endpoint, and which of its parts run something.

    A part that only keeps records names what it lacks. Where the last run was killed, it says what was kept.

    Exits with 0 in both cases; scripts read the first word, `running` or `stopped`.

    \b
    Examples:
      infragen local status
      infragen local status --format json
    """
    from infragen.machine import emulator
    from infragen.report.images import emulator_json

    state_dir = emulator.default_state_dir()
    running = emulator.status(state_dir)
    killed = running.killed if running else emulator.last_killed(state_dir)
    if form == "json":
        say(_as_json(running) if running else emulator_json(state_dir, killed=_killed_json(killed)))
        return
    lines = _described(running) if running else [f"stopped, state in {state_dir}"]
    say("\n".join([*lines, *_told(killed)]))


def _as_json(running: "Emulator") -> "Shown":
    from infragen.report.images import emulator_json

    told = _killed_json(running.killed)
    return emulator_json(running.state_dir, running.endpoint_url, running.pid, running.parts, told)


def _killed_json(killed: "Killed | None") -> "KilledRun | None":
    if killed is None:
        return None
    return {
        "saved_at": killed.saved_at or None,
        "stacks": list(killed.stacks),
        "operations": list(killed.operations),
    }


def _described(running: "Emulator") -> list[str]:
    first = f"running at {running.endpoint_url} (pid {running.pid}), state in {running.state_dir}"
    return [first, *(f"  {name:<10} {word}" for name, word in running.parts.items())]


def _told(killed: "Killed | None") -> list[str]:
    """Return the lines about a run that was killed: what was kept, and what was not."""
    if killed is None:
        return []
    names = ", ".join(killed.stacks) or "no stacks"
    saved = f"kept: its state of {killed.saved_at}, with {names}" if killed.saved_at else "it had saved nothing"
    cut = ", ".join(killed.operations)
    return [f"  the last run was killed; {saved}", *([f"  cut off: the operation on {cut}"] if cut else [])]


@local.command()
@click.option(
    "--account", metavar="ID", default="000000000000", show_default=True, help="Account id to use, 12 digits."
)
@command_options
def env(account: str) -> None:
    """Print shell commands that point another AWS client at the emulator.

    Starts the emulator if needed. Each start creates a new secret key, which only you can read.

    \b
    Example:
      infragen local env --account 111111111111
    """
    from infragen.machine import emulator
    from infragen.secrecy.visible import agreed

    running = emulator.start(emulator.default_state_dir())
    keys = running.credentials(account)
    say(f"export AWS_ENDPOINT_URL={running.endpoint_url}")
    say(f"export AWS_ACCESS_KEY_ID={keys.access_key}")
    echo(agreed(f"export AWS_SECRET_ACCESS_KEY={keys.secret_key}"))
    say("unset AWS_SESSION_TOKEN AWS_PROFILE")


@local.command()
@parameters.yes
@command_options
def reset(yes: bool) -> None:
    """Stop the emulator and delete its state.

    \b
    Example:
      infragen local reset --yes
    """
    from infragen.engine.progress import Question
    from infragen.errors import Refused
    from infragen.machine import emulator
    from infragen.report.prompts import ask

    state_dir = emulator.default_state_dir()
    if not yes and not ask(Question(f"delete the emulator's state in {state_dir}?", "--yes")):
        raise Refused("declined; nothing was deleted")
    say("reset" if emulator.reset(state_dir) else "nothing to reset")
