"""Two sources, one model: the rows of AWS's change set against those of our own comparison of templates.

AWS's rows lead, because AWS carries them out; ours show values and causes inside documents. What only one of the two
says, or what they say differently, is a `Disagreement` of the row. Differences that have a known reason are none; the
reasons are the functions `_expected…` below. Values of both sources leave here masked. A row is made once, from what
the two say of it: AWS's own stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from infragen.changes.diff import Side, untrusted
from infragen.changes.evaluate import decides, later, mentions, references
from infragen.changes.replacement import ALWAYS, CONDITIONALLY, NEVER, RECREATIONS, decided, schema_of, stays
from infragen.changes.stack_tags import TAGGED, reached
from infragen.changes.values import NOTHING, given_back, same
from infragen.cloud.cloudformation import (
    Cause,
    CauseKind,
    Differs,
    Disagreement,
    PropertyChange,
    ResourceChange,
    Source,
)
from infragen.cloud.template import STACK_TYPE, layer_of_id
from infragen.secrecy.masking import SECRET, mask, secret_parameters, secret_texts
from infragen.secrecy.shown import KnownAfter, Secret
from infragen.secrecy.suspicion import looks_secret

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""How a change set says that a value exists only later (API reference, ResourceTargetDefinition)."""

OF_A_SIBLING = re.compile(r"\{\{IntrinsicFunction:[^{}]*?/(\w+)\.Outputs\.(\w+)/Fn::GetAtt\}\}")
"""How a change set of a nested stack says that a value is an output of a sibling: stack, logical id, name. Public
reports, read 2026-11-28; `assembly.wiring` names them."""

PLACEHOLDERS = (KNOWN_AFTER_APPLY, "{{IntrinsicFunction:")

SHOWN = 80
"""Characters of a value of AWS's that a sentence repeats."""

CUT = 32
"""Characters from which on a value of AWS's that is the beginning of ours is taken for one that AWS cut off."""

NOT_OF_THE_RESOURCE = frozenset({
    "Condition", "CreationPolicy", "DeletionPolicy", "DependsOn", "Metadata", "UpdatePolicy", "UpdateReplacePolicy",
})  # fmt: skip
"""Attributes that tell CloudFormation how to go about a resource: it lists a change of one of them or leaves it out."""

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class ReconcileContext:
    """What both sources speak about: a layer's template before and after.

    `tags` are the names of its stack's tags that change, `opaque` the types of parameters whose values only AWS knows.
    `wired` are the parameters that a sibling's outputs feed, for which AWS computes with a placeholder, and `moved`
    those of the outputs, by layer and name, that AWS's own rows of the sibling may change. `lost` are the nested stacks
    whose own change set is gone, so that nobody knows what becomes of them; `unseen` is what it is to `compare`.
    """

    layer: str
    region: str
    old: Side
    new: Side
    tags: frozenset[str] = frozenset()
    opaque: tuple[str, ...] = ()
    wired: Mapping[str, KnownAfter] = field(default_factory=dict)
    moved: frozenset[tuple[str, str]] = frozenset()
    lost: frozenset[str] = frozenset()
    unseen: bool = False

    @cached_property
    def still(self) -> frozenset[str]:
        """Return the wired parameters whose source changes for neither: what AWS computes with a placeholder stays. A
        value that is known only later (KnownAfter) is never the deployed one.
        """
        return frozenset(
            name
            for name, source in self.wired.items()
            if name in self.old.values
            and same(self.old.values[name], self.new.values.get(name, NOTHING))
            and (source.layer, source.name) not in self.moved
        )

    @cached_property
    def secret_texts(self) -> frozenset[str]:
        """Return the values of NoEcho parameters, as far as we know them: AWS's values may contain them."""
        return secret_texts(self.old.body, self.old.values) | secret_texts(self.new.body, self.new.values)

    @cached_property
    def _parameters(self) -> dict[str, Any]:
        return {**self.old.body.get("Parameters", {}), **self.new.body.get("Parameters", {})}

    def reached(self, row: ResourceChange) -> bool:
        """Return whether the stack's tags may be passed on to a resource; also where that is not known of its type."""
        resource = self.new.resources.get(row.logical_id, {"Type": row.type})
        return schema_of(row.type, self.region) is None or reached(resource, self.region, self.tags)

    def opaque_parameter(self, name: str) -> bool:
        """Return whether the values of a parameter are AWS's alone to compare."""
        return str(self._parameters.get(name, {}).get("Type", "")).startswith(self.opaque or ("?",))

    def written(self, logical_id: str) -> list[Any]:
        """Return a resource as the two templates write it."""
        return [side.body.get("Resources", {}).get(logical_id, {}) for side in (self.old, self.new)]

    def hides(self, logical_id: str, path: Key) -> bool:
        """Return whether what AWS tells of a path is a secret: by its name, one beside it, or a NoEcho parameter behind
        it.
        """
        if any(isinstance(step, str) and looks_secret(step) for step in path):
            return True
        secret = secret_parameters(self.old.body) | secret_parameters(self.new.body)
        for resource in self.written(logical_id):
            value = resource.get("Properties", {}).get(path[1]) if len(path) > 1 else resource
            if references(value) & secret:
                return True
            if str(path[-1]).lower().endswith("value") and _names_a_secret(value):
                return True
        return False


