"""`infragen drift` and `infragen plan --drift` on the emulator, as a user meets them: failure-matrix row R15."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from commands import CommandLine
from emulator import Clients, log_in

from infragen.cli import main
from infragen.machine.emulator import Emulator

ENVIRONMENT = """\
project: shop
environment: dev
region: eu-central-1
account: "{account}"
topology: {topology}
queues:
  - name: orders
    visibility_seconds: {seconds}
network: {{ nat: none, interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sqs] }}
"""

Run = Callable[..., Result]


@pytest.fixture(params=["nested", "independent"])
def topology(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def project(emulator: Emulator, tmp_path: Path, account: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "environments").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    log_in(monkeypatch, emulator, account)
    return tmp_path


def write(project: Path, account: str, topology: str, seconds: int = 60) -> None:
    text = ENVIRONMENT.format(account=account, topology=topology, seconds=seconds)
    (project / "environments" / "dev.yaml").write_text(text)


@pytest.fixture
def run(emulator: Emulator, project: Path) -> Run:
    def invoke(command: str, *options: str, code: int = 0) -> Result:
        arguments = [command, "--env", "dev", "--endpoint-url", emulator.endpoint_url, *options]
        result = CommandLine().invoke(main, arguments)
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.mark.long
def test_r15_drift_is_found_told_and_fails_only_when_asked(
    run: Run, project: Path, account: str, topology: str, client: Clients
) -> None:
    """R15: in sync after the deployment; a queue changed by hand is found; a plan says what becomes of it."""
    write(project, account, topology)
    run("bootstrap", "--yes")
    run("deploy", "--yes")
    clean = run("drift", "--fail-on-drift").stdout.splitlines()
    assert clean[-1].startswith("0 of ")
    assert any(each.startswith("AWS cannot compare: ") for each in clean)

    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName="shop-dev-orders")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "45"})

    found = run("drift").stdout.splitlines()
    assert "  OrdersQueue  AWS::SQS::Queue  changed" in found
    assert "        VisibilityTimeout  should be 60, is 45" in found
    refused = run("drift", "--fail-on-drift", code=3)
    assert "not as the templates say, or not known to be: shop-dev-" in refused.stderr
    document = json.loads(run("drift", "--format", "json").stdout)
    assert document["status"] == "DRIFTED"
    [queue] = [each for stack in document["stacks"] for each in stack["resources"]]
    assert queue["place"] == "queue/OrdersQueue"

    plan = run("plan", "--drift")
    assert "nothing to change" in plan.stdout
    assert plan.stdout.count("queue/OrdersQueue: VisibilityTimeout should be 60, is 45: it stays as it is") == 1
    assert plan.stderr.count("AWS looks for drift") == len(document["stacks"])
    assert "was DRIFTED when it was last looked at" in run("plan").stdout
    failed = run("plan", "--fail-on-drift", code=3)
    assert failed.stdout == plan.stdout
    assert failed.stderr.splitlines()[-2:] == refused.stderr.splitlines()[-2:]

    write(project, account, topology, seconds=90)
    changed = run("plan", "--drift", "--detailed-exitcode", code=10).stdout
    assert "it is written over by this deployment" in changed
    failed = run("plan", "--fail-on-drift", "--detailed-exitcode", "--format", "json", "--out", "dev.plan", code=3)
    assert json.loads(failed.stdout)["plans"][0]["drift"][0]["place"] == "queue/OrdersQueue"
    assert (project / "dev.plan").exists()
    run("deploy", "--yes")
    assert run("drift", "--fail-on-drift").stdout.splitlines()[-1].startswith("0 of ")
    write(project, account, topology, seconds=120)
    assert "drift: none found" in run("plan", "--fail-on-drift", "--detailed-exitcode", code=10).stdout


@pytest.mark.long
def test_drift_of_an_environment_that_does_not_exist_is_none(run: Run, project: Path, account: str) -> None:
    """Nothing is deployed, and nothing has drifted."""
    write(project, account, "nested")
    assert run("drift", "--fail-on-drift").stdout.splitlines()[-1] == "nothing is deployed"
    run("bootstrap", "--yes")
    run("plan", "--fail-on-drift")
