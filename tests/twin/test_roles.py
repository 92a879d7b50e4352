"""The rendered roles are enforced: each can do its job, and is refused what lies beside it."""

import io
import json
import time
import zipfile
from typing import Any

import pytest
from twins import System

PROBE = """
import boto3
from botocore.exceptions import ClientError

def handler(event, context):
    told = []
    for service, operation, arguments in event:
        try:
            getattr(boto3.client(service), operation)(**arguments)
            told.append("ok")
        except ClientError as error:
            told.append(error.response["Error"]["Code"])
    return told
"""
pytestmark = pytest.mark.twin

REFUSED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}

FLOW_LOGS, METRICS = "shop-dev-flow-log", "RDSOSMetrics"
"""The log groups of flow logs, and of RDS's enhanced monitoring (Amazon RDS User Guide, "Enhanced Monitoring")."""

Call = tuple[str, str, dict[str, Any]]


def roles(system: System) -> dict[str, str]:
    """Return the ARN of every role of the environment, by its logical id."""
    iam, cloudformation = system.client("iam"), system.client("cloudformation")
    found = {}
    for stack in cloudformation.describe_stacks()["Stacks"]:
        for each in cloudformation.describe_stack_resources(StackName=stack["StackName"])["StackResources"]:
            if each["ResourceType"] == "AWS::IAM::Role":
                role = iam.get_role(RoleName=each["PhysicalResourceId"])["Role"]
                found[each["LogicalResourceId"]] = str(role["Arn"])
    return found


