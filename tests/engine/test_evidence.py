"""A failure brings its own cause: the tasks, targets and log lines of what was wanted, and of nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakeaws.cloud import StoppedTask
from stage import Stage, assembly, environment, layer

from infragen.assembly.stacks import make_plan
from infragen.assembly.synth import Assembly
from infragen.engine.deploy import deploy_environment
from infragen.engine.destroy import destroy_environment
from infragen.engine.diagnose import diagnose
from infragen.engine.evidence import Span
from infragen.engine.image_pull import pull_remedy
from infragen.engine.options import Options
from infragen.engine.outcome import Failed
from infragen.engine.run import Deployment

GROUP = "/ecs/shop-dev-api"
GOOD, BAD = (
    "111111111111.dkr.ecr.us-east-1.amazonaws.com/shop:v1",
    "111111111111.dkr.ecr.us-east-1.amazonaws.com/shop:bad",
)


def app(topology: str, image: str, count: int = 1) -> Assembly:
    """A service whose container logs as ours do."""
    logs = {"LogDriver": "awslogs", "Options": {"awslogs-group": GROUP, "awslogs-stream-prefix": "api"}}
    container = {"Name": "api", "Image": image, "LogConfiguration": logs}
    definition = {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {"Family": "shop-api", "ContainerDefinitions": [container]},
    }
    given = {"TaskDefinition": {"Ref": "Task"}, "Cluster": "shop", "DesiredCount": count}
    service = {"Type": "AWS::ECS::Service", "Properties": given}
    return assembly(layer("api", {"Task": definition, "Service": service}), env=environment(topology))


def the_failure(result: Deployment) -> Failed:
    [found] = [each for each in result.outcomes if isinstance(each, Failed)]
    return found


def kinds(failed: Failed) -> list[str]:
    return [each.kind for each in failed.evidence]


def said(failed: Failed, kind: str) -> str:
    return "\n".join(each.text for each in failed.evidence if each.kind == kind)


@pytest.fixture
def crashing(stage: Stage, topology: str) -> Stage:
    """A deployed good image; the bad one exits with 3 and says why, and the password with it."""
    assert deploy_environment(app(topology, GOOD), stage.session).exit_code == 0
    stage.aws.settings.crashing[BAD] = (3, [])
    lines = [f"line {number}" for number in range(8)]
    for number in range(30):
        written = [*lines, "cannot find CONFIG", "DATABASE_URL=postgres://shop:hunter22@db/shop"]
        stage.aws.settings.logs[GROUP, f"api/api/{number}"] = written if number >= 10 else ["the old revision"]
    return stage


@pytest.mark.long
def test_an_update_that_was_rolled_back_names_the_tasks_of_the_wanted_revision(crashing: Stage, topology: str) -> None:
    """R1: exit code and log lines of the new revision; not those of the old one, which ended with 0."""
    crashing.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    failed = the_failure(deploy_environment(app(topology, BAD), crashing.session))
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "3 tasks stopped: Essential container in task exited; api: exit code 3" in said(failed, "task")
    assert "exit code 0" not in said(failed, "task")
    assert said(failed, "log").splitlines()[-2] == "cannot find CONFIG"
    assert len(said(failed, "log").splitlines()) == 5
    assert "aws logs tail /ecs/shop-dev-api --log-stream-names api/api/1" in failed.hint


@pytest.mark.long
def test_a_service_behind_a_complete_stack_names_the_last_tag_that_ran(crashing: Stage, topology: str) -> None:
    """R2: the remedy is the last good image and the log, never what was just rolled back."""
    [old] = definitions(crashing)
    crashing.aws.settings.ecs_running["Service"] = old
    failed = the_failure(deploy_environment(app(topology, BAD), crashing.session))
    assert failed.status == "UPDATE_COMPLETE"
    assert "3 tasks stopped: Essential container in task exited; api: exit code 3" in said(failed, "task")
    assert "exit code 0" not in said(failed, "task")
    assert "cannot find CONFIG" in said(failed, "log")
    assert "`infragen deploy --image-tag v1`" in failed.hint
    assert "bad" not in failed.hint
    assert "aws logs tail" in failed.hint


def definitions(stage: Stage) -> set[str]:
    events = (each for stack in stage.aws.cloud.stacks.values() for each in stack.events)
    return {each.physical_id for each in events if each.type == "AWS::ECS::TaskDefinition" and each.physical_id}


@pytest.mark.long
def test_what_an_application_logs_passes_the_mask(crashing: Stage, topology: str) -> None:
    """A password in a log line is hidden in the outcome and in what is told on the way."""
    crashing.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    failed = the_failure(deploy_environment(app(topology, BAD), crashing.session))
    assert said(failed, "log").splitlines()[-1] == "(secret)"
    assert "hunter22" not in f"{failed}{crashing.ui.told}"


@pytest.mark.long
def test_targets_that_are_not_healthy_are_told(crashing: Stage, topology: str) -> None:
    """The target group's reason: of targets that are there, and of those that only an event remembers."""
    crashing.aws.settings.target_groups["Service"] = ["arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/api/1"]
    health = [("10.0.0.4", "unhealthy", "Health checks failed with these codes: [502]"), ("10.0.0.5", "healthy", "")]
    crashing.aws.settings.target_health["arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/api/1"] = health
    unhealthy = "(service api) (port 3000) is unhealthy in (target-group api) due to (reason Health checks failed)"
    crashing.aws.settings.ecs_events["Service"] = ["has started 1 tasks", unhealthy]
    crashing.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    failed = the_failure(deploy_environment(app(topology, BAD), crashing.session))
    assert said(failed, "target").splitlines() == [
        "10.0.0.4:80 is unhealthy: Health checks failed with these codes: [502]",
        unhealthy,
    ]
    assert said(failed, "event") == "has started 1 tasks"


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("ecs:ListTasks", "task"), ("ecs:DescribeTasks", "task"), ("ecs:DescribeTaskDefinition", "log"),
        ("logs:GetLogEvents", "log"), ("ecs:DescribeServices", "event"),
    ],
)  # fmt: skip
def test_what_may_not_be_read_is_a_note_and_the_rest_is_told(
    crashing: Stage, topology: str, operation: str, kind: str
) -> None:
    """A11: each question by itself; the failure keeps its cause and its exit code."""
    crashing.aws.settings.ecs_events["Service"] = ["has started 1 tasks"]
    crashing.aws.refuse(operation, "AccessDeniedException", "not authorized", times=None)
    crashing.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    result = deploy_environment(app(topology, BAD), crashing.session)
    failed = the_failure(result)
    assert result.exit_code == 1
    assert failed.cause is not None
    assert operation in said(failed, "note")
    assert kind not in kinds(failed)
    assert len(set(kinds(failed))) > 1


