"""Throttling, networks that garble and break, signals and kills: what goes wrong on the way; each test names its row.

The engine runs on the fake AWS in virtual time; signals go to infragen as a process, once on a terminal of its own.
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bench import ACCOUNT, Bench, at_work, environment, failure, kinds
from fakeaws import FakeAws
from fakeaws.proxy import DropAfter, Error, Fault, Html, Proxy, Truncate
from processes import DEPLOY, Operator, Running
from signals import default_signals

from infragen.assembly.stacks import OutputOf
from infragen.engine.destroy import DestroyOptions, destroy_environment
from infragen.engine.outcome import Deleted, Failed, Recovered
from infragen.engine.progress import Lost
from infragen.engine.recover import cancel_environment
from infragen.errors import CloudError

TOPIC = {"Type": "AWS::SNS::Topic"}
QUEUE = {"Type": "AWS::SQS::Queue"}
Make = Callable[..., Operator]


def queue(**properties: Any) -> dict[str, Any]:
    return {**QUEUE, "Properties": properties}


def executions(aws: FakeAws) -> list[str]:
    """What was really begun on each stack."""
    return [move for *_, move in aws.cloud.transitions if move in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")]


# --- following -------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_e11_a_stack_that_is_gone_is_a_deletion_that_succeeded(bench: Bench, aws: FakeAws) -> None:
    """Somebody else deletes it first, so that DeleteStack and the following find nothing."""
    bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
    aws.slow("Jobs", 30, on="delete")
    aws.at(1, lambda: aws.elsewhere.delete_stack({"StackName": "shop-test-data"}))
    ended = destroy_environment(bench.env, bench.session, DestroyOptions(confirmed="test"))
    assert [type(each) for each in ended.outcomes] == [Deleted]
    assert aws.stack("shop-test-data").status == "DELETE_COMPLETE"


# --- throttling and network ------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("operation", ["CreateChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "DeleteStack"])
def test_n2_a_throttled_change_is_sent_again_with_the_same_token(bench: Bench, aws: FakeAws, operation: str) -> None:
    """Twelve refusals, far more than a client takes by itself: one change each, told apart by nothing but its token."""
    units = [bench.unit(name, {"Jobs": QUEUE}) for name in ("one", "two", "three")]
    if operation == "DeleteChangeSet":
        aws.throttle(f"cloudformation:{operation}", times=12)
        bench.plan_units(*units)
    elif operation == "DeleteStack":
        bench.deploy_units(*units)
        aws.throttle(f"cloudformation:{operation}", times=12)
        assert destroy_environment(bench.env, bench.session, DestroyOptions(confirmed="test")).exit_code == 0
    else:
        aws.throttle(f"cloudformation:{operation}", times=12)
        assert bench.deploy_units(*units).exit_code == 0
        assert executions(aws) == ["CREATE_IN_PROGRESS"] * 3
    tried = [call for call in aws.calls if call.operation == operation]
    names = ("ClientToken", "ClientRequestToken", "ChangeSetName")
    assert len([call for call in tried if call.error]) == 12
    assert len({tuple(call.params.get(name) for name in names) for call in tried}) == 3


BODIES: list[Fault] = [
    Html(502),
    Html(429),
    Html(200),
    Truncate(0.0),
    Truncate(0.5),
    Error("", 429, " "),
    Error("", 500, " "),
]
READS, CHANGES = ("DescribeStacks", "DescribeChangeSet", "DescribeStackEvents"), ("CreateChangeSet", "ExecuteChangeSet")
GARBLED = [(body, [*READS, *CHANGES][number % 5]) for number, body in enumerate([*BODIES, *BODIES])]


@pytest.mark.long
@pytest.mark.parametrize(("body", "operation"), GARBLED, ids=str)
def test_n4_a_garbled_reply_is_a_broken_connection(aws: FakeAws, tmp_path: Path, body: Fault, operation: str) -> None:
    """HTML, nothing, half a document, a code that is none: tried again, deployed once, no error of Python's."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        proxy.on(operation, body, times=2)
        assert bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})).exit_code == 0
        assert len([call for call in proxy.calls if call.fault]) == 2
    assert executions(aws) == ["CREATE_IN_PROGRESS"]


