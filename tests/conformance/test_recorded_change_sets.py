"""The fake of CloudFormation answers as CloudFormation itself did, in scenarios of a creation and an update.

Each YAML file beside this one holds scenarios: two templates, what CloudFormation answered to the change set of each
with and without property values, how the stack was described after each execution and after its deletion, and the
events of each resource. `scenario` and `recorded` name the recording that an answer is from: a test of the public
repository localstack/localstack (tests/aws/services/cloudformation), which keeps what AWS answered and when.

These are all 99 such scenarios there. What the macros of the recordings do is written here in our own words; of
AWS::Serverless so much as its one scenario needs, with the digest in a deployment's name as it was recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import facts
import pytest
import yaml
from fakeaws import FakeAws

HERE = Path(__file__).parent
SCENARIOS = [
    each
    for path in sorted(HERE.glob("*.yaml"))
    for each in yaml.load(path.read_bytes(), yaml.CSafeLoader)  # a safe one
]
ACCOUNT, REGION, STACK = "111111111111", "us-east-1", "Recorded-Scenario"
WORDS = {"arn:aws:": "arn:PARTITION:", ACCOUNT: "ACCOUNT", REGION: "REGION", STACK: "STACK"}


INCLUDED = "recorded-included"


def replaced(fragment: Any, given: Any, values: Any) -> Any:
    """Puts a word before each mark, so that the order of macros shows."""
    return json.loads(json.dumps(fragment).replace("<here>", f"{given['Input']} <here>"))


def formatted(fragment: Any, given: Any, values: Any) -> Any:
    """Fills in the parameters of the template."""
    text = json.dumps(fragment)
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return json.loads(text)


def serverless(fragment: Any, given: Any, values: Any) -> Any:
    """Makes of each function of AWS::Serverless, which has one event Api, a function, a role and an API of its own."""
    tags = [{"Key": "lambda:createdBy", "Value": "SAM"}]
    found: dict[str, Any] = {}
    for name, written in fragment["Resources"].items():
        own = written["Properties"]
        [(event, api)] = own["Events"].items()
        path, method = api["Properties"]["Path"], api["Properties"]["Method"]
        trust = {"Action": ["sts:AssumeRole"], "Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com"]}}
        uri = f"arn:aws:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{{name}.Arn}}/invocations"
        integration = {"httpMethod": "POST", "type": "aws_proxy", "uri": {"Fn::Sub": uri}}
        body = {
            "info": {"version": "1.0", "title": {"Ref": "AWS::StackName"}}, "swagger": "2.0",
            "paths": {path: {method: {"x-amazon-apigateway-integration": integration, "responses": {}}}},
        }  # fmt: skip
        source = f"arn:aws:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{Api}}/*/{method.upper()}{path}"
        rest, deployment = {"Ref": "ServerlessRestApi"}, f"ServerlessRestApiDeployment{DEPLOYMENT[:10]}"
        made = {
            name: ("Lambda::Function", {
                "Code": {"ZipFile": own["InlineCode"]}, "Handler": own["Handler"], "Runtime": own["Runtime"],
                "Role": {"Fn::GetAtt": [f"{name}Role", "Arn"]}, "Tags": tags,
            }),
            f"{name}{event}PermissionProd": ("Lambda::Permission", {
                "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com",
                "FunctionName": {"Ref": name},
                "SourceArn": {"Fn::Sub": [source, {"Api": rest}]},
            }),
            f"{name}Role": ("IAM::Role", {
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}, "Tags": tags,
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
            }),
            "ServerlessRestApi": ("ApiGateway::RestApi", {"Body": body}),
            deployment: ("ApiGateway::Deployment", {
                "Description": f"RestApi deployment id: {DEPLOYMENT}", "RestApiId": rest, "StageName": "Stage",
            }),
            "ServerlessRestApiProdStage": ("ApiGateway::Stage", {
                "DeploymentId": {"Ref": deployment}, "RestApiId": rest, "StageName": "Prod",
            }),
        }  # fmt: skip
        found |= {key: {"Type": f"AWS::{kind}", "Properties": values} for key, (kind, values) in made.items()}
    return {**fragment, "Resources": found}


DEPLOYMENT = "47fc2d5f9d21ad56f83937abe2779d0e26d7095e"
"""The digest of the API's description that AWS computed when the scenario was recorded."""

