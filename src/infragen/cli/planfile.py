"""Saved plans on disk: read whole, written at once, for nobody else to read."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from infragen.machine.input_file import read as read_file
from infragen.machine.output_file import STDOUT, replacing

if TYPE_CHECKING:
    from infragen.plan.saved import SavedPlan


def read(path: Path) -> "SavedPlan":
    """Return the plan in a file, or on standard input for `-`. Raises InputError when there is none."""
    from infragen.plan.saved import MAX_BYTES, parse

    if path == STDOUT:
        return parse(sys.stdin.buffer.read(MAX_BYTES + 1), "standard input")
    return parse(read_file(path, "the saved plan", MAX_BYTES + 1), str(path))


@contextmanager
def staged(path: Path) -> Iterator[Callable[["SavedPlan"], None]]:
    """Return a function that writes a plan to a file of mode 0600, in one step; to standard output for `-`.

    Raises InputError and Unwritable before anything is planned; what was there before is intact then.
    """
    from infragen.plan.saved import dump

    with replacing(path, "the saved plan", 0o600) as write:
        yield lambda saved: write(dump(saved))
