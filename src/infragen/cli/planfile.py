"""Saved plans on disk: read whole, written at once, for nobody else to read."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from infragen.errors import InputError, Unwritable

if TYPE_CHECKING:
    from infragen.plan.saved import SavedPlan


def read(path: Path) -> "SavedPlan":
    """The plan in a file. Raises InputError when there is none."""
    from infragen.plan.saved import MAX_BYTES, parse

    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: the saved plan cannot be read: {(error.strerror or str(error)).lower()}") from error
    return parse(data, str(path))


@contextmanager
def staged(path: Path) -> Iterator[Callable[["SavedPlan"], None]]:
    """A function that writes a plan to a file of mode 0600, in one step. That the disk takes it is known before.

    Raises Unwritable; what was there before is intact then.
    """
    from infragen.plan.saved import dump

    def write(saved: "SavedPlan") -> None:
        with _told(path), os.fdopen(handle, "w", encoding="utf-8", closefd=False) as stream:
            stream.write(dump(saved))
            stream.flush()
            os.fsync(handle)
        with _told(path):
            Path(name).replace(path)

    with _told(path):
        if path.is_dir():
            raise IsADirectoryError(None, "it is a directory")
        handle, name = tempfile.mkstemp(prefix=".infragen-", dir=path.parent)
    try:
        yield write
    finally:
        os.close(handle)
        with suppress(FileNotFoundError):
            Path(name).unlink()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unwritable(f"{path}: the plan cannot be saved: {(error.strerror or str(error)).lower()}") from error
