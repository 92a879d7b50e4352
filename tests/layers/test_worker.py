"""The worker layer: every setting of a worker is seen in its function, its event source, its role or its alarms."""

import json
import shutil
import subprocess
from typing import Any

import pytest
from rendering import environment, properties, resources, template
from troposphere import Template

from infragen.config import rules
from infragen.layers import queue_worker
from infragen.layers.queue_worker import QueueWorker, Source

WORKER = "workers: [{name: notifications, queue: notifications, %s}]"
BARE = "workers: [{name: notifications, queue: notifications}]"


def function(setting: str = "") -> dict[str, Any]:
    return properties("worker", "NotificationsFunction", WORKER % setting if setting else BARE)


def event_source(setting: str = "") -> dict[str, Any]:
    return properties("worker", "NotificationsEventSource", WORKER % setting if setting else BARE)


def variables(over: str = BARE) -> dict[str, Any]:
    found: dict[str, Any] = properties("worker", "NotificationsFunction", over)["Environment"]["Variables"]
    return found


def statements(over: str = BARE) -> list[dict[str, Any]]:
    """The statements of the worker's role."""
    [policy] = properties("worker", "NotificationsRole", over)["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def allowed(action: str, over: str = BARE) -> list[Any]:
    """The resources on which the role may do something."""
    return [each["Resource"] for each in statements(over) if each["Effect"] == "Allow" and action in each["Action"]]


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("runtime: python3.14", "Runtime", "python3.14"),
        ("handler: app/main.run", "Handler", "app/main.run"),
        ("architecture: x86_64", "Architectures", ["x86_64"]),
        ("memory: 1024", "MemorySize", 1024),
        ("timeout: 30", "Timeout", 30),
        ("reserved_concurrency: 7", "ReservedConcurrentExecutions", 7),
        ("tracing: false", "TracingConfig", {"Mode": "PassThrough"}),
    ],
)
def test_a_setting_of_the_function_is_its_property(setting: str, key: str, value: object) -> None:
    """The setting is there when given, and differs from the default."""
    assert function(setting)[key] == value
    assert function().get(key) != value


def test_the_defaults_are_the_newest_node_on_arm64() -> None:
    """What a worker is made of when its entry says nothing."""
    bare = function()
    assert (bare["Runtime"], bare["Architectures"], bare["MemorySize"], bare["Timeout"]) == (
        "nodejs24.x",
        ["arm64"],
        512,
        60,
    )
    assert bare["TracingConfig"] == {"Mode": "Active"}
    assert "ReservedConcurrentExecutions" not in bare


def test_a_worker_takes_from_its_own_queue() -> None:
    """`queue` names the event source, the variable and the right to receive."""
    over = "queues: [{name: mail}, {name: notifications}]\nworkers: [{name: mailer, queue: mail}]"
    assert properties("worker", "MailerEventSource", over)["EventSourceArn"] == {"Ref": "MailQueueArn"}
    assert properties("worker", "MailerFunction", over)["Environment"]["Variables"]["QUEUE_URL"] == {
        "Ref": "MailQueueUrl"
    }
    [policy] = properties("worker", "MailerRole", over)["Policies"]
    assert policy["PolicyDocument"]["Statement"][0]["Resource"] == {"Ref": "MailQueueArn"}


