"""Commands that work on files alone: nothing here talks to AWS."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from infragen.cli import options
from infragen.cli.output import say
from infragen.cli.program import command_options
from infragen.errors import InputError, OperationFailed

if TYPE_CHECKING:
    from infragen.assembly.write import Difference


@click.command()
@options.envs("Render this environment only; may be given several times.")
@options.environments
@click.option(
    "--output",
    metavar="DIR",
    default="templates",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where the templates go, a directory for each environment.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="Format of the templates.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 and name the files that are not up to date.")
@command_options
def render(names: tuple[str, ...], directory: Path, output: Path, form: Literal["yaml", "json"], check: bool) -> None:
    """Write the CloudFormation templates of all environments.

    The same environment file gives the same bytes, wherever and whenever it is rendered. The templates of an
    environment are the files LAYER.yaml and root.yaml of one directory: those that changed are replaced, those of
    layers that are gone are removed, and other files stay. A second run waits for the first.

    \b
    Examples:
      infragen render
      infragen render --env dev --env prod
      infragen render --check
    """
    from infragen.assembly.synth import synthesize
    from infragen.assembly.write import compare, files, foreign, write

    loaded = [file.environment for file in options.warned(directory, names)]
    wanted = {env.environment: files(synthesize(env), form) for env in loaded}
    strangers = () if names else foreign(output, frozenset(wanted))
    if check:
        _check({output / name: compare(output / name, texts) for name, texts in wanted.items()}, strangers)
        return
    for name, texts in wanted.items():
        _tell(output / name, write(output / name, texts, _waiting), len(texts))
    for each in strangers:
        say(f"{each}: no environment file has this name; delete the directory if it is not needed", err=True)


def _waiting(directory: Path) -> None:
    say(f"{directory}: another run of infragen writes here; waiting for it", err=True)


def _tell(directory: Path, difference: "Difference", total: int) -> None:
    if not difference:
        say(f"{directory}: {total} templates, unchanged")
        return
    marks = {"new": difference.missing, "changed": difference.stale, "removed": difference.extra}
    counts = ", ".join(f"{len(names)} {mark}" for mark, names in marks.items() if names)
    say(f"{directory}: {total} templates, {counts}")


def _check(differences: "dict[Path, Difference]", strangers: tuple[Path, ...]) -> None:
    lines = [
        f"{kind}: {directory / name}"
        for directory, difference in differences.items()
        for kind in ("missing", "stale", "extra")
        for name in getattr(difference, kind)
    ] + [f"extra: {each}" for each in strangers]
    if not lines:
        say(f"up to date: {', '.join(str(each) for each in differences)}")
        return
    for line in lines:
        say(line)
    files = "1 file is" if len(lines) == 1 else f"{len(lines)} files are"
    raise OperationFailed(
        f"{files} not what the environments render to", "the same command without --check writes them"
    )


@click.command()
@options.envs("Lint this environment only; may be given several times.")
@options.environments
@click.option(
    "--templates",
    metavar="DIR",
    default="templates",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where `render` writes; findings name these files. They are not read.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    show_default=True,
    help="How findings are printed.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "informational"]),
    default="error",
    show_default=True,
    help="The lowest level that makes the exit code 2.",
)
@command_options
def lint(names: tuple[str, ...], directory: Path, templates: Path, form: str, fail_on: str) -> None:
    """Check the templates of all environments with cfn-lint.

    Findings are kept for templates that have not changed. Errors make the exit code 2; warnings and informational
    findings are printed and do not, unless --fail-on says so.

    \b
    Examples:
      infragen lint
      infragen lint --env prod --fail-on informational
      infragen lint --format sarif > lint.sarif
    """
    import infragen
    from infragen.assembly import lint as linter
    from infragen.assembly.synth import synthesize
    from infragen.report import findings as report

    loaded = [file.environment for file in options.warned(directory, names)]
    found = linter.lint([synthesize(env) for env in loaded], options.cache_directory() / "lint")
    findings = {env.environment: each for env, each in zip(loaded, found, strict=True)}
    text = {
        "text": lambda: report.as_text(findings, templates),
        "json": lambda: report.as_json(findings, templates),
        "sarif": lambda: report.as_sarif(findings, templates, infragen.__version__),
    }
    say(text[form]())
    failing = linter.LEVELS[: linter.LEVELS.index(fail_on) + 1]
    if any(finding.level in failing for each in found for finding in each):
        raise InputError(f"the templates have {report.summary(findings)}")
