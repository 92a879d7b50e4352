"""Commands that only read from AWS."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session, show, width
from infragen.cli.output import say
from infragen.cli.pasting import pasteable, pasteable_check
from infragen.cli.program import command_options
from infragen.report.printing import echo


@click.command()
@parameters.env("The environment to inspect.", required=True)
@parameters.environments
@parameters.document_format
@cloud_options
@command_options
def status(name: str, directory: Path, form: str, target: AwsTarget) -> None:
    """Show the state of every stack of an environment.

    For a stack that needs repair, shows the command to run.

    \b
    Examples:
      infragen status --env prod
      infragen status --env prod --format json
    """
    from infragen.engine import status as engine
    from infragen.report import outcome as report

    described = parameters.on_call(directory, name)
    with open_session(described.file, target) as session:
        found = engine.status(described.assembly(session), session)
    stacks = [replace(each, hint=pasteable(each.hint)) for each in found]
    if form == "json":
        say(report.statuses_json(stacks))
    else:
        show(report.status_lines(stacks, width(sys.stdout) if sys.stdout.isatty() else None))


@click.command()
@parameters.env("The environment to inspect.", required=True)
@parameters.environments
@parameters.document_format
@cloud_options
@command_options
def diagnose(name: str, directory: Path, form: str, target: AwsTarget) -> None:
    """Explain why the last operation on each stack failed.

    Shows the root cause, the stopped tasks of the new revision, the last log lines with secrets hidden, the target
    health and, where cloudtrail:LookupEvents is allowed, the API calls that AWS denied in that time. Changes nothing,
    and exits with 0 whether or not it finds a failure.

    \b
    Examples:
      infragen diagnose --env dev
      infragen diagnose --env prod --format json
    """
    from infragen.assembly.stacks import make_plan
    from infragen.assembly.synth import synthesize
    from infragen.engine import diagnose as engine
    from infragen.report import outcome as report
    from infragen.report.event_document import failures_json

    file = parameters.one(directory, name)
    with open_session(file, target) as session:
        failures = engine.diagnose(make_plan(synthesize(file.environment)), session)
    failures = tuple(replace(each, hint=pasteable(each.hint), message=pasteable(each.message)) for each in failures)
    if form == "json":
        say(failures_json(failures))
    elif failures:
        show(report.failure_lines(failures))
    else:
        say(f"{name}: no stack's last operation failed")


@click.command()
@parameters.env("The environment to check.", required=True)
@parameters.environments
@parameters.image_tag("Image tag of the API to look for; default: the deployed one.")
@click.option("--fix", is_flag=True, help="Create missing service-linked roles, after a question.")
@click.option("--yes", is_flag=True, help="Do not prompt for confirmation.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit", "github"]),
    default="text",
    show_default=True,
    help="junit for the test reports of Jenkins and GitLab, github for annotations of GitHub Actions.",
)
@cloud_options
@command_options
def doctor(
    name: str, directory: Path, image_tag: str | None, fix: bool, yes: bool, form: str, target: AwsTarget
) -> None:
    """Check what a deployment needs of the account.

    Image, certificate, hosted zone, engine version, quotas, service-linked roles, names in use, secrets, and the
    clock of this machine. Each check ends with ✓, with ✗ and what to do, or with ? and the permission that was denied.
    Nothing is changed without --fix. Exits with 4 when something is wrong; `infragen docs doctor` lists the checks.

    \b
    Examples:
      infragen doctor --env prod
      infragen doctor --env prod --image-tag v42 --format json
      infragen doctor --env dev --fix
    """
    from infragen.assembly.synth import synthesize
    from infragen.checks import Verdict
    from infragen.engine.doctor import doctor as check
    from infragen.engine.options import Options
    from infragen.report import doctor as report

    file = parameters.one(directory, name)
    with open_session(file, target, yes=yes) as session:
        found = check(synthesize(file.environment), session, Options(image_tag=image_tag), fix=fix)
    found = replace(found, results=tuple(map(pasteable_check, found.results)))
    if form == "json":
        say(report.as_json(found))
    elif form == "junit":
        echo(report.as_report(found))
    elif form == "github":
        for line in report.as_github(found):
            echo(line)
    else:
        show(report.doctor_lines(found, width(sys.stdout)))
    if any(each.verdict is Verdict.WRONG for each in found.results):
        click.get_current_context().exit(4)


@click.command()
@parameters.env("The environment whose outputs to print.", required=True)
@parameters.environments
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "dotenv", "github", "gitlab"]),
    default="text",
    show_default=True,
    help='dotenv prints NAME="value" lines, github what GITHUB_OUTPUT takes, gitlab what a dotenv report takes.',
)
@cloud_options
@command_options
def outputs(name: str, directory: Path, form: str, target: AwsTarget) -> None:
    """Print the outputs of a deployed environment.

    Addresses and names for people and scripts: endpoints, repository and queues; cluster, service, subnets, functions
    and log groups of what runs.

    \b
    Examples:
      infragen outputs --env prod
      infragen outputs --env dev --local --format dotenv > .env
      infragen outputs --env prod --format github >> "$GITHUB_OUTPUT"
    """
    import secrets

    from infragen.engine import status as engine
    from infragen.report import outcome as report

    described = parameters.on_call(directory, name)
    with open_session(described.file, target) as session:
        values = engine.outputs(described.assembly(session), session)
    if not values:
        say(pasteable(f"{name} has no outputs: `infragen status` shows what is deployed"), err=True)
    forms = {
        "json": report.outputs_json,
        "dotenv": report.outputs_dotenv,
        "github": lambda values: report.outputs_github(values, lambda: f"infragen-{secrets.token_hex(16)}"),
        "gitlab": report.outputs_gitlab,
    }
    if form == "text":
        show(report.output_lines(values, width(sys.stdout) if sys.stdout.isatty() else None))
    elif values or form == "json":
        say(forms[form](values))
