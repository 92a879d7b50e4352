"""The event follower over generated streams: nothing lost, nothing twice, nothing of anybody else."""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from figures import Tried
from sweeps import seeds

from infragen.cloud.cloudformation import EventPage, StackEvent
from infragen.cloud.template import STACK_TYPE
from infragen.engine.follow import Follower, LayerEvent
from infragen.engine.outcome import CANCELLED, root_cause, stack_cause
from infragen.errors import Unavailable
from infragen.secrecy.visible import quoted

START = datetime(2026, 1, 1, tzinfo=UTC)
OURS, THEIRS = "infragen-ours", "theirs"


@dataclass
class Stream:
    """CloudFormation's events, in pages, growing while they are read: late ones, ties, and pages that fail."""

    seed: int
    stacks: dict[str, list[tuple[int, StackEvent]]] = field(default_factory=dict)
    now: int = 0
    errors: float = 0.0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 # reproducible, not secret
        self.page = self.random.choice([1, 2, 3, 7, self.random.randint(1, 100)])

    def add(
        self, stack: str, logical: str, physical: str, status: str, token: str, late: bool = False, **more: Any
    ) -> None:
        """An event at the present instant; a late one becomes visible some instants after it."""
        events = self.stacks.setdefault(stack, [])
        skew = timedelta(days=1) if self.seed % 2 else -timedelta(days=1)
        event = StackEvent(
            f"{stack}-{len(events)}", stack, stack, logical, physical, more.pop("type", "AWS::SNS::Topic"), status,
            START + skew + timedelta(seconds=self.now // 3), token=token, **more,
        )  # fmt: skip
        events.append((self.now + (self.random.randint(1, 6) if late else 0), event))
        self.now += self.random.randint(0, 1)

    def events(self, stack_id: str, next_token: str = "") -> EventPage:
        """A page, newest first; new events shift the later pages, as a token that is an offset would."""
        if self.random.random() < self.errors:
            raise Unavailable("throttled")
        self.now += self.random.random() < 0.2  # late events can become visible between two pages
        visible = [event for at, event in self.stacks.get(stack_id, []) if at <= self.now][::-1]
        first = int(next_token or 0)
        rest = first + self.page < len(visible)
        return EventPage(tuple(visible[first : first + self.page]), str(first + self.page) if rest else "")


Step = tuple[str, str, str, str, bool]
"""Stack, logical id, physical id, status, whether it is a nested stack."""


def operation(rng: random.Random, stack: str, depth: int, action: str) -> list[Step]:
    """What one stack's resources and the stacks nested in it, at most three deep, say while it works."""
    found = []
    for index in range(rng.randint(1, 12 if depth == 0 else 5)):
        if depth < 3 and rng.random() < 0.3:
            child = f"{stack}.{index}"
            what = rng.choice(["CREATE", "UPDATE", "DELETE"])  # a deleted child is read by its ARN all the same
            unknown = [(stack, f"Child{index}", "", f"{what}_IN_PROGRESS", True)] if what == "CREATE" else []
            inner = [(child, "child", child, f"{what}_IN_PROGRESS", True), *operation(rng, child, depth + 1, what)]
            found.append([
                *unknown,
                (stack, f"Child{index}", child, f"{what}_IN_PROGRESS", True),
                *inner,
                (child, "child", child, f"{what}_COMPLETE", True),
                (stack, f"Child{index}", child, f"{what}_COMPLETE", True),
            ])  # fmt: skip
        else:
            name = f"R{index}"
            found.append([(stack, name, end, f"{action}_{how}", False) for end, how in RESOURCE])
    return interleaved(rng, found)


RESOURCE = (("", "IN_PROGRESS"), ("p", "IN_PROGRESS"), ("p", "COMPLETE"))


def interleaved(rng: random.Random, rows: list[list[Step]]) -> list[Step]:
    """All rows side by side, each in its own order."""
    turns = [index for index, row in enumerate(rows) for _ in row]
    rng.shuffle(turns)
    iterators = [iter(row) for row in rows]
    return [next(iterators[turn]) for turn in turns]


def follow(seed: int, errors: float, late: float) -> tuple[list[StackEvent], list[StackEvent]]:
    """Plays a stream while it is followed; gives what was told and what should have been."""
    stream = Stream(seed)
    root = f"arn:root:{seed}"
    steps = operation(stream.random, root, 0, "UPDATE")
    existing = [root, *sorted({stack for stack, *_ in steps if stack != root and stream.random.random() < 0.5})]
    for index in range(stream.random.randint(0, 30)):
        stream.add(stream.random.choice(existing), f"Old{index}", "p", "CREATE_COMPLETE", "earlier")
    stream.now += 10
    anchored = {name: events[-1][1].event_id for name, events in stream.stacks.items()}
    before = {event.event_id for events in stream.stacks.values() for _, event in events}
    follower = Follower(stream, root, "root", OURS, anchored, lambda parent, name: name.lower())  # type: ignore[arg-type]  # a follower reads events and nothing else
    stream.errors = errors
    told: list[LayerEvent] = []

    def poll(finish: bool = False) -> None:
        while True:
            try:
                told.extend(follower.finish() if finish else follower.poll())
            except Unavailable:
                if not finish:
                    return
            else:
                return

    if stream.random.random() < 0.3:
        stream.add(root, "Between", "p", "UPDATE_IN_PROGRESS", THEIRS)
    for stack, logical, physical, status, nested in steps:
        more = {"type": STACK_TYPE} if nested else {}
        stream.add(stack, logical, physical, status, OURS, stream.random.random() < late, **more)
        if stream.random.random() < 0.2:
            poll()
    stream.now += 10
    stream.add(root, "Later", "p", "UPDATE_IN_PROGRESS", THEIRS)
    stream.now += 1
    poll(finish=True)
    everything = [event for events in stream.stacks.values() for _, event in events]
    return [each.event for each in told], [e for e in everything if e.event_id not in before and e.token != THEIRS]


@pytest.mark.long
@pytest.mark.promise("P1", "event streams followed: no event lost, doubled or foreign")
@pytest.mark.parametrize(("errors", "late"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.05), (0.1, 0.05), (0.2, 0.3)])
def test_events_are_neither_lost_nor_doubled_nor_foreign(tried: Tried, errors: float, late: float) -> None:
    """P1: with failing pages, late events, ties, a clock that is a day off, nested stacks, other operations."""
    for seed in seeds(short=60, soak=2000):
        told, expected = follow(seed, errors, late)
        ids = [event.event_id for event in told]
        assert len(set(ids)) == len(ids), f"seed {seed}: doubled"
        assert set(ids) == {event.event_id for event in expected}, f"seed {seed}"
        tried()


