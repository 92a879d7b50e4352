"""The api layer's task: image, environment, secrets, rights, tracing."""

import json
import shutil
import socket
import subprocess
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import rendering
from api_rendering import allowed, container, properties, resources, secrets, statements, template, variables

from infragen.layers.node_commands import health_check, placeholder_server
from infragen.layers.secret_rights import parse

SECRET = "arn:aws:secretsmanager:us-east-1:111111111111:secret:stripe-AbCdEf"
PARAMETER = "arn:aws:ssm:us-east-1:111111111111:parameter/shop/key"
KEYS = "arn:aws:kms:us-east-1:111111111111:key/*"


def test_without_an_image_a_healthy_placeholder_runs() -> None:
    """The first deployment is complete before anything was pushed; afterwards the image's own command runs."""
    assert template()["Parameters"]["ImageTag"]["Default"] == ""
    assert template()["Conditions"]["HasImage"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ImageTag"}, ""]}]}
    assert container()["Image"] == {
        "Fn::If": [
            "HasImage",
            {"Fn::Sub": "${Repository.RepositoryUri}:${ImageTag}"},
            "public.ecr.aws/docker/library/node:24-alpine",
        ]
    }
    condition, pushed, placeholder = container()["Command"]["Fn::If"]
    assert (condition, pushed) == ("HasImage", {"Ref": "AWS::NoValue"})
    assert tuple(placeholder) == placeholder_server(3000, "/health")


@pytest.mark.long
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_placeholder_passes_the_containers_health_check() -> None:
    """Both run as they are in the template: the check succeeds against the server and fails without it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    check = health_check(port, "/up")
    assert subprocess.run(check, check=False, timeout=20).returncode == 1
    with subprocess.Popen(placeholder_server(port, "/up")) as server:
        try:
            while subprocess.run(check, check=False, timeout=20).returncode != 0:
                assert server.poll() is None, "the placeholder server ended"
            with pytest.raises(HTTPError, match="503"):
                urlopen(f"http://127.0.0.1:{port}/other", timeout=10)
            assert subprocess.run(health_check(port, "/other"), check=False, timeout=20).returncode == 1
        finally:
            server.terminate()


def test_tags_of_images_are_immutable_and_unused_images_expire() -> None:
    """A tag names one image for ever; what runs is pulled every 14 days at least, so it is never the one that goes."""
    repository = properties("Repository")
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert [(each["selection"]["tagStatus"], each["selection"]["countNumber"]) for each in rules] == [
        ("untagged", 7),
        ("any", 90),
        ("any", 90),
    ]
    assert [each["selection"]["countType"] for each in rules[1:]] == ["sinceImagePulled", "sinceImageTransitioned"]
    assert [each["action"]["type"] for each in rules[1:]] == ["transition", "expire"]


def test_in_production_no_tagged_image_expires() -> None:
    """A rollback to any release needs its image."""
    rules = json.loads(
        rendering.properties("api", "Repository", base="prod")["LifecyclePolicy"]["LifecyclePolicyText"]
    )["rules"]
    assert [each["selection"]["tagStatus"] for each in rules] == ["untagged"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("environment", "deletion", "emptied"), [("dev", "Delete", True), ("prod", "RetainExceptOnCreate", False)]
)
def test_production_keeps_its_images(environment: str, deletion: str, emptied: bool) -> None:
    """Elsewhere the repository goes with its stack, and its images with it."""
    repository = resources(f"environment: {environment}")["Repository"]
    assert repository["DeletionPolicy"] == deletion
    assert repository["Properties"]["EmptyOnDelete"] is emptied


def test_size_and_architecture_are_the_tasks() -> None:
    """`cpu`, `memory` and `architecture` reach the task definition."""
    task = properties("TaskDefinition", "api: {cpu: 2048, memory: 5120, architecture: x86_64}")
    assert (task["Cpu"], task["Memory"]) == ("2048", "5120")
    assert task["RuntimePlatform"]["CpuArchitecture"] == "X86_64"
    assert properties("TaskDefinition")["RuntimePlatform"]["CpuArchitecture"] == "ARM64"


def test_port_and_health_path_reach_the_container() -> None:
    """It listens where the load balancer looks."""
    over = "api: {port: 8080, health_path: /up}"
    assert container(over=over)["PortMappings"] == [{"ContainerPort": 8080, "Protocol": "tcp"}]
    assert container(over=over)["HealthCheck"]["Command"][-2:] == ["8080", "/up"]
    assert variables(over)["PORT"] == "8080"


def test_the_variables_of_the_plan_are_there() -> None:
    """Region, environment, log level and the queue; further variables of the file come after."""
    found = variables("api: {log_level: warn, environment: {FEATURE_X: 'on', TEMPLATE: 'a ${b} c'}}")
    assert found["AWS_REGION"] == {"Ref": "AWS::Region"}
    assert (found["NODE_ENV"], found["DEPLOYMENT"], found["LOG_LEVEL"]) == ("development", "dev", "warn")
    assert found["QUEUE_URL"] == {"Ref": "NotificationsQueueUrl"}
    assert (found["FEATURE_X"], found["TEMPLATE"]) == ("on", "a ${b} c")
    assert list(found)[-2:] == ["FEATURE_X", "TEMPLATE"]


def test_node_env_is_production_everywhere_but_in_development() -> None:
    """Libraries know no third value; DEPLOYMENT tells staging from prod."""
    found = variables("environment: staging")
    assert (found["NODE_ENV"], found["DEPLOYMENT"]) == ("production", "staging")


def test_the_database_comes_as_a_secret_that_ecs_reads() -> None:
    """DATABASE_URL is a key of the credentials; the pool's size is a variable."""
    assert secrets() == {"DATABASE_URL": {"Fn::Sub": "${DatabaseCredentialsArn}:url::"}}
    assert variables("api: {db_pool_size: 7}")["DATABASE_POOL_MAX"] == "7"
    assert allowed("ExecutionRole", "secretsmanager:GetSecretValue") == [{"Ref": "DatabaseCredentialsArn"}]
    assert allowed("ExecutionRole", "kms:Decrypt") == [{"Ref": "DataKeyArn"}]
    assert allowed("TaskRole", "secretsmanager:GetSecretValue") == []


def test_readers_have_a_url_of_their_own() -> None:
    """With reader instances DATABASE_READER_URL is there too."""
    assert secrets("database: {readers: 1}")["DATABASE_READER_URL"] == {
        "Fn::Sub": "${DatabaseCredentialsArn}:reader_url::"
    }


def test_without_a_database_nothing_speaks_of_one() -> None:
    """No URL, no pool, no right, no parameter."""
    over = "database: null"
    assert "DATABASE_POOL_MAX" not in variables(over)
    assert "Secrets" not in container(over=over)
    assert allowed("ExecutionRole", "secretsmanager:GetSecretValue", over) == []
    assert not {"DatabaseCredentialsArn", "DataKeyArn"} & set(template(over)["Parameters"])


@pytest.mark.long
def test_the_first_queue_is_the_apis_own_unless_another_is_named() -> None:
    """QUEUE_URL is one queue; the others have their name in the variable. The code may send to all of them."""
    queues = "workers: []\nqueues: [{name: orders}, {name: order-events}]"
    first, named = variables(queues), variables(f"{queues}\napi: {{queue: order-events}}")
    assert first["QUEUE_URL"] == named["QUEUE_URL_ORDERS"] == {"Ref": "OrdersQueueUrl"}
    assert first["QUEUE_URL_ORDER_EVENTS"] == named["QUEUE_URL"] == {"Ref": "OrderEventsQueueUrl"}
    assert allowed("TaskRole", "sqs:SendMessage", queues) == [
        {"Ref": "OrdersQueueArn"},
        {"Ref": "OrderEventsQueueArn"},
    ]


def test_without_queues_the_code_may_do_nothing() -> None:
    """No QUEUE_URL and an empty task role."""
    over = "queues: []\nworkers: []"
    assert "QUEUE_URL" not in variables(over)
    assert "Policies" not in properties("TaskRole", over)


def test_a_queue_under_the_platform_key_lends_its_key() -> None:
    """Sending to it takes a data key, through SQS alone."""
    over = "queues: [{name: notifications, encryption: kms}]"
    [right] = [each for each in statements("TaskRole", over) if "kms:GenerateDataKey" in each["Action"]]
    assert right["Resource"] == {"Ref": "PlatformKeyArn"}
    assert right["Condition"]["StringEquals"] == {"kms:ViaService": {"Fn::Sub": "sqs.${AWS::Region}.${AWS::URLSuffix}"}}
    assert allowed("TaskRole", "kms:GenerateDataKey") == []


def test_secrets_of_the_file_are_injected_and_exactly_these_may_be_read() -> None:
    """A json key is for ECS and not part of the resource; decryption holds for these values alone."""
    over = f"api: {{secrets: {{STRIPE_KEY: '{SECRET}:key::', SIGNING: '{PARAMETER}'}}}}"
    assert secrets(over)["STRIPE_KEY"] == f"{SECRET}:key::"
    assert secrets(over)["SIGNING"] == PARAMETER
    assert allowed("ExecutionRole", "secretsmanager:GetSecretValue", over) == [
        {"Ref": "DatabaseCredentialsArn"},
        SECRET,
    ]
    assert allowed("ExecutionRole", "ssm:GetParameters", over) == [PARAMETER]
    contexts = [each["Condition"] for each in statements("ExecutionRole", over) if each["Resource"] == [KEYS]]
    assert contexts == [
        {"StringEquals": {"kms:EncryptionContext:SecretARN": [SECRET]}},
        {"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": [PARAMETER]}},
    ]


