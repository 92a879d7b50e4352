"""The JSON Schema of environment files, which editors and programs rely on, and the committed environments."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from environment_page import environment_page

from infragen.config import json_schema, load_file, read_node, reference, rules, warnings_of, yamlfile

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / "tests" / "data" / "environments"
FILES = sorted(ENVIRONMENTS.glob("*.yaml"))


def values(node: yamlfile.Node) -> Any:
    """The file as YAML 1.2 reads it, which is what an editor validates."""
    if isinstance(node, yamlfile.Mapping):
        return {key: values(entry.node) for key, entry in node.entries.items()}
    return [values(item) for item in node.items] if isinstance(node, yamlfile.Sequence) else node.value


def complaints(body: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(json_schema())
    return [error.message for error in validator.iter_errors(body)]


@pytest.mark.long
def test_the_schema_is_valid_and_the_committed_file_is_current() -> None:
    """`infragen schema > environment.schema.json` would change nothing; the modelines point to this file."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json.loads((ROOT / "environment.schema.json").read_text()) == json_schema()


def test_its_patterns_are_regular_expressions_of_editors() -> None:
    """Of ECMAScript with the flag u, which knows fewer escapes than Python (ECMA-262, IdentityEscape)."""
    found = [each for each in _patterns(json_schema()) if re.search(r"\\[^\^$\\.*+?()\[\]{}|/dDsSwWbBtnvfrux-]", each)]
    assert len([*_patterns(json_schema())]) > 20
    assert found == []


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for each in schema:
            yield from _patterns(each)
    elif isinstance(schema, dict):
        yield from (
            each for each in (schema.get("pattern"), *schema.get("patternProperties", ())) if isinstance(each, str)
        )
        for each in schema.values():
            yield from _patterns(each)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_schema_accepts_the_committed_environments(file: Path) -> None:
    """As written, and with what they extend."""
    body = values(yamlfile.load(file.read_bytes(), file.name))
    assert complaints(body) == []
    assert complaints(values(read_node(file))) == []
    assert file.read_text().startswith("# yaml-language-server: $schema=../environment.schema.json\n")


@pytest.mark.long
def test_the_schema_refuses_unknown_and_missing_keys_and_values_outside_their_range() -> None:
    """Strict as infragen itself, at every level."""
    body = values(read_node(ENVIRONMENTS / "prod.yaml"))
    for path in reference.key_paths():
        if path == ("extends",) or any(isinstance(step, int) for step in path[:-1]):
            continue
        changed = json.loads(json.dumps(body))
        inner = changed
        for step in path[:-1]:
            inner = inner.setdefault(step, {})
        inner[f"{path[-1]}x"] = 1
        assert complaints(changed), path
    assert complaints(body | {"account": "123"})
    assert complaints(body | {"tags": {"aws$": 1}})
    assert complaints(body | {"queues": [{}]})
    assert complaints(body | {"network": {"azs": 5}})
    assert complaints(body | {"region": "mars-1"})


def test_required_keys_may_come_from_the_extended_file_only() -> None:
    """A complete environment must have them; one with `extends`, or shared values, need not."""
    least = {"project": "a", "environment": "dev", "region": "eu-west-1"}
    assert complaints(least) == []
    assert complaints(least | {"database": {}}) == [
        "'min_acu' is a required property",
        "'max_acu' is a required property",
    ]
    assert complaints({"environment": "dev"}) == ["'project' is a required property", "'region' is a required property"]
    assert complaints({"environment": "dev", "extends": "base.yaml", "database": {}}) == []
    assert complaints({"database": {"readers": 1}}) == []


def test_an_account_id_and_a_version_need_no_quotes() -> None:
    """YAML reads them as numbers; infragen takes their text, so the editor must not complain."""
    least = yaml.safe_load("{project: a, environment: dev, region: eu-west-1, account: 123456789012}")
    assert complaints(least | {"database": {"engine_version": 17.7, "min_acu": 1, "max_acu": 2}}) == []


def test_every_key_has_a_description_and_every_optional_one_a_default() -> None:
    """Editors show them; the reference page is made of them."""
    required = {"project", "environment", "region", "extends"}
    for path in reference.key_paths():
        schema = reference.at(path)
        assert schema.get("description"), path
        section = reference.at(path[:-1])
        if path[-1] not in section.get("required", []) and len(path) > 1:
            assert "default" in schema or path[-1] in _then_required(path[:-1]), path
        elif len(path) == 1:
            assert "default" in schema or path[0] in required, path


def _then_required(section: reference.Path) -> list[str]:
    node = json_schema()["then"]
    for step in section:
        node = node.get("properties", {}).get(step, {})
    found: list[str] = node.get("required", [])
    return found


def test_the_three_environments_are_what_the_plan_says() -> None:
    """Sizes of dev, staging and prod, and none of them gives cause for a warning."""
    files = {name: load_file(ENVIRONMENTS / f"{name}.yaml") for name in ("dev", "staging", "prod")}
    figures = {}
    for name, file in files.items():
        env = file.environment
        assert env.network
        assert env.database
        assert env.api
        (queue,), (worker,) = env.queues, env.workers
        figures[name] = [
            (env.network.azs, env.network.nat, env.network.flow_logs),
            (env.database.min_acu, env.database.max_acu, env.database.connection_alarm),
            (env.database.readers, env.database.backup_days, env.database_deletion, env.database.deletion_protection),
            (env.api.min_tasks, env.api.max_tasks, env.api.cpu, env.api.memory, env.api.spot, len(env.api.schedule)),
            (
                env.api.https.mode,
                env.api.container_insights,
                env.api.waf is not None,
                env.api.tracing,
                env.api.log_retention_days,
            ),
            (worker.reserved_concurrency, worker.memory, worker.timeout, worker.runtime, env.visibility(queue)),
            env.protected,
        ]
        assert warnings_of(file) == ()
    assert figures == {
        "dev": [
            (2, "instance", "REJECT"),
            (0.5, 2, 320),
            (0, 7, "delete", False),
            (1, 2, 512, 1024, True, 2),
            ("http_only", "disabled", False, False, 7),
            (5, 512, 60, "nodejs24.x", 365),
            False,
        ],
        "staging": [
            (2, "single", "ALL"),
            (0.5, 4, 658),
            (0, 7, "snapshot", False),
            (1, 5, 1024, 2048, False, 0),
            ("certificate", "enabled", True, True, 30),
            (10, 512, 60, "nodejs24.x", 365),
            False,
        ],
        "prod": [
            (3, "per_az", "ALL"),
            (1, 8, 1335),
            (1, 35, "snapshot", True),
            (2, 10, 1024, 2048, False, 0),
            ("domain", "enabled", True, True, 30),
            (50, 1024, 60, "nodejs24.x", 365),
            True,
        ],
    }


@pytest.mark.long
def test_the_reference_page_is_current_and_names_every_key_and_rule() -> None:
    """`make docs` would change nothing, and nothing that the schema knows is missing on the page."""
    page = environment_page()
    assert (ROOT / "docs" / "environment.md").read_text() == page
    for path in reference.key_paths():
        if "properties" not in reference.at(path) and path[-1] not in ("queues", "workers"):
            assert f"| `{reference.dotted(path).replace('[0]', '[]')}` |" in page
    for rule in (*rules.ERRORS, *rules.WARNINGS):
        assert " ".join((rule.__doc__ or "").split()) in page
    assert all(line.count(" | ") == 3 for line in page.splitlines() if line.startswith("| `"))
