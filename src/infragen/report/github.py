"""Annotations, as GitHub Actions shows them on a run and beside the lines of a pull request."""

import re
from collections.abc import Collection
from pathlib import Path, PurePath

from infragen.secrecy.visible import Shown, workflow_command

MOST = 10
"""Annotations of one level that a step may have; GitHub drops the rest (docs.github.com, "Workflow commands for GitHub
Actions" and community/discussions#26680; read 2026-11-29)."""

_PLACE = re.compile(r"(?P<file>[^\n]+?):(?P<line>[0-9]+):(?P<column>[0-9]+): (?P<text>.*)", re.DOTALL)


def annotation(
    level: str, message: str, *, place: str = "", title: str = "", root: Path | None = None, known: Collection[str] = ()
) -> Shown:
    """Return an annotation; `level` is error, warning or notice, `place` is `file:line:column`, or empty.

    GitHub reads a file's name from the top of the repository, which is at `root`.
    """
    found = _PLACE.fullmatch(f"{place}: ")
    properties = {"title": title}
    if found:
        properties = {
            "file": _from(found["file"], root), "line": found["line"], "col": found["column"], "title": title,
        }  # fmt: skip
    return workflow_command(level, message, properties, known)


def parted(message: str) -> tuple[tuple[str, str], ...]:
    """Return (place, text) of a message: of each line where every line begins with its place, else all without one."""
    found = [_PLACE.fullmatch(line) for line in message.split("\n")]
    if not all(found):
        return (("", message),)
    return tuple((f"{each['file']}:{each['line']}:{each['column']}", each["text"]) for each in found if each)


def _from(file: str, root: Path | None) -> str:
    """Return a path as it is from `root`; one that is not below it stays as it is."""
    if root is None:
        return file
    whole = Path(file).absolute()
    return PurePath(whole).relative_to(root).as_posix() if whole.is_relative_to(root) else file
