"""What the fake keeps: stacks, resources, events, change sets. Values only; `operations` and `changesets` move them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Resource:
    """One resource of a stack as it is deployed now."""

    logical_id: str
    type: str
    definition: dict[str, Any]
    physical_id: str = ""
    status: str = ""
    reason: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    updated: datetime.datetime | None = None
    wanted: dict[str, Any] | None = None
    """The properties that an update gives it, until it has them; its events tell these."""
    created_by: str = ""
    """The operation that made it: RetainExceptOnCreate lets the rollback of that operation delete it."""
    protected: bool | None = None
    """Deletion protection as set by the service's own API; None: as the template says."""


@dataclass(frozen=True)
class Event:
    """One row of DescribeStackEvents. `visible_at` is later than `timestamp` for a late event (virtual seconds)."""

    id: str
    operation_id: str
    token: str | None
    stack_id: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    timestamp: datetime.datetime
    status: str
    reason: str
    properties: str | None
    visible_at: float
    hook: tuple[str, str, str, str, str] | None = None
    """Type, status, reason, failure mode and result of the hook that this event is about."""


@dataclass(frozen=True)
class ParameterValue:
    """A parameter of a stack: the text that was given, what it resolves to (SSM), and whether it is NoEcho."""

    text: str
    value: Any
    resolved: str | None = None
    no_echo: bool = False


@dataclass(frozen=True)
class Target:
    """What a stack is to become: template, parameters, tags, and how to treat a failure."""

    text: str
    body: dict[str, Any]
    parameters: dict[str, ParameterValue]
    tags: dict[str, str]
    capabilities: tuple[str, ...] = ()
    role_arn: str | None = None
    notifications: tuple[str, ...] = ()
    on_failure: str = "ROLLBACK"
    rollback: dict[str, Any] = field(default_factory=dict)
    """RollbackConfiguration: RollbackTriggers and MonitoringTimeInMinutes."""


@dataclass
class Stack:
    """A stack, present or deleted."""

    id: str
    name: str
    account: str
    region: str
    created: datetime.datetime
    target: Target
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = ""
    updated: datetime.datetime | None = None
    deleted: datetime.datetime | None = None
    parent_id: str | None = None
    root_id: str | None = None
    change_set_id: str | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    resources: dict[str, Resource] = field(default_factory=dict)
    orphans: list[Resource] = field(default_factory=list)
    """Physical resources that a cleanup left behind."""
    events: list[Event] = field(default_factory=list)
    protected: bool = False
    policy: str | None = None
    disable_rollback: bool = False
    mode: str = ""
    """The deployment mode of the last operation (API DeploymentConfig); only other tools give one."""
    retain_except_on_create: bool = False
    last_stable: tuple[Target, dict[str, Resource]] | None = None
    """The target and resources of the last *_COMPLETE state, to which a rollback goes back."""
    drift: str = "NOT_CHECKED"
    by_hand: dict[str, dict[str, Any] | str | None] = field(default_factory=dict)
    """Logical id -> what somebody did to the resource: properties as they are now (JSON), or None for deleted, or the
    words of an error for one that cannot be read."""
    drifts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Logical id -> its row of DescribeStackResourceDrifts, of the last check that ended."""
    drift_checked: datetime.datetime | None = None
    detections: dict[str, datetime.datetime] = field(default_factory=dict)
    """Drift detection id -> when it ends."""
    operations: list[tuple[str, str]] = field(default_factory=list)
    """(operation type, operation id), newest last."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Client request tokens seen -> what they were used for."""
    stale: list[tuple[str | None, str]] = field(default_factory=list)
    """Answers that the next DescribeStacks calls give instead of the truth: (status or None for absent, reason)."""


@dataclass
class Change:
    """One resource change of a change set, with its contexts for IncludePropertyValues."""

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    replacement: str | None = None
    policy_action: str | None = None
    scope: list[str] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)
    change_set_id: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    drift: str | None = None
    """ResourceDriftStatus, of a drift-aware change set."""
    ignored: list[dict[str, str]] = field(default_factory=list)
    """ResourceDriftIgnoredAttributes."""
    warnings: list[str] = field(default_factory=list)
    """Why values of it cannot be computed before the execution."""

    def told(self, with_values: bool) -> list[dict[str, Any]]:
        """The details that a description with or without property values has."""
        return [row for row in self.details if row.get("_only", with_values) == with_values]


@dataclass
class ChangeSet:
    """A change set of one stack; nested ones point to their parent."""

    id: str
    name: str
    stack: Stack
    kind: str
    target: Target
    created: datetime.datetime
    include_nested: bool = False
    description: str | None = None
    status: str = "CREATE_PENDING"
    execution: str = "UNAVAILABLE"
    reason: str = ""
    changes: list[Change] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    parent_id: str | None = None
    root_id: str | None = None
    children: list[ChangeSet] = field(default_factory=list)
    token: str | None = None
    request: str = ""
    on_failure: str | None = None
    operation_id: str = ""
    mode: str | None = None
    """DeploymentMode: REVERT_DRIFT for a drift-aware one."""
    imports: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The resources to import by logical id, as the request had them."""
    validations: list[tuple[str, str, str]] = field(default_factory=list)
    """Early validation failures: (logical id, property path, reason)."""

    @property
    def executed(self) -> bool:
        """Whether it was executed: then it is listed no more, and described as long as somebody has its ARN."""
        return self.execution.startswith("EXECUTE_")


@dataclass
class Message:
    """A message of a queue: not to be received until the second `hidden_until`, deleted by its last handle."""

    id: str
    body: str
    sent: datetime.datetime
    receives: int = 0
    hidden_until: float = 0.0
    handle: str = ""
