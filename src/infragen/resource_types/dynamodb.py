"""DynamoDB."""

from infragen.resource_types.resource_type import ResourceType

TABLE = ResourceType(
    "AWS::DynamoDB::Table",
    holds_data=True,
    data="its items",
    deletion_protection="DeletionProtectionEnabled",
    name_property="TableName",
)
GLOBAL_TABLE = ResourceType(
    "AWS::DynamoDB::GlobalTable", holds_data=True, data="its items in every region", name_property="TableName"
)

ROWS = (TABLE, GLOBAL_TABLE)
