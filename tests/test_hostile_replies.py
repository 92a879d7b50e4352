"""Replies that are not AWS's end in exit code 4, soon, and say what is wrong: over every question that is asked."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from figures import Tried
from hostile import HTML, RAW, WRONG, hostile, listed, raw, silent
from sweeps import SOAKING

from infragen.aws import reply_limits, session
from infragen.aws.account import Account
from infragen.aws.account_reads import _FINDERS
from infragen.aws.price_list import refreshed
from infragen.aws.session import Clients
from infragen.cloud.cloudformation import StackResource
from infragen.cloud.monitoring import AlarmQuery, Metric, Monitoring
from infragen.cloud.protocol import AccountReader, ChangeSetRequest, Cloud
from infragen.cloud.workload import (
    Parameters,
    QueueMessage,
    Queues,
    Rotations,
    ServiceSettings,
    TaskState,
    TaskTemplate,
    Workload,
)
from infragen.errors import CloudError, InfragenError

ARN = "arn:aws:cloudformation:us-east-1:111122223333:stack/shop-dev/1"
SERVICE = "arn:aws:ecs:us-east-1:111122223333:service/shop/api"
NOW = datetime(2026, 11, 28, tzinfo=UTC)
REQUEST = ChangeSetRequest("shop-dev", "infragen-a-b", "CREATE", {}, {}, (), url="https://bucket/key")
LOADED = "AWS::ElasticLoadBalancingV2::LoadBalancer"
TASK = TaskTemplate("shop-dev-release", "release", "api", "image@sha256:0", ("node",), "1000", 256, 512, "arm64")
SETTINGS = ServiceSettings("shop", "shop:1", ("subnet-1",), ("sg-1",))
MESSAGE = QueueMessage("1", "{}", "handle", group="a")

ARGUMENTS: dict[str, list[tuple[Any, ...]]] = {
    "reconnect": [()], "expires_within": [(1.0,)], "identity": [()], "stacks": [("shop",)],
    "deleted_stacks": [("shop",)], "stack": [(ARN,)],
    "template": [(ARN,), ("", ARN)], "resources": [(ARN,)], "events": [(ARN,), (ARN, "again")],
    "create_change_set": [(REQUEST,)], "change_set": [(ARN, ARN)], "change_set_description": [(ARN, ARN)],
    "failed_checks": [(ARN,)], "hook_checks": [("1",)], "change_sets": [(ARN,)],
    "delete_change_set": [(ARN, ARN)], "execute_change_set": [(ARN, ARN, "token")], "delete_stack": [(ARN, "token")],
    "continue_rollback": [(ARN, "token", ())], "roll_back": [(ARN, "token")], "cancel_update": [(ARN, "token")],
    "importers": [("export",)], "protect_stack": [(ARN, True)], "stack_policy": [(ARN,)],
    "set_stack_policy": [(ARN, "{}")], "detect_drift": [(ARN,)], "drift_detection": [("1",)],
    "resource_drifts": [(ARN,)], "check_bucket": [("shop-dev-artifacts",)],
    "upload": [("shop-dev-artifacts", "key", b"body")], "download": [("shop-dev-artifacts", "key")],
    "objects": [("shop-dev-artifacts", "code/")], "delete_object": [("shop-dev-artifacts", "key")],
    "template_url": [("bucket", "key")],
    "lambda_concurrency": [()], "service_events": [(SERVICE, NOW)], "running_service": [(SERVICE,)],
    "stopped_tasks": [(SERVICE,)], "task_containers": [("shop:1",)], "unhealthy_targets": [(SERVICE,)],
    "log_lines": [("group", "stream", 5, NOW, NOW)], "log_events": [("group", 0.0)],
    "function_log": [("worker",)], "denied_calls": [(NOW, NOW, 5)],
    "deletion_protection": [
        (StackResource("R", "r", kind, ""),)
        for kind in ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance", LOADED, "AWS::DynamoDB::Table")
    ],
    "lift_deletion_protection": [
        (StackResource("R", "r", kind, ""),)
        for kind in ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance", LOADED, "AWS::DynamoDB::Table")
    ],
    "contents": [(StackResource("R", "r", kind, ""),) for kind in ("AWS::S3::Bucket", "AWS::ECR::Repository")],
    "snapshots": [(StackResource("R", "r", f"AWS::RDS::{kind}", ""),) for kind in ("DBCluster", "DBInstance")],
    "delete_objects": [("shop-dev-artifacts",)], "image": [("shop-dev-api", "v1")], "image_tags": [("shop-dev-api",)],
    "certificate": [("arn:aws:acm:us-east-1:111122223333:certificate/1",)], "hosted_zone": [("Z1",)],
    "delegation": [("shop.example.com",), ("example.com",)], "availability_zones": [()], "nat_gateways": [()],
    "vpc": [("vpc-1",)], "subnets": [(("subnet-a",),)], "default_routes": [("vpc-1",)], "vpc_endpoints": [("vpc-1",)],
    "endpoint_services": [(("com.amazonaws.us-east-1.s3",),)],
    "orderable_zones": [("aurora-postgresql", "17.7", "db.serverless")],
    "cluster_parameters": [("aurora-postgresql17",)],
    "quota": [("vpc", "L-F678F1CE"), ("fargate", "L-3032A538")], "in_use": [("vpc",), ("eip",), ("igw",)],
    "role_exists": [("AWSServiceRoleForECS",)], "create_service_linked_role": [("ecs.amazonaws.com",)],
    "taken": [(kind, ("name",)) for kind in _FINDERS], "secret": [("arn:secret",)], "parameter_exists": [("/a",)],
    "queue_state": [("https://queue",)], "receive": [("https://queue", 10, 60)],
    "release": [("https://queue", (MESSAGE,))], "send_again": [("https://queue", MESSAGE)],
    "delete_message": [("https://queue", MESSAGE)], "start_move": [("arn:dlq", "arn:queue", 5)],
    "move_tasks": [("arn:dlq",)], "cancel_move": [("handle",)], "function_changed": [("worker",)],
    "resource_properties": [("AWS::SQS::Queue", "https://queue")], "aws_time": [()], "identity_providers": [()],
    "service_states": [("shop", ("api",))], "cluster_tasks": [("shop",)],
    "points": [((Metric("AWS/SQS", "Depth", "Maximum", (("QueueName", "jobs"),)),), 0.0, 600.0)],
    "raised_alarms": [(AlarmQuery("shop-dev", ("own",)),)], "event_sources": [(("shop-dev-jobs",), ("uuid",))],
    "alarm_states": [(("shop-dev-service",),)],
    "service_settings": [(SERVICE,)], "image_digest": [("shop-dev-api", "v1")], "register_task": [("shop:1", TASK)],
    "deregister_task": [("shop:1",)], "registered_tasks": [("shop-dev-release",)],
    "run_task": [("shop:1", SETTINGS, "infragen-release", "token", {"a": "b"})],
    "unfinished_tasks": [("shop", "shop-dev-release")], "task": [("shop", "arn")],
    "stop_task": [("shop", "arn", "why")], "execute_command": [(TaskState("arn", "RUNNING"), "shop", "api", "sh")],
    "forward_port": [("ecs:shop_1_2", "host", 5432, 5432)], "secret_value": [("arn:secret",)],
    "parameters": [("/shop/dev/",)], "key_state": [("key",)],
    "put_parameter": [("/shop/dev/A", "value", "", {"a": "b"})],
    "delete_parameters": [(("/shop/dev/A",),)],
    "rotated_secret": [("arn:secret",)], "version_created": [("arn:secret", "1")],
    "rotate_secret": [("arn:secret", "token")], "deploy_again": [(SERVICE,)], "service_deployments": [(SERVICE,)],
    "log_page": [("group", "stream", ""), ("group", "stream", "f/1")],
    "network_interfaces": [(StackResource("R", "sg-1", "AWS::EC2::SecurityGroup", ""),)],
}  # fmt: skip
"""What each question is asked with. A question that is not here fails the test below."""

QUESTIONS = sorted(
    name
    for protocol in (AccountReader, Workload, Queues, Monitoring, Rotations, Parameters, Cloud)
    for name, value in vars(protocol).items()
    if callable(value) and not name.startswith("_")
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials, and no time between tries: how long they take in all is another test's matter."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr(session, "THROTTLED_ATTEMPTS", 3)
    monkeypatch.setattr(session, "ATTEMPTS", 3)


def account(url: str) -> Account:
    return Account(Clients("us-east-1", endpoint_url=url), "111122223333")


def test_every_question_of_the_program_is_asked_here() -> None:
    """Whoever adds one says with what it is asked."""
    assert sorted(ARGUMENTS) == QUESTIONS


SAMPLE = ("no members", "rows without members", "rows of another kind", "other types", "a web page")


@pytest.mark.long
@pytest.mark.promise("P24", "a question of the program and a reply that is not AWS's")
@pytest.mark.parametrize("wrong", [*WRONG] if SOAKING else SAMPLE)
def test_a_wrong_reply_to_any_question_ends_in_an_error_of_ours(wrong: str, tried: Tried) -> None:
    """N13: Exit code 4 (or an answer, where the reply holds nothing that is read), never a bug and never a hang."""
    with hostile(WRONG[wrong]) as server:
        cloud = account(server.url)
        for name in QUESTIONS:
            for arguments in ARGUMENTS[name]:
                tried()
                ends_well(lambda name=name, given=arguments: getattr(cloud, name)(*given), f"{name}: {wrong}")  # type: ignore[misc]  # mypy types no default of a lambda
        ends_well(lambda: refreshed("eu-central-1", endpoint_url=server.url), f"prices: {wrong}")


@pytest.mark.long
@pytest.mark.parametrize("wrong", ["times that no calendar has", "too deep"])
def test_what_no_reader_can_read_ends_in_an_error_of_ours(wrong: str) -> None:
    """N13: botocore's own readers raise for it what is no error of botocore's."""
    with hostile(WRONG[wrong]) as server:
        cloud = account(server.url)
        for name in ("quota", "stacks", "log_events", "service_states", "rotated_secret"):
            ends_well(lambda name=name: getattr(cloud, name)(*ARGUMENTS[name][0]), f"{name}: {wrong}")  # type: ignore[misc]  # mypy types no default of a lambda


@pytest.mark.long
@pytest.mark.promise("P24", "a reply that is no sound HTTP")
@pytest.mark.parametrize("wrong", RAW)
def test_a_reply_that_is_no_sound_http_ends_in_an_error_of_ours(wrong: str, tried: Tried) -> None:
    """N13: a redirect, a body that unpacks without end, a wrong length, bytes of another protocol."""
    with raw(RAW[wrong]()) as url:
        for name in ("identity", "stack", "template"):
            tried()
            ends_well(lambda name=name: getattr(account(url), name)(*ARGUMENTS[name][0]), f"{name}: {wrong}")  # type: ignore[misc]  # mypy types no default of a lambda


@pytest.mark.long
def test_a_server_without_tls_where_tls_is_asked_for_ends_in_an_error_of_ours() -> None:
    """N13: another protocol than the address says."""
    with hostile(WRONG["nothing"]) as server:
        cloud = account(server.url.replace("http://", "https://"))
        ends_well(lambda: cloud.stack("shop-dev"), "TLS")


def ends_well(ask: Callable[[], Any], what: str) -> None:
    code = 0
    try:
        ask()
    except InfragenError as error:
        code = error.exit_code
    except Exception as error:  # what it must never be
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    assert code in (0, 4), f"{what}: {code}"


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("identity", "Account"), ("stacks", "Stacks"), ("stack", "Stacks"), ("template", "TemplateBody"),
        ("events", "StackEvents"), ("resources", "StackResourceSummaries"), ("create_change_set", "Id"),
        ("change_set", "ChangeSetId"), ("detect_drift", "StackDriftDetectionId"),
        ("lambda_concurrency", "AccountLimit"),
    ],
)  # fmt: skip
def test_a_missing_member_is_named(question: str, missing: str) -> None:
    """N13: With what was being done, so that it can be looked up."""
    with (
        hostile(WRONG["no members"]) as server,
        pytest.raises(CloudError, match=f"the reply has no {missing}") as error,
    ):
        getattr(account(server.url), question)(*ARGUMENTS[question][0])
    assert ":" in error.value.message.partition("the reply")[0]
    assert "not from AWS" in error.value.hint


@pytest.mark.parametrize(
    "question", ["stacks", "resources", "change_sets", "importers", "resource_drifts", "denied_calls", "stopped_tasks"]
)
def test_a_page_that_leads_to_itself_is_an_error(question: str) -> None:
    """N13: Two calls, and not calls for ever."""

    def endless(asked: Any) -> tuple[int, str, bytes]:
        kind = "text/xml" if asked.query else "application/json"
        token = "<NextToken>again</NextToken>" if asked.query else ""
        if not asked.query:
            return 200, kind, b'{"Events": [], "taskArns": [], "NextToken": "again", "nextToken": "again"}'
        names = ("Stacks", "StackResourceSummaries", "Summaries", "Imports", "StackResourceDrifts")
        inner = "".join(f"<{name}></{name}>" for name in names) + token
        result = f"<{asked.operation}Result>{inner}</{asked.operation}Result>"
        return 200, kind, f"<{asked.operation}Response>{result}</{asked.operation}Response>".encode()

    with hostile(endless) as server:
        with pytest.raises(CloudError, match="oken of an earlier page"):
            getattr(account(server.url), question)(*ARGUMENTS[question][0])
        assert len(server.asked) == 2


def test_a_page_of_events_that_leads_to_itself_is_an_error() -> None:
    """The follower asks for one page at a time."""
    with (
        hostile(lambda asked: (200, "text/xml", listed(asked, "", "again"))) as server,
        pytest.raises(CloudError, match=r"earlier page|the reply has no"),
    ):
        account(server.url).events(ARN, "again")


def test_a_reply_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """N13: Memory is not what a server decides about."""
    monkeypatch.setattr(reply_limits, "LARGEST", 3_000_000)
    with (
        hostile(lambda asked: (200, "text/xml", b""), endless=True) as server,
        pytest.raises(CloudError, match="larger than 3 MB"),
    ):
        account(server.url).stacks("shop")


def test_a_reply_that_drips_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """N13: Each byte would start a read timeout anew; the exchange as a whole has a limit."""
    monkeypatch.setattr(session, "EXCHANGE_SECONDS", 0.3)
    with (
        hostile(lambda asked: (200, "text/xml", b"<" * 1000), drip=0.1) as server,
        pytest.raises(CloudError, match=r"[Rr]ead timeout"),
    ):
        account(server.url).stacks("shop")


def test_the_first_question_says_what_it_waits_for_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """N13: A server that accepts and never answers: told once, three tries, exit code 4."""
    monkeypatch.setattr(session, "FIRST_EXCHANGE_SECONDS", 0.3)
    monkeypatch.setattr(reply_limits, "TOLD_AFTER", 0.1)
    heard: list[str] = []
    with silent() as url:
        cloud = Account(Clients("us-east-1", endpoint_url=url, waiting=heard.append), "111122223333")
        with pytest.raises(CloudError) as error:
            cloud.identity()
    assert heard == [f"{url}/"]
    assert error.value.exit_code == 4


def test_a_web_page_ends_the_first_question_at_once() -> None:
    """One request: nobody has to be asked again who answered with a page."""
    with hostile(lambda asked: (200, "text/html", HTML)) as server:
        with pytest.raises(CloudError, match="a web page"):
            account(server.url).identity()
        assert len(server.asked) == 1


@pytest.mark.long
def test_a_command_on_a_guest_network_ends_in_seconds(tmp_path: Path) -> None:
    """N13: Through the command line, with botocore's own waiting."""
    (tmp_path / "environments").mkdir()
    text = 'project: shop\nenvironment: dev\nregion: us-east-1\naccount: "111122223333"\n'
    (tmp_path / "environments/dev.yaml").write_text(text)
    program = [sys.executable, "-m", "infragen", "status", "--env", "dev", "--endpoint-url"]
    began = time.monotonic()
    with hostile(lambda asked: (200, "text/html", HTML)) as server:
        done = subprocess.run(  # our own program
            [*program, server.url], cwd=tmp_path, env={**os.environ}, capture_output=True, text=True, check=False
        )
        assert len(server.asked) == 1
    assert done.returncode == 4, done.stderr
    assert "a web page with status 200" in done.stderr
    assert time.monotonic() - began < 600
