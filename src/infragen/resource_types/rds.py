"""Amazon RDS and Aurora."""

from infragen.resource_types.resource_type import COMMON, Billing, Loss, ResourceType, UsualMinutes, When

_BACKUPS = Loss("BackupRetentionPeriod", When.LESS, "{less:g} days of point-in-time recovery end at once", default=1)
_PROTECTION = Loss("DeletionProtection", When.OFF, "RDS no longer refuses to delete it", default=False)
_AUTOMATED = Loss("DeleteAutomatedBackups", When.ON, "its automated backups are deleted together with it", default=True)
_INSIGHTS = Loss(
    "PerformanceInsightsRetentionPeriod", When.LESS, "{less:g} days of Performance Insights history end at once",
    default=7,
)  # fmt: skip

DB_CLUSTER = ResourceType(
    "AWS::RDS::DBCluster",
    holds_data=True,
    data="its databases and their automated backups",
    billing=Billing.PRICED,
    deletion_policy="Snapshot",
    deletion_protection="DeletionProtection",
    foundation=True,
    name_property="DBClusterIdentifier",
    usual_minutes={
        "CREATE": UsualMinutes(1, 3, f"storage in three zones; {COMMON}"),
        "DELETE": UsualMinutes(1, 10, f"a last snapshot first, where the policy asks for one; {COMMON}"),
    },
    losses=(
        _BACKUPS,
        _PROTECTION,
        _AUTOMATED,
        _INSIGHTS,
        Loss("BacktrackWindow", When.LESS, "the cluster can be rewound {less:g} seconds less", default=0),
        Loss("PerformanceInsightsEnabled", When.OFF, "its Performance Insights history ends", default=False),
    ),
    keeps=frozenset({"CopyTagsToSnapshot", "PreferredBackupWindow", "SnapshotIdentifier"}),
)
DB_INSTANCE = ResourceType(
    "AWS::RDS::DBInstance",
    holds_data=True,
    data="its databases, or the cluster's copy of them",
    billing=Billing.PRICED,
    deletion_policy="Snapshot",
    deletion_protection="DeletionProtection",
    name_property="DBInstanceIdentifier",
    usual_minutes={
        "CREATE": UsualMinutes(8, 12, f"a new host joins the cluster; {COMMON}"),
        "DELETE": UsualMinutes(3, 10, COMMON),
    },
    losses=(
        _BACKUPS,
        _PROTECTION,
        _AUTOMATED,
        _INSIGHTS,
        Loss("EnablePerformanceInsights", When.OFF, "its Performance Insights history ends", default=False),
    ),
    keeps=frozenset(
        {
            "BackupTarget",
            "CopyTagsToSnapshot",
            "DBSnapshotIdentifier",
            "DBClusterSnapshotIdentifier",
            "PreferredBackupWindow",
        }
    ),
)
"""An instance that belongs to a cluster is deleted without a snapshot (User Guide, "DeletionPolicy attribute")."""
DB_CLUSTER_PARAMETER_GROUP = ResourceType("AWS::RDS::DBClusterParameterGroup", holds_data=False, billing=Billing.FREE)
DB_PARAMETER_GROUP = ResourceType("AWS::RDS::DBParameterGroup", holds_data=False, billing=Billing.FREE)
DB_PROXY = ResourceType("AWS::RDS::DBProxy", holds_data=False, billing=Billing.PRICED, name_property="DBProxyName")
DB_PROXY_TARGET_GROUP = ResourceType("AWS::RDS::DBProxyTargetGroup", holds_data=False, billing=Billing.FREE)
DB_SUBNET_GROUP = ResourceType(
    "AWS::RDS::DBSubnetGroup",
    holds_data=False,
    billing=Billing.FREE,
    foundation=True,
    name_property="DBSubnetGroupName",
)
GLOBAL_CLUSTER = ResourceType(
    "AWS::RDS::GlobalCluster",
    holds_data=True,
    data="its databases in every region",
    name_property="GlobalClusterIdentifier",
)

ROWS = (
    DB_CLUSTER, DB_INSTANCE, DB_CLUSTER_PARAMETER_GROUP, DB_PARAMETER_GROUP, DB_PROXY, DB_PROXY_TARGET_GROUP,
    DB_SUBNET_GROUP, GLOBAL_CLUSTER,
)  # fmt: skip
