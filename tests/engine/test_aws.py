"""AWS through boto3, call by call: what is sent, what comes back as a value, which error becomes what."""

import base64
import hashlib
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import click
import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProfileNotFound,
    SSLError,
    UnauthorizedSSOTokenError,
)
from botocore.parsers import ResponseParserError
from botocore.stub import ANY, Stubber
from botocore.utils import parse_timestamp
from rows import because
from stage import ACCOUNT, REGION

from infragen.aws import Account, connect, reading
from infragen.aws.account import REFRESH
from infragen.aws.failure import AwsError, translated
from infragen.aws.session import timestamp
from infragen.cli import main
from infragen.cloud.cloudformation import StackResource
from infragen.cloud.protocol import ChangeSetRequest, PreviousValue
from infragen.engine.bootstrap import TEMPLATE_DAYS
from infragen.errors import (
    CloudError,
    CredentialsExpired,
    InfragenError,
    InputError,
    PermissionDenied,
    Refused,
    Unavailable,
)
from infragen.secrecy.shown import Absent

STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop-dev/1234"
SET_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/infragen-a-b/1234"


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00.123Z",
        "2026-03-01T12:00:00.123456+00:00",
        "2026-03-01T12:00:00-07:30",
        "2026-03-01T12:00:00",
        "2026-03-01",
        "Sun, 01 Mar 2026 12:00:00 GMT",
        "1772366400",
        "1772366400.5",
        1772366400.5,
        1772366400,
    ],
)
def test_a_time_is_read_as_botocore_reads_it(written: Any) -> None:
    """Those that AWS writes are read in another way, which is quicker."""
    assert timestamp(written) == parse_timestamp(written)


@pytest.mark.parametrize("written", ["soon", "2026-13-01T12:00:00Z", "2026-03-01T12:00:00Zulu"])
def test_what_is_no_time_is_refused_as_botocore_refuses_it(written: str) -> None:
    """With the error that botocore's callers expect."""
    with pytest.raises(ValueError, match="Invalid timestamp"):
        timestamp(written)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return connect(REGION, ACCOUNT)


@pytest.fixture
def formation(cloud: Account) -> Iterator[Stubber]:
    """CloudFormation's answers, in order; all must be asked for."""
    with Stubber(cloud.clients.cloudformation) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def s3(cloud: Account) -> Iterator[Stubber]:
    with Stubber(cloud.clients.s3) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def request(**over: Any) -> ChangeSetRequest:
    given: dict[str, Any] = {
        "stack": "shop-dev", "name": "infragen-a-b", "kind": "CREATE", "parameters": {"A": "1", "B": PreviousValue()},
        "tags": {"Team": "core"}, "capabilities": ("CAPABILITY_IAM",), "url": "https://bucket/key",
    }  # fmt: skip
    return ChangeSetRequest(**{**given, **over})


def test_a_change_set_is_asked_for_with_everything_it_needs(cloud: Account, formation: Stubber) -> None:
    """T5: a value read from AWS is never sent back: what stays is UsePreviousValue."""
    expected = {
        "StackName": "shop-dev",
        "ChangeSetName": "infragen-a-b",
        "ChangeSetType": "CREATE",
        "ClientToken": ANY,
        "Parameters": [
            {"ParameterKey": "A", "ParameterValue": "1"},
            {"ParameterKey": "B", "UsePreviousValue": True},
        ],
        "Tags": [{"Key": "Team", "Value": "core"}],
        "Capabilities": ["CAPABILITY_IAM"],
        "TemplateURL": "https://bucket/key",
        "IncludeNestedStacks": True,
        "OnStackFailure": "DO_NOTHING",
    }
    formation.add_response("create_change_set", {"Id": SET_ID, "StackId": STACK_ID}, expected)
    assert cloud.create_change_set(request(nested=True, on_failure="DO_NOTHING")) == (SET_ID, STACK_ID)


def test_a_taken_name_is_our_own_earlier_try(cloud: Account, formation: Stubber) -> None:
    """The answer to the first request was lost; names are unique, so the set is the one we asked for."""
    formation.add_client_error("create_change_set", "AlreadyExistsException", "exists")
    answer = {"ChangeSetId": SET_ID, "StackId": STACK_ID, "Status": "CREATE_PENDING"}
    formation.add_response("describe_change_set", answer, {"ChangeSetName": "infragen-a-b", "StackName": "shop-dev"})
    assert cloud.create_change_set(request()) == (SET_ID, STACK_ID)


