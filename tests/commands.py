"""infragen's command line in this process: the one way in which tests run a command without starting one.

Time is the machine's unless a clock is given, and the date unless `date` gives the seconds since 1970; cfn-lint runs in
the process that stays (`linting`), where each command would start processes of its own, which import it anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import click.testing
from linting import linter

from infragen.cli import surroundings


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
        """Runs a command with these arguments, as `CliRunner` does."""
        return super().invoke(*arguments, **{"obj": self._around, **options})