def test_a_secret_of_the_environments_own_is_injected_by_its_predictable_name() -> None:
    """`ssm` stands for /PROJECT/ENVIRONMENT/NAME; the role that starts tasks reads exactly this parameter."""
    over = "api: {secrets: {STRIPE_KEY: ssm}}"
    own = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/${ProjectName}/${EnvironmentName}/"
    mine = {"Fn::Sub": f"{own}STRIPE_KEY"}
    assert secrets(over)["STRIPE_KEY"] == mine
    assert allowed("ExecutionRole", "ssm:GetParameters", over) == [mine]
    contexts = [each["Condition"] for each in statements("ExecutionRole", over) if "PARAMETER_ARN" in str(each)]
    assert contexts == [{"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": [mine]}}]
    assert allowed("TaskRole", "ssm:GetParameters", over) == []


def test_a_secret_takes_the_place_of_a_variable_of_that_name() -> None:
    """ECS refuses a name with two sources."""
    over = f"api: {{tracing: true, secrets: {{OTEL_SERVICE_NAME: '{PARAMETER}'}}}}"
    assert secrets(over)["OTEL_SERVICE_NAME"] == PARAMETER
    assert "OTEL_SERVICE_NAME" not in variables(over)


@pytest.mark.parametrize("value", ["plain text", f"{SECRET[:-30]}", "arn:aws:s3:::bucket/key"])
def test_what_is_no_secret_is_refused(value: str) -> None:
    """Only the two kinds of ARN that ECS reads."""
    with pytest.raises(ValueError, match="neither"):
        parse(value)


