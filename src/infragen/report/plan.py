"""A plan as text: stack by stack in deployment order, what happens to each resource, and one line that sums it up.

How much is reported is `Detail`: a line per layer, a section per layer with what is decided on, or everything. Lines
come as rich `Text`, so that the same words serve a terminal in colour and a file without. What is said the same way in
every format is in `plan_words`.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import groupby

from rich.text import Text

from infragen.assembly.stacks import ROOT
from infragen.cost import CENT
from infragen.plan.model import EnvironmentPlan
from infragen.report import plan_words as words
from infragen.report.added_values import added_values, fitted
from infragen.report.checks import wrong_lines
from infragen.report.plan_document import plan_document
from infragen.report.plan_types import Kind, Plan, Property, Row, Stack
from infragen.report.plan_words import ADD, CHANGE, IMPORT, OTHER, REMOVE, REPLACE, REVISION
from infragen.report.wrapping import wrapped

INDENT = " " * 10
BESIDE_SIGN, COST = 6, 14
"""Where a sentence with a sign, and what costs so much, go on when a line is full."""

FEW = 4
"""From how many resources on those that only get the stack's tags are reported in one line."""

FEW_COSTS, COSTS = 3, 5
"""Resources whose cost has a line of its own, without and with all detail."""
WORTH_A_LINE = 1.0
"""USD a month by which the cost of such a resource changes at least, without all detail."""

COLOURS = {
    ADD: "green", IMPORT: "green", CHANGE: "yellow", REVISION: "yellow", REPLACE: "magenta", REMOVE: "red",
    OTHER: "red",
}  # fmt: skip
GRAVE = (REPLACE, REMOVE, OTHER)
"""Kinds of rows that are reported one by one however little is reported."""


LOUD = ("stack setting", "parameter")
"""Values of a stack itself that are reported however little is reported."""


class Detail(IntEnum):
    """How much of a plan is reported."""

    LAYERS = 0
    """A line per layer, and what is replaced, deleted or unknown."""
    ROWS = 1
    """Each resource of a stack that exists, a line for a stack that is created."""
    ALL = 2
    """Each resource and every value, whole."""


def plan_lines(plan: EnvironmentPlan, width: int, detail: Detail = Detail.ROWS) -> Iterator[Text]:
    """Yield the plan in lines of that width: values are cut unless all is reported, sentences broken between words.

    A word alone that is wider still, a path or an ARN, stays whole.
    """
    for line in _lines(plan_document(plan), width, detail):
        yield from wrapped(line, width)


def _lines(plan: Plan, width: int, detail: Detail) -> Iterator[Text]:
    for warning in plan["warnings"]:
        yield Text.assemble(("warning: ", "yellow"), warning)
    if not plan["changed"]:
        yield Text(f"{words.where(plan)}: nothing to change")
        if image := words.image_line(plan):
            yield Text(f"  {image}", style="dim")
        yield from _drift(plan)
        for each in plan["stacks"]:
            yield from (Text(f"  note: {each['layer']}: {note}", style="yellow") for note in words.notes(each))
            yield from _own_values(words.own_changes(each), f"  {each['layer']}: ", width, detail)
            yield from _disagreements(each)
        return
    yield from _title(plan, width)
    layers = words.layers_of(plan)
    shown = [each for each in plan["stacks"] if words.worth_showing(each)]
    if detail < Detail.ALL:
        shown = [each for each in shown if not words.only_wiring(each, layers)]
    folded = [each for each in shown if _is_folded(each, detail)]
    if marks := _marks([each for each in shown if each not in folded], folded, detail):
        yield Text(marks, style="dim")
    if folded:
        yield Text()
        yield from _folded(plan, folded, width)
    for each in shown:
        if each not in folded:
            yield Text()
            yield from _stack(each, layers, width, detail)
    yield Text()
    yield from _whole(plan, width, detail, bool(folded))


def _title(plan: Plan, width: int) -> Iterator[Text]:
    """Yield which environment, and which image runs and will run, on one line where that fits."""
    title, image = f"{words.title(plan)} {words.where(plan)}", words.image_line(plan)
    together = f"{title}, {' '.join(image.split())}" if image else title
    if len(together) <= width:
        yield Text(together, style="bold")
        return
    yield Text(title, style="bold")
    if image:
        yield Text(image, style="dim")


