"""The environment schema: one frozen class per section of an environment file, the whole of it on this page.

Values arrive as `yamlfile` nodes, so that a text field keeps its source text (an account id its leading zero, `17.10`
its zero) and a number or boolean is exactly what YAML 1.2 calls one. An absent section is `None` or empty: that layer
is off. Nothing here knows AWS, a terminal or a template.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError

from infragen import yamlfile
from infragen.errors import InputError
from infragen.yamlfile import Scalar

NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
"""Names of projects, environments, queues and workers. No `--`: DBClusterIdentifier refuses it."""

REGIONS = (
    "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
    "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ca-central-1", "ca-west-1",
    "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3",
    "il-central-1", "me-central-1", "me-south-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
"""Regions with the RDS Data API for Aurora PostgreSQL Serverless v2 (Aurora User Guide, "Supported Regions and Aurora
DB engines for RDS Data API")."""

INTERFACE_ENDPOINTS = (
    "ecr.api", "ecr.dkr", "logs", "secretsmanager", "sqs", "ssm", "ssmmessages", "ec2messages", "xray", "monitoring",
    "kms", "sns", "sts", "events", "lambda", "rds-data", "ecs", "ecs-agent", "ecs-telemetry", "bedrock-runtime",
)  # fmt: skip
"""Services with an interface endpoint that an API or a worker of this design may call."""

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
                      3288, 3653)  # fmt: skip
"""What CloudWatch Logs accepts (PutRetentionPolicy)."""

FARGATE_MEMORY = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}
"""CPU units -> MiB of memory (Amazon ECS Developer Guide, "Task CPU and memory")."""


def _text(value: object) -> object:
    """The source text of a scalar; an empty value is not a text."""
    return (None if value.value is None else value.text) if isinstance(value, Scalar) else value


def _value(value: object) -> object:
    """What YAML 1.2 reads in a scalar."""
    return value.value if isinstance(value, Scalar) else value


TEXT, VALUE = BeforeValidator(_text), BeforeValidator(_value)
Text = Annotated[str, TEXT]
Name = Annotated[str, TEXT, Field(pattern=NAME)]
Integer = Annotated[int, VALUE, Strict()]
Number = Annotated[float, VALUE, Strict()]
Flag = Annotated[bool, VALUE, Strict()]
Port = Annotated[int, VALUE, Strict(), Field(ge=1, le=65535)]
RetentionDays = Annotated[
    Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
    VALUE,
]
Architecture = Annotated[Literal["arm64", "x86_64"], TEXT]


def camel(name: str) -> str:
    """`order-events` -> `OrderEvents`: the prefix of the logical ids and outputs of a named thing."""
    return "".join(part.capitalize() for part in re.split(r"[-_]", name))


