"""Which files of a directory an image holds: those that a container image built from it would.

Where there is a `.dockerignore`, what it leaves out is left out, with Docker's rules (docs.docker.com/build/concepts/
context/#dockerignore-files and moby/patternmatcher, read 2026-11-29): a pattern is relative to the directory and counts
for all below what it matches, `!` takes back, the last that matches decides. `node_modules` is what the build itself
installs, so it is taken, without the packages that the lock calls `dev` (`npm ci --omit=dev`). Without a
`.dockerignore` all is taken but `.git`.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_IGNORE, _LOCK, _PACKAGES = ".dockerignore", "package-lock.json", "node_modules"
_NEVER = frozenset({".git"})
_CLASS = re.compile(r"\[\^?(?:\\.|[^\]\\])+\]")


@dataclass(frozen=True)
class Pattern:
    """A line of a `.dockerignore`."""

    matches: re.Pattern[str]
    takes_back: bool


def selected(source: Path) -> tuple[list[tuple[str, Path]], list[str]]:
    """Return what an image of a directory holds, as (name relative to it, path), and the names at the top left out.

    In an order that no file system decides. ValueError: the `.dockerignore` or the lock cannot be read as what it is.
    """
    leaves_out = _rules(source)
    found, left_out = [], set()
    for name, path in _entries(source):
        if leaves_out(name) or _leads_out(source, path, leaves_out):
            left_out.add(name.split("/")[0])
        else:
            found.append((name, path))
    held = {name for name, _ in found}
    parents = {
        "/".join(parts[:count]) for parts in (name.split("/") for name in held) for count in range(1, len(parts))
    }
    found += [(name, source / name) for name in parents - held]
    return sorted(found), sorted(left_out - held - parents)


def _rules(source: Path) -> Callable[[str], bool]:
    if not _is_there(source / _IGNORE):
        return lambda name: False
    patterns = parse((source / _IGNORE).read_text(encoding="utf-8"))
    development = _development_packages(source / _LOCK)

    def leaves_out(name: str) -> bool:
        parts = name.split("/")
        above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        if parts[0] == _PACKAGES:
            return any(each in development for each in above)
        return ignored(patterns, above)

    return leaves_out


def _is_there(file: Path) -> bool:
    """Return whether there is a regular file; ValueError for whatever else has the name: it says what is left out."""
    if os.path.lexists(file) and not file.is_file():
        raise ValueError(f"{file} is no regular file that can be read")
    return file.is_file()


def parse(text: str) -> tuple[Pattern, ...]:
    """Return the patterns of a `.dockerignore`; ValueError for one that Docker refuses."""
    found = []
    for line in text.removeprefix("\ufeff").splitlines():
        pattern = line.strip()
        if not pattern or line.startswith("#"):
            continue
        takes_back = pattern.startswith("!")
        # As Docker cleans a path, and with a leading slash taken away.
        cleaned = os.path.normpath(pattern.removeprefix("!").strip()).lstrip("/")
        if cleaned != ".":
            found.append(Pattern(re.compile(_expression(cleaned), re.DOTALL), takes_back))
    return tuple(found)


def ignored(patterns: tuple[Pattern, ...], above: list[str]) -> bool:
    """Return whether the last pattern that matches a path or a directory above it leaves it out."""
    return next(
        (not each.takes_back for each in reversed(patterns) if any(each.matches.fullmatch(path) for path in above)),
        False,
    )


def _expression(pattern: str) -> str:
    """Return Go's filepath.Match pattern, with Docker's `**`, as a regular expression."""
    expression, at = "", 0
    while at < len(pattern):
        character = pattern[at]
        if pattern.startswith("**", at):
            at += 2
            if pattern.startswith("/", at):
                at, expression = at + 1, expression + "(?:.*/)?"
            else:
                expression += ".*"
            continue
        if character == "[":
            found = _CLASS.match(pattern, at)
            if found is None:
                raise ValueError(f"{_IGNORE}: syntax error in pattern {pattern}")
            expression, at = expression + found[0], found.end()
            continue
        if character == "\\":
            at += 1
            if at == len(pattern):
                raise ValueError(f"{_IGNORE}: syntax error in pattern {pattern}")
        expression += {"*": "[^/]*", "?": "[^/]"}.get(character) or re.escape(pattern[at])
        at += 1
    return expression


def _development_packages(lock: Path) -> frozenset[str]:
    """Return the directories of packages that are for development only, and npm's own note of what it installed."""
    hidden = {f"{_PACKAGES}/.{_LOCK}"}
    if not _is_there(lock):
        return frozenset(hidden)
    try:
        packages = json.loads(lock.read_text(encoding="utf-8")).get("packages", {})
        return frozenset(hidden | {name for name, package in packages.items() if package.get("dev")})
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{_LOCK}: {error}") from None


def _leads_out(source: Path, path: Path, leaves_out: Callable[[str], bool]) -> bool:
    """Return whether a link leads to what is left out, such as the command of a package for development."""
    if not path.is_symlink():
        return False
    target = path.resolve()
    return target.is_relative_to(source.resolve()) and leaves_out(target.relative_to(source.resolve()).as_posix())


def _entries(source: Path) -> Iterator[tuple[str, Path]]:
    """Yield everything in a directory as (name relative to it, path)."""

    def fail(error: OSError) -> None:
        raise error

    for where, folders, files in os.walk(source, onerror=fail):
        folders[:] = [name for name in folders if name not in _NEVER]
        for name in (*folders, *files):
            if name not in _NEVER:
                path = Path(where) / name
                yield path.relative_to(source).as_posix(), path
