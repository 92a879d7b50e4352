"""What every format of a plan says the same way: remarks, which rows count, sums, values.

All of it is read from the document (`plan_types`). Plain text and plain values: nothing here knows of colours, columns,
Markdown or HTML.
"""

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import takewhile

from infragen.assembly.stacks import ROOT
from infragen.assembly.templatefile import dump_yaml
from infragen.changes.stack_tags import TAGGED
from infragen.cloud.cloudformation import CauseKind, Source
from infragen.cloud.template import STACK_TYPE
from infragen.cost import CENT
from infragen.report.checks import unknown_checks, wrong_lines
from infragen.report.plan_types import Cost, Drift, Kind, Plan, Property, Refusal, ResourceCost, Row, Stack, Usd, Value
from infragen.resource_types.interruption import LEVELS, NO
from infragen.secrecy.visible import Shown
from infragen.secrecy.visible import shown as shown_text

ADD: Kind = "add"
IMPORT: Kind = "import"
CHANGE: Kind = "change"
REVISION: Kind = "revision"
REPLACE: Kind = "replace"
REMOVE: Kind = "remove"
OTHER: Kind = "other"
SIGNS: Mapping[Kind, str] = {ADD: "+", IMPORT: "←", CHANGE: "~", REVISION: "^", REPLACE: "-/+", REMOVE: "-", OTHER: "?"}
LEGEND: Mapping[Kind, str] = {
    ADD: "create",
    IMPORT: "take over what exists",
    CHANGE: "update in place",
    REVISION: "new revision",
    REPLACE: "replace",
    REMOVE: "delete",
    OTHER: "known only when it runs",
}
_ACTIONS = {
    "none": "update", "recreate": "remove what is left of a failed creation, then create",
    "revert": "put back what was changed by hand",
}  # fmt: skip
_OPENED = (("permissions", "permission", "permissions"), ("network", "network path", "network paths"))
_TAGGED = str(TAGGED)
WIDEST_STRUCTURE = 80
"""Characters of a list or map that is still shown on one line."""

MOST_COMPARED = 4_000_000
"""Pairs of lines above which two values are not compared line by line."""


# --- rows -------------------------------------------------------------------------------------------------------


DISAGREE, RENAMED, BESIDES = "≠", "≈", "·"
"""The signs of what else is said of a row: the sources disagree, it looks renamed, anything else."""
MARKS = {DISAGREE: "the sources disagree", RENAMED: "looks renamed", "!": "widens access"}
"""What a legend says of the marks that are no kinds of rows; what BESIDES marks says itself."""


def asides(row: Row, stack_source: str = "") -> tuple[str, ...]:
    """Return what else there is to say of a row, each with its sign: renaming, which source has it, disagreements.

    `stack_source` is the source of the stack's rows, so that only what differs from it is said.
    """
    sentences = []
    if row["renamed"] and row["kind"] == ADD:
        other = row["renamed"]
        sentences.append(f"{RENAMED} looks like {other} under another name: AWS deletes that and creates this")
    if row["reported"] and row["replacement"] == "True":
        sentences.append(f"{BESIDES} AWS says {row['reported']}; by the schema of its type it is replaced")
    sentences += [f"{DISAGREE} the sources disagree: {each}" for each in row["disagreements"]]
    sentences += (f"{BESIDES} {each}" for each in row["drift"])
    sentences += (f"{BESIDES} {each['text']}" for each in row["ignored"])
    only_ours = stack_source == Source.CHANGE_SET and row["source"] == Source.TEMPLATE
    if only_ours and not row["disagreements"]:
        sentences.append(f"{BESIDES} only comparing templates says so")
    return tuple(sentences)


WIDEST_VALUE = 160
"""Characters of a value on one line where there is room for more."""


def told(row: Row, layers: "Layers | None" = None) -> Sequence[Property]:
    """Return the values of a row that say something; that the stack's tags are passed on is said once, of the stack,
    and what changes in a nested layer by its own section.
    """
    own = own_values(row, layers or {})
    return [each for each in own if each["cause"] != _TAGGED or has_values(each)] or own


