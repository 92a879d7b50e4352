"""Which line of an environment file a resource or a property comes from, held to what is really rendered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_every_key import BASE, CHANGES, changed, rendered

from infragen.config import Environment, EnvironmentFile, load_file
from infragen.config.reference import key_paths
from infragen.config.setting_lookup import TABLE, origin, settings, suspect

Change = tuple[str, str, tuple[str | int, ...]]

EVERYWHERE = {
    "project": "part of every name, and a parameter's default",
    "environment": "part of every name, and a parameter's default",
    "queues.0.name": "another queue: its resources are replaced by those of the new one",
    "workers.0.name": "another worker, as above",
}
"""Keys whose change is more than a change of properties."""


def bodies(document: dict[str, Any]) -> dict[str, Any]:
    return {each.layer: each.body for each in rendered(document).templates}


def differences(before: Any, after: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths at which two template bodies differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from differences(before.get(key), after.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, (*path, index))
    elif before != after:
        yield path


def effects(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """What one setting changes: layer, logical id, and the property's path, empty for a resource that comes or goes."""
    first, second = bodies(before), bodies(after)
    for layer in first:
        there, then = first[layer]["Resources"], second[layer]["Resources"]
        for path in differences(there, then):
            logical_id = str(path[0])
            yield layer, logical_id, path[1:]


@pytest.mark.parametrize("key", [each for each in CHANGES if each not in EVERYWHERE])
def test_the_table_names_the_setting_behind_everything_that_changes(key: str) -> None:
    """One key changed: it, what holds it or a part of it is among the settings of all that moved."""
    before, after = changed(key)
    found = list(effects(before, after))
    env = [Environment.model_validate(each) for each in (before, after)]
    for layer, logical_id, path in found:
        named = {".".join(map(str, each)) for one in env for each in settings(one, layer, logical_id, path)}
        assert any(_about(key, each) for each in named), (layer, logical_id, path, named)
    exact = [each for each in found if key in _names(env[0], *each) | _names(env[1], *each)]
    assert exact or not found, f"no property leads back to {key} itself"


def _names(env: Environment, layer: str, logical_id: str, path: tuple[str | int, ...]) -> set[str]:
    found = {".".join(map(str, each)) for each in settings(env, layer, logical_id, path)}
    return found | {each.rpartition(".")[0] for each in found}  # an item of a list leads to its list


def _about(key: str, named: str) -> bool:
    return f"{key}.".startswith(f"{named}.") or f"{named}.".startswith(f"{key}.")


def test_every_setting_in_the_table_exists() -> None:
    """A key that was renamed would silently lead nowhere."""
    known = {".".join("*" if isinstance(step, int) else step for step in path) for path in key_paths()}
    for rows in TABLE.values():
        for line in filter(str.strip, rows.splitlines()):
            for setting in line.split()[2:]:
                plain = setting.replace("{queue}", "queues.*").replace("{worker}", "workers.*").replace("{nth}", "*")
                assert plain.replace("{n}", "*").removesuffix(".*") in known, setting


TEST = """\
extends: base.yaml
environment: test
database:
  engine_version: "17.99"
  min_acu: 1
  max_acu: 8
queues:
  - name: mail
  - name: letters
    max_receives: 3
workers:
  - {name: sender, queue: mail, timeout: 40, memory: 2048, reserved_concurrency: 5}
api:
  https: {mode: domain, domain_name: api.example.com, hosted_zone_id: Z1}
  cpu: 512
  memory: 1024
  min_tasks: 1
  max_tasks: 4
  schedule:
    - {name: night, cron: cron(0 20 * * ? *), min: 0, max: 1}
    - {name: day, cron: cron(0 7 * * ? *), min: 1, max: 3}
alarms:
  emails: [a@example.com, b@example.com]
"""
BASE_YAML = 'project: shop\nregion: us-east-1\naccount: "111111111111"\nnetwork:\n  azs: 3\n'


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EnvironmentFile:
    monkeypatch.chdir(tmp_path)
    folder = Path("environments")
    folder.mkdir()
    (folder / "test.yaml").write_text(TEST)
    (folder / "base.yaml").write_text(BASE_YAML)
    return load_file(folder / "test.yaml")


