"""Two runs on one environment, at every interleaving of their calls: neither spoils the other's work.

A run takes turns: the first makes so many calls, then the second so many, then the first goes on to its end, and the
second after it. Only one of them is ever at work, so that the fake's virtual clock tells the same story each time.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations_with_replacement, groupby
from typing import Any

import pytest
from bench import once
from fakeaws import FakeAws
from figures import Tried
from stage import QUEUE, TOPIC, Listener, Stage, assembly, environment, layer
from sweeps import SEED, figure, seeds

from infragen.assembly.synth import Assembly
from infragen.cloud.protocol import Cloud
from infragen.engine.change_set_cleanup import find_left, sweep
from infragen.engine.deploy import deploy_environment, plan_environment
from infragen.engine.destroy import DestroyOptions, destroy_environment
from infragen.engine.options import Options
from infragen.engine.other_runs import MOST_ALIKE
from infragen.engine.outcome import Failed
from infragen.engine.progress import Ended, Event, Planned, Session, Timer, Warned
from infragen.engine.recover import RecoverOptions, recover_environment
from infragen.errors import Conflict, InfragenError

MOST_CALLS = 26
"""More calls than one run here makes before it only follows."""


@dataclass
class Turns:
    """Whose turn it is: (run, calls) in order; a run whose last turn is used up waits for the other to end."""

    order: list[tuple[int, int]]
    condition: threading.Condition = field(default_factory=threading.Condition)
    ended: set[int] = field(default_factory=set)

    def take(self, run: int) -> None:
        with self.condition:
            self.condition.wait_for(lambda: self._current() in (run, None), timeout=60)
            if self.order and self.order[0][0] == run:
                left = self.order[0][1] - 1
                self.order[0] = (run, left)
                if left <= 0:
                    self.order.pop(0)
            self.condition.notify_all()

    def end(self, run: int) -> None:
        with self.condition:
            self.ended.add(run)
            self.condition.notify_all()

    def _current(self) -> int | None:
        while self.order and self.order[0][0] in self.ended:
            self.order.pop(0)
        return self.order[0][0] if self.order else None


class Taking:
    """A Cloud whose every call waits for its turn."""

    def __init__(self, cloud: Any, turns: Turns, run: int) -> None:
        self._cloud, self._turns, self._run = cloud, turns, run

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._cloud, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self._turns.take(self._run)
            return found(*arguments, **named)

        return call


def app(topology: str, title: str) -> Assembly:
    topic = {**TOPIC, "Properties": {"DisplayName": title}}
    resources = {"Topic": topic, "Queue": QUEUE}
    second = {"Alarm": {**TOPIC, "Properties": {"DisplayName": {"Ref": "Name"}}}}
    return assembly(
        layer("app", resources, {"Name": {"Fn::GetAtt": ["Topic", "TopicName"]}}),
        layer("after", second, takes=[("app", "Name")]),
        env=environment(topology),
    )


def session(stage: Stage, turns: Turns, run: int) -> Session:
    clock = stage.aws.clock
    timer = Timer(clock.monotonic, clock.sleep, lambda: clock.now().timestamp())
    return Session(Taking(stage.cloud, turns, run), Listener(), timer)


def once_each(calls: int, others: int) -> list[tuple[int, int]]:
    """The first so many calls of one run, then of the other, then the rest of both."""
    return [(0, calls), (1, others), (0, 10**6), (1, 10**6)]


def interleaved(
    aws: FakeAws,
    session: Callable[[Turns, int], Session],
    runs: list[Callable[[Session], int]],
    order: list[tuple[int, int]],
) -> list[int]:
    """The exit codes of two runs that take turns in this order; `session` makes that of a run."""
    turns = Turns(order)
    codes = [70, 70]

    def work(run: int) -> None:
        try:
            codes[run] = runs[run](session(turns, run))
        except InfragenError as error:
            codes[run] = error.exit_code
        finally:
            turns.end(run)

    threads = [threading.Thread(target=work, args=(run,), daemon=True) for run in (0, 1)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(120)
    aws.clock.settle()
    return codes


def together(stage: Stage, runs: list[Callable[[Session], int]], order: list[tuple[int, int]]) -> list[int]:
    """The exit codes of two runs that interleave so."""
    return interleaved(stage.aws, partial(session, stage), runs, order)


def deploys(topology: str, title: str) -> Callable[[Session], int]:
    return lambda session: deploy_environment(app(topology, title), session).exit_code


def begin(stage: Stage, topology: str) -> None:
    """Have the environment deployed."""
    made = app(topology, "a")

    def deploy() -> None:
        assert deploy_environment(made, stage.session).exit_code == 0

    once(stage.aws, (topology, *(each.text for each in made.templates)), deploy)


def plans(topology: str, title: str) -> Callable[[Session], int]:
    def plan(session: Session) -> int:
        plan_environment(app(topology, title), session)
        return 0

    return plan


PAIRS = [(calls, others) for calls in range(1, MOST_CALLS) for others in range(1, MOST_CALLS)]


FOUND = [(1, 22)]
"""What a soak found: the other run updates a stack between its creation and the moment its outputs are read."""


def sampled(short: int) -> list[tuple[int, int]]:
    return PAIRS if figure(0, 1) else FOUND + random.Random(SEED).sample(PAIRS, short)  # noqa: S311 # a sample


@pytest.mark.long
@pytest.mark.promise("P10", "two runs that interleave: one operation on a stack, the loser ends in 5")
@pytest.mark.parametrize("first", ["creation", "update"])
@pytest.mark.parametrize(("calls", "others"), sampled(4))
def test_p10_two_deployments_never_spoil_each_other(
    stage: Stage, topology: str, first: str, calls: int, others: int, tried: Tried
) -> None:
    """P10, C5: each ends in 0 or in 5, at least one in 0, and no stack ever has two operations (the fake looks)."""
    if first == "update":
        begin(stage, topology)
    tried()
    codes = together(stage, [deploys(topology, "b"), deploys(topology, "c")], once_each(calls, others))
    assert set(codes) <= {0, 5}, codes
    assert 0 in codes
    stage.aws.check()


@pytest.mark.long
@pytest.mark.promise("P10", "a plan beside a deployment")
@pytest.mark.parametrize(("calls", "others"), sampled(4))
@pytest.mark.parametrize("planning", [0, 1])
def test_p10_a_plan_beside_a_deployment_touches_nothing_of_it(
    stage: Stage, topology: str, calls: int, others: int, planning: int, tried: Tried
) -> None:
    """P10: the deployment ends in 0, whatever the plan met; the plan ends in 0 or in 5."""
    begin(stage, topology)
    tried()
    runs = [deploys(topology, "b"), plans(topology, "c")]
    codes = together(stage, runs[::-1] if planning == 0 else runs, once_each(calls, others))
    assert codes[1 - planning] == 0, codes
    assert codes[planning] in (0, 5), codes
    stage.aws.check()


def destroys(topology: str, title: str) -> Callable[[Session], int]:
    return lambda session: destroy_environment(environment(topology), session).exit_code


def recovers(topology: str, title: str) -> Callable[[Session], int]:
    return lambda session: recover_environment(environment(topology), session).exit_code


COMMANDS = {"deploy": deploys, "plan": plans, "destroy": destroys, "recover": recovers}
TWO = [pair for pair in combinations_with_replacement(COMMANDS, 2) if "destroy" in pair or "deploy" in pair]


def turns_of(seed: int) -> list[tuple[int, int]]:
    """Turns of one to four calls each, to the end of both: a switch can be at every boundary of two calls."""
    rng = random.Random(seed)  # noqa: S311 # a sample
    first = rng.randrange(2)
    return [((first + turn) % 2, 1 if seed % 3 == 0 else rng.randint(1, 4)) for turn in range(400)]


@pytest.mark.long
@pytest.mark.promise("P10", "two commands that take turns call by call: one operation on a stack, no bug")
@pytest.mark.parametrize("pair", TWO, ids="-".join)
def test_p10_commands_that_take_turns_call_by_call_never_spoil_each_other(
    stage: Stage, topology: str, pair: tuple[str, str], tried: Tried
) -> None:
    """P10, C5: each ends as if it were alone or in 5. A deployment whose stacks are deleted meanwhile may end in 1, or
    be refused (3) because what it would change is gone.

    No stack ever has two operations (the fake looks), and afterwards one command brings the environment to rest.
    """
    for seed in seeds(short=1, soak=40):
        tried()
        begin(stage, topology)
        codes = together(
            stage, [COMMANDS[each](topology, f"b{n}{seed}") for n, each in enumerate(pair)], turns_of(seed)
        )
        allowed = {0, 1, 3, 5} if "destroy" in pair else {0, 5}
        assert set(codes) <= allowed, (seed, codes)
        assert 0 in codes or pair == ("deploy", "destroy"), (seed, codes)
        stage.aws.check()
        assert deploy_environment(app(topology, f"c{seed}"), stage.session).exit_code == 0, (seed, codes)


def busy(status: str) -> str:
    """What CloudFormation says of a stack in this status."""
    return f"Stack:arn:aws:cloudformation:us-east-1:111111111111:stack/a/b is in {status} state and can not be updated."


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("ExecuteChangeSet", lambda cloud: cloud.execute_change_set("one", "two", "token")),
        ("DeleteStack", lambda cloud: cloud.delete_stack("two", "token")),
        ("ContinueUpdateRollback", lambda cloud: cloud.continue_rollback("two", "token", ())),
        ("RollbackStack", lambda cloud: cloud.roll_back("two", "token")),
    ],
)
def test_what_begins_an_operation_beside_another_one_is_a_conflict(
    stage: Stage, operation: str, call: Callable[[Cloud], None]
) -> None:
    """P10: whichever call it is; recover and destroy end in 5 as deploy does."""
    stage.aws.refuse(f"cloudformation:{operation}", "ValidationError", busy("UPDATE_ROLLBACK_IN_PROGRESS"))
    with pytest.raises(Conflict, match="UPDATE_ROLLBACK_IN_PROGRESS"):
        call(stage.session.cloud)


@pytest.mark.parametrize("status", ["DELETE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_COMPLETE"])
def test_an_operation_that_is_over_when_it_is_looked_at_is_a_conflict_all_the_same(
    stage: Stage, topology: str, status: str
) -> None:
    """P10: AWS's refusal says that another one had the stack; what stands there a moment later does not."""
    begin(stage, topology)
    stage.aws.refuse("cloudformation:ExecuteChangeSet", "ValidationError", busy(status))
    ended = deploy_environment(app(topology, "b"), stage.session)
    assert ended.exit_code == 5, ended.outcomes
    assert "overtaken" in str(ended.outcomes)
    assert deploy_environment(app(topology, "b"), stage.session).exit_code == 0


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_deployment_that_waits_goes_on_by_itself_when_the_other_one_is_over(
    stage: Stage, topology: str, seed: int
) -> None:
    """Both end in 0, the second says whose run it waits for, and no stack of the first comes after its own."""
    begin(stage, topology)
    heard: list[str] = []

    def first(session: Session) -> int:
        mine = replace(session, run="aaaaaaaa", revision=("c0ffee" * 7, True))
        return deploy_environment(app(topology, "b"), mine).exit_code

    def second(session: Session) -> int:
        code = deploy_environment(app(topology, "c"), replace(session, run="bbbbbbbb"), Options(wait=3600)).exit_code
        assert isinstance(session.ui, Listener)
        heard.extend(each.text for each in session.ui.of(Warned))
        return code

    stage.aws.calls.clear()
    codes = together(stage, [first, second], [(0, MOST_CALLS), *turns_of(seed)])
    assert codes == [0, 0]
    executed = [
        stage.aws.cloud.change_sets[each.params["ChangeSetName"]].description or ""
        for each in stage.aws.calls
        if each.operation == "ExecuteChangeSet"
    ]
    runs = ["aaaaaaaa" if "aaaaaaaa" in each else "bbbbbbbb" for each in executed]
    assert runs == sorted(runs)
    assert any("run aaaaaaaa from commit c0ffeec0ffee by assumed-role/deployer/test" in each for each in heard), heard
    stage.aws.check()


