"""What is deployed: the state of every stack of an environment, and the outputs people ask for. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from infragen.assembly.stacks import ARTIFACTS, ROOT, stack_name
from infragen.assembly.synth import Assembly
from infragen.cloudformation import ABSENT, STACK_TYPE, StackState, row
from infragen.config import Environment
from infragen.engine.next_steps import next_step
from infragen.engine.observe import Observed, observe
from infragen.engine.operate import Target, how_failed, name_child
from infragen.engine.progress import Session
from infragen.errors import CloudError


@dataclass(frozen=True)
class LayerStatus:
    """One stack: where it stands, since when, why when its last operation failed, and what to type then."""

    layer: str
    stack: str
    status: str
    reason: str = ""
    since: datetime | None = None
    protected: bool = False
    hint: str = ""
    cause: str = ""


def status(assembly: Assembly, session: Session) -> tuple[LayerStatus, ...]:
    """Every stack that the environment should have, and those it has beyond that, the artifact bucket's last."""
    env = assembly.environment
    observed = observe(session, env)
    nested = env.topology == "nested"
    wanted = [ROOT] if nested else [each.layer for each in assembly.templates]
    beyond = [layer for layer in observed.layers if layer not in (*wanted, ARTIFACTS)]
    return tuple(each for layer in [*wanted, *beyond, ARTIFACTS] for each in _statuses(session, env, layer, observed))


def _statuses(session: Session, env: Environment, layer: str, observed: Observed) -> Iterator[LayerStatus]:
    state = observed.layers.get(layer)
    if state is None:
        yield LayerStatus(layer, stack_name(env, layer), ABSENT)
        return
    yield _explained(session, _status(layer, state), state)
    if layer == ROOT:
        for resource in session.cloud.resources(state.stack_id):
            child = observed.by_id.get(resource.physical_id)
            if resource.type == STACK_TYPE and child is not None:
                yield _status(resource.logical_id.lower(), child)


def _explained(session: Session, found: LayerStatus, state: StackState) -> LayerStatus:
    """A failed stack with its root cause and the next step; without the cause where its events cannot be read."""
    if not (state.status.endswith("_FAILED") or state.status.endswith("ROLLBACK_COMPLETE")):
        return found
    cause, hint = None, next_step(state.status)
    with suppress(CloudError):
        cause, hint = how_failed(session, Target(found.layer, found.stack, name_child), state)
    return replace(found, cause=str(cause or ""), hint=found.hint or hint)


def _status(layer: str, state: StackState) -> LayerStatus:
    return LayerStatus(
        layer, state.name, state.status, state.reason, state.updated or state.created, state.protected,
        row(state.status).hint,
    )  # fmt: skip


def outputs(assembly: Assembly, session: Session) -> dict[str, str]:
    """The outputs that people need (addresses, repository, endpoints); the same in both topologies."""
    observed = observe(session, assembly.environment)
    wanted = [each for template in assembly.templates for each in template.outputs if each.for_people]
    found = {}
    for each in wanted:
        for layer in (ROOT, each.layer):
            state = observed.layers.get(layer)
            if state is not None and each.name in state.outputs:
                found[each.name] = state.outputs[each.name]
    return found
