"""AWS's answers as values: pure functions from what boto3 returns to the types of `cloud.cloudformation`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from infragen.cloud.cloudformation import (
    NO_REASON,
    Cause,
    CauseKind,
    ChangeSet,
    ChangeSetSummary,
    DriftDetection,
    IgnoredAttribute,
    PropertyChange,
    PropertyDrift,
    ResourceChange,
    ResourceDrift,
    RollbackConfiguration,
    RollbackTrigger,
    StackEvent,
    StackResource,
    StackState,
)
from infragen.errors import CloudError
from infragen.secrecy.masking import mask
from infragen.secrecy.shown import Absent, Secret
from infragen.secrecy.suspicion import looks_secret
from infragen.secrecy.visible import NOTHING, Shown, assembled, quoted

T = TypeVar("T")

RECREATIONS = ("Never", "Conditionally", "Always")


def plain(text: str | None) -> Shown:
    """Return AWS's words on one line, without secrets and without what could drive a terminal."""
    return quoted(text)


LONGEST_LINE = 500
"""Characters of a log line that are shown: a stack trace in one line would bury everything else."""

MOST_PAGES = 10_000
"""Pages of a listing that are read: with a hundred rows each more than any quota of CloudFormation's allows."""

NOT_AWS = "the reply is not from AWS, or a proxy changed it: check --endpoint-url and proxies"


class IncompleteReply(CloudError):
    """A well-formed reply that lacks what AWS's API reference promises."""

    def __init__(self, message: str) -> None:
        super().__init__(message, NOT_AWS)


def member(answer: object, name: str) -> Any:
    """Return a member that every reply of its kind has. Raises IncompleteReply where it is missing."""
    if not isinstance(answer, Mapping) or answer.get(name) is None:
        raise IncompleteReply(f"the reply has no {name}")
    return answer[name]


def pages(read: Callable[..., Any], name: str, leads: str = "NextToken", **arguments: Any) -> Iterator[Any]:
    """Yield the rows under `name` in all pages of a listing. `leads` is the member that leads to the next page.

    Raises IncompleteReply when a page leads to one that was there before: the listing would never end.
    """
    seen = set[str]()
    for _ in range(MOST_PAGES):
        answer = read(**arguments)
        yield from member(answer, name)
        following = next_page(answer, seen, leads)
        if not following:
            return
        arguments[leads] = following
    raise IncompleteReply(f"the listing of {name} has no end after {MOST_PAGES} pages")


def batches(values: Sequence[T], size: int) -> Iterator[list[T]]:
    """Yield the values in lists of at most so many: as many as a call takes."""
    return (list(values[start : start + size]) for start in range(0, len(values), size))


def next_page(answer: Mapping[str, Any], seen: set[str], leads: str = "NextToken") -> str:
    """Return the token of the next page, empty after the last; `seen` holds those of earlier pages and receives it."""
    following = answer.get(leads) or ""
    if following and following in seen:
        raise IncompleteReply(f"the reply has the {leads} of an earlier page once more, so that the pages never end")
    seen.add(following)
    return str(following)


def log_line(text: str | None) -> Shown:
    """Return a line that an application wrote, with its secrets masked; JSON stays JSON. Long ones are cut."""
    line = plain(str(mask((text or "").strip())))
    return _cut(line)


def _cut(text: Shown) -> Shown:
    return text if len(text) <= LONGEST_LINE else assembled(f"{text[:LONGEST_LINE]}…")


def stack_state(answer: Mapping[str, Any]) -> StackState:
    """Return a row of DescribeStacks."""
    return StackState(
        stack_id=member(answer, "StackId"),
        name=member(answer, "StackName"),
        status=member(answer, "StackStatus"),
        reason=plain(answer.get("StackStatusReason")),
        parameters={
            member(each, "ParameterKey"): each.get("ParameterValue", "") for each in answer.get("Parameters", ())
        },
        outputs={member(each, "OutputKey"): each.get("OutputValue", "") for each in answer.get("Outputs", ())},
        exports={
            member(each, "ExportName"): member(each, "OutputKey")
            for each in answer.get("Outputs", ())
            if each.get("ExportName")
        },
        tags={member(each, "Key"): member(each, "Value") for each in answer.get("Tags", ())},
        protected=bool(answer.get("EnableTerminationProtection")),
        parent_id=answer.get("ParentId") or "",
        change_set_id=answer.get("ChangeSetId") or "",
        created=answer.get("CreationTime"),
        updated=answer.get("LastUpdatedTime"),
        role_arn=answer.get("RoleARN") or "",
        drift=answer.get("DriftInformation", {}).get("StackDriftStatus", ""),
        drift_checked=answer.get("DriftInformation", {}).get("LastCheckTimestamp"),
        mode=(answer.get("DeploymentConfig") or {}).get("Mode") or "",
        rollback=rollback_configuration(answer),
        notifications=tuple(answer.get("NotificationARNs") or ()),
        retain_except_on_create=bool(answer.get("RetainExceptOnCreate")),
    )


