"""How a change of a resource interrupts the service that runs: the words of a row's interruption columns.

From the CloudFormation Template Reference, "Update requires" (No interruption, Some interruptions, Replacement), and
from what the services' own guides say. AWS promises none of the times: they are what people commonly see.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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


Judge = Callable[[Any, Any], Interruption]
"""What a property's change from one value to another does, None for one that is not there. AWS's "No interruption"
says that the resource continues, not that it does its work with the new value."""


def becomes(stops: tuple[object, ...], what: Interruption, *path: str) -> Judge:
    """Return a judge of a switch or a number, at a path below the property: `what`, when it is one of `stops`
    afterwards, or cannot be compared.
    """

    def judged(before: Any, after: Any) -> Interruption:
        old, new = (_stops(_within(each, path), stops) for each in (before, after))
        return what if new is not False and not (old is True and before != after) else NONE

    return judged


def drops(what: Interruption, default: tuple[object, ...] = (), at: str = "") -> Judge:
    """Return a judge of a list: `what`, when an element goes or cannot be compared, by its key `at` or as a whole but
    for its description. `default` is what AWS takes where nothing is written.
    """

    def judged(before: Any, after: Any) -> Interruption:
        old, new = (list(default) if each is None else each for each in (before, after))
        if not (isinstance(old, list) and isinstance(new, list)):
            return what
        left = {_element(each, at) for each in new}
        return NONE if all(_element(each, at) in left for each in old) else what

    return judged


def ends(what: Interruption, *kinds: str) -> Judge:
    """Return a judge of a list of actions: `what`, when none of these `Type`s is left, of which one was there."""

    def judged(before: Any, after: Any) -> Interruption:
        old, new = ({_kind(each) for each in side} if isinstance(side, list) else {""} for side in (before, after))
        passes = {*kinds, ""}
        return what if old & passes and not new & {*kinds} else NONE

    return judged


def holds(key: str, what: Interruption) -> Judge:
    """Return a judge of a choice that is written as the one key of a mapping: `what`, when it is `key`, or nobody can
    tell.
    """

    def judged(_: Any, after: Any) -> Interruption:
        return NONE if isinstance(after, Mapping) and key not in after and not _function(after) else what

    return judged


def _function(value: object) -> bool:
    return isinstance(value, Mapping) and any(str(each).startswith(("Fn::", "Ref")) for each in value)


def _equal(value: object, other: object) -> bool:
    """Return whether two plain values are the same to AWS, which takes numbers and switches as texts, too."""
    try:
        return float(str(value)) == float(str(other))
    except ValueError:
        return str(value).lower() == str(other).lower()


def _within(value: Any, path: tuple[str, ...]) -> Any:
    """Return what stands at a path below a value; a function that hides it as it is."""
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) and not _function(value) else value
    return value


def _stops(value: object, stops: tuple[object, ...]) -> bool | None:
    """Return whether a value is one of some; None for one that cannot be compared."""
    if value is not None and not isinstance(value, str | int | float):
        return None
    return value is not None and any(_equal(value, each) for each in stops)


def _element(value: Any, at: str) -> str:
    if at and isinstance(value, Mapping) and isinstance(value.get(at), str):
        return str(value[at])
    plain = {key: each for key, each in value.items() if key != "Description"} if isinstance(value, Mapping) else value
    return json.dumps(plain, sort_keys=True, default=str)


def _kind(action: object) -> str:
    return str(action.get("Type", "")) if isinstance(action, Mapping) else ""


@dataclass(frozen=True)
class Interruptions:
    """What removing, replacing or changing a resource of a type does to the service.

    `in_place` is by top-level property, `*` for any other one; where the value decides, a `Judge` of both. A property
    that is not there interrupts nothing (AWS: "No interruption"). `known` says that somebody has read the type's page:
    without, everything is `UNKNOWN`.
    """

    removed: Interruption = UNKNOWN
    replaced: Interruption = UNKNOWN
    in_place: Mapping[str, Interruption | Judge] = field(default_factory=dict)
    known: bool = True

    def changed(self, name: str, before: Any, after: Any) -> Interruption:
        """Return what the change of a top-level property in place does; values are None where they are not written."""
        found = self.in_place.get(name, self.in_place.get("*", NONE))
        return found if isinstance(found, Interruption) else found(before, after)


NOBODY_WAITS = Interruptions(NONE, NONE)
"""Of what no request and no message passes through."""
