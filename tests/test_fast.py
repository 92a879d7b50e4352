"""`make test-fast` leaves out what starts a process, and a test that starts one all the same fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.long
def test_what_starts_a_process_is_left_out_or_fails(tmp_path: Path) -> None:
    """A module that imports subprocess is left out; one that finds another way is caught."""
    (tmp_path / "test_slow.py").write_text("import subprocess\ndef test_it(): subprocess.run(['true'])\n")
    (tmp_path / "test_sly.py").write_text(
        "import os\n"
        "def test_it(): os.system('true')\n"
        "def test_fork(): os.fork() or os._exit(0)\n"
        "def test_none(): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "fast", "--fast", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    ended = subprocess.run(command, capture_output=True, text=True, env=variables, cwd=tmp_path)
    assert ended.returncode == 1
    assert "3 passed, 1 deselected, 2 errors" in ended.stdout, ended.stdout
    assert "a fast test starts a process" in ended.stdout
