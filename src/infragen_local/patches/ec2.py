"""EC2: the types that MiniStack rejects with "Unrecognized resource types", `Fn::GetAtt Vpc.CidrBlock`, and services
with an interface endpoint that its DescribeVpcEndpointServices does not name.

Addresses, NAT gateways and security group rules become records in MiniStack's EC2 stores, so that DescribeAddresses,
DescribeNatGateways and DescribeSecurityGroups show them. A flow log is a placeholder. `instance` has EC2 instances.
"""

from typing import Any

from ministack.services import ec2

from infragen_local.patches.handlers import (
    Created,
    Properties,
    ResourceType,
    add,
    add_attributes,
    new_ec2_id,
    placeholder,
)

ENDPOINT_SERVICES = ("bedrock-runtime", "ecs", "ecs-agent", "ecs-telemetry", "rds-data", "xray")
"""Services that AWS offers interface endpoints of and MiniStack does not (AWS PrivateLink Guide, "AWS services that
integrate with AWS PrivateLink", read 2026-11-29): of those that an environment of infragen may name."""


def apply() -> None:
    """Add the EC2 types that MiniStack lacks, the attribute that its VPC lacks, and endpoint services."""
    named: Any = ec2._VPCE_INTERFACE_SERVICES
    ec2._VPCE_INTERFACE_SERVICES = tuple(dict.fromkeys((*named, *ENDPOINT_SERVICES)))
    add("AWS::EC2::EIP", ResourceType(_create_address, _address_attributes, _release_address))
    add(
        "AWS::EC2::NatGateway",
        ResourceType(
            _create_nat_gateway,
            lambda physical_id, _: {"NatGatewayId": physical_id},
            _delete_nat_gateway,
            _change_nat_gateway,
            create_only=frozenset({"SubnetId", "AllocationId", "ConnectivityType", "PrivateIpAddress"}),
        ),
    )
    add("AWS::EC2::SecurityGroupIngress", _security_group_rule("IpPermissions"))
    add("AWS::EC2::SecurityGroupEgress", _security_group_rule("IpPermissionsEgress"))
    add(
        "AWS::EC2::FlowLog",
        placeholder(
            lambda *_: new_ec2_id("fl"),
            lambda physical_id, _: {"Id": physical_id},
            # Every property but Tags is "Update requires: Replacement" (AWS::EC2::FlowLog).
            create_only=frozenset(
                {
                    "DeliverCrossAccountRole",
                    "DeliverLogsPermissionArn",
                    "DestinationOptions",
                    "LogDestination",
                    "LogDestinationType",
                    "LogFormat",
                    "LogGroupName",
                    "MaxAggregationInterval",
                    "ResourceId",
                    "ResourceType",
                    "TrafficType",
                }
            ),
        ),
    )
    add_attributes("AWS::EC2::VPC", lambda _, properties: {"CidrBlock": properties.get("CidrBlock")})


def _create_address(_logical_id: str, properties: Properties, _stack: str) -> Created:
    allocation_id, public_ip = new_ec2_id("eipalloc"), ec2._random_ip("52.")
    ec2._addresses[allocation_id] = {
        "AllocationId": allocation_id,
        "PublicIp": public_ip,
        "Domain": properties.get("Domain", "vpc"),
        "AssociationId": None,
        "InstanceId": None,
        "NetworkInterfaceId": None,
        "PrivateIpAddress": None,
    }
    return public_ip, {"AllocationId": allocation_id, "PublicIp": public_ip}


def _allocations(public_ip: str) -> list[str]:
    return [allocation for allocation, record in ec2._addresses.items() if record["PublicIp"] == public_ip]


def _address_attributes(public_ip: str, _properties: Properties) -> dict[str, Any]:
    return {"PublicIp": public_ip, "AllocationId": _allocations(public_ip)[0]}


def _release_address(public_ip: str, _properties: Properties) -> None:
    for allocation in _allocations(public_ip):
        ec2._addresses.pop(allocation, None)


def _create_nat_gateway(_logical_id: str, properties: Properties, _stack: str) -> Created:
    physical_id = new_ec2_id("nat")
    subnet = ec2._subnets.get(properties.get("SubnetId")) or {}
    ec2._nat_gateways[physical_id] = {
        "NatGatewayId": physical_id,
        "SubnetId": properties.get("SubnetId"),
        "VpcId": subnet.get("VpcId") or properties.get("VpcId"),
        "AllocationId": properties.get("AllocationId"),
        "ConnectivityType": properties.get("ConnectivityType", "public"),
        "State": "available",
        "CreateTime": ec2._now_ts(),
        "Tags": properties.get("Tags") or [],
    }
    return physical_id, {"NatGatewayId": physical_id}


def _change_nat_gateway(physical_id: str, properties: Properties) -> None:
    ec2._nat_gateways[physical_id]["Tags"] = properties.get("Tags") or []


def _delete_nat_gateway(physical_id: str, _properties: Properties) -> None:
    ec2._nat_gateways.pop(physical_id, None)


def _security_group_rule(direction: str) -> ResourceType:
    """Return the type of a rule that is written into its group's `direction` list, as AuthorizeSecurityGroup… does."""

    def create(_logical_id: str, properties: Properties, _stack: str) -> Created:
        group = ec2._security_groups.get(properties.get("GroupId"))
        if group is None:
            raise ValueError(f"The security group '{properties.get('GroupId')}' does not exist")
        group.setdefault(direction, []).append(_permission(properties))
        physical_id = new_ec2_id("sgr")
        return physical_id, {"Id": physical_id}

    def delete(_physical_id: str, properties: Properties) -> None:
        group = ec2._security_groups.get(properties.get("GroupId"))
        if group and _permission(properties) in group.get(direction, []):
            group[direction].remove(_permission(properties))

    return ResourceType(
        create,
        lambda physical_id, _: {"Id": physical_id},
        delete,
        # Of all properties only Description is updated in place (AWS::EC2::SecurityGroupIngress and …Egress).
        create_only=frozenset(
            {
                "GroupId",
                "IpProtocol",
                "FromPort",
                "ToPort",
                "CidrIp",
                "CidrIpv6",
                "SourceSecurityGroupId",
                "DestinationSecurityGroupId",
                "SourcePrefixListId",
                "DestinationPrefixListId",
            }
        ),
    )


def _permission(properties: Properties) -> dict[str, Any]:
    """Return a rule in the form in which MiniStack's security groups keep it."""
    permission: dict[str, Any] = {
        "IpProtocol": str(properties.get("IpProtocol", "-1")),
        "IpRanges": [],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": [],
    }
    permission.update({port: int(properties[port]) for port in ("FromPort", "ToPort") if port in properties})
    if properties.get("CidrIp"):
        permission["IpRanges"].append({"CidrIp": properties["CidrIp"]})
    if properties.get("CidrIpv6"):
        permission["Ipv6Ranges"].append({"CidrIpv6": properties["CidrIpv6"]})
    prefix_list = properties.get("SourcePrefixListId") or properties.get("DestinationPrefixListId")
    if prefix_list:
        permission["PrefixListIds"].append({"PrefixListId": prefix_list})
    other_group = properties.get("SourceSecurityGroupId") or properties.get("DestinationSecurityGroupId")
    if other_group:
        permission["UserIdGroupPairs"].append({"GroupId": other_group})
    return permission
