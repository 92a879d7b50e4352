"""Files that are no regular files, for the tests of what infragen refuses to write to."""

import ctypes
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KINDS = ("link", "broken link", "link to a directory", "directory", "fifo", "socket", "device")


def special(path: Path, kind: str, target: Path) -> None:
    """Create something of this kind at the path; a link leads to the target. A device needs root, or the test skips."""
    match kind:
        case "link":
            path.symlink_to(target)
        case "broken link":
            path.symlink_to(target.with_name("nothing"))
        case "link to a directory":
            path.symlink_to(target.parent)
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listening:
                here = Path.cwd()
                os.chdir(path.parent)  # the address of a socket is short
                try:
                    listening.bind(path.name)
                finally:
                    os.chdir(here)
        case "device":
            try:
                os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))  # as /dev/null is
            except PermissionError:
                pytest.skip("only root may create a device")
        case _:
            raise AssertionError(kind)


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Let the permissions of files hold for root, too: without the capabilities that pass them by (capabilities(7))."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, before = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, before):
        pytest.skip("this system has no capabilities")
    none = (ctypes.c_uint32 * 6)(0, before[1], 0, 0, before[4], 0)
    libc.capset(header, none)
    try:
        yield
    finally:
        libc.capset(header, before)
