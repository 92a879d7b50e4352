"""Start, stop and look after the embedded AWS emulator, a child process on 127.0.0.1.

The client of `infragen_local`, which runs in the child and which nothing here imports. Sleep and clock are passed in.
State is kept across stop and start in a state directory:

STATE_DIR/
  emulator.lock   locked (flock) by the emulator's process as long as it lives: who can lock it knows that none runs
  emulator.json   process id and port of the last emulator that was started here
  emulator.log    what it printed
  data/ s3/ tmp/  MiniStack's state, the contents of its buckets, its temporary files

The lock decides, never the process id: an id in a stale record may belong to another program by now.
"""

import contextlib
import fcntl
import http.client
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infragen.errors import CloudError, InputError

LOCK_FILE = "emulator.lock"
RECORD_FILE = "emulator.json"
LOG_FILE = "emulator.log"
STATE_FOLDERS = ("data", "s3", "tmp")

STATE_VARIABLE = "INFRAGEN_STATE_DIR"
DEFAULT_ACCOUNT = "000000000000"

_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05
_LOG_LINES = 15

# All that the child takes over from our environment: no AWS_*, no proxy, no setting of MiniStack.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME")
_FAULTS_VARIABLE = "INFRAGEN_EMULATOR_FAULTS"


@dataclass(frozen=True)
class Record:
    """Process id and port of an emulator."""

    pid: int
    port: int


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    endpoint_url: str
    pid: int
    port: int
    state_dir: Path


@dataclass(frozen=True)
class Credentials:
    """What a client signs with: the access key is the account, so each account sees only its own resources."""

    access_key: str
    secret_key: str


def credentials(account: str = DEFAULT_ACCOUNT) -> Credentials:
    """Return the credentials of an account (12 digits) in the emulator; InputError for anything else."""
    if len(account) != 12 or not account.isascii() or not account.isdigit():
        raise InputError(f"account {account!r} is not an AWS account id: 12 digits")
    return Credentials(access_key=account, secret_key="local")  # noqa: S106 — the emulator checks no secret


def default_state_dir() -> Path:
    """Return where the emulator's state is kept: `local` in $INFRAGEN_STATE_DIR or in the user's state directory."""
    import platformdirs

    chosen = os.environ.get(STATE_VARIABLE)
    return Path(chosen or platformdirs.user_state_dir("infragen")).absolute() / "local"


