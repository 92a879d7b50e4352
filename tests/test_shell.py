"""`shell` and `tunnel` on the fake, with a stand-in for AWS's plugin on the PATH: what it is given and what is left."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench import at_work, head, prepare_account
from click.testing import Result
from commands import CommandLine
from fakeaws import FakeAws
from fakeaws.cloudformation import CloudFormation
from fakeaws.one_off import PROVISIONING, TOKEN

from infragen.assembly.stacks import stack_name, stack_tags
from infragen.assembly.synth import synthesize
from infragen.cli import main
from infragen.cli.program import terminate
from infragen.config import Environment, load_environment

TEXT = (
    "network: {nat: single}\n"
    "database: {min_acu: 0.5, max_acu: 4}\n"
    "api: {cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2, https: {mode: http_only}, "
    "ingress_cidrs: [203.0.113.0/24], shells: true}\n"
)
PASSWORD = r"pass:word\of-the-application-7731"
LOGIN = {"host": "db.internal", "port": 5432, "dbname": "app", "username": "app_a", "password": PASSWORD}

PLUGIN = """\
#!/bin/sh
if [ "$1" = --version ]; then echo {version}; exit; fi
printf '%s\\n' "$@" > {record}/argv
printf '%s' "$AWS_SSM_START_SESSION_RESPONSE" > {record}/response
tr '\\0' '\\n' < /proc/$$/cmdline > {record}/cmdline
{body}
"""

Run = Callable[..., Result]


def install(directory: Path, body: str = "", version: str = "1.2.707.0") -> None:
    """A stand-in for the plugin on the PATH, which writes down what it was given."""
    path = directory / "bin" / "session-manager-plugin"
    path.parent.mkdir(exist_ok=True)
    path.write_text(PLUGIN.format(version=version, record=directory, body=body))
    path.chmod(0o755)


def place(aws: FakeAws, env: Environment, layer: str) -> None:
    """The stack of a layer, with an image, as an earlier run left it; the parameters of other layers are any texts."""
    [template] = [each for each in synthesize(env).templates if each.layer == layer]
    given = {"ImageTag": "abc123"}
    values = [
        {
            "ParameterKey": name,
            "ParameterValue": given.get(name, "subnet-1,subnet-2" if "List" in each["Type"] else name),
        }
        for name, each in template.body["Parameters"].items()
        if name in given or "Default" not in each
    ]
    tags = [{"Key": key, "Value": value} for key, value in stack_tags(env, layer).items()]
    wanted = {"StackName": stack_name(env, layer), "TemplateBody": template.text, "Tags": tags, "Parameters": values}
    wanted["Capabilities"] = ["CAPABILITY_NAMED_IAM"]
    CloudFormation(aws.cloud, env.account or "", env.region).create_stack(wanted)
    aws.clock.settle()


@pytest.fixture
def run(aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """An environment of independent stacks whose API and database are there; gives what runs a command on it."""
    (tmp_path / "environments").mkdir()
    file = tmp_path / "environments" / "test.yaml"
    file.write_text(head() + TEXT)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    env = load_environment(file)
    prepare_account(aws, env)
    for layer in ("api", "database"):
        place(aws, env, layer)
    aws.settings.one_off.seconds = 3600
    aws.settings.secret_values["AppSecret"] = json.dumps(LOGIN)

    def invoke(*arguments: str, code: int | None = 0, env: str = "test") -> Result:
        at = arguments.index("--") if "--" in arguments else len(arguments)
        where = ("--env", env, "--endpoint-url", aws.url)
        result = CommandLine(aws.clock).invoke(main, [*arguments[:at], *where, *arguments[at:]])
        assert code in (result.exit_code, None), result.output
        return result

    return invoke


def one_offs(aws: FakeAws) -> Any:
    return next(iter(aws.cloud.one_offs.values()), None)


def nothing_is_left(aws: FakeAws) -> bool:
    """Whether every task was asked to stop, and every revision deregistered."""
    found = one_offs(aws)
    return all(each.asked is not None for each in found.tasks.values()) and all(
        each["status"] == "INACTIVE" for each in found.definitions.values()
    )


@pytest.mark.long
def test_a_shell_is_a_task_of_its_own_and_its_token_no_argument(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """With the secrets and the network of the API, its own role, a writable root; the plugin gets the token unseen."""
    install(tmp_path)
    said = run("shell", "--", "node", "-e", "1 + 1")
    [task] = one_offs(aws).tasks.values()
    [container] = task.definition["containerDefinitions"]
    assert (container["entryPoint"], container["command"]) == (["sleep"], ["3600"])
    assert container["readonlyRootFilesystem"] is False
    assert container["linuxParameters"] == {"initProcessEnabled": True}
    assert "ShellRole" in task.definition["taskRoleArn"]
    assert task.request["enableExecuteCommand"] is True
    assert (task.definition["family"], task.request["startedBy"]) == ("shop-test-shell", "infragen-shell")
    [executed] = [each.params for each in aws.calls if each.operation == "ExecuteCommand"]
    assert (executed["container"], executed["command"], executed["task"]) == ("api", "node -e '1 + 1'", task.arn)
    arguments = (tmp_path / "argv").read_text().split("\n")
    cluster = task.arn.split("/")[1]
    target = {"Target": f"ecs:{cluster}_{task.arn[-32:]}_{task.arn[-32:]}-1"}
    assert arguments[:3] == ["AWS_SSM_START_SESSION_RESPONSE", "us-east-1", "StartSession"]
    assert json.loads(arguments[4]) == target
    assert json.loads((tmp_path / "response").read_text())["TokenValue"] == TOKEN
    assert TOKEN not in (tmp_path / "cmdline").read_text() + said.output
    assert nothing_is_left(aws)
    assert "the task is being stopped" in said.stderr


@pytest.mark.long
@pytest.mark.parametrize("body", ["exit 3", "kill -9 $$", "sleep 60"])
def test_however_a_session_ends_nothing_is_left(aws: FakeAws, run: Run, tmp_path: Path, body: str) -> None:
    """The plugin fails, is killed, or does not end before the time limit."""
    install(tmp_path, body)
    failed = run("shell", "--timeout", "0.03", "--", "true", code=1)
    expected = "closed after 0.03 minutes, its time limit" if body == "sleep 60" else "ended with exit code"
    assert expected in failed.stderr
    assert nothing_is_left(aws)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_plugin_and_stops_the_task(
    aws: FakeAws, run: Run, tmp_path: Path, number: signal.Signals
) -> None:
    """SIGTERM, and the terminal that is closed."""
    install(tmp_path, f"kill -{number.name[3:]} $PPID; exec sleep 60")
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGTERM, terminate)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        run("shell", "--", "true", code=143)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert nothing_is_left(aws)


@pytest.mark.long
def test_ctrl_c_is_the_plugins(aws: FakeAws, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever types it in a shell means what runs there; before the session it ends the command and the task."""
    install(tmp_path, "kill -INT $PPID; sleep 0.2")
    run("shell", "--", "true")
    assert nothing_is_left(aws)
    aws.settings.one_off.agent_seconds = None

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(aws.clock, "sleep", interrupt)
    run("shell", "--", "true", code=130)
    assert nothing_is_left(aws)


