"""What a comparison finds, and what it looks at: one sentence each, and the evaluated resources of one side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from infragen.gates.access.own import Own
from infragen.gates.access.spots import leaves
from infragen.gates.access.symbols import Reader, Symbol, Text


@dataclass(frozen=True)
class Widening:
    """Something that wider access.

    `kind` is permissions or network; `place` is `layer/LogicalId`, which is how people allow it. `grave` marks what
    reaches beyond the account or knows no limit; `inside` what lets nobody reach anything that the environment does not
    bring along itself.
    """

    kind: str
    place: str
    sentence: str
    grave: bool = False
    inside: bool = False

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Resources:
    """The evaluated resources of one side. `undecided` are those of which it is not known whether they exist: among the
    `bodies` they are taken to exist in what comes and not in what was. `absent` says that the stack does not exist;
    `own` is what belongs to the environment; `rendered` are nested stacks whose templates infragen renders, so that
    they are compared themselves.
    """

    bodies: Mapping[str, Mapping[str, Any]]
    reader: Reader
    undecided: Mapping[str, Mapping[str, Any]]
    absent: bool
    own: Own
    rendered: frozenset[str] = frozenset()

    def users(self, value: Text) -> tuple[str, ...]:
        """Return the resources of which a property is exactly this reference."""
        return self._users.get(value, ())

    @cached_property
    def _users(self) -> dict[Text, tuple[str, ...]]:
        found: dict[Text, dict[str, None]] = {}
        for name, resource in self.bodies.items():
            for _, text in leaves(resource.get("Properties", {}), self.reader):
                if len(text) == 1 and isinstance(text[0], Symbol):
                    found.setdefault(text, {})[name] = None
        return {text: tuple(names) for text, names in found.items()}

    def as_before(self, name: str, old: Resources) -> bool:
        """Return whether a resource is what it was: written the same, and nothing in it may turn out otherwise."""
        return old.bodies.get(name) == self.bodies[name] and self.reader.decided(self.bodies[name])