def _names_a_secret(value: Any) -> bool:
    """Return whether any element of a list has a name that sounds secret: which of them a path means is not sure."""
    if isinstance(value, dict):
        return any(
            looks_secret(each) if isinstance(each, str) and key in ("Name", "Key") else _names_a_secret(each)
            for key, each in value.items()
        )
    return isinstance(value, list) and any(map(_names_a_secret, value))


@dataclass(frozen=True)
class Compared:
    """The rows of one stack, and what else is to be said of it. `moved` are its outputs whose value may be another one
    afterwards; `stricter` says that a row counts as replaced because AWS was not asked about the stack.
    """

    rows: tuple[ResourceChange, ...]
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    moved: frozenset[str] = frozenset()
    stricter: bool = False


def agree(theirs: Sequence[ResourceChange], ours: Sequence[ResourceChange], context: ReconcileContext) -> Compared:
    """Return one list of AWS's rows and ours, in AWS's order, those that only we have at the end."""
    mine = {each.logical_id: each for each in ours}
    counted = [_Theirs(each, each.properties, _replacement_of(each, context), each.policy_action) for each in theirs]
    counted, phantoms = _without_phantoms(counted, mine, context)
    listed = [each for each in counted if each.row.logical_id not in mine and _only_listed(each, context)]
    counted, referring = _without_referring([each for each in counted if each not in listed], mine, context.region)
    rows = [
        _both(each, mine[each.row.logical_id], context) if each.row.logical_id in mine else _theirs(each, context)
        for each in counted
    ]
    known = {each.logical_id for each in rows}
    quiet = [each for each in ours if each.logical_id not in known and _expected_missing(each)]
    missing = [each for each in ours if each.logical_id not in known and not _expected_missing(each)]
    rows += [_ours(each, context) for each in missing]
    left = [f"AWS lists {_resources(len(listed))} more, which the stack's tags do not reach"] if listed else []
    if referring:
        left.append(f"AWS lists {_resources(referring)} more, which only refer to what stays as it is in others")
    if phantoms:
        left.append(f"AWS lists {_resources(phantoms)} more, for outputs of other layers that stay as they are")
    notes = tuple(_aside(each) for each in quiet if each.type != STACK_TYPE)
    left += [f"{each.logical_id}: only its own section tells what changes" for each in quiet if each.type == STACK_TYPE]
    return Compared(tuple(rows), notes, tuple(left))


def contradicted(ours: Iterable[ResourceChange]) -> tuple[Disagreement, ...]:
    """Return what to say of our rows where AWS's change set says that there is nothing to change at all."""
    return tuple(
        Disagreement(Differs.EMPTY, (_does(each), each.logical_id, *_named(each)))
        for each in ours
        if each.type != STACK_TYPE and not _expected_missing(each)
    )


