"""Template values as texts that can be compared although not everything in them is known.

A text is a sequence of characters and symbols. A symbol stands for what only AWS will know, such as a queue's ARN: it
is the same as itself and as nothing else. What cannot be known to be the same on both sides of a comparison (a
parameter without a value, a condition that is not decided) gets a symbol of its side, never the same as the other's.
Texts may hold the wildcards of IAM: `*` for any characters, `?` for one.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from infragen.changes.evaluate import SUB_NAME
from infragen.secrecy.shown import KnownAfter

VARIABLE = re.compile(r"\$\{[^}]*\}")
UNDECIDED = ("Fn::If", "Fn::FindInMap", "Fn::Transform")


@dataclass(frozen=True)
class Symbol:
    """Something that only AWS will know. `side` is empty when both sides mean the same by this name."""

    name: str
    side: str = ""


Text = tuple[str | Symbol, ...]


def text_of(written: str) -> Text:
    """Return a literal text; policy variables such as `${aws:username}` in it are symbols."""
    found: list[str | Symbol] = []
    end = 0
    for match in VARIABLE.finditer(written):
        found += [*written[end : match.start()], Symbol(match[0])]
        end = match.end()
    return (*found, *written[end:])


def shown(text: Text) -> str:
    """Return a text for people: symbols by their names, without the attribute that says no more than
    which thing it is.
    """
    return "".join(each if isinstance(each, str) else re.sub(r"\.(Arn|GroupId)$", "", each.name) for each in text)


@dataclass(frozen=True)
class Reader:
    """Reads the values of one side's evaluated template; `resources` are the logical ids that it holds."""

    resources: frozenset[str]
    side: str

    def text(self, value: Any) -> Text:
        """Return a value as text. What is not understood becomes a symbol that holds all of it."""
        if isinstance(value, str):
            return text_of(value)
        if isinstance(value, bool):
            return text_of(str(value).lower())
        if isinstance(value, int | float):
            return text_of(str(value))
        if isinstance(value, KnownAfter):
            return (Symbol(str(value)),)
        if isinstance(value, dict) and len(value) == 1:
            [(key, inner)] = value.items()
            match key, inner:
                case "Ref", _:
                    return (self._reference(str(inner)),)
                case "Fn::GetAtt", str():
                    return (self._reference(inner),)
                case "Fn::GetAtt", [str(name), str(attribute)]:
                    return (self._reference(f"{name}.{attribute}"),)
                case "Fn::Sub", _:
                    return self._sub(inner)
                case "Fn::Join", [delimiter, [*parts]]:
                    texts = [self.text(each) for each in parts]
                    return tuple(each for at, text in enumerate(texts) for each in (*self._gap(delimiter, at), *text))
        return (self._whole(value),)

    def texts(self, value: Any) -> tuple[Text, ...]:
        """Return a value that may be one thing or a list of things."""
        return tuple(self.text(each) for each in value) if isinstance(value, list) else (self.text(value),)

    def _gap(self, delimiter: Any, at: int) -> Text:
        return self.text(delimiter) if at else ()

    def _reference(self, name: str) -> Symbol:
        """Return the symbol of a Ref or Fn::GetAtt. A resource or pseudo parameter means the same on both sides; a
        parameter without a value does not.
        """
        known = name.split(".")[0] in self.resources or name.startswith("AWS::")
        return Symbol(name, "" if known else self.side)

    def _sub(self, inner: Any) -> Text:
        written, variables = (inner, {}) if isinstance(inner, str) else inner
        found: list[str | Symbol] = []
        end = 0
        for match in SUB_NAME.finditer(written):
            name = match[1]
            found += text_of(written[end : match.start()].replace("${!", "${"))
            found += self.text(variables[name]) if name in variables else (self._reference(name),)
            end = match.end()
        return (*found, *text_of(written[end:].replace("${!", "${")))

    def _attribute_of(self, inner: Any) -> Symbol:
        """Return what a GetAtt asks for; one that is not understood is the same where it is written the same."""
        match inner:
            case str(name) | [str(name), str()]:
                return self._reference(name)
        return Symbol("")

    def _whole(self, value: Any) -> Symbol:
        decided = self.decided(value)
        return Symbol(json.dumps(value, sort_keys=True, default=str), "" if decided else self.side)

    def decided(self, value: Any) -> bool:
        """Return whether equal text means an equal value: it uses no parameter, condition or mapping."""
        if isinstance(value, list):
            return all(map(self.decided, value))
        if not isinstance(value, Mapping):
            return True
        for key, inner in value.items():
            if key in UNDECIDED or (key == "Ref" and self._reference(str(inner)).side):
                return False
            if key == "Fn::GetAtt" and self._attribute_of(inner).side:
                return False
            if key == "Fn::Sub" and any(isinstance(each, Symbol) and each.side for each in self._sub(inner)):
                return False
        return all(map(self.decided, value.values()))


# --- wildcards --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=100_000)
def within(inner: Text, outer: Text) -> bool:
    """Return whether everything that matches `inner` certainly matches `outer`; a symbol may turn out to
    be any text.
    """
    reach = {0}  # positions in `outer` up to which all of `inner` so far can be absorbed
    reach |= _past_stars(reach, outer)
    for each in inner:
        step = {at + 1 for at in reach if at < len(outer) and _absorbs(outer[at], each)}
        step |= {at for at in reach if at < len(outer) and outer[at] == "*"}
        reach = step | _past_stars(step, outer)
    return len(outer) in reach


def _absorbs(wanted: str | Symbol, got: str | Symbol) -> bool:
    return (isinstance(got, str) and got != "*") if wanted == "?" else wanted == got


def _past_stars(reach: set[int], outer: Text) -> set[int]:
    found = set()
    for start in reach:
        at = start
        while at < len(outer) and outer[at] == "*":
            at += 1
            found.add(at)
    return found


def may_meet(one: Text, other: Text) -> bool:
    """Return whether some text may match both; a symbol may turn out to be any text."""
    reach = {(0, 0)}  # positions in both up to which they can have met
    while reach:
        if (len(one), len(other)) in reach:
            return True
        reach = {step for at in reach for step in _steps(one, other, *at)}
    return False


def _steps(one: Text, other: Text, here: int, there: int) -> Iterator[tuple[int, int]]:
    """Yield where two texts that have met up to here and there may go on: past an element of either or of both."""
    left, right = one[here : here + 1], other[there : there + 1]
    free = any(map(_anything, left + right))
    if left and free:
        yield here + 1, there
    if right and free:
        yield here, there + 1
    match left, right:
        case [mine], [theirs] if mine == theirs or "?" in (mine, theirs):
            yield here + 1, there + 1


def _anything(element: str | Symbol) -> bool:
    return element == "*" or isinstance(element, Symbol)
