"""`infragen import`: resources that exist become part of an environment, through the command line on the fake AWS."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench import ACCOUNT, NETWORK, at_work, head, make_bucket
from click.testing import Result
from commands import CommandLine
from fakeaws import FakeAws

from infragen.assembly.synth import synthesize
from infragen.cli import main
from infragen.config import load_environment
from infragen.engine.importing import import_resources
from infragen.errors import Refused

DATABASE_SECTION = "database:\n  min_acu: 0.5\n  max_acu: 1\n"
ENVIRONMENT = NETWORK + "queues:\n  - name: jobs\n    max_receives: 4\n" + DATABASE_SECTION
ARN = "arn:aws:sqs:us-east-1:111122223333:shop-test-jobs"
URL = "https://sqs.us-east-1.amazonaws.com/111122223333/shop-test-jobs"
QUEUES = (f"queue/JobsQueue={URL}", f"queue/JobsDlq={URL}-dlq")
KEY = "11111111-2222-3333-4444-555555555555"
KEY_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{KEY}"
DATABASE = (
    "database/Cluster=shop-test",
    "database/SubnetGroup=legacy-subnets",
    f"database/DataKey={KEY}",
    "database/Writer=legacy-writer",
)
Run = Callable[..., Result]


@pytest.fixture
def run(aws: FakeAws, tmp_path: Path, findings: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the environment `test`, which has its bucket and nothing else; it must end in `code`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFRAGEN_CACHE_DIR", str(findings))
    file = tmp_path / "environments" / "test.yaml"
    file.parent.mkdir()
    file.write_text(head() + ENVIRONMENT)
    bench = at_work(aws, load_environment(file))
    make_bucket(aws, bench.env, bench.session)

    def invoke(*command: str, code: int = 0, env: str = "test") -> Result:
        arguments = [*command, "--env", env, "--endpoint-url", aws.url]
        result = CommandLine(aws.clock).invoke(main, arguments)
        assert result.exit_code == code, result.output
        return result

    return invoke


def put_queues(aws: FakeAws, **more: Any) -> None:
    """Two queues as Copilot, SAM or a person makes them: other settings than infragen's."""
    dead = f"{ARN}-dlq"
    policy = {"deadLetterTargetArn": dead, "maxReceiveCount": 3}
    queue = {"QueueName": "shop-test-jobs", "Arn": ARN, "QueueUrl": URL, "VisibilityTimeout": 30, **more}
    aws.put("AWS::SQS::Queue", URL, RedrivePolicy=policy, MessageRetentionPeriod=345600, **queue)
    aws.put("AWS::SQS::Queue", f"{URL}-dlq", QueueName="shop-test-jobs-dlq", Arn=dead, QueueUrl=f"{URL}-dlq")


def put_database(aws: FakeAws, **more: Any) -> None:
    """An Aurora cluster with what belongs to it."""
    aws.put("AWS::KMS::Key", KEY, KeyId=KEY, Arn=KEY_ARN, EnableKeyRotation=False, KeyPolicy={"Version": "2012-10-17"})
    aws.put(
        "AWS::RDS::DBSubnetGroup", "legacy-subnets", DBSubnetGroupName="legacy-subnets", SubnetIds=["subnet-1"],
        DBSubnetGroupDescription="old",
    )  # fmt: skip
    cluster = {
        "Engine": "aurora-postgresql", "EngineVersion": "17.7", "DBClusterIdentifier": "shop-test",
        "DatabaseName": "app", "MasterUsername": "dbadmin", "DBSubnetGroupName": "legacy-subnets", "Port": 5432,
        "StorageEncrypted": True, "KmsKeyId": KEY_ARN, "BackupRetentionPeriod": 1, "DeletionProtection": False,
        "MasterUserSecret": {"SecretArn": "arn:aws:secretsmanager:us-east-1:1:secret:old", "KmsKeyId": KEY_ARN},
        "Endpoint": {"Address": "shop-test.cluster-1.us-east-1.rds.amazonaws.com", "Port": "5432"},
        "DBClusterArn": "arn:aws:rds:us-east-1:111122223333:cluster:shop-test",
    }  # fmt: skip
    aws.put("AWS::RDS::DBCluster", "shop-test", **{**cluster, **more})
    aws.put(
        "AWS::RDS::DBInstance", "legacy-writer", DBInstanceIdentifier="legacy-writer", Engine="aurora-postgresql",
        DBClusterIdentifier="shop-test", DBInstanceClass="db.serverless", PubliclyAccessible=False,
    )  # fmt: skip


