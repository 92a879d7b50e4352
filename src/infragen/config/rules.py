"""What the keys of an environment demand of each other: errors that stop a file, warnings that only speak.

Pure functions over a checked Environment. Each rule's docstring is what the reference page says about it; a rule yields
one finding per place that breaks it. Adding a rule is adding a function to ERRORS or WARNINGS.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from infragen.config import database_parameters, engine_versions, iam, regions
from infragen.config.reference import dotted
from infragen.config.schedules import At, Cron, parse
from infragen.config.schema import (
    COLLECTOR_PORTS,
    FARGATE_MEMORY,
    OWN_PARAMETER,
    QUEUES,
    SERVICE_ALARM,
    SHARED,
    Environment,
    Kind,
    Queue,
    Statement,
    Worker,
    connection_limit,
)
from infragen.config.yamlfile import shortened, shown
from infragen.secrecy.masking import hides
from infragen.secrecy.suspicion import looks_random
from infragen.secrecy.texts import certain_credential, suspect

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class RuleContext:
    """What the rules look at: the environment, the time, the file's name without ending, what the file says."""

    env: Environment
    now: datetime
    file_stem: str
    written: frozenset[Path]
    """The paths of everything that is written in the files, defaults not among them."""

    @property
    def today(self) -> date:
        """Return the date in UTC."""
        return self.now.date()


@dataclass(frozen=True)
class Finding:
    """A rule that is broken: the path of the key to change, and what is wrong with what would be right."""

    path: Path
    text: str


Rule = Callable[[RuleContext], Iterator[Finding]]

_FUNCTION_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
"""Names of environment variables that Lambda accepts (CreateFunction, EnvironmentVariableName)."""

GATEWAYS = ("single", "per_az", "regional")
"""The NAT modes that production may have: not an instance, and not none by mistake."""

FUNCTION_NAME_LENGTH, QUEUE_NAME_LENGTH = 64, 80
"""What Lambda (CreateFunction) and SQS (CreateQueue) accept."""

INBOUND_RULES = 60
"""Of one security group, by default (VPC User Guide, "Amazon VPC quotas")."""

SHOWN_PARTS = 3
"""How many parts of the sum of database connections an error shows: the largest."""

INLINE_POLICIES = 10_240
"""Characters of all inline policies of a role, white space left out (IAM User Guide, "IAM and AWS STS quotas", read
2026-11-29)."""

OWN_POLICIES = {"api": 1_700, "start": 2_700, "workers": 2_400}
"""The most characters of infragen's own statements in a role, the ARNs of the API's queues and of secrets left out; a
test compares. `start` is the role that starts the API's tasks."""

SECRET_STATEMENTS = 600
"""The most characters of the statements that read secrets, their ARNs left out."""

FUNCTION_VARIABLES, TASK_DEFINITION = 4_096, 65_536
"""Bytes of all variables of a function (AWS Lambda Developer Guide, "Lambda quotas"), and of a task definition (Amazon
ECS Developer Guide, "Amazon ECS service quotas"; read 2026-11-29)."""

ACCOUNT_CONCURRENCY = 1000
"""Concurrent executions of an account and Region by default (Lambda quotas)."""

RUNTIMES = {
    "nodejs10.x": (date(2021, 7, 30), date(2021, 7, 30), date(2022, 2, 14)),
    "nodejs12.x": (date(2023, 3, 31), date(2023, 3, 31), date(2023, 4, 30)),
    "nodejs14.x": (date(2023, 12, 4), date(2024, 1, 9), date(2027, 3, 3)),
    "nodejs16.x": (date(2024, 6, 12), date(2027, 2, 1), date(2027, 3, 3)),
    "nodejs18.x": (date(2025, 9, 1), date(2027, 2, 1), date(2027, 3, 3)),
    "nodejs20.x": (date(2026, 4, 30), date(2027, 2, 1), date(2027, 3, 3)),
    "nodejs22.x": (date(2027, 4, 30), date(2027, 6, 1), date(2027, 7, 1)),
    "nodejs24.x": (date(2028, 4, 30), date(2028, 6, 1), date(2028, 7, 1)),
    "python3.6": (date(2022, 7, 18), date(2022, 7, 18), date(2022, 8, 29)),
    "python3.7": (date(2023, 12, 4), date(2024, 1, 9), date(2027, 3, 3)),
    "python3.8": (date(2024, 10, 14), date(2027, 2, 1), date(2027, 3, 3)),
    "python3.9": (date(2025, 12, 15), date(2027, 2, 1), date(2027, 3, 3)),
    "python3.10": (date(2026, 10, 31), date(2027, 2, 1), date(2027, 3, 3)),
    "python3.11": (date(2027, 6, 30), date(2027, 7, 31), date(2027, 8, 31)),
    "python3.12": (date(2028, 10, 31), date(2028, 11, 30), date(2029, 1, 10)),
    "python3.13": (date(2029, 6, 30), date(2029, 7, 31), date(2029, 8, 31)),
    "python3.14": (date(2029, 6, 30), date(2029, 7, 31), date(2029, 8, 31)),
}
"""Deprecated, creation blocked, update blocked ("Lambda runtimes", and the table that cfn-lint 1.58 ships; read
2026-11-28).
A runtime that is not in the table is refused."""

