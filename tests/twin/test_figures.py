"""The figures of the running emulator: what is lost, done twice, refused or left after a kill, and what it costs.

A small size here, the full one in a soak: `INFRAGEN_SOAK=1 pytest -n 0 -m twin -rP tests/twin/test_figures.py` prints
each figure. The emulator is this module's own, because it is killed.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from emulator import fresh_account
from figures import Tried
from notes import Notes, command, under_load
from sweeps import figure
from twins import PATIENCE, kept, until

from infragen.machine.emulator import Emulator, reset, start, status, stop

pytestmark = pytest.mark.twin

TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
MIB = 2**20


class Running:
    """The application in an emulator of its own, which can be ended and started again."""

    def __init__(self, state_dir: Path, project: Path) -> None:
        self.state_dir = state_dir
        self.shop = Notes(start(state_dir), fresh_account(), "eu-central-1", project)

    def again(self) -> None:
        """Start the emulator again, which serves what it kept, and wait for the API."""
        self.shop = replace(self.shop, twin=start(self.state_dir))
        until(lambda: self.shop.post(0) == 202, "the API")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Deploy the application to an emulator of its own; a message may fail often, because its workers are killed."""
    directory = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("INFRAGEN_LOCAL_PARTS", raising=False)
        found = Running(directory / "state" / "local", directory / "project")
        found.shop.write("nested")
        with costing(found, "first deploy"):
            found.shop.place()
        found.shop.release("v1")
        found.shop.retry(2, times=1000)
        try:
            yield found
        finally:
            reset(found.state_dir)


def processes(twin: Emulator) -> list[int]:
    """Return the emulator and what it started, with the children of that."""
    known = {twin.pid, *kept(twin.state_dir)}
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    while True:
        more = {pid for pid, parent in parents.items() if parent in known} - known
        if not more:
            return [pid for pid in known if pid in parents]
        known |= more


