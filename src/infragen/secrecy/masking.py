"""Hides secrets in template values: of NoEcho parameters, under a secret's name, and inside texts.

`mask` is the one way from a template's value to a value that a plan may hold. It errs on the side of hiding, and hides
a value as a whole: a text with a secret in it, and a Join or Sub whose parts make one, show nothing at all. References
(Ref, GetAtt, ARNs) are never hidden: they say where a secret is and not what it is. Nothing here knows what changes or
how it is shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infragen.secrecy.shown import Absent, KnownAfter, Secret
from infragen.secrecy.suspicion import (
    OF_LOAD_BALANCER,
    is_random_by_nature,
    looks_hexadecimal,
    looks_random,
    looks_secret,
)
from infragen.secrecy.texts import suspect

SECRET = Secret()

NO_VALUE_OF_ITS_OWN = frozenset({"Ref", "Fn::GetAtt", "Fn::ImportValue", "Fn::GetAZs", "Condition"})
"""Functions that name another thing and hold no text of their own."""

_JOINING = frozenset({"Fn::Join", "Fn::Sub", "Fn::Base64", "Fn::ToJsonString", "Fn::Select", "Fn::Split", "Fn::Cidr"})
"""Functions that make one text of their arguments, which is hidden or shown as a whole."""

_HOLDERS = frozenset({
    "GenerateSecretString", "MasterUserSecret", "Secrets", "SecretOptions", "RepositoryCredentials",
    "CredentialSpecs", "ServiceToken", "RouteKey", "ManageMasterUserPassword",
})  # fmt: skip
"""Properties that describe or point at a secret: what is in them is looked at by its own name."""

_NAMES_BESIDE = re.compile(r"(?:name|key|header|variable|field|option|parameter)\Z", re.IGNORECASE)
_VALUES_BESIDE = re.compile(r"(?:value|values|default|string|content|text)\Z", re.IGNORECASE)

_DYNAMIC = re.compile(r"\{\{resolve:(?:secretsmanager|ssm-secure):[^}]*\}\}")
_ARN = re.compile(r"arn:(?:aws[\w-]*|\$\{AWS::Partition\}):[A-Za-z0-9-]+:[^\s\"']*")
STORED = "ssm"
"""What an environment file writes instead of a value that is in Parameter Store."""

SWITCHES = frozenset({"true", "false", "on", "off", "enabled", "disabled", "none", "required", "optional"})
"""What a property that sounds like a secret says when it is a switch, as IAMAuth of a database proxy is."""

SHORTEST = 4
"""A secret of fewer characters is not looked for inside longer texts: it would be found everywhere."""


@dataclass(frozen=True)
class Sealed:
    """A value that may be compared and never shown; `mask` makes a `Secret` of it. It does not print what it holds."""

    value: object = field(repr=False)

    def __str__(self) -> str:
        return str(SECRET)


def texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text of a value with where it stands, and each key with where the mapping stands that has it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield path, str(key)
            yield from texts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from texts(inner, f"{path}[{index}]")
    elif isinstance(value, str):
        yield path, value


def first_hidden(value: Any, path: str = "") -> str | None:
    """Return where in a value the first thing stands that `mask` hides; None when it shows all of it."""
    return _first_difference(value, mask(value), path)


def _first_difference(value: Any, masked: Any, path: str) -> str | None:
    if isinstance(value, dict) and isinstance(masked, dict) and [*value] == [*masked]:
        inner = (
            _first_difference(each, masked[key], f"{path}.{key}" if path else str(key)) for key, each in value.items()
        )
    elif isinstance(value, list | tuple) and isinstance(masked, list):
        pairs = enumerate(zip(value, masked, strict=True))
        inner = (_first_difference(one, other, f"{path}[{index}]") for index, (one, other) in pairs)
    else:
        return None if value == masked else path
    return next((each for each in inner if each is not None), None)


def conceals(holder: object, key: str) -> bool:
    """Return whether what a mapping holds under a key is a secret by its name, or by the name beside it."""
    if not isinstance(holder, Mapping) or key in _HOLDERS:
        return False
    if looks_secret(str(key)):
        return True
    if not _VALUES_BESIDE.search(str(key)):
        return False
    beside = (each for name, each in holder.items() if isinstance(each, str) and _NAMES_BESIDE.search(str(name)))
    return any(map(looks_secret, beside))


def secret_parameters(body: Mapping[str, Any]) -> frozenset[str]:
    """Return the parameters of a template whose values must not be shown: NoEcho, with a secret's name, or a secret's
    default (User Guide, "Parameters", NoEcho).
    """
    declared = body.get("Parameters", {}).items()
    return frozenset(
        name for name, each in declared if isinstance(each, Mapping) and _is_secret(name, each, each.get("Default"))
    )


def _is_secret(name: str, declared: Mapping[str, Any], value: object) -> bool:
    """Return whether a value of a parameter must not be shown. An ARN under a secret's name says where
    the secret is.
    """
    if str(declared.get("NoEcho")).lower() == "true":
        return True
    if isinstance(value, str) and (not value or _ARN.fullmatch(value)):
        return False
    return looks_secret(name) or _holds_secret(mask(value, name=name))


def sealed(body: Mapping[str, Any], values: Mapping[str, object]) -> dict[str, object]:
    """Return values of a template's parameters, with those sealed that must not be shown."""
    declared = body.get("Parameters", {})
    return {
        name: Sealed(each)
        if not isinstance(each, Sealed | KnownAfter) and _is_secret(name, declared.get(name, {}), each)
        else each
        for name, each in values.items()
    }