def test_what_aws_refuses_in_a_request_is_an_input_error_in_its_own_words(cloud: Account, formation: Stubber) -> None:
    """AWS was not changed."""
    formation.add_client_error("create_change_set", "ValidationError", "Parameters: [VpcId] must have values")
    with pytest.raises(InputError, match=r"Parameters: \[VpcId\] must have values"):
        cloud.create_change_set(request())


def described(**more: Any) -> dict[str, Any]:
    head = {"ChangeSetId": SET_ID, "ChangeSetName": "infragen-a-b", "StackId": STACK_ID}
    return {**head, "Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE", **more}


def change(name: str, **more: Any) -> dict[str, Any]:
    row = {"Action": "Modify", "LogicalResourceId": name, "ResourceType": "AWS::SQS::Queue", "Replacement": "False"}
    return {"Type": "Resource", "ResourceChange": {**row, **more}}


def test_all_pages_are_read_with_and_without_property_values(cloud: Account, formation: Stubber) -> None:
    """A resource that the description with values leaves out is there all the same."""
    target = {"Attribute": "Properties", "Name": "A", "RequiresRecreation": "Never"}
    detail = {"Target": target, "Evaluation": "Static"}
    valued = {"Target": {**target, "Path": "/Properties/A/0", "BeforeValue": "1", "AfterValue": "2"}}
    incomplete = described(Changes=[change("Q1", Details=[valued])], StatusReason="[WARN] incomplete")
    pages: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (described(Changes=[change("Q1", Details=[detail])], NextToken="n"), {}),
        (described(Changes=[change("Q2", Replacement="True")]), {"NextToken": "n"}),
        (incomplete, {"IncludePropertyValues": True}),
    ]
    for answer, more in pages:
        formation.add_response("describe_change_set", answer, {"ChangeSetName": SET_ID, "StackName": STACK_ID, **more})
    found = cloud.change_set(SET_ID, STACK_ID)
    assert found is not None
    first, second = found.changes
    assert (second.logical_id, second.replacement) == ("Q2", "True")
    assert [(each.path, each.before, each.after) for each in first.properties] == [(("Properties", "A", 0), "1", "2")]


def test_a_change_set_that_is_gone_is_none(cloud: Account, formation: Stubber) -> None:
    """Reading and deleting it are no errors."""
    formation.add_client_error("describe_change_set", "ChangeSetNotFound", "ChangeSet [x] does not exist", 404)
    formation.add_client_error("delete_change_set", "ChangeSetNotFound", "ChangeSet [x] does not exist", 404)
    assert cloud.change_set(SET_ID, STACK_ID) is None
    cloud.delete_change_set(SET_ID, STACK_ID)


def test_a_stack_that_does_not_exist_is_none_and_every_other_refusal_an_error(
    cloud: Account, formation: Stubber
) -> None:
    """ValidationError means many things; only "does not exist" means absent."""
    formation.add_client_error("describe_stacks", "ValidationError", "Stack with id shop-dev does not exist")
    formation.add_client_error("describe_stacks", "ValidationError", "1 validation error detected")
    assert cloud.stack("shop-dev") is None
    with pytest.raises(CloudError, match="1 validation error"):
        cloud.stack("shop-dev")


def test_all_pages_of_stacks_are_read_and_cut_to_the_prefix(cloud: Account, formation: Stubber) -> None:
    """Accounts hold more stacks than one page."""
    made = {"CreationTime": datetime(2026, 1, 1, tzinfo=UTC), "StackStatus": "CREATE_COMPLETE"}
    stacks = [{"StackName": name, "StackId": f"arn:{name}", **made} for name in ("other", "shop-dev", "shop-dev-api")]
    formation.add_response("describe_stacks", {"Stacks": stacks[:2], "NextToken": "n"}, {})
    formation.add_response("describe_stacks", {"Stacks": stacks[2:]}, {"NextToken": "n"})
    assert [each.name for each in cloud.stacks("shop-dev")] == ["shop-dev", "shop-dev-api"]


