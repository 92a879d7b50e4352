"""Commands that only look at what is in AWS."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from infragen.cli import options
from infragen.cli.connection import AwsTarget, cloud_options, session, show, width
from infragen.cli.output import say
from infragen.cli.pasting import pasteable
from infragen.cli.program import command_options


@click.command()
@options.env("The environment to look at.", required=True)
@options.environments
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format."
)
@cloud_options
@command_options
def status(name: str, directory: Path, form: str, reach: AwsTarget) -> None:
    """Show the state of every stack of an environment.

    A stack that needs something says what to type.

    \b
    Examples:
      infragen status --env prod
      infragen status --env prod --format json
    """
    from infragen.assembly.synth import synthesize
    from infragen.engine import status as looking
    from infragen.report import outcome as report

    file = options.one(directory, name)
    env = file.environment
    with session(file, reach) as started:
        found = [replace(each, hint=pasteable(each.hint)) for each in looking.status(synthesize(env), started)]
    if form == "json":
        say(report.statuses_json(found))
    else:
        show(report.status_lines(found))


@click.command()
@options.env("The environment to look at.", required=True)
@options.environments
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format."
)
@cloud_options
@command_options
def diagnose(name: str, directory: Path, form: str, reach: AwsTarget) -> None:
    """Tell why the last operation on each stack failed.

    Shows the root cause, the stopped tasks of the wanted revision, the last log lines with secrets hidden, what load
    balancers say of the targets and, where cloudtrail:LookupEvents is allowed, the calls that AWS denied meanwhile.
    Nothing is changed, and the exit code is 0 whatever is found.

    \b
    Examples:
      infragen diagnose --env dev
      infragen diagnose --env prod --format json
    """
    from infragen.assembly.stacks import make_plan
    from infragen.assembly.synth import synthesize
    from infragen.engine import diagnose as looking
    from infragen.report import outcome as report
    from infragen.report.event_document import failures_json

    file = options.one(directory, name)
    with session(file, reach) as started:
        found = looking.diagnose(make_plan(synthesize(file.environment)), started)
    found = tuple(replace(each, hint=pasteable(each.hint), message=pasteable(each.message)) for each in found)
    if form == "json":
        say(failures_json(found))
    elif found:
        show(report.failure_lines(found))
    else:
        say(f"{name}: the last operation on no stack failed")


@click.command()
@options.env("The environment to look at.", required=True)
@options.environments
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format."
)
@click.option(
    "--fail-on-drift", is_flag=True, help="Exit with 3 when a stack has drifted, or AWS cannot tell whether it has."
)
@cloud_options
@command_options
def drift(name: str, directory: Path, form: str, fail_on_drift: bool, reach: AwsTarget) -> None:
    """Show what is not as the stacks say, because somebody changed it by hand.

    AWS compares every resource of all layers with its template, which takes some minutes, and tells the values it
    should have and those it has. Types that AWS cannot compare are named. Nothing is changed.

    \b
    Examples:
      infragen drift --env prod
      infragen drift --env prod --fail-on-drift
      infragen drift --env dev --local --format json
    """
    from infragen.assembly.synth import synthesize
    from infragen.engine.drift import detect_drift
    from infragen.report import drift as report

    file = options.one(directory, name)
    with session(file, reach) as started:
        found = detect_drift(synthesize(file.environment), started)
    if form == "json":
        say(report.as_json(file.environment, found))
    else:
        show(report.drift_lines(found, width(sys.stdout)))
    if fail_on_drift and (refusal := report.refusal(found)):
        raise refusal


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
def outputs(name: str, directory: Path, form: str, reach: AwsTarget) -> None:
    """Print the outputs of a deployed environment.

    What people and programs need of it: addresses, repository, endpoints.

    \b
    Examples:
      infragen outputs --env prod
      infragen outputs --env dev --local --format dotenv > .env
    """
    from infragen.assembly.synth import synthesize
    from infragen.engine import status as looking
    from infragen.report import outcome as report

    file = options.one(directory, name)
    env = file.environment
    with session(file, reach) as started:
        found = looking.outputs(synthesize(env), started)
    if not found:
        say(pasteable(f"{name} has no outputs: `infragen status` shows what is deployed"), err=True)
    if form == "text":
        show(report.output_lines(found))
    else:
        say(report.outputs_json(found) if form == "json" else report.outputs_dotenv(found))
