"""A plan as text: stack by stack in deployment order, what happens to each resource, and one line that sums it up.

Lines come as rich `Text`, so that the same words serve a terminal in colour and a file without. What is said the same
way in every format is in `plan_words`.
"""

from collections.abc import Iterator, Sequence

from rich.text import Text

from infragen.cloudformation import PropertyChange, ResourceChange
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.report import plan_words as words
from infragen.report.plan_words import ADD, CHANGE, OTHER, REMOVE, REPLACE
from infragen.report.wrapping import wrapped

INDENT = " " * 10
BESIDE_SIGN, COST = 6, 14
"""Where a sentence with a sign, and what costs so much, go on when a line is full."""

FEW = 4
"""From how many resources on those that only get the stack's tags are told in one line."""

COLOURS = {ADD: "green", CHANGE: "yellow", REPLACE: "magenta", REMOVE: "red", OTHER: "red"}


def plan_lines(plan: EnvironmentPlan, width: int) -> Iterator[Text]:
    """The whole plan in lines of that width: values are cut, sentences broken between words.

    A word alone that is wider still, a path or an ARN, stays whole.
    """
    for line in _lines(plan, width):
        yield from wrapped(line, width)


def _lines(plan: EnvironmentPlan, width: int) -> Iterator[Text]:
    for warning in plan.warnings:
        yield Text.assemble(("warning: ", "yellow"), warning)
    if not plan.changed:
        yield Text(f"{words.where(plan)}: nothing to change")
        yield from _drift(plan)
        for each in plan.stacks:
            yield from (Text(f"  note: {each.layer}: {note}", style="yellow") for note in each.notes)
            yield from _own_values(each, f"  {each.layer}: ", width)
            yield from _disagreements(each)
        return
    yield Text(f"Plan for {words.where(plan)}", style="bold")
    layers = words.layers_of(plan)
    for each in plan.stacks:
        if words.worth_showing(each, layers):
            yield Text()
            yield from _stack(each, layers, width)
    yield Text()
    if quiet := words.unchanged(plan):
        yield Text(f"unchanged: {', '.join(quiet)}", style="dim")
    yield from _drift(plan)
    for refusal in plan.refusals:
        yield Text.assemble(("refused without --allow-data-loss ", "red"), str(refusal))
    yield from _interruptions(plan)
    if plan.gated:
        yield Text.assemble(
            ("more is let through than before ", "red"), "(marked !): `deploy` asks, or takes --allow-widening LAYER/ID"
        )
    if dear := words.over_budget(plan):
        yield Text.assemble(("refused without --allow-cost ", "red"), dear)
    for line in words.cost_lines(plan.cost) if plan.cost else ():
        yield from wrapped(Text(line, style="dim"), width, COST if line.startswith(" ") else 4)
    yield Text(words.summary(plan), style="bold")


def _interruptions(plan: EnvironmentPlan) -> Iterator[Text]:
    """What stops while the deployment runs."""
    lines = words.interruption_lines(plan)
    if lines:
        yield Text("interrupts the running service:", style="yellow")
    elif plan.interruptions and not plan.between:
        yield Text("interrupts nothing that runs", style="dim")
    for each in lines:
        yield Text(f"  {each}", style="yellow")


def _drift(plan: EnvironmentPlan) -> Iterator[Text]:
    """What is not as the stacks say; nothing where nobody looked."""
    if plan.drift is None:
        return
    lines = words.drift_lines(plan)
    yield Text("drift: not as the stacks say" if lines else "drift: none found", style="yellow" if lines else "dim")
    for each in lines:
        yield Text(f"  {each}", style="yellow")


def _stack(stack: StackPlan, layers: words.Layers, width: int) -> Iterator[Text]:
    name = f"  {stack.stack}" if stack.stack else ""
    yield Text.assemble(
        (stack.layer, "bold"), f"{name}: {words.action(stack)}", (f"  ({words.source(stack)})", "dim")
    )  # fmt: skip
    rows = words.rows(stack, layers)
    tagged = [each.logical_id for each in rows if words.only_tagged(each)]
    told = [each for each in rows if len(tagged) < FEW or each.logical_id not in tagged]
    yield from change_lines(told, width, stack.source)
    if len(tagged) >= FEW:
        many = f"{len(tagged)} {'more' if told else 'resources'}: only their tags change, as the stack's do"
        yield Text.assemble(("    ~ ", COLOURS[CHANGE]), many)
    yield from _own_values(stack, "  ", width)
    for note in stack.notes:
        yield Text(f"  note: {note}", style="yellow")
    for line in _disagreements(stack):
        yield from wrapped(line, width, BESIDE_SIGN)
    for widening in stack.gated:
        yield from wrapped(Text.assemble(("    ! ", "red"), str(widening)), width, BESIDE_SIGN)
    if granted := words.granted(stack):
        yield Text(f"    opens {granted}", style="dim")


