"""The scripted fake of AWS, seen through a real boto3 client: each behaviour its docstring promises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import pytest
from fakeaws import FakeAws

TOPIC = {"Type": "AWS::SNS::Topic"}
QUEUE = {"Type": "AWS::SQS::Queue"}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    """The fake; at the end it must not have been brought into a state that cannot be."""
    with FakeAws() as fake:
        yield fake
        fake.check()


@pytest.fixture
def api(aws: FakeAws) -> Any:
    """A CloudFormation client."""
    return aws.client("cloudformation")


def template(resources: dict[str, Any], **sections: Any) -> str:
    return json.dumps({"Resources": resources, **sections})


def change_set(
    aws: FakeAws, api: Any, body: str, kind: str = "CREATE", stack: str = "app", **more: Any
) -> dict[str, Any]:
    """Create a change set, let it settle, and describe it."""
    name = more.pop("ChangeSetName", f"set-{len(aws.calls)}")
    made = api.create_change_set(StackName=stack, ChangeSetName=name, ChangeSetType=kind, TemplateBody=body, **more)
    aws.clock.advance(10)
    described: dict[str, Any] = api.describe_change_set(ChangeSetName=made["Id"])
    return described


def run(aws: FakeAws, api: Any, body: str, kind: str = "CREATE", stack: str = "app", **more: Any) -> str:
    """Create and execute a change set; gives the stack's final status."""
    execute = {key: more.pop(key) for key in ("DisableRollback", "ClientRequestToken") if key in more}
    made = change_set(aws, api, body, kind, stack, **more)
    assert made["ExecutionStatus"] == "AVAILABLE", made.get("StatusReason")
    api.execute_change_set(ChangeSetName=made["ChangeSetId"], **execute)
    aws.clock.settle()
    return status(api, stack)


def describe(api: Any, stack: str = "app") -> dict[str, Any]:
    found: dict[str, Any] = api.describe_stacks(StackName=stack)["Stacks"][0]
    return found


def status(api: Any, stack: str = "app") -> str:
    return str(describe(api, stack)["StackStatus"])


def events(api: Any, stack: str = "app") -> list[tuple[str, str]]:
    """All events, oldest first: logical id and status."""
    pages = api.get_paginator("describe_stack_events").paginate(StackName=stack)
    rows = [(e["LogicalResourceId"], e["ResourceStatus"]) for page in pages for e in page["StackEvents"]]
    return rows[::-1]


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(botocore.exceptions.ClientError, match=rf"\({code}\).*{text}")


# --- creating --------------------------------------------------------------------------------------------------------


def test_a_change_set_creates_a_stack_with_outputs_tags_and_events(aws: FakeAws, api: Any) -> None:
    """REVIEW_IN_PROGRESS, then CREATE_IN_PROGRESS to CREATE_COMPLETE, in the order of the references."""
    body = template(
        {"Jobs": QUEUE, "News": {**TOPIC, "Properties": {"DisplayName": {"Fn::GetAtt": ["Jobs", "Arn"]}}}},
        Outputs={"Url": {"Value": {"Ref": "Jobs"}, "Description": "where"}},
    )
    made = change_set(aws, api, body, Tags=[{"Key": "team", "Value": "a"}])
    assert status(api) == "REVIEW_IN_PROGRESS"
    assert [c["ResourceChange"]["Action"] for c in made["Changes"]] == ["Add", "Add"]
    api.execute_change_set(ChangeSetName=made["ChangeSetId"], ClientRequestToken="token-1")
    assert status(api) == "CREATE_IN_PROGRESS"
    aws.clock.settle()
    stack = describe(api)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["ChangeSetId"] == made["ChangeSetId"]
    assert stack["Tags"] == [{"Key": "team", "Value": "a"}]
    assert stack["Outputs"][0]["OutputValue"].startswith("https://sqs.us-east-1.amazonaws.com/111122223333/app-Jobs-")
    assert events(api)[1:] == [
        ("app", "CREATE_IN_PROGRESS"),
        ("Jobs", "CREATE_IN_PROGRESS"),
        ("Jobs", "CREATE_IN_PROGRESS"),
        ("Jobs", "CREATE_COMPLETE"),
        ("News", "CREATE_IN_PROGRESS"),
        ("News", "CREATE_IN_PROGRESS"),
        ("News", "CREATE_COMPLETE"),
        ("app", "CREATE_COMPLETE"),
    ]


def test_a_failed_creation_rolls_back_and_cancels_what_was_running(aws: FakeAws, api: Any) -> None:
    """The first failure has its own reason; the other resource reads "Resource creation cancelled"."""
    aws.fail("Bad", "no capacity", after=5)
    aws.slow("Slow", 60)
    assert run(aws, api, template({"Bad": TOPIC, "Slow": QUEUE, "Done": QUEUE})) == "ROLLBACK_COMPLETE"
    rows = api.describe_stack_events(StackName="app")["StackEvents"][::-1]
    failed = [
        (e["LogicalResourceId"], e["ResourceStatusReason"]) for e in rows if e["ResourceStatus"] == "CREATE_FAILED"
    ]
    assert failed == [("Bad", "no capacity"), ("Slow", "Resource creation cancelled")]
    deleted = {e["LogicalResourceId"] for e in rows if e["ResourceStatus"] == "DELETE_COMPLETE"}
    assert deleted == {"Bad", "Slow", "Done"}
    with refused("ValidationError", "is in ROLLBACK_COMPLETE state and can not be updated"):
        change_set(aws, api, template({"Bad": QUEUE}), "UPDATE")
