"""What ECS says of a service while CloudFormation waits for it: its events, and why its tasks stopped.

Sources: "DescribeServices", "Deployment", "ListTasks", "DescribeTasks" (Amazon ECS API Reference). Services are those
of stacks. A service runs what its stack says, unless a test says that the circuit breaker went back to another task
definition: the newest deployment, PRIMARY, then has that one (public report aws/containers-roadmap#1205).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fakeaws.cloud import Cloud
from fakeaws.model import Resource

SERVICE = "AWS::ECS::Service"
Params = Mapping[str, Any]


class Ecs:
    """The calls, named as AWS names them (the protocol is JSON)."""

    def __init__(self, cloud: Cloud, account: str, region: str) -> None:
        self.cloud = cloud
        self.account = account
        self.region = region

    def DescribeServices(self, p: Params) -> dict[str, Any]:  # noqa: N802 - the name on the wire
        """Each service with its counts, its task definition and its events."""
        found = [r for name in p["services"] for r in self._services() if _names(r, name)]
        return {"services": [self._row(r) for r in found], "failures": []}

    def ListTasks(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The stopped task of a service, when the test said why it stopped."""
        wanted = p.get("serviceName", "")
        stopped = [
            r for r in self._services() if _names(r, wanted) and r.logical_id in self.cloud.settings.stopped_tasks
        ]
        return {"taskArns": [self._task(r) for r in stopped] if p.get("desiredStatus") == "STOPPED" else []}

    def DescribeTasks(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Why tasks stopped."""
        reasons = {self._task(r): self.cloud.settings.stopped_tasks.get(r.logical_id) for r in self._services()}
        containers = {self._task(r): self.cloud.settings.stopped_containers.get(r.logical_id) for r in self._services()}
        stopped = {"lastStatus": "STOPPED", "stoppedAt": self.cloud.clock.now().timestamp()}
        tasks = [
            {**stopped, "taskArn": arn, "stoppedReason": reasons.get(arn), "containers": containers.get(arn) or []}
            for arn in p["tasks"]
        ]
        return {"tasks": tasks, "failures": []}

    def _services(self) -> Iterator[Resource]:
        for stack in self.cloud.stacks.values():
            if (stack.account, stack.region) == (self.account, self.region):
                yield from (r for r in stack.resources.values() if r.type == SERVICE and r.physical_id)

    def _row(self, service: Resource) -> dict[str, Any]:
        events = self.cloud.settings.ecs_events.get(service.logical_id, [])
        history = self.cloud.settings.ecs_history.get(service.logical_id, [])
        now = self.cloud.clock.now().timestamp()
        stated = service.properties.get("TaskDefinition")
        running = self.cloud.settings.ecs_running.get(service.logical_id, stated)
        return {
            "serviceArn": service.physical_id,
            "serviceName": service.physical_id.rsplit("/", 1)[-1],
            "status": "ACTIVE",
            "taskDefinition": running,
            "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": running}],
            "events": [
                *({"id": str(n), "createdAt": now, "message": text} for n, text in enumerate(events)),
                *({"id": f"old{n}", "createdAt": now - 86400, "message": text} for n, text in enumerate(history)),
            ],
        }

    def _task(self, service: Resource) -> str:
        name = service.physical_id.rsplit("/", 1)[-1]
        return f"arn:aws:ecs:{self.region}:{self.account}:task/{name}/1"


def _names(service: Resource, name: str) -> bool:
    return name in (service.physical_id, service.physical_id.rsplit("/", 1)[-1])
