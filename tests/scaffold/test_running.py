"""The application that `infragen init` writes, deployed to the running emulator with its roles enforced.

What issue 12 asks of a system that works: a message through all of it, once, whatever is killed, rotated or deployed
meanwhile.
"""

import json
import os
import re
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from projects import REGION, Project
from twins import PATIENCE, System, kept, lines, until

from infragen.machine.emulator import Emulator

pytestmark = pytest.mark.scaffold

ACCOUNT = "333333333333"


class Shop(System):
    """The scaffold's environment dev, and what a client of it does."""

    def put(self, tag: str) -> None:
        """Make an image of the project as it is, and deploy it."""
        self.infragen("image", "put", ".", "--image-tag", tag)
        self.infragen("deploy", "--yes", "--image-tag", tag)

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Send a request through the load balancer; return the status and the JSON of the answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.outputs()["Url"] + path, data, {"Content-Type": "application/json"})  # noqa: S310  # on this machine
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 # on this machine
                return int(answer.status), json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
                return error.code, json.loads(text) if text.startswith(b"{") else None

    def post(self) -> str:
        """Post a notification and return its id."""
        status, answer = self.ask("/notifications", {"recipient": "you", "body": "hello"})
        assert status == 202, answer
        return str(answer["id"])

    def state(self, notification: str) -> tuple[str, int]:
        """Return the state of a notification and how often it was delivered."""
        status, answer = self.ask(f"/notifications/{notification}")
        return ("", 0) if status != 200 else (answer["state"], answer["deliveries"])

    def processes(self, program: str) -> list[int]:
        """Return the processes of tasks and functions that run a program."""
        found = []
        for pid in kept(self.twin.state_dir):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if program in command:
                found.append(pid)
        return found


@pytest.fixture(scope="module")
def shop(twin: Emulator, project: Project) -> Iterator[Shop]:
    """Deploy dev, put the image, and deploy that: its release command makes the tables before it serves."""
    file = project.directory / "environments" / "dev.yaml"
    text = file.read_text("utf-8")
    file.write_text(re.sub(r"^# account:.*$", f'account: "{ACCOUNT}"', text, count=1, flags=re.M), "utf-8")
    assert project.npm("run", "build").returncode == 0
    found = Shop(twin, ACCOUNT, REGION, project.directory)
    found.infragen("bootstrap", "--yes")
    found.infragen("deploy", "--yes")
    found.put("v1")
    assert found.sql("select name from migrations") == [("0001_notifications",)]
    assert "no migrations to apply" in found.infragen("migrate", "--yes")
    # Five failures of a message take minutes with the visibility timeout that Lambda asks for.
    found.client("sqs").set_queue_attributes(
        QueueUrl=found.outputs()["NotificationsQueueUrl"], Attributes={"VisibilityTimeout": "2"}
    )
    yield found
    file.write_text(text, "utf-8")


def sent_once(shop: Shop, notifications: list[str]) -> None:
    """Wait until all are sent, and hold that each was delivered once."""
    until(lambda: all(shop.state(each)[0] == "sent" for each in notifications), "the delivery of all")
    assert {shop.state(each) for each in notifications} == {("sent", 1)}
    assert shop.sql("select count(*) from outbox") == [(0,)]


