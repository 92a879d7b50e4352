"""What the deployment adds fits the quotas of the account, with what is in use already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infragen.checks.check import Answer, Check, Resource, Subject, Verdict, ok, unknown, wrong
from infragen.errors import PermissionDenied

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader, Quota

KEPT_UNRESERVED = 100
"""Concurrency that no function may reserve (Lambda Developer Guide, "Configuring reserved concurrency")."""


@dataclass(frozen=True)
class Countable:
    """A quota on the number of resources of a type in the region; `kind` is what `AccountReader.in_use` calls them."""

    type: str
    service: str
    code: str
    name: str
    kind: str
    instead: str = ""


COUNTABLE = (
    Countable("AWS::EC2::VPC", "vpc", "L-F678F1CE", "VPCs", "vpc"),
    Countable("AWS::EC2::InternetGateway", "vpc", "L-A4707A72", "internet gateways", "igw"),
    Countable("AWS::EC2::EIP", "ec2", "L-0263D0A3", "Elastic IP addresses", "eip", "use `network.nat: single`"),
)
"""Quota codes: Service Quotas (Amazon VPC User Guide, "Amazon VPC quotas"; read 2026-11-29)."""

NAT, RULES = "L-FE5A380F", "L-0EA8095F"
"""NAT gateways in an availability zone, and rules of a security group in one direction (the same page)."""

GROUP = "AWS::EC2::SecurityGroup"
SEPARATE = ("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress")
"""Where rules are written: in the group, and beside it."""

FARGATE, FARGATE_SPOT = "L-3032A538", "L-36FBB829"
"""vCPUs of Fargate tasks that run at a time (Amazon ECS Developer Guide, "Amazon ECS service quotas")."""


def run_network(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask for each kind of which the deployment adds some. A count that is denied leaves the others to be asked."""
    for each in COUNTABLE:
        added = len(subject.added(each.type))
        if added:
            yield from _asked(lambda each=each, added=added: _countable(each, added, account))  # type: ignore[misc]  # mypy types no default of a lambda
    gateways = [each for each in subject.added("AWS::EC2::NatGateway") if "SubnetId" in each.properties]
    if gateways:
        yield from _asked(lambda: _nat(len(gateways), account))
    if rules := _rules(subject):
        yield from _asked(lambda: _security_groups(rules, account))


def _asked(ask: Callable[[], Answer]) -> Iterator[Answer]:
    try:
        yield ask()
    except PermissionDenied as error:
        yield unknown(f"{error.permission} is denied")


def _countable(each: Countable, added: int, account: AccountReader) -> Answer:
    quota, used = account.quota(each.service, each.code), account.in_use(each.kind)
    return _fits(each.name, each.service, each.code, added, used, quota.value, each.instead)


def _fits(name: str, service: str, code: str, added: float, used: float, most: float, instead: str = "") -> Answer:
    if used + added <= most:
        return ok(f"{name}: {added:g} more beside {used:g} of {most:g}")
    other = f", or {instead}" if instead else ""
    return wrong(
        f"{name}: {added:g} more are needed, and {max(0.0, most - used):g} of {most:g} are free",
        f"`aws service-quotas request-service-quota-increase --service-code {service} --quota-code {code} "
        f"--desired-value {used + added:g}`{other}",
    )


def _nat(added: int, account: AccountReader) -> Answer:
    """Ask whether the zone with the most NAT gateways has room for one more: one is added to each zone, in their
    order. Regional ones, which are in no subnet, are not counted.
    """
    zones = account.availability_zones()[:added]
    used = account.nat_gateways()
    fullest = max(zones, key=lambda each: used.get(each, 0), default="")
    most = account.quota("vpc", NAT).value
    return _fits(f"NAT gateways in {fullest}", "vpc", NAT, 1, used.get(fullest, 0), most, "use `network.nat: regional`")


def _rules(subject: Subject) -> dict[str, int]:
    """Return rules by security group and direction, of groups that change: written in the group, and beside it."""
    counts: Counter[str] = Counter()
    for group in subject.of(GROUP):
        for key in ("SecurityGroupIngress", "SecurityGroupEgress"):
            written = group.properties.get(key)
            counts[f"{group.place} {key}"] += len(written) if isinstance(written, list) else 0
    for rule in subject.of(*SEPARATE):
        counts[f"{_group(rule, subject)} {rule.type.rpartition('::')[2]}"] += 1
    return {name: count for name, count in counts.items() if count}


def _group(rule: Resource, subject: Subject) -> str:
    """Return the place of the group that a rule belongs to, in whichever layer it is; else its id, or how it is
    written.
    """
    given = rule.properties.get("GroupId")
    name = named_resource(given)
    if isinstance(given, dict) and "Ref" not in given:
        return f"{rule.layer}/{name}"
    return subject.groups.get(name) or (f"{rule.layer}/{name}" if isinstance(given, dict) else name)


def named_resource(value: object) -> str:
    """Return the name in a Ref or GetAtt; of a value its text."""
    if not isinstance(value, dict):
        return str(value)
    found = value.get("Fn::GetAtt", value.get("Ref", ""))
    return str(found[0]) if isinstance(found, list) and found else str(found).partition(".")[0]


