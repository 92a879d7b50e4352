"""docs/on-call.md leads from each alarm that the templates make to a command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rendering import NAMES, assembly

PAGE = Path(__file__).parents[2] / "docs" / "on-call.md"
ROW = re.compile(r"^\| `(\S+?)`(?: \((\w+)\))? \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
GROUP = re.compile(r"AlarmGroup\d+")
EACH_IS_ON = (
    "api: {waf: {}, container_insights: enabled}\ndatabase: {readers: 1}\nnetwork: {nat: instance}\n",
    "network: {nat: none, interface_endpoints: [ecr.api, ecr.dkr, logs, secretsmanager, sqs]}\n",
)
"""Settings with which everything that has an alarm is there."""


def alarms(over: str, base: str) -> Iterator[tuple[str, str]]:
    """Layer and name of each alarm, with what the page writes for the name of a queue or worker."""
    made = assembly(over, base)
    queues = [each.id for each in made.environment.queues or ()]
    workers = [each.id for each in made.environment.workers or ()]
    for template in made.templates:
        for name, each in template.body["Resources"].items():
            if each["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm") and not GROUP.fullmatch(
                name
            ):
                names = {"queue": queues, "worker": workers}.get(template.layer, [])
                owner = next((owner for owner in names if name.startswith(owner)), "")
                yield template.layer, f"<{template.layer.capitalize()}>{name.removeprefix(owner)}" if owner else name


ALL = {each for base in NAMES for over in ("", *(EACH_IS_ON if base == "dev" else ())) for each in alarms(over, base)}


def rows() -> set[tuple[str, str]]:
    """Layer, where the page names one, and alarm of each row."""
    return {(layer, name) for name, layer, *_ in ROW.findall(PAGE.read_text())}


@pytest.mark.parametrize(("layer", "name"), sorted(ALL))
def test_each_alarm_has_its_row(layer: str, name: str) -> None:
    """By its layer where two layers have one of this name."""
    twice = sum(each == name for _, each in ALL) > 1
    assert ((layer if twice else ""), name) in rows()


def test_no_row_is_about_an_alarm_that_does_not_exist() -> None:
    """Nor without something to look at and to do."""
    names = {name for _, name in ALL}
    assert {name for _, name in rows()} <= names
    assert len(rows()) > 20
    for name, _, meaning, look, then in ROW.findall(PAGE.read_text()):
        assert all(cell.strip() for cell in (meaning, look, then)), name
