"""The environment schema: one frozen class per section of an environment file, the whole of it on this page.

Values arrive as `yamlfile` nodes, so that a text field keeps its source text (an account id its leading zero, `17.10`
its zero) and a number or boolean is exactly what YAML 1.2 calls one. An absent section is `None` or empty: that layer
is off. A class checks each key by itself; what keys demand of each other is in `rules`.

The descriptions, ranges and `patternErrorMessage`s are also what editors show and what the reference page says.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict

from infragen.config import iam, schedules
from infragen.config.regions import REGIONS
from infragen.config.yamlfile import Scalar

NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
"""Names of projects, environments, queues and workers. No `--`: DBClusterIdentifier refuses it."""

MANAGED_RULES = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
)
"""The managed rule groups of the web ACL, in order of priority."""

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
"""CPU units -> MiB of memory (Amazon ECS API Reference, RegisterTaskDefinition, `memory`; read 2026-11-29)."""

OTLP_PORT, SAMPLING_PORT = 4318, 2000
COLLECTOR_PORTS = (OTLP_PORT, SAMPLING_PORT, 8888)
"""Where the collector of traces listens beside the API; on 8888 with metrics of its own (OpenTelemetry, "Internal
telemetry", read 2026-11-29)."""

TAG_IN_WORDS = "letters, digits, spaces and _.:/=+@-"
_NO_TAG_SIGNS = r"[^\x00-\x1f!\x22#$%&'()*,;<>?\[\]\\^`{|}~\x7f]"
TAG_KEY = rf"^{_NO_TAG_SIGNS}{{1,128}}$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
PARAMETER = r"^[a-z0-9_.]+$"
KEYS_IN_WORDS = {
    iam.OPERATOR: "condition operators of IAM such as StringEquals, ArnLikeIfExists or ForAnyValue:StringLike",
    iam.CONDITION_KEY: "condition keys with their prefix, such as aws:SourceVpc or s3:prefix",
    TAG_KEY: f"{TAG_IN_WORDS}, at most 128",
    VARIABLE: "letters, digits and _, no digit first",
    PARAMETER: "lower-case letters, digits, _ and dots",
}
"""What the keys of free maps may be, in words (JSON Schema has no place for the words at the key)."""

QUEUES = 55
"""The most queues of one environment, and the most workers, since each takes a queue of its own. The templates decide:
one queue more, and the layer `queue` has more than CloudFormation's 500 resources. `rules.counts` refuses more, beside
the other rules, so that a long list hides no other error; a test renders 55 and sees 56 refused."""

OWN_TAGS = ("Project", "Environment", "Layer", "ManagedBy", "Name")
"""Tags that infragen sets itself."""


# --- how a node becomes a value --------------------------------------------------------------------------------------


def _text(value: object) -> object:
    return value.text if isinstance(value, Scalar) else value


def _value(value: object) -> object:
    return value.value if isinstance(value, Scalar) else value


def _whole(value: object) -> object:
    value = _value(value)
    if type(value) is not int:  # a Literal would take True for 1 and 60.0 for 60
        raise ValueError
    return value


def _values(value: object) -> object:
    if isinstance(value, dict):
        return {key: _values(each) for key, each in value.items()}
    return [_values(each) for each in value] if isinstance(value, list) else _value(value)


def _list(value: object) -> object:
    return () if value is None else value


def _one_or_more(value: object) -> object:
    """Return a list, also of what is written without one."""
    return value if isinstance(value, list) or value is None else [value]


def _also_without_list(schema: dict[str, Any]) -> None:
    """Let editors accept a single item for a list of one."""
    about: dict[str, Any] = {name: schema.pop(name) for name in ("description", "default", "title") if name in schema}
    known = dict(schema)
    schema.clear()
    schema.update(anyOf=[known, known["items"]], **about)


TEXT, VALUE, WHOLE = BeforeValidator(_text), BeforeValidator(_value), BeforeValidator(_whole)
"""The source text; what YAML 1.2 reads; the same, for a choice of whole numbers."""


OFF = BeforeValidator(_list)
"""A list of sections that `null` switches off, as it does a section."""


# --- what a single value may be --------------------------------------------------------------------------------------


def _matching(pattern: str, says: str, **schema: Any) -> Any:
    """Return a pattern, and in words what it admits: editors and our own errors show the words."""
    return Field(pattern=pattern, json_schema_extra={"patternErrorMessage": says, **schema})


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in choices:
            raise ValueError
        return value

    return check


def _as_range(value: object) -> object:
    """Return what is missing in an address that is no range."""
    if isinstance(value, str) and re.fullmatch(r"(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]+(%\w+)?(/[0-9]{1,3})?", value):
        raise ValueError("IPv6 is not supported; write an IPv4 range such as 203.0.113.0/24")
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", value):
        raise ValueError(f"a single address is written as {value}/32")
    return value


def _network(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise ValueError from None
    if str(network) != value:
        raise ValueError(f"the network that holds this address is {network}")
    return value


_PRIVATE = tuple(ipaddress.IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def _private_network(value: str) -> str:
    network = ipaddress.IPv4Network(_network(value))
    if not 16 <= network.prefixlen <= 20 or not any(network.subnet_of(each) for each in _PRIVATE):
        raise ValueError
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        if _has_time_zones():
            raise ValueError from None
    return value


def _has_time_zones() -> bool:
    try:
        return bool(ZoneInfo("Europe/London"))
    except KeyError:
        return False


def _schedule(value: str) -> str:
    schedules.parse(value)
    return value


_TAG_SIGNS = " _.:/=+-@"


def _tag_text(value: str) -> str:
    r"""Check what every tagged service accepts: letters of any language, numbers, separators (`\p{L}\p{N}\p{Z}`) and a
    few signs, the pattern of IAM, Logs, ECS, Lambda, Elastic Load Balancing, WAF and ACM (botocore's models; a test
    compares). The others accept more. A text of spaces alone is one that nobody can see.
    """
    for sign in value:
        if sign not in _TAG_SIGNS and unicodedata.category(sign)[0] not in "LNZ":
            raise ValueError(f"{sign!r} is refused by IAM, CloudWatch Logs and ECS; allowed: {TAG_IN_WORDS}")
    if not value.strip():
        raise ValueError(f"it is blank; allowed: {TAG_IN_WORDS}, at least one that is no space")
    return value


def _tag_key(value: str) -> str:
    if value.lower() in (each.lower() for each in OWN_TAGS) or value.lower().startswith("infragen:"):
        raise ValueError("infragen sets this tag itself; IAM takes upper and lower case for the same")
    if value.lower().startswith("aws:"):
        raise ValueError("AWS keeps tags that begin with aws: to itself")
    return value


RESERVED = (
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "binary",
    "both", "case", "cast", "check", "collate", "collation", "column", "concurrently", "constraint", "create",
    "cross", "current_catalog", "current_date", "current_role", "current_schema", "current_time",
    "current_timestamp", "current_user", "default", "deferrable", "desc", "distinct", "do", "else", "end", "except",
    "false", "fetch", "for", "foreign", "freeze", "from", "full", "grant", "group", "having", "ilike", "in",
    "initially", "inner", "intersect", "into", "is", "isnull", "join", "lateral", "leading", "left", "like",
    "limit", "localtime", "localtimestamp", "natural", "not", "notnull", "null", "offset", "on", "only", "or",
    "order", "outer", "overlaps", "placing", "primary", "references", "returning", "right", "select",
    "session_user", "similar", "some", "symmetric", "system_user", "table", "tablesample", "then", "to", "trailing",
    "true", "union", "unique", "user", "using", "variadic", "verbose", "when", "where", "window", "with",
)  # fmt: skip
"""Words that PostgreSQL reserves (pg_get_keywords(), categories R and T, PostgreSQL 18; a test compares); RDS refuses
them as names (RDS API Reference, "CreateDBCluster": "Can't be a word reserved by the database engine")."""


def _not_reserved(value: str) -> None:
    if value in RESERVED:
        raise ValueError("PostgreSQL reserves this word, so RDS refuses it as a name; choose another")


def _database_name(value: str) -> str:
    """Refuse names of databases that every cluster has already (RDS API Reference, "CreateDBCluster")."""
    _not_reserved(value)
    if value in ("postgres", "rdsadmin", "template0", "template1"):
        raise ValueError("every cluster has a database of this name already")
    return value


def _owner_name(value: str) -> str:
    """Refuse a role that has the master user's rights, or that cannot be created."""
    _not_reserved(value)
    if value in ("dbadmin", "none", "postgres", "public") or value.startswith(("pg_", "rds")):
        raise ValueError("PostgreSQL, RDS and the master user keep this name to themselves")
    return value


_NAME_SAYS = "lower-case words and digits joined by single hyphens, a letter first"
_LINE = r"^[^\r\n]*$"
_TAG_VALUE = rf"^{_NO_TAG_SIGNS}+$"
_VARIABLE_VALUE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
"""With tabs and line ends, also CR LF. Neither ECS nor Lambda restricts the values of variables (botocore's models; a
test compares); no process can have a NUL in one, and the file takes no other control character (YAML 1.2, 5.1)."""
_CIDR = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$"

Text = Annotated[str, TEXT]
Line = Annotated[str, _matching(_LINE, "a text on one line", type=["string", "number", "boolean"]), TEXT]
VariableValue = Annotated[
    str,
    _matching(
        _VARIABLE_VALUE,
        "a text, of several lines if need be, without control characters but tab, CR and LF",
        type=["string", "number", "boolean"],
    ),
    TEXT,
]
TagValue = Annotated[
    str,
    _matching(_TAG_VALUE, f"{TAG_IN_WORDS}, at least one", type=["string", "number", "boolean"]),
    Field(min_length=1, max_length=256),
    AfterValidator(_tag_text),
    TEXT,
]
CodePattern = Annotated[
    str, _matching(r"^[^\s/\\][^\\\n]*$", "a path from the code directory, or a name, such as .env or test/*"), TEXT
]
Argument = Annotated[
    str,
    _matching(_VARIABLE_VALUE, "a text without control characters", type=["string", "number", "boolean"]),
    Field(min_length=1, max_length=4096),
    TEXT,
]
Name = Annotated[str, _matching(NAME, _NAME_SAYS), Field(max_length=40), TEXT]
ProjectName = Annotated[str, _matching(NAME, _NAME_SAYS), Field(max_length=20), TEXT]
EnvironmentName = Annotated[str, _matching(NAME, _NAME_SAYS), Field(max_length=12), TEXT]
DatabaseName = Annotated[
    str,
    _matching(r"^[a-z][a-z0-9_]{0,50}$", "lower-case letters, digits and _, a letter first, at most 51"),
    AfterValidator(_database_name),
    TEXT,
]
OwnerName = Annotated[
    str,
    _matching(r"^[a-z_][a-z0-9_]{0,50}$", "lower-case letters, digits and _, no digit first, at most 51"),
    AfterValidator(_owner_name),
    TEXT,
]
Account = Annotated[
    str, _matching(r"^[0-9]{12}$", "the 12 digits of an AWS account id", type=["string", "integer"]), TEXT
]
Region = Annotated[
    str, Field(json_schema_extra={"enum": [str(each) for each in REGIONS]}), AfterValidator(_one_of(REGIONS)), TEXT
]
Endpoint = Annotated[
    str,
    Field(json_schema_extra={"enum": [str(each) for each in INTERFACE_ENDPOINTS]}),
    AfterValidator(_one_of(INTERFACE_ENDPOINTS)),
    TEXT,
]
ManagedRules = Annotated[
    str, Field(json_schema_extra={"enum": list(MANAGED_RULES)}), AfterValidator(_one_of(MANAGED_RULES)), TEXT
]
Cidr = Annotated[
    str,
    _matching(_CIDR, "an IPv4 address range such as 203.0.113.0/24"),
    AfterValidator(_network),
    BeforeValidator(_as_range),
    TEXT,
]
PrivateCidr = Annotated[
    str,
    _matching(_CIDR, "a private IPv4 range from /16 to /20, such as 10.0.0.0/16"),
    AfterValidator(_private_network),
    BeforeValidator(_as_range),
    TEXT,
]
EngineVersion = Annotated[
    str,
    _matching(
        r"^(16\.([89]|[1-9][0-9])|17\.[0-9]{1,2}|18\.[0-9]{1,2})$",
        "16.8 or newer, 17.n or 18.n, such as 17.7",
        type=["string", "number"],
    ),
    TEXT,
]
Cron = Annotated[
    str,
    _matching(r"^(cron|rate|at)\(.+\)$", "cron(…) with six fields, rate(…) or at(…), such as cron(0 20 ? * MON-FRI *)"),
    AfterValidator(_schedule),
    TEXT,
]
TimeZone = Annotated[
    str,
    _matching(r"^[A-Za-z_]+(/[A-Za-z0-9_+-]+)*$", "an IANA time zone such as Europe/Berlin"),
    AfterValidator(_time_zone),
    TEXT,
]
VpcId = Annotated[
    str, _matching(r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$", "the id of a VPC such as vpc-0123456789abcdef0"), TEXT
]
SubnetId = Annotated[
    str,
    _matching(r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$", "the id of a subnet such as subnet-0123456789abcdef0"),
    TEXT,
]
Email = Annotated[str, _matching(r"^[^@\s]+@[^@\s]+\.[^@\s]+$", "an e-mail address"), TEXT]
TagKey = Annotated[
    str,
    Field(pattern=TAG_KEY),
    AfterValidator(_tag_text),
    AfterValidator(_tag_key),
    TEXT,
]
Variable = Annotated[str, Field(pattern=VARIABLE), TEXT]
Parameter = Annotated[str, Field(pattern=PARAMETER), TEXT]
_SECRET_ARN = r"secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}"  # noqa: S105  # a pattern of ARNs
"""With the hyphen and the six characters that Secrets Manager adds: IAM's Resource and KMS's encryption context match
nothing without them (Secrets Manager User Guide, "Secret ARNs")."""

SecretArn = Annotated[
    str,
    _matching(rf"^arn:aws:{_SECRET_ARN}$", "the full ARN of a Secrets Manager secret, with its last six characters"),
    TEXT,
]
OWN_PARAMETER = "ssm"
"""Instead of an ARN: the SSM parameter of the environment's own with the variable's name (`infragen secrets`)."""

_PARAMETER_ARN = r"ssm:[a-z0-9-]+:[0-9]{12}:parameter(/[A-Za-z0-9_.-]+)+"
"""No part of the path is empty (Systems Manager's own words, as in aws/aws-sdk-php#1952)."""

_WHICH_VALUE = r"(:[^\s:]*:[^\s:]{0,256}:([A-Za-z0-9-]{32,64})?)?"
"""JSON key, version stage and version id, each of which may be empty (Amazon ECS Developer Guide, "Pass Secrets Manager
secrets through Amazon ECS environment variables"); as long as Secrets Manager's GetSecretValue takes (botocore's model,
which a test reads)."""

InjectedArn = Annotated[
    str,
    _matching(
        rf"^({OWN_PARAMETER}|arn:aws:({_SECRET_ARN}{_WHICH_VALUE}|{_PARAMETER_ARN}))$",
        "ssm for what `infragen secrets set` stores, or the full ARN of a Secrets Manager secret, with its last six "
        "characters (:json-key:: may follow), or of an SSM parameter",
    ),
    TEXT,
]
ReadParameter = Annotated[
    str,
    _matching(
        rf"^({OWN_PARAMETER}|arn:aws:{_PARAMETER_ARN})$",
        "ssm for what `infragen secrets set` stores, or the full ARN of an SSM parameter",
    ),
    TEXT,
]
Flag = Annotated[bool, Strict(), VALUE]
Port = Annotated[int, Strict(), Field(ge=1, le=65535), VALUE]
RetentionDays = Annotated[
    Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
    WHOLE,
]
Architecture = Annotated[Literal["arm64", "x86_64"], TEXT]
Pattern = Annotated[dict[str, Any], BeforeValidator(_values)]


ONE_OR_MORE = BeforeValidator(_one_or_more)
Actions = Annotated[
    tuple[
        Annotated[
            str, _matching(iam.ACTION, "SERVICE:ACTION such as s3:GetObject, with * and ? in the action, or *"), TEXT
        ],
        ...,
    ],
    ONE_OR_MORE,
]
ResourceArns = Annotated[
    tuple[
        Annotated[
            str,
            _matching(
                iam.RESOURCE,
                "an ARN such as arn:${AWS::Partition}:s3:::NAME/*, the partition aws and the service without "
                "wildcards, or *",
            ),
            Field(max_length=2048),
            AfterValidator(iam.placeholders),
            TEXT,
        ],
        ...,
    ],
    ONE_OR_MORE,
]
ConditionValues = Annotated[
    tuple[
        Annotated[
            str,
            _matching(_VARIABLE_VALUE, "a text without control characters", type=["string", "number", "boolean"]),
            AfterValidator(iam.placeholders),
            TEXT,
        ],
        ...,
    ],
    Field(min_length=1, max_length=100, json_schema_extra=_also_without_list),
    ONE_OR_MORE,
]
ConditionOperator = Annotated[str, Field(pattern=iam.OPERATOR), TEXT]
ConditionKey = Annotated[str, Field(pattern=iam.CONDITION_KEY), AfterValidator(iam.placeholders), TEXT]


def camel(name: str) -> str:
    """Convert `order-events` to `OrderEvents`: the prefix of the logical ids and outputs of a named thing."""
    return "".join(part.capitalize() for part in re.split(r"[-_]", name))


# --- the sections ----------------------------------------------------------------------------------------------------


class Section(BaseModel):
    """One mapping of an environment file: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Statement(Section):
    """One statement of an IAM policy, in IAM's own words."""

    Sid: Annotated[str, _matching(r"^[A-Za-z0-9]*$", "letters and digits"), Field(max_length=64), TEXT] | None = Field(
        None, description="Name of the statement, unique in its list."
    )
    Effect: Annotated[Literal["Allow", "Deny"], TEXT] = Field(description="What the statement does.")
    Action: Actions = Field(
        min_length=1,
        max_length=100,
        description="What may, or may not, be done.",
        json_schema_extra=_also_without_list,
    )
    Resource: ResourceArns = Field(
        min_length=1,
        max_length=100,
        description="What it may, or may not, be done to. ${AWS::Partition}, ${AWS::Region}, ${AWS::AccountId}, "
        "${AWS::URLSuffix}, ${ProjectName} and ${EnvironmentName} are filled in.",
        json_schema_extra=_also_without_list,
    )
    Condition: dict[ConditionOperator, dict[ConditionKey, ConditionValues]] = Field(
        {}, description="When it holds: operator -> condition key -> value or values."
    )


Statements = Annotated[tuple[Statement, ...], OFF]


class Iam(Section):
    """Rules of the account that every role must follow."""

    permissions_boundary_arn: (
        Annotated[
            str,
            _matching(r"^arn:aws:iam::([0-9]{12}|aws):policy/[^\s]+$", "the ARN of an IAM managed policy"),
            TEXT,
        ]
        | None
    ) = Field(None, description="Managed policy that bounds every role infragen creates.")
    service_role_arn: (
        Annotated[str, _matching(r"^arn:aws:iam::[0-9]{12}:role/[^\s]+$", "the ARN of an IAM role"), TEXT] | None
    ) = Field(
        None,
        description="Role that CloudFormation assumes; without it, it uses the rights of the deploying principal.",
    )


SERVICE_ALARM = "service"
"""In `stacks.rollback_alarms`: the alarm over all others, which the observability layer makes."""


class Stacks(Section):
    """What CloudFormation does with the environment's stacks when an operation goes wrong, and who is notified."""

    rollback_alarms: (
        Annotated[
            tuple[
                Annotated[
                    str,
                    _matching(
                        r"^(service|arn:aws:cloudwatch:[a-z0-9-]+:[0-9]{12}:alarm:[ -~]{1,255})$",
                        "service (the environment's own service alarm) or the ARN of a CloudWatch alarm",
                    ),
                    TEXT,
                ],
                ...,
            ],
            Field(max_length=5),
        ]
        | None
    ) = Field(
        None,
        description="Alarms that roll an update back when they go to ALARM while it runs; when absent [service] for "
        "kind production, none for other kinds.",
    )
    monitoring_minutes: Annotated[int, Strict(), Field(ge=0, le=180), VALUE] | None = Field(
        None,
        description="Minutes that an update, once done, waits and watches the rollback alarms; 5 when absent.",
    )
    notification_arns: tuple[
        Annotated[
            str,
            _matching(
                r"^arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", "the ARN of an SNS topic that is not FIFO"
            ),
            TEXT,
        ],
        ...,
    ] = Field((), max_length=5, description="SNS topics that get every event of the stacks.")
    on_failure: Annotated[Literal["rollback", "keep", "delete"], TEXT] = Field(
        "rollback",
        description="What becomes of a stack whose first creation fails, unless `deploy --on-failure` says something "
        "else.",
    )
    retain_except_on_create: Flag = Field(
        False,
        description="A rollback deletes what the failed operation created, also what a deletion policy retains; what "
        "was there before stays.",
    )


class Network(Section):
    """VPC, subnets, NAT, endpoints, flow log."""

    vpc_cidr: PrivateCidr = Field("10.0.0.0/16", description="Private address range of the VPC, /16 to /20.")
    azs: Annotated[int, Strict(), Field(ge=2, le=4), VALUE] = Field(2, description="Availability zones in use.")
    nat: Annotated[Literal["none", "instance", "single", "per_az", "regional"], TEXT] = Field(
        "single",
        description="How private subnets reach the internet: not at all, by one instance, one gateway, one per zone, "
        "or one regional gateway that AWS keeps in each zone in use.",
    )
    nat_instance_type: Annotated[
        str, _matching(r"^[a-z]+[0-9]+g[a-z]*\.[a-z0-9]+$", "an arm64 (Graviton) instance type such as t4g.nano"), TEXT
    ] = Field("t4g.nano", description="arm64 instance type of the NAT instance.")
    interface_endpoints: tuple[Endpoint, ...] = Field(
        (), max_length=50, description="Services reached through interface endpoints; billed per endpoint and zone."
    )
    flow_logs: Annotated[Literal["ALL", "REJECT"], TEXT] = Field(
        "ALL", description="Which traffic the VPC flow log records."
    )
    extra_egress_ports: tuple[Port, ...] = Field(
        (),
        max_length=20,
        description="TCP ports beside 443 that the API and workers may open to the internet, e.g. 587 for SMTP.",
    )
    vpc_id: VpcId | None = Field(
        None, description="Existing VPC to build into. Its subnets, routes and way out are then yours."
    )
    public_subnet_ids: tuple[SubnetId, ...] = Field(
        (), max_length=12, description="Subnets of the load balancer in the existing VPC, each in a zone of its own."
    )
    private_subnet_ids: tuple[SubnetId, ...] = Field(
        (), max_length=12, description="Subnets of tasks, functions and interface endpoints in the existing VPC."
    )
    isolated_subnet_ids: tuple[SubnetId, ...] = Field(
        (), max_length=12, description="Subnets of the database in the existing VPC; the private ones when absent."
    )

    @property
    def interface_count(self) -> int:
        """Return how many interfaces an interface endpoint has: one per private subnet."""
        return len(self.private_subnet_ids) if self.vpc_id else self.azs


def connection_limit(text: str) -> int | None:
    """Return the number of connections that `max_connections` may be set to, or None for any other text.

    From 6 to 262143 (Aurora User Guide, "Aurora PostgreSQL parameters").
    """
    number = int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0
    return number if 6 <= number <= 262143 else None


class Database(Section):
    """Aurora PostgreSQL Serverless v2."""

    name: DatabaseName = Field("app", description="Database name.")
    owner: OwnerName = Field(
        "app", description="Role that owns the application's tables; the logins are <owner>_a and <owner>_b."
    )
    engine_version: EngineVersion = Field(
        "17.7", description="Aurora PostgreSQL version; 16.8 and 17.7 are long-term-support releases."
    )
    min_acu: Annotated[float, Strict(), Field(ge=0, le=256, multiple_of=0.5), VALUE] = Field(
        description="Minimum capacity in ACU; 0 pauses the idle cluster."
    )
    max_acu: Annotated[float, Strict(), Field(ge=1, le=256, multiple_of=0.5), VALUE] = Field(
        description="Maximum capacity in ACU; also fixes max_connections."
    )
    auto_pause_seconds: Annotated[int, Strict(), Field(ge=300, le=86400), VALUE] = Field(
        900, description="Idle seconds before a cluster with min_acu 0 pauses."
    )
    readers: Annotated[int, Strict(), Field(ge=0, le=15), VALUE] = Field(
        0, description="Reader instances; one or more makes the cluster multi-AZ."
    )
    storage: Annotated[Literal["standard", "io_optimized"], TEXT] = Field(
        "standard", description="Storage pricing: per I/O, or I/O included."
    )
    backup_days: Annotated[int, Strict(), Field(ge=1, le=35), VALUE] = Field(
        7, description="Days of point-in-time recovery."
    )
    deletion: Annotated[Literal["delete", "snapshot"], TEXT] | None = Field(
        None,
        description="What becomes of the data when the stack is deleted; snapshot when absent, delete for an "
        "environment that leaves nothing behind (kind development, without protect).",
    )
    deletion_protection: Flag = Field(False, description="RDS refuses to delete the cluster while true.")
    monitoring_seconds: Annotated[Literal[0, 1, 5, 10, 15, 30, 60], WHOLE] = Field(
        60, description="Enhanced Monitoring interval; 0 turns it off."
    )
    rotation_days: Annotated[int, Strict(), Field(ge=7, le=365), VALUE] = Field(
        30, description="Days between rotations of the application's credentials."
    )
    url_options: Annotated[
        str,
        _matching(r"^[A-Za-z0-9_=&.%-]*$", "options as in a URL, such as sslmode=verify-full&connect_timeout=5"),
        TEXT,
    ] = Field("sslmode=verify-full", description="Query part of DATABASE_URL.")
    parameters: dict[Parameter, Line] = Field({}, description="Cluster parameters, merged over infragen's own.")
    identifier_suffix: Annotated[
        str,
        _matching(r"^([a-z0-9]+(-[a-z0-9]+)*)?$", "lower-case words and digits joined by single hyphens"),
        Field(max_length=20),
        TEXT,
    ] = Field("", description="Suffix of the cluster's identifier, e.g. for a restored cluster.")

    @property
    def max_connections(self) -> int:
        """Return the parameter of that name, or the default for the maximum capacity.

        The default: documented points, "Working with Aurora Serverless v2 capacity".
        """
        chosen = connection_limit(self.parameters.get("max_connections", ""))
        if chosen is not None:  # a rule refuses anything else
            return chosen
        connections = min(5000, round(211.375 * self.max_acu - 22.4))
        return min(connections, 2000) if self.min_acu <= 0.5 else connections

    @property
    def connection_alarm(self) -> int:
        """Return the number of connections at which the alarm rises: 80 % of the maximum."""
        return int(0.8 * self.max_connections)


class QueueAlarms(Section):
    """When a queue is backing up."""

    depth: Annotated[int, Strict(), Field(ge=1), VALUE] = Field(1000, description="Visible messages.")
    age_seconds: Annotated[int, Strict(), Field(ge=1), VALUE] | None = Field(
        None,
        description="Age of the oldest message in seconds; absent: 900, or 1.5 visibility timeouts if less.",
    )


class Queue(Section):
    """One SQS queue with its dead-letter queue."""

    name: Name = Field(description="Name of the queue, unique in the environment.")
    fifo: Flag = Field(False, description="FIFO instead of standard.")
    content_deduplication: Flag = Field(True, description="FIFO only: deduplicate by the body's hash.")
    retention_days: Annotated[int, Strict(), Field(ge=4, le=14), VALUE] = Field(
        4, description="Days a message is kept."
    )
    visibility_seconds: Annotated[int, Strict(), Field(ge=30, le=43200), VALUE] | None = Field(
        None, description="Visibility timeout; computed from the worker (6 x timeout + batch window) when absent."
    )
    max_receives: Annotated[int, Strict(), Field(ge=1, le=1000), VALUE] = Field(
        5, description="Receives before a message goes to the dead-letter queue."
    )
    encryption: Annotated[Literal["sqs", "kms"], TEXT] = Field(
        "sqs", description="SQS-managed key, or the platform KMS key."
    )
    alarms: QueueAlarms = Field(QueueAlarms(), description="Thresholds of the backlog alarms.")

    @property
    def id(self) -> str:
        """Return prefix of logical ids and outputs."""
        return camel(self.name)


class Https(Section):
    """How clients reach the load balancer."""

    mode: Annotated[Literal["certificate", "domain", "http_only"], TEXT] = Field(
        description="An existing ACM certificate; a domain (certificate and record are created); or plain HTTP."
    )
    certificate_arn: (
        Annotated[
            str,
            _matching(r"^arn:aws:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$", "the ARN of an ACM certificate"),
            TEXT,
        ]
        | None
    ) = Field(None, description="ACM certificate in the stack's region (mode certificate).")
    domain_name: (
        Annotated[
            str,
            _matching(r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$", "a domain name such as api.example.com"),
            Field(max_length=253),
            TEXT,
        ]
        | None
    ) = Field(None, description="Name of the API (mode domain).")
    hosted_zone_id: (
        Annotated[
            str, _matching(r"^Z[A-Z0-9]{1,31}$", "the id of a Route 53 hosted zone, Z and capitals or digits"), TEXT
        ]
        | None
    ) = Field(None, description="Route 53 hosted zone of the domain (mode domain).")


class Scaling(Section):
    """Target tracking of the API service."""

    cpu: Annotated[int, Strict(), Field(ge=10, le=95), VALUE] = Field(70, description="Average CPU in percent.")
    memory: Annotated[int, Strict(), Field(ge=10, le=95), VALUE] = Field(80, description="Average memory in percent.")
    requests_per_target: Annotated[int, Strict(), Field(ge=1), VALUE] | None = Field(
        1000, description="Requests per task and minute; null turns this policy off."
    )


class ScheduledScaling(Section):
    """One scheduled change of the task range."""

    name: Name = Field(description="Name of the scheduled action.")
    cron: Cron = Field(description="Schedule expression, e.g. cron(0 20 ? * MON-FRI *).")
    timezone: TimeZone = Field("UTC", description="IANA time zone of the schedule.")
    min: Annotated[int, Strict(), Field(ge=0, le=1000), VALUE] = Field(description="Minimum tasks from then on.")
    max: Annotated[int, Strict(), Field(ge=0, le=1000), VALUE] = Field(description="Maximum tasks from then on.")


class ApiAlarms(Section):
    """When the API is unhealthy."""

    error_percent: Annotated[float, Strict(), Field(gt=0, le=100), VALUE] = Field(
        5, description="Share of 5xx answers in percent."
    )
    latency_seconds: Annotated[float, Strict(), Field(gt=0, le=60), VALUE] = Field(
        1, description="p95 response time in seconds."
    )


class Waf(Section):
    """AWS WAF in front of the load balancer: managed rules, and a limit per address."""

    count: tuple[ManagedRules, ...] = Field(
        (), max_length=10, description="Managed rule groups that only count what they would block."
    )
    rate: Annotated[int, Strict(), Field(ge=10, le=2_000_000_000), VALUE] = Field(
        2000, description="Requests of one address in five minutes above which it is blocked."
    )


def _waf(value: object) -> object:
    """Convert `true` and `false`, the former values of the key."""
    if isinstance(value, Scalar) and isinstance(value.value, bool):
        return {} if value.value else None
    return value


class Api(Section):
    """The Express API on ECS Fargate behind an Application Load Balancer."""

    https: Https = Field(description="How clients reach the load balancer.")
    ingress_cidrs: tuple[Cidr, ...] = Field(
        ("0.0.0.0/0",), max_length=50, min_length=1, description="Who may reach the load balancer."
    )
    cpu: Annotated[Literal[256, 512, 1024, 2048, 4096, 8192, 16384], WHOLE] = Field(description="CPU units of a task.")
    memory: Annotated[int, Strict(), Field(ge=512, le=122880), VALUE] = Field(description="Memory of a task in MiB.")
    min_tasks: Annotated[int, Strict(), Field(ge=0, le=1000), VALUE] = Field(description="Fewest tasks.")
    max_tasks: Annotated[int, Strict(), Field(ge=1, le=1000), VALUE] = Field(description="Most tasks.")
    architecture: Architecture = Field("arm64", description="CPU architecture of the image.")
    spot: Flag = Field(False, description="Run on Fargate Spot.")
    port: Port = Field(3000, description="Port the container listens on.")
    health_path: Annotated[str, _matching(r"^/[A-Za-z0-9._~/-]*$", "a path such as /health"), TEXT] = Field(
        "/health", description="Path that answers 200 when a task is well."
    )
    scaling: Scaling = Field(Scaling(), description="Target tracking.")
    schedule: tuple[ScheduledScaling, ...] = Field(
        (), max_length=50, description="Scheduled scaling, e.g. nothing at night."
    )
    refresh_days: Annotated[int, Strict(), Field(ge=1, le=14), VALUE] = Field(
        7, description="Days between forced new deployments, which pick up rotated credentials and patched hosts."
    )
    queue: Name | None = Field(None, description="Queue behind QUEUE_URL; the first when absent.")
    db_pool_size: Annotated[int, Strict(), Field(ge=1, le=100), VALUE] = Field(
        10, description="Connections of one task."
    )
    environment: dict[Variable, VariableValue] = Field({}, description="Further environment variables.")
    secrets: dict[Variable, InjectedArn] = Field(
        {},
        description="Variable -> ssm, or the ARN of a Secrets Manager secret or SSM parameter; injected at task start.",
    )
    policies: Statements = Field(
        (), max_length=50, description="IAM statements: what the API's code may do beside what infragen lets it."
    )
    log_level: Annotated[Literal["trace", "debug", "info", "warn", "error"], TEXT] = Field(
        "info", description="LOG_LEVEL of API and workers."
    )
    log_retention_days: RetentionDays = Field(30, description="Days that log groups keep their events.")
    container_user: Annotated[
        str, _matching(r"^[a-z0-9_][a-z0-9_-]*(:[a-z0-9_][a-z0-9_-]*)?$", "user or user:group, such as 1000:1000"), TEXT
    ] = Field("1000:1000", description="User the container runs as.")
    readonly_root: Flag = Field(True, description="Root file system is read-only; only /tmp can be written.")
    tmp_mib: Annotated[int, Strict(), Field(ge=1, le=10240), VALUE] = Field(
        64, description="Size of /tmp in MiB, a part of the task's memory (with readonly_root)."
    )
    enable_execute_command: Flag = Field(False, description="Allow ECS Exec; needs readonly_root: false.")
    shells: Flag = Field(
        False,
        description="Allow `infragen shell` and `infragen tunnel`: a role and a log for tasks of their own. The API's "
        "own tasks get no further right and stay read-only.",
    )
    container_insights: Annotated[Literal["disabled", "enabled", "enhanced"], TEXT] = Field(
        "disabled", description="CloudWatch Container Insights."
    )
    tracing: Flag = Field(False, description="Run the ADOT collector beside the API and send traces to X-Ray.")
    collector_image: Annotated[
        str,
        _matching(r"^[a-z0-9./_-]+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", "an image with its tag or digest"),
        TEXT,
    ] = Field(
        "public.ecr.aws/aws-observability/aws-otel-collector:v0.50.0",
        description="Image of the ADOT collector, pinned.",
    )
    waf: Annotated[Waf | None, BeforeValidator(_waf)] = Field(
        None, description="Put AWS WAF with managed rules in front of the load balancer; {} takes it as it is."
    )
    access_logs_days: Annotated[int, Strict(), Field(ge=1, le=3650), VALUE] = Field(
        90, description="Days that load balancer access logs are kept."
    )
    deletion_protection: Flag = Field(False, description="The load balancer cannot be deleted while true.")
    alarms: ApiAlarms = Field(ApiAlarms(), description="Thresholds of the API's alarms.")


class Worker(Section):
    """One Lambda function that consumes one queue."""

    name: Name = Field(description="Name of the worker, unique in the environment.")
    queue: Name = Field(description="Queue it consumes.")
    runtime: Annotated[
        str, _matching(r"^(nodejs[0-9]+\.x|python3\.[0-9]+)$", "a Node.js or Python runtime such as nodejs24.x"), TEXT
    ] = Field("nodejs24.x", description="Lambda runtime.")
    handler: Annotated[
        str,
        _matching(r"^[A-Za-z0-9_./-]+\.[A-Za-z0-9_]+$", "module.function such as index.handler"),
        Field(max_length=128),
        TEXT,
    ] = Field("index.handler", description="Module and function.")
    architecture: Architecture = Field("arm64", description="CPU architecture.")
    memory: Annotated[int, Strict(), Field(ge=128, le=10240), VALUE] = Field(512, description="Memory in MB.")
    timeout: Annotated[int, Strict(), Field(ge=1, le=900), VALUE] = Field(60, description="Seconds one batch may take.")
    reserved_concurrency: Annotated[int, Strict(), Field(ge=2), VALUE] | None = Field(
        None, description="Executions reserved for, and the limit of, this function."
    )
    max_concurrency: Annotated[int, Strict(), Field(ge=2, le=1000), VALUE] | None = Field(
        None, description="Executions the queue may start at once; equals reserved_concurrency when absent."
    )
    batch_size: Annotated[int, Strict(), Field(ge=1, le=10000), VALUE] = Field(10, description="Messages in one batch.")
    batch_window: Annotated[int, Strict(), Field(ge=0, le=300), VALUE] | None = Field(
        None, description="Seconds to gather a batch; 5 when absent, none for a FIFO queue."
    )
    filter: tuple[Pattern, ...] = Field(
        (), max_length=10, description="Event filter patterns. Messages that match none are deleted, not kept."
    )
    db_pool_size: Annotated[int, Strict(), Field(ge=1, le=100), VALUE] = Field(
        2, description="Connections of one execution environment."
    )
    tracing: Flag = Field(True, description="Trace invocations with X-Ray.")
    environment: dict[Variable, VariableValue] = Field({}, description="Further environment variables.")
    secrets: dict[Variable, ReadParameter] = Field(
        {},
        max_length=25,
        description="Name -> ssm, or the ARN of an SSM parameter; the code finds them in SECRET_PARAMETERS and reads "
        "them at start.",
    )
    secret_arns: tuple[SecretArn, ...] = Field(
        (), max_length=50, description="Secrets the role may read; the code reads them at run time."
    )
    policies: Statements = Field(
        (), max_length=50, description="IAM statements: what the code may do beside what infragen lets it."
    )
    code: Text | None = Field(
        None, description="Directory or zip with the code, relative to the file that names it; a placeholder without."
    )
    exclude: tuple[CodePattern, ...] = Field(
        (), max_length=100, description="Files of the code directory to leave out: paths or names, with * and ?."
    )
    include: tuple[CodePattern, ...] = Field(
        (), max_length=100, description="Files of the code to upload although they look like secrets; as `exclude`."
    )

    @property
    def id(self) -> str:
        """Return prefix of logical ids and outputs."""
        return camel(self.name)

    @property
    def concurrency(self) -> int | None:
        """Return the event source's maximum concurrency in force, or None for no limit."""
        if self.max_concurrency is None and self.reserved_concurrency is not None:
            return min(self.reserved_concurrency, 1000)
        return self.max_concurrency


class Release(Section):
    """A command that runs as a task of its own with the new image before the api layer is deployed: migrations."""

    command: tuple[Argument, ...] = Field(
        min_length=1,
        max_length=100,
        description="Program and arguments, run as they are (no shell) instead of the image's command.",
    )
    timeout_minutes: Annotated[int, Strict(), Field(ge=1, le=240), VALUE] = Field(
        15, description="Minutes after which the task is stopped and the deployment fails."
    )
    cpu: Annotated[Literal[256, 512, 1024, 2048, 4096, 8192, 16384], WHOLE] | None = Field(
        None, description="CPU units of the task; those of the API when absent."
    )
    memory: Annotated[int, Strict(), Field(ge=512, le=122880), VALUE] | None = Field(
        None, description="Memory of the task in MiB; that of the API when absent."
    )

    @property
    def seconds(self) -> int:
        """Return the time limit in seconds."""
        return self.timeout_minutes * 60


class Alarms(Section):
    """Alarm recipients."""

    emails: tuple[Email, ...] = Field(
        (), max_length=50, description="Addresses; each reader confirms the subscription."
    )


class Expected(Section):
    """The load that is expected, per month: what an estimate of costs starts from."""

    acu: Annotated[float, Strict(), Field(ge=0), VALUE] | None = Field(None, description="Average ACU per instance.")
    tasks: Annotated[float, Strict(), Field(ge=0), VALUE] | None = Field(None, description="Average running tasks.")
    requests_millions: Annotated[float, Strict(), Field(ge=0), VALUE] = Field(1, description="Requests in millions.")
    messages_millions: Annotated[float, Strict(), Field(ge=0), VALUE] = Field(
        1, description="Messages through each queue, in millions."
    )
    nat_gb: Annotated[float, Strict(), Field(ge=0), VALUE] = Field(10, description="GB through NAT.")
    egress_gb: Annotated[float, Strict(), Field(ge=0), VALUE] = Field(10, description="GB to the internet.")
    storage_gb: Annotated[float, Strict(), Field(ge=0), VALUE] = Field(10, description="GB in the database.")
    io_millions: Annotated[float, Strict(), Field(ge=0), VALUE] = Field(
        10, description="Database I/O requests in millions."
    )
    log_gb: Annotated[float, Strict(), Field(ge=0), VALUE] = Field(
        5, description="GB of logs, beside those of the workers, which follow their messages."
    )


class Cost(Section):
    """Cost assumptions."""

    prices: Text | None = Field(
        None, description="Price file that stands over infragen's own table, relative to the file that names it."
    )
    expected: Expected = Field(Expected(), description="The expected load.")
    budget: Annotated[float, Strict(), Field(gt=0), VALUE] | None = Field(
        None, description="USD a month that a deployment may not raise the estimate above; no limit when absent."
    )


Kind = Literal["development", "staging", "production"]
KIND_OF_NAME: dict[str, Kind] = {"staging": "staging", "prod": "production", "production": "production"}
"""The kind of an environment that does not write it, by its name; development by any other name."""


SHARED = "shared"
"""Value of `artifact_bucket`, and the name of what stands for all environments that share one: nothing is deployed
under it but their bucket."""


class Environment(Section):
    """One environment file, complete: everything that the templates are made of."""

    own_layers: ClassVar[Any] = None
    """Of a project with layers of its own, which has a subclass: those layers, whose sections it holds beside ours
    (`own_section.compose`). So an environment and the layers that read it cannot be parted."""

    project: ProjectName = Field(description="Name of the project; the first part of every name.")
    environment: EnvironmentName = Field(description="Name of the environment; equals the file's name.")
    region: Region = Field(description="AWS region; the only place the region is taken from.")
    account: Account | None = Field(
        None,
        description="AWS account id. Commands that talk to AWS need it and check it before anything is written.",
    )
    topology: Annotated[Literal["nested", "independent"], TEXT] = Field(
        "nested", description="One root stack with nested stacks, or one stack per layer."
    )
    kind: Annotated[Kind, TEXT] | None = Field(
        None,
        description="What the environment is for, which decides the rules that hold (see the rules between keys): none "
        "more for development, TLS for staging, all of them for production. When absent, the name decides: staging is "
        "staging, prod and production are production, any other name is development.",
    )
    artifact_bucket: Annotated[Literal["own", "shared"], TEXT] = Field(
        "own",
        description="Where its templates and worker code lie: in a bucket of its own, or in the one that environments "
        "of kind development share in a region, each below its own name.",
    )
    tags: dict[TagKey, TagValue] = Field({}, max_length=40, description="Tags of all stacks and their resources.")
    protect: Flag | None = Field(
        None, description="Stack policy and termination protection; true for kind production when absent."
    )
    iam: Iam = Field(Iam(), description="Rules for all roles.")
    stacks: Stacks = Field(Stacks(), description="What CloudFormation does with stacks when an operation goes wrong.")
    network: Network | None = Field(None, description="VPC, subnets, NAT, security groups.")
    database: Database | None = Field(None, description="Aurora PostgreSQL Serverless v2.")
    queues: Annotated[tuple[Queue, ...], OFF] = Field(
        (),
        description=f"SQS queues, each with a dead-letter queue; at most {QUEUES} fit into one environment.",
        json_schema_extra={"maxItems": QUEUES},
    )
    api: Api | None = Field(None, description="The Express API on Fargate.")
    workers: Annotated[tuple[Worker, ...], OFF] = Field(
        (), description=f"Lambda workers: one per queue, so at most {QUEUES}.", json_schema_extra={"maxItems": QUEUES}
    )
    release: Release | None = Field(
        None, description="Command that runs with a new image before the API is deployed, such as migrations."
    )
    alarms: Alarms = Field(Alarms(), description="Alarm recipients.")
    cost: Cost = Field(Cost(), description="Cost assumptions.")

    @property
    def kind_in_force(self) -> Kind:
        """Return what the environment is for: as written, else as its name says."""
        return self.kind or KIND_OF_NAME.get(self.environment, "development")

    @property
    def production(self) -> bool:
        """Return whether the rules for production hold."""
        return self.kind_in_force == "production"

    @property
    def protected(self) -> bool:
        """Return whether stacks get a stack policy and termination protection."""
        return self.production if self.protect is None else self.protect

    @property
    def observed(self) -> bool:
        """Return whether there is an observability layer, which has the service alarm."""
        return self.network is not None and bool(self.api or self.database or self.queues or self.workers)

    @property
    def rollback_alarms(self) -> tuple[str, ...]:
        """Return the rollback alarms in force: as written, else the service alarm in production."""
        if self.stacks.rollback_alarms is not None:
            return self.stacks.rollback_alarms
        return (SERVICE_ALARM,) if self.production and self.observed else ()

    @property
    def monitoring_minutes(self) -> int:
        """Return for how many minutes they are watched after an operation: without a word 5, CloudFormation's own
        figure for change sets (User Guide, "Roll back your CloudFormation stack on alarm breach with rollback
        triggers", read 2026-11-29).
        """
        if self.stacks.monitoring_minutes is not None:
            return self.stacks.monitoring_minutes
        return 5 if self.rollback_alarms else 0

    @property
    def development(self) -> bool:
        """Return whether this is development by its own word: its kind, or the name dev where no kind is written."""
        return self.environment == "dev" if self.kind is None else self.kind == "development"

    @property
    def throw_away(self) -> bool:
        """Return whether deleting the environment leaves nothing behind: development that nobody protects."""
        return self.development and not self.protected

    @property
    def database_deletion(self) -> Literal["delete", "snapshot"]:
        """Return what becomes of the data when the database's stack is deleted."""
        written = self.database.deletion if self.database else None
        return written or ("delete" if self.throw_away else "snapshot")

    @property
    def name(self) -> str:
        """Return `<project>-<environment>`: the prefix of every physical name."""
        return f"{self.project}-{self.environment}"

    @property
    def artifact_owner(self) -> "Environment":
        """Return the environment whose bucket holds the templates and the code: itself, or `shared`, which is the same
        whichever environment is asked.
        """
        if self.artifact_bucket != SHARED:
            return self
        return Environment(
            project=self.project, environment=SHARED, region=self.region, account=self.account, kind="development",
            artifact_bucket=SHARED,
        )  # fmt: skip

    @property
    def artifact_prefix(self) -> str:
        """Return what stands before the digest in the key of a template or of code: in a shared bucket the name."""
        return f"{self.name}/" if self.artifact_bucket == SHARED else ""

    @property
    def node_env(self) -> str:
        """Return NODE_ENV: libraries know no third value; DEPLOYMENT carries the environment's name.

        Without `kind` only `dev` is development: an environment of any other name runs the code as production does.
        """
        return "development" if self.development else "production"

    @property
    def log_retention_days(self) -> int:
        """Return the retention of every log group: the API's figure for all layers, so that there is one to change."""
        return self.api.log_retention_days if self.api else 30

    def queue(self, name: str) -> Queue:
        """Return the queue of that name; KeyError when there is none (the cross-field rules see to it)."""
        return next(q for q in self.queues if q.name == name)

    def parameter(self, variable: str) -> str:
        """Return the name of the SSM parameter that `ssm` means for a variable, as `infragen secrets` stores it."""
        return f"/{self.project}/{self.environment}/{variable}"

    @property
    def own_secrets(self) -> dict[str, tuple[str, ...]]:
        """Return which sections take each of the environment's own secrets: `api`, `worker NAME`."""
        found: dict[str, tuple[str, ...]] = {}
        takers = [("api", self.api.secrets)] if self.api else []
        takers += [(f"worker {each.name}", each.secrets) for each in self.workers]
        for taker, secrets in takers:
            for variable, value in secrets.items():
                if value == OWN_PARAMETER:
                    found[variable] = (*found.get(variable, ()), taker)
        return found

    def worker_of(self, queue: Queue) -> Worker | None:
        """Return the worker that consumes a queue."""
        return next((w for w in self.workers if w.queue == queue.name), None)

    def batch_window(self, worker: Worker) -> int:
        """Return seconds the event source gathers a batch; FIFO queues know none (Lambda Developer Guide, "Amazon
        SQS").
        """
        if worker.batch_window is not None:
            return worker.batch_window
        fifo = any(q.fifo for q in self.queues if q.name == worker.queue)
        return 0 if fifo else 5

    def age_alarm(self, queue: Queue) -> int:
        """Return the age in seconds at which the oldest message raises the alarm."""
        if queue.alarms.age_seconds is not None:
            return queue.alarms.age_seconds
        return min(900, self.visibility(queue) * 3 // 2) if self.worker_of(queue) else 900

    def minimum_visibility(self, queue: Queue) -> int:
        """Return six times the function's timeout plus the batch window (Lambda Developer Guide, "Configuring a
        queue").
        """
        worker = self.worker_of(queue)
        return max(30, 6 * worker.timeout + self.batch_window(worker)) if worker else 30

    def visibility(self, queue: Queue) -> int:
        """Return the visibility timeout in force, in seconds."""
        return queue.visibility_seconds if queue.visibility_seconds is not None else self.minimum_visibility(queue)
