"""The one door to comparison: a layer's templates before and after, and what AWS says of it -> the rows of a plan.

Whoever makes a plan calls `compare`. What evaluates, finds differences in values, judges replacement, reconciles with
AWS's rows and hides secrets is behind it (`evaluate`, `diff`, `values`, `replacement`, `reconcile`): no module of
`engine`, `plan` or `report` imports those that make rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from infragen.changes import diff
from infragen.changes.diff import (
    EMPTY,
    Side,
    deletion_policy,
    differing,
    more_than,
    rewritten_outputs,
    shrunk_outputs,
)
from infragen.changes.reconcile import PLACEHOLDERS, Compared, ReconcileContext, agree, contradicted
from infragen.changes.stack_tags import names
from infragen.cloud.cloudformation import PropertyChange, ResourceChange, StackRows
from infragen.secrecy.shown import KnownAfter

OPAQUE = ("AWS::SSM::Parameter::",)
"""Parameter types whose value is a name: CloudFormation resolves it each time, so that we cannot compare it."""


@dataclass(frozen=True)
class LayerSides:
    """One layer before and after: its template and the values of its parameters, EMPTY where there is none. `tags` are
    the stack's own that change, `wired` the parameters of a nested stack that outputs of its siblings feed.
    """

    layer: str
    before: Side
    after: Side
    region: str = ""
    tags: tuple[PropertyChange, ...] = ()
    wired: Mapping[str, KnownAfter] = field(default_factory=dict)

    @cached_property
    def rows(self) -> tuple[ResourceChange, ...]:
        """Return what changes by the two templates alone."""
        return diff.compare(self.layer, self.region, self.before, self.after, tags=names(self.tags))

    @property
    def parameters(self) -> tuple[PropertyChange, ...]:
        """Return the parameters of the stack that change."""
        return differing(self.before.values, self.after.values)

    @property
    def outputs(self) -> tuple[PropertyChange, ...]:
        """Return the outputs that change."""
        return differing(self.before.outputs, self.after.outputs)

    @property
    def details(self) -> tuple[str, ...]:
        """Return what else of the template changes, so that an update without rows explains itself."""
        return tuple(f"the template's {name} changes" for name in diff.other_sections(self.before, self.after))

    def moved(self, rows: tuple[ResourceChange, ...]) -> frozenset[str]:
        """Return the outputs whose value may be another one after these rows."""
        return diff.changed_outputs(self.before, self.after, rows, self.region)


def compare(
    sides: LayerSides,
    change_set: StackRows | None = None,
    *,
    moved: frozenset[tuple[str, str]] = frozenset(),
    unseen: bool = False,
    side_by_side: bool = False,
) -> Compared:
    """Return the rows of a layer, each complete; with AWS's rows and ours as one where it has a change set.

    `moved` are the outputs of other layers, by layer and name, that their rows may change. `unseen` says that AWS was
    not asked about all of the layer: what holds data and is changed in place may be replaced then. `side_by_side` says
    that nothing becomes something else: two environments are compared.
    """
    if change_set is None:
        rows = sides.rows
        if unseen or side_by_side:
            tags, pair = names(sides.tags), (sides.before, sides.after)
            rows = diff.compare(sides.layer, sides.region, *pair, tags=tags, unseen=unseen, side_by_side=side_by_side)
        return Compared(rows, moved=sides.moved(sides.rows), stricter=unseen and rows != sides.rows)
    found = agree(change_set.rows, sides.rows, _context(sides, change_set, moved, unseen=False))
    rows = found.rows
    if unseen:
        rows = agree(change_set.rows, sides.rows, _context(sides, change_set, moved, unseen=True)).rows
    return Compared(rows, found.notes, found.details, sides.moved(found.rows), rows != found.rows)


def _context(
    sides: LayerSides, change_set: StackRows, moved: frozenset[tuple[str, str]], *, unseen: bool
) -> ReconcileContext:
    return ReconcileContext(
        sides.layer, sides.region, sides.before, sides.after, names(sides.tags), OPAQUE, sides.wired, moved,
        change_set.lost, unseen,
    )  # fmt: skip


__all__ = [
    "EMPTY",
    "OPAQUE",
    "PLACEHOLDERS",
    "Compared",
    "LayerSides",
    "Side",
    "compare",
    "contradicted",
    "deletion_policy",
    "differing",
    "more_than",
    "rewritten_outputs",
    "shrunk_outputs",
]