@pytest.mark.parametrize(
    ("layer", "logical_id", "path", "value", "said"),
    [
        ("database", "Cluster", "EngineVersion", None, "test.yaml:4 database.engine_version"),
        ("database", "Cluster", "ServerlessV2ScalingConfiguration.MaxCapacity", 8, "test.yaml:6 database.max_acu"),
        ("database", "Cluster", "BackupRetentionPeriod", 7, "test.yaml:3 database.backup_days (default)"),
        ("database", "SubnetGroup", "", None, "test.yaml:3 database"),
        ("network", "PrivateSubnet3", "", None, "base.yaml:5 network.azs"),
        ("network", "NatGateway1", "", None, "base.yaml:5 network.azs"),
        ("network", "AlarmEmail2", "", None, "test.yaml:23 alarms.emails[1]"),
        ("queue", "MailDlqPolicy", "", None, "test.yaml:8 queues[0]"),
        ("queue", "LettersQueue", "RedrivePolicy.maxReceiveCount", 3, "test.yaml:10 queues[1].max_receives"),
        ("queue", "MailQueue", "VisibilityTimeout", 245, "test.yaml:12 workers[0].timeout"),
        ("worker", "SenderFunction", "MemorySize", 2048, "test.yaml:12 workers[0].memory"),
        ("api", "ScalableTarget", "ScheduledActions.1.Schedule", None, "test.yaml:21 api.schedule[1].cron"),
        ("api", "TaskDefinition", "ContainerDefinitions.0.Environment.4", "3000", "test.yaml:13 api.port (default)"),
        ("root", "Database", "", None, "test.yaml:3 database"),
        ("network/Peering", "Vpc", "", None, "base.yaml:4 network"),
    ],
)  # fmt: skip
def test_a_resource_or_property_leads_to_its_line(
    file: EnvironmentFile, layer: str, logical_id: str, path: str, value: object, said: str
) -> None:
    """The file that writes it, the line, the key; of several the one with the value, or the one that is written."""
    steps = tuple(int(step) if step.isdecimal() else step for step in path.split(".")) if path else ()
    assert (
        str(origin(file, layer, logical_id, ("Properties", *steps) if steps else (), value)) == f"environments/{said}"
    )


@pytest.mark.parametrize(
    ("layer", "logical_id", "reason", "said"),
    [
        ("database", "Cluster", "Cannot find version 17.99 (Rds)", "test.yaml:4 database.engine_version"),
        ("database", "Cluster", "Cannot find version 117.999", "test.yaml:3 database"),
        ("api", "Certificate", "no DNS record for api.example.com.", "test.yaml:14 api.https.domain_name"),
        ("api", "TaskDefinition", "No Fargate configuration for 512 CPU, 1024 memory", "test.yaml:16 api.memory"),
        ("worker", "SenderFunction", "'MemorySize' failed to satisfy constraint", "test.yaml:12 workers[0].memory"),
        ("api", "ScalableTarget", "1 validation error detected", "test.yaml:13 api"),
        ("network", "Vpc", "The maximum number of VPCs has been reached.", "base.yaml:4 network"),
        ("queue", "LettersQueue", "You must wait 60 seconds", "test.yaml:9 queues[1]"),
    ],
)  # fmt: skip
def test_awss_words_lead_to_the_setting_they_name(
    file: EnvironmentFile, layer: str, logical_id: str, reason: str, said: str
) -> None:
    """A value or a property in the reason of a failure points to its line; without one the resource's own line."""
    assert str(suspect(file, layer, logical_id, reason)) == f"environments/{said}"


def test_what_no_setting_decides_has_no_line(file: EnvironmentFile) -> None:
    """The artifact bucket, and the root's own stack."""
    assert origin(file, "artifacts", "Bucket") is None
    assert suspect(file, "root", "shop-test", "whatever") is None


def test_a_layer_that_the_table_does_not_know_gets_its_section() -> None:
    """A layer that is added later needs no row here: its section is called like it."""
    env = Environment.model_validate(BASE)
    assert settings(env, "alarms", "Whatever", ("Properties", "X")) == (("alarms",),)
