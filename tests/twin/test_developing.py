"""`infragen dev`: the project from its sources, with what the emulator's task definition gives; on the running twin."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from emulator import make_client
from signals import default_signals
from twins import PATIENCE, ROOT, until

from infragen.config import load_environment
from infragen.machine.emulator import Emulator

pytestmark = pytest.mark.twin

MAIN = """
const answer = 'ANSWER';
require('http').createServer((asked, reply) => {
  console.log(JSON.stringify({ level: 30, time: 1, msg: 'asked', url: asked.url }));
  reply.end(answer + ' in ' + process.env.DEPLOYMENT);
}).listen(Number(process.env.PORT), process.env.HOST);
"""

TOLD = """
const names = ['BASE_URL', 'TEST_DATABASE_URL', 'QUEUE_URL', 'AWS_ENDPOINT_URL', 'AWS_ACCESS_KEY_ID'];
console.log('missing ' + JSON.stringify(names.filter((name) => !process.env[name])));
console.log('profile ' + process.env.AWS_PROFILE);
fetch(process.env.BASE_URL + '/x').then((reply) => reply.text()).then((text) => console.log('got ' + text));
"""

Dev = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of two programs, whose environment names no account."""
    found = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "environments", found / "environments")
    file = found / "environments" / "dev.yaml"
    text = file.read_text().replace('account: "111111111111"', "")
    file.write_text(text + "\nrelease: {command: [node, release.cjs]}\n")
    (found / "src").mkdir()
    (found / "src" / "main.cjs").write_text(MAIN)
    (found / "release.cjs").write_text("console.log('applied to ' + new URL(process.env.DATABASE_URL).pathname)")
    (found / "package.json").write_text('{"scripts": {"start": "node src/main.cjs"}}')
    return found


@pytest.fixture
def dev(twin: Emulator, directory: Path) -> Dev:
    """Return a function that starts the command."""

    def start(*arguments: str, stdout: Any = subprocess.PIPE) -> "subprocess.Popen[str]":
        variables = {**os.environ, "INFRAGEN_STATE_DIR": str(twin.state_dir.parent), "AWS_PROFILE": "mine"}
        command = [sys.executable, "-m", "infragen", "dev", "--environments", str(directory / "environments")]
        return subprocess.Popen(
            [*command, *arguments],
            cwd=directory,
            env=variables,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=default_signals,  # the tests may run with SIGINT ignored
        )

    return start


