"""infragen's command line in this process: the one way in which tests run a command without starting one.

Time is the machine's unless a clock is given, and the date unless `date` gives the seconds since 1970; cfn-lint runs in
the process that stays (`linting`), where each command would start processes of its own, which import it anew.

Whatever JSON a command prints is validated against the schema that `infragen schema` prints for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import click
import click.testing
from linting import linter

from infragen.cli import main, surroundings


class Clock(Protocol):
    """Seconds, and how to let them pass: the fake's clock, or the module `time`."""

    @property
    def monotonic(self) -> Callable[[], float]:
        """The present, in seconds."""

    @property
    def sleep(self) -> Callable[[float], None]:
        """Lets seconds pass."""


class CommandLine(click.testing.CliRunner):
    """click's runner, which gives each command its surroundings."""

    def __init__(self, clock: Clock = time, date: Callable[[], float] = time.time, **options: Any) -> None:
        super().__init__(**options)
        self._around = surroundings.Surroundings(clock.monotonic, clock.sleep, linter, date)

    def invoke(self, *arguments: Any, **options: Any) -> click.testing.Result:
        """Runs a command with these arguments, as `CliRunner` does, and validates the document that it printed."""
        ended = super().invoke(*arguments, **{"obj": self._around, **options})
        words = arguments[1] if len(arguments) > 1 else options.get("args")
        name = _document(words) if isinstance(words, list | tuple) else None
        if name is not None and isinstance(ended.exception, SystemExit | None):
            from formats import check_documents

            check_documents(name, ended.stdout)
        return ended


LINES = "events"
OF_PLANS = {"plan", "diff"}
"""They print plans, which `formats.check_formats` validates."""
TEMPLATES = {"render"}
"""Its JSON is CloudFormation's."""


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command, by the words that call it."""
    for name, each in group.commands.items():
        if isinstance(each, click.Group):
            yield from commands(each, (*path, name))
        else:
            yield (*path, name), each


def formats(command: click.Command) -> set[str]:
    """What a command takes as --format."""
    return {
        choice for each in command.params
        if "--format" in each.opts and isinstance(each.type, click.Choice) for choice in each.type.choices
    }  # fmt: skip


def schema_of(path: tuple[str, ...], command: click.Command) -> str | None:
    """The name of the schema of what a command prints with --format json; None where it prints none of ours."""
    if "json" not in formats(command) or path[0] in TEMPLATES:
        return None
    if any("--format" in each.opts and each.name == "format" and not each.expose_value for each in command.params):
        return LINES
    return "plan" if path[0] in OF_PLANS else path[0]


def _document(words: Sequence[str]) -> str | None:
    """The schema of the document that these arguments ask for; None where they ask for none, or for lines or plans."""
    found = next(((path, each) for path, each in commands() if tuple(words[: len(path)]) == path), None)
    if found is None:
        return None
    path, command = found
    name = schema_of(path, command)
    given = [str(each) for each in words]
    wanted = "json" in given[given.index("--format") + 1 :][:1] if "--format" in given else "--json" in given
    if name in (None, LINES, "plan") or "--revert" in given or "--help" in given:
        return None
    return name if wanted or (path == ("policy",) and "--format" not in given) else None
