"""What the pages of the CloudFormation Template Reference say under "Update requires", property by property.

Each page's title is the resource type. Taken from the pages as AWS published them in the repository
awsdocs/aws-cloudformation-user-guide, in the editions that it kept (2018 to 2023), but for AWS::ECS::Service,
AWS::ElasticLoadBalancingV2::Listener, AWS::Lambda::EventSourceMapping, AWS::RDS::DBCluster and AWS::SNS::Subscription,
which are from the CloudFormation Template Reference Guide of 2026. What those editions lack is from later ones: of
AWS::ECR::Repository EmptyOnDelete and EncryptionConfiguration; MetadataOptions and LoggingConfig from the pages
"AWS::EC2::Instance MetadataOptions" and "AWS::Lambda::Function LoggingConfig". `DIFFERENT` names every property whose
schema of today says something else, and why the schema counts.
"No interruption" and "Some interruptions" both leave the resource: Never.
"""

NEVER, CONDITIONALLY, ALWAYS = "Never", "Conditionally", "Always"

PAGES: dict[str, dict[str, str]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": {
        NEVER: "MaxCapacity MinCapacity RoleARN ScheduledActions",
        ALWAYS: "ResourceId ScalableDimension ServiceNamespace",
    },
    "AWS::ApplicationAutoScaling::ScalingPolicy": {
        NEVER: "PolicyType StepScalingPolicyConfiguration TargetTrackingScalingPolicyConfiguration",
        ALWAYS: "PolicyName ResourceId ScalableDimension ScalingTargetId ServiceNamespace",
    },
    "AWS::CertificateManager::Certificate": {
        NEVER: "CertificateTransparencyLoggingPreference Tags",
        ALWAYS: "CertificateAuthorityArn DomainName DomainValidationOptions SubjectAlternativeNames ValidationMethod",
    },
    "AWS::CloudFormation::Stack": {NEVER: "NotificationARNs Parameters Tags TemplateURL"},
    "AWS::CloudWatch::Alarm": {
        NEVER: "ActionsEnabled AlarmActions AlarmDescription ComparisonOperator DatapointsToAlarm Dimensions "
        "EvaluateLowSampleCountPercentile EvaluationPeriods ExtendedStatistic InsufficientDataActions MetricName "
        "Metrics Namespace OKActions Period Statistic Threshold ThresholdMetricId TreatMissingData Unit",
        ALWAYS: "AlarmName",
    },
    "AWS::CloudWatch::CompositeAlarm": {
        NEVER: "ActionsEnabled AlarmActions AlarmDescription AlarmRule InsufficientDataActions OKActions",
        ALWAYS: "AlarmName",
    },
    "AWS::CloudWatch::Dashboard": {NEVER: "DashboardBody", ALWAYS: "DashboardName"},
    "AWS::EC2::EIP": {NEVER: "InstanceId Tags", ALWAYS: "Domain"},
    "AWS::EC2::FlowLog": {
        ALWAYS: "DeliverLogsPermissionArn LogDestination LogDestinationType LogGroupName MaxAggregationInterval "
        "ResourceId ResourceType TrafficType",
    },
    "AWS::EC2::Instance": {
        NEVER: "AdditionalInfo Affinity BlockDeviceMappings CreditSpecification DisableApiTermination EbsOptimized "
        "HostId IamInstanceProfile InstanceInitiatedShutdownBehavior InstanceType KernelId MetadataOptions Monitoring "
        "PrivateDnsNameOptions PropagateTagsToVolumeOnCreation RamdiskId SecurityGroupIds SourceDestCheck "
        "SsmAssociations Tags Tenancy UserData Volumes",
        ALWAYS: "AvailabilityZone CpuOptions ElasticGpuSpecifications ElasticInferenceAccelerators EnclaveOptions "
        "HibernationOptions HostResourceGroupArn ImageId Ipv6AddressCount Ipv6Addresses KeyName LaunchTemplate "
        "LicenseSpecifications NetworkInterfaces PlacementGroupName PrivateIpAddress SecurityGroups SubnetId",
    },
    "AWS::EC2::InternetGateway": {NEVER: "Tags"},
    "AWS::EC2::NatGateway": {NEVER: "Tags", ALWAYS: "AllocationId SubnetId"},
    "AWS::EC2::Route": {
        NEVER: "DestinationIpv6CidrBlock EgressOnlyInternetGatewayId GatewayId InstanceId NatGatewayId "
        "NetworkInterfaceId VpcPeeringConnectionId",
        ALWAYS: "DestinationCidrBlock RouteTableId",
    },
    "AWS::EC2::RouteTable": {NEVER: "Tags", ALWAYS: "VpcId"},
    "AWS::EC2::SecurityGroup": {
        NEVER: "SecurityGroupEgress SecurityGroupIngress Tags",
        ALWAYS: "GroupDescription GroupName VpcId",
    },
    "AWS::EC2::SecurityGroupEgress": {
        NEVER: "Description",
        ALWAYS: "CidrIp CidrIpv6 DestinationPrefixListId DestinationSecurityGroupId FromPort GroupId IpProtocol ToPort",
    },
    "AWS::EC2::SecurityGroupIngress": {
        NEVER: "Description",
        ALWAYS: "CidrIp CidrIpv6 FromPort GroupId GroupName IpProtocol SourcePrefixListId SourceSecurityGroupId "
        "SourceSecurityGroupName SourceSecurityGroupOwnerId ToPort",
    },
    "AWS::EC2::Subnet": {
        NEVER: "AssignIpv6AddressOnCreation Ipv6CidrBlock MapPublicIpOnLaunch Tags",
        ALWAYS: "AvailabilityZone CidrBlock VpcId",
    },
    "AWS::EC2::SubnetRouteTableAssociation": {NEVER: "RouteTableId", ALWAYS: "SubnetId"},
    "AWS::EC2::VPC": {
        NEVER: "EnableDnsHostnames EnableDnsSupport Tags",
        CONDITIONALLY: "InstanceTenancy",
        ALWAYS: "CidrBlock",
    },
    "AWS::EC2::VPCEndpoint": {
        NEVER: "PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds SubnetIds VpcEndpointType",
        ALWAYS: "ServiceName VpcId",
    },
    "AWS::EC2::VPCGatewayAttachment": {NEVER: "InternetGatewayId VpcId VpnGatewayId"},
    "AWS::ECR::Repository": {
        NEVER: "EmptyOnDelete ImageScanningConfiguration ImageTagMutability LifecyclePolicy RepositoryPolicyText Tags",
        ALWAYS: "EncryptionConfiguration RepositoryName",
    },
    "AWS::ECS::Cluster": {
        NEVER: "CapacityProviders ClusterSettings Configuration DefaultCapacityProviderStrategy",
        ALWAYS: "ClusterName",
    },
    "AWS::ECS::Service": {
        NEVER: "AvailabilityZoneRebalancing CapacityProviderStrategy DeploymentConfiguration DeploymentController "
        "DesiredCount EnableECSManagedTags EnableExecuteCommand ForceNewDeployment HealthCheckGracePeriodSeconds "
        "LaunchType LoadBalancers Monitoring NetworkConfiguration PlacementConstraints PlacementStrategies "
        "PlatformVersion PropagateTags ServiceConnectConfiguration ServiceRegistries Tags TaskDefinition "
        "VolumeConfigurations VpcLatticeConfigurations",
        ALWAYS: "Cluster Role SchedulingStrategy ServiceName",
    },
    "AWS::ECS::TaskDefinition": {
        NEVER: "Tags",
        ALWAYS: "ContainerDefinitions Cpu EphemeralStorage ExecutionRoleArn Family InferenceAccelerators IpcMode "
        "Memory NetworkMode PidMode PlacementConstraints ProxyConfiguration RequiresCompatibilities RuntimePlatform "
        "TaskRoleArn Volumes",
    },
    "AWS::ElasticLoadBalancingV2::Listener": {
        NEVER: "AlpnPolicy Certificates DefaultActions ListenerAttributes MutualAuthentication Port Protocol SslPolicy "
        "Tags",
        ALWAYS: "LoadBalancerArn",
    },
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {
        NEVER: "IpAddressType LoadBalancerAttributes SecurityGroups Subnets Tags",
        ALWAYS: "Name Scheme SubnetMappings Type",
    },
    "AWS::ElasticLoadBalancingV2::TargetGroup": {
        NEVER: "HealthCheckEnabled HealthCheckIntervalSeconds HealthCheckPath HealthCheckPort HealthCheckProtocol "
        "HealthCheckTimeoutSeconds HealthyThresholdCount Matcher Tags TargetGroupAttributes Targets "
        "UnhealthyThresholdCount",
        ALWAYS: "Name Port Protocol TargetType VpcId",
    },
    "AWS::Events::Rule": {NEVER: "Description EventPattern ScheduleExpression State Targets", ALWAYS: "Name"},
    "AWS::IAM::Role": {
        NEVER: "AssumeRolePolicyDocument ManagedPolicyArns MaxSessionDuration PermissionsBoundary Policies",
        ALWAYS: "Path RoleName",
    },
    "AWS::KMS::Key": {NEVER: "Description EnableKeyRotation KeyPolicy PendingWindowInDays Tags", ALWAYS: "KeyUsage"},
    "AWS::Lambda::EventSourceMapping": {
        NEVER: "AmazonManagedKafkaEventSourceConfig BatchSize BisectBatchOnFunctionError DestinationConfig "
        "DocumentDBEventSourceConfig Enabled FilterCriteria FunctionName FunctionResponseTypes KmsKeyArn LoggingConfig "
        "MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts MetricsConfig "
        "ParallelizationFactor ProvisionedPollerConfig Queues ScalingConfig SelfManagedKafkaEventSourceConfig "
        "SourceAccessConfigurations Tags Topics TumblingWindowInSeconds",
        ALWAYS: "EventSourceArn SelfManagedEventSource StartingPosition StartingPositionTimestamp",
    },
    "AWS::Lambda::Function": {
        NEVER: "Architectures Code DeadLetterConfig Description Environment Handler KmsKeyArn Layers LoggingConfig "
        "MemorySize PackageType ReservedConcurrentExecutions Role Runtime Tags Timeout TracingConfig VpcConfig",
        ALWAYS: "FunctionName",
    },
    "AWS::Lambda::Permission": {ALWAYS: "Action EventSourceToken FunctionName Principal SourceAccount SourceArn"},
    "AWS::Logs::LogGroup": {NEVER: "KmsKeyId RetentionInDays", ALWAYS: "LogGroupName"},
    "AWS::RDS::DBCluster": {
        NEVER: "AllocatedStorage AssociatedRoles AutoMinorVersionUpgrade BacktrackWindow BackupRetentionPeriod "
        "CopyTagsToSnapshot DBClusterInstanceClass DBClusterParameterGroupName DBInstanceParameterGroupName "
        "DatabaseInsightsMode DeleteAutomatedBackups DeletionProtection Domain DomainIAMRoleName "
        "EnableCloudwatchLogsExports EnableGlobalWriteForwarding EnableHttpEndpoint EnableIAMDatabaseAuthentication "
        "EnableLocalWriteForwarding Engine EngineLifecycleSupport EngineVersion GlobalClusterIdentifier Iops "
        "ManageMasterUserPassword MasterUserAuthenticationType MasterUserPassword MasterUserSecret MasterUsername "
        "MonitoringInterval MonitoringRoleArn NetworkType PerformanceInsightsEnabled PerformanceInsightsKmsKeyId "
        "PerformanceInsightsRetentionPeriod Port PreferredBackupWindow PreferredMaintenanceWindow "
        "ReplicationSourceIdentifier ScalingConfiguration ServerlessV2ScalingConfiguration StorageType Tags "
        "VpcSecurityGroupIds",
        ALWAYS: "AvailabilityZones ClusterScalabilityType DBClusterIdentifier DBSubnetGroupName DBSystemId "
        "DatabaseName EngineMode KmsKeyId PubliclyAccessible RestoreToTime RestoreType SnapshotIdentifier "
        "SourceDBClusterIdentifier SourceDbClusterResourceId SourceRegion StorageEncrypted UseLatestRestorableTime",
    },
    "AWS::RDS::DBClusterParameterGroup": {NEVER: "Parameters Tags", ALWAYS: "Description Family"},
    "AWS::RDS::DBInstance": {
        NEVER: "AllocatedStorage AssociatedRoles AutoMinorVersionUpgrade AvailabilityZone BackupRetentionPeriod "
        "CACertificateIdentifier CopyTagsToSnapshot DBClusterSnapshotIdentifier DBInstanceClass Engine "
        "MonitoringInterval MonitoringRoleArn PromotionTier PubliclyAccessible",
        ALWAYS: "CharacterSetName CustomIAMInstanceProfile DBClusterIdentifier DBInstanceIdentifier",
    },
    "AWS::RDS::DBSubnetGroup": {NEVER: "DBSubnetGroupDescription SubnetIds Tags", ALWAYS: "DBSubnetGroupName"},
    "AWS::Route53::RecordSet": {
        NEVER: "AliasTarget Comment Failover GeoLocation HealthCheckId MultiValueAnswer Region ResourceRecords "
        "SetIdentifier TTL Type Weight",
        ALWAYS: "HostedZoneId HostedZoneName Name",
    },
    "AWS::S3::Bucket": {
        NEVER: "AccelerateConfiguration AccessControl AnalyticsConfigurations BucketEncryption CorsConfiguration "
        "IntelligentTieringConfigurations InventoryConfigurations LifecycleConfiguration LoggingConfiguration "
        "MetricsConfigurations NotificationConfiguration ObjectLockConfiguration OwnershipControls "
        "PublicAccessBlockConfiguration ReplicationConfiguration Tags VersioningConfiguration WebsiteConfiguration",
        ALWAYS: "BucketName ObjectLockEnabled",
    },
    "AWS::S3::BucketPolicy": {NEVER: "PolicyDocument", ALWAYS: "Bucket"},
    "AWS::SNS::Subscription": {
        NEVER: "DeliveryPolicy FilterPolicy FilterPolicyScope RawMessageDelivery RedrivePolicy Region ReplayPolicy "
        "SubscriptionRoleArn",
        ALWAYS: "Endpoint Protocol TopicArn",
    },
    "AWS::SNS::Topic": {
        NEVER: "ContentBasedDeduplication DisplayName KmsMasterKeyId SignatureVersion Subscription Tags TracingConfig",
        ALWAYS: "FifoTopic TopicName",
    },
    "AWS::SNS::TopicPolicy": {NEVER: "PolicyDocument Topics"},
    "AWS::SQS::Queue": {
        NEVER: "ContentBasedDeduplication DelaySeconds KmsMasterKeyId MaximumMessageSize MessageRetentionPeriod "
        "ReceiveMessageWaitTimeSeconds RedriveAllowPolicy RedrivePolicy SqsManagedSseEnabled Tags VisibilityTimeout",
        ALWAYS: "FifoQueue QueueName",
    },
    "AWS::SQS::QueuePolicy": {NEVER: "PolicyDocument Queues"},
    "AWS::Scheduler::Schedule": {
        NEVER: "Description EndDate FlexibleTimeWindow GroupName KmsKeyArn ScheduleExpression "
        "ScheduleExpressionTimezone StartDate State Target",
        ALWAYS: "Name",
    },
    "AWS::Scheduler::ScheduleGroup": {NEVER: "Tags", ALWAYS: "Name"},
    "AWS::SecretsManager::RotationSchedule": {
        NEVER: "RotateImmediatelyOnUpdate RotationLambdaARN RotationRules",
        ALWAYS: "SecretId",
    },
    "AWS::SecretsManager::Secret": {
        NEVER: "Description GenerateSecretString KmsKeyId SecretString Tags",
        ALWAYS: "Name",
    },
    "AWS::WAFv2::LoggingConfiguration": {
        NEVER: "LogDestinationConfigs LoggingFilter RedactedFields",
        ALWAYS: "ResourceArn",
    },
    "AWS::WAFv2::WebACL": {
        NEVER: "CustomResponseBodies DefaultAction Description Rules Tags VisibilityConfig",
        ALWAYS: "Name Scope",
    },
    "AWS::WAFv2::WebACLAssociation": {ALWAYS: "ResourceArn WebACLArn"},
}
"""Page -> what an update requires -> the properties of which the page says so."""

