"""An environment as people read it: every value with every default filled in, and where each one is written.

Also how two environments differ, value by value.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infragen import yamlfile
from infragen.config import EnvironmentFile

DEFAULT = "default"
_PLAIN = re.compile(r"[A-Za-z_/][\w./@*+()?,-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Setting:
    """One value: its path, the value, and `file:line` or `default`."""

    path: Path
    value: Any
    origin: str

    @property
    def name(self) -> str:
        """`network.azs`, `queues[0].name`."""
        return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in self.path).lstrip(".")


def settings(file: EnvironmentFile) -> tuple[Setting, ...]:
    """Every value of an environment in the order of the schema. A list of plain values is one value."""
    return tuple(_settings((), file.environment.model_dump(mode="json"), file.node))


def _settings(path: Path, value: Any, node: yamlfile.Node | None) -> Iterator[Setting]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            entry = node.entries.get(key) if isinstance(node, yamlfile.Mapping) else None
            yield from _settings((*path, key), inner, entry.node if entry else None)
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        items = node.items if isinstance(node, yamlfile.Sequence) else ()
        for index, inner in enumerate(value):
            yield from _settings((*path, index), inner, items[index] if index < len(items) else None)
    else:
        yield Setting(path, value, f"{node.place.file}:{node.place.line}" if node else DEFAULT)


def as_yaml(file: EnvironmentFile) -> str:
    """The merged environment as YAML, every default filled in; comments say where values come from."""
    rows = [(_indented(each, before), each.origin) for before, each in _with_previous(settings(file))]
    width = min(60, max(len(lines[-1]) for lines, _ in rows))
    text = []
    for lines, origin in rows:
        text += [*lines[:-1], f"{lines[-1].ljust(width)}  # {origin}"]
    return "\n".join(text)


def _with_previous(some: Sequence[Setting]) -> Iterator[tuple[Path, Setting]]:
    return zip([(), *(each.path for each in some)], some, strict=False)


def _indented(setting: Setting, before: Path) -> list[str]:
    """The lines of a setting: the keys that it does not share with the one before, then its own with the value."""
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
        lines.append(f"{lead}{step}: {written(setting.value)}" if last else f"{lead}{step}:")
    return lines


def written(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, str):
        return (
            value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else json.dumps(value, ensure_ascii=False)
        )
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)


def as_json(file: EnvironmentFile) -> str:
    """`{"version": 1, "environment": {...}, "origins": {"network.azs": "file:line"}}`."""
    origins = {each.name: each.origin for each in settings(file)}
    body = {"version": 1, "environment": file.environment.model_dump(mode="json"), "origins": origins}
    return json.dumps(body, indent=2, ensure_ascii=False)


@dataclass(frozen=True)
class Differing:
    """A value that two environments do not share; a side is None where the environment has no such value."""

    name: str
    one: Setting | None
    other: Setting | None


def differing(one: EnvironmentFile, other: EnvironmentFile) -> tuple[Differing, ...]:
    """Every value that differs, in the order of the schema."""
    first, second = _by_name(one), _by_name(other)
    names = [*first, *(name for name in second if name not in first)]
    pairs = (Differing(name, first.get(name), second.get(name)) for name in names)
    return tuple(each for each in pairs if _value(each.one) != _value(each.other))


def _by_name(file: EnvironmentFile) -> Mapping[str, Setting]:
    return {each.name: each for each in settings(file)}


def _value(setting: Setting | None) -> str:
    return "(none)" if setting is None else written(setting.value)
