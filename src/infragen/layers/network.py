"""The network layer: the foundation that every other layer stands on.

It owns the VPC and everything in it that more than one layer needs: subnets, routes, the way to the internet (`nat`),
endpoints, the flow log, all security groups and the rules between them (`security_groups`; so that no other layer needs
to know its consumers), the platform's KMS key and the topic that alarms notify. It uses no other layer.

The address plan takes the first twelve /24 blocks of the VPC: four each for the public, private and isolated subnets,
used or not, so that another availability zone renumbers nothing.

With `network.vpc_id` it builds into a VPC that exists: security groups, interface endpoints, key and topic are its own;
subnets, routes, the way out and the flow log are not.
"""

from collections.abc import Iterator
from ipaddress import IPv4Network, ip_network
from itertools import islice
from typing import Any

from troposphere import GetAtt, GetAZs, Join, Ref, Select, Sub, Tags, ec2, iam, kms, sns

from infragen.checks import existing_vpc
from infragen.config import Environment, Network, camel
from infragen.layers import nat, security_groups
from infragen.layers.contract import (
    Layer,
    LayerOutput,
    Template,
    allow,
    arn,
    boundary,
    deny_without_tls,
    grant,
    log_group,
    named,
    policy,
    retain,
    trust,
)

VpcId = LayerOutput("network", "VpcId", "The VPC", operational=True)
PublicSubnetIds = LayerOutput("network", "PublicSubnetIds", "Subnets of the load balancer", "CommaDelimitedList")
PrivateSubnetIds = LayerOutput(
    "network", "PrivateSubnetIds", "Subnets of tasks and functions", "CommaDelimitedList", operational=True
)
IsolatedSubnetIds = LayerOutput("network", "IsolatedSubnetIds", "Subnets of the database", "CommaDelimitedList")
LoadBalancerSecurityGroupId = LayerOutput(
    "network", "LoadBalancerSecurityGroupId", "Security group of the load balancer"
)
ApiSecurityGroupId = LayerOutput("network", "ApiSecurityGroupId", "Security group of the API's tasks", operational=True)
WorkerSecurityGroupId = LayerOutput("network", "WorkerSecurityGroupId", "Security group of the workers")
DatabaseSecurityGroupId = LayerOutput("network", "DatabaseSecurityGroupId", "Security group of the database")
PlatformKeyArn = LayerOutput("network", "PlatformKeyArn", "KMS key of logs, alarms and function environments")
AlarmTopicArn = LayerOutput("network", "AlarmTopicArn", "SNS topic that alarms notify", for_people=True)

TIERS = ("Public", "Private", "Isolated")
BLOCKS_PER_TIER = 4
FLOW_LOG_SECONDS = 600
"""Aggregation interval of the flow log: ten minutes make fewer records than one."""


def outputs(env: Environment) -> tuple[LayerOutput, ...]:
    """Return what the foundation gives to the layers above: all of it always, so that turning a layer on changes no
    wiring. Of an existing VPC, what the environment file names.
    """
    assert env.network is not None  # noqa: S101 # enabled() saw to it
    without = {PublicSubnetIds} if env.network.vpc_id and not env.network.public_subnet_ids else set[LayerOutput]()
    every = (
        VpcId,
        PublicSubnetIds,
        PrivateSubnetIds,
        IsolatedSubnetIds,
        LoadBalancerSecurityGroupId,
        ApiSecurityGroupId,
        WorkerSecurityGroupId,
        DatabaseSecurityGroupId,
        PlatformKeyArn,
        AlarmTopicArn,
    )
    return tuple(each for each in every if each not in without)


def build(env: Environment) -> Template:
    """Return the template of the foundation."""
    assert env.network is not None  # noqa: S101 # enabled() saw to it
    template, network = Template(), env.network
    _platform_key(template, env)
    _alarm_topic(template, env)
    if network.vpc_id is None:
        _vpc(template, network)
        _subnets(template, network)
    security_groups.add(template, env, network.vpc_id or Ref("Vpc"))
    if network.vpc_id is None:
        nat.add(template, network, Ref("AlarmTopic"))
        _gateway_endpoint(template, network)
    _interface_endpoints(template, network)
    if network.vpc_id is None:
        _flow_log(template, env)
    _publish(template, env)
    return template


def subnet_blocks(network: Network, tier: str) -> Iterator[IPv4Network]:
    """Return the /24 blocks of one tier, one for each availability zone in use."""
    blocks = ip_network(network.vpc_cidr).subnets(new_prefix=24)
    first = TIERS.index(tier) * BLOCKS_PER_TIER
    return (block for block in islice(blocks, first, first + network.azs) if isinstance(block, IPv4Network))


