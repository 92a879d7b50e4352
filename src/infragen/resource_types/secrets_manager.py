"""AWS Secrets Manager."""

from infragen.resource_types.interruption import NOBODY_WAITS, Interruptions, brief, outage
from infragen.resource_types.resource_type import Billing, Loss, ResourceType, When

RESOURCE_POLICY = ResourceType(
    "AWS::SecretsManager::ResourcePolicy",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=Interruptions(outage("whom it allowed is refused"), brief("whom it allows is refused for seconds")),
)
ROTATION_SCHEDULE = ResourceType(
    "AWS::SecretsManager::RotationSchedule",
    holds_data=False,
    billing=Billing.FREE,
    interruptions=NOBODY_WAITS,
)
SECRET = ResourceType(
    "AWS::SecretsManager::Secret",
    delete_command="aws secretsmanager delete-secret --secret-id {}",
    kept_price="secret-month",
    holds_data=True,
    data="its value",
    billing=Billing.PRICED,
    name_property="Name",
    losses=(
        Loss("GenerateSecretString", When.ANY, "its value is replaced by a new random one"),
        Loss("SecretString", When.ANY, "its value is replaced"),
        Loss("ReplicaRegions", When.DROPS, "its copy in that region is deleted"),
    ),
    keeps=frozenset({"KmsKeyId"}),
    interruptions=Interruptions(
        outage("who reads it is refused"),
        outage("who holds the old value is refused"),
        {
            "SecretString": outage("who holds the old value is refused until it reads the new one"),
            "GenerateSecretString": outage("who holds the old value is refused until it reads the new one"),
        },
    ),
    safe={"KmsKeyId": ()},
)

ROWS = (RESOURCE_POLICY, ROTATION_SCHEDULE, SECRET)
