"""Workers on their queues: batches, failures, dead letters and their way back, order, concurrency."""

import io
import json
import platform
import socket
import uuid
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from emulator import REGION, Clients
from twins import lines, until

from infragen_local.reaper import MARK

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}
TELL = "exports.handler = async (event) => { console.log('got ' + event.Records.map((r) => r.body).join()); };"
FAIL = """
exports.handler = async (event) => ({ batchItemFailures: event.Records.filter((record) => {
  console.log((record.body === 'bad' ? 'failed ' : 'done ') + record.body);
  return record.body === 'bad';
}).map((record) => ({ itemIdentifier: record.messageId })) });
"""
SLOW = """
exports.handler = async (event) => {
  for (const record of event.Records) console.log('begin ' + record.body + ' ' + Date.now());
  await new Promise((done) => setTimeout(done, 400));
  for (const record of event.Records) console.log('end ' + record.body + ' ' + Date.now());
};
"""

BOTH = """
  const others = () => require('fs').readdirSync('FOLDER').length;
  require('fs').writeFileSync('FOLDER/' + event.Records[0].messageId, '');
  while (others() < 2) await new Promise((done) => setTimeout(done, 10));
"""
"""Lets the first call wait for a second one to begin, however long that takes to start."""

Work = Callable[..., "Worker"]


