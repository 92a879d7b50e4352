"""VPC endpoints: AWS offers their services in the region, of the kind that is wanted, in the zones of their subnets.

AWS refuses any other while the stack is deployed: "The Vpc Endpoint Service '…' does not exist", and "The VPC endpoint
service … does not support the availability zone of the subnet" (terraform-aws-modules/terraform-aws-vpc#785,
2022-05-11). What the endpoint of EC2 does not say is unknown: an answer that does not name S3 either, whose gateway
endpoint is in each region, is no list of AWS's services.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from infragen.checks.check import Answer, Check, Resource, Subject, ok, unknown, wrong

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader

LISTS = "`aws ec2 describe-vpc-endpoint-services --query ServiceNames` lists those there are"


def run(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask EC2 for the services of all endpoints at once, and for the zones of those that have subnets."""
    named, fine = list[tuple[Resource, str]](), dict[str, list[str]]()
    for endpoint in subject.of("AWS::EC2::VPCEndpoint"):
        service = endpoint.properties.get("ServiceName")
        if isinstance(service, str):
            named.append((endpoint, service))
        else:
            yield unknown(f"{endpoint.place}: its service is not known before the deployment")
    if not named:
        return
    witness = f"com.amazonaws.{subject.region}.s3"
    offered = account.endpoint_services(tuple(sorted({witness, *(service for _, service in named)})))
    for endpoint, service in named:
        if service not in offered and witness not in offered:
            yield unknown(f"{service}: the answer names none of AWS's endpoint services in {subject.region}")
        elif service not in offered and "vpce-svc-" in service:
            yield unknown(f"{service} is not a service of AWS's own, and is not listed for this account")
        elif service not in offered:
            at = _place(subject, service)
            yield wrong(
                f"{at}there is no endpoint service {service} in {subject.region}", _remove(subject, service), input=True
            )
        else:
            answer = _judged(subject, account, endpoint, service, offered[service])
            if isinstance(answer, Answer):
                yield answer
            else:
                fine.setdefault(", ".join(answer), []).append(_short(subject, service))
    for zones, services in fine.items():
        where = f"in {zones}" if zones else f"in {subject.region}"
        yield ok(f"{', '.join(dict.fromkeys(services))}: offered {where}")


def _judged(
    subject: Subject, account: AccountReader, endpoint: Resource, service: str, found: Mapping[str, frozenset[str]]
) -> Answer | Sequence[str]:
    """Return what stands against an endpoint of a service that is offered, or the zones of its subnets."""
    kind, at = endpoint.properties.get("VpcEndpointType", "Gateway"), _place(subject, service)
    if kind not in found:
        there = " and ".join(sorted(found)) or "no kind that AWS names"
        return wrong(f"{at}{service} is offered as {there}, not as {kind}", _remove(subject, service), input=True)
    subnets = endpoint.properties.get("SubnetIds")
    if kind == "Gateway" or subnets == []:
        return ()
    zones = _zones(subject, account, endpoint.layer, subnets)
    if zones is None:
        return unknown(f"{service}: the zones of {endpoint.place} are not known before the deployment")
    if not found[kind]:
        return unknown(f"{service}: AWS does not say in which zones it is offered")
    outside = sorted(set(zones) - found[kind])
    if outside:
        return wrong(
            f"{at}{service} is offered in {', '.join(sorted(found[kind]))}; the endpoint has subnets in "
            f"{', '.join(outside)}",
            f"{_remove(subject, service)}; an endpoint takes subnets of the offered zones alone",
            input=True,
        )
    return sorted(set(zones))


def _zones(subject: Subject, account: AccountReader, layer: str, subnets: object) -> tuple[str, ...] | None:
    """Return the zones of subnets, one that exists by its id and one of the same template by its properties; None where
    one of them is known only later.
    """
    if not isinstance(subnets, list):
        return None
    ids = [each for each in subnets if isinstance(each, str)]
    there = account.subnets(ids) if ids else {}
    beside = {each.logical_id: each.properties for each in subject.of("AWS::EC2::Subnet") if each.layer == layer}
    listed = account.availability_zones() if len(ids) < len(subnets) else ()
    zones = list[str]()
    for each in subnets:
        if isinstance(each, str):
            zone = there[each].zone if each in there else None
        else:
            name = each.get("Ref") if isinstance(each, Mapping) else None
            zone = _zone_of(beside.get(name, {}) if isinstance(name, str) else {}, listed)
        if zone is None:
            return None
        zones.append(zone)
    return tuple(zones)


def _zone_of(subnet: Mapping[str, Any], listed: Sequence[str]) -> str | None:
    """Return the zone of a subnet of a template: written, or one of the region's zones by its number."""
    written = subnet.get("AvailabilityZone")
    if isinstance(written, str):
        return written
    match written:
        case {"Fn::Select": [number, {"Fn::GetAZs": _}]} if str(number).isdecimal() and int(number) < len(listed):
            return listed[int(number)]
    return None


def _place(subject: Subject, service: str) -> str:
    """Return where the environment file lists a service; empty for an endpoint of a layer of one's own."""
    network = subject.environment.network
    short = _short(subject, service)
    listed = network.interface_endpoints if network else ()
    return subject.at("network", "interface_endpoints", listed.index(short)) if short in listed else ""


def _short(subject: Subject, service: str) -> str:
    return service.removeprefix(f"com.amazonaws.{subject.region}.")


def _remove(subject: Subject, service: str) -> str:
    return f"remove the endpoint of {_short(subject, service)}; {LISTS}"


CHECK = Check(
    "endpoint-services",
    "AWS offers the services of the VPC endpoints in the region, and in the zones of their subnets.",
    ("ec2:DescribeVpcEndpointServices", "ec2:DescribeAvailabilityZones", "ec2:DescribeSubnets"),
    frozenset({"AWS::EC2::VPCEndpoint"}),
    run,
)
