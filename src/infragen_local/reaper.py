"""End what an emulator started and did not end itself: run as a program of its own beside it.

    python -I -S reaper.py FILE DESCRIPTOR < PIPE

The emulator holds the other end of PIPE. When it ends, in whatever way, kill -9 included, the pipe closes, and each
process of FILE that still runs is ended with its group, and on Linux whatever these started and that left their group
(setsid): the variable MARK of its environment says whose it is. Only the standard library, so that it costs little: it
lives as long as the emulator does. It inherits the lock of the state directory, so a stopped emulator counts as stopped
only when its processes are gone, too.

DESCRIPTOR is FILE, open: another emulator may have its own at that name, when somebody removed the state directory of
one that ran, and its processes are not ours. A line of FILE is `PID STARTED SIGNAL` for a process that was started,
`PID STARTED -` for one that ended; the first is `mark MARK`, what their marks begin with. STARTED is when the process
began, in the system's words: an id that the system has given to another process since is left alone.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

MARK = "INFRAGEN_STARTED_BY"
"""The variable of each process that an emulator starts: a random text of the emulator, a dot, a number."""

GRACE_SECONDS = 5.0
"""How long a process with a signal of its own (PostgreSQL's shutdown) may take until SIGKILL."""

MARK_LENGTH = 32
_POLL_SECONDS = 0.02
_LARGEST = 1 << 20


def started_at(pid: int) -> str:
    """Return when a process began, in the system's own words; empty when there is none, or only its exit status."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    asked = ["ps", "-o", "lstart=", "-p", str(pid)]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=20).stdout  # noqa: S603  # ps
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""  # nobody knows whose it is, so nobody ends it
    return "-".join(said.split())


def end_marked(mark: str) -> None:
    """End each process whose environment has this mark, or where it ends with a dot one that begins with it."""
    for environment in Path("/proc").glob("[0-9]*/environ") if mark else ():
        try:
            process = os.pidfd_open(int(environment.parent.name))
        except (OSError, AttributeError):  # gone, or a system older than Linux 5.3
            continue
        try:
            values = environment.read_bytes().decode("utf-8", "replace").split("\0")
            if any(_is_marked(value, f"{MARK}={mark}") for value in values):
                signal.pidfd_send_signal(process, signal.SIGKILL)
        except OSError:  # gone, or another user's
            continue
        finally:
            os.close(process)


def _is_marked(value: str, mark: str) -> bool:
    return value.startswith(mark) if mark.endswith(".") else value == mark


def mark_of(file: Path | int) -> str:
    """Return what the marks of a file's processes begin with; empty when it says nothing."""
    first, _, rest = _text(file).partition("\n")[0].partition(" ")
    return f"{rest}." if first == "mark" and len(rest) == MARK_LENGTH else ""


def left(file: Path | int) -> list[tuple[int, int]]:
    """Return process id and signal of everything in the file that still runs."""
    return [(int(line.split()[0]), int(line.split()[2])) for line in current(file)]


def current(file: Path | int) -> list[str]:
    """Return the lines of what still runs; a line that was cut off names nothing."""
    found: dict[tuple[str, str], str] = {}
    for line in _text(file).splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[0].isdigit():
            found[parts[0], parts[1]] = parts[2]
    return [
        f"{pid} {began} {number}"
        for (pid, began), number in found.items()
        if number.isdigit() and started_at(int(pid)) == began
    ]


def _text(file: Path | int) -> str:
    try:
        text = os.pread(file, _LARGEST, 0) if isinstance(file, int) else file.read_bytes()
    except FileNotFoundError:
        return ""
    return text.decode("ascii", "replace")


def clean(file: Path | int) -> int:
    """End everything that a file, or an open one, names; return how many processes that were."""
    running = left(file)
    for pid, number in running:
        _signal_group(pid, number)
    deadline = time.monotonic() + GRACE_SECONDS
    waiting = running
    while waiting and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        waiting = left(file)
    for pid, _ in waiting:
        _signal_group(pid, signal.SIGKILL)
    while left(file) and time.monotonic() < deadline + GRACE_SECONDS:
        time.sleep(_POLL_SECONDS)
    end_marked(mark_of(file))
    return len(running)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def main(file: Path, descriptor: int) -> None:
    """Wait until the emulator is gone, then clean up. No signal for the emulator's terminal or group ends it first."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    clean(descriptor)
    try:
        if os.path.samestat(file.stat(), os.fstat(descriptor)):
            file.unlink()
    except FileNotFoundError:
        return


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
