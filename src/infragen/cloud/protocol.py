"""What the engine asks of AWS: one Protocol, in AWS's words, and the values that go in.

`aws` satisfies it without importing it. Every method is one thing to do, with all pages read and AWS's errors already
turned into `CloudError` (permanent) or `Unavailable` (try again). A stack is addressed by its ARN after the first
look-up, so that one deleted and recreated under the same name is never taken for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from infragen.cloud.cloudformation import (
    ChangeSet,
    ChangeSetSummary,
    DriftDetection,
    EventPage,
    ResourceDrift,
    RollbackConfiguration,
    StackResource,
    StackState,
)
from infragen.cloud.monitoring import Monitoring
from infragen.cloud.workload import Parameters, Queues, Rotations, StoredParameter, Workload
from infragen.secrecy.visible import NOTHING, Shown

UNREADABLE = ("TemplateURL must reference a valid S3 object", "S3 error: Access Denied")
"""What CloudFormation says when it cannot read a template: of a request, and of a nested stack."""


def unreadable_hint(role: str) -> str:
    """Return what to type where CloudFormation cannot read a template; `role` is the ARN of the service role, or empty.

    With a service role it is the role that reads what is nested (User Guide, "CloudFormation service role").
    """
    who = f"the service role {role}: it needs" if role else "the rights of who deploys: these need"
    return (
        f"CloudFormation reads templates with {who} s3:GetObject on the bucket, kms:Decrypt where the bucket has a key "
        "of its own, and no policy or VPC endpoint that keeps CloudFormation out"
    )


@dataclass(frozen=True)
class Identity:
    """Who and where we are: the caller's account and ARN, the partition (aws, aws-cn, ...) and the region in use."""

    account: str
    arn: str
    partition: str
    region: str


@dataclass(frozen=True)
class PreviousValue:
    """A parameter that keeps the value the stack has."""


@dataclass(frozen=True)
class ResourceToImport:
    """A resource that exists, and that a stack takes over: its logical id in the template, its type, and the properties
    by which CloudFormation finds it, with their values.
    """

    logical_id: str
    type: str
    identifier: Mapping[str, str]


@dataclass(frozen=True)
class ChangeSetRequest:
    """The ingredients of CreateChangeSet.

    `kind` is CREATE, UPDATE or IMPORT, which takes `imports` and neither tags nor a role; the template is given by
    `body` or by `url`. `on_failure` is OnStackFailure (DO_NOTHING, DELETE, or empty for its default), which is about
    first creations only. `nested` asks for change sets of nested stacks too. `role` is the ARN of the role with which
    CloudFormation works. `rollback` and `notifications` replace those of the stack; with None it keeps what it has.
    With `revert_drift` the change set is a drift-aware one of the template that the stack has, and `body` and `url` are
    empty.
    """

    stack: str
    name: str
    kind: str
    parameters: Mapping[str, str | PreviousValue]
    tags: Mapping[str, str]
    capabilities: tuple[str, ...]
    body: str = ""
    url: str = ""
    nested: bool = False
    on_failure: str = ""
    description: Shown = NOTHING
    role: str = ""
    imports: tuple[ResourceToImport, ...] = ()
    rollback: RollbackConfiguration | None = None
    notifications: tuple[str, ...] | None = None
    revert_drift: bool = False


@dataclass(frozen=True)
class AlarmState:
    """An alarm of CloudWatch: OK, ALARM or INSUFFICIENT_DATA, since when, and its type in CloudFormation's words."""

    name: str
    type: str
    state: str
    since: datetime | None = None


@dataclass(frozen=True)
class ConcurrencyLimit:
    """Lambda's concurrency in this account and region: the limit, and what no function has reserved."""

    total: int
    unreserved: int


@dataclass(frozen=True)
class StoppedContainer:
    """A container of a task that stopped. `exit_code` is None for one that never ran; `reason` is the runtime's."""

    name: str
    exit_code: int | None = None
    reason: Shown = NOTHING


@dataclass(frozen=True)
class StoppedTask:
    """An ECS task that stopped: which task definition it ran, by ARN, when and why (AWS's clock and words)."""

    arn: str
    task_definition: str
    reason: Shown = NOTHING
    stopped: datetime | None = None
    containers: tuple[StoppedContainer, ...] = ()
    stop_code: str = ""


