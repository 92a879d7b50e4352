"""A command on a terminal of its own: what a person would see, type and answer."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def on_a_terminal(
    command: Sequence[str],
    rows: int = 40,
    columns: int = 120,
    variables: Mapping[str, str] | None = None,
    *,
    cwd: Path | None = None,
    typed: str = "",
    answers: Mapping[str, str] | None = None,
    seconds: float = 300,
) -> tuple[int, str]:
    """Runs a command on a terminal of that size; types ahead, or answers what ends in a pattern of `answers`. Gives its
    exit code and all that was shown; after so many seconds the terminal is closed.
    """
    control, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", **(variables or {})}
    child = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment, cwd=cwd)
    os.close(terminal)
    os.write(control, typed.encode())
    shown, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([control], [], [], 1)[0]:
            continue
        try:
            part = os.read(control, 4096)
        except OSError:  # the last program on it has ended
            break
        if not part:
            break
        shown += part
        for pattern, answer in (answers or {}).items():
            if re.search(pattern.encode(), shown):
                os.write(control, answer.encode())
    os.close(control)
    return child.wait(), shown.decode(errors="replace").replace("\r\n", "\n")
