"""Addons: plain CloudFormation in `addons/` beside the environment files, treated as layers everywhere."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from commands import CommandLine
from emulator import REGION, log_in
from hypothesis import given
from hypothesis import strategies as st

from infragen.assembly.synth import synthesize
from infragen.assembly.templatefile import dump_yaml, parse
from infragen.cli import main
from infragen.config import Environment
from infragen.config.addon import read_addon
from infragen.config.setting_lookup import origin
from infragen.layers.addons import variable_of
from infragen.layers.project import load_file
from infragen.machine.emulator import Emulator

ENVIRONMENT = f"""project: shop
environment: dev
region: {REGION}
account: "111111111111"
network: {{nat: instance}}
api: {{https: {{mode: http_only}}, ingress_cidrs: [203.0.113.0/24], cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2}}
queues: [{{name: mail}}]
workers: [{{name: mailer, queue: mail}}]
"""
UPLOADS = """AWSTemplateFormatVersion: 2010-09-09
Description: Bucket for uploads
Parameters:
  AlarmTopicArn: {Type: String}
  EnvironmentName: {Type: String}
Mappings:
  Days:
    dev: {Number: 7}
    prod: {Number: 365}
Conditions:
  IsProd: !Equals [!Ref EnvironmentName, prod]
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      LifecycleConfiguration:
        Rules:
          - {Id: old, Status: Enabled, ExpirationInDays: !FindInMap [Days, !Ref EnvironmentName, Number]}
      VersioningConfiguration: {Status: !If [IsProd, Enabled, Suspended]}
      PublicAccessBlockConfiguration:
        {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true}
      Tags: [{Key: Alarms, Value: !Ref AlarmTopicArn}]
  Access:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - {Effect: Allow, Action: [s3:GetObject, s3:PutObject], Resource: !Sub "${Bucket.Arn}/*"}
Outputs:
  BucketName:
    Description: Where uploads are
    Value: !Ref Bucket
  AccessPolicy: {Value: !Ref Access}