def _vpc(template: Template, network: Network) -> None:
    template.add_resource(
        ec2.VPC(
            "Vpc",
            CidrBlock=network.vpc_cidr,
            EnableDnsSupport=True,
            EnableDnsHostnames=True,
            Tags=Tags(Name=named("vpc")),
        )
    )
    template.add_resource(ec2.InternetGateway("InternetGateway", Tags=Tags(Name=named("internet"))))
    template.add_resource(
        ec2.VPCGatewayAttachment(
            "InternetGatewayAttachment", VpcId=Ref("Vpc"), InternetGatewayId=Ref("InternetGateway")
        )
    )


def _subnets(template: Template, network: Network) -> None:
    """Add subnets and route tables: public and isolated subnets share one each; every private subnet has its own,
    whatever the NAT mode, so that changing it moves routes and never an association.
    """
    for tier in TIERS:
        tables = [f"{tier}Routes{zone}" if tier == "Private" else f"{tier}Routes" for zone in _zones(network)]
        for table in dict.fromkeys(tables):
            name = named(table.replace("Routes", "-").rstrip("-").lower())
            template.add_resource(ec2.RouteTable(table, VpcId=Ref("Vpc"), Tags=Tags(Name=name)))
        for zone, block, table in zip(_zones(network), subnet_blocks(network, tier), tables, strict=True):
            template.add_resource(
                ec2.Subnet(
                    f"{tier}Subnet{zone}",
                    VpcId=Ref("Vpc"),
                    AvailabilityZone=Select(zone - 1, GetAZs("")),
                    CidrBlock=str(block),
                    MapPublicIpOnLaunch=False,
                    Tags=Tags(Name=named(f"{tier.lower()}-{zone}")),
                )
            )
            template.add_resource(
                ec2.SubnetRouteTableAssociation(
                    f"{tier}Subnet{zone}Routes", SubnetId=Ref(f"{tier}Subnet{zone}"), RouteTableId=Ref(table)
                )
            )
    template.add_resource(
        ec2.Route(
            "PublicDefaultRoute",
            DependsOn="InternetGatewayAttachment",
            RouteTableId=Ref("PublicRoutes"),
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=Ref("InternetGateway"),
        )
    )


def _zones(network: Network) -> range:
    return range(1, network.azs + 1)


def _subnets_of(network: Network, tier: str) -> list[Any]:
    """Return the ids of a tier's subnets: our own, or those of the existing VPC."""
    if network.vpc_id is None:
        return [Ref(f"{tier}Subnet{zone}") for zone in _zones(network)]
    private = network.private_subnet_ids
    return list(
        {
            "Public": network.public_subnet_ids,
            "Private": private,
            "Isolated": network.isolated_subnet_ids or private,
        }[tier]
    )


def _gateway_endpoint(template: Template, network: Network) -> None:
    """Add the S3 gateway always: it is free, and image layers come from S3."""
    template.add_resource(
        ec2.VPCEndpoint(
            "S3Endpoint",
            VpcId=Ref("Vpc"),
            VpcEndpointType="Gateway",
            ServiceName=Sub("com.amazonaws.${AWS::Region}.s3"),
            RouteTableIds=[Ref(f"PrivateRoutes{zone}") for zone in _zones(network)],
        )
    )


def _interface_endpoints(template: Template, network: Network) -> None:
    for service in network.interface_endpoints:
        template.add_resource(
            ec2.VPCEndpoint(
                f"{camel(service.replace('.', '-'))}Endpoint",
                VpcId=network.vpc_id or Ref("Vpc"),
                VpcEndpointType="Interface",
                ServiceName=Sub(f"com.amazonaws.${{AWS::Region}}.{service}"),
                PrivateDnsEnabled=True,
                SubnetIds=_subnets_of(network, "Private"),
                SecurityGroupIds=[GetAtt("EndpointSecurityGroup", "GroupId")],
            )
        )


def _flow_log(template: Template, env: Environment) -> None:
    assert env.network is not None  # noqa: S101 # enabled() saw to it
    template.add_resource(log_group("FlowLogGroup", named("flow-log"), env, GetAtt("Key", "Arn")))
    source = {"ArnLike": {"aws:SourceArn": arn("ec2:${AWS::Region}:${AWS::AccountId}:vpc-flow-log/*")}}
    writes = allow(
        ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], GetAtt("FlowLogGroup", "Arn")
    )
    template.add_resource(
        iam.Role(
            "FlowLogRole",
            AssumeRolePolicyDocument=trust("vpc-flow-logs.amazonaws.com", source),
            Policies=[iam.Policy(PolicyName="WriteFlowLog", PolicyDocument=policy(writes))],
            **boundary(env),
        )
    )
    template.add_resource(
        ec2.FlowLog(
            "FlowLog",
            ResourceType="VPC",
            ResourceId=Ref("Vpc"),
            TrafficType=env.network.flow_logs,
            LogDestinationType="cloud-watch-logs",
            # by name: the group's ARN attribute ends in :*, which LogDestination refuses
            LogGroupName=Ref("FlowLogGroup"),
            DeliverLogsPermissionArn=GetAtt("FlowLogRole", "Arn"),
            MaxAggregationInterval=FLOW_LOG_SECONDS,
        )
    )


