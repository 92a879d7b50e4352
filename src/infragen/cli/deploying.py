"""Commands that change what is in AWS, or say what they would change."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infragen.cli import options
from infragen.cli.connection import AwsTarget, Plans, cloud_options, progress_on_stdout, session, show
from infragen.cli.json_lines import lines, lines_option
from infragen.cli.output import say
from infragen.cli.pasting import pasteable, pasteable_outcome
from infragen.cli.program import command_options
from infragen.errors import InputError
from infragen.output_file import STDOUT
from infragen.report.printing import echo

if TYPE_CHECKING:
    from infragen.assembly.synth import Assembly
    from infragen.config import Environment, EnvironmentFile
    from infragen.engine.options import Options
    from infragen.engine.outcome import Outcome
    from infragen.engine.progress import Session
    from infragen.engine.run import Deployment
    from infragen.plan.model import EnvironmentPlan
    from infragen.plan.saved import SavedPlan

_yes = click.option("--yes", is_flag=True, help="Do not ask.")
_image_tag = click.option(
    "--image-tag", metavar="TAG", help="Image of the API to run; default: the one that is deployed."
)
_allow_data_loss = click.option(
    "--allow-data-loss",
    "--allow-replace",
    "allow_data_loss",
    cls=options.Renamed,
    metavar="LAYER/ID",
    multiple=True,
    help="Allow this resource to lose data, or what protects its data: to be replaced, removed, or changed in place; "
    "may be given several times.",
)

_allow_widening = click.option(
    "--allow-widening",
    metavar="LAYER/ID",
    multiple=True,
    help="Allow this resource to let more through than before (permissions, network); may be given several times.",
)
_allow_cost = click.option(
    "--allow-cost",
    metavar="USD",
    type=click.FloatRange(min=0),
    default=0,
    help="Allow a month to cost so much, although cost.budget is less.",
)
_max_interruption = click.option(
    "--max-interruption",
    type=click.Choice(["none", "brief", "outage"]),
    help="Refuse what interrupts the running service more than this. Default: brief in a protected environment, outage "
    "elsewhere. What cannot be done in place is always refused.",
)
_require_approval = click.option(
    "--require-approval",
    type=click.Choice(["never", "broadening", "any-change"]),
    default="broadening",
    show_default=True,
    help="What needs more than --yes: nothing, letting more through than before, or every change.",
)

_adopt = click.option(
    "--adopt", is_flag=True, help="Take over stacks of these names that do not carry infragen's tags."
)
_no_nested = click.option(
    "--no-nested-changes",
    "nested",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Do not ask AWS what changes inside nested stacks: for when it holds too many of their change sets, or fails "
    "to create them in words that infragen does not know. Whatever holds data and changes there must be named with "
    "--allow-data-loss.",
)


def _checked(env: "Environment") -> "Assembly":
    """The environment's templates, rendered and linted. Raises InputError for templates with errors."""
    from infragen.assembly.lint import lint
    from infragen.assembly.synth import synthesize
    from infragen.report import findings as report

    assembly = synthesize(env)
    [found] = lint([assembly], options.cache_directory() / "lint")
    errors = [each for each in found if each.level == "error"]
    if errors:
        raise InputError(report.as_text({env.environment: errors}, Path("templates")), "`infragen lint` shows them")
    return assembly


def _options(file: "EnvironmentFile", image_tag: str | None, allow: tuple[str, ...], most: str | None) -> "Options":
    from infragen.cost import read_price_file
    from infragen.engine.options import Options, worker_code

    prices = read_price_file(file.prices) if file.prices else None
    return Options(
        image_tag=image_tag, code=worker_code(file), allow_data_loss=frozenset(allow), prices=prices,
        max_interruption=most or "",
        price_file=str(file.prices or ""),
    )  # fmt: skip


