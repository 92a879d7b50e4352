"""A failure brings its own cause: the tasks, targets and log lines of what was wanted, and of nothing else."""

from typing import Any

import pytest
from stage import Stage, assembly, environment, layer

from infragen.assembly.stacks import make_plan
from infragen.assembly.synth import Assembly
from infragen.engine.deploy import deploy_environment
from infragen.engine.diagnose import diagnose
from infragen.engine.outcome import Failed
from infragen.engine.run import Deployment

GROUP = "/ecs/shop-dev-api"
GOOD, BAD = (
    "111111111111.dkr.ecr.us-east-1.amazonaws.com/shop:v1",
    "111111111111.dkr.ecr.us-east-1.amazonaws.com/shop:bad",
)


def app(topology: str, image: str) -> Assembly:
    """A service whose container logs as ours do."""
    logs = {"LogDriver": "awslogs", "Options": {"awslogs-group": GROUP, "awslogs-stream-prefix": "api"}}
    container = {"Name": "api", "Image": image, "LogConfiguration": logs}
    definition = {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {"Family": "shop-api", "ContainerDefinitions": [container]},
    }
    service = {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": {"Ref": "Task"}, "Cluster": "shop"}}
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


def test_what_an_application_logs_passes_the_mask(crashing: Stage, topology: str) -> None:
    """A password in a log line is hidden in the outcome and in what is told on the way."""
    crashing.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    failed = the_failure(deploy_environment(app(topology, BAD), crashing.session))
    assert said(failed, "log").splitlines()[-1] == "(secret)"
    assert "hunter22" not in f"{failed}{crashing.ui.told}"


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


FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {"FunctionName": "shop-dev-worker", "Handler": "index.handler"},
}
LINES = [
    "INIT_START Runtime Version: nodejs:22", "START RequestId: 1", "Error: Cannot find module 'pg'",
    "    at Module._load",
    "END RequestId: 1", "REPORT RequestId: 1 Duration: 3 ms",
]  # fmt: skip


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


def test_a_function_that_never_wrote_says_so(stage: Stage, topology: str) -> None:
    """A function without a log group, and without a stream in it."""
    stage.aws.fail("Function", "no such bucket", after=5)
    made = assembly(layer("worker", {"Function": FUNCTION}), env=environment(topology))
    failed = the_failure(deploy_environment(made, stage.session))
    assert said(failed, "note") == "the function wrote nothing to /aws/lambda/shop-dev-worker"


DENIAL = {
    "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "errorCode": "AccessDenied",
    "errorMessage": "not authorized to perform s3:GetObject", "userIdentity": {"arn": "arn:aws:iam::1:role/deployer"},
}  # fmt: skip


def told_later(stage: Stage, topology: str, image: str) -> tuple[Failed, ...]:
    return diagnose(make_plan(app(topology, image)), stage.session)


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


def test_diagnose_without_cloudtrail_says_so(crashing: Stage, topology: str) -> None:
    """A11: a note, and the rest is told."""
    crashing.aws.fail("Service", "ECS Deployment Circuit Breaker was triggered", on="update", after=20)
    deploy_environment(app(topology, BAD), crashing.session)
    crashing.aws.refuse("cloudtrail:LookupEvents", "AccessDeniedException", "not authorized", times=None)
    [found] = told_later(crashing, topology, BAD)
    assert "cloudtrail:LookupEvents" in said(found, "note")
    assert said(found, "task")


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
