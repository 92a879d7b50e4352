"""The commands that talk to AWS, on the emulator: what a user types, sees and gets back."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from commands import CommandLine
from emulator import Faults, kill, log_in
from formats import check_html, check_json, check_markdown
from terminals import on_a_terminal

from infragen.assembly.synth import synthesize
from infragen.changes.stack_tags import reached
from infragen.cli import main
from infragen.config import load_environment
from infragen.machine.emulator import Emulator, status

ENVIRONMENT = """\
project: shop
environment: {name}
region: eu-central-1
account: "{account}"
topology: {topology}
network:
  nat: none
  interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sts, sqs, rds-data, ssm, kms]
queues:
  - name: orders
"""

Run = Callable[..., Result]


@pytest.fixture(params=["nested", "independent"])
def topology(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def project(emulator: Emulator, tmp_path: Path, findings: Path, account: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the environment dev, and the credentials of the test's account."""
    (tmp_path / "environments").mkdir()
    write(tmp_path, account, "nested")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    monkeypatch.delenv("CI", raising=False)
    log_in(monkeypatch, emulator, account)
    return tmp_path


def write(project: Path, account: str, topology: str, name: str = "dev", more: str = "") -> None:
    text = ENVIRONMENT.format(account=account, topology=topology, name=name) + more
    (project / "environments" / f"{name}.yaml").write_text(text)


@pytest.fixture
def run(emulator: Emulator, project: Path) -> Run:
    def invoke(command: str, *options: str, env: str = "dev", code: int | None = 0) -> Result:
        arguments = [command, "--env", env, "--endpoint-url", emulator.endpoint_url, *options]
        result = CommandLine().invoke(main, arguments)
        assert code is None or result.exit_code == code, result.output
        return result

    return invoke


@pytest.mark.long
def test_deploy_change_nothing_and_destroy(run: Run, project: Path, account: str, topology: str) -> None:
    """The whole life of an environment, in both topologies."""
    write(project, account, topology)
    assert run("bootstrap", "--yes").stdout == "artifacts  deployed  shop-dev-artifacts  CREATE_COMPLETE\n"
    first = run("plan", "--detailed-exitcode", code=10)
    assert " to add, 0 to change, 0 to replace, 0 to remove; +" in first.stdout.splitlines()[-1]
    deployed = run("deploy", "--yes")
    assert not {"\x1b", "\r"} & set(deployed.output)
    assert "OrdersQueueUrl" in deployed.stdout
    assert "deployed" in deployed.stdout
    again = run("deploy")
    assert "unchanged" in again.stdout
    assert "nothing to change" in again.stderr
    assert run("plan", "--detailed-exitcode").stdout.endswith("nothing to change\n")
    assert retagged(run, project, account, topology) > 30
    assert {line.split()[1] for line in run("status").stdout.splitlines()} == {"CREATE_COMPLETE"}
    destroyed = run("destroy", "--yes")
    assert "deleted" in destroyed.stdout
    lines = run("destroy", "--yes").stdout.splitlines()
    assert (lines[0], lines[3].split()[0]) == ("dev: nothing to delete", "shop-dev-artifacts")


def retagged(run: Run, project: Path, account: str, topology: str) -> int:
    """Plans a new tag for what is deployed: how many resources get it, which are all whose types take tags."""
    taking = {
        f"{each.layer}/{name}"
        for each in synthesize(load_environment(project / "environments" / "dev.yaml")).templates
        for name, resource in each.body["Resources"].items()
        if reached(resource, "eu-central-1", {"Team"})
    }
    write(project, account, topology, more="tags: {Team: core}\n")
    [plan] = json.loads(run("plan", "--format", "json").stdout)["plans"]
    write(project, account, topology)
    rows = [each for stack in plan["stacks"] for each in stack["changes"] if each["counted"]]
    assert {each["place"] for each in rows} == taking
    assert [each for each in rows if each["causes"] != ["the stack's tags"] or each["disagreements"]] == []
    return len(rows)


@pytest.mark.long
def test_a_change_is_planned_with_its_values_and_deployed(run: Run, project: Path, account: str) -> None:
    """A longer retention: one queue to change, before and after."""
    run("bootstrap", "--yes")
    run("deploy", "--yes")
    text = (project / "environments" / "dev.yaml").read_text()
    (project / "environments" / "dev.yaml").write_text(text + "    retention_days: 7\n")
    planned = run("plan").stdout
    assert "~ OrdersQueue" in planned
    assert "MessageRetentionPeriod  345600 -> 604800" in planned
    assert planned.endswith("0 to add, 1 to change, 0 to replace, 0 to remove\n")
    assert "deployed" in run("deploy", "--yes").stdout


