"""What a CI system hears: annotations, folded logs, summaries and reports; and that no text of another can tell it.

The parsers are those of the systems, in `ci`.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
from ci import ATTACKS, Command, commands_in, outputs_in, sections_in
from click.testing import Result
from commands import CommandLine
from fakeaws import FakeAws
from hypothesis import given
from hypothesis import strategies as st
from processes import DEPLOY, Operator
from test_report_terminal import event

from infragen.assembly.lint import Finding
from infragen.checks import Answer, CheckResult, Verdict
from infragen.cli import ci, main
from infragen.engine.doctor import Diagnosis
from infragen.engine.outcome import Deployed
from infragen.engine.progress import Ended, Started
from infragen.report import doctor, findings
from infragen.report.outcome import outputs_github, outputs_gitlab
from infragen.report.sections import System
from infragen.report.terminal import Terminal, console
from infragen.secrecy.visible import assembled, quoted, section_marker, shown, shown_json, workflow_command

Make = Callable[..., Operator]
TEXTS = st.text(st.sampled_from("::#[]% \n\r\t,=aé\ufffe\x1b\u2028"), max_size=30)


# --- no text of another is a command --------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_may_be_shown_is_no_command_of_a_ci_system(attack: str) -> None:
    """Through each way to text that may be shown, at the beginning, after a line end, and inside a document."""
    assert commands_in(attack)
    for text in (attack, f"first\n{attack}", f"\n\n{attack}\n{attack}"):
        documents = (assembled(text), shown_json({text: [text]}), shown_json([text], indent=2))
        for made in (shown(text), quoted(text), *documents):
            assert commands_in(made) == [], made
    assert json.loads(shown_json({attack: attack})) == {attack: attack}


@given(TEXTS)
def test_no_text_at_all_is_a_command(text: str) -> None:
    for made in (shown(text), quoted(text), assembled(text), shown_json([text])):
        assert commands_in(made) == []
        assert sections_in(made) == []


@given(TEXTS, TEXTS)
def test_a_command_of_ours_is_one_whatever_it_quotes(message: str, title: str) -> None:
    """One line, one command, its message and properties as they were given, as far as they may be shown."""
    [found] = commands_in(workflow_command("error", message, {"title": title, "file": "a b.yaml"}))
    wanted = {"title": shown(title), "file": "a b.yaml"} if title else {"file": "a b.yaml"}
    assert found == Command("error", shown(message), {key: value for key, value in wanted.items() if value})
    marker = section_marker("start", title, 7, message)
    assert len(sections_in(marker)) == 1
    assert "\n" not in marker


HOSTILE = "\n".join(("it broke", *ATTACKS))


def poison(aws: FakeAws) -> None:
    """Somebody edits the worker's stack by hand, and the application logs what it likes."""
    stack = aws.stack("shop-dev-worker")
    body = json.loads(json.dumps(stack.target.body))
    body["Description"] = HOSTILE
    body["Resources"]["Note"] = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": HOSTILE}}
    body["Outputs"]["Note"] = {"Value": HOSTILE}
    [function] = [each for each in body["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
    function["Properties"]["Description"] = HOSTILE
    tags = {**stack.target.tags, "Note": "::error::pwned"}
    aws.elsewhere.update_stack({
        "StackName": stack.name,
        "TemplateBody": json.dumps(body),
        "Parameters": [{"ParameterKey": name, "UsePreviousValue": True} for name in stack.target.parameters],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    })  # fmt: skip
    aws.clock.settle()
    assert stack.status == "UPDATE_COMPLETE", stack.reason
    group = next(each.physical_id for each in stack.resources.values() if each.type == "AWS::Logs::LogGroup")
    now = int(time.time() * 1000)
    aws.settings.log_events += [(group, "2026/03/01/[$LATEST]1", now, each) for each in (*ATTACKS, HOSTILE)]


def formats(name: str) -> Iterator[tuple[str, ...]]:
    [option] = [each for each in main.commands[name].params if "--format" in each.opts]
    yield from (("--format", each) for each in option.type.choices)  # type: ignore[attr-defined] # a Choice


def runs() -> Iterator[tuple[str, ...]]:
    """Every command that prints what AWS says, in each of its formats."""
    for name in ("plan", "status", "outputs", "logs", "diagnose", "drift", "doctor", "follow", "cancel", "recover"):
        yield from ((name, "--env", "dev", *form) for form in formats(name))
    yield from (("deploy", "--env", "dev", "--yes", *form) for form in formats("deploy"))
    yield ("destroy", "--env", "dev")
    yield ("deploy", "--env", "dev\n::error::pwned")
    yield ("status", "--\n::error::pwned")
    yield ("\n::error::pwned",)


@pytest.mark.long
@pytest.mark.parametrize("system", ["", "github", "gitlab"])
def test_no_word_of_aws_steers_a_ci_system(operator: Make, aws: FakeAws, system: str, tmp_path: Path) -> None:
    """Reasons of events, errors of calls, outputs, templates, tags, logs and what was typed, in every command."""
    user = operator("independent")
    assert user.run(*DEPLOY).code == 0
    poison(aws)
    summary = tmp_path / "summary.md"
    variables = {
        "": {}, "github": {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}, "gitlab": {"GITLAB_CI": "1"},
    }[system]  # fmt: skip
    user = replace(user, variables={**user.variables, **variables})
    seen: list[Command] = []
    for command in runs():
        seen += heard(user, command, system)
    function = next(
        each.logical_id
        for each in aws.stack("shop-dev-worker").resources.values()
        if each.type == "AWS::Lambda::Function"
    )
    for form in formats("deploy"):
        aws.fail(function, HOSTILE, stack="shop-dev-worker", on="update", times=1)
        deploy = ("deploy", "--env", "dev", "--yes", "--allow-data-loss", "worker/Note", *form)
        seen += heard(user, deploy, system, code=1)
    aws.refuse("cloudformation:DescribeStacks", "AccessDenied", HOSTILE, times=100)
    for command in (("status", "--env", "dev"), ("plan", "--env", "dev")):
        seen += heard(user, command, system)
    assert bool(seen) == (system == "github")
    if system == "github":
        assert {"error", "group", "endgroup"} <= {each.name for each in seen}
        assert summary.exists()


def heard(user: Operator, command: tuple[str, ...], system: str, code: int | None = None) -> list[Command]:
    """Runs a command; what its CI system hears of it is ours alone."""
    ended = user.run(*command)
    assert ended.code == code if code is not None else ended.code != 70, (command, ended.stderr)
    found = commands_in(ended.stdout) + commands_in(ended.stderr)
    for each in found:
        assert system == "github" or "--format" in command, (command, each)
        assert each.name in {"error", "warning", "notice", "group", "endgroup"}, (command, each)
        assert each.message != "pwned", (command, each)
        assert set(each.properties) <= {"file", "line", "col", "title"}, (command, each)
    names = [each.name for each in found if "group" in each.name]
    assert names == ["group", "endgroup"] * (len(names) // 2), (command, names)
    marks = sections_in(ended.stderr)
    assert [edge for edge, _, _ in marks] == ["start", "end"] * (len(marks) // 2), (command, marks)
    assert [name for edge, _, name in marks if edge == "start"] == [name for edge, _, name in marks if edge == "end"]
    assert sections_in(ended.stdout) == []
    return found if system else []


# --- reports and annotations ------------------------------------------------------------------------------------------

KNOWN: dict[str, tuple[set[str], set[str]]] = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
        {"testcase", "properties", "system-out", "system-err"},
    ),
    "testcase": ({"name", "classname", "time"}, {"failure", "error", "skipped", "system-out", "system-err"}),
    "failure": ({"type", "message"}, set()), "skipped": ({"type", "message"}, set()), "system-out": (set(), set()),
}  # fmt: skip
"""Element -> attributes and children that Jenkins knows (jenkinsci/xunit-plugin, junit-10.xsd, read 2026-11-29)."""
NEEDED = {"testsuite": {"name", "tests", "failures", "errors"}, "testcase": {"name"}}


def junit(text: str) -> ET.Element:
    """Parses a report and holds it against the schema, and its sums against its cases."""
    root = ET.fromstring(text)  # noqa: S314 - our own
    for each in root.iter():
        attributes, children = KNOWN[each.tag]
        assert set(each.attrib) <= attributes
        assert NEEDED.get(each.tag, set()) <= set(each.attrib)
        assert {child.tag for child in each} <= children
        if each.tag in ("testsuite", "testsuites"):
            assert int(each.attrib["tests"]) == len(each.findall(".//testcase"))
            assert int(each.attrib["failures"]) == len(each.findall(".//failure"))
        if each.tag == "testsuite":
            assert int(each.attrib["skipped"]) == len(each.findall(".//skipped"))
    return root


def finding(level: str, message: str, layer: str = "database", rule: str = "E3012") -> Finding:
    path = ("Resources", "Cluster", "Properties", "Engine")
    return Finding(layer, rule, level, message, path, 12, 5, "https://example.com/rule")  # type: ignore[arg-type] # plain text is enough here


NASTY = 'a <b> & "c" ]]> \x00\x1b\ufffe\n' + HOSTILE


def test_a_junit_report_of_lint_fails_where_the_command_does() -> None:
    """A case per finding, one per layer without any; what does not fail is a note; whatever the linter quotes."""
    found = {
        "dev": [finding("error", NASTY), finding("warning", "w"), finding("informational", "i", "api")],
        "prod": [],
    }
    layers = {"dev": ["network", "database", "api"], "prod": ["network"]}
    root = junit(findings.as_report(found, Path("templates"), layers, ("error",)))
    [dev, prod] = root
    assert [(each.attrib["classname"], [child.tag for child in each]) for each in dev] == [
        ("dev.database", ["failure"]), ("dev.database", ["system-out"]), ("dev.api", ["system-out"]),
        ("dev.network", []),
    ]  # fmt: skip
    assert "templates/dev/database.yaml:12:5" in (dev[0][0].text or "")
    assert [each.attrib["name"] for each in prod] == ["no findings"]
    strict = junit(findings.as_report(found, Path("templates"), layers, ("error", "warning", "informational")))
    assert strict.attrib["failures"] == "3"


def test_a_secret_that_a_linter_quotes_is_in_no_report(tmp_path: Path) -> None:
    secret = "password=hunter2hunter2"
    found = {"dev": [finding("error", f"{secret} is no engine")]}
    report = findings.as_report(found, Path("templates"), {"dev": ["database"]}, ("error",))
    for text in (report, "\n".join(findings.as_github(found, Path("templates"), tmp_path))):
        assert "hunter2" not in text


def test_an_annotation_of_lint_is_at_its_line_from_the_top_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the command runs in a directory below, too."""
    (tmp_path / "infra, too").mkdir()
    monkeypatch.chdir(tmp_path / "infra, too")
    found = {"dev": [finding("error", NASTY), finding("warning", "w"), finding("informational", "i")]}
    lines = findings.as_github(found, Path("templates"), tmp_path)
    commands = [each for line in lines for each in commands_in(line)]
    assert [each.name for each in commands] == ["error", "warning", "notice"]
    assert commands[1].properties == {
        "file": "infra, too/templates/dev/database.yaml", "line": "12", "col": "5", "title": "E3012",
    }  # fmt: skip
    [outside] = commands_in(findings.as_github({"dev": [finding("error", "e")]}, Path("../t"), tmp_path / "x")[0])
    assert outside.properties["file"] == "../t/dev/database.yaml"


def test_doctor_reports_what_is_wrong_as_a_failure_and_what_is_not_known_as_skipped() -> None:
    answers = (
        Answer(Verdict.OK, "well"), Answer(Verdict.WRONG, NASTY, "mend\n::error::pwned"), Answer(Verdict.UNKNOWN, "?"),
    )  # fmt: skip
    found = Diagnosis("dev", "1" * 12, "us-east-1", (CheckResult("image", answers),))
    root = junit(doctor.as_report(found))
    assert [[child.tag for child in each] for each in root[0]] == [[], ["failure"], ["skipped"]]
    lines = doctor.as_github(found)
    assert [each.name for each in commands_in("\n".join(lines))] == ["error", "warning"]
    assert lines[0] == "✓ image  well"


@pytest.fixture
def project(tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "environments").mkdir()
    text = "project: shop\nenvironment: dev\nregion: us-east-1\nqueues:\n  - name: orders\n"
    (tmp_path / "environments/dev.yaml").write_text(text + "network: {nat: single}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    return tmp_path


def invoke(*arguments: str, code: int = 0) -> Result:
    result = CommandLine().invoke(main, list(arguments))
    assert result.exit_code == code, result.output
    return result


def test_lint_prints_a_report_or_annotations(project: Path) -> None:
    suite = junit(invoke("lint", "--env", "dev", "--format", "junit").stdout)[0]
    assert {each.attrib["classname"] for each in suite} == {"dev.network", "dev.queue", "dev.observability"}
    assert invoke("lint", "--env", "dev", "--format", "github").stdout == "dev: no findings\n"


def test_an_error_of_a_file_is_annotated_at_each_line(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On stderr beside the error itself, in GitHub Actions only; ten of them, as many as GitHub shows."""
    file = project / "environments/dev.yaml"
    file.write_text(file.read_text().replace("nat: single", 'nat: "::error::pwned", azs: 9'))
    assert commands_in(invoke("render", code=2).output) == []
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project))
    result = invoke("render", code=2)
    found = commands_in(result.stderr)
    assert commands_in(result.stdout) == []
    assert {(each.name, each.properties["file"], each.properties["line"]) for each in found} == {
        ("error", "environments/dev.yaml", "6")
    }
    assert len(found) == 2
    file.write_text(file.read_text() + "".join(f"unknown{number}: 1\n" for number in range(20)))
    assert len(commands_in(invoke("render", code=2).stderr)) == 10