def start(
    state_dir: Path,
    port: int | None = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Emulator:
    """Return the emulator of this state directory, started if none runs, once it answers.

    Without `port` the last one is taken again when it is free, so that addresses in kept state stay right. Two starts
    at once give the same emulator. CloudError: MiniStack is missing, the port is taken, or the emulator died or did
    not answer within a minute (with the end of its log).
    """
    deadline = clock() + _START_SECONDS
    while True:
        lock = _take_lock(state_dir)
        if lock is not None:
            try:
                child = _spawn(state_dir, _choose_port(state_dir, port), lock)
            finally:
                os.close(lock)
            return _wait_until_healthy(state_dir, child, deadline, sleep, clock)
        running = status(state_dir)
        if running is not None:
            if port is not None and port != running.port:
                raise CloudError(
                    f"the emulator already runs on port {running.port}, not {port}", hint="infragen local stop"
                )
            return running
        if clock() >= deadline:
            raise CloudError(
                f"another process has been starting the emulator in {state_dir} for {_START_SECONDS:.0f} s"
                + _log_tail(state_dir)
            )
        sleep(_POLL_SECONDS)


def status(state_dir: Path) -> Emulator | None:
    """Return the running emulator of this state directory; None when none runs or it does not answer yet."""
    if not _is_locked(state_dir):
        return None
    record = _read_record(state_dir)
    if record is None or not _answers(record.port):
        return None
    return _emulator(state_dir, record)


def stop(
    state_dir: Path,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """End the emulator by SIGTERM, on which it saves its state; return whether one was running.

    CloudError when it still runs after half a minute. It is never killed harder: that would lose the state.
    """
    if not _is_locked(state_dir):
        return False
    record = _read_record(state_dir)
    if record is None:
        raise CloudError(f"the emulator in {state_dir} is being started by another process", hint="try again")
    with contextlib.suppress(ProcessLookupError):
        os.kill(record.pid, signal.SIGTERM)
    deadline = clock() + _STOP_SECONDS
    while _is_locked(state_dir):
        if clock() >= deadline:
            raise CloudError(
                f"the emulator (process {record.pid}) still runs {_STOP_SECONDS:.0f} s after SIGTERM",
                hint=f"kill {record.pid} ends it; kill -9 {record.pid} loses its state",
            )
        sleep(_POLL_SECONDS)
    return True


def reset(
    state_dir: Path,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Stop the emulator and remove all it kept; return whether there was anything."""
    was_running = stop(state_dir, sleep=sleep, clock=clock)
    kept = [state_dir / name for name in (*STATE_FOLDERS, LOG_FILE, RECORD_FILE)]
    found = [path for path in kept if path.exists()]
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return was_running or bool(found)


def _spawn(state_dir: Path, port: int, lock: int) -> "subprocess.Popen[bytes]":
    if importlib.util.find_spec("ministack") is None:
        raise CloudError("the emulator is not installed", hint="pip install 'infragen[local]'")
    for folder in STATE_FOLDERS:
        (state_dir / folder).mkdir(parents=True, exist_ok=True)
    (state_dir / RECORD_FILE).unlink(missing_ok=True)
    with (state_dir / LOG_FILE).open("wb") as log:
        return subprocess.Popen(  # noqa: S603 — our own launcher
            [sys.executable, "-m", "infragen_local", str(state_dir / RECORD_FILE)],
            env=_environment(state_dir, port),
            cwd=state_dir,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
            start_new_session=True,  # Ctrl-C in the terminal that started it is not meant for it
        )


def _environment(state_dir: Path, port: int) -> dict[str, str]:
    """Return the child's whole environment."""
    inherited = {name: os.environ[name] for name in (*_INHERITED, _FAULTS_VARIABLE) if name in os.environ}
    return {
        **inherited,
        "BIND_HOST": _HOST,  # MiniStack's own default is 0.0.0.0
        "MINISTACK_HOST": _HOST,
        "GATEWAY_PORT": str(port),
        "DOCKER_HOST": "unix:///nonexistent",  # else RDS and ECS start real containers
        "PERSIST_STATE": "1",
        "S3_PERSIST": "1",
        "STATE_DIR": str(state_dir / "data"),
        "S3_DATA_DIR": str(state_dir / "s3"),
        "TMPDIR": str(state_dir / "tmp"),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",  # else it listens on a port of its own
        "LOG_LEVEL": "WARNING",
        "LAMBDA_WARM_TTL_SECONDS": "30",
        # boto3 in the functions of custom resources gets its credentials from MiniStack, and from nowhere else.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }


def _choose_port(state_dir: Path, port: int | None) -> int:
    if port is not None:
        if not _is_free(port):
            raise CloudError(f"port {port} on {_HOST} is taken by another program", hint="choose another --port")
        return port
    last = _read_record(state_dir)
    if last is not None and _is_free(last.port):
        return last.port
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _wait_until_healthy(
    state_dir: Path,
    child: "subprocess.Popen[bytes]",
    deadline: float,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> Emulator:
    while True:
        code = child.poll()
        if code is not None:
            raise CloudError(f"the emulator ended at its start with exit status {code}" + _log_tail(state_dir))
        record = _read_record(state_dir)
        if record is not None and record.pid == child.pid and _answers(record.port):
            return _emulator(state_dir, record)
        if clock() >= deadline:
            child.terminate()
            raise CloudError(f"the emulator did not answer within {_START_SECONDS:.0f} s" + _log_tail(state_dir))
        sleep(_POLL_SECONDS)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)  # directly: no proxy of the user's comes between
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _emulator(state_dir: Path, record: Record) -> Emulator:
    return Emulator(f"http://{_HOST}:{record.port}", record.pid, record.port, state_dir)


def _log_tail(state_dir: Path) -> str:
    """Return the end of the emulator's log, to be appended to a message."""
    try:
        lines = (state_dir / LOG_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return f"; the end of {state_dir / LOG_FILE}:\n" + "\n".join(f"  {line}" for line in lines[-_LOG_LINES:])


def _read_record(state_dir: Path) -> Record | None:
    """Return the last emulator's record; None when there is none or it cannot be read."""
    try:
        record = json.loads((state_dir / RECORD_FILE).read_bytes())
        return Record(pid=int(record["pid"]), port=int(record["port"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _take_lock(state_dir: Path) -> int | None:
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


def _is_locked(state_dir: Path) -> bool:
    """Tell whether an emulator is alive (or just being started) in this state directory."""
    if not (state_dir / LOCK_FILE).exists():
        return False
    descriptor = _take_lock(state_dir)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
