"""The documentation's examples work as they stand."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from infragen.config import load_environment, schema
from infragen.layer import Template
from infragen.layers import LAYERS
from infragen.synth import synthesize

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLE = re.compile(r"```python (\w+)\n(.*?)```", re.DOTALL)


def test_the_example_layer_is_rendered_and_wired() -> None:
    """The cache of `adding-a-layer.md`, schema and module pasted, becomes a template that the root nests."""
    examples = dict(EXAMPLE.findall((DOCS / "adding-a-layer.md").read_text()))
    names: dict[str, Any] = dict(vars(schema))
    exec(examples["schema"], names)  # noqa: S102 # the point of the test: the page's own code
    layer = _module("cache_example", examples["layer"])
    environment = load_environment(ROOT / "environments" / "dev.yaml")
    extended = type("Extended", (schema.Environment,), {"__annotations__": {"cache": names["Cache"]}})
    values = {name: getattr(environment, name) for name in schema.Environment.model_fields}
    assembly = synthesize(extended(**values, cache=names["Cache"]()), (*LAYERS, layer.LAYER))
    cache = assembly.template("cache")
    assert cache.body["Resources"]["Cache"]["Properties"]["CacheUsageLimits"] == {
        "DataStorage": {"Maximum": 5, "Unit": "GB"}
    }
    wired = assembly.root().body["Resources"]["Cache"]["Properties"]["Parameters"]
    assert wired["VpcId"] == {"Fn::GetAtt": ["Network", "Outputs.VpcId"]}


def test_the_example_resource_builds() -> None:
    """The bucket of `own-resources.md` joins a template."""
    [(_, source)] = EXAMPLE.findall((DOCS / "own-resources.md").read_text())
    template = Template()
    _module("resource_example", source).add_uploads(template)
    assert template.to_dict()["Resources"]["Uploads"]["DeletionPolicy"] == "RetainExceptOnCreate"


@pytest.mark.parametrize("page", [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that exists."""
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def _module(name: str, source: str) -> ModuleType:
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, name, "exec"), vars(module))  # noqa: S102 # the point of the test: the page's own code
    return module
