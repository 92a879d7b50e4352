"""Commands about environment files: their schema, their values, and their differences."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infragen.cli import parameters
from infragen.cli.connection import show, width
from infragen.cli.program import command_options
from infragen.errors import InputError, Refused
from infragen.report.printing import echo

if TYPE_CHECKING:
    from infragen.config import EnvironmentFile


SCHEMA_NAMES = (
    "environment", "plan", "events", "config", "cost", "diagnose", "doctor", "drift", "image", "lint", "local", "logs",
    "outputs", "policy", "ps", "redrive", "secrets", "status",
)  # fmt: skip
"""The schemas there are: of environment files, and those of `report.schemas`."""


@click.command()
@click.argument("what", metavar="[NAME]", type=click.Choice(SCHEMA_NAMES), default="environment")
@parameters.environments
@command_options
def schema(what: str, directory: Path) -> None:
    """Print the JSON Schema of environment files, plans, events …

    NAME is environment, which is the default, or whose JSON it is: plan, also for diff; events for the lines of deploy,
    destroy and others; else the command: config, cost, diagnose, doctor, drift, image, lint, local, logs, outputs,
    policy, ps, redrive, secrets, status.

    That of environment files holds the sections of the layers in layers/, beside the directory of environments.
    Editors check an environment file whose first line is
    `# yaml-language-server: $schema=../environment.schema.json`.

    \b
    Examples:
      infragen schema > environment.schema.json
      infragen schema plan
      infragen schema events
      infragen schema status
    """
    from infragen.config import json_schema
    from infragen.config.directory import has_own_layers
    from infragen.report.schemas import SCHEMAS
    from infragen.secrecy.visible import shown_json

    if what != "environment":
        found = SCHEMAS[what]()
    elif has_own_layers(directory):
        from infragen.layers.project import load_project

        found = json_schema(load_project(directory).model)
    else:
        found = json_schema()
    echo(shown_json(found, indent=2))


@click.command()
@parameters.env("The environment to print.", required=True)
@parameters.environments
@click.option(
    "--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True, help="Output format."
)
@click.option("--show-secrets", is_flag=True, help="Print secret-looking values too, after confirmation.")
@click.option("--yes", is_flag=True, help="Confirm --show-secrets without a prompt.")
@command_options
def config(name: str, directory: Path, form: str, show_secrets: bool, yes: bool) -> None:
    """Print an environment's values and where each is written.

    Fills in the defaults of absent keys, and hides values that look like secrets.

    \b
    Examples:
      infragen config --env prod
      infragen config --env prod --format json
    """
    from infragen.report import settings as report

    [file] = parameters.files(directory, (name,))
    if show_secrets and not yes:
        _ask_for_secrets(file)
    echo((report.as_yaml if form == "yaml" else report.as_json)(file, secrets=show_secrets))


def _ask_for_secrets(file: "EnvironmentFile") -> None:
    """Ask before secrets are printed. Raises Refused when nobody agrees."""
    from infragen.engine.progress import Question
    from infragen.report.prompts import ask

    text = f"Print the secrets of {file.environment.environment} on this terminal?"
    if not ask(Question(text, "--yes")):
        raise Refused("declined; nothing was printed", "without --show-secrets, secrets are printed as (secret)")


@click.command()
@click.argument("one", metavar="[A", required=False, shell_complete=parameters.complete)
@click.argument("other", metavar="B]", required=False, shell_complete=parameters.complete)
@click.option(
    "--against",
    metavar="DIR|COMMIT",
    help="Compare with earlier templates: a directory that `render` wrote, or a commit (main, HEAD~1, v1.2).",
)
@parameters.envs("With --against, compare this environment only; may be given several times.")
@parameters.environments
@click.option(
    "--templates",
    metavar="DIR",
    default="templates",
    show_default=True,
    type=click.Path(path_type=Path),
    callback=parameters.beside_environments,
    help="With --against COMMIT, the directory of the templates in that commit.",
)
@click.option("--detailed-exitcode", is_flag=True, help="With --against, exit with 10 when there are changes.")
@parameters.plan_format
@parameters.verbose
@command_options
def diff(
    one: str | None,
    other: str | None,
    against: str | None,
    names: tuple[str, ...],
    directory: Path,
    templates: Path,
    detailed_exitcode: bool,
    form: str,
) -> None:
    """Show how environments differ, or what a commit changed.

    With A and B, compares their values, then their resources. With --against, plans the changes from that commit's
    templates to those of the files here, without AWS.

    \b
    Examples:
      infragen diff dev prod
      infragen diff --against main
      infragen diff --against HEAD~1 --env prod --detailed-exitcode
      infragen diff --against main --format json > plans.json
    """
    if against is None:
        if one is None or other is None or names or detailed_exitcode:
            raise InputError("name two environments, or give --against", "infragen diff --help")
        _between_environments(directory, one, other, form)
    elif one is not None:
        raise InputError(f"{one} and --against cannot be given together", f"--env {one} compares that environment")
    elif _since(against, directory, templates, names, form) and detailed_exitcode:
        click.get_current_context().exit(10)


def _between_environments(directory: Path, one: str, other: str, form: str) -> None:
    from infragen.assembly.synth import synthesize
    from infragen.report.difference import difference_lines, difference_plan
    from infragen.report.plan import Detail
    from infragen.report.plan_formats import as_format

    [first], [second] = parameters.files(directory, (one,)), parameters.files(directory, (other,))
    rendered = synthesize(first.environment), synthesize(second.environment)
    plan = difference_plan(first, second, rendered)
    if form == "text":
        detail = Detail.ALL if parameters.is_verbose() else Detail.ROWS
        show(difference_lines(plan, width(sys.stdout), detail))
    else:
        echo(as_format(form, [plan], [second.environment]), nl=False)


def _since(against: str, directory: Path, templates: Path, names: tuple[str, ...], form: str) -> bool:
    """Print the plan of each environment; says whether there is something to change."""
    from infragen.plan.baseline import compare_with, earlier
    from infragen.report.plan import Detail, plan_lines
    from infragen.report.plan_formats import as_format

    before = earlier(against, directory, templates)
    files = parameters.files(directory, names)
    plans = compare_with(before, files, every=not names)
    if form == "text":
        for each in plans:
            detail = Detail.ALL if parameters.is_verbose() else Detail.ROWS
            show(plan_lines(each, width(sys.stdout), detail))
    else:
        echo(as_format(form, plans, [each.environment for each in files]), nl=False)
    return any(each.changed for each in plans)
