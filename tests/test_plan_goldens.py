"""Every format of plans of every kind, byte by byte: what programs and people read of a plan.

`UPDATE_PLANS=1` writes `tests/data/goldens` anew; explain each line that changes. Identifiers that AWS makes up, and
digests, are numbered in the order in which they come.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from bench import NETWORK, QUEUES, WORKERS, Bench, at_work, head
from fakeaws import FakeAws
from formats import check_formats
from plans import everything
from rich.text import Text

from infragen.assembly.synth import synthesize
from infragen.config import load_file
from infragen.engine.deploy import plan_environment
from infragen.engine.options import Options
from infragen.engine.saving import save_plan
from infragen.plan.baseline import compare_with, earlier
from infragen.plan.model import EnvironmentPlan
from infragen.plan.saved import SavedPlan
from infragen.report.difference import difference_lines, difference_plan
from infragen.report.plan import Detail, plan_lines
from infragen.report.plan_formats import as_format

GOLDENS = Path(__file__).parent / "data" / "goldens"
FILE = Path("environments/test.yaml")
ALONE = "network:\n  azs: 2\n  nat: none\n"
SMALL = NETWORK + QUEUES
WORKING = SMALL + WORKERS.replace("queue: jobs", "queue: jobs\n    timeout: 20")
ASKED = frozenset({"queue/JobsQueue"})
NAMES = (
    "first", "unchanged", "update", "tags", "replacement", "wiring", "not evaluated",
    "not asked", "independent", "waiting", "data loss", "drift", "protection", "saved", "against", "between",
    "everything",
)  # fmt: skip


@dataclass
class Desk:
    """An operator of the environment test, whose file is written before each plan."""

    aws: FakeAws

    def write(self, text: str, topology: str = "nested", name: str = "test") -> Bench:
        FILE.parent.mkdir(exist_ok=True)
        file = FILE.with_stem(name)
        file.write_text(head(name, topology) + text)
        return at_work(self.aws, load_file(file).environment)

    def plan(self, text: str, topology: str = "nested", **options: Any) -> EnvironmentPlan:
        bench = self.write(text, topology)
        file = load_file(FILE)
        session = replace(bench.session, file=file)
        plan = plan_environment(synthesize(file.environment), session, Options(**options))
        return replace(plan, checks=())  # what can be asked within two seconds depends on the machine

    def deploy(self, text: str, topology: str = "nested") -> None:
        bench = self.write(text, topology)
        if not self.aws.cloud.stacks:
            bench.bootstrap()
        assert bench.deploy(synthesize(bench.env), allow_data_loss=ASKED).exit_code == 0


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, EnvironmentPlan]]:
    """The plans by name, each of an environment of its own on the fake."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        found: dict[str, EnvironmentPlan] = {"everything": everything()}
        for made in (_nested, _independent, _files):
            patch.chdir(tmp_path_factory.mktemp("goldens"))
            with FakeAws() as aws:
                aws.settings.account = "111122223333"
                found |= made(Desk(aws))
        yield found


def _nested(desk: Desk) -> dict[str, EnvironmentPlan]:
    desk.write(ALONE).bootstrap()
    found = {"first": desk.plan(ALONE)}
    desk.deploy(WORKING)
    found["unchanged"] = desk.plan(WORKING)
    found["update"] = desk.plan(WORKING.replace("name: jobs\nwork", "name: jobs\n    retention_days: 7\nwork"))
    found["replacement"] = desk.plan(WORKING.replace("nat: none", "nat: none\n  flow_logs: REJECT"))
    found["tags"] = desk.plan(WORKING + "tags: {Team: core}\n")
    found["wiring"] = desk.plan(WORKING.replace("- name: jobs\nwork", "- name: jobs\n  - name: bills\nwork"))
    found["not asked"] = desk.plan(
        WORKING.replace("name: jobs\nwork", "name: jobs\n    max_receives: 7\nwork"), nested=False
    )
    stack = next(each for each in desk.aws.cloud.stacks.values() if "JobsQueue" in each.resources)
    stack.by_hand["JobsQueue"] = {**stack.resources["JobsQueue"].properties, "VisibilityTimeout": 45, "DelaySeconds": 5}
    found["drift"] = desk.plan(WORKING.replace("timeout: 20", "timeout: 25"), drift=True)
    desk.aws.settings.fail_nested_change_set["Queue"] = (
        "Parameter AlarmTopicArn failed to satisfy constraint: must match pattern arn:.*"
    )
    found["not evaluated"] = desk.plan(WORKING.replace("name: jobs\nwork", "name: jobs\n    max_receives: 7\nwork"))
    return found


