"""Two template values -> the smallest changes that turn one into the other, inside documents and lists.

A policy, a dashboard or a queue's redrive policy is compared inside, also where it is written as a text, and a script
line by line. Elements of a list are matched by what names them (Sid, Key, Name, Id), else by their content, so that one
inserted element is one change. Secrets leave this module masked. Nothing here knows resources or replacement.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from infragen.cloud.cloudformation import PropertyChange
from infragen.secrecy.masking import SECRET, Sealed, conceals, document, mask, masks, named
from infragen.secrecy.shown import KNOWN_AFTER, Absent, KnownAfter

NOTHING = Absent()
NAMES = ("Sid", "Key", "Name", "Id", "PolicyName", "ParameterKey", "AttributeName", "RuleName", "ContainerName")
"""What names an element of a list, likeliest first."""

ALIKE = 0.5
"""The part that two mappings of a list must share to be one that changed, and not one removed and another added."""

OTHER_FORM = "the same JSON, written differently"


Make = Callable[..., PropertyChange]
"""What makes a change of a value: PropertyChange, or what also knows what the change does to its resource, and why."""


@dataclass(frozen=True)
class _Spot:
    """Where in a value we are: the path for programs, the words for people, whether all of it is a secret, the name
    that says what stands there, and what makes a change.
    """

    path: tuple[str | int, ...] = ()
    words: str = ""
    hidden: bool = False
    name: str = ""
    make: Make = field(default=PropertyChange)

    def key(self, key: str, holders: Iterable[object]) -> _Spot:
        """Return the spot of a mapping's entry."""
        if key.startswith("Fn::"):
            return _Spot((*self.path, key), self.words, self.hidden, self.name, self.make)
        hidden = self.hidden or any(conceals(each, key) for each in holders)
        name = next((named(each, key) for each in holders if isinstance(each, dict)), key)
        return _Spot((*self.path, key), f"{self.words}.{key}".lstrip("."), hidden, name, self.make)

    def at(self, position: int, label: str) -> _Spot:
        """Return the spot of an element; `label` is added to the words as it is."""
        return _Spot((*self.path, position), f"{self.words}{label}", self.hidden, self.name, self.make)


def differences(
    before: Any,
    after: Any,
    path: tuple[str | int, ...] = (),
    words: str = "",
    hidden: bool = False,
    make: Make = PropertyChange,
) -> tuple[PropertyChange, ...]:
    """Return the changes that make `after` of `before`, masked; none when they are the same.

    `path` and `words` are where the values are; `hidden` says that all of them is secret; `make` makes each change.
    """
    name = next((each for each in reversed(path) if isinstance(each, str)), "")
    return tuple(_differences(_Spot(path, words, hidden, name, make), before, after))


def _differences(spot: _Spot, before: Any, after: Any) -> Iterator[PropertyChange]:
    if same(before, after):
        return
    if not spot.hidden and (_hidden_whole(before, spot.name) or _hidden_whole(after, spot.name)):
        yield from _leaf(spot, before, after)
        return
    function, other = intrinsic(before), intrinsic(after)
    if function or other:
        yield from _functions(spot, function, before, after) if function == other else _leaf(spot, before, after)
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(each for each in after if each not in before)]:
            inner = spot.key(key, (before, after))
            yield from _differences(inner, before.get(key, NOTHING), after.get(key, NOTHING))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _elements(spot, before, after)
    elif isinstance(before, str) and isinstance(after, str) and not spot.hidden:
        yield from _texts(spot, before, after)
    else:
        yield from _leaf(spot, before, after)


def _leaf(spot: _Spot, before: Any, after: Any, note: str = "") -> Iterator[PropertyChange]:
    old, new = (mask(each, spot.hidden, name=spot.name) for each in (before, after))
    if same(old, new):
        old = new = SECRET
    yield spot.make(spot.path, old, _later_or(new), name=spot.words, note=note)


def _hidden_whole(value: Any, name: str) -> bool:
    """Return whether a text, function or list is hidden as a whole, so that nothing inside it may be
    compared in sight.
    """
    return (isinstance(value, str | list) or bool(intrinsic(value))) and masks(value, name=name)


def _later_or(value: Any) -> Any:
    """Return a text that says nothing but that it is known later, as the value that says so."""
    found = KNOWN_AFTER.fullmatch(value) if isinstance(value, str) else None
    return KnownAfter(found[1], found[2] or "") if found else value


def intrinsic(value: Any) -> str:
    """Return the name of the function that a value is a call of; empty for a plain value."""
    if not isinstance(value, dict) or len(value) != 1:
        return ""
    [name] = value
    return name if isinstance(name, str) and (name == "Ref" or name.startswith("Fn::")) else ""


