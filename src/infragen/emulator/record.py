"""The files in the emulator's state directory, and what is written in them.

STATE_DIR/
  emulator.lock   locked (flock) by the emulator's process as long as it lives: who can lock it knows that none runs
  emulator.json   process id and port of the last emulator that was started here
  emulator.log    what it printed
  data/ s3/ tmp/  MiniStack's state, the contents of its buckets, its temporary files

The lock decides, never the process id: an id in a stale record may belong to another program by now.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

LOCK_FILE = "emulator.lock"
RECORD_FILE = "emulator.json"
LOG_FILE = "emulator.log"
STATE_FOLDERS = ("data", "s3", "tmp")


@dataclass(frozen=True)
class Record:
    """Process id and port of an emulator."""

    pid: int
    port: int


def read_record(state_dir: Path) -> Record | None:
    """Return the last emulator's record; None when there is none or it cannot be read."""
    try:
        record = json.loads((state_dir / RECORD_FILE).read_bytes())
        return Record(pid=int(record["pid"]), port=int(record["port"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def take_lock(state_dir: Path) -> int | None:
    """Return a file descriptor that holds the lock; None while another process holds it.

    The lock belongs to the open file: a child process that inherits the descriptor keeps it after we close ours.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(state_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(state_dir: Path) -> bool:
    """Tell whether an emulator is alive (or just being started) in this state directory."""
    if not (state_dir / LOCK_FILE).exists():
        return False
    descriptor = take_lock(state_dir)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
