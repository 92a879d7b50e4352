"""Commands that only look at what is in AWS."""

from pathlib import Path

import click

from infragen.cli import options
from infragen.cli.connection import Reach, cloud_options, session, show
from infragen.cli.program import command_options


@click.command()
@options.env("The environment to look at.", required=True)
@options.environments
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format."
)
@cloud_options
@command_options
def status(name: str, directory: Path, form: str, reach: Reach) -> None:
    """Show the state of every stack of an environment.

    A stack that needs something says what to type.

    \b
    Examples:
      infragen status --env prod
      infragen status --env prod --format json
    """
    from infragen.engine import status as looking
    from infragen.report import outcome as report
    from infragen.synth import synthesize

    file = options.one(directory, name)
    env = file.environment
    with session(file, reach) as started:
        found = looking.status(synthesize(env), started)
    if form == "json":
        click.echo(report.statuses_json(found))
    else:
        show(report.status_lines(found))


@click.command()
@options.env("The environment whose outputs are wanted.", required=True)
@options.environments
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "dotenv"]),
    default="text",
    show_default=True,
    help='dotenv prints NAME="value" lines.',
)
@cloud_options
@command_options
def outputs(name: str, directory: Path, form: str, reach: Reach) -> None:
    """Print the outputs of a deployed environment.

    What people and programs need of it: addresses, repository, endpoints.

    \b
    Examples:
      infragen outputs --env prod
      infragen outputs --env dev --local --format dotenv > .env
    """
    from infragen.engine import status as looking
    from infragen.report import outcome as report
    from infragen.synth import synthesize

    file = options.one(directory, name)
    env = file.environment
    with session(file, reach) as started:
        found = looking.outputs(synthesize(env), started)
    if not found:
        click.echo(f"{name} has no outputs: `infragen status --env {name}` shows what is deployed", err=True)
    if form == "text":
        show(report.output_lines(found))
    else:
        click.echo(report.outputs_json(found) if form == "json" else report.outputs_dotenv(found))
