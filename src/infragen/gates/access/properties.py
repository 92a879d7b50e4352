"""What changes in the properties of a resource that decide about access: by its type's row, and by name where none is.

A property that its row does not name is judged by what its name and its values look like. A type without a row is
unknown: whatever looks like a principal, a role, an address, an endpoint or a switch counts when it is added or
changed, and so does every change that is not plainly harmless. What cannot be decided counts as changed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infragen.changes.evaluate import references
from infragen.changes.values import intrinsic
from infragen.gates.access.access import PERMISSION_CONDITIONS, ROLE_ENDS
from infragen.gates.access.found import Resources, Widening
from infragen.gates.access.names import (
    GUARDS,
    Meaning,
    everyone,
    foreign,
    harmless,
    inner_names,
    meaning_of,
    meaning_of_value,
    number,
    observes,
    runs_code,
    watches,
    words,
)
from infragen.gates.access.network import MEMBERSHIPS
from infragen.gates.access.own import Own
from infragen.gates.access.spots import NOTHING, Spot, canonical, differing, leaves, text, values_at
from infragen.gates.access.symbols import Reader, Text, shown, text_of
from infragen.resource_types import resource_type
from infragen.resource_types.access import ABSENT, Access, Judged, Opens
from infragen.secrecy.masking import mask

Properties = Mapping[str, Any]
INDEX = re.compile(r"\[[^\]]*\]")
LONGEST = 60
"""Characters of a value that a sentence shows."""

LAYER = ("TemplateURL", "Parameters")
"""What the root says of a layer's stack."""

PERMISSION = ("Principal", "Action", *PERMISSION_CONDITIONS)
NOT_PROPERTIES = ("Tags", "TagSpecifications", "HostedZoneTags", "FileSystemTags", "UserPoolTags")


@dataclass(frozen=True)
class Sides:
    """One resource before and after; `before` is None for one that is added. `longer` are paths below the one in
    question that have a rule of their own.
    """

    before: Properties | None
    after: Properties
    old: Reader
    new: Reader
    own: Own
    longer: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opened:
    """What a resource opens: the words after its name, the kind of access, whether it reaches beyond the account."""

    words: str
    kind: str
    grave: bool = False


def opened_by(old: Resources, new: Resources, layer: str) -> Iterator[Widening]:
    """Yield everything in the properties of resources, in their coming and in their going, that opens access."""
    now = "" if old.absent else "now "
    for name, resource in new.bodies.items():
        if new.as_before(name, old):
            continue
        place, type_name = f"{layer}/{name}", resource["Type"]
        held = old.bodies.get(name, {})
        before = held.get("Properties", {}) if held.get("Type") == type_name else None
        after = resource.get("Properties", {})
        if name in new.rendered:  # a layer, which is compared itself
            before, after = ({k: v for k, v in side.items() if k not in LAYER} for side in (before or {}, after))
        sides = Sides(before, after, old.reader, new.reader, new.own)
        for each in _opened_in(sides, type_name):
            lead = "" if "no longer" in each.words else now
            yield Widening(each.kind, place, f"{place} {lead}{each.words}", each.grave)
    for name, resource in old.bodies.items():
        stays = new.bodies.get(name, {}).get("Type") == resource["Type"]
        unsure = name in new.undecided and name not in old.undecided
        words = "" if stays and not unsure else removed(resource, old, new)
        if words:
            yield Widening("network", f"{layer}/{name}", f"{layer}/{name} {words}")


def _opened_in(sides: Sides, type_name: str) -> tuple[Opened, ...]:
    """Return what a resource opens by its properties; when it is new and they open nothing, by being there."""
    access = resource_type(type_name).access
    named = [
        one
        for each in (access.judged if access else ())
        for one in _WAYS[each.opens](each, replace(sides, longer=_longer(each, access)))
    ]
    found = (*dict.fromkeys(named), *_variables(sides, access), *_unnamed(sides, access, type_name))
    if access and access.added and sides.before is None and not found:
        beyond = any(foreign(value, sides.own.account) for _, value in leaves(sides.after, sides.new))
        return (Opened(access.added, "network", access.grave or beyond),)
    return found


def removed(resource: Mapping[str, Any], old: Resources, new: Resources) -> str:
    """Return what the removal of a resource opens, in words; empty when it opens nothing."""
    type_name, properties = resource["Type"], resource.get("Properties", {})
    access = resource_type(type_name).access
    if access is not None:
        counts = not access.removed_with or any(properties.get(each) for each in access.removed_with)
        return access.removed if counts and not _unwatched(access, properties, old, new) else ""
    if watches(type_name):
        return f"goes, and with it what an {type_name} may notice"
    guards = not GUARDS.isdisjoint(words(type_name.rpartition("::")[2]))
    return f"goes, and with it what an {type_name} may keep out" if guards else ""


