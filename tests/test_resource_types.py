"""The rows of resource types: one per type, agreeing with the schemas, the price rules and what the layers render."""

import re
from pathlib import Path

import pytest

from infragen.assembly.templatefile import parse
from infragen.changes.replacement import schema_of, stays
from infragen.cloud.cloudformation import PropertyChange
from infragen.cloud.template import STACK_TYPE
from infragen.cost.rules import RULES
from infragen.resource_types import Billing, resource_type, resource_types

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates"


def rendered_types() -> set[str]:
    bodies = [parse(each.read_text()) for each in TEMPLATES.glob("*/*.yaml")]
    return {resource["Type"] for body in bodies for resource in body["Resources"].values()}


@pytest.mark.long
def test_every_type_that_is_rendered_has_a_row() -> None:
    """Nothing that infragen creates is unknown to its own gates."""
    assert rendered_types()
    assert {name for name in rendered_types() if not resource_type(name).known} == set()


def test_every_type_that_a_check_asks_about_has_a_row() -> None:
    """Checks name types as text, so that rendering does not load the catalogue: a typo would silence the check."""
    sources = (ROOT / "src" / "infragen" / "checks").glob("*.py")
    named = {name for each in sources for name in re.findall(r'"(AWS::\w+::\w+)"', each.read_text())}
    assert "AWS::RDS::DBCluster" in named
    assert {name for name in named if not resource_type(name).known} == set()


FOLLOWING = {("AWS::RDS::DBCluster", "Endpoint.Port"), ("AWS::RDS::DBCluster", "MasterUserSecret.SecretArn")}
"""Attributes that layers take and that a change in place may change: the port, and who manages the password."""


def taken_attributes(value: object, types: dict[str, str]) -> set[tuple[str, str]]:
    """Type and name of each attribute that a template takes by GetAtt or Sub."""
    if isinstance(value, list):
        return {found for each in value for found in taken_attributes(each, types)}
    if not isinstance(value, dict):
        return set()
    taken = value.get("Fn::GetAtt", [])
    name, attribute = taken.split(".", 1) if isinstance(taken, str) else (taken or ("", ""))
    text = value.get("Fn::Sub", "")
    inside = re.findall(r"\$\{(\w+)\.([\w.]+)\}", text if isinstance(text, str) else text[0])
    found = {(types[one], other) for one, other in [(name, attribute), *inside] if one in types}
    return found.union(*(taken_attributes(each, types) for each in value.values()))


@pytest.mark.long
def test_of_every_attribute_that_layers_take_it_is_known_whether_it_stays() -> None:
    """Else AWS's rows for what refers to it are shown as changes, or as replacements, when its tags alone change."""
    taken = set()
    for body in [parse(each.read_text()) for each in TEMPLATES.glob("*/*.yaml")]:
        types = {name: each["Type"] for name, each in body["Resources"].items() if each["Type"] != STACK_TYPE}
        taken |= taken_attributes(body["Resources"], types) | taken_attributes(body.get("Outputs", {}), types)
    assert len(taken) > 15
    everything = [PropertyChange(("Properties",))]
    assert {each for each in taken if not stays(each[0], "us-east-1", each[1], everything)} == FOLLOWING
    for name, attribute in FOLLOWING:
        changed = [PropertyChange(("Properties", each)) for each in ("BackupRetentionPeriod", "EngineVersion")]
        assert stays(name, "us-east-1", attribute, changed)


def test_a_type_without_a_row_is_unknown_in_every_column() -> None:
    """Unknown is unsafe: nobody says that it holds no data, and nobody says that it is free."""
    row = resource_type("AWS::Of::Tomorrow")
    assert (row.known, row.holds_data, row.billing) == (False, None, Billing.UNPRICED)


def test_no_type_has_two_rows() -> None:
    """Each name once, and each row says whether it holds data, and of what holds data what is lost."""
    rows = list(resource_types())
    assert len({each.name for each in rows}) == len(rows)
    assert [each.name for each in rows if each.holds_data is None] == []
    assert [each.name for each in rows if (each.holds_data or bool(each.holds_none_with)) != bool(each.data)] == []


def test_the_price_rules_are_those_of_the_priced_types() -> None:
    """A type that its row calls priced has a rule, and no other has one."""
    assert set(RULES) == {each.name for each in resource_types() if each.billing is Billing.PRICED}


@pytest.mark.parametrize("row", [each for each in resource_types() if each.known], ids=lambda each: each.name)
def test_the_properties_that_a_row_names_are_in_the_schema(row: object) -> None:
    """A physical name and a deletion protection are properties that the type has."""
    found = resource_type(getattr(row, "name", ""))
    schema = schema_of(found.name, "us-east-1")
    if schema is None:  # withdrawn by AWS: QLDB, SimpleDB
        assert found.name in ("AWS::QLDB::Ledger", "AWS::SDB::Domain", "Custom::DatabaseCredentials")
        return
    if found.name_property:
        assert found.name_property in schema.properties
    if found.deletion_protection and found.deletion_protection[0].isupper():
        assert found.deletion_protection in schema.properties
