"""Amazon EC2 and VPC."""

from infragen.resource_types.interruption import NOBODY_WAITS, Interruptions, becomes, brief, drops, impossible, outage
from infragen.resource_types.relied_on import ReliedOn
from infragen.resource_types.resource_type import COMMON, Billing, ResourceType, UsualMinutes

_HELD = UsualMinutes(
    20, 40, "Lambda's interfaces hold it (hashicorp/terraform-provider-aws#10347)", "where Lambda used it"
)


_ACL = outage("traffic that it no longer allows stops at once")
_REFUSED = outage("what a rule that goes let through is refused")
_STAYS = "cannot be done in place: everything in the network stands on it; create a new environment and move to it"


def _free(name: str, interruptions: Interruptions) -> ResourceType:
    return ResourceType(
        f"AWS::EC2::{name}",
        holds_data=False,
        billing=Billing.FREE,
        interruptions=interruptions,
    )


EIP = ResourceType(
    "AWS::EC2::EIP",
    holds_data=False,
    billing=Billing.PRICED,
    interruptions=Interruptions(
        brief("calls to the internet come from another address, which others may not know"),
        brief("calls to the internet come from another address, which others may not know"),
        {"InstanceId": brief("connections to the address end while it moves to another instance")},
    ),
)
FLOW_LOG = _free("FlowLog", NOBODY_WAITS)
INSTANCE = ResourceType(
    "AWS::EC2::Instance",
    holds_data=False,
    data="what is on its root volume and its instance store",
    holds_none_with={"SourceDestCheck": (False, "false")},
    keeps=frozenset(
        {
            "CreditSpecification",
            "IamInstanceProfile",
            "MetadataOptions",
            "Monitoring",
            "PropagateTagsToVolumeOnCreation",
            "SecurityGroupIds",
            "SourceDestCheck",
            "SsmAssociations",
        }
    ),
    billing=Billing.PRICED,
    usual_minutes={
        "CREATE": UsualMinutes(2, 5, "it boots, sets itself up and signals; infragen waits 10 minutes"),
    },
    interruptions=Interruptions(
        outage("what runs on it stops; of a NAT instance, no way to the internet"),
        outage("what runs on it is not there until the new one has booted, 2 to 5 minutes"),
        {
            name: outage("it stops and starts again, about 2 minutes")
            for name in (
                "InstanceType",
                "UserData",
                "EbsOptimized",
                "Tenancy",
                "Affinity",
                "HostId",
                "AdditionalInfo",
                "KernelId",
                "RamdiskId",
            )
        }
        | {
            "SourceDestCheck": outage("of a NAT instance, no way to the internet"),
            "SecurityGroupIds": brief("connections that no rule allows any more end"),
        },
    ),
    safe={"MetadataOptions.HttpTokens": ("required",)},
)
"""The root volume is deleted with the instance unless the template says otherwise (EC2 User Guide, "Preserve data when
an instance is terminated"). One without the check of source and destination passes on what others send (VPC User Guide,
"NAT instances"): its routes and rules come from its user data, and nothing is kept on it."""
INTERNET_GATEWAY = ResourceType(
    "AWS::EC2::InternetGateway",
    holds_data=False,
    billing=Billing.PRICED,
    interruptions=Interruptions(
        outage("no way to and from the internet"),
        outage("no way to and from the internet until the new one is there, seconds"),
    ),
)
NAT_GATEWAY = ResourceType(
    "AWS::EC2::NatGateway",
    holds_data=False,
    billing=Billing.PRICED,
    usual_minutes={
        "CREATE": UsualMinutes(1, 3, f"one host a zone; {COMMON}"),
        "DELETE": UsualMinutes(1, 2, COMMON),
    },
    interruptions=Interruptions(
        brief("open connections to the internet through it end"),
        brief("open connections to the internet through it end"),
    ),
)
NETWORK_ACL = _free("NetworkAcl", Interruptions(_ACL, _ACL, {"*": _ACL}))
NETWORK_ACL_ENTRY = _free("NetworkAclEntry", Interruptions(_ACL, _ACL, {"*": _ACL}))
ROUTE = _free(
    "Route",
    Interruptions(
        outage("traffic that it leads stops"),
        brief("open connections through it end"),
        {"*": brief("open connections through it end")},
    ),
)
ROUTE_TABLE = _free(
    "RouteTable",
    Interruptions(outage("traffic of its subnets stops"), brief("traffic of its subnets stops for seconds")),
)
_ALL_OUT = ("every address and port",)
"""A group without rules for what goes out lets everything out; one rule ends that."""
SECURITY_GROUP = ResourceType(
    "AWS::EC2::SecurityGroup",
    holds_data=False,
    billing=Billing.FREE,
    name_property="GroupName",
    fixed_attributes=frozenset({"GroupId"}),  # the id of the group (Template Reference, Return values, read 2026-11-29)
    usual_minutes={"DELETE": _HELD},
    interruptions=Interruptions(
        outage("what it let through is refused"),
        brief("connections end while interfaces change to the new one"),
        {
            "VpcId": impossible(_STAYS),
            "SecurityGroupIngress": drops(_REFUSED),
            "SecurityGroupEgress": drops(_REFUSED, default=_ALL_OUT),
        },
    ),
    relied_on=(
        ReliedOn(
            "SecurityGroupIngress",
            ("AWS::ElasticLoadBalancingV2::LoadBalancer",),
            fields=("IpProtocol", "FromPort", "ToPort"),
        ),
    ),
)
"""A listener that is still there needs its port open."""
SECURITY_GROUP_EGRESS = _free(
    "SecurityGroupEgress",
    Interruptions(outage("what it let through is refused"), brief("what it lets through is refused for seconds")),
)
SECURITY_GROUP_INGRESS = _free(
    "SecurityGroupIngress",
    Interruptions(outage("what it let through is refused"), brief("what it lets through is refused for seconds")),
)
SUBNET = ResourceType(
    "AWS::EC2::Subnet",
    holds_data=False,
    billing=Billing.FREE,
    usual_minutes={"DELETE": _HELD},
    interruptions=Interruptions(
        outage("what runs in it has to leave first, and its deletion fails while a database or a function is in it"),
        impossible(_STAYS),
    ),
    safe={"MapPublicIpOnLaunch": (False,)},
)
SUBNET_ROUTE_TABLE_ASSOCIATION = _free(
    "SubnetRouteTableAssociation",
    Interruptions(
        outage("traffic of its subnet takes the main table: none leads out"),
        brief("open connections of its subnet end"),
    ),
)
VOLUME = ResourceType(
    "AWS::EC2::Volume",
    holds_data=True,
    data="everything on it",
    delete_command="aws ec2 delete-volume --volume-id {}",
    snapshots_command="aws ec2 describe-snapshots --owner-ids self --filters Name=volume-id,Values={}",
    snapshot_delete_command="aws ec2 delete-snapshot --snapshot-id {}",
)
VPC = _free(
    "VPC",
    Interruptions(
        impossible(_STAYS),
        impossible(_STAYS),
        {
            "EnableDnsSupport": becomes((False,), outage("no name is found in the network")),
            "EnableDnsHostnames": becomes((False,), outage("private names of endpoints are no longer found")),
        },
    ),
)
"""Private DNS of interface endpoints needs both (PrivateLink guide, "Access an AWS service using an interface VPC
endpoint"; read 2026-11-29)."""
VPC_ENDPOINT = ResourceType(
    "AWS::EC2::VPCEndpoint",
    holds_data=False,
    billing=Billing.PRICED,
    usual_minutes={
        "CREATE": UsualMinutes(1, 3, f"an interface in each zone; {COMMON}"),
        "DELETE": UsualMinutes(2, 5, f"its interfaces go first; {COMMON}"),
    },
    interruptions=Interruptions(
        outage("calls to the service go another way, and fail where there is none"),
        brief("calls to the service fail for seconds"),
        {"*": brief("calls to the service may fail for seconds")},
    ),
)
VPC_GATEWAY_ATTACHMENT = _free(
    "VPCGatewayAttachment",
    Interruptions(
        outage("no way to and from the internet"),
        outage("no way to and from the internet until the new one is there, seconds"),
    ),
)

ROWS = (
    EIP, FLOW_LOG, INSTANCE, INTERNET_GATEWAY, NAT_GATEWAY, NETWORK_ACL, NETWORK_ACL_ENTRY, ROUTE, ROUTE_TABLE,
    SECURITY_GROUP, SECURITY_GROUP_EGRESS, SECURITY_GROUP_INGRESS, SUBNET, SUBNET_ROUTE_TABLE_ASSOCIATION, VOLUME, VPC,
    VPC_ENDPOINT, VPC_GATEWAY_ATTACHMENT,
)  # fmt: skip