@pytest.mark.long
def test_a_plan_as_json_is_all_that_is_on_stdout(run: Run) -> None:
    """What was done goes to stderr, the plan's text nowhere; the exit code for changes is the same."""
    run("bootstrap", "--yes")
    planned = run("plan", "--format", "json", "--detailed-exitcode", code=10)
    [plan] = check_json(planned.stdout_bytes)["plans"]
    assert (plan["environment"], plan["changed"], plan["stacks"][0]["source"]) == ("dev", True, "change set")
    assert "uploaded" in planned.stderr
    assert plan["summary"]["text"] not in planned.stderr
    comment = run("plan", "--format", "markdown").stdout
    check_markdown(comment)
    assert comment.startswith("<!-- infragen plan dev -->\n\n### Plan for `dev`\n")
    page = run("plan", "--format", "html").stdout
    check_html(page)
    assert '<a href="#layer-0-1" aria-label="network: ' in page
    run("deploy", "--yes")
    [plan] = check_json(run("plan", "--format", "json", "--detailed-exitcode").stdout_bytes)["plans"]
    assert not plan["changed"]


@pytest.mark.long
def test_a_plan_that_fails_prints_no_document(run: Run) -> None:
    """Without the bucket stdout stays empty; the message and the exit code are those of text."""
    failed = run("plan", "--format", "json", code=4)
    assert failed.stdout == ""
    assert "infragen bootstrap" in failed.stderr


@pytest.mark.long
def test_a_failure_shows_its_cause_and_ends_in_1(run: Run, faults: Faults) -> None:
    """All of it on stdout, last: AWS's words, the line of the file, the state, what to type; its event on stderr.

    The network was complete, so it is deleted like any stack, and its key with it: this is development.
    """
    run("bootstrap", "--yes")
    faults(fail={"create AWS::SQS::Queue": [1]})
    result = run("deploy", "--yes", code=1)
    *lines, last = result.stdout.splitlines()[-4:]
    assert lines == [
        "  AWS    injected failure: create AWS::SQS::Queue",
        f"  from   {Path('environments', 'dev.yaml')}:10 queues[0]",
        "  state  shop-dev is ROLLBACK_COMPLETE",
    ]
    assert last.startswith("  next   nothing is left of it; fix the cause and deploy again")
    assert "injected failure: create AWS::SQS::Queue\n" in result.stderr


@pytest.mark.long
def test_what_a_failed_first_creation_left_is_recovered(run: Run, faults: Faults) -> None:
    """Shown and asked about first; afterwards there is nothing to recover, cancel or follow."""
    run("bootstrap", "--yes")
    faults(fail={"create AWS::SQS::Queue": [1]})
    run("deploy", "--yes", code=1)
    assert "hint: answer with --yes" in run("recover", code=3).stderr
    recovered = run("recover", "--yes")
    assert "(AWS::SQS::Queue) CREATE_FAILED: injected failure" in recovered.stderr
    assert recovered.stdout.startswith("root  deleted  shop-dev")
    assert "nothing needs recovery" in run("recover").stderr
    assert run("follow").stdout == run("cancel").stdout == "dev: no operation in progress\n"


@pytest.mark.long
def test_without_the_bucket_the_next_command_is_named(run: Run) -> None:
    """Exit code 4: an environment problem."""
    for command in (("deploy", "--yes"), ("deploy", "--format", "json"), ("plan",)):
        result = run(*command, code=4)
        said = result.stderr + result.stdout.replace("\\n", "\n")
        assert re.search(
            r"create it: `infragen bootstrap --env dev --endpoint-url http://\S+`, or add --bootstrap to this", said
        )


@pytest.mark.long
def test_an_environment_that_is_not_bootstrapped_is_prepared_on_the_way(run: Run) -> None:
    """With --bootstrap, by plan and by deploy: the bucket's own plan is progress, and the second time does nothing."""
    planned = run("plan", "--bootstrap")
    assert planned.stdout.startswith("Plan for dev")
    assert "artifacts" not in planned.stdout
    assert "shop-dev-artifacts" in planned.stderr
    again = run("plan", "--bootstrap")
    assert (again.stdout, "artifacts" in again.stderr) == (planned.stdout, False)


@pytest.mark.long
def test_bootstrap_decides_nothing_but_the_bucket(run: Run) -> None:
    """The deployment that follows still asks."""
    refused = run("deploy", "--bootstrap", code=3)
    assert "answer with --yes" in refused.stderr
    assert "shop-dev-artifacts" in refused.stderr
    assert run("status").stdout.startswith("root           absent")


