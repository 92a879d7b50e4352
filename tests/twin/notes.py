"""A small application for the running emulator: an API that takes notes and sends messages, a worker that marks them.

Both are Python, with what the tests have installed: the emulator's tasks and functions are processes of this machine.
What a sound application does is in it, in few lines: an outbox, effects that are idempotent, and the end of a task
whose login was rotated away.
"""

import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from twins import PATIENCE, System, kept

ENVIRONMENT = """\
project: shop
environment: dev
region: eu-central-1
account: "ACCOUNT"
topology: TOPOLOGY
network: {nat: instance}
database: {engine_version: "17.7", min_acu: 0.5, max_acu: 2, deletion: delete}
queues:
  - {name: notes, max_receives: 2}
api:
  https: {mode: http_only}
  ingress_cidrs: [203.0.113.0/24]
  port: 3000
  health_path: /health
  cpu: 512
  memory: 1024
  min_tasks: 1
  max_tasks: 2
workers:
  - {name: notes, queue: notes, code: ../code, runtime: python3.13, timeout: 20, batch_window: 0,
     reserved_concurrency: 5}
release: {command: [PYTHON, release.py], timeout_minutes: 1}
"""

ANSWERING = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
"""
"""How an API of the tests answers: the beginning of its program."""

API = """
import json, os, threading, time
import boto3, psycopg

sqs, queue = boto3.client("sqs"), os.environ["QUEUE_URL"]
sending = threading.Lock()

def database():
    try:
        return psycopg.connect(os.environ["DATABASE_URL"])
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            print("credentials were rotated away", flush=True)
            os._exit(1)
        raise

def send():
    with sending:
        while True:
            with database() as connection:
                rows = connection.execute("select id from outbox order by id limit 10 for update").fetchall()
                if not rows:
                    return
                entries = [{"Id": str(n), "MessageBody": json.dumps({"id": n})} for (n,) in rows]
                if len(sqs.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) != len(rows):
                    raise RuntimeError("not all were sent")
                connection.execute("delete from outbox where id = any(%s)", [[n for (n,) in rows]])

def sweep():
    while True:
        try:
            send()
        except Exception as error:
            print("nothing is sent:", error, flush=True)
        time.sleep(0.5)

class Handler(Answering):
    def do_GET(self):
        if self.path != "/health":
            with database() as connection:
                connection.execute("select 1")
        self.answer(200, "VERSION")

    def do_POST(self):
        count = int(self.path.rpartition("/")[2])
        with database() as connection:
            connection.execute(
                "with made as (insert into notes select from generate_series(1, %s) returning id) "
                "insert into outbox select id from made", [count])
        self.answer(202, "taken")
        try:
            send()
        except Exception as error:
            print("nothing is sent:", error, flush=True)

threading.Thread(target=sweep, daemon=True).start()
ThreadingHTTPServer((os.environ["INFRAGEN_TASK_ADDRESS"], int(os.environ["PORT"])), Handler).serve_forever()
"""

RELEASE = """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    connection.execute("create table if not exists notes "
                       "(id bigserial primary key, state text default 'queued', deliveries int default 0)")
    connection.execute("create table if not exists outbox (id bigint primary key)")
    connection.execute("create table if not exists processed (id bigint primary key)")
print("applied 0001_notes")
"""

WORKER = """
import json, os
import boto3, psycopg

url = ""

def database():
    global url
    for fresh in (False, True):
        if fresh or not url:
            secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["DATABASE_SECRET_ARN"])
            url = json.loads(secret["SecretString"])["url"]
        try:
            return psycopg.connect(url)
        except psycopg.OperationalError:
            if fresh:
                raise

def handler(event, context):
    failed = []
    with database() as connection:
        for each in event["Records"]:
            try:
                note = int(json.loads(each["body"])["id"])
            except (ValueError, KeyError):
                print(json.dumps({"level": "error", "msg": "cannot read", "messageId": each["messageId"]}))
                failed.append({"itemIdentifier": each["messageId"]})
                continue
            with connection.transaction():
                if connection.execute("insert into processed values (%s) on conflict do nothing", [note]).rowcount:
                    connection.execute(
                        "update notes set state = 'sent', deliveries = deliveries + 1 where id = %s", [note])
    print("VERSION did", len(event["Records"]) - len(failed))
    return {"batchItemFailures": failed}
