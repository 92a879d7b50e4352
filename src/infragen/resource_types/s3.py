"""Amazon S3."""

from infragen.resource_types.resource_type import Billing, ResourceType

BUCKET = ResourceType(
    "AWS::S3::Bucket",
    holds_data=True,
    data="its objects",
    billing=Billing.PRICED,
    contents="object versions",
    name_property="BucketName",
)
BUCKET_POLICY = ResourceType("AWS::S3::BucketPolicy", holds_data=False, billing=Billing.FREE)

ROWS = (BUCKET, BUCKET_POLICY)
