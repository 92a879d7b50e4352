"""What commands that talk to AWS have in common: how to reach it, who listens, and how results are printed."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from infragen.cli import options
from infragen.cli.json_lines import lines
from infragen.cli.output import known_secrets, pipe_width, silence, styled
from infragen.cli.pasting import Pasteable, remember
from infragen.errors import InfragenError

if TYPE_CHECKING:
    from infragen.config import Environment, EnvironmentFile
    from infragen.engine.progress import Session, Ui

_OTHER_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""Where other tools take the region from. The environment file decides, and who believes otherwise should hear it."""

_PROGRESS = "infragen.progress"
Function = TypeVar("Function", bound=Callable[..., Any])
Plans = Literal["progress", "result", "nowhere"]


@dataclass(frozen=True)
class AwsTarget:
    """How to reach AWS: on this machine, at an address, with a profile, or as boto3 finds it by itself."""

    local: bool
    endpoint_url: str | None
    profile: str | None


def cloud_options(function: Function) -> Function:
    """--local, --endpoint-url and --profile, handed to the command as one `reach`."""

    def reach(*arguments: Any, local: bool, endpoint_url: str | None, profile: str | None, **others: Any) -> Any:
        if local and (endpoint_url or profile):
            raise click.UsageError("--local goes with neither --endpoint-url nor --profile")
        if endpoint_url is not None:
            from infragen.aws.session import check_endpoint

            check_endpoint(endpoint_url, "--endpoint-url")
        directory = others.get("directory")
        environments = None if directory == Path("environments") else directory
        remember({"--env": others.get("name"), "--environments": environments and str(environments), "--local": local})
        remember({"--endpoint-url": endpoint_url, "--profile": profile})
        return function(*arguments, reach=AwsTarget(local, endpoint_url, profile), **others)

    reach.__doc__, reach.__name__ = function.__doc__, function.__name__
    reach.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]  # where click keeps options
    for option in (
        click.option(
            "--progress",
            type=click.Choice(["stderr", "stdout"]),
            default="stderr",
            show_default=True,
            expose_value=False,
            callback=_progress,
            help="Where progress goes: stdout for a CI system that takes stderr for errors.",
        ),
        click.option("--profile", metavar="NAME", help="AWS profile; default: as for the AWS CLI."),
        click.option("--endpoint-url", metavar="URL", help="Talk to this address in the place of AWS."),
        click.option("--local", is_flag=True, help="Talk to the emulator on this machine; it is started if needed."),
    ):
        option(reach)
    return reach  # type: ignore[return-value]  # to click it is the command itself


def progress_on_stdout() -> bool:
    """Tell whether the user sent progress to stdout."""
    return click.get_current_context().meta.get(_PROGRESS) == "stdout"


def _progress(context: click.Context, parameter: click.Parameter, value: str) -> None:
    context.meta[_PROGRESS] = value


@contextmanager
def session(
    file: "EnvironmentFile", reach: AwsTarget, *, yes: bool = False, plans: Plans = "progress", reviewed: bool = False
) -> "Iterator[Session]":
    """A session with AWS for one environment, whose events are shown on this terminal. Nothing is called yet.

    `yes` answers the question for which a command has --yes; then, and where the plan was `reviewed` before, a line per
    layer tells it. Plans go to stderr with the rest of the progress, to
    stdout where they are the result, or nowhere where the command writes them itself.
    """
    from infragen.aws import ReadRate, connect
    from infragen.engine.progress import Session, Timer, Warned

    with _listener(file, frozenset({"--yes"} if yes else ()), plans, short=yes or reviewed) as ui:
        env = file.environment
        if reach.local:
            cloud = _emulated(env)
        else:
            reads = ReadRate(time.monotonic, time.sleep)

            def waiting(address: str) -> None:
                ui.tell(Warned(f"waiting for an answer of {address}"))

            reach_aws = (env.region, env.account or "", reach.profile, reach.endpoint_url)
            cloud = connect(*reach_aws, reads=reads, learn=_learn, waiting=waiting)
            for name in _OTHER_REGIONS:
                if os.environ.get(name, env.region) != env.region:
                    said = f"{name} is {os.environ[name]}; {env.environment} is in {env.region}, as its file says"
                    ui.tell(Warned(said))
        remember({"--env": env.environment})  # a saved plan names it, and not the command line
        yield Session(cloud, Pasteable(ui), Timer(time.monotonic, time.sleep), file)


@contextmanager
def _listener(file: "EnvironmentFile", agreed: frozenset[str], plans: Plans, *, short: bool) -> "Iterator[Ui]":
    """Who hears of events: a person at a terminal or a log, or a program that reads lines of JSON."""
    from infragen.report.plan import Detail
    from infragen.report.terminal import Terminal

    program = lines()
    if program is not None:
        program.environment, program.agreed = file.environment.environment, agreed
        yield program
        return
    where = click.get_current_context().meta.get(_PROGRESS, "stderr")
    progress = _console(sys.stdout if where == "stdout" else sys.stderr)
    shown = {"progress": progress, "result": _console(sys.stdout), "nowhere": None}[plans]
    live = progress.is_terminal
    detail = Detail.ALL if options.is_verbose() else Detail.LAYERS if short else Detail.ROWS
    with Terminal(
        progress, shown, time.monotonic, live=live, detail=detail, agreed=agreed, known=known_secrets()
    ) as ui:
        yield ui


def _emulated(env: "Environment") -> Any:
    from infragen import emulator
    from infragen.assembly.stacks import account_of
    from infragen.aws import connect

    account = account_of(env)
    running = emulator.start(emulator.default_state_dir())
    keys = running.credentials(account)
    return connect(
        env.region, account, endpoint_url=running.endpoint_url, keys=(keys.access_key, keys.secret_key), learn=_learn
    )


def _learn(template: str) -> None:
    """Takes note of what the secret parameters of a template hold, which AWS's words may quote."""
    from infragen.assembly.templatefile import parse
    from infragen.secrecy.masking import secret_texts

    if "NoEcho" in template:
        with suppress(InfragenError):
            known_secrets().update(secret_texts(parse(template), {}))


def _console(stream: Any) -> Any:
    """A console of rich's, whose types are known to `report` alone."""
    from infragen.report.terminal import PIPE_WIDTH, console

    columns = pipe_width() or PIPE_WIDTH
    return console(stream, styled=styled(click.get_current_context(), stream), pipe_width=columns)


def width(stream: Any) -> int:
    """Columns that a line of results should fit in."""
    from infragen.report.terminal import width_of

    return width_of(_console(stream))


def show(lines: Iterator[Any]) -> None:
    """Prints results on stdout. Whoever closed it gets nothing more, and the exit code stays the operation's."""
    from infragen.report.terminal import say

    try:
        say(_console(sys.stdout), lines, known_secrets())
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
