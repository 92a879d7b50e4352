"""What a deletion or a recovery will do, as values: each stack, and what becomes of each resource in it."""

from __future__ import annotations

from dataclasses import dataclass

from infragen.cloud.cloudformation import OnRecover, StackResource, StackState
from infragen.resource_types import resource_type

MANY = 100
"""From here on a count may be only of what the first page showed (ECR gives a hundred images by default)."""


SHARED_BUCKET = "shared-bucket"
"""What stands for a layer where a bucket that environments share is meant, or the part of one of them in it."""


@dataclass(frozen=True)
class ResourceDeletion:
    """What becomes of one resource: deleted, kept, or snapshotted (and then deleted).

    `slow` tells a function in a VPC, whose network interfaces Lambda gives back slowly (go-to-k/delstack#637). `holds`
    is how much is in a bucket or repository that CloudFormation cannot delete before it is empty. `backups` tells a
    database whose automated backups stay when it is deleted.
    """

    layer: str
    logical_id: str
    type: str
    physical_id: str
    end: str
    protected: bool = False
    slow: bool = False
    holds: int = 0
    backups: bool = False

    @property
    def contents(self) -> str:
        """Return what is in it, in words."""
        return f"{self.holds}{' or more' if self.holds >= MANY else ''} {resource_type(self.type).contents}"

    @property
    def place(self) -> str:
        """Return `layer/LogicalId`."""
        return f"{self.layer}/{self.logical_id}"


@dataclass(frozen=True)
class StackDeletion:
    """One stack to delete, with what becomes of its resources and of those in its nested stacks.

    `inside` are the nested stacks themselves. `failed` are the layers of those among these stacks whose deletion has
    failed before.
    """

    layer: str
    state: StackState
    resources: tuple[ResourceDeletion, ...]
    outputs: frozenset[str]
    parameters: frozenset[str]
    nested: tuple[tuple[str, StackResource], ...] = ()
    inside: tuple[StackState, ...] = ()
    failed: frozenset[str] = frozenset()

    @property
    def protections(self) -> tuple[str, ...]:
        """Return what must be switched off first: the stack's termination protection by its name, resources by their
        place.
        """
        own = (self.state.name,) if self.state.protected else ()
        return (*own, *(each.place for each in self.resources if each.protected))


@dataclass(frozen=True)
class SharedPart:
    """What an environment has in a bucket that it shares: how many objects, below which prefixes of its keys."""

    bucket: str
    environment: str
    prefixes: tuple[str, ...]
    holds: int

    @property
    def place(self) -> str:
        """Return the bucket with the environment's name, as an outcome shows it."""
        return f"{self.bucket}/{self.environment}"

    @property
    def asked(self) -> str:
        """Return what confirms that it may go, as `layer/LogicalId`."""
        return f"{SHARED_BUCKET}/Bucket"

    @property
    def contents(self) -> str:
        """Return what is in it, in words."""
        objects = "1 object" if self.holds == 1 else f"{self.holds} objects"
        return f"{objects} of {self.environment} in the shared bucket {self.bucket}"


@dataclass(frozen=True)
class DestroyPlan:
    """What a deletion will do, in the order in which stacks go; `beside` are the stacks of `bootstrap` that stay, and
    `part` is what goes from a bucket that stays.
    """

    environment: str
    account: str
    region: str
    stacks: tuple[StackDeletion, ...]
    beside: tuple[str, ...] = ()
    part: SharedPart | None = None

    def ending(self, end: str) -> tuple[ResourceDeletion, ...]:
        """Return the resources that end so, over all stacks."""
        return tuple(each for stack in self.stacks for each in stack.resources if each.end == end)

    def slow(self) -> tuple[ResourceDeletion, ...]:
        """Return what is deleted slowly, over all stacks."""
        return tuple(each for each in self.ending("deleted") if each.slow)


@dataclass(frozen=True)
class Stuck:
    """A resource that a rollback could not put back. `skip_name` is how ContinueUpdateRollback names it."""

    place: str
    type: str
    reason: str
    skip_name: str


@dataclass(frozen=True)
class Remedy:
    """What recovers one stack: the action, why it is needed, what is stuck, and what is skipped.

    `loses` is what holds data and goes with it, where the action is no deletion of the stack (`doomed`).
    """

    layer: str
    state: StackState
    action: OnRecover
    why: str
    stuck: tuple[Stuck, ...] = ()
    skipped: tuple[Stuck, ...] = ()
    to_delete: StackDeletion | None = None
    loses: tuple[ResourceDeletion, ...] = ()


@dataclass(frozen=True)
class RecoveryPlan:
    """What a recovery will do, stack by stack."""

    environment: str
    account: str
    region: str
    remedies: tuple[Remedy, ...]
