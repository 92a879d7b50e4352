"""The twelve scenarios of a system that works, in both topologies, with the roles enforced, by infragen's own commands.

One environment per topology, in the order of a day: what a scenario changes it puts right. The last one destroys it.
"""

import os
import re
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from emulator import fresh_account
from notes import RELEASE, WORKER, Notes, ask, command, under_load
from sweeps import SOAKING
from twins import PATIENCE, kept, lines, until

from infragen.machine.emulator import Emulator

pytestmark = pytest.mark.twin

FAILING = """
import sys
print("> Migrating files: 0007_add_state")
print('error: relation "nope" does not exist (42P01)')
sys.exit(3)
"""
WAITING = "import time; print('waiting', flush=True); time.sleep(600)"


@pytest.fixture(scope="module", params=["nested", "independent"])
def shop(request: pytest.FixtureRequest, twin: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notes]:
    """Deploy the application in a topology, first the placeholder, then its image."""
    before = set(kept(twin.state_dir))
    found = Notes(twin, fresh_account(), "eu-central-1", tmp_path_factory.mktemp(str(request.param)) / "project")
    found.write(str(request.param))
    found.place()
    assert ask(found.outputs()["Url"] + "/health")[0] == 200  # 1: the placeholder answers before there is an image
    found.release("v1")
    yield found
    found.infragen("destroy", "--yes")
    stacks = found.client("cloudformation").describe_stacks()["Stacks"]
    assert [each["StackName"] for each in stacks] == ["shop-dev-artifacts"]
    started = {each for each in kept(twin.state_dir) if each not in before and "_worker." not in command(each)}
    until(lambda: not [command(each) for each in started if command(each)], "11: the end of every task and server")


def test_an_image_takes_the_place_of_the_placeholder(shop: Notes) -> None:
    """1: with its release command before it, and a message through all of it: SQS, Lambda, PostgreSQL."""
    assert ask(shop.outputs()["Url"]) == (200, "v1")
    assert shop.sql("select count(*) from notes") == [(0,)]
    assert shop.post(3) == 202
    until(lambda: shop.tally() == (3, 0, 0, 0), "the delivery of all")
    until(lambda: calls(shop), "the count of the worker's calls")


def calls(shop: Notes) -> float:
    """Return how often the worker was called in the last hour, as CloudWatch has it."""
    now, of = datetime.now(UTC), [{"Name": "FunctionName", "Value": "shop-dev-notes"}]
    asked = {"Namespace": "AWS/Lambda", "MetricName": "Invocations", "Dimensions": of, "Statistics": ["Sum"]}
    times = {"StartTime": now - timedelta(hours=1), "EndTime": now, "Period": 60}
    found = shop.client("cloudwatch").get_metric_statistics(**asked, **times)["Datapoints"]
    return sum(float(each["Sum"]) for each in found)


def test_a_rolling_update_fails_no_request(shop: Notes) -> None:
    """2: under 20 requests a second, each of which asks the database."""
    shop.put("v2")
    with under_load(shop.outputs()["Url"]) as answers:
        until(lambda: len(answers) > 5, "requests")
        shop.deploy("v2")
        until(lambda: answers[-1] == (200, "v2"), "an answer of the new task")
    assert {status for status, _ in answers} == {200}, answers


def test_a_crash_loop_is_rolled_back_with_its_own_line(shop: Notes) -> None:
    """3: the command ends with 1 and names what ECS did and what the task said; the task before answers."""
    shop.put("crash", "print('cannot find CONFIG', flush=True); raise SystemExit(3)")
    before = ask(shop.outputs()["Url"])
    told = shop.deploy("crash", ok=False)
    assert "ECS Deployment Circuit Breaker was triggered" in told
    assert "cannot find CONFIG" in told
    [(task, since)] = re.findall(r"`infragen logs --env dev --local api --task ([0-9a-f-]+) --since (\S+)`", told)
    assert "cannot find CONFIG" in shop.infragen("logs", "api", "--task", task, "--since", since)
    assert "`aws " not in told
    assert ask(shop.outputs()["Url"]) == before


def test_an_image_that_is_missing_is_refused(shop: Notes) -> None:
    """4: before anything is changed."""
    before = ask(shop.outputs()["Url"])
    told = shop.deploy("none", ok=False)
    assert re.search(r"no image none", told), told
    assert ask(shop.outputs()["Url"]) == before


def test_a_secret_that_is_missing_starts_no_task(shop: Notes) -> None:
    """5: ECS says ResourceInitializationError, the deployment is rolled back, and the task before answers."""
    before, text = ask(shop.outputs()["Url"]), shop.file.read_text()
    missing = f"arn:aws:secretsmanager:eu-central-1:{shop.account}:secret:none-AbCdEf"
    shop.file.write_text(text.replace("  min_tasks: 1", f"  secrets: {{STRIPE_KEY: '{missing}'}}\n  min_tasks: 1"))
    try:
        widens = ("--allow-widening", "api/ExecutionRole", "--allow-widening", "api/TaskDefinition")
        told = shop.deploy(before[1], *widens, ok=False)
    finally:
        shop.file.write_text(text)
    assert "ResourceInitializationError" in told, told
    assert ask(shop.outputs()["Url"]) == before


def running(shop: Notes) -> list[str]:
    """Return the release tasks that run."""
    ecs = shop.client("ecs")
    found: list[str] = ecs.list_tasks(cluster="shop-dev", family="shop-dev-release")["taskArns"]
    return found


