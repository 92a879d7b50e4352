"""Amazon EventBridge."""

from infragen.resource_types.interruption import Interruptions, brief, drops, outage
from infragen.resource_types.resource_type import Billing, Loss, ResourceType, When

RULE = ResourceType(
    "AWS::Events::Rule",
    holds_data=False,
    billing=Billing.PRICED,
    name_property="Name",
    interruptions=Interruptions(
        outage("its events reach no target"),
        brief("events of some seconds reach no target"),
        {
            "State": outage("its events reach no target while it is disabled"),
            "Targets": drops(outage("its events no longer reach a target as before"), at="Id"),
        },
    ),
)
"""Rules are charged by the million events, less than a cent a month for what these layers send. The tasks that a target
runs on ECS are unpriced: nothing says how long they take."""

ARCHIVE = ResourceType(
    "AWS::Events::Archive",
    holds_data=True,
    data="its events",
    name_property="ArchiveName",
    losses=(
        Loss("RetentionDays", When.LESS, "events older than {after:g} days are deleted", default=0, endless=(0,)),
        Loss("EventPattern", When.CHANGED, "events that it does not match are no longer kept"),
    ),
    keeps=frozenset({"KmsKeyIdentifier"}),
)
"""0 keeps events forever (EventBridge API reference, CreateArchive, RetentionDays)."""

ROWS = (ARCHIVE, RULE)
