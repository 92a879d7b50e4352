"""The command line as a user meets it."""

from click.testing import CliRunner

import infragen
from infragen.cli import main


def test_version_names_the_program_and_its_version() -> None:
    """`infragen --version` prints the program and the packaged version."""
    result = CliRunner().invoke(main, ["--version"])
    assert result.output == f"infragen, version {infragen.__version__}\n"