def test_batches_are_as_large_and_as_late_as_asked() -> None:
    """`batch_size` and `batch_window`; failed messages of a batch go back alone."""
    source = event_source("batch_size: 100, batch_window: 30")
    assert (source["BatchSize"], source["MaximumBatchingWindowInSeconds"]) == (100, 30)
    bare = event_source()
    assert (bare["BatchSize"], bare["MaximumBatchingWindowInSeconds"]) == (10, 5)
    assert bare["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_fifo_queue_has_no_batching_window() -> None:
    """Lambda refuses one there."""
    over = f"queues: [{{name: notifications, fifo: true}}]\n{BARE}"
    assert "MaximumBatchingWindowInSeconds" not in properties("worker", "NotificationsEventSource", over)


@pytest.mark.parametrize(
    ("setting", "limit"),
    [("reserved_concurrency: 7", 7), ("reserved_concurrency: 7, max_concurrency: 3", 3), ("max_concurrency: 20", 20)],
)
def test_the_queue_starts_no_more_executions_than_there_may_be(setting: str, limit: int) -> None:
    """`max_concurrency` holds the pollers back; it equals the reserved concurrency unless given."""
    assert event_source(setting)["ScalingConfig"] == {"MaximumConcurrency": limit}


def test_without_a_limit_there_is_none() -> None:
    """Neither reserved nor maximum concurrency: Lambda scales as it likes."""
    assert "ScalingConfig" not in event_source()


def test_filters_are_event_patterns() -> None:
    """`filter` entries become JSON patterns with numbers and flags as they are in the file."""
    source = event_source("filter: [{body: {kind: [mail], size: [{numeric: ['>', 3]}], urgent: [true]}}]")
    [pattern] = source["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {
        "body": {"kind": ["mail"], "size": [{"numeric": [">", 3]}], "urgent": [True]}
    }
    assert "FilterCriteria" not in event_source()


def test_without_code_the_worker_is_a_placeholder_that_takes_no_messages() -> None:
    """A placeholder that took messages would lose them, so the event source is off until there is code."""
    body = template("worker", BARE)
    assert body["Conditions"]["NotificationsHasCode"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "NotificationsCodeKey"}, "none"]}]
    }
    assert event_source()["Enabled"] == {"Fn::If": ["NotificationsHasCode", True, False]}
    [condition, code, placeholder] = function()["Code"]["Fn::If"]
    assert condition == "NotificationsHasCode"
    assert code == {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "NotificationsCodeKey"}}
    assert "throw new Error" in placeholder["ZipFile"]
    assert {body["Parameters"][name]["Default"] for name in ("CodeBucket", "NotificationsCodeKey")} == {"none"}


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not here")
def test_the_node_placeholder_rejects_what_comes() -> None:
    """Lambda then leaves the message in the queue."""
    [_, _, placeholder] = function()["Code"]["Fn::If"]
    call = "exports.handler().then(() => process.exit(3), (error) => console.log(error.message));"
    done = subprocess.run(["node", "-e", placeholder["ZipFile"] + call], check=True, capture_output=True, text=True)
    assert "no code is deployed" in done.stdout


def test_the_python_placeholder_raises_on_what_comes() -> None:
    """It speaks the runtime's language."""
    [_, _, placeholder] = function("runtime: python3.14")["Code"]["Fn::If"]
    space: dict[str, Any] = {}
    exec(compile(placeholder["ZipFile"], "index.py", "exec"), space)  # noqa: S102 # that it runs is what is tested
    with pytest.raises(RuntimeError):
        space["handler"]({}, None)


def test_a_node_worker_knows_deployment_level_database_and_certificates() -> None:
    """The variables that the application reads; the database's secret by ARN, never by value."""
    assert variables() == {
        "QUEUE_URL": {"Ref": "NotificationsQueueUrl"},
        "DEPLOYMENT": "dev",
        "LOG_LEVEL": "debug",
        "NODE_ENV": "development",
        "NODE_EXTRA_CA_CERTS": "/var/runtime/ca-cert.pem",
        "DATABASE_SECRET_ARN": {"Ref": "DatabaseCredentialsArn"},
        "DATABASE_POOL_MAX": "2",
    }


def test_no_variable_of_the_file_can_hide_one_of_these() -> None:
    """The environment schema reserves the names that workers get."""
    assert set(variables()) <= set(rules.WORKER_VARIABLES)


def test_a_python_worker_has_no_node_variables() -> None:
    """They would mean nothing there."""
    assert not {"NODE_ENV", "NODE_EXTRA_CA_CERTS"} & set(variables(WORKER % "runtime: python3.14"))


