"""Where output goes: a terminal with colours or not, or nowhere once whoever read it has gone."""

import os
import sys
from pathlib import Path
from typing import TextIO

import click


def styled(context: click.Context, stream: TextIO) -> bool:
    """Whether a stream takes colours: a terminal, and nobody asked for none."""
    return context.color is not False and stream.isatty() and os.environ.get("TERM", "") != "dumb"


def nowhere() -> TextIO:
    """A stream that takes everything and keeps nothing."""
    return Path(os.devnull).open("w")


def silence() -> None:
    """Whoever read our output has gone: what is left to print goes nowhere, also at interpreter exit."""
    with nowhere() as stream:
        os.dup2(stream.fileno(), sys.stdout.fileno())