@pytest.mark.long
def test_on_a_terminal_the_bucket_is_offered(run: Run, emulator: Emulator, project: Path) -> None:
    """n creates nothing; y creates it, and then the plan that was asked for is there."""
    command = ["plan", "--env", "dev", "--endpoint-url", emulator.endpoint_url]
    code, shown = typed(command, "n\n", project)
    assert (code, "infragen can create it now" in shown, "declined" in shown) == (3, True, True), shown
    assert run("plan", code=4)
    code, shown = typed(command, "y\n", project)
    assert (code, "to add" in shown) == (0, True), shown


def test_the_wrong_account_is_refused_before_anything_is_written(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3, and the account of the credentials is named."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "999999999999")
    result = run("deploy", "--yes", code=3)
    assert "the credentials in use are of 999999999999" in result.stderr


@pytest.mark.long
def test_outputs_come_as_text_json_and_dotenv(run: Run) -> None:
    """The same values in each format."""
    run("bootstrap", "--yes")
    run("deploy", "--yes")
    as_json = json.loads(run("outputs", "--format", "json").stdout)
    url = as_json["OrdersQueueUrl"]
    assert re.search(rf"^OrdersQueueUrl +{re.escape(url)}$", run("outputs").stdout, re.MULTILINE)
    assert f'ORDERS_QUEUE_URL="{url}"\n' in run("outputs", "--format", "dotenv").stdout


@pytest.mark.long
def test_without_a_deployment_there_are_no_outputs_and_that_is_said(run: Run) -> None:
    """On stderr: what reads stdout gets nothing, or an empty map."""
    text = run("outputs")
    assert (text.exit_code, text.stdout) == (0, "")
    assert re.search(r"dev has no outputs: `infragen status --env dev --endpoint-url \S+` shows what", text.stderr)
    assert json.loads(run("outputs", "--format", "json").stdout) == {}


def test_status_as_json_is_versioned(run: Run) -> None:
    """A stack that does not exist is absent."""
    rows = json.loads(run("status", "--format", "json").stdout)
    assert rows["version"] == 1
    assert {each["status"] for each in rows["stacks"]} == {"absent"}
    layers = [each["layer"] for each in rows["stacks"]]
    assert (layers[0], layers[-1]) == ("root", "artifacts")


def test_without_a_terminal_nobody_is_asked(run: Run) -> None:
    """O5: exit code 3, and the flag that answers is named; for a protected environment --confirm with its name."""
    refused = run("bootstrap", code=3)
    assert "There is no terminal to ask\nhint: answer with --yes\n" in refused.stderr


@pytest.mark.long
def test_a_protected_environment_wants_its_name(run: Run, project: Path, account: str) -> None:
    """R14: --yes is not enough, another name is refused, and its own deletes it."""
    write(project, account, "nested", more="protect: true\n")
    run("bootstrap", "--yes")
    run("deploy", "--yes")
    assert "hint: answer with --confirm dev" in run("destroy", "--yes", code=3).stderr
    assert "--confirm says prod; this is dev" in run("destroy", "--confirm", "prod", code=3).stderr
    assert "--disable-protection shop-dev" in run("destroy", "--confirm", "dev", code=3).stderr
    assert "deleted" in run("destroy", "--confirm", "dev", "--disable-protection", "shop-dev").stdout


def test_local_goes_with_no_other_address(run: Run) -> None:
    """Exit code 2."""
    assert "--local cannot be combined with" in run("status", "--local", code=2).stderr


def typed(command: list[str], text: str, cwd: Path, **variables: str) -> tuple[int, str]:
    """Runs the CLI on a terminal of its own, 80 columns wide; types; gives the exit code and all that was shown."""
    line, sizes = [sys.executable, "-m", "infragen", *command], {"COLUMNS": "80", "LINES": "40"}
    return on_a_terminal(line, columns=80, variables={**sizes, **variables}, cwd=cwd, typed=text)


@pytest.mark.long
def test_on_a_terminal_the_user_is_asked(run: Run, emulator: Emulator, project: Path) -> None:
    """n declines with exit code 3, y goes on."""
    command = ["bootstrap", "--env", "dev", "--endpoint-url", emulator.endpoint_url]
    code, shown = typed(command, "n\n", project)
    assert (code, "deploy these changes to dev" in shown, "declined" in shown) == (3, True, True)
    code, shown = typed(command, "y\n", project)
    assert (code, "CREATE_COMPLETE" in shown) == (0, True)


@pytest.mark.long
def test_no_color_means_not_one_escape(run: Run, emulator: Emulator, project: Path) -> None:
    """O3: NO_COLOR and --no-color, also on a terminal; without them there is colour."""
    command = ["bootstrap", "--env", "dev", "--endpoint-url", emulator.endpoint_url]
    assert "\x1b" in typed(command, "n\n", project)[1]
    assert "\x1b" not in typed(command, "n\n", project, NO_COLOR="1")[1]
    assert "\x1b" not in typed([*command, "--no-color"], "y\n", project)[1]


@pytest.mark.long
def test_local_starts_stops_and_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator's whole life by its commands; the endpoint alone is on stdout. A project that names no account yet
    has one there.
    """
    monkeypatch.setenv("INFRAGEN_STATE_DIR", str(tmp_path))
    (tmp_path / "environments").mkdir()
    write(tmp_path, "111122223333", "nested")
    without = (tmp_path / "environments/dev.yaml").read_text().replace('account: "111122223333"\n', "")
    (tmp_path / "environments/dev.yaml").write_text(without)
    monkeypatch.chdir(tmp_path)

    def local(*arguments: str) -> Result:
        return CommandLine().invoke(main, ["local", *arguments])

    assert local("status").stdout.startswith("stopped")
    try:
        started = local("start")
        assert started.stdout.startswith("http://127.0.0.1:")
        assert local("start").stdout == started.stdout
        assert local("status").stdout.startswith(f"running at {started.stdout.strip()} ")
        assert local("reset").exit_code == 3
        bootstrapped = CommandLine().invoke(main, ["bootstrap", "--env", "dev", "--local", "--yes"])
        assert "account 111111111111" in bootstrapped.stderr, bootstrapped.output
        for command in ("status", "outputs", "ps"):  # of which a broken file keeps nobody
            found = CommandLine().invoke(main, [command, "--env", "dev", "--local"])
            assert found.exit_code == 0, found.output
        running = status(tmp_path / "local")
        assert running is not None
        kill(running)
        assert re.search(r"killed; kept: its state of 20.* UTC, with shop-dev-artifacts$", local("status").stdout, re.M)
        told = json.loads(local("status", "--format", "json").stdout)["killed"]
        assert (told["stacks"], told["operations"]) == (["shop-dev-artifacts"], [])
        again = CommandLine().invoke(main, ["bootstrap", "--env", "dev", "--local", "--yes"])
        assert "nothing" in again.output, again.output
        assert "the last run was killed" in local("status").stdout
    finally:
        assert local("stop").stdout == "stopped\n"
    assert local("stop").stdout == "the emulator was not running\n"
    assert local("reset", "--yes").stdout == "reset\n"
    assert local("reset", "--yes").stdout == "nothing to reset\n"


@pytest.mark.long
def test_a_kept_failure_is_shown_and_recovered(run: Run, faults: Faults) -> None:
    """Without a decision it is refused; `recover` says what it will do and does it."""
    run("bootstrap", "--yes")
    faults(fail={"create AWS::SQS::Queue": [1]})
    run("deploy", "--yes", "--on-failure", "keep", code=1)
    assert "CREATE_FAILED" in run("status").stdout
    faults()
    refused = run("deploy", "--yes", code=3)
    assert "--on-failure keep" in refused.stderr
    assert "deployed" in run("deploy", "--yes", "--on-failure", "keep").stdout


@pytest.mark.long
def test_nothing_runs_and_nothing_needs_recovery(run: Run) -> None:
    """The three commands say so and change nothing."""
    run("bootstrap", "--yes")
    run("deploy", "--yes")
    assert run("follow").stdout == "dev: no operation in progress\n"
    assert run("cancel").stdout == "dev: no operation in progress\n"
    assert "nothing needs recovery" in run("recover").stderr


@pytest.mark.long
def test_a_widening_needs_its_flag_where_nobody_can_be_asked(
    run: Run, project: Path, account: str, topology: str
) -> None:
    """--yes agrees to the plan and not to a way to the internet; the hint holds the flags to type."""
    write(project, account, topology)
    run("bootstrap", "--yes")
    run("deploy", "--yes")
    file = project / "environments" / "dev.yaml"
    file.write_text(file.read_text().replace("nat: none", "nat: single"))
    planned = run("plan").stdout
    assert "! the route table network/PrivateRoutes1 now leads to 0.0.0.0/0 through a NAT device" in planned
    refused = run("deploy", "--yes", code=3)
    assert "--allow-widening network/PrivateDefaultRoute1" in refused.stderr
    again = run("deploy", "--yes", "--allow-widening", "network/Other", code=3)
    assert "network/PrivateRoutes1 now leads to 0.0.0.0/0" in again.stderr
    flags = [word for each in re.findall(r"--allow-widening \S+", refused.stderr) for word in each.split()]
    assert "deployed" in run("deploy", "--yes", *flags).stdout
    assert "nothing to change" in run("deploy", "--require-approval", "any-change").stderr


@pytest.mark.long
def test_any_change_wants_more_than_yes(run: Run) -> None:
    """In CI that is a saved plan."""
    run("bootstrap", "--yes")
    refused = run("deploy", "--yes", "--require-approval", "any-change", code=3)
    assert re.search(r"`infragen deploy --endpoint-url \S+ --plan FILE`", refused.stderr)
