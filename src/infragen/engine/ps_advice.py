"""What is wrong in an environment, or under way, and which command helps. Pure.

The thresholds are those of the environment file and of the templates' alarms. What is not known is no trouble here: the
snapshot says that it could not be read.
"""

from __future__ import annotations

from collections.abc import Iterator

from infragen.cloud.cloudformation import ABSENT, STATUSES, SUCCESS, OnRecover, row, running
from infragen.config import Environment
from infragen.engine.snapshot import Advice, DatabaseRow, QueueRow, ServiceRow, Snapshot, WorkerRow
from infragen.layers.queue_worker import ERROR_PERCENT

FULL = 0.95
"""The share of its largest capacity at which a database counts as full, as in its alarm."""

WORKING = ("Enabled", "Creating", "Enabling", "Updating")
"""States in which an event source works, or will soon (AWS Lambda API Reference, EventSourceMappingConfiguration)."""

DAY = 86_400.0
"""How late a rotation may be: it is due within a window of some hours of its day."""

NOT_THERE = (ABSENT, "REVIEW_IN_PROGRESS")


def advice(env: Environment, found: Snapshot) -> Iterator[Advice]:
    """Yield what is wrong or under way, part by part."""
    unread = {each.part for each in found.unread}
    yield from _about_stacks(env, found)
    for service in found.services:
        yield from _about_service(service, "services" in unread)
    for worker in found.workers:
        yield from _about_worker(worker, "event sources" in unread)
    for queue in (*(each.queue for each in found.workers if each.queue), *found.queues):
        yield from _about_queue(env, queue)
    for database in found.databases:
        yield from _about_database(env, database)
        yield from _about_credentials(database, found.time, "credentials" in unread)
    if found.alarms:
        count = len(found.alarms)
        yield Advice("alarms", f"{count} {'alarm is' if count == 1 else 'alarms are'} raised", "infragen docs on-call")


def _about_stacks(env: Environment, found: Snapshot) -> Iterator[Advice]:
    """Yield what the stacks need. Those nested in a root are the root's matter, but for a layer that is not there while
    nothing is under way or failed.
    """
    if all(each.status in NOT_THERE for each in found.stacks):
        yield Advice("stacks", f"nothing of {env.environment} is deployed", "infragen deploy")
        return
    settled = all(each.status in (*NOT_THERE, *SUCCESS) for each in found.stacks)
    for each in found.stacks:
        what = f"the stack is {each.status}"
        if each.status in NOT_THERE and settled:
            yield Advice(each.layer, "not deployed", "infragen deploy", trouble=False)
        elif each.nested or each.status in NOT_THERE:
            continue
        elif running(each.status):
            yield Advice(each.layer, what, "infragen follow", trouble="ROLLBACK" in each.status)
        elif each.status not in STATUSES:
            yield Advice(each.layer, what, "infragen status")
        elif each.status.endswith("_FAILED") or "ROLLBACK" in each.status:
            yield Advice(each.layer, what, "infragen diagnose")
            if row(each.status).recover not in (OnRecover.NOTHING, OnRecover.WAIT, OnRecover.REFUSE):
                yield Advice(each.layer, what, "infragen recover")


def _about_service(service: ServiceRow, unread: bool) -> Iterator[Advice]:
    state, name, api = service.state, service.name, service.name == "api"
    if state is None:
        if not unread:
            yield Advice(name, "ECS does not know the service", "infragen drift")
        return
    if state.status != "ACTIVE":
        yield Advice(name, f"the service is {state.status}", "infragen drift")
    if state.rollout == "FAILED":
        yield Advice(name, f"the rollout failed: {state.rollout_reason or 'ECS gives no reason'}", "infragen diagnose")
    elif state.running < state.desired:
        what = f"{state.running} of {state.desired} tasks run"
        yield Advice(name, what, "infragen diagnose", trouble=state.rollout != "IN_PROGRESS")
    if service.unhealthy:
        logs = "infragen logs api --level error --since 30m" if api else "infragen diagnose"
        yield Advice(name, f"{service.unhealthy} of its tasks are unhealthy", logs)
    if service.fault is not None:
        logs = f"infragen logs api --task {service.fault.id[:8]} --since 1h" if api else "infragen diagnose"
        yield Advice(name, "a task failed", logs)
    if api and service.tag == "":
        yield Advice(name, "the placeholder runs", "infragen deploy --image-tag TAG", trouble=False)


def _about_worker(worker: WorkerRow, unread: bool) -> Iterator[Advice]:
    name, source = worker.name, worker.source
    if source is None:
        if not unread:
            yield Advice(name, "it has no event source", "infragen drift")
    elif source.state not in WORKING and worker.has_code is False:
        yield Advice(name, "its code is not deployed", "infragen deploy", trouble=False)
    elif source.state not in WORKING:
        yield Advice(name, f"its event source is {source.state}: {source.reason or 'no reason'}", "infragen drift")
    elif source.last_result.startswith("PROBLEM"):
        yield Advice(name, f"its event source has a {source.last_result}", "infragen drift")
    logs = f"infragen logs {name} --level error --since 30m" if worker.consumes else ""
    for count, of, what in (
        (worker.errors, worker.calls, "calls"),
        (worker.failed_messages, worker.messages, "messages"),
    ):
        if count and 100 * count > ERROR_PERCENT * max(of or 0, count):
            yield Advice(name, f"{count:.0f} {what} failed", logs)
    if worker.throttles:
        yield Advice(name, f"Lambda throttled {worker.throttles:.0f} calls", "infragen doctor")


def _about_queue(env: Environment, queue: QueueRow) -> Iterator[Advice]:
    own = next((each for each in env.queues or () if each.name == queue.name), None)
    if queue.dead:
        look = f"infragen redrive {queue.name} --peek" if own else ""
        yield Advice(queue.name, f"{queue.dead} dead {'letter' if queue.dead == 1 else 'letters'}", look)
    if own is None:
        return
    worker = env.worker_of(own)
    logs = f"infragen logs {worker.name} --since 30m --platform" if worker else ""
    if queue.waiting is not None and queue.waiting > own.alarms.depth:
        yield Advice(queue.name, f"{queue.waiting:.0f} messages wait", logs)
    if queue.age is not None and queue.age > env.age_alarm(own):
        yield Advice(queue.name, f"a message is {queue.age:.0f} s old", logs)


def _about_database(env: Environment, database: DatabaseRow) -> Iterator[Advice]:
    logs = "infragen logs database --since 30m"
    if database.acu is not None and database.max_acu and database.acu >= FULL * database.max_acu:
        yield Advice(database.name, "it works at its largest capacity", logs)
    limit = env.database.connection_alarm if env.database and database.max_connections else None
    if database.connections is not None and limit is not None and database.connections > limit:
        yield Advice(database.name, "few connections are left", logs)


def _about_credentials(database: DatabaseRow, now: float, unread: bool) -> Iterator[Advice]:
    rotation, name = database.rotation, database.name
    if not database.secret or unread:
        return
    if rotation is None:
        yield Advice(name, "the secret with its credentials does not exist", "infragen drift")
    elif not rotation.enabled:
        yield Advice(name, "its credentials are not rotated", "infragen drift")
    elif rotation.is_rotating(now):
        return
    elif rotation.pending or (rotation.next_rotation and rotation.next_rotation + DAY < now):
        what = "a rotation of its credentials did not end" if rotation.pending else "a rotation is overdue"
        yield Advice(name, what, "infragen logs credentials --since 1d --platform")
