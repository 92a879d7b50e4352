"""What `infragen plan` asks of AWS for a nested environment that is deployed, as a bare boto3 script to measure beside.

Run as `bare_plan.py ENDPOINT ACCOUNT STACK TEMPLATES`: TEMPLATES holds root.yaml and the layers' templates as rendered.
It asks who it is, reads every stack and its template, uploads what is missing, makes one change set, reads it and those
nested in it twice (with property values and without), and deletes it. No checks, no comparison, no lint, no words.
"""

import hashlib
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"
PAUSE = 0.1  # seconds between two looks


def main(endpoint: str, account: str, stack: str, templates: Path) -> None:
    """Makes, reads and deletes a change set, and prints how many changes it holds."""
    session = boto3.Session(aws_access_key_id=account, aws_secret_access_key="local", region_name=REGION)  # noqa: S106 # emulator

    def client(name: str) -> Any:
        make: Any = session.client  # the stubs know every service by name only
        return make(name, endpoint_url=endpoint, config=Config(s3={"addressing_style": "path"}))

    sts, s3, cloudformation = client("sts"), client("s3"), client("cloudformation")
    owner = sts.get_caller_identity()["Account"]
    outputs = cloudformation.describe_stacks(StackName=f"{stack}-artifacts")["Stacks"][0]["Outputs"]
    [bucket] = [each["OutputValue"] for each in outputs if each["OutputKey"] == "BucketName"]
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [each for page in pages for each in page["StackResourceSummaries"]]
    for each in [stack, *(each["PhysicalResourceId"] for each in resources)]:
        cloudformation.describe_stacks(StackName=each)
        cloudformation.get_template(StackName=each)
    for path in sorted(templates.glob("*.yaml")):
        body = path.read_bytes()
        key = f"templates/{hashlib.sha256(body).hexdigest()}.yaml"
        if not s3.list_objects_v2(Bucket=bucket, Prefix=key, ExpectedBucketOwner=owner).get("Contents"):
            s3.put_object(Bucket=bucket, Key=key, Body=body, ExpectedBucketOwner=owner)
    root = (templates / "root.yaml").read_text()
    declared = re.findall(r"^  (\w+):$", root.split("Resources:")[0], re.MULTILINE)
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in declared]
    made = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName="bare",
        TemplateURL=f"https://s3.amazonaws.com/{bucket}/templates/{hashlib.sha256(root.encode()).hexdigest()}.yaml",
        Capabilities=["CAPABILITY_IAM"],
        Parameters=kept,
        IncludeNestedStacks=True,
    )["Id"]
    while not cloudformation.describe_change_set(ChangeSetName=made)["Status"].endswith(("COMPLETE", "FAILED")):
        time.sleep(PAUSE)
    changes = [len(list(everything(cloudformation, made, values))) for values in (True, False)]
    cloudformation.delete_change_set(ChangeSetName=made)
    try:
        while cloudformation.describe_change_set(ChangeSetName=made):
            time.sleep(PAUSE)
    except cloudformation.exceptions.ChangeSetNotFoundException:
        pass
    print(changes, "changes")  # noqa: T201 # so that one sees it did something


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
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
