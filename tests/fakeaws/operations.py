"""Stack operations as processes in virtual time: create, update, delete, roll back, and the same for nested stacks.

Each resource step writes the events that CloudFormation writes. The wording of stack-level reasons is AWS's, because
deployers are tempted to parse it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fakeaws import macros, parameters, resources
from fakeaws.clock import OperationError, Process, Steps
from fakeaws.cloud import SETTLED_GOOD, Cloud
from fakeaws.ecr import repository_in_use
from fakeaws.model import ChangeSet, Resource, Stack, Target
from fakeaws.protocol import ApiError
from fakeaws.templates import NESTED, Scope, check_capabilities, depends_on, parse, references, validate

CANCELLED = "Resource {verb} cancelled"
NO_REPLACEMENT = "Replacement type updates not supported on stack with disable-rollback."
"""Of an update whose rollback is disabled (aws/aws-sam-cli#4164, smoketurner/serverless-vpc-plugin#1221)."""
REPLACES = "Requested update requires the creation of a new physical resource; hence creating one."


class Operation:
    """One operation on one stack, and the token that its events carry."""

    def __init__(self, cloud: Cloud, stack: Stack, kind: str, token: str | None) -> None:
        self.cloud = cloud
        self.stack = stack
        self.token = token
        self.kind = kind
        self.id = cloud.uuid()
        self.running: dict[str, Process] = {}
        self.children: dict[str, Operation] = {}
        self.replaced: dict[str, Resource] = {}
        """Old physical resources of this update, by logical id: deleted in the cleanup."""
        self.touched: dict[str, Resource | None] = {}
        """Resources this update changed, as they were before it (None: it made them)."""
        self.main: Process | None = None
        self.keeps = False
        """Whether an update was begun with rollback disabled, of this stack or of the one around it."""
        self.minutes = 0
        """For how many minutes the rollback triggers are watched when the work is done."""
        self.change_set: ChangeSet | None = None
        stack.operations.append((kind, self.id))

    def carry(self, token: str | None) -> None:
        """Let the events from now on carry another token, those of nested stacks too."""
        self.token = token
        for child in self.children.values():
            child.carry(token if self.cloud.settings.child_events_carry_token else None)

    def take_over(self, previous: Operation) -> None:
        """Remember what a failed update without rollback had changed, for a later rollback."""
        self.touched.update(previous.touched)
        self.replaced.update(previous.replaced)
        self.children.update(previous.children)

    # --- creation ------------------------------------------------------------------------------------------------

    def create(self, nested: bool = False) -> Steps:
        """Create all resources; on failure do what the target asks for (a nested stack waits for its parent)."""
        stack = self.stack
        self._move("CREATE_IN_PROGRESS", "User Initiated")
        failed = yield from self._build()
        problem = None
        if not failed or self.cloud.settings.success_despite_failures:
            problem = self._publish_outputs()
            if problem is None:
                yield from self._monitor()
                stack.last_stable = (stack.target, copy.deepcopy(stack.resources))
                self._move("CREATE_COMPLETE")
                return
        # no resource failed then: the words are the stack's own (assumed, as those of an export that is taken)
        reason = f"{problem}. " if problem else f"The following resource(s) failed to create: [{', '.join(failed)}]. "
        if nested or stack.disable_rollback:
            self._move("CREATE_FAILED", reason)
            if nested:
                raise OperationError(f"Embedded stack {stack.id} was not successfully created: {reason}")
        elif stack.target.on_failure == "DELETE":
            yield from self.delete(reason=reason + "Delete requested by user.")
        else:
            yield from self.roll_back_creation(reason + "Rollback requested by user.")

    def roll_back_creation(self, reason: str) -> Steps:
        """Delete what a failed creation made."""
        self._move("ROLLBACK_IN_PROGRESS", reason)
        keeps = self.cloud.settings.rollback_keeps_resources
        old = {} if keeps else self.stack.resources
        failed = yield from self._delete_resources(old, keep=self._kept_after_creation)
        if failed:
            self._move("ROLLBACK_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}]. ")
            raise OperationError("rollback failed")
        self._move("ROLLBACK_COMPLETE")
        self.stack.change_set_id = None

    def _kept_after_creation(self, resource: Resource) -> bool:
        policy = resource.definition.get("DeletionPolicy")
        return policy == "Retain" and not self.stack.retain_except_on_create

    def _build(self) -> Steps:
        """Create or update every resource of the target, in the order of their dependencies; gives the failed ones."""
        wanted = self._scope().resources()
        needs = dependencies(wanted)
        return self._in_order(wanted, needs, lambda name: self._bring_about(name, wanted[name]))

    def _bring_about(self, name: str, definition: dict[str, Any]) -> Steps:
        current = self.stack.resources.get(name)
        exists = (
            current is not None and current.physical_id and current.status not in ("CREATE_FAILED", "DELETE_COMPLETE")
        )
        if exists and current is not None:
            yield from self._update_resource(current, definition)
        else:
            self.touched.setdefault(name, None)
            yield from self._create_resource(name, definition)

    def _create_resource(self, name: str, definition: dict[str, Any]) -> Steps:
        resource = Resource(name, definition["Type"], definition, created_by=self.id)
        self.stack.resources[name] = resource
        fault = self.cloud.script.resource(self.stack.name, name, "create")
        self._record(resource, "CREATE_IN_PROGRESS")
        try:
            resource.properties = self._properties(definition)
            self._ask_hooks(resource)
            if resource.type == NESTED:
                yield from self._create_child(resource)
            else:
                if fault and fault.reason is not None and not fault.initiated:
                    yield self._seconds(resource, fault.after)
                    raise OperationError(fault.reason)
                self._take_name(resource)
                resource.physical_id = resources.physical_id(
                    self.stack, name, resource.type, resource.properties, self.cloud.chance
                )
                resource.tags = dict(self.stack.target.tags)
                self._make_bucket(resource)
                self._record(resource, "CREATE_IN_PROGRESS", "Resource creation Initiated")
                for words in resources.dns_records(resource):
                    self._record(resource, "CREATE_IN_PROGRESS", words)
                yield self._seconds(resource, fault.after if fault else None)
                if fault and fault.reason is not None:
                    raise OperationError(fault.reason)
        except (OperationError, ApiError) as error:
            self._record(resource, "CREATE_FAILED", str(getattr(error, "message", error)))
            raise OperationError(name) from None
        self._record(resource, "CREATE_COMPLETE")

    def _ask_hooks(self, resource: Resource) -> None:
        """A hook may refuse the resource before anything is provisioned."""
        if resource.logical_id not in self.cloud.settings.hooks:
            return
        kind, reason = self.cloud.settings.hooks[resource.logical_id]
        status = resource.status
        mode = "WARN" if resource.logical_id in self.cloud.settings.warning_hooks else "FAIL"
        result = self.cloud.uuid()
        if mode == "WARN":
            reason += ". Failure was ignored under WARN mode."
        for state, words in (("HOOK_IN_PROGRESS", ""), ("HOOK_COMPLETE_FAILED", reason)):
            self.cloud.record(self.stack, resource, status, "", self.token, (kind, state, words, mode, result))
        if mode == "FAIL":
            raise OperationError(f"The following hook(s) failed: [{kind}]")

    def _create_child(self, resource: Resource) -> Steps:
        target = self.child_target(resource.properties, None)
        child = self._reviewed_child(resource.logical_id) or self.cloud.new_stack(
            child_name(self.cloud, self.stack, resource.logical_id),
            self.stack.account,
            self.stack.region,
            target,
            parent=self.stack,
        )
        child.target = target
        child.disable_rollback = True
        child.retain_except_on_create = self.stack.retain_except_on_create
        resource.physical_id = child.id
        self._record(resource, "CREATE_IN_PROGRESS", "Resource creation Initiated")
        operation = self._child_operation(resource.logical_id, child, "CREATE_STACK")
        yield from operation.create(nested=True)
        resource.tags = dict(target.tags)

    def _reviewed_child(self, name: str) -> Stack | None:
        """The REVIEW_IN_PROGRESS stack that the executed nested change set made for this resource; else another's."""
        executed = {c.stack.id for c in self.cloud.change_sets.values() if c.execution == "EXECUTE_IN_PROGRESS"}
        found = [
            child
            for child in self.cloud.stacks.values()
            if child.parent_id == self.stack.id and child.name.startswith(f"{self.stack.name}-{name}-")
        ]
        reviewed = [child for child in found if child.status == "REVIEW_IN_PROGRESS"]
        return next((child for child in reviewed if child.id in executed), next(iter(reviewed), None))

    # --- update --------------------------------------------------------------------------------------------------

    def update(self, target: Target, nested: bool = False) -> Steps:
        """Bring the stack to the target; on failure roll back, or stop when rollback is disabled."""
        stack = self.stack
        if stack.last_stable is None or stack.status in SETTLED_GOOD:
            stack.last_stable = (stack.target, copy.deepcopy(stack.resources))
        stack.target = target
        stack.updated = self.cloud.clock.now()
        self._move("UPDATE_IN_PROGRESS", "User Initiated")
        failed = self._refuse_removals()
        if not failed:
            failed = yield from self._build()
        if not failed:
            problem = self._publish_outputs()
            if problem:
                yield from self._after_failed_update([], nested, f"{problem}. ")
                return
        if failed:
            yield from self._after_failed_update(failed, nested)
            return
        if not nested:
            yield from self._monitor()
            yield from self.clean_up()

    def _monitor(self) -> Steps:
        """Wait while the rollback triggers are watched; a process that waited for several may be woken too early."""

        def wait() -> Steps:
            yield self.minutes * 60.0

        waiting = self.cloud.clock.spawn(wait()) if self.minutes else None
        while waiting is not None and not waiting.done:
            yield [waiting]

    def _refuse_removals(self) -> list[str]:
        """The resources that the stack policy does not let the update remove."""
        wanted = self._scope().resources()
        failed = []
        for name, resource in self.stack.resources.items():
            denial = None if name in wanted else policy_denial(self.stack.policy, "Update:Delete", name)
            if denial:
                self.touched.setdefault(name, copy.deepcopy(resource))
                self._record(resource, "UPDATE_FAILED", denial)
                failed.append(name)
        return failed

    def _after_failed_update(self, failed: list[str], nested: bool, why: str = "") -> Steps:
        reason = why or (
            "Resource update cancelled"
            if failed == [""]
            else f"The following resource(s) failed to update: [{', '.join(failed)}]. "
        )
        if self.stack.disable_rollback and not nested:
            self._move("UPDATE_FAILED", reason)
            return
        self._move("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        if nested:
            raise OperationError(
                f"Embedded stack {self.stack.id} was not successfully updated. Currently in "
                f"UPDATE_ROLLBACK_IN_PROGRESS with reason: {reason}"
            )
        yield from self.roll_back_update()

    def _update_resource(self, current: Resource, definition: dict[str, Any]) -> Steps:
        name = current.logical_id
        try:
            properties = self._properties(definition)
            if current.type == NESTED and definition["Type"] == NESTED:
                yield from self._update_child(current, definition, properties)
                return
            changed = changed_properties(current, definition, properties, self.stack.target.tags)
            if not changed and current.status not in ("UPDATE_FAILED",):
                current.definition = definition
                return
            before = copy.deepcopy(current)
            self.touched.setdefault(name, before)
            replace = definition["Type"] != current.type or any(
                resources.recreation(current.type, key) == "Always" for key in changed
            )
            self._refuse_by_policy(name, "Update:Replace" if replace else "Update:Modify")
            if replace and self.keeps:
                raise OperationError(NO_REPLACEMENT)
            yield from self._change(current, before, definition, properties, replace)
        except (OperationError, ApiError) as error:
            self.touched.setdefault(name, copy.deepcopy(current))
            self._record(current, "UPDATE_FAILED", str(getattr(error, "message", error)))
            raise OperationError(name) from None

    def _change(
        self, current: Resource, before: Resource, definition: dict[str, Any], properties: dict[str, Any], replace: bool
    ) -> Steps:
        fault = self.cloud.script.resource(self.stack.name, current.logical_id, "update")
        current.wanted = properties
        self._record(current, "UPDATE_IN_PROGRESS", REPLACES if replace else "")
        wanted = copy.deepcopy(current)
        wanted.definition, wanted.properties, wanted.type = definition, properties, definition["Type"]
        if replace:
            self._take_name(wanted)
            wanted.physical_id = resources.physical_id(
                self.stack, current.logical_id, wanted.type, properties, self.cloud.chance
            )
            wanted.created_by = self.id
            self._make_bucket(wanted)
            current.physical_id = wanted.physical_id
            self.replaced[current.logical_id] = before
            self._record(current, "UPDATE_IN_PROGRESS", "Resource creation Initiated")
        yield self._seconds(current, fault.after if fault else None)
        if fault and fault.reason is not None:
            raise OperationError(fault.reason)
        current.definition, current.properties, current.type = definition, properties, wanted.type
        current.created_by, current.wanted = wanted.created_by, None
        current.tags = dict(self.stack.target.tags)
        self._record(current, "UPDATE_COMPLETE")

    def _update_child(self, current: Resource, definition: dict[str, Any], properties: dict[str, Any]) -> Steps:
        """A nested stack takes part in every update of its parent, changed or not."""
        child = self.cloud.child(current)
        before = copy.deepcopy(current)
        self.touched.setdefault(current.logical_id, before)
        target = self.child_target(properties, child)
        self._record(current, "UPDATE_IN_PROGRESS")
        if same_target(self.cloud, child, target):
            yield 0.0
        else:
            self._refuse_by_policy(current.logical_id, "Update:Modify")
            operation = self._child_operation(current.logical_id, child, "UPDATE_STACK")
            child.disable_rollback = False
            yield from operation.update(target, nested=True)
        current.definition, current.properties = definition, properties
        current.tags = dict(target.tags)
        self._record(current, "UPDATE_COMPLETE")

    def _refuse_by_policy(self, name: str, action: str) -> None:
        denial = policy_denial(self.stack.policy, action, name)
        if denial:
            raise OperationError(denial)

    # --- cleanup and rollback ------------------------------------------------------------------------------------

    def clean_up(self) -> Steps:
        """Delete what the update removed or replaced. A failure here does not fail the update."""
        stack = self.stack
        self._move("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        yield self.cloud.settings.cleanup_seconds
        for operation in self.children.values():
            if operation.stack.status == "UPDATE_IN_PROGRESS":
                yield from operation.clean_up()
        wanted = self._scope().resources()
        removed = {name: r for name, r in stack.resources.items() if name not in wanted}
        kept = yield from self._delete_old(self.replaced, keep=lambda r: _retained(r, "UpdateReplacePolicy"))
        kept += yield from self._delete_old(removed, keep=lambda r: _retained(r, "DeletionPolicy"))
        for name in removed:
            stack.resources.pop(name, None)
        stack.orphans += kept
        stack.last_stable = (stack.target, copy.deepcopy(stack.resources))
        reason = "Update successful. One or more resources could not be deleted." if kept else ""
        self._move("UPDATE_COMPLETE", reason)

    def _delete_old(self, old: Mapping[str, Resource], keep: Callable[[Resource], bool]) -> Steps:
        kept = []
        for resource in list(old.values()):
            if resource.status in ("CREATE_FAILED", "DELETE_COMPLETE") and not resource.physical_id:
                continue
            failed = yield from self._delete_resources({resource.logical_id: resource}, keep)
            if failed:
                kept.append(resource)
        return kept

    def roll_back_update(self, skip: Iterable[str] = ()) -> Steps:
        """Bring every touched resource back to the last stable state, then delete what the update had made."""
        stack = self.stack
        skipped = set(skip)
        assert stack.last_stable is not None
        order = [name for name in self.touched if self.touched[name] is not None]
        failed: list[str] = []
        for name in order:
            restored = yield from self._restore(name, skipped)
            failed += [] if restored else [name]
        if failed:
            self._move("UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{', '.join(failed)}]. ")
            raise OperationError("rollback failed")
        stack.target = stack.last_stable[0]
        self._move("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        yield self.cloud.settings.cleanup_seconds
        made = {name: r for name, r in stack.resources.items() if self.touched.get(name, r) is None}
        made.update(
            {name: r for name, r in self.replaced.items() if r.physical_id != stack.resources[name].physical_id}
        )
        stack.orphans += yield from self._delete_old(made, keep=self._kept_after_creation)
        for name in [name for name, before in self.touched.items() if before is None]:
            stack.resources.pop(name, None)
        self._publish_outputs()
        self._move("UPDATE_ROLLBACK_COMPLETE")

    def _restore(self, name: str, skipped: set[str]) -> Steps:
        """Bring one resource back; gives whether that worked."""
        before = self.touched[name]
        current = self.stack.resources[name]
        assert before is not None
        if before.type == NESTED:
            return (yield from self._restore_child(name, before, current, skipped))
        if name in skipped or f"{self.stack.name}.{name}" in skipped:
            current.definition, current.properties, current.wanted = before.definition, before.properties, None
            self._record(current, "UPDATE_COMPLETE")
            self.touched.pop(name)
            self.touched[name] = before
            return True
        if current.status == "UPDATE_COMPLETE" and current.properties == before.properties:
            return True
        fault = self.cloud.script.resource(self.stack.name, name, "rollback")
        current.wanted = before.properties
        self._record(current, "UPDATE_IN_PROGRESS")
        yield self._seconds(current, fault.after if fault else None)
        if fault and fault.reason is not None:
            self._record(current, "UPDATE_FAILED", fault.reason)
            return False
        current.wanted = None
        made = copy.deepcopy(current) if current.physical_id != before.physical_id else None
        current.definition, current.properties, current.type = before.definition, before.properties, before.type
        current.physical_id, current.tags = before.physical_id, before.tags
        current.created_by = before.created_by
        if made is not None:
            self.replaced[name] = made
        else:
            self.replaced.pop(name, None)
        self._record(current, "UPDATE_COMPLETE")
        return True

    def _restore_child(self, name: str, before: Resource, current: Resource, skipped: set[str]) -> Steps:
        operation = self.children.get(name)
        if name in skipped:
            self._record(current, "UPDATE_COMPLETE")
            return True
        if operation is not None and operation.stack.status.startswith("DELETE_"):
            self._record(current, "UPDATE_FAILED", f"Stack [{operation.stack.id}] does not exist")
            return False
        if operation is not None and operation.stack.status != "UPDATE_ROLLBACK_COMPLETE":
            self._record(current, "UPDATE_IN_PROGRESS")
            child = operation.stack
            if child.status != "UPDATE_ROLLBACK_IN_PROGRESS":
                operation._move("UPDATE_ROLLBACK_IN_PROGRESS")
            try:
                yield from operation.roll_back_update(skipped)
            except OperationError:
                self._record(
                    current,
                    "UPDATE_FAILED",
                    f"Embedded stack {child.id} was not successfully updated. Currently in {child.status} "
                    f"with reason: {child.reason}",
                )
                return False
        current.definition, current.properties, current.tags = before.definition, before.properties, before.tags
        self._record(current, "UPDATE_COMPLETE")
        return True

    # --- deletion ------------------------------------------------------------------------------------------------

    def delete(self, retain: Iterable[str] = (), reason: str = "User Initiated", force: bool = False) -> Steps:
        """Delete the stack's resources in reverse order, and the stack."""
        stack = self.stack
        retained, reviewed = set(retain), stack.status == "REVIEW_IN_PROGRESS"
        self._move("DELETE_IN_PROGRESS", reason)
        yield self.cloud.settings.review_delete_seconds if reviewed else 0.0
        for name, resource in stack.resources.items():
            if name in retained and resource.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
                self._record(resource, "DELETE_SKIPPED")
        for child in self.cloud.stacks.values():
            if child.parent_id == stack.id and child.status == "REVIEW_IN_PROGRESS":
                yield from Operation(self.cloud, child, "DELETE_STACK", self.token).delete()
        new = stack.parent_id is not None and stack.last_stable is None and stack.retain_except_on_create
        failed = yield from self._delete_resources(
            stack.resources, keep=lambda r: _retained(r, "DeletionPolicy") and not new
        )
        if failed and not force:
            self._move("DELETE_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}]. ")
            raise OperationError(f"Embedded stack {stack.id} was not successfully deleted: {stack.reason}")
        stack.exports, stack.imports = {}, set()
        for change_set in [c for c in self.cloud.change_sets.values() if c.stack is stack and not c.executed]:
            del self.cloud.change_sets[change_set.id]
        self._move("DELETE_COMPLETE")

    def _delete_resources(self, old: Mapping[str, Resource], keep: Callable[[Resource], bool]) -> Steps:
        """Delete resources in the reverse order of their dependencies; gives those that would not go."""
        present = {
            name: r
            for name, r in old.items()
            if r.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED") and (r.physical_id or r.status)
        }
        needs: dict[str, set[str]] = {name: set() for name in present}
        for name, others in dependencies({n: r.definition for n, r in present.items()}).items():
            for other in others:
                needs[other].add(name)
        return self._in_order(present, needs, lambda name: self._delete_resource(present[name], keep), go_on=True)

    def _delete_resource(self, resource: Resource, keep: Callable[[Resource], bool]) -> Steps:
        if keep(resource) and resource.physical_id:
            self._record(resource, "DELETE_SKIPPED")
            return
        if not resource.physical_id:
            resource.status = "DELETE_COMPLETE"
            return
        fault = self.cloud.script.resource(self.stack.name, resource.logical_id, "delete")
        self._record(resource, "DELETE_IN_PROGRESS")
        try:
            if resource.type == NESTED:
                child = self.cloud.child(resource)
                if child.status != "DELETE_COMPLETE":
                    yield from self._child_operation(resource.logical_id, child, "DELETE_STACK").delete()
            else:
                yield self._seconds(resource, fault.after if fault else None)
                there = resource.logical_id not in self.cloud.settings.deleted_by_hand
                problem = (resources.refuses_deletion(resource) if there else None) or self._in_use(resource)
                if problem or (fault and fault.reason is not None):
                    raise OperationError(problem or (fault and fault.reason) or "")
        except OperationError as error:
            self._record(resource, "DELETE_FAILED", str(error))
            raise OperationError(resource.logical_id) from None
        self._release_name(resource)
        self._record(resource, "DELETE_COMPLETE")

    # --- the rest ------------------------------------------------------------------------------------------------

    def cancel(self, verb: str = "creation") -> None:
        """Stop where it stands: running resources become failed with "Resource … cancelled", nested ones likewise."""
        for name, process in list(self.running.items()):
            self._cancel_one(name, process, verb)
        self.running.clear()

    def _cancel_one(self, name: str, process: Process, verb: str) -> None:
        process.cancel()
        child = self.children.get(name)
        if child is not None and child.stack.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            creating = child.stack.status == "CREATE_IN_PROGRESS"
            child.cancel("creation" if creating else "update")
            status = "CREATE_FAILED" if creating else "UPDATE_ROLLBACK_IN_PROGRESS"
            child._move(status, CANCELLED.format(verb="creation" if creating else "update"))
        resource = self.stack.resources.get(name)
        if resource is not None and resource.status.endswith("_IN_PROGRESS"):
            word = resource.status.split("_")[0]
            verb = {"CREATE": "creation", "UPDATE": "update"}.get(word, verb)
            self._record(resource, f"{word}_FAILED", CANCELLED.format(verb=verb))

    def _in_order(
        self,
        names: Iterable[str],
        needs: Mapping[str, set[str]],
        start: Callable[[str], Steps],
        go_on: bool = False,
    ) -> Steps:
        """Run a step per name as soon as what it needs is done. After a failure the rest is cancelled, or goes on."""
        waiting, done, failed = list(names), set[str](), list[str]()
        while (waiting and (go_on or not failed)) or self.running:
            for name in [n for n in waiting if needs[n] <= done] if go_on or not failed else []:
                waiting.remove(name)
                self.running[name] = self.cloud.clock.spawn(start(name))
            if not self.running:
                break
            yield list(self.running.values())
            for name, process in [(n, p) for n, p in self.running.items() if p.done]:
                del self.running[name]
                done.add(name)
                if process.error is not None:
                    failed.append(name)
                    if go_on:
                        done.discard(name)
            if failed and not go_on:
                cancelled = list(self.running)
                self.cancel()
                failed += cancelled
        return failed

    def _scope(self) -> Scope:
        return self.cloud.scope(self.stack, self.stack.target, self._ref, self._attribute)

    def _ref(self, name: str) -> Any:
        return self.stack.resources[name].physical_id

    def _attribute(self, name: str, attribute: str) -> Any:
        resource = self.stack.resources[name]
        if resource.type != NESTED:
            return resources.attribute(self.stack, resource, attribute)
        key = attribute.removeprefix("Outputs.")
        outputs = self.cloud.child(resource).outputs
        if key not in outputs:
            raise OperationError(f"Template error: Output {key} not found in stack {resource.physical_id}")
        return outputs[key]

    def _properties(self, definition: Mapping[str, Any]) -> dict[str, Any]:
        properties: dict[str, Any] = self._scope().evaluate(definition.get("Properties") or {})
        return properties

    def child_target(self, properties: Mapping[str, Any], child: Stack | None) -> Target:
        """What a nested stack is to become, from the evaluated properties of its resource."""
        return child_target(self.cloud, self.stack, properties, child)

    def _child_operation(self, name: str, child: Stack, kind: str) -> Operation:
        token = self.token if self.cloud.settings.child_events_carry_token else None
        self.children[name] = Operation(self.cloud, child, kind, token)
        self.children[name].keeps = self.keeps
        return self.children[name]

    def _publish_outputs(self) -> str | None:
        """Evaluate the outputs; gives what is wrong with them, if anything is."""
        scope = self._scope()
        outputs, exports = {}, {}
        try:
            for name, entry in (self.stack.target.body.get("Outputs") or {}).items():
                if "Condition" in entry and not scope.condition(entry["Condition"]):
                    continue
                if name in self.cloud.settings.without_outputs:
                    continue
                outputs[name] = as_text(scope.evaluate(entry["Value"]))
                if "Export" in entry:
                    exports[str(scope.evaluate(entry["Export"]["Name"]))] = outputs[name]
        except (ApiError, OperationError) as error:
            return str(error)
        in_use = self._exports_in_use(exports)
        if in_use:
            return in_use
        self.stack.outputs, self.stack.exports = outputs, exports
        return None

    def _exports_in_use(self, exports: Mapping[str, str]) -> str | None:
        for name, value in self.stack.exports.items():
            users = [s.name for s in self.cloud.stacks.values() if name in s.imports and s.status != "DELETE_COMPLETE"]
            if users and exports.get(name) != value:
                return f"Export {name} cannot be updated as it is in use by {', '.join(users)}"
        return None

    def _seconds(self, resource: Resource, scripted: float | None) -> float:
        settings = self.cloud.settings
        return settings.type_seconds.get(resource.type, settings.resource_seconds) if scripted is None else scripted

    def _take_name(self, resource: Resource) -> None:
        name = resources.explicit_name(resource.type, resource.properties)
        if name is None:
            return
        region = "" if resource.type in ("AWS::S3::Bucket", "AWS::IAM::Role") else self.stack.region
        account = "" if resource.type == "AWS::S3::Bucket" else self.stack.account
        key = (account, region, resource.type, name)
        if key in self.cloud.names or (resource.type == "AWS::S3::Bucket" and name in self.cloud.buckets.all):
            raise OperationError(
                f"Resource of type '{resource.type}' with identifier '{name}' already exists. "
                "(RequestToken: 0, HandlerErrorCode: AlreadyExists)"
            )
        self.cloud.names[key] = self.stack.id

    def _release_name(self, resource: Resource) -> None:
        name = resources.explicit_name(resource.type, resource.properties)
        for key in [k for k in self.cloud.names if k[2:] == (resource.type, name)]:
            del self.cloud.names[key]
        if resource.type == "AWS::S3::Bucket":
            self.cloud.buckets.all.pop(resource.physical_id, None)

    def _make_bucket(self, resource: Resource) -> None:
        if resource.type == "AWS::S3::Bucket":
            versioning = resource.properties.get("VersioningConfiguration", {}).get("Status")
            self.cloud.buckets.create(
                resource.physical_id, self.stack.account, self.stack.region, versioned=versioning == "Enabled"
            )

    def _in_use(self, resource: Resource) -> str | None:
        if resource.type != "AWS::S3::Bucket":
            return repository_in_use(self.cloud, resource)
        bucket = self.cloud.buckets.all.get(resource.physical_id)
        return "The bucket you tried to delete is not empty" if bucket and bucket.objects else None

    def _move(self, status: str, reason: str = "") -> None:
        self.cloud.move(self.stack, status, reason, self.token)

    def _record(self, resource: Resource, status: str, reason: str = "") -> None:
        self.cloud.record(self.stack, resource, status, reason, self.token)


def _retained(resource: Resource, policy: str) -> bool:
    """Whether the template keeps the resource beyond its stack."""
    return str(resource.definition.get(policy, "Delete")).startswith("Retain")


def dependencies(definitions: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """What each resource waits for: what it refers to and what it names in DependsOn."""
    needs = {}
    for name, definition in definitions.items():
        others = {*references(definition.get("Properties") or {}), *depends_on(definition)}
        needs[name] = {other for other in others if other in definitions and other != name}
    return needs


def changed_properties(
    current: Resource, definition: Mapping[str, Any], properties: Mapping[str, Any], tags: Mapping[str, str]
) -> list[str]:
    """The top-level properties (and "Tags" for stack tags) in which the wanted resource differs from the present."""
    keys = [*current.properties, *(key for key in properties if key not in current.properties)]
    changed = [key for key in keys if current.properties.get(key) != properties.get(key)]
    if dict(tags) != current.tags and resources.taggable(definition["Type"]) and "Tags" not in changed:
        changed.append("Tags")
    if definition["Type"] != current.type:
        changed.append("Type")
    if definition.get("Metadata") != current.definition.get("Metadata"):
        changed.append("Metadata")
    return changed


def child_name(cloud: Cloud, parent: Stack, logical_id: str) -> str:
    """A nested stack's name: parent, logical id, random suffix."""
    return f"{parent.name}-{logical_id}-{cloud.uuid().replace('-', '')[:12].upper()}"


def child_target(cloud: Cloud, parent: Stack, properties: Mapping[str, Any], child: Stack | None) -> Target:
    """What a nested stack is to become; it inherits tags, capabilities and role of its parent."""
    text = cloud.buckets.template(str(properties.get("TemplateURL", "")), parent.account)
    given = [
        {"ParameterKey": key, "ParameterValue": as_text(value)}
        for key, value in (properties.get("Parameters") or {}).items()
    ]
    before, written = child.target.parameters if child else None, parse(text)
    body = macros.expand(cloud, parent.account, written, lambda: parameters.resolve(written, given, before, cloud.ssm))
    validate(body)
    resources.refuse_unknown((r["Type"] for r in body["Resources"].values()), cloud.settings.registered_types)
    check_capabilities(body, list(parent.target.capabilities))
    values = parameters.resolve(body, given, before, cloud.ssm)
    own = {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags") or []}
    return Target(
        text=text,
        body=body,
        parameters=values,
        tags={**parent.target.tags, **own},
        capabilities=parent.target.capabilities,
        role_arn=parent.target.role_arn,
        notifications=parent.target.notifications,
    )


def same_target(cloud: Cloud, stack: Stack, target: Target) -> bool:
    """Whether an update to this target would do nothing at all."""
    old = stack.target
    return (old.body, old.parameters, old.tags) == (target.body, target.parameters, target.tags) and not any(
        r.type == NESTED for r in stack.resources.values()
    )


def as_text(value: Any) -> str:
    """An output or a nested stack's parameter as CloudFormation passes it: text, lists joined by commas, JSON."""
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(as_text(item) for item in value)
    return str(value)


def policy_denial(policy: str | None, action: str, logical_id: str) -> str | None:
    """Why a stack policy forbids an action on a resource ("Prevent updates to stack resources", User Guide)."""
    if policy is None:
        return None
    allowed = False
    for number, statement in enumerate(json.loads(policy).get("Statement", []), start=1):
        if not _matches(statement.get("Action", []), action):
            continue
        if not _matches(statement.get("Resource", []), f"LogicalResourceId/{logical_id}"):
            continue
        if statement["Effect"] == "Deny":
            return (
                f"Action denied by stack policy: Statement [#{number}] does not allow [{action}] "
                f"for resource [LogicalResourceId/{logical_id}]"
            )
        allowed = True
    return None if allowed else f"Action not allowed by stack policy: [{action}] on [LogicalResourceId/{logical_id}]"


def _matches(patterns: Any, value: str) -> bool:
    from fnmatch import fnmatchcase

    items = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatchcase(value, pattern) for pattern in items)