def _resources(count: int) -> str:
    return "1 resource" if count == 1 else f"{count} resources"


def _does(row: ResourceChange) -> str:
    return {"Add": "add", "Remove": "remove", "Import": "import"}.get(row.action, "change")


def _named(row: ResourceChange) -> Iterable[str]:
    return dict.fromkeys(_word(_key(each.path)) for each in row.properties) if row.action == "Modify" else ()


@dataclass(frozen=True)
class _Theirs:
    """One of AWS's rows: those of its values that count, and the replacement and policy that follow from them."""

    row: ResourceChange
    properties: tuple[PropertyChange, ...]
    replacement: str
    policy_action: str


def _replacement_of(row: ResourceChange, context: ReconcileContext) -> str:
    """Return the replacement that AWS says; none of a nested stack of which nobody knows what becomes."""
    return "" if row.logical_id in context.lost else row.replacement


# --- rows that are there only because of a placeholder ----------------------------------------------------------


@dataclass(frozen=True)
class _Listed:
    """AWS's rows as they are by now, the rows that were phantoms, and our own, by logical id."""

    now: Mapping[str, _Theirs]
    phantoms: frozenset[str]
    mine: Mapping[str, ResourceChange]
    region: str

    def stays(self, name: str, used: Any) -> bool:
        """Return whether what a value takes from a resource stays: all of one whose row is a phantom, the Ref of one
        that changes in place.
        """
        if name not in self.now:
            return name in self.phantoms and name not in self.mine
        theirs, mine = self.now[name], self.mine.get(name)
        sides = [(theirs.row.action, theirs.replacement), *([(mine.action, mine.replacement)] if mine else [])]
        in_place = all(each == ("Modify", "False") for each in sides)
        taken = {attribute for each, attribute in mentions(used) if each == name}
        return in_place and taken <= {""} and stays(theirs.row.type, self.region, "", theirs.properties)


def _without_phantoms(
    theirs: Sequence[_Theirs], mine: Mapping[str, ResourceChange], context: ReconcileContext
) -> tuple[list[_Theirs], int]:
    """Return AWS's rows without the changes whose only cause is a wired parameter that stays as it is, and what follows
    from them; and how many rows that leaves out.

    A nested change set is computed with a placeholder for each output of a sibling, also where that stays
    (aws-cloudformation/cloudformation-coverage-roadmap#759, 2021). What our comparison finds changed stays.
    """
    if not context.still:
        return list(theirs), 0
    everything = {each.row.logical_id: each for each in theirs}
    now = everything
    while True:
        listed = _Listed(now, frozenset(everything) - frozenset(now), mine, context.region)
        cleaned = {name: _cleaned(row, listed, context) for name, row in now.items()}
        after = {name: row for name, row in cleaned.items() if row is not None}
        if after == now:
            return list(now.values()), len(listed.phantoms)
        now = after


def _cleaned(theirs: _Theirs, listed: _Listed, context: ReconcileContext) -> _Theirs | None:
    """Return a row without what only a placeholder changes; None when nothing else is in it."""
    row = theirs.row
    if row.action != "Modify" or row.type == STACK_TYPE:
        return theirs
    mine = listed.mine.get(row.logical_id)
    ours = {_key(each.path) for each in mine.properties} if mine else set()
    some = theirs.properties
    kept = tuple(each for each in some if _key(each.path) in ours or not _phantom(each, row, listed, context))
    if len(kept) == len(some):
        return theirs
    return _reduced(theirs, kept) if kept else None


def _reduced(theirs: _Theirs, kept: tuple[PropertyChange, ...]) -> _Theirs:
    """Return a row with these of its values alone, and the replacement that follows from them."""
    replacement = theirs.replacement
    if all(each.recreation != ALWAYS for each in kept):
        replacement = "False" if all(each.recreation == NEVER for each in kept) else "Conditional"
    policy = theirs.policy_action if replacement == theirs.replacement else ""
    return _Theirs(theirs.row, kept, replacement, policy)


