"""What must not be shown: values of NoEcho parameters, secrets by their name, and secrets inside texts.

`mask` is the one way from a template's value to a value that a plan may hold. It errs on the side of hiding: a literal
under a name that sounds like a secret is one. References (Ref, GetAtt, ARNs) are never hidden: they say where a secret
is and not what it is. Nothing here knows what changes or how it is shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infragen.cloudformation import Absent, KnownAfter, Secret
from infragen.secrecy.suspicion import looks_secret

SECRET = Secret()

NO_VALUE_OF_ITS_OWN = frozenset({"Ref", "Fn::GetAtt", "Fn::ImportValue", "Fn::GetAZs", "Condition"})
"""Functions that name another thing and hold no text of their own."""

_HOLDERS = frozenset({"GenerateSecretString", "MasterUserSecret", "Secrets", "SecretOptions"})
"""Properties that describe or point at a secret: what is in them is looked at by its own name."""

_NAMES = ("Name", "Key", "ParameterKey", "VariableName", "name", "key")

_DYNAMIC = re.compile(r"\{\{resolve:(?:secretsmanager|ssm-secure):[^}]*\}\}")
_USERINFO = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)=(?P<quote>[\"']?)(?P<value>[^\s\"';&|$]+)")
SHORTEST = 4
"""A secret of fewer characters is not looked for inside longer texts: it would be found everywhere."""


@dataclass(frozen=True)
class Sealed:
    """A value that may be compared and never shown; `mask` makes a `Secret` of it. It does not print what it holds."""

    value: object = field(repr=False)

    def __str__(self) -> str:
        return str(SECRET)


def conceals(holder: object, key: str) -> bool:
    """Whether what a mapping holds under a key is a secret by its name, or by the name beside it."""
    if not isinstance(holder, Mapping) or key in _HOLDERS:
        return False
    if looks_secret(str(key)):
        return True
    beside = (str(holder[each]) for each in _NAMES if isinstance(holder.get(each), str))
    return str(key).lower().endswith("value") and any(map(looks_secret, beside))


def mask(value: object, hidden: bool = False, known: frozenset[str] = frozenset()) -> Any:
    """The value with a `Secret` in the place of each secret, and secrets in longer texts written as `(secret)`.

    `hidden` says that the value is a secret as such; `known` are texts that are secrets wherever they stand.
    """
    match value:
        case Sealed():
            return SECRET
        case None | bool() | Absent() | KnownAfter() | Secret():
            return value
        case dict():
            return _mask_mapping(value, hidden, known)
        case list() | tuple():
            return [mask(each, hidden, known) for each in value]
        case str():
            return _mask_text(value, hidden, known)
    return SECRET if hidden else value


def _mask_mapping(value: Mapping[str, Any], hidden: bool, known: frozenset[str]) -> Any:
    if len(value) == 1:
        [(key, inner)] = value.items()
        if key in NO_VALUE_OF_ITS_OWN:
            return dict(value)
        if hidden and str(key).startswith("Fn::"):
            return SECRET if _holds_text(inner) else dict(value)
    return {key: mask(each, hidden or conceals(value, key), known) for key, each in value.items()}


def _holds_text(value: object) -> bool:
    """Whether an argument of a function holds a text of its own, and not only references."""
    if isinstance(value, dict):
        return not (len(value) == 1 and next(iter(value)) in NO_VALUE_OF_ITS_OWN) and any(
            map(_holds_text, value.values())
        )
    if isinstance(value, list):
        return any(map(_holds_text, value))
    return isinstance(value, Sealed) or (isinstance(value, str) and bool(re.sub(r"\$\{[^}]*\}", "", value)))


def _mask_text(text: str, hidden: bool, known: frozenset[str]) -> object:
    if not text or (hidden and text.startswith("arn:")):
        return text
    if hidden or text in known:
        return SECRET
    masked = _mask_document(text, known)
    for each in known:
        if len(each) >= SHORTEST:
            masked = masked.replace(each, str(SECRET))
    masked = _PRIVATE_KEY.sub(str(SECRET), _DYNAMIC.sub(str(SECRET), masked))
    masked = _ASSIGNMENT.sub(_mask_assignment, _USERINFO.sub(rf"\1{SECRET}", masked))
    return SECRET if masked == str(SECRET) else masked


def _mask_assignment(found: re.Match[str]) -> str:
    literal = not found["value"].startswith(("arn:", str(SECRET)))
    return f"{found['name']}={found['quote']}{SECRET}" if literal and looks_secret(found["name"]) else found[0]


def _mask_document(text: str, known: frozenset[str]) -> str:
    """A JSON document with its secrets masked; any other text, and one without secrets, as it is."""
    held = document(text)
    if held is None:
        return text
    masked = mask(held, known=known)
    return text if masked == held else json.dumps(masked, ensure_ascii=False, default=str)


def document(text: str) -> Any:
    """The JSON object or list that a text is; None for any other text, and for one that two readers may read apart."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