CREDENTIALS = ("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
API_VARIABLES = ("AWS_REGION", "DATABASE_POOL_MAX", "DATABASE_READER_URL", "DATABASE_URL", "DEPLOYMENT", "LOG_LEVEL",
                 "NODE_ENV", "OTEL_EXPORTER_OTLP_ENDPOINT", "PORT", "QUEUE_URL", *CREDENTIALS)  # fmt: skip
WORKER_VARIABLES = ("AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_REGION", "DATABASE_POOL_MAX",
                    "DATABASE_SECRET_ARN", "DEPLOYMENT", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "LOG_LEVEL",
                    "NODE_ENV", "NODE_EXTRA_CA_CERTS", "QUEUE_URL", "SECRET_PARAMETERS", "TZ", "_HANDLER",
                    "_X_AMZN_TRACE_ID", *CREDENTIALS)  # fmt: skip
"""Variables that infragen or AWS sets itself (Lambda Developer Guide, "Defined runtime environment variables"), and
long-lived credentials, which nothing here needs: the roles give short-lived ones."""


def errors(given: RuleContext) -> tuple[Finding, ...]:
    """Everything that stops the file."""
    return tuple(finding for rule in ERRORS for finding in rule(given))


def warnings(given: RuleContext) -> tuple[Finding, ...]:
    """Everything that deserves a second look."""
    return tuple(finding for rule in WARNINGS for finding in rule(given))


# --- errors ----------------------------------------------------------------------------------------------------------


def file_name(given: RuleContext) -> Iterator[Finding]:
    """`environment` equals the file's name: `environments/prod.yaml` describes `prod`."""
    if given.env.environment != given.file_stem:
        yield Finding(
            ("environment",),
            f'environment is "{given.env.environment}", but the file is named {given.file_stem}; '
            "they must be equal, or the wrong environment could be deployed",
        )


def layers(given: RuleContext) -> Iterator[Finding]:
    """Every layer needs `network`: it owns the subnets, the security groups, the keys and the alarm topic."""
    env = given.env
    used = [name for name in ("database", "queues", "api", "workers") if getattr(env, name)]
    if used and env.network is None:
        yield Finding((used[0],), f"{used[0]} needs the network layer, which is off; add the section network")


def existing_vpc(given: RuleContext) -> Iterator[Finding]:
    """With `network.vpc_id`, `private_subnet_ids` lists at least two subnets, and `public_subnet_ids` with an `api` as
    well; each once, and none is both. `vpc_cidr`, `azs`, `nat_instance_type` and `flow_logs` are then not written, and
    `nat` only as `none`, which says that the private subnets have no way to the internet. Without it, no subnets are
    listed.
    """
    network = given.env.network
    if network is None:
        return
    tiers = {key: getattr(network, key) for key in ("public_subnet_ids", "private_subnet_ids", "isolated_subnet_ids")}
    if network.vpc_id is None:
        for key in (each for each, listed in tiers.items() if listed):
            yield Finding(("network", key), f"network.{key} is only for an existing VPC; name it with network.vpc_id")
        return
    needed = [("private_subnet_ids", "tasks, functions and the database"), ("public_subnet_ids", "load balancers")]
    for key, whose in needed if given.env.api else needed[:1]:
        if len(tiers[key]) < 2:  # zones
            text = f"network.{key} lists {len(tiers[key])}; {whose} need at least 2 in different zones"
            yield Finding(("network", key), text)
    if len(network.isolated_subnet_ids) == 1:
        yield Finding(("network", "isolated_subnet_ids"), "network.isolated_subnet_ids lists 1; a database needs 2")
    for key, listed in tiers.items():
        for index, subnet in enumerate(listed):
            if subnet in listed[:index]:
                yield Finding(("network", key, index), f"network.{key}[{index}] is {subnet}, which is listed twice")
    for index, subnet in enumerate(network.public_subnet_ids):
        if subnet in (*network.private_subnet_ids, *network.isolated_subnet_ids):
            text = f"network.public_subnet_ids[{index}] is {subnet}, which is also listed as a private subnet"
            yield Finding(("network", "public_subnet_ids", index), text)
    for key in ("vpc_cidr", "azs", "nat", "nat_instance_type", "flow_logs"):
        if ("network", key) in given.written and not (key == "nat" and network.nat == "none"):
            text = (
                "has no effect in an existing VPC, whose addresses, routes, way out and flow log are yours; remove it"
            )
            yield Finding(("network", key), f"network.{key} {text}")


def visibility(given: RuleContext) -> Iterator[Finding]:
    """`visibility_seconds` is at least 6 x the worker's timeout + its batch window, as Lambda demands."""
    for index, queue in enumerate(given.env.queues):
        worker, least = given.env.worker_of(queue), given.env.minimum_visibility(queue)
        if worker and queue.visibility_seconds is not None and queue.visibility_seconds < least:
            yield Finding(
                ("queues", index, "visibility_seconds"),
                f"queues[{index}].visibility_seconds is {queue.visibility_seconds}, but worker {worker.name} needs "
                f"at least {least}: 6 x its timeout of {worker.timeout} + its batch window of "
                f"{given.env.batch_window(worker)}",
            )


def ages(given: RuleContext) -> Iterator[Finding]:
    """`alarms.age_seconds` of a queue with a worker is below twice its visibility timeout: SQS leaves a message that
    was received three times out of the metric, so one that always fails never gets older than that.
    """
    for index, queue in enumerate(given.env.queues):
        age, limit = queue.alarms.age_seconds, 2 * given.env.visibility(queue)
        if age is not None and age >= limit and given.env.worker_of(queue):
            yield Finding(
                ("queues", index, "alarms", "age_seconds"),
                f"queues[{index}].alarms.age_seconds is {age}, which no message that fails for good would reach; write "
                f"less than {limit}, twice the visibility timeout",
            )


def batches(given: RuleContext) -> Iterator[Finding]:
    """A batch of more than 10 needs a window of at least 1 second; FIFO queues take up to 10 and no window."""
    for index, worker in enumerate(given.env.workers):
        fifo = any(queue.fifo for queue in given.env.queues if queue.name == worker.queue)
        where = f"workers[{index}]"
        if fifo and worker.batch_size > 10:
            yield Finding(
                ("workers", index, "batch_size"),
                f"{where}.batch_size is {worker.batch_size}, but {worker.queue} is FIFO; at most 10 is allowed",
            )
        if fifo and worker.batch_window:
            yield Finding(
                ("workers", index, "batch_window"),
                f"{where}.batch_window is {worker.batch_window}, but {worker.queue} is FIFO; remove it or write 0",
            )
        if not fifo and worker.batch_size > 10 and worker.batch_window == 0:
            yield Finding(
                ("workers", index, "batch_window"),
                f"{where}.batch_window is 0, but a batch_size of {worker.batch_size} (over 10) needs at least 1",
            )


def references(given: RuleContext) -> Iterator[Finding]:
    """A worker's queue and `api.queue` exist, and a queue has at most one worker: two would compete for messages."""
    env = given.env
    known = [queue.name for queue in env.queues]
    listed = shortened(known) or "none"
    owner: dict[str, str] = {}
    for index, worker in enumerate(env.workers):
        path = ("workers", index, "queue")
        if worker.queue not in known:
            yield Finding(path, f'workers[{index}].queue is "{worker.queue}", which is not one of the queues: {listed}')
        elif worker.queue in owner:
            yield Finding(
                path,
                f'workers[{index}].queue is "{worker.queue}", which worker {owner[worker.queue]} already consumes; '
                "two workers would compete for its messages, give each a queue of its own",
            )
        owner.setdefault(worker.queue, worker.name)
    if env.api and env.api.queue is not None and env.api.queue not in known:
        yield Finding(("api", "queue"), f'api.queue is "{env.api.queue}", which is not one of the queues: {listed}')


def names(given: RuleContext) -> Iterator[Finding]:
    """Names are unique, also as CamelCase; no queue takes the name of another one's dead-letter queue."""
    groups: list[tuple[str, Sequence[Queue | Worker]]] = [("queues", given.env.queues), ("workers", given.env.workers)]
    for key, named in groups:
        first: dict[str, str] = {}
        for index, each in enumerate(named):
            if each.id in first:
                same = "" if first[each.id] == each.name else f" (both become {each.id})"
                yield Finding(
                    (key, index, "name"),
                    f'{key}[{index}].name is "{each.name}", which is taken by {first[each.id]}{same}; '
                    "names must be unique",
                )
            first.setdefault(each.id, each.name)
    queues = {queue.name for queue in given.env.queues}
    for index, queue in enumerate(given.env.queues):
        if queue.name.endswith("-dlq") and queue.name.removesuffix("-dlq") in queues:
            yield Finding(
                ("queues", index, "name"),
                f'queues[{index}].name is "{queue.name}", which is the dead-letter queue of '
                f"{queue.name.removesuffix('-dlq')}; choose another name",
            )
    if given.env.api:
        scheduled: set[str] = set()
        for index, action in enumerate(given.env.api.schedule):
            if action.name in scheduled:
                yield Finding(
                    ("api", "schedule", index, "name"),
                    f'api.schedule[{index}].name is "{action.name}", which is taken; names must be unique',
                )
            scheduled.add(action.name)


def tag_names(given: RuleContext) -> Iterator[Finding]:
    """Two `tags` differ by more than upper and lower case: IAM takes them for one, and refuses the role that has both
    (IAM User Guide, "Rules for tagging in IAM and AWS STS", read 2026-11-29).
    """
    first = dict[str, str]()
    for name in given.env.tags:
        if (before := first.setdefault(name.casefold(), name)) != name:
            yield Finding(("tags", name), f"tags.{name} is the same tag as {before} to IAM; keep one of them")


def physical_names(given: RuleContext) -> Iterator[Finding]:
    """Project, environment and name together stay within 64 characters for a function, and within 80 for a queue with
    its `-dlq` and `.fifo`; `database-credentials` is the name of infragen's own function.
    """
    env = given.env
    for index, queue in enumerate(env.queues):
        whole = f"{env.name}-{queue.name}-dlq{'.fifo' if queue.fifo else ''}"
        yield from _too_long(("queues", index, "name"), queue.name, whole, "queue", QUEUE_NAME_LENGTH)
    for index, worker in enumerate(env.workers):
        whole = f"{env.name}-{worker.name}"
        yield from _too_long(("workers", index, "name"), worker.name, whole, "function", FUNCTION_NAME_LENGTH)
        if worker.name == "database-credentials" and env.database:
            text = f'workers[{index}].name is "{worker.name}", which is infragen\'s own function; choose another name'
            yield Finding(("workers", index, "name"), text)


def _too_long(path: Path, name: str, whole: str, kind: str, limit: int) -> Iterator[Finding]:
    if len(whole) > limit:
        yield Finding(
            path,
            f'{path[0]}[{path[1]}].name is "{name}", which makes the {kind} {whole} of {len(whole)} characters; '
            f"AWS allows {limit}, so {len(name) - len(whole) + limit} are left for the name",
        )


def repeated(given: RuleContext) -> Iterator[Finding]:
    """Endpoints, address ranges, mail addresses, rollback alarms and topics are listed once each."""
    env = given.env
    lists: list[tuple[Path, Sequence[str]]] = [
        (("alarms", "emails"), env.alarms.emails),
        (("stacks", "rollback_alarms"), env.stacks.rollback_alarms or ()),
        (("stacks", "notification_arns"), env.stacks.notification_arns),
    ]
    if env.network:
        lists.append((("network", "interface_endpoints"), env.network.interface_endpoints))
    if env.api:
        lists.append((("api", "ingress_cidrs"), env.api.ingress_cidrs))
    for path, items in lists:
        for index, item in enumerate(items):
            if item in items[:index]:
                yield Finding((*path, index), f'{".".join(map(str, path))}[{index}] is "{item}", which is listed twice')


def concurrency(given: RuleContext) -> Iterator[Finding]:
    """`max_concurrency` is at most `reserved_concurrency`."""
    for index, worker in enumerate(given.env.workers):
        most, reserved = worker.max_concurrency, worker.reserved_concurrency
        if most is not None and reserved is not None and most > reserved:
            yield Finding(
                ("workers", index, "max_concurrency"),
                f"workers[{index}].max_concurrency is {most}, more than reserved_concurrency {reserved}; "
                f"at most {reserved} is allowed",
            )


def ranges(given: RuleContext) -> Iterator[Finding]:
    """Minimum is at most maximum: ACU, tasks, and scheduled tasks, which also stay within `max_tasks`."""
    database, api = given.env.database, given.env.api
    if database and database.min_acu > database.max_acu:
        yield Finding(
            ("database", "min_acu"),
            f"database.min_acu is {database.min_acu:g}, more than max_acu {database.max_acu:g}",
        )
    if api and api.min_tasks > api.max_tasks:
        yield Finding(("api", "min_tasks"), f"api.min_tasks is {api.min_tasks}, more than max_tasks {api.max_tasks}")
    for index, action in enumerate(api.schedule if api else ()):
        where = f"api.schedule[{index}]"
        if action.min > action.max:
            yield Finding(
                ("api", "schedule", index, "min"), f"{where}.min is {action.min}, more than its max {action.max}"
            )
        if api and action.max > api.max_tasks:
            yield Finding(
                ("api", "schedule", index, "max"),
                f"{where}.max is {action.max}, more than api.max_tasks {api.max_tasks}",
            )


def counts(given: RuleContext) -> Iterator[Finding]:
    """`queues` lists at most 55, and `workers` as many: a queue makes nine resources, and a CloudFormation template has
    at most 500.
    """
    env = given.env
    for key, listed, others in (("queues", env.queues, "their workers"), ("workers", env.workers, "their queues")):
        if len(listed) > QUEUES:
            yield Finding(
                (key,),
                f"{key} lists {len(listed)}; at most {QUEUES} fit into one environment, because CloudFormation allows "
                f"500 resources per template: move {len(listed) - QUEUES} of them and {others} to a second environment",
            )


def fargate_size(given: RuleContext) -> Iterator[Finding]:
    """`api.cpu` and `api.memory`, and those of `release`, are a pair that Fargate offers: 256 with 512, 1024 or 2048;
    512 with 1024-4096, 1024 with 2048-8192, 2048 with 4096-16384 and 4096 with 8192-30720, each in steps of 1024; 8192
    with 16384-61440 in steps of 4096; 16384 with 32768-122880 in steps of 8192.
    """
    api, release = given.env.api, given.env.release
    if api is None:
        return
    sizes = [("api", api.cpu, api.memory)]
    if release and (release.cpu or release.memory):
        sizes.append(("release", release.cpu or api.cpu, release.memory or api.memory))
    for section, cpu, memory in sizes:
        allowed = FARGATE_MEMORY[cpu]
        if memory not in allowed:
            step = allowed[1] - allowed[0]
            listed = ", ".join(map(str, allowed))
            if len(allowed) > 3:
                listed = f"{allowed[0]} to {allowed[-1]} in steps of {step}"
            own = section == "api" or (release and release.memory)
            inherited = "" if own else ", that of the api"
            yield Finding(
                (section, "memory" if own else "cpu"),
                f"{section}.memory is {memory}{inherited}, which Fargate lacks for cpu {cpu}; allowed: {listed}",
            )


def tmp_size(given: RuleContext) -> Iterator[Finding]:
    """`api.tmp_mib` is less than `api.memory` and `release.memory`: what is in /tmp counts as memory of the task."""
    api, release = given.env.api, given.env.release
    if api is None or not api.readonly_root:
        return
    memory = min(api.memory, release.memory or api.memory) if release else api.memory
    if api.tmp_mib >= memory:
        yield Finding(
            ("api", "tmp_mib"),
            f"api.tmp_mib is {api.tmp_mib}, and the task has {memory} MiB of memory, of which /tmp is a part; "
            "lower it, or raise memory",
        )


def release(given: RuleContext) -> Iterator[Finding]:
    """`release` needs `api`: its task runs the API's image with the API's settings. Its program has a name."""
    if given.env.release and given.env.api is None:
        yield Finding(("release",), "release needs the api layer, whose image and settings its task runs with")
    if given.env.release and not given.env.release.command[0].strip():
        yield Finding(("release", "command", 0), "release.command[0] is blank; write the program that the task runs")


def connections(given: RuleContext) -> Iterator[Finding]:
    """All pools together stay within 80 % of `max_connections`; tasks count twice, since a deployment doubles them."""
    env = given.env
    if not env.database:
        return
    parts = []
    if env.api:
        parts.append(
            (2 * env.api.max_tasks * env.api.db_pool_size, f"2 x {env.api.max_tasks} tasks x {env.api.db_pool_size}")
        )
    for worker in env.workers:
        most = _most_at_once(worker)
        parts.append((most * worker.db_pool_size, f"{most} of worker {worker.name} x {worker.db_pool_size}"))
    total, budget = sum(count for count, _ in parts), env.database.connection_alarm
    largest = sorted(parts, key=lambda part: -part[0])[:SHOWN_PARTS]
    shown = [text for count, text in parts if (count, text) in largest]
    if rest := total - sum(count for count, _ in largest):
        shown.append(f"{rest} of {len(parts) - len(largest)} more")
    written = "max_connections" in env.database.parameters
    of = "that database.parameters sets" if written else f"at max_acu {env.database.max_acu:g}"
    if total > budget:
        worst = max(range(len(parts)), key=lambda each: parts[each][0])
        path: Path = ("api", "max_tasks") if env.api and worst == 0 else _concurrency_path(env, worst - bool(env.api))
        yield Finding(
            path,
            f"{' + '.join(shown)} = {total} database connections are possible, but only {budget} "
            f"(80 % of the {env.database.max_connections} {of}) are allowed; lower tasks, concurrency or "
            f"db_pool_size, or raise {'max_connections' if written else 'database.max_acu'}",
        )


def _most_at_once(worker: Worker) -> int:
    limits = [each for each in (worker.max_concurrency, worker.reserved_concurrency) if each is not None]
    return min(limits, default=ACCOUNT_CONCURRENCY)


def _concurrency_path(env: Environment, index: int) -> Path:
    key = "max_concurrency" if env.workers[index].max_concurrency is not None else "reserved_concurrency"
    return ("workers", index, key)


def endpoints(given: RuleContext) -> Iterator[Finding]:
    """`nat: none` needs interface endpoints for what tasks and functions call, or nothing would start."""
    network, api = given.env.network, given.env.api
    if not network or network.nat != "none" or not (api or given.env.workers) or network.vpc_id:
        return  # an existing VPC may have endpoints already: doctor asks
    needed = ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "sqs"]
    needed += ["ssmmessages", "kms"] if api and (api.enable_execute_command or api.shells) else []
    read = [*(api.secrets.values() if api else ()), *(v for each in given.env.workers for v in each.secrets.values())]
    needed += ["ssm"] if any(each == OWN_PARAMETER or ":ssm:" in each for each in read) else []
    needed += ["xray"] if api and api.tracing else []
    missing = [each for each in needed if each not in network.interface_endpoints]
    if missing:
        yield Finding(
            ("network", "nat"),
            f'network.nat is "none", so network.interface_endpoints must also list {", ".join(missing)}',
        )
    if api and api.tracing and ".dkr.ecr." not in api.collector_image:
        yield Finding(
            ("api", "collector_image"),
            f'network.nat is "none", so {shown(api.collector_image)} cannot be pulled; '
            "copy it to an ECR repository of yours and name that",
        )


