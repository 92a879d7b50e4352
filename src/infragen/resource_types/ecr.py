"""Amazon ECR."""

from infragen.resource_types.interruption import Interruptions, outage
from infragen.resource_types.resource_type import Billing, Loss, ResourceType, When

REPOSITORY = ResourceType(
    "AWS::ECR::Repository",
    importable=True,
    delete_command="aws ecr delete-repository --force --repository-name {}",
    kept_price="ecr-gb-month",
    holds_data=True,
    data="its images",
    billing=Billing.PRICED,
    contents="images",
    name_property="RepositoryName",
    fixed_attributes=frozenset({"RepositoryUri"}),  # of account, region and name (Template Reference, read 2026-11-29)
    losses=(
        Loss("LifecyclePolicy", When.SOONER, "images are deleted that were kept"),
        Loss(
            "ImageTagMutability",
            When.CHANGED,
            "a pushed image may replace another one of the same tag",
            weakest=(None, "MUTABLE"),
            default="MUTABLE",
        ),
        Loss(
            "ImageTagMutabilityExclusionFilters",
            When.CHANGED,
            "a pushed image may replace another one of the same tag",
        ),
        Loss("EmptyOnDelete", When.ON, "its images are deleted together with it", default=False),
    ),
    keeps=frozenset({"ImageScanningConfiguration", "RepositoryPolicyText"}),
    interruptions=Interruptions(
        outage("no new task can start"), outage("no new task can start until its image is pushed again")
    ),
    safe={
        "ImageScanningConfiguration.ScanOnPush": (True,),
        "ImageTagMutability": ("IMMUTABLE",),
        "EncryptionConfiguration.EncryptionType": ("KMS",),
    },
)

ROWS = (REPOSITORY,)
