"""Two renderings of one environment -> the plan from one to the other, without AWS: what does this commit change?

Pure. It judges as the plan's second source does (`diff`): nothing is known of what is deployed, so outputs of a layer
that change are known only after it, and values that a deployment keeps (image tag, worker code) are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from infragen.assembly.stacks import ROOT, stack_name, stack_tags
from infragen.assembly.synth import Assembly
from infragen.assembly.templatefile import parse
from infragen.changes.comparison import (
    EMPTY,
    LayerSides,
    Side,
    compare,
    differing,
    more_than,
    rewritten_outputs,
    shrunk_outputs,
)
from infragen.changes.stack_tags import inherited
from infragen.cloud.cloudformation import PropertyChange
from infragen.config import Environment, camel
from infragen.cost import CostDelta, Prices, delta, estimate, prices_of, rendered
from infragen.gates.access import Widening, widenings, wiring_of
from infragen.gates.in_place import losses
from infragen.gates.interruption import interruptions
from infragen.permissions.document import document
from infragen.permissions.missing import missing
from infragen.permissions.needed import Templates, UnknownType
from infragen.permissions.roles import Rights
from infragen.plan.model import EnvironmentPlan, StackPlan, refusals_of
from infragen.secrecy.shown import KnownAfter


@dataclass(frozen=True)
class Rendering:
    """The templates of an environment, by layer in deployment order, the root's among them when they are nested.

    `environment` is where they come from, None when only the templates are known; `values` are launch parameters that
    the environment's file gives; `sources` say which layer gives a parameter of that name.
    """

    bodies: Mapping[str, Mapping[str, Any]]
    environment: Environment | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def nested(self) -> bool:
        """Return whether a root holds the layers."""
        return ROOT in self.bodies


NOWHERE = Rendering({})
"""The side on which the environment does not exist."""


def rendering(assembly: Assembly) -> Rendering:
    """Return what an environment renders to."""
    env, templates = assembly.environment, assembly.templates
    texts = {ROOT: assembly.root().text} if env.topology == "nested" else {}
    texts |= {each.layer: each.text for each in templates}
    return Rendering(
        bodies={
            layer: parse(text) for layer, text in texts.items()
        },  # as an earlier one is read, so that both are equal
        environment=env,
        values={each.name: each.value for one in templates for each in one.parameters if each.value is not None},
        sources={each.name: each.layer for one in templates for each in one.inputs},
    )


def plan_between(
    name: str, region: str, before: Rendering, after: Rendering, against: str, prices: Prices | None = None
) -> EnvironmentPlan:
    """Return what deploying `after` changes where `before` is deployed; `against` is how people call `before`.

    `prices` is what its cost is counted with; without, the region's in the package.
    """
    if before.environment is None or after.environment is None:  # only templates are known: all else stays
        values = {**before.values, **after.values}
        before, after = replace(before, values=values), replace(after, values=values)
    stacks, moved = [], dict[str, frozenset[str]]()
    rewritten, shrunk = dict[str, frozenset[str]](), dict[str, frozenset[str]]()
    for layer in [*after.bodies, *(each for each in before.bodies if each not in after.bodies)]:
        old, new = _side(layer, before, {}), _side(layer, after, moved)
        tags = _tags(layer, before, after)
        sides = LayerSides(layer, old, new, region, tags)
        found = compare(sides)
        rows, moved[layer], rewritten[layer] = found.rows, found.moved, rewritten_outputs(old, new)
        shrunk[layer] = shrunk_outputs(old, new)
        plan = _stack(layer, before, after, StackPlan(layer, "", "none", rows, tags=tags), sides)
        wider = (
            _widenings(layer, before, after, (old, new), (rewritten, shrunk), region) if plan.action != "none" else ()
        )
        lost = losses(layer, old, new, rows) if plan.action != "none" else ()
        stops = interruptions(rows, old, new) if plan.action != "none" else ()
        stacks.append(replace(plan, widenings=wider, losses=lost, interruptions=stops))
    return EnvironmentPlan(
        environment=name,
        account=(after.environment.account or "") if after.environment else "",
        region=region,
        topology="nested" if (after if after.bodies else before).nested else "independent",
        stacks=tuple(stacks),
        refusals=refusals_of(stacks),
        warnings=(*_warnings(before, after), *_rights(before, after)),
        against=against,
        cost=_cost(before, after, prices),
        budget=after.environment.cost.budget if after.environment else None,
    )


def _rights(before: Rendering, after: Rendering) -> Iterator[str]:
    """Yield what CloudFormation's role will lack where `bootstrap` made it from the templates of `before`."""
    env = after.environment
    if env is None or env.account is None or not env.iam.service_role_arn or not before.bodies:
        return
    old, new = (Rights(env, Templates(tuple(each.bodies.items()), env.region)) for each in (before, after))
    if not new.makes_service_role:
        return
    try:
        lacking = missing(new.needed, new.service, [document(old.service)])
    except UnknownType as error:
        yield f"{error.message}; {error.hint}"
        return
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        yield (
            f"the role that CloudFormation works with lacks {lacking[0]}{more}: run with administrator rights before "
            f"this is deployed: `infragen bootstrap --env {env.environment}`"
        )


