"""Commands for what went wrong, or still runs."""

from pathlib import Path

import click

from infragen.cli import options
from infragen.cli.connection import AwsTarget, cloud_options, session, show
from infragen.cli.deploying import end
from infragen.cli.json_lines import lines, lines_option
from infragen.cli.program import command_options
from infragen.errors import CloudError, Refused

_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.command()
@options.env("The environment to recover.", required=True)
@options.environments
@click.option(
    "--skip",
    metavar="LAYER/ID",
    multiple=True,
    help="Give up this resource, at which a rollback is stuck; may be given several times.",
)
@click.option(
    "--disable-protection",
    "unprotect",
    metavar="LAYER/ID",
    multiple=True,
    help="Switch off this resource's deletion protection; may be given several times.",
)
@click.option(
    "--allow-data-loss",
    "lose",
    metavar="LAYER/ID",
    multiple=True,
    help="Delete this resource, which holds data, with what is left of a failed creation; may be given several times.",
)
@_yes
@options.verbose
@lines_option
@cloud_options
@command_options
def recover(
    name: str,
    directory: Path,
    skip: tuple[str, ...],
    unprotect: tuple[str, ...],
    lose: tuple[str, ...],
    yes: bool,
    reach: AwsTarget,
) -> None:
    """Put right what a failed deployment left.

    What is stuck and what will be done is shown first. A stuck rollback is continued, a failure that was kept is
    rolled back, the remains of a failed first creation are deleted. A stack that was ever complete is never
    deleted, a resource is given up only when --skip names it, and what still holds data is deleted only when
    --allow-data-loss names it.

    \b
    Examples:
      infragen recover --env dev
      infragen recover --env prod --skip database/Writer
    """
    from infragen.engine.recover import RecoverOptions, recover_environment

    file = options.one(directory, name)
    env = file.environment
    with session(file, reach, yes=yes) as started:
        wanted = RecoverOptions(frozenset(skip), frozenset(unprotect), frozenset(lose))
        ended = recover_environment(env, started, wanted)
    end(ended.outcomes, ended.exit_code)


@click.command()
@options.env("The environment whose update is cancelled.", required=True)
@options.environments
@_yes
@options.verbose
@lines_option
@cloud_options
@command_options
def cancel(name: str, directory: Path, yes: bool, reach: AwsTarget) -> None:
    """Cancel the update that runs, and follow its rollback.

    Only updates can be cancelled: a first creation runs to its end, and `infragen destroy` removes it.

    \b
    Example:
      infragen cancel --env dev
    """
    from infragen.engine.outcome import exit_code
    from infragen.engine.recover import cancel_environment

    file = options.one(directory, name)
    env = file.environment
    with session(file, reach, yes=yes) as started:
        outcomes = cancel_environment(env, started)
    end(outcomes, exit_code(outcomes), f"{env.environment}: nothing runs")


@click.command()
@options.env("The environment to follow.", required=True)
@options.environments
@options.follow_timeout
@options.verbose
@lines_option
@cloud_options
@command_options
def follow(name: str, directory: Path, follow_timeout: float | None, reach: AwsTarget) -> None:
    """Follow what runs on an environment to its end.

    Whoever began it: another terminal, a pipeline, a run that was cut off. Nothing is changed.

    \b
    Example:
      infragen follow --env prod
    """
    from infragen.engine.outcome import exit_code
    from infragen.engine.recover import follow_environment

    file = options.one(directory, name)
    env = file.environment
    with session(file, reach) as started:
        outcomes = follow_environment(env, started, options.seconds(follow_timeout))
    end(outcomes, exit_code(outcomes), f"{env.environment}: nothing runs")


@click.group()
def changesets() -> None:
    """Look after the change sets that deployments leave.

    \b
    Example:
      infragen changesets prune --env prod
    """


@changesets.command()
@options.env("The environment whose change sets are deleted.", required=True)
@options.environments
@_yes
@lines_option
@cloud_options
@command_options
def prune(name: str, directory: Path, yes: bool, reach: AwsTarget) -> None:
    """Delete infragen's change sets that were never executed.

    Every run deletes its own; this is for what killed runs left, when CloudFormation says that there are too many.
    They are listed first, and so are those that AWS lets nobody delete. Change sets of others are left alone.

    \b
    Examples:
      infragen changesets prune --env dev
      infragen changesets prune --env prod --yes
    """
    from infragen.engine.change_set_cleanup import find_left
    from infragen.engine.change_set_cleanup import prune as delete
    from infragen.engine.progress import Question
    from infragen.report.change_sets import left_lines, pruned_lines, to_delete

    file = options.one(directory, name)
    program = lines()
    with session(file, reach, yes=yes) as started:
        found = find_left(file.environment, started)
        if program is None:
            show(left_lines(name, found))
        else:
            program.leftovers(found)
        count = sum(each.count for each in found)
        if not count:
            return
        if not started.ui.confirm(Question(f"delete {to_delete(found)} of {name}?", "--yes")):
            raise Refused("declined; nothing was deleted")
        refused = delete(started, found)
    if program is None:
        show(pruned_lines(found, refused))
    else:
        program.pruned(count - len(refused), refused)
    if refused:
        click.get_current_context().exit(CloudError.exit_code)
