"""What a deployment will do to each stack: deployed templates against rendered ones, and change sets where they can be.

The comparison of templates is made for every unit and needs no change in AWS. A change set is made for a unit whose
values are all known; its rows, AWS's own, then stand instead of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from infragen.assembly.stacks import BESIDE, Kept, OutputOf, StackLayout, StackUnit, role_of
from infragen.assembly.synth import LayerTemplate
from infragen.assembly.templatefile import parse_deployed
from infragen.changes.comparison import EMPTY, OPAQUE, LayerSides, Side, compare, contradicted, differing
from infragen.changes.stack_tags import as_written, inherited
from infragen.changes.values import same
from infragen.cloud.cloudformation import ChangeSet, OnDeploy, PropertyChange, Source, StackRows, StackState, row
from infragen.cloud.protocol import UNREADABLE, ChangeSetRequest, Cloud, PreviousValue, unreadable_hint
from infragen.cloud.template import STACK_TYPE
from infragen.engine.nested_sets import (
    Unevaluated,
    read_to_end,
    real_failures,
    refused_words,
    unevaluated,
)
from infragen.engine.next_steps import OTHER_TYPE, before_again
from infragen.engine.observe import Observed, deployed_body, described
from infragen.engine.operate import all_changes, failed_reason, make_change_set, new_name, saved_name
from infragen.engine.output_check import check_templates
from infragen.engine.progress import Preparing, Session, Warned
from infragen.engine.stack_safety import StackSafety
from infragen.errors import CloudError, Conflict, InfragenError, OperationFailed
from infragen.plan.model import StackPlan
from infragen.secrecy.masking import sealed
from infragen.secrecy.shown import KnownAfter

ACTIONS = {
    OnDeploy.CREATE: "create",
    OnDeploy.UPDATE: "update",
    OnDeploy.RECREATE: "recreate",
    OnDeploy.CONTINUE: "continue",
}
MANY_SETS, TOO_MANY_SETS = 500, 900
"""Change sets of one nested stack, never executed, from which on we warn, and from which on no more are created.

