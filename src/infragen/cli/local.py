"""`infragen local`: the embedded AWS emulator."""

from typing import TYPE_CHECKING

import click

from infragen.cli.output import say
from infragen.cli.program import command_options
from infragen.report.printing import echo

if TYPE_CHECKING:
    from infragen.emulator import Emulator


@click.group()
def local() -> None:
    """Run a small AWS on this machine.

    For trying things without an account. The emulator is a child process that listens on 127.0.0.1 alone; what is
    deployed to it is kept until `local reset`. Every command that talks to AWS takes --local, which starts it when
    it does not run.

    \b
    Examples:
      infragen local start
      infragen deploy --env dev --local
      infragen local stop
    """


@local.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on; default: the last one, or a free one.")
@command_options
def start(port: int | None) -> None:
    """Start the emulator, if it does not run, and print its endpoint.

    Other AWS clients need its secret, too: `infragen local env`.

    \b
    Example:
      infragen local start
    """
    from infragen import emulator

    running = emulator.start(emulator.default_state_dir(), port)
    say(f"the emulator runs as process {running.pid}; it keeps its state in {running.state_dir}", err=True)
    say(running.endpoint_url)


@local.command()
@command_options
def stop() -> None:
    """Stop the emulator; what is deployed to it is kept.

    \b
    Example:
      infragen local stop
    """
    from infragen import emulator

    stopped = emulator.stop(emulator.default_state_dir())
    say("stopped" if stopped else "the emulator was not running")


@local.command()
@command_options
def status() -> None:
    """Say whether the emulator runs, where, and which parts of it run something.

    A part that stays records says what it lacks.

    The exit code is 0 in both cases; scripts read the first word, `running` or `stopped`.

    \b
    Example:
      infragen local status
    """
    from infragen import emulator

    state_dir = emulator.default_state_dir()
    running = emulator.status(state_dir)
    say(_described(running) if running else f"stopped; its state is in {state_dir}")


def _described(running: "Emulator") -> str:
    said = f"running at {running.endpoint_url} as process {running.pid}; its state is in {running.state_dir}"
    return "\n".join([said, *(f"  {name:<10} {word}" for name, word in running.parts.items())])


@local.command()
@click.option(
    "--account", metavar="ID", default="000000000000", show_default=True, help="Account to act in, 12 digits."
)
@command_options
def env(account: str) -> None:
    """Print what another AWS client needs to use the emulator, as commands for a shell to eval.

    The emulator is started if it does not run. The secret is a new one after each start, and only you can read it.

    \b
    Example:
      infragen local env --account 111111111111
    """
    from infragen import emulator
    from infragen.secrecy.visible import agreed

    running = emulator.start(emulator.default_state_dir())
    keys = running.credentials(account)
    say(f"export AWS_ENDPOINT_URL={running.endpoint_url}")
    say(f"export AWS_ACCESS_KEY_ID={keys.access_key}")
    echo(agreed(f"export AWS_SECRET_ACCESS_KEY={keys.secret_key}"))
    say("unset AWS_SESSION_TOKEN AWS_PROFILE")


@local.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@command_options
def reset(yes: bool) -> None:
    """Stop the emulator and forget everything that was deployed to it.

    \b
    Example:
      infragen local reset --yes
    """
    from infragen import emulator
    from infragen.engine.progress import Question
    from infragen.errors import Refused
    from infragen.report.prompts import ask

    state_dir = emulator.default_state_dir()
    if not yes and not ask(Question(f"forget everything in {state_dir}?", "--yes")):
        raise Refused("declined; nothing was forgotten")
    say("reset" if emulator.reset(state_dir) else "there was nothing to reset")
