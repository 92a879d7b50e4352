"""What AWS may answer, through the command line: infragen as a process on the fake, in virtual time."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import pytest
from fakeaws import FakeAws
from processes import DEFAULTS, DEPLOY, Operator
from terminals import on_a_terminal

Make = Callable[..., Operator]


@pytest.mark.parametrize("call", ["sts:GetCallerIdentity", "cloudformation:DescribeStacks"])
def test_throttling_says_that_all_calls_are_throttled_together(operator: Make, aws: FakeAws, call: str) -> None:
    """Whichever call it is that is never let through; a connection is not what is looked into."""
    make = operator("nested")
    aws.throttle("cloudformation:ListStacks" if "Describe" in call else call, times=100_000)
    aws.throttle(call, times=100_000)
    ended = make.run("status", "--env", "dev")
    assert ended.code == 4, ended.stderr
    said = " ".join(ended.stderr.split())
    assert "Rate exceeded" in said
    assert "are throttled together" in said
    assert "connection" not in said


@pytest.mark.long
@pytest.mark.parametrize("deletes", [True, False])
def test_a_kept_first_creation_is_rolled_back_to_either_end(operator: Make, aws: FakeAws, deletes: bool) -> None:
    """RollbackStack of a stack that never was complete deletes it (API reference), or leaves ROLLBACK_COMPLETE."""
    aws.settings.rollback_deletes_what_never_was = deletes
    make = operator("independent")
    aws.fail("JobsQueue", "not today", times=1)
    kept = make.run(*DEPLOY, "--on-failure", "keep")
    assert (kept.code, aws.stack("shop-dev-queue").status) == (1, "CREATE_FAILED"), kept.stderr
    recovered = make.run(
        "recover", "--env", "dev", "--yes", *(f"--allow-data-loss=queue/{each}" for each in ("JobsDlq", "JobsQueue"))
    )
    said = " ".join((recovered.stdout + recovered.stderr).split())
    assert recovered.code == 0, said
    assert "it never was complete" in said
    assert aws.stack("shop-dev-queue").status == ("DELETE_COMPLETE" if deletes else "ROLLBACK_COMPLETE")
    again = make.run(*DEPLOY)
    assert again.code == 0, again.stderr
    assert make.run("status", "--env", "dev").code == 0


@pytest.mark.long
def test_a_value_that_is_known_after_the_change_is_no_disagreement(operator: Make, aws: FakeAws) -> None:
    """A queue that is replaced: what refers to it reads {{changeSet:KNOWN_AFTER_APPLY}}, which no plan shows."""
    make = operator("independent")
    assert make.run(*DEPLOY).code == 0
    file = make.directory / "environments/dev.yaml"
    file.write_text(file.read_text().replace("  - name: jobs\n", "  - name: jobs\n    fifo: true\n", 1))
    for form in ("text", "markdown", "json"):
        plan = make.run("plan", "--env", "dev", "--format", form)
        assert plan.code == 0, plan.stderr
        assert "JobsQueue" in plan.stdout
        assert "KNOWN_AFTER_APPLY" not in plan.stdout
        assert "disagree" not in plan.stdout.replace('"disagreements": []', "")


@pytest.mark.long
@pytest.mark.parametrize("command", ["plan", "deploy"])
def test_a_template_without_its_body_is_no_fault_of_infragen(operator: Make, aws: FakeAws, command: str) -> None:
    """No member of an answer is taken for granted: one clear error, nothing changed, never exit code 70."""
    make = operator("independent")
    assert make.run(*DEPLOY).code == 0
    aws.settings.templates_without_body.add("shop-dev-queue")
    mutations = aws.mutations()
    ended = make.run(command, "--env", "dev", *(("--yes",) if command == "deploy" else ()))
    assert ended.code == 4, ended.stderr
    assert "TemplateBody" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not [each for each in aws.mutations()[len(mutations) :] if "Execute" in str(each)]


@pytest.mark.long
@pytest.mark.parametrize("columns", [60, 100])
def test_status_and_outputs_wrap_at_the_width_of_the_terminal(operator: Make, aws: FakeAws, columns: int) -> None:
    """Long values too, on a terminal of its own; what is not in one piece is still all there."""
    make = operator("independent")
    assert make.run(*DEPLOY).code == 0
    keys = {**DEFAULTS, "AWS_ENDPOINT_URL": aws.url, "AWS_ACCESS_KEY_ID": aws.settings.account}
    url = "".join(aws.stack("shop-dev-queue").outputs["JobsQueueUrl"].split())
    for command in ("status", "outputs"):
        line = [sys.executable, "-m", "infragen", command, "--env", "dev"]
        where = ["--environments", str(make.directory / "environments")]
        code, shown = on_a_terminal([*line, *where], columns=columns, variables=keys)
        assert code == 0, shown
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", shown)
        words = [len(word) for word in shown.split()]
        assert max(map(len, shown.splitlines())) <= max(columns, *words) + 4, shown
        assert command == "status" or url in "".join(shown.split())
