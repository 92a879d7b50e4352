"""Checks that what a reply holds is of the types that the service's own model says.

botocore passes on what stands in a JSON reply: a number where a text should be is found where somebody works with it,
far from the call. Here each reply is looked at as it arrives, so that what reads it can rely on its types. Members that
are missing are the readers' matter (`reading.member`), and unknown ones nobody reads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "boolean": (bool,),
    "integer": (int, float),
    "long": (int, float),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (datetime,),
    "blob": (bytes,),
}
_OPENED = ("TemplateBody", "policyDocumentType")
"""Texts that botocore has read as JSON already (botocore/handlers.py: json_decode_template_body, json_decode_policies,
1.42)."""


def mistyped(shape: Any, value: Any, place: str = "the reply") -> str:
    """Return the first place of a reply at which the type is not the model's, in words; empty where all are.

    `shape` is botocore's of what was read, `value` what it made of it.
    """
    kind = shape.type_name
    if getattr(shape, "is_document_type", False) or shape.serialization.get("streaming") or kind not in _READ:
        return ""
    if kind == "structure":
        if not isinstance(value, Mapping):
            return f"{place} is no structure"
        inside = ((shape.members[name], each, name) for name, each in value.items() if name in shape.members)
    elif kind == "list":
        if not isinstance(value, list):
            return f"{place} is no list"
        inside = ((shape.member, each, place) for each in value)
    elif kind == "map":
        if not isinstance(value, Mapping):
            return f"{place} is no map"
        inside = ((shape.value, each, place) for each in value.values())
    elif shape.name in _OPENED and isinstance(value, Mapping | list):
        return ""
    else:
        right = isinstance(value, _TYPES[kind]) and (isinstance(value, bool) is (kind == "boolean"))
        finite = not isinstance(value, float) or math.isfinite(value)
        return "" if right and finite else f"{place} is no {kind}"
    return next((found for each, held, name in inside if (found := mistyped(each, held, name))), "")


_READ = frozenset({*_TYPES, "structure", "list", "map"})