def _unwatched(access: Access, properties: Properties, old: Resources, new: Resources) -> bool:
    """Return whether everything that a resource looked after goes together with it."""
    named = references([properties.get(each) for each in access.watches]) & old.bodies.keys()
    return bool(named) and not any(each in new.bodies for each in named)


# --- by the row -------------------------------------------------------------------------------------------------


def _longer(each: Judged, access: Access | None) -> tuple[str, ...]:
    """Return the paths below a property that have a rule of their own; one of the same path is a rule beside it."""
    if access is None:
        return ()
    paths = (*(other.written for other in access.judged), *access.harmless)
    return tuple(path for path in paths if path.startswith(each.written) and path != each.written)


def _texts(each: Judged, sides: Sides, properties: Properties | None, reader: Reader) -> Counter[tuple[str, Text]]:
    """Return the single values of a property, with their places."""
    found = Counter[tuple[str, Text]]()
    for spot, value in values_at(properties, each.steps) if properties is not None else ():
        if value is not ABSENT:
            found.update(
                (place[1], _trimmed(leaf, each.ignoring))
                for place, leaf in leaves(value, reader, spot)
                if not _covered(place, sides.longer)
            )
    return found


def _trimmed(value: Text, ignoring: str) -> Text:
    """Return a value without its end that is no part of the comparison."""
    if not ignoring:
        return value
    written = "".join(each if isinstance(each, str) else "\0" for each in value)
    found = re.search(rf"(?:{ignoring})$", written)
    return value[: found.start()] if found else value


def _both(each: Judged, sides: Sides) -> tuple[Counter[tuple[str, Text]], Counter[tuple[str, Text]]]:
    return differing(_texts(each, sides, sides.before, sides.old), _texts(each, sides, sides.after, sides.new))


def _single(each: Judged, properties: Properties | None, reader: Reader) -> dict[str, list[Any]]:
    """Return the values of a property as they are written, by place."""
    found: dict[str, list[Any]] = {}
    for spot, value in values_at(properties, each.steps) if properties is not None else ():
        found.setdefault(spot[1], []).append(value)
    return found


def _unless(each: Judged, sides: Sides) -> Iterator[Opened]:
    counted = []
    for properties, reader in ((sides.before, sides.old), (sides.after, sides.new)):
        values = _single(each, properties, reader)
        counted.append(
            Counter(
                (place, text(value, reader))
                for place, some in values.items()
                for value in some
                if intrinsic(value) or not _among(value, each.values)
            )
        )
    _, come = differing(*counted)
    if come:
        yield _opened(each, f"has {each.written} {_listed(come)}", come, sides)


def _becomes(each: Judged, sides: Sides) -> Iterator[Opened]:
    """Yield a value that gets one of these, of something that was there before."""
    if sides.before is None or (each.only_with and each.only_with not in sides.before):
        return
    old, new = _single(each, sides.before, sides.old), _single(each, sides.after, sides.new)
    for place, values in new.items():
        was = old.get(place)
        if (
            was
            and any(_among(value, each.values) for value in values)
            and not any(_among(value, each.values) for value in was)
        ):
            yield _opened(each, f"has another {each.written}", Counter(), sides)


def _variables(sides: Sides, access: Access | None) -> Iterator[Opened]:
    """Return environment variables that decide what code runs, or where its calls go, when they come, change or go."""
    if access is None or not access.variables or sides.before is None:
        return
    went, come = differing(
        *(
            Counter(
                (place[1], value)
                for place, value in leaves(properties, reader)
                if _covered(place, access.variables) and value != text_of("{}")
            )
            for properties, reader in ((sides.before, sides.old), (sides.after, sides.new))
        )
    )
    there = [place[1] for place, _ in leaves(sides.before, sides.old)]
    found = dict.fromkeys(
        variable
        for place, value in sorted((*went, *come), key=str)
        if (variable := _variable(place)) is not None
        if _stays(place, there)
        and (runs_code(variable) or ((place, value) in come and foreign(value, sides.own.account)))
    )
    for variable in found:
        beyond = any(foreign(value, sides.own.account) for place, value in come if _variable(place) == variable)
        told = f"the environment variable {variable}" if variable else "environment variables"
        yield Opened(f"has another value of {told}, which may decide what code runs", "permissions", beyond)


