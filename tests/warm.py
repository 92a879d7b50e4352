"""What the server of `processes` imports and reads before it forks: everything that a command would do at its start."""

import gc
import importlib
import pkgutil

import boto3
import botocore_shared
import pytest

import infragen

for _module in pkgutil.walk_packages(infragen.__path__, "infragen."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)
botocore_shared.share(pytest.MonkeyPatch())
for _service in ("cloudformation", "s3", "sts", "lambda", "ec2", "service-quotas", "logs", "iam"):
    boto3.session.Session().client(
        _service, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
gc.freeze()  # no forked process looks through it again, and so copies its pages
