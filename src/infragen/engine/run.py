"""A deployment under way: every unit on its path, from the change set that was agreed to, to its outcome.

What only an earlier unit's deployment makes known is prepared again here, and refused when it is more than was shown.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from infragen.assembly.stacks import BESIDE, StackLayout, StackUnit, role_of
from infragen.changes.comparison import LayerSides
from infragen.cloud.cloudformation import ChangeSet, StackState
from infragen.cloud.protocol import AlarmState
from infragen.engine.change_set_cleanup import ChangeSetCleanup
from infragen.engine.deployment_order import DeploymentOrder
from infragen.engine.ecs_check import ServiceCheck, check_services
from infragen.engine.gate import NEVER, Agreed, as_shown, refuse, refuse_interruptions, refuse_more, refused, widened
from infragen.engine.kept_updates import refuse_replacements
from infragen.engine.observe import Observed, busy_inside, nested_stacks
from infragen.engine.operate import Operation, begin, cancel, delete, follow, target_of
from infragen.engine.options import Options
from infragen.engine.other_runs import moment
from infragen.engine.outcome import Deployed, Evidence, Failed, Outcome, Skipped, Unchanged, exit_code
from infragen.engine.preview import Examined, KnownOutputs, Prepared, examine, prepare, resolve
from infragen.engine.progress import Lost, Session, Warned
from infragen.engine.protection import protect_or_warn, unprotect
from infragen.engine.release import run_release
from infragen.engine.retry import BEFORE, UNDER_WAY, retrying
from infragen.engine.schedule import INTERRUPTED, Interrupts, RunPolicy, RunResult, Task, walk
from infragen.engine.stack_safety import StackSafety
from infragen.errors import CloudError, Conflict, InfragenError, Unavailable
from infragen.plan.model import EnvironmentPlan

PROTECT_AGAIN = (
    "`infragen status` shows whether an operation is in progress on it, which refuses that; when it has ended, "
    "`infragen deploy` protects the stack"
)
"""The next step where AWS refuses SetStackPolicy or UpdateTerminationProtection."""

PLAN_AGAIN = "create a new plan with `infragen plan --out FILE`"


@dataclass(frozen=True)
class Deployment:
    """How a deployment ended: the plan that was shown, and one outcome for each stack in deployment order."""

    plan: EnvironmentPlan
    outcomes: tuple[Outcome, ...]
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """Return the worst of the outcomes; 130 when the user interrupted it."""
        return 130 if self.interrupted else exit_code(self.outcomes)


@dataclass(frozen=True)
class Proposal:
    """What a deployment would do: each unit with its change set, all of it on one page, the templates of all layers as
    they were compared for it, the order of the stacks, and what guards them.
    """

    prepared: tuple[Prepared, ...]
    shown: EnvironmentPlan
    sides: Mapping[str, LayerSides]
    order: DeploymentOrder
    safety: StackSafety
    raised: tuple[AlarmState, ...] = ()


@dataclass(frozen=True)
class Run:
    """A deployment under way: what was proposed and agreed to, and the outputs of what is deployed by now.

    The change sets of a saved plan, which expires at `until`, are executed as they are or not at all.
    """

    session: Session
    plan: StackLayout
    options: Options
    leftovers: ChangeSetCleanup
    proposal: Proposal
    observed: Observed
    agreed: Agreed
    until: int = 0
    outputs: dict[str, KnownOutputs] = field(default_factory=dict)
    interrupts: Interrupts = field(default_factory=Interrupts)
    started: dict[str, str] = field(default_factory=dict)
    tasks: list[Generator[bool, None, Failed | None]] = field(default_factory=list)
    released: set[str] = field(default_factory=set)

    def walk(self) -> Deployment:
        """Deploy every unit, each as soon as what it comes after is there. Until a unit is deployed it gives what it
        gives now.
        """
        requires = self.proposal.order.requires
        stops = [Task(unit.layer, unit.stack, requires[unit.layer]) for unit in self.plan.units]
        for each in self.proposal.prepared:
            if each.examined.live is not None:
                self.outputs[each.examined.unit.layer] = KnownOutputs(each.examined.live.outputs, each.examined.moved)
        options, session = self.options, self.session
        run_policy = RunPolicy(
            options.follow_timeout, options.fail_fast, options.on_interrupt,
            cancel=lambda layer: cancel(session, self.started[layer]),
            started=lambda layer: layer in self.started,
            ends_all=lambda error: isinstance(error, Conflict) and self._may_plan_again,
        )  # fmt: skip
        try:
            result: RunResult = walk(stops, self.begin, session.ui, session.timer, run_policy, self.interrupts)
        finally:
            for task in self.tasks:  # one that is under way says that it continues in AWS
                task.close()
        return Deployment(self.proposal.shown, with_changed_upstream(result.outcomes, requires), result.interrupted)

    @property
    def _may_plan_again(self) -> bool:
        """Return whether another run that came first may still go first: this one waits, and nothing of it ran."""
        return self.options.wait is not None and not (self.until or self.started or self.released)

    def _check_turn(self) -> None:
        """Raise Conflict when a stack of the plan is another one than it was planned with, before anything of a run
        that waits is done: what two runs deploy would mix.
        """
        if self._may_plan_again:
            self._check_unmoved(self.plan.units)

    def _check_unmoved(self, units: Iterable[StackUnit]) -> None:
        """Raise Conflict when the stack of one of the units, which this run has not touched, is another one than it was
        planned with. A stack of change sets alone is none yet.
        """
        now = {each.name: each for each in self.session.cloud.stacks(self.plan.environment.name)}
        for unit in units:
            state, then = now.get(unit.stack), self.observed.by_name.get(unit.stack)
            if moment(state) not in (None, moment(then)):
                raise Conflict(
                    f"{unit.stack} is {state.status if state else 'gone'} since a moment ago",
                    "another run started meanwhile: run the same command again",
                )
            inner = busy_inside(now.values(), state) if state is not None else None
            if inner is not None:
                raise Conflict(
                    f"{inner.name}, nested in {unit.stack}, is {inner.status} since a moment ago",
                    "another run started meanwhile: run the same command again",
                )

    def begin(self, layer: str) -> Operation:
        """Yield the path of one unit whose requirements are deployed.

        While others run or have run, a lost network is no reason to leave this one for another deployment: its path
        begins again until AWS is back, as long as nothing was executed or deleted on it.
        """
        since = self.session.timer.now()
        again = self._prepared(layer).examined.action != "recreate"
        while True:
            try:
                outcome = yield from self._steps(layer)
                break
            except Unavailable as error:
                waited = self.session.timer.now() - since
                waits = again and self.started and layer not in self.started and not self.interrupts.noted
                if not waits or waited > UNDER_WAY:
                    raise
                self.session.ui.tell(Lost(layer, error.message))
                yield
        if isinstance(outcome, Deployed | Unchanged):
            self.outputs[layer] = KnownOutputs(outcome.outputs)
        return outcome

    def _prepared(self, layer: str) -> Prepared:
        [found] = [each for each in self.proposal.prepared if each.examined.unit.layer == layer]
        return found

    def _steps(self, layer: str) -> Operation:
        prepared = self._prepared(layer)
        examined = prepared.examined
        made = prepared.change_set is not None
        if self.until and made:
            self._check_fresh(examined)
        elif (
            examined.waits_for
            or self._moved(examined)
            or not (made or examined.unchanged or examined.action == "recreate")
        ):
            prepared = yield from self._prepare_again(prepared, examined.state)
        elif examined.action == "recreate" and examined.state is not None:
            target = target_of(examined.unit)
            self._check_turn()
            self.started[examined.unit.layer] = examined.state.stack_id
            role = role_of(self.plan.environment, layer)
            gone = yield from delete(self.session, target, examined.state, role=role)
            del self.started[examined.unit.layer]
            if isinstance(gone, Failed):
                return gone
            prepared = yield from self._prepare_again(prepared, None)
        failed = yield from self._release(prepared.examined.unit)
        if failed is not None:
            return failed
        if prepared.examined.unchanged or prepared.change_set is None:
            return (yield from self._leave(prepared.examined))
        return (yield from self._execute(prepared.examined, prepared.change_set))

    def _release(self, unit: StackUnit) -> Generator[bool | None, None, Failed | None]:
        """Yield until the release command has run, before the unit that it comes before; None where all is well."""
        release = self.proposal.shown.release
        if release is None or release.before != unit.layer:
            return None

        def check() -> None:
            self.released.discard(unit.layer)
            self._check_unmoved(self.plan.units if self._may_plan_again else [unit])
            self.released.add(unit.layer)

        wait = None if self.until else self.options.wait
        task = run_release(self.session, self.plan, self.observed, release, unit.stack, wait, check)
        self.tasks.append(task)
        return (yield from task)

    def _check_fresh(self, examined: Examined) -> None:
        """Raise Conflict when a stack is no longer as the saved plan found it, or takes other values than then."""
        then = examined.state
        now = self.session.cloud.stack(then.stack_id) if then is not None else None
        if then is not None and (now is None or (now.status, now.updated) != (then.status, then.updated)):
            raise Conflict(f"the plan of {examined.unit.stack} is stale: the stack changed a moment ago", PLAN_AGAIN)
        if self._moved(examined):
            raise Conflict(f"the plan of {examined.unit.stack} is stale: what it takes has other values", PLAN_AGAIN)

    def _moved(self, examined: Examined) -> bool:
        """Return whether an output that the unit takes is another one than when its change set was made."""
        ready, missing = resolve(examined.unit, examined.live, self.outputs)
        return bool(missing) or ready != dict(examined.parameters)

    def _prepare_again(self, prepared: Prepared, state: StackState | None) -> Generator[None, None, Prepared]:
        """Yield the unit with the values there are now. Raises Refused for more destruction than was shown."""
        if prepared.change_set is not None:
            self.leftovers.drop(prepared.change_set.change_set_id)
        unit, region = prepared.examined.unit, self.plan.environment.region
        examined = examine(self.session.cloud, unit, state, self.outputs, {}, region)
        if examined.waits_for:
            names = ", ".join(examined.waits_for)
            raise Conflict(
                f"{unit.stack} needs outputs that {names} did not give",
                "their stacks were changed meanwhile; run the same command again",
            )
        made, options = self.leftovers.made, self.options
        again = yield from prepare(
            self.session, self.plan, examined, options.on_failure, made, options.nested, self.until,
            self.proposal.safety,
        )  # fmt: skip
        if options.on_failure == "keep":
            refuse_replacements(self.session, self.observed, [again])
        self._refuse_more(again)
        return again

    def _refuse_more(self, again: Prepared) -> None:
        """Raise Refused when the unit, planned again, does more than was shown."""
        sides = {each.layer: as_shown(each, self.proposal.sides[each.layer]) for each in again.examined.sides}
        shown = self.proposal.shown
        plans = widened(again.plans, sides, shown.account, shown.region, self.proposal.sides)
        refuse(refused(plans, self.options.allow_data_loss))
        stops = [each for plan in plans for each in plan.interruptions]
        refuse_interruptions(stops, self.options.worst(self.plan.environment, shown))
        unasked = self.options.require_approval == NEVER
        allowed = {each.place for plan in plans for each in plan.widenings} if unasked else self.options.allow_widening
        refuse_more(self.agreed, plans, allowed)

    def _leave(self, examined: Examined) -> Operation:
        state, unit = examined.state, examined.unit
        if state is None:
            return Unchanged(unit.layer, unit.stack, "")
        if any(each.layer == unit.layer and each.settings_to_change for each in self.proposal.shown.stacks):
            self._set_protection(unit, state)
        inside = _outputs_inside(self.observed.by_id.values(), state.stack_id)
        self._check_outputs(examined, {unit.layer: state.outputs, **inside})
        unchanged = Unchanged(unit.layer, unit.stack, state.status, state.outputs)
        return (yield from self._as_ecs_says(unit, state.stack_id, unchanged))

    def _set_protection(self, unit: StackUnit, state: StackState) -> None:
        """Protect a stack as its environment says, or takes its protection away."""
        nested, tell = self._nested(unit, state.stack_id), self.session.ui.tell
        if not self.plan.environment.protected:
            unprotect(self.session.cloud, unit, state, nested)
            tell(Warned(f"{unit.stack} is no longer protected, as its environment says"))
        elif protect_or_warn(self.session, unit, state, nested):
            tell(Warned(f"{unit.stack} was not protected as its environment says; it is now"))

    def _nested(self, unit: StackUnit, stack_id: str) -> dict[str, str]:
        """Return the nested stacks as they were seen at the beginning, where all were there already: it
        spares a call.
        """
        return self.observed.nested_in(unit, stack_id) or nested_stacks(self.session.cloud, unit, stack_id)

    def _execute(self, examined: Examined, change_set: ChangeSet) -> Operation:
        cloud, unit, guarded = self.session.cloud, examined.unit, self.plan.environment.protected
        if self.interrupts.noted:
            return Skipped(unit.layer, unit.stack, why=INTERRUPTED)
        self._check_turn()
        if guarded and examined.live is not None:
            before = nested_stacks(cloud, unit, examined.live.stack_id)
            try:
                protect_or_warn(self.session, unit, examined.live, before, self.options.allow_data_loss)
            except CloudError as error:
                said = f"{unit.stack} was not changed: it could not be protected first: {error.message}"
                return Failed(unit.layer, unit.stack, said, error.hint or PROTECT_AGAIN, examined.live.status,
                              exit_code=error.exit_code)  # fmt: skip
        elif examined.live is not None and examined.live.protected:
            self._set_protection(unit, examined.live)
        keep = self.options.on_failure == "keep" and examined.live is not None
        self.started[unit.layer] = change_set.stack_id
        try:
            follower = yield from begin(
                self.session, target_of(unit), change_set, examined.action, keep, lambda: not self.interrupts.noted,
                retain_except_on_create=self.proposal.safety.retain_except_on_create and unit.layer not in BESIDE,
            )  # fmt: skip
        except InfragenError:  # and nothing was executed
            del self.started[unit.layer]
            raise
        if follower is None:
            return Skipped(unit.layer, unit.stack, why=INTERRUPTED)
        self.leftovers.keep(change_set.change_set_id)
        outcome = yield from follow(self.session, target_of(unit), follower, change_set.stack_id)
        if guarded and (examined.live is not None or isinstance(outcome, Deployed)):

            def guard() -> None:
                ended = cloud.stack(change_set.stack_id)
                if ended is not None:
                    protect_or_warn(self.session, unit, ended, nested_stacks(cloud, unit, ended.stack_id))

            try:
                yield from retrying(self.session, unit.layer, guard, UNDER_WAY)
            except CloudError as error:  # while an operation runs, SetStackPolicy is refused
                if isinstance(outcome, Deployed):
                    said = f"{unit.stack} is {outcome.status}, but not protected as its environment says"
                    return Failed(unit.layer, unit.stack, f"{said}: {error.message}", error.hint or PROTECT_AGAIN,
                                  outcome.status, exit_code=error.exit_code)  # fmt: skip
                said = f"{unit.stack} was not protected again as its environment says: {error.message}"
                self.session.ui.tell(Warned(f"{said}; the next deployment does it"))
        if isinstance(outcome, Deployed):
            inside = yield from self._given(unit, change_set.stack_id)
            self._check_outputs(examined, {unit.layer: outcome.outputs, **inside})
            return (yield from self._as_ecs_says(unit, change_set.stack_id, outcome))
        return outcome

    def _check_outputs(self, examined: Examined, given: Mapping[str, Mapping[str, str]]) -> None:
        """Warn of outputs that templates declare and their stacks do not have; `given` are those of each layer."""
        for side in examined.sides:
            missing = sorted(set(side.after.outputs) - set(given.get(side.layer, {}))) if side.layer in given else []
            if missing:
                own = side.layer == examined.unit.layer
                where = examined.unit.stack if own else f"{examined.unit.stack}, {side.layer}"
                self.session.ui.tell(Warned(f"{where} does not have outputs that it declares: {', '.join(missing)}"))

    def _given(self, unit: StackUnit, stack_id: str) -> Generator[None, None, dict[str, Mapping[str, str]]]:
        """Yield the outputs of the stacks nested in a unit, by layer, read again; empty where they cannot be read."""
        if not unit.children:
            return {}
        look = partial(self.session.cloud.stacks, unit.stack)
        try:
            found = yield from retrying(self.session, unit.layer, look, BEFORE)
        except CloudError as error:
            self.session.ui.tell(Warned(f"the outputs of {unit.stack} were not checked: {error.message}"))
            return {}
        return _outputs_inside(found, stack_id)

    def _as_ecs_says(self, unit: StackUnit, stack_id: str, outcome: Deployed | Unchanged) -> Operation:
        """Yield the outcome, or a failure when ECS runs something else than the stack says."""
        session = self.session

        def look() -> ServiceCheck:
            return check_services(session.cloud, unit, stack_id, self._nested(unit, stack_id))

        try:
            found = yield from retrying(session, unit.layer, look, BEFORE)
        except CloudError as error:
            session.ui.tell(Warned(f"whether ECS runs what {unit.stack} says was not checked: {error.message}"))
            return outcome
        if not found.strays:
            return replace(outcome, notes=found.notes) if isinstance(outcome, Deployed) else outcome
        message = f"{unit.stack} is {outcome.status}, but {'; '.join(map(str, found.strays))}"
        evidence = tuple(each for stray in found.strays for each in stray.explanation.evidence)
        return Failed(unit.layer, unit.stack, message, found.strays[0].remedy, outcome.status, evidence=evidence)


def with_changed_upstream(outcomes: Sequence[Outcome], requires: Mapping[str, Sequence[str]]) -> tuple[Outcome, ...]:
    """Return the outcomes, those of failed stacks with the stacks below them that this run changed before.

    Independent stacks are rolled back each by itself: what a failed one stands on stays as the new file says, while the
    failed one is as before. What this run created is left out: nothing stood on it. `requires` are the layers that
    each layer takes outputs of.
    """
    changed = {
        each.layer: each.stack for each in outcomes if isinstance(each, Deployed) and each.status != "CREATE_COMPLETE"
    }
    return tuple(
        replace(each, evidence=(*each.evidence, *_upstream_evidence(each.layer, changed, requires)))
        if isinstance(each, Failed)
        else each
        for each in outcomes
    )


def _upstream_evidence(
    layer: str, changed: Mapping[str, str], requires: Mapping[str, Sequence[str]]
) -> tuple[Evidence, ...]:
    below, left = list[str](), [*requires.get(layer, ())]
    while left:
        name = left.pop(0)
        if name not in below:
            below.append(name)
            left += requires.get(name, ())
    return tuple(
        Evidence(
            "changed", f"{changed[name]}, which {layer} builds on, was updated in this run and was not rolled back"
        )
        for name in requires
        if name in below and name in changed
    )


def _outputs_inside(states: Iterable[StackState], stack_id: str) -> dict[str, Mapping[str, str]]:
    """Return the outputs of the stacks nested in one, by the layer that their tags name."""
    return {each.tags.get("Layer", ""): each.outputs for each in states if each.parent_id == stack_id}
