"""The values of a resource's properties with the places where they stand, so that two sides can be compared.

An element of a list stands under its name (`ContainerDefinitions[api].User`), or among others without one, so that
neither an inserted element nor another order moves a value. A function that cannot be decided stands where it is
written, and holds what it is written with.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from infragen.changes.values import NAMES, intrinsic
from infragen.gates.access.symbols import Reader, Symbol, Text, text_of
from infragen.resource_types.access import ABSENT
from infragen.secrecy.masking import Sealed

Spot = tuple[str, str]
"""A path without the names of elements, and the same path with them."""

NOWHERE: Spot = ("", "")
NOTHING: Text = (Symbol("(not written)"),)


def below(spot: Spot, key: str) -> Spot:
    """Return the place of a mapping's entry."""
    plain, named = (f"{each}.{key}" if each else key for each in spot)
    return plain, named


def elements(spot: Spot, values: Sequence[Any]) -> Iterator[tuple[Spot, Any]]:
    """Yield the elements of a list with their places: by their names when each has one of its own."""
    for key in NAMES:
        names = [each.get(key) if isinstance(each, Mapping) else None for each in values]
        if values and all(isinstance(name, str) for name in names) and len(set(map(str, names))) == len(values):
            yield from (((spot[0], f"{spot[1]}[{name}]"), each) for name, each in zip(names, values, strict=True))
            return
    yield from ((spot, each) for each in values)


def leaves(value: Any, reader: Reader, spot: Spot = NOWHERE) -> Iterator[tuple[Spot, Text]]:
    """Yield every value below a place."""
    if isinstance(value, Mapping) and not intrinsic(value):
        if not value:
            yield spot, text_of("{}")  # `Count: {}` says something by being there
        for key, inner in value.items():
            yield from leaves(inner, reader, below(spot, str(key)))
    elif isinstance(value, list):
        for place, each in elements(spot, value):
            yield from leaves(each, reader, place)
    else:
        yield spot, text(value, reader)


def text(value: Any, reader: Reader) -> Text:
    """Return a single value as text; a secret is one that is the same as itself and shows nothing."""
    if value is ABSENT:
        return NOTHING
    if isinstance(value, Sealed):
        return (Symbol("(secret)", sha256(repr(value.value).encode()).hexdigest()),)
    return reader.text(value)


def values_at(value: Any, path: Sequence[str], spot: Spot = NOWHERE) -> Iterator[tuple[Spot, Any]]:
    """Yield what stands at a path, through lists: ABSENT where nothing does, and a function that hides it as it is."""
    step, _, element = path[0].rstrip("]").partition("[") if path else ("", "", "")
    if isinstance(value, list) and value:
        for place, each in elements(spot, value):
            yield from values_at(each, path, place)
    elif isinstance(value, Mapping) and step in value and element:
        yield from _values_of(element, value[step], path[1:], below(spot, step))
    elif isinstance(value, Mapping) and path and step in value:
        yield from values_at(value[step], path[1:], below(spot, step))
    elif not path and value != []:
        yield spot, value
    else:
        for key in path:
            spot = below(spot, key)
        yield spot, value if intrinsic(value) else ABSENT


def _values_of(element: str, value: Any, path: Sequence[str], spot: Spot) -> Iterator[tuple[Spot, Any]]:
    """Yield what stands at a path in the one element of a list that has this name."""
    if not isinstance(value, list):
        yield from values_at(value, (), spot)
        return
    place = (spot[0], f"{spot[1]}[{element}]")
    named = [each for each in value if isinstance(each, Mapping) and element in (each.get(key) for key in NAMES)]
    undecided = [each for each in value if isinstance(each, Mapping) and intrinsic(each)]
    for each in named or [{}]:
        yield from values_at(each, path, place)
    for each in undecided:
        yield place, each


def differing(old: Counter[Any], new: Counter[Any]) -> tuple[Counter[Any], Counter[Any]]:
    """Return what went and what came."""
    return old - new, new - old


def canonical(value: Any) -> str:
    """Return a value as a text that is equal for equal values, order of keys aside."""
    return json.dumps(value, sort_keys=True, default=str)