def rollback_configuration(answer: Mapping[str, Any]) -> RollbackConfiguration:
    """Return the RollbackConfiguration of a stack or of a change set; empty where it has none."""
    found = answer.get("RollbackConfiguration") or {}
    triggers = (
        RollbackTrigger(member(each, "Arn"), member(each, "Type")) for each in found.get("RollbackTriggers") or ()
    )
    return RollbackConfiguration(tuple(triggers), found.get("MonitoringTimeInMinutes") or 0)


def stack_resource(answer: Mapping[str, Any]) -> StackResource:
    """Return a row of ListStackResources."""
    return StackResource(
        logical_id=member(answer, "LogicalResourceId"),
        physical_id=answer.get("PhysicalResourceId") or "",
        type=member(answer, "ResourceType"),
        status=member(answer, "ResourceStatus"),
        reason=plain(answer.get("ResourceStatusReason")),
    )


def drift_detection(answer: Mapping[str, Any]) -> DriftDetection:
    """Return the answer of DescribeStackDriftDetectionStatus."""
    return DriftDetection(
        member(answer, "DetectionStatus"),
        answer.get("StackDriftStatus", ""),
        plain(answer.get("DetectionStatusReason")),
    )


def resource_drift(answer: Mapping[str, Any]) -> ResourceDrift:
    """Return a row of DescribeStackResourceDrifts. Values are taken from the documents of all properties, where a
    secret shows by the names around it, and never from the difference alone.
    """
    documents = [mask(_json(answer.get(each))) for each in ("ExpectedProperties", "ActualProperties")]
    found = (_property_drift(each, documents) for each in answer.get("PropertyDifferences", ()))
    return ResourceDrift(
        logical_id=member(answer, "LogicalResourceId"),
        physical_id=answer.get("PhysicalResourceId") or "",
        type=member(answer, "ResourceType"),
        status=member(answer, "StackResourceDriftStatus"),
        properties=tuple(found),
        reason=plain(answer.get("DriftStatusReason")),
    )


def _property_drift(answer: Mapping[str, Any], documents: Sequence[object]) -> PropertyDrift:
    path = tuple(_step(each) for each in member(answer, "PropertyPath").split("/")[1:])
    hidden = any(looks_secret(each) for each in path if isinstance(each, str))
    texts = answer.get("ExpectedValue"), answer.get("ActualValue")
    missing = {"ADD": 0, "REMOVE": 1}.get(answer.get("DifferenceType", ""))
    sides = [
        Absent() if side == missing else _drifted(documents[side], path, texts[side] or "", hidden) for side in (0, 1)
    ]
    if any(isinstance(each, Secret) for each in sides):
        sides = [each if isinstance(each, Absent) else Secret() for each in sides]
    return PropertyDrift(path, sides[0], sides[1])


def _drifted(document: object, path: Sequence[str | int], text: str, hidden: bool) -> object:
    """Return the value at the path of a masked document; where the document has none, the text of the difference,
    masked.
    """
    here = document
    for step in path:
        if isinstance(here, Secret):
            return here
        if isinstance(here, list) and isinstance(step, int):
            here = here[step] if step < len(here) else None
        else:
            here = here.get(str(step)) if isinstance(here, dict) else None
    name = next((each for each in reversed(path) if isinstance(each, str)), "")
    return mask(_json(text) if here is None else here, hidden, name=name)


def _json(text: str | None) -> object:
    """Return what a text says as JSON; the text itself, without control characters, when it is none."""
    try:
        return json.loads(text or "")
    except ValueError:
        return plain(text)


def _step(text: str) -> str | int:
    """Return one step of a JSON pointer (RFC 6901)."""
    return int(text) if text.isdecimal() else plain(text.replace("~1", "/").replace("~0", "~"))


def stack_event(answer: Mapping[str, Any]) -> StackEvent:
    """Return a row of DescribeStackEvents."""
    hook = _hook(answer)
    return StackEvent(
        event_id=member(answer, "EventId"),
        stack_id=member(answer, "StackId"),
        stack_name=member(answer, "StackName"),
        logical_id=answer.get("LogicalResourceId") or "",
        physical_id=answer.get("PhysicalResourceId") or "",
        type=answer.get("ResourceType") or "",
        status=answer.get("ResourceStatus") or "",
        time=member(answer, "Timestamp"),
        reason=plain(answer.get("ResourceStatusReason")),
        token=answer.get("ClientRequestToken") or "",
        hook=hook,
        hook_result=(answer.get("HookInvocationId") or "") if hook else "",
        **_used(answer.get("ResourceProperties")),
    )