def _variable(place: str) -> str | None:
    """Return the name of the variable whose value stands at a place: empty when that is not known, None for a name
    itself.
    """
    if place.endswith("].Name"):
        return None
    listed = re.search(r"\[([^\]]*)\]\.Value$", place)
    return listed[1] if listed else place.partition("Environment.Variables.")[2]


def _stays(place: str, there: Sequence[str]) -> bool:
    """Return whether the element in which a variable stands, such as a container, was there before."""
    container = place.partition(".Environment")[0]
    return "]" not in container or any(each.startswith(container) for each in there)


def _among(value: Any, closed: tuple[object, ...]) -> bool:
    """Return whether a value is one of these; true is not 1, and a text is not a number."""
    return any(type(value) is type(one) and value == one for one in closed)


def _reaches(each: Judged, sides: Sides) -> Iterator[Opened]:
    _, come = _both(each, sides)
    elsewhere = Counter({key: n for key, n in come.items() if not _ours(key[1], sides.own)})
    if elsewhere:
        yield _opened(each, f"has {each.written} {_listed(elsewhere)}", elsewhere, sides)


def _ours(value: Text, own: Own) -> bool:
    return own.holds(value) or own.service_linked(value) or own.artifacts(value) or own.parameter(value)


def _counted(found: Counter[tuple[str, Text]], harmless: tuple[object, ...]) -> Counter[tuple[str, Text]]:
    """Return the counts without the values that do not count."""
    return Counter({key: n for key, n in found.items() if shown(key[1]) not in map(str, harmless)})


def _grows(each: Judged, sides: Sides) -> Iterator[Opened]:
    if sides.before is not None and (come := _counted(_both(each, sides)[1], each.values)):
        yield _opened(each, f"has {each.written} {_listed(come)}, too", come, sides)


def _shrinks(each: Judged, sides: Sides) -> Iterator[Opened]:
    if sides.before is None:
        return
    went = _of_elements(each, _counted(_both(each, sides)[0], each.values), sides.after, sides.new)
    if went:
        yield _opened(each, f"no longer has {each.written} {_listed(went)}", Counter(), sides)


def _changes(each: Judged, sides: Sides) -> Iterator[Opened]:
    if sides.before is None:
        return
    went, come = _both(each, sides)
    went = _of_elements(each, went, sides.after, sides.new)
    come = _of_elements(each, come, sides.before, sides.old)
    if went or come or (not sides.longer and _swapped(each, sides)):
        yield _opened(each, _another(each, went, come), come, sides)


def _given(each: Judged, sides: Sides) -> Iterator[Opened]:
    if _texts(each, sides, sides.after, sides.new):
        yield from _changes(each, sides)


def _vanishes(each: Judged, sides: Sides) -> Iterator[Opened]:
    went, come = _both(each, sides)
    if went and not _texts(each, sides, sides.after, sides.new):
        yield _opened(each, f"no longer has {each.written} {_listed(went)}", come, sides)


def _of_elements(
    each: Judged, found: Counter[tuple[str, Text]], properties: Properties | None, reader: Reader
) -> Counter[tuple[str, Text]]:
    """Return the counts without what belongs to an element that these properties do not have: a container that comes
    has changed nothing, and one that goes has lost nothing.
    """
    there = [spot[1] for spot, _ in leaves(properties, reader)]
    return Counter({key: n for key, n in found.items() if _has_element(each, key[0], there)})


def _has_element(each: Judged, place: str, there: Sequence[str]) -> bool:
    element = place[: place.rfind("]") + 1]
    around = each.written.startswith(f"{re.sub(INDEX, '', element)}.")  # the property is in the element
    return not element or not around or any(one.startswith(element) for one in there)


def _swapped(each: Judged, sides: Sides) -> bool:
    """Return whether elements without a name hold the same values in other combinations."""
    held = []
    for properties in (sides.before, sides.after):
        found = values_at(properties, each.steps)
        held.append(Counter(_unordered(value) for spot, value in found if "]" not in spot[1]))
    return held[0] != held[1]


def _unordered(value: Any) -> str:
    if isinstance(value, Mapping):
        return canonical({key: _unordered(inner) for key, inner in value.items()})
    return canonical(sorted(map(_unordered, value))) if isinstance(value, list) else canonical(str(value))