@pytest.mark.long
@pytest.mark.parametrize("command", ["shell", "run"])
def test_ctrl_c_at_any_call_leaves_no_task(
    aws: FakeAws, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """From the call that starts the task on, while it is answered: the task ends, and its revision is deregistered."""
    install(tmp_path, "exit 0")
    aws.settings.one_off.seconds = 5 if command == "run" else 3600
    answer, calls = aws.cloud.script.call, itertools.count()
    pressed_at = 0

    def pressing(operation: str) -> None:
        nonlocal calls
        if operation == "ecs:RunTask":
            calls = itertools.count()
        if next(calls) == pressed_at:
            os.kill(os.getpid(), signal.SIGINT)
        answer(operation)

    monkeypatch.setattr(aws.cloud.script, "call", pressing)
    ended = []
    while 0 not in ended:
        calls = itertools.count(-1000)
        found = run(command, "--yes", "--", "true", code=None)
        ended.append(found.exit_code)
        assert found.exit_code in (0, 130), found.output
        aws.clock.sleep(60)
        assert everything_has_ended(aws), (pressed_at, found.output)
        pressed_at += 1
    assert len(ended) > 4


def everything_has_ended(aws: FakeAws) -> bool:
    """Whether each task was asked to stop or is over by itself, and every revision deregistered."""
    found, over = one_offs(aws), aws.clock.monotonic() - PROVISIONING - aws.settings.one_off.seconds
    tasks_end = all(each.asked is not None or each.started <= over for each in found.tasks.values())
    return tasks_end and all(each["status"] == "INACTIVE" for each in found.definitions.values())


@pytest.mark.long
def test_a_task_that_cannot_be_entered_is_stopped(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """Its agent never runs (no way to ssmmessages), or it ends at once."""
    install(tmp_path)
    aws.settings.one_off.agent_seconds = None
    failed = run("shell", "--", "true", code=4)
    assert "the agent of ECS Exec does not run in the task" in failed.stderr
    assert "the interface endpoints ssmmessages and kms" in failed.stderr
    assert nothing_is_left(aws)
    aws.settings.one_off.seconds, aws.settings.one_off.exit_code = 1, 1
    assert "ended before it could be entered" in run("shell", "--", "true", code=1).stderr


@pytest.mark.long
def test_what_is_missing_is_said_before_anything_starts(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """The plugin, a version of it that keeps the token to itself, a terminal, the role, an answer in production."""
    missing = run("shell", "--", "true", code=4)
    assert "session-manager-plugin is not installed" in missing.stderr
    assert "session-manager-working-with-install-plugin.html" in missing.stderr
    for version in ("1.2.497.0", "1.1.61.0", "", "nightly"):
        install(tmp_path, version=version)
        old = run("shell", "--", "true", code=4)
        assert "it would take the session's token as an argument" in old.stderr
    install(tmp_path)
    assert "a shell needs a terminal" in run("shell", code=2).stderr
    assert "with --image-tag" not in run("shell", "--image-tag", "none", "--", "true", code=2).stderr
    file = tmp_path / "environments" / "test.yaml"
    file.write_text(file.read_text() + "protect: true\n")
    assert "--yes" in run("shell", "--", "true", code=3).stderr
    assert one_offs(aws) is None
    run("shell", "--yes", "--", "true")
    assert nothing_is_left(aws)


@pytest.mark.long
def test_an_environment_without_shells_names_the_key(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """The role is not there: nothing is registered, and the key is named."""
    install(tmp_path)
    file = tmp_path / "environments" / "test.yaml"
    file.write_text(file.read_text().replace(", shells: true", "").replace("environment: test", "environment: plain"))
    file.rename(file.with_name("plain.yaml"))
    env = load_environment(file.with_name("plain.yaml"))
    prepare_account(aws, env)
    for layer in ("api", "database"):
        place(aws, env, layer)
    for command in (("shell", "--", "true"), ("tunnel", "--port", "15432")):
        refused = run(*command, code=3, env="plain")
        assert "`api.shells: true`" in refused.stderr
    assert one_offs(aws) is None


@pytest.mark.long
def test_a_nested_environment_has_shells_too(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """Deployed as a user does: the role and the credentials are outputs of nested stacks."""
    install(tmp_path)
    file = tmp_path / "environments" / "nested.yaml"
    file.write_text(head("nested", "nested") + TEXT)
    bench = at_work(aws, load_environment(file))
    prepare_account(aws, bench.env)
    bench.bootstrap()
    for tag in (None, "abc123"):
        assert bench.deploy(synthesize(bench.env), image_tag=tag).exit_code == 0
    run("shell", "--", "true", env="nested")
    run("tunnel", "--port", "15432", env="nested")
    assert nothing_is_left(aws)


def test_a_tunnel_reaches_the_database_with_a_password_that_nobody_sees(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """A session to the cluster's host; psql's line names a file for its user alone, which is gone at the end."""
    install(tmp_path, f"cp -p {Path(tempfile.gettempdir())}/infragen-tunnel-*/login {tmp_path}/copy")
    said = run("tunnel", "--port", "15432")
    [started] = [each.params for each in aws.calls if each.operation == "StartSession"]
    assert started["DocumentName"] == "AWS-StartPortForwardingSessionToRemoteHost"
    assert started["Parameters"] == {"host": ["db.internal"], "portNumber": ["5432"], "localPortNumber": ["15432"]}
    line = said.stdout.strip()
    assert line.startswith(f"PGPASSFILE={tempfile.gettempdir()}{os.sep}infragen-tunnel-")
    assert line.endswith("psql 'host=db.internal hostaddr=127.0.0.1 port=15432 dbname=app user=app_a sslmode=require'")
    assert (tmp_path / "copy").read_text() == "db.internal:15432:app:app_a:pass\\:word\\\\of-the-application-7731\n"
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
    assert PASSWORD not in said.output + (tmp_path / "cmdline").read_text()
    assert list((tmp_path / "tmp").iterdir()) == []
    assert nothing_is_left(aws)


def test_a_tunnel_that_cannot_be_says_why(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """A port in use, and credentials that no rotation has written yet."""
    install(tmp_path)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        assert f"port {port} of this machine cannot be used" in run("tunnel", "--port", port, code=2).stderr
    for value in ("{}", "[]", "not json", json.dumps({"password": "x"})):
        aws.settings.secret_values["AppSecret"] = value
        assert "does not hold a login yet" in run("tunnel", "--port", "15432", code=4).stderr
    assert one_offs(aws) is None
