"""cfn-lint, loaded once for all tests of a process that lint something."""

import functools
import os
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
    """The process that lints for this one; it starts with its first template, and outlives the directory where it did:
    a test of `--at` stands in one that is deleted.
    """
    return ProcessPoolExecutor(1, get_context("spawn"), os.chdir, ("/",))
