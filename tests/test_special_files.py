"""Whatever a user names that is no regular file is refused at once: no command waits for a FIFO, reads a device without
end, or replaces one.

The options are the program's own: one that is added is walked without being listed, and fails until the table says what
it takes.
"""

from __future__ import annotations

import ast
import os
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click
import pytest
from click.testing import Result
from commands import CommandLine
from special_files import as_ordinary_user, special

import infragen
from infragen.assembly.code import code_artifact
from infragen.cli import main
from infragen.cli.program import unexpected
from infragen.errors import InputError, Unwritable
from infragen.machine.output_file import private_directory

ENVIRONMENT = """\
project: shop
environment: dev
region: us-east-1
account: "111122223333"
network: {nat: none, interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sqs]}
queues: [{name: jobs, visibility_seconds: 400}]
workers: [{name: jobs, queue: jobs}]
"""

NOWHERE = ("--endpoint-url", "http://127.0.0.1:9")
LONGEST = 60
"""Seconds after which a command that waits for a FIFO is given up; none of them takes one."""

FIFOS = ("fifo", "socket", "device")

TAKES = {
    ("cost", "--prices"): ("file", ("--env", "dev")),
    ("plan", "--out"): ("file", ("--env", "dev", *NOWHERE)),
    ("deploy", "--plan"): ("file", NOWHERE),
    ("compose", "--output"): ("file", ("--env", "dev")),
    ("init", "directory"): ("directory", ("--project", "shop", "--region", "eu-central-1")),
    ("render", "--output"): ("directory", ("--env", "dev")),
    ("secrets import", "file"): ("file", ("--env", "dev", *NOWHERE)),
    ("image put", "source"): ("directory", ("--env", "dev", *NOWHERE)),
}
"""What an option of this command takes, and what else the command needs; `--environments` is a directory everywhere."""

SAID = {("lint", "--templates"), ("diff", "--templates")}
"""Options whose name is only said, or looked up in a commit: nothing of that name is read or written."""


def commands(group: click.Group = main, name: str = "") -> Iterator[tuple[str, click.Command]]:
    for key, each in group.commands.items():
        if isinstance(each, click.Group):
            yield from commands(each, f"{name}{key} ")
        else:
            yield f"{name}{key}", each


def path_options() -> Iterator[tuple[str, str]]:
    """Each option and argument of the program that takes a path."""
    for name, command in commands():
        for each in command.params:
            if isinstance(each.type, click.Path):
                yield name, next((opt for opt in each.opts if opt.startswith("--")), each.name or "")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.yaml").write_text(ENVIRONMENT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def run(*words: str) -> Result:
    """The command in this process; one that waits is given up, and the test fails."""

    def give_up(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"{words} waits")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LONGEST)
    try:
        return CommandLine().invoke(main, list(words), input="")
    finally:
        signal.alarm(0)


def test_every_option_that_takes_a_path_is_in_the_table() -> None:
    """`--environments` is the same one everywhere."""
    assert {each for each in path_options() if each[1] != "--environments"} == {*TAKES, *SAID}


@pytest.mark.parametrize("kind", FIFOS)
@pytest.mark.parametrize(("command", "option"), TAKES)
def test_a_name_of_no_regular_file_is_refused_and_stays(project: Path, command: str, option: str, kind: str) -> None:
    """2 with the name, at once, and what has the name is what it was."""
    _, more = TAKES[command, option]
    place = project / "thing"
    special(place, kind, project / "target")
    before = place.lstat()
    given = (option, str(place)) if option.startswith("--") else (str(place),)
    ended = run(*command.split(), *given, *more)
    assert ended.exit_code == 2, ended.output
    assert "thing" in ended.output
    assert (place.lstat().st_mode, place.lstat().st_ino) == (before.st_mode, before.st_ino)


@pytest.mark.parametrize("ending", ["/", "/.", "/.."])
@pytest.mark.parametrize(("command", "option"), [each for each, (kind, _) in TAKES.items() if kind == "file"])
def test_a_name_that_ends_as_a_directory_is_no_file(project: Path, command: str, option: str, ending: str) -> None:
    """A path without that ending would be another name: nothing of either is read or written."""
    _, more = TAKES[command, option]
    given = (option, f"thing{ending}") if option.startswith("--") else (f"thing{ending}",)
    ended = run(*command.split(), *given, *more)
    assert ended.exit_code == 2, ended.output
    assert f"'thing{ending}' names a directory" in ended.stderr
    assert not (project / "thing").exists()


