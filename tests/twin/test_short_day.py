"""The scenarios of `test_scenarios.py` that matter most, one after the other on one small system: what `make test` has.

One test, so that one process of the tests owns the emulator and deploys once. `make twin` plays all twelve, in both
topologies; this one has the end that a shared emulator cannot have.
"""

import time
from contextlib import ExitStack, chdir
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from commands import CommandLine
from emulator import kill
from notes import Notes, ask
from test_roles import REFUSED, attempt, roles
from test_scenarios import test_a_crash_loop_is_rolled_back_with_its_own_line as crash_loop
from test_scenarios import test_a_poison_message_is_done_once_after_the_fix as poison_message
from test_scenarios import test_an_image_takes_the_place_of_the_placeholder as first_image
from twins import needs_its_parts, until
from watchdog import watched

from infragen.cli import main
from infragen.machine.emulator import reset, start


@dataclass(frozen=True)
class Near(Notes):
    """The application, with infragen's commands in this process: to start one for each would be half of the time.

    `waited` are the seconds that the commands waited between their looks.
    """

    waited: list[float] = field(default_factory=list)

    monotonic = staticmethod(time.monotonic)

    def sleep(self, seconds: float) -> None:
        """Wait, and take note of it."""
        self.waited.append(seconds)
        time.sleep(seconds)

    def infragen(self, *arguments: str, ok: bool = True) -> str:
        """Run a command as `System.infragen` does."""
        with chdir(self.directory), pytest.MonkeyPatch.context() as environment:
            environment.setenv("INFRAGEN_STATE_DIR", str(self.twin.state_dir.parent))
            done = CommandLine(self).invoke(main, [*arguments, "--env", "dev", "--local"])
        assert not ok or done.exit_code == 0, done.output
        return done.output

    def place(self) -> None:
        """Deploy the environment without an image, in a process that may fork to lint: this one has threads."""
        self.infragen("bootstrap", "--yes")
        super().infragen("deploy", "--yes")


def test_a_small_system_runs_through_a_day(tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request reaches the database through API, queue and worker; a role is refused what lies beside its job; a
    crashing image is rolled back; a poison message is done once; and all of it outlives `kill -9` of the emulator.
    """
    monkeypatch.delenv("INFRAGEN_LOCAL_PARTS")
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    state_dir = tmp_path / "local"
    with ExitStack() as ends:
        ends.callback(reset, state_dir)
        running = start(state_dir)
        ends.enter_context(watched(running.pid, state_dir))
        needs_its_parts(running)
        shop = Near(running, "111111111111", "eu-central-1", tmp_path / "project")
        shop.write("nested")
        shop.create()
        first_image(shop)
        a_role_is_refused(shop)
        crash_loop(shop)
        poison_message(shop)
        assert max(shop.waited) <= 0.5  # nobody shares what the emulator bears
        kill(running)
        again = start(state_dir)
        ends.enter_context(watched(again.pid, state_dir))
        outlived_a_kill(replace(shop, twin=again))


def a_role_is_refused(shop: Notes) -> None:
    """The API's role sends messages; it may not receive or drop them, nor read the database's master password."""
    queue = {"QueueUrl": shop.queue()}
    master = {"SecretId": shop.outputs()["MasterSecretArn"]}
    beside = [("sqs", "receive_message", queue), ("sqs", "purge_queue", queue)]
    calls = [("sqs", "get_queue_attributes", queue), *beside, ("secretsmanager", "get_secret_value", master)]
    first, *others = attempt(shop, roles(shop)["TaskRole"], calls)
    assert (first, set(others) <= REFUSED) == ("ok", True), others


def outlived_a_kill(shop: Notes) -> None:
    """The next start has the stacks, the image and the data, and a task that answers."""
    assert shop.twin.killed is not None
    assert "nothing to change" in shop.infragen("plan")
    url = shop.outputs()["Url"]
    until(lambda: ask(url) == (200, "v1"), "an answer after the kill")
    assert shop.post(1) == 202
    until(lambda: shop.tally()[1:] == (0, 0, 0), "the delivery after the kill")
