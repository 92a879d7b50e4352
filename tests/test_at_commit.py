"""`plan --at` and `deploy --at`: an environment as a commit describes it, with the image and code that ran with it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench import NETWORK, at_work, head, make_bucket
from click.testing import Result
from commands import CommandLine
from fakeaws import FakeAws
from fakeaws.s3 import Version

from infragen import __version__
from infragen.assembly.stacks import bucket_name
from infragen.cli import main
from infragen.config import load_environment
from infragen.engine.unused_code import delete_unused_code

API = (
    "network: {nat: single}\n"
    "api: {cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2, https: {mode: http_only}, "
    "ingress_cidrs: [203.0.113.0/24]}\n"
    "release: {command: [node, migrate.js]}\n"
)
WORKER = "workers:\n  - {name: jobs, queue: jobs, code: ../dist/jobs}\n"
QUEUE = "queues:\n  - name: jobs\n"
SMALL = NETWORK + QUEUE

Run = Callable[..., Result]


def git(*arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def commit(message: str) -> str:
    git("add", "--all")
    git("commit", "--quiet", "--message", message)
    return git("rev-parse", "HEAD")


@pytest.fixture
def project(aws: FakeAws, tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository; the tests stand in it, and its temporary files are in a directory of their own."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "shop" / "environments").mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path / "shop")
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    git("init", "--quiet")
    Path(".gitignore").write_text("dist/\n*.plan\n")
    return tmp_path / "shop"


def write(text: str, topology: str = "independent") -> None:
    Path("environments", "test.yaml").write_text(head(topology=topology) + text)


def build(text: str) -> None:
    Path("dist", "jobs").mkdir(parents=True, exist_ok=True)
    Path("dist", "jobs", "index.mjs").write_text(text)


@pytest.fixture
def run(aws: FakeAws, project: Path) -> Run:
    def invoke(command: str, *options: str, code: int | None = 0) -> Result:
        where = [] if "--plan" in options else ["--env", "test"]
        result = CommandLine(aws.clock).invoke(main, [command, *where, "--endpoint-url", aws.url, *options])
        assert code is None or result.exit_code == code, result.output
        return result

    return invoke


def prepare(aws: FakeAws, *tags: str) -> None:
    """The artifact bucket, and images with these tags."""
    env = load_environment(Path("environments", "test.yaml"))
    aws.settings.images["shop-test-api"] = dict.fromkeys(tags, ("linux/arm64",))
    make_bucket(aws, env, at_work(aws, env).session)


def parameters(aws: FakeAws) -> dict[str, str]:
    """The image tag and the key of the code that are deployed."""
    env = load_environment(Path("environments", "test.yaml"))
    states = at_work(aws, env).session.cloud.stacks("shop-test")
    found = {name: value for each in states for name, value in each.parameters.items()}
    return {name: found[name] for name in ("ImageTag", "JobsCodeKey")}


def commits(run: Run) -> set[str]:
    return {each["commit"] for each in json.loads(run("status", "--format", "json").stdout)["stacks"] if each["commit"]}


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_the_way_back_is_a_plan_a_question_and_a_deployment(
    aws: FakeAws, run: Run, project: Path, topology: str
) -> None:
    """Image and built code are those that ran; what came later is lost only by name; the change sets say the commit."""
    write(API + QUEUE + WORKER, topology)
    first = commit("first")
    prepare(aws, "v1", "v2")
    build("1")
    run("deploy", "--yes")  # the repository, and a placeholder
    run("deploy", "--yes", "--image-tag", "v1", "--no-release")
    ran = parameters(aws)
    assert ran["ImageTag"] == "v1"
    build("2")
    Path("migrations").mkdir()
    Path("migrations", "0002_more.sql").write_text("select 1;\n")
    write(API.replace("cpu: 256", "cpu: 512").replace("512, min", "1024, min") + QUEUE + "  - name: mails\n" + WORKER,
          topology)  # fmt: skip
    second = commit("second")
    run("deploy", "--yes", "--image-tag", "v2", "--no-release")
    assert parameters(aws)["JobsCodeKey"] != ran["JobsCodeKey"]
    planned = run("plan", "--at", "HEAD~1").stdout
    assert f"this is test as commit {first[:12]} describes it, not the work tree" in planned
    assert f"{first[:12]} was deployed with it: image v1" in planned
    assert "image v2 -> v1" in planned
    assert "migrations/0002_more.sql" in planned
    assert "infragen-at-" not in planned
    refused = run("deploy", "--at", first, "--yes", "--no-release", code=3)
    assert "queue/MailsDlq" in refused.stderr
    assert parameters(aws)["ImageTag"] == "v2"
    lost = [f"--allow-data-loss=queue/{name}" for name in ("MailsQueue", "MailsDlq")]
    run("plan", "--at", first, "--no-release", "--out", "back.plan", *lost)
    back = run("deploy", "--plan", "back.plan")
    assert f"from commit {first[:12]}, which describes the environment (--at)" in back.stderr
    assert parameters(aws) == ran
    changed = {first} if topology == "nested" else {first, second}
    assert commits(run) <= {*changed, second}
    assert first in commits(run)
    again = run("deploy", "--at", first, "--yes")
    assert "nothing to change" in again.stderr
    assert git("status", "--porcelain") == ""
    assert git("rev-parse", "HEAD") == second
    assert list((project.parent / "tmp").iterdir()) == []


@pytest.mark.long
def test_an_image_and_code_that_nobody_knows_are_asked_for(aws: FakeAws, run: Run, project: Path) -> None:
    """A tag that names the commit is taken, none is guessed; built code is where its deployment was recorded."""
    write(API.replace("release", "# release"))
    found = commit("first")
    prepare(aws, "v1", "v2")
    Path("new").touch()
    run("deploy", "--yes")  # the repository, and the placeholder, of no commit
    refused = run("plan", "--at", "HEAD", code=2)
    assert f"which image of test belongs to {found[:12]} is not known: no deployment of it" in refused.stderr
    assert "name it with --image-tag; shop-test-api has v2, v1" in refused.stderr
    aws.settings.images["shop-test-api"][found[:7]] = ("linux/arm64",)
    assert f"its tag names the commit: image {found[:7]}" in run("plan", "--at", "HEAD").stdout
    aws.settings.images["shop-test-api"][found[:9]] = ("linux/arm64",)
    assert "several images have tags that name it" in run("plan", "--at", "HEAD", code=2).stderr
    assert "image placeholder -> v2" in run("plan", "--at", "HEAD", "--image-tag", "v2").stdout
    aws.settings.images["shop-test-api"][found] = ("linux/arm64",)
    assert f"image {found}" in run("plan", "--at", "HEAD").stdout
    write(SMALL + WORKER)
    build("1")
    built = commit("a worker")
    refused = run("plan", "--at", "HEAD", code=2)
    place = "environments/test.yaml:13:37"
    assert f"{place}: the code of jobs is not in {built[:12]}, and no deployment of it was recorded" in refused.stderr
    assert f"`git worktree add ../{built[:12]} {built[:12]}`" in refused.stderr


@pytest.mark.long
def test_code_of_the_commit_is_that_of_the_commit(aws: FakeAws, run: Run, project: Path) -> None:
    """With its modes and links, whatever the work tree has by now; and the plan says that nothing more is known."""
    write(SMALL + WORKER.replace("dist", "src"))
    Path("src", "jobs").mkdir(parents=True)
    Path("src", "jobs", "index.mjs").write_text("1")
    Path("src", "jobs", "tool").write_text("#!/bin/sh\n")
    Path("src", "jobs", "tool").chmod(0o755)
    Path("src", "jobs", "other.mjs").symlink_to("index.mjs")
    Path(".gitattributes").write_text("tool export-ignore\n")
    prepare(aws)
    commit("first")
    run("deploy", "--yes", "--allow-widening=worker/JobsRole")
    [key] = [each for each in bodies(aws) if each.startswith("code/")]
    [record] = [each for each in bodies(aws) if each.startswith("deployments/")]
    bodies(aws).pop(record)
    Path("src", "jobs", "index.mjs").write_text("2")
    planned = run("plan", "--at", "HEAD")
    assert "the code of jobs is what" in planned.stdout
    assert "nothing to change" in planned.stdout
    assert [each for each in bodies(aws) if each.startswith("code/")] == [key]


def bodies(aws: FakeAws) -> dict[str, Any]:
    """The objects of the artifact bucket."""
    env = load_environment(Path("environments", "test.yaml"))
    found: dict[str, Any] = aws.cloud.buckets.all[bucket_name(env)].objects
    return found


@pytest.mark.long
@pytest.mark.parametrize("spoiled", [b"[]", b"\xff", b'{"format": "infragen deployment", "version": 2}', b"{}"])
def test_a_record_that_is_none_is_refused(aws: FakeAws, run: Run, project: Path, spoiled: bytes) -> None:
    """It may be of a later version, or somebody else's."""
    write(SMALL)
    found = commit("first")
    prepare(aws)
    env = load_environment(Path("environments", "test.yaml"))
    at_work(aws, env).session.cloud.upload(bucket_name(env), f"deployments/shop-test/{found}.json", spoiled)
    refused = run("plan", "--at", "HEAD", code=4)
    assert "is no record of a deployment that this infragen reads" in refused.stderr


