"""No program that infragen starts can keep it waiting: git in a broken repository, a Node that says nothing."""

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import Result
from commands import CommandLine

from infragen.cli import main
from infragen.errors import CloudError
from infragen.machine import processes
from infragen.plan import git

SOURCE = Path(__file__).parent.parent / "src"
ENVIRONMENT = """\
project: shop
environment: dev
region: us-east-1
account: "111122223333"
queues: [{name: jobs}]
"""

STARTED = {
    "infragen/machine/processes.py": "a program of `infragen dev`: it runs until the user stops it",
    "infragen/machine/emulator.py": "the emulator: it outlives the command, which asks it with a limit",
    "infragen/cli/plugin.py": "AWS's plugin: attach waits for it with the limit of --timeout",
    "infragen_local/children.py": "tasks, servers and the reaper: they run as long as the emulator",
    "infragen_local/parts/functions.py": "MiniStack's own class, which our functions' processes are made with",
}
"""Where a process is started that no limit stands beside, and why; `subprocess.run` has one everywhere."""


def _calls(file: Path) -> list[tuple[str, ast.Call]]:
    """The calls of `subprocess` in a file by name; one that the module is imported from in pieces fails."""
    tree = ast.parse(file.read_text())
    assert not any(isinstance(each, ast.ImportFrom) and each.module == "subprocess" for each in ast.walk(tree)), file
    return [
        (call.func.attr, call)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "subprocess"
    ]


def test_every_program_that_infragen_starts_has_a_limit_or_a_reason() -> None:
    started = set()
    for file in sorted(SOURCE.rglob("*.py")):
        text = file.read_text()
        assert not re.search(r"\bos\.(system|popen|spawn|posix_spawn|exec|fork)", text), file
        for name, call in _calls(file) if "subprocess" in text else ():
            if name == "Popen":
                started.add(file.relative_to(SOURCE).as_posix())
            elif name != "TimeoutExpired":
                assert "timeout" in {each.arg for each in call.keywords}, f"{file}:{call.lineno}"
    assert started <= set(STARTED)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit; the tests stand in it, and git has a second to answer."""
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.yaml").write_text(ENVIRONMENT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(git, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(git, "CHECKOUT_SECONDS", 1.0)
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    for words in (("init", "--quiet", "--initial-branch=main"), ("add", "--all"), ("commit", "--quiet", "-m", "first")):
        subprocess.run(["git", *who, *words], check=True, capture_output=True)
    return tmp_path


def run(*words: str) -> Result:
    return CommandLine().invoke(main, list(words))


NOWHERE = ("--endpoint-url", "http://127.0.0.1:9")
COMMANDS = {
    "diff": ("diff", "--against", "main"),
    "plan --at": ("plan", "--env", "dev", "--at", "main", *NOWHERE),
    "init": ("init", "--project", "shop", "--region", "eu-central-1", "--only", "pipeline"),
    "plan": ("plan", "--env", "dev", *NOWHERE),
}
"""The commands that ask git, and in which way each."""


OF_GIT = ("HEAD", "config", "index", "packed-refs", "refs/heads/main", "objects", "info/exclude")


@pytest.mark.parametrize(
    ("command", "name", "kind"),
    [
        *((command, name, "fifo") for command in COMMANDS for name in OF_GIT),
        *(("diff", name, kind) for name in OF_GIT for kind in ("garbage", "directory", "broken link")),
    ],
)
def test_a_file_of_git_that_is_none_keeps_no_command(
    repository: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str, kind: str
) -> None:
    """It ends, with one clear error or as if git had nothing to tell."""
    file = repository / ".git" / name
    if file.is_dir():
        shutil.rmtree(file)
    file.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "directory":
        file.mkdir()
    elif kind == "broken link":
        file.symlink_to("nothing")
    else:
        file.write_bytes(b"\xff\x00\n" * 5)
    ended = run(*COMMANDS[command])
    assert ended.exit_code in (0, 2, 4), ended.output
    assert "Traceback" not in ended.output
    assert "infragen bug" not in ended.output


def test_git_that_does_not_answer_is_named(repository: Path) -> None:
    """4: what did not end, where, and how to look at it. It is not said that there is no such commit."""
    head = repository / ".git" / "HEAD"
    head.unlink()
    os.mkfifo(head)
    ended = run("diff", "--against", "main")
    assert ended.exit_code == 4
    assert f"`git rev-parse` did not end within 1 seconds in {repository}, and was ended" in ended.output


def _program(directory: Path, name: str, text: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(text)
    (directory / name).chmod(0o755)


def test_a_git_that_cannot_be_started_is_named(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of that name which is no program, and none at all."""
    _program(repository / "bin", "git", "\x7fELF no program")
    monkeypatch.setenv("PATH", str(repository / "bin"))
    ended = run("diff", "--against", "main")
    assert ended.exit_code == 4
    assert "git cannot be started" in ended.output
    monkeypatch.setenv("PATH", "")
    assert run("diff", "--against", "main").exit_code == 2


@pytest.mark.parametrize("text", ["printf '\\377\\376'", "echo vNext", "echo v99x", "exit 3", "echo", "printf v%d 22"])
def test_whatever_a_node_says_of_its_version_is_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """What is no version is no Node that is new enough."""
    (tmp_path / "package.json").write_text('{"engines": {"node": ">=98"}, "scripts": {"start": "node x"}}')
    _program(tmp_path / "bin", "node", f"#!/bin/sh\n{text}\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(CloudError, match="Node 98 is needed"):
        processes.project(tmp_path)
