"""AWS KMS."""

from infragen.resource_types.resource_type import Billing, ResourceType

ALIAS = ResourceType("AWS::KMS::Alias", holds_data=False, billing=Billing.FREE, name_property="AliasName")
KEY = ResourceType(
    "AWS::KMS::Key", holds_data=True, data="everything that is encrypted with it", billing=Billing.PRICED
)

ROWS = (ALIAS, KEY)