def test_a_nested_stack_is_known_by_its_layer() -> None:
    """Its events carry the name that its parent's logical id stands for."""
    stream = Stream(1)
    stream.add("root", "Database", "arn:child", "CREATE_IN_PROGRESS", OURS, type=STACK_TYPE)
    stream.add("arn:child", "Cluster", "c", "CREATE_COMPLETE", OURS)
    stream.now += 10
    follower = Follower(stream, "root", "root", OURS, {}, lambda parent, name: f"{parent}>{name}")  # type: ignore[arg-type]  # a follower reads events and nothing else
    assert [(each.layer, each.event.logical_id) for each in follower.finish()] == [
        ("root", "Database"),
        ("root>Database", "Cluster"),
    ]


def failure_tree(seed: int) -> tuple[list[LayerEvent], StackEvent]:
    """The events of an operation that failed, shuffled between stacks, and the event that is the cause."""
    rng = random.Random(seed)  # noqa: S311 # reproducible, not secret
    depth = rng.randint(0, 3)
    clock = 0
    events: list[LayerEvent] = []

    def happen(layer: str, logical: str, physical: str, status: str, kind: str, reason: str = "") -> StackEvent:
        nonlocal clock
        clock += rng.randint(0, 2)
        event = StackEvent(
            f"e{len(events)}", f"arn:{layer}", layer, logical, physical, kind, status,
            START + timedelta(seconds=clock), quoted(reason),
        )  # fmt: skip
        events.append(LayerEvent(layer, event))
        return event

    layers = ["root", *("/".join(["database", *"abc"[:level]]) for level in range(depth))]
    for _ in range(rng.randint(0, 8)):
        happen(
            rng.choice(layers), "Fine", "p", rng.choice(["CREATE_COMPLETE", "CREATE_IN_PROGRESS"]), "AWS::SNS::Topic"
        )
    clock += 3
    cause = happen(
        layers[-1], "Db", "db", rng.choice(["CREATE_FAILED", "UPDATE_FAILED"]), "AWS::RDS::DBCluster", "the cause"
    )
    for _ in range(rng.randint(0, 5)):
        happen(rng.choice(layers), "Gone", "", "CREATE_FAILED", "AWS::SNS::Topic", rng.choice(sorted(CANCELLED)))
    for level in range(depth, 0, -1):
        happen(layers[level], layers[level], f"arn:{layers[level]}", "CREATE_FAILED", STACK_TYPE, "resources failed")
        happen(layers[level - 1], "Nested", f"arn:{layers[level]}", "CREATE_FAILED", STACK_TYPE, "Embedded stack")
    if rng.random() < 0.5:
        clock += 3
        happen(rng.choice(layers), "Second", "s", "CREATE_FAILED", "AWS::SNS::Topic", "a later failure")
    happen("root", "root", "arn:root", "ROLLBACK_IN_PROGRESS", STACK_TYPE, "The following resource(s) failed")
    rng.shuffle(events)
    return events, cause


