"""What the tests of costs share: hand-made templates, an environment that expects a load, and their bill."""

from collections.abc import Mapping
from typing import Any

from infragen.config import Environment, yamlfile
from infragen.cost import Columns, Estimate, PriceFile, estimate, prices_of, rendered
from infragen.cost.estimate import ResourceCost

QUIET = {
    "requests_millions": 0, "messages_millions": 0, "nat_gb": 0, "egress_gb": 0, "storage_gb": 0, "io_millions": 0,
    "log_gb": 0,
}  # fmt: skip
"""An environment that nobody uses: what costs then costs by being there."""


def environment(region: str = "us-east-1", **expected: float) -> Environment:
    """An environment that expects this load, and nothing else."""
    load = ", ".join(f"{name}: {value}" for name, value in {**QUIET, **expected}.items())
    text = f"project: shop\nenvironment: dev\nregion: {region}\ncost:\n  expected: {{ {load} }}\n"
    return Environment.model_validate(yamlfile.plain(yamlfile.load(text.encode(), "test.yaml")))


def bill(
    bodies: Mapping[str, Mapping[str, Any]],
    expected: Mapping[str, float] | None = None,
    region: str = "us-east-1",
    file: PriceFile | None = None,
) -> Estimate:
    """The estimate of templates by layer; a body without a Resources section is its resources."""
    sides = rendered({layer: body if "Resources" in body else {"Resources": body} for layer, body in bodies.items()})
    return estimate(sides, environment(region, **(expected or {})), prices_of(region, file, "mine.yaml"))


def of(found: Estimate, logical_id: str) -> ResourceCost:
    """One resource of an estimate."""
    return next(each for each in found.resources if each.logical_id == logical_id)


def dollars(columns: Columns) -> tuple[float, float, float]:
    """The three columns to the tenth of a cent."""
    return round(columns.minimum, 3), round(columns.expected, 3), round(columns.maximum, 3)


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """A resource as a template has it."""
    return {"Type": kind, "Properties": properties}


def ref(name: str) -> dict[str, str]:
    """A reference."""
    return {"Ref": name}


def get(name: str, attribute: str = "Arn") -> dict[str, list[str]]:
    """An attribute of a resource."""
    return {"Fn::GetAtt": [name, attribute]}
