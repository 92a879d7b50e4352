"""Files of an earlier commit, through git: what `diff --against main` compares with, and what `--at` deploys.

Reads the repository and writes only into the directory it is given; the work tree and the index are not touched.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infragen.errors import CloudError, InputError
from infragen.machine.output_file import reason, temporary_directory

CHECKOUT = "infragen-at-"
"""What the names of directories for a commit begin with."""

ANSWER_SECONDS, CHECKOUT_SECONDS = 60.0, 900.0
"""Seconds after which git is ended: it waits without end for a FIFO in `.git`, or for a hook or filter of the user's. A
checkout may have to fetch what a partial clone lacks.
"""


@dataclass(frozen=True)
class Commit:
    """A commit: its hash, the day it is of (UTC), and the first line of its message."""

    hash: str
    date: str
    subject: str

    @property
    def short(self) -> str:
        """Return the first twelve characters of its hash."""
        return self.hash[:12]


def commit(reference: str) -> Commit:
    """Return the commit that git knows by a name, here.

    Raises InputError when there is no repository or no such commit, and CloudError when git is not installed.
    """
    if not reference or reference.startswith("-"):
        raise InputError(f"{reference or 'an empty text'} is no name of a commit", _NAMES)
    try:
        _top()
    except InputError as error:
        raise InputError(
            f"{Path.cwd()} is in no git work tree: {error.message.removeprefix('git: ')}",
            "run it in that of the project",
        ) from None
    try:
        found = _git(Path.cwd(), "rev-parse", "--verify", f"{reference}^{{commit}}").decode().strip()
    except InputError as error:
        shallow = _git(Path.cwd(), "rev-parse", "--is-shallow-repository").strip() == b"true"
        raise InputError(
            f"git knows no commit {reference} here: {error.message.removeprefix('git: ')}",
            "this clone is shallow: `git fetch --unshallow` fetches what it lacks, in CI a checkout with fetch-depth: 0"
            if shallow
            else f"{_NAMES}; `git fetch` fetches those of others",
        ) from None
    date, _, subject = _git(
        Path.cwd(), "log", "-1", "--no-show-signature", "--date=format-local:%Y-%m-%d", "--format=%cd%n%s", found,
        TZ="UTC",
    ).decode(errors="replace").partition("\n")  # fmt: skip
    return Commit(found, date, subject.strip())


_NAMES = "name a commit, branch or tag: `git log --oneline -- environments` lists the commits that changed them"


def _top() -> Path:
    return Path(_git(Path.cwd(), "rev-parse", "--show-toplevel").decode().strip())


@dataclass(frozen=True)
class Checkout:
    """The files of a commit: their top, where the present directory is among them, and how another directory is called
    from there.
    """

    top: Path
    here: Path
    directory: Path


@contextlib.contextmanager
def checkout(found: Commit, directory: Path) -> Iterator[Checkout]:
    """Yield all files of a commit, in a private directory that is removed afterwards.

    Links, modes and line ends are those that git checks out. What killed runs left is removed first. Raises InputError
    when `directory` is outside of the repository.
    """
    top = _top().resolve()
    inside = Path(os.path.normpath(directory.absolute()))
    if not inside.is_relative_to(top):
        raise InputError(f"{directory} is not in the repository {top}, so no commit of it holds it")
    with temporary_directory(CHECKOUT) as private:
        files = private / "files"
        here = files / Path.cwd().resolve().relative_to(top)
        here.mkdir(parents=True)
        index = str(private / "index")
        _git(top, "read-tree", found.hash, GIT_INDEX_FILE=index)
        _git(
            top,
            "-c",
            "core.sparseCheckout=false",
            "checkout-index",
            "--all",
            f"--prefix={files}/",
            GIT_INDEX_FILE=index,
        )
        yield Checkout(files, here, Path(os.path.relpath(files / inside.relative_to(top), here)))


def files_missing(found: Commit, directory: str) -> tuple[str, ...]:
    """Return the files below a directory of the repository's top that HEAD has and a commit lacks."""
    done = _git(
        _top(), "diff", "--name-only", "-z", "--no-renames", "--diff-filter=A", found.hash, "HEAD", "--", directory
    )
    return tuple(sorted(each for each in done.decode(errors="replace").split("\0") if each))


