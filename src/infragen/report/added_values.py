"""What a reviewer decides on of a resource that is new: its plain values, shortest and most telling first.

A general rule and no list of types: numbers, then switches and words. Left out are what another resource gives
(references), names and descriptions, tags, and documents; of statements of a policy the actions are reported. Where
nothing is left, nothing is said. Values come masked, as they are in the plan.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infragen.report.plan_types import Property, Row
from infragen.secrecy.shown import KNOWN_AFTER, Absent, Secret
from infragen.secrecy.visible import shown

_SAYS_NOTHING = re.compile(r"(Name|Id|Arn|Description|Version|Sid|Family|Namespace|Prefix|Dimensions|Tags)$")
"""Keys whose values name or describe a thing. What it is called is in its logical id."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
LONGEST = 48
"""Characters from which on a text is a document and no value."""


@dataclass(frozen=True)
class AddedValue:
    """One value: the last words of its path, and the value as text."""

    name: str
    text: str

    def __str__(self) -> str:
        """Return `Timeout 30`."""
        return f"{self.name} {self.text}"


def added_values(row: Row) -> tuple[AddedValue, ...]:
    """Return the values of a resource that is created, most telling first; none of one that is not."""
    if row["action"] != "Add":
        return ()
    found = [each for change in row["properties"] for each in _of_property(change)]
    return tuple(value for _, value in sorted(found, key=lambda each: each[0]))


Ranked = tuple[tuple[int, int], AddedValue]
"""A value with its rank: numbers, words, switches; what is deeper inside comes later."""


def fitted(values: Sequence[AddedValue], room: int) -> str:
    """Return the values that fit into so many columns, and how many more there are; the first one cut
    where none fits.
    """
    kept: list[str] = []
    for each in map(str, values):
        if len(_with_more([*kept, each], values)) <= room:
            kept.append(each)
    if not kept and values:
        kept = [f"{str(values[0])[: max(0, room - len(', 999 more…'))]}…"]
    return _with_more(kept, values) if values else ""


def _with_more(kept: Sequence[str], values: Sequence[AddedValue]) -> str:
    left = len(values) - len(kept)
    return ", ".join((*kept, *((f"{left} more",) if left else ())))


def _of_property(change: Property) -> Iterator[Ranked]:
    path, after = change["path"], change["after"]
    if path[:1] == ["Properties"] and len(path) == 2 and "value" in after:
        yield from _leaves(str(path[1]), after["value"], 0)


def _stands_for_another(value: object) -> bool:
    """Return whether a text stands for a value that is secret, not there, or known later."""
    words = (str(Secret()), str(Absent()))
    return isinstance(value, str) and (value in words or KNOWN_AFTER.fullmatch(value) is not None)


def _leaves(name: str, value: object, depth: int) -> Iterator[Ranked]:
    if _SAYS_NOTHING.search(name) or _stands_for_another(value) or value is None:
        return
    if isinstance(value, dict):
        yield from _inside(value, depth)
    elif isinstance(value, list):
        yield from _elements(name, value, depth)
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if 0 < len(text) <= LONGEST and "\n" not in text and not text.startswith("arn:"):
            rank = 0 if _NUMBER.fullmatch(text) else 2 if text in ("true", "false") else 1
            yield (rank, depth), AddedValue(name, shown(text))


def _inside(value: dict[str, object], depth: int) -> Iterator[Ranked]:
    if "Effect" in value and "Action" in value:
        yield from _statement(value)
    elif not any(key == "Ref" or str(key).startswith("Fn::") for key in value):
        for key, inner in value.items():
            yield from _leaves(str(key), inner, depth + 1)


def _statement(statement: dict[str, object]) -> Iterator[Ranked]:
    """Yield what a statement allows or denies; that a service may assume a role is what makes it one."""
    actions = statement["Action"]
    some = [str(each) for each in (actions if isinstance(actions, list) else [actions])]
    if some != ["sts:AssumeRole"] or not isinstance(statement.get("Principal"), dict):
        yield (1, 0), AddedValue(str(statement["Effect"]).lower(), shown(" ".join(some)))


def _elements(name: str, values: list[object], depth: int) -> Iterator[Ranked]:
    if all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in values):
        yield from _leaves(name, " ".join(map(str, values)), depth)
        return
    for each in values:
        key, held = _pair(each)
        yield from _leaves(key or name, held, depth)


def _pair(element: object) -> tuple[str, object]:
    """Return a named attribute, as load balancers have them: `{"Key": "idle_timeout", "Value": "60"}`."""
    if isinstance(element, dict) and element.keys() == {"Key", "Value"}:
        return str(element["Key"]), element["Value"]
    return "", element
