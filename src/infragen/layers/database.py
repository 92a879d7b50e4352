"""The database layer: Aurora PostgreSQL Serverless v2 with its key, its credentials and its alarms.

The cluster stands in the isolated subnets, encrypted with a key of its own: the key of a cluster cannot be changed, and
losing it loses the data. `database_credentials` makes what the application logs in with.
"""

from typing import Any

from troposphere import GetAtt, Ref, Sub, iam, kms, rds
from troposphere.validators import double, integer

from infragen.checks import database as database_checks
from infragen.checks import parameters as parameter_checks
from infragen.config import Database, Environment
from infragen.layers import database_credentials
from infragen.layers.contract import (
    PREFIX,
    Layer,
    LayerOutput,
    Template,
    alarm,
    arn,
    boundary,
    grant,
    log_group,
    metric,
    named,
    policy,
    retain,
    suppress,
    trust,
)
from infragen.layers.network import AlarmTopicArn, DatabaseSecurityGroupId, IsolatedSubnetIds, PlatformKeyArn

DatabaseCredentialsArn = LayerOutput(
    "database", "DatabaseCredentialsArn", "Secret with the application's credentials", for_people=True
)
DataKeyArn = LayerOutput("database", "DataKeyArn", "KMS key of the data and its credentials")
ClusterIdentifier = LayerOutput("database", "ClusterIdentifier", "Identifier of the Aurora cluster", operational=True)
DatabaseLogGroupName = LayerOutput("database", "DatabaseLogGroupName", "Log group of PostgreSQL", operational=True)
DatabaseCredentialsFunctionName = LayerOutput(
    "database", "DatabaseCredentialsFunctionName", "Function that rotates the credentials", operational=True
)
DatabaseCredentialsLogGroupName = LayerOutput(
    "database", "DatabaseCredentialsLogGroupName", "Log group of that function", operational=True
)
ConnectionsAlarmArn = LayerOutput("database", "ConnectionsAlarmArn", "Alarm: the database runs out of connections")
MasterSecretArn = LayerOutput("database", "MasterSecretArn", "Secret of the master user, for people", for_people=True)
DatabaseEndpoint = LayerOutput("database", "DatabaseEndpoint", "Host that reads and writes", for_people=True)
DatabaseReaderEndpoint = LayerOutput("database", "DatabaseReaderEndpoint", "Host that reads", for_people=True)

OUTPUTS = (
    DatabaseCredentialsArn,
    DataKeyArn,
    ClusterIdentifier,
    DatabaseLogGroupName,
    DatabaseCredentialsFunctionName,
    DatabaseCredentialsLogGroupName,
    ConnectionsAlarmArn,
    MasterSecretArn,
    DatabaseEndpoint,
    DatabaseReaderEndpoint,
)
INPUTS = (IsolatedSubnetIds, DatabaseSecurityGroupId, PlatformKeyArn, AlarmTopicArn)

PARAMETERS = {
    "rds.force_ssl": "1",
    "log_min_duration_statement": "1000",
    "log_statement": "ddl",
    "log_lock_waits": "1",
    "log_connections": "1",
    "log_disconnections": "1",
    "idle_in_transaction_session_timeout": "60000",
    "shared_preload_libraries": "pg_stat_statements",
}
"""Cluster parameters of every environment; `database.parameters` merges over them."""

MEBIBYTE = 2**20


class ServerlessV2(rds.ServerlessV2ScalingConfiguration):
    """troposphere's own validators know neither 0 ACU (auto-pause) nor more than 128."""

    props = {  # noqa: RUF012 # troposphere's own way to declare properties
        "MinCapacity": (double, False),
        "MaxCapacity": (double, False),
        "SecondsUntilAutoPause": (integer, False),
    }