"""


def project(folder: Path, environment: str = ENVIRONMENT, /, **addons: str) -> Path:
    """A project of one environment with these addons; `a_b` becomes the file a-b.yaml."""
    (folder / "environments").mkdir(exist_ok=True)
    (folder / "environments" / "dev.yaml").write_text(environment)
    (folder / "addons").mkdir(exist_ok=True)
    for name, text in addons.items():
        (folder / "addons" / f"{name.replace('_', '-')}.yaml").write_text(text)
    return folder


def run(root: Path, *arguments: str, code: int = 0) -> Result:
    """A command of infragen on that project, which ends with this exit code."""
    done = CommandLine().invoke(main, [*arguments, "--environments", str(root / "environments")])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def bodies(root: Path) -> dict[str, Any]:
    env = load_file(root / "environments" / "dev.yaml").environment
    return {each.layer: parse(each.text) for each in synthesize(env).templates}


def test_a_parameter_is_wired_and_each_output_reaches_api_and_workers(tmp_path: Path) -> None:
    """The template stays as it is written, but for parameters and the names of its outputs."""
    found = bodies(project(tmp_path, uploads=UPLOADS))
    own, written = found["uploads"], parse(UPLOADS)
    assert {key: own[key] for key in ("Mappings", "Conditions", "Resources")} == {
        key: written[key] for key in ("Mappings", "Conditions", "Resources")
    }
    assert set(own["Parameters"]) == {"AlarmTopicArn", "EnvironmentName"}
    assert own["Parameters"]["EnvironmentName"]["Default"] == "dev"
    assert own["Outputs"] == {
        "UploadsBucketName": {"Value": {"Ref": "Bucket"}, "Description": "Where uploads are"},
        "UploadsAccessPolicy": {"Value": {"Ref": "Access"}, "Description": "AccessPolicy of the addon uploads"},
    }
    container = found["api"]["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"][0]
    assert {"Name": "UPLOADS_BUCKET_NAME", "Value": {"Ref": "UploadsBucketName"}} in container["Environment"]
    variables = found["worker"]["Resources"]["MailerFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["UPLOADS_BUCKET_NAME"] == {"Ref": "UploadsBucketName"}
    for role in (found["api"]["Resources"]["TaskRole"], found["worker"]["Resources"]["MailerRole"]):
        assert role["Properties"]["ManagedPolicyArns"] == [{"Ref": "UploadsAccessPolicy"}]
    assert "UPLOADS_ACCESS_POLICY" not in json.dumps(found)
    assert list(found).index("uploads") < list(found).index("api")


@pytest.mark.parametrize(
    ("addon", "output", "variable"),
    [
        ("uploads", "BucketName", "UPLOADS_BUCKET_NAME"),
        ("search-index", "URL", "SEARCH_INDEX_URL"),
        ("cache", "HTTPEndpoint2Url", "CACHE_HTTP_ENDPOINT2_URL"),
    ],
)
def test_the_name_of_a_variable_is_that_of_addon_and_output(addon: str, output: str, variable: str) -> None:
    """In capitals, words divided."""
    assert variable_of(addon, output) == variable


@pytest.mark.long
def test_only_the_environments_that_are_listed_have_an_addon(tmp_path: Path) -> None:
    """And what reads them is not a part of the template."""
    project(tmp_path)
    (tmp_path / "environments" / "prod.yaml").write_text(ENVIRONMENT.replace("environment: dev", "environment: prod"))
    for environment, there in (("dev", True), ("prod", False)):
        text = UPLOADS.replace(
            "Parameters:", f"Metadata: {{infragen: {{Environments: [{environment}]}}}}\nParameters:", 1
        )
        found = bodies(project(tmp_path, uploads=text))
        assert ("uploads" in found) is there
        assert ("UPLOADS_BUCKET_NAME" in json.dumps(found)) is there
        assert "Environments" not in json.dumps(found)
    (tmp_path / "others").mkdir()
    (tmp_path / "environments" / "prod.yaml").rename(tmp_path / "others" / "prod.yaml")
    assert "uploads" not in bodies(tmp_path)  # a directory beside shares the addons


def test_an_addon_takes_the_output_of_another_addon(tmp_path: Path) -> None:
    """Under the name of the addon and the output, in whatever order the files are."""
    reader = """
Parameters: {UploadsBucketName: {Type: String}}
Resources:
  Name: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref UploadsBucketName}}
