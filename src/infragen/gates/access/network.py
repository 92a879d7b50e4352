"""What changes about who can reach whom: security groups, routes, network ACLs, public addresses and switches."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from infragen.changes.values import same
from infragen.cloudformation import KnownAfter
from infragen.gates.access.found import Resources, Widening
from infragen.gates.access.ports import ALL, Rule, admitted, read
from infragen.gates.access.symbols import Reader, Symbol, Text, shown

GROUP = "AWS::EC2::SecurityGroup"
ASSOCIATION = "AWS::EC2::SubnetRouteTableAssociation"
SEPARATE = {"AWS::EC2::SecurityGroupIngress": "ingress", "AWS::EC2::SecurityGroupEgress": "egress"}
ALLOW_ALL = ({"IpProtocol": ALL, "CidrIp": "0.0.0.0/0"}, {"IpProtocol": ALL, "CidrIpv6": "::/0"})
"""The egress of a group for which none is written (CloudFormation, "AWS::EC2::SecurityGroup")."""

WEB = frozenset({(80, 80), (443, 443)})
"""Ports that are open to everyone by design where a load balancer faces the internet."""

NOBODY = ip_network("255.255.255.255/32")
"""The address of nobody, by which a group says that it wants no egress rather than all."""

ABSENT = object()
NO = (False, "false")


@dataclass(frozen=True)
class Switch:
    """A property that opens a resource unless it holds one of the `closed` values; ABSENT among them is its absence."""

    types: tuple[str, ...]
    path: tuple[str, ...]
    closed: tuple[object, ...]
    sentence: str
    grave: bool = True


SWITCHES = (
    Switch(("AWS::RDS::DBInstance", "AWS::DMS::ReplicationInstance", "AWS::AmazonMQ::Broker"), ("PubliclyAccessible",),
           NO, "can be reached from the internet (PubliclyAccessible)"),
    Switch(("AWS::RDS::DBCluster", "AWS::Redshift::Cluster"), ("PubliclyAccessible",), (*NO, ABSENT),
           "can be reached from the internet (PubliclyAccessible)"),
    Switch(("AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancing::LoadBalancer"), ("Scheme",),
           ("internal",), "faces the internet (Scheme)", grave=False),
    Switch(("AWS::EC2::Subnet",), ("MapPublicIpOnLaunch",), (*NO, ABSENT),
           "gives public addresses to what starts in it"),
    Switch(("AWS::EC2::Instance",), ("NetworkInterfaces", "AssociatePublicIpAddress"), (*NO, ABSENT),
           "has a public address", grave=False),
    Switch(("AWS::EC2::LaunchTemplate",), ("LaunchTemplateData", "NetworkInterfaces", "AssociatePublicIpAddress"),
           (*NO, ABSENT), "gives its instances public addresses"),
    Switch(("AWS::ECS::Service",), ("NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp"),
           ("DISABLED", ABSENT), "gives its tasks public addresses"),
    Switch(("AWS::Lambda::Url",), ("AuthType",), ("AWS_IAM",), "can be called by everyone (AuthType)"),
    Switch(("AWS::S3::Bucket",), ("AccessControl",),
           (ABSENT, "Private", "LogDeliveryWrite", "BucketOwnerRead", "BucketOwnerFullControl", "AwsExecRead"),
           "is open to others by its access control list"),
    Switch(("AWS::EKS::Cluster",), ("ResourcesVpcConfig", "EndpointPublicAccess"), NO, "has a public endpoint"),
    Switch(("AWS::MSK::Cluster",), ("BrokerNodeGroupInfo", "ConnectivityInfo", "PublicAccess", "Type"),
           (ABSENT, "DISABLED"), "can be reached from the internet"),
    Switch(("AWS::SageMaker::NotebookInstance",), ("DirectInternetAccess",), ("Disabled",),
           "has direct internet access"),
)  # fmt: skip

BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
MEMBERSHIPS = frozenset({"SecurityGroupIds", "SecurityGroups", "VpcSecurityGroupIds", "VPCSecurityGroups", "GroupSet"})
LINKS = {
    "AWS::EC2::VPCGatewayAttachment": "connects its VPC with a gateway",
    "AWS::EC2::VPCPeeringConnection": "connects two VPCs",
    "AWS::EC2::TransitGatewayAttachment": "connects its VPC with a transit gateway",
    "AWS::EC2::TransitGatewayVpcAttachment": "connects its VPC with a transit gateway",
    "AWS::EC2::VPNConnection": "connects its VPC with another network",
    "AWS::EC2::ClientVpnEndpoint": "lets clients into its VPC",
    "AWS::EC2::EgressOnlyInternetGateway": "lets its VPC reach the internet by IPv6",
    "AWS::EC2::EIPAssociation": "gives something a public address",
}
FILTER = "AWS::WAFv2::WebACLAssociation"
NOT_A_LINK = frozenset({"Tags", "TagSpecifications"})
OUTBOUND = ("NatGatewayId", "InstanceId", "NetworkInterfaceId", "EgressOnlyInternetGatewayId")
TARGETS = (
    "GatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "VpcEndpointId", "CarrierGatewayId", "LocalGatewayId",
    "CoreNetworkArn", *OUTBOUND,
)  # fmt: skip


def network_widenings(old: Resources, new: Resources, layer: str) -> Iterator[Widening]:
    """Everything by which something can be reached, or can reach, what it could not before."""
    now = "" if old.absent else "now "
    yield from _rules(old, new, layer, now)
    yield from _routes(old, new, layer, now)
    yield from _acls(old, new, layer)
    for name, resource in new.bodies.items():
        before = old.bodies.get(name, {})
        if before.get("Type") != resource["Type"]:
            before = {}
        for sentence, grave in _opened(before, resource, now):
            yield Widening("network", f"{layer}/{name}", f"{layer}/{name} {sentence}", grave)
        for sentence in _joined(before, resource, old.reader, new.reader):
            yield Widening("network", f"{layer}/{name}", f"{layer}/{name} {sentence}")
    for name, resource in old.bodies.items():
        stays = same(resource, new.bodies.get(name))
        if resource["Type"] == FILTER and not stays:
            yield Widening("network", f"{layer}/{name}", f"{layer}/{name} no longer filters requests as it did")


# --- security groups --------------------------------------------------------------------------------------------


def _rules(old: Resources, new: Resources, layer: str, now: str) -> Iterator[Widening]:
    before = [rule for _, rule in _all_rules(old) if rule.peer != NOBODY]
    told: dict[tuple[str, str], list[Rule]] = {}
    for name, rule in dict.fromkeys(_all_rules(new)):
        if rule.peer != NOBODY and not admitted(rule, before):
            told.setdefault((name, rule.direction), []).append(rule)
    for (name, direction), rules in told.items():
        group = _group_name(rules[0].group, layer)
        words = ", ".join(map(str, rules))
        sentence = f"{group} {now}accepts {words}" if direction == "ingress" else f"{group} may {now}reach {words}"
        yield Widening("network", f"{layer}/{name}", sentence + _was(rules, before), any(map(_grave, rules)))


def _grave(rule: Rule) -> bool:
    return rule.direction == "ingress" and rule.public and (rule.protocol != "tcp" or rule.ports not in WEB)


def _was(rules: Sequence[Rule], before: Sequence[Rule]) -> str:
    """The peers that the same ports had before, or the ports that the group had; all rules are of one group."""
    first = rules[0]
    near = [each for each in before if (each.group, each.direction) == (first.group, first.direction)]
    alike = [each for each in near if any(each.what == one.what for one in rules)]
    return f" (was: only {', '.join(dict.fromkeys(map(str, alike or near)))})" if near else ""


def _group_name(group: Text, layer: str) -> str:
    local = len(group) == 1 and isinstance(group[0], Symbol) and "(" not in group[0].name
    return f"{layer}/{shown(group)}" if local else shown(group)


def _all_rules(side: Resources) -> Iterator[tuple[str, Rule]]:
    """The rules of all groups, each with the resource that holds it."""
    for name, resource in side.bodies.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == GROUP:
            group: Text = (Symbol(f"{name}.GroupId"),)
            for direction, key, default in (
                ("ingress", "SecurityGroupIngress", ()),
                ("egress", "SecurityGroupEgress", ALLOW_ALL),
            ):
                for entry in _entries(properties.get(key) or default):
                    yield from ((name, rule) for rule in read(entry, group, direction, side.reader))
        elif resource["Type"] in SEPARATE:
            group = _normal(side.reader.text(properties.get("GroupId", properties.get("GroupName"))), side)
            yield from ((name, rule) for rule in read(properties, group, SEPARATE[resource["Type"]], side.reader))


def _entries(value: Any) -> Iterable[Mapping[str, Any]]:
    """The entries of an inline list; one that is not an object is a rule of which nothing is known."""
    entries = value if isinstance(value, list | tuple) else [value]
    return (each if isinstance(each, Mapping) and "IpProtocol" in each else {"CidrIp": [each]} for each in entries)


def _normal(group: Text, side: Resources) -> Text:
    """Ref of a group in a VPC gives its id, as GetAtt GroupId does."""
    if len(group) == 1 and isinstance(group[0], Symbol) and group[0].name in side.bodies:
        return (Symbol(f"{group[0].name}.GroupId"),)
    return group


# --- routes and network ACLs ------------------------------------------------------------------------------------


def _routes(old: Resources, new: Resources, layer: str, now: str) -> Iterator[Widening]:
    before = {rule for *_, rule in _all_routes(old)}
    for name, table, way, rule in _all_routes(new):
        if not admitted(rule, before):
            peer = shown(rule.peer) if isinstance(rule.peer, tuple) else str(rule.peer)
            sentence = f"the route table {layer}/{shown(table)} {now}leads to {peer} through {shown(way)}"
            yield Widening("network", f"{layer}/{name}", sentence)
    yield from _tables(old, new, layer)


def _tables(old: Resources, new: Resources, layer: str) -> Iterator[Widening]:
    """Subnets that were there and now use another route table, whose routes we do not compare with the first's."""
    tables = dict(_association(old, each) for each in old.bodies.values() if each["Type"] == ASSOCIATION)
    for name, each in new.bodies.items():
        if each["Type"] != ASSOCIATION:
            continue
        subnet, table = _association(new, each)
        created = all(isinstance(part, Symbol) and part.name not in old.bodies for part in subnet)
        if tables.get(subnet, table if created else None) != table:
            sentence = f"the subnet {shown(subnet)} now uses the route table {shown(table)}"
            yield Widening("network", f"{layer}/{name}", sentence)