"""


@dataclass(frozen=True)
class Notes(System):
    """The application in an environment, and what its users and its operators do with it."""

    def write(self, topology: str) -> None:
        """Write the environment file and the worker's code."""
        for folder in ("environments", "code", "image"):
            (self.directory / folder).mkdir(parents=True)
        text = ENVIRONMENT.replace("ACCOUNT", self.account).replace("TOPOLOGY", topology)
        self.file.write_text(text.replace("PYTHON", sys.executable))
        self.worker("w1")

    @property
    def file(self) -> Path:
        """The environment file."""
        return self.directory / "environments" / "dev.yaml"

    def worker(self, version: str, code: str = WORKER) -> None:
        """Write the code of the worker."""
        (self.directory / "code" / "index.py").write_text(code.replace("VERSION", version))

    def put(self, tag: str, api: str = API, release: str = RELEASE) -> None:
        """Make an image of the API, which answers with its tag."""
        image = self.directory / "image"
        (image / "api.py").write_text(ANSWERING + api.replace("VERSION", tag))
        (image / "release.py").write_text(release)
        self.infragen("image", "put", str(image), "--image-tag", tag, "--command", f"{sys.executable} api.py")

    def deploy(self, tag: str, *options: str, ok: bool = True) -> str:
        """Deploy an image."""
        return self.infragen("deploy", "--yes", "--image-tag", tag, *options, ok=ok)

    def create(self, tag: str = "v1") -> None:
        """Deploy the environment with the placeholder, then with an image."""
        self.place()
        self.release(tag)

    def place(self) -> None:
        """Deploy the environment without an image."""
        self.infragen("bootstrap", "--yes")
        self.infragen("deploy", "--yes")

    def release(self, tag: str) -> None:
        """Deploy the first image."""
        self.put(tag)
        self.deploy(tag)

    def retry(self, seconds: int, times: int) -> None:
        """Let a message that fails come again after seconds, so many times before it is a dead letter.

        A call that takes longer than the seconds, as on a busy machine, counts as a failure, too.
        """
        policy = {"deadLetterTargetArn": self.arn("notes-dlq"), "maxReceiveCount": times}
        attributes = {"VisibilityTimeout": str(seconds), "RedrivePolicy": json.dumps(policy)}
        self.client("sqs").set_queue_attributes(QueueUrl=self.queue(), Attributes=attributes)

    def arn(self, name: str) -> str:
        """Return the ARN of a queue."""
        return f"arn:aws:sqs:{self.region}:{self.account}:shop-dev-{name}"

    def queue(self, name: str = "notes") -> str:
        """Return the URL of a queue."""
        return str(self.client("sqs").get_queue_url(QueueName=f"shop-dev-{name}")["QueueUrl"])

    def count(self, name: str = "notes") -> int:
        """Return how many messages a queue has, whether they can be received or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.queue(name), AttributeNames=names)["Attributes"]
        return sum(int(found[each]) for each in names)

    def tally(self) -> tuple[int, int, int, int]:
        """Return how many notes there are, how many are not done, how many were done twice, and the outbox's rows."""
        [(notes, undone, twice, unsent)] = self.sql(
            "select count(*), count(*) filter (where deliveries = 0), count(*) filter (where deliveries > 1), "
            "(select count(*) from outbox) from notes"
        )
        return notes, undone, twice, unsent

    def post(self, count: int) -> int:
        """Let the API take notes; return the status of the answer, 0 where there was none."""
        return ask(f"{self.outputs()['Url']}/notes/{count}", b"")[0]

    def processes(self, word: str) -> list[int]:
        """Return the processes of tasks and functions with a word on their command line."""
        return [pid for pid in kept(self.twin.state_dir) if word in command(pid)]

    def kill_workers(self) -> int:
        """Kill the processes of all functions; return how many there were."""
        found = self.processes("_worker.")
        for pid in found:
            with suppress(ProcessLookupError):  # it has ended since
                os.kill(pid, signal.SIGKILL)
        return len(found)


@contextmanager
def created(shop: Notes, topology: str) -> Iterator[Notes]:
    """Deploy the application, and destroy it afterwards."""
    shop.write(topology)
    shop.create()
    yield shop
    shop.infragen("destroy", "--yes")


def ask(address: str, data: bytes | None = None) -> tuple[int, str]:
    """Return status and body of an answer; 0 and the words where there was none."""
    try:
        with urllib.request.urlopen(address, data, timeout=PATIENCE) as answer:  # noqa: S310  # of this machine
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


@contextmanager
def under_load(address: str, per_second: int = 20) -> Iterator[list[tuple[int, str]]]:
    """Send so many requests a second in the block; the list that it gets fills with the answers."""
    answers: list[tuple[int, str]] = []
    over = threading.Event()

    def client() -> None:
        while not over.is_set():
            answers.append(ask(address))
            time.sleep(4 / per_second)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for each in clients:
        each.start()
    try:
        yield answers
    finally:
        over.set()
        for each in clients:
            each.join()


def command(pid: int) -> str:
    """Return what a process runs; empty when it does not."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
