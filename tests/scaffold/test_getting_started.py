"""docs/getting-started.md, typed as it is written: the project, and all of the system on this machine.

What asks is answered with y, as a reader would. Left out is what the fixtures have done (`pip install`, `npm ci`) and
what needs AWS. A comment `exit code 1` is what a command has to end with; without one it is 0.
"""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from projects import Project
from twins import System

from infragen.emulator import Emulator

pytestmark = pytest.mark.scaffold

PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"
DONE_BEFORE = ("python3 -m venv", "pip install", "infragen init", "cd shop")
QUESTION = re.compile(rb"\[y/N\]:? *$")


def commands(*sections: str) -> list[str]:
    """Return the commands of some sections of the page, in their order."""
    parts = re.split(r"^## (\d+)\. .*$", PAGE.read_text("utf-8"), flags=re.M)
    text = "".join(body for number, body in zip(parts[1::2], parts[2::2], strict=True) if number in sections)
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if not line.startswith(DONE_BEFORE)]


def typed(line: str, project: Project, state: Path) -> tuple[int, str]:
    """Type a line into bash on a terminal, answer its questions with y; return its exit code and what was shown."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(project.node.parent), os.environ["PATH"]])
    control, terminal = pty.openpty()
    keep = "source .variables 2>/dev/null; "  # what an earlier line has set stays set, as in one shell
    child = subprocess.Popen(
        ["bash", "-c", f"{keep}{line}\ncode=$?; declare -p URL >.variables 2>/dev/null; exit $code"],
        cwd=project.directory, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        env={**os.environ, "PATH": path, "INFRAGEN_STATE_DIR": str(state), "TERM": "dumb"},
    )  # fmt: skip
    os.close(terminal)
    shown, until = b"", time.monotonic() + 300
    while time.monotonic() < until:
        if not select.select([control], [], [], 1)[0]:
            continue
        try:
            piece = os.read(control, 65_536)
        except OSError:  # its last process has closed the terminal
            break
        shown += piece
        if QUESTION.search(shown):
            os.write(control, b"y\n")
    os.close(control)
    return child.wait(timeout=10), shown.decode(errors="replace")


def test_a_new_user_sees_all_of_it_by_typing_what_the_page_says(twin: Emulator, project: Project) -> None:
    """Sections 1 and 2: the project, its deployment, a message through all of it, a rotation, a rolled back image."""
    for line in commands("1", "2"):
        command, _, comment = line.partition("  #")
        if command.strip() == "infragen dev":
            command = "infragen dev --exec -- true"
        command = command.replace("npm ci && ", "")
        wanted = re.search(r"exit code (\d)", comment)
        code, shown = typed(command, project, twin.state_dir.parent)
        assert code == int(wanted[1] if wanted else 0), f"$ {line}\n{shown}"
    system = System(twin, "111111111111", "eu-central-1", project.directory)
    assert re.search(r"ImageTag +v1$", system.infragen("outputs"), re.M), "the image that crashes is rolled back"
    system.infragen("destroy", "--yes")  # its tasks would be found beside those of other tests
