"""What a deletion will do, as text: what stays, what is snapshotted, what loses data, then how much else goes.

With all detail each resource has a line, stack by stack in the order of deletion.
"""

from collections.abc import Iterator

from rich.text import Text

from infragen.engine.deletion_plan import SHARED_BUCKET, DestroyPlan, ResourceDeletion, StackDeletion
from infragen.report.plan import Detail
from infragen.report.wrapping import wrapped
from infragen.resource_types import resource_type

_COLOURS = {"deleted": "red", "snapshotted": "yellow", "kept": "green"}
HANG = 6
"""Where a line about a resource continues when it is full."""


def deletion_lines(plan: DestroyPlan, width: int, detail: Detail = Detail.ROWS) -> Iterator[Text]:
    """Yield what outlives the deletion and what holds data first; then each stack with the number of its other
    resources, or with all of them; a sum. Lines fit the width.
    """
    for line in _lines(plan, detail):
        yield from wrapped(line, width, HANG)


def _lines(plan: DestroyPlan, detail: Detail) -> Iterator[Text]:
    yield Text(f"This deletes {plan.environment} in account {plan.account}, {plan.region}", style="bold")
    if detail < Detail.ALL:
        yield from _decided(plan)
    yield Text()
    for stack in plan.stacks:
        head = Text.assemble((stack.layer, "bold"), f"  {stack.state.name}  {stack.state.status}")
        if detail < Detail.ALL:
            rest = sum(not _is_decided(each) for each in stack.resources)
            yield Text.assemble(head, f"  {rest} other resource{'' if rest == 1 else 's'}")
            yield from _protection(stack)
        else:
            yield head
            yield from resource_lines(stack)
    if plan.part is not None:
        yield Text.assemble((SHARED_BUCKET, "bold"), f"  {plan.part.contents}; the bucket stays")
    yield Text()
    counts = [(end, len(plan.ending(end))) for end in _COLOURS]
    yield Text(", ".join(f"{count} {end}" for end, count in counts), style="bold")
    if slow := plan.slow():
        names = ", ".join(each.place for each in slow)
        yield Text(
            f"This can take 20 to 40 minutes: Lambda releases the network interfaces of functions in the VPC slowly "
            f"({names}). This is normal.",
            style="yellow",
        )


def _decided(plan: DestroyPlan) -> Iterator[Text]:
    """Yield what must be read before approval: what stays, is snapshotted, is lost, or is in the way."""
    everything = [each for stack in plan.stacks for each in stack.resources if _is_decided(each)]
    for end, title in (("kept", "kept"), ("snapshotted", "snapshotted, then deleted"), ("deleted", "deleted")):
        some = [each for each in everything if each.end == end]
        if some:
            yield Text()
            yield Text(f"{title}:", style=_COLOURS[end])
            width = max(len(each.place) for each in some)
            yield from (_line(each, width, loss=True) for each in some)


def _is_decided(resource: ResourceDeletion) -> bool:
    """Return whether a resource has a line of its own; of a type that nobody knows, too, because it may hold data."""
    return bool(
        resource.end != "deleted"
        or resource.protected
        or resource.holds
        or resource_type(resource.type).holds_data is not False
    )


def resource_lines(stack: StackDeletion) -> Iterator[Text]:
    """Yield what becomes of each resource of a stack."""
    width = max((len(each.place) for each in stack.resources), default=0)
    yield from (_line(each, width) for each in stack.resources)
    yield from _protection(stack)


def _protection(stack: StackDeletion) -> Iterator[Text]:
    if stack.state.protected:
        yield Text("  its termination protection must be switched off", style="yellow")


def _line(resource: ResourceDeletion, width: int, *, loss: bool = False) -> Text:
    """Return a resource with what becomes of it, or below a heading that says it (`loss`) with what is lost."""
    copy = "snapshotted, then deleted" if resource.end == "snapshotted" else resource.end
    said = ([_lost(resource)] if resource.end == "deleted" else []) if loss else [copy]
    said += ["its deletion protection must be switched off"] if resource.protected else []
    said += [f"holds {resource.contents}, which must go first"] if resource.holds else []
    text = "; ".join(filter(None, said))
    return Text.assemble(
        f"  {resource.place.ljust(width)}  ",
        (f"{resource.type}", "dim"),
        (f"  {text}" if text else "", _COLOURS[resource.end]),
    )


def _lost(resource: ResourceDeletion) -> str:
    row = resource_type(resource.type)
    if row.holds_data is None:
        return "infragen does not know whether it holds data"
    return f"with {row.data}" if row.holds_data and row.data else ""