@pytest.mark.parametrize("body", [each for each in BODIES if not isinstance(each, Truncate)], ids=str)
def test_n4_a_garbled_reply_of_s3_is_no_upload(aws: FakeAws, tmp_path: Path, body: Fault) -> None:
    """A web page with status 200 says nothing about whether the object is there: it is sent again."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        bench.bootstrap()
        [bucket] = aws.cloud.buckets.all.values()
        proxy.on("PutObject", body, times=2)
        assert bench.session.cloud.upload(bucket.name, "key", b"x")
        assert [call.operation for call in proxy.calls if call.operation == "PutObject"] == ["PutObject"] * 3
    assert bucket.objects["key"][-1].data == b"x"


@pytest.mark.parametrize("body", BODIES, ids=str)
def test_n4_who_only_garbles_is_not_aws(aws: FakeAws, tmp_path: Path, body: Fault) -> None:
    """The first question is never answered well: exit code 4 and one line, no HTML in it."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        proxy.on("GetCallerIdentity", body, times=None)
        with pytest.raises(CloudError) as caught:
            at_work(aws, environment(tmp_path), proxy.url).session.cloud.identity()
    assert caught.value.exit_code == 4
    assert "\n" not in caught.value.message
    assert "<" not in caught.value.message


@pytest.mark.long
def test_n3_a_lost_connection_is_told_with_its_seconds_and_found_again(aws: FakeAws, tmp_path: Path) -> None:
    """The user hears of it once it has lasted, and no event is missing at the end."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        aws.slow("Jobs", 900)
        proxy.cut(600, after=30)
        assert bench.deploy_units(bench.unit("data", {"Jobs": QUEUE})).exit_code == 0
    assert [event for event in bench.ui.events if isinstance(event, Lost)]
    made = [e.id for e in aws.stack("shop-test-data").events if e.status != "REVIEW_IN_PROGRESS"]
    assert bench.ui.event_ids() == made


# --- cancelling ------------------------------------------------------------------------------------------------------


def update_under_way(bench: Bench, aws: FakeAws, seconds: float) -> None:
    """An update of ours that runs for so long, and that nobody follows any more."""
    bench.deploy_units(bench.unit("data", {"Jobs": QUEUE}))
    aws.slow("Jobs", seconds, on="update")
    bench.deploy_units(bench.unit("data", {"Jobs": queue(DelaySeconds=1)}), follow_timeout=1)
    assert aws.stack("shop-test-data").status == "UPDATE_IN_PROGRESS"


def test_n8_an_update_that_ends_before_it_is_cancelled_is_not_cancelled(bench: Bench, aws: FakeAws) -> None:
    """It was running when it was looked at: refused with the state it has by now, exit code 3."""
    update_under_way(bench, aws, 60)
    asked = bench.ui.confirm

    def confirm(question: Any) -> bool:
        aws.clock.settle()
        return asked(question)

    bench.ui.confirm = confirm  # type: ignore[method-assign]  # time passes while somebody thinks
    [outcome] = cancel_environment(bench.env, bench.session)
    assert isinstance(outcome, Failed)
    assert (outcome.exit_code, outcome.message) == (
        3,
        "shop-test-data is UPDATE_COMPLETE by now, which cannot be cancelled",
    )


@pytest.mark.long
def test_n8_a_cancellation_whose_reply_was_lost_is_followed(aws: FakeAws, tmp_path: Path) -> None:
    """The second try is refused because the first one worked."""
    with Proxy(aws.url, aws.clock.monotonic, aws.clock.sleep) as proxy:
        bench = at_work(aws, environment(tmp_path), proxy.url)
        update_under_way(bench, aws, 600)
        proxy.on("CancelUpdateStack", DropAfter())
        [outcome] = cancel_environment(bench.env, bench.session)
    assert isinstance(outcome, Recovered)
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"


# --- outcomes --------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_n10_a_failure_skips_its_dependants_and_nothing_else(bench: Bench, aws: FakeAws) -> None:
    """What runs ends, what needs the failed one is skipped with the reason, what does not is deployed; exit code 1."""
    aws.fail("Bad", "no")
    aws.slow("Slow", 300)
    base = bench.unit("base", {"Bad": TOPIC}, outputs={"A": {"Ref": "Bad"}})
    of_base, of_needs = {"A": OutputOf("base", "A")}, {"B": OutputOf("needs", "B")}
    needs = bench.unit("needs", {"News": TOPIC}, parameters=of_base, outputs={"B": {"Ref": "News"}})
    deeper = bench.unit("deeper", {"News": TOPIC}, parameters=of_needs)
    other = bench.unit("other", {"Slow": QUEUE})
    result = bench.deploy_units(base, needs, deeper, other)
    assert kinds(result.outcomes) == {"base": "Failed", "needs": "Skipped", "deeper": "Skipped", "other": "Deployed"}
    assert result.exit_code == 1
    assert failure(result).layer == "base"


# --- signals ---------------------------------------------------------------------------------------------------------


def left_over(aws: FakeAws) -> list[str]:
    return [c.name for c in aws.cloud.change_sets.values() if not c.execution.startswith("EXECUTE")]


def test_n6_an_interrupt_before_anything_began_leaves_nothing(operator: Make, aws: FakeAws) -> None:
    """While change sets are made: exit code 130, they are deleted, and AWS is as before."""

    def interrupt(process: Running, sleeps: int) -> None:
        if sleeps == 1:
            process.send(signal.SIGINT)

    aws.settings.change_set_seconds = 20
    ended = operator("independent").run(*DEPLOY, asleep=interrupt)
    assert ended.code == 130
    aws.clock.settle()
    assert left_over(aws) == []
    assert "cloudformation:ExecuteChangeSet" not in aws.mutations()
    assert "Traceback" not in ended.stderr


@pytest.mark.long
@pytest.mark.parametrize(("topology", "presses"), [("nested", 1), ("independent", 1), ("independent", 2)])
def test_n6_an_interrupt_afterwards_follows_and_a_second_one_lets_go(
    operator: Make, aws: FakeAws, topology: str, presses: int
) -> None:
    """The first begins nothing new and follows what runs; the second ends at once and names the next commands."""
    pressed: list[int] = []

    def interrupt(process: Running, sleeps: int) -> None:
        if len(pressed) < presses and "cloudformation:ExecuteChangeSet" in aws.mutations():
            pressed.append(sleeps)
            process.send(signal.SIGINT)

    shop = operator(topology)
    ended = shop.run(*DEPLOY, asleep=interrupt)
    assert ended.code == 130
    begun = aws.mutations().count("cloudformation:ExecuteChangeSet")
    assert "no further stack is started; following running operations, Ctrl-C again stops following" in ended.stderr
    if presses == 2:
        assert re.search(
            r"`infragen follow --env \S+( \S+)*` watches it, `infragen cancel --env", ended.stdout + ended.stderr
        )
    elif topology == "nested":
        assert aws.stack("shop-dev").status == "CREATE_COMPLETE"
    assert begun == len([move for move in executions(aws) if move == "CREATE_IN_PROGRESS"]) - nested_children(aws)
    aws.clock.settle()
    assert not [s.name for s in aws.cloud.stacks.values() if "DELETE" in s.status and s.name.startswith("shop-dev")]
    assert shop.run(*DEPLOY).code == 0
    assert "ROLLBACK" not in str(aws.cloud.transitions)


def nested_children(aws: FakeAws) -> int:
    """Nested stacks and the bucket's, which begin with no execution of ours."""
    own = {s.id for s in aws.cloud.stacks.values() if s.parent_id or s.name.endswith("-artifacts")}
    return len([to for _, stack, _, to in aws.cloud.transitions if to == "CREATE_IN_PROGRESS" and stack in own])


