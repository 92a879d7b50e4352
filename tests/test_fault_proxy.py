"""The fault proxy, between a real boto3 client and the fake: each fault as a client meets it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import pytest
from fakeaws import FakeAws, real_client
from fakeaws.proxy import (
    EXPIRED,
    INTERNAL_FAILURE,
    THROTTLED,
    Delay,
    DropAfter,
    DropBefore,
    Error,
    Fault,
    Html,
    Interrupt,
    NoName,
    NotInTime,
    Proxy,
    Truncate,
)

BODY = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with FakeAws() as fake:
        yield fake
        fake.check()


@pytest.fixture
def proxy(aws: FakeAws) -> Iterator[Proxy]:
    with Proxy(aws.url, clock=aws.clock.monotonic, sleep=aws.clock.sleep) as between:
        yield between


def client(proxy: Proxy, service: str = "cloudformation", attempts: int = 1) -> Any:
    """A real client of the proxy."""
    retries = {"mode": "standard", "total_max_attempts": attempts}
    return real_client(proxy.url, service, account="111122223333", retries=retries)


def create(api: Any, name: str = "one") -> dict[str, Any]:
    made: dict[str, Any] = api.create_change_set(
        StackName="app", ChangeSetName=name, ChangeSetType="CREATE", TemplateBody=BODY
    )
    return made


def operations(aws: FakeAws) -> list[str]:
    return [call.operation for call in aws.calls]


def test_without_rules_every_call_passes_unchanged(aws: FakeAws, proxy: Proxy) -> None:
    """Query, and S3 with its headers and HEAD, work as without the proxy."""
    assert create(client(proxy))["StackId"].startswith("arn:aws:cloudformation:us-east-1:111122223333:stack/app/")
    s3 = client(proxy, "s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="a/b", Body=b"12345")
    assert s3.head_object(Bucket="code", Key="a/b")["ContentLength"] == 5
    assert s3.get_object(Bucket="code", Key="a/b")["Body"].read() == b"12345"
    assert [seen.operation for seen in proxy.calls] == operations(aws)
    assert [seen.operation for seen in proxy.calls][-2:] == ["HeadObject", "GetObject"]


def test_a_call_dropped_before_never_reaches_the_service(aws: FakeAws, proxy: Proxy) -> None:
    """The client sees a closed connection, the service nothing."""
    proxy.at(1, DropBefore())
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        create(client(proxy))
    assert operations(aws) == []


def test_a_call_dropped_after_was_applied(aws: FakeAws, proxy: Proxy) -> None:
    """The client sees a closed connection although the change set exists."""
    proxy.on("CreateChangeSet", DropAfter())
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        create(client(proxy))
    assert operations(aws) == ["CreateChangeSet"]
    with pytest.raises(botocore.exceptions.ClientError, match="AlreadyExistsException"):
        create(client(proxy))


@pytest.mark.parametrize("fault", [THROTTLED, INTERNAL_FAILURE, EXPIRED, Error("AccessDenied", 403, "not you")])
def test_an_error_body_arrives_as_that_error(aws: FakeAws, proxy: Proxy, fault: Error) -> None:
    """Code, message and status are those of the rule; the service saw nothing."""
    proxy.at(1, fault)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        create(client(proxy))
    assert caught.value.response["Error"]["Code"] == fault.code
    assert caught.value.response["Error"]["Message"] == fault.message
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == fault.status
    assert operations(aws) == []


def test_an_error_may_hide_that_the_call_was_applied(aws: FakeAws, proxy: Proxy) -> None:
    """A 500 after the work is done: the ambiguous reply."""
    proxy.at(1, Error("InternalFailure", 500, applied=True))
    with pytest.raises(botocore.exceptions.ClientError, match="InternalFailure"):
        create(client(proxy))
    assert operations(aws) == ["CreateChangeSet"]


def test_a_web_page_arrives_as_a_503(aws: FakeAws, proxy: Proxy) -> None:
    """What a load balancer sends has no AWS error code; botocore makes one of the status."""
    proxy.at(1, Html(503))
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        create(client(proxy))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert operations(aws) == []


def test_truncated_xml_cannot_be_parsed(aws: FakeAws, proxy: Proxy) -> None:
    """A reply with a matching length but half of its XML, though the call was applied."""
    proxy.at(1, Truncate(0.5))
    with pytest.raises(botocore.parsers.ResponseParserError):
        create(client(proxy))
    assert operations(aws) == ["CreateChangeSet"]


def test_a_reply_broken_off_is_a_connection_error(aws: FakeAws, proxy: Proxy) -> None:
    """The whole length is announced, half of it comes."""
    proxy.at(1, Truncate(0.5, announce_all=True))
    with pytest.raises((botocore.exceptions.HTTPClientError, botocore.exceptions.ResponseStreamingError)):
        create(client(proxy))
    assert operations(aws) == ["CreateChangeSet"]


def test_a_delay_passes_in_the_clock_it_was_given(aws: FakeAws, proxy: Proxy) -> None:
    """Virtual seconds go by before the call is forwarded."""
    proxy.at(1, Delay(40))
    create(client(proxy))
    assert aws.calls[0].time == 40


def test_an_interrupt_acts_and_drops_the_call(aws: FakeAws, proxy: Proxy) -> None:
    """For tests that kill the client before or after a call was applied."""
    happened: list[str] = []
    proxy.at(1, Interrupt(lambda: happened.append("before")))
    proxy.at(2, Interrupt(lambda: happened.append("after"), applied=True))
    for _ in range(2):
        with pytest.raises(botocore.exceptions.ConnectionClosedError):
            create(client(proxy))
    assert happened == ["before", "after"]
    assert operations(aws) == ["CreateChangeSet"]


def test_a_rule_for_an_operation_counts_that_operation_only(aws: FakeAws, proxy: Proxy) -> None:
    """The second and third DescribeStacks fail, whatever else is called in between."""
    proxy.on("DescribeStacks", THROTTLED, nth=2, times=2)
    api = client(proxy)
    create(api)
    outcomes = []
    for _ in range(4):
        api.list_stacks()
        try:
            api.describe_stacks(StackName="app")
            outcomes.append("ok")
        except botocore.exceptions.ClientError:
            outcomes.append("throttled")
    assert outcomes == ["ok", "throttled", "throttled", "ok"]


def test_a_cut_lasts_as_long_as_the_clock_says(aws: FakeAws, proxy: Proxy) -> None:
    """Nothing gets through for ten virtual minutes, then everything."""
    api = client(proxy)
    create(api)
    proxy.cut(600, after=10)
    api.describe_stacks(StackName="app")
    aws.clock.advance(10)
    for _ in range(2):
        with pytest.raises(botocore.exceptions.ConnectionClosedError):
            api.describe_stacks(StackName="app")
        aws.clock.advance(599)
    api.describe_stacks(StackName="app")


@pytest.mark.long
def test_a_storm_hits_its_share_of_the_calls_until_it_ends(aws: FakeAws, proxy: Proxy) -> None:
    """Half of the calls by lot, the same ones for the same seed, none after the end."""
    proxy.storm(THROTTLED, share=0.5, until=100, seed=7)
    api = client(proxy)

    def hits() -> int:
        before = len(aws.calls)
        for _ in range(40):
            try:
                api.list_stacks()
            except botocore.exceptions.ClientError as error:
                assert "Rate exceeded" in str(error)  # noqa: PT017 - a storm gives either
        return 40 - (len(aws.calls) - before)

    assert 10 < hits() < 30
    aws.clock.advance(100)
    assert hits() == 0


def test_retries_of_the_client_are_calls_of_their_own(aws: FakeAws, proxy: Proxy) -> None:
    """botocore repeats a dropped mutating call by itself: the service gets it twice."""
    proxy.on("CreateChangeSet", DropAfter())
    with pytest.raises(botocore.exceptions.ClientError, match="AlreadyExistsException"):
        create(client(proxy, attempts=2))
    assert operations(aws) == ["CreateChangeSet", "CreateChangeSet"]


def test_the_proxy_refuses_an_upstream_off_the_machine() -> None:
    """Loopback only."""
    with pytest.raises(AssertionError, match="loopback"):
        Proxy("http://192.0.2.1:80")


@pytest.mark.parametrize(
    "fault",
    [
        None, THROTTLED, EXPIRED, INTERNAL_FAILURE, Error("InternalFailure", 500, applied=True), Html(503),
        DropBefore(), DropAfter(), Truncate(), Truncate(announce_all=True),
    ],
    ids=str,
)  # fmt: skip
def test_a_near_proxy_does_to_its_clients_what_one_over_http_does(fault: Fault | None) -> None:
    """The same error or answer of CloudFormation and of a streamed body of S3, and the same calls arrived."""
    assert _met(fault, near=True) == _met(fault, near=False)


def _met(fault: Fault | None, near: bool) -> list[object]:
    met: list[object] = []
    with FakeAws() as aws, Proxy(aws.url, near=near) as proxy:
        aws.client("s3", "us-east-1").create_bucket(Bucket="code")
        aws.client("s3", "us-east-1").put_object(Bucket="code", Key="a/b", Body=b"12345" * 20)

        def read() -> object:
            return client(proxy, "s3").get_object(Bucket="code", Key="a/b")["Body"].read()

        def wrong() -> object:
            return client(proxy).describe_stacks(StackName="none")

        for call in (lambda: sorted(create(client(proxy))), read, wrong):
            if fault is not None:
                proxy.at(len(proxy.calls) + 1, fault)
            try:
                met.append(call())
            except botocore.exceptions.ClientError as error:
                met.append((error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]))
            except (botocore.exceptions.BotoCoreError, botocore.parsers.ResponseParserError) as error:
                met.append(type(error))
        return [*met, operations(aws), [each.operation for each in proxy.calls]]


@pytest.mark.parametrize(
    ("fault", "kind", "arrived"),
    [
        (NoName(), botocore.exceptions.EndpointConnectionError, []),
        (NotInTime(), botocore.exceptions.ReadTimeoutError, ["CreateChangeSet"]),
    ],
)
def test_a_near_proxy_says_what_a_client_says_by_itself(
    aws: FakeAws, fault: Fault, kind: type[Exception], arrived: list[str]
) -> None:
    """Without DNS nothing arrives; what is answered too late was done."""
    with Proxy(aws.url, near=True) as proxy:
        proxy.at(1, fault)
        with pytest.raises(kind):
            create(client(proxy))
    assert operations(aws) == arrived
