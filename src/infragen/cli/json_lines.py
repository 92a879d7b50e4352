"""`--format json` of the commands that work on stacks: one JSON object per line on stdout."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from infragen.cli.output import known_secrets, silence
from infragen.cli.surroundings import surroundings
from infragen.errors import InfragenError

if TYPE_CHECKING:
    from infragen.report.event_lines import EventLines
    from infragen.secrecy.visible import Shown

Function = TypeVar("Function", bound=Callable[..., Any])
_LINES = "infragen.lines"


def lines_option(function: Function) -> Function:
    """Add `--format`, read before all other options, so that their errors are JSON lines too."""
    option = click.option(
        "--format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        expose_value=False,
        is_eager=True,
        callback=_begin,
        help="text for people; json for programs, one line per event (`infragen docs json-events`).",
    )
    return option(function)


def _begin(context: click.Context, parameter: click.Parameter, value: str) -> None:
    if value == "json":
        begin_lines(context)


def begin_lines(context: click.Context) -> None:
    """Print JSON lines from here on."""
    from infragen.report.event_lines import EventLines

    command = " ".join(context.command_path.split()[1:])  # without the program's name: `deploy`, `changesets prune`
    context.meta[_LINES] = EventLines(
        _write, surroundings().monotonic, lambda: datetime.now(UTC), command, known_secrets()
    )


def _write(line: "Shown") -> None:
    """Write a line; a closed stdout gets no more, and the command continues."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        silence()


def lines() -> "EventLines | None":
    """Return what prints the lines of this run; None when people read it."""
    printer: EventLines | None = click.get_current_context().meta.get(_LINES)
    return printer


def last_line(code: int, meaning: str, error: InfragenError | None = None) -> None:
    """Print the error that ended the command, and the line with its exit code; nothing without --format json."""
    printer = lines()
    if printer is not None:
        if error is not None:
            printer.error(type(error).__name__, error.message, error.hint)
        printer.finish(code, meaning)
