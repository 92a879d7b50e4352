"""`infragen ps`: one screen of what runs, what is wrong with it, and what to type next."""

from __future__ import annotations

import copy
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from bench import ACCOUNT, Bench, at_work, head, prepare_account, work_on
from click.testing import Result
from commands import CommandLine
from fakeaws import FakeAws
from fakeaws.model import ParameterValue
from ps_page import ps_page
from signals import default_signals
from sweeps import SOAKING

from infragen.assembly.synth import synthesize
from infragen.cli import main
from infragen.cli.overview import _watch
from infragen.engine.snapshot import Snapshot
from infragen.errors import Unavailable
from infragen.layers.project import load_file
from infragen.report.ps_document import ps_schema

API = (
    "api: {cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2, https: {mode: http_only}, "
    "ingress_cidrs: [203.0.113.0/24]}\n"
)
REST = (
    "network: {nat: single}\n"
    "database: {min_acu: 0.5, max_acu: 8}\n"
    "queues: [{name: orders}]\n"
    "workers: [{name: send, queue: orders, max_concurrency: 5}]\n"
)
ENVIRONMENT = API + REST
MOST_CALLS = 12
Run = Callable[..., Result]


class Shop:
    """A deployed environment on the fake, and how `ps` is run in it."""

    def __init__(self, aws: FakeAws, directory: Path, topology: str, text: str = ENVIRONMENT) -> None:
        self.aws, self.directory, self.topology = aws, directory, topology
        (directory / "test.yaml").write_text(head(topology=topology) + text)
        self.bench: Bench = at_work(aws, load_file(directory / "test.yaml").environment)
        prepare_account(aws, self.bench.env)

    def deploy(self, **options: Any) -> Shop:
        self.bench.bootstrap()
        self.bench.begin(synthesize(self.bench.env), **options)
        return self

    def ps(self, *options: str, code: int = 0) -> Result:
        made = ["ps", "--env", "test", "--environments", str(self.directory), "--endpoint-url", self.aws.url, *options]
        now = self.aws.clock.now
        line = CommandLine(self.aws.clock, date=lambda: now().timestamp())
        result = line.invoke(main, made, env={"COLUMNS": "80"})
        assert result.exit_code == code, result.output
        return result

    def screen(self, *options: str, code: int = 0) -> str:
        """What a terminal of 80 columns shows; each line on one line, without the options that make commands work."""
        text = re.sub(r"\n {3,}(?=\S*/|--)", " ", self.ps(*options, code=code).stdout)
        given = f" --env test --environments {self.directory} --endpoint-url {self.aws.url}"
        return text.replace(given, "")

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ps("--format", "json").stdout)
        jsonschema.validate(found, ps_schema())
        return found


@pytest.fixture(scope="module", params=["nested", "independent"])
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One deployed environment of each topology for all tests that only look at it."""
    with pytest.MonkeyPatch.context() as patched, FakeAws() as fake:
        work_on(fake, patched)
        made = Shop(fake, tmp_path_factory.mktemp("ps"), request.param)
        yield made.deploy(image_tag="abc123", skip_check=frozenset({"image"}))
        fake.check()


@pytest.fixture
def shop(deployed: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The deployed environment, in which all is well; what a test changes of the fake's settings is undone."""
    work_on(deployed.aws, monkeypatch)
    before = copy.deepcopy(vars(deployed.aws.settings))
    well(deployed.aws)
    deployed.aws.calls.clear()
    yield deployed
    vars(deployed.aws.settings).update(before)
    deployed.aws.mend()


NESTED = pytest.mark.parametrize("deployed", ["nested"], indirect=True)
BOTH = pytest.mark.parametrize("topology", ["nested", "independent"])


def commands(found: dict[str, Any]) -> list[str]:
    """What a document says to type, without the options that make it work; each is a command that infragen has."""
    said = list(dict.fromkeys(each["command"] for each in found["advice"] if each["command"]))
    for line in said:
        name, *arguments = shlex.split(line)[1:]
        command = main.commands[name]
        with click.Context(main, info_name="infragen", **main.context_settings) as parent:
            command.make_context(name, arguments, parent)
    return [re.sub(r" --(env|environments|endpoint-url) \S+", "", each) for each in said]


def trouble(found: dict[str, Any]) -> list[tuple[str, str]]:
    """What is wrong: where, and what."""
    return [(each["where"], each["what"]) for each in found["advice"] if each["trouble"]]


