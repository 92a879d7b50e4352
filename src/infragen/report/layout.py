"""Where the boxes and lines of a layered graph go: rows by depth, few crossings, lines that pass between boxes.

After Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures" (1981), in its
simplest form. Numbers are pixels. Nothing here knows what a box means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

GAP_X, GAP_Y, LANE = 36.0, 64.0, 18.0
SWEEPS = 8

Link = tuple[str, str]


@dataclass(frozen=True)
class Size:
    """Width and height of a box."""

    width: float
    height: float


@dataclass(frozen=True)
class Box:
    """A box with its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Return the x of its middle."""
        return self.x + self.width / 2


@dataclass(frozen=True)
class Layout:
    """Boxes by name; for each link the points that its line goes through, top to bottom; the size of it all.

    The first step of a line, and every second one after it, runs straight down beside boxes; the steps between them
    lie between two rows, where no box is.
    """

    boxes: Mapping[str, Box]
    lines: Mapping[Link, tuple[tuple[float, float], ...]]
    width: float
    height: float


@dataclass(frozen=True)
class _Slot:
    """A place in a row: a box, or the lane of a link that passes the row."""

    name: str
    link: Link | None = None


def lay_out(sizes: Mapping[str, Size], links: Sequence[Link]) -> Layout:
    """Return places boxes so that every link goes downwards. The links must not form a cycle; order decides ties."""
    depth = _depths(list(sizes), links)
    rows, chains = _rows(sizes, links, depth)
    rows = _untangled(rows, chains)
    places = _places(rows, sizes)
    boxes = {slot.name: box for slot, box in places.items() if slot.link is None}
    ends = {slot: max(places[each].y + places[each].height for each in row) for row in rows for slot in row}
    lines = {link: tuple(_points(link, chains, places, ends)) for link in chains}
    right = max((box.x + box.width for box in places.values()), default=0.0)
    bottom = max((box.y + box.height for box in places.values()), default=0.0)
    return Layout(boxes, lines, right, bottom)


def _depths(names: Sequence[str], links: Sequence[Link]) -> dict[str, int]:
    depth = dict.fromkeys(names, 0)
    for _ in names:
        for source, target in links:
            depth[target] = max(depth[target], depth[source] + 1)
    return depth


def _rows(
    sizes: Mapping[str, Size], links: Sequence[Link], depth: Mapping[str, int]
) -> tuple[list[list[_Slot]], dict[Link, list[_Slot]]]:
    """Return the rows from top to bottom, and each link as the chain of slots that it goes through."""
    rows: list[list[_Slot]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in sizes:
        rows[depth[name]].append(_Slot(name))
    chains = {}
    for link in links:
        source, target = link
        lanes = [_Slot(f"{source}>{target}", link) for _ in range(depth[source] + 1, depth[target])]
        lanes = [_Slot(f"{lane.name}@{row}", link) for row, lane in enumerate(lanes, depth[source] + 1)]
        for row, lane in enumerate(lanes, depth[source] + 1):
            rows[row].append(lane)
        chains[link] = [_Slot(source), *lanes, _Slot(target)]
    return rows, chains


def _untangled(rows: list[list[_Slot]], chains: Mapping[Link, list[_Slot]]) -> list[list[_Slot]]:
    """Return the order within rows with the fewest crossings that a few sweeps of barycentres find."""
    pairs = [pair for chain in chains.values() for pair in pairwise(chain)]
    above: dict[_Slot, list[_Slot]] = {slot: [] for row in rows for slot in row}
    below: dict[_Slot, list[_Slot]] = {slot: [] for row in rows for slot in row}
    for upper, lower in pairs:
        below[upper].append(lower)
        above[lower].append(upper)
    best, fewest = rows, _crossings(rows, pairs)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        rows = _swept(rows, above if down else below, down)
        crossings = _crossings(rows, pairs)
        if crossings < fewest:
            best, fewest = rows, crossings
    return best


def _swept(rows: list[list[_Slot]], neighbours: Mapping[_Slot, list[_Slot]], down: bool) -> list[list[_Slot]]:
    ordered = [list(row) for row in rows]
    for row in range(len(rows)) if down else reversed(range(len(rows))):
        position = {slot: index / len(each) for each in ordered for index, slot in enumerate(each)}

        def middle(slot: _Slot, position: Mapping[_Slot, float] = position) -> float:
            beside = [position[each] for each in neighbours[slot]]
            return sum(beside) / len(beside) if beside else position[slot]

        ordered[row].sort(key=middle)
    return ordered


def _crossings(rows: list[list[_Slot]], pairs: Sequence[tuple[_Slot, _Slot]]) -> int:
    position = {slot: (number, index) for number, row in enumerate(rows) for index, slot in enumerate(row)}
    spans = [(position[upper], position[lower]) for upper, lower in pairs]
    return sum(
        first[0][0] == second[0][0] and (first[0][1] - second[0][1]) * (first[1][1] - second[1][1]) < 0
        for index, first in enumerate(spans)
        for second in spans[index + 1 :]
    )


def _places(rows: list[list[_Slot]], sizes: Mapping[str, Size]) -> dict[_Slot, Box]:
    """Return rows one below the other, each centred on the widest."""

    def size(slot: _Slot) -> Size:
        return sizes[slot.name] if slot.link is None else Size(LANE, 0)

    widths = [sum(size(slot).width for slot in row) + GAP_X * (len(row) - 1) for row in rows]
    places, y = {}, 0.0
    for row, width in zip(rows, widths, strict=True):
        x, height = (max(widths) - width) / 2, max(size(slot).height for slot in row)
        for slot in row:
            places[slot] = Box(x, y, size(slot).width, height if slot.link else size(slot).height)
            x += size(slot).width + GAP_X
        y += height + GAP_Y
    return places


def _points(
    link: Link, chains: Mapping[Link, Sequence[_Slot]], places: Mapping[_Slot, Box], ends: Mapping[_Slot, float]
) -> list[tuple[float, float]]:
    """Return from the bottom of the source to the top of the target; ports lie in the order of where their lines go.

    `ends` is the y at which a slot's row ends.
    """
    chain = chains[link]
    source, target = places[chain[0]], places[chain[-1]]
    leaving = sorted((each for each in chains if each[0] == link[0]), key=lambda each: places[chains[each][1]].middle)
    arriving = sorted((each for each in chains if each[1] == link[1]), key=lambda each: places[chains[each][-2]].middle)
    start = source.x + source.width * (leaving.index(link) + 1) / (len(leaving) + 1)
    end = target.x + target.width * (arriving.index(link) + 1) / (len(arriving) + 1)
    points = [(start, source.y + source.height), (start, ends[chain[0]])]
    for slot in chain[1:-1]:
        points += [(places[slot].middle, places[slot].y), (places[slot].middle, ends[slot])]
    return [*points, (end, target.y)]
