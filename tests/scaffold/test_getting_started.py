"""docs/getting-started.md, typed as it is written: the project, and all of the system on this machine.

What asks is answered with y, as a reader would. Left out is what the fixtures have done (`pip install`, `npm ci`) and
what needs AWS. A comment `exit code 1` is what a command has to end with; without one it is 0.
"""

import os
import re
import sys
from pathlib import Path

import pytest
from projects import Project
from terminals import on_a_terminal
from twins import System

from infragen.machine.emulator import Emulator

pytestmark = pytest.mark.scaffold

PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"
DONE_BEFORE = ("python3 -m venv", "pip install", "infragen init", "cd shop")
QUESTION = r"\[y/N\]:? *$"


def commands(*sections: str) -> list[str]:
    """Return the commands of some sections of the page, in their order."""
    parts = re.split(r"^## (\d+)\. .*$", PAGE.read_text("utf-8"), flags=re.M)
    text = "".join(body for number, body in zip(parts[1::2], parts[2::2], strict=True) if number in sections)
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if not line.startswith(DONE_BEFORE)]


def typed(line: str, project: Project, state: Path) -> tuple[int, str]:
    """Type a line into bash on a terminal, answer its questions with y; return its exit code and what was shown."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(project.node.parent), os.environ["PATH"]])
    keep = "source .variables 2>/dev/null; "  # what an earlier line has set stays set, as in one shell
    return on_a_terminal(
        ["bash", "-c", f"{keep}{line}\ncode=$?; declare -p URL >.variables 2>/dev/null; exit $code"],
        cwd=project.directory,
        variables={"PATH": path, "INFRAGEN_STATE_DIR": str(state), "TERM": "dumb"},
        answers={QUESTION: "y\n"},
    )


def test_a_new_user_sees_all_of_it_by_typing_what_the_page_says(twin: Emulator, project: Project) -> None:
    """Sections 1 and 2: the project, its deployment, a message through all of it and one that fails, what a role is
    refused, a rotation, a rolled back image.
    """
    everything = ""
    for line in commands("1", "2"):
        command, _, comment = line.partition("  #")
        if command.strip() == "infragen dev":
            command = "infragen dev --exec -- true"
        command = command.replace("npm ci && ", "")
        wanted = re.search(r"exit code (\d)", comment)
        code, shown = typed(command, project, twin.state_dir.parent)
        assert code == int(wanted[1] if wanted else 0), f"$ {line}\n{shown}"
        everything += shown
    assert "is not authorized to perform: sqs:ReceiveMessage" in everything
    system = System(twin, "111111111111", "eu-central-1", project.directory)
    assert re.search(r"ImageTag +v1$", system.infragen("outputs"), re.M), "the image that crashes is rolled back"
    system.infragen("destroy", "--yes")  # its tasks would be found beside those of other tests
