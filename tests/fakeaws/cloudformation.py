"""The CloudFormation API: requests checked as AWS checks them, answers read from the cloud's state.

One method per operation, named as botocore names it (`create_change_set` for CreateChangeSet).
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from fakeaws import changesets, drift, imports, macros, parameters, resources, revert, rollback, templates
from fakeaws.changesets import NO_UPDATES
from fakeaws.clock import OperationError, Steps
from fakeaws.cloud import SETTLED_GOOD, Cloud
from fakeaws.model import Change, ChangeSet, Event, Resource, Stack, Target
from fakeaws.operations import Operation, same_target
from fakeaws.protocol import ApiError, validation_error
from fakeaws.templates import NESTED

STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
TOKEN = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}")
UPDATABLE = SETTLED_GOOD | {"UPDATE_FAILED", "CREATE_FAILED"}
PAGE_SIZES = {
    "DescribeStackEvents": 100,
    "DescribeEvents": 100,
    "DescribeChangeSet": 100,
    "DescribeStacks": 100,
    "ListStacks": 100,
    "ListStackResources": 100,
    "ListChangeSets": 100,
    "ListImports": 100,
    "DescribeStackResourceDrifts": 100,
}
Params = Mapping[str, Any]


class CloudFormation:
    """The API as one account sees it in one region."""

    def __init__(self, cloud: Cloud, account: str, region: str) -> None:
        self.cloud = cloud
        self.account = account
        self.region = region

    # --- change sets ---------------------------------------------------------------------------------------------

    def create_change_set(self, p: Params) -> dict[str, Any]:
        """CreateChangeSet: all synchronous refusals, then the set is computed in the background."""
        name, kind = p["ChangeSetName"], p.get("ChangeSetType", "UPDATE")
        if not STACK_NAME.fullmatch(name):
            raise _pattern("changeSetName", name, STACK_NAME)
        self._check_token(p.get("ClientToken"))
        repeated = self._repeated(p)
        if repeated is not None:
            return {"Id": repeated.id, "StackId": repeated.stack.id}
        stack = self._stack_to_change(p, kind)
        target = self._target(p, None if kind == "CREATE" or imports.is_new(stack) else stack, stack, reviewed=True)
        if kind == "IMPORT":
            imports.refuse(p, stack, target)
        siblings = [c for c in self.cloud.change_sets.values() if c.stack is stack and not c.executed]
        if any(c.name == name for c in siblings):
            raise ApiError("AlreadyExistsException", f"ChangeSet {name} already exists")
        if len(siblings) >= self.cloud.settings.change_set_limit:
            raise ApiError("LimitExceededException", f"ChangeSet limit exceeded for stack {p['StackName']}")
        if stack is None:
            stack = self._new_stack(p["StackName"], target)
            self.cloud.move(stack, "REVIEW_IN_PROGRESS", "User Initiated", p.get("ClientToken"))
            stack.stale = [(None, "")] * self.cloud.settings.stale_reads
        change_set = changesets.new_change_set(self.cloud, stack, name, kind, target)
        change_set.include_nested = p.get("IncludeNestedStacks", False)
        change_set.description = p.get("Description")
        change_set.on_failure = p.get("OnStackFailure")
        change_set.token, change_set.request = p.get("ClientToken"), _fingerprint(p)
        if self.cloud.settings.knows_revert_drift:
            change_set.mode = p.get("DeploymentMode")
        change_set.imports = {each["LogicalResourceId"]: each for each in p.get("ResourcesToImport") or ()}
        self.cloud.clock.spawn(changesets.build(self.cloud, change_set))
        return {"Id": change_set.id, "StackId": stack.id}

    def _repeated(self, p: Params) -> ChangeSet | None:
        """The set that an earlier request with this token made."""
        token = p.get("ClientToken")
        for change_set in self.cloud.change_sets.values():
            mine = (change_set.stack.account, change_set.stack.region) == (self.account, self.region)
            if token and mine and change_set.token == token:
                if change_set.request == _fingerprint(p):
                    return change_set
                raise ApiError("AlreadyExistsException", f"ChangeSet {change_set.name} already exists")
        return None

    def _stack_to_change(self, p: Params, kind: str) -> Stack | None:
        name = p["StackName"]
        stack = self.cloud.find_stack(name, self.account, self.region)
        if kind == "CREATE":
            if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
                raise validation_error(
                    f"Stack [{name}] already exists and cannot be created again with the changeSet "
                    f"[{p['ChangeSetName']}]."
                )
            if stack is None and not STACK_NAME.fullmatch(name):
                raise _pattern("stackName", name, STACK_NAME)
            return stack
        if kind == "IMPORT" and imports.is_new(stack):
            return stack
        if stack is None or stack.status == "REVIEW_IN_PROGRESS":
            raise validation_error(f"Stack [{name}] does not exist")
        self._refuse_unless_updatable(stack)
        return stack

    def _refuse_unless_updatable(self, stack: Stack) -> None:
        if stack.status not in UPDATABLE:
            raise validation_error(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")

    def _target(self, p: Params, previous: Stack | None, stack: Stack | None, reviewed: bool = False) -> Target:
        """Read and check template, parameters, tags and role of a request; a reviewed macro needs no agreement."""
        text = self._template_text(p, previous)
        deployed = previous.target.parameters if previous else None
        written = templates.parse(text)

        def resolve() -> dict[str, Any]:
            return parameters.resolve(written, p.get("Parameters") or [], deployed, self.cloud.ssm)

        body = macros.expand(self.cloud, self.account, written, resolve)
        templates.validate(body)
        resources.refuse_unknown((r["Type"] for r in body["Resources"].values()), self.cloud.settings.registered_types)
        capabilities = tuple(p.get("Capabilities") or ())
        templates.check_capabilities(body, [*capabilities, *(["CAPABILITY_AUTO_EXPAND"] if reviewed else [])])
        tags = p.get("Tags")
        if tags is not None and len(tags) > 50:
            raise validation_error("Tags: at most 50 tags can be attached to a stack")
        role = p.get("RoleARN") or (previous.target.role_arn if previous else None)
        self._refuse_role(role)
        notifications = p.get("NotificationARNs", list(previous.target.notifications) if previous else [])
        self._check_topics(notifications)
        values = parameters.resolve(body, p.get("Parameters") or [], deployed, self.cloud.ssm)
        if tags is None:
            wanted = dict(previous.target.tags) if previous else {}
        else:
            wanted = {tag["Key"]: tag["Value"] for tag in tags}
        return Target(
            text=text,
            body=body,
            parameters=values,
            tags=wanted,
            capabilities=capabilities,
            role_arn=role,
            notifications=tuple(notifications),
            rollback=rollback.configuration(p.get("RollbackConfiguration"), previous.target if previous else None),
            on_failure=p.get("OnStackFailure") or p.get("OnFailure") or "ROLLBACK",
        )

    def _check_topics(self, topics: list[str]) -> None:
        """At most five, to which the caller may publish (awslabs/aws-service-catalog-puppet#19, 2019-04-29)."""
        if len(topics) > 5:
            raise validation_error("NotificationARNs: at most 5 topics can be given")
        for each in topics:
            if each in self.cloud.settings.topics_without_rights:
                caller = self.cloud.settings.arn.format(account=self.account)
                raise validation_error(
                    f"User: {caller} is not authorized to perform: SNS:Publish on resource: {each} (Service: "
                    "AmazonSNS; Status Code: 403; Error Code: AuthorizationError)"
                )

    def _refuse_role(self, role: str | None) -> None:
        if role in self.cloud.settings.invalid_roles:
            raise validation_error(f"Role {role} is invalid or cannot be assumed")

    def _template_text(self, p: Params, previous: Stack | None) -> str:
        if sum(bool(p.get(key)) for key in ("TemplateBody", "TemplateURL", "UsePreviousTemplate")) != 1:
            raise validation_error("Either Template URL or Template Body must be specified.")
        if p.get("TemplateURL"):
            text = self.cloud.buckets.template(p["TemplateURL"], self.account)
            if len(text.encode()) > templates.MAX_OBJECT_BYTES:
                raise validation_error(f"Template may not exceed {templates.MAX_OBJECT_BYTES} bytes in size.")
            return text
        if p.get("UsePreviousTemplate"):
            if previous is None:
                raise validation_error("UsePreviousTemplate cannot be used to create a stack")
            return previous.target.text
        body = str(p["TemplateBody"])
        if len(body.encode()) > templates.MAX_BODY_BYTES:
            raise validation_error(
                "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have "
                f"length less than or equal to {templates.MAX_BODY_BYTES}"
            )
        return body

    def _new_stack(self, name: str, target: Target) -> Stack:
        return self.cloud.new_stack(name, self.account, self.region, target)

    def describe_change_set(self, p: Params) -> dict[str, Any]:
        """DescribeChangeSet: one page of changes, with property values on request."""
        change_set = self._change_set(p)
        with_values, additions = p.get("IncludePropertyValues", False), self.cloud.settings.additions_are_replacements
        changes = [c for c in change_set.changes if self._is_told(c, with_values)]
        page, next_token = self._page("DescribeChangeSet", changes, p.get("NextToken"), lambda c: c.logical_id)
        reason = change_set.reason or (self._incomplete(change_set) if with_values else "")
        return _compact(
            ChangeSetName=change_set.name,
            ChangeSetId=change_set.id,
            StackId=change_set.stack.id,
            StackName=change_set.stack.name,
            Description=change_set.description,
            Parameters=_parameters(change_set.target) or None,
            CreationTime=change_set.created,
            ExecutionStatus=change_set.execution,
            Status=change_set.status,
            StatusReason=reason,
            Capabilities=list(change_set.target.capabilities),
            Tags=_tags(self.cloud.given_back(change_set.target.tags)) or None,
            NotificationARNs=list(change_set.target.notifications),
            RollbackConfiguration=change_set.target.rollback,
            Changes=[self.cloud.given_back(_change(c, with_values, additions)) for c in page],
            NextToken=next_token,
            IncludeNestedStacks=change_set.include_nested,
            ParentChangeSetId=change_set.parent_id,
            RootChangeSetId=change_set.root_id,
            OnStackFailure=change_set.on_failure,
            DeploymentMode=change_set.mode,
            StackDriftStatus=revert.stack_status(change_set) if change_set.mode else None,
        )

    def _is_told(self, change: Change, with_values: bool) -> bool:
        """Whether a change is listed: with property values some are left out, what only might be one among them."""
        if with_values and change.logical_id in self.cloud.settings.hide_from_property_values:
            return False
        return not change.details or bool(change.told(with_values))

    def _incomplete(self, change_set: ChangeSet) -> str:
        """What a description with property values says of values that cannot be computed."""
        hidden = self.cloud.settings.hide_from_property_values
        problems = [(c.logical_id, problem) for c in change_set.changes for problem in c.warnings]
        problems += [
            (c.logical_id, "PropertyValues could not be computed") for c in change_set.changes if c.logical_id in hidden
        ]
        if not problems:
            return ""
        told = ", ".join(dict.fromkeys(name for name, _ in problems))
        return (
            "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet "
            f"creation failed for resource [{told}] because: {problems[0][1]}"
        )

    def list_change_sets(self, p: Params) -> dict[str, Any]:
        """ListChangeSets: those of one stack that were not executed (recorded: test_list_change_sets)."""
        stack = self._stack(p["StackName"])
        mine = [c for c in self.cloud.change_sets.values() if c.stack is stack and not c.executed]
        page, next_token = self._page("ListChangeSets", mine, p.get("NextToken"), lambda c: c.id)
        rows = [
            _compact(
                StackId=stack.id,
                StackName=stack.name,
                ChangeSetId=c.id,
                ChangeSetName=c.name,
                ExecutionStatus=c.execution,
                Status=c.status,
                StatusReason=c.reason,
                CreationTime=c.created,
                Description=c.description,
                IncludeNestedStacks=c.include_nested,
                ParentChangeSetId=c.parent_id,
                RootChangeSetId=c.root_id,
            )
            for c in page
        ]
        return _compact(Summaries=rows, NextToken=next_token)

    def delete_change_set(self, p: Params) -> dict[str, Any]:
        """DeleteChangeSet: of a set that is not being executed; nested ones go with their root."""
        try:
            change_set = self._change_set(p)
        except ApiError as error:
            if error.code == "ChangeSetNotFound" and "StackName" in p:
                self._stack(p["StackName"], "Stack [{}] does not exist")
                return {}  # deleting what is gone succeeds
            raise
        if change_set.parent_id is not None:
            raise validation_error(
                f"ChangeSet [{change_set.id}] is a nested change set: delete its root change set instead"
            )
        if changesets.busy(change_set):
            raise ApiError(
                "InvalidChangeSetStatus",
                "An operation on this ChangeSet is currently in progress. Please attempt this operation again later.",
            )
        if change_set.execution == "EXECUTE_IN_PROGRESS":
            raise ApiError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.id}] cannot be deleted in its current status of [{change_set.execution}]",
            )
        if changesets.deleted_later(self.cloud, change_set):
            self.cloud.clock.spawn(changesets.delete(self.cloud, change_set))
        else:
            changesets.forget(self.cloud, change_set)
        return {}

    def execute_change_set(self, p: Params) -> dict[str, Any]:
        """ExecuteChangeSet: once; a repeated request with the same token is answered like the first."""
        self._check_token(p.get("ClientRequestToken"))
        change_set = self._change_set(p)
        stack, token = change_set.stack, p.get("ClientRequestToken")
        if token and stack.tokens.get(token) == f"execute {change_set.id}":
            return {}
        if change_set.status != "CREATE_COMPLETE" or change_set.execution != "AVAILABLE":
            raise ApiError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.id}] cannot be executed in its current "
                f"{'execution ' if change_set.status == 'CREATE_COMPLETE' else ''}status of "
                f"[{change_set.execution if change_set.status == 'CREATE_COMPLETE' else change_set.status}]",
            )
        if change_set.kind == "UPDATE" or (change_set.kind == "IMPORT" and stack.status != "REVIEW_IN_PROGRESS"):
            self._refuse_unless_updatable(stack)
        elif change_set.kind == "CREATE" and stack.status != "REVIEW_IN_PROGRESS":  # assumed: a stack is created once
            raise validation_error(f"Stack [{stack.name}] already exists and cannot be created again.")
        if change_set.on_failure and "DisableRollback" in p:
            raise validation_error("DisableRollback cannot be given for a change set made with OnStackFailure")
        kept = change_set.kind == "CREATE" and change_set.on_failure == "DO_NOTHING"
        stack.disable_rollback = p.get("DisableRollback", False) or kept
        stack.retain_except_on_create = p.get("RetainExceptOnCreate", False)
        if stack.status in ("UPDATE_FAILED", "CREATE_FAILED") and not stack.disable_rollback:
            raise validation_error(
                f"This stack is currently in a non-terminal [{stack.status}] state. To update the stack from this "
                "state, please use the disable-rollback parameter with update-stack API. To rollback to the last "
                "known good state, use the rollback-stack API"
            )
        if token:
            self._use_token(stack, token, f"execute {change_set.id}")
        changesets.mark_executed(change_set, "EXECUTE_IN_PROGRESS")
        changesets.make_others_obsolete(self.cloud, stack, change_set)
        stack.change_set_id, stack.updated = change_set.id, self.cloud.clock.now()
        stack.stale = [(stack.status, stack.reason)] * self.cloud.settings.stale_reads
        self._start(stack, change_set.target, change_set.kind, token, change_set)
        return {}

    def _start(self, stack: Stack, target: Target, kind: str, token: str | None, change_set: ChangeSet | None) -> None:
        operation = Operation(self.cloud, stack, f"{kind}_STACK", token)
        previous = self.cloud.operations.get(stack.id)
        if previous is not None and stack.status == "UPDATE_FAILED":
            operation.take_over(previous)
        self.cloud.operations[stack.id] = operation
        operation.keeps = kind == "UPDATE" and stack.disable_rollback
        operation.minutes = rollback.minutes(target)
        if kind == "CREATE":
            stack.target = target
        if kind == "IMPORT" and change_set is not None:
            steps = imports.run(operation, change_set)
        elif change_set is not None and change_set.mode:
            steps = revert.run(operation, change_set)
        else:
            steps = operation.create() if kind == "CREATE" else operation.update(target)
        operation.change_set = change_set
        operation.main = self.cloud.clock.spawn(_finish(steps, stack, change_set))
        rollback.watch(self.cloud, operation, target, lambda again: _finish(again, stack, change_set))

    # --- operations on stacks ------------------------------------------------------------------------------------

    def create_stack(self, p: Params) -> dict[str, Any]:
        """CreateStack, as somebody else's tool would call it."""
        name = p["StackName"]
        reviewed = self.cloud.find_stack(name, self.account, self.region)
        if reviewed is not None and reviewed.status != "REVIEW_IN_PROGRESS":
            raise ApiError("AlreadyExistsException", f"Stack [{name}] already exists")
        target = self._target(p, None, None)
        stack = reviewed or self._new_stack(name, target)
        changesets.make_others_obsolete(self.cloud, stack, None)
        stack.disable_rollback = p.get("DisableRollback", False) or target.on_failure == "DO_NOTHING"
        stack.protected = p.get("EnableTerminationProtection", False)
        stack.policy = p.get("StackPolicyBody")
        self._start(stack, target, "CREATE", p.get("ClientRequestToken"), None)
        return {"StackId": stack.id}

    def update_stack(self, p: Params) -> dict[str, Any]:
        """UpdateStack, as somebody else's tool would call it; makes change sets OBSOLETE."""
        stack = self._stack(p["StackName"])
        self._refuse_unless_updatable(stack)
        target = self._target(p, stack, stack)
        if same_target(self.cloud, stack, target):
            raise validation_error(NO_UPDATES)
        stack.disable_rollback = p.get("DisableRollback", False)
        changesets.make_others_obsolete(self.cloud, stack, None)
        self._start(stack, target, "UPDATE", p.get("ClientRequestToken"), None)
        return {"StackId": stack.id}

    def delete_stack(self, p: Params) -> dict[str, Any]:
        """DeleteStack: of a stack that is not protected; deleting what is gone succeeds."""
        stack = self.cloud.find_stack(p["StackName"], self.account, self.region)
        if stack is None or stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
            return {}
        if stack.protected:
            raise validation_error(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        token, retain = p.get("ClientRequestToken"), p.get("RetainResources") or []
        if token and stack.tokens.get(token) == "delete":
            return {}
        force = p.get("DeletionMode") == "FORCE_DELETE_STACK"
        if (retain or force) and stack.status != "DELETE_FAILED":
            raise validation_error(
                f"Invalid operation on stack [{stack.name}]. RetainResources and FORCE_DELETE_STACK are only allowed "
                "for stacks in the DELETE_FAILED state"
            )
        if stack.status.endswith("_IN_PROGRESS") and stack.status not in ("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS"):
            raise validation_error(f"Stack [{stack.id}] is in {stack.status} state and can not be deleted.")
        self._refuse_while_imported(stack)
        self._refuse_role(p.get("RoleARN") or stack.target.role_arn)
        if token:
            self._use_token(stack, token, "delete")
        running = self.cloud.operations.get(stack.id)
        if stack.status == "CREATE_IN_PROGRESS" and running is not None:
            running.main.cancel()
            running.cancel()
        operation = Operation(self.cloud, stack, "DELETE_STACK", token)
        self.cloud.operations[stack.id] = operation
        operation.main = self.cloud.clock.spawn(operation.delete(retain, force=force))
        return {}

    def _refuse_while_imported(self, stack: Stack) -> None:
        for name in stack.exports:
            users = [s.name for s in self.cloud.stacks.values() if name in s.imports and s.status != "DELETE_COMPLETE"]
            if users:
                raise validation_error(f"Export {name} cannot be deleted as it is in use by {', '.join(users)}")

    def cancel_update_stack(self, p: Params) -> dict[str, Any]:
        """CancelUpdateStack: only in UPDATE_IN_PROGRESS; the update is rolled back."""
        stack = self._stack(p["StackName"])
        if stack.status != "UPDATE_IN_PROGRESS":
            raise validation_error(f"CancelUpdateStack cannot be called from current stack status ({stack.status})")
        operation = self.cloud.operations[stack.id]
        operation.main.cancel()
        if self.cloud.settings.cancellation_has_own_token:
            operation.carry(p.get("ClientRequestToken"))
        operation.cancel("update")
        self.cloud.move(stack, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated", operation.token)
        steps = _finish(operation.roll_back_update(), stack, operation.change_set)
        operation.main = self.cloud.clock.spawn(steps)
        return {}

    def continue_update_rollback(self, p: Params) -> dict[str, Any]:
        """ContinueUpdateRollback: only from UPDATE_ROLLBACK_FAILED, on the root; skips only failed resources."""
        stack = self._stack(p["StackName"])
        if stack.status != "UPDATE_ROLLBACK_FAILED" or stack.parent_id is not None:
            raise validation_error(
                f"Stack:{stack.id} is in {stack.status} state and can not be rolled back by ContinueUpdateRollback."
            )
        self._refuse_role(p.get("RoleARN") or stack.target.role_arn)
        skip = p.get("ResourcesToSkip") or []
        for name in skip:
            self._check_skip(stack, name)
        token = p.get("ClientRequestToken")
        if token:
            self._use_token(stack, token, "continue")
        operation = self._resume(stack, "CONTINUE_ROLLBACK", token)
        self.cloud.move(stack, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated", token)
        operation.main = self.cloud.clock.spawn(operation.roll_back_update(skip))
        return {}

    def _check_skip(self, stack: Stack, name: str) -> None:
        owner, _, logical_id = name.rpartition(".")
        holder = self.cloud.find_stack(owner, self.account, self.region) if owner else stack
        resource = holder.resources.get(logical_id) if holder else None
        if resource is None or resource.status != "UPDATE_FAILED":
            raise validation_error(f"[{name}] is not in UPDATE_FAILED state and cannot be skipped")
        if resource.type == NESTED and not self.cloud.child(resource).status.startswith("DELETE_"):
            raise validation_error(f"[{name}] is a nested stack that is not deleted and cannot be skipped")

    def _resume(self, stack: Stack, kind: str, token: str | None) -> Operation:
        operation: Operation = self.cloud.operations[stack.id]
        operation.token = token
        stack.operations.append((kind, self.cloud.uuid()))
        return operation

    def rollback_stack(self, p: Params) -> dict[str, Any]:
        """RollbackStack: from CREATE_FAILED and UPDATE_FAILED only, and of no stack last updated in EXPRESS mode."""
        stack = self._stack(p["StackName"])
        if stack.mode == "EXPRESS":
            raise ApiError("InternalFailure", "", 500)  # without a word (aws/aws-cdk-cli#1739, 2026-07-17)
        if stack.status not in ("CREATE_FAILED", "UPDATE_FAILED"):
            raise validation_error(f"RollbackStack cannot be called from current stack status ({stack.status})")
        self._refuse_role(p.get("RoleARN") or stack.target.role_arn)
        token = p.get("ClientRequestToken")
        if token:
            self._use_token(stack, token, "rollback")
        operation = self._resume(stack, "ROLLBACK", token)
        if stack.last_stable is None and self.cloud.settings.rollback_deletes_what_never_was:
            steps = operation.delete()
        elif stack.status == "CREATE_FAILED":
            steps = operation.roll_back_creation("User Initiated")
        else:
            self.cloud.move(stack, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated", token)
            steps = operation.roll_back_update()
        operation.main = self.cloud.clock.spawn(steps)
        return {"StackId": stack.id, "OperationId": stack.operations[-1][1]}

    def update_termination_protection(self, p: Params) -> dict[str, Any]:
        """UpdateTerminationProtection: on root stacks only."""
        stack = self._stack(p["StackName"])
        if stack.parent_id is not None:
            raise validation_error("Termination protection cannot be changed on a nested stack; change its root stack")
        stack.protected = p["EnableTerminationProtection"]
        return {"StackId": stack.id}

    def set_stack_policy(self, p: Params) -> dict[str, Any]:
        """SetStackPolicy: not while an operation runs."""
        stack = self._stack(p["StackName"])
        if stack.status.endswith("_IN_PROGRESS") and not self.cloud.settings.policy_while_running:
            raise validation_error(
                f"Stack:{stack.id} is in {stack.status} state and its stack policy can not be changed."
            )
        body = p.get("StackPolicyBody")
        if body is None or len(body.encode()) > 16384:
            raise validation_error("StackPolicyBody is required and must have at most 16384 bytes")
        try:
            json.loads(body)
        except ValueError:
            raise validation_error("Error validating stack policy: Invalid stack policy") from None
        stack.policy = body
        return {}

    def get_stack_policy(self, p: Params) -> dict[str, Any]:
        """GetStackPolicy."""
        return _compact(StackPolicyBody=self._stack(p["StackName"]).policy)

    # --- reading stacks ------------------------------------------------------------------------------------------

    def describe_stacks(self, p: Params) -> dict[str, Any]:
        """DescribeStacks: one stack (by id also a deleted one), or all that exist; the answer may be stale."""
        if p.get("StackName"):
            stack = self._stack(p["StackName"])
            view = stack
            if stack.stale:
                status, reason = stack.stale.pop(0)
                if status is None:
                    raise _absent(p["StackName"])
                view = dataclasses.replace(stack, status=status, reason=reason)
            return {"Stacks": [_stack_row(view, self.cloud)]}
        if self.cloud.settings.describing_all_is_denied:
            everything = f"arn:aws:cloudformation:{self.region}:{self.account}:stack/*/*"
            raise ApiError(
                "AccessDenied",
                f"User: {self.cloud.settings.arn.format(account=self.account)} is not authorized to perform: "
                f"cloudformation:DescribeStacks on resource: {everything} with an explicit deny",
                403,
            )
        deleted_too = self.cloud.settings.lists_deleted_stacks
        present = [s for s in self._all() if deleted_too or s.status != "DELETE_COMPLETE"]
        page, next_token = self._page("DescribeStacks", present, p.get("NextToken"), lambda s: s.id)
        return _compact(Stacks=[_stack_row(s, self.cloud) for s in page], NextToken=next_token)

    def list_stacks(self, p: Params) -> dict[str, Any]:
        """ListStacks: deleted ones too, unless filtered."""
        wanted = p.get("StackStatusFilter")
        rows = [s for s in self._all() if not wanted or s.status in wanted]
        page, next_token = self._page("ListStacks", rows, p.get("NextToken"), lambda s: s.id)
        summaries = [
            _compact(
                StackId=s.id,
                StackName=s.name,
                TemplateDescription=s.target.body.get("Description"),
                CreationTime=s.created,
                LastUpdatedTime=s.updated,
                DeletionTime=s.deleted,
                StackStatus=s.status,
                StackStatusReason=s.reason,
                ParentId=s.parent_id,
                RootId=s.root_id,
                DriftInformation=_compact(StackDriftStatus=s.drift, LastCheckTimestamp=s.drift_checked),
            )
            for s in page
        ]
        return _compact(StackSummaries=summaries, NextToken=next_token)

    def describe_stack_events(self, p: Params) -> dict[str, Any]:
        """DescribeStackEvents: newest first, by page; a late event appears in its place once it is visible."""
        stack = self._stack(p["StackName"], "Stack [{}] does not exist")
        visible = [e for e in stack.events if e.visible_at <= self.cloud.clock.seconds]
        page, next_token = self._page("DescribeStackEvents", visible[::-1], p.get("NextToken"), lambda e: e.id)
        return _compact(StackEvents=[_event(e) for e in page], NextToken=next_token)

    def describe_events(self, p: Params) -> dict[str, Any]:
        """DescribeEvents: by stack, change set or operation; with FailedEvents only what failed."""
        if p.get("ChangeSetName"):
            change_set = self._change_set(p)
            rows = [_validation(change_set, *problem) for problem in change_set.validations]
        else:
            wanted = p.get("OperationId")
            stacks = [self._stack(p["StackName"])] if p.get("StackName") else self._all()
            events = [e for s in stacks for e in s.events if not wanted or e.operation_id == wanted]
            rows = [_operation_event(e) for e in reversed(events)]
            if (p.get("Filters") or {}).get("FailedEvents"):
                rows = [row for row in rows if row.get("ResourceStatus", "").endswith("_FAILED")]
        page, next_token = self._page("DescribeEvents", rows, p.get("NextToken"), lambda row: str(row["EventId"]))
        return _compact(OperationEvents=page, NextToken=next_token)

    def list_hook_results(self, p: Params) -> dict[str, Any]:
        """ListHookResults of a change set: without their annotations."""
        change_set = self._change_set({"ChangeSetName": p["TargetId"]})
        results = self.cloud.settings.change_set_hooks.get(change_set.stack.name, [])
        rows = [
            {
                **{key: value for key, value in each.items() if key != "Annotations"},
                "HookResultId": f"{change_set.id}#{n}",
            }
            for n, each in enumerate(results)
        ]
        return {"TargetType": p["TargetType"], "TargetId": p["TargetId"], "HookResults": rows}

    def get_hook_result(self, p: Params) -> dict[str, Any]:
        """GetHookResult: one, with its annotations; of a change set or of a resource."""
        for event in (each for stack in self.cloud.stacks.values() for each in reversed(stack.events)):
            if event.hook is not None and event.hook[4] == p["HookResultId"]:
                kind, status, reason, mode, _ = event.hook
                told = self.cloud.settings.hook_annotations.get(event.logical_id, [])
                return {"TypeName": kind, "Status": status, "FailureMode": mode, "HookStatusReason": reason,
                        "Annotations": told, **p}  # fmt: skip
        change_set_id, _, number = p["HookResultId"].partition("#")
        change_set = self._change_set({"ChangeSetName": change_set_id})
        return {**self.cloud.settings.change_set_hooks[change_set.stack.name][int(number)], **p}

    def list_stack_resources(self, p: Params) -> dict[str, Any]:
        """ListStackResources: of deleted stacks too, by id."""
        stack = self._stack(p["StackName"])
        rows = list(stack.resources.values())
        page, next_token = self._page("ListStackResources", rows, p.get("NextToken"), lambda r: r.logical_id)
        return _compact(
            StackResourceSummaries=[_resource_row(r, "LastUpdatedTimestamp") for r in page], NextToken=next_token
        )

    def describe_stack_resources(self, p: Params) -> dict[str, Any]:
        """DescribeStackResources: the first hundred of a stack, or those beside one physical id."""
        physical = p.get("PhysicalResourceId")
        if physical:
            owners = [s for s in self._all() for r in s.resources.values() if r.physical_id == physical]
            if not owners:
                raise validation_error(f"Stack for {physical} does not exist")
            stack = owners[-1]
        else:
            stack = self._stack(p["StackName"])
        wanted = p.get("LogicalResourceId")
        rows = [r for r in stack.resources.values() if not wanted or r.logical_id == wanted][:100]
        return {
            "StackResources": [
                {"StackName": stack.name, "StackId": stack.id, **_resource_row(r, "Timestamp")} for r in rows
            ]
        }

    def describe_stack_resource(self, p: Params) -> dict[str, Any]:
        """DescribeStackResource: one resource, with its metadata."""
        stack = self._stack(p["StackName"])
        resource = stack.resources.get(p["LogicalResourceId"])
        if resource is None:
            raise validation_error(f"Resource {p['LogicalResourceId']} does not exist for stack {stack.name}")
        metadata = resource.definition.get("Metadata")
        return {
            "StackResourceDetail": _compact(
                StackName=stack.name,
                StackId=stack.id,
                Metadata=json.dumps(metadata) if metadata else None,
                **_resource_row(resource, "LastUpdatedTimestamp"),
            )
        }

    def get_template(self, p: Params) -> dict[str, Any]:
        """GetTemplate: of a stack (deployed) or of a change set; Original is the text that was sent."""
        wanted, name = p.get("ChangeSetName"), p.get("StackName")
        if not wanted and not name:
            raise validation_error("StackName is required if ChangeSetName is not specified.")
        if wanted and not wanted.startswith("arn:") and not name:
            raise validation_error("StackName is a required parameter.")
        target = (self._change_set(p) if wanted else self._stack(p["StackName"])).target
        if name and self._stack(name).name in self.cloud.settings.hidden_templates:
            raise ApiError("AccessDenied", "not authorized to perform: cloudformation:GetTemplate", 403)
        processed = p.get("TemplateStage") == "Processed"
        text = json.dumps(target.body) if processed and target.body.get("Transform") else target.text
        if name and self._stack(name).name in self.cloud.settings.templates_without_body:
            return {"StagesAvailable": ["Original", "Processed"]}
        return {"TemplateBody": self.cloud.given_back(text), "StagesAvailable": ["Original", "Processed"]}

    def get_template_summary(self, p: Params) -> dict[str, Any]:
        """GetTemplateSummary: parameters and capabilities of a template or of a stack's."""
        if p.get("StackName"):
            body = self._stack(p["StackName"]).target.body
        else:
            body = templates.parse(self._template_text(p, None))
        needed = templates.required_capabilities(body)
        iam = sorted({r["Type"] for r in body["Resources"].values() if r["Type"] in templates.IAM_NAMES})
        return _compact(
            Parameters=[
                _compact(
                    ParameterKey=key,
                    ParameterType=entry.get("Type", "String"),
                    DefaultValue=None if "Default" not in entry else str(entry["Default"]),
                    NoEcho=str(entry.get("NoEcho", "")).lower() == "true",
                    Description=entry.get("Description"),
                )
                for key, entry in (body.get("Parameters") or {}).items()
            ],
            Description=body.get("Description"),
            Capabilities=needed,
            CapabilitiesReason=f"The following resource(s) require capabilities: [{', '.join(iam)}]" if iam else None,
            ResourceTypes=sorted({r["Type"] for r in body["Resources"].values()}),
        )

    def validate_template(self, p: Params) -> dict[str, Any]:
        """ValidateTemplate: syntax only."""
        body = templates.parse(self._template_text(p, None))
        templates.validate(body)
        return _compact(Description=body.get("Description"), Capabilities=templates.required_capabilities(body))

    def list_imports(self, p: Params) -> dict[str, Any]:
        """ListImports: the stacks that import an export; an error when there is none."""
        name = p["ExportName"]
        users = [s.name for s in self._all() if name in s.imports and s.status != "DELETE_COMPLETE"]
        if not users:
            raise validation_error(f"Export '{name}' is not imported by any stack.")
        page, next_token = self._page("ListImports", users, p.get("NextToken"), str)
        return _compact(Imports=page, NextToken=next_token)

    def list_exports(self, p: Params) -> dict[str, Any]:
        """ListExports: all of the account and region."""
        return {
            "Exports": [
                {"ExportingStackId": s.id, "Name": name, "Value": value}
                for s in self._all()
                for name, value in s.exports.items()
            ]
        }

    # --- drift ---------------------------------------------------------------------------------------------------

    def detect_stack_drift(self, p: Params) -> dict[str, Any]:
        """DetectStackDrift: one at a time on a stack, in four statuses, without nested stacks."""
        stack = self._stack(p["StackName"])
        if stack.status not in drift.CHECKABLE:
            raise validation_error(f"Drift detection is not supported for stack [{stack.id}] in {stack.status} state")
        if drift.running(self.cloud, stack):
            raise validation_error(f"Drift detection is already in progress for stack [{stack.id}]")
        detection_id, seconds = self.cloud.uuid(), self.cloud.settings.drift_seconds
        stack.detections[detection_id] = self.cloud.clock.now() + datetime.timedelta(seconds=seconds)
        stack.drift_checked = None
        return {"StackDriftDetectionId": detection_id}

    def describe_stack_drift_detection_status(self, p: Params) -> dict[str, Any]:
        """DescribeStackDriftDetectionStatus."""
        wanted = p["StackDriftDetectionId"]
        stack = next((s for s in self._all() if wanted in s.detections), None)
        if stack is None:
            raise validation_error(f"Drift detection {wanted} does not exist")
        return drift.detection(self.cloud, stack, wanted)

    def describe_stack_resource_drifts(self, p: Params) -> dict[str, Any]:
        """DescribeStackResourceDrifts: only what was checked."""
        stack = self._stack(p["StackName"])
        drift.finish(self.cloud, stack)
        filters = p.get("StackResourceDriftStatusFilters")
        rows = [r for r in stack.drifts.values() if not filters or r["StackResourceDriftStatus"] in filters]
        page, token = self._page(
            "DescribeStackResourceDrifts", rows, p.get("NextToken"), lambda row: row["LogicalResourceId"]
        )
        return _compact(StackResourceDrifts=page, NextToken=token)

    # --- lookup --------------------------------------------------------------------------------------------------

    def _all(self) -> list[Stack]:
        mine = [s for s in self.cloud.stacks.values() if (s.account, s.region) == (self.account, self.region)]
        return mine[::-1]

    def _stack(self, name_or_id: str, words: str = "Stack with id {} does not exist") -> Stack:
        stack = self.cloud.find_stack(name_or_id, self.account, self.region)
        if stack is None:
            raise validation_error(words.format(name_or_id))
        return stack

    def _change_set(self, p: Params) -> ChangeSet:
        wanted = p["ChangeSetName"]
        found = self.cloud.change_sets.get(wanted)
        here = found is not None and (found.stack.account, found.stack.region) == (self.account, self.region)
        if found is not None and here and p.get("StackName") in (None, found.stack.id, found.stack.name):  # assumed
            return found
        if not wanted.startswith("arn:"):
            if not p.get("StackName"):
                raise validation_error("StackName must be specified if ChangeSetName is not specified as an ARN.")
            stack = self._stack(p["StackName"], "Stack [{}] does not exist")
            named = [c for c in self.cloud.change_sets.values() if c.stack is stack and c.name == wanted]
            if named:
                return min(named, key=lambda c: c.executed)
        raise ApiError("ChangeSetNotFound", f"ChangeSet [{wanted}] does not exist", 404)

    def _check_token(self, token: str | None) -> None:
        if token is not None and not TOKEN.fullmatch(token):
            raise _pattern("clientRequestToken", token, TOKEN)

    def _use_token(self, stack: Stack, token: str, purpose: str) -> None:
        self._check_token(token)
        used = stack.tokens.setdefault(token, purpose)
        if used != purpose:
            raise ApiError("TokenAlreadyExistsException", f"A client request token already exists: {token}")

    def _page(self, operation: str, rows: list[Any], token: str | None, key: Any) -> tuple[list[Any], str | None]:
        """One page; the token names the last row given, so that rows which appear meanwhile shift nothing."""
        size = self.cloud.settings.page_sizes.get(operation, PAGE_SIZES[operation])
        start = 0
        if token is not None:
            keys = [_token_of(key(row)) for row in rows]
            if token not in keys:
                raise validation_error(f"Invalid NextToken {token}")
            start = keys.index(token) + 1
        page = rows[start : start + size]
        return page, _token_of(key(page[-1])) if start + size < len(rows) else None


def _finish(steps: Steps, stack: Stack, change_set: ChangeSet | None) -> Steps:
    """Run an operation to its end, then say in the change set how it went."""
    with contextlib.suppress(OperationError):
        yield from steps
    if change_set is not None:
        good = stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        changesets.mark_executed(change_set, "EXECUTE_COMPLETE" if good else "EXECUTE_FAILED")


def _token_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _fingerprint(p: Params) -> str:
    return json.dumps(p, sort_keys=True, default=str)


def _absent(name: str) -> ApiError:
    return validation_error(f"Stack with id {name} does not exist")


def _pattern(field: str, value: str, pattern: re.Pattern[str]) -> ApiError:
    return validation_error(
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must satisfy "
        f"regular expression pattern: {pattern.pattern}"
    )


def _compact(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None and value != ""}


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _parameters(target: Target) -> list[dict[str, Any]]:
    return [
        _compact(
            ParameterKey=key,
            ParameterValue="****" if value.no_echo else value.text,
            ResolvedValue=value.resolved,
        )
        | ({"ParameterValue": ""} if not value.text and not value.no_echo else {})
        for key, value in target.parameters.items()
    ]


def _stack_row(s: Stack, cloud: Cloud) -> dict[str, Any]:
    entries = s.target.body.get("Outputs") or {}
    exports = {entry_value: name for name, entry_value in s.exports.items()}
    outputs = [
        _compact(
            OutputKey=key,
            OutputValue=cloud.given_back(value),
            Description=entries.get(key, {}).get("Description"),
            ExportName=exports.get(value) if "Export" in entries.get(key, {}) else None,
        )
        for key, value in s.outputs.items()
    ]
    deleted = s.status == "DELETE_COMPLETE"
    if s.status == "REVIEW_IN_PROGRESS" and not cloud.settings.review_shows_request:
        s = dataclasses.replace(s, target=Target("", {}, {}, {}))
    return _compact(
        StackId=s.id,
        StackName=s.name,
        ChangeSetId=None if deleted else s.change_set_id,
        Description=s.target.body.get("Description"),
        Parameters=_parameters(s.target) or None,
        CreationTime=s.created,
        DeletionTime=s.deleted,
        LastUpdatedTime=s.updated,
        RollbackConfiguration=s.target.rollback,
        StackStatus=s.status,
        StackStatusReason=s.reason,
        DisableRollback=s.disable_rollback,
        DeploymentConfig={"Mode": s.mode} if s.mode else None,
        NotificationARNs=list(s.target.notifications),
        Capabilities=list(s.target.capabilities) or None,
        Outputs=outputs or None,
        RetainExceptOnCreate=s.retain_except_on_create,
        RoleARN=s.target.role_arn,
        Tags=_tags(cloud.given_back(s.target.tags)),
        EnableTerminationProtection=None if deleted else s.protected,
        ParentId=s.parent_id,
        RootId=s.root_id,
        DriftInformation=_compact(StackDriftStatus=s.drift, LastCheckTimestamp=s.drift_checked),
        LastOperations=[
            {"OperationType": kind, "OperationId": operation} for kind, operation in reversed(s.operations[-2:])
        ],
    )


def _resource_row(r: Resource, time_field: str) -> dict[str, Any]:
    return _compact(
        LogicalResourceId=r.logical_id,
        PhysicalResourceId=r.physical_id,
        ResourceType=r.type,
        ResourceStatus=r.status,
        ResourceStatusReason=r.reason,
        DriftInformation={"StackResourceDriftStatus": "NOT_CHECKED"},
        **{time_field: r.updated},
    )


def _event(e: Event) -> dict[str, Any]:
    return {"PhysicalResourceId": ""} | _compact(
        StackId=e.stack_id,
        EventId=e.id,
        StackName=e.stack_name,
        OperationId=e.operation_id,
        LogicalResourceId=e.logical_id,
        PhysicalResourceId=e.physical_id,
        ResourceType=e.type,
        Timestamp=e.timestamp,
        ResourceStatus=e.status,
        ResourceStatusReason=e.reason,
        ResourceProperties=e.properties,
        ClientRequestToken=e.token,
        **_hook(e),
    )


def _hook(e: Event) -> dict[str, Any]:
    if e.hook is None:
        return {}
    kind, status, reason, mode, result = e.hook
    return _compact(
        HookType=kind,
        HookStatus=status,
        HookStatusReason=reason,
        HookInvocationPoint="PRE_PROVISION",
        HookInvocationId=result,
        HookFailureMode=mode,
    )


def _operation_event(e: Event) -> dict[str, Any]:
    row = _event(e)
    row.pop("StackName")
    is_stack = e.type == NESTED and e.physical_id == e.stack_id
    failed = e.status.endswith("_FAILED") and not is_stack
    row["EventType"] = "PROVISIONING_ERROR" if failed else "STACK_EVENT"
    return row


def _validation(change_set: ChangeSet, logical_id: str, path: str, reason: str) -> dict[str, Any]:
    return {
        "EventId": f"{change_set.operation_id}-{logical_id}",
        "StackId": change_set.stack.id,
        "OperationId": change_set.operation_id,
        "OperationType": "CREATE_CHANGESET",
        "OperationStatus": "FAILED",
        "EventType": "VALIDATION_ERROR",
        "LogicalResourceId": logical_id,
        "ResourceType": change_set.target.body["Resources"][logical_id]["Type"],
        "Timestamp": change_set.created,
        "ValidationName": "PROPERTY_VALIDATION",
        "ValidationStatus": "FAILED",
        "ValidationStatusReason": reason,
        "ValidationPath": path,
        "ValidationFailureMode": "FAIL",
    }


def _change(c: Change, with_values: bool, additions_are_replacements: bool) -> dict[str, Any]:
    details = []
    for detail in c.told(with_values):
        target = dict(detail["Target"])
        if not with_values:
            for key in ("BeforeValue", "AfterValue", "AttributeChangeType", "Path", "Drift"):
                target.pop(key, None)
        details.append({key: value for key, value in detail.items() if key != "_only"} | {"Target": target})
    new = with_values and c.action == "Add" and additions_are_replacements
    return {
        "Type": "Resource",
        "ResourceChange": _compact(
            Action=c.action,
            LogicalResourceId=c.logical_id,
            PhysicalResourceId=c.physical_id,
            ResourceType=c.type,
            Replacement="True" if new else c.replacement,
            PolicyAction=c.policy_action,
            Scope=c.scope,
            Details=details,
            ChangeSetId=c.change_set_id,
            ResourceDriftStatus=c.drift,
            ResourceDriftIgnoredAttributes=c.ignored or None,
            BeforeContext=json.dumps(c.before, ensure_ascii=False) if with_values and c.before is not None else None,
            AfterContext=json.dumps(c.after, ensure_ascii=False) if with_values and c.after is not None else None,
        ),
    }