def well(aws: FakeAws) -> None:
    """Numbers of an environment that works."""
    api, orders, send = "shop-test", "shop-test-orders", "shop-test-send"
    aws.settings.metrics |= {
        ("CPUUtilization", api): 41.0, ("MemoryUtilization", api): 63.0,
        ("ApproximateNumberOfMessagesVisible", orders): 12.0, ("ApproximateAgeOfOldestMessage", orders): 8.0,
        ("ApproximateNumberOfMessagesNotVisible", orders): 3.0,
        ("Invocations", send): 8.0, ("Errors", send): 0.0, ("Throttles", send): 0.0,
        ("ServerlessDatabaseCapacity", "shop-test"): 2.5, ("DatabaseConnections", "shop-test"): 31.0,
    }  # fmt: skip
    aws.settings.event_sources["SendEventSource"] = "Enabled"


@pytest.mark.long
def test_one_look_takes_twelve_calls(shop: Shop) -> None:
    """In either topology, with an API, a worker, a queue and a database; nothing is changed."""
    found = shop.document()
    operations = sorted(f"{call.service}:{call.operation}" for call in shop.aws.calls)
    assert operations == [
        "cloudformation:DescribeChangeSet", "cloudformation:DescribeStacks", "ecs:DescribeServices",
        "ecs:DescribeTasks", "ecs:ListTasks", "ecs:ListTasks", "lambda:ListEventSourceMappings",
        "monitoring:DescribeAlarms", "monitoring:GetMetricData", "secretsmanager:DescribeSecret",
        "sqs:GetQueueAttributes", "sts:GetCallerIdentity",
    ]  # fmt: skip
    assert len(operations) == MOST_CALLS
    assert shop.aws.mutations() == []
    assert (found["trouble"], found["unread"], found["advice"]) == (False, [], [])


@pytest.mark.long
def test_a_screen_says_what_runs_and_that_all_is_well(shop: Shop) -> None:
    """Each line at 80 columns; exit code 0 with --fail-on-trouble."""
    lines = shop.screen("--fail-on-trouble").splitlines()
    assert max(map(len, lines)) <= 80
    rows = {line.split()[0]: line for line in lines if line[:1].strip()}
    assert rows["shop-test"].startswith("shop-test  us-east-1  ")
    assert ("CREATE_COMPLETE  deployed" in rows["shop-test"]) == (shop.topology == "nested")
    assert ("stacks" in rows) == (shop.topology == "independent")
    text = " ".join(" ".join(lines).split())
    assert "api 1 of 1 running, 1 healthy rollout COMPLETED image abc123 (sha256:" in text
    assert "cpu 41 % memory 63 % 0 requests in 5 min, 0 with 5xx" in text
    assert "send source Enabled 12 waiting, 3 in flight, oldest 8 s 0 dead letters" in text
    assert "40 calls, 0 failed, 0 throttled in 5 min" in text
    assert "database 2.5 of 8 ACU 31 of 1,669 connections credentials rotated 3 d ago, next in 27 d" in text
    assert text.endswith("alarms none raised next nothing: all is well")


@pytest.mark.long
def test_what_is_wrong_is_said_with_the_command_that_helps(shop: Shop) -> None:
    """Dead letters, failures, throttles, a task that ran out of memory, a full database, alarms: each one's own."""
    settings, send = shop.aws.settings, "shop-test-send"
    settings.queued["OrdersDlq"] = 2
    settings.metrics |= {("Errors", send): 4.0, ("Throttles", send): 1.0}
    settings.metrics |= {("ServerlessDatabaseCapacity", "shop-test"): 8.0}
    settings.stopped_tasks["Service"] = "OutOfMemoryError: Container killed due to memory usage"
    settings.stopped_containers["Service"] = [{"name": "api", "exitCode": 137, "reason": "OutOfMemoryError"}]
    settings.alarms_raised |= {"OrdersDeadLetterAlarm": "Threshold Crossed", "ServiceAlarm": "one of many"}
    found = shop.document()
    assert dict(trouble(found)) == {
        "api": "a task failed", "send": "Lambda throttled 5 calls", "orders": "2 dead letters",
        "database": "it works at its largest capacity", "alarms": "2 alarms are raised",
    }  # fmt: skip
    assert ("send", "20 calls failed") in trouble(found)
    task = found["services"][0]["last_stopped"]
    assert (task["exit_code"], task["reason"]) == (137, "OutOfMemoryError")
    said = commands(found)
    assert said[0].startswith("infragen logs api --task ")
    assert said[1:] == [
        "infragen logs send --level error --since 30m", "infragen doctor", "infragen redrive orders --peek",
        "infragen logs database --since 30m", "infragen docs on-call",
    ]  # fmt: skip
    raised = {each["name"]: each["layer"] for each in found["alarms"]}
    assert raised == {"OrdersDeadLetterAlarm": "queue", "ServiceAlarm": "observability"}
    text = " ".join(shop.screen("--fail-on-trouble", code=1).split())
    assert "last stopped 0 s ago: exit code 137, OutOfMemoryError" in text
    assert "OrdersDeadLetterAlarm (queue) since" in text
    assert "2 dead letters" in text


