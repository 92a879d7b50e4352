"""A graph of layers as a picture: SVG text, made without any other program.

Each layer is a box that lists what it takes from which layer; each line has the colour of the layer it comes from. The
picture carries its own background and follows the reader's dark or light scheme.
"""

from itertools import pairwise
from xml.sax.saxutils import escape

from infragen.report.graph import Edge, Graph, Node
from infragen.report.layout import Box, Layout, Size, lay_out

COLOURS = ("#2f6fde", "#0f8f79", "#c2561a", "#8a4fd3", "#c43d74", "#6b7a14", "#14809c", "#96613c")
MARGIN, PAD, LINE, HEAD = 28.0, 14.0, 16.0, 46.0
LETTER = 6.65  # width of a letter of the 11 px monospace font
TITLE_LETTER = 9.0

_STYLE = """
  .page { fill: #ffffff } .box { fill: #f7f8fa; stroke: #c9ced6 } .name { fill: #14171c; font: 600 15px sans-serif }
  .count { fill: #5c6570; font: 12px sans-serif } .title { fill: #14171c; font: 600 18px sans-serif }
  .from { font: 600 11px sans-serif } .output { fill: #333a44; font: 11px ui-monospace, Menlo, Consolas, monospace }
  .line { fill: none; stroke-width: 1.8; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) {
    .page { fill: #14171c } .box { fill: #1e232b; stroke: #3b434f } .name, .title { fill: #f1f3f6 }
    .count { fill: #a0a9b5 } .output { fill: #cfd5dd }
  }
"""


def as_svg(graph: Graph) -> str:
    """Return the picture of a graph."""
    colours = {each.name: COLOURS[index % len(COLOURS)] for index, each in enumerate(graph.nodes)}
    layout = lay_out(
        {each.name: _size(each, graph.into(each.name)) for each in graph.nodes},
        [(each.source, each.target) for each in graph.edges],
    )
    top = MARGIN + 34
    width = max(layout.width, len(graph.title) * TITLE_LETTER) + 2 * MARGIN
    height = top + layout.height + MARGIN
    words = escape(graph.title)
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="Layers of {words}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}" rx="10"/>',
        f'<text class="title" x="{MARGIN:.0f}" y="{MARGIN + 12:.0f}">{words}</text>',
        f'<g transform="translate({MARGIN:.0f} {top:.0f})">',
        *(line(each, layout, colours[each.source]) for each in graph.edges),
        *(_box(each, graph.into(each.name), layout.boxes[each.name], colours) for each in graph.nodes),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _size(node: Node, edges: tuple[Edge, ...]) -> Size:
    words = [name for edge in edges for name in edge.outputs]
    width = max(
        [len(each) * LETTER + 12 for each in words] + [len(node.name) * TITLE_LETTER + len(node.size) * 6 + 12, 150]
    )
    lines = sum(1 + len(edge.outputs) for edge in edges)
    return Size(width + 2 * PAD, HEAD + (lines * LINE + 6 * len(edges) + 4 if edges else 0))


def _box(node: Node, edges: tuple[Edge, ...], box: Box, colours: dict[str, str]) -> str:
    colour, right = colours[node.name], box.x + box.width - PAD
    parts = [
        f"<g><title>{escape(node.about)}</title>",
        f'<rect class="box" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="8"/>',
        f'<rect fill="{colour}" x="{box.x:.1f}" y="{box.y + 10:.1f}" width="4" height="{HEAD - 20:.1f}" rx="2"/>',
        f'<text class="name" x="{box.x + PAD:.1f}" y="{box.y + 29:.1f}">{escape(node.name)}</text>',
        f'<text class="count" x="{right:.1f}" y="{box.y + 29:.1f}" text-anchor="end">{node.size}</text>',
    ]
    y = box.y + HEAD
    for edge in edges:
        y += LINE - 2
        parts.append(
            f'<text class="from" fill="{colours[edge.source]}" x="{box.x + PAD:.1f}" y="{y:.1f}">'
            f"from {escape(edge.source)}</text>"
        )
        for name in edge.outputs:
            y += LINE
            parts.append(f'<text class="output" x="{box.x + PAD + 12:.1f}" y="{y:.1f}">{escape(name)}</text>')
        y += 8
    return "\n".join([*parts, "</g>"])


def line(edge: Edge, layout: Layout, colour: str) -> str:
    """Return straight beside boxes, an S between rows, and an arrow head."""
    points = layout.lines[edge.source, edge.target]
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for index, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        if index % 2 == 0:
            path.append(f"L{x1:.1f} {y1:.1f}")
        else:
            middle = (y0 + y1) / 2
            path.append(f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}")
    x, y = points[-1]
    head = f"M{x - 4.5:.1f} {y - 8:.1f}L{x:.1f} {y - 1:.1f}L{x + 4.5:.1f} {y - 8:.1f}z"
    names = escape(", ".join(edge.outputs))
    return (
        f"<g><title>{escape(edge.source)} to {escape(edge.target)}: {names}</title>"
        f'<path class="line" stroke="{colour}" d="{"".join(path)}"/><path fill="{colour}" d="{head}"/></g>'
    )
