"""What is deployed now, and whether we may touch it: the account, the region, the stacks, whose they are.

Reads only. Whatever is not clearly ours is refused here, before anything is written.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from infragen.assembly.stacks import ARTIFACTS_TAG, BESIDE, ROOT, StackLayout, StackUnit, account_of, stack_name
from infragen.assembly.synth import Assembly
from infragen.assembly.templatefile import parse_deployed
from infragen.cloud.cloudformation import OnDeploy, StackResource, StackState, row, running
from infragen.cloud.protocol import Cloud, Identity
from infragen.cloud.template import STACK_TYPE, layer_of_id
from infragen.config import SHARED, Environment
from infragen.engine.follow import current
from infragen.engine.operate import is_ours, runs_ours
from infragen.engine.progress import Connected, Following, Session, Warned
from infragen.engine.retry import retrying
from infragen.errors import CloudError, Conflict, Refused
from infragen.layers.project import names
from infragen.secrecy.visible import Shown, shown


@dataclass(frozen=True)
class Observed:
    """The environment's own stacks by layer, and every stack of its name by ARN (nested ones are among them)."""

    identity: Identity
    layers: Mapping[str, StackState]
    by_id: Mapping[str, StackState]
    by_name: Mapping[str, StackState]

    def nested_in(self, unit: StackUnit, stack_id: str) -> dict[str, str]:
        """Return the ARNs of a unit's nested stacks by layer; empty unless all are there, each tagged
        with its layer.
        """
        inside = (each for each in self.by_id.values() if each.parent_id == stack_id)
        found = {each.tags.get("Layer", ""): each.stack_id for each in inside}
        return found if found.keys() >= {child.layer for child in unit.children.values()} else {}

    def inside(self, state: StackState) -> dict[str, StackState]:
        """Return the stacks nested in one, by the layer that their tag names."""
        nested = (each for each in self.by_id.values() if each.parent_id == state.stack_id)
        return {each.tags.get("Layer", ""): each for each in nested if not each.status.startswith("DELETE")}

    def stack_of(self, layer: str) -> StackState | None:
        """Return the stack of a layer, nested in the root or alone; None where there is none."""
        root, alone = self.layers.get(ROOT), self.layers.get(layer)
        return self.inside(root).get(layer, alone) if root is not None else alone


def place_words(env: Environment, identity: Identity) -> str:
    """Return the environment, account and region as a question names them."""
    return f"{env.environment} ({identity.account}, {identity.region})"


def check_identity(session: Session, env: Environment) -> Identity:
    """Raise Refused unless the credentials belong to the file's account and the region is the file's."""
    identity = session.cloud.identity()
    account = account_of(env)
    if identity.account != account:
        raise Refused(
            f"{env.environment} belongs to account {account}; the credentials in use are of {identity.account} "
            f"({identity.arn})",
            "use the right profile, or fix `account` in the environment file; nothing was changed",
        )
    if identity.region != env.region:
        raise Refused(
            f"{env.environment} is in {env.region}; the session is in {identity.region}",
            "use a session of that region, or fix `region` in the environment file; nothing was changed",
        )
    if identity.partition != _partition(env.region):
        raise Refused(
            f"{env.region} is in partition {_partition(env.region)}; the credentials are of {identity.partition}",
            "use a profile of that partition, or fix `region` in the environment file; nothing was changed",
        )
    session.ui.tell(Connected(identity))
    return identity


def _partition(region: str) -> str:
    for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(prefix):
            return partition
    return "aws"


def observe(session: Session, env: Environment) -> Observed:
    """Read every stack whose name begins with the environment's, after the identity check."""
    identity = check_identity(session, env)
    states = session.cloud.stacks(env.name)
    layers = {state.tags["infragen:layer"]: state for state in states if is_of(state, env)}
    return Observed(identity, layers, {s.stack_id: s for s in states}, {s.name: s for s in states})


def deployed_body(cloud: Cloud, state: StackState) -> dict[str, Any]:
    """Return the template of a deployed stack. Raises CloudError for one that cannot be read."""
    return parse_deployed(cloud.template(state.stack_id), state.name)


