"""Commands that change stacks in AWS, or plan the changes."""

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from infragen.cli import parameters
from infragen.cli.ci import annotate_failures, summarize
from infragen.cli.connection import AwsTarget, Plans, cloud_options, open_session, progress_on_stdout, show
from infragen.cli.describing import Description, at_option, describe
from infragen.cli.json_lines import lines, lines_option
from infragen.cli.output import say
from infragen.cli.pasting import pasteable, pasteable_outcome
from infragen.cli.program import command_options
from infragen.errors import InputError, NotBootstrapped
from infragen.machine.output_file import STDOUT, check
from infragen.report.printing import echo

if TYPE_CHECKING:
    from infragen.assembly.synth import Assembly
    from infragen.config import EnvironmentFile
    from infragen.engine.options import Options
    from infragen.engine.outcome import Outcome
    from infragen.engine.progress import Session
    from infragen.engine.run import Deployment
    from infragen.plan.model import EnvironmentPlan
    from infragen.plan.saved import SavedPlan

Result = TypeVar("Result")

allow_data_loss_option = click.option(
    "--allow-data-loss",
    "--allow-replace",
    "allow_data_loss",
    cls=parameters.Renamed,
    metavar="LAYER/ID",
    multiple=True,
    help="Allow this resource to be deleted, replaced or changed in place although it may lose data or the protection "
    "of its data; may be given several times.",
)

allow_widening_option = click.option(
    "--allow-widening",
    metavar="LAYER/ID",
    multiple=True,
    help="Allow this resource to widen permissions or network access; may be given several times.",
)
_allow_cost = click.option(
    "--allow-cost",
    metavar="USD",
    type=click.FloatRange(min=0),
    default=0,
    help="Allow an estimate of up to USD per month, above cost.budget.",
)
max_interruption_option = click.option(
    "--max-interruption",
    type=click.Choice(["none", "brief", "outage"]),
    help="Refuse changes that interrupt the running service for longer. Default: brief in a protected environment, "
    "outage elsewhere. Changes that AWS cannot make in place are always refused.",
)
_require_approval = click.option(
    "--require-approval",
    type=click.Choice(["never", "broadening", "any-change"]),
    default="broadening",
    show_default=True,
    help="Changes that --yes does not approve: none, those that widen permissions or network access, or all.",
)

_skip_check = click.option(
    "--skip-check",
    "skip_check",
    metavar="ID",
    multiple=True,
    help="Do not make this check of the account (`infragen docs doctor`); may be given several times.",
)

_ignore_alarm = click.option(
    "--ignore-alarm",
    "ignore_alarms",
    metavar="NAME",
    multiple=True,
    help="Do not roll back for this alarm of stacks.rollback_alarms, in this deployment: for the one that fixes what "
    "raised it; may be given several times.",
)

_bootstrap = click.option(
    "--bootstrap", "prepares", is_flag=True, help="Create the bucket for templates and code first if it does not exist."
)

_release = click.option(
    "--release/--no-release",
    "release",
    default=None,
    help="Run the release command although the image tag stays, or do not run it. Without either it runs when the "
    "deployment gives another image tag.",
)

_adopt = click.option(
    "--adopt", is_flag=True, help="Take over existing stacks of the same names that lack infragen's tags."
)
_no_nested = click.option(
    "--no-nested-changes",
    "nested",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Do not include nested stacks in the change set; compare their templates instead. For when they have hit the "
    "change set limit, or AWS fails to create their change sets for a reason that infragen does not know. Every "
    "changed resource in them that holds data needs --allow-data-loss.",
)


def _options(found: Description, image_tag: str | None, allow: tuple[str, ...], most: str | None) -> "Options":
    from infragen.engine.options import Options

    return Options(
        image_tag=image_tag, code=found.code, allow_data_loss=frozenset(allow), prices=found.prices,
        max_interruption=most or "",
        price_file=str(found.file.prices or ""),
    )  # fmt: skip


