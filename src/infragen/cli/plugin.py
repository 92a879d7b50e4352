"""AWS's session-manager-plugin, which holds a terminal or a port open: found, checked, and handed a session."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from infragen.errors import CloudError, OperationFailed

if TYPE_CHECKING:
    from infragen.cloud.workload import PluginSession

PLUGIN = "session-manager-plugin"
VARIABLE = "AWS_SSM_START_SESSION_RESPONSE"
"""The variable in which the plugin finds the session's token. An argument can be read by every user of the machine."""

LAST_WITHOUT = (1, 2, 497, 0)
"""The last version that takes the token as an argument only (aws/aws-cli, awscli/customizations/sessionmanager.py, read
2026-11-29)."""

INSTALL = (
    "install it: https://docs.aws.amazon.com/systems-manager/latest/userguide/"
    "session-manager-working-with-install-plugin.html (macOS: `brew install --cask session-manager-plugin`)"
)
STOP_SECONDS = 5.0


def find_plugin() -> str:
    """Return the path of the plugin. Raises CloudError when it is not there, or too old to keep the token to itself."""
    path = shutil.which(PLUGIN)
    if path is None:
        raise CloudError(f"{PLUGIN} is not installed, or not on the PATH", INSTALL)
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False)  # noqa: S603 # the user's own
        said = done.stdout.decode(errors="replace").strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CloudError(f"{path} does not run: {error}", INSTALL) from None
    numbers = tuple(map(int, said.split("."))) if re.fullmatch(r"\d{1,6}(\.\d{1,6}){1,4}", said) else ()
    if numbers <= LAST_WITHOUT:
        raise CloudError(
            f"{path} is version {said or 'unknown'}: it would take the session's token as an argument, which every "
            "user of this machine can read",
            f"update it to a version after 1.2.497.0, {INSTALL.removeprefix('install it: ')}",
        )
    return path


def attach(path: str, session: PluginSession, profile: str, seconds: float) -> None:
    """Hand a session to the plugin and wait until it ends, at most so many seconds. Ctrl-C is the plugin's.

    Raises OperationFailed when the plugin fails or the time is up.
    """
    command = [path, VARIABLE, session.region, "StartSession", profile, json.dumps(session.request), session.endpoint]
    environment = {**os.environ, VARIABLE: json.dumps(dict(session.response))}
    with _keys_are_the_plugins():
        try:
            process = subprocess.Popen(command, env=environment)  # noqa: S603 # the user's own plugin
        except OSError as error:
            raise CloudError(f"{path} does not run: {error}", INSTALL) from None
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise OperationFailed(
                f"closed after {seconds / 60:g} minutes, its time limit", "open it again, longer with --timeout"
            ) from None
        finally:
            _end(process)
    if code:
        raise OperationFailed(f"{PLUGIN} ended with exit code {code}", "what it printed above says why")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _keys_are_the_plugins() -> Iterator[None]:
    """Let the keys that end or stop a program act on what runs in the terminal, and not on this process."""
    numbers = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():  # what is ignored here would be ignored in the plugin, too
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