def physical(aws: FakeAws, stack: str) -> dict[str, str]:
    return {name: each.physical_id for name, each in aws.stack(stack).resources.items()}


@pytest.mark.long
def test_a_queue_is_imported_and_then_deployed_like_any_other(aws: FakeAws, run: Run) -> None:
    """One import and nothing else; `plan` shows what is otherwise, and the deployment keeps both queues."""
    put_queues(aws)
    told = run("import", *QUEUES, "--yes", "-v")
    assert (aws.stack("shop-test-queue").status, len(aws.stack("shop-test-queue").resources)) == ("IMPORT_COMPLETE", 2)
    assert "queue/JobsQueue: the next deployment changes in it: " in " ".join(told.stderr.split())
    assert re.search(r"← JobsQueue +AWS::SQS::Queue", told.stderr)
    assert "2 to import" in told.stderr
    assert "what the environment has otherwise: `infragen plan --env test" in told.stderr
    [made] = [call for call in aws.calls if call.operation == "CreateChangeSet" and "queue" in call.params["StackName"]]
    assert made.params["ChangeSetType"] == "IMPORT"
    assert made.params.keys().isdisjoint({"Tags", "RoleARN", "OnStackFailure", "IncludeNestedStacks"})
    shown = run("plan", "--format", "json").stdout
    [queue] = [each for each in json.loads(shown)["plans"][0]["stacks"] if each["layer"] == "queue"]
    changed = {each["logical_id"]: each for each in queue["changes"] if each["kind"] != "add"}
    assert {name: each["kind"] for name, each in changed.items()} == {"JobsQueue": "change", "JobsDlq": "change"}
    names = {each["path"][1] for each in changed["JobsQueue"]["properties"] if each["path"][0] == "Properties"}
    assert {"ReceiveMessageWaitTimeSeconds", "RedrivePolicy"} <= names
    assert "QueueName" not in names
    refused = run("deploy", "--yes", code=3).stderr  # its policy goes from Retain to Delete
    places = re.findall(r"--allow-data-loss (queue/\w+)", refused)
    assert sorted(set(places)) == ["queue/JobsDlq", "queue/JobsQueue"]
    run("deploy", "--yes", "--require-approval", "never", *(f"--allow-data-loss={each}" for each in places))
    assert {name: physical(aws, "shop-test-queue")[name] for name in ("JobsQueue", "JobsDlq")} == {
        "JobsQueue": URL, "JobsDlq": f"{URL}-dlq",
    }  # fmt: skip
    assert aws.stack("shop-test-queue").target.tags["infragen:layer"] == "queue"
    assert run("plan", "--detailed-exitcode").exit_code == 0


@pytest.mark.long
def test_an_aurora_cluster_is_imported_with_what_it_cannot_change(aws: FakeAws, run: Run) -> None:
    """Its key and subnet group come along: a cluster keeps both for life. The deployment replaces none of it."""
    put_database(aws)
    run("import", *DATABASE, "--yes")
    template = aws.stack("shop-test-database").target.body["Resources"]
    assert template["Cluster"]["Properties"]["DBSubnetGroupName"] == {"Ref": "SubnetGroup"}
    assert template["Cluster"]["Properties"]["MasterUserSecret"] == {"KmsKeyId": {"Ref": "DataKey"}}
    assert template["Cluster"]["Properties"]["BackupRetentionPeriod"] == 1
    assert {each["DeletionPolicy"] for each in template.values()} == {"Retain"}
    assert "Endpoint" not in str(template)
    before = physical(aws, "shop-test-database")
    refused = run("deploy", "--yes", code=3).stderr
    places = dict.fromkeys(re.findall(r"--allow-data-loss (database/\w+)", refused))
    wide = ("--max-interruption", "outage", "--require-approval", "never")
    run("deploy", "--yes", *wide, *(f"--allow-data-loss={each}" for each in places))
    assert {name: each for name, each in physical(aws, "shop-test-database").items() if name in before} == before


