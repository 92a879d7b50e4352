"""Why a deployment failed, and what to type next: `deploy`, `status` and `diagnose` through the command line, on the
fake AWS, in both topologies.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from bench import NETWORK, QUEUES, at_work, head, make_bucket, once
from click.testing import Result
from commands import CommandLine
from fakeaws import FakeAws

from infragen.cli import main
from infragen.config import load_environment

SMALL = NETWORK + QUEUES + "    max_receives: {receives}\n"
SECTIONS = f"""{SMALL}workers:
  - name: mailer
    queue: jobs
api:
  https: {{{{ mode: http_only }}}}
  ingress_cidrs: [203.0.113.0/24]
  cpu: {{cpu}}
  memory: 1024
  min_tasks: 1
  max_tasks: {{tasks}}
"""
BREAKER = "ECS Deployment Circuit Breaker was triggered"
TOPOLOGIES = ("nested", "independent")
Run = Callable[..., Result]


def write(directory: Path, topology: str, receives: int = 5, tasks: int = 2, cpu: int = 256) -> Path:
    file = directory / "environments" / "test.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(head(topology=topology) + SECTIONS.format(receives=receives, tasks=tasks, cpu=cpu))
    return file


@pytest.fixture(params=TOPOLOGIES)
def topology(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def run(aws: FakeAws, tmp_path: Path, findings: Path, topology: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the environment `test`, which has its bucket; by default it must end in 0."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    bench = at_work(aws, load_environment(write(tmp_path, topology)))
    make_bucket(aws, bench.env, bench.session)
    aws.settings.images["shop-test-api"] = dict.fromkeys(("v1", "v2"), ("linux/arm64",))

    def invoke(*command: str, code: int = 0) -> Result:
        result = CommandLine(aws.clock).invoke(main, [*command, "--env", "test", "--endpoint-url", aws.url])
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def live(aws: FakeAws, run: Run) -> Run:
    """The environment runs the image v1; v2 ends with exit code 3 and says why, and a password with it."""

    def deploy() -> None:
        run("deploy", "--yes")
        run("deploy", "--yes", "--image-tag", "v1")

    once(aws, Path("environments/test.yaml").read_text(), deploy)
    resources = [each for stack in aws.cloud.stacks.values() for each in stack.resources.values()]
    [task] = [each for each in resources if each.type == "AWS::ECS::TaskDefinition"]
    [image] = [each["Image"] for each in task.properties["ContainerDefinitions"] if each["Image"].endswith(":v1")]
    aws.settings.crashing[image.replace(":v1", ":v2")] = (3, [])
    for number in range(30):
        written = ["cannot find CONFIG", "DATABASE_URL=postgres://shop:hunter22@db/shop"]
        aws.settings.logs["/ecs/shop-test-api", f"api/api/{number}"] = written
    return run


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.long
def test_a_rolled_back_image_names_the_last_good_tag_and_the_log(aws: FakeAws, live: Run, topology: str) -> None:
    """R1: in the outcome, in `status` and in `diagnose`, text and JSON; what was rolled back is never repeated."""
    aws.fail("Service", BREAKER, on="update", after=20)
    told = [one_line(live("deploy", "--yes", "--image-tag", "v2", code=1).stdout)]
    aws.mend()
    told += [one_line(live(command).stdout) for command in ("status", "diagnose")]
    for each in told:
        assert BREAKER in each
        assert f"`infragen deploy --env test --endpoint-url {aws.url} --image-tag v1`" in each
        assert "--image-tag v2" not in each
    for each in (told[0], told[2]):
        assert "api: exit code 3" in each
        assert "cannot find CONFIG" in each
        assert "`aws logs tail /ecs/shop-test-api --log-stream-names api/api/" in each
        assert "hunter22" not in each
    [failure] = json.loads(live("diagnose", "--format", "json").stdout)["failures"]
    assert "--image-tag v1" in failure["hint"]
    assert {each["kind"] for each in failure["evidence"]} >= {"task", "log"}
    assert "hunter22" not in str(failure)


@pytest.mark.long
def test_an_image_that_was_rolled_back_with_something_else_is_named_too(
    aws: FakeAws, live: Run, topology: str, tmp_path: Path
) -> None:
    """R1: the cause is elsewhere; the new image is gone with it, which only the tag says."""
    write(tmp_path, topology, tasks=3)
    aws.fail("ScalableTarget", "too many of them", on="update", after=20)
    told = one_line(live("deploy", "--yes", "--image-tag", "v2", code=1).stdout)
    assert "too many of them" in told
    assert "with the image v1" in told
    assert "--image-tag v1`" in told


@pytest.mark.long
def test_a_rollback_without_another_image_names_no_tag(aws: FakeAws, live: Run, topology: str, tmp_path: Path) -> None:
    """Nothing of an image changed: only the cause is to be fixed."""
    write(tmp_path, topology, receives=7)
    aws.fail("JobsQueue", "too many of them", on="update", after=20)
    told = one_line(live("deploy", "--yes", code=1).stdout)
    assert "the stack is as it was before; fix the cause and deploy again" in told
    assert "--image-tag" not in told


@pytest.mark.long
def test_another_setting_of_the_same_image_names_no_tag(aws: FakeAws, live: Run, topology: str, tmp_path: Path) -> None:
    """R1: the task definition changed and not its image: with that tag the deployment would fail once more."""
    write(tmp_path, topology, cpu=512)
    aws.fail("Service", BREAKER, on="update", after=20)
    told = [live("deploy", "--yes", code=1).stdout, live("status").stdout, live("diagnose").stdout]
    for each in map(one_line, told):
        assert "the stack is as it was before; fix why its tasks do not stay up and deploy again" in each
        assert "--image-tag" not in each


DENIED = {
    "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "errorCode": "AccessDenied",
    "errorMessage": "not authorized to perform s3:GetObject", "userIdentity": {"arn": "arn:aws:iam::1:role/deployer"},
}  # fmt: skip
FUNCTIONS = {
    "Lambda init error": (
        "workers:\n  - name: mailer\n    queue: jobs\n", "MailerFunction", "AWS::Lambda::Function", "shop-test-mailer",
    ),
    "custom resource": (
        "database: { min_acu: 0.5, max_acu: 1, deletion: delete }\n",
        "Credentials", "Custom::DatabaseCredentials", "shop-test-database-credentials",
    ),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("failing", FUNCTIONS)
def test_diagnose_tells_what_a_function_wrote_and_what_aws_denied(
    aws: FakeAws, run: Run, topology: str, tmp_path: Path, failing: str
) -> None:
    """Of a function that failed itself and of one behind a custom resource; CloudTrail's denied calls, and where they
    may not be read a note. Text and JSON; nothing is changed by it.
    """
    section, logical_id, kind, function = FUNCTIONS[failing]
    text = head(topology=topology) + SMALL.format(receives=5) + section
    (tmp_path / "environments" / "test.yaml").write_text(text)
    lines = ["INIT_START Runtime Version: nodejs:24", "Error: Cannot find module 'pg'", "PGPASSWORD=hunter22"]
    aws.settings.logs[f"/aws/lambda/{function}", "2026/11/29/[$LATEST]1"] = lines
    aws.fail(logical_id, "the resource did not stabilise", after=5)
    run("deploy", "--yes", "--on-failure", "keep", code=1)
    when = aws.clock.now().timestamp()
    aws.settings.denied.append({"EventId": "1", "EventTime": when, "CloudTrailEvent": DENIED})
    before = aws.mutations()
    text, found = one_line(run("diagnose").stdout), json.loads(run("diagnose", "--format", "json").stdout)
    [failure] = found["failures"]
    told = " ".join(each["text"] for each in failure["evidence"])
    for each in (text, f"{told} {failure['hint']} {failure['cause']}"):
        assert "Error: Cannot find module 'pg'" in each
        assert "INIT_START" not in each
        assert "hunter22" not in each
        assert "s3:GetObject for arn:aws:iam::1:role/deployer: not authorized" in each
        assert f"aws logs tail /aws/lambda/{function}" in each
        assert logical_id in each
        assert kind in each
    aws.refuse("cloudtrail:LookupEvents", "AccessDeniedException", "no", times=None)
    denied = one_line(run("diagnose").stdout)
    assert "cloudtrail:LookupEvents" in denied
    assert "Cannot find module" in denied
    assert aws.mutations() == before


def test_diagnose_of_what_did_not_fail_says_so(run: Run) -> None:
    """Nothing deployed, and nothing that failed: exit code 0, an empty list."""
    assert run("diagnose").stdout == "test: no stack's last operation failed\n"
    assert json.loads(run("diagnose", "--format", "json").stdout)["failures"] == []
