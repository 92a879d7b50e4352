"""Writing templates: each file old or new and never half, one run at a time, and nothing else is touched."""

import errno
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from special_files import special

from infragen.assembly.synth import synthesize
from infragen.assembly.templatefile import parse
from infragen.assembly.write import Difference, compare, files, foreign, write
from infragen.config import load_environment
from infragen.errors import InputError

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / "tests" / "data" / "environments"
TEMPLATE = "Description: {} (shop dev). Made by infragen.\n"
ALL = "Description: All layers of shop dev, nested in deployment order. Made by infragen.\n"
OLD = {"root.yaml": ALL, "queue.yaml": TEMPLATE.format("Queues")}
NEW = {"root.yaml": ALL + "Resources: {}\n", "network.yaml": TEMPLATE.format("Foundation")}


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


def test_a_copy_of_a_template_stays_and_what_render_wrote_goes(tmp_path: Path) -> None:
    """A copy says what its original says: its name, its neighbour or its environment tells that it is none of ours."""
    folder, gone = tmp_path / "dev", TEMPLATE.format("Uploads of ours")
    mine = {
        "queue-old.yaml": OLD["queue.yaml"],  # of a layer that is off
        "network-before.yaml": NEW["network.yaml"],  # of one that is written
        "root2.yaml": ALL,
        "uploads.old.yaml": TEMPLATE.format("Thing"),
        "Notes.yaml": TEMPLATE.format("Notes"),
        "cache.yaml": TEMPLATE.format("Cache").replace("dev", "prod"),  # of another environment
        "a.yaml": TEMPLATE.format("Twice"),
        "b.yaml": TEMPLATE.format("Twice"),
        "mine.yaml": "# Instead of the template Made by infragen.\nResources: {}\n",
        "list.yaml": "- Made by infragen.\n",
        "broken.yaml": "Description: [Made by infragen.\n",
    }
    folder.mkdir()
    for name, text in {
        **OLD,
        "uploads.yaml": gone,
        "uploads.json": json.dumps({"Description": gone[13:-1]}),
        **mine,
    }.items():
        (folder / name).write_text(text)
    assert write(folder, NEW).extra == ("queue.yaml", "uploads.json", "uploads.yaml")
    assert contents(folder) == {**NEW, **mine}
    assert not compare(folder, NEW)


@pytest.mark.parametrize("kind", ["link", "fifo", "socket", "directory", "device"])
def test_what_is_no_regular_file_at_a_template_s_name_is_refused(tmp_path: Path, kind: str) -> None:
    """Y10: nothing is written through a link, into a pipe, or in the place of either; no other file changes."""
    write(tmp_path / "dev", OLD)
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "dev" / "root.yaml").unlink()
    special(tmp_path / "dev" / "root.yaml", kind, tmp_path / "precious")
    before = (tmp_path / "dev" / "root.yaml").lstat()
    with pytest.raises(InputError, match=r"root\.yaml is a ") as caught:
        write(tmp_path / "dev", NEW)
    assert caught.value.exit_code == 2
    assert (tmp_path / "precious").read_text() == "mine"
    assert (tmp_path / "dev" / "root.yaml").lstat() == before
    assert names(tmp_path / "dev") == set(OLD)


def test_a_linked_directory_is_refused_and_a_directory_inside_stays(tmp_path: Path) -> None:
    """Y10: the first leads elsewhere; the second is the user's, and no template has its name."""
    (tmp_path / "far").mkdir()
    (tmp_path / "dev").symlink_to(tmp_path / "far")
    with pytest.raises(InputError, match="symbolic link"):
        write(tmp_path / "dev", NEW)
    (tmp_path / "prod" / "notes").mkdir(parents=True)
    (tmp_path / "prod" / "notes" / "x").write_text("mine")
    write(tmp_path / "prod", NEW)
    assert names(tmp_path / "far") == set()
    assert (tmp_path / "prod" / "notes" / "x").read_text() == "mine"


@pytest.mark.parametrize("mine", [".infragen-dev-mine", ".infragen-dev-abc.old", ".dev.lock"])
def test_what_lies_beside_the_directory_is_never_touched(tmp_path: Path, mine: str) -> None:
    """Whatever its name looks like: it was not made by infragen."""
    (tmp_path / mine).mkdir()
    (tmp_path / mine / "x.yaml").write_text(TEMPLATE.format("a copy."))
    write(tmp_path / "dev", OLD)
    write(tmp_path / "dev", NEW)
    assert (tmp_path / mine / "x.yaml").read_text() == TEMPLATE.format("a copy.")
    assert names(tmp_path) == {mine, "dev"}


WRITER = """
import sys
from pathlib import Path
from infragen.assembly.write import write
for number in range(30):
    text = f"Description: {sys.argv[2]} Made by infragen.\\n" * 2000
    write(Path(sys.argv[1]), {"a.yaml": text, "b.yaml": text})
"""