_LINK_OR_MODULE = ("120000", "160000")


def extract(reference: str, paths: Sequence[Path], into: Path) -> tuple[Path, ...]:
    """Write what a commit holds at these paths below `into`, an empty directory; gives their places there, present or
    not. Links and submodules are left out.

    It is checked out, not archived: `.gitattributes` can keep files out of an archive (export-ignore) or change them
    (export-subst), and git looks at names only before it checks out (`..` in a tree would lead out of the directory).

    Raises InputError when there is no repository or no such commit, or a path lies outside of the repository, and
    CloudError when git is not installed or fails.
    """
    top = _top()
    inside = [_inside(path, top) for path in paths]
    commit = f"{reference}^{{commit}}"
    listed = _git(top, "ls-tree", "-r", "-z", commit, "--", *map(str, inside)).decode(errors="surrogateescape")
    rows = (each.partition("\t") for each in listed.split("\0") if each)
    names = [name for about, _, name in rows if not about.startswith(_LINK_OR_MODULE)]
    if names:
        index = str(into / ".infragen-index")
        _git(top, "read-tree", commit, GIT_INDEX_FILE=index)
        _git(
            top,
            "-c",
            "core.sparseCheckout=false",
            "checkout-index",
            "-z",
            "--stdin",
            f"--prefix={into}/",
            given="\0".join(names).encode(errors="surrogateescape"),
            GIT_INDEX_FILE=index,
        )
    return tuple(into / each for each in inside)


def _inside(path: Path, top: Path) -> Path:
    try:
        return path.resolve().relative_to(top.resolve())
    except ValueError:
        raise InputError(f"{path} is not in the repository {top}, so no commit of it holds it") from None


def is_commit(reference: str) -> bool:
    """Return whether git knows a commit by this name, here. Raises CloudError when git does not answer."""
    if reference.startswith("-") or shutil.which("git") is None:
        return False
    try:
        _git(Path.cwd(), "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
    except InputError:
        return False
    return True


def revision() -> tuple[str, bool]:
    """Return the commit of the work tree here, and whether it has no changes; an empty one where git has
    none to tell.
    """
    try:
        commit = _git(Path.cwd(), "rev-parse", "--verify", "--quiet", "HEAD").decode().strip()
        return commit, not _git(Path.cwd(), "status", "--porcelain").strip()
    except (InputError, CloudError):
        return "", False


def origin(directory: Path) -> str:
    """Return the URL of the remote `origin` of the work tree whose top is this directory; an empty one where git has
    none to tell. It may hold a password: print it nowhere.
    """
    if not os.path.exists(directory / ".git"):  # the CI systems read their files at the top, and there only
        return ""
    try:
        return _git(directory, "remote", "get-url", "origin").decode(errors="replace").strip()
    except (InputError, CloudError):
        return ""


def _git(where: Path, *arguments: str, given: bytes = b"", **variables: str) -> bytes:
    environment: Mapping[str, str] = {**os.environ, **variables}
    seconds = CHECKOUT_SECONDS if "checkout-index" in arguments else ANSWER_SECONDS
    try:
        done = subprocess.run(  # noqa: S603 # the user's own git
            ["git", *arguments],  # noqa: S607 # found on the user's path
            cwd=where,
            env=environment,
            input=given,
            capture_output=True,
            check=False,
            timeout=seconds,
        )
    except FileNotFoundError:
        raise CloudError(
            "git is not installed, or not on the PATH", "install it; --against takes a directory, too"
        ) from None
    except OSError as error:
        raise CloudError(f"git cannot be started: {reason(error)}", "look at what `which git` names") from None
    except subprocess.TimeoutExpired:
        raise CloudError(
            f"`git {arguments[0]}` did not end within {seconds:g} seconds in {where}, and was ended",
            "`git status` there shows whether git works; a file of .git that is no regular file stops it",
        ) from None
    if done.returncode != 0:
        raise InputError(f"git: {done.stderr.decode(errors='replace').strip() or 'failed'}")
    return done.stdout