def test_the_files_own_variables_and_pool_size_reach_the_function() -> None:
    """`environment` as written, `db_pool_size` as a number in text."""
    found = variables(WORKER % "db_pool_size: 4, environment: {GREETING: 'hello ${name}', LEVEL: '017'}")
    assert (found["DATABASE_POOL_MAX"], found["GREETING"], found["LEVEL"]) == ("4", "hello ${name}", "017")


def test_the_log_level_is_the_apis_and_lambda_lets_it_through() -> None:
    """Lambda drops what is below ApplicationLogLevel, so the two agree; logs are JSON in a group that expires."""
    logging = function()["LoggingConfig"]
    assert logging == {
        "ApplicationLogLevel": "DEBUG",
        "LogFormat": "JSON",
        "LogGroup": {"Ref": "NotificationsLogGroup"},
    }
    group = properties("worker", "NotificationsLogGroup", BARE)
    assert group["RetentionInDays"] == 7
    assert group["LogGroupName"] == {"Fn::Sub": "/aws/lambda/${ProjectName}-${EnvironmentName}-notifications"}
    without_api = f"api: null\n{BARE}"
    assert variables(without_api)["LOG_LEVEL"] == "info"


def test_without_a_database_the_worker_knows_of_none() -> None:
    """No variable, no right, no parameter."""
    over = f"database: null\n{BARE}"
    assert not {name for name in variables(over) if name.startswith("DATABASE")}
    assert allowed("secretsmanager:GetSecretValue", over) == []
    assert "DatabaseCredentialsArn" not in template("worker", over)["Parameters"]


def test_the_role_may_read_the_listed_secrets_and_no_other() -> None:
    """`secret_arns` beside the database's credentials."""
    mine = "arn:aws:secretsmanager:us-east-1:111111111111:secret:smtp-AbCdEf"
    assert allowed("secretsmanager:GetSecretValue", WORKER % f"secret_arns: ['{mine}']") == [
        {"Ref": "DatabaseCredentialsArn"},
        [mine],
    ]
    assert allowed("secretsmanager:GetSecretValue") == [{"Ref": "DatabaseCredentialsArn"}]


def test_the_role_may_decrypt_the_listed_secrets_whichever_key_they_are_under() -> None:
    """A secret under a key of the account is unreadable without; the right holds for this secret alone."""
    mine = "arn:aws:secretsmanager:us-east-1:111111111111:secret:smtp-AbCdEf"
    over = WORKER % f"secret_arns: ['{mine}']"
    [decrypts] = [each for each in statements(over) if "EncryptionContext" in str(each.get("Condition"))]
    assert (decrypts["Effect"], decrypts["Action"]) == ("Allow", "kms:Decrypt")
    assert decrypts["Resource"] == ["arn:aws:kms:us-east-1:111111111111:key/*"]
    assert decrypts["Condition"] == {"StringEquals": {"kms:EncryptionContext:SecretARN": [mine]}}


def test_secrets_of_the_environments_own_are_named_and_read() -> None:
    """`secrets`: names in a variable, no value; the rights to exactly these, with the parameter as context."""
    other = "arn:aws:ssm:us-east-1:111111111111:parameter/shared/token"
    over = WORKER % f"secrets: {{SMTP: ssm, TOKEN: '{other}'}}"
    own = "/${ProjectName}/${EnvironmentName}/SMTP"
    assert variables(over)["SECRET_PARAMETERS"] == {"Fn::Sub": f"SMTP={own} TOKEN={other}"}
    mine = {"Fn::Sub": f"arn:${{AWS::Partition}}:ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter{own}"}
    assert allowed("ssm:GetParameters", over) == [[other, mine]]
    [decrypts] = [each for each in statements(over) if "PARAMETER_ARN" in str(each.get("Condition"))]
    assert decrypts["Condition"] == {"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": [other, mine]}}
    assert "SECRET_PARAMETERS" not in variables()


def test_the_role_traces_only_when_asked() -> None:
    """`tracing` gives the right to write traces with the mode."""
    assert allowed("xray:PutTraceSegments") == ["*"]
    assert allowed("xray:PutTraceSegments", WORKER % "tracing: false") == []