@pytest.mark.parametrize("kind", FIFOS)
@pytest.mark.parametrize("command", ["config", "cost", "status"])
def test_environments_that_are_no_directory_are_refused(project: Path, command: str, kind: str) -> None:
    """The directory itself; 2."""
    special(project / "thing", kind, project / "target")
    ended = run(command, "--environments", "thing", "--env", "dev")
    assert ended.exit_code == 2, ended.output
    assert "thing" in ended.output


@pytest.mark.parametrize("kind", FIFOS)
@pytest.mark.parametrize("what", ["environment", "extended", "prices"])
def test_a_file_that_a_file_names_is_a_regular_one(project: Path, what: str, kind: str) -> None:
    """An environment, what it extends, its prices: 2 with the name."""
    file = project / "environments" / "dev.yaml"
    thing = project / "environments" / "thing"
    command = ["config", "--env", "dev"]
    if what == "environment":
        file.unlink()
        thing = file
    elif what == "extended":
        file.write_text("extends: thing\n" + ENVIRONMENT)
    else:
        file.write_text(ENVIRONMENT + "cost: {prices: thing}\n")
        command = ["cost", "--env", "dev"]
    special(thing, kind, project / "target")
    ended = run(*command)
    assert ended.exit_code == 2, ended.output
    assert thing.name in ended.output
    assert not stat.S_ISREG(thing.lstat().st_mode)


OF_THE_PROJECT = {
    "layers": ("config", "--env", "dev"), "addons": ("config", "--env", "dev"), "addons/x.yaml": ("render",),
    "layers/x.py": ("config", "--env", "dev"), "layers/_y.py": ("lint",),
    "Dockerfile": ("pipeline", "github", "--stage", "dev"), "package.json": ("pipeline", "gitlab", "--stage", "dev"),
    "requirements.txt": ("pipeline", "github", "--stage", "dev"),
    ".github/workflows/deploy.yaml": ("pipeline", "github", "--stage", "dev"),
    ".gitlab-ci.yml": ("pipeline", "gitlab", "--stage", "dev"), "compose.yaml": ("compose", "--env", "dev"),
}  # fmt: skip
"""Files and directories with names of their own, and a command that looks for them."""


@pytest.mark.parametrize("name", OF_THE_PROJECT)
def test_what_has_the_name_of_a_file_of_the_project_is_one(project: Path, name: str) -> None:
    """A FIFO, and a link that leads nowhere: 2 with the name. It is not passed over as if it were not there: an addon
    or a layer that is missing is removed by the next deployment.
    """
    if not name.endswith("requirements.txt"):
        (project / "requirements.txt").write_text("infragen-cfn\n")
    for kind in ("fifo", "broken link"):
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        special(file, kind, project / "target")
        ended = run(*OF_THE_PROJECT[name])
        assert ended.exit_code == 2, (kind, ended.output)
        assert f"{name} " in ended.output, kind
        file.unlink()


LONG = "x" * 300
CLOSED = {
    "environments": "", "environments/dev.yaml": "", "closed/base.yaml": "extends: ../closed/base.yaml\n",
    "closed/prices.yaml": "cost: {prices: ../closed/prices.yaml}\n", "layers/a.py": "", "layers/inside/_b.py": "",
    "addons/a.yaml": "", "templates/dev/root.yaml": "", "package.json": "",
}  # fmt: skip
"""A file, and what the environment says so that it is looked for. Its directory, or the file itself, is closed."""


@pytest.mark.parametrize("mode", [0, 0o444, 0o111])
@pytest.mark.parametrize("name", CLOSED)
def test_y14_what_the_user_may_not_read_is_named(project: Path, name: str, mode: int) -> None:
    """A directory that cannot be listed, or in which nothing can be opened: 2 or 4 with a name, and no bug."""
    file = project / name
    file.parent.mkdir(parents=True, exist_ok=True)
    environment = project / "environments" / "dev.yaml"
    environment.write_text(CLOSED[name] + environment.read_text())
    if not file.exists():
        file.write_text("x-a: 1\n" if file.suffix == ".yaml" else "")
    commands: list[tuple[str, ...]] = [("config",), ("render",), ("cost",)]
    if name.startswith("templates"):
        commands.append(("diff", "--against", "templates"))
    for closed in {file, file.parent} - {project}:
        before = closed.stat().st_mode
        closed.chmod(mode)
        with as_ordinary_user():
            ended = [run(*each) for each in commands]
        closed.chmod(before)
        for each in ended:
            assert each.exit_code in (0, 1, 2, 4), each.output
            assert each.exit_code in (0, 1) or "denied" in each.stderr or Path(name).stem in each.stderr, each.output