def beside(topology: str, title: str, changes: str) -> Assembly:
    """Two layers that do not need each other; `changes` says which of them get the title."""
    layers = [
        layer(name, {"Topic": {**TOPIC, "Properties": {"DisplayName": title if name in changes else "a"}}})
        for name in ("first", "second")
    ]
    return assembly(*layers, env=environment(topology))


WAITING: dict[str, tuple[Callable[[str, str], Assembly], Callable[[str, str], Assembly]]] = {
    "one after the other": (app, app),
    "side by side": (
        lambda topology, title: beside(topology, title, "first second"),
        lambda topology, title: beside(topology, title, "first second"),
    ),
    "one of two": (
        lambda topology, title: beside(topology, title, "second"),
        lambda topology, title: beside(topology, title, "first second"),
    ),
}


@pytest.mark.long
@pytest.mark.promise("P10", "two deployments that wait for each other: both end in 0, and do not interleave")
@pytest.mark.parametrize("layers", WAITING)
@pytest.mark.parametrize(("calls", "others"), sampled(3))
def test_p10_two_deployments_that_wait_come_one_after_the_other(
    stage: Stage, topology: str, layers: str, calls: int, others: int, tried: Tried
) -> None:
    """S7: wherever the second begins, before the first has changed anything too, it waits, plans again and goes on."""
    first, second = WAITING[layers]
    assert deploy_environment(first(topology, "a"), stage.session).exit_code == 0
    tried()
    stage.aws.calls.clear()

    def waits(make: Callable[[str, str], Assembly], title: str, run: str) -> Callable[[Session], int]:
        deployed = make(topology, title)
        return lambda session: deploy_environment(deployed, replace(session, run=run), Options(wait=3600)).exit_code

    runs = [waits(first, "b", "aaaaaaaa"), waits(second, "c", "bbbbbbbb")]
    assert together(stage, runs, once_each(calls, others)) == [0, 0]
    executed = [executing_run(stage, each.params["ChangeSetName"]) for each in stage.aws.calls if begins(each)]
    assert len([run for run, _ in groupby(executed)]) <= 2, executed
    assert set(executed) == {"aaaaaaaa", "bbbbbbbb"}
    stage.aws.check()


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_a_run_that_waits_begins_with_nothing_while_another_one_works_on_a_stack_of_its_plan(
    stage: Stage, topology: str
) -> None:
    """Although the stack that it would begin with is free: what the two deploy would mix."""
    assert deploy_environment(beside(topology, "a", "first second"), stage.session).exit_code == 0
    stage.aws.slow("Topic", 300, on="update")
    stage.aws.calls.clear()

    @dataclass
    class Overtaken(Listener):
        began: bool = False

        def tell(self, event: Event) -> None:
            super().tell(event)
            if isinstance(event, Planned) and not self.began:
                self.began = True
                other = replace(stage.session, run="bbbbbbbb")
                soon = Options(follow_timeout=30)
                assert deploy_environment(beside(topology, "b", "second"), other, soon).exit_code == 6

    own = replace(stage.session, run="aaaaaaaa", ui=Overtaken())
    assert deploy_environment(beside(topology, "c", "first second"), own, Options(wait=3600)).exit_code == 0
    executed = [executing_run(stage, each.params["ChangeSetName"]) for each in stage.aws.calls if begins(each)]
    assert executed == ["bbbbbbbb", "aaaaaaaa", "aaaaaaaa"]
    assert isinstance(own.ui, Listener)
    said = [each.text for each in own.ui.of(Warned)]
    assert any("UPDATE_IN_PROGRESS since a moment ago: another run came first" in each for each in said), said
    assert len(own.ui.of(Planned)) == 2
    assert not [each for each in own.ui.of(Ended) if isinstance(each.outcome, Failed)], "it is no failure"


