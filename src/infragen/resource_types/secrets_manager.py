"""AWS Secrets Manager."""

from infragen.resource_types.resource_type import Billing, ResourceType

RESOURCE_POLICY = ResourceType("AWS::SecretsManager::ResourcePolicy", holds_data=False, billing=Billing.FREE)
ROTATION_SCHEDULE = ResourceType("AWS::SecretsManager::RotationSchedule", holds_data=False, billing=Billing.FREE)
SECRET = ResourceType(
    "AWS::SecretsManager::Secret",
    holds_data=True,
    data="its value",
    billing=Billing.PRICED,
    name_property="Name",
)

ROWS = (RESOURCE_POLICY, ROTATION_SCHEDULE, SECRET)
