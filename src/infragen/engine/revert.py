"""Puts back what was changed by hand: looks for drift, plans and asks as a deployment does, and updates the stacks.

The change sets are AWS's drift-aware ones (User Guide, "Using drift-aware change sets", read 2026-11-29): of the
template and the parameters that a stack has, against the resources as they are. So nothing is deployed here, and what
the environment file says by now does not matter. An endpoint that does not know the mode leaves it out without a word
and would make an ordinary change set; none is executed unless AWS says that it is a drift-aware one.

Each stack is put back by itself, a nested one too: drift is detected stack by stack, and a change set may be created at
any level of a hierarchy (User Guide, "Change sets for nested stacks", read 2026-11-29). Template and parameters stay
those that the root stack gave it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from infragen.assembly.stacks import BESIDE, ROOT, StackLayout, capabilities, make_plan, role_of
from infragen.assembly.synth import Assembly
from infragen.changes.comparison import compare
from infragen.cloud.cloudformation import DRIFTED, REVERT_DRIFT, ChangeSet, Source, StackRows, StackState
from infragen.cloud.protocol import ChangeSetRequest, PreviousValue
from infragen.config import Environment
from infragen.engine.change_set_cleanup import ChangeSetCleanup, sweep
from infragen.engine.deploy import observe_finished
from infragen.engine.drift import drift_of
from infragen.engine.gate import ask, refused, unheard_of, widened
from infragen.engine.observe import Observed, commit_of, described, observe
from infragen.engine.operate import (
    Operation,
    Target,
    begin,
    cancel,
    failed_reason,
    follow,
    fresh_name,
    make_change_set,
    name_child,
)
from infragen.engine.options import Options
from infragen.engine.other_runs import planned_again
from infragen.engine.outcome import Deployed, Failed, Outcome, Skipped
from infragen.engine.preview import deployed_side
from infragen.engine.progress import Planned, Preparing, Session, Warned
from infragen.engine.run import Deployment
from infragen.engine.schedule import INTERRUPTED, Interrupts, RunPolicy, Task, run_concurrently, walk
from infragen.errors import CloudError, Conflict, InfragenError, InputError, OperationFailed, Refused
from infragen.gates.data_loss import may_hold_data
from infragen.plan.drift import StackDrift, not_looked_at
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.plan.revert import PutBack, put_back, still_there
from infragen.secrecy.shown import Shown

BY_ITSELF = "`infragen bootstrap` made it, with the rights of who runs that: put it back by hand"
QUESTION = "put back what was changed by hand in"
PUT_BACK = "put back: drift was detected again, and all that the plan shows is as its template says"
AFTER_ROLLBACK = (
    "what was changed by hand is still there: fix the cause, or write the values into the environment file and "
    "`infragen deploy` takes them over"
)


def revert_drift(assembly: Assembly, session: Session, options: Options | None = None) -> Deployment:
    """Put back what was changed by hand in the stacks of an environment. Raises an InfragenError while nothing has
    started; afterwards failures are outcomes. Without drift there are none.
    """
    options = options or Options()
    if session.local:
        refuse_emulator()
    layout = make_plan(assembly)
    layers = [each.layer for each in assembly.templates]
    requires = {each.layer: tuple(each.requires) for each in assembly.templates}

    def once(left: float | None, before: Observed | None) -> Deployment:
        observed = observe_finished(session, layout, replace(options, wait=left), before)
        return _Revert(session, layout, replace(options, wait=left), observed, layers, requires).run()

    try:
        return planned_again(session, assembly.environment, options.wait, once)
    except Conflict as error:
        waits = error.hint.replace("`infragen deploy --wait`", "`infragen drift --revert --wait`")
        raise Conflict(error.message, waits) from error


def refuse_emulator() -> NoReturn:
    """Raise InputError: only AWS can do this."""
    raise InputError(
        "the emulator has no drift-aware change sets, with which AWS puts back what was changed by hand",
        "`infragen drift` shows each value: put it back with the API that changed it",
    )


@dataclass(frozen=True)
class Reverted:
    """A stack that is put back: its state, its plan, its change set, and what AWS's rows do to its resources."""

    layer: str
    state: StackState
    plan: StackPlan
    change_set: ChangeSet
    found: PutBack

    @property
    def target(self) -> Target:
        """Return what is operated on."""
        return Target(self.layer, self.state.name, name_child)

    @property
    def moved(self) -> tuple[str, ...]:
        """Return the outputs of the stack that may have another value afterwards."""
        return tuple(sorted(self.found.sides.moved(self.plan.changes)))


