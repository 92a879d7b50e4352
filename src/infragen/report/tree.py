"""The live region of a terminal: a tree of stacks, and under each what is in progress or has failed in it.

Drawn again for every frame from what is known then, to fit the terminal: columns are dropped when it is narrow, and
rows are folded into "and N more" when it is low. Pure; `terminal` shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from infragen.assembly.stacks import ROOT
from infragen.cloud.template import STACK_TYPE
from infragen.report.duration import span, usually, verb
from infragen.report.outcome import colour
from infragen.report.progress_state import Scene, Stack, Work

SPINNER, PLAIN_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
LONGEST_NAME = 36


def tree(scene: Scene, width: int, height: int, tick: int, *, ascii_only: bool = False) -> list[Text]:
    """Return rows for a region of `width` columns and `height` lines; `tick` counts the frames."""
    frames = PLAIN_SPINNER if ascii_only else SPINNER
    mark = frames[tick % len(frames)]
    stacks = list(scene.stacks.values())
    going = any(not each.ended for each in stacks)
    waiting = [name for name in scene.planned if name not in scene.stacks] if going else []
    names = [each.layer for each in stacks] + waiting
    column = max((_depth(name, scene) * 2 + len(name) for name in names), default=0)
    if len(stacks) > height:
        running = sorted(stacks, key=lambda each: each.ended)[: max(height - 1, 0)]
        more = Text(f"and {len(stacks) - len(running)} more stacks", style="dim")
        return [_fit(each) for each in [*(_head(scene, each, mark, column) for each in running), more][:height]]
    heads = [_head(scene, each, mark, column) for each in stacks]
    room = _shares([_rows(each) for each in stacks], height - len(heads))
    lines = _columns([row for rows in room for row in rows[0]], scene, width)
    found: list[Text] = []
    for head, (rows, hidden) in zip(heads, room, strict=True):
        found += [head, *(next(lines) for _ in rows)]
        if hidden:
            found.append(Text(f"      and {hidden} more", style="dim"))
    spare = height - len(found)
    idle = [Text(f"{'  ' * _depth(name, scene)}- {name}  waiting", style="dim") for name in waiting]
    return [_fit(each) for each in [*found, *(idle if len(idle) <= spare else [])]]


def _depth(layer: str, scene: Scene) -> int:
    return layer.count("/") + (layer != ROOT and ROOT in scene.stacks)


def _head(scene: Scene, stack: Stack, spinner: str, column: int) -> Text:
    mark = ("x" if stack.failed else "+") if stack.ended else spinner
    style = "red" if stack.failed else "green" if stack.ended else ""
    indent = "  " * _depth(stack.layer, scene)
    done, total = _count(scene, stack)
    count = f"{done}/{total}" if total else str(done)
    note = "rolling back" if stack.failed and not stack.ended and not stack.deleting else ""
    took = span(scene.elapsed(stack))
    name = f" {stack.layer:<{column - len(indent)}}"
    return Text.assemble(indent, (mark, style), f"{name}  {count:>7}  {took:>10}  ", (note, "yellow"))


def _count(scene: Scene, stack: Stack) -> tuple[int, int]:
    """Return what is done of how many; of the root, in all of its layers, because its own resources are the layers."""
    inner = [each for each in list(scene.stacks.values()) if each.layer != ROOT]
    if stack.layer != ROOT or not inner:
        return len(stack.done & stack.planned if stack.planned else stack.done), len(stack.planned)
    total = sum(len(names) for layer, names in scene.planned.items() if layer != ROOT)
    return sum(_count(scene, each)[0] for each in inner), total


def _rows(stack: Stack) -> list[Work]:
    """Return failures first, then what is in progress, the longest first; nested stacks have rows of their own."""
    if stack.ended and not stack.failed:
        return []
    busy = sorted(stack.busy.values(), key=lambda each: each.since)
    return [each for each in [*list(stack.failures.values()), *busy] if each.type != STACK_TYPE]


def _shares(groups: Sequence[list[Work]], lines: int) -> list[tuple[list[Work], int]]:
    """Return what of each group fits into so many lines, and how many are left out; the lines are dealt
    out one by one.
    """
    share = [0] * len(groups)
    left = lines
    while left > 0 and any(share[n] < len(group) for n, group in enumerate(groups)):
        for n, group in enumerate(groups):
            if left > 0 and share[n] < len(group):
                share[n] += 1
                left -= 1
    cut = [size if size in (0, len(group)) else size - 1 for size, group in zip(share, groups, strict=True)]
    return [
        (group[:shown], len(group) - shown if size else 0)
        for group, shown, size in zip(groups, cut, share, strict=True)
    ]


def _columns(rows: Sequence[Work], scene: Scene, width: int) -> Iterator[Text]:
    """Return the rows in columns: with whole types, with their last word, or without, whichever fits first."""
    lines: list[Text] = []
    for shorten in (str, _last_word, _nothing):
        lines = _lines(rows, scene, [shorten(each.type) for each in rows])
        if all(line.cell_len <= width for line in lines):
            break
    return iter(lines)


def _last_word(type_: str) -> str:
    return type_.rpartition("::")[2]


def _nothing(type_: str) -> str:
    return ""


def _lines(rows: Sequence[Work], scene: Scene, types: Sequence[str]) -> list[Text]:
    names = [f"{'  ' * _depth(each.layer, scene)}    {each.logical_id}" for each in rows]
    doing = [verb(each.status) for each in rows]
    spans = ["" if each.failed else span(scene.seconds(each.since)) for each in rows]
    wide = [
        min(max((len(text) for text in column), default=0), LONGEST_NAME) for column in (names, types, doing, spans)
    ]
    lines = []
    for work, name, type_, what, took in zip(rows, names, types, doing, spans, strict=True):
        usual = usually(work.type, work.status)
        note = work.reason if work.failed else str(usual) if usual else ""
        kind = f"{type_:<{wide[1]}}  " if wide[1] else ""
        cells = (f"{name:<{wide[0]}}  ", (kind, "dim"), (f"{what:<{wide[2]}}  ", colour(work.status)))
        lines.append(
            Text.assemble(*cells, f"{took:>{wide[3]}}", (f"  {note}".rstrip(), "red" if work.failed else "dim"))
        )
    return lines


def _fit(row: Text) -> Text:
    row.no_wrap, row.overflow = True, "ellipsis"
    return row
