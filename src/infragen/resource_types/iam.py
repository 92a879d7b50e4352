"""AWS IAM."""

from infragen.resource_types.interruption import Interruptions, brief, outage
from infragen.resource_types.resource_type import Billing, ResourceType

_DENIED = Interruptions(
    outage("whom it allowed is denied"), brief("calls are denied for seconds until everything uses the new one")
)


def _iam(name: str, name_property: str = "", billing: Billing = Billing.FREE) -> ResourceType:
    return ResourceType(
        f"AWS::IAM::{name}",
        holds_data=False,
        billing=billing,
        iam=True,
        name_property=name_property,
        interruptions=_DENIED,
    )


ACCESS_KEY = _iam("AccessKey")
GROUP = _iam("Group", "GroupName")
INSTANCE_PROFILE = _iam("InstanceProfile", "InstanceProfileName")
MANAGED_POLICY = _iam("ManagedPolicy", "ManagedPolicyName")
OIDC_PROVIDER = _iam("OIDCProvider")
POLICY = _iam("Policy")
"""Its PolicyName is unique within its role alone, and needs no CAPABILITY_NAMED_IAM."""
ROLE = _iam("Role", "RoleName")
USER = _iam("User", "UserName")
USER_TO_GROUP_ADDITION = _iam("UserToGroupAddition")

ROWS = (ACCESS_KEY, GROUP, INSTANCE_PROFILE, MANAGED_POLICY, OIDC_PROVIDER, POLICY, ROLE, USER, USER_TO_GROUP_ADDITION)
