"""Where output goes and what it may hold: pipes, terminals of all sizes, CI, locales without our letters, bugs."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import CommandLine
from terminals import on_a_terminal

from infragen.cli import main
from infragen.machine.emulator import Emulator

ENVIRONMENT = """\
project: shop
environment: dev
region: eu-central-1
account: "{account}"
network: {{nat: none, interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sts, sqs, rds-data, ssm, kms]}}
queues:
  - name: orders
"""

Command = list[str]


@pytest.fixture
def command(
    emulator: Emulator, account: str, tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Command]:
    """Gives the command line of a subcommand, in a directory with the environment dev."""
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.yaml").write_text(ENVIRONMENT.format(account=account))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", emulator.secret)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    for name in ("CI", "NO_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)

    def line(name: str, *options: str) -> Command:
        here = ["--env", "dev", "--endpoint-url", emulator.endpoint_url]
        return [sys.executable, "-m", "infragen", name, *here, *options]

    return line


@pytest.mark.long
def test_o1_on_a_terminal_the_tree_moves(command: Callable[..., Command]) -> None:
    """O1: there, and only there, the cursor goes up again and rows are drawn over."""
    code, shown = on_a_terminal(command("bootstrap", "--yes"))
    assert code == 0
    assert "\x1b[2K" in shown
    assert "artifacts" in shown


@pytest.mark.long
@pytest.mark.parametrize("variable", ["CI=true", "TERM=dumb", "NO_COLOR=1"])
def test_o1_a_log_gets_lines_and_nothing_moves(command: Callable[..., Command], variable: str) -> None:
    """O1: a terminal that CI, TERM or NO_COLOR make a log: no escape, no carriage return, each event once."""
    name, _, value = variable.partition("=")
    code, shown = on_a_terminal(command("bootstrap", "--yes", "--verbose"), variables={name: value})
    assert code == 0
    assert not {"\x1b", "\r"} & set(shown)
    assert shown.count("artifacts  Bucket  AWS::S3::Bucket  CREATE_COMPLETE") == 1


@pytest.mark.long
def test_o1_a_pipe_gets_lines_and_nothing_moves(command: Callable[..., Command]) -> None:
    """O1: no terminal at all, though the variables of one are set."""
    terminal = {"TERM": "xterm-256color", "COLUMNS": "80", "FORCE_COLOR": "1"}
    ended = subprocess.run(command("bootstrap", "--yes"), capture_output=True, env={**os.environ, **terminal})
    assert not {b"\x1b", b"\r"} & {bytes([each]) for each in ended.stdout + ended.stderr}


@pytest.mark.long
def test_o2_progress_goes_to_stderr_unless_it_is_asked_for_on_stdout(command: Callable[..., Command]) -> None:
    """O2: for CI systems to which stderr means failure."""
    apart = subprocess.run(command("bootstrap", "--yes"), capture_output=True, text=True)
    assert apart.stdout == "artifacts  deployed  shop-dev-artifacts  CREATE_COMPLETE\n"
    assert "artifacts: creating" in apart.stderr
    together = subprocess.run(command("bootstrap", "--yes", "--progress", "stdout"), capture_output=True, text=True)
    assert together.stderr == ""
    assert together.stdout.startswith("account ")
    assert together.stdout.endswith("artifacts  unchanged  shop-dev-artifacts  CREATE_COMPLETE\n")


@pytest.mark.long
@pytest.mark.parametrize("size", [(24, 0), (0, 0), (1, 1), (3, 20)])
def test_o4_any_size_of_terminal_will_do(command: Callable[..., Command], size: tuple[int, int]) -> None:
    """O4: also one that reports no size, as some pseudo-terminals do."""
    code, shown = on_a_terminal(command("bootstrap", "--yes"), *size)
    assert (code, "Traceback" in shown) == (0, False)


@pytest.mark.long
@pytest.mark.parametrize("closed", [("stdout",), ("stdout", "stderr")])
def test_o4_a_reader_that_goes_away_does_not_end_the_deployment(
    command: Callable[..., Command], closed: tuple[str, ...]
) -> None:
    """O4: `… | head -1`: what was begun is finished, and the exit code is the deployment's."""
    read, write = os.pipe()
    os.close(read)
    streams = {name: write if name in closed else subprocess.PIPE for name in ("stdout", "stderr")}
    ended = subprocess.run(command("bootstrap", "--yes"), stdin=subprocess.DEVNULL, **streams)  # type: ignore[call-overload]  # one stream or two
    os.close(write)
    assert ended.returncode == 0
    assert b"Traceback" not in (ended.stderr or b"")
    assert "CREATE_COMPLETE" in CommandLine().invoke(main, command("status")[3:]).stdout.splitlines()[-1]