def _phantom(change: PropertyChange, row: ResourceChange, listed: _Listed, context: ReconcileContext) -> bool:
    """Return whether each cause that AWS names for a change is a wired parameter that stays, or a resource that does.

    Where AWS names none (DirectModification alone), the templates must write the same, the value be a placeholder, and
    all that is written refer to what stays.
    """
    before, after = (_at(resource, _key(change.path)) for resource in context.written(row.logical_id))
    if not change.causes:
        names = references(after)
        stays = all(each in context.still or listed.stays(each, after) for each in names)
        return _is_placeholder(change.after) and bool(names) and same(before, after) and stays
    return all(
        (each.kind == CauseKind.PARAMETER and each.name in context.still)
        or (each.kind == CauseKind.RESOURCE and listed.stays(each.name.partition(".")[0], after))
        for each in change.causes
    )


def _is_placeholder(value: object) -> bool:
    return isinstance(value, str) and any(each in value for each in PLACEHOLDERS)


# --- differences that have a reason -----------------------------------------------------------------------------


def _only_listed(theirs: _Theirs, context: ReconcileContext) -> bool:
    """Return a row that only AWS has, and that changes nothing: where a stack's tags change, it lists what takes none,
    too.

    It leaves out custom resources and wait conditions alone, as MiniStack's authors measured (`_UNTAGGED_TYPES`).
    """
    tags_alone = all(each.path[:1] == ("Tags",) and not each.causes for each in theirs.properties)
    harmless = theirs.row.action == "Modify" and theirs.replacement == "False" and bool(theirs.properties)
    return harmless and tags_alone and bool(context.tags) and not context.reached(theirs.row)


def _without_referring(
    theirs: Sequence[_Theirs], mine: Mapping[str, ResourceChange], region: str
) -> tuple[list[_Theirs], int]:
    """Return AWS's rows without the changes that are there only because an attribute of a resource that changes in
    place might change with it, and what follows from those; and how many rows that leaves out.

    AWS lists them without property values and leaves them out with values (recorded: localstack/localstack,
    test_change_set_fn_get_attr.py, 2025-04-08). Which attributes stay the same is reported by the schema and the row of
    the type (`stays`); of any other nobody knows, and its change stays. So does what our comparison finds changed.
    """
    everything = {each.row.logical_id: each for each in theirs}
    now = everything
    while True:  # a row may refer to another one that is such a row itself
        untouched = frozenset(everything) - frozenset(now)
        in_place = {
            name: each for name, each in now.items() if each.row.action == "Modify" and _judged(each, region) == "False"
        }
        left = {name: _less_referring(each, mine.get(name), in_place, untouched, region) for name, each in now.items()}
        after = {name: row for name, row in left.items() if row is not None}
        if after == now:
            return list(now.values()), len(untouched)
        now = after


def _judged(theirs: _Theirs, region: str) -> str:
    """Return the replacement of a row of AWS's as the schema of its type decides it."""
    return decided(theirs.row.type, theirs.row.action, theirs.replacement, theirs.properties, region)


def _less_referring(
    theirs: _Theirs,
    mine: ResourceChange | None,
    in_place: Mapping[str, _Theirs],
    untouched: Collection[str],
    region: str,
) -> _Theirs | None:
    """Return a row without what only refers to what stays; None when nothing else is in it. One whose replacement the
    rest does not explain is left as it is.
    """
    ours = {_key(each.path) for each in mine.properties} if mine else set()
    some = theirs.properties
    kept = tuple(each for each in some if _key(each.path) in ours or not _stays(each, in_place, untouched, region))
    explained = {"True": kept, "Conditional": some}.get(theirs.replacement, ())
    needed = {"True": (ALWAYS,), "Conditional": (ALWAYS, CONDITIONALLY)}.get(theirs.replacement)
    if needed is not None and not any(each.recreation in needed for each in explained):
        return theirs
    if theirs.row.action != "Modify" or len(kept) == len(some) or (mine and not kept):
        return theirs
    return _reduced(theirs, kept) if kept else None