def _association(side: Resources, resource: Mapping[str, Any]) -> tuple[Text, Text]:
    properties = resource.get("Properties", {})
    subnet, table = (side.reader.text(properties.get(key)) for key in ("SubnetId", "RouteTableId"))
    return subnet, table


def _all_routes(side: Resources) -> Iterator[tuple[str, Text, Text, Rule]]:
    """Routes, with their tables and the ways out of these, as rules. All ways that only lead out are one."""
    for name, resource in side.bodies.items():
        properties = resource.get("Properties", {})
        if resource["Type"] != "AWS::EC2::Route":
            continue
        targets = (key for key in TARGETS if key in properties)
        ways = ("a NAT device" if key in OUTBOUND else side.reader.text(properties[key]) for key in targets)
        way = tuple(each for text in ways for each in text)
        table = side.reader.text(properties.get("RouteTableId"))
        ranges = {"CidrIp": "DestinationCidrBlock", "CidrIpv6": "DestinationIpv6CidrBlock",
                  "DestinationPrefixListId": "DestinationPrefixListId"}  # fmt: skip
        entry = {mine: properties[theirs] for mine, theirs in ranges.items() if theirs in properties}
        for rule in read({**entry, "IpProtocol": ALL}, (*table, " ", *way), "egress", side.reader):
            yield name, table, way, rule


