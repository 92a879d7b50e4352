"""Deletes an environment: dependent stacks first, after showing what is deleted, kept and snapshotted.

What exists is read from AWS, not from the environment file: stacks of layers that are off by now are deleted, too. The
artifact bucket stays. Protections are switched off one by one, each after a confirmation that names it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infragen.assembly.stacks import BESIDE, bucket_name
from infragen.changes.comparison import deletion_policy
from infragen.cloud.cloudformation import OnDestroy, StackResource, StackState, row
from infragen.cloud.template import STACK_TYPE
from infragen.config import Environment
from infragen.engine.artifact_bucket import prefixes, shared_stack, used_by
from infragen.engine.deletion_plan import SHARED_BUCKET, DestroyPlan, ResourceDeletion, SharedPart, StackDeletion
from infragen.engine.eni_wait import held
from infragen.engine.next_steps import never_made
from infragen.engine.observe import (
    deployed_body,
    observe,
    refuse_nested,
    under_review,
    wait_until_ended,
    what_runs,
    with_imported,
)
from infragen.engine.operate import Operation, Target, delete, name_child, resume_deletion
from infragen.engine.outcome import Deleted, Failed, Outcome, exit_code
from infragen.engine.preflight import ask_to_empty, check_imports, check_retain
from infragen.engine.progress import Noticed, PlannedDeletion, Question, Session, Warned
from infragen.engine.retry import BEFORE, retrying
from infragen.engine.schedule import Task, run_concurrently, walk
from infragen.errors import CloudError, Conflict, CredentialsExpired, Refused, Unavailable, Unsupported
from infragen.resource_types import resource_type
from infragen.resource_types.lambda_ import FUNCTION
from infragen.resource_types.rds import DB_INSTANCE

_LAST = (*BESIDE, SHARED_BUCKET)

ENDS = {"Delete": "deleted", "Retain": "kept", "Snapshot": "snapshotted"}

_LATER = "wait for it to end, or let `infragen destroy --wait` wait"


@dataclass(frozen=True)
class DestroyOptions:
    """`unprotect` are protections that may be switched off without asking (stack names and layer/LogicalId); `retain`
    are layer/LogicalId to leave behind, of stacks whose deletion failed on them; `confirmed` is the environment's name
    when it was given instead of being typed. `role` is the ARN of the role with which CloudFormation deletes. `empty`
    are buckets, by layer/LogicalId or name, that may be emptied. `bootstrap` says to delete what bootstrap made, last;
    `shared` with it the bucket that environments share, where no other one uses it.
    `wait` is for how many seconds an operation under way is waited for; None refuses at once.
    """

    unprotect: frozenset[str] = frozenset()
    retain: frozenset[str] = frozenset()
    confirmed: str = ""
    role: str = ""
    empty: frozenset[str] = frozenset()
    bootstrap: bool = False
    shared: bool = False
    wait: float | None = None


@dataclass(frozen=True)
class Destruction:
    """How it ended: the plan that was shown and one outcome for each stack, in the order of deletion."""

    plan: DestroyPlan
    outcomes: tuple[Outcome, ...]
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """Return the worst of the outcomes; 130 when the user interrupted it."""
        return 130 if self.interrupted else exit_code(self.outcomes)


def plan_destroy(env: Environment, session: Session, *, bootstrap: bool = False, shared: bool = False) -> DestroyPlan:
    """Return what there is to delete, with what `bootstrap` made or without, and with the bucket that environments
    share or without. Raises Refused for a stack in an unknown state, Conflict for one being changed.
    """
    observed = with_imported(session.cloud, env, observe(session, env))
    bucket = shared_stack(session, env)
    part = _part(session, env) if bucket is not None and bootstrap and not shared else None
    found = [*observed.layers.items(), *under_review(session.cloud, env, observed).items()]
    if bucket is not None and (shared or not bootstrap):
        found.append((SHARED_BUCKET, bucket))
    to_delete = []
    beside = []
    for layer, state in found:
        action = row(state.status).destroy
        if action is OnDestroy.NOTHING:
            continue
        if layer in _LAST and not bootstrap:
            beside.append(state.name)
            continue
        if action is OnDestroy.REFUSE:
            raise Refused(f"{state.name} is {state.status}", row(state.status).hint)
        if action is OnDestroy.WAIT:
            raise Conflict(what_runs(session.cloud, state), _LATER)
        refuse_nested(session.cloud, observed, state, _LATER)
        to_delete.append(doom(session, layer, state))
    identity = observed.identity
    return DestroyPlan(
        env.environment, identity.account, identity.region, tuple(_in_order(to_delete)), tuple(beside), part
    )  # fmt: skip


def _part(session: Session, env: Environment) -> SharedPart:
    """Return what the environment has in the bucket that it shares."""
    bucket, begins = bucket_name(env), prefixes(env)
    holds = sum(len(session.cloud.objects(bucket, each)) for each in begins)
    return SharedPart(bucket, env.name, begins, holds)


def doom(session: Session, layer: str, state: StackState) -> StackDeletion:
    """Return a deployed stack with what becomes of everything in it; without what only has the name of another's."""
    body = {} if state.status == "REVIEW_IN_PROGRESS" else deployed_body(session.cloud, state)
    resources: list[ResourceDeletion] = []
    nested: list[tuple[str, StackResource]] = []
    inside: list[StackState] = []
    failed = frozenset({layer} if state.status == "DELETE_FAILED" else ())
    for resource in session.cloud.resources(state.stack_id):
        if resource.status == "DELETE_COMPLETE" or not resource.physical_id or never_made(resource):
            continue
        written = body.get("Resources", {}).get(resource.logical_id, {"Type": resource.type})
        if resource.type == STACK_TYPE:
            child = session.cloud.stack(resource.physical_id)
            if child is not None:
                inner = name_child(layer, resource.logical_id)
                below = doom(session, inner, child)
                resources += below.resources
                nested += [(inner, resource), *below.nested]
                inside += [child, *below.inside]
                failed |= below.failed
        else:
            resources.append(_deletion_of(session, layer, resource, written))
    return StackDeletion(
        layer=layer,
        state=state,
        resources=tuple(resources),
        outputs=frozenset(state.outputs),
        parameters=frozenset(body.get("Parameters", {})),
        nested=tuple(nested),
        inside=tuple(inside),
        failed=failed,
    )


