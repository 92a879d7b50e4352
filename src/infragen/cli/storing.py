"""The commands for the application's own secrets. A value comes from stdin or a prompt, never from the command line."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session
from infragen.cli.json_lines import lines, lines_option
from infragen.cli.output import known_secrets, say
from infragen.cli.pasting import pasteable
from infragen.cli.program import command_options
from infragen.errors import InputError
from infragen.report.printing import echo

LARGEST_FILE = 1_000_000

_LATER = (
    "tasks read it when they start: those of the next deployment that changes the API, or replace them now with "
    "`infragen secrets restart`"
)


@click.group()
def secrets() -> None:
    """Store the application's own secrets; values are never shown.

    Each is an SSM parameter /PROJECT/ENVIRONMENT/NAME, encrypted. Write NAME: ssm under api.secrets or a worker's
    secrets to use it (`infragen docs secrets`).

    \b
    Examples:
      infragen secrets set STRIPE_KEY --env prod
      infragen secrets list --env prod
    """


@secrets.command("list")
@parameters.env("The environment whose secrets to list.", required=True)
@parameters.environments
@parameters.document_format
@cloud_options
@command_options
def list_(name: str, directory: Path, form: str, target: AwsTarget) -> None:
    """List the secrets that are stored or that the file takes.

    Shows names, ages, who changed them last, and what uses them; never a value.

    \b
    Examples:
      infragen secrets list --env prod
      infragen secrets list --env prod --format json
    """
    from infragen.engine.app_secrets import stored
    from infragen.report.app_secrets import secret_lines, secrets_json

    file = parameters.one(directory, name)
    with open_session(file, target) as session:
        found = stored(session, file.environment)
        now = session.timer.date()
    if form == "json":
        echo(secrets_json(file.environment.environment, found))
        return
    for line in secret_lines(found, now):
        say(line)
    missing = [each.name for each in found if not each.stored]
    if missing:
        say(pasteable(f"\nnot stored yet: `infragen secrets set {missing[0]}`"))


@secrets.command("set")
@click.argument("secret", metavar="NAME")
@parameters.env("The environment whose secret to store.", required=True)
@parameters.environments
@parameters.document_format
@cloud_options
@command_options
def set_(secret: str, name: str, directory: Path, form: str, target: AwsTarget) -> None:
    """Store a secret from stdin, or from a prompt without echo.

    One newline at the end of stdin does not belong to the value.

    \b
    Examples:
      infragen secrets set STRIPE_KEY --env prod
      cat key.pem | infragen secrets set TLS_KEY --env prod
    """
    from infragen.engine.app_secrets import check_name, check_value, store
    from infragen.report.app_secrets import stored_json

    check_name(secret)
    file = parameters.one(directory, name)
    value = _typed(secret) if sys.stdin.isatty() else _piped(secret)
    known_secrets().update({value} if len(value) >= _TELLING else set())
    check_value(value, secret)
    with open_session(file, target) as session:
        written = store(session, file.environment, {secret: value})
    if form == "json":
        echo(stored_json(file.environment.environment, written, file.environment.own_secrets))
        return
    _report(written.versions, own_key=written.own_key)
    used = file.environment.own_secrets.get(secret)
    if used:
        say(pasteable(f"{', '.join(used)} of {name} takes it; {_LATER}"))
    else:
        say(pasteable(f"nothing of {name} takes it: write {secret}: ssm under api.secrets, then `infragen deploy`"))


_TELLING = 4
"""Characters of a value from which on every text that holds it is hidden; shorter ones are in half of all texts."""


def _typed(secret: str) -> str:
    value: str = click.prompt(f"value of {secret}", hide_input=True, err=True, default="", show_default=False)
    return value


def _piped(secret: str) -> str:
    try:
        text = sys.stdin.buffer.read(LARGEST_FILE).decode()
    except UnicodeDecodeError:
        raise InputError(f"the value of {secret} on stdin is no UTF-8", "encode it, for example as Base64") from None
    return text.removesuffix("\n").removesuffix("\r")


def _report(versions: Mapping[str, int], *, own_key: bool) -> None:
    for each, version in versions.items():
        say(f"stored {each} (version {version})")
    if not own_key:
        say(
            "encrypted with aws/ssm, because the environment's own key is not deployed yet; store it again after the "
            "first deployment to use that"
        )


@secrets.command("import")
@click.argument("file", type=parameters.FilePath())
@parameters.env("The environment whose secrets to store.", required=True)
@parameters.environments
@parameters.yes
@parameters.document_format
@cloud_options
@command_options
def import_(file: Path, name: str, directory: Path, yes: bool, form: str, target: AwsTarget) -> None:
    """Store all variables of a .env FILE.

    A file with one wrong line stores none. Shows names only, and asks.

    \b
    Examples:
      infragen secrets import .env --env staging
      infragen secrets import prod.env --env prod --yes
    """
    from infragen.engine.app_secrets import parse_env_file, store
    from infragen.engine.progress import Question
    from infragen.errors import Refused
    from infragen.machine.input_file import read
    from infragen.report.app_secrets import stored_json

    environment = parameters.one(directory, name)
    try:
        text = read(file, "the .env file", LARGEST_FILE).decode()
    except UnicodeDecodeError:
        raise InputError(f"{file} is no UTF-8; nothing was stored", "save it as UTF-8") from None
    values = parse_env_file(text, str(file))
    known_secrets().update(each for each in values.values() if len(each) >= _TELLING)
    with open_session(environment, target, yes=yes) as session:
        listed = ", ".join(values)
        if not session.ui.confirm(Question(f"store {listed} in {name}?", "--yes")):
            raise Refused("declined; nothing was stored")
        written = store(session, environment.environment, values)
    if form == "json":
        echo(stored_json(environment.environment.environment, written, environment.environment.own_secrets))
        return
    _report(written.versions, own_key=written.own_key)
    unused = [each for each in values if each not in environment.environment.own_secrets]
    if unused:
        say(f"nothing of {name} takes {', '.join(unused)}: write NAME: ssm under api.secrets")
    say(pasteable(_LATER))


@secrets.command("rm")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@parameters.env("The environment whose secrets to delete.", required=True)
@parameters.environments
@click.option("--allow-in-use", is_flag=True, help="Delete them although tasks or functions need them to start.")
@parameters.yes
@parameters.document_format
@cloud_options
@command_options
def rm(
    names: tuple[str, ...], name: str, directory: Path, allow_in_use: bool, yes: bool, form: str, target: AwsTarget
) -> None:
    """Delete secrets, after asking.

    One that the environment file or a deployed stack takes is refused.

    \b
    Examples:
      infragen secrets rm STRIPE_KEY --env staging
    """
    from infragen.engine.app_secrets import check_name, remove
    from infragen.report.app_secrets import deleted_json

    for each in names:
        check_name(each)
    file = parameters.one(directory, name)
    with open_session(file, target, yes=yes) as session:
        gone = remove(session, file.environment, tuple(dict.fromkeys(names)), in_use=allow_in_use)
    if form == "json":
        echo(deleted_json(file.environment.environment, gone))
        return
    say(f"deleted {', '.join(gone)}")


@secrets.command("diff")
@click.argument("first", metavar="ENV")
@click.argument("second", metavar="ENV")
@parameters.environments
@click.option("--second-profile", metavar="NAME", help="AWS profile of the second environment; default: --profile.")
@parameters.document_format
@cloud_options
@command_options
def diff(first: str, second: str, directory: Path, second_profile: str | None, form: str, target: AwsTarget) -> None:
    """Compare the names of the secrets of two environments.

    No value is read.

    \b
    Examples:
      infragen secrets diff staging prod
      infragen secrets diff staging prod --profile staging --second-profile prod
    """
    from dataclasses import replace

    from infragen.engine.app_secrets import compare
    from infragen.report.app_secrets import difference_json, difference_lines

    files = [parameters.one(directory, each) for each in (first, second)]
    other = replace(target, profile=second_profile) if second_profile else target
    with open_session(files[0], target) as one, open_session(files[1], other) as two:
        found = compare((one, files[0].environment), (two, files[1].environment))
    if form == "json":
        echo(difference_json(first, second, found))
        return
    for line in difference_lines(first, second, found):
        say(line)


@secrets.command("restart")
@parameters.env("The environment whose tasks to replace.", required=True)
@parameters.environments
@parameters.wait
@parameters.yes
@lines_option
@cloud_options
@command_options
def restart(name: str, directory: Path, wait: float | None, yes: bool, target: AwsTarget) -> None:
    """Replace the tasks, so that they read the secrets as they are.

    Tasks are replaced one after the other, as in a deployment. Workers read their secrets when Lambda starts a new
    instance of them.

    \b
    Examples:
      infragen secrets restart --env prod
    """
    from infragen.assembly.synth import synthesize
    from infragen.engine.rotate import restart as engine

    file = parameters.one(directory, name)
    with open_session(file, target, yes=yes) as session:
        services = engine(synthesize(file.environment), session, wait=parameters.seconds(wait))
    if lines() is not None:
        return
    say(f"replaced the tasks of {', '.join(each.rpartition('/')[2] for each in services)}")
