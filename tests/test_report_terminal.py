"""The engine's events as words, for logs and for terminals."""

import io
import json
import os
import pty
import re
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from commands import CommandLine
from plans import NASTY, nasty

from infragen.cli import main
from infragen.cloud.cloudformation import ResourceChange, StackEvent
from infragen.cloud.protocol import Identity
from infragen.cloud.template import STACK_TYPE
from infragen.engine.follow import LayerEvent
from infragen.engine.outcome import Cause, Failed
from infragen.engine.progress import (
    Connected,
    Ended,
    Event,
    Following,
    Happened,
    Lost,
    Planned,
    Preparing,
    Question,
    Started,
    Uploaded,
    Warned,
)
from infragen.errors import Refused
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.report.duration import span
from infragen.report.plan import Detail
from infragen.report.prompts import ask
from infragen.report.terminal import PIPE_WIDTH, Terminal, console, width_of
from infragen.report.wrapping import wrapped_text
from infragen.secrecy.visible import quoted

QUEUE, START = "AWS::SQS::Queue", datetime(2026, 1, 1, tzinfo=UTC)


class Stage:
    """A terminal whose clock and output are ours."""

    def __init__(self, *, live: bool = False, detail: Detail = Detail.ALL) -> None:
        self.now = 0.0
        self.progress, self.plans = io.StringIO(), io.StringIO()
        self.ui = Terminal(
            console(self.progress, styled=live), console(self.plans, styled=False), lambda: self.now, live=live,
            detail=detail,
        )  # fmt: skip

    def tell(self, *events: Event) -> list[str]:
        """The lines that the events add."""
        self.progress.truncate(0)
        self.progress.seek(0)
        for event in events:
            self.ui.tell(event)
        return self.progress.getvalue().splitlines()


def event(name: str, status: str, seconds: float = 0, reason: str = "", kind: str = QUEUE) -> Happened:
    own = "shop-dev" if kind == STACK_TYPE and name == "shop-dev" else f"{name}-1"
    time, words = START + timedelta(seconds=seconds), quoted(reason)
    inner = StackEvent("e", "shop-dev", "shop-dev", name, own, kind, status, time, words)
    return Happened("root", LayerEvent("queue", inner))


def test_a_log_has_a_line_for_what_is_complete_with_the_time_that_aws_took() -> None:
    """Beginnings are not worth a line each."""
    stage = Stage()
    assert stage.tell(Started("queue", "shop-dev-queue", "create")) == ["queue: creating shop-dev-queue"]
    assert stage.tell(event("Orders", "CREATE_IN_PROGRESS", 0)) == []
    assert stage.tell(event("Orders", "CREATE_IN_PROGRESS", 3, "Resource creation Initiated")) == []
    assert stage.tell(event("Orders", "CREATE_COMPLETE", 65)) == [f"queue  Orders  {QUEUE}  CREATE_COMPLETE  1 min 5 s"]


def test_a_failure_shows_awss_words_once() -> None:
    """The resource when it fails; the outcome says why only when no resource did."""
    stage = Stage()
    stage.tell(Started("queue", "shop-dev-queue", "create"), event("Orders", "CREATE_IN_PROGRESS"))
    assert stage.tell(event("Orders", "CREATE_FAILED", 2, "no room")) == [
        f"queue  Orders  {QUEUE}  CREATE_FAILED  2 s  no room"
    ]
    stage.now = 9
    assert stage.tell(Ended(Failed("queue", "shop-dev-queue", "it is ROLLBACK_COMPLETE: no room", "mend it"))) == [
        "queue: failed after 9 s",
        "  it is ROLLBACK_COMPLETE: no room",
    ]
    cause = Cause("queue", "Orders", QUEUE, "CREATE_FAILED", "no room")
    assert stage.tell(Ended(Failed("queue", "shop-dev-queue", "no room", cause=cause))) == ["queue: failed after 9 s"]


def test_a_silent_minute_is_broken_by_a_heartbeat_that_says_what_is_waited_for() -> None:
    """O1: not before a minute without a line, and again after the next."""
    stage = Stage()
    stage.tell(Started("queue", "shop-dev-queue", "create"), event("Orders", "CREATE_IN_PROGRESS"))
    stage.now = 59
    assert stage.tell(Following(59, ("queue",))) == []
    stage.now = 60
    assert stage.tell(Following(60, ("queue",))) == [
        "still running after 1 min 0 s: shop-dev-queue; waiting for queue/Orders (creating, 1 min 0 s)"
    ]
    assert stage.tell(Following(61, ("queue",))) == []
    stage.now = 120
    assert len(stage.tell(Following(120, ("queue",)))) == 1


