"""Whether ECS runs what the stack says.

CloudFormation can call a stack complete although ECS's deployment circuit breaker went back to the old task definition
(aws/containers-roadmap#1205). Only ECS knows; nobody must believe that the new code runs when it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from infragen.assembly.stacks import StackUnit
from infragen.cloud import Cloud
from infragen.errors import CloudError
from infragen.resource_types.ecs import SERVICE

SHOWN = 3


@dataclass(frozen=True)
class Stray:
    """A service that runs another task definition than its stack says, both by ARN; `said` is what ECS tells of it."""

    place: str
    service: str
    running: str
    wanted: str
    said: tuple[str, ...]

    def __str__(self) -> str:
        why = f": {'; '.join(self.said)}" if self.said else ""
        return f"the ECS service {self.place} runs {_short(self.running)} and not {_short(self.wanted)}{why}"

    @property
    def remedy(self) -> str:
        """What to type to have it tried again."""
        cluster, _, name = self.service.partition(":service/")[2].rpartition("/")
        return (
            "its deployment was rolled back, or somebody changed it by hand: mend why its tasks do not stay up, then "
            f"`aws ecs update-service --cluster {cluster or 'default'} --service {name} "
            f"--task-definition {_short(self.wanted)}`, or deploy another image"
        )


def strays(cloud: Cloud, unit: StackUnit, stack_id: str, nested: Mapping[str, str]) -> tuple[Stray, ...]:
    """The services of a deployed unit that run something else; `nested` are its nested stacks' ARNs by layer.

    One ListStackResources for each stack that has services, one DescribeServices for each service.
    """
    ids = {unit.layer: stack_id, **nested}
    found = []
    for layer, body in unit.bodies():
        if layer in ids and any(_services(body)):
            physical = {each.logical_id: each.physical_id for each in cloud.resources(ids[layer])}
            for name, written in _services(body):
                found.append(_stray(cloud, f"{layer}/{name}", physical.get(name, ""), _wanted(written, physical)))
    return tuple(each for each in found if each is not None)


def _services(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, each) for name, each in body.get("Resources", {}).items() if each.get("Type") == SERVICE.name)


def _wanted(written: Mapping[str, Any], found: Mapping[str, str]) -> str:
    """The task definition that the template gives a service: one of the same stack; empty for any other."""
    value = written.get("Properties", {}).get("TaskDefinition")
    return found.get(value["Ref"], "") if isinstance(value, dict) and "Ref" in value else ""


def _stray(cloud: Cloud, place: str, service: str, wanted: str) -> Stray | None:
    running = cloud.running_task_definition(service) if service and wanted else ""
    if running in ("", wanted):
        return None
    said: tuple[str, ...] = ()
    with suppress(CloudError):  # why it does is a help, that it does is what counts
        said = tuple(text for _, text in cloud.service_events(service)[:SHOWN])
    return Stray(place, service, running, wanted, said)


def _short(task_definition: str) -> str:
    """`family:revision`, from an ARN."""
    return task_definition.rpartition("/")[2]
