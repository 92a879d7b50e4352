"""A plan as text: stack by stack in deployment order, what happens to each resource, and one line that sums it up.

Lines come as rich `Text`, so that the same words serve a terminal in colour and a file without. What is said the same
way in every format is in `plan_words`.
"""

from collections.abc import Iterator, Sequence

from rich.text import Text

from infragen.plan import EnvironmentPlan, StackPlan
from infragen.report import plan_words as words
from infragen.report.plan_words import ADD, CHANGE, OTHER, REMOVE, REPLACE
from infragen.stack import PropertyChange, ResourceChange

WIDEST_VALUE = 160
"""Characters of a value that are shown where the terminal leaves room for more."""

COLOURS = {ADD: "green", CHANGE: "yellow", REPLACE: "magenta", REMOVE: "red", OTHER: "red"}


def plan_lines(plan: EnvironmentPlan, width: int) -> Iterator[Text]:
    """The whole plan; property values are cut so that lines fit the width where that is possible."""
    for warning in plan.warnings:
        yield Text.assemble(("warning: ", "yellow"), warning)
    if not plan.changed:
        yield Text(f"{words.where(plan)}: nothing to change")
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
    for refusal in plan.refusals:
        yield Text.assemble(("refused without --allow-replace ", "red"), str(refusal))
    if plan.gated:
        yield Text.assemble(
            ("more is let through than before ", "red"), "(marked !): `deploy` asks, or takes --allow-widening LAYER/ID"
        )
    if dear := words.over_budget(plan):
        yield Text.assemble(("refused without --allow-cost ", "red"), dear)
    for line in words.cost_lines(plan.cost) if plan.cost else ():
        yield Text(line, style="dim")
    yield Text(words.summary(plan), style="bold")


def _stack(stack: StackPlan, layers: frozenset[str], width: int) -> Iterator[Text]:
    name = f"  {stack.stack}" if stack.stack else ""
    yield Text.assemble(
        (stack.layer, "bold"), f"{name}: {words.action(stack)}", (f"  ({words.source(stack)})", "dim")
    )  # fmt: skip
    yield from change_lines(words.rows(stack, layers), width)
    for title, some in words.own_changes(stack):
        for each in some:
            yield _value_line(f"  {title} {words.path(each)}", each, width)
    for note in stack.notes:
        yield Text(f"  note: {note}", style="yellow")
    for widening in stack.gated:
        yield Text.assemble(("    ! ", "red"), str(widening))
    if granted := words.granted(stack):
        yield Text(f"    opens {granted}, within the account", style="dim")


def change_lines(rows: Sequence[ResourceChange], width: int) -> Iterator[Text]:
    """Resources with their logical ids in one column, and the values that change in each."""
    indent = max((len(each.logical_id) for each in rows), default=0)
    for row in rows:
        yield from _row(row, indent, width)


def _row(change: ResourceChange, indent: int, width: int) -> Iterator[Text]:
    what, remark = words.kind(change), words.remark(change)
    colour = COLOURS[what]
    yield Text.assemble(
        (f"  {words.SIGNS[what]:>3} ", colour),
        (change.logical_id.ljust(indent), "bold" if what in (REPLACE, REMOVE) else ""),
        (f"  {change.type}", "dim"), (f"  {remark}" if remark else "", colour),
    )  # fmt: skip
    if words.shows_values(change):
        for each in change.properties:
            yield _value_line(f"        {words.path(each)}", each, width, forces=words.forces(change, each))


def _value_line(lead: str, change: PropertyChange, width: int, *, forces: bool = False) -> Text:
    tail = "  forces the replacement" if forces else ""
    cause = f"  because of {change.cause}" if change.cause else ""
    if not words.has_values(change):
        return Text.assemble(lead, (tail, "magenta"), (cause, "dim"))
    room = min(WIDEST_VALUE, max(12, (width - len(lead) - len(tail) - len(cause) - 7) // 2))
    before, after = words.shown(change.before, room), words.shown(change.after, room)
    return Text.assemble(lead, "  ", (before, "red"), " -> ", (after, "green"), (tail, "magenta"), (cause, "dim"))
