"""What to type after a failure: by the stack's state, and by the cause where AWS's words say more than the state does.

Pure. A hint never repeats the step that just failed as it was: it names what has to change first.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Sequence

from infragen.cloud.cloudformation import NO_REASON, STATUSES, StackEvent, StackResource
from infragen.engine.follow import LayerEvent
from infragen.engine.outcome import CANCELLED, Cause
from infragen.resource_types import resource_type
from infragen.resource_types.ecs import SERVICE

QUOTAS = "an account's quotas are shown and raised at https://console.aws.amazon.com/servicequotas/home"
EXPRESS = "EXPRESS"
"""A deployment mode of a stack's last operation (API reference, DeploymentConfig), which infragen never uses."""

_QUOTA = re.compile(
    r"quota|Limits?Exceeded|limits? exceeded|maximum (?:number|limit) of|limit of \d+ .*reached|reached the limit on|"
    r"exceed(?:s|ed)? (?:the|your|its)(?: \w+)? limit|Unreserved\w+ below its minimum|more \w+ than allowed",
    re.IGNORECASE,
)
"""How services say that an account may have no more of something; each in words of its own (WAF
WAFLimitsExceededException, S3 TooManyBuckets, Lambda PutFunctionConcurrency, ECS "unable to place a task", Route 53
"Limits Exceeded", read 2026-11-29)."""

_REPLACEMENT = "Replacement type updates not supported"
"""CloudFormation's words for a replacement while rollback is disabled (aws/aws-sam-cli#4164, #4585)."""

_TOO_SOON = re.compile(r"wait (\d+) seconds after deleting|QueueDeletedRecently|scheduled for deletion", re.IGNORECASE)
_TAKEN = re.compile(
    r"already exists?\b|AlreadyExists|NameConflict|already owned by you|AlreadyOwnedByYou|already own it|"
    r"bucket name is not available|same name (?:'[^']*' )?exists|duplicate of an existing one|was not idempotent",
    re.IGNORECASE,
)
"""How services say that a name is taken (Lambda "Function already exist: NAME", ELB DuplicateLoadBalancerName, WAF
WAFDuplicateItemException, S3 "The requested bucket name is not available", ECS "Creation of service was not
idempotent", read 2026-11-29). What is only "not available", as a version or a service, is something else."""

_BUSY = re.compile(
    r"HandlerErrorCode: (?:Throttling|ServiceInternalError|ServiceTimeout|NetworkFailure|InternalFailure|"
    r"ResourceConflict)\b|Rate exceeded|TooManyRequests|conflicting conditional operation|OperationAborted|"
    r"ConcurrentModification|(?:is|are) (?:currently |still )?being (?:created|updated|modified|deleted)|"
    r"still Draining|(?:update|operation) is in progress|please (?:re)?try(?: your request)? (?:again|later)",
    re.IGNORECASE,
)
"""How services say that they cannot now, and can in a while (CloudFormation CLI User Guide, "Handler error codes":
those of service and network, and ResourceConflict, "temporarily unavailable to be acted upon"; S3 OperationAborted,
ECS "Unable to Start a service that is still Draining.", Lambda "The operation cannot be performed at this time.
An update is in progress for resource", read 2026-11-29)."""

OTHER_TYPE = "Update of resource type is not permitted"
"""How AWS refuses a change set in which a logical id has another type (aws/aws-sam-cli#6786, 2024-03-06)."""

_TASKS_END = re.compile(r"circuit breaker|stabili[sz]e", re.IGNORECASE)
"""How CloudFormation says that a service's tasks do not stay up (containers-roadmap#1205, read 2026-11-29)."""


def kept(events: Iterable[LayerEvent]) -> tuple[str, ...]:
    """Return what was not deleted with its stack, because its deletion policy keeps it: `layer/LogicalId (physical
    id)`, with the command that deletes it. What has only the name of something that the stack never made is not told.
    """
    events = tuple(events)
    failed = (each.event for each in events if each.event.status == "CREATE_FAILED")
    others = {(each.stack_id, each.logical_id) for each in failed if name_taken(each.reason, each.type)}
    skipped = (each for each in events if each.event.status == "DELETE_SKIPPED")
    skipped = (each for each in skipped if (each.event.stack_id, each.event.logical_id) not in others)
    return tuple(
        f"{each.layer}/{each.event.logical_id} ({each.event.physical_id}{_deleted_by(each)})" for each in skipped
    )


def _deleted_by(event: LayerEvent) -> str:
    command = resource_type(event.event.type).delete_command
    return f", `{command.format(shlex.quote(event.event.physical_id))}`" if command else ""


