"""`infragen pipeline`: workflows that are valid, pinned, narrow, and never written over what is not ours."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs

import botocore.session
import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from infragen.cli import main
from infragen.config import load_environment
from infragen.config.directory import DERIVED
from infragen.layers import LAYERS
from infragen.permissions.operations import DEPLOY, PLAN, PUSH
from infragen.permissions.roles import boundary_name, ci_role_name, service_role_name
from infragen.project.pipeline.pins import PINS, SQUAWK

SCAFFOLD = Path(__file__).parent.parent / "src" / "infragen" / "project" / "files"
Run = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project that `init` begins, as far as a pipeline looks at it."""
    shutil.copytree(SCAFFOLD / "environments", tmp_path / "environments")
    for name in ("package.json", "Dockerfile", "requirements.txt"):
        shutil.copy(SCAFFOLD / name, tmp_path)
    shutil.copytree(SCAFFOLD / "migrations", tmp_path / "migrations")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(project: Path) -> Run:
    def invoke(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, ["pipeline", *arguments])
        assert result.exit_code == code, result.output
        return result

    return invoke


def jobs(project: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((project / ".github/workflows" / f"{name}.yaml").read_text())["jobs"]
    return found


def scripts(project: Path) -> list[str]:
    every = {**jobs(project, "pull-request"), **jobs(project, "deploy")}
    return [step["run"] for job in every.values() for step in job["steps"] if "run" in step]


def test_the_stages_follow_each_other_and_production_waits_for_its_plan(project: Path, run: Run) -> None:
    run("github")
    found = jobs(project, "deploy")
    assert list(found) == ["staging-image", "staging", "prod-image", "prod-plan", "prod"]
    assert [found[each].get("needs") for each in found] == [None, "staging-image", "staging", "prod-image", "prod-plan"]
    environments = {name: job.get("environment") for name, job in found.items()}
    environments = {name: each["name"] if isinstance(each, dict) else each for name, each in environments.items()}
    assert environments == {
        "staging-image": None, "staging": "staging", "prod-image": None, "prod-plan": "prod-plan", "prod": "prod",
    }  # fmt: skip
    commands = [step.get("run", "") for step in found["prod"]["steps"]]
    assert "infragen deploy --plan prod.plan" in commands
    assert not any("--yes" in each for each in commands)


def test_every_action_is_pinned_by_its_commit_with_the_version_beside(project: Path, run: Run) -> None:
    run("github")
    for name in ("pull-request", "deploy"):
        text = (project / ".github/workflows" / f"{name}.yaml").read_text()
        uses = re.findall(r"uses: (\S+)@(\S+) # (\S+)", text)
        assert len(uses) == text.count("uses:")
        assert all(PINS[each] == (commit, version) for each, commit, version in uses)
    assert all(re.fullmatch(r"[0-9a-f]{40}", commit) for commit, _ in PINS.values())


def test_a_pull_request_gets_no_credentials(project: Path, run: Run) -> None:
    run("github")
    text = (project / ".github/workflows/pull-request.yaml").read_text()
    assert "id-token" not in text
    assert "configure-aws-credentials" not in text
    assert "secrets." not in text
    for name, job in jobs(project, "pull-request").items():
        assert job["permissions"] == ({"pull-requests": "write"} if name == "comment" else {"contents": "read"})
        writes = "write" in str(job["permissions"])
        assert not (writes and any("checkout" in step.get("uses", "") for step in job["steps"]))


def test_no_long_lived_key_is_anywhere_and_each_job_has_only_its_rights(project: Path, run: Run) -> None:
    run("github")
    run("gitlab")
    text = (project / ".github/workflows/deploy.yaml").read_text()
    assert "secrets." not in text
    for job in jobs(project, "deploy").values():
        assert job["permissions"] == {"contents": "read", "id-token": "write"}
        assert job["timeout-minutes"] <= 120
    roles = re.findall(r"vars\.(\w+)", text)
    assert set(roles) == {"PUSH_ROLE_STAGING", "PUSH_ROLE_PROD", "PLAN_ROLE", "DEPLOY_ROLE"}
    assert "AWS_SECRET" not in (project / ".gitlab-ci.yml").read_text()


def test_an_older_commit_is_delivered_whole(project: Path, run: Run) -> None:
    """A rollback: configuration, workers and image of the same commit, through the same plan and approval."""
    run("github")
    for job in jobs(project, "deploy").values():
        [checkout] = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert checkout["with"]["ref"] == "${{ inputs.commit || github.sha }}"
    steps = [step for job in jobs(project, "deploy").values() for step in job["steps"]]
    assert {step["env"]["COMMIT"] for step in steps if "env" in step} == {"${{ inputs.commit || github.sha }}"}


def test_no_text_of_github_is_pasted_into_a_script(project: Path, run: Run) -> None:
    run("github")
    assert not [each for each in scripts(project) if "${{" in each]


@pytest.mark.long
def test_every_script_is_valid_shell(project: Path, run: Run) -> None:
    run("github")
    for each in scripts(project):
        subprocess.run(["bash", "-n", "-c", each], check=True)
    run("gitlab")
    document = yaml.safe_load((project / ".gitlab-ci.yml").read_text())
    lines = [line for job in document.values() if isinstance(job, dict) for line in job.get("script", ())]
    for each in lines:
        subprocess.run(["bash", "-n", "-c", each], check=True)


@pytest.mark.long
def test_every_command_of_ours_in_a_workflow_has_the_options_that_exist(project: Path, run: Run) -> None:
    run("github")
    run("gitlab")
    written = (project / ".gitlab-ci.yml").read_text().splitlines()
    text = "\n".join([*(each for each in written if not each.startswith("#")), *scripts(project)])
    found = set(re.findall(r"infragen ((?:image )?[a-z]+)((?: [^\n|>&;)]*)?)", text))
    assert {name for name, _ in found} >= {"render", "lint", "deploy", "plan", "image promote", "diff", "doctor"}
    for name, rest in found:
        result = CliRunner().invoke(main, [*name.split(), "--help"])
        assert result.exit_code == 0, name
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in result.output, f"{name} {option}"


def test_the_gitlab_pipeline_waits_for_a_person_before_production(project: Path, run: Run) -> None:
    run("gitlab")
    found = yaml.safe_load((project / ".gitlab-ci.yml").read_text())
    assert found["stages"] == ["check", "staging-image", "staging", "prod-image", "prod-plan", "prod"]
    assert found["prod"]["rules"][0]["when"] == "manual"
    assert found["prod"]["resource_group"] == "prod"
    assert found["prod"]["id_tokens"] == {"AWS_TOKEN": {"aud": "sts.amazonaws.com"}}
    assert "when" not in found["staging"]["rules"][0]


def test_check_says_what_is_stale_and_writing_again_makes_it_current(project: Path, run: Run) -> None:
    assert "stale: .github/workflows/deploy.yaml" in run("github", "--check", code=1).output
    run("github")
    run("github", "--check")
    staging = project / "environments/staging.yaml"
    staging.write_text(staging.read_text().replace("environment: staging", "environment: staging\nregion: us-east-1"))
    assert run("github", "--check", code=1).output.count("stale: ") == 1
    run("github")
    run("github", "--check")


def test_stages_that_were_named_are_remembered(project: Path, run: Run) -> None:
    run("github", "--stage", "dev", "--stage", "prod")
    assert list(jobs(project, "deploy")) == ["dev-image", "dev", "prod-image", "prod-plan", "prod"]
    run("github", "--check")
    run("github")
    assert "dev-image" in jobs(project, "deploy")


@pytest.mark.parametrize("branch", ["master", "release/1.x", "1.0", "on"])
def test_the_branch_that_was_named_is_remembered_and_is_a_text(project: Path, run: Run, branch: str) -> None:
    """The check in the workflow itself names no branch, and YAML reads `1.0` and `on` as something else."""
    for system, file in (("github", ".github/workflows/deploy.yaml"), ("gitlab", ".gitlab-ci.yml")):
        run(system, "--branch", branch)
        run(system, "--check")
        text = (project / file).read_text()
        read = yaml.safe_load(text)
        if system == "github":
            assert read[True]["push"]["branches"] == [branch]
        else:
            assert f"$CI_COMMIT_BRANCH == '{branch}'" in str(read["workflow"])


@pytest.mark.parametrize(
    "branch",
    [
        "a' || 'b' == 'b",
        "a]\n  pull_request_target:",
        "a,b",
        "-x",
        "a..b",
        "refs/heads/",
        "${{ github.token }}",
        "$(id)",
        "*",
    ],
)
def test_what_is_no_branch_reaches_no_workflow(project: Path, run: Run, branch: str) -> None:
    """From the command line, and from the first line of a file that somebody else wrote."""
    for system in ("github", "gitlab"):
        assert "is not the name of a branch" in run(system, f"--branch={branch}", code=2).output
    assert not (project / ".github").exists()
    run("gitlab")
    file = project / ".gitlab-ci.yml"
    written = file.read_text()
    file.write_text(written.replace("; change", f" from branch {branch}; change", 1))
    result = CliRunner().invoke(main, ["pipeline", "gitlab"])
    assert result.exit_code in (0, 2)
    assert branch not in file.read_text() or result.exit_code == 2


def test_a_file_that_infragen_did_not_write_is_left_alone(project: Path, run: Run) -> None:
    file = project / ".github/workflows/deploy.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("name: ours\n")
    assert "was not written by infragen" in run("github", code=2).output
    assert file.read_text() == "name: ours\n"
    assert not (file.parent / "pull-request.yaml").exists()


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({}, ("--stage", "nowhere"), "there is no environment nowhere"),
        ({}, ("--stage", "prod", "--stage", "prod"), "named twice"),
        (
            {"environments/staging.yaml": ("environment: staging", "environment: staging\nprotect: true")},
            (),
            "which comes",
        ),
        ({"package.json": ("{", "[")}, (), "package.json"),
    ],
)
def test_what_cannot_be_told_is_refused_and_nothing_is_written(
    change: dict[str, tuple[str, str]], options: tuple[str, ...], said: str, project: Path, run: Run
) -> None:
    for name, (before, after) in change.items():
        file = project / name
        file.write_text(file.read_text().replace(before, after, 1))
    assert said in run("github", *options, code=2).output
    assert not (project / ".github").exists()


