"""The state that an earlier run kept: read whole, or refused.

MiniStack goes on with an empty service where a file is cut off, of a newer format, or not what the service expects, and
saves that over it when it stops. Here the run ends before anything is written, with the file and what is wrong with it.
"""

import json
from pathlib import Path

from ministack import app
from ministack.core import persistence

from infragen_local import together
from infragen_local.private_names import VERSION

VERSION_FILE = "emulator.version"


def problem(state_dir: Path) -> str:
    """Return what is wrong with the state in this directory; empty when it can be used, which it is from now on."""
    try:
        together.finish(Path(persistence.STATE_DIR))
    except (OSError, ValueError, TypeError) as error:
        return f"{Path(persistence.STATE_DIR) / together.COMMIT}: a save cannot be finished: {error}"
    written_by = state_dir / VERSION_FILE
    try:
        version = written_by.read_text(encoding="utf-8").strip() if written_by.exists() else VERSION
        if _numbers(version) > _numbers(VERSION):
            return f"{written_by}: the state is of ministack {version}, and this one is {VERSION}"
    except (OSError, ValueError):
        return f"{written_by}: not a version"
    for service in app._state_map:
        file = Path(persistence.STATE_DIR) / f"{service}.json"
        trouble = _trouble(file, persistence._state_format_version(service))
        if trouble:
            return f"{file}: {trouble}"
    written_by.write_text(f"{VERSION}\n", encoding="utf-8")
    return ""


def load() -> str:
    """Restore the state of every service; return what could not be restored, empty when all was."""
    for service, module in app._state_map.items():
        kept = persistence.load_state(service)
        if kept:
            try:
                app._get_module(module).load_persisted_state(kept)
            except Exception as error:  # noqa: BLE001 # whatever a service says of a state that it does not know
                file = Path(persistence.STATE_DIR) / f"{service}.json"
                return f"{file}: the state cannot be restored: {type(error).__name__}: {error}"
    return ""


def _trouble(file: Path, supported: int) -> str:
    try:
        kept = json.loads(file.read_bytes())
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, RecursionError) as error:
        return f"the state is cut off or damaged: {error}"
    if not isinstance(kept, dict):
        return "the state is damaged: it is not a JSON object"
    version = kept.get("__ministack_format__", 1)
    if not isinstance(version, int) or version > supported:
        return f"the state has format {version}, and this emulator reads {supported}"
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
