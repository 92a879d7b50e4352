"""The live tree of stacks and resources, drawn from events as a terminal of a given size shows it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infragen.cloud.cloudformation import ResourceChange, StackEvent
from infragen.cloud.template import STACK_TYPE
from infragen.engine.follow import LayerEvent
from infragen.engine.outcome import Deployed, Failed, Skipped
from infragen.engine.progress import Ended, Happened, Planned, Started
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.report.progress_state import Scene
from infragen.report.tree import tree
from infragen.resource_types import resource_types
from infragen.secrecy.visible import quoted

START = datetime(2026, 1, 1, tzinfo=UTC)
TOPIC, WRITER, NAT = "AWS::SNS::Topic", "AWS::RDS::DBInstance", "AWS::EC2::NatGateway"


class Show:
    """A scene whose clock is ours; AWS's clock is a day ahead of it."""

    def __init__(self, planned: dict[str, list[str]] | None = None) -> None:
        self.now = 1000.0
        self.scene = Scene(lambda: self.now)
        if planned:
            stacks = tuple(
                StackPlan(layer, layer, "create", tuple(ResourceChange(layer, "Add", name, TOPIC) for name in names))
                for layer, names in planned.items()
            )
            self.scene.take(Planned(EnvironmentPlan("dev", "1", "r", "nested", stacks)))

    def begin(self, *layers: str, action: str = "create") -> None:
        for layer in layers:
            self.scene.take(Started(layer, f"shop-{layer}", action))

    def event(self, layer: str, name: str, status: str, kind: str = TOPIC, reason: str = "") -> None:
        time = START + timedelta(days=1, seconds=self.now - 1000)
        own = f"arn:{layer}" if not name else f"{name}-1"
        inner = StackEvent("e", f"arn:{layer}", layer, name or layer, own, kind, status, time, quoted(reason))
        self.scene.take(Happened("root", LayerEvent(layer, inner)))

    def stack(self, layer: str, status: str) -> None:
        self.event(layer, "", status, STACK_TYPE)

    def lines(self, width: int = 120, height: int = 40) -> list[str]:
        return [each.plain.rstrip() for each in tree(self.scene, width, height, 0, ascii_only=True)]


def test_a_running_stack_has_its_count_and_time_and_below_it_what_is_in_progress() -> None:
    """The longest first, each with its type, what it does, for how long, and how long that usually is."""
    show = Show({"database": ["Key", "Writer", "Alarm"]})
    show.begin("database")
    show.event("database", "Key", "CREATE_IN_PROGRESS")
    show.event("database", "Writer", "CREATE_IN_PROGRESS", WRITER)
    show.now += 62
    show.event("database", "Alarm", "CREATE_IN_PROGRESS")
    show.event("database", "Key", "CREATE_COMPLETE")
    show.now += 300
    assert show.lines() == [
        "| database      1/3   6 min 2 s",
        "    Writer  AWS::RDS::DBInstance  creating  6 min 2 s  usually 8-12 min",
        "    Alarm   AWS::SNS::Topic       creating  5 min 0 s",
    ]


def test_a_stack_that_is_done_is_one_row() -> None:
    """Its count, and how long it took by AWS's times."""
    show = Show({"queue": ["A", "B"]})
    show.begin("queue")
    show.event("queue", "A", "CREATE_IN_PROGRESS")
    show.now += 7
    show.event("queue", "A", "CREATE_COMPLETE")
    show.now += 100
    show.scene.take(Ended(Deployed("queue", "shop-queue", "CREATE_COMPLETE")))
    assert show.lines() == ["+ queue      1/2         7 s"]