def own_values(row: Row, layers: "Layers") -> Sequence[Property]:
    """Return the values of a row without what the section of the layer tells that it nests."""
    layer = layers.get(row["logical_id"].lower()) if row["type"] == STACK_TYPE else None
    if layer is None or row["kind"] == REMOVE:
        return row["properties"]
    return [each for each in row["properties"] if not told_by_layer(each, bool(layer["tags"]))]


def told_by_layer(value: Property, tagged: bool) -> bool:
    """Return whether the section of a layer tells what changes in the resource that nests it; `tagged` says that tags
    of the layer's stack change.

    Of a nested stack that stays as it is, AWS says that any property may change, because of the nested stack itself
    (ChangeSource Automatic: API reference, ResourceChangeDetail): only its section says whether one does.
    """
    steps = value["path"]
    if steps == ["Properties"] and value["cause"] == CauseKind.NESTED_STACK:
        return True
    what = steps[1:2] if steps[:1] == ["Properties"] else steps[:1]
    passed_on = tagged or value["cause"] == _TAGGED
    return what in (["TemplateURL"], ["Parameters"]) or (what == ["Tags"] and passed_on)


def only_tagged(row: Row) -> bool:
    """Return whether nothing happens to a resource but that the stack's tags are passed on to it."""
    in_place = row["action"] == "Modify" and row["replacement"] in ("False", "")
    return in_place and {each["cause"] for each in row["properties"]} == {_TAGGED} and not row["disagreements"]


def display_only(row: Row, stack: Stack) -> bool:
    """Return whether a row only shows what changes in other resources."""
    return row["logical_id"] in stack["wiring"]["display"]


def shows_values(row: Row) -> bool:
    """Return whether the values of a row say more than its kind does: all of them are new, or go, with the resource."""
    return row["kind"] in (CHANGE, REVISION, REPLACE, OTHER)


def effect(row: Row, value: Property) -> str:
    """Return what this value does to a resource that is, or may be, replaced; empty where it does nothing to that."""
    if not value.get("forces"):
        return ""
    return "forces the replacement" if row["replacement"] == "True" else "would replace it"


def value_remarks(value: Property) -> tuple[str, ...]:
    """Return what there is to say of a value that changes, beside before and after."""
    found = (
        f"because of {value['cause']}" if value["cause"] else "",
        f"moved from position {value['moved_from']}" if value["moved_from"] is not None else "",
        value["note"],
        f"from {value['origin']}" if value["origin"] else "",
    )
    return tuple(filter(None, found))


def follows_its_cause(value: Property) -> bool:
    """Return whether a value is what its cause will be: naming both says the same twice."""
    after = value["after"]
    return after["kind"] == "later" and value["cause"] == f"{CauseKind.RESOURCE} {after['name']}"


def has_values(value: Property) -> bool:
    """Return whether before and after say something: not where neither is known, nor of a reference whose target
    changes.
    """
    return value["before"] != value["after"] or value["before"]["kind"] == "secret"


# --- stacks -----------------------------------------------------------------------------------------------------


OwnChanges = Sequence[tuple[str, Sequence[Property]]]
"""What changes of a stack itself, under the word for it."""

Layers = Mapping[str, Stack]
"""The layers that have a section of their own."""


def layers_of(plan: Plan) -> Layers:
    """Return the stacks of a plan by their layers."""
    return {each["layer"]: each for each in plan["stacks"]}


def created(stack: Stack) -> bool:
    """Return whether the stack is a new one, so that everything in it is new."""
    return stack["action"] in ("create", "recreate")


def notes(stack: Stack) -> Sequence[str]:
    """Return the notes that decide something: without the details, which come first."""
    return stack["notes"][len(stack["details"]) :]


def gated(stack: Stack) -> Sequence[str]:
    """Return the widenings that somebody must agree to, as sentences."""
    return [each["sentence"] for each in stack["widenings"] if each["gated"]]


def worth_showing(stack: Stack) -> bool:
    """Return whether a stack has something to tell, be it wiring alone."""
    own = stack["settings"] or stack["parameters"] or stack["tags"] or stack["outputs"]
    return bool(own or stack["notes"] or stack["disagreements"] or rows(stack)) or stack["action"] not in (
        "none",
        "update",
    )


