"""Whole environments against sums made by hand before this was written: 730 hours, us-east-1, light traffic.

The sums are rounded and guess some traffic otherwise than `cost.expected` does, so they are met within a tenth. The
parts that make up most of each sum are checked to the cent beside them.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
from billing import of

from infragen.assembly.synth import synthesize
from infragen.config import load_environment
from infragen.cost import Estimate, estimate, prices_of, rendered

BASE = """\
project: shop
environment: {name}
region: us-east-1
network: {{ azs: {azs}, nat: {nat} }}
database: {{ min_acu: {acu}, max_acu: {most_acu}, readers: {readers}, backup_days: {backups} }}
queues: [{{ name: notifications }}]
api:
  https: {{ mode: http_only }}
  ingress_cidrs: [203.0.113.0/24]
  cpu: {cpu}
  memory: {memory}
  min_tasks: {tasks}
  max_tasks: {most_tasks}
  architecture: {architecture}
  spot: {spot}
  waf: {waf}
  container_insights: {insights}
  log_retention_days: 7
  {schedule}
workers: [{{ name: notifications, queue: notifications, reserved_concurrency: 5, memory: {worker} }}]
cost: {{ expected: {{ {expected} }} }}
"""
SCHEDULE = """schedule:
    - { name: night, cron: cron(0 20 ? * MON-FRI *), timezone: Europe/Berlin, min: 0, max: 0 }
    - { name: morning, cron: cron(0 7 ? * MON-FRI *), timezone: Europe/Berlin, min: 1, max: 2 }"""

DEV = {
    "name": "dev", "azs": 2, "nat": "instance", "acu": 0.5, "most_acu": 2, "readers": 0, "backups": 7, "cpu": 512,
    "memory": 1024, "tasks": 1, "most_tasks": 2, "architecture": "arm64", "spot": "true", "waf": "false",
    "insights": "disabled", "schedule": "", "worker": 512, "expected": "",
}  # fmt: skip
STAGING = {**DEV, "nat": "single", "most_acu": 4, "cpu": 1024, "memory": 2048, "most_tasks": 5, "spot": "false"}
MEDIUM = (
    "acu: 2.5, tasks: 4, requests_millions: 20, messages_millions: 5, nat_gb: 200, egress_gb: 200, storage_gb: 100, "
    "io_millions: 100, log_gb: 40"
)
LARGE = {
    **STAGING, "azs": 3, "acu": 1, "most_acu": 8, "backups": 35, "tasks": 2, "most_tasks": 10, "worker": 1024,
    "name": "load", "expected": MEDIUM,
}  # fmt: skip
FULL = {**LARGE, "nat": "per_az", "readers": 1, "waf": "true", "insights": "enabled"}


@dataclass(frozen=True)
class Case:
    """An environment, the column that the sum is of, the sum, and parts of it to the cent."""

    values: dict[str, object]
    column: str
    sum: float
    parts: dict[str, float]


CASES = {
    "dev as first planned": Case(
        {**DEV, "nat": "single", "architecture": "x86_64", "spot": "false"}, "minimum", 137,
        # 0.5 x 0.12 x 730; 0.5 x 0.04048 x 730 + 1 x 0.004445 x 730; 0.045 x 730 + 10 GB; ALB, two addresses, LCU
        {"Writer": 43.8, "Service": 18.02, "NatGateway1": 33.3, "LoadBalancer": 23.81},
    ),
    "dev with a NAT instance and Spot": Case(
        DEV, "minimum", 95, {"Writer": 43.8, "Service": 4.61, "NatInstance": 7.36, "LoadBalancer": 23.81}
    ),
    "dev with a regional gateway": Case(
        # in both zones, with an address each: 2 x 0.045 x 730, 10 GB, 2 x 0.005 x 730
        {**DEV, "nat": "regional"}, "minimum", 167, {"NatGateway": 73.45},
    ),
    "dev that sleeps at night": Case(
        {**DEV, "acu": 0, "schedule": SCHEDULE, "expected": "acu: 0.175, tasks: 0.4"}, "expected", 63,
        # awake 35 % of the month at half an ACU: 0.175 x 0.12 x 730; 0.4 of 4.61
        {"Writer": 15.33, "Service": 1.85},
    ),
    "staging as first planned": Case(
        {**STAGING, "architecture": "x86_64"}, "minimum", 159, {"Service": 36.04, "Writer": 43.8}
    ),
    "staging": Case(STAGING, "minimum", 155, {"Service": 28.84, "Writer": 43.8, "NatGateway1": 33.3}),
    "prod without a reader, one gateway, first planned": Case(
        {**LARGE, "architecture": "x86_64"}, "minimum", 274,
        # 1 x 0.12 x 730; 2 x 36.04; 100 GB x 0.10, 10 M I/O, 100 x 2 % x 35 x 0.021, a secret, 10 GB across zones
        {"Writer": 87.6, "Service": 72.08, "Cluster": 14.0},
    ),
    "prod in three zones, first planned": Case(
        {**LARGE, "architecture": "x86_64", "nat": "per_az", "readers": 1}, "minimum", 439,
        {"Writer": 87.6, "Reader1": 87.6, "NatAddress3": 3.65},
    ),
    "prod at minimum": Case(FULL, "minimum", 441, {"WebAcl": 9.6, "EcsCluster": 11.4}),
    "prod at medium load": Case(
        FULL, "expected", 907,
        # 2.5 x 0.12 x 730; 4 x 28.84; 5 + 4 + 0.60 x 20; 0.20 x 5 + 5e6 x 0.5 s x 1 GB x 0.0000133334
        {"Writer": 219, "Reader1": 219, "Service": 115.34, "WebAcl": 21, "NotificationsFunction": 34.33},
    ),
    "prod, every maximum all month": Case(
        FULL, "maximum", 2372, {"Writer": 700.8, "Reader1": 700.8, "Service": 288.35}
    ),
}  # fmt: skip


def made(text: str, directory: Path) -> Estimate:
    path = directory / f"{text.split('environment: ')[1].split()[0]}.yaml"
    path.write_text(text)
    env = load_environment(path)
    bodies = {each.layer: each.body for each in synthesize(env).templates}
    return estimate(rendered(bodies), env, prices_of(env.region))


@pytest.mark.parametrize("name", CASES)
def test_an_environment_costs_about_what_was_summed_by_hand(name: str, tmp_path: Path) -> None:
    """Within a tenth, and its large parts to the cent."""
    case = CASES[name]
    found = made(BASE.format(**case.values), tmp_path)
    parts = {each: round(getattr(of(found, each).cost, case.column), 2) for each in case.parts}
    assert parts == case.parts
    assert getattr(found.cost, case.column) == pytest.approx(case.sum, rel=0.1), found.cost


MAIL = "{name: mail, queue: mail, reserved_concurrency: 5, memory: 512}"
ADDED = {
    "a queue": ("{name: mail}", ""),
    "a FIFO queue": ("{name: mail, fifo: true}", ""),
    "a queue with a worker": ("{name: mail}", MAIL),
    "two queues with a worker": ("{name: mail}, {name: text}", f"{MAIL}, {MAIL.replace('mail', 'text')}"),
}
"""Queues and workers beside those that an environment has."""
NONE = "queues: []", "workers: []"
ONE = (
    "queues: [{ name: notifications }]",
    "workers: [{ name: notifications, queue: notifications, reserved_concurrency: 5, memory: 1024 }]",
)


@pytest.mark.long
@pytest.mark.parametrize("before", [NONE, ONE], ids=["the first", "one more"])
@pytest.mark.parametrize("added", ADDED)
def test_a_queue_or_worker_that_is_added_changes_no_other_row(
    added: str, before: tuple[str, str], tmp_path: Path
) -> None:
    """Each row of before is there after, item by item: neither messages nor logs move to what is new."""
    text = BASE.format(**{**FULL, "worker": 1024})
    assert all(each in text for each in ONE)
    more = []
    for section, extra in zip(before, ADDED[added], strict=True):
        inside = section[section.index("[") + 1 : -1]
        more.append(f"{section.split(':')[0]}: [{', '.join(each for each in (inside, extra) if each)}]")
    old, new = (
        {(each.layer, each.logical_id): each for each in made(_with(text, sections), tmp_path).resources}
        for sections in (before, tuple(more))
    )
    assert {place: new.get(place) for place in old} == old
    assert any(place[0] == "queue" for place in new.keys() - old.keys())


def _with(text: str, sections: tuple[str, ...]) -> str:
    for one, other in zip(ONE, sections, strict=True):
        text = text.replace(one, other)
    return text


def test_a_workers_logs_follow_its_messages(tmp_path: Path) -> None:
    """A KB for each of 5 million messages; what is expected of logs is shared by the six other groups."""
    found = made(BASE.format(**FULL), tmp_path)
    groups = {each.logical_id: each for each in found.resources if each.type == "AWS::Logs::LogGroup"}
    logs = {name: each.items[0].quantity.expected for name, each in groups.items()}
    assert logs.pop("NotificationsLogGroup") == pytest.approx(5)
    assert sum(logs.values()) == pytest.approx(40)
    assert len(set(logs.values())) == 1
