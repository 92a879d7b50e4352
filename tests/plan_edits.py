"""Every edit that somebody could make to one member of a saved plan's JSON."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from infragen.errors import InfragenError

Path = tuple[str | int, ...]


def edits(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields what was edited and the whole body with it; of the signature's many elements only the first."""
    for path, value in _members(body):
        for other in _others(value):
            if other != value or type(other) is not type(value):
                yield f"{path}: {value!r:.20} -> {other!r:.20}", _with(body, path, other)
        if path and isinstance(path[-1], str):
            yield f"{path} deleted", _with(body, path)


def refused(call: Callable[..., object], *arguments: object) -> int:
    """The exit code with which a call is refused; 0 when it is not."""
    try:
        call(*arguments)
    except InfragenError as error:
        return error.exit_code
    return 0


def _members(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if path:
        yield path, value
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value[:1] if path == ("seal",) else value)
    for key, each in inside:
        yield from _members(each, (*path, key))


def _others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value, int(value)]
    if isinstance(value, int):
        return [value + 1, -1, 10**30, float(value), str(value)]
    if isinstance(value, str):
        return [f"{value}x", "", None, "\ud800", [value]]
    if isinstance(value, list):
        return [None, {}, [*value, "x"], [*value, *value[:1]], value[1:], value[::-1]]
    if isinstance(value, dict):
        return [None, [], {}, {**value, "note": "x"}]
    return ["", [], {}, 0]


def _with(body: dict[str, Any], path: Path, *value: Any) -> dict[str, Any]:
    """The body with that value at the path, or without the member."""
    found = copy.deepcopy(body)
    at: Any = found
    for key in path[:-1]:
        at = at[key]
    if value:
        at[path[-1]] = value[0]
    else:
        del at[path[-1]]
    return found