def _stays(change: PropertyChange, in_place: Mapping[str, _Theirs], untouched: Collection[str], region: str) -> bool:
    """Return whether all that a property is said to follow are attributes that stay as they are, and AWS gives no
    values.
    """
    if change.before is not None or change.after is not None or not change.causes:
        return False
    for each in change.causes:
        name, _, attribute = each.name.partition(".")
        source = in_place.get(name)
        if source is not None and not attribute:  # AWS says that it may be replaced, and its schema that it is not
            fixed = source.replacement == "Conditional"
        else:
            fixed = source is not None and stays(source.row.type, region, attribute, source.properties)
        if each.kind != CauseKind.RESOURCE or not (name in untouched or fixed):
            return False
    return True


def _expected_missing(row: ResourceChange) -> bool:
    """Return a row that only we have: attributes that are not the resource's, nested stacks, which have their own rows,
    and texts that AWS knows but cannot give back.
    """
    expected = all(each.path[0] in NOT_OF_THE_RESOURCE or _given_back(each) for each in row.properties)
    return row.type == STACK_TYPE or (row.action == "Modify" and expected)


def _given_back(change: PropertyChange) -> bool:
    """Return whether a text is the deployed one, of which GetTemplate gave question marks: templates were not always
    ASCII.
    """
    return isinstance(change.before, str) and given_back(change.before, change.after)


def _aside(row: ResourceChange) -> str:
    """Return what is said instead of a row that AWS need not have."""
    if any(map(_given_back, row.properties)):
        return f"{row.logical_id}: AWS gives ? for characters beyond ASCII; its change set leaves the resource alone"
    names = ", ".join(dict.fromkeys(str(each.path[0]) for each in row.properties))
    return f"{row.logical_id}: {names} changes in the template; AWS's change set leaves the resource alone"


def _expected_theirs(change: PropertyChange, context: ReconcileContext) -> bool:
    """Return a value that only AWS says may change: by another resource, the stack's tags, or what AWS alone knows."""
    what = _key(change.path)[:1]
    if what == ("Tags",):
        return bool(context.tags)
    if what and what[0] in NOT_OF_THE_RESOURCE:
        return True
    compared = (
        each.kind == CauseKind.PARAMETER and not context.opaque_parameter(each.name) and each.name not in context.wired
        for each in change.causes
    )
    return bool(change.causes) and not any(compared)


def _expected_ours(change: PropertyChange) -> bool:
    """Return a value that only we say changes: not the resource's own, or perhaps the same once it is known."""
    return change.path[0] in NOT_OF_THE_RESOURCE or later(change.after)


# --- one row ----------------------------------------------------------------------------------------------------


def _key(path: Key) -> Key:
    """Return what the two sources call the same: a top-level property, or another attribute; the Tags
    property is Tags.
    """
    if path[:2] == ("Properties", "Tags"):
        return ("Tags",)
    return path[:2] if path[:1] == ("Properties",) else path[:1]


def _at(resource: Any, key: Key) -> Any:
    """Return what a template writes at a key."""
    for step in ("Properties", "Tags") if key == ("Tags",) else key:
        resource = resource.get(step) if isinstance(resource, dict) else None
    return resource


def _word(key: Key) -> str:
    return str(key[-1]) if key else "it"


@dataclass(frozen=True)
class _Outcome:
    """The replacement that counts, AWS's own word for it where that is another, and what they disagree about."""

    replacement: str
    reported: str = ""
    disagreements: tuple[Disagreement, ...] = ()


def _made(
    theirs: _Theirs,
    properties: Sequence[PropertyChange],
    causes: Iterable[Cause],
    source: Source,
    outcome: _Outcome,
    context: ReconcileContext,
    mine: ResourceChange | None = None,
) -> ResourceChange:
    """Return the finished row of what AWS has; `mine` is what we have of it."""
    row = theirs.row
    ours = mine.policy_action if mine and mine.action == row.action else ""
    replacement = outcome.replacement
    if context.unseen and row.action == "Modify":
        replacement = untrusted(row.type, replacement, properties)
    return ResourceChange(
        context.layer, row.action, row.logical_id, row.type, replacement, theirs.policy_action or ours, row.physical_id,
        properties=tuple(properties),
        causes=tuple(dict.fromkeys(causes)),
        source=source,
        change_set_id=row.change_set_id,
        reported=outcome.reported,
        disagreements=outcome.disagreements,
        renamed=mine.renamed if mine else "",
        drift=row.drift,
        ignored=row.ignored,
    )  # fmt: skip