def _publish(template: Template, env: Environment) -> None:
    assert env.network is not None  # noqa: S101 # enabled() saw to it
    network, published = env.network, outputs(env)

    def subnets(tier: str) -> Any:
        found = _subnets_of(network, tier)
        return Join(",", found) if network.vpc_id is None else ",".join(found)

    for output, value in (
        (VpcId, network.vpc_id or Ref("Vpc")),
        (PublicSubnetIds, subnets("Public")),
        (PrivateSubnetIds, subnets("Private")),
        (IsolatedSubnetIds, subnets("Isolated")),
        (LoadBalancerSecurityGroupId, GetAtt("LoadBalancerSecurityGroup", "GroupId")),
        (ApiSecurityGroupId, GetAtt("ApiSecurityGroup", "GroupId")),
        (WorkerSecurityGroupId, GetAtt("WorkerSecurityGroup", "GroupId")),
        (DatabaseSecurityGroupId, GetAtt("DatabaseSecurityGroup", "GroupId")),
        (PlatformKeyArn, GetAtt("Key", "Arn")),
        (AlarmTopicArn, Ref("AlarmTopic")),
    ):
        if output in published:
            template.add_output(output.publish(value))


def _platform_key(template: Template, env: Environment) -> None:
    """Add one key for logs, alarms and environments. AWS-managed keys cannot be used: alarms would fail silently, since
    their policy cannot admit CloudWatch (Amazon SNS Developer Guide, "Key management"). EventBridge is bound by the
    topic that it encrypts for, because "aws:SourceAccount [...] is not supported for EventBridge-to-encrypted topics"
    (same page): with it every notification would be lost in silence.
    """
    account = {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}}
    logs = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn("logs:${AWS::Region}:${AWS::AccountId}:log-group:*")}}
    topics = {"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": arn("sns:${AWS::Region}:${AWS::AccountId}:*")}}
    publishing = ["kms:Decrypt", "kms:GenerateDataKey*"]
    template.add_resource(
        kms.Key(
            "Key",
            Description=named("platform: logs, alarms, function environments"),
            EnableKeyRotation=True,
            PendingWindowInDays=30,
            KeyPolicy=policy(
                grant({"AWS": arn("iam::${AWS::AccountId}:root")}, "kms:*", "*"),
                grant(
                    {"Service": Sub("logs.${AWS::Region}.${AWS::URLSuffix}")},
                    ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                    "*",
                    logs,
                ),
                grant({"Service": "cloudwatch.amazonaws.com"}, publishing, "*", account),
                grant({"Service": "events.amazonaws.com"}, publishing, "*", topics),
            ),
            **retain(goes=env.throw_away),
        )
    )


def _alarm_topic(template: Template, env: Environment) -> None:
    """Add the topic, its policy and its readers. EventBridge is admitted without a condition: it takes none in the
    policy of a topic (Amazon EventBridge User Guide, "Using resource-based policies", Amazon SNS permissions).
    """
    template.add_resource(sns.Topic("AlarmTopic", KmsMasterKeyId=Ref("Key"), DisplayName=named("alarms")))
    template.add_resource(
        sns.TopicPolicy(
            "AlarmTopicPolicy",
            Topics=[Ref("AlarmTopic")],
            PolicyDocument=policy(
                grant(
                    {"Service": "cloudwatch.amazonaws.com"},
                    "sns:Publish",
                    Ref("AlarmTopic"),
                    {"StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")}},
                ),
                grant({"Service": "events.amazonaws.com"}, "sns:Publish", Ref("AlarmTopic")),
                deny_without_tls("sns:Publish", Ref("AlarmTopic")),
            ),
        )
    )
    for index, address in enumerate(env.alarms.emails, 1):
        template.add_resource(
            sns.SubscriptionResource(
                f"AlarmEmail{index}", TopicArn=Ref("AlarmTopic"), Protocol="email", Endpoint=address
            )
        )


LAYER = Layer(
    name="network",
    title="Foundation",
    about="VPC, subnets, NAT, security groups, platform key, alarm topic",
    enabled=lambda env: env.network is not None,
    inputs=lambda env: (),
    outputs=outputs,
    build=build,
    checks=lambda env: (existing_vpc.CHECK,) if env.network and env.network.vpc_id else (),
)
