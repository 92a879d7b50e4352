"""WAFv2: the association of a web ACL with a load balancer, which MiniStack's CloudFormation rejects."""

import json

from ministack.services import waf

from infragen_local.patches.handlers import Created, Properties, ResourceType, add


def apply() -> None:
    """Add `AWS::WAFv2::WebACLAssociation`, through MiniStack's own AssociateWebACL."""
    add(
        "AWS::WAFv2::WebACLAssociation",
        ResourceType(
            _associate,
            lambda _physical_id, _properties: {},
            _disassociate,
            create_only=frozenset({"ResourceArn", "WebACLArn"}),
        ),
    )


def _associate(_logical_id: str, properties: Properties, _stack: str) -> Created:
    status, _headers, body = waf._associate_web_acl(properties)
    if status >= 400:
        raise ValueError(json.loads(body).get("message") or body.decode())
    return f"{properties['ResourceArn']}|{properties['WebACLArn']}", {}


def _disassociate(_physical_id: str, properties: Properties) -> None:
    # When another ACL took this one's place, the association is the other's by now.
    if waf._associations.get(properties["ResourceArn"]) == properties["WebACLArn"]:
        waf._associations.pop(properties["ResourceArn"])
