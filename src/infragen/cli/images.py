"""`infragen image`: a directory as the image that the API's tasks run in the emulator."""

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session
from infragen.cli.output import say
from infragen.cli.pasting import pasteable, remember
from infragen.cli.program import command_options
from infragen.errors import InputError, Refused
from infragen.machine.input_file import read

if TYPE_CHECKING:
    from infragen.aws.registry import Registry
    from infragen.config import Environment

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
@parameters.document_format
@cloud_options
@command_options
def put(
    source: Path, name: str, directory: Path, tag: str | None, command: str | None, form: str, target: AwsTarget
) -> None:
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
    from infragen.engine import status as engine
    from infragen.machine.emulator import default_state_dir, put_image, start
    from infragen.report.images import build_json, put_json

    file = parameters.one(directory, name)
    if not os.path.isdir(source):
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
        build = f"docker buildx build --platform {platform} --push --tag {where} {shlex.quote(str(source))}"
        say(build_json(uri.partition("/")[2], where, tag, build) if form == "json" else build)
        return
    account, region, repository = _place(uri)
    answer = put_image(start(default_state_dir()), (account, region, repository), tag, source.absolute(), words)
    if "digest" not in answer:
        message = f"{repository}: {answer['message']}" + (f" ({answer['code']})" if answer["code"] != "OSError" else "")
        if answer["code"] == "ImageTagAlreadyExistsException":
            raise Refused(message, "choose another --image-tag: the repository's tags are immutable")
        raise InputError(message)
    if form == "json":
        say(put_json(repository, f"{uri}:{answer['tag']}", answer))
    else:
        say(f"{repository}:{answer['tag']}  {answer['digest']}" + ("" if answer["new"] else "  (already registered)"))
    if answer.get("left_out"):  # an emulator that was started by an older version does not say
        say(f"left out by .dockerignore: {', '.join(answer['left_out'])}", err=True)
    say(f"deploy it with: infragen deploy --env {name} --local --image-tag {shlex.quote(str(answer['tag']))}", err=True)


@image.command()
@click.option("--from", "before", metavar="NAME", required=True, help="The environment whose image to copy.")
@click.option("--to", "after", metavar="NAME", required=True, help="The environment to copy it to.")
@parameters.environments
@click.option("--image-tag", "tag", metavar="TAG", required=True, help="Tag of the image; the copy has the same.")
@click.option(
    "--from-profile",
    metavar="NAME",
    help="AWS profile of the source; default: SOURCE_AWS_ACCESS_KEY_ID, SOURCE_AWS_SECRET_ACCESS_KEY and "
    "SOURCE_AWS_SESSION_TOKEN, else the credentials of the target.",
)
@click.option("--local", is_flag=True, help="Copy within the local AWS emulator; starts it if needed.")
@click.option("--profile", metavar="NAME", help="AWS profile of the target; default: as the AWS CLI.")
@click.option("--endpoint-url", metavar="URL", help="Endpoint to use instead of AWS.")
@parameters.document_format
@command_options
def promote(
    before: str,
    after: str,
    directory: Path,
    tag: str,
    local: bool,
    from_profile: str | None,
    profile: str | None,
    endpoint_url: str | None,
    form: str,
) -> None:
    """Copy an image to the repository of another environment.

    The copy has the same digest, so that what was tested is what runs. Layers that are there already are left out, and
    images for several platforms are copied whole. Needs no Docker, and no account that the environments share. Ends in
    5 when the tag has another image there.

    \b
    Examples:
      infragen image promote --from staging --to prod --image-tag v42
      infragen image promote --from staging --to prod --image-tag v42 --from-profile staging
      infragen image promote --from staging --to prod --image-tag v42 --local
    """
    from infragen.aws.session import check_endpoint
    from infragen.engine.options import check_image_tag
    from infragen.engine.promote import promote as copy
    from infragen.engine.promote import repository_of
    from infragen.report.images import copy_json

    if local and (endpoint_url or profile or from_profile):
        raise click.UsageError("--local cannot be combined with --endpoint-url, --profile or --from-profile")
    click.get_current_context().meta[parameters.EMULATED] = local
    remember({"--env": after, "--local": local, "--profile": profile, "--endpoint-url": endpoint_url})
    check_image_tag(tag)
    if endpoint_url is not None:
        check_endpoint(endpoint_url, "--endpoint-url")
    first, second = (parameters.one(directory, each).environment for each in (before, after))
    if local:
        source, target = _emulated(first, second)
    else:
        source, target = _registries(first.region, second.region, (from_profile, profile), endpoint_url)
    result = copy(source, target, first, second, tag, local=local)
    if form == "json":
        counts = {"copied": result.copied, "there": result.there}
        say(copy_json(repository_of(second), tag, result.digest, new=result.new, **counts))
        return
    done = f"{result.copied} layers copied, {result.there} there already" if result.new else "there already"
    say(f"{repository_of(second)}:{tag}  {result.digest}  ({done})")


def _registries(
    before: str, after: str, profiles: tuple[str | None, str | None], endpoint_url: str | None
) -> "tuple[Registry, Registry]":
    """Return the registries of two regions; `profiles` are those of the source and the target."""
    from infragen.aws.registry import registry

    theirs, ours = profiles
    source = registry(before, theirs or ours, endpoint_url, None if theirs else _source())
    return source, registry(after, ours, endpoint_url)


def _emulated(*environments: "Environment") -> "Iterator[Registry]":
    """Yield the registry of each environment in the emulator."""
    from infragen.assembly.stacks import account_of
    from infragen.aws.registry import registry
    from infragen.machine.emulator import default_state_dir, start

    running = start(default_state_dir())
    for env in environments:
        keys = running.credentials(account_of(env))
        yield registry(env.region, endpoint_url=running.endpoint_url, keys=(keys.access_key, keys.secret_key))


def _source() -> tuple[str, str, str] | None:
    """Return the credentials of SOURCE_AWS_*. Raises InputError for half of them."""
    names = ("SOURCE_AWS_ACCESS_KEY_ID", "SOURCE_AWS_SECRET_ACCESS_KEY", "SOURCE_AWS_SESSION_TOKEN")
    key, secret, token = (os.environ.get(each, "") for each in names)
    if bool(key) != bool(secret):
        raise InputError(f"only one of {names[0]} and {names[1]} is set", "set both, or use --from-profile")
    return (key, secret, token) if key else None


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
            package = json.loads(read(source / "package.json")) if os.path.exists(source / "package.json") else {}
            script, main = (package.get("scripts") or {}).get("start"), package.get("main")
            words = shlex.split(script) if script else ["node", main] if main else []
    except (ValueError, OSError, AttributeError, TypeError) as error:
        raise InputError(f"{source / 'package.json' if given is None else '--command'}: {error}") from None
    if not words:
        raise InputError(f"{source}: the command of a task is missing", "--command 'node main.mjs'")
    return words
