"""An environment at one moment, as `ps` shows it: the values, and which tasks stopped by a fault.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from infragen.cloud.monitoring import EventSource, ServiceState, ServiceTask, TaskContainerState
from infragen.cloud.workload import SecretState
from infragen.layers.image_repository import PLACEHOLDER_IMAGE

MEANT = ("UserInitiated", "SpotInterruption", "TerminationNotice")
"""Stop codes of tasks that stopped for no fault of theirs (Amazon ECS API Reference, Task, stopCode)."""


def failed(task: ServiceTask) -> bool:
    """Return whether a task stopped by a fault: neither for another number of tasks or a deployment, nor because
    somebody asked for it.
    """
    return task.stop_code not in MEANT and not scaled_in(task.reason)


def scaled_in(reason: str) -> bool:
    """Return whether ECS stopped a task because it wants another number, as for a deployment or its rollback (Amazon
    ECS Developer Guide, "Amazon ECS stopped task error messages").
    """
    return reason.startswith("Scaling activity initiated by")


def culprit(task: ServiceTask) -> TaskContainerState | None:
    """Return the container that says most of why a task stopped."""
    faulty = (each for each in task.containers if each.exit_code or each.reason)
    return next(faulty, next(iter(task.containers), None))


def _runs(task: ServiceTask, definition: str) -> bool:
    return not definition or task.task_definition == definition


@dataclass(frozen=True)
class Unread:
    """A part that could not be read: the permission that was denied, empty where it was something else, and why."""

    part: str
    permission: str
    words: str


@dataclass(frozen=True)
class Advice:
    """Something to know about a part, and what to type next, empty where nothing helps; `trouble` is what is wrong."""

    where: str
    what: str
    command: str = ""
    trouble: bool = True


@dataclass(frozen=True)
class StackRow:
    """A stack: its layer, name and status, and since when it has it; `absent` for one that is not deployed."""

    layer: str
    stack: str
    status: str
    since: datetime | None = None
    nested: bool = False


@dataclass(frozen=True)
class ServiceRow:
    """An ECS service: what ECS says of it, how many tasks are healthy and unhealthy, its image, the task that stopped
    last, CPU and memory in percent; behind the API's load balancer also healthy targets, requests and answers with 5xx
    of five minutes. None is what is not known.
    """

    name: str
    service: str
    cluster: str
    state: ServiceState | None = None
    healthy: int | None = None
    unhealthy: int | None = None
    image: TaskContainerState | None = None
    stopped: ServiceTask | None = None
    cpu: float | None = None
    memory: float | None = None
    targets: float | None = None
    requests: float | None = None
    failed_requests: float | None = None

    @property
    def tag(self) -> str | None:
        """Return the tag of its image: empty for the placeholder, None where it is not known or has none."""
        reference = self.image.image if self.image else ""
        if reference.startswith(PLACEHOLDER_IMAGE):
            return ""
        return reference.partition("@")[0].rpartition("/")[2].partition(":")[2] or None

    @property
    def fault(self) -> ServiceTask | None:
        """Return the task that stopped last where it stopped by a fault and ran what the service runs now."""
        current = self.state.task_definition if self.state else ""
        return self.stopped if self.stopped and failed(self.stopped) and _runs(self.stopped, current) else None


@dataclass(frozen=True)
class QueueRow:
    """A queue: messages that wait and are in flight, the age of the oldest in seconds, dead letters."""

    name: str
    queue: str
    dead_url: str = ""
    waiting: float | None = None
    in_flight: float | None = None
    age: float | None = None
    dead: int | None = None


@dataclass(frozen=True)
class WorkerRow:
    """A worker: its function, its event source and queue, whether its code is deployed, and of five minutes its calls,
    those that failed or were throttled, and the messages that failed one by one. `consumes` is the queue's name in the
    environment file, empty for a function of the project's own.
    """

    name: str
    function: str
    consumes: str = ""
    source: EventSource | None = None
    queue: QueueRow | None = None
    has_code: bool | None = None
    calls: float | None = None
    errors: float | None = None
    throttles: float | None = None
    messages: float | None = None
    failed_messages: float | None = None


@dataclass(frozen=True)
class DatabaseRow:
    """A database: the writer's capacity in ACU and connections, with their limits, and its credentials' rotation."""

    name: str
    cluster: str
    acu: float | None = None
    max_acu: float | None = None
    connections: float | None = None
    max_connections: int | None = None
    secret: str = ""
    rotation: SecretState | None = None


@dataclass(frozen=True)
class AlarmRow:
    """An alarm that is raised: its name in the template, its layer, since when, and why in CloudWatch's words."""

    name: str
    layer: str
    since: datetime | None
    reason: str
    composite: bool


@dataclass(frozen=True)
class Snapshot:
    """An environment at a time (seconds since 1970); `alarms` is None where they could not be read, and `addresses` are
    the URL and the dashboard's address, by what they are.
    """

    environment: str
    name: str
    account: str
    region: str
    time: float
    commit: str | None
    deployed: datetime | None
    stacks: tuple[StackRow, ...]
    services: tuple[ServiceRow, ...] = ()
    workers: tuple[WorkerRow, ...] = ()
    queues: tuple[QueueRow, ...] = ()
    databases: tuple[DatabaseRow, ...] = ()
    alarms: tuple[AlarmRow, ...] | None = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[Unread, ...] = ()
    advice: tuple[Advice, ...] = ()

    @property
    def trouble(self) -> bool:
        """Return whether something is wrong, or could not be read, so that nobody knows."""
        return bool(self.unread) or any(each.trouble for each in self.advice)