PULL = (
    "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref "
    "111111111111.dkr.ecr.us-east-1.amazonaws.com/shop:bad: not found (RequestID: {}-1111-4222-8333-444455556666)"
)
SECRET = (
    "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: "
    "ResourceNotFoundException: Secrets Manager can't find the specified secret."
)
HEALTH = "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/api/1)"
SCALED = StoppedTask(
    "Scaling activity initiated by (deployment ecs-svc/2)", ({"name": "api", "exitCode": 137},),
    "ServiceSchedulerInitiated", after=19,
)  # fmt: skip
ENDS = {
    "exits at once, with 0": (
        (StoppedTask("Essential container in task exited", ({"name": "api", "exitCode": 0},)),),
        "a task stopped: Essential container in task exited; api: exit code 0 (",
    ),
    "out of memory": (
        (
            StoppedTask(
                "OutOfMemoryError: Container killed due to memory usage",
                ({"name": "api", "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"},),
            ),
        ),
        "api: exit code 137, OutOfMemoryError: Container killed",
    ),
    "no image": (
        tuple(StoppedTask(PULL.format(f"5f1b8a2{n}"), ({"name": "api"},), "TaskFailedToStart") for n in range(4)),
        "4 tasks stopped: CannotPullContainerError",
    ),
    "no secret": (
        (StoppedTask(SECRET, ({"name": "api"},), "TaskFailedToStart"),),
        "a task stopped: ResourceInitializationError: unable to pull secrets",
    ),
    "never healthy": (
        (StoppedTask(HEALTH, ({"name": "api", "exitCode": 143},), "ServiceSchedulerInitiated"),),
        "a task stopped: Task failed ELB health checks",
    ),
    "somebody stops another": (
        (
            StoppedTask("Task stopped by user", ({"name": "api", "exitCode": 137},), "UserInitiated", after=18),
            StoppedTask("Essential container in task exited", ({"name": "api", "exitCode": 0},)),
        ),
        "a task stopped: Essential container in task exited; api: exit code 0 (",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
@pytest.mark.parametrize("how", ENDS)
def test_what_ecs_stopped_itself_is_no_reason(stage: Stage, how: str, topology: str) -> None:
    """R1: the rollback ends tasks of the new revision too, later and with other exit codes; ids make no other way."""
    ends, expected = ENDS[how]
    assert deploy_environment(app(topology, GOOD), stage.session).exit_code == 0
    stage.aws.settings.task_ends[BAD] = (SCALED, *ends)
    for number in range(12, 12 + 1 + len(ends)):
        stage.aws.settings.logs[GROUP, f"api/api/{number}"] = ["of the rollback" if number == 12 else "its own words"]
    stage.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    failed = the_failure(deploy_environment(app(topology, BAD), stage.session))
    tasks = said(failed, "task").splitlines()
    assert expected in tasks[0]
    assert "Scaling activity" not in said(failed, "task")
    assert len([each for each in tasks if "CannotPull" in each]) <= 1
    assert said(failed, "log") == "its own words"


RESOLVE = "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref"
OURS = "111111111111.dkr.ecr.us-east-1.amazonaws.com/shop"
PULLS = {
    f"{RESOLVE} {OURS}:v2: not found": "no such image",
    f"{RESOLVE} {OURS}@sha256:{'0' * 64}: not found": "tag or digest",
    f"CannotPullContainerError: manifest for {OURS}:v2 not found: manifest unknown": "push it there",
    f"CannotPullContainerError: pull access denied for {OURS}, repository does not exist or may require a login": (
        "execution role may not pull it"
    ),
    f"{RESOLVE} 222222222222.dkr.ecr.us-east-1.amazonaws.com/shop:v2: 403 Forbidden": "another account",
    f"{RESOLVE} ghcr.io/acme/shop:v2: failed to authorize: 401 Unauthorized": "execution role may not pull it",
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable "
    "to retrieve ecr registry auth: AccessDeniedException: not authorized to perform: ecr:GetAuthorizationToken": (
        "ecr:GetAuthorizationToken"
    ),
    "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve ecr registry auth: "
    "RequestError: send request failed: dial tcp 10.0.0.1:443: i/o timeout": "endpoints ecr.api",
    f'{RESOLVE} {OURS}:v2: Head "https://{OURS}": dial tcp 10.0.0.1:443: i/o timeout': "do not reach the registry",
    "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'": "buildx",
    "CannotPullContainerError: toomanyrequests: You have reached your pull rate limit": "wait, or copy",
    "CannotPullContainerError: failed to extract layer: no space left on device": "ephemeral storage",
    "CannotPullContainerError: in words of tomorrow": "check the image's tag and repository",
    SECRET: "",
    "Essential container in task exited": "",
    "Task failed: file not found": "",
}


@pytest.mark.parametrize("words", PULLS)
def test_an_image_that_cannot_be_pulled_has_the_remedy_of_its_kind(words: str) -> None:
    """R1: missing, hidden, unreachable, of another platform; nothing where the image was pulled."""
    found = pull_remedy(words)
    assert PULLS[words] in found
    assert bool(found) is bool(PULLS[words])


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_a_missing_image_is_pushed_and_needs_no_new_tag(stage: Stage, topology: str) -> None:
    """R1: what to type next says so beside the way back, in the outcome and in `infragen diagnose`."""
    assert deploy_environment(app(topology, GOOD), stage.session).exit_code == 0
    stage.aws.settings.task_ends[BAD] = (StoppedTask(PULL.format("5f1b8a2"), ({"name": "api"},), "TaskFailedToStart"),)
    stage.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    failed = the_failure(deploy_environment(app(topology, BAD), stage.session))
    assert "the registry has no such image" in failed.hint
    assert "push the image under a new tag" not in failed.hint
    [later] = diagnose(make_plan(app(topology, BAD)), stage.session)
    assert "the registry has no such image" in later.hint


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_a_task_that_never_ran_has_no_log_to_read(stage: Stage, topology: str) -> None:
    """Its stream does not exist: no command that would show nothing."""
    assert deploy_environment(app(topology, GOOD), stage.session).exit_code == 0
    stage.aws.settings.task_ends[BAD] = ENDS["no image"][0]
    stage.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    failed = the_failure(deploy_environment(app(topology, BAD), stage.session))
    assert "CannotPullContainerError" in said(failed, "task")
    assert kinds(failed) == ["task"]
    assert "aws logs tail" not in failed.hint


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_the_log_is_that_of_the_container_that_ended_the_task(stage: Stage, topology: str) -> None:
    """Not of one that was asked to end because of it, though it comes first and has a code as well."""
    made = app(topology, BAD)
    task = made.templates[0].body["Resources"]["Task"]["Properties"]
    [api] = task["ContainerDefinitions"]
    proxy = {**api, "Name": "proxy", "Image": "proxy:1"}
    task["ContainerDefinitions"] = [proxy, api]
    ended = ({"name": "proxy", "exitCode": 143}, {"name": "api", "exitCode": 1})
    stage.aws.settings.task_ends[BAD] = (StoppedTask("Essential container in task exited", ended),)
    stage.aws.settings.logs[GROUP, "api/proxy/2"] = ["asked to end"]
    stage.aws.settings.logs[GROUP, "api/api/2"] = ["no such table"]
    stage.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", after=20)
    failed = the_failure(deploy_environment(made, stage.session))
    assert said(failed, "log") == "no such table"


@pytest.mark.long
def test_tasks_that_stopped_before_the_update_are_not_blamed(stage: Stage, topology: str) -> None:
    """The same task definition, as where only the service changes: what ended before it began explains nothing."""
    stage.aws.settings.task_ends[GOOD] = (StoppedTask("Task stopped", ({"name": "api", "exitCode": 9},)),)
    assert deploy_environment(app(topology, GOOD), stage.session).exit_code == 0
    stage.aws.clock.sleep(600)
    stage.aws.fail("Service", "Service did not stabilize", on="update", after=20)
    failed = the_failure(deploy_environment(app(topology, GOOD, 2), stage.session))
    assert said(failed, "task") == ""


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_what_ecs_writes_of_every_deployment_comes_last(crashing: Stage, topology: str) -> None:
    """Three events are shown; after a rollback the newest are that all is well again."""
    crashing.aws.settings.ecs_events["Service"] = [
        "(service api) has reached a steady state.", "(service api) (deployment ecs-svc/1) deployment completed.",
        "(service api) has started 1 tasks: (task 1).", "(service api) rolling back to deployment ecs-svc/1.",
        "(service api) (deployment ecs-svc/2) deployment failed: tasks failed to start.",
    ]  # fmt: skip
    crashing.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    failed = the_failure(deploy_environment(app(topology, BAD), crashing.session))
    assert [each.split(") ")[-1] for each in said(failed, "event").splitlines()[:2]] == [
        "rolling back to deployment ecs-svc/1.", "deployment failed: tasks failed to start.",
    ]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_of_many_targets_the_first_are_told_and_new_ones_are_not(crashing: Stage, topology: str) -> None:
    """A target that was registered a moment ago is not unhealthy."""
    arn = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/api/1"
    crashing.aws.settings.target_groups["Service"] = [arn]
    new = [("10.0.1.1", "initial", "Target registration is in progress")]
    bad = [(f"10.0.0.{n}", "unhealthy", "Health checks failed") for n in range(5)]
    crashing.aws.settings.target_health[arn] = [*new, *bad]
    crashing.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    failed = the_failure(deploy_environment(app(topology, BAD), crashing.session))
    told = said(failed, "target").splitlines()
    assert told[0] == "10.0.0.0:80 is unhealthy: Health checks failed"
    assert told[3:] == ["and 2 more targets"]


FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {"FunctionName": "shop-dev-worker", "Handler": "index.handler"},
}
LINES = [
    "INIT_START Runtime Version: nodejs:22", "START RequestId: 1", "Error: Cannot find module 'pg'",
    "    at Module._load",
    "END RequestId: 1", "REPORT RequestId: 1 Duration: 3 ms",
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("failing", ["Function", "Custom"])
def test_what_failed_in_lambda_brings_its_log_lines(stage: Stage, topology: str, failing: str) -> None:
    """The function's own words, of a function that CloudFormation fails on and of one behind a custom resource."""
    custom: dict[str, Any] = {
        "Type": "Custom::Migration",
        "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}},
    }
    stage.aws.settings.logs["/aws/lambda/shop-dev-worker", "2026/03/01/[$LATEST]1"] = LINES
    stage.aws.fail(failing, "the resource did not stabilise", after=5)
    made = assembly(layer("worker", {"Function": FUNCTION, "Custom": custom}), env=environment(topology))
    failed = the_failure(deploy_environment(made, stage.session))
    assert said(failed, "log").splitlines() == ["Error: Cannot find module 'pg'", "at Module._load"]
    assert "aws logs tail /aws/lambda/shop-dev-worker" in failed.hint


ROUTINE = [
    '{"time": "2026-03-01T12:00:00Z", "type": "platform.start", "record": {"requestId": "1"}}',
    '{"type":"platform.report","time":"2026-03-01T12:00:00Z","record":{"requestId":"1","status":"success"}}',
    "REPORT RequestId: 1 Duration: 3 ms",
]
OWN = [
    '{"time":"2026-03-01T12:00:00Z","level":"error","message":"no table jobs"}',
    '{"time":"2026-03-01T12:00:00Z","type":"platform.report","record":{"requestId":"1","status":"timeout"}}',
    "REPORT RequestId: 1 Duration: 3000 ms Status: timeout",
    '{"type": "order"}',
]


@pytest.mark.long
def test_what_lambda_writes_is_left_out_only_where_it_tells_of_no_failure(stage: Stage) -> None:
    """In JSON as well as in text; a function's own line may begin as Lambda's do."""
    stage.aws.settings.logs["/aws/lambda/shop-dev-worker", "2026/03/01/[$LATEST]1"] = [*ROUTINE, *OWN, *ROUTINE]
    stage.aws.fail("Function", "the resource did not stabilise", after=5)
    made = assembly(layer("worker", {"Function": FUNCTION}), env=environment("independent"))
    failed = the_failure(deploy_environment(made, stage.session))
    assert said(failed, "log").splitlines() == OWN


def test_the_log_of_anothers_function_of_that_name_is_no_evidence(stage: Stage, topology: str) -> None:
    """It was there before: what it wrote explains nothing, and `diagnose` shows none of it later either."""
    stage.aws.settings.logs["/aws/lambda/shop-dev-worker", "2026/03/01/[$LATEST]1"] = LINES
    stage.aws.fail("Function", "Function already exist: shop-dev-worker", after=5)
    made = assembly(layer("worker", {"Function": FUNCTION}), env=environment(topology))
    failed = the_failure(deploy_environment(made, stage.session))
    for each in (failed, *diagnose(make_plan(made), stage.session)):
        assert kinds(each) == []
        assert "find out whose shop-dev-worker is" in each.hint
        assert "aws logs tail" not in each.hint


@pytest.mark.long
def test_a_function_that_never_wrote_says_so(stage: Stage, topology: str) -> None:
    """A function without a log group, and without a stream in it."""
    stage.aws.fail("Function", "no such bucket", after=5)
    made = assembly(layer("worker", {"Function": FUNCTION}), env=environment(topology))
    failed = the_failure(deploy_environment(made, stage.session))
    gone = "/aws/lambda/shop-dev-worker has no line of the function: it wrote none, or its log is gone"
    assert said(failed, "note") == gone
    assert "aws logs tail" not in failed.hint


NAMED = "2026/03/01/[$LATEST]1111111111111111111111111111111a"


def with_custom(topology: str, version: str = "1", group: str = "") -> Assembly:
    """A function and a custom resource behind it; with a log group of its own."""
    logs = {"LoggingConfig": {"LogGroup": group}} if group else {}
    function = {**FUNCTION, "Properties": {**FUNCTION["Properties"], **logs}}  # type: ignore[dict-item]  # its Properties are a mapping
    token = {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Version": version}
    custom = {"Type": "Custom::Migration", "Properties": token}
    return assembly(layer("worker", {"Function": function, "Custom": custom}), env=environment(topology))


@pytest.mark.long
def test_the_stream_that_a_custom_resource_names_is_read(stage: Stage, topology: str) -> None:
    """cfn-response names the stream of the very call; the newest may be another's."""
    stage.aws.settings.logs["/aws/lambda/shop-dev-worker", NAMED] = ["no such table"]
    stage.aws.settings.logs["/aws/lambda/shop-dev-worker", "2026/03/01/[$LATEST]2"] = ["all is well"]
    reason = (
        f"Received response status [FAILED] from custom resource. See the details in CloudWatch Log Stream: {NAMED}"
    )
    stage.aws.fail("Custom", f"Message returned: {reason} (RequestId: 5f1b8a2e-1111-4222-8333-444455556666)", after=5)
    failed = the_failure(deploy_environment(with_custom(topology), stage.session))
    assert said(failed, "log") == "no such table"
    assert f"--log-stream-names '{NAMED}'" in failed.hint


@pytest.mark.long
def test_what_a_function_wrote_before_or_after_the_operation_is_no_evidence(stage: Stage, topology: str) -> None:
    """A function with traffic writes all day; another of its streams may have the words."""
    assert deploy_environment(with_custom(topology), stage.session).exit_code == 0
    now = stage.aws.clock.now().timestamp()
    group = "/aws/lambda/shop-dev-worker"
    stage.aws.settings.logs[group, "2026/03/01/[$LATEST]1"] = ["of the operation"]
    stage.aws.settings.logs[group, "2026/03/01/[$LATEST]2"] = ["of another order"]
    stage.aws.settings.log_times[group, "2026/03/01/[$LATEST]2"] = now - 600
    stage.aws.fail(
        "Custom", "CloudFormation did not receive a response from your Custom Resource.", on="update", after=5
    )
    allowed = Options(allow_data_loss=frozenset({"worker/Custom"}))
    failed = the_failure(deploy_environment(with_custom(topology, "2"), stage.session, allowed))
    assert said(failed, "log") == "of the operation"
    stage.aws.settings.log_times[group, "2026/03/01/[$LATEST]1"] = now + 10
    stage.aws.clock.sleep(9000)
    stage.aws.settings.logs[group, "2026/03/01/[$LATEST]3"] = ["of another day"]
    [later] = diagnose(make_plan(with_custom(topology, "2")), stage.session)
    assert said(later, "log") == "of the operation"
    assert "--since 2026-03-01T12:0" in later.hint


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_a_function_that_is_gone_wrote_where_it_was_told_to(stage: Stage, topology: str) -> None:
    """A rollback deleted it; its log group may have another name than the default one."""
    stage.aws.settings.logs["/shop/worker", "2026/03/01/[$LATEST]1"] = ["Error: Cannot find module 'pg'"]
    stage.aws.fail("Custom", "no answer", after=5)
    stage.aws.refuse("lambda:GetFunctionConfiguration", "ResourceNotFoundException", "not found", None, 404)
    failed = the_failure(deploy_environment(with_custom(topology, group="/shop/worker"), stage.session))
    assert said(failed, "log") == "Error: Cannot find module 'pg'"


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_a_custom_resource_that_speaks_of_what_exists_has_its_own_log(stage: Stage, topology: str) -> None:
    """Its words are about its own doing, and not about a resource of that name."""
    stage.aws.settings.logs["/aws/lambda/shop-dev-worker", NAMED] = ["relation jobs already exists"]
    stage.aws.fail("Custom", 'Received response status [FAILED]: relation "jobs" already exists', after=5)
    failed = the_failure(deploy_environment(with_custom(topology), stage.session))
    assert said(failed, "log") == "relation jobs already exists"
    assert "find out whose" not in failed.hint


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_what_fails_on_its_deletion_brings_its_log_too(stage: Stage, topology: str) -> None:
    """A custom resource that cannot be deleted."""
    made = with_custom(topology)
    assert deploy_environment(made, stage.session).exit_code == 0
    stage.aws.settings.logs["/aws/lambda/shop-dev-worker", NAMED] = ["the table is not empty"]
    stage.aws.fail("Custom", "Received response status [FAILED]", on="delete", after=5)
    [failed] = [e for e in destroy_environment(made.environment, stage.session).outcomes if isinstance(e, Failed)]
    assert said(failed, "log") == "the table is not empty"


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
def test_what_lambda_says_of_a_version_is_what_the_function_wrote(stage: Stage, topology: str) -> None:
    """The init error of provisioned concurrency fails the version; its id names the function."""
    version = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}}}
    stage.aws.settings.logs["/aws/lambda/shop-dev-worker", NAMED] = ["INIT_REPORT Init Duration: 3 ms", "no module pg"]
    stage.aws.fail("Version", "Provisioned Concurrency configuration failed. FUNCTION_ERROR_INIT_FAILURE", after=5)
    made = assembly(layer("worker", {"Function": FUNCTION, "Version": version}), env=environment(topology))
    failed = the_failure(deploy_environment(made, stage.session))
    assert said(failed, "log") == "no module pg"


