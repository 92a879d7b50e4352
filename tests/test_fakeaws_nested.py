"""The fake's nested change sets: each behaviour of the table in `fakeaws.nested`, with its switch either way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fakeaws import FakeAws
from test_fakeaws import QUEUE, TOPIC, change_set, child, family, put, run, template


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """The fake, which has to be without a bug of its own at the end."""
    with FakeAws() as fake:
        yield fake
        fake.check()


@pytest.fixture
def api(aws: FakeAws) -> Any:
    return aws.client("cloudformation")


@pytest.fixture
def bucket(aws: FakeAws) -> Any:
    """An S3 client; the bucket `code` exists."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="code")
    return s3


def inner(api: Any, made: dict[str, Any], logical_id: str) -> dict[str, Any]:
    """The change set of a nested stack, with values."""
    rows = {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"] for each in made["Changes"]}
    found: dict[str, Any] = api.describe_change_set(
        ChangeSetName=rows[logical_id]["ChangeSetId"], IncludePropertyValues=True
    )
    return found


def update(fake: FakeAws, api: Any, body: str) -> dict[str, Any]:
    return dict(change_set(fake, api, body, "UPDATE", IncludeNestedStacks=True))


@pytest.mark.parametrize(
    ("placeholder", "shown"),
    [
        ("intrinsic", "{{IntrinsicFunction:app/Data.Outputs.Url/Fn::GetAtt}}"),
        ("known after apply", "{{changeSet:KNOWN_AFTER_APPLY}}"),
    ],
)
def test_a_siblings_output_is_a_placeholder_and_what_takes_it_is_listed(
    aws: FakeAws,
    api: Any,
    bucket: Any,
    placeholder: str,
    shown: str,
) -> None:
    """Though nothing changes in the sibling: two Details, Static by the parameter and Dynamic by itself."""
    aws.settings.nested_placeholder = placeholder
    run(aws, api, family(bucket))
    found = inner(api, update(aws, api, family(bucket)), "Use")
    assert found["Parameters"][0]["ParameterValue"] == shown
    [row] = [each["ResourceChange"] for each in found["Changes"]]
    told = {(each["ChangeSource"], each["Evaluation"], each.get("CausingEntity")) for each in row["Details"]}
    assert told == {("ParameterReference", "Static", "Url"), ("DirectModification", "Dynamic", None)}
    assert {each["Target"]["AfterValue"] for each in row["Details"]} <= {f"x{shown}", shown}


def test_without_phantom_rows_only_an_output_that_may_change_is_one(
    aws: FakeAws,
    api: Any,
    bucket: Any,
) -> None:
    """The unchanged sibling's output reads as it is."""
    aws.settings.nested_phantom_rows = False
    run(aws, api, family(bucket))
    assert update(aws, api, family(bucket))["Status"] == "FAILED"
    found = inner(api, update(aws, api, family(bucket, delay=2)), "Use")
    assert found["Parameters"][0]["ParameterValue"].startswith("{{IntrinsicFunction:")


def users(bucket: Any, parameter: dict[str, Any], display: Any = None) -> str:
    """A root whose second child declares the parameter so."""
    data = template({"Jobs": QUEUE}, Outputs={"Url": {"Value": {"Ref": "Jobs"}}})
    topic = {**TOPIC, "Properties": {"DisplayName": display or {"Fn::Sub": "x${Url}"}}}
    use = template({"News": topic}, Parameters={"Url": parameter})
    wiring = {"Url": {"Fn::GetAtt": ["Data", "Outputs.Url"]}}
    return template({"Data": child(put(bucket, "d", data)), "Use": child(put(bucket, "u", use), Parameters=wiring)})


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ({"Type": "AWS::SSM::Parameter::Value<String>"}, "Unable to fetch parameters [{{IntrinsicFunction:app/Data"),
        ({"Type": "AWS::EC2::VPC::Id"}, "for parameter name Url does not exist"),
        ({"Type": "List<AWS::EC2::Subnet::Id>"}, "for parameter name Url does not exist"),
        (
            {"Type": "CommaDelimitedList", "AllowedPattern": "h.*"},
            "Each value of parameter 'Url' must match pattern h.*",
        ),
        ({"Type": "Number"}, "Parameter 'Url' must be a number"),
    ],
)
def test_a_parameter_that_takes_no_placeholder_fails_the_root_or_the_child(
    aws: FakeAws,
    api: Any,
    bucket: Any,
    parameter: dict[str, Any],
    words: str,
) -> None:
    """In the same words; without nested change sets nothing fails."""
    body = users(bucket, parameter, "x")
    made = change_set(aws, api, body, IncludeNestedStacks=True)
    assert made["Status"] == "FAILED"
    assert words in made["StatusReason"]
    aws.settings.nested_parameter_fails = "child"
    made = change_set(aws, api, body, IncludeNestedStacks=True)
    assert made["StatusReason"].startswith("Nested change set arn:")
    failed = inner(api, made, "Use")
    assert (failed["Status"], failed["Changes"]) == ("FAILED", [])
    assert words in failed["StatusReason"]
    assert change_set(aws, api, body)["Status"] == "CREATE_COMPLETE"