def _cost(before: Rendering, after: Rendering, prices: Prices | None) -> CostDelta | None:
    """Return what the monthly cost changes by, under one load; None where no environment file says what to expect."""
    env = after.environment or before.environment
    if env is None:
        return None
    prices = prices or prices_of(env.region)
    return delta(estimate(rendered(before.bodies), env, prices), estimate(rendered(after.bodies), env, prices))


def _widenings(
    layer: str,
    before: Rendering,
    after: Rendering,
    sides: tuple[Side, Side],
    outputs: tuple[Mapping[str, frozenset[str]], Mapping[str, frozenset[str]]],
    region: str,
) -> tuple[Widening, ...]:
    """Return by what a layer widens access. Where no values are known, one output of another layer is the same on both
    sides unless it is written otherwise, and what a deployment keeps is what it was. `outputs` are those that are
    written otherwise, and those of them that are lists which only lost elements.
    """
    rewritten, shrunk = outputs
    sources = {**before.sources, **after.sources}
    known: list[Side] = []
    for side, changed in zip(sides, (rewritten, {}), strict=True):
        values = dict(side.values)
        for name in side.body.get("Parameters", {}):
            source = sources.get(name, "")
            unknown = name not in values or isinstance(values[name], KnownAfter)
            if unknown and name not in changed.get(source, ()):
                values[name] = KnownAfter(source or "the deployment", name)
            elif unknown and name in shrunk.get(source, ()):
                values[name] = more_than(KnownAfter(source, name))
        known.append(Side(side.body, values))
    env = after.environment or before.environment
    layers = {*before.bodies, *after.bodies}
    wiring = wiring_of(layer, {each: (before.bodies.get(each, {}), after.bodies.get(each, {})) for each in layers})
    return widenings(layer, known[0], known[1], (env.account or "") if env else "", region, wiring)


def _side(layer: str, one: Rendering, moved: Mapping[str, frozenset[str]]) -> Side:
    """Return a layer's template with the values that are known without AWS."""
    if layer not in one.bodies:
        return EMPTY
    body = one.bodies[layer]
    values: dict[str, object] = {}
    for name, declared in body.get("Parameters", {}).items():
        upstream = one.sources.get(name, "")
        if name in moved.get(upstream, ()):
            values[name] = KnownAfter(upstream, name)
        elif (known := one.values.get(name, declared.get("Default"))) is not None and not declared.get("NoEcho"):
            values[name] = str(known)
    return Side(body, values)


def _stack(layer: str, before: Rendering, after: Rendering, plan: StackPlan, sides: LayerSides) -> StackPlan:
    old, new = sides.before, sides.after
    env = after.environment or before.environment
    plan = replace(plan, stack=stack_name(env, layer) if env else "")
    if not old.body:
        return replace(plan, action="create")
    if not new.body:
        left = ("a deployment deletes no stack: this one stays as it is",)
        stays = after.bodies and not after.nested
        return replace(plan, changes=(), notes=left) if stays else replace(plan, action="delete")
    parameters = _given(layer, before, after)
    outputs, details = sides.outputs, sides.details
    notes = tuple(_notes(layer, before, after))
    if not (plan.changes or parameters or plan.tags or outputs or notes or details):
        return plan
    return replace(plan, action="update", parameters=parameters, outputs=outputs, notes=notes, details=details)


def _given(layer: str, before: Rendering, after: Rendering) -> tuple[PropertyChange, ...]:
    """Return the launch parameters of the layer's own stack that the two files give differently."""
    if before.environment is None or after.environment is None:
        return ()
    declared = after.bodies[layer].get("Parameters", {})
    return tuple(each for each in differing(before.values, after.values) if each.path[0] in declared)


def _tags(layer: str, before: Rendering, after: Rendering) -> tuple[PropertyChange, ...]:
    """Return the tags that change of a stack that stays what it is."""
    if layer not in before.bodies or layer not in after.bodies or before.nested != after.nested:
        return ()
    old, new = _stack_tags(layer, before), _stack_tags(layer, after)
    return () if old is None or new is None else differing(old, new)


def _stack_tags(layer: str, one: Rendering) -> dict[str, Any] | None:
    """Return the tags of a layer's stack, a nested one's from the root; None when no environment file says."""
    if one.environment is None:
        return None
    if not one.nested or layer == ROOT:
        return stack_tags(one.environment, layer)
    own = one.bodies[ROOT].get("Resources", {}).get(camel(layer))
    return inherited(stack_tags(one.environment, ROOT), own)


def _notes(layer: str, before: Rendering, after: Rendering) -> Iterator[str]:
    sides = before.environment, after.environment
    if sides[0] is None or sides[1] is None or (after.nested and layer != ROOT):
        return
    if sides[0].protected != sides[1].protected:
        yield f"termination protection and stack policy are switched {'on' if sides[1].protected else 'off'}"


def _warnings(before: Rendering, after: Rendering) -> Iterator[str]:
    """Yield what a deployment would refuse, or carry out elsewhere."""
    if not after.bodies:
        yield "this environment is no longer described: its stacks stay until `infragen destroy`, which needs its file"
    if not before.bodies or not after.bodies:
        return
    if before.nested != after.nested:
        yield "the topology changes: a deployment refuses that while the stacks of the other one exist"
    if before.environment is not None and after.environment is not None:
        for what in ("account", "region", "project"):
            one, other = (getattr(each, what) for each in (before.environment, after.environment))
            if one != other:
                yield f"the {what} changes from {one} to {other}: a deployment creates everything again there"
