"""Amazon ECR."""

from infragen.resource_types.resource_type import Billing, ResourceType

REPOSITORY = ResourceType(
    "AWS::ECR::Repository",
    holds_data=True,
    data="its images",
    billing=Billing.PRICED,
    contents="images",
    name_property="RepositoryName",
)

ROWS = (REPOSITORY,)
