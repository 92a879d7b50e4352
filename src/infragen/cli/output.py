"""Where output goes: a terminal with colours or not, or nowhere once whoever read it has gone."""

import atexit
import codecs
import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import TextIO

import click

from infragen.report.printing import echo


def styled(context: click.Context, stream: TextIO) -> bool:
    """Return whether a stream takes colours and what moves: a terminal, nobody asked for none, and it is no CI log."""
    return context.color is not False and stream.isatty() and not plain()


def plain() -> bool:
    """Return whether the environment want plain text: NO_COLOR (https://no-color.org), CI, or a terminal that can no
    more.
    """
    return any(os.environ.get(name) for name in ("NO_COLOR", "CI")) or os.environ.get("TERM") == "dumb"


def pipe_width() -> int | None:
    """Return the columns of a pipe or file from the variable COLUMNS; None where it is not a number."""
    said = os.environ.get("COLUMNS", "")
    return int(said) if re.fullmatch(r"[1-9][0-9]{0,4}", said) else None


def decolour(context: click.Context) -> None:
    """Let nothing that this run prints have a colour."""
    context.color = context.find_root().color = False


_SIGNS = {
    "…": "...", "–": "-", "—": "-", "→": "->", "←": "<-", "×": "x", "≤": "<=", "≥": ">=", "±": "+-", "·": "-", "•": "-",
    "“": '"', "”": '"', "‘": "'", "’": "'", "\u00a0": " ", "─": "-", "│": "|", "├": "|", "└": "`",
}  # fmt: skip
"""What stands for our own signs where a locale has no letters for them."""


def readable(stream: TextIO) -> None:
    """Let a stream write any text, whatever its locale has letters for."""
    codecs.register_error("infragen", spelled)
    codecs.register(_plain_ascii)
    if hasattr(stream, "reconfigure"):
        known = codecs.lookup(stream.encoding or "ascii").name
        stream.reconfigure(errors="infragen", encoding="plain_ascii" if known == "ascii" else known)


def _plain_ascii(name: str) -> codecs.CodecInfo | None:
    """Return ASCII under another name: click takes a stream that is called ASCII for misconfigured, and writes UTF-8 to
    it.
    """
    if name != "plain_ascii":
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        known.encode, known.decode, known.streamreader, known.streamwriter, known.incrementalencoder,
        known.incrementaldecoder, name,
    )  # fmt: skip


def spelled(error: UnicodeError) -> tuple[str, int]:
    """Return a codec's error handler: signs that the encoding lacks are spelled in ASCII, anything else is a question
    mark.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_SIGNS.get(each, "?") for each in error.object[error.start : error.end]), error.end


def nowhere() -> TextIO:
    """Return a stream that takes everything and keeps nothing."""
    return Path(os.devnull).open("w")


def say(text: str, *, lead: str = "", err: bool = False, nl: bool = True) -> None:
    """Print a text without the secrets that are in it; `lead` is a word of our own before it, perhaps in colour."""
    from infragen.secrecy.visible import shown

    echo(shown(text, known_secrets()), lead=lead, err=err, nl=nl)


def known_secrets() -> set[str]:
    """Return the texts of which this run has learned that they are secrets."""
    context = click.get_current_context(silent=True)
    secrets: set[str] = context.meta.setdefault("infragen.secrets", set()) if context else set()
    return secrets


def silence(stream: TextIO | None = None) -> None:
    """Discard further output after a closed pipe, also at interpreter exit."""
    with nowhere() as nothing:
        os.dup2(nothing.fileno(), (stream or sys.stdout).fileno())


def drain() -> None:
    """Print what is left: where it cannot be written, the interpreter would fail on it and end in 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            silence(stream)


def leave(code: int) -> None:
    """End the process with an exit code, after what has to happen at its end but without taking the interpreter apart.

    To free each object of a process that ends anyway takes a fifth of a short command. Where another thread has to be
    waited for, the interpreter ends as usual. Nothing is left for Ctrl-C to stop: the code is the command's.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    others = [each for each in threading.enumerate() if each is not threading.main_thread() and not each.daemon]
    if others:
        sys.exit(code)
    atexit._run_exitfuncs()
    drain()
    os._exit(code)