def https(given: RuleContext) -> Iterator[Finding]:
    """Each mode of `api.https` has its own keys; `http_only` never serves an environment of kind staging or production,
    nor the whole internet.
    """
    api, env = given.env.api, given.env
    if not api:
        return
    mode = api.https.mode
    keys = {"certificate": ("certificate_arn",), "domain": ("domain_name", "hosted_zone_id"), "http_only": ()}
    for owner, owned in keys.items():
        for key in owned:
            path = ("api", "https", key)
            if owner == mode and getattr(api.https, key) is None:
                yield Finding(path, f"api.https.{key} is missing; mode {mode} needs it")
            elif owner != mode and getattr(api.https, key) is not None:
                yield Finding(path, f"api.https.{key} is only for mode {owner}, and the mode is {mode}; remove it")
    if mode == "certificate" and api.https.certificate_arn is not None:
        region = api.https.certificate_arn.split(":")[3]
        if region != env.region:
            yield Finding(
                ("api", "https", "certificate_arn"),
                f"api.https.certificate_arn is in {region}, but the load balancer is in {env.region}; "
                "a certificate must be in the same region",
            )
    if mode == "http_only" and env.kind_in_force != "development":
        yield Finding(
            ("api", "https", "mode"),
            f'api.https.mode is "http_only", which {env.environment} must not be; allowed: certificate or domain',
        )
    if mode == "http_only" and "0.0.0.0/0" in api.ingress_cidrs:
        yield Finding(
            ("api", "ingress_cidrs"),
            'api.ingress_cidrs lets in 0.0.0.0/0, the whole internet, but api.https.mode is "http_only"; '
            "list the addresses that may come in without TLS",
        )


