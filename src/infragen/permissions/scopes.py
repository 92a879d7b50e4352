"""On what each action is allowed: the environment's own resources by name or tag, as far as AWS can tell them apart.

Names that CloudFormation makes begin with the stack's name. Where a service's names do not (load balancers, secrets),
deletions are bound to the tags that CloudFormation puts on every resource of the stack. An action of a service that is
not in these tables is allowed on every resource of the account and region, by its exact name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infragen.assembly.stacks import ARTIFACT_KINDS, ARTIFACTS, DELIVERY, account_of, bucket_name
from infragen.cloud.cloudformation import PREFIX
from infragen.config import Environment
from infragen.permissions.document import Statement

CUT = 20
"""Characters of a stack's name that surely begin a name made by CloudFormation: it cuts a longer one where a service
allows fewer characters."""

PATH = "/infragen/"
"""The IAM path of what `bootstrap` makes for delivery, so that no pattern of an environment's roles matches it."""

NAMED = {
    "cloudwatch": ("alarm:{begins}", ":dashboard/{begins}"),
    "ecr": ("repository/{name}-*",),
    "ecs": (
        "cluster/{name}", "cluster/{name}-*", "service/{name}/*", "service/{name}-*", "task-definition/{name}-*",
        "task/{name}/*", "task/{name}-*", "service-deployment/{name}/*", "service-deployment/{name}-*",
    ),
    "events": ("rule/{begins}",),
    "lambda": ("function:{begins}",),
    "logs": ("log-group:*{begins}", "log-group:*/{name}/*"),
    "rds": ("*:{name}", "*:{begins}", "*:default*"),
    "scheduler": ("schedule/{name}-*", "schedule-group/{name}-*"),
    "sns": ("{begins}",),
    "sqs": ("{begins}",),
}  # fmt: skip
"""Service -> its resources whose names begin with the environment's, as the end of an ARN (Service Authorization
Reference, "Resource types defined by …", read 2026-11-29). `{begins}` is how the names begin that CloudFormation makes;
a colon at the front stands for an ARN without a region."""

FOLDED = frozenset({
    "acm", "application-autoscaling", "cloudwatch", "ec2", "ecr", "ecs", "elasticloadbalancing", "events", "iam",
    "kms", "logs", "rds", "scheduler", "secretsmanager", "sns", "sqs",
})  # fmt: skip
"""Services of which every Describe and List only tells how things are set up, so that they may be one wildcard each
(Service Authorization Reference, read 2026-11-29). Of any other service, and of Get, each action stays by its name: it
may read the data itself."""

WITHOUT_RESOURCE = frozenset({
    "cloudwatch:GetMetricData", "ecs:CreateCluster", "ecs:DeregisterTaskDefinition", "ecs:PutAccountSetting",
    "ecs:PutAccountSettingDefault", "ecs:RegisterTaskDefinition", "lambda:CreateEventSourceMapping",
    "lambda:DeleteEventSourceMapping", "lambda:GetEventSourceMapping", "lambda:GetLayerVersion",
    "lambda:UpdateEventSourceMapping", "lambda:GetCodeSigningConfig", "lambda:PassCapacityProvider",
    "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DeleteResourcePolicy",
    "logs:PutResourcePolicy", "sns:SetSubscriptionAttributes", "sns:GetSubscriptionAttributes", "sns:Unsubscribe",
})  # fmt: skip
"""Actions of the services in `NAMED` that know no resource, or one whose ARN does not hold a name of ours (Service
Authorization Reference, read 2026-11-29)."""

TAGGED = frozenset({"acm", "ec2", "elasticloadbalancing", "secretsmanager", "wafv2"})
"""Services whose resources carry the stack's tags from their creation, and whose deletions know aws:ResourceTag
(Service Authorization Reference, read 2026-11-29). `EXEMPT` are deletions of what carries no tags."""
EXEMPT = frozenset({
    "ec2:DeleteRoute", "elasticloadbalancing:DeleteWebACLAssociation", "wafv2:DeleteLoggingConfiguration",
})  # fmt: skip

GLOBAL = frozenset({"iam", "route53", "s3", "cloudfront", "organizations", "sts"})
"""Services whose requests are not of one region: aws:RequestedRegion does not bind them (IAM User Guide, "AWS global
condition context keys", read 2026-11-29)."""

