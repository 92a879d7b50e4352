"""The artifact bucket of an environment: where templates and worker code lie under their digests.

A stack of its own, through a change set like everything else. Its template is small enough to be sent inline, because
there is no bucket yet to send it through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infragen.assembly.stacks import (
    ARTIFACTS,
    StackLayout,
    StackUnit,
    bucket_name,
    check_requests,
    stack_name,
    stack_tags,
)
from infragen.assembly.synth import TEMPLATES, Assembly
from infragen.assembly.templatefile import dump_yaml
from infragen.config import SHARED, Environment
from infragen.engine.artifact_bucket import check_artifacts, shared_stack
from infragen.engine.delivery import delivery_unit
from infragen.engine.deploy import deploy_plan
from infragen.engine.doctor import create_linked_roles
from infragen.engine.gate import NEVER
from infragen.engine.observe import check_unmoved, observe
from infragen.engine.options import Options
from infragen.engine.progress import Session, Warned
from infragen.engine.run import Deployment
from infragen.engine.unused_code import delete_unused_code
from infragen.errors import CloudError
from infragen.layers.contract import retain

OLD_VERSIONS_DAYS = 30
"""How long an overwritten or deleted object can still be fetched."""

SHARED_WAIT = 900.0
"""Seconds to wait for another environment that makes the shared bucket, which takes about one minute."""

TEMPLATE_DAYS = 90
"""How long a template stays that no plan needs any more. CloudFormation reads it while it makes and executes a change
set, and has its own copy for a rollback. Whatever plans with it again puts it there again once it is 30 days old
(`Account.upload`), and a saved plan waits for at most 30 days: none that is needed is older than 60."""


def artifact_template(env: Environment) -> dict[str, Any]:
    """Return the bucket of an environment that has its own, or of `shared` that stands for all which share one:
    versioned, encrypted, over TLS only, closed to the public; old versions and unused templates
    expire. Worker code does not expire by age: the rollback of a function fetches what ran before, however old it is
    (`unused_code` deletes what nothing uses).

    Kept when its stack is deleted, but of an environment that leaves nothing behind: S3 itself deletes no bucket that
    holds anything.
    """
    arn = {"Fn::GetAtt": ["Bucket", "Arn"]}
    tls_only = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, {"Fn::Sub": "${Bucket.Arn}/*"}],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    bucket = {
        "Type": "AWS::S3::Bucket",
        **retain(goes=env.throw_away),
        "Metadata": {
            "checkov": {"skip": [{"id": "CKV_AWS_18", "comment": "holds templates and code by digest, no user data"}]}
        },
        "Properties": {
            "BucketName": bucket_name(env),
            "VersioningConfiguration": {"Status": "Enabled"},
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "OldVersions",
                        "Status": "Enabled",
                        "NoncurrentVersionExpiration": {"NoncurrentDays": OLD_VERSIONS_DAYS},
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                    },
                    {
                        "Id": "UnusedTemplates",
                        "Status": "Enabled",
                        "Prefix": TEMPLATES,
                        "ExpirationInDays": TEMPLATE_DAYS,
                    },
                    {"Id": "DeleteMarkers", "Status": "Enabled", "ExpiredObjectDeleteMarker": True},
                ]
            },
        },
    }
    policy = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": "Bucket"},
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [tls_only]},
        },
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Templates and worker code of {_whose(env)}. Made by infragen.",
        "Resources": {"Bucket": bucket, "BucketPolicy": policy},
        "Outputs": {"BucketName": {"Description": "The artifact bucket.", "Value": {"Ref": "Bucket"}}},
    }


def _whose(env: Environment) -> str:
    return f"development environments of {env.project}" if env.artifact_bucket == SHARED else env.name


def _bootstrap_shared(
    env: Environment, session: Session, options: Options, delivery: Mapping[str, Any] | None
) -> Deployment:
    """Create or update the bucket that environments share, then the environment's own delivery stack.

    Another environment may do the same at the same time: the one that comes second waits, and finds the bucket made.
    """
    check_unmoved(env, observe(session, env))
    shared_stack(session, env)
    wait = SHARED_WAIT if options.wait is None else options.wait
    first = deploy_plan(artifact_plan(env.artifact_owner), replace(session, file=None), replace(options, wait=wait))
    if first.exit_code:
        return first
    check_artifacts(session, env)
    if delivery is None:
        return first
    unit = delivery_unit(env, delivery)
    layout = StackLayout(env, (unit,), (), check_requests(env, (unit,)))
    second = deploy_plan(layout, session, options)
    return replace(second, outcomes=(*first.outcomes, *second.outcomes))


def artifact_plan(env: Environment, delivery: Mapping[str, Any] | None = None) -> StackLayout:
    """Return the bucket's stack, and the delivery stack where its template is given, with nothing to upload."""
    body = artifact_template(env)
    unit = StackUnit(
        layer=ARTIFACTS,
        stack=stack_name(env, ARTIFACTS),
        body=body,
        text=dump_yaml(body),
        key="",
        parameters={},
        tags=stack_tags(env, ARTIFACTS),
        capabilities=(),
    )
    units = (unit,) if delivery is None else (unit, delivery_unit(env, delivery))
    return StackLayout(env, units, (), check_requests(env, units))


def bootstrap(
    env: Environment,
    session: Session,
    options: Options | None = None,
    assembly: Assembly | None = None,
    delivery: Mapping[str, Any] | None = None,
) -> Deployment:
    """Create or update the artifact bucket (the shared one where the environment shares it), and the delivery stack
    where its template is given; shown and approved like any deployment. A second run changes nothing, but for worker
    code that nothing uses any more: that is deleted.

    With `assembly`, the service-linked roles that its resources need are created where they are missing; one that may
    not be looked for or created is reported.
    """
    # whoever runs it is asked for all; what the bucket holds is made again by the next deployment
    options = options or Options()
    lost = options.allow_data_loss | {f"{ARTIFACTS}/Bucket"}
    approved = replace(options, require_approval=NEVER, allow_data_loss=lost)
    if env.artifact_owner is env:
        ended = deploy_plan(artifact_plan(env, delivery), session, approved)
    else:
        ended = _bootstrap_shared(env, session, approved, delivery)
    if assembly is not None and ended.exit_code == 0:
        types = {each["Type"] for template in assembly.templates for each in template.body["Resources"].values()}
        try:
            for name in create_linked_roles(session, types):
                session.ui.tell(Warned(f"created the service-linked role {name}, which the account did not have"))
        except CloudError as error:
            session.ui.tell(Warned(f"service-linked roles were not created: {error.message}"))
    if ended.exit_code == 0:
        delete_unused_code(session, env, bucket_name(env))
    return ended