@click.command()
@options.env("The environment to prepare.", required=True)
@options.environments
@_yes
@options.verbose
@lines_option
@cloud_options
@command_options
def bootstrap(name: str, directory: Path, yes: bool, reach: AwsTarget) -> None:
    """Make the bucket for templates and worker code.

    Needed once for each environment. It is a stack of its own, deployed through a change set like everything else.
    A second run changes nothing.

    \b
    Example:
      infragen bootstrap --env dev
    """
    from infragen.engine.bootstrap import bootstrap as make

    file = options.one(directory, name)
    env = file.environment
    with session(file, reach, yes=yes) as started:
        ended = make(env, started)
    end(ended.outcomes, ended.exit_code)


@click.command()
@options.env("The environment to plan.", required=True)
@options.environments
@_image_tag
@_allow_data_loss
@_max_interruption
@_adopt
@_no_nested
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Save the plan, to be reviewed and deployed with `infragen deploy --plan FILE`; - writes it to stdout, and "
    "what it shows to stderr.",
)
@click.option(
    "--valid-for",
    metavar="HOURS",
    type=click.FloatRange(min=0, min_open=True, max=24 * 30),
    default=24,
    show_default=True,
    help="How long a saved plan can be deployed.",
)
@click.option(
    "--drift",
    is_flag=True,
    help="Look for drift first, which takes some minutes, and say what the deployment does about it.",
)
@click.option(
    "--fail-on-drift",
    is_flag=True,
    help="Look for drift as --drift does, and exit with 3 when a stack has drifted, or AWS cannot tell whether it has. "
    "The plan is shown, and saved, all the same.",
)
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit with 10 when there is something to change; the 3 of --fail-on-drift goes first.",
)
@options.plan_format
@options.verbose
@cloud_options
@command_options
def plan(
    name: str,
    directory: Path,
    image_tag: str | None,
    allow_data_loss: tuple[str, ...],
    max_interruption: str | None,
    adopt: bool,
    nested: bool,
    out: Path | None,
    valid_for: float,
    drift: bool,
    fail_on_drift: bool,
    detailed_exitcode: bool,
    form: str,
    reach: AwsTarget,
) -> None:
    """Show what a deployment would change, and change nothing.

    Templates are uploaded and change sets made, because AWS computes the changes; the change sets are deleted again,
    but for those of a plan that is saved.

    \b
    Examples:
      infragen plan --env prod
      infragen plan --env dev --local
      infragen plan --env prod --detailed-exitcode; echo $?
      infragen plan --env prod --drift
      infragen plan --env prod --fail-on-drift
      infragen plan --env prod --format json > plan.json
      infragen plan --env prod --format html > plan.html
      infragen plan --env prod --image-tag v42 --out prod.plan
    """
    from infragen.report.drift import plan_refusal
    from infragen.report.plan_formats import as_format

    if out == STDOUT and (form != "text" or progress_on_stdout()):
        raise click.UsageError(
            "--out - takes stdout for the saved plan: no --format and no --progress stdout beside it"
        )
    [file] = options.warned(directory, (name,))
    assembly = _checked(file.environment)
    looks = drift or fail_on_drift
    wanted = replace(
        _options(file, image_tag, allow_data_loss, max_interruption), adopt=adopt, nested=nested, drift=looks
    )
    plans: Plans = "nowhere" if form != "text" else "progress" if out == STDOUT else "result"
    with session(file, reach, plans=plans) as started:
        shown = _planned(assembly, started, wanted, out, valid_for)
    if form != "text":
        echo(as_format(form, [shown], [file.environment]), nl=False)
    if fail_on_drift and (refusal := plan_refusal(shown)):
        raise refusal
    if detailed_exitcode and shown.changed:
        click.get_current_context().exit(10)


def _planned(
    assembly: "Assembly", started: "Session", wanted: "Options", out: Path | None, hours: float
) -> "EnvironmentPlan":
    """The plan, saved in a file when one is named."""
    from infragen.cli.planfile import staged
    from infragen.engine.deploy import plan_environment
    from infragen.engine.saving import at, save_plan
    from infragen.plan.git import revision

    if out is None:
        return plan_environment(assembly, started, wanted)
    with staged(out) as write:
        shown = save_plan(assembly, started, wanted, hours * 3600, write, revision())
    until = at(started.timer.date() + hours * 3600)
    command = f"`infragen deploy --plan {shlex.quote(str(out))}`"
    place = "written to stdout" if out == STDOUT else f"saved in {out}"
    say(pasteable(f"{place}: deploy it until {until} with {command}"), err=True)
    return shown