def is_of(state: StackState, env: Environment) -> bool:
    """Return whether a stack is one of this environment's own: its tags say so and its name is the one they mean."""
    tags = state.tags
    mine = (tags.get("infragen:project"), tags.get("infragen:environment")) == (env.project, env.environment)
    if env.environment == SHARED and not _same_bucket(state, env):
        return False  # an environment of that name, and the bucket that others share, are two things
    return mine and not state.parent_id and state.name == stack_name(env, tags.get("infragen:layer", ""))


def _same_bucket(state: StackState, env: Environment) -> bool:
    return state.tags.get(ARTIFACTS_TAG, "own") == env.artifact_bucket


def check_unmoved(env: Environment, observed: Observed) -> None:
    """Raise Refused where the environment is deployed with its artifacts in the other kind of bucket. A rollback would
    fetch code from the old one, which the roles reach no more.
    """
    for layer, state in observed.layers.items():
        if layer not in BESIDE and not _same_bucket(state, env):
            was = state.tags.get(ARTIFACTS_TAG, "own")
            raise Refused(
                f"{state.name} is deployed with `artifact_bucket: {was}`, and the environment file says "
                f"{env.artifact_bucket}: an environment does not move from one bucket to another; nothing was changed",
                f"put `artifact_bucket: {was}` back; to move, delete the environment with it "
                f"(`infragen destroy --env {env.environment} --bootstrap`) and deploy it again",
            )


def left_behind(plan: StackLayout, observed: Observed) -> tuple[StackState, ...]:
    """Return the stacks of layers that are off by now, of an environment with a stack for each layer."""
    planned = {unit.layer for unit in plan.units}
    if plan.environment.topology == "nested" or planned & set(BESIDE):
        return ()
    others = (state for layer, state in observed.layers.items() if layer not in planned and layer not in BESIDE)
    return tuple(state for state in others if state.status != "REVIEW_IN_PROGRESS")


def check_stacks(session: Session, plan: StackLayout, observed: Observed, adopt: bool = False) -> None:
    """Raise Refused or Conflict when a stack is not ours, of the other topology, or in a state that bars the way."""
    env = plan.environment
    planned = {unit.layer for unit in plan.units}
    check_unmoved(env, observed)
    for layer, state in observed.layers.items():
        if layer in planned or layer in BESIDE or planned & set(BESIDE):
            continue  # what bootstrap makes serves both topologies
        if (layer == ROOT) != (env.topology == "nested"):
            raise Refused(
                f"{state.name} exists, of the other topology: {env.environment} is {env.topology} in its file",
                "a topology is not changed in place, it would build a second copy; put the old value back",
            )
        session.ui.tell(
            Warned(f"{state.name} is deployed, and {layer} is not in the environment file any more; it stays")
        )
    for unit in plan.units:
        state_or_none = observed.by_name.get(unit.stack)
        if state_or_none is not None:
            check_stack(session.cloud, unit, state_or_none, env, adopt)
            refuse_nested(session.cloud, observed, state_or_none, _LATER)


_LATER = "run the same command when it has ended, or let `infragen deploy --wait` wait for it"


def check_stack(cloud: Cloud, unit: StackUnit, state: StackState, env: Environment, adopt: bool) -> None:
    """Raise Refused for a stack that is not ours to change, Conflict for one that somebody is changing."""
    if state.parent_id:
        raise Refused(
            f"{state.name} is nested in {state.parent_id}; it is changed through that stack only",
            "give the environment or the project another name: this one is taken",
        )
    if state.status == "DELETE_IN_PROGRESS" and not runs_ours(cloud, state):
        raise Conflict(what_runs(cloud, state), "run the same command when it is gone")
    untagged = (
        state.status == "DELETE_IN_PROGRESS"
        or _is_only_reviewed(cloud, state)
        or _is_only_imported(cloud, state, env, unit.layer)
    )
    if not (is_of(state, env) or adopt or untagged):
        raise Refused(
            f"a stack {state.name} exists and does not carry infragen's tags for {env.name}",
            "if it is meant to be this environment's, take it over with --adopt",
        )
    if running(state.status) and not runs_ours(cloud, state):
        raise Conflict(what_runs(cloud, state), _LATER)
    if row(state.status).deploy is OnDeploy.REFUSE:
        raise Refused(f"{state.name} is {state.status}", row(state.status).hint)


