"""The table of operations is what `infragen.aws` calls: nothing more, nothing less."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from test_rights import rights

from infragen.aws.failure import permission
from infragen.aws.session import Clients
from infragen.permissions.operations import CALLS, PERSON

AWS = Path(__file__).parent.parent.parent / "src" / "infragen" / "aws"


@cache
def services() -> dict[str, tuple[str, dict[str, str]]]:
    """Attribute of `Clients` -> the service's name, and its operations by their Python names."""
    session, found = botocore.session.get_session(), {}
    for node in ast.walk(ast.parse((AWS / "session.py").read_text())):
        if isinstance(node, ast.FunctionDef) and hasattr(Clients, node.name):
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "self._client":
                    name = ast.literal_eval(call.args[0])
                    model = session.get_service_model(name)
                    found[node.name] = (name, {xform_name(each): each for each in model.operation_names})
    return found


def called(source: str) -> Iterator[str]:
    """The operations of botocore's clients that a module's functions name, each as `service.Operation`."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        nodes = list(ast.walk(function))
        aliases = {
            target.id: each.value.attr
            for each in nodes
            if isinstance(each, ast.Assign) and isinstance(each.value, ast.Attribute)
            for target in each.targets
            if isinstance(target, ast.Name)
        }
        for each in nodes:
            if not isinstance(each, ast.Attribute):
                continue
            owner = each.value
            client = owner.attr if isinstance(owner, ast.Attribute) else aliases.get(getattr(owner, "id", ""), "")
            name, operations = services().get(client, ("", {}))
            if each.attr in operations:
                yield f"{name}.{operations[each.attr]}"


@pytest.mark.long
def test_each_operation_that_is_called_has_a_row_and_each_row_is_called() -> None:
    found = {each for file in AWS.glob("*.py") for each in called(file.read_text())}
    assert len(found) > 60, "the calls were not found"
    table = {each.operation for each in CALLS}
    assert not found - table, "called without a row in permissions/operations.py"
    assert not table - found, "rows of permissions/operations.py that nothing calls"
    assert len(table) == len(CALLS), "an operation has two rows"


@pytest.mark.long
def test_a_call_through_a_name_of_its_own_is_found() -> None:
    """What the test above goes by."""
    source = "def f(self):\n    client = self.clients.registry\n    return pages(client.list_images, 'imageIds')\n"
    assert list(called(source)) == ["ecr.ListImages"]


@pytest.mark.parametrize("role", ["deploy", "plan", "push"])
def test_no_role_of_ci_deletes_reads_a_secret_or_gives_rights(role: str) -> None:
    actions = {action for each in rights("prod").of_ci(role) if each.effect == "Allow" for action in each.actions}
    assert not any("*" in each for each in actions)
    forbidden = {"secretsmanager:GetSecretValue", "cloudformation:DeleteStack", "sts:AssumeRole", "s3:DeleteObject"}
    assert not actions & forbidden
    assert {each for each in actions if each.startswith("iam:")} <= {
        "iam:PassRole", "iam:GetRole", "iam:ListOpenIDConnectProviders",
    }  # fmt: skip


def test_the_plan_role_makes_change_sets_and_executes_none() -> None:
    def actions(role: str) -> set[str]:
        return {action for each in rights("prod").of_ci(role) for action in each.actions if each.effect == "Allow"}

    assert "cloudformation:CreateChangeSet" in actions("plan")
    assert actions("deploy") - actions("plan") == {
        each for call in CALLS if "deploy" in call.roles and "plan" not in call.roles for each in call.needs
    }
    assert "cloudformation:ExecuteChangeSet" in actions("deploy") - actions("plan")


def test_change_sets_are_made_only_for_stacks_of_the_environment_with_its_role() -> None:
    statements: list[Any] = [each for each in rights("prod").of_ci("deploy") if each.effect == "Allow"]
    [found] = [each for each in statements if "cloudformation:CreateChangeSet" in each.actions]
    assert found.condition["StringEquals"]["cloudformation:RoleArn"] == rights("prod").service_role_arn
    assert all(":stack/shop-prod" in each for each in found.resources)


def test_deleting_and_repairing_is_left_to_people() -> None:
    people = {each.operation for each in CALLS if each.roles == (PERSON,)}
    assert {"cloudformation.DeleteStack", "s3.DeleteObjects", "rds.ModifyDBCluster"} <= people


def test_a_denial_names_what_the_table_says() -> None:
    """The action that `failure` derives of a call is the first of the operation's row: no second list."""
    session = botocore.session.get_session()
    for each in CALLS:
        service, _, operation = each.operation.partition(".")
        signing = session.get_service_model(service).signing_name
        assert permission(signing, operation) == each.needs[0], each
