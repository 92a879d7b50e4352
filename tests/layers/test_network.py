"""The network layer: every setting of `network:` is seen in its template, and who may talk to whom."""

from ipaddress import ip_network
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendering import assembly, properties, resources, template

from infragen.config import Network
from infragen.layers.network import TIERS, subnet_blocks

ZONES = "network: {azs: %d, nat: %s}"


def ref(name: str) -> dict[str, Any]:
    return {"Ref": name}


def group(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [f"{name}SecurityGroup", "GroupId"]}


@pytest.mark.parametrize("zones", [2, 3, 4])
def test_each_zone_has_a_subnet_of_each_tier_at_its_fixed_address(zones: int) -> None:
    """Blocks are 0-3 public, 4-7 private, 8-11 isolated, so another zone renumbers nothing."""
    blocks = {
        name: subnet["Properties"]["CidrBlock"]
        for name, subnet in resources("network", ZONES % (zones, "single"), "AWS::EC2::Subnet").items()
    }
    assert blocks == {
        f"{tier}Subnet{zone}": f"10.0.{first + zone - 1}.0/24"
        for tier, first in (("Public", 0), ("Private", 4), ("Isolated", 8))
        for zone in range(1, zones + 1)
    }


def test_the_vpc_range_moves_every_subnet() -> None:
    """`vpc_cidr` is the VPC's range and the origin of all blocks, a /20 included."""
    over = "network: {vpc_cidr: 172.16.32.0/20}"
    assert properties("network", "Vpc", over)["CidrBlock"] == "172.16.32.0/20"
    assert properties("network", "IsolatedSubnet2", over)["CidrBlock"] == "172.16.41.0/24"


@given(prefix=st.integers(16, 20), third=st.integers(0, 15), zones=st.integers(2, 3))
def test_no_plan_overlaps_or_leaves_the_vpc_and_another_zone_moves_nothing(prefix: int, third: int, zones: int) -> None:
    """For every range from /16 to /20: blocks are apart, inside, and the first ones of a larger plan."""
    vpc = ip_network((f"10.9.{16 * third}.0", prefix), strict=False)
    small = Network.model_construct(vpc_cidr=str(vpc), azs=zones)
    large = Network.model_construct(vpc_cidr=str(vpc), azs=zones + 1)
    blocks = [block for tier in TIERS for block in subnet_blocks(large, tier)]
    assert len(blocks) == 3 * (zones + 1)
    assert all(block.subnet_of(vpc) for block in blocks)  # type: ignore[arg-type]  # both are IPv4
    assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))
    for tier in TIERS:
        assert [*subnet_blocks(small, tier)] == [*subnet_blocks(large, tier)][:zones]


def test_subnets_spread_over_zones_and_give_no_public_addresses() -> None:
    """Zones are asked of the region, never named."""
    for name, subnet in resources("network", ZONES % (3, "single"), "AWS::EC2::Subnet").items():
        zone = {"Fn::Select": [int(name[-1]) - 1, {"Fn::GetAZs": ""}]}
        assert subnet["Properties"]["AvailabilityZone"] == zone
        assert subnet["Properties"]["MapPublicIpOnLaunch"] is False


def routes(over: str) -> dict[str, Any]:
    """Route table -> where its default route leads."""
    found = {}
    for each in resources("network", over, "AWS::EC2::Route").values():
        assert each["Properties"]["DestinationCidrBlock"] == "0.0.0.0/0"
        [target] = [
            each["Properties"][key] for key in ("GatewayId", "NatGatewayId", "InstanceId") if key in each["Properties"]
        ]
        found[each["Properties"]["RouteTableId"]["Ref"]] = target["Ref"]
    return found


@pytest.mark.parametrize(
    ("nat", "targets"),
    [
        ("none", []),
        ("instance", ["NatInstance"] * 3),
        ("single", ["NatGateway1"] * 3),
        ("per_az", ["NatGateway1", "NatGateway2", "NatGateway3"]),
        ("regional", ["NatGateway"] * 3),
    ],
)
def test_the_nat_mode_decides_only_where_private_default_routes_lead(nat: str, targets: list[str]) -> None:
    """Every private subnet has its own table in every mode; isolated ones never have a way out."""
    over = ZONES % (3, nat)
    private = {f"PrivateRoutes{zone}": target for zone, target in enumerate(targets, 1)}
    assert routes(over) == {"PublicRoutes": "InternetGateway", **private}
    for zone in (1, 2, 3):
        assert properties("network", f"PrivateSubnet{zone}Routes", over)["RouteTableId"] == ref(f"PrivateRoutes{zone}")
        assert properties("network", f"IsolatedSubnet{zone}Routes", over)["RouteTableId"] == ref("IsolatedRoutes")


