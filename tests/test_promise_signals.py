"""Ctrl-C once or twice and SIGTERM, at random moments of a deployment: in the middle of a call, or of a pause.

infragen is a process of its own here, on real layers and in virtual time: how long it takes to end is real time, and
measured; what must not pass meanwhile is virtual.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from bench import ACCOUNT
from fakeaws import FakeAws
from fakeaws.proxy import Delay, Proxy, Seen
from figures import Tried
from processes import DEFAULTS, DEPLOY, Ended, Operator, Running, fresh_cloud
from signals import default_signals
from sweeps import SOAKING, seeds

from infragen.engine.schedule import LONGEST_PAUSE

SOON = 2.0
"""Real seconds in which it must have ended."""

Make = Callable[..., Operator]
Calls = Callable[[str], list[Seen]]


@dataclass
class Signals:
    """Sends signals to a process, the first at its n-th call or sleep, the next ones at the moments after it."""

    at: int
    numbers: list[signal.Signals]
    sent: list[tuple[float, int]] = field(default_factory=list)
    """Virtual time and number of calls, of each signal sent."""
    running: Running | None = None

    def moment(self, aws: FakeAws, now: int) -> None:
        """Something happens in the process: perhaps now."""
        if self.running is not None and now >= self.at and len(self.sent) < len(self.numbers):
            self.running.send(self.numbers[len(self.sent)])
            self.sent.append((aws.clock.monotonic(), len(aws.calls)))


def deploy(operator: Operator, signals: Signals) -> tuple[Ended, list[str]]:
    """Deploys and sends the signals; gives how it ended and the calls that reached AWS after the first signal, but for
    what checks of the account read beside it, each in a thread of its own, until the process has ended.
    """
    aws, moments = operator.aws, [0]

    def next_moment(*_: object) -> None:
        moments[0] += 1
        signals.moment(aws, moments[0])

    with Proxy(aws.url, sleep=next_moment) as proxy:
        proxy.storm(Delay(0), share=1.0)
        signals.running = replace(operator, url=proxy.url).start(*DEPLOY)
        ended = signals.running.wait(asleep=next_moment)
    first = signals.sent[0][1] if signals.sent else len(aws.calls)
    later = (call for call in aws.calls[first:] if call.mutating or call.service == "cloudformation")
    return ended, [call.operation for call in later]


@pytest.mark.long
@pytest.mark.promise("P9", "signals at a random moment: 130 or 143 at once, nothing begun after, nothing deleted")
@pytest.mark.parametrize("topology", ["nested", "independent"])
@pytest.mark.parametrize("how", ["terminated", "interrupted", "interrupted twice"])
def test_a_signal_ends_it_at_once_and_harms_nothing(
    operator: Make, undisturbed: Calls, tried: Tried, how: str, topology: str
) -> None:
    """P9, N6, N7: no stack begins after the first signal, no stack is ever deleted, and the next run goes on."""
    numbers = {
        "terminated": [signal.SIGTERM],
        "interrupted": [signal.SIGINT],
        "interrupted twice": [signal.SIGINT, signal.SIGINT],
    }[how]
    total = len(undisturbed(topology))
    for seed in seeds(short=1, soak=35):
        moment = random.Random(f"{seed} {how} {topology}").randint(1, total)  # noqa: S311 # reproducible
        with fresh_cloud() as aws:
            tried()
            user, signals = operator(topology, aws=aws), Signals(moment, numbers)
            ended, later = deploy(user, signals)
            said = (seed, moment, ended.stderr)
            assert ended.code == (143 if how == "terminated" else 130), said
            assert "Traceback" not in ended.stderr, said
            begun_later = later[1:] if later and later[0] == "ExecuteChangeSet" else later  # it was under way
            assert "ExecuteChangeSet" not in begun_later, said
            if how == "terminated":
                assert aws.clock.monotonic() <= signals.sent[0][0] + LONGEST_PAUSE, said  # the pause it was in
                assert len(later) <= 1, said  # the call that was under way
            if len(signals.sent) == 2:
                assert aws.clock.monotonic() <= signals.sent[1][0] + PAUSES, said
            if how == "terminated" or len(signals.sent) == 2:
                tried.most("seconds to the end", ended.seconds)
                assert ended.seconds < SOON or not SOAKING, said
            if how == "interrupted":
                assert left_to_execute(aws) == [], said
            nothing_deleted(aws)
            aws.clock.settle()
            assert user.run(*DEPLOY).code == 0, said
            nothing_deleted(aws)
            assert left_to_execute(aws) == [], said


PAUSES = 20.0
"""Virtual seconds in which change sets are deleted that were not executed."""


def left_to_execute(aws: FakeAws) -> list[str]:
    """Change sets that could still be executed."""
    return [each.name for each in aws.cloud.change_sets.values() if each.execution == "AVAILABLE"]


def nothing_deleted(aws: FakeAws) -> None:
    """No stack was deleted that had ever been more than under review."""
    real = {stack for _, stack, _, status in aws.cloud.transitions if status == "CREATE_IN_PROGRESS"}
    assert not [stack for _, stack, _, status in aws.cloud.transitions if status.startswith("DELETE") and stack in real]


@pytest.mark.long
def test_ctrl_c_pressed_again_and_again_ends_it_in_130(operator: Make) -> None:
    """Ctrl-C while the answer to Ctrl-C is printed, and while the process ends: no traceback, and no other code."""
    user = operator("nested")
    names = {**DEFAULTS, **user.variables, "AWS_ENDPOINT_URL": user.aws.url, "AWS_ACCESS_KEY_ID": ACCOUNT}
    for pause in (0.0, 0.0001, 0.001, 0.01)[: 4 if SOAKING else 2]:
        before = len(user.aws.calls)
        command = [sys.executable, "-m", "infragen", *DEPLOY]
        process = subprocess.Popen(
            command, cwd=user.directory, env=names, stderr=subprocess.PIPE, text=True, preexec_fn=default_signals
        )
        while len(user.aws.calls) == before and process.poll() is None:
            time.sleep(0.01)
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(pause)
        assert process.stderr is not None
        said = process.stderr.read()
        assert (process.returncode, "Traceback" in said, "Aborted" in said) == (130, False, False), said
