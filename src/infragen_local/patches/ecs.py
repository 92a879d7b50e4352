"""ECS: numbers of a service that come from parameters, keys of container definitions, and when a service is complete.

CloudFormation parameters are text, so `DesiredCount: !Ref Count` arrives as "1"; AWS converts it by the resource's
schema, MiniStack raises. Below the first level MiniStack keeps the keys of a container definition as CloudFormation
writes them (`Secrets[].Name`), so that ECS finds neither secrets nor a health check there. MiniStack calls a service
created or updated as soon as ECS took the request; AWS waits until the deployment is steady, and fails the resource
when the circuit breaker ends it (Amazon ECS Developer Guide, "How the deployment circuit breaker detects failures";
CloudFormation User Guide, AWS::ECS::Service, read 2026-11). A rollback deletes a service that did not become steady;
MiniStack would leave it, as it has no record of what failed.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.services import ecs
from ministack.services.cloudformation import provisioners

from infragen_local.patches.handlers import Created, Properties, Unstable, convert_properties, handler, replace

_USER_KEYS = frozenset({"dockerLabels", "options"})
"""Maps in a container definition whose keys are the user's own, and stay as they are."""
_INTEGERS = frozenset({"DesiredCount", "HealthCheckGracePeriodSeconds"})
PAUSE, LONGEST = 0.5, 3 * 3600.0
"""Seconds between two looks, and until the resource fails: AWS gives up after three hours."""

Service = dict[str, Any]


def apply() -> None:
    """Convert the service's numbers and the keys of container definitions, and wait for a service's rollout."""
    provisioners._normalize_container_defs = lambda definitions: [with_ecs_keys(each) for each in definitions]
    convert_properties("AWS::ECS::Service", _with_integers)
    own = handler("AWS::ECS::Service")

    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        created: Created = own["create"](logical_id, properties, stack)
        _pass_on(created[0], properties)
        try:
            wait_for_rollout(lambda: _read(created[0]), str(properties.get("TaskDefinition", "")))
        except ValueError as error:
            time.sleep(PAUSE)  # so that tasks that fail by themselves say why before they are deleted
            handler("AWS::ECS::Service")["delete"](created[0], properties)
            raise Unstable(str(error), created[0]) from error
        return created

    def update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Created:
        updated: Created = own["update"](physical_id, old, new, *rest)
        _pass_on(updated[0], new)
        wait_for_rollout(lambda: _read(updated[0]), str(new.get("TaskDefinition", "")))
        return updated

    replace("AWS::ECS::Service", create=create, update=update)


def _with_integers(properties: Properties) -> Properties:
    return {
        key: int(value) if key in _INTEGERS and str(value).isdigit() else value for key, value in properties.items()
    }


def with_ecs_keys(value: Any) -> Any:
    """Return a container definition of CloudFormation's (`StopTimeout`) with the keys of ECS's API (`stopTimeout`)."""
    if isinstance(value, list):
        return [with_ecs_keys(each) for each in value]
    if not isinstance(value, dict):
        return value
    named = {key[:1].lower() + key[1:]: each for key, each in value.items()}
    return {key: each if key in _USER_KEYS else with_ecs_keys(each) for key, each in named.items()}


def _pass_on(arn: str, properties: Properties) -> None:
    """Give the service what MiniStack's resource leaves out."""
    cluster, name = arn.split("/")[-2:]
    service = ecs._services.get(f"{cluster}/{name}")
    if service is not None:
        service["healthCheckGracePeriodSeconds"] = int(properties.get("HealthCheckGracePeriodSeconds") or 0)


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
