"""`--format json` of the commands that work on stacks: every line of every run is what the schema says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from commands import CommandLine, commands, formats, schema_of
from documents_page import documents_page
from emulator import Faults, log_in
from event_page import event_page
from formats import Line, check_documents, check_lines

from infragen.cli import main
from infragen.cli.settings import SCHEMA_NAMES
from infragen.cloud.cloudformation import StackEvent
from infragen.cloud.protocol import Identity
from infragen.engine.follow import LayerEvent
from infragen.engine.outcome import Cause, Deleted, Deployed, Failed, Recovered, Skipped, Unknown
from infragen.engine.progress import (
    Connected,
    Ended,
    Event,
    Following,
    Happened,
    Lost,
    Noticed,
    Question,
    RotationEnded,
    RotationStarted,
    ServiceDeploymentEnded,
    ServiceDeploymentStarted,
    Started,
    TaskEnded,
    TaskLog,
    TaskStarted,
    Uploaded,
    Warned,
)
from infragen.errors import Refused
from infragen.machine.emulator import Emulator
from infragen.report.event_lines import EventLines
from infragen.report.event_schema import event_names, event_schema
from infragen.report.schemas import SCHEMAS
from infragen.secrecy.visible import quoted

ENVIRONMENT = """\
project: shop
environment: dev
region: eu-central-1
account: "{account}"
topology: {topology}
network:
  nat: none
  interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sts, sqs, rds-data, ssm, kms]
queues:
  - name: orders
