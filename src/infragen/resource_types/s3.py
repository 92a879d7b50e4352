"""Amazon S3."""

from infragen.resource_types.interruption import Interruptions, brief, outage
from infragen.resource_types.resource_type import Billing, Loss, ResourceType, When

BUCKET = ResourceType(
    "AWS::S3::Bucket",
    importable=True,
    delete_command="aws s3 rb s3://{} --force",
    kept_price="s3-gb-month",
    empty_first="its object versions, with Empty in the S3 console",  # --force deletes no versions (aws/aws-cli#1017)
    holds_data=True,
    data="its objects",
    billing=Billing.PRICED,
    contents="object versions",
    name_property="BucketName",
    losses=(
        Loss("LifecycleConfiguration", When.SOONER, "objects are deleted that were kept"),
        Loss(
            "VersioningConfiguration",
            When.CHANGED,
            "overwritten and deleted objects may no longer be kept",
            weakest=(None, {"Status": "Suspended"}),
        ),
        Loss("VersioningConfiguration", When.GONE, "overwritten and deleted objects are no longer kept"),
        Loss("ObjectLockConfiguration", When.CHANGED, "objects may be deleted that were locked", weakest=(None,)),
        Loss("ObjectLockConfiguration", When.GONE, "new objects are no longer locked"),
        Loss("ReplicationConfiguration", When.CHANGED, "objects may no longer be copied", weakest=(None,)),
        Loss("ReplicationConfiguration", When.GONE, "objects are no longer copied"),
        Loss("ObjectLockEnabled", When.OFF, "new objects are no longer locked", default=False),
    ),
    keeps=frozenset(
        {
            "AbacStatus",
            "AccelerateConfiguration",
            "AccessControl",
            "AnalyticsConfigurations",
            "BucketEncryption",
            "CorsConfiguration",
            "IntelligentTieringConfigurations",
            "InventoryConfigurations",
            "LoggingConfiguration",
            "MetricsConfigurations",
            "NotificationConfiguration",
            "OwnershipControls",
            "PublicAccessBlockConfiguration",
            "WebsiteConfiguration",
        }
    ),
    interruptions=Interruptions(outage("who reads or writes it is refused"), outage("who reads it finds nothing")),
    safe={
        "BucketEncryption.ServerSideEncryptionConfiguration": (),
        "PublicAccessBlockConfiguration.BlockPublicAcls": (True,),
        "PublicAccessBlockConfiguration.BlockPublicPolicy": (True,),
        "PublicAccessBlockConfiguration.IgnorePublicAcls": (True,),
        "PublicAccessBlockConfiguration.RestrictPublicBuckets": (True,),
    },
)
BUCKET_POLICY = ResourceType(
    "AWS::S3::BucketPolicy",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=Interruptions(outage("whom it allowed is refused"), brief("whom it allows is refused for seconds")),
)

ROWS = (BUCKET, BUCKET_POLICY)