@pytest.mark.parametrize(
    ("setting", "left"),
    [({"DatabaseName": "legacy"}, ()), ({}, ("database/DataKey",)), ({}, ("database/SubnetGroup",))],
    ids=["database name", "key", "subnet group"],
)
def test_what_the_next_deployment_would_replace_is_not_imported(
    aws: FakeAws, run: Run, setting: dict[str, Any], left: tuple[str, ...]
) -> None:
    """The property that forces it is named; no stack and no change set is left."""
    put_database(aws, **setting)
    refused = run("import", *(each for each in DATABASE if not each.startswith(left or ("-",))), "--yes", code=3)
    assert "would replace what is imported" in refused.stderr
    assert "database/Cluster: " in refused.stderr
    assert [each.name for each in aws.cloud.stacks.values() if each.status != "DELETE_COMPLETE"] == [
        "shop-test-artifacts"
    ]


def test_a_queue_of_another_name_is_not_imported(aws: FakeAws, run: Run) -> None:
    """No key of the file gives a queue its name: what to do instead is said, and not to set it there."""
    url = URL.replace("shop-test-jobs", "legacy-mail")
    arn = ARN.replace("shop-test-jobs", "legacy-mail")
    aws.put("AWS::SQS::Queue", url, QueueName="legacy-mail", Arn=arn, QueueUrl=url)
    said = " ".join(run("import", f"queue/JobsQueue={url}", "--yes", code=3).stderr.split())
    assert "queue/JobsQueue: QueueName" in said
    assert "deploy a new one and empty the old one into it" in said
    assert "set them in the environment file" not in said
    assert "ExecuteChangeSet" not in [each.operation for each in aws.calls if "queue" in str(each.params)]


@pytest.mark.long
def test_a_second_import_goes_into_the_stack_that_is_there(aws: FakeAws, run: Run) -> None:
    """The first resources and their parameters stay as they are; one that is in the stack is refused."""
    put_queues(aws)
    run("import", QUEUES[1], "--yes")
    run("import", QUEUES[0], "--yes")
    assert physical(aws, "shop-test-queue") == {"JobsDlq": f"{URL}-dlq", "JobsQueue": URL}
    assert "queue/JobsDlq is in shop-test-queue already" in run("import", QUEUES[1], "--yes", code=2).stderr


@pytest.mark.long
def test_a_stack_that_only_an_import_made_is_shown_and_deleted(aws: FakeAws, run: Run) -> None:
    """CloudFormation gives it no tags; the description of its change set says whose it is. The queues are retained."""
    put_queues(aws)
    run("import", *QUEUES, "--yes")
    assert re.search(r"queue +IMPORT_COMPLETE", run("status").stdout)
    aws.stack("shop-test-queue").target.tags["owner"] = "others"  # another tool's by now
    assert not re.search(r"queue +IMPORT_COMPLETE", run("status").stdout)
    assert "shop-test-queue" not in run("destroy", "--yes").stdout
    del aws.stack("shop-test-queue").target.tags["owner"]
    said = run("destroy", "--yes").stdout
    assert re.search(r"queue +deleted", said)
    assert f"`aws sqs delete-queue --queue-url {URL}`" in said or f"queue/JobsQueue  AWS::SQS::Queue  {URL}" in said
    assert aws.stack("shop-test-queue").status == "DELETE_COMPLETE"