def _is_only_reviewed(cloud: Cloud, state: StackState) -> bool:
    """Return a stack that never existed but for change sets of ours: it shows no tags before it is created (recorded
    2025).
    """
    return state.status == "REVIEW_IN_PROGRESS" and all(
        is_ours(each.name) for each in cloud.change_sets(state.stack_id)
    )


def _is_only_imported(cloud: Cloud, state: StackState, env: Environment, layer: str) -> bool:
    """Return whether nothing but an import of ours for this layer made a stack: CloudFormation gives it no tags then,
    and the description of the change set says whose it is.
    """
    if not state.status.startswith("IMPORT_") or state.tags or not is_ours(state.change_set_id):
        return False
    description = cloud.change_set_description(state.change_set_id, state.stack_id)
    return description.partition(MADE_BY)[0] == described(env, layer, "")


def with_imported(cloud: Cloud, env: Environment, observed: Observed) -> Observed:
    """Return what was observed, with the stacks that nothing but an import of ours made among the layers."""
    found = {
        layer: state
        for state in observed.by_id.values()
        if state.status.startswith("IMPORT_") and not state.parent_id
        for layer in _known_layers(env)
        if state.name == stack_name(env, layer) and _is_only_imported(cloud, state, env, layer)
    }
    return replace(observed, layers={**observed.layers, **found})


def what_runs(cloud: Cloud, state: StackState) -> str:
    """Return what runs on a stack, since when, and whose it is: of infragen the run, its commit and its caller, as the
    description of the executed change set says; else the token, where AWS tells.
    """
    since = f" since {state.updated or state.created:%H:%M:%S} UTC" if state.updated or state.created else ""
    whose = _our_run(cloud, state) if runs_ours(cloud, state) else _others_token(cloud, state)
    return f"{state.name} is {state.status}{since} ({whose})"


def _our_run(cloud: Cloud, state: StackState) -> str:
    said = ""
    if is_ours(state.change_set_id) and state.status != "DELETE_IN_PROGRESS":
        with suppress(CloudError):  # it only explains
            said = cloud.change_set_description(state.change_set_id, state.stack_id)
    caller = said.partition(MADE_BY)[2].partition(BY)[2]
    known = {"run": maker_of(said), "from commit": commit_of(said)[:12], "by": caller}
    return " ".join(["infragen's", *(f"{what} {name}" for what, name in known.items() if name)])


def _others_token(cloud: Cloud, state: StackState) -> str:
    began = current(cloud, state.stack_id)
    return f"token {began.token}, not infragen's" if began is not None and began.token else "not infragen's"


def wait_until_ended(session: Session, env: Environment, limit: float) -> Generator[None, None, None]:
    """Yield until no operation runs on the environment's own stacks, whoever started it, or `limit` seconds have
    passed. A deletion is not waited for: who deletes follows it.
    """
    began, told = session.timer.now(), set[tuple[str, str]]()
    while True:
        observed = yield from retrying(session, ROOT, lambda: observe(session, env))
        busy = [each for _, each in under_way(session.cloud, observed) if _updates(each)]
        for each in busy:
            if (each.name, each.change_set_id) not in told:
                told.add((each.name, each.change_set_id))
                session.ui.tell(Warned(f"waiting: {what_runs(session.cloud, each)}"))
        while busy:
            waited = session.timer.now() - began
            if waited >= limit:
                return
            session.ui.tell(Following(waited, tuple(each.name for each in busy)))
            yield
            looks = [partial(session.cloud.stack, each.stack_id) for each in busy]
            busy = []
            for look in looks:
                state = yield from retrying(session, ROOT, look)
                if state is not None and _updates(state):
                    busy.append(state)
            if not busy:
                break
        else:
            return