def _whole(plan: Plan, width: int, detail: Detail, folded: bool) -> Iterator[Text]:
    """Yield what is said of the plan as a whole, the sum last."""
    if quiet := words.unchanged(plan):
        yield Text(f"unchanged: {', '.join(quiet)}", style="dim")
    if detail < Detail.ALL and (wired := words.wiring_line(plan)):
        yield Text(f"wiring (--verbose): {wired}", style="dim")
    opening = [each for each in plan["stacks"] if not words.created(each)] if detail < Detail.ALL else []
    if granted := words.granted_together(opening):
        yield Text(f"opens {granted}", style="dim")
    if plan["release"]:
        yield from wrapped(Text(plan["release"]["text"], style="bold"), width, 9)
    yield from _drift(plan)
    for refusal in plan["refusals"]:
        yield Text.assemble(("refused without --allow-data-loss ", "red"), words.refusal(refusal))
    yield from _interruptions(plan)
    for wrong in wrong_lines(plan["checks"]):
        yield Text.assemble(("✗ ", "red"), wrong)
    if unknown := words.unknown_line(plan):
        yield Text(f"? {unknown}", style="dim")
    if words.all_gated(plan):
        asks = f"(marked !): `{words.asks(plan)}` asks, or takes --allow-widening LAYER/ID"
        yield Text.assemble(("access widens ", "red"), asks)
    if expensive := words.over_budget(plan):
        yield Text.assemble(("refused without --allow-cost ", "red"), expensive)
    most, least = (COSTS, CENT) if detail == Detail.ALL else (FEW_COSTS, WORTH_A_LINE)
    for line in words.cost_lines(plan["cost"], most, least) if plan["cost"] and detail > Detail.LAYERS else ():
        yield from wrapped(Text(line, style="dim"), width, COST if line.startswith(" ") else 4)
    if folded and detail > Detail.LAYERS:
        yield Text("--verbose shows each resource", style="dim")
    yield Text(words.summary(plan, width), style="bold")


def _is_folded(stack: Stack, detail: Detail) -> bool:
    """Return whether a stack is one line: a new one, of which everything is new, or every one where
    little is reported.
    """
    if detail == Detail.ALL:
        return False
    return detail == Detail.LAYERS or (words.created(stack) and all(each["kind"] == ADD for each in stack["changes"]))


def _folded(plan: Plan, stacks: Sequence[Stack], width: int) -> Iterator[Text]:
    """Yield a line per stack: how many resources, and what they cost; below it what must not be overlooked."""
    layers = words.layers_of(plan)
    told = _told_in_one_line(stacks)
    column = max((len(each["layer"]) for each in told), default=0)
    for each in told:
        counts = words.count(words.rows(each))
        mark = _layer_mark(each)
        said = _counted(plan, each, counts)
        price = words.layer_cost(plan, each["layer"])
        line = f"{each['layer'].ljust(column)}  {', '.join(filter(None, (said, price)))}"
        yield Text.assemble((f"  {words.SIGNS[mark]:>3} ", COLOURS[mark]), line)
        yield from change_lines(_grave(each), width, each["source"], layers=layers)
        own = words.decided_changes(each, layers)
        yield from _own_values([(title, some) for title, some in own if title in LOUD], "      ", width)
        yield from _notes(each, width)
    if opened := words.granted_together([each for each in told if words.created(each)]):
        yield Text(f"      opens {opened}", style="dim")


def _told_in_one_line(stacks: Sequence[Stack]) -> Sequence[Stack]:
    return [each for each in stacks if not _only_nests(each)]


def _layer_mark(stack: Stack) -> Kind:
    """Return the kind whose sign stands before the line of a whole stack: the gravest that it has."""
    counts = words.count(words.rows(stack))
    known = ADD if words.created(stack) else CHANGE
    return next((kind for kind in (*GRAVE, CHANGE, REVISION, IMPORT, ADD) if counts[kind]), known)


def _grave(stack: Stack) -> Sequence[Row]:
    """Return the rows that stand below the line of a whole stack."""
    return [row for row in words.rows(stack) if row["kind"] in GRAVE]


def _only_nests(stack: Stack) -> bool:
    """Return whether a new stack holds nothing but the layers, which have lines of their own."""
    own = words.notes(stack) or stack["disagreements"] or words.gated(stack) or stack["settings"]
    return stack["layer"] == ROOT and not (words.rows(stack) or own)


def _counted(plan: Plan, stack: Stack, counts: dict[Kind, int]) -> str:
    """Return `45 resources` of a new stack; of another one how many of each kind, or what happens to it."""
    if words.created(stack):
        return f"{counts[ADD]} resource{'' if counts[ADD] == 1 else 's'}{_again(stack)}"
    said = [f"{number} {words.label(plan, kind, number)}" for kind, number in counts.items() if number]
    return ", ".join(said) or words.action(stack)


def _again(stack: Stack) -> str:
    waits = f", waits for {', '.join(stack['waits_for'])}" if stack["waits_for"] else ""
    return f" ({words.action(stack)}){waits}" if stack["action"] != "create" else waits


