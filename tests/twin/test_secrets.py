"""Secrets of the application on the running emulator with its roles enforced: they reach whom they are for, and nobody
else.
"""

import hashlib
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from test_roles import REFUSED, attempt
from twins import PATIENCE, System, lines, until

from infragen.machine.emulator import Emulator, put_image

pytestmark = pytest.mark.twin

ACCOUNT, REGION = "444444444444", "us-east-1"
ENVIRONMENT = f"""\
project: keys
environment: dev
region: {REGION}
account: "{ACCOUNT}"
network: {{nat: single}}
queues: [{{name: mail}}]
workers: [{{name: mail, queue: mail, runtime: python3.14, code: ../worker, secrets: {{APP_KEY: ssm}}}}]
api: {{https: {{mode: http_only}}, ingress_cidrs: [203.0.113.0/24], cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2,
  secrets: {{APP_KEY: ssm}}}}
"""
API = """
const digest = require('crypto').createHash('sha256').update(process.env.APP_KEY || '').digest('hex');
require('http').createServer((_, answer) => answer.end(digest)).listen(Number(process.env.PORT));
"""
WORKER = """
import boto3, hashlib, os
pairs = dict(each.split("=", 1) for each in os.environ["SECRET_PARAMETERS"].split())
found = boto3.client("ssm").get_parameters(Names=list(pairs.values()), WithDecryption=True)["Parameters"]

def handler(event, context):
    print("digest", *(hashlib.sha256(each["Value"].encode()).hexdigest() for each in found))
    return {"batchItemFailures": []}
"""
FIRST, SECOND = "canary-$1 'one'", "canary-two\nlines"


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


