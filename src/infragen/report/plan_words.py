"""What every format of a plan says the same way: the kind of a row, its remark, which rows count, sums, paths, values.

Plain text and plain values: nothing here knows of colours, columns, Markdown or HTML.
"""

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import takewhile

from infragen.assembly.stacks import ROOT
from infragen.assembly.templatefile import dump_yaml
from infragen.changes import stack_tags
from infragen.cloudformation import STACK_TYPE, Absent, KnownAfter, PropertyChange, ResourceChange, Secret
from infragen.cost import CENT, CostDelta, ResourceDelta
from infragen.plan.drift import sentences as drifted
from infragen.plan.model import EnvironmentPlan, PlannedRelease, StackPlan
from infragen.report.checks import unknown_checks, wrong_lines
from infragen.resource_types import resource_type
from infragen.resource_types.interruption import LEVELS, NO
from infragen.secrecy.visible import Shown
from infragen.secrecy.visible import shown as shown_text

ADD, IMPORT, CHANGE, REVISION, REPLACE, REMOVE, OTHER = (
    "add", "import", "change", "revision", "replace", "remove", "other",
)  # fmt: skip
SIGNS = {ADD: "+", IMPORT: "←", CHANGE: "~", REVISION: "^", REPLACE: "-/+", REMOVE: "-", OTHER: "?"}
LEGEND = {
    ADD: "create",
    IMPORT: "take over what exists",
    CHANGE: "update in place",
    REVISION: "new revision",
    REPLACE: "replace",
    REMOVE: "delete",
    OTHER: "known only when it runs",
}
_KINDS = {"Add": ADD, "Import": IMPORT, "Modify": CHANGE, "SyncWithActual": CHANGE, "Remove": REMOVE}

_REMOVED = {
    "": "",
    "Delete": "deleted",
    "Retain": "kept in AWS, no longer managed",
    "Snapshot": "snapshotted, then deleted",
}
_REPLACED = {
    "ReplaceAndDelete": "the old one is deleted",
    "ReplaceAndRetain": "the old one is kept in AWS, no longer managed",
    "ReplaceAndSnapshot": "the old one is snapshotted, then deleted",
}
_REVISED = {"": "", "ReplaceAndDelete": "", "ReplaceAndRetain": "the old one is kept"}
"""The old revision of a task definition is deregistered, which stops nothing (ECS API reference,
DeregisterTaskDefinition, read 2026-11-29)."""
_ACTIONS = {"none": "update", "recreate": "remove what is left of a failed creation, then create"}
_OPENED = (("permissions", "permission", "permissions"), ("network", "network path", "network paths"))
WIDEST_STRUCTURE = 80
"""Characters of a list or map that is still shown on one line."""

MOST_COMPARED = 4_000_000
"""Pairs of lines above which two values are not compared line by line."""


# --- rows -------------------------------------------------------------------------------------------------------


def kind(change: ResourceChange) -> str:
    """Return what happens to a resource, in one of seven words; a modification that may replace it counts as a
    replacement.
    """
    if change.type == STACK_TYPE and change.replacement == "Conditional":
        return CHANGE  # how CloudFormation says that it has not looked into a nested stack
    if change.action == "Modify" and change.replacement not in ("False", ""):
        return REVISION if _is_revision(change) else REPLACE
    return _KINDS.get(change.action, OTHER)


def _is_revision(change: ResourceChange) -> bool:
    """Return whether AWS's replacement is the next revision of the same thing, as for task definitions."""
    name = resource_type(change.type).revision_of
    return bool(name and change.properties) and all(each.path[:2] != ("Properties", name) for each in change.properties)


def display_only(change: ResourceChange) -> bool:
    """Return whether all that changes of a resource is what it shows of others, as of a dashboard: no change of its
    own.
    """
    shows = resource_type(change.type).display
    return (
        bool(shows and change.properties)
        and kind(change) == CHANGE
        and not (change.disagreements or change.drift)
        and all(each.path[0] == "Properties" and each.path[1:2] and each.path[1] in shows for each in change.properties)
    )


def remark(change: ResourceChange) -> str:
    """Return what becomes of a resource that is removed or replaced, in words; empty where the kind says it all."""
    what = kind(change)
    if what == REMOVE:
        return _REMOVED.get(change.policy_action, change.policy_action)
    if what == OTHER:
        return f"{change.action}: what happens is known only when it runs"
    if what == REVISION:
        lead = "new revision" if change.replacement == "True" else "perhaps a new revision"
        fate = _REVISED.get(change.policy_action, change.policy_action)
        return f"{lead}; {fate}" if fate else lead
    if what != REPLACE:
        return ""
    lead = "replaced" if change.replacement == "True" else "may be replaced"
    fate = _REPLACED.get(change.policy_action, change.policy_action)
    return f"{lead}: {fate}" if fate else lead


