"""The documentation's examples work as they stand."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

from infragen.assembly.synth import synthesize
from infragen.cli import main
from infragen.config import load_environment, schema
from infragen.layers import LAYERS
from infragen.layers.contract import Template

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r"```python (\w+)\n(.*?)```", re.DOTALL)


def test_the_example_layer_is_rendered_and_wired() -> None:
    """The cache of `adding-a-layer.md`, schema and module pasted, becomes a template that the root nests."""
    examples = dict(EXAMPLE.findall((DOCS / "adding-a-layer.md").read_text()))
    names: dict[str, Any] = dict(vars(schema))
    exec(examples["schema"], names)  # noqa: S102 # the point of the test: the page's own code
    layer = _module("cache_example", examples["layer"])
    environment = load_environment(ROOT / "environments" / "dev.yaml")
    extended = type("Extended", (schema.Environment,), {"__annotations__": {"cache": names["Cache"]}})
    # whoever follows the page to the letter has a layer of this name in the registry already
    values = {name: getattr(environment, name) for name in schema.Environment.model_fields if name != "cache"}
    others = (each for each in LAYERS if each.name != "cache")
    assembly = synthesize(extended(**values, cache=names["Cache"]()), (*others, layer.LAYER))
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that exists."""
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    """A page that nothing links to is not found by whoever needs it."""
    targets = re.findall(r"\]\(([^)#:]+\.md)", (ROOT / "README.md").read_text())
    assert sorted(ROOT / target for target in set(targets)) == sorted(DOCS.rglob("*.md"))


def test_every_make_target_that_is_named_has_a_recipe() -> None:
    """`make check` and all others that a page or CI names would run something."""
    callers = [*PAGES, ROOT / ".ci" / "run", *(ROOT / ".github" / "workflows").glob("*.yml")]
    named = {
        target for each in callers for target in re.findall(r"\bmake ([a-z]+)\b(?=[`\n ]*(?:`|\n|#|&&))", _code(each))
    }
    assert {"demo", "test", "check", "audit", "docs"} <= named | {"check"}
    environment = {**os.environ, "MAKEFLAGS": ""}
    for target in sorted(named | {"check"}):
        tried = subprocess.run(
            ["make", "--dry-run", "--always-make", target], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert tried.returncode == 0, tried.stderr
        assert tried.stdout, f"make {target} does nothing"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_one_that_infragen_accepts(page: Path) -> None:
    """Commands in code, with their options, are parsed by the command line itself; a bare name is a mention."""
    fenced = set(_commands("".join(FENCE.findall(page.read_text()))))
    for line in _commands(_code(page)):
        arguments = [  # what a shell would put in
            re.sub(r"\$\(.*\)|\$\w+", "value", each) for each in shlex.split(line, comments=True)[1:]
        ]
        command: click.Command = main
        while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
            inner = command.commands.get(arguments[0])
            assert inner is not None, f"{line}: no such command"
            command, arguments = inner, arguments[1:]
        if arguments or line in fenced:
            with click.Context(main, info_name="infragen", **main.context_settings) as parent:
                command.make_context(command.name, arguments, parent)


def _code(page: Path) -> str:
    """What stands between backticks in a page, line by line; all of any other file."""
    text = page.read_text()
    if page.suffix != ".md":
        return text
    spans = re.findall(r"^```\w*\n(.*?)^```|`([^`\n]+)`", text, re.MULTILINE | re.DOTALL)
    return "".join(f"{fence or span}\n" for fence, span in spans)


def _commands(code: str) -> list[str]:
    """The calls of infragen in code, without what a shell makes of the rest of their line, and without mentions."""
    calls = re.findall(r"(?:^|\$\(|&& )\s*(infragen [^\n|;>&]*)", code, re.MULTILINE)
    return [call.removesuffix(")") for call in calls if "--help" not in call]


def _module(name: str, source: str) -> ModuleType:
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, name, "exec"), vars(module))  # noqa: S102 # the point of the test: the page's own code
    return module


def test_every_name_that_the_page_on_layers_promises_exists() -> None:
    """The words of `infragen.layers.contract`, as the page lists them."""
    from infragen.layers import contract

    text = (DOCS / "adding-a-layer.md").read_text()
    listed = re.search(r"`infragen\.layers\.contract` has the words that every layer needs: ([^.]*)\.", text)
    assert listed
    names = re.findall(r"`(\w+)`", listed[1])
    assert len(names) >= 10
    assert [name for name in names if not hasattr(contract, name)] == []


def test_every_function_that_a_page_names_exists() -> None:
    """A name with parentheses in code, such as the one that makes a resource stay, is one of the program's."""
    defined = {
        name
        for file in (ROOT / "src").rglob("*.py")
        for name in re.findall(r"^\s*def (\w+)", file.read_text(), re.MULTILINE)
    }
    named = {
        (page.name, name) for page in DOCS.rglob("*.md") for name in re.findall(r"`([a-z_]+)\(\)`", page.read_text())
    }
    assert len(named) >= 2
    assert sorted(each for each in named if each[1] not in defined) == []