def test_its_end_to_end_tests_pass_through_the_load_balancer(shop: Shop, project: Project) -> None:
    """Post, get until sent; and with SMOKE=read nothing is written."""
    where = {"BASE_URL": shop.outputs()["Url"]}
    done = project.npm("run", "test:e2e", environment=where)
    assert done.returncode == 0, done.stdout + done.stderr
    before = shop.sql("select count(*) from notifications")
    done = project.npm("run", "test:e2e", environment={**where, "SMOKE": "read"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.sql("select count(*) from notifications") == before != [(0,)]


def test_its_integration_tests_pass(shop: Shop, project: Project) -> None:
    """On the emulator's PostgreSQL and SQS, each file in a schema of its own, which is gone afterwards."""
    environment = {
        "TEST_DATABASE_URL": shop.credentials()["url"],
        "AWS_ENDPOINT_URL": shop.twin.endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": shop.twin.secret,
        "AWS_REGION": REGION,
    }
    done = project.npm("run", "test:integration", environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"(fail|skipped|cancelled) [1-9]", done.stdout) is None, done.stdout
    assert shop.sql("select nspname from pg_namespace where nspname like 'test\\_%'") == []


def test_a_request_is_found_by_its_trace_in_the_logs_of_api_and_worker(shop: Shop) -> None:
    """The same id, with levels as words, and no secret in either log."""
    notification = shop.post()
    sent_once(shop, [notification])
    logs = shop.client("logs")

    def traced(group: str, word: str) -> str:
        for line in lines(logs, group):
            if line.startswith("{") and f'"message":"{word}"' in line and '"level":"info"' in line:
                found = json.loads(line)
                if word == "done" or found["id"] == notification:
                    ids.append(found["traceId"])
        return ids[-1]

    ids: list[str] = []
    trace = traced("/ecs/shop-dev-api", "queued")
    ids.clear()
    until(lambda: traced("/aws/lambda/shop-dev-notifications", "done") and trace in ids, "the line of the worker")
    for group in ("/ecs/shop-dev-api", "/aws/lambda/shop-dev-notifications"):
        assert shop.credentials()["password"] not in "\n".join(lines(logs, group))


def test_a_message_that_no_worker_understands_ends_in_the_dead_letter_queue(shop: Shop) -> None:
    """After maxReceiveCount, with the reason in the log of the worker; those beside it are delivered."""
    sqs, url = shop.client("sqs"), shop.outputs()["NotificationsQueueUrl"]
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    dead = sqs.get_queue_url(QueueName=json.loads(policy)["deadLetterTargetArn"].rpartition(":")[2])["QueueUrl"]
    poison = sqs.send_message(QueueUrl=url, MessageBody='{"type": "poison"}')["MessageId"]
    sent_once(shop, [shop.post() for _ in range(3)])

    def count() -> int:
        asked = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["ApproximateNumberOfMessages"])
        return int(asked["Attributes"]["ApproximateNumberOfMessages"])

    def failed() -> list[dict[str, Any]]:
        said = [each for each in lines(shop.client("logs"), "/aws/lambda/shop-dev-notifications") if poison in each]
        return [each for each in map(json.loads, said) if each["message"] == "failed"]

    until(lambda: count() == 1, "the dead letter")
    times = json.loads(policy)["maxReceiveCount"]
    until(lambda: len(failed()) >= times, "the line of the last attempt")
    assert sorted(each["attempt"] for each in failed()) == list(range(1, 1 + times))
    assert {each["level"] for each in failed()} == {"error"}


def test_an_api_that_is_killed_between_commit_and_send_loses_nothing(shop: Shop) -> None:
    """The next task sends what is committed, once. Nothing is sent meanwhile because the outbox cannot be read."""
    [pid] = shop.processes("src/api/main.ts")
    shop.sql("revoke select on outbox from app")
    try:
        notifications = [shop.post() for _ in range(3)]
        os.kill(pid, signal.SIGKILL)
        until(lambda: pid not in shop.processes("src/api/main.ts"), "the end of the task")
        assert shop.sql("select count(*) from notifications where state = 'queued'") == [(3,)]
    finally:
        shop.sql("grant select on outbox to app")
    until(lambda: shop.ask("/health")[0] == 200, "a new task")
    sent_once(shop, notifications)


def test_a_worker_that_is_deployed_or_killed_while_messages_flow_loses_nothing(shop: Shop, project: Project) -> None:
    """Nothing is lost and nothing is done twice, also when its processes are killed in the middle."""
    notifications: list[str] = []
    done = threading.Event()
    url, sqs = shop.outputs()["NotificationsQueueUrl"], shop.client("sqs")
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    patient = json.dumps({**json.loads(policy), "maxReceiveCount": 1000})  # none is a dead letter: that is another test
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": patient})

    def flow() -> None:
        while not done.is_set():
            notifications.append(shop.post())
            time.sleep(0.02)

    flowing = threading.Thread(target=flow)
    flowing.start()
    try:
        worker = project.directory / "src" / "worker" / "notifications.ts"
        kept_text = worker.read_text("utf-8")
        worker.write_text(kept_text + "\nlog.info('another version');\n", "utf-8")
        assert project.npm("run", "build").returncode == 0
        kill_workers(shop)
        shop.infragen("deploy", "--yes")
        kill_workers(shop)
        until(
            lambda: any(
                "another version" in line for line in lines(shop.client("logs"), "/aws/lambda/shop-dev-notifications")
            ),
            "the new worker",
        )
    finally:
        done.set()
        flowing.join()
        worker.write_text(kept_text, "utf-8")
    assert len(notifications) > 20
    until(lambda: shop.sql("select count(*) from notifications where state = 'queued'") == [(0,)], "all deliveries")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
    assert shop.sql("select count(*) from notifications where deliveries <> 1") == [(0,)]
    assert shop.sql("select count(*) from outbox") == [(0,)]


def test_two_rotations_without_a_deployment_replace_the_api_and_not_the_worker(shop: Shop) -> None:
    """The API ends when its login is refused, ECS starts it with the current one; the worker reads the secret again."""
    [first] = shop.processes("src/api/main.ts")
    notifications = [shop.post()]
    for _ in range(2):
        rotate(shop)
        notifications += posted(shop)
    until(
        lambda: "credentials were rotated away" in "\n".join(lines(shop.client("logs"), "/ecs/shop-dev-api")),
        "the end of the API",
    )

    def replaced() -> bool:
        running = shop.processes("src/api/main.ts")
        return bool(running) and first not in running and shop.ask("/health")[0] == 200

    until(replaced, "a new task")
    notifications.append(shop.post())
    sent_once(shop, notifications)


def test_no_request_fails_while_the_credentials_rotate_twice(shop: Shop) -> None:
    """`rotate --twice` under 20 requests a second, each of which asks the database; and the first login is refused
    afterwards.
    """
    first, url = shop.credentials(), shop.outputs()["Url"]
    notification = shop.post()
    answers: list[str] = []
    done = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(f"{url}/notifications/{notification}", timeout=PATIENCE) as answer:  # noqa: S310 # here
                answers.append(str(answer.status))
        except OSError as error:
            answers.append(f"{time.monotonic()}: {error}")

    def flow() -> None:
        began, sent = time.monotonic(), 0
        with ThreadPoolExecutor(40) as pool:
            while not done.is_set():
                pool.submit(ask)
                sent += 1
                time.sleep(max(0.0, began + sent / 20 - time.monotonic()))

    flowing = threading.Thread(target=flow)
    flowing.start()
    try:
        told = shop.infragen("rotate", "--twice", "--yes")
        time.sleep(12)  # longer than a connection stays idle: the tasks log in again
    finally:
        done.set()
        flowing.join()
    assert "rotated twice; the credentials from before are no longer valid" in told
    failed = [each for each in answers if each != "200"]
    sys.stdout.write(f"{len(answers)} requests, {len(failed)} failed\n")  # shown by `pytest -rP`
    assert (failed, len(answers) > 200) == ([], True)
    assert shop.credentials()["username"] == first["username"] != ""
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first["url"]).close()