def test_a_json_template_comes_back_as_text(cloud: Account, formation: Stubber) -> None:
    """boto3 has parsed it already."""
    formation.add_response(
        "get_template", {"TemplateBody": '{"Resources": {}}'}, {"StackName": "s", "TemplateStage": "Original"}
    )
    assert cloud.template("s") == '{"Resources": {}}'


def test_every_call_to_s3_names_the_owner(cloud: Account, s3: Stubber) -> None:
    """B3: and an object that is there already is not sent again."""
    owner = {"ExpectedBucketOwner": ACCOUNT}
    checksum = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    s3.add_response("head_bucket", {"BucketRegion": REGION}, {"Bucket": "b", **owner})
    s3.add_response(
        "head_object", {"ChecksumSHA256": checksum}, {"Bucket": "b", "Key": "k1", "ChecksumMode": "ENABLED", **owner}
    )
    s3.add_client_error("head_object", "404", "Not Found", 404)
    put = {"Bucket": "b", "Key": "k2", "Body": b"x", "ChecksumSHA256": checksum, **owner}
    s3.add_response("put_object", {}, put)
    cloud.check_bucket("b")
    assert not cloud.upload("b", "k1", b"x")
    assert cloud.upload("b", "k2", b"x")


@pytest.mark.parametrize(("days", "date", "again"), [(29, True, False), (31, True, True), (400, False, False)])
def test_an_object_that_the_bucket_may_soon_forget_is_put_anew(
    cloud: Account, s3: Stubber, days: int, date: bool, again: bool
) -> None:
    """A template that a plan needs is never as old as those that expire; ages are by the clock of AWS."""
    owner = {"ExpectedBucketOwner": ACCOUNT}
    checksum = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    now = datetime(2026, 11, 29, tzinfo=UTC)
    headers = {"date": format_datetime(now, usegmt=True)} if date else {}
    found = {
        "ChecksumSHA256": checksum, "LastModified": now - timedelta(days=days),
        "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": headers},
    }  # fmt: skip
    s3.add_response("head_object", found, {"Bucket": "b", "Key": "k", "ChecksumMode": "ENABLED", **owner})
    if again:
        put = {"Bucket": "b", "Key": "k", "Body": b"x", "ChecksumSHA256": checksum, **owner}
        s3.add_response("put_object", {}, put)
    assert cloud.upload("b", "k", b"x") is again
    [waits] = [each.type for each in main.commands["plan"].params if each.name == "valid_for"]
    assert isinstance(waits, click.FloatRange)
    assert waits.max is not None
    assert timedelta(days=TEMPLATE_DAYS) > REFRESH + timedelta(hours=waits.max) + timedelta(days=7)


@pytest.mark.parametrize(
    ("code", "status", "kind", "match"),
    [
        ("404", 404, CloudError, "does not exist"),
        ("403", 403, Refused, "does not belong to account"),
        ("301", 301, CloudError, f"is in another region; the environment is in {REGION}"),
    ],
)
def test_a_bucket_that_cannot_be_used_says_why(
    cloud: Account, s3: Stubber, code: str, status: int, kind: type[InfragenError], match: str
) -> None:
    """Missing, somebody else's, or elsewhere."""
    s3.add_client_error("head_bucket", code, "x", status)
    with pytest.raises(kind, match=match):
        cloud.check_bucket("b")


def test_of_a_part_of_a_bucket_only_the_part_is_listed(cloud: Account, s3: Stubber) -> None:
    """HeadBucket and a missing object are denied to who may list a prefix alone; the answer says the region."""
    listed = {"Bucket": "b", "ExpectedBucketOwner": ACCOUNT, "Prefix": "code/shop-pr-1/"}
    elsewhere = {"ResponseMetadata": {"HTTPHeaders": {"x-amz-bucket-region": "eu-west-1"}}}
    s3.add_response("list_objects_v2", {}, {**listed, "MaxKeys": 1})
    cloud.check_bucket("b", "code/shop-pr-1/")
    s3.add_response("list_objects_v2", elsewhere, {**listed, "MaxKeys": 1})
    with pytest.raises(CloudError, match="eu-west-1"):
        cloud.check_bucket("b", "code/shop-pr-1/")
    for there, answer in (((), None), (("code/shop-pr-1/a",), Refused)):
        s3.add_client_error("get_object", "AccessDenied", "Access Denied", 403)
        found = {"Contents": [{"Key": each} for each in there]}
        s3.add_response("list_objects_v2", found, {**listed, "Prefix": "code/shop-pr-1/a"})
        if answer is None:
            assert cloud.download("b", "code/shop-pr-1/a") is None
        else:
            with pytest.raises(answer, match="may not use it"):
                cloud.download("b", "code/shop-pr-1/a")