def port(given: RuleContext) -> Iterator[Finding]:
    """A port below 1024 needs `container_user` root: on Fargate no other user may listen there, and the container has
    no capabilities (Amazon ECS Developer Guide, "Amazon ECS task definition differences for Fargate"). With `tracing`
    the collector has ports of the same task.
    """
    api = given.env.api
    if api and api.tracing and api.port in COLLECTOR_PORTS:
        yield Finding(
            ("api", "port"),
            f"api.port is {api.port}, where the collector of api.tracing listens in the same task; choose another port",
        )
    if api and api.port < 1024 and api.container_user.partition(":")[0] not in ("root", "0"):
        yield Finding(
            ("api", "port"),
            f"api.port is {api.port}, and the container runs as {api.container_user}, who may not listen below 1024; "
            "listen on a higher port (clients reach the load balancer on 443 or 80 all the same)",
        )


def data_api(given: RuleContext) -> Iterator[Finding]:
    """`database` needs the RDS Data API, by which its credentials are made and rotated: a region that has it, and
    `engine_version` of at least 16.8, 17.4 or 18.3.
    """
    env, database = given.env, given.env.database
    if not database:
        return
    why = regions.data_api(env.region, database.engine_version)
    if why:
        path: Path = ("database", "engine_version") if env.region in regions.DATA_API else ("region",)
        shown = f"database.engine_version is {database.engine_version}" if len(path) > 1 else f"region is {env.region}"
        yield Finding(path, f"{shown}, but {why}, and infragen makes and rotates the database's credentials through it")


def schedules(given: RuleContext) -> Iterator[Finding]:
    """A one-time `at(…)` lies in the future, by the clock of its time zone, and a `cron(…)` has a day to come:
    Application Auto Scaling refuses the one, and the other never acts.
    """
    api = given.env.api
    for index, action in enumerate(api.schedule if api else ()):
        parsed, now = parse(action.cron), given.now.astimezone(ZoneInfo(action.timezone)).replace(tzinfo=None)
        over = "is over" if isinstance(parsed, At) and parsed.moment < now else ""
        if isinstance(parsed, Cron) and not parsed.acts_after(now):
            over = "never acts from now on"
        if over:
            yield Finding(
                ("api", "schedule", index, "cron"),
                f"api.schedule[{index}].cron is {action.cron}, which {over}; remove the action or choose a new time",
            )


def parameters(given: RuleContext) -> Iterator[Finding]:
    """`database.parameters` are parameters of Aurora PostgreSQL, of its extensions or of RDS, each with a value of its
    type and range, as far as infragen's table has them; `max_connections` is a number and no formula, because the
    budget of connections and its alarm are computed from it.
    """
    known = database_parameters.table()
    for path, name, value in _parameters(given.env):
        needed = known[name].refuses(value) if name in known else ""
        if name == "max_connections" and connection_limit(value) is None:
            needed = "a whole number from 6 to 262143 is needed"
        if needed:
            yield Finding(path, f'{dotted(path)} is "{shown(value)}"; {needed}')
        prefix, dot, _ = name.partition(".")
        if name not in known and not _may_exist(prefix, dot):
            near = get_close_matches(name, known, n=1)
            yield Finding(
                path,
                f"{dotted(path)} is not a parameter of Aurora PostgreSQL"
                + (f"; did you mean {near[0]}?" if near else ""),
            )


def _parameters(env: Environment) -> Iterator[tuple[Path, str, str]]:
    for name, value in (env.database.parameters if env.database else {}).items():
        yield ("database", "parameters", name), name, value


def _may_exist(prefix: str, dot: str) -> bool:
    """Whether AWS or an extension may have added a parameter of this name since the table was made."""
    return prefix in {each.partition(".")[0] for each in database_parameters.table() if "." in each} if dot else False


def rotation(given: RuleContext) -> Iterator[Finding]:
    """Three refreshes of the API's tasks fit into one rotation of its credentials."""
    api, database = given.env.api, given.env.database
    if api and database and api.refresh_days * 3 > database.rotation_days:
        yield Finding(
            ("api", "refresh_days"),
            f"api.refresh_days is {api.refresh_days}, but three refreshes must fit into database.rotation_days "
            f"{database.rotation_days}; at most {database.rotation_days // 3} is allowed",
        )


def accounts(given: RuleContext) -> Iterator[Finding]:
    """`iam.service_role_arn`, `iam.permissions_boundary_arn` and `api.https.certificate_arn` are of the `account`, or
    the boundary is AWS's own: no role can be passed, no policy attached and no certificate used across accounts.
    """
    env = given.env
    arns: dict[Path, str | None] = {
        ("iam", "service_role_arn"): env.iam.service_role_arn,
        ("iam", "permissions_boundary_arn"): env.iam.permissions_boundary_arn,
        ("api", "https", "certificate_arn"): env.api.https.certificate_arn if env.api else None,
    }
    for path, arn in arns.items():
        owner = (arn or "::::").split(":")[4]
        if env.account is not None and owner not in ("", "aws", env.account):
            yield Finding(
                path,
                f"{dotted(path)} is in account {owner}, but the environment is in {env.account}; "
                "AWS takes none from another account",
            )


