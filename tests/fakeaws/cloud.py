"""The state of the fake: stacks, change sets, names in use; where a status changes and its event is written.

Every status change is checked against the table of legal transitions; what breaks it is kept in `violations` for the
invariant checker.
"""

from __future__ import annotations

import copy
import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fakeaws.clock import Clock
from fakeaws.model import ChangeSet, Event, Message, Resource, Stack, Target
from fakeaws.protocol import ApiError, validation_error
from fakeaws.s3 import Buckets
from fakeaws.script import Script
from fakeaws.templates import KNOWN_AFTER_APPLY, NESTED, Scope

SETTLED_GOOD = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
}
# "View stack information / stack status codes" and the diagrams of "Understand CloudFormation stack creation events"
TRANSITIONS: dict[str, set[str]] = {
    "": {"REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS"},
    "REVIEW_IN_PROGRESS": {"CREATE_IN_PROGRESS", "IMPORT_IN_PROGRESS", "DELETE_IN_PROGRESS"},
    "IMPORT_IN_PROGRESS": {"IMPORT_COMPLETE", "IMPORT_ROLLBACK_IN_PROGRESS"},
    "IMPORT_ROLLBACK_IN_PROGRESS": {"IMPORT_ROLLBACK_COMPLETE"},
    "CREATE_IN_PROGRESS": {"CREATE_COMPLETE", "CREATE_FAILED", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"},
    "CREATE_FAILED": {"ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS", "UPDATE_IN_PROGRESS"},
    "CREATE_COMPLETE": {"UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS", "DELETE_IN_PROGRESS"},
    "ROLLBACK_IN_PROGRESS": {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"},
    "ROLLBACK_COMPLETE": {"DELETE_IN_PROGRESS"},
    "ROLLBACK_FAILED": {"DELETE_IN_PROGRESS"},
    "UPDATE_IN_PROGRESS": {
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_COMPLETE",
        "UPDATE_FAILED",
        "UPDATE_ROLLBACK_IN_PROGRESS",
    },
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": {"UPDATE_COMPLETE", "UPDATE_ROLLBACK_IN_PROGRESS"},
    "UPDATE_COMPLETE": {"UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS", "DELETE_IN_PROGRESS"},
    "UPDATE_FAILED": {"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"},
    "UPDATE_ROLLBACK_IN_PROGRESS": {"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"},
    "IMPORT_COMPLETE": {"UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS", "DELETE_IN_PROGRESS"},
    "IMPORT_ROLLBACK_COMPLETE": {"UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS", "DELETE_IN_PROGRESS"},
    "UPDATE_ROLLBACK_FAILED": {"UPDATE_ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"},
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": {"UPDATE_ROLLBACK_COMPLETE"},
    "UPDATE_ROLLBACK_COMPLETE": {"UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS", "DELETE_IN_PROGRESS"},
    "DELETE_IN_PROGRESS": {"DELETE_COMPLETE", "DELETE_FAILED"},
    "DELETE_FAILED": {"DELETE_IN_PROGRESS"},
    "DELETE_COMPLETE": set(),
}


@dataclass(frozen=True)
class ExistingVpc:
    """A VPC that was there before: `subnets` by id with zone and free addresses, `routes` by subnet ("" for the main
    table) with the target of the default route, `endpoints` as service, kind and private DNS.
    """

    dns_support: bool = True
    dns_hostnames: bool = True
    subnets: dict[str, tuple[str, int]] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=lambda: {"": ""})
    endpoints: tuple[tuple[str, str, bool], ...] = ()


@dataclass(frozen=True)
class StoppedTask:
    """How a task of a service ended: ECS's reason and stop code, its containers as DescribeTasks has them, and how many
    seconds after the service was given its task definition.
    """

    reason: str
    containers: tuple[dict[str, Any], ...] = ()
    stop_code: str = "EssentialContainerExited"
    after: float = 5.0


@dataclass
class OneOffScript:
    """What a task of RunTask does: how long it runs, what it writes, how it ends (no exit code: it never ran), and the
    failures with which ECS does not place the next ones.
    """

    seconds: float = 10.0
    lines: list[str] = field(default_factory=lambda: ["applied 0001_notifications"])
    exit_code: int | None = 0
    stop_code: str = "EssentialContainerExited"
    reason: str = "Essential container in task exited"
    failures: list[str] = field(default_factory=list)
    agent_seconds: float | None = 8.0
    """Seconds after its start at which the agent of ECS Exec runs in a task that has it; None: it never does."""


@dataclass
class RotationScript:
    """How rotations go (`fakeaws.rotation`): how long one takes, what its function says when it fails (one text for
    each try), to which log group, when secrets were changed last before, how long a forced deployment takes, and
    whether the circuit breaker ends it.
    """

    seconds: float = 20.0
    errors: list[str] = field(default_factory=list)
    log_group: str = ""
    changed: float = 1.0
    deployment: float = 60.0
    breaks: bool = False


@dataclass
class Settings:
    """How the cloud behaves where AWS's behaviour varies; a test changes what it is about. Times in virtual seconds."""

    account: str = "111122223333"
    arn: str = "arn:aws:sts::{account}:assumed-role/deployer/test"
    resource_seconds: float = 2.0
    type_seconds: dict[str, float] = field(default_factory=dict)
    change_set_seconds: float = 3.0
    describing_all_is_denied: bool = False
    """Whether DescribeStacks without a name is denied, as AWS advises: a policy, not AWS, decides."""
    templates_without_body: set[str] = field(default_factory=set)
    """Names of stacks of which GetTemplate gives no TemplateBody, which the API does not require."""
    rollback_deletes_what_never_was: bool = True
    """Whether RollbackStack deletes a stack that never was complete."""
    policy_while_running: bool = False
    """Whether SetStackPolicy is accepted while an operation runs."""
    deleted_by_hand: set[str] = field(default_factory=set)
    """Logical ids of databases and load balancers that are gone, though their stack has them."""
    change_set_hooks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Stack name -> results of hooks on its change sets (members of GetHookResult); one in FAIL mode fails the set."""
    beyond_ascii: bool = False
    """Whether GetTemplate, outputs and values of change sets give characters beyond ASCII back; AWS gives `?`."""
    change_set_delete_seconds: float = 20.0
    """How long the deletion of a change set with nested ones takes, and of any other if `plain_sets_linger`."""
    plain_sets_linger: bool = False
    review_delete_seconds: float = 4.0
    """How long the deletion of a stack in REVIEW_IN_PROGRESS takes."""
    review_shows_request: bool = False
    """Whether a stack in REVIEW_IN_PROGRESS shows the tags and parameters of its change set; on AWS it does not."""
    change_set_delete_fails: bool = False
    cleanup_seconds: float = 0.0
    stale_reads: int = 0
    child_events_carry_token: bool = True
    cancellation_has_own_token: bool = True
    """Whether the events after CancelUpdateStack carry its token, and not that of the update."""
    page_sizes: dict[str, int] = field(default_factory=dict)
    events_late_every: int = 0
    events_late_seconds: float = 0.0
    change_set_limit: int = 1000
    hide_from_property_values: set[str] = field(default_factory=set)
    additions_are_replacements: bool = False
    """Whether a change set with property values says Replacement True of what it adds, as AWS did until May 2025."""
    invalid_roles: set[str] = field(default_factory=set)
    early_validation: dict[str, tuple[str, str]] = field(default_factory=dict)
    fail_change_set: dict[str, str] = field(default_factory=dict)
    """Stack name -> the reason with which its change sets fail."""
    fail_nested_change_set: dict[str, str] = field(default_factory=dict)
    """Logical id of a nested stack -> the reason with which its change sets fail."""
    nested_placeholder: str = "intrinsic"
    """How a sibling's output reads in nested change sets: "intrinsic", "known after apply", or "resolved" where it does
    not change; this and what follows: `fakeaws.nested`."""
    nested_phantom_rows: bool = True
    """Whether a sibling's output is a placeholder also where nothing in the sibling changes."""
    nested_types_checked: bool = True
    nested_parameter_fails: str = "root"
    """Whose change set fails where a parameter is refused: "root" or "child"."""
    nested_exports_collide: bool = True
    nested_sibling_seconds: float = 5.0
    """How long the other nested change sets are in progress after one has failed."""
    ecs_events: dict[str, list[str]] = field(default_factory=dict)
    """Logical id of an ECS service -> what DescribeServices says happened to it, newest first."""
    ecr_images: dict[str, int] = field(default_factory=dict)
    """Logical id of a repository -> how many images it holds."""
    network_interfaces: dict[str, list[str]] = field(default_factory=dict)
    """Logical id of a security group, subnet or VPC -> the descriptions of the network interfaces that use it."""
    ecs_running: dict[str, str] = field(default_factory=dict)
    """Logical id of an ECS service -> the task definition that it runs instead of the stack's."""
    desired_tasks: dict[str, int] = field(default_factory=dict)
    """Logical id of an ECS service -> how many tasks it wants, where scaling set another count than the template."""
    ecs_history: dict[str, list[str]] = field(default_factory=dict)
    """Logical id of an ECS service -> what DescribeServices says happened to it a day ago, newest first."""
    running_tasks: dict[str, int] = field(default_factory=dict)
    """Logical id of an ECS service -> how many of the tasks that it wants run; without it all, each HEALTHY."""
    rollouts: dict[str, str] = field(default_factory=dict)
    """Logical id of an ECS service -> the rolloutState of its newest deployment; without it COMPLETED."""
    stop_codes: dict[str, str] = field(default_factory=dict)
    """Logical id of an ECS service -> the stopCode of its task in `stopped_tasks`."""
    metrics: dict[tuple[str, str], float] = field(default_factory=dict)
    """Name of a metric and the value of its first dimension -> its value in each of the last five minutes."""
    alarms_raised: dict[str, str] = field(default_factory=dict)
    """Logical id of an alarm -> why it is in ALARM, since an hour."""
    event_sources: dict[str, str] = field(default_factory=dict)
    """Logical id of an event source mapping -> its state, where somebody changed it."""
    queued: dict[str, int] = field(default_factory=dict)
    """Logical id of a queue -> how many messages wait in it."""
    rotations: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Logical id of a secret -> members of DescribeSecret instead of those of a secret that rotates well."""
    stopped_tasks: dict[str, str] = field(default_factory=dict)
    """Logical id of an ECS service -> why its task stopped."""
    stopped_containers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Logical id of an ECS service -> the containers of its stopped task, as DescribeTasks has them."""
    crashing: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    """Image -> the exit code of its container, and the lines that it writes: its tasks stop."""
    task_ends: dict[str, tuple[StoppedTask, ...]] = field(default_factory=dict)
    """Image -> how tasks of a task definition with it stopped, in no order that says anything."""
    one_off: OneOffScript = field(default_factory=OneOffScript)
    secret_values: dict[str, str] = field(default_factory=dict)
    """A part of a secret's ARN -> its value."""
    target_groups: dict[str, list[str]] = field(default_factory=dict)
    """Logical id of an ECS service -> the ARNs of its target groups."""
    target_health: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    """ARN of a target group -> its targets: id, state, description."""
    logs: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Log group and stream -> its lines."""
    log_times: dict[tuple[str, str], float] = field(default_factory=dict)
    """Log group and stream -> when its lines were written, in seconds since 1970; without it a moment ago."""
    log_events: list[tuple[str, str, int, str]] = field(default_factory=list)
    """Lines of logs that have a time: log group, stream, milliseconds since 1970, text."""
    denied: list[dict[str, Any]] = field(default_factory=list)
    """Events of CloudTrail, newest first: EventTime in seconds since 1970, and the record."""
    url: str = ""
    """Where the fake is served."""
    images: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    """Repository -> tag -> the platforms of its image, such as linux/arm64, or ("archived",); oldest first."""
    kept: dict[str, list[str]] = field(default_factory=dict)
    """Resource type -> physical names that are taken although no stack has them."""
    deleting_groups: set[str] = field(default_factory=set)
    """Schedule groups that are being deleted."""
    inactive_clusters: set[str] = field(default_factory=set)
    """ECS clusters that were deleted a while ago."""
    certificates: dict[str, dict[str, Any]] = field(default_factory=dict)
    """ARN -> members of ACM's certificate."""
    zones: dict[str, tuple[str, tuple[str, ...], bool]] = field(default_factory=dict)
    """Id of a hosted zone -> its name, its name servers, whether it is private."""
    delegated: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a zone -> the name servers that its parent's NS records say."""
    registered: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Registered domain -> the name servers of its registration."""
    quotas: dict[str, float] = field(default_factory=dict)
    """Code of a quota -> its value in this account; for any other it is the default."""
    vpcs: dict[str, ExistingVpc] = field(default_factory=dict)
    """Id of a VPC that no stack has -> what is in it."""
    endpoint_services: dict[str, str | None] = field(default_factory=dict)
    """Service without its prefix (`bedrock-runtime`) -> letters of the zones in which its VPC endpoints are offered;
    None: not in the region, as one that no table of the fake has. Any other: all three."""
    others: dict[str, int] = field(default_factory=dict)
    """Resource type -> how many there are beside those of stacks."""
    fargate_vcpus: float = 0.0
    """vCPUs of Fargate that run."""
    unreserved_concurrency: int = 1000
    """Concurrency of Lambda that no function has reserved, of 1000."""
    hidden_templates: frozenset[str] = frozenset()
    """Names of stacks whose GetTemplate is denied: a policy, not AWS, decides."""
    identity_providers: tuple[str, ...] = ()
    """ARNs of OpenID Connect providers that no stack made."""
    linked_roles: dict[str, str] = field(default_factory=lambda: {
        "ecs.amazonaws.com": "AWSServiceRoleForECS", "rds.amazonaws.com": "AWSServiceRoleForRDS",
        "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
        "ecs.application-autoscaling.amazonaws.com": "AWSServiceRoleForApplicationAutoScaling_ECSService",
    })  # fmt: skip
    """The service-linked roles that exist; a new account has none."""
    secrets: dict[str, bool] = field(default_factory=dict)
    """ARN or name of a secret -> whether it is deleted and can still be restored."""
    snapshots: dict[str, list[str]] = field(default_factory=dict)
    """Manual snapshots of database clusters that somebody made, by the cluster's id."""
    orderable: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Engine version -> letters of the zones in which db.serverless can be ordered; any other: all three."""
    cluster_parameters: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Cluster parameter -> what RDS says it takes, and whether it can be changed, over `protection.PARAMETERS`."""
    reads_per_second: float = float("inf")
    """CloudFormation reads beyond this rate (with a burst of ten) are throttled."""
    hooks: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Logical id -> type and reason of a hook that refuses to create or update the resource."""
    hook_annotations: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """Logical id -> what GetHookResult has of that hook beside its reason; an event has none of it."""
    warning_hooks: frozenset[str] = frozenset()
    """Logical ids whose hook is in mode WARN: it fails all the same and stops nothing (Hooks User Guide)."""
    late_events: dict[str, float] = field(default_factory=dict)
    """Resource status -> seconds by which its events become visible late."""
    ssm: dict[str, str] = field(default_factory=dict)
    key_states: dict[str, str] = field(default_factory=dict)
    """State of KMS keys by ARN, beside those of stacks."""
    macros: dict[str, Callable[[Any, Any, Any], Any]] = field(default_factory=dict)
    """Name of a macro of the account -> what it gives for a fragment, its parameters, and those of the template."""
    modules: dict[str, Callable[[str, Any], Any]] = field(default_factory=dict)
    """Type of a registered module -> the resources that it makes for a logical id and properties."""
    registered_types: tuple[str, ...] = ()
    """Types of third parties that are registered in the account, and types that cfn-lint's schemas do not know yet."""
    success_despite_failures: bool = False
    """Whether a creation ends CREATE_COMPLETE although a resource failed, as an engine that is not AWS did."""
    rollback_keeps_resources: bool = False
    """Whether ROLLBACK_COMPLETE leaves the resources where they are, as an engine that is not AWS did."""
    without_outputs: set[str] = field(default_factory=set)
    """Names of outputs that stacks do not get, although their templates declare them."""
    lists_deleted_stacks: bool = False
    """Whether DescribeStacks without a name lists deleted stacks, too, as an engine that is not AWS did."""
    alarms: dict[str, str] = field(default_factory=dict)
    """Name of an alarm that no stack has, or that is not OK -> its state."""
    alarm_rises: dict[str, float] = field(default_factory=dict)
    """Name of an alarm -> seconds after an operation's beginning at which it goes to ALARM."""
    topics_without_rights: set[str] = field(default_factory=set)
    """ARNs of SNS topics to which the caller may not publish."""
    rotation: RotationScript = field(default_factory=lambda: RotationScript())
    """How rotations and the deployments after them go."""
    drift_seconds: float = 30.0
    drift_unsupported: set[str] = field(default_factory=set)
    """Types beside nested stacks and custom resources that are not checked for drift."""
    knows_revert_drift: bool = True
    """Whether CreateChangeSet knows DeploymentMode; an older endpoint leaves the member out without a word."""
    drift_ignored: dict[str, dict[str, str]] = field(default_factory=dict)
    """Logical id -> top-level property -> why a drift-aware change set leaves its drift: MANAGED_BY_AWS, …."""
    drift_phantoms: dict[str, str] = field(default_factory=dict)
    """Logical id -> property that a drift-aware change set lists although nobody changed it."""
    drift_reverts_nothing: set[str] = field(default_factory=set)
    """Logical ids of resources whose provider says that it put a value back, and did not."""


class Cloud:
    """All accounts and regions of the fake."""

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self.clock = clock
        self.settings = Settings()
        self.script = Script()
        self.chance = random.Random(seed)  # noqa: S311 - ids, not secrets
        self.stacks: dict[str, Stack] = {}
        self.messages: dict[str, list[Message]] = {}
        self.moves: list[dict[str, Any]] = []
        self.change_sets: dict[str, ChangeSet] = {}
        self.buckets = Buckets()
        self.unmanaged: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        """What somebody made without a stack, by account, region, type and identifier: its properties."""
        self.registry: dict[tuple[str, str], Any] = {}
        """What was pushed to a repository, by account and name: its layers, manifests and tags (`ecr.Pushed`)."""
        self.operations: dict[str, Any] = {}
        """The newest Operation on each stack, by stack id: what a rollback goes on from."""
        self.names: dict[tuple[str, str, str, str], str] = {}
        self.transitions: list[tuple[float, str, str, str]] = []
        self.violations: list[str] = []
        self.one_offs: dict[tuple[str, str], Any] = {}
        """What RunTask started, by account and region (`fakeaws.one_off`)."""
        self.rotating: dict[str, Any] = {}
        """Secrets that rotated, by ARN (`fakeaws.rotation.Secret`)."""
        self.parameters: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        """SSM parameters that PutParameter stored, by account and region, then by name; without their values."""
        self.redeployed: dict[str, list[tuple[str, float]]] = {}
        """Service by ARN -> the deployments that UpdateService began: id and virtual time."""
        self._written = 0

    def hold(self, other: Cloud) -> None:
        """Have in all accounts a copy of what another cloud has, at its time; how this one behaves stays as it is.

        Nothing may be going on in the other.
        """
        assert not other.clock.busy
        own = ((other, self), (other.clock, self.clock), (other.settings, self.settings), (other.script, self.script))
        vars(self).update(copy.deepcopy(vars(other), {id(theirs): mine for theirs, mine in own}))
        self.clock.seconds = other.clock.seconds

    # --- identifiers ---------------------------------------------------------------------------------------------

    def uuid(self) -> str:
        """A random UUID, the same in every run."""
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def new_stack(self, name: str, account: str, region: str, target: Target, parent: Stack | None = None) -> Stack:
        """A stack that exists but has no status yet."""
        stack_id = f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{self.uuid()}"
        stack = Stack(stack_id, name, account, region, self.clock.now(), target, status="")
        if parent is not None:
            stack.parent_id, stack.root_id = parent.id, parent.root_id or parent.id
        self.stacks[stack_id] = stack
        return stack

    def find_stack(self, name_or_id: str, account: str, region: str) -> Stack | None:
        """A stack by name (a deleted one has none) or by id."""
        stack = self.stacks.get(name_or_id)
        if stack is not None:
            return stack if (stack.account, stack.region) == (account, region) else None
        for stack in self.stacks.values():
            same = (stack.name, stack.account, stack.region) == (name_or_id, account, region)
            if same and stack.status != "DELETE_COMPLETE":
                return stack
        return None

    def child(self, resource: Resource) -> Stack:
        """The stack behind a nested stack resource."""
        return self.stacks[resource.physical_id]

    def given_back(self, value: Any) -> Any:
        """A value as the API gives it back: every character beyond ASCII of its texts is a question mark."""
        if self.settings.beyond_ascii:
            return value
        if isinstance(value, str):
            return value.encode("ascii", "replace").decode()
        if isinstance(value, dict):
            return {self.given_back(key): self.given_back(each) for key, each in value.items()}
        return [self.given_back(each) for each in value] if isinstance(value, list) else value

    # --- values --------------------------------------------------------------------------------------------------

    def ssm(self, name: str) -> str:
        """The value of a public SSM parameter; an AMI unless the test set one."""
        if name == "/missing" or name.startswith("/missing/"):
            raise validation_error(f"Unable to fetch parameters [{name}] from parameter store for this account.")
        return self.settings.ssm.get(name, "ami-0123456789abcdef0")

    def scope(self, stack: Stack, target: Target, ref: Any, attribute: Any, warn: Any = None) -> Scope:
        """What the intrinsic functions of a stack's template are evaluated against.

        With `warn` an export that is missing is reported to it, and is known later; without it is an error.
        """
        pseudo = {
            "AWS::AccountId": stack.account,
            "AWS::Partition": "aws",
            "AWS::Region": stack.region,
            "AWS::StackId": stack.id,
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        parameters = {key: parameter.value for key, parameter in target.parameters.items()}
        if warn is None:
            return Scope(target.body, parameters, pseudo, ref, attribute, lambda name: self._import(stack, name))

        def import_later(name: str) -> str:
            try:
                return self._export(stack, name)
            except ApiError:
                warn(f"No export named {name}")
                return KNOWN_AFTER_APPLY

        return Scope(target.body, parameters, pseudo, ref, attribute, import_later, warn=warn)

    def _import(self, stack: Stack, name: str) -> str:
        value = self._export(stack, name)
        stack.imports.add(name)
        return value

    def _export(self, stack: Stack, name: str) -> str:
        for other in self.stacks.values():
            if (other.account, other.region) == (stack.account, stack.region) and name in other.exports:
                return other.exports[name]
        raise validation_error(f"No export named {name} found.")

    def overlaps(self) -> list[str]:
        """Breaches of "one operation per stack": an operation that began while another still ran."""
        problems, running = [], dict[str, str]()
        begins = {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}
        for time, stack_id, _, status in self.transitions:
            if status in begins and stack_id in running:
                problems.append(f"{stack_id}: {status} at {time} s while {running[stack_id]}")
            if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
                running[stack_id] = status
            else:
                running.pop(stack_id, None)
        return problems

    # --- statuses and events -------------------------------------------------------------------------------------

    def move(self, stack: Stack, status: str, reason: str = "", token: str | None = None) -> None:
        """Give a stack its next status, with the event that says so."""
        if status not in TRANSITIONS.get(stack.status, set()):
            self.violations.append(f"{stack.name}: {stack.status or 'nothing'} -> {status}")
        self.transitions.append((self.clock.seconds, stack.id, stack.status, status))
        stack.status, stack.reason = status, reason
        if status in ("DELETE_IN_PROGRESS", "DELETE_COMPLETE", "ROLLBACK_IN_PROGRESS"):
            stack.deleted = (
                self.clock.now()
            )  # recorded of what rolled a creation back, too (test_blocked_stack_deletion)
        self._write(stack, stack.name, stack.id, NESTED, status, reason, token, None)

    def record(
        self,
        stack: Stack,
        resource: Resource,
        status: str,
        reason: str,
        token: str | None,
        hook: tuple[str, str, str, str, str] | None = None,
    ) -> None:
        """Give a resource its next status, with the event that says so."""
        resource.status, resource.reason, resource.updated = status, reason, self.clock.now()
        self._write(
            stack,
            resource.logical_id,
            resource.physical_id,
            resource.type,
            status,
            reason,
            token,
            json.dumps(told) if (told := resource.wanted or resource.properties) else None,
            hook,
        )

    def _write(
        self,
        stack: Stack,
        logical_id: str,
        physical_id: str,
        kind: str,
        status: str,
        reason: str,
        token: str | None,
        properties: str | None,
        hook: tuple[str, str, str, str, str] | None = None,
    ) -> None:
        self._written += 1
        every = self.settings.events_late_every
        late = self.settings.events_late_seconds if every and self._written % every == 0 else 0.0
        late = max(late, self.settings.late_events.get(status, 0.0))
        stamp = self.clock.now()
        is_stack = physical_id == stack.id
        event_id = self.uuid() if is_stack else f"{logical_id}-{status}-{stamp:%Y-%m-%dT%H:%M:%S}.{self._written:06d}Z"
        stack.events.append(
            Event(
                id=event_id,
                operation_id=stack.operations[-1][1] if stack.operations else "",
                token=token,
                stack_id=stack.id,
                stack_name=stack.name,
                logical_id=logical_id,
                physical_id=physical_id,
                type=kind,
                timestamp=stamp,
                status=status,
                reason=reason,
                properties=properties,
                visible_at=self.clock.seconds + late,
                hook=hook,
            )
        )
