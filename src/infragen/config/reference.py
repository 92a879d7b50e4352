"""The environment schema as data: JSON Schema for editors and programs, and the words for what a key allows.

Everything here is derived from the classes in `schema`; error messages, editors and the reference page therefore say
the same. Nothing here reads a file.
"""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from difflib import get_close_matches
from functools import cache
from itertools import chain
from typing import Any

from infragen.config.schema import KEYS_IN_WORDS, Environment

Path = tuple[str | int, ...]

EXTENDS = (
    "Another file, relative to this one, that this one is laid over: maps merge key by key, lists and values replace."
)

_LISTS_OR_NULL = ("queues", "workers")
"""Sections that are lists: `null` switches them off, as it does the others."""

EXTENSION = "Ignored: a place for what YAML anchors refer to, as in compose files."


Model = type[Environment]
"""The environment model that is described: ours, or that of a project with sections of its own."""

_PROJECT = re.compile(r"infragen_project_[0-9a-f]+__")
"""What pydantic puts before a section's name that two modules have: the package of a project, whose name changes with
each of its files."""


def json_schema(model: Model = Environment) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an environment file, for editors and other programs.

    An environment must have every required key. One with `extends` may leave to the other file what that gives, and a
    file without `environment` only holds values for others.
    """
    return deepcopy(_schema(model))


@cache
def _schema(model: Model) -> dict[str, Any]:
    schema = model.model_json_schema()
    if model is not Environment:
        schema = json.loads(_PROJECT.sub("", json.dumps(schema)))
    _tidy(schema)
    properties = schema["properties"]
    first = {"extends": {"type": "string", "minLength": 1, "description": EXTENDS}}
    schema["properties"] = first | properties
    for key in _LISTS_OR_NULL:
        known = schema["properties"][key]
        about = {name: known.pop(name) for name in ("default", "description")}
        schema["properties"][key] = {"anyOf": [known, {"type": "null"}], **about}
    schema["patternProperties"] = {"^x-": {"description": EXTENSION}}
    schema["if"] = {"required": ["environment"], "not": {"required": ["extends"]}}
    schema["then"] = _take_required(schema, schema["$defs"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "infragen environment", **schema}


def _tidy(schema: dict[str, Any]) -> None:
    """Drop the titles pydantic makes from names, and close maps whose keys have a pattern."""
    schema.pop("title", None)
    if "patternProperties" in schema:
        schema["additionalProperties"] = False
    for group in ("properties", "patternProperties", "$defs"):
        for each in schema.get(group, {}).values():
            _tidy(each)
    for single in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(single), dict):
            _tidy(schema[single])
    for each in schema.get("anyOf", ()):
        _tidy(each)


def _take_required(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Move `required` of a section and of those in it out into a schema of its own; lists replace, so theirs stay."""
    moved: dict[str, Any] = {}
    if "required" in schema:
        moved["required"] = schema.pop("required")
    inner = {}
    for key, each in schema.get("properties", {}).items():
        for alternative in each.get("anyOf", [each]):
            if "$ref" in alternative:
                found = _take_required(definitions[alternative["$ref"].rsplit("/", 1)[1]], definitions)
                if found:
                    inner[key] = found
    return moved | ({"properties": inner} if inner else {})


def at(path: Path, model: Model = Environment) -> dict[str, Any]:
    """Return the schema of the value at a path; KeyError when no such key is known."""
    node = _resolved(_schema(model), model)
    for step in path:
        if isinstance(step, int):
            node = _resolved(node["items"], model)
        elif step in node.get("properties", {}):
            node = _resolved(node["properties"][step], model)
        elif "patternProperties" in node:
            node = _resolved(next(iter(node["patternProperties"].values())), model)
        elif isinstance(node.get("additionalProperties"), dict):
            node = _resolved(node["additionalProperties"], model)
        else:
            raise KeyError(dotted(path))
    return node


def _resolved(node: dict[str, Any], model: Model) -> dict[str, Any]:
    """Return references followed and `or null` set aside (kept as `nullable`)."""
    if "anyOf" in node:
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        node = next(each for each in node["anyOf"] if each.get("type") != "null") | rest | {"nullable": True}
    if "$ref" in node:
        target = _schema(model)["$defs"][node["$ref"].rsplit("/", 1)[1]]
        node = target | {key: value for key, value in node.items() if key != "$ref"}
    return node


