"""`infragen redrive`: looks at dead letters and moves them back, in the emulator; stopped at each call, on the fake."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from bench import ACCOUNT, NETWORK, QUEUES, WORKERS, at_work, head
from click.testing import Result
from commands import CommandLine
from emulator import fresh_account, log_in, make_client
from fakeaws import FakeAws, transport
from fakeaws.s3 import Reply

from infragen.cli import main
from infragen.config import load_environment
from infragen.engine.schedule import signals_put_off
from infragen.machine.emulator import Emulator
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


@pytest.mark.long
def test_all_messages_are_moved_back(shop: Shop) -> None:
    """And what stands where afterwards is said."""
    shop.bury("a", "b", "c")
    told = shop.run("redrive", "orders", "--yes", "--allow-unchanged", "--wait", "0").stdout
    assert told.startswith("3 messages moved to orders; now 3 wait there")
    assert (shop.bodies("orders"), shop.bodies("orders-dlq")) == (["a", "b", "c"], [])
    assert shop.run("redrive", "orders", *NOW).stdout.startswith("0 messages moved")


@pytest.mark.long
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


@pytest.mark.long
def test_some_messages_are_moved_by_id_or_by_text(shop: Shop) -> None:
    """The others stay, and can be received at once."""
    ids = shop.bury("one", "two", "three")
    moved = json.loads(shop.run("redrive", "orders", "--message", ids[1], *NOW, "--format", "json", code=1).stdout)
    jsonschema.validate(moved, redrive_schema())
    assert moved["moved"] == 1
    assert shop.bodies("orders") == ["two"]
    none = shop.run("redrive", "orders", "--message", "gone", *NOW, code=1)
    assert "not in the dead-letter queue of orders: gone" in none.stderr
    told = shop.run("redrive", "orders", "--filter", "thr", *NOW, code=1)
    assert "1 messages moved" in told.stdout
    assert "hint: what they failed of: `infragen redrive --env dev --environments" in told.stderr
    assert (shop.bodies("orders"), shop.bodies("orders-dlq")) == (["three"], ["one"])


@pytest.mark.long
def test_a_message_of_a_fifo_queue_keeps_its_group(shop: Shop) -> None:
    """Both ways."""
    shop.bury("first", queue="steps-dlq.fifo", MessageGroupId="g1", MessageDeduplicationId="1")
    shop.run("redrive", "steps", "--filter", "first", "--yes", "--wait", "0")
    got = shop.sqs.receive_message(QueueUrl=shop.url("steps.fifo"), MessageSystemAttributeNames=["All"])["Messages"]
    assert [(each["Body"], each["Attributes"]["MessageGroupId"]) for each in got] == [("first", "g1")]


@pytest.mark.long
def test_messages_that_failed_of_the_same_code_are_refused(shop: Shop) -> None:
    """Exit code 3 and the flag that allows it: they would fail again."""
    shop.bury("a")
    refused = shop.run("redrive", "orders", "--yes", code=3)
    assert "nothing was deployed since messages of orders failed" in refused.stderr
    assert "--allow-unchanged" in refused.stderr
    assert shop.bodies("orders-dlq") == ["a"]


@pytest.mark.long
def test_what_cannot_be_is_refused(shop: Shop) -> None:
    """A queue that the file does not have, options that exclude each other, no terminal to ask."""
    assert "its queues are orders, steps" in shop.run("redrive", "order", "--peek", code=2).stderr
    assert "cannot be combined" in shop.run("redrive", "orders", "--peek", "--cancel", code=2).stderr
    assert "cannot be combined with" in shop.run("redrive", "orders", "--peek", "--rate", "5", code=2).stderr
    assert "cannot be combined with" in shop.run("redrive", "orders", "--cancel", "--wait", "5", code=2).stderr
    assert "cannot be empty" in shop.run("redrive", "orders", "--filter", "", code=2).stderr
    assert "cannot be empty" in shop.run("redrive", "orders", "--message", "", code=2).stderr
    assert "--rate is about moving all" in shop.run("redrive", "orders", "--rate", "5", "--filter", "a", code=2).stderr
    shop.bury("a")
    assert "answer with --yes" in shop.run("redrive", "orders", "--allow-unchanged", code=3).stderr
    assert shop.bodies("orders-dlq") == ["a"]
    assert shop.run("redrive", "orders", "--cancel").stdout == "no move of orders runs\n"
    ended = json.loads(shop.run("redrive", "orders", "--cancel", "--format", "json").stdout)
    jsonschema.validate(ended, redrive_schema())
    assert ended["cancelled"] is False


BODIES = ("a", "b", "c")
QUEUE = f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/shop-test-jobs"


@pytest.fixture
def buried(aws: FakeAws, tmp_path: Path) -> Callable[..., Result]:
    """Three messages in the dead-letter queue of a stack on the fake; returns the redrive of those with a text."""
    file = tmp_path / "test.yaml"
    file.write_text(head() + NETWORK + QUEUES)
    bench = at_work(aws, load_environment(file))
    names = {"JobsQueue": "shop-test-jobs", "JobsDlq": "shop-test-jobs-dlq"}
    made = {key: {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": each}} for key, each in names.items()}
    bench.place(bench.unit("queue", made))
    for each in BODIES:
        aws.client("sqs").send_message(QueueUrl=f"{QUEUE}-dlq", MessageBody=each)

    def redrive(text: str = "") -> Result:
        options = ("--filter", text) if text else tuple(f"--message={each}" for each in ids)
        where = ("--env", "test", "--environments", str(tmp_path), "--endpoint-url", aws.url)
        return CommandLine(aws.clock).invoke(main, ["redrive", "jobs", *options, *NOW, *where])

    ids = [each.id for each in aws.cloud.messages[f"{QUEUE}-dlq"]]
    return redrive


def lying(aws: FakeAws) -> tuple[list[str], list[str]]:
    """The bodies in the queue and in its dead-letter queue."""
    queue, dead = (aws.cloud.messages.get(f"{QUEUE}{each}", []) for each in ("", "-dlq"))
    return sorted(each.body for each in queue), sorted(each.body for each in dead)


@pytest.fixture
def pressing(aws: FakeAws) -> Iterator[Callable[[str, int, bool, int], None]]:
    """Sends SIGINT to this process at the n-th call of an operation, before SQS gets it or once it has answered."""
    counted: Counter[str] = Counter()

    def press(operation: str, number: int, before: bool, times: int = 1) -> None:
        def answer(method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
            called = headers.get("x-amz-target", "").rpartition(".")[2]
            counted[called] += 1
            now = called == operation and counted[called] == number
            if now and before:
                signal.raise_signal(signal.SIGINT)
            reply = aws.application.answer(method, target, headers, body)
            for _ in range(times if now and not before else 0):
                signal.raise_signal(signal.SIGINT)
            return reply

        transport.open_at(aws.url, answer)

    yield press
    transport.open_at(aws.url, aws.application.answer)


@pytest.mark.long
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(
    ("operation", "number", "moved"),
    [
        ("ReceiveMessage", 1, 0), ("SendMessage", 1, 1), ("DeleteMessage", 1, 1), ("SendMessage", 2, 2),
        ("DeleteMessage", 3, 3), ("ReceiveMessage", 2, 3), ("ChangeMessageVisibilityBatch", 1, 3),
    ],
)  # fmt: skip
def test_a_ctrl_c_at_any_call_leaves_each_message_in_one_queue(
    aws: FakeAws, buried: Callable[..., Result], pressing: Any, operation: str, number: int, moved: int, before: bool
) -> None:
    """It says how many were moved, and the same command moves the others: none twice, none lost."""
    aws.client("sqs").send_message(QueueUrl=f"{QUEUE}-dlq", MessageBody="other")  # held until the end, then given back
    pressing(operation, number, before)
    result = buried()
    assert result.exit_code == 130
    assert lying(aws) == (list(BODIES[:moved]), [*BODIES[moved:], "other"])
    if operation != "ChangeMessageVisibilityBatch":  # all is said by then
        assert f"{moved} message{'' if moved == 1 else 's'} moved to jobs before the end" in result.stderr
    aws.clock.advance(61)  # what was received by a call that was cut off is hidden for so long
    buried()
    assert lying(aws) == (list(BODIES), ["other"])


def test_who_presses_ctrl_c_again_waits_for_nothing(aws: FakeAws, buried: Callable[..., Result], pressing: Any) -> None:
    """The message is in both queues then, as after a kill."""
    pressing("SendMessage", 2, False, 2)
    assert buried().exit_code == 130
    assert lying(aws) == (["a", "b"], ["b", "c"])


def test_a_message_that_cannot_be_deleted_is_named(aws: FakeAws, buried: Callable[..., Result]) -> None:
    """It is in both queues, and the next redrive would send it again."""
    aws.refuse("sqs:DeleteMessage", "AccessDeniedException", "not authorized to perform: sqs:DeleteMessage", times=None)
    result = buried("b")
    said = " ".join(result.stderr.split())
    assert result.exit_code == 1
    assert "was sent to jobs and could not be deleted from its dead-letter queue, so that it is in both" in said
    assert "sqs:DeleteMessage" in said
    assert lying(aws) == (["b"], ["a", "b", "c"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_a_program_waits_for_what_belongs_together(number: signal.Signals) -> None:
    """Its handler runs after the block; one that is ignored stays ignored."""
    order: list[str] = []
    before = signal.signal(number, lambda *_: order.append("signal"))
    try:
        with signals_put_off():
            signal.raise_signal(number)
            order.append("block")
        signal.signal(number, signal.SIG_IGN)
        with signals_put_off():
            signal.raise_signal(number)
        assert order == ["block", "signal"]
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_messages_may_be_moved_once_the_worker_was_deployed_again(aws: FakeAws, tmp_path: Path) -> None:
    """Refused before, by the time of the function; afterwards no option is needed."""
    file = tmp_path / "test.yaml"
    file.write_text(head() + NETWORK + QUEUES + WORKERS)
    bench = at_work(aws, load_environment(file))
    names = {"JobsQueue": "shop-test-jobs", "JobsDlq": "shop-test-jobs-dlq"}
    made = {key: {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": each}} for key, each in names.items()}
    bench.place(bench.unit("queue", made))
    function = {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "shop-test-jobs"}}
    bench.place(bench.unit("worker", {"JobsFunction": function}))
    aws.clock.advance(60)
    aws.client("sqs").send_message(QueueUrl=f"{QUEUE}-dlq", MessageBody="a")
    where = ("--env", "test", "--environments", str(tmp_path), "--endpoint-url", aws.url)
    arguments = ["redrive", "jobs", "--filter", "a", "--yes", "--wait", "0", *where]
    refused = CommandLine(aws.clock).invoke(main, arguments)
    assert refused.exit_code == 3, refused.output
    assert "nothing was deployed since messages of jobs failed" in " ".join(refused.stderr.split())
    assert lying(aws) == ([], ["a"])
    aws.clock.advance(60)
    aws.stack("shop-test-worker").resources["JobsFunction"].updated = aws.clock.now()
    moved = CommandLine(aws.clock).invoke(main, arguments)
    assert moved.exit_code == 0, moved.output
    assert lying(aws) == (["a"], [])