def test_without_requirements_the_pipeline_says_what_to_write(project: Path, run: Run) -> None:
    (project / "requirements.txt").unlink()
    assert "infragen-cfn[local]" in run("github", code=2).output


def test_a_project_without_an_image_and_tests_has_neither_in_its_workflows(project: Path, run: Run) -> None:
    (project / "Dockerfile").unlink()
    (project / "package.json").unlink()
    run("github")
    assert list(jobs(project, "deploy")) == ["staging", "prod-plan", "prod"]
    assert "npm" not in "\n".join(scripts(project))
    assert "--image-tag" not in "\n".join(scripts(project))


def gitlab(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((project / ".gitlab-ci.yml").read_text())
    return found


def schema(name: str) -> dict[str, Any]:
    """The schema of a CI system's files, as check-jsonschema ships it; `make audit` installs that, and checks too."""
    package = find_spec("check_jsonschema")
    places = [Path(package.origin).parent] if package and package.origin else []
    places += Path(__file__).parent.parent.glob(".venv-audit/lib/python*/site-packages/check_jsonschema")
    file = next((each / f"builtin_schemas/vendor/{name}.json" for each in places), None)
    if file is None:
        pytest.skip("check-jsonschema is not here: `make audit` installs it, and checks the same files")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.mark.parametrize("app", [True, False])
def test_the_files_fit_the_schemas_of_github_and_gitlab(project: Path, run: Run, app: bool) -> None:
    if not app:
        for name in ("Dockerfile", "package.json"):
            (project / name).unlink()
        shutil.rmtree(project / "migrations")
    run("github")
    run("gitlab")
    workflows = jsonschema.Draft7Validator(schema("github-workflows"))
    for each in (project / ".github/workflows").iterdir():
        loaded = yaml.safe_load(each.read_text())
        loaded["on"] = loaded.pop(True)  # YAML 1.1 takes the word for a truth value
        workflows.validate(loaded)
    jsonschema.Draft7Validator(schema("gitlab-ci")).validate(gitlab(project))


@pytest.mark.parametrize("app", [True, False])
def test_actionlint_finds_nothing_in_the_workflows(project: Path, run: Run, app: bool) -> None:
    program = Path(__file__).parent.parent / ".venv-audit/bin/actionlint"
    if not program.exists():
        pytest.skip("actionlint is not here: `make audit` installs it, and checks the same files")
    if not app:
        for name in ("Dockerfile", "package.json"):
            (project / name).unlink()
    run("github")
    files = sorted((project / ".github/workflows").iterdir())
    done = subprocess.run([program, "-no-color", *files], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    files[0].write_text(files[0].read_text().replace("runs-on: ubuntu-24.04", "runs-on: ubuntu-1", 1))
    done = subprocess.run([program, "-no-color", files[0]], check=False, capture_output=True, text=True)
    assert 'label "ubuntu-1' in done.stdout


def test_a_pull_request_is_tested_by_what_a_developer_runs(project: Path, run: Run) -> None:
    run("github")
    run("gitlab")
    tests = [f"infragen dev --env dev --exec -- npm run {each}" for each in ("test:integration", "test:e2e")]
    assert [step["run"] for step in jobs(project, "pull-request")["local"]["steps"] if "run" in step][-2:] == tests
    assert gitlab(project)["application"]["script"][-2:] == tests


@pytest.mark.parametrize("start", ['"main": "x.js", "nothing":', '"other": "node x.js", "nothing":'])
def test_what_infragen_dev_cannot_start_is_not_tested_there(project: Path, run: Run, start: str) -> None:
    """A project starts by its script start, or by its main; without either the job would fail for ever."""
    package = json.loads((project / "package.json").read_text())
    del package["scripts"]["start"]
    (project / "package.json").write_text(json.dumps(package | ({"main": "x.js"} if "main" in start else {})))
    run("github")
    run("gitlab")
    assert ("local" in jobs(project, "pull-request")) == ("main" in start)
    assert ("infragen dev" in str(gitlab(project)["application"])) == ("main" in start)


def git(*words: str) -> None:
    name = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *name, *words], check=True, capture_output=True)