def test_the_container_has_no_privileges() -> None:
    """No root, no capabilities, nothing writable but /tmp, an init process that reaps children."""
    found = container()
    assert (found["User"], found["ReadonlyRootFilesystem"]) == ("1000:1000", True)
    tmp = {"ContainerPath": "/tmp", "Size": 64, "MountOptions": ["mode=1777"]}  # noqa: S108  # a path in the container
    assert found["LinuxParameters"] == {"InitProcessEnabled": True, "Capabilities": {"Drop": ["ALL"]}, "Tmpfs": [tmp]}
    assert container(over="api: {tmp_mib: 200}")["LinuxParameters"]["Tmpfs"][0]["Size"] == 200


def test_a_writable_root_needs_no_tmpfs() -> None:
    """Mounted over /tmp, it would hide what the image has there."""
    over = "api: {readonly_root: false}"
    assert container(over=over)["ReadonlyRootFilesystem"] is False
    assert "Tmpfs" not in container(over=over)["LinuxParameters"]


@pytest.mark.long
def test_a_user_by_name_waits_for_the_image_that_knows_it() -> None:
    """The placeholder's image has no such user."""
    assert container(over="api: {container_user: app}")["User"] == {"Fn::If": ["HasImage", "app", "1000:1000"]}
    assert container(over="api: {container_user: '2000'}")["User"] == "2000"


def test_shells_are_off_until_they_are_asked_for_and_then_logged() -> None:
    """`enable_execute_command` opens ECS Exec, gives the task its channels and logs every session, encrypted."""
    over = "api: {enable_execute_command: true, readonly_root: false}"
    assert properties("Service")["EnableExecuteCommand"] is False
    assert allowed("TaskRole", "ssmmessages:OpenDataChannel") == []
    assert "ShellLogGroup" not in resources()
    assert properties("Service", over)["EnableExecuteCommand"] is True
    assert allowed("TaskRole", "ssmmessages:OpenDataChannel", over) == ["*"]
    assert container(over=over)["LinuxParameters"] == {"InitProcessEnabled": True}
    session = properties("EcsCluster", over)["Configuration"]["ExecuteCommandConfiguration"]
    assert session["Logging"] == "OVERRIDE"
    assert session["LogConfiguration"] == {
        "CloudWatchLogGroupName": {"Ref": "ShellLogGroup"},
        "CloudWatchEncryptionEnabled": True,
    }


