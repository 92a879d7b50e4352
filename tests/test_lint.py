"""Linting: what cfn-lint finds, where it is, and that nothing is linted twice."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from commands import CommandLine
from linting import linted

from infragen.assembly.lint import Finding, lint
from infragen.assembly.synth import Assembly, synthesize
from infragen.cli import main
from infragen.config import load_environment
from infragen.report import findings as report

ENVIRONMENT = """\
project: shop
environment: dev
region: us-east-1
network:
  nat: none
  interface_endpoints: []
queues:
  - name: orders
    encryption: kms
"""


@pytest.fixture
def assembly(tmp_path: Path) -> Assembly:
    (tmp_path / "dev.yaml").write_text(ENVIRONMENT)
    return synthesize(load_environment(tmp_path / "dev.yaml"))


@pytest.fixture
def alone(assembly: Assembly) -> Assembly:
    """Only the queue's template, without a root: the quickest there is to lint."""
    environment = assembly.environment.model_copy(update={"topology": "independent"})
    return Assembly(environment, (assembly.template("queue"),))


def with_queue(assembly: Assembly, **properties: object) -> Assembly:
    """The same assembly with other properties of the queue."""
    template = assembly.template("queue")
    resources = dict(template.body["Resources"])
    queue = resources["OrdersQueue"]
    resources["OrdersQueue"] = {**queue, "Properties": {**queue["Properties"], **properties}}
    broken = replace(template, body={**template.body, "Resources": resources})
    return replace(assembly, templates=tuple(broken if each.layer == "queue" else each for each in assembly.templates))


def errors(assembly: Assembly, cache: Path | None = None) -> list[Finding]:
    [findings] = linted([assembly], cache)
    return [each for each in findings if each.level == "error"]


def test_a_finding_names_the_layer_the_rule_and_the_place_in_the_rendered_file(alone: Assembly) -> None:
    """The line is the line of the property in the text that render writes."""
    broken = with_queue(alone, VisibilityTimeout="soon")
    [finding] = errors(broken)
    assert (finding.layer, finding.rule) == ("queue", "E3012")
    assert finding.path == ("Resources", "OrdersQueue", "Properties", "VisibilityTimeout")
    assert "VisibilityTimeout: soon" in broken.template("queue").text.splitlines()[finding.line - 1]


def test_r6_what_holds_data_must_say_what_becomes_of_it(alone: Assembly) -> None:
    """R6: a queue without one of its two policies is an error that names the attribute and the resource."""
    policies = ("DeletionPolicy", "UpdateReplacePolicy")
    for missing, findings in zip(policies, linted([without(alone, each) for each in policies]), strict=True):
        [finding] = [each for each in findings if each.level == "error"]
        assert (finding.layer, finding.rule, finding.path) == ("queue", "I3011", ("Resources", "OrdersQueue"))
        assert finding.message.startswith(f"'{missing}' is a required property")


def without(alone: Assembly, attribute: str) -> Assembly:
    """The same assembly, the queue without an attribute."""
    [template] = alone.templates
    resources = dict(template.body["Resources"])
    resources["OrdersQueue"] = {key: value for key, value in resources["OrdersQueue"].items() if key != attribute}
    return replace(alone, templates=(replace(template, body={**template.body, "Resources": resources}),))


def test_the_wiring_of_nested_stacks_is_checked(assembly: Assembly) -> None:
    """A parameter that the root does not pass, and an output that a child does not have."""
    queue, network = assembly.template("queue"), assembly.template("network")
    needy = replace(queue, body={**queue.body, "Parameters": {**queue.body["Parameters"], "Extra": {"Type": "String"}}})
    mute = {key: output for key, output in network.body["Outputs"].items() if key != queue.inputs[0].name}
    shy = replace(network, body={**network.body, "Outputs": mute})
    others = {"queue": needy, "network": shy}
    broken = replace(assembly, templates=tuple(others.get(each.layer, each) for each in assembly.templates))
    found = {(each.layer, each.rule): each for each in errors(broken)}
    assert {("root", "E3043"), ("root", "E1010")} <= set(found)
    line = broken.root().text.splitlines()[found["root", "E3043"].line - 1]
    assert line.strip() == "Parameters:"


def test_the_local_paths_of_the_root_bring_no_findings_of_their_own(assembly: Assembly) -> None:
    """W3002 and the unused bucket parameter would only be about how we lint."""
    [findings] = linted([assembly])
    assert [each for each in findings if each.layer == "root"] == []


def test_what_was_linted_before_is_not_linted_again(alone: Assembly, tmp_path: Path) -> None:
    """A cached finding is believed, until the template changes."""
    cache = tmp_path / "cache"
    broken = with_queue(alone, VisibilityTimeout="soon")
    before = errors(broken, cache)
    for entry in cache.iterdir():
        entry.write_text(entry.read_text().replace("E3012", "E9999"))
    assert [each.rule for each in before] == ["E3012"]
    assert [each.rule for each in errors(broken, cache)] == ["E9999"]
    assert [each.rule for each in errors(with_queue(alone, VisibilityTimeout="later"), cache)] == ["E3012"]


@pytest.mark.parametrize("whose", ["of another user", "that others can write"])
def test_findings_of_somebody_else_are_not_believed(alone: Assembly, tmp_path: Path, whose: str) -> None:
    """Who writes them could hide an error from the gate."""
    broken, cache = with_queue(alone, VisibilityTimeout="soon"), tmp_path / "cache"
    before = errors(broken, cache)
    for entry in cache.iterdir():
        entry.write_text('{"findings": []}')
        if whose == "that others can write":
            entry.chmod(0o666)
        elif os.geteuid() == 0:
            os.chown(entry, 12345, 12345)
        else:
            pytest.skip("only root may give a file away")
    assert errors(broken, cache) == before


