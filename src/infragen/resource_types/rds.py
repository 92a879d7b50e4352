"""Amazon RDS and Aurora."""

from infragen.resource_types.interruption import NONE, UNKNOWN, Interruptions, becomes, brief, impossible, outage
from infragen.resource_types.relied_on import ReliedOn
from infragen.resource_types.resource_type import COMMON, Billing, Loss, ResourceType, UsualMinutes, When

_BACKUPS = Loss("BackupRetentionPeriod", When.LESS, "{less:g} days of point-in-time recovery end at once", default=1)
_PROTECTION = Loss("DeletionProtection", When.OFF, "RDS no longer refuses to delete it", default=False)
_AUTOMATED = Loss("DeleteAutomatedBackups", When.ON, "its automated backups are deleted together with it", default=True)
_INSIGHTS = Loss(
    "PerformanceInsightsRetentionPeriod", When.LESS, "{less:g} days of Performance Insights history end at once",
    default=7,
)  # fmt: skip

_MASTER_SECRET = Loss(
    "ManageMasterUserPassword", When.OFF, "the secret with its administrator's password is deleted", default=False
)
_INSIGHTS_MODE = Loss(
    "DatabaseInsightsMode",
    When.CHANGED,
    "history of Database Insights may end",
    weakest=(None, "standard"),
    default="standard",
)

KEEPS = frozenset({
    "AllocatedStorage", "AssociatedRoles", "AutoMinorVersionUpgrade", "AvailabilityZone", "AvailabilityZones",
    "CopyTagsToSnapshot", "Domain", "DomainIAMRoleName", "EnableCloudwatchLogsExports",
    "EnableIAMDatabaseAuthentication", "EngineLifecycleSupport", "EngineVersion", "Iops",
    "MasterUserAuthenticationType", "MasterUserPassword", "MasterUserSecret", "MasterUsername",
    "MonitoringInterval", "MonitoringRoleArn", "NetworkType", "Port", "PreferredBackupWindow",
    "PreferredMaintenanceWindow", "StorageType",
})  # fmt: skip
"""What a cluster and an instance share. Storage only grows (API reference, ModifyDBInstance, AllocatedStorage), and
that an engine version only goes up, `gates.interruption` holds."""

TUNING = frozenset(f"Parameters.{name}*" for name in (
    "auto_explain", "autovacuum", "client_encoding", "deadlock_timeout", "default_statistics_target",
    "default_transaction", "effective_", "idle_", "lock_timeout", "log_autovacuum", "log_connections",
    "log_disconnections", "log_duration", "log_error_verbosity", "log_line_prefix", "log_lock", "log_min",
    "log_statement", "log_temp", "long_query_time", "maintenance_work_mem", "max_connections", "max_parallel",
    "max_worker", "min_parallel", "password_encryption", "pg_stat", "random_page_cost", "rds.force_ssl",
    "require_secure_transport", "shared_buffers", "shared_preload_libraries", "slow_query_log", "ssl_",
    "statement_timeout", "timezone", "tls", "track_", "work_mem",
))  # fmt: skip
"""Parameters of which no value loses what is committed (PostgreSQL 17, chapter 19; MySQL 8.4, chapter 7.1.8); any other
is asked about."""

DURABILITY = (
    Loss(
        "Parameters/synchronous_commit",
        When.CHANGED,
        "what is committed may be lost with the instance",
        weakest=("off",),
    ),
    Loss(
        "Parameters/innodb_flush_log_at_trx_commit",
        When.CHANGED,
        "what is committed may be lost with the instance",
        weakest=("0", "2"),
    ),
    Loss("Parameters/sync_binlog", When.CHANGED, "what is replicated may be lost with the instance", weakest=("0",)),
    Loss(
        "Parameters/rds.logical_replication",
        When.CHANGED,
        "who reads its changes may lose their place",
        weakest=(None, "0"),
    ),
    Loss("Parameters/rds.logical_replication", When.GONE, "who reads its changes lose their place"),
    Loss(
        "Parameters/rds.log_retention_period",
        When.LESS,
        "the instance's own logs older than {after:g} days are deleted",
        default=4320,
        unit=1440,
    ),
)
"""Parameters that decide how safe data is; the log is kept for three days by default (RDS User Guide, "RDS for
PostgreSQL database log files")."""

