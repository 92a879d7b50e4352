"""Renders layers of an environment made from dev.yaml and a few lines of YAML over it, for the tests of the layers."""

from functools import cache
from pathlib import Path
from typing import Any

from infragen.assembly.synth import Assembly, synthesize
from infragen.assembly.templatefile import parse
from infragen.config import Environment, read_node, yamlfile
from infragen.config.directory import find

ENVIRONMENTS = Path(__file__).parents[1] / "data" / "environments"
NAMES = tuple(file.stem for file in find(ENVIRONMENTS))


@cache
def environment(over: str = "", base: str = "dev") -> Environment:
    """An environment file with the YAML text `over` merged over it: maps merge, lists and scalars replace.

    A section that becomes null is as if it were absent.
    """
    node = read_node(ENVIRONMENTS / f"{base}.yaml")
    if over:
        node = yamlfile.merge(node, yamlfile.load(over.encode(), "over.yaml"))
    sections = yamlfile.plain(node)
    assert isinstance(sections, dict)
    present = {key: value for key, value in sections.items() if getattr(value, "text", value) != "null"}
    return Environment.model_validate(present)


@cache
def assembly(over: str = "", base: str = "dev") -> Assembly:
    """All layers of that environment."""
    return synthesize(environment(over, base))


@cache
def template(layer: str, over: str = "", base: str = "dev") -> dict[str, Any]:
    """The body of one layer, read back from its text, so with long-form intrinsics. Do not change it: it is shared."""
    return parse(assembly(over, base).template(layer).text)


def resources(layer: str, over: str = "", kind: str = "", base: str = "dev") -> dict[str, Any]:
    """Logical id -> resource of one layer; `kind` is a CloudFormation type, e.g. AWS::EC2::Subnet."""
    found: dict[str, Any] = template(layer, over, base)["Resources"]
    return {name: each for name, each in found.items() if kind in ("", each["Type"])}


def properties(layer: str, logical_id: str, over: str = "", base: str = "dev") -> dict[str, Any]:
    """The properties of one resource."""
    found: dict[str, Any] = resources(layer, over, base=base)[logical_id]["Properties"]
    return found