def stack_safety(given: RuleContext) -> Iterator[Finding]:
    """`stacks.rollback_alarms` are alarms of the environment's account and region, and `service` needs the layer that
    makes it; `stacks.notification_arns` are topics of its region. `monitoring_minutes` needs alarms to watch, and
    `on_failure: keep`, which switches the rollback of a creation off, excludes alarms that ask for one.
    """
    env, stacks = given.env, given.env.stacks
    for index, alarm in enumerate(stacks.rollback_alarms or ()):
        path: Path = ("stacks", "rollback_alarms", index)
        if alarm == SERVICE_ALARM:
            if not env.observed:
                yield Finding(
                    path,
                    f"{dotted(path)} is {alarm}, and this environment has no service alarm: that needs network and one "
                    "of api, database, queues and workers",
                )
            continue
        _, _, _, region, account, *_ = alarm.split(":")
        if region != env.region or (env.account is not None and account != env.account):
            yield Finding(
                path,
                f"{dotted(path)} is in account {account}, {region}; CloudFormation watches alarms of the stack's "
                f"account and region only ({env.account or 'the environment names no account'}, {env.region})",
            )
    for index, topic in enumerate(stacks.notification_arns):
        path = ("stacks", "notification_arns", index)
        if topic.split(":")[3] != env.region:
            yield Finding(
                path,
                f"{dotted(path)} is in {topic.split(':')[3]}; a topic of the stack's region {env.region} is needed",
            )
    if stacks.monitoring_minutes and not env.rollback_alarms:
        path = ("stacks", "monitoring_minutes")
        yield Finding(
            path,
            f"{dotted(path)} is {stacks.monitoring_minutes}, and there is no alarm to watch: every update would wait "
            "for nothing; list alarms in stacks.rollback_alarms, or remove it",
        )
    if stacks.on_failure == "keep" and env.rollback_alarms:
        path = ("stacks", "on_failure")
        yield Finding(
            path,
            f"{dotted(path)} is keep, which switches the rollback off that stacks.rollback_alarms "
            f"({', '.join(env.rollback_alarms)}) asks for; remove one of them, or use `deploy --on-failure keep` once",
        )


def secret_regions(given: RuleContext) -> Iterator[Finding]:
    """`api.secrets`, the `secrets` of a worker and `secret_arns` are in a region of AWS."""
    for path, arn in _secret_arns(given.env):
        region = arn.split(":")[3]
        if region not in regions.REGIONS:
            near = get_close_matches(region, regions.REGIONS, 1)
            hint = f"did you mean {near[0]}?" if near else f"the environment is in {given.env.region}"
            yield Finding(path, f"{dotted(path)} is in {region}, which is no region of AWS; {hint}")


def _secret_arns(env: Environment) -> Iterator[tuple[Path, str]]:
    for path, arn in _secrets(env):
        if arn != OWN_PARAMETER:
            yield path, arn
    for index, worker in enumerate(env.workers):
        for place, arn in enumerate(worker.secret_arns):
            yield ("workers", index, "secret_arns", place), arn


def _secrets(env: Environment) -> Iterator[tuple[Path, str]]:
    for name, value in (env.api.secrets if env.api else {}).items():
        yield ("api", "secrets", name), value
    for index, worker in enumerate(env.workers):
        for name, value in worker.secrets.items():
            yield ("workers", index, "secrets", name), value


def own_parameters(given: RuleContext) -> Iterator[Finding]:
    """No `project` begins with `aws` or `ssm` where a secret is `ssm`: Parameter Store keeps such names for AWS."""
    for path, value in _secrets(given.env):
        if value == OWN_PARAMETER and given.env.project.lower().startswith(("aws", "ssm")):
            yield Finding(
                path,
                f"{dotted(path)} is {OWN_PARAMETER}, and Parameter Store takes no name that begins with "
                f"/{given.env.project[:3]} (project: {given.env.project}); give the ARN of a secret of Secrets Manager",
            )


def execute_command(given: RuleContext) -> Iterator[Finding]:
    """`enable_execute_command` excludes `readonly_root`: ECS Exec writes into the container."""
    api = given.env.api
    if api and api.enable_execute_command and api.readonly_root:
        yield Finding(
            ("api", "enable_execute_command"),
            "api.enable_execute_command is true, but ECS Exec does not work with a read-only root; "
            "set api.readonly_root to false",
        )


def runtimes(given: RuleContext) -> Iterator[Finding]:
    """A Lambda runtime is one that infragen knows, and whose functions AWS still creates and updates today."""
    for index, worker in enumerate(given.env.workers):
        if worker.runtime not in RUNTIMES:
            known = ", ".join(name for name, dates in RUNTIMES.items() if given.today < min(dates[1:]))
            yield Finding(
                ("workers", index, "runtime"),
                f'workers[{index}].runtime is "{worker.runtime}", which is not a runtime that infragen knows; '
                f"known: {known}",
            )
            continue
        _, create, update = RUNTIMES[worker.runtime]
        blocked = min(create, update)
        if given.today >= blocked:
            what = "creates" if blocked == create else "updates"
            yield Finding(
                ("workers", index, "runtime"),
                f'workers[{index}].runtime is "{worker.runtime}", and AWS no longer {what} functions with it '
                f"since {blocked}; use {_newest(worker.runtime)}",
            )


def _newest(runtime: str) -> str:
    return "nodejs24.x" if runtime.startswith("nodejs") else "python3.14"


def auto_pause(given: RuleContext) -> Iterator[Finding]:
    """`auto_pause_seconds` is written only where `min_acu` is 0: nothing else pauses."""
    database = given.env.database
    if database and database.min_acu > 0 and ("database", "auto_pause_seconds") in given.written:
        yield Finding(
            ("database", "auto_pause_seconds"),
            f"database.auto_pause_seconds has no effect, because min_acu is {database.min_acu:g}; "
            "remove it, or set min_acu to 0",
        )


def variables(given: RuleContext) -> Iterator[Finding]:
    """`environment` and `secrets` name no variable that infragen or AWS sets, no access key, and none twice. Without a
    `database` section `DATABASE_URL` and its like are yours, without `queues` `QUEUE_URL` is. A variable of a function
    has a letter first and at least two characters, as Lambda demands.
    """
    api = given.env.api
    groups: list[tuple[Path, Sequence[str], tuple[str, ...]]] = []
    if api:
        groups += [(("api", "environment"), tuple(api.environment), API_VARIABLES)]
        groups += [(("api", "secrets"), tuple(api.secrets), API_VARIABLES)]
    for index, worker in enumerate(given.env.workers):
        groups += [(("workers", index, "environment"), tuple(worker.environment), WORKER_VARIABLES)]
        groups += [(("workers", index, "secrets"), tuple(worker.secrets), WORKER_VARIABLES)]
        for key in worker.secrets:
            if key in worker.environment:
                where: Path = ("workers", index, "secrets", key)
                yield Finding(where, f"{key} is also in the worker's environment; a variable has one source")
        for section, key in (
            *(("environment", each) for each in worker.environment), *(("secrets", each) for each in worker.secrets),
        ):  # fmt: skip
            if not _FUNCTION_VARIABLE.fullmatch(key):
                yield Finding(
                    ("workers", index, section, key),
                    f"{key} is not a valid variable of a Lambda function; allowed: a letter first, then letters, "
                    "digits and _, at least two characters",
                )
    for path, keys, reserved in groups:
        for key in keys:
            if _taken(given.env, key, reserved):
                yield Finding(
                    (*path, key), f"{key} is set by infragen or AWS and cannot be given here; choose another name"
                )
    if api:
        for key in api.secrets:
            if key in api.environment:
                yield Finding(("api", "secrets", key), f"{key} is also in api.environment; a variable has one source")


def variable_sizes(given: RuleContext) -> Iterator[Finding]:
    """The variables of a function are at most 4096 bytes together, names included, and those of the API at most 65536,
    the size of its task definition.
    """
    groups: list[tuple[Path, Mapping[str, str], int, str]] = [
        (
            ("workers", index, "environment"),
            {**worker.environment, **_named(given.env, worker)},
            FUNCTION_VARIABLES,
            "all variables of a function",
        )
        for index, worker in enumerate(given.env.workers)
    ]
    if given.env.api:
        groups.append((("api", "environment"), given.env.api.environment, TASK_DEFINITION, "a task definition"))
    for path, variables, most, whose in groups:
        size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
        if size > most:
            text = f"{dotted(path)} is {size} bytes; AWS takes {most} of {whose}: put large texts into a secret or S3"
            yield Finding(path, text)


def _named(env: Environment, worker: Worker) -> dict[str, str]:
    """Return the variable that names a worker's secrets, as long as it will be."""
    words = (
        f"{name}={env.parameter(name) if value == OWN_PARAMETER else value}" for name, value in worker.secrets.items()
    )
    return {"SECRET_PARAMETERS": " ".join(words)} if worker.secrets else {}