@pytest.mark.long
def test_an_import_into_a_deployed_stack_changes_nothing_else(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """Outputs, tags and the other resources of the stack are those of before."""
    run("deploy", "--yes")
    file = tmp_path / "environments" / "test.yaml"
    file.write_text(file.read_text().replace("    max_receives: 4\n", "    max_receives: 4\n  - name: mail\n"))
    url = URL.replace("jobs", "mail")
    aws.put("AWS::SQS::Queue", url, QueueName="shop-test-mail", Arn=ARN.replace("jobs", "mail"), QueueUrl=url)
    stack = aws.stack("shop-test-queue")
    before = (dict(stack.outputs), dict(stack.target.tags), physical(aws, "shop-test-queue"))
    run("import", f"queue/MailQueue={url}", "--yes")
    stack = aws.stack("shop-test-queue")
    after = (dict(stack.outputs), dict(stack.target.tags), physical(aws, "shop-test-queue"))
    assert after == (before[0], before[1], {**before[2], "MailQueue": url})
    assert stack.status == "IMPORT_COMPLETE"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("queue/JobsQueue",), 2, "names no resource to import"),
        (("queue/JobsQueue=",), 2, "names no resource to import"),
        ((QUEUES[0], f"queue/JobsDlq={URL}"), 2, "comes twice"),
        (("queue/Nothing=x",), 2, "it can import "),
        (("queue/JobsQueuePolicy=x",), 2, "which infragen does not import"),
        (("cache/Table=x",), 2, "it can import "),
        (("queue/JobsQueue=https://sqs.us-east-1.amazonaws.com/111122223333/other",), 2, "there is no AWS::SQS::Queue"),
        ((QUEUES[0],), 3, "answer with --yes"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_said(
    aws: FakeAws, run: Run, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """Before anything is created, or with what was created taken away again."""
    put_queues(aws)
    confirmed = () if code == 3 else ("--yes",)
    assert said in " ".join(run("import", *arguments, *confirmed, code=code).stderr.split())
    assert [each.name for each in aws.cloud.stacks.values() if each.status != "DELETE_COMPLETE"] == [
        "shop-test-artifacts"
    ]


def test_the_nested_topology_is_refused(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """With the way that there is."""
    (tmp_path / "environments" / "test.yaml").write_text(head(topology="nested") + ENVIRONMENT)
    told = run("import", *QUEUES, "--yes", code=3).stderr
    assert "topology: independent" in told


def test_the_emulator_imports_nothing_and_says_so(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """It would accept the change set and not execute it."""
    bench = at_work(aws, load_environment(tmp_path / "environments" / "test.yaml"))
    with pytest.raises(Refused, match="the local emulator imports nothing"):
        import_resources(synthesize(bench.env), replace(bench.session, local=True), {"queue/JobsQueue": URL})


@pytest.mark.long
def test_a_program_reads_the_rows_as_imports(aws: FakeAws, run: Run) -> None:
    """As events, one per line: the plan, the start of the operation, its outcome."""
    put_queues(aws)
    events = [json.loads(each) for each in run("import", *QUEUES, "--yes", "--format", "json").stdout.splitlines()]
    [[plan]] = [each["plan"]["plans"] for each in events if each["type"] == "plan"]
    assert [each["kind"] for stack in plan["stacks"] for each in stack["changes"]] == ["import", "import"]
    assert plan["summary"]["import"] == 2
    assert [each["action"] for each in events if each["type"] == "started"] == ["import"]
    assert [each["status"] for each in events if each["type"] == "outcome"] == ["IMPORT_COMPLETE"]


def test_a_resource_of_another_stack_is_named_with_that_stack(aws: FakeAws, run: Run) -> None:
    """AWS fails the change set; its words are passed on, and nothing is left."""
    put_queues(aws)
    body = {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "shop-test-jobs"}}}
    aws.elsewhere.create_stack({"StackName": "copilot", "TemplateBody": json.dumps({"Resources": body})})
    aws.clock.sleep(60)
    told = " ".join(run("import", *QUEUES, "--yes", code=1).stderr.split())
    assert f"{URL} already exists in stack arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/copilot/" in told


@pytest.mark.long
def test_an_import_that_fails_leaves_the_resources_and_can_be_repeated(aws: FakeAws, run: Run) -> None:
    """The stack is rolled back; the same command goes on from there."""
    put_queues(aws)
    aws.fail("JobsQueue", "Access Denied", on="import", times=1)
    told = run("import", *QUEUES, "--yes", code=1)
    assert "IMPORT_ROLLBACK_COMPLETE" in told.stdout
    assert "Access Denied" in told.stdout
    run("import", *QUEUES, "--yes")
    assert aws.stack("shop-test-queue").status == "IMPORT_COMPLETE"


SERVICE = """\
api:
  https: { mode: http_only }
  ingress_cidrs: [203.0.113.0/24]
  cpu: 256
  memory: 512
  min_tasks: 1
  max_tasks: 2
"""
PAGE = Path(__file__).parents[1] / "docs" / "moving-here.md"


@pytest.mark.long
def test_the_steps_of_the_page_are_typed(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    """Each command of its list in its order, and the import of a queue before the first plan, on an empty account."""
    steps = PAGE.read_text().partition("## Step by step")[2].partition("## Import")[0]
    typed = re.findall(r"`infragen ((?!init)[^`]+)`", steps)
    commands = [shlex.split(each.replace("--env prod", "--env dev")) for each in typed]
    names = [each[0] for each in commands]
    assert names == ["lint", "cost", "doctor", "bootstrap", "plan", "deploy", "outputs", "deploy"]
    queue = "queues:\n  - name: mail\n"
    (tmp_path / "environments" / "dev.yaml").write_text(head("dev") + NETWORK + queue + SERVICE)
    aws.settings.images["shop-dev-api"] = {"v1": ("linux/arm64",)}
    url = f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/shop-dev-mail"
    aws.put("AWS::SQS::Queue", url, QueueName="shop-dev-mail", Arn="arn:mail", QueueUrl=url, SqsManagedSseEnabled=True)
    for command in commands:
        if command[0] == "plan":
            run("import", f"queue/MailQueue={url}", "--yes", env="dev")
        options = ["--endpoint-url", aws.url] if command[0] not in ("lint", "cost") else []
        if command[0] in ("bootstrap", "deploy"):
            options += ["--yes"]
        if command[0] == "deploy":
            options += ["--allow-data-loss=queue/MailQueue", "--require-approval", "never"]
        result = CommandLine(aws.clock).invoke(main, [*command, *options])
        assert result.exit_code == 0, (command, result.output)
    assert physical(aws, "shop-dev-queue")["MailQueue"] == url


ADDON = """\
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: { TopicName: LegacyTopic-8XYZ, DisplayName: News }
  Client:
    Type: AWS::Cognito::UserPoolClient
    Properties: { UserPoolId: us-east-1_Pool, ClientName: web }
  Rights:
    Type: AWS::SNS::TopicPolicy
    Properties: { Topics: [ !Ref Topic ], PolicyDocument: { Version: "2012-10-17", Statement: [] } }
"""


@pytest.mark.long
def test_resources_of_an_addon_are_imported_by_the_identifiers_of_their_types(
    aws: FakeAws, run: Run, tmp_path: Path
) -> None:
    """Whatever their names are; a type with several identifiers takes all of them, one that cannot be read none."""
    (tmp_path / "addons").mkdir()
    (tmp_path / "addons" / "news.yaml").write_text(ADDON)
    topic, client = f"arn:aws:sns:us-east-1:{ACCOUNT}:LegacyTopic-8XYZ", "us-east-1_Pool|client1"
    aws.put("AWS::SNS::Topic", topic, TopicArn=topic, TopicName="LegacyTopic-8XYZ", DisplayName="Old")
    aws.put("AWS::Cognito::UserPoolClient", client, UserPoolId="us-east-1_Pool", ClientId="client1", ClientName="web")
    half = run("import", "news/Client=client1", "--yes", code=2)
    assert "give UserPoolId|ClientId, in quotes: 'news/Client=…|…'" in " ".join(half.stderr.split())
    said = " ".join(run("import", "news/Rights=x", "--yes", code=2).stderr.split())
    assert "news/Rights is AWS::SNS::TopicPolicy, which infragen does not import into" in said
    assert "news/Topic, news/Client" in said
    run("import", f"news/Topic={topic}", f"news/Client={client}", "--yes")
    assert physical(aws, "shop-test-news") == {"Topic": topic, "Client": client}
    [made] = [call for call in aws.calls if call.params.get("ChangeSetType") == "IMPORT"]
    identifiers = {each["LogicalResourceId"]: each["ResourceIdentifier"] for each in made.params["ResourcesToImport"]}
    assert identifiers == {
        "Topic": {"TopicArn": topic}, "Client": {"UserPoolId": "us-east-1_Pool", "ClientId": "client1"},
    }  # fmt: skip