def test_only_migrations_that_a_branch_adds_or_changes_are_linted(project: Path, run: Run) -> None:
    """The script of the workflow, with an `npx` that says what it was asked for."""
    (project / "migrations/0002_old.sql").write_text("select 1;")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "first")
    git("checkout", "-qb", "change")
    run("github")
    [script] = [step["run"] for step in jobs(project, "pull-request")["migrations"]["steps"] if "run" in step]
    (project / "bin").mkdir()
    (project / "bin/npx").write_text('#!/bin/sh\nprintf "%s|" "$@" > asked\nexit 3\n')
    (project / "bin/npx").chmod(0o755)
    environment = {"PATH": f"{project}/bin:{os.environ['PATH']}", "BASE": "main"}

    def lint() -> int:
        return subprocess.run(["bash", "-e", "-c", script], check=False, env=environment).returncode

    assert lint() == 0
    assert not (project / "asked").exists()
    (project / "migrations/0002_old.sql").write_text("select 2;")
    (project / "migrations/0003 new.sql").write_text("select 3;")
    (project / "migrations/0001_notifications.sql").unlink()
    git("add", ".")
    git("commit", "-qm", "second")
    assert lint() != 0
    assert (project / "asked").read_text() == (
        f"--yes|squawk-cli@{SQUAWK}|migrations/0002_old.sql|migrations/0003 new.sql|"
    )
    shutil.rmtree(project / "migrations")
    run("github")
    assert "migrations" not in jobs(project, "pull-request")


