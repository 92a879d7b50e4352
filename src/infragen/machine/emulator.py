"""Start, stop and look after the embedded AWS emulator, a child process on 127.0.0.1.

The client of `infragen_local`, which runs in the child and which nothing here imports. Sleep and clock are passed in.
State is kept across stop and start in a state directory:

STATE_DIR/         mode 0700, its files 0600: values of NoEcho parameters are in them
  emulator.lock    locked (flock) by the emulator's process as long as it lives: who can lock it knows that none runs
  emulator.json    process id, port and secret of the last emulator that was started here
  emulator.log     what it printed
  emulator.version the release of MiniStack that wrote the state
  processes        what the emulator started; whatever of it outlives the emulator is ended
  data/ s3/ tmp/   MiniStack's state and how the last run ended, the contents of its buckets, its temporary files
  images/          what `infragen image put` copied
  databases/       a directory of PostgreSQL's for each Aurora cluster

The lock says whether one runs; that it is the one of the record is proven by itself, which answers a challenge with its
secret. Nothing is ever concluded from a process id, and no process is ended by its id: the emulator is asked to stop.
"""

import fcntl
import hashlib
import hmac
import http.client
import importlib.util
import json
import os
import secrets
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infragen.errors import CloudError, InputError, Unwritable
from infragen.machine.input_file import read
from infragen.machine.output_file import private_directory
from infragen.machine.processes import why_taken

LOCK_FILE = "emulator.lock"
RECORD_FILE = "emulator.json"
LOG_FILE = "emulator.log"
VERSION_FILE = "emulator.version"
_DATABASES = "databases"
STATE_FOLDERS = ("data", "s3", "tmp", "images")
PROCESSES_FILE = "processes"
_SAVED_FILE, _RUNNING_FILE = "saved.json", "running.json"  # in data/

STATE_VARIABLE = "INFRAGEN_STATE_DIR"
DEFAULT_ACCOUNT = "000000000000"

_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05
_LOG_LINES = 15
_IDENTITY_PATH, _STOP_PATH = "/_infragen/identity", "/_infragen/stop"
_IMAGES_PATH = "/_infragen/images"
_STATE_UNUSABLE = 78  # the child's exit status when it cannot read the state

# All that the child takes over from our environment: no AWS_*, no proxy, no setting of MiniStack.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME")
_FOR_TESTS = ("INFRAGEN_EMULATOR_FAULTS", "INFRAGEN_EMULATOR_SAVES")
PARTS_VARIABLE = "INFRAGEN_LOCAL_PARTS"
PARTS = ("tasks", "postgres", "roles")
"""Parts of the emulator that run something; all that can, unless the variable names fewer."""
_LOCK_VARIABLE = "INFRAGEN_EMULATOR_LOCK"


@dataclass(frozen=True)
class Killed:
    """How a run left the state that did not end by itself.

    When it saved last (date, time, UTC; empty: never), the stacks of then, and those whose operation was cut off.
    """

    saved_at: str
    stacks: tuple[str, ...]
    operations: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """Process id, port and secret of an emulator, a word on each part of it that can run something, and how the run
    before it ended, if it was killed.
    """

    pid: int
    port: int
    secret: str = field(repr=False)
    parts: Mapping[str, str] = field(default_factory=dict)
    killed: Killed | None = None