def given_up(events: Iterable[LayerEvent]) -> tuple[str, ...]:
    """Return what a continued rollback skipped, as `layer/LogicalId`: it could not be put back, and nobody tried
    again.
    """
    return tuple(_not_put_back(events))


def not_put_back(events: Iterable[LayerEvent]) -> tuple[str, ...]:
    """Return what a rollback is stuck at, with AWS's words: `layer/LogicalId (reason)`; of a nested stack what is
    inside.
    """
    found = _not_put_back(events)
    nested = {each.physical_id for each in found.values() if each.of_nested_stack}
    inside = {each.stack_id for each in found.values()}
    return tuple(
        f"{place} ({each.reason or NO_REASON})"
        for place, each in found.items()
        if each.physical_id not in nested & inside
    )


def _not_put_back(events: Iterable[LayerEvent]) -> dict[str, StackEvent]:
    """Return what could not be put back in a rollback and was not tried again, by `layer/LogicalId`.

    AWS calls such a resource UPDATE_COMPLETE, although it is not as the template says (API reference,
    ContinueUpdateRollback, read 2026-11-29); it counts as skipped with that event and without any.
    """
    going_back, failed = set[str](), dict[str, StackEvent]()
    for each in events:
        event, place = each.event, f"{each.layer}/{each.event.logical_id}"
        if event.of_stack_itself:
            if "ROLLBACK" in event.status:
                going_back.add(event.stack_id)
            if event.status == "UPDATE_ROLLBACK_COMPLETE":  # a nested stack that is back needs no word of its parent's
                failed = {k: v for k, v in failed.items() if v.physical_id != event.stack_id}
        elif event.stack_id in going_back and event.status == "UPDATE_IN_PROGRESS":
            failed.pop(place, None)
        elif event.stack_id in going_back and event.status == "UPDATE_FAILED" and event.reason not in CANCELLED:
            failed[place] = event
    return failed


def next_step(
    status: str,
    left: Sequence[str] = (),
    cause: Cause | None = None,
    standing: Sequence[str] = (),
    good_tag: str = "",
    skipped: Sequence[str] = (),
    mode: str = "",
) -> str:
    """Return what to type when an operation left a stack in this status, for this cause, and in AWS what is `kept`; may
    be empty. `standing` is what a stack still has, although its creation was rolled back; `good_tag` the image that
    runs again after a rollback; `skipped` what the rollback gave up, or is stuck at; `mode` that of the stack's last
    operation.
    """
    reason = cause.reason if cause else ""
    if mode == EXPRESS and status in ("CREATE_FAILED", "UPDATE_FAILED"):
        return f"last deployed in EXPRESS mode, by another tool, which AWS cannot roll back; {express('', status)[1]}"
    if _REPLACEMENT in reason:
        return "`infragen recover` rolls back what was kept; then deploy without --on-failure keep"
    fix = _fix(cause)
    match status:
        case "ROLLBACK_COMPLETE" if standing:
            state = f"rolled back, and still there: {', '.join(standing)}; `infragen recover` shows what is deleted"
        case "ROLLBACK_COMPLETE" if left:
            state = (
                f"left in AWS by a deletion policy: {', '.join(left)}; delete what is not needed, "
                f"or it costs and keeps its name; then {fix} and deploy again"
            )
        case "ROLLBACK_COMPLETE":
            state = f"nothing is left of it; {fix} and deploy again: the failed stack is removed first"
        case "DELETE_COMPLETE":
            rest = f"; left in AWS by a deletion policy: {', '.join(left)}" if left else ""
            state = f"the stack was removed, as --on-failure delete says{rest}; {fix} and deploy again"
        case "UPDATE_ROLLBACK_FAILED" if skipped:
            state = f"stuck at {'; '.join(skipped)}: remove what keeps it from going back, then {STATUSES[status].hint}"
        case "UPDATE_ROLLBACK_COMPLETE" if skipped:
            state = (
                f"rolled back without {', '.join(skipped)}, which may differ from the template: `infragen drift` "
                f"compares what AWS can compare; make it as the template says, {fix} and deploy again"
            )
        case "UPDATE_ROLLBACK_COMPLETE" if good_tag:
            state = _with_the_old_image(good_tag, cause, fix)
        case "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE":
            state = f"the stack is as it was before; {fix} and deploy again"
        case "CREATE_FAILED" | "UPDATE_FAILED" if cause is not None and cause.type == SERVICE.name:
            state = (
                "what was built is kept; another image or setting of the tasks replaces their task definition, which "
                "AWS refuses while rollback is disabled: `infragen recover` rolls back; then fix why the tasks do not "
                "stay up and deploy again"
            )
        case "CREATE_FAILED" | "UPDATE_FAILED":
            state = (
                f"what was built is kept; {fix} and run `infragen deploy --on-failure keep`, or go back with "
                "`infragen recover`"
            )
        case _:
            state = STATUSES[status].hint if status in STATUSES else "`infragen status` shows the stack"
    if cause is not None and cause.is_rollback_alarm:
        name = shlex.quote(cause.logical_id)
        return f"{state}; while it is in ALARM: `infragen deploy --ignore-alarm {name}`"
    return f"{state}; {QUOTAS}" if _QUOTA.search(reason) else state


