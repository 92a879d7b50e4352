"""Whether ECS runs what the stack says.

CloudFormation can call a stack complete although ECS's deployment circuit breaker went back to the old task definition
(aws/containers-roadmap#1205). Only ECS knows; nobody must believe that the new code runs when it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infragen.assembly.stacks import StackUnit
from infragen.cloud.protocol import Cloud, RunningService
from infragen.engine.evidence import of_service, short
from infragen.engine.last_image import tag_instead_of
from infragen.engine.outcome import Explanation
from infragen.resource_types.ecs import SERVICE


@dataclass(frozen=True)
class Stray:
    """A service that runs another task definition than its stack says, both by ARN, and why, as other services tell.

    `last_tag` is the tag of the image that runs, where the new one is another of the same repository.
    """

    place: str
    service: str
    running: str
    wanted: str
    explanation: Explanation = field(default_factory=Explanation)
    last_tag: str = ""

    def __str__(self) -> str:
        return f"the ECS service {self.place} runs {short(self.running)} and not {short(self.wanted)}"

    @property
    def remedy(self) -> str:
        """Return what to type next. Never what was just rolled back: its tasks would stop again."""
        steps = [
            "its deployment was rolled back, or it was changed outside CloudFormation: fix why its tasks do not stay up"
        ]
        if self.last_tag:
            back = f"`infragen deploy --image-tag {self.last_tag}` makes the stack match the running tasks"
            steps = [f"{steps[0]}, then deploy again, a changed image under a new tag", back]
        return self.explanation.beside("; ".join(steps))


@dataclass(frozen=True)
class ServiceCheck:
    """What ECS says of the services of a unit: those that run something else, and the places of those that want no
    task, so that nothing proves what they would run.
    """

    strays: tuple[Stray, ...] = ()
    idle: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a deployment that went well does not prove."""
        return tuple(
            f"{each} wants 0 tasks: none ran, so that nothing proves the image and its settings" for each in self.idle
        )


def check_services(cloud: Cloud, unit: StackUnit, stack_id: str, nested: Mapping[str, str]) -> ServiceCheck:
    """Compare the services of a deployed unit with ECS; `nested` are its nested stacks' ARNs by layer.

    One ListStackResources for each stack that has services, one DescribeServices for each service.
    """
    ids = {unit.layer: stack_id, **nested}
    found, idle = list[Stray](), list[str]()
    for layer, body in unit.bodies():
        if layer in ids and any(_services(body)):
            physical = {each.logical_id: each.physical_id for each in cloud.resources(ids[layer])}
            for name, written in _services(body):
                place, service, wanted = f"{layer}/{name}", physical.get(name, ""), _wanted(written, physical)
                running = cloud.running_service(service) if service and wanted else RunningService()
                if running.desired == 0:
                    idle.append(place)
                if running.task_definition not in ("", wanted):
                    found.append(_stray(cloud, place, service, running.task_definition, wanted))
    return ServiceCheck(tuple(found), tuple(idle))


def _services(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, each) for name, each in body.get("Resources", {}).items() if each.get("Type") == SERVICE.name)


def _wanted(written: Mapping[str, Any], found: Mapping[str, str]) -> str:
    """Return the task definition that the template gives a service: one of the same stack; empty for any other."""
    value = written.get("Properties", {}).get("TaskDefinition")
    return found.get(value["Ref"], "") if isinstance(value, dict) and "Ref" in value else ""


def _stray(cloud: Cloud, place: str, service: str, running: str, wanted: str) -> Stray:
    explanation = of_service(cloud, service, {wanted})
    return Stray(place, service, running, wanted, explanation, tag_instead_of(cloud, running, wanted))
