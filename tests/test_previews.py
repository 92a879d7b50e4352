"""docs/previews.md: its commands, run as they are written, on the emulator; and its workflow."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from account_contents import everything
from commands import CommandLine
from emulator import Clients, log_in

from infragen.cli import main
from infragen.machine.emulator import Emulator
from infragen.project.pipeline.pins import PINS

PAGE = Path(__file__).parents[1] / "docs" / "previews.md"
DEV = """\
project: shop
environment: dev
account: "{account}"
region: us-east-1
network: {{azs: 2, nat: instance}}
api: {{cpu: 256, memory: 512, min_tasks: 1, max_tasks: 1, https: {{mode: http_only}}, ingress_cidrs: [203.0.113.0/24]}}
"""
VARIABLES = {"NUMBER": "17", "COMMIT": "abc123"}


def scripts() -> list[str]:
    """The lines of the page's bash blocks."""
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def workflow() -> dict[str, Any]:
    [text] = re.findall(r"```yaml\n(# \.github.*?)```", PAGE.read_text(), re.DOTALL)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow()["jobs"]["preview"]["steps"]
    return found


def filled(line: str) -> str:
    for name, value in VARIABLES.items():
        line = line.replace(f"${name}", value)
    return line


def test_the_workflow_has_the_commands_of_the_page() -> None:
    written = "\n".join(step.get("run", "") for step in steps())
    for line in scripts():
        assert line in written, line


def test_the_workflow_uses_the_pinned_actions_and_pastes_no_text_into_a_script() -> None:
    for step in steps():
        name, _, commit = step.get("uses", "@").partition("@")
        assert not name or PINS[name][0] == commit
        assert "${{" not in step.get("run", "")
    assert workflow()["jobs"]["preview"]["if"].endswith("== github.repository"), "no fork"


@pytest.mark.long
@pytest.mark.parametrize("bucket", ["own", "shared"])
def test_a_preview_lives_and_leaves_nothing(
    emulator: Emulator,
    account: str,
    client: Clients,
    tmp_path: Path,
    findings: Path,
    monkeypatch: pytest.MonkeyPatch,
    bucket: str,
) -> None:
    """Each line of the page in its order, as a shell would run it; the image is not built, so its tag is not there. Of
    a shared bucket the deletion names that one, and takes it along.
    """
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/dev.yaml").write_text(DEV.format(account=account) + f"artifact_bucket: {bucket}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    log_in(monkeypatch, emulator, account)
    before = everything(client, account, "us-east-1")
    seen = []
    for line in map(filled, scripts()):
        if not line.startswith("infragen "):
            subprocess.run(["bash", "-e", "-c", line], check=True)
            continue
        words = shlex.split(line)[1:]
        if bucket == "shared" and "destroy" in words:
            words = [each.replace("artifacts/", "shared-bucket/") for each in words] + ["--shared-bucket"]
        more = ["--endpoint-url", emulator.endpoint_url, *(["--skip-check", "image"] if "--image-tag" in words else [])]
        result = CommandLine().invoke(main, [*words, *more])
        assert result.exit_code == 0, result.output
        seen.append(words[0])
        if words[0] == "deploy":
            assert any("pr-17" in each for each in everything(client, account, "us-east-1"))
        if words[0] == "outputs":
            assert "Url=" in result.stdout
    assert seen == ["deploy", "outputs", "deploy", "destroy"]
    assert everything(client, account, "us-east-1") == before
    again = CommandLine().invoke(main, [*words, "--endpoint-url", emulator.endpoint_url])
    assert again.exit_code == 0, again.output
    assert "nothing to delete" in again.output
