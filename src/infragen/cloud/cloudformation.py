"""CloudFormation's vocabulary as values: stacks, their statuses, change sets, changes and events.

Nothing here talks to AWS or decides anything. The one decision it holds is data: `STATUSES`, the closed table of what
`deploy`, `destroy` and `recover` do with a stack in each status. A status that is not in the table is unsafe, never
success.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Final

from infragen.cloud.template import STACK_TYPE
from infragen.secrecy.shown import NOTHING, Shown

NO_REASON = "AWS gave no reason"
"""What stands where AWS says why, when it says nothing."""

PREFIX = "infragen-"
"""What the names of change sets and the client request tokens that infragen makes begin with."""


class OnDeploy(Enum):
    """What a deployment does with a stack."""

    CREATE = "create it through a change set of type CREATE"
    UPDATE = "update it"
    RECREATE = "delete what is left of a failed first creation, then create it"
    CONTINUE = "continue from what was kept; needs --on-failure keep"
    FOLLOW = "follow the operation that runs when it is ours, else it is in the way"
    REFUSE = "refuse"


class OnDestroy(Enum):
    """What a deletion does with a stack."""

    NOTHING = "it is gone"
    DELETE = "delete it"
    FOLLOW = "follow the deletion that runs"
    WAIT = "an operation is in the way"
    REFUSE = "refuse"


class OnRecover(Enum):
    """What `recover` does with a stack."""

    NOTHING = "it needs no recovery"
    CONTINUE_ROLLBACK = "ContinueUpdateRollback"
    ROLLBACK = "RollbackStack"
    DELETE = "delete what a failed first creation left"
    WAIT = "an operation is in the way"
    REFUSE = "refuse"


@dataclass(frozen=True)
class StatusRow:
    """One row of the table: an action for each command, and what to type where `deploy` refuses."""

    deploy: OnDeploy
    destroy: OnDestroy
    recover: OnRecover
    hint: str = ""


_SETTLED = StatusRow(OnDeploy.UPDATE, OnDestroy.DELETE, OnRecover.NOTHING)
_ABSENT = StatusRow(OnDeploy.CREATE, OnDestroy.NOTHING, OnRecover.NOTHING)
_RUNNING = StatusRow(OnDeploy.FOLLOW, OnDestroy.WAIT, OnRecover.WAIT)
_KEPT = StatusRow(
    OnDeploy.CONTINUE,
    OnDestroy.DELETE,
    OnRecover.ROLLBACK,
    "continue it with `infragen deploy --on-failure keep`, or go back with `infragen recover`",
)
_UNKNOWN = StatusRow(OnDeploy.REFUSE, OnDestroy.REFUSE, OnRecover.REFUSE, "this version of infragen does not know it")

ABSENT = "absent"
"""The status of a stack that CloudFormation does not have. Not a value of the API."""

STATUSES: Mapping[str, StatusRow] = {
    ABSENT: _ABSENT,
    "DELETE_COMPLETE": _ABSENT,
    "REVIEW_IN_PROGRESS": StatusRow(OnDeploy.CREATE, OnDestroy.DELETE, OnRecover.NOTHING),
    "CREATE_COMPLETE": _SETTLED,
    "UPDATE_COMPLETE": _SETTLED,
    "UPDATE_ROLLBACK_COMPLETE": _SETTLED,
    "IMPORT_COMPLETE": _SETTLED,
    "IMPORT_ROLLBACK_COMPLETE": _SETTLED,
    "ROLLBACK_COMPLETE": StatusRow(OnDeploy.RECREATE, OnDestroy.DELETE, OnRecover.DELETE),
    "CREATE_FAILED": _KEPT,
    "UPDATE_FAILED": _KEPT,
    "ROLLBACK_FAILED": StatusRow(
        OnDeploy.REFUSE, OnDestroy.DELETE, OnRecover.DELETE, "`infragen recover` or `infragen destroy` removes it"
    ),
    "UPDATE_ROLLBACK_FAILED": StatusRow(
        OnDeploy.REFUSE, OnDestroy.DELETE, OnRecover.CONTINUE_ROLLBACK, "`infragen recover` continues the rollback"
    ),
    "DELETE_FAILED": StatusRow(
        OnDeploy.REFUSE, OnDestroy.DELETE, OnRecover.REFUSE, "`infragen destroy --retain LAYER/LogicalId` finishes it"
    ),
    "IMPORT_ROLLBACK_FAILED": StatusRow(
        OnDeploy.REFUSE, OnDestroy.DELETE, OnRecover.REFUSE, "look at its resources in the console"
    ),
    "DELETE_IN_PROGRESS": StatusRow(OnDeploy.FOLLOW, OnDestroy.FOLLOW, OnRecover.WAIT),
    "CREATE_IN_PROGRESS": _RUNNING,
    "ROLLBACK_IN_PROGRESS": _RUNNING,
    "UPDATE_IN_PROGRESS": _RUNNING,
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": _RUNNING,
    "UPDATE_ROLLBACK_IN_PROGRESS": _RUNNING,
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": _RUNNING,
    "IMPORT_IN_PROGRESS": _RUNNING,
    "IMPORT_ROLLBACK_IN_PROGRESS": _RUNNING,
}
"""Every value of StackStatus in the CloudFormation API, and `absent`."""

SUCCESS = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
"""The only statuses in which an operation of ours ends well: a list of what is good, so that nothing new slips in."""


def row(status: str) -> StatusRow:
    """Return the table's row for a status; the refusing row for a status that it does not know."""
    return STATUSES.get(status, _UNKNOWN)


