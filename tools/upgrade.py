"""Show what this version changes in the templates of an earlier one: `python tools/upgrade.py v0.1.0`, a tag or commit.

The earlier version's own code begins the scaffold's project and renders it; this version's `diff --against` says what
it would change. What it prints belongs into docs/upgrading.md. Needs no AWS and no network.
"""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = ("init", "shop", "--project", "shop", "--region", "us-east-1")


def source_of(revision: str, directory: Path) -> Path:
    """Return the directory of sources of a revision, unpacked into this directory. Raises CalledProcessError."""
    packed = subprocess.run(["git", "archive", revision, "src"], cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S603, S607  # git
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # since Python 3.11.4
        archive.extractall(directory)  # noqa: S202 # of our own git
    return directory / "src"


def changes(earlier: Path, directory: Path) -> str:
    """Return the plans from the templates of the earlier sources to those of these, for the scaffold's environments.

    Works in the directory, which should be empty. Raises CalledProcessError when one of the versions fails.
    """
    run(earlier, directory, *PROJECT)
    return run(ROOT / "src", directory / "shop", "diff", "--against", "templates", "--verbose")


def run(source: Path, directory: Path, *arguments: str) -> str:
    """Return what a command of these sources prints."""
    command = [sys.executable, "-m", "infragen", *arguments]
    environment = os.environ | {"PYTHONPATH": str(source)}
    ended = subprocess.run(command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  # infragen itself
    return ended.stdout


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/upgrade.py TAG")
    with tempfile.TemporaryDirectory() as made:
        sys.stdout.write(changes(source_of(sys.argv[1], Path(made)), Path(made)))