def attempt(system: System, role: str, calls: list[Call]) -> list[str]:
    """Make calls as a role does, in a function that has it; return "ok" or the code of the error for each."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("index.py", PROBE)
    function, name = system.client("lambda"), f"probe-{role.rpartition('-')[2]}"
    if name not in {each["FunctionName"] for each in function.list_functions()["Functions"]}:
        code = {"ZipFile": archive.getvalue()}
        given = {"Runtime": "python3.12", "Handler": "index.handler", "Timeout": 30}
        function.create_function(FunctionName=name, Role=role, Code=code, **given)
    answer = json.loads(function.invoke(FunctionName=name, Payload=json.dumps(calls))["Payload"].read())
    assert isinstance(answer, list), answer
    return [str(each) for each in answer]


def line(group: str) -> list[Call]:
    """The calls of a service that writes a line to a log group."""
    stream = {"logGroupName": group, "logStreamName": "probe"}
    event = {"timestamp": int(time.time() * 1000), "message": "a line"}
    return [("logs", "create_log_stream", stream), ("logs", "put_log_events", {**stream, "logEvents": [event]})]


PROGRAMS = ["TaskRole", "ExecutionRole", "NotificationsRole", "CredentialsRole"]
SERVICES = ["FlowLogRole", "MonitoringRole", "RefreshRole"]
"""The roles of what runs in the emulator, and of AWS's own services, which do not call here: flow logs, RDS, the
scheduler. A function makes their calls in their place.
"""


def of_programs(system: System) -> dict[str, tuple[list[Call], list[Call]]]:
    """Return what each role of a program that runs here may do, and what lies beside it on the same resources."""
    outputs = system.outputs()
    queue = {"QueueUrl": outputs["NotificationsQueueUrl"]}
    secret, master = {"SecretId": outputs["DatabaseCredentialsArn"]}, {"SecretId": outputs["MasterSecretArn"]}
    repository = {"repositoryName": outputs["RepositoryUri"].partition("/")[2]}
    cluster = f"arn:aws:rds:{system.region}:{system.account}:cluster:shop-dev"
    send: Call = ("sqs", "send_message", {**queue, "MessageBody": "{}"})
    send_batch: Call = ("sqs", "send_message_batch", {**queue, "Entries": [{"Id": "1", "MessageBody": "{}"}]})
    delete_batch: Call = ("sqs", "delete_message_batch", {**queue, "Entries": [{"Id": "1", "ReceiptHandle": "none"}]})
    purge: Call = ("sqs", "purge_queue", queue)
    receive: Call = ("sqs", "receive_message", queue)
    read: Call = ("secretsmanager", "get_secret_value", secret)
    read_master: Call = ("secretsmanager", "get_secret_value", master)
    begin: Call = ("rds-data", "begin_transaction", {"resourceArn": cluster, "secretArn": master["SecretId"]})
    images: Call = ("ecr", "batch_get_image", {**repository, "imageIds": [{"imageTag": "none"}]})
    return {
        "TaskRole": (
            [send, send_batch, ("sqs", "get_queue_attributes", {**queue, "AttributeNames": ["QueueArn"]})],
            [receive, delete_batch, purge, read],
        ),
        "ExecutionRole": ([read, ("ecr", "get_authorization_token", {}), images], [send, read_master, begin]),
        "NotificationsRole": (
            [read, ("sqs", "get_queue_attributes", {**queue, "AttributeNames": ["QueueArn"]})],
            [purge, send_batch, read_master, begin],
        ),
        "CredentialsRole": (
            [read, read_master, ("secretsmanager", "describe_secret", secret)],
            [send, receive, images],
        ),
    }


def of_services(system: System) -> dict[str, tuple[list[Call], list[Call]]]:
    """Return the same of the roles of AWS's own services."""
    service = {"cluster": "shop-dev", "service": "shop-dev-api"}
    read_master: Call = ("secretsmanager", "get_secret_value", {"SecretId": system.outputs()["MasterSecretArn"]})
    return {
        "FlowLogRole": (
            [*line(FLOW_LOGS), ("logs", "describe_log_streams", {"logGroupName": FLOW_LOGS})],
            [
                line("/ecs/shop-dev-api")[0],
                ("logs", "get_log_events", {"logGroupName": FLOW_LOGS, "logStreamName": "probe"}),
                ("logs", "delete_log_group", {"logGroupName": FLOW_LOGS}),
                ("logs", "put_retention_policy", {"logGroupName": FLOW_LOGS, "retentionInDays": 1}),
            ],
        ),
        "MonitoringRole": (
            [
                ("logs", "create_log_group", {"logGroupName": METRICS}),
                ("logs", "put_retention_policy", {"logGroupName": METRICS, "retentionInDays": 30}),
                *line(METRICS),
                ("logs", "describe_log_streams", {"logGroupName": METRICS}),
            ],
            [
                line("/ecs/shop-dev-api")[0],
                ("logs", "delete_log_group", {"logGroupName": METRICS}),
                ("rds", "delete_db_cluster", {"DBClusterIdentifier": "shop-dev", "SkipFinalSnapshot": True}),
                read_master,
            ],
        ),
        "RefreshRole": (
            [("ecs", "update_service", {**service, "forceNewDeployment": True})],
            [
                ("ecs", "update_service", {**service, "service": "another", "forceNewDeployment": True}),
                ("ecs", "delete_service", {**service, "force": True}),
                ("ecs", "run_task", {"cluster": "shop-dev", "taskDefinition": "shop-dev-api"}),
                ("ecs", "list_tasks", {"cluster": "shop-dev"}),
            ],
        ),
    }


@pytest.mark.parametrize("role", PROGRAMS + SERVICES)
def test_a_role_may_do_its_job_and_nothing_beside_it(system: System, role: str) -> None:
    """What the role's own program calls is answered; three calls next to it, on the same resources, are refused."""
    may = {**of_programs(system), **of_services(system)}
    assert may.keys() == {*PROGRAMS, *SERVICES}
    allowed, beside = may[role]
    arn = roles(system)[role]
    assert attempt(system, arn, allowed) == ["ok"] * len(allowed)
    refused = attempt(system, arn, beside)
    assert set(refused) <= REFUSED, refused


def test_no_role_of_the_environment_goes_untried(system: System) -> None:
    """A new role needs a row above."""
    assert set(roles(system)) == {*PROGRAMS, *SERVICES}