@dataclass(frozen=True)
class RunningService:
    """What ECS runs for a service: the ARN of its task definition, empty when ECS does not tell, and how many tasks it
    wants; None likewise.
    """

    task_definition: str = ""
    desired: int | None = None


@dataclass(frozen=True)
class TaskContainer:
    """A container of a task definition: its image, and where the awslogs driver writes; empty for other drivers."""

    name: str
    image: str = ""
    log_group: str = ""
    log_prefix: str = ""


@dataclass(frozen=True)
class DeniedCall:
    """A call of CloudTrail's event history that AWS denied: when, which (`s3:PutObject`), whose, and AWS's words."""

    time: datetime | None
    call: Shown
    caller: Shown
    words: Shown


@dataclass(frozen=True)
class RegistryImage:
    """An image of a repository. `platforms` are those that it runs on, as `linux/arm64`; `unusable` is why ECR does not
    hand it out, or empty.
    """

    platforms: tuple[str, ...] = ()
    unusable: Shown = NOTHING


@dataclass(frozen=True)
class ImageManifest:
    """The manifest of an image, or of an index of images, as the registry has it: byte for byte, for its digest."""

    text: str
    media_type: str
    digest: str


class ImageRegistry(Protocol):
    """The images of one account and region, for copying them to another."""

    def account(self) -> str:
        """Return the account of the credentials."""

    def manifest(self, repository: str, *, tag: str = "", digest: str = "") -> ImageManifest | None:
        """Return a manifest by tag or digest; None where the repository, or the image in it, does not exist."""

    def missing_layers(self, repository: str, digests: tuple[str, ...]) -> frozenset[str]:
        """Return those of the layers that a repository lacks."""

    def copy_layer(self, source: Any, places: tuple[str, str], digest: str, size: int) -> None:
        """Copy a layer from another registry of the same kind; `places` are its repository there and here."""

    def put(self, repository: str, manifest: ImageManifest, tag: str = "") -> None:
        """Put a manifest as it is. Raises Conflict for a tag that has another image."""


@dataclass(frozen=True)
class ImageTags:
    """The tags of a repository, newest push first; `exists` says whether the repository is there."""

    exists: bool
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Certificate:
    """A certificate of ACM: its status in AWS's words, the names it covers, and when it expires."""

    status: str
    names: tuple[str, ...]
    expires: datetime | None = None
    reason: Shown = NOTHING


@dataclass(frozen=True)
class HostedZone:
    """A hosted zone: its name without the dot at the end, whether it is private, and its name servers."""

    name: str
    private: bool
    name_servers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Delegation:
    """The name servers that a zone's parent names for it; none where it does not delegate it. `source` is who says
    so.
    """

    source: str
    name_servers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Vpc:
    """A VPC: whether its instances resolve names, and whether they get names themselves."""

    dns_support: bool
    dns_hostnames: bool


@dataclass(frozen=True)
class Subnet:
    """A subnet: its VPC, its availability zone, and how many of its addresses are free."""

    vpc_id: str
    zone: str
    free_addresses: int


@dataclass(frozen=True)
class VpcEndpoint:
    """An endpoint of a VPC: the service (`com.amazonaws.eu-west-1.s3`), Gateway or Interface, and whether the service's
    own name leads to it.
    """

    service: str
    kind: str
    private_dns: bool = False


@dataclass(frozen=True)
class ClusterParameter:
    """A cluster parameter of RDS: what it takes, in RDS's words (empty where RDS does not say), and whether it can be
    changed.
    """

    allowed: Shown
    modifiable: bool


@dataclass(frozen=True)
class Quota:
    """A service quota of the account. `usage` is what is used now where AWS counts it, else None."""

    value: float
    usage: float | None = None


@dataclass(frozen=True)
class LogEvent:
    """A line of a log. `time` is the application's clock, in seconds since 1970; `text` is the line with its secrets
    hidden, and `fields` what it holds when it is a JSON object, secrets hidden likewise; None for any other text.
    """

    id: str
    time: float
    stream: str
    text: Shown
    fields: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class StoredObject:
    """An object of a bucket: its key, and how many days ago it was written."""

    key: str
    days: float


@dataclass(frozen=True)
class LogEvents:
    """Lines of one log group, oldest first; not `complete` where there are more than are read at once."""

    events: tuple[LogEvent, ...] = ()
    complete: bool = True
    exists: bool = True


