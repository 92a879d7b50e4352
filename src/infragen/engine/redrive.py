"""Messages of a dead-letter queue: looks at them with the error each ended in, and moves them back to their queue.

Queues, functions and log groups are found among the resources of the stacks, never by a guessed name. Nothing is
deleted here but what was sent again before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from infragen.assembly.synth import Assembly
from infragen.cloud.cloudformation import StackResource
from infragen.cloud.workload import MoveTask, QueueMessage, QueueState
from infragen.engine.logs import LOG_GROUP
from infragen.engine.observe import layer_stacks, observe
from infragen.engine.progress import Question, Session, Warned
from infragen.engine.schedule import signals_put_off
from infragen.errors import CloudError, InputError, OperationFailed, Refused
from infragen.secrecy.masking import mask
from infragen.secrecy.visible import NOTHING, Shown, quoted

HIDDEN_SECONDS = 60
"""How long a message that is looked at is received by nobody else; it is given back earlier."""

EMPTY_ANSWERS = 2
"""Answers without a new message after which there are no more: a long poll asks all of SQS's servers (Amazon SQS
Developer Guide, "Amazon SQS short and long polling"), and a message may be on its way."""

AT_ONCE = 10
"""Messages that one request gives (Amazon SQS API Reference, ReceiveMessage)."""

LOOK_SECONDS = 2.0

RUNNING = ("RUNNING", "CANCELLING")


@dataclass(frozen=True)
class DeadLetters:
    """A queue of the environment and what is dead in it: the URLs of both, the worker's function and its log group,
    empty without a worker.
    """

    queue: str
    url: str
    dead_url: str
    function: str = ""
    log_group: str = ""


@dataclass(frozen=True)
class DeadLetter:
    """A message as it is shown: when it was sent (seconds since 1970), its body, and the last line that the worker's
    log has of it, empty where it has none. Both without secrets.
    """

    id: str
    sent: float
    receives: int
    group: str
    body: Shown
    error: Shown


@dataclass(frozen=True)
class Moved:
    """What became of a redrive: how many messages were moved, and how the two queues stand afterwards."""

    moved: int
    queue: QueueState
    dead: QueueState


def dead_letters(assembly: Assembly, session: Session, name: str) -> DeadLetters:
    """Return where a queue's messages and their dead letters are.

    Raises InputError for a queue that the file does not have, CloudError when it is not deployed.
    """
    env = assembly.environment
    queues = {each.name: each for each in env.queues or ()}
    if name not in queues:
        raise InputError(f"{env.name} has no queue {name!r}", f"its queues are {', '.join(queues) or 'none'}")
    observed = observe(session, env)
    stacks = layer_stacks(assembly, observed)

    def resources(layer: str) -> dict[str, StackResource]:
        found = session.cloud.resources(stacks[layer]) if layer in stacks else ()
        return {each.logical_id: each for each in found if each.physical_id}

    there, logical = resources("queue"), queues[name].id
    if f"{logical}Queue" not in there or f"{logical}Dlq" not in there:
        raise CloudError(f"the queue {name} of {env.name} is not deployed", "`infragen status` says what is")
    worker = next((each for each in env.workers or () if each.queue == name), None)
    function = group = ""
    if worker is not None:
        beside = resources("worker")
        function = beside[f"{worker.id}Function"].physical_id if f"{worker.id}Function" in beside else ""
        logs = beside.get(f"{worker.id}LogGroup")
        group = logs.physical_id if logs is not None and logs.type == LOG_GROUP else ""
    return DeadLetters(name, there[f"{logical}Queue"].physical_id, there[f"{logical}Dlq"].physical_id, function, group)


def peek(session: Session, found: DeadLetters, count: int) -> tuple[QueueState, tuple[DeadLetter, ...]]:
    """Return how the dead-letter queue stands, and up to `count` of its messages. They are given back, and count as
    received once more.
    """
    state = session.cloud.queue_state(found.dead_url)
    taken = _looked_at(session, found, count)
    return state, tuple(_shown(session, found, each) for each in sorted(taken, key=lambda each: each.sent))


def _looked_at(session: Session, found: DeadLetters, count: int) -> tuple[QueueMessage, ...]:
    """Return up to `count` dead letters, which are given back."""
    taken = dict[str, QueueMessage]()
    try:
        for _ in _batches(session, found.dead_url, set(), taken, count):
            pass
    finally:
        session.cloud.release(found.dead_url, tuple(taken.values()))
    return tuple(taken.values())


def redrive(session: Session, found: DeadLetters, rate: int | None, unchanged: bool) -> int:
    """Move all messages back, after asking, at most `rate` a second; return how many were moved.

    A move that runs already, such as that of a run that was killed, is followed to its end: SQS allows one at a time.

    Raises Refused where nothing changed since they failed, unless `unchanged` says that this is right, or when the
    answer is no; OperationFailed when SQS gives up.
    """
    state, dead = session.cloud.queue_state(found.url), session.cloud.queue_state(found.dead_url)
    before = session.cloud.move_tasks(dead.arn)
    if before and before[0].status in RUNNING:
        session.ui.tell(Warned(f"messages of {found.queue} are being moved already: following that move"))
        return _followed(session, found, dead.arn, {each.started for each in before[1:]})
    if dead.waiting + dead.in_flight + dead.delayed == 0:
        return 0
    _refuse_unchanged(session, found, unchanged)
    speed = f" at {rate} a second" if rate else ""
    if not session.ui.confirm(Question(f"move {dead.waiting} messages back to {found.queue}{speed}?", "--yes")):
        raise Refused("declined; nothing was moved")
    known = {each.started for each in before}
    try:
        session.cloud.start_move(dead.arn, state.arn, rate)
    except CloudError:  # perhaps an answer was lost, and the repeated request found the move that it had begun
        if all(each.started in known for each in session.cloud.move_tasks(dead.arn)):
            raise
    return _followed(session, found, dead.arn, known)


def _followed(session: Session, found: DeadLetters, source: str, before: set[float]) -> int:
    """Wait until the move is over that was not there before, and return how many messages it moved."""
    try:
        ended = _ended_move(session, source, before)
    except KeyboardInterrupt:
        session.ui.tell(
            Warned(
                "SQS continues to move messages: the same command follows it, and "
                f"`infragen redrive {found.queue} --cancel` ends it"
            )
        )
        raise
    if ended.status != "COMPLETED":
        raise OperationFailed(
            f"the move ended as {ended.status} after {ended.moved} messages"
            f"{': ' if ended.reason else ''}{ended.reason}",
            f"what was not moved is still in the dead-letter queue: `infragen redrive {found.queue} --peek`",
        )
    return ended.moved


def _ended_move(session: Session, source: str, before: set[float]) -> MoveTask:
    told = -1
    while True:
        tasks = [each for each in session.cloud.move_tasks(source) if each.started not in before]
        if tasks and tasks[0].status not in RUNNING:
            return tasks[0]
        if tasks and tasks[0].moved != told:
            told = tasks[0].moved
            session.ui.tell(Warned(_progress(tasks[0])))
        session.timer.pause(LOOK_SECONDS)


def _progress(task: MoveTask) -> str:
    return f"{task.moved} of {task.to_move} messages moved" if task.to_move else f"{task.moved} messages moved"


def redrive_some(
    session: Session, found: DeadLetters, wanted: Callable[[QueueMessage], bool], what: str, unchanged: bool
) -> int:
    """Move the messages that are `wanted` back one by one, after asking, and return how many; `what` says which they
    are.

    Each is sent again and then deleted, and a signal waits until both are done. Only a run that is killed in between
    leaves a message in both queues, never in none; a FIFO queue takes it once all the same, when it is moved again
    within five minutes. What an earlier look still hides is waited for. In a FIFO queue a message keeps its group, and
    each group is looked through as far as SQS gives it at a time.

    Raises OperationFailed for a message that was sent and could not be deleted.
    """
    _refuse_unchanged(session, found, unchanged)
    if not session.ui.confirm(Question(f"move {what} back to {found.queue}?", "--yes")):
        raise Refused("declined; nothing was moved")
    moved, held = 0, dict[str, QueueMessage]()
    try:
        for batch in _all_received(session, found.dead_url, held):
            for each in filter(wanted, batch):
                with signals_put_off():
                    _put_back(session, found, each)
                    del held[each.id]
                    moved += 1
    except BaseException as error:
        if moved or not isinstance(error, Exception):
            session.ui.tell(Warned(_so_far(found, moved)))
        raise
    finally:
        session.cloud.release(found.dead_url, tuple(held.values()))
    return moved


def _so_far(found: DeadLetters, moved: int) -> str:
    number = f"{moved} message{'' if moved == 1 else 's'}"
    return f"{number} moved to {found.queue} before the end; the same command moves what is left"


def _put_back(session: Session, found: DeadLetters, message: QueueMessage) -> None:
    session.cloud.send_again(found.url, message)
    try:
        session.cloud.delete_message(found.dead_url, message)
    except CloudError as error:
        raise OperationFailed(
            f"the message {message.id} was sent to {found.queue} and could not be deleted from its dead-letter queue, "
            f"so that it is in both: {error.message}",
            "delete it there before the next redrive, which would send it once more: receive it in the console of SQS "
            f'({found.dead_url}), under "Poll for messages"',
        ) from error


def _all_received(session: Session, url: str, held: dict[str, QueueMessage]) -> Iterator[list[QueueMessage]]:
    """Yield all messages of a queue in batches, each message once. `held` has those that were received and that the
    caller has not taken out, with the handle of their last receipt.

    Those that somebody else has in hand, such as a run that was killed, are waited for, at most for as long as a look
    hides them.
    """
    seen = set[str]()
    waited = 0.0
    while True:
        yield from _batches(session, url, seen, held)
        if session.cloud.queue_state(url).in_flight <= len(held) or waited > HIDDEN_SECONDS:
            return
        if not waited:
            session.ui.tell(Warned(f"some messages are in other hands for up to {HIDDEN_SECONDS} s: waiting for them"))
        waited += LOOK_SECONDS
        session.timer.sleep(LOOK_SECONDS)


def _batches(
    session: Session, url: str, seen: set[str], held: dict[str, QueueMessage], most: int | None = None
) -> Iterator[list[QueueMessage]]:
    """Yield what a queue gives, each message once, until it gives no more or only what it gave before."""
    empty = again = 0
    while empty < EMPTY_ANSWERS and again <= len(held) and (most is None or len(seen) < most):
        got = session.cloud.receive(url, AT_ONCE if most is None else min(AT_ONCE, most - len(seen)), HIDDEN_SECONDS)
        new = [each for each in got if each.id not in seen]
        empty = 0 if got else empty + 1
        again = 0 if new else again + len(got)
        held |= {each.id: each for each in got}
        seen |= {each.id for each in new}
        if new:
            yield new


def cancel_move(session: Session, found: DeadLetters) -> bool:
    """End the move that runs; return whether there was one. What was moved stays moved."""
    dead = session.cloud.queue_state(found.dead_url)
    running = [each for each in session.cloud.move_tasks(dead.arn) if each.status == "RUNNING" and each.handle]
    for each in running:
        session.cloud.cancel_move(each.handle)
    return bool(running)


def afterwards(session: Session, found: DeadLetters, moved: int, seconds: float) -> Moved:
    """Wait until the messages are consumed or some are dead again, for so many seconds; return how both are."""
    end = session.timer.now() + seconds
    while True:
        state, dead = session.cloud.queue_state(found.url), session.cloud.queue_state(found.dead_url)
        done = state.waiting + state.in_flight + state.delayed == 0
        if done or dead.waiting or session.timer.now() >= end:
            return Moved(moved, state, dead)
        session.timer.pause(LOOK_SECONDS)


def _refuse_unchanged(session: Session, found: DeadLetters, unchanged: bool) -> None:
    """Raise Refused where the worker is still the one that failed on the newest of some messages."""
    if unchanged or not found.function:
        return
    changed = session.cloud.function_changed(found.function)
    newest = max((each.sent for each in _looked_at(session, found, AT_ONCE)), default=0.0)
    if newest > changed:
        when, sent = (f"{datetime.fromtimestamp(each, UTC):%Y-%m-%d %H:%M:%S} UTC" for each in (changed, newest))
        raise Refused(
            f"nothing was deployed since messages of {found.queue} failed: the worker is that of {when}, and a message "
            f"of {sent} is among them; they would fail again",
            "deploy the fix first; --allow-unchanged moves them all the same, where the cause lay elsewhere",
        )


def _shown(session: Session, found: DeadLetters, message: QueueMessage) -> DeadLetter:
    return DeadLetter(
        message.id, message.sent, message.receives, message.group, quoted(str(mask(message.body))),
        _last_error(session, found, message),
    )  # fmt: skip


def _last_error(session: Session, found: DeadLetters, message: QueueMessage) -> Shown:
    """Return the last line that the worker's log has of a message; what may not be read is a note."""
    if not found.log_group:
        return NOTHING
    try:
        lines = session.cloud.log_events(found.log_group, message.sent, None, f'"{message.id}"').events
    except CloudError as error:
        session.ui.tell(Warned(f"why it failed is not known: {error.message}"))
        return NOTHING
    return lines[-1].text if lines else NOTHING


def grouped(messages: Sequence[DeadLetter]) -> dict[str, list[DeadLetter]]:
    """Return messages by their last error, without the numbers and ids in it, the most frequent first."""
    found: dict[str, list[DeadLetter]] = {}
    for each in messages:
        words = " ".join(word for word in each.error.split() if not any(sign.isdigit() for sign in word))
        found.setdefault(words, []).append(each)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))
