"""The type of text that may be shown, for values that hold AWS's words and for what prints them.

Only `secrecy.visible` makes such text, which a test holds; this module has its types, so that those below it can name
them.
"""

from __future__ import annotations

from typing import NewType

Shown = NewType("Shown", str)
"""Text that may be shown: secrets are hidden, and nothing in it steers a terminal."""

ShownBytes = NewType("ShownBytes", bytes)
"""The same in UTF-8."""

NOTHING = Shown("")
