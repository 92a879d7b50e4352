"""The layers of a plan as a picture: what flows between them, and in each box how many of its resources change.

Part of the HTML page, whose style sheet colours it. Each box leads to the section of its layer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from infragen.report.graph import Edge
from infragen.report.layout import Box, Size, lay_out
from infragen.report.plan_types import Kind
from infragen.report.plan_words import ADD, CHANGE, IMPORT, OTHER, REMOVE, REPLACE, REVISION, SIGNS
from infragen.report.svg import line

GRAVEST = (REMOVE, REPLACE, OTHER, CHANGE, REVISION, IMPORT, ADD)
MARGIN, HEIGHT, LETTER, MARK = 6.0, 62.0, 9.6, 9.1


@dataclass(frozen=True)
class Drawn:
    """A layer: its name, the id of its section (empty for none), how many rows of each kind, and the same in words."""

    name: str
    target: str
    counts: Mapping[Kind, int]
    said: str

    @property
    def marks(self) -> tuple[tuple[Kind, str], ...]:
        """Return the kinds that it has, with what the picture says of each."""
        return tuple((kind, f"{SIGNS[kind]}{number}") for kind, number in self.counts.items() if number)


def picture(layers: Sequence[Drawn], edges: Sequence[Edge]) -> str:
    """Return the picture as an SVG element."""
    names = {each.name for each in layers}
    flows = [each for each in edges if {each.source, each.target} <= names]
    layout = lay_out({each.name: _size(each) for each in layers}, [(each.source, each.target) for each in flows])
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    parts = [
        f'<svg {size} role="group" aria-label="Layers, and how many resources change in each">',
        f'<g transform="translate({MARGIN:.0f} {MARGIN:.0f})">',
        *(line(each, layout, "currentColor") for each in flows),
        *(_box(each, layout.boxes[each.name]) for each in layers),
        "</g></svg>",
    ]
    return "\n".join(parts)


def _size(layer: Drawn) -> Size:
    marks = " ".join(text for _, text in layer.marks) or layer.said
    return Size(max(len(layer.name) * LETTER, len(marks) * MARK, 90) + 28, HEIGHT)


def _box(layer: Drawn, box: Box) -> str:
    kinds = [kind for kind, _ in layer.marks]
    gravest = next((each for each in GRAVEST if each in kinds), "")
    marks = " ".join(f'<tspan class="{kind}">{text}</tspan>' for kind, text in layer.marks)
    drawn = (
        f'<rect class="{gravest}" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'rx="8"/><text x="{box.x + 14:.1f}" y="{box.y + 26:.1f}">{escape(layer.name)}</text>'
        f'<text class="marks{"" if marks else " none"}" x="{box.x + 14:.1f}" y="{box.y + 48:.1f}">'
        f"{marks or escape(layer.said)}</text>"
    )
    if not layer.target:
        return f"<g>{drawn}</g>"
    return f'<a href="#{layer.target}" aria-label="{escape(f"{layer.name}: {layer.said}")}">{drawn}</a>'