def _taken(env: Environment, variable: str, reserved: Sequence[str]) -> bool:
    if variable.startswith("DATABASE_") and env.database is None:
        return False
    if variable.startswith("QUEUE_URL") and not env.queues:
        return False
    return variable in reserved or variable.startswith(("QUEUE_URL_", "AWS_LAMBDA_"))


def policies(given: RuleContext) -> Iterator[Finding]:
    """In kind production, `api.policies` and `workers[].policies` name what they allow: no Allow of `*` or of a whole
    service (`s3:*`), and none on every resource (`*`, `arn:aws:s3:::*`) of an action that can be limited to some,
    unless a condition on a key of the service (`cloudwatch:namespace`) or on `aws:ResourceTag/…` limits it. A `Sid` is
    unique in its list.
    """
    for path, statements in _policies(given.env):
        taken: set[str] = set()
        for index, statement in enumerate(statements):
            if statement.Sid and statement.Sid in taken:
                where = (*path, index, "Sid")
                yield Finding(where, f'{dotted(where)} is "{statement.Sid}", which is taken; a Sid is unique')
            taken.add(statement.Sid or "")
            if given.env.production:
                for wide in _wide(given, (*path, index), statement):
                    yield Finding(wide.path, f"{wide.text}; {given.env.environment} needs narrower ones")


def _policies(env: Environment) -> Iterator[tuple[Path, tuple[Statement, ...]]]:
    if env.api:
        yield ("api", "policies"), env.api.policies
    for index, worker in enumerate(env.workers):
        yield ("workers", index, "policies"), worker.policies


def _wide(given: RuleContext, path: Path, statement: Statement) -> Iterator[Finding]:
    """Yield what of an Allow statement stands for more than anybody can have meant."""
    if statement.Effect == "Deny":
        return
    for index, action in enumerate(statement.Action):
        if iam.is_whole_service(action):
            every = "every action of AWS" if action == "*" else f"every action of {action.partition(':')[0]}"
            where = _item(given, (*path, "Action"), index)
            yield Finding(where, f"{dotted(where)} is {action}, which allows {every}; name the actions")
    for index, resource in enumerate(statement.Resource):
        unlimited = (each for each in statement.Action if iam.is_unlimited(each, resource))
        wide = next((each for each in unlimited if not iam.is_limited_by(each, statement.Condition)), None)
        if wide is not None:
            where = _item(given, (*path, "Resource"), index)
            yield Finding(
                where,
                f"{dotted(where)} is {shown(resource)}, every resource, but {wide} can be limited; name the resources",
            )


def _item(given: RuleContext, path: Path, index: int) -> Path:
    """Return the path of an item: a single one may be written without a list."""
    return (*path, index) if (*path, index) in given.written else path


def policy_sizes(given: RuleContext) -> Iterator[Finding]:
    """`api.policies`, and the `policies` of a worker, fit into their role: IAM allows 10,240 characters of inline
    policies, white space left out, and infragen's own take a part of them, more with each queue. So do `api.secrets`,
    each of which takes two ARNs of the role that starts the tasks.
    """
    env = given.env
    start = OWN_POLICIES["start"] + _size_of_secrets(env, env.api.secrets if env.api else {})
    if start > INLINE_POLICIES:
        yield Finding(
            ("api", "secrets"),
            f"api.secrets would take {start:,} characters in the policy of the role that starts the tasks, and IAM "
            f"allows {INLINE_POLICIES:,} in a role: put several values as JSON into one secret of Secrets Manager",
        )
    for path, statements in _policies(env):
        theirs = sum(map(len, map(_minified, statements)))
        ours = own_policy_size(env, path)
        if statements and ours + theirs > INLINE_POLICIES:
            yield Finding(
                path,
                f"{dotted(path)} has {theirs:,} characters as JSON, and infragen's own statements up to {ours:,}; "
                f"IAM allows {INLINE_POLICIES:,} in a role: join statements with the same resources, use wildcards in "
                "names, or move them into a managed policy of an addon",
            )


def own_policy_size(env: Environment, path: Path) -> int:
    """Return the most characters that infragen's own statements take of the role of `api` or `workers[n]`."""
    if path[0] == "api":
        arns = [f"arn:aws:sqs:{env.region}:{12 * '0'}:{env.name}-{each.name}.fifo" for each in env.queues]
        return OWN_POLICIES["api"] + sum(len(each) + 3 for each in arns)
    worker = env.workers[int(path[1])]
    theirs = sum(len(each) + 3 for each in worker.secret_arns) * 2
    return OWN_POLICIES["workers"] + theirs + _size_of_secrets(env, worker.secrets)


def _size_of_secrets(env: Environment, secrets: Mapping[str, str]) -> int:
    """Return the characters that the ARNs of secrets take: each stands in the right to read and in that to decrypt."""
    own = f"arn:aws:ssm:{env.region}:{12 * '0'}:parameter"
    return (
        SECRET_STATEMENTS * bool(secrets)
        + sum(
            len(f"{own}{env.parameter(name)}" if value == OWN_PARAMETER else value) + 3
            for name, value in secrets.items()
        )
        * 2
    )


def _minified(statement: Statement) -> str:
    return json.dumps(statement.model_dump(exclude_defaults=True), separators=(",", ":")) + ","


def literal_secrets(given: RuleContext) -> Iterator[Finding]:
    """No text of the file holds a credential of a known shape: it would be in git, in templates and in plans."""
    for path, key, text in _texts(given.env.model_dump(mode="json")):
        for said, where in ((text, "holds"), (key, "is a key that holds")):
            if kind := certain_credential(said):
                place = dotted(path) if said is text else dotted(path[:-1])
                yield Finding(
                    path,
                    f"{place} {where} {kind} (not shown), which would be in git and in the template; {_instead(path)}",
                )


