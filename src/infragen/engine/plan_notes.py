"""What a plan says of a stack beside its changes: its service role, parameters whose values AWS alone knows.

Pure. CloudFormation says neither in a change set, and deploys nothing for them alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from infragen.changes.comparison import OPAQUE
from infragen.cloud.cloudformation import PropertyChange
from infragen.engine.preview import Prepared
from infragen.plan.model import SERVICE_ROLE, StackPlan
from infragen.secrecy.shown import Absent


def with_notes(prepared: Prepared) -> tuple[StackPlan, ...]:
    """Return the plans of a unit and its nested stacks with their notes."""
    unit, plans = prepared.examined.unit, prepared.plans
    bodies = {unit.layer: unit.body, **{child.layer: child.body for child in unit.children.values()}}
    if prepared.change_set is not None or any(each.action != "none" for each in plans):
        return plans
    return tuple(replace(each, notes=(*each.notes, *_opaque_notes(bodies.get(each.layer, {})))) for each in plans)


def service_role(now: str, wanted: str, *, updated: bool) -> tuple[PropertyChange, ...]:
    """Return the row of a service role that is not as the file says; `updated` tells whether the deployment updates its
    stack.

    CloudFormation takes a role with an update that changes something, uses it for every later operation on the stack,
    also where none is given, and cannot remove it (User Guide, "CloudFormation service role", read 2026-11-28).
    """
    if now == wanted:
        return ()
    if not wanted:
        stays = (
            f"{now} stays, although iam.service_role_arn is not set: CloudFormation cannot remove a role from a stack; "
            "name another one to replace it"
        )
        return (PropertyChange((SERVICE_ROLE,), now, now, note=stays),)
    later = "nothing is deployed for it alone; CloudFormation takes it with the next update of this stack"
    return (PropertyChange((SERVICE_ROLE,), now or Absent(), wanted, note="" if updated else later),)


def _opaque_notes(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield parameters that CloudFormation resolves when it makes a change set, of a template for which
    none is made.
    """
    kinds = {name: str(each.get("Type", "")) for name, each in body.get("Parameters", {}).items()}
    names = [name for name, kind in kinds.items() if kind.startswith(OPAQUE)]
    if names:
        yield (
            f"{', '.join(names)}: not looked at; the value is in Parameter Store, and the next update of this stack "
            "takes the one that is there then"
        )