def test_gitlab_builds_the_image_once_and_promotes_it_with_a_role_of_each_account(project: Path, run: Run) -> None:
    """The profiles that the job writes are ones that botocore takes the roles of, each with the job's token."""
    run("gitlab")
    found = gitlab(project)
    assert any(each.startswith("buildah push") for each in found["staging-image"]["script"])
    assert found["staging-image"]["variables"]["ROLE"] == "$PUSH_ROLE_STAGING"
    assert found["staging-image"]["tags"] == ["$IMAGE_RUNNER"]
    promotion = found["prod-image"]
    assert promotion["variables"] == {
        "AWS_REGION": "eu-central-1", "ROLE": "$PUSH_ROLE_PROD", "SOURCE_ROLE": "$PUSH_ROLE_STAGING",
    }  # fmt: skip
    assert promotion["script"][-1].endswith("--from-profile source --profile target")
    texts = [each for each in promotion["script"] if "rofile" in each]
    lines = [each.replace("/tmp/", f"{project}/") for each in texts]  # noqa: S108 # the path in the job's text
    roles = {"SOURCE_ROLE": "arn:aws:iam::111122223333:role/a", "ROLE": "arn:aws:iam::444455556666:role/b"}
    subprocess.run(["sh", "-e", "-c", "\n".join(lines[:-1])], check=True, env=os.environ | roles)
    session = botocore.session.Session()
    session.set_config_variable("config_file", f"{project}/aws-config")
    assert session.full_config["profiles"] == {
        name: {"role_arn": roles[role], "web_identity_token_file": f"{project}/web-identity"}
        for name, role in (("source", "SOURCE_ROLE"), ("target", "ROLE"))
    }


