"""The findings of security scanners that the layers accept are exactly these, each with a reason in its resource."""

from collections.abc import Iterator

import pytest
from rendering import NAMES, assembly

ACCEPTED = {
    ("AwsSolutions-EC23", "LoadBalancerSecurityGroup"),
    ("CKV_AWS_260", "LoadBalancerSecurityGroup"),
    ("AwsSolutions-EC28", "NatInstance"),
    ("AwsSolutions-EC29", "NatInstance"),
    ("CKV_AWS_88", "NatInstance"),
    ("AwsSolutions-IAM4", "MonitoringRole"),
    ("AwsSolutions-IAM5", "CredentialsRole"),
    ("AwsSolutions-IAM5", "ExecutionRole"),
    ("AwsSolutions-IAM5", "TaskRole"),
    ("AwsSolutions-IAM5", "NotificationsRole"),
    ("CKV_AWS_111", "NotificationsRole"),
    ("AwsSolutions-RDS10", "Cluster"),
    ("AwsSolutions-L1", "CredentialsFunction"),
    ("CKV_AWS_115", "CredentialsFunction"),
    ("CKV_AWS_116", "CredentialsFunction"),
    ("CKV_AWS_117", "CredentialsFunction"),
    ("CKV_AWS_116", "NotificationsFunction"),
    ("CKV_AWS_27", "NotificationsQueue"),
    ("CKV_AWS_27", "NotificationsDlq"),
    ("AwsSolutions-S1", "AccessLogs"),
    ("CKV_AWS_18", "AccessLogs"),
    ("AwsSolutions-ECS2", "TaskDefinition"),
    ("AwsSolutions-ECS4", "EcsCluster"),
    ("CKV_AWS_65", "EcsCluster"),
    ("CKV_AWS_2", "HttpListener"),
    ("CKV_AWS_103", "HttpListener"),
}


def suppressions(base: str) -> Iterator[tuple[str, str, str]]:
    """Rule, logical id and reason of every suppression in an environment."""
    for template in assembly(base=base).templates:
        for name, resource in template.body["Resources"].items():
            metadata = resource.get("Metadata", {})
            for each in metadata.get("cdk_nag", {}).get("rules_to_suppress", []):
                yield each["id"], name, each["reason"]
            for each in metadata.get("checkov", {}).get("skip", []):
                yield each["id"], name, each["comment"]


@pytest.mark.parametrize("base", NAMES)
def test_nothing_is_suppressed_beyond_what_was_accepted(base: str) -> None:
    """A new suppression is a decision: it comes into this table, with the reason in the resource."""
    found = list(suppressions(base))
    assert {(rule, name) for rule, name, _ in found} <= ACCEPTED
    assert all(len(reason) > 10 for _, _, reason in found)


@pytest.mark.parametrize("base", NAMES)
def test_production_accepts_nothing_that_is_meant_for_development(base: str) -> None:
    """No unprotected cluster, no plain HTTP, no NAT instance, no missing Container Insights in production."""
    development = {"AwsSolutions-RDS10", "CKV_AWS_2", "CKV_AWS_103", "CKV_AWS_88", "AwsSolutions-ECS4", "CKV_AWS_65"}
    if assembly(base=base).environment.production:
        assert not development & {rule for rule, _, _ in suppressions(base)}
