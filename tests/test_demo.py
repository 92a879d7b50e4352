"""The first commands of a newcomer on the emulator, and how much there is to read; what `make demo` installs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import CommandLine

from infragen.cli import main
from infragen.machine.emulator import Emulator

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / "tests" / "data" / "plans" / "dev.yaml"
MOST_LINES = 80


COMMANDS = (
    "render --env dev", "lint --env dev", "bootstrap --env dev --local --yes", "plan --env dev --local",
    "deploy --env dev --local --yes",
)  # fmt: skip


@pytest.mark.long
def test_a_first_deployment_prints_eighty_lines_at_most(
    emulator: Emulator, account: str, tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rendered, linted, planned and deployed, with the commands themselves."""
    (tmp_path / "environments").mkdir()
    text = ENVIRONMENT.read_text("utf-8").replace("111122223333", account)
    (tmp_path / "environments" / "dev.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    variables = {
        "COLUMNS": "80", "AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": emulator.secret,
        "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "INFRAGEN_CACHE_DIR": str(findings),
    }  # fmt: skip
    told: list[str] = []
    for command in COMMANDS:
        told.append(command)
        arguments = [part for each in command.split() for part in (
            ["--endpoint-url", emulator.endpoint_url] if each == "--local" else [each]
        )]  # fmt: skip
        result = CommandLine().invoke(main, arguments, env=variables)
        assert result.exit_code == 0, result.output
        told += result.output.splitlines()
    assert len(told) <= MOST_LINES, "\n".join(told)
    assert any(line.startswith("root  deployed") for line in told)
    assert any(re.match(r"network +CREATE_COMPLETE +\d+ resources", line) for line in told)


def test_make_demo_installs_what_runs_infragen_alone(tmp_path: Path) -> None:
    """From the lock without test browsers and linters, and says so before pip is silent for a while."""
    done = subprocess.run(
        ["make", "-n", "demo", f"VENV={tmp_path}/venv"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "requirements/infragen.txt" in done.stdout
    assert "requirements/dev.txt" not in done.stdout
    lines = done.stdout.splitlines()
    said, pip = (next(n for n, line in enumerate(lines) if word in line) for word in ("echo", "pip install"))
    assert said < pip
    assert "playwright" not in (ROOT / "requirements" / "infragen.txt").read_text("utf-8")


@pytest.mark.parametrize("target", ["setup", "demo", "test", "docs"])
@pytest.mark.parametrize("version", [(3, 10, 12), (2, 7, 18), ()], ids=["3.10", "2.7", "broken"])
def test_make_with_an_older_python_says_so_at_once(tmp_path: Path, target: str, version: tuple[int, ...]) -> None:
    """One line that says which one is needed and what to type, before anything is created or installed."""
    programs, where = tmp_path / "bin", tmp_path / "venv"
    programs.mkdir()
    answers = f"import sys; sys.version_info = {version}; assert sys.argv[1] == '-c'; exec(sys.argv[2])"
    runs = f'exec {sys.executable} -c "{answers}" "$@"' if version else "exit 127"
    (programs / "python3").write_text(f"#!/bin/sh\n{runs}\n")
    (programs / "python3").chmod(0o755)
    before = sorted(each.name for each in ROOT.iterdir())
    done = subprocess.run(
        ["make", target, f"VENV={where}"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 2
    said = [each for each in (done.stdout + done.stderr).splitlines() if not each.startswith("make")]
    assert said == ["infragen needs Python 3.11 or newer: make PYTHON=python3.11"]
    assert not where.exists()
    assert sorted(each.name for each in ROOT.iterdir()) == before