"""
    found = bodies(project(tmp_path, uploads=UPLOADS, reader=reader))
    assert list(found).index("uploads") < list(found).index("reader")


def test_json_is_read_as_well(tmp_path: Path) -> None:
    """The ending decides the name alone."""
    root = project(tmp_path)
    (root / "addons" / "uploads.json").write_text(json.dumps(parse(UPLOADS), default=str))
    (root / "addons" / "README.md").write_text("no addon")
    assert "UPLOADS_BUCKET_NAME" in json.dumps(bodies(root))
    (root / "addons" / "uploads.yaml").write_text(UPLOADS)
    assert "uploads.json is called so already" in run(root, "render", code=2).output


PART = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n"
REFUSED = {
    "an export": (PART + "Outputs:\n  Arn:\n    Value: !Ref Topic\n    Export: {Name: x}\n", "7:5", "exported"),
    "a macro": ("Transform: AWS::Serverless-2016-10-31\n" + PART, "1:1", "no section Transform: a macro"),
    "rules": ("Rules: {}\n" + PART, "1:1", "no section Rules"),
    "a section of nobody": (PART + "Resource: {}\n", "4:1", "no section Resource: known"),
    "a nested stack": (
        "Resources:\n  Child:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: x}\n", "3:11",
        "no AWS::CloudFormation::Stack",
    ),
    "a stack set": ("Resources:\n  A: {Type: AWS::CloudFormation::StackSet}\n", "2:13", "no AWS::CloudFormation::Sta"),
    "a module": ("Resources:\n  A: {Type: My::Own::Part::MODULE}\n", "2:13", "modules are expanded"),
    "no type": ("Resources:\n  A: {Properties: {}}\n", "2:3", "needs a Type"),
    "an attribute of nobody": (PART + "    DeletonPolicy: Retain\n", "4:5", "no attribute DeletonPolicy"),
    "no resources": ("Description: x\n", "1:1", "no Resources"),
    "a default": (
        "Parameters:\n  VpcId:\n    Type: String\n    Default: x\n" + PART + "    Metadata: {A: !Ref VpcId}\n", "4:5",
        "the parameter VpcId has Default, but infragen gives its value",
    ),
    "a pattern": (
        "Parameters:\n  VpcId: {Type: String, AllowedPattern: x}\n" + PART + "    Metadata: {A: !Ref VpcId}\n", "2:25",
        "has AllowedPattern",
    ),
    "NoEcho": (
        "Parameters:\n  VpcId: {Type: String, NoEcho: true}\n" + PART + "    Metadata: {A: !Ref VpcId}\n", "2:25",
        "has NoEcho",
    ),
    "an unused parameter": ("Parameters:\n  VpcId: {Type: String}\n" + PART, "2:3", "VpcId is not used"),
    "an unknown parameter": (
        "Parameters:\n  Size: {Type: String}\n" + PART + "    Metadata: {A: !Ref Size}\n", "2:3",
        "the parameter Size is no output of a layer that dev has",
    ),
    "a parameter of another type": (
        "Parameters:\n  VpcId: {Type: 'AWS::EC2::VPC::Id'}\n" + PART + "    Metadata: {A: !Ref VpcId}\n", "2:11",
        "but VpcId of network is a String",
    ),
    "a select of what another layer gives": (
        "Parameters:\n  PrivateSubnetIds: {Type: CommaDelimitedList}\n" + PART
        + "    Metadata:\n      A: !Select [0, !Ref PrivateSubnetIds]\n", "7:10",
        "Fn::Select looks into PrivateSubnetIds",
    ),
    "a split in a Sub": (
        "Parameters:\n  VpcId: {Type: String}\n" + PART
        + "    Metadata:\n      A: {'Fn::Split': ['-', !Sub 'x-${VpcId}']}\n", "7:11", "Fn::Split looks into VpcId",
    ),
    "a condition on what another layer gives": (
        "Parameters:\n  VpcId: {Type: String}\nConditions:\n  A: !Equals [!Ref VpcId, x]\n" + PART, "4:6",
        "Fn::Equals looks into VpcId",
    ),
    "an import": (PART + "    Metadata: {A: !ImportValue x}\n", "4:19", "no Fn::ImportValue: layers are wired"),
    "a loop": (PART + "    Metadata: {'Fn::ForEach::A': [x, [y], {}]}\n", "4:16", "it needs a transform"),
    "a function of nobody": (PART + "    Metadata: {A: {'Fn::Nope': x}}\n", "4:20", "no Fn::Nope: it is not known"),
    "an unknown tag": (PART + "    Metadata: {A: !Nope x}\n", "4:19", "the tag !Nope is not allowed"),
    "a reference to nothing": (PART + "    Metadata: {A: !Ref Tpic}\n", "4:19", "Tpic is no parameter or resource"),
    "a Sub of nothing": (PART + "    Metadata: {A: !Sub '${Tpic.Arn}'}\n", "4:19", "${Tpic.Arn} is no parameter"),
    "a GetAtt of nothing": (PART + "    Metadata: {A: !GetAtt Tpic.Arn}\n", "4:19", "Tpic is no resource"),
    "a list as an output": (PART + "Outputs: {A: {Value: [x]}}\n", "4:22", "must be a text or a function"),
    "an output under a condition": (
        "Conditions: {A: !Equals [!Ref 'AWS::Region', x]}\n" + PART + "Outputs: {B: {Value: x, Condition: A}}\n",
        "5:25",        "has a Condition",
    ),
    "a secret as an output": (
        PART + "Outputs: {A: {Value: '{{resolve:secretsmanager:x}}'}}\n", "4:22", "{{resolve:…}} is refused here",
    ),
    "a credential": (
        PART + "    Properties: {DisplayName: AKIA" + "Z7VRLSKQ4MDJPHX2" + "}\n", "4:31", "(not shown)",
    ),
    "YAML 1.1": (PART + "    Properties: {FifoTopic: yes}\n", "4:29", 'write "yes"'),
    "metadata of ours": ("Metadata: {infragen: {Stages: [dev]}}\n" + PART, "1:23", "no key Stages; known"),
    "no YAML": ("Resources:\n  - a\n  b: c\n", "3:3", "does not belong"),
    "properties that are a text": (PART + "    Properties: hello\n", "4:17", "Properties must be a map"),
    "a list of maps to depend on": (PART + "    DependsOn: [{a: b}]\n", "4:16", "DependsOn must be a text or"),
    "a list as a policy": (PART + "    DeletionPolicy: [Retain]\n", "4:21", "DeletionPolicy must be a text"),
    "a null": (PART + "    Metadata: {A: ~}\n", "4:19", "takes no null"),
    "conditions in a circle": (
        "Conditions:\n  A: !Not [!Condition B]\n  B: !Not [!Condition A]\n" + PART, "2:3",
        "the conditions A -> B -> A need each other",
    ),
    "a Sub of three": (PART + "    Metadata: {A: !Sub [a, {b: c}, d]}\n", "4:19", "Fn::Sub takes a text, or a list"),
    "a Sub with a list": (PART + "    Metadata: {A: !Sub ['${b}', [b]]}\n", "4:19", "Fn::Sub takes a text, or a list"),
    "a Sub that is not closed": (
        PART + "    Metadata: {A: !Sub 'x-${AWS::Region'}\n", "4:19", "${AWS::Region is not closed",
    ),
    "a Sub that ends in the middle": (
        PART + "    Metadata:\n      Fn::Sub: ['${AWS::Region}-${', {}]\n", "5:17", "${ is not closed",
    ),
    "a literal that is not closed": (PART + "    Metadata: {A: !Sub '${!x'}\n", "4:19", "${!x is not closed"),
    "a Sub of no name": (PART + "    Metadata: {A: !Sub 'x-${}'}\n", "4:19", "${}: names in an Fn::Sub have letters"),
    "a Sub with a default": (PART + "    Metadata: {A: !Sub '${x:-y}'}\n", "4:19", "${x:-y}: names in an Fn::Sub"),
    "an environment of nobody": (
        "Metadata: {infragen: {Environments: [dev, def]}}\n" + PART, "1:43",
        "there is no environment def",
    ),
    "a long name of an output": (
        PART + "Outputs: {" + "X" * 250 + ": {Value: !Ref Topic}}\n", "4:11", "256 characters; CloudFormation allows",
    ),
    "two outputs with one variable": (
        PART + "Outputs:\n  FooBar: {Value: a}\n  FOOBar: {Value: b}\n", "6:3",
        "FooBar and FOOBar would both be the variable TOPICS_FOO_BAR",
    ),
    "501 resources": (
        "Resources:\n" + "".join(f"  T{n}: {{Type: AWS::SNS::Topic}}\n" for n in range(501)), "1:1",
        "layer topics: 501 resources; CloudFormation allows 500",
    ),
    "a logical id": ("Resources:\n  my-topic: {Type: AWS::SNS::Topic}\n", "2:3", "my-topic is no logical id"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_an_addon_may_not_do_is_refused_with_its_line(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, file, line and column, by the command that a user runs; nothing is written."""
    text, place, words = REFUSED[case]
    root = project(tmp_path, topics=text)
    monkeypatch.chdir(root)
    done = CommandLine().invoke(main, ["render"])
    assert done.exit_code == 2, done.output
    said = " ".join(done.output.split())
    assert f"addons/topics.yaml:{place}: " in said, said
    assert words in said, said
    assert "hint: " in said
    assert "AKIAZ7" not in said
    assert not (root / "templates").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("network", "network is a name of infragen's own"),
        ("cost", "cost is a key of infragen's own"),
        ("root", "root is a name of infragen's own"),
        ("Uploads", "Uploads is no name of an addon"),
        ("a_rather_long_name_of_an_addon", "at most 20 characters"),
    ],
)
def test_a_name_that_is_taken_or_cannot_be_is_refused(tmp_path: Path, name: str, words: str) -> None:
    """As that of a layer: it is a part of the names of stacks."""
    done = run(project(tmp_path, **{name: PART}), "render", code=2)
    assert words in " ".join(done.output.split())


