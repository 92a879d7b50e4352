"""The resources of all layers as one: conditions decided, and references followed from layer to layer.

An estimate looks at what is really in the templates, whoever put it there. A Ref to a parameter that another layer's
output feeds is followed into that layer, so that "how many subnets" and "which queue" have answers without AWS. Nothing
here knows a price.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from infragen.changes.diff import Side
from infragen.changes.evaluate import evaluated, references
from infragen.secrecy.shown import KnownAfter


@dataclass(frozen=True)
class Resource:
    """A resource that the templates make, with its properties as far as they are evaluated."""

    layer: str
    logical_id: str
    type: str
    properties: Mapping[str, Any] = field(compare=False)

    def get(self, *path: str) -> Any:
        """Return a property's value, or None where it is not written."""
        found: Any = self.properties
        for step in path:
            found = found.get(step) if isinstance(found, Mapping) else None
        return found


@dataclass(frozen=True)
class Inventory:
    """The templates of all layers, by layer: bodies with the values of their parameters."""

    sides: Mapping[str, Side]

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """Return everything that the layers make, in template order."""
        return tuple(self._resources())

    def _resources(self) -> Iterator[Resource]:
        for layer, side in self.sides.items():
            # an output of another layer stays a reference, so that it can be followed
            own = {name: value for name, value in side.values.items() if name not in self._outputs}
            for name, each in evaluated(side.body, own).items():
                yield Resource(layer, name, each["Type"], each.get("Properties", {}))

    @cached_property
    def _outputs(self) -> Mapping[str, tuple[str, Any]]:
        """Return the value of every output, with its layer; wiring goes by name, so names are unique."""
        return {
            name: (layer, output.get("Value"))
            for layer, side in self.sides.items()
            for name, output in side.body.get("Outputs", {}).items()
        }

    @cached_property
    def _by_place(self) -> Mapping[tuple[str, str], Resource]:
        return {(each.layer, each.logical_id): each for each in self.resources}

    def of(self, *types: str) -> tuple[Resource, ...]:
        """Return the resources of these types."""
        return tuple(each for each in self.resources if each.type in types)

    def targets(self, layer: str, value: Any) -> tuple[Resource, ...]:
        """Return the resources that a value in a layer refers to, through the outputs of other layers where it must."""
        return tuple(dict.fromkeys(self._targets(layer, value)))

    def _targets(self, layer: str, value: Any) -> Iterator[Resource]:
        for name in sorted(references(value)):
            if (layer, name) in self._by_place:
                yield self._by_place[layer, name]
            elif name in self._outputs and self._outputs[name][0] != layer:
                yield from self._targets(*self._outputs[name])

    def count(self, layer: str, value: Any) -> int | None:
        """Return how many items a list has, written out, comma-joined or another layer's output; None if nothing says
        it.
        """
        if isinstance(value, KnownAfter):
            value = {"Ref": value.name}
        if isinstance(value, list):
            return len(value)
        if isinstance(value, str):
            return len(value.split(","))
        if isinstance(value, Mapping) and len(value) == 1:
            [(function, inner)] = value.items()
            if function == "Fn::Join":
                return self.count(layer, inner[1])
            if function == "Fn::Split":
                return self.count(layer, inner[1])
            if function == "Ref" and inner in self._outputs and self._outputs[inner][0] != layer:
                return self.count(*self._outputs[inner])
        return None
