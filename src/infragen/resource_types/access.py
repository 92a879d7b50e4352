"""The column of a resource type's row that says what opens access: its properties, and which of their values do.

Data only: `gates.access` compares and speaks. A path names a property and everything below it, through lists
(`DefaultActions.Type`), the empty path all properties; `[name]` is the one element of a list that has this name. Its
steps are divided by dots, or by slashes where a name holds a dot. Of two paths that hold a property the longer counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Opens(Enum):
    """When a property counts as wider access."""

    UNLESS = "unless it is"
    """It holds none of the values that are known to be closed. ABSENT among them stands for a property that is not
    written."""

    REACHES = "names something new"
    """It names somebody or something that it did not name, other than resources of the same environment."""

    BECOMES = "becomes one of these"
    """It has one of these values, and had another one."""

    GROWS = "has more values"
    SHRINKS = "has fewer values"
    """For these two, values that are given are those that do not count."""

    VANISHES = "is no longer written"
    CHANGES = "changes"
    GIVEN = "is given or changes"
    """As before, but taking it away is none."""

    ELEMENTS = "an element that was there changes or goes, or a new one does what these words say"
    WEAKENS = "comes later in this order, or is not in it"
    """Values of the same strength stand together in a tuple."""

    RISES = "rises"


class Absent(Enum):
    """The value of a property that is not written."""

    ABSENT = "not written"


ABSENT = Absent.ABSENT
OFF = (False, "false")
"""The two ways in which a template writes false."""

ON = (True, "true")


@dataclass(frozen=True)
class Judged:
    """One property that decides about access.

    `says` is what follows the resource's name in a sentence ("faces the internet (Scheme)"); without it the sentence
    names the property and its values. `grave` marks what reaches beyond the account or knows no limit. `ignoring` is a
    regular expression: what it matches at the end of a value (the tag of an image) is no part of the comparison.
    `only_with` is a top-level property without which it does not count.
    """

    path: str
    opens: Opens
    values: tuple[object, ...] = ()
    says: str = ""
    grave: bool = False
    kind: str = "network"
    ignoring: str = ""
    only_with: str = ""

    @property
    def steps(self) -> tuple[str, ...]:
        """Return the names on the way to the property."""
        return tuple(filter(None, self.path.split("/" if "/" in self.path else ".")))

    @property
    def written(self) -> str:
        """Return the path as people read it."""
        return self.path.replace("/", ".")


@dataclass(frozen=True)
class Access:
    """What opens access in a type. `harmless` are properties that do not, whatever their names sound like.

    A name in them may end in a star. `added` and `removed` are sentences for what its addition and its removal open.
    `removed_with` are properties of which one must have been written for the removal to count; `watches` are those that
    name what the resource looks after: when all of it goes as well, the removal counts for nothing. `variables` are
    where environment variables stand, some of which decide what code runs. `grave` says that its addition reaches
    beyond the account. With `partial` nobody has looked at the other properties:
    they are judged as those of a type without a row.
    """

    judged: tuple[Judged, ...] = ()
    harmless: tuple[str, ...] = ()
    added: str = ""
    removed: str = ""
    removed_with: tuple[str, ...] = ()
    watches: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    grave: bool = False
    partial: bool = False


def unless(path: str, *closed: object, says: str = "", grave: bool = False, kind: str = "network") -> Judged:
    """Return a property that opens with every value but these."""
    return Judged(path, Opens.UNLESS, closed, says, grave, kind)


def reaches(path: str, *, says: str = "", kind: str = "permissions", ignoring: str = "") -> Judged:
    """Return a property that names somebody, or a place to which something goes."""
    return Judged(path, Opens.REACHES, says=says, kind=kind, ignoring=ignoring)


def becomes(path: str, *values: object, says: str = "", kind: str = "network", only_with: str = "") -> Judged:
    """Return a property that opens when it gets one of these values instead of another one."""
    return Judged(path, Opens.BECOMES, values, says, kind=kind, only_with=only_with)


def grows(path: str, *harmless: object, says: str = "", kind: str = "network") -> Judged:
    """Return a list of what is let in or out."""
    return Judged(path, Opens.GROWS, harmless, says, kind=kind)


def shrinks(path: str, *harmless: object, says: str = "", kind: str = "network") -> Judged:
    """Return a list of what is required or kept out."""
    return Judged(path, Opens.SHRINKS, harmless, says, kind=kind)


def vanishes(path: str, *, says: str = "", kind: str = "network") -> Judged:
    """Return a property without which AWS takes a default of its own."""
    return Judged(path, Opens.VANISHES, says=says, kind=kind)


def changes(path: str, *, says: str = "", kind: str = "network") -> Judged:
    """Return a property of which nobody can say in which direction it opens."""
    return Judged(path, Opens.CHANGES, says=says, kind=kind)


def given(path: str, *, says: str = "", kind: str = "network") -> Judged:
    """Return a property that opens when it is written, or written otherwise."""
    return Judged(path, Opens.GIVEN, says=says, kind=kind)


def elements(path: str, *opening: str, says: str = "", kind: str = "network") -> Judged:
    """Return a list whose elements keep something out, but for those that have one of these properties."""
    return Judged(path, Opens.ELEMENTS, opening, says, kind=kind)


def weakens(path: str, *order: object, says: str = "", kind: str = "network") -> Judged:
    """Return a property whose values are known from strong to weak; a value that is not among them is the weakest."""
    return Judged(path, Opens.WEAKENS, order, says, kind=kind)


def rises(path: str, *, says: str = "", kind: str = "network") -> Judged:
    """Return a number that opens the more the larger it is."""
    return Judged(path, Opens.RISES, says=says, kind=kind)
