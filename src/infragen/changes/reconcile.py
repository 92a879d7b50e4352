"""Two sources, one model: the rows of AWS's change set against those of our own comparison of templates.

AWS's rows lead, because AWS carries them out; ours show values and causes inside documents. What only one of the two
says, or what they say differently, stays in the row as a sentence. Differences that have a known reason are none; the
reasons are the functions `_expected…` below. Values of both sources leave here masked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from infragen.changes.diff import Side
from infragen.changes.evaluate import decides, later, references, settled
from infragen.changes.replacement import ALWAYS, CONDITIONALLY, NEVER, RECREATIONS, is_fixed, judged, schema_of
from infragen.changes.stack_tags import TAGGED, reached
from infragen.changes.values import NOTHING, given_back, same
from infragen.cloudformation import STACK_TYPE, KnownAfter, PropertyChange, ResourceChange, Secret
from infragen.secrecy.masking import SECRET, mask, secret_parameters, secret_texts
from infragen.secrecy.suspicion import looks_secret

CHANGE_SET, TEMPLATE, BOTH = "change set", "template", "both"

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
    those of the outputs, by layer and name, that AWS's own rows of the sibling may change.
    """

    layer: str
    region: str
    old: Side
    new: Side
    tags: frozenset[str] = frozenset()
    opaque: tuple[str, ...] = ()
    wired: Mapping[str, KnownAfter] = field(default_factory=dict)
    moved: frozenset[tuple[str, str]] = frozenset()

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

    @cached_property
    def _after(self) -> dict[str, dict[str, Any]]:
        return settled(self.new.body, self.new.values)

    def reached(self, row: ResourceChange) -> bool:
        """Return whether the stack's tags may be passed on to a resource; also where that is not known of its type."""
        resource = self._after.get(row.logical_id, {"Type": row.type})
        return schema_of(row.type, self.region) is None or reached(resource, self.region, self.tags)

    def unseen(self, name: str) -> bool:
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
class Reconciled:
    """The rows of one stack from both sources, what else is to be said of the two, and which rows are left out."""

    rows: tuple[ResourceChange, ...]
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


def agree(theirs: Sequence[ResourceChange], ours: Sequence[ResourceChange], ground: ReconcileContext) -> Reconciled:
    """Return one list of AWS's rows and ours, in AWS's order, those that only we have at the end."""
    mine = {each.logical_id: each for each in ours}
    theirs, phantoms = _without_phantoms(theirs, mine, ground)
    listed = [each for each in theirs if each.logical_id not in mine and _only_listed(each, ground)]
    theirs, referring = _without_referring([each for each in theirs if each not in listed], mine, ground.region)
    rows = [
        _both(each, mine[each.logical_id], ground) if each.logical_id in mine else _theirs(each, ground)
        for each in theirs
    ]
    known = {each.logical_id for each in theirs}
    quiet = [each for each in ours if each.logical_id not in known and _expected_missing(each)]
    missing = [each for each in ours if each.logical_id not in known and not _expected_missing(each)]
    rows += [_with(each, f"AWS's change set does not {_does(each)} it") for each in missing]
    left = [f"AWS lists {_resources(len(listed))} more, which the stack's tags do not reach"] if listed else []
    if referring:
        left.append(f"AWS lists {_resources(referring)} more, which only refer to what stays as it is in others")
    if phantoms:
        left.append(f"AWS lists {_resources(phantoms)} more, for outputs of other layers that stay as they are")
    notes = tuple(_aside(each) for each in quiet if each.type != STACK_TYPE)
    left += [f"{each.logical_id}: only its own section tells what changes" for each in quiet if each.type == STACK_TYPE]
    return Reconciled(tuple(rows), notes, tuple(left))


def contradicted(ours: Iterable[ResourceChange]) -> tuple[str, ...]:
    """Return what to say of our rows where AWS's change set says that there is nothing to change at all."""
    return tuple(
        f"comparing templates would {_does(each)} {each.logical_id}{_named(each)}, and AWS's change set is empty"
        for each in ours
        if each.type != STACK_TYPE and not _expected_missing(each)
    )


def _resources(count: int) -> str:
    return "1 resource" if count == 1 else f"{count} resources"


def _does(row: ResourceChange) -> str:
    return {"Add": "add", "Remove": "remove", "Import": "import"}.get(row.action, "change")


def _named(row: ResourceChange) -> str:
    names = dict.fromkeys(_word(_key(each.path)) for each in row.properties)
    return f" ({', '.join(names)})" if row.action == "Modify" and names else ""


