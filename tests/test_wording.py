"""The words of infragen: which must not come back in docs, help, messages and names, and how docstrings begin.

The field's own words (AWS's or Terraform's) in plain active English. A word that a list here forbids has a better one
in the same line.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from infragen.cli import main

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    each
    for each in [*(ROOT / "src" / "infragen").rglob("*.py"), *(ROOT / "tools").glob("*.py")]
    if "functions" not in each.parts  # the code of deployed functions: each change of a word is a change of a template
)
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])

ANYWHERE = {
    r"\bin the place of\b": "instead of",
    r"\bfor ever\b": "forever, always",
    r"\bdependants\b": "dependent stacks",
    r"\banew\b": "again",
    r"\bmends?\b|\bmended\b": "fix",
    r"\broads?\b": "path, operation",
    r"\blitter\b": "leftover change sets",
    r"(?<!not )\btold\b": "reported, shown",
    r"\bput(s)? right\b": "repair",
    r"\bturn(s|ed)? (updates )?back\b": "roll back",
    r"\b(more through|let(s)? more through)\b": "widens access",
    r"\bgiven up\b": "skipped",
    r"\bwork(s|ed)? off\b": "consume",
    r"\bhear(s)? of\b": "is notified of",
    r"\bsurroundings\b": "environment",
    r"\bunwell\b": "unhealthy",
    r"\bsettled?s?\b": "evaluate, final",
    r"\b(one|a) (template|stack|line|directory) a (layer|stack|worker|environment)\b": "one … per …",
    r"\bwhat runs goes on\b": "the operation continues",
    r"\bat most so long\b": "up to MINUTES",
    r"\bsmall AWS\b": "the local AWS emulator",
}
"""What no text of ours says, and the better word."""

TO_USERS = {
    r"\bsomebody\b|\banybody\b|\beverybody\b": "another run, another account, outside CloudFormation",
    r"\bnobody\b": "no terminal, no client",
    r"\b(began|begun)\b": "started",
    r"\bgo(es)? on\b(?! the)": "continue",
    r"\bnothing runs\b": "the operations in progress",
    r"\bis no (queue|variable|environment file|port|number)\b": "is not a …",
    r"\blooks? after\b": "clean up, manage",
    r"\bcost so much\b": "an estimate of up to USD",
}
"""What docs, help and messages do not say either."""

NAMES = {
    "road", "roads", "litter", "mend", "mends", "patience", "patiently", "doomed", "garbled", "dear", "manner",
}  # fmt: skip
"""Parts of names that must not come back."""


def _prose(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of a page without code: fences and code spans show what is typed, printed and named."""
    fenced = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, re.sub(r"`[^`]*`", "`…`", line)


@cache
def _tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text())


def _bare(node: ast.AST) -> Iterator[ast.Constant]:
    """Docstrings, and texts that stand below a constant as its description."""
    for each in ast.walk(node):
        body = getattr(each, "body", None)
        for inner in body if isinstance(body, list) else ():
            if (
                isinstance(inner, ast.Expr)
                and isinstance(inner.value, ast.Constant)
                and isinstance(inner.value.value, str)
            ):
                yield inner.value


def _notes(module: Path) -> Iterator[tuple[int, str]]:
    """Docstrings and comments, code spans left out."""
    for each in _bare(_tree(module)):
        yield each.lineno, re.sub(r"`[^`]*`", "`…`", str(each.value))
    for token in tokenize.generate_tokens(io.StringIO(module.read_text()).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], re.sub(r"`[^`]*`", "`…`", token.string)


def _messages(module: Path) -> Iterator[tuple[int, str]]:
    """Texts of more than one word that are no docstrings: messages, help, descriptions."""
    notes = {id(each) for each in _bare(_tree(module))}
    for node in ast.walk(_tree(module)):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)) or id(node) in notes:
            continue
        if " " in node.value.strip() and not re.search(r"\\[bswd]|\(\?", node.value):
            yield node.lineno, re.sub(r"`[^`]*`", "`…`", node.value)


