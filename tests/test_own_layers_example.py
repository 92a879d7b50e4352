"""The three layers of examples/own-layers: a cache, a job by the clock and a second service, as the docs show them."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from commands import CommandLine
from sweeps import SOAKING

from infragen.cli import main
from infragen.machine.emulator import Emulator

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "own-layers"
Run = Callable[..., Result]


@pytest.fixture
def run(emulator: Emulator, account: str, tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Commands of infragen on a copy of the example, in an account of the emulator of its own."""
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "environments" / "dev.yaml"
    file.write_text(file.read_text().replace("111111111111", account))
    monkeypatch.chdir(tmp_path)
    variables = {
        "COLUMNS": "80", "AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": emulator.secret,
        "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "INFRAGEN_CACHE_DIR": str(findings),
    }  # fmt: skip

    def command(line: str, code: int = 0) -> Result:
        arguments = line.replace("--local", f"--endpoint-url {emulator.endpoint_url}").split()
        done = CommandLine().invoke(main, arguments, env=variables)
        assert done.exit_code == code, (line, done.output, done.exception)
        return done

    return command


def edit(old: str, new: str) -> None:
    """Change the environment file."""
    file = Path("environments/dev.yaml")
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"] if SOAKING else ["independent"])
def test_the_examples_live_from_creation_to_deletion_on_the_emulator(run: Run, topology: str) -> None:
    """Without findings, created, found unchanged, changed with the line of the own key, seen by every command, gone."""
    if topology == "independent":
        edit("region:", "topology: independent\nregion:")
    assert "no findings" in run("lint --env dev --fail-on informational").output
    run("bootstrap --env dev --local --yes")
    made = run("deploy --env dev --local --yes").output
    for layer in ("cache", "report", "search"):
        assert layer in made
    assert "CacheEndpoint" in run("outputs --env dev --local").stdout
    assert run("plan --env dev --local --detailed-exitcode").exit_code == 0
    edit("max_gb: 5", "max_gb: 7")
    edit("cron(0 5 * * ? *)", "cron(0 6 * * ? *)")
    planned = run("plan --env dev --local").output
    assert re.search(r"environments/dev.yaml:\d+ cache.max_gb", planned), planned
    assert re.search(r"environments/dev.yaml:\d+ report.schedule", planned), planned
    # which properties of a cache lose data in place is not known, so a change is allowed by name
    assert "--allow-data-loss cache/Cache" in run("deploy --env dev --local --yes", code=3).output
    run("deploy --env dev --local --yes --allow-data-loss cache/Cache")
    assert "UPDATE_COMPLETE" in run("status --env dev --local").output
    run("drift --env dev --local")
    edit("search:", "x-search:")
    assert "search" in run("plan --env dev --local").output
    run("destroy --env dev --local --yes")
    left = json.loads(run("status --env dev --local --format json").stdout)["stacks"]
    assert {each["layer"] for each in left if each["status"] not in ("absent", "DELETE_COMPLETE")} == {"artifacts"}
