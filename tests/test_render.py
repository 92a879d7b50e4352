"""Writing templates: the old set or the new one, never a mix, and nothing else is touched."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from infragen.assembly.synth import synthesize
from infragen.assembly.templatefile import parse
from infragen.assembly.write import Difference, compare, files, foreign, write
from infragen.config import load_environment
from infragen.errors import Refused, Unwritable

ROOT = Path(__file__).parent.parent
TEMPLATE = "Description: {} Made by infragen.\n"
OLD = {"root.yaml": TEMPLATE.format("old root."), "queue.yaml": TEMPLATE.format("old queue.")}
NEW = {"root.yaml": TEMPLATE.format("new root."), "network.yaml": TEMPLATE.format("new network.")}


def names(directory: Path) -> set[str]:
    return {each.name for each in directory.iterdir()}


def contents(directory: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in directory.iterdir()}


def test_first_rendering_makes_the_directory_with_exactly_the_files(tmp_path: Path) -> None:
    """Nothing is left beside the set of files, and nothing is reported as removed."""
    assert write(tmp_path / "out" / "dev", NEW) == Difference(missing=("network.yaml", "root.yaml"))
    assert contents(tmp_path / "out" / "dev") == NEW
    assert names(tmp_path / "out") == {"dev"}


def test_a_second_rendering_touches_nothing(tmp_path: Path) -> None:
    """The same set again keeps even the times of the files."""
    write(tmp_path / "dev", NEW)
    before = (tmp_path / "dev").stat().st_ino
    assert not write(tmp_path / "dev", NEW)
    assert (tmp_path / "dev").stat().st_ino == before


def test_templates_of_removed_layers_go_and_files_of_others_stay(tmp_path: Path) -> None:
    """Y12: queue.yaml was ours and goes; a README and a template by hand stay, and links are kept as links."""
    write(tmp_path / "dev", OLD)
    (tmp_path / "dev" / "README.md").write_text("mine")
    (tmp_path / "dev" / "byhand.yaml").write_text("Resources: {}\n")
    (tmp_path / "dev" / "link").symlink_to(tmp_path / "elsewhere")
    assert write(tmp_path / "dev", NEW) == Difference(("network.yaml",), ("root.yaml",), ("queue.yaml",))
    assert names(tmp_path / "dev") == {*NEW, "README.md", "byhand.yaml", "link"}
    assert (tmp_path / "dev" / "README.md").read_text() == "mine"
    assert (tmp_path / "dev" / "link").is_symlink()
    assert names(tmp_path) == {"dev"}


def test_a_link_in_the_place_of_a_template_is_replaced_and_its_target_is_not(tmp_path: Path) -> None:
    """Y10: symbolic links are never written through."""
    write(tmp_path / "dev", OLD)
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "dev" / "root.yaml").unlink()
    (tmp_path / "dev" / "root.yaml").symlink_to(tmp_path / "precious")
    write(tmp_path / "dev", NEW)
    assert (tmp_path / "precious").read_text() == "mine"
    assert contents(tmp_path / "dev") == NEW


def test_a_linked_directory_and_a_directory_inside_are_refused(tmp_path: Path) -> None:
    """Y10: both could lead outside of the set; nothing is written."""
    (tmp_path / "far").mkdir()
    (tmp_path / "dev").symlink_to(tmp_path / "far")
    with pytest.raises(Refused, match="symbolic link"):
        write(tmp_path / "dev", NEW)
    (tmp_path / "prod" / "notes").mkdir(parents=True)
    with pytest.raises(Refused, match="notes is a directory"):
        write(tmp_path / "prod", NEW)
    assert names(tmp_path / "far") == set()
    assert names(tmp_path / "prod") == {"notes"}


def test_a_path_that_cannot_be_written_says_why_and_keeps_the_old_files(tmp_path: Path) -> None:
    """A file stands where the output directory should be."""
    (tmp_path / "out").write_text("a file")
    with pytest.raises(Unwritable, match="out"):
        write(tmp_path / "out" / "dev", NEW)
    assert (tmp_path / "out").read_text() == "a file"


INTERRUPTED = """
import os, sys
from pathlib import Path
directory, step, kind, new = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], eval(sys.argv[4])
from infragen.assembly import write as render
import ctypes, tempfile, shutil
seen = 0
def hook(event, arguments):
    global seen
    mutating = event in ("os.mkdir", "os.chmod", "os.link", "os.rename", "os.remove", "os.rmdir", "ctypes.dlsym")
    opening = event == "open" and str(directory.parent) in str(arguments[0])
    if mutating or opening:
        seen += 1
        if seen == step:
            if kind == "kill":
                os._exit(9)
            raise OSError({errno}, os.strerror({errno}), str(directory))