def _elements(each: Judged, sides: Sides) -> Iterator[Opened]:
    if sides.before is None:
        return
    old, new = (
        {
            spot[1]: Counter(leaves(value, reader, spot))
            for spot, value in values_at(properties, each.steps)
            if value is not ABSENT
        }
        for properties, reader in ((sides.before, sides.old), (sides.after, sides.new))
    )
    opening = tuple(f"{each.written}.{name}" for name in each.values)
    changed = [place for place, held in old.items() if new.get(place) != held]
    added = [place for place in new if place not in old]
    opens = [place for place in added if place == each.written or any(_covered(one, opening) for one, _ in new[place])]
    if changed or opens:
        yield _opened(each, f"has another {each.written}", Counter(), sides)


def _weakens(each: Judged, sides: Sides) -> Iterator[Opened]:
    yield from _ordered(each, sides, lambda value: _rank(value, each.values))


def _rank(value: Any, order: tuple[object, ...]) -> float | None:
    """Return the place of a value in an order, from strong to weak; values of the same strength stand together."""
    groups = ([str(one).casefold() for one in (each if isinstance(each, tuple) else (each,))] for each in order)
    return next((at for at, group in enumerate(groups) if str(value).casefold() in group), None)


def _rises(each: Judged, sides: Sides) -> Iterator[Opened]:
    yield from _ordered(each, sides, _amount)