def _deletion_of(session: Session, layer: str, resource: StackResource, written: Mapping[str, Any]) -> ResourceDeletion:
    end, properties = ENDS[deletion_policy(written)], written.get("Properties", {})
    # of an instance in a cluster it is the cluster that is protected
    member = resource.type == DB_INSTANCE.name and "DBClusterIdentifier" in properties
    asked = resource_type(resource.type).deletion_protection and end != "kept" and not member
    guarded = bool(asked) and _is_guarded(session, layer, resource)
    slow = resource.type == FUNCTION.name and "VpcConfig" in properties
    closed = resource_type(resource.type).contents and end == "deleted" and not _empties_itself(properties)
    holds = _contents(session, layer, resource) if closed else 0
    return ResourceDeletion(
        layer, resource.logical_id, resource.type, resource.physical_id, end, guarded, slow, holds,
        end != "kept" and not member and _backups_stay(properties),
    )  # fmt: skip


def _backups_stay(properties: Mapping[str, Any]) -> bool:
    """Return whether a database's automated backups outlive it until they expire; those of a value that only the
    deployed stack knows do, as far as anybody can tell here.
    """
    written = properties.get("DeleteAutomatedBackups", True)
    none = str(properties.get("BackupRetentionPeriod", "")) == "0"
    return str(written).lower() != "true" and not none


def _is_guarded(session: Session, layer: str, resource: StackResource) -> bool:
    """Return whether deletion protection is on. Where that may not be read, or an endpoint of one's own has no such
    call, there is a warning: the deletion itself tells.
    """
    try:
        return session.cloud.deletion_protection(resource)
    except (Unavailable, CredentialsExpired):
        raise
    except CloudError as error:
        if isinstance(error, Unsupported) and not session.cloud.custom_endpoint:
            raise
        place = f"{layer}/{resource.logical_id}"
        session.ui.tell(Warned(f"the deletion protection of {place} was not checked: {error.message}"))
        return False


def _empties_itself(properties: Mapping[str, Any]) -> bool:
    return str(properties.get("EmptyOnDelete", "")).lower() == "true"


def _contents(session: Session, layer: str, resource: StackResource) -> int:
    try:
        return session.cloud.contents(resource)
    except Unavailable:
        raise
    except CloudError as error:
        place = f"{layer}/{resource.logical_id}"
        session.ui.tell(Warned(f"whether {place} is empty was not checked, its deletion may fail: {error.message}"))
        return 0