@click.command()
@parameters.env("The environment to plan.", required=True)
@parameters.environments
@at_option(
    "Plan the environment as this commit describes it, with the image and the worker code that ran with it, "
    "instead of the work tree's."
)
@parameters.image_tag("Image tag of the API; default: the deployed one.")
@_release
@allow_data_loss_option
@max_interruption_option
@_skip_check
@_ignore_alarm
@_bootstrap
@_adopt
@_no_nested
@click.option(
    "--out",
    metavar="FILE",
    type=parameters.FilePath(),
    help="Save the plan for review and for `infragen deploy --plan FILE`; - writes it to stdout, and the text to "
    "stderr.",
)
@click.option(
    "--valid-for",
    metavar="HOURS",
    type=click.FloatRange(min=0, min_open=True, max=24 * 30),
    default=24,
    show_default=True,
    help="Hours until the saved plan expires.",
)
@click.option(
    "--drift",
    is_flag=True,
    help="Detect drift first, which takes some minutes, and show what the deployment does about it.",
)
@click.option(
    "--fail-on-drift",
    is_flag=True,
    help="Detect drift as --drift does, and exit with 3 when a stack has drifted or AWS cannot tell. The plan is still "
    "shown and saved.",
)
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit with 10 when there are changes; --fail-on-drift's exit code 3 takes precedence.",
)
@parameters.plan_format
@parameters.verbose
@cloud_options
@command_options
def plan(
    name: str,
    directory: Path,
    reference: str | None,
    image_tag: str | None,
    release: bool | None,
    allow_data_loss: tuple[str, ...],
    max_interruption: str | None,
    skip_check: tuple[str, ...],
    ignore_alarms: tuple[str, ...],
    prepares: bool,
    adopt: bool,
    nested: bool,
    out: Path | None,
    valid_for: float,
    drift: bool,
    fail_on_drift: bool,
    detailed_exitcode: bool,
    form: str,
    target: AwsTarget,
) -> None:
    """Show what a deployment would change, without changing it.

    Uploads templates and creates change sets, because AWS computes the changes. Deletes the change sets afterwards,
    except those of a saved plan. In an environment without a bucket for templates it offers to create that first.

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
      infragen plan --env prod --at 4f2c1ab
    """
    from infragen.report.drift import plan_refusal
    from infragen.report.plan_formats import as_format, summary_of

    if out == STDOUT and (form != "text" or progress_on_stdout()):
        raise click.UsageError(
            "--out - writes the saved plan to stdout, so it cannot be combined with --format or --progress stdout"
        )
    if out is not None and out != STDOUT:
        check(out)  # before anything that takes time
    found = describe(directory, name, reference)
    file, assembly = found.file, found.assembly
    looks = drift or fail_on_drift
    options = replace(
        _options(found, image_tag, allow_data_loss, max_interruption), adopt=adopt, nested=nested, drift=looks,
        skip_check=frozenset(skip_check), release=release, ignore_alarms=frozenset(ignore_alarms),
    )  # fmt: skip
    plans: Plans = "nowhere" if form != "text" else "progress" if out == STDOUT else "result"

    def run() -> "EnvironmentPlan":
        with open_session(file, target, plans=plans) as session:
            return _planned(assembly, found.session(session), found.completed(session, options), out, valid_for)

    planned = _prepared(run, file, assembly, target, prepares=prepares, asks=True)
    if form != "text":
        echo(as_format(form, [planned], [file.environment]), nl=False)
    else:
        summarize(lambda most: summary_of(planned, most))
    if fail_on_drift and (refusal := plan_refusal(planned, local=target.local)):
        raise refusal
    if detailed_exitcode and planned.changed:
        click.get_current_context().exit(10)


def _planned(
    assembly: "Assembly", session: "Session", options: "Options", out: Path | None, hours: float
) -> "EnvironmentPlan":
    """Plan, and save the plan in a file when one is named."""
    from infragen.cli.planfile import staged
    from infragen.engine.deploy import plan_environment
    from infragen.engine.saving import at, save_plan

    if out is None:
        return plan_environment(assembly, session, options)
    with staged(out) as write:
        planned = save_plan(assembly, session, options, hours * 3600, write)
    until = at(session.timer.date() + hours * 3600)
    command = f"`infragen deploy --plan {shlex.quote(str(out))}`"
    place = "written to stdout" if out == STDOUT else f"saved to {out}"
    say(pasteable(f"{place} (expires {until}). Deploy it with {command}"), err=True)
    return planned