def test_lost_sight_is_told_once_until_it_is_found_again() -> None:
    """Polling a dead network every second does not fill the log."""
    stage = Stage()
    lost = Lost("queue", "no route")
    assert stage.tell(lost, lost) == ["queue: AWS cannot be read at the moment (no route); the operation continues"]
    stage.tell(event("Orders", "CREATE_IN_PROGRESS"))
    assert len(stage.tell(lost)) == 1


def test_who_we_are_is_told_once_and_uploads_by_short_names() -> None:
    """The digest is cut to what people compare."""
    stage = Stage()
    who = Connected(Identity("111111111111", "arn:aws:iam::111111111111:user/a", "aws", "eu-west-1"))
    assert stage.tell(who, who) == ["account 111111111111, eu-west-1, as arn:aws:iam::111111111111:user/a"]
    uploaded = Uploaded("bucket", f"templates/{'a' * 64}.yaml", 1025)
    assert stage.tell(uploaded, Preparing("queue", "shop-dev-queue")) == [
        f"uploaded templates/{'a' * 12}.yaml (2 KiB)", "shop-dev-queue: making a change set",
    ]  # fmt: skip
    short = Stage(detail=Detail.ROWS)
    assert short.tell(uploaded, uploaded, Preparing("queue", "shop-dev-queue")) == [
        "uploaded 2 files (3 KiB)", "shop-dev-queue: making a change set",
    ]  # fmt: skip


def test_without_all_detail_a_log_has_a_line_per_stack_and_for_what_fails() -> None:
    """How many resources a nested stack has, and how long it took by AWS's clock."""
    stage = Stage(detail=Detail.ROWS)
    own = StackEvent("e", "q", "shop-dev-Queue", "shop-dev-Queue", "q", STACK_TYPE, "CREATE_IN_PROGRESS", START)
    done = replace(own, status="CREATE_COMPLETE", time=START + timedelta(seconds=70))
    stage.tell(Started("root", "shop-dev", "create"), Happened("root", LayerEvent("queue", own)))
    assert stage.tell(event("Orders", "CREATE_IN_PROGRESS"), event("Orders", "CREATE_COMPLETE", 65)) == []
    assert stage.tell(Happened("root", LayerEvent("queue", done))) == ["queue  CREATE_COMPLETE  1 resource  1 min 10 s"]
    assert stage.tell(event("Dlq", "CREATE_FAILED", 80, "no room")) == [f"queue  Dlq  {QUEUE}  CREATE_FAILED  no room"]


def test_plans_go_where_plans_go() -> None:
    """O2: for `plan` that is stdout, and progress stays out of it."""
    stage = Stage()
    change = ResourceChange("queue", "Add", "Orders", QUEUE)
    shown = EnvironmentPlan("dev", "1", "r", "nested", (StackPlan("queue", "q", "create", (change,)),))
    assert stage.tell(Planned(shown), Warned("careful")) == ["warning: careful"]
    assert "+ Orders" in stage.plans.getvalue()


@pytest.mark.parametrize("text", NASTY)
def test_nothing_that_is_told_steers_the_terminal(text: str) -> None:
    """A plan and an event with this text in every place, on a terminal without colours of our own."""
    shown, progress = io.StringIO(), io.StringIO()
    with Terminal(console(progress, styled=False), console(shown, styled=False), lambda: 0.0) as ui:
        ui.tell(Planned(nasty(text)))
        ui.tell(event("Queue", "CREATE_FAILED", reason=text))
        ui.tell(Warned(text))
    said = shown.getvalue() + progress.getvalue()
    assert len(said) > 100
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", said)


def test_without_a_terminal_a_question_is_refused_and_a_flag_answers_it() -> None:
    """The refusal names the flag."""
    stage = Stage()
    with pytest.raises(Refused) as refused:
        stage.ui.confirm(Question("go on?", "--yes"))
    assert refused.value.hint == "answer with --yes"
    plain = console(io.StringIO(), styled=False)
    agreed = Terminal(plain, plain, lambda: 0.0, agreed=frozenset({"--yes"}))
    assert agreed.confirm(Question("go on?", "--yes"))
    with pytest.raises(Refused):
        agreed.confirm(Question("delete prod?", "--confirm prod", "prod"))


def test_leaving_in_the_middle_says_what_still_runs() -> None:
    """SIGTERM, lost credentials, a bug: the operation in AWS goes on."""
    stage = Stage()
    stage.ui.tell(Started("queue", "shop-dev-queue", "create"))
    stage.ui.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert stage.progress.getvalue().endswith(
        "not followed to the end, and perhaps still running in AWS: shop-dev-queue; the same command follows it\n"
    )


