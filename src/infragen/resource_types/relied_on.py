"""Properties on which resources of other stacks rely: as long as those are as they were, such a value must not shrink.

It goes up before the stacks that rely on it, and down after them (`engine.deployment_order`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReliedOn:
    """A dotted property, and the types of the resources that rely on it, each in a stack that takes an output of this
    one.

    `default` is what AWS takes where it is not written. Of a list, an element is known by its `fields`. With `anywhere`
    a resource of these types relies on it whichever output its stack takes; else it has to take one that leads to the
    property's own resource.
    """

    path: str
    by: tuple[str, ...]
    default: float = 0
    fields: tuple[str, ...] = ()
    anywhere: bool = False
