"""The template of the delivery stack: identity provider, boundary, CloudFormation's role, and the roles of CI.

A person with administrator rights deploys it, once and after each change of what the environment needs. Nothing that it
makes may change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infragen.permissions import trust
from infragen.permissions.document import Document, document
from infragen.permissions.operations import DEPLOY, PLAN, PUSH
from infragen.permissions.roles import BROAD, DERIVED, Rights, boundary_name, ci_role_name, service_role_name
from infragen.permissions.scopes import PATH
from infragen.permissions.trust import Repository

METADATA = "Infragen"
PROVIDER = "Provider"
_KEEP = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


@dataclass(frozen=True)
class Delivery:
    """What a delivery stack is made of. `provider_arn` is the account's identity provider where it has one that this
    stack did not make.
    """

    rights: Rights
    repository: Repository
    provider_arn: str = ""


def template(delivery: Delivery) -> dict[str, Any]:
    """Return the delivery stack's template. Raises InputError where the rights cannot be derived."""
    rights, repository = delivery.rights, delivery.repository
    env = rights.env
    resources: dict[str, Any] = {}
    if not delivery.provider_arn:
        resources[PROVIDER] = {
            "Type": "AWS::IAM::OIDCProvider",
            **_KEEP,  # other projects of the account use it, too
            "Properties": {"Url": f"https://{repository.issuer}", "ClientIdList": [trust.AUDIENCE]},
        }
    if rights.makes_boundary:
        resources["Boundary"] = _policy(boundary_name(env), document(rights.boundary))
    if rights.makes_service_role:
        resources.update(_service_role(rights))
    provider = delivery.provider_arn or {"Ref": PROVIDER}
    subjects = {
        DEPLOY: repository.subjects(env.environment),
        PLAN: repository.subjects(f"{env.environment}-plan"),
        PUSH: repository.subjects(),
    }
    for role, allowed in subjects.items():
        resources[f"{role.capitalize()}Role"] = _role(
            ci_role_name(env, role),
            trust.web_identity(provider, repository.issuer, allowed),
            {"Policies": [{"PolicyName": role, "PolicyDocument": document(rights.of_ci(role))}]},
        )
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Roles that deliver {env.name}. Made by infragen.",
        "Metadata": {METADATA: {"Repository": repository.settings(), "Permissions": rights.kind}},
        "Resources": resources,
        "Outputs": {
            "ServiceRoleArn": _output("The role that CloudFormation works with.", rights.service_role_arn),
            "BoundaryArn": _output("The boundary of every role of the environment.", rights.boundary_arn),
            **{
                f"{role.capitalize()}RoleArn": _output(
                    f"The role of jobs that {role}.", {"Fn::GetAtt": [f"{role.capitalize()}Role", "Arn"]}
                )
                for role in subjects
            },
        },
    }


def _service_role(rights: Rights) -> dict[str, Any]:
    name = service_role_name(rights.env)
    policies = {
        f"Service{index}": _policy(f"{name}-{index}", document(each)) for index, each in enumerate(rights.policies, 1)
    }
    role = _role(
        name,
        trust.service("cloudformation.amazonaws.com", rights.place.account),
        {"ManagedPolicyArns": [{"Ref": each} for each in policies]},
    )
    return {**policies, "ServiceRole": role}


def _policy(name: str, body: Document) -> dict[str, Any]:
    properties = {"ManagedPolicyName": name, "Path": PATH, "PolicyDocument": body}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}


def _role(name: str, trusted: Document, more: Mapping[str, Any]) -> dict[str, Any]:
    properties = {"RoleName": name, "Path": PATH, "AssumeRolePolicyDocument": trusted, **more}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _output(description: str, value: Any) -> dict[str, Any]:
    return {"Description": description, "Value": value}


def repository_of(body: Mapping[str, Any]) -> Repository | None:
    """Return the repository of a deployed delivery template; None where it names none."""
    return trust.remembered(_metadata(body).get("Repository") or {})


def kind_of(body: Mapping[str, Any]) -> str:
    """Return how a deployed delivery template's rights were made."""
    return BROAD if _metadata(body).get("Permissions") == BROAD else DERIVED


def has_provider(body: Mapping[str, Any]) -> bool:
    """Return whether a deployed delivery template made the identity provider."""
    return PROVIDER in (body.get("Resources") or {})


def granted(body: Mapping[str, Any]) -> tuple[Document, ...] | None:
    """Return the policies of CloudFormation's role in a deployed delivery template; None where it has no such role."""
    resources = body.get("Resources") or {}
    if "ServiceRole" not in resources:
        return None
    attached = resources["ServiceRole"].get("Properties", {}).get("ManagedPolicyArns") or ()
    names = [each.get("Ref") for each in attached if isinstance(each, Mapping)]
    return tuple(resources[name]["Properties"]["PolicyDocument"] for name in names if name in resources)


def _metadata(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found = (body.get("Metadata") or {}).get(METADATA)
    return found if isinstance(found, Mapping) else {}