class ClosedPipe(io.StringIO):
    """Whoever read it has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_closed_stderr_ends_the_words_and_not_the_operation() -> None:
    """O4: telling goes on without an error."""
    ui = Terminal(console(ClosedPipe(), styled=False), console(io.StringIO(), styled=False), lambda: 0.0)
    ui.tell(Warned("one"))
    ui.tell(Started("queue", "shop-dev-queue", "create"))


def test_a_heartbeat_names_the_three_longest_and_how_long_they_usually_take() -> None:
    """O1: patience or a fault? The figure says."""
    stage = Stage()
    stage.tell(Started("queue", "shop-dev-queue", "create"))
    stage.tell(event("Writer", "CREATE_IN_PROGRESS", 0, kind="AWS::RDS::DBInstance"))
    stage.tell(*(event(name, "CREATE_IN_PROGRESS", 30) for name in ("A", "B", "C")))
    stage.now = 360
    [line] = stage.tell(Following(360, ("queue",)))
    assert line.startswith(
        "still running after 6 min 0 s: shop-dev-queue; waiting for queue/Writer (creating, 6 min 30 s"
    )
    assert line.endswith("; usually 8-12 min), queue/A (creating, 6 min 0 s), queue/B (creating, 6 min 0 s) and 1 more")


def test_a_terminal_shows_the_tree_and_only_failures_as_lines() -> None:
    """What is done is in the count; a failure stays on the screen when the tree is gone."""
    stage = Stage(live=True)
    changes = tuple(ResourceChange("queue", "Add", name, QUEUE) for name in ("A", "B"))
    shown = EnvironmentPlan("dev", "1", "r", "independent", (StackPlan("queue", "q", "create", changes),))
    with stage.ui:
        stage.tell(Planned(shown), Started("queue", "q", "create"))
        stage.tell(event("A", "CREATE_IN_PROGRESS"), event("B", "CREATE_IN_PROGRESS"))
        assert not any("A  AWS" in line for line in stage.tell(event("A", "CREATE_COMPLETE", 5)))
        assert any("CREATE_FAILED" in line for line in stage.tell(event("B", "CREATE_FAILED", 5, "no room")))
        assert [row.plain.rstrip()[2:] for row in stage.ui.rows()] == [
            "queue      1/2         5 s",
            "  B  AWS::SQS::Queue  CREATE_FAILED    no room",
        ]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59.4, "59 s"), (95, "1 min 35 s"), (3725, "1 h 2 min"), (-3, "0 s")]
)
def test_time_spans_in_words(seconds: float, words: str) -> None:
    """Seconds, then minutes, then hours."""
    assert span(seconds) == words


def test_a_terminal_without_colour_is_as_wide_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR says nothing of the width; a pipe has none."""

    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "90")
    assert [width_of(console(each, styled=False)) for each in (Tty(), io.StringIO())] == [90, PIPE_WIDTH]


@pytest.mark.parametrize(
    ("said", "columns"), [(None, 200), ("90", 90), ("120", 120), ("", 200), ("0", 200), ("-90", 200), ("wide", 200)]
)
def test_a_pipe_is_as_wide_as_columns_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str | None, columns: int
) -> None:
    """200 columns where it says nothing that makes sense."""
    before, after = ({"project": "shop", "tags": {"Team": each * 250}} for each in "ab")
    for name, content in (("one", before), ("two", after)):
        text = {**content, "environment": name, "region": "eu-central-1", "account": "111111111111"}
        (tmp_path / f"{name}.yaml").write_text(json.dumps(text))
    if said is not None:
        monkeypatch.setenv("COLUMNS", said)
    shown = CommandLine().invoke(main, ["diff", "one", "two", "--environments", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert columns - 60 < max(map(len, shown.stdout.splitlines())) <= columns


def test_neither_another_word_nor_the_end_of_the_input_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The question is put again; Ctrl-D ends it, and what is said next begins a line of its own."""
    control, terminal = pty.openpty()
    with os.fdopen(terminal, closefd=False) as read, os.fdopen(terminal, "w") as written:
        monkeypatch.setattr(sys, "stdin", read)
        monkeypatch.setattr(sys, "stderr", written)
        os.write(control, b"sure\n\x04")
        with pytest.raises(click.Abort):
            ask(Question("go on?", "--yes"))
    shown = b""
    with suppress(OSError):  # as a terminal ends
        while part := os.read(control, 4096):
            shown += part
    os.close(control)
    assert shown.endswith(b"y or n, please\r\ngo on? [y/N]: \r\n")


def test_text_of_several_lines_is_broken_between_words() -> None:
    """Questions, errors and hints; a word that is wider than the terminal stays whole, a blank for the answer too."""
    text = "Delete environment dev, and with it everything?\ntype dev to continue: "
    assert wrapped_text(text, 30, 0).split("\n") == [
        "Delete environment dev, and", "with it everything?", "type dev to continue: ",
    ]  # fmt: skip
    arn = "arn:aws:" + "x" * 60
    assert wrapped_text(f"look at {arn} first", 40).split("\n") == ["look at", f"    {arn}", "    first"]
