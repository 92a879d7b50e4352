"""What a deletion will do, as a user reads it before the question."""

from infragen.cloud.cloudformation import StackState
from infragen.engine.deletion_plan import DestroyPlan, ResourceDeletion, StackDeletion
from infragen.report.deletion import deletion_lines

STATE = StackState("arn:stack/shop-dev/1", "shop-dev", "CREATE_COMPLETE")


def lines(*resources: ResourceDeletion) -> list[str]:
    doomed = StackDeletion("root", STATE, resources, frozenset(), frozenset())
    return [line.plain for line in deletion_lines(DestroyPlan("dev", "111111111111", "us-east-1", (doomed,)), 200)]


def test_a_function_in_the_vpc_makes_the_deletion_slow_and_that_is_said() -> None:
    """Whoever watches for half an hour knows that nothing is stuck."""
    function = ResourceDeletion(
        "worker", "MailFunction", "AWS::Lambda::Function", "shop-dev-mail", "deleted", slow=True
    )
    last = lines(function)[-1]
    assert "20 to 40 minutes" in last
    assert "worker/MailFunction" in last


def test_a_function_that_stays_keeps_nobody_waiting() -> None:
    """The sum is the last line then."""
    assert lines(ResourceDeletion("worker", "Kept", "AWS::Lambda::Function", "kept", "kept", slow=True))[-1].endswith(
        "1 kept"
    )
