"""Worker code as an artifact: a directory becomes the same zip on every machine, and its digest is its key in S3.

Pure but for reading the files it is pointed at. Uploading is the engine's.
"""

import hashlib
import io
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infragen.errors import InputError

LEFT_OUT = frozenset({"__pycache__", ".git", ".DS_Store"})
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time a zip can hold; every entry has it, so that checking out again does not make new code."""

LIMIT = 250 * 1024 * 1024
"""Bytes of unzipped code that Lambda accepts (Lambda Developer Guide, "Lambda quotas")."""


@dataclass(frozen=True)
class Artifact:
    """Bytes to upload, under their digest."""

    key: str
    body: bytes


def code_artifact(path: Path) -> Artifact:
    """The code at a path: a zip file as it is, a directory zipped. Raises InputError when it cannot be code."""
    if path.is_dir():
        body = zip_directory(path)
    elif path.is_file() and zipfile.is_zipfile(path):
        body = path.read_bytes()
    else:
        raise InputError(f"worker code {path} is neither a directory nor a zip file")
    return Artifact(f"code/{hashlib.sha256(body).hexdigest()}.zip", body)


def zip_directory(directory: Path) -> bytes:
    """A zip of the directory's files: sorted, without times, modes kept to executable or not.

    Raises InputError for a link that leads outside (what it points to would be uploaded unseen), for an empty
    directory, and for more than Lambda takes.
    """
    inside = directory.resolve()
    buffer = io.BytesIO()
    total = 0
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(_files(directory, inside), key=lambda each: each.relative_to(directory).as_posix()):
            body = file.read_bytes()
            total += len(body)
            if total > LIMIT:
                raise InputError(
                    f"worker code {directory} has more than {LIMIT // 1024 // 1024} MiB: Lambda refuses it"
                )
            archive.writestr(_entry(file.relative_to(directory).as_posix(), file.stat().st_mode), body)
    if not total:
        raise InputError(f"worker code {directory} has no file with content")
    return buffer.getvalue()


def _files(directory: Path, inside: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        if path.name in LEFT_OUT:
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            raise InputError(f"worker code: {path} is a link to {path.resolve()}, outside {inside}")
        if path.is_symlink() and path.is_dir():
            raise InputError(f"worker code: {path} is a link to a directory; copy the directory instead")
        if path.is_dir():
            yield from _files(path, inside)
        elif path.is_file():
            yield path
        else:
            raise InputError(f"worker code: {path} is neither a file nor a directory")


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.create_system = 3  # Unix, on whatever system this runs: the mode is read by Lambda
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | (0o755 if mode & 0o100 else 0o644)) << 16
    return entry