def _acls(old: Resources, new: Resources, layer: str) -> Iterator[Widening]:
    """Entries of network ACLs: a new or changed entry that allows, or one that denied and is gone or changed.

    The order of entries decides, so that only what stays as it was is known to be no wider.
    """
    kind = "AWS::EC2::NetworkAclEntry"
    sides = [
        {n: each.get("Properties", {}) for n, each in s.bodies.items() if each["Type"] == kind} for s in (old, new)
    ]
    for name, entry in sides[1].items():
        before = sides[0].get(name)
        if entry.get("RuleAction") != "deny" and not same(before, entry):
            yield Widening("network", f"{layer}/{name}", f"the network ACL entry {layer}/{name} lets more through")
    for name, entry in sides[0].items():
        after = sides[1].get(name)
        if entry.get("RuleAction") != "allow" and not same(entry, after):
            yield Widening("network", f"{layer}/{name}", f"the network ACL entry {layer}/{name} denies less")


# --- switches, memberships, connections ------------------------------------------------------------------------


def _opened(before: Mapping[str, Any], after: Mapping[str, Any], now: str) -> Iterator[tuple[str, bool]]:
    kind, was, properties = after["Type"], before.get("Properties", {}), after.get("Properties", {})
    for switch in SWITCHES:
        if kind in switch.types:
            old, new = (_values(side, switch.path) for side in (was, properties))
            open_now = [each for each in new if each not in switch.closed]
            if any(not before or each not in old or _undecided(each) for each in open_now):
                yield f"{now}{switch.sentence}", switch.grave
    if kind == "AWS::S3::Bucket":
        off = ", ".join(_unblocked(was, properties))
        if off:
            yield f"no longer blocks public access ({off})", True
    if kind in LINKS:
        sides = [{k: v for k, v in side.items() if k not in NOT_A_LINK} for side in (was, properties)]
        if not before or not same(*sides):
            yield f"{now}{LINKS[kind]}", False


