"""The command line: click commands that compose the other modules and map errors to exit codes. No logic of its own."""

import click

import infragen


@click.group()
@click.version_option(infragen.__version__, prog_name="infragen")
def main() -> None:
    """Render, lint, plan and deploy the infrastructure of a backend as CloudFormation."""