ListChangeSets lists no others (recorded: localstack/localstack, test_change_sets.py::test_list_change_sets, 2025-09).
"""


@dataclass(frozen=True)
class Examined:
    """A unit against what is deployed. `parameters` are what a change set would get; `waits_for` says which layers'
    outputs are missing for it. `plans` begins with the unit's own stack; nested ones follow. `sides` are the templates
    of its layers, deployed and rendered.
    """

    unit: StackUnit
    state: StackState | None
    action: str
    parameters: Mapping[str, str | PreviousValue]
    waits_for: tuple[str, ...]
    plans: tuple[StackPlan, ...]
    moved: frozenset[str] = frozenset()
    sides: tuple[LayerSides, ...] = ()

    @property
    def live(self) -> StackState | None:
        """Return the stack, when it is there to be updated."""
        return self.state if self.action in ("update", "continue", "none") else None

    @property
    def unchanged(self) -> bool:
        """Return whether there is nothing to do."""
        return self.action == "none"


@dataclass(frozen=True)
class KnownOutputs:
    """The stacks that exist, by unit, with outputs as far as they are known to stay."""

    outputs: Mapping[str, str] = field(default_factory=dict)
    moved: frozenset[str] = frozenset()


def examine_all(session: Session, plan: StackLayout, observed: Observed) -> tuple[Examined, ...]:
    """Return every unit in order; what an earlier one will change is not known to the later ones."""
    known: dict[str, KnownOutputs] = {}
    found = []
    for unit in plan.units:
        state = observed.by_name.get(unit.stack)
        examined = examine(session.cloud, unit, state, known, observed.by_id, plan.environment.region)
        known[unit.layer] = KnownOutputs(state.outputs if state else {}, examined.moved)
        found.append(examined)
    return tuple(found)


def examine(
    cloud: Cloud,
    unit: StackUnit,
    state: StackState | None,
    known: Mapping[str, KnownOutputs],
    by_id: Mapping[str, StackState],
    region: str,
) -> Examined:
    """Return one unit against its deployed stack: what would change, as far as templates and parameters tell."""
    action = ACTIONS.get(row(state.status).deploy if state else OnDeploy.CREATE, "update")
    live = state if state is not None and action in ("update", "continue") else None
    parameters, missing = resolve(unit, live, known)
    body: Mapping[str, Any] = unit.body
    old_body = _deployed(cloud, live, unit.text, body) if live else {}
    old = Side(old_body, _comparable(old_body, live.parameters if live else {}))
    new = Side(body, effective(body, {**parameters, **missing}, live.parameters if live else {}))
    waits_for = tuple(dict.fromkeys(each.layer for each in missing.values()))
    tags = differing(as_written(live.tags if live else {}, unit.tags), unit.tags)
    sides = LayerSides(unit.layer, old, new, region, tags)
    own, moved = _planned(sides, unit.stack, action, sides.parameters, waits_for=waits_for)
    alike = same(_counted(old.body), _counted(new.body))
    if live and action == "update" and not (own.parameters or own.tags or waits_for) and alike:
        below = tuple(_compare_children(cloud, unit, live, new, by_id, region))
        if all(each.action == "none" for each in below):
            plans = (replace(own, action="none", changes=()), *below)
            return Examined(unit, state, "none", parameters, (), plans, sides=_same_sides(unit, new))
    children = tuple(_examine_children(cloud, unit, old, new, by_id, region, live))
    plans = (own, *(plan for plan, _ in children))
    every = (sides, *(inner for _, inner in children))
    return Examined(unit, state, action, parameters, waits_for, plans, moved, every)


def _planned(
    sides: LayerSides,
    stack: str,
    action: str,
    parameters: tuple[PropertyChange, ...],
    *,
    waits_for: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> tuple[StackPlan, frozenset[str]]:
    """Return what happens to a stack by the comparison of templates, and its outputs that move."""
    found = compare(sides)
    plan = StackPlan(
        sides.layer, stack, action, found.rows,
        parameters=parameters,
        tags=sides.tags,
        outputs=sides.outputs,
        waits_for=waits_for,
        notes=notes,
        details=sides.details if sides.before.body else (),
    )  # fmt: skip
    return plan, found.moved


ALONE = ("Description", "Metadata")
"""Sections that cannot be updated by themselves (User Guide, "Template Description", "Template Metadata"): a change set
for them would be made, found empty and deleted with each deployment."""


def _counted(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: section for name, section in body.items() if name not in ALONE}


def _compare_children(
    cloud: Cloud, unit: StackUnit, root: StackState, own: Side, by_id: Mapping[str, StackState], region: str
) -> Iterator[StackPlan]:
    """Yield the nested stacks of a root that is as it should be, each against what the root hands it.

    They can be otherwise all the same: somebody updated one directly, or a continued rollback skipped it.
    """
    ids = _nested_ids(cloud, unit, root, by_id) if unit.children and by_id else {}
    found = _examine_children(cloud, unit, own, own, by_id, region, root) if len(ids) == len(unit.children) else ()
    plans = {plan.layer: plan for plan, _ in found}
    for name, child in unit.children.items():
        yield plans.get(child.layer, StackPlan(child.layer, f"{unit.stack}/{name}", "none"))


def _nested_ids(cloud: Cloud, unit: StackUnit, root: StackState, by_id: Mapping[str, StackState]) -> dict[str, str]:
    """Return the ARNs of nested stacks that exist, by logical id: by their tags where these tell of all, else as
    listed.
    """
    inside = {each.tags.get("Layer", ""): each.stack_id for each in by_id.values() if each.parent_id == root.stack_id}
    found = {name: inside[child.layer] for name, child in unit.children.items() if child.layer in inside}
    if len(found) < len(unit.children):
        listed = {each.logical_id: each.physical_id for each in cloud.resources(root.stack_id)}
        found = {name: stack_id for name, stack_id in listed.items() if stack_id in by_id and name in unit.children}
    return found


LATER = "updated after its root stack and not through it"
"""What is said of a nested stack that somebody updated directly."""


def _updated_directly(cloud: Cloud, root: StackState, children: Sequence[StackState]) -> frozenset[str]:
    """Return the ARNs of nested stacks that were updated after the last operation on their root had ended, by AWS's
    clock.
    """
    if root.updated is None and not any(each.updated for each in children):
        return frozenset()
    newest = next(iter(cloud.events(root.stack_id).events), None)
    if newest is None:
        return frozenset()
    return frozenset(each.stack_id for each in children if each.updated and each.updated > newest.time)


def _same_sides(unit: StackUnit, own: Side) -> tuple[LayerSides, ...]:
    """Return the templates of an unchanged unit, which are the deployed ones, with what the root hands
    to each layer.
    """
    found = [LayerSides(unit.layer, own, own)]
    nested = own.resources if unit.children else {}
    for name, child in unit.children.items():
        given = nested[name].get("Properties", {}).get("Parameters", {})
        known = {key: value for key, value in given.items() if isinstance(value, str)}
        side = Side(child.body, effective(child.body, known, {}))
        found.append(LayerSides(child.layer, side, side))
    return tuple(found)


def resolve(
    unit: StackUnit, live: StackState | None, known: Mapping[str, KnownOutputs]
) -> tuple[dict[str, str | PreviousValue], dict[str, KnownAfter]]:
    """Return the unit's parameters as a change set takes them, and those that must wait for another layer."""
    ready: dict[str, str | PreviousValue] = {}
    missing = {}
    for name, value in unit.parameters.items():
        match value:
            case OutputOf(layer, output):
                upstream = known.get(layer, KnownOutputs())
                if output in upstream.outputs and output not in upstream.moved:
                    ready[name] = upstream.outputs[output]
                else:
                    missing[name] = KnownAfter(layer, output)
            case Kept():
                if live is not None and name in live.parameters:
                    ready[name] = PreviousValue()
            case str():
                ready[name] = value
    return ready, missing