@click.command()
@parameters.env("The environment to deploy; a saved plan names its own.")
@click.option(
    "--plan",
    "plan_file",
    metavar="FILE",
    type=parameters.FilePath(),
    help="Deploy a plan that `infragen plan --out FILE` saved (- reads it from stdin), without prompting: exactly the "
    "reviewed changes, or none.",
)
@parameters.environments
@at_option(
    "Deploy the environment as this commit describes it, with the image and the worker code that ran with it, "
    "instead of the work tree's: the way back."
)
@parameters.image_tag("Image tag of the API; default: the deployed one.")
@_release
@allow_data_loss_option
@max_interruption_option
@allow_widening_option
@_allow_cost
@_require_approval
@_skip_check
@_ignore_alarm
@_bootstrap
@click.option(
    "--on-failure",
    type=click.Choice(["rollback", "keep", "delete"]),
    help="After a failure: roll back to the previous state, keep the resources created so far (deploy again to "
    "continue), or delete them (first creations only). Default: stacks.on_failure for a first creation, else rollback.",
)
@_adopt
@_no_nested
@parameters.wait
@click.option(
    "--fail-fast",
    is_flag=True,
    help="Start no further stacks after the first failure. Default: skip only those that need the failed layer.",
)
@click.option(
    "--on-interrupt",
    type=click.Choice(["wait", "detach", "cancel"]),
    default="wait",
    show_default=True,
    help="What the first Ctrl-C does with running operations: wait for them, leave them running, or roll updates back. "
    "No further stack is started, and none is deleted.",
)
@parameters.follow_timeout
@parameters.yes
@parameters.verbose
@lines_option
@cloud_options
@command_options
def deploy(
    name: str | None,
    plan_file: Path | None,
    directory: Path,
    reference: str | None,
    image_tag: str | None,
    release: bool | None,
    allow_data_loss: tuple[str, ...],
    max_interruption: str | None,
    allow_widening: tuple[str, ...],
    allow_cost: float,
    require_approval: str,
    skip_check: tuple[str, ...],
    ignore_alarms: tuple[str, ...],
    prepares: bool,
    on_failure: str | None,
    adopt: bool,
    nested: bool,
    wait: float | None,
    fail_fast: bool,
    on_interrupt: str,
    follow_timeout: float | None,
    yes: bool,
    target: AwsTarget,
) -> None:
    """Deploy an environment: plan, ask, execute, follow to the end.

    After an interruption, run the same command again: it follows the operations still in progress, then does the
    rest. The image tag and worker code keep their deployed values unless you give new ones. In an environment
    without a bucket for templates and code it offers to create that first.

    \b
    Examples:
      infragen deploy --env dev
      infragen deploy --env dev --local --yes
      infragen deploy --env prod --image-tag v42
      infragen deploy --env prod --yes --wait 30
      infragen deploy --env prod --at 4f2c1ab
      infragen deploy --plan prod.plan
    """
    from infragen.engine.status import outputs
    from infragen.report.outcome import output_lines
    from infragen.report.plan_formats import summary_of

    saved = _saved(plan_file, name)
    name = saved.environment if saved else parameters.chosen(directory, name)
    found = describe(directory, name, saved.commit if saved and saved.at else reference, code=saved is None)
    file, assembly = found.file, found.assembly
    options = replace(
        _options(found, image_tag, allow_data_loss, max_interruption) if saved is None else _nothing(),
        allow_widening=frozenset(allow_widening),
        allow_cost=allow_cost,
        require_approval=require_approval,
        skip_check=frozenset(skip_check),
        ignore_alarms=frozenset(ignore_alarms),
        release=release,
        on_failure=on_failure or "",
        adopt=adopt,
        nested=nested,
        follow_timeout=parameters.seconds(follow_timeout),
        wait=parameters.seconds(wait),
        fail_fast=fail_fast,
        on_interrupt=on_interrupt,
    )

    def run() -> "tuple[Deployment, Mapping[str, str]]":
        with open_session(file, target, yes=yes, reviewed=saved is not None) as session:
            result = _deployed(found, session, options, saved, plan_file)
            return result, outputs(assembly, session, operational=False) if result.exit_code == 0 else {}

    asks = not yes and saved is None and lines() is None
    result, values = _prepared(run, file, assembly, target, prepares=prepares, asks=asks)
    end(result.outcomes, 0)
    summarize(lambda most: summary_of(result.plan, most, result.outcomes))
    program = lines()
    if program is None:
        show(output_lines(values))
    elif values:
        program.outputs(values)
    click.get_current_context().exit(result.exit_code)


