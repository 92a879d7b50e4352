"""Worker code as an artifact: a directory becomes the same zip on every machine, and its digest is its key in S3.

Pure but for reading the files it is pointed at. Uploading is the engine's.
"""

import hashlib
import io
import os
import re
import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from infragen.errors import InputError
from infragen.machine.input_file import read
from infragen.secrecy.files import LARGEST, secret_file

LEFT_OUT = frozenset({"__pycache__", ".git", ".DS_Store"})
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time a zip can hold; every entry has it, so that checking out again does not make new code."""

LIMIT = 250 * 1024 * 1024
"""Bytes of unzipped code that Lambda accepts (Lambda Developer Guide, "Lambda quotas")."""


CODE = "code/"
"""Where worker code lies in the artifact bucket."""
CODE_KEY = re.compile(r"code/(?:[a-z0-9-]+/)?(?P<digest>[0-9a-f]{64})\.zip")
"""Its keys: in a shared bucket with the environment's name before the digest."""


@dataclass(frozen=True)
class Artifact:
    """Bytes to upload, under their digest."""

    key: str
    body: bytes


@dataclass(frozen=True)
class CodePatterns:
    """Which files of a code directory are left out, and which are uploaded although they look like secrets.

    A pattern is a path from the directory with `*` and `?`, or a name at any depth; that of a directory counts for all
    that is in it.
    """

    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


def code_artifact(path: Path, patterns: CodePatterns = CodePatterns(), prefix: str = "") -> Artifact:
    """Return the code at a path: a zip file as it is, a directory zipped. `prefix` stands before its digest in the key.
    Raises InputError when it cannot be code.
    """
    try:
        body = zip_directory(path, patterns) if os.path.isdir(path) else _zip(path, patterns)
    except OSError as error:
        raise InputError(f"worker code {error.filename or path}: {(error.strerror or str(error)).lower()}") from error
    return Artifact(f"{CODE}{prefix}{hashlib.sha256(body).hexdigest()}.zip", body)


def zip_directory(directory: Path, patterns: CodePatterns = CodePatterns()) -> bytes:
    """Return a zip of the directory's files: sorted, without times, modes kept to executable or not.

    Raises InputError for a link that leads outside (what it points to would be uploaded unseen) or nowhere, for names
    that are no UTF-8, for files that look like secrets and are not included by name, for an empty directory, and for
    more than Lambda takes.
    """
    inside = _resolved(directory)
    buffer = io.BytesIO()
    total, secrets = 0, []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(_files(directory, directory, inside, patterns), key=lambda each: _name(each, directory)):
            body, name = _within(file, directory, total), _name(file, directory)
            total += len(body)
            why = secret_file(name, body)
            if not why and os.path.islink(file):
                why = secret_file(_resolved(file).relative_to(inside).as_posix(), body)
            if why and not _matches(name, patterns.include):
                secrets.append((name, why))
            archive.writestr(_entry(name, file.stat().st_mode), body)
    _refuse(directory, secrets)
    if not total:
        raise InputError(f"worker code {directory} has no file with content")
    return buffer.getvalue()


def _within(file: Path, code: Path, already: int) -> bytes:
    """Return the bytes of a file; InputError when they are more than Lambda takes, with those that are `already` read.

    The rest is not read then: a file may be as large as it likes.
    """
    body = read(file, "worker code", LIMIT - already + 1)
    if already + len(body) > LIMIT:
        raise _too_large(code)
    return body


def _too_large(code: Path) -> InputError:
    return InputError(f"worker code {code} has more than {LIMIT // 1024 // 1024} MiB: Lambda refuses it")


def _zip(path: Path, patterns: CodePatterns) -> bytes:
    """Return a zip file as it is, so no file in it is left out; what is checked is what is uploaded. Raises InputError
    for one that cannot be read, unpacks to more than Lambda takes or beside its directory, or holds files that look
    like secrets.
    """
    body = _within(path, path, 0) if os.path.isfile(path) else b""
    if not zipfile.is_zipfile(io.BytesIO(body)):
        raise InputError(f"worker code {path} is neither a directory nor a zip file")
    secrets = []
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            size = sum(each.file_size for each in archive.infolist())
            if size > LIMIT:
                raise _too_large(path)
            if not size:
                raise InputError(f"worker code {path} has no file with content")
            for each in archive.infolist():
                name = each.filename.replace("\\", "/")  # some programs pack so, and unpack so
                if name.startswith("/") or ".." in PurePosixPath(name).parts:
                    raise InputError(f"worker code {path}: {each.filename} would be unpacked outside of the code")
                if why := secret_file(name, archive.open(each).read(LARGEST)):
                    secrets.append((name, why))
    except InputError:
        raise
    except Exception as error:  # zipfile lets through what its decompressors and struct raise
        raise InputError(f"worker code {path}: the zip file cannot be read: {error}") from error
    _refuse(path, [each for each in secrets if not _matches(each[0], patterns.include)])
    return body


MOST_NAMED = 10
"""Files that an error names."""


def _refuse(path: Path, secrets: Sequence[tuple[str, str]]) -> None:
    if not secrets:
        return
    lines = [f"  {name}: {why}" for name, why in secrets[:MOST_NAMED]]
    lines += [f"  and {len(secrets) - MOST_NAMED} more"] if len(secrets) > MOST_NAMED else []
    first = secrets[0][0]
    raise InputError(
        f"worker code {path} holds what looks like a secret, and was not uploaded:\n"
        + "\n".join(lines)
        + f"\n  leave it out with `exclude: [{first}]` beside `code`, or upload it with `include: [{first}]`"
    )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a pattern matches a path from the code directory, its name, or a directory that it is in."""
    path = PurePosixPath(name)
    places = [path, *path.parents[:-1]]
    return any(
        fnmatchcase(place.as_posix(), bare) or ("/" not in bare and fnmatchcase(place.name, bare))
        for each in patterns
        for bare in (each.rstrip("/"),)
        for place in places
    )


def _name(file: Path, directory: Path) -> str:
    return file.relative_to(directory).as_posix()


def _resolved(path: Path) -> Path:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop, before Python 3.13
        raise InputError(f"worker code: {path} is a link that leads nowhere or into a loop") from error


DEEPEST = 100
"""Directories in each other: more are a mistake, such as a directory that a build copies into itself."""


def _files(directory: Path, root: Path, inside: Path, patterns: CodePatterns, depth: int = 0) -> Iterator[Path]:
    if depth > DEEPEST:
        first = directory.relative_to(root).parts[0]
        raise InputError(f"worker code {root}: {first}/ has more than {DEEPEST} directories in each other")
    for path in directory.iterdir():
        if path.name in LEFT_OUT or _matches(_name(path, root), patterns.exclude):
            continue
        try:
            path.name.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InputError(
                f"worker code: {directory}/{os.fsencode(path.name)!r} has a name that is not UTF-8; rename it"
            ) from error
        if os.path.islink(path):
            target = _resolved(path)
            if not target.is_relative_to(inside):
                raise InputError(f"worker code: {path} is a link to {target}, outside {inside}")
            if os.path.isdir(path):
                raise InputError(f"worker code: {path} is a link to a directory; copy the directory instead")
        if os.path.isdir(path):
            yield from _files(path, root, inside, patterns, depth + 1)
        elif os.path.isfile(path):
            yield path
        else:
            raise InputError(f"worker code: {path} is neither a file nor a directory")


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.create_system = 3  # Unix, on whatever system this runs: the mode is read by Lambda
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | (0o755 if mode & 0o100 else 0o644)) << 16
    return entry
