"""Saves the state of all services while the emulator runs, so that `kill -9` loses at most what ran when it came.

MiniStack saves when it stops. Here it is saved, too, when a stack operation has ended, before a client can see that it
has; when a change set was created; and soon after any other request that changes something, unless a stack operation
runs, whose end saves it. A save that took long is not followed by the next at once, but for the end of an operation.

The files of all services are put in place together (`together.py`). What is saved is given to the system and not forced
to the disk: it outlives the process, not a power failure.

`INFRAGEN_EMULATOR_SAVES=end` saves only at the end: the tests share one emulator, whose state grows with each of them.

The state directory also says how the last run ended: `SAVED` when it was saved and whether the emulator stopped by
itself, `RUNNING` the stacks with an operation.
"""

import asyncio
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import persistence
from ministack.services import cloudformation, lambda_svc
from ministack.services.cloudformation import changesets, handlers, stacks

from infragen_local.authentication import Application, Message, Receive, Send, read_headers
from infragen_local.queue_journal import STATE as QUEUES
from infragen_local.queue_journal import Journal
from infragen_local.together import commit, replace

SAVED, RUNNING = "saved.json", "running.json"
_LEAST_SECONDS = 1.0
_SHARE = 20
"""Of the time that saves take, how many times as much passes between two of them that no operation asks for."""
_TRIES = 10

_READS = re.compile(
    "(BatchCheck|BatchGet|Decode|Describe|Detect|Estimate|Get|Head|List|Lookup|Query|Scan|Search|Simulate|Validate)"
    "(?=[A-Z]|$)"
)
"""How the names of actions that change nothing begin; what begins otherwise counts as a change."""
_JOURNALED = re.compile(r"AmazonSQS\.(Send|Receive|Delete|Change)Message\w*")
"""Actions whose changes the journal of queues has."""
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_MOST_BYTES = 4096
_VARIABLE = "INFRAGEN_EMULATOR_SAVES"

Service = Callable[[], Any]


