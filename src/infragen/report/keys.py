"""JSON documents whose keys are defined once, each with its meaning: the document and its schema are made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Key:
    """A key of the document: the type of its value (JSON Schema's word), its meaning, and where it comes from. One that
    may be null says so; `rows` are the keys of the objects of a list, or of an object. A list without them is of texts.
    """

    name: str
    type: str
    meaning: str
    get: Callable[[Any], Any]
    null: bool = False
    rows: tuple[Key, ...] = ()


def text(name: str, meaning: str, get: Callable[[Any], Any], *, null: bool = False) -> Key:
    """Return a key whose value is a text."""
    return Key(name, "string", meaning, get, null)


def count(name: str, meaning: str, get: Callable[[Any], Any], type_: str = "number") -> Key:
    """Return a key whose value is a number, or null where nobody knows it."""
    return Key(name, type_, meaning, get, null=True)


def version(number: int) -> Key:
    """Return the key that tells one form of a document from the next."""
    return Key("version", "integer", "goes up when a key is removed or changes its meaning", lambda _: number)


def document(keys: Sequence[Key], value: Any) -> dict[str, Any]:
    """Return the document of a value."""
    return {each.name: _value(each, each.get(value)) for each in keys}


def _value(key: Key, value: Any) -> Any:
    if value is None or not key.rows:
        return value
    return [document(key.rows, each) for each in value] if key.type == "array" else document(key.rows, value)


def schema(title: str, *documents: Iterable[Key]) -> dict[str, Any]:
    """Return the schema of a document, or of several of which each is one (JSON Schema 2020-12). Objects are open: keys
    may be added.
    """
    found = [_schema_of(each) for each in documents]
    held = found[0] if len(found) == 1 else {"oneOf": found}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **held}


def _schema_of(keys: Iterable[Key]) -> dict[str, Any]:
    properties = {each.name: _schema(each) for each in keys}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _schema(key: Key) -> dict[str, Any]:
    found: dict[str, Any] = {"type": [key.type, "null"] if key.null else key.type, "description": key.meaning}
    if key.type == "array":
        found["items"] = _schema_of(key.rows) if key.rows else {"type": "string"}
    elif key.rows:
        found |= {name: each for name, each in _schema_of(key.rows).items() if name != "type"}
    return found
