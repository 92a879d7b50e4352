"""Containers that are child processes: what MiniStack's ECS asks a Docker client for, and nothing more.

A container is a process group that runs the command of its image in a copy of the image's directory, with exactly the
environment that its task definition gives, and what a task needs to find its way on this machine (`surroundings`). Its
output is read line by line for the log driver. Nothing isolates it from the machine: it runs as the user.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infragen_local.children import Children, send
from infragen_local.images import Image, Images

KEPT_LINES = 10_000
LINE_BYTES = 256 * 1024  # CloudWatch Logs takes no longer event
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
"""As ECS says it ("Stopped tasks error messages", Amazon ECS Developer Guide, read 2026-11)."""

LISTEN = Path(__file__).with_name("listen.cjs")
_TASK_LABEL, _NAME_LABEL = "com.amazonaws.ecs.task-arn", "com.amazonaws.ecs.container-name"
_KILLED = 137
_MEMORY_SECONDS = 0.5


class CannotStart(Exception):
    """The command of a container cannot be run; the text is what ECS puts into `stoppedReason`."""


@dataclass(frozen=True)
class Address:
    """Where a task listens: a loopback address, and the port there for each port of its containers."""

    host: str
    ports: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Definition:
    """What the engine has to know of a container beyond Docker's arguments."""

    ports: tuple[int, ...] = ()
    memory_mib: int | None = None
    stop_seconds: float = 30.0  # ECS's default on Fargate
    health: Mapping[str, Any] | None = None


def free_address(ports: Sequence[int]) -> Address:
    """Return an address at which nobody listens on these ports.

    Linux answers on all of 127.0.0.0/8, so each task gets an address of its own, at random, as other emulators do.
    Elsewhere there is 127.0.0.1 alone, and each port is mapped to a free one.
    """
    if sys.platform.startswith("linux"):
        for _ in range(100):
            host = f"127.{random.randint(64, 127)}.{random.randint(0, 255)}.{random.randint(1, 254)}"  # noqa: S311  # an address to try, no secret
            if all(_is_free(host, port) for port in ports):
                return Address(host, {port: port for port in ports})
    return Address("127.0.0.1", {port: _any_port() for port in ports})


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Container:
    """One container, with the attributes and methods of docker-py's that MiniStack uses."""

    def __init__(self, process: "subprocess.Popen[bytes]", children: Children, address: Address) -> None:
        self.id = uuid.uuid4().hex * 2
        self.address = address
        self.attrs = {"NetworkSettings": {"Networks": {"infragen": {"IPAddress": address.host}}}}
        self.process = process
        self.environment: dict[str, str] = {}
        self.directory = Path()
        self.definition = Definition()
        self.reason = ""
        self._code: int | None = None
        self._lines: deque[bytes] = deque(maxlen=KEPT_LINES)
        self._count = 0
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        threading.Thread(target=self._wait, args=(children,), daemon=True).start()

    @property
    def status(self) -> str:
        """Docker's words: `running` or `exited`; exited only once all of the output was read."""
        return "running" if self._code is None else "exited"

    def reload(self) -> None:
        """Do nothing: the status is always the current one."""

    def wait(self, **_: Any) -> dict[str, int]:
        """Wait for the end and return Docker's {"StatusCode": …}: 128 and the signal's number for a signal."""
        with self._changed:
            self._changed.wait_for(lambda: self._code is not None)
        return {"StatusCode": self._code or 0}

    def logs(self, *, stream: bool = False, tail: int = 100, **_: Any) -> Any:
        """Return the last lines; with `stream` an iterator over all lines from the first kept one to the last."""
        if stream:
            return self._follow()
        with self._changed:
            return b"".join(list(self._lines)[-tail:])

    def stop(self, timeout: float | None = None) -> None:
        """Send SIGTERM, and SIGKILL when `timeout` seconds (of the definition, else) have passed."""
        seconds = self.definition.stop_seconds if timeout is None else timeout
        if self._code is None:
            send(self.process.pid, signal.SIGTERM)
        with self._changed:
            if self._changed.wait_for(lambda: self._code is not None, seconds):
                return
        self.kill()
        self.wait()

    def kill(self, reason: str = "") -> None:
        """Send SIGKILL."""
        self.reason = reason or self.reason
        if self._code is None:
            send(self.process.pid, signal.SIGKILL)

    def remove(self, **_: Any) -> None:
        """Do nothing: a container that ended leaves nothing but its lines."""

    def _follow(self) -> Iterator[bytes]:
        seen = 0
        while True:
            with self._changed:
                while self._count == seen and self._code is None:
                    self._changed.wait()
                new = list(self._lines)[seen - self._count :] if self._count > seen else []
                seen = self._count
            yield from new
            if not new:
                return

    def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 # started with a pipe
        while line := self.process.stdout.readline(LINE_BYTES):
            with self._changed:
                self._lines.append(line)
                self._count += 1
                self._changed.notify_all()

    def _wait(self, children: Children) -> None:
        code = children.wait(self.process)
        self._reader.join(2)
        with self._changed:
            self._code = code
            self._changed.notify_all()


