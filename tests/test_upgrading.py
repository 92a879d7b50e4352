"""docs/upgrading.md: what a version changes in templates is what its code and the earlier one's say of the scaffold."""

import re
import shutil
from pathlib import Path

import pytest
from upgrade import changes, source_of

import infragen

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "upgrading.md").read_text()


@pytest.mark.long
def test_a_change_of_a_layer_is_shown_as_a_plan_of_each_environment(tmp_path: Path) -> None:
    """From sources that differ in one value of one template."""
    earlier = tmp_path / "src"
    shutil.copytree(ROOT / "src", earlier, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    queue = earlier / "infragen" / "layers" / "queue.py"
    text = queue.read_text()
    assert "\nDAY = 86400\n" in text
    queue.write_text(text.replace("\nDAY = 86400\n", "\nDAY = 86401\n"))
    said = changes(earlier, tmp_path)
    assert len(re.findall(r"^Plan for (?:dev|staging|prod)", said, re.MULTILINE)) == 3
    assert "MessageRetentionPeriod  345604 -> 345600" in said


def test_a_revision_has_its_own_sources(tmp_path: Path) -> None:
    """As git has them, not as they lie here."""
    assert (source_of("HEAD", tmp_path) / "infragen" / "__init__.py").is_file()


def test_each_version_of_the_changelog_has_its_section() -> None:
    changelog = re.findall(r"^## ([0-9.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert re.findall(r"^### ([0-9.]+)$", PAGE, re.MULTILINE) == changelog
    assert infragen.__version__ in changelog
