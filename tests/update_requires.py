"""What the pages of the CloudFormation Template Reference say under "Update requires", property by property.

Each page's title is the resource type. Taken from the pages as AWS published them in the repository
awsdocs/aws-cloudformation-user-guide, in the editions that it kept (2018 to 2023). `DIFFERENT` names every property
whose schema of today says something else, and why the schema counts.
"No interruption" and "Some interruptions" both leave the resource: Never.
"""

NEVER, CONDITIONALLY, ALWAYS = "Never", "Conditionally", "Always"

PAGES: dict[str, dict[str, str]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": {
        NEVER: "MaxCapacity MinCapacity RoleARN ScheduledActions",
        ALWAYS: "ResourceId ScalableDimension ServiceNamespace",
    },
    "AWS::CertificateManager::Certificate": {
        NEVER: "CertificateTransparencyLoggingPreference Tags",
        ALWAYS: "CertificateAuthorityArn DomainName DomainValidationOptions SubjectAlternativeNames ValidationMethod",
    },
    "AWS::CloudFormation::Stack": {NEVER: "NotificationARNs Parameters Tags TemplateURL"},
    "AWS::CloudWatch::CompositeAlarm": {
        NEVER: "ActionsEnabled AlarmActions AlarmDescription AlarmRule InsufficientDataActions OKActions",
        ALWAYS: "AlarmName",
    },
    "AWS::EC2::EIP": {NEVER: "InstanceId", ALWAYS: "Domain"},
    "AWS::EC2::FlowLog": {
        ALWAYS: "DeliverLogsPermissionArn LogDestination LogDestinationType LogGroupName ResourceId ResourceType "
        "TrafficType"
    },
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
        NEVER: "ImageScanningConfiguration ImageTagMutability LifecyclePolicy RepositoryPolicyText Tags",
        ALWAYS: "RepositoryName",
    },
    "AWS::ECS::Cluster": {ALWAYS: "ClusterName"},
    "AWS::ECS::Service": {
        NEVER: "CapacityProviderStrategy DeploymentConfiguration DesiredCount HealthCheckGracePeriodSeconds "
        "NetworkConfiguration",
        ALWAYS: "Cluster DeploymentController EnableECSManagedTags LaunchType LoadBalancers PlacementConstraints "
        "PlacementStrategies PlatformVersion PropagateTags Role SchedulingStrategy ServiceName ServiceRegistries",
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
    "AWS::KMS::Key": {NEVER: "EnableKeyRotation KeyPolicy PendingWindowInDays Tags", ALWAYS: "KeyUsage"},
    "AWS::Lambda::EventSourceMapping": {ALWAYS: "StartingPosition"},
    "AWS::Lambda::Function": {
        NEVER: "DeadLetterConfig Description Environment Handler KmsKeyArn Layers MemorySize PackageType "
        "ReservedConcurrentExecutions Role Runtime Tags Timeout TracingConfig VpcConfig",
        ALWAYS: "FunctionName",
    },
    "AWS::Lambda::Permission": {ALWAYS: "Action EventSourceToken FunctionName Principal SourceAccount SourceArn"},
    "AWS::Logs::LogGroup": {NEVER: "RetentionInDays", ALWAYS: "LogGroupName"},
    "AWS::RDS::DBCluster": {
        NEVER: "EnableCloudwatchLogsExports EnableIAMDatabaseAuthentication MasterUserPassword Port "
        "PreferredBackupWindow PreferredMaintenanceWindow ScalingConfiguration Tags VpcSecurityGroupIds",
        ALWAYS: "Engine EngineMode EngineVersion KmsKeyId MasterUsername SnapshotIdentifier SourceRegion "
        "StorageEncrypted",
    },
    "AWS::RDS::DBClusterParameterGroup": {NEVER: "Parameters Tags", ALWAYS: "Description Family"},
    "AWS::RDS::DBInstance": {
        NEVER: "AllocatedStorage AssociatedRoles AutoMinorVersionUpgrade AvailabilityZone BackupRetentionPeriod "
        "CACertificateIdentifier CopyTagsToSnapshot DBClusterSnapshotIdentifier DBInstanceClass",
        ALWAYS: "CharacterSetName CustomIAMInstanceProfile DBClusterIdentifier DBInstanceIdentifier",
    },
    "AWS::RDS::DBSubnetGroup": {NEVER: "DBSubnetGroupDescription SubnetIds Tags", ALWAYS: "DBSubnetGroupName"},
    "AWS::Route53::RecordSet": {
        NEVER: "Comment Failover GeoLocation HealthCheckId MultiValueAnswer Region ResourceRecords SetIdentifier TTL "
        "Type Weight",
        ALWAYS: "HostedZoneId HostedZoneName Name",
    },
    "AWS::S3::BucketPolicy": {NEVER: "PolicyDocument", ALWAYS: "Bucket"},
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
    "AWS::SecretsManager::RotationSchedule": {NEVER: "RotationLambdaARN RotationRules", ALWAYS: "SecretId"},
    "AWS::SecretsManager::Secret": {
        NEVER: "Description GenerateSecretString KmsKeyId SecretString Tags",
        ALWAYS: "Name",
    },
    "AWS::WAFv2::WebACL": {
        NEVER: "CustomResponseBodies DefaultAction Description Rules Tags VisibilityConfig",
        ALWAYS: "Name Scope",
    },
    "AWS::WAFv2::WebACLAssociation": {ALWAYS: "ResourceArn WebACLArn"},
}
"""Page -> what an update requires -> the properties of which the page says so."""

