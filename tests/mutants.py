"""Breaks a module in every small way, one at a time, and says which breaks no test notices. `make mutants` runs it.

    python tests/mutants.py src/infragen/guard.py tests/engine/test_guard.py ...

A mutant is the module with one comparison turned round, one `and` made `or`, one `not` dropped, one text, number or
truth value changed, one result of a function left out, or one `raise` of another exception. The tests run against a
copy of the package.
Texts that people read (messages, docstrings) are left alone.
"""

from __future__ import annotations

import ast
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCES = Path(__file__).parent.parent / "src"
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt,
}  # fmt: skip


def mutants(text: str) -> Iterator[tuple[str, str]]:
    """Every mutant of a module's text, and what was done in which line."""
    tree = ast.parse(text)
    spots = [node for node in ast.walk(tree) if not isinstance(node, ast.Module)]
    left_alone = _for_people(tree)
    for index, node in enumerate(spots):
        if id(node) not in left_alone:
            for what in _changes(node):
                changed = copy.deepcopy(tree)
                twin = [each for each in ast.walk(changed) if not isinstance(each, ast.Module)][index]
                _change(twin, what)
                yield ast.unparse(changed), f"line {getattr(node, 'lineno', '?')}: {what} in {ast.unparse(node)[:70]!r}"


def _for_people(tree: ast.Module) -> set[int]:
    """Nodes that hold words, not meaning: docstrings, parts of messages, annotations."""
    words: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            words |= {id(each) for each in node.values}
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            words.add(id(node.value))
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            words |= {id(each) for each in ast.walk(annotation)} if isinstance(annotation, ast.AST) else set()
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and " " in str(node.value.value):
            words.add(id(node.value))
    return words


def _changes(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Compare():
            yield "the opposite"
        case ast.BoolOp():
            yield "and for or, or for and"
        case ast.UnaryOp(op=ast.Not()):
            yield "without not"
        case ast.Constant(value=str() | bool() | int() | float()):
            yield "another value"
        case ast.Return(value=value) if value is not None and getattr(value, "value", True):
            yield "no result"
        case ast.Raise():
            yield "another exception"


def _change(node: ast.AST, what: str) -> None:
    match node:
        case ast.Compare():
            node.ops[0] = OPPOSITE[type(node.ops[0])]()
        case ast.BoolOp():
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.UnaryOp():
            node.op = ast.UAdd()
            node.operand = ast.Call(ast.Name("bool", ast.Load()), [node.operand], [])
        case ast.Constant(value=bool(value)):
            node.value = not value
        case ast.Constant(value=str(value)):
            node.value = f"{value} mutant"
        case ast.Constant(value=int(value)) | ast.Constant(value=float(value)):
            node.value = value + 1
        case ast.Return():
            node.value = ast.Constant(None)
        case ast.Raise():
            node.exc, node.cause = ast.Call(ast.Name("StopAsyncIteration", ast.Load()), [], []), None
    ast.fix_missing_locations(node)


def killed(module: Path, text: str, tests: list[str]) -> bool:
    """Whether the tests fail on a copy of the package in which the module has this text."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as directory:
        shutil.copytree(SOURCES, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (Path(directory) / module.resolve().relative_to(SOURCES)).write_text(text)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", *tests]
        environment = {**os.environ, "PYTHONPATH": directory, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            return subprocess.run(command, capture_output=True, env=environment, timeout=300).returncode == 1
        except subprocess.TimeoutExpired:
            return True


def main(module: Path, tests: list[str]) -> int:
    """Tries all mutants; 0 when every one was killed."""
    found = list(mutants(module.read_text()))
    assert not killed(module, module.read_text(), tests), "the tests fail on the module as it is"
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda mutant: killed(module, mutant[0], tests), found)
        survivors = [what for (_, what), dead in zip(found, results, strict=True) if not dead]
    for what in survivors:
        sys.stdout.write(f"{module}: survived: {what}\n")
    sys.stdout.write(f"{module}: {len(found)} mutants, {len(found) - len(survivors)} killed\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
