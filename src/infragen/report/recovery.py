"""What a recovery will do, as text: why each stack needs it, what is stuck, what is skipped."""

from collections.abc import Iterator

from rich.text import Text

from infragen.cloud.cloudformation import NO_REASON, OnRecover
from infragen.engine.deletion_plan import RecoveryPlan, Remedy
from infragen.report.deletion import resource_lines

_SENTENCES = {
    OnRecover.CONTINUE_ROLLBACK: "its rollback is continued (ContinueUpdateRollback)",
    OnRecover.ROLLBACK: "it is rolled back to where it was, or deleted if it never was complete (RollbackStack)",
    OnRecover.DELETE: "what its failed first creation left is deleted",
}

NEVER_COMPLETE = "AWS deletes it with what was built: it never was complete (RollbackStack)"


def recovery_lines(plan: RecoveryPlan) -> Iterator[Text]:
    """Yield each stack with its state, what is done about it, and the resources that are in the way."""
    if not plan.remedies:
        yield Text(f"{plan.environment}: nothing needs recovery", style="bold")
    for remedy in plan.remedies:
        yield from _remedy(remedy)


def _remedy(remedy: Remedy) -> Iterator[Text]:
    yield Text.assemble((remedy.layer, "bold"), f"  {remedy.state.name}  {remedy.state.status}")
    yield Text(f"  because of {remedy.why}")
    first = remedy.action is OnRecover.ROLLBACK and remedy.state.status == "CREATE_FAILED"
    sentence = NEVER_COMPLETE if first else _SENTENCES.get(remedy.action, "")
    yield Text(f"  {sentence}", style="yellow")
    for each in remedy.stuck:
        given_up = (
            "is skipped: afterwards it no longer matches the template" if each in remedy.skipped else "is tried again"
        )
        yield Text(f"  {each.place}  {each.type}  {given_up}  ({each.reason or NO_REASON})")
    for lost in remedy.loses:
        yield Text(f"  {lost.place}  {lost.type}  holds data and is deleted  ({lost.physical_id})", style="red")
    if remedy.to_delete:
        yield from resource_lines(remedy.to_delete)
