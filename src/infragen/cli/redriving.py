"""The command that puts the messages of a dead-letter queue right."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from infragen.cli import parameters
from infragen.cli.connection import AwsTarget, cloud_options, open_session
from infragen.cli.output import say
from infragen.cli.pasting import pasteable
from infragen.cli.program import command_options
from infragen.errors import OperationFailed
from infragen.report.printing import echo

if TYPE_CHECKING:
    from infragen.cloud.workload import QueueMessage
    from infragen.engine.progress import Session
    from infragen.engine.redrive import DeadLetters, Moved

_SHOWN, _WATCHED = 10, 60


@click.command()
@click.argument("queue")
@parameters.env("The environment whose queue it is.", required=True)
@parameters.environments
@click.option(
    "--peek",
    metavar="N",
    type=click.IntRange(1, 100),
    is_flag=False,
    flag_value=str(_SHOWN),
    help=f"Show N messages (default: {_SHOWN}) with the error each ended in, and move none.",
)
@click.option("--rate", metavar="N", type=click.IntRange(1, 500), help="Move at most N messages a second.")
@click.option("--message", "messages", metavar="ID", multiple=True, help="Move only this message; repeatable.")
@click.option("--filter", "text", metavar="TEXT", help="Move only messages whose body holds TEXT.")
@click.option("--cancel", is_flag=True, help="End the move that is running; what was moved stays moved.")
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.IntRange(0),
    help=f"How long to watch what becomes of the messages.  [default: {_WATCHED}]",
)
@click.option("--allow-unchanged", is_flag=True, help="Move them although nothing was deployed since they failed.")
@parameters.yes
@parameters.document_format
@cloud_options
@command_options
def redrive(
    queue: str,
    name: str,
    directory: Path,
    peek: int | None,
    rate: int | None,
    messages: tuple[str, ...],
    text: str | None,
    cancel: bool,
    wait: int | None,
    allow_unchanged: bool,
    yes: bool,
    form: str,
    target: AwsTarget,
) -> None:
    """Look at dead letters, and move them back to their queue.

    QUEUE is the queue's name in the environment file. Deploy the fix first: messages are not moved back while nothing
    was deployed since they failed. Exits with 1 when messages are dead again while it watches.

    \b
    Examples:
      infragen redrive notifications --env prod --peek
      infragen redrive notifications --env prod --rate 5 --yes
      infragen redrive notifications --env prod --message 8ae6a1f0-3c1b-4a6e-9d5e-2f6f3c1b4a6e --yes
    """
    from infragen.engine import redrive as engine
    from infragen.report.redrive import cancelled_json, cancelled_line

    some = bool(messages) or text is not None
    _check(peek is not None, cancel, some, moving=rate is not None or wait is not None or allow_unchanged)
    if text == "" or "" in messages:  # of a variable that is not set, perhaps: it would be all messages, or none
        raise click.UsageError("--message and --filter cannot be empty")
    if rate and some:
        raise click.UsageError("--rate is about moving all messages, not those of --message or --filter")
    described = parameters.on_call(directory, name)
    with open_session(described.file, target, yes=yes) as session:
        found = engine.dead_letters(described.assembly(session), session, queue)
        if peek is not None:
            _show(session, found, peek, form)
            return
        if cancel:
            running = engine.cancel_move(session, found)
            if form == "json":
                echo(cancelled_json(queue, running))
            else:
                say(cancelled_line(queue, running))
            return
        there = set[str]()
        if some:
            what = f"the messages {', '.join(messages)}" if messages else f"the messages with {text!r}"

            def wanted(each: "QueueMessage") -> bool:
                there.add(each.id)
                return each.id in messages or bool(text and text in each.body)

            moved = engine.redrive_some(session, found, wanted, what, allow_unchanged)
        else:
            moved = engine.redrive(session, found, rate, allow_unchanged)
        result = engine.afterwards(session, found, moved, (_WATCHED if wait is None else wait) if moved else 0)
    _report(result, queue, form, [each for each in messages if each not in there])


def _check(peek: bool, cancel: bool, some: bool, moving: bool) -> None:
    """Raise UsageError for options that exclude each other: a look and an end of a move are no move."""
    if sum((peek, cancel, some)) > 1:
        raise click.UsageError("--peek, --cancel and --message or --filter cannot be combined")
    if (peek or cancel) and moving:
        raise click.UsageError("--rate, --wait and --allow-unchanged cannot be combined with --peek or --cancel")


def _show(session: "Session", found: "DeadLetters", count: int, form: str) -> None:
    from infragen.engine.redrive import peek
    from infragen.report.redrive import dead_letter_lines, dead_letters_json

    state, letters = peek(session, found, count)
    if form == "json":
        echo(dead_letters_json(found.queue, state.waiting, letters))
        return
    for line in dead_letter_lines(found.queue, state.waiting, letters):
        say(line)
    if letters:
        say(pasteable(f"\nmove them back: `infragen redrive {found.queue}`"))


def _report(result: "Moved", queue: str, form: str, missing: list[str]) -> None:
    from infragen.report.redrive import moved_json, moved_line

    if form == "json":
        echo(moved_json(queue, result))
    else:
        say(moved_line(queue, result))
    if missing:
        raise OperationFailed(
            f"not in the dead-letter queue of {queue}: {', '.join(missing)}",
            pasteable(f"what is in it: `infragen redrive {queue} --peek 100`"),
        )
    if result.moved and result.dead.waiting:
        raise OperationFailed(
            f"{result.dead.waiting} messages of {queue} are in the dead-letter queue again, or still",
            pasteable(f"what they failed of: `infragen redrive {queue} --peek`"),
        )
