"""What the engine asks of ECS, CloudWatch Logs and SQS about what runs: Protocols and their values.

`aws.workload` satisfies it. A one-off task runs with what the service runs with (roles, secrets, network, log group),
another image and command, and a task definition of its own family, which no stack owns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from infragen.secrecy.shown import NOTHING, Shown


def cluster_of(service_arn: str) -> str:
    """Return the cluster in a service's ARN. One of the old form names none: it is in the default one."""
    return service_arn.split("/")[-2] if service_arn.count("/") > 1 else "default"


@dataclass(frozen=True)
class ServiceSettings:
    """What ECS has of a service that its one-off tasks take over: ARNs of cluster and task definition, the network, and
    how many tasks it wants.
    """

    cluster: str
    task_definition: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    public_address: bool = False
    desired: int = 0


@dataclass(frozen=True)
class TaskTemplate:
    """What a one-off task has otherwise than the service's: family and stream prefix, the container that stays, its
    image and command, user, CPU units, MiB of memory, CPU architecture (arm64 or x86_64), and tags. An
    `enterable` one has a writable root and the container runtime's own capabilities, which ECS Exec needs, the command
    as its entry point, and `role`, the ARN of another role of the task.
    """

    family: str
    prefix: str
    container: str
    image: str
    command: tuple[str, ...]
    user: str
    cpu: int
    memory: int
    architecture: str
    tags: Mapping[str, str] = field(default_factory=dict)
    role: str = ""
    enterable: bool = False


@dataclass(frozen=True)
class TaskDefinition:
    """A registered revision: its ARN, when it was registered, its tags, the container, and where that writes."""

    arn: str
    container: str = ""
    log_group: str = ""
    log_prefix: str = ""
    registered: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskState:
    """A task as ECS describes it. `status` is lastStatus, `stop_code` and `reason` why it stopped, in ECS's words;
    `exit_code` is that of its container, None while it runs and for one that never ran; `detail` is what the container
    runtime says. `agent` is the status of ECS Exec's agent in it, `runtime_id` the container's id for Session Manager.
    """

    arn: str
    status: str
    task_definition: str = ""
    stop_code: str = ""
    reason: Shown = NOTHING
    exit_code: int | None = None
    detail: Shown = NOTHING
    started_by: str = ""
    created: datetime | None = None
    agent: str = ""
    runtime_id: str = ""

    @property
    def stopped(self) -> bool:
        """Return whether it is over."""
        return self.status in ("STOPPED", "DELETED")

    @property
    def id(self) -> str:
        """Return the last part of its ARN, which names its log stream."""
        return self.arn.rpartition("/")[2]

    def target(self, cluster: str) -> str:
        """Return how Session Manager calls its container; `cluster` is the cluster's ARN or name."""
        return f"ecs:{cluster.rpartition('/')[2]}_{self.id}_{self.runtime_id}"


@dataclass(frozen=True)
class LogPage:
    """Lines of a log stream, oldest first, secrets masked, and the token with which the next ones are read; the same
    token as before where there is nothing more yet.
    """

    lines: tuple[Shown, ...] = ()
    token: str = ""


@dataclass(frozen=True)
class PluginSession:
    """A session that `session-manager-plugin` takes over: AWS's response with its token, which no argument of a process
    may hold, the region, what was asked for, and the address of Systems Manager.
    """

    response: Mapping[str, str] = field(repr=False)
    region: str
    request: Mapping[str, Any]
    endpoint: str


class Workload(Protocol):
    """ECS and CloudWatch Logs, as far as one-off tasks need them."""

    def service_settings(self, service_arn: str) -> ServiceSettings | None:
        """Return what a service runs with; None where ECS does not know it, or it has no network of its own."""

    def image_digest(self, repository: str, tag: str) -> str:
        """Return the digest of a tagged image; empty where the repository or the tag does not exist."""

    def register_task(self, like: str, template: TaskTemplate) -> TaskDefinition:
        """Register a revision made from the task definition `like`, an ARN."""

    def deregister_task(self, definition: str) -> None:
        """Deregister a revision; tasks of it continue, and one that is gone is no error."""

    def registered_tasks(self, family: str) -> tuple[TaskDefinition, ...]:
        """Return the active revisions of a family, with their tags."""

    def run_task(
        self,
        definition: str,
        settings: ServiceSettings,
        started_by: str,
        token: str,
        tags: Mapping[str, str],
        enterable: bool = False,
    ) -> str:
        """Start one task on Fargate, on demand, and return its ARN; a retry with the same token starts no second one.
        An `enterable` one has ECS Exec.

        Raises CloudError when ECS has no place for it.
        """

    def unfinished_tasks(self, cluster: str, family: str) -> tuple[TaskState, ...]:
        """Return the tasks of a family that ECS has not been asked to stop."""

    def task(self, cluster: str, arn: str) -> TaskState | None:
        """Return a task; None where ECS does not know it, which is so about an hour after its end."""

    def stop_task(self, cluster: str, arn: str, reason: str) -> None:
        """Ask ECS to stop a task: SIGTERM, then SIGKILL."""

    def execute_command(self, task: TaskState, cluster: str, container: str, command: str) -> PluginSession:
        """Begin a session of ECS Exec that runs a command, written as in a shell, in a container."""

    def forward_port(self, target: str, host: str, port: int, local_port: int) -> PluginSession:
        """Begin a session that forwards a port of this machine through a target (`ecs:CLUSTER_TASK_RUNTIME`)."""

    def secret_value(self, arn: str) -> str:
        """Return the value of a secret, for the person who asked for it; it is shown nowhere."""

    def log_page(self, group: str, stream: str, token: str) -> LogPage:
        """Return the lines after a token, from the beginning without one; none where the stream does not exist yet."""


