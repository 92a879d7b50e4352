"""A plan as text: stack by stack in deployment order, what happens to each resource, and one line that sums it up.

Lines come as rich `Text`, so that the same words serve a terminal in colour and a file without.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.text import Text

from infragen.plan import EnvironmentPlan, StackPlan
from infragen.stack import STACK_TYPE, Absent, PropertyChange, ResourceChange

WIDEST_VALUE = 160
"""Characters of a value that are shown where the terminal leaves room for more."""

ADD, CHANGE, REPLACE, REMOVE, OTHER = "add", "change", "replace", "remove", "other"
MARKS = {
    ADD: ("+", "green"),
    CHANGE: ("~", "yellow"),
    REPLACE: ("-/+", "magenta"),
    REMOVE: ("-", "red"),
    OTHER: ("?", "red"),
}
_KINDS = {"Add": ADD, "Import": ADD, "Modify": CHANGE, "SyncWithActual": CHANGE, "Remove": REMOVE}

_REMOVED = {
    "": "",
    "Delete": "deleted",
    "Retain": "kept in AWS, no longer managed",
    "Snapshot": "snapshotted, then deleted",
}
_TOLD_BY_THE_LAYER = (("TemplateURL",), ("Parameters",))
_REPLACED = {
    "ReplaceAndDelete": "the old one is deleted",
    "ReplaceAndRetain": "the old one is kept in AWS, no longer managed",
    "ReplaceAndSnapshot": "the old one is snapshotted, then deleted",
}


def plan_lines(plan: EnvironmentPlan, width: int) -> Iterator[Text]:
    """The whole plan; property values are cut so that lines fit the width where that is possible."""
    where = f"{plan.environment} in account {plan.account}, {plan.region}"
    for warning in plan.warnings:
        yield Text.assemble(("warning: ", "yellow"), warning)
    if not plan.changed:
        yield Text(f"{where}: nothing to change")
        return
    yield Text(f"Plan for {where}", style="bold")
    layers = {each.layer for each in plan.stacks}
    quiet = [each.layer for each in plan.stacks if not _worth_showing(each, layers)]
    for each in plan.stacks:
        if _worth_showing(each, layers):
            yield Text()
            yield from _stack(each, layers, width)
    yield Text()
    if quiet:
        yield Text(f"unchanged: {', '.join(quiet)}", style="dim")
    for refusal in plan.refusals:
        yield Text.assemble(("refused without --allow-replace ", "red"), str(refusal))
    yield Text(summary(plan), style="bold")


def summary(plan: EnvironmentPlan) -> str:
    """`12 to add, 3 to change, 1 to replace, 0 to remove`; a nested stack counts when something of its own changes."""
    layers = {each.layer for each in plan.stacks}
    counts = Counter(kind(row) for each in plan.stacks for row in _rows(each, layers))
    text = ", ".join(f"{counts[each]} to {each}" for each in (ADD, CHANGE, REPLACE, REMOVE))
    return f"{text}, {counts[OTHER]} unknown until it runs" if counts[OTHER] else text


def kind(change: ResourceChange) -> str:
    """What happens to a resource, in one of five words; a modification that may replace it counts as a replacement."""
    if change.type == STACK_TYPE and change.replacement == "Conditional":
        return CHANGE  # how CloudFormation says that it has not looked into a nested stack
    if change.action == "Modify" and change.replacement not in ("False", ""):
        return REPLACE
    return _KINDS.get(change.action, OTHER)


def _worth_showing(stack: StackPlan, layers: set[str]) -> bool:
    own = stack.parameters or stack.tags or stack.outputs or stack.notes
    return bool(own or _rows(stack, layers)) or stack.action not in ("none", "update")


def _rows(stack: StackPlan, layers: set[str]) -> list[ResourceChange]:
    """The rows of a stack; of a nested layer only what its own section does not tell (template and parameters)."""
    rows = []
    for each in stack.changes:
        if each.type != STACK_TYPE or kind(each) == REMOVE or each.logical_id.lower() not in layers:
            rows.append(each)
        elif own := tuple(value for value in each.properties if value.path[1:2] not in _TOLD_BY_THE_LAYER):
            rows.append(replace(each, properties=own))
    return rows


def _stack(stack: StackPlan, layers: set[str], width: int) -> Iterator[Text]:
    words = {"none": "update", "recreate": "remove what is left of a failed creation, then create"}
    name = f"  {stack.stack}" if stack.stack else ""
    action = words.get(stack.action, stack.action)
    yield Text.assemble((stack.layer, "bold"), f"{name}: {action}", (f"  ({_source(stack)})", "dim"))
    yield from change_lines(_rows(stack, layers), width)
    for title, some in _own_changes(stack):
        for each in some:
            yield _value_line(f"  {title} {_path(each)}", each, width)
    for note in stack.notes:
        yield Text(f"  note: {note}", style="yellow")


def change_lines(rows: Sequence[ResourceChange], width: int) -> Iterator[Text]:
    """Resources with their logical ids in one column, and the values that change in each."""
    indent = max((len(each.logical_id) for each in rows), default=0)
    for row in rows:
        yield from _row(row, indent, width)


def _own_changes(stack: StackPlan) -> tuple[tuple[str, tuple[PropertyChange, ...]], ...]:
    """Parameters, tags and outputs that change; of a stack that is created they are all new, which says nothing."""
    if stack.action in ("create", "recreate"):
        return ()
    return ("parameter", stack.parameters), ("tag", stack.tags), ("output", stack.outputs)


def _source(stack: StackPlan) -> str:
    said = "from AWS's change set" if stack.source == "change set" else "from comparing templates"
    return f"{said}; waits for {', '.join(stack.waits_for)}" if stack.waits_for else said


def _row(change: ResourceChange, indent: int, width: int) -> Iterator[Text]:
    what = kind(change)
    mark, colour = MARKS[what]
    remark = _remark(change, what)
    yield Text.assemble(
        (f"  {mark:>3} ", colour), (change.logical_id.ljust(indent), "bold" if what in (REPLACE, REMOVE) else ""),
        (f"  {change.type}", "dim"), (f"  {remark}" if remark else "", colour),
    )  # fmt: skip
    if what in (CHANGE, REPLACE, OTHER):
        for each in change.properties:
            yield _value_line(f"        {_path(each)}", each, width, replaces=what == REPLACE)


def _remark(change: ResourceChange, what: str) -> str:
    if what == REMOVE:
        return _REMOVED.get(change.policy_action, change.policy_action)
    if what == OTHER:
        return f"{change.action}: what happens is known only when it runs"
    if what != REPLACE:
        return ""
    lead = "replaced" if change.replacement == "True" else "may be replaced"
    fate = _REPLACED.get(change.policy_action, change.policy_action)
    return f"{lead}: {fate}" if fate else lead


def _path(change: PropertyChange) -> str:
    """`Tags[0].Value`: without the word Properties, which nearly every path begins with."""
    steps = change.path[1:] if len(change.path) > 1 and change.path[0] == "Properties" else change.path
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in steps).lstrip(".")


def _value_line(lead: str, change: PropertyChange, width: int, *, replaces: bool = False) -> Text:
    tail = "  forces the replacement" if replaces and change.recreation == "Always" else ""
    cause = f"  because of {change.cause}" if change.cause else ""
    if change.before == change.after:  # neither is told, or a reference whose target becomes another one
        return Text.assemble(lead, (tail, "magenta"), (cause, "dim"))
    room = min(WIDEST_VALUE, max(12, (width - len(lead) - len(tail) - len(cause) - 7) // 2))
    before, after = shown(change.before, room), shown(change.after, room)
    return Text.assemble(lead, "  ", (before, "red"), " -> ", (after, "green"), (tail, "magenta"), (cause, "dim"))


def shown(value: object, room: int) -> str:
    """A template value on one line, cut to the room with its length."""
    if value is None:
        return "(not told)"
    text = value if isinstance(value, str) else _as_json(value)
    text = " ".join(text.split()) if "\n" in text else text
    if len(text) <= room:
        return text or '""'
    length = f"… ({len(text)} characters)"
    return text[: max(4, room - len(length))] + length


def _as_json(value: object) -> str:
    if isinstance(value, Absent) or not isinstance(value, dict | list | bool | int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)
