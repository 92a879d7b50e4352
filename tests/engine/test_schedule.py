"""The scheduler over generated graphs: order, skipping, one outcome each, interruption."""

import os
import signal
from collections.abc import Callable, Mapping

import pytest
from figures import Tried
from hypothesis import given
from hypothesis import strategies as st
from stage import Listener
from sweeps import sweep

from infragen.engine.operate import Operation
from infragen.engine.outcome import Deployed, Failed, Outcome, Skipped, Unchanged, Unknown, exit_code
from infragen.engine.progress import Ended, Following, Timer
from infragen.engine.schedule import LONGEST_PAUSE, READS_PER_SECOND, RunResult, Task, pause, run_concurrently, walk
from infragen.errors import CloudError, Conflict, Refused


class Clock:
    """Virtual time."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    @property
    def timer(self) -> Timer:
        return Timer(self.now, self.sleep)


GRAPHS = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        *(
            st.tuples(
                st.lists(st.integers(0, i - 1), unique=True, max_size=4) if i else st.just([]),
                st.integers(0, 4),
                st.sampled_from(["ok", "ok", "ok", "same", "fails", "raises", "breaks"]),
            )
            for i in range(n)
        )
    )
)
Node = tuple[list[int], int, str]


def run(graph: tuple[Node, ...], reverse: bool = False) -> tuple[RunResult, dict[str, tuple[int, int]], Listener]:
    """Walks the graph; gives when (in steps) each stop began and ended."""
    steps = [0]
    times: dict[str, tuple[int, int]] = {}

    def begin(name: str) -> Operation:
        _, rounds, how = graph[int(name)]
        steps[0] += 1
        began = steps[0]
        for _ in range(rounds):
            yield
        steps[0] += 1
        times[name] = (began, steps[0])
        if how == "raises":
            raise Conflict("somebody else")
        if how == "breaks":
            raise KeyError("bug")
        good: Outcome = Unchanged(name, name, "") if how == "same" else Deployed(name, name, "")
        return Failed(name, name, "") if how == "fails" else good

    stops = [Task(str(i), str(i), tuple(map(str, needs))) for i, (needs, _, _) in enumerate(graph)]
    ui = Listener()
    found = walk(list(reversed(stops)) if reverse else stops, begin, ui, Clock().timer)
    return found, times, ui


def closure(graph: tuple[Node, ...]) -> set[int]:
    """All nodes that need, however far, one that does not succeed."""
    lost: set[int] = set()
    for index, (needs, _, _) in enumerate(graph):
        if any(need in lost or graph[need][2] not in ("ok", "same") for need in needs):
            lost.add(index)
    return lost


@pytest.mark.long
@pytest.mark.promise("P18", "graphs of at most 40 stacks: order kept, exactly the dependants skipped")
@given(graph=GRAPHS, reverse=st.booleans())
@sweep(short=60, soak=2000)
def test_nothing_begins_before_what_it_needs_and_exactly_the_dependants_are_skipped(
    tried: Tried, graph: tuple[Node, ...], reverse: bool
) -> None:
    """P18: whatever the order in which the stops are given."""
    tried()
    found, times, _ = run(graph, reverse)
    for index, (needs, _, _) in enumerate(graph):
        if str(index) in times:
            assert all(times[str(need)][1] < times[str(index)][0] for need in needs)
    skipped = {int(each.layer) for each in found.outcomes if isinstance(each, Skipped)}
    assert skipped == closure(graph)


@pytest.mark.long
@pytest.mark.promise("P19", "sets of outcomes: one line each, the exit code is the worst")
@given(graph=GRAPHS)
@sweep(short=50, soak=2000)
def test_every_stop_has_exactly_one_outcome_and_the_exit_code_is_the_worst(
    tried: Tried, graph: tuple[Node, ...]
) -> None:
    """P19, N11: also when a road raises one of our errors, or breaks."""
    tried()
    found, _, ui = run(graph)
    assert [each.layer for each in found.outcomes] == [str(index) for index in range(len(graph))]
    ended = [each.outcome.layer for each in ui.of(Ended)]
    assert sorted(ended) == sorted(str(index) for index in range(len(graph)))
    hows = {graph[int(each.layer)][2] for each in found.outcomes if not isinstance(each, Skipped)}
    expected = 70 if "breaks" in hows else 1 if "fails" in hows else 5 if "raises" in hows else 0
    assert exit_code(found.outcomes) == expected


@given(st.lists(st.sampled_from([70, 6, 1, 4, 5, 3, 2, 0]), max_size=8))
def test_the_exit_code_is_the_worst_of_all(codes: list[int]) -> None:
    """In the order 70, 6, 1, 4, 5, 3, 2, 0."""
    order = [70, 6, 1, 4, 5, 3, 2, 0]
    outcomes: list[Outcome] = [
        Unknown("x", "x", "") if code == 6 else Failed("x", "x", "", exit_code=code) for code in codes
    ]
    assert exit_code(outcomes) == (min(codes, key=order.index) if codes else 0)


def interrupted(at: Mapping[int, int], rounds: Mapping[str, int], needs: Mapping[str, tuple[str, ...]]) -> RunResult:
    """Walks with an interrupt raised in the sleep after these rounds."""
    clock, count = Clock(), [0]

    def sleep(seconds: float) -> None:
        count[0] += 1
        if count[0] in at:
            raise KeyboardInterrupt
        clock.sleep(seconds)

    def begin(name: str) -> Operation:
        for _ in range(rounds[name]):
            yield
        return Deployed(name, name, "")

    stops = [Task(name, name, needs.get(name, ())) for name in rounds]
    return walk(stops, begin, Listener(), Timer(clock.now, sleep))


def test_the_first_interrupt_begins_nothing_new_and_follows_what_runs() -> None:
    """What runs is followed to its end; what waited is skipped."""
    found = interrupted({2: 1}, {"a": 5, "b": 1}, {"b": ("a",)})
    assert [type(each) for each in found.outcomes] == [Deployed, Skipped]
    assert found.interrupted


def test_the_second_interrupt_stops_following() -> None:
    """What runs goes on in AWS, and its outcome is unknown."""
    found = interrupted({2: 1, 3: 1}, {"a": 50, "b": 1}, {"b": ("a",)})
    assert [type(each) for each in found.outcomes] == [Unknown, Skipped]


@given(st.integers(0, 5000), st.integers(0, 100))
def test_many_stacks_stay_within_the_read_rate(rounds: int, roads: int) -> None:
    """N1: two reads per stack and round: once grown, the pause keeps them under the rate, up to its bound."""
    seconds = pause(rounds, roads)
    assert 0 < seconds <= LONGEST_PAUSE
    if rounds > 25:
        assert 2 * roads / seconds <= READS_PER_SECOND or seconds == LONGEST_PAUSE


def test_a_quick_operation_is_noticed_quickly() -> None:
    """The first pauses are short."""
    assert sum(pause(rounds, 1) for rounds in range(3)) < 1.5


def test_a_quiet_stack_is_looked_at_every_five_seconds_and_more_often_again_when_something_moves() -> None:
    """After two minutes without news; an event brings the pause back to two seconds."""
    naps: list[float] = []

    def road(_: str) -> Operation:
        for at in range(200):
            yield at == 150
        return Deployed("a", "a", "")

    walk([Task("a", "a", ())], road, Listener(), Timer(lambda: sum(naps), naps.append))
    before, after = naps[:150], naps[150:]
    assert (before[40], before[-1]) == (2, 5)
    assert 90 <= sum(each for each in before if each < 5) <= 180
    assert after[0] == 2


@pytest.mark.parametrize("error", [Refused, CloudError])
def test_together_ends_with_the_first_error(error: Callable[[str], Exception]) -> None:
    """A change set that cannot be made ends the preparation of all."""

    def good() -> Operation:
        yield
        return Deployed("a", "a", "")

    def bad() -> Operation:
        yield
        raise error("no")

    assert run_concurrently([good(), good()], Clock().timer) == [Deployed("a", "a", "")] * 2
    with pytest.raises((Refused, CloudError)):
        run_concurrently([good(), bad()], Clock().timer)


def test_the_listener_hears_what_runs_after_each_round() -> None:
    """A heartbeat before each pause: seconds since the start and the names of what runs."""
    _, _, ui = run((([], 3, "ok"), ([], 1, "ok")))
    beats = ui.of(Following)
    assert [each.running for each in beats] == [("0", "1"), ("0",)]
    assert [each.seconds for each in beats] == sorted(each.seconds for each in beats)


def insistent(times: int) -> RunResult:
    """Three stops; in the first step of the first one Ctrl-C is pressed so often."""

    def begin(name: str) -> Operation:
        if name == "a":
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        yield
        return Deployed(name, name, "")

    stops = [Task("a", "a", ()), Task("b", "b", ()), Task("c", "c", ("a",))]
    return walk(stops, begin, Listener(), Clock().timer)


def test_an_interrupt_in_mid_call_lets_nothing_new_begin() -> None:
    """N6: not even what had its turn in the same round; what runs is followed."""
    found = insistent(1)
    assert [type(each) for each in found.outcomes] == [Deployed, Skipped, Skipped]
    assert found.interrupted


def test_two_interrupts_in_mid_call_stop_the_following() -> None:
    """N6: the road is cut off, and nobody takes that for its end."""
    found = insistent(2)
    assert [type(each) for each in found.outcomes] == [Unknown, Skipped, Skipped]
    assert found.interrupted


def test_no_look_comes_later_than_the_timer_bears() -> None:
    """As at the emulator, where half a second is the longest."""
    naps: list[float] = []

    def road(_: str) -> Operation:
        for _round in range(200):
            yield False
        return Deployed("a", "a", "")

    walk([Task("a", "a", ())], road, Listener(), Timer(lambda: sum(naps), naps.append, longest=0.5))
    assert (naps[0], max(naps)) == (0.25, 0.5)
