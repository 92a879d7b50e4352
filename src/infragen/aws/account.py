"""One account and region of AWS, as the engine asks for it (`infragen.cloud.protocol.Cloud`).

Each method is one thing to do: all pages are read, an answer that says "not there" becomes None, every other error
becomes ours. boto3's waiters are never used: they count rolled-back updates as success and stop after an hour.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from infragen.aws import diagnosis, logs, reading, resources
from infragen.aws.account_reads import AccountReads, asked
from infragen.aws.failure import DENIED, AwsError, answered
from infragen.aws.monitoring import MonitoringCalls
from infragen.aws.parameters import ParameterCalls
from infragen.aws.queues import QueueCalls
from infragen.aws.reading import IncompleteReply, member, next_page, pages
from infragen.aws.rotations import RotationCalls
from infragen.aws.session import Clients, ReadRate
from infragen.aws.workload import WorkloadCalls
from infragen.cloud.cloudformation import (
    REVERT_DRIFT,
    ChangeSet,
    ChangeSetSummary,
    DriftDetection,
    EventPage,
    ResourceDrift,
    StackResource,
    StackState,
)
from infragen.cloud.protocol import (
    UNREADABLE,
    ChangeSetRequest,
    DeniedCall,
    Identity,
    LogEvents,
    PreviousValue,
    RunningService,
    StoppedTask,
    StoredObject,
    TaskContainer,
    unreadable_hint,
)
from infragen.errors import CloudError, Conflict, InfragenError, InputError, NotBootstrapped, Refused
from infragen.secrecy.shown import Shown

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import CreateChangeSetInputTypeDef, ParameterTypeDef

OVERTAKEN = ("already exists and cannot be created again", "state and can not be updated")
"""What CreateChangeSet says when the stack is no longer what it was when it was read (recorded 2025-09)."""

IN_OPERATION, DELETED = "_IN_PROGRESS state", "is in DELETE_COMPLETE state"
"""How CloudFormation names a stack that another operation has begun on, or removed."""

BUSY = "InvalidChangeSetStatus"
NO_CHANGE_SET = ("ChangeSetNotFound", "ChangeSetNotFoundException")
LIMIT = "LimitExceededException"
PRUNE = "the stack holds too many change sets: `infragen changesets prune` deletes those that were never executed"
AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn")
URL_SUFFIX = {"aws-cn": "amazonaws.com.cn"}


def connect(
    region: str,
    account: str = "",
    profile: str | None = None,
    endpoint_url: str | None = None,
    keys: tuple[str, str] | None = None,
    reads: ReadRate | None = None,
    learn: Callable[[str], None] | None = None,
    waiting: Callable[[str], None] | None = None,
) -> Account:
    """Connect to AWS in this region. Calls nothing yet; `account` is the one that every bucket must belong to.

    `keys` (access key, secret key) are used instead of what the AWS configuration says; `reads` paces the reads.
    `learn` is notified of every template that comes from AWS or goes there, `waiting` the address that has not answered
    the first question after some seconds.
    """
    return Account(Clients(region, profile, endpoint_url, keys, reads=reads, waiting=waiting), account, learn)


@dataclass(frozen=True)
class Account(AccountReads, WorkloadCalls, QueueCalls, MonitoringCalls, RotationCalls, ParameterCalls):
    """The Cloud on boto3. `owner` is the environment file's account: the ExpectedBucketOwner of every S3 call."""

    owner: str = ""
    learn: Callable[[str], None] | None = None

    def reconnect(self) -> None:
        """Create the next call with a new session, and asks again who we are."""
        self.clients.forget()
        self.__dict__.pop("_identity", None)

    def expires_within(self, seconds: float) -> bool:
        """Return what the credentials say of themselves."""
        return self.clients.expires_within(seconds)

    def identity(self) -> Identity:
        """Call STS GetCallerIdentity, and the region in use."""
        return self._identity

    @cached_property
    def _identity(self) -> Identity:
        with answered("asking AWS whose credentials these are (sts:GetCallerIdentity)"):
            answer = self.clients.sts.get_caller_identity()
            account, arn = str(member(answer, "Account")), str(member(answer, "Arn"))
            if arn.count(":") < 5:
                raise IncompleteReply(f"the Arn {arn!r} is none")
            return Identity(account, arn, arn.split(":")[1], self.clients.region)

    @property
    def custom_endpoint(self) -> bool:
        """Return whether the address of CloudFormation's client is none of AWS's."""
        host = urlsplit(self.clients.cloudformation.meta.endpoint_url).hostname or ""
        return not host.endswith(AWS_DOMAINS)

    # --- stacks -------------------------------------------------------------------------------------------------

    def stacks(self, prefix: str) -> tuple[StackState, ...]:
        """Call DescribeStacks without a name, all pages, cut to the prefix; where that is denied, ListStacks instead.

        AWS advises to deny DescribeStacks without a name, for which cloudformation:ListStacks is needed as well (API
        reference, DescribeStacks). ListStacks tells no tags, so that each stack that can be this environment's
        (`prefix`, or `prefix-…`) is described by its ARN.
        """
        try:
            return self._described_stacks(prefix)
        except AwsError as error:
            if error.code not in DENIED:
                raise
        return self._listed_stacks(prefix)

    def _listed_stacks(self, prefix: str) -> tuple[StackState, ...]:
        names = "cloudformation:ListStacks; DescribeStacks without a name is denied, too"
        with answered(f"listing stacks ({names})"):
            rows = list(pages(self.clients.cloudformation.list_stacks, "StackSummaries"))
            ours = [each for each in rows if f"{member(each, 'StackName')}-".startswith(f"{prefix}-")]
            ids = [member(each, "StackId") for each in ours if member(each, "StackStatus") != "DELETE_COMPLETE"]
        found = [self.stack(each) for each in ids]
        return tuple(each for each in found if each is not None and each.status != "DELETE_COMPLETE")

    def deleted_stacks(self, prefix: str) -> tuple[tuple[str, str], ...]:
        """Call ListStacks, all pages: it has deleted stacks for 90 days (API reference, ListStacks)."""
        with answered("listing deleted stacks (cloudformation:ListStacks)"):
            wanted: Any = ["DELETE_COMPLETE"]
            rows = pages(self.clients.cloudformation.list_stacks, "StackSummaries", StackStatusFilter=wanted)
            ours = [each for each in rows if f"{member(each, 'StackName')}-".startswith(f"{prefix}-")]
            ours.sort(key=lambda each: member(each, "CreationTime"), reverse=True)
            return tuple((str(member(each, "StackName")), str(member(each, "StackId"))) for each in ours)

    def _described_stacks(self, prefix: str) -> tuple[StackState, ...]:
        with answered("listing stacks (cloudformation:DescribeStacks and cloudformation:ListStacks)"):
            rows = pages(self.clients.cloudformation.describe_stacks, "Stacks")
            mine = [row for row in rows if member(row, "StackName").startswith(prefix)]
            return tuple(reading.stack_state(row) for row in mine if member(row, "StackStatus") != "DELETE_COMPLETE")

    def stack(self, name_or_id: str) -> StackState | None:
        """Call DescribeStacks of one stack; None when it does not exist."""
        try:
            with answered(f"reading the stack {name_or_id} (cloudformation:DescribeStacks)"):
                rows = member(self.clients.cloudformation.describe_stacks(StackName=name_or_id), "Stacks")
                return reading.stack_state(rows[0]) if rows else None
        except AwsError as error:
            if error.code == "ValidationError" and "does not exist" in error.words:
                return None
            raise

    def template(self, stack_id: str, change_set_id: str = "") -> str:
        """Call GetTemplate, the original text; boto3 has parsed a JSON template already, so that is written again."""
        which = _change_set(change_set_id, stack_id) if change_set_id else {"StackName": stack_id}
        with answered(f"reading the template of {change_set_id or stack_id} (cloudformation:GetTemplate)"):
            body: object = member(
                self.clients.cloudformation.get_template(**which, TemplateStage="Original"), "TemplateBody"
            )
        text = body if isinstance(body, str) else json.dumps(body)
        self._learn(text)
        return text

    def _learn(self, template: str) -> None:
        if self.learn is not None:
            self.learn(template)

    def resources(self, stack_id: str) -> tuple[StackResource, ...]:
        """Call ListStackResources, all pages."""
        with answered(f"listing the resources of {stack_id} (cloudformation:ListStackResources)"):
            rows = pages(self.clients.cloudformation.list_stack_resources, "StackResourceSummaries", StackName=stack_id)
            return tuple(map(reading.stack_resource, rows))

    def events(self, stack_id: str, next_token: str = "") -> EventPage:
        """Return one page of DescribeStackEvents."""
        more: dict[str, Any] = {"NextToken": next_token} if next_token else {}
        with answered(f"reading the events of {stack_id} (cloudformation:DescribeStackEvents)"):
            answer = self.clients.cloudformation.describe_stack_events(StackName=stack_id, **more)
            following = next_page(answer, {next_token} if next_token else set())
            return EventPage(tuple(map(reading.stack_event, member(answer, "StackEvents"))), following)

    def delete_stack(self, stack_id: str, token: str, retain: tuple[str, ...] = (), role: str = "") -> None:
        """Call DeleteStack. Raises Conflict while another operation runs on the stack."""
        more: dict[str, Any] = {"RetainResources": list(retain)} if retain else {}
        more |= {"RoleARN": role} if role else {}
        with _alone(f"deleting the stack {stack_id} (cloudformation:DeleteStack)"):
            self.clients.cloudformation.delete_stack(StackName=stack_id, ClientRequestToken=token, **more)

    def continue_rollback(self, stack_id: str, token: str, skip: tuple[str, ...], role: str = "") -> None:
        """Call ContinueUpdateRollback. Raises Conflict while another operation runs on the stack."""
        more: dict[str, Any] = {"ResourcesToSkip": list(skip)} if skip else {}
        more |= {"RoleARN": role} if role else {}
        with _alone(f"continuing the rollback of {stack_id} (cloudformation:ContinueUpdateRollback)"):
            self.clients.cloudformation.continue_update_rollback(StackName=stack_id, ClientRequestToken=token, **more)

    def roll_back(self, stack_id: str, token: str, role: str = "") -> None:
        """Call RollbackStack. Raises Conflict while another operation runs on the stack."""
        more: dict[str, Any] = {"RoleARN": role} if role else {}
        with _alone(f"rolling back the stack {stack_id} (cloudformation:RollbackStack)"):
            self.clients.cloudformation.rollback_stack(StackName=stack_id, ClientRequestToken=token, **more)

    def cancel_update(self, stack_id: str, token: str = "") -> None:
        """Call CancelUpdateStack."""
        more: dict[str, Any] = {"ClientRequestToken": token} if token else {}
        with answered(f"cancelling the update of {stack_id} (cloudformation:CancelUpdateStack)"):
            self.clients.cloudformation.cancel_update_stack(StackName=stack_id, **more)

    def importers(self, export: str) -> tuple[str, ...]:
        """Call ListImports, all pages; AWS calls it an error when there are none."""
        try:
            with answered(f"asking who imports {export} (cloudformation:ListImports)"):
                return tuple(pages(self.clients.cloudformation.list_imports, "Imports", ExportName=export))
        except AwsError as error:
            if "is not imported by any stack" in error.words:
                return ()
            raise

    def protect_stack(self, stack_id: str, enabled: bool) -> None:
        """Call UpdateTerminationProtection."""
        with answered(f"setting termination protection of {stack_id} (cloudformation:UpdateTerminationProtection)"):
            self.clients.cloudformation.update_termination_protection(
                StackName=stack_id, EnableTerminationProtection=enabled
            )

    def stack_policy(self, stack_id: str) -> str:
        """Call GetStackPolicy."""
        with answered(f"reading the stack policy of {stack_id} (cloudformation:GetStackPolicy)"):
            return self.clients.cloudformation.get_stack_policy(StackName=stack_id).get("StackPolicyBody", "")

    def set_stack_policy(self, stack_id: str, policy: str) -> None:
        """Call SetStackPolicy."""
        with answered(f"setting the stack policy of {stack_id} (cloudformation:SetStackPolicy)"):
            self.clients.cloudformation.set_stack_policy(StackName=stack_id, StackPolicyBody=policy)

    # --- change sets --------------------------------------------------------------------------------------------

    def create_change_set(self, request: ChangeSetRequest) -> tuple[str, str]:
        """Call CreateChangeSet. Names are unique, so one that exists is our own try whose answer was lost."""
        doing = f"making a change set for {request.stack} (cloudformation:CreateChangeSet)"
        self._learn(request.body)
        try:
            with answered(doing):
                answer = self.clients.cloudformation.create_change_set(**_request(request))
                return member(answer, "Id"), member(answer, "StackId")
        except AwsError as error:
            if DELETED in error.words:
                raise Conflict(
                    error.message, "the stack was deleted meanwhile: run the same command again to create it"
                ) from error
            if IN_OPERATION in error.words:
                raise Conflict(
                    error.message, "another operation started meanwhile: `infragen deploy --wait` waits for it"
                ) from error
            if any(each in error.words for each in OVERTAKEN):
                raise Conflict(
                    error.message, "the stack was created or deleted a moment ago: run the same command again"
                ) from error
            if any(each in error.words for each in UNREADABLE):
                raise CloudError(error.message, unreadable_hint(request.role)) from error
            if error.code == "ValidationError" and not error.words.startswith("Role "):
                raise InputError(error.message) from error
            if error.code == LIMIT and "changeset" in error.words.lower().replace(" ", ""):
                raise AwsError(error.code, error.words, error.message, PRUNE) from error
            if error.code != "AlreadyExistsException":
                raise
        with answered(doing):
            found = self.clients.cloudformation.describe_change_set(ChangeSetName=request.name, StackName=request.stack)
            return member(found, "ChangeSetId"), member(found, "StackId")

    def change_set(self, change_set_id: str, stack_id: str) -> ChangeSet | None:
        """Call DescribeChangeSet, all pages; once it is made, described again with property values and merged."""
        found = self._described(change_set_id, stack_id, values=False)
        if found is None:
            return None
        head, rows = found
        with answered(f"reading the change set {change_set_id} (cloudformation:DescribeChangeSet)"):
            change_set = reading.change_set(head, rows)
        if not change_set.executable or not rows:
            return change_set
        valued = self._described(change_set_id, stack_id, values=True)
        with answered(f"reading the change set {change_set_id} (cloudformation:DescribeChangeSet)"):
            return reading.change_set(head, rows, valued[1] if valued else ())

    def _described(
        self, change_set_id: str, stack_id: str, values: bool
    ) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]] | None:
        client = self.clients.cloudformation
        rows: list[Mapping[str, Any]] = []
        seen = set[str]()
        more: dict[str, Any] = _change_set(change_set_id, stack_id)
        more |= {"IncludePropertyValues": True} if values else {}
        try:
            with answered(f"reading the change set {change_set_id} (cloudformation:DescribeChangeSet)"):
                while True:
                    answer = client.describe_change_set(**more)
                    rows += answer.get("Changes", ())
                    following = next_page(answer, seen)
                    if not following:
                        return answer, rows
                    more["NextToken"] = following
        except AwsError as error:
            if error.code in NO_CHANGE_SET:
                return None
            raise

    def change_set_description(self, change_set_id: str, stack_id: str) -> str:
        """Call DescribeChangeSet, its first page: an executed set can be described for as long as its stack is
        remembered (recorded: test_name_conflicts, 2023-11-22).
        """
        try:
            with asked("cloudformation:DescribeChangeSet", f"reading the change set {change_set_id}"):
                answer = self.clients.cloudformation.describe_change_set(**_change_set(change_set_id, stack_id))
                return answer.get("Description", "")
        except AwsError as error:
            if error.code in NO_CHANGE_SET:
                return ""
            raise

    def failed_checks(self, change_set_id: str) -> tuple[Shown, ...]:
        """Call DescribeEvents, only what failed, and what hooks said of the set, which leaves no events
        (ListHookResults, GetHookResult). It only explains: when it may not be read, that is all there is to say.
        """
        return (*self._failed_events(change_set_id), *self._failed_hooks(change_set_id))

    def _failed_hooks(self, change_set_id: str) -> Iterator[Shown]:
        client = self.clients.cloudformation
        try:
            with answered("asking what hooks said (cloudformation:ListHookResults)"):
                target: dict[str, Any] = {"TargetType": "CHANGE_SET", "TargetId": change_set_id}
                rows = [
                    each for each in pages(client.list_hook_results, "HookResults", **target) if reading.fails(each)
                ]
        except AwsError as error:
            rows = []
            if error.code in DENIED:
                yield reading.plain("what hooks said would be known with cloudformation:ListHookResults")
        except CloudError:
            rows = []
        for each in rows:
            try:
                with answered("asking what a hook said (cloudformation:GetHookResult)"):
                    yield reading.hook_result({**each, **client.get_hook_result(HookResultId=each["HookResultId"])})
            except CloudError:
                yield reading.hook_result(each)

    def hook_checks(self, result_id: str) -> tuple[Shown, ...]:
        """Call GetHookResult: an event has only so much of what a hook said as fits into it (aws/aws-cdk-cli#1198,
        2026-03-05), and of a hook without annotations the reason stands in its result alone (#1768, 2026-07-28).
        """
        with asked("cloudformation:GetHookResult", "reading what a hook found"):
            answer = self.clients.cloudformation.get_hook_result(HookResultId=result_id)
            said = reading.plain(answer.get("HookStatusReason"))
            return reading.hook_checks(answer) or ((said,) if said else ())

    def _failed_events(self, change_set_id: str) -> tuple[Shown, ...]:
        client = self.clients.cloudformation
        try:
            with answered(f"reading why {change_set_id} failed (cloudformation:DescribeEvents)"):
                failed = {"FailedEvents": True}
                rows = pages(client.describe_events, "OperationEvents", ChangeSetName=change_set_id, Filters=failed)
                return tuple(reading.failed_check(each) for each in rows if reading.fails(each))
        except AwsError as error:
            denied = error.code in DENIED
            return (reading.plain("more would be known with cloudformation:DescribeEvents"),) if denied else ()
        except CloudError:
            return ()

    def change_sets(self, stack_id: str) -> tuple[ChangeSetSummary, ...]:
        """Call ListChangeSets, all pages."""
        with answered(f"listing the change sets of {stack_id} (cloudformation:ListChangeSets)"):
            rows = pages(self.clients.cloudformation.list_change_sets, "Summaries", StackName=stack_id)
            return tuple(map(reading.change_set_summary, rows))

    def delete_change_set(self, change_set_id: str, stack_id: str) -> None:
        """Call DeleteChangeSet. AWS refuses while it creates, deletes or executes a set (aws/aws-cdk#26182)."""
        try:
            with answered(f"deleting the change set {change_set_id} (cloudformation:DeleteChangeSet)"):
                self.clients.cloudformation.delete_change_set(**_change_set(change_set_id, stack_id))
        except AwsError as error:
            if error.code == BUSY:
                raise Conflict(error.message, "`infragen changesets prune` tries again") from error
            if error.code not in NO_CHANGE_SET:
                raise

    def execute_change_set(
        self, change_set_id: str, stack_id: str, token: str, keep: bool = False, retain_except_on_create: bool = False
    ) -> None:
        """Call ExecuteChangeSet. DisableRollback is allowed only without OnStackFailure (API reference).

        Raises Conflict while another operation runs on the stack, and once it is deleted.
        """
        more: dict[str, Any] = {"DisableRollback": True} if keep else {}
        if retain_except_on_create:
            more["RetainExceptOnCreate"] = True
        with _alone(f"executing the change set {change_set_id} (cloudformation:ExecuteChangeSet)"):
            self.clients.cloudformation.execute_change_set(
                **_change_set(change_set_id, stack_id), ClientRequestToken=token, **more
            )

    # --- drift --------------------------------------------------------------------------------------------------

    def detect_drift(self, stack_id: str) -> str:
        """Call DetectStackDrift. Of two at a time the second is refused ("Drift detection is already in progress")."""
        try:
            with answered(f"looking for drift in {stack_id} (cloudformation:DetectStackDrift)"):
                answer = self.clients.cloudformation.detect_stack_drift(StackName=stack_id)
                return str(member(answer, "StackDriftDetectionId"))
        except AwsError as error:
            if "already in progress" in error.words:
                return ""
            raise

    def drift_detection(self, detection_id: str) -> DriftDetection:
        """Call DescribeStackDriftDetectionStatus."""
        with answered("waiting for the detection of drift (cloudformation:DescribeStackDriftDetectionStatus)"):
            return reading.drift_detection(
                self.clients.cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection_id)
            )

    def resource_drifts(self, stack_id: str) -> tuple[ResourceDrift, ...]:
        """Call DescribeStackResourceDrifts, all pages."""
        with answered(f"reading what drifted in {stack_id} (cloudformation:DescribeStackResourceDrifts)"):
            rows = pages(
                self.clients.cloudformation.describe_stack_resource_drifts, "StackResourceDrifts", StackName=stack_id
            )
            return tuple(map(reading.resource_drift, rows))

    # --- artifacts ----------------------------------------------------------------------------------------------

    def check_bucket(self, bucket: str, prefix: str = "") -> None:
        """Call HeadBucket: there, ours, and in this region. With a prefix ListObjectsV2 of that: HeadBucket has none,
        and who may list one prefix alone may not call it (Amazon S3 User Guide, "Condition key examples", s3:prefix,
        read 2026-11-29).
        """
        owned: dict[str, Any] = {"Bucket": bucket, "ExpectedBucketOwner": self.owner}
        s3, place = self.clients.s3, self.clients.region
        try:
            with answered(f"looking for the bucket {bucket} (s3:ListBucket)"):
                if prefix:
                    listed = s3.list_objects_v2(**owned, Prefix=prefix, MaxKeys=1)
                    headers = listed.get("ResponseMetadata", {}).get("HTTPHeaders", {})
                    place = headers.get("x-amz-bucket-region", place)
                else:
                    place = s3.head_bucket(**owned).get("BucketRegion", place)
        except AwsError as error:
            raise _bucket_error(bucket, self.owner, self.clients.region, error) from error
        if place != self.clients.region:
            raise _elsewhere(bucket, place, self.clients.region)

    def upload(self, bucket: str, key: str, body: bytes) -> bool:
        """Call HeadObject, and PutObject when it is missing, when its checksum says that something else lies under its
        key, and when it has been there for so long that the bucket may soon forget it.
        """
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        owned: dict[str, Any] = {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": self.owner}
        try:
            with answered(f"looking for s3://{bucket}/{key} (s3:GetObject)"):
                found = self.clients.s3.head_object(**owned, ChecksumMode="ENABLED")
            if found.get("ChecksumSHA256", checksum) == checksum and _age(found.get("LastModified"), found) <= REFRESH:
                return False
        except AwsError as error:
            # without s3:ListBucket a missing object is a 403; a bucket of somebody else fails the PutObject below
            if error.code not in ("404", "NoSuchKey", "403"):
                raise
        try:
            with answered(f"uploading s3://{bucket}/{key} (s3:PutObject)"):
                self.clients.s3.put_object(**owned, Body=body, ChecksumSHA256=checksum)
        except AwsError as error:
            raise _bucket_error(bucket, self.owner, self.clients.region, error) from error
        return True

    def download(self, bucket: str, key: str) -> bytes | None:
        """Call GetObject. Without s3:ListBucket a missing object is a 403 (API reference, GetObject, "Permissions",
        read 2026-11-29). Who may list a prefix of a shared bucket alone may get that as well, so the key is listed
        then; where that is denied, too, it is an error: whether the object is there is not known.
        """
        try:
            with answered(f"reading s3://{bucket}/{key} (s3:GetObject, s3:ListBucket)"):
                found = self.clients.s3.get_object(Bucket=bucket, Key=key, ExpectedBucketOwner=self.owner)
                return bytes(member(found, "Body").read())
        except AwsError as error:
            if error.code in ("404", "NoSuchKey", "NoSuchBucket"):
                return None
            if error.code in DENIED and all(each.key != key for each in self.objects(bucket, key)):
                return None
            raise _bucket_error(bucket, self.owner, self.clients.region, error) from error

    def objects(self, bucket: str, prefix: str) -> tuple[StoredObject, ...]:
        """Call ListObjectsV2. Ages are by S3's own clock; where it does not say the time, an object counts as new."""
        found: list[StoredObject] = []
        token: dict[str, Any] = {}
        seen = set[str]()
        try:
            with answered(f"listing s3://{bucket}/{prefix} (s3:ListBucket)"):
                while True:
                    answer = self.clients.s3.list_objects_v2(
                        Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=self.owner, **token
                    )
                    for each in answer.get("Contents", ()):
                        age = _age(each.get("LastModified"), answer)
                        found.append(StoredObject(str(member(each, "Key")), age / timedelta(days=1)))
                    following = next_page(answer, seen, "NextContinuationToken")
                    if not following:
                        return tuple(found)
                    token = {"ContinuationToken": following}
        except AwsError as error:
            raise _bucket_error(bucket, self.owner, self.clients.region, error) from error

    def delete_object(self, bucket: str, key: str) -> None:
        """Call DeleteObject, which puts a delete marker on top of a versioned object."""
        with answered(f"deleting s3://{bucket}/{key} (s3:DeleteObject)"):
            self.clients.s3.delete_object(Bucket=bucket, Key=key, ExpectedBucketOwner=self.owner)

    def template_url(self, bucket: str, key: str) -> str:
        """Return the regional, partition-correct, virtual-hosted URL."""
        identity = self.identity()
        return f"https://{bucket}.s3.{identity.region}.{URL_SUFFIX.get(identity.partition, 'amazonaws.com')}/{key}"

    # --- what CloudFormation does not tell ----------------------------------------------------------------------

    def service_events(
        self, service_arn: str, since: datetime | None = None
    ) -> tuple[tuple[datetime | None, Shown], ...]:
        """See `diagnosis`."""
        return diagnosis.service_events(self.clients, service_arn, since)

    def running_service(self, service_arn: str) -> RunningService:
        """See `diagnosis`."""
        return diagnosis.running_service(self.clients, service_arn)

    def stopped_tasks(self, service_arn: str) -> tuple[StoppedTask, ...]:
        """See `diagnosis`."""
        return diagnosis.stopped_tasks(self.clients, service_arn)

    def task_containers(self, task_definition: str) -> tuple[TaskContainer, ...]:
        """See `diagnosis`."""
        return diagnosis.task_containers(self.clients, task_definition)

    def unhealthy_targets(self, service_arn: str) -> tuple[Shown, ...]:
        """See `diagnosis`."""
        return diagnosis.unhealthy_targets(self.clients, service_arn)

    def log_lines(
        self, group: str, stream: str, count: int, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[Shown, ...]:
        """See `diagnosis`."""
        return diagnosis.log_lines(self.clients, group, stream, count, since, until)

    def log_events(self, group: str, start: float, end: float | None = None, pattern: str = "") -> LogEvents:
        """See `logs`."""
        return logs.log_events(self.clients, group, start, end, pattern)

    def function_log(self, function: str, group: str = "") -> tuple[str, ...]:
        """See `diagnosis`."""
        return diagnosis.function_log(self.clients, function, group)

    def denied_calls(self, since: datetime, until: datetime, count: int) -> tuple[DeniedCall, ...]:
        """See `diagnosis`."""
        return diagnosis.denied_calls(self.clients, since, until, count)

    def deletion_protection(self, resource: StackResource) -> bool:
        """See `resources`."""
        return resources.deletion_protection(self.clients, resource)

    def lift_deletion_protection(self, resource: StackResource) -> None:
        """See `resources`."""
        resources.lift_deletion_protection(self.clients, resource)

    def contents(self, resource: StackResource) -> int:
        """See `resources`."""
        return resources.contents(self.clients, resource, self.owner)

    def snapshots(self, resource: StackResource) -> tuple[str, ...]:
        """See `resources`."""
        return resources.snapshots(self.clients, resource)

    def delete_objects(self, bucket: str, prefix: str = "") -> bool:
        """See `resources`."""
        return resources.delete_objects(self.clients, bucket, self.owner, prefix)

    def network_interfaces(self, resource: StackResource) -> tuple[str, ...]:
        """See `resources`."""
        return resources.network_interfaces(self.clients, resource)


REFRESH = timedelta(days=30)
"""Age at which an object is put again: `engine.bootstrap` says when unused ones expire."""


def _age(written: Any, answer: Mapping[str, Any]) -> timedelta:
    """Return how old an object is, by the time of AWS, which its answer has. Zero where it does not say."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return parsedate_to_datetime(str(date)) - written if written and date else timedelta(0)
    except (ValueError, TypeError):  # no time of AWS's
        return timedelta(0)


@contextmanager
def _alone(doing: str) -> Iterator[None]:
    """Make a call that begins an operation on a stack. Raises Conflict when AWS refuses it because of another one."""
    try:
        with answered(doing):
            yield
    except AwsError as error:
        if IN_OPERATION not in error.words and DELETED not in error.words:
            raise
        raise Conflict(
            error.message, "another operation started meanwhile: wait for it with `infragen follow`"
        ) from error


def _change_set(change_set_id: str, stack_id: str) -> dict[str, Any]:
    """Return the members that name a change set, and its stack where it is known: with the ARN of the change set alone
    AWS looks for rights on that ARN, and not on the stack (public report widdix/complete-aws-iam-reference#6, 2017).
    """
    return {"ChangeSetName": change_set_id, **({"StackName": stack_id} if stack_id else {})}


def _request(request: ChangeSetRequest) -> CreateChangeSetInputTypeDef:
    parameters: list[ParameterTypeDef] = [
        {"ParameterKey": name, "UsePreviousValue": True}
        if isinstance(value, PreviousValue)
        else {"ParameterKey": name, "ParameterValue": value}
        for name, value in request.parameters.items()
    ]
    body: CreateChangeSetInputTypeDef = {
        "StackName": request.stack,
        "ChangeSetName": request.name,
        "ChangeSetType": request.kind,  # type: ignore[typeddict-item]  # our three words are the API's
        "ClientToken": hashlib.sha256(f"{request.stack} {request.name}".encode()).hexdigest(),
        "Parameters": parameters,
    }
    if request.imports:
        body["ResourcesToImport"] = [
            {
                "ResourceType": each.type,
                "LogicalResourceId": each.logical_id,
                "ResourceIdentifier": dict(each.identifier),
            }
            for each in request.imports
        ]
    else:
        body["Tags"] = [{"Key": key, "Value": value} for key, value in request.tags.items()]
    if request.description:
        body["Description"] = request.description
    if request.capabilities:
        body["Capabilities"] = list(request.capabilities)  # type: ignore[arg-type] # the engine computes API values
    if request.revert_drift:
        body["UsePreviousTemplate"] = True
        body["DeploymentMode"] = REVERT_DRIFT
    elif request.body:
        body["TemplateBody"] = request.body
    else:
        body["TemplateURL"] = request.url
    if request.role:
        body["RoleARN"] = request.role
    if request.nested:
        body["IncludeNestedStacks"] = True
    if request.on_failure:
        body["OnStackFailure"] = request.on_failure  # type: ignore[typeddict-item]  # our three words are the API's
    if request.rollback is not None:  # an empty list removes what the stack has (API reference, RollbackConfiguration)
        triggers: list[Any] = [{"Arn": each.arn, "Type": each.type} for each in request.rollback.triggers]
        body["RollbackConfiguration"] = {
            "RollbackTriggers": triggers,
            "MonitoringTimeInMinutes": request.rollback.minutes,
        }
    if request.notifications is not None:
        body["NotificationARNs"] = list(request.notifications)
    return body


def _elsewhere(bucket: str, place: str, region: str) -> CloudError:
    return CloudError(
        f"the artifact bucket {bucket} is in {place}; the environment is in {region}",
        "CloudFormation reads templates in its own region only: delete that bucket, then `infragen bootstrap`",
    )


def _bucket_error(bucket: str, owner: str, region: str, error: AwsError) -> InfragenError:
    if error.code in ("404", "NoSuchBucket"):
        return NotBootstrapped(f"the artifact bucket {bucket} does not exist", "create it: `infragen bootstrap`")
    if error.code in ("301", "PermanentRedirect"):
        return _elsewhere(bucket, "another region", region)
    if error.code not in DENIED:
        return error
    return Refused(
        f"the artifact bucket {bucket} does not belong to account {owner}, or these credentials may not use it",
        "a bucket of that name in another account must not receive templates or code: check its owner",
    )
