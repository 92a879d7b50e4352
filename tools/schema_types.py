"""How the pages of JSON documents write the type of a key. Pure."""

from collections.abc import Callable
from typing import Any


def name_of(reference: str) -> str:
    """Return the name of a part of a schema, from the reference to it."""
    return reference.rpartition("/")[2]


def type_text(schema: dict[str, Any], link: Callable[[str], str] = name_of) -> str:
    """Return the type that a JSON Schema gives a key, in words; `link` writes a reference to a part of the schema."""
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if "$ref" in schema:
        return link(schema["$ref"])
    if "anyOf" in schema:
        return " or ".join(type_text(each, link) for each in schema["anyOf"])
    kinds = schema.get("type", "anything")
    return " or ".join(_kind(each, schema, link) for each in ([kinds] if isinstance(kinds, str) else kinds))


def _kind(kind: str, schema: dict[str, Any], link: Callable[[str], str]) -> str:
    if kind == "array":
        return f"list of {type_text(schema['items'], link)}" if "items" in schema else "list"
    if kind == "object" and schema.get("additionalProperties"):
        return f"object of {type_text(schema['additionalProperties'], link)}"
    return kind