def secret_texts(body: Mapping[str, Any], values: Mapping[str, object]) -> frozenset[str]:
    """Return the values that a template's secret parameters have, or have by default, as far as they are known."""
    declared = body.get("Parameters", {})
    defaults = {name: each.get("Default") for name, each in declared.items() if isinstance(each, Mapping)}
    held = [*sealed(body, defaults).values(), *sealed(body, values).values()]
    texts = (str(each.value) for each in held if isinstance(each, Sealed) and each.value is not None)
    return frozenset(each for each in texts if each not in ("", "****"))


def mask(value: object, hidden: bool = False, known: Iterable[str] = frozenset(), *, name: str = "") -> Any:
    """Return the value with a `Secret` instead of each text that is one, or holds one.

    `hidden` says that the value is a secret as such; `known` are texts that are secrets wherever they stand; `name` is
    what the value stands under: it tells an id or a digest from a secret that looks as random.
    """
    match value:
        case Sealed():
            return SECRET
        case None | bool() | Absent() | KnownAfter() | Secret():
            return value
        case dict():
            return _mask_mapping(value, hidden, known, name)
        case list() | tuple():
            if not hidden and _joined_is_secret(value, known):
                return SECRET
            return [mask(each, hidden, known, name=name) for each in value]
        case str():
            return _mask_text(value, hidden, known, name)
    return SECRET if hidden else value


def masks(value: object, hidden: bool = False, *, name: str = "") -> bool:
    """Return whether the value as a whole is hidden, and not only something in it."""
    return isinstance(mask(value, hidden, name=name), Secret)


def _mask_mapping(value: Mapping[str, Any], hidden: bool, known: Iterable[str], name: str) -> Any:
    if len(value) == 1:
        [(key, inner)] = value.items()
        if key in NO_VALUE_OF_ITS_OWN:
            return dict(value)
        if hidden and str(key).startswith("Fn::"):
            return SECRET if _holds_text(inner) else dict(value)
        if key in _JOINING:
            masked = mask(inner, False, known, name=name)
            whole = _flat(value)
            hides = _holds_secret(masked) or (whole is not None and masks_text(whole, known, name))
            return SECRET if hides else {key: masked}
        if str(key).startswith("Fn::"):
            return {key: mask(inner, hidden, known, name=name)}
    return {
        _mask_key(key, known): mask(each, hidden or conceals(value, key), known, name=named(value, key))
        for key, each in value.items()
    }