DENIAL = {
    "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "errorCode": "AccessDenied",
    "errorMessage": "not authorized to perform s3:GetObject", "userIdentity": {"arn": "arn:aws:iam::1:role/deployer"},
}  # fmt: skip


def told_later(stage: Stage, topology: str, image: str) -> tuple[Failed, ...]:
    return diagnose(make_plan(app(topology, image)), stage.session)


@pytest.mark.long
def test_diagnose_tells_all_of_it_again_later(crashing: Stage, topology: str) -> None:
    """The cause, the tasks and log lines of the wanted revision, and what AWS denied meanwhile; nothing is changed."""
    crashing.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    then = the_failure(deploy_environment(app(topology, BAD), crashing.session))
    before = crashing.aws.clock.now().timestamp()
    for place in range(3):  # two pages of the fake
        crashing.aws.settings.denied.append({"EventId": str(place), "EventTime": before, "CloudTrailEvent": DENIAL})
    crashing.aws.settings.denied.append({"EventId": "old", "EventTime": before - 9000, "CloudTrailEvent": DENIAL})
    crashing.aws.calls.clear()
    [found] = told_later(crashing, topology, BAD)
    assert found.cause is not None
    assert then.cause is not None
    assert found.cause.reason == then.cause.reason
    assert said(found, "task") == said(then, "task")
    assert said(found, "log") == said(then, "log")
    assert said(found, "denied").count("s3:GetObject for arn:aws:iam::1:role/deployer: not authorized") == 3
    assert crashing.aws.mutations() == []


