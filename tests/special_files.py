"""Files that are no regular files, for the tests of what infragen refuses to write to."""

import os
import socket
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