def build(env: Environment) -> Template:
    """Return the template of the database."""
    database = env.database
    assert database is not None  # noqa: S101 # the layer is on
    template = Template()
    _add_key(template, env)
    _add_cluster(template, env, database)
    _add_instances(template, env, database)
    database_credentials.add(template, env, database, key=PlatformKeyArn.ref(), topic=AlarmTopicArn.ref())
    _add_alarms(template, database)
    for output, value in (
        (DatabaseCredentialsArn, Ref("AppSecret")),
        (DataKeyArn, GetAtt("DataKey", "Arn")),
        (ClusterIdentifier, Ref("Cluster")),
        (DatabaseLogGroupName, Ref("ClusterLogGroup")),
        (DatabaseCredentialsFunctionName, Ref("CredentialsFunction")),
        (DatabaseCredentialsLogGroupName, Ref("CredentialsLogGroup")),
        (ConnectionsAlarmArn, GetAtt("ConnectionsAlarm", "Arn")),
        (MasterSecretArn, database_credentials.MASTER_SECRET),
        (DatabaseEndpoint, GetAtt("Cluster", "Endpoint.Address")),
        (DatabaseReaderEndpoint, GetAtt("Cluster", "ReadEndpoint.Address")),
    ):
        template.add_output(output.publish(value))
    return template


def _add_key(template: Template, env: Environment) -> None:
    """Add the key. Principals get rights to it by their own policies, through the service that uses it for them."""
    template.add_resource(
        kms.Key(
            "DataKey",
            Description=named("database: data, snapshots, credentials"),
            EnableKeyRotation=True,
            PendingWindowInDays=30,
            KeyPolicy=policy(grant({"AWS": arn("iam::${AWS::AccountId}:root")}, "kms:*", "*")),
            # a snapshot without its key is lost
            **retain(goes=env.throw_away and env.database_deletion == "delete"),
        )
    )


def _identifier(database: Database) -> str:
    return PREFIX + (f"-{database.identifier_suffix}" if database.identifier_suffix else "")


def _add_cluster(template: Template, env: Environment, database: Database) -> None:
    major = database.engine_version.split(".")[0]
    group = f"ClusterParameters{major}"  # Family is immutable: a major version takes a new group
    template.add_resource(
        log_group(
            "ClusterLogGroup", Sub(f"/aws/rds/cluster/{_identifier(database)}/postgresql"), env, PlatformKeyArn.ref()
        )
    )
    template.add_resource(
        rds.DBSubnetGroup("SubnetGroup", DBSubnetGroupDescription=named("database"), SubnetIds=IsolatedSubnetIds.ref())
    )
    template.add_resource(
        rds.DBClusterParameterGroup(
            group,
            Description=named(f"PostgreSQL {major}"),
            Family=f"aurora-postgresql{major}",
            Parameters={**PARAMETERS, **database.parameters},
        )
    )
    template.add_resource(
        rds.DBCluster(
            "Cluster",
            DependsOn="ClusterLogGroup",  # first, so that it has our retention and key
            DeletionPolicy="Delete" if env.database_deletion == "delete" else "Snapshot",
            UpdateReplacePolicy="Snapshot",
            Engine="aurora-postgresql",
            EngineVersion=database.engine_version,
            EngineLifecycleSupport="open-source-rds-extended-support-disabled",
            DBClusterIdentifier=Sub(_identifier(database)),
            DatabaseName=database.name,
            MasterUsername="dbadmin",
            ManageMasterUserPassword=True,
            MasterUserSecret=rds.MasterUserSecret(KmsKeyId=Ref("DataKey")),
            EnableIAMDatabaseAuthentication=True,
            EnableHttpEndpoint=True,
            Port=5432,
            DBSubnetGroupName=Ref("SubnetGroup"),
            VpcSecurityGroupIds=[DatabaseSecurityGroupId.ref()],
            DBClusterParameterGroupName=Ref(group),
            ServerlessV2ScalingConfiguration=_capacity(database),
            StorageEncrypted=True,
            KmsKeyId=Ref("DataKey"),
            StorageType="aurora-iopt1" if database.storage == "io_optimized" else "aurora",
            BackupRetentionPeriod=database.backup_days,
            PreferredBackupWindow="03:00-04:00",
            PreferredMaintenanceWindow="sun:04:30-sun:05:30",
            CopyTagsToSnapshot=True,
            DeletionProtection=database.deletion_protection,
            EnableCloudwatchLogsExports=["postgresql"],
            DatabaseInsightsMode="standard",
            PerformanceInsightsEnabled=True,
            PerformanceInsightsKmsKeyId=Ref("DataKey"),
            PerformanceInsightsRetentionPeriod=7,  # days; the free tier
            **_accepted(database),
        )
    )


