"""What a stack's events say of its nested stacks and of resources that change.

On AWS a nested stack shows in its parent's events with its own ARN as physical id as soon as it exists ("Resource
creation Initiated"), so that its events can be followed, and its failure reads "Embedded stack ARN was not
successfully created: The following resource(s) failed to create: [Queue]." MiniStack gives no physical id while an
operation runs or when it failed, and the failing resource's own reason as the nested stack's. The physical id is
missing too in the events of other resources that are updated, and of those that are created and fail then.
"""

import re
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners, stacks

from infragen_local.patches.handlers import Created, Properties, handler, replace

TYPE = "AWS::CloudFormation::Stack"

_FAILED_RESOURCE = re.compile(r"Resource (\S+) failed: ")


def apply() -> None:
    """Let events name nested stacks by ARN, from their beginning to their failure."""
    _complete_events()
    own = handler(TYPE)

    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        try:
            return _created(own["create"](logical_id, properties, stack))
        except Exception as error:
            raise _failure(_child(stack, logical_id), "create", error) from error

    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        try:
            return _created(own["update"](physical_id, old, new, stack))
        except Exception as error:
            child = cloudformation._stacks.get(provisioners._nested_stack_lookup_name(physical_id))
            raise _failure(child, "update", error) from error

    replace(TYPE, create=create, update=update)


def _created(answer: Any) -> Created:
    physical_id, attributes = answer
    return physical_id, attributes


def _failure(child: dict[str, Any] | None, verb: str, error: Exception) -> Exception:
    """Return what AWS says of a nested stack that failed; the error itself when the stack did not come into being."""
    found = _FAILED_RESOURCE.match((child or {}).get("StackStatusReason") or "")
    if child is None or found is None:
        return error
    return ValueError(
        f"Embedded stack {child['StackId']} was not successfully {verb}d: "
        f"The following resource(s) failed to {verb}: [{found[1]}]. "
    )


def _child(parent: str, logical_id: str) -> dict[str, Any] | None:
    """Return the record of the nested stack that was made last for a resource of the parent."""
    children = [
        record
        for name, record in cloudformation._stacks.items()
        if record.get("_parent_stack_name") == parent and _logical_id(parent, name) == logical_id
    ]
    return children[-1] if children else None


def _logical_id(parent: str, child: str) -> str:
    """Return the logical id in a nested stack's name: `PARENT-LogicalId-` and twelve characters."""
    return child.removeprefix(f"{parent}-")[:-13]


def _complete_events() -> None:
    own = stacks._add_event

    def add_event(
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        reason: str = "",
        physical_id: str = "",
        **more: Any,
    ) -> None:
        record = cloudformation._stacks.get(stack_name) or {}
        physical_id = physical_id or _physical_id(record, stack_name, logical_id, resource_type, status)
        physical_id = physical_id or getattr(reason, "physical_id", "")
        own(stack_id, stack_name, logical_id, resource_type, status, str(reason), physical_id, **more)
        parent = record.get("_parent_stack_name")
        if parent and logical_id == stack_name and status == "CREATE_IN_PROGRESS":
            name = _logical_id(parent, stack_name)
            own(record["ParentId"], parent, name, TYPE, status, "Resource creation Initiated", stack_id)

    stacks._add_event = add_event


def _physical_id(record: dict[str, Any], stack: str, logical_id: str, resource_type: str, status: str) -> str:
    known = (record.get("_resources") or {}).get(logical_id) or {}
    if known.get("PhysicalResourceId"):
        return str(known["PhysicalResourceId"])
    if resource_type == TYPE and logical_id != stack and status == "CREATE_FAILED":
        return str((_child(stack, logical_id) or {}).get("StackId", ""))
    return ""
