"""What must hold of every format of every plan; tests that make real plans call `check_formats`."""

import copy
import functools
import json
from typing import Any

import jsonschema

from infragen.plan import EnvironmentPlan
from infragen.report.plan_formats import as_format
from infragen.report.plan_schema import plan_schema


def check_formats(*plans: EnvironmentPlan) -> None:
    """Raises when a format of these plans breaks what is promised of it."""
    check_json(as_format("json", plans))


def check_json(made: bytes) -> Any:
    """Validates a document against the schema, in which no key is left open; returns it."""
    found = json.loads(made)
    _validator().validate(found)
    return found


@functools.cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(closed(plan_schema()))


def closed(schema: Any) -> Any:
    """The schema without room for keys that it does not name."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return copy.copy(schema)
    inner = {key: closed(each) for key, each in schema.items()}
    return {**inner, "additionalProperties": False} if schema.get("type") == "object" else inner
