"""Nested stacks: where their templates are, what an update keeps, and what a deletion does.

- TemplateURL `https://BUCKET.s3.REGION.amazonaws.com/KEY`: MiniStack takes the first segment of the path for the
  bucket.
- Update: an unchanged resource of the child loses its `Fn::GetAtt` values, because its old attributes are not passed.
  A custom resource of the child that answers with another physical id gets no Delete for the old one.
- Generated names: an unnamed bucket draws a seed for its name, and in a nested stack the seed is neither kept with the
  bucket nor taken back, so that bucket and all unnamed resources created after it are replaced by the next update.
- Deletion: MiniStack ignores the children's DeletionPolicy, writes no events and swallows failures. On AWS a nested
  stack is deleted like any stack, and its failure fails the parent: "Embedded stack … was not successfully deleted".
- A nested stack that fails to be created: MiniStack leaves it and all it made behind. On AWS the parent's rollback
  deletes it.
"""

import asyncio
import contextvars
import re
import sys
import threading
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import helpers, provisioners, stacks

from infragen_local.patches.handlers import Created, Properties, handler, replace

TYPE = "AWS::CloudFormation::Stack"

# Among a resource's attributes, which are kept with it and which no template asks for by this name.
_SEED = "infragen:NameSeed"
_BUCKET_HOST = re.compile(r"https://([a-z0-9.-]+)\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?/(.+)$")


def apply() -> None:
    """Make nested stacks follow AWS in the points above."""
    _find_templates_by_bucket_host()
    _keep_generated_names()
    _complete_updates_of_children()
    own_create = handler(TYPE)["create"]

    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        try:
            physical_id, attributes = own_create(logical_id, properties, stack)
        except Exception:
            _delete_failed_children(stack, logical_id)
            raise
        return physical_id, attributes

    replace(TYPE, create=create, delete=_delete)


def _find_templates_by_bucket_host() -> None:
    own = helpers._resolve_document

    def resolve(params: dict[str, Any], body_key: str, url_key: str, label: str) -> Any:
        found = _BUCKET_HOST.match(helpers._p(params, url_key) or "")
        if found:
            params = {**params, url_key: [f"https://s3.amazonaws.com/{found[1]}/{found[2]}"]}
        return own(params, body_key, url_key, label)

    helpers._resolve_document = resolve


def _keep_generated_names() -> None:
    own = provisioners._provision_resource

    def provision(*arguments: Any) -> Any:
        if sys._getframe(1).f_code.co_name != "_cfn_nested_stack_deploy":
            return own(*arguments)  # a replacement, which chose its seed, or a stack that keeps seeds itself
        before = provisioners._NAME_SEED.set("")
        try:
            physical_id, attributes = own(*arguments)
            seed = provisioners._NAME_SEED.get()
            return physical_id, {**(attributes or {}), _SEED: seed} if seed else attributes
        finally:
            provisioners._NAME_SEED.reset(before)

    provisioners._provision_resource = provision


def _complete_updates_of_children() -> None:
    own = provisioners._update_resource

    def update(*arguments: Any) -> Any:
        # Only the nested deploy calls with six arguments; the old record is its local variable `prev`.
        if len(arguments) != 6:
            return own(*arguments)
        attributes = (sys._getframe(1).f_locals.get("prev") or {}).get("Attributes") or {}
        if _SEED in attributes:
            provisioners._NAME_SEED.set(attributes[_SEED])  # MiniStack keeps it from here on
        resource_type, physical_id, old, _new, stack, logical_id = arguments
        updated = own(*arguments, attributes)
        if resource_type.startswith("Custom::") and updated[0] != physical_id:
            provisioners._delete_predecessor(
                provisioners._delete_resource, resource_type, physical_id, old, stack, logical_id
            )
        return updated

    # `stacks` imported the function by name, passes the attributes itself and deletes predecessors later.
    provisioners._update_resource = update


def _delete(physical_id: str, _properties: Properties) -> None:
    name = provisioners._nested_stack_lookup_name(physical_id)
    child = cloudformation._stacks.get(name)
    if not child or child.get("StackStatus") == "DELETE_COMPLETE":
        return
    _delete_as_stack(name, child["StackId"])
    if child.get("StackStatus") == "DELETE_FAILED":
        raise ValueError(
            f"Embedded stack {child['StackId']} was not successfully deleted: {child.get('StackStatusReason')}"
        )


def _delete_failed_children(parent: str, logical_id: str) -> None:
    failed = [
        (name, child["StackId"])
        for name, child in cloudformation._stacks.items()
        if child.get("_parent_stack_name") == parent
        and child.get("StackStatus") == "CREATE_FAILED"
        and name.startswith(f"{parent}-{logical_id}-")
    ]
    for name, stack_id in failed:
        _delete_as_stack(name, stack_id)


def _delete_as_stack(name: str, stack_id: str) -> None:
    """Run MiniStack's deletion of a top-level stack for a nested one, on an event loop of its own."""
    context = contextvars.copy_context()
    deletion = threading.Thread(
        target=context.run, args=(asyncio.run, stacks._delete_stack_async(name, stack_id)), daemon=True
    )
    deletion.start()
    deletion.join()
