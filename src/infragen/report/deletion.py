"""What a deletion will do, as text: what goes, what stays, what is snapshotted."""

from collections.abc import Iterator

from rich.text import Text

from infragen.engine.deletion_plan import DestroyPlan, ResourceDeletion, StackDeletion

_COLOURS = {"deleted": "red", "snapshotted": "yellow", "kept": "green"}


def deletion_lines(plan: DestroyPlan) -> Iterator[Text]:
    """Each stack in the order of deletion with its resources; then what outlives it, what holds a last copy, a sum."""
    yield Text(f"This deletes {plan.environment} in account {plan.account}, {plan.region}", style="bold")
    for stack in plan.stacks:
        yield Text()
        yield Text.assemble((stack.layer, "bold"), f"  {stack.state.name}  {stack.state.status}")
        yield from fate_lines(stack)
    yield Text()
    counts = [(fate, len(plan.fates(fate))) for fate in _COLOURS]
    yield Text(", ".join(f"{count} {fate}" for fate, count in counts), style="bold")
    if slow := plan.slow():
        names = ", ".join(each.place for each in slow)
        yield Text(
            f"This can take 20 to 40 minutes: Lambda gives back the network interfaces of functions in the VPC slowly "
            f"({names}). It is not stuck then.",
            style="yellow",
        )


def fate_lines(stack: StackDeletion) -> Iterator[Text]:
    """What becomes of each resource of a stack."""
    width = max((len(each.place) for each in stack.fates), default=0)
    yield from (_line(each, width) for each in stack.fates)
    if stack.state.protected:
        yield Text("  its termination protection must be switched off", style="yellow")


def _line(fate: ResourceDeletion, width: int) -> Text:
    copy = "snapshotted, then deleted" if fate.fate == "snapshotted" else fate.fate
    holds = f"; holds {fate.contents}, which must go first" if fate.holds else ""
    guarded = "; its deletion protection must be switched off" if fate.protected else ""
    return Text.assemble(
        f"  {fate.place.ljust(width)}  ", (f"{fate.type}  ", "dim"), (f"{copy}{guarded}{holds}", _COLOURS[fate.fate])
    )
