"""Assembly -> template files, and the comparison of those files with what is on disk.

The templates of one environment are one directory, and it is replaced as a whole: whoever looks, and whenever the
process dies, it holds the old set or the new one, never a mix. Nothing outside of it is touched, no symbolic link is
followed, and files that infragen did not make stay.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from infragen.assembly.templatefile import dump_json
from infragen.errors import Refused, Unwritable

if TYPE_CHECKING:
    from infragen.assembly.synth import Assembly

Format = Literal["yaml", "json"]
_MARK = "Made by infragen."
_STAGING = ".infragen-"
_SWAP = 2  # RENAME_EXCHANGE of Linux (rename(2)) and RENAME_SWAP of macOS (renamex_np(2)) have the same value


@dataclass(frozen=True)
class Difference:
    """What is not as rendered in one directory: names of files, each tuple sorted."""

    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale or self.extra)


def files(assembly: "Assembly", form: Format = "yaml") -> dict[str, str]:
    """Name -> text of the template files of an environment: one for each layer, and the root when they are nested."""
    parts: list[tuple[str, dict[str, object], str]] = []
    if assembly.environment.topology == "nested":
        root = assembly.root()
        parts.append(("root", root.body, root.text))
    parts += [(each.layer, each.body, each.text) for each in assembly.templates]
    return {f"{name}.{form}": text if form == "yaml" else dump_json(body) for name, body, text in parts}


def compare(directory: Path, wanted: Mapping[str, str]) -> Difference:
    """How the directory differs from the wanted files. Files that infragen did not make do not count."""
    present = _present(directory)
    return Difference(
        missing=tuple(sorted(name for name in wanted if name not in present)),
        stale=tuple(
            sorted(name for name, text in wanted.items() if name in present and not _holds(directory / name, text))
        ),
        extra=tuple(sorted(name for name in present if name not in wanted and _ours(directory / name))),
    )


def write(directory: Path, wanted: Mapping[str, str]) -> Difference:
    """Makes the directory hold the wanted files; gives what had to change, nothing when it held them already.

    Raises Refused when the directory is a symbolic link or has directories in it, Unwritable when the disk is full or
    not ours to write; the old files are intact then.
    """
    try:
        _check(directory)
        difference = compare(directory, wanted)
        if difference:
            directory.parent.mkdir(parents=True, exist_ok=True)
            _replace(directory, wanted)
    except OSError as error:
        where = error.filename or directory
        raise Unwritable(
            f"{where}: {(error.strerror or str(error)).lower()}", f"the files in {directory} are as they were"
        ) from error
    return difference


def foreign(output: Path, environments: frozenset[str]) -> tuple[Path, ...]:
    """Directories with templates of environments that are not among these: somebody removed the environment's file."""
    if not output.is_dir():
        return ()
    return tuple(
        each
        for each in sorted(output.iterdir())
        if each.name not in environments and not each.is_symlink() and each.is_dir() and not _staging(each.name)
        if any(_ours(each / name) for name in _present(each))
    )


def _check(directory: Path) -> None:
    if directory.is_symlink():
        raise Refused(f"{directory} is a symbolic link, which infragen does not follow", "put a directory in its place")
    if directory.exists() and not directory.is_dir():
        raise Refused(f"{directory} is not a directory", "put it elsewhere, or name another --output")
    inner = [name for name in _present(directory) if stat.S_ISDIR((directory / name).lstat().st_mode)]
    if inner:
        raise Refused(
            f"{directory / inner[0]} is a directory; {directory} is replaced as a whole and holds only files",
            "put it elsewhere, or name another --output",
        )


def _present(directory: Path) -> tuple[str, ...]:
    if directory.is_symlink() or not directory.is_dir():
        return ()
    return tuple(sorted(each.name for each in directory.iterdir()))


def _holds(path: Path, text: str) -> bool:
    return stat.S_ISREG(path.lstat().st_mode) and path.read_bytes() == text.encode()


def _ours(path: Path) -> bool:
    """Whether a file is a template that infragen made; they all say so in their description."""
    if path.suffix not in (".yaml", ".json") or not stat.S_ISREG(path.lstat().st_mode):
        return False
    with path.open("rb") as stream:
        head = stream.read(2000).decode(errors="replace")
    return _MARK in " ".join(head.split())


def _staging(name: str) -> bool:
    return name.startswith(_STAGING)


def _replace(directory: Path, wanted: Mapping[str, str]) -> None:
    """Builds the new set beside the old one, flushes it to disk, and swaps the two."""
    prefix = f"{_STAGING}{directory.name}-"
    _recover(directory, prefix)
    staging = Path(tempfile.mkdtemp(prefix=prefix, dir=directory.parent))
    try:
        staging.chmod(0o755)
        for name, text in wanted.items():
            _write_through(staging / name, text.encode())
        for name in _present(directory):
            if name not in wanted and not _ours(directory / name):
                os.link(directory / name, staging / name, follow_symlinks=False)
        _flush(staging)
        _swap(staging, directory)
        _flush(directory.parent)
    finally:
        if directory.exists():
            shutil.rmtree(staging, ignore_errors=True)


def _recover(directory: Path, prefix: str) -> None:
    """Clears what a killed run left. What is in it is also in the directory, unless it died between two renames."""
    for left in sorted(directory.parent.glob(f"{prefix}*")):
        if not directory.exists() and left.name.endswith(".old"):
            left.rename(directory)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _write_through(path: Path, data: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _flush(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _swap(new: Path, directory: Path) -> None:
    """The new directory under the old one's name in one step; in two where the file system knows no exchange."""
    if not directory.exists():
        new.rename(directory)
    elif not _exchange(new, directory):
        old = new.with_name(new.name + ".old")
        directory.rename(old)
        new.rename(directory)
        shutil.rmtree(old, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Exchanges two names atomically; False when the system or the file system cannot."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(first), os.fsencode(second)
    if hasattr(library, "renameat2"):
        here = ctypes.c_int(-100)  # AT_FDCWD
        return bool(library.renameat2(here, names[0], here, names[1], ctypes.c_uint(_SWAP)) == 0)
    if hasattr(library, "renamex_np"):
        return bool(library.renamex_np(*names, ctypes.c_uint(_SWAP)) == 0)
    return False
