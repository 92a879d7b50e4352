"""The story of docs/on-call.md on the running emulator: a bad release, its alarm, its log, the way back, the messages.

API and worker are processes, their queue, logs and deployments are real, and the alarm is evaluated by the emulator.
What SQS publishes to CloudWatch the test publishes in its place: the emulator has no metrics of queues.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass

import pytest
from notes import ANSWERING, ask
from twins import System, until

from infragen.machine.emulator import Emulator

pytestmark = pytest.mark.twin

MESSAGES = 20
ENVIRONMENT = """\
project: shop
environment: dev
region: eu-central-1
account: "555555555555"
network: { nat: instance }
queues:
  - name: mail
    max_receives: 2
api:
  https: { mode: http_only }
  ingress_cidrs: [203.0.113.0/24]
  port: 3000
  health_path: /health
  cpu: 256
  memory: 512
  min_tasks: 1
  max_tasks: 1
workers:
  - { name: mail, queue: mail, code: ../code }
"""
API = """
import json, os, secrets
import boto3

sqs, queue = boto3.client("sqs"), os.environ["QUEUE_URL"]

class Handler(Answering):
    def do_GET(self):
        self.answer(200, "well")

    def do_POST(self):
        trace, note = secrets.token_hex(16), self.path.rpartition("/")[2]
        print(json.dumps({"level": "info", "msg": "queued", "note": note, "traceId": trace}), flush=True)
        parent = {"DataType": "String", "StringValue": f"00-{trace}-{secrets.token_hex(8)}-01"}
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"n": note}), MessageAttributes={"traceparent": parent})
        self.answer(202, trace)

ThreadingHTTPServer((os.environ["INFRAGEN_TASK_ADDRESS"], int(os.environ["PORT"])), Handler).serve_forever()
"""
TRACE = "const traceId = each.messageAttributes.traceparent.stringValue.split('-')[1];"
GOOD = f"""
exports.handler = async (event) => {{
  for (const each of event.Records) {{
    {TRACE}
    console.log(JSON.stringify({{ level: 'info', msg: 'done', body: each.body, traceId }}));
  }}
}};
"""
BAD = f"""
exports.handler = async (event) => ({{ batchItemFailures: event.Records.map((each) => {{
  {TRACE}
  console.log(JSON.stringify({{ level: 'error', msg: 'no such template', messageId: each.messageId, traceId }}));
  return {{ itemIdentifier: each.messageId }};
}}) }});
"""


@dataclass(frozen=True)
class OnCall(System):
    """The environment in a git repository, and what somebody on call does with it."""

    def release(self, code: str, words: str) -> str:
        """Commit other code of the worker and deploy it; return the commit."""
        (self.directory / "code" / "index.js").write_text(code)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", words)
        self.infragen("deploy", "--yes", "--image-tag", "v1")
        return self.git("rev-parse", "HEAD")

    def image(self) -> None:
        """Put the API's image into the repository, which the first deployment makes."""
        self.infragen("deploy", "--yes")
        (self.directory / "image").mkdir()
        (self.directory / "image" / "api.py").write_text(ANSWERING + API)
        self.infragen("image", "put", "image", "--image-tag", "v1", "--command", f"{sys.executable} api.py")

    def git(self, *arguments: str) -> str:
        """Run git in the project."""
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *who, *arguments], cwd=self.directory, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def url(self, queue: str) -> str:
        """Return the URL of a queue."""
        return str(self.client("sqs").get_queue_url(QueueName=f"shop-dev-{queue}")["QueueUrl"])

    def send(self, word: str) -> list[str]:
        """Ask the API for mail, through its load balancer; return the trace ids of the requests."""
        address = self.outputs()["Url"]
        answers = [ask(f"{address}/mail/{word}{number}", b"") for number in range(MESSAGES)]
        assert {status for status, _ in answers} == {202}
        return [trace for _, trace in answers]

    def trace(self, trace: str) -> list[tuple[str, str]]:
        """Return source and message of each line about a request, by `infragen logs`."""
        told = self.infragen("logs", "--trace", trace, "--since", "1h", "--format", "json")
        found = [json.loads(each) for each in told.splitlines() if each.startswith("{")]
        return [(each["source"], each["message"]) for each in found]

    def count(self, queue: str) -> int:
        """Return how many messages a queue has, whether they can be received or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.url(queue), AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def done(self) -> Counter[str]:
        """Return how often each message was done, by the worker's own lines."""
        pages = (
            self.client("logs").get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/shop-dev-mail")
        )
        lines = [each["message"] for page in pages for each in page["events"]]
        return Counter(each for line in lines if "done" in line for each in re.findall(r"n\W+((?:a|b)\d+)", line))

    def alarm(self) -> str:
        """Return the state of the dead letters' alarm, after SQS has published what lies there."""
        alarms = self.client("cloudwatch")
        alarms.put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": "ApproximateNumberOfMessagesVisible",
                    "Dimensions": [{"Name": "QueueName", "Value": "shop-dev-mail-dlq"}],
                    "Value": self.count("mail-dlq"),
                }
            ],
        )
        found = [
            each for each in alarms.describe_alarms()["MetricAlarms"] if "MailDeadLetterAlarm" in each["AlarmName"]
        ]
        return str(found[0]["StateValue"])


