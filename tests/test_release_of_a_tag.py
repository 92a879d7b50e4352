"""A release: its version is the tag's, its notes are the changelog's, and the workflow runs what `make` runs."""

from pathlib import Path

import pytest
import yaml
from release import NoReleaseError, check_upgrading, notes, version_of, with_version

import infragen

ROOT = Path(__file__).parents[1]
CHANGELOG = """\
# Changelog

## 1.3.0 (unreleased)

Not yet.

## 1.2.0 (2026-12-01)

A.

B.

## 1.1.0

## 1.0.0

C.
"""
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())


@pytest.mark.parametrize(("tag", "version"), [("v1.2.0", "1.2.0"), ("v0.10.3", "0.10.3"), ("v1.2.0rc1", "1.2.0rc1")])
def test_the_version_is_the_tags(tag: str, version: str) -> None:
    assert version_of(tag) == version


@pytest.mark.parametrize("tag", ["", "1.2.0", "v1.2", "v1.2.0-rc.1", "v1.2.0\n", "v1.2.0; ls"])
def test_another_tag_is_no_release(tag: str) -> None:
    with pytest.raises(NoReleaseError, match="is not vX"):
        version_of(tag)


def test_notes_are_the_section_of_the_version() -> None:
    """A pre-release has those of its release."""
    assert notes(CHANGELOG, "1.2.0") == notes(CHANGELOG, "1.2.0rc1") == "A.\n\nB.\n"
    assert notes(CHANGELOG, "1.0.0") == "C.\n"


@pytest.mark.parametrize(
    ("version", "says"),
    [("1.3.0", "unreleased"), ("1.1.0", "no section"), ("2.0.0", "no section"), ("1.0.00", "no section")],
)
def test_without_notes_there_is_no_release(version: str, says: str) -> None:
    with pytest.raises(NoReleaseError, match=says):
        notes(CHANGELOG, version)


def test_the_upgrade_page_says_what_a_version_changes() -> None:
    check_upgrading("### 1.2.0\n", "1.2.0rc1")
    with pytest.raises(NoReleaseError, match="what does it change in templates"):
        check_upgrading("### 1.2.0\n", "1.2.1")


def test_the_version_is_written_into_the_package() -> None:
    """Into the module of today, once."""
    module = (ROOT / "src/infragen/__init__.py").read_text()
    assert with_version(module, "7.8.9").count('__version__ = "7.8.9"\n') == 1
    with pytest.raises(NoReleaseError, match="0 times"):
        with_version("", "1.0.0")


def test_this_version_is_ready_but_for_its_date() -> None:
    """The changelog and the upgrade page have a section of the version that the package names."""
    check_upgrading((ROOT / "docs/upgrading.md").read_text(), infragen.__version__)
    changelog = (ROOT / "CHANGELOG.md").read_text().replace(" (unreleased)", "")
    assert notes(changelog, infragen.__version__)


def test_what_publishes_builds_nothing() -> None:
    """The job with the right to publish takes what another has built and tried; there is no token of the index."""
    publish, build = WORKFLOW["jobs"]["publish"], WORKFLOW["jobs"]["build"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["needs"] == "build"
    assert not [step for step in publish["steps"] if "run" in step]
    assert "password" not in str(publish)
    assert publish["steps"][-1]["with"] == {"attestations": True}
    runs = [step["run"] for step in build["steps"] if "run" in step]
    assert any("tools/release.py" in each for each in runs)
    assert runs[-1] == "make wheel"