def test_a_bucket_in_another_region_is_named_with_it(cloud: Account, s3: Stubber) -> None:
    """B2: the answer says where it is."""
    s3.add_response("head_bucket", {"BucketRegion": "eu-west-1"}, {"Bucket": "b", "ExpectedBucketOwner": ACCOUNT})
    with pytest.raises(CloudError, match="eu-west-1"):
        cloud.check_bucket("b")


@pytest.mark.parametrize(
    ("arn", "region", "url"),
    [
        ("arn:aws:iam::111111111111:root", "eu-central-1", "https://b.s3.eu-central-1.amazonaws.com/k"),
        ("arn:aws-cn:iam::1:root", "cn-north-1", "https://b.s3.cn-north-1.amazonaws.com.cn/k"),
        ("arn:aws-us-gov:iam::1:root", "us-gov-west-1", "https://b.s3.us-gov-west-1.amazonaws.com/k"),
    ],
)
def test_template_urls_are_those_of_the_region_and_partition(
    monkeypatch: pytest.MonkeyPatch, arn: str, region: str, url: str
) -> None:
    """B5: China has a domain of its own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    cloud = connect(region, "1")
    with Stubber(cloud.clients.sts) as sts:
        sts.add_response("get_caller_identity", {"Account": "1", "Arn": arn}, {})
        assert cloud.template_url("b", "k") == url


def test_a_denied_question_names_its_permission(cloud: Account) -> None:
    """A11: whoever asks can say which one is missing, and go on."""
    with Stubber(cloud.clients.functions) as functions:
        limits = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900}
        functions.add_response("get_account_settings", {"AccountLimit": limits}, {})
        functions.add_client_error("get_account_settings", "AccessDeniedException", "no", http_status_code=403)
        found = cloud.lambda_concurrency()
        assert (found.total, found.unreserved) == (1000, 900)
        with pytest.raises(PermissionDenied) as error:
            cloud.lambda_concurrency()
        assert error.value.permission == "lambda:GetAccountSettings"


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ([[("ACTIVE", "new"), ("PRIMARY", "old")]], "old"),
        ([[]], ""),
        ([], ""),
    ],
)
def test_the_primary_deployment_says_what_a_service_runs(
    cloud: Account, services: list[list[tuple[str, str]]], expected: str
) -> None:
    """R2: not the one that is being drained; a service without deployments of its own tells nothing."""
    arn = "arn:aws:ecs:us-east-1:111122223333:service/shop/api"
    with Stubber(cloud.clients.ecs) as ecs:
        rows = [{"deployments": [{"status": s, "taskDefinition": t} for s, t in each]} for each in services]
        ecs.add_response("describe_services", {"services": rows}, {"cluster": "shop", "services": [arn]})
        assert cloud.running_service(arn).task_definition == expected


def test_deletion_protection_is_read_and_switched_off_where_it_lives(cloud: Account) -> None:
    """On the cluster by RDS, on the load balancer by its attributes; other types have none."""
    cluster = StackResource("Cluster", "c", "AWS::RDS::DBCluster", "")
    balancer = StackResource("LoadBalancer", "arn:lb", "AWS::ElasticLoadBalancingV2::LoadBalancer", "")
    on = {"Key": "deletion_protection.enabled", "Value": "true"}
    with Stubber(cloud.clients.rds) as rds, Stubber(cloud.clients.load_balancers) as load_balancers:
        rds.add_response(
            "describe_db_clusters", {"DBClusters": [{"DeletionProtection": True}]}, {"DBClusterIdentifier": "c"}
        )
        rds.add_response(
            "modify_db_cluster", {},
            {"DBClusterIdentifier": "c", "DeletionProtection": False, "ApplyImmediately": True},
        )  # fmt: skip
        load_balancers.add_response(
            "describe_load_balancer_attributes", {"Attributes": [on]}, {"LoadBalancerArn": "arn:lb"}
        )
        load_balancers.add_response(
            "modify_load_balancer_attributes", {},
            {"LoadBalancerArn": "arn:lb", "Attributes": [{**on, "Value": "false"}]},
        )  # fmt: skip
        for resource in (cluster, balancer):
            assert cloud.deletion_protection(resource)
            cloud.lift_deletion_protection(resource)
        assert not cloud.deletion_protection(StackResource("T", "t", "AWS::SNS::Topic", ""))


def test_deletion_protection_of_instances_and_tables(cloud: Account) -> None:
    """R9: RDS's of an instance of its own, DynamoDB's of a table."""
    instance = StackResource("Db", "db", "AWS::RDS::DBInstance", "")
    table = StackResource("Table", "t", "AWS::DynamoDB::Table", "")
    with Stubber(cloud.clients.rds) as rds, Stubber(cloud.clients.tables) as tables:
        rds.add_response(
            "describe_db_instances", {"DBInstances": [{"DeletionProtection": True}]}, {"DBInstanceIdentifier": "db"}
        )
        rds.add_response(
            "modify_db_instance", {},
            {"DBInstanceIdentifier": "db", "DeletionProtection": False, "ApplyImmediately": True},
        )  # fmt: skip
        tables.add_response("describe_table", {"Table": {"DeletionProtectionEnabled": True}}, {"TableName": "t"})
        tables.add_response("update_table", {}, {"TableName": "t", "DeletionProtectionEnabled": False})
        for resource in (instance, table):
            assert cloud.deletion_protection(resource)
            cloud.lift_deletion_protection(resource)


def test_network_interfaces_are_named_with_what_they_are_for(cloud: Account) -> None:
    """R3: of a security group, subnet or VPC, by their own filters; no call for anything else."""
    group = StackResource("Group", "sg-1", "AWS::EC2::SecurityGroup", "")
    found = {"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "Description": "AWS Lambda VPC ENI-shop-worker"}]}
    with Stubber(cloud.clients.networks) as networks:
        networks.add_response(
            "describe_network_interfaces", found, {"Filters": [{"Name": "group-id", "Values": ["sg-1"]}]}
        )
        assert cloud.network_interfaces(group) == ("eni-1 (AWS Lambda VPC ENI-shop-worker)",)
        assert cloud.network_interfaces(StackResource("News", "n", "AWS::SNS::Topic", "")) == ()


def test_a_bucket_that_is_gone_holds_nothing(cloud: Account) -> None:
    """R10: deleted by hand; every call names the account that must own the bucket."""
    bucket = StackResource("Files", "files", "AWS::S3::Bucket", "")
    with Stubber(cloud.clients.s3) as s3:
        asked = {"Bucket": "files", "ExpectedBucketOwner": cloud.owner}
        s3.add_client_error("list_object_versions", "NoSuchBucket", "gone", expected_params=asked)
        assert cloud.contents(bucket) == 0


@pytest.mark.parametrize(
    ("error", "kind", "match"),
    [
        (NoCredentialsError(), CloudError, "Unable to locate credentials"),
        (ProfileNotFound(profile="nope"), CloudError, "nope"),
        (UnauthorizedSSOTokenError(), CredentialsExpired, "SSO"),
        (
            ResponseParserError("invalid XML received. Retries may succeed: b'<html>…'"),
            Unavailable,
            "not from AWS, or .* succeed$",
        ),
        (EndpointConnectionError(endpoint_url="http://x"), Unavailable, "http://x"),
        (ConnectTimeoutError(endpoint_url="http://x"), Unavailable, "http://x"),
        (ParamValidationError(report="bad"), CloudError, "bad"),
        (
            SSLError(endpoint_url="http://x", error=OSError("certificate verify failed: self-signed")),
            AwsError,
            "self-signed",
        ),
        (SSLError(endpoint_url="http://x", error=OSError("EOF occurred in violation of protocol")), Unavailable, "EOF"),
    ],
)
def test_botocores_errors_become_ours(error: Exception, kind: type[CloudError], match: str) -> None:
    """A1, A2: one line that says what was being done, and what to type next."""
    with pytest.raises(kind, match=match) as caught, translated("asking"):
        raise error
    assert type(caught.value) is kind or kind is CloudError
    assert caught.value.message.startswith("asking: ")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("Throttling", 400, Unavailable),
        ("InternalFailure", 500, Unavailable),
        ("ExpiredToken", 403, CredentialsExpired),
        ("AccessDenied", 403, CloudError),
        ("SignatureDoesNotMatch", 403, CloudError),
        ("SomethingNew", 400, CloudError),
    ],
)
def test_aws_errors_are_permanent_passing_or_about_credentials(
    cloud: Account, formation: Stubber, code: str, status: int, kind: type[CloudError]
) -> None:
    """Only what may pass by itself is Unavailable: following goes on through it."""
    formation.add_client_error("describe_stacks", code, "the words", status)
    with pytest.raises(CloudError, match="the words") as caught:
        cloud.stack("shop-dev")
    assert isinstance(caught.value, kind)
    assert isinstance(caught.value, Unavailable) == (kind is Unavailable)


def test_an_endpoint_that_is_no_url_is_told_with_where_it_may_be_written(cloud: Account) -> None:
    """botocore raises a ValueError for it, which is no bug of ours."""
    with pytest.raises(InputError, match="Invalid endpoint: nonsense") as caught:
        connect(REGION, ACCOUNT, endpoint_url="nonsense", keys=("a", "b")).identity()
    assert "--endpoint-url, AWS_ENDPOINT_URL" in caught.value.hint


def test_an_address_that_leads_nowhere_is_tried_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first question ends in seconds where nobody answers; an answer that says no is retried as always."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        cloud = connect(REGION, ACCOUNT, endpoint_url=f"http://127.0.0.1:{taken.getsockname()[1]}", keys=("a", "b"))
        waits: list[float] = []
        monkeypatch.setattr(time, "sleep", waits.append)
        with pytest.raises(Unavailable, match="Could not connect to the endpoint"):
            cloud.identity()
    assert len(waits) == 2


def test_our_own_faults_are_not_taken_for_aws_errors() -> None:
    """A bug keeps its traceback."""
    with pytest.raises(KeyError), translated("asking"):
        raise KeyError("bug")


def test_control_characters_of_a_reason_are_written_as_their_numbers() -> None:
    """A resource's own message must not drive the terminal, turn its text round, or hide something in it."""
    said = reading.plain("a\x1b[31mred\r\nb\x07\x9b1m \u202edesrever\u2066\u200b")
    assert said == "a\\u001b[31mred b\\u0007\\u009b1m \\u202edesrever\\u2066\\u200b"