def _texts(value: object, path: Path = ()) -> Iterator[tuple[Path, str, str]]:
    """Every text of the file, with the key that it stands under."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(each, (*path, str(key)))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, (*path, index))
    elif isinstance(value, str):
        yield path, next((str(each) for each in reversed(path) if isinstance(each, str)), ""), value


def _free_texts(env: Environment) -> Iterator[tuple[Path, str, str]]:
    """The keys and values that may be any text."""
    maps: list[tuple[Path, Mapping[str, str]]] = [(("tags",), env.tags)]
    if env.database:
        maps.append((("database", "parameters"), env.database.parameters))
    if env.api:
        maps.append((("api", "environment"), env.api.environment))
    maps += [(("workers", index, "environment"), worker.environment) for index, worker in enumerate(env.workers)]
    for path, texts in maps:
        for key, text in texts.items():
            yield (*path, key), key, text


def _instead(path: Path) -> str:
    if path[0] == "api":
        return "store it with `infragen secrets set NAME` and write NAME: ssm under api.secrets"
    if path[0] == "release":
        return (
            "store it with `infragen secrets set NAME` and write NAME: ssm under api.secrets, which the release task "
            "gets, too"
        )
    if path[0] == "workers":
        return "store it with `infragen secrets set NAME` and write NAME: ssm under the worker's secrets"
    return "take it out of this file"


def production(given: RuleContext) -> Iterator[Finding]:
    """Kind production keeps its data, survives the loss of a zone, and sends its alarms to an address: `protect` on,
    an address in `alarms.emails`; NAT `single`, `per_az` or `regional`; `database` with `readers` of at least 1,
    `deletion: snapshot`, `deletion_protection`, `backup_days` of at least 14, `min_acu` of at least 0.5 and
    `rds.force_ssl` on; `api` without `spot`, with `min_tasks` of at least 2 and `log_retention_days` of at least 30.
    """
    env, network, database, api = given.env, given.env.network, given.env.database, given.env.api
    if not env.production:
        return
    demands: list[tuple[bool, Path, str, str]] = [
        (env.protected, ("protect",), "false", "true"),
        (bool(env.alarms.emails), ("alarms", "emails"), "empty", "at least one address"),
    ]
    if network:
        met = network.nat in GATEWAYS or network.vpc_id is not None
        demands += [(met, ("network", "nat"), f'"{network.nat}"', "per_az, regional or single")]
    if database:
        tls = database.parameters.get("rds.force_ssl", "1")
        encrypted = database_parameters.is_on(tls)
        demands += [
            (database.readers >= 1, ("database", "readers"), str(database.readers), "at least 1"),
            (env.database_deletion == "snapshot", ("database", "deletion"), '"delete"', "snapshot"),
            (database.deletion_protection, ("database", "deletion_protection"), "false", "true"),
            (database.backup_days >= 14, ("database", "backup_days"), str(database.backup_days), "at least 14"),
            (database.min_acu >= 0.5, ("database", "min_acu"), "0", "at least 0.5, no auto-pause"),
            (encrypted, ("database", "parameters", "rds.force_ssl"), tls, "1: every connection encrypted"),
        ]
    if api:
        days = api.log_retention_days
        demands += [
            (not api.spot, ("api", "spot"), "true", "false"),
            (api.min_tasks >= 2, ("api", "min_tasks"), str(api.min_tasks), "at least 2"),
            (days >= 30, ("api", "log_retention_days"), str(days), "at least 30"),
        ]
    for met, path, is_now, wanted in demands:
        if not met:
            yield Finding(path, f"{'.'.join(map(str, path))} is {is_now}; {env.environment} needs {wanted}")


def artifact_bucket(given: RuleContext) -> Iterator[Finding]:
    """Only an environment that says it is development (`kind: development`, or the name dev) shares a bucket
    (`artifact_bucket: shared`): who deploys one environment must not be near the code of another that matters. None of
    these is called `shared`, as the bucket's stack is.
    """
    env, path = given.env, ("artifact_bucket",)
    if env.artifact_bucket != SHARED:
        return
    if not env.development:
        said = f"kind {env.kind}" if env.kind else "no kind written"
        yield Finding(
            path,
            f"artifact_bucket is shared, which is for kind: development alone; {env.environment} has {said}: write "
            "artifact_bucket: own",
        )
    if env.environment == SHARED:
        yield Finding(
            path, "artifact_bucket is shared, and the stack of that bucket has the names of an environment shared; "
            "rename the environment, or write artifact_bucket: own",
        )  # fmt: skip


ERRORS: tuple[Rule, ...] = (
    file_name, layers, existing_vpc, visibility, ages, batches, references, names, tag_names, physical_names, repeated,
    concurrency, ranges, counts, fargate_size, tmp_size, release, port, connections, endpoints, https, data_api,
    schedules, parameters, rotation, accounts, stack_safety, secret_regions, own_parameters, execute_command, runtimes,
    auto_pause, variables, variable_sizes, policies, policy_sizes, literal_secrets, production, artifact_bucket,
)  # fmt: skip


# --- warnings --------------------------------------------------------------------------------------------------------


def always_awake(given: RuleContext) -> Iterator[Finding]:
    """A database that may pause never will while tasks run all the time and keep connections open."""
    database, api = given.env.database, given.env.api
    sleeps = api is not None and any(action.max == 0 for action in api.schedule)
    if database and database.min_acu == 0 and api and api.max_tasks and not sleeps:
        yield Finding(
            ("database", "min_acu"),
            "database.min_acu is 0, but the API's tasks always run and keep the database awake; "
            "schedule them to 0 at night (api.schedule), or expect no saving",
        )


def dead_letters(given: RuleContext) -> Iterator[Finding]:
    """A dead-letter queue keeps messages for 14 days from their first sending, so the queue should keep them less."""
    for index, queue in enumerate(given.env.queues):
        if queue.retention_days >= 14 and not queue.fifo:
            yield Finding(
                ("queues", index, "retention_days"),
                f"queues[{index}].retention_days is 14, as in its dead-letter queue, which counts from the first "
                "sending: dead letters may vanish at once; 4 to 13 leaves time to look at them",
            )


def filters(given: RuleContext) -> Iterator[Finding]:
    """A filter on a queue deletes the messages that do not match."""
    for index, worker in enumerate(given.env.workers):
        if worker.filter:
            yield Finding(
                ("workers", index, "filter"),
                f"workers[{index}].filter: messages that match no pattern are deleted, not kept for others",
            )


def zones(given: RuleContext) -> Iterator[Finding]:
    """A region has three availability zones for most accounts; us-west-1 has two, a few have four or more."""
    env = given.env
    if env.network and not env.network.vpc_id and env.network.azs > regions.zones_of(env.region):
        seen = regions.zones_of(env.region)
        yield Finding(
            ("network", "azs"),
            f"network.azs is {env.network.azs}, but most accounts see {seen} zones in {env.region}; CloudFormation "
            f'would stop with "Fn::Select cannot select nonexistent value at index {seen}": check with '
            "aws ec2 describe-availability-zones",
        )


def region_features(given: RuleContext) -> Iterator[Finding]:
    """Fargate, Spot for arm64 tasks, an arm64 worker or a regional NAT gateway in a region that infragen's tables do
    not name for it.
    """
    region, network, api = given.env.region, given.env.network, given.env.api
    spot = api is not None and api.spot and api.architecture == "arm64"
    regional = network is not None and network.nat == "regional"
    used: list[tuple[bool, tuple[str, ...], Path, str, str]] = [
        (api is not None, regions.FARGATE, ("region",), "Fargate tasks", "look at AWS's list of regions"),
        (spot, regions.SPOT_ARM64, ("api", "spot"), "arm64 tasks on Fargate Spot", "spot: false does without it"),
        (regional, regions.REGIONAL_NAT, ("network", "nat"), "regional NAT gateways", "single does without"),
    ]
    for index, worker in enumerate(given.env.workers):
        path, x86 = ("workers", index, "architecture"), "architecture: x86_64 works in each region"
        used.append((worker.architecture == "arm64", regions.LAMBDA_ARM64, path, "arm64 functions on Lambda", x86))
    for needed, where, at, feature, instead in used:
        if needed and region not in where:
            text = f"{feature} in {region} are not confirmed by infragen's table of {regions.READ_ON}: {instead}"
            yield Finding(at, f"{dotted(at)}: {text}")


def many_rules(given: RuleContext) -> Iterator[Finding]:
    """Each of `api.ingress_cidrs` takes a rule for 443 and one for 80; a security group has 60 by default."""
    api = given.env.api
    if api:
        count = len(api.ingress_cidrs) * (1 if api.https.mode == "http_only" else 2)
        if count > INBOUND_RULES:
            yield Finding(
                ("api", "ingress_cidrs"),
                f"api.ingress_cidrs lists {len(api.ingress_cidrs)}, which makes {count} rules of the load balancer's "
                f"security group; AWS allows {INBOUND_RULES} unless the quota was raised",
            )


def many_endpoints(given: RuleContext) -> Iterator[Finding]:
    """More than two interface endpoints soon cost more than NAT gateways."""
    network = given.env.network
    if network and len(network.interface_endpoints) > 2 and network.nat != "none":
        count, zones = len(network.interface_endpoints), network.interface_count
        yield Finding(
            ("network", "interface_endpoints"),
            f"network.interface_endpoints lists {count}, each billed per zone: {count} x {zones} zones x about "
            f"7.30 USD a month",
        )


def account_concurrency(given: RuleContext) -> Iterator[Finding]:
    """Reserved concurrency above 100 may not fit into the account, which must keep 100 unreserved."""
    total = 0
    for index, worker in enumerate(given.env.workers):
        before, total = total, total + (worker.reserved_concurrency or 0)
        if before <= 100 < total:
            yield Finding(
                ("workers", index, "reserved_concurrency"),
                f"the workers up to this one reserve {total} concurrent executions; an account has 1000 by default, "
                "a new one 10, and must keep 100 unreserved: check its quota first",
            )


def unknown_parameters(given: RuleContext) -> Iterator[Finding]:
    """A parameter of RDS, Aurora or an extension that infragen does not know; AWS refuses one that does not exist."""
    for path, name, _ in _parameters(given.env):
        if name not in database_parameters.table():
            yield Finding(
                path,
                f"{dotted(path)} is not in infragen's table of {regions.READ_ON}; whether it exists says aws rds "
                "describe-engine-default-cluster-parameters --db-parameter-group-family "
                f"aurora-postgresql{given.env.database.engine_version.split('.')[0] if given.env.database else ''}",
            )


def aging_runtimes(given: RuleContext) -> Iterator[Finding]:
    """A deprecated Lambda runtime gets no more security patches."""
    for index, worker in enumerate(given.env.workers):
        if worker.runtime in RUNTIMES:
            deprecated, create, update = RUNTIMES[worker.runtime]
            if given.today >= deprecated:
                yield Finding(
                    ("workers", index, "runtime"),
                    f"workers[{index}].runtime {worker.runtime} is deprecated since {deprecated}; creation is "
                    f"blocked from {create}, updates from {update}: use {_newest(worker.runtime)}",
                )


def aging_engine(given: RuleContext) -> Iterator[Finding]:
    """The standard support of `database.engine_version` has ended, ends within 90 days, or is not in the table of AWS's
    release calendar.
    """
    if given.env.database is None:
        return
    version = given.env.database.engine_version
    aging = engine_versions.aging(version, given.today)
    if aging:
        hint = engine_versions.successor(version, given.today)
        yield Finding(
            ("database", "engine_version"),
            f"database.engine_version is {version}: {aging}; {engine_versions.CONSEQUENCE}: {hint}",
        )
    elif engine_versions.support_end(version) is None:
        said = engine_versions.unknown_support(version)
        yield Finding(
            ("database", "engine_version"),
            f"database.engine_version is {version}: {said}; look at {engine_versions.CALENDAR}",
        )


def wide_policies(given: RuleContext) -> Iterator[Finding]:
    """A policy that allows a whole service, or every resource of an action that can be limited to some; an error in
    kind production.
    """
    if not given.env.production:
        for path, statements in _policies(given.env):
            for index, statement in enumerate(statements):
                yield from _wide(given, (*path, index), statement)


def unknown_actions(given: RuleContext) -> Iterator[Finding]:
    """A service or an action of a policy that infragen does not know; IAM accepts any, and one that does not exist
    allows nothing.
    """
    for path, statements in _policies(given.env):
        for index, statement in enumerate(statements):
            for nth, action in enumerate(statement.Action):
                if unknown := iam.unknown_part(action):
                    where = _item(given, (*path, index, "Action"), nth)
                    near = get_close_matches(action.lower(), iam.actions_of(action), n=1)
                    meant = f"; did you mean {near[0]}?" if near else ""
                    yield Finding(where, f"{dotted(where)} is {shown(action)}, but infragen knows no {unknown}{meant}")


def without_effect(given: RuleContext) -> Iterator[Finding]:
    """A written key that another key makes meaningless."""
    env = given.env
    pairs: list[tuple[bool, Path, str]] = []
    if env.network:
        pairs += [(env.network.nat != "instance", ("network", "nat_instance_type"), "network.nat is not instance")]
    if env.api:
        pairs += [
            (not env.api.tracing, ("api", "collector_image"), "api.tracing is false"),
            (not env.api.readonly_root, ("api", "tmp_mib"), "api.readonly_root is false"),
        ]
    for index, queue in enumerate(env.queues):
        pairs += [(not queue.fifo, ("queues", index, "content_deduplication"), "the queue is not FIFO")]
    for unused, path, reason in pairs:
        if unused and path in given.written:
            yield Finding(path, f"{path[-1]} has no effect, because {reason}")


def likely_secrets(given: RuleContext) -> Iterator[Finding]:
    """A text that sounds or looks like a secret: by its name, by what is in it, or because it is random. Plans and
    `config` do not show it, and `compose` does not print it.
    """
    yield from (Finding(path, f"{told}; if it is one, {_instead(path)}") for path, told in secret_texts(given.env))


def secret_texts(env: Environment) -> Iterator[tuple[Path, str]]:
    """Yield the path of each text of an environment that sounds or looks like a secret, and what it looks like."""
    free = {path for path, _, _ in _free_texts(env)}
    for path, key, text in _texts(env.model_dump(mode="json")):
        said = suspect(text, key)
        if said or (path in free and hides(key, text)):
            looks = (
                f"looks like a secret, {len(text)} random characters" if looks_random(text) else "sounds like a secret"
            )
            told = f"holds {said.kind}, as it seems" if said and not looks_random(text) else looks
            yield path, f"{dotted(path)} {told}"


def looks_like(name: str) -> Kind:
    """Return the kind that people give an environment of this name; development when nothing speaks against it.

    A guess, and only for a warning: `nonprod` and `preprod` are no production, and each of their owners can say so.
    """
    name = name.lower()
    parts = [part.strip("0123456789") for part in re.split(r"[^a-z0-9]+", name)]
    if any(part.startswith(STAGING_PARTS) or part in STAGING_WORDS for part in parts):
        return "staging"
    said = ORDINARY_WORDS.sub("", name)
    live = any(part.startswith("live") or part.endswith("live") for part in re.split(r"[^a-z]+", said))
    served = live or "prod" in said or "prd" in said or PRODUCTION_WORDS & {*parts}
    return "production" if served else "development"


PRODUCTION_WORDS = frozenset({
    "client", "clients", "customer", "customers", "ga", "main", "master", "operational", "p", "primary", "public",
    "release", "stable", "www",
})  # fmt: skip
ORDINARY_WORDS = re.compile(
    r"[a-z]*re-?produ[a-z]*|[a-z]*produc(?:e[a-z]*|tiv[a-z]*|t(?!i)[a-z]*)|[a-z]*(?:deliver|oliver)[a-z]*"
    r"|(?<![a-z])(?:olive|alive|liver[a-z]*)(?![a-z])"
)
"""`product-dev`, `producer` and `reproduce` are no production, whatever letters they begin with; what else begins with
`prod`, misspelt or in another language, may be it. Nor are words in which `live` is part of another word."""
STAGING_PARTS, STAGING_WORDS = ("stag", "preprod", "nonprod", "noprod"), frozenset({"stg", "uat", "pre", "preview"})


def kinds(given: RuleContext) -> Iterator[Finding]:
    """A name that looks like production or staging (`prod-eu`, `live`, `prd`) where `kind` is not written or says less,
    so that the rules do not hold.
    """
    env = given.env
    guess, kind = looks_like(env.environment), env.kind_in_force
    strictness = ("development", "staging", "production")
    if strictness.index(guess) <= strictness.index(kind):
        return
    if env.kind is None:
        wanted = f"write kind: {guess}, or the kind that it is (development, staging or production)"
        text = f'environment "{env.environment}" looks like {guess}, whose rules do not hold; {wanted}'
        yield Finding(("environment",), text)
    elif guess == "production":
        text = f'kind is {kind}, and environment "{env.environment}" looks like production, whose rules do not hold'
        yield Finding(("kind",), text)


def without_rollback_alarms(given: RuleContext) -> Iterator[Finding]:
    """Kind production without `stacks.rollback_alarms`: an update that breaks the service stays."""
    if given.env.production and given.env.stacks.rollback_alarms == ():
        path = ("stacks", "rollback_alarms")
        yield Finding(path, f"{dotted(path)} is empty: no alarm rolls back an update of {given.env.environment}")


def partial_secret_arns(given: RuleContext) -> Iterator[Finding]:
    """The last six characters of a secret's ARN are lower-case letters alone, as at the end of a name such as
    `my-secret`: Secrets Manager draws them from 62 signs, so that one in 190 whole ARNs looks like this.
    """
    for path, arn in _secret_arns(given.env):
        service, name = arn.split(":")[2], arn.split(":")[6:7]
        if service == "secretsmanager" and name and re.search(r"-[a-z]{6}$", name[0]):
            yield Finding(
                path,
                f"{dotted(path)} ends in {name[0][-7:]}, which looks like the end of the secret's name, and tasks "
                "cannot start without the six characters that AWS adds: compare with "
                f"aws secretsmanager describe-secret --secret-id {name[0]} --query ARN",
            )


WARNINGS: tuple[Rule, ...] = (
    kinds, always_awake, dead_letters, filters, zones, region_features, many_rules, many_endpoints, account_concurrency,
    unknown_parameters, aging_runtimes, aging_engine, wide_policies, unknown_actions, without_effect,
    likely_secrets, partial_secret_arns, without_rollback_alarms,
)  # fmt: skip
