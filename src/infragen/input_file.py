"""Read a file at a name that the user gives: a regular file, or nothing.

The one place where such files are read: environments, price files, saved plans, templates, worker code. A FIFO waits
for somebody who writes, a device can act on being opened, and neither ends where a file does; so whatever is no
regular file is refused before it is opened, and opening never waits. A symbolic link is followed to what it stands for.
"""

import os
import stat
from pathlib import Path

from infragen.errors import InputError
from infragen.output_file import kind_of, reason


def read(path: Path, what: str = "", most: int = -1) -> bytes:
    """Return the bytes of a regular file, at most `most` of them (-1: all).

    Raises InputError for what is no regular file and what cannot be read; `what` says what the file is for.
    """
    told = f"{path}: {what} cannot be read" if what else f"{path} cannot be read"
    try:
        check(path, path.stat(), told)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as stream:
            check(path, os.fstat(descriptor), told)  # it may be another one by now
            return stream.read(most)
    except (OSError, ValueError) as error:
        raise InputError(f"{told}: {reason(error)}") from None


def check(path: Path, found: os.stat_result, told: str) -> None:
    """Raise InputError when what has this name is no regular file."""
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{told}: it is {kind_of(found.st_mode)}; infragen reads regular files only")
