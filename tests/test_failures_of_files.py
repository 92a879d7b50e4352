"""Files that are read and written: what goes wrong with them; each test names its row. See also `test_yamlfile`."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fakeaws import FakeAws
from hypothesis import given
from hypothesis import strategies as st
from processes import DEPLOY, Operator, Running
from sweeps import sweep

from infragen.assembly.synth import synthesize
from infragen.assembly.write import write
from infragen.config import load_environment
from infragen.config.directory import find
from infragen.errors import InputError

ROOT = Path(__file__).parent.parent
TEMPLATE = "Description: {} (shop dev). Made by infragen.\n"
WANTED = {"root.yaml": TEMPLATE.format("root."), "network.yaml": TEMPLATE.format("network.")}
Make = Callable[..., Operator]


def tree(directory: Path) -> dict[str, str]:
    """Everything below a directory, links not followed."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_dir():
            found[name] = "directory"
        elif path.is_file():
            found[name] = path.read_text()
        else:
            found[name] = "special"
    return found


def place(path: Path, kind: str, outside: Path) -> None:
    """Puts something in the way: of `kind`, and where it leads anywhere, to what must not be touched."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "file":
            path.write_text("mine")
        case "template":
            path.write_text(TEMPLATE.format("old."))
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "link to a file":
            path.symlink_to(outside / "precious")
        case "link to a directory":
            path.symlink_to(outside)
        case "link up":
            path.symlink_to("../../outside/precious")
        case "broken link":
            path.symlink_to(outside / "nothing")


KINDS = ["file", "template", "directory", "pipe", "link to a file", "link to a directory", "link up", "broken link"]
NAMES = ["root.yaml", "network.yaml", "queue.yaml", "README.md", "x", ".hidden", "CON"]


@pytest.mark.long
@given(things=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(KINDS)), whole=st.sampled_from([""] * 24 + KINDS))
@sweep(short=100, soak=5000)
def test_y10_nothing_outside_of_the_directory_is_touched(things: dict[str, str], whole: str) -> None:
    """Whatever lies in the way, or in the place of the directory: the templates are written there, or it is refused."""
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        outside, output = here / "outside", here / "output" / "dev"
        outside.mkdir()
        (outside / "precious").write_text("precious")
        if whole:
            things = {}
            place(output, whole, outside)
        for name, kind in things.items():
            place(output / name, kind, outside)
        before, around = tree(here / "output") if (here / "output").exists() else {}, tree(outside)
        try:
            write(output, WANTED)
        except InputError as error:
            assert error.exit_code == 2  # noqa: PT017 # either end is right
            assert tree(here / "output") == before
            assert whole or any(things.get(name, "file") not in ("file", "template") for name in WANTED)
        else:
            after = tree(output)
            assert {name: after[name] for name in WANTED} == WANTED
            assert not output.is_symlink()
            stays = {name for name, kind in things.items() if kind != "template" or not name.endswith(".yaml")}
            assert set(after) == {*WANTED, *stays}
            assert {name: after[name] for name in stays - set(WANTED)} == {
                name: before[f"dev/{name}"] for name in stays - set(WANTED)
            }
        assert tree(outside) == around
        assert {path.name for path in (here / "output").iterdir()} <= {"dev"}


PATHS = [
    "..",
    "../dev",
    "/etc/passwd",
    "a/b",
    ".",
    "",
    "dev\0",
    "dev\n",
    "Dev",
    "con/",
    "~",
    "%2e%2e",
    "dev.yaml",
    "CON",
]


@pytest.mark.parametrize("name", PATHS, ids=repr)
def test_y10_a_name_that_could_be_a_path_is_none(tmp_path: Path, name: str) -> None:
    """On the command line and in a file: exit code 2, nothing read and nothing written elsewhere."""
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "dev.yaml").write_text("project: shop\nenvironment: dev\nregion: eu-west-1\n")
    (tmp_path / "secret.yaml").write_text("project: shop\nenvironment: secret\nregion: eu-west-1\n")
    with pytest.raises(InputError):
        [load_environment(path) for path in find(folder, (name,))]
    if name not in ("dev.yaml",) and "\0" not in name:
        (folder / "other.yaml").write_text(f"project: shop\nenvironment: '{name}'\nregion: eu-west-1\n")
        with pytest.raises(InputError, match=r"other\.yaml:"):
            load_environment(folder / "other.yaml")


def test_y10_two_environments_cannot_share_a_directory_by_case(tmp_path: Path) -> None:
    """On a disk that does not tell cases apart they would: names are lower-case."""
    (tmp_path / "Dev.yaml").write_text("project: shop\nenvironment: Dev\nregion: eu-west-1\n")
    with pytest.raises(InputError, match="lower-case"):
        load_environment(tmp_path / "Dev.yaml")


def render(directory: Path, limit: int, *options: str) -> subprocess.CompletedProcess[str]:
    """`infragen render` in a process that may write files of so many bytes at most."""
    environments = str(ROOT / "environments")
    return subprocess.run(
        [sys.executable, "-m", "infragen", "render", "--env", "dev", "--environments", environments, *options],
        cwd=directory, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip


@pytest.mark.long
def test_y11_a_disk_that_is_full_leaves_the_old_files(tmp_path: Path) -> None:
    """A real process that cannot write more than a kilobyte: exit code 4, the old set is whole, nothing beside it."""
    assert render(tmp_path, resource.RLIM_INFINITY).returncode == 0
    (tmp_path / "templates" / "dev" / "queue.yaml").write_text(TEMPLATE.format("older."))
    before = tree(tmp_path)
    ended = render(tmp_path, 1024)
    assert ended.returncode == 4
    assert ended.stderr.splitlines()[-1] == "hint: the files in templates/dev are as they were"
    assert tree(tmp_path) == before
    assert render(tmp_path, resource.RLIM_INFINITY).returncode == 0
    assert tree(tmp_path)["templates/dev/queue.yaml"] == (ROOT / "templates" / "dev" / "queue.yaml").read_text()


@pytest.mark.long
def test_y11_a_disk_that_is_full_at_the_first_rendering_leaves_nothing(tmp_path: Path) -> None:
    """Not even the directories; one that the user had created stays."""
    (tmp_path / "mine").mkdir()
    ended = render(tmp_path, 1024, "--output", "mine/out/templates")
    assert ended.returncode == 4
    assert "file too large" in ended.stderr
    assert tree(tmp_path) == {"mine": "directory"}


@pytest.mark.long
@pytest.mark.parametrize(("output", "code"), [("/proc/infragen", 4), ("/dev/null/templates", 2)])
def test_y11_a_place_that_cannot_be_written_is_told(tmp_path: Path, output: str, code: int) -> None:
    """Exit code 4, with the path and what the system says of it; 2 where a part of the path is no directory."""
    command = [sys.executable, "-m", "infragen", "render", "--env", "dev", "--output", output]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == code
    assert output.rpartition("/")[0] in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.long
def test_y11_y12_a_deployment_reads_no_file_of_templates(operator: Make, aws: FakeAws) -> None:
    """Half-written, stale and foreign templates lie about: what is uploaded is what the environment renders to."""
    shop = operator("nested")
    folder = shop.directory / "templates" / "dev"
    folder.mkdir(parents=True)
    for name in ("root.yaml", "network.yaml", "api.yaml"):
        (folder / name).write_text("Resources: {Evil: {Type: AWS::SNS::Topic}} # Made by infragen.")
    before = tree(folder)
    assert shop.run(*DEPLOY).code == 0
    made = synthesize(load_environment(shop.directory / "environments" / "dev.yaml"))
    [bucket] = aws.cloud.buckets.all.values()
    digests = [*(each.digest for each in made.templates), made.root().digest]
    assert set(bucket.objects) == {f"templates/{digest}.yaml" for digest in digests}
    assert not [s for s in aws.cloud.stacks.values() if "Evil" in s.resources]
    assert tree(folder) == before


@pytest.mark.long
def test_y13_a_file_that_changes_meanwhile_changes_nothing(operator: Make, aws: FakeAws) -> None:
    """The environment and a worker's code are replaced while the deployment waits: what was checked is deployed."""
    shop = operator("nested", "    code: ../code\n")
    code, file = shop.directory / "code" / "index.js", shop.directory / "environments" / "dev.yaml"
    code.parent.mkdir()
    code.write_text("exports.handler = () => 'checked'")
    made = synthesize(load_environment(file))

    def replace(process: Running, sleeps: int) -> None:
        code.write_text("exports.handler = () => 'changed'")
        file.write_text(file.read_text().replace("name: jobs", "name: other").replace("queue: jobs", "queue: other"))

    ended = shop.run(*DEPLOY, asleep=replace)
    assert ended.code == 0, ended.stderr
    [bucket] = aws.cloud.buckets.all.values()
    [key] = [each for each in bucket.objects if each.startswith("code/")]
    body = bucket.objects[key][-1].data or b""
    assert key == f"code/{hashlib.sha256(body).hexdigest()}.zip"
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.read("index.js") == b"exports.handler = () => 'checked'"
    templates = {each.removeprefix("templates/").removesuffix(".yaml") for each in bucket.objects} - {key}
    assert templates == {*(each.digest for each in made.templates), made.root().digest}