def named(holder: object, key: object) -> str:
    """Return the name of what a mapping holds under a key: the key, or for `Value` the name beside it."""
    if isinstance(holder, Mapping) and _VALUES_BESIDE.search(str(key)):
        for name, each in holder.items():
            if isinstance(each, str) and _NAMES_BESIDE.search(str(name)):
                return each
    return str(key)


def _mask_key(key: Any, known: Iterable[str]) -> Any:
    return str(SECRET) if isinstance(key, str) and masks_text(key, known) else key


def _holds_secret(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_secret, value.values()))
    return any(map(_holds_secret, value)) if isinstance(value, list) else isinstance(value, Secret)


def _flat(value: object) -> str | None:
    """Return a value as the one text that it becomes, with a variable instead of each reference; None for no text."""
    match value:
        case str():
            return value
        case int() | float():
            return str(value)
        case {"Fn::Join": [str(delimiter), list(parts)]}:
            return delimiter.join(_flat(each) or _REFERENCE for each in parts)
        case {"Fn::Sub": str(text)}:
            return text
        case {"Fn::Sub": [str(text), dict(variables)]}:
            filled: str = text
            for name, each in variables.items():
                filled = filled.replace(f"${{{name}}}", _flat(each) or _REFERENCE)
            return filled
        case {"Fn::If": [_, one, other]}:
            return _flat(one) or _flat(other)
        case {"Fn::Select": [_, list(parts)]}:
            return next(filter(None, map(_flat, parts)), None)
        case {"Fn::Base64": inner} | {"Fn::ToJsonString": inner}:
            return _flat(inner)
    return None


_REFERENCE = "${Reference}"


def _joined_is_secret(parts: Sequence[object], known: Iterable[str]) -> bool:
    """Return whether texts of a list make a secret together, as the words of a command do: `--password`, `hunter2`."""
    texts = [_flat(each) or _REFERENCE if not isinstance(each, str) else each for each in parts]
    if len(texts) < 2 or not any(each.startswith("-") or each.endswith(("=", ":")) for each in texts):
        return False
    return masks_text(" ".join(texts), known)


def _holds_text(value: object) -> bool:
    """Return whether an argument of a function holds a text of its own, and not only references."""
    if isinstance(value, dict):
        return not (len(value) == 1 and next(iter(value)) in NO_VALUE_OF_ITS_OWN) and any(
            map(_holds_text, value.values())
        )
    if isinstance(value, list):
        return any(map(_holds_text, value))
    return isinstance(value, Sealed) or (isinstance(value, str) and bool(re.sub(r"\$\{[^}]*\}", "", value)))


def masks_text(text: str, known: Iterable[str] = frozenset(), name: str = "") -> bool:
    """Return whether a text is hidden as a whole."""
    return isinstance(_mask_text(text, False, known, name), Secret)


def _mask_text(text: str, hidden: bool, known: Iterable[str], name: str) -> object:
    if not text or (hidden and (text == STORED or text.lower() in SWITCHES or _ARN.fullmatch(text))):
        return text
    if hidden or _DYNAMIC.search(text) or any(each in text for each in known if len(each) >= SHORTEST or each == text):
        return SECRET
    held = document(text)
    if held is None:
        return SECRET if _is_random(text, name) or suspect(text, name) else text
    masked = mask(held, known=known)
    if masked == held:
        return text
    return SECRET if isinstance(masked, Secret) else json.dumps(masked, ensure_ascii=False, default=str)


def _is_random(text: str, name: str) -> bool:
    """Return whether a text looks random, and its name does not say that it is an id or a digest."""
    if is_random_by_nature(name):
        return False
    return (looks_random(text) and not OF_LOAD_BALANCER.fullmatch(text)) or (bool(name) and looks_hexadecimal(text))


def hides(name: str, text: str) -> bool:
    """Return whether a text under a name is not shown: because of the name, of what is in it, or because it looks
    random.
    """
    return bool(mask({name: text}) != {name: text})


def document(text: str) -> Any:
    """Return the JSON object or list that a text is; None for any other text, and for one that two readers may read
    apart.
    """
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
