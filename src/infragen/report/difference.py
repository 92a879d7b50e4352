"""How two environments differ, as text: their values, then the resources that those values make."""

from collections.abc import Iterator
from dataclasses import replace

from rich.text import Text

from infragen.assembly.synth import Assembly
from infragen.changes.diff import Side, compare
from infragen.cloudformation import ResourceChange
from infragen.config import Difference, EnvironmentFile, Origin, differences
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.report import plan_words as words
from infragen.report.plan import Detail, change_lines
from infragen.report.settings import masked, origin, written
from infragen.report.wrapping import wrapped


def difference_plan(
    one: EnvironmentFile, other: EnvironmentFile, templates: tuple[Assembly, Assembly]
) -> EnvironmentPlan:
    """Return how the second environment differs from the first, in the form in which plans are reported."""
    env = other.environment
    return EnvironmentPlan(
        environment=env.environment,
        account=env.account or "",
        region=env.region,
        topology=env.topology,
        stacks=tuple(
            StackPlan(layer, "", "update" if rows else "none", rows) for layer, rows in _resources(*templates)
        ),
        against=one.environment.environment,
        between=True,
        settings=tuple(map(_masked, differences(one, other))),
    )


def _masked(difference: Difference) -> Difference:
    before, after = (masked(side) if side else None for side in (difference.before, difference.after))
    return Difference(difference.key, before, after)


def difference_lines(plan: EnvironmentPlan, width: int, detail: Detail = Detail.ROWS) -> Iterator[Text]:
    """Yield values with where they are written, then resources layer by layer.

    `-` marks what only the first has, `+` what only the second has.
    """
    changed = [each for each in plan.stacks if each.changes]
    if not plan.settings and not changed:
        yield Text(f"{plan.against} and {plan.environment} do not differ")
        return
    yield Text(words.where(plan), style="bold")
    yield Text()
    name = max((len(each.key) for each in plan.settings), default=0)
    for each in plan.settings:
        yield from wrapped(_value(each, name, width), width, 6)
    for stack in changed:
        yield Text()
        yield Text(stack.layer, style="bold")
        yield from change_lines(stack.changes, width, detail=detail)
    yield Text()
    yield Text(words.summary(plan), style="bold")


def _value(difference: Difference, name: int, width: int) -> Text:
    room = max(12, (width - name - 60) // 2)
    before, after = (
        words.shown(written(side.value), room) if side else "(none)" for side in (difference.before, difference.after)
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
    """Yield each layer with what would change in the first environment to make it the second."""
    before = {each.layer: each.body for each in one.templates}
    after = {each.layer: each.body for each in other.templates}
    region = other.environment.region
    for layer in [*after, *(each for each in before if each not in after)]:
        sides = (Side(bodies.get(layer, {}), {}) for bodies in (before, after))
        yield layer, tuple(map(_between, compare(layer, region, *sides)))


def _between(change: ResourceChange) -> ResourceChange:
    """Return the row without what a deployment would do: nothing becomes something else here, they are two things."""
    properties = tuple(replace(each, recreation="Never") for each in change.properties)
    replacement = "False" if change.action == "Modify" else ""
    return replace(change, replacement=replacement, policy_action="", properties=properties)
