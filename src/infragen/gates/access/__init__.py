"""What a deployment lets more through than what is deployed: permissions and network, told as sentences.

Pure: a deployed template and a rendered one go in, widenings come out. What can be computed as sets is (a wildcard that
covers an action, a range that holds another); whatever cannot be understood counts as wider.
"""

from collections.abc import Mapping

from infragen.changes.diff import Side
from infragen.changes.evaluate import settled
from infragen.gates.access.access import access_widenings
from infragen.gates.access.found import Resources, Widening
from infragen.gates.access.network import network_widenings
from infragen.gates.access.symbols import Reader

__all__ = ["Widening", "widenings"]

BEFORE, AFTER = "before", "after"
PARTITIONS = {"cn-": ("aws-cn", "amazonaws.com.cn"), "us-gov-": ("aws-us-gov", "amazonaws.com")}


def widenings(layer: str, old: Side, new: Side, account: str, region: str) -> tuple[Widening, ...]:
    """By what the new template lets more through than the old one; of a stack that does not exist, all it lets through.

    Values of parameters count as far as they are known. `account` and `region` are where it is deployed.
    """
    before = _resources(old, BEFORE, account, region)
    after = _resources(new, AFTER, account, region)
    found = (*access_widenings(before, after, layer, account), *network_widenings(before, after, layer))
    return tuple(dict.fromkeys(found))


def _resources(side: Side, side_name: str, account: str, region: str) -> Resources:
    partition, suffix = next(
        (each for start, each in PARTITIONS.items() if region.startswith(start)), ("aws", "amazonaws.com")
    )
    values: dict[str, object] = {
        **_lists(side),
        "AWS::AccountId": account, "AWS::Region": region, "AWS::Partition": partition, "AWS::URLSuffix": suffix,
    }  # fmt: skip
    bodies = settled(side.body, values)
    undecided = {name: each for name, each in bodies.items() if "Condition" in each}
    kept = {name: each for name, each in bodies.items() if side_name == AFTER or name not in undecided}
    return Resources(kept, Reader(frozenset(bodies), side_name), undecided, absent=not side.body)


def _lists(side: Side) -> Mapping[str, object]:
    """The values of parameters, those of list types as lists."""
    declared = side.body.get("Parameters", {})
    return {
        name: value.split(",") if isinstance(value, str) and _is_list(declared.get(name, {})) else value
        for name, value in side.values.items()
    }


def _is_list(declared: Mapping[str, object]) -> bool:
    kind = str(declared.get("Type"))
    return kind.startswith("List<") or kind == "CommaDelimitedList"
