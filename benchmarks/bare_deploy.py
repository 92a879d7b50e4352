"""What `infragen deploy` asks of AWS for a first nested deployment, as a bare boto3 script to measure it beside.

Run as `bare_deploy.py ENDPOINT ACCOUNT TEMPLATES`: TEMPLATES holds root.yaml and the layers' templates as rendered. It
asks who it is, looks at the stack, uploads, makes and describes one change set, executes it, follows the events and
reads the outputs. No checks, no plan, no lint.
"""

import hashlib
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

REGION, STACK = "us-east-1", "shop-dev"
PAUSE = 0.3  # seconds between two looks


def main(endpoint: str, account: str, templates: Path) -> None:
    """Deploys once, and prints how many resources were created."""
    secret = os.environ["EMULATOR_SECRET"]
    session = boto3.Session(aws_access_key_id=account, aws_secret_access_key=secret, region_name=REGION)

    def client(name: str) -> Any:
        make: Any = session.client  # the stubs know every service by name only
        return make(name, endpoint_url=endpoint, config=Config(s3={"addressing_style": "path"}))

    sts, s3, cloudformation = client("sts"), client("s3"), client("cloudformation")
    owner = sts.get_caller_identity()["Account"]
    outputs = cloudformation.describe_stacks(StackName=f"{STACK}-artifacts")["Stacks"][0]["Outputs"]
    [bucket] = [each["OutputValue"] for each in outputs if each["OutputKey"] == "BucketName"]
    for path in sorted(templates.glob("*.yaml")):
        body = path.read_bytes()
        key = f"templates/{hashlib.sha256(body).hexdigest()}.yaml"
        s3.list_objects_v2(Bucket=bucket, Prefix=key, ExpectedBucketOwner=owner)
        s3.put_object(Bucket=bucket, Key=key, Body=body, ExpectedBucketOwner=owner)
    root = (templates / "root.yaml").read_text()
    wanted = {"TemplateBucket": bucket}
    declared = re.findall(r"^  (\w+):$", root.split("Resources:")[0], re.MULTILINE)
    cloudformation.create_change_set(
        StackName=STACK,
        ChangeSetName="bare",
        ChangeSetType="CREATE",
        TemplateURL=f"https://s3.amazonaws.com/{bucket}/templates/{hashlib.sha256(root.encode()).hexdigest()}.yaml",
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in wanted.items() if k in declared],
        IncludeNestedStacks=True,
    )
    while cloudformation.describe_change_set(StackName=STACK, ChangeSetName="bare")["Status"] != "CREATE_COMPLETE":
        time.sleep(PAUSE)
    cloudformation.execute_change_set(StackName=STACK, ChangeSetName="bare")
    seen: set[str] = set()
    while True:
        status = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
        resources = cloudformation.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
        nested = [each for each in resources if each["ResourceType"] == "AWS::CloudFormation::Stack"]
        stacks = [STACK, *(each["PhysicalResourceId"] for each in nested if each.get("PhysicalResourceId"))]
        for stack in stacks:
            for event in cloudformation.describe_stack_events(StackName=stack)["StackEvents"]:
                seen.add(event["EventId"])
        if status == "CREATE_COMPLETE":
            break
        if not status.endswith("_IN_PROGRESS"):
            raise RuntimeError(status)
        time.sleep(PAUSE)
    print(len(seen), "events")  # noqa: T201 # so that one sees it did something


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
