"""Measures infragen beside something else in the same run, and prints ratios: `make bench`.

CPU seconds (user + system, children included) and peak memory come from the operating system's account of a finished
child process, the best of several runs. A ratio compares two things measured on the same machine in the same minute;
seconds alone do not travel. Nothing here asserts: it prints, and says which targets are met.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fakeaws.proxy import Delay, Proxy

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "infragen"
INFRAGEN = str(Path(sys.executable).parent / "infragen")
ROUND_TRIP = 0.03  # seconds to a region and back; what CloudFormation takes to answer would come on top


@dataclass(frozen=True)
class Cost:
    """What a process took: CPU and wall seconds, peak memory in MiB."""

    cpu: float
    wall: float
    peak: float


def measure(command: Sequence[str], runs: int, env: dict[str, str] | None = None) -> Cost:
    """The least that a command took in several runs; raises RuntimeError when it fails."""
    taken = [_once(command, {**_surroundings(), **(env or {})}) for _ in range(runs)]
    return Cost(min(c.cpu for c in taken), min(c.wall for c in taken), min(c.peak for c in taken))


def _surroundings() -> dict[str, str]:
    """This process's variables, but for the one that would compile our modules anew in every run."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _once(command: Sequence[str], env: dict[str, str]) -> Cost:
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=env, cwd=ROOT)  # noqa: S603 # our own commands
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        if process.returncode != 0:
            output.seek(0)
            raise RuntimeError(f"{command} exited {process.returncode}:\n{output.read().decode()[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def say(what: str, ours: str, beside: str, ratio: float | None = None, target: float | None = None) -> None:
    """One line of the report."""
    met = "" if ratio is None or target is None else f"  target {target:g}: {'met' if ratio <= target else 'MISSED'}"
    shown = "" if ratio is None else f"ratio {ratio:.2f}"
    print(f"{what:<34} {ours:<30} {beside:<38} {shown}{met}")  # noqa: T201 # the report is the point


def troposphere_modules() -> list[str]:
    """The troposphere modules that infragen imports, read from its source."""
    found: set[str] = set()
    for path in SRC.rglob("*.py"):
        for line in path.read_text().splitlines():
            words = line.split()
            if len(words) > 3 and words[0] == "from" and words[1].startswith("troposphere") and words[2] == "import":
                found.add(words[1])
                if words[1] == "troposphere":
                    names = (word.strip("(),") for word in words[3:])
                    found.update(f"troposphere.{name}" for name in names if name and name.islower())
    return sorted(found)


def render(runs: int) -> None:
    """`infragen render --env prod`, a cold process, against only importing what it needs."""
    imports = "import click, yaml; from pydantic import BaseModel, Field; import " + ", ".join(troposphere_modules())
    with tempfile.TemporaryDirectory() as output:
        ours = measure([INFRAGEN, "render", "--env", "prod", "--output", output], runs)
    floor = measure([sys.executable, "-c", imports], runs)
    say("render --env prod, CPU", f"{ours.cpu:.3f} s", f"imports only {floor.cpu:.3f} s", ours.cpu / floor.cpu, 1.6)
    say(
        "render --env prod, peak memory",
        f"{ours.peak:.0f} MiB",
        f"imports only {floor.peak:.0f} MiB",
        ours.peak / 70,
        1,
    )


def start_up(runs: int) -> None:
    """`infragen --help` against importing click."""
    ours = measure([INFRAGEN, "--help"], runs)
    floor = measure([sys.executable, "-c", "import click"], runs)
    say("--help, CPU", f"{ours.cpu:.3f} s", f"import click {floor.cpu:.3f} s", ours.cpu / floor.cpu, 2)


PAIRS = """
import gc, sys, time
from infragen.config import Environment
from infragen.assembly.synth import synthesize
gc.set_threshold(50_000, 20, 20)  # as the command line does
def environment(pairs):
    names = [f"topic-{n}" for n in range(pairs)]
    return Environment.model_validate(dict(
        project="bench", environment="dev", region="us-east-1", network={}, queues=[dict(name=n) for n in names],
        workers=[dict(name=n, queue=n) for n in names]))
def seconds(env):
    started = time.process_time()
    for template in synthesize(env).templates:
        template.text
    return time.process_time() - started
environments = [environment(int(n)) for n in sys.argv[1:]]
rounds = [[seconds(env) for env in environments] for _ in range(9)]
print(*map(min, zip(*rounds)))
"""


def pairs() -> None:
    """Rendering 1, 10 and 50 queues with a worker each: what a further pair costs must not grow."""
    counts = (1, 10, 50)
    output = subprocess.run(  # noqa: S603 # our own script
        [sys.executable, "-c", PAIRS, *map(str, counts)], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ).stdout
    one, ten, fifty = map(float, output.split())
    early, late = (ten - one) / 9, (fifty - ten) / 40
    say(
        "a further queue and worker",
        f"{late * 1000:.2f} ms (10 to 50)",
        f"{early * 1000:.2f} ms (1 to 10)",
        late / early,
        1.25,
    )


BETWEEN = """
import gc, sys, time
from infragen.config import Environment
from infragen.assembly.synth import synthesize
from infragen.plan.between import plan_between, rendering
gc.set_threshold(50_000, 20, 20)  # as the command line does
def rendered(pairs):
    names = [f"topic-{n}" for n in range(pairs)]
    return rendering(synthesize(Environment.model_validate(dict(
        project="bench", environment="dev", region="us-east-1", network={}, queues=[dict(name=n) for n in names],
        workers=[dict(name=n, queue=n) for n in names]))))
one, *others = (rendered(int(n)) for n in sys.argv[1:])
for other in others:
    rounds = []
    for _ in range(3):
        started = time.process_time()
        plan_between("dev", "us-east-1", one, other, "before")
        rounds.append(time.process_time() - started)
    print(min(rounds))
"""


def between() -> None:
    """The plan of `diff --against` from one queue and worker to many: what a further pair costs must not grow."""
    counts = (1, 15, 55)
    output = subprocess.run(  # noqa: S603 # our own script
        [sys.executable, "-c", BETWEEN, *map(str, counts)], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ).stdout
    few, many = map(float, output.split())
    early, late = few / 14, many / 54
    say("diff, a pair of 54", f"{late * 1000:.1f} ms", f"{early * 1000:.1f} ms a pair of 14", late / early, 1.25)
    say("diff from 1 pair to 55", f"{many:.2f} s CPU", "2 s", many / 2, 1)


def lint(runs: int) -> None:
    """Lint of all three environments, cold and from the cache."""
    with tempfile.TemporaryDirectory() as cache:
        env = {"INFRAGEN_CACHE_DIR": cache}
        cold = measure([INFRAGEN, "lint"], 1, env)
        cached = measure([INFRAGEN, "lint"], runs, env)
    say(
        "lint, three environments, cached",
        f"{cached.cpu:.3f} s CPU",
        f"cold {cold.cpu:.1f} s CPU, {cold.wall:.1f} s",
        cached.cpu / 0.5,
        1,
    )


def lint_beside(runs: int) -> None:
    """A cold lint of dev against plain cfn-lint on the same files; the two take turns."""
    files = sorted(map(str, (ROOT / "templates" / "dev").glob("*.yaml")))
    plain = [str(Path(sys.executable).parent / "cfn-lint"), "--include-checks", "I", "--", *files]
    ours: list[Cost] = []
    floor: list[Cost] = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as cache:
            ours.append(measure([INFRAGEN, "lint", "--env", "dev"], 1, {"INFRAGEN_CACHE_DIR": cache}))
        floor.append(measure(plain, 1))
    cpu, least = min(each.cpu for each in ours), min(each.cpu for each in floor)
    say("lint --env dev, cold, CPU", f"{cpu:.2f} s", f"plain cfn-lint {least:.2f} s", cpu / least, 1.1)


def deploy(runs: int) -> None:
    """A first deployment of six nested layers on the emulator, against a bare boto3 script that asks the same of AWS.

    Each run has an account of its own, so that each is a first one; the two take turns.
    """
    with tempfile.TemporaryDirectory() as scratch:
        env, endpoint = _emulator(scratch)
        ours: list[Cost] = []
        bare: list[Cost] = []
        try:
            for number in range(runs + 1):
                for offset, kind in enumerate((ours, bare)):
                    account = f"{100000000000 + 2 * number + offset}"
                    files = _environments(Path(scratch), account)
                    _output([INFRAGEN, "bootstrap", *files, "--local", "--yes"], env)
                    command = [INFRAGEN, "deploy", *files, "--local", "--yes"]
                    if kind is bare:
                        command = [sys.executable, "benchmarks/bare_deploy.py", endpoint, account, "templates/dev"]
                    cost = _once(command, {**_surroundings(), **env})
                    if number:  # the first of each warms the emulator
                        kind.append(cost)
        finally:
            _output([INFRAGEN, "local", "stop"], env)
    wall, floor = min(each.wall for each in ours), min(each.wall for each in bare)
    say("deploy six layers, wall", f"{wall:.2f} s", f"bare boto3 {floor:.2f} s", wall / floor, 1.5)
    cpu, floor = min(each.cpu for each in ours), min(each.cpu for each in bare)
    say("deploy six layers, CPU", f"{cpu:.2f} s", f"bare boto3 {floor:.2f} s", cpu / floor)


def plan(runs: int) -> None:
    """The plan of a deployed environment of some 300 resources against the bare API calls: warm, and as processes.

    Both read the same stacks and leave them as they are. The emulator answers in a millisecond, no region does: with
    each call ROUND_TRIP away the ratio says what a user waits for, without it how much infragen itself computes.
    """
    with tempfile.TemporaryDirectory() as scratch:
        env, endpoint = _emulator(scratch)
        try:
            account, templates = "100000000099", Path(scratch, "templates")
            rendered = str(templates / "dev")
            files = _environments(Path(scratch), account)
            _large(Path(scratch, account), memory=512)
            _output([INFRAGEN, "bootstrap", *files, "--local", "--yes"], env)
            _output([INFRAGEN, "deploy", *files, "--local", "--yes"], env)
            _large(Path(scratch, account), memory=1024)
            _output([INFRAGEN, "render", *files, "--output", str(templates)], env)
            resources = sum(each.read_text().count("\n    Type: AWS::") for each in (templates / "dev").iterdir())
            warm = [str(Path(scratch, account)), rendered, str(runs)]
            script = [sys.executable, "-m", "benchmarks.warm_plan"]
            near = _output([*script, endpoint, *warm], env).split()
            with Proxy(endpoint, sleep=time.sleep) as region:
                region.storm(Delay(ROUND_TRIP), share=1)
                away = _output([*script, region.url, *warm], env).split()
            cold = measure([INFRAGEN, "plan", *files, "--local"], 2, env)
            bare = measure([sys.executable, "benchmarks/bare_plan.py", endpoint, account, "shop-dev", rendered], 2, env)
        finally:
            _output([INFRAGEN, "local", "stop"], env)
    for what, taken in ((f"{1000 * ROUND_TRIP:.0f} ms away", away), ("no way at all", near)):
        ours, floor = map(float, taken)
        say(f"plan of {resources} resources, {what}", f"{ours:.2f} s", f"bare boto3 {floor:.2f} s", ours / floor, 1.3)
    ratio = cold.wall / bare.wall
    say(f"plan of {resources} resources, cold", f"{cold.wall:.2f} s", f"bare boto3 {bare.wall:.2f} s", ratio)


def _emulator(scratch: str) -> tuple[dict[str, str], str]:
    """Starts an emulator that only records resources; the variables of its clients, and its address."""
    env = {"INFRAGEN_STATE_DIR": f"{scratch}/state", "INFRAGEN_CACHE_DIR": f"{scratch}/cache"}
    env["INFRAGEN_LOCAL_PARTS"] = "none"
    endpoint = _output([INFRAGEN, "local", "start"], env).split()[-1]
    printed = _output([INFRAGEN, "local", "env"], env)
    env["EMULATOR_SECRET"] = printed.split("AWS_SECRET_ACCESS_KEY=")[1].split()[0]
    return env, endpoint


def _large(directory: Path, memory: int) -> None:
    """Makes dev an environment with many queues and workers; `memory` changes something in every worker."""
    names = [f"topic-{number}" for number in range(13)]
    pairs = [{"name": each, "queue": each, "memory": memory, "max_concurrency": 2} for each in names]
    text = re.sub(r"^workers:\n(  .*\n)+", "", (ROOT / "environments" / "dev.yaml").read_text(), flags=re.MULTILINE)
    text = re.sub(r'account: "\d+"', f'account: "{directory.name}"', text)
    text += f"queues: {json.dumps([{'name': each} for each in names])}\n"
    (directory / "dev.yaml").write_text(f"{text}workers: {json.dumps(pairs)}\n")


def _environments(scratch: Path, account: str) -> list[str]:
    """The options that name dev in an account of its own."""
    directory = scratch / account
    shutil.copytree(ROOT / "environments", directory)
    dev = directory / "dev.yaml"
    dev.write_text(re.sub(r'account: "\d+"', f'account: "{account}"', dev.read_text()))
    return ["--env", "dev", "--environments", str(directory)]


def _output(command: Sequence[str], env: dict[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 # our own commands
        command,
        env={**_surroundings(), **env},
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return done.stdout


def main() -> None:
    """Runs every measurement, or those that are named."""
    kinds: dict[str, Callable[[], None]] = {}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="runs of each process; the best counts")
    parser.add_argument(
        "only", nargs="*", help="render, start-up, pairs, diff, lint, deploy, plan; all when none is named"
    )
    options = parser.parse_args()
    kinds = {
        "render": lambda: render(options.runs),
        "start-up": lambda: start_up(options.runs),
        "pairs": pairs,
        "diff": between,
        "lint": lambda: lint(options.runs),
        "lint-dev": lambda: lint_beside(min(options.runs, 4)),
        "deploy": lambda: deploy(min(options.runs, 4)),
        "plan": lambda: plan(min(options.runs, 4)),
    }
    for name in options.only or kinds:
        kinds[name]()


if __name__ == "__main__":
    main()