def test_a_damaged_cache_only_costs_time(alone: Assembly, tmp_path: Path) -> None:
    """The templates are linted again; empty, cut off and foreign entries are all survived."""
    broken = [with_queue(alone, VisibilityTimeout=wrong) for wrong in ("soon", "later", "never", "ever")]
    linted(broken, tmp_path / "cache")
    entries = list((tmp_path / "cache").iterdir())
    damages = ("", '{"findings": [', '{"findings": [{"rule": 1}]}', "[1]")
    for entry, damage in zip(entries, damages, strict=True):
        entry.write_text(damage)
    found = linted(broken, tmp_path / "cache")
    assert [[each.rule for each in some if each.level == "error"] for some in found] == [["E3012"]] * 4


def test_a_cache_that_cannot_be_written_only_costs_time(alone: Assembly, tmp_path: Path) -> None:
    """A file stands where its directory should be."""
    (tmp_path / "cache").write_text("a file")
    assert errors(with_queue(alone, VisibilityTimeout="soon"), tmp_path / "cache")


@pytest.mark.long
def test_many_templates_are_linted_in_several_processes_and_each_finding_stays_with_its_own(
    alone: Assembly,
) -> None:
    """Five templates: as many as two processes take."""
    words = ["soon", "later", "never", "ever", "now"]
    found = lint([with_queue(alone, VisibilityTimeout=wrong) for wrong in words])
    wrong = [[each.message.split("'")[1] for each in some if each.level == "error"] for some in found]
    assert wrong == [[each] for each in words]


FINDING = Finding(
    "queue", "E3012", "error", "'soon' is no number", ("Resources", "Q", "Properties", "Tags", 0), 7, 3, "u"
)


def test_text_has_one_line_a_finding_and_a_summary() -> None:
    """`file:line:column: level rule place: message`, as editors and CI read it."""
    assert report.as_text({"dev": [FINDING], "prod": []}, Path("templates")) == (
        "templates/dev/queue.yaml:7:3: error E3012 Q Properties.Tags[0]: 'soon' is no number\ndev, prod: 1 error"
    )


def test_json_keeps_every_field() -> None:
    """The layer, the rule and the place, for programs."""
    [row] = json.loads(report.as_json({"dev": [FINDING]}, Path("templates")))["findings"]
    assert row == {
        "environment": "dev",
        "layer": "queue",
        "rule": "E3012",
        "level": "error",
        "message": "'soon' is no number",
        "path": ["Resources", "Q", "Properties", "Tags", 0],
        "file": "templates/dev/queue.yaml",
        "line": 7,
        "column": 3,
        "about": "u",
        "rendered": "templates/dev/queue.yaml:7:3",
    }


def test_sarif_places_the_finding_in_the_file_and_in_the_template() -> None:
    """The fields that code scanning needs: rule, level, message, file, line, logical name."""
    document = json.loads(report.as_sarif({"dev": [FINDING]}, Path("templates"), "1.0"))
    assert document["version"] == "2.1.0"
    [run] = document["runs"]
    [result] = run["results"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [result["ruleId"]] == ["E3012"]
    [location] = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "templates/dev/queue.yaml"
    assert location["physicalLocation"]["region"] == {"startLine": 7, "startColumn": 3}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "queue/Q Properties.Tags[0]"}]


def test_the_command_prints_findings_and_fails_as_asked(tmp_path: Path) -> None:
    """Findings on stdout; `--fail-on` decides the exit code, 2 or 0."""
    (tmp_path / "dev.yaml").write_text(ENVIRONMENT)
    variables = {"INFRAGEN_CACHE_DIR": str(tmp_path / "cache")}
    command = ["lint", "--environments", str(tmp_path)]
    fine = CommandLine(env=variables).invoke(main, command)
    assert (fine.exit_code, fine.stdout.splitlines()[-1].split(":")[0]) == (0, "dev")
    entry = next((tmp_path / "cache" / "lint").iterdir())
    entry.write_text(json.dumps({"findings": [{**FINDING.__dict__, "level": "warning", "rule": "W1"}]}))
    assert CommandLine(env=variables).invoke(main, command).exit_code == 0
    strict = CommandLine(env=variables).invoke(main, [*command, "--fail-on", "warning"])
    assert (strict.exit_code, strict.stderr.startswith("error: the templates have 1 warning")) == (2, True)
    assert "warning W1 Q Properties.Tags[0]" in strict.stdout


@pytest.mark.long
def test_a_cached_lint_starts_no_process_and_imports_no_cfn_lint(tmp_path: Path) -> None:
    """cfn-lint's start-up is most of the time of a lint that has nothing to do."""
    (tmp_path / "dev.yaml").write_text(ENVIRONMENT + "topology: independent\n")
    script = (
        "import sys; from pathlib import Path; from infragen.config import load_environment;"
        "from infragen.assembly.lint import lint; from infragen.assembly.synth import synthesize;"
        f"lint([synthesize(load_environment(Path({str(tmp_path / 'dev.yaml')!r})))], Path({str(tmp_path)!r}));"
        "print('multiprocessing' in sys.modules, 'cfnlint' in sys.modules)"
    )
    outputs = [subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout for _ in range(2)]
    assert [each.split() for each in outputs] == [["True", "True"], ["False", "False"]]