def test_a_variable_of_ours_is_not_replaced(tmp_path: Path) -> None:
    """An output whose variable infragen sets itself is refused."""
    text = PART + "Outputs: {Url: {Value: !Ref Topic}}\n"
    environment = ENVIRONMENT.replace("[{name: mail}]", "[{name: mail}, {name: url}]")
    done = run(project(tmp_path, environment, queue_url=text), "render", code=2)
    assert "QUEUE_URL_URL" in done.output


def test_a_circle_is_named(tmp_path: Path) -> None:
    """What takes an output of the API can give it nothing."""
    text = f"Parameters: {{EcsClusterName: {{Type: String}}}}\n{PART}    Metadata: {{A: !Ref EcsClusterName}}\n"
    assert "topics" in bodies(project(tmp_path, topics=text))
    done = run(project(tmp_path, topics=text + "Outputs: {Arn: {Value: !Ref Topic}}\n"), "render", code=2)
    assert "take outputs of each other in a circle" in done.output


def test_the_line_of_the_addon_is_the_origin_of_its_rows(tmp_path: Path) -> None:
    """Of a property, and of a resource as such."""
    root = project(tmp_path, uploads=UPLOADS)
    file = load_file(root / "environments" / "dev.yaml")
    where = origin(file, "uploads", "Bucket", ("Properties", "VersioningConfiguration", "Status"))
    assert str(where).endswith("addons/uploads.yaml:21 Resources.Bucket.Properties.VersioningConfiguration.Status")
    assert str(origin(file, "uploads", "Access")).endswith("addons/uploads.yaml:25 Resources.Access")