@pytest.mark.parametrize("kind", ["AWS::SSM::Parameter::Value<String>", "AWS::EC2::VPC::Id"])
def test_types_are_looked_up_only_where_that_is_switched_on(
    aws: FakeAws,
    api: Any,
    bucket: Any,
    kind: str,
) -> None:
    """Kinder than the reports."""
    aws.settings.nested_types_checked = False
    assert change_set(aws, api, users(bucket, {"Type": kind}), IncludeNestedStacks=True)["Status"] == "CREATE_COMPLETE"


def test_a_list_of_placeholders_has_one_element(aws: FakeAws, api: Any, bucket: Any) -> None:
    """Fn::Select of the second fails the child."""
    body = users(bucket, {"Type": "CommaDelimitedList"}, {"Fn::Select": [1, {"Ref": "Url"}]})
    made = change_set(aws, api, body, IncludeNestedStacks=True)
    assert "Fn::Select cannot select nonexistent value at index 1" in inner(api, made, "Use")["StatusReason"]


def test_exports_named_by_functions_are_duplicates(aws: FakeAws, api: Any, bucket: Any) -> None:
    """The second fails, and holds its changes; executing the same would work."""

    def exporting(number: int) -> dict[str, Any]:
        name = {"Fn::Join": ["-", [{"Ref": "AWS::StackName"}, str(number)]]}
        body = template({"Jobs": QUEUE}, Outputs={"Url": {"Value": {"Ref": "Jobs"}, "Export": {"Name": name}}})
        return child(put(bucket, f"e{number}", body))

    body = template({"One": exporting(1), "Two": exporting(2)})
    made = change_set(aws, api, body, IncludeNestedStacks=True)
    failed = inner(api, made, "Two")
    assert failed["StatusReason"] == "Template format error: duplicate Export names"
    assert [each["ResourceChange"]["LogicalResourceId"] for each in failed["Changes"]] == ["Jobs"]
    aws.settings.nested_exports_collide = False
    assert change_set(aws, api, body, IncludeNestedStacks=True)["Status"] == "CREATE_COMPLETE"


def test_siblings_are_in_progress_when_the_root_has_failed(aws: FakeAws, api: Any, bucket: Any) -> None:
    """They end later, whatever they end as; what early validation fails holds its changes."""
    run(aws, api, family(bucket))
    aws.settings.early_validation["Jobs"] = ("/Resources/Jobs/Properties/DelaySeconds", "expected type: Integer")
    aws.settings.nested_sibling_seconds = 30
    made = update(aws, api, family(bucket, delay=2, display="y"))
    assert made["Status"] == "FAILED"
    assert [each["ResourceChange"]["LogicalResourceId"] for each in inner(api, made, "Data")["Changes"]] == ["Jobs"]
    assert inner(api, made, "Use")["Status"] == "CREATE_IN_PROGRESS"
    aws.clock.advance(30)
    assert inner(api, made, "Use")["Status"] == "CREATE_COMPLETE"
