"""In which order a deployment's stacks go: usually the ones that others build on first.

What one stack gives and another relies on goes up before that one changes, and down after it: a queue hides its
messages for no less than its worker may take, before, in between and after. The same holds for an output that a stack
no longer gives: the stacks that take it stop first. So a stack that only takes away goes after those that rely on it.
Pure; `engine.run` walks the stacks in this order. That of nested stacks is CloudFormation's: the plan says what they
lower too early.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infragen.changes.comparison import LayerSides, Side
from infragen.changes.evaluate import references
from infragen.changes.values import same
from infragen.config import EnvironmentFile
from infragen.config.setting_lookup import origin
from infragen.engine.preview import Examined
from infragen.errors import Refused
from infragen.resource_types import resource_type
from infragen.resource_types.relied_on import ReliedOn


@dataclass(frozen=True)
class DeploymentOrder:
    """The layers that each layer comes after, and why some go later than usual.

    `later` are sentences by the layer that goes later. `conflicts` are what no order keeps, and forbid the deployment;
    `warnings` what no order keeps and only leaves something behind. `left` are stacks whose layer is off by now and
    that rely on what shrinks, with a sentence each: they forbid it, too.
    """

    requires: Mapping[str, tuple[str, ...]]
    later: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)

    def refuse(self) -> None:
        """Raise Refused where no order of the stacks keeps what one of them relies on."""
        if self.left:
            commands = ", ".join(f"`aws cloudformation delete-stack --stack-name {name}`" for name in self.left)
            raise Refused("\n".join(self.left.values()), f"nothing was changed; first remove what is left: {commands}")
        if self.conflicts:
            lines = "".join(f"\n  {each}" for each in self.conflicts)
            raise Refused(
                f"no order of the stacks keeps what they rely on:{lines}",
                "deploy in two steps: first with the value that falls as it is now, then with the new one",
            )


def order_of(
    examined: Sequence[Examined], file: EnvironmentFile | None = None, staying: Mapping[str, Side] | None = None
) -> DeploymentOrder:
    """Return in which order the stacks of a deployment go; `file` tells the line behind a value. `staying` are the
    templates of stacks that are there though their layers are off, by name.

    A stack that needs values of another's deployment comes after it, whatever else: also one that relies on a value
    that grows. Then come the stacks that take something away, and last the usual order as far as it fits.
    """
    found = (_pair(one, other, file) for one in examined for other in examined)
    pairs = [each for each in found if each is not None]
    after = {each.unit.layer: {name for name in each.unit.requires if not _ready(each, name)} for each in examined}
    for pair in pairs:
        if pair.raised:
            after[pair.downstream].add(pair.upstream)
    later: dict[str, tuple[str, ...]] = {}
    conflicts, warnings = list[str](), list[str]()
    for pair in pairs:
        first, second = pair.downstream, pair.upstream
        if not _comes_after(after, first, second):
            after[second].add(first)
            why = [*pair.lowered, *(f"it no longer gives {name}" for name in pair.gone)]
            later[second] = (*later.get(second, ()), *(f"goes after {first}: {each}" for each in why))
        elif pair.lowered:
            other = pair.raised[0] if pair.raised else f"{first} needs new values of {second}"
            conflicts += [f"{second} has to go after {first}: {each}, and {other}" for each in pair.lowered]
        elif pair.gone:
            warnings.append(f"{second} removes {', '.join(pair.gone)} before {first} stops using it")
    for each in examined:
        later.update(_lowered_first(each, file))
    for each in examined:
        layer = each.unit.layer
        after[layer] |= {name for name in each.unit.requires if not _comes_after(after, name, layer)}
    names = [each.unit.layer for each in examined]
    requires = {layer: tuple(sorted(after[layer], key=lambda name: _place(names, name))) for layer in names}
    return DeploymentOrder(requires, later, tuple(conflicts), tuple(warnings), _left(examined, file, staying or {}))


def _left(examined: Sequence[Examined], file: EnvironmentFile | None, staying: Mapping[str, Side]) -> dict[str, str]:
    left = {}
    for name, side in staying.items():
        for each in examined:
            lowered = [] if each.live is None or each.unchanged else _moves(each.sides[0], None, side, side, file)[0]
            if lowered:
                why = f"it relies on what {each.unit.stack} gives: {'; '.join(lowered)}"
                left[name] = f"{name} is still there, its layer is not in the environment file any more, and {why}"
    return left


def _lowered_first(root: Examined, file: EnvironmentFile | None) -> dict[str, tuple[str, ...]]:
    """Return what nested stacks take away before the stacks that rely on it change, a sentence each by their layer.

    CloudFormation orders nested stacks by their wiring alone, and neither a template nor a change set can turn that
    round: the one that gives an output is updated before those that take it. What it removes goes in the clean-up after
    all updates (User Guide, "Update behaviors of stack resources" and "Nested stacks"), so that this is about values.
    """
    if root.live is None or root.unchanged:
        return {}
    found = dict[str, tuple[str, ...]]()
    changing = {each.layer: {row.logical_id for row in each.changes} for each in root.plans}
    nested = [each for each in root.sides if each.layer != root.unit.layer and each.before.body and each.after.body]
    for upstream in nested:
        for downstream in nested:
            if upstream is downstream or not changing.get(downstream.layer):
                continue
            lowered, _ = _moves(upstream, changing[downstream.layer], downstream.before, downstream.after, file)
            if lowered:
                said = (
                    f"CloudFormation updates it before {downstream.layer}, which relies on the old value until then: "
                    f"{'; '.join(lowered)}; to avoid that, deploy first with this value as it is"
                )
                found[upstream.layer] = (*found.get(upstream.layer, ()), said)
    return found


def _place(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _comes_after(after: Mapping[str, set[str]], layer: str, other: str) -> bool:
    """Return whether `layer` has to wait for `other`, directly or not."""
    seen, todo = set[str](), [layer]
    while todo:
        name = todo.pop()
        if name == other:
            return True
        if name not in seen:
            seen.add(name)
            todo += after.get(name, ())
    return False


def _ready(examined: Examined, layer: str) -> bool:
    """Return whether a stack is there and has all that it takes of a layer, as that one is deployed now."""
    return examined.live is not None and layer not in examined.waits_for


# --- what is relied on ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pair:
    """Two stacks that change, of which the second builds on the first: what of that shrinks, grows and goes."""

    upstream: str
    downstream: str
    lowered: tuple[str, ...]
    raised: tuple[str, ...]
    gone: tuple[str, ...]


def _pair(upstream: Examined, downstream: Examined, file: EnvironmentFile | None) -> _Pair | None:
    """Return what changes between two stacks; None where the order of both is the usual one."""
    if any(each.live is None or each.unchanged for each in (upstream, downstream)):
        return None
    gone = _taken_away(upstream, downstream)
    if not gone and upstream.unit.layer not in downstream.unit.requires:
        return None
    sides = downstream.sides[0]
    changing = {row.logical_id for row in downstream.plans[0].changes}
    lowered, raised = _moves(upstream.sides[0], changing, sides.before, sides.after, file)
    if not (lowered or raised or gone):
        return None
    return _Pair(upstream.unit.layer, downstream.unit.layer, tuple(lowered), tuple(raised), tuple(gone))


def _moves(
    own: LayerSides, changing: set[str] | None, deployed: Side, rendered: Side, file: EnvironmentFile | None
) -> tuple[list[str], list[str]]:
    """Return the values that shrink on which resources of another stack rely as deployed, and those that grow on which
    they will. `changing` are its resources that change; None for any.
    """
    before, after = own.before.resources, own.after.resources
    lowered, raised = list[str](), list[str]()
    for name, resource in before.items():
        for each in resource_type(str(resource.get("Type", ""))).relied_on:
            if name not in after:
                continue
            old, new = (_value(side[name].get("Properties", {}), each) for side in (before, after))
            path = ("Properties", *each.path.split("."))
            setting = origin(file, own.layer, name, path) if file is not None else None
            said = f"{each.path} of {name} {{}}{f' ({setting})' if setting else ''}"
            if _shrinks(old, new, each):
                if _relies(each, own.before, name, changing, deployed):
                    lowered.append(said.format(_fall(old, new)))
            elif not same(old, new) and _relies(each, own.after, name, changing, rendered):
                raised.append(said.format("grows"))
    return lowered, raised


def _relies(relied: ReliedOn, upstream: Side, name: str, changing: set[str] | None, side: Side) -> bool:
    """Return whether resources in one side of another stack rely on a property of the resource `name`, and change:
    they, what they use, or what uses them.
    """
    given = {
        output
        for output, each in upstream.body.get("Outputs", {}).items()
        if relied.anywhere or name in references(each.get("Value"))
    }
    resources, taken = side.body.get("Resources", {}), set(side.body.get("Parameters", {})) & given
    users = [logical_id for logical_id, each in resources.items() if each.get("Type") in relied.by]
    relying = [each for each in users if taken and (relied.anywhere or references(resources[each]) & taken)]
    if changing is None:
        return bool(relying)
    reached = {each: _reached(resources, each) for each in resources}
    return any(
        name in changing and (one in reached[name] or name in reached[one]) for one in relying for name in resources
    )


def _reached(resources: Mapping[str, Any], logical_id: str) -> set[str]:
    """Return a resource and all that it refers to, directly or not."""
    found, todo = set[str](), [logical_id]
    while todo:
        name = todo.pop()
        if name in resources and name not in found:
            found.add(name)
            todo += references(resources[name])
    return found


def _taken_away(upstream: Examined, downstream: Examined) -> list[str]:
    """Return the outputs that a stack no longer gives and that the deployed one downstream takes."""
    own = upstream.sides[0]
    gone = set(own.before.body.get("Outputs", {})) - set(own.after.body.get("Outputs", {}))
    values = upstream.live.outputs if upstream.live is not None else {}
    taken = downstream.live.parameters if downstream.live is not None else {}
    return sorted(name for name in gone if name in taken and taken[name] == values.get(name))


def _value(properties: Mapping[str, Any], relied: ReliedOn) -> Any:
    value: Any = properties
    for step in relied.path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    if relied.fields:
        return list(_kept(value if isinstance(value, list) else [], relied.fields))
    return relied.default if value is None else value


def _kept(elements: Sequence[Any], fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for each in elements:
        yield {name: each.get(name) for name in fields} if isinstance(each, Mapping) else {"": each}


def _shrinks(old: Any, new: Any, relied: ReliedOn) -> bool:
    """Return whether a value becomes less; one that cannot be compared does."""
    if relied.fields:
        return any(not any(same(one, other) for other in new) for one in old)
    try:
        return float(new) < float(old)
    except (TypeError, ValueError):
        return not same(old, new)


def _fall(old: Any, new: Any) -> str:
    if isinstance(old, bool):
        return "is switched off"
    plain = all(isinstance(each, int | float | str) for each in (old, new))
    return f"falls from {old} to {new}" if plain else "loses a part"
