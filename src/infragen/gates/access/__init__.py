"""How a deployment widens access compared with the deployed stacks: permissions and network, as sentences.

Pure: a deployed template and a rendered one go in, widenings come out. What can be computed as sets is (a wildcard that
covers an action, a range that holds another); whatever cannot be understood counts as wider.
"""

from collections.abc import Iterator, Mapping

from infragen.changes.diff import Side
from infragen.changes.evaluate import evaluated, pseudo_parameters
from infragen.changes.values import same
from infragen.cloud.template import STACK_TYPE
from infragen.gates.access.access import access_widenings
from infragen.gates.access.found import Resources, Widening
from infragen.gates.access.network import network_widenings
from infragen.gates.access.own import Own, Wiring, wired_texts, wiring_of
from infragen.gates.access.properties import opened_by
from infragen.gates.access.symbols import Reader
from infragen.gates.unseen import TRANSFORM, hiding, rendered_stacks

__all__ = ["Widening", "Wiring", "widenings", "wiring_of"]

BEFORE, AFTER = "before", "after"
NOT_WIRED = Wiring()


def widenings(
    layer: str, old: Side, new: Side, account: str, region: str, wiring: Wiring = NOT_WIRED
) -> tuple[Widening, ...]:
    """Return how the new template widens access; of a stack that does not exist, all access it opens.

    Values of parameters count as far as they are known. `account` and `region` are where it is deployed; `wiring` says
    which parameters take outputs of other layers.
    """
    before = _resources(old, BEFORE, account, region)
    after = _resources(new, AFTER, account, region, wiring, frozenset(before.bodies))
    found = (
        *access_widenings(before, after, layer, account),
        *network_widenings(before, after, layer),
        *opened_by(before, after, layer),
        *_unseen(layer, old, new),
    )
    return tuple(dict.fromkeys(found))


def _unseen(layer: str, old: Side, new: Side) -> Iterator[Widening]:
    """Yield macros and modules, which bring resources when the template is deployed: nobody sees here what is in them,
    nor what they make of anything else that changes.
    """
    before, stays = hiding(old.body), same(old.body, new.body) and old.values == new.values
    for name, kind in hiding(new.body).items():
        if kind != STACK_TYPE and not (stays and name in before):
            macro = name == TRANSFORM
            does = "rewrites the template at deployment" if macro else "is expanded at deployment"
            sentence = f"{layer}{'' if macro else f'/{name}'}: the {kind if macro else f'module {kind}'} {does}"
            yield Widening("permissions", f"{layer}/{name}", f"{sentence}, which infragen does not see", grave=True)


def _resources(
    side: Side,
    side_name: str,
    account: str,
    region: str,
    wiring: Wiring = NOT_WIRED,
    existing: frozenset[str] = frozenset(),
) -> Resources:
    lists = _lists(side)
    bodies = evaluated(side.body, {**lists, **pseudo_parameters(account, region)})
    undecided = {name: each for name, each in bodies.items() if "Condition" in each}
    kept = {name: each for name, each in bodies.items() if side_name == AFTER or name not in undecided}
    reader = Reader(frozenset(bodies), side_name)
    own = Own(
        reader, account, region, wired_texts(wiring.names, lists), wired_texts(wiring.fresh, lists),
        frozenset(bodies) - existing, _parameters(side),
    )  # fmt: skip
    return Resources(kept, reader, undecided, absent=not side.body, own=own, rendered=rendered_stacks(side.body))


def _parameters(side: Side) -> str:
    """Return what the names of the environment's SSM parameters begin with."""
    names = [side.values.get(each) for each in ("ProjectName", "EnvironmentName")]
    return f"/{names[0]}/{names[1]}/" if all(isinstance(each, str) and each for each in names) else ""


def _lists(side: Side) -> Mapping[str, object]:
    """Return the values of parameters, those of list types as lists."""
    declared = side.body.get("Parameters", {})
    return {
        name: value.split(",") if isinstance(value, str) and _is_list(declared.get(name, {})) else value
        for name, value in side.values.items()
    }


def _is_list(declared: Mapping[str, object]) -> bool:
    kind = str(declared.get("Type"))
    return kind.startswith("List<") or kind == "CommaDelimitedList"