_UPDATABLE = "the page is older than the schema: ECS services have since learned to change it in place"
_STRICTER = "the schema is stricter than the page; the plan warns of what may not happen rather than the other way"

DIFFERENT: dict[tuple[str, str], tuple[str, str]] = {
    **{
        ("AWS::ECS::Service", name): (NEVER, _UPDATABLE)
        for name in (
            "DeploymentController", "EnableECSManagedTags", "LoadBalancers", "PlacementConstraints",
            "PlacementStrategies", "PlatformVersion", "PropagateTags", "ServiceRegistries",
        )
    },
    ("AWS::ECS::Service", "LaunchType"): (CONDITIONALLY, "the schema knows changes of it that keep the service"),
    ("AWS::RDS::DBCluster", "EngineVersion"): (NEVER, "the page is older than upgrades in place of Aurora clusters"),
    ("AWS::RDS::DBCluster", "Engine"): (CONDITIONALLY, "the schema knows changes of it that keep the cluster"),
    ("AWS::RDS::DBCluster", "MasterUsername"): (CONDITIONALLY, "the schema knows changes of it that keep the cluster"),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "SubnetMappings"): (
        NEVER, "the page is older than load balancers whose subnets can be changed",
    ),
    ("AWS::KMS::Key", "KeyUsage"): (CONDITIONALLY, "a newer edition of the page says that the update fails"),
    ("AWS::EC2::Route", "DestinationIpv6CidrBlock"): (ALWAYS, _STRICTER),
    ("AWS::EC2::Subnet", "Ipv6CidrBlock"): (CONDITIONALLY, _STRICTER),
    ("AWS::EC2::SubnetRouteTableAssociation", "RouteTableId"): (ALWAYS, _STRICTER),
    ("AWS::EC2::VPCEndpoint", "VpcEndpointType"): (ALWAYS, _STRICTER),
    ("AWS::EC2::VPCGatewayAttachment", "VpcId"): (ALWAYS, _STRICTER),
    ("AWS::Lambda::Function", "PackageType"): (ALWAYS, _STRICTER),
    **{
        ("AWS::RDS::DBInstance", name): (CONDITIONALLY, _STRICTER)
        for name in (
            "AutoMinorVersionUpgrade", "AvailabilityZone", "BackupRetentionPeriod", "DBClusterSnapshotIdentifier",
        )
    },
}  # fmt: skip
"""(Page, property) -> what we judge instead, and why."""


def rows() -> list[tuple[str, str, str]]:
    """Each property of each page: type, property, what an update requires by the page."""
    return [
        (page, name, said) for page, words in PAGES.items() for said, names in words.items() for name in names.split()
    ]
