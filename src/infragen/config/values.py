"""The values of an environment as a flat table: where each comes from, and how two environments differ.

For `infragen config` and `infragen diff`; text and colour are the business of `report`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from infragen.config import yamlfile
from infragen.config.files import EnvironmentFile
from infragen.config.reference import Path, dotted
from infragen.config.schema import Environment
from infragen.config.yamlfile import Mapping, Place, Sequence


@dataclass(frozen=True)
class Origin:
    """One value in force: its key, the value, and the place it is written, or None for a default.

    `computed` tells a default that follows from other keys (a visibility timeout from its worker, say).
    """

    path: Path
    value: object
    place: Place | None
    computed: bool = False

    @property
    def key(self) -> str:
        """Return the key as people write it, e.g. `queues[0].name`."""
        return dotted(self.path)


@dataclass(frozen=True)
class Difference:
    """One key with different values in two environments; None where the environment has no such key."""

    key: str
    before: Origin | None
    after: Origin | None


def origins(file: EnvironmentFile) -> tuple[Origin, ...]:
    """Return every value of an environment, defaults filled in, in the order of the schema; layers that are off are
    None.
    """
    computed = _computed(file.environment)
    found = []
    for path, value in _leaves(file.environment):
        place = _written(file.node, path)
        if place is None and value is None and path in computed:
            found.append(Origin(path, computed[path], None, computed=True))
        else:
            found.append(Origin(path, value, place))
    return tuple(found)


def differences(before: EnvironmentFile, after: EnvironmentFile) -> tuple[Difference, ...]:
    """Return the values in which two environments differ, in the order of the schema.

    Queues, workers and scheduled actions are matched by their name (`queues.mail.fifo`), so that another order of the
    list is no difference; values are those in force, whether written, default or computed.
    """
    first, second = _by_name(before), _by_name(after)
    rows = [Difference(key, first.get(key), second.get(key)) for key in _in_order(first, second)]
    sections = {key[:end] for key in (*first, *second) for end in range(len(key)) if key[end] == "."}
    return tuple(row for row in rows if row.key not in sections and _value(row.before) != _value(row.after))


def _value(origin: Origin | None) -> object:
    return None if origin is None else origin.value


def _in_order(first: dict[str, Origin], second: dict[str, Origin]) -> list[str]:
    """Return the keys of both; those that only the second has follow the key they follow there."""
    keys = list(first)
    at = 0
    for key in second:
        if key in first:
            at = keys.index(key) + 1
        else:
            keys.insert(at, key)
            at += 1
    return keys


def _leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield every value that is not a section or a map with entries, with its path."""
    if isinstance(value, BaseModel):
        for key in type(value).model_fields:
            yield from _leaves(getattr(value, key), (*path, key))
    elif isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif isinstance(value, (tuple, list)) and value and isinstance(value[0], BaseModel):
        for index, each in enumerate(value):
            yield from _leaves(each, (*path, index))
    elif isinstance(value, (tuple, list)):
        yield path, list(value)
    else:
        yield path, int(value) if isinstance(value, float) and value.is_integer() else value


def single_values(value: object, path: Path) -> Iterator[Path]:
    """Yield the path of each single value in a value."""
    if isinstance(value, BaseModel):
        for key in type(value).model_fields:
            yield from single_values(getattr(value, key), (*path, key))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from single_values(each, (*path, key))
    elif isinstance(value, (tuple, list)):
        for index, each in enumerate(value):
            yield from single_values(each, (*path, index))
    elif value is not None:
        yield path


def _computed(env: Environment) -> dict[Path, object]:
    """Return the defaults that follow from other keys."""
    values: dict[Path, object] = {("protect",): env.protected, ("kind",): env.kind_in_force}
    for index, queue in enumerate(env.queues):
        values["queues", index, "visibility_seconds"] = env.visibility(queue)
    for index, worker in enumerate(env.workers):
        values["workers", index, "max_concurrency"] = worker.concurrency
        values["workers", index, "batch_window"] = env.batch_window(worker)
    if env.api and env.queues:
        values["api", "queue"] = env.queues[0].name
    return values


def _written(node: yamlfile.Node, path: Path) -> Place | None:
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
            node = node.entries[step].node
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node.place


def _by_name(file: EnvironmentFile) -> dict[str, Origin]:
    """Return key -> value in force, with the name instead of the index where the items of a list have one."""
    values = {}
    for each in origins(file):
        named = _named(file.environment, each.path)
        if named[-2:] != (each.value, "name") and named != ("environment",):
            values[dotted(named)] = each
    return values


def _named(env: Environment, path: Path) -> Path:
    value: object = env
    steps: list[str | int] = []
    for step in path:
        if isinstance(value, (tuple, list)) and isinstance(step, int):
            value = value[step]
            steps.append(getattr(value, "name", step))
        else:
            value = value[step] if isinstance(value, dict) else getattr(value, str(step))
            steps.append(step)
    return tuple(steps)
