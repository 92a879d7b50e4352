"""A template with its parameters in place and its conditions decided: what CloudFormation would work with.

Pure, and the same for a deployed template and a rendered one. What is not known stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infragen.secrecy.masking import Sealed
from infragen.secrecy.shown import KNOWN_AFTER, KnownAfter

SUB_NAME = re.compile(r"\$\{(?!!)\s*([^}]+?)\s*\}")


def evaluated(body: Mapping[str, Any], values: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    """Return the resources of a template with parameters in place and conditions decided, as far as the values are
    known.
    """
    conditions = _Conditions(body.get("Conditions", {}), values)
    found = {}
    for name, resource in body.get("Resources", {}).items():
        if "Condition" in resource and conditions.holds({"Condition": resource["Condition"]}) is False:
            continue
        kept = _evaluate({k: v for k, v in resource.items() if k != "Condition"}, values, conditions)
        if "Condition" in resource and conditions.holds({"Condition": resource["Condition"]}) is None:
            kept["Condition"] = resource["Condition"]
        found[name] = kept
    return found


class _Conditions:
    """The conditions of a template under given parameter values: true, false, or None for not known."""

    def __init__(self, written: Mapping[str, Any], values: Mapping[str, object]) -> None:
        self._written = written
        self._values = values
        self._asked: list[str] = []

    def holds(self, what: Any) -> bool | None:
        """Return whether a condition holds."""
        if not isinstance(what, dict) or len(what) != 1:
            return None
        [(key, inner)] = what.items()
        match key:
            case "Condition":
                return self._named(str(inner))
            case "Fn::Not" if isinstance(inner, list) and len(inner) == 1:
                held = self.holds(inner[0])
                return None if held is None else not held
            case "Fn::Equals" if isinstance(inner, list) and len(inner) == 2:
                return self._equal(*inner)
            case "Fn::And" | "Fn::Or" if isinstance(inner, list):
                held_all = [self.holds(each) for each in inner]
                decisive: bool = key == "Fn::Or"
                if decisive in held_all:
                    return decisive
                return None if None in held_all else not decisive
        return None

    def _named(self, name: str) -> bool | None:
        """Return whether the condition of this name holds; one that asks for itself does not say."""
        if name in self._asked:
            return None
        self._asked.append(name)
        try:
            return self.holds(self._written.get(name))
        finally:
            self._asked.pop()

    def _equal(self, left: Any, right: Any) -> bool | None:
        sides = [_evaluate(each, self._values, self) for each in (left, right)]
        if any(isinstance(each, dict) or later(each) for each in sides):
            return None
        texts = [str(each.value if isinstance(each, Sealed) else each) for each in sides]
        return texts[0] == texts[1]


NO_VALUE = {"Ref": "AWS::NoValue"}
_NESTED = (dict, list)
"""What `_evaluate` looks into. Most values of a template are texts and numbers, for which a call costs most."""


def _evaluate(value: Any, values: Mapping[str, object], conditions: _Conditions) -> Any:
    if isinstance(value, list):
        items = [_evaluate(each, values, conditions) if isinstance(each, _NESTED) else each for each in value]
        return [each for each in items if each != NO_VALUE]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(key, inner)] = value.items()
        if key == "Ref" and isinstance(inner, str) and inner in values:
            return values[inner]
        if key == "Fn::Sub" and is_sub(inner):
            return _evaluate_sub(inner, values, conditions)
        if key == "Fn::If" and isinstance(inner, list) and len(inner) == 3:
            held = conditions.holds({"Condition": inner[0]})
            if held is not None:
                return _evaluate(inner[1] if held else inner[2], values, conditions)
    after = {}
    for name, each in value.items():
        part = _evaluate(each, values, conditions) if isinstance(each, _NESTED) else each
        if part != NO_VALUE:
            after[name] = part
    return after


def is_sub(inner: Any) -> bool:
    """Return whether this is what Fn::Sub takes: a text, or a list of a text and a map."""
    if isinstance(inner, list):
        return len(inner) == 2 and isinstance(inner[0], str) and isinstance(inner[1], dict)
    return isinstance(inner, str)


def circle(conditions: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of conditions that need each other in a circle, the first one at both ends; () without one."""
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> tuple[str, ...]:
        if name in above:
            return (*above[above.index(name) :], name)
        if name in done or name not in conditions:
            return ()
        done.add(name)
        return next(filter(None, (visit(each, (*above, name)) for each in _conditions_in(conditions[name]))), ())

    return next(filter(None, (visit(name, ()) for name in conditions)), ())


