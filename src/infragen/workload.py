"""What the engine asks of ECS and CloudWatch Logs to run a command as a task of its own: a Protocol and its values.

`aws.workload` satisfies it. A one-off task runs with what the service runs with (roles, secrets, network, log group),
another image and command, and a task definition of its own family, which no stack owns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


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
    image and command, user, CPU units, MiB of memory, CPU architecture (arm64 or x86_64), and tags.
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
    runtime says.
    """

    arn: str
    status: str
    task_definition: str = ""
    stop_code: str = ""
    reason: str = ""
    exit_code: int | None = None
    detail: str = ""
    started_by: str = ""
    created: datetime | None = None

    @property
    def stopped(self) -> bool:
        """Return whether it is over."""
        return self.status in ("STOPPED", "DELETED")

    @property
    def id(self) -> str:
        """Return the last part of its ARN, which names its log stream."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class LogPage:
    """Lines of a log stream, oldest first, secrets masked, and the token with which the next ones are read; the same
    token as before where there is nothing more yet.
    """

    lines: tuple[str, ...] = ()
    token: str = ""


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
        self, definition: str, settings: ServiceSettings, started_by: str, token: str, tags: Mapping[str, str]
    ) -> str:
        """Start one task on Fargate, on demand, and return its ARN; a retry with the same token starts no second one.

        Raises CloudError when ECS has no place for it.
        """

    def unfinished_tasks(self, cluster: str, family: str) -> tuple[TaskState, ...]:
        """Return the tasks of a family that ECS has not been asked to stop."""

    def task(self, cluster: str, arn: str) -> TaskState | None:
        """Return a task; None where ECS does not know it, which is so about an hour after its end."""

    def stop_task(self, cluster: str, arn: str, reason: str) -> None:
        """Ask ECS to stop a task: SIGTERM, then SIGKILL."""

    def log_page(self, group: str, stream: str, token: str) -> LogPage:
        """Return the lines after a token, from the beginning without one; none where the stream does not exist yet."""
