"""What a command takes from the process around it: the time, and who lints.

The one place of `cli` that knows the clock. A test passes its own as click's `obj`; the console script passes none.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from concurrent.futures import Executor


def _own_processes() -> None:
    """Let `lint` start processes of its own, and end them."""


@dataclass(frozen=True)
class Surroundings:
    """The clock in seconds, how to sleep, what runs the processes that lint (None: `lint` starts its own), and the
    seconds since 1970.
    """

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    linters: "Callable[[], Executor | None]" = _own_processes
    date: Callable[[], float] = time.time


def surroundings() -> Surroundings:
    """Return what the running command was given, or the machine's own."""
    return click.get_current_context().find_object(Surroundings) or Surroundings()
