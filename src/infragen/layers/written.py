"""Where a project wrote what stands at a place of a rendered template: the line of an addon, or of its Python.

For whoever judges rendered templates, such as the linter: people change what they wrote, not what is rendered. Python
is looked at, so that a place may be the nearest that is known: the argument, the call that makes the resource, or the
layer.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from infragen.config import Environment
from infragen.config.yamlfile import Place
from infragen.errors import InputError
from infragen.layers.contract import Extension, Layer, Template
from infragen.machine.input_file import read

Steps = tuple[str | int, ...]

_REFERS = frozenset({"Ref", "GetAtt", "Sub", "If", "Condition", "Output"})
"""Calls of troposphere that name something and make no resource of that name."""


def written_at(env: Environment, layer: str, path: Steps) -> Place | None:
    """Return where the project wrote what is at `path` of a layer's rendered template; None for what infragen made."""
    project = env.own_layers
    if project is None:
        return None
    own: Layer | None = next((each for each in project.layers if each.name == layer), None)
    if own is not None:
        return own.written(path) if own.written is not None else _in_python(own.place, path)
    extensions = (each for each in project.extensions if each.layer == layer)
    adding = next((each for each in extensions if _adds(each, env, path)), None)
    return _in_python(adding.place, path) if adding is not None else None


def _adds(extension: Extension, env: Environment, path: Steps) -> bool:
    """Return whether an extension adds the resource, condition, mapping or output that a path leads to."""
    if extension.resources is None or len(path) < 2:
        return False
    part = Template()
    extension.resources(part, env)
    section = getattr(part, str(path[0]).lower(), None)
    return isinstance(section, dict) and path[1] in section


def _in_python(place: str, path: Steps) -> Place:
    """Return where the call that makes a resource, and in it the argument of a property, is written; else `place`."""
    file, line, column = place.rsplit(":", 2)
    known = Place(file, int(line), int(column))
    if len(path) < 2 or path[0] != "Resources":
        return known
    beside = sorted(each for each in Path(file).parent.glob("*.py") if each != Path(file))
    for each in (Path(file), *beside):
        with suppress(InputError, SyntaxError, ValueError):
            for call in _makes(ast.parse(read(each)), str(path[1])):
                at = _argument(call, path[2:])
                return Place(str(each), at.lineno, at.col_offset + 1)
    return known


def _makes(tree: ast.Module, logical_id: str) -> Iterator[ast.Call]:
    """Yield the calls whose first argument is a logical id, those left out that only refer to it."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        first, called = node.args[0], node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if isinstance(first, ast.Constant) and first.value == logical_id and name not in _REFERS:
            yield node


def _argument(node: ast.expr, steps: Steps) -> ast.expr | ast.keyword:
    """Return the argument, or the entry of a dict or list in it, that the steps lead to, as far as they can be seen."""
    found: ast.expr | ast.keyword = node
    for step in steps:
        if step == "Properties":
            continue
        entry = next(_entries(node, step), None)
        if entry is None:
            break
        found, node = entry
    return found


def _entries(node: ast.expr, step: str | int) -> Iterator[tuple[ast.expr | ast.keyword, ast.expr]]:
    """Yield where the value of a key or an index begins, and the value."""
    if isinstance(node, ast.Call):
        yield from ((each, each.value) for each in node.keywords if each.arg == step)
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from ((key, value) for key, value in pairs if isinstance(key, ast.Constant) and key.value == step)
    elif isinstance(node, (ast.List, ast.Tuple)) and isinstance(step, int):
        yield from ((each, each) for each in node.elts[step : step + 1])
