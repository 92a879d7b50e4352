"""A scripted fake of CloudFormation, STS and S3 for tests: a real HTTP server on loopback, virtual time, no AWS.

    with FakeAws() as aws:
        cloudformation = aws.client("cloudformation")       # a real boto3 client
        aws.fail("Db", after=30, reason="no capacity")      # what shall go wrong
        deploy(..., endpoint_url=aws.url, sleep=aws.clock.sleep, clock=aws.clock.monotonic)
        assert aws.mutations() == [...]
        aws.check()                                         # no illegal transition, no bug of the fake

What it does as AWS does is written down here, with the page of the AWS documentation that says so (API = CloudFormation
API Reference, UG = CloudFormation User Guide, read 2026-11). What no page says is marked "assumed". Answers of AWS that
were recorded are held by tests/conformance: all of its scenarios are played and agree. Macros: see `fakeaws.macros`.

Recorded behaviour (localstack/localstack, tests/aws/services/cloudformation; the date of the recording)
| behaviour                                                               | scenario                      | date       |
|-------------------------------------------------------------------------|-------------------------------|------------|
| ListChangeSets lists no executed set                                    | test_list_change_sets         | 2025-09-16 |
| an executed set is described after its stack is gone, its name is free  | test_name_conflicts           | 2023-11-22 |
| Details have a Path with property values only                           | test_change_set_ref.py        | 2025-04-08 |
| behind a parameter there is a second row, DirectModification, Dynamic   | test_change_set_parameters.py | 2025-04-17 |
| a parameter whose text stays (SSM) is no cause: DirectModification      | test_dynamic_resolving.py     | 2025-08-06 |
| CausingEntity of Fn::GetAtt is `Topic1.DisplayName`                     | test_change_set_fn_get_attr.py| 2025-04-08 |
| what refers to a replaced resource is Static, its value known later     | test_change_set_ref.py        | 2025-04-08 |
| an attribute of what changes in place is Dynamic, without values only   | test_change_set_fn_get_attr.py| 2025-04-08 |
| Fn::GetAtt of what changes in place is evaluated to the present value   | test_change_set_fn_get_attr.py| 2025-04-08 |
| a text with a part that is known later is known later as a whole        | test_change_set_fn_join.py    | 2025-05-05 |
| what is removed shows a value from another resource as known later      | test_stack_deletion_order     | 2025-08-01 |
| with values, what cannot be computed is a [WARN] in StatusReason        | test_change_set_fn_split.py   | 2025-06-02 |
| with values, an addition said Replacement True (until May 2025)         | test_change_set_mappings.py   | 2025-04-15 |
| LastUpdatedTime is there after a creation by change set                 | test_stack_lifecycle          | 2023-11-28 |
| a deleted stack has no ChangeSetId and no EnableTerminationProtection   | test_stack_lifecycle          | 2023-11-28 |
| a failed creation or deletion has a DeletionTime                        | test_blocked_stack_deletion   | 2023-09-06 |
| CreateStack takes over a stack in review, whose sets become OBSOLETE    | test_create_while_in_review   | 2023-11-22 |
| a set for a deleted stack is refused: "is in DELETE_COMPLETE state"     | test_changeset_for_deleted_…  | 2025-10-10 |
| an export that is missing fails at the execution, not in the set        | test_describe_change_set_imp… | 2025-08-05 |
| tags that a type has as a map are a property, their value JSON          | test_change_set_fn_transform… | 2025-06-03 |
| tags that a resource has of its own are a property, too                 | test_no_echo_parameter        | 2025-08-15 |
| a parameter in the Metadata of a resource is a cause of its change      | test_no_echo_parameter        | 2025-08-15 |
| a hook's event has the status of the resource, and its own beside it    | test_hook_deployment          | 2023-03-06 |
| an update with a role that nobody can assume is refused                 | test_update_with_role_witho…  | 2022-11-21 |

Reported behaviour
| behaviour                                                               | report                        | date       |
|-------------------------------------------------------------------------|-------------------------------|------------|
| with rollback disabled an update replaces nothing                       | aws/aws-sam-cli#4164          | 2022-08-29 |
| RollbackStack of a stack in EXPRESS mode is an error without a word     | aws/aws-cdk-cli#1739          | 2026-07-17 |
| an unchanged nested stack is listed, ChangeSource Automatic, no Tags    | API ResourceChangeDetail      | 2026-11    |
| the ARN of an ECS service names its cluster                             | ECS API, Service              | 2026-11    |

Nobody has recorded, so that nothing proves the fake right: change sets of nested stacks, OnStackFailure, client tokens
in events, UPDATE_ROLLBACK*, ContinueUpdateRollback, RollbackStack, and whether a set is listed while it is executed
(assumed: not). The product has to bear either way. What engines that are not AWS do instead has switches of its own:
`Settings.success_despite_failures`, `rollback_keeps_resources`, `without_outputs`, `lists_deleted_stacks`.

Stacks
- A stack is found by name while it exists, by id also when it is deleted (API DescribeStacks); else ValidationError
  "Stack with id … does not exist".
- DescribeStacks without a name needs cloudformation:ListStacks as well and may be denied by itself (API DescribeStacks;
  `Settings.describing_all_is_denied`).
- Statuses move only along the transitions of `cloud.TRANSITIONS` (UG "Stack status codes").
- A failed creation rolls back to ROLLBACK_COMPLETE, stays CREATE_FAILED (DisableRollback, OnStackFailure DO_NOTHING) or
  is deleted (DELETE) (API CreateChangeSet, ExecuteChangeSet; UG "Choose how to handle failures").
  OnStackFailure is about creations only and excludes DisableRollback (API CreateChangeSet).
- A failed update rolls back to UPDATE_ROLLBACK_COMPLETE, or stays UPDATE_FAILED when rollback is disabled; from there
  and from CREATE_FAILED an update needs rollback disabled again (UG "Choose how to handle failures").
- Replaced and removed resources are deleted only in the cleanup phase; a failure there leaves the stack UPDATE_COMPLETE
  with the reason "… could not be deleted" (UG "Stack status codes", UPDATE_COMPLETE_CLEANUP_IN_PROGRESS).
- A resource that fails cancels its running siblings, "Resource creation cancelled" (UG "Troubleshooting").
- UPDATE_ROLLBACK_FAILED goes on only with ContinueUpdateRollback on the root, skipping only resources in UPDATE_FAILED,
  nested ones as `Stack.LogicalId`, a nested stack itself only where it is deleted (API ContinueUpdateRollback, read
  2026-11-29; the words are assumed). RollbackStack works from CREATE_FAILED and
  UPDATE_FAILED; it deletes a stack that never was complete (API RollbackStack, "last known stable state", read
  2026-11-28; `Settings.rollback_deletes_what_never_was`, off: ROLLBACK_COMPLETE). SetStackPolicy is refused while an
  operation runs (the words are assumed; `Settings.policy_while_running`). CancelUpdateStack
  works in UPDATE_IN_PROGRESS only (API CancelUpdateStack); the events after it carry its token (public report
  glassechidna/stackit#26, 2019-05-09; `Settings.cancellation_has_own_token`).
- DeleteStack: RetainResources and FORCE_DELETE_STACK only from DELETE_FAILED; refused under termination protection and
  while an export is imported (API DeleteStack, UpdateTerminationProtection; UG "Get exported outputs").
- DeletionPolicy Retain and RetainExceptOnCreate, UpdateReplacePolicy (UG "DeletionPolicy attribute",
  "UpdateReplacePolicy attribute"). A resource's own deletion protection makes DELETE_FAILED.
- A stack policy refuses Update:Modify, Update:Replace, Update:Delete during the update (UG "Prevent updates to stack
  resources").
- Names given in a template are unique per type, account and region (S3: everywhere).
- Nested stacks: a child has ParentId and RootId, takes part in every update of its parent, and cleans up only when the
  whole tree has been updated (UG "Troubleshooting", "Nested stacks are stuck in …"). Its failure reads "Embedded stack
  … was not successfully created: …" in the parent. Whether its events carry the root's ClientRequestToken is assumed
  (yes) and can be switched (`Settings.child_events_carry_token`).

Change sets
- CreateChangeSet refuses at once: a CREATE for a stack that exists, an UPDATE for one that does not or is only in
  REVIEW_IN_PROGRESS, a status that cannot be updated, a template over 51,200 bytes inline or 1 MB in S3, more than 500
  resources, 200 parameters or outputs, missing, unknown or ill-formed parameters, values over 4,096 bytes, more than 50
  tags, unknown types, missing capabilities (API CreateChangeSet; UG "Understand CloudFormation quotas", "Parameters").
- A repeated ClientToken with the same request gives the same set; a taken name is AlreadyExistsException (API).
- CREATE_PENDING, CREATE_IN_PROGRESS, CREATE_COMPLETE with execution AVAILABLE; or FAILED. Without changes it is FAILED
  with "The submitted information didn't contain changes…", with a Transform "No updates are to be performed." (wording
  as in public reports). Changed outputs or tags alone make an executable set without resource changes.
- Replacement comes from createOnlyProperties; one that may follow an attribute of what changes in place is Conditional
  (API ResourceChange, ResourceChangeDetail). A value of the future reads {{changeSet:KNOWN_AFTER_APPLY}}.
- DescribeChangeSet pages its changes; with IncludePropertyValues it gives values, and may leave resources out, saying
  so in StatusReason only (`Settings.hide_from_property_values`; public report aws/aws-cdk-cli#1780).
- IncludeNestedStacks makes a set for every nested stack, linked by ParentChangeSetId and RootChangeSetId; one without
  changes is FAILED and remains after the root's execution; new children wait in REVIEW_IN_PROGRESS; nested sets are
  deleted with their root only (API CreateChangeSet, DeleteChangeSet; UG "Change sets for nested stacks"; remaining
  ones: public report aws/copilot-cli#4426). What stands for a sibling's output in them, and what fails because of it:
  `fakeaws.nested`.
- DeleteChangeSet of a set with nested ones is asynchronous: DELETE_PENDING, DELETE_IN_PROGRESS, still listed, refused
  with InvalidChangeSetStatus meanwhile, as while such a set is created (API ChangeSetSummary, DeleteChangeSet; words:
  public report aws/aws-cdk#26182, 2023-06-30; how long is assumed: `Settings.change_set_delete_seconds`). Of any other
  set it is done at once (`Settings.plain_sets_linger`). One that fails leaves the set listed, in DELETE_FAILED (API
  ChangeSetSummary; `Settings.change_set_delete_fails`). A stack holds about a thousand sets
  (public report aws/copilot-cli#4426; `Settings.change_set_limit`).
- A stack in REVIEW_IN_PROGRESS shows no tags, parameters, ChangeSetId or description (recorded by localstack,
  TestStacksApi::test_stack_description_lifecycle; `Settings.review_shows_request`); its deletion takes seconds
  (`Settings.review_delete_seconds`, assumed).
- ExecuteChangeSet makes the stack's other sets OBSOLETE and deletes them (API ExecuteChangeSet; the five seconds in
  between are assumed). UpdateStack makes them OBSOLETE. A repeated ClientRequestToken is answered like the first
  request; without it a second execution is InvalidChangeSetStatus.

Stack safety (`fakeaws.rollback`)
- RollbackConfiguration and NotificationARNs of a request replace those of the stack; what is not given stays (API
  RollbackConfiguration, CreateChangeSet). A caller who may not publish to a topic cannot create the change set (public
  report awslabs/aws-service-catalog-puppet#19, 2019-04-29). Neither is enough for an update by itself (assumed).
- An alarm in ALARM rolls the operation back, a missing one too; the stack waits for the monitoring time before it
  deletes what it replaced. RetainExceptOnCreate of ExecuteChangeSet lets the rollback delete what it created (API).

Reading
- Stale reads after CreateChangeSet and ExecuteChangeSet (`Settings.stale_reads`; CDK's STALE_REVIEW_READ_ATTEMPTS).
- DescribeStackEvents: newest first, by page, all events of an operation with its ClientRequestToken (API StackEvent).
  Events of one instant have equal timestamps but unique ids; some may become visible late (`Settings.events_late_*`,
  assumed).
- An event's ResourceProperties are those that the operation gives the resource, from UPDATE_IN_PROGRESS on (recorded:
  test_change_set_ref, test_immutable_property_update_causes_resource_replacement).
- A certificate's events name the DNS record of each domain that ACM waits for (`resources.dns_records`).
- An output that cannot be evaluated fails the operation without a failed resource: the stack's own event has the words
  (public reports serverless/serverless#3935, 2017-07-12; aws/aws-cdk#8671, 2020-06-21).
- A hook that refuses a resource writes events of its own; the resource's failure only names it (CloudFormation Hooks
  User Guide). GetHookResult, asked with the event's HookInvocationId, has its annotations, which no event has (API
  GetHookResult; public report aws/aws-cdk-cli#1198, 2026-03-05; `Settings.hook_annotations`).
- A hook on a change set leaves no events: its results are in ListHookResults (CHANGE_SET) and GetHookResult, those in
  mode WARN too (API ListHookResults, GetHookResult; `Settings.change_set_hooks`).
- DescribeEvents gives early validation failures of a change set and the failed events of an operation (API).
- GetTemplate gives a TemplateBody, which no page promises (API GetTemplate; `Settings.templates_without_body`).
- GetTemplate, outputs and the values of change sets have `?` for every character beyond ASCII (public reports
  aws-cloudformation/cloudformation-coverage-roadmap#814 and #1220, aws/aws-cdk#38708, read 2026-11-28;
  `Settings.beyond_ascii`).
- NoEcho parameters read "****" (UG "Parameters"); SSM parameters show name and ResolvedValue (API Parameter).

Drift (`fakeaws.drift`; what somebody did is in `Stack.by_hand`)
- DetectStackDrift compares the properties that the template sets, not those of nested stacks, in CREATE_COMPLETE,
  UPDATE_COMPLETE, UPDATE_ROLLBACK_COMPLETE and UPDATE_ROLLBACK_FAILED (API DetectStackDrift; UG "Detect unmanaged
  configuration changes to stacks and resources with drift detection"); the words of the refusal are assumed. While one
  runs, a second is a ValidationError "Drift detection is already in progress for stack …" (public reports).
- A resource that cannot be read is UNKNOWN and makes the detection DETECTION_FAILED, with results for the others (API
  DescribeStackDriftDetectionStatus). Types without support are in no result (API DescribeStackResourceDrifts).
- CreateChangeSet with DeploymentMode REVERT_DRIFT puts it back (`fakeaws.revert`).

S3: see `fakeaws.s3`. STS: GetCallerIdentity. Lambda: GetAccountSettings. RDS, ELB: see
`fakeaws.protection`. ECS: see `fakeaws.ecs`. What an account says of itself (quotas, roles, certificates, zones,
images): see `fakeaws.account`. Reads can be throttled by rate (`Settings.reads_per_second`).
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any, Self

import boto3
import botocore.config

from fakeaws import transport
from fakeaws.clock import Clock, Steps
from fakeaws.cloud import Cloud, Settings
from fakeaws.cloudformation import CloudFormation
from fakeaws.model import Stack
from fakeaws.protocol import ApiError
from fakeaws.script import PHASES, CallFault, ResourceFault
from fakeaws.server import Application, Call, Server

__all__ = ["Call", "Clock", "FakeAws", "Settings", "real_client"]


@functools.cache
def _session() -> boto3.session.Session:
    """One session for all clients: it keeps the service models it has read."""
    return boto3.session.Session()


def real_client(url: str, service: str, region: str = "us-east-1", account: str = "", **options: Any) -> Any:
    """A boto3 client of an endpoint, which does not retry unless `options` (of botocore's Config) say so."""
    session: Any = _session()
    return session.client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=account,
        aws_secret_access_key="example",
        config=botocore.config.Config(**{"retries": {"mode": "standard", "total_max_attempts": 1}, **options}),
    )


