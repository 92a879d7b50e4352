"""The picture of the layers: right, deterministic, and with no line through a box."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest
from commands import CommandLine
from hypothesis import given
from hypothesis import strategies as some
from sweeps import sweep

from infragen.assembly.synth import synthesize
from infragen.cli import main
from infragen.config import load_environment
from infragen.report.graph import Edge, Graph, Node, as_dot, as_mermaid, graph_of
from infragen.report.layout import Layout, Size, lay_out
from infragen.report.svg import as_svg

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / "tests" / "data" / "environments"
SVG = "{http://www.w3.org/2000/svg}"
GRAPH = Graph(
    "shop <dev>",
    (Node("network", "The VPC", (3,)), Node("queue", "Queues & more", (1,)), Node("worker", "Workers", (2,))),
    (
        Edge("network", "queue", ("KeyArn",)),
        Edge("network", "worker", ("SubnetIds", "KeyArn")),
        Edge("queue", "worker", ("QueueArn",)),
    ),
)


def test_the_graph_is_the_wiring_of_the_templates() -> None:
    """Every input of every layer is a label of exactly one edge, from the layer that publishes it."""
    assembly = synthesize(load_environment(ENVIRONMENTS / "dev.yaml"))
    graph = graph_of(assembly)
    drawn = sorted((edge.source, edge.target, name) for edge in graph.edges for name in edge.outputs)
    wired = sorted(
        (each.layer, template.layer, each.name) for template in assembly.templates for each in template.inputs
    )
    assert drawn == wired
    assert {each.name: each.resources for each in graph.nodes} == {
        each.layer: (len(each.body["Resources"]),) for each in assembly.templates
    }


def test_mermaid_labels_every_line_with_its_outputs() -> None:
    """A flowchart that GitHub draws."""
    assert as_mermaid(GRAPH).splitlines()[3:] == [
        "flowchart TB",
        '  network["<b>network</b><br/>3 resources"]',
        '  queue["<b>queue</b><br/>1 resource"]',
        '  worker["<b>worker</b><br/>2 resources"]',
        '  network -->|"KeyArn"| queue',
        '  network -->|"SubnetIds<br/>KeyArn"| worker',
        '  queue -->|"QueueArn"| worker',
    ]


def test_dot_labels_every_line_with_its_outputs() -> None:
    """One edge statement for each pair of layers."""
    assert '  "network" -> "worker" [label="SubnetIds\\nKeyArn"];' in as_dot(GRAPH).splitlines()
    assert as_dot(GRAPH).count("->") == 3


def test_svg_is_well_formed_and_names_every_layer_and_output() -> None:
    """Text is escaped; the picture stands alone, without scripts or references to the outside."""
    root = ElementTree.fromstring(as_svg(GRAPH))  # noqa: S314 # our own text
    words = [each.text for each in root.iter(f"{SVG}text")]
    assert words[0] == "shop <dev>"
    assert {"network", "queue", "worker", "SubnetIds", "QueueArn", "from network", "from queue"} <= set(words)
    assert not list(root.iter(f"{SVG}script"))
    assert "href" not in as_svg(GRAPH)


def test_the_same_environment_gives_the_same_picture() -> None:
    """Byte for byte, through the command."""
    command = [
        "graph",
        "--env",
        "dev",
        "--environments",
        str(ENVIRONMENTS),
        "--format",
        "svg",
    ]
    first, second = CommandLine().invoke(main, command), CommandLine().invoke(main, command)
    assert first.exit_code == 0
    assert first.stdout_bytes == second.stdout_bytes
    assert first.stdout_bytes.startswith(b"<svg ")


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_the_command_prints_the_other_formats(form: str) -> None:
    """Text on stdout, for a pipe or a file."""
    command = [
        "graph",
        "--env",
        "dev",
        "--environments",
        str(ENVIRONMENTS),
        "--format",
        form,
    ]
    assert "network" in CommandLine().invoke(main, command).stdout


@pytest.mark.long
def test_environments_of_the_same_shape_make_one_picture() -> None:
    """Without --env all are drawn at once; sizes are told from the least to the most."""
    shown = CommandLine().invoke(main, ["graph", "--environments", str(ENVIRONMENTS)]).stdout
    assert "title: shop dev, prod, staging" in shown
    assert 'queue["<b>queue</b><br/>9 resources"]' in shown
    assert re.search(r'network\["<b>network</b><br/>\d+–\d+ resources"\]', shown)
    assert shown.count("<b>") == 6


def test_environments_of_another_shape_are_drawn_one_by_one(tmp_path: Path) -> None:
    """The command names two that differ, and the option."""
    (tmp_path / "a.yaml").write_text("{project: shop, environment: a, region: us-east-1, network: {}}")
    (tmp_path / "b.yaml").write_text(
        "{project: shop, environment: b, region: us-east-1, network: {}, queues: [{name: q}]}"
    )
    result = CommandLine().invoke(main, ["graph", "--environments", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (
        2,
        "error: a and b differ in their layers or flows\nhint: draw one of them with --env NAME\n",
    )


@some.composite
def graphs(draw: some.DrawFn) -> tuple[dict[str, Size], list[tuple[str, str]]]:
    count = draw(some.integers(1, 9))
    names = [f"n{index}" for index in range(count)]
    side = some.integers(20, 300)
    sizes = {name: Size(draw(side), draw(side)) for name in names}
    pairs = [(names[a], names[b]) for a in range(count) for b in range(a + 1, count)]
    return sizes, draw(some.lists(some.sampled_from(pairs), unique=True)) if pairs else []


@sweep(short=60, soak=2000)
@given(graphs())
def test_boxes_never_overlap_and_lines_go_down_without_crossing_a_box(
    graph: tuple[dict[str, Size], list[tuple[str, str]]],
) -> None:
    """For any graph without a cycle, whatever the sizes of its boxes."""
    sizes, links = graph
    layout = lay_out(sizes, links)
    boxes = list(layout.boxes.items())
    for index, (_, a) in enumerate(boxes):
        for _, b in boxes[index + 1 :]:
            assert a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
    for link in links:
        points = layout.lines[link]
        assert all(upper[1] <= lower[1] for upper, lower in pairwise(points))
        assert crossed(layout, link) == []


def crossed(layout: Layout, link: tuple[str, str]) -> list[str]:
    """Boxes that a line runs through: its upright steps by x and y, its slanted ones by y alone."""
    steps = list(pairwise(layout.lines[link]))
    hit = []
    for name, box in layout.boxes.items():
        for number, ((x, top), (_, bottom)) in enumerate(steps):
            beside = number % 2 == 0 and not box.x < x < box.x + box.width
            if not beside and top < box.y + box.height and bottom > box.y:
                hit.append(name)
    return hit
