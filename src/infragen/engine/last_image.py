"""The tag of the image that runs again after an update was rolled back: what to deploy with until the new one works.

Reads only. Whoever repeats the deployment with the tag that failed is rolled back again, so that the next step names
the last good one wherever the stack or ECS says it.
"""

from __future__ import annotations

from collections.abc import Iterable

from infragen.cloud import Cloud
from infragen.cloudformation import StackEvent, StackState
from infragen.engine.evidence import wanted_definitions
from infragen.engine.follow import LayerEvent
from infragen.errors import CloudError
from infragen.layers.image_repository import ImageTag
from infragen.resource_types.ecs import SERVICE, TASK_DEFINITION

ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"


def tag_after_rollback(cloud: Cloud, state: StackState, failure: StackEvent, events: Iterable[LayerEvent]) -> str:
    """Return the tag that a rolled back stack has again, where the operation gave a service another task definition;
    else "".

    The stack's own parameter says it: a rollback restores parameters (API reference, DescribeStacks, read 2026-11-29).
    Where the template has no such parameter, the service that failed says it: what runs, and what was wanted.
    """
    events = tuple(events)
    if state.status != ROLLED_BACK:
        return ""
    of_service = failure.type == SERVICE.name
    if not of_service and not any(each.event.type == TASK_DEFINITION.name for each in events):
        return ""
    tag = state.parameters.get(ImageTag.name, "")
    if tag or not (of_service and failure.physical_id):
        return tag
    try:
        running = cloud.running_service(failure.physical_id).task_definition
    except CloudError:  # it is a help, the cause is what counts
        return ""
    wanted = next(iter(wanted_definitions(failure, events)), "")
    return tag_instead_of(cloud, running, wanted) if running and wanted else ""


def tag_instead_of(cloud: Cloud, running: str, wanted: str) -> str:
    """Return the tag that runs instead of the new one, of the same repository, by the ARNs of two task definitions;
    empty where nobody can tell.
    """
    try:
        good, bad = ({each.name: each.image for each in cloud.task_containers(arn)} for arn in (running, wanted))
    except CloudError:  # it is a help, that another definition runs is what counts
        return ""
    for name, image in good.items():
        repository, colon, tag = image.rpartition(":")
        if colon and "/" not in tag and image != bad.get(name, image) and bad[name].rpartition(":")[0] == repository:
            return tag
    return ""
