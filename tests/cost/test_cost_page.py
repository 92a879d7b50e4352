"""The tables of docs/cost.md that explain production line by line: computed here, from an environment of their own."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from infragen.assembly.synth import synthesize
from infragen.config import load_environment
from infragen.cost import Estimate, estimate, prices_of, rendered
from infragen.errors import InputError

ROOT = Path(__file__).parents[2]
PRODUCTION: dict[str, Any] = yaml.safe_load((ROOT / "tests" / "data" / "production.yaml").read_text())
PAGE = ROOT / "docs" / "cost.md"
RANGE = (200, 500)
"""USD a month that the plan gave production, at low to medium traffic."""

LINES: list[tuple[str, tuple[str, ...], str]] = [
    ("database capacity", ("RDS::DBInstance",), "43 for 0.5 ACU; here 2.5 ACU of a writer and of a reader"),
    ("tasks", ("ECS::Service",), "15 to 30 a task; here 4 of 1 vCPU and 2 GB"),
    ("NAT gateways, with addresses and data", ("EC2::NatGateway", "EC2::EIP"), "32 and the data; here 3 gateways"),
    ("database storage, I/O and backups", ("RDS::DBCluster",), "not in it"),
    ("workers", ("Lambda::Function",), "nearly free; here 5 million messages of 0.5 s at 1 GB"),
    ("load balancer", ("ElasticLoadBalancingV2::LoadBalancer",), "not in it"),
    ("logs", ("Logs::LogGroup",), "not in it"),
    ("web ACL", ("WAFv2::WebACL",), "not in it"),
    ("Container Insights", ("ECS::Cluster",), "not in it"),
    ("data to the internet", ("EC2::InternetGateway",), "not in it"),
    ("queues", ("SQS::Queue",), "nearly free; here 15 million requests"),
]
"""What is charged, the types that make it up, and what the plan counted for it."""

REST = "alarms, keys, secrets, images, access logs"

KEYS: list[tuple[str, dict[str, Any], str]] = [
    ("`cost.expected.acu: 1`", {"cost.expected.acu": 1}, "nothing; it expects a database at its minimum"),
    ("`database.readers: 0`", {"kind": "staging", "database.readers": 0}, "the standby; kind production refuses it"),
    ("`database.max_acu: 2`", {"database.max_acu": 2}, "capacity under load, and connections"),
    ("`network.nat: single`", {"network.nat": "single"}, "other zones' way out, when one zone fails"),
    ("`cost.expected.tasks: 2`", {"cost.expected.tasks": 2}, "nothing; it expects the fewest tasks"),
    ("`api.cpu: 512`, `api.memory: 1024`", {"api.cpu": 512, "api.memory": 1024}, "half of each task"),
    ("`api.waf: null`", {"api.waf": None}, "the firewall and its rate limit"),
    ("`api.container_insights: disabled`", {"api.container_insights": "disabled"}, "metrics of each task"),
]
"""Keys that lower the estimate, each alone, and what is lost."""

WAYS = [
    (0, 4, 3),  # the load of the plan
    (1, 3, 5),  # the same traffic, without a standby
]
"""Rows of KEYS that together lead into the range."""


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    found = deepcopy(PRODUCTION)
    for path, value in changes.items():
        *above, last = path.split(".")
        section = found
        for step in above:
            section = section[step]
        section[last] = value
    return found


def made(folder: Path, changes: Mapping[str, Any]) -> Estimate:
    path = folder / "production.yaml"
    path.write_text(yaml.safe_dump(changed(changes)))
    env = load_environment(path)
    sides = rendered({each.layer: each.body for each in synthesize(env).templates})
    return estimate(sides, env, prices_of(env.region))


def expected(folder: Path, *rows: int) -> float:
    return made(folder, {key: value for row in rows for key, value in KEYS[row][1].items()}).cost.expected


def line_table(found: Estimate) -> list[str]:
    """The bill by what it is for, and the plan's figure beside it."""
    rows = ["| USD a month | minimum | expected | in the plan |", "|---|---:|---:|---|"]
    named = {f"AWS::{kind}" for _, types, _ in LINES for kind in types}
    for title, types, plan in LINES:
        rows.append(_row(title, found, {f"AWS::{kind}" for kind in types}, plan))
    rows.append(_row(REST, found, {each.type for each in found.resources} - named, "not in it"))
    return [*rows, f"| total | {found.cost.minimum:.2f} | {found.cost.expected:.2f} | 200 to 500 |"]


def _row(title: str, found: Estimate, types: set[str], plan: str) -> str:
    of = [each.cost for each in found.resources if each.type in types]
    return f"| {title} | {sum(each.minimum for each in of):.2f} | {sum(each.expected for each in of):.2f} | {plan} |"


def key_table(folder: Path) -> list[str]:
    """What each key alone saves."""
    whole = expected(folder)
    rows = ["| key | saves | what you lose |", "|---|---:|---|"]
    return rows + [
        f"| {KEYS[row][0]} | {whole - expected(folder, row):.2f} | {KEYS[row][2]} |" for row in range(len(KEYS))
    ]


def test_the_bill_of_production_is_explained_line_by_line(tmp_path: Path) -> None:
    """As the page has it, and nothing is left out: the lines add up to the total."""
    found = made(tmp_path, {})
    table = line_table(found)
    assert "\n".join(table) in PAGE.read_text(), "\n".join(table)
    for column in (2, 3):
        *parts, total = (float(each.split("|")[column]) for each in table[2:])
        assert sum(parts) == pytest.approx(total, abs=0.01 * len(parts))
    assert all(float(each.split("|")[3]) > 0 for each in table[2:])


@pytest.mark.long
def test_what_each_key_saves_is_on_the_page(tmp_path: Path) -> None:
    """Each alone, from the largest to the smallest."""
    table = key_table(tmp_path)
    assert "\n".join(table) in PAGE.read_text(), "\n".join(table)
    saved = [float(each.split("|")[2]) for each in table[2:]]
    assert saved == sorted(saved, reverse=True)
    assert saved[-1] > 1


@pytest.mark.long
def test_two_sets_of_keys_lead_into_the_range_of_the_plan(tmp_path: Path) -> None:
    """The estimate begins above it, production accepts the first set, and the page tells where they end."""
    assert expected(tmp_path) > RANGE[1]
    for way in WAYS:
        left = expected(tmp_path, *way)
        assert RANGE[0] <= left <= RANGE[1]
        assert f"leave {left:.0f} USD" in " ".join(PAGE.read_text().split()), left


def test_production_refuses_to_save_its_standby(tmp_path: Path) -> None:
    """As the page says of `readers: 0`."""
    with pytest.raises(InputError, match="readers is 0; production needs at least 1"):
        made(tmp_path, {"database.readers": 0})
