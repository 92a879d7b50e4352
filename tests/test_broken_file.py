"""Commands of who is on call, while the environment file is broken: who it is can be read, the rest is in AWS."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bench import NETWORK, QUEUES, WORKERS, head
from click.testing import Result
from commands import CommandLine
from fakeaws import FakeAws

from infragen.assembly.synth import synthesize
from infragen.cli import main
from infragen.config import load_environment
from infragen.config.identity import read_identity
from infragen.engine.as_deployed import with_names

Run = Callable[..., Result]
Break = Callable[[str], str]

GOOD = (
    "kind: development\n" + NETWORK + QUEUES.replace("jobs", "order-events") + WORKERS.replace("jobs", "order-events")
)
FILE = Path("environments", "test.yaml")
BROKEN: dict[str, Break] = {
    "a key that this version does not know": lambda text: text + "databse: {min_acu: 1, max_acu: 2}\n",
    "two problems": lambda text: text + "databse: 1\nqueus: 2\n",
    "a value that is not allowed": lambda text: text.replace("azs: 2", "azs: 99"),
    "a rule between keys": lambda text: text.replace("queue: order-events", "queue: nothing"),
    "a syntax error": lambda text: text + "api: {cpu: 256\n",
    "a tab, and quotes that do not end": lambda text: text + '\tx: "\n',
    "a file that is not there": lambda text: "extends: gone.yaml\n" + text,
}


@pytest.fixture
def run(aws: FakeAws, tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    (tmp_path / "environments").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))

    def invoke(command: str, *options: str, code: int | None = 0) -> Result:
        arguments = [*command.split(), "--env", "test", "--endpoint-url", aws.url, *options]
        result = CommandLine(aws.clock).invoke(main, arguments)
        assert code is None or result.exit_code == code, result.output
        return result

    return invoke


def said(result: Result) -> str:
    return " ".join(result.stderr.split())


@pytest.mark.parametrize("topology", ["nested", pytest.param("independent", marks=pytest.mark.long)])
def test_what_is_wrong_with_a_file_keeps_nobody_from_looking_and_repairing(
    aws: FakeAws, run: Run, topology: str
) -> None:
    good = head(topology=topology) + GOOD
    FILE.write_text(good)
    run("deploy", "--yes", "--bootstrap")
    whole = {command: run(command, "--format", "json").stdout for command in ("status", "ps")}
    outputs = json.loads(run("outputs", "--format", "json").stdout)
    for what, broken in BROKEN.items():
        FILE.write_text(broken(good))
        refused = run("plan", code=2)
        assert said(run("deploy", "--yes", code=2)) == said(refused)
        run("drift", code=2)
        status = run("status", "--format", "json")
        assert status.stdout == whole["status"], what
        assert said(status).startswith("warning: environments/test.yaml:"), what
        assert status.stderr.count("\n") <= 2, "one line, and the connection"
        assert "only project, name, account and region of test are read, the rest from AWS" in said(status)
    FILE.write_text(good)
    for place, text in (("addons/cache.yaml", "Resources: {"), ("layers/cache.py", "import nothing_of_that_name\n")):
        Path(place).parent.mkdir()
        Path(place).write_text(text)
        run("plan", code=2)
        status = run("status", "--format", "json")
        assert status.stdout == whole["status"]
        assert f"warning: {place}" in said(status)
        shutil.rmtree(Path(place).parent)
    FILE.write_text(good + "databse: {}\n")
    stacks = json.loads(run("ps", "--format", "json").stdout)
    before = json.loads(whole["ps"])
    assert [each["name"] for each in stacks["queues"]] or [each["queue"]["name"] for each in stacks["workers"]]
    assert stacks["stacks"] == before["stacks"]
    assert outputs.items() <= json.loads(run("outputs", "--format", "json").stdout).items()
    run("logs", "order-events", "--since", "1h")
    assert "order-events" in run("redrive order-events", "--peek").output
    assert "has no queue 'jobs'" in run("redrive jobs", "--peek", code=2).output
    assert "no database" in said(run("rotate", "--yes", code=2))
    for command in ("recover", "cancel", "changesets prune"):
        run(command, "--yes")
    run("follow")


@pytest.mark.long
def test_the_deletion_of_what_is_not_known_is_that_of_production(aws: FakeAws, run: Run) -> None:
    """The name must be typed, whatever the kind was; each protection is still asked about."""
    FILE.write_text(head() + GOOD)
    run("deploy", "--yes", "--bootstrap")
    FILE.write_text(head() + GOOD + "databse: {}\n")
    there = {each.name for each in aws.cloud.stacks.values() if each.status != "DELETE_COMPLETE"}
    assert "--confirm test" in said(run("destroy", "--yes", code=3))
    assert {each.name for each in aws.cloud.stacks.values() if each.status != "DELETE_COMPLETE"} == there
    run("destroy", "--confirm", "test")
    assert {each.name for each in aws.cloud.stacks.values() if each.status != "DELETE_COMPLETE"} == {
        "shop-test-artifacts"
    }


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (lambda text: text.replace("111122223333", "999999999999"), 3),
        (lambda text: text.replace('account: "111122223333"\n', ""), 2),
        (lambda text: text.replace('account: "111122223333"', "account: 1111222233"), 2),
        (lambda text: text + 'account: "111122223333"\n', 2),
        (lambda text: text.replace("environment: test", "environment: prod"), 2),
        (lambda text: text.replace("region: us-east-1", "region: [us-east-1]"), 2),
        (lambda text: text.replace("project: shop", "project: {a: b}"), 2),
        (lambda text: text.replace("region: us-east-1", "region: nowhere"), 2),
    ],
)  # fmt: skip
def test_an_environment_that_is_not_certain_is_refused(aws: FakeAws, run: Run, broken: Break, code: int) -> None:
    """Another account, none, one that is written twice, another name: with a wrong key, and with a syntax error."""
    for more in ("databse: 1\n", "api: {cpu: 256\n"):
        FILE.write_text(broken(head() + more))
        for command in ("status", "ps", "destroy"):
            run(command, code=code)


def test_values_come_from_the_file_that_is_nearest(tmp_path: Path) -> None:
    """Of what a file extends, too, as far as that can be read; comments and quotes are no part of a value."""
    base, file = tmp_path / "base.yaml", tmp_path / "prod.yaml"
    base.write_text("project: 'shop'   # the project\nregion: eu-west-1\naccount: \"111122223333\"\napi: {\n")
    file.write_text("extends: base.yaml\nenvironment: prod\nregion: us-east-1 # moved\nqueus: []\n")
    found = read_identity(file)
    assert found is not None
    env = found.environment
    assert (env.project, env.environment, env.region, env.account) == ("shop", "prod", "us-east-1", "111122223333")
    assert env.production
    assert env.protected
    base.write_text("extends: prod.yaml\n")
    assert read_identity(file) is None


def test_names_of_queues_and_workers_are_read_from_the_templates() -> None:
    """As the file says them, of every environment that the tests have."""
    checked = 0
    for name in ("dev", "staging", "prod"):
        env = load_environment(Path(__file__).parent / "data" / "environments" / f"{name}.yaml")
        bare = env.model_copy(update={"queues": (), "workers": (), "database": None, "api": None})
        found = with_names(replace(synthesize(env), environment=bare)).environment
        assert {(each.name, each.fifo) for each in found.queues} == {(each.name, each.fifo) for each in env.queues}
        assert {(each.name, each.queue) for each in found.workers} == {(each.name, each.queue) for each in env.workers}
        assert (found.database is None) == (env.database is None)
        checked += len(found.workers)
    assert checked