@pytest.mark.long
def test_diagnose_after_hours_says_that_the_tasks_are_forgotten(crashing: Stage, topology: str) -> None:
    """ECS lists stopped tasks for about an hour, and what it says since is of another day."""
    crashing.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    deploy_environment(app(topology, BAD), crashing.session)
    crashing.aws.clock.sleep(7200)
    crashing.aws.settings.ecs_events["Service"] = ["(service api) was unable to place a task, today"]
    [found] = told_later(crashing, topology, BAD)
    assert found.cause is not None
    assert kinds(found) == ["note"]
    assert "ECS lists no stopped task of" in said(found, "note")


@pytest.mark.long
@pytest.mark.parametrize("topology", ["independent"])
@pytest.mark.parametrize(
    "code", ["Client.UnauthorizedOperation", "AuthorizationError", "ForbiddenException", "NotAuthorized", "Throttling"]
)
def test_each_service_has_its_own_word_for_a_denied_call(crashing: Stage, code: str, topology: str) -> None:
    """CloudTrail records it as the service wrote it; anything else is no denial."""
    crashing.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    deploy_environment(app(topology, BAD), crashing.session)
    record = {"EventId": "1", "EventTime": crashing.aws.clock.now().timestamp()}
    crashing.aws.settings.denied.append({**record, "CloudTrailEvent": {**DENIAL, "errorCode": code}})
    [found] = told_later(crashing, topology, BAD)
    assert ("denied" in kinds(found)) is (code != "Throttling")


