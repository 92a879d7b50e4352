"""How two environments differ, as text: their values, then the resources that those values make."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from rich.text import Text

from infragen.config import Difference, EnvironmentFile, Origin, differences
from infragen.diff import Side, compare
from infragen.report.plan import change_lines
from infragen.report.plan_words import ADD, CHANGE, REMOVE, kind, shown
from infragen.report.settings import origin, written
from infragen.stack import ResourceChange
from infragen.synth import Assembly


def difference_lines(
    one: EnvironmentFile, other: EnvironmentFile, templates: tuple[Assembly, Assembly], width: int
) -> Iterator[Text]:
    """Values with where they are written, then resources layer by layer.

    `-` marks what only the first has, `+` what only the second has.
    """
    first, second = one.environment.environment, other.environment.environment
    values, resources = differences(one, other), tuple(_resources(*templates))
    if not values and not resources:
        yield Text(f"{first} and {second} do not differ")
        return
    yield Text(f"{first} -> {second}", style="bold")
    yield Text()
    name = max((len(each.key) for each in values), default=0)
    for each in values:
        yield _value(each, name, width)
    counts: Counter[str] = Counter()
    for layer, changes in resources:
        yield Text()
        yield Text(layer, style="bold")
        counts.update(kind(each) for each in changes)
        yield from change_lines(changes, width)
    yield Text()
    yield Text(
        f"{len(values)} values differ; {counts[ADD]} resources only in {second}, {counts[REMOVE]} only in {first}, "
        f"{counts[CHANGE]} in both and different",
        style="bold",
    )


def _value(difference: Difference, name: int, width: int) -> Text:
    room = max(12, (width - name - 60) // 2)
    before, after = (
        shown(written(side.value), room) if side else "(none)" for side in (difference.before, difference.after)
    )
    return Text.assemble(
        f"  {difference.key.ljust(name)}  ",
        (before, "red"),
        " -> ",
        (after, "green"),
        (_origin(difference.after), "dim"),
    )


def _origin(value: Origin | None) -> str:
    return f"  {origin(value)}" if value else ""


def _resources(one: Assembly, other: Assembly) -> Iterator[tuple[str, tuple[ResourceChange, ...]]]:
    """Each layer that differs, with what would change in the first to make it the second."""
    before = {each.layer: each.body for each in one.templates}
    after = {each.layer: each.body for each in other.templates}
    region = other.environment.region
    for layer in [*after, *(each for each in before if each not in after)]:
        sides = (Side(bodies.get(layer, {}), {}) for bodies in (before, after))
        changes = compare(layer, region, *sides)
        if changes:
            yield layer, tuple(map(_between, changes))


def _between(change: ResourceChange) -> ResourceChange:
    """The row without what a deployment would do: nothing becomes something else here, they are two things."""
    properties = tuple(replace(each, recreation="Never") for each in change.properties)
    replacement = "False" if change.action == "Modify" else ""
    return replace(change, replacement=replacement, policy_action="", properties=properties)