def test_a_bucket_without_policies_for_its_deletion_is_an_error_of_lint(tmp_path: Path) -> None:
    """What holds data says what becomes of it, as in the layers."""
    text = UPLOADS.replace("    DeletionPolicy: RetainExceptOnCreate\n", "")
    done = run(project(tmp_path, uploads=text), "lint", code=2)
    assert "addons/uploads.yaml:13:3: error W3011 Bucket" in done.output


OF_ALL_KINDS = """Resources:
  Files: {Type: AWS::S3::Bucket}
  Known:
    Type: AWS::S3::Bucket
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
  Table:
    Type: AWS::DynamoDB::Table
    Metadata: {cfn-lint: {config: {ignore_checks: [I3011]}}}
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: a, AttributeType: S}]
      KeySchema: [{AttributeName: a, KeyType: HASH}]
  Group:
    Type: AWS::MemoryDB::ACL
    Properties: {ACLName: a}
  Atlas:
    Type: MongoDB::Atlas::Cluster
    Properties: {Name: a}
  Misspelt:
    Type: aws::S3::Bucket
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
  Younger:
    Type: AWS::Quux::Brandnew
    Metadata: {cfn-lint: {config: {ignore_checks: [E3006]}}}
  Topic: {Type: AWS::SNS::Topic}
"""


