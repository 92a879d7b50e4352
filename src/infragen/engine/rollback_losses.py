"""What a rollback of a kept failure deletes although it holds data: what the failed operation created.

RollbackStack deletes a stack that never was complete, and what a failed update created (API reference, RollbackStack,
read 2026-11-28). What was kept may have been in use since. Reads only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from infragen.cloud.cloudformation import StackState
from infragen.cloud.template import STACK_TYPE
from infragen.engine.deletion_plan import ResourceDeletion
from infragen.engine.follow import LayerEvent
from infragen.engine.next_steps import never_made
from infragen.engine.observe import deployed_body
from infragen.engine.operate import GONE, Target, last_done, name_child
from infragen.engine.progress import Session
from infragen.gates.data_loss import holds_data

NEVER_COMPLETE = "CREATE_FAILED"
MADE = ("CREATE_COMPLETE", "CREATE_FAILED")


def losses(session: Session, layer: str, state: StackState) -> tuple[ResourceDeletion, ...]:
    """Return what holds data and goes with the rollback of a stack in CREATE_FAILED or UPDATE_FAILED, nested stacks
    included.

    DeletionPolicy Retain keeps it; RetainExceptOnCreate does not (User Guide, "DeletionPolicy attribute"). Whether a
    rollback makes a snapshot is nowhere said, so that Snapshot counts as deleted.
    """
    created = None
    if state.status != NEVER_COMPLETE:
        created = _created(last_done(session, Target(layer, state.name, name_child), state))
    return tuple(_standing(session, layer, state, created))


def _created(events: Collection[LayerEvent]) -> frozenset[str]:
    """Return what an operation created, as `layer/LogicalId`."""
    own = (each for each in events if each.event.status in MADE and each.event.physical_id)
    return frozenset(f"{each.layer}/{each.event.logical_id}" for each in own)


def _standing(
    session: Session, layer: str, state: StackState, created: frozenset[str] | None
) -> Iterator[ResourceDeletion]:
    """Yield what stands in a stack and holds data; of an update only what it `created`."""
    written = deployed_body(session.cloud, state).get("Resources", {})
    for each in session.cloud.resources(state.stack_id):
        if each.status in GONE or not each.physical_id or never_made(each):
            continue
        place = f"{layer}/{each.logical_id}"
        if each.type == STACK_TYPE:
            child = session.cloud.stack(each.physical_id)
            if child is not None and child.status != "DELETE_COMPLETE":
                inner = None if created is not None and place in created else created
                yield from _standing(session, name_child(layer, each.logical_id), child, inner)
        elif created is None or place in created:
            policy = written.get(each.logical_id, {}).get("DeletionPolicy", "")
            if policy != "Retain" and holds_data(each.type):
                yield ResourceDeletion(layer, each.logical_id, each.type, each.physical_id, "deleted")