BOUNDED = frozenset({
    "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
})  # fmt: skip
"""Actions that know iam:PermissionsBoundary (IAM User Guide, "Permissions boundaries for IAM entities", read
2026-11-29)."""
UNBOUND = "iam:DeleteRolePermissionsBoundary"

LOG_DELIVERY = "delivery.logs.amazonaws.com"
"""Whose linked role flow logs and WAF's logs need (Amazon CloudWatch Logs User Guide, "Using service-linked roles",
read 2026-11-29)."""


@dataclass(frozen=True)
class Given:
    """What is known of an environment's templates beside its actions: the ARN of the `boundary` that every role must
    carry, the hosted `zones` whose records change (None for all), the services that its roles are `passed` to, and
    those whose `linked` roles may be created.
    """

    boundary: str
    zones: tuple[str, ...] | None
    passed: tuple[str, ...]
    linked: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where an environment lives, and how its ARNs are written."""

    env: Environment

    @property
    def partition(self) -> str:
        """Return the partition of the region (AWS General Reference)."""
        region = self.env.region
        return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"

    @property
    def account(self) -> str:
        """Return the account. Raises InputError where the file names none."""
        return account_of(self.env)

    @property
    def begins(self) -> str:
        """Return the pattern of the names that CloudFormation makes for the environment."""
        name = self.env.name
        return f"{name}-*" if len(name) < CUT else f"{name[:CUT]}*"

    def arn(self, service: str, rest: str, *, region: bool = True) -> str:
        """Return an ARN of this account, in this region or of a global service."""
        return f"arn:{self.partition}:{service}:{self.env.region if region else ''}:{self.account}:{rest}"

    def named(self, service: str) -> tuple[str, ...]:
        """Return the patterns of a service's resources that are the environment's; all for one without a row."""
        ends = [each.format(name=self.env.name, begins=self.begins) for each in NAMED.get(service, ())]
        arns = (self.arn(service, each.lstrip(":"), region=not each.startswith(":")) for each in ends)
        return tuple(dict.fromkeys(arns)) or ("*",)

    def role(self, name: str) -> str:
        """Return the ARN of a role that `bootstrap` makes."""
        return self.arn("iam", f"role{PATH}{name}", region=False)

    def own_roles(self) -> tuple[str, ...]:
        """Return the patterns of the environment's own roles, whose names CloudFormation makes."""
        return (self.arn("iam", f"role/{self.begins}", region=False),)

    def policy(self, name: str) -> str:
        """Return the ARN of a managed policy that `bootstrap` makes."""
        return self.arn("iam", f"policy{PATH}{name}", region=False)

    def stacks(self) -> tuple[str, ...]:
        """Return the patterns of the environment's stacks, nested ones too."""
        name = self.env.name
        return (self.arn("cloudformation", f"stack/{name}/*"), self.arn("cloudformation", f"stack/{name}-*/*"))

    def change_sets(self) -> tuple[str, ...]:
        """Return the pattern of the change sets that infragen makes, of whatever stack: their ARN does not say."""
        return (self.arn("cloudformation", f"changeSet/{PREFIX}*/*"),)

    def own_stacks(self) -> tuple[str, ...]:
        """Return the patterns of the stacks that `bootstrap` makes, which no role made by it may change."""
        names = (f"{self.env.name}-{DELIVERY}", f"{self.env.name}-{ARTIFACTS}")
        own = tuple(self.arn("cloudformation", f"stack/{each}/*") for each in names)
        return tuple(dict.fromkeys((*own, *self.shared_stack())))

    def shared_stack(self) -> tuple[str, ...]:
        """Return the pattern of the stack of the bucket that the environment shares; none where it has its own."""
        owner = self.env.artifact_owner
        return () if owner is self.env else (self.arn("cloudformation", f"stack/{owner.name}-{ARTIFACTS}/*"),)

    def artifacts(self) -> tuple[str, tuple[str, ...]]:
        """Return the artifact bucket, and the environment's objects in it: all of its own bucket, of a shared one those
        below its own name.
        """
        bucket = f"arn:{self.partition}:s3:::{bucket_name(self.env)}"
        return bucket, tuple(f"{bucket}/{each}*" for each in self.object_prefixes() or ("",))

    def object_prefixes(self) -> tuple[str, ...]:
        """Return what the environment's keys begin with in a shared bucket; nothing of its own bucket."""
        below = self.env.artifact_prefix
        return tuple(f"{kind}{below}" for kind in ARTIFACT_KINDS) if below else ()

    @property
    def in_region(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the condition that a request is of the environment's region."""
        return {"StringEquals": {"aws:RequestedRegion": self.env.region}}

    @property
    def by_tag(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the condition that a resource carries the environment's tags."""
        env = self.env
        keys = {"infragen:project": env.project, "infragen:environment": env.environment}
        return {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in keys.items()}}


def scoped(actions: Iterable[str], place: Place, given: Given) -> tuple[Statement, ...]:
    """Return the actions as statements for CloudFormation's role, each on as little as AWS can tell apart."""
    groups: dict[tuple[tuple[str, ...], str], set[str]] = {}
    conditions: dict[str, Mapping[str, Mapping[str, Any]]] = {}
    for action in sorted(set(actions) - {UNBOUND}):
        written, on, condition = _scope(action, place, given)
        key = repr(condition)
        conditions[key] = condition
        groups.setdefault((on, key), set()).add(written)
    return tuple(Statement(tuple(sorted(found)), on, conditions[key]) for (on, key), found in sorted(groups.items()))


def _scope(action: str, place: Place, given: Given) -> tuple[str, tuple[str, ...], Mapping[str, Mapping[str, Any]]]:
    service, name = action.split(":")
    anywhere = {} if service in GLOBAL else place.in_region
    reads = next((each for each in ("Describe", "List") if name.lower().startswith(each.lower())), "")
    if reads:
        return (f"{service}:{reads}*" if service in FOLDED else action), ("*",), anywhere
    match service:
        case "iam":
            return (action, *_iam(action, place, given))
        case "s3":
            return action, _buckets(action, place), {}
        case "route53":
            named = [f"arn:{place.partition}:route53:::hostedzone/{each}" for each in given.zones or ("*",)]
            return action, (*named, f"arn:{place.partition}:route53:::change/*"), {}
        case "cloudformation":
            return action, place.stacks(), {}
        case "kms":
            return action, ("*",), _key(name, place)
        case "ssm":
            return action, ("*",), anywhere
        case "secretsmanager" if name in ("GetSecretValue", "UpdateSecret"):
            return action, ("*",), place.by_tag
    if service in TAGGED:
        deletes = name.startswith(("Delete", "Terminate", "Release")) and action not in EXEMPT
        return action, ("*",), place.by_tag if deletes else anywhere
    if service in NAMED and action not in WITHOUT_RESOURCE:
        return action, place.named(service), {}
    return action, ("*",), anywhere


def _key(name: str, place: Place) -> Mapping[str, Mapping[str, Any]]:
    """Return the condition for an action on a key. Data is only encrypted and decrypted by services for whom a resource
    is made (kms:ViaService, kms:GrantIsForAWSResource; AWS KMS Developer Guide, "Condition keys", read 2026-11-29).
    """
    suffix = "amazonaws.com.cn" if place.partition == "aws-cn" else "amazonaws.com"
    if name in ("Decrypt", "Encrypt", "GenerateDataKey"):
        return {"StringLike": {"kms:ViaService": f"*.{place.env.region}.{suffix}"}}
    if name == "CreateGrant":
        return {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    return place.by_tag if name in ("DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion") else place.in_region


def _iam(action: str, place: Place, given: Given) -> tuple[tuple[str, ...], Mapping[str, Mapping[str, Any]]]:
    roles = place.own_roles()
    if action == "iam:PassRole":
        return roles, {"StringEquals": {"iam:PassedToService": list(given.passed)}}
    if action == "iam:CreateServiceLinkedRole":
        linked = place.arn("iam", "role/aws-service-role/*", region=False)
        return (linked,), {"StringEquals": {"iam:AWSServiceName": list(given.linked)}}
    if action in BOUNDED:
        return roles, {"StringEquals": {"iam:PermissionsBoundary": given.boundary}}
    return roles, {}


def _buckets(action: str, place: Place) -> tuple[str, ...]:
    bucket = f"arn:{place.partition}:s3:::{place.begins}"
    if action in ("s3:GetObject", "s3:GetObjectVersion"):
        return place.artifacts()[1]
    return (bucket,)