class Section(BaseModel):
    """One mapping of an environment file: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Iam(Section):
    """Rules of the account that every role must follow."""

    permissions_boundary_arn: Annotated[str, TEXT, Field(pattern=r"^arn:[\w-]+:iam::\d{12}:policy/\S+$")] | None = (
        Field(None, description="Managed policy that bounds every role infragen makes.")
    )


class Network(Section):
    """VPC, subnets, NAT, endpoints, flow log."""

    vpc_cidr: Text = Field("10.0.0.0/16", description="Private address range of the VPC, /16 to /20.")
    azs: Annotated[int, VALUE, Strict(), Field(ge=2, le=4)] = Field(2, description="Availability zones in use.")
    nat: Annotated[Literal["none", "instance", "single", "per_az"], TEXT] = Field(
        "single",
        description="How private subnets reach the internet: not at all, by one instance, one gateway, or one a zone.",
    )
    nat_instance_type: Annotated[str, TEXT, Field(pattern=r"^[a-z]+[0-9]+g[a-z]*\.[a-z0-9]+$")] = Field(
        "t4g.nano", description="arm64 instance type of the NAT instance."
    )
    interface_endpoints: tuple[Text, ...] = Field(
        (), description="Services reached through interface endpoints; billed per endpoint and zone."
    )
    flow_logs: Annotated[Literal["ALL", "REJECT"], TEXT] = Field(
        "ALL", description="Which traffic the VPC flow log records."
    )
    extra_egress_ports: tuple[Port, ...] = Field(
        (), description="TCP ports beside 443 that the API and workers may open to the internet, e.g. 587 for SMTP."
    )


class Database(Section):
    """Aurora PostgreSQL Serverless v2."""

    name: Annotated[str, TEXT, Field(pattern=r"^[a-z_][a-z0-9_]{0,50}$")] = Field("app", description="Database name.")
    owner: Annotated[str, TEXT, Field(pattern=r"^[a-z_][a-z0-9_]{0,50}$")] = Field(
        "app", description="Role that owns the application's tables; the logins are <owner>_a and <owner>_b."
    )
    engine_version: Annotated[str, TEXT, Field(pattern=r"^(16|17|18)\.\d+$")] = Field(
        "17.7", description="Aurora PostgreSQL version; 16.8 and 17.7 are long-term-support releases."
    )
    min_acu: Annotated[float, VALUE, Strict(), Field(ge=0, le=256, multiple_of=0.5)] = Field(
        description="Minimum capacity in ACU; 0 pauses the idle cluster."
    )
    max_acu: Annotated[float, VALUE, Strict(), Field(ge=1, le=256, multiple_of=0.5)] = Field(
        description="Maximum capacity in ACU; also fixes max_connections."
    )
    auto_pause_seconds: Annotated[int, VALUE, Strict(), Field(ge=300, le=86400)] = Field(
        900, description="Idle seconds before a cluster with min_acu 0 pauses."
    )
    readers: Annotated[int, VALUE, Strict(), Field(ge=0, le=15)] = Field(
        0, description="Reader instances; one or more makes the cluster multi-AZ."
    )
    storage: Annotated[Literal["standard", "io_optimized"], TEXT] = Field(
        "standard", description="Storage pricing: per I/O, or I/O included."
    )
    backup_days: Annotated[int, VALUE, Strict(), Field(ge=1, le=35)] = Field(
        7, description="Days of point-in-time recovery."
    )
    deletion: Annotated[Literal["delete", "snapshot"], TEXT] = Field(
        "snapshot", description="What becomes of the data when the stack is deleted."
    )
    deletion_protection: Flag = Field(False, description="RDS refuses to delete the cluster while true.")
    monitoring_seconds: Annotated[Literal[0, 1, 5, 10, 15, 30, 60], VALUE] = Field(
        60, description="Enhanced Monitoring interval; 0 turns it off."
    )
    rotation_days: Annotated[int, VALUE, Strict(), Field(ge=7, le=365)] = Field(
        30, description="Days between rotations of the application's credentials."
    )
    url_options: Text = Field("sslmode=require", description="Query part of DATABASE_URL.")
    parameters: dict[Text, Text] = Field({}, description="Cluster parameters, merged over infragen's own.")
    identifier_suffix: Annotated[str, TEXT, Field(pattern=r"^([a-z0-9]+(-[a-z0-9]+)*)?$", max_length=20)] = Field(
        "", description="Suffix of the cluster's identifier, e.g. for a restored cluster."
    )

    @property
    def max_connections(self) -> int:
        """Default for the maximum capacity (documented points, "Working with Aurora Serverless v2 capacity")."""
        connections = min(5000, round(211.375 * self.max_acu - 22.4))
        return min(connections, 2000) if self.min_acu <= 0.5 else connections

    @property
    def connection_alarm(self) -> int:
        """The number of connections at which the alarm rises: 80 % of the maximum."""
        return int(0.8 * self.max_connections)


class QueueAlarms(Section):
    """When a queue is backing up."""

    depth: Annotated[int, VALUE, Strict(), Field(ge=1)] = Field(1000, description="Visible messages.")
    age_seconds: Annotated[int, VALUE, Strict(), Field(ge=1)] = Field(
        900, description="Age of the oldest message in seconds."
    )


class Queue(Section):
    """One SQS queue with its dead-letter queue."""

    name: Name = Field(max_length=40, description="Name of the queue, unique in the environment.")
    fifo: Flag = Field(False, description="FIFO instead of standard.")
    content_deduplication: Flag = Field(True, description="FIFO only: deduplicate by the body's hash.")
    retention_days: Annotated[int, VALUE, Strict(), Field(ge=4, le=14)] = Field(
        4, description="Days a message is kept."
    )
    visibility_seconds: Annotated[int, VALUE, Strict(), Field(ge=30, le=43200)] | None = Field(
        None, description="Visibility timeout; computed from the worker (6 x timeout + batch window) when absent."
    )
    max_receives: Annotated[int, VALUE, Strict(), Field(ge=1, le=1000)] = Field(
        5, description="Receives before a message goes to the dead-letter queue."
    )
    encryption: Annotated[Literal["sqs", "kms"], TEXT] = Field(
        "sqs", description="SQS-managed key, or the platform KMS key."
    )
    alarms: QueueAlarms = Field(QueueAlarms(), description="Thresholds of the backlog alarms.")

    @property
    def id(self) -> str:
        """Prefix of logical ids and outputs."""
        return camel(self.name)


class Https(Section):
    """How clients reach the load balancer."""

    mode: Annotated[Literal["certificate", "domain", "http_only"], TEXT] = Field(
        description="An existing ACM certificate; a domain (certificate and record are made); or plain HTTP."
    )
    certificate_arn: (
        Annotated[str, TEXT, Field(pattern=r"^arn:[\w-]+:acm:[a-z0-9-]+:\d{12}:certificate/[\w-]+$")] | None
    ) = Field(None, description="ACM certificate in the stack's region (mode certificate).")
    domain_name: (
        Annotated[str, TEXT, Field(pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$", max_length=253)] | None
    ) = Field(None, description="Name of the API (mode domain).")
    hosted_zone_id: Annotated[str, TEXT, Field(pattern=r"^Z[A-Z0-9]{1,31}$")] | None = Field(
        None, description="Route 53 hosted zone of the domain (mode domain)."
    )


class Scaling(Section):
    """Target tracking of the API service."""

    cpu: Annotated[int, VALUE, Strict(), Field(ge=10, le=95)] = Field(70, description="Average CPU in percent.")
    memory: Annotated[int, VALUE, Strict(), Field(ge=10, le=95)] = Field(80, description="Average memory in percent.")
    requests_per_target: Annotated[int, VALUE, Strict(), Field(ge=1)] | Annotated[None, VALUE] = Field(
        1000, description="Requests per task and minute; null turns this policy off."
    )


class ScheduledScaling(Section):
    """One scheduled change of the task range."""

    name: Name = Field(max_length=40, description="Name of the scheduled action.")
    cron: Annotated[str, TEXT, Field(pattern=r"^(cron|rate|at)\(.+\)$")] = Field(
        description="Schedule expression, e.g. cron(0 20 ? * MON-FRI *)."
    )
    timezone: Text = Field("UTC", description="IANA time zone of the schedule.")
    min: Annotated[int, VALUE, Strict(), Field(ge=0, le=1000)] = Field(description="Minimum tasks from then on.")
    max: Annotated[int, VALUE, Strict(), Field(ge=0, le=1000)] = Field(description="Maximum tasks from then on.")


class ApiAlarms(Section):
    """When the API is unwell."""

    error_percent: Annotated[float, VALUE, Strict(), Field(gt=0, le=100)] = Field(
        5, description="Share of 5xx answers in percent."
    )
    latency_seconds: Annotated[float, VALUE, Strict(), Field(gt=0, le=60)] = Field(
        1, description="p95 response time in seconds."
    )


class Api(Section):
    """The Express API on ECS Fargate behind an Application Load Balancer."""

    https: Https = Field(description="How clients reach the load balancer.")
    ingress_cidrs: tuple[Text, ...] = Field(
        ("0.0.0.0/0",), min_length=1, description="Who may reach the load balancer."
    )
    cpu: Annotated[Literal[256, 512, 1024, 2048, 4096, 8192, 16384], VALUE] = Field(description="CPU units of a task.")
    memory: Annotated[int, VALUE, Strict(), Field(ge=512, le=122880)] = Field(description="Memory of a task in MiB.")
    min_tasks: Annotated[int, VALUE, Strict(), Field(ge=0, le=1000)] = Field(description="Fewest tasks.")
    max_tasks: Annotated[int, VALUE, Strict(), Field(ge=1, le=1000)] = Field(description="Most tasks.")
    architecture: Architecture = Field("arm64", description="CPU architecture of the image.")
    spot: Flag = Field(False, description="Run on Fargate Spot.")
    port: Port = Field(3000, description="Port the container listens on.")
    health_path: Annotated[str, TEXT, Field(pattern=r"^/[A-Za-z0-9._~/-]*$")] = Field(
        "/health", description="Path that answers 200 when a task is well."
    )
    scaling: Scaling = Field(Scaling(), description="Target tracking.")
    schedule: tuple[ScheduledScaling, ...] = Field((), description="Scheduled scaling, e.g. nothing at night.")
    refresh_days: Annotated[int, VALUE, Strict(), Field(ge=1, le=14)] = Field(
        7, description="Days between forced new deployments, which pick up rotated credentials and patched hosts."
    )
    queue: Name | None = Field(None, description="Queue behind QUEUE_URL; the first when absent.")
    db_pool_size: Annotated[int, VALUE, Strict(), Field(ge=1, le=100)] = Field(
        10, description="Connections of one task."
    )
    environment: dict[Text, Text] = Field({}, description="Further environment variables.")
    secrets: dict[Text, Text] = Field(
        {}, description="Variable -> ARN of a Secrets Manager secret or SSM parameter, injected at task start."
    )
    log_level: Annotated[Literal["trace", "debug", "info", "warn", "error"], TEXT] = Field(
        "info", description="LOG_LEVEL of API and workers."
    )
    log_retention_days: RetentionDays = Field(30, description="Days that log groups keep their events.")
    container_user: Annotated[str, TEXT, Field(pattern=r"^[a-z0-9_][a-z0-9_-]*(:[a-z0-9_][a-z0-9_-]*)?$")] = Field(
        "1000:1000", description="User the container runs as."
    )
    readonly_root: Flag = Field(True, description="Root file system is read-only (/tmp is a volume).")
    enable_execute_command: Flag = Field(False, description="Allow ECS Exec; needs readonly_root: false.")
    container_insights: Annotated[Literal["disabled", "enabled", "enhanced"], TEXT] = Field(
        "disabled", description="CloudWatch Container Insights."
    )
    tracing: Flag = Field(False, description="Run the ADOT collector beside the API and send traces to X-Ray.")
    collector_image: Text = Field(
        "public.ecr.aws/aws-observability/aws-otel-collector:v0.43.3",
        description="Image of the ADOT collector, pinned.",
    )
    waf: Flag = Field(False, description="Put AWS WAF with managed rules in front of the load balancer.")
    access_logs_days: Annotated[int, VALUE, Strict(), Field(ge=1, le=3650)] = Field(
        90, description="Days that load balancer access logs are kept."
    )
    deletion_protection: Flag = Field(False, description="The load balancer cannot be deleted while true.")
    alarms: ApiAlarms = Field(ApiAlarms(), description="Thresholds of the API's alarms.")


class Worker(Section):
    """One Lambda function that works off one queue."""

    name: Name = Field(max_length=40, description="Name of the worker, unique in the environment.")
    queue: Name = Field(description="Queue it works off.")
    runtime: Annotated[str, TEXT, Field(pattern=r"^(nodejs\d+\.x|python3\.\d+)$")] = Field(
        "nodejs24.x", description="Lambda runtime."
    )
    handler: Annotated[str, TEXT, Field(pattern=r"^[A-Za-z0-9_./-]+\.[A-Za-z0-9_]+$", max_length=128)] = Field(
        "index.handler", description="Module and function."
    )
    architecture: Architecture = Field("arm64", description="CPU architecture.")
    memory: Annotated[int, VALUE, Strict(), Field(ge=128, le=10240)] = Field(512, description="Memory in MB.")
    timeout: Annotated[int, VALUE, Strict(), Field(ge=1, le=900)] = Field(60, description="Seconds one batch may take.")
    reserved_concurrency: Annotated[int, VALUE, Strict(), Field(ge=2)] | Annotated[None, VALUE] = Field(
        None, description="Executions reserved for, and the limit of, this function."
    )
    max_concurrency: Annotated[int, VALUE, Strict(), Field(ge=2, le=1000)] | None = Field(
        None, description="Executions the queue may start at once; equals reserved_concurrency when absent."
    )
    batch_size: Annotated[int, VALUE, Strict(), Field(ge=1, le=10000)] = Field(10, description="Messages in one batch.")
    batch_window: Annotated[int, VALUE, Strict(), Field(ge=0, le=300)] | None = Field(
        None, description="Seconds to gather a batch; 5 when absent, none for a FIFO queue."
    )
    filter: tuple[dict[Text, object], ...] = Field(
        (), description="Event filter patterns. Messages that match none are deleted, not kept."
    )
    db_pool_size: Annotated[int, VALUE, Strict(), Field(ge=1, le=100)] = Field(
        2, description="Connections of one execution environment."
    )
    tracing: Flag = Field(True, description="Trace invocations with X-Ray.")
    environment: dict[Text, Text] = Field({}, description="Further environment variables.")
    secret_arns: tuple[Text, ...] = Field((), description="Secrets the role may read; the code reads them at run time.")
    code: Text | None = Field(
        None, description="Directory or zip with the code, relative to the environment file; a placeholder without."
    )

    @property
    def id(self) -> str:
        """Prefix of logical ids and outputs."""
        return camel(self.name)

    @property
    def concurrency(self) -> int | None:
        """The event source's maximum concurrency in force, or None for no limit."""
        if self.max_concurrency is None and self.reserved_concurrency is not None:
            return min(self.reserved_concurrency, 1000)
        return self.max_concurrency