@pytest.mark.promise("P2", "failure trees: the cause named is the first true failure")
def test_the_root_cause_is_the_first_true_failure(tried: Tried) -> None:
    """P2: over many failure trees, nested up to three deep, with cancellations and later failures, shuffled."""
    for seed in seeds(short=80, soak=1000):
        events, cause = failure_tree(seed)
        found = root_cause(events)
        assert found is not None
        assert (found.logical_id, found.reason) == (cause.logical_id, "the cause"), f"seed {seed}"
        assert found.cancelled == sum(each.event.reason in CANCELLED for each in events)
        tried()


def test_a_reason_that_only_mentions_cancelling_is_a_cause() -> None:
    """The exact texts of CloudFormation count, not a word in them."""
    event = StackEvent(
        "e", "s", "s", "Db", "p", "AWS::RDS::DBCluster", "CREATE_FAILED", START, quoted("payment was cancelled")
    )
    found = root_cause([LayerEvent("database", event)])
    assert found is not None
    assert found.reason == "payment was cancelled"


def told(
    layer: str, name: str, kind: str, status: str, reason: str = "", physical: str = "p", at: int = 0
) -> LayerEvent:
    when = START + timedelta(seconds=at)
    event = StackEvent(f"{layer}{name}{at}", f"arn:{layer}", layer, name, physical, kind, status, when, quoted(reason))
    return LayerEvent(layer, event)


CHILD = told("root", "Api", STACK_TYPE, "UPDATE_FAILED", "", "arn:api", at=5)
MISSING = "Parameters: [Subnets] must have values"
SAYS_NOTHING = {
    "a child that says why it went back": (
        [told("api", "shop-Api", STACK_TYPE, "UPDATE_ROLLBACK_IN_PROGRESS", MISSING, "arn:api", at=4), CHILD],
        "Api", MISSING,
    ),
    "a child that failed itself": (
        [told("api", "shop-Api", STACK_TYPE, "CREATE_FAILED", MISSING, "arn:api", at=4), CHILD], "Api", MISSING,
    ),
    "a child of which nobody says anything": ([CHILD], "Api", ""),
    "a resource of which a second event speaks": (
        [
            told("api", "Queue", "AWS::SQS::Queue", "CREATE_FAILED", at=1),
            told("api", "Queue", "AWS::SQS::Queue", "CREATE_FAILED", "Access Denied", at=2),
        ],
        "Queue", "Access Denied",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAYS_NOTHING)
def test_a_failure_without_words_has_those_of_another_event_about_it(case: str) -> None:
    """The parent's row of a nested stack may be empty; what the stack itself said is the cause then."""
    events, name, reason = SAYS_NOTHING[case]
    found = root_cause(events)
    assert found is not None
    assert (found.logical_id, found.reason) == (name, reason)


def test_what_a_stack_says_itself_is_the_cause_where_no_resource_failed() -> None:
    """An output, an export, a hook; not what somebody asked for."""
    began = told(
        "root", "shop", STACK_TYPE, "ROLLBACK_IN_PROGRESS", "Export with name a is already exported", "arn:root"
    )
    hooked = replace(
        began.event, status="CREATE_IN_PROGRESS", reason=quoted(""), hook=quoted("Acme::Guard: not on Friday")
    )
    for event, reason in (
        (began.event, "Export with name a is already exported"),
        (hooked, "Acme::Guard: not on Friday"),
    ):
        found = stack_cause([LayerEvent("root", event)])
        assert found is not None
        assert found.reason == reason
    for words in ("", "User Initiated", "Resource update cancelled"):
        assert stack_cause([LayerEvent("root", replace(began.event, reason=quoted(words)))]) is None