class AccountReader(Protocol):
    """What checks ask of the account before anything is made. Nothing here changes anything, and no value of a secret
    is read. Raises PermissionDenied, which names the permission, for a call that is denied.
    """

    def image(self, repository: str, tag: str) -> RegistryImage | None:
        """Return an image by its tag; None where the repository, or the tag in it, does not exist."""

    def image_tags(self, repository: str) -> ImageTags:
        """Return the tags of a repository."""

    def certificate(self, arn: str) -> Certificate | None:
        """Return a certificate of this region; None when ACM does not know it."""

    def hosted_zone(self, zone_id: str) -> HostedZone | None:
        """Return a hosted zone; None when Route 53 does not know it."""

    def delegation(self, zone: str) -> Delegation | None:
        """Return what a parent zone or a registration of this account says of a public zone; None where neither is
        here.
        """

    def orderable_zones(self, engine: str, version: str, instance_class: str) -> tuple[str, ...]:
        """Return the availability zones in which RDS offers an engine version with an instance class."""

    def cluster_parameters(self, family: str) -> Mapping[str, ClusterParameter]:
        """Return the cluster parameters that RDS has in a parameter group family, by name."""

    def availability_zones(self) -> tuple[str, ...]:
        """Return the names of the account's availability zones, in the order of Fn::GetAZs."""

    def quota(self, service: str, code: str) -> Quota:
        """Return a quota as it applies to the account, with its usage where AWS/Usage has a metric for it."""

    def in_use(self, kind: str) -> int:
        """Return how many VPCs, addresses or internet gateways there are in the region: `vpc`, `eip`, `igw`."""

    def vpc(self, vpc_id: str) -> Vpc | None:
        """Return a VPC of this region; None when EC2 does not know it."""

    def subnets(self, ids: Sequence[str]) -> Mapping[str, Subnet]:
        """Return those of these subnets that there are, by id."""

    def default_routes(self, vpc_id: str) -> Mapping[str, str]:
        """Return where the IPv4 default route of each subnet of a VPC leads, as the id of its target (`igw-…`); empty
        where there is none. The key `` is the main route table, which every other subnet has.
        """

    def vpc_endpoints(self, vpc_id: str) -> tuple[VpcEndpoint, ...]:
        """Return the endpoints of a VPC that work or are being created."""

    def endpoint_services(self, names: Sequence[str]) -> Mapping[str, Mapping[str, frozenset[str]]]:
        """Return those of these endpoint services that AWS offers in the region, by name: the kinds of endpoint
        (`Gateway`, `Interface`), each with the names of its availability zones.
        """

    def nat_gateways(self) -> Mapping[str, int]:
        """Return how many NAT gateways there are, by availability zone."""

    def lambda_concurrency(self) -> ConcurrencyLimit:
        """Return Lambda's account limit."""

    def role_exists(self, name: str) -> bool:
        """Return whether there is an IAM role of this name."""

    def taken(self, kind: str, names: tuple[str, ...]) -> Mapping[str, str] | None:
        """Return which of these physical names of a resource type are in use, each with what is there; None for a type
        of which nobody knows how to ask.
        """

    def resource_properties(self, resource_type: str, identifier: str) -> Mapping[str, Any] | None:
        """Return the properties of a resource as it is, in the words of its type's schema; None where there is none.

        What a service does not give back, such as a password, is not among them.
        """

    def alarm_states(self, names: tuple[str, ...]) -> Mapping[str, AlarmState]:
        """Return those of these alarms that there are, metric and composite ones, by name."""

    def identity_providers(self) -> tuple[str, ...]:
        """Return the ARNs of the account's OpenID Connect identity providers."""

    def secret(self, arn: str) -> str:
        """Return how a secret stands: `there`, `missing`, or `deleted` while it can still be restored."""

    def parameter_exists(self, name: str) -> bool:
        """Return whether there is an SSM parameter of this name."""

    def parameters(self, begins: str) -> tuple[StoredParameter, ...]:
        """Return the SSM parameters whose names begin so, without their values, by name."""

    def key_state(self, key: str) -> str:
        """Return the state of a KMS key in its own word, such as Enabled or PendingDeletion; empty where KMS does not
        say, `gone` where it does not know the key.
        """

    def aws_time(self) -> float:
        """Return the time of AWS's answer to a call that is made for it, in seconds since 1970."""


