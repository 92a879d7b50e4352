"""What opens access in IAM."""

from infragen.resource_types.access import Access, changes, grows, rises, weakens

COMPARED_AS_POLICIES = (
    "AssumeRolePolicyDocument", "Policies", "ManagedPolicyArns", "PermissionsBoundary", "PolicyDocument", "PolicyName",
    "ManagedPolicyName", "Roles", "Users", "Groups", "RoleName", "UserName", "GroupName", "Description", "Path",
    "InstanceProfileName",
)  # fmt: skip
"""Properties that are compared as sets of rights, or reported with them."""

_POLICY = Access(harmless=COMPARED_AS_POLICIES)

ACCESS = {
    "AWS::IAM::Role": Access(
        (rises("MaxSessionDuration", says="may be assumed for longer (MaxSessionDuration)", kind="permissions"),),
        COMPARED_AS_POLICIES),
    "AWS::IAM::User": Access(
        (grows("LoginProfile", says="may log in with a password, or another one", kind="permissions"),),
        COMPARED_AS_POLICIES, added="is a new user"),
    "AWS::IAM::Group": _POLICY,
    "AWS::IAM::Policy": _POLICY, "AWS::IAM::ManagedPolicy": _POLICY, "AWS::IAM::RolePolicy": _POLICY,
    "AWS::IAM::UserPolicy": _POLICY, "AWS::IAM::GroupPolicy": _POLICY, "AWS::IAM::InstanceProfile": _POLICY,
    "AWS::IAM::UserToGroupAddition": _POLICY,
    "AWS::SSO::PermissionSet": Access(
        (changes("SessionDuration", says="lasts longer or shorter (SessionDuration)", kind="permissions"),
         changes("CustomerManagedPolicyReferences", kind="permissions")),
        ("InlinePolicy", "ManagedPolicies", "PermissionsBoundary", "InstanceArn", "Name", "RelayStateType")),
    "AWS::IAM::AccessKey": Access(
        (weakens("Status", "Inactive", says="can be used again (Status)", kind="permissions"),
         changes("Serial", kind="permissions")), ("UserName",)),
    "AWS::IAM::OIDCProvider": Access(
        (changes("Url", says="trusts another issuer (Url)", kind="permissions"),
         grows("ClientIdList", says="takes tokens for other clients (ClientIdList)", kind="permissions"),
         grows("ThumbprintList", says="trusts another certificate (ThumbprintList)", kind="permissions")),
        ("ClientIdList", "ThumbprintList"), added="lets an identity provider vouch for people and programs",
        grave=True),
    "AWS::IAM::SAMLProvider": Access(
        (changes("SamlMetadataDocument", says="trusts another issuer", kind="permissions"),
         changes("AddPrivateKey", kind="permissions"), changes("PrivateKeyList", kind="permissions"),
         changes("AssertionEncryptionMode", kind="permissions")), ("Name",),
        added="lets an identity provider vouch for people", grave=True),
}  # fmt: skip
