"""The release step of a deployment on the fake: when it runs, before what, and how it fails; in both topologies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench import Bench, at_work, environment, prepare_account
from fakeaws import FakeAws
from fakeaws.protocol import service_model

from infragen.assembly.synth import Assembly, synthesize
from infragen.aws.workload import KEPT
from infragen.engine.one_off import LEFT_OVER
from infragen.engine.options import Options
from infragen.engine.outcome import Failed
from infragen.engine.progress import TaskEnded, TaskLog, TaskStarted, Warned
from infragen.engine.release import Command, run_command
from infragen.engine.saving import deploy_saved, save_plan
from infragen.errors import Conflict, InputError, OutcomeUnknown, Refused
from infragen.plan.saved import SavedPlan
from infragen.report.plan import plan_lines
from infragen.report.plan_document import as_json
from infragen.report.plan_html import as_html
from infragen.report.plan_markdown import as_markdown

TEXT = (
    "network: {nat: single}\n"
    "database: {min_acu: 0.5, max_acu: 4}\n"
    "release: {command: [node, src/release.ts], timeout_minutes: 2, memory: 1024}\n"
    "api: {cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2, https: {mode: http_only}, "
    "ingress_cidrs: [203.0.113.0/24], tracing: true}\n"
)
ARM = ("linux/arm64",)


@pytest.fixture(params=["nested", "independent"])
def topology(request: pytest.FixtureRequest) -> str:
    """Return each."""
    return str(request.param)


@pytest.fixture
def shop(aws: FakeAws, tmp_path: Path, topology: str) -> Bench:
    """Deploy the placeholder, and push two images."""
    bench = at_work(aws, environment(tmp_path, TEXT, topology))
    prepare_account(aws, bench.env)
    bench.bootstrap()
    bench.begin(made(bench))
    aws.settings.images["shop-test-api"] = {"v1": ARM, "v2": ARM, "amd": ("linux/amd64",)}
    return bench


def made(bench: Bench) -> Assembly:
    return synthesize(bench.env)


def calls(aws: FakeAws, *names: str) -> list[str]:
    return [each.operation for each in aws.calls if each.operation in names]


def active(aws: FakeAws) -> list[str]:
    """Return the registered revisions that are not deregistered."""
    rows = (row for each in aws.cloud.one_offs.values() for row in each.definitions.values())
    return [row["taskDefinitionArn"] for row in rows if row["status"] == "ACTIVE"]


def failure(result: Any) -> Failed:
    [found] = [each for each in result.outcomes if isinstance(each, Failed)]
    return found


@pytest.mark.long
def test_it_runs_with_the_new_image_before_the_stack_of_the_api(shop: Bench, aws: FakeAws, topology: str) -> None:
    """With the digest of the new tag, its own command and size, without ports, on the service's network."""
    assert shop.deploy(made(shop), image_tag="v1").exit_code == 0
    [started] = [each for each in shop.ui.events if isinstance(each, TaskStarted)]
    assert (started.purpose, started.command, started.tag) == ("release", ("node", "src/release.ts"), "v1")
    assert [each.line for each in shop.ui.events if isinstance(each, TaskLog)] == ["applied 0001_notifications"]
    assert [each.exit_code for each in shop.ui.events if isinstance(each, TaskEnded)] == [0]
    order = calls(aws, "RunTask", "ExecuteChangeSet", "DeregisterTaskDefinition")
    assert order[-3:] == ["RunTask", "DeregisterTaskDefinition", "ExecuteChangeSet"]
    [one] = aws.cloud.one_offs.values()
    [task] = one.tasks.values()
    [container] = task.definition["containerDefinitions"]
    assert container["command"] == ["node", "src/release.ts"]
    assert container["image"].partition("@")[2].startswith("sha256:")
    assert container["image"].startswith("shop-test-api.repositoryuri")  # the output of the stack
    assert container["logConfiguration"]["options"]["awslogs-stream-prefix"] == "release"
    assert (task.definition["family"], task.definition["cpu"], task.definition["memory"]) == (
        "shop-test-release", "256", "1024",
    )  # fmt: skip
    assert (task.request["launchType"], task.request["startedBy"]) == ("FARGATE", "infragen-release")
    assert task.request["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"
    assert active(aws) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("tags", "release", "runs"),
    [
        (["v1", "v1"], None, [True, False]),
        (["v1", None], None, [True, False]),
        (["v1", "v2"], None, [True, True]),
        (["v1", None], True, [True, True]),
        (["v1", "v2"], False, [False, False]),
    ],
)
def test_it_runs_when_the_tag_is_another_or_when_it_is_asked_for(
    shop: Bench, aws: FakeAws, tags: list[str | None], release: bool | None, runs: list[bool]
) -> None:
    """Not for a deployment that leaves the image as it is."""
    for tag, run in zip(tags, runs, strict=True):
        aws.calls.clear()
        options = {"image_tag": tag, "release": release}
        assert (shop.plan(made(shop), **options).release is not None) == run
        assert shop.deploy(made(shop), **options).exit_code == 0
        assert calls(aws, "RunTask") == ["RunTask"] * run


