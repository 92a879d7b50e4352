"""What commands that call AWS share: how to connect, where events go, and how results are printed."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from infragen.cli import parameters
from infragen.cli.ci import system
from infragen.cli.json_lines import lines
from infragen.cli.output import known_secrets, pipe_width, silence, styled
from infragen.cli.pasting import Pasteable, remember, remember_emulated
from infragen.cli.surroundings import surroundings
from infragen.errors import InfragenError

if TYPE_CHECKING:
    from infragen.config import Environment, EnvironmentFile
    from infragen.engine.progress import Session, Ui

_OTHER_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""Where other tools read the region from. The environment file decides; another region here is warned about."""

_LOCAL_LOOKS = 0.5
"""The most seconds between two looks at the emulator, whose operations take seconds and whose reads nobody shares."""

_PROGRESS = "infragen.progress"
Function = TypeVar("Function", bound=Callable[..., Any])
Plans = Literal["progress", "result", "nowhere"]


@dataclass(frozen=True)
class AwsTarget:
    """How to target AWS: the local emulator, an endpoint, a profile, or boto3's own defaults."""

    local: bool
    endpoint_url: str | None
    profile: str | None


def cloud_options(function: Function) -> Function:
    """Add --local, --endpoint-url and --profile, passed to the command as one `target`."""

    def target(*arguments: Any, local: bool, endpoint_url: str | None, profile: str | None, **others: Any) -> Any:
        if local and (endpoint_url or profile):
            raise click.UsageError("--local cannot be combined with --endpoint-url or --profile")
        click.get_current_context().meta[parameters.EMULATED] = local
        if endpoint_url is not None:
            from infragen.aws.session import check_endpoint

            check_endpoint(endpoint_url, "--endpoint-url")
        directory = others.get("directory")
        default = click.get_current_context().get_parameter_source("directory")
        environments = None if default is click.core.ParameterSource.DEFAULT else directory
        remember({"--env": others.get("name"), "--environments": environments and str(environments), "--local": local})
        remember({"--endpoint-url": endpoint_url, "--profile": profile})
        return function(*arguments, target=AwsTarget(local, endpoint_url, profile), **others)

    target.__doc__, target.__name__ = function.__doc__, function.__name__
    target.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]  # where click keeps options
    for option in (
        click.option(
            "--progress",
            type=click.Choice(["stderr", "stdout"]),
            default="stderr",
            show_default=True,
            expose_value=False,
            callback=_progress,
            help="Stream for progress; stdout for CI systems that treat stderr as errors.",
        ),
        click.option("--profile", metavar="NAME", help="AWS profile; default: as the AWS CLI."),
        click.option("--endpoint-url", metavar="URL", help="Endpoint to use instead of AWS."),
        click.option("--local", is_flag=True, help="Use the local AWS emulator; starts it if needed."),
    ):
        option(target)
    return target  # type: ignore[return-value]  # to click it is the command itself


def progress_on_stdout() -> bool:
    """Return whether the user sent progress to stdout."""
    return click.get_current_context().meta.get(_PROGRESS) == "stdout"


def _progress(context: click.Context, parameter: click.Parameter, value: str) -> None:
    context.meta[_PROGRESS] = value


