"""The command that begins a project: `infragen init`."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infragen.cli.output import say
from infragen.cli.program import command_options
from infragen.errors import InputError

if TYPE_CHECKING:
    from infragen.project.choices import Choices
    from infragen.project.repository import Repository

_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
_SCHEMA = "environment.schema.json"
_OWN = ("layers", "addons")
"""Directories beside the environments that add to their templates."""


def _accounts(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    accounts: dict[str, str] = {}
    for value in values:
        environment, given, account = value.partition("=")
        if not given:
            raise click.BadParameter(f"{value!r} is not ENV=ID, such as dev=111122223333")
        if accounts.setdefault(environment, account) != account:
            raise click.BadParameter(f"{environment} has two accounts")
    return accounts


def _parts(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...] | None:
    from infragen.project.choices import PARTS

    named = [each.strip() for value in values for each in value.split(",")]
    unknown = [each for each in named if each not in PARTS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(PARTS)}")
    return tuple(each for each in PARTS if each in named) if named else None


@click.command()
@click.argument("directory", default=".", type=click.Path(path_type=Path))
@click.option("--project", metavar="NAME", help="First part of every name. Default: from the directory's name.")
@click.option("--region", metavar="REGION", help="AWS region. Default: AWS_REGION or AWS_DEFAULT_REGION.")
@click.option(
    "--account",
    "accounts",
    metavar="ENV=ID",
    multiple=True,
    callback=_accounts,
    help="Account of an environment (dev, staging, prod); may be given several times. Without it the file says where "
    "to write it.",
)
@click.option(
    "--queue",
    "queues",
    metavar="NAME",
    multiple=True,
    help="A queue with a worker; may be given several times. Default: notifications.",
)
@click.option("--topology", type=click.Choice(["nested", "independent"]), default="nested", show_default=True,
              help="One root stack with nested stacks, or one stack per layer.")  # fmt: skip
@click.option(
    "--app", type=click.Choice(["typescript", "none"]), default="typescript", show_default=True, help="The application."
)
@click.option(
    "--only",
    "parts",
    metavar="PART,…",
    multiple=True,
    callback=_parts,
    help="Write these parts only: environments, app, layers, repository (README and dot files), pipeline (CI "
    "workflows). Default: all.",
)
@click.option(
    "--github",
    metavar="OWNER/REPO",
    help="Write the workflows of GitHub Actions, for this repository. Default: the git remote origin, on github.com.",
)
@click.option(
    "--gitlab",
    metavar="GROUP/PROJECT",
    help="Write the pipeline of GitLab CI, for this project. Default: the git remote origin, on gitlab.com.",
)
@command_options
def init(
    directory: Path,
    project: str | None,
    region: str | None,
    accounts: Mapping[str, str],
    queues: tuple[str, ...],
    topology: Any,
    app: Any,
    parts: Any,
    github: str | None,
    gitlab: str | None,
) -> None:
    """Begin a project in a directory of your own.

    Environments, their templates, an application with tests, CI workflows. Asks on a terminal for what the options
    leave open. Overwrites nothing, and writes everything or nothing.

    \b
    Examples:
      infragen init shop
      infragen init shop --region eu-central-1 --queue notifications
      infragen init shop --github acme/shop
      infragen init --only environments --app none
    """
    import infragen
    from infragen.project import choices as chosen
    from infragen.project import place, scaffold

    place.check(directory)
    repository = _repository(directory, github, gitlab, parts)
    name, region, queues = _answers(directory, project, region, queues)
    parts = parts or chosen.PARTS
    choices = chosen.Choices(name, region, infragen.__version__, queues, accounts, topology, app, parts, repository)
    chosen.check(choices)
    files = scaffold.files(choices)
    _refuse_taken(directory, files, choices)
    with place.staged(directory) as stage:
        place.write(stage, files)
        if "environments" in choices.parts:
            rendered = _rendered(stage, directory)
            _refuse_taken(directory, rendered, choices)
            place.write(stage, rendered)
            files |= rendered
        if repository:
            workflows = _workflows(stage, directory, repository)
            _refuse_taken(directory, workflows, choices)
            place.write(stage, workflows)
            files |= workflows
        place.move_in(stage, directory, sorted(files))
    _end(directory, files, choices)


def _repository(
    directory: Path, github: str | None, gitlab: str | None, parts: tuple[str, ...] | None
) -> "Repository | None":
    """Return the repository whose workflows are written; None for none.

    `parts` are those that --only names. Raises InputError for options that do not fit, and for a pipeline of nothing.
    """
    from infragen.permissions import trust
    from infragen.plan import git
    from infragen.project.repository import Repository, of_remote

    if github is not None and gitlab is not None:
        raise click.UsageError("--github cannot be combined with --gitlab")
    if parts is not None and "pipeline" not in parts:
        if github is not None or gitlab is not None:
            raise click.UsageError(
                f"--{'gitlab' if github is None else 'github'} writes the part pipeline: add it to --only"
            )
        return None
    if github is not None:
        return Repository("github", trust.github(github).name)
    if gitlab is not None:
        return Repository("gitlab", trust.gitlab(gitlab).name)
    found = of_remote(git.origin(directory))
    if found is None and parts is not None:
        raise InputError(
            "--only names the part pipeline, and no git remote origin says whether for GitHub or GitLab",
            "add --github OWNER/REPO or --gitlab GROUP/PROJECT",
        )
    return found


def _workflows(stage: Path, directory: Path, repository: "Repository") -> dict[str, bytes]:
    """Return the files of the CI system, for the project as it will be. Raises InputError as if it were in place."""
    from infragen.cli.pipelines import written_for
    from infragen.config.directory import find
    from infragen.layers.project import load_file

    staged = stage / "environments"
    place = staged if os.path.isdir(staged) else directory / "environments"
    try:
        loaded = [load_file(each).environment for each in find(place)]
        written = written_for(repository.system, loaded, (stage, directory))
    except InputError as error:
        raise InputError(error.message.replace(f"{stage}{os.sep}", ""), error.hint or "nothing was written") from error
    return {name: text.encode() for name, text in written.items()}


def _answers(
    directory: Path, project: str | None, region: str | None, queues: tuple[str, ...]
) -> tuple[str, str, tuple[str, ...]]:
    """Return project, region and queues: as given, as answered on a terminal, or the defaults.

    Raises InputError without a terminal where there is no default, naming the option.
    """
    from infragen.config.single_value import wrong
    from infragen.project.choices import project_name

    asks = sys.stdin.isatty() and sys.stderr.isatty()
    said = next((os.environ[each] for each in _REGION_VARIABLES if os.environ.get(each)), "")

    def answer(key: str, given: str | None, default: str) -> str:
        if given is not None:
            return given
        default = "" if wrong(key, default) else default
        if asks:
            return _ask(key, default, lambda text: wrong(key, text))
        if default:
            return default
        source = f"{directory} gives no name" if key == "project" else f"{' and '.join(_REGION_VARIABLES)} name none"
        raise InputError(f"no {key}: {source}, and there is no terminal to ask", f"add --{key} {key.upper()}")

    name = answer("project", project, project_name(directory.absolute().resolve().name))
    place = answer("region", region, said)
    return name, place, queues or (answer("queue", None, "notifications"),)


def _ask(key: str, default: str, wrong: Callable[[str], str]) -> str:
    from infragen.report.prompts import ask_text

    return ask_text(key, default, wrong)


def _refuse_taken(directory: Path, files: Mapping[str, bytes], choices: "Choices") -> None:
    """Raise InputError when one of the files exists, naming the parts that would not be in the way."""
    from infragen.project.place import taken
    from infragen.project.scaffold import part

    there = taken(directory, files)
    if not there:
        return
    shown = ", ".join(there[:5]) + (f" and {len(there) - 5} more" if len(there) > 5 else "")
    blocked = {"environments" if path.startswith(("templates", _SCHEMA)) else part(path) for path in there}
    free = [each for each in choices.parts if each not in blocked]
    rest = f"--only {','.join(free)} writes the parts that are not there yet" if free else "name another directory"
    verb = "exists" if len(there) == 1 else "exist"
    raise InputError(f"{shown} {verb} already; nothing was written", rest)


def _rendered(stage: Path, directory: Path) -> dict[str, bytes]:
    """Return the templates and the schema of the staged environments. Raises InputError as if they were in place."""
    from infragen.assembly.synth import synthesize
    from infragen.assembly.write import files
    from infragen.config import json_schema
    from infragen.config.directory import find
    from infragen.layers.project import load_file, load_project
    from infragen.secrecy.visible import shown_json

    environments = stage / "environments"
    for each in _OWN:  # what the project has already: it counts, and stays where it is
        if os.path.isdir(directory / each) and not os.path.exists(stage / each):
            shutil.copytree(directory / each, stage / each)
    try:
        found = {_SCHEMA: f"{shown_json(json_schema(load_project(environments).model), indent=2)}\n".encode()}
        for path in find(environments):
            environment = load_file(path).environment
            for name, text in files(synthesize(environment)).items():
                found[f"templates/{environment.environment}/{name}"] = text.encode()
    except InputError as error:
        raise InputError(error.message.replace(f"{stage}{os.sep}", ""), "nothing was written") from error
    return found


def _end(directory: Path, files: Mapping[str, bytes], choices: "Choices") -> None:
    """Print what was written and what to type next."""
    say(f"wrote {len(files)} files to {'this directory' if directory == Path() else directory}")
    steps = [] if directory == Path() else [f"cd {shlex.quote(str(directory))}"]
    rows = [("environments/", "dev, staging, prod", "infragen config --env prod", "environments")]
    rows += [("templates/", "CloudFormation", "infragen render --check", "environments")]
    if choices.with_app:
        rows.append(("src/ test/", "API, worker, migrations", "npm test", "app"))
    rows.append(("layers/", "resources of your own", "", "layers"))
    if choices.repository:
        place = {"github": ".github/", "gitlab": ".gitlab-ci.yml"}[choices.repository.system]
        rows.append((place, "tests and delivery", f"infragen pipeline {choices.repository.system} --check", "pipeline"))
    for path, what, command, part in rows:
        if part in choices.parts:
            say(f"  {path:<15} {what:<25} {command}".rstrip())
    if choices.with_app:
        steps += ["npm ci"]
    if "environments" in choices.parts:
        steps += ["infragen dev" if choices.with_app else "infragen deploy --env dev --local --bootstrap"]
    if steps:
        say(f"next  {' && '.join(steps)}")
    if choices.repository:
        system, name = choices.repository.system, choices.repository.name
        say(f"then  infragen bootstrap --env prod --{system} {shlex.quote(name)}")
    elif "environments" in choices.parts:
        say("then  infragen pipeline github, or gitlab: the workflows that test and deliver it")
