"""How two environments differ, as text: their values, then the resources that those values make."""

from collections.abc import Iterator

from rich.text import Text

from infragen.assembly.synth import Assembly
from infragen.changes.comparison import LayerSides, Side, compare
from infragen.cloud.cloudformation import ResourceChange
from infragen.config import Difference, EnvironmentFile, differences
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.report import plan_words as words
from infragen.report.plan import Detail, change_lines
from infragen.report.plan_document import plan_document
from infragen.report.plan_types import Setting
from infragen.report.settings import masked, written
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
    found = plan_document(plan)
    changed = [each for each in found["stacks"] if each["changes"]]
    if not found["settings"] and not changed:
        yield Text(f"{found['against']} and {found['environment']} do not differ")
        return
    yield Text(words.where(found), style="bold")
    yield Text()
    name = max((len(each["key"]) for each in found["settings"]), default=0)
    for each in found["settings"]:
        yield from wrapped(_value(each, name, width), width, 6)
    for stack in changed:
        yield Text()
        yield Text(stack["layer"], style="bold")
        yield from change_lines(stack["changes"], width, detail=detail)
    yield Text()
    yield Text(found["summary"]["text"], style="bold")


def _value(setting: Setting, name: int, width: int) -> Text:
    room = max(12, (width - name - 60) // 2)
    before, after = (
        words.shown(written(side["value"]), room) if side else "(none)"
        for side in (setting["before"], setting["after"])
    )
    place = f"  {setting['after']['origin']}" if setting["after"] else ""
    return Text.assemble(f"  {setting['key'].ljust(name)}  ", (before, "red"), " -> ", (after, "green"), (place, "dim"))


def _resources(one: Assembly, other: Assembly) -> Iterator[tuple[str, tuple[ResourceChange, ...]]]:
    """Yield each layer with what would change in the first environment to make it the second."""
    before = {each.layer: each.body for each in one.templates}
    after = {each.layer: each.body for each in other.templates}
    region = other.environment.region
    for layer in [*after, *(each for each in before if each not in after)]:
        old, new = (Side(bodies.get(layer, {}), {}) for bodies in (before, after))
        yield layer, compare(LayerSides(layer, old, new, region), side_by_side=True).rows