@pytest.mark.long
@pytest.mark.parametrize(
    ("operation", "part", "permission", "unknown"),
    [
        ("ecs:DescribeServices", "services", "ecs:DescribeServices", "api ? ?"),
        ("ecs:ListTasks", "tasks", "ecs:ListTasks", "? healthy"),
        ("ecs:DescribeTasks", "tasks", "ecs:DescribeTasks", "image ?"),
        ("monitoring:GetMetricData", "metrics", "cloudwatch:GetMetricData", "? of 8 ACU ? of 1,669 connections"),
        ("monitoring:DescribeAlarms", "alarms", "cloudwatch:DescribeAlarms", "alarms ?"),
        ("lambda:ListEventSourceMappings", "event sources", "lambda:ListEventSourceMappings", "source ?"),
        ("sqs:GetQueueAttributes", "dead letters of orders", "sqs:GetQueueAttributes", "? dead letters"),
        ("secretsmanager:DescribeSecret", "credentials", "secretsmanager:DescribeSecret", "credentials ?"),
        ("cloudformation:DescribeChangeSet", "commit", "cloudformation:DescribeChangeSet", "from commit ?"),
    ],
)
@NESTED
def test_a_part_that_may_not_be_read_is_a_question_mark_and_the_rest_is_shown(
    shop: Shop, operation: str, part: str, permission: str, unknown: str
) -> None:
    """Whichever call is denied: its permission is named, nothing of it is called well, and all others are made."""
    shop.aws.refuse(operation, "AccessDeniedException", "not authorized", times=None)
    text = " ".join(shop.screen("--fail-on-trouble", code=1).split())
    assert unknown.replace("api ? ?", "api ?") in text
    assert f"{part}: {permission} is denied" in text
    assert "all is well" not in text
    found = shop.document()
    assert [(each["part"], each["permission"]) for each in found["unread"]] == [(part, permission)]
    assert (found["trouble"], trouble(found)) == (True, [])


