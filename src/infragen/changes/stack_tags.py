"""What a change of a stack's tags does: CloudFormation passes them on to nested stacks and to what takes tags.

Pure. Which types take tags is said by their schemas ("tagging" in the User Guide's "Resource type definition schema").
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from infragen.changes.replacement import recreation, schema_of
from infragen.changes.values import given_back
from infragen.cloud.cloudformation import Cause, CauseKind, PropertyChange, ResourceChange

TAGGED = Cause(CauseKind.STACK_TAGS)
"""The cause of a change that is no more than a tag of the stack passed on."""


def inherited(tags: Mapping[str, str], nested: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the tags of a nested stack: its parent's, and over them its own, as its resource in the
    parent has them.
    """
    return {**tags, **_written(nested, "Tags")}


def as_written(read: Mapping[str, str], written: Mapping[str, str]) -> dict[str, str]:
    """Return a stack's tags as DescribeStacks has them, with those texts of `written` that it gave back with question
    marks for characters beyond ASCII (`values.given_back`).
    """
    found = dict[str, str]()
    for key, value in read.items():
        name = key if key in written else next((each for each in written if given_back(key, each)), key)
        wanted = written.get(name)
        found[name] = wanted if wanted is not None and given_back(value, wanted) else value
    return found


def names(tags: Collection[PropertyChange]) -> frozenset[str]:
    """Return the names of tags that change."""
    return frozenset(str(each.path[0]) for each in tags)


def reached(resource: Mapping[str, Any], region: str, changed: Collection[str]) -> bool:
    """Return whether any of these tags of its stack is passed on to a resource, as CloudFormation would work with it.

    Not to a type that takes none, nor over a tag of the same name that the resource has of its own. False, too, for
    types without a schema, custom resources among them: what they take is not known.
    """
    name = _property(resource["Type"], region)
    return bool(name and set(changed) - _written(resource, name).keys())


def retagged(resource_type: str, region: str) -> PropertyChange:
    """Return the change of a resource to which the stack's tags are passed on; of a few types it makes a
    new resource.
    """
    effect = recreation(resource_type, region, ("Properties", _property(resource_type, region)))
    return PropertyChange(("Tags",), recreation=effect, causes=(TAGGED,))


def only_tagged(row: ResourceChange) -> bool:
    """Return whether nothing happens to a resource but that the stack's tags are passed on to it, in place."""
    return row.action == "Modify" and row.replacement in ("False", "") and only_tags(row.properties)


def only_tags(properties: Iterable[PropertyChange]) -> bool:
    """Return whether some values change, and all of them because of the stack's tags alone."""
    return {each.causes for each in properties} == {(TAGGED,)}


def _property(resource_type: str, region: str) -> str:
    """Return the property that holds the tags of a type; empty when it takes none.

    Older schemas have one word, `taggable`, and some neither: a type with Tags then takes them.
    """
    schema = schema_of(resource_type, region)
    if schema is None:
        return ""
    tagging = schema.body.get("tagging", {})
    takes = tagging.get("taggable", schema.body.get("taggable", "Tags" in schema.properties))
    return str(tagging.get("tagProperty", "Tags")).rpartition("/")[2] if takes else ""


def _written(resource: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    """Return the tags that a resource has of its own, as far as they are written out: a list of Key and Value, or a
    map.
    """
    tags = resource.get("Properties", {}).get(name) if resource else None
    if isinstance(tags, list):
        named = (each for each in tags if isinstance(each, dict) and isinstance(each.get("Key"), str))
        return {each["Key"]: each.get("Value") for each in named}
    return tags if isinstance(tags, dict) and not any(key.startswith("Fn::") or key == "Ref" for key in tags) else {}
