"""The bucket that a load balancer writes its access logs into."""

from typing import Any

from troposphere import GetAtt, Ref, Sub
from troposphere.s3 import (
    AbortIncompleteMultipartUpload,
    Bucket,
    BucketEncryption,
    BucketPolicy,
    LifecycleConfiguration,
    LifecycleRule,
    NoncurrentVersionExpiration,
    OwnershipControls,
    OwnershipControlsRule,
    PublicAccessBlockConfiguration,
    ServerSideEncryptionByDefault,
    ServerSideEncryptionRule,
    VersioningConfiguration,
)

from infragen.layers.contract import Template, arn, deny_without_tls, grant, policy, retain, suppress

BUCKET, POLICY = "AccessLogs", "AccessLogsPolicy"


def add_access_logs(template: Template, prefix: str, days: int, *, goes: bool = False) -> None:
    """Add a bucket for the access logs of this account's load balancers below `prefix`, each kept for `days`.

    It outlives its stack, because CloudFormation cannot delete a bucket that holds anything. With `goes` it is deleted
    all the same: `infragen destroy` empties it first. The encryption is SSE-S3, the only one that Elastic Load
    Balancing can write with (Application Load Balancer guide, "Access logs").
    """
    template.add_resource(
        Bucket(
            BUCKET,
            BucketEncryption=BucketEncryption(
                ServerSideEncryptionConfiguration=[
                    ServerSideEncryptionRule(
                        ServerSideEncryptionByDefault=ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
                    )
                ]
            ),
            OwnershipControls=OwnershipControls(Rules=[OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
            PublicAccessBlockConfiguration=PublicAccessBlockConfiguration(
                BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
            ),
            VersioningConfiguration=VersioningConfiguration(Status="Enabled"),
            LifecycleConfiguration=_expiry(days),
            Metadata=suppress(
                nag={"AwsSolutions-S1": "it is the log bucket"}, checkov={"CKV_AWS_18": "it is the log bucket"}
            ),
            **retain(goes=goes),
        )
    )
    template.add_resource(BucketPolicy(POLICY, Bucket=Ref(BUCKET), PolicyDocument=_policy(prefix)))


def _expiry(days: int) -> LifecycleConfiguration:
    """Return the lifecycle rules. Expiry of a version only hides it behind a delete marker, so that the version and the
    marker need rules too.
    """
    return LifecycleConfiguration(
        Rules=[
            LifecycleRule(
                Id="expire",
                Status="Enabled",
                ExpirationInDays=days,
                NoncurrentVersionExpiration=NoncurrentVersionExpiration(NoncurrentDays=1),
                AbortIncompleteMultipartUpload=AbortIncompleteMultipartUpload(DaysAfterInitiation=1),
            ),
            LifecycleRule(Id="delete-markers", Status="Enabled", ExpiredObjectDeleteMarker=True),
        ]
    )


def _policy(prefix: str) -> dict[str, Any]:
    """Log delivery may write for load balancers of this account alone (Application Load Balancer guide, "Access
    logs"; the service principal stands for the older account ids per region).
    """
    return policy(
        grant(
            {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
            "s3:PutObject",
            Sub(f"${{{BUCKET}.Arn}}/{prefix}/AWSLogs/${{AWS::AccountId}}/*"),
            {"ArnLike": {"aws:SourceArn": arn("elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:loadbalancer/*")}},
        ),
        deny_without_tls("s3:*", [GetAtt(BUCKET, "Arn"), Sub(f"${{{BUCKET}.Arn}}/*")]),
    )