def only_wiring(stack: Stack, layers: Layers) -> bool:
    """Return whether all that a stack has to tell is wiring."""
    if stack["action"] != "update" or not any(stack["wiring"].values()):
        return False
    if notes(stack) or stack["disagreements"] or stack["widenings"]:
        return False
    own = any(some for _, some in decided_changes(stack, layers))
    return not own and all(display_only(each, stack) for each in rows(stack))


def decided_changes(stack: Stack, layers: Layers) -> OwnChanges:
    """Return what `own_changes` has without wiring, and without the tags that a nested stack has from its root."""
    wired = stack["wiring"]
    left = {"parameter": set(wired["parameters"]), "output": set(wired["outputs"])}
    if ROOT in layers and stack["layer"] != ROOT:
        left["tag"] = {str(each["path"][0]) for each in layers[ROOT]["tags"]}
    return tuple(
        (title, tuple(each for each in some if str(each["path"][0]) not in left.get(title, ())))
        for title, some in own_changes(stack)
    )


def wiring_line(plan: Plan) -> str:
    """Return all wiring of a plan: how many parameters and outputs, and what shows others; empty where
    there is none.
    """
    found = [(each["layer"], each["wiring"]) for each in plan["stacks"]]
    parameters = sum(len(one["parameters"]) for _, one in found)
    outputs = sum(len(one["outputs"]) for _, one in found)
    display = [f"{layer}/{name}" for layer, one in found for name in one["display"]]
    said = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((parameters, "parameter"), (outputs, "output"))
        if count
    ]
    return ", ".join((*said, *display))


def unchanged(plan: Plan) -> tuple[str, ...]:
    """Return the layers that have nothing to tell."""
    return tuple(each["layer"] for each in plan["stacks"] if not worth_showing(each))


def rows(stack: Stack) -> Sequence[Row]:
    """Return the rows of a stack; of a nested layer only one that tells what its own section does not."""
    return [each for each in stack["changes"] if each["counted"] or display_only(each, stack)]


def own_changes(stack: Stack) -> OwnChanges:
    """Return the stack's settings, parameters, tags and outputs that change; of one that is created all are new, and
    only settings are reported.
    """
    settings = ("stack setting", stack["settings"])
    if created(stack):
        return (settings,)
    return settings, ("parameter", stack["parameters"]), ("tag", stack["tags"]), ("output", stack["outputs"])


def granted(stack: Stack) -> str:
    """Return `8 permissions and 3 network paths, within the account`: what a new stack opens there, or an existing one
    within its environment, as numbers; empty for none.
    """
    return granted_together((stack,))


def granted_together(stacks: Sequence[Stack]) -> str:
    """Return the same of several stacks."""
    found = Counter(each["kind"] for one in stacks for each in one["widenings"] if not each["gated"])
    said = [f"{found[key]} {one if found[key] == 1 else many}" for key, one, many in _OPENED if found[key]]
    where = "account" if all(map(created, stacks)) else "environment"
    return f"{' and '.join(said)}, within the {where}" if said else ""


def layer_cost(plan: Plan, layer: str) -> str:
    """Return `+9.15 USD/month`: what the resources of a layer change in the expected cost; empty for nothing."""
    some = plan["cost"]["resources"] if plan["cost"] else ()
    amount = sum(change_of(each)["expected"] for each in some if each["layer"] == layer)
    return f"{usd(amount)} USD/month" if abs(amount) >= CENT else ""


def over_budget(plan: Plan) -> str:
    """Return that a month costs more than the budget; empty when it does not."""
    cost, budget = plan["cost"], plan["budget"]
    if cost is None or budget is None or not plan["over_budget"]:
        return ""
    return f"{cost['after']['expected']:,.2f} USD a month is more than cost.budget, {budget:,.2f}"


def action(stack: Stack) -> str:
    """Return what happens to a stack. One whose rows alone change, and not its template, is updated as well."""
    return _ACTIONS.get(stack["action"], stack["action"])