def _functions(spot: _Spot, name: str, before: Any, after: Any) -> Iterator[PropertyChange]:
    """Yield two calls of one function: inside where that says more than the two calls as a whole."""
    old, new = before[name], after[name]
    inner = spot.key(name, ())
    counts = {len(each) if isinstance(each, list) else 0 for each in (old, new)}
    if name == "Fn::If" and counts == {3} and old[0] == new[0]:
        asked = old[0] if isinstance(old[0], str) else "…"
        for number, label in ((1, f"[if {asked}]"), (2, f"[if not {asked}]")):
            yield from _differences(inner.at(number, label), old[number], new[number])
    elif (
        name == "Fn::Join"
        and counts == {2}
        and old[0] == new[0]
        and isinstance(old[1], list) is isinstance(new[1], list)
    ):
        yield from _differences(inner.at(1, ""), old[1], new[1])
    elif name in ("Fn::Base64", "Fn::ToJsonString") or (name == "Fn::Sub" and _opened(old, new)):
        yield from _differences(inner, old, new)
    elif name == "Fn::Sub" and counts == {2} and _opened(old[0], new[0]):
        for number in (0, 1):
            yield from _differences(inner.at(number, ""), old[number], new[number])
    else:
        yield from _leaf(spot, before, after)


# --- texts ------------------------------------------------------------------------------------------------------


def opened(text: str) -> Any:
    """Return what a text holds: the JSON document that it is, or a list of its lines; None when it is a
    single value.
    """
    held = document(text)
    if held is not None:
        return held
    return text.split("\n") if "\n" in text else None


def _opened(before: Any, after: Any) -> bool:
    """Return whether two values are texts that can be compared inside: both JSON of one kind, or both lines."""
    if not (isinstance(before, str) and isinstance(after, str)):
        return False
    held = [opened(each) for each in (before, after)]
    json = [document(each) is not None for each in (before, after)]
    return held[0] is not None and type(held[0]) is type(held[1]) and json[0] == json[1]


def _texts(spot: _Spot, before: str, after: str) -> Iterator[PropertyChange]:
    if not _opened(before, after):
        yield from _leaf(spot, before, after)
    elif document(before) is None:
        yield from _elements(spot, before.split("\n"), after.split("\n"), lines=True)
    elif same(document(before), document(after)):
        yield from _leaf(spot, before, after, OTHER_FORM)
    else:
        found = tuple(_differences(spot, document(before), document(after)))
        yield from _leaf(spot, before, after) if any(each.path == spot.path for each in found) else found


# --- lists ------------------------------------------------------------------------------------------------------


def _elements(
    spot: _Spot, before: Sequence[Any], after: Sequence[Any], lines: bool = False
) -> Iterator[PropertyChange]:
    """Yield what is taken out, put in, moved and changed inside; lines of a text are not said to move."""
    pairs = _pairs(before, after, lines)
    moved = _moved(pairs)
    for index in sorted(set(range(len(before))) - set(pairs.values())):
        yield from _leaf(spot.at(index, _label(before, index, lines)), before[index], NOTHING)
    for index, element in enumerate(after):
        here = spot.at(index, _label(after, index, lines))
        if index not in pairs:
            yield from _leaf(here, NOTHING, element)
            continue
        if index in moved:
            yield spot.make(here.path, name=here.words, moved_from=pairs[index])
        yield from _differences(here, before[pairs[index]], element)


def _label(elements: Sequence[Any], index: int, lines: bool) -> str:
    if lines:
        return f" line {index + 1}"
    name = name_of(elements[index])
    unique = name is not None and sum(name_of(each) == name for each in elements) == 1
    return f"[{name}]" if unique else f"[{index}]"


def name_of(element: Any) -> str | None:
    """Return what names an element of a list: its Sid, Key, Name, ...; None when nothing does."""
    if not isinstance(element, Mapping) or intrinsic(element):
        return None
    return next((element[each] for each in NAMES if isinstance(element.get(each), str)), None)


def _pairs(before: Sequence[Any], after: Sequence[Any], lines: bool) -> dict[int, int]:
    """Return new position -> old position of the elements that are in both, as they were or changed."""
    old, new = [frozen(each) for each in before], [frozen(each) for each in after]
    pairs = {}
    for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        pairs.update({block.b + step: block.a + step for step in range(block.size)})
    if not lines:
        _pair_by([*map(name_of, before)], [*map(name_of, after)], pairs)
        _pair_by(old, new, pairs)
    _pair_in_gaps(before, after, pairs)
    return pairs


def _pair_by(old: Sequence[Hashable], new: Sequence[Hashable], pairs: dict[int, int]) -> None:
    """Pair what is not paired yet by a key that is on each side only once."""
    left = {key: index for index, key in enumerate(old) if key is not None and index not in pairs.values()}
    once = Counter(key for index, key in enumerate(old) if index not in pairs.values())
    twice = Counter(key for index, key in enumerate(new) if index not in pairs)
    for index, key in enumerate(new):
        if index not in pairs and key in left and once[key] == twice[key] == 1:
            pairs[index] = left[key]


