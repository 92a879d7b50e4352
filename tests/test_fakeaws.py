"""The scripted fake of AWS, seen through a real boto3 client: each behaviour its docstring promises."""

from __future__ import annotations

import io
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
    """The fake over HTTP; at the end it must not have been brought into a state that cannot be."""
    with FakeAws(over_http=True) as fake:
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


def test_a_failed_creation_stays_when_rollback_is_disabled_and_can_be_continued(aws: FakeAws, api: Any) -> None:
    """CREATE_FAILED keeps what was built; an update without rollback goes on from there, RollbackStack cleans up."""
    aws.fail("Bad", times=1)
    body = template({"Bad": {**TOPIC, "DependsOn": "Good"}, "Good": QUEUE})
    assert run(aws, api, body, DisableRollback=True) == "CREATE_FAILED"
    built = aws.stack("app").resources["Good"].physical_id
    made = change_set(aws, api, body, "UPDATE")
    with refused("ValidationError", "non-terminal .CREATE_FAILED. state"):
        api.execute_change_set(ChangeSetName=made["ChangeSetId"])
    assert run(aws, api, body, "UPDATE", DisableRollback=True) == "UPDATE_COMPLETE"
    assert aws.stack("app").resources["Good"].physical_id == built


def test_what_a_failed_creation_leaves_is_said_once(aws: FakeAws, api: Any) -> None:
    """OnStackFailure in the change set is about creations only, and excludes DisableRollback at the execution."""
    aws.fail("Bad")
    made = change_set(aws, api, template({"Bad": TOPIC}), OnStackFailure="DO_NOTHING")
    with refused("ValidationError", "OnStackFailure"):
        api.execute_change_set(ChangeSetName=made["ChangeSetId"], DisableRollback=True)
    api.execute_change_set(ChangeSetName=made["ChangeSetId"])
    aws.clock.settle()
    assert status(api) == "CREATE_FAILED"
    run(aws, api, template({"Jobs": QUEUE}), stack="other")
    body = template({"Jobs": QUEUE, "Bad": TOPIC})
    assert run(aws, api, body, "UPDATE", "other", OnStackFailure="DO_NOTHING") == "UPDATE_ROLLBACK_COMPLETE"


def test_rollback_stack_undoes_a_failed_creation(aws: FakeAws, api: Any) -> None:
    """From CREATE_FAILED everything is deleted, the stack too unless the switch says otherwise; else it is refused."""
    aws.settings.rollback_deletes_what_never_was = False
    aws.fail("Bad")
    run(aws, api, template({"Bad": {**TOPIC, "DependsOn": "Good"}, "Good": QUEUE}), DisableRollback=True)
    api.rollback_stack(StackName="app")
    aws.clock.settle()
    assert status(api) == "ROLLBACK_COMPLETE"
    assert aws.stack("app").resources["Good"].status == "DELETE_COMPLETE"
    with refused("ValidationError", "RollbackStack cannot be called"):
        api.rollback_stack(StackName="app")