def _prepared(
    run: "Callable[[], Result]",
    file: "EnvironmentFile",
    assembly: "Assembly",
    target: AwsTarget,
    *,
    prepares: bool,
    asks: bool,
) -> "Result":
    """Return the result of a run; where the environment has no bucket yet, create it first and run again.

    With `prepares` nobody is asked. Otherwise the bucket is shown and asked about where `asks` holds and there is a
    terminal. Raises NotBootstrapped where nobody can be asked.
    """
    from infragen.engine.bootstrap import bootstrap as make

    try:
        return run()
    except NotBootstrapped as error:
        if not prepares and not (asks and sys.stdin.isatty() and sys.stderr.isatty()):
            raise NotBootstrapped(error.message, f"{error.hint}, or add --bootstrap to this command") from None
        if lines() is None:
            say(f"{error.message}; infragen can create it now", err=True)
    with open_session(file, target, yes=prepares) as session:
        result = make(file.environment, session, assembly=assembly)
    if result.exit_code:
        end(result.outcomes, result.exit_code)
    return run()


_FIXED_BY_THE_PLAN = (
    "reference", "image_tag", "release", "ignore_alarms", "allow_data_loss", "max_interruption", "allow_widening",
    "allow_cost", "require_approval", "on_failure", "adopt", "nested", "prepares",
)  # fmt: skip


def _saved(plan_file: Path | None, name: str | None) -> "SavedPlan | None":
    """Read the saved plan that was named. Raises UsageError for options that would change it."""
    from infragen.cli import planfile

    if plan_file is None:
        return None
    context = click.get_current_context()
    given = [
        each.opts[0]
        for each in context.command.params
        if each.name in _FIXED_BY_THE_PLAN
        and context.get_parameter_source(each.name) is not click.core.ParameterSource.DEFAULT
    ]
    if given:
        raise click.UsageError(f"--plan cannot be combined with {', '.join(given)}: the saved plan decides that")
    saved = planfile.read(plan_file)
    if name not in (None, saved.environment):
        raise InputError(f"{plan_file} is a plan for {saved.environment}, but --env is {name}")
    return saved


def _nothing() -> "Options":
    from infragen.engine.options import Options

    return Options()


def _deployed(
    found: Description,
    session: "Session",
    options: "Options",
    saved: "SavedPlan | None",
    plan_file: Path | None,
) -> "Deployment":
    from infragen.engine.deploy import deploy_environment
    from infragen.engine.saving import deploy_saved, made_of

    if saved is None:
        return deploy_environment(found.assembly, found.session(session), found.completed(session, options))
    say(f"{plan_file}: {made_of(saved)}", err=True)
    session = replace(session, revision=(saved.commit, saved.clean))
    return deploy_saved(found.assembly, session, saved, options, str(plan_file))