def _used(properties: str | None) -> dict[str, str]:
    """Return the ARNs in an event's ResourceProperties that say which task definition or function was at work, and the
    log group that a function is given.
    """
    found = _json(properties) if properties else None
    if not isinstance(found, dict):
        return {}
    named = {"task_definition": found.get("TaskDefinition"), "function": found.get("ServiceToken")}
    used = {name: value for name, value in named.items() if isinstance(value, str) and value.startswith("arn:")}
    logging = found.get("LoggingConfig")
    group = logging.get("LogGroup") if isinstance(logging, dict) else None
    return {**used, "log_group": group} if isinstance(group, str) else used


def _hook(answer: Mapping[str, Any]) -> Shown:
    if not answer.get("HookStatus", "").endswith("_FAILED") or answer.get("HookFailureMode") == "WARN":
        return NOTHING
    return plain(f"{answer.get('HookType', 'a hook')}: {answer.get('HookStatusReason', 'it gave no reason')}")


def fails(answer: Mapping[str, Any]) -> bool:
    """Return whether a row of DescribeEvents or ListHookResults is a cause: one in mode WARN only warns, and stops
    nothing.
    """
    modes = (answer.get(key) for key in ("ValidationFailureMode", "HookFailureMode", "FailureMode"))
    return "WARN" not in modes and answer.get("Status", "_FAILED").endswith("_FAILED")


def hook_result(answer: Mapping[str, Any]) -> Shown:
    """Return the answer of GetHookResult, or a row of ListHookResults: the hook, its words, and those of each failed
    check.
    """
    words = "; ".join(filter(None, [plain(answer.get("HookStatusReason")), *hook_checks(answer)]))
    return assembled(f"{plain(answer.get('TypeName')) or 'a hook'}: {words or 'it gave no reason'}")


CHECKS = 5
"""Failed checks of a hook that are reported: Guard has one for each rule."""


def hook_checks(answer: Mapping[str, Any]) -> tuple[Shown, ...]:
    """Return the failed checks in an answer of GetHookResult: what each found, what would help and where to read on.
    Either may have 16,384 characters (API reference, Annotation, read 2026-11-29).
    """
    found = [each for each in answer.get("Annotations") or () if each.get("Status") == "FAILED"]
    told = tuple(
        assembled(" ".join(filter(None, (_cut(plain(each.get(key))) for key in _CHECK)))) for each in found[:CHECKS]
    )
    more = len(found) - CHECKS
    return (*told, assembled(f"and {more} more checks that failed")) if more > 0 else told


_CHECK = ("AnnotationName", "StatusMessage", "RemediationMessage", "RemediationLink")


def failed_check(answer: Mapping[str, Any]) -> Shown:
    """Return a failed row of DescribeEvents for a change set: an early validation with its property path, or a hook."""
    where = answer.get("ValidationPath") or answer.get("HookType") or answer.get("LogicalResourceId", "")
    words = (answer.get(key) for key in ("ValidationStatusReason", "HookStatusReason", "ResourceStatusReason"))
    return plain(f"{where}: {next(filter(None, words), NO_REASON)}")


def change_set_summary(answer: Mapping[str, Any]) -> ChangeSetSummary:
    """Return a row of ListChangeSets."""
    return ChangeSetSummary(
        change_set_id=member(answer, "ChangeSetId"),
        name=member(answer, "ChangeSetName"),
        status=answer.get("Status", ""),
        execution_status=answer.get("ExecutionStatus", ""),
        description=answer.get("Description") or "",
        parent_id=answer.get("ParentChangeSetId") or "",
        created=answer.get("CreationTime"),
    )


