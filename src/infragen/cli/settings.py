"""Commands about environment files: their schema, their values, and how two of them differ."""

import sys
from pathlib import Path

import click

from infragen.cli import options
from infragen.cli.connection import show, width
from infragen.cli.program import command_options


@click.command()
@command_options
def schema() -> None:
    """Print the JSON Schema of environment files, for editors.

    The first line of an environment file names it: `# yaml-language-server: $schema=../environment.schema.json`.

    \b
    Example:
      infragen schema > environment.schema.json
    """
    import json

    from infragen.config import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@click.command()
@options.env("The environment to print.", required=True)
@options.environments
@click.option(
    "--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True, help="Format."
)
@command_options
def config(name: str, directory: Path, form: str) -> None:
    """Print an environment's values and where each is written.

    What the file and those it extends leave open is filled in with its default.

    \b
    Examples:
      infragen config --env prod
      infragen config --env prod --format json
    """
    from infragen.report import settings as report

    [file] = options.files(directory, (name,))
    click.echo(report.as_yaml(file) if form == "yaml" else report.as_json(file))


@click.command()
@click.argument("one", metavar="A", shell_complete=options.complete)
@click.argument("other", metavar="B", shell_complete=options.complete)
@options.environments
@command_options
def diff(one: str, other: str, directory: Path) -> None:
    """Show how two environments differ.

    First the values, with where they are written in B; then the resources that they make.

    \b
    Example:
      infragen diff dev prod
    """
    from infragen.report.difference import difference_lines
    from infragen.synth import synthesize

    [first], [second] = options.files(directory, (one,)), options.files(directory, (other,))
    templates = synthesize(first.environment), synthesize(second.environment)
    show(difference_lines(first, second, templates, width(sys.stdout)))