@pytest.mark.long
@pytest.mark.parametrize(("nat", "gateways"), [("none", 0), ("instance", 0), ("single", 1), ("per_az", 4)])
def test_each_gateway_has_an_address_and_stands_in_a_public_subnet(nat: str, gateways: int) -> None:
    """One gateway, one a zone, or none at all."""
    over = ZONES % (4, nat)
    found = resources("network", over, "AWS::EC2::NatGateway")
    assert len(found) == len(resources("network", over, "AWS::EC2::EIP")) == gateways
    for zone, gateway in enumerate(found.values(), 1):
        assert gateway["Properties"]["SubnetId"] == ref(f"PublicSubnet{zone}")
        assert gateway["Properties"]["AllocationId"] == {"Fn::GetAtt": [f"NatAddress{zone}", "AllocationId"]}


def test_a_regional_gateway_stands_in_no_subnet_and_takes_its_own_addresses() -> None:
    """AWS keeps it in each zone in use."""
    over = ZONES % (3, "regional")
    [gateway] = resources("network", over, "AWS::EC2::NatGateway").values()
    assert gateway["Properties"]["AvailabilityMode"] == "regional"
    assert gateway["Properties"]["VpcId"] == ref("Vpc")
    assert not {"SubnetId", "AllocationId"} & gateway["Properties"].keys()
    assert not resources("network", over, "AWS::EC2::EIP")


def test_the_nat_instance_is_a_router_of_the_chosen_type() -> None:
    """It forwards what is not addressed to it, is reached from the VPC only, and gives no role away."""
    over = "network: {nat_instance_type: t4g.small, vpc_cidr: 10.9.0.0/16}"
    instance = properties("network", "NatInstance", over)
    assert instance["InstanceType"] == "t4g.small"
    assert instance["SourceDestCheck"] is False
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert "IamInstanceProfile" not in instance
    [ingress] = properties("network", "NatSecurityGroup", over)["SecurityGroupIngress"]
    assert (ingress["CidrIp"], ingress["IpProtocol"]) == ("10.9.0.0/16", "-1")


