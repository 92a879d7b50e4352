"""The command that shows in one look how an environment does."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session, show, show_again, width
from infragen.cli.output import say
from infragen.cli.pasting import pasteable
from infragen.cli.program import command_options
from infragen.errors import Unavailable
from infragen.report.printing import echo

if TYPE_CHECKING:
    from infragen.engine.snapshot import Snapshot

_EVERY = 5.0
"""Seconds between two looks of `--watch`."""


@click.command()
@parameters.env("The environment to look at.", required=True)
@parameters.environments
@click.option("--watch", is_flag=True, help="Look again every 5 seconds until Ctrl-C; needs a terminal.")
@click.option("--open", "opens", is_flag=True, help="Also open the API's URL and the dashboard in a browser.")
@click.option("--fail-on-trouble", is_flag=True, help="Exit with 1 when something is wrong or could not be read.")
@parameters.document_format
@cloud_options
@command_options
def ps(
    name: str, directory: Path, watch: bool, opens: bool, fail_on_trouble: bool, form: str, target: AwsTarget
) -> None:
    """Show on one screen how an environment does, and what to do.

    Stacks and what deployed them, tasks and the last one that stopped, workers with their queues and dead letters, the
    database with its credentials, and the alarms that are raised. What may not be read is `?`, with the permission
    that is denied (`infragen docs ps`).

    \b
    Examples:
      infragen ps --env prod
      infragen ps --env dev --local --watch
      infragen ps --env prod --fail-on-trouble --format json
    """
    from infragen.engine.ps import snapshot
    from infragen.report.ps import screen_lines
    from infragen.report.ps_document import as_json

    if watch and (form == "json" or fail_on_trouble):
        raise click.UsageError("--watch cannot be combined with --format json or --fail-on-trouble")
    if watch and not sys.stdout.isatty():
        raise click.UsageError("--watch needs a terminal; --format json gives a program one look")
    described = parameters.on_call(directory, name)
    with open_session(described.file, target) as session:
        assembly = described.assembly(session, names=False)

        def look() -> "Snapshot":
            return _pasteable(snapshot(assembly, session))

        found = look()
        if opens:
            _open(found)
        if watch:
            _watch(found, look, session.timer.sleep)
            return
    if form == "json":
        echo(as_json(found))
    else:
        show(screen_lines(found, width(sys.stdout)))
    if fail_on_trouble and found.trouble:
        click.get_current_context().exit(1)


def _watch(found: "Snapshot", look: "Callable[[], Snapshot]", sleep: Callable[[float], None]) -> None:
    """Draw the screen again and again. While AWS cannot be reached the last screen stays, with a line that says so."""
    from infragen.report.ps import screen_lines

    said = ""
    try:
        while True:
            show_again(screen_lines(found, width(sys.stdout), said))
            sleep(_EVERY)
            try:
                found, said = look(), ""
            except Unavailable as error:
                said = f"not renewed: {error.message}"
    except KeyboardInterrupt:  # the way to end it
        return


def _pasteable(found: "Snapshot") -> "Snapshot":
    """Return a snapshot whose commands have the options of this run."""
    advice = (
        replace(each, command=pasteable(f"`{each.command}`").strip("`") if each.command else "")
        for each in found.advice
    )
    return replace(found, advice=tuple(advice))


def _open(found: "Snapshot") -> None:
    """Print each address, and open it."""
    import webbrowser

    for address in found.addresses.values():
        say(address, err=True)
        if not webbrowser.open(address):
            say("warning: no browser could be started", err=True)
    if not found.addresses:
        say(pasteable("there is nothing to open: `infragen outputs` shows what is deployed"), err=True)
