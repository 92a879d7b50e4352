"""`infragen compose`: a compose file for teams with Docker, written from an environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from infragen.cli import parameters
from infragen.cli.output import say
from infragen.cli.program import command_options
from infragen.errors import InputError
from infragen.machine.input_file import is_there, read
from infragen.machine.output_file import STDOUT, replacing
from infragen.machine.output_file import check as check_name

_FILE = "compose.yaml"
_INTO_A_FILE = "--output FILE writes it into a file"


@click.command()
@parameters.env("The environment to write it from; default: dev.")
@parameters.environments
@click.option(
    "--output",
    metavar="FILE",
    type=parameters.FilePath(),
    help=f"File to write, - for stdout; default: {_FILE} beside the environments.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when the file is stale.")
@command_options
def compose(name: str | None, directory: Path, output: Path | None, check: bool) -> None:
    """Write a compose file that runs the project with Docker.

    PostgreSQL in the version of the environment, an emulator of AWS with its queues, the release command, the API and
    the workers, with the variables of the rendered task definition. infragen writes the file and does not run it:
    `docker compose up --wait` does. A file that infragen did not write is left alone. What sounds like a secret is
    written into a file, not to stdout.

    \b
    Examples:
      infragen compose
      infragen compose --env staging --output compose.staging.yaml
      infragen compose --check
    """
    from infragen.assembly.synth import synthesize
    from infragen.config.rules import secret_texts
    from infragen.machine.emulator import DEFAULT_ACCOUNT
    from infragen.project import compose as pure

    root = Path(parameters.own_root(directory))
    target = output or root / _FILE
    if check and target == STDOUT:
        raise click.UsageError("--check compares a file; name one with --output")
    if target != STDOUT:
        check_name(target)
    file = parameters.one(directory, name or "dev")
    env = file.environment
    if env.api is None:
        raise InputError(f"{env.environment} has no api layer to run", "add the section api")
    secret = next(secret_texts(env), None) if target == STDOUT else None
    if secret is not None:
        path, told = secret
        raise InputError(f"{file.place(path)}: {told}; nothing was printed", _INTO_A_FILE)
    if not is_there(root / "Dockerfile"):
        raise InputError(f"{root} has no Dockerfile to build the services from", "`infragen init` writes one")
    found = "" if target == STDOUT or not os.path.lexists(target) else read(target).decode(errors="replace")
    if found and pure.foreign(found):
        raise InputError(f"{target} was not written by infragen; nothing was written", "--output names another file")
    bodies = {each.layer: each.body for each in synthesize(env).templates}
    if target == STDOUT:
        _check_printable(bodies)
    context = "." if target == STDOUT else os.path.relpath(root, target.absolute().parent)
    polls = is_there(root / pure.POLL)
    text = pure.compose(env, bodies, account=env.account or DEFAULT_ACCOUNT, context=context, polls=polls)
    for worker, reason in pure.left_out(env, polls=polls).items():
        say(f"warning: the worker {worker} is left out: {reason}", err=True)
    if found == text:
        say(f"up to date: {target}")
        return
    if check:
        say(f"stale: {target}")
        say("write it again: the same command without --check", err=True)
        click.get_current_context().exit(1)
    with replacing(target, "the compose file") as put:
        put(text)
    if target != STDOUT:
        say(f"wrote {target}")


def _check_printable(bodies: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InputError where a template that the file is made from holds what looks like a secret: layers of a
    project add what no environment file says.
    """
    from infragen.project.compose import READ
    from infragen.secrecy.masking import first_hidden

    for layer in sorted(READ & {*bodies}):
        for name, resource in bodies[layer]["Resources"].items():
            if place := first_hidden(resource, name):
                raise InputError(f"the layer {layer}: {place} looks like a secret; nothing was printed", _INTO_A_FILE)
