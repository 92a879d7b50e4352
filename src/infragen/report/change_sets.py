"""The change sets that are left on stacks, as text: what can be deleted, and what cannot."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from infragen.engine.change_set_cleanup import Leftover

LIMIT = 1000
"""How many change sets one stack can hold, about (aws/copilot-cli#4426)."""


def left_lines(environment: str, found: Sequence[Leftover]) -> Iterator[Text]:
    """One line for each stack that holds change sets which were never executed."""
    if not found:
        yield Text(f"{environment}: no change set is left")
        return
    width = max(len(each.stack) for each in found)
    for each in found:
        parts = [f"{len(each.deletable)} to delete"] if each.deletable else []
        parts += [f"{each.stuck} nested ones that AWS deletes only with their stack"] if each.stuck else []
        yield Text.assemble(
            (each.stack.ljust(width), "bold"), f"  {', '.join(parts)}; holds {each.total} of about {LIMIT}"
        )
    if any(each.stuck for each in found):
        yield Text(
            "When a nested stack is full, --no-nested-changes plans and deploys without change sets for it.",
            style="yellow",
        )


def change_sets(count: int) -> str:
    """So many change sets, in words."""
    return "1 change set" if count == 1 else f"{count} change sets"


def pruned_lines(count: int, refused: Sequence[str]) -> Iterator[Text]:
    """How it ended."""
    yield Text(f"deleted {count - len(refused)} of {change_sets(count)}")
    yield from (Text(f"  {each}", style="red") for each in refused)
