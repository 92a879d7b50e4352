"""Change sets: computing them (nested ones too), their life, and what executing one does to the others.

Sources: "CreateChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "DescribeChangeSet", "ResourceChange",
"ResourceChangeDetail" (CloudFormation API Reference); "Change sets for nested stacks" (User Guide).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fakeaws import imports, nested, resources, revert
from fakeaws.clock import OperationError, Steps
from fakeaws.cloud import Cloud
from fakeaws.model import Change, ChangeSet, Resource, Stack, Target
from fakeaws.operations import (
    as_text,
    changed_properties,
    child_name,
    child_target,
    dependencies,
    same_target,
)
from fakeaws.protocol import ApiError
from fakeaws.templates import KNOWN_AFTER_APPLY, NESTED, Scope, mentions

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
NO_UPDATES = "No updates are to be performed."
EARLY_VALIDATION = (
    "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To troubleshoot Early "
    "Validation errors, use the DescribeEvents API for detailed failure information."
)


@dataclass
class Projection:
    """What a stack would look like after the change set: which resources change, and the values known beforehand."""

    cloud: Cloud
    change_set: ChangeSet
    changes: list[Change] = field(default_factory=list)
    renewed: set[str] = field(default_factory=set)
    """Resources that get a new physical id: what refers to them is known only afterwards."""
    perhaps: set[str] = field(default_factory=set)
    """Resources that get one only if an attribute of what changes in place turns out otherwise. With property values it
    is evaluated to its present value (recorded: test_change_set_fn_get_attr.py, 2025-04-08), and nothing follows."""
    modified: set[str] = field(default_factory=set)
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    child_outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    """What could not be computed of the resource that is being looked at."""

    @property
    def stack(self) -> Stack:
        """The stack that would change."""
        return self.change_set.stack

    def scope(self) -> Scope:
        """Evaluates against the present resources; what does not exist yet reads KNOWN_AFTER_APPLY."""
        return self.cloud.scope(self.stack, self.change_set.target, self._ref, self._attribute, self.warnings.append)

    def _ref(self, name: str) -> Any:
        resource = self.stack.resources.get(name)
        return KNOWN_AFTER_APPLY if resource is None or name in self.renewed else resource.physical_id

    def _attribute(self, name: str, attribute: str) -> Any:
        resource = self.stack.resources.get(name)
        if name in self.child_outputs:
            return self.child_outputs[name].get(attribute.removeprefix("Outputs."), KNOWN_AFTER_APPLY)
        if resource is None or name in self.renewed:
            return KNOWN_AFTER_APPLY
        if resource.type == NESTED:
            if name in self.modified:
                return KNOWN_AFTER_APPLY
            return self.cloud.child(resource).outputs.get(attribute.removeprefix("Outputs."), KNOWN_AFTER_APPLY)
        return resources.attribute(self.stack, resource, attribute)

    def wiring(self) -> Scope:
        """Evaluates the properties of a nested stack: what its siblings give is a placeholder."""
        return self.cloud.scope(self.stack, self.change_set.target, self._ref, self._sibling, self.warnings.append)

    def _sibling(self, name: str, attribute: str) -> Any:
        known = self._attribute(name, attribute)
        if not (self.change_set.include_nested and attribute.startswith("Outputs.")):
            return known
        moved = name in self.renewed or name in self.modified
        return nested.output(self.cloud, self.stack, name, attribute.removeprefix("Outputs."), moved, known)


def compute(cloud: Cloud, change_set: ChangeSet) -> None:
    """Fill in the changes and the outputs; ApiError or OperationError when the set cannot be created."""
    projection = Projection(cloud, change_set)
    scope = projection.scope()
    wanted = scope.resources()
    _refuse_other_types(change_set, wanted)
    needs = dependencies(wanted)
    waiting = list(wanted)
    while waiting:
        name = next((n for n in waiting if not needs[n] & set(waiting)), None)
        if name is None:
            raise ApiError("ValidationError", f"Circular dependency between resources: [{', '.join(waiting)}]")
        waiting.remove(name)
        change = _change_of(projection, name, wanted[name])
        if change is not None:
            projection.changes.append(change)
    gone = [r for n, r in change_set.stack.resources.items() if n not in wanted]
    projection.changes += [_removal(r, change_set.stack.target.parameters) for r in gone]
    change_set.changes = sorted(projection.changes, key=lambda change: change.logical_id)
    outputs = change_set.target.body.get("Outputs") or {}
    change_set.outputs = {
        name: as_text(scope.evaluate(entry["Value"]))
        for name, entry in outputs.items()
        if "Condition" not in entry or scope.condition(entry["Condition"])
    }


def _refuse_other_types(change_set: ChangeSet, wanted: dict[str, Any]) -> None:
    """Fail a set in which a resource has another type under its logical id (aws/aws-sam-cli#6786, 2024-03-06; of custom
    types, too: panther-labs/panther#1895, 2020-10-29; in a nested stack: aws-quickstart/quickstart-amazon-eks#141).
    """
    present = change_set.stack.resources
    other = [name for name, each in wanted.items() if name in present and present[name].type != each["Type"]]
    if other:
        raise OperationError(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{', '.join(other)}]"
        )


def _change_of(projection: Projection, name: str, definition: dict[str, Any]) -> Change | None:
    projection.warnings = []
    scope = projection.wiring() if definition["Type"] == NESTED else projection.scope()
    properties: dict[str, Any] = scope.evaluate(definition.get("Properties") or {})
    projection.properties[name] = properties
    change = _change_to(projection, name, definition, properties)
    if change is not None:
        change.warnings = projection.warnings
    return change


def _change_to(
    projection: Projection, name: str, definition: dict[str, Any], properties: dict[str, Any]
) -> Change | None:
    current = projection.stack.resources.get(name)
    exists = current is not None and bool(current.physical_id) and current.status not in ("CREATE_FAILED",)
    if not exists or current is None:
        projection.renewed.add(name)
        change = Change("Add", name, definition["Type"], after=_context(properties))
        if definition["Type"] == NESTED and projection.change_set.include_nested:
            _nest(projection, change, properties, None)
        return change
    if definition["Type"] == NESTED and current.type == NESTED:
        return _nested_change(projection, current, definition, properties)
    details = _all_details(projection, current, definition, properties)
    if not details and current.status != "UPDATE_FAILED":
        return None
    return _modification(projection, current, definition, properties, details)


def _all_details(
    projection: Projection, current: Resource, definition: dict[str, Any], properties: dict[str, Any]
) -> list[dict[str, Any]]:
    """What changes, and without property values also what refers to an attribute of what changes in place."""
    changed = changed_properties(current, definition, properties, projection.change_set.target.tags)
    if "Metadata" not in changed and _causes(projection, definition.get("Metadata")):
        changed.append("Metadata")
    details = [d for key in changed for d in _details(projection, current, definition, properties, key)]
    for key, raw in (definition.get("Properties") or {}).items():
        if key not in changed:
            perhaps = [row for row in _causes(projection, raw) if row["Evaluation"] == "Dynamic"]
            target = _target(current, key)
            details += [{"Target": target, **row, "_only": False} for row in perhaps]
    return details


def _modification(
    projection: Projection,
    current: Resource,
    definition: dict[str, Any],
    properties: dict[str, Any],
    details: list[dict[str, Any]],
) -> Change:
    recreations = {(d["Target"]["RequiresRecreation"], d["Evaluation"]) for d in details}
    if definition["Type"] != current.type or ("Always", "Static") in recreations:
        replacement = "True"
    elif any(recreation != "Never" for recreation, _ in recreations):
        replacement = "Conditional"
    else:
        replacement = "False"
    certain = any(d["Target"]["RequiresRecreation"] != "Never" and d.get("_only") is not False for d in details)
    if replacement == "True" or certain:
        projection.renewed.add(current.logical_id)
    elif replacement != "False":
        projection.perhaps.add(current.logical_id)
    projection.modified.add(current.logical_id)
    policy = str(definition.get("UpdateReplacePolicy", "Delete"))
    policy = {"RetainExceptOnCreate": "Retain"}.get(policy, policy)
    return Change(
        "Modify",
        current.logical_id,
        definition["Type"],
        physical_id=current.physical_id,
        replacement=replacement,
        policy_action=f"ReplaceAnd{policy}" if replacement == "True" else None,
        scope=sorted({d["Target"]["Attribute"] for d in details}),
        details=details,
        before=_context(current.properties),
        after=_context(properties),
    )


def _target(current: Resource, key: str, own: bool = True) -> dict[str, Any]:
    """What a detail is about: a property, or another attribute of the resource.

    Tags that the resource has of its `own` are a property (recorded: test_no_echo_parameter, 2025-08-15; as a map:
    test_embedded_macro_fn_transform, 2025-06-03), and those of the stack an attribute (API ResourceTargetDefinition).
    """
    if key == "Metadata" or (key == "Tags" and not own):
        return {"Attribute": key, "RequiresRecreation": "Never"}
    recreation = resources.recreation(current.type, key)
    return {"Attribute": "Properties", "Name": key, "RequiresRecreation": recreation, "Path": f"/Properties/{key}"}


def _details(
    projection: Projection, current: Resource, definition: dict[str, Any], properties: dict[str, Any], key: str
) -> list[dict[str, Any]]:
    """The rows of one change: one for each cause, and one for the modification itself (recorded: tests/conformance).

    The modification itself is Dynamic where it has another cause. Where only another resource is that cause, it is
    told with property values alone.
    """
    before, after = current.properties.get(key), properties.get(key)
    raw, was = (
        each if key == "Metadata" else each.get("Properties") or {} for each in (definition, current.definition)
    )
    raw, was = raw.get(key), was.get(key)
    target = _target(current, key, own=before != after)
    if before is not None:
        target["BeforeValue"] = as_text(before)
    if after is not None:
        target["AfterValue"] = as_text(after)
    target["AttributeChangeType"] = "Add" if before is None else "Remove" if after is None else "Modify"
    causes = _causes(projection, raw)
    direct: dict[str, Any] = {"Evaluation": "Dynamic" if causes else "Static", "ChangeSource": "DirectModification"}
    if causes and raw == was and all(row["ChangeSource"] != "ParameterReference" for row in causes):
        direct["_only"] = True
    return [{"Target": target, **row} for row in (*causes, direct)]


def _causes(projection: Projection, raw: Any) -> list[dict[str, Any]]:
    """Why a value may be another one: a parameter, a resource that is replaced, an attribute of one that changes."""
    rows: list[dict[str, Any]] = []
    old, new = projection.stack.target.parameters, projection.change_set.target.parameters
    for name, attribute in dict.fromkeys(mentions(raw)):
        entity = f"{name}.{attribute}" if attribute else name
        if name in new:
            if name not in old or old[name].text != new[name].text:
                rows.append({"Evaluation": "Static", "ChangeSource": "ParameterReference", "CausingEntity": name})
        elif name in projection.renewed:
            source = "ResourceAttribute" if attribute else "ResourceReference"
            rows.append({"Evaluation": "Static", "ChangeSource": source, "CausingEntity": entity})
        elif name in projection.perhaps or (name in projection.modified and attribute):
            source = "ResourceAttribute" if attribute else "ResourceReference"
            rows.append({"Evaluation": "Dynamic", "ChangeSource": source, "CausingEntity": entity})
    return rows


def _removal(current: Resource, parameters: Mapping[str, Any]) -> Change:
    policy = str(current.definition.get("DeletionPolicy", "Delete"))
    return Change(
        "Remove",
        current.logical_id,
        current.type,
        physical_id=current.physical_id,
        policy_action={"RetainExceptOnCreate": "Retain"}.get(policy, policy),
        before=_context({k: _unless_derived(current, k, v, parameters) for k, v in current.properties.items()}),
    )


def _unless_derived(removed: Resource, key: str, value: Any, parameters: Mapping[str, Any]) -> Any:
    """A property of what is removed, as a change set shows it: a value from another resource it does not know."""
    raw = (removed.definition.get("Properties") or {}).get(key)
    return KNOWN_AFTER_APPLY if any(name not in parameters for name, _ in mentions(raw)) else value


def _context(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"Properties": properties}


# --- nested ----------------------------------------------------------------------------------------------------------


def _nested_change(
    projection: Projection, current: Resource, definition: dict[str, Any], properties: dict[str, Any]
) -> Change | None:
    """A nested stack is listed in every change set of its parent, as a change that may turn out to be none.

    Automatic, because its template might have changed, unless the resource itself did; the stack's tags, which are
    passed on to it, are no change of it (API ResourceChangeDetail).
    """
    cloud, child = projection.cloud, projection.cloud.child(current)
    details = _all_details(projection, current, definition, properties)
    details = [each for each in details if each["Target"]["Attribute"] != "Tags"]
    if not details:
        target = {"Attribute": "Properties", "RequiresRecreation": "Never"}
        details = [{"Target": target, "Evaluation": "Dynamic", "ChangeSource": "Automatic"}]
    change = Change(
        "Modify",
        current.logical_id,
        NESTED,
        physical_id=child.id,
        replacement="False",
        scope=["Properties"],
        details=details,
        before=_context(current.properties),
        after=_context(properties),
    )
    if projection.change_set.include_nested:
        _nest(projection, change, properties, child)
        return change
    try:
        same = KNOWN_AFTER_APPLY not in str(properties) and same_target(
            cloud, child, child_target(cloud, _as_parent(projection), properties, child)
        )
    except (ApiError, OperationError):
        same = False
    if not same:
        projection.modified.add(current.logical_id)
    return change


def _as_parent(projection: Projection) -> Stack:
    """The parent as its children will see it: with the tags and capabilities of the change set."""
    import copy

    parent = copy.copy(projection.stack)
    parent.target = projection.change_set.target
    return parent


def _nest(projection: Projection, change: Change, properties: dict[str, Any], child: Stack | None) -> None:
    """Make the change set of a nested stack; one without changes FAILS and still hangs there."""
    cloud, parent = projection.cloud, projection.change_set
    refused = ""
    try:
        target = child_target(cloud, _as_parent(projection), properties, child)
        nested.check_types(cloud, target.body, properties.get("Parameters") or {})
    except ApiError as error:
        if cloud.settings.nested_parameter_fails != "child":
            raise
        target, refused = parent.target, error.message
    if child is None:
        name = child_name(cloud, projection.stack, change.logical_id)
        child = cloud.new_stack(name, projection.stack.account, projection.stack.region, target, projection.stack)
        cloud.move(child, "REVIEW_IN_PROGRESS", "User Initiated")
        child.resources = {}
        kind = "CREATE"
    else:
        kind = "UPDATE"
        present = [c for c in cloud.change_sets.values() if c.stack is child and not c.executed]
        if len(present) >= cloud.settings.change_set_limit:
            raise OperationError(f"ChangeSet limit exceeded for stack {child.id}")
    inner = new_change_set(cloud, child, f"{parent.name[:90]}-{change.logical_id[:20]}", kind, target)
    inner.include_nested = True
    inner.parent_id, inner.root_id = parent.id, parent.root_id or parent.id
    parent.children.append(inner)
    change.change_set_id = inner.id
    if refused:
        _fail(inner, refused)
        return
    settle(cloud, inner, change.logical_id)
    projection.child_outputs[change.logical_id] = inner.outputs
    if inner.status == "CREATE_COMPLETE":
        projection.modified.add(change.logical_id)


def new_change_set(cloud: Cloud, stack: Stack, name: str, kind: str, target: Target) -> ChangeSet:
    """A change set in CREATE_PENDING."""
    arn = f"arn:aws:cloudformation:{stack.region}:{stack.account}:changeSet/{name}/{cloud.uuid()}"
    change_set = ChangeSet(arn, name, stack, kind, target, cloud.clock.now(), operation_id=cloud.uuid())
    cloud.change_sets[arn] = change_set
    return change_set


# --- life ------------------------------------------------------------------------------------------------------------


def build(cloud: Cloud, change_set: ChangeSet) -> Steps:
    """The process behind CreateChangeSet: pending, in progress, then complete or failed."""
    yield cloud.settings.change_set_seconds / 3
    if change_set.id not in cloud.change_sets:
        return
    change_set.status = "CREATE_IN_PROGRESS"
    yield cloud.settings.change_set_seconds * 2 / 3
    if change_set.id in cloud.change_sets:
        settle(cloud, change_set, "")


def settle(cloud: Cloud, change_set: ChangeSet, logical_id: str) -> None:
    """Compute a change set and give it its final status."""
    broken: list[ChangeSet] = []
    try:
        if change_set.kind == "IMPORT":
            imports.compute(cloud, change_set)
        elif change_set.mode:
            with revert.as_it_is(cloud, change_set):
                compute(cloud, change_set)
            revert.mark(cloud, change_set)
        else:
            compute(cloud, change_set)
        nested.check_exports(cloud, change_set)
        _refuse_early(cloud, change_set)
        _ask_hooks(cloud, change_set)
        settings = cloud.settings
        own = settings.fail_change_set.get(change_set.stack.name)
        scripted = settings.fail_nested_change_set.get(logical_id, own)
        if scripted is not None:
            if scripted.startswith("Template error"):  # nothing was evaluated
                change_set.changes = []
            raise OperationError(scripted)
        broken = [c for c in change_set.children if c.status == "FAILED" and not is_empty(c)]
        if broken:
            raise OperationError(f"Nested change set {broken[0].id} was not successfully created: Currently in FAILED.")
    except (ApiError, OperationError) as error:
        _fail(change_set, str(getattr(error, "message", error)))
        if change_set.parent_id is None:
            nested.leave_running(cloud, change_set, broken)
        return
    if is_noop(change_set):
        _fail(change_set, NO_UPDATES if change_set.target.body.get("Transform") else NO_CHANGES)
        return
    overtaken = change_set.execution == "OBSOLETE"  # another set was executed while this one was made (assumed)
    change_set.status, change_set.execution = "CREATE_COMPLETE", "OBSOLETE" if overtaken else "AVAILABLE"
    if change_set.parent_id is not None:
        change_set.reason = "Only executable from the root change set."


def _refuse_early(cloud: Cloud, change_set: ChangeSet) -> None:
    """Fail a set whose resources do not pass early validation; it keeps its changes."""
    wanted = change_set.target.body.get("Resources") or {}
    change_set.validations = [
        (name, *problem) for name, problem in cloud.settings.early_validation.items() if name in wanted
    ]
    if change_set.validations:
        raise OperationError(EARLY_VALIDATION)


def _ask_hooks(cloud: Cloud, change_set: ChangeSet) -> None:
    """Hooks on a change set fail it without an event that says why."""
    results = cloud.settings.change_set_hooks.get(change_set.stack.name, [])
    failed = [each["TypeName"] for each in results if each["FailureMode"] == "FAIL" and "FAILED" in each["Status"]]
    if failed:
        raise OperationError(f"The following hook(s) failed: [{', '.join(failed)}]")


def _fail(change_set: ChangeSet, reason: str) -> None:
    change_set.status, change_set.execution, change_set.reason = "FAILED", "UNAVAILABLE", reason


def is_empty(change_set: ChangeSet) -> bool:
    """Whether a failed change set failed only because there is nothing to change."""
    return change_set.reason in (NO_CHANGES, NO_UPDATES)


def is_noop(change_set: ChangeSet) -> bool:
    """Whether nothing would change: no resource, no output, no tag. Nested sets without changes count as none."""
    if change_set.kind != "UPDATE":
        return False
    stack = change_set.stack
    if any(_is_real(change, change_set) for change in change_set.changes):
        return False
    return change_set.outputs == stack.outputs and change_set.target.tags == stack.target.tags


def _is_real(change: Change, change_set: ChangeSet) -> bool:
    if not change.change_set_id:
        return True
    inner = next(child for child in change_set.children if child.id == change.change_set_id)
    return inner.status != "FAILED"


def delete(cloud: Cloud, change_set: ChangeSet) -> Steps:
    """Delete a set and all nested below it, with the stacks that exist only for review: it stays listed meanwhile."""
    change_set.status = "DELETE_PENDING"
    yield cloud.settings.change_set_delete_seconds / 3
    change_set.status = "DELETE_IN_PROGRESS"
    yield cloud.settings.change_set_delete_seconds * 2 / 3
    if cloud.settings.change_set_delete_fails:
        change_set.status = "DELETE_FAILED"
        return
    forget(cloud, change_set)


def deleted_later(cloud: Cloud, change_set: ChangeSet) -> bool:
    """Whether the deletion of a set takes its time: with nested ones it does."""
    return cloud.settings.change_set_delete_seconds > 0 and (
        change_set.include_nested or cloud.settings.plain_sets_linger or cloud.settings.change_set_delete_fails
    )


def busy(change_set: ChangeSet) -> bool:
    """Whether AWS works on a set with nested ones, so that it refuses to delete it."""
    making = change_set.include_nested and change_set.status in ("CREATE_PENDING", "CREATE_IN_PROGRESS")
    return making or change_set.status in ("DELETE_PENDING", "DELETE_IN_PROGRESS")


def forget(cloud: Cloud, change_set: ChangeSet) -> None:
    """Remove a set and all nested below it."""
    for child in change_set.children:
        forget(cloud, child)
        if child.stack.status == "REVIEW_IN_PROGRESS":
            cloud.move(child.stack, "DELETE_IN_PROGRESS", "User Initiated")
            cloud.move(child.stack, "DELETE_COMPLETE")
    cloud.change_sets.pop(change_set.id, None)


def make_others_obsolete(cloud: Cloud, stack: Stack, executed: ChangeSet | None) -> None:
    """A stack that changes makes its other change sets worthless; executing one also deletes the others, soon."""
    family = set(_family(executed)) if executed else set()
    for other in [c for c in cloud.change_sets.values() if c.stack is stack and c.id not in family]:
        if other.parent_id is not None or other.executed:
            continue
        other.execution = "OBSOLETE"
        if executed is not None:
            cloud.clock.spawn(_delete_soon(cloud, other))


def _delete_soon(cloud: Cloud, change_set: ChangeSet) -> Steps:
    yield 5.0
    forget(cloud, change_set)


def _family(change_set: ChangeSet) -> list[str]:
    return [change_set.id, *(member for child in change_set.children for member in _family(child))]


def mark_executed(change_set: ChangeSet, execution: str) -> None:
    """Give an executed set, and the available ones nested in it, their execution status."""
    change_set.execution = execution
    for child in change_set.children:
        if child.status == "CREATE_COMPLETE":
            mark_executed(child, execution)