def _undecided(value: object) -> bool:
    return isinstance(value, dict | list | KnownAfter)


def _unblocked(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What a bucket blocked, or may have, and blocks no more. A new bucket blocks everything when nothing is written,
    and one whose blocks are taken away nothing (S3 User Guide, "Blocking public access").
    """
    key = "PublicAccessBlockConfiguration"
    held, block = was.get(key), now.get(key)
    if block is None and held is None:
        return
    blocked: Mapping[str, Any] = dict.fromkeys(BLOCKS, True)
    if isinstance(held, Mapping) and set(held) <= set(BLOCKS):  # and not a function of which nothing is known
        blocked = held
    maybe = [each for each in BLOCKS if blocked.get(each, False) not in NO]
    yield from (each for each in maybe if not isinstance(block, Mapping) or block.get(each) not in (True, "true"))


def _values(value: Any, path: Sequence[str]) -> list[object]:
    """The values at a path, through lists; ABSENT where there is none."""
    if isinstance(value, list):
        return [found for each in value for found in _values(each, path)] or [ABSENT]
    if not path:
        return [value]
    return _values(value[path[0]], path[1:]) if isinstance(value, Mapping) and path[0] in value else [ABSENT]


def _joined(before: Mapping[str, Any], after: Mapping[str, Any], old: Reader, new: Reader) -> Iterator[str]:
    """Security groups that an existing resource has in addition: their rules let more through to it."""
    if before:
        had = {text for each in _memberships(before.get("Properties", {})) for text in old.texts(each)}
        has = [text for each in _memberships(after.get("Properties", {})) for text in new.texts(each)]
        for each in dict.fromkeys(has):
            if each not in had:
                yield f"is now in the security group {shown(each)}, too"


def _memberships(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _memberships(each)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key in MEMBERSHIPS:
                yield inner
            else:
                yield from _memberships(inner)
