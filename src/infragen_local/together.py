"""Files of one directory that are replaced together: after `kill -9` all of them are new, or all of them are old.

The new ones are written beside the old ones, then `COMMIT` names them, then they take their places. `finish`, which a
start calls, goes on with that where `COMMIT` is there, and removes what was written where it is not. Knows nothing of
MiniStack.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

COMMIT = "commit"
_NEW = ".new"


def replace(file: Path, text: bytes) -> None:
    """Write a file anew: what is there stays whole until the new one is. OSError with the system's words."""
    unfinished = file.with_name(f"{file.name}{_NEW}")
    unfinished.write_bytes(text)
    unfinished.replace(file)


def commit(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put files in place, all of them or, when this process is killed or the disk is full (OSError), none."""
    _go_on(folder)
    try:
        for name, text in files.items():
            (folder / f"{name}{_NEW}").write_bytes(text)
        replace(folder / COMMIT, json.dumps(sorted(files)).encode())
    except OSError:
        for name in (*files, COMMIT):
            with suppress(OSError):
                (folder / f"{name}{_NEW}").unlink(missing_ok=True)
        raise
    _go_on(folder)


def finish(folder: Path) -> None:
    """Put in place what a `commit` before wrote whole; remove what was not. OSError, ValueError: it cannot be read."""
    _go_on(folder)
    for left in folder.glob(f"*{_NEW}"):
        left.unlink()


def _go_on(folder: Path) -> None:
    """Let the files that `COMMIT` names take their places."""
    if not (folder / COMMIT).exists():
        return
    for name in json.loads((folder / COMMIT).read_bytes()):
        with suppress(FileNotFoundError):  # it is in its place
            (folder / f"{name}{_NEW}").replace(folder / name)
    (folder / COMMIT).unlink()