def free() -> int:
    """Return a port below those that the system gives, which the emulator's own tasks take until it is used."""
    for port in range(20_000 + os.getpid() % 5_000, 30_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("no port is free")


def test_a_command_runs_against_the_project_and_decides_the_exit_code(
    dev: Dev, directory: Path, twin: Emulator
) -> None:
    """Migrated, with the variables that tests need and nothing of the user's AWS; everything has ended afterwards, and
    commands with --local find what was deployed.
    """
    port = free()
    passed = dev("--port", str(port), "--exec", "--", "node", "-e", TOLD)
    said = passed.communicate(timeout=PATIENCE)[0]
    assert passed.returncode == 0, said
    for line in ("applied to /app", "missing []", "profile undefined", "got ANSWER in dev", "INFO  asked url=/x"):
        assert line in said, said
    with socket.socket() as task:  # as one that runs in the emulator listens
        task.bind(("127.93.0.1", 3000))
        task.listen()
        failed = dev("--exec", "--", "node", "-e", "console.log(process.env.BASE_URL); process.exit(4)")
        said = failed.communicate(timeout=PATIENCE)[0]
    assert (failed.returncode, "command failed with exit code 4" in said) == (1, True), said
    [other] = re.findall(r"port 3000 is in use: the API listens on (\d+)", said)
    assert f"http://127.0.0.1:{other}" in said
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    command = [sys.executable, "-m", "infragen", "status", "--env", "dev", "--local"]
    state = {**os.environ, "INFRAGEN_STATE_DIR": str(twin.state_dir.parent)}
    told = subprocess.run(command, cwd=directory, env=state, capture_output=True, text=True, check=True).stdout
    assert "api            CREATE_COMPLETE" in told


TABLE = """
import os, pathlib, psycopg
pathlib.Path("url").write_text(os.environ["DATABASE_URL"])
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    print("rows", connection.execute("SELECT to_regclass('things') IS NOT NULL").fetchone()[0])
    connection.execute("CREATE TABLE IF NOT EXISTS things (id int)")
"""


def test_fresh_drops_the_database_first(dev: Dev, directory: Path) -> None:
    """What an earlier run made is gone, also while a session is open; and what the application may do it may still."""
    port = str(free())

    def ran(*more: str) -> str:
        running = dev("--port", port, *more, "--exec", "--", sys.executable, "-c", TABLE)
        said = running.communicate(timeout=PATIENCE)[0]
        assert running.returncode == 0, said
        return said

    ran()
    assert "rows True" in ran()
    held = psycopg.connect((directory / "url").read_text())
    held.execute("SELECT * FROM things")
    said = ran("--fresh")
    with pytest.raises(psycopg.errors.AdminShutdown):
        held.execute("SELECT 1")
    assert "database app: dropped and created" in said, said
    assert "rows False" in said, said
    assert "rows True" in ran()


def test_what_is_in_the_way_is_told_before_anything_starts(dev: Dev, directory: Path) -> None:
    """A port in use and a Node that is too old: 4; no package.json: 2."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = dev("--port", port)
        said = ended.communicate(timeout=PATIENCE)[0]
        assert (ended.returncode, f"port {port} is in use" in said) == (4, True), said
    package = directory / "package.json"
    kept = package.read_text()
    try:
        package.write_text('{"engines": {"node": ">=99"}}')
        ended = dev()
        said = ended.communicate(timeout=PATIENCE)[0]
        assert (ended.returncode, "Node 99 is needed, found" in said) == (4, True), said
        package.unlink()
        ended = dev()
        said = ended.communicate(timeout=PATIENCE)[0]
        assert (ended.returncode, "has no package.json" in said) == (2, True), said
    finally:
        package.write_text(kept)


def test_the_api_restarts_when_a_source_changes_and_ends_with_ctrl_c(dev: Dev, directory: Path) -> None:
    """Until Ctrl-C, which ends it and leaves the emulator."""
    port = free()

    def answers() -> str:
        try:
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            asked.request("GET", "/")
            return asked.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            return ""

    running = dev("--port", str(port))
    try:
        until(lambda: answers() == "ANSWER in dev", "the API")
        (directory / "src" / "main.cjs").write_text(MAIN.replace("ANSWER", "CHANGED"))
        until(lambda: answers() == "CHANGED in dev", "the restart")
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=PATIENCE)[0]
    finally:
        running.kill()
    assert running.returncode == 130, said
    assert answers() == ""


WORKER = """
exports.handler = async (event) => {
  for (const record of event.Records) console.log('VERSION got ' + record.body);
  if (event.Records[0].body === 'slow') await new Promise((done) => setTimeout(done, 60000));
};
"""


def test_a_worker_is_updated_when_its_source_changes_and_its_timeout_is_told(
    dev: Dev, directory: Path, twin: Emulator
) -> None:
    """The next message is handled by the new code; each of many calls is in the log; and a call that dies of its
    timeout is told with the worker's name and seconds. The build is a script for a shell.
    """
    file = directory / "environments" / "dev.yaml"
    before, package = file.read_text(), (directory / "package.json").read_text()
    worker = directory / "src" / "worker.cjs"
    build = "mkdir -p dist/workers/NAME && cp src/worker.cjs dist/workers/NAME/index.js"
    log = directory / "log"
    port = free()
    [found] = load_environment(file).workers
    more = f"    timeout: 3\n    code: ../dist/workers/{found.name}\n"
    file.write_text(before.replace(f"    queue: {found.queue}\n", f"    queue: {found.queue}\n{more}"))
    (directory / "package.json").write_text(
        json.dumps({"scripts": {"start": "node src/main.cjs", "build": build.replace("NAME", found.name)}})
    )
    worker.write_text(WORKER.replace("VERSION", "first"))
    try:
        with log.open("w") as written:
            running = dev("--port", str(port), stdout=written)

            def told(text: str) -> bool:
                return text in log.read_text()

            try:
                until(lambda: told(f"api: http://127.0.0.1:{port}") or running.poll() is not None, "the API")
                assert running.poll() is None, log.read_text()
                sqs = make_client(twin, "sqs", "111111111111", load_environment(file).region)
                url = sqs.get_queue_url(QueueName=f"shop-dev-{found.queue}")["QueueUrl"]
                for number in range(5):
                    sqs.send_message(QueueUrl=url, MessageBody=f"one-{number}")
                for number in range(5):
                    until(partial(told, f"first got one-{number}"), "the first code")
                worker.write_text(WORKER.replace("VERSION", "second"))
                until(lambda: told(f"{found.name}: updated"), "the update")
                sqs.send_message(QueueUrl=url, MessageBody="two")
                until(lambda: told("second got two"), "the new code")
                sqs.send_message(QueueUrl=url, MessageBody="slow")
                until(lambda: told(f"{found.name} was ended after 3 s, its timeout ("), "the timeout")
                running.send_signal(signal.SIGINT)
                running.wait(PATIENCE)
            finally:
                running.kill()
    finally:
        file.write_text(before)
        (directory / "package.json").write_text(package)
        worker.unlink()
    said = log.read_text()
    assert "first got two" not in said
    assert [said.count(f"got one-{number}\n") for number in range(5)] == [1] * 5
    assert "workers[0].timeout); SQS delivers its messages again" in said