def test_what_holds_data_or_may_hold_it_says_what_becomes_of_it(tmp_path: Path) -> None:
    """An error where infragen knows that it does, whatever cfn-lint's list says; a warning where it does not know, of a
    type from outside of AWS and of one that is younger than the schemas. A type of AWS's that there is not is an error.
    """
    root = project(tmp_path, things=OF_ALL_KINDS)
    (root / "layers").mkdir()
    (root / "layers/more.py").write_text(
        "from troposphere.s3 import Bucket\nfrom infragen.layer import Extension\n\n"
        "def add(template, env):\n    template.add_resource(Bucket('Uploads'))\n\n"
        "EXTENSIONS = (Extension(layer='queue', resources=add),)\n"
    )
    said = run(root, "lint", code=2).output
    found = {words[0].split("/", len(root.parts))[-1]: words[1:4] for words in map(str.split, said.splitlines())}
    rule = "infragen-deletion-policy"
    assert {place: words for place, words in found.items() if "things.yaml" in place or "more.py" in place} == {
        "layers/more.py:5:27:": ["error", rule, "Uploads:"],
        "addons/things.yaml:2:3:": ["error", rule, "Files:"],
        "addons/things.yaml:7:3:": ["error", rule, "Table:"],
        "addons/things.yaml:14:3:": ["warning", rule, "Group:"],
        "addons/things.yaml:17:3:": ["warning", rule, "Atlas:"],
        "addons/things.yaml:18:5:": ["warning", "E3006", "Atlas"],
        "addons/things.yaml:21:5:": ["error", "E3006", "Misspelt"],
        "addons/things.yaml:24:3:": ["warning", rule, "Younger:"],
    }
    assert "Atlas: infragen does not know whether MongoDB::Atlas::Cluster holds data: write DeletionPolicy and" in said


@pytest.mark.long
def test_a_finding_names_the_line_of_the_addon_in_every_format(tmp_path: Path) -> None:
    """Of a property, of a resource and of an output, which has another name in the rendered file."""
    root = project(tmp_path, uploads=UPLOADS.replace("Status: Enabled, Exp", "Status: Perhaps, Exp"))
    (root / "addons/topics.json").write_text(json.dumps({
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Titel": "x"}}},
        "Outputs": {"Made": {"Value": {"Fn::GetAtt": ["Topic", "Nothing"]}}},
    }, indent=1))  # fmt: skip
    text = run(root, "lint", code=2).output
    assert "addons/uploads.yaml:20:23: error E3030 Bucket Properties.LifecycleConfiguration.Rules[0].Status: " in text
    assert "(templates/dev/uploads.yaml:" in text
    assert "addons/topics.json:6:5: error E3002 Topic " in text
    assert "addons/topics.json:15:6: error E6101 Outputs TopicsMade.Value" in text
    rows = json.loads(run(root, "lint", "--format", "json", code=2).stdout)["findings"]
    [row] = [each for each in rows if each["rule"] == "E3030"]
    assert (row["file"].endswith("addons/uploads.yaml"), row["line"], row["column"]) == (True, 20, 23)
    assert row["rendered"].startswith("templates/dev/uploads.yaml:")
    sarif = json.loads(run(root, "lint", "--format", "sarif", code=2).stdout)["runs"][0]["results"]
    assert {"startLine": 20, "startColumn": 23} in [
        each["locations"][0]["physicalLocation"]["region"] for each in sarif
    ]
    assert "addons/uploads.yaml,line=20,col=23" in run(root, "lint", "--format", "github", code=2).output
    assert "addons/uploads.yaml:20:23 (templates" in run(root, "lint", "--format", "junit", code=2).output