def test_a_nat_instance_that_does_not_come_up_fails_the_stack() -> None:
    """CloudFormation waits ten minutes for the instance's own word, which names the instance's logical id."""
    instance = resources("network")["NatInstance"]
    assert instance["CreationPolicy"] == {"ResourceSignal": {"Count": 1, "Timeout": "PT10M"}}
    script = instance["Properties"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    assert "--resource NatInstance" in script
    assert "ip saddr 10.0.0.0/16 ip daddr != 10.0.0.0/16 masquerade" in script
    assert "@" not in script


def test_a_new_image_replaces_the_nat_instance() -> None:
    """The image is a parameter that CloudFormation resolves anew in every operation: that is how it is patched."""
    body = template("network")
    assert body["Parameters"]["NatImageId"]["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    assert body["Resources"]["NatInstance"]["Properties"]["ImageId"] == ref("NatImageId")
    assert "NatImageId" not in template("network", ZONES % (2, "single"))["Parameters"]


def test_a_failed_nat_instance_is_recovered_or_rebooted_and_people_hear_of_it() -> None:
    """The host's failure moves the instance, its own reboots it."""
    for name, action in (("NatSystemAlarm", "recover"), ("NatInstanceAlarm", "reboot")):
        alarm = properties("network", name)
        repair = {"Fn::Sub": f"arn:${{AWS::Partition}}:automate:${{AWS::Region}}:ec2:{action}"}
        assert alarm["AlarmActions"] == [ref("AlarmTopic"), repair]
        assert alarm["OKActions"] == [ref("AlarmTopic")]
        assert alarm["Dimensions"] == [{"Name": "InstanceId", "Value": ref("NatInstance")}]
    assert not resources("network", ZONES % (2, "single"), "AWS::CloudWatch::Alarm")


def test_listed_interface_endpoints_stand_in_private_subnets_behind_their_own_group() -> None:
    """One endpoint a service; S3's gateway is there without being listed."""
    over = "network: {azs: 2, interface_endpoints: [ecr.api, secretsmanager]}"
    endpoint = properties("network", "EcrApiEndpoint", over)
    assert endpoint["ServiceName"] == {"Fn::Sub": "com.amazonaws.${AWS::Region}.ecr.api"}
    assert endpoint["PrivateDnsEnabled"] is True
    assert endpoint["SubnetIds"] == [ref("PrivateSubnet1"), ref("PrivateSubnet2")]
    assert endpoint["SecurityGroupIds"] == [group("Endpoint")]
    kinds = {name: each["Properties"]["VpcEndpointType"] for name, each in endpoints(over).items()}
    assert kinds == {"S3Endpoint": "Gateway", "EcrApiEndpoint": "Interface", "SecretsmanagerEndpoint": "Interface"}
    assert {("Api", 443, "Endpoint"), ("Worker", 443, "Endpoint")} <= connections(over)


def endpoints(over: str) -> dict[str, Any]:
    return resources("network", over, "AWS::EC2::VPCEndpoint")


def test_without_listed_endpoints_there_is_s3_alone_and_no_group_for_more() -> None:
    """The gateway is free and serves every private route table."""
    [s3] = endpoints("").values()
    assert s3["Properties"]["RouteTableIds"] == [ref("PrivateRoutes1"), ref("PrivateRoutes2")]
    assert "EndpointSecurityGroup" not in resources("network")


@pytest.mark.parametrize("traffic", ["ALL", "REJECT"])
def test_the_flow_log_records_the_chosen_traffic_into_an_encrypted_group_that_expires(traffic: str) -> None:
    """`flow_logs` is the traffic type; the group has the platform key and the environment's retention."""
    over = f"network: {{flow_logs: {traffic}}}\napi: {{log_retention_days: 14}}"
    log = properties("network", "FlowLog", over)
    assert (log["TrafficType"], log["ResourceId"], log["MaxAggregationInterval"]) == (traffic, ref("Vpc"), 600)
    where = properties("network", "FlowLogGroup", over)
    assert where["RetentionInDays"] == 14
    assert where["KmsKeyId"] == {"Fn::GetAtt": ["Key", "Arn"]}


def connections(over: str = "") -> set[tuple[str, int, str]]:
    """Who may open a connection to whom: (group or address range, port, group or address range)."""
    found = set()
    for each in resources("network", over, "AWS::EC2::SecurityGroupIngress").values():
        rule = each["Properties"]
        found.add((name_of(rule["SourceSecurityGroupId"]), rule["FromPort"], name_of(rule["GroupId"])))
    for each in resources("network", over, "AWS::EC2::SecurityGroupEgress").values():
        rule = each["Properties"]
        assert rule["FromPort"] == rule["ToPort"]
        target = rule["CidrIp"] if "CidrIp" in rule else name_of(rule["DestinationSecurityGroupId"])
        found.add((name_of(rule["GroupId"]), rule["FromPort"], target))
    return found


def name_of(group_id: dict[str, Any]) -> str:
    name: str = group_id["Fn::GetAtt"][0]
    return name.removesuffix("SecurityGroup")


API = {("Api", 443, "0.0.0.0/0")}
API_DATABASE = {("Api", 5432, "Database")}
WORKER = {("Worker", 443, "0.0.0.0/0")}
WORKER_DATABASE = {("Worker", 5432, "Database")}


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ("", API | API_DATABASE | WORKER | WORKER_DATABASE),
        ("api: {port: 8080}", API | API_DATABASE | WORKER | WORKER_DATABASE),
        ("database: null", API | WORKER),
        ("workers: []", API | API_DATABASE),
        ("api: null", WORKER | WORKER_DATABASE),
        ("api: null\nworkers: []", set()),
    ],
)
def test_a_rule_between_groups_exists_when_both_of_its_ends_do(over: str, expected: set[Any]) -> None:
    """The database's port is 5432; nothing else is open between groups. The API's port is opened in its own stack."""
    assert connections(over) == expected


def test_both_ends_of_a_connection_have_their_rule() -> None:
    """The caller lets it out, the called lets it in: one egress and one ingress each."""
    for source, target in (("Api", "Database"), ("Worker", "Database")):
        out = properties("network", f"{source}To{target}")
        into = properties("network", f"{target}From{source}")
        assert (out["GroupId"], out["DestinationSecurityGroupId"]) == (group(source), group(target))
        assert (into["GroupId"], into["SourceSecurityGroupId"]) == (group(target), group(source))
        assert out["FromPort"] == into["FromPort"]