DISAGREE, RENAMED, BESIDES = "≠", "≈", "·"
"""The signs of what else is said of a row: the sources disagree, it looks renamed, anything else."""
MARKS = {DISAGREE: "the sources disagree", RENAMED: "looks renamed", "!": "widens access"}
"""What a legend says of the marks that are no kinds of rows; what BESIDES marks says itself."""


def asides(change: ResourceChange, stack_source: str = "") -> tuple[str, ...]:
    """Return what else there is to say of a row, each with its sign: renaming, which source has it, disagreements.

    `stack_source` is the source of the stack's rows, so that only what differs from it is said.
    """
    sentences = []
    if change.renamed and kind(change) == ADD:
        sentences.append(f"{RENAMED} looks like {change.renamed} under another name: AWS deletes that and creates this")
    if change.reported and change.replacement == "True":
        sentences.append(f"{BESIDES} AWS says {change.reported}; by the schema of its type it is replaced")
    sentences += [f"{DISAGREE} the sources disagree: {each}" for each in change.disagreements]
    sentences += (f"{BESIDES} {each}" for each in change.drift)
    if stack_source == "change set" and change.source == "template" and not change.disagreements:
        sentences.append(f"{BESIDES} only comparing templates says so")
    return tuple(sentences)


WIDEST_VALUE = 160
"""Characters of a value on one line where there is room for more."""


def told(change: ResourceChange) -> tuple[PropertyChange, ...]:
    """Return the values of a row that say something; that the stack's tags are passed on is said once, of the stack."""
    return (
        tuple(each for each in change.properties if each.cause != stack_tags.TAGGED or has_values(each))
        or change.properties
    )


def only_tagged(change: ResourceChange) -> bool:
    """Return whether nothing happens to a resource but that the stack's tags are passed on to it."""
    return stack_tags.only_tagged(change) and not change.disagreements


def shows_values(change: ResourceChange) -> bool:
    """Return whether the values of a row say more than its kind does: all of them are new, or go, with the resource."""
    return kind(change) in (CHANGE, REVISION, REPLACE, OTHER)


def forces(change: ResourceChange, value: PropertyChange) -> bool:
    """Return whether this value is what makes the resource a new one."""
    return kind(change) == REPLACE and value.recreation == "Always"


def effect(change: ResourceChange, value: PropertyChange) -> str:
    """Return what this value does to a resource that is, or may be, replaced; empty where it does nothing to that."""
    if not forces(change, value):
        return ""
    return "forces the replacement" if change.replacement == "True" else "would replace it"


def value_remarks(value: PropertyChange) -> tuple[str, ...]:
    """Return what there is to say of a value that changes, beside before and after."""
    found = (
        f"because of {value.cause}" if value.cause else "",
        f"moved from position {value.moved_from}" if value.moved_from is not None else "",
        value.note,
        f"from {value.origin}" if value.origin else "",
    )
    return tuple(filter(None, found))


def follows_its_cause(value: PropertyChange) -> bool:
    """Return whether a value is what its cause will be: naming both says the same twice."""
    return isinstance(value.after, KnownAfter) and value.cause == f"resource {value.after.name}"


def has_values(value: PropertyChange) -> bool:
    """Return whether before and after say something: not where neither is known, nor of a reference whose target
    changes.
    """
    return value.before != value.after or isinstance(value.before, Secret)


# --- stacks -----------------------------------------------------------------------------------------------------


OwnChanges = Sequence[tuple[str, tuple[PropertyChange, ...]]]
"""What changes of a stack itself, under the word for it."""

Layers = Mapping[str, StackPlan]
"""The layers that have a section of their own."""


def layers_of(plan: EnvironmentPlan) -> Layers:
    """Return the stacks of a plan by their layers."""
    return {each.layer: each for each in plan.stacks}


def worth_showing(stack: StackPlan, layers: Layers) -> bool:
    """Return whether a stack has something to tell, be it wiring alone."""
    said = stack.notes or stack.details or stack.disagreements
    own = stack.settings or stack.parameters or stack.tags or stack.outputs
    return bool(own or said or rows(stack, layers)) or stack.action not in ("none", "update")


