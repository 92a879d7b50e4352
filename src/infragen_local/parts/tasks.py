"""ECS tasks run: MiniStack's own scheduler, with child processes in the place of Docker's containers.

What MiniStack does otherwise than ECS, and what is put in its place here:

- A task serves requests when its process has started; on AWS when its target is healthy. A deployment is complete a
  second after that; on AWS when the new tasks are healthy ("Amazon ECS deployment types: rolling update").
- A task that is to stop is STOPPED at once; on AWS it is deregistered, gets SIGTERM when it has drained, SIGKILL after
  `stopTimeout`, and is STOPPED when that is over, with its containers' own exit codes ("Amazon ECS task lifecycle").
- The first deployment of a service counts as complete before it began, so that no circuit breaker can end it.
- A deployment that the circuit breaker ended stays; on AWS it is gone once the rollback is complete: a stable service
  has one deployment (botocore's waiter `services_stable`; aws-actions/amazon-ecs-deploy-task-definition#860).
- A service is gone when its deletion was asked for; CloudFormation waits until its tasks are.

(Amazon ECS Developer Guide, read 2026-11.)
"""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ministack.core.concurrency import resource_lock, spawn_background
from ministack.core.responses import json_response, request_scope
from ministack.services import alb, ecs, ecs_metadata
from ministack.services.cloudformation import stacks

from infragen_local.containers import LISTEN, Address, Container, Containers, Definition, Engine, Registry
from infragen_local.drain import InFlight
from infragen_local.health import Check, container_check, target_check, watch
from infragen_local.images import Images
from infragen_local.parts import roles
from infragen_local.patches.handlers import Properties, handler, replace
from infragen_local.twin import Twin

SERVICE = "AWS::ECS::Service"
_GONE_SECONDS = 180.0
_FOR_ROOM = "Deployment capacity limit"  # why MiniStack stops old tasks before new ones fit

Task = dict[str, Any]


def apply(twin: Twin) -> None:
    """Give MiniStack's ECS an engine of child processes, and ECS's manners."""
    images = Images(twin.state_dir / "images")
    scratch = twin.state_dir / "tmp" / "tasks"
    shutil.rmtree(scratch, ignore_errors=True)
    surroundings = _Surroundings(twin, scratch)
    containers = Containers(images, twin.children, _definition, surroundings, scratch)
    engine = Engine(containers, Registry(images))
    ecs._get_docker = lambda: engine
    _first_deployment_in_progress()
    scheduler = _Scheduler(containers, twin.in_flight)
    scheduler.install()
    _reasons_of_containers(containers)
    _services_of_cloudformation()


def resume() -> None:
    """Say of the tasks that ended with an earlier run why they stopped, which MiniStack leaves out."""
    for task in list(ecs._tasks._data.values()):
        if task.get("lastStatus") == "STOPPED" and not task.get("stopCode"):
            task.update(stopCode="UserInitiated", stoppedReason="The emulator was stopped", desiredStatus="STOPPED")
            task["stoppedAt"] = task.get("stoppedAt") or ecs._iso()


