"""AWS WAF. The logs of a web ACL are charged as those of their log group."""

from infragen.resource_types.interruption import NOBODY_WAITS, NONE, Interruptions, holds, outage
from infragen.resource_types.resource_type import Billing, ResourceType

LOGGING_CONFIGURATION = ResourceType(
    "AWS::WAFv2::LoggingConfiguration",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=NOBODY_WAITS,
)
WEB_ACL = ResourceType(
    "AWS::WAFv2::WebACL",
    holds_data=False,
    billing=Billing.PRICED,
    name_property="Name",
    interruptions=Interruptions(
        NONE, NONE, {"DefaultAction": holds("Block", outage("requests that no rule allows are refused"))}
    ),
)
WEB_ACL_ASSOCIATION = ResourceType(
    "AWS::WAFv2::WebACLAssociation",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=NOBODY_WAITS,
)

ROWS = (LOGGING_CONFIGURATION, WEB_ACL, WEB_ACL_ASSOCIATION)
