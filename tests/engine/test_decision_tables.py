"""P3: what each command does with a stack, and with a change set, in every state that CloudFormation has a word for.

The words are those of botocore's model of the API, so that a new one fails here; beside them some that do not exist.
The states are put into the fake, the commands run on it, and each is declined before it would change anything.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
from bench import Bench, kinds
from botocore.session import Session as Models
from fakeaws import FakeAws
from stage import QUEUE

from infragen.assembly.stacks import StackLayout, StackUnit
from infragen.cloud.cloudformation import ABSENT, ChangeSet
from infragen.engine.deploy import deploy_plan
from infragen.engine.destroy import destroy_environment
from infragen.engine.options import Options
from infragen.engine.progress import Planned, PlannedDeletion, PlannedRecovery
from infragen.engine.recover import recover_environment
from infragen.engine.run import Deployment
from infragen.errors import InfragenError, Refused


def words(shape: str) -> list[str]:
    """The values of an enumeration of the API."""
    return list(getattr(Models().get_service_model("cloudformation").shape_for(shape), "enum"))  # noqa: B009 # untyped


SETTLED = ("update", "update", "delete", "nothing")
RUNS = ("5", "5", "5", "5")
"""What somebody else's operation means to deploy, plan, destroy and recover: exit code 5."""

STACKS: dict[str, tuple[str, str, str, str]] = {
    # status: deploy, plan, destroy, recover; a number is the exit code of a refusal
    ABSENT: ("create", "create", "nothing", "nothing"),
    "DELETE_COMPLETE": ("create", "create", "nothing", "nothing"),
    "REVIEW_IN_PROGRESS": ("create", "create", "delete", "nothing"),
    "CREATE_COMPLETE": SETTLED,
    "UPDATE_COMPLETE": SETTLED,
    "UPDATE_ROLLBACK_COMPLETE": SETTLED,
    "IMPORT_COMPLETE": SETTLED,
    "IMPORT_ROLLBACK_COMPLETE": SETTLED,
    "ROLLBACK_COMPLETE": ("recreate", "recreate", "delete", "DELETE"),
    "CREATE_FAILED": ("3: --on-failure keep", "3: --on-failure keep", "delete", "3: --allow-data-loss"),
    "UPDATE_FAILED": ("3: --on-failure keep", "3: --on-failure keep", "delete", "3: --allow-data-loss"),
    "ROLLBACK_FAILED": ("3: infragen recover", "3: infragen recover", "delete", "3: --allow-data-loss"),
    "UPDATE_ROLLBACK_FAILED": ("3: infragen recover", "3: infragen recover", "delete", "CONTINUE_ROLLBACK"),
    "DELETE_FAILED": ("3: infragen destroy --retain", "3: infragen destroy --retain", "delete", "3: infragen destroy"),
    "IMPORT_ROLLBACK_FAILED": ("3: console", "3: console", "delete", "3: console"),
    "DELETE_IN_PROGRESS": ("5", "5", "delete", "5"),
    "CREATE_IN_PROGRESS": RUNS,
    "ROLLBACK_IN_PROGRESS": RUNS,
    "UPDATE_IN_PROGRESS": RUNS,
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": RUNS,
    "UPDATE_ROLLBACK_IN_PROGRESS": RUNS,
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": RUNS,
    "IMPORT_IN_PROGRESS": RUNS,
    "IMPORT_ROLLBACK_IN_PROGRESS": RUNS,
    "SOMETHING_NEW": ("3: does not know it", "3: does not know it", "3: does not know it", "3: does not know it"),
    "SOMETHING_NEW_IN_PROGRESS": ("5", "5", "3: does not know it", "3: does not know it"),
}
COMMANDS = ("deploy", "plan", "destroy", "recover")
RUNNING = [status for status, cells in STACKS.items() if cells[0] == "5"]


