"""What the server of `processes` imports and reads before it forks: everything that a command would do at its start."""

import functools

import boto3
import botocore.endpoint
import botocore.loaders

import infragen.assembly.lint
import infragen.cli
import infragen.engine.bootstrap
import infragen.engine.destroy
import infragen.engine.recover
import infragen.engine.status
import infragen.report.outcome
import infragen.report.terminal  # noqa: F401  # imported for the sake of whoever is forked

_reader = botocore.loaders.JSONFileLoader
_load = functools.cache(_reader().load_file)
_reader.load_file = lambda _, path: _load(path)  # type: ignore[method-assign,assignment]  # botocore reads its files once
for _service in ("cloudformation", "s3", "sts", "lambda", "ec2", "service-quotas", "logs", "iam"):
    boto3.session.Session().client(
        _service, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
