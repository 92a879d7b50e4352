"""`infragen image`: a directory as the image that the API's tasks run in the emulator."""

import json
import shlex
from pathlib import Path

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session
from infragen.cli.output import say
from infragen.cli.pasting import pasteable
from infragen.cli.program import command_options
from infragen.errors import InputError, Refused
from infragen.input_file import read

_REPOSITORY = "RepositoryUri"


@click.group()
def image() -> None:
    """Manage images of the API.

    \b
    Example:
      infragen image put . --env dev --local
    """


@image.command()
@click.argument("source", metavar="DIRECTORY", type=click.Path(path_type=Path))
@parameters.env("The environment whose API runs the image.", required=True)
@parameters.environments
@click.option("--image-tag", "tag", metavar="TAG", help="Tag; default: the first 12 digits of the image's digest.")
@click.option(
    "--command",
    metavar="COMMAND",
    help="Command of a task; default: scripts.start of package.json, or node and its main.",
)
@cloud_options
@command_options
def put(source: Path, name: str, directory: Path, tag: str | None, command: str | None, target: AwsTarget) -> None:
    """Register a directory as an image in the emulator.

    Copies the directory without .git, so install and build first. With a .dockerignore, leaves out what that does, and
    takes of node_modules what npm ci --omit=dev would install. Tasks run on this machine, as your user, with Node and
    the system's programs in PATH. Refuses a tag that already has another image, as ECR does. Without --local, prints
    the command that builds and pushes an image.

    \b
    Examples:
      infragen image put . --env dev --local
      infragen image put . --env dev --local --image-tag v1 --command "node main.mjs"
    """
    from infragen.assembly.synth import synthesize
    from infragen.emulator import default_state_dir, put_image, start
    from infragen.engine import status as engine

    file = parameters.one(directory, name)
    if not source.is_dir():
        raise InputError(f"{source} is not a directory")
    words = _command(source, command) if target.local else []
    with open_session(file, target) as session:
        outputs = engine.outputs(synthesize(file.environment), session)
    uri = outputs.get(_REPOSITORY, "")
    if not uri:
        raise InputError(
            f"{name} has no repository for images yet: it comes with the api layer",
            pasteable(f"infragen deploy --env {name}" + (" --local" if target.local else "")),
        )
    if not target.local:
        where = f"{uri}:{tag or 'TAG'}"
        api = file.environment.api
        platform = "linux/arm64" if api is None or api.architecture == "arm64" else "linux/amd64"
        say(f"docker buildx build --platform {platform} --push --tag {where} {shlex.quote(str(source))}")
        return
    account, region, repository = _place(uri)
    answer = put_image(start(default_state_dir()), (account, region, repository), tag, source.absolute(), words)
    if "digest" not in answer:
        message = f"{repository}: {answer['message']}" + (f" ({answer['code']})" if answer["code"] != "OSError" else "")
        if answer["code"] == "ImageTagAlreadyExistsException":
            raise Refused(message, "choose another --image-tag: the repository's tags are immutable")
        raise InputError(message)
    say(f"{repository}:{answer['tag']}  {answer['digest']}" + ("" if answer["new"] else "  (already registered)"))
    if answer.get("left_out"):  # an emulator that was started by an older version does not say
        say(f"left out by .dockerignore: {', '.join(answer['left_out'])}", err=True)
    say(f"deploy it with: infragen deploy --env {name} --local --image-tag {shlex.quote(str(answer['tag']))}", err=True)


def _place(uri: str) -> tuple[str, str, str]:
    """Return account, region and name of a repository by its URI."""
    host, _, repository = uri.partition("/")
    parts = host.split(".")
    return parts[0], parts[3], repository


def _command(source: Path, given: str | None) -> list[str]:
    """Return the words of the command that a task runs; InputError when there is none."""
    try:
        if given is not None:
            words = shlex.split(given)
        else:
            package = json.loads(read(source / "package.json")) if (source / "package.json").exists() else {}
            script, main = (package.get("scripts") or {}).get("start"), package.get("main")
            words = shlex.split(script) if script else ["node", main] if main else []
    except (ValueError, OSError, AttributeError, TypeError) as error:
        raise InputError(f"{source / 'package.json' if given is None else '--command'}: {error}") from None
    if not words:
        raise InputError(f"{source}: the command of a task is missing", "--command 'node main.mjs'")
    return words
