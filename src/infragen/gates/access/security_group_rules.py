"""Rules of security groups as sets of addresses and ports, and whether some rules admit what others do not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from infragen.gates.access.symbols import Reader, Symbol, Text, shown

Network = IPv4Network | IPv6Network
ALL = "-1"
PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "icmp6": "icmpv6"}
WITH_PORTS = frozenset({"tcp", "udp"})
LAST_PORT = 65535

PEERS = {
    "ingress": ("CidrIp", "CidrIpv6", "SourceSecurityGroupId", "SourcePrefixListId", "SourceSecurityGroupName"),
    "egress": ("CidrIp", "CidrIpv6", "DestinationSecurityGroupId", "DestinationPrefixListId"),
}


@dataclass(frozen=True)
class Rule:
    """One rule of a group: a protocol, the ports from first to last, and the other side: a range or something else.

    For ICMP `ports` are type and code. `protocol` None, and `ports` None of a protocol that has some, could not be
    read: they are everything in a new rule and nothing in an old one.
    """

    group: Text
    direction: str
    protocol: str | None
    ports: tuple[int, int] | None
    peer: Network | Text

    @property
    def readable(self) -> bool:
        """Return whether protocol and ports are known."""
        return self.protocol is not None and (self.ports is not None or not _has_ports(self.protocol))

    @property
    def public(self) -> bool:
        """Return whether the other side is the whole internet."""
        return not isinstance(self.peer, tuple) and self.peer.prefixlen == 0

    def __str__(self) -> str:
        peer = shown(self.peer) if isinstance(self.peer, tuple) else str(self.peer)
        return f"{self.what} {'from' if self.direction == 'ingress' else 'at'} {peer}"

    @property
    def what(self) -> str:
        """Return protocol and ports: `tcp 443`."""
        if self.protocol is None or self.protocol == ALL:
            return "everything" if self.protocol else "an unknown protocol"
        if self.ports in (None, (0, LAST_PORT)):
            return f"{self.protocol} on every port" if self.protocol in WITH_PORTS else self.protocol
        first, last = self.ports
        return f"{self.protocol} {first}" if first == last else f"{self.protocol} {first}-{last}"


def read(properties: Mapping[str, Any], group: Text, direction: str, reader: Reader) -> list[Rule]:
    """Return the rules of one entry: one for each of its peers."""
    protocol = _protocol(reader.text(properties["IpProtocol"])) if "IpProtocol" in properties else None
    ports = _ports(properties, protocol)
    peers = [_peer(reader.text(properties[key])) for key in PEERS[direction] if key in properties]
    owner = reader.text(properties.get("SourceSecurityGroupOwnerId", ""))
    owned = [(*each, *" of ", *owner) if owner and isinstance(each, tuple) else each for each in peers]
    return [Rule(group, direction, protocol, ports, peer) for peer in owned or [()]]


def _protocol(text: Text) -> str | None:
    written = shown(text).lower()
    known = (written == ALL or written.isalnum()) and not any(isinstance(each, Symbol) for each in text)
    return PROTOCOLS.get(written, written) if known else None


def _ports(properties: Mapping[str, Any], protocol: str | None) -> tuple[int, int] | None:
    if not _has_ports(protocol):
        return None
    try:
        first, last = (int(properties[key]) for key in ("FromPort", "ToPort"))
    except (KeyError, TypeError, ValueError):
        return None
    return (0, LAST_PORT) if protocol in WITH_PORTS and -1 in (first, last) else (first, last)


def _has_ports(protocol: str | None) -> bool:
    return protocol is not None and (protocol in WITH_PORTS or protocol.startswith("icmp"))


def _peer(text: Text) -> Network | Text:
    try:
        return ip_network("".join(map(str, text)), strict=False)
    except ValueError:
        return text


# --- coverage ---------------------------------------------------------------------------------------------------


def admitted(rule: Rule, others: Iterable[Rule]) -> bool:
    """Return whether these rules together certainly admit everything that `rule` admits."""
    near = [each for each in others if (each.group, each.direction) == (rule.group, rule.direction)]
    near = [each for each in near if each.protocol in (ALL, rule.protocol) and each.readable]
    if rule in near:
        return True
    if rule.protocol in WITH_PORTS and rule.ports is not None:
        first, last = rule.ports
        ends = (each.ports[1] + 1 for each in near if each.ports is not None)  # where less may be open than before
        starts = {first, *(port for port in ends if port in range(first, last + 1))}
        return all(_reaches(rule, [each for each in near if _open_at(each, port)]) for port in starts)
    return _reaches(rule, [each for each in near if _all_of(each, rule)])


def _open_at(rule: Rule, port: int) -> bool:
    """Return whether a rule that was read holds for a port; one without ports is of all protocols."""
    return rule.ports is None or rule.ports[0] <= port <= rule.ports[1]


def _all_of(outer: Rule, inner: Rule) -> bool:
    """Return whether a rule of the same protocol, or of all, holds for every port, type and code of the inner one."""
    if outer.protocol in WITH_PORTS:
        return outer.ports == (0, LAST_PORT)
    if outer.ports is None:
        return True  # of a protocol without ports, or of all
    if inner.ports is None:
        return False
    types = outer.ports[0] in (-1, inner.ports[0])
    return types and (outer.ports[1] in (-1, inner.ports[1]) or outer.ports[0] == -1)


def _reaches(rule: Rule, others: Sequence[Rule]) -> bool:
    """Return whether the peers of these rules together hold the rule's peer."""
    if isinstance(rule.peer, tuple):
        return any(each.peer == rule.peer for each in others)
    version = type(rule.peer)
    ranges = [each.peer for each in others if isinstance(each.peer, version)]
    return any(rule.peer.subnet_of(each) for each in collapse_addresses(ranges))  # type: ignore[arg-type, type-var]  # all are of one version