def _said(texts: Iterator[tuple[int, str]], words: dict[str, str], where: Path) -> list[str]:
    return [
        f"{where.relative_to(ROOT)}:{number}: {found.group(0)!r}: {better}"
        for number, text in texts
        for word, better in words.items()
        if (found := re.search(word, text, re.IGNORECASE))
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_reads_as_plain_english(page: Path) -> None:
    """No word that must not come back, in prose and tables."""
    assert _said(_prose(page), ANYWHERE | TO_USERS, page) == []


def test_messages_speak_the_fields_words() -> None:
    """Errors, hints, help and descriptions. The texts of templates stay as they are deployed."""
    modules = (each for each in MODULES if "layers" not in each.parts)
    assert [each for module in modules for each in _said(_messages(module), ANYWHERE | TO_USERS, module)] == []


@pytest.mark.long
def test_docstrings_and_comments_speak_the_fields_words() -> None:
    """In every module, rules included: their docstrings are the reference page."""
    assert [each for module in MODULES for each in _said(_notes(module), ANYWHERE, module)] == []


def _commands(group: click.Group, path: str = "infragen") -> Iterator[tuple[str, click.Command]]:
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def test_every_help_speaks_the_fields_words() -> None:
    """The text of each command and of each of its options, hidden ones too."""
    wrong = []
    for path, command in _commands(main):
        texts = [command.help or "", *(getattr(each, "help", "") or "" for each in command.params)]
        for text in texts:
            wrong += [
                f"{path}: {found.group(0)!r}: {better}"
                for word, better in (ANYWHERE | TO_USERS).items()
                if (found := re.search(word, text, re.IGNORECASE))
            ]
    assert wrong == []


def _names(module: Path) -> Iterator[str]:
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def test_names_speak_the_fields_words() -> None:
    """Functions, classes, arguments and variables, word by word."""
    wrong = set()
    for module in MODULES:
        for name in _names(module):
            parts = {each.lower() for each in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
            if parts & NAMES:
                wrong.add(f"{module.relative_to(ROOT)}: {name}")
    assert sorted(wrong) == []


def test_every_module_says_what_it_is_for() -> None:
    """An empty package needs no docstring."""
    silent = [each for each in MODULES if each.read_text().strip() and not ast.get_docstring(_tree(each))]
    assert [str(each.relative_to(ROOT)) for each in silent] == []


NOT_VERBS = {
    "A", "An", "The", "What", "Whether", "One", "Every", "Each", "All", "How", "Where", "Why", "When", "Which", "Who",
    "Those", "Everything", "Two", "Three", "Some", "Any", "Both", "Seconds", "Rows", "Text", "Lines", "Values",
    "Nothing",
        "Nobody", "Somebody", "Whoever", "No", "None", "If", "As", "For", "By", "From", "On", "In", "With", "Without",
}  # fmt: skip
"""First words of a noun phrase: `Return the …` says what the function does."""

RULES = ROOT / "src" / "infragen" / "config" / "rules.py"
"""Its docstrings say what the file must keep to: they are the reference page of environment files."""


def test_a_functions_docstring_begins_with_a_verb() -> None:
    """Not with a noun phrase, a name, an AWS call or the third person (`Returns`)."""
    wrong = []
    for module in MODULES:
        if module == RULES:
            continue
        for node in ast.walk(_tree(module)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (text := ast.get_docstring(node)):
                first = re.split(r"[\s,.:;]", text, maxsplit=1)[0]
                third = first.endswith("s") and first[:-1] in VERBS
                if first in NOT_VERBS or third or not re.fullmatch(r"[A-Z][a-z]+", first):
                    wrong.append(f"{module.relative_to(ROOT)}:{node.lineno} {node.name}: {text.splitlines()[0][:60]}")
    assert wrong == []


VERBS = {
    "Return", "Raise", "Print", "Write", "Read", "Delete", "Add", "Ask", "Begin", "Call", "Check", "Create", "Deploy",
    "End", "Find", "Follow", "Get", "Give", "Keep", "Let", "Make", "Name", "Open", "Put", "Run", "Say", "Set", "Show",
    "Start", "Stop", "Switch", "Take", "Tell", "Turn", "Wait", "Walk", "Yield",
}  # fmt: skip


def test_the_glossary_has_at_most_25_terms_of_our_own() -> None:
    """docs/architecture.md; each term once, in one line."""
    text = (ROOT / "docs" / "architecture.md").read_text().partition("## Glossary")[2].partition("\n## ")[0]
    terms = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)[1:]
    assert 15 <= len(terms) <= 25
    assert len(set(terms)) == len(terms)


def test_the_architecture_page_names_modules_that_exist() -> None:
    """Every path of the tables, so that the page leads to a file."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    packages = {each.name for each in (ROOT / "src" / "infragen").iterdir() if each.is_dir()}
    named = [
        each for each in re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py|\.yaml)?)`", text) if each.split("/")[0] in packages
    ]
    assert len(named) > 30
    for each in named:
        path = ROOT / "src" / "infragen" / each
        assert path.exists() or path.with_suffix(".py").exists(), each
    for each in re.findall(r"`(tests/[a-z_/]+(?:\.py|\.txt)?)`", text):
        assert (ROOT / each).exists(), each


PROGRAMS = sorted(
    path
    for room in ("src", "tests", "tools", "benchmarks")
    for path in (ROOT / room).rglob("*.py")
    if "files" not in path.parts or room == "tests"
)


def test_what_a_checker_shall_not_see_has_its_reason_beside_it() -> None:
    """After each `noqa` and each `type: ignore`, in words."""
    alone = re.compile(r"# (?:noqa(?:: [A-Z0-9, ]+)?|type: ignore(?:\[[a-z, -]+\])?)\s*$")
    without = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in PROGRAMS
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if alone.search(line)
    ]
    assert not without
