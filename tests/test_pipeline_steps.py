"""Each step of the workflows that `infragen pipeline github` writes, run by a shell as GitHub runs it (`bash -e`).

What is infragen's and needs no AWS runs for real, in a repository with a branch. Other programs (npm, docker, aws, gh,
pip), and infragen's commands that need AWS, are written down by a program of the same name.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_pipeline import SCAFFOLD, git

REAL = ("render", "lint", "pipeline", "diff")
"""Commands of infragen that ask AWS nothing."""

STUB = """#!{python}
import json, os, pathlib, sys
name, words, root = pathlib.Path(sys.argv[0]).name, sys.argv[1:], pathlib.Path({root!r})
if name == "infragen" and words[0] in {real!r}:
    os.execv({python!r}, [{python!r}, "-m", "infragen", *words])
if name == "python" and words[:1] == ["-c"]:
    os.execv({python!r}, [{python!r}, *words])
told = "" if sys.stdin is None or sys.stdin.isatty() or name != "docker" else sys.stdin.read()
with (root / "calls").open("a") as file:
    file.write(json.dumps([name, *words, *([told] if told else [])]) + "\\n")
answers = json.loads((root / "answers.json").read_text())
line = " ".join([name, *words])
for begins, (code, text) in answers.items():
    if line.startswith(begins):
        print(text) if text else None
        sys.exit(code)