DB_CLUSTER = ResourceType(
    "AWS::RDS::DBCluster",
    importable=True,
    holds_data=True,
    data="its databases and their automated backups",
    billing=Billing.PRICED,
    deletion_policy="Snapshot",
    deletion_protection="DeletionProtection",
    name_property="DBClusterIdentifier",
    delete_command="aws rds delete-db-cluster --skip-final-snapshot --db-cluster-identifier {}",
    snapshots_command="aws rds describe-db-cluster-snapshots --snapshot-type manual --db-cluster-identifier {}",
    snapshot_delete_command="aws rds delete-db-cluster-snapshot --db-cluster-snapshot-identifier {}",
    snapshot_price="aurora-backup-gb-month",
    backups_command="aws rds describe-db-cluster-automated-backups --db-cluster-identifier {}",
    backup_delete_command="aws rds delete-db-cluster-automated-backup --db-cluster-resource-id {}",
    # DBClusterIdentifier: replacement; Port is changed in place (Template Reference, read 2026-11-29)
    fixed_attributes=frozenset({"DBClusterArn", "DBClusterResourceId", "Endpoint.Address", "ReadEndpoint.Address"}),
    follows={
        "Endpoint.Port": ("Port",),
        "MasterUserSecret.SecretArn": ("ManageMasterUserPassword", "MasterUserSecret"),
    },
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
        _INSIGHTS_MODE,
        _MASTER_SECRET,
    ),
    keeps=KEEPS
    | {
        "DBClusterInstanceClass",
        "DBClusterParameterGroupName",
        "EnableGlobalWriteForwarding",
        "EnableHttpEndpoint",
        "EnableLocalWriteForwarding",
        "PerformanceInsightsKmsKeyId",
        "ScalingConfiguration",
        "ServerlessV2ScalingConfiguration",
        "SnapshotIdentifier",
        "VpcSecurityGroupIds",
    },
    interruptions=Interruptions(
        outage("the database is gone"),
        outage("the application gets a new, empty database"),
        {
            "Port": outage("clients must use the other port at once"),
            "DBClusterParameterGroupName": brief("a restart of its instances, about a minute"),
            "VpcSecurityGroupIds": brief("connections that no rule allows any more end"),
            "NetworkType": brief("a restart of its instances, about a minute"),
            "ServerlessV2ScalingConfiguration": becomes(
                (0,),
                brief("it pauses while no client is connected: the next connection waits about 15 seconds"),
                "MinCapacity",
            ),
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
    relied_on=(
        ReliedOn(
            "ServerlessV2ScalingConfiguration.MaxCapacity",
            ("AWS::ECS::Service", "AWS::Lambda::Function"),
            default=float("inf"),
            anywhere=True,
        ),
    ),
)
"""The largest capacity decides how many connections there may be, from the next restart on (Aurora User Guide, "Maximum
connections for Aurora Serverless v2", read 2026-11-29); tasks and functions open as many as their number says."""
DB_INSTANCE = ResourceType(
    "AWS::RDS::DBInstance",
    importable=True,
    holds_data=True,
    data="its databases, or the cluster's copy of them",
    billing=Billing.PRICED,
    deletion_policy="Snapshot",
    deletion_protection="DeletionProtection",
    name_property="DBInstanceIdentifier",
    delete_command="aws rds delete-db-instance --skip-final-snapshot --db-instance-identifier {}",
    snapshots_command="aws rds describe-db-snapshots --snapshot-type manual --db-instance-identifier {}",
    snapshot_delete_command="aws rds delete-db-snapshot --db-snapshot-identifier {}",
    backups_command="aws rds describe-db-instance-automated-backups --db-instance-identifier {}",
    backup_delete_command="aws rds delete-db-instance-automated-backup --dbi-resource-id {}",
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
        Loss("MultiAZ", When.OFF, "its standby in another zone is deleted", default=False),
        Loss("AutomaticBackupReplicationRegion", When.CHANGED, "its backups go elsewhere", weakest=(None,)),
        Loss("AutomaticBackupReplicationRegion", When.GONE, "its backups are no longer copied to another region"),
        Loss(
            "AutomaticBackupReplicationRetentionPeriod",
            When.LESS,
            "{less:g} days of point-in-time recovery in the other region end at once",
            default=7,
        ),
        _INSIGHTS_MODE,
        _MASTER_SECRET,
    ),
    keeps=KEEPS
    | {
        "AllowMajorVersionUpgrade",
        "ApplyImmediately",
        "AutomaticBackupReplicationKmsKeyId",
        "BackupTarget",
        "CACertificateIdentifier",
        "CertificateRotationRestart",
        "DBClusterSnapshotIdentifier",
        "DBInstanceClass",
        "DBParameterGroupName",
        "DBSecurityGroups",
        "DBSnapshotIdentifier",
        "DedicatedLogVolume",
        "DomainAuthSecretArn",
        "DomainDnsIps",
        "DomainFqdn",
        "DomainOu",
        "LicenseModel",
        "MaxAllocatedStorage",
        "PerformanceInsightsKMSKeyId",
        "ProcessorFeatures",
        "PromotionTier",
        "PubliclyAccessible",
        "StorageThroughput",
        "UseDefaultProcessorFeatures",
        "VPCSecurityGroups",
    },
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
            "PreferredMaintenanceWindow": brief("a restart at once, when maintenance waits and the window is open"),
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
    importable=True,
    holds_data=False,
    billing=Billing.FREE,
    losses=DURABILITY,
    keeps=TUNING,
    strict=True,
    interruptions=Interruptions(
        NONE,
        brief("a restart of the instances that use it, about a minute"),
        {"Parameters": brief("static parameters take effect at a restart of the instances, about a minute")},
    ),
    safe={"Parameters.rds.force_ssl": ("1", 1)},
    relied_on=(
        ReliedOn(
            "Parameters.max_connections",
            ("AWS::ECS::Service", "AWS::Lambda::Function"),
            default=float("inf"),
            anywhere=True,
        ),
    ),
)
"""`max_connections` stands for what the largest capacity gives else (Aurora User Guide, "Maximum connections for Aurora
Serverless v2", read 2026-11-29)."""
DB_PARAMETER_GROUP = ResourceType(
    "AWS::RDS::DBParameterGroup",
    holds_data=False,
    billing=Billing.FREE,
    losses=DURABILITY,
    keeps=TUNING,
    strict=True,
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
    importable=True,
    holds_data=False,
    billing=Billing.FREE,
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
    deletion_protection="DeletionProtection",
    name_property="GlobalClusterIdentifier",
    losses=(_PROTECTION,),
    keeps=frozenset({"EngineLifecycleSupport", "EngineVersion"}),
)

ROWS = (
    DB_CLUSTER, DB_INSTANCE, DB_CLUSTER_PARAMETER_GROUP, DB_PARAMETER_GROUP, DB_PROXY, DB_PROXY_TARGET_GROUP,
    DB_SUBNET_GROUP, GLOBAL_CLUSTER,
)  # fmt: skip