def _by_schema(theirs: _Theirs, properties: Sequence[PropertyChange], region: str) -> _Outcome:
    """Return what the schema of the type decides where AWS does not say."""
    found = decided(theirs.row.type, theirs.row.action, theirs.replacement, properties, region)
    return _Outcome(found, theirs.replacement if found != theirs.replacement else "")


def _theirs(theirs: _Theirs, context: ReconcileContext, mine: ResourceChange | None = None) -> ResourceChange:
    """Return a row that only AWS has, or does otherwise than we say (`mine`)."""
    row = theirs.row
    properties = tuple(_masked(each, row.logical_id, context) for each in theirs.properties)
    known = _by_schema(theirs, properties, context.region)
    expected = (
        row.type == STACK_TYPE
        or row.action == "Import"
        or (row.action == "Modify" and all(_expected_theirs(each, context) for each in properties))
    )
    said: tuple[Disagreement, ...] = ()
    if mine is not None:
        sure = row.action not in ("Dynamic", "Import")  # the one is not known, the other what was asked for
        said = (Disagreement(Differs.ACTION, (_does(row), _does(mine))),) if sure else ()
    elif not expected:
        said = (Disagreement(Differs.ONLY_CHANGE_SET, (_does(row),)),)
    outcome = _Outcome(known.replacement, known.reported, said)
    return _made(theirs, properties, _causes(properties), Source.CHANGE_SET, outcome, context, mine)


def _ours(row: ResourceChange, context: ReconcileContext) -> ResourceChange:
    """Return a row that only we have."""
    replacement = untrusted(row.type, row.replacement, row.properties) if context.unseen else row.replacement
    return ResourceChange(
        context.layer, row.action, row.logical_id, row.type, replacement, row.policy_action,
        properties=row.properties,
        causes=row.causes,
        source=Source.TEMPLATE,
        disagreements=(Disagreement(Differs.ONLY_TEMPLATE, (_does(row),)),),
        renamed=row.renamed,
    )  # fmt: skip


def _causes(properties: Iterable[PropertyChange]) -> tuple[Cause, ...]:
    return tuple(dict.fromkeys(cause for each in properties for cause in each.causes))


def _both(theirs: _Theirs, mine: ResourceChange, context: ReconcileContext) -> ResourceChange:
    """Return a row that both have: AWS's action, the stricter replacement, the values of whoever says more."""
    row = theirs.row
    if row.action != mine.action:
        return _theirs(theirs, context, mine)
    properties, missing = _properties(theirs, mine, context)
    outcome = _stricter(theirs, mine, properties, context.region)
    causes = (*_causes(theirs.properties), *_causes(properties), *mine.causes)
    said = (*outcome.disagreements, *(missing if row.type != STACK_TYPE else ()))
    outcome = _Outcome(outcome.replacement, outcome.reported, said)
    return _made(theirs, properties, causes, Source.BOTH, outcome, context, mine)


def _stricter(theirs: _Theirs, mine: ResourceChange, properties: Sequence[PropertyChange], region: str) -> _Outcome:
    """Return the stricter of the two replacements, and whether they and their policies disagree."""
    known, said = _by_schema(theirs, properties, region), list[Disagreement]()
    if theirs.replacement == "Conditional" and mine.replacement == "True" and theirs.row.type != STACK_TYPE:
        known = _Outcome("True", "Conditional")
    elif theirs.replacement == "True" and mine.replacement == "False" and _for_a_later_value(properties, mine):
        known = _Outcome("True")
    elif {theirs.replacement, mine.replacement} == {"True", "False"}:
        said.append(Disagreement(Differs.REPLACEMENT, (theirs.replacement,)))
        known = _Outcome("True", "False" if theirs.replacement == "False" else "")
    if theirs.policy_action and mine.policy_action and theirs.policy_action != mine.policy_action:
        said.append(Disagreement(Differs.POLICY, (theirs.policy_action, mine.policy_action)))
    return _Outcome(known.replacement, known.reported, tuple(said))


