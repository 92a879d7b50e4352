"""What keys demand of each other: every rule has a file that breaks it, and its exact words."""

import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import AVAILABILITY_ZONES

from infragen.config import engine_versions, load_file, regions, rules, warnings_of
from infragen.config.regions import REGIONS
from infragen.errors import InputError

TODAY = date(2026, 11, 1)

# What the files under test extend: each begins with two lines of its own, the third is the first of the case.
WHOLE = """\
project: shop
region: eu-west-1
network: {nat: single}
database: {min_acu: 0.5, max_acu: 2, readers: 1, backup_days: 14, deletion_protection: true}
queues:
  - name: mail
api:
  https: {mode: domain, domain_name: api.example.com, hosted_zone_id: Z0}
  cpu: 512
  memory: 1024
  min_tasks: 2
  max_tasks: 3
workers:
  - {name: mail, queue: mail, reserved_concurrency: 5}
alarms: {emails: [a@example.com]}
"""


def loaded(folder: Path, text: str, environment: str = "dev") -> tuple[list[str], list[str]]:
    """The errors and the warnings of a file that extends WHOLE, without the folder in front."""
    (folder / "whole.yaml").write_text(WHOLE)
    path = folder / f"{environment}.yaml"
    path.write_text(f"extends: whole.yaml\nenvironment: {environment}\n{text}\n")
    try:
        file = load_file(path, TODAY)
    except InputError as error:
        return error.message.replace(f"{folder}/", "").splitlines(), []
    return [], [str(each).replace(f"{folder}/", "") for each in warnings_of(file, TODAY)]


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_file_that_the_cases_change_is_right(tmp_path: Path, environment: str) -> None:
    """Without a change there is neither error nor warning, so that each case shows its own rule alone."""
    assert loaded(tmp_path, "", environment) == ([], [])


@dataclass(frozen=True)
class Case:
    rule: str
    environment: str
    text: str
    messages: list[str]


def cases(file: str) -> list[Case]:
    found = []
    for block in (Path(__file__).parent / "data" / file).read_text().split("\n== ")[1:]:
        title, *lines = block.strip().splitlines()
        rule, _, environment = title.partition(" in ")
        text = "\n".join(line for line in lines if not line.startswith("->"))
        found.append(Case(rule, environment or "dev", text, [each[3:] for each in lines if each.startswith("->")]))
    return found


BROKEN, WARNED = cases("broken_environments.txt"), cases("warned_environments.txt")


@pytest.mark.long
@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.rule)
def test_a_file_that_breaks_a_rule_is_told_so(tmp_path: Path, case: Case) -> None:
    """N12, A12: exactly the broken rule speaks, at the place of the key to change, with what would be right."""
    assert loaded(tmp_path, case.text, case.environment) == (case.messages, [])


@pytest.mark.parametrize("case", [case for case in BROKEN if case.rule == "production"], ids=lambda case: case.text)
def test_what_production_refuses_dev_may_do(tmp_path: Path, case: Case) -> None:
    """The demands on prod are on prod alone."""
    assert loaded(tmp_path, case.text, "dev")[0] == []


@pytest.mark.parametrize("case", WARNED, ids=lambda case: case.rule)
def test_what_deserves_a_second_look_is_a_warning(tmp_path: Path, case: Case) -> None:
    """Allowed, but told with its place."""
    assert loaded(tmp_path, case.text, case.environment) == ([], case.messages)


def test_the_environment_is_named_as_its_file(tmp_path: Path) -> None:
    """A copied file that still says `dev` must not deploy over dev."""
    path = tmp_path / "test.yaml"
    path.write_text("project: shop\nregion: eu-west-1\nenvironment: dev\n")
    with pytest.raises(InputError) as caught:
        load_file(path, TODAY)
    assert caught.value.message == (
        f'{path}:3:14: environment is "dev", but the file is named test; '
        "they must be equal, or the wrong environment could be deployed"
    )


