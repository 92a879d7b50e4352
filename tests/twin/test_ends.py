"""Nothing that the emulator started outlives it, in whatever way it ends."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from emulator import REGION, fresh_account, make_client
from twins import PATIENCE, kept, until

from infragen.machine.emulator import Emulator, put_image, reset, start, status, stop
from infragen_local.children import Children
from infragen_local.reaper import MARK, clean, started_at

PROGRAM = """
  require('child_process').spawn('sleep', ['1000'], { stdio: 'ignore' });
  require('child_process').spawn('sleep', ['2000'], { stdio: 'ignore', detached: true });  // in a session of its own
  setInterval(() => {}, 9e4);
  console.log('up');
"""


def killed(running: Emulator) -> None:
    """Kill the emulator as a machine that runs out of memory does."""
    os.kill(running.pid, signal.SIGKILL)
    until(lambda: status(running.state_dir) is None, "the end of the emulator")


def terminated(running: Emulator) -> None:
    """End it as a system that shuts down does."""
    os.kill(running.pid, signal.SIGTERM)


WAYS: dict[str, Callable[[Emulator], object]] = {
    "stop": lambda running: stop(running.state_dir),
    "reset": lambda running: reset(running.state_dir),
    "SIGTERM": terminated,
    "kill -9": killed,
}


@pytest.mark.parametrize(
    "way", [way if way == "kill -9" else pytest.param(way, marks=pytest.mark.twin) for way in WAYS]
)
def test_no_process_outlives_the_emulator(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task and what that started are gone when the next emulator can start, which cleans up what is left."""
    monkeypatch.setenv("INFRAGEN_LOCAL_PARTS", "tasks")
    running, account = start(tmp_path / "state"), fresh_account()
    image = tmp_path / "image"
    image.mkdir()
    (image / "main.cjs").write_text(PROGRAM)
    make_client(running, "ecr", account).create_repository(repositoryName="shop")
    put_image(running, (account, REGION, "shop"), "v1", image, ["node", "main.cjs"])
    ecs = make_client(running, "ecs", account)
    ecs.create_cluster(clusterName="shop")
    container = {"name": "api", "image": f"{account}.dkr.ecr.{REGION}.amazonaws.com/shop:v1"}
    ecs.register_task_definition(family="one", networkMode="awsvpc", containerDefinitions=[container])
    task = ecs.run_task(cluster="shop", taskDefinition="one")["tasks"][0]["taskArn"]
    until(lambda: ecs.describe_tasks(cluster="shop", tasks=[task])["tasks"][0]["lastStatus"] == "RUNNING", "the start")
    [leader] = kept(running.state_dir)
    until(lambda: len(members(leader)) == 2, "the task's own child")
    until(lambda: len(started_by(leader)) == 3, "the one that left its group")
    marked = started_by(leader)
    WAYS[way](running)
    until(lambda: not members(leader), f"the end of the task after {way}")
    until(lambda: not any(runs(each) for each in marked), f"the end of what left its group after {way}")
    assert not reset(tmp_path / "state") or way != "reset"


def started_by(pid: int) -> list[str]:
    """Return the processes whose environment has the mark of this one."""

    def mark(environment: Path) -> str:
        try:
            values = environment.read_text(errors="replace").split("\0")
        except OSError:
            return ""
        return next((each for each in values if each.startswith(f"{MARK}=")), "")

    own = mark(Path(f"/proc/{pid}/environ"))
    return [each.parent.name for each in Path("/proc").glob("[0-9]*/environ") if own and mark(each) == own]


def runs(pid: str) -> bool:
    return bool(started_at(int(pid)))


def members(group: int) -> list[str]:
    """Return the processes of a group that run, by /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            found.append(stat.parent.name)
    return found


def test_what_leaves_the_group_of_a_process_ends_with_it_and_nothing_of_another(tmp_path: Path) -> None:
    """A daemon in a session of its own, of the process that ended alone and of what ran beside it; the mark of another
    process is another one.
    """
    children = Children(tmp_path / "processes")
    path = {"PATH": os.environ["PATH"]}
    daemon = "setsid sleep 1000 &"
    try:
        first = children.start(["sh", "-c", f"{daemon} {daemon} exec sleep 1000"], cwd=tmp_path, env=path)
        second = children.start(["sh", "-c", f"{daemon} exec sleep 1000"], cwd=tmp_path, env=path)
        until(lambda: len(started_by(first.pid)) == 3 and len(started_by(second.pid)) == 2, "their daemons")
        beside = children.start(["sh", "-c", f"{daemon} exec sleep 1000"], cwd=tmp_path, env=path, beside=first)
        until(lambda: len(started_by(first.pid)) == 5, "what runs beside it")
        beside.kill()
        children.wait(beside)  # as a health check, whose end is not the container's
        theirs, others = started_by(first.pid), started_by(second.pid)
        assert len(theirs) == 4
        first.kill()
        children.wait(first)
        until(lambda: not any(map(runs, theirs)), "the end of the daemons")
        assert all(map(runs, others))
    finally:
        children.end()
    until(lambda: not any(map(runs, others)), "the end of the other's")


def test_an_emulator_ends_nothing_of_another_at_the_same_path(tmp_path: Path) -> None:
    """Its state directory was removed while it ran, and another started there: each cleans up after itself alone."""
    file = tmp_path / "processes"
    first = Children(file)
    ours = first.start(["sleep", "1000"], cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    file.unlink()
    second = Children(file)
    theirs = second.start(["sleep", "1000"], cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    try:
        first.end()
        assert ours.wait(PATIENCE) == -signal.SIGKILL
        assert theirs.poll() is None
        assert kept(tmp_path) == [theirs.pid]
    finally:
        second.end()
    assert theirs.wait(PATIENCE) == -signal.SIGKILL


def test_what_a_file_names_is_ended_only_if_it_is_the_same_process(tmp_path: Path) -> None:
    """An id that now is another process's, a line that was cut off and one that makes no sense name nothing."""
    stranger = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        (tmp_path / "processes").write_text(f"{stranger.pid} 12345 9\n{stranger.pid}\nx y z\n{stranger.pid} 1")
        assert clean(tmp_path / "processes") == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
