"""A redrive of 1,000 messages that is stopped in the middle and run again: what was moved, done once, done twice, lost.

The workers run as processes of the emulator; each message that they do is a line of their log.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from figures import Tried
from signals import default_signals
from sweeps import figure
from twins import PATIENCE, System, until

from infragen.machine.emulator import Emulator

pytestmark = pytest.mark.twin

MESSAGES = 1_000
GROUPS = 10
ENVIRONMENT = """\
project: shop
environment: dev
region: eu-central-1
account: "444444444444"
network:
  nat: none
  interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sts, sqs, ssm, kms]
queues:
  - name: orders
  - name: steps
    fifo: true
workers:
  - { name: orders, queue: orders, code: ../code }
  - { name: steps, queue: steps, code: ../code }
"""
DONE = "exports.handler = async (event) => { for (const each of event.Records) console.log('done ' + each.body); };"


@pytest.fixture(scope="module")
def shop(twin: Emulator, tmp_path_factory: pytest.TempPathFactory) -> System:
    """Deploy two queues with a worker each, and workers that note what they do."""
    directory = tmp_path_factory.mktemp("redrive")
    (directory / "environments").mkdir()
    (directory / "environments" / "dev.yaml").write_text(ENVIRONMENT)
    (directory / "code").mkdir()
    (directory / "code" / "index.js").write_text(DONE)
    found = System(twin, "444444444444", "eu-central-1", directory)
    found.infragen("bootstrap", "--yes")
    found.infragen("deploy", "--yes")
    return found


class Redrive:
    """One redrive of a queue: what lies in its dead-letter queue, the command, and what became of the messages."""

    def __init__(self, shop: System, queue: str, word: str) -> None:
        self.shop, self.queue, self.word, self.sqs = shop, queue, word, shop.client("sqs")
        self.fifo = ".fifo" if queue == "steps" else ""
        self.url, self.dead = (self._url(f"{queue}{kind}{self.fifo}") for kind in ("", "-dlq"))

    def _url(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=f"shop-dev-{name}")["QueueUrl"])

    def bury(self) -> None:
        """Put the messages into the dead-letter queue, as failures would."""
        for start in range(0, MESSAGES, 10):
            batch = []
            for number in range(start, start + 10):
                group = {"MessageGroupId": f"g{number % GROUPS}", "MessageDeduplicationId": f"{self.word}{number}"}
                own = group if self.fifo else {}
                batch.append({"Id": str(number), "MessageBody": f"{self.word}-{number:04}", **own})
            assert not self.sqs.send_message_batch(QueueUrl=self.dead, Entries=batch).get("Failed")
        assert self.count(self.dead) == MESSAGES

    def count(self, url: str) -> int:
        """Return how many messages a queue has, whether they can be received or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def start(self, *options: str) -> "subprocess.Popen[str]":
        """Start the command as a shell would."""
        command = [sys.executable, "-m", "infragen", "redrive", self.queue, "--env", "dev", "--local", "--yes"]
        return subprocess.Popen(
            [*command, "--allow-unchanged", "--wait", "0", *options],
            cwd=self.shop.directory,
            env={**os.environ, "INFRAGEN_STATE_DIR": str(self.shop.twin.state_dir.parent)},
            preexec_fn=default_signals,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def stop_halfway(self, *options: str, number: signal.Signals) -> str:
        """Start it, and stop it once a third of the messages is out of the dead-letter queue; return what it said."""
        running = self.start(*options)
        until(lambda: self.count(self.dead) < MESSAGES * 2 // 3 or running.poll() is not None, "the first third")
        running.send_signal(number)
        told, _ = running.communicate(timeout=PATIENCE)
        assert running.returncode == (130 if number is signal.SIGINT else -number), told
        return told

    def done(self) -> Counter[str]:
        """Return how often each message was done."""
        pages = self.shop.client("logs").get_paginator("filter_log_events")
        found = [
            each["message"]
            for page in pages.paginate(logGroupName=f"/aws/lambda/shop-dev-{self.queue}")
            for each in page["events"]
        ]
        return Counter(each for line in found for each in re.findall(rf"done ({self.word}-\d+)", line))


KILLED = [("all", signal.SIGKILL), ("all", signal.SIGINT), ("some", signal.SIGINT)]
"""Which messages, and what stops the run. After a kill in the middle of some, SQS hides what was received for a minute:
that is for a soak.
"""


@pytest.mark.promise("redrive", "a dead letter of a redrive that is stopped")
@pytest.mark.parametrize(("way", "number"), [*KILLED, ("some", signal.SIGKILL)][: figure(1, 4)])
@pytest.mark.parametrize("queue", ["orders", "steps"])
def test_a_redrive_that_is_stopped_and_run_again_loses_no_message(
    shop: System, queue: str, way: str, number: signal.Signals, tried: Tried
) -> None:
    """All are done; none twice but one that `kill -9` found between its two queues, in a standard queue alone."""
    redrive = Redrive(shop, queue, f"{queue}-{way}-{number.name}")
    redrive.bury()
    options = ("--rate", "100") if way == "all" else ("--filter", redrive.word)
    told = redrive.stop_halfway(*options, number=number)
    if number is signal.SIGINT and way == "all":
        assert "SQS continues to move messages" in told
    began = time.monotonic()
    again = redrive.start(*options)
    said, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode in (0, 1), said
    until(lambda: redrive.count(redrive.dead) == redrive.count(redrive.url) == 0, "the end of all messages")
    until(
        lambda: len(redrive.done()) == MESSAGES or time.monotonic() > began + PATIENCE / 2, "the last line of the log"
    )
    twice = [each for each, times in redrive.done().items() if times > 1]
    lost = MESSAGES - len(redrive.done())
    tried(MESSAGES)
    tried.most("lost", lost)
    tried.most("done twice", len(twice))
    tried.most("seconds of the second run", time.monotonic() - began)
    assert lost == 0
    between = (queue, way, number) == ("orders", "some", signal.SIGKILL)
    assert len(twice) <= int(between), twice
