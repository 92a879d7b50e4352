"""Worker code as artifacts: the same content is the same zip, whatever the machine did to the files."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import sweep

from infragen.assembly.code import CodePatterns, code_artifact, zip_directory
from infragen.errors import InputError

NAMES = st.text("abcxyz019_-.", min_size=1, max_size=8).filter(lambda name: name.strip("."))
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map(tuple), st.binary(min_size=1, max_size=64), min_size=1
)


def write(root: Path, files: dict[tuple[str, ...], bytes]) -> dict[str, bytes]:
    """Writes those files that can lie side by side; gives what was written."""
    written = {}
    for parts, body in files.items():
        path = root.joinpath(*parts)
        if any(parent.is_file() for parent in path.parents) or path.is_dir():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        written["/".join(parts)] = body
    return written


@pytest.mark.long
@given(files=TREES, seconds=st.integers(0, 2_000_000_000))
@sweep(short=40, soak=1000)
def test_the_zip_depends_on_names_content_and_mode_only(
    files: dict[tuple[str, ...], bytes], seconds: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Written in another order, at another time, elsewhere: the bytes are the same, and the content is all there."""
    one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    written = write(one, files)
    write(other, dict(reversed([(tuple(name.split("/")), body) for name, body in written.items()])))
    for path in other.rglob("*"):
        os.utime(path, (seconds, seconds))
    body = zip_directory(one)
    assert zip_directory(other) == body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == written
        assert archive.namelist() == sorted(archive.namelist())


def test_modes_are_kept_to_executable_or_not(tmp_path: Path) -> None:
    """A script stays executable and nothing else of the mode is kept, so that umask does not make new code."""
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "index.js").write_text("x")
    (tmp_path / "run.sh").chmod(0o700)
    (tmp_path / "index.js").chmod(0o600)
    with zipfile.ZipFile(io.BytesIO(zip_directory(tmp_path))) as archive:
        modes = {each.filename: each.external_attr >> 16 & 0o777 for each in archive.infolist()}
    assert modes == {"run.sh": 0o755, "index.js": 0o644}


def test_what_tools_leave_behind_is_left_out(tmp_path: Path) -> None:
    """Caches and the version control's directory are not code."""
    for name in ("__pycache__", ".git", "lib"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    with zipfile.ZipFile(io.BytesIO(zip_directory(tmp_path))) as archive:
        assert archive.namelist() == ["lib/file"]


@pytest.mark.parametrize("target", ["../secret", "/etc/hostname"])
def test_a_link_that_leads_outside_is_refused(tmp_path: Path, target: str) -> None:
    """What a link points to outside the directory would be uploaded unseen."""
    code = tmp_path / "code"
    code.mkdir()
    (tmp_path / "secret").write_text("x")
    (code / "link").symlink_to(target)
    with pytest.raises(InputError, match="outside"):
        zip_directory(code)


def test_a_link_to_a_file_inside_is_followed(tmp_path: Path) -> None:
    """Such a link is one more name of a file that is uploaded anyway."""
    (tmp_path / "index.js").write_text("x")
    (tmp_path / "main.js").symlink_to("index.js")
    with zipfile.ZipFile(io.BytesIO(zip_directory(tmp_path))) as archive:
        assert archive.read("main.js") == b"x"


def test_a_zip_is_taken_as_it_is_and_its_key_is_its_digest(tmp_path: Path) -> None:
    """A build tool's zip is not packed again."""
    made = tmp_path / "code.zip"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("index.js", "x")
    artifact = code_artifact(made)
    assert artifact.body == made.read_bytes()
    assert artifact.key == code_artifact(made).key
    assert artifact.key.startswith("code/")
    assert artifact.key.endswith(".zip")


@pytest.mark.parametrize("content", [None, b"not a zip"])
def test_what_cannot_be_code_is_refused_with_its_path(tmp_path: Path, content: bytes | None) -> None:
    """A missing path and a file that is no zip are input errors."""
    path = tmp_path / "code"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=str(path)):
        code_artifact(path)


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    """Lambda would refuse the empty zip only in the middle of the deployment."""
    with pytest.raises(InputError, match="no file"):
        code_artifact(tmp_path)


