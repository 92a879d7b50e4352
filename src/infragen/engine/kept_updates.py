"""Updates that are kept when they fail (--on-failure keep), and what AWS refuses in them.

With rollback disabled CloudFormation replaces nothing: it refuses the replacement half-way, when other resources are
changed already ("Replacement type updates not supported on stack with disable-rollback", aws/aws-sam-cli#4164,
smoketurner/serverless-vpc-plugin#1221). So such an update is refused here, before anything is executed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from infragen.cloud.cloudformation import ResourceChange
from infragen.cloud.template import STACK_TYPE
from infragen.engine.observe import Observed, nested_stacks
from infragen.engine.preview import Prepared
from infragen.engine.progress import Session
from infragen.errors import Refused


def refuse_replacements(session: Session, observed: Observed, prepared: Sequence[Prepared]) -> None:
    """Raise Refused when an update of a stack that exists would replace something, or may."""
    found = list(_replaced(prepared, _not_made(session, observed, prepared)))
    if not found:
        return
    names = ", ".join(f"{row.place} {'would' if row.replacement == 'True' else 'may'} be replaced" for row in found)
    goes_on = any(each.examined.action == "continue" for each in prepared)
    first = "`infragen recover` rolls back what was kept; then deploy" if goes_on else "deploy"
    raise Refused(
        f"AWS replaces nothing while rollback is disabled, as --on-failure keep does: {names}; nothing was executed",
        f"{first} without --on-failure keep: what fails is then rolled back",
    )


def _replaced(prepared: Sequence[Prepared], not_made: Collection[str]) -> Iterator[ResourceChange]:
    """Yield the rows that replace, and nested stacks of which nobody compares what is inside. What a failed creation
    did not make is not replaced but tried again.
    """
    for each in prepared:
        if each.examined.live is not None:
            unit, layers = each.examined.unit, {plan.layer for plan in each.plans}
            rows = [row for plan in each.plans for row in plan.changes if row.place not in not_made]
            unseen = (row for row in rows if row.type == STACK_TYPE and row.action == "Modify")
            yield from (row for row in unseen if unit.child_layer(row.layer, row.logical_id) not in layers)
            others = (row for row in rows if row.type != STACK_TYPE)
            yield from (row for row in others if row.replacement in ("True", "Conditional"))


def _not_made(session: Session, observed: Observed, prepared: Sequence[Prepared]) -> set[str]:
    found = set[str]()
    for each in prepared:
        unit, state = each.examined.unit, each.examined.state
        if state is not None and each.examined.action == "continue":
            nested = observed.nested_in(unit, state.stack_id) or nested_stacks(session.cloud, unit, state.stack_id)
            for layer, stack_id in {unit.layer: state.stack_id, **nested}.items():
                rows = session.cloud.resources(stack_id)
                found.update(f"{layer}/{row.logical_id}" for row in rows if row.status == "CREATE_FAILED")
    return found
