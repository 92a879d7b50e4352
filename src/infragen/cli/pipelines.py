"""`infragen pipeline`: the workflows that deliver a project, written from its environments."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infragen.cli import parameters
from infragen.cli.output import say
from infragen.cli.program import command_options
from infragen.errors import InputError
from infragen.machine.input_file import is_there, read
from infragen.machine.output_file import replacing

if TYPE_CHECKING:
    from infragen.config import Environment

_SCRIPTS = ("start", "build", "check", "test:integration", "test:e2e")
_REQUIREMENTS = ("requirements/infragen.txt", "requirements.txt")
"""Files that pin the project's infragen; the first that is there."""


@click.command()
@click.argument("system", type=click.Choice(["github", "gitlab"]))
@parameters.environments
@click.option(
    "--stage",
    "stages",
    metavar="NAME",
    multiple=True,
    help="Environment to deliver to, in order; may be given several times. Default: those of the written files, else "
    "all but dev, the protected one last.",
)
@click.option(
    "--branch", metavar="NAME", help="Branch that is delivered. Default: that of the written files, else main."
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when the written files are stale.")
@command_options
def pipeline(system: str, directory: Path, stages: tuple[str, ...], branch: str | None, check: bool) -> None:
    """Write the CI workflows that test and deliver the project.

    A pull request is checked without credentials: templates, lint, the project's own tests on the local emulator, and
    what it changes as a comment. The main branch is built once and delivered stage by stage with the roles that
    `infragen bootstrap --github` makes; a protected environment gets a saved plan that waits for its reviewers. A
    file that infragen did not write is left alone.

    \b
    Examples:
      infragen pipeline github
      infragen pipeline github --stage staging --stage prod
      infragen pipeline gitlab --check
    """
    from infragen.permissions.trust import branch_name
    from infragen.project.pipeline import github, gitlab
    from infragen.project.pipeline.project import MAIN, branch_in, stages_in

    root = Path(parameters.own_root(directory))
    known = [github.PULL_REQUEST, github.DEPLOY] if system == "github" else [gitlab.FILE]
    texts = {name: read(root / name).decode(errors="replace") for name in known if os.path.exists(root / name)}
    written = [stages_in(text) for text in texts.values()]
    foreign = [name for name, named in zip(texts, written, strict=True) if named is None]
    if foreign:
        raise InputError(
            f"{root / foreign[0]} was not written by infragen; nothing was written",
            "move it away, or keep writing it yourself",
        )
    files = parameters.files(directory, ())
    environments = [each.environment for each in files]
    order = stages or next((named for named in written if named), ())
    kept = next(map(branch_in, texts.values()), MAIN)
    wanted = written_for(system, environments, (root,), order, branch_name(kept if branch is None else branch))
    if system == "gitlab":
        wanted = {name: gitlab.pinned(text, texts.get(name, "")) for name, text in wanted.items()}
    stale = [name for name, text in wanted.items() if texts.get(name) != text]
    if check:
        for name in stale:
            say(f"stale: {name}")
        if stale:
            say(f"write them again: `infragen pipeline {system}`", err=True)
            click.get_current_context().exit(1)
        say(f"up to date: {', '.join(wanted)}")
        _tell_tags(wanted)
        return
    for name in stale:
        with suppress(OSError):  # `replacing` says what is in the way
            (root / name).parent.mkdir(parents=True, exist_ok=True)
        with replacing(root / name, "the workflow") as put:
            put(wanted[name])
        say(f"wrote {name}")
    if not stale:
        say(f"up to date: {', '.join(wanted)}")
    _tell_tags(wanted)


def _tell_tags(files: Mapping[str, str]) -> None:
    """Warn of images that GitLab's file names by a tag, which can be moved to another image."""
    from infragen.project.pipeline import gitlab

    images = gitlab.unpinned(files.get(gitlab.FILE, ""))
    if images:
        say(
            f"warning: {gitlab.FILE} names images by tags, which can be moved: {', '.join(images)}; add @sha256:… of "
            "the ones that you looked at, and it stays (`infragen docs delivery`)",
            err=True,
        )


def written_for(
    system: str,
    environments: Sequence[Environment],
    roots: Sequence[Path],
    order: Sequence[str] = (),
    branch: str = "main",
) -> dict[str, str]:
    """Return the files of a CI system, by path, for a project whose files are in the first of `roots` that has them.

    Raises InputError for a project that they cannot be written for.
    """  # fmt: skip
    from infragen.project.pipeline import github, gitlab
    from infragen.project.pipeline.project import Project, stages_of

    def find(name: str) -> Path | None:
        return next((each / name for each in roots if is_there(each / name)), None)

    package = find("package.json")
    requirements = next((each for each in _REQUIREMENTS if find(each)), "")
    if not requirements:
        raise InputError(
            f"{roots[-1] / _REQUIREMENTS[-1]} does not exist: the pipeline installs what it names",
            "write `infragen-cfn[local]` with its version into requirements.txt",
        )
    project = Project(
        stages=stages_of(environments, order),
        has_image=find("Dockerfile") is not None,
        scripts=_scripts(package) if package else frozenset(),
        requirements=requirements,
        local="dev" if any(each.environment == "dev" and each.api for each in environments) else "",
        branch=branch,
        has_migrations=any(any((each / "migrations").glob("*.sql")) for each in roots),
    )
    return {"github": github.workflows, "gitlab": gitlab.pipeline}[system](project)


def _scripts(package: Path) -> frozenset[str]:
    try:
        found = json.loads(read(package))
        scripts = found.get("scripts") or {}
        starts = ("start",) if found.get("main") else ()  # what `infragen dev` runs without a script start
        return frozenset((*(each for each in _SCRIPTS if each in scripts), *starts))
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{package}: {error}", "make it valid JSON") from None
