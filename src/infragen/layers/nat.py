"""How private subnets reach the internet, in the network layer: not at all, by an instance, or by NAT gateways.

Every private subnet has a route table of its own; only its default route depends on the mode.

The instance is a plain one with routes that name it: on a new AMI CloudFormation starts the new instance, moves the
routes, then ends the old one. A network interface of its own would still be in use at that moment, and an Auto Scaling
group would need a role and a script that rewrites routes.
"""

from typing import Any

from troposphere import Base64, GetAtt, Parameter, Ref, Sub, Tags, ec2
from troposphere.policies import CreationPolicy, ResourceSignal

from infragen.config import Network
from infragen.layers import functions
from infragen.layers.contract import Template, alarm, metric, named, suppress

IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
"""Public SSM parameter of the newest Amazon Linux 2023 image; resolved again by every stack operation."""


def add(template: Template, network: Network, topic: Any) -> None:
    """Add what the NAT mode asks for, and the default routes of the private subnets. `topic` is notified of trouble."""
    zones = range(1, network.azs + 1)
    if network.nat == "instance":
        _add_instance_group(template, network)
        _add_instance(template, network)
        _add_instance_alarms(template, topic)
        for zone in zones:
            _add_route(template, zone, InstanceId=Ref("NatInstance"))
    elif network.nat == "single":
        _add_gateway(template, 1)
        for zone in zones:
            _add_route(template, zone, NatGatewayId=Ref("NatGateway1"))
    elif network.nat == "regional":
        _add_regional_gateway(template)
        for zone in zones:
            _add_route(template, zone, NatGatewayId=Ref("NatGateway"))
    elif network.nat == "per_az":
        for zone in zones:
            _add_gateway(template, zone)
            _add_route(template, zone, NatGatewayId=Ref(f"NatGateway{zone}"))


def _add_route(template: Template, zone: int, **target: Any) -> None:
    template.add_resource(
        ec2.Route(
            f"PrivateDefaultRoute{zone}",
            RouteTableId=Ref(f"PrivateRoutes{zone}"),
            DestinationCidrBlock="0.0.0.0/0",
            **target,
        )
    )


def _add_gateway(template: Template, zone: int) -> None:
    template.add_resource(
        ec2.EIP(
            f"NatAddress{zone}",
            DependsOn="InternetGatewayAttachment",
            Domain="vpc",
            Tags=Tags(Name=named(f"nat-{zone}")),
        )
    )
    template.add_resource(
        ec2.NatGateway(
            f"NatGateway{zone}",
            # a gateway that is up before its subnet can reach the internet would let nothing out
            DependsOn=["PublicDefaultRoute", f"PublicSubnet{zone}Routes"],
            AllocationId=GetAtt(f"NatAddress{zone}", "AllocationId"),
            SubnetId=Ref(f"PublicSubnet{zone}"),
            Tags=Tags(Name=named(f"nat-{zone}")),
        )
    )


def _add_regional_gateway(template: Template) -> None:
    """Add one gateway without a subnet: AWS keeps it in each zone that has something to translate, with addresses that
    it takes and releases itself. A new zone can take up to an hour, and goes through another one meanwhile (VPC User
    Guide, "Regional NAT gateways for automatic multi-AZ expansion").
    """
    template.add_resource(
        ec2.NatGateway(
            "NatGateway",
            DependsOn="InternetGatewayAttachment",
            AvailabilityMode="regional",
            ConnectivityType="public",
            VpcId=Ref("Vpc"),
            Tags=Tags(Name=named("nat")),
        )
    )


def _add_instance_group(template: Template, network: Network) -> None:
    template.add_resource(
        ec2.SecurityGroup(
            "NatSecurityGroup",
            VpcId=Ref("Vpc"),
            GroupDescription="NAT instance",
            SecurityGroupIngress=[
                ec2.SecurityGroupRule(IpProtocol="-1", CidrIp=network.vpc_cidr, Description="from the VPC")
            ],
            SecurityGroupEgress=[
                ec2.SecurityGroupRule(IpProtocol="-1", CidrIp="0.0.0.0/0", Description="to the internet")
            ],
            Tags=Tags(Name=named("nat")),
        )
    )


def _add_instance(template: Template, network: Network) -> None:
    template.add_parameter(
        Parameter(
            "NatImageId",
            Type="AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
            Default=IMAGE,
            Description="Image of the NAT instance; a newer one replaces the instance",
        )
    )
    template.add_resource(
        ec2.Instance(
            "NatInstance",
            # without its way out it could not install nftables and would never signal
            DependsOn=["PublicDefaultRoute", "PublicSubnet1Routes"],
            CreationPolicy=CreationPolicy(ResourceSignal=ResourceSignal(Count=1, Timeout="PT10M")),
            ImageId=Ref("NatImageId"),
            InstanceType=network.nat_instance_type,
            EbsOptimized=True,
            SourceDestCheck=False,
            NetworkInterfaces=[
                ec2.NetworkInterfaceProperty(
                    DeviceIndex="0",
                    AssociatePublicIpAddress=True,
                    SubnetId=Ref("PublicSubnet1"),
                    GroupSet=[GetAtt("NatSecurityGroup", "GroupId")],
                    DeleteOnTermination=True,
                )
            ],
            BlockDeviceMappings=[
                ec2.BlockDeviceMapping(
                    DeviceName="/dev/xvda",
                    Ebs=ec2.EbsBlockDevice(VolumeType="gp3", VolumeSize=8, Encrypted=True, DeleteOnTermination=True),
                )
            ],
            MetadataOptions=ec2.MetadataOptions(
                HttpTokens="required", HttpEndpoint="enabled", HttpPutResponseHopLimit=1
            ),
            UserData=Base64(Sub(functions.nat_instance(network.vpc_cidr))),
            Tags=Tags(Name=named("nat")),
            Metadata=suppress(
                {
                    "AwsSolutions-EC28": "status alarms suffice for a NAT of development",
                    "AwsSolutions-EC29": "termination protection would block its own replacement",
                },
                {"CKV_AWS_88": "a NAT needs a public address"},
            ),
        )
    )


def _add_instance_alarms(template: Template, topic: Any) -> None:
    """Add alarms that recover the instance from a failed host and reboot a hung system; both notify."""
    instance = {"InstanceId": Ref("NatInstance")}
    for name, failed, periods, action in (
        ("NatSystemAlarm", "StatusCheckFailed_System", 2, "recover"),
        ("NatInstanceAlarm", "StatusCheckFailed_Instance", 3, "reboot"),
    ):
        template.add_resource(
            alarm(
                name,
                f"The NAT instance failed its status check ({failed}); AWS will {action} it",
                metric("AWS/EC2", failed, "Maximum", instance),
                threshold=0,
                periods=periods,
                topic=topic,
                repair=Sub(f"arn:${{AWS::Partition}}:automate:${{AWS::Region}}:ec2:{action}"),
            )
        )