@click.command()
@options.env("The environment to deploy; a saved plan names its own.")
@click.option(
    "--plan",
    "plan_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Deploy a plan that `infragen plan --out FILE` saved (- reads it from stdin): as it was reviewed, without "
    "asking, or not at all.",
)
@options.environments
@_image_tag
@_allow_data_loss
@_max_interruption
@_allow_widening
@_allow_cost
@_require_approval
@click.option(
    "--on-failure",
    type=click.Choice(["rollback", "keep", "delete"]),
    default="rollback",
    show_default=True,
    help="What a failure leaves: the state before, what was built so far (deploy again to go on), or nothing "
    "(first creations only).",
)
@_adopt
@_no_nested
@click.option(
    "--wait",
    metavar="[MINUTES]",
    type=click.FloatRange(min=0, min_open=True),
    is_flag=False,
    flag_value=float("inf"),
    help="Wait for an operation of somebody else to end, at most so long, then go on. Default: exit with 5.",
)
@click.option(
    "--fail-fast",
    is_flag=True,
    help="Begin nothing new after a failure. Default: only what needs the failed layer is skipped.",
)
@click.option(
    "--on-interrupt",
    type=click.Choice(["wait", "detach", "cancel"]),
    default="wait",
    show_default=True,
    help="What the first Ctrl-C does with what runs: follow it, leave it running, or turn updates back. Nothing new "
    "begins in any case, and nothing is ever deleted.",
)
@options.follow_timeout
@_yes
@options.verbose
@lines_option
@cloud_options
@command_options
def deploy(
    name: str | None,
    plan_file: Path | None,
    directory: Path,
    image_tag: str | None,
    allow_data_loss: tuple[str, ...],
    max_interruption: str | None,
    allow_widening: tuple[str, ...],
    allow_cost: float,
    require_approval: str,
    on_failure: str,
    adopt: bool,
    nested: bool,
    wait: float | None,
    fail_fast: bool,
    on_interrupt: str,
    follow_timeout: float | None,
    yes: bool,
    reach: AwsTarget,
) -> None:
    """Deploy an environment: plan, ask, execute, follow to the end.

    Killed or cut off, it is continued by the same command: what still runs is followed, then the rest is done. The
    image tag and worker code keep their deployed values when they are not given.

    \b
    Examples:
      infragen deploy --env dev
      infragen deploy --env dev --local --yes
      infragen deploy --env prod --image-tag v42
      infragen deploy --env prod --yes --wait 30
      infragen deploy --plan prod.plan
    """
    from infragen.engine.status import outputs
    from infragen.report.outcome import output_lines

    saved = _saved(plan_file, name)
    [file] = options.warned(directory, (saved.environment if saved else options.chosen(directory, name),))
    assembly = _checked(file.environment)
    wanted = replace(
        _options(file, image_tag, allow_data_loss, max_interruption) if saved is None else _nothing(),
        allow_widening=frozenset(allow_widening),
        allow_cost=allow_cost,
        require_approval=require_approval,
        on_failure=on_failure,
        adopt=adopt,
        nested=nested,
        follow_timeout=options.seconds(follow_timeout),
        wait=options.seconds(wait),
        fail_fast=fail_fast,
        on_interrupt=on_interrupt,
    )
    with session(file, reach, yes=yes, reviewed=saved is not None) as started:
        ended = _deployed(assembly, started, wanted, saved, plan_file)
        found = outputs(assembly, started) if ended.exit_code == 0 else {}
    end(ended.outcomes, 0)
    program = lines()
    if program is None:
        show(output_lines(found))
    elif found:
        program.outputs(found)
    click.get_current_context().exit(ended.exit_code)


_SAID_BY_THE_PLAN = (
    "image_tag", "allow_data_loss", "max_interruption", "allow_widening", "allow_cost", "require_approval",
    "on_failure", "adopt", "nested",
)  # fmt: skip


