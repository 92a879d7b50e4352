"""Replacement as the CloudFormation Template Reference says it, page by page, and where the schemas say otherwise."""

from pathlib import Path

import pytest
from update_requires import DIFFERENT, PAGES, rows

from infragen.assembly.templatefile import parse
from infragen.changes.replacement import (
    ALWAYS,
    CONDITIONALLY,
    CORRECTIONS,
    NEVER,
    RECREATIONS,
    ordered,
    recreation,
    schema_of,
)

REGION = "eu-central-1"
ROWS = rows()
FOLDER = Path(__file__).parents[2] / "templates"


@pytest.mark.parametrize(("page", "name", "said"), ROWS, ids=[f"{page}.{name}" for page, name, _ in ROWS])
def test_the_judgement_agrees_with_the_documentation(page: str, name: str, said: str) -> None:
    """What a page says, or what the list of differences says instead, which must be something else."""
    judged = recreation(page, REGION, ("Properties", name))
    assert judged == DIFFERENT.get((page, name), (said, ""))[0]
    assert DIFFERENT.get((page, name), ("", ""))[0] != said


def test_the_table_is_what_it_claims_to_be() -> None:
    """Hundreds of properties, each of them known to its schema; no difference that is about nothing."""
    assert len(ROWS) >= 500
    assert set(DIFFERENT) <= {(page, name) for page, name, _ in ROWS}
    unknown = [(page, name) for page, name, _ in ROWS if name not in schema_of_type(page)]
    assert unknown == []


def schema_of_type(page: str) -> set[str]:
    schema = schema_of(page, REGION)
    assert schema is not None
    return set(schema.properties)


def test_the_table_has_whatever_the_layers_set() -> None:
    """Every type and every property that is in a rendered template, but for the custom resource, which has no page."""
    bodies = [parse(file.read_text("utf-8")) for file in FOLDER.glob("*/*.yaml")]
    resources = [each for body in bodies for each in body["Resources"].values() if each["Type"].startswith("AWS::")]
    said = {(page, name) for page, name, _ in ROWS}
    assert {(each["Type"], name) for each in resources for name in each.get("Properties", {})} - said == set()
    assert {each["Type"] for each in resources} == set(PAGES)


@pytest.mark.parametrize("key", CORRECTIONS, ids=str)
def test_a_correction_is_stricter_than_its_schema(key: tuple[str, str]) -> None:
    """Otherwise it is superfluous, or would hide a replacement that the schema knows of."""
    resource_type, name = key
    schema = schema_of(resource_type, REGION)
    assert schema is not None
    assert name in schema.properties
    by_schema = ALWAYS if (name,) in schema.create_only else CONDITIONALLY if (name,) in schema.conditionally else NEVER
    assert RECREATIONS.index(CORRECTIONS[key].recreation) > RECREATIONS.index(by_schema)
    assert CORRECTIONS[key].source.startswith(resource_type)


def test_every_type_of_the_layers_has_a_schema() -> None:
    """None is judged blindly but the custom resource, whose provider alone knows."""
    bodies = [parse(file.read_text("utf-8")) for file in FOLDER.glob("*/*.yaml")]
    types = {each["Type"] for body in bodies for each in body["Resources"].values()}
    assert len(types) > 40
    assert {each for each in types if schema_of(each, REGION) is None} == {"Custom::DatabaseCredentials"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("EncryptionConfiguration", "Fn::If", 1, "KmsKey"), ALWAYS),
        (("EncryptionConfiguration", "Fn::If", 1), ALWAYS),
        (("LifecyclePolicy", "LifecyclePolicyText", "rules", 0, "selection"), NEVER),
        (("Tags", 3, "Value"), NEVER),
    ],
)
def test_a_function_or_a_document_on_the_way_hides_no_replacement(path: tuple[str | int, ...], expected: str) -> None:
    """What is inside a function may be any part of the property; what is inside a text is part of it."""
    assert recreation("AWS::ECR::Repository", REGION, ("Properties", *path)) == expected


@pytest.mark.parametrize(
    ("resource_type", "path", "expected"),
    [
        ("AWS::SQS::Queue", ("Tags",), False),
        ("AWS::IAM::Role", ("ManagedPolicyArns",), False),
        ("AWS::ECS::TaskDefinition", ("ContainerDefinitions", 0, "Environment"), False),
        ("AWS::ECS::TaskDefinition", ("ContainerDefinitions", 0, "Command"), True),
        ("AWS::Lambda::Function", ("Layers",), True),
        ("AWS::Lambda::Function", ("NoSuch", "Thing"), True),
        ("Custom::Thing", ("Names",), True),
    ],
)
def test_the_order_of_a_list_counts_unless_its_schema_says_otherwise(
    resource_type: str, path: tuple[str | int, ...], expected: bool
) -> None:
    """`insertionOrder: false`, found through references and the items of lists."""
    assert ordered(resource_type, REGION, ("Properties", *path)) is expected


def test_a_function_above_a_create_only_part_may_hold_it() -> None:
    """What is inside an If is looked at as the property that it stands for."""
    path = ("Properties", "AutoScalingGroupProvider", "Fn::If", 1, "ManagedScaling")
    assert recreation("AWS::ECS::CapacityProvider", REGION, path) == ALWAYS
