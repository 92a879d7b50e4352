"""AWS Secrets Manager."""

from infragen.resource_types.resource_type import Billing, Loss, ResourceType, When

RESOURCE_POLICY = ResourceType("AWS::SecretsManager::ResourcePolicy", holds_data=False, billing=Billing.FREE)
ROTATION_SCHEDULE = ResourceType("AWS::SecretsManager::RotationSchedule", holds_data=False, billing=Billing.FREE)
SECRET = ResourceType(
    "AWS::SecretsManager::Secret",
    holds_data=True,
    data="its value",
    billing=Billing.PRICED,
    name_property="Name",
    losses=(
        Loss("GenerateSecretString", When.CHANGED, "its value is replaced by a new random one"),
        Loss("SecretString", When.CHANGED, "its value is replaced"),
    ),
)

ROWS = (RESOURCE_POLICY, ROTATION_SCHEDULE, SECRET)
