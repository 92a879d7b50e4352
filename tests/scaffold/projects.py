"""A project as `infragen init` writes it, with its packages installed, and Node to run it."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pytest

from infragen.project.scaffold import SCAFFOLD
from infragen_local.twin import find_node

REQUIRED = "INFRAGEN_SCAFFOLD"  # `required`: what is missing is a failure (`make scaffold`, CI)
CACHE = "INFRAGEN_SCAFFOLD_CACHE"
OLDEST_NODE = 24
REGION = "eu-central-1"


@dataclass(frozen=True)
class Project:
    """A project on this machine."""

    directory: Path
    node: Path

    def npm(self, *words: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run npm in it; what it starts finds the same Node."""
        return run_npm(self.node, self.directory, *words, environment=environment)


def run_npm(
    node: Path, directory: Path, *words: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run npm in a directory. Where a company's proxy signs, its certificate is in the system's store."""
    bundled = node.resolve().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(node), str(bundled)] if bundled.exists() else ["npm"]
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", os.defpath)])
    variables = {**os.environ, "PATH": path, "NODE_USE_SYSTEM_CA": "1", **(environment or {})}
    return subprocess.run([*command, *words], cwd=directory, env=variables, capture_output=True, text=True, timeout=400)


def missing(why: str) -> str:
    """Skip the test, or fail it where the scaffold has to be tried."""
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(why)
    pytest.skip(f"{why} (make scaffold)")


@pytest.fixture(scope="session")
def node() -> Path:
    """Return a Node that runs TypeScript."""
    found = find_node()
    if found is None:
        missing("there is no Node")
    asked = subprocess.run([str(found), "--version"], capture_output=True, text=True, check=True)
    if int(asked.stdout.strip().removeprefix("v").split(".")[0]) < OLDEST_NODE:
        missing(f"Node {asked.stdout.strip()} is older than {OLDEST_NODE}")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def packages(node: Path) -> Path:
    """Return a node_modules of the scaffold's lock: installed once for each lock, outside of the repository."""
    files = ("package.json", "package-lock.json")
    key = hashlib.sha256((SCAFFOLD / "package-lock.json").read_bytes()).hexdigest()[:16]
    kept = Path(os.environ.get(CACHE) or platformdirs.user_cache_dir("infragen-tests")) / "scaffold" / key
    if not kept.exists():
        unfinished = kept.with_name(f"{key}.{os.getpid()}")
        unfinished.mkdir(parents=True)
        for name in files:
            shutil.copy(SCAFFOLD / name, unfinished)
        done = run_npm(node, unfinished, "ci", "--no-audit", "--no-fund")
        if done.returncode:
            shutil.rmtree(unfinished)
            missing(f"npm ci ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
        try:
            unfinished.rename(kept)
        except OSError:  # somebody else was first
            shutil.rmtree(unfinished)
    return kept / "node_modules"


@pytest.fixture(scope="session")
def project(node: Path, packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Begin a project as a user does."""
    directory = tmp_path_factory.mktemp("scaffold") / "shop"
    command = [sys.executable, "-m", "infragen", "init", str(directory), "--region", REGION]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.copytree(packages, directory / "node_modules", symlinks=True, copy_function=_link)
    return Project(directory, node)


def _link(source: str, target: str) -> None:
    """Copy a file without its bytes, where the file system can."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
