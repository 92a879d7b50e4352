"""Breaks modules in every small way, one at a time, and says which breaks no test notices. `make mutants` runs it.

    python tests/mutants.py [guard | widening | …] [--processes N]

A mutant is a module with one change: a comparison turned round or its boundary moved, `and` and `or` or `any` and `all`
swapped, an operand, a `not`, a filter or a statement left out, a condition turned round, a text, number or truth value
changed, a result left out, or another exception raised. Left alone is what people read (docstrings, texts of several
words) and what the type checker reads (annotations, decorators, `__all__`).

The tests first run on the modules as they are, which imports whatever they need. Each mutant then gets a process of its
own, forked from there, that imports infragen and the tests anew with one module changed. They have to do without the
fixtures of `conftest`, and those that start infragen as another process would not see the mutant.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.util
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import NoReturn

import pytest

TESTS = Path(__file__).parent
SOURCES = TESTS.parent / "src"
PACKAGE = SOURCES / "infragen"
MEMORY = 4 << 30
"""Bytes that a mutant may use: one that never ends may also never have enough."""


@dataclass(frozen=True)
class Gate:
    """Modules that stand between a plan and its execution, and the tests that must notice each break in them."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


GATES = {
    "guard": Gate(("guard.py",), ("engine/test_guard.py", "engine/test_promise_guard.py")),
    "widening": Gate(
        tuple(sorted(f"widening/{each.name}" for each in PACKAGE.glob("widening/*.py"))),
        ("test_widening.py", "test_widening_properties.py"),
    ),
}

EQUIVALENT: dict[str, str] = {}
"""Mutants that do the same as the module, as `str(mutant)` without the line number, and why."""

OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt,
}  # fmt: skip
BOUNDARY: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}


# --- what is broken ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """A module with one change. `where` is the source of the line, `what` the change."""

    module: str
    line: int
    where: str
    what: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.module}: {self.what} in {self.where!r}"


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    text = (PACKAGE / module).read_text()
    tree = ast.parse(text)
    left_alone = _left_alone(tree)
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in left_alone:
            continue
        for what, changed in _changes(node):
            line = node.target.lineno if isinstance(node, ast.comprehension) else getattr(node, "lineno", 0)
            yield Mutant(module, line, text.splitlines()[line - 1].strip(), what, _with(tree, index, changed))


def _left_alone(tree: ast.Module) -> set[int]:
    """The nodes that hold words, and those that say something to the type checker only."""
    found: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST] = [*getattr(node, "decorator_list", [])]
        parts += [each for each in (getattr(node, "annotation", None), getattr(node, "returns", None)) if each]
        if isinstance(node, ast.JoinedStr) and any(map(_is_wording, node.values)):
            parts += [each for each in node.values if isinstance(each, ast.Constant)]
        if _is_wording(node) or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"):
            parts.append(node)
        found |= {id(each) for part in parts for each in ast.walk(part)}
    return found


def _is_wording(node: ast.AST) -> bool:
    """Whether it is a text of several words; no name of AWS has a space in it."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value.split()) > 1


def _with(tree: ast.Module, index: int, changed: ast.AST) -> ast.Module:
    """A copy of a module in which a node, by its place in the walk, is another."""
    twin = copy.deepcopy(tree)
    wanted = list(ast.walk(twin))[index]
    for parent in ast.walk(twin):
        for name, value in ast.iter_fields(parent):
            if value is wanted:
                setattr(parent, name, changed)
            elif isinstance(value, list):
                setattr(parent, name, [changed if each is wanted else each for each in value])
    return ast.fix_missing_locations(twin)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What can be done to a node: in words, and the node that takes its place."""
    source = ast.unparse(node)
    match node:
        case ast.Compare(left=left, ops=[op, *ops], comparators=others):
            yield f"the opposite of {source}", ast.Compare(left, [OPPOSITE[type(op)](), *ops], others)
            for at, each in enumerate(node.ops):
                if type(each) in BOUNDARY:
                    moved = [*node.ops[:at], BOUNDARY[type(each)](), *node.ops[at + 1 :]]
                    yield f"another boundary of {source}", ast.Compare(left, moved, others)
        case ast.BoolOp(op=op, values=values):
            swapped = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield f"and for or, or for and: {source}", ast.BoolOp(swapped, values)
            for at, value in enumerate(values):
                rest = [*values[:at], *values[at + 1 :]]
                yield f"without {ast.unparse(value)}", rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"without not: {source}", ast.Call(ast.Name("bool", ast.Load()), [operand], [])
        case ast.Name(id="any" | "all" as name):
            yield f"{name} turned round", ast.Name("any" if name == "all" else "all", ast.Load())
        case ast.Constant(value=str() | bool() | int() | float() as value):
            yield f"another {value!r}", ast.Constant(_another(value))
        case ast.comprehension(ifs=[_, *_]):
            yield f"without the filter:{source}", ast.comprehension(node.target, node.iter, [], node.is_async)
        case ast.If(test=ast.Call() | ast.Name() | ast.Attribute() as test):
            yield f"the opposite of {ast.unparse(test)}", ast.If(_opposite(test), node.body, node.orelse)
        case ast.IfExp(test=ast.Call() | ast.Name() | ast.Attribute() as test):
            yield f"the opposite of {ast.unparse(test)}", ast.IfExp(_opposite(test), node.body, node.orelse)
        case ast.Return(value=value) if value is not None and getattr(value, "value", True):
            yield f"no result: {source}", ast.Return(ast.Constant(None))
        case ast.Raise():
            yield f"another exception: {source}", ast.Raise(ast.Name("StopAsyncIteration", ast.Load()), None)
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()):
            yield f"without {source}", ast.Pass()
        case ast.AugAssign() | ast.Continue() | ast.Break():
            yield f"without {source}", ast.Pass()


