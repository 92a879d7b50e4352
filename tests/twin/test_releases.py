"""The release command on the running emulator: migrations succeed, fail, run twice at once, run too long."""

import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from signals import default_signals
from twins import PATIENCE, ROOT, System, until

from infragen.machine.emulator import Emulator

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
    first = shop.start("deploy", "--yes", "--image-tag", tag)
    try:
        wrote(first, "release | waiting")
        first.send_signal(number)
        said = first.communicate(timeout=PATIENCE)[0]
    finally:
        first.kill()
    assert first.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[number], said
    [task] = running(shop)
    assert number == signal.SIGKILL or f"the release task continues in AWS: {task}" in said, said
    second = shop.start("migrate", "--image-tag", tag)
    said = second.communicate(timeout=PATIENCE)[0]
    assert (second.returncode, task in said, "runs already" in said) == (5, True, True), said
    shop.client("ecs").stop_task(cluster=task.split("/")[1], task=task)
    until(lambda: not running(shop), "the end of the task")


def test_a_command_of_ones_own(shop: System, put: Callable[[str, str], None]) -> None:
    """`run` prints what the command writes, and exits with 1 when it fails; `migrate` is the release command alone."""
    put("tools", MIGRATION)
    done = shop.infragen("run", "--image-tag", "tools", "--", "node", "-e", "console.log('said ' + process.env.PORT)")
    assert "\nsaid 3000\n" in done
    failed = shop.start("run", "--image-tag", "tools", "--", "node", "-e", "process.exit(9)")
    said = failed.communicate(timeout=PATIENCE)[0]
    assert (failed.returncode, "exit code 9" in said) == (1, True), said
    missing = shop.start("run", "--image-tag", "none", "--", "node", "-v")
    said = missing.communicate(timeout=PATIENCE)[0]
    assert (missing.returncode, "shop-dev-api has no image none; the newest are tools" in said) == (2, True), said
    assert "release | applied 0001_notifications" in shop.infragen("migrate", "--image-tag", "tools")
    waits = shop.start("run", "--image-tag", "tools", "--", "node", "-e", WAITING)
    wrote(waits, "waiting")
    waits.send_signal(signal.SIGINT)
    said = waits.communicate(timeout=PATIENCE)[0]
    assert (waits.returncode, "is being stopped" in said) == (130, True), said
    assert not any("shop-dev-run" in each for each in definitions(shop))


def test_a_command_in_the_tasks_environment(shop: System, put: Callable[[str, str], None]) -> None:
    """`shell --local -- COMMAND` is a real task: the API's variables and secrets, the directory of its image."""
    put("shell", MIGRATION)
    shop.infragen("deploy", "--yes", "--image-tag", "shell")
    script = "console.log(process.env.PORT, new URL(process.env.DATABASE_URL).pathname, require('fs').readdirSync('.'))"
    done = shop.infragen("shell", "--", "node", "-e", script)
    assert re.search(r"3000 /app \[.*'main.cjs'", done), done
    failed = shop.start("shell", "--", "node", "-e", "process.exit(9)")
    said = failed.communicate(timeout=PATIENCE)[0]
    assert (failed.returncode, "exit code 9" in said) == (1, True), said
    assert not any("shop-dev-shell" in each for each in definitions(shop))


def test_a_shell_has_the_terminal(shop: System, put: Callable[[str, str], None]) -> None:
    """What is typed reaches the task's shell, with Ctrl-C for what runs in it; afterwards nothing is left of it."""
    put("typed", MIGRATION)
    shop.infragen("deploy", "--yes", "--image-tag", "typed")
    variables = {**os.environ, "INFRAGEN_STATE_DIR": str(shop.twin.state_dir.parent), "TERM": "xterm"}
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(shop.directory)
        default_signals()
        words = [sys.executable, "-m", "infragen", "shell", "--env", "dev", "--local"]
        os.execve(sys.executable, words, variables)  # noqa: S606 # our own command, on a terminal of its own
    said = b""

    def read_until(text: bytes, seconds: float = PATIENCE) -> None:
        nonlocal said
        give_up = time.monotonic() + seconds
        while text not in said:
            assert time.monotonic() < give_up, said
            if select.select([terminal], [], [], 0.1)[0]:
                said += os.read(terminal, 65536)

    prompt = b"$ " if os.getuid() else b"# "
    read_until(prompt)
    os.write(terminal, b"echo port-$PORT; sleep 600\n")
    read_until(b"port-3000")
    before = len(said)
    while prompt not in said[before:]:  # one that comes while the shell starts `sleep` reaches neither
        os.write(terminal, b"\x03")
        give_up = time.monotonic() + 5
        while prompt not in said[before:] and time.monotonic() < give_up:
            if select.select([terminal], [], [], 0.1)[0]:
                said += os.read(terminal, 65536)
    os.write(terminal, b"echo still-$((40 + 2)); exit\n")
    read_until(b"still-42")
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, said
    until(lambda: not shop.client("ecs").list_tasks(cluster=cluster(shop), family="shop-dev-shell")["taskArns"], "end")
    assert not shop.client("ecs").list_task_definitions(familyPrefix="shop-dev-shell")["taskDefinitionArns"]


def cluster(shop: System) -> str:
    """Return the ARN of the cluster."""
    [found] = shop.client("ecs").list_clusters()["clusterArns"]
    return str(found)


def test_the_line_of_the_tunnel_leads_to_the_database(shop: System) -> None:
    """libpq takes the words and the password file as they are printed; Ctrl-C ends it, and the file is gone."""
    process = shop.start("tunnel")
    try:
        line = wrote(process, " psql ").splitlines()[-1]
        variable, _, words = shlex.split(line)
        file = Path(variable.removeprefix("PGPASSFILE="))
        assert file.stat().st_mode & 0o777 == 0o600
        with psycopg.connect(words, passfile=str(file)) as connection:
            assert connection.execute("select current_database()").fetchone() == ("app",)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=PATIENCE)[0]
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert not file.parent.exists()


def test_a_deployment_of_an_earlier_commit_is_the_way_back(shop: System, put: Callable[[str, str], None]) -> None:
    """The API runs with the image and the size of that commit again, and `status` names it."""

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        done = subprocess.run(["git", *who, *arguments], cwd=shop.directory, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    file = shop.directory / "environments" / "dev.yaml"
    git("init", "--quiet")
    commits = []
    for tag, level in (("good", "info"), ("worse", "debug")):
        file.write_text(re.sub(r"log_level: \w+", f"log_level: {level}", file.read_text()))
        git("add", "--all")
        git("commit", "--quiet", "--allow-empty", "--message", tag)
        commits.append(git("rev-parse", "HEAD"))
        put(tag, MIGRATION)
        shop.infragen("deploy", "--yes", "--image-tag", tag)
    planned = shop.infragen("plan", "--at", "HEAD~1")
    assert "image worse -> good" in planned
    assert "no migration is undone" in planned
    back = shop.infragen("deploy", "--yes", "--at", commits[0])
    assert "release | applied 0001_notifications" in back
    assert "good" in shop.infragen("outputs")
    assert commits[0] in shop.infragen("status")
    assert git("status", "--porcelain") == ""
