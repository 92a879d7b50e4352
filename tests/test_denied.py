"""Day-2 commands with each AWS operation that they call denied in turn: the permission is named, and nothing else ends.

Which operations those are is what the fake records of a run in which nothing is denied: there is no list. The denial
names no action, as S3's and SQS's do not: infragen has to know it.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from bench import ACCOUNT, NETWORK, at_work, head, prepare_account, work_on
from click.testing import Result
from commands import CommandLine
from fakeaws import FakeAws
from fakeaws.ecr import Pushed
from fakeaws.model import Message
from test_image_promote import push
from test_shell import LOGIN, install, place

from infragen.assembly.synth import synthesize
from infragen.aws.failure import permission
from infragen.cli import main
from infragen.config import load_environment

SHOP = (
    "network: {nat: single}\n"
    "database: {min_acu: 0.5, max_acu: 8}\n"
    "queues: [{name: orders}]\n"
    "workers: [{name: send, queue: orders, max_concurrency: 5}]\n"
    "release: {command: [node, migrate]}\n"
    "api: {cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2, https: {mode: http_only}, "
    "ingress_cidrs: [203.0.113.0/24], shells: true, secrets: {STRIPE_KEY: ssm}}\n"
)
SMALL = NETWORK + "queues: [{name: orders}]\n"


class Scene:
    """A deployed environment on the fake, and how a command runs in it."""

    def __init__(self, aws: FakeAws, directory: Path, text: str) -> None:
        self.aws, self.directory = aws, directory
        (directory / "environments").mkdir(exist_ok=True)
        file = directory / "environments" / "test.yaml"
        file.write_text(head() + text)
        self.bench = at_work(aws, load_environment(file))
        prepare_account(aws, self.bench.env)
        aws.settings.ssm["/shop/test/OLD_KEY"] = "sk"
        aws.settings.ssm["/shop/test/STRIPE_KEY"] = "sk"
        aws.settings.secret_values["AppSecret"] = json.dumps(LOGIN)
        aws.settings.one_off.seconds = 20

    def deploy(self, **options: Any) -> None:
        """With an image, where there is an API; `options` are those of a deployment."""
        skipped = frozenset({"secrets", "image"})
        image = {"image_tag": "abc123", "release": False, "skip_check": skipped} if self.bench.env.api else {}
        self.bench.bootstrap()
        self.bench.deploy(synthesize(self.bench.env), **image, **options)

    def run(self, *words: str) -> Result:
        at = words.index("--") if "--" in words else len(words)
        where = ("--environments", str(self.directory / "environments"), "--endpoint-url", self.aws.url)
        env = () if "promote" in words or "diff" in words else ("--env", "test")
        line = CommandLine(self.aws.clock, date=lambda: self.aws.clock.now().timestamp())
        arguments = [*words[:at], *env, *where, *words[at:]]
        return line.invoke(main, arguments, input="sk-new\n", env={"COLUMNS": "200"})


def promotion(scene: Scene) -> None:
    """An image in the repository of `test`, and a new repository for it each time."""
    (scene.directory / "environments" / "next.yaml").write_text(
        head().replace("environment: test", "environment: next")
    )
    source, target = Pushed(), Pushed()
    scene.aws.cloud.registry = {(ACCOUNT, "shop-test-api"): source, (ACCOUNT, "shop-next-api"): target}
    source.tags["v1"] = push(source, b"a layer")


def buried(scene: Scene) -> None:
    [url] = [
        each.physical_id
        for stack in scene.aws.cloud.stacks.values()
        for each in stack.resources.values()
        if each.type == "AWS::SQS::Queue" and each.physical_id.endswith("-dlq")
    ]
    scene.aws.cloud.messages[url] = [Message("m1", "{}", scene.aws.clock.now())]


@dataclass(frozen=True)
class Case:
    words: tuple[str, ...]
    before: Callable[[Scene], object] = lambda scene: None
    code: int = 0


CASES = (
    *(Case((each,)) for each in ("ps", "status", "outputs", "diagnose", "drift", "follow", "cancel", "logs")),
    Case(("doctor",), code=4),
    Case(("changesets", "prune", "--yes")),
    Case(("rotate", "--yes")),
    Case(("secrets", "list")),
    Case(("secrets", "restart", "--yes")),
    Case(("secrets", "set", "STRIPE_KEY")),
    Case(("secrets", "rm", "OLD_KEY", "--yes")),
    Case(("run", "--yes", "--", "node", "x")),
    Case(("migrate", "--yes")),
    Case(("redrive", "orders", "--peek"), buried),
    Case(("redrive", "orders", "--yes", "--allow-unchanged"), buried),
    Case(("redrive", "orders", "--yes", "--allow-unchanged", "--message", "m1"), buried),
    Case(("shell", "--", "true")),
    Case(("tunnel",)),
    Case(("image", "put", ".")),
    Case(("image", "promote", "--from", "test", "--to", "next", "--image-tag", "v1"), promotion),
    Case(("bootstrap", "--check"), code=2),
)


def well(scene: Scene, case: Case) -> None:
    """The environment as it was before any command, whatever the last one left."""
    aws = scene.aws
    aws.mend()
    aws.clock.settle()
    aws.cloud.one_offs.clear()
    aws.cloud.parameters.clear()
    aws.cloud.messages.clear()
    aws.cloud.moves.clear()
    case.before(scene)
    aws.calls.clear()


def operations(scene: Scene, case: Case) -> list[tuple[str, str]]:
    """What a run calls in which nothing is denied, but for STS, which answers everybody."""
    well(scene, case)
    ended = scene.run(*case.words)
    assert ended.exit_code == case.code, ended.output
    return sorted({(each.service, each.operation) for each in scene.aws.calls} - {("sts", "GetCallerIdentity")})


def deny(scene: Scene, case: Case, service: str, operation: str) -> None:
    """One run with an operation denied: the permission is named, by one error or, where it goes on, beside the rest."""
    well(scene, case)
    refuse(scene.aws, service, operation)
    ended = scene.run(*case.words)
    said = (case.words, service, operation, ended.exit_code, ended.output)
    assert isinstance(ended.exception, SystemExit | None), (said, ended.exception)
    assert permission(service, operation) in ended.output, said
    assert "Traceback" not in ended.output, said
    errors = [each for each in ended.output.splitlines() if each.startswith("error: ")]
    changed = bool(scene.aws.mutations())
    if ended.exit_code in (0, case.code):
        assert errors == [] or case.code, said
    else:
        assert len(errors) == 1 or ("  failed  " in ended.output and not errors), said
        assert ended.exit_code in ((1, 4, 6) if changed else (3, 4)), said


def refuse(aws: FakeAws, service: str, operation: str) -> None:
    code = "UnauthorizedOperation" if service == "ec2" else "AccessDeniedException"
    aws.refuse(f"{service}:{operation}", code, "Access to the resource is denied.", times=None, status=403)


@contextmanager
def account(directory: Path) -> Iterator[FakeAws]:
    """A fake account, its credentials, and a session-manager-plugin."""
    with pytest.MonkeyPatch.context() as patched, FakeAws() as aws:
        work_on(aws, patched)
        patched.setenv("PATH", f"{directory / 'bin'}{os.pathsep}{os.environ['PATH']}")
        install(directory)
        yield aws


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The environment, whose stacks were made without calls."""
    directory = tmp_path_factory.mktemp("denied")
    with account(directory) as aws:
        scene = Scene(aws, directory, SHOP)
        for each in synthesize(scene.bench.env).templates:
            place(aws, scene.bench.env, each.layer)
        yield scene


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The environment, deployed."""
    directory = tmp_path_factory.mktemp("denied")
    with account(directory) as aws:
        scene = Scene(aws, directory, SHOP)
        scene.deploy()
        yield scene


def name(case: Case) -> str:
    return " ".join(case.words)


@pytest.mark.long
@pytest.mark.parametrize("case", [each for each in CASES if each.words != ("doctor",)], ids=name)
def test_a_denied_operation_is_named(placed: Scene, case: Case) -> None:
    """One of each command's, the same each time; test_doctor.py has those of `doctor`."""
    found = operations(placed, case)
    deny(placed, case, *found[zlib.crc32(name(case).encode()) % len(found)])