@pytest.mark.long
def test_runs_at_once_wait_for_each_other_and_leave_one_whole_set(tmp_path: Path) -> None:
    """Two writers of unlike sets, thirty times each: both end well, and what is there is one of the two sets."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "out" / "dev")]
    running = [subprocess.Popen([*command, who], stderr=subprocess.PIPE) for who in ("one", "two")]
    ends = [(each.communicate()[1], each.returncode) for each in running]
    assert ends == [(b"", 0), (b"", 0)]
    first, second = contents(tmp_path / "out" / "dev").values()
    assert first == second
    assert names(tmp_path / "out") == {"dev"}


def test_the_second_run_says_that_it_waits(tmp_path: Path) -> None:
    """The lock is held by a descriptor of this process; the callback releases it."""
    write(tmp_path / "dev", OLD)
    held = os.open(tmp_path / "dev", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    waited: list[Path] = []

    def waiting(directory: Path) -> None:
        waited.append(directory)
        os.close(held)

    assert write(tmp_path / "dev", NEW, waiting)
    assert waited == [tmp_path / "dev"]


def test_a_path_that_cannot_be_written_says_why_and_keeps_the_old_files(tmp_path: Path) -> None:
    """A file stands where the output directory should be."""
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="out is not a directory"):
        write(tmp_path / "out" / "dev", NEW)
    assert (tmp_path / "out").read_text() == "a file"


INTERRUPTED = """
import os, sys
from pathlib import Path
directory, step, kind, new = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], eval(sys.argv[4])
from infragen.assembly import write as render
import tempfile
seen = 0
def hook(event, arguments):
    global seen
    mutating = event in ("os.mkdir", "os.chmod", "os.link", "os.rename", "os.remove", "os.rmdir")
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


@pytest.mark.long
@pytest.mark.parametrize("kind", ["kill", "full disk"])
def test_whatever_the_moment_of_death_every_file_is_whole_and_the_next_run_repairs(tmp_path: Path, kind: str) -> None:
    """Y11: the writer dies, or finds the disk full, before its n-th step, for every n; then it is run again."""
    write(tmp_path / "dev", OLD)
    (tmp_path / "dev" / "README.md").write_text("mine")
    step, deaths = 0, 0
    while True:
        step += 1
        ended = interrupt(tmp_path / "dev", step, kind)
        found = contents(tmp_path / "dev")
        assert found.pop("README.md") == "mine"
        left = {name for name in found if name.startswith(".infragen-")}
        assert not left or kind == "kill"
        for name in set(found) - left:
            assert found[name] in (OLD.get(name), NEW.get(name))
        if ended.stdout and int(ended.stdout) < step:
            break
        assert ended.returncode == 0 or kind == "kill" or "Unwritable" in ended.stderr
        deaths += ended.returncode != 0
        write(tmp_path / "dev", OLD)
        assert contents(tmp_path / "dev") == {**OLD, "README.md": "mine"}
    assert deaths > 5
    assert names(tmp_path) == {"dev"}


@pytest.mark.long
def test_the_root_is_written_only_when_stacks_are_nested() -> None:
    """An environment of independent stacks has no root to deploy."""
    dev = load_environment(ENVIRONMENTS / "dev.yaml")
    layers = {f"{each.layer}.yaml" for each in synthesize(dev).templates}
    assert set(files(synthesize(dev))) == {"root.yaml", *layers}
    assert set(files(synthesize(dev.model_copy(update={"topology": "independent"})))) == layers


@pytest.mark.long
def test_json_says_the_same_as_yaml() -> None:
    """Each JSON file parses to the body of its YAML file."""
    assembly = synthesize(load_environment(ENVIRONMENTS / "dev.yaml"))
    as_yaml, as_json = files(assembly, "yaml"), files(assembly, "json")
    assert {name.removesuffix(".json"): parse(text) for name, text in as_json.items()} == {
        name.removesuffix(".yaml"): parse(text) for name, text in as_yaml.items()
    }


@pytest.mark.long
def test_every_template_is_recognised_as_ours(tmp_path: Path) -> None:
    """In both formats, however the description is folded: else stale ones would never be removed."""
    dev = load_environment(ENVIRONMENTS / "dev.yaml")
    long = dev.model_copy(update={"project": "a" * 20, "environment": "b" * 12})
    for form in ("yaml", "json"):
        texts = files(synthesize(long), form)
        write(tmp_path / form / long.environment, texts)
        assert compare(tmp_path / form / long.environment, {}).extra == tuple(sorted(texts))


def test_directories_of_environments_that_are_gone_are_named(tmp_path: Path) -> None:
    """A directory with our templates and no environment; one without templates is none of our business."""
    write(tmp_path / "dev", NEW)
    write(tmp_path / "old", NEW)
    (tmp_path / "docs").mkdir()
    assert foreign(tmp_path, frozenset({"dev"})) == (tmp_path / "old",)