def running(status: str) -> bool:
    """Return whether an operation is under way. REVIEW_IN_PROGRESS is not: nothing runs until its change set is
    executed.

    Both CLEANUP statuses are under way (CloudFormation User Guide, "Stack status codes"). So is a status unknown to us
    that says it is in progress.
    """
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


ALARM_TYPE, COMPOSITE_ALARM_TYPE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
"""The types that a rollback trigger may have (API reference, RollbackTrigger)."""


@dataclass(frozen=True)
class RollbackTrigger:
    """An alarm that rolls an operation back when it goes to ALARM: its ARN and its type."""

    arn: str
    type: str = ALARM_TYPE

    @property
    def name(self) -> str:
        """Return the name of the alarm."""
        return self.arn.partition(":alarm:")[2] or self.arn


@dataclass(frozen=True)
class RollbackConfiguration:
    """The alarms that CloudFormation watches while it works on a stack, and for how many minutes after that."""

    triggers: tuple[RollbackTrigger, ...] = ()
    minutes: int = 0


@dataclass(frozen=True)
class StackState:
    """A stack as CloudFormation describes it. Timestamps are AWS's own and are shown, never compared with our clock.

    `exports` are names of exports, each with the output that it exports. `mode` is that of the last operation:
    STANDARD, EXPRESS, or empty where AWS does not say. `notifications` are the SNS topics that get its events.
    """

    stack_id: str
    name: str
    status: str
    reason: Shown = NOTHING
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False
    parent_id: str = ""
    change_set_id: str = ""
    created: datetime | None = None
    updated: datetime | None = None
    role_arn: str = ""
    drift: str = ""
    drift_checked: datetime | None = None
    mode: str = ""
    rollback: RollbackConfiguration = RollbackConfiguration()
    notifications: tuple[str, ...] = ()
    retain_except_on_create: bool = False


DRIFTED, IN_SYNC, NOT_CHECKED, UNKNOWN = "DRIFTED", "IN_SYNC", "NOT_CHECKED", "UNKNOWN"
"""The values of StackDriftStatus (API reference, StackDriftInformation)."""

CHECKABLE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"})
"""The statuses in which a stack can be checked for drift (User Guide, "Detect unmanaged configuration changes to stacks
and resources with drift detection")."""


@dataclass(frozen=True)
class DriftDetection:
    """How a detection of drift stands. `status` is DETECTION_IN_PROGRESS, DETECTION_COMPLETE or DETECTION_FAILED: then
    some resources could not be looked at, and there are results for the others. `drift` is the stack's drift status.
    """

    status: str
    drift: str
    reason: Shown = NOTHING

    @property
    def running(self) -> bool:
        """Return whether it has not ended."""
        return self.status == "DETECTION_IN_PROGRESS"


@dataclass(frozen=True)
class StackResource:
    """One row of ListStackResources."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: Shown = NOTHING


@dataclass(frozen=True)
class PropertyDrift:
    """One property that is not as its template says. `path` is in the resource's properties; a value that should not be
    there, or is not, is Absent. A secret is a Secret on both sides.
    """

    path: tuple[str | int, ...]
    expected: object
    actual: object

    @property
    def name(self) -> str:
        """Return `Tags[0].Value`."""
        return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in self.path).lstrip(".")


@dataclass(frozen=True)
class ResourceDrift:
    """One resource that was checked for drift. `status` is the API's IN_SYNC, MODIFIED, DELETED, UNKNOWN, ..."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    properties: tuple[PropertyDrift, ...] = ()
    reason: Shown = NOTHING


