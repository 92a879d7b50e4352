"""What commands must not do: write with the wrong credentials, work when nothing changed, leave things behind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest
from fakeaws import FakeAws
from figures import Tried
from processes import DEPLOY, Operator

from infragen.cli import main

ENV = ("--env", "dev")
NESTED, INDEPENDENT = "nested", "independent"
MOST_CALLS = 10
"""API calls of a nested deployment without changes."""

Make = Callable[..., Operator]


PRICES = ("cost",)
"""Asks the Price List API, which is the same for every account, and only when told to."""


def talkative(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command that talks to an environment's account: those that take --endpoint-url."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from talkative(command, (*path, name))
        elif (*path, name) != PRICES and any("--endpoint-url" in each.opts for each in command.params):
            yield (*path, name)


OF_AN_API = [("migrate",), ("run",), ("shell",), ("tunnel",), ("rotate",)]
"""They need an API or a database, which these environments have not: 2 before AWS is asked. engine/test_release.py,
engine/test_rotate.py and test_shell.py have them."""
OF_TWO = [("image", "promote"), ("secrets", "diff")]
"""They name two environments: tests/test_image_promote.py and tests/test_app_secrets.py have them."""
OF_A_VALUE = [("secrets", "set"), ("secrets", "import")]
"""They read a value before AWS is asked: tests/test_app_secrets.py has them."""
COMMANDS = [each for each in talkative() if each not in (*OF_AN_API, *OF_TWO, *OF_A_VALUE)]
AGREED = {"--revert": ("--revert",), "--yes": ("--yes",), "--confirm": ("--confirm", "dev"), "--wait": ("--wait", "1")}


def agreed(command: tuple[str, ...]) -> tuple[str, ...]:
    """Options with which a command asks nothing and goes as far as it can; for each argument a queue, what to
    import, or a path.
    """
    found: click.Command = main
    for name in command:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    known = {option for each in found.params for option in each.opts}
    options = tuple(word for option, words in AGREED.items() if option in known for word in words)
    required = [each for each in found.params if isinstance(each, click.Argument) and each.required]
    given = {"queue": "jobs", "resources": "queue/JobsQueue=https://queue", "names": "KEY"}
    arguments = tuple(given.get(each.name or "", ".") for each in required)
    return (*options, *arguments)


@pytest.mark.promise("P15", "commands with credentials of another account or partition: refused, nothing written")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_is_written_in_the_wrong_account(
    operator: Make, aws: FakeAws, tried: Tried, command: tuple[str, ...]
) -> None:
    """P15, A8: exit code 3 and both accounts named; not one call that could change anything, none to S3 at all."""
    right = operator(NESTED)
    stranger = replace(right, variables={**right.variables, "AWS_ACCESS_KEY_ID": "999999999999"})
    for user, arn in ((stranger, aws.settings.arn), (right, "arn:aws-cn:sts::{account}:assumed-role/deployer/test")):
        tried()
        aws.settings.arn = arn
        ended = user.run(*command, *ENV, *agreed(command))
        assert ended.code == 3, (command, ended.stdout, ended.stderr)
        assert aws.mutations() == [], command
        assert not [call for call in aws.calls if call.service == "s3"], command
        assert ("999999999999" in ended.stderr and "111122223333" in ended.stderr) or "aws-cn" in ended.stderr


@pytest.mark.promise("P15", "commands with another region in the shell: every call goes to the file's region")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_region_is_the_one_of_the_file(
    operator: Make, aws: FakeAws, tried: Tried, command: tuple[str, ...]
) -> None:
    """P15, A9: AWS_REGION and AWS_DEFAULT_REGION change nothing."""
    tried()
    user = operator(NESTED)
    elsewhere = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}
    replace(user, variables={**user.variables, **elsewhere}).run(*command, *ENV, *agreed(command))
    assert {call.region for call in aws.calls} == {"us-east-1"}, command


@pytest.mark.long
@pytest.mark.promise("P20", "runs without changes: nothing written, few calls")
@pytest.mark.parametrize("topology", [NESTED, INDEPENDENT])
@pytest.mark.parametrize("protected", [False, True], ids=["open", "protected"])
def test_a_run_without_changes_writes_nothing(
    operator: Make, aws: FakeAws, tried: Tried, topology: str, protected: bool
) -> None:
    """P20: neither deploy nor plan, however often; a nested environment needs ten calls at most."""
    user = operator(topology, "protect: true\n" if protected else "")
    assert user.run(*DEPLOY).code == 0
    for command in (DEPLOY, ("plan", *ENV, "--detailed-exitcode"), DEPLOY):
        tried()
        aws.calls.clear()
        assert user.run(*command).code == 0, command
        assert aws.mutations() == [], command
        if not protected:
            tried.most(f"calls, {topology}", len(aws.calls))
            assert topology == INDEPENDENT or len(aws.calls) <= MOST_CALLS, [call.operation for call in aws.calls]


CHANGED = ("  - name: jobs\n", "  - name: jobs\n    max_receives: 7\n")
REPLACED = ("  - name: jobs\n", "  - name: jobs\n    fifo: true\n")


def runs(operator: Make, aws: FakeAws, topology: str) -> Iterator[tuple[int, Operator, tuple[str, ...]]]:
    """Runs that end in every way, one after the other on the same environment."""
    user = operator(topology)
    yield 0, user, ("plan", *ENV)
    yield 3, user, ("deploy", *ENV)  # nobody to ask
    aws.fail("JobsQueue", "quota reached", times=1)
    yield 1, user, DEPLOY
    yield 0, user, DEPLOY
    changed = operator(topology, edit=CHANGED)
    yield 0, changed, ("plan", *ENV)
    aws.fail("JobsQueue", "not like this", on="update", times=1)
    yield 1, changed, DEPLOY
    aws.fail("JobsQueue", "not like this", on="update", times=1)
    yield 1, changed, (*DEPLOY, "--on-failure", "keep")
    yield 0, changed, ("recover", *ENV, "--yes")
    yield 0, changed, DEPLOY
    yield 3, operator(topology, edit=REPLACED), DEPLOY
    yield 0, operator(topology, edit=CHANGED), ("destroy", *ENV, "--yes")


@pytest.mark.long
@pytest.mark.promise("P22", "finished and failed runs: no change set, empty stack or temporary file left")
@pytest.mark.parametrize("topology", [NESTED, INDEPENDENT])
def test_a_run_leaves_nothing_behind(operator: Make, aws: FakeAws, tried: Tried, tmp_path: Path, topology: str) -> None:
    """P22, C5: planned, refused, failed, rolled back, kept, recovered, deployed and destroyed.

    Nested stacks that a failed first creation never began are their root's: whether AWS removes them is not documented.
    """
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for code, user, command in runs(operator, aws, topology):
        tried()
        user = replace(user, variables={**user.variables, "TMPDIR": str(temporary)})
        ended = user.run(*command)
        assert ended.code == code, (command, ended.stdout, ended.stderr)
        aws.clock.settle()
        sets = [each.name for each in aws.cloud.change_sets.values() if each.execution == "AVAILABLE"]
        stacks = [each for each in aws.cloud.stacks.values() if each.parent_id is None]
        reviewed = [each.name for each in stacks if each.status == "REVIEW_IN_PROGRESS"]
        kept = (Path(user.variables["INFRAGEN_CACHE_DIR"]) / "lint").iterdir()
        odd = [each.name for each in kept if not re.fullmatch(r"[0-9a-f]{64}\.json", each.name)]
        assert (sets, reviewed, list(temporary.iterdir()), odd) == ([], [], [], []), command
