"""Read a file at a name that the user gives: a regular file, or nothing.

The one place where such files are read: environments, price files, saved plans, templates, worker code. A FIFO waits
for somebody who writes, a device can act on being opened, and neither ends where a file does; so whatever is no
regular file is refused before it is opened, and opening never waits. A symbolic link is followed to what it stands for.
Nor is a file read to its end that is larger than any of ours: a sparse one has as many bytes as it likes.
"""

import os
import stat
from pathlib import Path

from infragen.errors import InputError
from infragen.machine.output_file import kind_of, reason

LARGEST = 64_000_000
"""Bytes of a file that is read whole. Worker code, which may be larger, is read with a limit of its own."""


def read(path: Path, what: str = "", most: int | None = None) -> bytes:
    """Return the bytes of a regular file: at most `most` of them, or without it all.

    Raises InputError for what is no regular file, what cannot be read and, without `most`, what is larger than LARGEST;
    `what` says what the file is for.
    """
    told = f"{path}: {what} cannot be read" if what else f"{path} cannot be read"
    try:
        check(path, path.stat(), told)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as stream:
            check(path, os.fstat(descriptor), told)  # it may be another one by now
            data = stream.read(LARGEST + 1 if most is None else most)
    except (OSError, ValueError) as error:
        raise InputError(f"{told}: {reason(error)}") from None
    if most is None and len(data) > LARGEST:
        raise InputError(f"{told}: it is larger than {LARGEST // 1_000_000} MB")
    return data


def check(path: Path, found: os.stat_result, told: str) -> None:
    """Raise InputError when what has this name is no regular file."""
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{told}: it is {kind_of(found.st_mode)}; infragen reads regular files only")


def is_there(path: Path) -> bool:
    """Return whether there is a regular file of this name, for what another program reads.

    Raises InputError for anything else of this name, a link that leads nowhere among it: it is no file that is missing.
    """
    if not os.path.lexists(path):
        return False
    try:
        check(path, path.stat(), f"{path} cannot be read")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from None
    return True


def entries(folder: Path) -> tuple[Path, ...]:
    """Return what is in a directory, in the order of names; nothing where nothing has this name.

    Raises InputError for what is no directory, a link that leads nowhere among it, and for one that cannot be read:
    what is in it would be left out in silence.
    """
    if not os.path.lexists(folder):
        return ()
    try:
        return tuple(sorted(folder.iterdir()))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder} cannot be read: {reason(error)}", "make it a directory that you can read, or rename it"
        ) from None
