"""CloudFormation's statuses: the table is closed, and every cell is what the commands do."""

import pytest
from botocore.session import Session

from infragen.cloud.cloudformation import (
    ABSENT,
    STATUSES,
    SUCCESS,
    ChangeSet,
    OnDeploy,
    OnDestroy,
    OnRecover,
    row,
    running,
)
from infragen.secrecy.visible import quoted

CELLS = [
    # status, deploy, destroy, recover, running
    (ABSENT, OnDeploy.CREATE, OnDestroy.NOTHING, OnRecover.NOTHING, False),
    ("DELETE_COMPLETE", OnDeploy.CREATE, OnDestroy.NOTHING, OnRecover.NOTHING, False),
    ("REVIEW_IN_PROGRESS", OnDeploy.CREATE, OnDestroy.DELETE, OnRecover.NOTHING, False),
    ("CREATE_COMPLETE", OnDeploy.UPDATE, OnDestroy.DELETE, OnRecover.NOTHING, False),
    ("UPDATE_COMPLETE", OnDeploy.UPDATE, OnDestroy.DELETE, OnRecover.NOTHING, False),
    ("UPDATE_ROLLBACK_COMPLETE", OnDeploy.UPDATE, OnDestroy.DELETE, OnRecover.NOTHING, False),
    ("IMPORT_COMPLETE", OnDeploy.UPDATE, OnDestroy.DELETE, OnRecover.NOTHING, False),
    ("IMPORT_ROLLBACK_COMPLETE", OnDeploy.UPDATE, OnDestroy.DELETE, OnRecover.NOTHING, False),
    ("ROLLBACK_COMPLETE", OnDeploy.RECREATE, OnDestroy.DELETE, OnRecover.DELETE, False),
    ("CREATE_FAILED", OnDeploy.CONTINUE, OnDestroy.DELETE, OnRecover.ROLLBACK, False),
    ("UPDATE_FAILED", OnDeploy.CONTINUE, OnDestroy.DELETE, OnRecover.ROLLBACK, False),
    ("ROLLBACK_FAILED", OnDeploy.REFUSE, OnDestroy.DELETE, OnRecover.DELETE, False),
    ("UPDATE_ROLLBACK_FAILED", OnDeploy.REFUSE, OnDestroy.DELETE, OnRecover.CONTINUE_ROLLBACK, False),
    ("DELETE_FAILED", OnDeploy.REFUSE, OnDestroy.DELETE, OnRecover.REFUSE, False),
    ("IMPORT_ROLLBACK_FAILED", OnDeploy.REFUSE, OnDestroy.DELETE, OnRecover.REFUSE, False),
    ("DELETE_IN_PROGRESS", OnDeploy.FOLLOW, OnDestroy.FOLLOW, OnRecover.WAIT, True),
    ("CREATE_IN_PROGRESS", OnDeploy.FOLLOW, OnDestroy.WAIT, OnRecover.WAIT, True),
    ("ROLLBACK_IN_PROGRESS", OnDeploy.FOLLOW, OnDestroy.WAIT, OnRecover.WAIT, True),
    ("UPDATE_IN_PROGRESS", OnDeploy.FOLLOW, OnDestroy.WAIT, OnRecover.WAIT, True),
    ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", OnDeploy.FOLLOW, OnDestroy.WAIT, OnRecover.WAIT, True),
    ("UPDATE_ROLLBACK_IN_PROGRESS", OnDeploy.FOLLOW, OnDestroy.WAIT, OnRecover.WAIT, True),
    ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", OnDeploy.FOLLOW, OnDestroy.WAIT, OnRecover.WAIT, True),
    ("IMPORT_IN_PROGRESS", OnDeploy.FOLLOW, OnDestroy.WAIT, OnRecover.WAIT, True),
    ("IMPORT_ROLLBACK_IN_PROGRESS", OnDeploy.FOLLOW, OnDestroy.WAIT, OnRecover.WAIT, True),
    ("SOMETHING_NEW", OnDeploy.REFUSE, OnDestroy.REFUSE, OnRecover.REFUSE, False),
    ("SOMETHING_NEW_IN_PROGRESS", OnDeploy.REFUSE, OnDestroy.REFUSE, OnRecover.REFUSE, True),
]


@pytest.mark.parametrize(("status", "deploy", "destroy", "recover", "is_running"), CELLS, ids=[c[0] for c in CELLS])
def test_each_status_has_one_answer_for_each_command(
    status: str, deploy: OnDeploy, destroy: OnDestroy, recover: OnRecover, is_running: bool
) -> None:
    """S6: a stack in this status is treated so by deploy, destroy and recover; what is unknown is refused by all."""
    found = row(status)
    assert (found.deploy, found.destroy, found.recover, running(status)) == (deploy, destroy, recover, is_running)
    assert (found.deploy is not OnDeploy.REFUSE) or found.hint, "a refusal says what to do"


def test_the_table_is_closed_over_the_values_of_the_api() -> None:
    """Every StackStatus of the CloudFormation model is in the table, and nothing else but `absent`."""
    model = Session().get_service_model("cloudformation").shape_for("StackStatus")
    assert set(STATUSES) == {ABSENT, *getattr(model, "enum", ())}
    assert set(STATUSES) <= {cell[0] for cell in CELLS}


def test_success_is_a_closed_list_without_rollbacks() -> None:
    """Only three statuses are success; a status that does not exist yet is not."""
    assert {s for s in STATUSES if s in SUCCESS} == {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}


@pytest.mark.parametrize(
    ("status", "execution", "reason", "expected"),
    [
        ("CREATE_PENDING", "UNAVAILABLE", "", "pending"),
        ("CREATE_IN_PROGRESS", "UNAVAILABLE", "", "pending"),
        ("CREATE_COMPLETE", "UNAVAILABLE", "", "pending"),
        ("CREATE_COMPLETE", "AVAILABLE", "", "executable"),
        ("FAILED", "UNAVAILABLE", "The submitted information didn't contain changes. Submit different", "empty"),
        ("FAILED", "UNAVAILABLE", "No updates are to be performed.", "empty"),
        ("FAILED", "UNAVAILABLE", "no updates are to be performed.", "empty"),
        ("FAILED", "UNAVAILABLE", "Nothing: No updates are to be performed.", ""),
        ("FAILED", "UNAVAILABLE", "Transform failed", ""),
        ("CREATE_COMPLETE", "AVAILABLE", "No updates are to be performed.", "executable"),
        ("CREATE_COMPLETE", "OBSOLETE", "", ""),
        ("CREATE_COMPLETE", "EXECUTE_IN_PROGRESS", "", ""),
        ("CREATE_COMPLETE", "EXECUTE_COMPLETE", "", ""),
        ("CREATE_COMPLETE", "EXECUTE_FAILED", "", ""),
        ("DELETE_COMPLETE", "UNAVAILABLE", "", ""),
        ("DELETE_FAILED", "AVAILABLE", "", ""),
        ("SOMETHING_NEW", "AVAILABLE", "", ""),
    ],
)
def test_a_change_set_is_pending_executable_empty_or_none_of_these(
    status: str, execution: str, reason: str, expected: str
) -> None:
    """Status and execution status decide; "no changes" counts only on a FAILED set and at the start of the reason."""
    found = ChangeSet("arn", "name", "stack", status, execution, quoted(reason))
    assert [word for word in ("pending", "executable", "empty") if getattr(found, word)] == (
        [expected] * bool(expected)
    )