def _with(row: ResourceChange, *sentences: str) -> ResourceChange:
    return replace(row, disagreements=(*row.disagreements, *sentences))


# --- rows that are there only because of a placeholder ----------------------------------------------------------


@dataclass(frozen=True)
class _Listed:
    """AWS's rows as they are by now, the rows that were phantoms, and our own, by logical id."""

    now: Mapping[str, ResourceChange]
    phantoms: frozenset[str]
    mine: Mapping[str, ResourceChange]

    def stays(self, name: str, used: Any) -> bool:
        """Return whether what a value takes from a resource stays: all of one whose row is a phantom, the Ref of one
        that changes in place.
        """
        if name not in self.now:
            return name in self.phantoms and name not in self.mine
        rows = [each[name] for each in (self.now, self.mine) if name in each]
        in_place = all(each.action == "Modify" and each.replacement == "False" for each in rows)
        return in_place and not _by_attribute(used, name)


def _without_phantoms(
    theirs: Sequence[ResourceChange], mine: Mapping[str, ResourceChange], ground: ReconcileContext
) -> tuple[list[ResourceChange], int]:
    """Return AWS's rows without the changes whose only cause is a wired parameter that stays as it is, and what follows
    from them; and how many rows that leaves out.

    A nested change set is computed with a placeholder for each output of a sibling, also where that stays
    (aws-cloudformation/cloudformation-coverage-roadmap#759, 2021). What our comparison finds changed stays.
    """
    if not ground.still:
        return list(theirs), 0
    everything = {each.logical_id: each for each in theirs}
    now = everything
    while True:
        listed = _Listed(now, frozenset(everything) - frozenset(now), mine)
        cleaned = {name: _cleaned(row, listed, ground) for name, row in now.items()}
        after = {name: row for name, row in cleaned.items() if row is not None}
        if after == now:
            return list(now.values()), len(listed.phantoms)
        now = after


def _cleaned(row: ResourceChange, listed: _Listed, ground: ReconcileContext) -> ResourceChange | None:
    """Return a row without what only a placeholder changes; None when nothing else is in it."""
    if row.action != "Modify" or row.type == STACK_TYPE:
        return row
    mine = listed.mine.get(row.logical_id)
    ours = {_key(each.path) for each in mine.properties} if mine else set()
    kept = tuple(each for each in row.properties if _key(each.path) in ours or not _phantom(each, row, listed, ground))
    if len(kept) == len(row.properties):
        return row
    if not kept:
        return None
    return _reduced(row, kept)


def _reduced(row: ResourceChange, kept: tuple[PropertyChange, ...]) -> ResourceChange:
    """Return a row with these of its values alone, and the replacement that follows from them."""
    replacement = row.replacement
    if all(each.recreation != ALWAYS for each in kept):
        replacement = "False" if all(each.recreation == NEVER for each in kept) else "Conditional"
    policy = row.policy_action if replacement == row.replacement else ""
    return replace(row, properties=kept, replacement=replacement, policy_action=policy)


def _phantom(change: PropertyChange, row: ResourceChange, listed: _Listed, ground: ReconcileContext) -> bool:
    """Return whether each cause that AWS names for a change is a wired parameter that stays, or a resource that does.

    Where AWS names none (DirectModification alone), the templates must write the same, the value be a placeholder, and
    all that is written refer to what stays.
    """
    before, after = (_at(resource, _key(change.path)) for resource in ground.written(row.logical_id))
    causes = [each.partition(" ") for each in change.cause.split(", ") if each]
    if not causes:
        names = references(after)
        stays = all(each in ground.still or listed.stays(each, after) for each in names)
        return _is_placeholder(change.after) and bool(names) and same(before, after) and stays
    return all(
        (kind == "parameter" and name in ground.still)
        or (kind == "resource" and listed.stays(name.partition(".")[0], after))
        for kind, _, name in causes
    )


def _by_attribute(value: Any, name: str) -> bool:
    """Return whether a value takes an attribute of a resource."""
    if isinstance(value, list):
        return any(_by_attribute(each, name) for each in value)
    if not isinstance(value, dict):
        return False
    for key, inner in value.items():
        if key == "Fn::GetAtt" and (inner.split(".")[0] if isinstance(inner, str) else inner[0]) == name:
            return True
        if key == "Fn::Sub" and f"${{{name}." in str(inner):
            return True
        if _by_attribute(inner, name):
            return True
    return False


def _is_placeholder(value: object) -> bool:
    return isinstance(value, str) and any(each in value for each in PLACEHOLDERS)


