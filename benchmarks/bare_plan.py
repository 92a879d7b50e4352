"""What `infragen plan` asks of AWS for a nested environment that is deployed, as a bare boto3 script to measure beside.

Run as `bare_plan.py ENDPOINT ACCOUNT STACK TEMPLATES`: TEMPLATES holds root.yaml and the layers' templates as rendered.
It asks who it is, reads every stack and its template, uploads what is missing, makes one change set, reads it and those
nested in it twice (with property values and without), and deletes it. No checks, no comparison, no lint, no words.
"""

import hashlib
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"
PAUSE = 0.1  # seconds between two looks


@dataclass(frozen=True)
class Clients:
    """boto3's clients of the services that are asked."""

    sts: Any
    s3: Any
    cloudformation: Any


def clients(endpoint: str, account: str) -> Clients:
    """Clients of the emulator, in one account."""
    secret = os.environ["EMULATOR_SECRET"]
    session = boto3.Session(aws_access_key_id=account, aws_secret_access_key=secret, region_name=REGION)

    def client(name: str) -> Any:
        make: Any = session.client  # the stubs know every service by name only
        return make(name, endpoint_url=endpoint, config=Config(s3={"addressing_style": "path"}))

    return Clients(client("sts"), client("s3"), client("cloudformation"))


def ask(to: Clients, stack: str, templates: Path) -> list[int]:
    """Makes, reads and deletes a change set; how many changes it holds, with values and without."""
    cloudformation = to.cloudformation
    bucket = prepare(to, stack, templates)
    made = make(cloudformation, stack, bucket, (templates / "root.yaml").read_text())
    while not cloudformation.describe_change_set(ChangeSetName=made)["Status"].endswith(("COMPLETE", "FAILED")):
        time.sleep(PAUSE)
    counts = [len(list(everything(cloudformation, made, values))) for values in (True, False)]
    cloudformation.delete_change_set(ChangeSetName=made)
    try:
        while cloudformation.describe_change_set(ChangeSetName=made):
            time.sleep(PAUSE)
    except cloudformation.exceptions.ChangeSetNotFoundException:
        pass
    return counts


def prepare(to: Clients, stack: str, templates: Path) -> str:
    """Reads what is deployed and uploads what is missing; the artifact bucket."""
    owner = to.sts.get_caller_identity()["Account"]
    outputs = to.cloudformation.describe_stacks(StackName=f"{stack}-artifacts")["Stacks"][0]["Outputs"]
    [bucket] = [each["OutputValue"] for each in outputs if each["OutputKey"] == "BucketName"]
    pages = to.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [each for page in pages for each in page["StackResourceSummaries"]]
    for each in [stack, *(each["PhysicalResourceId"] for each in resources)]:
        to.cloudformation.describe_stacks(StackName=each)
        to.cloudformation.get_template(StackName=each)
    for path in sorted(templates.glob("*.yaml")):
        body = path.read_bytes()
        key = f"templates/{hashlib.sha256(body).hexdigest()}.yaml"
        if not to.s3.list_objects_v2(Bucket=bucket, Prefix=key, ExpectedBucketOwner=owner).get("Contents"):
            to.s3.put_object(Bucket=bucket, Key=key, Body=body, ExpectedBucketOwner=owner)
    return str(bucket)


def make(cloudformation: Any, stack: str, bucket: str, root: str) -> str:
    """Creates the change set; every parameter keeps its value."""
    declared = re.findall(r"^  (\w+):$", root.split("Resources:")[0], re.MULTILINE)
    made = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName="bare",
        TemplateURL=f"https://s3.amazonaws.com/{bucket}/templates/{hashlib.sha256(root.encode()).hexdigest()}.yaml",
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": name, "UsePreviousValue": True} for name in declared],
        IncludeNestedStacks=True,
    )
    return str(made["Id"])


def everything(cloudformation: Any, change_set: str, values: bool) -> Iterator[Any]:
    """All changes of a change set and of those nested in it."""
    token: dict[str, str] = {}
    while True:
        page = cloudformation.describe_change_set(ChangeSetName=change_set, IncludePropertyValues=values, **token)
        for each in page["Changes"]:
            yield each
            if nested := each["ResourceChange"].get("ChangeSetId"):
                yield from everything(cloudformation, nested, values)
        if "NextToken" not in page:
            return
        token = {"NextToken": page["NextToken"]}


if __name__ == "__main__":
    print(ask(clients(sys.argv[1], sys.argv[2]), sys.argv[3], Path(sys.argv[4])), "changes")  # noqa: T201 # so that one sees it did something
