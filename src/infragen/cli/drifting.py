"""`infragen drift`: shows what was changed outside CloudFormation, and puts it back."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from infragen.cli import parameters
from infragen.cli.ci import summarize
from infragen.cli.connection import AwsTarget, cloud_options, open_session, show, width
from infragen.cli.deploying import (
    allow_data_loss_option,
    allow_widening_option,
    end,
    max_interruption_option,
)
from infragen.cli.json_lines import begin_lines
from infragen.cli.output import say
from infragen.cli.pasting import pasteable
from infragen.cli.program import command_options

if TYPE_CHECKING:
    from infragen.config import EnvironmentFile
    from infragen.engine.options import Options

Function = TypeVar("Function", bound=Callable[..., Any])

_ONLY_WITH_REVERT = (
    "allow_data_loss",
    "allow_widening",
    "max_interruption",
    "wait",
    "follow_timeout",
    "yes",
    "verbose",
)


def _both(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Print JSON lines from here on where a program reads what is put back: errors are lines too, then."""
    given = {**context.params, parameter.name: value}
    if given.get("form") == "json" and given.get("revert"):
        begin_lines(context)
    return value


_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    is_eager=True,
    callback=_both,
    help="json for programs: one document, or with --revert one line per event (`infragen docs json-events`).",
)
_revert = click.option(
    "--revert",
    is_flag=True,
    is_eager=True,
    callback=_both,
    help="Put back what was changed: plan, ask, execute, and detect drift again. Not with --local.",
)


@click.command()
@parameters.env("The environment to inspect.", required=True)
@parameters.environments
@_format
@click.option(
    "--fail-on-drift",
    is_flag=True,
    help="Exit with 3 when a stack has drifted, or AWS cannot tell. Not with --revert, which fails by itself where it "
    "could not put something back.",
)
@_revert
@allow_data_loss_option
@allow_widening_option
@max_interruption_option
@parameters.wait
@parameters.follow_timeout
@parameters.yes
@parameters.verbose
@cloud_options
@command_options
def drift(
    name: str,
    directory: Path,
    form: str,
    fail_on_drift: bool,
    revert: bool,
    allow_data_loss: tuple[str, ...],
    allow_widening: tuple[str, ...],
    max_interruption: str | None,
    wait: float | None,
    follow_timeout: float | None,
    yes: bool,
    target: AwsTarget,
) -> None:
    """Show drift: resources changed outside CloudFormation.

    AWS compares every resource with its template, which takes some minutes. Shows the expected and the actual values,
    and names the resource types that AWS cannot check. Changes nothing without --revert.

    With --revert it puts the values of the deployed templates back, through the same gates and questions as `infragen
    deploy`, and creates again what was deleted. The options from --allow-data-loss to --verbose belong to it.

    \b
    Examples:
      infragen drift --env prod
      infragen drift --env prod --fail-on-drift
      infragen drift --env dev --local --format json
      infragen drift --env prod --revert
      infragen drift --env prod --revert --yes --wait 30
    """
    from infragen.assembly.synth import synthesize
    from infragen.engine.drift import detect_drift
    from infragen.engine.options import Options
    from infragen.report import drift as report

    _check(revert=revert, fail_on_drift=fail_on_drift)
    file = parameters.one(directory, name)
    if revert:
        options = Options(
            allow_data_loss=frozenset(allow_data_loss),
            allow_widening=frozenset(allow_widening),
            max_interruption=max_interruption or "",
            wait=parameters.seconds(wait),
            follow_timeout=parameters.seconds(follow_timeout),
        )
        _put_back(file, target, options, yes=yes)
        return
    with open_session(file, target) as session:
        stacks = detect_drift(synthesize(file.environment), session)
    if form == "json":
        say(report.as_json(file.environment, stacks))
    else:
        show(report.drift_lines(stacks, width(sys.stdout)))
        if (following := report.next_step(stacks)) and not target.local:
            say(pasteable(following))
    if fail_on_drift and (refusal := report.refusal(stacks, local=target.local)):
        raise refusal


def _check(*, revert: bool, fail_on_drift: bool) -> None:
    """Raise UsageError for options that do not go together."""
    context = click.get_current_context()
    if revert and fail_on_drift:
        raise click.UsageError("--fail-on-drift cannot be combined with --revert, which puts drift back")
    given = [
        each.opts[0]
        for each in context.command.params
        if each.name in _ONLY_WITH_REVERT
        and context.get_parameter_source(each.name) is not click.core.ParameterSource.DEFAULT
    ]
    if given and not revert:
        raise click.UsageError(f"{', '.join(given)} can only be given with --revert")


def _put_back(file: "EnvironmentFile", target: AwsTarget, options: "Options", *, yes: bool) -> None:
    from infragen.assembly.synth import synthesize
    from infragen.engine.revert import refuse_emulator, revert_drift
    from infragen.report.plan_formats import summary_of

    if target.local:
        refuse_emulator()
    with open_session(file, target, yes=yes) as session:
        result = revert_drift(synthesize(file.environment), session, options)
    end(result.outcomes, 0, f"{file.environment.environment}: nothing to put back")
    summarize(lambda most: summary_of(result.plan, most, result.outcomes))
    click.get_current_context().exit(result.exit_code)
