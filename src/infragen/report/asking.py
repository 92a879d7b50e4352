"""Asking a person; refused where nobody can answer."""

import sys

import click

from infragen.engine.progress import Question
from infragen.errors import Refused


def ask(question: Question) -> bool:
    """Whether the person at the terminal agrees: y, or the very words that the question wants typed.

    Raises Refused without a terminal, naming the flag that answers instead.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(f"{question.text} There is no terminal to ask", f"answer with {question.answered_by}")
    if not question.typed:
        return click.confirm(question.text, err=True)
    answer: str = click.prompt(
        f"{question.text}\ntype {question.typed} to go on", default="", show_default=False, err=True
    )
    return answer.strip() == question.typed
