"""What a layer may do with a value that another layer gives it: pass it on whole, and nothing that looks into it.

In nested topology AWS computes one change set for all layers before any of them is deployed. A sibling's output is then
a placeholder, `{{IntrinsicFunction:STACK/LogicalId.Outputs.NAME/Fn::GetAtt}}` or `{{changeSet:KNOWN_AFTER_APPLY}}`, and
the nested template is evaluated with that text: a type or a constraint that it does not meet fails the change set of a
template that would deploy (aws-cloudformation/cloudformation-coverage-roadmap#759, 2021: Fn::Select;
aws-cloudformation/rain#526, 2024: AllowedPattern; aws/aws-cdk-cli#1307, 2026: Export names;
aws-cloudformation/cfn-language-discussion#152, 2023: "Usage of … is not allowed").
So this is a list of what is known to work. What is not on it is refused. Pure.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice, product
from typing import Any

from infragen.changes.evaluate import SUB_NAME, references
from infragen.cloud.template import STACK_TYPE
from infragen.layers.contract import WIRED_TYPES

PASSES_ON = ("Ref", "Fn::Sub", "Fn::Join", "Fn::If", "Fn::Base64")
"""Functions that take any text as it is."""

TRANSFORMS = (
    "AWS::LanguageExtensions",
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
)
"""Transforms that evaluate no parameter but where a function of the template says so. Any other macro gets the values
of all parameters, also where `Fn::Transform` calls it inside the template (User Guide, "Macros",
templateParameterValues, read 2026-11-29), and AWS::Include adds a text with functions that nobody has seen here.
"""

UNSEEN = re.compile(rf"{STACK_TYPE}|.*::MODULE")
"""Types whose properties go into another template, which may look into them: a nested stack's, a module's fragment
(User Guide, "Using modules to encapsulate and reuse resource configurations", read 2026-11-29)."""

UNKNOWN = "\0"
"""What stands for a part of a text that only deployment knows."""

DYNAMIC = re.compile(rf"{{{UNKNOWN}*{{|{{{UNKNOWN}|{UNKNOWN}{{")
"""How a dynamic reference (`{{resolve:...}}`) begins, whole or with a part of its braces in what is not known."""

ALTERNATIVES = 64
"""How many texts of one value are looked at; a value with more, of nested Fn::If, counts as unknown."""


def misuses(body: Mapping[str, Any], wired: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each use of a wired parameter (one of `wired`) that AWS cannot evaluate beforehand.

    `body` is a layer's finished template. Exports are refused whatever they hold: the names that functions give them
    are all the same beforehand, and an exported value that is in use cannot change.
    """
    names = frozenset(wired)
    for name in sorted(names):
        kind = body["Parameters"][name]["Type"]
        if kind not in WIRED_TYPES:
            yield f"takes {name} as {kind}; a value of another layer is {' or '.join(WIRED_TYPES)}"
    for name, output in body.get("Outputs", {}).items():
        if "Export" in output:
            yield f"exports the output {name}; layers are wired by outputs alone"
        if any(DYNAMIC.search(each) for each in _texts(output.get("Value"), body)):
            yield f"makes a dynamic reference in the output {name}, which each reader of the stack would see resolved"
    for section in ("Outputs", "Resources"):
        for name, written in body.get(section, {}).items():
            yield from _used(written, f"{section}/{name}", names, body)
    for name, resource in body.get("Resources", {}).items():
        yield from _decided(name, resource, names)
    for section in body:
        if section not in ("Parameters", "Outputs", "Resources", "Description", "Metadata"):
            for used in _mentioned(body[section], names):
                yield f"uses {used} of another layer in {section}, which AWS evaluates before {used} is known"
    if names:
        called = [body.get("Transform"), *(each for key, each in _entries(body) if key == "Fn::Transform")]
        yield from _seen_by_macros(called, names)


def _mentioned(value: Any, wired: frozenset[str]) -> list[str]:
    """Return the wired parameters that stand anywhere in a value, also where a function gives the name in a Ref or
    GetAtt.
    """
    inside = [inner for key, inner in _entries(value) if key in ("Ref", "Fn::GetAtt") and not isinstance(inner, str)]
    return sorted((references(value) | {name for each in inside for name in references(_plain(each))}) & wired)


def _plain(value: Any) -> Any:
    """Return what a Ref or GetAtt is given, without the names that are written out."""
    return [each for each in value if not isinstance(each, str)] if isinstance(value, list) else value


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key of a value with what stands under it, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _entries(inner)
    elif isinstance(value, list):
        for each in value:
            yield from _entries(each)


