"""Write a file at a name that the user gives: whole or not at all, and only where a regular file is or nothing.

The one place where such files are written: saved plans, price files, templates. The new content is written to a file
beside the old one and renamed over it, so a reader sees the old content or the new one. A device, a FIFO, a socket, a
directory or a symbolic link of this name is refused before anything is written: a rename would replace it, and a write
would reach what it stands for. `-` is standard output.
"""

import fcntl
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from infragen.errors import InputError, Unwritable

STDOUT = Path("-")

_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def check(path: Path) -> None:
    """Raise InputError when something has this name that is not a regular file."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # nothing to protect; writing says what is in the way
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not usable as a file name: {reason(error)}") from None
    if stat.S_ISREG(mode):
        return
    raise InputError(
        f"{path} is {kind_of(mode)}; infragen writes regular files only", "name another file, or - for stdout"
    )


def kind_of(mode: int) -> str:
    """Return what a file that is no regular one is, for people."""
    return next((name for test, name in _KINDS if test(mode)), "not a regular file")


def reason(error: OSError | ValueError) -> str:
    """Return what the system says of an error, in lower case."""
    return (getattr(error, "strerror", None) or str(error)).lower()


@contextmanager
def replacing(path: Path, what: str, mode: int | None = None) -> Iterator[Callable[[str], None]]:
    """Return a function that writes the whole text of the file, with this mode (None: the old file's, or a new file's).

    Before anything else happens the name is checked and the file beside it is created, so a file that cannot be written
    is known at once. Raises InputError (the name belongs to something other than a regular file) and Unwritable (`what`
    cannot be written: full disk, missing directory, permissions); the old file is intact then, and nothing is left.
    """
    if path == STDOUT:
        yield _print
        return
    check(path)
    with _as_unwritable(path, what):
        handle, name = tempfile.mkstemp(prefix=".infragen-", dir=path.parent)
    beside = Path(name)

    def write(text: str) -> None:
        with _as_unwritable(path, what):
            fill(handle, text.encode(), usual_mode(path) if mode is None else mode)
        check(path)  # it may have been created meanwhile: plans take minutes
        with _as_unwritable(path, what):
            beside.replace(path)

    try:
        yield write
    finally:
        os.close(handle)
        with suppress(FileNotFoundError):
            beside.unlink()


def append(path: Path, data: bytes, what: str) -> None:
    """Write at the end of a regular file, or of a new one. Opening never waits. Raises as `replacing` does."""
    check(path)
    with _as_unwritable(path, what):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        handle = os.open(path, flags, 0o666)
        with os.fdopen(handle, "ab") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):  # it may be another one by now
                raise InputError(f"{path} is not a regular file; infragen writes regular files only", "name another")
            stream.write(data)


def private_directory(path: Path) -> None:
    """Have a directory; it and each directory above it that is created for it are for the user alone (0700)."""
    for each in (*reversed(path.parents), path):
        if not os.path.isdir(each):
            each.mkdir(mode=0o700, exist_ok=True)


YOUNG = 3600.0
"""Seconds for which a temporary directory without a lock may belong to a run that is about to lock it."""


@contextmanager
def temporary_directory(prefix: str) -> Iterator[Path]:
    """Yield a directory for the user alone (0700) and remove it afterwards; first those that killed runs left.

    A lock in it says that a run still needs it: the system lets go of that however the run ends.
    """
    _remove_left_behind(Path(tempfile.gettempdir()), prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        directory = Path(name).resolve()
        with (directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield directory


def _remove_left_behind(temporary: Path, prefix: str) -> None:
    """Remove the directories of the user's runs that were killed."""
    for each in temporary.glob(f"{prefix}*"):
        with suppress(OSError):
            found = each.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                continue
            lock = each / "lock"
            if not os.path.exists(lock) and time.time() - found.st_mtime < YOUNG:
                continue
            with lock.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(each)


def usual_mode(path: Path) -> int:
    """Return the permissions of the file, or those that the umask leaves a new one."""
    try:
        return stat.S_IMODE(path.lstat().st_mode)
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def fill(handle: int, data: bytes, mode: int) -> None:
    """Write all of an open file's content to the disk, and set its permissions."""
    with os.fdopen(handle, "wb", closefd=False) as stream:
        stream.write(data)
        stream.flush()
        os.fchmod(handle, mode)
        os.fsync(handle)


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


@contextmanager
def _as_unwritable(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise Unwritable(f"{path}: {what} cannot be written: {reason(error)}") from error