def kill_workers(shop: Shop) -> None:
    """Kill the processes of all functions."""
    for pid in shop.processes("_worker."):
        with suppress(ProcessLookupError):  # it has ended since
            os.kill(pid, signal.SIGKILL)


def rotate(shop: Shop) -> None:
    """Rotate the credentials of the application, to the end."""
    secrets, secret = shop.client("secretsmanager"), shop.outputs()["DatabaseCredentialsArn"]
    version = secrets.rotate_secret(SecretId=secret)["VersionId"]
    until(
        lambda: secrets.describe_secret(SecretId=secret)["VersionIdsToStages"][version] == ["AWSCURRENT"],
        "the rotation",
    )


def posted(shop: Shop) -> list[str]:
    """Return the id of a notification that is taken after the pool's idle connections have ended, or none."""
    time.sleep(11)  # longer than a connection stays idle, so that the next statement logs in
    status, answer = shop.ask("/notifications", {"recipient": "you", "body": "hello"})
    return [str(answer["id"])] if status == 202 else []


def example(page: str, fence: str) -> str:
    """Return a block of a page of the documentation."""
    text = (Path(__file__).parents[2] / "docs" / page).read_text("utf-8")
    return text.partition(f"```{fence}\n")[2].partition("```")[0]


def test_a_bucket_a_layer_and_a_migration_are_added_as_the_pages_say(shop: Shop, project: Project) -> None:
    """Of docs/addons.md, docs/adding-a-layer.md and docs/migrations.md: one deployment brings all three, once what is
    wider is allowed by name; the API has their variables, and its role the bucket.
    """
    root = project.directory
    file = root / "environments" / "dev.yaml"
    before = file.read_text("utf-8")
    added = {
        "addons/uploads.yaml": example("addons.md", "yaml addon"),
        "layers/cache.py": example("adding-a-layer.md", "python cache"),
        "migrations/0002_notes.sql": "-- Up Migration\n\ncreate table notes (id uuid primary key, text text);\n",
    }
    try:
        for name, text in added.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text, "utf-8")
        file.write_text(f"{before}\n{example('adding-a-layer.md', 'yaml cache')}", "utf-8")
        shop.infragen("image", "put", ".", "--image-tag", "more")
        refused = shop.infragen("deploy", "--yes", "--image-tag", "more", ok=False)
        assert "answer with --allow-widening api/TaskRole --allow-widening worker/NotificationsRole --yes" in refused
        assert shop.sql("select to_regclass('notes')") == [(None,)]
        allowed = ("--allow-widening", "api/TaskRole", "--allow-widening", "worker/NotificationsRole")
        shop.infragen("deploy", "--yes", "--image-tag", "more", *allowed)
        assert shop.sql("select name from migrations order by name")[-1] == ("0002_notes",)
        [definition] = [
            shop.client("ecs").describe_task_definition(taskDefinition=each)["taskDefinition"]
            for each in shop.client("ecs").list_task_definitions(familyPrefix="shop-dev-api", sort="DESC")[
                "taskDefinitionArns"
            ][:1]
        ]
        api = next(each for each in definition["containerDefinitions"] if each["name"] == "api")
        variables = {each["name"]: each["value"] for each in api["environment"]}
        assert variables["UPLOADS_BUCKET_NAME"] in [
            each["Name"] for each in shop.client("s3").list_buckets()["Buckets"]
        ]
        assert variables["CACHE_URL"].startswith("rediss://")
        attached = shop.client("iam").list_attached_role_policies(RoleName=definition["taskRoleArn"].rpartition("/")[2])
        assert len(attached["AttachedPolicies"]) == 1
        sent_once(shop, [shop.post()])
    finally:
        file.write_text(before, "utf-8")
        for name in added:
            (root / name).unlink(missing_ok=True)