def test_the_port_of_the_api_is_open_between_the_load_balancer_and_its_tasks() -> None:
    """In the API's own stack, so that a new port opens before tasks move to it and the old one closes after them."""
    balancer, tasks = {"Ref": "LoadBalancerSecurityGroupId"}, {"Ref": "ApiSecurityGroupId"}
    out, into = (properties("api", name, "api: {port: 8080}") for name in ("LoadBalancerToApi", "ApiFromLoadBalancer"))
    assert (out["GroupId"], out["DestinationSecurityGroupId"]) == (balancer, tasks)
    assert (into["GroupId"], into["SourceSecurityGroupId"]) == (tasks, balancer)
    assert {each[name] for each in (out, into) for name in ("FromPort", "ToPort")} == {8080}


def test_extra_egress_ports_open_for_api_and_workers() -> None:
    """E.g. 587 for SMTP; 443 is always open and listing it changes nothing."""
    opened = connections("network: {extra_egress_ports: [587, 443]}") - connections()
    assert opened == {("Api", 587, "0.0.0.0/0"), ("Worker", 587, "0.0.0.0/0")}


TABLE = {
    ("Api", "tcp", 443, "0.0.0.0/0"), ("Worker", "tcp", 443, "0.0.0.0/0"),
    ("Api", "tcp", 587, "0.0.0.0/0"), ("Worker", "tcp", 587, "0.0.0.0/0"),
    ("Api", "tcp", 5432, "Database"), ("Worker", "tcp", 5432, "Database"),
    ("Api", "tcp", 443, "Endpoint"), ("Worker", "tcp", 443, "Endpoint"),
    ("192.0.2.7/32", "tcp", 443, "LoadBalancer"), ("192.0.2.7/32", "tcp", 80, "LoadBalancer"),
}  # fmt: skip
OF_NAT = {("10.0.0.0/16", "-1", None, "Nat"), ("Nat", "-1", None, "0.0.0.0/0")}


@pytest.mark.parametrize(("nat", "more"), [("instance", OF_NAT), ("per_az", set())])
def test_no_group_has_a_rule_that_is_not_in_the_table_of_the_page(nat: str, more: set[Any]) -> None:
    """Those in a group and those beside it, in both directions, with everything on that opens something."""
    over = (
        f"network: {{nat: {nat}, interface_endpoints: [sqs], extra_egress_ports: [587]}}\n"
        "api: {ingress_cidrs: [192.0.2.7/32], https: {mode: certificate, "
        "certificate_arn: 'arn:aws:acm:us-east-1:111111111111:certificate/a-b'}}"
    )
    found = set[Any]()
    for name, each in resources("network", over, "AWS::EC2::SecurityGroup").items():
        group, properties = name.removesuffix("SecurityGroup"), each["Properties"]
        for rule in properties.get("SecurityGroupIngress", []):
            found.add((rule["CidrIp"], rule["IpProtocol"], rule.get("FromPort"), group))
        for rule in properties["SecurityGroupEgress"]:
            if rule["IpProtocol"] != "icmp":
                found.add((group, rule["IpProtocol"], rule.get("FromPort"), rule["CidrIp"]))
    assert found | {(one, "tcp", port, other) for one, port, other in connections(over)} == TABLE | more


