"""The plans that people read most often, at 80 columns: golden texts, and how long they are.

The environment is `tests/data/plans/dev.yaml`; `UPDATE_PLANS=1` writes the texts anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench import Bench, at_work
from fakeaws import FakeAws
from formats import check_formats, check_json

from infragen.assembly.synth import synthesize
from infragen.config import load_file
from infragen.engine.deploy import plan_environment
from infragen.engine.options import Options
from infragen.plan.model import EnvironmentPlan
from infragen.report.plan import Detail, plan_lines
from infragen.report.plan_formats import as_format

DATA = Path(__file__).parent / "data" / "plans"
WIDTH = 80
SECOND_QUEUE = (
    ("  - name: notifications\napi:", "  - name: notifications\n  - name: invoices\napi:"),
    ("cost:", "  - name: invoices\n    queue: invoices\n    reserved_concurrency: 5\ncost:"),
)


def operator(aws: FakeAws, directory: Path, *edits: tuple[str, str]) -> Bench:
    """An operator of the environment, after these edits of its file."""
    text = (DATA / "dev.yaml").read_text("utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    file = directory / "environments" / "dev.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return at_work(aws, load_file(Path("environments/dev.yaml")).environment)


def planned(bench: Bench, image_tag: str | None = None) -> EnvironmentPlan:
    """The plan as the command makes it, with the lines of the file."""
    file = load_file(Path("environments/dev.yaml"))
    session = replace(bench.session, file=file)
    plan = plan_environment(synthesize(file.environment), session, Options(image_tag=image_tag))
    return replace(plan, checks=())  # what can be asked of the account within two seconds depends on the machine


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, EnvironmentPlan]]:
    """The three plans of one environment on the fake AWS."""
    directory = tmp_path_factory.mktemp("plans")
    with pytest.MonkeyPatch.context() as patch, FakeAws() as aws:
        patch.chdir(directory)
        patch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        aws.settings.account = "111122223333"
        bench = operator(aws, directory)
        bench.bootstrap()
        found = {"first": planned(bench)}
        assert bench.deploy(synthesize(bench.env)).exit_code == 0
        platform = ("linux/arm64",)
        aws.settings.images["shop-dev-api"] = {"v1": platform, "v2": platform}
        assert bench.deploy(synthesize(bench.env), image_tag="v1").exit_code == 0
        found["image"] = planned(bench, image_tag="v2")
        found["queue"] = planned(operator(aws, directory, *SECOND_QUEUE))
        yield found


def lines(plan: EnvironmentPlan, detail: Detail = Detail.ROWS) -> list[str]:
    return [line.plain for line in plan_lines(plan, WIDTH, detail)]


@pytest.mark.long
@pytest.mark.parametrize(("name", "most"), [("first", 40), ("queue", 60), ("image", 30)])
def test_a_plan_fits_the_screen_and_reads_as_before(plans: dict[str, EnvironmentPlan], name: str, most: int) -> None:
    """Line by line; a change of it is a change of what people read."""
    text = "\n".join(lines(plans[name])) + "\n"
    file = DATA / f"{name}.txt"
    if os.environ.get("UPDATE_PLANS"):
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")
    assert len(text.splitlines()) <= most
    assert max(map(len, text.splitlines())) <= WIDTH


@pytest.mark.long
def test_everything_is_told_when_asked_for(plans: dict[str, EnvironmentPlan]) -> None:
    """Each resource of a first creation, and the wiring of an update with its dashboard."""
    first = "\n".join(lines(plans["first"], Detail.ALL))
    for stack in plans["first"].stacks:
        assert all(f"+ {row.logical_id} " in first for row in stack.changes if row.layer != "root")
    queue = "\n".join(lines(plans["queue"], Detail.ALL))
    assert "~ Dashboard" in queue
    assert "parameter InvoicesQueueUrl" in queue
    assert "characters)" not in queue, "values are whole"


@pytest.mark.long
def test_an_approved_plan_is_a_line_per_layer(plans: dict[str, EnvironmentPlan]) -> None:
    """As `deploy --yes` tells it."""
    assert "  ^ api            1 new revision" not in lines(plans["queue"])
    short = lines(plans["queue"], Detail.LAYERS)
    assert len(short) < 16
    assert any(line.startswith("    + queue ") and "9 to add" in line for line in short)


@pytest.mark.long
def test_a_new_revision_is_no_replacement_and_wiring_is_no_change(plans: dict[str, EnvironmentPlan]) -> None:
    """The sums of all formats agree, and the document says of each row whether it is counted."""
    check_formats(*plans.values())
    document = check_json(as_format("json", list(plans.values())))
    for plan, made in zip(document["plans"], plans.values(), strict=True):
        rows = [row for row in rows_of(plan) if row["counted"]]
        for kind in ("add", "change", "revision", "replace", "remove"):
            assert plan["summary"][kind] == sum(row["kind"] == kind for row in rows)
        assert "0 to replace, 0 to remove" in lines(made)[-1]
        assert lines(made)[-1].split(";")[0] in as_format("markdown", [made]).decode()
    image = document["plans"][1]["summary"]
    assert (image["change"], image["revision"], image["replace"]) == (1, 1, 0)
    dashboard = [row for row in rows_of(document["plans"][2]) if row["logical_id"] == "Dashboard"]
    assert [row["counted"] for row in dashboard] == [False]


def rows_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for stack in plan["stacks"] for row in stack["changes"]]


@pytest.mark.long
def test_the_readme_shows_a_file_and_the_plan_that_it_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most a dozen lines of file, and the text that `infragen plan` prints of them at 80 columns."""
    (tmp_path / "environments").mkdir()
    file = tmp_path / "environments" / "dev.yaml"
    file.write_text((DATA / "readme.yaml").read_text("utf-8"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    with FakeAws() as aws:
        aws.settings.account = "111122223333"
        bench = at_work(aws, load_file(file).environment)
        bench.bootstrap()
        text = "\n".join(lines(planned(bench))) + "\n"
    if os.environ.get("UPDATE_PLANS"):
        (DATA / "readme.txt").write_text(text, "utf-8")
    assert text == (DATA / "readme.txt").read_text("utf-8")
    readme = (DATA.parents[2] / "README.md").read_text("utf-8")
    assert f"```yaml\n{file.read_text()}```\n" in readme
    assert f"```\n$ infragen plan --env dev\n{text}```\n" in readme
    assert len(file.read_text().splitlines()) <= 12
