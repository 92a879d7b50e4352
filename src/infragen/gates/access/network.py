"""What changes about who can reach whom: security groups and memberships, routes, network ACLs, public buckets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from infragen.changes.values import same
from infragen.gates.access.found import Resources, Widening
from infragen.gates.access.security_group_rules import ALL, Rule, admitted, read
from infragen.gates.access.symbols import Reader, Symbol, Text, shown

GROUP, BUCKET = "AWS::EC2::SecurityGroup", "AWS::S3::Bucket"
ASSOCIATION = "AWS::EC2::SubnetRouteTableAssociation"
SEPARATE = {"AWS::EC2::SecurityGroupIngress": "ingress", "AWS::EC2::SecurityGroupEgress": "egress"}
ALLOW_ALL = ({"IpProtocol": ALL, "CidrIp": "0.0.0.0/0"}, {"IpProtocol": ALL, "CidrIpv6": "::/0"})
"""The egress of a group for which none is written (CloudFormation, "AWS::EC2::SecurityGroup")."""

WEB = frozenset({(80, 80), (443, 443)})
"""Ports that are open to everyone by design where a load balancer faces the internet."""

NOBODY = ip_network("255.255.255.255/32")
"""The address of nobody, by which a group says that it wants no egress rather than all."""

NO = (False, "false")

BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
MEMBERSHIPS = frozenset({"SecurityGroupIds", "SecurityGroups", "VpcSecurityGroupIds", "VPCSecurityGroups", "GroupSet"})
OUTBOUND = ("NatGatewayId", "InstanceId", "NetworkInterfaceId", "EgressOnlyInternetGatewayId")
TARGETS = (
    "GatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "VpcEndpointId", "CarrierGatewayId", "LocalGatewayId",
    "CoreNetworkArn", *OUTBOUND,
)  # fmt: skip


def network_widenings(old: Resources, new: Resources, layer: str) -> Iterator[Widening]:
    """Yield everything by which something can be reached, or can reach, what it could not before."""
    now = "" if old.absent else "now "
    yield from _rules(old, new, layer, now)
    yield from _routes(old, new, layer, now)
    yield from _acls(old, new, layer)
    for name, resource in new.bodies.items():
        before = old.bodies.get(name, {})
        if before.get("Type") != resource["Type"]:
            before = {}
        for sentence in _joined(before, resource, old.reader, new.reader):
            yield Widening("network", f"{layer}/{name}", f"{layer}/{name} {sentence}")
        off = ", ".join(_unblocked(before, resource)) if resource["Type"] == BUCKET else ""
        if off:
            yield Widening("network", f"{layer}/{name}", f"{layer}/{name} no longer blocks public access ({off})", True)


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
    """Return the peers that the same ports had before, or the ports that the group had; all rules are of one group."""
    first = rules[0]
    near = [each for each in before if (each.group, each.direction) == (first.group, first.direction)]
    alike = [each for each in near if any(each.what == one.what for one in rules)]
    return f" (was: only {', '.join(dict.fromkeys(map(str, alike or near)))})" if near else ""


def _group_name(group: Text, layer: str) -> str:
    local = len(group) == 1 and isinstance(group[0], Symbol) and "(" not in group[0].name
    return f"{layer}/{shown(group)}" if local else shown(group)


def _all_rules(side: Resources) -> Iterator[tuple[str, Rule]]:
    """Yield the rules of all groups, each with the resource that holds it."""
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
    """Return the entries of an inline list; one that is not an object is a rule of which nothing is known."""
    entries = value if isinstance(value, list | tuple) else [value]
    return (each if isinstance(each, Mapping) and "IpProtocol" in each else {"CidrIp": [each]} for each in entries)


def _normal(group: Text, side: Resources) -> Text:
    """Return Ref of a group in a VPC gives its id, as GetAtt GroupId does."""
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
    """Yield subnets that were there and now use another route table, whose routes we do not compare with
    the first's.
    """
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
    """Return routes, with their tables and the ways out of these, as rules. All ways that only lead out are one."""
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
    """Yield entries of network ACLs: a new or changed entry that allows, or one that denied and is gone or changed.

    The order of entries decides, so that only what stays as it was is known to be no wider.
    """
    kind = "AWS::EC2::NetworkAclEntry"
    sides = [
        {n: each.get("Properties", {}) for n, each in s.bodies.items() if each["Type"] == kind} for s in (old, new)
    ]
    for name, entry in sides[1].items():
        before = sides[0].get(name)
        if entry.get("RuleAction") != "deny" and not same(before, entry):
            yield Widening("network", f"{layer}/{name}", f"the network ACL entry {layer}/{name} allows more")
    for name, entry in sides[0].items():
        after = sides[1].get(name)
        if entry.get("RuleAction") != "allow" and not same(entry, after):
            yield Widening("network", f"{layer}/{name}", f"the network ACL entry {layer}/{name} denies less")


# --- buckets, memberships --------------------------------------------------------------------------------------------


def _unblocked(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a bucket blocked, or may have, and blocks no more. A new bucket blocks everything when nothing is
    written, and one whose blocks are taken away nothing (S3 User Guide, "Blocking public access").
    """
    key = "PublicAccessBlockConfiguration"
    held, block = (each.get("Properties", {}).get(key) for each in (before, after))
    if block is None and held is None:
        return
    blocked: Mapping[str, Any] = dict.fromkeys(BLOCKS, True)
    if isinstance(held, Mapping) and set(held) <= set(BLOCKS):  # and not a function of which nothing is known
        blocked = held
    maybe = [each for each in BLOCKS if blocked.get(each, False) not in NO]
    yield from (each for each in maybe if not isinstance(block, Mapping) or block.get(each) not in (True, "true"))


def _joined(before: Mapping[str, Any], after: Mapping[str, Any], old: Reader, new: Reader) -> Iterator[str]:
    """Return security groups that an existing resource has in addition: their rules widen access to it."""
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
