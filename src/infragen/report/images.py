"""Images that were put into a repository or copied to it, and the emulator that runs them, as JSON."""

from collections.abc import Mapping
from pathlib import Path

from infragen.report.document_types import EmulatorStatus, ImageCopy, ImagePut, KilledRun
from infragen.secrecy.visible import Shown, shown_json

VERSION = 1


def put_json(repository: str, image: str, answer: Mapping[str, object]) -> Shown:
    """Return the document of an image that was registered: what the emulator answered, at an address of this tag."""
    document: ImagePut = {
        "version": VERSION,
        "repository": repository,
        "image": image,
        "tag": str(answer["tag"]),
        "digest": str(answer["digest"]),
        "new": bool(answer["new"]),
        "left_out": [str(each) for each in _list(answer.get("left_out"))],
        "command": None,
    }
    return shown_json(document, indent=2)


def build_json(repository: str, image: str, tag: str | None, command: str) -> Shown:
    """Return the document of an image that has to be built and pushed by another command."""
    document: ImagePut = {
        "version": VERSION,
        "repository": repository,
        "image": image,
        "tag": tag,
        "digest": None,
        "new": False,
        "left_out": [],
        "command": command,
    }
    return shown_json(document, indent=2)


def copy_json(repository: str, tag: str, digest: str, *, new: bool, copied: int, there: int) -> Shown:
    """Return the document of an image that was copied, with how many layers were, and were there already."""
    document: ImageCopy = {
        "version": VERSION,
        "repository": repository,
        "tag": tag,
        "digest": digest,
        "new": new,
        "layers_copied": copied,
        "layers_there": there,
    }
    return shown_json(document, indent=2)


def emulator_json(
    state_dir: Path,
    endpoint_url: str | None = None,
    pid: int | None = None,
    parts: Mapping[str, str] | None = None,
    killed: KilledRun | None = None,
) -> Shown:
    """Return the document of the emulator; without an endpoint it does not run."""
    document: EmulatorStatus = {
        "version": VERSION,
        "running": endpoint_url is not None,
        "endpoint_url": endpoint_url,
        "pid": pid,
        "state_dir": str(state_dir),
        "parts": dict(parts or {}),
        "killed": killed,
    }
    return shown_json(document, indent=2)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
