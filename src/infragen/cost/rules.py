"""What each type of resource is charged for: one small function a type, from its properties and the load to quantities.

A function yields a `Use` for each line of the bill and an `Unpriced` for what nothing here can tell. A type that is in
neither table is unpriced as a whole: what a user adds to a layer is never silently free.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from infragen.cost.columns import Columns, always, total
from infragen.cost.inventory import Inventory, Resource
from infragen.cost.load import AWAKE, AWAKE_ACU, HOURS, Load
from infragen.resource_types import (
    Billing,
    cloudwatch,
    ec2,
    ecr,
    ecs,
    elastic_load_balancing,
    events,
    kms,
    lambda_,
    logs,
    rds,
    resource_type,
    route53,
    s3,
    scheduler,
    secrets_manager,
    sqs,
    wafv2,
)  # fmt: skip

FREE_EGRESS_GB, FREE_DASHBOARDS = 100, 3
"""What every account has forever (Amazon EC2 On-Demand Pricing, "Data transfer"; Amazon CloudWatch Pricing)."""

INCLUDED_TASK_STORAGE = 20
"""GB of ephemeral storage that a Fargate task has at no charge (AWS Fargate Pricing)."""

PROXY_MINIMUM_ACU = 8
"""The fewest ACU that an RDS Proxy is charged for (Amazon RDS Proxy pricing)."""

REQUESTS_PER_LCU_HOUR = 25 * 3600
"""New connections in one hour of one LCU; a GB processed is the other dimension that counts here (Elastic Load
Balancing pricing)."""

REQUESTS_PER_MESSAGE, EMPTY_RECEIVES_MILLIONS = 3, 5 * 3 * 60 * HOURS / 1e6
"""Send, receive, delete; and Lambda's five pollers, each waiting 20 seconds for a message (Lambda Developer Guide,
"Using Lambda with Amazon SQS")."""

INVOCATION_SECONDS, SERVICE_INVOCATIONS = 0.5, 10
"""How long a message takes; how often a function runs that only AWS itself calls (custom resources, rotation)."""

CLUSTER_METRICS, SERVICE_METRICS, FAMILY_METRICS = 13, 15, 10
"""Custom metrics of Container Insights for a cluster, a service and a task family (Amazon CloudWatch User Guide,
"Amazon ECS Container Insights metrics"; those that Fargate has)."""

MESSAGE_LOG_GB = 1.0
"""GB of logs of a million messages: a KB each, for the records that Lambda writes at the start and end of an invocation
and one or two of the function's own."""

DAILY_CHANGE = 0.02
ACCESS_LOG_KB = 0.5
IMAGES_GB = Columns(0.2, 2, 10)
DAYS = 30


@dataclass(frozen=True)
class Use:
    """A quantity of one line of the price table."""

    price: str
    quantity: Columns
    what: str


@dataclass(frozen=True)
class Unpriced:
    """Something that costs, or may cost, and that nothing here can tell."""

    why: str


Found = Iterator[Use | Unpriced]


@dataclass(frozen=True)
class PricingContext:
    """What a rule may look at beside its resource."""

    all: Inventory
    load: Load

    @cached_property
    def queues_of_logs(self) -> Mapping[Resource, frozenset[Resource]]:
        """Return the log groups of the functions that consume queues, with those queues."""
        found: dict[Resource, frozenset[Resource]] = {}
        for source in self.all.of(lambda_.EVENT_SOURCE_MAPPING.name):
            queues = frozenset(_queues(source, self))
            for function in self.all.targets(source.layer, source.get("FunctionName")) if queues else ():
                for group in self.all.targets(function.layer, function.get("LoggingConfig", "LogGroup")):
                    found[group] = found.get(group, frozenset()) | queues
        return found

    def share(self, of: tuple[Resource, ...]) -> float:
        """Return the equal share of one of several resources."""
        return 1 / max(1, len(of))


_MISSHAPEN = (AttributeError, LookupError, TypeError, ValueError)
"""What a rule stumbles over where a property has another shape than its type's: a template that nobody has linted."""


