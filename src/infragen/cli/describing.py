"""Where a deployment's environment is described: the work tree, or with --at a commit."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infragen import __version__
from infragen.cli import parameters
from infragen.cli.json_lines import lines
from infragen.cli.output import say
from infragen.cli.pasting import remember
from infragen.cli.surroundings import surroundings
from infragen.errors import InputError
from infragen.machine.input_file import read

if TYPE_CHECKING:
    from infragen.assembly.code import Artifact
    from infragen.assembly.synth import Assembly
    from infragen.config import Environment, EnvironmentFile
    from infragen.cost import PriceFile
    from infragen.engine.at_commit import AtCommit
    from infragen.engine.options import Options
    from infragen.engine.progress import Session
    from infragen.plan.git import Checkout, Commit

_REQUIREMENTS = ("requirements/infragen.txt", "requirements.txt")
_REQUIRED = re.compile(r"^infragen(?:-cfn)?(?:\[[^\]]*\])?\s*==\s*([0-9][0-9A-Za-z.+!-]*)", re.MULTILINE)
_MIGRATIONS = "migrations"
"""Where a project has its migrations, as `infragen init` writes it."""


def at_option(what: str) -> Callable[..., Any]:
    """Add `--at COMMIT`."""
    return click.option("--at", "reference", metavar="COMMIT", help=what)


@dataclass(frozen=True)
class Description:
    """An environment as it is described somewhere: its file, templates, worker code and prices. `commit` is None for
    the work tree.
    """

    file: EnvironmentFile
    assembly: Assembly
    code: Mapping[str, Artifact] = field(default_factory=dict)
    prices: PriceFile | None = None
    commit: AtCommit | None = None

    def session(self, session: Session) -> Session:
        """Return a session whose change sets name the commit that is described."""
        from infragen.plan.git import revision

        return replace(session, revision=(self.commit.hash, True) if self.commit else revision())

    def completed(self, session: Session, options: Options) -> Options:
        """Return the options of a deployment with what ran with the commit; of the work tree as they are."""
        from infragen.engine.at_commit import as_deployed

        if self.commit is None:
            return options
        return as_deployed(session, self.file.environment, self.commit, options)


def describe(directory: Path, name: str, reference: str | None, *, code: bool = True) -> Description:
    """Read an environment, render and lint it, with its worker code unless a saved plan names that. The files of a
    commit stay until the command ends.

    Raises InputError for whatever is wrong with it; of a commit the message says so, and the hint what can read it.
    """
    if reference is None:
        [file] = parameters.warned(directory, (name,))
        return _described(file, None, code=code)
    from infragen.engine.at_commit import AtCommit
    from infragen.plan import git

    found = git.commit(reference)
    files = click.get_current_context().with_resource(git.checkout(found, directory))
    remember({"--at": reference})
    if lines() is None:
        say(f"commit {found.short} of {found.date}: {found.subject}", err=True)
    missing = git.files_missing(found, _MIGRATIONS)
    with contextlib.chdir(files.here):
        _find(found, files.directory, name)
    with contextlib.chdir(files.here), _blaming(found, files.top):
        [file] = parameters.warned(files.directory, (name,))
        absent = dict(_absent(file, files))
        return _described(file, AtCommit(found.hash, absent, missing), code=code)


def _find(found: Commit, directory: Path, name: str) -> None:
    """Raise InputError where a commit has no such environment."""
    from infragen.config.directory import find

    try:
        find(directory, (name,))
    except InputError as error:
        raise InputError(f"commit {found.short}: {error.message}", error.hint) from error


def _described(file: EnvironmentFile, commit: AtCommit | None, *, code: bool) -> Description:
    """Return an environment with what its file names: code and prices are read now."""
    from infragen.cost import read_price_file
    from infragen.engine.options import worker_code

    assembly = _checked(file.environment)
    if not code:
        return Description(file, assembly, commit=commit)
    artifacts = worker_code(file, commit.absent if commit else ())
    return Description(file, assembly, artifacts, read_price_file(file.prices) if file.prices else None, commit)


def _checked(env: Environment) -> Assembly:
    """Render and lint the environment's templates. Raises InputError for templates with errors."""
    from infragen.assembly.lint import lint
    from infragen.assembly.synth import synthesize
    from infragen.report import findings as report

    assembly = synthesize(env)
    [findings] = lint([assembly], parameters.cache_directory() / "lint", surroundings().linters())
    errors = [each for each in findings if each.level == "error"]
    if errors:
        raise InputError(report.as_text({env.environment: errors}, Path("templates")), "`infragen lint` shows them")
    return assembly


def _absent(file: EnvironmentFile, files: Checkout) -> Iterator[tuple[str, str]]:
    """Yield the workers whose code is not in the commit, with the places that name it."""
    for index, worker in enumerate(file.environment.workers):
        path = file.code(worker.name)
        if path is None:
            continue
        inside = Path(os.path.normpath(files.here / path)).is_relative_to(files.top)
        if not (inside and os.path.exists(path)):
            yield worker.name, str(file.place(("workers", index, "code")))


@contextlib.contextmanager
def _blaming(found: Commit, top: Path) -> Iterator[None]:
    """Say of what is wrong in a commit that it is wrong there, where nobody can fix it, and what else can read it."""
    try:
        yield
    except InputError as error:
        wanted = _version(top)
        how = (
            f"it asks for infragen {wanted} and this is {__version__}: install that one"
            if wanted and wanted != __version__
            else f"use the infragen of that time ({found.date})"
        )
        place = f"in a work tree of it: `git worktree add ../{found.short} {found.short}`"
        said = f"this is in commit {found.short}; {how} {place}"
        error.hint = f"{error.hint}; {said}" if error.hint else said
        raise


def _version(top: Path) -> str:
    """Return the version of infragen that a project's requirements pin; empty where they pin none."""
    for name in _REQUIREMENTS:
        if os.path.isfile(top / name) and (found := _REQUIRED.search(read(top / name).decode(errors="replace"))):
            return found.group(1)
    return ""