FINE = [
    "database: {parameters: {work_mem: 64, log_min_duration_statement: -1, random_page_cost: 1.1}}",
    "database: {parameters: {work_mem: '{DBInstanceClassMemory/32768}', autovacuum_max_workers: 'LEAST(3,5)'}}",
    "database: {parameters: {log_connections: all, rds.force_ssl: on, track_functions: PL, synchronous_commit: false}}",
    "database: {parameters: {default_transaction_isolation: repeatable read, search_path: '', log_lock_waits: yes}}",
    "queues: [{name: mail, visibility_seconds: 365}]",
    "workers: [{name: a, queue: mail, reserved_concurrency: 2, batch_size: 11, batch_window: 1}]",
    "workers: [{name: a, queue: mail, reserved_concurrency: 2, batch_size: 11}]",
    "queues: [{name: mail, fifo: true, retention_days: 14}]",
    "workers: [{name: a, queue: mail, reserved_concurrency: 5, max_concurrency: 5}]",
    "api: {max_tasks: 15}",
    "api: {min_tasks: 3}",
    "database: {min_acu: 2}",
    "api: {schedule: [{name: a, cron: rate(1 day), min: 3, max: 3}]}",
    "api: {refresh_days: 10}",
    "network: {nat: none}\napi: null\nworkers: []",
    "database: {min_acu: 0, auto_pause_seconds: 600}\napi: {schedule: [{name: a, cron: rate(1 day), min: 0, max: 0}]}",
    "network: {interface_endpoints: [sqs, logs]}",
    "workers: [{name: a, queue: mail, reserved_concurrency: 100}]",
    "queues: [{name: mail-dlq}]\nworkers: []",
    "network: {azs: 3}",
    "database: null\napi: {secrets: {DATABASE_URL: 'arn:aws:ssm:eu-west-1:111111111111:parameter/a'}}",
    "queues: []\nworkers: []\napi: {environment: {QUEUE_URL: 'https://example.com/queue'}}",
    "region: us-west-2\nnetwork: {azs: 4}",
    f"api: {{ingress_cidrs: [{', '.join(f'10.{each}.0.0/16' for each in range(30))}]}}",
]


@pytest.mark.parametrize("text", FINE)
def test_what_just_meets_a_rule_passes(tmp_path: Path, text: str) -> None:
    """The edges of the rules are on the right side."""
    assert loaded(tmp_path, text) == ([], [])


def test_every_rule_has_a_case() -> None:
    """A new rule needs a file that breaks it."""
    assert {rule.__name__ for rule in rules.ERRORS} == {case.rule for case in BROKEN} | {"file_name"}
    assert {rule.__name__ for rule in rules.WARNINGS} == {case.rule for case in WARNED}
    assert all(rule.__doc__ for rule in (*rules.ERRORS, *rules.WARNINGS))


KEY = "AKIA" + "Z7VRLSKQ4MDJPHX2"


@pytest.mark.parametrize(
    ("base", "text", "place"),
    [
        ("", f"x-token: {KEY}", "dev.yaml:3:10: x-token"),
        ("", f"x-a: {{b: [1, {{c: {KEY}}}]}}", "dev.yaml:3:18: x-a.b[1].c"),
        ("", "x-a: 'postgres://shop:Zq7hunter22x@db/shop'", "dev.yaml:3:6: x-a"),
        ("", f"x-a: {{{KEY}: 1}}", "dev.yaml:3:7: x-a.…"),
        ("", f"x-{KEY}: 1", "dev.yaml:3:1: …"),
        (f"tags: {{Owner: {KEY}}}", "tags: {Owner: core}", "base.yaml:2:15: tags.Owner"),
        (f"x-a: {KEY}", "tags: {Owner: core}", "base.yaml:2:6: x-a"),
        ("", f"x-a: &a {{Owner: {KEY}, Team: a}}\ntags: {{<<: *a, Owner: core}}", "dev.yaml:3:17: x-a.Owner"),
    ],
)
def test_a_credential_beside_the_environment_is_refused(tmp_path: Path, base: str, text: str, place: str) -> None:
    """It is in git as one of the environment is: below a key `x-…`, a key itself, and what another file replaces."""
    (tmp_path / "whole.yaml").write_text(WHOLE)
    (tmp_path / "base.yaml").write_text(f"extends: whole.yaml\n{base}\n")
    (tmp_path / "dev.yaml").write_text(f"extends: base.yaml\nenvironment: dev\n{text}\n")
    with pytest.raises(InputError) as refused:
        load_file(tmp_path / "dev.yaml", TODAY)
    [said] = refused.value.message.replace(f"{tmp_path}/", "").splitlines()
    assert said.startswith(f"{place} holds ")
    assert said.endswith(" (not shown), which would be in git; take it out of this file")
    assert not {KEY, "hunter22"} & set(re.findall(r"AKIA\w+|hunter22", str(refused.value)))