def only_wiring(stack: StackPlan, layers: Layers) -> bool:
    """Return whether all that a stack has to tell is wiring."""
    wired = wiring(stack, layers)
    if stack.action != "update" or not wired or stack.notes or stack.disagreements or stack.widenings:
        return False
    own = any(some for _, some in decided_changes(stack, layers))
    return not own and all(each.logical_id in wired.display for each in rows(stack, layers))


@dataclass(frozen=True)
class Wiring:
    """What passes values on between stacks, or only shows other resources: no change that anybody decides on.

    Names of parameters and of outputs, and logical ids.
    """

    parameters: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    display: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self.parameters or self.outputs or self.display)


def wiring(stack: StackPlan, layers: Layers) -> Wiring:
    """Return the wiring in the plan of a stack: all parameters and outputs of a nested one, whose values its parent
    has; of one of its own those that are new, or known only after another layer is deployed; and what only shows
    others.
    """
    if stack.created:
        return Wiring()
    nested = ROOT in layers and stack.layer != ROOT
    return Wiring(
        tuple(str(each.path[0]) for each in stack.parameters if nested or _passed_on(each)),
        tuple(str(each.path[0]) for each in stack.outputs if nested or isinstance(each.before, Absent)),
        tuple(each.logical_id for each in stack.changes if display_only(each)),
    )


def _passed_on(change: PropertyChange) -> bool:
    return isinstance(change.before, Absent) or isinstance(change.after, Absent | KnownAfter)


def decided_changes(stack: StackPlan, layers: Layers) -> OwnChanges:
    """Return what `own_changes` has without wiring, and without the tags that a nested stack has from its root."""
    wired = wiring(stack, layers)
    left = {"parameter": set(wired.parameters), "output": set(wired.outputs)}
    if ROOT in layers and stack.layer != ROOT:
        left["tag"] = {str(each.path[0]) for each in layers[ROOT].tags}
    return tuple(
        (title, tuple(each for each in some if str(each.path[0]) not in left.get(title, ())))
        for title, some in own_changes(stack)
    )


def wiring_line(plan: EnvironmentPlan) -> str:
    """Return all wiring of a plan: how many parameters and outputs, and what shows others; empty where
    there is none.
    """
    layers = layers_of(plan)
    found = [(each, wiring(each, layers)) for each in plan.stacks]
    parameters = sum(len(one.parameters) for _, one in found)
    outputs = sum(len(one.outputs) for _, one in found)
    display = [f"{stack.layer}/{name}" for stack, one in found for name in one.display]
    said = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((parameters, "parameter"), (outputs, "output"))
        if count
    ]
    return ", ".join((*said, *display))


def unchanged(plan: EnvironmentPlan) -> tuple[str, ...]:
    """Return the layers that have nothing to tell."""
    layers = layers_of(plan)
    return tuple(each.layer for each in plan.stacks if not worth_showing(each, layers))


def rows(stack: StackPlan, layers: Layers) -> tuple[ResourceChange, ...]:
    """Return the rows of a stack; of a nested layer only what its own section does not tell (template, parameters,
    tags).
    """
    found = []
    for each in stack.changes:
        layer = layers.get(each.logical_id.lower()) if each.type == STACK_TYPE else None
        if layer is not None and layer.created and kind(each) == ADD:
            continue
        if layer is None or kind(each) == REMOVE:
            found.append(each)
        elif own := tuple(value for value in each.properties if not _told_by(layer, value)):
            found.append(replace(each, properties=own))
    return tuple(found)


def _told_by(layer: StackPlan, value: PropertyChange) -> bool:
    """Return whether the section of a layer tells what changes in the resource that nests it.

    Of a nested stack that stays as it is, AWS says that any property may change, because of the nested stack itself
    (ChangeSource Automatic: API reference, ResourceChangeDetail): only its section says whether one does.
    """
    if value.path == ("Properties",) and value.cause == "nested stack":
        return True
    what = value.path[1:2] if value.path[:1] == ("Properties",) else value.path[:1]
    passed_on = bool(layer.tags) or value.cause == stack_tags.TAGGED
    return what in (("TemplateURL",), ("Parameters",)) or (what == ("Tags",) and passed_on)


def own_changes(stack: StackPlan) -> OwnChanges:
    """Return the stack's settings, parameters, tags and outputs that change; of one that is created all are new, and
    none is reported.
    """
    if stack.action in ("create", "recreate"):
        return ()
    settings = ("stack setting", stack.settings)
    return settings, ("parameter", stack.parameters), ("tag", stack.tags), ("output", stack.outputs)