def _in_order(to_delete: Sequence[StackDeletion]) -> Iterator[StackDeletion]:
    """Order dependent stacks first: a stack goes when all that take its outputs are gone."""
    left = [each for each in to_delete if each.layer not in _LAST]
    while left:
        free = [each for each in left if not any(each.layer in _takes(other, left) for other in left)] or left
        yield free[0]
        left.remove(free[0])
    yield from (each for each in to_delete if each.layer in _LAST)


def _takes(stack: StackDeletion, others: Sequence[StackDeletion]) -> set[str]:
    """Return the layers whose outputs a stack takes: its parameters have the names of their outputs."""
    return {each.layer for each in others if each is not stack and each.outputs & stack.parameters}


def destroy_environment(env: Environment, session: Session, options: DestroyOptions | None = None) -> Destruction:
    """Show, asks, and deletes. Raises Refused while nothing has started; afterwards failures are outcomes."""
    options = options or DestroyOptions()
    options = replace(options, role=options.role or env.iam.service_role_arn or "")
    if options.wait is not None:
        run_concurrently([wait_until_ended(session, env, options.wait)], session.timer)
    plan = plan_destroy(env, session, bootstrap=options.bootstrap, shared=options.shared)
    part = plan.part
    if not plan.stacks and not (part is not None and part.holds):
        return Destruction(plan, ())
    if options.shared:
        _refuse_used(session, env)
    session.ui.tell(PlannedDeletion(plan))
    check_retain(plan.stacks, options.retain)
    check_imports(session.cloud, [state for each in plan.stacks for state in (each.state, *each.inside)])
    _ask(env, session, plan, options)
    options = replace(options, empty=ask_to_empty(session, plan.stacks, options.empty, options.retain, part))
    unprotect(session, plan.stacks, options.unprotect)
    by_layer = {each.layer: each for each in plan.stacks}
    stops = [Task(each.layer, each.state.name, tuple(_users(each, plan.stacks))) for each in plan.stacks]
    if part is not None:
        stops.append(Task(SHARED_BUCKET, part.place, tuple(by_layer)))

    def begin(layer: str) -> Operation:
        if part is not None and layer == SHARED_BUCKET:
            return _remove_part(session, part)
        return remove(session, by_layer[layer], options)

    result = walk(stops, begin, session.ui, session.timer)
    return Destruction(plan, result.outcomes, result.interrupted)


def _remove_part(session: Session, part: SharedPart) -> Operation:
    """Delete what an environment has in a bucket that stays."""
    session.ui.tell(Noticed(SHARED_BUCKET, "Bucket", f"deleting {part.contents}"))
    for prefix in part.prefixes:
        yield from _empty_bucket(session, SHARED_BUCKET, part.bucket, prefix)
    return Deleted(SHARED_BUCKET, part.place)


def _refuse_used(session: Session, env: Environment) -> None:
    """Raise Refused where another environment uses the bucket that is to be deleted."""
    others = used_by(session, env)
    if others:
        names = ", ".join(others)
        raise Refused(
            f"{names} use{'s' if len(others) == 1 else ''} the shared bucket {bucket_name(env)}, too; nothing was "
            "deleted",
            "leave out --shared-bucket; the last environment that uses it can take it along. What is left of one that "
            "is gone: `infragen destroy --env NAME --bootstrap`",
        )


def _users(stack: StackDeletion, others: Sequence[StackDeletion]) -> Iterator[str]:
    if stack.layer in _LAST:  # CloudFormation deletes the others with the role that one of these made
        return (each.layer for each in others if each.layer not in _LAST)
    return (each.layer for each in others if each is not stack and stack.layer in _takes(each, others))


def _ask(env: Environment, session: Session, plan: DestroyPlan, options: DestroyOptions) -> None:
    if options.confirmed:
        if options.confirmed != env.environment:
            raise Refused(
                f"--confirm says {options.confirmed}; this is {env.environment}: nothing was deleted",
                f"if {env.environment} is meant: --confirm {env.environment}",
            )
        return
    if env.protected:
        answered_by, typed = f"--confirm {env.environment}", env.environment
    else:
        answered_by, typed = "--yes", ""
    stacks = "1 stack" if len(plan.stacks) == 1 else f"{len(plan.stacks)} stacks"
    if not plan.stacks:
        stacks = "what is left"
    text = f"delete {stacks} of {plan.environment} in {plan.account}, {plan.region}?"
    if not session.ui.confirm(Question(text, answered_by, typed)):
        raise Refused("declined; nothing was deleted")


