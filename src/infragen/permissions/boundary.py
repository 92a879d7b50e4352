"""The permissions boundary: the most that any role of an environment can do, from the statements of its rendered roles.

A boundary grants nothing. It keeps what CloudFormation's role may create from being more than what was reviewed in the
templates of the day on which `bootstrap` ran.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infragen.errors import InputError
from infragen.permissions.document import MANAGED_POLICY, Statement, size
from infragen.permissions.needed import Resource, Templates
from infragen.permissions.scopes import Place

MANAGED = {
    "service-role/AmazonRDSEnhancedMonitoringRole": (
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:GetLogEvents",
        "logs:PutLogEvents", "logs:PutRetentionPolicy",
    ),
}  # fmt: skip
"""AWS's managed policies that rendered roles have attached -> their actions (AWS Managed Policy Reference, read
2026-11-29). One that is not here is refused: a boundary without its actions would take them away unseen."""

DENIED = (
    "account:*", "iam:*", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "lambda:AddPermission", "organizations:*",
    "s3:DeleteBucketPolicy", "s3:PutBucketPolicy", "secretsmanager:PutResourcePolicy", "sns:AddPermission",
    "sqs:AddPermission", "sts:AssumeRole",
)  # fmt: skip
"""What no running code needs, and what would lead out of the boundary: denied, so that a resource's own policy cannot
give it either. One that a rendered role has is left out."""

ARN_OF = {"rds-data": "rds"}
"""Prefix of actions -> service of the ARNs they are about, where these differ."""

_PSEUDO = re.compile(r"\$\{([A-Za-z:]+)\}")
OWN = "iam.permissions_boundary_arn in the environment file names a boundary of your own"


def boundary(templates: Templates, place: Place) -> tuple[Statement, ...]:
    """Return the statements of the boundary. Raises InputError where a role's rights cannot be read, or take more than
    a managed policy holds.
    """
    groups: dict[tuple[str, ...], set[str]] = {}
    for role in templates.resources:
        for statement in _statements(role):
            for action, on in _allowed(role, statement, place):
                groups.setdefault(on, set()).add(action)
    found = [Statement(tuple(sorted(actions)), on) for on, actions in sorted(groups.items())]
    have = {action for each in found for action in each.actions}
    denied = tuple(each for each in DENIED if not any(_meets(each, other) for other in have))
    found.append(Statement(denied, effect="Deny"))
    if size(found) > MANAGED_POLICY:
        raise InputError(
            f"the rights of the roles take {size(found)} characters, and a managed policy holds {MANAGED_POLICY}", OWN
        )
    return tuple(found)


def _meets(denied: str, allowed: str) -> bool:
    return allowed.startswith(denied[:-1]) if denied.endswith("*") else allowed == denied


def _statements(role: Resource) -> Iterator[Mapping[str, Any]]:
    """Yield what a role, or a policy that is attached to roles, allows and denies."""
    documents: list[Any] = []
    if role.type == "AWS::IAM::Role":
        documents = [each.get("PolicyDocument") for each in role.properties.get("Policies") or ()]
        for arn in role.properties.get("ManagedPolicyArns") or ():
            yield {"Effect": "Allow", "Action": list(_managed(role, arn)), "Resource": "*"}
    elif role.type in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy"):
        documents = [role.properties.get("PolicyDocument")]
    for document in documents:
        statements = (document or {}).get("Statement", ())
        yield from [statements] if isinstance(statements, Mapping) else statements


def _managed(role: Resource, arn: Any) -> tuple[str, ...]:
    if isinstance(arn, Mapping) and ("Ref" in arn or "Fn::GetAtt" in arn):
        return ()  # a policy of the templates, whose own statements are read
    text = arn.get("Fn::Sub", "") if isinstance(arn, Mapping) else arn
    name = str(text).partition(":policy/")[2]
    if name not in MANAGED:
        raise InputError(
            f"{role.place} has the managed policy {text or arn}, of which infragen does not know what it allows",
            f"write what the role needs as statements of its own; or {OWN}",
        )
    return MANAGED[name]


def _allowed(role: Resource, statement: Mapping[str, Any], place: Place) -> Iterator[tuple[str, tuple[str, ...]]]:
    if statement.get("Effect") == "Deny":
        return
    if "Action" not in statement or "Resource" not in statement:
        raise InputError(
            f"{role.place} allows all but some (NotAction, NotResource), which a boundary cannot list",
            f"name what it may do; or {OWN}",
        )
    for action in _listed(statement["Action"]):
        on = {pattern for each in _listed(statement["Resource"]) for pattern in _resource(action, each, place)}
        yield action, ("*",) if "*" in on else tuple(sorted(on))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _resource(action: str, value: Any, place: Place) -> tuple[str, ...]:
    """Return a resource as it is written, with what is known filled in; the environment's own of the service, or every
    one of the account, where only AWS will know it.
    """
    text = value.get("Fn::Sub") if isinstance(value, Mapping) else value
    known = _filled(text, place) if isinstance(text, str) else None
    if known is not None:
        own = place.arn("ssm", f"parameter/{place.env.project}/{place.env.environment}/")
        return (f"{own}*",) if known.startswith(own) else (known,)  # so that a new secret needs no other boundary
    service = action.partition(":")[0]
    if service == "s3":
        return (f"arn:{place.partition}:s3:::{place.begins}",)
    named = place.named(service)
    return named if named != ("*",) else (place.arn(ARN_OF.get(service, service), "*"),)


def _filled(text: str, place: Place) -> str | None:
    """Return a text with the pseudo parameters and names that are known; None where another reference is in it."""
    known = {
        "AWS::Partition": place.partition, "AWS::Region": place.env.region, "AWS::AccountId": place.account,
        "ProjectName": place.env.project, "EnvironmentName": place.env.environment,
    }  # fmt: skip
    if any(found not in known for found in _PSEUDO.findall(text)):
        return None
    return _PSEUDO.sub(lambda found: known[found[1]], text)
