"""The frame around every command: errors become one message and an exit code, signals and closed pipes end quietly.

The table of exit codes is here and nowhere else; docs/exit-codes.md is checked against it.
"""

import errno
import os
import re
import shlex
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click

import infragen
from infragen.cli.ci import annotate_error
from infragen.cli.installation import stranger_anywhere
from infragen.cli.json_lines import last_line
from infragen.cli.output import decolour, known_secrets, plain, say, silence
from infragen.cli.parameters import cache_directory
from infragen.cli.pasting import pasteable
from infragen.errors import CloudError, InfragenError, InputError, LayerError, Terminated, Unwritable
from infragen.machine.output_file import private_directory

EXIT_CODES: Mapping[int, str] = {
    0: "done, or nothing to do",
    1: "an operation failed or was rolled back, or `--check` found a difference",
    2: "invalid input: flags, an environment file, lint errors, size limits; no stack was changed",
    3: "refused by a gate, or declined; the message names the flag that allows it, if there is one",
    4: "environment problem: credentials, permissions, region, bucket, endpoint or disk",
    5: "a conflict with another operation, or a stale plan; try again later",
    6: "the outcome is unknown: the operation still runs in AWS",
    10: "`plan` or `diff --against` found changes, with `--detailed-exitcode`",
    70: "a bug in infragen; `--debug` shows the traceback",
    130: "interrupted (Ctrl-C)",
    143: "terminated (SIGTERM)",
}

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_PLACE = re.compile(r"^\S+:\d+:\d+: ")
_DEBUG, _COLOR = "infragen.debug", "infragen.color"
Function = TypeVar("Function", bound=Callable[..., Any])


class Program(click.Group):
    """The group of all commands, in sections; every way out of a command passes through here."""

    sections: Mapping[str, tuple[click.Command, ...]] = {}

    def add_sections(self, sections: Mapping[str, tuple[click.Command, ...]]) -> None:
        """Add commands, under the titles that `--help` shows above them."""
        self.sections = sections
        for commands in sections.values():
            for each in commands:
                self.add_command(each)

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the commands in the order of `--help`."""
        return list(self.commands)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list of commands for each section."""
        width = max(map(len, self.commands))
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(str(each.name).ljust(width), each.get_short_help_str(80)) for each in commands])

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the options before the command; what click quotes of them is made visible."""
        try:
            return super().make_context(*arguments, **options)
        except click.ClickException as error:
            _make_visible(error)
            raise

    def invoke(self, context: click.Context) -> Any:
        """Run the command; ends the process with the code that belongs to what happened."""
        problem: InfragenError | None = None
        try:
            result = super().invoke(context)
            sys.stdout.flush()
        except click.exceptions.Exit as ended:
            last_line(ended.exit_code, EXIT_CODES.get(ended.exit_code, ""))
            raise
        except click.ClickException as error:
            _make_visible(error)
            last_line(error.exit_code, EXIT_CODES[2], InputError(error.format_message()))
            raise
        except InfragenError as error:
            if isinstance(error, LayerError) and error.__cause__ is not None and context.meta.get(_DEBUG):
                say(_trace(error.__cause__), err=True)
            error.message, error.hint = _of_short_words(pasteable(error.message)), pasteable(error.hint)
            show_error(error)
            problem, code = error, error.exit_code
        except (KeyboardInterrupt, click.Abort):
            say("interrupted", err=True)
            code = 130
        except Terminated:
            say("terminated", err=True)
            code = 143
        except Exception as error:  # noqa: BLE001 # the one place where a bug becomes a sentence
            code = unexpected(error, debug=bool(context.meta.get(_DEBUG)))
            problem = InfragenError(bug(error)) if code == 70 else None
        else:
            last_line(0, EXIT_CODES[0])
            return result
        last_line(code, EXIT_CODES[code], problem)
        return context.exit(code)


_LONGEST_WORD = 400


def _of_short_words(text: str) -> str:
    """Return a text whose long words, such as paths of hundreds of directories, have their two ends only."""
    shown = _LONGEST_WORD // 2
    return re.sub(rf"\S{{{_LONGEST_WORD + 1},}}", lambda found: f"{found[0][:shown]}…{found[0][-shown:]}", text)


def _make_visible(error: click.ClickException) -> None:
    """Let click's error, which quotes the command line, steer neither a terminal nor a CI system."""
    from infragen.secrecy.visible import quoted

    vars(error)["message"] = quoted(error.message)  # click declares it final