@pytest.mark.long
def test_diagnose_without_cloudtrail_says_so(crashing: Stage, topology: str) -> None:
    """A11: a note, and the rest is told."""
    crashing.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    deploy_environment(app(topology, BAD), crashing.session)
    crashing.aws.refuse("cloudtrail:LookupEvents", "AccessDeniedException", "not authorized", times=None)
    [found] = told_later(crashing, topology, BAD)
    assert "cloudtrail:LookupEvents" in said(found, "note")
    assert said(found, "task")


@pytest.mark.long
def test_diagnose_finds_a_service_behind_a_complete_stack_and_nothing_where_nothing_failed(
    crashing: Stage, topology: str
) -> None:
    """R2: what runs is compared with what the stack says, later too."""
    [old] = definitions(crashing)
    assert told_later(crashing, topology, GOOD) == ()
    crashing.aws.settings.ecs_running["Service"] = old
    deploy_environment(app(topology, BAD), crashing.session)
    [found] = told_later(crashing, topology, BAD)
    assert found.status == "UPDATE_COMPLETE"
    assert "exit code 3" in said(found, "task")


def test_a_time_in_whole_seconds_counts_in_the_second_in_which_an_operation_began() -> None:
    """A task that stopped in it is evidence; one of the second before is another operation's."""
    began = datetime(2026, 3, 1, 12, 0, 5, 400_000, tzinfo=UTC)
    stopped = began.replace(microsecond=0)
    assert Span(began).has(stopped)
    assert not Span(began).has(stopped - timedelta(seconds=1))
    assert Span(None, began).has(stopped)
    assert not Span(None, began).has(stopped + timedelta(seconds=1))
