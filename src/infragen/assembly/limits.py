"""CloudFormation's limits, counted before anything is uploaded: an error above one, a warning near it.

Sources: "Understand CloudFormation quotas" (CloudFormation User Guide) and CreateChangeSet, SetStackPolicy (API
Reference). Sizes are bytes of UTF-8, as CloudFormation counts them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infragen.errors import InputError

SECTIONS = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
"""How many of each one template may have."""

TEMPLATE, INLINE = 1_000_000, 51_200
"""Bytes of a template that CloudFormation reads from S3, and of one that is sent with the request."""

TAGS, DESCRIPTION, VALUE, POLICY = 50, 1024, 4096, 16_384
"""Tags of a stack; bytes of a template's description, of a parameter's value, of a stack policy."""

NEARLY = 0.9
"""The part of a limit above which we warn."""


@dataclass(frozen=True)
class Count:
    """How many of something a layer has, and how many it may have."""

    layer: str
    what: str
    count: int
    limit: int


def of_template(layer: str, body: Mapping[str, Any], text: str, inline: bool = False) -> Iterator[Count]:
    """Yield what CloudFormation counts in a template; `inline` for one that does not go through S3."""
    for section, limit in SECTIONS.items():
        yield Count(layer, section.lower(), len(body.get(section, {})), limit)
    yield Count(layer, "bytes of description", _size(str(body.get("Description", ""))), DESCRIPTION)
    yield Count(layer, "bytes", _size(text), INLINE if inline else TEMPLATE)


def of_policy(layer: str, policy: str) -> Count:
    """Return what it counts in a stack policy."""
    return Count(layer, "bytes of stack policy", _size(policy), POLICY)


def of_request(layer: str, tags: Mapping[str, str], values: Mapping[str, object]) -> Iterator[Count]:
    """Yield what it counts beside the template; parameters whose value only AWS knows are left to AWS."""
    yield Count(layer, "tags", len(tags), TAGS)
    for name, value in values.items():
        if isinstance(value, str):
            yield Count(layer, f"bytes in parameter {name}", _size(value), VALUE)


def check(counts: Iterable[Count], places: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the warnings. Raises InputError with everything that is above its limit; `places` are those of the
    project's own layers.
    """
    found, own = list(counts), places or {}
    over = [c for c in found if c.count > c.limit]
    if over:
        raise InputError(
            "\n".join(
                (f"{own[c.layer]}: " if own.get(c.layer) else "")
                + f"layer {c.layer}: {c.count:,} {c.what}; CloudFormation allows {c.limit:,}"
                for c in over
            ),
            "make two layers or addons of it, or take something out"
            if any(own.get(c.layer) for c in over)
            else "move a part of the layer to a second environment file, or turn a part off",
        )
    near = (c for c in found if c.count > NEARLY * c.limit)
    return tuple(f"layer {c.layer}: {c.count:,} {c.what} of {c.limit:,} that CloudFormation allows" for c in near)


def _size(text: str) -> int:
    return len(text.encode())
