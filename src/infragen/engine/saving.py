"""Plans that are saved, reviewed and deployed later: exactly as they were shown, or not at all.

The change sets of a saved plan stay in AWS until it expires. Plans that are made in between leave them alone; a
deployment of the same stacks makes AWS delete them. Whoever deploys a saved plan has agreed to what it shows.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime

from infragen import __version__
from infragen.assembly.stacks import StackLayout, StackUnit, make_plan
from infragen.assembly.synth import Assembly
from infragen.changes.comparison import LayerSides, Side
from infragen.cloud.cloudformation import GOING, SUCCESS, ChangeSet, StackState
from infragen.config import Environment
from infragen.engine.at_commit import record_deployment
from infragen.engine.change_set_cleanup import ChangeSetCleanup
from infragen.engine.deploy import Making, making, observe_finished, observe_settled, propose, upload, warn_of_login
from infragen.engine.drift import with_drift
from infragen.engine.gate import Agreed, agreed_to, refuse, refuse_interruptions, refuse_raised
from infragen.engine.observe import Observed, maker_of
from infragen.engine.operate import all_changes, saved_until
from infragen.engine.options import Options, launch_values
from infragen.engine.preview import Examined, Prepared, told
from infragen.engine.progress import Planned, Session
from infragen.engine.run import Deployment, Proposal, Run
from infragen.engine.stack_safety import StackSafety, left_out
from infragen.errors import Conflict, Refused
from infragen.plan.model import EnvironmentPlan
from infragen.plan.saved import Later, SavedPlan, SavedUnit, content_digest, digest, shape
from infragen.plan.seal import new_secret, public_part, public_part_of, sign
from infragen.secrecy.masking import sealed
from infragen.secrecy.shown import KnownAfter

# --- saving -----------------------------------------------------------------------------------------------------


def save_plan(
    assembly: Assembly,
    session: Session,
    options: Options,
    seconds: float,
    write: Callable[[SavedPlan], None],
) -> EnvironmentPlan:
    """Plan, and keep the change sets for so many seconds. `write` gets what belongs into the file. The change sets say
    that the run which made them is the public part of the plan's seal.

    Raises Refused for a plan that would destroy data without its own permission: there is nothing to review in it.
    """
    plan = make_plan(assembly, launch_values(assembly.environment, options))
    observed = observe_settled(session, plan, options)
    made = int(session.timer.date())
    until = made + int(seconds)
    secret = new_secret()
    session = replace(session, run=public_part(secret))
    with ChangeSetCleanup(session) as leftovers:
        proposal = propose(session, plan, observed, options, making(session, plan, options, leftovers, until))
        shown = proposal.shown
        if options.drift:
            shown = with_drift(session, plan, observed, shown)
        session.ui.tell(Planned(shown))
        refuse(shown.refusals)
        proposal.order.refuse()
        refuse_interruptions(shown.interruptions, options.worst(plan.environment, shown))
        upload(session, plan.bucket, list(options.code.values()))
        rows = {each.layer: {change.place: shape(change) for change in each.changes} for each in shown.stacks}
        units = tuple(_unit(session, observed, each, proposal.sides, rows) for each in proposal.prepared)
        if shown.stacks_change and not any(each.change_set_id for each in units):
            raise Refused(
                f"no change set of {plan.environment.environment} can wait: a failed stack has to be removed first",
                "`infragen deploy` does all of it at once, `infragen recover` removes what failed",
            )
        saved = replace(
            _saved(plan, proposal, options, units, made, until), commit=session.revision[0], clean=session.revision[1]
        )
        write(replace(saved, seal=sign(secret, content_digest(saved)), sealed_for=public_part(secret)))
        for unit in units:
            leftovers.keep(unit.change_set_id)
    return shown


def _saved(
    plan: StackLayout, proposal: Proposal, options: Options, units: tuple[SavedUnit, ...], made: int, until: int
) -> SavedPlan:
    shown = proposal.shown
    agreed = agreed_to(shown)
    return SavedPlan(
        infragen=__version__,
        environment=plan.environment.environment,
        account=shown.account,
        region=shown.region,
        made=made,
        expires=until,
        file=environment_digest(plan.environment),
        templates=template_digests(plan),
        values=launch_values(plan.environment, options),
        allow_replace=tuple(sorted(options.allow_data_loss | left_out(proposal.safety, shown.stacks))),
        max_interruption=options.worst(plan.environment, shown),
        adopt=options.adopt,
        nested=options.nested,
        summary=f"{len(shown.changes())} changes",
        at=bool(options.at),
        release=shown.release,
        lost=tuple(sorted(agreed.lost)),
        wider=tuple(sorted(agreed.wider)),
        units=units,
    )


def environment_digest(env: Environment) -> str:
    """Return the digest of an environment file's content: comments, order and defaults that are written out do not
    count.
    """
    return digest(env.model_dump(mode="json"))


def template_digests(plan: StackLayout) -> dict[str, str]:
    """Return the digests of all templates, by layer."""
    own = {unit.layer: digest(unit.text) for unit in plan.units}
    return own | {child.layer: child.digest for unit in plan.units for child in unit.children.values()}


def _unit(
    session: Session,
    observed: Observed,
    prepared: Prepared,
    sides: Mapping[str, LayerSides],
    rows: Mapping[str, Mapping[str, tuple[str, ...]]],
) -> SavedUnit:
    examined, change_set = prepared.examined, prepared.change_set
    used = change_set if change_set is not None and not examined.unchanged else None
    state = session.cloud.stack(used.stack_id) if used and examined.state is None else examined.state
    later = () if used else tuple(_later(sides[examined.unit.layer]))
    return SavedUnit(
        layer=examined.unit.layer,
        stack=examined.unit.stack,
        action=examined.action,
        stack_id=state.stack_id if state else "",
        updated=_updated(state),
        nested=_inside(observed, state),
        change_set_id=used.change_set_id if used else "",
        changes=_digest_of(session, examined.unit, used) if used else "",
        parameters=_visible_values(examined),
        later=later,
        rows={} if used else rows.get(examined.unit.layer, {}),
    )


def _updated(state: StackState | None) -> str:
    """Return when a stack was updated last, or made; empty for one that does not exist but for its change sets."""
    if state is None or state.status == "REVIEW_IN_PROGRESS":
        return ""
    time = state.updated or state.created
    return time.isoformat() if time else ""


def _inside(observed: Observed, state: StackState | None) -> dict[str, str]:
    inside = (each for each in observed.by_id.values() if state and each.parent_id == state.stack_id)
    return {each.stack_id: _updated(each) for each in inside if each.status != "REVIEW_IN_PROGRESS"}


def _digest_of(session: Session, unit: StackUnit, change_set: ChangeSet) -> str:
    """Return the digest of all rows of a change set and of its nested ones."""
    return digest([asdict(each) for each in all_changes(session.cloud, change_set, unit.layer, unit.child_layer)])


def _visible_values(examined: Examined) -> dict[str, str]:
    """Return the parameters that are given as they are; secrets are left out."""
    return {
        name: value for name, value in sealed(examined.unit.body, examined.parameters).items() if isinstance(value, str)
    }


def _later(sides: LayerSides) -> Iterator[Later]:
    for name, value in sides.after.values.items():
        if isinstance(value, KnownAfter):
            yield Later(name, value.layer, value.name, sides.before.values.get(name) == value)


# --- deploying --------------------------------------------------------------------------------------------------


def deploy_saved(assembly: Assembly, session: Session, saved: SavedPlan, options: Options, name: str) -> Deployment:
    """Deploy a saved plan, called `name`, without asking: it was reviewed.

    Raises Refused for another account or region, Conflict when anything moved since it was saved. What an earlier run
    of the same plan has done already is not done again.
    """
    plan = make_plan(assembly, saved.values)
    _check_place(plan.environment, saved, name)
    _check(name, saved, _moved_here(plan, saved, session.timer.date()))
    options = replace(
        options, allow_data_loss=frozenset(saved.allow_replace), adopt=saved.adopt, nested=saved.nested,
        max_interruption=saved.max_interruption, release=False,
    )  # fmt: skip
    observed = observe_finished(session, plan, options)
    units = {each.layer: each for each in saved.units}
    done = {layer for layer, unit in units.items() if _is_done(saved, unit, observed.by_name.get(unit.stack))}
    if saved.release is not None and saved.release.before not in done:
        options = replace(options, release=True)
    left = [each for each in saved.units if each.layer not in done]
    sets = {each.layer: session.cloud.change_set(each.change_set_id, each.stack) for each in left if each.change_set_id}
    moved = [text for each in left for text in _moved(each, observed, sets.get(each.layer))]
    signed = _signed_sets(session, saved, sets, done)
    _check(name, saved, moved + _changed_since(saved, signed))
    with ChangeSetCleanup(session) as leftovers:
        quieted: list[str] = []
        taking = _taking(session, plan, units, sets, saved.nested, quieted)
        proposal = propose(session, plan, observed, options, taking, stops=True)
        prepared, release = proposal.prepared, proposal.shown.release
        other = [text for each in prepared for text in _differs(session, each, units, done)]
        if (proposal.shown.changed or quieted) and not signed:
            other += [f"{each} would change, and the plan says that it does not" for each in quieted]
            other.append(UNPROVEN)
        if release is not None and release != saved.release:
            other.append(f"the image {release.tag} is {release.digest}, another one than when the plan was saved")
        _check(name, saved, other)
        session.ui.tell(Planned(proposal.shown))
        refuse(proposal.shown.refusals)
        refuse_interruptions(proposal.shown.interruptions, options.worst(plan.environment, proposal.shown))
        refuse_raised(proposal.raised)
        warn_of_login(session, plan.environment, prepared)
        for each in prepared:
            if each.change_set is not None:
                leftovers.made(each.change_set.change_set_id, each.change_set.stack_id)
        proposal = replace(proposal, sides=_remembered(proposal.sides, units))
        rows = {layer: unit.rows for layer, unit in units.items()}
        agreed = Agreed(frozenset(saved.lost), frozenset(saved.wider), rows)
        ended = Run(session, plan, options, leftovers, proposal, observed, agreed, saved.expires).walk()
    if proposal.shown.changed and ended.exit_code == 0:
        record_deployment(session, plan.environment, saved.values, proposal.shown.image_tag)
    return ended


def _check_place(env: Environment, saved: SavedPlan, name: str) -> None:
    for what, here in (("environment", env.environment), ("account", env.account), ("region", env.region)):
        there = getattr(saved, what)
        if there != here:
            raise Refused(
                f"{name} is a plan for {what} {there}; the environment file says {here}",
                "deploy it with the file that it was made from, or create a new one with `infragen plan --out FILE`",
            )


UNPROVEN = "no change set of it is left in AWS: nothing proves that it is the plan that was saved"


def _signed_sets(
    session: Session, saved: SavedPlan, sets: Mapping[str, ChangeSet | None], done: Collection[str]
) -> list[ChangeSet]:
    """Return the change sets whose descriptions hold the public part of the plan's seal: those that wait, or else those
    that an earlier run of it executed. Without one nobody knows who signed the plan: anybody can make a pair of keys.
    """
    found = [each for each in sets.values() if each is not None]
    if not found:
        began = (each for each in saved.units if each.layer in done and each.change_set_id)
        found = [each for unit in began if (each := session.cloud.change_set(unit.change_set_id, unit.stack))]
    return found


def _changed_since(saved: SavedPlan, signed: Sequence[ChangeSet]) -> list[str]:
    """Return whether the file is another one than was signed for the change sets that wait, or that it was started
    with. A plan that changes a stack has one.
    """
    public = public_part_of(saved.seal, content_digest(saved))
    if any(maker_of(each.description) != public for each in signed):
        return ["the file was changed after it was saved: its change sets were made for another plan"]
    return [UNPROVEN] if not signed and any(each.action != "none" for each in saved.units) else []


def _check(name: str, saved: SavedPlan, moved: Sequence[str]) -> None:
    if moved:
        lines = "\n".join(f"  {each}" for each in moved)
        command = f"`infragen plan --env {saved.environment} --out {shlex.quote(name)}`"
        hint = f"make a new one: {command}; nothing was changed"
        raise Conflict(f"the plan {name} is stale:\n{lines}", hint)


def _moved_here(plan: StackLayout, saved: SavedPlan, now: float) -> list[str]:
    """Return what moved on our side: time, infragen, the environment file, the templates."""
    found = []
    if now > saved.expires:
        found.append(f"it expired at {at(saved.expires)}")
    if saved.infragen != __version__:
        found.append(f"it was made by infragen {saved.infragen}; this is {__version__}")
    if saved.file != environment_digest(plan.environment):
        found.append(f"the environment file of {saved.environment} is another one than when it was made")
    here = template_digests(plan)
    named, wanted = {each.layer for each in saved.units}, {each.layer for each in plan.units}
    if named != wanted:
        found.append(f"it names other stacks than the environment has: {', '.join(sorted(named ^ wanted))}")
    layers = [each for each in {**saved.templates, **here} if saved.templates.get(each) != here.get(each)]
    if layers:
        found.append(f"templates are rendered otherwise: {', '.join(layers)}")
    return found


def made_of(saved: SavedPlan) -> str:
    """Return when a plan was made and of what, and until when it can be deployed."""
    tree = "a clean work tree" if saved.clean else "a work tree with changes that are in no commit"
    tree = "which describes the environment (--at)" if saved.at else tree
    origin = f"from commit {saved.commit[:12]}, {tree}" if saved.commit else "outside of a git work tree"
    return f"made {at(saved.made)} {origin}; expires {at(saved.expires)}"


def at(seconds: float) -> str:
    """Return a time for people."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _is_done(saved: SavedPlan, unit: SavedUnit, state: StackState | None) -> bool:
    """Return whether this very plan was deployed to the stack before. What had to wait got a change set of its name
    then.
    """
    if state is None or state.status not in SUCCESS or unit.action == "none":
        return False
    if unit.change_set_id:
        return state.change_set_id == unit.change_set_id
    return saved_until(state.change_set_id.rpartition("changeSet/")[2]) == saved.expires


