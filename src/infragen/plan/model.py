"""What a deployment will do, as people read it: one `StackPlan` for each stack, and the plan of the environment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from infragen.checks.check import CheckResult
from infragen.cloud.cloudformation import Disagreement, PropertyChange, ResourceChange, Source
from infragen.cloud.template import STACK_TYPE
from infragen.config import Difference, EnvironmentFile
from infragen.config.setting_lookup import origin
from infragen.cost import CENT, CostDelta
from infragen.gates.access import Widening
from infragen.gates.data_loss import Refusal, refusals
from infragen.gates.interruption import PlannedInterruption
from infragen.plan.drift import PlannedDrift, StackDrift
from infragen.secrecy.shown import Absent

TERMINATION_PROTECTION, ROLLBACK_TRIGGERS = "TerminationProtection", "RollbackTriggers"
MONITORING_TIME, STACK_POLICY = "MonitoringTimeInMinutes", "StackPolicy"
NOTIFICATIONS, SERVICE_ROLE = "NotificationARNs", "ServiceRole"
"""Stack settings, and what follows the layer where their loss is allowed by name."""

OTHER_POLICY = "a policy that infragen did not write"
"""What a stack policy was before, where it was set outside of infragen."""


Path = tuple[str | int, ...]
Origins = Mapping[tuple[str, Path], str]


@dataclass(frozen=True)
class StackPlan:
    """What will happen to one stack.

    `action` is create, update, import, none, recreate (a failed first creation is removed first), continue, or revert:
    what was changed outside CloudFormation is put back. `source`
    is "change set" where AWS computed the rows, which are then compared with ours, and "template" where only we did.
    `waits_for` are the layers without whose deployment the rest cannot be known. `parameters`, `tags` and `outputs` are
    the stack's own that change; `notes` say what else does, and `details` what explains the plan and decides nothing:
    what AWS lists and leaves as it is, other sections of the template. `disagreements` are what the two sources
    say differently of the whole stack; those about one resource are with its row. `widenings` are what it
    widens access; of a stack that is created, all that it lets through. `losses` are what it loses in place.
    `interruptions` say of each of its rows what that does to the running service.
    `settings` are those of the stack itself that change: termination protection, stack policies, the service role. One
    with a note is not brought by this deployment: the note says what AWS will do. `origins` are the lines of the
    environment file that decide a row (the path is empty) or a value in it, by logical id and path.
    `shown` says that AWS's change set shows all that changes.
    """

    layer: str
    stack: str
    action: str
    changes: tuple[ResourceChange, ...] = ()
    source: Source = Source.TEMPLATE
    parameters: tuple[PropertyChange, ...] = ()
    tags: tuple[PropertyChange, ...] = ()
    outputs: tuple[PropertyChange, ...] = ()
    waits_for: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    widenings: tuple[Widening, ...] = ()
    losses: tuple[Refusal, ...] = ()
    interruptions: tuple[PlannedInterruption, ...] = ()
    settings: tuple[PropertyChange, ...] = ()
    details: tuple[str, ...] = ()
    origins: Origins = field(default_factory=dict)
    shown: bool = False

    @property
    def created(self) -> bool:
        """Return whether the stack is a new one, so that everything in it is new."""
        return self.action in ("create", "recreate")

    @property
    def settings_to_change(self) -> tuple[PropertyChange, ...]:
        """Return the settings that a deployment of this plan changes."""
        return tuple(each for each in self.settings if not each.note)

    @property
    def gated(self) -> tuple[Widening, ...]:
        """Return the widenings that somebody must agree to. What a new stack needs within its account is agreed to with
        it, as are rights that stay inside the environment.
        """
        return tuple(each for each in self.widenings if each.grave or not (self.created or each.inside))


def refusals_of(stacks: Iterable[StackPlan], allowed: Collection[str] = ()) -> tuple[Refusal, ...]:
    """Return what the plans destroy or lose in place, and is not allowed by its `layer/LogicalId`."""
    found: list[Refusal] = []
    for each in stacks:
        found += refusals(each.changes, allowed, each.origins)
        rows = {row.place: row for row in each.changes}
        for loss in each.losses:
            if loss.place not in allowed:
                lines = _lines_of(loss, rows.get(loss.place), each.origins)
                found.append(Refusal(loss.place, loss.type, loss.why + lines, loss.property))
        found += _switched_off(each, allowed)
    return tuple(found)


def _switched_off(stack: StackPlan, allowed: Collection[str]) -> Iterator[Refusal]:
    """Yield the settings of a stack that protect less than before, but for those allowed by `layer/Setting`."""
    lost = {}
    for each in stack.settings_to_change:
        name, before, after = each.path[0], each.before, each.after
        if (name, after) == (TERMINATION_PROTECTION, "off"):
            lost[name] = "and the stack policies would be switched off"
        if (name, before) == (STACK_POLICY, OTHER_POLICY):
            lost[name] = "set outside of infragen would be replaced, and what it denies would be allowed"
        if name == ROLLBACK_TRIGGERS and (gone := sorted(_listed(before) - _listed(after))):
            lost[name] = f"would not watch {', '.join(gone)} any more"
        shorter = isinstance(before, int) and isinstance(after, int) and after < before
        if name == MONITORING_TIME and shorter and ROLLBACK_TRIGGERS not in lost:
            lost[name] = f"would be {after} minutes instead of {before}"
    for name, why in lost.items():
        place = f"{stack.layer}/{name}"
        if place not in allowed:
            yield Refusal(place, STACK_TYPE, why)


def settings_widen(stack: StackPlan, account: str, own_role: str) -> Iterator[Widening]:
    """Yield what a stack's own settings open: another role of CloudFormation's, and who is notified of its events.

    `own_role` is the ARN of the role that `bootstrap --delivery` makes for the environment: it has the rights that the
    templates need, so that it instead of the rights of who deploys opens nothing beyond them.
    """
    for each in stack.settings_to_change:
        place = f"{stack.layer}/{each.path[0]}"
        if each.path == (SERVICE_ROLE,) and each.before != each.after:
            was = "the rights of who deploys" if isinstance(each.before, Absent) else f"the role {each.before}"
            says = f"CloudFormation works on {stack.layer} as {each.after}; until now with {was}"
            inside = isinstance(each.before, Absent) and each.after == own_role
            yield Widening("permissions", place, says, inside=inside)
        if each.path == (NOTIFICATIONS,):
            before, after = _listed(each.before), _listed(each.after)
            for topic in sorted(after - before):
                foreign = topic.split(":")[4:5] != [account]
                yield Widening("permissions", place, f"{place} sends each event of the stack to {topic}, too", foreign)
            for topic in sorted(before - after):
                yield Widening("permissions", place, f"{place} no longer sends the events of the stack to {topic}")


def _listed(value: object) -> set[str]:
    return set(value) if isinstance(value, list) else set()


def _lines_of(loss: Refusal, row: ResourceChange | None, origins: Origins) -> str:
    """Return the lines of the environment file that decide what is lost."""
    paths = [each.path for each in row.properties if (each.path[1:2] or each.path)[0] == loss.property] if row else []
    lines = [line for path in paths if row and (line := origins.get((row.logical_id, path)))]
    return f"; from {', '.join(dict.fromkeys(lines))}" if lines else ""


def traced(stack: StackPlan, file: EnvironmentFile) -> StackPlan:
    """Return the plan of a stack, with the settings that most likely decide what changes in it.

    What another resource or a parameter makes change has that as its cause; what is new or goes has one setting.
    """
    return replace(stack, origins=dict(line for row in stack.changes for line in _traced(row, file)))


def _traced(row: ResourceChange, file: EnvironmentFile) -> Iterator[tuple[tuple[str, Path], str]]:
    if row.action in ("Add", "Remove"):
        if found := origin(file, row.layer, row.logical_id):
            yield (row.logical_id, ()), str(found)
        return
    for each in row.properties:
        if line := _decided(each, row, file):
            yield (row.logical_id, each.path), line


def _decided(change: PropertyChange, row: ResourceChange, file: EnvironmentFile) -> str:
    """Return the origin of a value, but neither a section, which would be the same line for all of a layer, nor a
    default, which has no line.
    """
    found = None if change.causes else origin(file, row.layer, row.logical_id, change.path, change.after)
    return str(found) if found and found.written and "." in found.key else ""


@dataclass(frozen=True)
class PlannedRelease:
    """The command that runs with the new image, by tag and digest, before the stack of the layer `before` is deployed;
    its time limit in seconds, CPU units and MiB of memory.
    """

    command: tuple[str, ...]
    tag: str
    digest: str
    seconds: int
    cpu: int
    memory: int
    before: str


@dataclass(frozen=True)
class EnvironmentPlan:
    """What a deployment will do, stack by stack in deployment order; `refusals` are what a guard forbids.

    `against` names an earlier rendering when the plan is made between two renderings and AWS was not asked. With
    `between` it names another environment: nothing becomes something else, the two stay side by side, and `settings`
    are the values in which their files differ. `drift` is None where nobody looked for it, or nobody could; `looked` is
    what the look found of each stack. `checks` are what the account said to what changes. `image_tag` is the image of
    the API that will run, `running_tag` the one that does; empty for the placeholder, or without an API. `release` is
    the command that runs before the API is deployed; None where none does.
    """

    environment: str
    account: str
    region: str
    topology: str
    stacks: tuple[StackPlan, ...]
    capabilities: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()
    against: str = ""
    between: bool = False
    settings: tuple[Difference, ...] = ()
    cost: CostDelta | None = None
    budget: float | None = None
    drift: tuple[PlannedDrift, ...] | None = None
    looked: tuple[StackDrift, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    image_tag: str = ""
    running_tag: str = ""
    release: PlannedRelease | None = None

    @property
    def reverts(self) -> bool:
        """Return whether it puts back what was changed outside CloudFormation, and deploys nothing."""
        return any(each.action == "revert" for each in self.stacks)

    @property
    def over_budget(self) -> bool:
        """Return whether it costs more than the budget, and more than now: what makes it cheaper is never too dear."""
        cost, budget = self.cost, self.budget
        if cost is None or budget is None:
            return False
        return cost.after.expected > budget and cost.change.expected >= CENT

    @property
    def unprotects(self) -> bool:
        """Return whether a stack's termination protection is switched off, so that the environment is protected until
        it is deployed.
        """
        rows = (row for each in self.stacks for row in each.settings_to_change)
        return any((row.path[0], row.after) == (TERMINATION_PROTECTION, "off") for row in rows)

    @property
    def changed(self) -> bool:
        """Return whether there is anything to do."""
        return self.release is not None or self.stacks_change

    @property
    def stacks_change(self) -> bool:
        """Return whether a stack changes."""
        return any(each.action != "none" or each.settings_to_change for each in self.stacks)

    @property
    def widenings(self) -> tuple[Widening, ...]:
        """Return by what all stacks widen access."""
        return tuple(found for each in self.stacks for found in each.widenings)

    @property
    def losses(self) -> tuple[Refusal, ...]:
        """Return what all stacks lose in place."""
        return tuple(found for each in self.stacks for found in each.losses)

    @property
    def gated(self) -> tuple[Widening, ...]:
        """Return those of the widenings that somebody must agree to."""
        return tuple(found for each in self.stacks for found in each.gated)

    @property
    def interruptions(self) -> tuple[PlannedInterruption, ...]:
        """Return what each row of all stacks does to the running service."""
        return tuple(found for each in self.stacks for found in each.interruptions)

    def changes(self) -> tuple[ResourceChange, ...]:
        """Return the rows of all stacks."""
        return tuple(change for each in self.stacks for change in each.changes)
