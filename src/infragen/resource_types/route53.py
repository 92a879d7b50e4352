"""Amazon Route 53."""

from infragen.resource_types.interruption import Interruptions, brief, outage
from infragen.resource_types.resource_type import Billing, ResourceType

HOSTED_ZONE = ResourceType(
    "AWS::Route53::HostedZone",
    holds_data=True,
    data="its records, and the name servers that its domain points at",
    billing=Billing.PRICED,
    name_property="Name",
)
RECORD_SET = ResourceType(
    "AWS::Route53::RecordSet",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=Interruptions(
        outage("its name is not found"),
        outage("its name is not found until clients ask again, its TTL"),
        {
            "AliasTarget": brief("clients use the old address for its TTL"),
            "ResourceRecords": brief("clients use the old address for its TTL"),
            "*": brief("clients may use the old answer for its TTL"),
        },
    ),
)

ROWS = (HOSTED_ZONE, RECORD_SET)
