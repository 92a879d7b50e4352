"""Resources that no stack made: what Cloud Control API reads of them, and how a stack takes them over.

Refusals of CreateChangeSet in the order in which AWS makes them, as public threads quote them and as MiniStack's
authors measured them on AWS (services/cloudformation/changesets.py, tests/test_cfn_import.py, read 2026-11-29): of
Outputs awslabs/aws-security-assessment-solution#6 (2021), of DeletionPolicy webdigi/AWS-VPN-Server-Setup#87 (2024), of
tags and role several public repositories. A resource that does not exist, or that another stack has, fails the change
set and not the request. The properties of the template are not compared with those of the resource ("Import AWS
resources into a CloudFormation stack manually", User Guide).
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from fakeaws import resources
from fakeaws.clock import OperationError, Steps
from fakeaws.cloud import Cloud
from fakeaws.model import Change, ChangeSet, Resource, Stack, Target
from fakeaws.operations import Operation
from fakeaws.protocol import ApiError, validation_error
from fakeaws.templates import NESTED

Params = Mapping[str, Any]
FORBIDDEN = "As part of the import operation, you cannot modify or add [{}]"


def is_new(stack: Stack | None) -> bool:
    """Whether an import makes the stack: there is none, or one that only change sets of it exist for."""
    return stack is None or stack.status in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")


def refuse(p: Params, stack: Stack | None, target: Target) -> None:
    """Raise what AWS answers to an import that is more than one, or not complete."""
    entries = p.get("ResourcesToImport") or []
    if not entries:
        raise validation_error("Must Provide at least one resource to import")
    old: dict[str, Any] = {} if stack is None or is_new(stack) else stack.target.body
    settings = [
        *(["RoleArn"] if p.get("RoleARN") and (is_new(stack) or _other_role(stack, p["RoleARN"])) else []),
        *(["Tags"] if p.get("Tags") else []),
    ]
    if settings:
        raise validation_error(FORBIDDEN.format(", ".join(settings)))
    if (target.body.get("Outputs") or {}) != (old.get("Outputs") or {}):
        raise validation_error(FORBIDDEN.format("Outputs"))
    if any(each["Type"] == NESTED for each in target.body["Resources"].values()) and p.get("IncludeNestedStacks"):
        raise validation_error("IncludeNestedStacks is not supported for import operations")  # assumed words
    _refuse_entries(entries, target.body["Resources"])
    _refuse_template(
        [each["LogicalResourceId"] for each in entries], target.body["Resources"], old.get("Resources", {})
    )


def _other_role(stack: Stack | None, role: str) -> bool:
    return stack is not None and stack.target.role_arn != role


def _refuse_entries(entries: list[dict[str, Any]], declared: Mapping[str, Any]) -> None:
    names = [each["LogicalResourceId"] for each in entries]
    if len(set(names)) != len(names):
        raise validation_error("Every resource to import must have unique LogicalResourceId")
    undeclared = [name for name in names if name not in declared]
    if undeclared:
        raise validation_error(
            f"The logical resource ids [{', '.join(undeclared)}] provided in ResourceToImport do not exist in the "
            "template."
        )
    for each in entries:
        kind, wanted = each["ResourceType"], declared[each["LogicalResourceId"]]["Type"]
        keys = [path.rpartition("/")[2] for path in (resources.schema(kind) or {}).get("primaryIdentifier", [])]
        if list(each["ResourceIdentifier"]) != keys:
            raise validation_error(
                f"Invalid resource identifier for resource type {kind}. Expected [{', '.join(keys)}]"
            )
        if kind != wanted:
            raise validation_error(
                f"Resource type of [{each['LogicalResourceId']}] passed in ResourceToImport does not match with "
                f"resource type defined in the template. Resource type in ResourceToImport: {kind}; Resource type in "
                f"Template: {wanted}."
            )


def _refuse_template(names: list[str], declared: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    added = [name for name in declared if name not in old]
    if not added:
        raise validation_error("The template should contain at least one new resource to import.")
    inside = [name for name in names if name in old]
    if inside:
        raise validation_error(
            f"Resources [{', '.join(inside)}] passed in ResourceToImport are already in a stack and cannot be imported."
        )
    missing = [name for name in added if name not in names]
    if missing:
        raise validation_error(f"Resources [{', '.join(missing)}] is missing from ResourceToImport list")
    touched = sorted(name for name in old if declared.get(name) != old[name])
    if touched:
        raise validation_error(
            f"You have modified resources [{', '.join(touched)}] in your template that are not being imported. Update, "
            "create or delete operations cannot be executed during import operations."
        )
    bare = [name for name in names if "DeletionPolicy" not in declared[name]]
    if bare:
        raise validation_error(
            f"The following resources to import [{', '.join(bare)}] must have DeletionPolicy attribute specified in "
            "the template."
        )


def compute(cloud: Cloud, change_set: ChangeSet) -> None:
    """Look each resource up, and make its row."""
    for name, each in change_set.imports.items():
        identifier = "|".join(each["ResourceIdentifier"].values())
        kind = each["ResourceType"]
        owner = _owner(cloud, change_set.stack, kind, identifier)
        if owner is not None:
            raise OperationError(f"{identifier} already exists in stack {owner.id}")
        if properties_of(cloud, change_set.stack.account, change_set.stack.region, kind, identifier) is None:
            raise OperationError(f"Resource of type '{kind}' with identifier '{identifier}' was not found.")
        change_set.changes.append(Change("Import", name, kind, physical_id=identifier))
    change_set.outputs = dict(change_set.stack.outputs)


def run(operation: Operation, change_set: ChangeSet) -> Steps:
    """Take the resources over: their properties are those of the template from then on. A failure leaves the stack as
    it was, and the resources as they are.
    """
    cloud, stack, target = operation.cloud, operation.stack, change_set.target
    nothing = dataclasses.replace(target, text="Resources: {}\n", body={"Resources": {}}, parameters={})  # assumed
    before = (nothing if is_new(stack) else stack.target, copy.deepcopy(stack.resources))
    stack.target = target
    cloud.move(stack, "IMPORT_IN_PROGRESS", "User Initiated", operation.token)
    wanted = cloud.scope(stack, target, lambda name: _given(stack, change_set, name), lambda *_: "").resources()
    for name, each in change_set.imports.items():
        identifier = "|".join(each["ResourceIdentifier"].values())
        resource = Resource(name, each["ResourceType"], wanted[name], physical_id=identifier)
        stack.resources[name] = resource
        _record(operation, resource, "IMPORT_IN_PROGRESS", "Resource import started.")
        fault = cloud.script.resource(stack.name, name, "import")
        yield cloud.settings.change_set_seconds
        if fault and fault.reason is not None:
            _record(operation, resource, "IMPORT_FAILED", fault.reason)
            cloud.move(stack, "IMPORT_ROLLBACK_IN_PROGRESS", fault.reason, operation.token)
            stack.target, stack.resources = before
            cloud.move(stack, "IMPORT_ROLLBACK_COMPLETE", "", operation.token)
            raise OperationError(fault.reason)
        scope = cloud.scope(stack, target, lambda name: _given(stack, change_set, name), _attribute(cloud, change_set))
        resource.properties = scope.evaluate(wanted[name].get("Properties") or {})
        _record(operation, resource, "IMPORT_COMPLETE", "Resource import completed.")
        _record(operation, resource, "UPDATE_IN_PROGRESS", "Apply stack-level tags to imported resource if applicable.")
        _record(operation, resource, "UPDATE_COMPLETE")
    stack.last_stable = (stack.target, copy.deepcopy(stack.resources))
    cloud.move(stack, "IMPORT_COMPLETE", "", operation.token)


def _record(operation: Operation, resource: Resource, status: str, reason: str = "") -> None:
    resource.status = status
    operation.cloud.record(operation.stack, resource, status, reason, operation.token)


def _given(stack: Stack, change_set: ChangeSet, name: str) -> Any:
    each = change_set.imports.get(name)
    return next(iter(each["ResourceIdentifier"].values())) if each else stack.resources[name].physical_id


def _attribute(cloud: Cloud, change_set: ChangeSet) -> Any:
    def attribute(name: str, which: str) -> Any:
        stack, each = change_set.stack, change_set.imports.get(name)
        if each is None:
            return resources.attribute(stack, stack.resources[name], which)
        identifier = "|".join(each["ResourceIdentifier"].values())
        found = properties_of(cloud, stack.account, stack.region, each["ResourceType"], identifier) or {}
        return found.get(which, "")

    return attribute


def _owner(cloud: Cloud, stack: Stack, kind: str, identifier: str) -> Stack | None:
    for other in cloud.stacks.values():
        mine = (other.account, other.region) == (stack.account, stack.region) and other.status != "DELETE_COMPLETE"
        if mine and any((r.type, r.physical_id) == (kind, identifier) for r in other.resources.values()):
            return other
    return None


def properties_of(cloud: Cloud, account: str, region: str, kind: str, identifier: str) -> dict[str, Any] | None:
    """What a resource is, whoever made it."""
    found: dict[str, Any] | None = cloud.unmanaged.get((account, region, kind, identifier))
    return found


class CloudControl:
    """Cloud Control API, as far as somebody reads one resource: its type's identifier, and its properties as JSON in a
    text (Cloud Control API Reference, "GetResource", read 2026-11-29).
    """

    def __init__(self, cloud: Cloud, account: str, region: str) -> None:
        self.cloud, self.account, self.region = cloud, account, region

    def GetResource(self, p: Params) -> dict[str, Any]:  # noqa: N802 - the name on the wire
        """The properties without those that a service does not give back."""
        kind, identifier = p["TypeName"], p["Identifier"]
        found = properties_of(self.cloud, self.account, self.region, kind, identifier)
        if found is None:
            raise ApiError(
                "ResourceNotFoundException", f"Resource of type '{kind}' with identifier '{identifier}' was not found."
            )
        hidden = (resources.schema(kind) or {}).get("writeOnlyProperties", [])
        told = {name: value for name, value in found.items() if f"/properties/{name}" not in hidden}
        return {"TypeName": kind, "ResourceDescription": {"Identifier": identifier, "Properties": json.dumps(told)}}