class Containers:
    """`docker_client.containers` as MiniStack uses it."""

    def __init__(
        self,
        images: Images,
        children: Children,
        define: Callable[[str, str], Definition],
        surroundings: Callable[[str, Address, Mapping[str, str]], dict[str, str]],
        scratch: Path,
    ) -> None:
        """`define(task, container)` and `surroundings(task, address, environment)` know what the task definition says.

        Each task has a directory for temporary files in `scratch`.
        """
        self._images, self._children, self._define, self._surroundings = images, children, define, surroundings
        self._scratch = scratch
        self._all: dict[str, Container] = {}
        self._addresses: dict[str, Address] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._watch_memory, daemon=True).start()

    def get(self, identifier: str) -> Container:
        """Return a container by its id; KeyError when there is none."""
        return self._all[identifier]

    def list(self, **_: Any) -> "list[Container]":
        """Return all containers that run."""
        return [each for each in list(self._all.values()) if each.status == "running"]

    def of_address(self, host: str, port: int) -> Container | None:
        """Return the running container that listens at an address."""
        found = (each for each in self.list() if each.address.host == host and port in each.address.ports.values())
        return next(found, None)

    def run(self, image: str, **arguments: Any) -> Container:
        """Start a container from Docker's arguments; CannotStart: there is no such image, or no such command."""
        try:
            found = self._images.find(image)
        except LookupError as error:
            raise CannotStart(
                f"CannotPullContainerError: pull image manifest has been retried 1 time(s): {error.args[0]}"
            ) from error
        labels = arguments.get("labels") or {}
        task, name = str(labels.get(_TASK_LABEL, "")), str(labels.get(_NAME_LABEL, ""))
        definition = self._define(task, name)
        command = [str(word) for word in arguments.get("command") or found.command]
        if not command:
            raise CannotStart(f"CannotStartContainerError: no command specified for {name}")
        with self._lock:
            address = self._addresses.setdefault(task, free_address(definition.ports))
        (self._scratch / task.rsplit("/", 1)[-1]).mkdir(mode=0o700, parents=True, exist_ok=True)
        environment = self._surroundings(task, address, arguments.get("environment") or {})
        try:
            process = self._children.start(
                command,
                cwd=found.directory,
                env=environment,
                end_with=signal.SIGTERM,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            words = f"exec: {command[0]!r}: {error.strerror or error}".lower()
            raise CannotStart(f"CannotStartContainerError: failed to start container {name}: {words}") from error
        container = Container(process, self._children, address)
        container.environment, container.directory, container.definition = environment, found.directory, definition
        self._all[container.id] = container
        return container

    def spawn(self, container: Container, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        """Start a command beside a container, in its directory and environment; OSError when it cannot be."""
        return self._children.start(
            command,
            cwd=container.directory,
            env=container.environment,
            beside=container.process,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def finish(self, process: "subprocess.Popen[bytes]") -> int:
        """Wait for what `spawn` started and return its exit code."""
        return self._children.wait(process)

    def forget(self, task: str, identifiers: Sequence[str]) -> None:
        """Drop a task that is gone."""
        for identifier in identifiers:
            self._all.pop(identifier, None)
        self._addresses.pop(task, None)
        shutil.rmtree(self._scratch / task.rsplit("/", 1)[-1], ignore_errors=True)

    def _watch_memory(self) -> None:
        """End containers that hold more memory than they may, where the system tells (Linux's /proc)."""
        waiting = threading.Event()
        while Path("/proc/self/statm").exists():
            waiting.wait(_MEMORY_SECONDS)
            limited = {each.process.pid: each for each in self.list() if each.definition.memory_mib}
            for group, used in (_memory_of(limited) if limited else {}).items():
                if used > (limited[group].definition.memory_mib or 0) * 1024 * 1024:
                    limited[group].kill(OUT_OF_MEMORY)


def _memory_of(groups: Mapping[int, object]) -> dict[int, int]:
    """Return the bytes of memory that each process group holds."""
    page = os.sysconf("SC_PAGE_SIZE")
    used: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        group = int(fields[2])
        if group in groups:
            used[group] = used.get(group, 0) + int(fields[21]) * page
    return used


class Registry:
    """`docker_client.images` as MiniStack uses it. Images are found when a container is run, and never cached."""

    def __init__(self, images: Images) -> None:
        self._images = images

    def get_registry_data(self, reference: str, **_: Any) -> "_Described":
        """Return an object whose `id` is the digest; LookupError when there is no such image."""
        return _Described(self._images.find(reference).digest)

    def get(self, reference: str) -> Image:
        """Return an image that is here."""
        return self._images.find(reference)

    def pull(self, reference: str, **_: Any) -> "_Pulled":
        """Do nothing: `Containers.run` says what is missing."""
        return _Pulled()


@dataclass(frozen=True)
class _Described:
    id: str


class _Pulled:
    def tag(self, *_: Any, **__: Any) -> bool:
        """Agree: tags are ECR's."""
        return True


@dataclass(frozen=True)
class Engine:
    """The client that MiniStack gets in the place of Docker's."""

    containers: Containers
    images: Registry
