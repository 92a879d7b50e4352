"""DynamoDB."""

from infragen.resource_types.resource_type import Loss, ResourceType, When

TABLE = ResourceType(
    "AWS::DynamoDB::Table",
    importable=True,
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
        Loss("TimeToLiveSpecification.Enabled", When.ON, "items expire that were kept", default=False),
        Loss(
            "TimeToLiveSpecification.AttributeName",
            When.CHANGED,
            "items expire by another attribute",
            weakest=(None,),
        ),
        Loss("GlobalSecondaryIndexes", When.DROPS, "the index is deleted, with what reads it"),
        Loss("VectorIndexes", When.DROPS, "the index is deleted, with what reads it"),
        Loss("StreamSpecification", When.ANY, "what reads its stream misses what is in it"),
    ),
    keeps=frozenset(
        {
            "AttributeDefinitions",
            "BillingMode",
            "ContributorInsightsSpecification",
            "OnDemandThroughput",
            "ProvisionedThroughput",
            "ResourcePolicy",
            "SSESpecification",
            "TableClass",
            "WarmThroughput",
        }
    ),
)
GLOBAL_TABLE = ResourceType(
    "AWS::DynamoDB::GlobalTable",
    holds_data=True,
    data="its items in every region",
    name_property="TableName",
    losses=(
        Loss("Replicas", When.DROPS, "its items in that region are deleted"),
        Loss("Replicas", When.CHANGED, "infragen does not know what a change within it loses"),
        Loss("GlobalSecondaryIndexes", When.DROPS, "the index is deleted, with what reads it"),
    ),
)

ROWS = (TABLE, GLOBAL_TABLE)
