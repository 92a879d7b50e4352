"""Prints what may be shown. Nothing else in infragen writes to stdout or stderr but the consoles of `terminal`.

What is printed is `Shown`, so that the type checker refuses text that has not passed `secrecy`.
"""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from infragen.secrecy.visible import Shown, ShownBytes


def echo(text: "Shown | ShownBytes", *, lead: str = "", err: bool = False, nl: bool = True) -> None:
    """Print a text on stdout, or on stderr with `err`. `lead` is a word of our own before it, perhaps in colour."""
    if isinstance(text, bytes):
        click.echo(text, err=err, nl=nl)
    else:
        click.echo(lead + text, err=err, nl=nl)