REVERT_DRIFT: Final = "REVERT_DRIFT"
"""The deployment mode of a drift-aware change set: it brings resources from what they are to what the template says
(API reference, CreateChangeSet, `DeploymentMode`; botocore 1.43.106, read 2026-11-29)."""


@dataclass(frozen=True)
class IgnoredAttribute:
    """An attribute of a resource whose drift a drift-aware change set leaves as it is: its path, and AWS's reason,
    which is MANAGED_BY_AWS, WRITE_ONLY_PROPERTY or SENSITIVE_PROPERTY (API reference, ResourceDriftIgnoredAttribute,
    read 2026-11-29).
    """

    path: tuple[str | int, ...]
    reason: Shown

    @property
    def name(self) -> str:
        """Return `NetworkInterfaces[0].SubnetId`."""
        steps = self.path[1:] if len(self.path) > 1 and self.path[0] == "Properties" else self.path
        return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in steps).lstrip(".")


class Source(StrEnum):
    """Where a row of a plan comes from: AWS's change set, the comparison of templates, or both."""

    CHANGE_SET = "change set"
    TEMPLATE = "template"
    BOTH = "both"


class CauseKind(StrEnum):
    """What kind of thing makes a value change."""

    PARAMETER = "parameter"
    RESOURCE = "resource"
    NESTED_STACK = "nested stack"
    STACK_TAGS = "the stack's tags"


@dataclass(frozen=True)
class Cause:
    """What makes a value change when that is not the template itself. `name` is the parameter, or the resource with the
    attribute that is taken of it.
    """

    kind: CauseKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


class Differs(Enum):
    """What the two sources of a row say differently; behind it what a `Disagreement` tells of it."""

    ONLY_TEMPLATE = "the row is in the comparison of templates alone: what that does (add, change, remove, import)"
    ONLY_CHANGE_SET = "the row is in AWS's change set alone: what that does"
    ACTION = "what AWS's change set does, what the comparison does"
    REPLACEMENT = "AWS's Replacement; the schema of the type says the opposite"
    POLICY = "AWS's PolicyAction, the template's"
    PROPERTY_ONLY_CHANGE_SET = "the property that only AWS's change set names"
    PROPERTY_ONLY_TEMPLATE = "the property that only the comparison names"
    VALUE = "the property, the value that AWS's change set gives it"
    EMPTY = "AWS's change set is empty: what the comparison does, the logical id, the properties"


@dataclass(frozen=True)
class Disagreement:
    """What the two sources say differently, and of what: `report` has the words."""

    what: Differs
    about: tuple[str, ...]


@dataclass(frozen=True)
class PropertyChange:
    """One value of a resource that changes.

    `path` begins with the resource attribute ("Properties", "Metadata", "Tags", "DeletionPolicy"). Numbers are
    positions in a list, or lines of a text: of the new one, and of the old one for what is taken out. A path continues
    into a JSON document that is written as a text. `before` and `after` are template values, `Absent`, `KnownAfter`,
    `Secret`, or None where the source gives no values. `recreation` is the API's Never, Conditionally or Always;
    `causes` are what makes it change when that is not the template itself.

    `name` is the path as people read it (`Policies[Read].PolicyDocument.Statement[Objects].Action[2]`), empty where
    `path` says it as well. `moved_from` is the position that an element of a list had, for one that only moves. `note`
    is what else there is to know.
    """

    path: tuple[str | int, ...]
    before: object = None
    after: object = None
    recreation: str = "Never"
    causes: tuple[Cause, ...] = ()
    name: str = ""
    moved_from: int | None = None
    note: str = ""


@dataclass(frozen=True)
class ResourceChange:
    """What a deployment does to one resource: complete when it is made, and never made again with another value.

    `action` is the API's (Add, Modify, Remove, Import, Dynamic, SyncWithActual); `replacement` its True, False or
    Conditional, empty where the action has none; `policy_action` its Delete, Retain, Snapshot, ReplaceAndDelete,
    ReplaceAndRetain, ReplaceAndSnapshot, or empty. `change_set_id` is the change set of a nested stack. `reported` is
    AWS's word for the replacement where the schema decided otherwise. `disagreements` are what the two sources say
    differently. `renamed` is the other logical id of a resource that is removed under one name and added under another.
    Of a drift-aware change set `drift` is AWS's ResourceDriftStatus, and `ignored` are the attributes whose drift it
    leaves.
    """

    layer: str
    action: str
    logical_id: str
    type: str
    replacement: str = ""
    policy_action: str = ""
    physical_id: str = ""
    properties: tuple[PropertyChange, ...] = ()
    causes: tuple[Cause, ...] = ()
    source: Source = Source.CHANGE_SET
    change_set_id: str = ""
    reported: str = ""
    disagreements: tuple[Disagreement, ...] = ()
    renamed: str = ""
    drift: str = ""
    ignored: tuple[IgnoredAttribute, ...] = ()

    @property
    def place(self) -> str:
        """Return `layer/LogicalId`: how people and `--allow-data-loss` name it."""
        return f"{self.layer}/{self.logical_id}"


