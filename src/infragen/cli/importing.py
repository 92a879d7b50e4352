"""The command that takes resources which exist over into an environment."""

from pathlib import Path

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session
from infragen.cli.deploying import end
from infragen.cli.json_lines import lines, lines_option
from infragen.cli.output import say
from infragen.cli.pasting import pasteable
from infragen.cli.program import command_options
from infragen.errors import InputError


@click.command("import")
@click.argument("resources", metavar="LAYER/ID=IDENTIFIER...", nargs=-1, required=True)
@parameters.env("The environment that takes the resources over.", required=True)
@parameters.environments
@parameters.yes
@parameters.verbose
@lines_option
@cloud_options
@command_options
def import_(resources: tuple[str, ...], name: str, directory: Path, yes: bool, target: AwsTarget) -> None:
    """Take existing resources over into an environment.

    LAYER/ID is the place in the templates, IDENTIFIER how CloudFormation finds the resource: a queue's URL, the name or
    ARN of most others, several values with | between them where its type has several. Creates a change set that imports
    them, shows it and asks; nothing is created, changed or deleted. Refuses where the next deployment would replace
    what is imported. For `topology: independent`; see `infragen docs moving-here`.

    \b
    Examples:
      infragen import --env prod database/Cluster=shop-prod database/SubnetGroup=legacy-subnets
      infragen import --env prod queue/MailQueue=https://sqs.eu-central-1.amazonaws.com/111122223333/shop-prod-mail
    """
    from infragen.assembly.synth import synthesize
    from infragen.engine.importing import import_resources

    wanted = _wanted(resources)
    file = parameters.one(directory, name)
    with open_session(file, target, yes=yes) as session:
        result = import_resources(synthesize(file.environment), session, wanted)
    end(result.outcomes, result.exit_code)
    if lines() is None:
        say(pasteable("what the environment has otherwise: `infragen plan`"), err=True)


def _wanted(resources: tuple[str, ...]) -> dict[str, str]:
    """Return the identifiers by place. Raises InputError for a resource without one, and for one that comes twice."""
    found: dict[str, str] = {}
    for each in resources:
        place, equals, identifier = each.partition("=")
        if not (equals and identifier.strip() and "/" in place):
            raise InputError(
                f"{each!r} names no resource to import", "write LAYER/ID=IDENTIFIER, as in database/Cluster=shop-prod"
            )
        if place in found or identifier in found.values():
            raise InputError(f"{each} comes twice", "import each resource once, into one place")
        found[place] = identifier
    return found