def _deployed(cloud: Cloud, state: StackState, text: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the deployed template, to be compared with `body`, which is what reading its own `text` would give."""
    deployed = cloud.template(state.stack_id)
    return body if deployed == text else parse_deployed(deployed, state.name)


def deployed_side(cloud: Cloud, state: StackState) -> Side:
    """Return a deployed stack's template, with the parameter values that can be compared."""
    body = deployed_body(cloud, state)
    return Side(body, _comparable(body, state.parameters))


def effective(
    body: Mapping[str, Any], given: Mapping[str, str | PreviousValue | KnownAfter], previous: Mapping[str, str]
) -> dict[str, object]:
    """Return the values a template's parameters will have: given, previous, or default."""
    values: dict[str, object] = {}
    for name, declared in body.get("Parameters", {}).items():
        value = given.get(name, declared.get("Default"))
        if isinstance(value, PreviousValue):
            value = previous.get(name)
        if value is not None:
            values[name] = value if isinstance(value, KnownAfter) else str(value)
    return _comparable(body, values)


def _comparable(body: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, object]:
    """Return the values that can be compared, those that must not be shown sealed."""
    declared = body.get("Parameters", {})
    known = {
        name: value
        for name, value in values.items()
        if name in declared and not str(declared[name].get("Type", "")).startswith(OPAQUE)
    }
    return sealed(body, known)


# --- nested stacks ----------------------------------------------------------------------------------------------


def _examine_children(
    cloud: Cloud,
    unit: StackUnit,
    old: Side,
    new: Side,
    by_id: Mapping[str, StackState],
    region: str,
    live: StackState | None,
) -> Iterator[tuple[StackPlan, LayerSides]]:
    """Yield the nested stacks of a unit, in deployment order: each against its own deployed template."""
    before, after = old.resources, new.resources
    if not unit.children and not any(each["Type"] == STACK_TYPE for each in before.values()):
        return
    if live and old is new:
        ids = _nested_ids(cloud, unit, live, by_id)
    else:
        ids = {each.logical_id: each.physical_id for each in cloud.resources(live.stack_id)} if live else {}
    present = [by_id[each] for each in ids.values() if each in by_id]
    later = _updated_directly(cloud, live, present) if live and present else frozenset()
    skipped = live is not None and live.status == "UPDATE_ROLLBACK_COMPLETE"  # a continued rollback may leave some out
    outputs: dict[str, KnownOutputs] = {}
    for name, child in unit.children.items():
        state = by_id.get(ids.get(name, ""))
        written = after[name].get("Properties", {}).get("Parameters", {})
        given = _wired(written, outputs, unit)
        if old is new:  # what only CloudFormation can evaluate is as it was
            given = {key: PreviousValue() if isinstance(value, dict | list) else value for key, value in given.items()}
        same_url = _url(before.get(name)) == _url(after.get(name))
        own = as_written(live.tags if live else {}, unit.tags)
        tags = differing(inherited(own, before.get(name)), inherited(unit.tags, after[name]))
        known = same_url and not skipped and (state is None or state.stack_id not in later)
        notes = (LATER,) if state is not None and state.stack_id in later else ()
        sides = _sides_of(cloud, child, state, given, known, tags, region, dict(_sources(written, unit)))
        plan, moved = _examine_child(child, state, sides, same_url, notes)
        outputs[name] = KnownOutputs(state.outputs if state else {}, moved)
        yield plan, sides
    for name, resource in before.items():
        gone = by_id.get(ids.get(name, ""))
        if resource["Type"] == STACK_TYPE and name not in after and gone is not None:
            layer = unit.child_layer(unit.layer, name)
            sides = LayerSides(layer, deployed_side(cloud, gone), EMPTY, region)
            yield StackPlan(layer, gone.name, "delete", compare(sides).rows), sides


def _url(resource: Mapping[str, Any] | None) -> object:
    return resource["Properties"].get("TemplateURL") if resource else None


def _sources(parameters: Mapping[str, Any], unit: StackUnit) -> Iterator[tuple[str, KnownAfter]]:
    """Yield the sibling's output that feeds each of a nested stack's parameters that has one."""
    for name, value in parameters.items():
        if isinstance(value, dict) and "Fn::GetAtt" in value:
            sibling, _, output = ".".join(value["Fn::GetAtt"]).partition(".Outputs.")
            yield name, KnownAfter(unit.child_layer(unit.layer, sibling), output)


def _wired(parameters: Mapping[str, Any], outputs: Mapping[str, KnownOutputs], unit: StackUnit) -> dict[str, Any]:
    """Return a nested stack's parameters with the outputs of its siblings in their places, as far as
    those are known.
    """
    found = dict(parameters)
    by_layer = {unit.child_layer(unit.layer, name): known for name, known in outputs.items()}
    for name, source in _sources(parameters, unit):
        known = by_layer.get(source.layer, KnownOutputs())
        later = source.name in known.moved or source.name not in known.outputs
        found[name] = source if later else known.outputs[source.name]
    return found


def _sides_of(
    cloud: Cloud,
    child: LayerTemplate,
    state: StackState | None,
    given: Mapping[str, Any],
    known: bool,
    tags: tuple[PropertyChange, ...],
    region: str,
    wired: Mapping[str, KnownAfter],
) -> LayerSides:
    """Return a nested stack before and after; `known` says that its deployed template is the rendered one."""
    body: Mapping[str, Any] = child.body
    if state is None:
        return LayerSides(child.layer, EMPTY, Side(body, effective(body, given, {})), region, wired=wired)
    old_body = body if known else _deployed(cloud, state, child.text, body)
    old = Side(old_body, _comparable(old_body, state.parameters))
    return LayerSides(child.layer, old, Side(body, effective(body, given, state.parameters)), region, tags, wired)


def _examine_child(
    child: LayerTemplate, state: StackState | None, sides: LayerSides, same_url: bool, notes: tuple[str, ...]
) -> tuple[StackPlan, frozenset[str]]:
    """Return what happens to a nested stack, and its outputs that move."""
    layer, body = child.layer, child.body
    if state is None:
        plan = StackPlan(layer, "", "create", compare(sides).rows, parameters=sides.parameters, notes=notes)
        return plan, frozenset(body.get("Outputs", {}))
    parameters = differing(_comparable(body, state.parameters), sides.after.values)
    if same_url and not parameters and not sides.tags and same(sides.before.body, body):
        return StackPlan(layer, state.name, "none", notes=notes), frozenset()
    return _planned(sides, state.name, "update", parameters, notes=notes)


# --- change sets ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prepared:
    """An examined unit with its change set, when one could be made and is not empty."""

    examined: Examined
    change_set: ChangeSet | None = None

    @property
    def plans(self) -> tuple[StackPlan, ...]:
        """Return what will happen to the unit's stacks."""
        return self.examined.plans


def prepare(
    session: Session,
    plan: StackLayout,
    examined: Examined,
    on_failure: str,
    made: Callable[[str, str], None],
    nested: bool = True,
    until: int = 0,
    safety: StackSafety | None = None,
) -> Generator[None, None, Prepared]:
    """Create the change set of an examined unit that needs one and whose values are all known.

    Without `nested` AWS is not asked about nested stacks. `until` is when the saved plan expires to which it belongs.
    `safety` is what the change set carries of what guards the stack.
    """
    unit = examined.unit
    if examined.unchanged or examined.waits_for or examined.action == "recreate":
        return Prepared(examined)
    session.ui.tell(Preparing(unit.layer, unit.stack))
    request = change_set_request(session, plan, examined, on_failure, safety or StackSafety())
    request = replace(request, nested=nested and _nested(session, examined))
    if until:
        request = replace(request, name=saved_name(until))
    found = yield from _evaluated(session, examined, request, made)
    if isinstance(found, ChangeSet):
        return told(session, plan, examined, found, request.nested)
    session.ui.tell(Warned(f"{unit.stack}: {BEFOREHAND}; a change set without nested ones is created instead"))
    request = replace(request, name=saved_name(until) if until else new_name(unit, examined.parameters), nested=False)
    change_set = yield from make_change_set(session, unit.layer, request, made)
    without = replace(found, sets=()) if until else found  # whoever deploys a saved plan has its change set alone
    return told(session, plan, examined, change_set, request.nested, without)


def _evaluated(
    session: Session, examined: Examined, request: ChangeSetRequest, made: Callable[[str, str], None]
) -> Generator[None, None, ChangeSet | Unevaluated]:
    """Create a change set, or says what AWS cannot evaluate of its nested ones, where it fails of that alone: it is
    deleted then. Raises OperationFailed when more is wrong with a nested one.
    """
    unit = examined.unit
    try:
        change_set = yield from make_change_set(session, unit.layer, request, made)
    except CloudError as error:
        refused = refused_words(unit, error.message) if request.nested else None
        if refused is None:
            raise
        return refused
    if not request.nested or change_set.status != "FAILED" or change_set.empty:
        return change_set
    sets = yield from read_to_end(session, unit, change_set)
    found = unevaluated(unit, change_set, sets)
    if found is None:
        reasons = [failed_reason(session, each.change_set, each.place) for each in real_failures(unit, sets)]
        reason = "; ".join(reasons) or failed_reason(session, change_set, unit.layer)
        raise _failed(examined, request.role, change_set, reason)
    with suppress(CloudError, Conflict):  # it is tried again at the end, and that tells what is left
        session.cloud.delete_change_set(change_set.change_set_id, change_set.stack_id)
    return found


BEFOREHAND = "AWS cannot evaluate its nested stacks before they are deployed"


def told(
    session: Session,
    plan: StackLayout,
    examined: Examined,
    change_set: ChangeSet,
    nested: bool,
    without: Unevaluated | None = None,
) -> Prepared:
    """Return an examined unit with what its change set says. Raises OperationFailed or CloudError for one that failed.

    Without `nested` the change set has none for nested stacks; `without` says why, and what AWS said of them before.
    """
    unit = examined.unit
    if change_set.empty:
        quiet = tuple(
            StackPlan(
                each.layer, each.stack, "none", source=Source.CHANGE_SET, disagreements=contradicted(each.changes)
            )
            for each in examined.plans
        )
        return Prepared(replace(examined, action="none", plans=quiet), change_set)
    if not (change_set.executable or change_set.status == "FAILED"):
        raise Conflict(
            f"the change set of {unit.stack} is {change_set.status}/{change_set.execution_status}, and not by us",
            "something else executed, overtook or deleted it; nothing was changed: run the same command again",
        )
    if not change_set.executable:
        role = role_of(plan.environment, unit.layer)
        raise _failed(examined, role, change_set, failed_reason(session, change_set, unit.layer))
    check_templates(session, unit, change_set)
    plans = with_change_set(session.cloud, plan.environment.region, examined, change_set, nested, without)
    return Prepared(replace(examined, plans=plans), change_set)


def _failed(examined: Examined, role: str, change_set: ChangeSet, reason: str) -> InfragenError:
    unit = examined.unit
    said = f"the change set of {unit.stack} is {change_set.status}/{change_set.execution_status}: {reason}"
    if any(each in reason for each in UNREADABLE):
        return CloudError(said, unreadable_hint(role or (examined.state.role_arn if examined.state else "")))
    fix = f"nothing was changed; {before_again(reason)} and run the same command again"
    if reason.startswith(f"{unit.layer}/") and not re.search(rf"/Resources/|[Vv]alidation|{OTHER_TYPE}", reason):
        fix += "; --no-nested-changes plans without asking AWS about nested stacks"
    return OperationFailed(said, fix)


def change_set_request(
    session: Session, plan: StackLayout, examined: Examined, on_failure: str, safety: StackSafety
) -> ChangeSetRequest:
    """Return CreateChangeSet's ingredients for a unit. What guards the stack is given where the stack has, or gets,
    any.
    """
    unit, first = examined.unit, examined.action in ("create", "recreate")
    safety = StackSafety() if unit.layer in BESIDE else safety
    rollback, topics = safety.rollback(examined.plans), safety.topics
    now = examined.live or StackState("", "", "")
    return ChangeSetRequest(
        stack=unit.stack if first or examined.state is None else examined.state.stack_id,
        name=new_name(unit, examined.parameters),
        kind="CREATE" if first else "UPDATE",
        parameters=examined.parameters,
        tags=unit.tags,
        capabilities=unit.capabilities,
        body="" if unit.key else unit.text,
        url=session.cloud.template_url(plan.bucket, unit.key) if unit.key else "",
        on_failure=_on_stack_failure(on_failure or safety.on_failure, first),
        description=described(
            plan.environment, unit.layer, session.run, session.revision, session.cloud.identity().arn
        ),
        role=role_of(plan.environment, unit.layer),
        rollback=rollback if rollback.triggers or now.rollback.triggers or now.rollback.minutes else None,
        notifications=topics if topics or now.notifications else None,
    )


def _nested(session: Session, examined: Examined) -> bool:
    """Return whether to ask for change sets of the nested stacks, too.

    An unchanged nested stack gets an empty change set, which nobody can delete once its root's was executed; at about a
    thousand of them no change set can be made any more (aws/copilot-cli#4426). Before that our own rows stand in.
    """
    unit, state = examined.unit, examined.live
    if not unit.children or state is None:
        return bool(unit.children)
    stacks = (each.physical_id for each in session.cloud.resources(state.stack_id) if each.type == STACK_TYPE)
    most = max((len(session.cloud.change_sets(each)) for each in stacks if each), default=0)
    if most >= MANY_SETS:
        without = "; this plan has no nested change sets" if most >= TOO_MANY_SETS else ""
        held = f"a nested stack of {unit.stack} holds {most} change sets that were never executed, of at most 1000"
        session.ui.tell(Warned(f"{held}{without}"))
    return most < TOO_MANY_SETS


def _on_stack_failure(on_failure: str, first: bool) -> str:
    """Return OnStackFailure, which is about first creations only (API reference, CreateChangeSet)."""
    return {"rollback": "", "keep": "DO_NOTHING", "delete": "DELETE"}[on_failure] if first else ""


def with_change_set(
    cloud: Cloud,
    region: str,
    examined: Examined,
    change_set: ChangeSet,
    nested: bool = True,
    without: Unevaluated | None = None,
) -> tuple[StackPlan, ...]:
    """Return the unit's plans with AWS's rows and ours brought together, for every stack that AWS describes.

    Without `nested` the change set has none for nested stacks: what AWS did not say all of cannot be trusted with data
    (`unseen` of `compare`). `without` says why it has none, and holds those of an earlier one with the same templates
    and values.
    """
    unit = examined.unit
    known = [each for each in without.sets if each.change_set.changes or each.complete] if without else []
    found = {each.layer: each for each in all_changes(cloud, change_set, unit.layer, unit.child_layer)}
    found |= {each.layer: StackRows(each.layer, each.change_set.changes) for each in known}
    complete = {unit.layer, *(each.layer for each in known if each.complete)}
    described = {unit.layer, *(each.layer for each in known)} | {
        unit.child_layer(unit.layer, each.logical_id) for each in change_set.changes if each.change_set_id
    }
    sides = {each.layer: each for each in examined.sides}
    moved: set[tuple[str, str]] = set()
    plans = []
    for plan in examined.plans:
        pair, layer = sides.get(plan.layer, LayerSides(plan.layer, EMPTY, EMPTY, region)), plan.layer
        unseen, theirs = not nested and layer not in complete, None
        if layer in described:
            theirs = found.get(layer, StackRows(layer, ()))
        elif not unseen:
            plans.append(plan)
            continue
        compared = compare(pair, theirs, moved=frozenset(moved), unseen=unseen)
        moved |= {(layer, name) for name in compared.moved} if theirs else set()
        why = without.why(layer) if without and plan.action != "none" else ""
        notes, details = (compared.notes, compared.details) if plan.action != "none" else ((), ())
        plans.append(replace(
            plan,
            changes=compared.rows,
            source=Source.CHANGE_SET if theirs else plan.source,
            shown=theirs is not None and not unseen,
            notes=(*plan.notes, *notes, *(_unseen_notes(compared.stricter, why) if unseen else ())),
            details=(*plan.details, *details),
        ))  # fmt: skip
    return tuple(plans)


COUNTS_AS_REPLACED = "what holds data and changes at all counts as replaced"
UNSEEN = f"AWS was not asked about this nested stack: {COUNTS_AS_REPLACED}"
UNEVALUATED = "AWS cannot evaluate this nested stack before others are deployed, so templates were compared instead"
MOST_WORDS = 300
"""Characters of AWS's words that a note repeats."""


def _unseen_notes(stricter: bool, why: str) -> tuple[str, ...]:
    """Return what is said of a nested stack that AWS was not asked about, or could not evaluate (`why`), and whose rows
    are `stricter` for it.

    What the comparison finds unchanged has the same template and the same values; what it finds changed in place might
    yet be replaced, and then the guard wants to hear its name.
    """
    if not why:
        return (UNSEEN,) if stricter else ()
    words = why if len(why) <= MOST_WORDS else f"{why[:MOST_WORDS]}…"
    return (f"{UNEVALUATED}: {words}", *((COUNTS_AS_REPLACED,) if stricter else ()))