def _another(value: str | float) -> str | float:
    if isinstance(value, bool):
        return not value
    return f"{value} mutant" if isinstance(value, str) else value + 1


def _opposite(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


# --- who notices ------------------------------------------------------------------------------------------------


class Changed(SourceFileLoader):
    """Finds and loads one module as the mutant that it is."""

    def __init__(self, mutant: Mutant) -> None:
        name = ".".join(["infragen", *Path(mutant.module).with_suffix("").parts]).removesuffix(".__init__")
        super().__init__(name, str(PACKAGE / mutant.module))
        self._tree = mutant.tree

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, _: str) -> object:  # type: ignore[override]
        return compile(self._tree, self.path, "exec")


def tested(tests: Sequence[str]) -> int:
    """Runs the tests until the first fails; pytest's exit code. What they are about is imported anew."""
    for name, module in tuple(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if file.startswith((str(SOURCES), str(TESTS))) and name != "__main__":
            del sys.modules[name]
    options = ["-x", "-n", "0", "--noconftest", "-p", "sweeps", "-p", "figures", "--hypothesis-profile", "mutants"]
    return pytest.main([*options, *(str(TESTS / each) for each in tests)])


def survivors(found: Sequence[Mutant], tests: Sequence[str], processes: int, seconds: int) -> Iterator[Mutant]:
    """The mutants with which all tests pass. One that needs more than so many seconds of a processor never ends."""
    waiting, running = list(reversed(found)), dict[int, Mutant]()
    while waiting or running:
        while waiting and len(running) < processes:
            mutant = waiting.pop()
            child = os.fork()
            if child == 0:
                _live(mutant, tests, seconds)
            running[child] = mutant
        child, status = os.wait()
        mutant = running.pop(child)
        if status == 0:
            yield mutant


def _live(mutant: Mutant, tests: Sequence[str], seconds: int) -> NoReturn:
    """Becomes the process of a mutant, which ends in 0 when no test notices it."""
    code = 1
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        sys.meta_path.insert(0, Changed(mutant))
        code = int(tested(tests))
    finally:
        os._exit(code)


def main(gates: Sequence[str], processes: int) -> int:
    """Tries all mutants of these gates; 0 when all that change anything were killed."""
    failed = False
    for gate in (GATES[name] for name in gates):
        started = time.process_time()
        assert tested(gate.tests) == 0, "the tests fail on the modules as they are"
        seconds = 10 + int(10 * (time.process_time() - started))
        for module in gate.modules:
            found = list(mutants(module))
            alike = {each for each in EQUIVALENT if each.startswith(f"{module}: ")}
            alive = 0
            for each in survivors(found, gate.tests, processes, seconds):
                alive += 1
                if str(each) in alike:
                    alike.remove(str(each))
                else:
                    failed = True
                    _say(f"survived: {each} (line {each.line})")
            failed = failed or bool(alike)
            for key in alike:
                _say(f"said to change nothing, but killed or no mutant at all: {key}")
            _say(f"{module}: {len(found)} mutants, {len(found) - alive} killed")
    return int(failed)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("gates", nargs="*", metavar="gate")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    given = parser.parse_args()
    sys.exit(main(given.gates or tuple(GATES), given.processes))
