"""What a plan says of a resource that is new: its plain values, most telling first."""

from __future__ import annotations

from typing import Any

import pytest
from rows import row_of

from infragen.cloud.cloudformation import PropertyChange, ResourceChange
from infragen.report.added_values import AddedValue, added_values, fitted
from infragen.secrecy.shown import Absent, KnownAfter, Secret

TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
READS = {"Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage"], "Resource": "*"}


def told(action: str = "Add", **properties: Any) -> list[str]:
    rows = tuple(PropertyChange(("Properties", name), after=value) for name, value in properties.items())
    row = ResourceChange("queue", action, "Jobs", "AWS::SQS::Queue", properties=rows)
    return [str(each) for each in added_values(row_of(row))]


def test_numbers_come_before_words_and_words_before_switches() -> None:
    """And what is written at the top before what is inside."""
    found = told(Enabled=True, Runtime="nodejs24.x", Timeout=30, Scaling={"Max": 4}, Memory="512")
    assert found == ["Timeout 30", "Memory 512", "Max 4", "Runtime nodejs24.x", "Enabled true"]


@pytest.mark.parametrize(
    "value",
    [
        Absent(), KnownAfter("network", "VpcId"), Secret(), None, "", "arn:aws:sns:us-east-1:1:a", "x" * 49, "a\nb",
        {"Ref": "Vpc"}, {"Fn::GetAtt": ["Vpc", "CidrBlock"]}, {"Fn::Sub": "${A}-b"}, [], {},
    ],
    ids=repr,
)  # fmt: skip
def test_what_another_resource_gives_what_is_secret_and_what_is_a_document_is_left_out(value: object) -> None:
    """Alone, in a mapping, and in a list of mappings."""
    assert told(Setting=value) == []
    assert told(Setting={"Inner": value}) == []
    assert told(Setting=[{"Inner": value}]) == []


@pytest.mark.parametrize("name", ["QueueName", "KmsKeyId", "TopicArn", "Description", "Version", "Sid", "Tags"])
def test_names_and_descriptions_are_left_out(name: str) -> None:
    """What a thing is called is in its logical id."""
    assert told(**{name: "words"}) == []


def test_of_a_policy_its_actions_are_told() -> None:
    """What a service assumes a role for is what makes it a role."""
    assert told(Policies=[{"PolicyDocument": {"Statement": [TRUST, READS]}}]) == [
        "allow sqs:ReceiveMessage sqs:DeleteMessage"
    ]
    assert told(Document={"Statement": {**TRUST, "Principal": "*"}}) == ["allow sts:AssumeRole"]


def test_named_attributes_have_their_own_name_and_plain_lists_are_one_value() -> None:
    """As load balancers have them; ports and zones."""
    assert told(Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "60"}]) == [
        "idle_timeout.timeout_seconds 60"
    ]
    assert told(Ports=[80, 443]) == ["Ports 80 443"]


@pytest.mark.parametrize("action", ["Modify", "Remove"])
def test_only_what_is_added_has_added_values(action: str) -> None:
    """Changes are told value by value."""
    assert told(action, Timeout=30) == []


def test_values_that_steer_a_terminal_are_written_as_numbers() -> None:
    """As everywhere."""
    assert told(Setting="a\x1b[2Jb") == ["Setting a\\u001b[2Jb"]


VALUES = [AddedValue("Timeout", "30"), AddedValue("Memory", "512"), AddedValue("Runtime", "nodejs24.x")]


@pytest.mark.parametrize("room", range(12, 60))
def test_what_fits_is_never_wider_than_its_room(room: int) -> None:
    """The rest is counted, and the first one is cut where none fits."""
    line = fitted(VALUES, room)
    assert len(line) <= room or line.startswith("Timeou"[: max(0, room - 13)])
    kept = [str(each) for each in VALUES if str(each) in line.split(", ")]
    left = len(VALUES) - len(kept)
    assert not kept or line == ", ".join([*kept, *([f"{left} more"] if left else [])])
    assert fitted([], room) == ""
