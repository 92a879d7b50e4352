"""Tasks that RunTask started, and the task definitions registered for them.

Sources: "RegisterTaskDefinition", "DeregisterTaskDefinition", "ListTaskDefinitions", "RunTask", "StopTask",
"ListTasks", "DescribeTasks" (Amazon ECS API Reference), "Amazon ECS task lifecycle", "awslogs log driver" (Amazon ECS
Developer Guide), read 2026-11-29. What a task does a test says in `Settings.one_off`. Times are virtual.

A task is PROVISIONING, then RUNNING, then STOPPED. A deregistered task definition starts no new task ("TaskDefinition
is inactive"), and those it started go on. RunTask with a token that it has seen gives the same task. What it cannot
place is in `failures`, with status 200. ECS forgets a stopped task after about an hour.

With `enableExecuteCommand` a task has a managed agent, PENDING until it runs ("Monitor containers with ECS Exec",
"Task", "ManagedAgent", "ExecuteCommand", the same, read 2026-11-29). ExecuteCommand needs it, and takes interactive
commands alone. The agent writes into the container: it does not run on a read-only root.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fakeaws.cloud import Cloud
from fakeaws.protocol import ApiError

Params = Mapping[str, Any]
STREAM = "wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/ecs-execute-command-1?role=publish_subscribe"
TOKEN = "AAEAAsession-token-of-the-fake"
PROVISIONING, STOPPING, REMEMBERED = 2.0, 5.0, 3600.0


@dataclass
class Task:
    """A task: what it was started with, and when; `asked` is when it was asked to stop, and why."""

    arn: str
    definition: dict[str, Any]
    request: Params
    started: float
    asked: float | None = None
    why: str = ""
    forgotten: bool = False


@dataclass
class OneOffs:
    """What is registered and what was started, of one account and region."""

    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)


class OneOffCalls:
    """The calls, named as AWS names them."""

    cloud: Cloud
    account: str
    region: str

    @property
    def _one_offs(self) -> OneOffs:
        found: OneOffs = self.cloud.one_offs.setdefault((self.account, self.region), OneOffs())
        return found

    def RegisterTaskDefinition(self, p: Params) -> dict[str, Any]:  # noqa: N802 # the name on the wire
        """The next revision of a family."""
        if {"portMappings", "healthCheck"} & set(p["containerDefinitions"][0]):
            raise ApiError("ClientException", "the fake wants one-off tasks without ports and health checks")
        family = p["family"]
        number = 1 + sum(each["family"] == family for each in self._one_offs.definitions.values())
        arn = f"arn:aws:ecs:{self.region}:{self.account}:task-definition/{family}:{number}"
        now = self.cloud.clock.now().timestamp()
        row = {**p, "taskDefinitionArn": arn, "revision": number, "status": "ACTIVE", "registeredAt": now}
        self._one_offs.definitions[arn] = row
        return {"taskDefinition": _without_tags(row), "tags": p.get("tags", [])}

    def DeregisterTaskDefinition(self, p: Params) -> dict[str, Any]:  # noqa: N802 # the name on the wire
        """It is INACTIVE and still described."""
        row = self._one_offs.definitions.get(p["taskDefinition"])
        if row is None:
            raise ApiError("ClientException", "Unable to describe task definition.")
        row["status"] = "INACTIVE"
        return {"taskDefinition": _without_tags(row)}

    def ListTaskDefinitions(self, p: Params) -> dict[str, Any]:  # noqa: N802 # the name on the wire
        """Those of one family, by their state."""
        rows = self._one_offs.definitions.values()
        wanted = (p.get("familyPrefix"), p.get("status", "ACTIVE"))
        return {"taskDefinitionArns": [e["taskDefinitionArn"] for e in rows if (e["family"], e["status"]) == wanted]}

    def RunTask(self, p: Params) -> dict[str, Any]:  # noqa: N802 # the name on the wire
        """One task more, or the one that was started with the same token."""
        definition = self._one_offs.definitions.get(p["taskDefinition"])
        if definition is None or definition["status"] != "ACTIVE":
            raise ApiError("ClientException", "TaskDefinition is inactive")
        token = p["clientToken"]
        if token not in self._one_offs.tokens:
            if self.cloud.settings.one_off.failures:
                return {"tasks": [], "failures": [{"reason": self.cloud.settings.one_off.failures.pop(0)}]}
            cluster = p["cluster"].rsplit("/", 1)[-1]
            arn = f"arn:aws:ecs:{self.region}:{self.account}:task/{cluster}/{len(self._one_offs.tasks) + 1:032x}"
            self._one_offs.tasks[arn] = Task(arn, definition, p, self.cloud.clock.monotonic())
            self._one_offs.tokens[token] = arn
        return {"tasks": [self._described(self._one_offs.tasks[self._one_offs.tokens[token]])], "failures": []}

    def StopTask(self, p: Params) -> dict[str, Any]:  # noqa: N802 # the name on the wire
        """Asks it to end, which takes a moment."""
        task = self._one_offs.tasks.get(p["task"])
        if task is None:
            raise ApiError("InvalidParameterException", "The referenced task was not found.")
        if task.asked is None:
            task.asked, task.why = self.cloud.clock.monotonic(), p.get("reason", "Task stopped by user")
        return {"task": self._described(task)}

    def ExecuteCommand(self, p: Params) -> dict[str, Any]:  # noqa: N802 # the name on the wire
        """A session, where the agent runs."""
        task = self._one_offs.tasks.get(p["task"])
        if not p["interactive"]:
            raise ApiError("InvalidParameterException", "Interactive is the only mode supported currently.")
        if task is None or self._agent(task) != "RUNNING":
            why = "execute command was not enabled when the task was run or the execute command agent isn't running"
            raise ApiError("InvalidParameterException", f"The execute command failed because {why}.")
        session = {"sessionId": "ecs-execute-command-1", "streamUrl": STREAM, "tokenValue": TOKEN}
        return {"clusterArn": p["cluster"], "taskArn": task.arn, "interactive": True, "session": session}

    def _agent(self, task: Task) -> str:
        """The status of the agent of ECS Exec; empty for a task without."""
        if not task.request.get("enableExecuteCommand"):
            return ""
        after, now = self.cloud.settings.one_off.agent_seconds, self.cloud.clock.monotonic()
        if self._state(task) == "STOPPED":
            return "STOPPED"
        works = not task.definition["containerDefinitions"][0].get("readonlyRootFilesystem")
        return "RUNNING" if works and after is not None and now >= task.started + PROVISIONING + after else "PENDING"

    def _of_family(self, family: str) -> list[str]:
        """The tasks of a family whose desired status is RUNNING."""
        rows = (each for each in self._one_offs.tasks.values() if each.definition["family"] == family)
        return [each.arn for each in rows if each.asked is None and self._state(each) != "STOPPED"]

    def _ends(self, task: Task) -> float:
        script = self.cloud.settings.one_off
        own = task.started + PROVISIONING + script.seconds
        return min(own, task.asked + STOPPING) if task.asked is not None else own

    def _state(self, task: Task) -> str:
        now = self.cloud.clock.monotonic()
        if now >= self._ends(task):
            return "STOPPED"
        return "PROVISIONING" if now < task.started + PROVISIONING else "RUNNING"

    def _known(self, arn: str) -> Task | None:
        task = self._one_offs.tasks.get(arn)
        old = task is not None and self.cloud.clock.monotonic() > self._ends(task) + REMEMBERED
        return None if old else task

    def _described(self, task: Task) -> dict[str, Any]:
        script, state = self.cloud.settings.one_off, self._state(task)
        container: dict[str, Any] = {"name": task.definition["containerDefinitions"][0]["name"], "lastStatus": state}
        row: dict[str, Any] = {
            "taskArn": task.arn,
            "taskDefinitionArn": task.definition["taskDefinitionArn"],
            "lastStatus": state,
            "desiredStatus": "RUNNING" if task.asked is None and state != "STOPPED" else "STOPPED",
            "startedBy": task.request.get("startedBy", ""),
            "createdAt": task.started,
            "containers": [container],
        }
        if agent := self._agent(task):
            container |= {"runtimeId": f"{task.arn[-32:]}-1", "managedAgents": [
                {"name": "ExecuteCommandAgent", "lastStatus": agent}
            ]}  # fmt: skip
        if state == "STOPPED":
            stopped = task.asked is not None and self._ends(task) != task.started + PROVISIONING + script.seconds
            row["stopCode"] = "UserInitiated" if stopped else script.stop_code
            row["stoppedReason"] = task.why if stopped else script.reason
            if stopped or script.exit_code is not None:
                container["exitCode"] = 143 if stopped else script.exit_code
        return row


def stream_lines(cloud: Cloud, account: str, region: str, group: str, stream: str) -> list[str] | None:
    """What a one-off task has written by now; None before it runs, and for a stream that is none of a task's."""
    found = cloud.one_offs.get((account, region))
    for task in found.tasks.values() if found else ():
        container = task.definition["containerDefinitions"][0]
        options = (container.get("logConfiguration") or {}).get("options", {})
        own = f"{options.get('awslogs-stream-prefix')}/{container['name']}/{task.arn.rsplit('/', 1)[-1]}"
        if (options.get("awslogs-group"), own) == (group, stream):
            script, ran = cloud.settings.one_off, cloud.clock.monotonic() - task.started - PROVISIONING
            if ran < 0 or script.exit_code is None:
                return None
            share = 1.0 if ran >= script.seconds else ran / script.seconds
            return script.lines[: max(1, round(share * len(script.lines)))]
    return None


def _without_tags(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "tags"}