@pytest.mark.long
def test_commands_that_only_read_know_addons(tmp_path: Path) -> None:
    """The drawing, the estimate and a comparison with a commit without the addon."""
    root = project(tmp_path)
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    project(root, uploads=UPLOADS)
    assert "uploads" in run(root, "graph", "--env", "dev").output
    assert "uploads/Bucket" in run(root, "cost", "--env", "dev").output
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        done = CommandLine().invoke(main, ["diff", "--env", "dev", "--against", "HEAD"])
    assert "uploads" in done.output, done.output


@pytest.mark.long
def test_the_example_of_the_page_is_an_addon_without_findings(tmp_path: Path) -> None:
    """As it is printed in docs/addons.md."""
    page = (Path(__file__).parents[1] / "docs" / "addons.md").read_text()
    example = page.partition("```yaml addon\n")[2].partition("```")[0]
    root = project(tmp_path, uploads=example)
    assert "no findings" in run(root, "lint", "--fail-on", "informational").output
    assert "UPLOADS_BUCKET_NAME" in json.dumps(bodies(root))


def local(root: Path, emulator: Emulator, *arguments: str, code: int = 0) -> str:
    """A command on the emulator, in this process."""
    done = run(root, *arguments, "--env", "dev", "--endpoint-url", emulator.endpoint_url, code=code)
    return " ".join(done.output.split())


@pytest.mark.long
@pytest.mark.parametrize("topology", ["nested", "independent"])
def test_an_addon_lives_from_creation_to_deletion(
    tmp_path: Path, topology: str, emulator: Emulator, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned, deployed, found in sync, changed, refused where it would lose data, destroyed."""
    log_in(monkeypatch, emulator, account)
    environment = ENVIRONMENT.replace("111111111111", account) + f"topology: {topology}\n"
    root = project(tmp_path, environment, uploads=UPLOADS)
    local(root, emulator, "bootstrap", "--yes")
    assert "+ uploads" in local(root, emulator, "plan")
    local(root, emulator, "deploy", "--yes")
    assert "uploads" in local(root, emulator, "status")
    assert ": nothing" in local(root, emulator, "plan")
    wider = UPLOADS.replace("[s3:GetObject, s3:PutObject]", "['s3:*']")
    project(root, environment, uploads=wider)
    said = local(root, emulator, "plan")
    assert "uploads/Access" in said
    assert "addons/uploads.yaml:31" in said
    local(root, emulator, "deploy", "--yes", code=3)
    project(root, environment, uploads=UPLOADS.replace("  Bucket:\n", "  Store:\n").replace("Ref Bucket", "Ref Store")
            .replace("${Bucket.Arn}", "${Store.Arn}"))  # fmt: skip
    assert "uploads/Bucket" in local(root, emulator, "deploy", "--yes", code=3)
    project(root, environment, uploads=UPLOADS)
    local(root, emulator, "destroy", "--yes", "--confirm", "dev")


@given(st.recursive(st.text("ab:{}$!", max_size=5) | st.integers(0, 9) | st.booleans(),
                    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["A", "B"]), inner),
                    max_leaves=5))  # fmt: skip
def test_what_is_written_is_what_is_deployed(value: Any) -> None:
    """Whatever a property holds, the template has the same."""
    body = {"Resources": {"A": {"Type": "AWS::SNS::Topic", "Metadata": {"Value": value}}}}
    assert read_addon("a", dump_yaml(body).encode(), "a.yaml").body == body


def test_an_environment_without_addons_has_the_model_of_infragen(tmp_path: Path) -> None:
    """An empty folder changes nothing; the same files give the same model."""
    assert type(load_file(project(tmp_path) / "environments" / "dev.yaml").environment) is Environment
    root = project(tmp_path, uploads=UPLOADS)
    schema = run(root, "schema").output
    assert schema == (Path(__file__).parents[1] / "environment.schema.json").read_text()
    first, second = (load_file(root / "environments" / "dev.yaml").environment for _ in range(2))
    assert first == second
