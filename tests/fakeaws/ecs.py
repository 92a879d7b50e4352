"""What ECS says of a service while CloudFormation waits for it: its events, and why its tasks stopped.

Sources: "DescribeServices", "Deployment", "ListTasks", "DescribeTasks", "DescribeTaskDefinition" (Amazon ECS API
Reference); "awslogs log driver" (Amazon ECS Developer Guide: a stream is prefix/container/task id). Services are those
of stacks. A service runs what its stack says, unless a test says that the circuit breaker went back to another task
definition: the newest deployment, PRIMARY, then has that one (public report aws/containers-roadmap#1205).

A task definition whose image is in `Settings.crashing` has three tasks that stopped, for every service that an event
gave it. The task of each definition that was replaced stopped, too, with exit code 0 and ECS's words for it. Both stay
after a rollback, for an hour: ECS lists the stopped tasks of all revisions, and for no longer ("DescribeTasks"). How
else tasks stop a test says in `Settings.task_ends`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fakeaws.account import Account, digest
from fakeaws.cloud import Cloud, StoppedTask
from fakeaws.model import Resource
from fakeaws.one_off import OneOffCalls
from fakeaws.rotation import Redeployments

FORGOTTEN = 3600.0
"""Seconds for which stopped tasks are listed."""
SERVICE, TASK_DEFINITION = "AWS::ECS::Service", "AWS::ECS::TaskDefinition"
Params = Mapping[str, Any]


class Ecs(OneOffCalls, Redeployments):
    """The calls, named as AWS names them (the protocol is JSON)."""

    def __init__(self, cloud: Cloud, account: str, region: str) -> None:
        self.cloud = cloud
        self.account = account
        self.region = region

    def DescribeClusters(self, p: Params) -> dict[str, Any]:  # noqa: N802 - the name on the wire
        """Clusters by name; one that was deleted a while ago is INACTIVE ("DeleteCluster")."""
        there = dict.fromkeys(self.cloud.settings.inactive_clusters, "INACTIVE")
        there |= dict.fromkeys(Account(self.cloud, self.account, self.region).names("AWS::ECS::Cluster"), "ACTIVE")
        missing = [{"arn": name, "reason": "MISSING"} for name in p["clusters"] if name not in there]
        rows = [{"clusterName": name, "status": there[name]} for name in p["clusters"] if name in there]
        return {"clusters": rows, "failures": missing}

    def DescribeServices(self, p: Params) -> dict[str, Any]:  # noqa: N802 - the name on the wire
        """Each service with its counts, its task definition and its events; one of another cluster is MISSING."""
        cluster = p.get("cluster", "default").rsplit("/", 1)[-1]
        inside = [r for r in self._services() if r.physical_id.split("/")[-2] == cluster]
        found = [r for name in p["services"] for r in inside if _names(r, name)]
        known = {name for name in p["services"] if any(_names(r, name) for r in inside)}
        missing = [{"arn": name, "reason": "MISSING"} for name in p["services"] if name not in known]
        return {"services": [self._row(r) for r in found], "failures": missing}

    def ListTasks(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The tasks of a service, or of all services of a cluster, that run or that stopped, in no order that says
        anything; or those of a family that run.
        """
        if "family" in p:
            return {"taskArns": self._of_family(p["family"])}
        cluster = p.get("cluster", "default").rsplit("/", 1)[-1]
        inside = [r for r in self._services() if r.physical_id.split("/")[-2] == cluster]
        meant = [r for r in inside if "serviceName" not in p or _names(r, p["serviceName"])]
        tasks = self._tasks if p.get("desiredStatus") == "STOPPED" else self._alive
        return {"taskArns": [task["taskArn"] for r in meant for task in tasks(r)]}

    def DescribeTasks(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Why tasks stopped, and what they ran."""
        found = {task["taskArn"]: task for r in self._services() for task in (*self._alive(r), *self._tasks(r))}
        found |= {arn: self._described(task) for arn in p["tasks"] if (task := self._known(arn))}
        missing = [{"arn": arn, "reason": "MISSING"} for arn in p["tasks"] if arn not in found]
        return {"tasks": [found[arn] for arn in p["tasks"] if arn in found], "failures": missing}

    def DescribeTaskDefinition(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """A task definition of a stack, deregistered ones too; those that a test only names have no containers."""
        if own := self._one_offs.definitions.get(p["taskDefinition"]):
            tags = {"tags": own.get("tags", [])} if "TAGS" in p.get("include", ()) else {}
            return {"taskDefinition": {key: value for key, value in own.items() if key != "tags"}, **tags}
        return {"taskDefinition": {"taskDefinitionArn": p["taskDefinition"], "containerDefinitions": [
            _camel(each) for each in self._definitions().get(p["taskDefinition"], {}).get("ContainerDefinitions", ())
        ]}}  # fmt: skip

    def _alive(self, service: Resource) -> list[dict[str, Any]]:
        """The tasks of a service that run, with the images of its task definition; all of them HEALTHY."""
        definition = self._row(service)["taskDefinition"]
        written = self._definitions().get(str(definition), {}).get("ContainerDefinitions", ())
        containers = [
            {"name": each["Name"], "image": each.get("Image", ""), "imageDigest": digest(str(each.get("Image", "")))}
            for each in written
        ]
        alive = [
            self._task(service, 1000 + number, str(definition), "", containers)
            for number in range(self._row(service)["runningCount"])
        ]
        ended = ("stoppedAt", "stoppedReason")
        healthy = {"lastStatus": "RUNNING", "healthStatus": "HEALTHY"}
        return [{key: each for key, each in {**task, **healthy}.items() if key not in ended} for task in alive]

    def _tasks(self, service: Resource) -> list[dict[str, Any]]:
        """The stopped tasks of a service: what the test said of it, and those of every definition it was given."""
        settings, tasks = self.cloud.settings, list[dict[str, Any]]()
        if service.logical_id in settings.stopped_tasks:
            containers = settings.stopped_containers.get(service.logical_id) or []
            stated = service.properties.get("TaskDefinition", "")
            tasks.append(self._task(service, 1, stated, settings.stopped_tasks[service.logical_id], containers))
        given = self._given(service)
        times = [*given.values()]
        for place, (definition, began) in enumerate(given.items()):
            for container in self._definitions().get(definition, {}).get("ContainerDefinitions", ()):
                image, number = container.get("Image", ""), 10 * place + 2
                crash = settings.crashing.get(image)
                ended = {"name": container["Name"], "exitCode": 0 if crash is None else crash[0]}
                ends = settings.task_ends.get(image, ())
                if crash is not None:
                    ends = (*ends, *[StoppedTask("Essential container in task exited", (ended,))] * 3)
                tasks += [
                    self._task(
                        service,
                        number + each,
                        definition,
                        end.reason,
                        [*end.containers],
                        began + end.after,
                        end.stop_code,
                    )
                    for each, end in enumerate(ends)
                ]
                if not ends and place < len(given) - 1:
                    reason = "Scaling activity initiated by (deployment ecs-svc/1)"
                    tasks.insert(0, self._task(service, number, definition, reason, [ended], times[place + 1]))
        now = self.cloud.clock.now().timestamp()
        return [each for each in tasks if now - each["stoppedAt"] < FORGOTTEN]

    def _given(self, service: Resource) -> dict[str, float]:
        """The task definitions that the events of a service name, oldest first, and since when it has each."""
        found = dict[str, float]()
        for stack in self.cloud.stacks.values():
            for event in stack.events:
                if event.physical_id == service.physical_id and event.properties:
                    definition = str(json.loads(event.properties).get("TaskDefinition", ""))
                    found.setdefault(definition, event.timestamp.timestamp())
        return {each: time for each, time in found.items() if each}

    def _since(self, service: Resource) -> float:
        """When a stack gave a service what it has now, in seconds since 1970."""
        events = (event for stack in self.cloud.stacks.values() for event in stack.events)
        own = [event.timestamp.timestamp() for event in events if event.physical_id == service.physical_id]
        return max(own, default=0.0)

    def UpdateService(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Begins a deployment with the same task definition, and answers with the service as it is then."""
        [service] = [each for each in self._services() if _names(each, p["service"])]
        self._redeploy(service.physical_id)
        return {"service": self._row(service)}

    def _definitions(self) -> dict[str, dict[str, Any]]:
        """All task definitions that stacks ever had, by ARN."""
        return {
            event.physical_id: json.loads(event.properties)
            for stack in self.cloud.stacks.values()
            for event in stack.events
            if event.type == TASK_DEFINITION and event.properties and event.reason == "Resource creation Initiated"
        }

    def _services(self) -> Iterator[Resource]:
        """The services of all stacks. Of several with one ARN the last is there: the others went with their stacks."""
        found = dict[str, Resource]()
        for stack in self.cloud.stacks.values():
            if (stack.account, stack.region) == (self.account, self.region):
                found |= {r.physical_id: r for r in stack.resources.values() if r.type == SERVICE and r.physical_id}
        yield from found.values()

    def _row(self, service: Resource) -> dict[str, Any]:
        events = self.cloud.settings.ecs_events.get(service.logical_id, [])
        history = self.cloud.settings.ecs_history.get(service.logical_id, [])
        now = self.cloud.clock.now().timestamp()
        stated = service.properties.get("TaskDefinition")
        running = self.cloud.settings.ecs_running.get(service.logical_id, stated)
        stated_count = service.properties.get("DesiredCount", 1)  # CloudFormation's default for a REPLICA service
        wanted = int(self.cloud.settings.desired_tasks.get(service.logical_id, stated_count))
        return {
            "serviceArn": service.physical_id,
            "serviceName": service.physical_id.rsplit("/", 1)[-1],
            "status": "ACTIVE",
            "taskDefinition": running,
            "clusterArn": f"arn:aws:ecs:{self.region}:{self.account}:cluster/{service.physical_id.split('/')[-2]}",
            "networkConfiguration": _network(service.properties.get("NetworkConfiguration") or {}),
            "desiredCount": wanted,
            "runningCount": self.cloud.settings.running_tasks.get(service.logical_id, wanted),
            "pendingCount": 0,
            "loadBalancers": [
                {"targetGroupArn": arn} for arn in self.cloud.settings.target_groups.get(service.logical_id, ())
            ],
            "deployments": self._deployments(service, running, self._since(service)),
            "events": [
                *({"id": str(n), "createdAt": now, "message": text} for n, text in enumerate(events)),
                *({"id": f"old{n}", "createdAt": now - 86400, "message": text} for n, text in enumerate(history)),
            ],
        }

    def _stop_code(self, service: Resource, reason: str) -> str:
        scaling = "ServiceSchedulerInitiated" if reason.startswith("Scaling activity") else "EssentialContainerExited"
        return self.cloud.settings.stop_codes.get(service.logical_id, scaling)

    def _task(
        self,
        service: Resource,
        number: int,
        definition: str,
        reason: str,
        containers: list[dict[str, Any]],
        stopped: float | None = None,
        stop_code: str = "",
    ) -> dict[str, Any]:
        name = service.physical_id.rsplit("/", 1)[-1]
        return {
            "taskArn": f"arn:aws:ecs:{self.region}:{self.account}:task/{name}/{number}",
            "taskDefinitionArn": definition,
            "group": f"service:{name}",
            "lastStatus": "STOPPED",
            "stopCode": stop_code or self._stop_code(service, reason),
            "stoppedAt": self.cloud.clock.now().timestamp() if stopped is None else stopped,
            "stoppedReason": reason,
            "containers": containers,
        }


def _network(written: Mapping[str, Any]) -> dict[str, Any]:
    """The network of a service as DescribeServices writes it; services without one have none."""
    own = written.get("AwsvpcConfiguration")
    if not own:
        return {}
    return {
        "awsvpcConfiguration": {
            "subnets": own.get("Subnets", []),
            "securityGroups": own.get("SecurityGroups", []),
            "assignPublicIp": own.get("AssignPublicIp", "DISABLED"),
        }
    }


def _names(service: Resource, name: str) -> bool:
    return name in (service.physical_id, service.physical_id.rsplit("/", 1)[-1])


def _camel(container: Mapping[str, Any]) -> dict[str, Any]:
    """A container as DescribeTaskDefinition writes it, from how a template does."""
    found: dict[str, Any] = {"name": container["Name"], "image": container.get("Image", "")}
    if ports := container.get("PortMappings"):
        found["portMappings"] = [{"containerPort": int(each["ContainerPort"])} for each in ports]
    if check := container.get("HealthCheck"):
        found["healthCheck"] = {"command": check["Command"]}
    if logs := container.get("LogConfiguration"):
        found["logConfiguration"] = {"logDriver": logs["LogDriver"], "options": logs.get("Options", {})}
    return found
