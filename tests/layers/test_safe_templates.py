"""Whatever can be encrypted, private or narrow is, in every environment: a walk over each resource that is rendered.

What is safe of a type is in its row (`resource_types`), and every rendered type has one. Each property that the rows
name is weakened once: a walk that does not notice fails.
"""

import copy
import functools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from test_every_key import CHANGES, changed, rendered

from infragen.assembly.templatefile import parse
from infragen.resource_types import resource_type

CONDITIONLESS = {
    ("CredentialsRole", "PlatformKeyArn"): "Lambda decrypts the variables of the rotation function itself",
    ("TaskRole", "PlatformKeyArn"): "with ECS Exec the agent in the task decrypts the session itself",
    ("ShellRole", "PlatformKeyArn"): "the same in a task of its own",
}
"""(Role, key) -> why it may decrypt with the key by whatever service."""


@functools.cache
def _read(text: str) -> dict[str, Any]:
    """The resources of a template; a key of the schema changes few of the texts."""
    found: dict[str, Any] = parse(text)["Resources"]
    return found


def resources(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every resource of an environment, by `layer/LogicalId`."""
    found = {}
    for template in rendered(document).templates:
        for name, each in _read(template.text).items():
            found[f"{template.layer}/{name}"] = each
    return found


def at(properties: Any, path: str) -> Any:
    """The value at a dotted path; the rest of a path may be one key with dots."""
    if isinstance(properties, dict) and path in properties:
        return properties[path]
    head, _, rest = path.partition(".")
    return at(properties[head], rest) if rest and isinstance(properties, dict) and head in properties else None


def weaknesses(place: str, resource: dict[str, Any]) -> Iterator[str]:
    """What of a resource is not encrypted, private or narrow."""
    row = resource_type(resource["Type"])
    properties = resource.get("Properties", {})
    if not row.known:
        yield f"{place}: {resource['Type']} has no row"
    for paths, values in row.safe.items():
        held = [at(properties, path) for path in paths.split(" or ")]
        if not any(each in values if values else each not in (None, False) for each in held):
            yield f"{place}: {paths} is {held}"
    if resource["Type"] == "AWS::IAM::Role":
        yield from wide(place, properties)


def wide(place: str, role: dict[str, Any]) -> Iterator[str]:
    """Statements that allow more than named actions, or the use of a key without saying through which service."""
    for policy in role.get("Policies", ()):
        for each in policy["PolicyDocument"]["Statement"]:
            if each["Effect"] != "Allow":
                continue
            actions = [each["Action"]] if isinstance(each["Action"], str) else each["Action"]
            name, key = place.rpartition("/")[2], json.dumps(each["Resource"])
            if any(one.endswith("*") for one in actions):
                yield f"{place}: {actions}"
            excused = any(name == role and of in key for role, of in CONDITIONLESS)
            if any(one.startswith("kms:") for one in actions) and "Condition" not in each and not excused:
                yield f"{place}: {actions} without a condition"


ENVIRONMENTS = {"base": changed("project")[0], **{key: changed(key)[1] for key in CHANGES}}


@pytest.mark.long
@pytest.mark.parametrize("key", ENVIRONMENTS)
def test_whatever_can_be_safe_is(key: str) -> None:
    """Every resource of an environment, with each key of the schema changed once."""
    found = [each for place, resource in resources(ENVIRONMENTS[key]).items() for each in weaknesses(place, resource)]
    assert found == []


def weakened() -> Iterator[tuple[str, str]]:
    """Each type and property that a row of a rendered type calls safe."""
    everything = {
        each["Type"] for key in ("base", "network.nat_instance_type") for each in resources(ENVIRONMENTS[key]).values()
    }
    for kind in sorted(everything):
        for paths in resource_type(kind).safe:
            yield kind, paths


def without(properties: Any, path: str) -> None:
    if path in properties:
        del properties[path]
        return
    head, _, rest = path.partition(".")
    if rest and head in properties:
        without(properties[head], rest)


def test_each_weakening_of_a_safe_property_is_noticed() -> None:
    """Taken out, one at a time: the walk says so. The rows of a dozen types have something to say."""
    rendered = {**resources(ENVIRONMENTS["base"]), **resources(ENVIRONMENTS["network.nat_instance_type"])}
    tried = set()
    for kind, paths in weakened():
        place = next(name for name, each in rendered.items() if each["Type"] == kind)
        weaker = copy.deepcopy(rendered[place])
        for path in paths.split(" or "):
            without(weaker["Properties"], path)
        assert list(weaknesses(place, weaker)), (kind, paths)
        tried.add(kind)
    assert len(tried) >= 12


def test_a_decryption_without_its_condition_is_noticed() -> None:
    """Of each role that has one."""
    tried = 0
    for place, each in resources(ENVIRONMENTS["base"]).items():
        weaker = copy.deepcopy(each)
        if each["Type"] == "AWS::IAM::Role" and "kms:ViaService" in json.dumps(each):
            for policy in weaker["Properties"]["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    statement.pop("Condition", None)
            assert any("without a condition" in one for one in weaknesses(place, weaker))
            tried += 1
    assert tried >= 2
