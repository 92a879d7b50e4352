"""`infragen graph`."""

from pathlib import Path

import click

from infragen.cli import parameters
from infragen.cli.program import command_options
from infragen.report.printing import echo


@click.command()
@parameters.envs("Draw this environment only; may be given several times.")
@parameters.environments
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "dot", "svg"]),
    default="mermaid",
    show_default=True,
    help="mermaid for Markdown, dot for Graphviz, svg for an image.",
)
@command_options
def graph(names: tuple[str, ...], directory: Path, form: str) -> None:
    """Draw the layers and the outputs that flow between them.

    Environments with the same layers and flows share one diagram.

    \b
    Examples:
      infragen graph
      infragen graph --env prod
      infragen graph --env prod --format svg > layers.svg
    """
    from infragen.assembly.synth import synthesize
    from infragen.report import graph as picture
    from infragen.report.svg import as_svg
    from infragen.secrecy.visible import assembled, encoded

    files = parameters.files(directory, names)
    drawers = {"mermaid": picture.as_mermaid, "dot": picture.as_dot, "svg": as_svg}
    echo(
        encoded(assembled(drawers[form](picture.graph_of(*(synthesize(each.environment) for each in files))))), nl=False
    )
