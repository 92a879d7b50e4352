"""The tag of the image that runs again after an update was rolled back: what to deploy with until the new one works.

Reads only. Whoever repeats the deployment with the tag that failed is rolled back again, so that the next step names
the last good one wherever the stack or ECS says it.
"""

from __future__ import annotations

from collections.abc import Iterable

from infragen.cloud.cloudformation import StackEvent, StackState
from infragen.cloud.protocol import Cloud
from infragen.engine.evidence import wanted_definitions
from infragen.engine.follow import LayerEvent
from infragen.errors import CloudError
from infragen.layers.image_repository import ImageTag
from infragen.resource_types.ecs import SERVICE, TASK_DEFINITION

ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"


def tag_after_rollback(cloud: Cloud, state: StackState, failure: StackEvent, events: Iterable[LayerEvent]) -> str:
    """Return the tag that a rolled back stack has again, where the operation gave a service another task definition;
    else "".

    The two task definitions say it: what the service runs again, and what was wanted; where both have the same image,
    no image was rolled back. Where they cannot be read, the stack's own parameter says it: a rollback restores
    parameters (API reference, DescribeStacks, read 2026-11-29).
    """
    events = tuple(events)
    if state.status != ROLLED_BACK:
        return ""
    found = (each.event for each in events if each.event.type == SERVICE.name and each.event.physical_id)
    service = failure if failure.type == SERVICE.name else next(found, None)
    if service is None and not any(each.event.type == TASK_DEFINITION.name for each in events):
        return ""
    images = _images(cloud, service, events) if service is not None else None
    if images is not None and images[0] == images[1]:
        return ""
    return (_tag_instead(*images) if images else "") or state.parameters.get(ImageTag.name, "")


Images = dict[str, str]
"""The image of each container of a task definition."""


def _images(cloud: Cloud, service: StackEvent, events: Iterable[LayerEvent]) -> tuple[Images, Images] | None:
    """Return the images that a service runs and those that were wanted; None where nobody can tell."""
    try:
        running = cloud.running_service(service.physical_id).task_definition if service.physical_id else ""
        wanted = next(iter(wanted_definitions(service, events)), "")
        good, bad = (_image_of(cloud, arn) if arn else {} for arn in (running, wanted))
    except CloudError:  # it is a help, the cause is what counts
        return None
    return (good, bad) if good and bad else None


def _image_of(cloud: Cloud, definition: str) -> Images:
    return {each.name: each.image for each in cloud.task_containers(definition)}


def tag_instead_of(cloud: Cloud, running: str, wanted: str) -> str:
    """Return the tag that runs instead of the new one, of the same repository, by the ARNs of two task definitions;
    empty where nobody can tell.
    """
    try:
        return _tag_instead(_image_of(cloud, running), _image_of(cloud, wanted))
    except CloudError:  # it is a help, that another definition runs is what counts
        return ""


def _tag_instead(good: Images, bad: Images) -> str:
    for name, image in good.items():
        repository, colon, tag = image.rpartition(":")
        if (
            colon
            and "/" not in tag
            and "@" not in image
            and image != bad.get(name, image)
            and bad[name].rpartition(":")[0] == repository
        ):
            return tag
    return ""