@contextmanager
def open_session(
    file: "EnvironmentFile", target: AwsTarget, *, yes: bool = False, plans: Plans = "progress", reviewed: bool = False
) -> "Iterator[Session]":
    """Open a session with AWS for one environment, whose events are printed. Calls nothing yet.

    `yes` answers the question that --yes is for; then, and where the plan was `reviewed` before, it is shown as one
    line per layer. Plans go to stderr with the progress, to stdout where they are the result, or nowhere where the
    command prints them itself.
    """
    from infragen.aws import ReadRate, connect
    from infragen.engine.progress import Session, Timer, Warned

    around = surroundings()
    with _listener(file, frozenset({"--yes"} if yes else ()), plans, short=yes or reviewed) as ui:
        env = file.environment
        if target.local:
            remember_emulated(env)
            cloud = _emulated(env)
        else:
            reads = ReadRate(around.monotonic, around.sleep)

            def waiting(address: str) -> None:
                ui.tell(Warned(f"waiting for a reply from {address}"))

            address = (env.region, env.account or "", target.profile, target.endpoint_url)
            cloud = connect(*address, reads=reads, learn=_learn, waiting=waiting)
            for name in _OTHER_REGIONS:
                if os.environ.get(name, env.region) != env.region:
                    text = f"{name} is {os.environ[name]}; {env.environment} is in {env.region}, as its file says"
                    ui.tell(Warned(text))
        remember({"--env": env.environment})  # a saved plan names it, and not the command line
        timer = Timer(around.monotonic, around.sleep, around.date)
        if target.local:
            timer = replace(timer, longest=_LOCAL_LOOKS)
        yield Session(cloud, Pasteable(ui), timer, file, local=target.local)


@contextmanager
def _listener(file: "EnvironmentFile", agreed: frozenset[str], plans: Plans, *, short: bool) -> "Iterator[Ui]":
    """Open what prints events: the terminal (or a log), or JSON lines for a program."""
    from infragen.report.plan import Detail
    from infragen.report.terminal import Terminal

    program = lines()
    if program is not None:
        program.environment, program.agreed = file.environment.environment, agreed
        yield program
        return
    where = click.get_current_context().meta.get(_PROGRESS, "stderr")
    progress = _console(sys.stdout if where == "stdout" else sys.stderr)
    results = {"progress": progress, "result": _console(sys.stdout), "nowhere": None}[plans]
    live = progress.is_terminal
    detail = Detail.ALL if parameters.is_verbose() else Detail.LAYERS if short else Detail.ROWS
    known, found = known_secrets(), None if live else system()
    with Terminal(
        progress, results, surroundings().monotonic, live=live, detail=detail, agreed=agreed, known=known,
        system=found,
    ) as ui:  # fmt: skip
        yield ui


def _emulated(env: "Environment") -> Any:
    from infragen.assembly.stacks import account_of
    from infragen.aws import connect
    from infragen.machine import emulator

    account = account_of(env)
    running = emulator.start(emulator.default_state_dir())
    keys = running.credentials(account)
    return connect(
        env.region, account, endpoint_url=running.endpoint_url, keys=(keys.access_key, keys.secret_key), learn=_learn
    )


def _learn(template: str) -> None:
    """Remember the values of a template's secret parameters, which AWS's messages may quote."""
    from infragen.assembly.templatefile import parse
    from infragen.secrecy.masking import secret_texts

    if "NoEcho" in template:
        with suppress(InfragenError, ValueError):  # whoever asked for it says what is wrong with it
            known_secrets().update(secret_texts(parse(template), {}))


def _console(stream: Any) -> Any:
    """Create a rich console, whose types only `report` knows."""
    from infragen.report.terminal import PIPE_WIDTH, console

    columns = pipe_width() or PIPE_WIDTH
    return console(stream, styled=styled(click.get_current_context(), stream), pipe_width=columns)


def width(stream: Any) -> int:
    """Return the columns that a line of results should fit in."""
    from infragen.report.terminal import width_of

    return width_of(_console(stream))


def show_again(lines: Iterator[Any]) -> None:
    """Print results on stdout instead of what the terminal shows."""
    from infragen.report.terminal import redraw

    redraw(_console(sys.stdout), lines, known_secrets())
    sys.stdout.flush()


def show(lines: Iterator[Any]) -> None:
    """Print results on stdout, broken between words on a terminal: what reads a pipe reads whole lines.

    A closed pipe stops the printing, and the exit code stays the operation's.
    """
    from infragen.report.terminal import say
    from infragen.report.wrapping import wrapped

    if sys.stdout.isatty():
        columns = width(sys.stdout)
        lines = (each for line in lines for each in wrapped(line, columns))
    try:
        say(_console(sys.stdout), lines, known_secrets())
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
