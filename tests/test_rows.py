"""A row of a plan is complete when it is made: nothing makes it anew with another value."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import pytest

import infragen
from infragen.cloud.cloudformation import PropertyChange, ResourceChange

SOURCE = Path(infragen.__file__).parent
WORDS = {each.name for row in (ResourceChange, PropertyChange) for each in dataclasses.fields(row)}
WORDS -= {"type", "name", "path"}  # what many things have, and nobody would change in a row
OF_OTHERS = {
    ("plan/drift.py", "properties"),  # ResourceDrift
    ("plan/revert.py", "properties"),  # ResourceDrift
    ("engine/gate.py", "before"),  # LayerSides
    ("engine/status.py", "cause"),  # StackStatus
    ("plan/between.py", "action"),  # StackPlan
}
"""Calls of `replace` with a word of a row that rebuild something else."""


def rebuilt(source: Path = SOURCE) -> tuple[str, ...]:
    """The places that rebuild a row: `engine/drift.py:74`."""
    found = []
    for file in sorted(source.rglob("*.py")):
        name = str(file.relative_to(source))
        text = file.read_text("utf-8")
        if "replace(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "replace"):
                continue
            keys = {each.arg for each in node.keywords if each.arg} - {key for at, key in OF_OTHERS if at == name}
            if keys & WORDS and not keys - WORDS:
                found.append(f"{name}:{node.lineno} ({', '.join(sorted(keys))})")
    return tuple(found)


@pytest.mark.long
def test_no_row_is_made_anew() -> None:
    """What is known of a row later is beside it, in maps by place. A call that rebuilds something else is listed."""
    assert rebuilt() == ()
