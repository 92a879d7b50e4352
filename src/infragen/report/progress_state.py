"""What is known of a running operation: stacks, what is busy in them, what is done, what failed, and for how long.

Fed with the engine's events; a terminal's tree, a log's heartbeat and the JSON lines are made from it.
It prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from infragen.assembly.stacks import ROOT
from infragen.cloud.cloudformation import StackEvent
from infragen.cloud.template import STACK_TYPE
from infragen.engine.outcome import CANCELLED, Failed, Outcome
from infragen.engine.progress import (
    Ended,
    Event,
    Happened,
    Planned,
    RotationEnded,
    RotationStarted,
    ServiceDeploymentEnded,
    ServiceDeploymentStarted,
    Started,
    TaskEnded,
    TaskStarted,
)


@dataclass(frozen=True)
class Work:
    """A resource that is in progress, or has just failed: since when by AWS's clock, and AWS's words."""

    layer: str
    logical_id: str
    type: str
    status: str
    since: datetime
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Return whether it is over, and badly."""
        return self.status.endswith("_FAILED")

    @property
    def place(self) -> str:
        """Return `layer/LogicalId`."""
        return f"{self.layer}/{self.logical_id}"


@dataclass
class Stack:
    """One stack. `begun` is our clock's; how long it took is AWS's to say. `planned` are the logical ids of what the
    plan changes in it, empty when there was no plan: then whatever happens counts.
    """

    layer: str
    planned: frozenset[str]
    begun: float
    done: set[str] = field(default_factory=set)
    busy: dict[str, Work] = field(default_factory=dict)
    failures: dict[str, Work] = field(default_factory=dict)
    deleting: bool = False
    ended: bool = False
    failed: bool = False
    first: datetime | None = None
    last: datetime | None = None


class Scene:
    """Listens to the events of one command. `clock` is in seconds and never goes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.stacks: dict[str, Stack] = {}
        self.running: dict[str, str] = {}
        self.tasks: dict[str, str] = {}
        self.planned: dict[str, frozenset[str]] = {}
        self._clock = clock
        self._ahead: float | None = None

    def take(self, event: Event) -> None:
        """Take note of an event; those that are not about stacks change nothing."""
        match event:
            case Planned(plan):
                changes = {stack.layer: frozenset(each.logical_id for each in stack.changes) for stack in plan.stacks}
                self.planned = {layer: names for layer, names in changes.items() if names}
            case Started(layer, stack, action):
                self.running[layer] = stack
                self.stacks[layer] = self._stack(layer, deleting=action == "delete")
            case Happened(_, each):
                self._happened(each.layer, each.event)
            case Ended(outcome):
                self._end(outcome)
            case TaskStarted(purpose, task):
                self.tasks[task] = f"the {purpose} task"
            case TaskEnded(_, task):
                self.tasks.pop(task, None)
            case RotationStarted(secret):
                self.tasks[secret] = "the rotation"
            case ServiceDeploymentStarted(service):
                self.tasks[service] = f"the deployment of {service.rpartition('/')[2]}"
            case RotationEnded(ended) | ServiceDeploymentEnded(ended):
                self.tasks.pop(ended, None)
            case _:
                pass

    def seconds(self, since: datetime) -> float:
        """Return seconds from a time of AWS's to now. AWS's now is its newest event and the time since that came in, so
        that no clock of ours is compared with one of AWS's.
        """
        return max(0.0, self._clock() + (self._ahead or 0.0) - since.timestamp())

    def took(self, event: Event) -> float | None:
        """Return seconds that a resource was in progress, or a stack was worked on, before this event; None when its
        beginning was not seen. To be asked before the event is taken.
        """
        if isinstance(event, Happened):
            stack, ended = self.stacks.get(event.event.layer), event.event.event
            begun = stack.busy.get(ended.logical_id) if stack else None
            return (ended.time - begun.since).total_seconds() if begun else None
        stack = self.stacks.get(event.outcome.layer) if isinstance(event, Ended) else None
        return self._clock() - stack.begun if stack else None

    def elapsed(self, stack: Stack) -> float:
        """Return how long a stack has run, or how long it took by the times of its events."""
        if stack.ended and stack.first and stack.last:
            return (stack.last - stack.first).total_seconds()
        return self.seconds(stack.first) if stack.first else self._clock() - stack.begun

    def work(self) -> list[Work]:
        """Return what is in progress in all stacks, the longest first; a stack only where nothing in it is."""
        found = [each for stack in list(self.stacks.values()) for each in list(stack.busy.values())]
        inside = [each for each in found if each.type != STACK_TYPE]
        return sorted(inside or found, key=lambda each: each.since)

    def _met(self, layer: str) -> Stack:
        """Return a stack by its events; a nested one shares the purpose of the one it is in."""
        if layer not in self.stacks:
            parent = self.stacks.get(layer.rpartition("/")[0] or ROOT)
            self.stacks[layer] = self._stack(layer, deleting=parent is not None and parent.deleting)
        return self.stacks[layer]

    def _stack(self, layer: str, *, deleting: bool) -> Stack:
        return Stack(layer, self.planned.get(layer, frozenset()), self._clock(), deleting=deleting)

    def _happened(self, layer: str, event: StackEvent) -> None:
        ahead = event.time.timestamp() - self._clock()
        self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)
        stack = self._met(layer)
        stack.first, stack.last = stack.first or event.time, event.time
        if event.of_stack_itself:
            self._of_stack(stack, event)
        elif event.status.endswith("_IN_PROGRESS"):
            begun = stack.busy.get(event.logical_id)
            since = begun.since if begun and begun.status == event.status else event.time
            stack.busy[event.logical_id] = Work(layer, event.logical_id, event.type, event.status, since, event.reason)
            stack.ended = False
        else:
            self._finished(stack, event)

    def _of_stack(self, stack: Stack, event: StackEvent) -> None:
        going = event.status == "DELETE_IN_PROGRESS" and any(each.failed for each in self.stacks.values())
        if event.status.endswith("ROLLBACK_IN_PROGRESS") or (going and not stack.deleting):
            stack.failed = True
        elif not event.status.endswith("_IN_PROGRESS"):
            wrong = any(each.status != "DELETE_FAILED" for each in stack.failures.values())  # a clean-up may fail
            stack.ended, stack.failed = True, stack.failed or wrong or event.status.endswith("_FAILED")
            stack.busy.clear()

    @staticmethod
    def _finished(stack: Stack, event: StackEvent) -> None:
        """Count what is done: all that has completed, less what a rollback takes away again."""
        stack.busy.pop(event.logical_id, None)
        if event.status.endswith("_FAILED"):
            if event.reason not in CANCELLED:
                failure = Work(stack.layer, event.logical_id, event.type, event.status, event.time, event.reason)
                stack.failures.setdefault(event.logical_id, failure)
        elif stack.failed and not stack.deleting:
            stack.done.discard(event.logical_id)
        elif stack.deleting or not event.status.startswith("DELETE_") or event.logical_id in stack.planned:
            stack.done.add(event.logical_id)

    def _end(self, outcome: Outcome) -> None:
        self.running.pop(outcome.layer, None)
        stack = self.stacks.get(outcome.layer)
        if stack is None:  # it will not begin
            self.planned = {layer: names for layer, names in self.planned.items() if layer != outcome.layer}
        else:
            stack.ended, stack.failed = True, isinstance(outcome, Failed)
            stack.busy.clear()
