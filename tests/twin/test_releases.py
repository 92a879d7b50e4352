"""The release command on the running emulator: migrations succeed, fail, run twice at once, run too long."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from twins import ROOT, System, until

from infragen.emulator import Emulator

pytestmark = pytest.mark.twin

RELEASE = """
release:
  command: [node, release.cjs]
  timeout_minutes: 1
"""

API = """
require('http').createServer((_, answer) => answer.end('VERSION')).listen(Number(process.env.PORT));
"""

MIGRATION = """
console.log('migrating ' + new URL(process.env.DATABASE_URL).pathname + ' in ' + process.env.DEPLOYMENT);
console.log('applied 0001_notifications');
"""

FAILING = """
console.log('> Migrating files: 0007_add_state');
console.error('error: relation "nope" does not exist (42P01)');
process.exitCode = 3;
"""

WAITING = "console.log('waiting'); setTimeout(() => {}, 600000);"


@pytest.fixture(scope="module")
def shop(twin: Emulator, tmp_path_factory: pytest.TempPathFactory) -> System:
    """Deploy an environment with a release command, in an account of its own, with the placeholder."""
    directory = tmp_path_factory.mktemp("release")
    shutil.copytree(ROOT / "environments", directory / "environments")
    file = directory / "environments" / "dev.yaml"
    file.write_text(file.read_text().replace("111111111111", "555566667777") + RELEASE)
    found = System(twin, "555566667777", "us-east-1", directory)
    found.infragen("bootstrap", "--yes")
    found.infragen("deploy", "--yes")
    return found


@pytest.fixture
def put(shop: System, tmp_path: Path) -> Callable[[str, str], None]:
    """Return a function that puts an image: an API, and a release command."""

    def image(tag: str, release: str) -> None:
        (tmp_path / "main.cjs").write_text(API.replace("VERSION", tag))
        (tmp_path / "release.cjs").write_text(release)
        shop.infragen("image", "put", str(tmp_path), "--image-tag", tag, "--command", "node main.cjs")

    return image


def definitions(shop: System) -> list[str]:
    """Return the active task definitions of one-off tasks."""
    ecs = shop.client("ecs")
    found: list[str] = ecs.list_task_definitions(familyPrefix="shop-dev-release")["taskDefinitionArns"]
    return [*found, *ecs.list_task_definitions(familyPrefix="shop-dev-run")["taskDefinitionArns"]]


def test_a_migration_runs_before_the_api_and_can_fail(shop: System, put: Callable[[str, str], None]) -> None:
    """Its log is shown live; the API is deployed after it, and is not when it fails, which says what keeps running."""
    put("one", MIGRATION)
    planned = shop.infragen("plan", "--image-tag", "one")
    assert "release  node release.cjs runs with one before root (api)" in planned
    first = shop.infragen("deploy", "--yes", "--image-tag", "one")
    assert "release | migrating /app in dev" in first
    assert first.index("release | applied 0001_notifications") < first.index("root: updating shop-dev")
    assert definitions(shop) == []
    assert "release |" not in shop.infragen("deploy", "--yes", "--image-tag", "one")
    put("bad", FAILING)
    failed = shop.infragen("deploy", "--yes", "--image-tag", "bad", ok=False)
    assert "failed after" in failed
    assert "exit code 3" in failed
    assert 'relation "nope" does not exist (42P01)' in failed
    assert "was not deployed, one keeps running" in failed
    assert "ImageTag" in shop.infragen("outputs")
    assert "one" in shop.infragen("outputs")
    assert definitions(shop) == []


def started(shop: System, *command: str) -> subprocess.Popen[str]:
    """Start a command of ours and return its process."""
    variables = {**os.environ, "INFRAGEN_STATE_DIR": str(shop.twin.state_dir.parent)}
    return subprocess.Popen(
        [sys.executable, "-m", "infragen", command[0], "--env", "dev", "--local", *command[1:]],
        cwd=shop.directory,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def running(shop: System) -> list[str]:
    """Return the release tasks that run."""
    ecs = shop.client("ecs")
    [cluster] = ecs.list_clusters()["clusterArns"]
    found: list[str] = ecs.list_tasks(cluster=cluster, family="shop-dev-release", desiredStatus="RUNNING")["taskArns"]
    return found


def wrote(process: subprocess.Popen[str], text: str) -> str:
    """Read what a process prints until a text is in it."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_release_whose_command_is_ended_goes_on_and_the_next_one_says_so(
    shop: System, put: Callable[[str, str], None], number: signal.Signals
) -> None:
    """M5: Ctrl-C, SIGTERM and kill -9 leave the task alone; a second run is a conflict until it has ended."""
    tag = f"waits-{number.name}"
    put(tag, WAITING)
    first = started(shop, "deploy", "--yes", "--image-tag", tag)
    try:
        wrote(first, "release | waiting")
        first.send_signal(number)
        said = first.communicate(timeout=60)[0]
    finally:
        first.kill()
    assert first.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[number], said
    [task] = running(shop)
    assert number == signal.SIGKILL or f"the release task continues in AWS: {task}" in said, said
    second = started(shop, "migrate", "--image-tag", tag)
    said = second.communicate(timeout=60)[0]
    assert (second.returncode, task in said, "runs already" in said) == (5, True, True), said
    shop.client("ecs").stop_task(cluster=task.split("/")[1], task=task)
    until(lambda: not running(shop), "the end of the task")


def test_a_command_of_ones_own(shop: System, put: Callable[[str, str], None]) -> None:
    """`run` prints what the command writes, and exits with 1 when it fails; `migrate` is the release command alone."""
    put("tools", MIGRATION)
    done = shop.infragen("run", "--image-tag", "tools", "--", "node", "-e", "console.log('said ' + process.env.PORT)")
    assert "\nsaid 3000\n" in done
    failed = started(shop, "run", "--image-tag", "tools", "--", "node", "-e", "process.exit(9)")
    said = failed.communicate(timeout=60)[0]
    assert (failed.returncode, "exit code 9" in said) == (1, True), said
    missing = started(shop, "run", "--image-tag", "none", "--", "node", "-v")
    said = missing.communicate(timeout=60)[0]
    assert (missing.returncode, "shop-dev-api has no image none; the newest are tools" in said) == (2, True), said
    assert "release | applied 0001_notifications" in shop.infragen("migrate", "--image-tag", "tools")
    waits = started(shop, "run", "--image-tag", "tools", "--", "node", "-e", WAITING)
    wrote(waits, "waiting")
    waits.send_signal(signal.SIGINT)
    said = waits.communicate(timeout=60)[0]
    assert (waits.returncode, "is being stopped" in said) == (130, True), said
    assert not any("shop-dev-run" in each for each in definitions(shop))
