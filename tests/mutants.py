"""Breaks modules in every small way, one at a time, and says which breaks no test notices. `make mutants` runs it.

    python tests/mutants.py [data_loss | in_place | interruption | access | layers] [--processes N]
                            [--only MODULE.py] [--every N]

`--only` takes one module of a gate, `--every` each Nth mutant: a sample, for which `EQUIVALENT` is not held.

A mutant is a module with one change: a comparison turned round or its boundary moved, `and` and `or` or `any` and `all`
swapped, an operand, a `not`, a filter or a statement left out, a condition turned round, a text, number or truth value
changed, a result left out, or another exception raised. Left alone is what people read (docstrings, texts of several
words) and what the type checker reads (annotations, decorators, `__all__`).

pytest collects the tests once, without the fixtures of `conftest`. Each mutant then gets a process of its own, forked
from there, in which the mutant and all modules that import it are imported anew; a test module gets the new names, but
keeps what it has made of the old ones. Tests that start infragen as another process would not see the mutant.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import multiprocessing
import os
import re
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

import grimp
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
    weakened: bool = False
    """Only the settings that keep something private, encrypted or narrow are broken: layers build much else, too."""


GATES = {
    "data_loss": Gate(("gates/data_loss.py",), ("engine/test_data_loss.py", "engine/test_promise_data_loss.py")),
    "in_place": Gate(("gates/in_place.py",), ("engine/test_in_place.py",)),
    "interruption": Gate(("gates/interruption.py",), ("engine/test_interruption.py",)),
    "access": Gate(
        tuple(sorted(f"gates/access/{each.name}" for each in PACKAGE.glob("gates/access/*.py"))),
        (
            "test_access.py",
            "test_access_pairs.py",
            "test_access_inside.py",
            "test_access_types.py",
            "test_access_properties.py",
        ),
    ),
    "layers": Gate(
        tuple(sorted(f"layers/{each.name}" for each in PACKAGE.glob("layers/*.py") if each.name != "__init__.py")),
        ("layers/test_security_settings.py", "layers/test_safe_templates.py"),
        weakened=True,
    ),
}

KEPT_SAFE = frozenset(
    [
        "StorageEncrypted",
        "Encrypted",
        "KmsKeyId",
        "KmsKeyArn",
        "KmsMasterKeyId",
        "SqsManagedSseEnabled",
        "PerformanceInsightsKmsKeyId",
        "MasterUserSecret",
        "ManageMasterUserPassword",
        "PubliclyAccessible",
        "PublicAccessBlockConfiguration",
        "BlockPublicAcls",
        "BlockPublicPolicy",
        "IgnorePublicAcls",
        "RestrictPublicBuckets",
        "OwnershipControls",
        "ObjectOwnership",
        "BucketEncryption",
        "SSEAlgorithm",
        "VersioningConfiguration",
        "ScanOnPush",
        "ImageScanningConfiguration",
        "ImageTagMutability",
        "EncryptionConfiguration",
        "EncryptionType",
        "EnableKeyRotation",
        "User",
        "ReadonlyRootFilesystem",
        "Capabilities",
        "Drop",
        "AssignPublicIp",
        "MapPublicIpOnLaunch",
        "SslPolicy",
        "HttpTokens",
        "MetadataOptions",
        "SecurityGroupEgress",
        "PermissionsBoundary",
        "RedriveAllowPolicy",
        "SourceAccount",
        "SecurityGroups",
        "VpcSecurityGroupIds",
        "RedactedFields",
        "SubnetIds",
    ]
)
"""Arguments and keys of the layers that are left out or turned round, one at a time."""

CONDITION = re.compile(r"(aws|kms|lambda|iam|sts|ecs):[A-Za-z:]+")
"""Keys of conditions, which are left out."""


@dataclass(frozen=True)
class Equivalent:
    """Changes of a line that change nothing, and why."""

    module: str
    where: str
    changes: tuple[str, ...]
    why: str

    @property
    def names(self) -> set[str]:
        """What the mutants are called."""
        return {f"{self.module}: {each} in {self.where!r}" for each in self.changes}


EQUIVALENT = (
    Equivalent(
        "gates/access/access.py",
        'TRUST, RIGHTS, RESOURCE = "trust", "rights", "resource"',
        ("another 'trust'", "another 'rights'", "another 'resource'"),
        "any three words do",
    ),
    Equivalent(
        "gates/access/__init__.py",
        'BEFORE, AFTER = "before", "after"',
        ("another 'before'", "another 'after'"),
        "any two words do",
    ),
    *(
        Equivalent(
            "gates/access/access.py",
            f'"{name}": ("{operator}", "lambda:{name.lower()}"),',
            (f"another 'lambda:{name.lower()}'",),
            "compared with nothing but itself: any word of its own does",
        )
        for name, operator in (
            ("FunctionUrlAuthType", "StringEquals"),
            ("EventSourceToken", "StringEquals"),
            ("InvokedViaFunctionUrl", "Bool"),
        )
    ),
    Equivalent(
        "gates/access/access.py",
        'free = grant.actions.negated or within(text_of("iam:*"), grant.actions.pattern)',
        ("another 'iam:*'",),
        "what holds iam:* ends in a star, which holds what follows",
    ),
    Equivalent(
        "gates/in_place.py",
        'POLICIES = {"Retain": 2, "Snapshot": 1, "Delete": 0}',
        ("another 2",),
        "only their order counts",
    ),
    Equivalent(
        "gates/access/network.py",
        'for rule in read({**entry, "IpProtocol": ALL}, (*table, " ", *way), "egress", side.reader):',
        ("another ' '",),
        "parts the table from the way: any separator does",
    ),
    Equivalent(
        "gates/access/policies.py",
        "return mine.values <= theirs.values",
        ("another boundary of mine.values <= theirs.values",),
        "equal lines were found before",
    ),
    Equivalent(
        "gates/access/policies.py",
        "return mine.values >= theirs.values",
        ("another boundary of mine.values >= theirs.values",),
        "equal lines were found before",
    ),
)

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
    old: ast.AST
    new: ast.AST

    def __str__(self) -> str:
        return f"{self.module}: {self.what} in {self.where!r}"

    def make(self) -> ast.Module:
        """Makes the change, for good, in the tree that all mutants of the module share."""
        for parent in ast.walk(self.tree):
            for name, value in ast.iter_fields(parent):
                if value is self.old:
                    setattr(parent, name, self.new)
                elif isinstance(value, list):
                    setattr(parent, name, [self.new if each is self.old else each for each in value])
        return ast.fix_missing_locations(self.tree)


def mutants(module: str, weakened: bool = False) -> Iterator[Mutant]:
    """Every mutant of a module, after one that is the module as it is."""
    changes = _weaker if weakened else _changes
    text = (PACKAGE / module).read_text()
    tree = ast.parse(text)
    left_alone = _left_alone(tree)
    yield Mutant(module, 0, "", "", tree, tree, tree)
    for node in ast.walk(tree):
        for what, changed in () if id(node) in left_alone else changes(node):
            line = node.target.lineno if isinstance(node, ast.comprehension) else getattr(node, "lineno", 0)
            yield Mutant(module, line, text.splitlines()[line - 1].strip(), what, tree, node, changed)


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


def _weaker(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """How a layer's node can keep less safe: an argument, a key, a condition or a denial left out, a value turned."""
    match node:
        case ast.Call(func=function, args=args, keywords=keywords):
            for at, keyword in enumerate(keywords):
                if keyword.arg in KEPT_SAFE or (keyword.arg == "when"):
                    rest = [*keywords[:at], *keywords[at + 1 :]]
                    yield f"without {keyword.arg}={ast.unparse(keyword.value)}", ast.Call(function, args, rest)
                held = getattr(keyword.value, "value", None)
                if keyword.arg in KEPT_SAFE and isinstance(held, bool | str):
                    other = ast.keyword(keyword.arg, ast.Constant(_another(held)))
                    changed = [*keywords[:at], other, *keywords[at + 1 :]]
                    yield f"another {keyword.arg}={held!r}", ast.Call(function, args, changed)
            conditioned = {"allow": 2, "grant": 3, "trust": 1}.get(ast.unparse(function))
            if conditioned and len(args) == conditioned + 1:
                yield f"without {ast.unparse(args[-1])}", ast.Call(function, args[:-1], keywords)
            for at, each in enumerate(args):
                if isinstance(each, ast.Call) and ast.unparse(each.func) in ("deny", "deny_without_tls"):
                    yield f"without {ast.unparse(each)}", ast.Call(function, [*args[:at], *args[at + 1 :]], keywords)
        case ast.Dict(keys=keys, values=values):
            for at, key in enumerate(keys):
                name = getattr(key, "value", "")
                if name in KEPT_SAFE or (isinstance(name, str) and CONDITION.fullmatch(name)):
                    left = ast.Dict([*keys[:at], *keys[at + 1 :]], [*values[:at], *values[at + 1 :]])
                    yield f"without {name}", left


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
        super().__init__(_import_name(mutant.module), str(PACKAGE / mutant.module))
        self._mutant = mutant

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, _: str) -> CodeType:
        code: CodeType = compile(self._mutant.make(), self.path, "exec")
        return code


