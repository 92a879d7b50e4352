"""What the engine asks of ECS, Lambda, CloudWatch and Secrets Manager about how an environment does: a Protocol and its
values.

`aws.monitoring` satisfies it. Reads only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from infragen.secrecy.shown import NOTHING, Shown


@dataclass(frozen=True)
class ServiceState:
    """An ECS service: how many tasks it wants, runs and starts; the task definition, rollout state and reason of its
    newest deployment (PRIMARY), in ECS's words; and the container behind its load balancer, empty without one.
    """

    arn: str
    name: str
    status: str
    desired: int
    running: int
    pending: int
    task_definition: str = ""
    rollout: str = ""
    rollout_reason: Shown = NOTHING
    container: str = ""


@dataclass(frozen=True)
class TaskContainerState:
    """A container of a task: its image and that image's digest; its exit code (None while it runs, and for one that
    never ran) and what the container runtime says.
    """

    name: str
    image: str = ""
    digest: str = ""
    exit_code: int | None = None
    reason: Shown = NOTHING


@dataclass(frozen=True)
class ServiceTask:
    """A task of a cluster. `group` is `service:NAME` for one of a service; `health` is HEALTHY, UNHEALTHY or UNKNOWN;
    `reason` says why it stopped, in ECS's words.
    """

    arn: str
    group: str
    status: str
    health: str = ""
    task_definition: str = ""
    stop_code: str = ""
    reason: Shown = NOTHING
    stopped: datetime | None = None
    containers: tuple[TaskContainerState, ...] = ()

    @property
    def id(self) -> str:
        """Return the last part of its ARN, which names its log stream."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class Metric:
    """A metric of CloudWatch and the statistic of each minute: Average, Maximum, Minimum or Sum."""

    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Points:
    """The values of a metric, one for each minute that has one, newest first; times are seconds since 1970."""

    values: tuple[tuple[float, float], ...] = ()

    @property
    def newest(self) -> float | None:
        """Return the newest value; None where there is none."""
        return self.values[0][1] if self.values else None

    def total(self, since: float) -> float:
        """Return the sum of the values from a time on."""
        return sum(value for time, value in self.values if time >= since)


@dataclass(frozen=True)
class RaisedAlarm:
    """An alarm in the state ALARM: since when, and why in CloudWatch's words."""

    name: str
    since: datetime | None = None
    reason: Shown = NOTHING
    composite: bool = False


@dataclass(frozen=True)
class EventSource:
    """An event source mapping: its UUID, the function's name, the ARN of the source, its state (Enabled, Disabled, …),
    why it has it and how the last batch went, in Lambda's words.
    """

    uuid: str
    function: str
    source: str
    state: str
    reason: Shown = NOTHING
    last_result: Shown = NOTHING


@dataclass(frozen=True)
class AlarmQuery:
    """Which alarms are meant: those whose names begin so, and those of these names."""

    prefix: str
    names: tuple[str, ...] = field(default=())


class Monitoring(Protocol):
    """How an environment does, as AWS tells. Raises PermissionDenied, which names the permission, for a denied call."""

    def service_states(self, cluster: str, names: Sequence[str]) -> tuple[ServiceState, ...]:
        """Return those of these services of a cluster that ECS knows, by name or ARN."""

    def cluster_tasks(self, cluster: str) -> tuple[ServiceTask, ...]:
        """Return the tasks of a cluster: those that run, and those that stopped within about an hour."""

    def points(self, metrics: Sequence[Metric], since: float, until: float) -> Mapping[Metric, Points]:
        """Return the values of metrics, minute by minute; times are seconds since 1970."""

    def raised_alarms(self, query: AlarmQuery) -> tuple[RaisedAlarm, ...]:
        """Return the alarms of a query that are in the state ALARM, composite ones included."""

    def event_sources(self, functions: Sequence[str], uuids: Sequence[str]) -> tuple[EventSource, ...]:
        """Return the event source mappings of these functions, by name, and those of these UUIDs."""
