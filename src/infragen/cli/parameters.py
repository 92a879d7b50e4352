"""Options that several commands share, and the environment files that they name."""

import os
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infragen.cli.ci import annotate
from infragen.cli.json_lines import lines
from infragen.cli.output import say
from infragen.errors import InputError

if TYPE_CHECKING:
    from infragen.assembly.synth import Assembly
    from infragen.config import EnvironmentFile
    from infragen.config.yamlfile import Place
    from infragen.engine.progress import Session

_FOUND = "infragen.found"
EMULATED = "infragen.emulated"
"""Where a command keeps that it talks to the emulator."""

EMULATED_ACCOUNT = "1" * 12


class FilePath(click.Path):
    """The path of a file to read or write. `plans/` is none, though `Path` makes one of it: it names a directory."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, unless its text names a directory."""
        if isinstance(value, str) and os.path.basename(value) in ("", ".", ".."):  # noqa: PTH119 # a Path has lost it
            self.fail(f"{value!r} names a directory; name a file", param, ctx)
        return super().convert(value, param, ctx)


def _nearest(context: click.Context, parameter: click.Parameter, directory: Path) -> Path:
    """Return the directory that was given, or the nearest one of that name; `files` says where that is."""
    from infragen.config.directory import nearest

    if context.get_parameter_source(parameter.name or "") is not click.core.ParameterSource.DEFAULT:
        return directory
    found = nearest(directory)
    if found != directory:
        context.meta[_FOUND] = found
    return found


environments = click.option(
    "--environments",
    "directory",
    metavar="DIR",
    default="environments",
    show_default="environments, here or in the nearest directory above",
    type=click.Path(path_type=Path),
    is_eager=True,  # --env looks into it
    callback=_nearest,
    help="Directory of the environment files.",
)

yes = click.option("--yes", is_flag=True, help="Do not prompt for confirmation.")

document_format = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output format."
)


def beside_environments(context: click.Context, parameter: click.Parameter, directory: Path) -> Path:
    """Return the given directory; by default the one of that name beside the environments."""
    default = context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.DEFAULT
    found: Path | None = context.meta.get(_FOUND)
    return found.parent / directory if default and found else directory


def own_root(environments: Path) -> Path:
    """Return the directory of a project: the one that its environments are in."""
    return Path(os.path.normpath(environments.absolute())).parent


plan_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown", "html"]),
    default="text",
    show_default=True,
    help="text for a terminal, json for programs, markdown for a pull request comment, html for a self-contained page.",
)


def image_tag(what: str) -> Callable[..., Any]:
    """Add `--image-tag TAG`; an invalid tag is refused before anything is read."""

    def checked(context: click.Context, _: click.Parameter, tag: str | None) -> str | None:
        from infragen.engine.options import check_image_tag

        if tag is not None:
            check_image_tag(tag)
        return tag

    return click.option("--image-tag", metavar="TAG", callback=checked, help=what)


follow_timeout = click.option(
    "--follow-timeout",
    metavar="MINUTES",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop following after this time and exit with 6; the operation continues in AWS. Default: no limit.",
)


_VERBOSE = "infragen.verbose"


