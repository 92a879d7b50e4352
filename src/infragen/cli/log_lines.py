"""The command that shows what applications log."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session, show
from infragen.cli.output import say
from infragen.cli.program import command_options
from infragen.report.printing import echo

if TYPE_CHECKING:
    from infragen.engine.logs import LogLines

_SPAN = re.compile(r"(\d+)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Moment(click.ParamType[float]):
    """A time, as seconds since 1970: so long ago (`15m`), or then (`2026-11-29T12:00`, in UTC unless it says)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the time that a text says."""
        if isinstance(value, float):
            return value
        span = _SPAN.fullmatch(value)
        if span:
            return time.time() - int(span[1]) * _SECONDS[span[2]]
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a span (30s, 15m, 2h, 1d) nor a time (2026-11-29T12:00)", param, ctx)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


@click.command()
@click.argument("names", metavar="[LOG]...", nargs=-1)
@parameters.env("The environment whose logs to show.", required=True)
@parameters.environments
@click.option("--follow", "-f", is_flag=True, help="Continue with new lines until Ctrl-C.")
@click.option(
    "--since",
    metavar="TIME",
    type=Moment(),
    default="10m",
    show_default=True,
    help="From so long ago (15m, 2h, 1d), or from a time in UTC (2026-11-29T12:00).",
)
@click.option("--until", metavar="TIME", type=Moment(), help="Up to then. Default: now.")
@click.option("--grep", metavar="TEXT", default="", help="Only lines with this text.")
@click.option(
    "--level",
    type=click.Choice(["trace", "debug", "info", "warn", "error", "fatal"]),
    help="Only lines of this level and above; lines without a level are left out.",
)
@click.option("--trace", metavar="ID", default="", help="Only lines with this trace or request id, of every log named.")
@click.option(
    "--task", metavar="ID", default="", help="Only lines of this task; the first characters of its id are enough."
)
@click.option("--platform", is_flag=True, help="Show what Lambda writes about every call as well.")
@parameters.document_format
@click.option("--json", "form", flag_value="json", help="The same as --format json: one JSON object per line.")
@cloud_options
@command_options
def logs(
    names: tuple[str, ...],
    name: str,
    directory: Path,
    follow: bool,
    since: float,
    until: float | None,
    grep: str,
    level: str | None,
    trace: str,
    task: str,
    platform: bool,
    form: str,
    target: AwsTarget,
) -> None:
    """Show what the API and the workers log, merged by time.

    LOG is api, release, database, credentials, the name of a worker, or LAYER/ID of any other log group; default: api
    and all workers. Secrets are hidden. The newest 1000 lines are shown; times are in UTC.

    \b
    Examples:
      infragen logs --env prod --follow
      infragen logs api --env prod --since 1h --level error
      infragen logs --env prod --trace 4bf92f3577b34da6 --since 1d
    """
    from infragen.engine.logs import LogQuery, chosen_sources, follow_logs, log_sources, read_logs
    from infragen.report.logs import nothing_found

    if until is not None and follow:
        raise click.UsageError("--until cannot be combined with --follow")
    if until is not None and until <= since:
        raise click.UsageError("--until is before --since")
    described = parameters.on_call(directory, name)
    query = LogQuery(since, until, level or "", grep, trace, task, platform)
    with open_session(described.file, target) as session:
        assembly = described.assembly(session)
        sources = chosen_sources(assembly, log_sources(assembly, session), names)
        if not follow:
            lines = read_logs(session, sources, query)
            _print(lines, form, once=set())
            if not lines.lines:
                say(nothing_found((each.name for each in sources), query), err=True)
            return
        said = set[str]()
        try:
            for found in follow_logs(session, sources, query):
                _print(found, form, said)
        except KeyboardInterrupt:  # the way to end it
            return


def _print(found: "LogLines", form: str, once: set[str]) -> None:
    """Print lines, and on stderr what has to be said beside them, each note `once`."""
    from infragen.report.logs import log_json, log_lines, log_notes

    if form == "json":
        for each in found.lines:
            echo(log_json(each))
    else:
        show(log_lines(found.lines))
    for note in log_notes(found):
        if note not in once:
            once.add(note)
            say(note, err=True)