def source(stack: Stack) -> str:
    """Return where the rows of a stack come from, and what must be there before they can be known."""
    both = any(each["source"] == Source.BOTH for each in stack["changes"])
    said = "from comparing templates"
    if stack["source"] == Source.CHANGE_SET:
        said = f"from AWS's change set{', compared with the templates' if both else ''}"
    if stack["action"] == "revert":
        said = f"from AWS's drift-aware change set{', compared with the drift found' if both else ''}"
    return f"{said}; waits for {', '.join(stack['waits_for'])}" if stack["waits_for"] else said


# --- the whole --------------------------------------------------------------------------------------------------


def where(plan: Plan) -> str:
    """Return `prod in account 123456789012, eu-central-1`; `prod against main`; of two environments `dev -> prod`."""
    if plan["between"]:
        return f"{plan['against']} -> {plan['environment']}"
    if plan["against"]:
        return f"{plan['environment']} against {plan['against']}"
    return f"{plan['environment']} in account {plan['account']}, {plan['region']}"


def counts(plan: Plan) -> dict[Kind, int]:
    """Return how many rows there are of each kind; a nested stack counts when something of its own changes."""
    return count(row for each in plan["stacks"] for row in each["changes"])


def count(changes: Iterable[Row]) -> dict[Kind, int]:
    """Return how many of these rows there are of each kind; what only shows other resources is no change."""
    found = Counter(row["kind"] for row in changes if row["counted"])
    return {each: found[each] for each in SIGNS}


def summary(plan: Plan, room: int = 1000) -> str:
    """Return `12 to add, 3 to change, 1 to replace, 0 to remove`; of two environments, what only one of them has.

    New revisions and what is unknown are named where there are any, and the price where there is room for it: cost
    lines say it as well.
    """
    found = counts(plan)
    if plan["between"]:
        return (
            f"{len(plan['settings'])} values differ; {found[ADD]} resources {label(plan, ADD)}, "
            f"{found[REMOVE]} {label(plan, REMOVE)}, {found[CHANGE]} {label(plan, CHANGE)}"
        )
    named = [each for each in SIGNS if each not in (IMPORT, REVISION, OTHER) or found[each]]
    text = ", ".join(f"{found[each]} {label(plan, each, found[each])}" for each in named)
    price = plan["cost"]["text"] if plan["cost"] else ""
    whole = f"{text}; {price}" if price else text
    return whole if len(whole) <= room else text


def label(plan: Plan, what: Kind, number: int = 2) -> str:
    """Return what is said after the number of rows of a kind."""
    other, this = plan["against"], plan["environment"]
    between: Mapping[Kind, str] = {ADD: f"only in {this}", REMOVE: f"only in {other}", CHANGE: "in both and different"}
    if plan["between"] and what in between:
        return between[what]
    if what == REVISION:
        return "new revision" if number == 1 else "new revisions"
    return "unknown until it runs" if what == OTHER else f"to {what}"


def refusal(each: Refusal) -> str:
    """Return a refusal as a sentence."""
    return f"{each['place']} ({each['type']}) {each['why']}"


def all_gated(plan: Plan) -> tuple[str, ...]:
    """Return the widenings of all stacks that somebody must agree to."""
    return tuple(found for each in plan["stacks"] for found in gated(each))


def alerts(plan: Plan) -> Sequence[tuple[str, Sequence[str], bool]]:
    """Return what comes first in a page or a comment, under its headings: refusals, widenings, the budget, warnings;
    and of each whether `deploy` refuses it without a flag.
    """
    expensive = over_budget(plan)
    runs = (" ".join(plan["release"]["text"].split()[1:]),) if plan["release"] else ()
    found: tuple[tuple[str, Sequence[str], bool], ...] = (
        ("Runs a release command", runs, False),
        ("Refused without --allow-data-loss", tuple(map(refusal, plan["refusals"])), True),
        ("Interrupts the running service", interruption_lines(plan), False),
        ("Widens access; needs --allow-widening", all_gated(plan), False),
        ("Refused without --allow-cost", (expensive,) if expensive else (), True),
        ("Wrong in the account", wrong_lines(plan["checks"]), False),
        ("Drift: not as the stacks say", drift_lines(plan), False),
        ("Warnings", plan["warnings"], False),
    )
    return [each for each in found if each[1]]