def _pair_in_gaps(before: Sequence[Any], after: Sequence[Any], pairs: dict[int, int]) -> None:
    """Pair what lies between the same neighbours and is alike: an element that changed."""
    moved = _moved(pairs)
    fixed = [(old, new) for new, old in pairs.items() if new not in moved]
    gaps: dict[int, tuple[list[int], list[int]]] = {}
    for side, count in ((0, len(before)), (1, len(after))):
        taken = set(pairs.values()) if side == 0 else set(pairs)
        anchors = sorted(each[side] for each in fixed)
        for index in range(count):
            if index not in taken:
                gaps.setdefault(bisect_left(anchors, index), ([], []))[side].append(index)
    for olds, news in gaps.values():
        for new in news:
            found = next((old for old in olds if _changed(before[old], after[new], len(olds) == len(news))), None)
            if found is not None:
                pairs[new] = found
                olds.remove(found)
                news = [each for each in news if each != new]


def _changed(before: Any, after: Any, one_for_one: bool) -> bool:
    """Return whether an element is better reported as changed than as another one."""
    if isinstance(before, dict) and isinstance(after, dict):
        single = one_for_one and len(before) == 1 and before.keys() == after.keys()
        return single or likeness(before, after) >= ALIKE
    return one_for_one and type(before) is type(after)


def likeness(before: Any, after: Any) -> float:
    """Return how much two values share, from 0 to 1."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = {*before, *after}
        shared = sum(likeness(before[key], after[key]) for key in keys if key in before and key in after)
        return shared / max(len(keys), 1)
    if isinstance(before, list) and isinstance(after, list):
        both = Counter(map(frozen, before)) & Counter(map(frozen, after))
        return both.total() / max(len(before), len(after), 1)
    return float(same(before, after))


def _moved(pairs: Mapping[int, int]) -> set[int]:
    """Return the new positions of paired elements that are not in the longest run which kept its order."""
    tails: list[int] = []  # of the runs of each length, the smallest last old position
    ends: list[int] = []  # ... and the new position where it is
    before: dict[int, int | None] = {}
    for new in sorted(pairs):
        length = bisect_left(tails, pairs[new])
        tails[length:] = [pairs[new], *tails[length + 1 :]]
        ends[length:] = [new, *ends[length + 1 :]]
        before[new] = ends[length - 1] if length else None
    kept, step = set(), ends[-1] if ends else None
    while step is not None:
        kept.add(step)
        step = before[step]
    return set(pairs) - kept


# --- equality ---------------------------------------------------------------------------------------------------


def same(before: Any, after: Any) -> bool:
    """Return whether two values are equal, and of one type all the way down: to Python True is 1, to CloudFormation
    "true" is not "1".
    """
    if type(before) is not type(after):
        return False
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(same(before[key], after[key]) for key in before)
    if isinstance(before, list):
        return len(before) == len(after) and all(map(same, before, after))
    return bool(before == after)


def given_back(read: Any, written: Any) -> bool:
    """Return whether a value that AWS gave back is the one that was written, down to every text in it.

    GetTemplate, outputs and the values of a change set have a question mark for a character beyond ASCII
    (aws-cloudformation/cloudformation-coverage-roadmap#814 and #1220, aws/aws-cdk#38708, read 2026-11-28); how many for
    one that takes several bytes is not documented, so that any number up to four will do.
    """
    if isinstance(read, str) and isinstance(written, str):
        if read == written or "?" not in read or written.isascii():
            return read == written
        # A run of such characters is one part: with one part per character, a sentence would be matched for hours.
        parts = (_mangled(each) for each in re.findall(r"[?\x80-\U0010ffff]+|[^?\x80-\U0010ffff]+", written))
        return re.fullmatch("".join(parts), read) is not None
    if isinstance(read, dict) and isinstance(written, dict):
        return len(read) == len(written) and all(
            given_back(old, new) and given_back(read[old], written[new]) for old, new in zip(read, written, strict=True)
        )
    if isinstance(read, list) and isinstance(written, list):
        return len(read) == len(written) and all(map(given_back, read, written))
    return same(read, written)


def _mangled(run: str) -> str:
    beyond = sum(each > "\x7f" for each in run)
    if not beyond:
        return re.escape(run)
    return rf"(?:{re.escape(run)}|\?{{{len(run)},{len(run) + 3 * beyond}}})"


def frozen(value: Any) -> Hashable:
    """Return a value that can be looked up, equal exactly when `same` says so."""
    if isinstance(value, dict):
        return "map", frozenset((key, frozen(each)) for key, each in value.items())
    if isinstance(value, list):
        return "list", tuple(map(frozen, value))
    if isinstance(value, Sealed):
        return "sealed", frozen(value.value)
    return type(value).__name__, value
