"""Functions run in processes that end with the emulator, see nothing of its environment, and wait for a full batch.

MiniStack runs a function in a child process with its own environment and more; the child and what that starts may
outlive both. It also invokes a function for every message that it sees at once; on AWS a batch waits until it is full
or MaximumBatchingWindowInSeconds have passed since its first message ("Lambda event source mappings: batching
behavior", AWS Lambda Developer Guide, read 2026-11).
"""

import os
import subprocess
import time
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc, sqs

from infragen_local.children import Children, send

_KEPT = frozenset(
    {
        *("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME"),
        *("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED", "PYTHONUNBUFFERED"),
        "AWS_SECRET_ACCESS_KEY",  # the emulator's own only where roles are not enforced
    }
)
"""What a function's process takes over from the emulator's environment."""


def apply(children: Children) -> None:
    """Start functions' processes here, and let batches fill."""
    own_environment = dict(os.environ)

    class Process(subprocess.Popen):  # type: ignore[type-arg]  # text or bytes, as MiniStack asks
        """A function's process, in a group of its own, to which signals go."""

        def __init__(self, command: list[str], **arguments: Any) -> None:
            given = arguments.pop("env", None) or {}
            arguments["env"] = {
                name: value for name, value in given.items() if name in _KEPT or own_environment.get(name) != value
            } | children.mark()
            super().__init__(command, start_new_session=True, **arguments)
            children.adopt(self.pid)

        def send_signal(self, sig: int) -> None:
            """Send a signal to the group."""
            if self.poll() is None:
                send(self.pid, sig)

    lambda_runtime.subprocess = _Subprocess(Process)
    _fill_batches()


class _Subprocess:
    """The module `subprocess` with another Popen."""

    def __init__(self, process: type) -> None:
        self.Popen = process

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)


def _fill_batches() -> None:
    own_receive = sqs._receive_messages_for_esm
    first_seen: dict[str, float] = {}

    def receive(url: str, size: int) -> Any:
        window = _window(url)
        waiting = sum(each["visible_at"] <= time.time() for each in sqs._get_q(url)["messages"])
        if window and 0 < waiting < size and time.time() < first_seen.setdefault(url, time.time()) + window:
            return []
        first_seen.pop(url, None)
        return own_receive(url, size)

    sqs._receive_messages_for_esm = receive


def _window(url: str) -> float:
    """Return the batching window of the mapping that reads a queue, in seconds."""
    arn = sqs._get_q(url)["attributes"].get("QueueArn")
    windows = [
        float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
        for _, _, mapping in lambda_svc._iter_all_esms()
        if mapping.get("EventSourceArn") == arn
    ]
    return max(windows, default=0.0)