def _moved(unit: SavedUnit, observed: Observed, change_set: ChangeSet | None) -> Iterator[str]:
    """Yield what happened to a stack, or to one nested in it, since the plan was saved."""
    state = observed.by_name.get(unit.stack)
    if state is None or state.stack_id != unit.stack_id:
        if unit.stack_id or state is not None:
            yield f"{unit.stack} {'was deleted' if state is None else 'was created again, or exists now'}"
        return
    if unit.change_set_id and state.change_set_id == unit.change_set_id and state.status != "REVIEW_IN_PROGRESS":
        yield f"{unit.stack}: it was deployed already and ended as {state.status}"
    elif _updated(state) != unit.updated:
        by = state.change_set_id.rpartition("changeSet/")[2].partition("/")[0]
        when = state.updated or state.created
        yield (
            f"{unit.stack} was updated at {when:%Y-%m-%d %H:%M:%S} UTC{f' by the change set {by}' if by else ''} "
            f"({state.status})"
        )
    elif inside := [key for key, value in _inside(observed, state).items() if unit.nested.get(key) != value]:
        names = ", ".join(observed.by_id[each].name for each in inside)
        yield f"{unit.stack}: the stacks nested in it were updated: {names}"
    elif unit.change_set_id and (change_set is None or not change_set.executable):
        how = "gone" if change_set is None or change_set.status in GOING else change_set.execution_status
        yield f"{unit.stack}: its change set is {how}; executing another one, or updating the stack, does that"
    elif change_set is not None and change_set.stack_id != unit.stack_id:
        yield f"{unit.stack}: its change set is one of {change_set.stack_id}"