"""
START = datetime(2026, 1, 1, tzinfo=UTC)


def of(lines: list[Line], kind: str) -> list[Line]:
    return [each for each in lines if each["type"] == kind]


# --- real runs -------------------------------------------------------------------------------------------------------

Run = Callable[..., list[Line]]


@pytest.fixture
def topology() -> str:
    """A test that wants both says so with parametrize."""
    return "nested"


@pytest.fixture
def run(
    topology: str, emulator: Emulator, account: str, tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs a command in a directory with the environment dev and gives its checked lines; the bucket is there."""
    (tmp_path / "environments").mkdir()
    text = ENVIRONMENT.format(account=account, topology=topology)
    (tmp_path / "environments" / "dev.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    log_in(monkeypatch, emulator, account)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))

    def invoke(command: str, *options: str, code: int = 0) -> list[Line]:
        arguments = [command, "--env", "dev", "--endpoint-url", emulator.endpoint_url, "--format", "json", *options]
        result = CommandLine().invoke(main, arguments)
        assert result.exit_code == code, result.output
        lines = check_lines(result.stdout)
        assert lines[-1]["exit_code"] == code
        return lines

    invoke("bootstrap", "--yes")
    return invoke


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_the_life_of_an_environment_as_lines(run: Run) -> None:
    """Plan, events with times, outcomes, outputs; nothing to do; deletion."""
    deployed = run("deploy", "--yes")
    assert of(deployed, "plan")[0]["plan"]["plans"][0]["environment"] == "dev"
    done = [each for each in of(deployed, "resource") if each["status"] == "CREATE_COMPLETE"]
    assert {"OrdersQueue", "Vpc"} <= {each["logical_id"] for each in done}
    assert all(each["seconds"] >= 0 for each in done if each["resource_type"] != "AWS::CloudFormation::Stack")
    assert len({each["event_id"] for each in of(deployed, "resource")}) == len(of(deployed, "resource"))
    assert {each["outcome"] for each in of(deployed, "outcome")} == {"deployed"}
    assert "OrdersQueueUrl" in of(deployed, "outputs")[0]["values"]
    assert len(of(deployed, "connected")) == 1
    assert {each["environment"] for each in deployed} == {"dev"}
    again = run("deploy", "--yes")
    assert set(again[-1]["outcomes"].values()) == {"unchanged"}
    assert of(run("follow"), "outcome") == []
    gone = run("destroy", "--yes")
    assert of(gone, "deletion_plan")[0]["stacks"]
    [left] = of(gone, "left")
    [bucket] = [each for each in left["resources"] if each["kind"] == "bootstrap"]
    assert bucket["id"] == "shop-dev-artifacts"
    assert bucket["command"].startswith("infragen destroy ")
    assert bucket["command"].endswith(" --env dev --bootstrap")
    assert set(gone[-1]["outcomes"].values()) == {"deleted"}


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_a_failure_ends_with_its_root_cause_and_line(run: Run, faults: Faults, topology: str) -> None:
    """AWS's words, and the place in the environment file; then its recovery."""
    faults(fail={"create AWS::SQS::Queue": [1]})
    last = run("deploy", "--yes", "--on-failure", "keep", code=1)[-1]
    cause = last["root_cause"]
    assert (cause["layer"], cause["reason"]) == ("queue", "injected failure: create AWS::SQS::Queue")
    setting = cause["setting"]
    assert (setting["key"], setting["file"], setting["line"]) == ("queues[0]", "environments/dev.yaml", 10)
    faults()
    keeps = ["network/Key", "network/FlowLogGroup"] if topology == "nested" else []
    recovered = run("recover", "--yes", *(f"--allow-data-loss={each}" for each in keeps))
    assert of(recovered, "recovery_plan")[0]["stacks"][0]["why"]


@pytest.mark.long
def test_nobody_is_asked(run: Run) -> None:
    """O5: a question without its flag is an error, and the flag is named."""
    refused = run("deploy", code=3)
    [error] = of(refused, "error")
    assert (error["kind"], error["hint"]) == ("Refused", "answer with --yes")
    assert of(refused, "plan")


@pytest.mark.long
def test_what_is_wrong_with_the_input_is_a_line(run: Run) -> None:
    """A broken file, an environment that is not there, a missing option: the same two last lines."""
    Path("environments/dev.yaml").write_text("project: 1 2\nenvironment: dev\n")
    [error] = of(run("deploy", code=2), "error")
    assert error["message"].startswith("environments/dev.yaml:1:1: region is missing")
    for arguments in (["deploy", "--env", "nope", "--format", "json"], ["deploy", "--format", "json"]):
        result = CommandLine().invoke(main, arguments)
        assert result.exit_code == check_lines(result.stdout)[-1]["exit_code"] == 2


@pytest.mark.long
def test_o2_lines_go_to_stdout_and_nothing_else_does(run: Run, emulator: Emulator) -> None:
    """O2: as a process of its own, in a locale without UTF-8; stderr has nothing to say."""
    command = [sys.executable, "-m", "infragen", "deploy", "--env", "dev", "--yes", "--format", "json"]
    ended = subprocess.run(
        [*command, "--endpoint-url", emulator.endpoint_url],
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"},
        capture_output=True,
        check=True,
    )
    assert ended.stderr == b""
    check_lines(ended.stdout.decode("ascii"))


@pytest.mark.long
def test_o4_a_closed_stdout_ends_the_lines_and_not_the_deployment(run: Run, emulator: Emulator) -> None:
    """O4: whoever read the lines has gone after the first; the deployment ends as if nobody had."""
    command = [sys.executable, "-m", "infragen", "deploy", "--env", "dev", "--yes", "--format", "json"]
    child = subprocess.Popen(
        [*command, "--endpoint-url", emulator.endpoint_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    assert (child.wait(), said) == (0, b"")
    assert set(run("deploy", "--yes")[-1]["outcomes"].values()) == {"unchanged"}


# --- every kind of line ----------------------------------------------------------------------------------------------


class Stage:
    """Lines from events that are made by hand, with clocks of ours."""

    def __init__(self) -> None:
        self.clock = 0.0
        self.written: list[str] = []
        self.ui = EventLines(self.written.append, lambda: self.clock, lambda: START, "deploy")

    def tell(self, *events: Event) -> list[Line]:
        for event in events:
            self.ui.tell(event)
        return [json.loads(line) for line in self.written]


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A stage whose lines are checked at the end."""
    made = Stage()
    yield made
    made.ui.finish(1, "it failed")
    check_lines("\n".join(made.written))


def resource(name: str, status: str, seconds: float, kind: str = "AWS::RDS::DBInstance", reason: str = "") -> Happened:
    time = START + timedelta(seconds=seconds)
    event = StackEvent(f"{name}-{status}", "arn", "shop-dev-database", name, "id", kind, status, time, quoted(reason))
    return Happened("database", LayerEvent("database", event))


def test_a_silent_minute_is_broken_by_a_heartbeat(stage: Stage) -> None:
    """O1: what is in progress, for how long, and how long that usually is; again after the next minute."""
    stage.tell(Started("database", "shop-dev-database", "create"), resource("Writer", "CREATE_IN_PROGRESS", 0))
    stage.clock = 59
    assert of(stage.tell(Following(59, ("database",))), "heartbeat") == []
    stage.clock = 60
    [beat] = of(stage.tell(Following(60, ("database",)), Following(61, ("database",))), "heartbeat")
    assert beat["stacks"] == ["shop-dev-database"]
    assert beat["work"][0]["seconds"] == 60
    assert beat["work"][0]["usual_minutes"] == [8, 12]
    stage.clock = 120
    assert len(of(stage.tell(Following(120, ("database",))), "heartbeat")) == 2


def test_everything_that_an_engine_tells_has_its_line(stage: Stage) -> None:
    """What seldom happens in a real run: notices, lost connections, each kind of outcome."""
    cause = Cause("database", "Writer", "AWS::RDS::DBInstance", "CREATE_FAILED", "no room", "id", START)
    earlier = Cause("queue", "Jobs", "AWS::SQS::Queue", "CREATE_FAILED", "first", "id", START - timedelta(seconds=1))
    stage.tell(
        Connected(Identity("1", "arn", "aws", "eu-west-1")),
        Uploaded("bucket", "key", 3),
        Noticed("api", "Service", "unable to place a task"),
        TaskStarted("release", "arn:task/1", ("node", "src/release.ts"), "v1"),
        TaskLog("release", "applied 0001"),
        TaskEnded("release", "arn:task/1", 0, 8.04),
        RotationStarted("arn:secret", "v2"),
        RotationEnded("arn:secret", "v2", 20.04),
        ServiceDeploymentStarted("arn:service/shop/api", "ecs-svc/2"),
        ServiceDeploymentEnded("arn:service/shop/api", "ecs-svc/2", 60.0),
        Lost("api", "no route"),
        Warned("careful"),
        Started("database", "shop-dev-database", "create"),
        Started("network", "shop-dev-network", "create"),
        resource("Writer", "CREATE_IN_PROGRESS", 0),
        resource("Writer", "CREATE_FAILED", 5, reason="no room"),
        Ended(Failed("database", "shop-dev-database", "no room", "mend it", "ROLLBACK_COMPLETE", cause)),
        Ended(Failed("queue", "shop-dev-queue", "first", "mend it", "ROLLBACK_COMPLETE", earlier)),
        Ended(Deployed("a", "s", "CREATE_COMPLETE", left=("id",))),
        Ended(Deleted("b", "s", ("kept",))),
        Ended(Recovered("c", "s", "UPDATE_ROLLBACK_COMPLETE", ("d/E",))),
        Ended(Skipped("d", "s", "database")),
        Ended(Unknown("e", "s", "it may still run")),
    )
    stage.ui.finish(1, "it failed")
    last = json.loads(stage.written.pop())
    assert last["root_cause"]["reason"] == "first"
    assert last["still_running"] == ["shop-dev-network"]
    assert list(last["outcomes"].values()) == [
        "failed", "failed", "deployed", "deleted", "recovered", "skipped", "unknown",
    ]  # fmt: skip
    failed = [json.loads(line) for line in stage.written if '"CREATE_FAILED"' in line]
    assert failed[0]["seconds"] == 5


def test_a_flag_answers_and_nothing_else(stage: Stage) -> None:
    """The flags that the user gave."""
    stage.ui.agreed = frozenset({"--yes"})
    assert stage.ui.confirm(Question("go on?", "--yes"))
    with pytest.raises(Refused, match="never prompts"):
        stage.ui.confirm(Question("delete prod?", "--confirm prod", "prod"))


def test_the_page_says_what_the_schema_says() -> None:
    """docs/json-events.md; `make docs` writes it anew. Every type of line is on it."""
    text = (Path(__file__).parents[1] / "docs" / "json-events.md").read_text()
    assert text == event_page()
    assert all(f"\n## {name}\n" in text for name in event_names())


FOR_PEOPLE = {
    "dev", "local stop", "local reset", "shell", "tunnel",  # they run beside who works
    "local env",  # prints what a shell takes
    "init", "compose", "pipeline",  # they write files
    "graph",  # draws
    "docs", "schema",  # prints a page; prints JSON anyway
}  # fmt: skip
"""Commands without --format json."""


def test_every_other_command_prints_json() -> None:
    """A new command has `--format json`, or a reason above."""
    assert {" ".join(path) for path, command in commands() if "json" not in formats(command)} == FOR_PEOPLE


@pytest.mark.long
def test_what_prints_json_has_a_schema() -> None:
    """Each command with `--format json` has one that `infragen schema` prints and names; nothing else is printed.
    `CommandLine` validates what any test makes a command print.
    """
    wanted = {schema_of(path, command) for path, command in commands()} - {None}
    assert wanted == set(SCHEMAS) == set(SCHEMA_NAMES) - {"environment"}
    told = " ".join((main.commands["schema"].help or "").split())
    for name in SCHEMA_NAMES:
        assert re.search(rf"\b{name}\b", told), name
        found = json.loads(CommandLine().invoke(main, ["schema", name]).stdout)
        assert found["$schema"].endswith("2020-12/schema")
        jsonschema.Draft202012Validator.check_schema(found)
        assert name == "environment" or found == SCHEMAS[name]()


def test_a_key_that_the_schema_does_not_name_is_found() -> None:
    """Of each kind of document: of types, of keys, of lines, and where one of two is meant."""
    status: dict[str, Any] = {"version": 1, "stacks": []}
    check_documents("status", json.dumps(status))
    copy = {"version": 1, "repository": "r", "tag": "t", "digest": "d", "new": True}
    moved = {"version": 1, "queue": "q", "cancelled": True}
    check_documents("redrive", json.dumps(moved))
    wrong = [
        ("status", {**status, "more": 1}),
        ("image", copy),
        ("redrive", {**moved, "more": 1}),
        ("outputs", {"A": 1}),
    ]
    for name, document in wrong:
        with pytest.raises(jsonschema.ValidationError):
            check_documents(name, json.dumps(document))


def test_the_page_of_documents_says_what_the_schemas_say() -> None:
    """docs/json-documents.md; `make docs` writes it anew."""
    assert (Path(__file__).parents[1] / "docs" / "json-documents.md").read_text() == documents_page()


def test_the_page_names_every_command_that_prints_lines() -> None:
    """docs/json-events.md; `drift` prints lines with --revert alone."""
    head = event_page().partition("-->")[2].partition("print JSON with")[0]
    found = {" ".join(path) for path, command in commands() if schema_of(path, command) == "events"}
    assert {"deploy", "rotate", "secrets restart"} <= found
    assert found | {"drift --revert"} == set(head.split("`")[1::2])


def test_the_schema_is_printed() -> None:
    """By `infragen schema events`."""
    assert json.loads(CommandLine().invoke(main, ["schema", "events"]).stdout) == event_schema()
