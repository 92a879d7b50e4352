"""The messages of SQS's queues, kept through `kill -9`, and changed by one thread at a time.

"Amazon SQS stores copies of your messages on multiple servers for redundancy" (Amazon SQS Developer Guide, "At-least-
once delivery", read 2026-11). MiniStack has them in memory and writes them when it stops; and its poller changes queues
under a lock that the handlers of requests do not take.

Here each change is a line of a journal before it is made. A start replays it, so a message that was received is visible
again when its visibility timeout is over, as on AWS. A line is given to the system and not forced to the disk: it
outlives the process, not a power failure. The journal is of one state: where `sqs.json` is another one, because the
emulator stopped by itself or was killed when it had just saved, that has the messages.
"""

import copy
import hashlib
import inspect
import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ministack.core import persistence
from ministack.services import sqs

FILE = "queues.journal"
STATE = "sqs.json"
_RECEIVED = ("receipt_handle", "visible_at", "receive_count", "first_receive_at")
"""What receiving a message changes of it."""
_DEDUPLICATION_SECONDS = 300
_LEAST_BYTES = 4 * 2**20

Message = dict[str, Any]


class Damaged(Exception):
    """The journal cannot be read; the message is a sentence for the user."""


class Journal:
    """The file: one line per change, written anew when it holds much that is over."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._file, self._base = folder, folder / FILE, _digest(folder / STATE)
        self.lock = threading.RLock()
        self._descriptor, self._size, self._most = -1, 0, 0

    def write(self, queue: str, **change: Any) -> None:
        """Add a line; OSError when it cannot be written, and then nothing of it is there."""
        with self.lock:
            self._append(json.dumps({"queue": queue, **change}, default=persistence._json_default))
            if self._size > self._most:
                with suppress(OSError):  # the line is written, and the next one tries again
                    self.start()

    def start(self) -> None:
        """Write what all queues hold now, and put it in place of the file."""
        with self.lock:
            unfinished, before = self._file.with_name(f"{FILE}.new"), (self._descriptor, self._size)
            self._descriptor, self._size = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 0
            try:
                self._append(json.dumps({"base": self._base}))
                for queue in sqs._queues.all_values():
                    self._append(json.dumps({"queue": _arn(queue), **_whole(queue)}, default=persistence._json_default))
                unfinished.replace(self._file)
            except OSError:  # the file before goes on
                os.close(self._descriptor)
                self._descriptor, self._size = before
                raise
            self._most = max(_LEAST_BYTES, 2 * self._size)
            if before[0] >= 0:
                os.close(before[0])

    def follow(self) -> None:
        """Belong to the state that was saved just now; the caller holds the lock since it read the queues."""
        self._base = _digest(self._folder / STATE)
        self.start()

    def _append(self, line: str) -> None:
        data = f"{line}\n".encode()
        try:
            written = os.write(self._descriptor, data)
            if written != len(data):
                raise OSError(f"{self._file}: {written} of {len(data)} bytes were written")
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            os.lseek(self._descriptor, self._size, os.SEEK_SET)
            raise
        self._size += len(data)


class _Messages(list[Message]):
    """The messages of a queue: what is added and taken away is written first."""

    def __init__(self, messages: Iterable[Message], journal: Journal, queue: str) -> None:
        super().__init__(messages)
        self._journal, self._queue = journal, queue

    def append(self, message: Message) -> None:
        with self._journal.lock:
            self._journal.write(self._queue, add=message)
            super().append(message)

    def remove(self, message: Message) -> None:
        with self._journal.lock:
            self._journal.write(self._queue, remove=[message["id"]])
            super().remove(message)

    def clear(self) -> None:
        with self._journal.lock:
            self._journal.write(self._queue, messages=[])
            super().clear()

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Message]:
        return copy.deepcopy(list(self), memo)


class _Queue(dict[str, Any]):
    """A queue, whose messages MiniStack also replaces by those that are left."""

    def __init__(self, queue: dict[str, Any], journal: Journal) -> None:
        super().__init__(queue)
        self._journal = journal
        super().__setitem__("messages", _Messages(queue["messages"], journal, _arn(queue)))

    def __setitem__(self, key: str, value: Any) -> None:
        if key == "messages":
            with self._journal.lock:
                left = {id(each) for each in value}
                if gone := [each["id"] for each in self["messages"] if id(each) not in left]:
                    self._journal.write(_arn(self), remove=gone)
                super().__setitem__(key, _Messages(value, self._journal, _arn(self)))
        else:
            super().__setitem__(key, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return copy.deepcopy(dict(self), memo)


class _Queues(dict[Any, Any]):
    """All queues by account, region and URL; a new one holds what it brings, whatever one of its name held before."""

    def __init__(self, queues: dict[Any, Any], journal: Journal) -> None:
        super().__init__({key: _Queue(queue, journal) for key, queue in queues.items()})
        self._journal = journal

    def __setitem__(self, key: Any, queue: dict[str, Any]) -> None:
        with self._journal.lock:
            self._journal.write(_arn(queue), **_whole(queue))
            super().__setitem__(key, _Queue(queue, self._journal))

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        return copy.deepcopy(dict(self), memo)


def apply() -> Journal:
    """Replay the journal, once the state is restored, and return it, kept from now on; Damaged says what is wrong."""
    folder = Path(persistence.STATE_DIR)
    try:
        _replay(folder)
        journal = Journal(folder)
        sqs._queues._data = _Queues(sqs._queues._data, journal)
        _take_turns(journal)
        journal.start()
    except OSError as error:
        raise Damaged(f"{folder / FILE}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        words = f"the messages of the queues are damaged: {type(error).__name__}: {error}"
        raise Damaged(f"{folder / FILE}: {words}") from error
    return journal


def _take_turns(journal: Journal) -> None:
    """Let each action and each step of a receipt have the queues alone, and write what it changes of messages."""
    sqs._queues_lock = journal.lock
    own_state, own_collect = sqs.get_state, sqs._collect_msgs

    def alone(own: Callable[..., Any]) -> Callable[..., Any]:
        def taking_turns(*arguments: Any, **named: Any) -> Any:
            with journal.lock:
                return own(*arguments, **named)

        return taking_turns

    def collect(queue: dict[str, Any], *rest: Any) -> list[Message]:
        received: list[Message] = own_collect(queue, *rest)
        if received:
            journal.write(_arn(queue), received=[_receipt(each) for each in received])
        return received

    def visibility(own: Callable[..., Any]) -> Callable[..., Any]:
        def change(request: dict[str, Any], url: str) -> Any:
            done = own(request, url)
            queue = sqs._get_q(request.get("QueueUrl", url))
            handles = {each.get("ReceiptHandle") for each in (request, *request.get("Entries", ()))} - {None}
            changed = [_receipt(each) for each in queue["messages"] if each.get("receipt_handle") in handles]
            journal.write(_arn(queue), received=changed)
            return done

        return change

    for action in ("ChangeMessageVisibility", "ChangeMessageVisibilityBatch"):
        sqs._HANDLERS[action] = visibility(sqs._HANDLERS[action])
    for action, own in list(sqs._HANDLERS.items()):
        if not inspect.iscoroutinefunction(own):  # ReceiveMessage waits between its steps
            sqs._HANDLERS[action] = alone(own)
    sqs._expire_retained, sqs._dlq_sweep = alone(sqs._expire_retained), alone(sqs._dlq_sweep)
    sqs._collect_msgs, sqs.get_state = alone(collect), alone(own_state)


def _replay(folder: Path) -> None:
    """Give the queues what the journal says that they hold, when it is of the state that was restored."""
    if not (folder / FILE).exists():
        return
    text = (folder / FILE).read_bytes()
    lines = text[: text.rfind(b"\n") + 1].splitlines()  # one that is cut off was answered to nobody
    if not lines or json.loads(lines[0])["base"] != _digest(folder / STATE):
        return
    queues: dict[str, dict[str, Any]] = {}
    for line in lines[1:]:
        change = json.loads(line, object_hook=persistence._json_object_hook)
        _apply_line(queues.setdefault(change["queue"], {"messages": {}, "deduplication": {}, "sequence": 0}), change)
    for queue in sqs._queues.all_values():
        held = queues.get(_arn(queue))
        if held is not None:
            queue["messages"] = list(held["messages"].values())
            queue["fifo_seq"], queue["dedup_cache"] = held["sequence"], held["deduplication"]


def _apply_line(held: dict[str, Any], change: dict[str, Any]) -> None:
    messages = held["messages"]
    if "messages" in change:
        messages.clear()
        messages.update({each["id"]: each for each in change["messages"]})
        held.update({name: change[name] for name in ("sequence", "deduplication") if name in change})
    elif "add" in change:
        message = change["add"]
        messages[message["id"]] = message
        if message.get("seq"):
            held["sequence"] = max(held["sequence"], int(message["seq"]))
        if key := message.get("dedup_cache_key"):
            known = {"id": message["id"], "md5": message["md5_body"], "md5a": message["md5_attrs"]}
            until = message["sent_at"] + _DEDUPLICATION_SECONDS
            held["deduplication"][key] = {**known, "seq": message["seq"], "expire": until}
    elif "remove" in change:
        for each in change["remove"]:
            messages.pop(each, None)
    else:
        for each in change["received"]:
            if each["id"] in messages:
                messages[each["id"]].update(each)


def _whole(queue: dict[str, Any]) -> dict[str, Any]:
    now = time.time()
    known = {key: each for key, each in queue.get("dedup_cache", {}).items() if each["expire"] > now}
    return {"messages": queue["messages"], "sequence": queue.get("fifo_seq", 0), "deduplication": known}


def _receipt(message: Message) -> dict[str, Any]:
    return {"id": message["id"], **{name: message.get(name) for name in _RECEIVED}}


def _arn(queue: dict[str, Any]) -> str:
    return str(queue["attributes"]["QueueArn"])


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""