def command_options(function: Function) -> Function:
    """Return the two options that every command has: --debug and --no-color."""
    color = click.option(
        "--no-color",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_no_color,
        help="Disable colour, like the variable NO_COLOR.",
    )
    debug = click.option(
        "--debug", is_flag=True, expose_value=False, is_eager=True, callback=_debug, help="Show the traceback of a bug."
    )
    return debug(color(function))


def _no_color(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value or plain():
        decolour(context)


def _debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.meta[_DEBUG] = True


def show_error(error: InfragenError) -> None:
    """Print an error and its hint on stderr. A message that begins with its place stays as it is."""
    if _PLACE.match(error.message):
        say(_fitting(error.message), err=True)
    else:
        say(_fitting(error.message, "error: "), lead=click.style("error: ", fg="red", bold=True), err=True)
    if error.hint:
        say(_fitting(error.hint, "hint: "), lead=click.style("hint: ", bold=True), err=True)
    annotate_error(error)


def _fitting(text: str, lead: str = "") -> str:
    """Return a text that stands behind these words, broken between words where stderr is a terminal."""
    if not sys.stderr.isatty():
        return text
    from infragen.report.wrapping import wrapped_text

    columns = shutil.get_terminal_size().columns
    return wrapped_text(lead + text, max(columns, 40)).removeprefix(lead)


def unexpected(error: Exception, *, debug: bool) -> int:
    """Answer an exception that is none of ours: output that cannot be written, or a bug. Gives the exit code."""
    if isinstance(error, BrokenPipeError):
        silence()
        return 0
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        silence()
        show_error(Unwritable(f"the output cannot be written: {(error.strerror or str(error)).lower()}"))
        return Unwritable.exit_code
    if isinstance(error, FileNotFoundError) and error.filename is None and _without_directory():
        show_error(CloudError("the working directory was removed", "`cd` into one that is there"))
        return CloudError.exit_code
    if isinstance(error, OSError) and (name := _of_the_user(error)):
        if debug:
            say(_trace(error), err=True)
        hint = f"`ls -ld {shlex.quote(name)}` shows what it is now; --debug, where infragen uses it"
        show_error(CloudError(f"{name}: {(error.strerror or str(error)).lower()}", hint))
        return CloudError.exit_code
    show_bug(error, debug=debug)
    return 70


def _without_directory() -> bool:
    """Return whether the working directory was removed."""
    try:
        os.getcwd()  # noqa: PTH109 # as Path.cwd
    except FileNotFoundError:
        return True
    return False


def _of_the_user(error: OSError) -> str:
    """Return the file that the system refused, or that vanished while it was used; '' for one of infragen's own, which
    only a bug misses.
    """
    if not isinstance(error.filename, str | bytes):
        return ""
    name, own = os.fsdecode(error.filename), Path(os.path.realpath(infragen.__file__)).parent
    return "" if Path(os.path.realpath(name)).is_relative_to(own) else name


def bug(error: Exception) -> str:
    """Return an unexpected exception in one line."""
    from infragen.secrecy.visible import quoted

    return f"this is a bug in infragen: {type(error).__name__}: {quoted(' '.join(str(error).split()))}"


def show_bug(error: Exception, *, debug: bool) -> None:
    """Print one line about an unexpected exception, and the file of its traceback; with `debug` the traceback."""
    if debug:
        say(_trace(error), err=True)
    say(f"error: {bug(error)}", err=True)
    in_the_way = stranger_anywhere()
    if in_the_way:
        say(f"hint: {in_the_way}", err=True)
    if not debug:
        file = _keep(error)
        told = f"{file} has the traceback" if file else "run it again with --debug for the traceback"
        say(f"hint: {told}; please report it", err=True)


def _trace(error: BaseException) -> str:
    """Return the traceback of an exception, whose messages may quote anything."""
    from infragen.secrecy.visible import quoted

    return "\n".join(quoted(each) for each in "".join(traceback.format_exception(error)).rstrip("\n").split("\n"))


def _keep(error: Exception) -> Path | None:
    """Write a traceback for who will look at it; it holds no values of variables. None where it cannot be written."""
    from infragen.secrecy.visible import encoded, shown

    file = cache_directory() / "bugs" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    try:
        private_directory(file.parent)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(encoded(shown(_trace(error) + "\n", known_secrets())))
    except OSError:
        return None
    return file


def terminate(number: int, frame: FrameType | None) -> None:
    """Raise SIGTERM as an exception, so that temporary files are removed."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated
