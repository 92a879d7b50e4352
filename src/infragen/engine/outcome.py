"""How an operation ended: one outcome for each stack, the root cause of a failure, and the exit code of them all."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from infragen.cloud.cloudformation import (
    NO_REASON,
    RollbackConfiguration,
    RollbackTrigger,
    StackEvent,
)
from infragen.config.setting_lookup import Setting
from infragen.engine.follow import LayerEvent
from infragen.errors import InfragenError

CANCELLED = frozenset({"Resource creation cancelled", "Resource update cancelled", "Resource deletion cancelled"})
"""What CloudFormation says of a resource that failed only because another one did. Exact texts: a resource's own
message may contain the word."""

SEVERITY = (0, 2, 3, 5, 4, 1, 6, 70)
"""Exit codes from best to worst."""


@dataclass(frozen=True)
class Cause:
    """The first true failure: where, and AWS's words. `cancelled` counts what it took down with it; `setting` is the
    line of the environment file that it comes from.
    """

    layer: str
    logical_id: str
    type: str
    status: str
    reason: str
    physical_id: str = ""
    time: datetime | None = None
    cancelled: int = 0
    setting: Setting | None = None

    @property
    def is_rollback_alarm(self) -> bool:
        """Return whether an alarm rolled the operation back; one that cannot be created is a resource that failed."""
        return self.status == IN_ALARM

    def __str__(self) -> str:
        where = f" ({self.setting})" if self.setting else ""
        said = self.reason or NO_REASON
        return f"{self.layer}/{self.logical_id} ({self.type}) {self.status}: {said}{where}"


@dataclass(frozen=True)
class Evidence:
    """One thing that another service says about a failure. `kind` is one of EVIDENCE."""

    kind: str
    text: str


EVIDENCE = {
    "task": "how tasks of the new task definition stopped",
    "target": "what a load balancer says of them",
    "event": "what ECS says of the service",
    "check": "what a hook found wrong, and what it suggests to change",
    "log": "a line that the application wrote, secrets hidden",
    "denied": "a call that AWS denied, by CloudTrail",
    "changed": "a stack below that this run updated before, and that was not rolled back",
    "note": "what could not be read",
}
"""The kinds of evidence, in words."""


@dataclass(frozen=True)
class Explanation:
    """Why a resource failed, as other services tell; `log_command` is what to type to read the whole log, `remedy` what
    the evidence asks for.
    """

    evidence: tuple[Evidence, ...] = ()
    log_command: str = ""
    remedy: str = ""

    def beside(self, hint: str) -> str:
        """Return what to type next, with what is known from the evidence."""
        log = f"all of its log: `{self.log_command}`" if self.log_command else ""
        return "; ".join(filter(None, (hint, self.remedy, log)))


@dataclass(frozen=True)
class Deployed:
    """The operation ended as wanted. `left` are physical ids that the clean-up could not delete; `notes` say what it
    does not prove.
    """

    layer: str
    stack: str
    status: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unchanged:
    """There was nothing to do."""

    layer: str
    stack: str
    status: str
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Deleted:
    """The stack is gone. `kept` are the resources that outlive it: `layer/LogicalId (physical id)`."""

    layer: str
    stack: str
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recovered:
    """The stack can be deployed again. `skipped` are resources that no longer are as the stack says."""

    layer: str
    stack: str
    status: str
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """The operation failed, was rolled back, or could not begin; `hint` is what to type next, `evidence` is what other
    services say about it.
    """

    layer: str
    stack: str
    message: str
    hint: str = ""
    status: str = ""
    cause: Cause | None = None
    exit_code: int = 1
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class Skipped:
    """Not started: it needs a layer that was not deployed, or `why` says what came before it."""

    layer: str
    stack: str
    needs: str = ""
    why: str = ""


@dataclass(frozen=True)
class Unknown:
    """We stopped following; the operation continues in AWS."""

    layer: str
    stack: str
    message: str
    status: str = ""


Outcome = Deployed | Unchanged | Deleted | Recovered | Failed | Skipped | Unknown


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """Return the worst of them: 0 for what is as wanted, 6 for what is unknown, else the failure's own."""
    codes = [_code(each) for each in outcomes]
    return max(codes, key=SEVERITY.index, default=0)


def _code(outcome: Outcome) -> int:
    match outcome:
        case Failed():
            return outcome.exit_code
        case Unknown():
            return 6
    return 0


def failed(layer: str, stack: str, error: InfragenError) -> Failed:
    """Return the outcome of a stack whose path ended in one of our errors."""
    return Failed(layer, stack, error.message, error.hint, exit_code=error.exit_code)


def root_cause(events: Sequence[LayerEvent]) -> Cause | None:
    """Return the first failure of a resource that is not a consequence of another.

    A cancelled resource is a consequence, and so is the failure of a stack that has resources of its own that failed.
    The events of all stacks are compared by time; of two at the same time the deeper one is the cause.
    """
    failures = [each for each in events if each.event.status.endswith("_FAILED")]
    cancelled = [each for each in failures if each.event.reason in CANCELLED]
    real = [each for each in failures if each.event.reason not in CANCELLED]
    resources = [each for each in real if not each.event.of_stack_itself and not each.event.of_nested_stack]
    candidates = resources or [each for each in real if not each.event.of_stack_itself] or real
    if not candidates:
        return None
    first = min(candidates, key=lambda each: (each.event.time, -each.layer.count("/"), each.layer == "root"))
    return _cause_of(first, events, len(cancelled))


