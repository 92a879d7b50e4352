"""Files -> a directory: all of them or none, and none over a file that exists.

The files are written to a directory beside their place (`staged`), so that a full disk is known before the first of
them is where it belongs. `move_in` takes them there; when one cannot go there, those that went before are taken back.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from infragen.errors import InputError, Unwritable
from infragen.machine.output_file import reason

_BESIDE = ".infragen-init-"


def taken(directory: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Return what is in the way of these paths: what has their names, files where they need a directory."""
    found = set()
    for path in paths:
        parts = PurePosixPath(path).parts
        steps = [directory.joinpath(*parts[: count + 1]) for count in range(len(parts))]
        for step in steps[:-1]:
            if os.path.islink(step) or (os.path.exists(step) and not os.path.isdir(step)):
                found.add(step.relative_to(directory).as_posix())
        if os.path.lexists(steps[-1]):
            found.add(path)
    return tuple(sorted(found))


def check(directory: Path) -> None:
    """Raise InputError when the directory, or one above it, is something else."""
    above = next((each for each in (directory, *directory.parents) if os.path.lexists(each)), directory)
    if os.path.exists(above) and not os.path.isdir(above):
        raise InputError(f"{above} is not a directory", "name another directory")
    if os.path.islink(above) and not os.path.exists(above):
        raise InputError(f"{above} is a symbolic link that leads nowhere", "name another directory")


@contextmanager
def staged(directory: Path) -> Iterator[Path]:
    """Give an empty directory on the file system of this one, which is gone afterwards with all that is left in it.

    Raises Unwritable, and InputError for a place that cannot be a directory.
    """
    check(directory)
    above = next(each for each in (directory, *directory.absolute().parents) if os.path.isdir(each))
    try:
        stage = Path(tempfile.mkdtemp(prefix=_BESIDE, dir=above))
    except OSError as error:
        raise Unwritable(f"{above}: {reason(error)}", "nothing was written") from error
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def write(stage: Path, files: Mapping[str, bytes]) -> None:
    """Write files into the staging directory. Raises Unwritable when the disk is full."""
    for path, body in files.items():
        target = stage / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as stream:
                stream.write(body)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise Unwritable(f"{path}: {reason(error)}", "nothing was written") from error


def move_in(stage: Path, directory: Path, paths: Iterable[str]) -> None:
    """Move staged files to their place. Raises InputError when one exists by now, Unwritable when a place is not ours.

    Either all are there afterwards, or none is and the directories are as they were.
    """
    moved: list[Path] = []
    made: list[Path] = []
    try:
        for path in paths:
            target = directory / path
            _create(target.parent, made)
            _move(stage / path, target)
            moved.append(target)
    except BaseException as error:
        for each in reversed(moved):
            with suppress(OSError):
                each.unlink()
        for each in reversed(made):
            with suppress(OSError):
                each.rmdir()
        if isinstance(error, FileExistsError):
            raise InputError(f"{error.filename2 or error.filename} exists already", "nothing was written") from error
        if isinstance(error, OSError):
            raise Unwritable(f"{error.filename}: {reason(error)}", "nothing was written") from error
        raise


def _create(directory: Path, made: list[Path]) -> None:
    for each in (*reversed(directory.parents), directory):
        if not os.path.isdir(each):
            each.mkdir()
            made.append(each)


def _move(source: Path, target: Path) -> None:
    """Move a file to a name that nothing has. A rename would replace what came there meanwhile; a link fails."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        with target.open("xb") as stream:
            stream.write(source.read_bytes())
        shutil.copymode(source, target)
    source.unlink()