class Keys(System):
    """The environment, and what runs in it."""

    def run(self, *arguments: str, typed: str = "", code: int = 0) -> str:
        """Run a command with a value on stdin; no output has it."""
        variables = {**os.environ, "INFRAGEN_STATE_DIR": str(self.twin.state_dir.parent)}
        command = [sys.executable, "-m", "infragen", *arguments, "--env", "dev", "--local"]
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=variables,
            input=typed,
            timeout=2 * PATIENCE,
            capture_output=True,
            text=True,
        )
        told = done.stdout + done.stderr
        assert done.returncode == code, told
        assert "canary" not in told
        return told

    def resources(self) -> dict[str, str]:
        """Return the physical ids of all resources by their logical ids."""
        found: dict[str, str] = {}
        cloudformation = self.client("cloudformation")
        for stack in cloudformation.describe_stacks()["Stacks"]:
            rows = cloudformation.describe_stack_resources(StackName=stack["StackName"])["StackResources"]
            found |= {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in rows}
        return found

    def served(self) -> str:
        """Return what the API answers through the load balancer."""
        stacks = self.client("cloudformation").describe_stacks(StackName="keys-dev")["Stacks"]
        [url] = [each["OutputValue"] for each in stacks[0]["Outputs"] if each["OutputKey"] == "Url"]
        with urllib.request.urlopen(f"{url}/key", timeout=PATIENCE) as answer:  # noqa: S310 # on this machine
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def keys(twin: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Store a secret and deploy; without the secret the deployment is refused before anything is made."""
    directory = tmp_path_factory.mktemp("keys")
    for name, text in (("environments/dev.yaml", ENVIRONMENT), ("worker/index.py", WORKER), ("image/main.cjs", API)):
        (directory / name).parent.mkdir()
        (directory / name).write_text(text)
    found = Keys(twin, ACCOUNT, REGION, directory)
    found.run("bootstrap", "--yes")
    refused = found.run("deploy", "--yes", code=4)
    assert "there is no secret APP_KEY of dev" in refused
    assert "infragen secrets set" in refused
    stacks = found.client("cloudformation").describe_stacks()["Stacks"]
    made = {each["StackStatus"] for each in stacks if not each["StackName"].startswith("keys-dev-artifacts")}
    assert made <= {"REVIEW_IN_PROGRESS"}  # of a change set; nothing is in it
    assert "aws/ssm, because the environment's own key is not deployed yet" in found.run(
        "secrets", "set", "APP_KEY", typed=FIRST
    )
    found.run("deploy", "--yes")
    put_image(twin, (ACCOUNT, REGION, "keys-dev-api"), "v1", directory / "image", ["node", "main.cjs"])
    found.run("deploy", "--yes", "--image-tag", "v1")
    return found


def test_a_task_gets_the_value_and_a_new_one_after_a_restart(keys: Keys) -> None:
    """Decrypted, by the role that starts tasks; under the environment's own key once that is there."""
    until(lambda: keys.served() == digest(FIRST), "the value in the task")
    assert "aws/ssm" not in keys.run("secrets", "set", "APP_KEY", typed=SECOND)
    [row] = keys.client("ssm").describe_parameters()["Parameters"]
    assert row["KeyId"].startswith("arn:aws:kms:")
    assert keys.served() == digest(FIRST)
    assert "replaced the tasks of keys-dev-api" in keys.run("secrets", "restart", "--yes")
    assert keys.served() == digest(SECOND)


def test_a_worker_reads_the_value_with_its_own_role(keys: Keys) -> None:
    """GetParameters with decryption, under the environment's key."""
    keys.run("secrets", "set", "APP_KEY", typed=SECOND)
    url = keys.client("sqs").get_queue_url(QueueName="keys-dev-mail")["QueueUrl"]
    keys.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    wanted = digest(SECOND)
    until(
        lambda: any(wanted in each for each in lines(keys.client("logs"), "/aws/lambda/keys-dev-mail")),
        "the worker's line",
    )


def test_a_role_reads_its_own_secrets_and_no_other(keys: Keys) -> None:
    """Not those of another environment, not another one of its own; and the role of the API's code reads none."""
    ssm = keys.client("ssm")
    for name in ("/keys/prod/APP_KEY", "/keys/dev/OTHER", "/keys/dev/APP_KEY2"):
        ssm.put_parameter(Name=name, Value="canary", Type="SecureString", Overwrite=True)

    def read(*names: str) -> tuple[str, str, dict[str, Any]]:
        return "ssm", "get_parameters", {"Names": list(names), "WithDecryption": True}

    resources, iam = keys.resources(), keys.client("iam")

    def role(logical_id: str) -> str:
        return str(iam.get_role(RoleName=resources[logical_id])["Role"]["Arn"])

    others = [read("/keys/prod/APP_KEY"), read("/keys/dev/OTHER"), read("/keys/dev/APP_KEY2")]
    both = read("/keys/dev/APP_KEY", "/keys/prod/APP_KEY")
    for reader in ("ExecutionRole", "MailRole"):
        assert attempt(keys, role(reader), [read("/keys/dev/APP_KEY")]) == ["ok"], reader
        assert set(attempt(keys, role(reader), [*others, both])) <= REFUSED, reader
    assert set(attempt(keys, role("TaskRole"), [read("/keys/dev/APP_KEY"), *others])) <= REFUSED


def test_no_value_is_in_what_is_deployed_or_listed(keys: Keys) -> None:
    """Not in a template, not in a task definition, not in a function's variables."""
    told = keys.run("secrets", "list", "--format", "json")
    document, _ = json.JSONDecoder().raw_decode(told, told.index("{"))  # progress follows it
    row = next(each for each in document["secrets"] if each["name"] == "APP_KEY")
    assert row["used_by"] == ["api", "worker mail"]
    cloudformation = keys.client("cloudformation")
    for stack in cloudformation.describe_stacks()["Stacks"]:
        assert "canary" not in str(cloudformation.get_template(StackName=stack["StackName"]))
    ecs = keys.client("ecs")
    for arn in ecs.list_task_definitions()["taskDefinitionArns"]:
        assert "canary" not in str(ecs.describe_task_definition(taskDefinition=arn))
    assert "canary" not in str(keys.client("lambda").get_function_configuration(FunctionName="keys-dev-mail"))
    assert not list(Path(keys.directory).rglob("*.env"))