MACROS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "AWS::Serverless-2016-10-31": serverless,
    "AddTags": lambda fragment, given, values: {**fragment, "Tags": {"MacroAdded": "True"}},
    "Format": formatted,
    "Generate": lambda fragment, given, values: f"{given['Prefix']}-made",
    "LeaveAlone": lambda fragment, given, values: fragment,
    "ReplaceString": replaced,
}


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with FakeAws() as fake:
        fake.settings.account = ACCOUNT
        fake.settings.macros.update(MACROS)
        yield fake
        fake.check()


def in_words(answer: Any) -> Any:
    """An answer with the words of the recordings for what differs in each run."""
    text = json.dumps(answer, default=str)
    for value, word in WORDS.items():
        text = text.replace(value, word)
    return json.loads(re.sub(f"(stack/{WORDS[STACK]}/)[-0-9a-f]{{36}}", r"\1ID", text))


def deploy(aws: FakeAws, kind: str, step: dict[str, Any]) -> dict[str, Any]:
    """One creation or update through a change set: what was answered, in the form of a recorded step."""
    cloudformation = aws.client("cloudformation")
    aws.settings.ssm = step.get("ssm", {})
    if "included" in step:
        aws.client("s3").create_bucket(Bucket=INCLUDED)
        aws.client("s3").put_object(Bucket=INCLUDED, Key="part", Body=step["included"].encode())
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in step.get("parameters", {}).items()]
    change_set = cloudformation.create_change_set(
        StackName=STACK,
        ChangeSetName=f"set-{kind.lower()}",
        ChangeSetType=kind,
        TemplateBody=json.dumps(step["template"]),
        Parameters=given,
        Capabilities=step.get("capabilities", []),
    )["Id"]
    aws.clock.sleep(10)
    without = facts.change_set(in_words(cloudformation.describe_change_set(ChangeSetName=change_set)))
    values = facts.change_set(
        in_words(cloudformation.describe_change_set(ChangeSetName=change_set, IncludePropertyValues=True))
    )
    cloudformation.execute_change_set(ChangeSetName=change_set)
    aws.clock.sleep(300)
    described = in_words(cloudformation.describe_stacks(StackName=STACK)["Stacks"][0])
    return {"change set": without, "with values": values, "stack": facts.stack(described)}


def expected(step: dict[str, Any]) -> dict[str, Any]:
    """What the recording says of a step; with values it repeats only what differs."""
    without = step["change set"]
    again = {key: without[key] for key in ("Status", "ExecutionStatus", "Parameters") if key in without}
    return {"change set": without, "with values": {**again, **step["with values"]}, "stack": step["stack"]}


@pytest.mark.long
@pytest.mark.parametrize("recorded", SCENARIOS, ids=[each["scenario"].split("::", 1)[1] for each in SCENARIOS])
def test_the_fake_answers_as_cloudformation_did(aws: FakeAws, recorded: dict[str, Any]) -> None:
    cloudformation = aws.client("cloudformation")
    aws.settings.additions_are_replacements = recorded["recorded"] < "2025-05-19"
    for kind in ("create", "update"):
        assert deploy(aws, kind.upper(), recorded[kind]) == expected(recorded[kind]), kind
    stack_id = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
    answered = in_words(cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"])
    cloudformation.delete_stack(StackName=STACK)
    aws.clock.sleep(300)
    assert facts.stack(in_words(cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0])) == recorded["deleted"]
    for name, wanted in recorded.get("events", {}).items():
        assert facts.events(each for each in answered if each["LogicalResourceId"] == name) == wanted, name