def test_gitlab_delivers_the_same_commit_in_each_job_or_fails(project: Path, run: Run) -> None:
    """A fetch that fails ends the job: each command is an item of its own, and none goes on behind `&&`."""
    run("gitlab")
    found = gitlab(project)
    for stage in found["stages"][1:]:
        script = found[stage]["script"]
        at = script.index('git fetch -q origin "$COMMIT"')
        assert script[at - 1 : at + 2] == [
            'export COMMIT="${COMMIT:-$CI_COMMIT_SHA}"', 'git fetch -q origin "$COMMIT"', 'git checkout -q "$COMMIT"',
        ]  # fmt: skip
        assert not [each for each in script if "&&" in each]
        if stage in ("staging", "prod-plan"):
            assert script.index("npm run build") < next(i for i, each in enumerate(script) if "--image-tag" in each)
        if stage in ("staging", "prod"):
            assert script[-1].endswith("npm run test:e2e")
    assert found["prod"]["script"][-1].startswith("SMOKE=read ")


def test_the_comment_on_a_merge_request_needs_a_token_and_runs_no_code_of_the_project(project: Path, run: Run) -> None:
    run("gitlab")
    job = gitlab(project)["comment"]
    assert job["rules"] == [{"if": "$CI_PIPELINE_SOURCE == 'merge_request_event' && $COMMENT_TOKEN"}]
    assert job["variables"] == {"GIT_STRATEGY": "none"}
    others = [each for name, each in gitlab(project).items() if name != "comment"]
    assert "COMMENT_TOKEN" not in str(others)


