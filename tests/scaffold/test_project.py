"""The application that `infragen init` writes, as a project: what it installs, its types, its tests, its image."""

import json
import re
from pathlib import Path

import pytest
from projects import Project

from infragen.project.scaffold import SCAFFOLD, scaffold
from infragen_local.image_files import selected

LOCK = json.loads((SCAFFOLD / "package-lock.json").read_text("utf-8"))
PACKAGE = json.loads((SCAFFOLD / "package.json").read_text("utf-8"))


def test_the_lock_names_no_registry_and_holds_what_package_json_asks_for() -> None:
    """A registry of the machine that wrote it is of no use elsewhere; each package is held to its hash."""
    packages = {name: each for name, each in LOCK["packages"].items() if name}
    assert [name for name, each in packages.items() if "resolved" in each] == []
    assert [name for name, each in packages.items() if not each["integrity"].startswith("sha512-")] == []
    root = LOCK["packages"][""]
    assert (root["dependencies"], root["devDependencies"]) == (PACKAGE["dependencies"], PACKAGE["devDependencies"])


def test_npm_is_told_of_each_package_with_a_script_that_it_need_not_run() -> None:
    """npm 11.16 warns of one that package.json does not name, npm 12 refuses it (npm documentation, "approve-scripts",
    read 2026-11-29). Neither of the two is needed: esbuild's looks for its program, protobufjs's compares versions.
    """
    scripts = {
        name.rpartition("node_modules/")[2] for name, each in LOCK["packages"].items() if each.get("hasInstallScript")
    }
    assert PACKAGE["allowScripts"] == dict.fromkeys(sorted(scripts), False)


def test_one_major_of_node_everywhere() -> None:
    """What the API runs on, what its types are of, and what the workers are built for."""
    dockerfile = (SCAFFOLD / "Dockerfile").read_text("utf-8")
    build = (SCAFFOLD / "build.mjs").read_text("utf-8")
    [image] = re.findall(r"library/node:(\d+)-", dockerfile)
    [target] = re.findall(r"target: 'node(\d+)'", build)
    types = LOCK["packages"]["node_modules/@types/node"]["version"].split(".")[0]
    assert {image, target, types, PACKAGE["engines"]["node"].removeprefix(">=")} == {"24"}


def test_the_image_of_the_emulator_holds_what_the_dockerfile_copies(tmp_path: Path) -> None:
    """The same files here and there: neither tests nor secrets are in an image."""
    for path, body in scaffold().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(body)
    for name in (
        ".env",
        "dist/workers/notifications/index.mjs",
        "node_modules/pg/index.js",
        "node_modules/esbuild/x.js",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found, left_out = selected(tmp_path)
    final = (SCAFFOLD / "Dockerfile").read_text("utf-8").rpartition("\nFROM ")[2]
    copied = {
        word for line in re.findall(r"^COPY (?:--from=packages )?(.*) \S+$", final, re.M) for word in line.split()
    }
    held = {name.split("/")[0] for name, _ in found}
    assert held == {word.removeprefix("/app/") for word in copied}
    assert "node_modules/esbuild/x.js" not in [name for name, _ in found]
    assert {"test", "environments", ".env", "dist"} <= set(left_out)


def test_the_commands_of_image_and_package_are_the_same() -> None:
    """`image put` runs `npm start`'s command; the container runs CMD."""
    [command] = re.findall(r"^CMD (\[.*\])$", (SCAFFOLD / "Dockerfile").read_text("utf-8"), re.M)
    assert " ".join(json.loads(command)) == PACKAGE["scripts"]["start"]


def test_the_page_names_tests_that_exist_and_each_test_stands_on_it() -> None:
    """docs/application.md says of each behaviour which file holds it."""
    page = (Path(__file__).parents[2] / "docs" / "application.md").read_text("utf-8")
    rows = page.partition("## How it behaves")[2].partition("\n## ")[0]
    named = {name for cell in re.findall(r"\| ([^|]*) \|$", rows, re.M) for name in re.findall(r"`([a-z/]+)`", cell)}
    tests = SCAFFOLD / "test"
    found = {path.relative_to(tests).as_posix().removesuffix(".test.ts") for path in tests.rglob("*.test.ts")}
    assert named == found - {"e2e/smoke"}


@pytest.mark.scaffold
def test_it_type_checks_and_its_unit_tests_pass(project: Project) -> None:
    """`npm run check`, as a user runs it first."""
    done = project.npm("run", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"pass \d\d", done.stdout), done.stdout
    assert re.search(r"(fail|skipped) [1-9]", done.stdout) is None, done.stdout


@pytest.mark.scaffold
def test_what_node_cannot_run_does_not_type_check(project: Project) -> None:
    """Node strips types and no more: a parameter property would end the program when it starts."""
    file = project.directory / "src" / "bad.ts"
    file.write_text("export class A { constructor(private readonly b: string) { void this.b; } }\n")
    try:
        done = project.npm("exec", "--", "tsc")
    finally:
        file.unlink()
    assert done.returncode != 0
    assert "TS1294" in done.stdout


@pytest.mark.scaffold
def test_a_worker_is_one_file(project: Project) -> None:
    """`npm run build` bundles each worker, without the packages that only the API needs."""
    done = project.npm("run", "build")
    assert done.returncode == 0, done.stdout + done.stderr
    built = project.directory / "dist" / "workers"
    assert [path.relative_to(built).as_posix() for path in sorted(built.rglob("*.*"))] == ["notifications/index.mjs"]
    text = (built / "notifications" / "index.mjs").read_text("utf-8")
    assert "node_modules/pg/" in text
    assert "node_modules/express/" not in text
