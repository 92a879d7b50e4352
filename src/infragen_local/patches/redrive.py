"""SQS: moving messages out of a dead-letter queue, which MiniStack does not know.

A task moves what is visible, one message after the other at the rate that was asked for, to the queue that each came
from or to the one that is named; a moved message has a new id and enqueue time. One task per queue runs at a time, and
the last ten are listed; only a running one shows its handle. (StartMessageMoveTask, ListMessageMoveTasks,
CancelMessageMoveTask, Amazon SQS API Reference, read 2026-11.) At 500 messages a second, the most that AWS allows, when
no rate is asked for.
"""

import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from ministack.core.concurrency import spawn_background
from ministack.services import sqs

FASTEST, LISTED = 500, 10
_EMPTY_LOOKS = 3

Request = dict[str, Any]


@dataclass
class _Move:
    """A task: what was asked for, and how far it is."""

    source: str
    destination: str
    rate: int
    asked_rate: int | None
    to_move: int
    handle: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: int = field(default_factory=lambda: int(time.time() * 1000))
    status: str = "RUNNING"
    moved: int = 0
    reason: str = ""


def apply() -> None:
    """Add the three actions."""
    tasks: dict[str, deque[_Move]] = {}
    sqs._HANDLERS.update(
        StartMessageMoveTask=lambda request, _url: _start(tasks, request),
        ListMessageMoveTasks=lambda request, _url: _list(tasks, request),
        CancelMessageMoveTask=lambda request, _url: _cancel(tasks, request),
    )


def _start(tasks: dict[str, deque[_Move]], request: Request) -> dict[str, Any]:
    source = str(request.get("SourceArn") or "")
    destination = str(request.get("DestinationArn") or "")
    rate = request.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= int(rate) <= FASTEST:
        raise sqs._Err("InvalidParameterValue", f"MaxNumberOfMessagesPerSecond must be between 1 and {FASTEST}.")
    queue = _queue(source)
    if destination:
        _queue(destination)
    if not _is_dead_letter_queue(source):
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    known = tasks.setdefault(source, deque(maxlen=LISTED))
    if any(each.status in ("RUNNING", "CANCELLING") for each in known):
        raise sqs._Err("UnsupportedOperation", "There is already a task running. Only one active task is allowed.")
    move = _Move(source, destination, int(rate or FASTEST), rate, len(queue["messages"]))
    known.appendleft(move)
    spawn_background(_run, move, thread_name="infragen-redrive")
    return {"TaskHandle": move.handle}


def _list(tasks: dict[str, deque[_Move]], request: Request) -> dict[str, Any]:
    source = str(request.get("SourceArn") or "")
    _queue(source)
    listed = list(tasks.get(source, ()))[: int(request.get("MaxResults") or 1)]
    return {"Results": [_described(each) for each in listed]}


def _cancel(tasks: dict[str, deque[_Move]], request: Request) -> dict[str, Any]:
    for move in [each for known in tasks.values() for each in known]:
        if move.handle == request.get("TaskHandle") and move.status == "RUNNING":
            move.status = "CANCELLING"
            return {"ApproximateNumberOfMessagesMoved": move.moved}
    raise sqs._Err("ResourceNotFoundException", "Task does not exist, or is not running.", 404)


def _described(move: _Move) -> dict[str, Any]:
    found = {
        "TaskHandle": move.handle if move.status == "RUNNING" else None,
        "Status": move.status,
        "SourceArn": move.source,
        "DestinationArn": move.destination or None,
        "MaxNumberOfMessagesPerSecond": move.asked_rate,
        "ApproximateNumberOfMessagesMoved": move.moved,
        "ApproximateNumberOfMessagesToMove": move.to_move,
        "FailureReason": move.reason or None,
        "StartedTimestamp": move.started,
    }
    return {name: value for name, value in found.items() if value is not None}


def _run(move: _Move) -> None:
    """Move messages until none is visible any more, or the task is cancelled, or a message has nowhere to go."""
    empty = 0
    while move.status == "RUNNING" and empty < _EMPTY_LOOKS:
        empty = 0 if _one(move) else empty + 1
        time.sleep(1 / move.rate)
    move.status = {"CANCELLING": "CANCELLED", "RUNNING": "COMPLETED"}.get(move.status, move.status)


def _one(move: _Move) -> bool:
    """Move the first visible message; False when there is none."""
    now = time.time()
    with sqs._queues_lock:
        source = sqs._queue_by_arn(move.source)
        for message in source["messages"] if source else ():
            if message["visible_at"] > now:
                continue
            origin = move.destination or str(message.get("sys", {}).get("DeadLetterQueueSourceArn", ""))
            target = sqs._queue_by_arn(origin) if origin else None
            if target is None:
                move.status, move.reason = "FAILED", "CouldNotDetermineMessageSource"
                return False
            own = {key: value for key, value in message["sys"].items() if key != "DeadLetterQueueSourceArn"}
            fresh = {"id": str(uuid.uuid4()), "receipt_handle": None, "first_receive_at": None, "receive_count": 0}
            times = {"sent_at": now, "enqueued_at": now, "visible_at": now}
            target["messages"].append({**message, **fresh, **times, "sys": own})
            source["messages"].remove(message)  # second: what ends the emulator between the two loses nothing
            move.moved += 1
            sqs.esm_wake.set()
            return True
    return False


def _queue(arn: str) -> dict[str, Any]:
    found = sqs._queue_by_arn(arn)
    if found is None:
        raise sqs._Err(
            "ResourceNotFoundException",
            "The resource that you specified for the SourceArn parameter doesn't exist.",
            404,
        )
    return dict(found)


def _is_dead_letter_queue(arn: str) -> bool:
    policies = [str(each.get("attributes", {}).get("RedrivePolicy", "")) for each in sqs._queues.values()]
    return any(f'"{arn}"' in policy for policy in policies)