def dotted(path: Path) -> str:
    """Return a path as people write it, such as `queues[0].name`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def choices(schema: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values to choose from, when there is a fixed set."""
    return (schema["const"],) if "const" in schema else tuple(schema["enum"]) if "enum" in schema else ()


def allowed(schema: dict[str, Any]) -> str:
    """Return what a key allows, in words, e.g. `an integer from 2 to 4`."""
    kind = schema.get("type")
    if choices(schema):
        words = [str(each) for each in choices(schema)]
        text = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    elif "patternErrorMessage" in schema:
        longest = f", at most {schema['maxLength']} characters" if "maxLength" in schema else ""
        text = schema["patternErrorMessage"] + longest
    elif kind == "boolean":
        text = "true or false"
    elif kind in ("integer", "number"):
        text = f"{'an integer' if kind == 'integer' else 'a number'}{_range(schema)}"
    elif kind == "array":
        text = "a list with at least one item" if schema.get("minItems") else "a list"
        text += f" of at most {schema['maxItems']} items" if "maxItems" in schema else ""
    elif kind == "object":
        text = f"a map of at most {schema['maxProperties']} keys" if "maxProperties" in schema else "a map"
    else:
        text = f"a text{_text_bounds(schema)}"
    return f"{text}, or null" if schema.get("nullable") and schema.get("default") is not None else text


def _text_bounds(schema: dict[str, Any]) -> str:
    """Return what a text must be that has no words for it: only sections of a project have such."""
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    bounds = [f"matching {schema['pattern']}"] if "pattern" in schema else []
    if most is not None:
        bounds.append(f"of {least} to {most} characters" if least else f"of at most {most} characters")
    elif least > 1:
        bounds.append(f"of at least {least} characters")
    return " " + ", ".join(bounds) if bounds else ""


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        text = f" above {_figure(schema['exclusiveMinimum'])}" + (f" up to {_figure(high)}" if high is not None else "")
    elif low is not None and high is not None:
        text = f" from {_figure(low)} to {_figure(high)}"
    elif low is not None:
        text = f" of at least {_figure(low)}"
    else:
        text = ""
    return text + (f" in steps of {schema['multipleOf']}" if "multipleOf" in schema else "")


def _figure(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def allowed_key(path: Path, model: Model = Environment) -> str:
    """Return what the keys of a free map may be, in words."""
    pattern = next(iter(at(path, model)["patternProperties"]))
    return KEYS_IN_WORDS.get(pattern, f"a text matching {pattern}")


def nearest_choice(path: Path, wrong: str, model: Model = Environment) -> str:
    """Return the choice that a wrong word was probably meant to be, or ''."""
    known = [str(each) for each in choices(at(path, model))]
    likely = [*(each for each in known if _one_edit_apart(wrong, each)), *get_close_matches(wrong, known, n=1)]
    return next(iter(likely), "")


def nearest_key(path: Path, model: Model = Environment) -> str:
    """Return what an unknown key was probably meant to be: a key of its section, else the path of one elsewhere, else
    ''.
    """
    section, wrong = path[:-1], str(path[-1])
    known: list[str] = list(at(section, model).get("properties", {}))
    slips = (each for each in known if _one_edit_apart(wrong, each))
    elsewhere = (dotted(each) for each in key_paths(model) if each[-1] == wrong)
    parts = {part: key for key in reversed(known) for part in (key.rsplit("_", 1)[-1], key.split("_", 1)[0])}
    similar = get_close_matches(wrong, known, n=1)
    similar_parts = (parts[each] for each in get_close_matches(wrong, parts, n=1, cutoff=0.7))
    return next(chain(slips, elsewhere, similar, similar_parts), "")


def _one_edit_apart(one: str, other: str) -> bool:
    """Return whether one letter is missing, extra or changed, or two neighbours are swapped."""
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    return max(len(one), len(other)) <= 1 or (len(one) == 2 and one == other[::-1])


def key_paths(model: Model = Environment) -> Iterator[Path]:
    """Yield the path of every known key, sections before what they hold; the items of lists as index 0."""

    def below(path: Path) -> Iterator[Path]:
        schema = at(path, model)
        if "items" in schema:
            yield from below((*path, 0))
        for key in schema.get("properties", {}):
            yield (*path, key)
            yield from below((*path, key))

    return below(())