def _updates(state: StackState) -> bool:
    return running(state.status) and state.status != "DELETE_IN_PROGRESS"


def wait_for_others(
    session: Session, plan: StackLayout, observed: Observed, limit: float
) -> Generator[None, None, Observed]:
    """Yield what is deployed once no other operation runs on the plan's stacks, or `limit` seconds have passed."""
    began = session.timer.now()
    while (state := _of_somebody_else(session.cloud, plan, observed)) is not None:
        session.ui.tell(Warned(f"waiting: {what_runs(session.cloud, state)}"))
        look = partial(session.cloud.stack, state.stack_id)
        now: StackState | None = state
        while now is not None and running(now.status):
            waited = session.timer.now() - began
            if waited >= limit:
                return observed
            session.ui.tell(Following(waited, (state.name,)))
            yield
            now = yield from retrying(session, ROOT, look)
        observed = yield from retrying(session, ROOT, lambda: observe(session, plan.environment))
    return observed


def _of_somebody_else(cloud: Cloud, plan: StackLayout, observed: Observed) -> StackState | None:
    """Return the first stack of the plan, or nested in one, on which another operation runs."""
    for unit in plan.units:
        state = observed.by_name.get(unit.stack)
        if state is not None and running(state.status) and not runs_ours(cloud, state):
            return state
        inner = _busy_now(cloud, observed, state) if state is not None else None
        if inner is not None:
            return inner
    return None


def busy_inside(states: Iterable[StackState], stack: StackState) -> StackState | None:
    """Return the first stack nested in one, however deep, that is being changed by itself, while the stack around it
    is complete: so `drift --revert` puts a nested stack back. CloudFormation would fail an update of the outer one
    then. Of one that failed, what its nested stacks still do is a part of its own operation.
    """
    if not stack.status.endswith("_COMPLETE"):
        return None
    known = {each.stack_id: each for each in states}
    for each in known.values():
        outer = known.get(each.parent_id) if running(each.status) else None
        while outer is not None:
            if outer.stack_id == stack.stack_id:
                return each
            outer = known.get(outer.parent_id)
    return None


def under_way(cloud: Cloud, observed: Observed) -> Iterator[tuple[str, StackState]]:
    """Yield what runs on the environment's own stacks, by layer: the operation of each, else that of a stack nested in
    it which is being changed by itself, whose name follows the layer's.
    """
    for layer, state in observed.layers.items():
        inner = None if running(state.status) else _busy_now(cloud, observed, state)
        if running(state.status):
            yield layer, state
        elif inner is not None:
            yield f"{layer}/{inner.tags.get('Layer') or inner.name}", inner


def refuse_nested(cloud: Cloud, observed: Observed, stack: StackState, hint: str) -> None:
    """Raise Conflict where a stack nested in one is being changed by itself; `hint` says what to type."""
    inner = _busy_now(cloud, observed, stack)
    if inner is not None:
        raise Conflict(f"{what_runs(cloud, inner)}, nested in {stack.name}", hint)


def _busy_now(cloud: Cloud, observed: Observed, stack: StackState) -> StackState | None:
    """Return the same of what was observed, read once more: the pages of a list of stacks are of different moments."""
    found = busy_inside(observed.by_id.values(), stack)
    now = cloud.stack(found.stack_id) if found is not None else None
    return now if now is not None and running(now.status) else None


def root_of(observed: Observed, state: StackState) -> StackState:
    """Return the stack around a nested one, however deep; any other is its own."""
    parent = observed.by_id.get(state.parent_id)
    return root_of(observed, parent) if parent else state


