"""Which files of a directory become an image in the emulator: Docker's rules for `.dockerignore`, npm's packages."""

import json
import os
from pathlib import Path

import pytest
from special_files import special

from infragen_local.image_files import ignored, parse, selected


@pytest.mark.parametrize(
    ("text", "kept", "left_out"),
    [
        ("node_modules\n*.md\n", "src/main.ts docs/page.md", "README.md"),
        ("**/*.md\n", "src/main.ts", "README.md docs/page.md docs/deep/page.md"),
        ("docs/**\n", "src/main.ts", "docs/page.md docs/deep/page.md"),
        ("*\n!src\n", "src/main.ts src/deep/x.ts", "README.md docs/page.md .env"),
        ("docs\n!docs/page.md\n", "docs/page.md", "docs/deep/page.md"),
        ("!docs/page.md\ndocs\n", "src/main.ts", "docs/page.md"),  # the last that matches decides
        ("/docs/\n  .env  \n# src\n\n", "src/main.ts", "docs/page.md .env"),
        ("file?.txt\nx[0-9].txt\n[^a]b\n", "file10.txt xa.txt ab", "file1.txt x1.txt bb"),
        ("docs/../.env\n\\#a\n", "docs/page.md", ".env #a"),
        (".\n", "src/main.ts", ""),
        ("a*b\n", "a/b", "ab axb"),
    ],
)
def test_a_pattern_leaves_out_what_docker_does(text: str, kept: str, left_out: str) -> None:
    """Relative to the directory, with all that is below a match."""
    patterns = parse(text)

    def out(name: str) -> bool:
        parts = name.split("/")
        return ignored(patterns, ["/".join(parts[: count + 1]) for count in range(len(parts))])

    assert [name for name in kept.split() if out(name)] == []
    assert [name for name in left_out.split() if not out(name)] == []


@pytest.mark.parametrize("text", ["[a\n", "a\\\n", "!x[\n"])
def test_a_pattern_that_docker_refuses_is_refused(text: str) -> None:
    """With its own words."""
    with pytest.raises(ValueError, match="syntax error in pattern"):
        parse(text)


def write(directory: Path, **files: str) -> None:
    for name, text in files.items():
        path = directory / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_packages_are_those_that_are_not_for_development(tmp_path: Path) -> None:
    """As `npm ci --omit=dev` installs them, whatever `.dockerignore` says of node_modules; links to others go, too."""
    lock = {
        "packages": {
            "": {},
            "node_modules/pg": {},
            "node_modules/tsc": {"dev": True},
            "node_modules/both": {"devOptional": True},
        }
    }
    files = {"node_modules__pg__index.js": "", "node_modules__tsc__bin.js": "", "node_modules__both__index.js": ""}
    write(
        tmp_path,
        **{"package-lock.json": json.dumps(lock), ".dockerignore": "*\n!src\n!empty\n", "src__main.ts": "", ".env": ""},
        **files,
    )
    (tmp_path / "empty").mkdir()
    (tmp_path / "node_modules" / ".bin").mkdir()
    (tmp_path / "node_modules" / ".bin" / "tsc").symlink_to("../tsc/bin.js")
    (tmp_path / "node_modules" / ".bin" / "pg").symlink_to("../pg/index.js")
    found, left_out = selected(tmp_path)
    assert [name for name, path in found if not path.is_dir()] == [
        "node_modules/.bin/pg", "node_modules/both/index.js", "node_modules/pg/index.js", "src/main.ts",
    ]  # fmt: skip
    assert "empty" in [name for name, _ in found]
    assert left_out == [".dockerignore", ".env", "package-lock.json"]


def test_without_dockerignore_all_is_taken_but_git(tmp_path: Path) -> None:
    """An image of a directory that nobody builds with Docker is the directory."""
    write(tmp_path, **{".git__config": "", "main.js": "", "node_modules__x__index.js": ""})
    found, left_out = selected(tmp_path)
    assert ([name for name, path in found if path.is_file()], left_out) == (["main.js", "node_modules/x/index.js"], [])


@pytest.mark.parametrize("what", ["name", "link", "loop", "fifo"])
def test_what_cannot_be_in_an_image_is_named(tmp_path: Path, what: str) -> None:
    """A name that is not UTF-8, a link to one, links in a circle, and what is no file: the user's to repair."""
    from infragen_local.images import ImageError, _copy

    source = tmp_path / "source"
    source.mkdir()
    odd = os.fsdecode(b"\xff.js")
    match what:
        case "name":
            (source / odd).write_text("x")
        case "link":
            (source / "a.js").symlink_to(odd)
        case "loop":
            (source / "a").symlink_to("b")
            (source / "b").symlink_to("a")
        case "fifo":
            os.mkfifo(source / "a")
    with pytest.raises(ImageError, match=r"UTF-8|loop|neither a file|out of the image") as caught:
        _copy(source, tmp_path / "target")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", [".dockerignore", "package-lock.json"])
@pytest.mark.parametrize("kind", ["fifo", "socket", "broken link", "directory", "link"])
def test_a_file_that_says_what_is_left_out_is_a_regular_one(tmp_path: Path, name: str, kind: str) -> None:
    """It is not passed over as if nothing were left out, nor waited for; a link to a file is read."""
    (tmp_path / "code").mkdir()
    (tmp_path / "target").write_text(".env\n" if name == ".dockerignore" else "{}")
    if name != ".dockerignore":
        (tmp_path / "code" / ".dockerignore").write_text(".env\n")
    (tmp_path / "code" / ".env").write_text("x")
    special(tmp_path / "code" / name, kind, tmp_path / "target")
    if kind == "link":
        assert ".env" not in {each for each, _ in selected(tmp_path / "code")[0]}
        return
    with pytest.raises(ValueError, match="no regular file"):
        selected(tmp_path / "code")
