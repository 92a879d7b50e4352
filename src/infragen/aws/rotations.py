"""Rotation of a secret and new deployments of a service on boto3 (`infragen.cloud.workload.Rotations`).

Describes secrets and never asks for a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infragen.aws.account_reads import asked
from infragen.aws.failure import AwsError
from infragen.aws.reading import IncompleteReply, member, pages, plain
from infragen.aws.session import Clients
from infragen.cloud.workload import SecretState, ServiceDeployment, cluster_of

INCOMPLETE = "A previous rotation isn't complete"
"""What RotateSecret says where a version is still AWSPENDING; the rotation of that version is tried again then (AWS
Secrets Manager User Guide, "Troubleshoot AWS Secrets Manager rotation", read 2026-11-29)."""


@dataclass(frozen=True)
class RotationCalls:
    """The Rotations on boto3."""

    clients: Clients

    def rotated_secret(self, arn: str) -> SecretState | None:
        """Call Secrets Manager DescribeSecret, which has no value in it."""
        try:
            with asked("secretsmanager:DescribeSecret", f"reading the rotation of {arn}"):
                return _secret_state(self.clients.secrets.describe_secret(SecretId=arn))
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise

    def version_created(self, arn: str, version: str) -> float:
        """Call Secrets Manager ListSecretVersionIds, all pages."""
        with asked("secretsmanager:ListSecretVersionIds", f"reading the versions of {arn}"):
            rows = pages(self.clients.secrets.list_secret_version_ids, "Versions", leads="NextToken", SecretId=arn)
            return next(
                (_seconds(each.get("CreatedDate")) for each in rows if member(each, "VersionId") == version), 0.0
            )

    def rotate_secret(self, arn: str, token: str) -> str:
        """Call Secrets Manager RotateSecret. The token becomes the id of the new version (API Reference, RotateSecret,
        ClientRequestToken).
        """
        try:
            with asked("secretsmanager:RotateSecret", f"rotating the secret {arn}"):
                answer: Any = self.clients.secrets.rotate_secret(SecretId=arn, ClientRequestToken=token)
                return str(member(answer, "VersionId"))
        except AwsError as error:
            if error.code == "InvalidRequestException" and INCOMPLETE in error.words:
                return ""
            raise

    def deploy_again(self, service_arn: str) -> str:
        """Call ECS UpdateService with forceNewDeployment, and with nothing that would change the service."""
        with asked("ecs:UpdateService", f"replacing the tasks of {service_arn}"):
            answer: Any = self.clients.ecs.update_service(
                cluster=cluster_of(service_arn), service=service_arn, forceNewDeployment=True
            )
            rows = member(member(answer, "service"), "deployments")
            found = next((str(member(each, "id")) for each in rows if each.get("status") == "PRIMARY"), "")
            if not found:
                raise IncompleteReply("the service has no deployment that is PRIMARY")
            return found

    def service_deployments(self, service_arn: str) -> tuple[ServiceDeployment, ...]:
        """Call ECS DescribeServices."""
        with asked("ecs:DescribeServices", f"reading the deployments of {service_arn}"):
            answer: Any = self.clients.ecs.describe_services(cluster=cluster_of(service_arn), services=[service_arn])
            return tuple(
                ServiceDeployment(
                    id=str(member(each, "id")),
                    status=str(member(each, "status")),
                    rollout=plain(each.get("rolloutState")),
                    reason=plain(each.get("rolloutStateReason")),
                    task_definition=str(each.get("taskDefinition", "")),
                    created=_seconds(each.get("createdAt")),
                )
                for service in member(answer, "services")
                for each in service.get("deployments", ())
            )


def _seconds(date: datetime | None) -> float:
    return date.timestamp() if date is not None else 0.0


def _secret_state(answer: Any) -> SecretState:
    """Return what DescribeSecret says. After a rotation AWSPENDING may be on the current version, or on none; on
    another one it says that a rotation did not end (API Reference, RotateSecret).
    """
    stages = {str(key): tuple(map(str, each)) for key, each in (answer.get("VersionIdsToStages") or {}).items()}
    current = next((version for version, labels in stages.items() if "AWSCURRENT" in labels), "")
    pending = (version for version, labels in stages.items() if "AWSPENDING" in labels and "AWSCURRENT" not in labels)
    return SecretState(
        arn=str(member(answer, "ARN")),
        current=current,
        pending=next(pending, ""),
        enabled=bool(answer.get("RotationEnabled")),
        changed=_seconds(answer.get("LastChangedDate")),
        rotated=_seconds(answer.get("LastRotatedDate")),
        next_rotation=_seconds(answer.get("NextRotationDate")),
    )