def _own_values(stack: StackPlan, before: str, width: int) -> Iterator[Text]:
    """The settings, parameters, tags and outputs of the stack itself."""
    for title, some in words.own_changes(stack):
        for each in some:
            yield from _fitting(_value_lines(f"{before}{title} {words.path(each)}", each, width), width)


def _disagreements(stack: StackPlan) -> Iterator[Text]:
    for each in stack.disagreements:
        yield Text(f"    {words.DISAGREE} the sources disagree: {stack.layer}: {each}", style="yellow")


def change_lines(rows: Sequence[ResourceChange], width: int, source: str = "") -> Iterator[Text]:
    """Resources with their logical ids in one column, as far as their types fit beside it, and the values that change.

    Lines fit the width, as those of `plan_lines`.
    """
    room = width - len("  -/+   ") - max((len(each.type) for each in rows), default=0)
    indent = min(max((len(each.logical_id) for each in rows), default=0), max(room, 0))
    for row in rows:
        yield from _fitting(_row(row, indent, width, source), width)


def _fitting(lines: Iterator[Text], width: int) -> Iterator[Text]:
    """What is said of one resource or value: what goes on stands below the values."""
    for line in lines:
        yield from wrapped(line, width, len(INDENT) + 2 * line.plain.startswith(INDENT))


def _row(change: ResourceChange, indent: int, width: int, source: str) -> Iterator[Text]:
    what, remark = words.kind(change), words.remark(change)
    colour = COLOURS[what]
    line = Text.assemble(
        (f"  {words.SIGNS[what]:>3} ", colour),
        (change.logical_id.ljust(indent), "bold" if what in (REPLACE, REMOVE) else ""),
        (f"  {change.type}", "dim"),
    )  # fmt: skip
    asides = ((remark, colour), (f"from {change.origin}" if change.origin else "", "dim"))
    yield from _with_asides(line, [Text(*each) for each in asides if each[0]], width)
    for each in words.asides(change, source):
        yield Text(f"        {each}", style="yellow")
    if words.shows_values(change):
        for value in words.told(change):
            yield from _value_lines(f"        {words.path(value)}", value, width, words.effect(change, value))


def _value_lines(lead: str, change: PropertyChange, width: int, effect: str = "") -> Iterator[Text]:
    """A value on one line where it fits; else its two sides below, together or one by one, cut to the width."""
    tail, asides = (f"  {effect}" if effect else ""), [Text(each, "dim") for each in words.value_remarks(change)]
    if not words.has_values(change):
        yield from _with_asides(Text.assemble(lead, (tail, "magenta")), asides, width)
        return
    before, after = words.pair(change, words.WIDEST_VALUE)
    both = Text.assemble((before, "red"), " -> ", (after, "green"))
    if len(lead) + len(both) + len(tail) + 2 <= width:
        yield from _with_asides(Text.assemble(lead, "  ", both, (tail, "magenta")), asides, width)
        return
    yield Text.assemble(lead, (tail, "magenta"))
    if len(INDENT) + len(both) <= width:
        yield from _with_asides(Text.assemble(INDENT, both), asides, width)
        return
    before, after = words.pair(change, min(words.WIDEST_VALUE, width - len(INDENT) - 3))
    yield Text.assemble(INDENT, (before, "red"))
    yield from _with_asides(Text.assemble(f"{INDENT[3:]}-> ", (after, "green")), asides, width)


def _with_asides(line: Text, asides: Sequence[Text], width: int) -> Iterator[Text]:
    """A line with what else is said of it: beside it where there is room, else below."""
    below = []
    for each in asides:
        if len(line) + len(each) + 2 <= width:
            line = Text.assemble(line, "  ", each)
        else:
            below.append(each)
    yield line
    for each in below:
        yield Text.assemble(INDENT, each)
