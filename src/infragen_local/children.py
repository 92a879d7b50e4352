"""Start processes that end with the emulator: tasks, database servers, functions.

Each is in a session and process group of its own and is written to the file that `reaper` reads. The death signal that
Linux offers (PR_SET_PDEATHSIG) is not used: it ends the process when the *thread* that started it ends, and not what
that process started in turn (prctl(2)). What such a process starts and puts into a session of its own is known by a
variable of the environment that it inherits.
"""

import itertools
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infragen_local import reaper

_LARGEST_FILE = 64 * 1024


class Children:
    """The processes of one emulator."""

    def __init__(self, file: Path, lock: int | None = None) -> None:
        """Clean up after an emulator before, and start the reaper; `lock` is the descriptor that it shall hold, too."""
        reaper.clean(file)
        file.unlink(missing_ok=True)
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()
        self._mark, self._numbers = secrets.token_hex(reaper.MARK_LENGTH // 2), itertools.count(1)
        self._marks: dict[int, str] = {}
        os.write(self._file, f"mark {self._mark}\n".encode("ascii"))
        ours, self._pipe = os.pipe()
        self._reaper = subprocess.Popen(  # noqa: S603 — our own module
            [sys.executable, "-I", "-S", reaper.__file__, str(file), str(self._file)],
            stdin=ours,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            start_new_session=True,
            pass_fds=(self._file,) if lock is None else (self._file, lock),
        )
        os.close(ours)

    def start(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        end_with: int = signal.SIGKILL,
        beside: "subprocess.Popen[bytes] | None" = None,
        **more: Any,
    ) -> "subprocess.Popen[bytes]":
        """Start a process with exactly this environment and a mark; OSError when it cannot be.

        `end_with` is the signal that the reaper sends. What is started `beside` another process has that one's mark, so
        that what it leaves behind ends with that one.
        """
        theirs = self._marks.get(beside.pid) if beside is not None else None
        mark = {reaper.MARK: theirs} if theirs else self.mark()
        process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 — the command is the user's own
            command, cwd=cwd, env={**env, **mark}, start_new_session=True, **{"stdin": subprocess.DEVNULL, **more}
        )
        if not theirs:
            self._marks[process.pid] = mark[reaper.MARK]
        self._note(process.pid, int(end_with))
        return process

    def mark(self) -> dict[str, str]:
        """Return the variable by which a new process, and whatever it starts, is known for this emulator's."""
        return {reaper.MARK: f"{self._mark}.{next(self._numbers)}"}

    def adopt(self, pid: int) -> None:
        """Take note of a process that was started elsewhere, with a mark, which has to lead a group of its own."""
        self._note(pid, int(signal.SIGKILL))

    def wait(self, process: "subprocess.Popen[bytes]", *, sweep: bool = True) -> int:
        """Wait until a process ends and return its exit code as a shell counts it.

        With `sweep` the rest of its group, and what left it, is ended first, while no other process can get its id.
        """
        began = reaper.started_at(process.pid)
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        mark = self._marks.pop(process.pid, "")
        if sweep:
            send(process.pid, signal.SIGKILL)
            reaper.end_marked(mark)
        code = process.wait()
        self._write(f"{process.pid} {began} -\n")
        return code if code >= 0 else 128 - code

    def end(self) -> None:
        """Let the reaper end everything, as it does when the emulator ends; return when it has."""
        os.close(self._pipe)
        self._reaper.wait()

    def _note(self, pid: int, number: int) -> None:
        self._write(f"{pid} {reaper.started_at(pid)} {number}\n")

    def _write(self, line: str) -> None:
        with self._lock:
            os.write(self._file, line.encode("ascii"))
            if os.fstat(self._file).st_size > _LARGEST_FILE:
                running = "".join(f"{each}\n" for each in (f"mark {self._mark}", *reaper.current(self._file)))
                os.ftruncate(self._file, 0)
                os.write(self._file, running.encode("ascii"))


def send(group: int, number: int) -> None:
    """Send a signal to a process group, if it is still there."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return
