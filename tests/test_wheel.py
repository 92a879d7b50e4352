"""What is installed is what was tested: the wheel, in an empty directory, with an empty home and without the clone."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from commands import CommandLine

import infragen
from infragen.cli import main
from infragen.cli.installation import stranger, stranger_anywhere
from infragen.cli.pages import pages
from infragen.project.scaffold import scaffold

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this clone, built without asking an index for anything."""
    to = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(to)], cwd=ROOT, check=True)
    [built] = to.glob("*.whl")
    return built


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Callable[..., str]:
    """infragen from the wheel; what it depends on comes from the environment of the tests, which has the locks'
    versions.
    """
    site, home, here = tmp_path / "site", tmp_path / "home", tmp_path / "here"
    for each in (home, here):
        each.mkdir()
    with zipfile.ZipFile(wheel) as archive:  # as pip installs a wheel without data or scripts
        archive.extractall(site)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(site), "AWS_REGION": "eu-west-1"}

    def run(*arguments: str, where: str = ".") -> str:
        command = [sys.executable, "-m", "infragen", *arguments]
        ended = subprocess.run(command, cwd=here / where, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert str(ROOT) not in ended.stdout
        return ended.stdout

    return run


@pytest.mark.long
def test_the_wheel_alone_begins_checks_and_lints_a_project(installed: Callable[..., str], tmp_path: Path) -> None:
    """And none of it comes from the clone: schema, scaffold, prices, pages."""
    assert installed("--version") == f"infragen {infragen.__version__} (distribution infragen-cfn)\n"
    schema = installed("schema")
    installed("init", "shop")
    shop = tmp_path / "here" / "shop"
    assert (shop / "environment.schema.json").read_text() == schema
    assert {each.relative_to(shop).as_posix() for each in shop.rglob("*") if each.is_file()} >= set(scaffold())
    assert "up to date" in installed("render", "--check", where="shop")
    assert installed("lint", "--env", "dev", "--fail-on", "informational", where="shop") == "dev: no findings\n"
    assert "USD" in installed("cost", "--env", "dev", where="shop")
    assert '"title": "The stacks of an environment"' in installed("schema", "status")
    assert installed("docs", "getting-started") == (ROOT / "docs/getting-started.md").read_text()


@pytest.mark.long
def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    """Name, addresses and extras; the command; and neither what tools leave nor what only contributors need."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = [archive.read(each).decode() for each in names if each.endswith(".dist-info/METADATA")]
        [commands] = [archive.read(each).decode() for each in names if each.endswith("entry_points.txt")]
    assert wheel.name.startswith(f"infragen_cfn-{infragen.__version__}-")
    assert f"\nName: infragen-cfn\nVersion: {infragen.__version__}\n" in metadata
    assert {each.split(",")[0] for each in re.findall(r"^Project-URL: (.*)", metadata, re.MULTILINE)} >= {
        "Documentation", "Source", "Issues", "Changelog",
    }  # fmt: skip
    assert set(re.findall(r"^Provides-Extra: (.*)", metadata, re.MULTILINE)) == {"local", "node"}
    assert commands == "[console_scripts]\ninfragen = infragen.cli:run\n"
    assert not [each for each in names if re.search(r"node_modules|__pycache__|\.venv|/templates/|^tests|^tools", each)]
    for page in (ROOT / "docs").rglob("*.md"):
        assert f"infragen/docs/{page.relative_to(ROOT / 'docs').as_posix()}" in names
    assert {each for each in names if "/examples/" in each} == {
        "infragen/examples/environments/dev.yaml", "infragen/examples/layers/cache.py",
        "infragen/examples/layers/report.py", "infragen/examples/layers/search.py",
    }  # fmt: skip


def test_no_page_and_no_message_installs_the_other_tool() -> None:
    """On the package index `infragen` is a stranger's: whoever copies a command gets this one."""
    texts = [*ROOT.glob("*.md"), ROOT / "Makefile", *(ROOT / ".github").rglob("*.yml")]
    for folder in ("src", "docs", "tools", "examples"):
        texts += [each for each in (ROOT / folder).rglob("*") if each.is_file() and "node_modules" not in each.parts]
    for path in texts:
        if path.suffix in (".pyc", ".png"):
            continue
        for line in path.read_text(errors="replace").splitlines():
            wrong = re.search(r"\binfragen\[|\b(install|add|uvx|pipx run)( -\S+)* ['\"]?infragen(?!-cfn|[\w/.])", line)
            assert not wrong or "pip uninstall" in line or "requirements/infragen" in line, f"{path}: {line}"


def messages() -> Iterator[tuple[Path, str]]:
    """The texts that infragen may print: its strings, but for docstrings of what is no command."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        tree = ast.parse(path.read_text())
        quiet = {
            id(each.body[0].value)
            for each in ast.walk(tree)
            if isinstance(each, ast.Module | ast.ClassDef | ast.FunctionDef) and each.body
            if isinstance(each.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet:
                yield path, node.value


@pytest.mark.long
def test_a_page_that_a_message_names_is_in_the_wheel() -> None:
    """By the command that prints it: a path of the clone is nothing to who has installed the wheel."""
    said = [(path, text) for path, text in messages() if "files" not in path.parts]
    said += [
        (Path(name), command.help or "")
        for name, command in main.commands.items()
        if isinstance(command, click.Command)
    ]
    named = 0
    for path, text in said:
        assert not re.search(r"\bdocs/[a-z-]+\.md", text), f"{path}: {text}"
        for page in re.findall(r"infragen docs ([a-z][a-z/-]+)", text):
            assert page in pages(), f"{path}: {text}"
            named += 1
    assert named > 3


@pytest.mark.long
def test_each_page_is_printed_as_it_is() -> None:
    """Byte by byte, found by its name, its path or a name close by."""
    for name, path in pages().items():
        assert CommandLine().invoke(main, ["docs", name]).stdout == path.read_text(encoding="utf-8")
    listed = CommandLine().invoke(main, ["docs"]).stdout
    assert [line.split()[0] for line in listed.splitlines()] == list(pages())
    assert CommandLine().invoke(main, ["docs", "docs/layers/api.md"]).exit_code == 0
    assert {f"examples/{each}" for each in ("cache", "dev", "report", "search")} <= {*pages()}
    wrong = CommandLine().invoke(main, ["docs", "docter"])
    assert (wrong.exit_code, "did you mean doctor?" in wrong.stderr) == (2, True)


def test_another_tool_of_the_same_name_is_named_at_the_start(tmp_path: Path) -> None:
    """Only where it can have replaced our files: in the directory of packages that we lie in."""
    (tmp_path / "infragen_cfn-0.1.0.dist-info").mkdir()
    (tmp_path / "infragenius-1.0.dist-info").mkdir()
    assert stranger(tmp_path) == ""
    (tmp_path / "infragen-0.1.1.dist-info").mkdir()
    assert "infragen-0.1.1 is another tool with the same command" in stranger(tmp_path)
    assert "pip install infragen-cfn" in stranger(tmp_path)
    assert stranger(tmp_path / "missing") == ""


def test_after_a_bug_the_other_tool_is_looked_for_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its command: an older installation of this one is not another tool."""
    about = tmp_path / "infragen-9.9.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: infragen\nVersion: 9.9\n")
    monkeypatch.syspath_prepend(tmp_path)
    for command, says in (("infragen.main:app", "infragen 9.9 is another tool"), ("infragen.cli:run", "")):
        (about / "entry_points.txt").write_text(f"[console_scripts]\ninfragen = {command}\n")
        assert stranger_anywhere().startswith(says)
        assert bool(stranger_anywhere()) is bool(says)


@pytest.mark.long
def test_the_other_tool_beside_the_wheel_is_warned_of(installed: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "site/infragen-0.1.1.dist-info").mkdir()
    assert installed("--version").startswith("infragen ")
    command = [sys.executable, "-m", "infragen", "schema"]
    said = subprocess.run(
        command, env={"PYTHONPATH": str(tmp_path / "site")}, capture_output=True, text=True, check=True
    ).stderr  # fmt: skip
    assert said.startswith("warning: infragen-0.1.1 is another tool")
