"""Prepare a release from its tag: write the version that the tag says, and print the notes of that version.

`python tools/release.py vX.Y.Z`. The tag is the only place of the version of a release; CHANGELOG.md is where its notes
are, and docs/upgrading.md says what it changes in templates. Without either the release ends here (2).
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TAG = re.compile(r"v([0-9]+\.[0-9]+\.[0-9]+(?:(?:a|b|rc)[0-9]+)?)")


class NoReleaseError(Exception):
    """What is missing for a release."""


def version_of(tag: str) -> str:
    """Return the version of a tag such as v1.2.3 or v1.2.3rc1. Raises NoReleaseError for any other."""
    found = TAG.fullmatch(tag)
    if not found:
        raise NoReleaseError(f"{tag!r} is not vX.Y.Z, perhaps with a1, b1 or rc1 behind it")
    return found[1]


def notes(changelog: str, version: str) -> str:
    """Return the section of the changelog about a version; a pre-release has that of its release."""
    release = re.sub(r"(a|b|rc)[0-9]+$", "", version)
    found = re.search(rf"^## {re.escape(release)}\b[^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found and "unreleased" in found[0].partition("\n")[0]:
        raise NoReleaseError(f"CHANGELOG.md calls {release} unreleased: write its date there")
    if not found or not found[1].strip():
        raise NoReleaseError(f"CHANGELOG.md has no section ## {release}")
    return found[1].strip() + "\n"


def check_upgrading(page: str, version: str) -> None:
    """Raise NoReleaseError when docs/upgrading.md says nothing of a version."""
    release = re.sub(r"(a|b|rc)[0-9]+$", "", version)
    if not re.search(rf"^### {re.escape(release)}$", page, re.MULTILINE):
        raise NoReleaseError(f"docs/upgrading.md has no section ### {release}: what does it change in templates?")


def with_version(module: str, version: str) -> str:
    """Return the module `infragen` with this version."""
    text, times = re.subn(r'^__version__ = "[^"]*"$', f'__version__ = "{version}"', module, flags=re.MULTILINE)
    if times != 1:
        raise NoReleaseError(f"src/infragen/__init__.py names its version {times} times")
    return text


def main(tag: str) -> str:
    """Write the version of a tag, and return the notes. Nothing is written when something is missing."""
    version = version_of(tag)
    said = notes((ROOT / "CHANGELOG.md").read_text(), version)
    check_upgrading((ROOT / "docs" / "upgrading.md").read_text(), version)
    module = ROOT / "src" / "infragen" / "__init__.py"
    module.write_text(with_version(module.read_text(), version))
    return said


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1] if len(sys.argv) == 2 else ""))
    except NoReleaseError as error:
        sys.stderr.write(f"no release: {error}\n")
        sys.exit(2)