def test_the_zones_of_a_region_are_those_that_cfn_lint_knows() -> None:
    """Two regions have a zone more than new accounts see: ap-northeast-1a or c, and ca-central-1c."""
    differ = {region for region in REGIONS if regions.zones_of(region) != len(AVAILABILITY_ZONES[region])}
    assert differ == {"ap-northeast-1", "ca-central-1"}
    assert all(regions.zones_of(region) == len(AVAILABILITY_ZONES[region]) - 1 for region in differ)


def test_a_runtime_is_refused_from_the_day_aws_blocks_it(tmp_path: Path) -> None:
    """The same file passes the day before."""
    (tmp_path / "whole.yaml").write_text(WHOLE)
    path = tmp_path / "dev.yaml"
    path.write_text(
        "extends: whole.yaml\nenvironment: dev\n"
        "workers: [{name: a, queue: mail, reserved_concurrency: 2, runtime: nodejs20.x}]\n"
    )
    assert load_file(path, date(2027, 1, 31))
    with pytest.raises(InputError, match="no longer creates functions with it since 2027-02-01"):
        load_file(path, date(2027, 2, 1))


def test_the_dates_of_runtimes_are_those_that_cfn_lint_knows() -> None:
    """One table in two places would drift apart; this says when ours is old."""
    table = json.loads((Path(AdditionalSpecs.__file__).parent / "LmbdRuntimeLifecycle.json").read_text())
    for runtime, dates in rules.RUNTIMES.items():
        theirs = table[runtime]
        assert tuple(map(str, dates)) == (theirs["deprecated"], theirs["create-block"], theirs["update-block"]), runtime
    newer = {
        name for name in table if name.startswith(("nodejs", "python")) and table[name]["deprecated"] > "2021-07-20"
    }
    assert newer == set(rules.RUNTIMES)


@pytest.mark.parametrize(
    ("today", "says"),
    [
        (date(2027, 1, 29), ""),  # 91 days
        (date(2027, 1, 30), "ends on 2027-04-30, in 90 days"),
        (date(2027, 4, 29), "ends on 2027-04-30, in 1 day "),
        (date(2027, 4, 30), "ends on 2027-04-30, today"),
        (date(2027, 5, 1), "ended on 2027-04-30"),
    ],
)
def test_an_engine_version_is_spoken_of_from_ninety_days_before_its_end(tmp_path: Path, today: date, says: str) -> None:
    """By the day that is passed in."""
    (tmp_path / "whole.yaml").write_text(WHOLE)
    path = tmp_path / "dev.yaml"
    path.write_text("extends: whole.yaml\nenvironment: dev\ndatabase: {engine_version: 17.6}\n")
    found = [str(each) for each in warnings_of(load_file(path, today), today)]
    assert len(found) == bool(says)
    assert all(says in each for each in found)


def test_what_replaces_an_aging_version_is_above_it_and_supported() -> None:
    """Of the same major version while there is one, then of the next; from the last version on nothing is named."""
    today = date(2026, 11, 29)
    assert engine_versions.successor("17.5", today) == "use 17.7, which is supported until 2030-02-28"
    assert engine_versions.successor("17.9", today) == "use 17.10, which is supported until 2027-12-31"
    assert engine_versions.successor("17.10", date(2027, 8, 1)) == "use 18.4, which is supported until 2027-12-31"
    assert "has no newer version; look at https://" in engine_versions.successor("18.4", today)


def test_the_release_calendar_agrees_with_itself() -> None:
    """No minor version outlives its major version, and each that is a long-term support release ends with it."""
    for version, end in engine_versions.MINOR_ENDS.items():
        assert end <= engine_versions.MAJOR_ENDS[int(version.split(".")[0])]
    assert {"16.8", "17.7"} == {
        version for version, end in engine_versions.MINOR_ENDS.items() if end in engine_versions.MAJOR_ENDS.values()
    }