GOING = ("DELETE_PENDING", "DELETE_IN_PROGRESS", "DELETE_COMPLETE")
"""Statuses of a change set that is being deleted: with nested sets that takes a while, in which it is still listed (API
reference, DescribeChangeSet; aws/aws-cdk#26182).
"""

NO_CHANGES = ("the submitted information didn't contain changes", "no updates are to be performed")
"""How the reason of a change set without changes begins; the second when the template has a transform
(aws/aws-cli#2717)."""


@dataclass(frozen=True)
class ChangeSet:
    """A change set, with the rows of all its pages. `reason` keeps AWS's words.

    `nested` says whether it was created with sets for nested stacks; None where the endpoint does not say. `rollback`
    and `notifications` are what the stack will have; None where the endpoint does not say. `mode` is REVERT_DRIFT for a
    drift-aware one, and empty for any other, as for one of an endpoint that does not know the mode.
    """

    change_set_id: str
    name: str
    stack_id: str
    status: str
    execution_status: str
    reason: Shown = NOTHING
    changes: tuple[ResourceChange, ...] = ()
    description: str = ""
    nested: bool | None = None
    rollback: RollbackConfiguration | None = None
    notifications: tuple[str, ...] | None = None
    mode: str = ""

    @property
    def pending(self) -> bool:
        """Return whether it is still being made, or made and not yet executable."""
        making = self.status in ("CREATE_PENDING", "CREATE_IN_PROGRESS")
        return making or (self.status == "CREATE_COMPLETE" and self.execution_status == "UNAVAILABLE")

    @property
    def executable(self) -> bool:
        """Return whether it can be executed. A set without resource changes can be (outputs, tags): only the status
        counts.
        """
        return self.status == "CREATE_COMPLETE" and self.execution_status == "AVAILABLE"

    @property
    def empty(self) -> bool:
        """Return whether it failed only because there is nothing to change."""
        return self.status == "FAILED" and self.reason.lower().startswith(NO_CHANGES)


@dataclass(frozen=True)
class StackRows:
    """What a change set, or one nested in it, says of one stack: AWS's rows, and the logical ids of nested stacks whose
    own change set is gone, so that nobody knows what becomes of them.
    """

    layer: str
    rows: tuple[ResourceChange, ...]
    lost: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ChangeSetSummary:
    """One row of ListChangeSets. `parent_id` is the change set of the stack around a nested one, `created` the time of
    CreateChangeSet by AWS's clock.
    """

    change_set_id: str
    name: str
    status: str
    execution_status: str
    description: str = ""
    parent_id: str = ""
    created: datetime | None = None


@dataclass(frozen=True)
class StackEvent:
    """One event of one stack. `token` is its operation's ClientRequestToken, empty when AWS gives none; `hook` is the
    hook that refused the resource, with its words, `hook_result` the id of what it found. `task_definition` and
    `function` are the ARNs that its properties name: the task definition of an ECS service, the function behind a
    custom resource; `log_group` is where a function writes its log.
    """

    event_id: str
    stack_id: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    time: datetime
    reason: Shown = NOTHING
    token: str = ""
    hook: Shown = NOTHING
    hook_result: str = ""
    task_definition: str = ""
    function: str = ""
    log_group: str = ""

    @property
    def of_stack_itself(self) -> bool:
        """Return whether the event is about the stack as a whole and not about one of its resources."""
        return self.type == STACK_TYPE and self.physical_id == self.stack_id

    @property
    def of_nested_stack(self) -> bool:
        """Return whether the event is about a stack nested in this one, and says which."""
        return self.type == STACK_TYPE and self.physical_id not in ("", self.stack_id)


@dataclass(frozen=True)
class EventPage:
    """One page of a stack's events, newest first, and the token of the next older page."""

    events: tuple[StackEvent, ...]
    next_token: str = ""
