"""What stands in the way of a deletion, found out before anything is deleted.

A deletion that fails half-way costs more than one that is refused: each function here raises while nothing has started,
and names what to type.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from infragen.assembly.stacks import StackUnit
from infragen.cloud.cloudformation import StackState
from infragen.cloud.protocol import Cloud
from infragen.engine.deletion_plan import ResourceDeletion, SharedPart, StackDeletion
from infragen.engine.progress import Question, Session
from infragen.errors import InputError, Refused
from infragen.resource_types.s3 import BUCKET


def check_retain(stacks: Sequence[StackDeletion], retain: Collection[str]) -> None:
    """Raise unless each `layer/LogicalId` exists and its stack's deletion has failed before.

    AWS takes RetainResources in DELETE_FAILED only (API reference, DeleteStack). In any other state the option would
    mean nothing, and whoever gave it would believe that the resource is safe.
    """
    places = {each.place for stack in stacks for each in stack.resources}
    unknown = sorted(each for each in retain if each not in places)
    if unknown:
        raise InputError(f"--retain {', '.join(unknown)}: no such resource", "`infragen destroy` lists them")
    failed = {layer for stack in stacks for layer in stack.failed}
    early = sorted(each for each in retain if each.rpartition("/")[0] not in failed)
    if early:
        raise Refused(
            f"{', '.join(early)}: only where a deletion has failed (DELETE_FAILED) something can be left behind",
            "nothing was deleted; to keep a resource from the start, set its DeletionPolicy to Retain and deploy that",
        )


def check_imports(cloud: Cloud, states: Sequence[StackState]) -> None:
    """Raise Refused when an export of these stacks, which are to be deleted, is imported by any other.

    infragen itself exports nothing: this is about stacks that were adopted, and resources of one's own.
    """
    _check_ending(cloud, states, {})


def check_exports(cloud: Cloud, unit: StackUnit, live: StackState, nested: Iterable[StackState]) -> None:
    """Raise Refused when an update ends an export, of a stack or of one nested in it, that another stack imports."""
    inside = [each for each in nested if each.exports]
    names = {each.physical_id: each.logical_id for each in cloud.resources(live.stack_id)} if inside else {}
    stay = {live.stack_id: _exported(unit.body)}
    for each in inside:
        name = names.get(each.stack_id, "")
        known = unit.children.get(name)
        written = name in unit.body["Resources"]  # what is in a template that we have not made is not known: it stays
        stay[each.stack_id] = _exported(known.body) if known else frozenset(each.exports.values() if written else ())
    _check_ending(cloud, [live, *inside], stay)


def _exported(body: Mapping[str, Any]) -> frozenset[str]:
    """Return the outputs that a template exports."""
    return frozenset(name for name, output in body.get("Outputs", {}).items() if "Export" in output)


def _check_ending(cloud: Cloud, states: Sequence[StackState], stay: Mapping[str, Collection[str]]) -> None:
    """Raise Refused for an imported export of these stacks, but for the outputs in `stay`, by stack."""
    ours = {each.name for each in states}
    for state in states:
        for export, output in state.exports.items():
            users = sorted(set(cloud.importers(export)) - ours) if output not in stay.get(state.stack_id, ()) else []
            if users:
                raise Refused(
                    f"{state.name} exports {export}, and {', '.join(users)} imports it; nothing was changed",
                    f"two steps: deploy {', '.join(users)} without that import (a parameter with the value does as "
                    "well), then run the same command again",
                )


def ask_to_empty(
    session: Session,
    stacks: Sequence[StackDeletion],
    allowed: Collection[str],
    retain: Collection[str],
    part: SharedPart | None = None,
) -> frozenset[str]:
    """Return the buckets to empty, each confirmed by its name: typed, or given with --empty-buckets; never anything
    else. One that is named may be empty by now. Of a bucket that stays (`part`) it is asked, too.

    Raises Refused for a bucket that is not, and for a repository that holds images; what is retained need not be empty.
    """
    goes = [each for stack in stacks for each in stack.resources if each.end == "deleted" and each.place not in retain]
    full, empty = [each for each in goes if each.holds], [each for each in goes if each.type == BUCKET.name]
    buckets = [each for each in full if each.type == BUCKET.name]
    known = {name for each in empty for name in _names(each)}
    if part is not None:
        known.add(part.asked)
    unknown = sorted(set(allowed) - known)
    if unknown:
        raise InputError(
            f"--empty-buckets {', '.join(unknown)}: no bucket of that name would be deleted",
            f"these would: {', '.join(each.place for each in empty) or 'none'}",
        )
    _refuse_repositories([each for each in full if each.type != BUCKET.name])
    asked = [each for each in buckets if not _names(each) & set(allowed)]
    flags = " ".join(f"--empty-buckets {each.place}" for each in asked)
    for each in asked:
        text = f"delete all {each.contents} in {each.place} ({each.physical_id}) for good?"
        if not session.ui.confirm(Question(text, flags, each.place)):
            raise Refused(f"{each.place} is not empty, so that it cannot be deleted; nothing was deleted", flags)
    if part is not None and part.holds and part.asked not in allowed:
        text, flag = f"delete {part.contents} for good?", f"--empty-buckets {part.asked}"
        if not session.ui.confirm(Question(text, flag, part.asked)):
            raise Refused(f"{part.contents} would stay; nothing was deleted", flag)
    named = {each.place for each in empty if _names(each) & set(allowed)}  # one may be filled until its stack goes
    return frozenset({each.place for each in buckets} | named)


def _names(bucket: ResourceDeletion) -> set[str]:
    return {bucket.place, bucket.physical_id}


def _refuse_repositories(full: Sequence[ResourceDeletion]) -> None:
    if full:
        names = ", ".join(f"{each.place} holds {each.contents}" for each in full)
        first = "; ".join(f"`aws ecr delete-repository --force --repository-name {each.physical_id}`" for each in full)
        raise Refused(f"{names}, so that it cannot be deleted; nothing was deleted", f"delete it first: {first}")