def test_lambda_may_make_network_interfaces_and_the_code_may_not() -> None:
    """The same actions are denied when the call comes from this function."""
    [denied] = [each for each in statements() if each["Effect"] == "Deny"]
    [granted] = [each for each in statements() if each["Action"] == denied["Action"] and each["Effect"] == "Allow"]
    assert "Condition" not in granted
    [source] = denied["Condition"]["ArnEquals"].values()
    assert source["Fn::Sub"].endswith(":function:${ProjectName}-${EnvironmentName}-notifications")
    assert function()["FunctionName"]["Fn::Sub"] == "${ProjectName}-${EnvironmentName}-notifications"


def test_a_worker_may_decrypt_what_the_platform_key_protects() -> None:
    """Its own environment, and a queue with `encryption: kms`."""
    assert {"Ref": "PlatformKeyArn"} in allowed("kms:Decrypt")
    assert function()["KmsKeyArn"] == {"Ref": "PlatformKeyArn"}


def test_the_boundary_bounds_the_workers_role() -> None:
    """`iam.permissions_boundary_arn` is on every role."""
    boundary = "arn:aws:iam::111111111111:policy/edge"
    over = f"iam: {{permissions_boundary_arn: '{boundary}'}}"
    assert properties("worker", "NotificationsRole", over)["PermissionsBoundary"] == boundary


def test_alarms_follow_the_workers_timeout() -> None:
    """Errors over 5 %, p95 duration over 80 % of the timeout, any throttle; all three notify."""
    over = WORKER % "timeout: 100"
    assert properties("worker", "NotificationsDurationAlarm", over)["Threshold"] == 80_000
    assert properties("worker", "NotificationsThrottlesAlarm", over)["Threshold"] == 0
    errors = properties("worker", "NotificationsErrorsAlarm", over)
    assert errors["Threshold"] == 5
    assert {each["MetricStat"]["Metric"]["MetricName"] for each in errors["Metrics"] if "MetricStat" in each} == {
        "Errors",
        "FailedInvokeEventCount",
        "InvokedEventCount",
        "Invocations",
    }
    alarms = resources("worker", over, "AWS::CloudWatch::Alarm")
    assert len(alarms) == 3
    assert all(each["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopicArn"}] for each in alarms.values())


def test_several_workers_share_nothing_but_the_bucket_of_their_code() -> None:
    """Each has all resources, a key of its own and outputs of its own."""
    over = "queues: [{name: a}, {name: b-c}]\nworkers: [{name: one, queue: a}, {name: two-x, queue: b-c}]"
    body = template("worker", over)
    assert len(body["Resources"]) == 2 * len(resources("worker", BARE))
    assert {"CodeBucket", "OneCodeKey", "TwoXCodeKey"} <= set(body["Parameters"])
    names = ("FunctionName", "ErrorsAlarmArn", "FunctionLogGroupName")
    assert set(body["Outputs"]) == {f"{worker}{name}" for worker in ("One", "TwoX") for name in names}


def test_another_layer_can_add_a_queue_worker() -> None:
    """The construct takes plain settings and fits into any template."""
    mine = Template()
    settings = QueueWorker(
        id="Report", name="report", source=Source(arn="arn:aws:sqs:us-east-1:111111111111:reports"),
        runtime="nodejs24.x", handler="index.handler", architecture="arm64", memory=256, timeout=10,
        subnet_ids=["subnet-1"], security_group_id="sg-1", key="key", topic="topic",
        environment={"MODE": "nightly"},
        rights=[{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::reports/*"}],
    )  # fmt: skip
    queue_worker.add(mine, environment(), settings)
    body = mine.to_dict()
    assert body["Resources"]["ReportFunction"]["Properties"]["Environment"]["Variables"] == {"MODE": "nightly"}
    [policy] = body["Resources"]["ReportRole"]["Properties"]["Policies"]
    assert "s3:PutObject" in [each["Action"] for each in policy["PolicyDocument"]["Statement"]]
