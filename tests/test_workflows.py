"""What CI runs, and with which rights: the workflows' own shell, what is pinned, and what the locks hold.

The workflow that comments on pull requests runs here against a repository and a `gh` that writes down.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
JOBS = yaml.safe_load((ROOT / ".github/workflows/plan.yml").read_text())["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))

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


@pytest.mark.long
def test_a_pull_request_gets_one_comment_that_later_pushes_update(pull_request: Path) -> None:
    """Posted while there is none, patched when there is one, and in the summary of the run in any case."""
    run(shell_of("compare with the base"), pull_request)
    plan = (pull_request / "plan.md").read_text()
    assert plan == (pull_request / "summary.md").read_text()
    assert "MinCapacity" in plan
    (pull_request / "plan").mkdir()
    (pull_request / "plan.md").rename(pull_request / "plan" / "plan.md")  # as the artifact arrives in the other job
    marker = plan.splitlines()[0]
    post = shell_of("comment, or update the comment")
    [looked, posted] = run(post, pull_request)
    [wanted] = [each.partition('startswith("')[2].partition('"')[0] for each in looked if "startswith" in each]
    assert marker.startswith(wanted)
    assert posted[-3:] == ["repos/o/r/issues/1/comments", "--field", "body=@plan/plan.md"]
    (pull_request / "commented").touch()
    patched = run(post, pull_request)[-1]
    assert patched[2:5] == ["--method", "PATCH", "repos/o/r/issues/comments/4712"]


def documents() -> list[tuple[str, Any]]:
    """The workflows, and those that the documentation tells users to copy, by name."""
    found = [(path.name, yaml.safe_load(path.read_text())) for path in WORKFLOWS]
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            read = yaml.safe_load(block)
            if "uses:" in block:
                found.append((page.name, read if isinstance(read, dict) else {"jobs": {"part": {"steps": read}}}))
    return found


DOCUMENTS = documents()


@pytest.mark.parametrize(("name", "workflow"), DOCUMENTS, ids=[name for name, _ in DOCUMENTS])
def test_checkouts_leave_no_token_behind(name: str, workflow: Any) -> None:
    """`actions/checkout` writes it into .git/config, where the code that was checked out can read it."""
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    for step in steps:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", [*WORKFLOWS, *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit_with_the_version_beside(path: Path) -> None:
    """A tag can be moved to other code; the same action is pinned alike everywhere."""
    pinned = re.compile(r"([\w./-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+")
    for line in path.read_text().splitlines():
        used = re.match(r"\s*(?:- )?uses: (.*)", line)
        if used:
            assert pinned.fullmatch(used[1]), line


def test_what_may_write_runs_nothing_of_the_pull_request() -> None:
    """The job with a right to write has no checkout and runs no program of the repository; the other has no right."""
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        assert "pull_request_target" not in path.read_text()
        for name, job in workflow["jobs"].items():
            rights = job.get("permissions", workflow.get("permissions"))
            assert isinstance(rights, dict), f"{path.name}: {name} has the rights of the repository's default"
            if "write" in rights.values():
                assert not [step for step in job["steps"] if "checkout" in step.get("uses", "")]
                assert not re.search(
                    r"make|infragen [a-z]+ --|\./|\.venv|python", "".join(s.get("run", "") for s in job["steps"])
                )
            else:
                assert "github.token" not in str(job)
                assert "secrets." not in str(job)
    assert JOBS["comment"]["permissions"] == {"pull-requests": "write"}
    assert JOBS["compare"]["permissions"] == {"contents": "read"}


def test_what_is_installed_is_installed_from_a_lock() -> None:
    """In the Makefile, in CI and in the recipes: with hashes, or it is infragen itself without anything else."""
    for path in (ROOT / "Makefile", *WORKFLOWS, ROOT / "docs" / "approvals-in-ci.md"):
        for line in path.read_text().splitlines():
            if re.search(r"pip install|\(INSTALL\)", line) and "INSTALL :=" not in line:
                locked = re.search(
                    r"--require-hashes --requirement (requirements/(infragen|dev|audit|node)\.txt|\$\(1\)$)", line
                )
                itself = re.search(r"--no-deps (--no-build-isolation (--editable )?\.|dist/\*\.whl)$", line)
                assert locked or itself, f"{path.name}: {line}"
            if "call install," in line:
                assert re.search(r"call install,requirements/(infragen|dev)\.txt,", line), line


def locked(path: Path) -> dict[str, Version]:
    """Name -> version in a lock. Fails for an entry without a hash, and for whatever is no entry."""
    text = path.read_text()
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links|--trusted-host", text)
    found: dict[str, Version] = {}
    for entry in re.split(r"\n(?=\S)", text):
        if entry.startswith("#"):
            continue
        named = re.match(
            r"([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==([^ ;\\]+)[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", entry
        )
        assert named, entry[:200]
        found[canonicalize_name(named[1])] = Version(named[2])
    return found


def test_the_locks_hold_what_the_project_asks_for() -> None:
    """Each requirement is in its lock with a version that it allows; `make lock` renews them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["local"]]
    groups = project["dependency-groups"]
    wanted = {
        "infragen.txt": [*runtime, *groups["build"], *project["build-system"]["requires"]],
        "dev.txt": [*runtime, *groups["build"], *groups["dev"]],
        "audit.txt": groups["audit"],
        "node.txt": groups["node"],
    }
    assert {path.name for path in LOCKS} == set(wanted)
    assert groups["node"] == project["project"]["optional-dependencies"]["node"]
    for path in LOCKS:
        versions = locked(path)
        for requirement in map(Requirement, wanted[path.name]):
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_what_both_locks_hold_has_one_version() -> None:
    """What the tests run with is what the recipe installs."""
    mine, everything = locked(ROOT / "requirements/infragen.txt"), locked(ROOT / "requirements/dev.txt")
    assert {name: everything[name] for name in mine} == mine
