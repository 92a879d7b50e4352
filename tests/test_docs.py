"""The documentation's examples work as they stand."""

import json
import os
import re
import shlex
import shutil
import subprocess
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from commands import CommandLine

from infragen.cli import main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r"```python (\w+)\n(.*?)```", re.DOTALL)


@pytest.mark.long
def test_a_layer_is_added_as_its_page_says(tmp_path: Path, findings: Path) -> None:
    """One file and the key that uses it, pasted from `adding-a-layer.md`: rendered, wired and without findings."""
    page = (DOCS / "adding-a-layer.md").read_text()
    [(_, source)] = EXAMPLE.findall(page)
    [key] = re.findall(r"```yaml cache\n(.*?)```", page, re.DOTALL)
    assert source == (ROOT / "examples" / "own-layers" / "layers" / "cache.py").read_text()
    shutil.copytree(ROOT / "tests" / "data" / "environments", tmp_path / "environments")
    with (tmp_path / "environments" / "dev.yaml").open("a") as file:
        file.write(key)
    assert _pasted(tmp_path, findings, cache=source)["cache.json"]["Resources"]["Cache"]["Properties"][
        "CacheUsageLimits"
    ] == {"DataStorage": {"Maximum": 5, "Unit": "GB"}}


@pytest.mark.long
def test_an_extension_is_added_as_its_page_says(tmp_path: Path, findings: Path) -> None:
    """The bucket of `extending.md` joins the API's template with its variable and its rights."""
    [(_, source)] = EXAMPLE.findall((DOCS / "extending.md").read_text())
    shutil.copytree(ROOT / "tests" / "data" / "environments", tmp_path / "environments")
    api = _pasted(tmp_path, findings, uploads=source)["api.json"]
    assert api["Resources"]["Uploads"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert '{"Name": "UPLOADS", "Value": {"Ref": "Uploads"}}' in json.dumps(api)


EXAMPLES = [
    *ROOT.glob("environments/*.yaml"), *ROOT.glob("examples/*/environments/*.yaml"),
    *ROOT.glob("src/infragen/project/files/**/*.y*ml"),
]  # fmt: skip


@pytest.mark.parametrize("file", [*PAGES, *EXAMPLES], ids=lambda each: str(each.relative_to(ROOT)))
def test_every_example_means_the_same_in_yaml_1_1_and_1_2(file: Path) -> None:
    """yamllint, pre-commit and PyYAML read 1.1: no `no`, `12:30`, `010` or date that is a text or a number in 1.2. The
    key `on` of a workflow and the date of a policy are GitHub's and AWS's.
    """
    text = file.read_text()
    fenced = [
        textwrap.dedent(each) for _, each in re.findall(r"^( *)```ya?ml.*\n((?:.*\n)*?)\1```", text, re.MULTILINE)
    ]
    for example in fenced if file.suffix == ".md" else [text]:
        for token in yaml.scan(example):  # what it cannot read is an error here
            if isinstance(token, yaml.ScalarToken) and token.plain:
                tag = RESOLVER.resolve(yaml.ScalarNode, token.value, (True, False)).rpartition(":")[2]
                assert ONLY_IN_1_1.fullmatch(f"{tag} {token.value}") is None, (file, token.start_mark.line)
        list(yaml.parse(example))


RESOLVER: Any = yaml.resolver.Resolver()
ONLY_IN_1_1 = re.compile(
    r"(?!bool on$|timestamp 2012-10-17$|timestamp 2010-09-09$)"
    r"(timestamp .*|bool (?!(true|false)$).*|(int|float) ([-+]?0[0-9b].*|.*[:_].*))",
    re.IGNORECASE,
)
"""The tag and text of a plain value that YAML 1.2 reads otherwise (its core schema, section 10.3.2)."""


def _pasted(root: Path, findings: Path, **modules: str) -> dict[str, Any]:
    """The rendered templates of dev in a project with these modules in layers/, which lint has nothing to say about."""
    (root / "layers").mkdir()
    for name, source in modules.items():
        (root / "layers" / f"{name}.py").write_text(source)
    where = ["--environments", str(root / "environments"), "--env", "dev"]
    variables = {"INFRAGEN_CACHE_DIR": str(findings)}
    output = str(root / "templates")
    for command in (["render", "--format", "json", "--output", output], ["lint", "--fail-on", "informational"]):
        done = CommandLine().invoke(main, [*command, *where], env=variables)
        assert done.exit_code == 0, done.output
    return {each.name: json.loads(each.read_text()) for each in (root / "templates" / "dev").glob("*.json")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that exists."""
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    """A page that nothing links to is not found by whoever needs it."""
    targets = re.findall(r"\]\(([^)#:]+\.md)", (ROOT / "README.md").read_text())
    assert sorted(set(DOCS.rglob("*.md")) - {ROOT / target for target in targets}) == []


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
            with (
                suppress(click.exceptions.Exit),  # --version and --help end there
                click.Context(main, info_name="infragen", **main.context_settings) as parent,
            ):
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
    calls = re.findall(r"(?:^|&& )\s*(infragen (?:'[^'\n]*'|[^\n|;>&])*)", code, re.MULTILINE)
    calls += re.findall(r"\$\((infragen [^)\n|;>&]*)", code)
    return [call for call in calls if "--help" not in call]


def test_the_names_that_layers_are_written_with_are_those_of_the_page() -> None:
    """The table of `extending.md` and `infragen.layer` hold the same names, and examples and pages import no others."""
    from infragen import layer

    rows = (DOCS / "extending.md").read_text().partition("## The names")[2].partition("\n\n`FargateTask")[0]
    named = [name for row in rows.split("\n") if row.startswith("|") for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(layer.__all__)
    assert [name for name in named if not hasattr(layer, name)] == []
    sources = [each.read_text() for each in (ROOT / "examples" / "own-layers" / "layers").glob("*.py")]
    sources += [each for page in PAGES for _, each in EXAMPLE.findall(page.read_text())]
    assert len(sources) >= 4
    for source in sources:
        modules = set(re.findall(r"^from (infragen[\w.]*) import", source, re.MULTILINE))
        assert modules == {"infragen.layer"}


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