def uses(resource: Resource, site: PricingContext) -> Found:
    """Yield the quantities that a resource is charged for."""
    rule = RULES.get(resource.type)
    if rule is not None:
        try:
            yield from [*rule(resource, site)]
        except _MISSHAPEN as error:
            yield Unpriced(f"its properties are not as {resource.type} has them ({type(error).__name__})")
    elif resource_type(resource.type).billing is not Billing.FREE and not resource.type.startswith("Custom::"):
        yield Unpriced(f"infragen has no prices for {resource.type}")


def number(value: Any, otherwise: float = 0) -> float:
    """Return a property as a number."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return otherwise


# --- network ----------------------------------------------------------------------------------------------------


def _nat_gateway(resource: Resource, site: PricingContext) -> Found:
    gateways = site.all.of(ec2.NAT_GATEWAY.name)
    if resource.get("AvailabilityMode") == "regional":  # charged for each zone that it is in, and for its addresses
        zones = sum(1 for route in site.all.of(ec2.ROUTE.name) if route.get("NatGatewayId") is not None)
        yield Use("nat-gateway-hour", always(HOURS * zones), f"gateway in {zones} zones")
        yield Use("public-ipv4-hour", always(HOURS * zones), "public IPv4 addresses")
    else:
        yield Use("nat-gateway-hour", always(HOURS), "gateway")
    yield Use("nat-gateway-gb", site.load.nat_gb * site.share(gateways), "data through it")


def _address(resource: Resource, site: PricingContext) -> Found:
    yield Use("public-ipv4-hour", always(HOURS), "public IPv4 address")


def _instance(resource: Resource, site: PricingContext) -> Found:
    kind = resource.get("InstanceType")
    yield Use(f"ec2-{kind}-hour", always(HOURS), f"{kind} instance")
    for mapping in resource.get("BlockDeviceMappings") or ():
        disk = mapping.get("Ebs") or {}
        volume, size = disk.get("VolumeType", "gp2"), number(disk.get("VolumeSize"))
        if disk:
            yield Use(f"ebs-{volume}-gb-month", always(size), f"{volume} volume of {size:g} GB")
    if any(
        str(each.get("AssociatePublicIpAddress")).lower() == "true" for each in resource.get("NetworkInterfaces") or ()
    ):
        yield from _address(resource, site)


def _endpoint(resource: Resource, site: PricingContext) -> Found:
    kind = resource.get("VpcEndpointType") or "Gateway"
    if kind == "Gateway":
        return
    zones = site.all.count(resource.layer, resource.get("SubnetIds"))
    if kind != "Interface" or zones is None:
        yield Unpriced(f"a {kind} endpoint whose zones cannot be counted")
        return
    endpoints = [each for each in site.all.of(resource.type) if each.get("VpcEndpointType") == "Interface"]
    yield Use("endpoint-hour", always(HOURS * zones), f"endpoint in {zones} zones")
    yield Use("endpoint-gb", site.load.nat_gb * (1 / len(endpoints)), "data through it, as through NAT")


def _internet_gateway(resource: Resource, site: PricingContext) -> Found:
    free = always(FREE_EGRESS_GB)
    paid = site.load.egress_gb - free
    paid = Columns(max(0, paid.minimum), max(0, paid.expected), max(0, paid.maximum))
    gateways = site.all.of(resource.type)
    yield Use("egress-gb", paid * site.share(gateways), f"data to the internet beyond {FREE_EGRESS_GB} GB")


# --- load balancer and firewall -----------------------------------------------------------------------------------


def _load_balancer(resource: Resource, site: PricingContext) -> Found:
    kind = resource.get("Type") or "application"
    if kind != "application":
        yield Unpriced(f"a load balancer of type {kind}")
        return
    share = site.share(site.all.of(resource.type))
    requests, data = site.load.requests_millions * (share * 1e6), site.load.egress_gb * share
    units = Columns(
        *(
            max(getattr(requests, column) / REQUESTS_PER_LCU_HOUR, getattr(data, column))
            for column in ("minimum", "expected", "maximum")
        )
    )
    yield Use("alb-hour", always(HOURS), "load balancer")
    yield Use("alb-lcu-hour", units, "capacity units")
    if resource.get("Scheme") == "internal":
        return
    zones = site.all.count(resource.layer, resource.get("Subnets"))
    if zones is None:
        yield Unpriced("public IPv4 addresses: one a zone, and the zones cannot be counted")
    else:
        yield Use("public-ipv4-hour", always(HOURS * zones), f"public IPv4 addresses in {zones} zones")


def _web_acl(resource: Resource, site: PricingContext) -> Found:
    rules = resource.get("Rules") or ()
    yield Use("waf-acl-month", always(1), "web ACL")
    yield Use("waf-rule-month", always(len(rules)), f"{len(rules)} rules")
    requests = site.load.requests_millions * site.share(site.all.of(resource.type))
    yield Use("waf-million", requests, "requests that it looks at")
    paid = re.findall(r"AWSManagedRules(BotControl|ATP|ACFP|AntiDDoS)RuleSet", str(rules))
    if paid:
        yield Unpriced(f"the rule groups {', '.join(sorted(set(paid)))} have charges of their own")


# --- containers -------------------------------------------------------------------------------------------------


def _service(resource: Resource, site: PricingContext) -> Found:
    found = site.all.targets(resource.layer, resource.get("TaskDefinition"))
    definition = next((each for each in found if each.type == ecs.TASK_DEFINITION.name), None)
    if definition is None or resource.get("LaunchType") == "EC2":
        yield Unpriced("tasks that do not run on Fargate, or whose size is not in the templates")
        return
    cpu, memory = number(definition.get("Cpu")) / 1024, number(definition.get("Memory")) / 1024
    arm = definition.get("RuntimePlatform", "CpuArchitecture") == "ARM64"
    kind = "arm64" if arm else "x86"
    hours = site.load.tasks[resource] * HOURS
    storage = number(definition.get("EphemeralStorage", "SizeInGiB"), INCLUDED_TASK_STORAGE) - INCLUDED_TASK_STORAGE
    for spot, share in _strategy(resource):
        some, suffix = hours * share, "-spot" if spot else ""
        words = " on Spot" if spot else ""
        yield Use(f"fargate-{kind}-vcpu-hour{suffix}", some * cpu, f"tasks of {cpu:g} vCPU{words}")
        yield Use(f"fargate-{kind}-gb-hour{suffix}", some * memory, f"tasks of {memory:g} GB{words}")
    if storage > 0:
        yield Use("fargate-storage-gb-hour", hours * storage, f"{storage:g} GB of task storage beyond the first 20")
    public = resource.get("NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp")
    if public == "ENABLED":
        yield Use("public-ipv4-hour", hours, "public IPv4 address of each task")


def _strategy(service: Resource) -> list[tuple[bool, float]]:
    """Return (Spot?, share of the tasks) of each capacity provider, by weight; without a strategy all on demand."""
    entries = service.get("CapacityProviderStrategy") or ()
    weights: dict[bool, float] = {}
    for each in entries:
        spot = each.get("CapacityProvider") == "FARGATE_SPOT"
        weights[spot] = weights.get(spot, 0) + number(each.get("Weight"), 0)
    whole = sum(weights.values())
    return [(spot, weight / whole) for spot, weight in weights.items() if weight] if whole else [(False, 1.0)]


def _ecs_cluster(resource: Resource, site: PricingContext) -> Found:
    settings = {each.get("Name"): each.get("Value") for each in resource.get("ClusterSettings") or ()}
    level = settings.get("containerInsights", "disabled")
    if level == "enhanced":
        yield Unpriced("Container Insights with enhanced observability: charged by metric of each task and container")
    elif level == "enabled":
        services = [
            each
            for each in site.all.of(ecs.SERVICE.name)
            if resource in site.all.targets(each.layer, each.get("Cluster"))
        ]
        count = CLUSTER_METRICS + len(services) * (SERVICE_METRICS + FAMILY_METRICS)
        yield Use("metric-month", always(count), f"{count} metrics of Container Insights")


def _repository(resource: Resource, site: PricingContext) -> Found:
    yield Use("ecr-gb-month", IMAGES_GB, "images")


# --- functions and queues ----------------------------------------------------------------------------------------


def _function(resource: Resource, site: PricingContext) -> Found:
    sources = [
        each
        for each in site.all.of(lambda_.EVENT_SOURCE_MAPPING.name)
        if resource in site.all.targets(each.layer, each.get("FunctionName"))
    ]
    queues = {each for source in sources for each in _queues(source, site)}
    if queues:
        invocations = total(_messages(each, site) for each in queues)
        seconds, what = INVOCATION_SECONDS, "invocations, one a message"
    elif not sources and _called_by_aws(resource, site):
        invocations, seconds = always(SERVICE_INVOCATIONS / 1e6), 2.0
        what = f"{SERVICE_INVOCATIONS} invocations by AWS itself"
    else:
        yield Unpriced("invocations: nothing says how many there are")
        return
    memory = number(resource.get("MemorySize"), 128) / 1024
    kind = "arm64" if "arm64" in (resource.get("Architectures") or ()) else "x86"
    yield Use("lambda-million", invocations, what)
    yield Use(
        f"lambda-{kind}-gb-second", invocations * (1e6 * seconds * memory), f"{seconds:g} s each at {memory:g} GB"
    )
    if resource.get("SnapStart", "ApplyOn") == "PublishedVersions":
        yield Unpriced("SnapStart")


def _called_by_aws(function: Resource, site: PricingContext) -> bool:
    """Return whether custom resources or the rotation of a secret are all that calls a function."""
    return any(
        function in site.all.targets(each.layer, each.get("ServiceToken") or each.get("RotationLambdaARN"))
        for each in site.all.resources
        if "ServiceToken" in each.properties or "RotationLambdaARN" in each.properties
    )


def _queues(source: Resource, site: PricingContext) -> list[Resource]:
    return [
        each for each in site.all.targets(source.layer, source.get("EventSourceArn")) if each.type == sqs.QUEUE.name
    ]


def _holds_dead_letters(queue: Resource, site: PricingContext) -> bool:
    """Return whether another queue names this one as its dead-letter queue."""
    return any(
        queue in site.all.targets(each.layer, each.get("RedrivePolicy", "deadLetterTargetArn"))
        for each in site.all.of(sqs.QUEUE.name)
    )


def _messages(queue: Resource, site: PricingContext) -> Columns:
    """Return millions of messages a month through one queue, whatever other queues there are."""
    return Columns() if _holds_dead_letters(queue, site) else site.load.messages_millions


def _queue(resource: Resource, site: PricingContext) -> Found:
    price = "sqs-fifo-million" if str(resource.get("FifoQueue")).lower() == "true" else "sqs-million"
    messages = _messages(resource, site)
    if messages == Columns():
        yield Use(price, messages, "no dead letters")
        return
    yield Use(price, messages * REQUESTS_PER_MESSAGE, "requests: send, receive, delete")
    polled = any(resource in _queues(each, site) for each in site.all.of(lambda_.EVENT_SOURCE_MAPPING.name))
    if polled:
        yield Use(price, always(EMPTY_RECEIVES_MILLIONS), "requests of the worker's pollers that find nothing")


# --- database ---------------------------------------------------------------------------------------------------


def _db_instance(resource: Resource, site: PricingContext) -> Found:
    cluster = _cluster_of(resource, site)
    if resource.get("DBInstanceClass") != "db.serverless" or cluster is None:
        yield Unpriced(f"a database instance of class {resource.get('DBInstanceClass')}")
        return
    name = "aurora-io-optimized-acu-hour" if _optimized(cluster) else "aurora-acu-hour"
    acu = _acu(cluster, site.load.acu)
    yield Use(name, acu * HOURS, f"{acu.minimum:g} to {acu.maximum:g} ACU, {acu.expected:.3g} expected")
    if resource.get("DatabaseInsightsMode") == "advanced":
        yield Unpriced("Database Insights in advanced mode")


def _cluster_of(instance: Resource, site: PricingContext) -> Resource | None:
    found = site.all.targets(instance.layer, instance.get("DBClusterIdentifier"))
    return next((each for each in found if each.type == rds.DB_CLUSTER.name), None)


def _optimized(cluster: Resource) -> bool:
    return str(cluster.get("StorageType")) == "aurora-iopt1"


def _acu(cluster: Resource, expected: float | None) -> Columns:
    """Return the ACU of one instance, on average over the month."""
    least = number(cluster.get("ServerlessV2ScalingConfiguration", "MinCapacity"))
    most = number(cluster.get("ServerlessV2ScalingConfiguration", "MaxCapacity"))
    wanted = expected if expected is not None else (least or AWAKE * AWAKE_ACU)
    return Columns(least, min(max(wanted, least), most), most)


def _db_cluster(resource: Resource, site: PricingContext) -> Found:
    share = site.share(site.all.of(resource.type))
    storage = site.load.storage_gb * share
    days = number(resource.get("BackupRetentionPeriod"), 1)
    kind = "aurora-io-optimized" if _optimized(resource) else "aurora"
    yield Use(f"{kind}-storage-gb-month", storage, "storage")
    if not _optimized(resource):
        yield Use("aurora-io-million", site.load.io_millions * share, "I/O requests")
    yield Use("aurora-backup-gb-month", storage * (DAILY_CHANGE * days), f"backups of {days:g} days beyond the storage")
    if str(resource.get("ManageMasterUserPassword")).lower() == "true":
        yield Use("secret-month", always(1), "secret of the master user")
    zones = _zones(resource, site)
    if zones > 1:
        crossing = site.load.egress_gb * (share * 2 * (zones - 1) / zones)
        yield Use("cross-zone-gb", crossing, f"data to other zones than its own, of {zones}")
    if resource.get("DatabaseInsightsMode") == "advanced":
        yield Unpriced("Database Insights in advanced mode")


def _zones(cluster: Resource, site: PricingContext) -> int:
    for group in site.all.targets(cluster.layer, cluster.get("DBSubnetGroupName")):
        return site.all.count(group.layer, group.get("SubnetIds")) or 1
    return 1


def _proxy(resource: Resource, site: PricingContext) -> Found:
    instances = [each for each in site.all.of(rds.DB_INSTANCE.name) if each.get("DBInstanceClass") == "db.serverless"]
    acu = total(_acu(cluster, site.load.acu) for each in instances if (cluster := _cluster_of(each, site)))
    charged = Columns(*(max(PROXY_MINIMUM_ACU, getattr(acu, each)) for each in ("minimum", "expected", "maximum")))
    yield Use("rds-proxy-acu-hour", charged * HOURS, f"proxy, at least {PROXY_MINIMUM_ACU} ACU")


# --- keys, secrets, logs, alarms ------------------------------------------------------------------------------------


def _key(resource: Resource, site: PricingContext) -> Found:
    rotated = str(resource.get("EnableKeyRotation")).lower() == "true"
    versions = Columns(1, 1, 3) if rotated else always(1)
    yield Use("kms-key-month", versions, "key; its first two rotations add one each" if rotated else "key")


def _secret(resource: Resource, site: PricingContext) -> Found:
    yield Use("secret-month", always(1 + len(resource.get("ReplicaRegions") or ())), "secret")


def _log_gb(group: Resource, site: PricingContext) -> Columns:
    """Return GB a month into one log group: a worker's follow its messages, all others share what is expected.

    A worker's own must not come out of that share: the rows of all others would change with each worker.
    """
    if group in site.queues_of_logs:
        return total(_messages(queue, site) for queue in site.queues_of_logs[group]) * MESSAGE_LOG_GB
    others = tuple(each for each in site.all.of(group.type) if each not in site.queues_of_logs)
    return site.load.log_gb * site.share(others)


def _log_group(resource: Resource, site: PricingContext) -> Found:
    share = _log_gb(resource, site)
    days = number(resource.get("RetentionInDays"))
    yield Use("logs-gb", share, "logs taken in")
    if days:
        yield Use("logs-storage-gb-month", share * (days / DAYS), f"logs kept for {days:g} days")
    else:
        yield Unpriced("logs without retention are kept forever, and their storage grows")


def _alarm(resource: Resource, site: PricingContext) -> Found:
    metrics = resource.get("Metrics") or ()
    count = sum(1 for each in metrics if "MetricStat" in each) if metrics else 1
    periods = [resource.get("Period"), *((each.get("MetricStat") or {}).get("Period") for each in metrics)]
    quick = any(each is not None and number(each, 60) < 60 for each in periods)
    name = "high-resolution-alarm-month" if quick else "alarm-month"
    yield Use(name, always(max(1, count)), "alarm" if count < 2 else f"alarm on {count} metrics")


def _composite_alarm(resource: Resource, site: PricingContext) -> Found:
    yield Use("composite-alarm-month", always(1), "composite alarm")


def _dashboard(resource: Resource, site: PricingContext) -> Found:
    dashboards = site.all.of(resource.type)
    paid = max(0, len(dashboards) - FREE_DASHBOARDS) / len(dashboards)
    yield Use("dashboard-month", always(paid), f"dashboard; {FREE_DASHBOARDS} of an account are free")


def _bucket(resource: Resource, site: PricingContext) -> Found:
    """Yield a bucket for a load balancer's access logs has a size that follows the requests; any other has not."""
    for balancer in site.all.of(elastic_load_balancing.LOAD_BALANCER.name):
        attributes = balancer.get("LoadBalancerAttributes") or ()
        logs = [each.get("Value") for each in attributes if each.get("Key") == "access_logs.s3.bucket"]
        if resource in site.all.targets(balancer.layer, logs):
            share = site.share(site.all.of(balancer.type))
            days = max((number(each.get("ExpirationInDays")) for each in _lifecycle(resource)), default=0) or 365
            size = site.load.requests_millions * (share * ACCESS_LOG_KB * days / DAYS)
            yield Use("s3-gb-month", size, f"access logs of {days:g} days")
            return
    yield Unpriced("objects and requests: nothing says how many there are")


