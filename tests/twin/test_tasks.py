"""Tasks run as ECS runs them: their environment, their output, and every way in which they can end."""

import json
import os
import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from emulator import Clients
from twins import ended, lines, until

from infragen.machine.emulator import Emulator

Put = Callable[..., dict[str, Any]]

GROUP = "/ecs/shop"


@pytest.fixture(scope="module")
def ecs(twin_client: Clients) -> Any:
    """Return a twin_client of ECS with a cluster and a log group."""
    twin_client("ecs").create_cluster(clusterName="shop")
    twin_client("logs").create_log_group(logGroupName=GROUP)
    return twin_client("ecs")


@pytest.fixture(scope="module")
def run(ecs: Any, twin_put: Put, twin_uri: str) -> Callable[..., str]:
    """Return a function that runs a program as a task of one container and returns its ARN."""

    def task(program: str, override: dict[str, Any] | None = None, image: str = "", **definition: Any) -> str:
        named = image or f"{twin_uri}:{twin_put(program)['tag']}"
        options = {"awslogs-group": GROUP, "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "x"}
        logs = {"logDriver": "awslogs", "options": options}
        container = {"name": "api", "image": named, "logConfiguration": logs, **definition}
        registered = ecs.register_task_definition(
            family="one",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )["taskDefinition"]["taskDefinitionArn"]
        overrides = {"containerOverrides": [{"name": "api", **override}]} if override else {}
        started = ecs.run_task(cluster="shop", taskDefinition=registered, launchType="FARGATE", overrides=overrides)
        return str(started["tasks"][0]["taskArn"])

    return task


def test_a_task_has_the_environment_of_its_definition_and_nothing_of_the_users(
    ecs: Any, run: Callable[..., str], twin_client: Clients, twin: Emulator
) -> None:
    """Variables, secrets and an override arrive; of the shell that started the emulator nothing does."""
    secret = twin_client("secretsmanager").create_secret(Name="db", SecretString=json.dumps({"url": "postgresql://x"}))[
        "ARN"
    ]
    task = run(
        "console.log('env ' + JSON.stringify(process.env))",
        {"environment": [{"name": "FROM", "value": "override"}]},
        environment=[{"name": "FROM", "value": "definition"}, {"name": "PORT", "value": "3000"}],
        secrets=[{"name": "DATABASE_URL", "valueFrom": f"{secret}:url::"}],
    )
    assert ended(ecs, task)["containers"][0]["exitCode"] == 0
    said = next(line for line in lines(twin_client("logs"), GROUP) if line.startswith("env {"))
    found = json.loads(said.removeprefix("env "))
    assert (found["FROM"], found["PORT"], found["DATABASE_URL"]) == ("override", "3000", "postgresql://x")
    assert found["AWS_ENDPOINT_URL"] == twin.endpoint_url
    assert found["HOME"] == found["TMPDIR"] != str(twin.state_dir)
    documented = {
        *("PATH", "HOME", "TMPDIR", "HOSTNAME", "AWS_ENDPOINT_URL", "ECS_CONTAINER_METADATA_URI_V4", "NODE_OPTIONS"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"),
        *("INFRAGEN_TASK_ADDRESS", "INFRAGEN_TASK_PORTS", "INFRAGEN_STARTED_BY"),
    }
    assert set(found) - documented == {"FROM", "PORT", "DATABASE_URL"}


def test_a_task_reaches_its_metadata(ecs: Any, run: Callable[..., str], twin_client: Clients) -> None:
    """The address in ECS_CONTAINER_METADATA_URI_V4 answers without credentials, as on AWS."""
    program = """
      fetch(process.env.ECS_CONTAINER_METADATA_URI_V4 + '/task').then((answer) => answer.json())
        .then((task) => console.log('metadata ' + task.Family));
    """
    assert ended(ecs, run(program))["containers"][0]["exitCode"] == 0
    assert "metadata one" in lines(twin_client("logs"), GROUP)


@pytest.mark.parametrize(
    ("program", "reason", "code"),
    [
        ("process.exit(3)", "Essential container exited", 3),
        ("process.kill(process.pid, 'SIGKILL'); setTimeout(() => {}, 9e4)", "Essential container exited", 137),
        (
            "const kept = []; setInterval(() => kept.push(Buffer.alloc(64e6, 1)), 20)",
            "OutOfMemoryError: Container killed due to memory usage",
            137,
        ),
    ],
)
def test_a_task_that_ends_by_itself_says_how(
    ecs: Any, run: Callable[..., str], program: str, reason: str, code: int
) -> None:
    """Exit code and reason are ECS's: its own code, 128 and the signal, and a container that took too much memory."""
    task = ended(ecs, run(program))
    assert (task["stoppedReason"], task["stopCode"]) == (reason, "EssentialContainerExited")
    assert task["containers"][0]["exitCode"] == code


def test_a_task_that_cannot_start_says_why(ecs: Any, run: Callable[..., str], twin_uri: str) -> None:
    """A missing image, a foreign one, a missing secret and a missing program are told apart, in ECS's words."""
    missing = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:none-abcdef"
    told = [
        ended(ecs, task)["stoppedReason"]
        for task in (
            run("", image=f"{twin_uri}:none"),
            run("", image="docker.io/library/nginx:1"),
            run("", secrets=[{"name": "A", "valueFrom": missing}]),
            run("", command=["no-such-program"]),
        )
    ]
    assert told[0].startswith("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to")
    assert told[1].startswith("CannotPullContainerError: ")
    assert told[2].startswith("ResourceInitializationError: unable to pull secrets or registry auth: ")
    assert told[3].startswith("CannotStartContainerError: ")


def test_a_task_that_is_stopped_gets_sigterm_and_sigkill_after_its_stop_timeout(
    ecs: Any, run: Callable[..., str], twin_client: Clients
) -> None:
    """One that leaves on SIGTERM has its own exit code; one that does not is killed after `stopTimeout`."""
    polite = run("process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 9e4); console.log('polite')")
    stubborn = run(
        "process.on('SIGTERM', () => {}); setInterval(() => {}, 9e4); console.log('stubborn')", stopTimeout=2
    )
    until(lambda: {"polite", "stubborn"} <= set(lines(twin_client("logs"), GROUP)), "the start of both")
    for task in (polite, stubborn):
        ecs.stop_task(cluster="shop", task=task, reason="enough")
    stopped = [ended(ecs, task) for task in (polite, stubborn)]
    assert [task["containers"][0]["exitCode"] for task in stopped] == [7, 137]
    assert {(task["stopCode"], task["stoppedReason"]) for task in stopped} == {("UserInitiated", "enough")}


def test_the_same_directory_is_the_same_image_and_a_tag_keeps_its_meaning(twin_put: Put, twin_client: Clients) -> None:
    """The digest is of names and contents; a known tag is refused for another, as by ECR, and nothing changes."""
    first, again = twin_put("1", "v1"), twin_put("1", "v1")
    assert (first["new"], again["new"], first["digest"]) == (True, False, again["digest"])
    other = twin_put("1", "v1", more="a file")
    assert other["code"] == "ImageTagAlreadyExistsException"
    found = twin_client("ecr").describe_images(repositoryName="shop", imageIds=[{"imageTag": "v1"}])
    assert found["imageDetails"][0]["imageDigest"] == first["digest"]


def test_a_task_is_not_isolated_from_the_machine(ecs: Any, run: Callable[..., str], twin_client: Clients) -> None:
    """It is a process of this user and this processor, with all its CPU; it writes where the user may, and reaches each
    port of the machine: what docs/emulator.md says is not there.
    """
    program = """
      const fs = require('fs'), os = require('os'), net = require('net');
      fs.writeFileSync('written', 'x');
      const kept = fs.existsSync('/proc/self/status') ? fs.readFileSync('/proc/self/status', 'utf8') : '';
      const caps = (kept.match(/CapBnd:\\s*(\\w+)/) || [])[1];
      const found = { uid: process.getuid(), arch: process.arch, cpus: os.availableParallelism(), caps };
      const reached = net.connect(Number(new URL(process.env.AWS_ENDPOINT_URL).port), '127.0.0.1', () => {
        console.log('found ' + JSON.stringify(found)); reached.destroy(); });
    """
    hardened = {
        "user": "1000:1000",
        "readonlyRootFilesystem": True,
        "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
        "cpu": 1,
    }
    assert ended(ecs, run(program, **hardened))["containers"][0]["exitCode"] == 0
    said = next(line for line in lines(twin_client("logs"), GROUP) if line.startswith("found {"))
    found = json.loads(said.removeprefix("found "))
    machine = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    assert (found["uid"], found["arch"], found["cpus"]) == (os.getuid(), machine, len(os.sched_getaffinity(0)))
    assert [found["caps"]] == re.findall(r"CapBnd:\s*(\w+)", Path("/proc/self/status").read_text())


def test_the_collector_of_traces_is_a_process_that_does_nothing(
    ecs: Any, run: Callable[..., str], twin_client: Clients
) -> None:
    """It is the only image of another registry that starts; it says that traces go nowhere."""
    task = run("", image="public.ecr.aws/aws-observability/aws-otel-collector:v0.43.3")
    until(lambda: any("traces go nowhere" in each for each in lines(twin_client("logs"), GROUP)), "its line")
    ecs.stop_task(cluster="shop", task=task)
    assert ended(ecs, task)["stopCode"] == "UserInitiated"
