"""`artifact_bucket: shared`: environments of kind development that share a bucket for templates and worker code."""

from __future__ import annotations

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import pytest
from bench import NETWORK, QUEUES, at_work, head
from click.testing import Result
from commands import CommandLine
from fakeaws import FakeAws
from test_two_operators import Taking, Turns, interleaved

from infragen.assembly.stacks import ARTIFACT_KINDS, bucket_name
from infragen.assembly.synth import synthesize
from infragen.cli import main
from infragen.config import Environment, load_environment
from infragen.engine.bootstrap import bootstrap
from infragen.engine.progress import Session
from infragen.permissions.operations import DEPLOY
from infragen.permissions.roles import rights_of

BUCKET = "infragen-shop-shared-111122223333-us-east-1"
STACK = "shop-shared-artifacts"
SHARED = "kind: development\nartifact_bucket: shared\n"
SMALL = NETWORK + QUEUES + "workers:\n  - {name: jobs, queue: jobs, code: ../code}\n"
EMPTY = ("--empty-buckets", "shared-bucket/Bucket")
DAY = 86_400.0

Run = Callable[..., Result]


def write(name: str, more: str = SHARED, topology: str = "nested", sections: str = SMALL) -> Environment:
    """An environment's file in the project where the test stands."""
    path = Path("environments", f"{name}.yaml")
    path.write_text(head(name, topology) + more + sections)
    return load_environment(path)