def test_a_migration_that_fails_or_runs_already_deploys_nothing(shop: Notes) -> None:
    """6: its own words are shown, and the task before answers; a second one beside it is a conflict."""
    before = ask(shop.outputs()["Url"])
    shop.put("migrates", release=RELEASE.replace("0001_notes", "0002_more"))
    assert "release | applied 0002_more" in shop.infragen("migrate", "--yes", "--image-tag", "migrates")
    shop.put("fails", release=FAILING)
    told = shop.deploy("fails", ok=False)
    assert 'relation "nope" does not exist (42P01)' in told
    assert f"was not deployed, {before[1]} keeps running" in told
    shop.put("waits", release=WAITING)
    first = shop.start("migrate", "--yes", "--image-tag", "waits")
    try:
        [task] = until(lambda: running(shop), "the release task")
        second = shop.start("migrate", "--yes", "--image-tag", "waits")
        said = second.communicate(timeout=PATIENCE)[0]
        assert (second.returncode, "runs already" in said) == (5, True), said
        shop.client("ecs").stop_task(cluster="shop-dev", task=task)
        assert first.wait(PATIENCE) == 1
    finally:
        first.kill()
        first.communicate()
    assert ask(shop.outputs()["Url"]) == before


def test_a_migration_that_takes_too_long_is_stopped(shop: Notes, request: pytest.FixtureRequest) -> None:
    """6: after its `timeout_minutes`, of which the least is one: so in one topology only, but for a soak."""
    if not SOAKING and "nested" in request.node.name:
        pytest.skip("takes a minute: in the other topology, and in a soak")
    if not running(shop):
        shop.put("slow", release=WAITING)
    told = shop.deploy("slow", ok=False)
    assert "1 minute" in told, told
    until(lambda: not running(shop), "the end of the task")


def test_a_poison_message_is_done_once_after_the_fix(shop: Notes) -> None:
    """7: it ends in the dead-letter queue, the fix is deployed, and `redrive` brings it back."""
    [(note,)] = shop.sql("insert into notes default values returning id")
    shop.retry(1, times=2)
    shop.client("sqs").send_message(QueueUrl=shop.queue(), MessageBody=f'{{"note": {note}}}')
    until(lambda: shop.count("notes-dlq") == 1, "the dead letter")
    assert "cannot read" in shop.infragen("redrive", "notes", "--peek")
    shop.worker("w2", WORKER.replace('["id"]', '.get("id") or json.loads(each["body"])["note"]'))
    shop.infragen("deploy", "--yes")
    shop.retry(60, times=2)
    assert "moved to notes" in shop.infragen("redrive", "notes", "--yes", "--wait", "60")
    until(lambda: shop.tally()[1:] == (0, 0, 0), "the delivery")
    assert (shop.count(), shop.count("notes-dlq")) == (0, 0)


def test_an_api_that_is_killed_between_commit_and_send_loses_nothing(shop: Notes) -> None:
    """8: the next task sends what is committed, once."""
    [pid] = shop.processes("api.py")
    shop.sql("revoke select on outbox from app")
    try:
        assert shop.post(3) == 202
        os.kill(pid, signal.SIGKILL)
        until(lambda: not command(pid), "the end of the task")
        assert shop.sql("select count(*) from notes where state = 'queued'") == [(3,)]
    finally:
        shop.sql("grant select on outbox to app")
    until(lambda: shop.tally()[1:] == (0, 0, 0), "the delivery of all")
    until(lambda: steady(shop), "the new task")


def steady(shop: Notes) -> bool:
    """Return whether the service has the task that it wants and requests reach it: a killed one counts for a while."""
    [found] = shop.client("ecs").describe_services(cluster="shop-dev", services=["shop-dev-api"])["services"]
    complete = found["deployments"][0]["rolloutState"] == "COMPLETED" and found["runningCount"] == 1
    return bool(complete and ask(shop.outputs()["Url"])[0] == 200)


def test_no_request_fails_while_the_credentials_rotate_twice(shop: Notes) -> None:
    """9: `rotate --twice` under 20 requests a second, each of which logs in; the first password is refused then."""
    first = shop.credentials()
    with under_load(shop.outputs()["Url"]) as answers:
        told = shop.infragen("rotate", "--twice", "--yes")
        so_far = len(answers)
        until(lambda: len(answers) > so_far + 20, "requests after it")
    assert "rotated twice; the credentials from before are no longer valid" in told
    assert {status for status, _ in answers} == {200}, answers
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(first["url"])
    assert shop.post(1) == 202
    until(lambda: shop.tally()[1:] == (0, 0, 0), "the delivery of all")


def test_a_worker_that_is_deployed_while_messages_flow_loses_nothing(shop: Notes) -> None:
    """10: its processes are killed, too; nothing is lost and nothing is done twice.

    A message whose process is killed at each try would be a dead letter after two of them, which is another scenario.
    """
    before = shop.tally()[0]
    shop.retry(2, times=1000)
    shop.worker("w3")
    deploying = shop.start("deploy", "--yes")
    sent = 0
    while deploying.poll() is None or sent < 100:
        assert shop.post(10) == 202
        sent += 10
        if sent in (50, 100):
            shop.kill_workers()
        time.sleep(0.1)
    assert deploying.returncode == 0, deploying.communicate()[0]
    try:
        until(lambda: shop.tally()[1:] == (0, 0, 0), "the delivery of all")
    except AssertionError as error:
        raise AssertionError(f"{shop.tally()}, {shop.count()} queued, {shop.count('notes-dlq')} dead") from error
    assert shop.tally()[0] == before + sent
    assert shop.post(1) == 202
    until(lambda: any("w3 did" in each for each in lines(shop.client("logs"), "/aws/lambda/shop-dev-notes")), "w3")