class Worker:
    """A function on a queue of its own."""

    def __init__(
        self, client: Clients, account: str, code: str, *, fifo: bool = False, again: int = 120, **mapping: Any
    ) -> None:
        self.name, self.client, self.account = f"w{uuid.uuid4().hex[:8]}", client, account
        suffix = ".fifo" if fifo else ""
        self.dead = self.queue(f"{self.name}-dead{suffix}", fifo=fifo)
        policy = json.dumps({"deadLetterTargetArn": self.arn(f"{self.name}-dead{suffix}"), "maxReceiveCount": 2})
        self.url = self.queue(f"{self.name}{suffix}", fifo=fifo, RedrivePolicy=policy, VisibilityTimeout=str(again))
        function = client("lambda")
        function.create_function(
            FunctionName=self.name,
            Runtime="nodejs24.x",
            Handler="index.handler",
            Role=f"arn:aws:iam::{account}:role/worker",
            Timeout=100,
            Code={"ZipFile": packed(code)},
        )
        reserved = mapping.pop("reserved", None)
        if reserved:
            function.put_function_concurrency(FunctionName=self.name, ReservedConcurrentExecutions=reserved)
        function.create_event_source_mapping(
            FunctionName=self.name, EventSourceArn=self.arn(f"{self.name}{suffix}"), **mapping
        )

    def queue(self, name: str, *, fifo: bool, **attributes: str) -> str:
        more = {"FifoQueue": "true"} if fifo else {}
        return str(self.client("sqs").create_queue(QueueName=name, Attributes={**attributes, **more})["QueueUrl"])

    def arn(self, name: str) -> str:
        return f"arn:aws:sqs:{REGION}:{self.account}:{name}"

    def send(self, *bodies: str, **more: str) -> None:
        for body in bodies:
            named = {**more, "MessageDeduplicationId": uuid.uuid4().hex} if more else {}
            self.client("sqs").send_message(QueueUrl=self.url, MessageBody=body, **named)

    def said(self, word: str) -> list[str]:
        """Return what its lines say after a word, in order."""
        try:
            found = lines(self.client("logs"), f"/aws/lambda/{self.name}")
        except self.client("logs").exceptions.ResourceNotFoundException:
            return []
        told = [line.rpartition("\t")[2].strip() for text in found for line in text.splitlines()]
        return [line.removeprefix(f"{word} ") for line in told if line.startswith(f"{word} ")]

    def waiting(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


def packed(code: str) -> bytes:
    """Zip one index.js."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.js", code)
    return archive.getvalue()


@pytest.fixture(scope="module")
def work(twin_client: Clients, twin_account: str) -> Work:
    """Return a function that puts a program on a queue."""
    trust = json.loads(json.dumps(TRUST))
    trust["Statement"][0]["Principal"] = {"Service": "lambda.amazonaws.com"}
    twin_client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(trust))
    return lambda code, **mapping: Worker(twin_client, twin_account, code, **mapping)


@pytest.mark.long
def test_a_batch_waits_for_its_window(work: Work) -> None:
    """Messages that come one after the other within the window are one batch; one that is full does not wait."""
    worker = work(TELL, BatchSize=3, MaximumBatchingWindowInSeconds=5)
    worker.send("a")
    worker.send("b")
    assert until(lambda: worker.said("got"), "the first batch") == ["a,b"]
    worker.send("c", "d", "e")
    assert until(lambda: worker.said("got")[1:], "the second batch") == ["c,d,e"]


@pytest.mark.long
def test_a_message_that_fails_ends_in_the_dead_letter_queue_and_comes_back_once(
    work: Work, twin_client: Clients
) -> None:
    """The others of its batch are done once; after a fix StartMessageMoveTask brings it back, and it is done once."""
    worker, sqs = work(FAIL, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"]), twin_client("sqs")
    worker.send("first")
    until(lambda: worker.said("done") == ["first"], "a process that runs")
    sqs.set_queue_attributes(QueueUrl=worker.url, Attributes={"VisibilityTimeout": "2"})
    worker.send("good", "bad")
    until(lambda: worker.waiting(worker.dead) == 1, "the dead letter")
    assert (worker.said("done"), worker.said("failed")) == (["first", "good"], ["bad", "bad"])
    sqs.set_queue_attributes(QueueUrl=worker.url, Attributes={"VisibilityTimeout": "120"})
    twin_client("lambda").update_function_code(FunctionName=worker.name, ZipFile=packed(FAIL.replace("'bad'", "'no'")))
    source = worker.arn(f"{worker.name}-dead")
    sqs.start_message_move_task(SourceArn=source)
    until(lambda: worker.said("done") == ["first", "good", "bad"], "the way back")
    [task] = until(
        lambda: [
            each for each in sqs.list_message_move_tasks(SourceArn=source)["Results"] if each["Status"] != "RUNNING"
        ],
        "the end of the task",
    )
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    until(lambda: (worker.waiting(worker.dead), worker.waiting(worker.url)) == (0, 0), "the end of all messages")
    assert twin_client("cloudwatch").list_metrics(Namespace="AWS/SQS")["Metrics"] == []


def test_a_move_that_cannot_be_is_refused(work: Work, twin_client: Clients) -> None:
    """A queue that is nobody's dead-letter queue, one that is not there, and a rate that AWS does not take."""
    worker, sqs = work(TELL), twin_client("sqs")
    dead = worker.arn(f"{worker.name}-dead")
    refused = []
    for request in (
        {"SourceArn": worker.arn(worker.name)},
        {"SourceArn": worker.arn("none")},
        {"SourceArn": dead, "MaxNumberOfMessagesPerSecond": 501},
    ):
        with pytest.raises(sqs.exceptions.ClientError) as told:
            sqs.start_message_move_task(**request)
        refused.append(told.value.response["Error"]["Code"].rpartition(".")[2])
    assert refused == ["InvalidParameterValue", "ResourceNotFoundException", "InvalidParameterValue"]


def test_messages_of_a_group_are_worked_off_in_order(work: Work) -> None:
    """Each group of a FIFO queue keeps the order in which its messages were sent."""
    worker = work(TELL, fifo=True, BatchSize=3)
    for number in range(4):
        for group in "ab":
            worker.send(f"{group}{number}", MessageGroupId=group)
    until(lambda: len(",".join(worker.said("got")).split(",")) == 8, "all messages")
    order = ",".join(worker.said("got")).split(",")
    for group in "ab":
        assert [body for body in order if body[0] == group] == [f"{group}{number}" for number in range(4)]


@pytest.mark.parametrize(
    "limit", [{"ScalingConfig": {"MaximumConcurrency": 2}}, {"reserved": 2}], ids=["max", "reserved"]
)
def test_no_more_batches_run_at_a_time_than_may(work: Work, limit: dict[str, Any], tmp_path: Path) -> None:
    """Neither the mapping's maximum nor the function's reserved concurrency is exceeded, and it is used."""
    both = BOTH.replace("FOLDER", str(tmp_path))
    worker = work(SLOW.replace("  await", f"{both}  await"), BatchSize=1, **limit)
    worker.send(*(f"m{number}" for number in range(6)))
    until(lambda: len(worker.said("end")) == 6, "all messages")
    changes = [(int(line.split()[1]), 1) for line in worker.said("begin")]
    changes += [(int(line.split()[1]), -1) for line in worker.said("end")]
    running, most = 0, 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    assert most == 2


def test_a_function_sees_nothing_of_the_emulators_environment(twin_client: Clients, work: Work) -> None:
    """Neither settings of the emulator nor variables of the user's shell are in a function's environment; the mark by
    which its processes end with it is.
    """
    worker = work("exports.handler = async () => Object.keys(process.env);")
    answer = twin_client("lambda").invoke(FunctionName=worker.name)["Payload"].read()
    names = set(json.loads(answer)) - {MARK}
    assert {"AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "PATH"} <= names
    assert not {
        name for name in names if name.startswith(("INFRAGEN", "MINISTACK", "GATEWAY", "DOCKER", "STATE", "S3_"))
    }
    assert "NOT_FOR_TASKS" not in names


def test_a_fifo_queue_has_one_batch_at_a_time(work: Work) -> None:
    """On AWS its groups are worked off side by side; here one waits for the other."""
    worker = work(SLOW, fifo=True, BatchSize=1)
    for group in "ab":
        worker.send(f"{group}1", MessageGroupId=group)
    until(lambda: len(worker.said("end")) == 2, "both messages")
    spans = sorted((int(line.split()[1]), word) for word in ("begin", "end") for line in worker.said(word))
    assert [word for _, word in spans] == ["begin", "end", "begin", "end"]


def test_a_function_has_what_this_machine_has(twin_client: Clients, twin_account: str, work: Work) -> None:
    """Neither the SDK that Lambda brings, nor its memory limit, its processor, X-Ray or a network of its own."""
    code = """
    exports.handler = async (event) => {
      const found = { arch: process.arch };
      for (const client of ['sqs', 'bedrock-runtime']) {
        try { require.resolve('@aws-sdk/client-' + client); found[client] = 'real'; } catch { found[client] = 'none'; }
        try { require('@aws-sdk/client-' + client); found[client] += ', stand-in'; } catch { found[client] += ''; }
      }
      found.memory = Buffer.alloc(300e6, 1).length;
      await new Promise((resolve, reject) => {
        require('net').connect(event.port, '127.0.0.1', resolve).on('error', reject);
      });
      return found;
    };
    """
    name, function = f"f{uuid.uuid4().hex[:8]}", twin_client("lambda")
    function.create_function(
        FunctionName=name,
        Runtime="nodejs24.x",
        Handler="index.handler",
        Role=f"arn:aws:iam::{twin_account}:role/worker",
        Timeout=20,
        MemorySize=128,
        Architectures=["arm64"],
        TracingConfig={"Mode": "Active"},
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        Code={"ZipFile": packed(code)},
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        event = json.dumps({"port": server.getsockname()[1]})
        found = json.loads(function.invoke(FunctionName=name, Payload=event)["Payload"].read())
    machine = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    assert found == {"arch": machine, "sqs": "none, stand-in", "bedrock-runtime": "none", "memory": 300_000_000}
    now = datetime.now(UTC)
    with pytest.raises(ClientError):
        twin_client("xray").get_trace_summaries(StartTime=now - timedelta(hours=1), EndTime=now)
