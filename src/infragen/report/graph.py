"""The layers of an environment and what flows between them, as Mermaid, Graphviz dot and SVG.

The graph is derived from the assembly: a layer that uses an output of another is an edge, the outputs are its labels.
The same assembly gives the same text.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infragen.errors import InputError

if TYPE_CHECKING:
    from infragen.assembly.synth import Assembly

_NEWLINE = "\\n"  # dot's own escape for a new line in a label


@dataclass(frozen=True)
class Node:
    """A layer: its name, what it is in one sentence, and how many resources it has in each environment drawn."""

    name: str
    about: str
    resources: tuple[int, ...]

    @property
    def size(self) -> str:
        """Return `1 resource`, `45 resources`, `45–56 resources`."""
        least, most = min(self.resources), max(self.resources)
        number = str(most) if least == most else f"{least}–{most}"
        return f"{number} resource{'' if most == 1 else 's'}"


@dataclass(frozen=True)
class Edge:
    """Outputs of one layer that another takes as parameters."""

    source: str
    target: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """The layers in deployment order, and the edges by target, then source, in that order."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def into(self, name: str) -> tuple[Edge, ...]:
        """Return the edges that end at a layer."""
        return tuple(each for each in self.edges if each.target == name)


def graph_of(*assemblies: "Assembly") -> Graph:
    """Return one graph of environments whose layers and flows are the same. Raises InputError when they are not."""
    graphs = [_graph(each) for each in assemblies]
    names = [each.environment.environment for each in assemblies]
    for name, graph in zip(names, graphs, strict=True):
        if _shape(graph) != _shape(graphs[0]):
            raise InputError(
                f"{names[0]} and {name} differ in their layers or flows", "draw one of them with --env NAME"
            )
    columns = zip(*(each.nodes for each in graphs), strict=True)
    nodes = (replace(each[0], resources=tuple(node.resources[0] for node in each)) for each in columns)
    return Graph(f"{assemblies[0].environment.project} {', '.join(names)}", tuple(nodes), graphs[0].edges)


def _shape(graph: Graph) -> object:
    return [each.name for each in graph.nodes], graph.edges


def _graph(assembly: "Assembly") -> Graph:
    env = assembly.environment
    nodes = tuple(Node(each.layer, each.about, (len(each.body["Resources"]),)) for each in assembly.templates)
    edges = []
    for template in assembly.templates:
        for source in sorted(template.requires, key=[each.name for each in nodes].index):
            outputs = tuple(each.name for each in template.inputs if each.layer == source)
            edges.append(Edge(source, template.layer, outputs))
    return Graph(f"{env.project} {env.environment}", nodes, tuple(edges))


def as_mermaid(graph: Graph) -> str:
    """Return a flowchart for Markdown."""
    lines = ["---", f"title: {graph.title}", "---", "flowchart TB"]
    lines += [f'  {each.name}["<b>{each.name}</b><br/>{each.size}"]' for each in graph.nodes]
    lines += [f'  {each.source} -->|"{"<br/>".join(each.outputs)}"| {each.target}' for each in graph.edges]
    return "\n".join(lines) + "\n"


def as_dot(graph: Graph) -> str:
    """Return a digraph for Graphviz."""
    lines = [
        f'digraph "{graph.title}" {{',
        "  rankdir=TB;",
        '  node [shape=box, style=rounded, fontname="sans-serif"];',
    ]
    lines.append('  edge [fontname="monospace", fontsize=9];')
    lines += [f'  "{each.name}" [label="{each.name}\\n{each.size}"];' for each in graph.nodes]
    lines += [f'  "{each.source}" -> "{each.target}" [label="{_NEWLINE.join(each.outputs)}"];' for each in graph.edges]
    return "\n".join([*lines, "}"]) + "\n"