# --- parts of a log ---------------------------------------------------------------------------------------------------


def told(system: System) -> str:
    """The log of a deployment of two layers that overlap."""
    progress = io.StringIO()
    with Terminal(
        console(progress, styled=False),
        None,
        lambda: 0.0,
        system=system,
        date=lambda: 7.0,
    ) as ui:
        ui.tell(Started("network", "shop-dev-network", "create"))
        ui.tell(Ended(Deployed("network", "shop-dev-network", "CREATE_COMPLETE")))
        ui.tell(Started("queue", "shop-dev-queue", "create"))
        ui.tell(Started("database", "shop-dev-database", "create"))
        ui.tell(event("Orders", "CREATE_FAILED", 2, "::error::pwned"))
        ui.tell(Ended(Deployed("queue", "shop-dev-queue", "CREATE_COMPLETE")))
        ui.tell(Ended(Deployed("database", "shop-dev-database", "CREATE_COMPLETE")))
    return progress.getvalue()


def test_a_part_of_the_log_holds_what_runs_and_outcomes_stand_between() -> None:
    """Groups cannot be nested: one at a time, with the names of all that runs."""
    lines = told("github").splitlines()
    folded = False
    seen: list[str] = []
    for line in lines:
        for command in (found := commands_in(line)):
            folded = command.name == "group"
        seen += [] if folded or found else [line]
    assert [each.message for each in commands_in("\n".join(lines)) if each.name == "group"] == [
        "network", "queue", "queue, database", "database",
    ]  # fmt: skip
    assert seen == ["network: deployed after 0 s", "queue: deployed after 0 s", "database: deployed after 0 s"]