@pytest.mark.long
def test_a_failed_command_deploys_nothing_and_says_what_runs(shop: Bench, aws: FakeAws, topology: str) -> None:
    """M1: exit code 1 with its own, its last lines, and the image that stays; the next run tries again."""
    assert shop.deploy(made(shop), image_tag="v1").exit_code == 0
    aws.calls.clear()
    aws.settings.one_off.exit_code = 3
    aws.settings.one_off.lines = ["> 0007_add_state", 'error: relation "nope" does not exist (42P01)']
    result = shop.deploy(made(shop), image_tag="v2")
    assert result.exit_code == 1
    found = failure(result)
    assert found.layer == ("root" if topology == "nested" else "api")
    assert "(node src/release.ts) with v2 failed after" in found.message
    assert "exit code 3" in found.message
    assert "was not deployed, v1 keeps running" in found.message
    assert found.evidence[-1].text == 'error: relation "nope" does not exist (42P01)'
    assert "aws logs tail /ecs/shop-test-api --log-stream-names release/api/" in found.hint
    assert calls(aws, "ExecuteChangeSet") == []
    assert active(aws) == []
    aws.settings.one_off.exit_code = 0
    assert shop.deploy(made(shop), image_tag="v2").exit_code == 0


REASONS = {
    "CannotPullContainerError: pull image manifest": (
        "could not be pulled",
        "way of the subnets to the registry",
    ),
    "ResourceInitializationError: unable to pull secrets": (
        "could not be started",
        "secret of the task",
    ),
    "TaskFailedToStart: no space": ("it never ran: TaskFailedToStart", "infragen doctor"),
}


@pytest.mark.long
@pytest.mark.parametrize("reason", REASONS)
def test_a_task_that_never_ran_says_why_in_ecs_words(shop: Bench, aws: FakeAws, reason: str) -> None:
    """Each with its own remedy."""
    aws.settings.one_off.exit_code, aws.settings.one_off.reason = None, reason
    found = failure(shop.deploy(made(shop), image_tag="v1"))
    words, remedy = REASONS[reason]
    assert words in found.message
    assert reason in found.message
    assert remedy in found.hint


@pytest.mark.long
def test_out_of_memory_names_the_key(shop: Bench, aws: FakeAws) -> None:
    """137: release.memory, and how much it has."""
    script = aws.settings.one_off
    script.exit_code, script.reason = 137, "OutOfMemoryError: Container killed due to memory usage"
    found = failure(shop.deploy(made(shop), image_tag="v1"))
    assert "OutOfMemoryError" in found.message
    assert "release.memory; it has 1024 MiB" in found.hint


@pytest.mark.long
def test_a_command_that_takes_too_long_is_stopped(shop: Bench, aws: FakeAws) -> None:
    """M2: after release.timeout_minutes, and nothing is deployed."""
    aws.settings.one_off.seconds = 600
    found = failure(shop.deploy(made(shop), image_tag="v1"))
    assert "stopped after 2 minutes, its time limit" in found.message
    assert "raise release.timeout_minutes" in found.hint
    assert calls(aws, "StopTask") == ["StopTask"]
    assert active(aws) == []


@pytest.mark.long
def test_no_place_for_the_task_is_a_problem_of_the_account(shop: Bench, aws: FakeAws) -> None:
    """M3: exit code 4 with ECS's reason."""
    aws.settings.one_off.failures = ["Capacity is unavailable at this time"]
    result = shop.deploy(made(shop), image_tag="v1")
    assert result.exit_code == 4
    assert "Capacity is unavailable at this time" in failure(result).message
    assert active(aws) == []


@pytest.mark.long
def test_a_release_that_runs_already_is_a_conflict(shop: Bench, aws: FakeAws) -> None:
    """M4: exit code 5 with its ARN; after its end the same command runs."""
    aws.settings.one_off.seconds = 100
    command = Command("release", ("node", "src/release.ts"), 600, 256, 512, "v1", detach=True)
    first = run_command(shop.session, shop.env, command)
    result = shop.deploy(made(shop), image_tag="v1")
    assert result.exit_code == 5
    assert first.task.arn in failure(result).message
    aws.clock.sleep(200)
    assert shop.deploy(made(shop), image_tag="v1").exit_code == 0