@pytest.fixture
def on_call(twin: Emulator, tmp_path_factory: pytest.TempPathFactory) -> OnCall:
    """Make a repository whose first commit is deployed and works."""
    directory = tmp_path_factory.mktemp("on-call")
    for name in ("environments", "code"):
        (directory / name).mkdir()
    (directory / "environments" / "dev.yaml").write_text(ENVIRONMENT)
    found = OnCall(twin, "555555555555", "eu-central-1", directory)
    found.git("init", "--quiet", "--initial-branch", "main")
    found.infragen("bootstrap", "--yes")
    (directory / "code" / "index.js").write_text(GOOD)
    found.image()
    return found


def come_again(on_call: OnCall, seconds: int) -> None:
    """Let a failed message come again after a while: two failures take minutes with what Lambda asks for."""
    attributes = {"VisibilityTimeout": str(seconds)}
    on_call.client("sqs").set_queue_attributes(QueueUrl=on_call.url("mail"), Attributes=attributes)


def test_a_bad_release_is_seen_found_taken_back_and_its_messages_are_done_once(on_call: OnCall) -> None:
    """From the alarm to the end, with the commands of the page; nothing is lost and nothing is done twice."""
    good = on_call.release(GOOD, "Send mail")
    on_call.send("a")
    until(lambda: len(on_call.done()) == MESSAGES, "the messages before")
    bad = on_call.release(BAD, "Send mail with templates")
    come_again(on_call, 1)
    sent = on_call.send("b")
    until(lambda: on_call.count("mail-dlq") == MESSAGES, "the dead letters")
    assert on_call.alarm() == "ALARM"
    seen = on_call.infragen("ps")
    assert "MailDeadLetterAlarm" in seen
    assert f"from commit {bad[:7]}" in seen
    assert "infragen redrive --env dev --local mail --peek" in seen
    assert bad in on_call.infragen("status")
    assert on_call.trace(sent[3]) == [("api", "queued"), *[("mail", "no such template")] * 2]  # both attempts
    assert "no such template" in on_call.infragen("redrive", "mail", "--peek")
    refused = on_call.infragen("redrive", "mail", "--yes", ok=False)
    assert "nothing was deployed since messages of mail failed" in refused
    told = on_call.infragen("deploy", "--at", good[:10], "--yes")
    assert "deployed" in told
    come_again(on_call, 60)
    moved = on_call.infragen("redrive", "mail", "--yes", "--wait", "120")
    assert f"{MESSAGES} messages moved to mail" in moved
    until(lambda: len(on_call.done()) == 2 * MESSAGES, "all messages")
    assert set(on_call.done().values()) == {1}
    assert on_call.trace(sent[3])[-1] == ("mail", "done")  # a message that is moved back keeps its trace
    assert (on_call.count("mail"), on_call.count("mail-dlq")) == (0, 0)
    assert good in on_call.infragen("status")
