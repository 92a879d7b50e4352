"""AWS KMS."""

from infragen.resource_types.resource_type import Billing, Loss, ResourceType, When

ALIAS = ResourceType("AWS::KMS::Alias", holds_data=False, billing=Billing.FREE, name_property="AliasName")
KEY = ResourceType(
    "AWS::KMS::Key",
    holds_data=True,
    data="everything that is encrypted with it",
    billing=Billing.PRICED,
    losses=(
        Loss("Enabled", When.OFF, "nothing that is encrypted with it can be read", default=True),
        Loss("PendingWindowInDays", When.LESS, "its deletion can be undone for {less:g} days less", default=30),
    ),
)

ROWS = (ALIAS, KEY)