def _for_a_later_value(properties: Iterable[PropertyChange], mine: ResourceChange) -> bool:
    """Return whether AWS replaces a resource for values alone that it does not know yet, which may turn out the same
    (aws-cloudformation/cloudformation-coverage-roadmap#2113, 2024). It is replaced as far as anybody can say.
    """
    ours = {_key(each.path) for each in mine.properties}
    reasons = [each for each in properties if each.recreation == ALWAYS and _key(each.path) not in ours]
    return bool(reasons) and all(later(each.after) for each in reasons)


def _properties(
    theirs: _Theirs, mine: ResourceChange, context: ReconcileContext
) -> tuple[tuple[PropertyChange, ...], tuple[Disagreement, ...]]:
    """Return the values of both sources, property by property, and what only one of them names or says otherwise."""
    row, ours, said = theirs.row, _by_key(mine.properties), _by_key(theirs.properties)
    told: list[PropertyChange] = []
    found: list[Disagreement] = []
    everything = ("Properties",) in said or not theirs.properties or row.action != "Modify"
    for key in dict.fromkeys((*said, *ours)):
        here = [_masked(each, row.logical_id, context) for each in said.get(key, ())]
        if key not in ours:
            told += here
            expected = row.action != "Modify" or all(_expected_theirs(each, context) for each in here)
            if not expected and key != ("Properties",):
                found.append(Disagreement(Differs.PROPERTY_ONLY_CHANGE_SET, (_word(key),)))
        elif key not in said:
            told += ours[key]
            if not everything and not all(map(_expected_ours, ours[key])):
                found.append(Disagreement(Differs.PROPERTY_ONLY_TEMPLATE, (_word(key),)))
        else:
            before, after = (_at(resource, key) for resource in context.written(row.logical_id))
            told += _merged(here, ours[key], direct=not same(before, after))
            found += _contradictions(here, ours[key])
    return tuple(told), tuple(found)


def _by_key(properties: Iterable[PropertyChange]) -> dict[Key, list[PropertyChange]]:
    found: dict[Key, list[PropertyChange]] = {}
    for each in properties:
        found.setdefault(_key(each.path), []).append(each)
    return found


def _merged(theirs: Sequence[PropertyChange], ours: Sequence[PropertyChange], direct: bool) -> Iterator[PropertyChange]:
    """Return our values, which are finer, with AWS's judgement; AWS's values where ours are not known yet.

    AWS's cause is about the whole property, so it is reported only where the template itself (`direct`) is none.
    """
    causes = () if direct else _causes(theirs)
    worst = max((each.recreation for each in theirs), key=RECREATIONS.index)
    always = worst == ALWAYS and all(each.recreation != ALWAYS for each in ours)
    values = {each.path: each for each in theirs if each.before is not None or each.after is not None}
    for each in ours:
        other = values.get(each.path)
        told = each if other is None or _tells(each) else other
        recreation = ALWAYS if always else each.recreation
        yield PropertyChange(
            each.path, told.before, told.after, recreation, each.causes or causes, each.name, each.moved_from, each.note
        )


def _tells(change: PropertyChange) -> bool:
    """Return whether a change of ours tells its values: no references that only AWS can follow, and nothing secret."""
    values = (change.before, change.after)
    return Secret() in values or not (same(*values) or any(later(each) or references(each) for each in values))


def _contradictions(theirs: Iterable[PropertyChange], ours: Iterable[PropertyChange]) -> Iterator[Disagreement]:
    """Return plain values after the change that are reported differently."""
    after = {each.path: each.after for each in theirs}
    for each in ours:
        said = after.get(each.path)
        if _plain(said) and _plain(each.after) and not _alike(_text(said), _text(each.after)):
            yield Disagreement(Differs.VALUE, (each.name or _word(each.path), _short(_text(said))))


