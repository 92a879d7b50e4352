"""An existing VPC (`network.vpc_id`): it and its subnets are what an environment needs.

What is asked: that the VPC is in this account and region and resolves names; that each subnet is in it, in enough zones
and with enough free addresses; and that the routes lead where the tier expects: public subnets to an internet gateway,
private ones out in another way, or to endpoints with `nat: none`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from infragen.checks.check import Answer, Check, Subject, ok, wrong
from infragen.config import Environment, Network

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader, Subnet

ZONES = 2
"""Of a load balancer and of a DB subnet group (Elastic Load Balancing User Guide, "Application Load Balancers"; Amazon
RDS User Guide, "Working with a DB instance in a VPC"; read 2026-11-29)."""

BALANCER_ADDRESSES = 8
"""Free addresses that a load balancer needs in each subnet (the same page, "Subnets for your load balancer")."""

NEEDED_WITHOUT_INTERNET = ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "sqs")


def run(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask for the VPC first: without it, nothing else has an answer."""
    network = subject.environment.network
    if network is None or network.vpc_id is None:
        return
    found = account.vpc(network.vpc_id)
    at = subject.at("network", "vpc_id")
    if found is None:
        said = f"{at}{network.vpc_id} is no VPC of account {subject.account} in {subject.region}"
        yield wrong(said, "`aws ec2 describe-vpcs` lists those that are", input=True)
        return
    yield from _dns(network, at, found.dns_support, found.dns_hostnames)
    tiers = _tiers(subject.environment, network)
    there = account.subnets(sorted({each for ids in tiers.values() for each in ids}))
    strays = list(_strays(subject, network.vpc_id, tiers, there))
    yield from strays
    if strays:
        return
    for key, ids in tiers.items():
        yield from _zones(subject, key, ids, there)
    yield from _addresses(subject, network, there)
    routes = account.default_routes(network.vpc_id)
    yield from _ways_out(subject, network, {each: routes.get(each, routes.get("", "")) for each in there})
    if network.nat == "none" or network.interface_endpoints:
        yield from _endpoints(subject, network, account)


def _tiers(env: Environment, network: Network) -> dict[str, tuple[str, ...]]:
    """Return the subnets that the environment uses, by the key that lists them."""
    tiers = {"private_subnet_ids": network.private_subnet_ids}
    if env.api:
        tiers["public_subnet_ids"] = network.public_subnet_ids
    if env.database and network.isolated_subnet_ids:
        tiers["isolated_subnet_ids"] = network.isolated_subnet_ids
    return tiers


def _dns(network: Network, at: str, support: bool, hostnames: bool) -> Iterator[Answer]:
    fix = f"`aws ec2 modify-vpc-attribute --vpc-id {network.vpc_id} --enable-dns-"
    if not support:
        yield wrong(f"{at}{network.vpc_id} resolves no names (enableDnsSupport is off)", f"{fix}support`")
    if not hostnames and network.interface_endpoints:
        said = f"{at}enableDnsHostnames of {network.vpc_id} is off, which interface endpoints need"
        yield wrong(said, f"{fix}hostnames`")
    if support and (hostnames or not network.interface_endpoints):
        yield ok(f"{network.vpc_id} is there and resolves names")


def _strays(
    subject: Subject, vpc_id: str, tiers: Mapping[str, tuple[str, ...]], there: Mapping[str, Subnet]
) -> Iterator[Answer]:
    for key, ids in tiers.items():
        for index, each in enumerate(ids):
            at = subject.at("network", key, index)
            hint = f"`aws ec2 describe-subnets --filters Name=vpc-id,Values={vpc_id}` lists its subnets"
            if each not in there:
                yield wrong(f"{at}{each} is no subnet of this account in {subject.region}", hint, input=True)
            elif there[each].vpc_id != vpc_id:
                yield wrong(f"{at}{each} is in {there[each].vpc_id}, not in {vpc_id}", hint, input=True)


def _zones(subject: Subject, key: str, ids: tuple[str, ...], there: Mapping[str, Subnet]) -> Iterator[Answer]:
    at, zones = subject.at("network", key), [there[each].zone for each in ids]
    listed = ", ".join(sorted(set(zones)))
    if len(set(zones)) < ZONES:
        hint = "list subnets in at least two availability zones"
        yield wrong(f"{at}the subnets of {key} are in {listed} alone", hint, input=True)
    elif key == "public_subnet_ids" and len(zones) > len(set(zones)):
        twice = next(each for each in zones if zones.count(each) > 1)
        said = f"{at}two subnets of {key} are in {twice}; a load balancer takes one of each zone"
        yield wrong(said, "list one of them", input=True)
    else:
        yield ok(f"{key}: {len(ids)} subnets in {listed}")


