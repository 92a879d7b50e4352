"""Policy documents as sets of requests, and whether one document allows what another does not.

A statement is taken apart into grants: one principal, one action and one resource each, or the complement of some. A
grant covers another when every request of the other is one of its own, as far as that can be computed; where it cannot,
it does not. So "every new grant is covered by an old one, and every old denial by a new one" means that nothing more is
allowed. Rules: IAM User Guide, "IAM JSON policy elements reference" and "Policy evaluation logic".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import product
from typing import Any, TypeGuard

from infragen.gates.access.symbols import Reader, Symbol, Text, may_meet, within

ANYTHING: Text = ("*",)
ARN_FIELDS = 6
KNOWN_KEYS = frozenset({
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
})  # fmt: skip


@dataclass(frozen=True)
class Names:
    """What matches the one pattern or, negated, none of the patterns."""

    patterns: frozenset[Text]
    negated: bool = False

    @property
    def pattern(self) -> Text:
        """Return the only pattern of what is not negated."""
        [pattern] = self.patterns
        return pattern


EVERYTHING = Names(frozenset({ANYTHING}))


@dataclass(frozen=True)
class Condition:
    """One line of a condition block: a key is compared with values by an operator. `written` keeps the key's capitals,
    which mean nothing.
    """

    operator: str
    key: str
    values: frozenset[Text]
    written: str = field(compare=False)


@dataclass(frozen=True)
class Grant:
    """Requests that are allowed or denied: who may do what to what, when all conditions hold.

    `kind` parts what never compares: the document of a role's trust from that of its rights. `unread` holds a statement
    that was not understood, which has no effect that is known; it is the same as itself only. `written` are the actions
    with their capitals.
    """

    kind: str
    effect: str | None
    principals: Names = EVERYTHING
    actions: Names = EVERYTHING
    resources: Names = EVERYTHING
    conditions: frozenset[Condition] = frozenset()
    unread: Text | None = None
    written: Names = field(default=EVERYTHING, compare=False)


VERSION = "2012-10-17"
"""The version in which policy variables are variables; in every other, and in none, they are text (IAM: "Version")."""


@dataclass(frozen=True)
class _PlainReader(Reader):
    """Reads a document of an older version: `${aws:username}` in it is text."""

    def text(self, value: Any) -> Text:
        found = super().text(value)
        return tuple(part for each in found for part in (each.name if _variable(each) else (each,)))


def _variable(element: str | Symbol) -> TypeGuard[Symbol]:
    return isinstance(element, Symbol) and element.name.startswith("${")


def grants(document: Any, reader: Reader, kind: str) -> Iterator[Grant]:
    """Yield the grants of a policy document."""
    version = document.get("Version") if isinstance(document, Mapping) else VERSION
    if version != VERSION:
        reader = _PlainReader(reader.resources, reader.side)
    statements = document.get("Statement") if isinstance(document, Mapping) else document
    for statement in statements if isinstance(statements, list) else [statements]:
        yield from _statement(statement, reader, kind)


def _statement(statement: Any, reader: Reader, kind: str) -> Iterator[Grant]:
    if not _understood(statement):
        yield Grant(kind, None, unread=reader.text([statement]))
        return
    conditions = frozenset(_conditions(statement.get("Condition", {}), reader))
    sides = (
        _names(_principals(statement.get("Principal"), reader), _principals(statement.get("NotPrincipal"), reader)),
        _names(_given(statement, "Action", reader), _given(statement, "NotAction", reader)),
        _names(_given(statement, "Resource", reader), _given(statement, "NotResource", reader)),
    )
    for principals, actions, resources in product(*sides):
        small = Names(frozenset(map(lowered, actions.patterns)), actions.negated)
        yield Grant(kind, statement["Effect"], principals, small, resources, conditions, written=actions)


def _understood(statement: Any) -> bool:
    if not isinstance(statement, Mapping) or not KNOWN_KEYS.issuperset(statement):
        return False
    conditions = statement.get("Condition", {})
    if not isinstance(conditions, Mapping) or statement.get("Effect") not in ("Allow", "Deny"):
        return False
    blocks = (conditions, *conditions.values())
    return all(isinstance(each, Mapping) and not any(map(_function, each)) for each in blocks)


def _function(key: str) -> bool:
    return key.startswith("Fn::") or key == "Ref"


def _names(given: Iterable[Text] | None, withheld: Iterable[Text] | None) -> tuple[Names, ...]:
    """Return one set for each pattern, or the one complement of all. Neither is everything."""
    if withheld is not None:
        return (Names(frozenset(withheld), negated=True),)
    return (EVERYTHING,) if given is None else tuple(Names(frozenset({each})) for each in dict.fromkeys(given))


def _given(statement: Mapping[str, Any], key: str, reader: Reader) -> tuple[Text, ...] | None:
    return reader.texts(statement[key]) if key in statement else None


def lowered(text: Text) -> Text:
    """Return an action, which does not tell capitals from small letters."""
    return tuple(each.lower() if isinstance(each, str) else each for each in text)


def _principals(value: Any, reader: Reader) -> tuple[Text, ...] | None:
    """Return principals as `AWS arn…`, `Service x.amazonaws.com`; `*` for everyone."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return (reader.text(value),)
    found: list[Text] = []
    for kind, some in value.items():
        texts = reader.texts(some)
        found += [each if (kind, each) == ("AWS", ANYTHING) else (*f"{kind} ", *each) for each in texts]
    return tuple(found)


