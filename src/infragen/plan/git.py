"""Files of an earlier commit, through git: what `diff --against main` compares with.

Reads the repository and writes only into the directory it is given; the work tree and the index are not touched.
"""

import io
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from infragen.errors import CloudError, InputError


def extract(reference: str, paths: Sequence[Path], into: Path) -> tuple[Path, ...]:
    """Write what a commit holds at these paths below `into`; gives their places there, present or not.

    Raises InputError when there is no repository or no such commit, or a path lies outside of the repository, and
    CloudError when git is not installed or fails.
    """
    top = Path(_git(Path.cwd(), "rev-parse", "--show-toplevel").decode().strip())
    inside = [_inside(path, top) for path in paths]
    listed = _git(top, "ls-tree", "-z", "--name-only", f"{reference}^{{commit}}", "--", *map(str, inside)).decode()
    present = [name for name in listed.split("\0") if name]
    if present:
        archive = _git(top, "archive", "--format=tar", f"{reference}^{{commit}}", "--", *present)
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            for each in files:
                content = files.extractfile(each) if each.isfile() else None
                if content is not None:
                    target = into / each.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content.read())
    return tuple(into / each for each in inside)


def _inside(path: Path, top: Path) -> Path:
    try:
        return path.resolve().relative_to(top.resolve())
    except ValueError:
        raise InputError(f"{path} is not in the repository {top}, so no commit of it holds it") from None


def is_commit(reference: str) -> bool:
    """Return whether git knows a commit by this name, here."""
    if reference.startswith("-"):
        return False
    try:
        _git(Path.cwd(), "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
    except (InputError, CloudError):
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
    if not (directory / ".git").exists():  # the CI systems read their files at the top, and there only
        return ""
    try:
        return _git(directory, "remote", "get-url", "origin").decode(errors="replace").strip()
    except (InputError, CloudError):
        return ""


def _git(where: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=where, capture_output=True, check=False)  # noqa: S603, S607 # the user's own git
    except FileNotFoundError:
        raise CloudError(
            "git is not installed, or not on the PATH", "install it, or compare with a directory"
        ) from None
    if done.returncode != 0:
        raise InputError(f"git: {done.stderr.decode(errors='replace').strip() or 'failed'}")
    return done.stdout
