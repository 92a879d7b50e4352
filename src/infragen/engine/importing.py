"""Takes resources that exist over into the stacks of an environment: an import, and nothing else in that operation.

CloudFormation imports through a change set of its own type. It may neither create, change nor delete anything, nor
touch outputs, stack tags or the role; its template holds what the stack has already and what it takes over, each with
a DeletionPolicy (User Guide, "Import AWS resources into a CloudFormation stack manually"; "As part of the import
operation, you cannot modify or add [RoleArn, Tags]" in public repositories, and the same of [Outputs]:
awslabs/aws-security-assessment-solution#6, 2021; read 2026-11-29).

CloudFormation does not compare the template with the resource. What stands in it counts as the state from then on, and
a later update changes only what differs from it. So the template takes the resource's properties as they are: the next
plan then shows everything that the environment has otherwise, and the gates see what would replace the resource.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infragen.assembly.code import Artifact
from infragen.assembly.limits import INLINE
from infragen.assembly.stacks import StackLayout, StackUnit, capabilities, make_plan
from infragen.assembly.synth import Assembly, template_key
from infragen.assembly.templatefile import dump_yaml
from infragen.changes.comparison import EMPTY, LayerSides, Side, compare
from infragen.changes.evaluate import evaluated
from infragen.changes.replacement import identifier_of, never_read, only_read, readable
from infragen.cloud.cloudformation import ChangeSet, ResourceChange, Source, StackRows, StackState, running
from infragen.cloud.protocol import ChangeSetRequest, PreviousValue, ResourceToImport
from infragen.engine.artifact_bucket import check_artifacts
from infragen.engine.change_set_cleanup import ChangeSetCleanup
from infragen.engine.deploy import upload
from infragen.engine.observe import check_stacks, deployed_body, described, observe
from infragen.engine.operate import Operation, begin, failed_reason, follow, make_change_set, new_name, target_of
from infragen.engine.outcome import Skipped
from infragen.engine.preview import effective, resolve
from infragen.engine.progress import Planned, Preparing, Question, Session
from infragen.engine.run import Deployment
from infragen.engine.schedule import INTERRUPTED, Interrupts, Task, run_concurrently, walk
from infragen.errors import Conflict, InputError, OperationFailed, Refused
from infragen.layers import LAYERS
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.resource_types import resource_type

KEPT = "Retain"
"""The DeletionPolicy of what is imported: an import that fails, or a stack that is deleted before the first deployment,
leaves the resource as it is. The deployment then brings the policy of the rendered template."""


@dataclass(frozen=True)
class Import:
    """The resources that one stack takes over: the stack as it is, where it exists, the template of the import, and
    what the next deployment would change of each resource.
    """

    unit: StackUnit
    state: StackState | None
    resources: tuple[ResourceToImport, ...]
    body: dict[str, Any]
    differs: tuple[ResourceChange, ...] = ()

    @property
    def text(self) -> str:
        """Return the template as it is sent."""
        return dump_yaml(self.body)


@dataclass(frozen=True)
class _Existing:
    """A resource as it is: how it is found, and its properties."""

    place: ResourceToImport
    properties: Mapping[str, Any]

    def gives(self, attribute: str) -> object:
        """Return what Ref (an empty attribute) or Fn::GetAtt gives of it."""
        if attribute:
            return self.properties.get(attribute)
        return next(iter(self.place.identifier.values())) if len(self.place.identifier) == 1 else None


def import_resources(assembly: Assembly, session: Session, wanted: Mapping[str, str]) -> Deployment:
    """Import resources, by `layer/LogicalId` with the identifier of each, after showing and asking.

    Raises InputError for a place that cannot be imported or an identifier that is not found; Refused for the nested
    topology, for a stack that is not this environment's, where the next deployment would replace what is imported, and
    when the answer is no; Conflict while another operation runs.
    """
    plan = make_plan(assembly)
    observed = observe(session, plan.environment)
    if plan.environment.topology == "nested":
        raise Refused(
            f"{plan.environment.environment} is nested: CloudFormation imports into a stack that stands alone, and "
            "into no nested one that its root created",
            "import before the first deployment, into `topology: independent`; `infragen docs moving-here` says more",
        )
    if session.local:
        raise Refused(
            "the local emulator imports nothing: it accepts such a change set and does not execute it",
            "import into AWS; on the emulator, deploy the environment with resources of its own",
        )
    by_unit = _by_unit(plan, wanted)
    check_stacks(session, plan, observed)
    states = {unit.layer: observed.by_name.get(unit.stack) for unit in by_unit.values()}
    for state in states.values():
        _check(state)
    imports = tuple(
        _made(session, plan, unit, states[layer], {k: v for k, v in wanted.items() if k.startswith(f"{layer}/")})
        for layer, unit in by_unit.items()
    )
    with ChangeSetCleanup(session) as leftovers:
        sets = run_concurrently([_change_set(session, plan, each, leftovers) for each in imports], session.timer)
        rows = tuple(_checked(session, plan, each, found) for each, found in zip(imports, sets, strict=True))
        shown = _plan(plan, observed.identity.account, observed.identity.region, imports, rows)
        session.ui.tell(Planned(shown))
        _refuse_replacements(imports)
        number = sum(len(each.resources) for each in imports)
        names = ", ".join(each.unit.stack for each in imports)
        question = f"import {number} resource{'' if number == 1 else 's'} into {names}?"
        if not session.ui.confirm(Question(question, "--yes")):
            raise Refused("declined; nothing was imported")
        return _executed(session, imports, sets, leftovers, shown)


# --- what is imported -------------------------------------------------------------------------------------------


def _by_unit(plan: StackLayout, wanted: Mapping[str, str]) -> dict[str, StackUnit]:
    """Return the units that take something over, in the order of the plan. Raises InputError for a wrong place."""
    units = {unit.layer: unit for unit in plan.units}
    for place in wanted:
        layer, _, name = place.partition("/")
        found = units[layer].body["Resources"].get(name) if layer in units else None
        if found is None or place not in _importable(units[layer], plan.environment.region):
            can = [each for unit in plan.units for each in _importable(unit, plan.environment.region)]
            why = "is no resource of" if found is None else f"is {found['Type']}, which infragen does not import into"
            raise InputError(f"{place} {why} {plan.environment.environment}", f"it can import {', '.join(can)}")
    layers = {place.partition("/")[0] for place in wanted}
    return {layer: unit for layer, unit in units.items() if layer in layers}


def _importable(unit: StackUnit, region: str) -> tuple[str, ...]:
    """Return the places of a unit that take something over: in infragen's own layers the types whose row says so, in a
    layer or addon of the project each type that Cloud Control API reads. Whether CloudFormation imports such a type,
    its change set says.
    """
    ours = unit.layer in {each.name for each in LAYERS}
    return tuple(
        f"{unit.layer}/{name}"
        for name, each in unit.body["Resources"].items()
        if resource_type(each["Type"]).importable or (not ours and readable(each["Type"], region))
    )


def _check(state: StackState | None) -> None:
    """Raise Refused or Conflict for a stack into which nothing may be imported now."""
    if state is None:
        return
    if running(state.status):
        raise Conflict(f"{state.name} is {state.status}", "run the same command again when it has ended")
    if state.status != "REVIEW_IN_PROGRESS" and not state.status.endswith("_COMPLETE"):
        raise Refused(f"{state.name} is {state.status}", "repair it first: `infragen recover`")


def _made(
    session: Session, plan: StackLayout, unit: StackUnit, state: StackState | None, wanted: Mapping[str, str]
) -> Import:
    """Return the import of one stack. Raises InputError for a resource that is not found or in the stack already."""
    region = plan.environment.region
    live = state if state is not None and state.status != "REVIEW_IN_PROGRESS" else None
    inside = {each.logical_id for each in session.cloud.resources(live.stack_id) if each.physical_id} if live else set()
    deployed = deployed_body(session.cloud, live) if live and inside else {}
    ready, missing = resolve(unit, live, {})
    values = effective(unit.body, {**ready, **missing}, live.parameters if live else {})
    rendered = evaluated(unit.body, values)
    found: dict[str, _Existing] = {}
    for place, identifier in wanted.items():
        name = place.partition("/")[2]
        if name in inside:
            raise InputError(f"{place} is in {unit.stack} already", "leave it out: `infragen plan` shows how it stands")
        if name not in rendered:
            raise InputError(f"{place} is not created with these settings", "leave it out, or change the environment")
        kind = rendered[name]["Type"]
        keys = identifier_of(kind, region)
        parts = identifier.split("|") if len(keys) > 1 else [identifier]
        if len(parts) != len(keys) or not all(parts):
            raise InputError(
                f"{place}: {identifier} does not identify {kind}", f"give {'|'.join(keys)}, in quotes: '{place}=…|…'"
            )
        properties = session.cloud.resource_properties(kind, identifier)
        if properties is None:
            raise InputError(
                f"{place}: there is no {kind} with {'|'.join(keys)} {identifier} in {region}",
                "give the identifier as CloudFormation knows it: a queue's URL, the name of most others",
            )
        found[name] = _Existing(ResourceToImport(name, kind, dict(zip(keys, parts, strict=True))), properties)
    taken = {name: _as_it_is(rendered[name], each, found, region) for name, each in found.items()}
    head = deployed or {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{unit.layer} of {plan.environment.name}: resources that existed. Imported by infragen.",
    }
    body = {**head, "Resources": {**deployed.get("Resources", {}), **taken}}
    before = Side({"Resources": taken}, {})
    after = Side({**unit.body, "Resources": {name: unit.body["Resources"][name] for name in taken}}, values)
    differs = tuple(each for each in compare(LayerSides(unit.layer, before, after, region)).rows if each.properties)
    return Import(unit, live, tuple(each.place for each in found.values()), body, differs)


def _as_it_is(
    rendered: Mapping[str, Any], existing: _Existing, others: Mapping[str, _Existing], region: str
) -> dict[str, Any]:
    """Return the resource of a template with the properties that the resource has, of those that the rendered one
    sets: others stay as they are, and no stack looks after them. What the service does not give back is as rendered.
    """
    kind, wanted = rendered["Type"], rendered.get("Properties", {})
    hidden, fixed = never_read(kind, region), only_read(kind, region)
    properties = {}
    for name, value in wanted.items():
        if name in existing.properties and (name,) not in fixed:
            properties[name] = _kept(value, existing.properties[name], others, fixed, (name,))
        elif name in hidden:
            properties[name] = value
    return {"Type": kind, "DeletionPolicy": KEPT, "UpdateReplacePolicy": KEPT, "Properties": properties}


def _kept(
    wanted: Any, there: Any, others: Mapping[str, _Existing], fixed: frozenset[tuple[str, ...]], path: tuple[str, ...]
) -> Any:
    """Return a value as it is; written as the rendered one where that stands for the same, so that it is no change."""
    if _stands_for(wanted, there, others):
        return wanted
    if isinstance(there, Mapping):
        inner = wanted if isinstance(wanted, Mapping) else {}
        return {
            key: _kept(inner.get(key), each, others, fixed, (*path, key))
            for key, each in there.items()
            if (*path, key) not in fixed
        }
    if isinstance(there, list) and isinstance(wanted, list) and len(there) == len(wanted):
        return [_kept(one, other, others, fixed, path) for one, other in zip(wanted, there, strict=True)]
    return there


def _stands_for(wanted: Any, there: Any, others: Mapping[str, _Existing]) -> bool:
    """Return whether a rendered value is the one that is there: the same, or what an imported resource gives."""
    if isinstance(wanted, Mapping) and len(wanted) == 1:
        match next(iter(wanted.items())):
            case ("Ref", str(name)) if name in others:
                return there in (others[name].gives(""), others[name].gives("Arn"))
            case ("Fn::GetAtt", [str(name), str(attribute)]) if name in others:
                return bool(there == others[name].gives(attribute))
    if type(wanted) is type(there):
        return bool(wanted == there)
    scalar = isinstance(wanted, str | int | float) and isinstance(there, str | int | float)
    return scalar and str(wanted).lower() == str(there).lower()  # 5432 and "5432", true and "true"


NAMES = {
    "QueueName": "a queue has the name PROJECT-ENVIRONMENT-NAME: deploy a new one and empty the old one into it",
    "RepositoryName": "a repository has the name PROJECT-ENVIRONMENT-api: push the image into a new one",
    "DBClusterIdentifier": "a cluster has the name PROJECT-ENVIRONMENT: rename it first with "
    "`aws rds modify-db-cluster --new-db-cluster-identifier`",
}
"""Property that names a resource for life -> what to do with one of another name: no key of the file sets it."""


def _way_out(imports: Sequence[Import]) -> str:
    """Return what to do about the properties that force a replacement."""
    forces = {
        str(each.path[1])
        for one in imports
        for row in one.differs
        if row.replacement == "True"
        for each in row.properties
        if each.recreation == "Always" and len(each.path) > 1
    }
    said = [text for name, text in NAMES.items() if name in forces]
    if forces - NAMES.keys() or not said:
        said.append("set them in the environment file as the resource has them, or import what they name as well")
    return "; ".join(said)


def _refuse_replacements(imports: Sequence[Import]) -> None:
    """Raise Refused where the next deployment would replace what is imported: nothing is gained by the import then."""
    rows = [(each.unit.layer, row) for each in imports for row in each.differs if row.replacement == "True"]
    if not rows:
        return
    said = []
    for layer, row in rows:
        forces = [
            each.name or ".".join(map(str, each.path[1:])) for each in row.properties if each.recreation == "Always"
        ]
        said.append(f"  {layer}/{row.logical_id}: {', '.join(dict.fromkeys(forces)) or row.type}")
    raise Refused(
        "the next deployment would replace what is imported, because these settings are other ones:\n"
        + "\n".join(said),
        f"{_way_out(imports)}; nothing was imported (`infragen docs moving-here`)",
    )


# --- the operation ----------------------------------------------------------------------------------------------


def _change_set(session: Session, plan: StackLayout, each: Import, leftovers: ChangeSetCleanup) -> Any:
    """Create the change set of an import: no tags, no role, no outputs, parameters as they are."""
    unit, live = each.unit, each.state
    session.ui.tell(Preparing(unit.layer, unit.stack))
    parameters = dict.fromkeys(each.body.get("Parameters", {}), PreviousValue()) if live else {}
    key = ""
    if len(each.text.encode()) > INLINE:
        key = template_key(plan.environment, hashlib.sha256(each.text.encode()).hexdigest())
        check_artifacts(session, plan.environment)
        upload(session, plan.bucket, [Artifact(key, each.text.encode())])
    request = ChangeSetRequest(
        stack=live.stack_id if live else unit.stack,
        name=new_name(unit, parameters),
        kind="IMPORT",
        parameters=parameters,
        tags={},
        capabilities=capabilities([each.body]),
        body="" if key else each.text,
        url=session.cloud.template_url(plan.bucket, key) if key else "",
        description=described(
            plan.environment, unit.layer, session.run, session.revision, session.cloud.identity().arn
        ),
        imports=each.resources,
    )
    return (yield from make_change_set(session, unit.layer, request, leftovers.made))


def _checked(session: Session, plan: StackLayout, each: Import, found: ChangeSet) -> tuple[ResourceChange, ...]:
    """Return the rows of a change set that imports what was asked for and nothing else. Raises OperationFailed."""
    stack = each.unit.stack
    if not found.executable:
        reason = failed_reason(session, found, each.unit.layer)
        raise OperationFailed(
            f"the change set of {stack} is {found.status}/{found.execution_status}: {reason}",
            "nothing was imported; fix the cause and run the same command again",
        )
    asked = {one.logical_id for one in each.resources}
    if {row.logical_id for row in found.changes} != asked or any(row.action != "Import" for row in found.changes):
        did = ", ".join(f"{row.action} {row.logical_id}" for row in found.changes) or "nothing"
        raise OperationFailed(
            f"the change set of {stack} is not the import that was asked for: {did}",
            "nothing was imported; the stack's template or parameters changed meanwhile: run the same command again",
        )
    layer = each.unit.layer
    return compare(LayerSides(layer, EMPTY, EMPTY, plan.environment.region), StackRows(layer, found.changes)).rows


def _plan(
    plan: StackLayout,
    account: str,
    region: str,
    imports: Sequence[Import],
    rows: Sequence[tuple[ResourceChange, ...]],
) -> EnvironmentPlan:
    """Return the import as a plan; what the next deployment changes of each resource is a note."""
    stacks = tuple(
        StackPlan(each.unit.layer, each.unit.stack, "import", found, Source.CHANGE_SET, notes=tuple(_notes(each)))
        for each, found in zip(imports, rows, strict=True)
    )
    return EnvironmentPlan(plan.environment.environment, account, region, plan.environment.topology, stacks)


def _notes(each: Import) -> Iterator[str]:
    for row in each.differs:
        names = dict.fromkeys(
            str(one.path[1] if one.path[0] == "Properties" else one.path[0]) for one in row.properties
        )
        what = {"True": "replaces it", "Conditional": "may replace it"}.get(row.replacement, "changes in it")
        yield f"{row.place}: the next deployment {what}: {', '.join(names)}"


def _executed(
    session: Session,
    imports: Sequence[Import],
    sets: Sequence[ChangeSet],
    leftovers: ChangeSetCleanup,
    shown: EnvironmentPlan,
) -> Deployment:
    by_layer = {each.unit.layer: (each, found) for each, found in zip(imports, sets, strict=True)}
    interrupts = Interrupts()

    def one(layer: str) -> Operation:
        each, found = by_layer[layer]
        target = target_of(each.unit)
        follower = yield from begin(session, target, found, "import", False, lambda: not interrupts.noted)
        if follower is None:
            return Skipped(layer, each.unit.stack, why=INTERRUPTED)
        leftovers.keep(found.change_set_id)
        return (yield from follow(session, target, follower, found.stack_id))

    tasks = [Task(each.unit.layer, each.unit.stack, ()) for each in imports]
    result = walk(tasks, one, session.ui, session.timer, interrupts=interrupts)
    return Deployment(shown, result.outcomes, result.interrupted)
