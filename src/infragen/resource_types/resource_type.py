"""The columns of a resource type's row: everything that infragen knows of one CloudFormation resource type.

A row is data. It decides nothing, and what it does not say is unsafe: a field that is not given reads as "infragen does
not know", and the gates stop at that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from infragen.resource_types.access import Access
from infragen.resource_types.interruption import Interruptions
from infragen.resource_types.relied_on import ReliedOn


class Billing(Enum):
    """How AWS charges for a resource."""

    FREE = "it has no charge of its own"
    PRICED = "`cost.rules` has a rule for it"
    UNPRICED = "infragen has no price for it, and names it as unpriced"


@dataclass(frozen=True)
class UsualMinutes:
    """`low` to `high` minutes, on which condition if any, and why so long or who says so."""

    low: int
    high: int
    why: str
    when: str = ""

    def __str__(self) -> str:
        """Return `usually 8-12 min`."""
        return f"usually {self.low}-{self.high} min{f' {self.when}' if self.when else ''}"


COMMON = "commonly seen; AWS gives no figure"


class When(Enum):
    """Which change of a property loses something."""

    LESS = "a number falls"
    OFF = "it is switched off"
    ON = "it is switched on"
    GONE = "it is taken away"
    CHANGED = "it is given or changed; taking it away is none, unless a default takes its place"
    SOONER = "rules that delete are given or changed; one whose numbers only grow is none"
    FEWER = "a list of patterns that let through is given, or loses one; taking it away is none"
    DROPS = "a list loses an element"
    ANY = "it differs in any way"


@dataclass(frozen=True)
class Loss:
    """A property of which a change in place loses data, or loses what protects it.

    `path` is dotted, or has slashes where a name holds a dot, with a list's element by its key:
    `LoadBalancerAttributes[deletion_protection.enabled]`. `default` is what AWS takes when it is not written, `endless`
    are the numbers that stand for no limit. `words` say what is lost; they may name `{before}`, `{after}` and
    `{less}`, the numbers in units of `unit`. From a value in `weakest` any change is no loss; None is one not written.
    """

    path: str
    when: When
    words: str
    default: object = None
    unit: float = 1
    weakest: tuple[object, ...] = ()
    endless: tuple[float, ...] = ()

    @property
    def written(self) -> str:
        """Return the path as people read it."""
        return self.path.replace("/", ".")

    @property
    def property(self) -> str:
        """Return the top-level property."""
        return self.written.partition(".")[0].partition("[")[0]


@dataclass(frozen=True)
class ResourceType:
    """What is known of one type.

    `holds_data` is None where nobody knows; `data` names what is lost with it ("its messages"). `deletion_policy` is
    what CloudFormation does at deletion when the template says nothing. `deletion_protection` is the property, or the
    load balancer attribute, with which its service refuses to delete it. `contents` is what must be gone before its
    service deletes it ("images"). `usual_minutes` are by operation (CREATE, UPDATE, DELETE); an operation that is not
    there is quick, or nobody knows. `name_property` is the property that gives it its physical name. `iam` says that a
    template with it must
    acknowledge CAPABILITY_IAM, or CAPABILITY_NAMED_IAM where it is named (API reference, CreateChangeSet). `losses` are
    the properties whose change in place loses something; `keeps` are those whose change loses nothing, dotted, and with
    a star at the end for all that begin so. Of a type that holds data, and of one that is `strict`, any other property
    is asked about. `holds_none_with` are settings with which alone a resource of a type without data holds none; `data`
    is what it holds without them. `access`
    is what opens access; None where nobody knows. `interruptions` say what a change does to the running service.
    `safe` are dotted properties that are encrypted, private or narrow in whatever infragen renders, each with the
    values that are; none for any value. `A or B` is one of two properties.
    `fixed_attributes` are what Fn::GetAtt gives and a change in place leaves as it is, where the schema is silent;
    `follows` those that change in place with these properties alone.
    `revision_of` is the property that names what each resource of the type is a revision of: AWS replaces it by the
    next revision, and nothing that runs stops. `display` are properties that only show what other resources do.
    `relied_on` are properties that resources of other stacks rely on.
    `importable` says that CloudFormation can import one that exists into a stack (User Guide, "Resource type support",
    read 2026-11-29), and that its identifier is a single property.
    `delete_command` deletes what stayed of a stack, with `{}` for the physical id; empty where the console is the way.
    `kept_price` is the line of the price table that says what it costs then, a month or per GB and month.
    `empty_first` is what no command does in one step before that.
    `snapshots_command` lists the snapshots of one, `snapshot_delete_command` deletes one of these, with `{}` for its
    id, and `snapshot_price` is what they cost. `backups_command` and `backup_delete_command` are the same of automated
    backups that outlive a database (its DeleteAutomatedBackups is false).
    """

    name: str
    holds_data: bool | None = None
    data: str = ""
    billing: Billing = Billing.UNPRICED
    deletion_policy: str = "Delete"
    deletion_protection: str = ""
    contents: str = ""
    usual_minutes: Mapping[str, UsualMinutes] = field(default_factory=dict)
    name_property: str = ""
    iam: bool = False
    losses: tuple[Loss, ...] = ()
    keeps: frozenset[str] = frozenset()
    strict: bool = False
    holds_none_with: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    access: Access | None = None
    interruptions: Interruptions = field(default_factory=lambda: Interruptions(known=False))
    safe: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    delete_command: str = ""
    kept_price: str = ""
    empty_first: str = ""
    snapshots_command: str = ""
    snapshot_delete_command: str = ""
    snapshot_price: str = ""
    backups_command: str = ""
    backup_delete_command: str = ""
    fixed_attributes: frozenset[str] = frozenset()
    follows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    revision_of: str = ""
    display: frozenset[str] = frozenset()
    relied_on: tuple[ReliedOn, ...] = ()
    importable: bool = False
    known: bool = True