def stack_in(bench: Bench, status: str, ours: bool = False) -> StackUnit:
    """The environment's only stack in this state; gives a unit that would change it."""
    aws, unit = bench.aws, bench.unit("queue", {"Jobs": QUEUE})
    if status != ABSENT:
        if ours:
            assert bench.deploy_units(unit).exit_code == 0
        else:
            bench.place(unit)
        stack = aws.stack(unit.stack)
        stack.status = status
        stack.change_set_id = stack.change_set_id if ours else None
        if status == "ROLLBACK_COMPLETE":
            stack.resources["Jobs"].status = "DELETE_COMPLETE"
    bench.ui.events.clear()
    bench.ui.answer = False
    return bench.unit("queue", {"Jobs": {**QUEUE, "Properties": {"DelaySeconds": 5}}})


def decision(bench: Bench, command: str, unit: StackUnit) -> str:
    """What a command would do, as it shows before it asks; or the exit code and hint of its refusal."""
    session = bench.session
    try:
        if command == "plan":
            bench.plan_units(unit)
        elif command == "deploy":
            deploy_plan(StackLayout(bench.env, (unit,), ()), session, Options(follow_timeout=20))
        elif command == "destroy":
            destroy_environment(bench.env, session)
        else:
            recover_environment(bench.env, session)
    except Refused as error:
        if not error.message.startswith("declined"):
            return f"3: {error.hint}"
    except InfragenError as error:
        return str(error.exit_code)
    for event in reversed(bench.ui.events):
        if isinstance(event, Planned):
            return event.plan.stacks[0].action
        if isinstance(event, PlannedDeletion):
            return "delete" if event.plan.stacks else "nothing"
        if isinstance(event, PlannedRecovery):
            return event.plan.remedies[0].action.name if event.plan.remedies else "nothing"
    return "nothing"


def agrees(found: str, expected: str) -> bool:
    """Whether a decision is the expected one; of a hint the words count, whatever stands between them."""
    code, _, hint = expected.partition(": ")
    return found == expected if not hint else found.startswith(f"{code}: ") and all(w in found for w in hint.split())


def test_p3_the_table_has_every_status_of_the_api() -> None:
    """P3: 23 values, absent, and two that do not exist."""
    assert {*words("StackStatus"), ABSENT, "SOMETHING_NEW", "SOMETHING_NEW_IN_PROGRESS"} == set(STACKS)


@pytest.mark.long
@pytest.mark.promise("P3", "states of a stack before a command: one answer to each, unknown ones too")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("status", STACKS)
def test_p3_each_command_has_one_answer_to_each_status(bench: Bench, aws: FakeAws, status: str, command: str) -> None:
    """P3: what is shown, or the exit code with what to type next; nothing is executed or deleted before the answer."""
    unit = stack_in(bench, status)
    before = aws.mutations()
    found = decision(bench, command, unit)
    assert agrees(found, STACKS[status][COMMANDS.index(command)]), found
    changed = {each.partition(":")[2] for each in aws.mutations()[len(before) :]}
    assert changed <= {"CreateChangeSet", "DeleteChangeSet"} | (
        {"DeleteStack"} if command in ("plan", "deploy") else set()
    )
    aws.cloud.violations.clear()  # states were put in by hand


@pytest.mark.long
@pytest.mark.parametrize("command", ["deploy", "plan"])
@pytest.mark.parametrize("status", RUNNING)
def test_p3_an_operation_of_ours_is_followed(bench: Bench, aws: FakeAws, status: str, command: str) -> None:
    """P3: deploy follows it (here: longer than it was told to, exit code 6), plan is a conflict; unknown is refused."""
    unit = stack_in(bench, status, ours=True)
    before = aws.mutations()
    expected = {"deploy": "6", "plan": "5"}[command] if "SOMETHING" not in status else "3: does not know it"
    assert agrees(decision(bench, command, unit), expected)
    assert aws.mutations() == before


