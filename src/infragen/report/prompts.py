"""Asking a person; refused where nobody can answer."""

import select
import shutil
import sys
from collections.abc import Callable

import click

from infragen.engine.progress import Question
from infragen.errors import Refused
from infragen.report.printing import echo
from infragen.report.wrapping import wrapped_text
from infragen.secrecy.visible import shown

# Seconds between looks for a signal while nobody types. Python heeds a signal only between two reads: one that arrives
# in the instant before a read that waits forever would go unnoticed until something is typed.
LOOK_UP = 0.1

ANSWER = 4
"""Columns that are left for the answer."""


def ask(question: Question) -> bool:
    """Return whether the person at the terminal agrees: y, or the very words that the question wants typed. The
    question is broken between words to fit the terminal.

    Raises Refused without a terminal, naming the flag that answers instead; KeyboardInterrupt at Ctrl-C, click.Abort at
    the end of the input.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(f"{question.text} There is no terminal to ask", question.hint)
    width = max(shutil.get_terminal_size().columns, 40)
    if question.typed:
        text = wrapped_text(f"{question.text}\ntype {question.typed} to continue: ", width, 0)
        return _line(text) == question.typed
    text = wrapped_text(f"{question.text} [y/N]: ", width - ANSWER, 0)
    while True:
        match _line(text).lower():
            case "y" | "yes":
                return True
            case "" | "n" | "no":
                return False
        echo(shown("y or n, please"), err=True)


def ask_text(label: str, default: str, wrong: Callable[[str], str]) -> str:
    """Return what the person at the terminal types, or the default for an empty line; asks again while it is wrong.

    `wrong` says what is wrong with an answer, or ''. Raises like `ask`, but for Refused: callers know that there is a
    terminal.
    """
    while True:
        answer = _line(f"{label} [{default}]: " if default else f"{label}: ") or default
        problem = wrong(answer)
        if not problem:
            return answer
        echo(shown(problem), err=True)


def _line(prompt: str) -> str:
    echo(shown(prompt), nl=False, err=True)
    try:
        while not select.select([sys.stdin], [], [], LOOK_UP)[0]:
            pass
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        echo(shown(""), err=True)
        raise
    if not line:
        echo(shown(""), err=True)
        raise click.Abort
    return line.strip()
