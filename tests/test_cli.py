"""The frame of the command line: what every command has in common."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from commands import CommandLine
from commands_page import page

import infragen
from infragen.cli import main
from infragen.cli.program import EXIT_CODES, Program, command_options
from infragen.errors import InfragenError, Refused, Terminated


def test_version_names_the_program_and_its_version() -> None:
    """`infragen --version` prints the program and the packaged version."""
    result = CommandLine().invoke(main, ["--version"])
    assert result.output == f"infragen {infragen.__version__} (distribution infragen-cfn)\n"


def program(failure: BaseException) -> Program:
    @click.command()
    @command_options
    def fail() -> None:
        click.echo("result")
        raise failure

    group = Program("infragen")
    group.add_command(fail)
    return group


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Refused("database/Cluster would be replaced", "--allow-data-loss database/Cluster"), 3),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (Terminated(), 143),
        (ValueError("boom\nbang"), 70),
        (click.UsageError("bad flag"), 2),
    ],
)
def test_every_way_out_has_its_exit_code_and_no_traceback(failure: BaseException, code: int) -> None:
    """O6: stdout keeps the result, stderr has the message."""
    result = CommandLine().invoke(program(failure), ["fail"])
    assert result.exit_code == code
    assert result.stdout == "result\n"
    assert "Traceback" not in result.stderr


def test_an_error_shows_its_message_and_what_to_type_next() -> None:
    """The hint has a line of its own."""
    result = CommandLine().invoke(program(Refused("it is prod", "--confirm prod")), ["fail"])
    assert result.stderr == "error: it is prod\nhint: --confirm prod\n"


def test_a_bug_is_one_line_and_debug_shows_where() -> None:
    """Exit code 70 in both cases."""
    brief = CommandLine().invoke(program(ValueError("boom\nbang")), ["fail"])
    assert "this is a bug in infragen: ValueError: boom bang\n" in brief.stderr
    full = CommandLine().invoke(program(ValueError("boom")), ["fail", "--debug"])
    assert (full.exit_code, "Traceback" in full.stderr) == (70, True)


def every_kind(kind: type[InfragenError] = InfragenError) -> set[type[InfragenError]]:
    return {kind}.union(*(every_kind(each) for each in kind.__subclasses__()))


def test_every_kind_of_error_ends_in_a_code_of_the_table() -> None:
    """A code that the table does not explain would mean nothing to a script."""
    assert {each.exit_code for each in every_kind()} <= set(EXIT_CODES)


def test_the_page_on_exit_codes_says_what_the_table_says() -> None:
    """docs/exit-codes.md is written for people and kept in step with the code."""
    page = (Path(__file__).parent.parent / "docs" / "exit-codes.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (.*?) \|$", page, re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == EXIT_CODES


def test_the_page_on_commands_is_what_they_say_of_themselves() -> None:
    """docs/commands.md; `make docs` writes it anew."""
    assert (Path(__file__).parent.parent / "docs" / "commands.md").read_text() == page()


def every_command(command: click.Command, path: str = "infragen") -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from every_command(inner, f"{path} {name}")


COMMANDS = dict(every_command(main))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_help_with_an_example_that_parses(path: str) -> None:
    """Each word of an example is a command, an option or an option's value."""
    root = click.Context(main, **main.context_settings)  # click keeps a command's help option as it was first asked for
    text = COMMANDS[path].get_help(click.Context(COMMANDS[path], root, info_name=path))
    examples = re.findall(r"(?:^ +|&& |\()(infragen [^)>;|&\n]*)", text, re.MULTILINE)
    assert any(each.startswith(path) for each in examples)
    for example in examples:
        words = shlex.split(example)
        depth = max(count for count in range(1, len(words) + 1) if " ".join(words[:count]) in COMMANDS)
        command = COMMANDS[" ".join(words[:depth])]
        command.make_context(words[depth - 1], words[depth:], root)


def test_help_names_each_command_on_one_line_of_a_narrow_terminal() -> None:
    """Under a title that says what it is for; none is left out."""
    context = click.Context(main, terminal_width=80, **main.context_settings)
    lines = main.get_help(context).partition("Show this message and exit.")[2].splitlines()
    rows = [line.split()[0] for line in lines if re.match(r"  [a-z]+ {2,}\S", line)]
    assert sorted(rows) == sorted(main.commands)
    assert not [line for line in lines if line.endswith("...") or line.startswith("   ")]


