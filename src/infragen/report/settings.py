"""An environment as people read it: every value with every default filled in, and where each one is written."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from infragen.config import EnvironmentFile, Origin, origins
from infragen.report.document_types import Config
from infragen.secrecy.masking import mask
from infragen.secrecy.shown import Secret
from infragen.secrecy.visible import Shown, agreed, shown, shown_json

_PLAIN = re.compile(r"[A-Za-z_/][\w./@*+()?,-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})

Path = tuple[str | int, ...]


def origin(value: Origin) -> str:
    """Return where a value comes from: `file:line`, `default`, or `computed` from other keys."""
    if value.place is not None:
        return f"{value.place.file}:{value.place.line}"
    return "computed" if value.computed else "default"


def masked(value: Origin) -> Origin:
    """Return the value with a `Secret` instead of what lint warns of as one."""
    name = next((each for each in reversed(value.path) if isinstance(each, str)), "")
    return replace(value, value=mask({name: value.value}).popitem()[1])


def as_yaml(file: EnvironmentFile, *, secrets: bool = False) -> Shown:
    """Return the merged environment as YAML, every default filled in; comments say where values come from.

    What looks like a secret is hidden, unless `secrets` asks for it.
    """
    values = [each if secrets else masked(each) for each in origins(file)]
    rows = [(_indented(each, before), origin(each)) for before, each in _with_previous(values)]
    width = min(60, max(len(lines[-1]) for lines, _ in rows))
    text = []
    for lines, comment in rows:
        text += [*lines[:-1], f"{lines[-1].ljust(width)}  # {comment}"]
    return agreed("\n".join(text)) if secrets else shown("\n".join(text))


def _with_previous(some: Sequence[Origin]) -> Iterator[tuple[Path, Origin]]:
    return zip([(), *(each.path for each in some)], some, strict=False)


def _indented(setting: Origin, before: Path) -> list[str]:
    """Return the lines of a setting: the keys that it does not share with the one before, then its own
    with the value.
    """
    path = setting.path
    shared = next(
        (i for i, (a, b) in enumerate(zip(path, before, strict=False)) if a != b), min(len(path), len(before))
    )
    lines, dash = [], ""
    for depth in range(shared, len(path)):
        step, last = path[depth], depth == len(path) - 1
        if isinstance(step, int):
            dash = "- "
            continue
        indent = "  " * sum(1 for each in path[:depth] if not isinstance(each, int))
        nested = sum(isinstance(each, int) for each in path[:depth])
        lead = indent + "  " * (nested - bool(dash)) + dash
        dash = ""
        lines.append(f"{lead}{written(step)}: {written(setting.value)}" if last else f"{lead}{written(step)}:")
    return lines


def written(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, Secret):
        return str(value)
    if isinstance(value, str):
        return (
            value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else json.dumps(value, ensure_ascii=False)
        )
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)


def as_json(file: EnvironmentFile, *, secrets: bool = False) -> Shown:
    """Return the document as text, secrets as in `as_yaml`."""
    values = origins(file)
    environment = file.environment.model_dump(mode="json")
    environment = environment if secrets else mask(environment)
    for each in values:
        if each.computed:
            _put(environment, each.path, each.value)
    body: Config = {"version": 1, "environment": environment, "origins": {each.key: origin(each) for each in values}}
    return agreed(json.dumps(body, indent=2)) if secrets else shown_json(body, indent=2)


def _put(inside: Any, path: Path, value: object) -> None:
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