@click.command()
@parameters.env("The environment to delete.", required=True)
@parameters.environments
@parameters.yes
@click.option(
    "--confirm", metavar="NAME", default="", help="Name of the environment, to confirm the deletion of a protected one."
)
@click.option(
    "--disable-protection",
    "unprotect",
    metavar="WHAT",
    multiple=True,
    help="Disable the protection of this stack (its name) or resource (LAYER/ID); may be given several times.",
)
@click.option(
    "--empty-buckets",
    "empty",
    metavar="NAME",
    multiple=True,
    help="Delete all objects and versions in this bucket (its name, or LAYER/ID), so that it can be deleted; may be "
    "given several times.",
)
@click.option(
    "--role-arn",
    metavar="ARN",
    default="",
    help="Role that CloudFormation assumes to delete; default: iam.service_role_arn of the file, else the stack's own.",
)
@click.option(
    "--bootstrap",
    is_flag=True,
    help="Delete what `infragen bootstrap` made, too, after everything else. The identity provider is retained, and "
    "the bucket unless the environment is of kind development.",
)
@click.option(
    "--shared-bucket",
    "shared",
    is_flag=True,
    help="With --bootstrap, delete the bucket that environments of kind development share, too. Refused while another "
    "environment uses it.",
)
@click.option(
    "--retain",
    metavar="LAYER/ID",
    multiple=True,
    help="Retain this resource when deleting a stack whose deletion failed on it; may be given several times.",
)
@parameters.wait
@parameters.verbose
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
    bootstrap: bool,
    shared: bool,
    retain: tuple[str, ...],
    wait: float | None,
    target: AwsTarget,
) -> None:
    """Delete an environment, dependent stacks first.

    Lists which resources will be deleted, retained or snapshotted, then asks, and at the end what is left in AWS,
    what it costs and what removes it. An environment of kind development leaves nothing behind, but for its
    secrets (`infragen secrets`) and for what `infragen bootstrap` made, which stays in any environment unless
    --bootstrap is given. To delete a protected
    environment, type its name or pass --confirm NAME.

    \b
    Examples:
      infragen destroy --env dev
      infragen destroy --env prod --confirm prod
      infragen destroy --env dev --bootstrap
      infragen destroy --env pr-17 --yes --bootstrap --empty-buckets api/AccessLogs --empty-buckets artifacts/Bucket
    """
    from infragen.cost.prices import prices_of, read_price_file
    from infragen.engine.destroy import DestroyOptions, destroy_environment
    from infragen.engine.left_behind import what_is_left
    from infragen.engine.outcome import Deleted
    from infragen.report.kept import kept_lines, left_document

    if shared and not bootstrap:
        raise click.UsageError("--shared-bucket needs --bootstrap")
    file = parameters.on_call(directory, name, templates=False).file
    env = file.environment
    if shared and env.artifact_owner is env:
        raise InputError(f"{env.environment} has a bucket of its own (artifact_bucket): leave out --shared-bucket")
    options = DestroyOptions(
        frozenset(unprotect), frozenset(retain), confirm, role_arn, frozenset(empty), bootstrap, shared,
        parameters.seconds(wait),
    )  # fmt: skip
    with open_session(file, target, yes=yes) as session:
        result = destroy_environment(env, session, options)
        gone = {each.layer for each in result.outcomes if isinstance(each, Deleted)}
        prices = prices_of(env.region, read_price_file(file.prices) if file.prices else None)
        left = () if result.interrupted else what_is_left(session, env, result.plan, gone, prices)
    end(result.outcomes, 0, f"{env.environment}: nothing to delete")
    program = lines()
    if program is None:
        show(kept_lines(left, pasteable))
    else:
        program.left(left_document(left, pasteable))
    click.get_current_context().exit(result.exit_code)


def end(outcomes: "Sequence[Outcome]", code: int, nothing: str = "") -> None:
    """Print one line per stack and the causes of failures, or `nothing` without a stack; exit with the worst code.

    With --format json the lines have been printed already.
    """
    from infragen.report.outcome import failure_lines, outcome_lines

    if lines() is None:
        if not outcomes and nothing:
            say(nothing)
        completed = [pasteable_outcome(each) for each in outcomes]
        show(chain(outcome_lines(completed), failure_lines(completed)))
    annotate_failures([pasteable_outcome(each) for each in outcomes])
    if code:
        click.get_current_context().exit(code)
