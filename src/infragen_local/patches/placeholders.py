"""Types that MiniStack rejects and of which a physical id and attributes suffice, because nothing reads them back.

Physical ids and attributes are those of the "Return values" section of each type's page in the AWS CloudFormation
Template Reference.
"""

import uuid
from typing import Any

from ministack.core.responses import get_account_id, get_region

from infragen_local.patches.handlers import Properties, add, placeholder


def apply() -> None:
    """Add the types without a service behind them."""
    add(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        placeholder(
            _scalable_target_id,
            lambda physical_id, _: {"Id": physical_id},
            create_only=frozenset({"ResourceId", "ScalableDimension", "ServiceNamespace"}),
        ),
    )
    add(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        placeholder(
            _scaling_policy_arn,
            lambda physical_id, properties: {"Arn": physical_id, "PolicyName": properties.get("PolicyName")},
            create_only=frozenset(
                {"PolicyName", "ResourceId", "ScalableDimension", "ServiceNamespace", "ScalingTargetId"}
            ),
        ),
    )
    add(
        "AWS::WAFv2::LoggingConfiguration",
        placeholder(
            lambda _logical_id, properties, _stack: str(properties.get("ResourceArn")),
            lambda _physical_id, _properties: {"ManagedByFirewallManager": False},
            create_only=frozenset({"ResourceArn"}),
        ),
    )
    add(
        "AWS::ElastiCache::ServerlessCache",
        placeholder(
            lambda _logical_id, properties, _stack: str(properties.get("ServerlessCacheName")),
            _cache_attributes,
            create_only=frozenset(
                {
                    "ServerlessCacheName",
                    "KmsKeyId",
                    "SnapshotArnsToRestore",
                    "SubnetIds",
                    "NetworkType",
                    "ConnectionType",
                }
            ),
        ),
    )


def _cache_attributes(physical_id: str, _properties: Properties) -> dict[str, Any]:
    """Return the attributes of a cache, to which nobody connects here; create-only is what its resource schema says."""
    host = f"{physical_id}-abc123.serverless.{get_region()}.cache.amazonaws.com"
    return {
        "ARN": f"arn:aws:elasticache:{get_region()}:{get_account_id()}:serverlesscache:{physical_id}",
        "Endpoint.Address": host,
        "Endpoint.Port": "6379",
        "ReaderEndpoint.Address": host,
        "ReaderEndpoint.Port": "6380",
        "Status": "available",
    }


def _scalable_target_id(_logical_id: str, properties: Properties, _stack: str) -> str:
    return "|".join(str(properties.get(key, "")) for key in ("ResourceId", "ScalableDimension", "ServiceNamespace"))


def _scaling_policy_arn(logical_id: str, properties: Properties, _stack: str) -> str:
    # ScalingTargetId is the Ref of a ScalableTarget: resource id | dimension | namespace.
    target = str(properties.get("ScalingTargetId", "")).split("|")
    resource_id = properties.get("ResourceId") or target[0]
    namespace = properties.get("ServiceNamespace") or target[-1]
    return (
        f"arn:aws:autoscaling:{get_region()}:{get_account_id()}:scalingPolicy:{uuid.uuid4()}"
        f":resource/{namespace}/{resource_id}:policyName/{properties.get('PolicyName', logical_id)}"
    )
