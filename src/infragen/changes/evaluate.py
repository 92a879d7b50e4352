"""A template with its parameters in place, its conditions decided and its mappings looked up: what CloudFormation would
work with.

Pure, and the same for a deployed template and a rendered one. What is not known stays as it is written, with what it
depends on in its place: of a condition what it asks, of a mapping what is in it. So two values that are equal here are
equal to CloudFormation, although their templates have other sections.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infragen.secrecy.masking import Sealed
from infragen.secrecy.shown import KNOWN_AFTER, KnownAfter

SUB_NAME = re.compile(r"\$\{(?!!)\s*([^}]+?)\s*\}")


PARTITIONS = {"cn-": ("aws-cn", "amazonaws.com.cn"), "us-gov-": ("aws-us-gov", "amazonaws.com")}


def pseudo_parameters(account: str, region: str) -> dict[str, str]:
    """Return the pseudo parameters of which the value follows from account and region."""
    partition, suffix = next(
        (each for start, each in PARTITIONS.items() if region.startswith(start)), ("aws", "amazonaws.com")
    )
    return {"AWS::AccountId": account, "AWS::Region": region, "AWS::Partition": partition, "AWS::URLSuffix": suffix}


def evaluated(body: Mapping[str, Any], values: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    """Return the resources of a template with parameters in place, conditions decided and mappings looked up, as far as
    the values are known. `Condition` of a resource is what is left to decide.
    """
    conditions = _Conditions(body.get("Conditions", {}), body.get("Mappings", {}), values)
    found = {}
    for name, resource in body.get("Resources", {}).items():
        holds = "Condition" not in resource or conditions.holds({"Condition": resource["Condition"]})
        if holds is False:
            continue
        kept = _evaluate({k: v for k, v in resource.items() if k != "Condition"}, values, conditions)
        if holds is None:
            kept["Condition"] = conditions.asked(resource["Condition"])
        found[name] = kept
    return found


class _Conditions:
    """The conditions of a template under given parameter values: true, false, or None for not known; and its mappings,
    which conditions ask, too.
    """

    def __init__(self, written: Mapping[str, Any], mappings: Mapping[str, Any], values: Mapping[str, object]) -> None:
        self._written = written
        self._mappings = mappings
        self._values = values
        self._asked: list[str] = []

    def looked_up(self, inner: list[Any]) -> Any:
        """Return what a mapping holds; where its keys are not known, what is asked of which mapping."""
        named, *keys = (_evaluate(each, self._values, self) for each in inner[:3])
        held = self._mappings.get(named) if isinstance(named, str) else None
        found = held
        for key in keys:
            found = found.get(str(key)) if isinstance(found, Mapping) and isinstance(key, str | int) else None
        if found is None and held is not None and inner[3:] and all(isinstance(each, str | int) for each in keys):
            found = inner[3].get("DefaultValue") if isinstance(inner[3], Mapping) else None
        if found is not None:
            return _evaluate(found, self._values, self)
        return {"Fn::FindInMap": [named if held is None else held, *keys, *inner[3:]]}

    def asked(self, name: Any) -> Any:
        """Return what a condition asks that is not decided, with the conditions that it names and all values in their
        places; its name where the template does not say.
        """
        known = isinstance(name, str) and name in self._written and name not in self._asked
        return self._asking(name, self._opened) if known else name

    def _opened(self, what: Any) -> Any:
        if not isinstance(what, dict) or len(what) != 1:
            return what
        [(key, inner)] = what.items()
        match key, inner:
            case "Condition", str():
                return self.asked(inner)
            case (("Fn::And" | "Fn::Or" | "Fn::Not"), list()):
                return {key: [self._opened(each) for each in inner]}
            case "Fn::Equals", list():
                return {key: [_evaluate(each, self._values, self) for each in inner]}
        return what

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
        return None if name in self._asked else self._asking(name, self.holds)

    def _asking(self, name: str, asked: Callable[[Any], Any]) -> Any:
        self._asked.append(name)
        try:
            return asked(self._written.get(name))
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
            return {key: [conditions.asked(inner[0]), *(_evaluate(each, values, conditions) for each in inner[1:])]}
        if key == "Fn::FindInMap" and isinstance(inner, list) and len(inner) in (3, 4):
            return conditions.looked_up(inner)
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