def seconds_of(pid: int) -> float:
    """Return the seconds of CPU of a process and of those that it waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


def memory(pid: int) -> float:
    """Return the memory of a process in MiB, what it shares with others divided among them."""
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(row.split()[1]) / 1024 for row in rows if row.startswith("Pss:"))


@contextmanager
def costing(running: Running, what: str) -> Iterator[None]:
    """Print the seconds, and the seconds of CPU of commands and of the emulator, that the block took."""
    own, theirs = os.times(), {pid: seconds_of(pid) for pid in processes(running.shop.twin)}
    yield
    now = os.times()
    commands = now.children_user + now.children_system - own.children_user - own.children_system
    emulator = sum(seconds_of(pid) - theirs.get(pid, 0.0) for pid in processes(running.shop.twin))
    elapsed = now.elapsed - own.elapsed
    sys.stdout.write(
        f"{what}: {elapsed:.1f} s, CPU {commands:.1f} s of the command, {emulator:.1f} s of the emulator\n"
    )


@pytest.mark.promise("T5", "an environment that runs")
def test_what_a_day_costs(running: Running, tried: Tried) -> None:
    """An image update, a rotation and a task each do what they say; the memory of all that runs is a figure."""
    shop = running.shop
    shop.put("v2")
    with costing(running, "image update"):
        shop.deploy("v2", "--no-release")
    before = shop.credentials()["username"]
    with costing(running, "rotation"):
        shop.infragen("rotate", "--yes")
    assert shop.credentials()["username"] != before
    with costing(running, "RunTask"):
        assert "done-42" in shop.infragen("run", "--", sys.executable, "-c", "print('done-%d' % 42)")
    assert shop.post(20) == 202
    until(lambda: shop.tally()[1:] == (0, 0, 0), "the delivery of all")
    parts = {pid: memory(pid) for pid in processes(shop.twin)}
    for pid, size in sorted(parts.items(), key=lambda each: -each[1]):
        sys.stdout.write(f"{size:6.0f} MiB  {command(pid)[:90]}\n")
    sys.stdout.write(f"{sum(parts.values()):6.0f} MiB in {len(parts)} processes\n")
    tried.most("MiB", sum(parts.values()))


@pytest.mark.promise("T3", "a request during rolling updates")
def test_no_request_fails_during_rolling_updates(running: Running, tried: Tried) -> None:
    """At 20 requests a second, each of which asks the database: 2,000 during ten updates in a soak."""
    shop, wanted, updates = running.shop, figure(100, 2_000), figure(2, 10)
    for tag in ("even", "odd"):
        shop.put(tag)
    done = 0
    with under_load(shop.outputs()["Url"]) as answers:
        while done < updates or len(answers) < wanted:
            tag = ("even", "odd")[done % 2]
            shop.deploy(tag, "--no-release")
            until(partial(answered, answers, tag), "an answer of the new task")
            done += 1
    failed = [each for each in answers if each[0] != 200]
    sys.stdout.write(f"{len(answers)} requests during {done} rolling updates, {len(failed)} failed\n")
    tried(len(answers))
    assert failed == []


def answered(answers: list[tuple[int, str]], tag: str) -> bool:
    """Return whether the newest answer is of an image."""
    return answers[-1] == (200, tag)


@pytest.mark.promise("T1", "a message while workers are killed")
def test_nothing_is_lost_or_done_twice_when_workers_are_killed(running: Running, tried: Tried) -> None:
    """Half of 10,000 messages in a soak, the workers killed with -9 over and over."""
    lost, twice = flow(running, figure(200, 5_000), lambda: None)
    tried(figure(200, 5_000))
    assert (lost, twice) == (0, 0)


@pytest.mark.promise("T2", "a message while workers and the emulator are killed")
def test_nothing_is_lost_or_done_twice_when_the_emulator_is_killed(running: Running, tried: Tried) -> None:
    """The other half: also a message that waits in a queue when the emulator is killed is done, and once."""

    def kill() -> None:
        os.kill(running.shop.twin.pid, signal.SIGKILL)
        until(lambda: status(running.state_dir) is None, "the end of the emulator")
        running.again()

    lost, twice = flow(running, figure(200, 5_000), kill)
    tried(figure(200, 5_000))
    assert (lost, twice) == (0, 0)


def flow(running: Running, count: int, half_way: Callable[[], None]) -> tuple[int, int]:
    """Let so many notes flow while workers are killed; return how many were lost and how many were done twice."""
    notes, undone, twice, _ = running.shop.tally()
    taken, kills, over = 0, 0, False
    while taken < count:
        taken += 20 if running.shop.post(20) == 202 else 0
        if taken >= count / 2 and not over:
            over = True
            half_way()
        if taken % 100 == 0:
            kills += running.shop.kill_workers()
    shop = running.shop

    def done() -> bool:
        _, left, _, unsent = shop.tally()
        return not unsent and (left == undone or shop.count() == 0)

    until(done, "the delivery of all")
    after = shop.tally()
    lost, again = after[1] - undone, after[2] - twice
    assert after[0] >= notes + taken  # each that was taken is in the database
    sys.stdout.write(f"{taken} messages, {kills} workers killed: {lost} lost, {again} done twice\n")
    return lost, again


WAYS: dict[str, Callable[[Emulator], object]] = {
    "stop": lambda twin: stop(twin.state_dir),
    "SIGTERM": lambda twin: os.kill(twin.pid, signal.SIGTERM),
    "kill -9": lambda twin: os.kill(twin.pid, signal.SIGKILL),
    "reset": lambda twin: reset(twin.state_dir),
}


@pytest.mark.promise("T4", "a way in which the emulator ends")
def test_no_process_is_left_in_whatever_way_the_emulator_ends(running: Running, tried: Tried) -> None:
    """With a task, a database and a function that run: the last test, because it forgets all of them."""
    for way, end in WAYS.items():
        twin = running.shop.twin
        assert running.shop.post(1) == 202
        until(lambda: running.shop.processes("_worker."), "a function")
        there = [(pid, started_at(pid)) for pid in processes(twin)]
        assert len(there) > 4
        end(twin)
        left = until_gone(there)
        sys.stdout.write(f"{way}: {len(there)} processes, {len(left)} left\n")
        tried()
        assert left == [], way
        if way != "reset":
            running.again()


def started_at(pid: int) -> str:
    """Return when a process started, which tells it from another of the same id; empty when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def until_gone(there: list[tuple[int, str]], seconds: float = PATIENCE) -> list[str]:
    """Wait for the end of processes and return the commands of those that are left."""
    give_up = time.monotonic() + seconds
    left = there
    while left and time.monotonic() < give_up:
        time.sleep(0.1)
        left = [(pid, began) for pid, began in left if began and started_at(pid) == began]
    return [command(pid) for pid, _ in left]
