"""cfn-lint, loaded once for all tests of a process that lint something."""

import functools
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from infragen.assembly.lint import Finding, lint
from infragen.assembly.synth import Assembly


def linted(assemblies: Sequence[Assembly], kept: Path | None = None) -> tuple[tuple[Finding, ...], ...]:
    """The findings of each assembly, as `lint` gives them, by a process that stays."""
    return lint(assemblies, kept, linter())


@functools.cache
def linter() -> Executor:
    """The process that lints for this one; it starts with its first template."""
    return ProcessPoolExecutor(1, get_context("spawn"))