def stack_cause(events: Sequence[LayerEvent]) -> Cause | None:
    """Return why a stack went back or was removed although no resource of it failed, in the stack's own words: an
    output that cannot be computed, an export in use (serverless/serverless#3935, 2017-07-12; aws/aws-cdk#8671,
    2020-06-21), a hook on the stack. None where somebody asked for it.
    """
    own = (each for each in events if each.event.of_stack_itself)
    own = (each for each in own if each.event.status in (*GOING_BACK, "DELETE_IN_PROGRESS") or each.event.hook)
    said = [each for each in own if each.event.hook or not _ASKED_FOR.search(each.event.reason or "User Initiated")]
    return _cause_of(said[0], events, 0) if said else None


_ASKED_FOR = re.compile(r"^user initiated|cancell?ed\b", re.IGNORECASE)
"""How a stack says that somebody asked to roll it back: CancelUpdateStack, RollbackStack, ContinueUpdateRollback."""


def _cause_of(found: LayerEvent, events: Sequence[LayerEvent], cancelled: int) -> Cause:
    event = found.event
    reason = "; ".join(filter(None, [event.reason or _said_elsewhere(events, event), *_hooks(events, event)]))
    return Cause(
        found.layer, event.logical_id, event.type, event.status, reason, event.physical_id, event.time, cancelled
    )


def _said_elsewhere(events: Sequence[LayerEvent], failure: StackEvent) -> str:
    """Return the words of another event about a failure that has none: of the same resource, or, where it is a nested
    stack, the first ones of that stack itself.
    """
    same = (failure.stack_id, failure.logical_id)
    told = [each.event for each in events if each.event.reason and each.event.reason not in CANCELLED]
    again = [each for each in told if (each.stack_id, each.logical_id) == same and each.status.endswith("_FAILED")]
    inside = [each for each in told if failure.of_nested_stack and each.stack_id == failure.physical_id]
    went = [each for each in inside if each.of_stack_itself and not _ASKED_FOR.search(each.reason)]
    return next((each.reason for each in (*again, *went)), "")


def event_of(cause: Cause, events: Sequence[LayerEvent]) -> StackEvent:
    """Return the event that a cause was read from: of an alarm the one with which the stack began to roll back."""
    if cause.is_rollback_alarm:
        return next(each.event for each in events if _rolls_back(each) and each.event.time == cause.time)
    return next(
        each.event
        for each in events
        if (each.layer, each.event.logical_id, each.event.status, each.event.time)
        == (cause.layer, cause.logical_id, cause.status, cause.time)
    )


IN_ALARM = "ALARM"
"""The state of an alarm (Amazon CloudWatch API Reference, MetricAlarm): no resource of a stack has such a status."""

ALARM_ARN = re.compile(r"arn:[a-z-]+:cloudwatch:[a-z0-9-]+:[0-9]{12}:alarm:[^\s,;\])]+")
GOING_BACK = ("ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "IMPORT_ROLLBACK_IN_PROGRESS")
UNNAMED = "no resource failed, and this rollback alarm is in ALARM"


def _rolls_back(each: LayerEvent) -> bool:
    return each.event.of_stack_itself and each.event.status in GOING_BACK


def alarm_cause(
    events: Sequence[LayerEvent], rollback: RollbackConfiguration, raised: Callable[[], Collection[str]]
) -> Cause | None:
    """Return the rollback alarm that rolled an operation back; None where no alarm did.

    CloudFormation's words name it. Where they do not, no resource failed, and one of the stack's triggers is in ALARM
    (`raised` asks which), that is the cause as far as anybody can tell.
    """
    began = next((each for each in events if _rolls_back(each)), None)
    if began is None:
        return None
    said = ALARM_ARN.search(began.event.reason)
    known = next((each for each in rollback.triggers if each.arn in began.event.reason), None)
    trigger = known or (RollbackTrigger(said[0]) if said else None)
    reason: str = began.event.reason
    if trigger is None and rollback.triggers and root_cause(events) is None:
        names = raised()
        trigger, reason = next((each for each in rollback.triggers if each.name in names), None), UNNAMED
    if trigger is None:
        return None
    cancelled = sum(1 for each in events if each.event.reason in CANCELLED)
    return Cause(began.layer, trigger.name, trigger.type, IN_ALARM, reason, trigger.arn, began.event.time, cancelled)


def _hooks(events: Sequence[LayerEvent], failure: StackEvent) -> list[str]:
    """Return what hooks said of the resource: the failure's own reason only names them."""
    own = (each.event for each in events if each.event.stack_id == failure.stack_id)
    return [each.hook for each in own if each.logical_id == failure.logical_id and each.hook]