@dataclass(frozen=True)
class _Surroundings:
    """What the environment of a task has besides what its task definition gives. Nothing of the user's is in it."""

    twin: Twin
    scratch: Path

    def __call__(self, task: str, address: Address, given: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of a container."""
        home = str(self.scratch / task.rsplit("/", 1)[-1])
        preload = f'--require "{LISTEN}"'
        own = {name: value for name, value in given.items() if not name.startswith("AWS_CONTAINER_")}
        metadata = own.get("ECS_CONTAINER_METADATA_URI_V4", "")
        return {
            "PATH": self.twin.path,
            "HOME": home,
            "TMPDIR": home,
            "HOSTNAME": address.host,
            **self._credentials(task),
            "AWS_REGION": task.split(":")[3],
            "AWS_DEFAULT_REGION": task.split(":")[3],
            **own,
            "AWS_ENDPOINT_URL": self.twin.endpoint_url,
            "ECS_CONTAINER_METADATA_URI_V4": self.twin.endpoint_url + urlsplit(metadata).path,
            "NODE_OPTIONS": f"{preload} {own.get('NODE_OPTIONS', '')}".strip(),
            "INFRAGEN_TASK_ADDRESS": address.host,
            "INFRAGEN_TASK_PORTS": ",".join(f"{port}:{there}" for port, there in address.ports.items()),
        }

    def _credentials(self, task: str) -> dict[str, str]:
        """Return those of the task's role, or of the account where roles are not enforced."""
        if self.twin.roles:
            return roles.of_task(self.twin, task)
        return {"AWS_ACCESS_KEY_ID": task.split(":")[4], "AWS_SECRET_ACCESS_KEY": self.twin.secret}


def _definition(task_arn: str, name: str) -> Definition:
    """Return what the engine has to know of a container, from its task definition."""
    task = ecs._tasks.get(task_arn) or {}
    found = ecs._task_defs.get(str(task.get("taskDefinitionArn", "")).rsplit("/", 1)[-1]) or {}
    definitions = found.get("containerDefinitions") or []
    own: dict[str, Any] = next((each for each in definitions if each.get("name") == name), {})
    ports = [int(each["containerPort"]) for item in definitions for each in item.get("portMappings") or []]
    memory = own.get("memory") or found.get("memory")
    return Definition(
        tuple(ports),
        int(str(memory)) if str(memory).isdigit() else None,
        float(own.get("stopTimeout") or 30),
        own.get("healthCheck"),
    )


def _first_deployment_in_progress() -> None:
    own = ecs._make_deployment

    def make(*arguments: Any, **named: Any) -> Any:
        return {**own(*arguments, **named), "rolloutState": "IN_PROGRESS", "rolloutStateReason": ""}

    ecs._make_deployment = make


class _Scheduler:
    """How tasks become healthy, and how they end."""

    def __init__(self, containers: Containers, in_flight: InFlight) -> None:
        self._containers, self._in_flight = containers, in_flight

    def install(self) -> None:
        """Replace the functions of MiniStack's scheduler that decide about it."""
        own_schedule, own_sync = ecs._schedule_service_deployment_completion, ecs._sync_service_targets

        def schedule(cluster: str, key: str, account: str, region: str, healthy_task: Task | None = None) -> None:
            if healthy_task is None:
                own_schedule(cluster, key, account, region)
                return

            def follow() -> None:
                with request_scope(account, region):
                    self._follow(cluster, key, healthy_task)

            spawn_background(follow, thread_name="infragen-health")

        def sync(cluster: str, service: dict[str, Any]) -> None:
            own_sync(cluster, service)
            for balancer in service.get("loadBalancers") or []:
                _keep_healthy_targets(service, balancer)

        own_refresh = ecs._refresh_service_state

        def refresh(cluster: str, group: str) -> None:
            own_refresh(cluster, group)
            service = ecs._services.get(f"{cluster}/{group.removeprefix('service:')}")
            if service:
                service["deployments"] = _without_failed(service.get("deployments", []))

        ecs._refresh_service_state = refresh
        ecs._schedule_service_deployment_completion = schedule
        ecs._sync_service_targets = sync
        ecs._stop_task = lambda data: self._stop_request(data, by_scheduler=True)
        ecs._ACTION_MAP["StopTask"] = lambda data: self._stop_request(data, by_scheduler=False)
        ecs._remove_docker_container = self._remove

    def _follow(self, cluster: str, key: str, task: Task) -> None:
        """Check a task's health from its start to its end."""
        service = ecs._services.get(key)
        deployment = ecs._deployment_for_task(service, task) if service else None
        if not service or not deployment:
            return

        def became_healthy() -> None:
            task["healthStatus"] = "HEALTHY"
            task["_target_healthy"] = True
            ecs._record_service_task_healthy(key, task)
            ecs._refresh_service_state(cluster, task["group"])
            ecs._reconcile_service_tasks(cluster, key)
            ecs._complete_service_deployment(cluster, key, expected_deployment_id=deployment["id"])

        def alive() -> bool:
            return bool(ecs._task_is_active(task["taskArn"], task) and task.get("lastStatus") == "RUNNING")

        checks = self._checks(service, task)
        if not checks:  # nothing says when it is healthy: it is when it has survived its start
            time.sleep(ecs._ECS_DEPLOYMENT_STEADY_DELAY)
        reason = watch(checks, alive, became_healthy)
        if reason and self._stop(task, reason, "ServiceSchedulerInitiated"):
            task["healthStatus"] = "UNHEALTHY"
            ecs._record_service_task_failure(task)

    def _checks(self, service: dict[str, Any], task: Task) -> list[Check]:
        containers = [each for each in map(self._get, task.get("_docker_ids") or []) if each]
        grace = float(service.get("healthCheckGracePeriodSeconds") or 0)
        found = []
        for balancer in service.get("loadBalancers") or []:
            group = alb._tgs.get(balancer.get("targetGroupArn"))
            if group and containers:
                found.append(target_check(group, containers[0].address, int(balancer["containerPort"]), grace))
        return found + [check for each in containers if (check := container_check(self._containers, each))]

    def _get(self, identifier: str) -> Container | None:
        try:
            return self._containers.get(identifier)
        except KeyError:
            return None

    def _stop_request(self, data: dict[str, Any], by_scheduler: bool) -> Any:
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        task = ecs._resolve_task(data.get("task", ""), cluster) if cluster else None
        if task is None:
            if cluster is None:
                return ecs.error_response_json("ClusterNotFoundException", "Cluster not found.", 400)
            return ecs.error_response_json("InvalidParameterException", "The referenced task was not found.", 400)
        if by_scheduler and data.get("reason") == _FOR_ROOM:
            task = _spared(task)
            if task is None:
                return json_response({})
        if by_scheduler:
            deployment = task.get("_deployment_id") or "unknown"
            self._stop(task, f"Scaling activity initiated by (deployment {deployment})", "ServiceSchedulerInitiated")
        else:
            self._stop(task, data.get("reason") or "Task stopped by user", "UserInitiated")
        return json_response({"task": ecs._sanitize(task)})

    def _stop(self, task: Task, reason: str, code: str) -> bool:
        """Begin to stop a task; False when it is stopping already. The rest goes on in a thread."""
        arn = task["taskArn"]
        with resource_lock("ecs-task", arn):
            if not ecs._task_is_active(arn, task):
                return False
            ecs._bump_task_version(task)
            started = task.get("lastStatus") == "RUNNING"
            task.update(desiredStatus="STOPPED", stoppingAt=ecs._iso(), stoppedReason=reason, stopCode=code)
            task["lastStatus"] = "DEACTIVATING" if started else "DEPROVISIONING"
        self._refresh(task)

        def finish() -> None:
            containers = [each for each in map(self._get, task.get("_docker_ids") or []) if each]
            for each in containers[:1]:
                self._in_flight.drain(each.address.host, _deregistration_delay(task))
            task["lastStatus"] = "STOPPING"
            self._end(task, containers)
            with resource_lock("ecs-task", arn):
                now = ecs._iso()
                ecs._bump_task_version(task)
                task.update(lastStatus="STOPPED", stoppedAt=now, executionStoppedAt=now)
            self._refresh(task)

        spawn_background(finish, thread_name="infragen-stop")
        return True

    def _end(self, task: Task, containers: list[Container]) -> None:
        """Stop the containers of a task together, note how each ended, and take their traces away."""
        for each in containers:
            spawn_background(each.stop, thread_name="infragen-stop-container")
        for record, each in zip(task.get("containers") or [], containers, strict=False):
            record["exitCode"] = each.wait()["StatusCode"]
        for record in task.get("containers") or []:
            record["lastStatus"] = "STOPPED"
        for token in task.get("_metadata_tokens") or []:
            ecs_metadata.unregister_token(token)
        self._containers.forget(task["taskArn"], task.get("_docker_ids") or [])
        task.update(_docker_ids=[], _metadata_tokens=[])

    def _refresh(self, task: Task) -> None:
        cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
        if cluster:
            ecs._recount_cluster(cluster)
            ecs._refresh_service_state(cluster, task.get("group", ""))

    def _remove(self, _client: Any, container: Container | str | None) -> None:
        """Stop a container of a task that has ended already: a sidecar of one that exited, say."""
        found = self._get(container) if isinstance(container, str) else container
        if found is not None:
            spawn_background(found.stop, thread_name="infragen-stop-container")


def _without_failed(deployments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return deployments without those that failed and have no task left, once the one that serves is complete."""
    complete = any(each["status"] == "PRIMARY" and each.get("rolloutState") == "COMPLETED" for each in deployments)
    return [
        each
        for each in deployments
        if not complete
        or each["status"] == "PRIMARY"
        or each.get("rolloutState") != "FAILED"
        or each.get("runningCount", 0) + each.get("pendingCount", 0)
    ]


def _spared(task: Task) -> Task | None:
    """Return what to stop for room in the place of a task that serves: one of a deployment before that does not yet.

    MiniStack counts a task that runs as one that serves, so where one deployment overtakes another it stops the only
    tasks that do. None: nothing is to be stopped, as ECS keeps minimumHealthyPercent of healthy tasks.
    """
    if not task.get("_target_healthy"):
        return task
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    service = ecs._services.get(f"{cluster}/{task['group'].removeprefix('service:')}") or {}
    primary = ecs._primary_deployment(service) if service else None
    ours = [
        each
        for each in list(ecs._tasks.values())
        if each.get("group") == task["group"]
        and each.get("clusterArn") == task["clusterArn"]
        and ecs._task_is_active(each["taskArn"], each)
    ]
    waiting: list[Task] = [
        each
        for each in ours
        if not each.get("_target_healthy") and each.get("_deployment_id") != (primary or {}).get("id")
    ]
    if waiting:
        return waiting[0]
    percent = int((service.get("deploymentConfiguration") or {}).get("minimumHealthyPercent", 100))
    least = -(-int(service.get("desiredCount") or 0) * percent // 100)
    return task if sum(bool(each.get("_target_healthy")) for each in ours) > least else None


def _keep_healthy_targets(service: Mapping[str, Any], balancer: Mapping[str, Any]) -> None:
    """Leave in a target group only those of a service's tasks that are healthy, each with its port."""
    group, port = balancer.get("targetGroupArn"), int(balancer.get("containerPort") or 80)
    if group not in alb._tgs:
        return
    name, cluster = f"service:{service['serviceName']}", service.get("clusterArn")
    ours = [each for each in list(ecs._tasks.values()) if each.get("group") == name and each["clusterArn"] == cluster]
    healthy = {ecs._task_ip(each): each for each in ours if each.get("_target_healthy")}
    hosts = {ecs._task_ip(each) for each in ours}
    with resource_lock("elbv2-targets", group):
        alb._targets[group] = [
            {**target, "Port": (healthy[target["Id"]].get("_ports") or {}).get(port, port)}
            if target["Id"] in healthy
            else target
            for target in alb._targets.get(group, [])
            if target["Id"] not in hosts or target["Id"] in healthy
        ]


def _deregistration_delay(task: Task) -> float:
    """Return the seconds that a target group gives a task's requests; 0 for a task behind none."""
    cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
    service = ecs._services.get(f"{cluster}/{str(task.get('group', '')).removeprefix('service:')}") or {}
    delays = [0.0]
    for balancer in service.get("loadBalancers") or []:
        attributes = {
            each.get("Key"): each.get("Value") for each in alb._tg_attrs.get(balancer.get("targetGroupArn"), [])
        }
        delays.append(float(attributes.get("deregistration_delay.timeout_seconds") or 300))
    return max(delays)


def _reasons_of_containers(containers: Containers) -> None:
    """Give a task that stops by itself ECS's reason, where a container or its start has one."""
    own_mark, own_fail = ecs._mark_task_stopped, ecs._fail_task_start
    own_record = ecs._record_task_ip

    def mark(arn: str, task: Task, reason: str, code: str, exit_code: int | None = None) -> Any:
        identifiers = task.get("_docker_ids") or []
        for record, identifier in zip(task.get("containers") or [], identifiers, strict=False):
            try:
                own_reason = containers.get(identifier).reason
            except KeyError:
                continue
            if own_reason:
                record["reason"] = reason = own_reason
        return own_mark(arn, task, reason, code, exit_code)

    def fail(task: Task, client: Any, reason: str) -> None:
        for known in ("CannotStartContainerError", "CannotPullContainerError"):
            if known in reason:
                reason = reason[reason.index(known) :]
        own_fail(task, client, reason)

    def record(task: Task, container: Container, network: Any) -> None:
        own_record(task, container, network)
        task["_ports"] = dict(container.address.ports)

    ecs._mark_task_stopped, ecs._fail_task_start, ecs._record_task_ip = mark, fail, record


def _services_of_cloudformation() -> None:
    """Pass on what MiniStack leaves out of a service, wait on a worker thread, and until a deleted one has no task."""
    own = handler(SERVICE)
    own_worker = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda resource_type: resource_type == SERVICE or own_worker(resource_type)

    def delete(physical_id: str, properties: Properties, *rest: Any) -> None:
        cluster, name = physical_id.split("/")[-2:]
        own["delete"](physical_id, {"Cluster": cluster, "ServiceName": name, **properties}, *rest)
        until = time.monotonic() + _GONE_SECONDS
        while time.monotonic() < until and any(
            each.get("group") == f"service:{name}"
            and ecs._cluster_name_from_arn(each.get("clusterArn", "")) == cluster
            and each.get("lastStatus") != "STOPPED"
            for each in list(ecs._tasks.values())
        ):
            time.sleep(0.1)

    replace(SERVICE, delete=delete)
