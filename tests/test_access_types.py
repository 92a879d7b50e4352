"""Every resource type that CloudFormation has is judged: by its row, or by the rules for what has none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from access_page import access_page
from rendering import assembly

from infragen.changes.diff import Side
from infragen.changes.replacement import _index as schemas
from infragen.changes.replacement import schema_of
from infragen.gates.access import widenings
from infragen.gates.access.names import harmless, meaning_of
from infragen.gates.access.properties import NOT_PROPERTIES
from infragen.plan.between import plan_between, rendering
from infragen.resource_types import resource_type
from infragen.resource_types.access_rows import ACCESS

REGION, ACCOUNT = "us-east-1", "111111111111"
Body = dict[str, Any]


def settable(name: str) -> list[str]:
    """The top-level properties that a template may write."""
    schema = schema_of(name, REGION)
    assert schema is not None
    read_only = {each.removeprefix("/properties/") for each in schema.body.get("readOnlyProperties", ())}
    return [each for each in schema.properties if each not in read_only and each not in NOT_PROPERTIES]


def told(before: dict[str, Body], after: dict[str, Body]) -> set[str]:
    """The places of the widenings between two sets of resources; one call for all, because it is one pass."""
    old, new = (Side({"Resources": each}, {}) for each in (before, after))
    return {each.place.removeprefix("l/") for each in widenings("l", old, new, ACCOUNT, REGION)}


@pytest.mark.long
def test_in_every_type_without_a_row_each_change_counts_that_is_not_plainly_harmless() -> None:
    """Each of its properties, written where it was not."""
    before, after, harmless_ones = {}, {}, set()
    for name in schemas(REGION):
        if resource_type(name).access is not None:
            continue
        for key in settable(name):
            place = f"{name}/{key}"
            before[place] = {"Type": name, "Properties": {}}
            after[place] = {"Type": name, "Properties": {key: "something"}}
            if meaning_of(key) is None and harmless(key):
                harmless_ones.add(place)
    assert len(after) > 9_000
    assert told(before, after) == set(after) - harmless_ones
    assert len(harmless_ones) < len(after) / 4


def test_a_value_that_leads_elsewhere_counts_under_a_harmless_name() -> None:
    """An address, a mail address, another account and every address, in a type without a row; a plain word does not."""
    values = {"a": "https://b.example/x", "b": "eve@b.example", "c": "222222222222", "d": "0.0.0.0/0", "e": "blue"}
    assert harmless("Label")
    before, after = (
        {name: {"Type": "Acme::Of::Tomorrow", "Properties": {"Label": text}} for name, text in side.items()}
        for side in (dict.fromkeys(values, "red"), values)
    )
    assert told(before, after) == {"a", "b", "c", "d"}


@pytest.mark.long
def test_a_type_without_a_row_counts_when_it_comes_with_whatever_looks_like_access() -> None:
    """A principal, a role, an account, an address, an endpoint, a switch; alone in a resource that is new."""
    after = {
        f"{name}/{key}": {"Type": name, "Properties": {key: "something"}}
        for name in schemas(REGION)
        if resource_type(name).access is None
        for key in settable(name)
        if (meaning := meaning_of(key)) is not None and meaning.name != "PLACE"
    }
    assert len(after) > 3_000
    assert told({}, after) == set(after)


@pytest.mark.long
def test_no_row_leaves_a_property_to_chance_whose_name_speaks_of_access() -> None:
    """Each is judged, or said to be harmless, or counts by its name when it changes."""
    before, after = {}, {}
    named = set()
    for name, access in ACCESS.items():
        if schema_of(name, REGION) is None:
            continue
        for key in settable(name):
            if meaning_of(key) is None:
                continue
            place = f"{name}/{key}"
            before[place] = {"Type": name, "Properties": {}}
            after[place] = {"Type": name, "Properties": {key: "something"}}
            paths = [*(each.steps[0].partition("[")[0] for each in access.judged if each.steps), *access.harmless]
            if any(key == each.partition(".")[0].partition("[")[0] for each in paths) or any(
                not each.path for each in access.judged
            ):
                named.add(place)
    assert set(after) - named <= told(before, after)


def test_every_path_of_a_row_is_one_of_its_type() -> None:
    """A typing error would judge nothing. Parameters of databases and attributes by name are no properties."""
    wrong = []
    for name, access in ACCESS.items():
        schema = schema_of(name, REGION)
        if schema is None:
            assert name.startswith("Custom::")
            continue
        for path in (each.path for each in access.judged):
            steps = [step.partition("[")[0] for step in path.replace("/", ".").rstrip("*").split(".") if step]
            if path and "Parameters" not in path and "[" not in path and not _has(schema.body, schema.body, steps):
                wrong.append(f"{name}: {path}")
    assert wrong == []


def _has(body: Mapping[str, Any], node: Any, steps: list[str]) -> bool:
    """Whether a schema knows a path, through lists, references and alternatives."""
    if not isinstance(node, dict):
        return False
    if "$ref" in node:
        target: Any = body
        for each in node["$ref"].removeprefix("#/").split("/"):
            target = target[each]
        return _has(body, target, steps)
    if not steps:
        return True
    inner = node.get("properties", {}).get(steps[0])
    if inner is not None and _has(body, inner, steps[1:]):
        return True
    if node.get("type") in ("object", ["object", "string"], ["string", "object"]) and not node.get("properties"):
        return not node.get("oneOf") and not node.get("anyOf")  # a document of its own, such as a redrive policy
    others = [node.get("items"), *(each for key in ("oneOf", "anyOf", "allOf") for each in node.get(key, ()))]
    return any(_has(body, each, steps) for each in others)


def test_the_page_on_types_is_made_from_the_rows() -> None:
    """docs/access.md; `make docs` writes it."""
    page = (Path(__file__).parent.parent / "docs" / "access.md").read_text()
    assert page == access_page()
    assert all(f"| `{name}` |" in page for name in ACCESS)


@pytest.mark.long
@pytest.mark.parametrize("off", ["'0'", "'off'"])
def test_connections_without_tls_that_an_environment_file_allows_are_asked_about(off: str) -> None:
    """`rds.force_ssl` under `database.parameters`, in the plan of the commit that writes it."""
    one, other = (
        rendering(assembly(f"database: {{parameters: {{rds.force_ssl: {each}}}}}\n", "dev")) for each in ("'1'", off)
    )
    plan = plan_between("dev", REGION, one, other, "before")
    [widening] = plan.gated
    assert widening.sentence.endswith(" now may take connections without TLS (rds.force_ssl)")
    assert widening.place.startswith("database/ClusterParameters")
    assert not plan_between("dev", REGION, other, one, "before").gated


KEEPING_OUT = (
    "Acl", "Firewall", "Waf", "Policy", "Authorizer", "Block", "Guard", "Guardrail", "Shield", "Filter",
    "Restriction", "Protection", "Boundary", "Deny", "Validator", "Exclusion", "Control",
)  # fmt: skip
OBSERVING = (
    "Alarm", "Alarms", "Analyzer", "Anomaly", "Audit", "Auditing", "Canary", "Detector", "Finding", "Findings",
    "Insights", "Logging", "Monitor", "Monitoring", "Recorder", "Trail",
)  # fmt: skip


def test_the_removal_of_what_keeps_out_or_observes_counts_by_the_words_of_its_type() -> None:
    """Of types that nobody knows, alone or beside another word; of one whose name says nothing it does not."""
    words = (*KEEPING_OUT, *OBSERVING)
    names = [name for each in words for name in (f"Acme::Of::{each}", f"Acme::Of::Small{each}Thing")]
    before = {each: {"Type": each, "Properties": {"Label": "x"}} for each in (*names, "Acme::Of::Tomorrow")}
    assert told(before, {}) == set(names)
