"""What is deployed: the state of every stack of an environment, and the outputs people ask for. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from infragen.assembly.stacks import ARTIFACTS, ROOT, stack_name
from infragen.assembly.synth import Assembly
from infragen.cloud.cloudformation import ABSENT, StackState, row
from infragen.cloud.template import STACK_TYPE
from infragen.config import Environment
from infragen.engine.artifact_bucket import with_shared
from infragen.engine.next_steps import next_step
from infragen.engine.observe import Observed, commit_of, layer_states, nested_layer, observe, with_imported
from infragen.engine.operate import Target, how_failed, name_child
from infragen.engine.progress import Session
from infragen.engine.unread import Unread
from infragen.layers.image_repository import ImageTag


@dataclass(frozen=True)
class LayerStatus:
    """One stack: where it stands, since when, why when its last operation failed, and what to type then.

    `image_tag` is the tag of the image that its service runs, empty for the placeholder, None without a service.
    `commit` is that from which it was last deployed, with "-dirty" behind it when the work tree had changes; empty
    where the change set that was executed does not tell.
    """

    layer: str
    stack: str
    status: str
    reason: str = ""
    since: datetime | None = None
    protected: bool = False
    hint: str = ""
    cause: str = ""
    image_tag: str | None = None
    commit: str = ""


def status(assembly: Assembly, session: Session) -> tuple[LayerStatus, ...]:
    """Return every stack that the environment should have, and those it has beyond that, the artifact bucket's last."""
    env = assembly.environment
    observed = with_shared(session, env, with_imported(session.cloud, env, observe(session, env)))
    nested = env.topology == "nested"
    wanted = [ROOT] if nested else [each.layer for each in assembly.templates]
    beyond = [layer for layer in observed.layers if layer not in (*wanted, ARTIFACTS)]
    inner, unread = [each.layer for each in assembly.templates], Unread(session)
    return tuple(
        each
        for layer in [*wanted, *beyond, ARTIFACTS]
        for each in _statuses(session, env, layer, inner, observed, unread)
    )


def _statuses(
    session: Session, env: Environment, layer: str, inner: Sequence[str], observed: Observed, unread: Unread
) -> Iterator[LayerStatus]:
    """Yield one stack; of a root also those nested in it: the layers of the file, absent ones too, and what else there
    is.
    """
    state = observed.layers.get(layer)
    if state is None:
        name = stack_name(env.artifact_owner if layer == ARTIFACTS else env, layer)
        yield LayerStatus(layer, name, ABSENT)
        if layer == ROOT:
            yield from (LayerStatus(each, f"{name}/{each}", ABSENT) for each in inner)
        return
    explained = _explained(session, _status(layer, state), state, unread)
    yield replace(explained, commit=_commit(session, state, unread))
    if layer == ROOT:
        nested = [each for each in session.cloud.resources(state.stack_id) if each.type == STACK_TYPE]
        children = {nested_layer(each, inner, observed): observed.by_id.get(each.physical_id) for each in nested}
        for name in dict.fromkeys((*children, *inner)):
            child = children.get(name)
            yield _status(name, child) if child is not None else LayerStatus(name, f"{state.name}/{name}", ABSENT)


def _commit(session: Session, state: StackState, unread: Unread) -> str:
    """Return the commit in the description of the change set that was executed last; empty where it may not be read."""
    if not state.change_set_id:
        return ""
    with unread.going_on("the commits that stacks were deployed from are not known"):
        return commit_of(session.cloud.change_set_description(state.change_set_id, state.stack_id))
    return ""


def _explained(session: Session, found: LayerStatus, state: StackState, unread: Unread) -> LayerStatus:
    """Return a failed stack with its root cause and the next step; without the cause where its events
    cannot be read.
    """
    if not (state.status.endswith("_FAILED") or state.status.endswith("ROLLBACK_COMPLETE")):
        return found
    cause, hint = None, next_step(state.status)
    with unread.going_on("why a stack failed is not known"):
        cause, hint = how_failed(session, Target(found.layer, found.stack, name_child), state)
    return replace(found, cause=str(cause or ""), hint=hint or found.hint)


def _status(layer: str, state: StackState) -> LayerStatus:
    return LayerStatus(
        layer, state.name, state.status, state.reason, state.updated or state.created, state.protected,
        row(state.status).hint, image_tag=state.parameters.get(ImageTag.name) if layer != ROOT else None,
    )  # fmt: skip


def outputs(assembly: Assembly, session: Session, operational: bool = True) -> dict[str, str]:
    """Return the outputs that people need (addresses, repository, endpoints), with `operational` also the names of what
    runs, and the tag of the image that runs, which is empty for the placeholder; layer by layer, the same in both
    topologies.
    """
    observed = observe(session, assembly.environment)
    root, states = observed.layers.get(ROOT), layer_states(assembly, observed)
    found = {}
    for template in assembly.templates:
        stacks = [each for each in (states.get(template.layer), root) if each is not None]
        for output in template.outputs:
            values = [each.outputs[output.name] for each in stacks if output.name in each.outputs]
            if values and (output.for_people or (operational and output.operational)):
                found[output.name] = values[0]
        takes = any(each.name == ImageTag.name for each in template.parameters)
        tags = [each.parameters[ImageTag.name] for each in stacks if ImageTag.name in each.parameters]
        if takes and tags:
            found[ImageTag.name] = tags[0]
    return found
