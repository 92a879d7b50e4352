"""The JSON Schema of the plan document, made from its types (`plan_types`).

`infragen schema plan` prints it and docs/plan-json.md is made from it. Objects are open, because keys may be added.
"""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, get_args, get_origin, get_type_hints

from infragen.report import plan_types as types
from infragen.report.plan_document import VERSION
from infragen.resource_types.interruption import LEVELS

Schema = dict[str, Any]

_TITLES: dict[str, tuple[str, type]] = {
    "plan": ("A plan", types.Plan),
    "summary": ("Summary", types.Summary),
    "refusal": ("A refusal", types.Refusal),
    "widening": ("A widening", types.Widening),
    "setting": ("A value of two files", types.Setting),
    "cost": ("Cost", types.Cost),
    "cost_resource": ("The cost of a resource", types.ResourceCost),
    "usd": ("Three amounts", types.Usd),
    "drift": ("A drifted resource", types.Drift),
    "release": ("The release command", types.Release),
    "check": ("A check of the account", types.Check),
    "looked": ("A stack that was looked at", types.Looked),
    "stack": ("A stack", types.Stack),
    "change": ("A change of a resource", types.Row),
    "resource_property": ("A value of a resource that changes", types.Property),
    "property": ("A value of a stack that changes", types.Property),
    "value": ("One side of a change", types.Value),
}
"""The objects that have a name in the schema, and a section on the page; the others stand where they are used."""

_NAMES = {made: name for name, (_, made) in _TITLES.items()}
_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number"}


def plan_schema() -> Schema:
    """Return the schema of the whole document (JSON Schema 2020-12)."""
    document = object_schema(types.Document)
    document["properties"]["version"] = {
        "const": VERSION, "description": document["properties"]["version"]["description"],
    }  # fmt: skip
    defined = {name: {"title": title, **_defined(name, made)} for name, (title, made) in _TITLES.items()}
    for each in defined["summary"]["properties"].values():
        if each["type"] == "integer":
            each["minimum"] = 0
    defined["change"]["properties"]["interruption"]["properties"]["level"] = {
        "enum": [*LEVELS], "description": "how much; `impossible` is always refused",
    }  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A plan of infragen",
        **document,
        "$defs": defined,
    }


def document_schema(title: str, made: type, version: int) -> Schema:
    """Return the schema of a document of `document_types`, with the definitions of the plan's objects in it."""
    body = object_schema(made)
    if "version" in body["properties"]:
        body["properties"]["version"] = {"const": version, **body["properties"]["version"]}
        del body["properties"]["version"]["type"]
    held: dict[str, Schema] = {}
    missing = _referred(body)
    while missing:
        held |= {name: {"title": _TITLES[name][0], **_defined(name, _TITLES[name][1])} for name in missing}
        missing = _referred(held) - {*held}
    defined = {"$defs": dict(sorted(held.items()))} if held else {}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **body, **defined}


def _referred(inside: Any) -> set[str]:
    """Return the names of the definitions that a schema refers to."""
    if isinstance(inside, list):
        return set().union(*map(_referred, inside))
    if not isinstance(inside, dict):
        return set()
    own = {inside["$ref"].rpartition("/")[2]} if isinstance(inside.get("$ref"), str) else set()
    return own.union(*(_referred(each) for each in inside.values()))


def _defined(name: str, made: type) -> Schema:
    if name == "value":
        return _value()
    found = object_schema(made)
    if name == "resource_property":
        required = [*found["properties"]]
        return {**found, "required": required, "description": "A property, or another attribute of a resource."}
    if name == "property":
        del found["properties"]["forces"]
    if name == "change":
        found["properties"]["properties"]["items"] = {"$ref": "#/$defs/resource_property"}
    return found


def object_schema(made: type) -> Schema:
    """Return the schema of an object of `plan_types` or `document_types`: its docstring describes it, the texts beside
    the types its keys.
    """
    hints = get_type_hints(made, include_extras=True)
    keys = {name: _schema(each) for name, each in hints.items()}
    required = [name for name, each in hints.items() if get_origin(each) is not NotRequired]
    return {"description": _about(made), "type": "object", "properties": keys, "required": required}


def _about(made: type) -> str:
    return " ".join((made.__doc__ or "").split())


def _schema(hint: Any, about: str = "") -> Schema:
    """Return the schema of a type, with what a key of it means."""
    described: Schema = {"description": about} if about else {}
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _schema(inner[0], inner[1])
    if origin is NotRequired:
        return _schema(inner[0], about)
    if origin is list:
        return {"type": "array", "items": _schema(inner[0]), **described}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(inner[1]), **described}
    if origin is Literal:
        return {"enum": [*inner], **described}
    if origin is UnionType and NoneType in inner:
        some = _schema(inner[0] if inner[1] is NoneType else inner[1])
        plain = inner[0] in _PLAIN
        return {**({"type": [some["type"], "null"]} if plain else {"anyOf": [some, {"type": "null"}]}), **described}
    if origin is UnionType and not set(inner) <= set(_PLAIN):
        return {"anyOf": [_schema(each) for each in inner], **described}
    if origin is UnionType:
        return {"type": [_PLAIN[each] for each in inner], **described}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint], **described}
    if hint in _NAMES:
        return {"$ref": f"#/$defs/{_NAMES[hint]}", **described}
    return described if hint is object else object_schema(hint)


def _value() -> Schema:
    text = _text("the same in words")
    kept: Schema = {"description": "any JSON value; unresolved intrinsics in their long form"}
    later: Schema = {"type": "array", "items": object_schema(types.LaterPart), "description": "those parts"}
    return {
        "description": "`kind` says how surely the value is known.",
        "oneOf": [
            _case("known", "the value", value=kept),
            _case("absent", "there is no such value", text=text),
            _case("secret", "must not be shown; on both sides it is, or may be, another one", text=text),
            _case("not told", "the source gives no values", text=text),
            _case(
                "later",
                "exists only after a layer is deployed",
                text=text,
                layer=_text("the layer that gives it"),
                name=_text("the output of that layer"),
            ),
            _case("partly later", "parts of it exist only later", value=kept, later=later),
            _case("other", "something this version has only words for", text=text),
        ],
    }


def _case(kind: str, about: str, **keys: Schema) -> Schema:
    return _object(about, kind={"const": kind}, **keys)


def _object(about: str, **keys: Schema) -> Schema:
    return {"description": about, "type": "object", "properties": keys, "required": [*keys]}


def _text(about: str) -> Schema:
    return {"type": "string", "description": about}