@pytest.mark.long
def test_every_alarm_notifies_the_topic_by_itself_or_in_a_composite_one() -> None:
    """Of every layer, the NAT instance's among them."""
    over = "network: {nat: instance}\napi: {waf: {}}"
    alarms = {
        f"{name}": each["Properties"]
        for layer in (each.layer for each in assembly(over).templates)
        for name, each in resources(layer, over).items()
        if each["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    }
    loud = {name for name, each in alarms.items() if "AlarmTopic" in str(each.get("AlarmActions"))}
    rules = str([each["AlarmRule"] for name, each in alarms.items() if name in loud and "AlarmRule" in each])
    assert [name for name in alarms if name not in loud and name not in rules] == []
    assert len(alarms) > 15


def test_no_group_has_the_allow_all_rule_that_ec2_gives_to_groups_without_egress() -> None:
    """Every application group starts with a rule that lets nothing out."""
    over = "network: {nat: single, interface_endpoints: [sqs]}"
    groups = resources("network", over, "AWS::EC2::SecurityGroup")
    assert len(groups) == 5
    for each in groups.values():
        [rule] = each["Properties"]["SecurityGroupEgress"]
        assert (rule["IpProtocol"], rule["CidrIp"]) == ("icmp", "255.255.255.255/32")


@pytest.mark.parametrize(
    ("https", "ports"),
    [
        ("{mode: http_only}", [80]),
        ("{mode: certificate, certificate_arn: 'arn:aws:acm:us-east-1:111111111111:certificate/a-b'}", [443, 80]),
        ("{mode: domain, domain_name: api.example.com, hosted_zone_id: Z123}", [443, 80]),
    ],
)
def test_the_load_balancer_is_open_to_the_listed_addresses_only(https: str, ports: list[int]) -> None:
    """443 and 80 (which redirects), or 80 alone without a certificate."""
    over = f"api: {{ingress_cidrs: [198.51.100.0/24, 192.0.2.7/32], https: {https}}}"
    rules = properties("network", "LoadBalancerSecurityGroup", over)["SecurityGroupIngress"]
    assert [(rule["CidrIp"], rule["FromPort"], rule["ToPort"]) for rule in rules] == [
        (cidr, port, port) for cidr in ("198.51.100.0/24", "192.0.2.7/32") for port in ports
    ]


def test_an_open_load_balancer_says_why_and_a_closed_one_has_nothing_to_excuse() -> None:
    """The suppressions of scanners stand only where the finding is."""
    assert "Metadata" not in resources("network")["LoadBalancerSecurityGroup"]
    over = "api: {ingress_cidrs: [0.0.0.0/0]}"
    metadata = resources("network", over)["LoadBalancerSecurityGroup"]["Metadata"]
    assert [each["id"] for each in metadata["checkov"]["skip"]] == ["CKV_AWS_260"]


def test_outputs_are_the_same_whichever_layers_are_on() -> None:
    """Turning a layer on changes no wiring of the others."""
    assert set(template("network", "api: null\nworkers: []\ndatabase: null")["Outputs"]) == set(
        template("network")["Outputs"]
    )


def test_every_address_hears_of_alarms() -> None:
    """One subscription an address, on an encrypted topic."""
    over = "alarms: {emails: [a@example.com, b@example.com]}"
    found = resources("network", over, "AWS::SNS::Subscription").values()
    assert [each["Properties"]["Endpoint"] for each in found] == ["a@example.com", "b@example.com"]
    assert all(each["Properties"]["TopicArn"] == ref("AlarmTopic") for each in found)
    assert properties("network", "AlarmTopic", over)["KmsMasterKeyId"] == ref("Key")
    assert not resources("network", "", "AWS::SNS::Subscription")


def statements(document: str, logical_id: str, service: str) -> list[dict[str, Any]]:
    """The statements of a resource policy for one service principal."""
    found = properties("network", logical_id)[document]["Statement"]
    return [
        each for each in found if isinstance(each["Principal"], dict) and each["Principal"].get("Service") == service
    ]


def test_cloudwatch_and_eventbridge_can_publish_to_the_encrypted_topic() -> None:
    """EventBridge gives no source account or ARN when it publishes to a topic: a policy that asked for one would lose
    every notification without a word. CloudWatch gives it. The key is for topics of this account alone.
    """
    topics = {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:*"}
    account = {"aws:SourceAccount": ref("AWS::AccountId")}
    [publishes] = statements("PolicyDocument", "AlarmTopicPolicy", "events.amazonaws.com")
    assert (publishes["Action"], "Condition" in publishes) == ("sns:Publish", False)
    [encrypts] = statements("KeyPolicy", "Key", "events.amazonaws.com")
    assert encrypts["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert encrypts["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": topics}}
    [alarms] = statements("PolicyDocument", "AlarmTopicPolicy", "cloudwatch.amazonaws.com")
    assert alarms["Condition"] == {"StringEquals": account}
    [encrypts] = statements("KeyPolicy", "Key", "cloudwatch.amazonaws.com")
    assert encrypts["Condition"] == {"StringEquals": account}


def test_the_boundary_bounds_the_flow_logs_role() -> None:
    """`iam.permissions_boundary_arn` is on every role."""
    boundary = "arn:aws:iam::111111111111:policy/edge"
    assert (
        properties("network", "FlowLogRole", f"iam: {{permissions_boundary_arn: '{boundary}'}}")["PermissionsBoundary"]
        == boundary
    )
    assert "PermissionsBoundary" not in properties("network", "FlowLogRole")


def test_the_platform_key_outlives_its_stack() -> None:
    """Logs and environments encrypted with it would be lost; a failed first creation leaves nothing behind."""
    assert resources("network")["Key"]["DeletionPolicy"] == "Delete", "development leaves nothing behind"
    key = resources("network", "protect: true")["Key"]
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert key["Properties"]["EnableKeyRotation"] is True