def _import_name(module: str) -> str:
    return ".".join(["infragen", *Path(module).with_suffix("").parts]).removesuffix(".__init__")


@dataclass
class Trials:
    """A plugin of pytest that, instead of running the tests once, runs them on each mutant of a gate."""

    gate: Gate
    processes: int
    only: str = ""
    every: int = 1
    imports: grimp.ImportGraph = field(default_factory=lambda: grimp.build_graph("infragen"))
    failed: bool = False
    killer: Any = field(default_factory=lambda: multiprocessing.RawValue("i", 0))
    """The test that noticed the last mutant, which often notices the next."""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """The trials, one module after the other; the first of each is the module as it is."""
        for module in self.gate.modules:
            unchanged, *found = mutants(module, self.gate.weakened)
            found = found[:: self.every]
            if not found or not module.endswith(self.only):
                continue
            _, status, usage = os.wait4(self._fork(session, unchanged, 3600), 0)
            assert status == 0, f"the tests fail on {module} as it is"
            seconds = 10 + int(10 * usage.ru_utime)
            alike = {name for each in EQUIVALENT if each.module == module for name in each.names}
            alive = set()
            for each in self._survivors(session, found, seconds):
                alive.add(str(each))
                if str(each) not in alike:
                    _say(f"survived: {each} (line {each.line})")
            for name in alike - alive if self.every == 1 else ():
                _say(f"said to change nothing, but killed or no mutant at all: {name}")
            self.failed = self.failed or bool(alive - alike if self.every > 1 else alive != alike)
            _say(f"{module}: {len(found)} mutants, {len(found) - len(alive)} killed")
        return True

    def _survivors(self, session: pytest.Session, found: Sequence[Mutant], seconds: int) -> Iterator[Mutant]:
        """The mutants with which all tests pass. One that needs more than so many seconds of a processor never ends."""
        waiting, running = list(reversed(found)), dict[int, Mutant]()
        while waiting or running:
            while waiting and len(running) < self.processes:
                mutant = waiting.pop()
                running[self._fork(session, mutant, seconds)] = mutant
            child, status = os.wait()
            mutant = running.pop(child)
            if status == 0:
                yield mutant

    def _fork(self, session: pytest.Session, mutant: Mutant, seconds: int) -> int:
        """Starts the process of a mutant, which ends in 0 when no test notices it."""
        child = os.fork()
        if child:
            return child
        noticed = True
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            self._put_in_place(mutant)
            noticed = self._noticed(session)
        finally:
            os._exit(noticed)

    def _noticed(self, session: pytest.Session) -> bool:
        last = self.killer.value
        for at in sorted(range(len(session.items)), key=lambda at: at != last):
            session.config.hook.pytest_runtest_protocol(item=session.items[at], nextitem=None)
            if session.testsfailed:
                self.killer.value = at
                return True
        return False

    def _put_in_place(self, mutant: Mutant) -> None:
        """Imports the mutant and what imports it anew, and gives the tests the new names."""
        name = _import_name(mutant.module)
        stale = {each: sys.modules.pop(each) for each in self._importers(name) if each in sys.modules}
        sys.meta_path.insert(0, Changed(mutant))
        tests = [each for each in sys.modules.values() if (getattr(each, "__file__", "") or "").startswith(str(TESTS))]
        for old in stale.values():
            new = importlib.import_module(old.__name__)
            for key, value in vars(old).items():
                for each in tests:
                    if vars(each).get(key, MISSING) is value:
                        setattr(each, key, vars(new)[key])

    def _importers(self, name: str) -> set[str]:
        return {name, *self.imports.find_downstream_modules(name)}


MISSING = object()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(gates: Sequence[str], processes: int, only: str = "", every: int = 1) -> int:
    """Tries the mutants of these gates; 0 when all that change anything were killed."""
    failed = False
    for gate in (GATES[name] for name in gates):
        trials = Trials(gate, processes, only, every)
        options = ["-qq", "-s", "-n", "0", "--noconftest", "-p", "sweeps", "-p", "figures"]
        pytest.main(
            [*options, "--hypothesis-profile", "mutants", *(str(TESTS / each) for each in gate.tests)], [trials]
        )
        failed = failed or trials.failed
    return int(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("gates", nargs="*", metavar="gate")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", metavar="MODULE.py")
    parser.add_argument("--every", type=int, default=1, metavar="N")
    given = parser.parse_args()
    sys.exit(main(given.gates or tuple(GATES), given.processes, given.only, given.every))