# --- differences that have a reason -----------------------------------------------------------------------------


def _only_listed(row: ResourceChange, ground: ReconcileContext) -> bool:
    """Return a row that only AWS has, and that changes nothing: where a stack's tags change, it lists what takes none,
    too.

    It leaves out custom resources and wait conditions alone, as MiniStack's authors measured (`_UNTAGGED_TYPES`).
    """
    tags_alone = all(each.path[:1] == ("Tags",) and not each.cause for each in row.properties)
    harmless = row.action == "Modify" and row.replacement == "False" and bool(row.properties) and tags_alone
    return harmless and bool(ground.tags) and not ground.reached(row)


def _without_referring(
    theirs: Sequence[ResourceChange], mine: Mapping[str, ResourceChange], region: str
) -> tuple[list[ResourceChange], int]:
    """Return AWS's rows without the changes that are there only because an attribute of a resource that changes in
    place might change with it, and what follows from those; and how many rows that leaves out.

    AWS lists them without property values and leaves them out with values (recorded: localstack/localstack,
    test_change_set_fn_get_attr.py, 2025-04-08). Which attributes stay the same is reported by the schema and the row of
    the type (`is_fixed`); of any other nobody knows, and its change stays. So does what our comparison finds changed.
    """
    everything = {each.logical_id: each for each in theirs}
    now = everything
    while True:  # a row may refer to another one that is such a row itself
        untouched = frozenset(everything) - frozenset(now)
        in_place = {
            name: each
            for name, each in now.items()
            if each.action == "Modify" and judged(each, region).replacement == "False"
        }
        left = {name: _less_referring(each, mine.get(name), in_place, untouched, region) for name, each in now.items()}
        after = {name: row for name, row in left.items() if row is not None}
        if after == now:
            return list(now.values()), len(untouched)
        now = after


def _less_referring(
    row: ResourceChange,
    mine: ResourceChange | None,
    in_place: Mapping[str, ResourceChange],
    untouched: Collection[str],
    region: str,
) -> ResourceChange | None:
    """Return a row without what only refers to what stays; None when nothing else is in it. One whose replacement the
    rest does not explain is left as it is.
    """
    ours = {_key(each.path) for each in mine.properties} if mine else set()
    kept = tuple(
        each for each in row.properties if _key(each.path) in ours or not _stays(each, in_place, untouched, region)
    )
    explained = {"True": kept, "Conditional": row.properties}.get(row.replacement, ())
    needed = {"True": (ALWAYS,), "Conditional": (ALWAYS, CONDITIONALLY)}.get(row.replacement)
    if needed is not None and not any(each.recreation in needed for each in explained):
        return row
    if row.action != "Modify" or len(kept) == len(row.properties) or (mine and not kept):
        return row
    return _reduced(row, kept) if kept else None


def _stays(
    change: PropertyChange, in_place: Mapping[str, ResourceChange], untouched: Collection[str], region: str
) -> bool:
    """Return whether all that a property is said to follow are attributes that stay as they are, and AWS gives no
    values.
    """
    causes = [each.removeprefix("resource ") for each in change.cause.split(", ") if each.startswith("resource ")]
    if change.before is not None or change.after is not None or len(causes) != len(change.cause.split(", ")):
        return False
    for cause in causes:
        name, _, attribute = cause.partition(".")
        source = in_place.get(name)
        if source is not None and not attribute:  # AWS says that it may be replaced, and its schema that it is not
            fixed = source.replacement == "Conditional"
        else:
            fixed = source is not None and is_fixed(source.type, region, attribute)
        if not (name in untouched or fixed):
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


def _expected_theirs(change: PropertyChange, ground: ReconcileContext) -> bool:
    """Return a value that only AWS says may change: by another resource, the stack's tags, or what AWS alone knows."""
    what = _key(change.path)[:1]
    if what == ("Tags",):
        return bool(ground.tags)
    if what and what[0] in NOT_OF_THE_RESOURCE:
        return True
    causes = [each.partition(" ") for each in change.cause.split(", ") if each]
    if not causes:
        return False
    known = ground.unseen, ground.wired.__contains__
    kinds = (
        kind if kind != "parameter" or any(each(name) for each in known) else "compared" for kind, _, name in causes
    )
    return all(each != "compared" for each in kinds)


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