@pytest.mark.long
def test_shells_have_a_role_of_their_own_and_the_tasks_of_the_api_stay_as_they_are() -> None:
    """`shells` opens nothing in a task that serves: the role with the channels is for tasks of `infragen shell`."""
    over = "api: {shells: true}"
    assert "ShellRole" not in resources()
    assert allowed("ShellRole", "ssmmessages:OpenDataChannel", over) == ["*"]
    assert allowed("ShellRole", "sqs:SendMessage", over) == allowed("TaskRole", "sqs:SendMessage", over) != []
    for name in ("TaskRole", "TaskDefinition", "Service", "ExecutionRole"):
        assert properties(name, over) == properties(name)
    assert "ShellLogGroup" in resources(over)
    both = "api: {shells: true, enable_execute_command: true, readonly_root: false}"
    assert "ShellRole" not in resources(both)


def test_logs_never_stop_the_application_and_expire() -> None:
    """Non-blocking, to a group with the file's retention and the platform's key."""
    assert container()["LogConfiguration"]["Options"]["mode"] == "non-blocking"
    group = properties("LogGroup", "api: {log_retention_days: 60}")
    assert (group["RetentionInDays"], group["KmsKeyId"]) == (60, {"Ref": "PlatformKeyArn"})


def test_tracing_runs_a_collector_beside_the_application() -> None:
    """Pinned, not essential, on loopback; the code finds it and the task may write traces."""
    over = "api: {tracing: true, collector_image: registry.example/collector:v1}"
    collector = container("collector", over)
    assert (collector["Image"], collector["Essential"]) == ("registry.example/collector:v1", False)
    configuration = json.loads({each["Name"]: each["Value"] for each in collector["Environment"]}["AOT_CONFIG_CONTENT"])
    endpoint = configuration["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    assert configuration["service"]["pipelines"]["traces"]["exporters"] == ["awsxray"]
    assert variables(over)["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://{endpoint}" == "http://127.0.0.1:4318"
    assert allowed("TaskRole", "xray:PutTraceSegments", over) == ["*"]
    assert collector["User"] == "65534:65534"
    assert "DependsOn" not in container(over=over), "a failed pull of the collector would keep the API from starting"


@pytest.mark.long
def test_a_collector_from_a_repository_of_ones_own_may_be_pulled() -> None:
    """A public image takes no rights; a copy in ECR, of this or another account, takes those to its repository."""
    over = "api: {tracing: true, collector_image: '222222222222.dkr.ecr.eu-west-1.amazonaws.com/tools/otel:v0.50.0'}"
    own = {"Fn::GetAtt": ["Repository", "Arn"]}
    assert allowed("ExecutionRole", "ecr:BatchGetImage", over) == [
        own,
        {"Fn::Sub": "arn:${AWS::Partition}:ecr:eu-west-1:222222222222:repository/tools/otel"},
    ]
    assert allowed("ExecutionRole", "ecr:BatchGetImage", "api: {tracing: true}") == [own]


def test_without_tracing_there_is_one_container_and_no_right_to_trace() -> None:
    """`tracing: false` leaves nothing behind."""
    assert [each["Name"] for each in properties("TaskDefinition")["ContainerDefinitions"]] == ["api"]
    assert not [name for name in variables() if name.startswith("OTEL_")]
    assert allowed("TaskRole", "xray:PutTraceSegments") == []


def test_every_role_carries_the_permissions_boundary_and_trusts_this_account_alone() -> None:
    """Three roles: start, run, refresh."""
    bounded = "iam: {permissions_boundary_arn: 'arn:aws:iam::111111111111:policy/limits'}"
    roles = resources(bounded, "AWS::IAM::Role")
    assert set(roles) == {"ExecutionRole", "TaskRole", "RefreshRole"}
    for name, role in roles.items():
        assert role["Properties"]["PermissionsBoundary"] == "arn:aws:iam::111111111111:policy/limits"
        assert "PermissionsBoundary" not in properties(name)
        [trust] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