class Notes(BaseHTTPRequestHandler):
    """The notes of a merge request, as far as the job that comments asks for them."""

    notes: ClassVar[list[dict[str, Any]]] = []
    written: ClassVar[list[tuple[str, str, str]]] = []

    def log_message(self, *arguments: object) -> None:
        pass

    def _answer(self, answer: object) -> None:
        allowed = self.headers["PRIVATE-TOKEN"] == "of-the-project"
        body = json.dumps(answer if allowed else {"message": "401 Unauthorized"}).encode()
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer({"id": 7} if self.path.endswith("/user") else self.notes)

    def _write(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.written.append((self.command, self.path, form["body"][0]))
        self._answer({"id": 1})

    do_PUT = do_POST = _write  # noqa: N815 # names of http.server


@pytest.mark.long
@pytest.mark.skipif(not (shutil.which("jq") and shutil.which("curl")), reason="the job installs jq and curl")
def test_the_comment_is_written_once_and_then_kept_current(project: Path, run: Run) -> None:
    """The job's own script against GitLab's notes: a comment of somebody else is not touched, a refusal fails."""
    run("gitlab")
    script = "\n".join(gitlab(project)["comment"]["script"][1:])
    body = "<!-- infragen diff v1 -->\n100 % & more\n"
    (project / "plan.md").write_text(body)
    server = HTTPServer(("127.0.0.1", 0), Notes)
    Thread(target=server.serve_forever, daemon=True).start()
    where = {"CI_API_V4_URL": f"http://127.0.0.1:{server.server_port}/api/v4", "CI_PROJECT_ID": "5",
             "CI_MERGE_REQUEST_IID": "9", "no_proxy": "127.0.0.1", "PATH": os.environ["PATH"]}  # fmt: skip

    def comment(token: str) -> int:
        environment = where | {"COMMENT_TOKEN": token}
        return subprocess.run(["sh", "-e", "-c", script], check=False, env=environment, capture_output=True).returncode

    Notes.notes, Notes.written = [], []
    try:
        assert comment("of-the-project") == 0
        Notes.notes = [
            {"id": 3, "author": {"id": 8}, "body": body},
            {"id": 4, "author": {"id": 7}, "body": "another of the token's"},
            {"id": 5, "author": {"id": 7}, "body": "<!-- infragen diff v1 -->\nolder"},
        ]
        assert comment("of-the-project") == 0
        assert comment("wrong") != 0
    finally:
        server.shutdown()
        server.server_close()
    notes = "/api/v4/projects/5/merge_requests/9/notes"
    assert Notes.written == [("POST", notes, body), ("PUT", f"{notes}/5", body)]


@pytest.mark.parametrize("name", ["cache", "pages", "compare", "check"])
def test_a_stage_whose_name_gitlab_uses_is_refused(project: Path, run: Run, name: str) -> None:
    file = project / "environments/staging.yaml"
    file.write_text(file.read_text().replace("environment: staging", f"environment: {name}"))
    file.rename(project / f"environments/{name}.yaml")
    assert f"{name} cannot be the name of a stage" in run("gitlab", code=2).output
    assert not (project / ".gitlab-ci.yml").exists()


def beside(project: Path, name: str, like: str = "dev") -> None:
    """Another environment file, a copy of one that is there."""
    text = (project / f"environments/{like}.yaml").read_text()
    (project / f"environments/{name}.yaml").write_text(text.replace(f"environment: {like}", f"environment: {name}"))


def test_the_digest_of_an_image_of_gitlab_stays_in_each_job(project: Path, run: Run) -> None:
    """Named in one job by its user. Without one there is a warning, and two are refused."""
    assert "names images by tags, which can be moved: python:3.13-slim" in run("gitlab").stderr
    file = project / ".gitlab-ci.yml"
    plain, digest = file.read_text(), f"sha256:{'a' * 64}"
    assert "names images by tags" in run("gitlab", "--check").stderr
    count = plain.count("image: python:3.13-slim\n")
    file.write_text(plain.replace("image: python:3.13-slim\n", f"image: python:3.13-slim@{digest}\n", 1))
    assert "python:3.13-slim" not in run("gitlab").stderr
    assert file.read_text() == plain.replace("image: python:3.13-slim\n", f"image: python:3.13-slim@{digest}\n")
    assert count
    run("gitlab", "--check")
    file.write_text(f"{file.read_text()}x:\n  image: python:3.13-slim@sha256:{'b' * 64}\n")
    assert "by 2 digests" in run("gitlab", code=2).output


@pytest.mark.parametrize("name", ["prod-plan", "staging-image", "prod-deploy", "prod-network", "dev-delivery"])
@pytest.mark.parametrize("command", ["pipeline github", "pipeline gitlab", "render", "policy deploy --env prod"])
def test_an_environment_that_is_called_as_what_belongs_to_another_is_refused(
    project: Path, name: str, command: str
) -> None:
    """Jobs, environments of GitHub, roles and stacks: the one would get what is the other's."""
    beside(project, name)
    own = command.replace("--env prod", f"--env {name}")
    result = CliRunner().invoke(main, own.split())
    assert result.exit_code == 2, result.output
    shorter = name.partition("-")[0]
    assert f"environments/{name}.yaml: an environment {name} cannot be beside {shorter}: " in result.output
    assert not (project / ".github").exists()
    assert not (project / ".gitlab-ci.yml").exists()


def test_an_environment_that_is_called_as_the_stack_of_a_project_layer_is_refused(project: Path) -> None:
    (project / "addons").mkdir()
    text = "Resources: {Topic: {Type: AWS::SNS::Topic}}\n"
    (project / "addons/eu.yaml").write_text(text)
    beside(project, "dev-eu")
    result = CliRunner().invoke(main, ["render"])
    assert result.exit_code == 2, result.output
    assert "dev-eu.yaml: an environment dev-eu cannot be beside dev: the stack of the layer eu" in result.output


@pytest.mark.long
def test_other_names_are_free_and_an_environment_that_roles_of_another_cover_is_told(project: Path, run: Run) -> None:
    """What only begins with the same letters is another name; behind a hyphen it is covered by `shop-dev-*`."""
    for name in ("dev2", "planprod", "dev-eu"):
        beside(project, name)
    run("github")
    found = jobs(project, "deploy")
    assert [each for each in found if "-" not in each] == ["dev2", "planprod", "staging", "prod"]
    assert {"dev-eu", "dev-eu-image"} <= set(found)
    said = CliRunner().invoke(main, ["render"]).output
    assert said.count("the roles that `infragen bootstrap` makes for") == 1
    assert "environments/dev-eu.yaml:" in said
    assert "environment dev-eu is in the account of dev, and its names begin with shop-dev-:" in said


def test_the_words_that_name_what_belongs_to_an_environment_are_all_of_them(project: Path, run: Run) -> None:
    """Layers, roles, and jobs: one that is added has to be in the list."""
    run("github")
    run("gitlab")
    words = {each.name for each in LAYERS} | {"artifacts", "delivery", "release", "run"}
    words |= {str(each).rpartition("-")[2] for each in (*jobs(project, "deploy"), *gitlab(project)) if "-" in str(each)}
    env = load_environment(project / "environments/dev.yaml")
    roles = (boundary_name(env), service_role_name(env), *(ci_role_name(env, each) for each in (DEPLOY, PLAN, PUSH)))
    words |= {each.removeprefix(f"{env.name}-") for each in roles}
    assert words == {*DERIVED}
