"""How much fits into one environment: the documented maxima are the largest that the templates take, and the errors of
a long file stay short.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from environment_page import environment_page
from sweeps import SOAKING
from test_config_rules import BROKEN, TODAY, Case, loaded

from infragen.assembly.limits import SECTIONS
from infragen.assembly.stacks import make_plan
from infragen.assembly.synth import Assembly, synthesize
from infragen.config import load_environment, load_file, reference, rules
from infragen.config.schema import QUEUES
from infragen.config.yamlfile import MAX_TEXT
from infragen.errors import InputError

SECRET = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:name-AbCdEf"
NAME = "n" * 37


def full(pairs: int, **changes: Any) -> dict[str, Any]:
    """An environment with this many queues and workers, and every other list at the length that the schema allows."""
    endpoints = reference.at(("network", "interface_endpoints"))["items"]["enum"]
    queues = [{"name": f"{NAME}{n:03}", "encryption": "kms", "fifo": bool(n % 2)} for n in range(pairs)]
    return {
        "project": "p" * 20, "environment": "dev", "region": "us-east-1", "account": "111111111111", "protect": True,
        "tags": {f"Tag{n}": "x" * 256 for n in range(most("tags"))},
        "network": {"azs": 4, "nat": "per_az", "interface_endpoints": endpoints,
                    "extra_egress_ports": [*range(1, most("network", "extra_egress_ports") + 1)]},
        "database": {"min_acu": 1, "max_acu": 256, "readers": 15},
        "queues": queues,
        "api": {"https": {"mode": "domain", "domain_name": "api.example.com", "hosted_zone_id": "Z1"}, "cpu": 256,
                "memory": 512, "min_tasks": 1, "max_tasks": 2, "tracing": True, "waf": {},
                "ingress_cidrs": [f"198.51.{n}.0/24" for n in range(most("api", "ingress_cidrs"))],
                "schedule": [{"name": f"s{n}", "cron": "rate(1 day)", "min": 1, "max": 2}
                             for n in range(most("api", "schedule"))]},
        "workers": [{"name": f"w{n:03}", "queue": each["name"], "reserved_concurrency": 2, "db_pool_size": 1,
                     "secret_arns": [SECRET]} for n, each in enumerate(queues)],
        "alarms": {"emails": [f"a{n}@example.com" for n in range(most("alarms", "emails"))]},
        **changes,
    }  # fmt: skip


def most(*path: str) -> int:
    schema = reference.at(path)
    return int(schema.get("maxItems", schema.get("maxProperties", 0)))


def rendered(folder: Path, values: dict[str, Any]) -> Assembly:
    (folder / "dev.yaml").write_text(yaml.safe_dump(values))
    return synthesize(load_environment(folder / "dev.yaml", TODAY))


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_an_environment_with_every_list_at_its_maximum_renders_and_is_planned(tmp_path: Path, topology: str) -> None:
    """Each maximum of the schema is one that CloudFormation takes: templates, stack policies and requests."""
    assembly = rendered(tmp_path, full(QUEUES, topology=topology))
    make_plan(assembly, {})
    for template in assembly.templates:
        for section, limit in SECTIONS.items():
            assert len(template.body.get(section, {})) <= limit


@pytest.mark.long
def test_the_documented_number_of_queues_is_the_largest_that_the_templates_take(tmp_path: Path) -> None:
    """One more is refused by the count of the layer `queue` as well, where the rule does not look."""
    env = load_environment(_written(tmp_path, full(QUEUES)), TODAY)
    one_more = env.queues[0].model_copy(update={"name": "one-more"})
    with pytest.raises(InputError, match=r"layer queue: 504 resources; CloudFormation allows 500") as caught:
        synthesize(env.model_copy(update={"queues": (*env.queues, one_more)}))
    assert "second environment" in caught.value.hint


@pytest.mark.skipif(not SOAKING, reason="a minute of cfn-lint; in the soak")
def test_the_largest_environment_passes_cfn_lint(tmp_path: Path) -> None:
    """cfn-lint finds no error and no warning, and says beforehand what is near a limit."""
    for template in rendered(tmp_path, full(QUEUES)).templates:
        found = lint(template.text, config=ManualArgs(regions=["us-east-1"]))
        assert [each for each in found if each.rule.severity not in ("informational",)] == []


@pytest.mark.long
@pytest.mark.parametrize("key", ["queues", "workers"])
def test_the_real_maximum_stands_where_the_key_is_documented(key: str) -> None:
    """In the schema that editors read and on the page; `null` still turns the section off."""
    assert most(key) == QUEUES
    assert f"at most {QUEUES}" in environment_page().partition(f"## {key}\n")[2].partition("\n## ")[0]
    assert f"at most {QUEUES}" in (rules.counts.__doc__ or "")


@pytest.mark.long
def test_too_many_queues_hide_no_other_error(tmp_path: Path) -> None:
    """Every error of the file, each with what to do."""
    values = full(QUEUES + 1, database={"min_acu": 1, "max_acu": 1})
    with pytest.raises(InputError) as caught:
        load_file(_written(tmp_path, values), TODAY)
    lines = caught.value.message.splitlines()
    assert [" queues lists 56; at most 55" in caught.value.message, " workers lists 56; at most 55" in lines[-1]]
    assert any("database connections are possible" in line for line in lines)
    assert all("to a second environment" in line for line in lines if " at most 55" in line)


LONG = [
    # what a rule lists, by the hundred
    {"workers": [{"name": f"w{n:03}", "queue": "nowhere"} for n in range(200)]},
    {"queues": [{"name": f"{NAME}{n:03}"} for n in range(200)], "workers": [{"name": "w", "queue": "nowhere"}]},
    {"api": {"queue": "nowhere"}, "queues": [{"name": f"{NAME}{n:03}"} for n in range(200)]},
    {"database": {"min_acu": 1, "max_acu": 1},
     "queues": [{"name": f"{NAME}{n:03}"} for n in range(200)],
     "workers": [{"name": f"w{n:03}", "queue": f"{NAME}{n:03}"} for n in range(200)]},
    # what a key may hold that has no length
    {"database": {"min_acu": 1, "max_acu": 1, "parameters": {"a" * 5000: "1"}}},
    {"database": {"min_acu": 1, "max_acu": 1, "parameters": {"max_connections": "9" * 5000}}},
    {"workers": [{"name": "w", "queue": "q", "environment": {"A" * 5000: "x", "_" + "A" * 5000: "x"}}]},
    {"network": {"nat": "none"}, "api": {"tracing": True, "collector_image": "a" * 5000 + ":1"}},
    {"api": {"https": {"mode": "domain", "certificate_arn": f"arn:aws:acm:eu-west-1:111111111111:certificate/{'a' * 5000}"}}},  # noqa: E501  # one row of a table
    {"api": {"ingress_cidrs": ["10.0.0.0/8"] * 50}},
    {"api": {"environment": {"A" * 5000: "x"}, "secrets": {"A" * 5000: SECRET}}},
    # and in a value that is refused by itself
    {"region": "x" * 5000}, {"x" * 5000: 1}, {"tags": {"x" * 5000: "x", "ok": "x" * 5000}},
    {"cost": {"prices": ["x" * 5000]}},
]  # fmt: skip


@pytest.mark.parametrize("changes", LONG, ids=lambda changes: ",".join(changes)[:40])
def test_no_error_of_a_file_is_longer_than_a_few_lines(tmp_path: Path, changes: dict[str, Any]) -> None:
    """A list is cut, and says how many more there are; a long text ends in dots."""
    values = full(1) | {key: _merged(full(1).get(key), each) for key, each in changes.items()}
    with pytest.raises(InputError) as caught:
        load_file(_written(tmp_path, values), TODAY)
    for line in caught.value.message.splitlines():
        assert len(line.partition("dev.yaml:")[2]) <= MAX_TEXT + len("10000:10000: ")


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.rule)
def test_what_each_rule_says_of_a_small_file_is_never_cut(tmp_path: Path, case: Case) -> None:
    """The words fit; the cut is for what a file lists by the hundred."""
    assert all(len(each) < MAX_TEXT and "…" not in each for each in loaded(tmp_path, case.text, case.environment)[0])


def _merged(below: Any, over: Any) -> Any:
    return {**below, **over} if isinstance(below, dict) and isinstance(over, dict) else over


def _written(folder: Path, values: dict[str, Any]) -> Path:
    path = folder / "dev.yaml"
    path.write_text(yaml.safe_dump(values))
    return path