class Alarms(Section):
    """Who hears of alarms."""

    emails: tuple[Annotated[str, TEXT, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")], ...] = Field(
        (), description="Addresses; each reader confirms the subscription."
    )


class Expected(Section):
    """The load that `infragen cost` takes as expected, per month."""

    acu: Annotated[float, VALUE, Strict(), Field(ge=0)] | None = Field(None, description="Average ACU per instance.")
    tasks: Annotated[float, VALUE, Strict(), Field(ge=0)] | None = Field(None, description="Average running tasks.")
    requests_millions: Annotated[float, VALUE, Strict(), Field(ge=0)] = Field(1, description="Requests in millions.")
    messages_millions: Annotated[float, VALUE, Strict(), Field(ge=0)] = Field(
        1, description="Queue messages in millions."
    )
    nat_gb: Annotated[float, VALUE, Strict(), Field(ge=0)] = Field(10, description="GB through NAT.")
    egress_gb: Annotated[float, VALUE, Strict(), Field(ge=0)] = Field(10, description="GB to the internet.")
    storage_gb: Annotated[float, VALUE, Strict(), Field(ge=0)] = Field(10, description="GB in the database.")
    io_millions: Annotated[float, VALUE, Strict(), Field(ge=0)] = Field(
        10, description="Database I/O requests in millions."
    )
    log_gb: Annotated[float, VALUE, Strict(), Field(ge=0)] = Field(5, description="GB of logs.")


class Cost(Section):
    """Assumptions about money."""

    expected: Expected = Field(Expected(), description="The expected load.")


class Environment(Section):
    """One environment file, complete: everything that the templates are made of."""

    project: Name = Field(max_length=20, description="Name of the project; the first part of every name.")
    environment: Name = Field(max_length=12, description="Name of the environment; equals the file's name.")
    region: Text = Field(description="AWS region; the only place the region is taken from.")
    account: Annotated[str, TEXT, Field(pattern=r"^\d{12}$")] | None = Field(
        None, description="AWS account id; checked before anything is written."
    )
    topology: Annotated[Literal["nested", "independent"], TEXT] = Field(
        "nested", description="One root stack with nested stacks, or one stack per layer."
    )
    tags: dict[Text, Text] = Field({}, description="Tags of all stacks and their resources.")
    protect: Flag | None = Field(
        None, description="Stack policy and termination protection; true for prod when absent."
    )
    iam: Iam = Field(Iam(), description="Rules for all roles.")
    network: Network | None = Field(None, description="VPC, subnets, NAT, security groups.")
    database: Database | None = Field(None, description="Aurora PostgreSQL Serverless v2.")
    queues: tuple[Queue, ...] = Field((), description="SQS queues, each with a dead-letter queue.")
    api: Api | None = Field(None, description="The Express API on Fargate.")
    workers: tuple[Worker, ...] = Field((), description="Lambda workers.")
    alarms: Alarms = Field(Alarms(), description="Who hears of alarms.")
    cost: Cost = Field(Cost(), description="Assumptions about money.")

    @property
    def production(self) -> bool:
        """Whether the rules for production hold."""
        return self.environment in ("prod", "production")

    @property
    def protected(self) -> bool:
        """Whether stacks get a stack policy and termination protection."""
        return self.production if self.protect is None else self.protect

    @property
    def name(self) -> str:
        """`<project>-<environment>`: the prefix of every physical name."""
        return f"{self.project}-{self.environment}"

    @property
    def node_env(self) -> str:
        """NODE_ENV: libraries know no third value; DEPLOYMENT carries the environment's name."""
        return "development" if self.environment == "dev" else "production"

    @property
    def log_retention_days(self) -> int:
        """Retention of every log group; the API's figure serves all layers, so that there is one to change."""
        return self.api.log_retention_days if self.api else 30

    def queue(self, name: str) -> Queue:
        """The queue of that name; KeyError when there is none (the cross-field rules see to it)."""
        return next(q for q in self.queues if q.name == name)

    def worker_of(self, queue: Queue) -> Worker | None:
        """The worker that works off a queue."""
        return next((w for w in self.workers if w.queue == queue.name), None)

    def batch_window(self, worker: Worker) -> int:
        """Seconds the event source gathers a batch; FIFO queues know none (Lambda Developer Guide, "Amazon SQS")."""
        if worker.batch_window is not None:
            return worker.batch_window
        fifo = any(q.fifo for q in self.queues if q.name == worker.queue)
        return 0 if fifo else 5

    def minimum_visibility(self, queue: Queue) -> int:
        """Six times the function's timeout plus the batch window (Lambda Developer Guide, "Configuring a queue")."""
        worker = self.worker_of(queue)
        return max(30, 6 * worker.timeout + self.batch_window(worker)) if worker else 30

    def visibility(self, queue: Queue) -> int:
        """The visibility timeout in force, in seconds."""
        return queue.visibility_seconds if queue.visibility_seconds is not None else self.minimum_visibility(queue)


def load_environment(path: Path) -> Environment:
    """Reads and checks one environment file. Raises InputError that names every problem with its place."""
    node = yamlfile.load(path.read_bytes(), str(path))
    try:
        return Environment.model_validate(yamlfile.plain(node))
    except ValidationError as error:
        problems = [f"{yamlfile.find(node, each['loc'])}: {each['msg']}" for each in error.errors()]
        raise InputError("\n".join(problems)) from None
