"""Termination protection and stack policies: the second belt, which holds even when infragen is not asked.

The policy denies what the guard refuses. It is not inherited by nested stacks, so each of them gets its own, and the
root protects those of its nested stacks that hold data.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping

from infragen.assembly.stacks import StackUnit
from infragen.cloud.cloudformation import PropertyChange, StackState
from infragen.cloud.protocol import Cloud
from infragen.engine.progress import Session, Warned
from infragen.errors import Unsupported
from infragen.gates.data_loss import stack_policy, stateful
from infragen.plan.model import OTHER_POLICY, STACK_POLICY


def protect_or_warn(
    session: Session, unit: StackUnit, state: StackState, nested: Mapping[str, str], allowed: Collection[str] = ()
) -> bool:
    """Work like `protect`; an endpoint of one's own that has no such operation costs a warning, AWS
    raises Unsupported.
    """
    try:
        return protect(session.cloud, unit, state, nested, allowed)
    except Unsupported as error:
        if not session.cloud.custom_endpoint:
            raise
        session.ui.tell(Warned(f"{unit.stack} is not protected as its environment says: {error.message}"))
        return False


def protect(
    cloud: Cloud, unit: StackUnit, state: StackState, nested: Mapping[str, str], allowed: Collection[str] = ()
) -> bool:
    """Set the stack policies of a unit and its nested stacks and termination protection, where they are missing.

    Says whether anything was. `nested` are the ARNs of the nested stacks by layer; `allowed` are the `layer/LogicalId`
    that this deployment may replace: they are left out until it is done. Termination protection comes last: where it is
    on, the policies are, too.
    """
    changed = False
    for stack_id, _, names in _protected(unit, state.stack_id, nested, allowed):
        found, wanted = cloud.stack_policy(stack_id), stack_policy(names)
        if (found or names) and _read(found) != wanted:
            cloud.set_stack_policy(stack_id, json.dumps(wanted))
            changed = True
    if not state.protected:
        cloud.protect_stack(state.stack_id, True)
        changed = True
    return changed


def unprotect(cloud: Cloud, unit: StackUnit, state: StackState, nested: Mapping[str, str]) -> None:
    """Switch off what `protect` switched on. Termination protection goes last: while it is on, a rerun finds the rest
    to do.
    """
    for stack_id, _, _ in _protected(unit, state.stack_id, nested, ()):
        found = cloud.stack_policy(stack_id)
        if found and _read(found) != stack_policy(()):
            cloud.set_stack_policy(stack_id, json.dumps(stack_policy(())))
    cloud.protect_stack(state.stack_id, False)


def protection_changes(
    cloud: Cloud, unit: StackUnit, state: StackState, nested: Mapping[str, str], wanted: bool
) -> tuple[PropertyChange, ...]:
    """Return what a deployment changes in the termination protection and the stack policies of a unit that is deployed.

    An environment that is not protected has none of both: a stack whose termination protection is off is left alone.
    """
    if not wanted and not state.protected:
        return ()
    changes = []
    if state.protected != wanted:
        changes.append(PropertyChange(("TerminationProtection",), _switch(state.protected), _switch(wanted)))
    for stack_id, layer, names in _protected(unit, state.stack_id, nested, ()):
        found = cloud.stack_policy(stack_id)
        policy = stack_policy(names if wanted else ())
        before = _read(found) if found else stack_policy(())
        if (found or names) and before != policy:
            name = f"StackPolicy of {layer}"
            changes.append(PropertyChange((STACK_POLICY, layer), _denied(before), _denied(policy), name=name))
    return tuple(changes)


def _switch(on: bool) -> str:
    return "on" if on else "off"


def _read(policy: str) -> object:
    """Return the document that a stack policy is; None for what is none."""
    try:
        return json.loads(policy)
    except (ValueError, RecursionError):
        return None


def _denied(policy: object) -> str:
    """Return what a stack policy denies, in words; of one that infragen did not write only that it is another one.

    Somebody wrote that one to deny more than infragen's does, or else: nobody can tell, so replacing it is asked about.
    """
    if policy == stack_policy(()):
        return "denies nothing"
    match policy:
        case {"Statement": [_, {"Resource": [*resources]}]}:
            names = [str(each).partition("/")[2] for each in resources]
            if policy == stack_policy(names):
                return f"denies replacing and deleting {', '.join(names)}"
    return OTHER_POLICY


def _protected(
    unit: StackUnit, stack_id: str, nested: Mapping[str, str], allowed: Collection[str]
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each stack of the unit with its layer and the logical ids to keep."""
    holders = {name: child for name, child in unit.children.items() if stateful(child.body)}
    yield stack_id, unit.layer, _without(unit.layer, [*stateful(unit.body), *holders], allowed)
    for child in holders.values():
        if child.layer in nested:
            yield nested[child.layer], child.layer, _without(child.layer, list(stateful(child.body)), allowed)


def _without(layer: str, names: list[str], allowed: Collection[str]) -> list[str]:
    return [name for name in names if f"{layer}/{name}" not in allowed]
