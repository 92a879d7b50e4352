"""How a change of a resource interrupts the service that runs: the words of a row's interruption columns.

From the CloudFormation Template Reference, "Update requires" (No interruption, Some interruptions, Replacement), and
from what the services' own guides say. AWS promises none of the times: they are what people commonly see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NO, BRIEF, OUTAGE, IMPOSSIBLE = LEVELS = ("none", "brief", "outage", "impossible")
"""Worse from left to right."""


@dataclass(frozen=True)
class Interruption:
    """One of `LEVELS`, and what is interrupted for how long; empty for none."""

    level: str
    what: str = ""


NONE = Interruption(NO)
UNKNOWN = Interruption(OUTAGE, "infragen does not know what this does to the running service")


def brief(what: str) -> Interruption:
    """Return an interruption of seconds, or of open connections alone."""
    return Interruption(BRIEF, what)


def outage(what: str) -> Interruption:
    """Return an interruption that users notice."""
    return Interruption(OUTAGE, what)


def impossible(what: str) -> Interruption:
    """Return what cannot be done in place."""
    return Interruption(IMPOSSIBLE, what)


@dataclass(frozen=True)
class Interruptions:
    """What removing, replacing or changing a resource of a type does to the service.

    `in_place` is by top-level property, `*` for any other one; a property that is not there interrupts nothing (AWS:
    "No interruption"). `known` says that somebody has read the type's page: without, everything is `UNKNOWN`.
    """

    removed: Interruption = UNKNOWN
    replaced: Interruption = UNKNOWN
    in_place: Mapping[str, Interruption] = field(default_factory=dict)
    known: bool = True


NOBODY_WAITS = Interruptions(NONE, NONE)
"""Of what no request and no message passes through."""
