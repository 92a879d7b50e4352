"""What a CI system hears beside what people read: annotations, folded parts of the log, and a summary of the job.

Nothing has to be asked for: GitHub sets GITHUB_ACTIONS, GitLab sets GITLAB_CI. All of it goes to stderr or to the file
that GITHUB_STEP_SUMMARY names, so that a document on stdout stays what it is.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infragen.cli.output import known_secrets, say
from infragen.errors import InfragenError, InputError
from infragen.machine.output_file import append

if TYPE_CHECKING:
    from infragen.engine.outcome import Outcome
    from infragen.report.sections import System
    from infragen.secrecy.visible import Shown

SUMMARY = 1024 * 1024
"""Bytes that the summary of one step may have; of a longer one GitHub shows nothing (docs.github.com, "Workflow
commands for GitHub Actions", "Step isolation and limits"; read 2026-11-29)."""

ROOM = 64 * 1024
"""Bytes below which no more is added to a summary."""

MOST_BYTES = 3
"""Bytes of UTF-8 that a UTF-16 unit can take: Markdown is measured in those."""


def system() -> "System | None":
    """Return the CI system that this run is in, as its own variables say."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return "github"
    return "gitlab" if os.environ.get("GITLAB_CI") else None


def workspace() -> Path | None:
    """Return the top directory of the repository in GitHub Actions."""
    found = os.environ.get("GITHUB_WORKSPACE", "")
    return Path(found) if found.startswith("/") else None


def annotate(level: str, message: str, *, place: str = "", title: str = "infragen") -> None:
    """Print an annotation on stderr in GitHub Actions, one per line where each line of the message names its place."""
    if system() != "github":
        return
    from infragen.report.github import MOST, annotation, parted
    from infragen.report.printing import echo

    parts = ((place, message),) if place else parted(message)
    for where, text in parts[:MOST]:
        echo(annotation(level, text, place=where, title=title, root=workspace(), known=known_secrets()), err=True)


def annotate_error(error: InfragenError) -> None:
    """Print the error that ends a command as an annotation, its hint below it."""
    from infragen.report.github import parted

    alone = len(parted(error.message)) == 1
    annotate("error", f"{error.message}\n{error.hint}" if error.hint and alone else error.message)


def annotate_failures(outcomes: "Sequence[Outcome]") -> None:
    """Print an annotation for each stack that failed: the cause, at the line that it comes from where that is known."""
    from infragen.engine.outcome import Failed

    for each in outcomes:
        if isinstance(each, Failed):
            setting = each.cause.setting if each.cause else None
            place = f"{setting.place.file}:{setting.place.line}:{setting.place.column}" if setting else ""
            text = str(each.cause) if each.cause else each.message
            annotate("error", f"{text}\n{each.hint}" if each.hint else text, place=place, title=f"{each.stack} failed")


def summarize(markdown: "Callable[[int], Shown]") -> None:
    """Add to the summary of the job in GitHub Actions; `markdown` gives the text in at most so many characters.

    A summary that cannot be written is a warning: what it is about went as it went.
    """
    name = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if system() != "github" or not name:
        return
    file = Path(name)
    try:
        room = SUMMARY - (file.stat().st_size if os.path.exists(file) else 0)
        if room < ROOM:
            raise InputError("the file of GITHUB_STEP_SUMMARY is full: GitHub takes 1 MiB of a step")
        text = markdown(room // MOST_BYTES - 1).encode("utf-8", "backslashreplace")
        append(file, text + b"\n", "GITHUB_STEP_SUMMARY")
    except (InfragenError, OSError) as error:
        say(f"warning: the job has no summary: {error}", err=True)
