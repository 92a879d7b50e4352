"""IAM: the identity provider of a CI system as a resource of a stack, which MiniStack's CloudFormation rejects.

The physical id, and what Ref gives, is its ARN; another Url is another provider (CloudFormation Template Reference,
"AWS::IAM::OIDCProvider", read 2026-11-29). One of the same Url that exists fails the creation (EntityAlreadyExists).
"""

import re
from typing import Any

from ministack.services import iam

from infragen_local.patches.handlers import Created, Properties, ResourceType, add


def apply() -> None:
    """Add `AWS::IAM::OIDCProvider`, through MiniStack's own CreateOpenIDConnectProvider."""
    add(
        "AWS::IAM::OIDCProvider",
        ResourceType(_create, lambda arn, _properties: {"Arn": arn}, _delete, _change, frozenset({"Url"})),
    )


def _create(_logical_id: str, properties: Properties, _stack: str) -> Created:
    parameters = {"Url": str(properties.get("Url", ""))}
    parameters.update({f"ClientIDList.member.{at}": each for at, each in enumerate(_clients(properties), 1)})
    status, _headers, body = iam._IAM_HANDLERS["CreateOpenIDConnectProvider"](parameters)
    text = body.decode() if isinstance(body, bytes) else str(body)
    if status >= 400:
        raise ValueError(_within(text, "Message") or text)
    arn = _within(text, "OpenIDConnectProviderArn")
    return arn, {"Arn": arn}


def _clients(properties: Properties) -> list[Any]:
    return list(properties.get("ClientIdList") or ())


def _within(text: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    return found[1] if found else ""


def _change(arn: str, properties: Properties) -> None:
    iam._oidc_providers[arn]["ClientIDList"] = _clients(properties)


def _delete(arn: str, _properties: Properties) -> None:
    iam._oidc_providers.pop(arn, None)