class Saver:
    """Saves the state of one emulator in a directory. `journal` is that of its queues, once there is one."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._at_the_end = folder, os.environ.get(_VARIABLE) == "end"
        self.journal: Journal | None = None
        self._written: dict[str, str] = {}
        self._running: list[str] = []
        self._afterwards: list[Callable[[], None]] = []
        self._waiting: asyncio.TimerHandle | None = None
        self._seconds = 0.0
        self._code: set[str] | None = None

    def apply(self) -> None:
        """Save from now on when a stack operation ends, when a change set is created, and when the emulator stops."""
        app.save_all = lambda services: self.save(services, ended=True)
        # Code is removed once the state that no longer names it is in place.
        self._remove_code, lambda_svc._prune_orphan_code_blobs = lambda_svc._prune_orphan_code_blobs, self._keep_code
        if self._at_the_end:
            return
        own_schedule, own_create = stacks._create_stack_task_in_region, handlers._ACTION_HANDLERS["CreateChangeSet"]

        def schedule(operation: Awaitable[None], stack: dict[str, Any] | None, stack_id: str | None = None) -> None:
            own_schedule(self._saved_after(operation, str((stack or {}).get("StackName", ""))), stack, stack_id)

        def create(params: dict[str, Any]) -> Any:
            answer = own_create(params)
            if not self._running:
                self.save()
            return answer

        stacks._create_stack_task_in_region = schedule
        handlers._create_stack_task_in_region = schedule
        changesets._create_stack_task_in_region = schedule
        handlers._ACTION_HANDLERS["CreateChangeSet"] = create

    def afterwards(self, action: Callable[[], None]) -> None:
        """Do something once what is there now is saved: remove what the state before still names."""
        self._afterwards.append(action)

    def noting(self, application: Application) -> Application:
        """Return an application after whose requests the state is saved, if they changed something."""

        async def serve(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
            if self._at_the_end or scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
                await application(scope, receive, send)
                return
            body = bytearray()

            async def read() -> Message:
                message = await receive()
                body.extend(message.get("body", b"")[: _MOST_BYTES - len(body)])
                return message

            try:
                await application(scope, read, send)
            finally:
                if changes(read_headers(scope), bytes(body)):
                    self.soon()

        return serve

    def soon(self) -> None:
        """Save in a moment, unless an operation runs, at whose end it is done."""
        if self._waiting is None and not self._running:
            seconds = max(_LEAST_SECONDS, _SHARE * self._seconds)
            self._waiting = asyncio.get_running_loop().call_later(seconds, self._save_what_waits)

    def begin(self) -> dict[str, Any]:
        """Note that an emulator runs on this state from now on; return what the last one kept, if it was killed.

        That is `at`, when it saved last (absent: never), the `stacks` of then, and those with an `operation`.
        """
        told, running = _read(self._folder / SAVED), _read(self._folder / RUNNING)
        commit(self._folder, {SAVED: _json({**(told or {}), "ended": False}), RUNNING: _json([])})
        return {**told, "operations": running or []} if told and not told.get("ended") else {}

    def save(self, services: Mapping[str, Service] | None = None, *, ended: bool = False) -> bool:
        """Save what the services hold now; return whether that was possible, with a line in the log where not."""
        began = time.monotonic()
        actions, self._afterwards = self._afterwards, []
        with ExitStack() as held:
            if self.journal is not None:
                held.enter_context(self.journal.lock)
            try:
                files = _texts(app._build_persistence_save_dict() if services is None else services)
                digests = {name: hashlib.sha256(text).hexdigest() for name, text in files.items()}
                changed = {name: text for name, text in files.items() if self._written.get(name) != digests[name]}
                told = {"at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", "stacks": _names(), "ended": ended}
                commit(self._folder, {**changed, SAVED: _json(told), RUNNING: _json(self._running)})
                if self.journal is not None and QUEUES in changed:
                    self.journal.follow()
                self._written.update(digests)  # where the journal did not follow all of it is written again
            except (OSError, RuntimeError) as error:
                self._afterwards = actions + self._afterwards
                sys.stderr.write(f"the state was not saved: {type(error).__name__}: {error}\n")
                return False
        if self._code is not None:
            self._remove_code(self._code)
        for action in actions:
            action()
        self._seconds = time.monotonic() - began
        return True

    async def _saved_after(self, operation: Awaitable[None], stack: str) -> None:
        """Wait for an operation and save: nothing else runs between the stack's last state and this."""
        self._running.append(stack)
        with suppress(OSError):
            replace(self._folder / RUNNING, _json(self._running))
        try:
            await operation
        finally:
            self._running.remove(stack)
            if not self.save():
                self.soon()

    def _save_what_waits(self) -> None:
        self._waiting = None
        if not self._running and not self.save():
            self.soon()

    def _keep_code(self, referenced: set[str]) -> None:
        self._code = referenced


def changes(headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether a request can change something that the journal of queues does not have."""
    target = headers.get("x-amz-target", "")
    if _JOURNALED.fullmatch(target):
        return False
    found = _ACTION.search(body) if "urlencoded" in headers.get("content-type", "") else None
    action = target.rpartition(".")[2] or (found[1].decode() if found else "")
    return not _READS.match(action)


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):  # these two only say how the last run ended
        return None


def _texts(services: Mapping[str, Service]) -> dict[str, bytes]:
    """Return the file of each service, as MiniStack writes it; RuntimeError when one changes all the time.

    As in MiniStack, the file of a service whose state cannot be written stays as it is, with a line in the log.
    """
    found = {}
    for name, get_state in services.items():
        try:
            state = _state(get_state)
            if state is not None:  # None: the service did not load
                whole = {"__ministack_format__": persistence._state_format_version(name), "payload": state}
                found[f"{name}.json"] = json.dumps(whole, default=persistence._json_default).encode()
        except RuntimeError:
            raise
        except Exception as error:  # noqa: BLE001 # whatever a service meets in its own state
            sys.stderr.write(f"the state of {name} was not saved: {type(error).__name__}: {error}\n")
    return found


def _state(get_state: Service) -> Any:
    for _ in range(_TRIES):
        try:
            return get_state()
        except RuntimeError as error:  # a thread changed a dictionary while it was read
            last = error
    raise last


def _names() -> list[str]:
    """Return the stacks that are not part of another one, without those that are gone."""
    there: Iterable[dict[str, Any]] = list(cloudformation._stacks._data.values())
    gone = ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
    return sorted(
        str(each.get("StackName"))
        for each in there
        if not each.get("_parent_stack_name") and each.get("StackStatus") not in gone
    )


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()