@pytest.mark.long
def test_code_that_was_changed_in_the_bucket_is_refused(aws: FakeAws, run: Run, project: Path) -> None:
    """Its key is its digest: what lies there by now did not run with the commit."""
    write(SMALL + WORKER)
    build("1")
    prepare(aws)
    commit("first")
    run("deploy", "--yes", "--allow-widening=worker/JobsRole")
    build("2")
    [key] = [each for each in bodies(aws) if each.startswith("code/")]
    env = load_environment(Path("environments", "test.yaml"))
    at_work(aws, env).session.cloud.upload(bucket_name(env), key, b"something else")
    assert "is something else by now" in run("plan", "--at", "HEAD", code=2).stderr
    bodies(aws).pop(key)
    assert "is not there any more" in run("plan", "--at", "HEAD", code=2).stderr


@pytest.mark.long
def test_a_deployment_of_a_work_tree_with_changes_is_not_recorded(aws: FakeAws, run: Run, project: Path) -> None:
    """It is no commit's."""
    write(SMALL)
    commit("first")
    prepare(aws)
    Path("new").write_text("")
    run("deploy", "--yes")
    assert not [each for each in bodies(aws) if each.startswith("deployments/")]


@pytest.mark.long
def test_a_commit_that_cannot_be_read_is_refused_cleanly(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One error with what to type, exit code 2 (4 without git), and nothing is left."""
    write(SMALL)
    Path("environments", "test.yaml").rename("environments/other.yaml")
    other = commit("another environment")
    write(SMALL + "quux: 1\n")
    Path("requirements.txt").write_text("# tools\ninfragen-cfn[local]==0.0.9 \\\n    --hash=sha256:00\n")
    older = commit("a key of another version")
    write(SMALL)
    commit("now")
    for reference, message, hint in (
        ("nope", "git knows no commit nope here", "`git log --oneline -- environments`"),
        ("-x", "-x is no name of a commit", "name a commit, branch or tag"),
        ("", "an empty text is no name of a commit", "name a commit, branch or tag"),
        (f"{other}:environments", "git knows no commit", "name a commit"),
        (other, f"commit {other[:12]}: no environment 'test' in environments", "the environments are other"),
        (older, "test.yaml:12:1: quux is not a known key", f"it asks for infragen 0.0.9 and this is {__version__}"),
    ):  # fmt: skip
        for command in ("plan", "deploy"):
            refused = run(command, "--at", reference, code=2)
            assert message in refused.stderr
            assert hint in refused.stderr
            assert "Traceback" not in refused.output
    outside = run("plan", "--at", "HEAD", "--environments", str(project.parent), code=2)
    assert "is not in the repository" in outside.stderr
    git("clone", "--quiet", "--depth", "1", f"file://{project}", "../shallow")
    with monkeypatch.context() as there:
        there.chdir("../shallow")
        assert "git fetch --unshallow" in run("plan", "--at", other, code=2).stderr
        there.chdir("..")
        assert (
            "is in no git work tree" in run("plan", "--at", other, "--environments", "shop/environments", code=2).stderr
        )
    monkeypatch.setenv("PATH", "")
    assert "git is not installed" in run("plan", "--at", "HEAD", code=4).stderr
    assert list((project.parent / "tmp").iterdir()) == []


def test_a_saved_plan_decides_the_commit(run: Run, project: Path) -> None:
    """--at beside --plan is refused, like whatever else it decides."""
    assert "--plan cannot be combined with --at" in run("deploy", "--plan", "x.plan", "--at", "HEAD", code=2).stderr


@pytest.mark.long
def test_what_a_killed_run_left_is_removed_by_the_next(aws: FakeAws, run: Run, project: Path) -> None:
    """The system lets go of its lock; a directory that is in use, is somebody else's or is just being made stays."""
    import fcntl

    write(SMALL)
    commit("first")
    prepare(aws)
    temporary = project.parent / "tmp"
    for name in ("dead", "used", "new"):
        (temporary / f"infragen-at-{name}").mkdir()
    (temporary / "infragen-at-dead" / "lock").touch()
    with (temporary / "infragen-at-used" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run("plan", "--at", "HEAD")
        assert sorted(each.name for each in temporary.iterdir()) == ["infragen-at-new", "infragen-at-used"]
    os.utime(temporary / "infragen-at-new", (0, 0))
    run("plan", "--at", "HEAD")
    assert list(temporary.iterdir()) == []


DAY = 86_400


def kept(aws: FakeAws) -> set[str]:
    """The code that is in the bucket."""
    found = {key: each[-1].data for key, each in bodies(aws).items() if key.startswith("code/")}
    return {key for key, data in found.items() if data is not None}


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_bootstrap_deletes_code_that_nothing_uses(aws: FakeAws, run: Run, project: Path, topology: str) -> None:
    """After 90 days. What runs stays, and what a recorded deployment ran with, however old both are."""
    write(SMALL + WORKER, topology)
    prepare(aws)
    commit("first")

    def deploy(text: str) -> str:
        before = kept(aws)
        build(text)
        run("deploy", "--yes", "--require-approval", "never")
        [made] = kept(aws) - before
        return made

    recorded = deploy("recorded")
    write(SMALL + WORKER + "# not committed: nothing is recorded\n", topology)
    unused = deploy("unused")
    running = deploy("running")
    aws.clock.advance(80 * DAY)
    assert "deleted" not in run("bootstrap", "--yes").stderr
    aws.clock.advance(300 * DAY)
    aws.refuse("s3:DeleteObject", "AccessDenied", "Access Denied", status=403)
    assert "worker code that nothing uses any more was not deleted: " in run("bootstrap", "--yes").stderr
    assert kept(aws) == {recorded, unused, running}
    assert "deleted 1 archive of worker code from " in run("bootstrap", "--yes").stderr
    assert kept(aws) == {recorded, running}
    assert bodies(aws)[unused][0].data  # an old version, for another 30 days


def test_no_code_is_deleted_while_a_stack_of_the_project_changes(aws: FakeAws, run: Run, project: Path) -> None:
    """It may go back to code that it does not name any more. A record of any form keeps what it names."""
    write(SMALL + WORKER)
    prepare(aws)
    env = load_environment(Path("environments", "test.yaml"))
    session = at_work(aws, env).session
    keys = [f"code/{sign * 64}.zip" for sign in "ab"]
    for each in (*keys, "code/of-others.zip"):
        session.cloud.upload(bucket_name(env), each, b"code")
    aws.clock.advance(91 * DAY)
    session.cloud.upload(bucket_name(env), "deployments/shop-prod/x.json", f"unknown form {keys[0]}".encode())
    [stack] = aws.cloud.stacks.values()
    stack.status = "UPDATE_IN_PROGRESS"
    delete_unused_code(session, env, bucket_name(env))
    assert kept(aws) == {*keys, "code/of-others.zip"}
    stack.status = "CREATE_COMPLETE"
    delete_unused_code(session, env, bucket_name(env))
    assert kept(aws) == {keys[0], "code/of-others.zip"}


def test_all_pages_of_a_bucket_are_listed(aws: FakeAws, run: Run, project: Path) -> None:
    """S3 gives a thousand objects at a time."""
    write(SMALL)
    prepare(aws)
    env = load_environment(Path("environments", "test.yaml"))
    bodies(aws).update(
        {f"code/{number:04}": [Version(str(number), b"", aws.clock.now(), {})] for number in range(2001)}
    )
    found = at_work(aws, env).session.cloud.objects(bucket_name(env), "code/")
    assert [each.key for each in found] == [f"code/{number:04}" for number in range(2001)]