def _is_verbose(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    context.meta[_VERBOSE] = value


def is_verbose() -> bool:
    """Return whether the user asked for everything."""
    return bool(click.get_current_context().meta.get(_VERBOSE))


verbose = click.option(
    "--verbose",
    "-v",
    is_flag=True,
    expose_value=False,
    callback=_is_verbose,
    help="Show all resources, untruncated values, and a line per finished resource.",
)


class Renamed(click.Option):
    """An option whose former names still work; help shows only the first."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Describe the option under its current name."""
        current = copy(self)
        current.opts = self.opts[:1]
        return click.Option.get_help_record(current, ctx)


def seconds(minutes: float | None) -> float | None:
    """Convert minutes to seconds; None stays None."""
    return None if minutes is None else minutes * 60


def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """List the environments that exist, for shell completion; files of shared values are left out."""
    from infragen.config.directory import is_environment, nearest

    directory = context.params.get("directory") or nearest(Path("environments"))
    files = (each for each in directory.glob("*.yaml") if each.stem.startswith(incomplete))
    return sorted(each.stem for each in files if is_environment(each))


wait = click.option(
    "--wait",
    metavar="[MINUTES]",
    type=click.FloatRange(min=0, min_open=True),
    is_flag=False,
    flag_value=float("inf"),
    help="Wait up to MINUTES for another operation to finish, then continue. Default: exit with 5.",
)

ENV_VARIABLE = "INFRAGEN_ENV"
_WITHOUT_ENV = f" Default: {ENV_VARIABLE}, or the only environment there is."


def env(what: str, *, required: bool = False) -> Callable[..., Any]:
    """Add `--env NAME` for one environment; with `required`, `chosen` fills it in."""

    def environment(context: click.Context, _: click.Parameter, name: str | None) -> str | None:
        return chosen(context.params["directory"], name) if required and not context.resilient_parsing else name

    return click.option(
        "--env", "name", metavar="NAME", shell_complete=complete, callback=environment, help=what + _WITHOUT_ENV
    )


def chosen(directory: Path, name: str | None) -> str:
    """Return the environment of --env, of INFRAGEN_ENV, or the only one. Raises InputError, which lists them all."""
    from infragen.config.directory import find

    if name is None:
        name = os.environ.get(ENV_VARIABLE) or None
    if name is not None:
        return name
    known = [path.stem for path in find(directory)]
    if len(known) == 1:
        return known[0]
    raise InputError(f"several environments exist: {', '.join(known)}", f"choose one, such as --env {known[0]}")


def envs(what: str) -> Callable[..., Any]:
    """Add `--env NAME`, which may be repeated; all environments when it is absent."""
    return click.option("--env", "names", metavar="NAME", multiple=True, shell_complete=complete, help=what)


def files(directory: Path, names: tuple[str, ...]) -> "list[EnvironmentFile]":
    """Load the environments of these names, or all. Raises InputError with the problems of all files."""
    context = click.get_current_context()
    loaded = _loaded(directory, _found(directory, names))
    _refuse_alike(directory, loaded)
    return [_on_emulator(each) for each in loaded] if context.meta.get(EMULATED) else loaded


def _found(directory: Path, names: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the files of these names, or all; says where they are, if that is not here."""
    from infragen.config.directory import find

    if click.get_current_context().meta.pop(_FOUND, None) and lines() is None:
        say(f"environments: {directory}", err=True)
    return find(directory, names)


def _loaded(directory: Path, paths: tuple[Path, ...]) -> "list[EnvironmentFile]":
    """Load files. Raises InputError with the problems of all of them."""
    loaded, problems = [], []
    load_file = _reader(directory)
    for path in paths:
        try:
            loaded.append(load_file(path))
        except InputError as error:
            problems.append(error.message)
    if problems:
        raise InputError("\n".join(problems))
    return loaded


@dataclass(frozen=True)
class OnCall:
    """An environment for who looks and repairs: its file, and its templates. Where either cannot be read the file says
    who the environment is and no more, `rendered` is None, and the templates are those that are deployed.
    """

    file: "EnvironmentFile"
    rendered: "Assembly | None"

    def assembly(self, session: "Session", *, names: bool = True) -> "Assembly":
        """Return the templates; with `names` queues, workers and database are in the environment, too."""
        from infragen.engine.as_deployed import deployed_assembly, with_names

        if self.rendered is not None:
            return self.rendered
        found = deployed_assembly(session, self.file.environment)
        return with_names(found) if names else found


def on_call(directory: Path, name: str, *, templates: bool = True) -> OnCall:
    """Load the environment of this name, and render it where its `templates` are needed. What is wrong with it is a
    warning, where the file still says which environment it is. Raises InputError where it does not.
    """
    from infragen.config.identity import read_identity

    [path] = _found(directory, (name,))
    emulated = bool(click.get_current_context().meta.get(EMULATED))
    try:
        [file] = _loaded(directory, (path,))
        file = _on_emulator(file) if emulated else file
        rendered = _rendered(file) if templates else None
    except InputError as error:
        known = read_identity(path, EMULATED_ACCOUNT if emulated else None)
        if known is None:
            raise
        _tell_broken(name, error)
        return OnCall(known, None)
    _refuse_alike(directory, [file])
    return OnCall(file, rendered)


def _rendered(file: "EnvironmentFile") -> "Assembly":
    from infragen.assembly.synth import synthesize

    return synthesize(file.environment)


def _tell_broken(name: str, error: InputError) -> None:
    """Warn, in one line, that a file is wrong and what this command does without it."""
    first, *more = error.message.splitlines()
    others = f" (and {len(more)} more)" if more else ""
    text = f"{first}{others}: only project, name, account and region of {name} are read, the rest from AWS"
    program = lines()
    if program is not None:
        program.warning(text)
    else:
        say(f"warning: {text}", err=True)


def _refuse_alike(directory: Path, loaded: "list[EnvironmentFile]") -> None:
    """Raise InputError for an environment that is called as the stack of a project's layer in another one."""
    own = loaded[0].environment.own_layers
    if own is None:
        return
    from infragen.config.directory import names_in, refuse_alike

    stacks = {each.name: f"the stack of the layer {each.name}" for each in own.layers}
    refuse_alike(directory, [each.environment.environment for each in loaded], names_in(directory), stacks)


def _on_emulator(file: "EnvironmentFile") -> "EnvironmentFile":
    """Return an environment as --local deploys it: an account that the file does not name yet is the emulator's."""
    if file.environment.account is not None:
        return file
    return replace(file, environment=file.environment.model_copy(update={"account": EMULATED_ACCOUNT}))


def _reader(directory: Path) -> "Callable[[Path], EnvironmentFile]":
    """Return what reads the files of a directory: with the layers of the project, when it has any. What is wrong with
    those is wrong for each file, and said once.
    """
    from infragen.config.directory import has_own_layers

    if not has_own_layers(directory):
        from infragen.config import load_file

        return load_file
    from infragen.layers import project

    project.load_project(directory)
    return project.load_file


def warned(directory: Path, names: tuple[str, ...]) -> "list[EnvironmentFile]":
    """Load files like `files`, and print the warnings about them on stderr, or as JSON lines."""
    from infragen.config import warnings_of

    loaded, program = files(directory, names), lines()
    for file in loaded:
        found = [(each.place, each.text) for each in warnings_of(file)]
        for place, text in [*found, *_within(file, loaded)]:
            if program is not None:
                program.warning(f"{place}: {text}")
            else:
                say(f"{place}: warning: {text}", err=True)
                annotate("warning", text, place=str(place))
    return loaded


def _within(file: "EnvironmentFile", loaded: "list[EnvironmentFile]") -> "Iterator[tuple[Place, str]]":
    """Yield that the names of an environment are among those that another one's roles cover, in the same account."""
    env = file.environment
    for each in loaded:
        other = each.environment
        if env.name.startswith(f"{other.name}-") and env.account == other.account:
            text = (
                f"environment {env.environment} is in the account of {other.environment}, and its names begin with "
                f"{other.name}-: the roles that `infragen bootstrap` makes for {other.environment} may change it; give "
                "it another name or an account of its own"
            )
            yield file.place(("environment",)), text


def one(directory: Path, name: str) -> "EnvironmentFile":
    """Load the environment of this name."""
    [file] = files(directory, (name,))
    return file


def cache_directory() -> Path:
    """Return the directory for cached findings: INFRAGEN_CACHE_DIR, or the user's cache directory."""
    import platformdirs

    return Path(os.environ.get("INFRAGEN_CACHE_DIR") or platformdirs.user_cache_dir("infragen"))