def _theirs(row: ResourceChange, ground: ReconcileContext) -> ResourceChange:
    """Return a row that only AWS has."""
    properties = tuple(_told(each, row.logical_id, ground) for each in row.properties)
    known = judged(replace(row, properties=properties, source=CHANGE_SET), ground.region)
    known = replace(known, causes=known.causes or _causes(properties))
    if row.type == STACK_TYPE or (
        row.action == "Modify" and all(_expected_theirs(each, ground) for each in properties)
    ):
        return known
    return _with(known, f"comparing templates does not {_does(row)} it")


def _causes(properties: Iterable[PropertyChange]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.cause for each in properties if each.cause))


def _both(row: ResourceChange, mine: ResourceChange, ground: ReconcileContext) -> ResourceChange:
    """Return a row that both have: AWS's action, the stricter replacement, the values of whoever says more."""
    if row.action != mine.action:
        said = _theirs(row, ground)
        sentence = f"AWS's change set would {_does(row)} it, comparing templates would {_does(mine)} it"
        return replace(said, disagreements=(sentence,) if row.action != "Dynamic" else (), renamed=mine.renamed)
    properties, missing = _properties(row, mine, ground)
    known = judged(replace(row, properties=properties), ground.region)
    known = _replacement(replace(known, source=BOTH, renamed=mine.renamed), row, mine)
    causes = tuple(dict.fromkeys((*_causes(row.properties), *_causes(properties), *mine.causes)))
    return _with(replace(known, causes=causes), *(missing if row.type != STACK_TYPE else ()))


def _replacement(known: ResourceChange, row: ResourceChange, mine: ResourceChange) -> ResourceChange:
    """Return the stricter of the two, and what becomes of the old resource."""
    sentences = []
    if row.replacement == "Conditional" and mine.replacement == "True" and row.type != STACK_TYPE:
        known = replace(known, replacement="True", reported="Conditional")
    elif row.replacement == "True" and mine.replacement == "False" and _for_a_later_value(known, mine):
        known = replace(known, replacement="True")
    elif {row.replacement, mine.replacement} == {"True", "False"}:
        sentences.append(
            f"AWS's change set {'replaces it' if row.replacement == 'True' else 'keeps it'}, the resource's schema "
            f"says that it is {'replaced' if mine.replacement == 'True' else 'kept'}"
        )
        known = replace(known, replacement="True", reported="False" if row.replacement == "False" else "")
    if row.policy_action and mine.policy_action and row.policy_action != mine.policy_action:
        sentences.append(f"AWS's change set says {row.policy_action}, comparing templates {mine.policy_action}")
    return _with(replace(known, policy_action=row.policy_action or mine.policy_action), *sentences)


def _for_a_later_value(known: ResourceChange, mine: ResourceChange) -> bool:
    """Return whether AWS replaces a resource for values alone that it does not know yet, which may turn out the same
    (aws-cloudformation/cloudformation-coverage-roadmap#2113, 2024). It is replaced as far as anybody can say.
    """
    ours = {_key(each.path) for each in mine.properties}
    reasons = [each for each in known.properties if each.recreation == ALWAYS and _key(each.path) not in ours]
    return bool(reasons) and all(later(each.after) for each in reasons)


def _properties(
    row: ResourceChange, mine: ResourceChange, ground: ReconcileContext
) -> tuple[tuple[PropertyChange, ...], tuple[str, ...]]:
    """Return the values of both sources, property by property, and sentences about those that one does not name."""
    ours, theirs = _by_key(mine.properties), _by_key(row.properties)
    told: list[PropertyChange] = []
    sentences = []
    everything = ("Properties",) in theirs or not row.properties or row.action != "Modify"
    for key in dict.fromkeys((*theirs, *ours)):
        here = [_told(each, row.logical_id, ground) for each in theirs.get(key, ())]
        if key not in ours:
            told += here
            if (
                row.action == "Modify"
                and not all(_expected_theirs(each, ground) for each in here)
                and key != ("Properties",)
            ):
                sentences.append(f"only AWS's change set says that {_word(key)} changes")
        elif key not in theirs:
            told += ours[key]
            if not everything and not all(map(_expected_ours, ours[key])):
                sentences.append(f"only comparing templates says that {_word(key)} changes")
        else:
            before, after = (_at(resource, key) for resource in ground.written(row.logical_id))
            told += _merged(here, ours[key], direct=not same(before, after))
            sentences += _contradictions(here, ours[key])
    return tuple(told), tuple(sentences)


def _by_key(properties: Iterable[PropertyChange]) -> dict[Key, list[PropertyChange]]:
    found: dict[Key, list[PropertyChange]] = {}
    for each in properties:
        found.setdefault(_key(each.path), []).append(each)
    return found


