"""Nested change sets that failed: read to their end, and distinguished by what they failed of.

AWS computes the change sets of nested stacks before any of them is deployed, with a placeholder for each output of a
sibling (`assembly.wiring`). Where it cannot, the template may be right: the change set is created again without nested
ones. What is wrong with a resource or a property stays a failure.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infragen.assembly.stacks import StackUnit
from infragen.changes.comparison import PLACEHOLDERS
from infragen.changes.evaluate import references
from infragen.changes.values import intrinsic
from infragen.cloud.cloudformation import ChangeSet, ResourceChange
from infragen.engine.progress import Session
from infragen.engine.retry import BEFORE, retrying
from infragen.errors import OperationFailed

LONGEST = 900.0
"""Seconds to wait for nested change sets that are in progress after one has failed."""


@dataclass(frozen=True)
class NestedSet:
    """A nested change set as it ended. `place` is the way to it (`root/Network`); `failures` are AWS's words for why it
    failed, with what its checks found; empty where it did not fail itself.
    """

    layer: str
    place: str
    change_set: ChangeSet
    failures: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Return whether AWS says all of what changes in the stack."""
        return self.change_set.status == "CREATE_COMPLETE" or self.change_set.empty


@dataclass(frozen=True)
class Unevaluated:
    """What AWS could not evaluate beforehand: its words by layer, those of its checks where they failed, and the nested
    change sets that it did create.
    """

    reasons: Mapping[str, str]
    sets: tuple[NestedSet, ...] = ()

    def why(self, layer: str) -> str:
        """Return AWS's words for a layer; where it names none, those for all."""
        return self.reasons.get(layer) or next(iter(self.reasons.values()))


def read_to_end(
    session: Session, unit: StackUnit, change_set: ChangeSet
) -> Generator[None, None, tuple[NestedSet, ...]]:
    """Read all nested change sets of a failed one until none is in progress: the root fails with the first of them
    (Amplify's decision record on template drift, April 2026). Raises OperationFailed after LONGEST seconds.
    """
    since = session.timer.now()
    found: list[NestedSet] = []
    todo = [(unit.layer, unit.layer, change_set)]
    while todo:
        layer, place, parent = todo.pop()
        for change in parent.changes:
            if not change.change_set_id:
                continue
            below, inner = f"{place}/{change.logical_id}", unit.child_layer(layer, change.logical_id)
            nested = yield from _ended(session, unit, change, since)
            if nested is not None:
                found.append(NestedSet(inner, below, nested, _failures(session, nested, below)))
                todo.append((inner, below, nested))
    return tuple(found)


def _ended(
    session: Session, unit: StackUnit, change: ResourceChange, since: float
) -> Generator[None, None, ChangeSet | None]:
    def look() -> ChangeSet | None:
        return session.cloud.change_set(change.change_set_id, change.physical_id)

    while True:
        found = yield from retrying(session, unit.layer, look, BEFORE)
        if found is None or not found.pending:
            return found
        if session.timer.now() - since > LONGEST:
            raise OperationFailed(
                f"the change set of {unit.stack} failed, and its nested change set {found.name} is {found.status} "
                f"{LONGEST / 60:.0f} minutes later",
                "nothing was changed; run the same command again",
            )
        yield


def _failures(session: Session, change_set: ChangeSet, place: str) -> tuple[str, ...]:
    """Return why a set failed itself. What failed only because of one nested in it says nothing of its own, and what
    failed without a word may have done so because of another: alone, it makes the root fail for an unknown reason.
    """
    if change_set.status != "FAILED" or change_set.empty or NESTED_FAILED.match(change_set.reason):
        return ()
    said = (change_set.reason, *session.cloud.failed_checks(change_set.change_set_id))
    return said if any(said) else ()


NESTED_FAILED = re.compile(r"Nested change set \S+ was not successfully created")


def unevaluated(unit: StackUnit, change_set: ChangeSet, sets: tuple[NestedSet, ...]) -> Unevaluated | None:
    """Return what AWS could not evaluate, where that is all that a failed change set failed of; else None."""
    failed = [each for each in sets if each.failures]
    if not failed:
        return refused_words(unit, change_set.reason)
    if real_failures(unit, sets):
        return None
    return Unevaluated({each.layer: "; ".join(each.failures[1:] or each.failures) for each in failed}, sets)


def refused_words(unit: StackUnit, reason: str) -> Unevaluated | None:
    """Return the same for what AWS says of the root itself: of the request, or where it created no set for the child.

    Any layer may be meant then, also one that takes nothing, so that the words must be about a wired value.
    """
    takes = {child.layer: _taken(child.inputs) for child in unit.children.values()}
    everything = frozenset().union(*takes.values())
    if not everything or not _quotes(reason, everything):
        return None
    blamed = [layer for layer, names in takes.items() if any(_names(reason, each) for each in names)]
    return Unevaluated(dict.fromkeys(blamed or [layer for layer, names in takes.items() if names], reason))


def real_failures(unit: StackUnit, sets: Iterable[NestedSet]) -> tuple[NestedSet, ...]:
    """Return the nested sets that failed of more than a placeholder."""
    templates = {child.layer: child for child in unit.children.values()}

    def real(each: NestedSet) -> bool:
        template = templates.get(each.layer)
        return template is None or not _of_a_placeholder(each.failures, template.body, _taken(template.inputs))

    return tuple(each for each in sets if each.failures and real(each))


def _taken(inputs: Iterable[Any]) -> frozenset[str]:
    return frozenset(each.name for each in inputs)


def _of_a_placeholder(failures: tuple[str, ...], body: Mapping[str, Any], wired: frozenset[str]) -> bool:
    """Return whether a nested set failed only because other layers are not deployed yet.

    Checks (early validation, hooks) are about a resource: only one that quotes the placeholder, or is about a property
    that takes a wired value, is none. A template looks into no wired value (`assembly.wiring`), so that what AWS says
    of a function in it (Fn::Select, an Export) is about the template itself. Unknown words count as more, too.
    """
    reason, *checks = failures
    if checks:
        return all(_quotes(each, wired) or _about_wired(each, body, wired) for each in checks)
    return _quotes(reason, wired)


def _quotes(text: str, wired: Iterable[str]) -> bool:
    """Return whether a text repeats a placeholder, or names a wired parameter as one."""
    named = "arameter" in text and any(_names(text, each) for each in wired)
    return named or any(each in text for each in PLACEHOLDERS)


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _about_wired(check: str, body: Mapping[str, Any], wired: frozenset[str]) -> bool:
    """Return whether a check, which begins with the property's path, is about what another layer gives: a function
    that takes a wired value, or a property in which all that is known later is such a value.
    """
    path = re.match(r"/Resources/(\w+)((?:/\w+)*)", check)
    if path is None:
        return False
    found: Any = body.get("Resources", {}).get(path[1])
    for step in path[2].split("/")[1:]:
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            break
    names = {each for each in references(found) if not each.startswith("AWS::")}
    return bool(path[2]) and bool(names & wired) and bool(intrinsic(found) or names <= wired)
