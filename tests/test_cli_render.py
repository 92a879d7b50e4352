"""`infragen render` as a user meets it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from commands import CommandLine

from infragen.cli import main
from infragen.layers import LAYERS

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / "environments"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "environments").mkdir()
    for name in ("base.yaml", "dev.yaml"):
        (tmp_path / "environments" / name).write_text((ENVIRONMENTS / name).read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def render(*arguments: str) -> Result:
    return CommandLine().invoke(main, ["render", *arguments])


@pytest.mark.long
def test_render_writes_every_environment_and_says_what_changed(project: Path) -> None:
    """A second run finds nothing to do; an edited file is written again."""
    assert "new" in render().stdout
    assert render().stdout.endswith("templates, unchanged\n")
    (project / "templates" / "dev" / "root.yaml").write_text("edited")
    assert render().stdout.endswith("templates, 1 changed\n")


@pytest.mark.long
def test_check_names_missing_stale_and_extra_files_and_writes_nothing(project: Path) -> None:
    """Exit code 1, one file a line."""
    render()
    templates = project / "templates" / "dev"
    network = (templates / "network.yaml").read_text()
    (templates / "network.yaml").unlink()
    (templates / "gone.yaml").write_text(network.replace(LAYERS[0].title, "A layer that is gone"))
    (templates / "root.yaml").write_text("edited")
    result = render("--check")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "missing: templates/dev/network.yaml",
        "stale: templates/dev/root.yaml",
        "extra: templates/dev/gone.yaml",
    ]
    assert (templates / "root.yaml").read_text() == "edited"


@pytest.mark.long
def test_check_is_silent_about_nothing_but_the_directories_when_all_is_well(project: Path) -> None:
    """Exit code 0."""
    render()
    result = render("--check")
    assert (result.exit_code, result.stdout) == (0, "up to date: templates/dev\n")


@pytest.mark.long
def test_check_names_the_templates_of_an_environment_that_is_gone(project: Path) -> None:
    """Y12: templates/old has no environments/old.yaml any more."""
    render()
    (project / "templates" / "dev").rename(project / "templates" / "old")
    render()
    result = render("--check")
    assert (result.exit_code, result.stdout) == (1, "extra: templates/old\n")


def test_an_unknown_environment_is_refused_with_the_nearest_name(project: Path) -> None:
    """Exit code 2, nothing written; a path is not a name."""
    result = render("--env", "deb")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no environment 'deb' in environments\nhint: did you mean dev?" in result.stderr
    assert render("--env", "../environments/dev").exit_code == 2
    assert not (project / "templates").exists()


def test_a_file_whose_name_is_none_of_an_environment_is_named(project: Path) -> None:
    """It is there, so that "no environment" would be no help."""
    (project / "environments" / "dev.eu.yaml").write_text("project: shop\nenvironment: dev.eu\n")
    result = render("--env", "dev.eu")
    assert result.exit_code == 2
    assert "dev.eu.yaml: 'dev.eu' cannot be the name of an environment\nhint: rename the file" in result.stderr


def test_shared_values_are_no_environment(project: Path) -> None:
    """A file without the key `environment` is neither rendered nor offered."""
    result = render("--env", "base")
    assert result.exit_code == 2
    assert "base.yaml:1:1: has no key environment: other files extend it" in result.stderr
    assert "hint: the environments are dev\n" in result.stderr
    assert "hint: the environments are dev\n" in render("--env", "nothing-like-it").stderr


def test_what_is_no_file_is_not_read(project: Path) -> None:
    """A device or a pipe of that name would never end."""
    os.mkfifo(project / "environments" / "pipe.yaml")
    for arguments in ((), ("--env", "pipe"), ("--env", "unknown")):
        result = render(*arguments)
        assert result.exit_code == 2
    assert "pipe.yaml cannot be read: it is a FIFO" in render("--env", "pipe").stderr


def test_a_file_named_alone_shows_all_its_errors(project: Path) -> None:
    """One that nobody extends is meant as an environment, also when its key is missing."""
    (project / "environments" / "odd.yaml").write_text("project: a\nproject: b\n")
    assert "odd.yaml:2:1: duplicate key project" in render("--env", "odd").stderr


def test_errors_of_all_files_are_shown_at_once_and_nothing_is_written(project: Path) -> None:
    """Two broken files, each with its place."""
    for name in ("one", "two"):
        (project / "environments" / f"{name}.yaml").write_text(f"environment: {name}\nprojekt: shop\n")
    result = render()
    assert result.exit_code == 2
    assert "environments/one.yaml:2:" in result.stderr
    assert "environments/two.yaml:2:" in result.stderr
    assert not (project / "templates").exists()


def test_a_file_that_is_neither_environment_nor_extended_is_a_mistake(project: Path) -> None:
    """A misspelt `environment` does not make an environment disappear."""
    (project / "environments" / "prod.yaml").write_text("enviroment: prod\n")
    result = render()
    assert result.exit_code == 2
    assert result.stderr.startswith("environments/prod.yaml:1:1: has no key environment")


@pytest.mark.long
def test_the_same_bytes_whatever_the_hash_seed_locale_time_zone_and_directory(tmp_path: Path) -> None:
    """T11: four processes that differ in all of them write the same files."""
    written = []
    for number, (locale, zone) in enumerate([("C", "UTC"), ("C.UTF-8", "Asia/Tokyo"), ("POSIX", "EST5EDT")]):
        cwd = tmp_path / f"cwd{number}"
        cwd.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": str(number), "LC_ALL": locale, "TZ": zone}
        command = [sys.executable, "-m", "infragen", "render", "--environments", str(ROOT / "environments")]
        subprocess.run([*command, "--output", "out"], cwd=cwd, env=environment, check=True, capture_output=True)
        written.append({each.relative_to(cwd): each.read_bytes() for each in sorted(cwd.rglob("*.yaml"))})
    assert len(written[0]) > 1
    assert written[0] == written[1] == written[2]
