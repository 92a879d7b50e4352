"""Prints what may be shown. Nothing else in infragen writes to stdout or stderr but the consoles of `terminal`.

What is printed is `Shown`, so that the type checker refuses text that has not passed `secrecy`.
"""

from typing import TYPE_CHECKING

import click

from infragen.errors import Unwritable

if TYPE_CHECKING:
    from infragen.secrecy.visible import Shown, ShownBytes


def echo(text: "Shown | ShownBytes", *, lead: str = "", err: bool = False, nl: bool = True) -> None:
    """Print a text on stdout, or on stderr with `err`. `lead` is a word of our own before it, perhaps in colour.

    What stderr does not take is lost, and the command continues: its exit code says how it ended. Raises Unwritable for
    a stdout that takes nothing, but BrokenPipeError where its reader has gone.
    """
    try:
        click.echo(text if isinstance(text, bytes) else lead + text, err=err, nl=nl)
    except BrokenPipeError:
        if not err:
            raise
    except OSError as error:
        if not err:
            raise Unwritable(f"the output cannot be written: {(error.strerror or str(error)).lower()}") from error
