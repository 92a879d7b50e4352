"""Plans and deploys an environment: observe, upload, make change sets, guard, show, ask, execute, follow.

The one path for both topologies and for both commands: `plan_environment` is the same up to "show" and deletes what it
made. Every stack ends with exactly one outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

from infragen.assembly.code import Artifact
from infragen.assembly.stacks import BESIDE, StackLayout, make_plan, role_of
from infragen.assembly.synth import Assembly
from infragen.cloud.cloudformation import NO_REASON, PropertyChange, RollbackTrigger, StackState, running
from infragen.config import Environment
from infragen.cost import CostDelta, delta, estimate, prices_of
from infragen.engine.account_checks import SECONDS, check_names, quick_checks, refuse_wrong, subject_of
from infragen.engine.artifact_bucket import check_artifacts
from infragen.engine.at_commit import record_deployment
from infragen.engine.change_set_cleanup import ChangeSetCleanup, sweep
from infragen.engine.deployment_order import order_of
from infragen.engine.drift import last_found, with_drift
from infragen.engine.gate import agreed_to, ask, comparable, refused, unheard_of, widened
from infragen.engine.kept_updates import refuse_replacements
from infragen.engine.names_alike import check_names_alike
from infragen.engine.next_steps import EXPRESS, express, never_made, next_step
from infragen.engine.observe import Observed, check_stacks, left_behind, observe, wait_for_others, what_runs
from infragen.engine.operate import Operation, cancel, resume, resume_deletion, target_of, why_failed
from infragen.engine.options import Options, launch_values
from infragen.engine.other_runs import goes_on, overtaken, planned_again, runs_of
from infragen.engine.outcome import Unknown
from infragen.engine.plan_notes import service_role, with_notes
from infragen.engine.preflight import check_exports
from infragen.engine.preview import Examined, Prepared, deployed_side, examine_all, prepare
from infragen.engine.progress import Planned, Session, Uploaded, Warned
from infragen.engine.protection import protection_changes
from infragen.engine.release import plan_release
from infragen.engine.rights import check_rights
from infragen.engine.run import Deployment, Proposal, Run
from infragen.engine.schedule import RunPolicy, Task, run_concurrently, walk
from infragen.engine.stack_safety import StackSafety, left_out, raised_words, safety_changes, safety_of, taken
from infragen.errors import CloudError, Conflict, OutcomeUnknown, Refused
from infragen.permissions.roles import service_role_name
from infragen.permissions.scopes import Place
from infragen.plan.model import EnvironmentPlan, StackPlan, settings_widen, traced

SHORT_LOGIN = 1800
"""Seconds that a login should still last: about what a first creation takes. Many roles give no more than an hour."""


# --- plan -------------------------------------------------------------------------------------------------------


def plan_environment(assembly: Assembly, session: Session, options: Options | None = None) -> EnvironmentPlan:
    """Return what a deployment would do. Leaves no change set and no stack behind; templates stay under
    their digests.
    """
    options = options or Options()
    return show_plan(make_plan(assembly, launch_values(assembly.environment, options)), session, options)


def show_plan(plan: StackLayout, session: Session, options: Options) -> EnvironmentPlan:
    """Return what deploying the units of a plan would do, as `plan_environment`."""
    observed = observe_settled(session, plan, options)
    with ChangeSetCleanup(session) as leftovers:
        shown = propose(session, plan, observed, options, making(session, plan, options, leftovers)).shown
    if options.drift:
        shown = with_drift(session, plan, observed, shown)
    session.ui.tell(Planned(shown))
    return shown


def observe_settled(session: Session, plan: StackLayout, options: Options) -> Observed:
    """Return what is deployed. Raises an InfragenError when it may not be changed, or is being changed."""
    observed = observe(session, plan.environment)
    check_names_alike(session, plan.environment, observed, options.adopt)
    check_stacks(session, plan, observed, options.adopt)
    for unit in plan.units:
        state = observed.by_name.get(unit.stack)
        if state is not None and running(state.status):
            raise Conflict(f"{state.name} is {state.status}", "`infragen deploy` follows it to its end and continues")
    return observed


Making = Callable[[Examined, StackSafety], Generator[None, None, Prepared]]
"""How an examined unit gets its change set, with what guards its stack."""


def making(
    session: Session, plan: StackLayout, options: Options, leftovers: ChangeSetCleanup, until: int = 0
) -> Making:
    """Change sets are made again; `until` is when the saved plan expires to which they will belong."""
    return lambda each, safety: prepare(
        session, plan, each, options.on_failure, leftovers.made, options.nested, until, safety
    )


def propose(
    session: Session, plan: StackLayout, observed: Observed, options: Options, make: Making, *, stops: bool = False
) -> Proposal:
    """Examine every unit, asks the account, uploads what AWS must read, makes the change sets, and puts it all on one
    page. Raises while nothing is made for a check that failed: with `stops` any that a deployment would fail of,
    without only what was given for this run.
    """
    check_names(plan, options.skip_check)
    examined = examine_all(session, plan, observed)
    warnings = [*options.notes, *plan.warnings, *(() if options.drift else last_found(plan.environment, observed))]
    for each in examined:
        _check_steps(session, each, options)
        if each.live is not None and not each.unchanged:
            nested = [state for state in observed.by_id.values() if state.parent_id == each.live.stack_id]
            check_exports(session.cloud, each.unit, each.live, nested)
    staying = {state.name: deployed_side(session.cloud, state) for state in left_behind(plan, observed)}
    order = order_of(examined, session.file, staying)
    if stops:
        order.refuse()
    warnings += [*order.left.values(), *order.conflicts, *order.warnings]
    warnings += check_rights(session, plan, observed, examined)
    subject = subject_of(session, plan, observed.identity, examined)
    asked = quick_checks(session, plan, subject, options.skip_check)
    refuse_wrong(asked.results(SECONDS), flags=not stops)
    if any(not each.unchanged for each in examined):
        if plan.uploads:
            check_artifacts(session, plan.environment)
        upload(session, plan.bucket, [Artifact(key, body) for key, body in plan.uploads])
        live = (each.state for each in examined if each.state is not None and not each.unchanged)
        sweep(session, [state.stack_id for state in live])
    changes = any(not each.unchanged and each.unit.layer not in BESIDE for each in examined)
    safety = safety_of(session, plan.environment, observed, options.ignore_alarms, changes=changes)
    prepared = run_concurrently([make(each, safety) for each in examined], session.timer)
    checks = asked.results(0)
    refuse_wrong(checks, flags=not stops)
    sides = comparable(examined)
    where = (observed.identity.account, observed.identity.region)
    stacks = tuple(widened([stack for each in prepared for stack in with_notes(each)], sides, *where))
    stacks = tuple(_with_settings(session, plan, observed, prepared, stacks, safety))
    watched = {each.name for one in prepared for each in _triggers(one, safety)}
    raised = tuple(each for each in safety.raised if each.name in watched)
    warnings += raised_words(raised)
    stacks = tuple(replace(each, notes=(*each.notes, *order.later.get(each.layer, ()))) for each in stacks)
    if session.file is not None:
        stacks = tuple(traced(each, session.file) for each in stacks)
    shown = EnvironmentPlan(
        environment=plan.environment.environment,
        account=observed.identity.account,
        region=observed.identity.region,
        topology=plan.environment.topology,
        stacks=stacks,
        capabilities=tuple(sorted({name for unit in plan.units for name in unit.capabilities})),
        refusals=refused(stacks, options.allow_data_loss | left_out(safety, stacks)),
        warnings=tuple(warnings),
        cost=_cost(plan.environment, examined, options),
        budget=plan.environment.cost.budget,
        checks=checks,
        image_tag=subject.image_tag,
        running_tag=subject.running_tag,
    )
    shown = replace(shown, release=plan_release(session, plan, observed, examined, subject, options.release))
    unused = (
        *unheard_of("--allow-data-loss", options.allow_data_loss, shown, sides.values()),
        *unheard_of("--allow-widening", options.allow_widening, shown, sides.values()),
    )
    shown = replace(shown, warnings=(*shown.warnings, *unused))
    return Proposal(tuple(prepared), shown, sides, order, safety, raised)


def _triggers(prepared: Prepared, safety: StackSafety) -> tuple[RollbackTrigger, ...]:
    """Return the alarms that CloudFormation watches while it works on a unit; none where it does not."""
    if prepared.examined.unchanged or prepared.examined.unit.layer in BESIDE:
        return ()
    return taken(safety, prepared.plans, prepared.change_set).triggers


def _with_settings(
    session: Session,
    plan: StackLayout,
    observed: Observed,
    prepared: Sequence[Prepared],
    stacks: Sequence[StackPlan],
    safety: StackSafety,
) -> Iterator[StackPlan]:
    """Yield the plans with the settings of the stacks that change: protection, both ways, the role of CloudFormation,
    and what guards the stacks while it works on them.
    """
    env, units = plan.environment, {each.examined.unit.layer: each for each in prepared}
    own_role = Place(env).role(service_role_name(env))

    def given(stack: StackPlan, *rows: PropertyChange) -> StackPlan:
        stack = replace(stack, settings=rows)
        opens = settings_widen(stack, observed.identity.account, own_role)
        return replace(stack, widenings=(*stack.widenings, *opens))

    for stack in stacks:
        if stack.layer not in units:
            yield stack
            continue
        examined, change_set = units[stack.layer].examined, units[stack.layer].change_set
        unit, live = examined.unit, examined.live
        own = [
            each for each in stacks if each.layer in {unit.layer, *(child.layer for child in unit.children.values())}
        ]
        guards = safety_changes(safety, unit.layer, live, own, change_set)
        if live is None:
            yield given(stack, *guards)
            continue
        nested = observed.nested_in(unit, live.stack_id)
        changes: tuple[PropertyChange, ...] = ()
        try:
            changes = protection_changes(session.cloud, unit, live, nested, env.protected)
        except CloudError as error:
            said = f"whether {unit.stack} is protected as its environment says was not checked"
            session.ui.tell(Warned(f"{said}: {error.message}"))
        updated = any(each.action != "none" for each in own)
        role = service_role(live.role_arn, role_of(env, unit.layer), updated=updated)
        yield given(stack, *changes, *role, *guards)


def _cost(env: Environment, examined: Sequence[Examined], options: Options) -> CostDelta | None:
    """Return what the deployment changes in the monthly cost: the same load and prices on deployed and rendered
    templates.

    Nothing is said of the artifact bucket alone: some templates cost less than a cent.
    """
    if all(each.unit.layer in BESIDE for each in examined):
        return None
    prices = prices_of(env.region, options.prices, options.price_file)
    sides = [side for each in examined for side in each.sides]
    before, after = {each.layer: each.before for each in sides}, {each.layer: each.after for each in sides}
    return delta(estimate(before, env, prices), estimate(after, env, prices))


def _check_steps(session: Session, examined: Examined, options: Options) -> None:
    """Raise Refused for a failed stack that needs a decision: continue what was kept, or remove what is left."""
    state, unit = examined.state, examined.unit
    if state is None or examined.action not in ("continue", "recreate"):
        return
    cause = why_failed(session, target_of(unit), state)
    session.ui.tell(Warned(f"{state.name} is {state.status}: {cause or state.reason or NO_REASON}"))
    if examined.action == "continue" and options.on_failure != "keep":
        if state.mode == EXPRESS:
            why, way_out = express(state.name, state.status)
            raise Refused(why, way_out)
        raise Refused(f"{state.name} is {state.status}", next_step(state.status, cause=cause))
    listed = session.cloud.resources(state.stack_id)
    left = [each for each in listed if each.status != "DELETE_COMPLETE" and not never_made(each)]
    if examined.action == "recreate" and left:
        names = ", ".join(f"{each.logical_id} ({each.status})" for each in left)
        raise Refused(
            f"{state.name} is {state.status} and still holds {names}",
            "`infragen destroy` shows what is left and removes it",
        )


def upload(session: Session, bucket: str, artifacts: Sequence[Artifact]) -> None:
    """Put into the bucket what is missing there."""
    for each in artifacts:
        if session.cloud.upload(bucket, each.key, each.body):
            session.ui.tell(Uploaded(bucket, each.key, len(each.body)))


# --- deploy -----------------------------------------------------------------------------------------------------


def deploy_environment(assembly: Assembly, session: Session, options: Options | None = None) -> Deployment:
    """Deploy an environment. Raises an InfragenError while nothing has started; afterwards failures are outcomes."""
    options = options or Options()
    return deploy_plan(make_plan(assembly, launch_values(assembly.environment, options)), session, options)


def deploy_plan(plan: StackLayout, session: Session, options: Options) -> Deployment:
    """Deploy the units of a plan, as `deploy_environment`.

    With `wait` it plans again where another run comes first between the look at the stacks and the first thing that it
    does itself: no run is mixed with it, and none is undone by a plan that is older.
    """
    return planned_again(
        session, plan.environment, options.wait,
        lambda left, before: _deploy_once(plan, session, replace(options, wait=left), before),
    )  # fmt: skip


def _deploy_once(plan: StackLayout, session: Session, options: Options, before: Observed | None) -> Deployment:
    observed = observe_finished(session, plan, options, before)
    with ChangeSetCleanup(session) as leftovers:
        with overtaken(session, plan, observed):
            proposal = propose(session, plan, observed, options, making(session, plan, options, leftovers), stops=True)
            shown = proposal.shown
            session.ui.tell(Planned(shown))
            if options.on_failure == "keep":
                refuse_replacements(session, observed, proposal.prepared)
            warn_of_login(session, plan.environment, proposal.prepared)
            ask(session, shown, options.approval(plan.environment, shown), proposal.raised)
        if shown.changed:
            upload(session, plan.bucket, list(options.code.values()))
        ended = Run(session, plan, options, leftovers, proposal, observed, agreed_to(shown)).walk()
    if shown.changed and ended.exit_code == 0:
        record_deployment(session, plan.environment, launch_values(plan.environment, options), shown.image_tag)
    return ended


def observe_finished(session: Session, plan: StackLayout, options: Options, before: Observed | None = None) -> Observed:
    """Return what is deployed, after what runs has ended: an operation of an earlier run, or of others when they are
    waited for, those of runs that changed a stack since `before` among them. Raises an InfragenError when it may not be
    changed.
    """
    observed = observe(session, plan.environment)
    if options.wait is not None:
        [observed] = run_concurrently([wait_for_others(session, plan, observed, options.wait)], session.timer)
    check_names_alike(session, plan.environment, observed, options.adopt)
    check_stacks(session, plan, observed, options.adopt)
    runs = runs_of(session, plan, observed, before) if options.wait is not None else frozenset()
    observed = _finish_earlier_run(session, plan, observed, options)
    began = session.timer.now()
    while runs and options.wait is not None:
        left = options.wait - (session.timer.now() - began)
        [again] = run_concurrently([goes_on(session, plan, runs, left)], session.timer)
        observed = observe(session, plan.environment)
        check_stacks(session, plan, observed, options.adopt)
        if not again:
            break
        observed = _finish_earlier_run(session, plan, observed, options)
    return observed


def warn_of_login(session: Session, env: Environment, prepared: Sequence[Prepared]) -> None:
    """Warn of credentials that end soon. CloudFormation works with a session made of ours, unless the stack has a role
    (User Guide, "AWS CloudFormation service role"); when ours ends, so does its work (eksctl-io/eksctl#7095).
    """
    lent = [each for each in prepared if not each.examined.unchanged and not _has_role(each.examined.state)]
    if lent and not env.iam.service_role_arn and session.cloud.expires_within(SHORT_LOGIN):
        session.ui.tell(
            Warned(
                "the credentials in use end within half an hour, and CloudFormation works with them: "
                "log in again before a longer deployment"
            )
        )


def _has_role(state: StackState | None) -> bool:
    return state is not None and bool(state.role_arn)


def _finish_earlier_run(session: Session, plan: StackLayout, observed: Observed, options: Options) -> Observed:
    """Follow operations that an earlier, killed run started, then looks again."""
    left = {unit.layer: (unit, observed.by_name[unit.stack]) for unit in plan.units if unit.stack in observed.by_name}
    left = {layer: pair for layer, pair in left.items() if running(pair[1].status)}
    if not left:
        return observed
    for _, state in left.values():
        session.ui.tell(Warned(f"waiting: {what_runs(session.cloud, state)}; this run follows it, then continues"))
    stops = [Task(layer, unit.stack, ()) for layer, (unit, _) in left.items()]

    def again(layer: str) -> Operation:
        unit, state = left[layer]
        follow = resume_deletion if state.status == "DELETE_IN_PROGRESS" else resume
        return (yield from follow(session, target_of(unit), state))

    run_policy = RunPolicy(
        options.follow_timeout, on_interrupt=options.on_interrupt,
        cancel=lambda layer: cancel(session, left[layer][1].stack_id),
    )  # fmt: skip
    ended = walk(stops, again, session.ui, session.timer, run_policy)
    if ended.interrupted:
        raise KeyboardInterrupt
    for each in ended.outcomes:
        if isinstance(each, Unknown):
            raise OutcomeUnknown(each.message, "`infragen follow` follows it to its end")
    observed = observe(session, plan.environment)
    check_stacks(session, plan, observed, options.adopt)
    return observed
