"""Who holds what cannot be deleted yet: functions in a VPC, and the network interfaces that Lambda gives back slowly.

A security group or subnet cannot go while an interface uses it, and CloudFormation says neither why it waits nor who
holds it (aws-cloudformation/cloudformation-coverage-roadmap#392). What is reported here decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infragen.cloud.cloudformation import StackResource
from infragen.cloud.protocol import Cloud
from infragen.cloud.template import STACK_TYPE
from infragen.engine.follow import LayerEvent
from infragen.engine.progress import Noticed, Session
from infragen.errors import CloudError
from infragen.resource_types import ec2
from infragen.resource_types.lambda_ import FUNCTION

EXPLAINED = 120.0
"""Seconds of deleting after which it is said what is waited for."""

HELD = (ec2.SECURITY_GROUP.name, ec2.SUBNET.name, ec2.VPC.name)
WHY = {
    FUNCTION.name: "still being deleted: Lambda takes 20 to 40 minutes to give back the network interfaces of a "
    "function in a VPC; it is not stuck",
    **dict.fromkeys(HELD, "still being deleted: it can go only when no network interface uses it any more"),
}


class DeletionWatch:
    """Remembers since when each resource is being deleted, and of which it was said why."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._since: dict[str, float] = {}
        self._told: set[str] = set()

    def look(self, events: Sequence[LayerEvent]) -> None:
        """Explain, once each, the deletions that take long."""
        now = self._session.timer.now()
        last = {each.event.physical_id: each for each in events if each.event.type in WHY and each.event.physical_id}
        for name, each in last.items():
            if each.event.status != "DELETE_IN_PROGRESS" or name in self._told:
                continue
            if now - self._since.setdefault(name, now) >= EXPLAINED:
                self._told.add(name)
                resource = StackResource(each.event.logical_id, name, each.event.type, each.event.status)
                users = held_by(self._session.cloud, resource)
                self._session.ui.tell(Noticed(each.layer, each.event.logical_id, f"{WHY[each.event.type]}{users}"))


def held_by(cloud: Cloud, resource: StackResource) -> str:
    """Return ` (used by …)`: the network interfaces that hold a resource; empty when there are none, or nobody may
    look.
    """
    try:
        names = cloud.network_interfaces(resource) if resource.type in HELD else ()
    except CloudError:
        return ""
    return f" (used by {', '.join(names)})" if names else ""


def held(cloud: Cloud, stack_id: str) -> Iterator[str]:
    """Yield what a deletion failed on because something may hold it, with who does; in nested stacks, too."""
    for each in cloud.resources(stack_id):
        if each.status != "DELETE_FAILED":
            continue
        if each.type == STACK_TYPE and each.physical_id:
            yield from held(cloud, each.physical_id)
        elif each.type in HELD:
            yield f"{each.logical_id} {each.physical_id}{held_by(cloud, each)}"