def _marks(whole: Sequence[Stack], folded: Sequence[Stack], detail: Detail) -> str:
    """Return what each mark that is used below means; empty where none is. `folded` stacks are a line each."""
    folded = _told_in_one_line(folded)
    rows = [(row, each) for each in whole for row in _shown_rows(each, detail)]
    rows += [(row, each) for each in folded for row in _grave(each)]
    used = {row["kind"] for row, _ in rows} | set(map(_layer_mark, folded))
    found = [f"{words.SIGNS[kind]} {word}" for kind, word in words.LEGEND.items() if kind in used]
    said = "".join(aside[0] for row, stack in rows for aside in words.asides(row, stack["source"]))
    said += words.DISAGREE if any(each["disagreements"] for each in (*whole, *folded)) else ""
    said += "!" if any(map(words.gated, (*whole, *folded))) else ""
    return "  ".join((*found, *(f"{sign} {word}" for sign, word in words.MARKS.items() if sign in said)))


def _interruptions(plan: Plan) -> Iterator[Text]:
    """Yield what stops while the deployment runs."""
    lines = words.interruption_lines(plan)
    if lines:
        yield Text("interrupts the running service:", style="yellow")
    elif not plan["between"] and any(each["changes"] for each in plan["stacks"]):
        yield Text("interrupts nothing that runs", style="dim")
    for each in lines:
        yield Text(f"  {each}", style="yellow")


def _drift(plan: Plan) -> Iterator[Text]:
    """Yield what is not as the stacks say; nothing where nobody looked."""
    if plan["drift"] is None:
        return
    lines = words.drift_lines(plan)
    yield Text("drift: not as the stacks say" if lines else "drift: none found", style="yellow" if lines else "dim")
    for each in lines:
        yield Text(f"  {each}", style="yellow")


def _stack(stack: Stack, layers: words.Layers, width: int, detail: Detail) -> Iterator[Text]:
    yield _header(stack, width, detail)
    rows = _shown_rows(stack, detail)
    tagged = [each["logical_id"] for each in rows if words.only_tagged(each)]
    told = [each for each in rows if len(tagged) < FEW or each["logical_id"] not in tagged]
    yield from change_lines(told, width, stack["source"], detail, layers)
    if len(tagged) >= FEW:
        many = f"{len(tagged)} {'more' if told else 'resources'}: only their tags change, as the stack's do"
        yield Text.assemble(("    ~ ", COLOURS[CHANGE]), many)
    own = words.own_changes(stack) if detail == Detail.ALL else words.decided_changes(stack, layers)
    yield from _own_values(own, "  ", width, detail)
    if detail == Detail.ALL or not (rows or any(some for _, some in own) or words.notes(stack)):
        yield from (Text(f"  note: {each}", style="yellow") for each in stack["details"])
    yield from _notes(stack, width)
    if detail == Detail.ALL and (granted := words.granted(stack)):
        yield Text(f"    opens {granted}", style="dim")


def _shown_rows(stack: Stack, detail: Detail) -> Sequence[Row]:
    rows = words.rows(stack)
    return rows if detail == Detail.ALL else [each for each in rows if not words.display_only(each, stack)]


def _header(stack: Stack, width: int, detail: Detail) -> Text:
    """Return the layer, its stack and where its rows come from; without the stack's name where that does not fit."""
    names = (f"  {stack['stack']}", "") if stack["stack"] and detail < Detail.ALL else (f"  {stack['stack']}".rstrip(),)
    lines = [
        Text.assemble((stack["layer"], "bold"), f"{name}: {words.action(stack)}", (f"  ({words.source(stack)})", "dim"))
        for name in names
    ]
    return next((each for each in lines if each.cell_len <= width), lines[-1])


def _notes(stack: Stack, width: int) -> Iterator[Text]:
    """Yield what must not be overlooked of a stack: notes, disagreements, what is opened."""
    for note in words.notes(stack):
        yield Text(f"  note: {note}", style="yellow")
    for line in _disagreements(stack):
        yield from wrapped(line, width, BESIDE_SIGN)
    for widening in words.gated(stack):
        yield from wrapped(Text.assemble(("    ! ", "red"), widening), width, BESIDE_SIGN)


def _own_values(own: words.OwnChanges, before: str, width: int, detail: Detail = Detail.ROWS) -> Iterator[Text]:
    """Yield the settings, parameters, tags and outputs of the stack itself."""
    for title, some in own:
        for each in some:
            yield from _fitting(_value_lines(f"{before}{title} {each['name']}", each, width, detail), width)


def _disagreements(stack: Stack) -> Iterator[Text]:
    for each in stack["disagreements"]:
        yield Text(f"    {words.DISAGREE} the sources disagree: {stack['layer']}: {each}", style="yellow")