@pytest.mark.long
def test_a_stack_in_progress_or_rolled_back_is_said_first(shop: Shop) -> None:
    """With `follow` while it runs, `diagnose` when it failed."""
    name = "shop-test" if shop.topology == "nested" else "shop-test-api"
    stack, layer = shop.aws.stack(name), "root" if shop.topology == "nested" else "api"
    before = stack.status
    for status, wrong, command in (
        ("UPDATE_IN_PROGRESS", False, "infragen follow"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", True, "infragen follow"),
        ("UPDATE_ROLLBACK_COMPLETE", True, "infragen diagnose"),
        ("UPDATE_ROLLBACK_FAILED", True, "infragen recover"),
        ("SOMETHING_NEW", True, "infragen status"),
    ):
        stack.status = status
        found = shop.document()
        first = found["advice"][0]
        assert (first["where"], first["what"], first["trouble"]) == (layer, f"the stack is {status}", wrong)
        assert command in commands(found)
        assert status in shop.screen()
    stack.status = before


@pytest.mark.long
@BOTH
def test_an_environment_that_is_not_deployed_has_a_screen(aws: FakeAws, tmp_path: Path, topology: str) -> None:
    """Three calls, and the command that deploys it; a file that does not exist is an error."""
    shop = Shop(aws, tmp_path, topology)
    text = shop.screen("--fail-on-trouble", code=1)
    assert text.startswith("shop-test  us-east-1  not deployed\n")
    assert "nothing of test is deployed\n" in text
    assert "  infragen deploy" in text
    assert {each.operation for each in aws.calls} == {"GetCallerIdentity", "DescribeStacks"}
    assert commands(shop.document()) == ["infragen deploy"]
    absent = CommandLine().invoke(main, ["ps", "--env", "none", "--environments", str(tmp_path)])
    assert absent.exit_code == 2


@pytest.mark.long
@pytest.mark.parametrize(
    "text",
    ["network: {nat: single}\n", "network: {nat: single}\n" + API, "network: {nat: single}\nqueues: [{name: a}]\n"],
    ids=["network alone", "api alone", "queue without worker"],
)
def test_an_environment_shows_what_it_has(aws: FakeAws, tmp_path: Path, text: str) -> None:
    """Layers that are off have no line, and are asked nothing about."""
    shop = Shop(aws, tmp_path, "nested", text).deploy()
    found = shop.document()
    assert bool(found["services"]) == ("api" in text)
    assert bool(found["queues"]) == ("queues" in text)
    assert (found["workers"], found["databases"], found["unread"], trouble(found)) == ([], [], [], [])
    if "api" in text:
        assert commands(found) == ["infragen deploy --image-tag TAG"]
        assert "image placeholder" in shop.screen()


@pytest.mark.long
def test_a_placeholder_worker_and_a_source_that_was_switched_off_differ(shop: Shop) -> None:
    """Without code the source is off on purpose; with code it is trouble."""
    del shop.aws.settings.event_sources["SendEventSource"]
    assert commands(shop.document()) == ["infragen deploy"]
    assert not shop.document()["trouble"]
    code = ParameterValue("code/send.zip", "code/send.zip")
    with pytest.MonkeyPatch.context() as patched:
        for stack in shop.aws.cloud.stacks.values():
            if "SendCodeKey" in stack.target.parameters:
                patched.setitem(stack.target.parameters, "SendCodeKey", code)
        found = shop.document()
    assert trouble(found) == [("send", "its event source is Disabled: USER_INITIATED")]
    assert commands(found) == ["infragen drift"]


@pytest.mark.long
def test_messages_that_fail_one_by_one_are_failures(shop: Shop) -> None:
    """A worker with partial batch responses has no error of the function."""
    [source] = [
        each.physical_id for stack in shop.aws.cloud.stacks.values() for each in stack.resources.values()
        if each.logical_id == "SendEventSource"
    ]  # fmt: skip
    shop.aws.settings.metrics |= {("InvokedEventCount", source): 10.0, ("FailedInvokeEventCount", source): 1.0}
    assert trouble(shop.document()) == [("send", "5 messages failed")]
    shop.aws.settings.metrics |= {("InvokedEventCount", source): 1000.0}
    assert trouble(shop.document()) == []


@pytest.mark.long
def test_a_task_that_stopped_for_a_deployment_is_no_trouble(shop: Shop) -> None:
    """Nor one that somebody stopped; any other reason is."""
    settings = shop.aws.settings
    for reason, code, wrong in (
        ("Scaling activity initiated by (deployment ecs-svc/1)", "ServiceSchedulerInitiated", False),
        ("Task stopped by user", "UserInitiated", False),
        ("Task failed container health checks", "ServiceSchedulerInitiated", True),
        ("a reason that nobody has seen", "ACodeThatNobodyHasSeen", True),
    ):
        settings.stopped_tasks["Service"], settings.stop_codes["Service"] = reason, code
        found = shop.document()
        assert found["services"][0]["last_stopped"]["reason"] == reason
        assert trouble(found) == ([("api", "a task failed")] if wrong else []), reason


@pytest.mark.long
def test_fewer_tasks_than_wanted_are_trouble_unless_they_are_being_started(shop: Shop) -> None:
    """A rollout that failed is one in any case."""
    settings = shop.aws.settings
    settings.desired_tasks["Service"], settings.running_tasks["Service"] = 3, 1
    for rollout, wrong in (("IN_PROGRESS", []), ("COMPLETED", [("api", "1 of 3 tasks run")])):
        settings.rollouts["Service"] = rollout
        assert trouble(shop.document()) == wrong
    settings.rollouts["Service"] = "FAILED"
    assert trouble(shop.document()) == [("api", "the rollout failed: ECS gives no reason")]
    settings.desired_tasks["Service"], settings.rollouts["Service"] = 0, "COMPLETED"
    assert trouble(shop.document()) == []


@pytest.mark.long
def test_alarms_of_another_environment_are_not_shown(shop: Shop) -> None:
    """One whose name begins with this one's: `shop-test-orders-…`."""
    other = shop.directory / "other"
    other.mkdir()
    text = head("test-orders", shop.topology) + "network: {nat: single}\nqueues: [{name: jobs}]\n"
    (other / "test-orders.yaml").write_text(text)
    bench = at_work(shop.aws, load_file(other / "test-orders.yaml").environment)
    bench.bootstrap()
    assert bench.deploy(synthesize(bench.env)).exit_code == 0
    shop.aws.settings.alarms_raised |= {"JobsAgeAlarm": "theirs", "OrdersAgeAlarm": "ours"}
    assert [each["name"] for each in shop.document()["alarms"]] == ["OrdersAgeAlarm"]


@pytest.mark.long
def test_the_credentials_rotation_is_watched(shop: Shop) -> None:
    """Switched off, unfinished, overdue, or without a secret: each is trouble; one that still may run is none."""
    now = shop.aws.clock.now().timestamp()
    pending = {"VersionIdsToStages": {"a": ["AWSCURRENT"], "b": ["AWSPENDING"]}}
    for members, what in (
        ({"RotationEnabled": False}, "its credentials are not rotated"),
        ({**pending, "LastChangedDate": now - 1_501}, "a rotation of its credentials did not end"),
        ({"NextRotationDate": now - 3 * 86_400}, "a rotation is overdue"),
    ):
        shop.aws.settings.rotations["AppSecret"] = members
        assert trouble(shop.document()) == [("database", what)]
        assert "one is running" not in shop.screen()
    for members in ({**pending, "LastChangedDate": now - 1_000}, {"NextRotationDate": now - 3600}):
        shop.aws.settings.rotations["AppSecret"] = members
        assert trouble(shop.document()) == []
        assert ("one is running" in shop.screen()) == ("LastChangedDate" in members)


@pytest.mark.long
def test_no_secret_of_aws_words_is_shown(shop: Shop) -> None:
    """Reasons of tasks and alarms, in text and as JSON."""
    shop.aws.settings.stopped_tasks["Service"] = "cannot start: password=hunter22secret"
    shop.aws.settings.alarms_raised["OrdersAgeAlarm"] = 'token: "hunter22secret"'
    for text in (shop.screen(), shop.ps("--format", "json").stdout):
        assert "hunter22" not in text


@NESTED
def test_options_that_exclude_each_other_are_refused(shop: Shop) -> None:
    """--watch is for people at a terminal."""
    assert "cannot be combined" in shop.ps("--watch", "--format", "json", code=2).stderr
    assert "cannot be combined" in shop.ps("--watch", "--fail-on-trouble", code=2).stderr
    assert "--watch needs a terminal" in shop.ps("--watch", code=2).stderr


class Interrupted:
    """Sleeps without waiting, and is interrupted at the end."""

    def __init__(self, times: int) -> None:
        self.times, self.slept = times, list[float]()

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == self.times:
            raise KeyboardInterrupt


def test_the_screen_is_drawn_again_every_five_seconds_until_it_is_interrupted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """While AWS cannot be reached the last screen stays and says so; then it is renewed."""
    found = Snapshot("test", "shop-test", ACCOUNT, "us-east-1", 0.0, "", None, ())
    looks: Iterator[Snapshot | Unavailable] = iter(
        [replace(found, name="second"), Unavailable("no route to host"), replace(found, name="fourth")]
    )

    def look() -> Snapshot:
        each = next(looks)
        if isinstance(each, Unavailable):
            raise each
        return each

    sleep = Interrupted(4)
    with click.Context(main):
        _watch(found, look, sleep)
    assert sleep.slept == [5.0] * 4
    lines = capsys.readouterr().out.splitlines()
    assert [each for each in lines if "us-east-1" in each or "renewed" in each] == [
        "shop-test  us-east-1  not deployed", "second  us-east-1  not deployed", "second  us-east-1  not deployed",
        "not renewed: no route to host", "fourth  us-east-1  not deployed",
    ]  # fmt: skip


@pytest.mark.long
def test_on_a_terminal_ctrl_c_ends_it_well(aws: FakeAws, tmp_path: Path) -> None:
    """Exit code 0 and no traceback, in a process with a terminal of its own."""
    shop = Shop(aws, tmp_path, "nested")
    control, terminal = pty.openpty()
    command = ["ps", "--env", "test", "--environments", str(tmp_path), "--endpoint-url", aws.url, "--watch"]
    child = subprocess.Popen(
        [sys.executable, "-m", "infragen", *command],
        stdin=terminal, stdout=terminal, stderr=terminal, preexec_fn=default_signals,
        env={**os.environ, "TERM": "xterm-256color", "CI": "", "NO_COLOR": ""},
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    while b"infragen deploy" not in shown:
        shown += os.read(control, 4096)
    child.send_signal(signal.SIGINT)
    with suppress(OSError):
        while part := os.read(control, 4096):
            shown += part
    os.close(control)
    assert child.wait() == 0
    assert b"\x1b[2J" in shown
    assert b"Traceback" not in shown
    assert shop.aws.mutations() == []


@pytest.mark.long
def test_the_addresses_are_opened_and_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API's URL and the dashboard; where no browser starts, that is said."""
    opened: list[str] = []

    def browser(address: str) -> bool:
        opened.append(address)
        return len(opened) == 1

    monkeypatch.setattr("webbrowser.open", browser)
    told = shop.ps("--open").stderr
    found = shop.document()
    assert opened == [found["url"], found["dashboard"]]
    assert found["dashboard"].startswith("https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#")
    assert [line for line in told.splitlines() if line in opened] == opened
    assert told.count("no browser could be started") == 1


OWN = '''
"""A second service with a queue and a worker of its own."""
from troposphere import GetAtt, Ref, awslambda, cloudwatch, ecs, sqs
from infragen.layer import Layer, Section, Template


class Search(Section):
    """A section without keys."""


def build(env):
    template = Template()
    template.add_resource(sqs.Queue("Dead"))
    policy = sqs.RedrivePolicy(deadLetterTargetArn=GetAtt("Dead", "Arn"), maxReceiveCount=3)
    template.add_resource(sqs.Queue("Jobs", RedrivePolicy=policy))
    template.add_resource(sqs.Queue("Alone"))
    of_jobs = {"FunctionName": "indexer", "EventSourceArn": GetAtt("Jobs", "Arn")}
    template.add_resource(awslambda.EventSourceMapping("Feed", **of_jobs))
    template.add_resource(ecs.Service("Finder", Cluster="other", ServiceName="finder", TaskDefinition="finder:1"))
    what = {"Namespace": "own", "MetricName": "m", "Threshold": 1, "Period": 60, "Statistic": "Sum"}
    what |= {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
    template.add_resource(cloudwatch.Alarm("Slow", AlarmName="search-is-slow", **what))
    return template


LAYERS = (Layer(name="search", title="Search", about="a second service", build=build, section=Search),)
'''


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"] if SOAKING else ["nested"])
def test_resources_of_a_projects_own_layer_are_shown(aws: FakeAws, tmp_path: Path, topology: str) -> None:
    """A second service in another cluster, its queue with dead letters, its event source, an alarm of its own name."""
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / "search.py").write_text(OWN)
    (tmp_path / "environments").mkdir()
    shop = Shop(aws, tmp_path / "environments", topology, ENVIRONMENT + "search: {}\n").deploy()
    well(aws)
    aws.settings.queued["Dead"] = 3
    aws.settings.alarms_raised["Slow"] = "slow"
    shop.aws.calls.clear()
    found = shop.document()
    assert len(shop.aws.calls) == MOST_CALLS + 1 + 4 + 1 + 1  # resources, a cluster, dead letters, named alarms
    assert [each["name"] for each in found["services"]] == ["api", "search/Finder"]
    assert [(each["name"], each["function"]) for each in found["workers"][1:]] == [("search/Feed", "indexer")]
    assert found["workers"][1]["queue"]["name"] == "search/Jobs"
    assert [each["name"] for each in found["queues"]] == ["search/Alone"]
    assert [(each["name"], each["layer"]) for each in found["alarms"]] == [("Slow", "search")]
    assert ("search/Jobs", "3 dead letters") in trouble(found)
    commands(found)


def test_the_page_is_made_from_the_document() -> None:
    """`make docs` writes it."""
    assert (Path(__file__).parents[1] / "docs" / "ps.md").read_text() == ps_page().rstrip("\n") + "\n"