def granted(stack: StackPlan) -> str:
    """Return `8 permissions and 3 network paths, within the account`: what a new stack opens there, or an existing one
    within its environment, as numbers; empty for none.
    """
    return granted_together((stack,))


def granted_together(stacks: Sequence[StackPlan]) -> str:
    """Return the same of several stacks."""
    found = Counter(each.kind for one in stacks for each in one.widenings if each not in one.gated)
    said = [f"{found[key]} {one if found[key] == 1 else many}" for key, one, many in _OPENED if found[key]]
    where = "account" if all(each.created for each in stacks) else "environment"
    return f"{' and '.join(said)}, within the {where}" if said else ""


def layer_cost(plan: EnvironmentPlan, layer: str) -> str:
    """Return `+9.15 USD/month`: what the resources of a layer change in the expected cost; empty for nothing."""
    some = plan.cost.resources if plan.cost else ()
    amount = sum(each.change.expected for each in some if each.layer == layer)
    return f"{usd(amount)} USD/month" if abs(amount) >= CENT else ""


def over_budget(plan: EnvironmentPlan) -> str:
    """Return that a month costs more than the budget; empty when it does not."""
    if plan.cost is None or plan.budget is None or not plan.over_budget:
        return ""
    return f"{plan.cost.after.expected:,.2f} USD a month is more than cost.budget, {plan.budget:,.2f}"


def action(stack: StackPlan) -> str:
    """Return what happens to a stack. One whose rows alone change, and not its template, is updated as well."""
    return _ACTIONS.get(stack.action, stack.action)


def source(stack: StackPlan) -> str:
    """Return where the rows of a stack come from, and what must be there before they can be known."""
    both = any(each.source == "both" for each in stack.changes)
    said = "from comparing templates"
    if stack.source == "change set":
        said = f"from AWS's change set{', compared with the templates' if both else ''}"
    return f"{said}; waits for {', '.join(stack.waits_for)}" if stack.waits_for else said


# --- the whole --------------------------------------------------------------------------------------------------


def where(plan: EnvironmentPlan) -> str:
    """Return `prod in account 123456789012, eu-central-1`; `prod against main`; of two environments `dev -> prod`."""
    if plan.between:
        return f"{plan.against} -> {plan.environment}"
    if plan.against:
        return f"{plan.environment} against {plan.against}"
    return f"{plan.environment} in account {plan.account}, {plan.region}"


def counts(plan: EnvironmentPlan) -> dict[str, int]:
    """Return how many rows there are of each kind; a nested stack counts when something of its own changes."""
    layers = layers_of(plan)
    return count(row for each in plan.stacks for row in rows(each, layers))


def count(changes: Iterable[ResourceChange]) -> dict[str, int]:
    """Return how many of these rows there are of each kind; what only shows other resources is no change."""
    found = Counter(kind(row) for row in changes if not display_only(row))
    return {each: found[each] for each in SIGNS}


def summary(plan: EnvironmentPlan, room: int = 1000) -> str:
    """Return `12 to add, 3 to change, 1 to replace, 0 to remove`; of two environments, what only one of them has.

    New revisions and what is unknown are named where there are any, and the price where there is room for it: cost
    lines say it as well.
    """
    found = counts(plan)
    if plan.between:
        return (
            f"{len(plan.settings)} values differ; {found[ADD]} resources {label(plan, ADD)}, "
            f"{found[REMOVE]} {label(plan, REMOVE)}, {found[CHANGE]} {label(plan, CHANGE)}"
        )
    named = [each for each in SIGNS if each not in (IMPORT, REVISION, OTHER) or found[each]]
    text = ", ".join(f"{found[each]} {label(plan, each, found[each])}" for each in named)
    price = cost_summary(plan.cost) if plan.cost else ""
    whole = f"{text}; {price}" if price else text
    return whole if len(whole) <= room else text


def label(plan: EnvironmentPlan, what: str, number: int = 2) -> str:
    """Return what is said after the number of rows of a kind."""
    between = {ADD: f"only in {plan.environment}", REMOVE: f"only in {plan.against}", CHANGE: "in both and different"}
    if plan.between and what in between:
        return between[what]
    if what == REVISION:
        return "new revision" if number == 1 else "new revisions"
    return "unknown until it runs" if what == OTHER else f"to {what}"


