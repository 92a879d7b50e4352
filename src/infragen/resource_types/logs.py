"""CloudWatch Logs."""

from infragen.resource_types.interruption import NOBODY_WAITS
from infragen.resource_types.resource_type import Billing, Loss, ResourceType, When

LOG_GROUP = ResourceType(
    "AWS::Logs::LogGroup",
    importable=True,
    delete_command="aws logs delete-log-group --log-group-name {}",
    kept_price="logs-storage-gb-month",
    holds_data=True,
    data="its log events",
    billing=Billing.PRICED,
    name_property="LogGroupName",
    losses=(
        Loss("RetentionInDays", When.LESS, "log events older than {after:g} days are deleted", default=float("inf")),
        Loss("DeletionProtectionEnabled", When.OFF, "CloudWatch Logs no longer refuses to delete it", default=False),
    ),
    keeps=frozenset(
        {
            "BearerTokenAuthenticationEnabled",
            "DataProtectionPolicy",
            "FieldIndexPolicies",
            "KmsKeyId",
            "ResourcePolicyDocument",
        }
    ),
    interruptions=NOBODY_WAITS,
    safe={"KmsKeyId": (), "RetentionInDays": ()},
)
"""Without a retention, events never expire (CloudWatch Logs API reference, PutRetentionPolicy)."""

ROWS = (LOG_GROUP,)