def completed(*words: str) -> set[str]:
    """What the shell offers in the place of the last word."""
    ended = infragen_process(
        _INFRAGEN_COMPLETE="bash_complete", COMP_WORDS=" ".join(words), COMP_CWORD=str(len(words) - 1)
    )
    return {line.partition(",")[2] for line in ended.stdout.splitlines()}


@pytest.mark.long
def test_the_shell_completes_commands_and_environments() -> None:
    """Files of shared values are no environments."""
    assert completed("infragen", "re") == {"render", "recover", "redrive"}
    assert completed("infragen", "plan", "--env", "") == {"dev", "prod", "staging"}
    assert completed("infragen", "diff", "dev", "p") == {"prod"}


def infragen_process(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infragen", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, **variables},
        cwd=Path(__file__).parent.parent,
    )


@pytest.mark.long
def test_help_imports_nothing_heavy() -> None:
    """Start-up is click and our own small modules; what a command needs is imported when it runs."""
    script = "import sys, infragen.cli; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.split())
    heavy = {"boto3", "botocore", "cfnlint", "rich", "troposphere", "pydantic", "yaml", "ctypes", "asyncio"}
    assert "click" in loaded
    assert not heavy & loaded


@pytest.mark.long
def test_a_reader_that_goes_away_ends_the_output_in_silence() -> None:
    """O4: `infragen --help | true` and the like: no traceback, no complaint at interpreter exit."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "infragen", "render", "--check"]
    root = Path(__file__).parent.parent
    ended = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, cwd=root)
    os.close(write)
    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr


@pytest.mark.long
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_finds_no_room_says_so() -> None:
    """Exit code 4, one sentence, and no complaint at interpreter exit."""
    root = Path(__file__).parent.parent
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "infragen", "schema"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=root
        )
    assert (ended.returncode, ended.stderr) == (
        4,
        "error: the output cannot be written: no space left on device\n",
    )


@pytest.mark.long
def test_closed_output_is_no_bug() -> None:
    """`infragen schema >&-`: the work is done, nobody reads it."""
    command = f"exec {sys.executable} -m infragen schema >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], cwd=Path(__file__).parent.parent).returncode == 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_signals_end_the_process_with_their_code_after_clearing_up(number: int, code: int, said: str) -> None:
    """What a command holds open is closed first."""
    script = (
        "import os, signal, click; from infragen.cli import main, run\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # in the background it would be ignored
        "@main.command()\n"
        "def hang():\n"
        f"    try: os.kill(os.getpid(), {int(number)})\n"
        "    finally: click.echo('cleared')\n"
        "run()\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, "hang"], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "cleared\n", f"{said}\n")


@pytest.mark.long
def test_the_end_of_a_process_waits_for_its_threads_and_runs_what_was_registered() -> None:
    """The interpreter is not taken apart, but nothing is lost: output, other threads, atexit, the exit code."""
    script = (
        "import atexit, sys, threading, time; from infragen.cli import main, run\n"
        "def late(): time.sleep(0.2); print('from a thread')\n"
        "@main.command()\n"
        "def go():\n"
        "    atexit.register(print, 'registered')\n"
        "    if sys.argv[0] == 'threads': threading.Thread(target=late).start()\n"
        "    print('x' * 100_000)\n"
        "    sys.exit(3)\n"
        "run()\n"
    )
    for name, said in (("none", ["registered"]), ("threads", ["from a thread", "registered"])):
        command = [sys.executable, "-c", f"import sys; sys.argv[0] = {name!r}\n{script}", "go"]
        ended = subprocess.run(command, capture_output=True, text=True)
        assert (ended.returncode, ended.stderr) == (3, "")
        assert ended.stdout.splitlines() == ["x" * 100_000, *said]


@pytest.mark.long
def test_an_endpoint_that_is_no_address_is_wrong_input() -> None:
    """Exit code 2, also for the variable that boto3 reads."""
    for arguments, variables in (
        (["--endpoint-url", "nonsense"], {}),
        ([], {"AWS_ENDPOINT_URL": "nonsense"}),
    ):
        ended = infragen_process("status", "--env", "dev", *arguments, **variables)
        assert (ended.returncode, "nonsense" in ended.stderr, "endpoint" in ended.stderr) == (2, True, True)


@pytest.mark.long
def test_a_locale_without_the_letters_breaks_nothing() -> None:
    """O4: Latin-1 has no such signs; they are replaced, not raised."""
    ended = infragen_process("render", "--env", "träum→", PYTHONIOENCODING="latin-1")
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
