"""What a plan says of a stack beside its changes: a service role that differs, parameters whose values AWS alone knows.

Pure. CloudFormation says neither in a change set, and deploys nothing for them alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from infragen.engine.preview import OPAQUE, Examined, Prepared
from infragen.plan.model import StackPlan


def with_notes(prepared: Prepared, role: str) -> tuple[StackPlan, ...]:
    """The plans of a unit and its nested stacks with their notes; `role` is `iam.service_role_arn`, or empty."""
    examined, plans = prepared.examined, prepared.plans
    unit = examined.unit
    bodies = {unit.layer: unit.body, **{child.layer: child.body for child in unit.children.values()}}
    unchanged = all(each.action == "none" for each in plans)

    def notes(plan: StackPlan) -> Iterator[str]:
        if plan.layer == unit.layer:
            yield from _role_notes(examined, role, unchanged)
        if unchanged and prepared.change_set is None:
            yield from _opaque_notes(bodies.get(plan.layer, {}))

    return tuple(replace(each, notes=(*each.notes, *notes(each))) for each in plans)


def _role_notes(examined: Examined, role: str, unchanged: bool) -> Iterator[str]:
    """A service role that the stack has and the file does not, or another one that nothing brings yet; one that an
    update brings is among the stack's settings.

    CloudFormation takes a role with an update that changes something, uses it for every later operation on the stack,
    also where none is given, and cannot remove it (User Guide, "CloudFormation service role", read 2026-11-28).
    """
    state = examined.state
    if state is None or state.role_arn == role or examined.live is None:
        return
    if not role:
        yield (
            f"service role {state.role_arn} stays, although iam.service_role_arn is not set: CloudFormation cannot "
            "remove a role from a stack; name another one to replace it"
        )
    elif unchanged:
        yield (
            f"service role {state.role_arn or '(not set)'} -> {role}: nothing is deployed for it alone; CloudFormation "
            "takes it with the next update of this stack"
        )


def _opaque_notes(body: Mapping[str, Any]) -> Iterator[str]:
    """Parameters that CloudFormation resolves when it makes a change set, of a template for which none is made."""
    kinds = {name: str(each.get("Type", "")) for name, each in body.get("Parameters", {}).items()}
    names = [name for name, kind in kinds.items() if kind.startswith(OPAQUE)]
    if names:
        yield (
            f"{', '.join(names)}: not looked at; the value is in Parameter Store, and the next update of this stack "
            "takes the one that is there then"
        )