def alerts(plan: EnvironmentPlan) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what comes first in a page or a comment, under its headings: refusals, widenings, the budget, warnings."""
    expensive = over_budget(plan)
    runs = (" ".join(release_line(plan.release).split()[1:]),) if plan.release else ()
    found = (
        ("Runs a release command", runs),
        ("Refused without --allow-data-loss", tuple(map(str, plan.refusals))),
        ("Interrupts the running service", interruption_lines(plan)),
        ("Widens access; needs --allow-widening", tuple(map(str, plan.gated))),
        ("Refused without --allow-cost", (expensive,) if expensive else ()),
        ("Wrong in the account", wrong_lines(plan.checks)),
        ("Drift: not as the stacks say", drift_lines(plan)),
        ("Warnings", plan.warnings),
    )
    return tuple((title, lines) for title, lines in found if lines)


def image_line(plan: EnvironmentPlan) -> str:
    """Return `image  v41 -> v42`: the tag of the API's image that runs and the one that will; empty without one."""
    if not (plan.image_tag or plan.running_tag):
        return ""
    before, after = plan.running_tag or "placeholder", plan.image_tag or "placeholder"
    return f"image  {before}" if before == after else f"image  {before} -> {after}"


def release_line(release: PlannedRelease) -> str:
    """Return `release  node src/release.ts runs with v42 before api`."""
    command = " ".join(shlex.join(release.command).split())
    before = "api" if release.before == "api" else f"{release.before} (api)"
    return f"release  {command} runs with {release.tag} before {before}"


def unknown_line(plan: EnvironmentPlan) -> str:
    """Return which checks of the account could not tell; empty where all could."""
    some = unknown_checks(plan.checks)
    why = f"`infragen doctor --env {plan.environment}` says why"
    return f"not known of the account: {', '.join(some)}; {why}" if some else ""


def interruption_lines(plan: EnvironmentPlan) -> tuple[str, ...]:
    """Return each row that interrupts the running service, with what for how long; those with the same words as one."""
    places: dict[tuple[str, str], list[str]] = {}
    for each in sorted(plan.interruptions, key=lambda one: -LEVELS.index(one.level)):
        if each.level != NO and not plan.between:
            places.setdefault((each.level, each.what), []).append(each.place)
    return tuple(f"{level}: {', '.join(some)}: {what}" for (level, what), some in places.items())


def drift_lines(plan: EnvironmentPlan) -> tuple[str, ...]:
    """Return what somebody changed by hand, with its place and what the deployment does about it."""
    return tuple(f"{each.place}: {text.removeprefix('drift: ')}" for each in plan.drift or () for text in drifted(each))


def cost_summary(cost: CostDelta) -> str:
    """Return `+14.20 USD/month`, at expected load; empty where a deployment costs nothing more and nothing less."""
    if cost.change.negligible and not cost.unpriced:
        return ""
    return f"{usd(cost.change.expected)} USD/month{', not all of it priced' if cost.unpriced else ''}"


def cost_lines(cost: CostDelta, most: int = 5, least: float = CENT) -> Iterator[str]:
    """Yield what a deployment changes in the monthly cost: all columns, the resources that matter, what is not priced.

    At most so many resources have a line of their own, and those alone whose cost changes by `least` USD a month.
    """
    change = cost.change
    if change.negligible and not cost.unpriced:
        return
    head = f"{usd(change.expected)} ({cost.before.expected:,.2f} -> {cost.after.expected:,.2f})"
    low, high = usd(change.minimum), usd(change.maximum)
    apart = f"; at minimum {low}, at maximum {high}" if {low, high} != {usd(change.expected)} else ""
    yield f"cost in USD a month, {cost.prices}: {head}{apart}"
    rows = sorted(cost.resources, key=lambda each: (-abs(each.change.expected), -_farthest(each)))
    told = [each for each in rows if _farthest(each) >= least][:most]
    for each in told:
        apart = f" (at maximum {usd(each.change.maximum)})" if abs(each.change.expected) < CENT else ""
        yield f"  {usd(each.change.expected):>10}  {each.layer}/{each.logical_id}{apart}"
    if (rest := rows[len(told) :]) and told:
        yield f"  {usd(sum(each.change.expected for each in rest)):>10}  {len(rest)} more"
    for text in cost.unpriced:
        yield f"  not priced  {text}"


def _farthest(resource: ResourceDelta) -> float:
    """Return by how much its cost changes in the column where that is most."""
    return max(abs(each) for each in (resource.change.minimum, resource.change.expected, resource.change.maximum))


