"""Failures and delays on demand, for tests.

The environment variable INFRAGEN_EMULATOR_FAULTS names a directory; `ACCOUNT.json` in it (12 digits) holds the faults
of that account's stacks. It is read at every call, so a test writes it between two operations:

    {"fail": {"create AWS::SQS::Queue": [1], "update AWS::SQS::Queue": [2, 3], "signal AWS::EC2::Instance": [1]},
     "delay": {"AWS::SQS::Queue": 0.5},
     "signal": "none",
     "custom_resource_seconds": 2,
     "start_seconds": 0}

`fail`: which calls fail, counted from 1 since the file last changed (a type that MiniStack cannot update is created
anew, and counts so). `delay`: seconds that each create, update and delete of a type takes, or until the file says
otherwise. `signal`: what an EC2 instance sends (SUCCESS, FAILURE or none). `custom_resource_seconds`: how long a custom
resource's answer is waited for (30 when not given). `start_seconds`: how long a function may take to start, besides its
timeout (60 when not given).
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services.cloudformation import provisioners, stacks

from infragen_local.patches.handlers import replace

DIRECTORY_VARIABLE = "INFRAGEN_EMULATOR_FAULTS"

_CUSTOM_RESOURCE_SECONDS, _START_SECONDS = 30, 60
_POLL_SECONDS = 0.02
_calls: dict[str, tuple[tuple[int, int], Counter[str]]] = {}  # account -> version of its file, calls since then
_lock = threading.Lock()


def apply() -> None:
    """Wrap every type's functions when the environment asks for faults; must be the last of the patches."""
    if DIRECTORY_VARIABLE not in os.environ:
        return
    for resource_type, functions in list(provisioners._RESOURCE_HANDLERS.items()):
        wrapped = {
            operation: _faulty(resource_type, operation, functions[operation])
            for operation in ("create", "update", "delete")
            if operation in functions
        }
        replace(resource_type, **wrapped)
    own = stacks._runs_on_worker_thread
    # A delay must not hold up the event loop, on which all other requests are answered.
    stacks._runs_on_worker_thread = lambda resource_type: (
        own(resource_type) or resource_type in _read().get("delay", {})
    )


def signal_status(resource_type: str) -> str:
    """Return what a resource that waits for a signal gets: SUCCESS, FAILURE or none."""
    if _must_fail("signal", resource_type):
        return "FAILURE"
    return str(_read().get("signal", "SUCCESS"))


def custom_resource_seconds() -> int:
    """Return how many seconds a custom resource's answer is waited for at most."""
    return int(_read().get("custom_resource_seconds", _CUSTOM_RESOURCE_SECONDS))


def start_seconds() -> int:
    """Return how many seconds a function may take to start, besides its timeout."""
    return int(_read().get("start_seconds", _START_SECONDS))


def _faulty(resource_type: str, operation: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        started = time.monotonic()
        while time.monotonic() - started < _read().get("delay", {}).get(resource_type, 0):
            time.sleep(_POLL_SECONDS)
        if _must_fail(operation, resource_type):
            raise ValueError(f"injected failure: {operation} {resource_type}")
        return function(*arguments)

    return run


def _file() -> Path | None:
    directory = os.environ.get(DIRECTORY_VARIABLE)
    return Path(directory) / f"{get_account_id()}.json" if directory else None


def _read() -> dict[str, Any]:
    file = _file()
    try:
        return dict(json.loads(file.read_bytes())) if file else {}
    except FileNotFoundError:
        return {}


def _must_fail(operation: str, resource_type: str) -> bool:
    """Count one call and tell whether the account's file wants it to fail."""
    file, faults = _file(), _read()
    if file is None or not faults:
        return False
    status, call = file.stat(), f"{operation} {resource_type}"
    version = (status.st_mtime_ns, status.st_ino)
    with _lock:
        if _calls.get(file.stem, (None, None))[0] != version:
            _calls[file.stem] = (version, Counter())
        counted = _calls[file.stem][1]
        counted[call] += 1
        return counted[call] in faults.get("fail", {}).get(call, [])
