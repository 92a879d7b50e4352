"""What the engine tells while it works, and what it asks: typed events and the two-method Protocol of who listens.

The engine never prints. A terminal, a CI log and a JSON stream are three listeners.
"""

import math
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from infragen.cloud.protocol import Cloud, Identity
from infragen.config import EnvironmentFile
from infragen.engine.deletion_plan import DestroyPlan, RecoveryPlan
from infragen.engine.follow import LayerEvent
from infragen.engine.outcome import Outcome
from infragen.plan.model import EnvironmentPlan


@dataclass(frozen=True)
class Connected:
    """The account and region are those of the environment file."""

    identity: Identity


@dataclass(frozen=True)
class Uploaded:
    """An artifact was missing in the bucket and is there now."""

    bucket: str
    key: str
    size: int


@dataclass(frozen=True)
class Preparing:
    """A change set is being made for a stack."""

    layer: str
    stack: str


@dataclass(frozen=True)
class Checking:
    """AWS looks for drift in a stack, since so many seconds."""

    layer: str
    stack: str
    seconds: float


@dataclass(frozen=True)
class Planned:
    """The whole plan, before anything is asked or done."""

    plan: EnvironmentPlan


@dataclass(frozen=True)
class PlannedDeletion:
    """Everything that will be deleted, kept and snapshotted, before anything is asked or done."""

    plan: DestroyPlan


@dataclass(frozen=True)
class PlannedRecovery:
    """What recovers each stack, before anything is asked or done."""

    plan: RecoveryPlan


@dataclass(frozen=True)
class Started:
    """An operation on a stack started: create, update, delete, or follow (one that ran already)."""

    layer: str
    stack: str
    action: str


@dataclass(frozen=True)
class Happened:
    """A stack event, of the operation we follow and of no other."""

    layer: str
    event: LayerEvent


@dataclass(frozen=True)
class Noticed:
    """What another service says about a resource that takes long."""

    layer: str
    logical_id: str
    text: str


@dataclass(frozen=True)
class TaskStarted:
    """A one-off task was started for a purpose (release, run): its ARN, the command, and the tag of its image."""

    purpose: str
    task: str
    command: tuple[str, ...]
    tag: str


@dataclass(frozen=True)
class TaskLog:
    """A line that a one-off task wrote, secrets masked."""

    purpose: str
    line: str


@dataclass(frozen=True)
class TaskEnded:
    """A one-off task has ended after so many seconds; without an exit code its container never ran."""

    purpose: str
    task: str
    exit_code: int | None
    seconds: float


@dataclass(frozen=True)
class RotationStarted:
    """Secrets Manager rotates a secret, by ARN, and makes a version of this id."""

    secret: str
    version: str


@dataclass(frozen=True)
class RotationEnded:
    """The version is the current one after so many seconds."""

    secret: str
    version: str
    seconds: float


@dataclass(frozen=True)
class ServiceDeploymentStarted:
    """ECS replaces the tasks of a service, by ARN, in a deployment of this id."""

    service: str
    deployment: str


@dataclass(frozen=True)
class ServiceDeploymentEnded:
    """The tasks of a service are replaced after so many seconds."""

    service: str
    deployment: str
    seconds: float


@dataclass(frozen=True)
class Following:
    """A round of looking at what runs is over: seconds since the start, and the stacks that still run."""

    seconds: float
    running: tuple[str, ...]


@dataclass(frozen=True)
class Lost:
    """AWS cannot be read at the moment; the operation continues and so do we."""

    layer: str
    reason: str


@dataclass(frozen=True)
class Ended:
    """A stack has its outcome."""

    outcome: Outcome


@dataclass(frozen=True)
class Warned:
    """Something the user should know; it stops nothing."""

    text: str


Told = Connected | Uploaded | Preparing | Checking | Planned | PlannedDeletion | PlannedRecovery | Warned
Rotation = RotationStarted | RotationEnded | ServiceDeploymentStarted | ServiceDeploymentEnded
Event = Told | Started | Happened | Noticed | TaskStarted | TaskLog | TaskEnded | Rotation | Following | Lost | Ended


@dataclass(frozen=True)
class Question:
    """Something only a person, or the flag in `answered_by`, may decide. `typed` is what a person must type, if any;
    `then` is the flag that answers the question behind it.
    """

    text: str
    answered_by: str
    typed: str = ""
    then: str = ""

    @property
    def hint(self) -> str:
        """Return what to type where nobody can be asked: all of it, so that one more try is enough."""
        return f"answer with {self.answered_by} {self.then}".rstrip()


class Ui(Protocol):
    """Who listens and answers."""

    def tell(self, event: Event) -> None:
        """Take note of an event."""

    def confirm(self, question: Question) -> bool:
        """Ask. Without anybody to ask it raises Refused and names `answered_by`."""


class Silent:
    """Drops the report of a connection, which what follows reports again."""

    def tell(self, event: Event) -> None:
        """Pass nothing on."""

    def confirm(self, question: Question) -> bool:
        """Agree to nothing."""
        return False


@dataclass(frozen=True)
class Timer:
    """A clock in seconds that never goes back, a way to wait, the seconds since 1970, UTC, and how work in threads is
    waited for: until an event is set, at most so many seconds. `longest` bounds the wait between two looks: who looks
    at this machine's emulator takes nothing from anybody else.
    """

    now: Callable[[], float]
    sleep: Callable[[float], None]
    date: Callable[[], float] = time.time
    wait: Callable[[threading.Event, float | None], object] = threading.Event.wait
    longest: float = math.inf

    def pause(self, seconds: float) -> None:
        """Wait between two looks at what goes on."""
        self.sleep(min(seconds, self.longest))


@dataclass(frozen=True)
class Session:
    """What every command works with: AWS, who listens, time, and the environment file whose lines are reported.

    `local` says that AWS is the emulator on this machine: what the file names from AWS is not there. `run` is this
    run's own name: its change sets carry it, so that another run knows whose they are. `revision` is the
    commit of the work tree, empty without one, and whether the tree is clean.
    """

    cloud: Cloud
    ui: Ui
    timer: Timer
    file: EnvironmentFile | None = None
    local: bool = False
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    revision: tuple[str, bool] = ("", False)
