"""Three figures side by side: at minimum, at expected and at maximum load. Pure arithmetic, no opinion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CENT = 0.005
"""USD below which two costs are the same to a reader."""


@dataclass(frozen=True)
class Columns:
    """One figure for each column: a quantity, or USD in a month."""

    minimum: float = 0.0
    expected: float = 0.0
    maximum: float = 0.0

    def __add__(self, other: Columns) -> Columns:
        return Columns(self.minimum + other.minimum, self.expected + other.expected, self.maximum + other.maximum)

    def __sub__(self, other: Columns) -> Columns:
        return self + other * -1

    def __mul__(self, factor: float) -> Columns:
        return Columns(self.minimum * factor, self.expected * factor, self.maximum * factor)

    @property
    def negligible(self) -> bool:
        """Return whether no column reaches a cent."""
        return all(abs(each) < CENT for each in (self.minimum, self.expected, self.maximum))


def always(figure: float) -> Columns:
    """Return the same figure in every column."""
    return Columns(figure, figure, figure)


def total(figures: Iterable[Columns]) -> Columns:
    """Return the sum."""
    return sum(figures, Columns())
