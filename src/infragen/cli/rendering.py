"""Commands that work on files only: nothing here calls AWS."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from infragen.cli import parameters
from infragen.cli.ci import workspace
from infragen.cli.output import say
from infragen.cli.program import command_options
from infragen.cli.surroundings import surroundings
from infragen.errors import InputError, OperationFailed
from infragen.report.printing import echo

if TYPE_CHECKING:
    from infragen.assembly.write import Difference


@click.command()
@parameters.envs("Render this environment only; may be given several times.")
@parameters.environments
@click.option(
    "--output",
    metavar="DIR",
    default="templates",
    show_default=True,
    type=click.Path(path_type=Path),
    callback=parameters.beside_environments,
    help="Output directory, with one subdirectory per environment.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="Format of the templates.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 and list the files that are out of date.")
@command_options
def render(names: tuple[str, ...], directory: Path, output: Path, form: Literal["yaml", "json"], check: bool) -> None:
    """Write the CloudFormation templates of all environments.

    Output is deterministic: the same environment file gives the same bytes. Each environment has a directory with
    LAYER.yaml per layer and root.yaml; render replaces changed templates, removes those of layers that are gone, and
    leaves other files alone, copies of templates among them. Concurrent runs wait for each other.

    \b
    Examples:
      infragen render
      infragen render --env dev --env prod
      infragen render --check
    """
    from infragen.assembly.synth import synthesize
    from infragen.assembly.write import compare, files, foreign, write

    loaded = [file.environment for file in parameters.warned(directory, names)]
    rendered = {env.environment: files(synthesize(env), form) for env in loaded}
    extra = () if names else foreign(output, frozenset(rendered))
    if check:
        _check({output / name: compare(output / name, texts) for name, texts in rendered.items()}, extra)
        return
    for name, texts in rendered.items():
        _print_summary(output / name, write(output / name, texts, _waiting), len(texts))
    for each in extra:
        say(f"{each}: no environment file of this name; delete the directory if you do not need it", err=True)


def _waiting(directory: Path) -> None:
    say(f"{directory}: waiting for another run of infragen that writes here", err=True)


def _print_summary(directory: Path, difference: "Difference", total: int) -> None:
    if not difference:
        say(f"{directory}: {total} templates, unchanged")
        return
    marks = {"new": difference.missing, "changed": difference.stale, "removed": difference.extra}
    counts = ", ".join(f"{len(names)} {mark}" for mark, names in marks.items() if names)
    say(f"{directory}: {total} templates, {counts}")


def _check(differences: "dict[Path, Difference]", extra: tuple[Path, ...]) -> None:
    lines = [
        f"{kind}: {directory / name}"
        for directory, difference in differences.items()
        for kind in ("missing", "stale", "extra")
        for name in getattr(difference, kind)
    ] + [f"extra: {each}" for each in extra]
    if not lines:
        say(f"up to date: {', '.join(str(each) for each in differences)}")
        return
    for line in lines:
        say(line)
    files = "1 file is" if len(lines) == 1 else f"{len(lines)} files are"
    raise OperationFailed(f"{files} out of date", "run the same command without --check to write them")


@click.command()
@parameters.envs("Lint this environment only; may be given several times.")
@parameters.environments
@click.option(
    "--templates",
    metavar="DIR",
    default="templates",
    show_default=True,
    type=click.Path(path_type=Path),
    callback=parameters.beside_environments,
    help="Directory that `render` writes to; findings name its files, but they are not read.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "junit", "github"]),
    default="text",
    show_default=True,
    help="sarif for code scanning, junit for the test reports of Jenkins and GitLab, github for annotations of GitHub "
    "Actions.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "informational"]),
    default="error",
    show_default=True,
    help="Lowest level of finding that exits with 2.",
)
@command_options
def lint(names: tuple[str, ...], directory: Path, templates: Path, form: str, fail_on: str) -> None:
    """Check the templates of all environments with cfn-lint.

    Caches the findings of unchanged templates. Exits with 2 on errors, and on warnings or informational findings
    only with --fail-on.

    \b
    Examples:
      infragen lint
      infragen lint --env prod --fail-on informational
      infragen lint --format sarif > lint.sarif
      infragen lint --format junit > lint.xml
    """
    import infragen
    from infragen.assembly import lint as linter
    from infragen.assembly.synth import synthesize
    from infragen.report import findings as report

    loaded = [file.environment for file in parameters.warned(directory, names)]
    rendered = [synthesize(env) for env in loaded]
    found = linter.lint(rendered, parameters.cache_directory() / "lint", surroundings().linters())
    findings = {env.environment: each for env, each in zip(loaded, found, strict=True)}
    failing = linter.LEVELS[: linter.LEVELS.index(fail_on) + 1]
    if form == "github":
        for line in report.as_github(findings, templates, workspace()):
            echo(line)
        say(f"{', '.join(findings)}: {report.summary(findings)}")
    elif form == "junit":
        layers = {each.environment.environment: [one.layer for one in each.templates] for each in rendered}
        echo(report.as_report(findings, templates, layers, failing))
    else:
        text = {
            "text": lambda: report.as_text(findings, templates),
            "json": lambda: report.as_json(findings, templates),
            "sarif": lambda: report.as_sarif(findings, templates, infragen.__version__),
        }
        say(text[form]())
    if any(finding.level in failing for each in found for finding in each):
        raise InputError(f"the templates have {report.summary(findings)}")