def test_failures_come_first_and_what_was_cancelled_with_them_is_left_out() -> None:
    """AWS's words stand beside it, also while the stack rolls back; what is taken away again is not counted."""
    show = Show({"queue": ["A", "B", "C", "D"]})
    show.begin("queue")
    for name in ("A", "B", "C", "D"):
        show.event("queue", name, "CREATE_IN_PROGRESS")
    show.event("queue", "A", "CREATE_COMPLETE")
    show.event("queue", "C", "CREATE_FAILED", reason="no room")
    show.event("queue", "D", "CREATE_FAILED", reason="Resource creation cancelled")
    show.stack("queue", "ROLLBACK_IN_PROGRESS")
    show.event("queue", "A", "DELETE_IN_PROGRESS")
    show.event("queue", "A", "DELETE_COMPLETE")
    assert show.lines() == [
        "| queue      0/4         0 s  rolling back",
        "    C  AWS::SNS::Topic  CREATE_FAILED       no room",
        "    B  AWS::SNS::Topic  creating       0 s",
    ]
    show.stack("queue", "ROLLBACK_COMPLETE")
    show.scene.take(Ended(Failed("queue", "shop-queue", "")))
    assert show.lines()[0].startswith("x queue")


def test_nested_layers_are_indented_under_the_root_whose_count_is_theirs() -> None:
    """Layers that have not begun wait below; nested stacks are no resources of their own."""
    show = Show({"root": ["Network", "Queue"], "network": ["Vpc", "Nat"], "queue": ["A", "B", "C"]})
    show.begin("root")
    show.stack("root", "CREATE_IN_PROGRESS")
    show.event("root", "Network", "CREATE_IN_PROGRESS", STACK_TYPE)
    show.stack("network", "CREATE_IN_PROGRESS")
    show.event("network", "Vpc", "CREATE_IN_PROGRESS")
    show.event("network", "Vpc", "CREATE_COMPLETE")
    show.event("network", "Nat", "CREATE_IN_PROGRESS", NAT)
    show.now += 5
    assert show.lines() == [
        "| root           1/5         5 s",
        "  | network      1/2         5 s",
        "      Nat  AWS::EC2::NatGateway  creating  5 s  usually 1-3 min",
        "  - queue  waiting",
    ]


def test_a_layer_that_will_not_begin_waits_no_longer() -> None:
    """It was skipped; and when nothing runs any more, nothing waits."""
    show = Show({"network": ["Vpc"], "queue": ["A"], "api": ["B"]})
    show.begin("network")
    assert [line[:9].strip() for line in show.lines()] == ["| network", "- queue", "- api  wa"]
    show.scene.take(Ended(Skipped("queue", "shop-queue", "network")))
    assert [line[:9].strip() for line in show.lines()] == ["| network", "- api  wa"]
    show.scene.take(Ended(Failed("network", "shop-network", "")))
    assert [line[:9].strip() for line in show.lines()] == ["x network"]


def test_a_deletion_counts_what_is_gone() -> None:
    """Nothing of it is a rollback, though another deletion failed."""
    show = Show()
    show.begin("api", "queue", action="delete")
    show.stack("api", "DELETE_FAILED")
    show.stack("queue", "DELETE_IN_PROGRESS")
    show.event("queue", "A", "DELETE_IN_PROGRESS")
    show.event("queue", "A", "DELETE_COMPLETE")
    show.event("queue", "F", "DELETE_IN_PROGRESS", "AWS::Lambda::Function")
    assert show.lines() == [
        "x api          0         0 s",
        "| queue        1         0 s",
        "    F  AWS::Lambda::Function  deleting  0 s  usually 20-40 min in a VPC",
    ]
    show.stack("queue", "DELETE_COMPLETE")
    assert show.lines()[1].startswith("+ queue")


def test_only_what_the_plan_changes_is_counted_and_what_is_put_back_is_not() -> None:
    """An update that fails: what the rollback touches is no progress, nor is what nobody planned to touch."""
    show = Show({"queue": ["A", "B"]})
    show.begin("queue", action="update")
    for name in ("A", "X"):
        show.event("queue", name, "UPDATE_IN_PROGRESS")
        show.event("queue", name, "UPDATE_COMPLETE")
    assert show.lines()[0] == "| queue      1/2         0 s"
    show.event("queue", "B", "UPDATE_FAILED", reason="no room")
    show.stack("queue", "UPDATE_ROLLBACK_IN_PROGRESS")
    for name in ("A", "B"):
        show.event("queue", name, "UPDATE_COMPLETE")
    show.stack("queue", "UPDATE_ROLLBACK_COMPLETE")
    assert show.lines()[0] == "x queue      0/2         0 s"


