"""Cluster parameters of Aurora PostgreSQL: their names, and the values that they surely do not take.

The table is `database_parameters.txt`, one parameter per line: its name, and where it is known its type with what it
takes. What the table does not know is not refused: `infragen doctor` asks RDS for the parameters of the family.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

TRUE, FALSE = ("1", "on", "true", "yes"), ("0", "off", "false", "no")
"""How a boolean is written: RDS keeps 1 or 0 (Amazon RDS User Guide, "Specifying DB parameters";
hashicorp/terraform-provider-aws#45394, 2025-12-04)."""

_FORMULA = re.compile(r"\{|(GREATEST|LEAST|SUM|IF|LOG|LG|LN)\(", re.IGNORECASE)
"""The beginning of a value that RDS computes (the same page, "DB parameter formulas" and "DB parameter functions")."""

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"-?[0-9]{1,20}")


@dataclass(frozen=True)
class Takes:
    """What a parameter takes: `kind` is bool, integer, real, enum, or empty where it is not known. Numbers are from
    `least` to `most`, in `unit`, which is not written.
    """

    kind: str = ""
    least: str = ""
    most: str = ""
    unit: str = ""
    choices: tuple[str, ...] = ()

    def refuses(self, value: str) -> str:
        """Return what is needed instead of a value; empty where it may be right."""
        if computed(value):
            return ""
        match self.kind:
            case "bool" if value.lower() not in (*TRUE, *FALSE):
                return "1 or 0 is needed"
            case "enum" if value.lower() not in self._words():
                return f"one of {', '.join(self.choices)} is needed"
            case "integer" if not (_WHOLE.fullmatch(value) and int(self.least) <= int(value) <= int(self.most)):
                return f"a whole number from {self.least} to {self.most}{self._in_unit()} is needed"
            case "real" if not (_NUMBER.fullmatch(value) and float(self.least) <= float(value) <= float(self.most)):
                most = "" if float(self.most) > 1e300 else f" to {self.most}"
                return f"a number from {self.least}{most}{self._in_unit()} is needed"
        return ""

    def _words(self) -> frozenset[str]:
        booleans = (*TRUE, *FALSE) if "on" in self.choices else ()
        return frozenset((*(each.lower() for each in self.choices), *booleans))

    def _in_unit(self) -> str:
        return f" (in {self.unit}; RDS takes no unit)" if self.unit else ""


def computed(value: str) -> bool:
    """Return whether RDS computes a value, such as `{DBInstanceClassMemory/12582880}`."""
    return bool(_FORMULA.match(value))


def is_on(value: str) -> bool:
    """Return whether a boolean parameter is surely on."""
    return value.lower() in TRUE


@cache
def table() -> Mapping[str, Takes]:
    """Return the cluster parameters of Aurora PostgreSQL 16 to 18, and of the extensions that RDS has, by name.

    PostgreSQL's own with what its servers say they take (`pg_settings` of 16.14 and 18.4, the wider range of both); the
    rest from the Aurora User Guide, "Aurora PostgreSQL parameters", the Amazon RDS User Guide and the extensions' pages
    (read 2026-11-29).
    """
    lines = files("infragen.config").joinpath("database_parameters.txt").read_text("ascii").splitlines()
    return dict(map(_row, lines))


def _row(line: str) -> tuple[str, Takes]:
    name, kind, rest = (*line.split(" ", 2), "", "")[:3]
    if kind == "enum":
        return name, Takes(kind, choices=tuple(rest.split(",")))
    least, most, unit = (*rest.split(" "), "", "", "")[:3]
    return name, Takes(kind, least, most, unit)