def _amount(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _weaker(was: Sequence[float | None], now: Sequence[float | None], strongest: float) -> bool:
    """Return whether what is there now may be weaker than what was; None is a degree that is not known."""
    before = [strongest if each is None else each for each in was]
    return any(each is None or each > min(before) for each in now)


def _ordered(each: Judged, sides: Sides, degree: Callable[[Any], float | None]) -> Iterator[Opened]:
    """Yield a value that is weaker than the one that stood at its place, or of which that is not known."""
    if sides.before is None:
        return
    old, new = _single(each, sides.before, sides.old), _single(each, sides.after, sides.new)
    there = [spot[1] for spot, _ in leaves(sides.after, sides.new)]
    for place in dict.fromkeys(place for place in (*old, *new) if _has_element(each, place, there)):
        was, now = old.get(place, [ABSENT]), new.get(place, [ABSENT])
        texts = [Counter(text(value, reader) for value in some)
                 for some, reader in ((was, sides.old), (now, sides.new))]  # fmt: skip
        if texts[0] == texts[1]:
            continue
        strongest = 0 if each.opens is Opens.WEAKENS else float("-inf")
        if _weaker([degree(value) for value in was], [degree(value) for value in now], strongest):
            went, come = (Counter((place, value) for value in some) for some in texts)
            yield _opened(each, _another(each, went, come), come, sides)


_WAYS: Mapping[Opens, Callable[[Judged, Sides], Iterator[Opened]]] = {
    Opens.UNLESS: _unless, Opens.REACHES: _reaches, Opens.GROWS: _grows, Opens.SHRINKS: _shrinks,
    Opens.VANISHES: _vanishes, Opens.BECOMES: _becomes,
    Opens.CHANGES: _changes, Opens.GIVEN: _given, Opens.ELEMENTS: _elements, Opens.WEAKENS: _weakens,
    Opens.RISES: _rises,
}  # fmt: skip


def _opened(each: Judged, default: str, come: Counter[tuple[str, Text]], sides: Sides) -> Opened:
    beyond = any(foreign(value, sides.own.account) for _, value in come)
    return Opened(each.says or default, each.kind, each.grave or beyond)


def _another(each: Judged, went: Counter[tuple[str, Text]], come: Counter[tuple[str, Text]]) -> str:
    if went and come:
        return f"has another {each.written}: {_listed(went)} -> {_listed(come)}"
    return f"has another {each.written}"


def _listed(found: Counter[tuple[str, Text]]) -> str:
    """Return the values of some places, masked and cut."""
    seen = dict.fromkeys(_shown_value(place, value) for place, value in sorted(found, key=str))
    return ", ".join(seen) if len(seen) <= 3 else f"{', '.join([*seen][:3])} and {len(seen) - 3} more"


def _shown_value(place: str, value: Text) -> str:
    if value == NOTHING:
        return "(not written)"
    [said] = map(str, mask({place.rpartition(".")[2]: shown(value)}).values())
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"


# --- by name ----------------------------------------------------------------------------------------------------


def _unnamed(sides: Sides, access: Access | None, type_name: str) -> Iterator[Opened]:
    """Yield what the row does not name, and everything in a type without one."""
    known = access is not None and not access.partial
    old, new = (
        Counter(_unnamed_values(properties, reader, access, type_name))
        for properties, reader in ((sides.before or {}, sides.old), (sides.after, sides.new))
    )
    went, come = differing(old, new)
    found: dict[Meaning, Counter[tuple[str, Text]]] = {}
    for (place, value), count in (*went.items(), *come.items()):
        meaning = _meaning(place[0], value, sides.own.account)
        if meaning is None and not known and sides.before is not None:
            meaning = None if harmless(place[0]) or number(value) else Meaning.UNKNOWN
        if meaning and _counts(meaning, (place, value), (place, value) in come, sides):
            found.setdefault(meaning, Counter())[(place[1], value)] += count
    for meaning, values in found.items():
        beyond = any(foreign(value, sides.own.account) or everyone(value) for _, value in values)
        yield Opened(_sentence(type_name, meaning, values, known), _KINDS[meaning], beyond)
    by_type = _meaning_of_type(type_name) if access is None and sides.before is None else None
    if by_type and not found:
        yield Opened(f"is an {type_name}, which infragen does not know and takes as {by_type.value}", _KINDS[by_type])


def _unnamed_values(
    properties: Properties, reader: Reader, access: Access | None, type_name: str
) -> Iterator[tuple[Spot, Text]]:
    """Yield the values of the properties that neither the row nor another comparison judges."""
    named = (*(each.written for each in access.judged), *access.harmless) if access else ()
    permission = PERMISSION if {"Principal", "Action"} <= set(properties) else ()
    covered = (*named, *permission, *NOT_PROPERTIES)
    filters = type_name.startswith("AWS::WAF")  # their statements are no policies
    for place, value in leaves(properties if filters else without_documents(properties), reader):
        last = place[0].rpartition(".")[2]
        above = not place[0] or any(
            each.startswith(f"{place[0]}.") for each in named
        )  # the row judges what stands below
        if not (above or last.endswith(ROLE_ENDS) or last in MEMBERSHIPS or _covered(place, covered)):
            yield place, value


_KINDS = {
    Meaning.WHO: "permissions", Meaning.WHERE_TO: "permissions", Meaning.POWER: "permissions",
    Meaning.DOOR: "network", Meaning.PLACE: "network", Meaning.UNKNOWN: "permissions",
}  # fmt: skip


def _meaning_of_type(type_name: str) -> Meaning | None:
    """Return what a resource opens by being there, by the name of its type."""
    meaning = meaning_of(type_name.rpartition("::")[2])
    return None if meaning is Meaning.PLACE else meaning


def _meaning(place: str, value: Text, account: str) -> Meaning | None:
    by_value = meaning_of_value(value, account)
    if by_value is Meaning.WHO:  # another account, whatever it is called
        return by_value
    hidden = (meaning_of(each) for each in inner_names(value))
    return meaning_of(place) or by_value or next(filter(None, hidden), None)


def _counts(
    meaning: Meaning,
    found: tuple[Spot, Text],
    came: bool,
    sides: Sides,
) -> bool:
    """Return whether a value that came or went opens anything: somebody who goes does not, nor does what is our own.
    Where a record no longer goes, nobody notices what happens.
    """
    if meaning in (Meaning.WHO, Meaning.WHERE_TO):
        return not _ours(found[1], sides.own) if came else sides.before is not None and observes(found[0][0])
    if meaning is Meaning.PLACE:
        return sides.before is not None
    return came or sides.before is not None


def _covered(spot: Spot, named: tuple[str, ...]) -> bool:
    """Return whether a place is one of these, or below one."""
    return any(_holds(each, path) for each in named for path in spot)


def _holds(name: str, path: str) -> bool:
    if not name or name.endswith("*"):
        return path.startswith(name[:-1])
    return path == name or path.startswith((f"{name}.", f"{name}["))


def _sentence(type_name: str, meaning: Meaning, values: Counter[tuple[str, Text]], known: bool) -> str:
    places = [*dict.fromkeys(place for place, _ in sorted(values, key=str))]
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    why = meaning.value if known else f"{meaning.value} (it does not know {type_name})"
    if meaning is Meaning.UNKNOWN:
        why = f"wider, because it does not know {type_name}"
        return f"has another {', '.join(places[:3])}{more}, which infragen counts as {why}"
    return f"has another {', '.join(places[:3])}{more}, which infragen takes as {why}"


def without_documents(value: Any) -> Any:
    """Return a value without its policy documents, which are compared as such."""
    if isinstance(value, Mapping) and not intrinsic(value):
        return {key: without_documents(inner) for key, inner in value.items() if not _document(inner)}
    return [without_documents(each) for each in value if not _document(each)] if isinstance(value, list) else value


def _document(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "Statement" in value or "Statement" in json.dumps(value.get("Fn::Sub"), default=str)
    return isinstance(value, str) and '"Statement"' in value
