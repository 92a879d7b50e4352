"""The change sets that are left on stacks, as text: what can be deleted, and what cannot."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from infragen.engine.change_set_cleanup import Leftover

LIMIT = 1000
"""How many change sets one stack can hold, about (aws/copilot-cli#4426)."""


def left_lines(environment: str, found: Sequence[Leftover]) -> Iterator[Text]:
    """Yield one line for each stack that holds change sets which were never executed."""
    if not found:
        yield Text(f"{environment}: no change set is left")
        return
    width = max(len(each.stack) for each in found)
    for each in found:
        if each.empty:
            yield Text.assemble((each.stack.ljust(width), "bold"), "  in review, with nothing in it: to delete")
            continue
        parts = [f"{len(each.deletable)} to delete"] if each.deletable else []
        parts += [f"{each.stuck} nested ones that AWS deletes only with their stack"] if each.stuck else []
        parts += [f"{each.in_use} of another run, less than an hour old, which stay"] if each.in_use else []
        yield Text.assemble(
            (each.stack.ljust(width), "bold"), f"  {', '.join(parts)}; holds {each.total} of about {LIMIT}"
        )
    if any(each.stuck for each in found):
        yield Text(
            "When a nested stack is full, --no-nested-changes plans and deploys without change sets for it.",
            style="yellow",
        )


def to_delete(found: Sequence[Leftover]) -> str:
    """Return what can be deleted, in words: change sets and empty stacks."""
    sets, stacks = sum(len(each.deletable) for each in found), sum(each.empty for each in found)
    counted = ((sets, "change set"), (stacks, "empty stack"))
    return " and ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counted if count)


def pruned_lines(found: Sequence[Leftover], refused: Sequence[str]) -> Iterator[Text]:
    """Yield how it ended."""
    yield Text(f"deleted {sum(each.count for each in found) - len(refused)} of {to_delete(found)}")
    yield from (Text(f"  {each}", style="red") for each in refused)