def _lifecycle(bucket: Resource) -> list[Mapping[str, Any]]:
    return list(bucket.get("LifecycleConfiguration", "Rules") or ())


def _hosted_zone(resource: Resource, site: PricingContext) -> Found:
    yield Use("hosted-zone-month", always(1), "hosted zone")


# --- schedules and rules ------------------------------------------------------------------------------------------


def _schedule(resource: Resource, site: PricingContext) -> Found:
    """Yield invocations cost less than a cent a month here; a task that a schedule runs is charged as Fargate."""
    yield from _scheduled_tasks([resource.get("Target")])


def _event_rule(resource: Resource, site: PricingContext) -> Found:
    yield from _scheduled_tasks(resource.get("Targets"))


def _scheduled_tasks(targets: Any) -> Found:
    if not isinstance(targets, list):
        yield Unpriced("targets that cannot be read, which may run tasks")
        return
    for each in targets:
        if each is not None and (not isinstance(each, Mapping) or "EcsParameters" in each):
            yield Unpriced("tasks that it runs on ECS: nothing says how long they take")


RULES: Mapping[str, Callable[[Resource, PricingContext], Found]] = {
    cloudwatch.ALARM.name: _alarm,
    cloudwatch.COMPOSITE_ALARM.name: _composite_alarm,
    cloudwatch.DASHBOARD.name: _dashboard,
    ec2.EIP.name: _address,
    ec2.INSTANCE.name: _instance,
    ec2.INTERNET_GATEWAY.name: _internet_gateway,
    ec2.NAT_GATEWAY.name: _nat_gateway,
    ec2.VPC_ENDPOINT.name: _endpoint,
    ecr.REPOSITORY.name: _repository,
    ecs.CLUSTER.name: _ecs_cluster,
    ecs.SERVICE.name: _service,
    elastic_load_balancing.LOAD_BALANCER.name: _load_balancer,
    events.RULE.name: _event_rule,
    kms.KEY.name: _key,
    lambda_.FUNCTION.name: _function,
    logs.LOG_GROUP.name: _log_group,
    rds.DB_CLUSTER.name: _db_cluster,
    rds.DB_INSTANCE.name: _db_instance,
    rds.DB_PROXY.name: _proxy,
    route53.HOSTED_ZONE.name: _hosted_zone,
    s3.BUCKET.name: _bucket,
    sqs.QUEUE.name: _queue,
    scheduler.SCHEDULE.name: _schedule,
    secrets_manager.SECRET.name: _secret,
    wafv2.WEB_ACL.name: _web_acl,
}