def _accepted(database: Database) -> dict[str, Any]:
    if database.deletion_protection:
        return {}
    return {"Metadata": suppress({"AwsSolutions-RDS10": "deletion protection is for production"})}


def _capacity(database: Database) -> ServerlessV2:
    pause = {"SecondsUntilAutoPause": database.auto_pause_seconds} if database.min_acu == 0 else {}
    return ServerlessV2(MinCapacity=database.min_acu, MaxCapacity=database.max_acu, **pause)


def _add_instances(template: Template, env: Environment, database: Database) -> None:
    """Add the instances. The first instance becomes the writer. Readers of tiers 0 and 1 scale with it and are ready
    for a failover.
    """
    monitoring: dict[str, Any] = {"MonitoringInterval": database.monitoring_seconds}
    if database.monitoring_seconds:
        monitoring["MonitoringRoleArn"] = GetAtt("MonitoringRole", "Arn")
        template.add_resource(
            iam.Role(
                "MonitoringRole",
                AssumeRolePolicyDocument=trust("monitoring.rds.amazonaws.com"),
                ManagedPolicyArns=[
                    Sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole")
                ],
                Metadata=suppress({"AwsSolutions-IAM4": "AWS's own policy for exactly this service role"}),
                **boundary(env),
            )
        )
    for number in range(database.readers + 1):
        template.add_resource(
            rds.DBInstance(
                f"Reader{number}" if number else "Writer",
                **({"DependsOn": "Writer"} if number else {}),
                DeletionPolicy="Delete",
                UpdateReplacePolicy="Delete",
                DBClusterIdentifier=Ref("Cluster"),
                DBInstanceClass="db.serverless",
                Engine="aurora-postgresql",
                PromotionTier=number,
                PubliclyAccessible=False,
                # The version is pinned: an automatic upgrade would leave the long-term-support line and make the
                # template lie, and a later edit of it could then be a downgrade, which fails.
                AutoMinorVersionUpgrade=False,
                **monitoring,
            )
        )


def _add_alarms(template: Template, database: Database) -> None:
    """Add the alarms on the role WRITER, which follows a failover."""
    writer = {"DBClusterIdentifier": Ref("Cluster"), "Role": "WRITER"}

    def add(name: str, says: str, what: str, statistic: str, threshold: float, **how: Any) -> None:
        period, periods = how.pop("period", 300), how.pop("periods", 3)
        dimensions = how.pop("dimensions", writer)
        template.add_resource(
            alarm(
                name,
                says,
                metric("AWS/RDS", what, statistic, dimensions, period),
                threshold=threshold,
                periods=periods,
                topic=AlarmTopicArn.ref(),
                **how,
            )
        )

    add(
        "ConnectionsAlarm",
        f"More than {database.connection_alarm} of {database.max_connections} connections are in use",
        "DatabaseConnections",
        "Maximum",
        database.connection_alarm,
        period=60,
        periods=5,
        datapoints=3,
    )
    add(
        "CapacityAlarm",
        "The database has been at its maximum capacity for 15 minutes",
        "ACUUtilization",
        "Average",
        95,
        comparison="GreaterThanOrEqualToThreshold",
    )
    add("CpuAlarm", "The database has used over 90 % CPU for 15 minutes", "CPUUtilization", "Average", 90)
    add(
        "MemoryAlarm",
        "The database has had less than 256 MiB of free memory for 15 minutes",
        "FreeableMemory",
        "Minimum",
        256 * MEBIBYTE,
        comparison="LessThanThreshold",
    )
    if database.readers:
        add(
            "ReplicaLagAlarm",
            "A reader is more than a second behind the writer",
            "AuroraReplicaLagMaximum",
            "Maximum",
            1000,
            period=60,
            periods=5,
            datapoints=3,
        )


LAYER = Layer(
    name="database",
    title="Database",
    about="Aurora PostgreSQL Serverless v2, credentials, rotation",
    enabled=lambda env: env.database is not None,
    inputs=lambda env: INPUTS,
    outputs=lambda env: OUTPUTS,
    build=build,
    checks=lambda env: (database_checks.CHECK, parameter_checks.CHECK, database_checks.SUPPORT),
)