def _independent(desk: Desk) -> dict[str, EnvironmentPlan]:
    desk.write(WORKING, "independent").bootstrap()
    desk.deploy(WORKING, "independent")
    found = {"independent": desk.plan(WORKING.replace("timeout: 20", "timeout: 25"), "independent")}
    found["waiting"] = desk.plan(WORKING.replace("name: jobs\nwork", "name: jobs\n    fifo: true\nwork"), "independent")
    found["data loss"] = desk.plan(SMALL.replace("name: jobs", "name: bills"), "independent")
    found["protection"] = desk.plan(WORKING + "protect: true\n", "independent")
    bench = desk.write(WORKING.replace("timeout: 20", "timeout: 25"), "independent")
    kept: list[SavedPlan] = []
    session = replace(bench.session, file=load_file(FILE))
    shown = save_plan(synthesize(bench.env), session, Options(), 3600, kept.append)
    found["saved"] = replace(shown, checks=())
    _compare("saved.file", json.dumps({**asdict(kept[0]), **dict.fromkeys(TOLD_BY_THE_DAY, "")}, indent=1) + "\n")
    return found


TOLD_BY_THE_DAY = ("infragen", "made", "expires", "seal", "sealed_for", "file", "templates")
"""Of a saved plan: its version and times, its signature, and digests of what other tests hold."""


def _files(desk: Desk) -> dict[str, EnvironmentPlan]:
    bench = desk.write(ALONE)
    before = Path("before/test")
    before.mkdir(parents=True)
    assembly = synthesize(bench.env)
    texts = {"root": assembly.root().text, **{each.layer: each.text for each in assembly.templates}}
    for layer, text in texts.items():
        (before / f"{layer}.yaml").write_text(text)
    desk.write(ALONE.replace("azs: 2", "azs: 3"))
    desk.write(ALONE + "  flow_logs: REJECT\n", name="other")
    files = [load_file(FILE), load_file(FILE.with_stem("other"))]
    [against] = compare_with(earlier("before", FILE.parent, Path("templates")), files[:1], every=False)
    pair = (synthesize(files[0].environment), synthesize(files[1].environment))
    return {"against": against, "between": difference_plan(files[0], files[1], pair)}


def _text(detail: Detail) -> Callable[[EnvironmentPlan], str]:
    return lambda plan: "\n".join(line.plain for line in _lines(plan, detail)) + "\n"


def _lines(plan: EnvironmentPlan, detail: Detail) -> Iterator[Text]:
    return difference_lines(plan, 80, detail) if plan.between else plan_lines(plan, 80, detail)


def _form(name: str) -> Callable[[EnvironmentPlan], str]:
    return lambda plan: as_format(name, [plan]).decode()


def _body(plan: EnvironmentPlan) -> str:
    """The page without its style sheet and script."""
    page = as_format("html", [plan]).decode()
    return page[page.index("<body>") : page.index("<script>")]


FORMATS: dict[str, Callable[[EnvironmentPlan], str]] = {
    "layers.txt": _text(Detail.LAYERS),
    "rows.txt": _text(Detail.ROWS),
    "all.txt": _text(Detail.ALL),
    "json": _form("json"),
    "md": _form("markdown"),
    "html": _body,
}


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_every_format_of_a_plan_is_the_golden(plans: dict[str, EnvironmentPlan], name: str) -> None:
    """Text at 80 columns in each detail, JSON, Markdown and the page."""
    for ending, made in FORMATS.items():
        _compare(f"{name.replace(' ', '-')}.{ending}", made(plans[name]))


@pytest.mark.long
def test_every_plan_keeps_what_is_promised_of_all_formats(plans: dict[str, EnvironmentPlan]) -> None:
    assert set(plans) == set(NAMES)
    check_formats(*(each for each in plans.values()))


def _compare(name: str, text: str) -> None:
    """Compare with the golden, or write it."""
    file, text = GOLDENS / name, _numbered(text)
    if os.environ.get("UPDATE_PLANS"):
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8"), name


_MADE_UP = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|infragen-(?:\w+-\d{10}|[0-9a-f]{8,})-[0-9a-f]{20}|[0-9a-f]{64}"
)


def _numbered(text: str) -> str:
    seen: dict[str, str] = {}
    return _MADE_UP.sub(lambda found: seen.setdefault(found[0], f"id-{len(seen) + 1}"), text)


def _names_are_used(names: Sequence[str]) -> None:
    files = {each.name for each in GOLDENS.iterdir()}
    assert files == {f"{name.replace(' ', '-')}.{ending}" for name in names for ending in FORMATS} | {"saved.file"}


def test_every_golden_is_used() -> None:
    _names_are_used(NAMES)