def test_a_wait_that_is_over_ends_in_the_conflict_that_it_waited_for(stage: Stage, topology: str) -> None:
    """And a conflict that comes back while nothing changes is not waited for, however long the wait may be."""
    begin(stage, topology)
    words = "Stack:shop-dev is in UPDATE_IN_PROGRESS state and can not be updated."
    stage.aws.refuse("cloudformation:CreateChangeSet", "ValidationError", words, times=100)
    began = stage.aws.clock.monotonic()
    with pytest.raises(Conflict, match="UPDATE_IN_PROGRESS state"):
        deploy_environment(app(topology, "b"), stage.session, Options(wait=float("inf")))
    assert stage.aws.clock.monotonic() - began < 600
    assert sum(each.operation == "CreateChangeSet" for each in stage.aws.calls) >= MOST_ALIKE


def begins(call: Any) -> bool:
    return call.operation == "ExecuteChangeSet" and call.error is None


def executing_run(stage: Stage, change_set: str) -> str:
    said = stage.aws.cloud.change_sets[change_set].description or ""
    return "aaaaaaaa" if "aaaaaaaa" in said else "bbbbbbbb"


@pytest.mark.long
@pytest.mark.parametrize(("command", "status"), [("destroy", "DELETE_COMPLETE"), ("recover", "UPDATE_COMPLETE")])
def test_destroy_and_recover_wait_behind_another_run_or_say_whose_it_is(
    stage: Stage, topology: str, command: str, status: str
) -> None:
    """Without --wait they end in 5 with the run, its commit and its caller; with it they go on by themselves."""
    begin(stage, topology)
    stack = stage.aws.stack("shop-dev" if topology == "nested" else "shop-dev-app")
    run = replace(stage.session, run="aaaaaaaa", revision=("c0ffee" * 7, True))
    stage.aws.slow("Topic", 300, on="update")
    assert deploy_environment(app(topology, "b"), run, Options(follow_timeout=30)).exit_code == 6
    env = environment(topology)
    engines: dict[str, Callable[[float | None], int]] = {
        "destroy": lambda wait: destroy_environment(env, stage.session, DestroyOptions(wait=wait)).exit_code,
        "recover": lambda wait: recover_environment(env, stage.session, RecoverOptions(wait=wait)).exit_code,
    }
    with pytest.raises(Conflict, match="run aaaaaaaa from commit c0ffeec0ffee by assumed-role/deployer/test"):
        engines[command](None)
    assert engines[command](3600) == 0
    assert stack.status == status
    stage.aws.check()


