"""The plan of a deployed environment against the API calls it stands on, both in this process and with warm clients.

Run as `warm_plan.py ENDPOINT ENVIRONMENTS TEMPLATES ROUNDS`; prints the least seconds of either. Start-up and imports
are measured elsewhere: this is what infragen's own work (reading the file, rendering, comparing, wording) adds to what
AWS is asked.
"""

import gc
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bare_plan import ask, clients
from infragen.assembly.synth import synthesize
from infragen.aws import Account, connect
from infragen.config import load_file
from infragen.engine.deploy import plan_environment
from infragen.engine.progress import Session, Timer
from infragen.report.terminal import Terminal, console

STACK = "shop-dev"


def main(endpoint: str, environments: Path, templates: Path, rounds: int) -> None:
    """Takes turns, and prints the best of each."""
    gc.set_threshold(50_000, 20, 20)  # as the command line does
    env = load_file(environments / "dev.yaml").environment
    keys = (env.account or "", os.environ["EMULATOR_SECRET"])
    account = connect(env.region, env.account or "", endpoint_url=endpoint, keys=keys)
    bare = clients(endpoint, env.account or "")
    ours, floor = [], []
    for _ in range(rounds):
        ours.append(_seconds(lambda: _plan(account, environments)))
        floor.append(_seconds(lambda: ask(bare, STACK, templates)))
    print(min(ours), min(floor))  # noqa: T201 # what the caller reads


def _plan(account: Account, environments: Path) -> None:
    out = console(io.StringIO(), styled=False)
    session = Session(account, Terminal(out, out, time.monotonic), Timer(time.monotonic, time.sleep))
    plan_environment(synthesize(load_file(environments / "dev.yaml").environment), session)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