class Cloud(AccountReader, Workload, Queues, Monitoring, Rotations, Parameters, Protocol):
    """AWS, as far as the engine needs it."""

    def reconnect(self) -> None:
        """Forget credentials and connections, so that the next call finds a new login."""

    def expires_within(self, seconds: float) -> bool:
        """Return whether the credentials in use are known to end so soon."""

    def identity(self) -> Identity:
        """Return who we are. Raises CloudError when there are no usable credentials."""

    @property
    def custom_endpoint(self) -> bool:
        """Return whether CloudFormation is asked at an endpoint of one's own instead of AWS."""

    def stacks(self, prefix: str) -> tuple[StackState, ...]:
        """Return all stacks that exist and whose name begins so, nested ones included."""

    def stack(self, name_or_id: str) -> StackState | None:
        """Return one stack; None when CloudFormation does not know it. By ARN also after its deletion."""

    def deleted_stacks(self, prefix: str) -> tuple[tuple[str, str], ...]:
        """Return the name and the ARN of each stack with this prefix that was deleted in the last 90 days, newest
        first.
        """

    def template(self, stack_id: str, change_set_id: str = "") -> str:
        """Return the stack's template as it was given, or that of a change set."""

    def resources(self, stack_id: str) -> tuple[StackResource, ...]:
        """Return the stack's resources."""

    def events(self, stack_id: str, next_token: str = "") -> EventPage:
        """Return one page of events, newest first."""

    def create_change_set(self, request: ChangeSetRequest) -> tuple[str, str]:
        """Begin a change set; gives its ARN and its stack's. A retry with the same name makes no second one."""

    def change_set(self, change_set_id: str, stack_id: str) -> ChangeSet | None:
        """Return a change set with all its rows, described with and without values and merged; None when it is gone.

        The stack is named in each call about a change set, because a policy for the stack says nothing of the ARN of a
        change set alone. It is empty where nobody knows it: some engines do not say in which stack a nested set is.
        """

    def change_set_description(self, change_set_id: str, stack_id: str) -> str:
        """Return the description of a change set, also of an executed one; empty without one, and when it is gone."""

    def failed_checks(self, change_set_id: str) -> tuple[Shown, ...]:
        """Return what AWS's early validation or a hook found wrong with a failed change set, one text each."""

    def hook_checks(self, result_id: str) -> tuple[Shown, ...]:
        """Return the checks of a hook that failed, with what would help; the hook's own words where it names none."""

    def change_sets(self, stack_id: str) -> tuple[ChangeSetSummary, ...]:
        """Return the change sets of a stack."""

    def delete_change_set(self, change_set_id: str, stack_id: str) -> None:
        """Begin to delete a change set and those of its nested stacks; one that is gone is no error. Raises Conflict
        while AWS works on it.
        """

    def execute_change_set(
        self, change_set_id: str, stack_id: str, token: str, keep: bool = False, retain_except_on_create: bool = False
    ) -> None:
        """Begin the operation; `token` marks its events and makes a retry harmless, `keep` forgoes the rollback, and
        `retain_except_on_create` lets a rollback delete what it created although a deletion policy retains it.
        """

    def delete_stack(self, stack_id: str, token: str, retain: tuple[str, ...] = (), role: str = "") -> None:
        """Begin to delete a stack, with `role` when given; `retain` keeps resources of one that is DELETE_FAILED."""

    def continue_rollback(self, stack_id: str, token: str, skip: tuple[str, ...], role: str = "") -> None:
        """Continue with the rollback of a failed update, with `role` when given; `skip` skips resources (nested:
        "StackName.LogicalId").
        """

    def roll_back(self, stack_id: str, token: str, role: str = "") -> None:
        """Roll back an operation that failed with rollback switched off, with `role` when given."""

    def cancel_update(self, stack_id: str, token: str = "") -> None:
        """End an update that runs, and rolls it back."""

    def importers(self, export: str) -> tuple[str, ...]:
        """Return the names of the stacks that import an exported output."""

    def protect_stack(self, stack_id: str, enabled: bool) -> None:
        """Set termination protection."""

    def stack_policy(self, stack_id: str) -> str:
        """Return the stack policy as JSON text; empty when there is none."""

    def set_stack_policy(self, stack_id: str, policy: str) -> None:
        """Set the stack policy, JSON text."""

    def detect_drift(self, stack_id: str) -> str:
        """Begin a detection of drift and gives its id; empty while another one runs on the stack."""

    def drift_detection(self, detection_id: str) -> DriftDetection:
        """Return how a detection of drift stands."""

    def resource_drifts(self, stack_id: str) -> tuple[ResourceDrift, ...]:
        """Return the resources of a stack that were checked for drift, as the last check found them; secrets are
        masked.
        """

    def check_bucket(self, bucket: str, prefix: str = "") -> None:
        """Raise CloudError when the artifact bucket is missing, in another region or not ours to use; with `prefix`
        where only keys that begin with it are ours to list.
        """

    def upload(self, bucket: str, key: str, body: bytes) -> bool:
        """Put an object under its digest key unless it is there; says whether it was missing."""

    def download(self, bucket: str, key: str) -> bytes | None:
        """Return an object of the bucket; None where the bucket, or the object in it, does not exist."""

    def objects(self, bucket: str, prefix: str) -> tuple[StoredObject, ...]:
        """Return the objects of the artifact bucket whose keys begin with `prefix`."""

    def delete_object(self, bucket: str, key: str) -> None:
        """Delete an object of the artifact bucket, which keeps it as an old version; one that is gone is no error."""

    def template_url(self, bucket: str, key: str) -> str:
        """Return the URL by which CloudFormation reads a template of the bucket."""

    def create_service_linked_role(self, service: str) -> None:
        """Create the service-linked role of a service, such as ecs.amazonaws.com; one that exists is no error."""

    def service_events(
        self, service_arn: str, since: datetime | None = None
    ) -> tuple[tuple[datetime | None, Shown], ...]:
        """Return what ECS says of a service, newest first: when, and a sentence; nothing older than `since`."""

    def stopped_tasks(self, service_arn: str) -> tuple[StoppedTask, ...]:
        """Return the tasks of a service that stopped, of every task definition; ECS remembers them for
        about an hour.
        """

    def task_containers(self, task_definition: str) -> tuple[TaskContainer, ...]:
        """Return the containers of a task definition."""

    def unhealthy_targets(self, service_arn: str) -> tuple[Shown, ...]:
        """Return what load balancers say of a service's targets that are not healthy, one text each."""

    def log_lines(
        self, group: str, stream: str, count: int, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[Shown, ...]:
        """Return the last lines of a log stream in a span of time, oldest first, secrets masked; none where there is no
        such stream.
        """

    def log_events(self, group: str, start: float, end: float | None = None, pattern: str = "") -> LogEvents:
        """Return the lines of a log group from `start` to `end`, in seconds since 1970, that match a filter pattern of
        CloudWatch Logs.
        """

    def function_log(self, function: str, group: str = "") -> tuple[str, ...]:
        """Return the log group of a Lambda function and its newest streams, the newest first; none where it never
        wrote. `group` is that of a function that is gone, where it is known.
        """

    def denied_calls(self, since: datetime, until: datetime, count: int) -> tuple[DeniedCall, ...]:
        """Return the calls that AWS denied in a span of time, by CloudTrail's event history, newest first."""

    def running_service(self, service_arn: str) -> RunningService:
        """Return what ECS runs for a service."""

    def deletion_protection(self, resource: StackResource) -> bool:
        """Return whether a database, load balancer or table has deletion protection."""

    def lift_deletion_protection(self, resource: StackResource) -> None:
        """Switch the deletion protection of a database, load balancer or table off."""

    def contents(self, resource: StackResource) -> int:
        """Return how much a bucket (object versions) or repository (images) holds; counted to a thousand at most."""

    def snapshots(self, resource: StackResource) -> tuple[str, ...]:
        """Return the ids of the snapshots of a database that were not made automatically, of one that is gone
        too; none of another type.
        """

    def delete_objects(self, bucket: str, prefix: str = "") -> bool:
        """Delete some of a bucket's objects, those whose keys begin with `prefix`, with all their versions; says
        whether there were any.
        """

    def network_interfaces(self, resource: StackResource) -> tuple[str, ...]:
        """Return the network interfaces that hold a subnet, VPC or security group: their ids, and what each is for."""