@pytest.mark.long
def test_o4_a_locale_without_our_letters_gets_ascii(command: Callable[..., Command]) -> None:
    """O4: signs are spelled, the spinner is one of ASCII, and what has no spelling is a question mark."""
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    code, shown = on_a_terminal(command("bootstrap", "--yes"), variables=environment)
    assert (code, shown.isascii()) == (0, True)
    text = Path("environments", "dev.yaml").read_text()
    Path("environments", "dev.yaml").write_text(text.replace("orders", "ördérs{{resolve:x}}"))
    ended = subprocess.run(command("plan"), capture_output=True, env={**os.environ, **environment})
    assert ended.returncode == 2
    assert b"contains {{resolve:...}}" in ended.stderr


@pytest.mark.long
def test_o5_without_somebody_to_type_nobody_is_asked(command: Callable[..., Command]) -> None:
    """O5: stdin is closed, though the rest is a terminal; the command ends at once and names the flag."""
    ended = subprocess.run(command("bootstrap"), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (ended.returncode, "hint: answer with --yes\n" in ended.stderr) == (3, True)


@pytest.mark.long
def test_o6_a_bug_is_one_line_and_a_file_that_has_the_rest(
    command: Callable[..., Command], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O6: exit code 70; the traceback is where the hint says, for whoever mends it."""
    script = (
        "import infragen.assembly.lint as l, infragen.cli as c\n"
        "def lint(*_): raise ValueError('boom')\nl.lint = lint\nc.run()"
    )
    line = [sys.executable, "-c", script, *command("deploy", "--yes")[3:]]
    ended = subprocess.run(line, capture_output=True, text=True)
    said = ended.stderr.splitlines()
    assert (ended.returncode, said[0]) == (70, "error: this is a bug in infragen: ValueError: boom")
    assert said[1].endswith(" has the traceback; please report it")
    file = Path(said[1].removeprefix("hint: ").partition(" has the traceback")[0])
    assert file.read_text().endswith("ValueError: boom\n")
    script = (
        "import infragen.engine.app_secrets as a, infragen.cli as c\n"
        "def store(*given): raise ValueError(f'boom {given[-1]}')\na.store = store\nc.run()"
    )
    of_secret = [sys.executable, "-c", script, "secrets", "set", "KEY", *command("plan")[4:]]
    for debug in ([], ["--debug"]):
        ended = subprocess.run([*of_secret, *debug], capture_output=True, text=True, input="kanari huhn")
        assert (ended.returncode, "huhn" in ended.stdout + ended.stderr) == (70, False), ended.stderr
    newest = max(file.parent.iterdir(), key=lambda each: each.stat().st_mtime_ns)
    assert ("boom" in newest.read_text(), "huhn" in newest.read_text()) == (True, False)
    assert stat.S_IMODE(newest.stat().st_mode) == 0o600
    (tmp_path / "file").touch()
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(tmp_path / "file"))
    ended = subprocess.run(line, capture_output=True, text=True)
    assert ended.stderr.splitlines()[1] == "hint: run it again with --debug for the traceback; please report it"
