"""Which parts of the emulator run something on this machine, and which stay records because it lacks what they need.

`INFRAGEN_LOCAL_PARTS` names the parts that may run, separated by commas; `none` leaves all of them records. Without it
all run that can. `infragen.machine.emulator` refuses a name that is not known.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from infragen_local.authentication import Reply, Route
from infragen_local.children import Children
from infragen_local.drain import InFlight
from infragen_local.images import ImageError, Images, Place
from infragen_local.parts import functions
from infragen_local.saving import Saver
from infragen_local.twin import Twin, find_node

PARTS = ("tasks", "postgres", "roles")
PARTS_VARIABLE, LOCK_VARIABLE = "INFRAGEN_LOCAL_PARTS", "INFRAGEN_EMULATOR_LOCK"
IMAGES_PATH = "/_infragen/images"
_INSTALL = "pip install 'infragen-cfn[local]'"


@dataclass(frozen=True)
class Running:
    """What the parts add to the emulator.

    Paths that infragen POSTs to, what to do when the state is restored, and a word on each for `infragen local status`.
    """

    routes: Mapping[str, Route]
    resume: Callable[[], None]
    parts: Mapping[str, str]


def apply(state_dir: Path, secret: str, saver: Saver) -> Running:
    """Start the parts that are wanted and that this machine can run."""
    wanted = os.environ.get(PARTS_VARIABLE, ",".join(PARTS)).split(",")
    lock = os.environ.get(LOCK_VARIABLE, "")
    node = find_node()
    children = Children(state_dir / "processes", int(lock) if lock.isdigit() else None)
    port = int(os.environ["GATEWAY_PORT"])
    twin = Twin(state_dir, port, secret, children, InFlight(), node, "roles" in wanted, saver.afterwards)
    os.environ.update(HOME=str(state_dir / "tmp"), PATH=twin.path)  # MiniStack hands its own on to functions
    images = Images(state_dir / "images")
    functions.apply(children)
    said: dict[str, str] = {}
    resume: list[Callable[[], None]] = []
    if "tasks" not in wanted:
        said["tasks"] = "records"
    elif node is None:
        said["tasks"] = "records; to run them: pip install 'infragen-cfn[node]'"
    else:
        from infragen_local.parts import tasks
        from infragen_local.parts.load_balancers import LoadBalancers
        from infragen_local.parts.scaling import Scaling

        tasks.apply(twin)
        balancers = LoadBalancers(twin.in_flight)
        balancers.apply()
        scaling = Scaling(state_dir / "data" / "scaling.json")
        scaling.apply()
        resume += [balancers.resume, scaling.resume, tasks.resume]
        said["tasks"] = "real"
    if twin.roles:
        from infragen_local.parts import roles

        roles.apply(twin)
    said["roles"] = "enforced" if twin.roles else "not enforced"
    said["node"] = _version(node)
    said["postgres"] = _postgres(twin, "postgres" in wanted, resume)

    def resume_all() -> None:
        for each in resume:
            each()

    return Running({IMAGES_PATH: lambda body: _put_image(images, body)}, resume_all, said)


def _postgres(twin: Twin, wanted: bool, resume: list[Callable[[], None]]) -> str:
    """Put servers behind the clusters, where it is wanted and can be; return a word on it."""
    if not wanted:
        return "records"
    if find_spec("psycopg") is None:
        return f"records; to run them: {_INSTALL}"
    from infragen_local import postgres
    from infragen_local.parts.database import Databases

    available = postgres.installed()
    if not available:
        return f"records; to run them: {_INSTALL}"
    databases = Databases(twin, available)
    databases.apply()
    resume.append(databases.resume)
    versions = ", ".join(dict.fromkeys(each.version for each in available))
    return f"{versions}; a cluster gets its own major version, or else the next newer"


def _version(node: Path | None) -> str:
    if node is None:
        return "missing"
    try:
        asked = subprocess.run([node, "--version"], capture_output=True, check=False, env={}, timeout=20)  # noqa: S603  # the Node that was found
    except (OSError, subprocess.TimeoutExpired):
        return "does not run"
    return asked.stdout.decode(errors="replace").strip().removeprefix("v") or "does not run"


def _put_image(images: Images, body: bytes) -> Reply:
    """Register a directory as an image: {account, region, repository, tag, directory, command} -> {digest, …}."""
    asked = json.loads(body)
    place = Place(asked["account"], asked["region"], asked["repository"])
    try:
        put = images.put(place, asked["tag"], Path(asked["directory"]), asked["command"])
    except ImageError as error:
        return 200, "application/json", json.dumps({"code": error.code, "message": str(error)}).encode()
    except OSError as error:  # of the user's directory, or of the disk
        words = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return 200, "application/json", json.dumps({"code": "OSError", "message": words}).encode()
    return 200, "application/json", json.dumps(asdict(put)).encode()
