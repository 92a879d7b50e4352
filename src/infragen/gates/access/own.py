"""What belongs to the environment itself: its resources, and the outputs that its layers hand to each other.

Only whole references count, and what stands below one (`${Bucket.Arn}/*`): a name that merely begins as one of ours may
be another's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infragen.changes.evaluate import references
from infragen.changes.values import intrinsic
from infragen.gates.access.symbols import Reader, Symbol, Text, text_of
from infragen.secrecy.shown import KnownAfter

Body = Mapping[str, Any]
ROOT = "root"
"""The layer around all others, which repeats their outputs for people."""

SERVICE_LINKED = re.compile(r"arn:[\w-]+:iam::(\d{12}):role/aws-service-role/")


@dataclass(frozen=True)
class Wiring:
    """The parameters of a layer that take outputs of other layers of the environment; `fresh` are those whose output is
    new, so that what it names is new, too.
    """

    names: frozenset[str] = frozenset()
    fresh: frozenset[str] = frozenset()


def wiring_of(layer: str, templates: Mapping[str, tuple[Body, Body]]) -> Wiring:
    """Return how a layer is wired; `templates` are those of all layers before and after.

    An output counts when it is a resource of the layer that gives it, and nothing else: what merely stands in an output
    may be anybody's.
    """
    takes = templates[layer][1].get("Parameters", {})
    names, fresh = set(), set()
    for other, (before, after) in templates.items():
        for name in () if other in (layer, ROOT) else takes.keys() & after.get("Outputs", {}).keys():
            if _resources(after["Outputs"][name].get("Value"), after):
                names.add(name)
                if name not in before.get("Outputs", {}):
                    fresh.add(name)
    return Wiring(frozenset(names), frozenset(fresh))


def _resources(value: Any, body: Body) -> bool:
    """Return whether a value is a reference to a resource of the template, or a list of such references."""
    if intrinsic(value) == "Fn::Join":
        return all(_resources(each, body) for each in value["Fn::Join"][1])
    return intrinsic(value) in ("Ref", "Fn::GetAtt") and references(value) <= body.get("Resources", {}).keys()


@dataclass(frozen=True)
class Own:
    """What a layer's template can name that belongs to its environment."""

    reader: Reader
    account: str
    region: str = ""
    wired: frozenset[Text] = frozenset()
    fresh: frozenset[Text] = field(default=frozenset())
    created: frozenset[str] = frozenset()
    parameters: str = ""
    """What the names of its SSM parameters begin with, as `/shop/prod/`; empty where that is not known."""

    def holds(self, value: Text) -> bool:
        """Return whether a value is certainly a resource of the environment, or something below one."""
        return self._below(value, self._mine)

    def new(self, value: Text) -> bool:
        """Return whether it is one that this deployment creates."""
        return self._below(value, self._created)

    def service_linked(self, value: Text) -> bool:
        """Return whether a value is a role that only an AWS service may assume, with rights that AWS has set."""
        found = SERVICE_LINKED.match("".join(map(str, value)))
        return found is not None and found[1] == self.account

    def parameter(self, value: Text) -> bool:
        """Return whether a value is the ARN of one SSM parameter of the environment: `infragen secrets` keeps them
        under its project and name, and nobody else is meant by these.
        """
        place = rf"{self.region}:{self.account}:parameter{re.escape(self.parameters)}"
        written = "".join(map(str, value))
        known = bool(self.account and self.region and self.parameters)
        return known and re.fullmatch(rf"arn:[\w-]+:ssm:{place}\w+", written) is not None

    def artifacts(self, value: Text) -> bool:
        """Return whether a value is the name of a bucket for artifacts of this account and region, which
        `deploy` owns.
        """
        written = "".join(map(str, value))
        return (
            bool(self.account)
            and re.fullmatch(rf"infragen-[a-z0-9-]+-{self.account}-{self.region}", written) is not None
        )

    def _below(self, value: Text, mine: Any) -> bool:
        value = self._identified(value)
        if mine(value):
            return True
        at = next((at for at in range(1, len(value)) if value[at] in (":", "/") and mine(value[:at])), None)
        return at is not None

    def _identified(self, value: Text) -> Text:
        """Return a value without the beginning of an ARN of this account: what is left names the resource."""
        at = next((at for at, each in enumerate(value) if isinstance(each, Symbol)), 0)
        beginning = "".join(map(str, value[:at]))
        found = re.fullmatch(r"arn:[\w-]+:[\w-]+:[\w-]*:(\d{12}):(?:[\w-]+[:/])?", beginning)
        return value[at:] if found and found[1] == self.account else value

    def _mine(self, value: Text) -> bool:
        return value in self.wired or self._resource(value) in self.reader.resources

    def _created(self, value: Text) -> bool:
        return value in self.fresh or self._resource(value) in self.created

    def _resource(self, value: Text) -> str | None:
        """Return the logical id of the resource that a value is a reference to."""
        match value:
            case (Symbol(name, ""),):
                return name.split(".")[0]
        return None


def wired_texts(names: frozenset[str], values: Mapping[str, object]) -> frozenset[Text]:
    """Return what the parameters of these names hold, as texts; a text that stands for many things is none of ours."""
    found: set[Text] = set()
    for name in names:
        value = values.get(name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, KnownAfter):
                found |= {(Symbol(str(each)),), text_of(str(each))}  # the second stands in longer texts
            elif isinstance(each, str) and each and not {"*", "?"} & set(each):
                found.add(text_of(each))
    return frozenset(found)