def _addresses(subject: Subject, network: Network, there: Mapping[str, Subnet]) -> Iterator[Answer]:
    env = subject.environment
    if env.api:
        for index, each in enumerate(network.public_subnet_ids):
            if there[each].free_addresses < BALANCER_ADDRESSES:
                yield wrong(
                    f"{subject.at('network', 'public_subnet_ids', index)}{each} has {there[each].free_addresses} free "
                    f"addresses; a load balancer needs {BALANCER_ADDRESSES}",
                    "free some, or name a larger subnet",
                )
    free = sum(there[each].free_addresses for each in network.private_subnet_ids)
    least, most = (env.api.min_tasks, 2 * env.api.max_tasks) if env.api else (0, 0)
    extra = len(env.workers) + len(network.interface_endpoints)
    if free < most + extra:
        yield wrong(
            f"{subject.at('network', 'private_subnet_ids')}{free} addresses are free in the private subnets; the tasks "
            f"of the API need up to {most} while they are replaced, functions and endpoints at least {extra}",
            "name larger subnets, or lower api.max_tasks",
            stops=free < least + extra,
        )
    else:
        yield ok(f"{free} addresses are free in the private subnets")


def _ways_out(subject: Subject, network: Network, routes: Mapping[str, str]) -> Iterator[Answer]:
    if subject.environment.api:
        for index, each in enumerate(network.public_subnet_ids):
            if not routes[each].startswith("igw-"):
                yield wrong(
                    f"{subject.at('network', 'public_subnet_ids', index)}the default route of {each} leads to "
                    f"{routes[each] or 'nowhere'}, not to an internet gateway; clients could not reach the load "
                    "balancer",
                    "name public subnets, or give it the route",
                )
    for index, each in enumerate(network.private_subnet_ids):
        at, way = subject.at("network", "private_subnet_ids", index), routes[each]
        if way.startswith("igw-") and network.nat != "none":
            yield wrong(
                f"{at}the default route of {each} leads to {way}, but tasks and functions have no public address: "
                "they would not reach the internet",
                "name subnets behind NAT, or write `nat: none` and list interface_endpoints",
            )
        elif not way and network.nat != "none":
            yield wrong(
                f"{at}{each} has no default route; tasks could not pull their image",
                "give it one to a NAT gateway, or write `nat: none` if endpoints lead to AWS's services",
            )


def _endpoints(subject: Subject, network: Network, account: AccountReader) -> Iterator[Answer]:
    """Ask which endpoints there are: those that tasks need without a way out, and those that ours would collide with.

    A VPC has one endpoint of a service with private DNS (VPC User Guide, "Enable private DNS": "conflicting DNS
    domain").
    """
    assert network.vpc_id is not None  # noqa: S101 # run() saw to it
    before = {each.logical_id for each in subject.of("AWS::EC2::VPCEndpoint") if not each.added}
    there = account.vpc_endpoints(network.vpc_id)
    names = {each.service.removeprefix(f"com.amazonaws.{subject.region}."): each for each in there}
    for index, each in enumerate(network.interface_endpoints):
        taken = names.get(each)
        if taken and taken.private_dns and not before:
            yield wrong(
                f"{subject.at('network', 'interface_endpoints', index)}{network.vpc_id} has an endpoint of {each} with "
                "private DNS already; a second one fails",
                f"remove {each} from network.interface_endpoints",
                input=True,
            )
    if network.nat == "none" and (subject.environment.api or subject.environment.workers):
        needed = [each for each in NEEDED_WITHOUT_INTERNET if each not in {*network.interface_endpoints, *names}]
        if "s3" not in names and subject.environment.api:
            needed.append("s3 (a gateway endpoint, through which image layers come)")
        if needed:
            yield wrong(
                f"{subject.at('network', 'nat')}the private subnets have no way to the internet, and {network.vpc_id} "
                f"has no endpoint of {', '.join(needed)}",
                "list the interface endpoints in network.interface_endpoints; a gateway endpoint is yours to create",
            )


CHECK = Check(
    "vpc",
    "The VPC of `network.vpc_id` and its subnets are there, in enough zones, with free addresses, names and routes.",
    (
        "ec2:DescribeVpcs", "ec2:DescribeVpcAttribute", "ec2:DescribeSubnets", "ec2:DescribeRouteTables",
        "ec2:DescribeVpcEndpoints",
    ),
    frozenset(),
    run,
)  # fmt: skip
