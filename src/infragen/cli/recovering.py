"""Commands for failed operations and those still in progress."""

from pathlib import Path

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session, show
from infragen.cli.deploying import end
from infragen.cli.json_lines import lines, lines_option
from infragen.cli.program import command_options
from infragen.errors import CloudError, Refused


@click.command()
@parameters.env("The environment to recover.", required=True)
@parameters.environments
@click.option(
    "--skip",
    metavar="LAYER/ID",
    multiple=True,
    help="Skip this resource when continuing the rollback; may be given several times.",
)
@click.option(
    "--disable-protection",
    "unprotect",
    metavar="LAYER/ID",
    multiple=True,
    help="Disable this resource's deletion protection; may be given several times.",
)
@click.option(
    "--allow-data-loss",
    "lose",
    metavar="LAYER/ID",
    multiple=True,
    help="Delete this resource, which holds data, with the rest of a failed creation; may be given several times.",
)
@parameters.wait
@parameters.yes
@parameters.verbose
@lines_option
@cloud_options
@command_options
def recover(
    name: str,
    directory: Path,
    skip: tuple[str, ...],
    unprotect: tuple[str, ...],
    lose: tuple[str, ...],
    wait: float | None,
    yes: bool,
    target: AwsTarget,
) -> None:
    """Repair an environment after a failed deployment.

    Shows which stacks need repair and how, then asks. Continues a stuck rollback, rolls back an update that was kept
    after a failure, and deletes what a failed first creation left. Never deletes a stack that was once complete,
    skips a resource only when --skip names it, and deletes resources that hold data only when --allow-data-loss
    names them.

    \b
    Examples:
      infragen recover --env dev
      infragen recover --env prod --skip database/Writer
    """
    from infragen.engine.recover import RecoverOptions, recover_environment

    file = parameters.on_call(directory, name, templates=False).file
    env = file.environment
    with open_session(file, target, yes=yes) as session:
        options = RecoverOptions(frozenset(skip), frozenset(unprotect), frozenset(lose), parameters.seconds(wait))
        result = recover_environment(env, session, options)
    end(result.outcomes, result.exit_code)


@click.command()
@parameters.env("The environment whose update to cancel.", required=True)
@parameters.environments
@parameters.yes
@parameters.verbose
@lines_option
@cloud_options
@command_options
def cancel(name: str, directory: Path, yes: bool, target: AwsTarget) -> None:
    """Cancel the update in progress and watch its rollback.

    Only updates can be cancelled. A first creation runs to its end; delete it then with `infragen destroy`.

    \b
    Example:
      infragen cancel --env dev
    """
    from infragen.engine.outcome import exit_code
    from infragen.engine.recover import cancel_environment

    file = parameters.on_call(directory, name, templates=False).file
    env = file.environment
    with open_session(file, target, yes=yes) as session:
        outcomes = cancel_environment(env, session)
    end(outcomes, exit_code(outcomes), f"{env.environment}: no operation in progress")


@click.command()
@parameters.env("The environment to follow.", required=True)
@parameters.environments
@parameters.follow_timeout
@parameters.verbose
@lines_option
@cloud_options
@command_options
def follow(name: str, directory: Path, follow_timeout: float | None, target: AwsTarget) -> None:
    """Watch a running deployment until it finishes.

    Shows any operation in progress, also one that another terminal or a pipeline session. Changes nothing.

    \b
    Example:
      infragen follow --env prod
    """
    from infragen.engine.outcome import exit_code
    from infragen.engine.recover import follow_environment

    file = parameters.on_call(directory, name, templates=False).file
    env = file.environment
    with open_session(file, target) as session:
        outcomes = follow_environment(env, session, parameters.seconds(follow_timeout))
    end(outcomes, exit_code(outcomes), f"{env.environment}: no operation in progress")


@click.group()
def changesets() -> None:
    """Clean up leftover change sets.

    \b
    Example:
      infragen changesets prune --env prod
    """


@changesets.command()
@parameters.env("The environment whose change sets to delete.", required=True)
@parameters.environments
@parameters.yes
@lines_option
@cloud_options
@command_options
def prune(name: str, directory: Path, yes: bool, target: AwsTarget) -> None:
    """Delete infragen's change sets that were never executed.

    Each run deletes its own change sets. Use this after killed runs, when CloudFormation reports too many. Lists
    them first, with those that AWS does not allow to be deleted, and leaves the change sets of other tools alone.

    \b
    Examples:
      infragen changesets prune --env dev
      infragen changesets prune --env prod --yes
    """
    from infragen.engine.change_set_cleanup import find_left
    from infragen.engine.change_set_cleanup import prune as delete
    from infragen.engine.progress import Question
    from infragen.report.change_sets import left_lines, pruned_lines, to_delete

    file = parameters.on_call(directory, name, templates=False).file
    program = lines()
    with open_session(file, target, yes=yes) as session:
        found = find_left(file.environment, session)
        if program is None:
            show(left_lines(name, found))
        else:
            program.leftovers(found)
        count = sum(each.count for each in found)
        if not count:
            return
        if not session.ui.confirm(Question(f"delete {to_delete(found)} of {name}?", "--yes")):
            raise Refused("declined; nothing was deleted")
        refused = delete(session, found)
    if program is None:
        show(pruned_lines(found, refused))
    else:
        program.pruned(count - len(refused), refused)
    if refused:
        click.get_current_context().exit(CloudError.exit_code)