@pytest.mark.long
@pytest.mark.parametrize("case", CASES, ids=name)
def test_each_denied_operation_is_named(deployed: Scene, case: Case) -> None:
    """All of them."""
    found = operations(deployed, case)
    for each in found:
        deny(deployed, case, *each)


def failed(scene: Scene) -> None:
    """A creation that failed, and was kept."""
    scene.aws.fail("OrdersQueue", "no room", times=1)
    scene.deploy(on_failure="keep")


def changed_by_hand(scene: Scene) -> None:
    scene.deploy()
    [stack] = [each for each in scene.aws.cloud.stacks.values() if "OrdersQueue" in each.resources]
    stack.by_hand["OrdersQueue"] = {"VisibilityTimeout": 45}


ONCE = (
    Case(("destroy", "--yes", "--confirm", "test"), Scene.deploy),
    Case(("recover", "--yes", *(f"--allow-data-loss=queue/Orders{each}" for each in ("Queue", "Dlq"))), failed),
    Case(("status",), failed),
    Case(("diagnose",), failed),
    Case(("drift", "--revert", "--yes", "--allow-data-loss=queue/OrdersQueue"), changed_by_hand),
)
"""What cannot be run again in the same environment: each denial has one of its own."""


def once(directory: Path, case: Case, denied: tuple[str, str] | None = None) -> list[tuple[str, str]]:
    with account(directory) as aws:
        scene = Scene(aws, directory, SMALL)
        case.before(scene)
        again = replace(case, before=lambda scene: None)
        if denied is None:
            return operations(scene, again)
        deny(scene, again, *denied)
    return []


@pytest.mark.long
@pytest.mark.parametrize("case", ONCE, ids=name)
def test_a_denied_operation_of_what_changes_the_environment_is_named(tmp_path: Path, case: Case) -> None:
    """One of each command's."""
    found = once(tmp_path, case)
    once(tmp_path, case, found[zlib.crc32(name(case).encode()) % len(found)])


@pytest.mark.long
@pytest.mark.parametrize("case", ONCE, ids=name)
def test_each_denied_operation_of_what_changes_the_environment_is_named(tmp_path: Path, case: Case) -> None:
    """All of them."""
    for each in once(tmp_path, case):
        once(tmp_path, case, each)