@pytest.mark.parametrize("topology", ["independent"])
def test_a_young_change_set_of_another_run_is_never_touched(stage: Stage, topology: str, aws: FakeAws) -> None:
    """C5: not by a sweep, and not by `changesets prune`, which counts it; an hour later both take it."""
    begin(stage, topology)
    clock = aws.clock
    timer = Timer(clock.monotonic, clock.sleep, lambda: clock.now().timestamp())
    run = replace(stage.session, timer=timer, run="11111111")
    [found] = [each for each in aws.cloud.stacks.values() if each.name in ("shop-dev", "shop-dev-app")]
    made = aws.elsewhere.create_change_set({
        "StackName": found.name, "ChangeSetName": "infragen-other", "ChangeSetType": "UPDATE",
        "UsePreviousTemplate": True,
        "Description": "infragen shop-dev app, made by run 22222222", "Tags": [{"Key": "a", "Value": "b"}],
    })  # fmt: skip
    clock.advance(30)
    sweep(run, [found.id])
    assert made["Id"] in aws.cloud.change_sets
    assert [(each.in_use, each.deletable) for each in find_left(environment(topology), run)] == [(1, ())]
    sweep(replace(run, run="22222222"), [])
    clock.advance(3600)
    assert [(each.in_use, len(each.deletable)) for each in find_left(environment(topology), run)] == [(0, 1)]
    sweep(run, [found.id])
    clock.settle()
    assert aws.cloud.change_sets.get(made["Id"]) is None or "DELETE" in aws.cloud.change_sets[made["Id"]].status