def _with_the_old_image(tag: str, cause: Cause | None, fix: str) -> str:
    """Return what to type after an update that brought another image was rolled back."""
    back = f"the stack is as it was before, with the image {tag}"
    now = f"until then deploy with that image: `infragen deploy --image-tag {shlex.quote(tag)}`"
    if cause is not None and cause.type == SERVICE.name:
        return f"{back}; fix why the new tasks do not stay up and deploy again, a changed image under a new tag; {now}"
    return f"{back}; {fix} and deploy again; {now}"


def _fix(cause: Cause | None) -> str:
    """Return what has to happen before the next deployment; without a cause somebody may have cancelled
    the operation.
    """
    if cause is None:
        return "find out what stopped it (`infragen diagnose` shows what AWS says)"
    reason = cause.reason
    if cause.is_rollback_alarm:
        return "find out what raised the alarm (`infragen logs` shows what the service wrote), fix that"
    if waits := _TOO_SOON.search(reason):
        return f"wait {waits[1] + ' seconds' if waits[1] else 'until the old one of that name is gone'}"
    if name_taken(reason, cause.type):
        which = cause.physical_id or f"{cause.type} of that name"
        return (
            f"find out whose {which} is, which is in AWS and not in this stack: delete it if it is not needed, or give "
            "the project, the environment or the resource another name"
        )
    if _BUSY.search(reason):
        return "wait some minutes, because AWS could not do it at that moment,"
    if cause.type == SERVICE.name and _TASKS_END.search(reason):
        return "fix why its tasks do not stay up"
    return "fix the cause"


def name_taken(reason: str, kind: str = "") -> bool:
    """Return whether AWS says that there is another thing of that name: what is there is not the stack's.

    `kind` is the type of what failed: a custom resource tells of its own doing, and a nested stack of what is inside.
    """
    own_words = kind.startswith(("Custom::", "AWS::CloudFormation::"))
    return not own_words and _TAKEN.search(reason) is not None


def never_made(resource: StackResource) -> bool:
    """Return whether a stack only lists a resource: its creation failed because something else has its name, and AWS
    leaves that alone (CloudFormation CLI User Guide, "Resource type handler contract": a create handler fails with
    AlreadyExists and creates nothing, read 2026-11-29).

    Types that are not AWS's are not believed, and neither are key pairs: a rollback deletes what has the name
    (cloudformation-coverage-roadmap#1493, 2023-01-21; cloudformation-cli-python-plugin#61, 2019-11-24).
    """
    believed = resource.type.startswith("AWS::") and resource.type != "AWS::EC2::KeyPair"
    return believed and resource.status == "CREATE_FAILED" and name_taken(resource.reason, resource.type)


def before_again(reason: str) -> str:
    """Return what has to happen before a change set that AWS refused with these words is created again."""
    if name_taken(reason):
        return "find out whose it is: delete it if it is not needed, or give the new one another name"
    if OTHER_TYPE in reason:
        return "give what gets another type another logical id"
    if _BUSY.search(reason):
        return "wait some minutes"
    return "fix the cause"


def stuck_again(places: Collection[str]) -> str:
    """Return what to type when a rollback that was continued is stuck again."""
    if not places:
        return "`infragen recover` shows what is stuck and continues the rollback"
    skip = " ".join(f"--skip {each}" for each in sorted(places))
    return (
        f"remove what keeps {', '.join(sorted(places))} from going back and run `infragen recover` again; or give up "
        f"what cannot go back: `infragen recover {skip}`"
    )


def express(name: str, status: str) -> tuple[str, str]:
    """Return why a failed stack that was last updated in EXPRESS mode cannot be rolled back, and the way out.

    RollbackStack is not supported for it (aws/aws-cdk-cli#1739, #1745 of July 2026; #1973 of September 2026): only a
    deployment with rollback disabled continues from there, and that replaces nothing.
    """
    message = f"{name} is {status} and was last deployed in EXPRESS mode, by another tool: AWS cannot roll that back"
    if status == "CREATE_FAILED":
        return message, "it was never complete: `infragen destroy` removes it, then deploy again"
    return message, (
        "deploy what was deployed last, from the commit it came from, with `infragen deploy --on-failure keep`; it "
        "must replace nothing. After that the stack can be updated as usual"
    )