@pytest.mark.parametrize("given", [LONG, f"{LONG}/x.yaml", "a/" * 3000 + "x.yaml"])
@pytest.mark.parametrize("key", ["extends: {}", "cost: {{prices: {}}}"])
def test_y14_a_name_that_is_too_long_is_refused(project: Path, key: str, given: str) -> None:
    """2 with the place, not what the system says of the name as a bug."""
    environment = project / "environments" / "dev.yaml"
    environment.write_text(f"{key.format(given)}\n{environment.read_text()}")
    ended = run("cost", "--env", "dev")
    assert ended.exit_code == 2, ended.output
    assert "xxx" in ended.stderr or "a/a/" in ended.stderr


def test_a_layer_whose_name_is_no_utf_8_is_told(project: Path) -> None:
    """In its name, and in that of the folder that the project is in."""
    odd = project / os.fsdecode(b"\xff")
    (odd / "layers").mkdir(parents=True)
    (project / "environments").rename(odd / "environments")
    os.chdir(odd)
    for name, says in {"a.py": "defines neither", os.fsdecode(b"\xff.py"): "is no name of a Python module"}.items():
        (odd / "layers" / name).write_text("")
        ended = run("config")
        assert ended.exit_code == 2, ended.output
        assert says in ended.stderr


def test_y14_a_file_that_vanishes_while_it_is_used_is_named(project: Path) -> None:
    """What the system says of a file of the user is no bug of infragen, wherever it says so."""
    for name in ("gone", b"gone", str(project / "gone")):
        assert unexpected(FileNotFoundError(2, "No such file or directory", name), debug=False) == 4
    own = str(Path(infragen.__file__).parent / "gone")
    assert unexpected(FileNotFoundError(2, "No such file or directory", own), debug=False) == 70
    assert unexpected(OSError(9, "Bad file descriptor"), debug=False) == 70


@pytest.mark.long
@pytest.mark.parametrize("arguments", [("config",), ("config", "--env", "nothing")])
def test_what_stderr_does_not_take_changes_no_exit_code(project: Path, arguments: tuple[str, ...]) -> None:
    """A full disk, a pipe whose reader has gone, one that is read only; stdout that takes nothing is 4."""
    reading, writing = os.pipe()
    os.close(reading)
    wanted = 0 if arguments == ("config",) else 2
    command = [sys.executable, "-m", "infragen", *arguments]
    read_only = os.open(os.devnull, os.O_RDONLY)
    with Path("/dev/full").open("w") as full:
        for stderr in (full.fileno(), writing, read_only):
            ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
            assert ended.returncode == wanted
        for stdout in (full.fileno(), read_only):
            said = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True)
            assert said.returncode == (wanted or 4), said.stderr
            assert said.stderr.startswith("error: "), said.stderr
    os.close(writing)
    os.close(read_only)


def test_a_working_directory_that_was_removed_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bug, for no command can begin there."""
    (project / "gone").mkdir()
    monkeypatch.chdir(project / "gone")
    (project / "gone").rmdir()
    ended = run("config")
    monkeypatch.chdir(project)
    assert ended.exit_code == 4, ended.output
    assert "the working directory was removed" in ended.stderr


def test_no_question_about_a_file_raises() -> None:
    """`Path.exists` and its like raise for a name that is too long, or in a directory that is closed to the user."""
    asked = {"exists", "is_file", "is_dir", "is_symlink"}
    root = Path(infragen.__file__).parent
    found = [
        f"{file.relative_to(root)}:{each.lineno}"
        for file in root.rglob("*.py")
        if "files" not in file.relative_to(root).parts
        for each in ast.walk(ast.parse(file.read_text()))
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute)
        and each.func.attr in asked and not each.args
    ]  # fmt: skip
    assert found == []


@pytest.mark.parametrize("name", ["layers", "addons"])
def test_a_directory_of_the_project_is_one(project: Path, name: str) -> None:
    """Where links are checked out as files, the directory that one led to is a text."""
    (project / name).write_text("../shared")
    ended = run("render")
    assert ended.exit_code == 2
    assert f"{name} cannot be read: not a directory" in ended.output


@pytest.mark.parametrize("kind", FIFOS)
def test_worker_code_is_of_regular_files(project: Path, kind: str) -> None:
    """A code directory, a zip, and what is in a directory."""
    special(project / "thing", kind, project / "target")
    for path in (project, project / "thing"):
        with pytest.raises(InputError, match="thing"):
            code_artifact(path)


def test_worker_code_of_any_size_is_not_read_beyond_what_lambda_takes(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sparse file of 5 GB, in a directory and as a zip, and a zip that unpacks to more."""
    monkeypatch.setattr("infragen.assembly.code.LIMIT", 1000)
    code = project / "code"
    code.mkdir()
    zips = [project / "sparse.zip", project / "bomb.zip"]
    with (code / "big.bin").open("wb") as stream, zips[0].open("wb") as archive:
        for each in (stream, archive):
            each.truncate(5 << 30)
        archive.seek(0, 2)
        with zipfile.ZipFile(archive, "w") as inside:
            inside.writestr("index.js", "x")
    with zipfile.ZipFile(zips[1], "w", zipfile.ZIP_DEFLATED) as inside:
        inside.writestr("index.js", "x" * 2000)
    for path in (code, *zips):
        with pytest.raises(InputError, match="Lambda refuses it"):
            code_artifact(path)