def _conditions(block: Mapping[str, Any], reader: Reader) -> Iterator[Condition]:
    for operator, lines in block.items():
        for key, values in lines.items():
            yield Condition(operator, key.lower(), frozenset(reader.texts(values)), key)


# --- coverage ---------------------------------------------------------------------------------------------------


def covers(outer: Grant, inner: Grant) -> bool:
    """Return whether every request that `inner` speaks of is certainly one that `outer` speaks of."""
    if (outer.kind, outer.effect, outer.unread) != (inner.kind, inner.effect, inner.unread):
        return False
    return (
        _contains(outer.principals, inner.principals, _same_principal, apart=False)
        and _contains(outer.actions, inner.actions, within, apart=True)
        and _contains(outer.resources, inner.resources, _arn_within, apart=True)
        and all(any(_stricter(mine, theirs) for mine in inner.conditions) for theirs in outer.conditions)
    )


def _contains(outer: Names, inner: Names, matches: Any, *, apart: bool) -> bool:
    """Return whether the inner set is part of the outer; `apart` says that patterns which cannot meet are disjoint
    sets.
    """
    if outer in (inner, EVERYTHING):
        return True
    if inner.negated:
        return outer.negated and all(any(matches(each, mine) for mine in inner.patterns) for each in outer.patterns)
    if outer.negated:
        return apart and not any(may_meet(inner.pattern, each) for each in outer.patterns)
    return bool(matches(inner.pattern, outer.pattern))


def _same_principal(inner: Text, outer: Text) -> bool:
    """Return wildcards mean nothing in a principal but for `*` alone, which is everyone."""
    return outer in (inner, ANYTHING)


def _arn_within(inner: Text, outer: Text) -> bool:
    """Return wildcards of an ARN stay within its fields, the last of which is the rest (IAM: "Resource")."""
    match inner, outer:
        case (Symbol() as mine, *_), (Symbol() as theirs, *_) if mine == theirs:
            return ":" not in inner and within(inner, outer)  # what follows the ARN of one and the same thing
    some, others = _fields(inner), _fields(outer)
    if some is None or others is None:
        return False
    return all(map(within, some, others))


def _fields(text: Text) -> tuple[Text, ...] | None:
    """Return the six fields of an ARN, missing ones being `*`; None for a text whose fields cannot be distinguished."""
    fields: list[Text] = [()]
    for each in text:
        if each == ":" and len(fields) < ARN_FIELDS:
            fields.append(())
        elif isinstance(each, Symbol) and len(fields) < ARN_FIELDS:
            return None
        else:
            fields[-1] = (*fields[-1], each)
    if fields[0] != tuple("arn"):
        return None
    return (*fields, *[ANYTHING] * (ARN_FIELDS - len(fields)))


EXACT = frozenset({"StringEquals", "StringEqualsIgnoreCase", "NumericEquals", "DateEquals", "Bool", "Null"})
LIKE = frozenset({"StringLike", "ArnLike", "ArnEquals"})
NOT = frozenset({
    "StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "ArnNotEquals", "ArnNotLike", "NumericNotEquals",
    "DateNotEquals", "NotIpAddress",
})  # fmt: skip


def _stricter(mine: Condition, theirs: Condition) -> bool:
    """Return whether a request that fulfils `mine` fulfils `theirs`; operators that we do not know only when they are
    equal.

    The values of one line are alternatives; for a negated operator all of them are excluded (IAM: "Conditions with
    multiple context keys or values").
    """
    if mine == theirs:
        return True
    if (mine.operator, mine.key) != (theirs.operator, theirs.key):
        return False
    if mine.operator in EXACT:
        return mine.values <= theirs.values
    if mine.operator in NOT:
        return mine.values >= theirs.values
    if mine.operator in LIKE:
        return all(any(within(each, other) for other in theirs.values) for each in mine.values)
    if mine.operator == "IpAddress":
        return all(any(_range_within(each, other) for other in theirs.values) for each in mine.values)
    return False


def _range_within(inner: Text, outer: Text) -> bool:
    try:
        small, large = (ip_network("".join(map(str, each)), strict=False) for each in (inner, outer))
    except ValueError:
        return inner == outer
    return small.version == large.version and small.subnet_of(large)  # type: ignore[arg-type]  # versions are equal


def wider(old: Iterable[Grant], new: Iterable[Grant]) -> tuple[tuple[Grant, ...], tuple[Grant, ...]]:
    """Return what the new grants allow more than the old, and what they deny less: the grants that nothing covers."""
    before, after = dict.fromkeys(old), dict.fromkeys(new)
    allowed = [each for each in after if each.effect != "Deny" and not _covered(each, before)]
    freed = [each for each in before if each.effect != "Allow" and not _covered(each, after)]
    return tuple(allowed), tuple(freed)


def _covered(grant: Grant, others: Iterable[Grant]) -> bool:
    return any(covers(other, grant) for other in others)