@pytest.fixture
def run(aws: FakeAws, tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    (tmp_path / "environments").mkdir()
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.mjs").write_text("one")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))

    def invoke(command: str, name: str, *options: str, code: int | None = 0) -> Result:
        where = () if "--plan" in options else ("--env", name)
        result = CommandLine(aws.clock).invoke(main, [command, *where, "--endpoint-url", aws.url, *options])
        assert code is None or result.exit_code == code, result.output
        return result

    return invoke


def keys(aws: FakeAws, name: str = "") -> set[str]:
    """The keys of the bucket, or of one environment in it; of what is not hidden by a delete marker."""
    found = aws.cloud.buckets.all[BUCKET].objects
    return {key for key in found if not name or f"/shop-{name}/" in key}


def stacks(aws: FakeAws) -> set[str]:
    return {each.name for each in aws.cloud.stacks.values() if each.status != "DELETE_COMPLETE" and not each.parent_id}


@pytest.mark.parametrize("topology", ["nested", pytest.param("independent", marks=pytest.mark.long)])
def test_two_previews_share_one_bucket_and_the_last_one_takes_it_along(aws: FakeAws, run: Run, topology: str) -> None:
    for name in ("pr-1", "pr-17"):
        write(name, topology=topology)
        run("deploy", name, "--yes", "--bootstrap")
        assert {key.split("/")[0] for key in keys(aws, name)} == {"templates", "code"}
    assert [each for each in aws.cloud.buckets.all if each.startswith("infragen-")] == [BUCKET]
    assert all(key.split("/")[1] in ("shop-pr-1", "shop-pr-17") for key in keys(aws))
    shown = json.loads(run("status", "pr-17", "--format", "json").stdout)
    assert [each["stack"] for each in shown["stacks"]].count(STACK) == 1, "named once"
    # the first one goes: only what is its own
    others = keys(aws, "pr-17")
    refused = run("destroy", "pr-1", "--yes", "--bootstrap", code=3)
    assert "objects of shop-pr-1 in the shared bucket" in refused.output
    assert "--empty-buckets shared-bucket/Bucket" in refused.output
    assert run("destroy", "pr-1", "--yes", "--bootstrap", "--shared-bucket", *EMPTY, code=3).output.count("shop-pr-17")
    gone = run("destroy", "pr-1", "--yes", "--bootstrap", *EMPTY)
    assert "the bucket stays" in gone.output
    assert "left in AWS" not in gone.output, "another environment uses it"
    assert keys(aws) == others
    assert "nothing to delete" in run("destroy", "pr-1", "--yes", "--bootstrap", *EMPTY).output
    # the last one says what is left, what it costs and what removes it; and takes it along when it is asked
    left = run("destroy", "pr-17", "--yes", "--bootstrap", *EMPTY).output
    assert f"{STACK}  shared by environments  with its bucket, 0.023 USD a month per GB" in left
    assert "--env pr-17 --bootstrap --shared-bucket" in left
    assert not keys(aws)
    assert stacks(aws) == {STACK}
    run("destroy", "pr-17", "--yes", "--bootstrap", "--shared-bucket", *EMPTY)
    assert not stacks(aws)
    assert BUCKET not in aws.cloud.buckets.all


@pytest.mark.long
def test_without_bootstrap_the_shared_bucket_is_named_as_left(aws: FakeAws, run: Run) -> None:
    write("pr-1", sections=NETWORK)
    run("deploy", "pr-1", "--yes", "--bootstrap")
    said = run("destroy", "pr-1", "--yes").output
    assert said.count(STACK) == 1
    assert "--shared-bucket" in said
    assert keys(aws, "pr-1")
    document = [json.loads(line) for line in run("destroy", "pr-1", "--yes", "--bootstrap", *EMPTY, "--format", "json")
                .stdout.splitlines()]  # fmt: skip
    [shown] = [each for each in document if each["type"] == "deletion_plan"]
    assert shown["shared_bucket"] == f"{BUCKET}/shop-pr-1"
    assert not keys(aws)


@pytest.mark.long
@pytest.mark.parametrize(("before", "after"), [("own", "shared"), ("shared", "own")])
def test_an_environment_does_not_move_between_buckets(aws: FakeAws, run: Run, before: str, after: str) -> None:
    """Refused by each command that would begin to, and nothing is made."""

    def kind(bucket: str) -> str:
        return f"kind: development\nartifact_bucket: {bucket}\n"

    write("pr-1", kind(before))
    run("deploy", "pr-1", "--yes", "--bootstrap")
    write("pr-1", kind(after))
    there = stacks(aws)
    for command, *options in (
        ("plan",),
        ("deploy", "--yes"),
        ("deploy", "--yes", "--bootstrap"),
        ("bootstrap", "--yes"),
    ):
        said = run(command, "pr-1", *options, code=3).output
        assert f"is deployed with `artifact_bucket: {before}`" in said.replace("\n", " "), said
        assert f"put `artifact_bucket: {before}` back" in said.replace("\n", " ")
    assert stacks(aws) == there
    write("pr-1", kind(before))
    run("plan", "pr-1")


@pytest.mark.long
def test_a_bucket_that_is_not_the_shared_one_is_not_used(aws: FakeAws, run: Run) -> None:
    """An environment called `shared` has the same names; neither takes the other's bucket for its own."""
    write("shared", "kind: development\n", sections=NETWORK)
    run("bootstrap", "shared", "--yes")
    write("pr-1", sections=NETWORK)
    for command, *options in (("bootstrap", "--yes"), ("deploy", "--yes", "--bootstrap")):
        assert f"the stack {STACK} exists, and its tags do not say" in run(command, "pr-1", *options, code=3).output
    assert not keys(aws)
    run("destroy", "shared", "--yes", "--bootstrap")
    run("bootstrap", "pr-1", "--yes")
    assert f"{STACK} exists and does not carry infragen's tags" in run("bootstrap", "shared", "--yes", code=3).output
    assert "nothing to delete" in run("destroy", "shared", "--yes", "--bootstrap").output
    assert STACK in stacks(aws)


def test_a_bucket_of_another_account_is_refused(aws: FakeAws, run: Run) -> None:
    write("pr-1", sections=NETWORK)
    run("bootstrap", "pr-1", "--yes")
    aws.cloud.buckets.all[BUCKET].owner = "999999999999"
    assert "does not belong to account 111122223333" in run("deploy", "pr-1", "--yes", code=3).output
    assert "does not belong to account 111122223333" in run("bootstrap", "pr-1", "--yes", code=3).output
    assert not keys(aws)


@pytest.mark.long
def test_a_saved_plan_is_deployed_from_the_shared_bucket(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    write("pr-1")
    run("bootstrap", "pr-1", "--yes")
    run("plan", "pr-1", "--out", "pr.plan")
    run("deploy", "pr-1", "--plan", "pr.plan", "--yes")
    assert "nothing to change" in run("plan", "pr-1").output


@pytest.mark.long
def test_unused_code_is_deleted_of_one_environment_alone(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    for name in ("pr-1", "pr-2"):
        write(name)
        run("deploy", name, "--yes", "--bootstrap")
    old = {key for key in keys(aws) if key.startswith("code/")}
    (tmp_path / "code" / "index.mjs").write_text("two")
    for name in ("pr-1", "pr-2"):
        run("deploy", name, "--yes")
    aws.clock.advance(91 * DAY)
    assert "deleted 1 archive" in run("bootstrap", "pr-1", "--yes").output
    hidden = {key for key, versions in aws.cloud.buckets.all[BUCKET].objects.items() if versions[-1].data is None}
    assert hidden == {key for key in old if "/shop-pr-1/" in key}


@pytest.mark.parametrize(("first", "second"), [(1, 1), (6, 3), (9, 14), (14, 9), (20, 5)])
def test_two_environments_bootstrap_at_the_same_time(aws: FakeAws, run: Run, first: int, second: int) -> None:
    """Whoever comes second waits, and finds the bucket made."""
    envs = [write(name, sections=NETWORK) for name in ("pr-1", "pr-2")]
    base = at_work(aws, envs[0])

    def made(env: Environment, session: Session) -> int:
        return bootstrap(env, session).exit_code

    def session(turns: Turns, which: int) -> Session:
        found = base.session
        return type(found)(Taking(found.cloud, turns, which), found.ui, found.timer, run="ab"[which] * 8)

    runs: list[Callable[[Session], int]] = [partial(made, env) for env in envs]
    order = [(0, first), (1, second), (0, 10**6), (1, 10**6)]
    assert interleaved(aws, session, runs, order) == [0, 0]
    assert stacks(aws) == {STACK}


def test_the_roles_of_an_environment_reach_what_is_below_its_own_name(aws: FakeAws, run: Run) -> None:
    """Each statement that allows anything in S3 is read as IAM reads it: pattern and condition."""
    env = write("pr-1")
    rights = rights_of(synthesize(env))
    bucket = f"arn:aws:s3:::{bucket_name(env)}"
    others = [
        f"{bucket}/{kind}{name}/x" for kind in ARTIFACT_KINDS for name in ("shop-pr-17", "shop-pr-1-x", "shop-pr")
    ]
    own = [f"{bucket}/{kind}shop-pr-1/x" for kind in ARTIFACT_KINDS]
    for given in (rights.service, rights.of_ci(DEPLOY), rights.of_ci("plan"), rights.of_ci("push")):
        allowed = [each for each in given if each.effect == "Allow" and not each.all_but]
        on = [
            pattern for each in allowed if any(a.startswith("s3:") for a in each.actions) for pattern in each.resources
        ]
        objects = [each for each in on if fnmatchcase(bucket + "/", each.partition("/")[0] + "/")]
        assert not any(fnmatchcase(each, pattern) for each in [*others, f"{bucket}/x"] for pattern in objects)
    for given, action in ((rights.service, "s3:GetObject"), (rights.of_ci(DEPLOY), "s3:PutObject")):
        patterns = [pattern for each in given if action in each.actions for pattern in each.resources]
        assert all(any(fnmatchcase(each, pattern) for pattern in patterns) for each in own)
    for role in (DEPLOY, "plan"):
        [lists] = [each for each in rights.of_ci(role) if "s3:ListBucket" in each.actions]
        assert lists.resources == (bucket,)
        assert lists.condition == {"StringLike": {"s3:prefix": [f"{kind}shop-pr-1/*" for kind in ARTIFACT_KINDS]}}
    denied = [each for each in rights.of_ci(DEPLOY) if each.effect == "Deny"]
    assert any(f"arn:aws:cloudformation:us-east-1:{env.account}:stack/{STACK}/*" in each.resources for each in denied)
