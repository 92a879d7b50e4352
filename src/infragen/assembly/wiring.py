"""What a layer may do with a value that another layer gives it: pass it on whole, and nothing that looks into it.

In nested topology AWS computes one change set for all layers before any of them is deployed. A sibling's output is then
a placeholder, `{{IntrinsicFunction:STACK/LogicalId.Outputs.NAME/Fn::GetAtt}}` or `{{changeSet:KNOWN_AFTER_APPLY}}`, and
the nested template is evaluated with that text: a type or a constraint that it does not meet fails the change set of a
template that would deploy (aws-cloudformation/cloudformation-coverage-roadmap#759, 2021: Fn::Select;
aws-cloudformation/rain#526, 2024: AllowedPattern; aws/aws-cdk-cli#1307, 2026: Export names;
aws-cloudformation/cfn-language-discussion#152, 2023: "Usage of … is not allowed").
So this is a list of what is known to work. What is not on it is refused. Pure.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from infragen.changes.evaluate import references
from infragen.cloudformation import STACK_TYPE
from infragen.layers.contract import WIRED_TYPES

PASSES_ON = ("Ref", "Fn::Sub", "Fn::Join", "Fn::If", "Fn::Base64")
"""Functions that take any text as it is."""


def misuses(body: Mapping[str, Any], wired: Collection[str]) -> Iterator[str]:
    """Yields a sentence for each use of a wired parameter (one of `wired`) that AWS cannot evaluate beforehand.

    `body` is a layer's finished template. Exports are refused whatever they hold: the names that functions give them
    are all the same beforehand, and an exported value that is in use cannot change.
    """
    for name in sorted(wired):
        kind = body["Parameters"][name]["Type"]
        if kind not in WIRED_TYPES:
            yield f"takes {name} as {kind}; a value of another layer is {' or '.join(WIRED_TYPES)}"
    for name, output in body.get("Outputs", {}).items():
        if "Export" in output:
            yield f"exports the output {name}; layers are wired by outputs alone"
    for section in ("Outputs", "Resources"):
        for name, written in body.get(section, {}).items():
            yield from _used(written, f"{section}/{name}", frozenset(wired))
    for name, resource in body.get("Resources", {}).items():
        yield from _decided(name, resource, frozenset(wired))
    for section in body:
        if section not in ("Parameters", "Outputs", "Resources", "Description", "Metadata"):
            for used in sorted(references(body[section]) & set(wired)):
                yield f"uses {used} of another layer in {section}, which AWS evaluates before {used} is known"


def _used(value: Any, place: str, wired: frozenset[str]) -> Iterator[str]:
    """Walks a part of a template. A function that is not in PASSES_ON may not have a wired value anywhere inside."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _used(each, f"{place}/{index}", wired)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        found = sorted(references({key: inner}) & wired)
        function = key.startswith("Fn::") or (key == "Condition" and len(value) == 1)
        if found and function and key not in PASSES_ON:
            yield f"uses {key} on {', '.join(found)} of another layer at {place}; AWS cannot evaluate it beforehand"
        elif found and key in ("Fn::Sub", "Fn::Join") and "{{" in str(inner):
            yield f"makes a dynamic reference of {', '.join(found)} of another layer at {place}"
        else:
            yield from _used(inner, place if function or key == "Ref" else f"{place}/{key}", wired)


def _decided(name: str, resource: Mapping[str, Any], wired: frozenset[str]) -> Iterator[str]:
    """What CloudFormation itself goes by: every attribute of a resource but these two, and where a template is."""
    for attribute, value in resource.items():
        if attribute not in ("Properties", "Metadata") and (found := sorted(references(value) & wired)):
            yield f"uses {', '.join(found)} of another layer in {attribute} of {name}"
    url = resource.get("Properties", {}).get("TemplateURL") if resource.get("Type") == STACK_TYPE else None
    if found := sorted(references(url) & wired):
        yield f"uses {', '.join(found)} of another layer in the TemplateURL of {name}"
