"""Single answers of CloudFormation that the fake has to agree with: lists, words of errors, members that are missing.

Each test names the recordings that say so, with their dates: tests of the public repository localstack/localstack
(tests/aws/services/cloudformation), which keeps what AWS answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import facts
import pytest
from botocore.exceptions import ClientError
from fakeaws import FakeAws

NAME = "recorded"


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with FakeAws() as fake:
        yield fake
        fake.check()


@pytest.fixture
def api(aws: FakeAws) -> Any:
    return aws.client("cloudformation")


def parameter(value: object = "first", **more: Any) -> dict[str, Any]:
    """A resource of the kind that most of the recordings use."""
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}, **more}


def body(**resources: Any) -> str:
    return json.dumps({"Resources": resources})


def change_set(aws: FakeAws, api: Any, text: str, kind: str = "CREATE", stack: str = NAME, name: str = "one") -> Any:
    made = api.create_change_set(StackName=stack, ChangeSetName=name, ChangeSetType=kind, TemplateBody=text)
    aws.clock.sleep(10)
    return made


def execute(aws: FakeAws, api: Any, change_set_id: str) -> None:
    api.execute_change_set(ChangeSetName=change_set_id)
    aws.clock.sleep(60)


def deployed(aws: FakeAws, api: Any, text: str = "", name: str = "one") -> Any:
    made = change_set(aws, api, text or body(SimpleParam=parameter()), name=name)
    execute(aws, api, made["Id"])
    return made


def delete(aws: FakeAws, api: Any, stack: str = NAME) -> None:
    api.delete_stack(StackName=stack)
    aws.clock.sleep(60)


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """The code and the words with which a call is refused."""
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def described(api: Any, stack: str) -> dict[str, Any]:
    return facts.stack(api.describe_stacks(StackName=stack)["Stacks"][0])


def test_a_list_of_change_sets_has_none_that_was_executed(aws: FakeAws, api: Any) -> None:
    """test_change_sets.py::test_list_change_sets, 2025-09-16."""
    deployed(aws, api)
    assert api.list_change_sets(StackName=NAME)["Summaries"] == []
    change_set(aws, api, body(SimpleParam=parameter("second")), "UPDATE", name="two")
    rows = api.list_change_sets(StackName=NAME)["Summaries"]
    assert [(each["ChangeSetName"], each["Status"], each["ExecutionStatus"]) for each in rows] == [
        ("two", "CREATE_COMPLETE", "AVAILABLE")
    ]


def test_an_executed_change_set_is_described_after_its_stack_is_gone_and_its_name_is_free(
    aws: FakeAws, api: Any
) -> None:
    """api/test_changesets.py::test_name_conflicts, 2023-11-22."""
    first = deployed(aws, api)
    text = body(SimpleParam=parameter())
    assert refusal(lambda: change_set(aws, api, text)) == (
        "ValidationError",
        f"Stack [{NAME}] already exists and cannot be created again with the changeSet [one].",
    )
    delete(aws, api)
    second = change_set(aws, api, text)
    assert second["StackId"] != first["StackId"]
    old, new = (api.describe_change_set(ChangeSetName=each["Id"]) for each in (first, second))
    assert (old["ExecutionStatus"], new["ExecutionStatus"]) == ("EXECUTE_COMPLETE", "AVAILABLE")
    assert described(api, first["StackId"]) == {
        "StackStatus": "DELETE_COMPLETE",
        "members": "DeletionTime LastUpdatedTime",
    }


def test_a_name_is_free_for_the_next_change_set_once_its_own_was_executed(aws: FakeAws, api: Any) -> None:
    """Every scenario of a creation and an update in test_change_set_*.py uses one name for both, 2025-04-08 on."""
    first = deployed(aws, api)
    second = change_set(aws, api, body(SimpleParam=parameter("second")), "UPDATE")
    assert api.describe_change_set(StackName=NAME, ChangeSetName="one")["ChangeSetId"] == second["Id"] != first["Id"]


@pytest.mark.parametrize("tags", [[], [{"Key": "foo", "Value": "bar"}]])
def test_a_stack_in_review_tells_next_to_nothing(aws: FakeAws, api: Any, tags: list[dict[str, str]]) -> None:
    """api/test_stacks.py::TestStacksApi::test_stack_description_lifecycle, 2025-09-09."""
    text = json.dumps({"Description": "what it is for", "Resources": {"TestResource": parameter()}})
    made = api.create_change_set(
        StackName=NAME, ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=text, Tags=tags
    )
    aws.clock.sleep(10)
    review = api.describe_stacks(StackName=NAME)["Stacks"][0]
    assert facts.stack(review) == {
        "StackStatus": "REVIEW_IN_PROGRESS",
        "StackStatusReason": "User Initiated",
        "members": "EnableTerminationProtection StackStatusReason",
    }
    assert review["Tags"] == []
    assert api.describe_change_set(ChangeSetName=made["Id"]).get("Tags", []) == tags
    execute(aws, api, made["Id"])
    created = api.describe_stacks(StackName=NAME)["Stacks"][0]
    assert created["Tags"] == tags
    assert facts.stack(created)["members"] == "ChangeSetId Description EnableTerminationProtection LastUpdatedTime"


def test_a_stack_can_be_created_while_another_change_set_reviews_it(aws: FakeAws, api: Any) -> None:
    """api/test_changesets.py::test_create_while_in_review, 2023-11-22."""
    made = change_set(aws, api, body(SimpleParam=parameter()))
    assert api.create_stack(StackName=NAME, TemplateBody=body(Other=parameter()))["StackId"] == made["StackId"]
    aws.clock.sleep(60)
    assert described(api, NAME) == {"StackStatus": "CREATE_COMPLETE", "members": "EnableTerminationProtection"}
    assert api.describe_change_set(ChangeSetName=made["Id"])["ExecutionStatus"] == "OBSOLETE"


def test_a_deleted_stack_is_refused_in_words_of_its_own(aws: FakeAws, api: Any) -> None:
    """api/test_changesets.py::test_create_changeset_for_deleted_stack and test_changeset_for_deleted_stack,
    api/test_update_stack.py::test_update_deleted_stack, 2025-10-10.
    """
    stack_id, text = deployed(aws, api)["StackId"], body(SimpleParam=parameter("second"))
    api.delete_stack(StackName=NAME)
    going = f"Stack:{stack_id} is in DELETE_IN_PROGRESS state and can not be updated."
    gone = going.replace("IN_PROGRESS", "COMPLETE")
    assert refusal(lambda: change_set(aws, api, text, "UPDATE", stack_id)) == ("ValidationError", going)
    aws.clock.sleep(60)
    assert refusal(lambda: change_set(aws, api, text, "UPDATE", stack_id)) == ("ValidationError", gone)
    assert refusal(lambda: api.update_stack(StackName=stack_id, TemplateBody=text)) == ("ValidationError", gone)
    assert refusal(lambda: change_set(aws, api, text, "CREATE", stack_id, "test")) == (
        "ValidationError",
        f"Stack [{stack_id}] already exists and cannot be created again with the changeSet [test].",
    )


def test_an_import_of_what_nobody_exports_fails_at_the_execution(aws: FakeAws, api: Any) -> None:
    """test_change_set_exports_imports.py::TestChangeSetImportExport::test_describe_change_set_import_non_existent_export
    and …_then_create, 2025-08-05.
    """
    text = body(MyFoo=parameter({"Fn::ImportValue": "vpc"}))
    made = change_set(aws, api, text)
    plain, valued = (
        api.describe_change_set(ChangeSetName=made["Id"], IncludePropertyValues=values) for values in (False, True)
    )
    assert (plain["Status"], plain["ExecutionStatus"], plain.get("StatusReason")) == (
        "CREATE_COMPLETE",
        "AVAILABLE",
        None,
    )
    assert facts.rows(valued) == [
        {
            "row": "Add MyFoo AWS::SSM::Parameter",
            "AfterContext": {"Properties": {"Value": "{{changeSet:KNOWN_AFTER_APPLY}}", "Type": "String"}},
        }
    ]
    assert valued["StatusReason"] == (
        "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet creation "
        "failed for resource [MyFoo] because: No export named vpc"
    )
    execute(aws, api, made["Id"])
    failed = api.describe_stacks(StackName=NAME)["Stacks"][0]
    assert (failed["StackStatus"], "DeletionTime" in failed, "ChangeSetId" in failed) == (
        "ROLLBACK_COMPLETE",
        True,
        False,
    )
    later = change_set(aws, api, text, stack="later")
    exporting = {"V": {"Value": "vpc-1", "Export": {"Name": "vpc"}}}
    api.create_stack(
        StackName="exports", TemplateBody=json.dumps({"Resources": {"A": parameter()}, "Outputs": exporting})
    )
    aws.clock.sleep(60)
    execute(aws, api, later["Id"])
    assert described(api, "later")["StackStatus"] == "CREATE_COMPLETE"


def test_tags_and_metadata_that_a_hidden_parameter_changes(aws: FakeAws, api: Any) -> None:
    """api/test_stacks.py::test_no_echo_parameter, 2025-08-15."""
    secret = {"Ref": "Hidden"}
    bucket = {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketName": "recorded-bucket", "Tags": [{"Key": "Hidden", "Value": secret}]},
        "Metadata": {"Hidden": secret},
    }
    text = json.dumps({
        "Parameters": {"Hidden": {"Type": "String", "NoEcho": True}},
        "Resources": {"LocalBucket": bucket},
        "Outputs": {"Told": {"Value": secret}},
    })  # fmt: skip

    def given(kind: str, value: str) -> Any:
        asked = {"ParameterKey": "Hidden", "ParameterValue": value}
        made = api.create_change_set(
            StackName=NAME, ChangeSetName=kind.lower(), ChangeSetType=kind, TemplateBody=text, Parameters=[asked]
        )
        aws.clock.sleep(10)
        return made["Id"]

    execute(aws, api, given("CREATE", "first"))
    (stack,) = api.describe_stacks(StackName=NAME)["Stacks"]
    assert [stack["Parameters"][0]["ParameterValue"], stack["Outputs"][0]["OutputValue"]] == ["****", "first"]
    answer = api.describe_change_set(ChangeSetName=given("UPDATE", "second"))
    assert answer["Parameters"][0]["ParameterValue"] == "****"
    [row] = facts.rows(answer)
    assert row == {
        "row": "Modify LocalBucket AWS::S3::Bucket Replacement=False Scope=Metadata,Properties with PhysicalResourceId",
        "details": [
            "Metadata Never Dynamic DirectModification",
            "Metadata Never Static ParameterReference Hidden",
            "Properties Tags Never Dynamic DirectModification",
            "Properties Tags Never Static ParameterReference Hidden",
        ],
    }


@pytest.mark.parametrize(("mode", "more"), [("FAIL", ""), ("WARN", ". Failure was ignored under WARN mode.")])
def test_a_hook_that_refuses_a_resource_has_an_event_of_its_own(aws: FakeAws, api: Any, mode: str, more: str) -> None:
    """api/test_extensions_hooks.py::TestExtensionsHooks::test_hook_deployment, 2023-03-06."""
    aws.settings.hooks["Bucket"] = ("LocalStack::Testing::DeployableHook", "Hook failed with message: Intentional fail")
    aws.settings.warning_hooks = frozenset({"Bucket"} if mode == "WARN" else ())
    made = api.create_stack(StackName=NAME, TemplateBody=body(Bucket={"Type": "AWS::S3::Bucket"}))
    aws.clock.sleep(60)
    events = api.describe_stack_events(StackName=made["StackId"])["StackEvents"]
    [event] = [each for each in events if each.get("HookStatus") == "HOOK_COMPLETE_FAILED"]
    recorded = {
        "HookFailureMode": mode,
        "HookInvocationPoint": "PRE_PROVISION",
        "HookStatusReason": f"Hook failed with message: Intentional fail{more}",
        "HookType": "LocalStack::Testing::DeployableHook",
        "LogicalResourceId": "Bucket",
        "PhysicalResourceId": "",
        "ResourceStatus": "CREATE_IN_PROGRESS",
        "ResourceType": "AWS::S3::Bucket",
    }
    assert {key: event.get(key) for key in recorded} == recorded
    assert "ResourceStatusReason" not in event


def test_an_update_with_a_role_that_nobody_can_assume_is_refused(aws: FakeAws, api: Any) -> None:
    """api/test_update_stack.py::test_update_with_role_without_permissions, 2022-11-21."""
    deployed(aws, api)
    role = f"arn:aws:iam::{aws.settings.account}:role/nobody"
    aws.settings.invalid_roles.add(role)
    text = body(SimpleParam=parameter("second"))
    said = f"Role {role} is invalid or cannot be assumed"
    assert refusal(lambda: api.update_stack(StackName=NAME, TemplateBody=text, RoleARN=role)) == (
        "ValidationError",
        said,
    )


def test_an_empty_change_set_says_so_and_cannot_be_executed(aws: FakeAws, api: Any) -> None:
    """api/test_changesets.py::test_empty_changeset, 2022-08-10, and test_create_change_set_no_changes, 2025-09-09."""
    deployed(aws, api)
    made = change_set(aws, api, body(SimpleParam=parameter()), "UPDATE", name="two")
    assert facts.change_set(api.describe_change_set(ChangeSetName=made["Id"])) == {
        "Status": "FAILED",
        "ExecutionStatus": "UNAVAILABLE",
        "StatusReason": (
            "The submitted information didn't contain changes. Submit different information to create a change set."
        ),
        "rows": [],
    }
    assert refusal(lambda: api.execute_change_set(ChangeSetName=made["Id"])) == (
        "InvalidChangeSetStatus",
        f"ChangeSet [{made['Id']}] cannot be executed in its current status of [FAILED]",
    )


def test_what_is_not_there_is_refused_in_the_words_of_each_operation(aws: FakeAws, api: Any) -> None:
    """api/test_changesets.py::test_describe_change_set_nonexisting, 2025-03-11, test_delete_change_set_exception,
    2025-07-21, test_describe_changeset_after_delete, 2025-09-11; api/test_stacks.py::test_describe_stack_events_errors,
    2024-03-26, test_non_existing_stack_message, 2025-07-21; api/test_templates.py::test_get_template_missing_resources
    and its variants, 2025-09-12, test_get_template_no_arguments, 2025-11-13.
    """
    made = deployed(aws, api)
    gone = made["Id"].rpartition("/")[0] + "/00000000-0000-4000-8000-000000000000"
    nowhere, no_id = "Stack [nostack] does not exist", "Stack with id nostack does not exist"
    calls: list[tuple[Callable[[], object], str, str]] = [
        (lambda: api.describe_stacks(StackName="nostack"), "ValidationError", no_id),
        (lambda: api.get_template(StackName="nostack"), "ValidationError", no_id),
        (lambda: api.describe_stack_events(StackName="nostack"), "ValidationError", nowhere),
        (lambda: api.describe_change_set(StackName="nostack", ChangeSetName="a"), "ValidationError", nowhere),
        (lambda: api.delete_change_set(StackName="nostack", ChangeSetName="a"), "ValidationError", nowhere),
        (
            lambda: api.delete_change_set(ChangeSetName="a"),
            "ValidationError",
            "StackName must be specified if ChangeSetName is not specified as an ARN.",
        ),
        (
            lambda: api.describe_change_set(StackName=NAME, ChangeSetName="a"),
            "ChangeSetNotFound",
            "ChangeSet [a] does not exist",
        ),
        (
            lambda: api.describe_change_set(ChangeSetName=gone),
            "ChangeSetNotFound",
            f"ChangeSet [{gone}] does not exist",
        ),
        (lambda: api.get_template(ChangeSetName=gone), "ChangeSetNotFound", f"ChangeSet [{gone}] does not exist"),
        (lambda: api.get_template(ChangeSetName="a"), "ValidationError", "StackName is a required parameter."),
        (api.get_template, "ValidationError", "StackName is required if ChangeSetName is not specified."),
    ]
    assert [refusal(call) for call, _, _ in calls] == [(code, words) for _, code, words in calls]


def test_a_deletion_that_fails_leaves_the_time_at_which_it_began(aws: FakeAws, api: Any) -> None:
    """api/test_stacks.py::test_blocked_stack_deletion, 2023-09-06."""
    aws.fail("Broken", "no", on="create")
    aws.fail("Kept", "still in use", on="delete", times=2)
    api.create_stack(StackName=NAME, TemplateBody=body(Kept=parameter(), Broken=parameter(DependsOn="Kept")))
    aws.clock.sleep(60)
    reason = "The following resource(s) failed to delete: [Kept]. "
    members = "DeletionTime EnableTerminationProtection StackStatusReason"
    assert described(api, NAME) == {"StackStatus": "ROLLBACK_FAILED", "StackStatusReason": reason, "members": members}
    stack_id = api.describe_stacks(StackName=NAME)["Stacks"][0]["StackId"]
    delete(aws, api)
    assert described(api, NAME) == {"StackStatus": "DELETE_FAILED", "StackStatusReason": reason, "members": members}
    delete(aws, api)
    assert described(api, stack_id) == {"StackStatus": "DELETE_COMPLETE", "members": "DeletionTime"}


def test_a_list_of_stacks_knows_when_a_change_set_created_them(aws: FakeAws, api: Any) -> None:
    """test_list_stacks.py::test_listing_stacks, 2025-07-24."""
    deployed(aws, api)
    (row,) = api.list_stacks()["StackSummaries"]
    assert sorted(row) == [
        "CreationTime",
        "DriftInformation",
        "LastUpdatedTime",
        "StackId",
        "StackName",
        "StackStatus",
    ]


def test_a_resource_that_is_kept_when_it_is_replaced_is_skipped_in_the_clean_up(aws: FakeAws, api: Any) -> None:
    """engine/test_update_policy.py::test_update_replace_policy_retain, engine/test_deletion_policy.py::
    test_deletion_policy_with_retain, 2026-01-23; engine/test_replacement.py::test_requires_replacement, 2026-01-14.
    """

    def named(name: str, **more: str) -> dict[str, Any]:
        made = parameter()
        return {**made, "Properties": {**made["Properties"], "Name": name}, **more}

    for policy, ended in (("Retain", ["DELETE_SKIPPED"]), ("Delete", ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"])):
        stack = f"replaces-{policy}"
        before, after = (body(My=named(f"{policy}-{n}", UpdateReplacePolicy=policy)) for n in (1, 2))
        execute(aws, api, change_set(aws, api, before, stack=stack)["Id"])
        execute(aws, api, change_set(aws, api, after, "UPDATE", stack)["Id"])
        events = [
            e for e in api.describe_stack_events(StackName=stack)["StackEvents"] if e["LogicalResourceId"] == "My"
        ]
        told = [(e["ResourceStatus"], e["PhysicalResourceId"]) for e in reversed(events)]
        assert told[0] == ("CREATE_IN_PROGRESS", "")
        assert told[2] == ("CREATE_COMPLETE", f"{policy}-1")
        assert told[-len(ended) - 1] == ("UPDATE_COMPLETE", f"{policy}-2")
        assert told[-len(ended) :] == [(status, f"{policy}-1") for status in ended]