_STRICTER = "the schema is stricter than the page; the plan warns of what may not happen rather than the other way"
_ROOT_DEVICE = "an older edition: replacement of instances that are backed by instance store; the newest leaves it out"

DIFFERENT: dict[tuple[str, str], tuple[str, str]] = {
    **{
        ("AWS::EC2::Instance", name): (CONDITIONALLY, _ROOT_DEVICE)
        for name in (
            "AdditionalInfo", "Affinity", "BlockDeviceMappings", "EbsOptimized", "HostId", "InstanceType", "KernelId",
            "PrivateDnsNameOptions", "RamdiskId", "SecurityGroupIds", "Tenancy", "UserData",
        )
    },
    ("AWS::EC2::Route", "DestinationIpv6CidrBlock"): (ALWAYS, _STRICTER),
    ("AWS::EC2::Subnet", "Ipv6CidrBlock"): (CONDITIONALLY, _STRICTER),
    ("AWS::EC2::SubnetRouteTableAssociation", "RouteTableId"): (ALWAYS, _STRICTER),
    ("AWS::EC2::VPCEndpoint", "VpcEndpointType"): (ALWAYS, _STRICTER),
    ("AWS::EC2::VPCGatewayAttachment", "VpcId"): (ALWAYS, _STRICTER),
    ("AWS::ECS::Service", "LaunchType"): (CONDITIONALLY, _STRICTER),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "SubnetMappings"): (
        NEVER, "the page is older than load balancers whose subnets can be changed",
    ),
    ("AWS::KMS::Key", "KeyUsage"): (CONDITIONALLY, "a newer edition of the page says that the update fails"),
    ("AWS::Lambda::Function", "PackageType"): (ALWAYS, _STRICTER),
    ("AWS::RDS::DBCluster", "AvailabilityZones"): (
        CONDITIONALLY, "RDS fills the list up to three zones, and the schema knows that naming those keeps the cluster",
    ),
    **{
        ("AWS::RDS::DBCluster", name): (CONDITIONALLY, _STRICTER)
        for name in ("Engine", "GlobalClusterIdentifier", "MasterUsername")
    },
    **{
        ("AWS::RDS::DBInstance", name): (CONDITIONALLY, _STRICTER)
        for name in (
            "AutoMinorVersionUpgrade", "AvailabilityZone", "BackupRetentionPeriod", "DBClusterSnapshotIdentifier",
            "Engine",
        )
    },
    ("AWS::S3::Bucket", "ObjectLockEnabled"): (
        NEVER,
        "the page is older than Object Lock for existing buckets: cloudformation-coverage-roadmap, issue 1929",
    ),
    ("AWS::SNS::Subscription", "Region"): (CONDITIONALLY, _STRICTER),
}  # fmt: skip
"""(Page, property) -> what we judge instead, and why."""


