"""The command that rotates the database's credentials."""

from datetime import UTC, datetime
from pathlib import Path

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session
from infragen.cli.json_lines import lines, lines_option
from infragen.cli.output import say
from infragen.cli.program import command_options


@click.command()
@parameters.env("The environment whose database credentials to rotate.", required=True)
@parameters.environments
@click.option("--twice", is_flag=True, help="Rotate twice, so that a login that leaked ends.")
@parameters.wait
@parameters.yes
@parameters.verbose
@lines_option
@cloud_options
@command_options
def rotate(name: str, directory: Path, twice: bool, wait: float | None, yes: bool, target: AwsTarget) -> None:
    """Rotate the database's credentials, and replace the tasks.

    Tasks read the credentials when they start, and keep their login through one rotation. So the tasks are replaced
    after it, and before it where they are behind. Workers read the credentials again by themselves.

    \b
    Examples:
      infragen rotate --env prod
      infragen rotate --env prod --twice --yes
    """
    from infragen.engine.rotate import rotate as engine

    described = parameters.on_call(directory, name)
    with open_session(described.file, target, yes=yes) as session:
        result = engine(described.assembly(session), session, twice=twice, wait=parameters.seconds(wait))
    if lines() is not None:
        return
    count = "twice" if twice else "once"
    tasks = ", ".join(each.rpartition("/")[2] for each in result.services)
    replaced = f"; the tasks of {tasks} use the current credentials" if tasks and not twice else ""
    if twice:
        replaced = "; the credentials from before are no longer valid"
    ahead = (
        f"; next rotation {datetime.fromtimestamp(result.next_rotation, UTC):%Y-%m-%d}" if result.next_rotation else ""
    )
    say(f"rotated {count}{replaced}{ahead}")
