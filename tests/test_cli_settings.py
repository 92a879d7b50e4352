"""`infragen config`, `schema` and `diff`: environments as people and editors read them."""

import json
import re
from pathlib import Path

import pytest
from click.testing import Result
from commands import CommandLine
from formats import check_json

from infragen.cli import main
from infragen.config import json_schema, load_file
from infragen.config.yamlfile import Mapping, Node, Scalar, load
from infragen.report.settings import written

ENVIRONMENTS = Path(__file__).parent / "data" / "environments"


def run(*arguments: str) -> Result:
    result = CommandLine().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result


def values(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Mapping):
        return {key: values(entry.node) for key, entry in node.entries.items()}
    return [values(item) for item in node.items]


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_config_prints_every_value_as_yaml_that_reads_back(name: str) -> None:
    """Defaults and computed values included; the account keeps its digits."""
    arguments = ("config", "--env", name, "--environments", str(ENVIRONMENTS))
    printed = values(load(run(*arguments).stdout.encode(), "printed"))
    as_json = json.loads(run(*arguments, "--format", "json").stdout)
    assert printed == as_json["environment"]
    computed = {key for key, origin in as_json["origins"].items() if origin == "computed"}
    assert {"queues[0].visibility_seconds", "workers[0].max_concurrency", "api.queue"} <= computed
    written_out = load_file(ENVIRONMENTS / f"{name}.yaml").environment.model_dump(mode="json")
    assert as_json["environment"]["network"] == written_out["network"]
    assert as_json["environment"]["queues"] == [{**written_out["queues"][0], "visibility_seconds": 365}]


def test_config_says_in_which_line_of_which_file_a_value_is_written(tmp_path: Path) -> None:
    """Own values, values of the extended file, and defaults."""
    (tmp_path / "base.yaml").write_text(
        "region: eu-west-1\nnetwork: {}\nqueues:\n  - name: orders\n    retention_days: 7\n"
    )
    (tmp_path / "dev.yaml").write_text("extends: base.yaml\nproject: shop\nenvironment: dev\n")
    arguments = ("config", "--env", "dev", "--environments", str(tmp_path))
    as_json = json.loads(run(*arguments, "--format", "json").stdout)
    origins = as_json["origins"]
    assert origins["project"] == f"{tmp_path}/dev.yaml:2"
    assert origins["region"] == f"{tmp_path}/base.yaml:1"
    assert origins["queues[0].retention_days"] == f"{tmp_path}/base.yaml:5"
    assert origins["queues[0].fifo"] == "default"
    assert as_json["environment"]["queues"][0]["retention_days"] == 7
    lines = run(*arguments).stdout.splitlines()
    assert [each.split("#")[1].strip() for each in lines if "retention_days:" in each] == [f"{tmp_path}/base.yaml:5"]
    assert [each.split()[1:] for each in lines if each.startswith("protect:")] == [["false", "#", "computed"]]


def test_config_quotes_keys_that_would_read_back_as_something_else(tmp_path: Path) -> None:
    """A tag may be called 8080 or `a: b`."""
    (tmp_path / "dev.yaml").write_text(
        "project: shop\nenvironment: dev\nregion: eu-west-1\ntags: {'8080': a, no: b, 'a: b': c}\n"
    )
    printed = run("config", "--env", "dev", "--environments", str(tmp_path)).stdout
    body = values(load(printed.encode(), "printed"))
    assert isinstance(body, dict)
    assert body["tags"] == {"8080": "a", "no": "b", "a: b": "c"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("no", '"no"'),
        ("12", '"12"'),
        ("a: b", '"a: b"'),
        ([1, "x"], "[1, x]"),
        (2.0, "2"),
        (None, "null"),
    ],
)
def test_values_are_written_so_that_they_read_back(value: object, text: str) -> None:
    """Text that YAML would read as something else is quoted."""
    assert written(value) == text


def test_schema_is_the_json_schema_of_environment_files() -> None:
    """What editors complete and check with."""
    assert json.loads(run("schema").stdout) == json_schema()


@pytest.mark.long
def test_diff_shows_values_with_their_place_and_the_resources_they_make() -> None:
    """dev and prod differ in zones, and so in subnets."""
    shown = run("diff", "dev", "prod", "--environments", str(ENVIRONMENTS)).stdout
    assert "  network.azs " in shown
    assert "2 -> 3" in shown
    assert f"{ENVIRONMENTS}/prod.yaml:" in shown
    assert "    + PublicSubnet3 " in shown
    assert "    - NatInstance " in shown
    assert "forces the replacement" not in shown
    assert "resources only in prod" in shown.splitlines()[-1]


@pytest.mark.long
def test_diff_of_an_environment_with_itself_is_empty() -> None:
    """One sentence."""
    assert run("diff", "dev", "dev", "--environments", str(ENVIRONMENTS)).stdout == "dev and dev do not differ\n"


@pytest.mark.long
def test_diff_as_json_holds_values_and_resources() -> None:
    """The plan's document, in which nothing is replaced or refused: they are two environments, not one that changes."""
    made = run("diff", "dev", "prod", "--environments", str(ENVIRONMENTS), "--format", "json")
    [plan] = check_json(made.stdout_bytes)["plans"]
    assert (plan["environment"], plan["against"], plan["between"]) == ("prod", "dev", True)
    zones = next(each for each in plan["settings"] if each["key"] == "network.azs")
    assert (zones["before"]["value"], zones["after"]["value"]) == (2, 3)
    assert re.search(r"prod\.yaml:\d+$", zones["after"]["origin"])
    rows = [row for stack in plan["stacks"] for row in stack["changes"]]
    assert {row["kind"] for row in rows} == {"add", "change", "remove"}
    assert plan["summary"]["text"] in run("diff", "dev", "prod", "--environments", str(ENVIRONMENTS)).stdout
