"""Images that are directories: what a task runs in the place of a container image.

An image is a copy of a directory and the command to run in it. It is pushed to the emulator's ECR, which alone knows
tags: its manifest names the digest of the files and of the command, so the same directory gives the same digest, and a
tag of an immutable repository cannot come to mean something else. The copy is kept in the state directory.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import ecr

from infragen_local.image_files import selected

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.infragen.directory.v1"
_REFERENCE = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/"
    r"(?P<repository>[^:@]+)(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)

STAND_INS: dict[str, tuple[str, ...]] = {
    "public.ecr.aws/docker/library/node": (),
    "public.ecr.aws/aws-observability/aws-otel-collector": (
        "node",
        "-e",
        "console.log('the collector is not run on this machine: traces go nowhere'); setInterval(() => {}, 1 << 30)",
    ),
}
"""Public images that infragen's templates name, and what runs for them: the command of the task definition, or this."""


class ImageError(Exception):
    """An image that cannot be put. `code` is ECR's, where it is ECR that refuses."""

    def __init__(self, message: str, code: str = "InvalidParameterException") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Image:
    """A directory and the command that runs in it when the task definition has none."""

    digest: str
    directory: Path
    command: tuple[str, ...]


@dataclass(frozen=True)
class Put:
    """What became of a directory: `new` is whether the tag is, `left_out` names what the image does not hold."""

    digest: str
    tag: str
    new: bool
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A repository of one account and region."""

    account: str
    region: str
    repository: str


class Images:
    """The images of one emulator, kept under `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, place: Place, tag: str, directory: Path, command: Sequence[str]) -> Put:
        """Copy the files of an image from a directory and push it to a repository.

        Without a tag it is the first 12 digits of the digest.

        ImageError: the directory cannot be an image, the repository does not exist, or the tag has another digest.
        """
        self._root.mkdir(mode=0o700, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=self._root))
        try:
            files, left_out = _copy(directory, unfinished / "files")
            config = json.dumps({"Cmd": list(command), "WorkingDir": "/"}, sort_keys=True)
            (unfinished / "config.json").write_text(config, encoding="utf-8")
            manifest = _manifest(files, config)
            digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
            tag = tag or digest.removeprefix("sha256:")[:12]
            new = _push(place, tag, manifest, digest)
            with request_scope(place.account, place.region):
                layers = {files: b"", "sha256:" + hashlib.sha256(config.encode()).hexdigest(): config.encode()}
                ecr._layer_blobs.setdefault(place.repository, {}).update(layers)
            kept = self._root / digest.removeprefix("sha256:")
            if not kept.exists():
                unfinished.rename(kept)
            return Put(digest, tag, new, left_out)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def find(self, reference: str) -> Image:
        """Return the image that a task definition means; LookupError with the registry's words when there is none."""
        name = re.sub(r"(:[^/@]*)?(@.*)?$", "", reference)
        if name in STAND_INS:
            return Image("sha256:" + hashlib.sha256(name.encode()).hexdigest(), self._empty(), STAND_INS[name])
        parts = _REFERENCE.fullmatch(reference)
        if parts is None:
            raise LookupError(f"failed to resolve ref {reference}: only images of the emulator's own ECR are known")
        with request_scope(parts["account"], parts["region"]):
            wanted = {"imageDigest": parts["digest"]} if parts["digest"] else {"imageTag": parts["tag"] or "latest"}
            known = ecr._find_image(parts["repository"], wanted) if parts["repository"] in ecr._repositories else None
        kept = self._root / str(known["imageDigest"]).removeprefix("sha256:") if known else None
        if known is None or kept is None or not kept.is_dir():
            raise LookupError(f"failed to resolve ref {reference}: {reference}: not found")
        command = json.loads((kept / "config.json").read_text(encoding="utf-8"))["Cmd"]
        return Image(str(known["imageDigest"]), kept / "files", tuple(command))

    def _empty(self) -> Path:
        empty = self._root / "empty"
        empty.mkdir(mode=0o700, parents=True, exist_ok=True)
        return empty


def _manifest(files: str, config: str) -> str:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": _CONFIG_TYPE,
                "digest": "sha256:" + hashlib.sha256(config.encode()).hexdigest(),
                "size": len(config.encode()),
            },
            "layers": [{"mediaType": _LAYER_TYPE, "digest": files, "size": 0}],
        },
        sort_keys=True,
    )


def _push(place: Place, tag: str, manifest: str, digest: str) -> bool:
    """Put the manifest into ECR under a tag; return whether the tag is new there."""
    with request_scope(place.account, place.region):
        if place.repository not in ecr._repositories:
            raise ImageError(
                f"The repository with name '{place.repository}' does not exist", "RepositoryNotFoundException"
            )
        tagged = ecr._find_image(place.repository, {"imageTag": tag})
        if tagged is not None and tagged["imageDigest"] == digest:
            return False
        request = {
            "repositoryName": place.repository,
            "imageManifest": manifest,
            "imageManifestMediaType": MANIFEST_TYPE,
            "imageDigest": digest,
            "imageTag": tag,
        }
        status, _, body = ecr._put_image(request)
    if status != 200:
        answer: dict[str, Any] = json.loads(body)
        raise ImageError(str(answer.get("message", "")), str(answer.get("__type", "")))
    return True


def _is_text(name: str) -> bool:
    """Return whether a name of a file is UTF-8, as names in images are."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _loops(link: Path) -> bool:
    """Return whether a link leads to itself, at last."""
    try:
        link.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def _copy(source: Path, target: Path) -> tuple[str, tuple[str, ...]]:
    """Copy the files of an image; return their digest (names, contents, links, may be run) and what is left out."""
    digest = hashlib.sha256()
    target.mkdir(mode=0o700)
    try:
        found, left_out = selected(source)
    except (ValueError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        raise ImageError(str(error)) from None
    for name, path in found:
        if not _is_text(name):
            raise ImageError(f"{source}/{os.fsencode(name)!r} has a name that is not UTF-8; rename it")
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            (target / name).mkdir(mode=0o700)
            digest.update(f"d {name}\0".encode())
        elif stat.S_ISLNK(status.st_mode):
            pointed = path.readlink()
            if not _is_text(str(pointed)):
                raise ImageError(f"{path} points to {os.fsencode(pointed)!r}, a name that is not UTF-8")
            if _loops(path):
                raise ImageError(f"{path} is a link that leads into a loop")
            if not path.resolve().is_relative_to(source.resolve()):
                raise ImageError(f"{path} points out of the image, to {pointed}")
            (target / name).symlink_to(pointed)
            digest.update(f"l {name}\0{pointed}\0".encode())
        elif stat.S_ISREG(status.st_mode):
            executable = bool(status.st_mode & 0o100)
            shutil.copyfile(path, target / name)
            (target / name).chmod(0o700 if executable else 0o600)
            with (target / name).open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"f {name}\0{int(executable)} {content}\0".encode())
        else:
            raise ImageError(f"{path} is neither a file nor a directory nor a link")
    return "sha256:" + digest.hexdigest(), tuple(left_out)