def change_set(
    answer: Mapping[str, Any], changes: Sequence[Mapping[str, Any]], valued: Sequence[Mapping[str, Any]] = ()
) -> ChangeSet:
    """Return the head of DescribeChangeSet, with the rows of all its pages; `valued` are those of a description with
    property values.

    The one with values can leave out whole resources and say so only in the status reason (aws/aws-cdk-cli#1780), and
    the one without has no values. What matters for safety (action, replacement, policy) is taken from the plain one.
    """
    values = {_logical_id(each): each for each in valued}
    known = {_logical_id(each) for each in changes}
    rows = [resource_change(each, values.get(_logical_id(each))) for each in changes]
    rows += [resource_change(each) for each in valued if _logical_id(each) not in known]
    return ChangeSet(
        change_set_id=member(answer, "ChangeSetId"),
        name=member(answer, "ChangeSetName"),
        stack_id=member(answer, "StackId"),
        status=member(answer, "Status"),
        execution_status=answer.get("ExecutionStatus", "UNAVAILABLE"),
        reason=plain(answer.get("StatusReason")),
        changes=tuple(rows),
        description=answer.get("Description") or "",
        nested=answer.get("IncludeNestedStacks"),
        rollback=rollback_configuration(answer) if "RollbackConfiguration" in answer else None,
        notifications=tuple(answer["NotificationARNs"]) if "NotificationARNs" in answer else None,
        mode=answer.get("DeploymentMode") or "",
    )


def _logical_id(answer: Mapping[str, Any]) -> str:
    return str((answer.get("ResourceChange") or {}).get("LogicalResourceId", ""))


def resource_change(answer: Mapping[str, Any], valued: Mapping[str, Any] | None = None) -> ResourceChange:
    """Return one Change of a change set, with the values that `valued`, the same Change, has. Its layer is not known
    here.
    """
    row = answer.get("ResourceChange") or {}
    known = _one_each(((valued or {}).get("ResourceChange") or {}).get("Details", ()))
    named = {each.path[:2] for each in known}
    rest = (each for each in _one_each(row.get("Details", ())) if each.path[:2] not in named)
    return ResourceChange(
        layer="",
        action=row.get("Action", ""),
        logical_id=row.get("LogicalResourceId", ""),
        type=row.get("ResourceType", ""),
        replacement=row.get("Replacement", ""),
        policy_action=row.get("PolicyAction", ""),
        physical_id=row.get("PhysicalResourceId") or "",
        properties=(*known, *rest),
        change_set_id=row.get("ChangeSetId") or "",
        drift=row.get("ResourceDriftStatus") or "",
        ignored=tuple(map(_ignored, row.get("ResourceDriftIgnoredAttributes") or ())),
    )


def _ignored(answer: Mapping[str, Any]) -> IgnoredAttribute:
    path = tuple(_step(each) for each in (answer.get("Path") or "").strip("/").split("/"))
    return IgnoredAttribute(path, plain(answer.get("Reason")))


def _one_each(details: Iterable[Mapping[str, Any]]) -> tuple[PropertyChange, ...]:
    """Return one change for each path: AWS gives a property once for each thing that causes it to change."""
    found: dict[tuple[str | int, ...], list[Mapping[str, Any]]] = {}
    for each in details:
        found.setdefault(_path(each.get("Target") or {}), []).append(each)
    return tuple(property_change(path, some) for path, some in found.items())


def property_change(path: tuple[str | int, ...], details: Sequence[Mapping[str, Any]]) -> PropertyChange:
    """Return what the Details of one property of a resource say (API reference, ResourceTargetDefinition): the values
    of the first, the causes of all, the worst that any does. Of a drift-aware change set the value before is the actual
    one, wherever AWS gives it (`LiveResourceDrift`, read 2026-11-29).
    """
    targets = [each.get("Target") or {} for each in details]
    first, kind = targets[0], targets[0].get("AttributeChangeType", "")
    actual = (first.get("Drift") or {}).get("ActualValue")
    return PropertyChange(
        path=path,
        before=Absent() if kind == "Add" else first.get("BeforeValue") if actual is None else actual,
        after=Absent() if kind == "Remove" else first.get("AfterValue"),
        recreation=max(map(_recreation, targets), key=RECREATIONS.index),
        causes=tuple(dict.fromkeys(cause for each in details if (cause := _cause(each)))),
    )


def _recreation(target: Mapping[str, Any]) -> str:
    """Return what AWS says; a word that we do not know is taken for the worst."""
    said = target.get("RequiresRecreation", "Never")
    return said if said in RECREATIONS else "Always"


def _path(target: Mapping[str, Any]) -> tuple[str | int, ...]:
    if target.get("Path"):
        return tuple(int(part) if part.isdecimal() else part for part in target["Path"].strip("/").split("/"))
    name = target.get("Name")
    return (target.get("Attribute", ""), *((name,) if name else ()))


def _cause(detail: Mapping[str, Any]) -> Cause | None:
    entity = detail.get("CausingEntity") or ""
    match detail.get("ChangeSource"):
        case "ParameterReference":
            return Cause(CauseKind.PARAMETER, str(entity))
        case "ResourceReference" | "ResourceAttribute":
            return Cause(CauseKind.RESOURCE, str(entity))
        case "Automatic":
            return Cause(CauseKind.NESTED_STACK)
    return None