def usd(amount: float) -> str:
    """Return an amount with its sign and cents; what is less than half a cent has none."""
    return f"{amount:+,.2f}" if abs(amount) >= CENT else "0.00"


# --- values -----------------------------------------------------------------------------------------------------


def path(change: PropertyChange) -> str:
    """Return `Tags[Team].Value`: without the word Properties, which nearly every path begins with."""
    steps = change.path[1:] if len(change.path) > 1 and change.path[0] == "Properties" else change.path
    plain = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in steps).lstrip(".")
    return change.name or plain


def shown(value: object, room: int) -> str:
    """Return a template value on one line, cut to the room with its length."""
    text = visible(value) if isinstance(value, str) else text_of(value)
    text = " ".join(text.split()) if "\n" in text else text
    if len(text) <= room:
        return text or '""'
    length = f"… ({len(text)} characters)"
    return text[: max(4, room - len(length))] + length


def pair(change: PropertyChange, room: int) -> tuple[str, str]:
    """Return before and after on one line each; one longer than the room is cut, with its length, around
    what differs.
    """
    if isinstance(change.before, Secret) and isinstance(change.after, Secret):
        return str(change.before), "(secret, changed)"
    before, after = (" ".join(_one_text(each).split()) or '""' for each in (change.before, change.after))
    shared = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(before, after, strict=False)))
    start = max(0, shared - room // 4) if shared > room // 3 else 0
    return _cut(before, start, room), _cut(after, start, room)


def is_cut(change: PropertyChange, room: int) -> bool:
    """Return whether `pair` leaves something out of a value: its end, or its line breaks."""
    texts = [_one_text(each) for each in (change.before, change.after)]
    return any(len(each) > room or "\n" in each for each in texts)


def _one_text(value: object) -> str:
    return visible(value) if isinstance(value, str) else text_of(value)


def _cut(text: str, start: int, room: int) -> str:
    """Return a text from a position on, with a sign for what is left out on either side, and its whole length."""
    if len(text) <= room:
        return text
    lead, length = "…" if start else "", f"… ({len(text)} characters)"
    space = max(4, room - len(lead) - len(length))
    rest = text[start:]
    return f"{lead}{rest}" if len(rest) <= space else f"{lead}{rest[:space]}{length}"


def whole(value: object) -> tuple[str, ...]:
    """Return all of a template value, line by line; a structure that does not fit one line as it stands
    in a template.
    """
    return _spread(value) if _wide(value) else _lines(value)


def _wide(value: object) -> bool:
    return isinstance(value, dict | list) and len(text_of(value)) > WIDEST_STRUCTURE


def _lines(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(visible(value).split("\n")) if value else ('""',)
    return (text_of(value),)


def _spread(value: object) -> tuple[str, ...]:
    if not isinstance(value, dict | list):
        return _lines(value)
    text = dump_yaml(plain(value), escaped=False)  # type: ignore[arg-type]  # it writes lists as well
    return tuple(text.removesuffix("...\n").rstrip("\n").split("\n"))


def text_of(value: object) -> str:
    """Return a value that is not text, as JSON where it can be; what stands for another value in its own words."""
    return "(not told)" if value is None else visible(as_json(value))


def plain(value: object) -> object:
    """Return a template value in the types of JSON, visible; what stands for another value in its own words."""
    if isinstance(value, dict):
        return {visible(str(key)): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value if value is None or isinstance(value, int | float) else visible(str(value))


def line_changes(before: object, after: object) -> tuple[tuple[str, str], ...]:
    """Return two values whole, line by line: each with `-`, `+`, or a blank where both have it."""
    read = _spread if _wide(before) or _wide(after) else _lines
    old, new = ((() if isinstance(each, Absent) else read(each)) for each in (before, after))
    if old == new or len(old) * len(new) > MOST_COMPARED:  # what reads the same and changes: a secret, 1 and "1"
        return (*(("-", line) for line in old), *(("+", line) for line in new))
    found: list[tuple[str, str]] = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found += ((" ", line) for line in old[i:j])
        else:
            found += (("-", line) for line in old[i:j])
            found += (("+", line) for line in new[k:m])
    return tuple(found)


def visible(text: str) -> Shown:
    """Return text as every format may show it: without secrets, and without what could steer a terminal."""
    return shown_text(text)


def as_json(value: object) -> str:
    """Return a value that is not text as JSON; what stands for a value that is not there, in its own words."""
    if isinstance(value, Absent) or not isinstance(value, dict | list | bool | int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)
