"""Amazon EC2 and VPC."""

from infragen.resource_types.resource_type import COMMON, Billing, ResourceType, UsualMinutes

_HELD = UsualMinutes(
    20, 40, "Lambda's interfaces hold it (hashicorp/terraform-provider-aws#10347)", "where Lambda used it"
)


def _free(name: str, *, foundation: bool = False) -> ResourceType:
    return ResourceType(f"AWS::EC2::{name}", holds_data=False, billing=Billing.FREE, foundation=foundation)


EIP = ResourceType("AWS::EC2::EIP", holds_data=False, billing=Billing.PRICED)
FLOW_LOG = _free("FlowLog")
INSTANCE = ResourceType(
    "AWS::EC2::Instance",
    holds_data=False,
    billing=Billing.PRICED,
    usual_minutes={
        "CREATE": UsualMinutes(2, 5, "it boots, sets itself up and signals; infragen waits 10 minutes"),
    },
)
INTERNET_GATEWAY = ResourceType("AWS::EC2::InternetGateway", holds_data=False, billing=Billing.PRICED, foundation=True)
NAT_GATEWAY = ResourceType(
    "AWS::EC2::NatGateway",
    holds_data=False,
    billing=Billing.PRICED,
    usual_minutes={
        "CREATE": UsualMinutes(1, 3, f"one host a zone; {COMMON}"),
        "DELETE": UsualMinutes(1, 2, COMMON),
    },
)
NETWORK_ACL = _free("NetworkAcl")
NETWORK_ACL_ENTRY = _free("NetworkAclEntry")
ROUTE = _free("Route")
ROUTE_TABLE = _free("RouteTable", foundation=True)
SECURITY_GROUP = ResourceType(
    "AWS::EC2::SecurityGroup",
    holds_data=False,
    billing=Billing.FREE,
    foundation=True,
    name_property="GroupName",
    usual_minutes={"DELETE": _HELD},
)
SECURITY_GROUP_EGRESS = _free("SecurityGroupEgress")
SECURITY_GROUP_INGRESS = _free("SecurityGroupIngress")
SUBNET = ResourceType(
    "AWS::EC2::Subnet", holds_data=False, billing=Billing.FREE, foundation=True, usual_minutes={"DELETE": _HELD}
)
SUBNET_ROUTE_TABLE_ASSOCIATION = _free("SubnetRouteTableAssociation")
VOLUME = ResourceType("AWS::EC2::Volume", holds_data=True, data="everything on it")
VPC = _free("VPC", foundation=True)
VPC_ENDPOINT = ResourceType(
    "AWS::EC2::VPCEndpoint",
    holds_data=False,
    billing=Billing.PRICED,
    usual_minutes={
        "CREATE": UsualMinutes(1, 3, f"an interface in each zone; {COMMON}"),
        "DELETE": UsualMinutes(2, 5, f"its interfaces go first; {COMMON}"),
    },
)
VPC_GATEWAY_ATTACHMENT = _free("VPCGatewayAttachment", foundation=True)

ROWS = (
    EIP, FLOW_LOG, INSTANCE, INTERNET_GATEWAY, NAT_GATEWAY, NETWORK_ACL, NETWORK_ACL_ENTRY, ROUTE, ROUTE_TABLE,
    SECURITY_GROUP, SECURITY_GROUP_EGRESS, SECURITY_GROUP_INGRESS, SUBNET, SUBNET_ROUTE_TABLE_ASSOCIATION, VOLUME, VPC,
    VPC_ENDPOINT, VPC_GATEWAY_ATTACHMENT,
)  # fmt: skip
