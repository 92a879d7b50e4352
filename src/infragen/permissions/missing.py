"""What CloudFormation's role lacks for an assembly: needed compared with granted, statement by statement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from infragen.gates.access.policies import Grant, covers, grants
from infragen.gates.access.symbols import Reader, shown
from infragen.permissions.document import Document, Statement, document
from infragen.permissions.needed import Needed

KIND = "service role"


@dataclass(frozen=True)
class Missing:
    """An action that the role lacks, on which resource of AWS, and the resource of the templates that needs it."""

    action: str
    on: str
    place: str

    def __str__(self) -> str:
        """Return `elasticache:CreateServerlessCache for cache/Cache`."""
        return f"{self.action} for {self.place}"


def missing(
    needed: Iterable[Needed], statements: Iterable[Statement], granted: Iterable[Document]
) -> tuple[Missing, ...]:
    """Return what the granted policies do not allow of the statements, each action once, sorted."""
    have = {each for body in granted for each in _allowed(body)}
    lacking = [each for each in _allowed(document(statements)) if each not in have and not _covered(each, have)]
    places = {each.action.lower(): each for each in needed}
    found: dict[str, Missing] = {}
    for each in lacking:
        action = "".join(map(str, each.actions.pattern))
        on = shown(each.resources.pattern)
        wanted = [places[name] for name in places if _matches(name, action)]
        for need in wanted or [Needed(action, "the environment")]:
            found.setdefault(need.action, Missing(need.action, on, need.place))
    return tuple(found[name] for name in sorted(found))


def _allowed(body: Document) -> list[Grant]:
    return [each for each in grants(body, Reader(frozenset(), ""), KIND) if each.effect == "Allow"]


def _covered(grant: Grant, others: Iterable[Grant]) -> bool:
    return any(covers(other, grant) for other in others)


def _matches(name: str, pattern: str) -> bool:
    pattern = pattern.lower()
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
