"""Which environment a command is about, when --env does not say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infragen.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INFRAGEN_ENV", raising=False)
    add(tmp_path, "dev")
    return tmp_path


def add(folder: Path, name: str) -> None:
    (folder / "environments").mkdir(exist_ok=True)
    text = f"project: shop\nenvironment: {name}\nregion: eu-west-1\nnetwork: {{}}\n"
    (folder / "environments" / f"{name}.yaml").write_text(text)


def run(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env=variables)


def chosen(*arguments: str, **variables: str) -> str:
    """The environment that `config` prints."""
    result = run("config", "--format", "json", *arguments, **variables)
    assert result.exit_code == 0, result.output
    return str(json.loads(result.stdout)["environment"]["environment"])


def test_the_only_environment_needs_no_name(folder: Path) -> None:
    """There is nothing to choose."""
    assert chosen() == "dev"


def test_the_variable_chooses_and_the_option_goes_first(folder: Path) -> None:
    """As in other tools: what is typed beats what is set."""
    add(folder, "staging")
    assert chosen(INFRAGEN_ENV="staging") == "staging"
    assert chosen("--env", "dev", INFRAGEN_ENV="staging") == "dev"


@pytest.mark.parametrize("command", ["config", "plan", "deploy", "status", "destroy", "recover"])
def test_without_a_choice_the_environments_are_listed(folder: Path, command: str) -> None:
    """Exit code 2, and nothing is done."""
    add(folder, "staging")
    result = run(command)
    assert result.exit_code == 2
    assert "several environments exist: dev, staging" in result.stderr
    assert "--env dev" in result.stderr


def test_an_environment_that_is_not_there_is_told_like_one_of_the_option(folder: Path) -> None:
    """The variable is no way round the check."""
    assert "no environment 'prod'" in run("config", INFRAGEN_ENV="prod").stderr


@pytest.mark.parametrize("arguments", [("--environments", "envs"), ("--environments=envs",)])
def test_the_only_environment_of_another_directory_is_found(folder: Path, arguments: tuple[str, ...]) -> None:
    """Wherever the option stands."""
    (folder / "environments").rename(folder / "envs")
    assert chosen(*arguments) == "dev"