def rows() -> list[tuple[str, str, str]]:
    """Each property of each page: type, property, what an update requires by the page."""
    return [
        (page, name, said) for page, words in PAGES.items() for said, names in words.items() for name in names.split()
    ]


SOME_INTERRUPTIONS: dict[str, str] = {
    "AWS::EC2::EIP": "InstanceId",
    "AWS::EC2::Instance": "AdditionalInfo Affinity EbsOptimized HostId InstanceType KernelId RamdiskId Tenancy "
    "UserData",
    "AWS::RDS::DBInstance": "AutoMinorVersionUpgrade BackupRetentionPeriod DBInstanceClass DBParameterGroupName Engine "
    "EngineVersion MonitoringInterval MultiAZ PerformanceInsightsKMSKeyId PreferredMaintenanceWindow StorageType",
    "AWS::RDS::DBParameterGroup": "Parameters",
}
"""Page -> the properties of which an edition of it says "Some interruptions"; of EC2, where it is backed by EBS.

The other pages above say "No interruption" or "Replacement", as far as they were read."""

_APPLIED = "RDS User Guide, settings for DB instances: applied at once, without downtime"

NOT_INTERRUPTED: dict[tuple[str, str], str] = {
    ("AWS::RDS::DBInstance", "AutoMinorVersionUpgrade"): _APPLIED,
    ("AWS::RDS::DBInstance", "MonitoringInterval"): _APPLIED,
    ("AWS::RDS::DBInstance", "PerformanceInsightsKMSKeyId"): _APPLIED,
}
"""(Page, property) of which the row says all the same that it interrupts nothing, and why."""
