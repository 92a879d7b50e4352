"""What tells an environment from all others, read from a file of which the rest may be wrong.

Somebody on call needs the project, the name, the account and the region; a key that this version does not know, an
addon that is missing or a syntax error further down are for others to fix. Nothing else is read: what is not known
counts as production. Where one of these four is not certain, nothing is returned.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from infragen.config import yamlfile
from infragen.config.files import MAX_EXTENDS, EnvironmentFile
from infragen.config.schema import Environment
from infragen.config.yamlfile import Mapping, Place, Scalar
from infragen.errors import InputError
from infragen.machine.input_file import read

KEYS = ("project", "environment", "account", "region", "artifact_bucket")
_LINE = re.compile(rf"^({'|'.join((*KEYS, 'extends'))})[ \t]*:[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE)
_VALUE = re.compile(r"""(?:"([^"\\]*)"|'([^']*)'|([^\s"'#&*!|>{\[][^#]*?))(?:\s+#.*)?""")


def read_identity(path: Path, account: str | None = None) -> EnvironmentFile | None:
    """Return the environment of a file as far as that is certain: project, name, account, region, and where its
    artifacts are; of kind production. `account` is the one where the file names none. None where any of them is
    missing, written twice, or not allowed.
    """
    found: dict[str, str] = {"account": account} if account else {}
    try:
        for each in reversed(list(_chain(path))):
            found.update(each)
        found.pop("extends", None)
        env = Environment.model_validate({**found, "kind": "production"})
    except (InputError, ValidationError, ValueError):
        return None
    if env.environment != path.stem or env.account is None:
        return None
    return EnvironmentFile(path, env, Mapping({}, Place(str(path), 1, 1)))


def _chain(path: Path) -> Iterator[dict[str, str]]:
    """Yield the keys of a file, then of the one that it extends, as far as these can be read."""
    seen: set[str] = set()
    while os.path.isfile(path) and os.path.realpath(path) not in seen and len(seen) <= MAX_EXTENDS:
        seen.add(os.path.realpath(path))
        keys = _keys(path)
        yield keys
        if not keys.get("extends"):
            return
        path = Path(os.path.normpath(path.parent / keys["extends"]))


def _keys(path: Path) -> dict[str, str]:
    """Return the texts of our keys in one file. Raises ValueError for one that is written twice, or is no text."""
    data = read(path, most=yamlfile.MAX_BYTES + 1)
    written = [(name, _VALUE.fullmatch(value)) for name, value in _LINE.findall(data.decode("utf-8", "replace"))]
    if len({name for name, _ in written}) != len(written):
        raise ValueError("a key is written twice")
    try:
        root, _ = yamlfile.read(data, str(path))
    except InputError:  # line by line, then
        if not all(value for _, value in written):
            raise ValueError("a value is no text") from None
        return {name: next(part for part in value.groups() if part is not None) for name, value in written if value}
    nodes = {name: root.entries[name].node for name in (*KEYS, "extends") if name in root.entries}
    if not all(isinstance(each, Scalar) for each in nodes.values()):
        raise ValueError("a value is no text")
    return {name: each.text for name, each in nodes.items() if isinstance(each, Scalar) and each.value is not None}
