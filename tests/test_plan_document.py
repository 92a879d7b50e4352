"""The plan as JSON, and the schema that describes it."""

import dataclasses
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from commands import CommandLine
from formats import check_json
from hypothesis import given
from plan_json_page import plan_json_page
from plans import everything, plans
from sweeps import sweep

from infragen.cli import main
from infragen.cloud.cloudformation import PropertyChange, ResourceChange
from infragen.config import Difference
from infragen.cost import CostDelta, ResourceDelta
from infragen.gates.data_loss import Refusal
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.report.plan_document import document, value
from infragen.report.plan_formats import as_format
from infragen.report.plan_schema import plan_schema
from infragen.secrecy.shown import Absent, KnownAfter

PAGE = Path(__file__).parent.parent / "docs" / "plan-json.md"

PLACES = {
    EnvironmentPlan: "plan",
    StackPlan: "stack",
    ResourceChange: "change",
    PropertyChange: "property",
    Refusal: "refusal",
    Difference: "setting",
    CostDelta: "cost",
    ResourceDelta: "cost_resource",
}


@pytest.mark.long
@given(plans())
@sweep(12, 3000)
def test_every_plan_has_a_document_that_the_schema_describes(plan: EnvironmentPlan) -> None:
    """Whatever texts and values it holds; no key is there that the schema does not name."""
    check_json(as_format("json", [plan]))


@pytest.mark.parametrize("model", PLACES, ids=lambda model: model.__name__)
def test_no_field_of_the_model_is_left_out(model: Any) -> None:
    """A field that is added to the model is added to the document and its schema."""
    described = plan_schema()["$defs"][PLACES[model]]["properties"]
    elsewhere = {"interruptions", "origins", "causes", "property", "shown"}  # told with a change, a value, a refusal
    assert {each.name for each in dataclasses.fields(model)} - set(described) - elsewhere == set()


def test_keys_come_in_the_order_of_the_schema() -> None:
    """Documents can be compared line by line; two runs give the same bytes."""
    [plan] = json.loads(as_format("json", [everything()]))["plans"]
    defined = plan_schema()["$defs"]
    change = plan["stacks"][3]["changes"][0]
    for name, found in (("plan", plan), ("stack", plan["stacks"][0]), ("change", change)):
        assert list(found) == list(defined[name]["properties"])
    assert list(change["properties"][0]) == list(defined["resource_property"]["properties"])
    assert as_format("json", [everything()]) == as_format("json", [everything()])


def test_every_key_of_the_schema_says_what_it_means() -> None:
    """The documentation is made from it; and it is a schema."""
    schema = plan_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for name, each in schema["$defs"].items():
        assert each["description"], name
        for key, inner in each.get("properties", {}).items():
            assert inner.get("description"), f"{name}.{key}"


@pytest.mark.parametrize(
    ("held", "written"),
    [
        (None, {"kind": "not told", "text": "(not told)"}),
        (Absent(), {"kind": "absent", "text": "(none)"}),
        ("", {"kind": "known", "value": ""}),
        (False, {"kind": "known", "value": False}),
        (0, {"kind": "known", "value": 0}),
        ([], {"kind": "known", "value": []}),
        ({"Ref": "X"}, {"kind": "known", "value": {"Ref": "X"}}),
        (float("nan"), {"kind": "known", "value": "nan"}),
        (b"x", {"kind": "other", "text": "b'x'"}),
        (
            KnownAfter("network", "VpcId"),
            {"kind": "later", "text": "(known after network: VpcId)", "layer": "network", "name": "VpcId"},
        ),
        (
            {"a": [1, KnownAfter("network", "VpcId")]},
            {
                "kind": "partly later",
                "value": {"a": [1, "(known after network: VpcId)"]},
                "later": [{"path": ["a", 1], "layer": "network", "name": "VpcId"}],
            },
        ),
    ],
    ids=str,
)
def test_a_value_says_how_surely_it_is_known(held: object, written: dict[str, object]) -> None:
    """What is empty, not there, not told and not there yet are four things."""
    assert value(held) == written


def test_what_this_version_does_not_know_is_kept_in_its_own_words() -> None:
    """An action and a replacement that AWS may invent; neither is taken for harmless."""
    row = ResourceChange("queue", "Transmute", "Q", "AWS::SQS::Queue", "Perhaps")
    maybe = ResourceChange("queue", "Modify", "R", "AWS::SQS::Queue", "Perhaps")
    made = EnvironmentPlan("dev", "1", "eu", "nested", (StackPlan("queue", "q", "update", (row, maybe)),))
    [plan] = check_json(as_format("json", [made]))["plans"]
    rows = plan["stacks"][0]["changes"]
    assert [(each["action"], each["replacement"], each["kind"]) for each in rows] == [
        ("Transmute", "Perhaps", "other"),
        ("Modify", "Perhaps", "replace"),
    ]
    assert plan["summary"] == {
        "text": "0 to add, 0 to change, 1 to replace, 0 to remove, 1 unknown until it runs",
        "add": 0, "import": 0, "change": 0, "revision": 0, "replace": 1, "remove": 0, "other": 1,
    }  # fmt: skip


def test_the_summary_counts_the_rows_that_say_so() -> None:
    """A nested stack whose layer has a section of its own is a row that is not counted."""
    made: Any = document(everything())
    [plan] = made["plans"]
    rows = [each for stack in plan["stacks"] for each in stack["changes"]]
    for kind in ("add", "change", "replace", "remove", "other"):
        assert plan["summary"][kind] == sum(each["kind"] == kind for each in rows if each["counted"])
    assert [each["place"] for each in rows if not each["counted"]] == ["root/Queue"]


def test_the_command_prints_the_schema_that_is_asked_for() -> None:
    """Of environment files unless plans are named; of nothing else."""

    def schema(*arguments: str) -> Any:
        return CommandLine().invoke(main, ["schema", *arguments])

    assert json.loads(schema("plan").stdout) == plan_schema()
    assert schema().stdout == schema("environment").stdout
    assert json.loads(schema().stdout)["title"] != plan_schema()["title"]
    assert schema("nothing").exit_code == 2


def test_the_page_on_the_document_is_made_from_the_schema() -> None:
    """docs/plan-json.md; `make docs` writes it anew."""
    assert PAGE.read_text() == plan_json_page()


JQ = re.findall(r"^jq (-\w) '(.*?)' plan.json$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize(
    ("example", "answer"),
    [
        (0, ["database/Cluster", "api/OldQueue"]),
        (1, ["false"]),
        (2, 8),
        (3, ["queue/Orders KmsMasterKeyId"]),
    ],
)
def test_the_examples_of_the_page_work(example: int, answer: list[str] | int) -> None:
    """They are run by jq itself."""
    assert len(JQ) == 4
    flag, program = JQ[example]
    ran = subprocess.run(["jq", flag, program], input=as_format("json", [everything()]), capture_output=True)
    lines = ran.stdout.decode().splitlines()
    assert ran.returncode == (1 if lines == ["false"] else 0), ran.stderr
    assert (lines if isinstance(answer, list) else len(lines)) == answer
