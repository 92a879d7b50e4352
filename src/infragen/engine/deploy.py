"""Plans and deploys an environment: observe, upload, make change sets, guard, show, ask, execute, follow.

The one road for both topologies and for both commands: `plan_environment` is the same up to "show" and deletes what it
made. Every stack ends with exactly one outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from infragen.artifact import Artifact, code_artifact
from infragen.config import Environment, EnvironmentFile, camel
from infragen.cost import CostDelta, PriceFile, delta, estimate, prices_of
from infragen.engine.drift import last_found, with_drift
from infragen.engine.gate import (
    BROADENING,
    NEVER,
    Agreed,
    Approval,
    agreed_to,
    as_shown,
    ask,
    comparable,
    refuse,
    refuse_more,
    unheard_of,
    widened,
)
from infragen.engine.litter import Litter, sweep
from infragen.engine.observe import Observed, check_stacks, nested_stacks, observe, wait_for_others
from infragen.engine.operate import Road, Target, begin, cancel, delete, follow, resume, why_failed
from infragen.engine.outcome import Deployed, Failed, Outcome, Skipped, Unchanged, Unknown, exit_code
from infragen.engine.patience import BEFORE, patiently
from infragen.engine.preflight import check_exports
from infragen.engine.preview import Deployed as Known
from infragen.engine.preview import Examined, LayerSides, Prepared, examine, examine_all, prepare, resolve
from infragen.engine.progress import Planned, Session, Uploaded, Warned
from infragen.engine.protection import protect
from infragen.engine.rollout import Stray, strays
from infragen.engine.schedule import INTERRUPTED, Interrupts, Manner, Stop, Walk, together, walk
from infragen.errors import CloudError, Conflict, InputError, OperationFailed, OutcomeUnknown, Refused
from infragen.guard import Refusal, refusals
from infragen.plan import ARTIFACTS, EnvironmentPlan, Plan, StackPlan, StackUnit, bucket_name, make_plan, traced
from infragen.stack import ChangeSet, PropertyChange, ResourceChange, StackState, row, running
from infragen.synth import Assembly

KEPT_UNRESERVED = 100
SHORT_LOGIN = 1800
"""Seconds that a login should still last: about what a first creation takes. Many roles give no more than an hour."""

PLAN_AGAIN = "make a new plan with `infragen plan --out`"


@dataclass(frozen=True)
class Options:
    """What the user asked for beside the environment.

    `image_tag` and `code` (worker name -> artifact) replace deployed values; what is not given stays. `allow_replace`
    names resources as layer/LogicalId. `on_failure` is rollback, keep or delete. `adopt` takes over a stack without our
    tags. `follow_timeout` is for how many seconds what runs is followed, as long as it takes without. `wait` is for how
    many seconds an operation that somebody else began is waited for; None refuses at once. `prices` stand over
    infragen's own table; `price_file` is what they are called. `allow_widening` names places that may let more through;
    `require_approval` says what needs somebody who agrees: never, broadening or any-change. `allow_cost` is what a
    month may cost in USD although it is more than the budget. `drift` looks for drift before a plan is shown.
    """

    image_tag: str | None = None
    code: Mapping[str, Artifact] = field(default_factory=dict)
    allow_replace: frozenset[str] = frozenset()
    on_failure: str = "rollback"
    adopt: bool = False
    follow_timeout: float | None = None
    wait: float | None = None
    nested: bool = True
    fail_fast: bool = False
    on_interrupt: str = "wait"
    prices: PriceFile | None = None
    price_file: str = ""
    allow_widening: frozenset[str] = frozenset()
    require_approval: str = BROADENING
    allow_cost: float = 0
    drift: bool = False

    @property
    def approval(self) -> Approval:
        """What the user has agreed to before being asked."""
        return Approval(self.allow_widening, self.require_approval, self.allow_cost)


@dataclass(frozen=True)
class Deployment:
    """How a deployment ended: the plan that was shown, and one outcome for each stack in deployment order."""

    plan: EnvironmentPlan
    outcomes: tuple[Outcome, ...]
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """The worst of the outcomes; 130 when the user interrupted it."""
        return 130 if self.interrupted else exit_code(self.outcomes)


def worker_code(file: EnvironmentFile) -> dict[str, Artifact]:
    """The artifacts of all workers with code; a relative path begins at the file in which it is written.

    Raises InputError with the place of every `code` that cannot be used.
    """
    artifacts, problems = {}, []
    for index, worker in enumerate(file.environment.workers):
        path = file.code(worker.name)
        try:
            if path is not None:
                artifacts[worker.name] = code_artifact(path)
        except InputError as error:
            problems.append(f"{file.place(('workers', index, 'code'))}: {error.message}")
    if problems:
        raise InputError("\n".join(problems), "without `code` a worker runs a placeholder")
    return artifacts


def launch_values(env: Environment, options: Options) -> dict[str, str]:
    """The launch parameters that this run gives."""
    values = {f"{camel(name)}CodeKey": artifact.key for name, artifact in options.code.items()}
    if values:
        values["CodeBucket"] = bucket_name(env)
    if options.image_tag is not None:
        values["ImageTag"] = options.image_tag
    return values


# --- plan -------------------------------------------------------------------------------------------------------


def plan_environment(assembly: Assembly, session: Session, options: Options | None = None) -> EnvironmentPlan:
    """What a deployment would do. Leaves no change set and no stack behind; templates stay under their digests."""
    options = options or Options()
    return show_plan(make_plan(assembly, launch_values(assembly.environment, options)), session, options)


def show_plan(plan: Plan, session: Session, options: Options) -> EnvironmentPlan:
    """What deploying the units of a plan would do, as `plan_environment`."""
    observed = observe_settled(session, plan, options)
    with Litter(session) as litter:
        _, shown = prepare_all(session, plan, observed, options, making(session, plan, options, litter))
    if options.drift:
        shown = with_drift(session, plan, observed, shown)
    session.ui.tell(Planned(shown))
    return shown


def observe_settled(session: Session, plan: Plan, options: Options) -> Observed:
    """What is deployed. Raises an InfragenError when it may not be changed, or is being changed."""
    observed = observe(session, plan.environment)
    check_stacks(session, plan, observed, options.adopt)
    for unit in plan.units:
        state = observed.by_name.get(unit.stack)
        if state is not None and running(state.status):
            raise Conflict(f"{state.name} is {state.status}", "`infragen deploy` follows it to its end and goes on")
    return observed


Making = Callable[[Examined], Generator[None, None, Prepared]]
"""How an examined unit gets its change set."""


def making(session: Session, plan: Plan, options: Options, litter: Litter, until: int = 0) -> Making:
    """Change sets are made anew; `until` is when the saved plan expires to which they will belong."""
    return lambda each: prepare(session, plan, each, options.on_failure, litter.made, options.nested, until)


def prepare_all(
    session: Session, plan: Plan, observed: Observed, options: Options, make: Making
) -> tuple[list[Prepared], EnvironmentPlan]:
    """Examines every unit, uploads what AWS must read, makes the change sets, and puts it all on one page."""
    examined = examine_all(session, plan, observed)
    warnings = [*plan.warnings, *(() if options.drift else last_found(plan.environment, observed))]
    for each in examined:
        _check_road(session, each, options)
        if each.live is not None and not each.unchanged:
            nested = [state for state in observed.by_id.values() if state.parent_id == each.live.stack_id]
            check_exports(session.cloud, each.unit, each.live, nested)
    if any(not each.unchanged for each in examined):
        if plan.uploads:
            session.cloud.check_bucket(plan.bucket)
        upload(session, plan.bucket, [Artifact(key, body) for key, body in plan.uploads])
        live = (each.state for each in examined if each.state is not None and not each.unchanged)
        sweep(session.cloud, [state.stack_id for state in live], session.timer.date())
        warnings += _check_concurrency(session, examined)
    prepared = together([make(each) for each in examined], session.timer)
    sides = comparable(examined)
    where = (observed.identity.account, observed.identity.region)
    stacks = tuple(widened([stack for each in prepared for stack in each.plans], sides, *where))
    if session.file is not None:
        stacks = tuple(traced(each, session.file) for each in stacks)
    shown = EnvironmentPlan(
        environment=plan.environment.environment,
        account=observed.identity.account,
        region=observed.identity.region,
        topology=plan.environment.topology,
        stacks=stacks,
        capabilities=tuple(sorted({name for unit in plan.units for name in unit.capabilities})),
        refusals=_refusals(stacks, options.allow_replace),
        warnings=tuple(warnings),
        cost=_cost(plan.environment, examined, options),
        budget=plan.environment.cost.budget,
    )
    unused = (
        *unheard_of("--allow-replace", options.allow_replace, shown, examined),
        *unheard_of("--allow-widening", options.allow_widening, shown, examined),
    )
    return prepared, replace(shown, warnings=(*shown.warnings, *unused))


def _cost(env: Environment, examined: Sequence[Examined], options: Options) -> CostDelta | None:
    """What the deployment changes in the monthly cost: the same load and prices on deployed and rendered templates.

    Nothing is said of the artifact bucket alone: some templates cost less than a cent.
    """
    if all(each.unit.layer == ARTIFACTS for each in examined):
        return None
    prices = prices_of(env.region, options.prices, options.price_file)
    sides = [side for each in examined for side in each.sides]
    before, after = {each.layer: each.before for each in sides}, {each.layer: each.after for each in sides}
    return delta(estimate(before, env, prices), estimate(after, env, prices))


def _check_road(session: Session, examined: Examined, options: Options) -> None:
    """Raises Refused for a failed stack that needs a decision: continue what was kept, or remove what is left."""
    state, unit = examined.state, examined.unit
    if state is None or examined.action not in ("continue", "recreate"):
        return
    cause = why_failed(session, _target(unit), state)
    session.ui.tell(Warned(f"{state.name} is {state.status}: {cause or state.reason or 'AWS gave no reason'}"))
    if examined.action == "continue" and options.on_failure != "keep":
        raise Refused(f"{state.name} is {state.status}", row(state.status).hint)
    left = [each for each in session.cloud.resources(state.stack_id) if each.status != "DELETE_COMPLETE"]
    if examined.action == "recreate" and left:
        names = ", ".join(f"{each.logical_id} ({each.status})" for each in left)
        raise Refused(
            f"{state.name} is {state.status} and still holds {names}",
            "`infragen destroy` shows what is left and removes it",
        )


def _refusals(stacks: Sequence[StackPlan], allowed: Collection[str]) -> tuple[Refusal, ...]:
    return refusals((change for each in stacks for change in each.changes), allowed)


def upload(session: Session, bucket: str, artifacts: Sequence[Artifact]) -> None:
    """Puts into the bucket what is missing there."""
    for each in artifacts:
        if session.cloud.upload(bucket, each.key, each.body):
            session.ui.tell(Uploaded(bucket, each.key, len(each.body)))


def _check_concurrency(session: Session, examined: Sequence[Examined]) -> list[str]:
    """Reserved concurrency must leave 100 unreserved (Lambda Developer Guide, "Configuring reserved concurrency").

    Raises CloudError when what is added does not fit; gives a warning when the limit may not be read.
    """
    rows = [change for each in examined for plan in each.plans for change in plan.changes]
    added = sum(_reserved(each.after) - _reserved(each.before) for row in rows for each in _reservations(row))
    if added <= 0:
        return []
    limit = session.cloud.lambda_concurrency()
    if limit is None:
        return ["lambda:GetAccountSettings is not permitted: whether the reserved concurrency fits was not checked"]
    if limit.unreserved - added < KEPT_UNRESERVED:
        raise CloudError(
            f"{added} more concurrent executions would be reserved; {limit.unreserved} of the account's {limit.total} "
            f"are unreserved, and Lambda keeps {KEPT_UNRESERVED} of them",
            "ask Service Quotas for more (Lambda, concurrent executions), or set `reserved_concurrency: null`",
        )
    return []


def _reservations(row: ResourceChange) -> list[PropertyChange]:
    return [each for each in row.properties if each.path == ("Properties", "ReservedConcurrentExecutions")]


def _reserved(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else 0


# --- deploy -----------------------------------------------------------------------------------------------------


def deploy_environment(assembly: Assembly, session: Session, options: Options | None = None) -> Deployment:
    """Deploys an environment. Raises an InfragenError while nothing has begun; afterwards failures are outcomes."""
    options = options or Options()
    return deploy_plan(make_plan(assembly, launch_values(assembly.environment, options)), session, options)


def deploy_plan(plan: Plan, session: Session, options: Options) -> Deployment:
    """Deploys the units of a plan, as `deploy_environment`."""
    observed = observe_finished(session, plan, options)
    with Litter(session) as litter:
        prepared, shown = prepare_all(session, plan, observed, options, making(session, plan, options, litter))
        session.ui.tell(Planned(shown))
        warn_of_login(session, plan.environment, prepared)
        ask(session, shown, options.approval)
        if shown.changed:
            upload(session, plan.bucket, list(options.code.values()))
        by_layer = {each.examined.unit.layer: each for each in prepared}
        sides = comparable([each.examined for each in prepared])
        return Run(session, plan, options, litter, shown, by_layer, observed, sides, agreed_to(shown)).walk()


def observe_finished(session: Session, plan: Plan, options: Options) -> Observed:
    """What is deployed, after what runs has ended: an operation of an earlier run, or of others when they are waited
    for. Raises an InfragenError when it may not be changed.
    """
    observed = observe(session, plan.environment)
    if options.wait is not None:
        [observed] = together([wait_for_others(session, plan, observed, options.wait)], session.timer)
    check_stacks(session, plan, observed, options.adopt)
    return _finish_earlier_run(session, plan, observed, options)


def warn_of_login(session: Session, env: Environment, prepared: Sequence[Prepared]) -> None:
    """CloudFormation works with a session made of ours, unless the stack has a role (User Guide, "AWS CloudFormation
    service role"); when ours ends, so does its work (eksctl-io/eksctl#7095).
    """
    lent = [each for each in prepared if not each.examined.unchanged and not _has_role(each.examined.state)]
    if lent and not env.iam.service_role_arn and session.cloud.expires_within(SHORT_LOGIN):
        session.ui.tell(
            Warned(
                "the credentials in use end within half an hour, and CloudFormation works with them: "
                "log in anew before a deployment that takes longer"
            )
        )


def _has_role(state: StackState | None) -> bool:
    return state is not None and bool(state.role_arn)


def _finish_earlier_run(session: Session, plan: Plan, observed: Observed, options: Options) -> Observed:
    """Follows operations that an earlier, killed run began, then looks again."""
    left = {unit.layer: (unit, observed.by_name[unit.stack]) for unit in plan.units if unit.stack in observed.by_name}
    left = {layer: pair for layer, pair in left.items() if running(pair[1].status)}
    if not left:
        return observed
    stops = [Stop(layer, unit.stack, ()) for layer, (unit, _) in left.items()]

    def again(layer: str) -> Road:
        return resume(session, _target(left[layer][0]), left[layer][1])

    manner = Manner(
        options.follow_timeout, on_interrupt=options.on_interrupt,
        cancel=lambda layer: cancel(session, left[layer][1].stack_id),
    )  # fmt: skip
    ended = walk(stops, again, session.ui, session.timer, manner)
    if ended.interrupted:
        raise KeyboardInterrupt
    for each in ended.outcomes:
        if isinstance(each, Unknown):
            raise OutcomeUnknown(each.message, "`infragen follow` follows it to its end")
    observed = observe(session, plan.environment)
    check_stacks(session, plan, observed, options.adopt)
    return observed


def _target(unit: StackUnit) -> Target:
    return Target(unit.layer, unit.stack, unit.child_layer)


@dataclass(frozen=True)
class Run:
    """A deployment under way: what was prepared, shown and agreed to, and the outputs of what is deployed by now.

    The change sets of a saved plan, which expires at `until`, are executed as they are or not at all.
    """

    session: Session
    plan: Plan
    options: Options
    litter: Litter
    shown: EnvironmentPlan
    prepared: Mapping[str, Prepared]
    observed: Observed
    sides: Mapping[str, LayerSides]
    agreed: Agreed
    until: int = 0
    outputs: dict[str, Known] = field(default_factory=dict)
    interrupts: Interrupts = field(default_factory=Interrupts)
    started: dict[str, str] = field(default_factory=dict)

    def walk(self) -> Deployment:
        """Deploys every unit, each as soon as what it requires is there."""
        stops = [Stop(unit.layer, unit.stack, unit.requires) for unit in self.plan.units]
        options, session = self.options, self.session
        manner = Manner(
            options.follow_timeout, options.fail_fast, options.on_interrupt,
            cancel=lambda layer: cancel(session, self.started[layer]),
            started=lambda layer: layer in self.started,
        )  # fmt: skip
        result: Walk = walk(stops, self.begin, session.ui, session.timer, manner, self.interrupts)
        return Deployment(self.shown, result.outcomes, result.interrupted)

    def begin(self, layer: str) -> Road:
        """The road of one unit whose requirements are deployed."""
        outcome = yield from self._road(self.prepared[layer])
        if isinstance(outcome, Deployed | Unchanged):
            self.outputs[layer] = Known(outcome.outputs)
        return outcome

    def _road(self, prepared: Prepared) -> Road:
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
            target = _target(examined.unit)
            self.started[examined.unit.layer] = examined.state.stack_id
            role = self.plan.environment.iam.service_role_arn or ""
            gone = yield from delete(self.session, target, examined.state, role=role)
            del self.started[examined.unit.layer]
            if isinstance(gone, Failed):
                return gone
            prepared = yield from self._prepare_again(prepared, None)
        if prepared.examined.unchanged or prepared.change_set is None:
            return (yield from self._leave(prepared.examined))
        return (yield from self._execute(prepared.examined, prepared.change_set))

    def _check_fresh(self, examined: Examined) -> None:
        """Raises Conflict when a stack is no longer as the saved plan found it, or takes other values than then."""
        then = examined.state
        now = self.session.cloud.stack(then.stack_id) if then is not None else None
        if then is not None and (now is None or (now.status, now.updated) != (then.status, then.updated)):
            raise Conflict(f"the plan of {examined.unit.stack} is stale: the stack changed a moment ago", PLAN_AGAIN)
        if self._moved(examined):
            raise Conflict(f"the plan of {examined.unit.stack} is stale: what it takes has other values", PLAN_AGAIN)

    def _moved(self, examined: Examined) -> bool:
        """Whether an output that the unit takes is another one than when its change set was made."""
        ready, missing = resolve(examined.unit, examined.live, self.outputs)
        return bool(missing) or ready != dict(examined.parameters)

    def _prepare_again(self, prepared: Prepared, state: StackState | None) -> Generator[None, None, Prepared]:
        """The unit with the values there are now. Raises Refused for more destruction than was shown."""
        if prepared.change_set is not None:
            yield from self.litter.drop(prepared.change_set.change_set_id)
        unit, region = prepared.examined.unit, self.plan.environment.region
        examined = examine(self.session.cloud, unit, state, self.outputs, {}, region)
        if examined.waits_for:
            names = ", ".join(examined.waits_for)
            raise OperationFailed(
                f"{unit.stack} needs outputs that {names} did not give",
                "somebody has changed their stacks meanwhile; run the same command again",
            )
        made, options = self.litter.made, self.options
        again = yield from prepare(
            self.session, self.plan, examined, options.on_failure, made, options.nested, self.until
        )
        refuse(_refusals(again.plans, options.allow_replace))
        self._refuse_more(again)
        return again

    def _refuse_more(self, again: Prepared) -> None:
        """Raises Refused when the unit, planned again, does more than was shown."""
        sides = {each.layer: as_shown(each, self.sides[each.layer]) for each in again.examined.sides}
        plans = widened(again.plans, sides, self.shown.account, self.shown.region)
        unasked = self.options.require_approval == NEVER
        allowed = {each.place for plan in plans for each in plan.widenings} if unasked else self.options.allow_widening
        refuse_more(self.agreed, plans, allowed)

    def _leave(self, examined: Examined) -> Road:
        state, unit, cloud = examined.state, examined.unit, self.session.cloud
        if state is None:
            return Unchanged(unit.layer, unit.stack, "")
        nested = self._nested(unit, state.stack_id)
        if self.plan.environment.protected and protect(cloud, unit, state, nested):
            self.session.ui.tell(Warned(f"{unit.stack} was not protected as its environment says; it is now"))
        unchanged = Unchanged(unit.layer, unit.stack, state.status, state.outputs)
        return (yield from self._as_ecs_says(unit, state.stack_id, unchanged))

    def _nested(self, unit: StackUnit, stack_id: str) -> dict[str, str]:
        """The nested stacks as they were seen at the beginning, where all were there already: it spares a call."""
        return self.observed.nested_in(unit, stack_id) or nested_stacks(self.session.cloud, unit, stack_id)

    def _execute(self, examined: Examined, change_set: ChangeSet) -> Road:
        cloud, unit, guarded = self.session.cloud, examined.unit, self.plan.environment.protected
        if self.interrupts.noted:
            return Skipped(unit.layer, unit.stack, why=INTERRUPTED)
        if guarded and examined.live is not None:
            before = nested_stacks(cloud, unit, examined.live.stack_id)
            protect(cloud, unit, examined.live, before, self.options.allow_replace)
        keep = self.options.on_failure == "keep" and examined.live is not None
        self.started[unit.layer] = change_set.stack_id
        follower = yield from begin(
            self.session, _target(unit), change_set, examined.action, keep, lambda: not self.interrupts.noted
        )
        if follower is None:
            return Skipped(unit.layer, unit.stack, why=INTERRUPTED)
        self.litter.keep(change_set.change_set_id)
        outcome = yield from follow(self.session, _target(unit), follower, change_set.stack_id)
        ended = cloud.stack(change_set.stack_id) if guarded else None
        if ended is not None and (examined.live is not None or isinstance(outcome, Deployed)):
            protect(cloud, unit, ended, nested_stacks(cloud, unit, ended.stack_id))
        if isinstance(outcome, Deployed):
            return (yield from self._as_ecs_says(unit, change_set.stack_id, outcome))
        return outcome

    def _as_ecs_says(self, unit: StackUnit, stack_id: str, outcome: Deployed | Unchanged) -> Road:
        """The outcome, or a failure when ECS runs something else than the stack says."""
        session = self.session

        def look() -> tuple[Stray, ...]:
            return strays(session.cloud, unit, stack_id, self._nested(unit, stack_id))

        try:
            found = yield from patiently(session, unit.layer, look, BEFORE)
        except CloudError as error:
            session.ui.tell(Warned(f"whether ECS runs what {unit.stack} says was not checked: {error.message}"))
            return outcome
        if not found:
            return outcome
        message = f"{unit.stack} is {outcome.status}, but {'; '.join(map(str, found))}"
        return Failed(unit.layer, unit.stack, message, found[0].remedy, outcome.status)
