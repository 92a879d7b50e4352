"""A signal that is ignored when infragen is started stays ignored: under nohup, in the background of a script."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = (
    "import os, signal, click; from infragen.cli import main, run; from infragen.engine.schedule import Interrupts\n"
    "@main.command()\n"
    "def go():\n"
    "    with Interrupts() as noted:\n"
    "        for _ in range(3): os.kill(os.getpid(), {number})\n"
    "    click.echo(f'noted {{noted.noted}}')\n"
    "run()\n"
)


def with_ignored(*numbers: signal.Signals) -> None:
    for each in numbers:
        signal.signal(each, signal.SIG_IGN)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_ignored_at_the_start_does_nothing(number: signal.Signals) -> None:
    """Neither ends the process nor counts as Ctrl-C, three times over."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(number=int(number)), "go"], capture_output=True, text=True,
        preexec_fn=lambda: with_ignored(number),
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "noted 0\n", "")


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_not_ignored_ends_the_process(number: signal.Signals) -> None:
    """The control: the same process, started as a shell does."""
    ended = subprocess.run([sys.executable, "-c", SCRIPT.format(number=int(number)), "go"], capture_output=True)
    assert ended.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]


@pytest.mark.long
def test_the_processes_of_lint_ignore_it_as_well(tmp_path: Path) -> None:
    """Ctrl-C reaches the whole group; cfn-lint runs in processes of its own."""
    child = subprocess.Popen(
        [sys.executable, "-m", "infragen", "lint", "--env", "dev"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "INFRAGEN_CACHE_DIR": str(tmp_path)}, start_new_session=True,
        preexec_fn=lambda: with_ignored(signal.SIGINT),
    )  # fmt: skip
    while child.poll() is None:
        os.killpg(child.pid, signal.SIGINT)
        time.sleep(0.1)
    assert child.stdout
    assert (child.returncode, child.stdout.read()) == (0, "dev: no findings\n")
