"""Amazon RDS and Aurora."""

from infragen.resource_types.interruption import NONE, UNKNOWN, Interruptions, brief, impossible, outage
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
    interruptions=Interruptions(
        outage("the database is gone"),
        outage("the application gets a new, empty database"),
        {
            "Port": outage("clients must use the other port at once"),
            "DBClusterParameterGroupName": brief("a restart of its instances, about a minute"),
            "VpcSecurityGroupIds": brief("connections that no rule allows any more end"),
            "NetworkType": brief("a restart of its instances, about a minute"),
            "EnableHttpEndpoint": outage("the Data API is not answered while it is off"),
            "MasterUserPassword": brief("who logs in with the old password is refused"),
            "MasterUsername": outage("who logs in with the old name is refused"),
            "EngineMode": UNKNOWN,
        },
    ),
    safe={
        "StorageEncrypted": (True,),
        "KmsKeyId": (),
        "PerformanceInsightsKmsKeyId": (),
        "CopyTagsToSnapshot": (True,),
    },
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
    interruptions=Interruptions(
        outage("connections to it end; a failover, about a minute, when it is the writer"),
        outage("connections to it end, and a new one needs 8 to 12 minutes"),
        {
            "DBInstanceClass": brief("a restart, with a failover of about a minute when it is the writer"),
            "EngineVersion": brief("a restart, about a minute"),
            "AutoMinorVersionUpgrade": NONE,
            "CACertificateIdentifier": brief("a restart, about a minute"),
            "DBParameterGroupName": brief("a restart, about a minute"),
            "PubliclyAccessible": brief("connections end while its address changes"),
            "AllocatedStorage": brief("slower for hours while storage is moved"),
            "StorageType": brief("slower for hours while storage is moved"),
            "MultiAZ": brief("slower while the standby is created"),
            "BackupRetentionPeriod": brief("a pause of seconds when backups are switched on or off"),
            "VPCSecurityGroups": brief("connections that no rule allows any more end"),
            "Port": outage("clients must use the other port at once"),
            "Engine": UNKNOWN,
        },
    ),
    safe={"PubliclyAccessible": (False,)},
)
"""An instance that belongs to a cluster is deleted without a snapshot (User Guide, "DeletionPolicy attribute")."""
DB_CLUSTER_PARAMETER_GROUP = ResourceType(
    "AWS::RDS::DBClusterParameterGroup",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=Interruptions(
        NONE,
        brief("a restart of the instances that use it, about a minute"),
        {"Parameters": brief("static parameters take effect at a restart of the instances, about a minute")},
    ),
    safe={"Parameters.rds.force_ssl": ("1", 1)},
)
DB_PARAMETER_GROUP = ResourceType(
    "AWS::RDS::DBParameterGroup",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=Interruptions(
        NONE,
        brief("a restart of the instances that use it, about a minute"),
        {"Parameters": brief("static parameters take effect at a restart of the instances, about a minute")},
    ),
)
DB_PROXY = ResourceType("AWS::RDS::DBProxy", holds_data=False, billing=Billing.PRICED, name_property="DBProxyName")
DB_PROXY_TARGET_GROUP = ResourceType("AWS::RDS::DBProxyTargetGroup", holds_data=False, billing=Billing.FREE)
DB_SUBNET_GROUP = ResourceType(
    "AWS::RDS::DBSubnetGroup",
    holds_data=False,
    billing=Billing.FREE,
    foundation=True,
    name_property="DBSubnetGroupName",
    interruptions=Interruptions(
        outage("a cluster without its subnets is unreachable"),
        impossible("a cluster does not move to another subnet group"),
        {"SubnetIds": brief("RDS refuses to let go of a subnet in which an instance stands")},
    ),
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
