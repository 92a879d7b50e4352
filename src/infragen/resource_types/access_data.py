"""What opens access in what holds data and messages: RDS, S3, SQS, SNS, ECR, KMS, Secrets Manager, Logs, DynamoDB."""

from infragen.resource_types.access import (
    ABSENT,
    OFF,
    ON,
    Access,
    Judged,
    becomes,
    changes,
    grows,
    reaches,
    shrinks,
    unless,
    vanishes,
    weakens,
)
from infragen.resource_types.access_network import REACHABLE

REQUIRE_TLS = {
    "rds.force_ssl": (1, "1", "on", True, "true"), "require_secure_transport": (1, "1", "ON", "on", True, "true"),
    "tls": ("enabled", "tls1.2+", "tls1.3+", "fips-140-3"),
}  # fmt: skip
"""Parameters with which a database refuses connections without TLS, and the values that do (RDS for PostgreSQL, "Using
SSL with a PostgreSQL DB instance"; Aurora MySQL, "TLS connections"; DocumentDB, "Encrypting data in transit")."""


ALLOW_PLAIN = ("0", "off", "OFF", "false", "disabled")
"""Values with which these parameters take connections without TLS."""


def _database_parameters() -> tuple[Judged, ...]:
    """Return what a parameter group of a database decides."""
    return (
        *(
            unless(f"Parameters/{name}", ABSENT, *required, says=f"may take connections without TLS ({name})")
            for name, required in REQUIRE_TLS.items()
        ),
        *(
            shrinks(f"Parameters/{name}", *ALLOW_PLAIN, says=f"may take connections without TLS ({name})")
            for name in REQUIRE_TLS
        ),
        changes("Parameters", says="has other Parameters, of which infragen does not know what they open"),
    )


NO_ACCESS = tuple(f"Parameters.{each}*" for each in (
    "log_min", "log_autovacuum", "log_temp", "log_lock", "log_connections", "log_disconnections", "auto_explain",
    "autovacuum", "pg_stat", "track_", "work_mem", "maintenance_work_mem", "shared_buffers", "effective_",
    "random_page_cost", "statement_timeout", "idle_", "max_connections", "lock_timeout", "slow_query_log",
    "long_query_time", "timezone", "client_encoding", "shared_preload_libraries", "deadlock_timeout",
    "max_parallel", "max_worker", "min_parallel", "default_statistics_target", "default_transaction",
))  # fmt: skip
"""Parameters of databases that open nothing; of every other one infragen does not know."""

DATABASE = (
    weakens("StorageEncrypted", ON, (*OFF, ABSENT), says="is no longer encrypted (StorageEncrypted)"),
    unless("EnableIAMDatabaseAuthentication", *OFF, ABSENT, kind="permissions",
           says="takes logins of IAM (EnableIAMDatabaseAuthentication)"),
    changes("DBSubnetGroupName", says="stands in other subnets (DBSubnetGroupName)"),
    changes("MasterUsername", kind="permissions"), changes("MasterUserAuthenticationType", kind="permissions"),
    changes("Domain", kind="permissions"), changes("DomainIAMRoleName", kind="permissions"),
    reaches("AssociatedRoles.RoleArn", says="acts as another role (AssociatedRoles)"),
    changes("Port"), reaches("SourceRegion"),
    grows("EnableCloudwatchLogsExports", says="writes more of its logs to CloudWatch", kind="permissions"),
    shrinks("EnableCloudwatchLogsExports", says="writes less of its logs to CloudWatch", kind="permissions"),
    becomes("MonitoringInterval", 0, "0", ABSENT, says="is watched less (MonitoringInterval)", kind="permissions"),
    weakens("DatabaseInsightsMode", "advanced", ("standard", ABSENT), says="is watched less (DatabaseInsightsMode)",
            kind="permissions"),
)  # fmt: skip
_DATABASE_HARMLESS = (
    "CopyTagsToSnapshot", "DeletionProtection", "EnableGlobalWriteForwarding", "EnableLocalWriteForwarding", "KmsKeyId",
    "ManageMasterUserPassword", "MasterUserPassword", "MasterUserSecret", "MonitoringRoleArn", "DBClusterIdentifier",
    "PerformanceInsightsKmsKeyId", "PerformanceInsightsKMSKeyId", "VpcSecurityGroupIds", "VPCSecurityGroups",
    "AllowMajorVersionUpgrade", "BackupTarget", "CertificateRotationRestart", "ReplicaMode", "DBInstanceIdentifier",
    "DBSecurityGroups",
)  # fmt: skip