@dataclass(frozen=True)
class _Revert:
    """One run: what was observed, in which order layers come, and what is under way."""

    session: Session
    layout: StackLayout
    options: Options
    observed: Observed
    layers: Sequence[str]
    requires: Mapping[str, tuple[str, ...]]
    interrupts: Interrupts = field(default_factory=Interrupts)
    started: dict[str, str] = field(default_factory=dict)

    @property
    def _env(self) -> Environment:
        return self.layout.environment

    def run(self) -> Deployment:
        """Look for drift, plan, ask, execute and look again."""
        session = self.session
        looked = drift_of(session, self.layers, self.observed)
        drifted = [each for each in looked if each.status == DRIFTED and self._may_change(each)]
        with ChangeSetCleanup(session) as leftovers:
            sweep(session, [self.observed.by_name[each.stack].stack_id for each in drifted])
            found = run_concurrently([self._prepare(each, leftovers) for each in drifted], session.timer)
            reverted = {each.layer: each for each in found if each.plan.action == "revert"}
            shown = self._shown(looked, found)
            session.ui.tell(Planned(shown))
            self._refuse_outputs(found)
            self._refuse_raised(reverted.values())
            ask(session, shown, self.options.approval(self._env, shown), question=QUESTION)
            if not reverted:
                return Deployment(shown, ())
            tasks = [Task(name, each.state.name, self._after(name, reverted)) for name, each in reverted.items()]
            result = walk(
                tasks,
                lambda layer: self._execute(reverted[layer], leftovers),
                session.ui,
                session.timer,
                RunPolicy(
                    self.options.follow_timeout,
                    cancel=lambda layer: cancel(session, self.started[layer]),
                    started=lambda layer: layer in self.started,
                ),
                self.interrupts,
            )
        outcomes = result.outcomes if result.interrupted else self._looked_again(result.outcomes, reverted)
        return Deployment(shown, outcomes, result.interrupted)

    def _may_change(self, found: StackDrift) -> bool:
        """Return whether a stack is one of the layers: a root holds nothing but these, and other stacks are not ours to
        update.
        """
        return found.layer not in (ROOT, *BESIDE)

    def _after(self, layer: str, reverted: Collection[str]) -> tuple[str, ...]:
        return tuple(each for each in self.requires.get(layer, ()) if each in reverted)

    # --- the plan -----------------------------------------------------------------------------------------------

    def _prepare(self, drift: StackDrift, leftovers: ChangeSetCleanup) -> Generator[None, None, Reverted]:
        """Yield the plan of one stack, with the change set that it is made of."""
        session, state = self.session, self.observed.by_name[drift.stack]
        session.ui.tell(Preparing(drift.layer, drift.stack))
        deployed = deployed_side(session.cloud, state)
        request = ChangeSetRequest(
            stack=state.stack_id,
            name=fresh_name(f"{state.stack_id} {REVERT_DRIFT}"),
            kind="UPDATE",
            parameters={each: PreviousValue() for each in state.parameters},
            tags={name: each for name, each in state.tags.items() if not name.startswith("aws:")},
            capabilities=capabilities([deployed.body]),
            description=self._description(drift.layer, state),
            role=role_of(self._env, drift.layer),
            revert_drift=True,
        )
        change_set = yield from make_change_set(session, drift.layer, request, leftovers.made)
        if change_set.mode != REVERT_DRIFT:
            raise CloudError(
                f"the change set of {state.name} is no drift-aware one: the endpoint's reply says DeploymentMode "
                f"{change_set.mode or 'nowhere'} instead of {REVERT_DRIFT}; nothing was changed",
                "this endpoint or proxy is older than drift-aware change sets (November 2025): put the values back by "
                "hand, or use AWS's own endpoint",
            )
        if not (change_set.executable or change_set.empty):
            raise OperationFailed(
                f"the change set of {state.name} is {change_set.status}/{change_set.execution_status}: "
                f"{failed_reason(session, change_set, drift.layer)}",
                "nothing was changed; put the values back by hand, or write them into the environment file",
            )
        found = put_back(drift.layer, self._env.region, deployed, drift.resources, change_set.changes)
        return Reverted(drift.layer, state, self._planned(drift, found, change_set), change_set, found)

    def _description(self, layer: str, state: StackState) -> Shown:
        """Return the description of the change set: with the commit that is deployed, which stays so."""
        cloud, commit = self.session.cloud, ""
        if state.change_set_id:
            commit = commit_of(cloud.change_set_description(state.change_set_id, state.stack_id))
        return described(self._env, layer, self.session.run, (commit, True), cloud.identity().arn)

    def _planned(self, drift: StackDrift, found: PutBack, change_set: ChangeSet) -> StackPlan:
        if change_set.empty:
            return StackPlan(drift.layer, drift.stack, "none", source=Source.CHANGE_SET, notes=found.left)
        compared = compare(found.sides, StackRows(drift.layer, change_set.changes))
        written = found.sides.after.resources
        rows = (each for each in compared.rows if each.action == "Add")
        again = [(each, written.get(each.logical_id, {"Type": each.type})) for each in rows]
        created = [
            f"{each.logical_id} was deleted by hand: it is created again"
            f"{', without what was in it' if may_hold_data(resource) else ''}"
            for each, resource in again
        ]
        return StackPlan(
            drift.layer, drift.stack, "revert", compared.rows,
            source=Source.CHANGE_SET,
            notes=(*created, *compared.notes, *found.left),
            details=compared.details,
        )  # fmt: skip

    def _shown(self, looked: Sequence[StackDrift], found: Sequence[Reverted]) -> EnvironmentPlan:
        """Return the plan of all stacks, through the gates of a deployment."""
        plans = {each.layer: each.plan for each in found}
        bare = {each.layer: each.found.bare for each in found}
        unknown = {each.layer: each.found.unknown for each in found}
        where = (self.observed.identity.account, self.observed.identity.region)
        gated = widened(list(plans.values()), bare, *where)
        lost = {each.layer: each.losses for each in widened(list(plans.values()), unknown, *where)}
        plans = {each.layer: replace(each, losses=lost[each.layer]) for each in gated}
        stacks = tuple(
            plans.get(each.layer, StackPlan(each.layer, each.stack, "none", source=Source.CHANGE_SET))
            for each in looked
        )
        warnings = [*not_looked_at(looked), *self._not_changed(looked), *_handed_on(found)]
        shown = EnvironmentPlan(
            environment=self._env.environment,
            account=where[0],
            region=where[1],
            topology=self._env.topology,
            stacks=stacks,
            refusals=refused(stacks, self.options.allow_data_loss),
            warnings=tuple(warnings),
        )
        sides = list(bare.values())
        unused = (
            *unheard_of("--allow-data-loss", self.options.allow_data_loss, shown, sides),
            *unheard_of("--allow-widening", self.options.allow_widening, shown, sides),
        )
        return replace(shown, warnings=(*shown.warnings, *unused))

    def _not_changed(self, looked: Sequence[StackDrift]) -> list[str]:
        out = (each for each in looked if each.status == DRIFTED and not self._may_change(each))
        return [f"{each.stack} is not put back: {BY_ITSELF}" for each in out]

    # --- gates of its own ---------------------------------------------------------------------------------------

    def _refuse_outputs(self, found: Iterable[Reverted]) -> None:
        """Raise Refused for a nested stack that would give the stacks beside it other values: only an update of the
        stack around it hands them on, which has nothing to update.
        """
        for each in found:
            if not each.state.parent_id or not each.moved:
                continue
            around = self.session.cloud.template(each.state.parent_id)
            taken = [name for name in each.moved if re.search(rf"\bOutputs\.{re.escape(name)}\b", around)]
            if taken:
                again = ", ".join(row.place for row in each.plan.changes if row.replacement != "False")
                raise Refused(
                    f"{again} would be created again, and {each.state.name} would give other stacks another value "
                    f"({', '.join(taken)}); a nested stack cannot hand that on by itself",
                    "create it again by hand under the same name; or take it out of the environment file and deploy, "
                    "then put it in and deploy again",
                )

    def _refuse_raised(self, reverted: Collection[Reverted]) -> None:
        """Raise Refused while a rollback alarm of a stack is in ALARM: it would roll this back as well."""
        names = tuple({alarm.name for each in reverted for alarm in each.state.rollback.triggers})
        states = self.session.cloud.alarm_states(names) if names else {}
        raised = sorted(name for name, each in states.items() if each.state == "ALARM")
        if raised:
            raise Refused(
                f"in ALARM: {', '.join(raised)}: CloudFormation would roll back what it puts back",
                "`infragen ps` shows why; put the values back when it is OK again, or by hand",
            )

    # --- the execution ------------------------------------------------------------------------------------------

    def _execute(self, each: Reverted, leftovers: ChangeSetCleanup) -> Operation:
        stack_id, made = each.state.stack_id, each.change_set.change_set_id
        if self.interrupts.noted:
            return Skipped(each.layer, each.state.name, why=INTERRUPTED)
        self.started[each.layer] = stack_id
        try:
            follower = yield from begin(
                self.session, each.target, each.change_set, "revert", False, lambda: not self.interrupts.noted
            )
        except InfragenError:  # and nothing was executed
            del self.started[each.layer]
            raise
        if follower is None:
            return Skipped(each.layer, each.state.name, why=INTERRUPTED)
        leftovers.keep(made)
        outcome = yield from follow(self.session, each.target, follower, stack_id)
        if isinstance(outcome, Failed) and outcome.status == "UPDATE_ROLLBACK_COMPLETE":
            return replace(outcome, hint=AFTER_ROLLBACK)
        return outcome

    def _looked_again(self, outcomes: Sequence[Outcome], reverted: Mapping[str, Reverted]) -> tuple[Outcome, ...]:
        """Return the outcomes after another look: AWS reports success although a provider left a value as it was
        (public report go-to-k/cdk-real-drift#638, 2026-07-08).
        """
        done = {each.layer for each in outcomes if isinstance(each, Deployed)}
        try:
            again = drift_of(self.session, self.layers, observe(self.session, self._env), done) if done else ()
        except CloudError as error:
            self.session.ui.tell(Warned(f"whether all is put back was not checked: {error.message}"))
            return tuple(outcomes)
        left = {each.layer: still_there(reverted[each.layer].found.promised, each.resources) for each in again}
        return tuple(
            Failed(
                each.layer, each.stack,
                f"{each.stack} is {each.status}, and still not as its template says: {', '.join(left[each.layer])}",
                "AWS reports success and left it: put it back by hand, or write it into the environment file",
                each.status,
            )
            if isinstance(each, Deployed) and left.get(each.layer)
            else replace(each, notes=(*each.notes, PUT_BACK))
            if isinstance(each, Deployed)
            else each
            for each in outcomes
        )  # fmt: skip


def _handed_on(found: Iterable[Reverted]) -> Iterator[str]:
    """Yield a sentence for each stack of its own whose outputs may change: the others take them with a deployment."""
    for each in found:
        if each.moved and not each.state.parent_id:
            names = ", ".join(each.moved)
            yield f"{each.state.name} may have other outputs afterwards ({names}): `infragen deploy` hands them on"
