"""Where values come from, and how environments differ."""

from pathlib import Path

from infragen.config import Database, EnvironmentFile, differences, load_file, origins

ENVIRONMENTS = Path(__file__).parent / "data" / "environments"

SHARED = """\
project: shop
region: eu-west-1
tags: {Team: core, Cost: a}
network: {nat: single}
queues: [{name: mail}, {name: sms, fifo: true}]
"""
FILE = """\
extends: shared.yaml
environment: dev
tags: {Cost: b}
workers:
  - name: mail
    queue: mail
    reserved_concurrency: 3
    environment: {PLAN: no}
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / "dev.yaml"


def differing(before: EnvironmentFile, after: EnvironmentFile) -> dict[str, tuple[object, object]]:
    """Key -> the values on both sides, None where there is none."""
    found = {each.key: (each.before, each.after) for each in differences(before, after)}
    return {key: (a and a.value, b and b.value) for key, (a, b) in found.items()}


def test_every_value_in_force_names_its_origin(tmp_path: Path) -> None:
    """Written in this file, in the extended one, default, or computed from other keys."""
    file = load_file(write(tmp_path, shared=SHARED, dev=FILE))
    found = {each.key: each for each in origins(file)}
    place = {key: str(each.place).rpartition("/")[2] if each.place else None for key, each in found.items()}
    assert {key: (found[key].value, place[key]) for key in ("project", "environment", "tags.Team", "tags.Cost")} == {
        "project": ("shop", "shared.yaml:1:10"),
        "environment": ("dev", "dev.yaml:2:14"),
        "tags.Team": ("core", "shared.yaml:3:14"),
        "tags.Cost": ("b", "dev.yaml:3:14"),
    }
    assert (found["network.azs"].value, place["network.azs"], found["network.azs"].computed) == (2, None, False)
    visibility = found["queues[0].visibility_seconds"]
    assert (visibility.value, visibility.place, visibility.computed) == (365, None, True)
    assert found["workers[0].max_concurrency"].value == 3
    assert (found["workers[0].environment.PLAN"].value, place["workers[0].environment.PLAN"]) == ("no", "dev.yaml:8:25")
    assert (found["protect"].value, found["protect"].computed) == (False, True)
    assert found["database"].value is None
    assert found["alarms.emails"].value == []


def test_every_value_of_an_environment_is_listed_once() -> None:
    """Nothing that the schema knows is missing for a section that is on."""
    keys = [each.key for each in origins(load_file(ENVIRONMENTS / "prod.yaml"))]
    assert len(keys) == len(set(keys))
    assert {"database.url_options", "api.scaling.requests_per_target", "cost.expected.log_gb"} <= set(keys)
    assert next(iter(keys)) == "project"


def test_an_environment_does_not_differ_from_itself() -> None:
    """Nothing is invented."""
    env = load_file(ENVIRONMENTS / "prod.yaml")
    assert differences(env, env) == ()


def test_environments_differ_in_the_values_in_force() -> None:
    """Written against default, computed against written, on against off, in the order of the schema."""
    dev, prod = (load_file(ENVIRONMENTS / f"{name}.yaml") for name in ("dev", "prod"))
    found = differing(dev, prod)
    assert found["network.azs"] == (2, 3)
    assert found["protect"] == (False, True)
    assert found["api.ingress_cidrs"] == (["203.0.113.0/24"], ["0.0.0.0/0"])
    assert found["api.schedule.night.max"] == (0, None)
    assert "environment" not in found
    assert found["workers.notifications.max_concurrency"] == (5, 50)
    assert found["alarms.emails"] == ([], ["oncall@example.com"])
    assert "api.schedule" not in found
    assert "api.schedule.night.name" not in found
    assert "queues.notifications.visibility_seconds" not in found
    keys = list(found)
    assert keys.index("account") < keys.index("network.azs") < keys.index("api.cpu") < keys.index("alarms.emails")
    back = {key: (after, before) for key, (before, after) in differing(prod, dev).items()}
    assert back == found


def test_named_things_are_compared_by_name(tmp_path: Path) -> None:
    """The order of a list does not matter; a thing of another name is another thing."""
    one = load_file(write(tmp_path, shared=SHARED, dev=FILE))
    turned = SHARED.replace("[{name: mail}, {name: sms, fifo: true}]", "[{name: sms, fifo: true}, {name: mail}]")
    other = load_file(write(tmp_path, shared=turned, dev=FILE))
    assert differences(one, other) == ()
    fewer = load_file(write(tmp_path, shared=SHARED.replace(", {name: sms, fifo: true}", ""), dev=FILE))
    found = differing(one, fewer)
    assert all(key.startswith("queues.sms.") for key in found)
    assert found["queues.sms.fifo"] == (True, None)


def test_a_layer_that_is_off_differs_in_all_its_values(tmp_path: Path) -> None:
    """Each value is listed against nothing, the section itself is not."""
    one = load_file(write(tmp_path, shared=SHARED, dev=FILE))
    more = SHARED + "database: {min_acu: 0.5, max_acu: 2}\n"
    other = load_file(write(tmp_path, shared=more, dev=FILE))
    found = differing(one, other)
    assert found["database.max_acu"] == (None, 2)
    assert found["database.engine_version"] == (None, "17.7")
    assert "database" not in found
    derived = ("parameters", "deletion")  # what is absent there follows from other keys
    fields = [f"database.{key}" for key in Database.model_fields if key not in derived]
    assert [key for key in found if key.startswith("database.") and key.count(".") == 1 and key in fields] == fields


def test_what_only_one_environment_has_stands_where_it_has_it(tmp_path: Path) -> None:
    """A queue more in the middle of the list is told between its neighbours, whichever side has it."""
    three = SHARED.replace("{name: sms, fifo: true}", "{name: push}, {name: sms, fifo: true, max_receives: 9}")
    one = load_file(write(tmp_path, shared=SHARED.replace("mail}", "mail, max_receives: 3}"), dev=FILE))
    other = load_file(write(tmp_path, shared=three, dev=FILE))
    for pair in ((one, other), (other, one)):
        named = [each.key.split(".")[1] for each in differences(*pair)]
        assert list(dict.fromkeys(named)) == ["mail", "push", "sms"]


def test_the_queue_of_the_api_is_the_first_unless_named(tmp_path: Path) -> None:
    """Computed, so that `infragen config` shows where QUEUE_URL leads."""
    text = SHARED + "api: {https: {mode: http_only}, ingress_cidrs: [10.0.0.0/8], cpu: 256, memory: 512, min_tasks: 1, "
    for more, value, computed in (("}", "mail", True), ("queue: sms}", "sms", False)):
        file = load_file(write(tmp_path, shared=text + "max_tasks: 1, " + more + "\n", dev=FILE))
        [found] = [each for each in origins(file) if each.key == "api.queue"]
        assert (found.value, found.computed, found.place is None) == (value, computed, computed)