"""

ANSWERS: dict[str, tuple[int, str]] = {
    "aws sts": (0, "111111111111"),
    "aws ecr describe-images": (254, ""),
    "aws ecr get-login-password": (0, "secret-of-the-registry"),
    "infragen outputs --env staging --format json": (0, '{"Url": "https://staging.example.com"}'),
    "infragen outputs --env prod --format json": (0, '{"Url": "https://example.com"}'),
    "infragen outputs": (0, "Url=https://example.com"),
    "infragen plan": (10, ""),
}


class Runner:
    """A repository with the project, and the programs that its steps call."""

    def __init__(self, root: Path) -> None:
        self.root, self.project = root, root / "shop"
        shutil.copytree(SCAFFOLD, self.project, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        (root / "bin").mkdir()
        for name in ("infragen", "npm", "npx", "docker", "aws", "gh", "python"):
            program = root / "bin" / name
            program.write_text(STUB.format(python=sys.executable, root=str(root), real=REAL))
            program.chmod(0o755)
        self.answers = dict(ANSWERS)
        self.ran: set[str] = set()

    def jobs(self, workflow: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((self.project / f".github/workflows/{workflow}.yaml").read_text())[
            "jobs"
        ]
        return found

    def step(self, script: str, **variables: str) -> tuple[int, str]:
        """Run one script; the exit code, and what it printed."""
        (self.root / "answers.json").write_text(json.dumps(self.answers))
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            variables.setdefault(name, str(self.root / name))
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "GITHUB_"))}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.project,
            env={**kept, "PATH": f"{self.root}/bin:{os.environ['PATH']}", **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        self.ran.add(script)
        return done.returncode, done.stdout + done.stderr

    def calls(self) -> list[list[str]]:
        """Return what was called since the last time."""
        file = self.root / "calls"
        found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        file.unlink(missing_ok=True)
        return found

    def job(self, workflow: str, name: str, code: int = 0, **variables: str) -> list[list[str]]:
        """Run the steps of a job one by one until one fails; return what they called."""
        last = 0
        for step in self.jobs(workflow)[name]["steps"]:
            if "run" in step:
                given = {key: variables.get(key, "unset") for key in step.get("env", {})}
                last, said = self.step(step["run"], **given)
                if last:
                    assert code, said
                    break
        assert last == code
        return self.calls()


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    found = Runner(tmp_path)
    monkeypatch.chdir(found.project)
    git("init", "-q", "-b", "main")
    code, said = found.step("infragen pipeline github && infragen render")
    assert code == 0, said
    git("add", ".")
    git("commit", "-qm", "first")
    git("checkout", "-qb", "change")
    return found


@pytest.mark.long
def test_each_step_of_a_pull_request_runs(runner: Runner) -> None:
    """Checks fail for a stale template; the comparison is a page, and is posted once and then kept current."""
    pip = ["python", "-m", "pip", "install", "--quiet", "--requirement", "requirements.txt"]
    assert runner.job("pull-request", "checks") == [pip, ["npm", "ci"], ["npm", "run", "check"]]
    with (runner.project / "templates/prod/network.yaml").open("a") as file:
        file.write("# edited by hand")
    assert runner.job("pull-request", "checks", code=1)[-1] == ["npm", "ci"]
    assert runner.step("infragen render")[0] == 0
    (runner.project / "migrations/0002 more.sql").write_text("select 1;")
    git("add", ".")
    git("commit", "-qm", "second")
    local = [each[1:] for each in runner.job("pull-request", "local") if each[0] == "infragen"]
    assert local == [
        ["dev", "--env", "dev", "--exec", "--", "npm", "run", f"test:{each}"] for each in ("integration", "e2e")
    ]
    [build] = runner.job("pull-request", "image")
    assert build == ["docker", "buildx", "build", "--platform", "linux/arm64", "."]
    [squawk] = runner.job("pull-request", "migrations", BASE="main")
    assert squawk[-1] == "migrations/0002 more.sql"
    assert runner.job("pull-request", "compare", BASE="main") == [pip]
    page = (runner.project / "plan.md").read_text()
    assert (runner.root / "GITHUB_STEP_SUMMARY").read_text() == page
    assert page.startswith("<!-- infragen diff ")
    where = {"GH_TOKEN": "x", "COMMENTS": "repos/a/b/issues/1/comments", "COMMENT": "repos/a/b/issues/comments"}
    assert [each[2:5] for each in runner.job("pull-request", "comment", 0, **where)][-1] == [
        "--silent",
        "--method",
        "POST",
    ]
    runner.answers["gh api --paginate"] = (0, "41\n42")
    asked, posted = runner.job("pull-request", "comment", 0, **where)
    assert asked[3] == where["COMMENTS"]
    assert posted[2:6] == ["--silent", "--method", "PATCH", "repos/a/b/issues/comments/42"]
    runner.answers["gh api --silent"] = (1, "")
    runner.job("pull-request", "comment", code=1, **where)
    every = {step["run"] for job in runner.jobs("pull-request").values() for step in job["steps"] if "run" in step}
    assert every <= runner.ran


@pytest.mark.long
def test_each_step_of_a_delivery_runs(runner: Runner) -> None:
    """An image that is there is not built again; a plan without changes ends the delivery there; a failed one fails."""
    [identity, look, password, login, build] = runner.job("deploy", "staging-image", COMMIT="abc")
    image = "111111111111.dkr.ecr.eu-central-1.amazonaws.com/shop-staging-api:abc"
    assert identity[:2] == ["aws", "sts"]
    assert look[-1] == "imageTag=abc"
    assert password == ["aws", "ecr", "get-login-password"]
    assert (login[1], login[-2:]) == ("login", [image.partition("/")[0], "secret-of-the-registry\n"])
    assert build == ["docker", "buildx", "build", "--platform", "linux/arm64", "--push", "--tag", image, "."]
    runner.answers["aws ecr describe-images"] = (0, "")
    assert [each[0] for each in runner.job("deploy", "staging-image", COMMIT="abc")] == ["aws", "aws"]

    called = runner.job("deploy", "staging", COMMIT="abc")
    own = [each[1:] for each in called if each[0] == "infragen"]
    assert own[:2] == [
        ["doctor", "--env", "staging", "--format", "github"],
        ["deploy", "--env", "staging", "--yes", "--image-tag", "abc"],
    ]
    assert [each[1:] for each in called if each[0] == "npm"] == [["ci"], ["run", "build"], ["run", "test:e2e"]]
    assert (runner.root / "GITHUB_OUTPUT").read_text() == "Url=https://example.com\n"
    runner.answers["infragen deploy"] = (3, "")
    assert runner.job("deploy", "staging", code=3, COMMIT="abc")[-1][1] == "deploy"
    del runner.answers["infragen deploy"]

    promoted = runner.job("deploy", "prod-image", COMMIT="abc")
    assert promoted[-1] == [
        "infragen",
        *["image", "promote", "--from", "staging", "--to", "prod", "--image-tag", "abc"],
    ]
    for code, ends, changes in ((10, 0, "changes=true\n"), (0, 0, ""), (3, 3, ""), (4, 4, "")):
        (runner.root / "GITHUB_OUTPUT").write_text("")
        runner.answers["infragen plan"] = (code, "")
        planned = runner.job("deploy", "prod-plan", code=ends, COMMIT="abc")[-1]
        assert planned[1:] == [
            "plan",
            "--env",
            "prod",
            "--image-tag",
            "abc",
            "--out",
            "prod.plan",
            "--detailed-exitcode",
        ]
        assert (runner.root / "GITHUB_OUTPUT").read_text() == changes
    called = runner.job("deploy", "prod")
    assert ["infragen", "deploy", "--plan", "prod.plan"] in called
    assert called[-1] == ["npm", "run", "test:e2e"]
    every = {step["run"] for job in runner.jobs("deploy").values() for step in job["steps"] if "run" in step}
    assert every <= runner.ran
