"""Amazon EventBridge."""

from infragen.resource_types.interruption import Interruptions, brief, outage
from infragen.resource_types.resource_type import Billing, ResourceType

RULE = ResourceType(
    "AWS::Events::Rule",
    holds_data=False,
    billing=Billing.PRICED,
    name_property="Name",
    interruptions=Interruptions(
        outage("its events reach nobody"),
        brief("events of some seconds reach nobody"),
        {"State": outage("its events reach nobody while it is disabled")},
    ),
)
"""Rules are charged by the million events, less than a cent a month for what these layers send. The tasks that a target
runs on ECS are unpriced: nothing says how long they take."""

ROWS = (RULE,)
