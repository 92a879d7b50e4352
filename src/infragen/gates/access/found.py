"""What a comparison finds, and what it looks at: one sentence each, and the evaluated resources of one side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infragen.gates.access.own import Own
from infragen.gates.access.symbols import Reader


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
