"""MiniStack's table of resource types: how a type is added to it, and how one of its functions is replaced.

MiniStack keeps a dictionary for each CloudFormation type: `create(logical_id, properties, stack_name)` returns the
physical id and the attributes for `Fn::GetAtt`; `update(physical_id, old, new, stack_name)` returns the same;
`delete(physical_id, properties)`. A failure is an exception; its text becomes the event's reason.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
Create = Callable[[str, Properties, str], Created]
Delete = Callable[[str, Properties], None]


class Reason(str):
    """Why a resource failed, with the physical id that it had by then."""

    __slots__ = ("physical_id",)
    physical_id: str


class Unstable(ValueError):
    """A resource that was created and is not steady. Its text, which becomes the event's reason, holds its physical id,
    by which AWS's events name it from "Resource creation Initiated" on.
    """

    def __init__(self, reason: str, physical_id: str) -> None:
        super().__init__(reason)
        self._reason = Reason(reason)
        self._reason.physical_id = physical_id

    def __str__(self) -> str:
        return self._reason


def _nothing(_physical_id: str, _properties: Properties) -> None:
    """Do nothing: the type keeps no record that would have to follow a change or go away."""


@dataclass(frozen=True)
class ResourceType:
    """A type that MiniStack lacks.

    `create_only` are the properties whose change makes AWS create a new resource in place of the old one;
    `change` follows a change of the others; `attributes` reads what `Fn::GetAtt` gives for a physical id.
    """

    create: Create
    attributes: Callable[[str, Properties], dict[str, Any]]
    delete: Delete = _nothing
    change: Delete = _nothing
    create_only: frozenset[str] = field(default_factory=frozenset)


def add(name: str, resource_type: ResourceType) -> None:
    """Make MiniStack accept and provision the CloudFormation type `name`."""

    def update(physical_id: str, _old: Properties, new: Properties, _stack: str) -> Created:
        resource_type.change(physical_id, new)
        return physical_id, resource_type.attributes(physical_id, new)

    provisioners._RESOURCE_HANDLERS[name] = {
        "create": resource_type.create,
        "update": update,
        "delete": resource_type.delete,
    }
    # MiniStack replaces the resource when one of these changes, and says so in the change set.
    provisioners._REPLACING_PROPERTIES[name] = resource_type.create_only


def placeholder(
    new_id: Callable[[str, Properties, str], str],
    attributes: Callable[[str, Properties], dict[str, Any]],
    create_only: frozenset[str] = frozenset(),
) -> ResourceType:
    """Return a type of which only the physical id and the attributes matter: no service keeps a record of it."""

    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        physical_id = new_id(logical_id, properties, stack)
        return physical_id, attributes(physical_id, properties)

    return ResourceType(create, attributes, create_only=create_only)


def handler(name: str) -> dict[str, Any]:
    """Return MiniStack's functions for a type it has."""
    return dict(provisioners._RESOURCE_HANDLERS[name])


def replace(name: str, **functions: Callable[..., Any]) -> None:
    """Put other functions (`create`, `update`, `delete`) in the place of MiniStack's own for a type it has."""
    provisioners._RESOURCE_HANDLERS[name] = {**provisioners._RESOURCE_HANDLERS[name], **functions}


def convert_properties(name: str, convert: Callable[[Properties], Properties]) -> None:
    """Convert a type's properties before MiniStack's own create and update see them."""
    own = handler(name)
    replace(
        name,
        create=lambda logical_id, properties, stack: own["create"](logical_id, convert(properties), stack),
        update=lambda physical_id, old, new, *rest: own["update"](physical_id, convert(old), convert(new), *rest),
    )


def add_attributes(name: str, attributes: Callable[[str, Properties], dict[str, Any]]) -> None:
    """Add attributes for `Fn::GetAtt` to those that MiniStack's own create and update return."""
    own = handler(name)

    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        physical_id, given = own["create"](logical_id, properties, stack)
        return physical_id, {**(given or {}), **attributes(physical_id, properties)}

    def update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Created:
        new_physical_id, given = own["update"](physical_id, old, new, *rest)
        return new_physical_id, {**(given or {}), **attributes(new_physical_id, new)}

    replace(name, create=create, update=update)


def refuse_delete(name: str, reason: Callable[[str, Properties], str]) -> None:
    """Let a type's deletion fail with `reason(physical_id, properties)` where that is not empty."""
    own = handler(name)

    def delete(physical_id: str, properties: Properties, *rest: Any) -> None:
        why = reason(physical_id, properties)
        if why:
            raise ValueError(why)
        own["delete"](physical_id, properties, *rest)

    replace(name, delete=delete)


def new_ec2_id(prefix: str) -> str:
    """Return an identifier in EC2's form: `eipalloc-` and 17 hexadecimal digits."""
    return f"{prefix}-{uuid.uuid4().hex[:17]}"


def is_true(value: object) -> bool:
    """Read a CloudFormation boolean, which arrives as a bool or as text."""
    return str(value).lower() == "true"
