"""Commands about environment files: their schema, their values, and how two of them differ."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infragen.cli import options
from infragen.cli.connection import show, width
from infragen.cli.program import command_options
from infragen.errors import InputError, Refused
from infragen.report.printing import echo

if TYPE_CHECKING:
    from infragen.config import EnvironmentFile


@click.command()
@click.argument(
    "what",
    metavar="[environment|plan|events]",
    type=click.Choice(["environment", "plan", "events"]),
    default="environment",
)
@command_options
def schema(what: str) -> None:
    """Print a JSON Schema: of environment files, for editors; of plans or events as JSON, for programs.

    The first line of an environment file names it: `# yaml-language-server: $schema=../environment.schema.json`.

    \b
    Examples:
      infragen schema > environment.schema.json
      infragen schema plan
      infragen schema events
    """
    from infragen.config import json_schema
    from infragen.report.event_schema import event_schema
    from infragen.report.plan_schema import plan_schema
    from infragen.secrecy.visible import shown_json

    found = {"environment": json_schema, "plan": plan_schema, "events": event_schema}[what]()
    echo(shown_json(found, indent=2))


@click.command()
@options.env("The environment to print.", required=True)
@options.environments
@click.option(
    "--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True, help="Format."
)
@click.option("--show-secrets", is_flag=True, help="Print what looks like a secret, too, after a question.")
@click.option("--yes", is_flag=True, help="Answer the question of --show-secrets with yes.")
@command_options
def config(name: str, directory: Path, form: str, show_secrets: bool, yes: bool) -> None:
    """Print an environment's values and where each is written.

    What the file and those it extends leave open is filled in with its default. What looks like a secret is hidden.

    \b
    Examples:
      infragen config --env prod
      infragen config --env prod --format json
    """
    from infragen.report import settings as report

    [file] = options.files(directory, (name,))
    if show_secrets and not yes:
        _ask_for_secrets(file)
    echo((report.as_yaml if form == "yaml" else report.as_json)(file, secrets=show_secrets))


def _ask_for_secrets(file: "EnvironmentFile") -> None:
    """Asks before secrets are printed. Raises Refused when nobody agrees."""
    from infragen.engine.progress import Question
    from infragen.report.prompts import ask

    text = f"Print the secrets of {file.environment.environment} on this terminal?"
    if not ask(Question(text, "--yes")):
        raise Refused("declined; nothing was printed", "without --show-secrets, secrets are printed as (secret)")


@click.command()
@click.argument("one", metavar="[A", required=False, shell_complete=options.complete)
@click.argument("other", metavar="B]", required=False, shell_complete=options.complete)
@click.option(
    "--against",
    metavar="DIR|COMMIT",
    help="Compare what the environments render to with an earlier rendering: a directory that `render` wrote, or what "
    "a commit holds (main, HEAD~1, v1.2).",
)
@options.envs("With --against, compare this environment only; may be given several times.")
@options.environments
@click.option(
    "--templates",
    metavar="DIR",
    default="templates",
    show_default=True,
    type=click.Path(path_type=Path),
    help="With --against COMMIT, where that commit's templates are.",
)
@click.option("--detailed-exitcode", is_flag=True, help="With --against, exit with 10 when something differs.")
@options.plan_format
@options.verbose
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
    """Show how two environments differ, or what changed since a commit.

    A and B: first the values, with where they are written in B; then the resources that they make.
    --against: the plan that takes what that commit renders to what the files here render to, made without AWS.

    \b
    Examples:
      infragen diff dev prod
      infragen diff --against main
      infragen diff --against HEAD~1 --env prod --detailed-exitcode
      infragen diff --against main --format json > plans.json
    """
    if against is None:
        if one is None or other is None or names or detailed_exitcode:
            raise InputError("name two environments, or an earlier rendering with --against", "infragen diff --help")
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

    [first], [second] = options.files(directory, (one,)), options.files(directory, (other,))
    rendered = synthesize(first.environment), synthesize(second.environment)
    plan = difference_plan(first, second, rendered)
    if form == "text":
        detail = Detail.ALL if options.is_verbose() else Detail.ROWS
        show(difference_lines(plan, width(sys.stdout), detail))
    else:
        echo(as_format(form, [plan], [second.environment]), nl=False)


def _since(against: str, directory: Path, templates: Path, names: tuple[str, ...], form: str) -> bool:
    """Prints the plan of each environment; says whether there is something to change."""
    from infragen.plan.baseline import compare_with, earlier
    from infragen.report.plan import Detail, plan_lines
    from infragen.report.plan_formats import as_format

    before = earlier(against, directory, templates)
    files = options.files(directory, names)
    plans = compare_with(before, files, every=not names)
    if form == "text":
        for each in plans:
            detail = Detail.ALL if options.is_verbose() else Detail.ROWS
            show(plan_lines(each, width(sys.stdout), detail))
    else:
        echo(as_format(form, plans, [each.environment for each in files]), nl=False)
    return any(each.changed for each in plans)
