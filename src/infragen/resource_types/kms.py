"""AWS KMS."""

from infragen.resource_types.interruption import Interruptions, brief, outage
from infragen.resource_types.resource_type import Billing, Loss, ResourceType, When

ALIAS = ResourceType(
    "AWS::KMS::Alias",
    holds_data=False,
    billing=Billing.FREE,
    name_property="AliasName",
    interruptions=Interruptions(
        outage("who uses it by this name is refused"), brief("who uses it by this name is refused for seconds")
    ),
)
KEY = ResourceType(
    "AWS::KMS::Key",
    importable=True,
    delete_command="aws kms schedule-key-deletion --key-id {}",
    kept_price="kms-key-month",
    holds_data=True,
    data="everything that is encrypted with it",
    billing=Billing.PRICED,
    losses=(
        Loss("Enabled", When.OFF, "nothing that is encrypted with it can be read", default=True),
        Loss("PendingWindowInDays", When.LESS, "its deletion can be undone for {less:g} days less", default=30),
    ),
    keeps=frozenset({"BypassPolicyLockoutSafetyCheck", "EnableKeyRotation", "KeyPolicy", "RotationPeriodInDays"}),
    interruptions=Interruptions(
        outage("what is encrypted with it cannot be read"),
        outage("what is encrypted with the old one cannot be read once that is deleted"),
        {"Enabled": outage("what is encrypted with it cannot be read while it is disabled")},
    ),
    safe={"EnableKeyRotation": (True,)},
)

ROWS = (ALIAS, KEY)