@pytest.mark.long
def test_with_wait_another_release_is_waited_for(shop: Bench, aws: FakeAws) -> None:
    """By `migrate` and by `deploy`, each said once; one that does not end in that time is a conflict."""
    aws.settings.one_off.seconds = 100
    command = Command("release", ("node", "src/release.ts"), 600, 256, 512, "v1")
    first = run_command(shop.session, shop.env, replace(command, detach=True))
    with pytest.raises(Conflict, match="runs already"):
        run_command(shop.session, shop.env, replace(command, wait=20))
    shop.ui.events.clear()
    assert run_command(shop.session, shop.env, replace(command, wait=3600)).succeeded
    [said] = [each.text for each in shop.ui.events if isinstance(each, Warned)]
    assert said == f"waiting: a release of shop-test-release runs: {first.task.arn}"
    run_command(shop.session, shop.env, replace(command, detach=True))
    assert shop.deploy(made(shop), image_tag="v1", wait=3600).exit_code == 0


@pytest.mark.long
@pytest.mark.parametrize("purpose", ["run", "release"])
def test_with_wait_a_command_comes_after_the_operation_that_runs(shop: Bench, aws: FakeAws, purpose: str) -> None:
    """It starts when the stacks are at rest; without --wait at once, and after a wait that was too short never."""
    command = Command(purpose, ("node",), 600, 256, 512, "v1")
    aws.slow("Service", 300, on="update")
    assert shop.deploy(made(shop), image_tag="v1", release=False, follow_timeout=30).exit_code == 6
    with pytest.raises(Conflict, match=r"UPDATE_IN_PROGRESS since .* after a wait of 1 min"):
        run_command(shop.session, shop.env, replace(command, wait=60))
    assert calls(aws, "RunTask") == []
    assert run_command(shop.session, shop.env, replace(command, wait=3600)).succeeded
    assert not any(each.status.endswith("_IN_PROGRESS") for each in aws.cloud.stacks.values())


@pytest.mark.long
def test_what_a_killed_run_left_is_deregistered_later(shop: Bench, aws: FakeAws) -> None:
    """M5: a young revision may belong to a run that is about to start its task."""
    aws.refuse("ecs:DeregisterTaskDefinition", "AccessDeniedException", "not authorized", times=1)
    assert shop.deploy(made(shop), image_tag="v1").exit_code == 0
    [left] = active(aws)
    assert shop.deploy(made(shop), image_tag="v2").exit_code == 0
    aws.clock.sleep(LEFT_OVER + 1)
    assert shop.deploy(made(shop), image_tag="v1").exit_code == 0
    assert left not in active(aws)


@pytest.mark.long
def test_an_image_that_is_not_there_or_of_another_architecture_is_found_when_planning(shop: Bench) -> None:
    """Exit code 2, before anything is made; also where the check of the account was skipped."""
    with pytest.raises(InputError, match="shop-test-api has no image v9; the newest are amd, v2, v1"):
        shop.plan(made(shop), image_tag="v9", skip_check=frozenset({"image"}))
    with pytest.raises(InputError, match=r"runs on linux/amd64; api\.architecture is arm64"):
        shop.plan(made(shop), image_tag="amd")
    with pytest.raises(InputError, match="the command is empty"):
        run_command(shop.session, shop.env, Command("run", ("", "x"), 60, 256, 512, "v1"))
    with pytest.raises(InputError, match="runs on linux/amd64"):
        run_command(shop.session, shop.env, Command("run", ("node",), 60, 256, 512, "amd"))


@pytest.mark.long
def test_a_first_deployment_cannot_run_it(aws: FakeAws, tmp_path: Path, topology: str) -> None:
    """There is no API whose settings the task could have: 2, with what to do first; --no-release lets it pass."""
    bench = at_work(aws, environment(tmp_path, TEXT, topology))
    prepare_account(aws, bench.env)
    bench.bootstrap()
    aws.settings.kept["AWS::ECR::Repository"] = ["shop-test-api"]
    aws.settings.images["shop-test-api"] = {"v1": ARM}
    with pytest.raises(InputError, match="api and database of test are not deployed yet") as caught:
        bench.plan(made(bench), image_tag="v1")
    assert "deploy without --image-tag first" in caught.value.hint
    assert bench.plan(made(bench), image_tag="v1", release=False).release is None
    with pytest.raises(InputError, match="no image is deployed"):
        bench.plan(made(bench), release=True)
    with pytest.raises(InputError, match="is not deployed: there is nothing to run a task like"):
        run_command(bench.session, bench.env, Command("run", ("node",), 60, 256, 512, "v1"))


@pytest.mark.long
def test_a_service_without_tasks_is_enough(shop: Bench, aws: FakeAws) -> None:
    """At night a service wants no task; its network and its task definition are there."""
    aws.settings.desired_tasks["Service"] = 0
    assert shop.deploy(made(shop), image_tag="v1").exit_code == 0
    assert calls(aws, "RunTask") == ["RunTask"]