def _group(name: str) -> tuple[Judged, ...]:
    """Return what the name of a group of parameters decides."""
    return (
        reaches(name, says=f"has parameters that infragen does not know ({name})", kind="network"),
        vanishes(name, says=f"has AWS's own parameters ({name})"),
    )


_S3_KEY = "BucketEncryption.ServerSideEncryptionConfiguration.ServerSideEncryptionByDefault"
_ENCRYPTED = "is no longer encrypted with its own key"

ACCESS = {
    "AWS::RDS::DBCluster": Access(
        (unless("PubliclyAccessible", *OFF, ABSENT, says=REACHABLE, grave=True),
         unless("EnableHttpEndpoint", *OFF, ABSENT, kind="permissions",
                says="takes statements through the Data API (EnableHttpEndpoint)"), *DATABASE,
         weakens("PerformanceInsightsEnabled", ON, (*OFF, ABSENT), kind="permissions",
                 says="is watched less (PerformanceInsightsEnabled)"),
         vanishes("VpcSecurityGroupIds", says="is in the default security group (VpcSecurityGroupIds)"),
         *_group("DBClusterParameterGroupName")), _DATABASE_HARMLESS),
    "AWS::RDS::DBInstance": Access(
        (unless("PubliclyAccessible", *OFF, says=REACHABLE, grave=True),
         *DATABASE, *_group("DBParameterGroupName"),
         weakens("EnablePerformanceInsights", ON, (*OFF, ABSENT), kind="permissions",
                 says="is watched less (EnablePerformanceInsights)"),
         vanishes("VPCSecurityGroups", says="is in the default security group (VPCSecurityGroups)"),
         changes("CACertificateIdentifier"), reaches("AutomaticBackupReplicationRegion"),
         changes("DomainAuthSecretArn", kind="permissions"), changes("DomainDnsIps", kind="permissions"),
         changes("DomainFqdn", kind="permissions"), changes("DomainOu", kind="permissions"),
         changes("CustomIAMInstanceProfile", kind="permissions"), changes("TdeCredentialArn", kind="permissions")),
        (*_DATABASE_HARMLESS, "AutomaticBackupReplicationKmsKeyId", "AutomaticBackupReplicationRetentionPeriod",
         "TdeCredentialPassword")),
    "AWS::RDS::DBClusterParameterGroup": Access(_database_parameters(), ("Family", "Description", *NO_ACCESS)),
    "AWS::RDS::DBParameterGroup": Access(_database_parameters(), ("Family", "Description", *NO_ACCESS)),
    "AWS::DocDB::DBClusterParameterGroup": Access(_database_parameters(), ("Family", "Description", *NO_ACCESS)),
    "AWS::RDS::DBSubnetGroup": Access(
        (grows("SubnetIds", says="holds other subnets (SubnetIds)"),), ("SubnetIds", "DBSubnetGroupDescription")),
    "AWS::S3::Bucket": Access(
        (unless("AccessControl", ABSENT, "Private", "LogDeliveryWrite", "BucketOwnerRead", "BucketOwnerFullControl",
                "AwsExecRead", says="is open to others by its access control list", grave=True),
         reaches("ReplicationConfiguration.Rules.Destination.Bucket", says="is copied to somewhere else"),
         reaches("ReplicationConfiguration.Rules.Destination.Account", says="is copied to another account"),
         changes("ReplicationConfiguration.Rules.Destination.AccessControlTranslation", kind="permissions"),
         reaches("InventoryConfigurations.Destination.BucketArn", says="lists its objects for another account"),
         reaches("AnalyticsConfigurations.StorageClassAnalysis.DataExport.Destination.BucketArn"),
         reaches("NotificationConfiguration", says="notifies another target (NotificationConfiguration)"),
         reaches("LoggingConfiguration.DestinationBucketName", says="writes its access log to somewhere else"),
         vanishes("LoggingConfiguration.DestinationBucketName", says="writes no access log any more",
                  kind="permissions"),
         weakens(f"{_S3_KEY}.SSEAlgorithm", "aws:kms:dsse", "aws:kms", ("AES256", ABSENT),
                 says="is encrypted in a weaker way (BucketEncryption)"),
         shrinks(f"{_S3_KEY}.KMSMasterKeyID", says=f"{_ENCRYPTED} (BucketEncryption)"),
         grows("WebsiteConfiguration", says="is a website, or another one (WebsiteConfiguration)"),
         grows("CorsConfiguration", says="can be read by pages of other origins (CorsConfiguration)"),
         weakens("OwnershipControls.Rules.ObjectOwnership", "BucketOwnerEnforced", kind="permissions",
                 says="takes access control lists of its objects (OwnershipControls)"),
         reaches("MetadataTableConfiguration.S3TablesDestination"), changes("AbacStatus", kind="permissions")),
        ("AnalyticsConfigurations", "BucketEncryption", "BucketName", "BucketNamePrefix", "BucketNamespace",
         "IntelligentTieringConfigurations", "InventoryConfigurations", "LifecycleConfiguration",
         "LoggingConfiguration", "MetadataConfiguration", "MetadataTableConfiguration", "MetricsConfigurations",
         "ObjectLockConfiguration", "PublicAccessBlockConfiguration", "ReplicationConfiguration",
         "OwnershipControls", "VersioningConfiguration")),
    "AWS::S3::BucketPolicy": Access(harmless=("Bucket", "PolicyDocument")),
    "AWS::SQS::Queue": Access(
        (reaches("RedrivePolicy.deadLetterTargetArn", says="sends what fails to somewhere else (RedrivePolicy)"),
         weakens("RedriveAllowPolicy.redrivePermission", "denyAll", "byQueue", kind="permissions",
                 says="takes what fails in other queues (RedriveAllowPolicy)"),
         shrinks("KmsMasterKeyId", says=f"{_ENCRYPTED} (KmsMasterKeyId)"),
         unless("SqsManagedSseEnabled", *ON, ABSENT, says="is no longer encrypted (SqsManagedSseEnabled)")),
        ("DeduplicationScope", "FifoQueue", "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "QueueName",
         "RedriveAllowPolicy", "RedrivePolicy", "VisibilityTimeout")),
    "AWS::SQS::QueuePolicy": Access(harmless=("Queues", "PolicyDocument")),
    "AWS::SNS::Topic": Access(
        (reaches("Subscription.Endpoint", says="sends its messages to somewhere else (Subscription)"),
         shrinks("KmsMasterKeyId", says=f"{_ENCRYPTED} (KmsMasterKeyId)"),
         changes("DataProtectionPolicy", says="protects its messages in another way", kind="permissions"),
         weakens("SignatureVersion", "2", "1")),
        ("ArchivePolicy", "DeliveryStatusLogging", "FifoThroughputScope", "FifoTopic", "KmsMasterKeyId", "Subscription",
         "TopicName", "DisplayName")),
    "AWS::SNS::TopicPolicy": Access(harmless=("Topics", "PolicyDocument")),
    "AWS::SNS::Subscription": Access(
        (reaches("Endpoint", says="sends messages to somewhere else (Endpoint)"),
         weakens("Protocol", "sqs", "lambda", "firehose", "https", says="sends messages over another protocol"),
         changes("FilterPolicy", says="takes other messages (FilterPolicy)", kind="permissions"),
         changes("FilterPolicyScope", kind="permissions"),
         reaches("TopicArn", says="takes the messages of another topic (TopicArn)"),
         reaches("RedrivePolicy.deadLetterTargetArn", says="sends what fails to somewhere else (RedrivePolicy)")),
        ("DeliveryPolicy", "RawMessageDelivery", "RedrivePolicy", "Region", "ReplayPolicy", "SubscriptionRoleArn")),
    "AWS::ECR::Repository": Access(
        (weakens("ImageTagMutability", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", kind="permissions",
                 says="lets tags move to other images (ImageTagMutability)"),
         grows("ImageTagMutabilityExclusionFilters", kind="permissions"),
         weakens("ImageScanningConfiguration.ScanOnPush", ON, (*OFF, ABSENT), kind="permissions",
                 says="no longer scans images that are pushed (ScanOnPush)")),
        ("EncryptionConfiguration", "ImageScanningConfiguration", "LifecyclePolicy", "RepositoryPolicyText",
         "RepositoryName")),
    "AWS::KMS::Key": Access(
        (unless("BypassPolicyLockoutSafetyCheck", *OFF, ABSENT, kind="permissions"),
         unless("MultiRegion", *OFF, ABSENT, says="may be copied to other regions (MultiRegion)", kind="permissions"),
         weakens("Enabled", OFF, kind="permissions", says="can be used again (Enabled)"),
         weakens("EnableKeyRotation", ON, (*OFF, ABSENT), kind="permissions",
                 says="no longer renews its key (EnableKeyRotation)")),
        ("KeyPolicy", "Origin", "KeyUsage")),
    "AWS::KMS::Alias": Access((reaches("TargetKeyId", says="stands for another key"),), ("AliasName",)),
    "AWS::SecretsManager::Secret": Access(
        (grows("ReplicaRegions.Region", says="is copied to other regions (ReplicaRegions)", kind="permissions"),
         shrinks("KmsKeyId", says=f"{_ENCRYPTED} (KmsKeyId)")),
        ("GenerateSecretString", "KmsKeyId", "ReplicaRegions", "SecretString", "Description", "Name")),
    "AWS::SecretsManager::ResourcePolicy": Access(
        (unless("BlockPublicPolicy", *ON, ABSENT, kind="permissions", says="may be public (BlockPublicPolicy)"),),
        ("SecretId", "ResourcePolicy")),
    "AWS::SecretsManager::RotationSchedule": Access(
        (reaches("RotationLambdaARN", says="gives the secret to another function (RotationLambdaARN)"),
         changes("HostedRotationLambda", kind="permissions"), reaches("SecretId"),
         reaches("ExternalSecretRotationMetadata")),
        ("RotationRules", "ExternalSecretRotationRoleArn"),
        removed="goes, and with it the rotation of its secret", watches=("SecretId",)),
    "AWS::Logs::LogGroup": Access(
        (shrinks("KmsKeyId", says=f"{_ENCRYPTED} (KmsKeyId)"),
         changes("DataProtectionPolicy", says="hides other parts of its events", kind="permissions"),
         unless("BearerTokenAuthenticationEnabled", *OFF, ABSENT, kind="permissions")),
        ("DeletionProtectionEnabled", "FieldIndexPolicies", "KmsKeyId", "ResourcePolicyDocument", "LogGroupName")),
    "AWS::Logs::MetricFilter": Access(
        (changes("FilterPattern", says="counts other events (FilterPattern)", kind="permissions"),
         changes("MetricTransformations", says="counts in another way (MetricTransformations)", kind="permissions")),
        ("FilterName",), removed="goes, and with it what it counts", watches=("LogGroupName",)),
    "AWS::Logs::ResourcePolicy": Access(harmless=("PolicyDocument", "PolicyName")),
    "AWS::Logs::SubscriptionFilter": Access(
        (reaches("DestinationArn", says="sends events to somewhere else (DestinationArn)"),
         changes("FilterPattern", says="sends other events (FilterPattern)", kind="permissions"),
         reaches("LogGroupName", says="sends events of another log group (LogGroupName)")),
        ("Distribution", "RoleArn", "FilterName", "ApplyOnTransformedLogs", "EmitSystemFields",
         "FieldSelectionCriteria"),
        removed="goes, and with it the notification of these events", watches=("LogGroupName",)),
    "AWS::DynamoDB::Table": Access(
        (reaches("KinesisStreamSpecification.StreamArn", says="sends its changes to somewhere else"),
         unless("SSESpecification.SSEEnabled", *ON, ABSENT),
         reaches("ImportSourceSpecification")),
        ("DeletionProtectionEnabled", "ResourcePolicy", "SSESpecification", "StreamSpecification", "VectorIndexes",
         "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "LocalSecondaryIndexes")),
    "AWS::SSM::Parameter": Access(harmless=("AllowedPattern", "Policies", "Value", "Name", "Description")),
    "AWS::ElastiCache::ServerlessCache": Access(
        (grows("SubnetIds", says="stands in other subnets (SubnetIds)"), changes("UserGroupId", kind="permissions"),
         shrinks("SecurityGroupIds", says="is no longer in its security groups")),
        ("KmsKeyId", "SecurityGroupIds", "ServerlessCacheName", "Endpoint", "ReaderEndpoint")),
    **{
        name: Access((each,), partial=True)
        for name, each in {
            "AWS::DMS::ReplicationInstance": unless("PubliclyAccessible", *OFF, says=REACHABLE, grave=True),
            "AWS::AmazonMQ::Broker": unless("PubliclyAccessible", *OFF, says=REACHABLE, grave=True),
            "AWS::Redshift::Cluster": unless("PubliclyAccessible", *OFF, ABSENT, says=REACHABLE, grave=True),
            "AWS::EKS::Cluster": unless(
                "ResourcesVpcConfig.EndpointPublicAccess", *OFF, says="has a public endpoint", grave=True),
            "AWS::MSK::Cluster": unless(
                "BrokerNodeGroupInfo.ConnectivityInfo.PublicAccess.Type", ABSENT, "DISABLED",
                says="can be reached from the internet", grave=True),
            "AWS::SageMaker::NotebookInstance": unless(
                "DirectInternetAccess", "Disabled", says="has direct internet access", grave=True),
        }.items()
    },
}  # fmt: skip
