"""ECS: numbers of a service that come from a parameter, and a service that is complete only when its rollout is.

CloudFormation parameters are text, so `DesiredCount: !Ref Count` arrives as "1"; AWS converts it by the resource's
schema, MiniStack raises. MiniStack calls a service created or updated as soon as ECS has taken the request; AWS waits
until the deployment is steady, and fails the resource when the circuit breaker ends it (Amazon ECS Developer Guide,
"How the deployment circuit breaker detects failures"; CloudFormation User Guide, AWS::ECS::Service, read 2026-11).
"""

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.services import ecs

from infragen_local.patches.handlers import Created, Properties, convert_properties, handler, replace

_INTEGERS = frozenset({"DesiredCount", "HealthCheckGracePeriodSeconds"})
PAUSE, LONGEST = 0.5, 3 * 3600.0
"""Seconds between two looks, and until the resource fails: AWS gives up after three hours."""

Service = dict[str, Any]


def apply() -> None:
    """Convert the service's numbers, and wait for its rollout."""
    convert_properties("AWS::ECS::Service", _with_integers)
    own = handler("AWS::ECS::Service")

    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        created: Created = own["create"](logical_id, properties, stack)
        wait_for_rollout(lambda: _read(created[0]), str(properties.get("TaskDefinition", "")))
        return created

    def update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Created:
        updated: Created = own["update"](physical_id, old, new, *rest)
        wait_for_rollout(lambda: _read(updated[0]), str(new.get("TaskDefinition", "")))
        return updated

    replace("AWS::ECS::Service", create=create, update=update)


def _with_integers(properties: Properties) -> Properties:
    return {
        key: int(value) if key in _INTEGERS and str(value).isdigit() else value for key, value in properties.items()
    }


def _read(arn: str) -> Service | None:
    """A service as ECS describes it; None when it is gone."""
    cluster, name = arn.split("/")[-2:]
    status, _, body = ecs._describe_services({"cluster": cluster, "services": [name]})
    found: list[Service] = json.loads(body).get("services", []) if status == 200 else []
    return found[0] if found else None


def wait_for_rollout(
    read: Callable[[], Service | None],
    task_definition: str,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until a service runs its task definition steadily.

    Raises ValueError, whose text becomes the event's reason, when the circuit breaker ended the deployment, when the
    service is gone, or after three hours.
    """
    began = now()
    while now() - began < LONGEST:
        service = read()
        if service is None:
            raise ValueError("Resource of type 'AWS::ECS::Service' was not found while it was stabilizing")
        deployments = service.get("deployments", [])
        ours = [each for each in deployments if _same(each.get("taskDefinition", ""), task_definition)]
        if any(each.get("rolloutState") == "FAILED" for each in ours) or (not ours and deployments):
            raise ValueError("Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.")
        primary = next((each for each in ours if each.get("status") == "PRIMARY"), None)
        steady = primary is None or primary.get("rolloutState") == "COMPLETED"
        if steady and service.get("runningCount", 0) >= service.get("desiredCount", 0):
            return
        sleep(PAUSE)
    raise ValueError("Exceeded attempts to wait: the service did not become stable")


def _same(running: str, wanted: str) -> bool:
    """Whether two names of task definitions mean the same one; a family without a revision means its newest."""
    running, wanted = (each.rsplit("/", 1)[-1] for each in (running, wanted))
    return running == wanted or (":" not in wanted and running.partition(":")[0] == wanted)