def test_a_failed_creation_is_deleted_when_asked(aws: FakeAws, api: Any) -> None:
    """OnStackFailure DELETE leaves no stack of that name."""
    aws.fail("Bad")
    made = change_set(aws, api, template({"Bad": TOPIC}), OnStackFailure="DELETE")
    api.execute_change_set(ChangeSetName=made["ChangeSetId"])
    aws.clock.settle()
    with refused("ValidationError", "Stack with id app does not exist"):
        describe(api)
    assert describe(api, made["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_protected_resource_makes_the_rollback_of_a_creation_fail(aws: FakeAws, api: Any) -> None:
    """A database cluster with deletion protection cannot be deleted by the rollback: ROLLBACK_FAILED."""
    cluster = {"Type": "AWS::RDS::DBCluster", "Properties": {"Engine": "aurora-postgresql", "DeletionProtection": True}}
    aws.fail("Bad", after=10)
    assert run(aws, api, template({"Bad": TOPIC, "Db": cluster})) == "ROLLBACK_FAILED"
    assert "Cannot delete protected Cluster" in aws.stack("app").resources["Db"].reason


def test_a_rollback_keeps_what_is_retained_unless_told_otherwise(aws: FakeAws, api: Any) -> None:
    """Retain outlives the rollback of its own creation; RetainExceptOnCreate, policy or parameter, does not."""
    kept = {**QUEUE, "DeletionPolicy": "Retain"}
    aws.fail("Bad", after=10)
    for stack, policy, parameter, ended in (
        ("a", "Retain", False, "DELETE_SKIPPED"),
        ("b", "RetainExceptOnCreate", False, "DELETE_COMPLETE"),
        ("c", "Retain", True, "DELETE_COMPLETE"),
    ):
        made = change_set(aws, api, template({"Bad": TOPIC, "Kept": {**kept, "DeletionPolicy": policy}}), stack=stack)
        api.execute_change_set(ChangeSetName=made["ChangeSetId"], RetainExceptOnCreate=parameter)
        aws.clock.settle()
        assert aws.stack(stack).resources["Kept"].status == ended


def test_a_name_that_is_taken_fails_the_resource(aws: FakeAws, api: Any) -> None:
    """Two stacks cannot both have a queue of one name; a deleted one frees it."""
    named = template({"Jobs": {**QUEUE, "Properties": {"QueueName": "jobs"}}})
    assert run(aws, api, named) == "CREATE_COMPLETE"
    assert run(aws, api, named, stack="other") == "ROLLBACK_COMPLETE"
    assert "already exists" in aws.stack("other").resources["Jobs"].reason
    api.delete_stack(StackName="app")
    aws.clock.settle()
    assert run(aws, api, named, stack="third") == "CREATE_COMPLETE"


# --- updating --------------------------------------------------------------------------------------------------------


def test_an_update_in_place_keeps_the_resource_and_a_replacement_makes_a_new_one_first(aws: FakeAws, api: Any) -> None:
    """Create-only properties replace: the old resource is deleted in the cleanup, after UPDATE_COMPLETE of the new."""
    run(aws, api, template({"Jobs": {**QUEUE, "Properties": {"DelaySeconds": 1}}}))
    first = aws.stack("app").resources["Jobs"].physical_id
    run(aws, api, template({"Jobs": {**QUEUE, "Properties": {"DelaySeconds": 2}}}), "UPDATE")
    assert aws.stack("app").resources["Jobs"].physical_id == first
    named = template({"Jobs": {**QUEUE, "Properties": {"QueueName": "jobs"}}})
    made = change_set(aws, api, named, "UPDATE")
    change = made["Changes"][0]["ResourceChange"]
    assert (change["Action"], change["Replacement"], change["PolicyAction"]) == ("Modify", "True", "ReplaceAndDelete")
    start = len(events(api))
    assert run(aws, api, named, "UPDATE") == "UPDATE_COMPLETE"
    assert aws.stack("app").resources["Jobs"].physical_id != first
    assert events(api)[start:] == [
        ("app", "UPDATE_IN_PROGRESS"),
        ("Jobs", "UPDATE_IN_PROGRESS"),
        ("Jobs", "UPDATE_IN_PROGRESS"),
        ("Jobs", "UPDATE_COMPLETE"),
        ("app", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Jobs", "DELETE_IN_PROGRESS"),
        ("Jobs", "DELETE_COMPLETE"),
        ("app", "UPDATE_COMPLETE"),
    ]


def test_what_refers_to_a_replaced_resource_changes_for_certain(aws: FakeAws, api: Any) -> None:
    """Static, although the value is known only after the execution (recorded: tests/conformance): what has it as a
    create-only property is replaced.
    """
    alias = {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/a", "TargetKeyId": {"Ref": "Jobs"}}}
    before = {
        "Jobs": QUEUE,
        "Use": alias,
        "Sub": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::GetAtt": ["Jobs", "QueueName"]}}},
    }
    run(aws, api, template(before))
    renamed = {**QUEUE, "Properties": {"QueueName": "jobs"}}
    made = change_set(aws, api, template({**before, "Jobs": renamed}), "UPDATE")
    changes = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in made["Changes"]}
    assert (changes["Use"]["Replacement"], changes["Sub"]["Replacement"]) == ("False", "True")
    detail = changes["Use"]["Details"][0]
    assert (detail["Evaluation"], detail["ChangeSource"], detail["CausingEntity"]) == (
        "Static",
        "ResourceReference",
        "Jobs",
    )


def test_what_may_follow_an_attribute_of_what_changes_in_place_is_listed_without_values_alone(
    aws: FakeAws, api: Any
) -> None:
    """Nor is what refers to that evaluated as if it were replaced: with values AWS takes the present attribute."""

    def service(tasks: int) -> str:
        target = {"ResourceId": {"Fn::Sub": "service/main/${Service.Name}"}, "MinCapacity": 1, "MaxCapacity": 2}
        return template({
            "Service": {"Type": "AWS::ECS::Service", "Properties": {"DesiredCount": tasks}},
            "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target},
            "Policy": {
                "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
                "Properties": {"PolicyName": "cpu", "PolicyType": "x", "ScalingTargetId": {"Ref": "Target"}},
            },
        })  # fmt: skip

    run(aws, api, service(1))
    made = change_set(aws, api, service(2), "UPDATE")
    valued = api.describe_change_set(ChangeSetName=made["ChangeSetId"], IncludePropertyValues=True)
    rows = made["Changes"], valued["Changes"]
    named = [{row["ResourceChange"]["LogicalResourceId"]: row["ResourceChange"] for row in some} for some in rows]
    assert {name: row["Replacement"] for name, row in named[0].items()} == {
        "Service": "False", "Target": "Conditional", "Policy": "Conditional",
    }  # fmt: skip
    [detail] = named[0]["Policy"]["Details"]
    assert (detail["Evaluation"], detail["ChangeSource"], detail["CausingEntity"]) == (
        "Dynamic", "ResourceReference", "Target",
    )  # fmt: skip
    assert not any(row["Details"] for name, row in named[1].items() if name != "Service")


def test_a_failed_update_rolls_back_to_what_was_there(aws: FakeAws, api: Any) -> None:
    """UPDATE_ROLLBACK_COMPLETE: properties, ids, outputs and parameters are the old ones, new resources gone."""
    parameters = {"Delay": {"Type": "Number", "Default": 1}}
    old = {"Jobs": {**QUEUE, "Properties": {"DelaySeconds": {"Ref": "Delay"}}}, "News": TOPIC}
    outputs = {"Jobs": {"Value": {"Ref": "Jobs"}}}
    run(aws, api, template(old, Parameters=parameters, Outputs=outputs))
    before = describe(api)
    aws.fail("Last", "too many", after=5)
    new = {
        "Jobs": {**QUEUE, "Properties": {"DelaySeconds": {"Ref": "Delay"}, "QueueName": "jobs"}},
        "News": {**TOPIC, "Properties": {"DisplayName": "x"}},
        "Last": {**TOPIC, "DependsOn": "Jobs"},
    }
    body = template(new, Parameters=parameters, Outputs=outputs)
    given = [{"ParameterKey": "Delay", "ParameterValue": "9"}]
    assert run(aws, api, body, "UPDATE", Parameters=given) == "UPDATE_ROLLBACK_COMPLETE"
    after = describe(api)
    assert (after["Outputs"], after["Parameters"]) == (before["Outputs"], before["Parameters"])
    assert set(aws.stack("app").resources) == {"Jobs", "News"}
    assert aws.stack("app").resources["Jobs"].properties == {"DelaySeconds": "1"}
    assert ("app", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS") in events(api)
    assert change_set(aws, api, template(old, Parameters=parameters, Outputs=outputs), "UPDATE")["Status"] == "FAILED"


def test_a_rollback_that_fails_goes_on_with_explicit_skips_only(aws: FakeAws, api: Any) -> None:
    """UPDATE_ROLLBACK_FAILED; skipping a resource that did not fail is refused; skipping the failed one completes."""
    run(aws, api, template({"Jobs": QUEUE, "News": TOPIC}))
    aws.fail("News", on="update", after=9)
    aws.fail("Jobs", "gone", on="rollback")
    new = {"Jobs": {**QUEUE, "Properties": {"DelaySeconds": 2}}, "News": {**TOPIC, "Properties": {"DisplayName": "x"}}}
    assert run(aws, api, template(new), "UPDATE") == "UPDATE_ROLLBACK_FAILED"
    assert describe(api)["StackStatusReason"] == "The following resource(s) failed to update: [Jobs]. "
    with refused("ValidationError", "can not be updated"):
        change_set(aws, api, template(new), "UPDATE")
    with refused("ValidationError", "News. is not in UPDATE_FAILED"):
        api.continue_update_rollback(StackName="app", ResourcesToSkip=["News"])
    api.continue_update_rollback(StackName="app")
    aws.clock.settle()
    assert status(api) == "UPDATE_ROLLBACK_FAILED"
    api.continue_update_rollback(StackName="app", ResourcesToSkip=["Jobs"], ClientRequestToken="again")
    aws.clock.settle()
    assert status(api) == "UPDATE_ROLLBACK_COMPLETE"
    last = api.describe_stack_events(StackName="app")["StackEvents"][0]
    assert last["ClientRequestToken"] == "again"


def test_update_failed_without_rollback_can_be_repaired_or_rolled_back(aws: FakeAws, api: Any) -> None:
    """UPDATE_FAILED keeps what was updated; RollbackStack goes back over both attempts."""
    run(aws, api, template({"Jobs": QUEUE, "News": TOPIC}))
    aws.fail("News", on="update", after=9)
    new = {"Jobs": {**QUEUE, "Properties": {"DelaySeconds": 2}}, "News": {**TOPIC, "Properties": {"DisplayName": "x"}}}
    assert run(aws, api, template(new), "UPDATE", DisableRollback=True) == "UPDATE_FAILED"
    assert aws.stack("app").resources["Jobs"].properties == {"DelaySeconds": 2}
    new["Jobs"] = {**QUEUE, "Properties": {"DelaySeconds": 3}}
    assert run(aws, api, template(new), "UPDATE", DisableRollback=True) == "UPDATE_FAILED"
    api.rollback_stack(StackName="app")
    aws.clock.settle()
    assert status(api) == "UPDATE_ROLLBACK_COMPLETE"
    assert aws.stack("app").resources["Jobs"].properties == {}


def test_an_update_can_be_cancelled_only_while_it_runs(aws: FakeAws, api: Any) -> None:
    """CancelUpdateStack: what runs is cancelled, the update rolled back; in any other status it is refused."""
    run(aws, api, template({"Jobs": QUEUE}))
    with refused("ValidationError", "CancelUpdateStack cannot be called from current stack status"):
        api.cancel_update_stack(StackName="app")
    made = change_set(aws, api, template({"Jobs": {**QUEUE, "Properties": {"DelaySeconds": 2}}}), "UPDATE")
    aws.slow("Jobs", 600, on="update")
    api.execute_change_set(ChangeSetName=made["ChangeSetId"])
    aws.clock.advance(60)
    api.cancel_update_stack(StackName="app")
    aws.mend()
    aws.clock.settle()
    assert status(api) == "UPDATE_ROLLBACK_COMPLETE"
    assert aws.stack("app").resources["Jobs"].properties == {}
    assert api.describe_change_set(ChangeSetName=made["ChangeSetId"])["ExecutionStatus"] == "EXECUTE_FAILED"


def test_a_failed_cleanup_leaves_the_update_complete_and_says_so(aws: FakeAws, api: Any) -> None:
    """UPDATE_COMPLETE with a reason; the old physical resource is left behind."""
    run(aws, api, template({"Jobs": QUEUE, "Old": TOPIC}))
    aws.fail("Old", "in use", on="delete")
    assert run(aws, api, template({"Jobs": QUEUE}), "UPDATE") == "UPDATE_COMPLETE"
    assert "could not be deleted" in describe(api)["StackStatusReason"]
    assert ("Old", "DELETE_FAILED") in events(api)
    assert [orphan.logical_id for orphan in aws.stack("app").orphans] == ["Old"]


def test_a_stack_policy_refuses_replacement(aws: FakeAws, api: Any) -> None:
    """Update:Replace is denied: the resource fails and the update rolls back; Update:Modify stays allowed."""
    run(aws, api, template({"Jobs": QUEUE}))
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": "Update:Replace", "Resource": "LogicalResourceId/Jobs"},
    ]
    api.set_stack_policy(StackName="app", StackPolicyBody=json.dumps({"Statement": statements}))
    assert json.loads(api.get_stack_policy(StackName="app")["StackPolicyBody"])["Statement"] == statements
    assert (
        run(aws, api, template({"Jobs": {**QUEUE, "Properties": {"DelaySeconds": 2}}}), "UPDATE") == "UPDATE_COMPLETE"
    )
    named = template({"Jobs": {**QUEUE, "Properties": {"QueueName": "jobs"}}})
    assert run(aws, api, named, "UPDATE") == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [e.get("ResourceStatusReason", "") for e in api.describe_stack_events(StackName="app")["StackEvents"]]
    assert any(reason.startswith("Action denied by stack policy: Statement [#2]") for reason in reasons)


def test_a_stack_policy_refuses_removal(aws: FakeAws, api: Any) -> None:
    """Update:Delete is denied: the update rolls back and the resource stays."""
    run(aws, api, template({"Jobs": QUEUE, "News": TOPIC}))
    deny = {"Effect": "Deny", "Principal": "*", "Action": "Update:Delete", "Resource": "LogicalResourceId/Jobs"}
    allow = {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}
    api.set_stack_policy(StackName="app", StackPolicyBody=json.dumps({"Statement": [allow, deny]}))
    assert run(aws, api, template({"News": TOPIC}), "UPDATE") == "UPDATE_ROLLBACK_COMPLETE"
    assert aws.stack("app").resources["Jobs"].status == "UPDATE_COMPLETE"


# --- deleting --------------------------------------------------------------------------------------------------------


def test_deletion_goes_in_reverse_order_and_keeps_what_the_policy_keeps(aws: FakeAws, api: Any) -> None:
    """DELETE_SKIPPED for DeletionPolicy Retain; the stack is found by id only afterwards."""
    body = template(
        {
            "Jobs": QUEUE,
            "News": {**TOPIC, "DependsOn": "Jobs"},
            "Kept": {**QUEUE, "DeletionPolicy": "RetainExceptOnCreate"},
        }
    )
    run(aws, api, body)
    stack_id = describe(api)["StackId"]
    api.delete_stack(StackName="app", ClientRequestToken="bye")
    aws.clock.settle()
    with refused("ValidationError", "does not exist"):
        describe(api)
    deleted = [row for row in events(api, stack_id) if row[1] in ("DELETE_COMPLETE", "DELETE_SKIPPED")]
    assert deleted == [
        ("Kept", "DELETE_SKIPPED"),
        ("News", "DELETE_COMPLETE"),
        ("Jobs", "DELETE_COMPLETE"),
        ("app", "DELETE_COMPLETE"),
    ]
    assert api.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"][0]["StackId"] == stack_id
    assert run(aws, api, body) == "CREATE_COMPLETE"
    assert describe(api)["StackId"] != stack_id


def test_a_failed_deletion_is_repeated_with_the_resources_to_retain(aws: FakeAws, api: Any) -> None:
    """RetainResources is refused except from DELETE_FAILED."""
    run(aws, api, template({"Jobs": QUEUE}))
    with refused("ValidationError", "only allowed for stacks in the DELETE_FAILED"):
        api.delete_stack(StackName="app", RetainResources=["Jobs"])
    aws.fail("Jobs", "in use", on="delete")
    api.delete_stack(StackName="app")
    aws.clock.settle()
    assert status(api) == "DELETE_FAILED"
    api.delete_stack(StackName="app", RetainResources=["Jobs"])
    aws.clock.settle()
    assert aws.stack("app").status == "DELETE_COMPLETE"
    assert aws.stack("app").resources["Jobs"].status == "DELETE_SKIPPED"


def test_force_delete_leaves_what_will_not_go(aws: FakeAws, api: Any) -> None:
    """FORCE_DELETE_STACK from DELETE_FAILED ends in DELETE_COMPLETE."""
    run(aws, api, template({"Jobs": QUEUE}))
    aws.fail("Jobs", on="delete")
    api.delete_stack(StackName="app")
    aws.clock.settle()
    api.delete_stack(StackName="app", DeletionMode="FORCE_DELETE_STACK")
    aws.clock.settle()
    assert aws.stack("app").status == "DELETE_COMPLETE"


def test_termination_protection_refuses_deletion(aws: FakeAws, api: Any) -> None:
    """Until it is switched off."""
    run(aws, api, template({"Jobs": QUEUE}))
    api.update_termination_protection(StackName="app", EnableTerminationProtection=True)
    assert describe(api)["EnableTerminationProtection"] is True
    with refused("ValidationError", "TerminationProtection is enabled"):
        api.delete_stack(StackName="app")
    api.update_termination_protection(StackName="app", EnableTerminationProtection=False)
    api.delete_stack(StackName="app")
    aws.clock.settle()
    assert aws.stack("app").status == "DELETE_COMPLETE"


def test_an_export_in_use_can_neither_change_nor_go(aws: FakeAws, api: Any) -> None:
    """ListImports names who imports; deletion is refused, an update that changes the value fails."""
    producer = template({"Jobs": QUEUE}, Outputs={"Url": {"Value": {"Ref": "Jobs"}, "Export": {"Name": "jobs-url"}}})
    run(aws, api, producer, stack="producer")
    user = {**TOPIC, "Properties": {"DisplayName": {"Fn::ImportValue": "jobs-url"}}}
    run(aws, api, template({"News": user}), stack="consumer")
    assert api.list_imports(ExportName="jobs-url")["Imports"] == ["consumer"]
    with refused("ValidationError", "jobs-url cannot be deleted as it is in use by consumer"):
        api.delete_stack(StackName="producer")
    changed = producer.replace('"AWS::SQS::Queue"', '"AWS::SQS::Queue", "Properties": {"QueueName": "new"}')
    assert run(aws, api, changed, "UPDATE", stack="producer") == "UPDATE_ROLLBACK_COMPLETE"
    with refused("ValidationError", "not imported"):
        api.list_imports(ExportName="other")


# --- change sets -----------------------------------------------------------------------------------------------------


def test_a_change_set_goes_through_its_statuses(aws: FakeAws, api: Any) -> None:
    """CREATE_PENDING, CREATE_IN_PROGRESS, then CREATE_COMPLETE and AVAILABLE."""
    made = api.create_change_set(
        StackName="app", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=template({"Jobs": QUEUE})
    )
    seen = []
    for _ in range(4):
        found = api.describe_change_set(ChangeSetName=made["Id"])
        seen.append((found["Status"], found["ExecutionStatus"]))
        aws.clock.advance(1)
    assert seen[0] == ("CREATE_PENDING", "UNAVAILABLE")
    assert seen[1] == ("CREATE_IN_PROGRESS", "UNAVAILABLE")
    assert seen[3] == ("CREATE_COMPLETE", "AVAILABLE")


@pytest.mark.parametrize(
    ("sections", "text"),
    [
        ({}, "The submitted information didn't contain changes."),
        ({"Transform": "AWS::LanguageExtensions"}, "No updates are to be performed."),
    ],
)
def test_a_change_set_without_changes_fails_with_one_of_two_texts(
    aws: FakeAws, api: Any, sections: dict[str, Any], text: str
) -> None:
    """FAILED and UNAVAILABLE; with a transform the text is another."""
    body = template({"Jobs": QUEUE}, **sections)
    run(aws, api, body, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    made = change_set(aws, api, body, "UPDATE", Capabilities=["CAPABILITY_AUTO_EXPAND"])
    assert (made["Status"], made["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert made["StatusReason"].startswith(text)
    with refused("InvalidChangeSetStatus", "cannot be executed in its current status of .FAILED."):
        api.execute_change_set(ChangeSetName=made["ChangeSetId"])


def test_changed_outputs_alone_are_executable_without_resource_changes(aws: FakeAws, api: Any) -> None:
    """Status decides, not the number of changes."""
    run(aws, api, template({"Jobs": QUEUE}))
    body = template({"Jobs": QUEUE}, Outputs={"Url": {"Value": {"Ref": "Jobs"}}})
    made = change_set(aws, api, body, "UPDATE")
    assert (made["Changes"], made["ExecutionStatus"]) == ([], "AVAILABLE")
    assert run(aws, api, body, "UPDATE") == "UPDATE_COMPLETE"
    assert "Url" in {output["OutputKey"] for output in describe(api)["Outputs"]}


def test_a_client_token_makes_creation_idempotent_and_a_taken_name_is_refused(aws: FakeAws, api: Any) -> None:
    """The same request with the same token gives the same set; another request with that name does not."""
    request = {
        "StackName": "app",
        "ChangeSetName": "one",
        "ChangeSetType": "CREATE",
        "TemplateBody": template({"Jobs": QUEUE}),
    }
    first = api.create_change_set(**request, ClientToken="t1")
    assert api.create_change_set(**request, ClientToken="t1")["Id"] == first["Id"]
    with refused("AlreadyExistsException"):
        api.create_change_set(**request, ClientToken="t2")
    with refused("AlreadyExistsException"):
        api.create_change_set(**{**request, "TemplateBody": template({"News": TOPIC})}, ClientToken="t1")
    assert len(api.list_change_sets(StackName="app")["Summaries"]) == 1


def test_a_request_token_makes_execution_idempotent(aws: FakeAws, api: Any) -> None:
    """Executed once: a repeated request with the token is answered like the first, one without it is refused."""
    made = change_set(aws, api, template({"Jobs": QUEUE}))
    for _ in range(2):
        api.execute_change_set(ChangeSetName=made["ChangeSetId"], ClientRequestToken="t1")
    with refused("InvalidChangeSetStatus", "EXECUTE_IN_PROGRESS"):
        api.execute_change_set(ChangeSetName=made["ChangeSetId"])
    aws.clock.settle()
    api.execute_change_set(ChangeSetName=made["ChangeSetId"], ClientRequestToken="t1")
    assert api.describe_change_set(ChangeSetName=made["ChangeSetId"])["ExecutionStatus"] == "EXECUTE_COMPLETE"
    assert events(api).count(("app", "CREATE_IN_PROGRESS")) == 1


def test_executing_a_set_makes_the_others_obsolete_and_deletes_them(aws: FakeAws, api: Any) -> None:
    """OBSOLETE at once, then gone; a set of another stack stays."""
    run(aws, api, template({"Jobs": QUEUE}))
    chosen = change_set(aws, api, template({"News": TOPIC}), "UPDATE")
    other = change_set(aws, api, template({"Jobs": QUEUE, "News": TOPIC}), "UPDATE")
    api.execute_change_set(ChangeSetName=chosen["ChangeSetId"])
    assert api.describe_change_set(ChangeSetName=other["ChangeSetId"])["ExecutionStatus"] == "OBSOLETE"
    with refused("InvalidChangeSetStatus", "OBSOLETE"):
        api.execute_change_set(ChangeSetName=other["ChangeSetId"])
    aws.clock.settle()
    with refused("ChangeSetNotFound"):
        api.describe_change_set(ChangeSetName=other["ChangeSetId"])


def test_an_update_by_somebody_else_makes_a_set_obsolete(aws: FakeAws, api: Any) -> None:
    """UpdateStack changed the stack after the set was made: it cannot be executed any more."""
    run(aws, api, template({"Jobs": QUEUE}))
    made = change_set(aws, api, template({"News": TOPIC}), "UPDATE")
    api.update_stack(StackName="app", TemplateBody=template({"Jobs": QUEUE, "Third": TOPIC}))
    aws.clock.settle()
    with refused("InvalidChangeSetStatus", "OBSOLETE"):
        api.execute_change_set(ChangeSetName=made["ChangeSetId"])


def test_a_stack_runs_one_operation_at_a_time(aws: FakeAws, api: Any) -> None:
    """While it updates, no change set can be made and it cannot be deleted."""
    run(aws, api, template({"Jobs": QUEUE}))
    aws.slow("News", 100)
    made = change_set(aws, api, template({"Jobs": QUEUE, "News": TOPIC}), "UPDATE")
    api.execute_change_set(ChangeSetName=made["ChangeSetId"])
    with refused("ValidationError", "is in UPDATE_IN_PROGRESS state and can not be updated"):
        change_set(aws, api, template({"Jobs": QUEUE}), "UPDATE")
    with refused("ValidationError", "can not be deleted"):
        api.delete_stack(StackName="app")
    aws.clock.settle()


def test_describing_a_change_set_pages_and_gives_values_on_request(aws: FakeAws, api: Any) -> None:
    """Pages of two; contexts and before/after values only with IncludePropertyValues."""
    aws.settings.page_sizes["DescribeChangeSet"] = 2
    names = [f"Queue{number}" for number in range(5)]
    run(aws, api, template(dict.fromkeys(names, QUEUE)))
    changed = template({name: {**QUEUE, "Properties": {"DelaySeconds": 3}} for name in names})
    made = change_set(aws, api, changed, "UPDATE")
    paginator = api.get_paginator("describe_change_set")
    pages = list(paginator.paginate(ChangeSetName=made["ChangeSetId"], IncludePropertyValues=True))
    assert [len(page["Changes"]) for page in pages] == [2, 2, 1]
    assert [c["ResourceChange"]["LogicalResourceId"] for page in pages for c in page["Changes"]] == names
    change = pages[0]["Changes"][0]["ResourceChange"]
    assert json.loads(change["AfterContext"])["Properties"] == {"DelaySeconds": 3}
    assert change["Details"][0]["Target"]["AfterValue"] == "3"
    plain = made["Changes"][0]["ResourceChange"]
    assert "AfterContext" not in plain
    assert "AfterValue" not in plain["Details"][0]["Target"]


def test_property_values_may_leave_a_resource_out(aws: FakeAws, api: Any) -> None:
    """Only StatusReason says so; without property values it is listed."""
    made = change_set(aws, api, template({"Jobs": QUEUE, "News": TOPIC}))
    aws.settings.hide_from_property_values = {"News"}
    valued = api.describe_change_set(ChangeSetName=made["ChangeSetId"], IncludePropertyValues=True)
    assert [c["ResourceChange"]["LogicalResourceId"] for c in valued["Changes"]] == ["Jobs"]
    assert valued["StatusReason"].startswith("[WARN]")
    plain = api.describe_change_set(ChangeSetName=made["ChangeSetId"])
    assert len(plain["Changes"]) == 2


def test_a_parameter_change_is_caused_by_that_parameter(aws: FakeAws, api: Any) -> None:
    """ChangeSource ParameterReference with the parameter's name."""
    body = template(
        {"Jobs": {**QUEUE, "Properties": {"DelaySeconds": {"Ref": "Delay"}}}},
        Parameters={"Delay": {"Type": "Number", "Default": 1}},
    )
    run(aws, api, body)
    made = change_set(aws, api, body, "UPDATE", Parameters=[{"ParameterKey": "Delay", "ParameterValue": "2"}])
    detail = made["Changes"][0]["ResourceChange"]["Details"][0]
    assert (detail["ChangeSource"], detail["CausingEntity"], detail["Evaluation"]) == (
        "ParameterReference",
        "Delay",
        "Static",
    )


def test_a_changed_stack_tag_reaches_taggable_resources(aws: FakeAws, api: Any) -> None:
    """Scope Tags; types without tags stay out of it."""
    permission = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Jobs"}], "PolicyDocument": {}}}
    body = template({"Jobs": QUEUE, "Policy": permission})
    run(aws, api, body, Tags=[{"Key": "a", "Value": "1"}])
    made = change_set(aws, api, body, "UPDATE", Tags=[{"Key": "a", "Value": "2"}])
    rows = [(c["ResourceChange"]["LogicalResourceId"], c["ResourceChange"]["Scope"]) for c in made["Changes"]]
    assert rows == [("Jobs", ["Tags"])]


def test_early_validation_fails_the_set_and_describe_events_says_where(aws: FakeAws, api: Any) -> None:
    """The reason points to DescribeEvents, which gives the property path."""
    aws.settings.early_validation["Jobs"] = ("/Resources/Jobs/Properties/DelaySeconds", "expected type: Integer")
    made = change_set(aws, api, template({"Jobs": QUEUE}))
    assert made["Status"] == "FAILED"
    assert "AWS::EarlyValidation" in made["StatusReason"]
    found = api.describe_events(ChangeSetName=made["ChangeSetId"], Filters={"FailedEvents": True})["OperationEvents"]
    assert found[0]["EventType"] == "VALIDATION_ERROR"
    assert found[0]["ValidationPath"] == "/Resources/Jobs/Properties/DelaySeconds"


def test_change_sets_are_limited_per_stack(aws: FakeAws, api: Any) -> None:
    """LimitExceededException; deleting one makes room."""
    aws.settings.change_set_limit = 2
    body = template({"Jobs": QUEUE})
    first = change_set(aws, api, body)
    change_set(aws, api, body)
    with refused("LimitExceededException"):
        change_set(aws, api, body)
    api.delete_change_set(ChangeSetName=first["ChangeSetId"])
    change_set(aws, api, body)


# --- refusals --------------------------------------------------------------------------------------------------------


def test_kind_and_presence_of_the_stack_must_agree(aws: FakeAws, api: Any) -> None:
    """CREATE of what exists, UPDATE of what does not or is only under review."""
    body = template({"Jobs": QUEUE})
    with refused("ValidationError", r"Stack .app. does not exist"):
        change_set(aws, api, body, "UPDATE")
    change_set(aws, api, body)
    with refused("ValidationError", r"Stack .app. does not exist"):
        change_set(aws, api, body, "UPDATE")
    assert run(aws, api, body) == "CREATE_COMPLETE"
    with refused("ValidationError", "already exists and cannot be created again"):
        change_set(aws, api, body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Resources: [", "Template format error"),
        ("[]", "Template format error"),
        (template({}), "At least one Resources member"),
        (template({"A": QUEUE}, Extra={}), r"Invalid template property or properties \[Extra\]"),
        (template({"A": {"Type": "AWS::No::Such"}}), r"Unrecognized resource types: \[AWS::No::Such\]"),
        (template({"A": {**QUEUE, "DependsOn": "B"}}), r"Unresolved resource dependencies \[B\]"),
        (
            template({"A": {**QUEUE, "Properties": {"X": {"Fn::Sub": "${B.Arn}"}}}}),
            r"Unresolved resource dependencies \[B\]",
        ),
        (template({"A": QUEUE}, Description="x" * 1025), "'Description' length"),
        (template({f"Q{number}": QUEUE for number in range(501)}), "501, is greater than maximum allowed, 500"),
        (template({"A": {**QUEUE, "Metadata": {"x": "y" * 51200}}}), "less than or equal to 51200"),
    ],
)
def test_a_template_that_cannot_be_is_refused(aws: FakeAws, api: Any, body: str, text: str) -> None:
    """At CreateChangeSet, before anything exists."""
    with refused("ValidationError", text):
        change_set(aws, api, body)
    assert api.list_stacks()["StackSummaries"] == []


@pytest.mark.parametrize(
    ("role", "given", "needed"),
    [
        (ROLE, [], "CAPABILITY_IAM"),
        ({**ROLE, "Properties": {"RoleName": "r"}}, ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
    ],
)
def test_capabilities_are_demanded(aws: FakeAws, api: Any, role: dict[str, Any], given: list[str], needed: str) -> None:
    """InsufficientCapabilitiesException names the missing one; with it the set is made."""
    with refused("InsufficientCapabilitiesException", rf"Requires capabilities : \[{needed}\]"):
        change_set(aws, api, template({"Role": role}), Capabilities=given)
    assert change_set(aws, api, template({"Role": role}), Capabilities=[needed])["Capabilities"] == [needed]


def parameter(key: str, value: str | None = None, previous: bool = False) -> dict[str, Any]:
    return (
        {"ParameterKey": key, "UsePreviousValue": True} if previous else {"ParameterKey": key, "ParameterValue": value}
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([], r"Parameters: \[Name\] must have values"),
        ([parameter("Name", "a"), parameter("Other", "b")], r"Parameters: \[Other\] do not exist in the template"),
        ([parameter("Name", "z")], "'Name' must be one of AllowedValues"),
        ([parameter("Name", "a"), parameter("Free", "x" * 4097)], "4096"),
        ([parameter("Name", previous=True)], "usePreviousValue"),
    ],
)
def test_wrong_parameters_are_refused(aws: FakeAws, api: Any, given: list[dict[str, Any]], text: str) -> None:
    """Missing, unknown, not allowed, too long, or previous where there is none."""
    entries = {"Name": {"Type": "String", "AllowedValues": ["a", "b"]}, "Free": {"Type": "String", "Default": ""}}
    with refused("ValidationError", text):
        change_set(aws, api, template({"Jobs": QUEUE}, Parameters=entries), Parameters=given)


def test_previous_values_are_kept_and_noecho_is_masked(aws: FakeAws, api: Any) -> None:
    """UsePreviousValue keeps the secret, which reads ****; a parameter without value falls back to its default."""
    entries = {
        "Word": {"Type": "String", "NoEcho": True},
        "Tag": {"Type": "String", "Default": "none"},
    }
    body = template(
        {"News": {**TOPIC, "Properties": {"DisplayName": {"Fn::Join": ["-", [{"Ref": "Word"}, {"Ref": "Tag"}]]}}}},
        Parameters=entries,
    )
    run(aws, api, body, Parameters=[parameter("Word", "s3cret"), parameter("Tag", "v1")])
    shown = {p["ParameterKey"]: p["ParameterValue"] for p in describe(api)["Parameters"]}
    assert shown == {"Word": "****", "Tag": "v1"}
    kept = [parameter("Word", previous=True)]
    run(aws, api, body, "UPDATE", Parameters=kept)
    assert aws.stack("app").resources["News"].properties == {"DisplayName": "s3cret-none"}


def test_an_ssm_parameter_shows_its_name_and_what_it_resolves_to(aws: FakeAws, api: Any) -> None:
    """The value is read when the change set is made; a missing name is refused."""
    entries = {"Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/ami"}}
    aws.settings.ssm["/ami"] = "ami-1"
    body = template({"News": {**TOPIC, "Properties": {"DisplayName": {"Ref": "Image"}}}}, Parameters=entries)
    run(aws, api, body)
    assert describe(api)["Parameters"] == [
        {"ParameterKey": "Image", "ParameterValue": "/ami", "ResolvedValue": "ami-1"}
    ]
    assert aws.stack("app").resources["News"].properties == {"DisplayName": "ami-1"}
    with refused("ValidationError", "Unable to fetch parameters"):
        change_set(aws, api, body, "UPDATE", Parameters=[parameter("Image", "/missing")])


# --- intrinsics ------------------------------------------------------------------------------------------------------

YAML = """
Parameters:
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
  Tag: {Type: String, Default: ""}
Mappings:
  Sizes: {dev: {delay: 7}}
Conditions:
  HasTag: !Not [!Equals [!Ref Tag, ""]]
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      DelaySeconds: !FindInMap [Sizes, dev, delay]
      KmsMasterKeyId: !If [HasTag, !Ref Tag, !Ref AWS::NoValue]
  News:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: !Join ["-", [!Select [1, !Ref Zones], !Select [0, !GetAZs ""]]]
      DisplayName: !Sub ["${Who}@${Jobs.Arn} ${!literal} ${AWS::Region}", {Who: !Base64 me}]
  Extra:
    Type: AWS::SNS::Topic
    Condition: HasTag
Outputs:
  Cidrs: {Value: !Join ["|", !Cidr ["10.0.0.0/16", 2, 8]]}
  Parts: {Value: !Select [1, !Split [".", "x.y.z"]]}
  Extra: {Condition: HasTag, Value: !Ref Extra}
"""


def test_intrinsic_functions_of_a_yaml_template_are_evaluated(aws: FakeAws, api: Any) -> None:
    """Ref, GetAtt, Sub, Join, Select, Split, If, FindInMap, GetAZs, Cidr, Base64, NoValue, Conditions."""
    run(aws, api, YAML)
    resources = aws.stack("app").resources
    assert resources["Jobs"].properties == {"DelaySeconds": 7}
    assert resources["News"].properties["TopicName"] == "b-us-east-1a"
    name = resources["Jobs"].physical_id.rsplit("/", 1)[1]
    arn = f"arn:aws:sqs:us-east-1:111122223333:{name}"
    assert resources["News"].properties["DisplayName"] == f"bWU=@{arn} ${{literal}} us-east-1"
    assert set(resources) == {"Jobs", "News"}
    assert aws.stack("app").outputs == {"Cidrs": "10.0.0.0/24|10.0.1.0/24", "Parts": "y"}
    run(aws, api, YAML, "UPDATE", Parameters=[parameter("Tag", "v1")])
    assert set(aws.stack("app").resources) == {"Jobs", "News", "Extra"}


# --- nested stacks ---------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(aws: FakeAws) -> Any:
    """An S3 client; the bucket `code` exists."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="code")
    return s3


def put(bucket: Any, key: str, body: str) -> str:
    """Upload a template; gives its URL."""
    bucket.put_object(Bucket="code", Key=key, Body=body.encode())
    return f"https://code.s3.us-east-1.amazonaws.com/{key}"


def child(url: str, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url, **properties}}


def family(bucket: Any, delay: int = 1, display: str = "x") -> str:
    """A root with two children; the second takes an output of the first."""
    data = template(
        {"Jobs": {**QUEUE, "Properties": {"DelaySeconds": delay}}}, Outputs={"Url": {"Value": {"Ref": "Jobs"}}}
    )
    entries = {"Url": {"Type": "String"}}
    use = template(
        {"News": {**TOPIC, "Properties": {"DisplayName": {"Fn::Sub": display + "${Url}"}}}}, Parameters=entries
    )
    first = child(put(bucket, f"data-{delay}", data))
    url = put(bucket, f"use-{display}", use)
    second = child(url, Parameters={"Url": {"Fn::GetAtt": ["Data", "Outputs.Url"]}})
    return template({"Data": first, "Use": second})


def test_nested_stacks_are_created_in_order_with_their_parents_tags(aws: FakeAws, api: Any, bucket: Any) -> None:
    """Children have ParentId and RootId, take outputs of siblings, and carry the root's token in their events."""
    status_now = run(aws, api, family(bucket), Tags=[{"Key": "a", "Value": "b"}], ClientRequestToken="root-token")
    assert status_now == "CREATE_COMPLETE"
    rows = {r["LogicalResourceId"]: r for r in api.list_stack_resources(StackName="app")["StackResourceSummaries"]}
    use = describe(api, rows["Use"]["PhysicalResourceId"])
    assert use["StackName"].startswith("app-Use-")
    assert use["ParentId"] == use["RootId"] == describe(api)["StackId"]
    assert use["Tags"] == [{"Key": "a", "Value": "b"}]
    assert use["Parameters"][0]["ParameterValue"].startswith("https://sqs.")
    first = api.describe_stack_events(StackName=use["StackId"])["StackEvents"][-1]
    assert first["ClientRequestToken"] == "root-token"
    nested = [e for e in api.describe_stack_events(StackName="app")["StackEvents"] if e["LogicalResourceId"] == "Data"]
    assert nested[-1]["PhysicalResourceId"] == ""
    assert nested[-2]["PhysicalResourceId"] == rows["Data"]["PhysicalResourceId"]


def test_a_failing_child_fails_the_root_which_deletes_the_child(aws: FakeAws, api: Any, bucket: Any) -> None:
    """The root says "Embedded stack … was not …"; the events of the deleted child stay readable by its id."""
    aws.fail("News", "quota reached")
    assert run(aws, api, family(bucket)) == "ROLLBACK_COMPLETE"
    rows = api.describe_stack_events(StackName="app")["StackEvents"]
    failed = next(e for e in rows if e["ResourceStatus"] == "CREATE_FAILED")
    assert failed["ResourceStatusReason"].startswith("Embedded stack arn:aws:cloudformation")
    assert "failed to create: [News]" in failed["ResourceStatusReason"]
    inner = events(api, failed["PhysicalResourceId"])
    assert ("News", "CREATE_FAILED") in inner
    assert inner[-1][1] == "DELETE_COMPLETE"


def test_a_nested_change_set_has_a_set_for_every_child_even_an_unchanged_one(
    aws: FakeAws, api: Any, bucket: Any
) -> None:
    """The unchanged child's set is FAILED without changes and stays after the root's execution."""
    aws.settings.nested_placeholder = "resolved"
    run(aws, api, family(bucket))
    made = change_set(aws, api, family(bucket, delay=2), "UPDATE", IncludeNestedStacks=True)
    assert made["ExecutionStatus"] == "AVAILABLE"
    sets = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"]["ChangeSetId"] for c in made["Changes"]}
    data, use = (api.describe_change_set(ChangeSetName=sets[name]) for name in ("Data", "Use"))
    assert (data["Status"], data["ParentChangeSetId"], data["RootChangeSetId"]) == (
        "CREATE_COMPLETE",
        made["ChangeSetId"],
        made["ChangeSetId"],
    )
    assert [c["ResourceChange"]["LogicalResourceId"] for c in data["Changes"]] == ["Jobs"]
    assert use["Status"] == "FAILED"
    assert use["StatusReason"].startswith("The submitted information didn't contain changes")
    with refused("ValidationError", "nested change set"):
        api.delete_change_set(ChangeSetName=use["ChangeSetId"])
    api.execute_change_set(ChangeSetName=made["ChangeSetId"])
    aws.clock.settle()
    assert status(api) == "UPDATE_COMPLETE"
    assert status(api, data["StackId"]) == "UPDATE_COMPLETE"
    assert len(api.list_change_sets(StackName=use["StackId"])["Summaries"]) == 1


def test_a_nested_change_set_in_which_no_child_changes_fails(aws: FakeAws, api: Any, bucket: Any) -> None:
    """Without nested sets the same request is executable: every child is listed as a change that may be none."""
    aws.settings.nested_placeholder = "resolved"
    run(aws, api, family(bucket))
    assert change_set(aws, api, family(bucket), "UPDATE", IncludeNestedStacks=True)["Status"] == "FAILED"
    made = change_set(aws, api, family(bucket), "UPDATE")
    assert made["Status"] == "CREATE_COMPLETE"
    details = [c["ResourceChange"]["Details"][0] for c in made["Changes"]]
    assert {(d["Evaluation"], d["ChangeSource"]) for d in details} == {("Dynamic", "Automatic")}
    tagged = change_set(aws, api, family(bucket), "UPDATE", Tags=[{"Key": "a", "Value": "c"}])
    rows = [d for c in tagged["Changes"] for d in c["ResourceChange"]["Details"]]
    assert {d["Target"]["Attribute"] for d in rows} == {"Properties"}
    assert rows[0]["ChangeSource"] == "Automatic"


def test_a_failing_nested_set_is_named_by_the_root_only(aws: FakeAws, api: Any, bucket: Any) -> None:
    """The reason is in the child's set; the root says "Nested change set … was not successfully created"."""
    run(aws, api, family(bucket))
    aws.settings.fail_nested_change_set["Data"] = "Template error: something is wrong"
    made = change_set(aws, api, family(bucket, delay=2), "UPDATE", IncludeNestedStacks=True)
    assert made["Status"] == "FAILED"
    assert made["StatusReason"].startswith("Nested change set arn:")
    broken = next(
        c["ResourceChange"]["ChangeSetId"] for c in made["Changes"] if "Data" in c["ResourceChange"]["ChangeSetId"]
    )
    assert api.describe_change_set(ChangeSetName=broken)["StatusReason"] == "Template error: something is wrong"


def test_an_unexecuted_nested_creation_leaves_with_its_root_set(aws: FakeAws, api: Any, bucket: Any) -> None:
    """Children wait in REVIEW_IN_PROGRESS; deleting the root set takes time, and takes them along."""
    aws.settings.change_set_delete_seconds = 4
    made = change_set(aws, api, family(bucket), IncludeNestedStacks=True)
    assert len(api.list_stacks(StackStatusFilter=["REVIEW_IN_PROGRESS"])["StackSummaries"]) == 3
    api.delete_change_set(ChangeSetName=made["ChangeSetId"])
    assert api.describe_change_set(ChangeSetName=made["ChangeSetId"])["Status"] == "DELETE_PENDING"
    with refused("InvalidChangeSetStatus"):
        api.delete_change_set(ChangeSetName=made["ChangeSetId"])
    aws.clock.sleep(2)
    assert api.describe_change_set(ChangeSetName=made["ChangeSetId"])["Status"] == "DELETE_IN_PROGRESS"
    aws.clock.settle()
    with refused("ChangeSetNotFound"):
        api.describe_change_set(ChangeSetName=made["ChangeSetId"])
    api.delete_stack(StackName="app")
    aws.clock.settle()
    assert api.list_stacks(StackStatusFilter=["REVIEW_IN_PROGRESS"])["StackSummaries"] == []


def test_a_nested_creation_is_executed_into_the_stacks_under_review(aws: FakeAws, api: Any, bucket: Any) -> None:
    """The stacks that the change set made are the ones that are created."""
    made = change_set(aws, api, family(bucket), IncludeNestedStacks=True)
    review = {s["StackId"] for s in api.list_stacks(StackStatusFilter=["REVIEW_IN_PROGRESS"])["StackSummaries"]}
    api.execute_change_set(ChangeSetName=made["ChangeSetId"])
    aws.clock.settle()
    done = {s["StackId"] for s in api.list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"]}
    assert done == review


def test_a_failed_nested_update_rolls_back_the_whole_family(aws: FakeAws, api: Any, bucket: Any) -> None:
    """The child that had been updated goes back too; cleanup waits for the whole family."""
    run(aws, api, family(bucket))
    aws.fail("News", on="update", stack="app-Use")
    made = run(aws, api, family(bucket, delay=5, display="y"), "UPDATE", IncludeNestedStacks=True)
    assert made == "UPDATE_ROLLBACK_COMPLETE"
    rows = {r["LogicalResourceId"]: r for r in api.list_stack_resources(StackName="app")["StackResourceSummaries"]}
    data = aws.cloud.stacks[rows["Data"]["PhysicalResourceId"]]
    assert data.status == "UPDATE_ROLLBACK_COMPLETE"
    assert data.resources["Jobs"].properties == {"DelaySeconds": 1}
    reasons = [e.get("ResourceStatusReason", "") for e in api.describe_stack_events(StackName="app")["StackEvents"]]
    assert any("Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason" in reason for reason in reasons)


def test_a_nested_rollback_that_fails_is_continued_at_the_root(aws: FakeAws, api: Any, bucket: Any) -> None:
    """The nested resource is skipped as `ChildStack.LogicalId`."""
    run(aws, api, family(bucket))
    aws.fail("News", on="update")
    aws.fail("Jobs", on="rollback")
    made = run(aws, api, family(bucket, delay=5, display="y"), "UPDATE")
    assert made == "UPDATE_ROLLBACK_FAILED"
    rows = {r["LogicalResourceId"]: r for r in api.list_stack_resources(StackName="app")["StackResourceSummaries"]}
    data = aws.cloud.stacks[rows["Data"]["PhysicalResourceId"]]
    assert data.status == "UPDATE_ROLLBACK_FAILED"
    with refused("ValidationError"):
        api.continue_update_rollback(StackName=data.id)
    api.continue_update_rollback(StackName="app", ResourcesToSkip=[f"{data.name}.Jobs"])
    aws.clock.settle()
    assert (status(api), data.status) == ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


def test_deleting_the_root_deletes_the_children_in_reverse(aws: FakeAws, api: Any, bucket: Any) -> None:
    """And a child that cannot go makes the root DELETE_FAILED."""
    run(aws, api, family(bucket))
    aws.fail("Jobs", "in use", on="delete", times=1)
    api.delete_stack(StackName="app")
    aws.clock.settle()
    assert status(api) == "DELETE_FAILED"
    deleted = [row for row in events(api) if row[1].startswith("DELETE_") and row[1] != "DELETE_IN_PROGRESS"]
    assert deleted == [("Use", "DELETE_COMPLETE"), ("Data", "DELETE_FAILED"), ("app", "DELETE_FAILED")]
    api.delete_stack(StackName="app")
    aws.clock.settle()
    assert {s.status for s in aws.cloud.stacks.values()} == {"DELETE_COMPLETE"}


def test_a_template_that_cannot_be_read_is_refused(aws: FakeAws, api: Any, bucket: Any) -> None:
    """At CreateChangeSet for the root; as the resource's failure for a child."""
    with refused("ValidationError", "TemplateURL must reference a valid S3 object"):
        api.create_change_set(
            StackName="app",
            ChangeSetName="one",
            ChangeSetType="CREATE",
            TemplateURL="https://code.s3.us-east-1.amazonaws.com/missing",
        )
    body = template({"Data": child("https://code.s3.us-east-1.amazonaws.com/missing")})
    assert run(aws, api, body) == "ROLLBACK_COMPLETE"


# --- reading ---------------------------------------------------------------------------------------------------------


def test_events_come_by_page_newest_first_with_ties_and_late_ones(aws: FakeAws, api: Any) -> None:
    """Equal timestamps with unique ids; a late event is missing first and then appears in its place."""
    aws.settings.page_sizes["DescribeStackEvents"] = 3
    aws.settings.events_late_every, aws.settings.events_late_seconds = 4, 30
    run(aws, api, template({"Jobs": QUEUE, "News": TOPIC}))
    early = events(api)
    aws.clock.advance(60)
    pages = list(api.get_paginator("describe_stack_events").paginate(StackName="app"))
    rows = [e for page in pages for e in page["StackEvents"]]
    assert max(len(page["StackEvents"]) for page in pages) == 3
    assert len({e["EventId"] for e in rows}) == len(rows) == len(early) + 2
    stamps = [e["Timestamp"] for e in rows]
    assert stamps == sorted(stamps, reverse=True)
    assert len(set(stamps)) < len(stamps)


def test_a_page_token_holds_while_new_events_appear(aws: FakeAws, api: Any) -> None:
    """Events written between two pages shift nothing."""
    aws.settings.page_sizes["DescribeStackEvents"] = 4
    run(aws, api, template({"Jobs": QUEUE, "News": TOPIC}))
    first = api.describe_stack_events(StackName="app")
    rest = api.describe_stack_events(StackName="app", NextToken=first["NextToken"])["StackEvents"]
    api.delete_stack(StackName="app")
    again = api.describe_stack_events(StackName=first["StackEvents"][0]["StackId"], NextToken=first["NextToken"])
    assert [e["EventId"] for e in again["StackEvents"]] == [e["EventId"] for e in rest]
    aws.clock.settle()


def test_reads_may_be_stale_after_a_change(aws: FakeAws, api: Any) -> None:
    """Just after CreateChangeSet the stack is not there, just after ExecuteChangeSet it is still under review."""
    aws.settings.stale_reads = 2
    made = api.create_change_set(
        StackName="app", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=template({"Jobs": QUEUE})
    )
    for _ in range(2):
        with refused("ValidationError", "does not exist"):
            describe(api)
    assert status(api) == "REVIEW_IN_PROGRESS"
    aws.clock.advance(10)
    api.execute_change_set(ChangeSetName=made["Id"])
    assert [status(api) for _ in range(3)] == ["REVIEW_IN_PROGRESS", "REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS"]
    aws.clock.settle()


def test_lists_of_stacks_page(aws: FakeAws, api: Any) -> None:
    """DescribeStacks and ListStacks give every stack once, over pages."""
    aws.settings.page_sizes |= {"DescribeStacks": 2, "ListStacks": 2}
    for number in range(5):
        change_set(aws, api, template({"Jobs": QUEUE}), stack=f"app-{number}")
    described = [s["StackName"] for p in api.get_paginator("describe_stacks").paginate() for s in p["Stacks"]]
    listed = [s["StackName"] for p in api.get_paginator("list_stacks").paginate() for s in p["StackSummaries"]]
    assert sorted(described) == sorted(listed) == [f"app-{number}" for number in range(5)]


def test_templates_come_back_as_they_were_sent(aws: FakeAws, api: Any) -> None:
    """Of the stack the deployed one, of a change set the new one."""
    run(aws, api, YAML)
    new = YAML.replace("delay: 7", "delay: 8")
    made = change_set(aws, api, new, "UPDATE")
    assert api.get_template(StackName="app", TemplateStage="Original")["TemplateBody"] == YAML
    assert api.get_template(ChangeSetName=made["ChangeSetId"])["TemplateBody"] == new


def test_accounts_and_regions_are_apart(aws: FakeAws, api: Any) -> None:
    """A stack of one account and region is not seen from another; the access key says the account."""
    run(aws, api, template({"Jobs": QUEUE}))
    for other in (
        aws.client("cloudformation", region="eu-west-1"),
        aws.client("cloudformation", account="999988887777"),
    ):
        with refused("ValidationError", "does not exist"):
            describe(other)
    identity = aws.client("sts", account="999988887777").get_caller_identity()
    assert identity["Account"] == "999988887777"


def test_drift_is_found_after_a_while_and_one_detection_runs_at_a_time(aws: FakeAws, api: Any) -> None:
    """What somebody did by hand shows as a difference of properties; before that nothing was checked."""
    run(aws, api, template({"Jobs": {**QUEUE, "Properties": {"VisibilityTimeout": 30}}, "Other": QUEUE}))
    aws.stack("app").by_hand["Jobs"] = {"VisibilityTimeout": 40}
    started = api.detect_stack_drift(StackName="app")["StackDriftDetectionId"]
    with refused("ValidationError", "Drift detection is already in progress for stack"):
        api.detect_stack_drift(StackName="app")
    running = api.describe_stack_drift_detection_status(StackDriftDetectionId=started)
    assert running["DetectionStatus"] == "DETECTION_IN_PROGRESS"
    assert api.describe_stack_resource_drifts(StackName="app")["StackResourceDrifts"] == []
    aws.clock.advance(30)
    found = api.describe_stack_drift_detection_status(StackDriftDetectionId=started)
    assert (found["DetectionStatus"], found["StackDriftStatus"]) == ("DETECTION_COMPLETE", "DRIFTED")
    rows = {
        r["LogicalResourceId"]: r for r in api.describe_stack_resource_drifts(StackName="app")["StackResourceDrifts"]
    }
    assert rows["Other"]["StackResourceDriftStatus"] == "IN_SYNC"
    assert rows["Jobs"]["PropertyDifferences"] == [
        {
            "PropertyPath": "/VisibilityTimeout",
            "ExpectedValue": "30",
            "ActualValue": "40",
            "DifferenceType": "NOT_EQUAL",
        }
    ]
    assert describe(api)["DriftInformation"]["StackDriftStatus"] == "DRIFTED"


def test_drift_is_detected_in_four_statuses_only(aws: FakeAws, api: Any) -> None:
    """A failed creation cannot be checked."""
    aws.fail("Jobs", reason="no")
    run(aws, api, template({"Jobs": QUEUE}))
    with refused("ValidationError", "in ROLLBACK_COMPLETE state"):
        api.detect_stack_drift(StackName="app")


def test_a_hook_speaks_in_an_event_of_its_own(aws: FakeAws, api: Any) -> None:
    """The resource's failure only names the hook."""
    aws.settings.hooks["Jobs"] = ("Org::Encrypted", "must be encrypted")
    assert run(aws, api, template({"Jobs": QUEUE})) == "ROLLBACK_COMPLETE"
    rows = api.describe_stack_events(StackName="app")["StackEvents"]
    said = next(e for e in rows if e.get("HookStatus") == "HOOK_COMPLETE_FAILED")
    assert (said["HookType"], said["HookStatusReason"]) == ("Org::Encrypted", "must be encrypted")
    failed = next(e for e in rows if e["ResourceStatus"] == "CREATE_FAILED")
    assert failed["ResourceStatusReason"] == "The following hook(s) failed: [Org::Encrypted]"


# --- beside CloudFormation -------------------------------------------------------------------------------------------


def test_deletion_protection_can_be_read_and_lifted(aws: FakeAws, api: Any) -> None:
    """By RDS and by Elastic Load Balancing; then the stack can be deleted."""
    protected = {"Key": "deletion_protection.enabled", "Value": "true"}
    body = template(
        {
            "Db": {"Type": "AWS::RDS::DBCluster", "Properties": {"Engine": "x", "DeletionProtection": True}},
            "Front": {
                "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
                "Properties": {"LoadBalancerAttributes": [protected]},
            },
        }
    )
    run(aws, api, body)
    ids = {name: resource.physical_id for name, resource in aws.stack("app").resources.items()}
    rds, elb = aws.client("rds"), aws.client("elbv2")
    assert rds.describe_db_clusters(DBClusterIdentifier=ids["Db"])["DBClusters"][0]["DeletionProtection"] is True
    assert elb.describe_load_balancer_attributes(LoadBalancerArn=ids["Front"])["Attributes"] == [protected]
    api.delete_stack(StackName="app")
    aws.clock.settle()
    assert status(api) == "DELETE_FAILED"
    rds.modify_db_cluster(DBClusterIdentifier=ids["Db"], DeletionProtection=False)
    elb.modify_load_balancer_attributes(LoadBalancerArn=ids["Front"], Attributes=[{**protected, "Value": "false"}])
    assert rds.describe_db_clusters(DBClusterIdentifier=ids["Db"])["DBClusters"][0]["DeletionProtection"] is False
    api.delete_stack(StackName="app")
    aws.clock.settle()
    assert aws.stack("app").status == "DELETE_COMPLETE"
    with refused("DBClusterNotFoundFault"):
        rds.describe_db_clusters(DBClusterIdentifier="missing")


def test_an_ecs_service_says_why_it_does_not_stabilise(aws: FakeAws, api: Any) -> None:
    """Events of the service and the reason of its stopped task, while CloudFormation waits."""
    aws.slow("Service", 3600)
    aws.settings.ecs_events["Service"] = ["(service x) is unable to place a task"]
    aws.settings.stopped_tasks["Service"] = "CannotPullContainerError"
    made = change_set(
        aws,
        api,
        template({"Service": {"Type": "AWS::ECS::Service", "Properties": {"ServiceName": "x", "Cluster": "c"}}}),
    )
    api.execute_change_set(ChangeSetName=made["ChangeSetId"])
    aws.clock.advance(60)
    ecs = aws.client("ecs")
    (found,) = ecs.describe_services(cluster="c", services=["x"])["services"]
    assert found["serviceArn"] == "arn:aws:ecs:us-east-1:111122223333:service/c/x"
    assert ecs.describe_services(services=["x"])["failures"] == [{"arn": "x", "reason": "MISSING"}]
    assert [event["message"] for event in found["events"]] == ["(service x) is unable to place a task"]
    tasks = ecs.list_tasks(cluster="c", serviceName="x", desiredStatus="STOPPED")["taskArns"]
    assert ecs.describe_tasks(cluster="c", tasks=tasks)["tasks"][0]["stoppedReason"] == "CannotPullContainerError"
    aws.clock.settle()


def test_an_update_without_rollback_replaces_nothing(aws: FakeAws, api: Any) -> None:
    """aws/aws-sam-cli#4164, 2022-08-29: the resource fails, what was changed before it stays."""
    run(aws, api, template({"Jobs": QUEUE}))
    renamed = {**QUEUE, "Properties": {"QueueName": "jobs"}}
    made = change_set(aws, api, template({"Jobs": renamed}), "UPDATE")
    api.execute_change_set(ChangeSetName=made["ChangeSetId"], DisableRollback=True)
    aws.clock.settle()
    assert describe(api)["StackStatus"] == "UPDATE_FAILED"
    events = api.describe_stack_events(StackName="app")["StackEvents"]
    failed = next(each for each in events if each["ResourceStatus"] == "UPDATE_FAILED" and "Jobs" in each["EventId"])
    assert failed["ResourceStatusReason"] == ("Replacement type updates not supported on stack with disable-rollback.")


def test_a_stack_that_was_updated_in_express_mode_cannot_be_rolled_back(aws: FakeAws, api: Any) -> None:
    """aws/aws-cdk-cli#1739, 2026-07-17: an error without a word."""
    run(aws, api, template({"Jobs": QUEUE}))
    aws.fail("News", "no luck", on="create")
    made = change_set(aws, api, template({"Jobs": QUEUE, "News": TOPIC}), "UPDATE")
    api.execute_change_set(ChangeSetName=made["ChangeSetId"], DisableRollback=True)
    aws.clock.settle()
    aws.stack("app").mode = "EXPRESS"
    with refused("InternalFailure"):
        api.rollback_stack(StackName="app")
    aws.stack("app").mode = "STANDARD"
    api.rollback_stack(StackName="app")
    aws.clock.settle()
    assert describe(api)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_the_account_limit_of_lambda_is_known(aws: FakeAws) -> None:
    """A thousand concurrent executions, none reserved."""
    assert aws.client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000


# --- S3 --------------------------------------------------------------------------------------------------------------


def test_a_bucket_belongs_to_an_account_and_a_region(aws: FakeAws, bucket: Any) -> None:
    """Another account gets 403, also through ExpectedBucketOwner; another region a redirect to the right one."""
    bucket.head_bucket(Bucket="code", ExpectedBucketOwner="111122223333")
    with refused("403"):
        bucket.head_bucket(Bucket="code", ExpectedBucketOwner="999988887777")
    with refused("403"):
        aws.client("s3", account="999988887777").head_bucket(Bucket="code")
    with refused("404"):
        bucket.head_bucket(Bucket="missing")
    assert aws.client("s3", region="eu-west-1").head_bucket(Bucket="code")["BucketRegion"] == "us-east-1"


def test_a_conditional_write_never_overwrites(aws: FakeAws, bucket: Any) -> None:
    """If-None-Match: * is refused with 412 when the key exists."""
    bucket.put_object(Bucket="code", Key="k", Body=b"one", IfNoneMatch="*")
    with refused("PreconditionFailed"):
        bucket.put_object(Bucket="code", Key="k", Body=b"two", IfNoneMatch="*")
    assert bucket.get_object(Bucket="code", Key="k")["Body"].read() == b"one"


def test_a_versioned_bucket_keeps_versions(aws: FakeAws, bucket: Any) -> None:
    """Each version can be read by its id; a deleted object leaves a marker; all can be listed and deleted."""
    bucket.put_bucket_versioning(Bucket="code", VersioningConfiguration={"Status": "Enabled"})
    first = bucket.put_object(Bucket="code", Key="k", Body=b"one")["VersionId"]
    bucket.put_object(Bucket="code", Key="k", Body=b"two")
    assert bucket.get_object(Bucket="code", Key="k", VersionId=first)["Body"].read() == b"one"
    bucket.delete_object(Bucket="code", Key="k")
    with refused("NoSuchKey"):
        bucket.get_object(Bucket="code", Key="k")
    assert "Contents" not in bucket.list_objects_v2(Bucket="code")
    listed = bucket.list_object_versions(Bucket="code")
    rows = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in listed["Versions"] + listed["DeleteMarkers"]]
    assert len(rows) == 3
    bucket.delete_objects(Bucket="code", Delete={"Objects": rows})
    assert "Versions" not in bucket.list_object_versions(Bucket="code")


def test_a_bucket_of_a_stack_is_a_real_one_and_must_be_empty_to_go(aws: FakeAws, api: Any, bucket: Any) -> None:
    """A stack's bucket can be written to; with objects in it the stack is DELETE_FAILED."""
    versioned = {"BucketName": "mine", "VersioningConfiguration": {"Status": "Enabled"}}
    run(aws, api, template({"Store": {"Type": "AWS::S3::Bucket", "Properties": versioned}}))
    assert "VersionId" in bucket.put_object(Bucket="mine", Key="k", Body=b"x")
    api.delete_stack(StackName="app")
    aws.clock.settle()
    assert status(api) == "DELETE_FAILED"
    assert aws.stack("app").resources["Store"].reason == "The bucket you tried to delete is not empty"


# --- scripts, log, invariants ----------------------------------------------------------------------------------------


def test_calls_can_be_refused_a_number_of_times(aws: FakeAws, api: Any) -> None:
    """Throttling for two calls of one operation; other operations pass."""
    aws.throttle("cloudformation:ListStacks", times=2)
    for _ in range(2):
        with refused("Throttling", "Rate exceeded"):
            api.list_stacks()
        api.list_exports()
    api.list_stacks()


def test_reads_beyond_a_rate_are_throttled_and_can_be_counted(aws: FakeAws, api: Any) -> None:
    """A burst of ten, then one for each second that passes."""
    aws.settings.reads_per_second = 1
    for _ in range(10):
        api.list_stacks()
    with refused("Throttling"):
        api.list_stacks()
    aws.clock.advance(1)
    api.list_stacks()
    assert aws.busiest_reads(0.5) == 11
    assert aws.busiest_reads(2) == 12


def test_the_call_log_tells_reads_from_mutations(aws: FakeAws, api: Any, bucket: Any) -> None:
    """With time, parameters and error of each call."""
    aws.clock.advance(7)
    with refused("ValidationError"):
        describe(api)
    change_set(aws, api, template({"Jobs": QUEUE}))
    assert aws.mutations() == ["s3:CreateBucket", "cloudformation:CreateChangeSet"]
    failed = next(call for call in aws.calls if call.error)
    assert (failed.time, failed.operation, failed.params, failed.error) == (
        7.0,
        "DescribeStacks",
        {"StackName": "app"},
        "ValidationError",
    )


def test_the_invariant_checker_finds_an_illegal_transition() -> None:
    """A status that cannot follow, and an operation during another one."""
    with FakeAws() as fake:
        client = fake.client("cloudformation")
        run(fake, client, template({"Jobs": QUEUE}))
        fake.check()
        fake.cloud.move(fake.stack("app"), "ROLLBACK_COMPLETE")
        with pytest.raises(AssertionError, match="app: CREATE_COMPLETE -> ROLLBACK_COMPLETE"):
            fake.check()


def test_the_same_calls_give_the_same_history() -> None:
    """Ids and events are the same in every run."""

    def history() -> list[str]:
        with FakeAws(seed=3) as fake:
            client = fake.client("cloudformation")
            run(fake, client, template({"Jobs": QUEUE, "News": TOPIC}))
            return [event.id for event in fake.stack("app").events]

    assert history() == history()


def answers(over_http: bool) -> list[Any]:
    """What botocore makes of some replies: of both protocols, of errors, with a body, without one, streamed."""

    def said(call: Any, **arguments: Any) -> dict[str, Any]:
        try:
            answer = call(**arguments)
        except botocore.exceptions.ClientError as error:
            answer = error.response
        if "Body" in answer:
            answer["Body"] = [answer["Body"].read(2), answer["Body"].read()]
        about = answer.pop("ResponseMetadata")
        for each in (answer, *answer.get("Contents", ())):
            each.pop("LastModified", "")  # by this machine's clock
        by_the_clock = ("date", "last-modified", "server")
        headers = {key: each for key, each in about["HTTPHeaders"].items() if key not in by_the_clock}
        return {**answer, "status": about["HTTPStatusCode"], "headers": headers}

    with FakeAws(over_http=over_http) as aws:
        cloudformation, s3, ecs = (aws.client(each) for each in ("cloudformation", "s3", "ecs"))
        made = {"StackName": "app", "TemplateBody": template({"Ü & <>": TOPIC, "Jobs": QUEUE})}
        place = {"Bucket": "b", "Key": "a key/ü?&", "ExpectedBucketOwner": aws.settings.account}
        return [
            said(cloudformation.describe_stacks, StackName="app"),
            said(cloudformation.create_stack, **made),
            said(cloudformation.describe_stack_events, StackName="app"),
            said(s3.head_bucket, Bucket="b"),
            said(s3.create_bucket, Bucket="b"),
            said(s3.put_object, **place, Body=b"some text", ChecksumAlgorithm="SHA256"),
            said(s3.put_object, **place, Body=io.BytesIO(b"other text"), IfNoneMatch="*"),
            said(s3.get_object, **place),
            said(s3.head_object, **place),
            said(s3.head_object, **{**place, "Key": "none"}),
            said(s3.list_objects_v2, Bucket="b"),
            said(ecs.describe_services, cluster="c", services=["s"]),
            [f"{call.service}:{call.operation} {call.params} {call.error}" for call in aws.calls],
        ]


def test_the_fake_answers_the_same_with_and_without_a_socket() -> None:
    """All other tests but those of processes and of faults on the way ask it without one."""
    near, far = answers(over_http=False), answers(over_http=True)
    assert near == far
    assert any(each["status"] == 200 for each in near[:-1])


def test_a_long_operation_takes_virtual_time_only(aws: FakeAws, api: Any) -> None:
    """Three hours of creation, one event more when they are over."""
    aws.slow("Jobs", 3 * 3600)
    made = change_set(aws, api, template({"Jobs": QUEUE}))
    api.execute_change_set(ChangeSetName=made["ChangeSetId"])
    aws.clock.sleep(3 * 3600 - 1)
    assert status(api) == "CREATE_IN_PROGRESS"
    aws.clock.sleep(1)
    assert status(api) == "CREATE_COMPLETE"