def unprotect(session: Session, stacks: Sequence[StackDeletion], allowed: frozenset[str]) -> None:
    """Ask about every protection first, and switches them off only when all may be."""
    asked = [what for stack in stacks for what in stack.protections if what not in allowed]
    flags = " ".join(f"--disable-protection {what}" for what in asked)
    for what in asked:
        if not session.ui.confirm(Question(f"switch off the deletion protection of {what}?", flags, what)):
            raise Refused(f"{what} is protected against deletion; nothing was deleted", flags)
    for stack in stacks:
        if stack.state.protected:
            session.cloud.protect_stack(stack.state.stack_id, False)
        for each in stack.resources:
            if each.protected:
                resource = StackResource(each.logical_id, each.physical_id, each.type, "")
                session.cloud.lift_deletion_protection(resource)


def remove(session: Session, to_delete: StackDeletion, options: DestroyOptions) -> Operation:
    """Delete one stack; nested stacks whose deletion failed go first when something in them is to be retained."""
    if to_delete.layer in _LAST:
        options = replace(options, role="")
    target = Target(to_delete.layer, to_delete.state.name, name_child)
    if row(to_delete.state.status).destroy is OnDestroy.FOLLOW:
        return (yield from resume_deletion(session, target, to_delete.state))
    for layer, resource in to_delete.nested:
        retain = _retained(layer, options)
        child = session.cloud.stack(resource.physical_id) if retain else None
        if child is not None and child.status == "DELETE_FAILED":
            inner = Target(layer, child.name, name_child)
            gone = yield from delete(session, inner, child, retain, options.role)
            if isinstance(gone, Failed):
                return gone
    yield from _empty_all(session, to_delete, options)
    retain = _retained(to_delete.layer, options) if to_delete.state.status == "DELETE_FAILED" else ()
    gone = yield from delete(session, target, to_delete.state, retain, options.role)
    if isinstance(gone, Failed) and gone.status == "DELETE_FAILED":
        return (yield from _once_more(session, target, to_delete, gone, options))
    return gone


def _once_more(
    session: Session, target: Target, to_delete: StackDeletion, failed: Failed, options: DestroyOptions
) -> Operation:
    """Try again what failed on a security group, subnet or VPC: network interfaces are given back late; and on a bucket
    that was filled again after it was emptied: a load balancer writes its last access logs while it is deleted.
    """
    state = to_delete.state
    users = "; ".join(held(session.cloud, state.stack_id))
    filled = yield from _empty_all(session, to_delete, options)
    if not users and not filled:
        return failed
    why = f"{state.name} still holds {users}" if users else f"{', '.join(filled)} was filled again"
    session.ui.tell(Warned(f"{why}; it is tried once more"))
    gone = yield from delete(session, target, state, _retained(target.layer, options), options.role)
    if isinstance(gone, Failed) and (left := "; ".join(held(session.cloud, state.stack_id))):
        return replace(gone, message=f"{gone.message}; still there: {left}")
    return gone


def _empty_all(
    session: Session, to_delete: StackDeletion, options: DestroyOptions
) -> Generator[None, None, tuple[str, ...]]:
    """Empty the buckets of a stack that may be emptied; return the places of those in which something was."""
    filled = []
    for each in to_delete.resources:
        if each.place in options.empty and (yield from _empty(session, each)):
            filled.append(each.place)  # noqa: PERF401 - a comprehension cannot yield
    return tuple(filled)


def _empty(session: Session, bucket: ResourceDeletion) -> Generator[None, None, bool]:
    """Delete everything in a bucket, a page at a time; return whether there was anything."""
    if bucket.holds:
        session.ui.tell(Noticed(bucket.layer, bucket.logical_id, f"deleting {bucket.contents} in {bucket.physical_id}"))
    return (yield from _empty_bucket(session, bucket.layer, bucket.physical_id))


def _empty_bucket(session: Session, layer: str, name: str, prefix: str = "") -> Generator[None, None, bool]:
    any_at_all, more = False, True
    while more:
        more = yield from retrying(session, layer, lambda: session.cloud.delete_objects(name, prefix), BEFORE)
        any_at_all = any_at_all or more
    return any_at_all


def _retained(layer: str, options: DestroyOptions) -> tuple[str, ...]:
    return tuple(sorted(each.rpartition("/")[2] for each in options.retain if each.rpartition("/")[0] == layer))
