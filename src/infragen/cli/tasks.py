"""Commands that run a program as a task of its own: migrations, and whatever else has to run beside the API."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session
from infragen.cli.json_lines import lines, lines_option
from infragen.cli.output import known_secrets, say
from infragen.cli.pasting import pasteable
from infragen.cli.program import command_options
from infragen.errors import InputError, OperationFailed
from infragen.report.printing import echo
from infragen.secrecy.visible import shown

if TYPE_CHECKING:
    from infragen.config import Environment
    from infragen.engine.one_off import TaskResult
    from infragen.engine.progress import Event, Question, Ui

_DEPLOYED = "Image tag to run; default: the deployed one."


@click.command()
@parameters.env("The environment to run the release command in.", required=True)
@parameters.environments
@parameters.image_tag(_DEPLOYED)
@parameters.wait
@parameters.yes
@parameters.verbose
@lines_option
@cloud_options
@command_options
def migrate(
    name: str, directory: Path, image_tag: str | None, wait: float | None, yes: bool, target: AwsTarget
) -> None:
    """Run the release command alone, without a deployment.

    It runs as a task with the settings, secrets and network of the deployed API. Its log is shown while it runs. With
    Ctrl-C it is not stopped, only followed no longer: half a migration is worse.

    \b
    Examples:
      infragen migrate --env dev --local
      infragen migrate --env prod --image-tag v42 --yes
      infragen migrate --env prod --yes --wait 30
    """
    from infragen.engine.one_off import command_line, why
    from infragen.engine.release import RELEASE, Command, run_command

    file = parameters.one(directory, name)
    env = file.environment
    if env.release is None or env.api is None:
        raise InputError(f"{env.environment} has no section release", "write release.command in its file")
    wanted = Command(
        RELEASE, env.release.command, env.release.seconds, env.release.cpu or env.api.cpu,
        env.release.memory or env.api.memory, image_tag, wait=parameters.seconds(wait),
    )  # fmt: skip
    with open_session(file, target, yes=yes) as session:
        result = run_command(session, env, wanted)
    if not result.succeeded:
        how, remedy = why(result)
        what = f"the release command ({command_line(wanted.command)}) with {result.what.tag} failed"
        raise OperationFailed(
            f"{what} after {result.seconds:.0f} s: {how}; nothing was deployed", _hint(remedy, result)
        )


@click.command(context_settings={"ignore_unknown_options": False})
@parameters.env("The environment to run the command in.", required=True)
@parameters.environments
@parameters.image_tag(_DEPLOYED)
@click.option("--cpu", metavar="UNITS", type=int, help="CPU units of the task; default: those of the API.")
@click.option("--memory", metavar="MIB", type=int, help="Memory of the task in MiB; default: that of the API.")
@click.option(
    "--timeout",
    metavar="MINUTES",
    type=click.IntRange(1, 24 * 60),
    default=60,
    show_default=True,
    help="Stop the task after MINUTES.",
)
@click.option("--detach", is_flag=True, help="Print the task's ARN when it is started, and do not follow it.")
@parameters.wait
@parameters.yes
@parameters.verbose
@lines_option
@cloud_options
@command_options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    name: str,
    directory: Path,
    image_tag: str | None,
    cpu: int | None,
    memory: int | None,
    timeout: int,
    detach: bool,
    wait: float | None,
    yes: bool,
    command: tuple[str, ...],
    target: AwsTarget,
) -> None:
    """Run a COMMAND as a task of its own, as the API runs.

    The task has the image, variables, secrets, roles and network of the deployed API and runs on demand, without a
    shell. What it writes goes to stdout. Exits with 0 when the command does, else with 1. Ctrl-C stops the task.

    \b
    Examples:
      infragen run --env dev -- node scripts/backfill.ts
      infragen run --env prod --memory 4096 --timeout 600 --detach -- node scripts/report.ts
    """
    from infragen.engine.one_off import why
    from infragen.engine.release import Command, run_command

    file = parameters.one(directory, name)
    size = _size(file.environment, cpu, memory)
    wanted = Command("run", command, timeout * 60, *size, image_tag, detach, parameters.seconds(wait))
    with open_session(file, target, yes=yes) as session:
        ui = session.ui if lines() else Output(session.ui)
        result = run_command(replace(session, ui=ui), file.environment, wanted)
    if detach:
        if lines() is None:
            say(result.task.arn)
        return
    if not result.succeeded:
        how, remedy = why(result)
        raise OperationFailed(f"the command failed after {result.seconds:.0f} s: {how}", _hint(remedy, result))


@dataclass(frozen=True)
class Output:
    """A listener that prints what a task writes on stdout, and passes everything else on."""

    ui: Ui

    def tell(self, event: Event) -> None:
        """Print a line of the task, or pass an event on."""
        from infragen.engine.progress import TaskLog

        if isinstance(event, TaskLog):
            echo(shown(event.line, known_secrets()))
        else:
            self.ui.tell(event)

    def confirm(self, question: Question) -> bool:
        """Pass a question on."""
        return self.ui.confirm(question)


def _size(env: Environment, cpu: int | None, memory: int | None) -> tuple[int, int]:
    """Return CPU units and MiB of memory. Raises InputError for a pair that Fargate does not offer."""
    from infragen.config.schema import FARGATE_MEMORY

    if env.api is None:
        raise InputError(f"{env.environment} has no api layer, whose image a task could run", "add the section api")
    units = cpu or env.api.cpu
    if units not in FARGATE_MEMORY:
        raise InputError(f"--cpu {units}: Fargate does not offer it", f"one of {', '.join(map(str, FARGATE_MEMORY))}")
    mib = memory or max(env.api.memory, FARGATE_MEMORY[units][0])
    if mib not in FARGATE_MEMORY[units]:
        sizes = FARGATE_MEMORY[units]
        offered = f"{sizes[0]} to {sizes[-1]} MiB in steps of {sizes[1] - sizes[0]}"
        raise InputError(
            f"{mib} MiB of memory: Fargate does not offer it with {units} CPU units", f"--memory: {offered}"
        )
    return units, mib


def _hint(remedy: str, result: TaskResult) -> str:
    return pasteable(f"{remedy}; all of the log: `{result.log_command}`" if result.log_command else remedy)
