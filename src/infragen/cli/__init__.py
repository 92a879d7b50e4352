"""The command line: click commands that compose the other modules and map errors to exit codes. No logic of its own.

Importing this package imports click and nothing heavy; each command imports what it needs when it runs.
"""

import gc
import itertools
import os
import signal
import sys

import click

import infragen
from infragen.cli.composing import compose
from infragen.cli.costing import cost
from infragen.cli.delivering import bootstrap, policy
from infragen.cli.deploying import deploy, destroy, plan
from infragen.cli.developing import dev
from infragen.cli.drifting import drift
from infragen.cli.graphing import graph
from infragen.cli.images import image
from infragen.cli.importing import import_
from infragen.cli.inspecting import diagnose, doctor, outputs, status
from infragen.cli.installation import stranger, version
from infragen.cli.local import local
from infragen.cli.log_lines import logs
from infragen.cli.output import drain, leave, nowhere, readable, say
from infragen.cli.overview import ps
from infragen.cli.pages import docs
from infragen.cli.pipelines import pipeline
from infragen.cli.program import Program, terminate
from infragen.cli.recovering import cancel, changesets, follow, recover
from infragen.cli.redriving import redrive
from infragen.cli.rendering import lint, render
from infragen.cli.rotating import rotate
from infragen.cli.settings import config, diff, schema
from infragen.cli.shelling import shell, tunnel
from infragen.cli.starting import init
from infragen.cli.storing import secrets
from infragen.cli.surroundings import Surroundings
from infragen.cli.tasks import migrate
from infragen.cli.tasks import run as run_task
from infragen.errors import Terminated

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=Program, context_settings=_HELP)
@click.version_option(infragen.__version__, message=version())
def main() -> None:
    """Render, lint, plan and deploy the infrastructure of a backend as CloudFormation.

    \b
    Examples:
      infragen init shop
      infragen deploy --env dev --local --bootstrap
      infragen plan --env prod
    """


main.add_sections({
    "A project": (init, dev, compose, image, local, docs),
    "Its environments": (render, lint, graph, config, diff, schema, cost),
    "Deploy": (bootstrap, doctor, plan, deploy, import_, migrate, outputs, drift, destroy),
    "Operate": (ps, status, logs, run_task, shell, tunnel, redrive, rotate, secrets),
    "When a deployment fails": (follow, cancel, diagnose, recover, changesets),
    "Deliver from CI": (pipeline, policy),
})  # fmt: skip


def run() -> None:
    """Run the console script, and end the process: its exit code is the command's.

    Ctrl-C is an exception twice. Who presses it a third time wants no answer and no clean-up: the process ends there.
    """
    pressed = itertools.count(1)

    def interrupt(*_: object) -> None:
        if next(pressed) > 2:
            os._exit(130)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    try:
        leave(command_line())
    except KeyboardInterrupt:  # it came when the command had ended
        os._exit(130)


def command_line(around: Surroundings | None = None) -> int:
    """Turn signals into exceptions and set up output that no locale can break, run the command; return its exit code.
    `around` is the command's clock and linters, where they are not the machine's own.

    A signal that was ignored when the process was started stays ignored, as under nohup or in a script's background.
    """
    gc.set_threshold(200_000, 20, 20)  # what imports make lives to the end; looking at it again takes a tenth of a run
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to look for one reads every installed package
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, terminate)
    sys.stdout, sys.stderr = sys.stdout or nowhere(), sys.stderr or nowhere()  # None when the caller closed them
    readable(sys.stdout)
    readable(sys.stderr)
    in_the_way = stranger()
    if in_the_way:
        say(f"warning: {in_the_way}", err=True)
    try:
        return _ended(around)
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        return end.code or 0
    except (KeyboardInterrupt, click.Abort):  # it came beside the command, or while another one was answered
        return 130
    except Terminated:
        return 143
    finally:
        drain()


def _ended(around: Surroundings | None) -> int:
    """Run the command, and return its exit code. Click's own way to end a program would make 1 of a late Ctrl-C."""
    try:
        code = main(prog_name="infragen", obj=around, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return code if isinstance(code, int) else 0