def title(plan: Plan) -> str:
    """Return what stands before the name of the environment in the title of a plan."""
    return "Plan to put back what was changed by hand in" if plan["reverts_drift"] else "Plan for"


def asks(plan: Plan) -> str:
    """Return the command that asks before it does what the plan says."""
    return "drift --revert" if plan["reverts_drift"] else "deploy"


def image_line(plan: Plan) -> str:
    """Return `image  v41 -> v42`: the tag of the API's image that runs and the one that will; empty without one."""
    if not (plan["image_tag"] or plan["running_tag"]):
        return ""
    before, after = plan["running_tag"] or "placeholder", plan["image_tag"] or "placeholder"
    return f"image  {before}" if before == after else f"image  {before} -> {after}"


def release_text(command: Sequence[str], tag: str, before: str) -> str:
    """Return `release  node src/release.ts runs with v42 before api`."""
    runs = " ".join(shlex.join(command).split())
    return f"release  {runs} runs with {tag} before {before if before == 'api' else f'{before} (api)'}"


def unknown_line(plan: Plan) -> str:
    """Return which checks of the account could not tell; empty where all could."""
    some = unknown_checks(plan["checks"])
    why = f"`infragen doctor --env {plan['environment']}` says why"
    return f"not checked: {', '.join(some)}; {why}" if some else ""


def interruption_lines(plan: Plan) -> tuple[str, ...]:
    """Return each row that interrupts the running service, with what for how long; those with the same words as one."""
    places: dict[tuple[str, str], list[str]] = {}
    found = [(row["place"], row["interruption"]) for each in plan["stacks"] for row in each["changes"]]
    for place, each in sorted(found, key=lambda one: -LEVELS.index(one[1]["level"])):
        if each["level"] != NO and not plan["between"]:
            places.setdefault((each["level"], each["what"]), []).append(place)
    return tuple(f"{level}: {', '.join(some)}: {what}" for (level, what), some in places.items())


def drift_lines(plan: Plan) -> tuple[str, ...]:
    """Return what somebody changed by hand, with its place and what the deployment does about it."""
    found = ((each["place"], text) for each in plan["drift"] or () for text in drift_sentences(each))
    return tuple(f"{place}: {text.removeprefix('drift: ')}" for place, text in found)


LONGEST_DRIFT = 60
"""Characters of a value in a sentence about drift."""


def drift_sentences(found: Drift) -> tuple[str, ...]:
    """Return what drifted and what becomes of it: one sentence for each property, or one for the resource."""
    if not found["properties"]:
        status, reason = found["status"], found["reason"] or "no reason"
        lead = "" if status == "DELETED" else f"is {status} ({reason}), "
        return (f"drift: it {lead}{found['fate']}",)
    return tuple(
        f"drift: {each['name']} should be {_short(each['expected'])}, is {_short(each['actual'])}: it {each['fate']}"
        for each in found["properties"]
    )


def _short(value: Value) -> str:
    held = plain_of(value)
    text = held if isinstance(held, str) else json.dumps(held, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_DRIFT else f"{text[:LONGEST_DRIFT]}… ({len(text)} characters)"


def cost_summary(change: Usd, unpriced: Sequence[str]) -> str:
    """Return `+14.20 USD/month`, at expected load; empty where a deployment costs nothing more and nothing less."""
    if negligible(change) and not unpriced:
        return ""
    return f"{usd(change['expected'])} USD/month{', not all of it priced' if unpriced else ''}"


def negligible(amounts: Usd) -> bool:
    """Return whether no column reaches a cent."""
    return _farthest(amounts) < CENT


def cost_lines(cost: Cost, most: int = 5, least: float = CENT) -> Iterator[str]:
    """Yield what a deployment changes in the monthly cost: all columns, the resources that matter, what is not priced.

    At most so many resources have a line of their own, and those alone whose cost changes by `least` USD a month.
    """
    change = cost["change"]
    if not cost["text"]:
        return
    head = f"{usd(change['expected'])} ({cost['before']['expected']:,.2f} -> {cost['after']['expected']:,.2f})"
    low, high = usd(change["minimum"]), usd(change["maximum"])
    apart = f"; at minimum {low}, at maximum {high}" if {low, high} != {usd(change["expected"])} else ""
    yield f"cost in USD a month, {cost['prices']}: {head}{apart}"
    some = [(each, change_of(each)) for each in cost["resources"]]
    some.sort(key=lambda each: (-abs(each[1]["expected"]), -_farthest(each[1])))
    told = [each for each in some if _farthest(each[1]) >= least][:most]
    for each, usd_of in told:
        apart = f" (at maximum {usd(usd_of['maximum'])})" if abs(usd_of["expected"]) < CENT else ""
        yield f"  {usd(usd_of['expected']):>10}  {each['place']}{apart}"
    if (rest := some[len(told) :]) and told:
        yield f"  {usd(sum(each['expected'] for _, each in rest)):>10}  {len(rest)} more"
    for text in cost["unpriced"]:
        yield f"  not priced  {text}"


def change_of(resource: ResourceCost) -> Usd:
    """Return what a resource costs more, or less where it is negative."""
    before, after = resource["before"], resource["after"]
    return {
        "minimum": after["minimum"] - before["minimum"],
        "expected": after["expected"] - before["expected"],
        "maximum": after["maximum"] - before["maximum"],
    }


def _farthest(amounts: Usd) -> float:
    """Return the amount of the column where that is most."""
    return max(abs(each) for each in (amounts["minimum"], amounts["expected"], amounts["maximum"]))


def usd(amount: float) -> str:
    """Return an amount with its sign and cents; what is less than half a cent has none."""
    return f"{amount:+,.2f}" if abs(amount) >= CENT else "0.00"


# --- values -----------------------------------------------------------------------------------------------------


def plain_of(value: Value) -> object:
    """Return a side of a change in JSON's types: the value, or the words for one that is not there or not known."""
    return value["value"] if "value" in value else value["text"]


def shown(value: object, room: int) -> str:
    """Return a template value on one line, cut to the room with its length."""
    text = visible(value) if isinstance(value, str) else text_of(value)
    text = " ".join(text.split()) if "\n" in text else text
    if len(text) <= room:
        return text or '""'
    length = f"… ({len(text)} characters)"
    return text[: max(4, room - len(length))] + length


def pair(change: Property, room: int) -> tuple[str, str]:
    """Return before and after on one line each; one longer than the room is cut, with its length, around
    what differs.
    """
    if change["before"]["kind"] == change["after"]["kind"] == "secret":
        return change["before"]["text"], "(secret, changed)"
    before, after = (" ".join(_one_text(each).split()) or '""' for each in (change["before"], change["after"]))
    shared = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(before, after, strict=False)))
    start = max(0, shared - room // 4) if shared > room // 3 else 0
    return _cut(before, start, room), _cut(after, start, room)


def is_cut(change: Property, room: int) -> bool:
    """Return whether `pair` leaves something out of a value: its end, or its line breaks."""
    texts = [_one_text(each) for each in (change["before"], change["after"])]
    return any(len(each) > room or "\n" in each for each in texts)


def _one_text(value: Value) -> str:
    held = plain_of(value)
    return visible(held) if isinstance(held, str) else text_of(held)


def _cut(text: str, start: int, room: int) -> str:
    """Return a text from a position on, with a sign for what is left out on either side, and its whole length."""
    if len(text) <= room:
        return text
    lead, length = "…" if start else "", f"… ({len(text)} characters)"
    space = max(4, room - len(lead) - len(length))
    rest = text[start:]
    return f"{lead}{rest}" if len(rest) <= space else f"{lead}{rest[:space]}{length}"


def whole(value: Value) -> tuple[str, ...]:
    """Return all of a template value, line by line; a structure that does not fit one line as it stands
    in a template.
    """
    held = plain_of(value)
    return _spread(held) if _wide(held) else _lines(held)


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


def line_changes(before: Value, after: Value) -> tuple[tuple[str, str], ...]:
    """Return two values whole, line by line: each with `-`, `+`, or a blank where both have it."""
    sides = [plain_of(each) for each in (before, after)]
    read = _spread if any(map(_wide, sides)) else _lines
    old, new = (
        () if each["kind"] == "absent" else read(side) for each, side in zip((before, after), sides, strict=True)
    )
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
    if not isinstance(value, dict | list | bool | int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)