def test_a_section_of_gitlab_has_a_name_of_its_own() -> None:
    marks = sections_in(told("gitlab"))
    assert {when for _, when, _ in marks} == {7}
    starts = [name for edge, _, name in marks if edge == "start"]
    assert len(set(starts)) == len(starts) == 4
    assert commands_in(told("gitlab")) == []


# --- the summary of a job ---------------------------------------------------------------------------------------------


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path / "summary.md"


def test_a_summary_is_added_to_what_is_there_and_stays_within_githubs_limit(
    summary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is in it already; when it is full there is a warning, and no more is written."""

    def text(most: int) -> object:
        return assembled("é" * most)

    summary.write_text("before\n")
    for _ in range(9):
        ci.summarize(text)  # type: ignore[arg-type] # plain text is enough here
        assert summary.stat().st_size <= ci.SUMMARY
    assert summary.read_text().startswith("before\n")
    assert "the job has no summary" in capsys.readouterr().err


def test_a_summary_goes_to_a_regular_file_or_nowhere(
    summary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    summary.symlink_to(other)
    ci.summarize(lambda most: shown("x"))
    assert other.read_text() == "mine"
    assert "warning: the job has no summary" in capsys.readouterr().err
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no/such"))
    ci.summarize(lambda most: shown("x"))
    monkeypatch.setenv("GITHUB_ACTIONS", "")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(other))
    ci.summarize(lambda most: shown("x"))
    assert other.read_text() == "mine"


@pytest.mark.long
def test_a_plan_as_text_and_a_deployment_are_on_the_page_of_the_run(
    operator: Make, aws: FakeAws, tmp_path: Path
) -> None:
    """A plan in another format is the user's to show; a failure is there with AWS's words and what to do."""
    summary = tmp_path / "summary.md"
    user = operator("independent")
    user = replace(user, variables={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    assert user.run("plan", "--env", "dev", "--format", "markdown").code == 0
    assert not summary.exists()
    assert user.run("plan", "--env", "dev").code == 0
    assert summary.read_text().startswith("<!-- infragen plan dev -->")
    summary.unlink()
    aws.fail("JobsQueue", "no <room> today", times=1)
    ended = user.run(*DEPLOY)
    assert ended.code == 1
    text = summary.read_text()
    assert "<td><code>failed</code><td><code>shop-dev-queue</code>" in text
    assert "no &lt;room&gt; today" in text
    [found] = [each for each in commands_in(ended.stderr) if each.name == "error"]
    assert found.properties["title"] == "shop-dev-queue failed"
    assert found.properties["file"].endswith("environments/dev.yaml")
    assert "no <room> today" in found.message


# --- outputs ----------------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Za-z0-9]{0,8}", fullmatch=True), TEXTS, max_size=4))
def test_outputs_for_github_are_what_they_are_whatever_is_in_them(values: dict[str, str]) -> None:
    """A value can neither end its own block nor begin another output."""
    count = iter(range(100))
    text = shown(outputs_github({name: shown(value) for name, value in values.items()}, lambda: f"end-{next(count)}"))
    kept = {name: str(shown(value)) for name, value in values.items()}
    assert outputs_in(text).keys() == kept.keys()


def test_outputs_for_gitlab_have_no_quotes_and_no_second_line() -> None:
    assert outputs_gitlab({"LoadBalancerUrl": "http://a b"}) == "LOAD_BALANCER_URL=http://a b"
    with pytest.raises(Exception, match="more lines than one"):
        outputs_gitlab({"Url": "a\nPATH=/pwned"})


@pytest.mark.long
def test_outputs_in_the_formats_of_ci(operator: Make, aws: FakeAws) -> None:
    user = operator("independent")
    assert user.run(*DEPLOY).code == 0
    values = json.loads(user.run("outputs", "--env", "dev", "--format", "json").stdout)
    assert outputs_in(user.run("outputs", "--env", "dev", "--format", "github").stdout) == values
    lines = user.run("outputs", "--env", "dev", "--format", "gitlab").stdout.splitlines()
    assert [line.partition("=")[2] for line in lines] == list(values.values())
    assert values["JobsQueueUrl"] == SimpleNamespace(**dict(line.split("=", 1) for line in lines)).JOBS_QUEUE_URL