@pytest.mark.long
@pytest.mark.parametrize(("topology", "begun"), [("nested", False), ("independent", True)])
def test_n7_a_termination_makes_no_call_and_says_what_runs(
    operator: Make, aws: FakeAws, topology: str, begun: bool
) -> None:
    """CI kills a few seconds later: exit code 143 without another call to AWS; the next run does the rest."""
    calls: list[int] = []

    def terminate(process: Running, sleeps: int) -> None:
        if not calls and ("cloudformation:ExecuteChangeSet" in aws.mutations() or not begun):
            calls.append(len(aws.calls))
            process.send(signal.SIGTERM)

    aws.settings.change_set_seconds = 20
    shop = operator(topology)
    ended = shop.run(*DEPLOY, asleep=terminate)
    assert (ended.code, len(aws.calls)) == (143, calls[0])
    assert "Traceback" not in ended.stderr
    assert ("still run" in ended.stderr or "may still" in ended.stderr) is begun
    assert shop.run(*DEPLOY).code == 0
    assert left_over(aws) == []


# --- on a terminal ---------------------------------------------------------------------------------------------------


@contextmanager
def time_goes_by(aws: FakeAws) -> Iterator[None]:
    """Lets the fake's clock go on by itself, twenty times as fast, for a process that really sleeps."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.05):
            aws.clock.advance(1)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class OnTerminal:
    """infragen on a terminal of its own: Ctrl-C is typed, and the terminal makes a signal of it."""

    def __init__(self, shop: Operator, *arguments: str) -> None:
        self.shown = ""
        variables = {**os.environ, **shop.variables, "AWS_ENDPOINT_URL": shop.url or shop.aws.url, "TERM": "xterm"}
        variables |= {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "x", "COLUMNS": "100", "LINES": "40"}
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            default_signals()  # as a shell starts what it runs in the foreground
            os.chdir(shop.directory)
            os.execve(sys.executable, [sys.executable, "-m", "infragen", *arguments], variables)  # noqa: S606  # the command itself, as a terminal starts it

    def wait_for(self, text: str) -> None:
        """Reads until the text is shown."""
        give_up = time.monotonic() + 60
        while text not in self.shown and self._read(give_up):
            pass
        assert text in self.shown, self.shown

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def end(self) -> int:
        """Reads to the end; gives the exit code."""
        give_up = time.monotonic() + 60
        while self._read(give_up):
            pass
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])

    def _read(self, give_up: float) -> bool:
        if not select.select([self.terminal], [], [], max(give_up - time.monotonic(), 0))[0]:
            return False
        try:
            read = os.read(self.terminal, 65536)
        except OSError:  # how Linux says that nobody has the terminal open any more
            return False
        self.shown += read.decode(errors="replace")
        return bool(read)


@pytest.mark.long
def test_n6_ctrl_c_at_the_question_changes_nothing(operator: Make, aws: FakeAws) -> None:
    """Typed on a terminal, where the question waits for an answer."""
    shop = operator("nested")
    with time_goes_by(aws):
        terminal = OnTerminal(shop, "deploy", "--env", "dev")
        terminal.wait_for("deploy these changes")
        terminal.type("\x03")
        assert terminal.end() == 130
        aws.clock.settle()
    assert left_over(aws) == []
    assert "cloudformation:ExecuteChangeSet" not in aws.mutations()
    assert "Traceback" not in terminal.shown


@pytest.mark.long
def test_n6_ctrl_c_twice_lets_go_of_what_runs(operator: Make, aws: FakeAws) -> None:
    """Typed on a terminal in the middle of the live view; the stack goes on, and `follow` finds it."""
    shop = operator("nested")
    aws.slow("JobsDlq", 600)
    with time_goes_by(aws):
        terminal = OnTerminal(shop, *DEPLOY)
        terminal.wait_for("root")
        while "cloudformation:ExecuteChangeSet" not in aws.mutations():
            time.sleep(0.05)
        terminal.type("\x03")
        terminal.wait_for("Ctrl-C again stops")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "infragen follow" in terminal.shown
    assert aws.stack("shop-dev").status == "CREATE_IN_PROGRESS"
    assert "Traceback" not in terminal.shown
    assert shop.run("follow", "--env", "dev").code == 0