@pytest.mark.long
def test_every_format_of_a_plan_shows_it(shop: Bench, topology: str) -> None:
    """Text, JSON, Markdown and HTML."""
    plan = shop.plan(made(shop), image_tag="v1")
    before = "root (api)" if topology == "nested" else "api"
    words = f"node src/release.ts runs with v1 before {before}"
    assert f"release  {words}" in [line.plain for line in plan_lines(plan, 80)]
    told = json.loads(as_json(plan))["plans"][0]["release"]
    assert told["text"] == f"release  {words}"
    assert (told["command"], told["timeout_minutes"], told["memory"]) == (["node", "src/release.ts"], 2, 1024)
    assert words.replace("(", "").split()[0] in as_markdown(plan)
    assert "Runs a release command" in as_markdown(plan)
    assert words in as_html([plan], {})


@pytest.mark.long
def test_a_saved_plan_runs_the_command_that_was_reviewed(shop: Bench, aws: FakeAws) -> None:
    """Once: a plan that was deployed is not run again; and not at all when the tag means another image now."""
    kept: list[SavedPlan] = []
    save_plan(made(shop), shop.session, Options(image_tag="v1"), 3600, kept.append)
    assert kept[0].release is not None
    assert kept[0].release.command == ("node", "src/release.ts")
    assert deploy_saved(made(shop), shop.session, kept[0], Options(), "x.plan").exit_code == 0
    assert calls(aws, "RunTask") == ["RunTask"]
    assert deploy_saved(made(shop), shop.session, kept[0], Options(), "x.plan").exit_code == 0
    assert calls(aws, "RunTask") == ["RunTask"]


@pytest.mark.long
def test_a_saved_plan_is_stale_when_its_tag_means_another_image(
    shop: Bench, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5: the digest was reviewed with the plan."""
    kept: list[SavedPlan] = []
    save_plan(made(shop), shop.session, Options(image_tag="v1"), 3600, kept.append)
    monkeypatch.setattr("fakeaws.account.digest", lambda text: f"sha256:other-{text}")
    with pytest.raises(Conflict, match="another one than when the plan was saved"):
        deploy_saved(made(shop), shop.session, kept[0], Options(), "x.plan")
    assert calls(aws, "RunTask", "ExecuteChangeSet") == []


@pytest.mark.long
def test_a_protected_environment_asks_before_a_command_runs(aws: FakeAws, tmp_path: Path) -> None:
    """`run` and `migrate` there need a yes."""
    bench = at_work(aws, environment(tmp_path, TEXT + "protect: true\n", "nested"))
    prepare_account(aws, bench.env)
    bench.bootstrap()
    assert bench.deploy(made(bench)).exit_code == 0
    aws.settings.images["shop-test-api"] = {"v1": ARM}
    bench.ui.answer = False
    with pytest.raises(Refused, match="declined; nothing was run"):
        run_command(bench.session, bench.env, Command("run", ("node", "x.ts"), 60, 256, 512, "v1"))
    assert bench.ui.questions[-1].answered_by == "--yes"
    assert calls(aws, "RegisterTaskDefinition") == []


@pytest.mark.long
def test_a_task_that_does_not_stop_is_unknown(shop: Bench, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """M2: ECS is asked to stop it and does not: 6, with how to look at it."""
    monkeypatch.setattr("fakeaws.one_off.STOPPING", 99_999.0)
    aws.settings.one_off.seconds = 100_000
    with pytest.raises(OutcomeUnknown, match="does not stop"):
        run_command(shop.session, shop.env, Command("run", ("node",), 60, 256, 512, "v1"))


def test_what_is_copied_into_a_registration_is_a_member_of_it() -> None:
    """Both shapes of botocore have it; the other members are given anew, are of the reply alone, or are not copied."""
    model = service_model("ecs")
    takes = set(model.operation_model("RegisterTaskDefinition").input_shape.members)
    described = set(model.shape_for("TaskDefinition").members)
    assert set(KEPT) <= takes & described
    given = {"family", "cpu", "memory", "runtimePlatform", "containerDefinitions"}
    left_out = {"pidMode", "ipcMode", "placementConstraints", "inferenceAccelerators", "enableFaultInjection"}
    assert takes & described == set(KEPT) | given | left_out


@pytest.mark.long
def test_nothing_runs_in_the_wrong_account(shop: Bench, aws: FakeAws) -> None:
    """P15, A8: refused by `run` and `migrate` before anything is registered."""
    aws.settings.arn = "arn:aws-cn:sts::{account}:assumed-role/deployer/test"
    for purpose in ("release", "run"):
        with pytest.raises(Refused):
            run_command(shop.session, shop.env, Command(purpose, ("node",), 60, 256, 512, "v1"))
    assert calls(aws, "RegisterTaskDefinition", "RunTask") == []