@dataclass(frozen=True)
class Credentials:
    """What a client signs with: the access key is the account, so each account sees only its own resources."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class Emulator:
    """A running emulator. `secret` is new at each start, and what requests must be signed with. `killed` is how the run
    before it ended, if it did not by itself.
    """

    endpoint_url: str
    pid: int
    port: int
    state_dir: Path
    secret: str = field(repr=False)
    parts: Mapping[str, str] = field(default_factory=dict)
    killed: Killed | None = None

    def credentials(self, account: str = DEFAULT_ACCOUNT) -> Credentials:
        """Return the credentials of an account (12 digits) in the emulator; InputError for anything else."""
        if len(account) != 12 or not account.isascii() or not account.isdigit():
            raise InputError(f"account {account!r} is not an AWS account id: 12 digits")
        return Credentials(access_key=account, secret_key=self.secret)


def put_image(
    running: Emulator, repository: tuple[str, str, str], tag: str | None, directory: Path, command: Sequence[str]
) -> dict[str, Any]:
    """Register a directory as an image in a repository (account, region, name) of the emulator's ECR.

    Without a tag the image gets one of its digest. Returns `digest`, `tag`, whether that is `new`, and what at the
    top of the directory is `left_out`; or, where the image is refused, `code` (ECR's; OSError: a file cannot be read)
    and `message`. CloudError: the emulator does not answer.
    """
    account, region, name = repository
    wanted = {"account": account, "region": region, "repository": name, "tag": tag or ""}
    body = json.dumps({**wanted, "directory": str(directory), "command": list(command)}).encode()
    headers = {"Authorization": f"Bearer {running.secret}", "Content-Type": "application/json"}
    answer = _ask(running.port, "POST", _IMAGES_PATH, headers, body, seconds=300)
    if not answer:
        raise CloudError(f"the emulator did not take the image{_log_tail(running.state_dir)}")
    taken: dict[str, Any] = json.loads(answer)
    return taken


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
    not answer within a minute (with the end of its log), or it cannot read the state of an earlier run. InputError: the
    state directory is no directory.
    """
    deadline = clock() + _START_SECONDS
    while True:
        with _usable(state_dir):
            lock = _take_lock(state_dir, fcntl.LOCK_EX)
            if lock is not None:
                try:
                    child = _spawn(state_dir, _choose_port(state_dir, port), lock)
                finally:
                    os.close(lock)
        if lock is not None:
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
    with _usable(state_dir):
        if not _is_locked(state_dir):
            return None
        record = _read_record(state_dir)
    if record is None or not _proves_itself(record):
        return None
    return _emulator(state_dir, record)


def last_killed(state_dir: Path) -> Killed | None:
    """Return how the last run left its state, where none runs and that one was killed."""
    data = state_dir / "data"
    saved = _json(data / _SAVED_FILE)
    if not isinstance(saved, dict) or saved.get("ended") is not False:
        return None
    return _killed({**saved, "operations": _json(data / _RUNNING_FILE)})


def stop(
    state_dir: Path,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Ask the emulator to save its state and end; return whether one was running.

    Only the emulator itself is asked: it has to prove first that it is the one of the record. CloudError when it does
    not within half a minute, or still runs half a minute later. No process is ever ended by its id.
    """
    deadline = clock() + _STOP_SECONDS
    asked: Record | None = None
    while True:
        with _usable(state_dir):
            if not _is_locked(state_dir):
                return asked is not None
            record = _read_record(state_dir)
        if asked is None and record is not None and _proves_itself(record):
            _ask_to_stop(record)
            asked, deadline = record, clock() + _STOP_SECONDS
        if clock() >= deadline:
            if asked is None:
                raise CloudError(
                    f"a process holds {state_dir / LOCK_FILE} and does not answer as the emulator",
                    hint=f"fuser {shlex.quote(str(state_dir / LOCK_FILE))} names it",
                )
            raise CloudError(
                f"the emulator (process {asked.pid}) still runs {_STOP_SECONDS:.0f} s after it was asked to stop",
                hint=f"kill {asked.pid} ends it; kill -9 {asked.pid} loses the operation that runs",
            )
        sleep(_POLL_SECONDS)


def reset(
    state_dir: Path,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Stop the emulator and remove all it kept; return whether there was anything."""
    was_running = stop(state_dir, sleep=sleep, clock=clock)
    kept = [
        state_dir / name for name in (*STATE_FOLDERS, _DATABASES, PROCESSES_FILE, LOG_FILE, RECORD_FILE, VERSION_FILE)
    ]
    with _usable(state_dir):
        found = [path for path in kept if os.path.lexists(path)]
        for path in found:
            if path.name == _DATABASES and os.path.islink(path):  # root's, which PostgreSQL cannot use: elsewhere
                shutil.rmtree(path.resolve(), ignore_errors=True)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                path.unlink()
    return was_running or bool(found)


@contextmanager
def _usable(state_dir: Path) -> Iterator[None]:
    """Raise InputError when the state directory is no directory, and Unwritable for what else the system says of it."""
    for place in (state_dir, *state_dir.parents):
        try:
            place.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except ValueError:
            raise InputError(f"{state_dir}: not the name of a directory", f"set {STATE_VARIABLE} to one") from None
        except OSError as error:
            raise InputError(f"{state_dir}: {error.strerror}", f"set {STATE_VARIABLE} to a directory") from None
        if not os.path.isdir(place):
            raise InputError(
                f"{place} is not a directory, and the emulator's state goes to {state_dir}",
                f"set {STATE_VARIABLE} to a directory",
            )
        if place == state_dir:
            _refuse_shared(place)
        break
    try:
        yield
    except OSError as error:
        where = error.filename or state_dir
        raise Unwritable(
            f"the emulator's state: {where}: {(error.strerror or str(error)).lower()}",
            f"set {STATE_VARIABLE} to a directory of your own",
        ) from error


def _refuse_shared(state_dir: Path) -> None:
    """Raise Unwritable when somebody else owns the state directory, or could write into it.

    A record that another user laid there would lead us to a server of theirs, and state that they wrote is run.
    """
    owners = {state_dir.lstat().st_uid, state_dir.stat().st_uid} - {os.geteuid()}
    if owners:
        raise Unwritable(
            f"the emulator's state: {state_dir} belongs to another user (uid {min(owners)})",
            f"set {STATE_VARIABLE} to a directory of your own",
        )
    if state_dir.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Unwritable(
            f"the emulator's state: others can write into {state_dir}, so what is in it may be theirs",
            f"`chmod 700 {shlex.quote(str(state_dir))}` if it is not, or set {STATE_VARIABLE} to another directory",
        )


def _spawn(state_dir: Path, port: int, lock: int) -> "subprocess.Popen[bytes]":
    if importlib.util.find_spec("ministack") is None:
        raise CloudError("the emulator is not installed", hint="pip install 'infragen-cfn[local]'")
    for folder in STATE_FOLDERS:
        (state_dir / folder).mkdir(mode=0o700, exist_ok=True)
        (state_dir / folder).chmod(0o700)
    (state_dir / RECORD_FILE).unlink(missing_ok=True)
    (state_dir / LOG_FILE).unlink(missing_ok=True)
    with os.fdopen(os.open(state_dir / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as log:
        return subprocess.Popen(  # noqa: S603 — our own launcher
            [sys.executable, "-m", "infragen_local", str(state_dir / RECORD_FILE)],
            env={**_environment(state_dir, port), _LOCK_VARIABLE: str(lock)},
            cwd=state_dir,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
            start_new_session=True,  # Ctrl-C in the terminal that started it is not meant for it
        )


def _environment(state_dir: Path, port: int) -> dict[str, str]:
    """Return the child's whole environment."""
    unknown = sorted(set(os.environ.get(PARTS_VARIABLE, "").split(",")) - {"", "none", *PARTS})
    if unknown:
        raise InputError(
            f"{PARTS_VARIABLE}: {', '.join(unknown)}: not a part of the emulator",
            f"none, or some of {', '.join(PARTS)} with commas between them",
        )
    inherited = {name: os.environ[name] for name in (*_INHERITED, *_FOR_TESTS, PARTS_VARIABLE) if name in os.environ}
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
        if why_taken(_HOST, port):
            raise CloudError(f"port {port} on {_HOST} is taken by another program", hint="choose another --port")
        return port
    last = _read_record(state_dir)
    if last is not None and not why_taken(_HOST, last.port):
        return last.port
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(
    state_dir: Path,
    child: "subprocess.Popen[bytes]",
    deadline: float,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> Emulator:
    while True:
        code = child.poll()
        if code == _STATE_UNUSABLE:
            raise _unusable_state(state_dir)
        if code is not None:
            raise CloudError(f"the emulator ended at its start with exit status {code}" + _log_tail(state_dir))
        record = _read_record(state_dir)
        if record is not None and record.pid == child.pid and _proves_itself(record):
            return _emulator(state_dir, record)
        if clock() >= deadline:
            child.terminate()
            raise CloudError(f"the emulator did not answer within {_START_SECONDS:.0f} s" + _log_tail(state_dir))
        sleep(_POLL_SECONDS)


def _proves_itself(record: Record) -> bool:
    """Return whether the emulator of this record answers at its port: who does not know its secret cannot."""
    challenge = secrets.token_hex(16)
    answer = _ask(record.port, "GET", f"{_IDENTITY_PATH}?challenge={challenge}", {})
    try:
        said = json.loads(answer)
        wanted = hmac.new(record.secret.encode(), f"infragen emulator {challenge}".encode(), hashlib.sha256).hexdigest()
        return said["pid"] == record.pid and hmac.compare_digest(str(said["proof"]), wanted)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _ask_to_stop(record: Record) -> None:
    _ask(record.port, "POST", _STOP_PATH, {"Authorization": f"Bearer {record.secret}"})


def _ask(
    port: int, method: str, path: str, headers: dict[str, str], body: bytes | None = None, seconds: float = 5
) -> bytes:
    """Return the body of an answer with status 200, at most 64 KiB; empty when there is none."""
    connection = http.client.HTTPConnection(
        _HOST, port, timeout=seconds
    )  # directly: no proxy of the user's comes between
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.read(65536) if response.status == http.HTTPStatus.OK else b""
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        connection.close()


def _unusable_state(state_dir: Path) -> CloudError:
    """Return the error for state that the emulator cannot read, with the command that moves it aside."""
    lines = (state_dir / LOG_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    aside = state_dir.with_name(f"{state_dir.name}.aside")
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = state_dir.with_name(f"{state_dir.name}.aside-{number}")
    said = lines[-1] if lines else str(state_dir)
    return CloudError(
        f"the emulator cannot use what it kept: {said}",
        f"mv {shlex.quote(str(state_dir))} {shlex.quote(str(aside))} moves it aside; the next start is empty",
    )


def _emulator(state_dir: Path, record: Record) -> Emulator:
    url = f"http://{_HOST}:{record.port}"
    return Emulator(url, record.pid, record.port, state_dir, record.secret, record.parts, record.killed)


def _log_tail(state_dir: Path) -> str:
    """Return the end of the emulator's log, to be appended to a message."""
    try:
        lines = (state_dir / LOG_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return f"; the end of {state_dir / LOG_FILE}:\n" + "\n".join(f"  {line}" for line in lines[-_LOG_LINES:])


def _read_record(state_dir: Path) -> Record | None:
    """Return the last emulator's record; None when there is none or it cannot be read."""
    record = _json(state_dir / RECORD_FILE)
    try:
        port, secret = int(record["port"]), str(record["secret"])
        parts = {str(name): str(said) for name, said in record.get("parts", {}).items()}
        killed = _killed(record.get("killed"))
        return Record(int(record["pid"]), port, secret, parts, killed) if 0 < port < 65536 else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _killed(said: object) -> Killed | None:
    """Return what a file says of a run that was killed; None where it says nothing."""
    if not isinstance(said, dict) or not said:
        return None
    names = [said.get(each) for each in ("stacks", "operations")]
    stacks, operations = (tuple(map(str, each)) if isinstance(each, list) else () for each in names)
    return Killed(str(said.get("at") or ""), stacks, operations)


def _json(file: Path) -> Any:
    """Return what is in a file of the state directory; None where it is missing or damaged."""
    try:
        return json.loads(read(file, most=1 << 20))
    except (InputError, ValueError, RecursionError):
        return None


def _take_lock(state_dir: Path, kind: int) -> int | None:
    """Return a file descriptor that holds the lock (LOCK_EX or LOCK_SH); None while another process prevents it.

    The lock belongs to the open file: a child process that inherits the descriptor keeps it after we close ours.
    """
    private_directory(state_dir)
    state_dir.chmod(0o700)
    descriptor = os.open(state_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _is_locked(state_dir: Path) -> bool:
    """Return whether an emulator is alive (or just being started) in this state directory.

    Two that look at the same time do not take each other for an emulator: they share the lock, which it does not.
    """
    if not os.path.exists(state_dir / LOCK_FILE):
        return False
    descriptor = _take_lock(state_dir, fcntl.LOCK_SH)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