SECRET_FILES = {
    ".env": "A=1", ".env.production": "A=1", "prod.env": "A=1", "app/.ENV": "A=1", "id_rsa": "x",
    "deploy/id_ed25519": "x", ".ssh/config": "Host x", "home/.ssh/known_hosts": "x", ".aws/config": "x",
    ".aws-credentials": "x", "server.pem": "x", "tls/server.key": "x", "cert.p12": "x", "release.keystore": "x",
    "credentials": "x", "credentials.json": "{}", "aws-credentials.csv": "x", "service-account.json": "{}",
    "client_secret_1.json": "{}", ".netrc": "x", ".pgpass": "x", ".npmrc": "x", ".pypirc": "x", ".htpasswd": "x",
    ".git-credentials": "x", "terraform.tfstate": "{}", "prod.tfvars": "x", ".docker/config.json": "{}",
    ".kube/config": "x", "password.txt": "x", "db_password": "x", "api_key.json": "{}", "secrets.yaml": "a: b",
    "jwt-token.txt": "x", "license_key.txt": "x",
    "README.md": "postgres://app:hunter2@db/app", "accessKeys.csv": "x", ".bash_history": "x",
    "settings.json": '{"url": "postgres://app:hunter2@db/app"}', "config.yaml": "key: AKIAIOSFODNN7EXAMPLE",
    "notes.txt": "-----BEGIN OPENSSH PRIVATE KEY-----\nx", "ca.crt": "-----BEGIN RSA PRIVATE KEY-----\nx",
}  # fmt: skip
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
PLAIN_FILES = {
    "index.js": "const password = process.env.PASSWORD", "credentials.py": "x = 1", "secrets.ts": "x",
    "cacert.pem": CERTIFICATE, "package.json": '{"name": "x"}', ".env.example": "A=", "id_rsa.pub": "ssh-rsa AAAA",
    "README.md": "x", "node_modules/token/index.js": "x", "keys.js": "x", "monkey.txt": "x",
    "environment.json": "{}", ".eslintrc": "{}", "LICENSE": "MIT", "node_modules/pg/LICENSE.txt": "MIT",
    "licence.md": "x",
    "node_modules/pg/README.md": "postgres://app:hunter2@db/app", "node_modules/credential-provider/package.json": "{}",
}  # fmt: skip


def _tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", SECRET_FILES)
def test_a_file_that_looks_like_a_secret_is_refused_and_named(tmp_path: Path, name: str, zipped: bool) -> None:
    """By its name, its directory or what is in it; in a directory and in a zip; its content is never quoted."""
    code = _tree(tmp_path / "code", {name: SECRET_FILES[name], "index.js": "x"})
    if zipped:
        code = tmp_path / "code.zip"
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr(name, SECRET_FILES[name])
    with pytest.raises(InputError) as refused:
        code_artifact(code)
    assert name in refused.value.message
    assert "include:" in refused.value.message
    assert "hunter2" not in refused.value.message
    code_artifact(code, CodePatterns(include=(name,)))
    if not zipped:
        with zipfile.ZipFile(io.BytesIO(code_artifact(code, CodePatterns(exclude=(name,))).body)) as archive:
            assert archive.namelist() == ["index.js"]


def test_code_and_certificates_are_no_secrets(tmp_path: Path) -> None:
    """Files of these names are uploaded without a word."""
    body = zip_directory(_tree(tmp_path, PLAIN_FILES))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert set(archive.namelist()) == set(PLAIN_FILES)


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("*.md", {"a.js", "test/b.js", "lib/test/c.js"}),
        ("test", {"a.js", "lib/d.md"}),
        ("test/", {"a.js", "lib/d.md"}),
        ("lib/test", {"a.js", "test/b.js", "lib/d.md"}),
        ("lib/*", {"a.js", "test/b.js"}),
        ("?.js", {"lib/d.md"}),
    ],
)
def test_exclude_leaves_out_paths_names_and_what_is_in_directories(
    tmp_path: Path, pattern: str, left: set[str]
) -> None:
    """A name counts at any depth, a path from the code directory."""
    _tree(tmp_path, dict.fromkeys(("a.js", "test/b.js", "lib/test/c.js", "lib/d.md"), "x"))
    with zipfile.ZipFile(io.BytesIO(zip_directory(tmp_path, CodePatterns(exclude=(pattern,))))) as archive:
        assert set(archive.namelist()) == left


def test_directories_in_each_other_end_in_one_short_sentence(tmp_path: Path) -> None:
    """What a build copied into itself: no traceback, no path of thousands of characters."""
    deep = tmp_path.joinpath(*["dist"] * 150)
    deep.mkdir(parents=True)
    (deep / "x.js").touch()
    with pytest.raises(InputError) as refused:
        zip_directory(tmp_path)
    assert refused.value.message == f"worker code {tmp_path}: dist/ has more than 100 directories in each other"


def test_a_link_does_not_rename_a_secret(tmp_path: Path) -> None:
    """The file that it leads to is looked at by its own name, too."""
    _tree(tmp_path, {".env": "A=1", "index.js": "x"})
    (tmp_path / "settings.js").symlink_to(".env")
    with pytest.raises(InputError, match=r"settings\.js"):
        zip_directory(tmp_path, CodePatterns(exclude=(".env",)))


@pytest.mark.parametrize("target", ["loop", "other", "missing"])
def test_a_link_that_leads_nowhere_or_into_a_loop_is_refused_by_name(tmp_path: Path, target: str) -> None:
    """To itself, to one that leads back, or to nothing."""
    _tree(tmp_path, {"index.js": "x"})
    (tmp_path / "loop").symlink_to(target)
    if target == "other":
        (tmp_path / "other").symlink_to("loop")
    with pytest.raises(InputError, match=r"(loop|other) is a link that leads nowhere or into a loop"):
        code_artifact(tmp_path)


def test_a_name_that_is_no_utf_8_is_refused_by_name(tmp_path: Path) -> None:
    """A zip, and Lambda, have no other names."""
    _tree(tmp_path, {"index.js": "x"})
    (tmp_path / os.fsdecode(b"caf\xe9.js")).write_text("x")
    with pytest.raises(InputError, match=r"caf\\xe9\.js"):
        code_artifact(tmp_path)