@pytest.mark.parametrize("name", ["../x.js", "/x.js", "a/../../x.js", "..\\x.js", "a\\.env", ""])
def test_a_zip_of_worker_code_is_looked_at_as_it_is_unpacked(project: Path, name: str) -> None:
    """Outside of its directory, and with backslashes between the parts of a name; without a name it is empty."""
    file = project / "code.zip"
    with zipfile.ZipFile(file, "w") as archive:
        if name:
            archive.writestr(name, "x")
    with pytest.raises(InputError, match=r"outside of the code|hold secrets|no file with content"):
        code_artifact(file)


@pytest.mark.parametrize("wrong", ["foreign", "foreign link", "writable by others"])
def test_a_state_directory_that_is_not_the_users_alone_is_not_used(
    project: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """Whoever can write there can lay a record that leads to a server of theirs."""
    from infragen.machine.emulator import default_state_dir, status

    monkeypatch.setenv("INFRAGEN_STATE_DIR", str(project))
    state, target = default_state_dir(), project / "target"
    target.mkdir(mode=0o700)
    if wrong == "foreign link":
        state.symlink_to(target)
    else:
        target.rename(state)
    if wrong.startswith("foreign"):
        if os.geteuid():
            pytest.skip("only root may give a directory away")
        os.chown(state, 12345, 12345, follow_symlinks=False)
    else:
        state.chmod(0o770)
    with pytest.raises(Unwritable, match=r"another user|others can write"):
        status(state)
    assert run("local", "status").exit_code == 4


def test_a_record_that_is_no_regular_file_is_none(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A FIFO of that name waits for nobody."""
    from infragen.machine.emulator import _read_record

    os.mkfifo(project / "emulator.json")
    assert _read_record(project) is None


def test_whatever_is_made_for_state_is_for_the_user_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0700, the directories above as well, whatever the umask says."""
    from infragen.machine.emulator import default_state_dir, status

    monkeypatch.setenv("INFRAGEN_STATE_DIR", str(project / "a" / "b"))
    private_directory(project / "cache" / "lint")
    status(default_state_dir())
    made: list[Path] = []
    for top in ("cache", "a"):
        made += [each for each in (project / top, *(project / top).rglob("*")) if each.is_dir()]
    assert made
    assert {stat.S_IMODE(each.stat().st_mode) for each in made} == {0o700}


LARGE = {
    "environments/other.yaml": ("render",), "layers/x.py": ("render",),
    "package.json": ("pipeline", "github", "--stage", "dev"),
    "templates/dev/queue.yaml": ("diff", "--against", "templates"),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_a_file_of_any_size_is_refused_before_it_is_in_memory(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Sparse files of 5 GB: 2 with the name, after as many bytes as any file of ours has."""
    monkeypatch.setattr("infragen.machine.input_file.LARGEST", 100_000)
    file = project / name
    file.parent.mkdir(exist_ok=True, parents=True)
    (project / "requirements.txt").write_text("infragen-cfn\n")
    with file.open("wb") as stream:
        stream.truncate(5 << 30)
    ended = run(*LARGE[name])
    assert ended.exit_code == 2, ended.output
    assert f"{name}" in ended.output
    assert "larger than" in ended.output