def _security_groups(rules: dict[str, int], account: AccountReader) -> Answer:
    most = account.quota("vpc", RULES).value
    name = max(rules, key=lambda each: rules[each])
    if rules[name] <= most:
        return ok(f"rules of a security group: {rules[name]} of {most:g} at most ({name})")
    return wrong(
        f"{name}: {rules[name]} rules, and {most:g} are allowed",
        f"use fewer address ranges, or `aws service-quotas request-service-quota-increase --service-code vpc "
        f"--quota-code {RULES} --desired-value {rules[name]}`",
    )


def run_fargate(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask whether the fewest tasks that the deployment starts fit beside what runs, and then whether the most do."""
    api = subject.environment.api
    if api is None:
        return
    code = FARGATE_SPOT if api.spot else FARGATE
    name = f"Fargate {'Spot ' if api.spot else ''}vCPUs"
    quota, vcpus = account.quota("fargate", code), api.cpu / 1024
    if quota.usage is None:
        yield unknown(f"{name}: {quota.value:g} are allowed; AWS does not say how many are in use")
        return
    starts = bool(subject.added("AWS::ECS::Service"))
    first = _fits(name, "fargate", code, api.min_tasks * vcpus if starts else 0, quota.usage, quota.value)
    if not starts and subject.added("AWS::ECS::TaskDefinition"):
        first = _beside(name, code, vcpus, api.min_tasks, quota)
    yield first
    if first.verdict is Verdict.OK and api.max_tasks * vcpus > quota.value:
        yield wrong(
            f"{subject.at('api', 'max_tasks')}{name}: {api.max_tasks} tasks need {api.max_tasks * vcpus:g}, and "
            f"{quota.value:g} are allowed",
            f"`aws service-quotas request-service-quota-increase --service-code fargate --quota-code {code} "
            f"--desired-value {api.max_tasks * vcpus:g}`, or lower api.max_tasks",
            stops=False,
        )


def _beside(name: str, code: str, vcpus: float, tasks: int, quota: Quota) -> Answer:
    """Return whether a rolling update has room for new tasks beside the old ones. It ends as long as there is room for
    one, which an old one makes room for the next after; where there is room for all, it does not wait.
    """
    used = quota.usage or 0.0
    one = _fits(name, "fargate", code, vcpus * min(tasks, 1), used, quota.value)
    if one.stops:
        return replace(one, text=f"{one.text}: a rolling update starts new tasks beside the old ones")
    both = _fits(name, "fargate", code, vcpus * tasks, used, quota.value)
    if both.verdict is Verdict.OK:
        return both
    return replace(both, text=f"{both.text}: a rolling update replaces its tasks a few at a time", stops=False)


def run_concurrency(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask Lambda whether what is reserved more leaves enough unreserved. What is given back counts, too."""
    functions = subject.of("AWS::Lambda::Function")
    added = sum(_reserved(each) for each in functions if each.added)
    added += sum(_reserved(each) - _before(each) for each in functions if each.action == "Modify")
    if added <= 0:
        yield ok("no more concurrency is reserved")
        return
    limit = account.lambda_concurrency()
    if limit.unreserved - added < KEPT_UNRESERVED:
        yield wrong(
            f"{added} more concurrent executions would be reserved; {limit.unreserved} of the account's {limit.total} "
            f"are unreserved, and Lambda keeps {KEPT_UNRESERVED} of them",
            "ask Service Quotas for more (Lambda, concurrent executions), or set `reserved_concurrency: null`",
        )
    else:
        yield ok(f"{added} more concurrent executions of {limit.unreserved} unreserved ones")


def _reserved(function: Resource) -> int:
    return _number(function.properties.get("ReservedConcurrentExecutions"))


def _before(function: Resource) -> int:
    return _number(function.before.get("ReservedConcurrentExecutions"))


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else 0


NETWORK = Check(
    "quotas",
    "VPCs, internet gateways, Elastic IP addresses, NAT gateways and security-group rules that are added "
    "fit the quotas.",
    (
        "servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota", "ec2:DescribeVpcs",
        "ec2:DescribeInternetGateways", "ec2:DescribeAddresses", "ec2:DescribeNatGateways", "ec2:DescribeSubnets",
        "ec2:DescribeAvailabilityZones",
    ),
    frozenset({each.type for each in COUNTABLE} | {"AWS::EC2::NatGateway", GROUP, *SEPARATE}),
    run_network,
)  # fmt: skip
FARGATE_CHECK = Check(
    "fargate",
    "The vCPUs of `api.min_tasks` fit the quota beside what runs, also while an update replaces them, and those of "
    "`api.max_tasks` fit the quota.",
    ("servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota", "cloudwatch:GetMetricStatistics"),
    frozenset({"AWS::ECS::Service"}),
    run_fargate,
)
CONCURRENCY = Check(
    "concurrency",
    "The reserved concurrency that is added leaves 100 unreserved.",
    ("lambda:GetAccountSettings",),
    frozenset({"AWS::Lambda::Function"}),
    run_concurrency,
)