def change_lines(
    rows: Sequence[Row],
    width: int,
    source: str = "",
    detail: Detail = Detail.ROWS,
    layers: words.Layers | None = None,
) -> Iterator[Text]:
    """Yield resources with their logical ids in one column, as far as their types fit beside it, and the values that
    change.

    Lines fit the width, as those of `plan_lines`. What one line of the environment file decides of several resources
    in a row is reported once, above them.
    """
    room = width - len("  -/+   ") - max((len(each["type"]) for each in rows), default=0)
    indent = min(max((len(each["logical_id"]) for each in rows), default=0), max(room, 0))
    for origin, some in groupby(rows, key=lambda each: each["origin"]):
        together = list(some)
        once = bool(origin) and len(together) > 1
        if once:
            yield from wrapped(Text(f"    from {origin}:", style="dim"), width, len(INDENT))
        for row in together:
            yield from _fitting(_row(row, indent, width, source, detail, "" if once else origin, layers or {}), width)


def _fitting(lines: Iterator[Text], width: int) -> Iterator[Text]:
    """Yield what is said of one resource or value: what continues stands below the values."""
    for line in lines:
        yield from wrapped(line, width, len(INDENT) + 2 * line.plain.startswith(INDENT))


def _row(
    change: Row, indent: int, width: int, source: str, detail: Detail, origin: str, layers: words.Layers
) -> Iterator[Text]:
    what, remark = change["kind"], change["remark"]
    colour = COLOURS[what]
    line = Text.assemble(
        (f"  {words.SIGNS[what]:>3} ", colour),
        (change["logical_id"].ljust(indent), "bold" if what in (REPLACE, REMOVE) else ""),
        (f"  {change['type']}", "dim"),
    )  # fmt: skip
    values = fitted(added_values(change), width - len(INDENT)) if detail < Detail.ALL else ""
    asides = ((remark, colour), (values, "dim"), (f"from {origin}" if origin else "", "dim"))
    yield from _with_asides(line, [Text(*each) for each in asides if each[0]], width)
    for each in words.asides(change, source):
        yield Text(f"        {each}", style="yellow")
    if words.shows_values(change):
        for value in words.told(change, layers):
            lead = f"        {value['name']}"
            yield from _value_lines(lead, value, width, detail, words.effect(change, value))
    elif detail == Detail.ALL:
        yield from _all_values(change, layers)


def _all_values(change: Row, layers: words.Layers) -> Iterator[Text]:
    """Yield everything that a resource has which is new, or goes, line by line."""
    for value in words.own_values(change, layers):
        side = value["after"] if change["action"] == "Add" else value["before"]
        lines = words.whole(side)
        yield Text(f"        {value['name']}  {lines[0]}" if len(lines) == 1 else f"        {value['name']}")
        if len(lines) > 1:
            yield from (Text(f"{INDENT}{each}") for each in lines)


def _value_lines(
    lead: str, change: Property, width: int, detail: Detail = Detail.ROWS, effect: str = ""
) -> Iterator[Text]:
    """Yield a value on one line where it fits; else its two sides below, together or one by one, cut to the width, or
    whole where all is reported.
    """
    tail, asides = (f"  {effect}" if effect else ""), [Text(each, "dim") for each in words.value_remarks(change)]
    if not words.has_values(change) or (detail < Detail.ALL and words.follows_its_cause(change)):
        yield from _with_asides(Text.assemble(lead, (tail, "magenta")), asides, width)
        return
    before, after = words.pair(change, words.WIDEST_VALUE)
    both = Text.assemble((before, "red"), " -> ", (after, "green"))
    cut = words.is_cut(change, words.WIDEST_VALUE)
    if len(lead) + len(both) + len(tail) + 2 <= width and not (cut and detail == Detail.ALL):
        yield from _with_asides(Text.assemble(lead, "  ", both, (tail, "magenta")), asides, width)
        return
    yield Text.assemble(lead, (tail, "magenta"))
    if detail == Detail.ALL and (cut or len(INDENT) + len(both) > width):
        for sign, line in words.line_changes(change["before"], change["after"]):
            yield Text(f"{INDENT}{sign} {line}", style={"-": "red", "+": "green"}.get(sign, ""))
        yield from (Text.assemble(INDENT, each) for each in asides)
        return
    if len(INDENT) + len(both) <= width:
        yield from _with_asides(Text.assemble(INDENT, both), asides, width)
        return
    before, after = words.pair(change, min(words.WIDEST_VALUE, width - len(INDENT) - 3))
    if change["before"]["kind"] != "absent":
        yield Text.assemble(INDENT, (before, "red"))
    yield from _with_asides(Text.assemble(f"{INDENT[3:]}-> ", (after, "green")), asides, width)


def _with_asides(line: Text, asides: Sequence[Text], width: int) -> Iterator[Text]:
    """Yield a line with what else is said of it: beside it where there is room, else below."""
    below = []
    for each in asides:
        if len(line) + len(each) + 2 <= width:
            line = Text.assemble(line, "  ", each)
        else:
            below.append(each)
    yield line
    for each in below:
        yield Text.assemble(INDENT, each)