@dataclass(frozen=True)
class QueueState:
    """A queue: its ARN, whether it is FIFO, and about how many messages wait, are in flight, and are delayed."""

    arn: str
    fifo: bool = False
    waiting: int = 0
    in_flight: int = 0
    delayed: int = 0


@dataclass(frozen=True)
class QueueMessage:
    """A message that was received: id, body and attributes as they are (not masked), when it was sent (seconds since
    1970), how often it was received, and the handle with which it is deleted. `group` is that of a FIFO queue.
    """

    id: str
    body: str
    handle: str
    sent: float = 0.0
    receives: int = 0
    group: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MoveTask:
    """A message move task: its status in SQS's word (RUNNING, COMPLETED, CANCELLING, CANCELLED, FAILED), how many
    messages it moved and was to move, why it failed, when it was started (seconds since 1970), and the handle with
    which a running one is cancelled.
    """

    status: str
    moved: int = 0
    to_move: int = 0
    reason: Shown = NOTHING
    started: float = 0.0
    handle: str = ""


class Queues(Protocol):
    """SQS and the functions behind its queues, as far as messages are moved out of dead-letter queues."""

    def queue_state(self, url: str) -> QueueState:
        """Return how a queue stands."""

    def receive(self, url: str, count: int, hidden: int) -> tuple[QueueMessage, ...]:
        """Return up to `count` (at most 10) messages, which nobody else receives for `hidden` seconds."""

    def release(self, url: str, messages: Sequence[QueueMessage]) -> None:
        """Let received messages be received again at once."""

    def send_again(self, url: str, message: QueueMessage) -> None:
        """Send what a message holds as a new one; in a FIFO queue in its group."""

    def delete_message(self, url: str, message: QueueMessage) -> None:
        """Delete a received message."""

    def start_move(self, source: str, destination: str, rate: int | None) -> None:
        """Begin to move all messages from a dead-letter queue, by ARN, at most so many a second."""

    def move_tasks(self, source: str) -> tuple[MoveTask, ...]:
        """Return the move tasks of a dead-letter queue, the newest first."""

    def cancel_move(self, handle: str) -> None:
        """Ask SQS to end a move task; what was moved stays moved."""

    def function_changed(self, function: str) -> float:
        """Return when code or settings of a Lambda function were changed last, in seconds since 1970."""


@dataclass(frozen=True)
class StoredParameter:
    """An SSM parameter without its value: its name, type, version and key (an id, ARN or alias; empty where it is not
    encrypted), when it was changed last (seconds since 1970), and by whom (an ARN).
    """

    name: str
    type: str = "SecureString"
    version: int = 0
    key: str = ""
    changed: float = 0.0
    by: str = ""


class Parameters(Protocol):
    """Systems Manager's Parameter Store, as far as secrets are written there. No value is ever read."""

    def put_parameter(self, name: str, value: str, key: str, tags: Mapping[str, str]) -> int:
        """Store a value as SecureString, under a KMS key by ARN or, where that is empty, AWS's own (aws/ssm), and
        return its version. `tags` are those of a parameter that is new.
        """

    def delete_parameters(self, names: Sequence[str]) -> tuple[str, ...]:
        """Delete parameters; return those that were there."""


ROTATION_SECONDS = 1_500.0
"""Seconds after which a rotation that neither ended nor failed runs no longer: its function has 300 seconds for each of
four steps."""


@dataclass(frozen=True)
class SecretState:
    """A secret that rotates: the ids of its versions AWSCURRENT and AWSPENDING (empty where no other version than the
    current one is pending), whether rotation is on, when it was changed and rotated last, and rotates next (seconds
    since 1970; 0 where Secrets Manager does not say).
    """

    arn: str
    current: str
    pending: str = ""
    enabled: bool = False
    changed: float = 0.0
    rotated: float = 0.0
    next_rotation: float = 0.0

    def is_rotating(self, now: float) -> bool:
        """Return whether a rotation may be running: it changed the secret when it began, and has not had its time yet.

        DescribeSecret tells one that runs from one that failed by nothing else ("LastChangedDate", AWS Secrets Manager
        API Reference, read 2026-11-29).
        """
        return bool(self.pending) and now - self.changed < ROTATION_SECONDS


@dataclass(frozen=True)
class ServiceDeployment:
    """A deployment of an ECS service, in ECS's words: its status (PRIMARY, ACTIVE, INACTIVE), its rollout (IN_PROGRESS,
    COMPLETED, FAILED) with the reason, its task definition by ARN, and when it was created (seconds since 1970).
    """

    id: str
    status: str
    rollout: str = ""
    reason: Shown = NOTHING
    task_definition: str = ""
    created: float = 0.0


class Rotations(Protocol):
    """Secrets Manager and ECS, as far as credentials are rotated and tasks are started again. No value is ever read."""

    def rotated_secret(self, arn: str) -> SecretState | None:
        """Return how a secret and its rotation stand; None where Secrets Manager does not know it."""

    def version_created(self, arn: str, version: str) -> float:
        """Return when a version of a secret was created, in seconds since 1970; 0 where Secrets Manager has no such
        version.
        """

    def rotate_secret(self, arn: str, token: str) -> str:
        """Begin a rotation and return the id of the version that it makes; a retry with the same token begins no second
        one. Empty where an earlier one that did not complete is tried again.
        """

    def deploy_again(self, service_arn: str) -> str:
        """Replace the tasks of a service by new ones of the same task definition; return the id of the deployment."""

    def service_deployments(self, service_arn: str) -> tuple[ServiceDeployment, ...]:
        """Return the deployments of a service, none where ECS does not know it."""