def _alike(said: str, ours: str) -> bool:
    """Return whether a text of AWS's may be ours: the same, with ? for what is beyond ASCII, or cut off at its end.

    AWS cuts long values off and says neither that it did nor where (recorded change sets; no page has a limit). Where
    white space alone differs, AWS has written a document again.
    """
    if later(said) or _is_placeholder(said) or given_back(said, ours) or said.split() == ours.split():
        return True
    begun = said.rstrip(".\u2026 ")
    if len(begun) < CUT or ours.isascii():
        return len(begun) >= CUT and ours.startswith(begun)
    return any(given_back(begun, ours[:end]) for end in range(len(begun) // 4, len(begun) + 1))


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"


def _plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _text(value: object) -> str:
    """Return a scalar as CloudFormation passes it on."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _masked(change: PropertyChange, logical_id: str, context: ReconcileContext) -> PropertyChange:
    """Return a value as AWS tells it, masked, and what is known later said in our words."""
    hidden = context.hides(logical_id, change.path)
    sides = [_later_or(each, change, logical_id, context) for each in (change.before, change.after)]
    name = next((each for each in reversed(change.path) if isinstance(each, str)), "")
    old, new = (mask(each, hidden, context.secret_texts, name=name) for each in sides)
    if sides != [None, None] and same(old, new) and not same(*sides):
        old = new = SECRET
    return PropertyChange(change.path, old, new, change.recreation, _why(change, logical_id, context))


def _later_or(value: object, change: PropertyChange, logical_id: str, context: ReconcileContext) -> object:
    """Return a value in which what stands for one that is not known yet is said in our words."""
    if not _is_placeholder(value):
        return value
    text = str(value)
    if text == KNOWN_AFTER_APPLY:
        return _source(change, logical_id, context)
    whole = OF_A_SIBLING.fullmatch(text)
    if whole:
        return _output(whole, context)
    text = OF_A_SIBLING.sub(lambda found: str(_output(found, context)), text)
    return text.replace(KNOWN_AFTER_APPLY, str(_source(change, logical_id, context)))


def _output(found: re.Match[str], context: ReconcileContext) -> object:
    """Return the output that a placeholder names: its value where it stays, or who gives it."""
    for name, source in context.wired.items():
        if source.name == found[2] and source.layer.replace("-", "") == found[1].lower():
            return context.new.values[name] if name in context.still else source
    return KnownAfter(layer_of_id(found[1]), found[2])


def _source(change: PropertyChange, logical_id: str, context: ReconcileContext) -> object:
    """Return what a value waits for: a sibling's output before a resource of its own stack, by the cause or the
    template.
    """
    after = _at(context.written(logical_id)[1], _key(change.path))
    causes = [each.name for each in change.causes]
    for name in (*causes, *sorted(references(after))):
        if name in context.wired and name not in context.still:
            return context.wired[name]
    resource = next((name for name in causes if name not in context.wired), "")
    of_resource = any(each.kind == CauseKind.RESOURCE for each in change.causes[:1])
    return KnownAfter(context.layer, resource if of_resource else "")


def _why(change: PropertyChange, logical_id: str, context: ReconcileContext) -> tuple[Cause, ...]:
    """Return what makes a value change: AWS names neither the stack's own tags nor a parameter behind a condition."""
    if change.causes:
        return change.causes
    if change.path[:1] == ("Tags",) and context.tags:
        return (TAGGED,)
    before, after = (_at(resource, _key(change.path)) for resource in context.written(logical_id))
    if before is None or before != after:
        return ()
    moved = [name for name, value in context.new.values.items() if context.old.values.get(name, NOTHING) != value]
    behind = decides(after, context.new.body.get("Conditions", {}))
    return tuple(Cause(CauseKind.PARAMETER, each) for each in moved if each in behind)
