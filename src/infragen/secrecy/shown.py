"""The types of what may be shown: text, and what stands in a row of a plan for a value that cannot be.

Only `secrecy.visible` makes such text, which a test holds; this module imports nothing, so that all can name its types.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType

Shown = NewType("Shown", str)
"""Text that may be shown: secrets are hidden, and nothing in it steers a terminal."""

ShownBytes = NewType("ShownBytes", bytes)
"""The same in UTF-8."""

NOTHING = Shown("")


@dataclass(frozen=True)
class Absent:
    """A value that is not there, as one side of a property change."""

    def __str__(self) -> str:
        return "(none)"


@dataclass(frozen=True)
class KnownAfter:
    """A value that exists only after a layer is deployed; `name` is the output or the resource it comes from."""

    layer: str
    name: str = ""

    def __str__(self) -> str:
        return f"(known after {self.layer}: {self.name})" if self.name else f"(known after {self.layer})"


KNOWN_AFTER = re.compile(r"\(known after ([^\s:()]+)(?:: (\w+))?\)")
"""A `KnownAfter` in words, as it stands inside a longer text; its layer and its name."""


@dataclass(frozen=True)
class Secret:
    """A value that must not be shown: nothing of it is kept here, so that no format can give it away.

    With one on both sides of a change the value is another one, or may be; nobody can tell by looking.
    """

    def __str__(self) -> str:
        return "(secret)"
