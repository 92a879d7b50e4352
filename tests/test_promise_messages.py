"""What infragen says when it ends badly: every message says what to type next, and every exit code can be reached."""

from __future__ import annotations

import ast
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fakeaws import FakeAws
from fakeaws.proxy import Delay, DropBefore, Proxy
from figures import Tried
from processes import DEPLOY, Ended, Operator, Running

from infragen.cli.program import EXIT_CODES

SOURCES = Path(__file__).parent.parent / "src" / "infragen"
KINDS = {"Refused", "Conflict", "CloudError", "OutcomeUnknown", "OperationFailed", "InputError", "Unwritable"}
NEED_A_HINT = KINDS - {"InputError", "Unwritable"}
"""An input error shows the place of the mistake, one about the disk names the file: what to do is plain."""

BEGINNINGS = ("AWS", "CloudFormation", "Lambda", "S3", "Aurora", "ECR", "ECS", "Node", "CAPABILITY_", "YAML", "VPC")
"""Names that keep their capitals at the beginning of a message."""

Make = Callable[..., Operator]


@dataclass(frozen=True)
class Raised:
    """One place in the sources where an error that a user can meet is made."""

    place: str
    kind: str
    text: str
    """The message, with {…} for what is put in."""
    hint: bool


def raised() -> Iterator[Raised]:
    """Every such place."""
    for file in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS and node.args:
                place = f"{file.relative_to(SOURCES)}:{node.lineno}"
                yield Raised(place, node.func.id, words(node.args[0]), len(node.args) > 1 or bool(node.keywords))


def words(node: ast.expr) -> str:
    """The text of an expression, as far as it is written there."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "{…}" for each in node.values)
    if isinstance(node, ast.BinOp):
        return words(node.left) + words(node.right)
    return "{…}"


@pytest.mark.long
@pytest.mark.promise("P23", "places where an error is raised: what happened, and what to type next")
def test_every_message_says_what_to_type_next(tried: Tried) -> None:
    """P23: a hint with each, unless the user has just said no, or the message ends in somebody else's words."""
    found = list(raised())
    assert len(found) > 100
    for each in found:
        tried()
        said = each.text.startswith("declined; ") or (
            each.place.startswith("machine/emulator.py") and each.text.endswith("{…}")
        )
        assert each.hint or said or each.kind not in NEED_A_HINT, each


@pytest.mark.long
def test_messages_begin_small_and_end_without_a_full_stop() -> None:
    """P23: they follow `error: ` or a place, and are put into longer sentences."""
    for each in raised():
        assert not each.text.endswith("."), each
        assert not each.text[:1].isupper() or each.text.startswith(BEGINNINGS), each


def missing(user: Operator, aws: FakeAws) -> Ended:
    """Another environment than there is."""
    return user.run("plan", "--env", "nowhere")


def interrupted(user: Operator, aws: FakeAws, number: signal.Signals, at: int) -> Ended:
    """A signal at some call of a deployment."""
    running: list[Running] = []
    with Proxy(aws.url, sleep=lambda _: running[0].send(number)) as proxy:
        proxy.at(at, Delay(0))
        running.append(replace(user, url=proxy.url).start(*DEPLOY))
        return running[0].wait()


def failing(user: Operator, aws: FakeAws) -> Ended:
    """A resource that cannot be made."""
    aws.fail("JobsQueue", "quota reached")
    return user.run(*DEPLOY)


def somebody_elses(user: Operator, aws: FakeAws) -> Ended:
    """An operation that is not ours runs."""
    assert user.run(*DEPLOY).code == 0
    stack = aws.stack("shop-dev-queue")
    aws.slow("JobsQueue", 600, on="update")
    text = stack.target.text.replace("MessageRetentionPeriod: 345600", "MessageRetentionPeriod: 60")
    theirs: dict[str, object] = {"StackName": stack.name, "TemplateBody": text}
    theirs["Parameters"] = [{"ParameterKey": name, "UsePreviousValue": True} for name in stack.target.parameters]
    theirs["Tags"] = [{"Key": key, "Value": value} for key, value in stack.target.tags.items()]
    aws.elsewhere.update_stack(theirs)
    assert stack.status == "UPDATE_IN_PROGRESS"
    return user.run(*DEPLOY)


def cut_off(user: Operator, aws: FakeAws) -> Ended:
    """Nobody waits any longer for what runs."""
    aws.slow("JobsQueue", 600)
    return user.run(*DEPLOY, "--follow-timeout", "1")


def unreachable(user: Operator, aws: FakeAws) -> Ended:
    """An address behind which nobody is."""
    with Proxy(aws.url) as proxy:
        proxy.storm(DropBefore(), share=1.0)
        return replace(user, url=proxy.url).run("plan", "--env", "dev")


def broken(user: Operator, aws: FakeAws) -> Ended:
    """A fault of our own, which no reply of AWS's can bring about."""
    script = (
        "import infragen.assembly.lint as l, infragen.cli as c\n"
        "def lint(*_): raise ValueError('boom')\nl.lint = lint\nc.run()"
    )
    environments = str(Path(__file__).parent.parent / "environments")
    line = [sys.executable, "-c", script, "lint", "--env", "dev", "--environments", environments]
    ended = subprocess.run(line, capture_output=True, text=True)
    return Ended(ended.returncode, ended.stdout, ended.stderr, 0.0)


WAYS: dict[int, Callable[[Operator, FakeAws], Ended]] = {
    0: lambda user, aws: user.run(*DEPLOY),
    1: failing,
    2: missing,
    3: lambda user, aws: user.run("deploy", "--env", "dev"),
    4: unreachable,
    5: somebody_elses,
    6: cut_off,
    10: lambda user, aws: user.run("plan", "--env", "dev", "--detailed-exitcode"),
    70: broken,
    130: lambda user, aws: interrupted(user, aws, signal.SIGINT, 20),
    143: lambda user, aws: interrupted(user, aws, signal.SIGTERM, 20),
}
NAMES = re.compile(r"shop-dev|dev\b|nowhere|127\.0\.0\.1")


@pytest.mark.long
@pytest.mark.promise("P23", "exit codes: each is reached, documented, and explained in words")
@pytest.mark.parametrize("code", EXIT_CODES)
def test_every_exit_code_is_reached_and_documented(operator: Make, aws: FakeAws, tried: Tried, code: int) -> None:
    """P23: by the command as a process; what it says names what it is about and what to type next."""
    tried()
    ended = WAYS[code](operator("independent"), aws)
    assert ended.code == code, (ended.stdout, ended.stderr)
    assert "Traceback" not in ended.stderr
    documented = (Path(__file__).parent.parent / "docs" / "exit-codes.md").read_text()
    assert f"| {code} | {EXIT_CODES[code]} |" in documented
    said = ended.stdout + ended.stderr
    if code in (1, 2, 3, 4, 5, 6):
        assert NAMES.search(said), said
    if code in (1, 3, 4, 5, 6, 70):
        assert re.search(r"hint: |next  |`infragen ", said), said