def _saved(plan_file: Path | None, name: str | None) -> "SavedPlan | None":
    """The saved plan that was named. Raises UsageError for options that would change what it says."""
    from infragen.cli import planfile

    if plan_file is None:
        return None
    context = click.get_current_context()
    given = [
        each.opts[0]
        for each in context.command.params
        if each.name in _SAID_BY_THE_PLAN
        and context.get_parameter_source(each.name) is not click.core.ParameterSource.DEFAULT
    ]
    if given:
        raise click.UsageError(f"--plan goes without {', '.join(given)}: the saved plan says that")
    saved = planfile.read(plan_file)
    if name not in (None, saved.environment):
        raise InputError(f"{plan_file} is a plan for {saved.environment}, and --env says {name}")
    return saved


def _nothing() -> "Options":
    from infragen.engine.options import Options

    return Options()


def _deployed(
    assembly: "Assembly",
    started: "Session",
    wanted: "Options",
    saved: "SavedPlan | None",
    plan_file: Path | None,
) -> "Deployment":
    from infragen.engine.deploy import deploy_environment
    from infragen.engine.saving import deploy_saved, made_of

    if saved is None:
        return deploy_environment(assembly, started, wanted)
    say(f"{plan_file}: {made_of(saved)}", err=True)
    return deploy_saved(assembly, started, saved, wanted, str(plan_file))


@click.command()
@options.env("The environment to delete.", required=True)
@options.environments
@_yes
@click.option(
    "--confirm", metavar="NAME", default="", help="Name of the environment; answers for one that is protected."
)
@click.option(
    "--disable-protection",
    "unprotect",
    metavar="WHAT",
    multiple=True,
    help="Switch off this protection: a stack's name, or LAYER/ID; may be given several times.",
)
@click.option(
    "--empty-buckets",
    "empty",
    metavar="NAME",
    multiple=True,
    help="Delete everything in this bucket, all versions, so that it can be deleted: its name, or LAYER/ID; may be "
    "given several times.",
)
@click.option(
    "--role-arn",
    metavar="ARN",
    default="",
    help="Role with which CloudFormation deletes; default: iam.service_role_arn of the file, else the stack's own.",
)
@click.option(
    "--retain",
    metavar="LAYER/ID",
    multiple=True,
    help="Leave this resource behind, in a stack whose deletion failed on it; may be given several times.",
)
@options.verbose
@lines_option
@cloud_options
@command_options
def destroy(
    name: str,
    directory: Path,
    yes: bool,
    confirm: str,
    unprotect: tuple[str, ...],
    empty: tuple[str, ...],
    role_arn: str,
    retain: tuple[str, ...],
    reach: AwsTarget,
) -> None:
    """Delete an environment, dependants first.

    What is deleted, kept and snapshotted is shown before anything is asked. The bucket of templates and code stays.
    A protected environment wants its name typed, or --confirm NAME.

    \b
    Examples:
      infragen destroy --env dev
      infragen destroy --env prod --confirm prod
    """
    from infragen.engine.destroy import DestroyOptions, destroy_environment

    file = options.one(directory, name)
    env = file.environment
    wanted = DestroyOptions(frozenset(unprotect), frozenset(retain), confirm, role_arn, frozenset(empty))
    with session(file, reach, yes=yes) as started:
        ended = destroy_environment(env, started, wanted)
    end(ended.outcomes, ended.exit_code, f"{env.environment}: there is nothing to delete")


def end(outcomes: "Sequence[Outcome]", code: int, nothing: str = "") -> None:
    """One line for each stack, why those failed that did, then the exit code of them all; `nothing` when none is.

    A program has them as lines already.
    """
    from infragen.report.outcome import failure_lines, outcome_lines

    if lines() is None:
        if not outcomes and nothing:
            say(nothing)
        told = [pasteable_outcome(each) for each in outcomes]
        show(chain(outcome_lines(told), failure_lines(told)))
    if code:
        click.get_current_context().exit(code)
