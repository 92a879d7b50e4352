"""Amazon EventBridge Scheduler."""

from infragen.resource_types.interruption import NONE, Interruptions, outage
from infragen.resource_types.resource_type import Billing, ResourceType

SCHEDULE = ResourceType(
    "AWS::Scheduler::Schedule",
    holds_data=False,
    billing=Billing.PRICED,
    name_property="Name",
    interruptions=Interruptions(
        outage("what it starts is no longer started"),
        NONE,
        {"State": outage("what it starts is not started while it is disabled")},
    ),
)
"""Charged by the million invocations, less than a cent a month here. The Fargate tasks that a target runs are
unpriced: nothing says how long they take."""

SCHEDULE_GROUP = ResourceType(
    "AWS::Scheduler::ScheduleGroup",
    holds_data=False,
    billing=Billing.FREE,
    name_property="Name",
    interruptions=Interruptions(outage("its schedules are deleted"), outage("its schedules are created again")),
)
"""Deleting a group deletes its schedules, which the stack holds as resources of their own."""

ROWS = (SCHEDULE, SCHEDULE_GROUP)