def _merged(theirs: Sequence[PropertyChange], ours: Sequence[PropertyChange], direct: bool) -> Iterator[PropertyChange]:
    """Return our values, which are finer, with AWS's judgement; AWS's values where ours are not known yet.

    AWS's cause is about the whole property, so it is reported only where the template itself (`direct`) is none.
    """
    cause = ", ".join(dict.fromkeys(each.cause for each in theirs if each.cause))
    worst = max((each.recreation for each in theirs), key=RECREATIONS.index)
    if worst == ALWAYS and all(each.recreation != ALWAYS for each in ours):
        ours = [replace(each, recreation=ALWAYS) for each in ours]
    values = {each.path: each for each in theirs if each.before is not None or each.after is not None}
    for each in ours:
        other = values.get(each.path)
        if other is not None and not _settled(each):
            each = replace(each, before=other.before, after=other.after)
        yield replace(each, cause=each.cause or ("" if direct else cause))


def _settled(change: PropertyChange) -> bool:
    """Return whether a change of ours tells its values: no references that only AWS can follow, and nothing secret."""
    values = (change.before, change.after)
    return Secret() in values or not (same(*values) or any(later(each) or references(each) for each in values))


def _contradictions(theirs: Iterable[PropertyChange], ours: Iterable[PropertyChange]) -> Iterator[str]:
    """Return plain values after the change that are reported differently."""
    after = {each.path: each.after for each in theirs}
    for each in ours:
        said = after.get(each.path)
        if _plain(said) and _plain(each.after) and not _alike(_text(said), _text(each.after)):
            yield f"AWS's change set says that {each.name or _word(each.path)} becomes {_short(_text(said))}"


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


def _told(change: PropertyChange, logical_id: str, ground: ReconcileContext) -> PropertyChange:
    """Return a value as AWS tells it, masked, and what is known later said in our words."""
    hidden = ground.hides(logical_id, change.path)
    sides = [_later_or(each, change, logical_id, ground) for each in (change.before, change.after)]
    name = next((each for each in reversed(change.path) if isinstance(each, str)), "")
    old, new = (mask(each, hidden, ground.secret_texts, name=name) for each in sides)
    if sides != [None, None] and same(old, new) and not same(*sides):
        old = new = SECRET
    return replace(change, before=old, after=new, cause=_cause(change, logical_id, ground))


def _later_or(value: object, change: PropertyChange, logical_id: str, ground: ReconcileContext) -> object:
    """Return a value in which what stands for one that is not known yet is said in our words."""
    if not _is_placeholder(value):
        return value
    text = str(value)
    if text == KNOWN_AFTER_APPLY:
        return _source(change, logical_id, ground)
    whole = OF_A_SIBLING.fullmatch(text)
    if whole:
        return _output(whole, ground)
    text = OF_A_SIBLING.sub(lambda found: str(_output(found, ground)), text)
    return text.replace(KNOWN_AFTER_APPLY, str(_source(change, logical_id, ground)))


def _output(found: re.Match[str], ground: ReconcileContext) -> object:
    """Return the output that a placeholder names: its value where it stays, or who gives it."""
    for name, source in ground.wired.items():
        if source.name == found[2] and source.layer.lower() == found[1].lower():
            return ground.new.values[name] if name in ground.still else source
    return KnownAfter(found[1].lower(), found[2])


def _source(change: PropertyChange, logical_id: str, ground: ReconcileContext) -> object:
    """Return what a value waits for: a sibling's output before a resource of its own stack, by the cause or the
    template.
    """
    after = _at(ground.written(logical_id)[1], _key(change.path))
    causes = [each.partition(" ")[2] for each in change.cause.split(", ") if each]
    for name in (*causes, *sorted(references(after))):
        if name in ground.wired and name not in ground.still:
            return ground.wired[name]
    resource = next((name for name in causes if name not in ground.wired), "")
    return KnownAfter(ground.layer, resource if change.cause.startswith("resource ") else "")


def _cause(change: PropertyChange, logical_id: str, ground: ReconcileContext) -> str:
    """Return AWS names no cause for the stack's own tags, and none for a parameter behind a condition."""
    if change.cause:
        return change.cause
    if change.path[:1] == ("Tags",) and ground.tags:
        return TAGGED
    before, after = (_at(resource, _key(change.path)) for resource in ground.written(logical_id))
    if before is None or before != after:
        return ""
    moved = [name for name, value in ground.new.values.items() if ground.old.values.get(name, NOTHING) != value]
    behind = decides(after, ground.new.body.get("Conditions", {}))
    return ", ".join(f"parameter {each}" for each in moved if each in behind)
