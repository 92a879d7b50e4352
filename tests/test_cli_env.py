"""Which environment a command is about, when --env does not say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from commands import CommandLine

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
    return CommandLine().invoke(main, list(arguments), env=variables)


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


def test_environments_are_found_from_a_subdirectory_and_that_is_said_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As git finds its root: the nearest directory above; templates stand beside it, wherever one is."""
    below = folder / "services" / "mail"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    result = run("config")
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == ["environments: ../../environments"]
    assert run("render").exit_code == 0
    assert (folder / "templates" / "dev" / "root.yaml").is_file()
    assert not (below / "templates").exists()
    assert run("render", "--output", "here").exit_code == 0
    assert (below / "here" / "dev" / "root.yaml").is_file()
    monkeypatch.chdir(folder)
    assert run("config").stderr == ""


@pytest.mark.parametrize("wall", [".git", "environments/dev.yaml"])
def test_a_repository_of_its_own_and_a_nearer_directory_end_the_search(
    folder: Path, monkeypatch: pytest.MonkeyPatch, wall: str
) -> None:
    """Another project's environments are never taken for ours, nor files that are no environments for some."""
    below = folder / "other"
    (below / "environments").mkdir(parents=True)
    monkeypatch.chdir(below)
    if wall == ".git":
        (below / ".git").mkdir()
        result = run("config")
        assert result.exit_code == 2
        assert "no environment file" in result.stderr
    else:
        add(below, "staging")
        assert chosen() == "staging"


def test_a_directory_that_is_named_is_taken_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No search for what the user wrote out."""
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    assert run("config", "--environments", "environments").exit_code == 2