def under_review(cloud: Cloud, env: Environment, observed: Observed) -> dict[str, StackState]:
    """Return untagged stacks that exist only for change sets of ours, by layer: a first plan or deployment was cut off.

    CloudFormation gives them no tags before they are created; the description of each change set says whose it is. One
    whose change sets are gone is empty: the name that a deployment would give it says the same.
    """
    found: dict[str, StackState] = {}
    for state in observed.by_id.values():
        if state.status == "REVIEW_IN_PROGRESS" and not state.parent_id and not is_of(state, env):
            sets = cloud.change_sets(state.stack_id)
            if not sets and not state.tags:
                found |= {layer: state for layer in _known_layers(env) if state.name == stack_name(env, layer)}
            layer = layer_of(sets[0].description) if sets else ""
            own = described(env, layer, "")
            ours = (is_ours(each.name) and each.description.partition(MADE_BY)[0] == own for each in sets)
            if sets and all(ours) and state.name == stack_name(env, layer):
                found[layer] = state
    return found


def _known_layers(env: Environment) -> tuple[str, ...]:
    """Return the layers whose stacks every environment may have, under the names that only these get."""
    return (ROOT, *BESIDE, *names(env))


MADE_BY = ", made by run "
"""What stands before the name of the run in the description of a change set."""


FROM = ", from commit "
"""What stands before the commit in it, where there is one."""


BY = ", by "
"""What stands before the caller in it: the name of a role and its session, or of a user."""


def described(
    env: Environment, layer: str, run: str, revision: tuple[str, bool] = ("", False), caller: str = ""
) -> Shown:
    """Return the description of our change sets: whose they are, which run made them, from which commit, with "-dirty"
    behind it where the work tree was not clean (as `git describe --dirty` writes it), and who called (an ARN).
    """
    commit = f"{revision[0]}{'' if revision[1] else '-dirty'}" if revision[0] else ""
    who = f"{BY}{caller.rpartition(':')[2]}" if caller else ""
    return shown(f"infragen {env.name} {layer}{MADE_BY if run else ''}{run}{FROM if commit else ''}{commit}{who}")


def layer_of(description: str) -> str:
    """Return the layer in the description of one of our change sets."""
    return description.partition(MADE_BY)[0].rpartition(" ")[2]


def maker_of(description: str) -> str:
    """Return the run that made a change set; empty where its description does not tell."""
    return description.partition(MADE_BY)[2].partition(FROM)[0].partition(BY)[0]


def commit_of(description: str) -> str:
    """Return the commit from which a change set was made; empty where its description does not tell."""
    return description.partition(MADE_BY)[2].partition(FROM)[2].partition(BY)[0]


def layer_stacks(assembly: Assembly, observed: Observed) -> dict[str, str]:
    """Return the ARNs of the stacks of layers that exist, in the order of the layers: of a root those nested in it."""
    return {layer: state.stack_id for layer, state in layer_states(assembly, observed).items()}


def layer_states(assembly: Assembly, observed: Observed) -> dict[str, StackState]:
    """Return the stacks of layers that exist, in the order of the layers: of a root those nested in it."""
    found = {layer: state for layer, state in observed.layers.items() if layer not in (ROOT, *BESIDE)}
    root = observed.layers.get(ROOT)
    if root is not None:
        found |= observed.inside(root)
    order = [each.layer for each in assembly.templates]
    rest = [layer for layer in found if layer not in order]
    return {layer: found[layer] for layer in (*order, *rest) if layer in found}


def nested_layer(nested: StackResource, inner: Sequence[str], observed: Observed) -> str:
    """Return the layer of a nested stack, by its tag where that is one of the file's, else by its logical id."""
    child = observed.by_id.get(nested.physical_id)
    tag = child.tags.get("Layer", "") if child else ""
    return tag if tag in inner else layer_of_id(nested.logical_id)


def nested_stacks(cloud: Cloud, unit: StackUnit, stack_id: str) -> dict[str, str]:
    """Return the ARNs of a unit's nested stacks by layer, read again."""
    if not unit.children:
        return {}
    nested = [each for each in cloud.resources(stack_id) if each.type == STACK_TYPE and each.physical_id]
    return {unit.child_layer(unit.layer, each.logical_id): each.physical_id for each in nested}
