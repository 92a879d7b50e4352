"""Rotation of secrets, and deployments that are forced on services, in virtual time.

Sources: "RotateSecret", "DescribeSecret", "ListSecretVersionIds" (AWS Secrets Manager API Reference), "Rotation by
Lambda function", "Troubleshoot AWS Secrets Manager rotation" (User Guide): RotateSecret labels a version AWSPENDING,
whose id is the client's token, and the function makes it AWSCURRENT; where that fails the label stays, and the next
RotateSecret answers InvalidRequestException and tries that version again. "UpdateService", "DescribeServices",
"Deployment" (Amazon ECS API Reference): a forced deployment is PRIMARY at once and IN_PROGRESS, the one before it
ACTIVE until its tasks have stopped; the circuit breaker calls it FAILED and goes back to the last completed task
definition in a new deployment. Read 2026-11-29. What happens a test says in `Settings.rotation`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fakeaws.protocol import ApiError

if TYPE_CHECKING:
    from fakeaws.cloud import Cloud
    from fakeaws.model import Resource


@dataclass
class Secret:
    """A secret: the id of its current version and of the pending one, when that was created and began to be tried (as
    virtual times), and when the secret was changed last.
    """

    current: str
    pending: str = ""
    created: float = 0.0
    begun: float = 0.0
    changed: float = 0.0


def _secret(cloud: Cloud, arn: str) -> Secret:
    """A secret as it is now: a rotation whose time is over has ended, one way or the other."""
    found: Secret = cloud.rotating.setdefault(arn, Secret("first"))
    script, now = cloud.settings.rotation, cloud.clock.monotonic()
    if found.pending and found.begun and now >= found.begun + script.seconds:
        found.begun = 0.0
        if script.errors:
            line = {"log_level": "ERROR", "errorType": "CredentialsError", "errorMessage": script.errors.pop(0)}
            stamp = int(cloud.clock.now().timestamp() * 1000)
            cloud.settings.log_events.append((script.log_group, "function", stamp, json.dumps(line)))
        else:
            found.current, found.pending = found.pending, ""
            found.changed = cloud.clock.now().timestamp()
    return found


def described(cloud: Cloud, arn: str) -> dict[str, Any]:
    """What DescribeSecret says of the versions of a secret, and of its rotation."""
    found = _secret(cloud, arn)
    stages = {found.current: ["AWSCURRENT"], **({found.pending: ["AWSPENDING"]} if found.pending else {})}
    return {"VersionIdsToStages": stages, "LastChangedDate": found.changed or cloud.settings.rotation.changed}


def versions(cloud: Cloud, arn: str) -> list[dict[str, Any]]:
    """The versions of a secret; when the current one was created nobody asks."""
    found = _secret(cloud, arn)
    return [{"VersionId": found.pending, "CreatedDate": found.created}] if found.pending else []


def rotate(cloud: Cloud, arn: str, token: str) -> dict[str, Any]:
    """Begins a rotation, or tries the one again that is not complete."""
    found = _secret(cloud, arn)
    if found.pending:
        found.begun = found.begun or cloud.clock.monotonic()
        words = "A previous rotation isn't complete. That rotation will be reattempted."
        raise ApiError("InvalidRequestException", words)
    found.pending, found.begun, found.created = token, cloud.clock.monotonic(), cloud.clock.now().timestamp()
    return {"ARN": arn, "Name": arn, "VersionId": token}


class Redeployments:
    """The deployments of services."""

    cloud: Cloud

    def _redeploy(self, service: str) -> None:
        rows = self.cloud.redeployed.setdefault(service, [])
        rows.append((f"ecs-svc/{len(rows) + 2}", self.cloud.clock.monotonic()))

    def _deployments(self, service: Resource, running: Any, since: float) -> list[dict[str, Any]]:
        """The deployments of a service, the newest first."""
        script, now = self.cloud.settings.rotation, self.cloud.clock.monotonic()
        ahead = self.cloud.clock.now().timestamp() - now
        rows = [("ecs-svc/1", since - ahead), *self.cloud.redeployed.get(service.physical_id, [])]
        (last, _), (newest, begun) = rows[-2] if len(rows) > 1 else ("", 0.0), rows[-1]

        def row(identifier: str, status: str, rollout: str, created: float, why: str = "") -> dict[str, Any]:
            return {
                "id": identifier, "status": status, "taskDefinition": running, "rolloutState": rollout,
                "rolloutStateReason": why, "createdAt": created + ahead,
            }  # fmt: skip

        if len(rows) == 1 or (now >= begun + script.deployment and not script.breaks):
            rollout = self.cloud.settings.rollouts.get(service.logical_id, "COMPLETED")
            return [row(newest, "PRIMARY", rollout, begun)]
        if now < begun + script.deployment:
            before = row(last, "ACTIVE", "COMPLETED", rows[-2][1])
            return [row(newest, "PRIMARY", "IN_PROGRESS", begun), before]
        why = "ECS deployment circuit breaker: tasks failed to start."
        back = row("ecs-svc/back", "PRIMARY", "IN_PROGRESS", begun + script.deployment)
        return [back, row(newest, "ACTIVE", "FAILED", begun, why)]
