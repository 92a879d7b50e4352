"""DynamoDB."""

from infragen.resource_types.resource_type import Loss, ResourceType, When

TABLE = ResourceType(
    "AWS::DynamoDB::Table",
    holds_data=True,
    data="its items",
    deletion_protection="DeletionProtectionEnabled",
    name_property="TableName",
    losses=(
        Loss("DeletionProtectionEnabled", When.OFF, "DynamoDB no longer refuses to delete it", default=False),
        Loss(
            "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled",
            When.OFF,
            "point-in-time recovery ends at once",
            default=False,
        ),
        Loss(
            "PointInTimeRecoverySpecification.RecoveryPeriodInDays",
            When.LESS,
            "{less:g} days of point-in-time recovery end at once",
            default=35,
        ),
        Loss("TimeToLiveSpecification", When.CHANGED, "items expire that were kept"),
    ),
)
GLOBAL_TABLE = ResourceType(
    "AWS::DynamoDB::GlobalTable", holds_data=True, data="its items in every region", name_property="TableName"
)

ROWS = (TABLE, GLOBAL_TABLE)