def test_a_layer_in_which_something_failed_is_marked_whatever_its_stack_says() -> None:
    """But a clean-up that could not delete everything is not."""
    show = Show()
    show.begin("a", "b")
    show.event("a", "A", "UPDATE_FAILED")
    show.event("b", "B", "DELETE_FAILED")
    for layer in ("a", "b"):
        show.stack(layer, "UPDATE_COMPLETE")
    assert [line[0] for line in show.lines() if not line.startswith(" ")] == ["x", "+"]


def test_one_stack_that_rolls_back_says_nothing_about_another() -> None:
    """Independent stacks run side by side."""
    show = Show()
    show.begin("queue", "network")
    show.stack("queue", "ROLLBACK_IN_PROGRESS")
    show.stack("network", "UPDATE_COMPLETE")
    assert [line[0] for line in show.lines()] == ["|", "+"]


@pytest.mark.parametrize(
    ("width", "row"),
    [
        (120, "    Writer  AWS::RDS::DBInstance  creating  0 s  usually 8-12 min"),
        (60, "    Writer  DBInstance  creating  0 s  usually 8-12 min"),
        (50, "    Writer  creating  0 s  usually 8-12 min"),
    ],
)
def test_a_narrow_terminal_drops_what_matters_least(width: int, row: str) -> None:
    """First the type's service, then the type."""
    show = Show()
    show.begin("database")
    show.event("database", "Writer", "CREATE_IN_PROGRESS", WRITER)
    assert show.lines(width)[1] == row


def many(stacks: Iterable[tuple[str, int]]) -> Show:
    show = Show()
    for layer, resources in stacks:
        show.begin(layer)
        for number in range(resources):
            show.event(layer, f"R{number}", "CREATE_IN_PROGRESS")
    return show


def test_a_low_terminal_folds_rows_fairly() -> None:
    """Each stack keeps its row and says how much of it is not shown."""
    show = many([("a", 5), ("b", 1), ("c", 5)])
    assert [line.split("  AWS")[0] for line in show.lines(height=8)] == [
        "| a        0         0 s",
        "    R0",
        "      and 4 more",
        "| b        0         0 s",
        "    R0",
        "| c        0         0 s",
        "    R0",
        "      and 4 more",
    ]


def test_when_not_even_the_stacks_fit_those_that_run_are_shown() -> None:
    """What is over can wait for the summary."""
    show = many([(name, 1) for name in "abcdef"])
    for layer in "abc":
        show.scene.take(Ended(Deployed(layer, layer, "CREATE_COMPLETE")))
    assert [line[:3].strip() for line in show.lines(height=3)] == ["| d", "| e", "and"]
    assert show.lines(height=3)[-1] == "and 4 more stacks"


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 30), st.integers(1, 200))
def test_it_fits_any_terminal(resources: list[int], height: int, width: int) -> None:
    """Never more rows than lines, and what is not shown is counted."""
    show = many((f"layer{n}", count) for n, count in enumerate(resources))
    lines = show.lines(width, height)
    assert len(lines) <= height
    shown = sum(line.lstrip().startswith("R") for line in lines)
    folded = sum(int(line.split()[1]) for line in lines if line.startswith("      and"))
    if not lines or "more stacks" not in lines[-1]:
        assert len([line for line in lines if line.startswith("| ")]) == len(resources)
        assert shown + folded <= sum(resources)


def test_the_guide_has_every_figure() -> None:
    """docs/when-a-deployment-fails.md names each type that usually takes long, with its minutes."""
    guide = (Path(__file__).parents[1] / "docs" / "when-a-deployment-fails.md").read_text()
    told = [(each.name, *usual) for each in resource_types() for usual in each.usual_minutes.items()]
    assert told
    for name, operation, usual in told:
        [row] = [line for line in guide.splitlines() if f"`{name}`" in line]
        assert f"{usual.low}-{usual.high} min" in row, (name, operation)
