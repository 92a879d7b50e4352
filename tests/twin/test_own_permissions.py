"""Permissions of one's own, by an addon and by `api.policies`: the API may use those buckets, and no other."""

from pathlib import Path

import pytest
from emulator import REGION, fresh_account
from test_roles import Call, attempt, roles
from twins import System

from infragen.machine.emulator import Emulator

pytestmark = pytest.mark.twin

ENVIRONMENT = """project: own
environment: dev
region: REGION
account: "ACCOUNT"
network: {nat: instance}
api:
  https: {mode: http_only}
  ingress_cidrs: [203.0.113.0/24]
  cpu: 256
  memory: 512
  min_tasks: 1
  max_tasks: 1
  policies:
    - {Effect: Allow, Action: "s3:PutObject", Resource: "arn:${AWS::Partition}:s3:::${ProjectName}-reports-ACCOUNT/*"}
"""
UPLOADS = """Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
  Access:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Action: "s3:PutObject", Resource: !Sub "${Bucket.Arn}/*"}]
Outputs:
  BucketName: {Value: !Ref Bucket}
  AccessPolicy: {Value: !Ref Access}
"""


def test_the_api_may_write_where_an_addon_or_a_policy_lets_it_and_nowhere_else(twin: Emulator, tmp_path: Path) -> None:
    """Both are deployed as a user does; the calls are made with the task's role."""
    account = fresh_account()
    for folder, name, text in (
        ("environments", "dev", ENVIRONMENT.replace("ACCOUNT", account).replace("REGION", REGION)),
        ("addons", "uploads", UPLOADS),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.yaml").write_text(text)
    own = System(twin, account, REGION, tmp_path)
    own.infragen("bootstrap", "--yes")
    own.infragen("deploy", "--yes")
    s3 = own.client("s3")
    by_addon = next(each["Name"] for each in s3.list_buckets()["Buckets"] if "uploads" in each["Name"].lower())
    by_policy, other = f"own-reports-{account}", f"own-other-{account}"
    for bucket in (by_policy, other):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    calls: list[Call] = [
        ("s3", "put_object", {"Bucket": each, "Key": "a", "Body": "b"}) for each in (by_addon, by_policy, other)
    ]
    assert attempt(own, roles(own)["TaskRole"], calls) == ["ok", "ok", "AccessDenied"]
    [function] = own.client("ecs").list_task_definitions()["taskDefinitionArns"]
    found = own.client("ecs").describe_task_definition(taskDefinition=function)["taskDefinition"]
    variables = {each["name"]: each["value"] for each in found["containerDefinitions"][0]["environment"]}
    assert variables["UPLOADS_BUCKET_NAME"] == by_addon