sys.addaudithook(hook)
try:
    render.write(directory, new)
finally:
    print(seen)
"""


def interrupt(directory: Path, step: int, kind: str) -> subprocess.CompletedProcess[str]:
    script = INTERRUPTED.replace("{errno}", str(errno.ENOSPC))
    return subprocess.run(
        [sys.executable, "-c", script, str(directory), str(step), kind, repr(NEW)], capture_output=True, text=True
    )


@pytest.mark.parametrize("kind", ["kill", "full disk"])
def test_whatever_the_moment_of_death_there_is_the_old_set_or_the_new_one(tmp_path: Path, kind: str) -> None:
    """Y11: the writer dies, or finds the disk full, before its n-th step, for every n; then it is run again."""
    write(tmp_path / "dev", OLD)
    (tmp_path / "dev" / "README.md").write_text("mine")
    old, new = {**OLD, "README.md": "mine"}, {**NEW, "README.md": "mine"}
    step, deaths = 0, 0
    while True:
        step += 1
        ended = interrupt(tmp_path / "dev", step, kind)
        assert contents(tmp_path / "dev") in (old, new)
        if ended.stdout and int(ended.stdout) < step:
            break
        assert ended.returncode == 0 or kind == "kill" or "Unwritable" in ended.stderr
        deaths += ended.returncode != 0
        write(tmp_path / "dev", OLD)
    assert deaths > 5
    write(tmp_path / "dev", OLD)
    assert names(tmp_path) == {"dev"}


def test_a_killed_run_leaves_nothing_that_the_next_one_does_not_clear(tmp_path: Path) -> None:
    """Also where the file system cannot exchange two names and the process dies between the two renames."""
    write(tmp_path / "dev", OLD)
    (tmp_path / "dev" / "README.md").write_text("mine")
    (tmp_path / "dev").rename(tmp_path / ".infragen-dev-abc.old")
    (tmp_path / ".infragen-dev-abc").mkdir()
    write(tmp_path / "dev", NEW)
    assert contents(tmp_path / "dev") == {**NEW, "README.md": "mine"}
    assert names(tmp_path) == {"dev"}


def test_the_root_is_written_only_when_stacks_are_nested() -> None:
    """An environment of independent stacks has no root to deploy."""
    dev = load_environment(ROOT / "environments" / "dev.yaml")
    layers = {f"{each.layer}.yaml" for each in synthesize(dev).templates}
    assert set(files(synthesize(dev))) == {"root.yaml", *layers}
    assert set(files(synthesize(dev.model_copy(update={"topology": "independent"})))) == layers


def test_json_says_the_same_as_yaml() -> None:
    """Each JSON file parses to the body of its YAML file."""
    assembly = synthesize(load_environment(ROOT / "environments" / "dev.yaml"))
    as_yaml, as_json = files(assembly, "yaml"), files(assembly, "json")
    assert {name.removesuffix(".json"): parse(text) for name, text in as_json.items()} == {
        name.removesuffix(".yaml"): parse(text) for name, text in as_yaml.items()
    }


def test_every_template_is_recognised_as_ours(tmp_path: Path) -> None:
    """In both formats, however the description is folded: else stale ones would never be removed."""
    dev = load_environment(ROOT / "environments" / "dev.yaml")
    long = dev.model_copy(update={"project": "a" * 20, "environment": "b" * 12})
    for form in ("yaml", "json"):
        texts = files(synthesize(long), form)
        write(tmp_path / form, texts)
        assert compare(tmp_path / form, {}).extra == tuple(sorted(texts))


def test_directories_of_environments_that_are_gone_are_named(tmp_path: Path) -> None:
    """A directory with our templates and no environment; one without templates is none of our business."""
    write(tmp_path / "dev", NEW)
    write(tmp_path / "old", NEW)
    (tmp_path / "docs").mkdir()
    assert foreign(tmp_path, frozenset({"dev"})) == (tmp_path / "old",)
