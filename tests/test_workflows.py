"""The workflow that comments on pull requests: its own shell, run against a repository and a `gh` that writes down."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
STEPS = yaml.safe_load((ROOT / ".github/workflows/plan.yml").read_text())["jobs"]["comment"]["steps"]

GH = """#!{python}
import json, pathlib, sys
calls = pathlib.Path("calls.json")
said = json.loads(calls.read_text()) if calls.exists() else []
calls.write_text(json.dumps([*said, sys.argv[1:]]))
if "--jq" in sys.argv and pathlib.Path("commented").exists():
    print("4711\\n4712")
"""


def shell_of(name: str) -> str:
    [script] = [each["run"] for each in STEPS if each.get("name") == name]
    return str(script)


@pytest.fixture
def pull_request(tmp_path: Path) -> Path:
    """A work tree that differs from the commit `base`, with infragen where the workflow expects it."""
    for name in ("environments", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("dev", "staging"):
        (tmp_path / "environments" / f"{name}.yaml").unlink()
        shutil.rmtree(tmp_path / "templates" / name)
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (("init", "-q", "-b", "base"), ("add", "-A"), ("commit", "-qm", "base")):
        subprocess.run(["git", *who, *command], cwd=tmp_path, check=True)
    prod = tmp_path / "environments/prod.yaml"
    prod.write_text(prod.read_text().replace("min_acu: 1", "min_acu: 2"))
    binaries = tmp_path / ".venv/bin"
    binaries.mkdir(parents=True)
    (binaries / "infragen").symlink_to(Path(sys.executable).parent / "infragen")
    (binaries / "gh").write_text(GH.replace("{python}", sys.executable))
    (binaries / "gh").chmod(0o755)
    return tmp_path


def run(script: str, where: Path) -> list[list[str]]:
    """Runs a step as GitHub does (bash -e -o pipefail), and gives the calls of gh so far."""
    environment = {
        "PATH": f"{where}/.venv/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(where),
        "BASE": "base",
        "GITHUB_STEP_SUMMARY": str(where / "summary.md"),
        "COMMENTS": "repos/o/r/issues/1/comments",
        "COMMENT": "repos/o/r/issues/comments",
    }
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=where, env=environment, check=True)
    calls = where / "calls.json"
    return json.loads(calls.read_text()) if calls.exists() else []


def test_a_pull_request_gets_one_comment_that_later_pushes_update(pull_request: Path) -> None:
    """Posted while there is none, patched when there is one, and in the summary of the run in any case."""
    run(shell_of("compare with the base"), pull_request)
    plan = (pull_request / "plan.md").read_text()
    assert plan == (pull_request / "summary.md").read_text()
    assert "MinCapacity" in plan
    marker = plan.splitlines()[0]
    post = shell_of("comment, or update the comment")
    [looked, posted] = run(post, pull_request)
    [wanted] = [each.partition('startswith("')[2].partition('"')[0] for each in looked if "startswith" in each]
    assert marker.startswith(wanted)
    assert posted[-3:] == ["repos/o/r/issues/1/comments", "--field", "body=@plan.md"]
    (pull_request / "commented").touch()
    patched = run(post, pull_request)[-1]
    assert patched[2:5] == ["--method", "PATCH", "repos/o/r/issues/comments/4712"]
