"""`infragen redrive`: looks at dead letters and moves them back, on the emulator's queues."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import Result
from commands import CommandLine
from emulator import fresh_account, log_in, make_client

from infragen.cli import main
from infragen.emulator import Emulator
from infragen.report.redrive import redrive_schema

ENVIRONMENT = """\
project: shop
environment: dev
region: eu-central-1
account: "{account}"
topology: {topology}
network:
  nat: none
  interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sts, sqs, ssm, kms]
queues:
  - name: orders
  - name: steps
    fifo: true
workers:
  - name: send
    queue: orders
"""
Run = Callable[..., Result]


class Shop:
    """A deployed environment, its queues by boto3, and how a command is run in it."""

    def __init__(self, emulator: Emulator, directory: Path, account: str) -> None:
        self.emulator, self.directory = emulator, directory
        self.sqs = make_client(emulator, "sqs", account, "eu-central-1")
        self.logs = make_client(emulator, "logs", account, "eu-central-1")

    def run(self, *arguments: str, code: int = 0) -> Result:
        made = [*arguments, "--env", "dev", "--environments", str(self.directory), "--endpoint-url"]
        result = CommandLine().invoke(main, [*made, self.emulator.endpoint_url])
        assert result.exit_code == code, result.output
        return result

    def url(self, queue: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=f"shop-dev-{queue}")["QueueUrl"])

    def bury(self, *bodies: str, queue: str = "orders-dlq", **more: Any) -> list[str]:
        """Puts messages into a dead-letter queue; their ids."""
        return [
            self.sqs.send_message(QueueUrl=self.url(queue), MessageBody=each, **more)["MessageId"] for each in bodies
        ]

    def bodies(self, queue: str) -> list[str]:
        """What can be received, once each; it is deleted."""
        found: list[str] = []
        asked = {"QueueUrl": self.url(queue), "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0}
        while got := self.sqs.receive_message(**asked).get("Messages"):
            for each in got:
                found.append(each["Body"])
                self.sqs.delete_message(QueueUrl=self.url(queue), ReceiptHandle=each["ReceiptHandle"])
        return sorted(found)


@pytest.fixture(scope="module", params=["nested", "independent"])
def shop(request: pytest.FixtureRequest, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Deployed once for all tests of a topology; each test empties the queues that it uses."""
    directory, account = tmp_path_factory.mktemp("redrive"), fresh_account()
    (directory / "dev.yaml").write_text(ENVIRONMENT.format(account=account, topology=request.param))
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("CI", raising=False)
        log_in(patched, emulator, account)
        made = Shop(emulator, directory, account)
        made.run("bootstrap", "--yes")
        made.run("deploy", "--yes")
        yield made


NOW = ("--yes", "--allow-unchanged", "--wait", "0")


def test_all_messages_are_moved_back(shop: Shop) -> None:
    """And what stands where afterwards is said."""
    shop.bury("a", "b", "c")
    told = shop.run("redrive", "orders", "--yes", "--allow-unchanged", "--wait", "0").stdout
    assert told.startswith("3 messages moved to orders; now 3 wait there")
    assert (shop.bodies("orders"), shop.bodies("orders-dlq")) == (["a", "b", "c"], [])
    assert shop.run("redrive", "orders", *NOW).stdout.startswith("0 messages moved")


def test_a_look_shows_each_message_with_its_error_and_takes_none(shop: Shop) -> None:
    """Grouped by the error, as text and as JSON; secrets are hidden."""
    first, second = shop.bury('{"to": "ann"}', '{"password": "hunter22"}')
    group, stream = "/aws/lambda/shop-dev-send", "2026/11/29/[$LATEST]1"
    shop.logs.create_log_stream(logGroupName=group, logStreamName=stream)
    errors = [{"level": "error", "msg": "poison", "messageId": each, "token": "hunter22"} for each in (first, second)]
    shop.logs.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[{"timestamp": 4_000_000_000_000, "message": json.dumps(each)} for each in errors],
    )
    told = shop.run("redrive", "orders", "--peek").stdout
    assert "orders: 2 dead letters" in told
    assert "\n2 of " in told
    assert first in told
    assert "poison" in told
    assert "hunter22" not in told
    found = json.loads(shop.run("redrive", "orders", "--peek", "1", "--format", "json").stdout)
    assert (found["version"], found["queue"], found["dead"], len(found["messages"])) == (1, "orders", 2, 1)
    assert "hunter22" not in json.dumps(found)
    jsonschema.validate(found, redrive_schema())
    assert shop.bodies("orders-dlq") == ['{"password": "hunter22"}', '{"to": "ann"}']


def test_some_messages_are_moved_by_id_or_by_text(shop: Shop) -> None:
    """The others stay, and can be received at once."""
    ids = shop.bury("one", "two", "three")
    moved = json.loads(shop.run("redrive", "orders", "--message", ids[1], *NOW, "--format", "json", code=1).stdout)
    jsonschema.validate(moved, redrive_schema())
    assert moved["moved"] == 1
    assert shop.bodies("orders") == ["two"]
    told = shop.run("redrive", "orders", "--filter", "thr", *NOW, code=1)
    assert "1 messages moved" in told.stdout
    assert "hint: what they failed of: `infragen redrive --env dev --environments" in told.stderr
    assert (shop.bodies("orders"), shop.bodies("orders-dlq")) == (["three"], ["one"])


def test_a_message_of_a_fifo_queue_keeps_its_group(shop: Shop) -> None:
    """Both ways."""
    shop.bury("first", queue="steps-dlq.fifo", MessageGroupId="g1", MessageDeduplicationId="1")
    shop.run("redrive", "steps", "--filter", "first", "--yes", "--wait", "0")
    got = shop.sqs.receive_message(QueueUrl=shop.url("steps.fifo"), MessageSystemAttributeNames=["All"])["Messages"]
    assert [(each["Body"], each["Attributes"]["MessageGroupId"]) for each in got] == [("first", "g1")]


def test_messages_that_failed_of_the_same_code_are_refused(shop: Shop) -> None:
    """Exit code 3 and the flag that allows it: they would fail again."""
    shop.bury("a")
    refused = shop.run("redrive", "orders", "--yes", code=3)
    assert "nothing was deployed since messages of orders failed" in refused.stderr
    assert "--allow-unchanged" in refused.stderr
    assert shop.bodies("orders-dlq") == ["a"]


def test_what_cannot_be_is_refused(shop: Shop) -> None:
    """A queue that the file does not have, options that exclude each other, no terminal to ask."""
    assert "its queues are orders, steps" in shop.run("redrive", "order", "--peek", code=2).stderr
    assert "cannot be combined" in shop.run("redrive", "orders", "--peek", "--cancel", code=2).stderr
    assert "--rate is about moving all" in shop.run("redrive", "orders", "--rate", "5", "--filter", "a", code=2).stderr
    shop.bury("a")
    assert "answer with --yes" in shop.run("redrive", "orders", "--allow-unchanged", code=3).stderr
    assert shop.bodies("orders-dlq") == ["a"]
    assert shop.run("redrive", "orders", "--cancel").stdout == "no move of orders runs\n"