@pytest.mark.parametrize("status", ["CREATE_FAILED", "UPDATE_FAILED"])
def test_p3_what_was_kept_is_continued_when_that_is_wanted(bench: Bench, aws: FakeAws, status: str) -> None:
    """P3: --on-failure keep makes the refusal an update that goes on from there."""
    unit = stack_in(bench, status)
    with pytest.raises(Refused, match="declined"):
        deploy_plan(StackLayout(bench.env, (unit,), ()), bench.session, Options(on_failure="keep"))
    [planned] = [each for each in bench.ui.events if isinstance(each, Planned)]
    assert planned.plan.stacks[0].action == "continue"


# --- change sets ----------------------------------------------------------------------------------------------------

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
STATUSES = [*words("ChangeSetStatus"), "SOMETHING_NEW"]
EXECUTIONS = [*words("ExecutionStatus"), "SOMETHING_NEW"]


def answer(status: str, execution: str) -> str:
    """The table: wait, execute, nothing to do, a failure (1), or a conflict (5) for what is not ours to explain."""
    if status in ("CREATE_PENDING", "CREATE_IN_PROGRESS") or (status, execution) == ("CREATE_COMPLETE", "UNAVAILABLE"):
        return "wait"
    if (status, execution) == ("CREATE_COMPLETE", "AVAILABLE"):
        return "execute"
    return "1" if status == "FAILED" else "5"


class Pretending:
    """AWS, but for the first looks at a change set, which find it in another state."""

    def __init__(self, cloud: Any, pretended: dict[str, Any], looks: int) -> None:
        self._cloud, self._pretended, self._looks = cloud, pretended, looks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cloud, name)

    def change_set(self, change_set_id: str, stack_id: str) -> ChangeSet | None:
        found: ChangeSet | None = self._cloud.change_set(change_set_id, stack_id)
        self._looks -= 1
        return dataclasses.replace(found, **self._pretended) if found and self._looks >= 0 else found


def deploy_with(bench: Bench, looks: int, **pretended: Any) -> Deployment:
    session = bench.session
    cloud: Any = Pretending(session.cloud, pretended, looks)
    unit = bench.unit("data", {"Jobs": QUEUE})
    return deploy_plan(StackLayout(bench.env, (unit,), ()), dataclasses.replace(session, cloud=cloud), Options())


@pytest.mark.long
@pytest.mark.promise("P3", "states of a change set before it is executed: one answer to each")
@pytest.mark.parametrize(("status", "execution"), list(itertools.product(STATUSES, EXECUTIONS)))
def test_p3_each_state_of_a_change_set_has_one_answer(bench: Bench, aws: FakeAws, status: str, execution: str) -> None:
    """P3: waited for, executed, or an error with its exit code; it is never executed in any state but one."""
    expected = answer(status, execution)
    if expected in ("wait", "execute"):
        looks = 3 if expected == "wait" else 0
        done = deploy_with(bench, looks, status=status, execution_status=execution)
        assert kinds(done.outcomes) == {"data": "Deployed"}
        return
    with pytest.raises(InfragenError, match=f"{status}/{execution}") as caught:
        deploy_with(bench, 1, status=status, execution_status=execution)
    assert str(caught.value.exit_code) == expected
    assert "cloudformation:ExecuteChangeSet" not in aws.mutations()


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_p3_a_failure_without_changes_is_nothing_to_do(bench: Bench, aws: FakeAws, execution: str) -> None:
    """P3: FAILED with that reason, whatever the execution status says; with any other status the words mean nothing."""
    done = deploy_with(bench, 1, status="FAILED", execution_status=execution, reason=NO_CHANGES)
    assert kinds(done.outcomes) == {"data": "Unchanged"}
    with pytest.raises(InfragenError):
        deploy_with(bench, 1, status="DELETE_FAILED", execution_status=execution, reason=NO_CHANGES)
    assert "cloudformation:ExecuteChangeSet" not in aws.mutations()