def _taking(
    session: Session,
    plan: StackLayout,
    units: Mapping[str, SavedUnit],
    sets: Mapping[str, ChangeSet | None],
    nested: bool,
    quieted: list[str],
) -> Making:
    """Change sets are taken as they were saved; a stack without one waits, or has nothing to do (any more). `quieted`
    gets the stacks whose templates are other ones than those deployed, although the plan says that nothing is done.
    """

    def take(examined: Examined, _: StackSafety) -> Generator[None, None, Prepared]:
        yield from ()
        layer = examined.unit.layer
        change_set, unit = sets.get(layer), units[layer]
        if change_set is not None:
            return told(session, plan, examined, change_set, nested and change_set.nested is not False)
        if unit.change_set_id or unit.action == "none" or examined.unchanged:
            if unit.action == "none" and any(each.changes for each in examined.plans):
                quieted.append(unit.stack)
            quiet = tuple(replace(each, action="none", changes=()) for each in examined.plans)
            return Prepared(replace(examined, action="none", plans=quiet))
        return Prepared(examined)

    return take


def _differs(session: Session, prepared: Prepared, units: Mapping[str, SavedUnit], done: set[str]) -> Iterator[str]:
    """Yield whether a stack would get something else than what was saved."""
    unit, examined = units[prepared.examined.unit.layer], prepared.examined
    if examined.unit.layer in done:
        return
    if unit.action != examined.action:
        yield f"{unit.stack} would be another kind of operation: {unit.action} -> {examined.action}"
    if prepared.change_set is not None and _digest_of(session, examined.unit, prepared.change_set) != unit.changes:
        yield f"{unit.stack}: its change set holds other changes than those that were shown"


def _remembered(sides: Mapping[str, LayerSides], units: Mapping[str, SavedUnit]) -> dict[str, LayerSides]:
    """Return the templates of waiting stacks with the values that were not known when the plan was shown."""
    found = dict(sides)
    for layer, unit in units.items():
        if unit.later:
            values = {each.name: KnownAfter(each.layer, each.output) for each in unit.later}
            kept = {each.name: values[each.name] for each in unit.later if each.kept}
            before, after = sides[layer].before, sides[layer].after
            found[layer] = LayerSides(
                layer,
                Side(before.body, {**before.values, **kept}),
                Side(after.body, {**after.values, **values}),
            )
    return found