def _used(value: Any, place: str, wired: frozenset[str], body: Mapping[str, Any]) -> Iterator[str]:
    """Walk a part of a template. A function that is not in PASSES_ON may not have a wired value anywhere inside."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _used(each, f"{place}/{index}", wired, body)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        function = key.startswith("Fn::") or (key == "Condition" and len(value) == 1)
        found = _mentioned({key: inner}, wired) if function or key == "Ref" else []
        passed = key in PASSES_ON and not (key == "Ref" and not isinstance(inner, str))
        if found and (function or key == "Ref") and not passed:
            yield f"uses {key} on {', '.join(found)} of another layer at {place}; AWS cannot evaluate it beforehand"
        elif found and function and any(DYNAMIC.search(each) for each in _texts({key: inner}, body)):
            yield f"makes a dynamic reference of {', '.join(found)} of another layer at {place}"
        else:
            yield from _used(inner, place if function or key == "Ref" else f"{place}/{key}", wired, body)


def _texts(value: Any, body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts that a value can become, with UNKNOWN for what the template does not say; at most ALTERNATIVES
    and one that stands for the others.
    """
    found = list(islice(_alternatives(value, body), ALTERNATIVES + 1))
    yield from found[:ALTERNATIVES]
    if len(found) > ALTERNATIVES:
        yield f"{UNKNOWN}{{"


def _alternatives(value: Any, body: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(value, list):
        yield from ("".join(each) for each in product(*(tuple(_texts(item, body)) for item in value)))
    elif not isinstance(value, dict) or len(value) != 1:
        yield UNKNOWN if isinstance(value, dict) else str(value)
    else:
        [(key, inner)] = value.items()
        match key, inner:
            case "Fn::Sub", str():
                yield _filled(inner, {})
            case "Fn::Sub", [str() as text, dict() as variables]:
                given = product(*(tuple(_texts(each, body)) for each in variables.values()))
                yield from (_filled(text, dict(zip(variables, each, strict=True))) for each in given)
            case "Fn::Join", [str() as delimiter, list() as items]:
                given = product(*(tuple(_texts(each, body)) for each in items))
                yield from (delimiter.join(each) for each in given)
            case "Fn::Join", [str() as delimiter, other]:
                yield from (f"{each}{delimiter}{each}" for each in _texts(other, body))
            case "Fn::If", [str(), this, that]:
                yield from _alternatives(this, body)
                yield from _alternatives(that, body)
            case "Fn::FindInMap", [str() as name, str() as first, str() as second]:
                found = body.get("Mappings", {}).get(name, {}).get(first, {}).get(second)
                yield found if isinstance(found, str) else f"{UNKNOWN}{{"
            case "Fn::FindInMap", _:
                yield f"{UNKNOWN}{{"
            case "Ref", str() if "Default" in body.get("Parameters", {}).get(inner, {}):
                yield from (UNKNOWN, str(body["Parameters"][inner]["Default"]))
            case _:
                yield UNKNOWN


def _filled(text: str, given: Mapping[str, str]) -> str:
    """Return the text of an Fn::Sub with its variables, and UNKNOWN for each other name in it."""
    return SUB_NAME.sub(lambda match: given.get(match[1], UNKNOWN), text).replace("${!", "${")


def _seen_by_macros(called: list[Any], wired: frozenset[str]) -> Iterator[str]:
    """Yield each macro that is called, once: it may do anything with the values of parameters."""
    written = [each for some in called for each in (some if isinstance(some, list) else [some])]
    names = [str(each.get("Name") if isinstance(each, dict) else each) for each in written if each is not None]
    for name in dict.fromkeys(names):
        if name not in TRANSFORMS:
            yield f"has the transform {name}, which may look into {', '.join(sorted(wired))} of another layer"


def _decided(name: str, resource: Mapping[str, Any], wired: frozenset[str]) -> Iterator[str]:
    """Yield what CloudFormation itself evaluates: all attributes of a resource but these two, and what it hands to
    another template.
    """
    for attribute, value in resource.items():
        if attribute not in ("Properties", "Metadata") and (found := _mentioned(value, wired)):
            yield f"uses {', '.join(found)} of another layer in {attribute} of {name}"
    kind = str(resource.get("Type", ""))
    if UNSEEN.fullmatch(kind) and (found := _mentioned(resource.get("Properties"), wired)):
        yield f"hands {', '.join(found)} of another layer to {name} ({kind}), whose template may look into it"