def _conditions_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Condition" and isinstance(inner, str):
                yield inner
            else:
                yield from _conditions_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _conditions_in(inner)


def _evaluate_sub(inner: Any, values: Mapping[str, object], conditions: _Conditions) -> Any:
    """Return a Sub with known names filled in; what is left of it stays a Sub."""
    text, variables = (inner, {}) if isinstance(inner, str) else (inner[0], inner[1])
    variables = {name: _evaluate(each, values, conditions) for name, each in variables.items()}
    known = {**values, **variables}
    whole = SUB_NAME.fullmatch(text)
    if whole and isinstance(known.get(whole[1]), KnownAfter):
        return known[whole[1]]

    sealed = any(isinstance(known.get(name), Sealed) for name in SUB_NAME.findall(text))

    def fill(match: re.Match[str]) -> str:
        found = known.get(match[1])
        found = found.value if isinstance(found, Sealed) else found
        return match[0] if found is None or isinstance(found, dict | list) else str(found)

    filled = SUB_NAME.sub(fill, text)
    names = set(SUB_NAME.findall(filled))
    open_variables = {name: each for name, each in variables.items() if name in names}
    if not names:
        filled = filled.replace("${!", "${")
        return Sealed(filled) if sealed else filled
    rest: Any = [filled, open_variables] if open_variables else filled
    return Sealed({"Fn::Sub": rest}) if sealed else {"Fn::Sub": rest}


def later(value: Any) -> bool:
    """Return whether a value, or a part of it, is known only after a layer is deployed, so that it may turn out the
    same.
    """
    if isinstance(value, dict):
        return any(map(later, value.values()))
    if isinstance(value, list):
        return any(map(later, value))
    return isinstance(value, KnownAfter) or (isinstance(value, str) and KNOWN_AFTER.search(value) is not None)


def references(value: Any) -> set[str]:
    """Return the names that a value refers to by Ref, GetAtt or Sub."""
    return {name for name, _ in mentions(value)}


def mentions(value: Any) -> set[tuple[str, str]]:
    """Return the names that a value refers to, each with the attribute that is taken of it; none by a Ref."""
    if isinstance(value, Sealed):
        return mentions(value.value)
    if isinstance(value, list):
        return {pair for each in value for pair in mentions(each)}
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, inner in value.items():
        if key == "Ref":
            found.add((str(inner), ""))
        elif key == "Fn::GetAtt":
            found.add(_split(inner if isinstance(inner, str) else ".".join(map(str, inner))))
        elif key == "Fn::Sub":
            text, variables = (inner, {}) if isinstance(inner, str) else inner
            found |= {_split(name) for name in SUB_NAME.findall(text) if name.split(".")[0] not in variables}
            found |= mentions(variables)
        else:
            found |= mentions(inner)
    return found


def _split(text: str) -> tuple[str, str]:
    name, _, attribute = text.partition(".")
    return name, attribute


def conditions_of(value: Any) -> set[str]:
    """Return the conditions that the Ifs of a value ask for."""
    if isinstance(value, list):
        return {name for each in value for name in conditions_of(each)}
    if not isinstance(value, dict):
        return set()
    own = {str(inner[0]) for key, inner in value.items() if key == "Fn::If" and isinstance(inner, list) and inner}
    return own | {name for inner in value.values() for name in conditions_of(inner)}


def decides(value: Any, conditions: Mapping[str, Any]) -> set[str]:
    """Return the names that a value depends on: what it refers to, and what the conditions of its Ifs ask about."""
    found, todo, seen = references(value), sorted(conditions_of(value)), set[str]()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        found |= references(conditions.get(name))
        todo += _named(conditions.get(name))
    return found


def _named(condition: Any) -> list[str]:
    """Return the conditions that a condition is made of."""
    if isinstance(condition, list):
        return [name for each in condition for name in _named(each)]
    if not isinstance(condition, dict):
        return []
    own = [str(condition["Condition"])] if isinstance(condition.get("Condition"), str) else []
    return [*own, *(name for inner in condition.values() for name in _named(inner))]
