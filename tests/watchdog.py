"""Ends a server that tests started, when the test process is killed and cannot do that itself."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def watched(pid: int, folder: Path, how: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    """In the block a shell waits for our end of a pipe to close; then it ends the process and removes its folder."""
    script = 'cat; kill -"$0" "$1"; while kill -0 "$1"; do sleep 0.1; done 2>/dev/null; rm -rf "$2"'
    command = ["sh", "-c", script, how.name.removeprefix("SIG"), str(pid), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watchdog:
        try:
            yield
        finally:
            watchdog.kill()
