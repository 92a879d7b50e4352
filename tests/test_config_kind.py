"""What an environment is for: written as `kind`, or said by its name; every rule for production hangs on it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from commands import CommandLine

from infragen.cli import main
from infragen.config.schema import KIND_OF_NAME

Render = Callable[..., Result]

CARELESS = """\
project: shop
environment: {name}
region: eu-west-1
network: {{nat: instance}}
database: {{min_acu: 0.5, max_acu: 2, deletion: delete, backup_days: 1}}
api:
  {{https: {{mode: http_only}}, ingress_cidrs: [10.0.0.0/8], cpu: 512, memory: 1024, min_tasks: 1, max_tasks: 2,
  spot: true, log_retention_days: 7}}
"""
DEMANDS = (
    "alarms.emails is empty", 'network.nat is "instance"', "database.readers is 0",
    'database.deletion is "delete"', "database.deletion_protection is false", "database.backup_days is 1",
    "api.spot is true", "api.min_tasks is 1", "api.log_retention_days is 7",
)  # fmt: skip
TLS = 'api.https.mode is "http_only"'


@pytest.fixture
def rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Render:
    """Return a function that renders an environment of a name, with more lines in its file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "environments").mkdir()

    def render(name: str, more: str = "", text: str = CARELESS) -> Result:
        (tmp_path / "environments" / f"{name}.yaml").write_text(text.format(name=name) + more)
        return CommandLine().invoke(main, ["render", "--env", name])

    return render


@pytest.mark.parametrize(("name", "more"), [
    ("prod", ""), ("production", ""), ("prod-eu", "kind: production\n"), ("x", "kind: production\n"),
    ("staging", "kind: production\n"),
])  # fmt: skip
def test_every_rule_for_production_holds_for_the_kind(rendered: Render, name: str, more: str) -> None:
    """However it is called; the name alone decides where no kind is written."""
    result = rendered(name, more)
    assert result.exit_code == 2
    for demand in (*DEMANDS, TLS):
        assert demand in result.stderr


@pytest.mark.parametrize(("name", "more"), [("staging", ""), ("qa", "kind: staging\n"), ("prod", "kind: staging\n")])
def test_staging_is_served_with_tls_and_that_is_all(rendered: Render, name: str, more: str) -> None:
    """As the reference says: TLS for staging."""
    result = rendered(name, more)
    assert result.exit_code == 2
    assert TLS in result.stderr
    assert not [demand for demand in DEMANDS if demand in result.stderr]


@pytest.mark.parametrize("name", [
    "prod-eu", "live", "prd", "eu-prod", "prod2", "prd-a", "live1", "produktion", "euprod", "main", "go-live",
    "production2", "prodeu", "release", "prod-product", "product-prod", "eu1-prd2", "producao", "liveeu", "eulive",
    "golive", "prodution", "produkcja", "client-a", "www", "ga", "p",
])  # fmt: skip
def test_a_name_that_looks_like_production_is_a_warning_that_names_the_key(rendered: Render, name: str) -> None:
    """At the name's place; whoever writes the kind, any kind but a lesser one for production, is not told again."""
    result = rendered(name)
    assert result.exit_code == 0
    assert f"environments/{name}.yaml:2:14: warning: " in result.stderr
    assert (
        f'environment "{name}" looks like production, whose rules do not hold; write kind: production' in result.stderr
    )
    said = rendered(name, "kind: development\n").stderr
    assert f'kind is development, and environment "{name}" looks like production' in said


@pytest.mark.long
@pytest.mark.parametrize("name", ["stage", "stg", "uat", "preprod", "pre-prod", "nonprod", "staging-2"])
def test_a_name_that_looks_like_staging_is_a_warning_too(rendered: Render, name: str) -> None:
    """Its one rule does not hold either; `kind` ends the warning."""
    assert "looks like staging, whose rules do not hold; write kind: staging" in rendered(name).stderr
    assert "looks like" not in rendered(name, "kind: development\n").stderr


@pytest.mark.parametrize(
    "name",
    [
        "dev",
        "qa",
        "test",
        "delivery",
        "olive",
        "demo",
        "mainz",
        "ci-12",
        "alice",
        "product-dev",
        "products",
        "reproduce",
        "producer-ci",
        "delivery-qa",
        "productivity",
        "alive",
        "releases-qa",
        "byproduct",
        "reproduction",
    ],
)
def test_other_names_are_development_without_a_word(rendered: Render, name: str) -> None:
    """Parts of words are no words."""
    result = rendered(name)
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_kind_decides_protection_the_repository_and_node_env(rendered: Render, tmp_path: Path) -> None:
    """What hung on the name: `config` shows the kind in force, and templates follow it."""
    rendered("qa", "kind: development\n")
    template = (tmp_path / "templates/qa/api.yaml").read_text()
    assert "Value: development" in template
    shown = CommandLine().invoke(main, ["config", "--env", "qa"]).stdout
    assert "kind: development" in shown
    assert set(KIND_OF_NAME) == {"staging", "prod", "production"}


@pytest.mark.parametrize("section", ["network", "database", "queues", "api", "workers"])
def test_null_switches_every_section_off(rendered: Render, tmp_path: Path, section: str) -> None:
    """As the reference promises, over what another file gives."""
    (tmp_path / "environments/base.yaml").write_text(
        "project: shop\nregion: eu-west-1\nnetwork: {nat: single}\ndatabase: {min_acu: 0.5, max_acu: 2}\n"
        "queues: [{name: mail}]\nworkers: [{name: mail, queue: mail, reserved_concurrency: 2}]\n"
        "api: {https: {mode: http_only}, ingress_cidrs: [10.0.0.0/8], cpu: 512, memory: 1024, min_tasks: 1,\n"
        "  max_tasks: 2}\n"
    )
    off = {"queues": "queues: null\nworkers: null\n", "network": "".join(
        f"{each}: null\n" for each in ("network", "database", "queues", "api", "workers"))}  # fmt: skip
    text = "extends: base.yaml\nenvironment: {name}\n" + off.get(section, f"{section}: null\n")
    result = rendered("dev", text=text)
    assert result.exit_code == 0, result.stderr
    assert not (tmp_path / f"templates/dev/{section.removesuffix('s')}.yaml").exists()