def test_a_property_with_several_causes_is_one_change() -> None:
    """AWS lists it once for each; the worst recreation stays."""
    target = {"Attribute": "Properties", "Name": "A"}
    details = [
        {"Target": {**target, "RequiresRecreation": recreation}, "ChangeSource": source, "CausingEntity": entity}
        for recreation, source, entity in (
            ("Never", "DirectModification", ""),
            ("Always", "ParameterReference", "P"),
            ("Never", "ResourceAttribute", "R.Arn"),
        )
    ]
    [only] = reading.resource_change(change("Q", Details=details)).properties
    assert (only.recreation, because(only)) == ("Always", "parameter P, resource R.Arn")


def test_added_and_removed_values_are_absent_on_one_side() -> None:
    """`(none)`, which is something else than a value that AWS does not tell."""
    target = {"Attribute": "Properties", "Name": "A", "BeforeValue": "1", "AfterValue": "2"}
    added = reading.property_change((), [{"Target": {**target, "AttributeChangeType": "Add"}}])
    removed = reading.property_change((), [{"Target": {**target, "AttributeChangeType": "Remove"}}])
    assert (added.before, added.after, removed.before, removed.after) == (Absent(), "2", "1", Absent())
    odd = {"Target": {"Attribute": "Properties", "RequiresRecreation": "Odd"}}
    assert reading.property_change(("Properties",), [odd]).recreation == "Always"


def test_merging_keeps_what_matters_from_the_plain_description() -> None:
    """Replacement and policy are taken from the one that never leaves anything out."""
    head = {"ChangeSetId": "c", "ChangeSetName": "n", "StackId": "s", "Status": "CREATE_COMPLETE"}
    plain = change("Q", Action="Modify", Replacement="True", PolicyAction="ReplaceAndDelete")
    valued = change("Q", Action="Modify", Replacement="False")
    extra = change("New", Action="Add")
    found = reading.change_set(head, [plain], [valued, extra]).changes
    assert found == (reading.resource_change(plain), reading.resource_change(extra))