class FakeAws:
    """The fake, served on loopback while it is open; clients of this process reach it without a socket (`transport`)
    unless it is `over_http` alone.
    """

    def __init__(self, seed: int = 0, over_http: bool = False) -> None:
        self.clock = Clock()
        self.cloud = Cloud(self.clock, seed)
        self.application = Application(self.cloud)
        self._server = Server(self.application)
        self.url = self.cloud.settings.url = self._server.url
        if not over_http:
            transport.open_at(self.url, self.application.answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving."""
        transport.close_at(self.url)
        self._server.close()

    @property
    def settings(self) -> Settings:
        """How the cloud behaves; change it at any time."""
        return self.cloud.settings

    @property
    def calls(self) -> list[Call]:
        """All API calls so far."""
        return self.application.calls

    def mutations(self) -> list[str]:
        """The calls that could change something, as `service:Operation`, failed ones too."""
        return [f"{call.service}:{call.operation}" for call in self.calls if call.mutating]

    def client(self, service: str, region: str = "us-east-1", account: str | None = None, **options: Any) -> Any:
        """A boto3 client of the fake that does not retry; `options` go to botocore's Config."""
        return real_client(self.url, service, region, account or self.settings.account, **options)

    # --- what shall go wrong -------------------------------------------------------------------------------------

    def fail(
        self,
        logical_id: str,
        reason: str = "it broke",
        on: str = "create",
        after: float | None = None,
        stack: str | None = None,
        times: int | None = None,
        initiated: bool = True,
    ) -> None:
        """Let a resource fail in a phase (create, update, delete, rollback, import), in one stack (and its children) or
        all.
        """
        self._fault(ResourceFault(logical_id, on, after, reason, stack, times, initiated))

    def slow(self, logical_id: str, seconds: float, on: str = "create", stack: str | None = None) -> None:
        """Let a resource take its time in a phase."""
        self._fault(ResourceFault(logical_id, on, seconds, None, stack))

    def _fault(self, fault: ResourceFault) -> None:
        if fault.phase not in PHASES:
            raise ValueError(f"a resource fails in one of {PHASES}, not in {fault.phase}")
        self.cloud.script.resource_faults.append(fault)

    def mend(self) -> None:
        """Nothing fails any more."""
        self.cloud.script.resource_faults.clear()
        self.cloud.script.call_faults.clear()

    def refuse(self, operation: str, code: str, message: str = "", times: int | None = 1, status: int = 400) -> None:
        """Answer the next calls of `service:Operation` (or `service:*`, `*`) with an error."""
        error = ApiError(code, message or code, status)
        self.cloud.script.call_faults.append(CallFault(operation, error, times))

    def throttle(self, operation: str = "cloudformation:*", times: int = 1) -> None:
        """Answer the next calls with "Rate exceeded"."""
        self.refuse(operation, "Throttling", "Rate exceeded", times)

    # --- somebody else -------------------------------------------------------------------------------------------

    @property
    def elsewhere(self) -> CloudFormation:
        """The API for somebody else in the same account: not logged, methods and parameters as botocore names them."""
        return CloudFormation(self.cloud, self.settings.account, "us-east-1")

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something when so many virtual seconds have passed from now."""

        def later() -> Steps:
            yield seconds
            action()

        self.clock.spawn(later())

    def put(self, kind: str, identifier: str, region: str = "us-east-1", **properties: Any) -> None:
        """Make a resource without a stack, as somebody else or another tool would."""
        self.cloud.unmanaged[self.settings.account, region, kind, identifier] = properties

    # --- looking in ----------------------------------------------------------------------------------------------

    def stack(self, name: str, region: str = "us-east-1", account: str | None = None) -> Stack:
        """The stack of that name; the newest deleted one when none exists."""
        found = self.cloud.find_stack(name, account or self.settings.account, region)
        if found is None:
            found = [s for s in self.cloud.stacks.values() if s.name == name][-1]
        return found

    def busiest_reads(self, seconds: float) -> int:
        """The most CloudFormation reads that fell into any span of so many seconds."""
        times = [c.time for c in self.calls if c.service == "cloudformation" and not c.mutating]
        return max((sum(begin <= time < begin + seconds for time in times) for begin in times), default=0)

    def check(self) -> None:
        """Raise AssertionError if the fake misbehaved or was brought into a state that cannot be."""
        problems = [*self.application.bugs, *self.cloud.violations, *self.cloud.overlaps()]
        if problems:
            raise AssertionError("\n".join(problems))
